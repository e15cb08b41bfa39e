//! From what a solver found to a request that can happen, and is decided as it was said to be.
//!
//! The solver's request is only a hint: its zone may be no name, its windows never open together.
//! So each part of a request gets a few candidates, the one nearest to the hint first, and the
//! combinations are tried in the order of their distance until the engine itself finds what the
//! solver said. Then what does not matter is replaced by what is usual.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::net::IpAddr;

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::Key;
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::operation::{Action, Operation, ResourceKind};
use zonegate_engine::policy::AccountId;
use zonegate_engine::record_type::RecordType;

use crate::ask::{Probe, Scene, Way};
use crate::symbolic::Model;
use crate::universe::{Universe, samples};

/// Combinations that are tried for one hint.
const TRIES_MAX: usize = 1_500;
/// Times, addresses and names that are tried.
const CHOICES_MAX: usize = 24;
/// The label that stands where anything may.
const ANY_LABEL: &str = "x";
/// A type that has no name.
const NAMELESS_TYPE: u16 = 65_280;

/// What a request is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hint<'h> {
    /// The action.
    pub(crate) action: Action,
    /// What the solver found.
    pub(crate) model: &'h Model,
    /// The key that asks.
    pub(crate) key: &'h Key,
}

/// The candidates for each part of a request, the likeliest first.
struct Choices {
    /// Accounts.
    accounts: Vec<AccountId>,
    /// Operations without values: what is done to what.
    operations: Vec<Operation>,
    /// Values.
    values: Vec<Option<String>>,
    /// Times.
    times: Vec<Timestamp>,
    /// Clients' addresses.
    froms: Vec<IpAddr>,
    /// Routes, as `provider/route`; `None` for the usual one.
    routes: Vec<Option<String>>,
    /// How many operations the request means.
    counts: Vec<usize>,
    /// Whether the connection is encrypted.
    tls: Vec<bool>,
}

/// A request near a hint for which the test holds, if one is found.
pub(crate) fn example(
    bundle: &Bundle,
    universe: &Universe,
    hint: Hint<'_>,
    test: &dyn Fn(&Probe) -> bool,
) -> Option<Probe> {
    let choices = Choices::of(bundle, universe, hint);
    let found = choices.search(bundle, hint.key, test)?;
    Some(plainer(bundle, universe, found, test))
}

impl Choices {
    /// The candidates near a hint.
    fn of(bundle: &Bundle, universe: &Universe, hint: Hint<'_>) -> Choices {
        let Hint { action, model, key } = hint;
        let is_record = action.kind() == ResourceKind::Record;
        let operations = match action.kind() {
            ResourceKind::Account => vec![Operation::account(action)],
            ResourceKind::Zone => zone_operations(action, model, universe),
            ResourceKind::Record => record_operations(bundle, action, model, universe),
        };
        let count = model.operations.and_then(|number| usize::try_from(number).ok());
        let tls = model.tls.unwrap_or(true);
        let mut choices = Choices {
            accounts: accounts(bundle, model, key),
            operations,
            values: if is_record { values(bundle, model, universe) } else { vec![None] },
            times: times(bundle, model, key, universe),
            froms: model.from.iter().chain(&universe.froms).copied().collect(),
            routes: vec![None, model.route.clone()],
            counts: vec![1, count.unwrap_or(1)],
            tls: vec![tls, !tls],
        };
        unique(&mut choices.froms);
        unique(&mut choices.routes);
        unique(&mut choices.counts);
        choices.froms.truncate(CHOICES_MAX);
        choices
    }

    /// How many candidates each part has.
    fn sizes(&self) -> [usize; 8] {
        [
            self.operations.len(),
            self.values.len(),
            self.routes.len(),
            self.times.len(),
            self.froms.len(),
            self.accounts.len(),
            self.counts.len(),
            self.tls.len(),
        ]
    }

