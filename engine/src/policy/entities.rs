//! The few Cedar entities that one request needs, built directly.
//!
//! A record carries all its ancestors itself (zone, domains, name, account, patterns), so a
//! request needs three entities: key, action, resource. Adding them to a large entity store
//! would cost time proportional to its size; there is no such store. None of the three lies in
//! another, and what they lie in is all in themselves, so there is nothing for Cedar to work out.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use cedar_policy_core::ast::{
    Context, Entity, EntityType, EntityUID, Name, PartialValue, RestrictedExpr, Value,
};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::evaluator::RestrictedEvaluator;
use cedar_policy_core::extensions::Extensions;
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

/// Entities, with all that they lie in; `None` only where one is there twice.
pub(super) fn together(entities: impl IntoIterator<Item = Arc<Entity>>) -> Option<Entities> {
    let (schema, closed) = (None::<&NoEntitiesSchema>, TCComputation::AssumeAlreadyComputed);
    Entities::new().add_entities(entities, schema, closed, Extensions::none()).ok()
}

/// A value that Cedar makes of text, by the constructor with this name; `None` where it refuses.
fn constructed(constructor: &Name, text: String) -> Option<Value> {
    let call = RestrictedExpr::call_extension_fn(constructor.clone(), [RestrictedExpr::val(text)]);
    let evaluator = RestrictedEvaluator::new(Extensions::all_available());
    evaluator.interpret(call.as_borrowed()).ok()
}

/// An address.
///
/// Cedar refuses `::ffff:192.0.2.1`, the usual text of a mapped address, and reads the same bits
/// in plain groups.
fn ip(types: &Types, address: IpAddr) -> Option<Value> {
    let text = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => address.segments().map(|group| format!("{group:x}")).join(":"),
    };
    constructed(&types.ip, text)
}

/// A point in time.
fn datetime(types: &Types, at: Timestamp) -> Option<Value> {
    // Cedar reads milliseconds and no finer fraction.
    constructed(&types.datetime, at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

/// A set of entities of one type.
fn set(kind: &EntityType, ids: &[String]) -> Value {
    Value::set(ids.iter().map(|id| names::of(kind, id).into()), None)
}

/// Cedar's context of a request; `None` only where Cedar refuses its own values.
pub(super) fn context(types: &Types, facts: &Circumstances) -> Option<Context> {
    let local = &facts.clock.local;
    let duration = format!("{}ms", local.time_of_day_ms);
    let pairs: [(&str, Value); 11] = [
        ("client_ip", ip(types, facts.client_ip)?),
        ("networks", set(&types.network, &facts.networks)),
        ("windows", set(&types.window, &facts.clock.open)),
        ("now", datetime(types, facts.clock.now)?),
        ("weekday", names::of(&types.weekday, local.weekday).into()),
        ("time_of_day", constructed(&types.duration, duration)?),
        ("date", local.date.as_str().into()),
        ("tls", facts.tls.into()),
        ("method", facts.method.into()),
        ("route", names::of(&types.route, &facts.route).into()),
        ("operations", i64::try_from(facts.operations).unwrap_or(i64::MAX).into()),
    ];
    let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value));
    Some(Context::Value(Arc::new(pairs.collect())))
}

/// One action as Cedar sees it, with its group as parent.
pub(super) fn action(types: &Types, action: Action) -> Entity {
    let group = action.group().map(|group| names::of(&types.action, group));
    let uid = names::of(&types.action, action.name());
    made(uid, [], group.into_iter().collect(), [])
}

/// All actions, with their groups.
#[cfg(feature = "author")]
pub(super) fn actions(types: &Types) -> Option<cedar_policy::Entities> {
    Some(together(Action::ALL.iter().map(|one| Arc::new(action(types, *one))))?.into())
}

/// A key as Cedar sees it, with its roles as parents; `None` only where Cedar refuses a time.
pub(super) fn key_entity(types: &Types, key: &Key) -> Option<Entity> {
    let mut attributes: BTreeMap<&str, Value> = BTreeMap::new();
    if let Some(owner) = &key.owner {
        attributes.insert("owner", owner.as_str().into());
    }
    if !key.networks.is_empty() {
        attributes.insert("networks", set(&types.network, &key.networks));
    }
    if let Some(expires) = key.expires {
        attributes.insert("expires", datetime(types, expires)?);
    }
    let roles = key.roles.iter().map(|role| names::of(&types.role, role)).collect();
    let tags = key.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str().into()));
    Some(made(names::of(&types.key, &key.id), attributes, roles, tags))
}

/// A resource as Cedar sees it: what is seen of it, and nothing else; `None` only where Cedar
/// refuses an address.
pub(super) fn resource_entity(types: &Types, seen: &Seen) -> Option<Entity> {
    let uid = names::of(kind_name(types, seen.kind), &seen.id);
    let parents = seen.parents.iter().map(|(kind, id)| names::of(kind_name(types, *kind), id));
    let attributes = seen.attributes.iter();
    let attributes =
        attributes.map(|(attribute, fact)| Some((attribute.name(), value_of(types, fact)?)));
    let attributes: Vec<_> = attributes.collect::<Option<_>>()?;
    Some(made(uid, attributes, parents.collect(), []))
}

/// An entity that lies in these others and in nothing else.
fn made<'a>(
    uid: EntityUID,
    attributes: impl IntoIterator<Item = (&'a str, Value)>,
    parents: HashSet<EntityUID>,
    tags: impl IntoIterator<Item = (&'a str, Value)>,
) -> Entity {
    let named = |(name, value): (&str, Value)| (name.into(), PartialValue::Value(value));
    let attributes = attributes.into_iter().map(named);
    let tags = tags.into_iter().map(named);
    Entity::new_with_attr_partial_value(uid, attributes, HashSet::new(), parents, tags)
}

/// The name of a resource's type.
fn kind_name(types: &Types, kind: Kind) -> &EntityType {
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

/// The value of an attribute; `None` only where Cedar refuses an address.
fn value_of(types: &Types, fact: &Fact) -> Option<Value> {
    Some(match fact {
        Fact::Text(value) => value.as_str().into(),
        Fact::Number(value) => (*value).into(),
        Fact::Truth(value) => (*value).into(),
        Fact::RecordType(name) => names::of(&types.record_type, name).into(),
        Fact::Address(address) => ip(types, *address)?,
    })
}
