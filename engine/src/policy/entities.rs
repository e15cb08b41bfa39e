//! The few Cedar entities that one request needs, built directly.
//!
//! A record carries all its ancestors itself (zone, domains, name, account, patterns), so a
//! request needs three entities: key, action, resource. Adding them to a large entity store
//! would cost time proportional to its size; there is no such store.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;

use cedar_policy::{Context, Entities, Entity, EntityUid, RestrictedExpression};
use jiff::Timestamp;

use super::facts::{Attribute, Reads};
use super::names::{self, Types};
use super::scope::AccountId;
use crate::key::Key;
use crate::name::Name;
use crate::operation::{Action, Operation, Record, Resource};
use crate::value;
use crate::window::Clock;

/// What is the same for all operations of one request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Circumstances {
    /// The client's address that the proxy trusts.
    pub client_ip: IpAddr,
    /// The named networks that contain it.
    pub networks: Vec<String>,
    /// The time of the decision: windows, wall clock.
    pub clock: Rc<Clock>,
    /// Whether the client's connection is encrypted.
    pub tls: bool,
    /// The HTTP method.
    pub method: &'static str,
    /// The route, as `provider/route`.
    pub route: String,
    /// How many operations the request means.
    pub operations: usize,
}

/// Shorthand for attribute maps.
type Attributes = HashMap<String, RestrictedExpression>;

/// A string attribute.
fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

/// An entity attribute.
fn entity(uid: EntityUid) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid)
}

/// An address attribute.
///
/// Cedar refuses `::ffff:192.0.2.1`, the usual text of a mapped address, and reads the same bits
/// in plain groups.
fn ip(address: IpAddr) -> RestrictedExpression {
    RestrictedExpression::new_ip(match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => address.segments().map(|group| format!("{group:x}")).join(":"),
    })
}

