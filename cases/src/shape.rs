//! The shape of a table file, exactly as its author writes it.
//!
//! Nothing here has a meaning yet; [`crate::case`] gives it one. Unknown fields are errors
//! everywhere, because a misspelt expectation is an expectation that nobody checks.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What holds for a whole file, and what a row may override.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defaults {
    /// The provider, such as `powerdns`.
    pub(crate) provider: Option<String>,
    /// The account, such as `main`.
    pub(crate) account: Option<String>,
    /// The time, RFC 3339.
    pub(crate) now: Option<String>,
    /// The client's address.
    pub(crate) from: Option<String>,
    /// Whether the client's connection is encrypted.
    pub(crate) tls: Option<bool>,
    /// The header that carries the key, `x-api-key` unless said otherwise.
    pub(crate) key_header: Option<String>,
    /// What stands before the key in that header, such as `Bearer `.
    pub(crate) key_prefix: Option<String>,
}

/// A provider for which the rows with `request` are run; [`crate::every`] explains them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The provider.
    pub(crate) provider: String,
    /// What stands before the names of its rows, the provider unless said otherwise.
    pub(crate) label: Option<String>,
    /// The account, the file's unless said otherwise.
    pub(crate) account: Option<String>,
    /// The header that carries the key.
    pub(crate) key_header: Option<String>,
    /// What stands before the key in that header.
    pub(crate) key_prefix: Option<String>,
    /// The key is the password of HTTP Basic.
    #[serde(default)]
    pub(crate) basic: bool,
    /// The field of a JSON body that carries the key.
    pub(crate) key_body: Option<String>,
    /// Names and values that accompany the key: headers, or fields of the body.
    #[serde(default)]
    pub(crate) key_beside: Vec<[String; 2]>,
    /// Texts of this provider, for marks.
    #[serde(default)]
    pub(crate) say: BTreeMap<String, String>,
    /// The requests that rows are about, by name.
    pub(crate) request: BTreeMap<String, Request>,
    /// Requests that it does not have, with the reason.
    #[serde(default)]
    pub(crate) lacks: BTreeMap<String, String>,
}

/// A request of one provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// Method and target.
    pub(crate) send: String,
    /// The body as text.
    pub(crate) body: Option<String>,
    /// Headers that it needs, besides the key's.
    #[serde(default)]
    pub(crate) headers: Vec<[String; 2]>,
    /// What is looked up for it, for the mark `{lookup}`.
    #[serde(default)]
    pub(crate) lookup: Vec<toml::Table>,
    /// What it means, for the mark `{means}`.
    #[serde(default)]
    pub(crate) means: Vec<String>,
    /// What the provider answers, for the mark `{upstream}`.
    pub(crate) upstream: Option<toml::Table>,
}

/// One row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// The name, unique in the file.
    pub(crate) name: String,
    /// The alias of the key in `demo-keys.toml`, or `none`.
    pub(crate) key: String,
    /// Send the key as the password of HTTP Basic.
    #[serde(default)]
    pub(crate) basic: bool,
    /// Method and target.
    pub(crate) send: String,
    /// The body as text.
    pub(crate) body: Option<String>,
    /// The body as hexadecimal digits.
    pub(crate) body_hex: Option<String>,
    /// The body as text with `\xNN` for bytes.
    pub(crate) body_bytes: Option<String>,
    /// The body as a repetition.
    pub(crate) body_repeat: Option<Repeat>,
    /// Further headers, as they are.
    #[serde(default)]
    pub(crate) headers: Vec<[String; 2]>,
    /// The operations it means.
    pub(crate) means: Option<Vec<String>>,
    /// The policies that allow it.
    pub(crate) allow: Option<Vec<String>>,
    /// The reason it is denied for.
    pub(crate) deny: Option<String>,
    /// The policies that deny it.
    pub(crate) by: Option<Vec<String>>,
    /// The status that the client sees.
    pub(crate) status: Option<u16>,
    /// What the provider answers to lookups.
    #[serde(default)]
    pub(crate) lookup: Vec<Lookup>,
    /// What the provider answers.
    pub(crate) upstream: Option<Upstream>,
    /// What must go on.
    pub(crate) forwards: Option<Forwards>,
    /// What the client must get.
    pub(crate) answers: Option<Answers>,
    /// Whether the target is sent as it is, where Envoy would normalise it.
    #[serde(default)]
    pub(crate) raw: bool,
    /// Whether the gate itself answers, as it does to a login.
    #[serde(default)]
    pub(crate) gate: bool,
    /// What Envoy answers before the gate.
    pub(crate) envoy: Option<Envoy>,
    /// Runners that cannot run the row, with the reason.
    #[serde(default)]
    pub(crate) skip: BTreeMap<String, String>,
    /// Numbers of attacks that the row holds.
    #[serde(default)]
    pub(crate) attack: Vec<u32>,
    /// Overrides the file's provider.
    pub(crate) provider: Option<String>,
    /// Overrides the file's account.
    pub(crate) account: Option<String>,
    /// Overrides the file's time.
    pub(crate) now: Option<String>,
    /// Overrides the file's client address.
    pub(crate) from: Option<String>,
    /// Overrides whether the connection is encrypted.
    pub(crate) tls: Option<bool>,
    /// Overrides the header that carries the key.
    pub(crate) key_header: Option<String>,
    /// Overrides what stands before the key.
    pub(crate) key_prefix: Option<String>,
    /// The field of the JSON body that carries the key.
    pub(crate) key_body: Option<String>,
    /// Names and values that accompany the key: headers, or fields of the body.
    #[serde(default)]
    pub(crate) key_beside: Vec<[String; 2]>,
    /// The alias of a second key, which stands where the first does.
    pub(crate) also: Option<String>,
}

