//! What some policies can tell of an operation, and no more.
//!
//! A policy sees the action, and of the resource its kind, the attributes that the policy reads,
//! and whether the resource is one of the entities that the policy names, or lies in one. All else
//! is left out here, so that two operations that the candidates cannot tell apart are equal: the
//! same Cedar entities stand for both, and one decision of a request, too.
//!
//! INVARIANT: the entities are made of a [`Seen`] and of nothing else (`Subject::prepared`), so
//! what is decided for one operation holds for every other that is seen alike.
//! `engine/tests/index.rs` compares decisions with those of policies that see everything.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::facts::{Attribute, Reads};
use super::scope::AccountId;
use crate::operation::{Action, Operation, Record, Resource};
use crate::value;

/// The entities that some policies name, as ids by type.
#[derive(Debug, Default)]
pub(super) struct Named(HashMap<String, HashSet<String>>);

impl Named {
    /// Notes one entity.
    pub(super) fn add(&mut self, kind: &str, id: &str) {
        self.0.entry(kind.to_owned()).or_default().insert(id.to_owned());
    }
}

/// How much is seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight<'c> {
    /// Which attributes.
    pub(super) reads: Reads,
    /// Which entities, as a resource or around one; `None` for all.
    ///
    /// SECURITY: an entity that is not named cannot be asked for, because no attribute and
    /// nothing in the context is an account, a zone, a record, or what these lie in.
    pub(super) named: Option<&'c Named>,
}

impl Sight<'_> {
    /// Everything is seen.
    pub(super) const ALL: Sight<'static> = Sight { reads: Reads::ALL, named: None };

    /// The id of an entity, if it is one that is asked for.
    fn named(&self, kind: Kind, id: impl FnOnce() -> String) -> Option<String> {
        match self.named {
            None => Some(id()),
            Some(named) => named.0.get(kind.name()).and_then(|ids| {
                let id = id();
                ids.contains(&id).then_some(id)
            }),
        }
    }
}

/// The types of resources and of what they lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// An account.
    Account,
    /// A name with all below it.
    Domain,
    /// An owner name.
    Name,
    /// A named pattern.
    Pattern,
    /// A provider.
    Provider,
    /// A record.
    Record,
    /// A zone.
    Zone,
}

impl Kind {
    /// Whether two records of one zone and type may differ in entities of this type, given by its
    /// name in policies.
    pub(super) fn is_own(name: &str) -> bool {
        [Kind::Domain, Kind::Name, Kind::Pattern, Kind::Record].iter().any(|one| one.name() == name)
    }

    /// The type's name in policies.
    const fn name(self) -> &'static str {
        match self {
            Kind::Account => "Account",
            Kind::Domain => "Domain",
            Kind::Name => "Name",
            Kind::Pattern => "Pattern",
            Kind::Provider => "Provider",
            Kind::Record => "Record",
            Kind::Zone => "Zone",
        }
    }
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fact {
    /// A string.
    Text(String),
    /// A number.
    Number(i64),
    /// A truth value.
    Truth(bool),
    /// A record type, by its name in policies.
    RecordType(&'static str),
    /// An address.
    Address(IpAddr),
}

/// An operation, as far as it is seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    /// What is done.
    pub(super) action: Action,
    /// The resource's type.
    pub(super) kind: Kind,
    /// Its id; empty where no policy names it, and then no policy can ask for it.
    pub(super) id: String,
    /// Its attributes, in a fixed order.
    pub(super) attributes: Vec<(Attribute, Fact)>,
    /// What it lies in, in a fixed order.
    pub(super) parents: Vec<(Kind, String)>,
}

