//! A `curl` command line, pasted as it is: what curl would send.
//!
//! Options that change what is sent are followed, those that change how it is sent or shown are
//! passed over, and everything else is refused by its name: a request that was guessed would be
//! explained wrongly. Nothing here quotes a value, because it may be somebody's secret.

mod options;
mod url;
mod words;

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::options::{Data, Given, Option_};
use self::url::Url;
use self::words::Word;

/// What curl would send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// The method.
    pub(super) method: String,
    /// Whether the connection is encrypted.
    pub(super) tls: bool,
    /// The host, with its port.
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
    /// The headers that the command line gives, with lower-case names.
    pub(super) headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub(super) body: Option<Vec<u8>>,
    /// Variables of the shell that stand in headers and nowhere else.
    pub(super) variables: Vec<String>,
    /// What this left out.
    pub(super) notes: Vec<String>,
}

/// Reads a command line.
pub(super) fn read(text: &str) -> Result<Sent, String> {
    let line = words::split(text).map_err(|error| format!("the curl command line: {error}"))?;
    let mut words = line.words.into_iter().peekable();
    // A copied prompt, and where the program lies, say nothing.
    words.next_if(|word| matches!(word.text.as_str(), "$" | "#" | "%"));
    let program = words.next().map(|word| word.text).unwrap_or_default();
    if program.rsplit('/').next() != Some("curl") {
        return Err("--curl is for a command line that begins with `curl`".to_owned());
    }
    let mut given = options::read(words)?;
    let mut notes = Vec::new();
    if let Some(end) = line.ended_by.filter(|end| !matches!(end, '#' | '\n')) {
        notes.push(format!("what stands behind `{end}` in the command line was left out"));
    } else if line.ended_by == Some('\n') {
        notes.push("only the first command was read".to_owned());
    }
    let variables = variables(&given)?;
    let mut url = address(&mut given)?;
    let body = body(&mut given, &mut url)?;
    let method = match given.method.take() {
        Some(method) => method.text,
        None if given.has(Option_::Head) => "HEAD".to_owned(),
        None if given.upload.is_some() => "PUT".to_owned(),
        None if body.is_some() => "POST".to_owned(),
        None => "GET".to_owned(),
    };
    let headers = headers(&given, &url, body.is_some())?;
    let (tls, host, target) = (url.tls, url.host.clone(), url.target());
    Ok(Sent { method, tls, host, target, headers, body, variables, notes })
}

/// The variables in headers; anywhere else the request would not be the one that is sent.
fn variables(given: &Given) -> Result<Vec<String>, String> {
    let elsewhere = given.urls.iter().chain(&given.method).chain(&given.queries);
    let data = given.data.iter().map(|(_, word)| word).chain(&given.upload);
    if let Some(variable) = elsewhere.chain(data).flat_map(|word| &word.variables).next() {
        let words = "only your shell knows what it stands for; write that in its place";
        return Err(format!("the curl command line has `{variable}` in it, and {words}"));
    }
    let credentials = given.headers.iter().chain(&given.user).chain(&given.bearer);
    Ok(credentials.flat_map(|word| word.variables.clone()).collect())
}

/// Where it is sent.
fn address(given: &mut Given) -> Result<Url, String> {
    let mut urls = std::mem::take(&mut given.urls).into_iter();
    let (url, None) = (urls.next().ok_or("the curl command line has no URL")?, urls.next()) else {
        return Err("the curl command line has several URLs; give one request".to_owned());
    };
    let mut url = Url::parse(&url.text, !given.has(Option_::NoGlobs), given.has(Option_::AsIs))?;
    for query in &given.queries {
        url.add_query(&encoded(&query.text)?);
    }
    Ok(url)
}

