//! A policy's conditions, one by one: which of them held, and at which one it stopped.
//!
//! `when { a && b } unless { c || d }` is four clauses: a, b, unless c, unless d. Cedar evaluates
//! them in this order and stops at the first that decides, so a later clause may rely on an earlier
//! one (`resource has address && resource.address == ...`). Clauses are therefore asked as growing
//! prefixes, never alone: the first prefix that no longer matches names the clause at fault.

use std::cell::OnceCell;
use std::rc::Rc;

use cedar_policy::Policy;
use serde_json::{Value, json};

use super::candidates::Group;
use super::evaluate::Question;
use super::scope::Scope;
use super::{Asking, Entry, Policies};
use crate::operation::Operation;
use crate::pattern::Patterns;

/// What stands for Cedar's words where nothing could be asked.
pub(super) const UNASKED: &str = "the request cannot be expressed";

/// One clause of a policy, with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Whether it stands in an `unless`, so that the policy matches where it is false.
    pub unless: bool,
    /// Its text in Cedar.
    pub text: String,
    /// What became of it.
    pub held: Held,
}

/// What became of a clause. "Held" means that the policy went on: true in a `when`, false in an
/// `unless`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The policy went on.
    Yes,
    /// The policy stopped here.
    No,
    /// An earlier clause had stopped the policy.
    NotReached,
    /// It could not be evaluated; Cedar's words.
    Failed(String),
}

/// A clause as it is asked: the policy with it and all clauses before it, and no others.
#[derive(Debug)]
pub(super) struct Asked {
    /// See [`Clause::unless`].
    pub(super) unless: bool,
    /// Its text in Cedar.
    pub(super) text: String,
    /// The policy as far as this clause.
    upto: Rc<Entry>,
}

/// A policy in parts, worked out when somebody asks.
pub(super) type Clauses = OnceCell<Parts>;

/// A policy in parts.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The policy without any clause: its scope.
    scope: Option<Rc<Entry>>,
    /// Its clauses, in the order of their evaluation.
    clauses: Vec<Asked>,
}

impl Entry {
    /// Its clauses, in the order of their evaluation.
    pub(super) fn clauses(&self) -> &[Asked] {
        &self.parts().clauses
    }

    /// Itself without any clause.
    pub(super) fn scope_alone(&self) -> Option<&Rc<Entry>> {
        self.parts().scope.as_ref()
    }

    /// Its parts.
    fn parts(&self) -> &Parts {
        self.clauses.get_or_init(|| self.make_parts().unwrap_or_default())
    }

    /// Works the parts out; `None` never happens, because Cedar reads what it wrote.
    fn make_parts(&self) -> Option<Parts> {
        let policy = self.policy()?.to_json().ok()?;
        let mut taken: Vec<Value> = Vec::new();
        let mut made = Vec::new();
        let scope = self.upto(&policy, &taken)?;
        for (unless, body) in split(&policy) {
            let kind = if unless { "unless" } else { "when" };
            let text = text_of(&body)?;
            taken.push(json!({ "kind": kind, "body": body }));
            made.push(Asked { unless, text, upto: self.upto(&policy, &taken)? });
        }
        Some(Parts { scope: Some(scope), clauses: made })
    }

    /// The same policy with these conditions instead of its own.
    fn upto(&self, policy: &Value, conditions: &[Value]) -> Option<Rc<Entry>> {
        let mut prefix = policy.clone();
        prefix.as_object_mut()?.insert("conditions".to_owned(), Value::from(conditions.to_vec()));
        let scope = Scope { types: None, ..self.scope.clone() };
        let policy = Policy::from_json(Some(self.policy()?.id().clone()), prefix).ok()?;
        Some(Rc::new(Entry::made(policy, scope, Rc::clone(&self.authored))))
    }
}

impl Policies {
    /// What became of each clause of a policy whose scope matches.
    pub(super) fn clauses(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
        entry: &Entry,
    ) -> Vec<Clause> {
        let mut stopped = false;
        let asked = entry.clauses().iter().map(|clause| {
            let held = if stopped {
                Held::NotReached
            } else {
                self.held(patterns, asking, operation, &clause.upto)
            };
            stopped = stopped || held != Held::Yes;
            Clause { unless: clause.unless, text: clause.text.clone(), held }
        });
        asked.collect()
    }

