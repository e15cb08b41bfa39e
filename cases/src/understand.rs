//! From a row as it is written to a case with a meaning, or everything that is wrong with it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::bytes::{body, unescape};
use crate::case::{
    Answer, Answers, Case, Credential, EnvoyAnswers, Expected, Failure, Forwards, Header,
    LookupAnswer,
};
use crate::problem::Problem;
use crate::reason::{REASONS, is_made_by_policies, status_of};
use crate::shape::{self, Defaults, Row};

/// The runners that a row may skip.
const RUNNERS: [&str; 4] = ["engine", "wasm", "component", "envoy"];
/// The header that says what a body is.
const CONTENT_TYPE: &[u8] = b"content-type";
/// Operations that the audit log writes out, so that every runner can compare them.
const MEANS_MAX: usize = 16;
/// The header that carries the key where nobody says otherwise.
const KEY_HEADER: &str = "x-api-key";

/// Collects what is wrong with one row.
struct Reading<'a> {
    /// The file.
    file: &'a str,
    /// The row's line.
    line: usize,
    /// The row's name.
    name: String,
    /// What was found.
    problems: Vec<Problem>,
}

impl Reading<'_> {
    /// Notes a problem.
    fn wrong(&mut self, message: impl AsRef<str>, help: impl Into<String>) {
        let message = format!("in `{}`: {}", self.name, message.as_ref());
        self.problems.push(Problem::new(self.file, message).at(self.line).help(help));
    }

    /// A value, or its problem and nothing.
    fn take<T>(&mut self, value: Result<T, String>, help: &str) -> Option<T> {
        value.map_err(|message| self.wrong(message, help)).ok()
    }

    /// A value that a row or its file must give.
    fn given(&mut self, value: Option<String>, field: &str, example: &str) -> Option<String> {
        if value.is_none() {
            let help =
                format!("write `{field} = \"{example}\"` in the row or at the top of the file");
            self.wrong(format!("`{field}` is missing"), help);
        }
        value
    }
}

/// Gives a row its meaning.
pub(crate) fn understand(
    file: &str,
    line: usize,
    row: Row,
    defaults: &Defaults,
    keys: &BTreeMap<String, String>,
) -> Result<Case, Vec<Problem>> {
    let mut at = Reading { file, line, name: row.name.clone(), problems: Vec::new() };
    if row.name.trim().is_empty() {
        at.wrong("the name is empty", "say in a sentence what the row shows");
    }
    let circumstances = circumstances(&mut at, &row, defaults);
    let credential = credential(&mut at, &row, defaults, keys);
    let sent = send(&mut at, &row.send);
    let expected = expected(&mut at, &row);
    let request_body = request_body(&mut at, &row);
    let shown = credential.map(|shown| show(&mut at, &row, shown, request_body));
    let (status, answers) = answers(&mut at, &row);
    if row.means.as_ref().is_some_and(|means| means.len() > MEANS_MAX) {
        at.wrong(
            format!("`means` has more than {MEANS_MAX} operations"),
            "show it on a smaller request",
        );
    }
    let lookups = row.lookup.into_iter().filter_map(|lookup| lookup_answer(&mut at, lookup));
    let lookups = lookups.collect();
    let upstream = row.upstream.and_then(|upstream| {
        let shape::Upstream { status, headers, body, body_hex, body_repeat } = upstream;
        answer(&mut at, status, &headers, (body, body_hex, body_repeat))
    });
    skips(&mut at, &row.skip);
    let (Some(around), Some(shown), Some((method, target)), Some(expected)) =
        (circumstances, shown, sent, expected)
    else {
        return Err(at.problems);
    };
    if !at.problems.is_empty() {
        return Err(at.problems);
    }
    Ok(Case {
        file: file.to_owned(),
        line,
        name: row.name,
        provider: around.provider,
        account: around.account,
        now: around.now,
        now_unix_ms: around.now_unix_ms,
        from: around.from,
        tls: row.tls.or(defaults.tls).unwrap_or(false),
        key: row.key,
        credential: shown.credential,
        method,
        target,
        headers: shown.beside.into_iter().chain(headers(&row.headers)).collect(),
        body: shown.body,
        means: row.means,
        expected,
        status,
        lookups,
        upstream,
        forwards: row.forwards.map(forwards),
        answers,
        raw: row.raw,
        by_the_gate: row.gate,
        envoy: row.envoy.map(|envoy| EnvoyAnswers { status: envoy.status, why: envoy.why }),
        skip: row.skip,
        attacks: row.attack,
    })
}

