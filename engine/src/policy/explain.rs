//! Why each policy did or did not decide an operation.
//!
//! The command tells a person about policies one by one; a request's own decision never comes
//! through here.

use std::rc::Rc;

use super::clause::{Clause, Held};
use super::holding::{Who, on_text, who_of};
use super::{Asking, Entry, Policies};
use crate::operation::Operation;
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
    /// Whom its scope is for.
    pub who: Who,
    /// What its scope is about, in words.
    pub on: String,
    /// What became of it.
    pub why: Why,
    /// What became of each of its clauses; empty where its scope is for something else.
    pub clauses: Vec<Clause>,
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
    /// Each policy's part in the decision on one operation: what decided, then the nearest misses.
    pub fn explain(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
    ) -> Vec<Explained> {
        let mine = asking.subject.entries();
        let others =
            self.entries.iter().filter(|entry| !mine.iter().any(|one| Rc::ptr_eq(one, entry)));
        let others = others.map(|entry| explained(entry, Why::OtherPrincipal, Vec::new()));
        let mine = mine.iter().map(|entry| {
            let why = self.why(patterns, asking, operation, entry);
            let clauses = match why {
                Why::Matched | Why::ConditionFalse | Why::Failed(_) => {
                    self.clauses(patterns, asking, operation, entry)
                }
                Why::OtherPrincipal | Why::OtherAction | Why::OtherResource => Vec::new(),
            };
            explained(entry, why, clauses)
        });
        let mut all: Vec<Explained> = mine.chain(others).collect();
        all.sort_by_cached_key(|one| {
            let decided = matches!(one.why, Why::Matched | Why::Failed(_));
            // What forbids is told first where it did, and last where it did not.
            let last = one.forbids && !decided;
            let missing = one.clauses.iter().filter(|clause| clause.held != Held::Yes).count();
            (last, rank(&one.why), !one.forbids, missing, one.id.clone())
        });
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
        match self.held(patterns, asking, operation, entry) {
            Held::Yes => Why::Matched,
            // The index does not see all that a scope says: who is `in` a pattern is asked here.
            Held::No | Held::NotReached => match entry.scope_alone() {
                Some(scope) if self.held(patterns, asking, operation, scope) == Held::No => {
                    Why::OtherResource
                }
                Some(_) | None => Why::ConditionFalse,
            },
            Held::Failed(error) => Why::Failed(error),
        }
    }
}

/// A policy with what became of it.
fn explained(entry: &Entry, why: Why, clauses: Vec<Clause>) -> Explained {
    Explained {
        id: entry.authored.id.clone(),
        doc: entry.authored.doc.clone(),
        file: entry.authored.file.clone(),
        line: entry.authored.line,
        forbids: !entry.permits,
        who: who_of(entry),
        on: on_text(entry),
        why,
        clauses,
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
