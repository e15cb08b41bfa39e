//! Policies for which no request was found that they apply to.
//!
//! Everything that the policy can tell apart is tried in all combinations, up to a bound, in an
//! order that spreads over them. What is found proves that the policy can apply; what is not found
//! proves nothing, and the warning says so.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::Key;
use zonegate_engine::operation::{Action, Operation};
use zonegate_engine::policy::{Asking, Written};
use zonegate_engine::problem::Problem;
use zonegate_engine::provider::Provider;

use super::about;
use super::expression::{Mentions, actions};
use crate::ask::{self, Scene, Way};
use crate::universe::{About, Universe, stride, window_times};

/// The most requests that are tried for one policy.
const TRIED_MAX: usize = 20_000;
/// The most operations and the most surroundings that are combined.
const KINDS_MAX: usize = 20_000;
/// What makes numbers and times of others, which no representative is made for.
const RECKONING: [&str; 8] = ["+", "-", "*", "neg", "offset", "durationSince", "toDate", "toTime"];
/// Patterns on one attribute that are met together.
const LIKES_MAX: usize = 2;
/// An attribute of a resource that tells names apart.
const NAMES: [&str; 6] = [
    "resource.name",
    "resource.relative",
    "resource.leftmost",
    "resource.depth",
    "resource.apex",
    "resource.wildcard",
];

/// Every warning about policies that nothing was found for.
pub(super) fn warnings(bundle: &Bundle, written: &[&Written], now: Timestamp) -> Vec<Problem> {
    let times = window_times(bundle, now);
    let unmet = written.iter().filter_map(|policy| {
        let conditions = policy.json.get("conditions").and_then(|all| all.as_array());
        // A scope alone is met: the validator knows which scopes no request has.
        if conditions.is_none_or(Vec::is_empty) && policy.template.is_none() {
            return None;
        }
        if is_beyond(&policy.json) {
            return None;
        }
        // Nearly all are found by one literal at a time.
        let Found::Nothing(first) = search(bundle, policy, &times, false)? else { return None };
        let Found::Nothing(more) = search(bundle, policy, &times, true)? else { return None };
        let tried = first + more;
        let message = format!("nothing was found that `{}` applies to", policy.id);
        let help = format!("{tried} representative requests were tried; look for conditions that exclude each other, or write the request that it is for as a case");
        Some(about(policy, "found-nothing", message, help))
    });
    unmet.collect()
}

/// Whether a policy reckons, or holds one attribute against more patterns than are tried together:
/// then that nothing was found is no sign of anything.
fn is_beyond(policy: &Value) -> bool {
    let mut likes: HashMap<String, usize> = HashMap::new();
    let mut pending = vec![policy];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(object) => {
                if RECKONING.iter().any(|operator| object.contains_key(*operator)) {
                    return true;
                }
                if let Some(read) = object.get("like").and_then(|operands| operands.get("left")) {
                    *likes.entry(read.to_string()).or_default() += 1;
                }
                pending.extend(object.values());
            }
            Value::Array(items) => pending.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    likes.values().any(|count| *count > LIKES_MAX)
}

/// What a search found.
enum Found {
    /// A request that the policy applies to.
    Something,
    /// None, among so many.
    Nothing(usize),
}

/// Looks for a request that a policy applies to; `None` where none can be made.
fn search(bundle: &Bundle, policy: &Written, times: &[Timestamp], meets: bool) -> Option<Found> {
    let about = About::of(bundle, policy, times, meets)?;
    let mentions = Mentions::of(&policy.json);
    let operations = operations(&about.universe, policy, &mentions);
    let surroundings = surroundings(bundle, &about, &mentions);
    if operations.is_empty() || surroundings.is_empty() {
        return None;
    }
    let total = operations.len().checked_mul(surroundings.len())?;
    let step = stride(total);
    let mut asked: HashMap<usize, Option<Asking>> = HashMap::new();
    let tries = total.min(TRIED_MAX);
    let mut at = 0;
    for _ in 0..tries {
        at = (at + step) % total;
        let (where_from, what) = (at / operations.len(), at % operations.len());
        let (Some(surrounding), Some(operation)) =
            (surroundings.get(where_from), operations.get(what))
        else {
            continue;
        };
        let asking =
            asked.entry(where_from).or_insert_with(|| surrounding.asking(bundle, operation.action));
        let Some(asking) = asking else { continue };
        if bundle.policies.matches(&bundle.patterns, asking, operation, &policy.id) {
            return Some(Found::Something);
        }
    }
    Some(Found::Nothing(tries))
}

