//! What a key could be allowed somewhere, before it is known where.
//!
//! A request may name its zone or records by ids that must be looked up. Before anybody asks the
//! provider for that, some permit must be able to allow the action there at all.

use super::scope::ResourceBound;
use super::{Asking, Policies};
use crate::name::{Name, NameForm};
use crate::operation::{Action, ResourceKind};

impl Policies {
    /// Whether some permit could allow this action, in this zone where one is given.
    ///
    /// Only scopes are looked at, so a yes may still become a no; a no is one.
    pub fn could_allow_in(&self, asking: &Asking, action: Action, zone: Option<&Name>) -> bool {
        asking.subject.entries().iter().any(|entry| {
            entry.permits
                && entry.scope.admits_action(action)
                && zone.is_none_or(|zone| reaches(asking, &entry.scope.resource, action, zone))
        })
    }
}

/// Whether a scope can match something of this kind in a zone.
fn reaches(asking: &Asking, bound: &ResourceBound, action: Action, zone: &Name) -> bool {
    let touch = |text: &str| {
        let other = Name::parse(text, NameForm::Fqdn);
        other.is_ok_and(|other| other.is_below_or_equal(zone) || zone.is_below_or_equal(&other))
    };
    match bound {
        ResourceBound::Any => true,
        ResourceBound::Kind(kind) => *kind == action.kind(),
        ResourceBound::Zone(name) => name == zone.as_str(),
        ResourceBound::Domain(name) | ResourceBound::Name(name) => {
            action.kind() != ResourceKind::Account && touch(name)
        }
        ResourceBound::Account(path) => *path == asking.account.path(),
        ResourceBound::Provider(provider) => *provider == asking.account.provider,
    }
}
