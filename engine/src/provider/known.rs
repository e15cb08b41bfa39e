//! What is known of a provider's side while a request is read: answers to lookups.
//!
//! A request that names its zone or records by opaque ids is read as far as it can be; what is
//! missing comes out as [`Needs`], is looked up, and the request is read again with more
//! [`Knowledge`]. Reading twice costs microseconds, a lookup milliseconds; and there is one
//! reading, not one for each stage.

use std::collections::{BTreeSet, HashMap};

use super::record::Entry;
use crate::json::Json;
use crate::name::Name;
use crate::operation::{Action, Operation};

/// Rounds of lookups for one request: the zone, the first page, further pages, single records.
pub(crate) const ROUNDS_MAX: usize = 8;

/// What lookups have told about one request so far.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// The zone that the path names by its id.
    pub(super) zone: Sought,
    /// Records by their id; none where there is no such record in the zone.
    pub(super) records: HashMap<String, Option<KnownRecord>>,
    /// All records of the zone, as far as they came.
    pub(super) listing: Listing,
    /// How often the provider was asked.
    pub(super) rounds: usize,
}

/// A zone that is looked for by its id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sought {
    /// Nobody has asked yet.
    #[default]
    Unknown,
    /// There is none.
    Missing,
    /// It has this name.
    Found(Name),
}

/// One record as it is at the provider.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownRecord {
    /// What it means.
    pub(super) entry: Entry,
    /// Its fields, for those that an update leaves as they are.
    pub(super) fields: Vec<(String, Json)>,
}

/// All records of a zone, page by page.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// What came so far.
    pub(super) entries: Vec<Entry>,
    /// The last page that was asked for.
    pub(super) asked: u64,
    /// What is left to ask for.
    pub(super) rest: Rest,
}

/// What is left of a list that comes in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing was asked yet.
    #[default]
    All,
    /// Pages up to this one.
    UpTo(u64),
    /// At least one more page.
    More,
    /// Something that cannot be asked for.
    Unreachable,
    /// Nothing.
    Nothing,
}

/// What must be looked up before a request can be read on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The name of the zone.
    pub zone: bool,
    /// Records, by their ids.
    pub records: BTreeSet<String>,
    /// All records of the zone.
    pub listing: bool,
    /// What the request will ask for, as far as that can be said; all of it must be allowed.
    pub actions: Vec<Action>,
    /// The zone, where it is known already.
    pub within: Option<Name>,
}

impl Knowledge {
    /// Knowledge of nothing but a zone's name.
    pub fn of_zone(name: Name) -> Knowledge {
        Knowledge { zone: Sought::Found(name), ..Knowledge::default() }
    }

    /// Learns the name of the path's zone.
    pub fn learn_zone(&mut self, name: Name) {
        self.zone = Sought::Found(name);
    }

    /// The zone's name, where the path's id was looked up.
    pub fn zone(&self) -> Option<&Name> {
        match &self.zone {
            Sought::Found(name) => Some(name),
            Sought::Unknown | Sought::Missing => None,
        }
    }

    /// What must be allowed for the records that the request names by their ids to be seen.
    pub fn readings<'a>(&'a self, zone: &'a Name) -> impl Iterator<Item = Operation> + 'a {
        self.records.values().flatten().map(|known| {
            let Entry { name, rtype, values, .. } = &known.entry;
            let value = values.first().cloned();
            Operation::record(Action::RecordRead, zone.clone(), name.clone(), *rtype, value)
        })
    }

    /// Counts a round; false where there were too many.
    pub fn next_round(&mut self) -> bool {
        self.rounds += 1;
        self.rounds <= ROUNDS_MAX
    }
}
