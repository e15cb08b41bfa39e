//! Printing an explanation.

use zonegate_engine::policy::{Explained, Verdict, Why};

use super::ask::{Answer, Asked};
use crate::output::{self, Ink, Paint, columns, line};

/// Operations that are written out for a person.
const OPERATIONS_SHOWN: usize = 20;

/// Prints an explanation as one JSON document.
pub(super) fn json(answer: &Answer) {
    let operations: Vec<_> = answer.operations.iter().map(operation_json).collect();
    let denied = answer.denied.as_ref();
    output::json(&serde_json::json!({
        "decision": if denied.is_none() { "allow" } else { "deny" },
        "reason": denied.map(|(reason, _)| reason.code()),
        "status": denied.map(|(reason, _)| reason.status()),
        "detail": denied.map(|(_, words)| words),
        "key": answer.key,
        "route": answer.route,
        "operations": operations,
        "notes": answer.notes,
    }));
}

/// One operation as a program reads it.
fn operation_json(asked: &Asked) -> serde_json::Value {
    let policies = asked.policies.iter().map(|one| {
        serde_json::json!({
            "id": one.id, "effect": effect(one), "doc": one.doc,
            "file": one.file, "line": one.line,
            "why": code(&one.why), "error": error(&one.why),
        })
    });
    let policies: Vec<_> = policies.collect();
    let (decision, reason, by) = match &asked.verdict {
        Verdict::Allow(by) => ("allow", None, by),
        Verdict::Deny(reason, by) => ("deny", Some(reason.code()), by),
    };
    serde_json::json!({ "operation": asked.operation, "decision": decision, "reason": reason,
        "by": by, "policies": policies })
}

/// Prints an explanation for a person.
pub(super) fn text(answer: &Answer, all: bool) {
    let paint = Paint::stdout();
    match &answer.denied {
        None => line(paint.ink(Ink::Good, "allowed")),
        Some((reason, words)) => {
            let head = format!("denied: {reason} ({})", reason.status());
            line(format!("{}: {words}", paint.ink(Ink::Bad, &head)));
        }
    }
    let route = answer.route.as_ref().map_or(String::new(), |route| format!(", route {route}"));
    line(paint.ink(Ink::Faint, &format!("key {} {}{route}", answer.key, answer.circumstances)));
    for asked in answer.operations.iter().take(OPERATIONS_SHOWN) {
        line("");
        operation_text(asked, all, paint);
    }
    if answer.operations.len() > OPERATIONS_SHOWN {
        let more = answer.operations.len() - OPERATIONS_SHOWN;
        line(format!("\n... and {more} more operations; --format json has all of them"));
    }
    for note in &answer.notes {
        line(format!("\n{} {note}", paint.ink(Ink::Doubt, "note:")));
    }
}

/// One operation for a person: its verdict, then the policies from the deciding to the remote.
fn operation_text(asked: &Asked, all: bool, paint: Paint) {
    line(paint.ink(Ink::Strong, &asked.operation));
    match &asked.verdict {
        Verdict::Allow(by) => {
            line(format!("  {} by {}", paint.ink(Ink::Good, "allowed"), by.join(", ")));
        }
        Verdict::Deny(reason, by) if by.is_empty() => {
            line(format!("  {}: {reason}", paint.ink(Ink::Bad, "denied")));
        }
        Verdict::Deny(reason, by) => {
            let denied = paint.ink(Ink::Bad, "denied");
            line(format!("  {denied}: {reason} by {}", by.join(", ")));
        }
    }
    let near = |one: &&Explained| all || !matches!(one.why, Why::OtherPrincipal | Why::OtherAction);
    let rows: Vec<Vec<String>> = asked.policies.iter().filter(near).map(row).collect();
    for text in columns(&rows) {
        line(format!("  {text}"));
    }
    if !all {
        let count = |why: &Why| asked.policies.iter().filter(|one| one.why == *why).count();
        let (keys, actions) = (count(&Why::OtherPrincipal), count(&Why::OtherAction));
        let rest = format!("{keys} for other keys, {actions} for other actions (--all lists them)");
        line(paint.ink(Ink::Faint, &format!("  {rest}")));
    }
}

/// A policy's effect, id, place, and what became of it.
fn row(one: &Explained) -> Vec<String> {
    let place = format!("{}:{}", one.file, one.line);
    let why = match error(&one.why) {
        Some(error) => format!("{}: {error}", words(&one.why)),
        None => words(&one.why).to_owned(),
    };
    vec![effect(one).to_owned(), one.id.clone(), place, why]
}

/// Cedar's word for what a policy does.
fn effect(one: &Explained) -> &'static str {
    if one.forbids { "forbid" } else { "permit" }
}

/// What became of a policy, for a person.
fn words(why: &Why) -> &'static str {
    match why {
        Why::Matched => "matches",
        Why::OtherPrincipal => "is for other keys",
        Why::OtherAction => "is for other actions",
        Why::OtherResource => "is for other zones or names",
        Why::ConditionFalse => "its condition is false",
        Why::Failed(_) => "failed",
    }
}

/// What became of a policy, for a program.
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

/// The error of a policy that failed.
fn error(why: &Why) -> Option<&str> {
    match why {
        Why::Failed(error) => Some(error),
        Why::Matched
        | Why::OtherPrincipal
        | Why::OtherAction
        | Why::OtherResource
        | Why::ConditionFalse => None,
    }
}
