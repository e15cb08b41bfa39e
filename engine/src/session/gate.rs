//! What the gate answers for itself: whether it is ready, and what a key may do.

use serde_json::json;

use super::Answer;
use crate::bundle::Bundle;
use crate::key::Key;
use crate::policy::Subject;

/// Answers without a key that a bundle is loaded, and which.
pub(super) const READY_PATH: &str = "/.zonegate/ready";
/// Tells a key what it may do.
pub(super) const WHOAMI_PATH: &str = "/.zonegate/whoami";
/// The route of [`WHOAMI_PATH`], as policies see it.
pub const WHOAMI_ROUTE: &str = "zonegate/whoami";

/// The answer to a readiness check.
pub(super) fn ready(bundle: &Bundle) -> Answer {
    let body = json!({ "ready": true, "bundle": bundle.digest, "built": bundle.built });
    Answer::json(200, body.to_string().into_bytes())
}

/// The answer to `whoami`: the key, its expiry, and for each policy that could permit it
/// something its id, sentence, actions and scope; no conditions, patterns or networks.
pub(super) fn whoami(bundle: &Bundle, key: &Key, subject: &Subject) -> Option<Answer> {
    let permits: Vec<_> = subject
        .permits()
        .into_iter()
        .map(|(id, doc, actions, scope)| {
            json!({ "id": id, "doc": doc, "actions": actions, "scope": scope })
        })
        .collect();
    let body = json!({
        "key": key.id,
        "description": key.description,
        "expires": key.expires.map(|at| at.to_string()),
        "bundle": bundle.digest,
        "policies": permits,
    });
    Some(Answer::json(200, serde_json::to_vec(&body).ok()?))
}