/// A text many times.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeat {
    /// The text; `{i}` is the number of the repetition, from 0.
    pub(crate) text: String,
    /// How often.
    pub(crate) times: usize,
    /// What stands between two.
    #[serde(default)]
    pub(crate) between: String,
    /// What stands before the first.
    #[serde(default)]
    pub(crate) before: String,
    /// What stands after the last.
    #[serde(default)]
    pub(crate) after: String,
}

/// What the provider answers to one lookup.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lookup {
    /// Path and query that the gate asks for.
    pub(crate) path: String,
    /// The status, 200 unless said otherwise.
    pub(crate) status: Option<u16>,
    /// Headers of the answer.
    #[serde(default)]
    pub(crate) headers: Vec<[String; 2]>,
    /// The body as text.
    pub(crate) body: Option<String>,
    /// The body as hexadecimal digits.
    pub(crate) body_hex: Option<String>,
    /// The body as a repetition.
    pub(crate) body_repeat: Option<Repeat>,
    /// How it fails instead.
    pub(crate) fail: Option<String>,
}

/// What the provider answers to the request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    /// The status, 200 unless said otherwise.
    pub(crate) status: Option<u16>,
    /// Headers of the answer.
    #[serde(default)]
    pub(crate) headers: Vec<[String; 2]>,
    /// The body as text.
    pub(crate) body: Option<String>,
    /// The body as hexadecimal digits.
    pub(crate) body_hex: Option<String>,
    /// The body as a repetition.
    pub(crate) body_repeat: Option<Repeat>,
}

/// What must go on to the provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forwards {
    /// The method.
    pub(crate) method: Option<String>,
    /// Path and query.
    pub(crate) path: Option<String>,
    /// The whole body.
    pub(crate) body: Option<String>,
    /// Texts that are not in the body.
    #[serde(default)]
    pub(crate) body_lacks: Vec<String>,
    /// Headers with their values.
    #[serde(default)]
    pub(crate) header: Vec<[String; 2]>,
    /// Headers that must be gone.
    #[serde(default)]
    pub(crate) no_header: Vec<String>,
}

/// What the client must get.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answers {
    /// The status.
    pub(crate) status: Option<u16>,
    /// The whole body.
    pub(crate) body: Option<String>,
    /// Texts that are in the body.
    #[serde(default)]
    pub(crate) body_has: Vec<String>,
    /// Texts that are not in the body.
    #[serde(default)]
    pub(crate) body_lacks: Vec<String>,
    /// Headers with their values.
    #[serde(default)]
    pub(crate) header: Vec<[String; 2]>,
    /// Headers that must be gone.
    #[serde(default)]
    pub(crate) no_header: Vec<String>,
}

/// What Envoy answers before the gate sees the request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Envoy {
    /// The status.
    pub(crate) status: u16,
    /// Why.
    pub(crate) why: String,
}