/// The body, or with `-G` the query.
fn body(given: &mut Given, url: &mut Url) -> Result<Option<Vec<u8>>, String> {
    if let Some(file) = &given.upload {
        return match file.text.as_str() {
            "-" | "." => Ok(Some(file_or_input("-")?)),
            path => Ok(Some(file_or_input(path)?)),
        };
    }
    let mut all: Option<Vec<u8>> = None;
    for (kind, word) in &given.data {
        let bytes = piece(*kind, &word.text)?;
        match &mut all {
            None => all = Some(bytes),
            Some(before) => {
                if *kind != Data::Json {
                    before.push(b'&');
                }
                before.extend(bytes);
            }
        }
    }
    if !given.has(Option_::Get) {
        return Ok(all);
    }
    if let Some(query) = all {
        let query = String::from_utf8(query).map_err(|_| "the data for the query is no text")?;
        url.add_query(&query);
    }
    Ok(None)
}

/// The bytes of one piece of data.
fn piece(kind: Data, text: &str) -> Result<Vec<u8>, String> {
    match kind {
        Data::Raw => Ok(text.as_bytes().to_vec()),
        Data::Encoded => Ok(encoded(text)?.into_bytes()),
        Data::Plain | Data::Binary | Data::Json => match text.strip_prefix('@') {
            None => Ok(text.as_bytes().to_vec()),
            Some(path) => {
                let mut bytes = file_or_input(path)?;
                if kind == Data::Plain {
                    bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
                }
                Ok(bytes)
            }
        },
    }
}

/// What `--data-urlencode` and `--url-query` make of their argument.
fn encoded(text: &str) -> Result<String, String> {
    if let Some(raw) = text.strip_prefix('+') {
        return Ok(raw.to_owned());
    }
    let at = text.find(['=', '@']);
    let (name, content) = match at.and_then(|at| text.split_at_checked(at)) {
        None => ("", text.as_bytes().to_vec()),
        Some((name, rest)) => match rest.strip_prefix('@') {
            Some(path) => (name, file_or_input(path)?),
            None => (name, rest.as_bytes().get(1..).unwrap_or_default().to_vec()),
        },
    };
    let mut made = String::new();
    if !name.is_empty() {
        made.push_str(name);
        made.push('=');
    }
    for byte in content {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                made.push(char::from(byte));
            }
            other => made.extend(['%', digit(other >> 4), digit(other & 15)]),
        }
    }
    Ok(made)
}

/// A hexadecimal digit.
fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase()
}

/// A file's bytes; `-` is standard input.
fn file_or_input(path: &str) -> Result<Vec<u8>, String> {
    if path == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        return read.map(|_| bytes).map_err(|error| format!("cannot read standard input: {error}"));
    }
    std::fs::read(path).map_err(|error| format!("{path}: {error}"))
}

