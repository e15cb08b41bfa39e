//! Questions to the policies in the form that Cedar's own tool tests: `cedar run-tests`.
//!
//! What is written is what Cedar says by itself, of all policies that could match the key: where one
//! cannot be evaluated, Cedar skips it and counts an error, and the gate denies.
//! A template's link is named as in [`super::Holding::unique`].

use std::rc::Rc;

use cedar_policy::{Decision, PolicyId};
use serde_json::{Value, json};

use super::facts::Reads;
use super::subject::{Candidates, LINK_MARK};
use super::{Asked, Asking, Policies};
use crate::pattern::Patterns;

impl Policies {
    /// A question with its request, its entities and what Cedar decides; without a name. `None`
    /// where it cannot be expressed, which no decided operation is.
    pub fn cedar_test(&self, patterns: &Patterns, asked: &Asked) -> Option<Value> {
        let Asked { asking, operation } = asked;
        let entries: Vec<_> = asking.subject.entries().iter().map(Rc::clone).collect();
        let all = Candidates { reads: Reads::ALL, ..Candidates::of(&entries)? };
        let seen = self.seen(patterns, asking, operation, &all)?;
        let (request, prepared) = self.request(asking, &all, &seen)?;
        let response = self.authorizer.is_authorized(&request, &all.set, &prepared.entities);
        let diagnostics = response.diagnostics();
        let mut reason: Vec<String> = diagnostics.reason().map(|id| unique(asking, id)).collect();
        reason.sort_unstable();
        Some(json!({
            "what": operation.to_string(),
            "request": {
                "principal": request.principal()?.to_string(),
                "action": request.action()?.to_string(),
                "resource": request.resource()?.to_string(),
                "context": request.context()?.to_json_value().ok()?,
            },
            "entities": prepared.entities.to_json_value().ok()?,
            "decision": match response.decision() {
                Decision::Allow => "allow",
                Decision::Deny => "deny",
            },
            "reason": reason,
            "num_errors": diagnostics.errors().count(),
        }))
    }
}

/// The name of a policy among those of all keys.
fn unique(asking: &Asking, id: &PolicyId) -> String {
    let id: &str = id.as_ref();
    match id.split_once(LINK_MARK) {
        Some((template, number)) => {
            let key = asking.subject.uid();
            format!("{template}{LINK_MARK}{}{LINK_MARK}{number}", key.id().unescaped())
        }
        None => id.to_owned(),
    }
}
