//! What each field could be instead, the nearest first.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use zonegate_engine::bundle::Bundle;
use zonegate_engine::name::Name;
use zonegate_engine::operation::{Action, Operation};
use zonegate_engine::record_type::RecordType;
use zonegate_engine::value;

use super::super::change::Step;
use super::trial::Trial;
use crate::universe::Universe;

/// What representative names begin with that nobody has mentioned.
const INVENTED: [&str; 3] = ["not-", "child.", "below."];
/// How far back windows are looked at, in steps: eight days.
const STEPS_BACK: i64 = 4 * 24 * 8;
/// A step.
const STEP: SignedDuration = SignedDuration::from_mins(15);
/// The representative zone that nobody has mentioned.
const ELSEWHERE: &str = "elsewhere.example";

/// For each field that the denied operation has, what it could be instead.
pub(super) fn steps(trial: &Trial<'_>, universe: &Universe) -> Vec<Vec<Step>> {
    let pivot = &trial.pivot;
    let mut all = vec![
        moments(trial.scene.at, &universe.times),
        addresses(trial, universe),
        values(trial, universe),
        names(pivot, universe),
        types(pivot, universe),
        zones(pivot, universe),
        actions(pivot),
    ];
    all.retain(|steps| !steps.is_empty());
    all
}

/// The last moment before a time at which each other set of windows was open: a key may have been
/// valid only then.
pub(super) fn before(bundle: &Bundle, now: Timestamp) -> Vec<Timestamp> {
    let mut known = BTreeSet::from([bundle.windows.open(now)]);
    let mut times = Vec::new();
    let earlier = |step: i64| now.checked_sub(STEP.checked_mul(i32::try_from(step).ok()?)?).ok();
    for at in (1..STEPS_BACK).filter_map(earlier) {
        if known.insert(bundle.windows.open(at)) {
            times.push(at);
        }
    }
    times
}

/// Other times: those to come, the nearest first, then those that have passed.
fn moments(now: Timestamp, times: &[Timestamp]) -> Vec<Step> {
    let mut times: Vec<Timestamp> = times.iter().copied().filter(|at| *at != now).collect();
    times.sort_by_key(|at| (*at < now, at.duration_since(now).unsigned_abs()));
    times.into_iter().map(Step::Time).collect()
}

/// Other addresses: the one that is written, then those of the same family.
fn addresses(trial: &Trial<'_>, universe: &Universe) -> Vec<Step> {
    let from = trial.scene.from;
    let record = trial.pivot.as_record();
    let written = record.and_then(|record| value::address(record.rtype, record.value.as_deref()?));
    let mut others = universe.froms.clone();
    others.sort_by_key(|one| (one.is_ipv4() != from.is_ipv4(), nobodys(one)));
    let all = written.into_iter().chain(others).filter(|one| *one != from);
    all.map(Step::Address).collect()
}

/// Whether an address is one that nobody has mentioned.
fn nobodys(address: &IpAddr) -> bool {
    address.is_loopback() || address.to_string() == "198.51.100.250"
}

/// Other values: the client's own address, then those of the same kind, then those of other types.
fn values(trial: &Trial<'_>, universe: &Universe) -> Vec<Step> {
    let Some(record) = trial.pivot.as_record() else { return Vec::new() };
    let Some(now) = &record.value else { return Vec::new() };
    let own = trial.scene.from.to_string();
    let own = value::address(record.rtype, &own).map(|_| own);
    let mut all: Vec<String> = own.into_iter().collect();
    all.extend(universe.values(record.rtype));
    for rtype in universe.types.iter().filter(|rtype| **rtype != record.rtype) {
        all.extend(universe.values(*rtype).into_iter().take(4));
    }
    let mut known = std::collections::HashSet::new();
    all.retain(|value| value != now && known.insert(value.clone()));
    all.into_iter().map(Step::Value).collect()
}

/// Other names: those in the zone first, and of these the ones that look most alike.
fn names(pivot: &Operation, universe: &Universe) -> Vec<Step> {
    let Some(record) = pivot.as_record() else { return Vec::new() };
    let mut names: Vec<&Name> =
        universe.names.iter().filter(|name| **name != record.name).collect();
    names.sort_by_cached_key(|name| {
        let outside = !name.is_below_or_equal(&record.zone);
        (outside, invented(name), distance(name, &record.name), name.as_str().len())
    });
    names.into_iter().cloned().map(Step::Name).collect()
}

/// Other types: the sibling of an address first.
fn types(pivot: &Operation, universe: &Universe) -> Vec<Step> {
    let Some(record) = pivot.as_record() else { return Vec::new() };
    let sibling = |rtype: &RecordType| {
        let pair = [record.rtype.policy_name(), rtype.policy_name()];
        !matches!(pair, ["A", "AAAA"] | ["AAAA", "A"])
    };
    let mut types: Vec<RecordType> =
        universe.types.iter().copied().filter(|rtype| *rtype != record.rtype).collect();
    types.sort_by_key(|rtype| (sibling(rtype), rtype.policy_name() == "OTHER"));
    types.into_iter().map(Step::Type).collect()
}

/// Other zones: those that somebody has mentioned, and of these the ones that look most alike.
fn zones(pivot: &Operation, universe: &Universe) -> Vec<Step> {
    let Some(asked) = pivot.zone_name() else { return Vec::new() };
    let mut zones: Vec<&Name> = universe.zones.iter().filter(|zone| *zone != asked).collect();
    zones.sort_by_cached_key(|zone| (invented(zone), distance(zone, asked), zone.as_str().len()));
    zones.into_iter().cloned().map(Step::Zone).collect()
}

/// Other actions on the same kind of thing: those of the same group first.
fn actions(pivot: &Operation) -> Vec<Step> {
    if pivot.action == Action::RecordWildcard {
        return Vec::new();
    }
    let alike = |action: &&Action| {
        action.kind() == pivot.action.kind()
            && **action != pivot.action
            && **action != Action::RecordWildcard
    };
    let mut actions: Vec<Action> = Action::ALL.iter().filter(alike).copied().collect();
    actions.sort_by_key(|action| action.group() != pivot.action.group());
    actions.into_iter().map(Step::Action).collect()
}

/// Whether a name was made up to stand for those that nobody mentions.
fn invented(name: &Name) -> bool {
    name.as_str().ends_with(ELSEWHERE)
        || INVENTED.iter().any(|start| name.as_str().starts_with(start))
}

/// How different two names look: labels that are not shared, the first and the last counting most.
fn distance(one: &Name, other: &Name) -> (Reverse<usize>, bool, usize) {
    let labels = |name: &Name| name.labels().map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (labels(one), labels(other));
    let ends = one.iter().rev().zip(other.iter().rev());
    let shared = ends.take_while(|(left, right)| left == right).count();
    (Reverse(shared), one.first() != other.first(), one.len().abs_diff(other.len()))
}