    /// Tries combinations, those nearest to the hint first.
    fn search(&self, bundle: &Bundle, key: &Key, test: &dyn Fn(&Probe) -> bool) -> Option<Probe> {
        let sizes = self.sizes();
        let mut pending = VecDeque::from([[0usize; 8]]);
        let mut known = HashSet::from([[0usize; 8]]);
        for _ in 0..TRIES_MAX {
            let at = pending.pop_front()?;
            if let Some(probe) = self.probe(bundle, key, at)
                && test(&probe)
            {
                return Some(probe);
            }
            for (part, size) in sizes.iter().enumerate() {
                let mut next = at;
                let Some(index) = next.get_mut(part) else { continue };
                *index += 1;
                if *index < *size && known.insert(next) {
                    pending.push_back(next);
                }
            }
        }
        None
    }

    /// One combination.
    fn probe(&self, bundle: &Bundle, key: &Key, at: [usize; 8]) -> Option<Probe> {
        let [operation, value, route, time, from, account, count, tls] = at;
        let mut operation = self.operations.get(operation)?.clone();
        if let (Some(Some(value)), Some(record)) = (self.values.get(value), operation.as_record()) {
            let (zone, name) = (record.zone.clone(), record.name.clone());
            let value = Some(value.clone());
            operation = Operation::record(operation.action, zone, name, record.rtype, value);
        }
        let account = self.accounts.get(account)?.clone();
        let way = match self.routes.get(route)? {
            Some(path) => {
                let is_own = path.split_once('/').is_some_and(|(one, _)| one == account.provider);
                is_own.then(|| Way::by(bundle, path)).flatten()?
            }
            None => Way::usual(bundle.provider(&account.provider)?, operation.action),
        };
        let way = Way { operations: *self.counts.get(count)?, ..way };
        let scene = Scene {
            account,
            from: *self.froms.get(from)?,
            at: *self.times.get(time)?,
            tls: *self.tls.get(tls)?,
        };
        Some(Probe { key: key.id.clone(), scene, way, operation })
    }
}

/// The same request with what is usual wherever it does not matter.
pub(crate) fn plainer(
    bundle: &Bundle,
    universe: &Universe,
    mut probe: Probe,
    test: &dyn Fn(&Probe) -> bool,
) -> Probe {
    let encrypted = |probe: &Probe| Scene { tls: true, ..probe.scene.clone() };
    let at_powerdns = |probe: &Probe| {
        let account = AccountId { provider: "powerdns".to_owned(), account: "main".to_owned() };
        Scene { account, ..probe.scene.clone() }
    };
    let at = universe.times.first().copied();
    let now = |probe: &Probe| Scene { at: at.unwrap_or(probe.scene.at), ..probe.scene.clone() };
    let from = universe.froms.first().copied();
    let nowhere =
        |probe: &Probe| Scene { from: from.unwrap_or(probe.scene.from), ..probe.scene.clone() };
    let scenes: [&dyn Fn(&Probe) -> Scene; 4] = [&encrypted, &at_powerdns, &now, &nowhere];
    for scene in scenes {
        let scene = scene(&probe);
        let Some(provider) = bundle.provider(&scene.account.provider) else { continue };
        let way = if scene.account == probe.scene.account {
            probe.way.clone()
        } else {
            Way::usual(provider, probe.operation.action)
        };
        let candidate = Probe { scene, way, ..probe.clone() };
        if test(&candidate) {
            probe = candidate;
        }
    }
    probe
}

/// Accounts: the model's, those of the key, and any at a provider that is meant.
fn accounts(bundle: &Bundle, model: &Model, key: &Key) -> Vec<AccountId> {
    let plain = |text: &&String| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let of = |provider: &str, account: &str| AccountId {
        provider: provider.to_owned(),
        account: account.to_owned(),
    };
    let account = model.account.as_ref().filter(plain).map_or("main", String::as_str);
    let by_route = model.route.as_deref().and_then(|route| route.split_once('/'));
    let provider = model.provider.as_deref().filter(|name| bundle.provider(name).is_some());
    let provider = provider.or(by_route.map(|(provider, _)| provider)).unwrap_or("powerdns");
    let id = model.resource.split_once('/').map(|(provider, account)| of(provider, account));
    let own = key.accounts.iter().filter_map(|path| path.split_once('/'));
    let own = own.map(|(provider, account)| of(provider, account));
    let near = [of(provider, account), of(provider, "main")];
    let all = near.into_iter().chain(id).chain(own).chain([of("powerdns", "main")]);
    let mut all: Vec<AccountId> = all
        .filter(|account| {
            bundle.provider(&account.provider).is_some() && key.serves(&account.path())
        })
        .collect();
    unique(&mut all);
    all.truncate(CHOICES_MAX);
    all
}

