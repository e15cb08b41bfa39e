//! Representative values of everything that a decision depends on.
//!
//! A policy cannot tell apart what it compares with nothing. So the zones, names, types, values,
//! addresses, times and routes that policies, keys, patterns, networks and windows mention, with a
//! neighbour of each and one of each that nobody mentions, stand for all others. Commands that
//! search (`can`, `diff`, `explain`'s smallest change, lints) take their probes from here.
//!
//! # What this is not
//! A proof. Where a policy compares two attributes with each other, or does arithmetic, something
//! between the representatives may be decided otherwise. `prove` says what is certain.

mod about;
mod literals;
mod meet;
mod regex;

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::Key;
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::operation::{Action, Operation, ResourceKind};
use zonegate_engine::pattern::Reads;
use zonegate_engine::policy::Holding;
use zonegate_engine::record_type::RecordType;
use zonegate_engine::session::OPERATIONS_MAX;
use zonegate_engine::value;

pub(crate) use self::about::About;
use self::literals::Literals;
pub(crate) use self::regex::samples;

/// A zone that nobody mentions.
pub(crate) const ELSEWHERE: &str = "elsewhere.example";
/// Relative names that are tried in every zone; `@` is the apex.
const RELATIVE: [&str; 6] = ["@", "www", "_acme-challenge", "_acme-challenge.www", "*", "a.b.c"];
/// Types that are tried always.
const TYPES: [&str; 6] = ["A", "AAAA", "CNAME", "TXT", "NS", "TYPE65280"];
/// Addresses of clients and records that nobody mentions.
const ADDRESSES: [&str; 3] = ["198.51.100.250", "127.0.0.1", "2001:db8:ffff::1"];
/// A text that nobody mentions.
const TEXT: &str = "zonegate";
/// How far ahead an open and a shut moment of a window are looked for.
const WINDOW_STEPS: i64 = 4 * 24 * 400;
/// How far ahead every set of windows that are open together is looked for.
const TOGETHER_STEPS: i64 = 4 * 24 * 8;
/// The step of these searches.
const WINDOW_STEP: SignedDuration = SignedDuration::from_mins(15);

/// Representative values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Universe {
    /// Zones, the mentioned ones first.
    pub(crate) zones: Vec<Name>,
    /// How many of them are mentioned.
    pub(crate) zones_mentioned: usize,
    /// Owner names; each is in or below some zone.
    pub(crate) names: Vec<Name>,
    /// How many of them are mentioned, or below such a one.
    pub(crate) names_mentioned: usize,
    /// Relative names that are asked about in every zone.
    pub(crate) relative: Vec<String>,
    /// Record types.
    pub(crate) types: Vec<RecordType>,
    /// Values of records that hold text.
    pub(crate) texts: Vec<String>,
    /// Values that are tried for records of any type but those of addresses; mostly none.
    pub(crate) values: Vec<String>,
    /// Values of records that hold addresses.
    pub(crate) record_addresses: Vec<IpAddr>,
    /// Addresses of clients.
    pub(crate) froms: Vec<IpAddr>,
    /// Times; the first is the one that was given.
    pub(crate) times: Vec<Timestamp>,
    /// Routes that policies name, as `provider/route`.
    pub(crate) routes: Vec<String>,
    /// Kinds of metadata.
    pub(crate) metadata: Vec<String>,
    /// How many operations a request means.
    pub(crate) operations: Vec<usize>,
    /// The attributes of the context that policies read; `*` where it may be any.
    pub(crate) reads: BTreeSet<String>,
    /// Entities that policies name, as type and id.
    pub(crate) entities: BTreeSet<(String, String)>,
    /// Accounts that policies can tell from others, as `provider/account`.
    pub(crate) accounts: BTreeSet<String>,
}

/// What the representatives are to be of, besides policies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Around<'a> {
    /// The keys whose grants are looked at.
    pub(crate) keys: Vec<&'a Key>,
    /// Zones that are to be represented, whether or not somebody mentions them.
    pub(crate) zones: Vec<Name>,
    /// The time to begin with, and moments of windows ([`window_times`]).
    pub(crate) times: Vec<Timestamp>,
}