/// The headers: those that are given, and those that options stand for.
fn headers(given: &Given, url: &Url, has_body: bool) -> Result<Vec<(String, String)>, String> {
    let mut made: Vec<(String, String)> = Vec::new();
    let mut removed = Vec::new();
    for Word { text, .. } in &given.headers {
        if text.starts_with('@') {
            return Err("headers from a file (`-H @file`) are not read; write them out".to_owned());
        }
        if let Some((name, value)) = text.split_once(':') {
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            if value.is_empty() { removed.push(name) } else { made.push((name, value.to_owned())) }
        } else if let Some(name) = text.strip_suffix(';') {
            made.push((name.trim().to_ascii_lowercase(), String::new()));
        } else {
            return Err("a header in the curl command line has no colon".to_owned());
        }
    }
    let has = |made: &[(String, String)], name: &str| made.iter().any(|(one, _)| one == name);
    let user = given.user.as_ref().map(|word| word.text.clone()).or_else(|| url.user.clone());
    let mut implied = Vec::new();
    if let Some(token) = &given.bearer {
        implied.push(("authorization", format!("Bearer {}", token.text)));
    } else if let Some(user) = user {
        if !user.contains(':') {
            return Err("`-u` without a password: curl would ask for it; use --key".to_owned());
        }
        implied.push(("authorization", format!("Basic {}", STANDARD.encode(user))));
    }
    if given.data.iter().any(|(kind, _)| *kind == Data::Json) {
        implied.push(("content-type", "application/json".to_owned()));
        implied.push(("accept", "application/json".to_owned()));
    } else if has_body && given.upload.is_none() {
        implied.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
    }
    for (option, name) in [
        (Option_::UserAgent, "user-agent"),
        (Option_::Referer, "referer"),
        (Option_::Cookie, "cookie"),
    ] {
        let values = given.simple.iter().filter(|(one, _)| *one == option);
        implied.extend(values.map(|(_, word)| (name, word.text.clone())));
    }
    for (name, value) in implied {
        if !has(&made, name) && !removed.iter().any(|one| one == name) {
            made.push((name.to_owned(), value));
        }
    }
    made.retain(|(name, _)| name != "host");
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Method, target, headers as lines, and body.
    fn sent(text: &str) -> (String, String, Vec<String>, Option<String>) {
        let sent = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let headers = sent.headers.into_iter().map(|(name, value)| format!("{name}: {value}"));
        let body = sent.body.map(|body| String::from_utf8(body).unwrap());
        (sent.method, sent.target, headers.collect(), body)
    }

    #[test]
    fn what_curl_would_send() {
        let form = "content-type: application/x-www-form-urlencoded".to_owned();
        for (text, expected) in [
            ("curl https://h/a?b=c#d", ("GET", "/a?b=c", vec![], None)),
            ("$ /usr/bin/curl -sSk -v h", ("GET", "/", vec![], None)),
            (
                "curl -XPATCH -H 'X-API-Key: k' https://h/a \\\n -d '{\"b\": 1}'",
                ("PATCH", "/a", vec!["x-api-key: k".to_owned(), form.clone()], Some("{\"b\": 1}")),
            ),
            ("curl -d a=1 -da=2 h/x", ("POST", "/x", vec![form.clone()], Some("a=1&a=2"))),
            (
                "curl -Gd a=1 --data-urlencode 'b=x y' h/x?z",
                ("GET", "/x?z&a=1&b=x%20y", vec![], None),
            ),
            ("curl -I h/x", ("HEAD", "/x", vec![], None)),
            (
                "curl --json '{}' --url h/x",
                (
                    "POST",
                    "/x",
                    vec![
                        "content-type: application/json".into(),
                        "accept: application/json".into(),
                    ],
                    Some("{}"),
                ),
            ),
            (
                "curl -u me:secret h",
                ("GET", "/", vec!["authorization: Basic bWU6c2VjcmV0".to_owned()], None),
            ),
            (
                "curl --oauth2-bearer t -H 'Content-Type: a/b' -d@/dev/null h",
                (
                    "POST",
                    "/",
                    vec!["content-type: a/b".into(), "authorization: Bearer t".into()],
                    Some(""),
                ),
            ),
            ("curl --data-raw @x h/a/./b/../c", ("POST", "/a/c", vec![form], Some("@x"))),
            ("curl -H 'Accept:' -H 'X;' h", ("GET", "/", vec!["x: ".to_owned()], None)),
            ("curl -o /dev/null --retry 3 -m 5 h/x | jq .", ("GET", "/x", vec![], None)),
        ] {
            let (method, target, headers, body) = expected;
            let body = body.map(str::to_owned);
            assert_eq!(sent(text), (method.to_owned(), target.to_owned(), headers, body), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name_and_without_values() {
        for (text, words) in [
            ("wget h", "begins with `curl`"),
            ("curl", "no URL"),
            ("curl a b", "several URLs"),
            ("curl --frobnicate secret h", "`--frobnicate`"),
            ("curl -sF a=secret h", "`-F`"),
            ("curl h -H", "`-H` without its argument"),
            ("curl h --next", "`--next`"),
            ("curl -n h", "`-n`"),
            ("curl h/$ZONE", "`$ZONE`"),
            ("curl h/{a,b}", "-g"),
            ("curl ftp://h/x", "ftp"),
            ("curl -u me h", "without a password"),
            ("curl -H secret h", "no colon"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_variable_in_a_header_is_kept_for_whoever_knows_the_key() {
        let sent = read("curl -H \"X-API-Key: $KEY\" h").unwrap();
        assert_eq!(sent.variables, ["$KEY"]);
        assert_eq!(sent.headers, [("x-api-key".to_owned(), "$KEY".to_owned())]);
    }
}
