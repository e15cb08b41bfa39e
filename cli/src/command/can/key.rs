//! `zonegate can KEY`: what a key can do, by what its policies are about, in words.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use zonegate_engine::key::Key;
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::operation::Action;
use zonegate_engine::policy::{Holding, Verdict, Why};

use super::subject::{State, Subject, Survey};
use super::words;
use super::zone::{Row, row, row_json, tables};
use crate::ask::{Inquiry, Probe};
use crate::output::{self, Ink, Paint, line};
use crate::universe::ELSEWHERE;

/// Zones that a key's table has at the most.
pub(super) const ZONES_MAX: usize = 40;
/// Denials of one policy that are looked into, until one is found that it alone makes.
const TRIES_MAX: usize = 40;

/// What a key can do.
#[derive(Debug)]
pub(super) struct Report<'b> {
    /// The key.
    subject: Subject<'b>,
    /// Its permits, by what they are about.
    permits: BTreeMap<String, Vec<Rc<Holding>>>,
    /// The policies that forbid something that its permits allow, each with an example.
    cuts: Vec<(Rc<Holding>, Probe)>,
    /// What it can do in each zone.
    rows: Vec<Row>,
}

/// Works out what a key can do.
pub(super) fn ask<'b>(survey: &Survey<'b>, subject: Subject<'b>) -> Report<'b> {
    let mut permits: BTreeMap<String, Vec<Rc<Holding>>> = BTreeMap::new();
    for holding in subject.holdings.iter().filter(|one| !one.forbids) {
        permits.entry(holding.on_text()).or_default().push(Rc::clone(holding));
    }
    let zones = zones(&subject);
    let rows = rows(survey, &subject, &zones);
    let cuts = cuts(survey, &subject, &zones);
    Report { subject, permits, cuts, rows }
}

/// The zones to show: those that its policies or grants name, then representatives of others; the
/// last stands for every zone that nobody mentions.
pub(super) fn zones(subject: &Subject<'_>) -> Vec<Name> {
    let mentioned = subject.universe.zones_mentioned;
    let mut zones: Vec<Name> = subject.universe.zones.iter().take(mentioned).cloned().collect();
    zones.retain(|zone| zone.as_str() != ELSEWHERE);
    zones.sort_by_key(|zone| !is_named(subject, zone));
    zones.truncate(ZONES_MAX);
    zones.extend(Name::parse(ELSEWHERE, NameForm::Fqdn));
    zones
}

/// Whether the key's policies or grants name a zone.
pub(super) fn is_named(subject: &Subject<'_>, zone: &Name) -> bool {
    let is = |(kind, id): &(String, String)| {
        matches!(kind.as_str(), "Zone" | "Domain") && id == zone.as_str()
    };
    subject.universe.entities.iter().any(is)
        || subject.key.grants.iter().any(|grant| grant.zone.as_ref() == Some(zone))
}

/// The rows of zones; those alike are one, and those of zones that are like every other zone are
/// left out.
fn rows(survey: &Survey<'_>, subject: &Subject<'_>, zones: &[Name]) -> Vec<Row> {
    let mut kept: Vec<(Row, usize)> = Vec::new();
    // The zone that is like no other comes first, so that what is like it is left out.
    for zone in zones.iter().rev().take(1).chain(zones.iter().take(zones.len().saturating_sub(1))) {
        let such = if is_named(subject, zone) { "" } else { "such as " };
        let row = row(survey, subject, zone, &format!("{such}{zone}"));
        match kept.iter_mut().find(|(other, _)| is_alike(&row, other)) {
            Some((_, more)) => *more += 1,
            None => kept.push((row, 0)),
        }
    }
    let first = kept.len().min(1);
    kept.rotate_left(first);
    let alone = kept.len() == 1;
    let headed = kept.into_iter().map(|(row, more)| {
        let head = match more {
            _ if row.head.ends_with(ELSEWHERE) && alone => "every zone".to_owned(),
            _ if row.head.ends_with(ELSEWHERE) => "every other zone".to_owned(),
            0 => row.head,
            more => format!("{} and {more} alike", row.head),
        };
        Row { head, ..row }
    });
    headed.collect()
}

