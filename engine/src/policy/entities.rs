//! The few Cedar entities that one request needs, built directly.
//!
//! A record carries all its ancestors itself (zone, domains, name, account, patterns), so a
//! request needs three entities: key, action, resource. Adding them to a large entity store
//! would cost time proportional to its size; there is no such store.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;

#[cfg(feature = "author")]
use cedar_policy::Entities;
use cedar_policy::{Context, Entity, EntityTypeName, EntityUid, RestrictedExpression};
use jiff::Timestamp;

use super::names::{self, Types};
use super::seen::{Fact, Kind, Seen};
use crate::key::Key;
use crate::operation::Action;
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
#[cfg(feature = "author")]
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

/// A resource as Cedar sees it: what is seen of it, and nothing else.
pub(super) fn resource_entity(types: &Types, seen: &Seen) -> Option<Entity> {
    let uid = names::of(kind_name(types, seen.kind), &seen.id);
    let parents = seen.parents.iter().map(|(kind, id)| names::of(kind_name(types, *kind), id));
    let attributes = seen
        .attributes
        .iter()
        .map(|(attribute, fact)| (attribute.name().to_owned(), value_of(types, fact)));
    Entity::new(uid, attributes.collect::<Attributes>(), parents.collect()).ok()
}

/// The name of a resource's type.
fn kind_name(types: &Types, kind: Kind) -> &EntityTypeName {
    match kind {
        Kind::Account => &types.account,
        Kind::Domain => &types.domain,
        Kind::Name => &types.name,
        Kind::Pattern => &types.pattern,
        Kind::Provider => &types.provider,
        Kind::Record => &types.record,
        Kind::Zone => &types.zone,
    }
}

/// The value of an attribute.
fn value_of(types: &Types, fact: &Fact) -> RestrictedExpression {
    match fact {
        Fact::Text(value) => text(value),
        Fact::Number(value) => RestrictedExpression::new_long(*value),
        Fact::Truth(value) => RestrictedExpression::new_bool(*value),
        Fact::RecordType(name) => entity(names::of(&types.record_type, name)),
        Fact::Address(address) => ip(*address),
    }
}
