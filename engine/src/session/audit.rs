//! The audit record: what the access log says of a request.
//!
//! It has ids of known keys only, the path without its query, and never a presented credential;
//! everything is escaped by JSON and bounded, so that nothing a client sends can forge or flood
//! a line.

use serde::Serialize;

use super::Facts;
use crate::decision::Reason;
use crate::operation::Operation;

/// Operations that are written out; the rest are counted.
const OPERATIONS_SHOWN: usize = 16;
/// Characters of one text.
const TEXT_MAX: usize = 300;

/// What happened to a request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Audit {
    /// The proxy's id of the request.
    pub request_id: String,
    /// The id of the key, once the key has proved itself.
    pub key: Option<String>,
    /// The provider.
    pub provider: Option<String>,
    /// The account.
    pub account: Option<String>,
    /// The client's address that the proxy trusts.
    pub client: Option<String>,
    /// The path, without its query.
    pub path: String,
    /// The route, as `provider/route`.
    pub route: String,
    /// What the request means; the first [`OPERATIONS_SHOWN`] of them.
    pub operations: Vec<String>,
    /// How many operations it means.
    pub cost: usize,
    /// `allow`, `deny`, or `gate` where the gate answered for itself.
    pub decision: &'static str,
    /// Why not.
    pub reason: Option<&'static str>,
    /// What exactly was not understood.
    pub detail: Option<String>,
    /// The operation that was denied.
    pub denied_operation: Option<String>,
    /// The ids of the policies that determined the decision.
    pub policies: Vec<String>,
    /// How long deciding took, without waiting for bodies and lookups, in microseconds.
    pub decision_us: u64,
    /// How many lookups were sent.
    pub lookups: usize,
    /// What the response lost on its way: entries that may not be read.
    pub left_out: usize,
    /// Why the response was replaced.
    pub response_reason: Option<&'static str>,
}

impl Audit {
    /// What the proxy knows at the start.
    pub(super) fn new(facts: &Facts) -> Audit {
        let header = |name: &str| {
            let found = facts.headers.iter().find(|(one, _)| one == name.as_bytes());
            found.map(|(_, value)| value.as_slice()).unwrap_or_default()
        };
        let path = header(":path").split(|byte| *byte == b'?').next().unwrap_or_default();
        Audit {
            request_id: printable(header("x-request-id"), 64),
            provider: facts.provider.clone(),
            account: facts.account.clone(),
            client: facts.client.map(|address| address.to_string()),
            path: printable(path, TEXT_MAX),
            decision: "deny",
            reason: Some(Reason::Internal.code()),
            ..Audit::default()
        }
    }

    /// Notes what the request means.
    pub(super) fn take_operations(&mut self, operations: &[Operation]) {
        self.cost = operations.len();
        self.operations = operations
            .iter()
            .take(OPERATIONS_SHOWN)
            .map(|operation| bounded(operation.to_string()))
            .collect();
    }

    /// Notes which operation was denied.
    ///
    /// SECURITY: its value may have hundreds of kilobytes, and whoever has any key may send it (test
    /// `no_operation_floods_a_line`).
    pub(super) fn deny_operation(&mut self, operation: &Operation) {
        self.denied_operation = Some(bounded(operation.to_string()));
    }

    /// Notes that everything was allowed.
    pub(super) fn allow(&mut self, mut by: Vec<String>) {
        by.sort_unstable();
        by.dedup();
        self.decision = "allow";
        self.reason = None;
        self.policies = by;
    }

    /// Notes a denial.
    pub(super) fn deny(&mut self, reason: Reason, by: Vec<String>) {
        self.decision = "deny";
        self.reason = Some(reason.code());
        if !by.is_empty() {
            self.policies = by;
        }
    }

    /// Whether judging the response added anything to the record.
    pub fn tells_of_the_response(&self) -> bool {
        self.left_out > 0 || self.response_reason.is_some()
    }

    /// Notes that the gate answered for itself.
    pub(super) fn gate(&mut self, what: &'static str) {
        self.decision = "gate";
        self.reason = Some(what);
    }

    /// The record as one line of JSON, with the digest of the bundle that decided.
    pub fn to_json(&self, bundle: &str) -> String {
        /// The record and what belongs to the bundle.
        #[derive(Serialize)]
        struct Line<'a> {
            #[serde(flatten)]
            audit: &'a Audit,
            bundle: &'a str,
        }
        without_keys(serde_json::to_string(&Line { audit: self, bundle }).unwrap_or_default())
    }
}

/// What keys begin with.
const KEY_PREFIXES: [&str; 2] = ["zgk_", "zgs_"];

/// The line without the rest of whatever looks like a key: a client may have put one into its path.
fn without_keys(line: String) -> String {
    let mut kept = line;
    for prefix in KEY_PREFIXES {
        if !kept.contains(prefix) {
            continue;
        }
        let mut parts = kept.split(prefix);
        let mut masked = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            masked.push_str(prefix);
            masked.push_str("...");
            masked
                .push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'));
        }
        kept = masked;
    }
    kept
}

/// A text without what is over the bound.
fn bounded(mut text: String) -> String {
    // A character is a byte at least.
    if text.len() > TEXT_MAX
        && let Some((end, _)) = text.char_indices().nth(TEXT_MAX)
    {
        text.truncate(end);
    }
    text
}

/// Bytes as bounded text: everything but visible ASCII becomes `?`.
fn printable(bytes: &[u8], characters_max: usize) -> String {
    let visible = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
    bytes.iter().take(characters_max).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Name, NameForm};
    use crate::operation::Action;
    use crate::record_type::RecordType;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = |c: char, count| bounded(c.to_string().repeat(count)).chars().count();
        for c in ['a', 'é', '名'] {
            assert_eq!(long(c, TEXT_MAX), TEXT_MAX);
            assert_eq!(long(c, TEXT_MAX + 1), TEXT_MAX);
            assert_eq!(long(c, 5), 5);
        }
    }

    #[test]
    fn no_operation_floods_a_line() {
        let name = Name::parse("example.com", NameForm::Fqdn).unwrap();
        let long = Some("\"".repeat(200_000));
        let (zone, action) = (name.clone(), Action::RecordCreate);
        let operation = Operation::record(action, zone, name, RecordType::TXT, long);
        let mut audit = Audit::default();
        audit.take_operations(&vec![operation.clone(); OPERATIONS_SHOWN + 1]);
        audit.deny_operation(&operation);
        let shown = audit.denied_operation.clone().unwrap();
        assert_eq!(Some(&shown), audit.operations.first(), "cut alike, it is told as the same one");
        assert!(audit.to_json("sha256:0").len() < 16 << 10);
    }

    #[test]
    fn keys_in_paths_are_masked() {
        let line = |path: &str| without_keys(format!("{{\"path\":\"{path}\",\"cost\":1}}"));
        assert_eq!(line("/zgk_abc_DEF/x"), "{\"path\":\"/zgk_.../x\",\"cost\":1}");
        assert_eq!(line("/zgs_a1/zgk_b"), "{\"path\":\"/zgs_.../zgk_...\",\"cost\":1}");
        assert_eq!(line("/zgk_zgk_a"), "{\"path\":\"/zgk_...zgk_...\",\"cost\":1}");
        assert_eq!(line("/api"), "{\"path\":\"/api\",\"cost\":1}");
    }
}