/// Whether two rows say the same.
pub(super) fn is_alike(one: &Row, other: &Row) -> bool {
    let mut pairs = one.cells.iter().zip(&other.cells);
    pairs.all(|((_, one), (_, other))| {
        (one.answer, &one.by, &one.against) == (other.answer, &other.by, &other.against)
    })
}

/// The policies that forbid what permits of this key allow, with a question that shows it.
fn cuts(survey: &Survey<'_>, subject: &Subject<'_>, zones: &[Name]) -> Vec<(Rc<Holding>, Probe)> {
    let forbids: Vec<&Rc<Holding>> = subject.holdings.iter().filter(|one| one.forbids).collect();
    let mut tries: BTreeMap<String, usize> = BTreeMap::new();
    let mut found: BTreeMap<String, Probe> = BTreeMap::new();
    let mentioned: BTreeSet<&Name> = zones.iter().collect();
    let actions: BTreeSet<Action> =
        forbids.iter().flat_map(|forbid| forbid.actions.iter().copied()).collect();
    for action in actions {
        let operations = subject.universe.operations(action, false);
        let circumstances = survey.circumstances(subject, action);
        for circumstance in circumstances.iter() {
            let (scene, way) = (&circumstance.scene, &circumstance.way);
            let inquiry = Inquiry::of(survey.bundle, &subject.key.id, scene, way);
            for operation in &operations {
                let here = operation.zone_name().is_none_or(|zone| mentioned.contains(zone));
                if !here || found.len() == forbids.len() {
                    continue;
                }
                let Verdict::Deny(_, by) = inquiry.decide_quickly(operation) else { continue };
                let new: Vec<String> =
                    by.into_iter().filter(|id| !found.contains_key(id)).collect();
                let worth = |id: &String| tries.get(id).copied().unwrap_or_default() < TRIES_MAX;
                if !new.iter().any(worth) {
                    continue;
                }
                for id in &new {
                    *tries.entry(id.clone()).or_default() += 1;
                }
                if is_permitted(&inquiry, operation) {
                    let probe = Probe {
                        key: subject.key.id.clone(),
                        scene: scene.clone(),
                        way: way.clone(),
                        operation: operation.clone(),
                    };
                    found.extend(new.into_iter().map(|id| (id, probe.clone())));
                }
            }
        }
    }
    let of = |forbid: &Rc<Holding>| Some((Rc::clone(forbid), found.get(&forbid.id)?.clone()));
    forbids.into_iter().filter_map(of).collect()
}

/// Whether a permit matches something, whatever forbids it; a wildcard's own right is another's
/// business.
fn is_permitted(inquiry: &Inquiry<'_>, operation: &zonegate_engine::operation::Operation) -> bool {
    let parts = inquiry.explain(operation);
    parts.iter().any(|one| !one.forbids && one.why == Why::Matched)
}

/// Prints the report for a person.
pub(super) fn text(report: &Report<'_>, note: &str) {
    let paint = Paint::stdout();
    let key = report.subject.key;
    line(format!("{}  {}", paint.ink(Ink::Strong, &key.id), plain(&key.description)));
    for text in about(&report.subject) {
        line(format!("  {text}"));
    }
    if let (Some(words), State::Expired(_) | State::Disabled) =
        (report.subject.state.words(), report.subject.state)
    {
        let words = format!("{words}: it can do nothing; this is what its policies say");
        line(format!("  {}", paint.ink(Ink::Bad, &words)));
    }
    for (on, permits) in &report.permits {
        line("");
        line(paint.ink(Ink::Strong, &format!("on {on}")));
        for permit in permits {
            holding_text(permit, paint);
        }
    }
    if !report.cuts.is_empty() {
        line("");
        line(paint.ink(Ink::Strong, "but never what these forbid"));
    }
    for (forbid, probe) in &report.cuts {
        holding_text(forbid, paint);
        line(paint.ink(Ink::Faint, &format!("      such as {}", probe.operation)));
    }
    line("");
    line(paint.ink(Ink::Strong, "decisions by zone"));
    tables(&report.rows, "zone", paint);
    line(paint.ink(Ink::Faint, note));
}

