//! A denial while a request is being read, with words for the person behind the client.

use std::fmt;

use crate::decision::Reason;

/// The most characters of a request's own text that a detail repeats.
const QUOTED_CHARS_MAX: usize = 80;

/// Why a request was not understood: a stable reason, and what exactly it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, for tables and metrics.
    pub reason: Reason,
    /// What it was, in printable ASCII: lower case, no full stop, the request's own text in
    /// backticks and cut. It speaks of the request alone, so the client may see it.
    pub detail: String,
}

impl Refusal {
    /// A refusal with this reason and detail.
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Refusal { reason, detail: detail.into() }
    }

    /// A body that is not what the route declares.
    pub(super) fn body(detail: impl Into<String>) -> Self {
        Refusal::new(Reason::BodyNotUnderstood, detail)
    }

    /// A checked provider file that does not hold what its check says.
    pub(super) fn internal() -> Self {
        Refusal::new(Reason::Internal, "the provider file refers to nothing")
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Reason {
        refusal.reason
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// A request's own text in backticks: escaped to printable ASCII, and cut.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("`");
    for (count, c) in text.chars().enumerate() {
        if count == QUOTED_CHARS_MAX {
            out.push_str("...");
            break;
        }
        if c.is_ascii_graphic() || c == ' ' {
            out.push(c);
        } else {
            out.extend(c.escape_default());
        }
    }
    out.push('`');
    out
}
