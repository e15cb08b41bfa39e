//! What questions have shown of each policy: whether its scope was met and missed, and which of its
//! clauses held and stopped it.
//!
//! A decision says which policies determined it, and nothing of a condition that no question ever
//! reached. So a table's runner has what was asked recorded ([`Policies::record`]) and puts it to an
//! [`Exercise`], which asks of those policies alone that have something left to show. A link of a
//! template shows for its template.
//!
//! Clauses are evaluated from the left, each only where those before it held, as Cedar does.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{
    Entities, EvalResult, Expression, Request, ResourceConstraint, eval_expression,
};
use serde_json::Value;

use super::candidates::Group;
use super::clause::{source_of, split};
use super::packed::Authored;
use super::plain::cedar_request;
use super::scope::ResourceBound;
use super::seen::Seen;
use super::{Asking, Entry, Policies, matching_patterns};
use crate::operation::Operation;
use crate::pattern::Patterns;

/// One question to the policies, as it was decided.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it was asked with.
    pub(super) asking: Asking,
    /// What it was about.
    pub(super) operation: Operation,
}

/// A policy or template, with all that can be shown of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its `@id`.
    pub id: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins at.
    pub line: usize,
    /// Whether its scope is about certain zones, domains, names, patterns, accounts or providers.
    pub is_narrow: bool,
    /// Its clauses, in the order of their evaluation.
    pub clauses: Vec<Condition>,
}

/// A clause, with what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Whether it stands in an `unless`.
    pub unless: bool,
    /// Its text in Cedar, in one line.
    pub text: String,
    /// Whether it asks for no more than that an attribute or tag is there, before another clause:
    /// the schema wants that wherever one is read, also where every resource has it.
    pub is_guard: bool,
    /// As Cedar reads it.
    source: String,
}

/// What was shown of one policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Something was asked that its scope is for.
    pub inside: bool,
    /// By a key that it is for, one of its actions was asked somewhere else.
    pub outside: bool,
    /// What became of each of its clauses.
    pub clauses: Vec<Sides>,
}

/// What became of a clause, in all that was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// Once at least the policy went on: true in a `when`, false in an `unless`.
    pub held: bool,
    /// Once at least the policy stopped here.
    pub stopped: bool,
    /// Once at least it could not be evaluated, which denies.
    pub failed: bool,
}

impl Sides {
    /// Whether nothing is left to show of this clause. One that fails has shown what it does, and
    /// a guard need not stop its policy.
    pub fn are_complete(self, clause: &Condition) -> bool {
        (self.held && (self.stopped || clause.is_guard)) || self.failed
    }
}

impl Shown {
    /// Whether its scope has nothing left to show.
    pub fn has_scope(&self, outline: &Outline) -> bool {
        self.inside && (self.outside || !outline.is_narrow)
    }

    /// Adds what was shown elsewhere.
    pub fn merge(&mut self, other: &Shown) {
        self.inside |= other.inside;
        self.outside |= other.outside;
        let length = self.clauses.len().max(other.clauses.len());
        self.clauses.resize(length, Sides::default());
        for (own, more) in self.clauses.iter_mut().zip(&other.clauses) {
            own.held |= more.held;
            own.stopped |= more.stopped;
            own.failed |= more.failed;
        }
    }
}

/// Something that is shown bit by bit.
#[derive(Debug)]
struct Open {
    /// What there is to show.
    outline: Outline,
    /// Its clauses, ready to be evaluated; `None` for one that Cedar does not read again.
    expressions: Vec<(bool, Option<Expression>)>,
    /// What was shown.
    shown: Shown,
}

/// What was shown of all policies of a bundle.
#[derive(Debug)]
pub struct Exercise {
    /// By id.
    open: HashMap<String, Open>,
}

impl Exercise {
    /// Nothing was shown yet.
    pub fn of(policies: &Policies) -> Exercise {
        let open = policies.outlines().into_iter().map(|outline| {
            let expression =
                |clause: &Condition| (clause.unless, Expression::from_str(&clause.source).ok());
            let expressions: Vec<_> = outline.clauses.iter().map(expression).collect();
            let clauses = vec![Sides::default(); expressions.len()];
            let shown = Shown { clauses, ..Shown::default() };
            (outline.id.clone(), Open { outline, expressions, shown })
        });
        Exercise { open: open.collect() }
    }

    /// What was shown, by id.
    pub fn shown(self) -> HashMap<String, Shown> {
        self.open.into_iter().map(|(id, open)| (id, open.shown)).collect()
    }

    /// Learns from one question.
    pub fn take(&mut self, policies: &Policies, patterns: &Patterns, asked: &Asked) {
        let Asked { asking, operation } = asked;
        let mut entries = Vec::new();
        for entry in asking.subject.entries() {
            let Some(open) = self.open.get_mut(&entry.authored.id) else { continue };
            if open.is_complete() || !entry.scope.admits_action(operation.action) {
                continue;
            }
            if entry.scope.admits_resource(operation, &asking.account) {
                entries.push(std::rc::Rc::clone(entry));
            } else {
                open.shown.outside = true;
            }
        }
        let Some(group) = Group::of(entries).filter(|group| !group.entries.is_empty()) else {
            return;
        };
        let Some((request, entities)) = policies.plainly(patterns, asked, &group) else {
            return;
        };
        for entry in group.entries {
            if let Some(open) = self.open.get_mut(&entry.authored.id) {
                open.take(&entry, &request, &entities);
            }
        }
    }
}

