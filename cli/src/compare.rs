//! Two bundles compared: what changed in them, and which decisions change with it.
//!
//! What changed is read off ([`surface`]). Which decisions change is asked for: keys that nothing
//! tells apart are one [`class`], each class is asked requests made of what the changed policies of
//! both sides compare with ([`sample`]), and both sides decide them ([`effect`]). A decision that
//! came out differently is a fact. That none did is not: it says how much was asked, and `proved`
//! only where something else shows it.
//!
//! # What this does not do
//! It does not compare what requests mean: a changed provider file is named and left at that.

pub(crate) mod class;
pub(crate) mod effect;
mod proof;
pub(crate) mod report;
pub(crate) mod sample;
pub(crate) mod surface;
mod witness;

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::policy::{Blank, Holding};
use zonegate_engine::problem::Problem;

use self::class::Classes;
use self::report::Comparison;
use self::surface::Surface;

/// One of the two, as every thread may read it.
#[derive(Debug)]
pub(crate) struct Known {
    /// The packed bundle.
    bytes: Vec<u8>,
    /// Its policies that are no templates.
    statics: Vec<Holding>,
    /// Its templates.
    blanks: Vec<Blank>,
}

impl Known {
    /// Reads what is shared off a bundle.
    pub(crate) fn of(bytes: Vec<u8>, bundle: &Bundle) -> Known {
        Known { bytes, statics: bundle.policies.statics(), blanks: bundle.policies.templates() }
    }

    /// A bundle of one thread's own.
    fn load(&self) -> Result<Bundle, Vec<Problem>> {
        Bundle::load(self.bytes.clone())
    }
}

/// One of the two, as one thread uses it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<'a> {
    /// The bundle, which decides.
    pub(crate) bundle: &'a Bundle,
    /// What is known of it.
    pub(crate) known: &'a Known,
}

/// Which way a decision changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// Denied before, allowed now.
    More,
    /// Allowed before, denied now.
    Less,
}

impl Direction {
    /// Both of them.
    pub(crate) const ALL: [Direction; 2] = [Direction::More, Direction::Less];
}

/// Compares two bundles, for requests from a time on; `solver` asks for proofs, too.
pub(crate) fn compare(
    old: &Known,
    new: &Known,
    at: Timestamp,
    solver: bool,
) -> Result<Comparison, Vec<Problem>> {
    let (old_bundle, new_bundle) = (old.load()?, new.load()?);
    let (before, after) =
        (Side { bundle: &old_bundle, known: old }, Side { bundle: &new_bundle, known: new });
    let surface = Surface::of(before, after);
    let classes = Classes::of(before, after, &surface, at);
    let found = effect::search(before, after, &surface, &classes, at)?;
    let mut comparison = Comparison::of(after, surface, &classes, found, at);
    let open = comparison.open();
    if solver && !open.is_empty() {
        let moments = sample::moments(before, after, &comparison.surface, at);
        let asked = (classes.touched.as_slice(), moments.as_slice());
        let proofs = proof::prove(before, after, &comparison.surface, asked, &open);
        comparison.take(after, proofs);
    }
    Ok(comparison)
}