impl Universe {
    /// What these policies of a bundle, and the bundle's own lists, can tell apart; quick enough to
    /// be made for every key.
    pub(crate) fn around<'h>(
        bundle: &Bundle,
        holdings: impl Iterator<Item = &'h Holding>,
        around: &Around<'_>,
    ) -> Universe {
        Universe::made(bundle, Literals::of(holdings), around)
    }

    /// Of these literals.
    fn made(bundle: &Bundle, literals: Literals, around: &Around<'_>) -> Universe {
        let mut universe = Universe::default();
        universe.add_zones(around, &literals);
        universe.add_names(bundle, around, &literals);
        universe.add_records(bundle, &literals);
        universe.add_froms(bundle, &literals);
        universe.add_times(bundle, around, &literals);
        universe.routes = literals.ids("Route").map(str::to_owned).collect();
        let near = literals
            .numbers
            .iter()
            .flat_map(|number| [number.saturating_sub(1), *number, number.saturating_add(1)]);
        let possible = near.filter_map(|number| usize::try_from(number).ok());
        let possible = possible.filter(|number| (1..=OPERATIONS_MAX).contains(number));
        universe.operations = [1].into_iter().chain(possible).collect();
        unique(&mut universe.operations);
        let providers = literals.ids("Provider").chain(literals.texts("provider"));
        let routed = literals.ids("Route").filter_map(|route| route.split('/').next());
        let accounts = literals.ids("Account").map(str::to_owned);
        let accounts = accounts.chain(providers.chain(routed).map(|one| format!("{one}/main")));
        universe.accounts = accounts.collect();
        universe.reads = literals.context;
        universe.entities = literals.entities;
        universe
    }

    /// Takes in the representatives of another.
    pub(crate) fn join(&mut self, other: Universe) {
        self.zones.extend(other.zones);
        unique(&mut self.zones);
        self.names.extend(other.names);
        unique(&mut self.names);
        self.types.extend(other.types);
        unique(&mut self.types);
        self.texts.extend(other.texts);
        unique(&mut self.texts);
        self.record_addresses.extend(other.record_addresses);
        unique(&mut self.record_addresses);
        self.froms.extend(other.froms);
        unique(&mut self.froms);
        self.times.extend(other.times);
        unique(&mut self.times);
        self.routes.extend(other.routes);
        unique(&mut self.routes);
        self.metadata.extend(other.metadata);
        unique(&mut self.metadata);
        self.operations.extend(other.operations);
        unique(&mut self.operations);
        self.reads.extend(other.reads);
        self.entities.extend(other.entities);
        self.accounts.extend(other.accounts);
    }

    /// The zones of grants and policies, one beside each, their parents, and one of nobody.
    fn add_zones(&mut self, around: &Around<'_>, literals: &Literals) {
        let grants = around.keys.iter().flat_map(|key| &key.grants);
        let granted = grants.filter_map(|grant| grant.zone.as_ref().map(Name::as_str));
        let named =
            literals.ids("Zone").chain(literals.ids("Domain")).chain(literals.texts("zone"));
        let wanted = around.zones.iter().map(Name::as_str);
        let mentioned: BTreeSet<&str> = granted.chain(named).chain(wanted).collect();
        self.zones_mentioned = mentioned.len();
        let beside = mentioned.iter().map(|zone| format!("not-{zone}"));
        let below = mentioned.iter().map(|zone| format!("child.{zone}"));
        let all = mentioned.iter().map(|zone| (*zone).to_owned());
        let all = all.chain([ELSEWHERE.to_owned()]).chain(beside).chain(below);
        self.zones = all.filter_map(|zone| name(zone.trim_start_matches('.'))).collect();
        unique(&mut self.zones);
    }

    /// Owner names: those that are mentioned, and the usual ones of every zone.
    fn add_names(&mut self, bundle: &Bundle, around: &Around<'_>, literals: &Literals) {
        let grants = around.keys.iter().flat_map(|key| &key.grants);
        let granted = grants.flat_map(|grant| [&grant.name, &grant.domain]).flatten();
        self.names.extend(granted.cloned());
        let mut relative: Vec<String> = RELATIVE.iter().map(|one| (*one).to_owned()).collect();
        let named =
            literals.ids("Name").chain(literals.ids("Domain")).chain(literals.texts("name"));
        self.names.extend(named.filter_map(name));
        relative.extend(literals.texts("relative").map(str::to_owned));
        relative.extend(literals.texts("leftmost").map(str::to_owned));
        let asked: BTreeSet<&str> = literals.ids("Pattern").collect();
        for pattern in bundle.patterns.iter().filter(|one| asked.contains(one.name())) {
            let samples = regex::samples(pattern.regex());
            match pattern.reads() {
                Reads::Name => {
                    // The end of a sample is a zone only by chance; one is put behind it.
                    self.names.extend(samples.iter().filter_map(|text| name(text)));
                    relative
                        .extend(samples.iter().map(|text| text.trim_end_matches('.').to_owned()));
                }
                Reads::Relative => relative.extend(samples),
                Reads::Value => {}
            }
        }
        let below: Vec<Name> =
            self.names.iter().filter_map(|one| name(&format!("below.{one}"))).collect();
        self.names.extend(below);
        unique(&mut self.names);
        self.names_mentioned = self.names.len();
        unique(&mut relative);
        self.relative = relative;
        for zone in &self.zones {
            let relative = self.relative.iter();
            let owners = relative.filter_map(|one| Name::parse_relative(one, zone, "@").ok());
            self.names.extend(owners);
        }
        unique(&mut self.names);
    }

    /// Owner names to ask about in one zone: the mentioned ones that are in it, and the usual ones.
    pub(crate) fn owners(&self, zone: &Name) -> Vec<Name> {
        let mentioned = self.names.iter().take(self.names_mentioned);
        let inside = mentioned.filter(|name| name.is_below_or_equal(zone)).cloned();
        let relative = self.relative.iter();
        let usual = relative.filter_map(|one| Name::parse_relative(one, zone, "@").ok());
        let mut owners: Vec<Name> = inside.chain(usual).collect();
        unique(&mut owners);
        owners
    }

    /// Types, values and kinds of metadata.
    fn add_records(&mut self, bundle: &Bundle, literals: &Literals) {
        let named = literals.ids("RecordType").chain(TYPES);
        self.types = named.filter_map(|one| RecordType::parse(one).ok()).collect();
        unique(&mut self.types);
        let patterns = bundle.patterns.iter().filter(|one| one.reads() == Reads::Value);
        self.texts.extend(literals.texts("value").map(str::to_owned));
        self.texts.extend(patterns.flat_map(|pattern| regex::samples(pattern.regex())));
        self.texts.push(TEXT.to_owned());
        unique(&mut self.texts);
        self.record_addresses = addresses(literals.calls("ip").chain(ADDRESSES));
        self.metadata = literals.texts("metadata").map(str::to_owned).collect();
        self.metadata.push("ZONEGATE-PROBE".to_owned());
    }

    /// Clients' addresses: one of each network and range, and some of nobody.
    fn add_froms(&mut self, bundle: &Bundle, literals: &Literals) {
        let ranges = bundle.networks.iter().flat_map(|network| &network.ranges);
        let ranges: Vec<String> = ranges.map(ToString::to_string).collect();
        let all = ADDRESSES.into_iter().chain(ranges.iter().map(String::as_str));
        self.froms = addresses(all.chain(literals.calls("ip")));
    }

    /// Times: those that were given, both sides of each date and time of day, and each weekday
    /// where one is mentioned.
    fn add_times(&mut self, bundle: &Bundle, around: &Around<'_>, literals: &Literals) {
        self.times.extend(&around.times);
        let Some(now) = self.times.first().copied() else { return };
        let later = |by: SignedDuration| now.checked_add(by).ok();
        for text in literals.calls("datetime") {
            let Some(at) = instant(text) else { continue };
            let second = SignedDuration::from_secs(1);
            self.times.extend([at.checked_sub(second).ok(), Some(at)].into_iter().flatten());
            self.times.extend(at.checked_add(second).ok());
        }
        let local = bundle.windows.local(now).time_of_day_ms;
        let midnight = now.checked_sub(SignedDuration::from_millis(local)).ok();
        for text in literals.calls("duration") {
            let Some(of_day) = duration(text) else { continue };
            let at = midnight.and_then(|at| at.checked_add(of_day).ok());
            let before = at.and_then(|at| at.checked_sub(SignedDuration::from_mins(1)).ok());
            self.times.extend(at.into_iter().chain(before));
        }
        if literals.ids("Weekday").next().is_some() {
            self.times.extend((1..7).filter_map(|day| later(SignedDuration::from_hours(24 * day))));
        }
        unique(&mut self.times);
    }

    /// Values for a record of this type; empty where none is known that would be read.
    pub(crate) fn values(&self, rtype: RecordType) -> Vec<String> {
        let addresses = self.record_addresses.iter().map(ToString::to_string);
        let fitting: Vec<String> =
            addresses.filter(|one| value::address(rtype, one).is_some()).collect();
        if !fitting.is_empty() {
            return fitting;
        }
        let mut values = match rtype.policy_name() {
            "TXT" => self.texts.iter().map(|text| format!("\"{text}\"")).collect(),
            "CNAME" | "NS" | "PTR" => vec!["target.elsewhere.example.".to_owned()],
            "MX" => vec!["10 target.elsewhere.example.".to_owned()],
            _ => Vec::new(),
        };
        values.extend(self.values.iter().cloned());
        values
    }

    /// The operations of an action; records with every type, and with every value where values are
    /// wanted, else with the first.
    pub(crate) fn operations(&self, action: Action, with_values: bool) -> Vec<Operation> {
        match action.kind() {
            ResourceKind::Account => vec![Operation::account(action)],
            ResourceKind::Zone => {
                let is_metadata = matches!(action, Action::MetadataRead | Action::MetadataWrite);
                let zones = self.zones.iter();
                if is_metadata {
                    let kinds = |zone: &Name| {
                        let zone = zone.clone();
                        let of =
                            move |kind: &String| Operation::metadata(action, zone.clone(), kind);
                        self.metadata.iter().map(of).collect::<Vec<_>>()
                    };
                    return zones.flat_map(kinds).collect();
                }
                zones.map(|zone| Operation::zone(action, zone.clone())).collect()
            }
            ResourceKind::Record => self.records(action, with_values),
        }
    }

    /// The operations of an action on records.
    fn records(&self, action: Action, with_values: bool) -> Vec<Operation> {
        let mut made = Vec::new();
        // Nobody knows here which of the zones exist, so a name is asked about in each that it
        // could be in.
        let owners = self.names.iter().flat_map(|owner| {
            let around = self.zones.iter().filter(|zone| owner.is_below_or_equal(zone));
            around.map(move |zone| (owner, zone))
        });
        for (owner, zone) in owners {
            for rtype in &self.types {
                let mut values: Vec<Option<String>> =
                    self.values(*rtype).into_iter().map(Some).collect();
                if !with_values {
                    values.truncate(1);
                }
                if values.is_empty() {
                    values.push(None);
                }
                made.extend(values.into_iter().map(|value| {
                    Operation::record(action, zone.clone(), owner.clone(), *rtype, value)
                }));
            }
        }
        made
    }
}

