//! Which policies changed, and in which part.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use zonegate_engine::policy::{Blank, Holding, Who};

use super::{Detail, Through};
use crate::compare::Side;

/// A policy or template that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyChange {
    /// Its `@id`.
    pub(crate) id: String,
    /// Its `@doc`.
    pub(crate) doc: String,
    /// Its file and line, in the new bundle unless it is gone.
    pub(crate) place: String,
    /// Whether it forbids.
    pub(crate) forbids: bool,
    /// Whether it is a template, which grants link.
    pub(crate) template: bool,
    /// What became of it.
    pub(crate) turn: Turn,
    /// The parts that are others now.
    pub(crate) details: Vec<Detail>,
}

/// What became of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its Cedar is another.
    Edited,
    /// It has another id, which it had before is here.
    Renamed(String),
    /// Only its `@doc` is another.
    Reworded,
    /// It is the same, and what it asks for is not: `network office`.
    Through(Vec<String>),
}

impl Turn {
    /// Whether a policy that this became of may decide otherwise.
    pub(crate) fn may_decide(&self) -> bool {
        match self {
            Turn::Added | Turn::Removed | Turn::Edited | Turn::Through(_) => true,
            Turn::Renamed(_) | Turn::Reworded => false,
        }
    }

    /// What became of it, in words.
    pub(crate) fn words(&self) -> String {
        match self {
            Turn::Added => "added".to_owned(),
            Turn::Removed => "removed".to_owned(),
            Turn::Edited => "edited".to_owned(),
            Turn::Renamed(old) => format!("renamed from {old}"),
            Turn::Reworded => "reworded".to_owned(),
            Turn::Through(what) => format!("through {}", what.join(", ")),
        }
    }
}

/// One policy of a side, template or not.
#[derive(Clone, Copy)]
struct Written<'a> {
    /// The policy.
    holding: &'a Holding,
    /// The grants that link it, where it is a template.
    grants: Option<&'a Vec<String>>,
}

impl Written<'_> {
    /// What it decides by: its Cedar without annotations, and the grants that link it.
    fn meaning(&self) -> (Value, Option<&Vec<String>>) {
        let mut json = self.holding.json.clone();
        if let Some(policy) = json.as_object_mut() {
            policy.remove("annotations");
        }
        (json, self.grants)
    }
}

/// The policies of a side by id.
fn written<'a>(side: Side<'a>) -> BTreeMap<&'a str, Written<'a>> {
    let statics = side.known.statics.iter().map(|holding| Written { holding, grants: None });
    let blank = |one: &'a Blank| Written { holding: &one.holding, grants: Some(&one.grants) };
    let all = statics.chain(side.known.blanks.iter().map(blank));
    all.map(|one| (one.holding.id.as_str(), one)).collect()
}

/// The policies that changed, by id.
pub(super) fn changes(old: Side<'_>, new: Side<'_>, through: &Through<'_>) -> Vec<PolicyChange> {
    let (before, after) = (written(old), written(new));
    let ids: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let mut changes: Vec<PolicyChange> = Vec::new();
    for id in ids {
        let (turn, details) = match (before.get(id), after.get(id)) {
            (None, Some(_)) => (Turn::Added, Vec::new()),
            (Some(_), None) => (Turn::Removed, Vec::new()),
            (Some(one), Some(other)) if one.meaning() != other.meaning() => {
                (Turn::Edited, details(*one, *other))
            }
            (Some(one), Some(other)) => {
                let reasons = reasons(&one.holding.json, through);
                if !reasons.is_empty() {
                    (Turn::Through(reasons), Vec::new())
                } else if one.holding.doc == other.holding.doc {
                    continue;
                } else {
                    let detail = Detail::of("doc", &one.holding.doc, &other.holding.doc);
                    (Turn::Reworded, detail.into_iter().collect())
                }
            }
            (None, None) => continue,
        };
        let Some(shown) = after.get(id).or_else(|| before.get(id)) else { continue };
        let Holding { id, doc, file, line, forbids, .. } = shown.holding;
        let (place, template) = (format!("{file}:{line}"), shown.grants.is_some());
        let (id, doc, forbids) = (id.clone(), doc.clone(), *forbids);
        changes.push(PolicyChange { id, doc, place, forbids, template, turn, details });
    }
    join_renamed(&mut changes, &before, &after, through);
    changes
}

