//! Which policies can match an operation, found without asking each of thousands.
//!
//! Policies are put into heaps by what their scope's resource is: those of one zone, of one domain,
//! of one name, and the rest, which can match anywhere. An operation looks into the heaps of its
//! zone, of its name and of each domain around it, and holds only what lies there against the
//! scopes. [`Policies`](super::Policies) has one index of the policies for every key, and one for
//! each set of roles that spoke, which the keys with these roles share.
//!
//! INVARIANT: what is in no heap that an operation looks into, its scope does not admit
//! (`Scope::admits_resource`); `engine/tests/index.rs` compares decisions with evaluating all.

use std::collections::HashMap;
use std::rc::Rc;

use super::entry::Entry;
use super::scope::{AccountId, ResourceBound};
use crate::operation::{Operation, Resource};

/// The places of policies in an index, ascending.
type Heap = Vec<usize>;

/// Some policies, by what their scopes are about.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// All of them.
    entries: Vec<Rc<Entry>>,
    /// Those that can match anywhere, or in a whole account.
    anywhere: Heap,
    /// Those of one zone.
    zones: HashMap<String, Heap>,
    /// Those of a name and all below it.
    domains: HashMap<String, Heap>,
    /// Those of one name.
    names: HashMap<String, Heap>,
}

impl Index {
    /// An index of these policies.
    pub(super) fn of(entries: Vec<Rc<Entry>>) -> Index {
        let mut index = Index::default();
        for (place, entry) in entries.iter().enumerate() {
            let heap = match &entry.scope.resource {
                ResourceBound::Zone(zone) => index.zones.entry(zone.clone()).or_default(),
                ResourceBound::Domain(domain) => index.domains.entry(domain.clone()).or_default(),
                ResourceBound::Name(name) => index.names.entry(name.clone()).or_default(),
                ResourceBound::Any
                | ResourceBound::Kind(_)
                | ResourceBound::Account(_)
                | ResourceBound::Provider(_) => &mut index.anywhere,
            };
            heap.push(place);
        }
        index.entries = entries;
        index
    }

    /// All policies.
    pub(super) fn entries(&self) -> &[Rc<Entry>] {
        &self.entries
    }

    /// Whether a record's name decides on which of its policies can match.
    pub(super) fn looks_at_names(&self) -> bool {
        !(self.names.is_empty() && self.domains.is_empty())
    }

    /// Adds the policies that can match an operation, in the order of the index.
    pub(super) fn matching<'i>(
        &'i self,
        operation: &Operation,
        account: &AccountId,
        found: &mut Vec<&'i Rc<Entry>>,
    ) {
        let mut places: Vec<usize> = self.anywhere.clone();
        let mut look = |heaps: &HashMap<String, Heap>, name: &str| {
            places.extend(heaps.get(name).into_iter().flatten());
        };
        match &operation.resource {
            Resource::Account => {}
            Resource::Zone { zone, .. } => {
                look(&self.zones, zone.as_str());
                if !self.domains.is_empty() {
                    zone.ancestors().for_each(|domain| look(&self.domains, domain));
                }
            }
            Resource::Record(record) => {
                look(&self.zones, record.zone.as_str());
                look(&self.names, record.name.as_str());
                if !self.domains.is_empty() {
                    record.name.ancestors().for_each(|domain| look(&self.domains, domain));
                }
            }
        }
        places.sort_unstable();
        let record_type = operation.as_record().map(|record| record.rtype.policy_name());
        let entries = places.into_iter().filter_map(|place| self.entries.get(place));
        found.extend(entries.filter(|entry| admits(entry, operation, account, record_type)));
    }
}

/// Whether a policy's scope can match an operation.
pub(super) fn admits(
    entry: &Entry,
    operation: &Operation,
    account: &AccountId,
    record_type: Option<&str>,
) -> bool {
    entry.scope.admits_action(operation.action)
        && entry.scope.admits_type(record_type)
        && entry.scope.admits_resource(operation, account)
}
