//! A comparison for a program.

use serde_json::{Value, json};

use super::{Report, text};
use crate::compare::Direction;
use crate::compare::report::{Certainty, Example, Finding, Method, Unit, What};
use crate::compare::surface::{Detail, KeyChange, ListChange, PolicyChange, Turn};

/// The whole document.
pub(super) fn of(report: &Report) -> Value {
    let comparison = &report.comparison;
    let surface = &comparison.surface;
    let policies: Vec<Value> = surface.policies.iter().map(policy).collect();
    let keys: Vec<Value> = surface.keys.iter().map(key).collect();
    let lists: Vec<Value> = surface.lists.iter().map(list).collect();
    let units: Vec<Value> = comparison.units.iter().map(|one| unit(report, one)).collect();
    json!({
        "old": report.old.to_string(),
        "new": report.new.to_string(),
        "more": comparison.changes(Direction::More),
        "less": comparison.changes(Direction::Less),
        "at": comparison.at.to_string(),
        "changed": { "policies": policies, "keys": keys, "lists": lists },
        "effects": units,
        "not_compared": surface.providers,
        "keys_untouched": comparison.untouched,
        "keys_over": comparison.over,
        "requests": comparison.requests,
        "requests_left_out": comparison.left_out,
        "unproved": comparison.unproved,
    })
}

/// A changed policy.
fn policy(change: &PolicyChange) -> Value {
    let turn = match &change.turn {
        Turn::Added => "added",
        Turn::Removed => "removed",
        Turn::Edited => "edited",
        Turn::Renamed(_) => "renamed",
        Turn::Reworded => "reworded",
        Turn::Through(_) => "through",
    };
    let (from, through) = match &change.turn {
        Turn::Renamed(from) => (Some(from), &[][..]),
        Turn::Through(what) => (None, what.as_slice()),
        Turn::Added | Turn::Removed | Turn::Edited | Turn::Reworded => (None, &[][..]),
    };
    json!({ "id": change.id, "effect": if change.forbids { "forbid" } else { "permit" },
        "template": change.template, "place": change.place, "doc": change.doc, "turn": turn,
        "from": from, "through": through, "details": details(&change.details) })
}

/// A changed key.
fn key(change: &KeyChange) -> Value {
    json!({ "id": change.id, "description": change.description, "turn": change.turn.words(),
        "new_secret": change.new_secret, "lost_secret": change.lost_secret,
        "details": details(&change.details) })
}

/// A changed role, pattern, network or window.
fn list(change: &ListChange) -> Value {
    json!({ "what": change.what, "name": change.name, "old": change.old, "new": change.new })
}

/// Changed parts.
fn details(details: &[Detail]) -> Vec<Value> {
    let detail = |one: &Detail| json!({ "what": one.what, "old": one.old, "new": one.new });
    details.iter().map(detail).collect()
}

/// What a change means.
fn unit(report: &Report, unit: &Unit) -> Value {
    let surface = &report.comparison.surface;
    let key = |place: &usize| surface.keys.get(*place).map(|change| change.id.clone());
    let (kind, policy, keys) = match &unit.what {
        What::Policy(place) => {
            let id = surface.policies.get(*place).map(|change| change.id.clone());
            ("policy", id, Vec::new())
        }
        What::Keys(places) => ("keys", None, places.iter().filter_map(key).collect()),
        What::Secret(place) => ("secret", None, key(place).into_iter().collect()),
    };
    json!({ "what": kind, "policy": policy, "keys": keys, "title": text::title(report, unit),
        "more": finding(report, &unit.more), "less": finding(report, &unit.less) })
}

/// What is known of one direction.
fn finding(report: &Report, finding: &Finding) -> Value {
    match finding {
        Finding::Shown(found) => {
            let found_by = match found.method {
                Method::Requests => "requests",
                Method::Solver => "solver",
            };
            json!({ "changes": true, "found_by": found_by, "keys": found.keys,
                "keys_unshown": found.unshown, "example": example(report, &found.example) })
        }
        Finding::Secret => json!({ "changes": true, "found_by": "keys" }),
        Finding::No(Certainty::Certain(why)) => {
            json!({ "changes": false, "proved": true, "why": why })
        }
        Finding::No(Certainty::Proved) => {
            json!({ "changes": false, "proved": true, "why": "proved by the solver" })
        }
        Finding::No(Certainty::NotFound(requests, why)) => {
            json!({ "changes": false, "proved": false, "requests": requests, "why": why })
        }
    }
}

/// A request that is decided otherwise.
fn example(report: &Report, example: &Example) -> Value {
    let probe = &example.probe;
    json!({ "key": probe.key, "account": probe.scene.account.path(),
        "from": probe.scene.from.to_string(), "at": probe.scene.at.to_string(),
        "tls": probe.scene.tls, "route": probe.way.route,
        "operation": probe.operation.to_string(), "words": example.circumstances,
        "before": example.old, "now": example.new, "explain": report.command(example),
        "explains": if example.is_of_new { "new" } else { "old" } })
}