/// The time to begin with, then a moment for each set of windows that are open together within the
/// following days, and for each window that did not open or shut in them, the next time it does.
pub(crate) fn window_times(bundle: &Bundle, now: Timestamp) -> Vec<Timestamp> {
    let later = |step: i64| {
        let by = WINDOW_STEP.checked_mul(i32::try_from(step).ok()?)?;
        now.checked_add(by).ok()
    };
    let mut times = vec![now];
    if bundle.windows.iter().next().is_none() {
        return times;
    }
    let mut known = BTreeSet::from([bundle.windows.open(now)]);
    for at in (1..TOGETHER_STEPS).filter_map(later) {
        if known.insert(bundle.windows.open(at)) {
            times.push(at);
        }
    }
    for window in bundle.windows.names() {
        let seen = |open: bool| known.iter().any(|set| set.contains(&window.as_str()) == open);
        if seen(true) && seen(false) {
            continue;
        }
        let wanted = !seen(true);
        let mut steps = (TOGETHER_STEPS..WINDOW_STEPS).filter_map(later);
        let is_wanted =
            |at: &Timestamp| bundle.windows.open(*at).contains(&window.as_str()) == wanted;
        times.extend(steps.find(is_wanted));
    }
    unique(&mut times);
    times
}

/// A step that comes by every number below `total` before it comes back, in no regular order.
pub(crate) fn stride(total: usize) -> usize {
    let golden = total.saturating_mul(382) / 1000;
    let is_coprime = |step: &usize| {
        let (mut a, mut b) = (*step, total);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    (golden.max(1)..=total).find(is_coprime).unwrap_or(1)
}

/// A time as Cedar writes it, with its hours or without.
fn instant(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}T00:00:00Z").parse()).ok()
}

