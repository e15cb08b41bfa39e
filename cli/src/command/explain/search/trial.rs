//! Trying changes: the same request with some fields changed, decided as the gate would.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::Key;
use zonegate_engine::operation::Operation;
use zonegate_engine::policy::{Asking, Verdict};

use super::super::change::{self, Step};
use super::Suggested;
use crate::ask::{self, Scene, Way};

/// Decisions that one search may take.
const DECISIONS_MAX: usize = 200_000;
/// How long one search may take.
const TIME_MAX: Duration = Duration::from_secs(2);

/// A role, an address, a time and a number of operations.
type Around = (Option<String>, IpAddr, Timestamp, usize);

/// A denied request that is tried with changes.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    /// The bundle.
    pub(super) bundle: &'a Bundle,
    /// The key that asks.
    pub(super) key: &'a Key,
    /// From where, when, at which account.
    pub(super) scene: Scene,
    /// By which request.
    pub(super) way: Way,
    /// What for.
    pub(super) operations: Vec<Operation>,
    /// The first operation that is denied.
    pub(super) pivot: Operation,
    /// What must change in any case; the scene has it already.
    pub(super) fixed: Vec<Step>,
    /// Changes that were tried.
    pub(super) tried: usize,
    /// Whether time or decisions ran out.
    pub(super) ran_out: bool,
    /// Operations that are allowed as they are.
    allowed: HashSet<Operation>,
    /// Decisions that were taken.
    decisions: usize,
    /// When it began.
    began: Instant,
    /// What operations are asked with.
    askings: HashMap<Around, Option<Asking>>,
}

impl<'a> Trial<'a> {
    /// A request with its operations; none where all of them are allowed.
    pub(super) fn new(
        bundle: &'a Bundle,
        key: &'a Key,
        scene: Scene,
        way: Way,
        operations: Vec<Operation>,
        fixed: Vec<Step>,
    ) -> Option<Trial<'a>> {
        let asking = ask::asking(bundle, key, &scene, &way)?;
        let is_allowed = |operation: &&Operation| {
            let verdict = bundle.policies.decide(&bundle.patterns, &asking, operation);
            matches!(verdict, Verdict::Allow(_))
        };
        let allowed: HashSet<Operation> = operations.iter().filter(is_allowed).cloned().collect();
        let pivot = operations.iter().find(|one| !allowed.contains(one))?.clone();
        Some(Trial {
            bundle,
            key,
            scene,
            way,
            operations,
            pivot,
            fixed,
            tried: 0,
            ran_out: false,
            allowed,
            decisions: 0,
            began: Instant::now(),
            askings: HashMap::new(),
        })
    }

    /// Whether a change allows the whole request: then what it would be, and by which policies.
    pub(super) fn attempt(&mut self, steps: &[Step]) -> Option<Suggested> {
        if self.ran_out {
            return None;
        }
        let mut operations = change::operations(&self.operations, &self.pivot, steps)?;
        self.tried += 1;
        let (scene, role) = self.around(steps);
        let same_scene = role.is_none() && scene == self.scene;
        // What was denied is asked first: it most likely still is.
        operations.sort_by_key(|one| self.allowed.contains(one));
        let at: Around = (role, scene.from, scene.at, operations.len());
        if !self.askings.contains_key(&at) {
            let asking = self.asking(&scene, at.0.as_deref(), operations.len());
            self.askings.insert(at.clone(), asking);
        }
        let same_number = operations.len() == self.operations.len();
        let mut by = Vec::new();
        for operation in &operations {
            // Nothing around it has changed, so neither has its decision.
            if same_scene && same_number && self.allowed.contains(operation) {
                continue;
            }
            self.decisions += 1;
            if self.decisions >= DECISIONS_MAX || self.began.elapsed() >= TIME_MAX {
                self.ran_out = true;
                return None;
            }
            let asking = self.askings.get(&at)?.as_ref()?;
            let policies = &self.bundle.policies;
            match policies.decide(&self.bundle.patterns, asking, operation) {
                Verdict::Allow(ids) => by.extend(ids),
                Verdict::Deny(..) => return None,
            }
        }
        self.again(steps)
    }

    /// Decides a change once more before it is told, by evaluating every policy, and from scratch.
    ///
    /// INVARIANT: nothing is suggested that did not come through here.
    fn again(&self, steps: &[Step]) -> Option<Suggested> {
        let operations = change::operations(&self.operations, &self.pivot, steps)?;
        let (scene, role) = self.around(steps);
        self.key.check(scene.at).ok()?;
        let asking = self.asking(&scene, role.as_deref(), operations.len())?;
        let mut by = Vec::new();
        for operation in &operations {
            let policies = &self.bundle.policies;
            let Verdict::Allow(ids) =
                policies.decide_unindexed(&self.bundle.patterns, &asking, operation)
            else {
                return None;
            };
            by.extend(ids);
        }
        by.sort_unstable();
        by.dedup();
        // Another time that is not the one that had to be is one change, not two.
        let again = |one: &&Step| !steps.iter().any(|step| step.field() == one.field());
        let steps = self.fixed.iter().filter(again).chain(steps).cloned().collect();
        Some(Suggested { steps, operations, by })
    }

    /// The scene of a change, and the role that the key gets with it.
    fn around(&self, steps: &[Step]) -> (Scene, Option<String>) {
        let (mut scene, mut role) = (self.scene.clone(), None);
        for step in steps {
            match step {
                Step::Time(at) => scene.at = *at,
                Step::Address(from) => scene.from = *from,
                Step::Role(name) => role = Some(name.clone()),
                Step::Account(_)
                | Step::Value(_)
                | Step::Name(_)
                | Step::Type(_)
                | Step::Zone(_)
                | Step::Action(_) => {}
            }
        }
        (scene, role)
    }

    /// What operations are asked with; none where the key may not be used then.
    fn asking(&self, scene: &Scene, role: Option<&str>, operations: usize) -> Option<Asking> {
        self.key.check(scene.at).ok()?;
        let way = Way { operations, ..self.way.clone() };
        match role {
            None => ask::asking(self.bundle, self.key, scene, &way),
            Some(role) => {
                let mut key = self.key.clone();
                key.roles.push(role.to_owned());
                key.roles.sort_unstable();
                ask::asking_as(self.bundle, &key, scene, &way)
            }
        }
    }
}
