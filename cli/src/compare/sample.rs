//! Requests to compare two sides by, made of what their policies compare with.
//!
//! What is near is asked under all circumstances: the types, values and routes that the *changed*
//! policies of either side mention. What is far, which only the key's other policies mention, is
//! asked where the key can do most. Nothing is asked that no changed policy's scope admits: such a
//! decision cannot have changed. The order is fixed, so the same two sides give the same requests.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use zonegate_engine::key::Key;
use zonegate_engine::operation::{Action, Operation, Resource};
use zonegate_engine::policy::{AccountId, Holding, On};
use zonegate_engine::provider::{Provider, Route};

use super::Side;
use super::class::Class;
use super::surface::{ListChange, Surface};
use crate::ask::{self, Scene, Way};
use crate::universe::{Around, Universe, window_times};

/// How far ahead every minute is looked at for a window that changed: a week and a day.
const CLOSE_MINUTES: i64 = 8 * 24 * 60;
/// How far ahead every quarter of an hour is: more than a year.
const FAR_MINUTES: i64 = 400 * 24 * 60;
/// Ways by which one operation is asked for at most.
const WAYS_MAX: usize = 8;
/// The account that is asked where a key is for all.
const USUAL_ACCOUNT: &str = "powerdns/main";

/// What is asked of one key.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// From where and when, the plainest first.
    pub(crate) scenes: Vec<Scene>,
    /// What the changed policies themselves name: asked under all circumstances.
    pub(crate) near: Vec<Operation>,
    /// What they read, at all names that the key's policies name: asked under the best ones.
    pub(crate) around: Vec<Operation>,
    /// Everything else that the key's policies name: asked under the best ones.
    pub(crate) far: Vec<Operation>,
    /// Routes that policies name, as `provider/route`.
    pub(crate) routes: Vec<String>,
    /// Whether changed policies look at the route or the method: then every route is asked by.
    pub(crate) every_route: bool,
}

/// Moments that windows tell apart: one of each pair of sets that are open on the two sides.
pub(crate) fn moments(
    old: Side<'_>,
    new: Side<'_>,
    surface: &Surface,
    at: Timestamp,
) -> Vec<Timestamp> {
    let mut times = window_times(old.bundle, at);
    times.extend(window_times(new.bundle, at));
    let is_changed = |list: &ListChange| list.what == "window" || list.what == "time zone";
    if surface.lists.iter().any(is_changed) {
        // Where a window ends a little later than before, only that little shows it.
        let minutes = (0..CLOSE_MINUTES).chain((CLOSE_MINUTES..FAR_MINUTES).step_by(15));
        let later = |minute: i64| at.checked_add(SignedDuration::from_mins(minute)).ok();
        times.extend(minutes.filter_map(later));
    }
    let open = |at: Timestamp| (old.bundle.windows.open(at), new.bundle.windows.open(at));
    let mut known = BTreeSet::new();
    times.retain(|at| known.insert(open(*at)));
    times
}

/// A key on one side, with the policies that can match it.
struct View<'a> {
    /// The side.
    side: Side<'a>,
    /// The key.
    key: &'a Key,
    /// Its policies.
    holdings: Vec<Holding>,
}

