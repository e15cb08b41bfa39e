//! The scope of a policy, as the index sees it.
//!
//! Cedar evaluates every policy it is given, so it is only given those whose scope can match.
//! A scope is read when the bundle is packed into a [`Scope`], and compared with a key and an operation by
//! plain string comparisons.
//!
//! INVARIANT: a scope never excludes a policy that Cedar would find satisfied, nor one whose
//! condition could error. What is not understood here matches everything. The property test
//! `tests/index.rs` compares every decision with evaluating all policies.

use serde::{Deserialize, Serialize};

use super::Link;
use crate::operation::{Action, Operation, Resource, ResourceKind};

/// The account that an operation is done in, as `provider` and `provider/account`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountId {
    /// The provider's name, such as `powerdns`.
    pub provider: String,
    /// The account's name within the provider, such as `main`.
    pub account: String,
}

impl AccountId {
    /// The name that keys and policies use: `powerdns/main`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.provider, self.account)
    }
}

/// Which principals a policy can match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PrincipalBound {
    /// Every key.
    Any,
    /// The key with this id.
    Key(String),
    /// The keys with this role.
    Role(String),
}

/// Which resources a policy can match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ResourceBound {
    /// Every resource.
    Any,
    /// Every resource of one kind.
    Kind(ResourceKind),
    /// One zone and its records.
    Zone(String),
    /// A name and everything below it.
    Domain(String),
    /// One owner name.
    Name(String),
    /// One account and all in it.
    Account(String),
    /// One provider and all in it.
    Provider(String),
}

impl ResourceBound {
    /// The resources that it admits, in words.
    pub(super) fn text(&self) -> String {
        match self {
            ResourceBound::Any => "everything".to_owned(),
            ResourceBound::Kind(ResourceKind::Account) => "the account".to_owned(),
            ResourceBound::Kind(ResourceKind::Zone) => "every zone".to_owned(),
            ResourceBound::Kind(ResourceKind::Record) => "every record".to_owned(),
            ResourceBound::Zone(zone) => format!("the zone {zone}"),
            ResourceBound::Domain(domain) => format!("{domain} and below"),
            ResourceBound::Name(name) => format!("the name {name}"),
            ResourceBound::Account(path) => format!("the account {path}"),
            ResourceBound::Provider(provider) => format!("the provider {provider}"),
        }
    }
}

/// The scope of one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scope {
    /// Who.
    pub(super) principal: PrincipalBound,
    /// What is done: one bit for each action of [`Action::ALL`].
    pub(super) actions: u32,
    /// To what.
    pub(super) resource: ResourceBound,
    /// To records of which types; `None` for all.
    pub(super) types: Option<Vec<String>>,
}

impl Scope {
    /// The scope of a template's link: its key and its resource take the places of the stand-ins.
    pub(super) fn linked(&self, link: &Link) -> Scope {
        let resource = link.resource.as_ref().map(|(_, id)| id.clone());
        Scope {
            principal: PrincipalBound::Key(link.key.clone()),
            resource: match (&self.resource, resource) {
                (ResourceBound::Zone(_), Some(id)) => ResourceBound::Zone(id),
                (ResourceBound::Domain(_), Some(id)) => ResourceBound::Domain(id),
                (ResourceBound::Name(_), Some(id)) => ResourceBound::Name(id),
                (other, _) => other.clone(),
            },
            actions: self.actions,
            types: self.types.clone(),
        }
    }

    /// Whether the policy can match a record of this type, given by its name in policies.
    pub(super) fn admits_type(&self, record_type: Option<&str>) -> bool {
        match (&self.types, record_type) {
            (Some(types), Some(name)) => types.iter().any(|one| one == name),
            _ => true,
        }
    }

    /// The entity that the policy's resource is bound to, as type and id, if it is.
    pub(super) fn bound(&self) -> Option<(&'static str, &str)> {
        match &self.resource {
            ResourceBound::Any | ResourceBound::Kind(_) => None,
            ResourceBound::Zone(zone) => Some(("Zone", zone)),
            ResourceBound::Domain(domain) => Some(("Domain", domain)),
            ResourceBound::Name(name) => Some(("Name", name)),
            ResourceBound::Account(path) => Some(("Account", path)),
            ResourceBound::Provider(provider) => Some(("Provider", provider)),
        }
    }

    /// Whether a record's name decides on whether the policy can match.
    pub(super) fn is_by_name(&self) -> bool {
        matches!(self.resource, ResourceBound::Domain(_) | ResourceBound::Name(_))
    }

    /// Whether the policy can match this action.
    pub(super) fn admits_action(&self, action: Action) -> bool {
        self.actions & bit(action) != 0
    }

    /// Whether the policy can match this operation's resource.
    pub(super) fn admits_resource(&self, operation: &Operation, account: &AccountId) -> bool {
        match &self.resource {
            ResourceBound::Any => true,
            ResourceBound::Kind(kind) => *kind == operation.action.kind(),
            ResourceBound::Account(path) => {
                path.split_once('/') == Some((account.provider.as_str(), account.account.as_str()))
            }
            ResourceBound::Provider(provider) => *provider == account.provider,
            ResourceBound::Zone(zone) => {
                operation.zone_name().is_some_and(|name| name.as_str() == zone)
            }
            ResourceBound::Domain(domain) => match &operation.resource {
                Resource::Account => false,
                Resource::Zone { zone, .. } => text_is_below(zone.as_str(), domain),
                Resource::Record(record) => text_is_below(record.name.as_str(), domain),
            },
            ResourceBound::Name(name) => {
                operation.as_record().is_some_and(|record| record.name.as_str() == name)
            }
        }
    }
}

/// Whether canonical `name` is `domain` or below it, label by label.
fn text_is_below(name: &str, domain: &str) -> bool {
    match name.strip_suffix(domain) {
        Some(rest) => rest.is_empty() || rest.ends_with('.'),
        None => false,
    }
}

/// The bit of an action in [`Scope::actions`].
///
/// INVARIANT: the bits are different, because there are fewer than 32 actions (a test holds it).
pub(super) const fn bit(action: Action) -> u32 {
    1 << action as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_bit_of_its_own() {
        let bits = Action::ALL.iter().fold(0u32, |bits, action| bits | bit(*action));
        assert_eq!(bits.count_ones() as usize, Action::ALL.len());
    }
}