/// Times, those first at which the same windows are open as in the model.
fn times(bundle: &Bundle, model: &Model, key: &Key, universe: &Universe) -> Vec<Timestamp> {
    let step = |at: Timestamp, hours: i64| at.checked_add(jiff::SignedDuration::from_hours(hours));
    let edges = [key.not_before, key.expires.and_then(|at| step(at, -1).ok())];
    let mut all: Vec<Timestamp> = universe.times.clone();
    all.extend(model.now);
    for start in edges.into_iter().flatten() {
        all.extend((0..24 * 8).filter_map(|hours| step(start, hours).ok()));
    }
    all.retain(|at| key.check(*at).is_ok());
    let distance = |at: &Timestamp| {
        let open: BTreeSet<String> =
            bundle.windows.open(*at).into_iter().map(str::to_owned).collect();
        let local = bundle.windows.local(*at);
        let weekday = model.weekday.as_deref().is_some_and(|day| day != local.weekday);
        (open.symmetric_difference(&model.windows).count(), weekday)
    };
    all.sort_by_cached_key(distance);
    unique(&mut all);
    all.truncate(2 * CHOICES_MAX);
    all
}

/// A text of the solver's as the text of a name.
fn tidy(text: &str) -> String {
    let label = |(at, label): (usize, &str)| -> String {
        if label == "*" && at == 0 {
            return label.to_owned();
        }
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { 'x' };
        let label: String = label.to_ascii_lowercase().chars().map(plain).take(40).collect();
        if label.is_empty() { ANY_LABEL.to_owned() } else { label }
    };
    text.split('.').enumerate().map(label).collect::<Vec<_>>().join(".")
}

/// A text as a name, tidied where it is none.
fn name(text: &str) -> Option<Name> {
    let own = Name::parse(text, NameForm::Fqdn).ok();
    own.or_else(|| Name::parse(&tidy(text), NameForm::Fqdn).ok())
}

/// Zones near the model's.
fn zones(model: &Model, universe: &Universe) -> Vec<Name> {
    let mut zones: Vec<Name> = model.zone.as_deref().and_then(name).into_iter().collect();
    let behind = match (&model.name, &model.relative) {
        (Some(owner), Some(relative)) => {
            owner.strip_prefix(relative.as_str()).and_then(|rest| rest.strip_prefix('.'))
        }
        _ => None,
    };
    zones.extend(behind.and_then(name));
    zones.extend(universe.zones.iter().cloned());
    unique(&mut zones);
    zones.truncate(CHOICES_MAX);
    zones
}

/// What the action could be done to, of zones.
fn zone_operations(action: Action, model: &Model, universe: &Universe) -> Vec<Operation> {
    let has_kind =
        matches!(action, Action::MetadataRead | Action::MetadataWrite | Action::ZoneTransfer);
    let kind = model.metadata.as_ref().filter(|_| has_kind).map(|kind| {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { 'X' };
        let kind: String = kind.to_ascii_uppercase().chars().map(plain).take(40).collect();
        if kind.is_empty() { "ZONEGATE".to_owned() } else { kind }
    });
    let of = |zone: Name| match &kind {
        Some(kind) => Operation::metadata(action, zone, kind),
        None => Operation::zone(action, zone),
    };
    zones(model, universe).into_iter().map(of).collect()
}

/// What the action could be done to, of records.
fn record_operations(
    bundle: &Bundle,
    action: Action,
    model: &Model,
    universe: &Universe,
) -> Vec<Operation> {
    let rtype = record_type(model);
    let mut made = Vec::new();
    for (at, zone) in zones(model, universe).into_iter().enumerate() {
        for owner in owners(bundle, model, &zone) {
            let operation = Operation::record(action, zone.clone(), owner, rtype, None);
            // Other zones are tried only after all names of the first.
            made.push((at.min(2), operation));
        }
    }
    let zone_of = |owner: &Name| {
        let around = universe.zones.iter().filter(|zone| owner.is_below_or_equal(zone));
        around.max_by_key(|zone| zone.labels().count())
    };
    let known = universe.names.iter().filter_map(|owner| Some((owner, zone_of(owner)?)));
    made.extend(known.take(16 * CHOICES_MAX).map(|(owner, zone)| {
        (3, Operation::record(action, zone.clone(), owner.clone(), rtype, None))
    }));
    made.sort_by_key(|(at, _)| *at);
    let mut made: Vec<Operation> = made.into_iter().map(|(_, operation)| operation).collect();
    unique(&mut made);
    made
}

