//! Why each policy did or did not decide an operation.
//!
//! The command and `whoami` tell a person about policies one by one; a request's own decision
//! never comes through here.

use std::rc::Rc;

use cedar_policy::{Decision, Effect};

use super::subject::Candidates;
use super::{Asking, Entry, Policies, Subject};
use crate::operation::{Action, Operation};
use crate::pattern::Patterns;

/// One policy's part in a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its `@id`.
    pub id: String,
    /// Its `@doc`.
    pub doc: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins at.
    pub line: usize,
    /// Whether it forbids.
    pub forbids: bool,
    /// What became of it.
    pub why: Why,
}

/// What became of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It matched.
    Matched,
    /// It is for other keys.
    OtherPrincipal,
    /// It is for other actions.
    OtherAction,
    /// It is for other resources.
    OtherResource,
    /// Its scope matched, its conditions did not.
    ConditionFalse,
    /// It could not be evaluated.
    Failed(String),
}

impl Policies {
    /// Each policy's part in the decision on one operation, matches first.
    pub fn explain(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
    ) -> Vec<Explained> {
        let mine = asking.subject.entries();
        let others =
            self.entries.iter().filter(|entry| !mine.iter().any(|one| Rc::ptr_eq(one, entry)));
        let others = others.map(|entry| explained(entry, Why::OtherPrincipal));
        let mine =
            mine.iter().map(|entry| explained(entry, self.why(patterns, asking, operation, entry)));
        let mut all: Vec<Explained> = mine.chain(others).collect();
        all.sort_by_key(|one| (rank(&one.why), !one.forbids, one.id.clone()));
        all
    }

    /// What became of one policy.
    fn why(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
        entry: &Rc<Entry>,
    ) -> Why {
        if !entry.scope.admits_action(operation.action) {
            return Why::OtherAction;
        }
        if !entry.scope.admits_resource(operation, &asking.account) {
            return Why::OtherResource;
        }
        let Some(alone) = Candidates::of(&[Rc::clone(entry)]) else {
            return Why::Failed("the policy cannot be evaluated".to_owned());
        };
        let seen = self.seen(patterns, asking, operation, &alone);
        let Some((request, prepared)) = seen.and_then(|seen| self.request(asking, &alone, &seen))
        else {
            return Why::Failed("the request cannot be expressed".to_owned());
        };
        let response = self.authorizer.is_authorized(&request, &alone.set, &prepared.entities);
        if let Some(error) = response.diagnostics().errors().next() {
            return Why::Failed(error.to_string());
        }
        let matched = match entry.policy.effect() {
            Effect::Permit => response.decision() == Decision::Allow,
            Effect::Forbid => response.diagnostics().reason().next().is_some(),
        };
        if matched { Why::Matched } else { Why::ConditionFalse }
    }
}

impl Subject {
    /// For each permit that could match this key: its id, sentence, actions, and its scope in words.
    pub fn permits(&self) -> Vec<(String, String, Vec<&'static str>, String)> {
        let permits = self.entries().iter().filter(|entry| entry.permits());
        permits
            .map(|entry| {
                let actions =
                    Action::ALL.iter().filter(|action| entry.scope.admits_action(**action));
                let scope = entry.scope.resource_text();
                let authored = &entry.authored;
                (
                    authored.id.clone(),
                    authored.doc.clone(),
                    actions.map(|one| one.name()).collect(),
                    scope,
                )
            })
            .collect()
    }
}

/// A policy with what became of it.
fn explained(entry: &Entry, why: Why) -> Explained {
    Explained {
        id: entry.authored.id.clone(),
        doc: entry.authored.doc.clone(),
        file: entry.authored.file.clone(),
        line: entry.authored.line,
        forbids: !entry.permits(),
        why,
    }
}

/// The order in which a person wants to read: what decided, then the nearest misses.
fn rank(why: &Why) -> u8 {
    match why {
        Why::Failed(_) => 0,
        Why::Matched => 1,
        Why::ConditionFalse => 2,
        Why::OtherResource => 3,
        Why::OtherAction => 4,
        Why::OtherPrincipal => 5,
    }
}
