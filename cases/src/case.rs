//! One case: a request with its circumstances, and what must come of it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;

/// One header, as bytes; the name as it is written in the table.
pub type Header = (Vec<u8>, Vec<u8>);

/// One row of a table, understood.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file it stands in.
    pub file: String,
    /// The line it begins at, counted from 1.
    pub line: usize,
    /// Its name, unique in the file.
    pub name: String,
    /// The provider that the route's metadata names.
    pub provider: String,
    /// The account that the route's metadata names.
    pub account: String,
    /// The time of the request, RFC 3339.
    pub now: String,
    /// The time of the request, in milliseconds since the Unix epoch.
    pub now_unix_ms: i64,
    /// The client's address.
    pub from: IpAddr,
    /// Whether the client's connection is encrypted.
    pub tls: bool,
    /// The key's alias; `none` where no key is sent.
    pub key: String,
    /// The credential that the client sends.
    pub credential: Credential,
    /// The method.
    pub method: String,
    /// Path and query, as the gate receives them.
    pub target: Vec<u8>,
    /// Further headers; [`Case::request_headers`] has the credential's too.
    pub headers: Vec<Header>,
    /// The body; none where the request has none.
    pub body: Option<Vec<u8>>,
    /// The operations, in order, in the form of logs; none where the row does not say.
    pub means: Option<Vec<String>>,
    /// What is decided.
    pub expected: Expected,
    /// The status that the client sees, where the row says it.
    pub status: Option<u16>,
    /// What the provider answers to lookups; exactly these are asked.
    pub lookups: Vec<LookupAnswer>,
    /// What the provider answers; none: the row ends when the request goes on.
    pub upstream: Option<Answer>,
    /// What must go on.
    pub forwards: Option<Forwards>,
    /// What the client must get.
    pub answers: Option<Answers>,
    /// Whether the target must be sent as it is, where Envoy would normalise it.
    pub raw: bool,
    /// Whether the gate answers by itself, although the row says allow.
    pub by_the_gate: bool,
    /// What Envoy answers before the gate.
    pub envoy: Option<EnvoyAnswers>,
    /// Runners that cannot run the row, with the reason.
    pub skip: BTreeMap<String, String>,
    /// Numbers of attacks that the row holds.
    pub attacks: Vec<u32>,
}

/// How a client shows its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Not at all, or in a header of the row's own.
    None,
    /// In a header.
    Header {
        /// The header's name.
        name: String,
        /// What stands before the key.
        prefix: String,
        /// The key.
        key: String,
    },
    /// As the password of HTTP Basic, with the user `zonegate`.
    Basic {
        /// The key.
        key: String,
    },
    /// In a field of the JSON body; [`Case::body`] has it.
    Body {
        /// The field's name.
        field: String,
        /// The key.
        key: String,
    },
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Allowed by exactly these policies.
    Allow {
        /// Policy ids, sorted.
        policies: Vec<String>,
    },
    /// Denied.
    Deny {
        /// The reason code.
        reason: String,
        /// Policy ids, sorted; where policies deny, exactly these.
        policies: Vec<String>,
    },
}

/// An answer of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Vec<u8>,
}

/// What comes of one lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupAnswer {
    /// Path and query that the gate asks for.
    pub path: String,
    /// The answer, or how there is none.
    pub result: Result<Answer, Failure>,
}

/// How a lookup fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Reset,
}

/// What must go on to the provider; empty lists and absent fields say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwards {
    /// The method.
    pub method: Option<String>,
    /// Path and query.
    pub path: Option<String>,
    /// The whole body.
    pub body: Option<Vec<u8>>,
    /// Texts that are not in the body.
    pub body_lacks: Vec<String>,
    /// Headers with their values.
    pub header: Vec<Header>,
    /// Headers that must be gone.
    pub no_header: Vec<String>,
}

/// What the client must get; empty lists and absent fields say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// The whole body.
    pub body: Option<Vec<u8>>,
    /// Texts that are in the body.
    pub body_has: Vec<String>,
    /// Texts that are not in the body.
    pub body_lacks: Vec<String>,
    /// Headers with their values.
    pub header: Vec<Header>,
    /// Headers that must be gone.
    pub no_header: Vec<String>,
}

/// What Envoy answers before the gate sees the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvoyAnswers {
    /// The status.
    pub status: u16,
    /// Why.
    pub why: String,
}

impl Credential {
    /// The header that carries it, if there is one.
    pub fn header(&self) -> Option<Header> {
        match self {
            Credential::None | Credential::Body { .. } => None,
            Credential::Header { name, prefix, key } => {
                Some((name.clone().into_bytes(), format!("{prefix}{key}").into_bytes()))
            }
            Credential::Basic { key } => {
                let plain = format!("zonegate:{key}");
                let text = base64::engine::general_purpose::STANDARD.encode(plain);
                Some((b"authorization".to_vec(), format!("Basic {text}").into_bytes()))
            }
        }
    }

    /// The plaintext key, if one is sent.
    pub fn key(&self) -> Option<&str> {
        match self {
            Credential::None => None,
            Credential::Header { key, .. }
            | Credential::Basic { key }
            | Credential::Body { key, .. } => Some(key),
        }
    }
}

impl Case {
    /// All headers that the client sends, the credential's first; pseudo-headers are not among
    /// them.
    pub fn request_headers(&self) -> Vec<Header> {
        self.credential.header().into_iter().chain(self.headers.iter().cloned()).collect()
    }

    /// The target as text, with other bytes as `\xNN`.
    pub fn target_text(&self) -> String {
        crate::bytes::readable(&self.target)
    }

    /// The status that the client must see; none where only the provider knows it.
    pub fn status_expected(&self) -> Option<u16> {
        self.status.or_else(|| match &self.expected {
            Expected::Deny { reason, .. } => crate::reason::status_of(reason),
            Expected::Allow { .. } => self.upstream.as_ref().map(|answer| answer.status),
        })
    }

    /// Where the row stands: `file:line`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// Whether the gate answers this itself: its own paths below `/.zonegate/`, and logins.
    pub fn is_for_the_gate(&self) -> bool {
        self.by_the_gate || self.target.starts_with(b"/.zonegate/")
    }
}
