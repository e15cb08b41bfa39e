//! curl's options: those that change what is sent, those that do not, and no others.

use super::words::Word;

/// How a piece of data is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// `-d`: `@file` without its line ends.
    Plain,
    /// `--data-raw`: as it stands.
    Raw,
    /// `--data-binary`: `@file` as it is.
    Binary,
    /// `--data-urlencode`.
    Encoded,
    /// `--json`: joined without a separator.
    Json,
}

/// What an option means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Option_ {
    /// `-X`.
    Method,
    /// `-H`.
    Header,
    /// A piece of data.
    Data(Data),
    /// `-G`.
    Get,
    /// `-I`.
    Head,
    /// `-u`.
    User,
    /// `--oauth2-bearer`.
    Bearer,
    /// `--url`.
    Url,
    /// `--url-query`.
    Query,
    /// `-T`.
    Upload,
    /// `-A`.
    UserAgent,
    /// `-e`.
    Referer,
    /// `-b`.
    Cookie,
    /// `-g`.
    NoGlobs,
    /// `--path-as-is`.
    AsIs,
    /// Nothing that changes the request; without an argument.
    Flag,
    /// Nothing that changes the request; with an argument.
    Passed,
}

/// The options that are known, as they are written, with a blank between their forms.
const OPTIONS: &[(&str, Option_)] = &[
    ("-X --request", Option_::Method),
    ("-H --header", Option_::Header),
    ("-d --data --data-ascii", Option_::Data(Data::Plain)),
    ("--data-raw", Option_::Data(Data::Raw)),
    ("--data-binary", Option_::Data(Data::Binary)),
    ("--data-urlencode", Option_::Data(Data::Encoded)),
    ("--json", Option_::Data(Data::Json)),
    ("-G --get", Option_::Get),
    ("-I --head", Option_::Head),
    ("-u --user", Option_::User),
    ("--oauth2-bearer", Option_::Bearer),
    ("--url", Option_::Url),
    ("--url-query", Option_::Query),
    ("-T --upload-file", Option_::Upload),
    ("-A --user-agent", Option_::UserAgent),
    ("-e --referer", Option_::Referer),
    ("-b --cookie", Option_::Cookie),
    ("-g --globoff", Option_::NoGlobs),
    ("--path-as-is", Option_::AsIs),
    (
        "-s --silent -S --show-error -v --verbose -i --include --show-headers -k --insecure \
         -f --fail --fail-with-body --fail-early -L --location --location-trusted -N --no-buffer \
         -# --progress-bar --no-progress-meter -4 --ipv4 -6 --ipv6 -0 --http1.0 --http1.1 --http2 \
         --http2-prior-knowledge --http3 --http3-only --compressed --basic -O --remote-name \
         -J --remote-header-name --create-dirs --tcp-nodelay --tcp-fastopen --no-keepalive \
         --no-sessionid --no-alpn -1 --tlsv1 --tlsv1.0 --tlsv1.1 --tlsv1.2 --tlsv1.3 --ssl-reqd \
         --raw --trace-time --trace-ids --styled-output --no-styled-output -q --disable \
         --retry-all-errors --retry-connrefused --post301 --post302 --post303 -j \
         --junk-session-cookies --cert-status --suppress-connect-headers --xattr",
        Option_::Flag,
    ),
    (
        "-o --output --output-dir -m --max-time --connect-timeout --retry --retry-delay \
         --retry-max-time --resolve --connect-to --cacert --capath -E --cert --cert-type --key \
         --key-type --pass --ciphers --tls13-ciphers --curves --tls-max --pinnedpubkey --crlfile \
         -w --write-out -c --cookie-jar -D --dump-header --trace --trace-ascii --stderr \
         -x --proxy -U --proxy-user --noproxy --interface --local-port --limit-rate --dns-servers \
         --doh-url --keepalive-time --expect100-timeout -y --speed-time -Y --speed-limit \
         --max-redirs --max-filesize --proto --proto-default --unix-socket --abstract-unix-socket \
         -r --range -z --time-cond --happy-eyeballs-timeout-ms --alt-svc --hsts --etag-save",
        Option_::Passed,
    ),
];

/// What a command line gives.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// The method.
    pub(super) method: Option<Word>,
    /// Headers as they are written.
    pub(super) headers: Vec<Word>,
    /// Pieces of data, in order.
    pub(super) data: Vec<(Data, Word)>,
    /// User and password.
    pub(super) user: Option<Word>,
    /// A bearer token.
    pub(super) bearer: Option<Word>,
    /// URLs.
    pub(super) urls: Vec<Word>,
    /// Additions to the query.
    pub(super) queries: Vec<Word>,
    /// The file that is the body.
    pub(super) upload: Option<Word>,
    /// Options that stand for a header.
    pub(super) simple: Vec<(Option_, Word)>,
    /// Options without an argument that change what is sent.
    pub(super) switches: Vec<Option_>,
}

