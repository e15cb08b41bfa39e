//! The policies whose scope can match an operation, ready to be evaluated.
//!
//! Most policies of a set see nothing of a record but its type and its zone, and say the same to
//! each of a hundred records in a request; only those that look at names or values must be asked
//! each time. So a set has two [`Group`]s, the one and the other, and what a group cannot tell apart
//! is asked once in a request.
//!
//! INVARIANT: a group is asked with all that any of its policies sees, so into which group a policy
//! is put changes no answer.

use std::rc::Rc;

use super::entry::Entry;
use super::facts::Reads;
use super::room::{Room, Share};
use super::seen::{Kind, Named, Sight};
use crate::kept::Kept;

/// Candidate sets kept for one key, or for keys with the same roles.
const SETS_MAX: usize = 64;

/// The sets of candidates of one key, or of keys with the same roles.
#[derive(Debug)]
pub(super) struct Sets {
    /// Those that were asked with, by the addresses of their policies, which live at least as long.
    kept: Kept<Vec<usize>, Rc<Candidates>, SETS_MAX>,
    /// The room for the sets of all keys.
    room: Room,
}

impl Sets {
    /// No sets yet.
    pub(super) fn new(room: &Room) -> Sets {
        Sets { kept: Kept::default(), room: room.clone() }
    }

    /// The set of these policies; it is prepared once and then kept for a while.
    pub(super) fn of(&self, entries: &[&Rc<Entry>]) -> Option<Rc<Candidates>> {
        let at: Vec<usize> = entries.iter().map(|entry| Rc::as_ptr(entry).addr()).collect();
        if let Some(candidates) = self.kept.get(&at) {
            return Some(candidates);
        }
        if self.room.is_full() {
            self.kept.forget();
        }
        let candidates = Rc::new(Candidates::of(entries, self.room.share(entries.len()))?);
        self.kept.keep(at, Rc::clone(&candidates));
        Some(candidates)
    }
}

/// The policies whose scope can match an operation.
#[derive(Debug)]
pub(super) struct Candidates {
    /// They themselves; at least one group.
    pub(super) groups: Vec<Rc<Group>>,
    /// Whether one of them permits.
    pub(super) permits: bool,
    /// Whether one of them can tell two records of a zone apart that have the same type.
    pub(super) are_fine: bool,
    /// What they take of the room.
    _share: Share,
}

impl Candidates {
    /// Prepares some policies; `None` only where Cedar refuses what it has packed.
    fn of(entries: &[&Rc<Entry>], share: Share) -> Option<Candidates> {
        let (fine, coarse): (Vec<&Rc<Entry>>, Vec<&Rc<Entry>>) =
            entries.iter().partition(|entry| is_fine(entry));
        let group = |entries: Vec<&Rc<Entry>>| Group::of(entries.into_iter().map(Rc::clone));
        let are_fine = !fine.is_empty();
        let groups = [coarse, fine].into_iter().filter(|entries| !entries.is_empty());
        let groups = groups.map(|entries| group(entries).map(Rc::new)).collect::<Option<_>>()?;
        let permits = entries.iter().any(|entry| entry.permits);
        Some(Candidates { groups, permits, are_fine, _share: share })
    }
}

/// Whether a policy can tell two records of a zone apart that have the same type.
fn is_fine(entry: &Entry) -> bool {
    let mentions = &entry.authored.mentions;
    let bound = entry.scope.bound().map(|(kind, _)| kind);
    let mut kinds = mentions.entities.iter().map(|(kind, _)| kind.as_str()).chain(bound);
    mentions.reads.has_own() || kinds.any(Kind::is_own)
}

/// Policies that are asked together, ready for Cedar.
#[derive(Debug)]
pub(super) struct Group {
    /// They themselves; each can be evaluated.
    pub(super) entries: Vec<Rc<Entry>>,
    /// The attributes that they read.
    pub(super) reads: Reads,
    /// The named patterns that they ask for, sorted.
    pub(super) patterns: Vec<String>,
    /// The entities that they name: no others are made, for a name may have a hundred labels.
    named: Named,
}

impl Group {
    /// Prepares some policies; `None` only where Cedar refuses what it has packed.
    pub(super) fn of(entries: impl IntoIterator<Item = Rc<Entry>>) -> Option<Group> {
        let entries: Vec<Rc<Entry>> = entries.into_iter().collect();
        if !entries.iter().all(|entry| entry.condition().is_some()) {
            return None;
        }
        let mentions = || entries.iter().map(|entry| &entry.authored.mentions);
        let mut patterns: Vec<String> =
            mentions().flat_map(|one| one.of_type("Pattern")).map(str::to_owned).collect();
        patterns.sort_unstable();
        patterns.dedup();
        // A link mentions what its template does; what it is bound to stands in its scope.
        let bound = entries.iter().filter_map(|entry| entry.scope.bound());
        let written = mentions().flat_map(|one| &one.entities);
        let mut named = Named::default();
        for (kind, id) in written.map(|(kind, id)| (kind.as_str(), id.as_str())).chain(bound) {
            named.add(kind, id);
        }
        let reads = mentions().fold(Reads::default(), |reads, one| reads.and(one.reads));
        Some(Group { entries, reads, patterns, named })
    }

    /// The same policies, which are shown everything.
    #[cfg(feature = "author")]
    pub(super) fn that_sees_all(self) -> Group {
        Group { reads: Reads::ALL, ..self }
    }

    /// What they see of an operation.
    pub(super) fn sight(&self) -> Sight<'_> {
        let named = (self.reads != Reads::ALL).then_some(&self.named);
        Sight { reads: self.reads, named }
    }
}