/// Who is asked, when and from where.
struct Circumstances {
    /// The provider.
    provider: String,
    /// The account.
    account: String,
    /// The time as written.
    now: String,
    /// The time in milliseconds since the Unix epoch.
    now_unix_ms: i64,
    /// The client's address.
    from: IpAddr,
}

/// What a row or else its file says about the circumstances; all of it must be said.
fn circumstances(at: &mut Reading<'_>, row: &Row, file: &Defaults) -> Option<Circumstances> {
    let either = |row: &Option<String>, file: &Option<String>| row.clone().or_else(|| file.clone());
    let provider = at.given(either(&row.provider, &file.provider), "provider", "powerdns");
    let account = at.given(either(&row.account, &file.account), "account", "main");
    let now = at.given(either(&row.now, &file.now), "now", "2026-06-03T10:00:00Z");
    let from = at.given(either(&row.from, &file.from), "from", "198.51.100.7");
    let from = from.and_then(|text| address(at, &text));
    let now_unix_ms = now.as_deref().and_then(|text| time(at, text));
    let (provider, account, now) = (provider?, account?, now?);
    Some(Circumstances { provider, account, now, now_unix_ms: now_unix_ms?, from: from? })
}

/// Every skip names a runner and a reason.
fn skips(at: &mut Reading<'_>, skip: &BTreeMap<String, String>) {
    for (runner, why) in skip {
        if !RUNNERS.contains(&runner.as_str()) {
            let help = format!("one of {}", RUNNERS.join(", "));
            at.wrong(format!("`{runner}` is not a runner"), help);
        } else if why.trim().is_empty() {
            at.wrong(
                format!("`skip.{runner}` gives no reason"),
                "say why this runner cannot do it",
            );
        }
    }
}

/// The client's address.
fn address(at: &mut Reading<'_>, text: &str) -> Option<IpAddr> {
    let address = text.parse().map_err(|_| format!("`{text}` is not an IP address"));
    at.take(address, "write it without a port or a prefix length")
}

/// The time in milliseconds since the Unix epoch.
fn time(at: &mut Reading<'_>, text: &str) -> Option<i64> {
    let time = text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond);
    at.take(
        time.map_err(|error| format!("`{text}` is not a time: {error}")),
        "write it with its offset, such as `2026-06-03T10:00:00Z`",
    )
}

/// The credentials of a row: the one it is about, and a second one.
fn credential(
    at: &mut Reading<'_>,
    row: &Row,
    defaults: &Defaults,
    keys: &BTreeMap<String, String>,
) -> Option<(Credential, Option<Credential>)> {
    if row.key == "none" {
        if row.basic {
            at.wrong("`basic` without a key", "name a key, or write the header in `headers`");
        }
        if row.also.is_some() {
            at.wrong("`also` without a key", "name the first key in `key`");
        }
        return Some((Credential::None, None));
    }
    let place = |key: String| {
        if row.basic {
            return Credential::Basic { key };
        }
        if let Some(field) = row.key_body.clone() {
            return Credential::Body { field, key };
        }
        let name = row.key_header.clone().or_else(|| defaults.key_header.clone());
        let prefix = row.key_prefix.clone().or_else(|| defaults.key_prefix.clone());
        let name = name.unwrap_or_else(|| KEY_HEADER.to_owned());
        Credential::Header { name, prefix: prefix.unwrap_or_default(), key }
    };
    let mut find = |alias: &String| {
        let found = keys.get(alias).cloned();
        if found.is_none() {
            let known: Vec<&str> = keys.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            at.wrong(
                format!("there is no key `{alias}` in demo-keys.toml"),
                format!("keys there: {known}; `none` sends no key"),
            );
        }
        found
    };
    let (key, also) = (find(&row.key), row.also.as_ref().map(&mut find));
    match also {
        None => Some((place(key?), None)),
        Some(also) => Some((place(key?), Some(place(also?)))),
    }
}