    /// Whether a policy, all of whose clauses but the last hold, matches.
    pub(super) fn held(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
        entry: &Rc<Entry>,
    ) -> Held {
        let Some(alone) = Group::of([Rc::clone(entry)]) else {
            return Held::Failed("the policy cannot be evaluated".to_owned());
        };
        let seen = self.seen(patterns, asking, operation, &alone);
        let prepared = seen.and_then(|seen| asking.subject.prepared(self, &seen, false));
        let satisfied = prepared.and_then(|prepared| {
            Question::new(operation.action, &prepared, &asking.context).is_satisfied(entry)
        });
        match satisfied {
            None => Held::Failed(UNASKED.to_owned()),
            Some(Ok(true)) => Held::Yes,
            Some(Ok(false)) => Held::No,
            Some(Err(error)) => Held::Failed(format!(
                "error while evaluating policy `{}`: {error}",
                entry.authored.id
            )),
        }
    }
}

/// The clauses of a policy in Cedar's JSON form: whether in an `unless`, and the expression.
pub(super) fn split(policy: &Value) -> Vec<(bool, Value)> {
    let conditions = policy.get("conditions").and_then(Value::as_array);
    let mut clauses = Vec::new();
    for condition in conditions.into_iter().flatten() {
        let unless = condition.get("kind").and_then(Value::as_str) == Some("unless");
        let Some(body) = condition.get("body") else { continue };
        // Cedar's own order: from the left. The stack keeps this walk independent of the depth.
        let operator = if unless { "||" } else { "&&" };
        let mut pending = vec![body];
        while let Some(expression) = pending.pop() {
            let operands = expression.get(operator);
            let side = |name| operands.and_then(|operands| operands.get(name));
            match (side("left"), side("right")) {
                (Some(left), Some(right)) => pending.extend([right, left]),
                _ => clauses.push((unless, expression.clone())),
            }
        }
    }
    clauses
}

/// An expression as Cedar text, in one line, to be read by people.
pub(super) fn text_of(expression: &Value) -> Option<String> {
    Some(source_of(expression)?.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// An expression as Cedar text that Cedar reads as the same.
pub(super) fn source_of(expression: &Value) -> Option<String> {
    let policy = json!({
        "effect": "permit",
        "principal": { "op": "All" },
        "action": { "op": "All" },
        "resource": { "op": "All" },
        "conditions": [{ "kind": "when", "body": expression }],
    });
    let text = Policy::from_json(None, policy).ok()?.to_cedar()?;
    let (_, body) = text.split_once("when {")?;
    let (body, _) = body.rsplit_once('}')?;
    Some(body.to_owned())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    /// The clauses of a policy as text.
    fn clauses(conditions: &str) -> Vec<String> {
        let text = format!("permit (principal, action, resource) {conditions};");
        let policy = Policy::from_str(&text).unwrap().to_json().unwrap();
        let word = |unless| if unless { "unless" } else { "when" };
        let split = split(&policy).into_iter();
        split.map(|(unless, one)| format!("{} {}", word(unless), text_of(&one).unwrap())).collect()
    }

    #[test]
    fn conditions_are_taken_apart_in_the_order_of_their_evaluation() {
        for (conditions, expected) in [
            ("", &[][..]),
            ("when { context.tls }", &["when context.tls"]),
            (
                "when { context.tls && (resource.apex || context.tls) && 1 == 1 }",
                &["when context.tls", "when resource.apex || context.tls", "when 1 == 1"],
            ),
            (
                "unless { context.tls || resource.apex && context.tls } when { resource.apex }",
                &[
                    "unless context.tls",
                    "unless resource.apex && context.tls",
                    "when resource.apex",
                ],
            ),
        ] {
            // Cedar prints more brackets than its reader needs.
            let bare = |text: &str| text.replace(['(', ')'], "");
            let found: Vec<_> = clauses(conditions).iter().map(|one| bare(one)).collect();
            let expected: Vec<_> = expected.iter().map(|one| bare(one)).collect();
            assert_eq!(found, expected, "{conditions}");
        }
    }
}