impl<'a> View<'a> {
    /// The key of this id on a side, where it is there.
    fn of(side: Side<'a>, id: &str) -> Option<View<'a>> {
        let key = side.bundle.keys.by_id(id)?;
        let statics = side.known.statics.iter().filter(|one| one.is_for(key)).cloned();
        let mut holdings: Vec<Holding> = statics.collect();
        holdings.extend(side.bundle.policies.linked(key).unwrap_or_default());
        Some(View { side, key, holdings })
    }
}

impl Sample {
    /// What is asked of the first key of a class; `moments` begins with the time from which on.
    pub(crate) fn of(old: Side<'_>, new: Side<'_>, class: &Class, moments: &[Timestamp]) -> Sample {
        let id = class.members.first().map_or("", String::as_str);
        let views: Vec<View<'_>> =
            [old, new].into_iter().filter_map(|side| View::of(side, id)).collect();
        let is_touched = |one: &&Holding| class.own || class.touched.contains(&one.id);
        let changed: Vec<&Holding> =
            views.iter().flat_map(|view| view.holdings.iter().filter(is_touched)).collect();
        let all = universe(&views, moments, &|_| true);
        let near = universe(&views, moments, &|one| is_touched(&one));
        let mut sample = Sample { routes: all.routes.clone(), ..Sample::default() };
        let reads = |name: &str| near.reads.contains(name);
        sample.every_route = ["route", "method", "*"].into_iter().any(reads);
        let mut near = near;
        let asked = changed.iter().flat_map(|one| ip_literals(&one.json));
        near.record_addresses.extend(asked.flat_map(|range| edges(&range)));
        near.record_addresses.sort_unstable();
        near.record_addresses.dedup();
        let around =
            Universe { zones: all.zones.clone(), names: all.names.clone(), ..near.clone() };
        let actions = actions(&changed, class.own);
        let admitted =
            |operation: &Operation| class.own || changed.iter().any(|one| admits(one, operation));
        let mut known: HashSet<Operation> = HashSet::new();
        let tiers =
            [(&near, &mut sample.near), (&around, &mut sample.around), (&all, &mut sample.far)];
        for (from, into) in tiers {
            for action in &actions {
                for operation in from.operations(*action, true) {
                    if admitted(&operation) && known.insert(operation.clone()) {
                        into.push(operation);
                    }
                }
            }
        }
        sample.scenes = scenes(&views, &all, moments);
        sample
    }
}

/// What all policies of a key on both sides can tell apart.
pub(super) fn around(old: Side<'_>, new: Side<'_>, key: &str, moments: &[Timestamp]) -> Universe {
    let views: Vec<View<'_>> =
        [old, new].into_iter().filter_map(|side| View::of(side, key)).collect();
    universe(&views, moments, &|_| true)
}

/// What the wanted policies of a key on both sides can tell apart.
fn universe(
    views: &[View<'_>],
    moments: &[Timestamp],
    wanted: &dyn Fn(&Holding) -> bool,
) -> Universe {
    let mut whole = Universe::default();
    for view in views {
        let around = Around { keys: vec![view.key], zones: Vec::new(), times: moments.to_vec() };
        let holdings = view.holdings.iter().filter(|one| wanted(one));
        whole.join(Universe::around(view.side.bundle, holdings, &around));
    }
    whole
}

/// The actions that changed policies are about. A wildcard name is written by a creation or a
/// deletion, and there is no other request for it.
fn actions(changed: &[&Holding], own: bool) -> Vec<Action> {
    let writes = [Action::RecordCreate, Action::RecordDelete];
    let is_asked = |action: &Action| {
        own || changed.iter().any(|one| {
            one.actions.contains(action)
                || (writes.contains(action) && one.actions.contains(&Action::RecordWildcard))
        })
    };
    let all = Action::ALL.iter().copied();
    all.filter(|action| *action != Action::RecordWildcard).filter(is_asked).collect()
}

/// Whether a policy's scope admits an operation, or the wildcard that it writes.
fn admits(holding: &Holding, operation: &Operation) -> bool {
    let action = ask::meant(operation).iter().any(|one| holding.actions.contains(&one.action));
    let below = |name: &str, domain: &str| {
        name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let owner = match &operation.resource {
        Resource::Account => None,
        Resource::Zone { zone, .. } => Some(zone),
        Resource::Record(record) => Some(&record.name),
    };
    action
        && match &holding.on {
            // Accounts are circumstances here.
            On::Everything | On::Account(_) | On::Provider(_) => true,
            On::Kind(kind) => *kind == operation.action.kind(),
            On::Zone(zone) => operation.zone_name().is_some_and(|one| one.as_str() == zone),
            On::Domain(domain) => owner.is_some_and(|owner| below(owner.as_str(), domain)),
            On::Name(name) => operation.as_record().is_some_and(|one| one.name.as_str() == name),
        }
}

/// The circumstances that the policies of a key can tell apart, each once.
fn scenes(views: &[View<'_>], universe: &Universe, moments: &[Timestamp]) -> Vec<Scene> {
    let reads = |name: &str| universe.reads.contains(name) || universe.reads.contains("*");
    let froms = froms(views, universe, reads("client_ip"));
    let clocks = ["now", "weekday", "time_of_day", "date"].iter().any(|name| reads(name));
    let times = times(views, universe, moments, clocks);
    let connections: &[bool] = if reads("tls") { &[true, false] } else { &[true] };
    let mut scenes = Vec::new();
    for account in accounts(views, universe) {
        for tls in connections {
            for at in &times {
                for from in &froms {
                    let account = account.clone();
                    scenes.push(Scene { account, from: *from, at: *at, tls: *tls });
                }
            }
        }
    }
    scenes
}

/// Addresses; one of each set of networks, unless policies look at the address itself.
fn froms(views: &[View<'_>], universe: &Universe, exactly: bool) -> Vec<IpAddr> {
    let mut known = BTreeSet::new();
    let mut all = universe.froms.clone();
    all.extend(views.iter().flat_map(|view| ranges(view)).flat_map(|range| edges(&range)));
    let sees = |from: &IpAddr| {
        let inside = |view: &View<'_>| {
            let networks = view.side.bundle.networks.containing(*from).into_iter();
            let asked = |name: &&str| {
                universe.entities.contains(&("Network".to_owned(), (*name).to_owned()))
                    || view.key.networks.iter().any(|one| one == name)
            };
            networks.filter(asked).map(str::to_owned).collect::<Vec<String>>()
        };
        let exact = Some(*from).filter(|_| exactly);
        (exact, views.iter().map(inside).collect::<Vec<_>>())
    };
    all.retain(|from| known.insert(sees(from)));
    all
}

/// The ranges of addresses that a key's policies ask for, and those of its networks.
fn ranges(view: &View<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let networks = view.side.bundle.networks.iter().flat_map(|one| &one.ranges);
    found.extend(networks.map(ToString::to_string));
    found.extend(view.holdings.iter().flat_map(|one| ip_literals(&one.json)));
    found
}

/// The arguments of `ip(...)` in a policy; the walk keeps its own stack.
fn ip_literals(policy: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut pending = vec![policy];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(object) => {
                let argument = object.get("ip").and_then(|list| list.get(0));
                let literal = argument.and_then(|one| one.get("Value")).and_then(Value::as_str);
                found.extend(literal.map(str::to_owned));
                pending.extend(object.values());
            }
            Value::Array(items) => pending.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

/// Both ends of a range, and what is next to them: where two sets of ranges differ, they differ at
/// one of these.
fn edges(range: &str) -> Vec<IpAddr> {
    let (first, bits) = match range.split_once('/') {
        Some((first, bits)) => (first, bits.parse::<u32>().ok()),
        None => (range, None),
    };
    match first.parse::<IpAddr>() {
        Ok(IpAddr::V4(first)) => {
            let host = u32::BITS.saturating_sub(bits.unwrap_or(u32::BITS));
            let first = first.to_bits();
            let last = first | u32::MAX.checked_shr(u32::BITS - host).unwrap_or(0);
            let near = [Some(first), Some(last), first.checked_sub(1), last.checked_add(1)];
            near.into_iter().flatten().map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))).collect()
        }
        Ok(IpAddr::V6(first)) => {
            let host = u128::BITS.saturating_sub(bits.unwrap_or(u128::BITS));
            let first = first.to_bits();
            let last = first | u128::MAX.checked_shr(u128::BITS - host).unwrap_or(0);
            let near = [Some(first), Some(last), first.checked_sub(1), last.checked_add(1)];
            near.into_iter().flatten().map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// Times; one of each set of open windows in which the key is as valid, unless policies look at
/// the clock itself.
fn times(
    views: &[View<'_>],
    universe: &Universe,
    moments: &[Timestamp],
    exactly: bool,
) -> Vec<Timestamp> {
    let Some(first) = moments.first().copied() else { return Vec::new() };
    let mut all = universe.times.clone();
    let second = SignedDuration::from_secs(1);
    for end in views.iter().flat_map(|view| [view.key.not_before, view.key.expires]).flatten() {
        all.extend(end.checked_sub(second).ok());
        all.push(end);
    }
    let mut known = BTreeSet::new();
    all.retain(|at| {
        let sees = |view: &View<'_>| {
            let open = view.side.bundle.windows.open(*at).into_iter();
            let asked = |name: &&str| {
                universe.entities.contains(&("Window".to_owned(), (*name).to_owned()))
            };
            let open: Vec<String> = open.filter(asked).map(str::to_owned).collect();
            (view.key.check(*at).is_ok(), open)
        };
        let exact = Some(*at).filter(|_| exactly);
        *at >= first && known.insert((exact, views.iter().map(sees).collect::<Vec<_>>()))
    });
    all
}

/// The accounts that a key is for.
fn accounts(views: &[View<'_>], universe: &Universe) -> Vec<AccountId> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    for account in views.iter().flat_map(|view| &view.key.accounts) {
        if account != "*" {
            add(account);
            continue;
        }
        add(USUAL_ACCOUNT);
        universe.accounts.iter().for_each(|name| add(name));
    }
    let is_served = |account: &AccountId| {
        views.iter().any(|view| view.side.bundle.provider(&account.provider).is_some())
    };
    let split = |name: &String| {
        let (provider, account) = name.split_once('/')?;
        Some(AccountId { provider: provider.to_owned(), account: account.to_owned() })
    };
    names.iter().filter_map(split).filter(is_served).collect()
}

/// The ways by which an operation is asked for: the usual one, and the routes that policies name
/// and that can mean it.
pub(crate) fn ways(
    sides: [Side<'_>; 2],
    account: &AccountId,
    action: Action,
    sample: &Sample,
) -> Vec<Way> {
    let usual = |side: &Side<'_>| {
        side.bundle.provider(&account.provider).map(|provider| Way::usual(provider, action))
    };
    let mut ways: Vec<Way> = sides.iter().rev().filter_map(usual).take(1).collect();
    let changes = matches!(action, Action::RecordCreate | Action::RecordDelete);
    let every = || {
        let providers = sides.iter().filter_map(|side| side.bundle.provider(&account.provider));
        let path =
            |provider: &Provider, route: &Route| format!("{}/{}", provider.name(), route.id());
        let of =
            |provider| Provider::routes(provider).iter().map(move |route| path(provider, route));
        providers.flat_map(of).collect::<Vec<String>>()
    };
    let every = if sample.every_route { every() } else { Vec::new() };
    for route in sample.routes.iter().chain(&every) {
        if ways.len() >= WAYS_MAX {
            break;
        }
        let Some((provider, id)) = route.split_once('/') else { continue };
        if provider != account.provider {
            continue;
        }
        let means = |side: &Side<'_>| {
            let found = side.bundle.provider(provider)?;
            let route = found.routes().iter().find(|one| one.id() == id)?;
            Some(route.actions().contains(&action) || (changes && route.reads_body()))
        };
        if !sides.iter().any(|side| means(side) == Some(true)) {
            continue;
        }
        let way = sides.iter().rev().find_map(|side| Way::by(side.bundle, route));
        ways.extend(way.filter(|way| !ways.contains(way)));
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_four_edges_and_addresses_three() {
        let of = |range: &str| {
            let edges: Vec<String> = edges(range).iter().map(ToString::to_string).collect();
            edges.join(" ")
        };
        assert_eq!(of("192.0.2.0/24"), "192.0.2.0 192.0.2.255 192.0.1.255 192.0.3.0");
        assert_eq!(of("192.0.2.7"), "192.0.2.7 192.0.2.7 192.0.2.6 192.0.2.8");
        assert_eq!(of("0.0.0.0/0"), "0.0.0.0 255.255.255.255");
        assert_eq!(
            of("2001:db8::/127"),
            "2001:db8:: 2001:db8::1 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8::2"
        );
        assert_eq!(of("nowhere"), "");
    }
}