/// The body of the request as the row writes it.
fn request_body(at: &mut Reading<'_>, row: &Row) -> Option<Vec<u8>> {
    let written = body(row.body.clone(), row.body_hex.as_deref(), row.body_repeat.as_ref());
    let written = match (written, &row.body_bytes) {
        (Ok(None), Some(text)) => Ok(Some(unescape(text))),
        (Ok(Some(_)), Some(_)) => Err("a body is written once".to_owned()),
        (written, _) => written,
    };
    at.take(written, "delete all but one of them").flatten()
}

/// A credential with everything that shows it.
struct Shown {
    /// The credential.
    credential: Credential,
    /// Headers beside it.
    beside: Vec<Header>,
    /// The body, with the credential where it stands there.
    body: Option<Vec<u8>>,
}

/// Puts credentials where they belong, with what accompanies them.
fn show(
    at: &mut Reading<'_>,
    row: &Row,
    (credential, also): (Credential, Option<Credential>),
    body: Option<Vec<u8>>,
) -> Shown {
    let mut fields = Vec::new();
    for one in [Some(&credential), also.as_ref()].into_iter().flatten() {
        if let Credential::Body { field, key } = one {
            fields.push([field.clone(), key.clone()]);
        }
    }
    let mut beside: Vec<Header> = also.iter().filter_map(Credential::header).collect();
    if credential == Credential::None {
        return Shown { credential, beside, body };
    }
    if fields.is_empty() {
        beside.extend(headers(&row.key_beside));
        return Shown { credential, beside, body };
    }
    fields.extend(row.key_beside.iter().cloned());
    let body = with_fields(&fields, &body.unwrap_or_else(|| b"{}".to_vec()));
    let body = at.take(body, "a key in the body needs a JSON object there");
    Shown { credential, beside, body }
}

/// A JSON object with these fields before its own.
fn with_fields(fields: &[[String; 2]], body: &[u8]) -> Result<Vec<u8>, String> {
    let rest = body.strip_prefix(b"{").ok_or("the body does not begin with `{`")?;
    let mut all = b"{".to_vec();
    for [name, value] in fields {
        let text = |text: &String| serde_json::Value::from(text.as_str()).to_string();
        all.extend(format!("{}:{},", text(name), text(value)).into_bytes());
    }
    if rest.trim_ascii_start().starts_with(b"}") {
        all.pop();
    }
    all.extend_from_slice(rest);
    Ok(all)
}

/// Method and target.
fn send(at: &mut Reading<'_>, text: &str) -> Option<(String, Vec<u8>)> {
    match text.split_once(' ') {
        Some((method, target)) if !method.is_empty() && !target.is_empty() => {
            Some((method.to_owned(), unescape(target)))
        }
        _ => {
            at.wrong(
                format!("`send = \"{text}\"` is not a method and a path"),
                "write `GET /path`",
            );
            None
        }
    }
}