/// What was removed and added again under another id was renamed.
fn join_renamed(
    changes: &mut Vec<PolicyChange>,
    before: &BTreeMap<&str, Written<'_>>,
    after: &BTreeMap<&str, Written<'_>>,
    through: &Through<'_>,
) {
    let with = |turn: &Turn| {
        let ids = changes.iter().filter(|one| one.turn == *turn).map(|one| one.id.clone());
        ids.collect::<Vec<String>>()
    };
    let (removed, added) = (with(&Turn::Removed), with(&Turn::Added));
    let mut taken: BTreeSet<&String> = BTreeSet::new();
    for gone in &removed {
        let Some(one) = before.get(gone.as_str()) else { continue };
        // What decides otherwise through a changed list is two policies, not one.
        if !reasons(&one.holding.json, through).is_empty() {
            continue;
        }
        let is_twin = |id: &&String| {
            let other = after.get(id.as_str());
            !taken.contains(id) && other.is_some_and(|other| one.meaning() == other.meaning())
        };
        let Some(twin) = added.iter().find(is_twin) else { continue };
        taken.insert(twin);
        changes.retain(|change| change.id != *gone);
        if let Some(change) = changes.iter_mut().find(|change| change.id == *twin) {
            change.turn = Turn::Renamed(gone.clone());
        }
    }
}

/// The changed lists that a policy asks for.
fn reasons(json: &Value, through: &Through<'_>) -> Vec<String> {
    let mentions = Mentions::of(json);
    let named = |kind: &str, names: &[&str]| {
        let asked = names.iter().filter(|name| mentions.names(kind, name));
        asked.map(|name| format!("{} {name}", kind.to_lowercase())).collect::<Vec<_>>()
    };
    // The names of networks and windows can also be read off keys and the context.
    let read = |attribute: &str, what: &str, names: &[&str]| {
        let is_read = mentions.attributes.contains(attribute);
        let all = names.iter().filter(|_| is_read).map(|name| format!("{what} {name}"));
        all.collect::<Vec<_>>()
    };
    let clocks = ["weekday", "time_of_day", "date"];
    let mut reasons = named("Pattern", &through.patterns);
    reasons.extend(read("networks", "network", &through.networks));
    reasons.extend(read("windows", "window", &through.windows));
    if through.clock && clocks.iter().any(|clock| mentions.attributes.contains(*clock)) {
        reasons.push("the time zone".to_owned());
    }
    reasons
}

/// What a policy's JSON names.
#[derive(Default)]
struct Mentions<'a> {
    /// Attributes.
    attributes: BTreeSet<&'a str>,
    /// Entities, as type and id.
    entities: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Mentions<'a> {
    /// Reads a policy; the walk keeps its own stack, so its depth does not depend on the policy's.
    fn of(json: &'a Value) -> Mentions<'a> {
        let mut found = Mentions::default();
        let mut pending = vec![json];
        while let Some(value) = pending.pop() {
            match value {
                Value::Object(object) => {
                    let text = |name: &str| object.get(name).and_then(Value::as_str);
                    found.attributes.extend(text("attr"));
                    let several = object.get("attr").and_then(Value::as_array);
                    found
                        .attributes
                        .extend(several.into_iter().flatten().filter_map(Value::as_str));
                    if let (Some(kind), Some(id)) = (text("type"), text("id")) {
                        found.entities.insert((kind, id));
                    }
                    pending.extend(object.values());
                }
                Value::Array(items) => pending.extend(items),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        found
    }

    /// Whether it names this entity.
    fn names(&self, kind: &str, id: &str) -> bool {
        self.entities.iter().any(|(one, other)| *one == kind && *other == id)
    }
}

/// The parts in which two forms of a policy differ.
fn details(old: Written<'_>, new: Written<'_>) -> Vec<Detail> {
    let (one, other) = (old.holding, new.holding);
    let effect = |holding: &Holding| if holding.forbids { "forbid" } else { "permit" };
    let actions = |holding: &Holding| {
        let names: Vec<&str> = holding.actions.iter().map(|action| action.name()).collect();
        names.join(", ")
    };
    let grants = |written: Written<'_>| written.grants.map_or(String::new(), |all| all.join(", "));
    let mut details: Vec<Detail> = [
        Detail::of("effect", effect(one), effect(other)),
        Detail::of("for", &who(&one.who), &who(&other.who)),
        Detail::of("actions", &actions(one), &actions(other)),
        Detail::of("on", &one.on_text(), &other.on_text()),
        Detail::of("grants", &grants(old), &grants(new)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let missing = |clause: &&String, there: &Holding| !there.clauses.contains(clause);
    let gone = one.clauses.iter().filter(|clause| missing(clause, other));
    let clause = || "clause".to_owned();
    details.extend(gone.map(|text| Detail { what: clause(), old: Some(text.clone()), new: None }));
    let come = other.clauses.iter().filter(|clause| missing(clause, one));
    details.extend(come.map(|text| Detail { what: clause(), old: None, new: Some(text.clone()) }));
    details
}

/// Whom a scope is for, in words.
fn who(who: &Who) -> String {
    match who {
        Who::Everybody => "every key".to_owned(),
        Who::Key(id) if id.starts_with('?') => "the key of the grant".to_owned(),
        Who::Key(id) => format!("the key {id}"),
        Who::Role(role) => format!("the role {role}"),
    }
}
