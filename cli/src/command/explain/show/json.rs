//! An explanation as one JSON document.

use serde_json::{Value, json};
use zonegate_engine::policy::{Explained, Held, Verdict, Who, Why};

use super::super::answer::Asked;
use super::super::change::Step;
use super::super::search::{Smallest, Suggested};
use super::{Shown, effect, none_found};
use crate::output;

impl Shown<'_> {
    /// Prints an explanation as one JSON document.
    pub(in super::super) fn json(&self) {
        let answer = self.answer;
        let denied = answer.denied.as_ref();
        let operations: Vec<_> = answer.operations.iter().map(|one| self.asked(one)).collect();
        let route = answer.way.as_ref().filter(|_| answer.is_request);
        let document = json!({
            "decision": if denied.is_none() { "allow" } else { "deny" },
            "reason": denied.map(|(reason, _)| reason.code()),
            "status": denied.map(|(reason, _)| reason.status()),
            "detail": denied.map(|(_, words)| words),
            "key": answer.key,
            "account": answer.scene.account.path(),
            "from": answer.scene.from.to_string(),
            "at": answer.scene.at.to_string(),
            "tls": answer.scene.tls,
            "route": route.map(|way| &way.route),
            "log": answer.logged,
            "operations": operations,
            "smallest": answer.smallest.as_ref().map(smallest),
            "notes": answer.notes,
        });
        output::json(&self.hidden(document));
    }

    /// A document in which no text has anybody's secret.
    fn hidden(&self, document: Value) -> Value {
        match document {
            Value::String(text) => Value::String(self.question.secrets.hide(&text)),
            Value::Array(all) => all.into_iter().map(|one| self.hidden(one)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(name, one)| (name, self.hidden(one))).collect()
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
        }
    }

    /// One operation.
    fn asked(&self, asked: &Asked) -> Value {
        let (decision, reason, by) = match &asked.verdict {
            Verdict::Allow(by) => ("allow", None, by),
            Verdict::Deny(reason, by) => ("deny", Some(reason.code()), by),
        };
        let policies: Vec<_> = asked.policies.iter().map(|one| self.policy(asked, one)).collect();
        json!({ "operation": asked.operation.to_string(), "decision": decision, "reason": reason,
            "by": by, "policies": policies })
    }

    /// One policy's part.
    fn policy(&self, asked: &Asked, one: &Explained) -> Value {
        let error = match &one.why {
            Why::Failed(error) => Some(error),
            Why::Matched
            | Why::OtherPrincipal
            | Why::OtherAction
            | Why::OtherResource
            | Why::ConditionFalse => None,
        };
        let who = match &one.who {
            Who::Everybody => "every key".to_owned(),
            Who::Key(id) => format!("key {id}"),
            Who::Role(role) => format!("role {role}"),
        };
        let clauses = one.clauses.iter().map(|clause| {
            let stopped = !matches!(clause.held, Held::Yes | Held::NotReached);
            let facts = if stopped { self.facts(asked, clause) } else { Vec::new() };
            let kind = if clause.unless { "unless" } else { "when" };
            json!({ "kind": kind, "text": clause.text, "held": held(&clause.held),
                "facts": facts })
        });
        json!({
            "id": one.id, "effect": effect(one), "doc": one.doc, "file": one.file,
            "line": one.line, "who": who, "on": one.on, "why": code(&one.why), "error": error,
            "clauses": clauses.collect::<Vec<_>>(),
        })
    }
}

/// The smallest change.
fn smallest(found: &Smallest) -> Value {
    let words = match (&found.words, found.changes.is_empty()) {
        (Some(words), _) => Some(words.clone()),
        (None, true) => Some(none_found(found)),
        (None, false) => None,
    };
    let changes: Vec<_> = found.changes.iter().map(suggested).collect();
    json!({ "changes": changes, "about": found.about.as_ref().map(ToString::to_string),
        "tried": found.tried, "fields": found.fields, "ran_out": found.ran_out, "none": words })
}

/// One change.
fn suggested(one: &Suggested) -> Value {
    let step = |step: &Step| {
        let to = match step {
            // As a text, and not as it is quoted for a person.
            Step::Value(value) => value.clone(),
            Step::Account(_)
            | Step::Time(_)
            | Step::Address(_)
            | Step::Name(_)
            | Step::Type(_)
            | Step::Zone(_)
            | Step::Role(_)
            | Step::Action(_) => step.to_string(),
        };
        json!({ "field": step.field().name(), "to": to })
    };
    let operations = one.operations.iter().map(ToString::to_string);
    json!({ "change": one.steps.iter().map(step).collect::<Vec<_>>(), "by": one.by,
        "operations": operations.collect::<Vec<_>>() })
}

/// What became of a clause.
fn held(held: &Held) -> &'static str {
    match held {
        Held::Yes => "yes",
        Held::No => "no",
        Held::NotReached => "not-reached",
        Held::Failed(_) => "failed",
    }
}

/// What became of a policy.
fn code(why: &Why) -> &'static str {
    match why {
        Why::Matched => "matched",
        Why::OtherPrincipal => "other-principal",
        Why::OtherAction => "other-action",
        Why::OtherResource => "other-resource",
        Why::ConditionFalse => "condition-false",
        Why::Failed(_) => "failed",
    }
}