/// A text as a name, if it is one.
fn name(text: &str) -> Option<Name> {
    Name::parse(text, NameForm::Fqdn).ok().filter(|name| !name.is_root())
}

/// The first addresses of ranges.
fn addresses<'a>(ranges: impl Iterator<Item = &'a str>) -> Vec<IpAddr> {
    let first = |text: &str| text.split('/').next().and_then(|one| one.parse().ok());
    let mut all: Vec<IpAddr> = ranges.filter_map(first).collect();
    unique(&mut all);
    all
}

/// A duration as Cedar writes it: `9h30m`, `100ms`.
fn duration(text: &str) -> Option<SignedDuration> {
    let mut total = SignedDuration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, behind) = rest.split_at_checked(digits)?;
        let number: i64 = number.parse().ok()?;
        let unit = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at_checked(unit)?;
        let seconds = |each: i64| number.checked_mul(each).map(SignedDuration::from_secs);
        let part = match unit {
            "d" => seconds(86_400)?,
            "h" => seconds(3_600)?,
            "m" => seconds(60)?,
            "s" => seconds(1)?,
            "ms" => SignedDuration::from_millis(number),
            _ => return None,
        };
        total = total.checked_add(part)?;
        rest = behind;
    }
    Some(total)
}

/// Drops repetitions and keeps the order.
fn unique<T: Clone + std::hash::Hash + Eq>(list: &mut Vec<T>) {
    let mut known = std::collections::HashSet::new();
    list.retain(|one| known.insert(one.clone()));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::folder::Folder;

    #[test]
    fn durations_are_read_as_cedar_writes_them() {
        for (text, expected) in
            [("9h30m", Some(34_200_000)), ("1d2ms", Some(86_400_002)), ("x", None), ("5", None)]
        {
            let found = duration(text);
            assert_eq!(found.map(|one| one.as_millis()), expected, "{text}");
        }
    }

    #[test]
    fn what_the_shipped_policies_mention_is_represented() {
        let folder = Folder::read(Path::new("../policies"));
        let bundle = folder.pack().unwrap().bundle;
        let mut holdings = bundle.policies.statics();
        for key in bundle.keys.iter() {
            holdings.extend(bundle.policies.linked(key).unwrap());
        }
        let now = "2026-06-03T10:00:00Z".parse().unwrap();
        let keys = bundle.keys.iter().collect();
        let around = Around { keys, zones: Vec::new(), times: window_times(&bundle, now) };
        let universe = Universe::around(&bundle, holdings.iter(), &around);
        let has = |text: &str| universe.names.iter().any(|one| one.as_str() == text);
        for owner in ["pr-1.preview.example.com", "_acme-challenge.a.example.com", "*.example.com"]
        {
            assert!(has(owner), "{owner}");
        }
        let open: Vec<bool> =
            universe.times.iter().map(|at| !bundle.windows.open(*at).is_empty()).collect();
        assert!(open.contains(&true) && open.contains(&false));
        let office = |at: &IpAddr| bundle.networks.containing(*at).contains(&"office");
        assert!(universe.froms.iter().any(office) && !universe.froms.iter().all(office));
        // Every permit that a key has allows something at some representative.
        assert!(
            universe.zones.len() < 100 && universe.names.len() < 1500,
            "{}",
            universe.names.len()
        );
    }
}
