//! An ordinary Cedar server: every decision is given every policy of the folder.
//!
//! Where it could be made slower or faster, it is made faster: keys' entities and links are kept
//! once they were built, the circumstances are built once for a request, and of a template only the
//! links of the key that asks are evaluated, in a set of their own. Networks and windows are not
//! worked out, because nothing that the bench asks depends on them.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, RestrictedExpression, SlotId,
};
use zonegate_engine::operation::Action;
use zonegate_engine::record_type::RecordType;

use crate::record::{Meaning, Operation, Record, meaning};
use crate::source::{Folder, Grant, Key, KeyDigest, digest};
use crate::{Asked, KEY_HEADER};

/// Attributes of an entity.
type Attributes = HashMap<String, RestrictedExpression>;

/// A key as Cedar sees it.
struct Known {
    /// The principal.
    entity: Entity,
    /// The links of its grants.
    links: Option<PolicySet>,
}

/// A folder, ready to decide.
pub(crate) struct Plain {
    /// What was read.
    folder: Folder,
    /// Cedar's evaluator.
    authorizer: Authorizer,
    /// Names of entity types, parsed once.
    types: RefCell<HashMap<&'static str, EntityTypeName>>,
    /// The keys that have spoken.
    known: RefCell<HashMap<KeyDigest, Rc<Known>>>,
}

impl Plain {
    /// Reads a folder.
    pub(crate) fn read(place: &str) -> Result<Plain, String> {
        Ok(Plain {
            folder: Folder::read(Path::new(place))?,
            authorizer: Authorizer::new(),
            types: RefCell::default(),
            known: RefCell::default(),
        })
    }

    /// Whether every operation of a request is allowed; `None` where it is not understood.
    pub(crate) fn allows(&self, asked: &Asked) -> Option<bool> {
        let known = self.known(digest(asked.headers.get(KEY_HEADER)?.as_bytes()))?;
        let meant = meaning(asked)?;
        let context = self.context(asked, &meant)?;
        for operation in &meant.operations {
            if !self.decide(&known, &meant.zone, operation, &context)? {
                return Some(false);
            }
        }
        Some(!meant.operations.is_empty())
    }

    /// Decides one operation, with all policies.
    fn decide(
        &self,
        known: &Known,
        zone: &str,
        operation: &Operation,
        context: &Context,
    ) -> Option<bool> {
        let action = self.action(operation.action)?;
        let resource = match &operation.record {
            Some(record) => self.record(zone, record)?,
            None => self.zone(zone)?,
        };
        let uids = (known.entity.uid(), action.uid(), resource.uid());
        let request = Request::new(uids.0, uids.1, uids.2, context.clone(), None).ok()?;
        let entities =
            Entities::from_entities([known.entity.clone(), action, resource], None).ok()?;
        let mut allowed = false;
        for set in std::iter::once(&self.folder.policies).chain(&known.links) {
            let response = self.authorizer.is_authorized(&request, set, &entities);
            let denied = response.decision() == Decision::Deny;
            let forbidden = denied && response.diagnostics().reason().next().is_some();
            if forbidden || response.diagnostics().errors().next().is_some() {
                return Some(false);
            }
            allowed |= !denied;
        }
        Some(allowed)
    }

    /// The key with this digest.
    fn known(&self, at: KeyDigest) -> Option<Rc<Known>> {
        if let Some(known) = self.known.borrow().get(&at) {
            return Some(Rc::clone(known));
        }
        let key = self.folder.keys.get(&at)?;
        let entity = self.principal(key)?;
        let links = if key.grant.is_empty() { None } else { Some(self.links(key, &entity.uid())?) };
        let known = Rc::new(Known { entity, links });
        self.known.borrow_mut().insert(at, Rc::clone(&known));
        Some(known)
    }

    /// A key's own entity.
    fn principal(&self, key: &Key) -> Option<Entity> {
        let mut attributes = Attributes::new();
        if !key.networks.is_empty() {
            let networks: Option<Vec<_>> =
                key.networks.iter().map(|name| self.reference("Network", name)).collect();
            attributes.insert("networks".to_owned(), RestrictedExpression::new_set(networks?));
        }
        let roles: Option<HashSet<_>> =
            key.roles.iter().map(|role| self.uid("Role", role)).collect();
        let tags: Attributes =
            key.attributes.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        Entity::new_with_tags(self.uid("Key", &key.id)?, attributes, roles?, tags).ok()
    }

    /// What a key's grants link.
    fn links(&self, key: &Key, principal: &EntityUid) -> Option<PolicySet> {
        let mut set = PolicySet::new();
        for (at, grant) in key.grant.iter().enumerate() {
            for template in &self.folder.templates {
                if template.annotation("grant") != Some(&grant.set) {
                    continue;
                }
                if set.template(template.id()).is_none() {
                    set.add_template(template.clone()).ok()?;
                }
                let mut slots = HashMap::from([(SlotId::principal(), principal.clone())]);
                if let Some(bound) = self.bound(template.annotation("binds"), grant)? {
                    slots.insert(SlotId::resource(), bound);
                }
                let link = PolicyId::new(format!("{}#{at}", template.id()));
                set.link(template.id().clone(), link, slots).ok()?;
            }
        }
        Some(set)
    }