/// A datetime attribute.
fn datetime(at: Timestamp) -> RestrictedExpression {
    // Cedar reads milliseconds and no finer fraction.
    RestrictedExpression::new_datetime(at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

/// Cedar's context of a request; `None` only where Cedar refuses its own values.
pub(super) fn context(types: &Types, facts: &Circumstances) -> Option<Context> {
    let set = |kind, names: &[String]| {
        RestrictedExpression::new_set(names.iter().map(|name| entity(names::of(kind, name))))
    };
    let duration = format!("{}ms", facts.clock.local.time_of_day_ms);
    let operations = i64::try_from(facts.operations).unwrap_or(i64::MAX);
    Context::from_pairs([
        ("client_ip".to_owned(), ip(facts.client_ip)),
        ("networks".to_owned(), set(&types.network, &facts.networks)),
        ("windows".to_owned(), set(&types.window, &facts.clock.open)),
        ("now".to_owned(), datetime(facts.clock.now)),
        ("weekday".to_owned(), entity(names::of(&types.weekday, facts.clock.local.weekday))),
        ("time_of_day".to_owned(), RestrictedExpression::new_duration(duration)),
        ("date".to_owned(), text(&facts.clock.local.date)),
        ("tls".to_owned(), RestrictedExpression::new_bool(facts.tls)),
        ("method".to_owned(), text(facts.method)),
        ("route".to_owned(), entity(names::of(&types.route, &facts.route))),
        ("operations".to_owned(), RestrictedExpression::new_long(operations)),
    ])
    .ok()
}

/// One action as Cedar sees it, with its group as parent.
pub(super) fn action(types: &Types, action: Action) -> Entity {
    let group = action.group().map(|group| names::of(&types.action, group));
    let uid = names::of(&types.action, action.name());
    Entity::new_no_attrs(uid, group.into_iter().collect())
}

/// All actions, with their groups.
pub(super) fn actions(types: &Types) -> Option<Entities> {
    Entities::from_entities(Action::ALL.iter().map(|one| action(types, *one)), None).ok()
}

/// A key as Cedar sees it, with its roles as parents.
pub(super) fn key_entity(types: &Types, key: &Key) -> Option<Entity> {
    let mut attributes = Attributes::new();
    if let Some(owner) = &key.owner {
        attributes.insert("owner".to_owned(), text(owner));
    }
    if !key.networks.is_empty() {
        let networks = key.networks.iter().map(|name| entity(names::of(&types.network, name)));
        attributes.insert("networks".to_owned(), RestrictedExpression::new_set(networks));
    }
    if let Some(expires) = key.expires {
        attributes.insert("expires".to_owned(), datetime(expires));
    }
    let roles: HashSet<EntityUid> =
        key.roles.iter().map(|role| names::of(&types.role, role)).collect();
    let tags: Attributes =
        key.attributes.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    Entity::new_with_tags(names::of(&types.key, &key.id), attributes, roles, tags).ok()
}

/// The resource of an operation, with the attributes that are read; `patterns` are the names of
/// the patterns that its record matches, `asked` the domains that
/// policies ask for; `None` for all of them.
pub(super) fn resource_entity(
    types: &Types,
    account: &AccountId,
    operation: &Operation,
    patterns: &[&str],
    reads: Reads,
    asked: Option<&HashSet<String>>,
) -> Option<Entity> {
    let provider = names::of(&types.provider, &account.provider);
    let account_uid = names::of(&types.account, &account.path());
    let mut attributes = Making { reads, made: Attributes::new() };
    match &operation.resource {
        Resource::Account => {
            Entity::new(account_uid, Attributes::new(), HashSet::from([provider])).ok()
        }
        Resource::Zone { zone, metadata } => {
            attributes.place(account, zone);
            if let Some(kind) = metadata {
                attributes.put(Attribute::Metadata, || text(kind));
            }
            let mut parents = domains(types, zone, asked);
            parents.extend([account_uid, provider]);
            Entity::new(names::of(&types.zone, zone.as_str()), attributes.made, parents).ok()
        }
        Resource::Record(record) => {
            let mut parents = domains(types, &record.name, asked);
            parents.extend([account_uid, provider]);
            parents.insert(names::of(&types.zone, record.zone.as_str()));
            parents.insert(names::of(&types.name, record.name.as_str()));
            parents.extend(patterns.iter().map(|name| names::of(&types.pattern, name)));
            let id = format!("{}/{}", record.name, record.rtype);
            attributes.place(account, &record.zone);
            attributes.record(types, record)?;
            Entity::new(names::of(&types.record, &id), attributes.made, parents).ok()
        }
    }
}

/// A name and its ancestors, as domains, as far as policies ask for them.
fn domains(types: &Types, name: &Name, asked: Option<&HashSet<String>>) -> HashSet<EntityUid> {
    let is_asked = |domain: &&str| asked.is_none_or(|asked| asked.contains(*domain));
    name.ancestors().filter(is_asked).map(|domain| names::of(&types.domain, domain)).collect()
}

/// Attributes being made: only those that are read.
struct Making {
    /// What is read.
    reads: Reads,
    /// What was made.
    made: Attributes,
}

impl Making {
    /// Makes one attribute, if it is read.
    fn put(&mut self, attribute: Attribute, make: impl FnOnce() -> RestrictedExpression) {
        if self.reads.has(attribute) {
            self.made.insert(attribute.name().to_owned(), make());
        }
    }

    /// The attributes that zones and records share.
    fn place(&mut self, account: &AccountId, zone: &Name) {
        self.put(Attribute::Zone, || text(zone.as_str()));
        self.put(Attribute::Provider, || text(&account.provider));
        self.put(Attribute::Account, || text(&account.account));
    }

    /// The attributes of a record; `None` where its name is not in its zone, which no request
    /// reaches.
    fn record(&mut self, types: &Types, record: &Record) -> Option<()> {
        let depth = i64::try_from(record.name.depth_below(&record.zone)?).ok()?;
        let number = || RestrictedExpression::new_long(record.rtype.number().into());
        let kind = || entity(names::of(&types.record_type, record.rtype.policy_name()));
        let relative = || record.name.relative_to(&record.zone).unwrap_or_default();
        self.put(Attribute::Name, || text(record.name.as_str()));
        self.put(Attribute::Relative, || text(&relative()));
        self.put(Attribute::Leftmost, || text(record.name.leftmost()));
        self.put(Attribute::Depth, || RestrictedExpression::new_long(depth));
        self.put(Attribute::Apex, || RestrictedExpression::new_bool(depth == 0));
        self.put(Attribute::Wildcard, || RestrictedExpression::new_bool(record.name.is_wildcard()));
        self.put(Attribute::Type, kind);
        self.put(Attribute::TypeNumber, number);
        if let Some(value) = &record.value {
            self.put(Attribute::Value, || text(&value::canonical(record.rtype, value)));
            if let Some(address) = value::address(record.rtype, value) {
                self.put(Attribute::Address, || ip(address));
            }
        }
        Some(())
    }
}