/// A policy: its actions and clauses, then where it stands.
fn holding_text(holding: &Holding, paint: Paint) {
    line(format!("  {}", actions(holding)));
    for clause in &holding.clauses {
        line(format!("      {}", words::clause(clause)));
    }
    let place = format!("      {}  {}:{}", holding.id, holding.file, holding.line);
    line(paint.ink(Ink::Faint, &place));
    if !holding.doc.is_empty() {
        line(paint.ink(Ink::Faint, &format!("      {}", plain(&holding.doc))));
    }
}

/// The actions of a policy.
fn actions(holding: &Holding) -> String {
    if holding.actions.len() == Action::ALL.len() {
        return "every action".to_owned();
    }
    holding.actions.iter().map(|action| action.name()).collect::<Vec<_>>().join(", ")
}

/// A person's text on one line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What the keys file says of the key: where and until when it works.
fn about(subject: &Subject<'_>) -> Vec<String> {
    let key = subject.key;
    let mut lines = vec![format!("accounts: {}", key.accounts.join(", "))];
    if let Some(owner) = &key.owner {
        lines.push(format!("owner: {}", plain(owner)));
    }
    if !key.roles.is_empty() {
        lines.push(format!("roles: {}", key.roles.join(", ")));
    }
    lines.extend(grants(key));
    if !key.networks.is_empty() {
        lines.push(format!("networks: {}", key.networks.join(", ")));
    }
    let from = key.not_before.map(|at| format!("not before {at}"));
    let to = key.expires.map_or("never expires".to_owned(), |at| format!("expires {at}"));
    lines.push(from.into_iter().chain([to]).collect::<Vec<_>>().join(", "));
    lines
}

/// A key's grants in words.
pub(super) fn grants(key: &Key) -> Vec<String> {
    let words = key.grants.iter().map(|grant| {
        let fields = [("zone", &grant.zone), ("domain", &grant.domain), ("name", &grant.name)];
        let fields = fields
            .iter()
            .filter_map(|(field, name)| name.as_ref().map(|name| format!("{field} {name}")));
        format!("grant: {} {}", grant.grant, fields.collect::<Vec<_>>().join(", "))
    });
    words.collect()
}

/// Prints the report for a program.
pub(super) fn json(report: &Report<'_>) {
    let key = report.subject.key;
    let permits: Vec<_> = report.permits.values().flatten().map(|one| holding_json(one)).collect();
    let cuts = report.cuts.iter().map(|(forbid, probe)| {
        let mut json = holding_json(forbid);
        if let Some(object) = json.as_object_mut() {
            object.insert("example".to_owned(), probe.explain_arguments().into());
        }
        json
    });
    output::json(&serde_json::json!({
        "key": key.id, "description": key.description, "owner": key.owner,
        "accounts": key.accounts, "roles": key.roles, "networks": key.networks,
        "not_before": key.not_before.map(|at| at.to_string()),
        "expires": key.expires.map(|at| at.to_string()),
        "state": report.subject.state.code(),
        "permits": permits,
        "forbids": cuts.collect::<Vec<_>>(),
        "zones": report.rows.iter().map(|row| row_json(row, "zone")).collect::<Vec<_>>(),
    }));
}

/// A policy for a program.
fn holding_json(one: &Holding) -> serde_json::Value {
    let actions: Vec<&str> = one.actions.iter().map(|action| action.name()).collect();
    let words: Vec<String> = one.clauses.iter().map(|clause| words::clause(clause)).collect();
    serde_json::json!({ "id": one.id, "doc": one.doc, "file": one.file, "line": one.line,
        "actions": actions, "on": one.on_text(), "clauses": one.clauses, "words": words })
}