    /// What a template's resource stands for in a grant.
    #[expect(clippy::option_option, reason = "nothing to bind is not a grant that lacks it")]
    fn bound(&self, binds: Option<&str>, grant: &Grant) -> Option<Option<EntityUid>> {
        match binds {
            None => Some(None),
            Some("zone") => self.uid("Zone", grant.zone.as_ref()?).map(Some),
            Some("name") => self.uid("Name", grant.name.as_ref()?).map(Some),
            Some(_) => None,
        }
    }

    /// The id of an entity.
    fn uid(&self, kind: &'static str, id: &str) -> Option<EntityUid> {
        if let Some(name) = self.types.borrow().get(kind) {
            return Some(EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id)));
        }
        let name = EntityTypeName::from_str(kind).ok()?;
        self.types.borrow_mut().insert(kind, name.clone());
        Some(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
    }

    /// An entity as a value.
    fn reference(&self, kind: &'static str, id: &str) -> Option<RestrictedExpression> {
        self.uid(kind, id).map(RestrictedExpression::new_entity_uid)
    }

    /// An action with its group.
    fn action(&self, name: &str) -> Option<Entity> {
        let group = match Action::from_name(name)?.group() {
            Some(group) => HashSet::from([self.uid("Action", group)?]),
            None => HashSet::new(),
        };
        Some(Entity::new_no_attrs(self.uid("Action", name)?, group))
    }

    /// What zones and records have in common: attributes, and the entities that they are in.
    fn place(&self, zone: &str, name: &str) -> Option<(Attributes, HashSet<EntityUid>)> {
        let attributes = [("zone", zone), ("provider", "powerdns"), ("account", "powerdns/main")];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), text(value)));
        let domains = std::iter::successors(Some(name), |name| Some(name.split_once('.')?.1));
        let domains: Option<HashSet<EntityUid>> =
            domains.map(|domain| self.uid("Domain", domain)).collect();
        let mut parents = domains?;
        parents.insert(self.uid("Account", "powerdns/main")?);
        parents.insert(self.uid("Provider", "powerdns")?);
        Some((attributes.into(), parents))
    }

    /// A zone.
    fn zone(&self, zone: &str) -> Option<Entity> {
        let (attributes, parents) = self.place(zone, zone)?;
        Entity::new(self.uid("Zone", zone)?, attributes, parents).ok()
    }

    /// A record.
    fn record(&self, zone: &str, record: &Record) -> Option<Entity> {
        let (mut attributes, mut parents) = self.place(zone, &record.name)?;
        let apex = record.name == zone;
        let relative =
            if apex { "@" } else { record.name.strip_suffix(zone)?.strip_suffix('.')? };
        let depth = if apex { 0 } else { relative.split('.').count() };
        let kind = RecordType::parse(&record.kind).ok()?;
        let leftmost = relative.split('.').next()?;
        attributes.extend([
            ("name".to_owned(), text(&record.name)),
            ("relative".to_owned(), text(relative)),
            ("leftmost".to_owned(), text(leftmost)),
            ("depth".to_owned(), RestrictedExpression::new_long(i64::try_from(depth).ok()?)),
            ("apex".to_owned(), RestrictedExpression::new_bool(apex)),
            ("wildcard".to_owned(), RestrictedExpression::new_bool(leftmost == "*")),
            ("type".to_owned(), self.reference("RecordType", kind.policy_name())?),
            ("type_number".to_owned(), RestrictedExpression::new_long(kind.number().into())),
        ]);
        if let Some(value) = &record.value {
            attributes.insert("value".to_owned(), text(value));
            if matches!(kind.policy_name(), "A" | "AAAA") {
                attributes.insert("address".to_owned(), RestrictedExpression::new_ip(value));
            }
        }
        parents.insert(self.uid("Zone", zone)?);
        parents.insert(self.uid("Name", &record.name)?);
        for pattern in &self.folder.patterns {
            let read = if pattern.relative { relative } else { &record.name };
            if pattern.regex.is_match(read) {
                parents.insert(self.uid("Pattern", &pattern.name)?);
            }
        }
        Entity::new(self.uid("Record", &record.name)?, attributes, parents).ok()
    }

    /// The circumstances of a request.
    fn context(&self, asked: &Asked, meant: &Meaning) -> Option<Context> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let now = jiff::Timestamp::from_millisecond(i64::try_from(now.as_millis()).ok()?).ok()?;
        let clock = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let today = now.as_second().rem_euclid(86_400);
        let nothing = || RestrictedExpression::new_set([]);
        let operations = i64::try_from(meant.operations.len()).ok()?;
        let weekday = now.strftime("%a").to_string().to_ascii_lowercase();
        Context::from_pairs([
            ("client_ip".to_owned(), RestrictedExpression::new_ip("127.0.0.1")),
            ("networks".to_owned(), nothing()),
            ("windows".to_owned(), nothing()),
            ("now".to_owned(), RestrictedExpression::new_datetime(&clock)),
            ("weekday".to_owned(), self.reference("Weekday", &weekday)?),
            ("time_of_day".to_owned(), RestrictedExpression::new_duration(format!("{today}s"))),
            ("date".to_owned(), text(clock.get(..10)?)),
            ("tls".to_owned(), RestrictedExpression::new_bool(false)),
            ("method".to_owned(), text(asked.method.as_str())),
            ("route".to_owned(), self.reference("Route", meant.route)?),
            ("operations".to_owned(), RestrictedExpression::new_long(operations)),
        ])
        .ok()
    }
}

/// A string value.
fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}