impl Seen {
    /// Looks at an operation; `patterns` are the names of the asked patterns that its
    /// record matches. `None` where a record's name is not in its zone, which no request reaches.
    pub(super) fn of(
        account: &AccountId,
        operation: &Operation,
        patterns: &[&str],
        sight: Sight<'_>,
    ) -> Option<Seen> {
        let kind = match &operation.resource {
            Resource::Account => Kind::Account,
            Resource::Zone { .. } => Kind::Zone,
            Resource::Record(_) => Kind::Record,
        };
        let (attributes, parents) = (Vec::new(), Vec::new());
        let action = operation.action;
        let mut seen = Seen { action, kind, id: String::new(), attributes, parents };
        seen.parent(sight, Kind::Provider, || account.provider.clone());
        match &operation.resource {
            Resource::Account => seen.identify(sight, || account.path()),
            Resource::Zone { zone, metadata } => {
                seen.identify(sight, || zone.as_str().to_owned());
                seen.place(sight, account, zone.as_str());
                seen.domains(sight, zone.ancestors());
                if let Some(kind) = metadata {
                    seen.attribute(sight, Attribute::Metadata, || Fact::Text(kind.clone()));
                }
            }
            Resource::Record(record) => {
                seen.identify(sight, || format!("{}/{}", record.name, record.rtype));
                seen.place(sight, account, record.zone.as_str());
                seen.parent(sight, Kind::Zone, || record.zone.as_str().to_owned());
                seen.parent(sight, Kind::Name, || record.name.as_str().to_owned());
                seen.domains(sight, record.name.ancestors());
                seen.record(sight, record)?;
                seen.parents
                    .extend(patterns.iter().map(|name| (Kind::Pattern, (*name).to_owned())));
            }
        }
        Some(seen)
    }

    /// Notes the resource's own id, if it is asked for.
    fn identify(&mut self, sight: Sight<'_>, id: impl Fn() -> String) {
        // The empty id stands for all that are not named, so it must not be named itself.
        let taken = sight.named(self.kind, String::new).is_some();
        let own = if taken { Some(id()) } else { sight.named(self.kind, id) };
        self.id = own.unwrap_or_default();
    }

    /// Notes one entity that the resource lies in, if it is asked for.
    fn parent(&mut self, sight: Sight<'_>, kind: Kind, id: impl FnOnce() -> String) {
        if let Some(id) = sight.named(kind, id) {
            self.parents.push((kind, id));
        }
    }

    /// Notes the domains that are asked for.
    fn domains<'n>(&mut self, sight: Sight<'_>, ancestors: impl Iterator<Item = &'n str>) {
        let asked = sight.named.map(|named| named.0.get(Kind::Domain.name()));
        let is_asked = |domain: &&str| match asked {
            None => true,
            Some(asked) => asked.is_some_and(|asked| asked.contains(*domain)),
        };
        if !matches!(asked, Some(None)) {
            let domains = ancestors.filter(is_asked);
            self.parents.extend(domains.map(|domain| (Kind::Domain, domain.to_owned())));
        }
    }

    /// Notes one attribute, if it is read.
    fn attribute(&mut self, sight: Sight<'_>, attribute: Attribute, fact: impl FnOnce() -> Fact) {
        if sight.reads.has(attribute) {
            self.attributes.push((attribute, fact()));
        }
    }

    /// What zones and records share.
    fn place(&mut self, sight: Sight<'_>, account: &AccountId, zone: &str) {
        self.parent(sight, Kind::Account, || account.path());
        self.attribute(sight, Attribute::Zone, || Fact::Text(zone.to_owned()));
        self.attribute(sight, Attribute::Provider, || Fact::Text(account.provider.clone()));
        self.attribute(sight, Attribute::Account, || Fact::Text(account.account.clone()));
    }

    /// The attributes of a record.
    fn record(&mut self, sight: Sight<'_>, record: &Record) -> Option<()> {
        let name = &record.name;
        let depth = i64::try_from(name.depth_below(&record.zone)?).ok()?;
        let text = |text: &str| Fact::Text(text.to_owned());
        let relative = || Fact::Text(name.relative_to(&record.zone).unwrap_or_default());
        let number = || Fact::Number(record.rtype.number().into());
        self.attribute(sight, Attribute::Name, || text(name.as_str()));
        self.attribute(sight, Attribute::Relative, relative);
        self.attribute(sight, Attribute::Leftmost, || text(name.leftmost()));
        self.attribute(sight, Attribute::Depth, || Fact::Number(depth));
        self.attribute(sight, Attribute::Apex, || Fact::Truth(depth == 0));
        self.attribute(sight, Attribute::Wildcard, || Fact::Truth(name.is_wildcard()));
        self.attribute(sight, Attribute::Type, || Fact::RecordType(record.rtype.policy_name()));
        self.attribute(sight, Attribute::TypeNumber, number);
        if let Some(value) = &record.value {
            let canonical = || Fact::Text(value::canonical(record.rtype, value));
            self.attribute(sight, Attribute::Value, canonical);
            if sight.reads.has(Attribute::Address)
                && let Some(address) = value::address(record.rtype, value)
            {
                self.attributes.push((Attribute::Address, Fact::Address(address)));
            }
        }
        Some(())
    }
}