/// What is decided.
fn expected(at: &mut Reading<'_>, row: &Row) -> Option<Expected> {
    let sorted = |at: &mut Reading<'_>, ids: &[String]| {
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != ids.len() {
            at.wrong("a policy id is named twice", "name each once");
        }
        sorted
    };
    match (&row.allow, &row.deny) {
        (Some(ids), None) => {
            if row.by.is_some() {
                at.wrong("`by` belongs to `deny`", "put the ids into `allow`");
            }
            let gate_itself = row.send.contains(" /.zonegate/") || row.envoy.is_some();
            if ids.is_empty() && !gate_itself {
                at.wrong("`allow` names no policy", "name the policies that decide");
            }
            Some(Expected::Allow { policies: sorted(at, ids) })
        }
        (None, Some(reason)) => {
            if status_of(reason).is_none() {
                let codes: Vec<&str> = REASONS.iter().map(|(code, _)| *code).collect();
                at.wrong(
                    format!("`{reason}` is not a reason"),
                    format!("the reasons are {}", codes.join(", ")),
                );
                return None;
            }
            let by_policies = is_made_by_policies(reason);
            match &row.by {
                None if by_policies => {
                    at.wrong(
                        format!("`{reason}` needs `by`"),
                        "name the policies: `by = [\"...\"]`",
                    );
                }
                Some(ids) if by_policies && ids.is_empty() => {
                    at.wrong("`by` names no policy", "name the policies that decide");
                }
                Some(_) if !by_policies => {
                    at.wrong(format!("`{reason}` is not made by policies"), "delete `by`");
                }
                None | Some(_) => {}
            }
            let policies = sorted(at, row.by.as_deref().unwrap_or_default());
            Some(Expected::Deny { reason: reason.clone(), policies })
        }
        (None, None) => {
            at.wrong("neither `allow` nor `deny`", "say what is decided");
            None
        }
        (Some(_), Some(_)) => {
            at.wrong("both `allow` and `deny`", "delete one");
            None
        }
    }
}

/// Headers as bytes.
fn headers(headers: &[[String; 2]]) -> Vec<Header> {
    headers.iter().map(|[name, value]| (unescape(name), unescape(value))).collect()
}

/// The body of an answer in its three forms.
type Bodies = (Option<String>, Option<String>, Option<shape::Repeat>);

/// An answer of the provider.
fn answer(
    at: &mut Reading<'_>,
    status: Option<u16>,
    headers_written: &[[String; 2]],
    (text, hex, repeat): Bodies,
) -> Option<Answer> {
    let body =
        at.take(body(text, hex.as_deref(), repeat.as_ref()), "delete all but one of them")?;
    let mut headers = headers(headers_written);
    let body = body.unwrap_or_default();
    // Providers speak JSON; a row that is about another content type, or none, says so.
    let has_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE));
    if !body.is_empty() && !has_type {
        headers.push((CONTENT_TYPE.to_vec(), b"application/json".to_vec()));
    }
    Some(Answer { status: status.unwrap_or(200), headers, body })
}

/// What comes of one lookup.
fn lookup_answer(at: &mut Reading<'_>, lookup: shape::Lookup) -> Option<LookupAnswer> {
    let shape::Lookup { path, status, headers, body, body_hex, body_repeat, fail } = lookup;
    let failure = match fail.as_deref() {
        None => None,
        Some("timeout") => Some(Failure::Timeout),
        Some("reset") => Some(Failure::Reset),
        Some(other) => {
            at.wrong(format!("`fail = \"{other}\"` is not a failure"), "one of timeout, reset");
            return None;
        }
    };
    if let Some(failure) = failure {
        if status.is_some() || body.is_some() || body_hex.is_some() || body_repeat.is_some() {
            at.wrong("a lookup that fails has no answer", "delete `fail`, or status and body");
        }
        return Some(LookupAnswer { path, result: Err(failure) });
    }
    let answer = answer(at, status, &headers, (body, body_hex, body_repeat))?;
    Some(LookupAnswer { path, result: Ok(answer) })
}

/// What must go on.
fn forwards(written: shape::Forwards) -> Forwards {
    let shape::Forwards { method, path, body, body_lacks, header, no_header } = written;
    let body = body.map(String::into_bytes);
    Forwards { method, path, body, body_lacks, header: headers(&header), no_header }
}

/// What the client must get; its status may stand in the row or here.
fn answers(at: &mut Reading<'_>, row: &Row) -> (Option<u16>, Option<Answers>) {
    let Some(written) = &row.answers else { return (row.status, None) };
    let status = match (row.status, written.status) {
        (Some(one), Some(other)) if one != other => {
            at.wrong("`status` and `answers.status` differ", "delete one");
            None
        }
        (one, other) => one.or(other),
    };
    let answers = Answers {
        body: written.body.clone().map(String::into_bytes),
        body_has: written.body_has.clone(),
        body_lacks: written.body_lacks.clone(),
        header: headers(&written.header),
        no_header: written.no_header.clone(),
    };
    (status, Some(answers))
}