/// Who asks, from where, when, by what.
struct Surrounding<'k> {
    /// The key.
    key: &'k Key,
    /// From where, when.
    scene: Scene,
    /// The route, if the policy tells routes apart.
    route: Option<String>,
    /// The provider whose usual route is taken otherwise.
    provider: Option<&'k Provider>,
    /// How many operations the request means.
    count: usize,
}

impl Surrounding<'_> {
    /// What operations are asked with from here.
    fn asking(&self, bundle: &Bundle, action: Action) -> Option<Asking> {
        let by_name = self.route.as_ref().and_then(|route| Way::by(bundle, route));
        let usual = || self.provider.map(|provider| Way::usual(provider, action));
        let way = Way { operations: self.count, ..by_name.or_else(usual)? };
        ask::asking(bundle, self.key, &self.scene, &way)
    }
}

/// The operations that a policy could be about; only what it can tell apart is varied.
fn operations(universe: &Universe, policy: &Written, mentions: &Mentions) -> Vec<Operation> {
    let mut universe = universe.clone();
    let names = mentions.any(&NAMES) || mentions.any_type(&["Name", "Domain", "Pattern"]);
    if !names && policy.template.is_none() {
        universe.names.retain(|name| {
            matches!(name.labels().next(), Some("www")) || universe.zones.contains(name)
        });
    }
    if !mentions.any(&["resource.type", "resource.type_number", "resource.address"])
        && !mentions.any_type(&["RecordType", "Pattern"])
    {
        universe.types.truncate(2);
    }
    let values =
        mentions.any(&["resource.value", "resource.address"]) || mentions.any_type(&["Pattern"]);
    let all = actions(&policy.json).into_iter();
    all.flat_map(|action| universe.operations(action, values)).take(KINDS_MAX).collect()
}

/// The surroundings of requests; only what the policy can tell apart is varied.
fn surroundings<'a>(
    bundle: &'a Bundle,
    about: &'a About,
    mentions: &Mentions,
) -> Vec<Surrounding<'a>> {
    fn some<T: Clone>(all: &[T], vary: bool) -> Vec<T> {
        all.iter().take(if vary { usize::MAX } else { 1 }).cloned().collect()
    }
    let universe = &about.universe;
    let networks = ["context.client_ip", "context.networks", "principal.networks"];
    let froms: Vec<IpAddr> = some(&universe.froms, mentions.any(&networks));
    let clock = ["context.now", "context.windows", "context.weekday", "context.time_of_day"];
    let dated = mentions.any(&clock) || mentions.any(&["context.date"]);
    let times: Vec<Timestamp> = some(&universe.times, dated);
    let encrypted = some(&[true, false], mentions.any(&["context.tls"]));
    let places = ["resource.provider", "resource.account"];
    let placed = mentions.any(&places) || mentions.any_type(&["Provider", "Account"]);
    let accounts = some(&about.accounts, placed || mentions.any(&["context.route"]));
    let counts = some(&universe.operations, mentions.any(&["context.operations"]));
    let routes = routes(bundle, universe, mentions);
    let mut all = Vec::new();
    for account in &accounts {
        let Ok(id) = ask::account(bundle, account) else { continue };
        let provider = bundle.provider(&id.provider);
        for key in &about.keys {
            for from in &froms {
                for (at, tls) in
                    times.iter().flat_map(|at| encrypted.iter().map(move |tls| (at, tls)))
                {
                    let scene = Scene { account: id.clone(), from: *from, at: *at, tls: *tls };
                    let ways = routes
                        .iter()
                        .flat_map(|route| counts.iter().map(move |count| (route, count)));
                    all.extend(ways.map(|(route, count)| Surrounding {
                        key,
                        scene: scene.clone(),
                        route: route.clone(),
                        provider,
                        count: *count,
                    }));
                }
            }
        }
    }
    all.truncate(KINDS_MAX);
    all
}

/// The usual route, the routes that a policy names, and one of each method where it asks for that.
fn routes(bundle: &Bundle, universe: &Universe, mentions: &Mentions) -> Vec<Option<String>> {
    let mut routes = vec![None];
    routes.extend(universe.routes.iter().cloned().map(Some));
    if mentions.any(&["context.method"]) {
        let all = bundle.providers().iter().flat_map(|provider| {
            let name = provider.name();
            provider.routes().iter().map(move |route| (route.pattern(), name, route.id()))
        });
        let mut known = Vec::new();
        for (pattern, provider, id) in all {
            let method = pattern.split(' ').next().unwrap_or_default();
            if !known.contains(&method) {
                known.push(method);
                routes.push(Some(format!("{provider}/{id}")));
            }
        }
    }
    routes
}
