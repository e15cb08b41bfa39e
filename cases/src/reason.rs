//! The reason codes that a table may name, with the status that a client sees.
//!
//! They are the public contract of the gate, so they are written here once more, on purpose: the
//! runners that see the gate from outside cannot ask the engine, and a code that changes there
//! must fail a test. That test is in the command, which knows both.

/// Every reason code with its HTTP status, in the order in which the gate checks.
pub const REASONS: &[(&str, u16)] = &[
    ("not-configured", 503),
    ("no-key", 401),
    ("many-keys", 401),
    ("malformed-key", 401),
    ("unknown-key", 401),
    ("disabled-key", 401),
    ("early-key", 401),
    ("expired-key", 401),
    ("headers-not-canonical", 400),
    ("target-not-canonical", 400),
    ("unknown-route", 404),
    ("unknown-method", 405),
    ("query-not-understood", 400),
    ("name-not-understood", 422),
    ("type-not-understood", 422),
    ("value-not-understood", 422),
    ("body-too-large", 413),
    ("body-not-understood", 422),
    ("too-many-operations", 413),
    ("too-many-lookups", 413),
    ("no-policy-allows", 403),
    ("policy-forbids", 403),
    ("policy-error", 403),
    ("zone-not-visible", 404),
    ("record-not-visible", 404),
    ("lookup-failed", 503),
    ("lookup-not-understood", 503),
    ("too-busy", 503),
    ("response-too-large", 502),
    ("response-not-understood", 502),
    ("internal", 500),
];

/// The status that a client sees for a reason, unless the case says otherwise.
pub fn status_of(reason: &str) -> Option<u16> {
    REASONS.iter().find(|(code, _)| *code == reason).map(|(_, status)| *status)
}

/// Whether a reason is found only in the provider's response, after the request went on.
pub fn is_response_reason(reason: &str) -> bool {
    matches!(reason, "response-too-large" | "response-not-understood")
}

/// Whether a denial for this reason is made by policies, so that a case must say by which.
pub(crate) fn is_made_by_policies(reason: &str) -> bool {
    matches!(reason, "policy-forbids" | "policy-error")
}
