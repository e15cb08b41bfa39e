//! Reading a policy's scope from Cedar, when a bundle is packed.

use cedar_policy::{ActionConstraint, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};

use super::scope::{PrincipalBound, ResourceBound, Scope, bit};
use super::{names, types};
use crate::operation::{Action, ResourceKind};

impl Scope {
    /// Reads the scope of a static policy; slots cannot occur in one.
    pub(super) fn of(policy: &Policy, groups: &Groups) -> Scope {
        Scope {
            principal: principal_bound(&policy.principal_constraint()),
            actions: groups.bits(&policy.action_constraint()),
            resource: resource_bound(&policy.resource_constraint()),
            types: policy.to_json().ok().as_ref().and_then(types::admitted),
        }
    }
}

/// Which actions each action entity stands for: itself, or the members of a group.
#[derive(Debug)]
pub(super) struct Groups(Vec<(EntityUid, u32)>);

impl Groups {
    /// Reads the groups from the schema's action entities.
    pub(super) fn of(actions: &cedar_policy::Entities) -> Groups {
        let mut groups: Vec<(EntityUid, u32)> = Vec::new();
        for action in Action::ALL {
            let Some(uid) = names::uid("Action", action.name()) else { continue };
            for ancestor in actions.ancestors(&uid).into_iter().flatten() {
                match groups.iter_mut().find(|(group, _)| group == ancestor) {
                    Some((_, bits)) => *bits |= bit(*action),
                    None => groups.push((ancestor.clone(), bit(*action))),
                }
            }
            groups.push((uid, bit(*action)));
        }
        Groups(groups)
    }

    /// The actions that a constraint admits; an action entity that is not known admits none,
    /// because no request is ever made for it.
    fn bits(&self, constraint: &ActionConstraint) -> u32 {
        match constraint {
            ActionConstraint::Any => u32::MAX,
            ActionConstraint::Eq(uid) => self.of_entity(uid),
            ActionConstraint::In(uids) => {
                uids.iter().fold(0, |bits, uid| bits | self.of_entity(uid))
            }
        }
    }

    /// The actions that one action entity stands for.
    fn of_entity(&self, uid: &EntityUid) -> u32 {
        self.0.iter().find(|(group, _)| group == uid).map_or(0, |(_, bits)| *bits)
    }
}

/// The bound of a principal constraint.
fn principal_bound(constraint: &PrincipalConstraint) -> PrincipalBound {
    match constraint {
        PrincipalConstraint::In(uid)
        | PrincipalConstraint::Eq(uid)
        | PrincipalConstraint::IsIn(_, uid) => {
            let (kind, id) = names::parts(uid);
            match kind.as_str() {
                "Key" => PrincipalBound::Key(id),
                "Role" => PrincipalBound::Role(id),
                _ => PrincipalBound::Any,
            }
        }
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => PrincipalBound::Any,
    }
}

/// The bound of a resource constraint.
fn resource_bound(constraint: &ResourceConstraint) -> ResourceBound {
    match constraint {
        ResourceConstraint::In(uid)
        | ResourceConstraint::Eq(uid)
        | ResourceConstraint::IsIn(_, uid) => {
            let (kind, id) = names::parts(uid);
            match kind.as_str() {
                "Zone" => ResourceBound::Zone(id),
                "Domain" => ResourceBound::Domain(id),
                "Name" => ResourceBound::Name(id),
                "Account" => ResourceBound::Account(id),
                "Provider" => ResourceBound::Provider(id),
                _ => ResourceBound::Any,
            }
        }
        ResourceConstraint::Is(kind) => match kind.to_string().as_str() {
            "Account" => ResourceBound::Kind(ResourceKind::Account),
            "Zone" => ResourceBound::Kind(ResourceKind::Zone),
            "Record" => ResourceBound::Kind(ResourceKind::Record),
            _ => ResourceBound::Any,
        },
        ResourceConstraint::Any => ResourceBound::Any,
    }
}