/// Names in a zone near the model's.
fn owners(bundle: &Bundle, model: &Model, zone: &Name) -> Vec<Name> {
    let relative = |text: &str| Name::parse_relative(text, zone, "@").ok();
    let depth = model.depth.and_then(|depth| usize::try_from(depth).ok()).unwrap_or(1).min(8);
    let mut owners: Vec<Option<Name>> = Vec::new();
    if depth == 0 {
        owners.push(Some(zone.clone()));
    }
    let own = model.name.as_deref().and_then(|text| Name::parse(text, NameForm::Fqdn).ok());
    owners.push(own.filter(|own| own.is_below_or_equal(zone)));
    let text = model.relative.as_deref().unwrap_or(ANY_LABEL);
    owners.push(relative(text).or_else(|| relative(&tidy(text))));
    let leftmost = model.leftmost.as_deref().filter(|text| !text.is_empty()).unwrap_or(ANY_LABEL);
    let leftmost = if model.wildcard { "*".to_owned() } else { tidy(leftmost) };
    let below = (1..depth.max(1)).map(|_| ANY_LABEL);
    owners.push(relative(
        &[leftmost.as_str()].into_iter().chain(below).collect::<Vec<_>>().join("."),
    ));
    for pattern in bundle.patterns.iter().filter(|one| model.patterns.contains(one.name())) {
        for text in samples(pattern.regex()) {
            owners.push(relative(text.trim_end_matches('.')));
            owners.push(name(&text).filter(|own| own.is_below_or_equal(zone)));
        }
    }
    owners.push(Some(zone.clone()));
    let mut owners: Vec<Name> = owners.into_iter().flatten().collect();
    unique(&mut owners);
    owners
}

/// The model's type.
fn record_type(model: &Model) -> RecordType {
    let named = model.rtype.as_deref().and_then(|text| RecordType::parse(text).ok());
    let number = model.type_number.and_then(|number| u16::try_from(number).ok());
    let numbered = number.and_then(|number| RecordType::from_number(number).ok());
    let numbered = numbered.filter(|one| one.mnemonic().is_none());
    let nameless = || RecordType::from_number(NAMELESS_TYPE).unwrap_or(RecordType::A);
    named.or(numbered).unwrap_or_else(nameless)
}

/// Values near the model's; `None` is that none is known.
fn values(bundle: &Bundle, model: &Model, universe: &Universe) -> Vec<Option<String>> {
    let rtype = record_type(model);
    let is_text = rtype.policy_name() == "TXT";
    let quoted = |text: &str| if is_text { format!("\"{text}\"") } else { text.to_owned() };
    let patterns = bundle.patterns.iter().filter(|one| model.patterns.contains(one.name()));
    let patterned: Vec<String> = patterns.flat_map(|one| samples(one.regex())).collect();
    let fitting = universe.values(rtype);
    let mut values: Vec<Option<String>> = match &model.value {
        None => vec![None],
        // A text that nothing is asked of is none.
        Some(value) if value.is_empty() => vec![None],
        Some(value) => {
            let printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            let own = Some(quoted(value)).filter(|_| printable && !value.contains(['"', '\\']));
            let address = model.address.map(|address| address.to_string());
            let own = [address, own].into_iter().flatten();
            own.chain(patterned.iter().map(|text| quoted(text))).map(Some).collect()
        }
    };
    values.extend(fitting.into_iter().map(Some));
    values.push(None);
    unique(&mut values);
    values.truncate(CHOICES_MAX);
    values
}

/// Drops repetitions and keeps the order.
fn unique<T: Clone + std::hash::Hash + Eq>(list: &mut Vec<T>) {
    let mut known = HashSet::new();
    list.retain(|one| known.insert(one.clone()));
}
