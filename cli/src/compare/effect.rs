//! Which decisions change: both sides decide the same requests.
//!
//! A changed decision is attributed to what changed and decided it: the changed policies among
//! those that permit now or forbade before, and the key's own entry. It is then asked for every
//! other key of the class with that key's own names, so that the keys that are listed are keys for
//! which somebody can repeat it.

mod member;
mod search;

use std::collections::BTreeMap;

use zonegate_engine::decision::Reason;
use zonegate_engine::policy::Verdict;

pub(crate) use self::member::repeats;
pub(crate) use self::search::search;

use super::Direction;
use super::class::Class;
use super::surface::Surface;
use crate::ask::Probe;

/// What a changed decision comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// A policy, by its id.
    Policy(String),
    /// The entries of the keys of a class, by the first key's id.
    Keys(String),
}

/// A decision that the two sides make differently.
#[derive(Clone, Debug)]
pub(crate) struct Shift {
    /// What is asked.
    pub(crate) probe: Probe,
    /// What the old side says.
    pub(crate) old: Verdict,
    /// What the new side says.
    pub(crate) new: Verdict,
}

/// What was found for one cause in one direction.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// The first decision that changed.
    pub(crate) example: Shift,
    /// The keys for which one was found, sorted.
    pub(crate) keys: Vec<String>,
    /// Keys of the same classes for which none was found.
    pub(crate) unshown: usize,
}

/// What a search found, of one class or of all.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// By cause and direction.
    pub(crate) shown: BTreeMap<(Cause, Direction), Shown>,
    /// For each cause, how many requests were compared that could have shown it.
    pub(crate) asked: BTreeMap<Cause, u64>,
    /// Requests that were compared in all.
    pub(crate) requests: u64,
    /// Requests that were left out, because there would have been too many.
    pub(crate) left_out: u64,
}

impl Found {
    /// Takes in what was found elsewhere.
    pub(crate) fn join(&mut self, other: Found) {
        self.requests += other.requests;
        self.left_out += other.left_out;
        for (cause, asked) in other.asked {
            *self.asked.entry(cause).or_default() += asked;
        }
        for (at, shown) in other.shown {
            match self.shown.get_mut(&at) {
                None => {
                    self.shown.insert(at, shown);
                }
                Some(known) => {
                    known.keys.extend(shown.keys);
                    known.keys.sort_unstable();
                    known.keys.dedup();
                    known.unshown += shown.unshown;
                }
            }
        }
    }
}

/// Whether a decision allows.
pub(crate) fn allows(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Allow(_))
}

/// Which way a pair of decisions goes; none where they are alike.
pub(crate) fn direction(old: &Verdict, new: &Verdict) -> Option<Direction> {
    match (allows(old), allows(new)) {
        (false, true) => Some(Direction::More),
        (true, false) => Some(Direction::Less),
        (true, true) | (false, false) => None,
    }
}

/// What a changed decision comes from; `permitted` says whether the side that denies has a permit
/// that matches all the same.
pub(crate) fn causes(shift: &Shift, class: &Class, permitted: &dyn Fn() -> bool) -> Vec<Cause> {
    let (allowing, denying) = match (&shift.old, &shift.new) {
        (Verdict::Deny(reason, by), Verdict::Allow(permits))
        | (Verdict::Allow(permits), Verdict::Deny(reason, by)) => (permits, (*reason, by)),
        _ => return Vec::new(),
    };
    let is_touched = |id: &&String| class.touched.contains(*id);
    let mut causes: Vec<Cause> = Vec::new();
    let (reason, denying) = denying;
    // What the key itself is denied for has nothing to do with policies.
    let keyless = matches!(
        reason,
        Reason::UnknownKey | Reason::DisabledKey | Reason::EarlyKey | Reason::ExpiredKey
    );
    if !keyless {
        let policy = |id: &String| Cause::Policy(id.clone());
        causes.extend(denying.iter().filter(is_touched).map(policy));
        // A permit that is the same on both sides did not come or go; nor did all of them where the
        // side that denies has one, too.
        let came = allowing.iter().all(|id| class.touched.contains(id));
        if came && (denying.is_empty() || !permitted()) {
            causes.extend(allowing.iter().map(policy));
        }
    }
    if class.own || causes.is_empty() {
        causes.push(Cause::Keys(class.members.first().cloned().unwrap_or_default()));
    }
    causes
}

/// Everything that a class is asked about.
pub(crate) fn asked_about(class: &Class, surface: &Surface) -> Vec<Cause> {
    let touched = surface.touched();
    let policies = class.touched.iter().filter(|id| touched.contains(id.as_str()));
    let mut causes: Vec<Cause> = policies.map(|id| Cause::Policy(id.clone())).collect();
    if class.own {
        causes.push(Cause::Keys(class.members.first().cloned().unwrap_or_default()));
    }
    causes
}