/// The option of this name.
fn find(name: &str) -> Result<Option_, String> {
    let found = OPTIONS.iter().find(|(names, _)| names.split(' ').any(|one| one == name));
    if let Some((_, option)) = found {
        return Ok(*option);
    }
    // What can be switched off is a switch.
    let positive = name.strip_prefix("--no-").map(|rest| format!("--{rest}"));
    let flag = |name: String| find(&name) == Ok(Option_::Flag);
    if positive.is_some_and(flag) {
        return Ok(Option_::Flag);
    }
    // What follows a `=` may be a secret.
    let name = name.split('=').next().unwrap_or_default();
    Err(format!(
        "curl's option `{name}` is not understood here; leave it out if it does not change what \
         is sent, or give the request with --send and --body"
    ))
}

/// Reads the words behind the program's name.
pub(super) fn read(words: impl Iterator<Item = Word>) -> Result<Given, String> {
    let mut words = words;
    let mut given = Given {
        method: None,
        headers: Vec::new(),
        data: Vec::new(),
        user: None,
        bearer: None,
        urls: Vec::new(),
        queries: Vec::new(),
        upload: None,
        simple: Vec::new(),
        switches: Vec::new(),
    };
    let mut only_urls = false;
    while let Some(word) = words.next() {
        if only_urls || !word.text.starts_with('-') || word.text == "-" {
            given.urls.push(word);
        } else if word.text == "--" {
            only_urls = true;
        } else if word.text.starts_with("--") {
            let option = find(&word.text)?;
            given.take(&word.text, option, &mut words, None)?;
        } else {
            given.cluster(&word, &mut words)?;
        }
    }
    Ok(given)
}

impl Given {
    /// Whether an option without an argument is given.
    pub(super) fn has(&self, option: Option_) -> bool {
        self.switches.contains(&option)
    }

    /// Reads short options that stand together: `-sSXPOST`.
    fn cluster(
        &mut self,
        word: &Word,
        words: &mut impl Iterator<Item = Word>,
    ) -> Result<(), String> {
        let mut letters = word.text.chars();
        letters.next();
        while let Some(letter) = letters.next() {
            let name = format!("-{letter}");
            let option = find(&name)?;
            let rest: String = letters.as_str().to_owned();
            let glued =
                (!rest.is_empty()).then(|| Word { text: rest, variables: word.variables.clone() });
            if self.take(&name, option, words, glued)? {
                break;
            }
        }
        Ok(())
    }

    /// Takes one option; says whether it took an argument.
    fn take(
        &mut self,
        name: &str,
        option: Option_,
        words: &mut impl Iterator<Item = Word>,
        glued: Option<Word>,
    ) -> Result<bool, String> {
        match option {
            Option_::Get | Option_::Head | Option_::NoGlobs | Option_::AsIs => {
                self.switches.push(option);
            }
            Option_::Flag => {}
            Option_::Method
            | Option_::Header
            | Option_::Data(_)
            | Option_::User
            | Option_::Bearer
            | Option_::Url
            | Option_::Query
            | Option_::Upload
            | Option_::UserAgent
            | Option_::Referer
            | Option_::Cookie
            | Option_::Passed => {
                let argument = glued.or_else(|| words.next());
                let argument = argument
                    .ok_or_else(|| format!("curl's option `{name}` without its argument"))?;
                self.take_argument(option, argument);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes the argument of an option that has one.
    fn take_argument(&mut self, option: Option_, argument: Word) {
        match option {
            Option_::Method => self.method = Some(argument),
            Option_::Header => self.headers.push(argument),
            Option_::Data(kind) => self.data.push((kind, argument)),
            Option_::User => self.user = Some(argument),
            Option_::Bearer => self.bearer = Some(argument),
            Option_::Url => self.urls.push(argument),
            Option_::Query => self.queries.push(argument),
            Option_::Upload => self.upload = Some(argument),
            Option_::UserAgent | Option_::Referer | Option_::Cookie => {
                self.simple.push((option, argument));
            }
            Option_::Get
            | Option_::Head
            | Option_::NoGlobs
            | Option_::AsIs
            | Option_::Flag
            | Option_::Passed => {}
        }
    }
}