impl Open {
    /// Whether nothing is left to show.
    fn is_complete(&self) -> bool {
        let mut clauses = self.shown.clauses.iter().zip(&self.outline.clauses);
        self.shown.has_scope(&self.outline)
            && clauses.all(|(sides, clause)| sides.are_complete(clause))
    }

    /// Learns from a question that the index lets through to this policy.
    fn take(&mut self, entry: &Entry, request: &Request, entities: &Entities) {
        let rest = beyond_index(entry);
        let misses = |rest| truth(request, entities, &rest) != Some(true);
        if rest.is_some_and(misses) {
            self.shown.outside = true;
            return;
        }
        self.shown.inside = true;
        for ((unless, expression), sides) in self.expressions.iter().zip(&mut self.shown.clauses) {
            let truth = expression.as_ref().and_then(|one| truth(request, entities, one));
            match truth {
                Some(truth) if truth != *unless => sides.held = true,
                Some(_) => {
                    sides.stopped = true;
                    return;
                }
                None => {
                    sides.failed = true;
                    return;
                }
            }
        }
    }
}

/// What of a policy's scope the index does not judge, such as a pattern.
fn beyond_index(entry: &Entry) -> Option<Expression> {
    if entry.scope.resource != ResourceBound::Any {
        return None;
    }
    match entry.policy()?.resource_constraint() {
        ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => {
            Expression::from_str(&format!("resource in {uid}")).ok()
        }
        ResourceConstraint::Eq(uid) => Expression::from_str(&format!("resource == {uid}")).ok(),
        ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
    }
}

/// The value of a clause; `None` where it cannot be evaluated.
fn truth(request: &Request, entities: &Entities, expression: &Expression) -> Option<bool> {
    match eval_expression(request, entities, expression) {
        Ok(EvalResult::Bool(truth)) => Some(truth),
        Ok(_) | Err(_) => None,
    }
}

impl Policies {
    /// Has what is asked recorded from now on.
    pub fn record(&self) {
        *self.recorded.borrow_mut() = Some(Vec::new());
    }

    /// What was asked since it was recorded, or since this was called last.
    pub fn recorded(&self) -> Vec<Asked> {
        self.recorded.borrow_mut().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Records a question, where somebody wants it.
    pub(super) fn note(&self, asking: &Asking, operation: &Operation) {
        if let Some(recorded) = self.recorded.borrow_mut().as_mut() {
            recorded.push(Asked { asking: asking.clone(), operation: operation.clone() });
        }
    }

    /// All policies and templates with what can be shown of them, in the order of their files.
    pub fn outlines(&self) -> Vec<Outline> {
        let policies = self.entries.iter().filter_map(|entry| {
            let policy = entry.policy()?;
            let narrow = policy.resource_constraint() != ResourceConstraint::Any
                && !matches!(entry.scope.resource, ResourceBound::Kind(_));
            Some(outline(&entry.authored, narrow, &policy.to_json().ok()?))
        });
        let templates = self.templates.iter().filter_map(|template| {
            let narrow = template.slots.binds != super::Binds::Nothing;
            Some(outline(&template.authored, narrow, template.json()?))
        });
        let mut all: Vec<Outline> = policies.chain(templates).collect();
        all.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        all
    }

    /// A request and its entities with no more than some policies can tell of them.
    fn plainly(
        &self,
        patterns: &Patterns,
        asked: &Asked,
        group: &Group,
    ) -> Option<(Request, Entities)> {
        let Asked { asking, operation } = asked;
        let matching = matching_patterns(patterns, operation, &group.patterns);
        let seen = Seen::of(&asking.account, operation, &matching, group.sight())?;
        let prepared = asking.subject.prepared(self, &seen, false)?;
        let request = cedar_request(&prepared.triple, asking, None)?;
        Some((request, prepared.entities.clone().into()))
    }
}

/// What can be shown of a policy, given in Cedar's JSON form.
fn outline(authored: &Authored, is_narrow: bool, json: &Value) -> Outline {
    let bodies = split(json);
    let last = bodies.len().saturating_sub(1);
    let clauses = bodies.into_iter().enumerate().map(|(at, (unless, body))| {
        let asks_presence = body.get("has").is_some() || body.get("hasTag").is_some();
        let source = source_of(&body).unwrap_or_default();
        Condition {
            unless,
            text: source.split_whitespace().collect::<Vec<_>>().join(" "),
            is_guard: asks_presence && !unless && at < last,
            source,
        }
    });
    Outline {
        id: authored.id.clone(),
        file: authored.file.clone(),
        line: authored.line,
        is_narrow,
        clauses: clauses.collect(),
    }
}
