//! The search itself: class by class, on every core, with a bound on all of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use zonegate_engine::operation::{Action, Operation};
use zonegate_engine::policy::{Verdict, Why};
use zonegate_engine::problem::Problem;

use super::{Found, Shift, Shown, asked_about, causes, direction, member};
use crate::ask::{Inquiry, Probe, Scene, Way};
use crate::compare::class::{Class, Classes};
use crate::compare::sample::{Sample, moments, ways};
use crate::compare::surface::Surface;
use crate::compare::{Direction, Known, Side};

/// Requests that are compared in all, if they are spread evenly over the classes.
const REQUESTS_MAX: usize = 1_000_000;
/// Requests that are compared for one class at least, and at most.
const CLASS_REQUESTS: (usize, usize) = (2_000, 60_000);
/// The circumstances under which what is far is asked.
const BEST_SCENES: usize = 2;
/// Threads at most.
const THREADS_MAX: usize = 8;
/// Examples of one cause and direction that are tried on the other keys of a class.
const EXAMPLES_MAX: usize = 3;

/// Compares what both sides decide for every class.
pub(crate) fn search(
    old: Side<'_>,
    new: Side<'_>,
    surface: &Surface,
    classes: &Classes,
    at: Timestamp,
) -> Result<Found, Vec<Problem>> {
    let classes = &classes.touched;
    let each = REQUESTS_MAX.checked_div(classes.len()).unwrap_or(REQUESTS_MAX);
    let budget = each.clamp(CLASS_REQUESTS.0, CLASS_REQUESTS.1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let threads = threads.min(classes.len());
    let moments = moments(old, new, surface, at);
    let moments = moments.as_slice();
    let all = if threads < 2 {
        some(old, new, surface, classes.iter(), budget, moments)
    } else {
        let (before, after) = (old.known, new.known);
        std::thread::scope(|scope| {
            let run = |number: usize| {
                let mine = classes.iter().skip(number).step_by(threads);
                scope.spawn(move || alone(before, after, surface, mine, budget, moments))
            };
            let running: Vec<_> = (0..threads).map(run).collect();
            let mut all = Vec::new();
            for thread in running {
                let gone = || vec![Problem::new("bundle", "the comparison ended unexpectedly")];
                all.extend(thread.join().map_err(|_| gone())??);
            }
            Ok::<_, Vec<Problem>>(all)
        })?
    };
    // In the order of the classes, whichever thread was the first.
    let mut ordered: BTreeMap<String, Found> = all.into_iter().collect();
    let mut whole = Found::default();
    for class in classes {
        let first = class.members.first().cloned().unwrap_or_default();
        whole.join(ordered.remove(&first).unwrap_or_default());
    }
    Ok(whole)
}

/// Compares some classes with bundles of one's own: a bundle belongs to one thread.
fn alone<'c>(
    old: &Known,
    new: &Known,
    surface: &Surface,
    classes: impl Iterator<Item = &'c Class>,
    budget: usize,
    moments: &[Timestamp],
) -> Result<Vec<(String, Found)>, Vec<Problem>> {
    let (old_bundle, new_bundle) = (old.load()?, new.load()?);
    let before = Side { bundle: &old_bundle, known: old };
    let after = Side { bundle: &new_bundle, known: new };
    Ok(some(before, after, surface, classes, budget, moments))
}

/// Compares some classes; what was found goes by a class's first key.
fn some<'c>(
    old: Side<'_>,
    new: Side<'_>,
    surface: &Surface,
    classes: impl Iterator<Item = &'c Class>,
    budget: usize,
    moments: &[Timestamp],
) -> Vec<(String, Found)> {
    let examined = classes.map(|class| {
        let sample = Sample::of(old, new, class, moments);
        let mut search =
            Search { old, new, class, found: Found::default(), examples: BTreeMap::new() };
        search.run(&sample, budget);
        let about = asked_about(class, surface);
        search.found.asked = about.into_iter().map(|one| (one, search.found.requests)).collect();
        (class.members.first().cloned().unwrap_or_default(), search.show())
    });
    examined.collect()
}

/// The search in one class.
struct Search<'a> {
    /// The old side.
    old: Side<'a>,
    /// The new side.
    new: Side<'a>,
    /// The class.
    class: &'a Class,
    /// What was found so far.
    found: Found,
    /// The first changed decisions of each cause and direction.
    examples: BTreeMap<(super::Cause, Direction), Vec<Shift>>,
}

impl Search<'_> {
    /// Asks the first key of the class.
    fn run(&mut self, sample: &Sample, budget: usize) {
        let near = by_action(&sample.near);
        // Three quarters for what is near; what is far gets the rest, and what is left.
        let ways = 1 + sample.routes.len().min(2);
        let each = (sample.scenes.len() * ways).max(1);
        let near_max = (budget.saturating_mul(3) / 4 / each).max(16);
        let (near, left_out) = thinned(near, near_max);
        self.found.left_out += (left_out * each) as u64;
        let mut allowed: Vec<(u64, usize)> = Vec::new();
        for (number, scene) in sample.scenes.iter().enumerate() {
            let allows = self.ask(scene, &near, &sample.routes);
            allowed.push((allows, number));
        }
        // Where most is allowed on either side, a difference is least hidden by something else.
        allowed.sort_by_key(|(allows, number)| (std::cmp::Reverse(*allows), *number));
        let used = usize::try_from(self.found.requests).unwrap_or(budget);
        let left = budget.saturating_sub(used).max(16) / BEST_SCENES / ways;
        let (far, left_out) = thinned(by_action(&sample.far), left);
        self.found.left_out += (left_out * BEST_SCENES) as u64;
        for (_, number) in allowed.iter().take(BEST_SCENES) {
            if let Some(scene) = sample.scenes.get(*number) {
                self.ask(scene, &far, &sample.routes);
            }
        }
    }

    /// Asks operations in one scene by all their ways; how many either side allows.
    fn ask(
        &mut self,
        scene: &Scene,
        operations: &[(Action, Vec<&Operation>)],
        routes: &[String],
    ) -> u64 {
        let key = self.class.members.first().map_or("", String::as_str);
        let mut allowed = 0;
        for (action, operations) in operations {
            for way in ways([self.old, self.new], &scene.account, *action, routes) {
                let before = Inquiry::of(self.old.bundle, key, scene, &way);
                let after = Inquiry::of(self.new.bundle, key, scene, &way);
                for operation in operations {
                    let quick = (before.decide_quickly(operation), after.decide_quickly(operation));
                    self.found.requests += 1;
                    allowed += u64::from(super::allows(&quick.0) || super::allows(&quick.1));
                    if direction(&quick.0, &quick.1).is_some() {
                        self.note(scene, &way, operation, (&before, &after));
                    }
                }
            }
        }
        allowed
    }

    /// Notes a changed decision; now every policy that has a part in it is named.
    fn note(
        &mut self,
        scene: &Scene,
        way: &Way,
        operation: &Operation,
        (before, after): (&Inquiry<'_>, &Inquiry<'_>),
    ) {
        let (old, new) = (before.decide(operation), after.decide(operation));
        let Some(direction) = direction(&old, &new) else { return };
        let probe = Probe {
            key: self.class.members.first().cloned().unwrap_or_default(),
            scene: scene.clone(),
            way: way.clone(),
            operation: operation.clone(),
        };
        let shift = Shift { probe, old, new };
        let denying = match direction {
            Direction::More => before,
            Direction::Less => after,
        };
        // Looking at every policy is slow, and there are examples enough after the first few.
        let is_full = |id: &String| {
            let cause = super::Cause::Policy(id.clone());
            self.examples.get(&(cause, direction)).is_some_and(|all| all.len() >= EXAMPLES_MAX)
        };
        let enough = match (&shift.old, &shift.new) {
            (Verdict::Allow(by), _) | (_, Verdict::Allow(by)) => by.iter().all(is_full),
            (Verdict::Deny(..), Verdict::Deny(..)) => true,
        };
        let permitted = || {
            if enough {
                return true;
            }
            let parts = denying.explain(operation);
            parts.iter().any(|part| !part.forbids && part.why == Why::Matched)
        };
        let causes = causes(&shift, self.class, &permitted);
        for cause in causes {
            let examples = self.examples.entry((cause, direction)).or_default();
            if examples.len() < EXAMPLES_MAX {
                examples.push(shift.clone());
            }
        }
    }

    /// Asks the same of the other keys of the class, each with its own names.
    fn show(self) -> Found {
        let Search { old, new, class, mut found, examples } = self;
        for (at, examples) in examples {
            let Some(example) = examples.first().cloned() else { continue };
            let is_shown = |id: &&String| {
                examples.iter().any(|shift| member::repeats(old, new, class, shift, id, at.1))
            };
            let keys: Vec<String> = class.members.iter().filter(is_shown).cloned().collect();
            let unshown = class.members.len() - keys.len();
            found.shown.insert(at, Shown { example, keys, unshown });
        }
        found
    }
}

/// Operations by their action, in their order.
fn by_action(operations: &[Operation]) -> Vec<(Action, Vec<&Operation>)> {
    let mut sorted: Vec<(Action, Vec<&Operation>)> = Vec::new();
    for operation in operations {
        match sorted.iter_mut().find(|(action, _)| *action == operation.action) {
            Some((_, list)) => list.push(operation),
            None => sorted.push((operation.action, vec![operation])),
        }
    }
    sorted
}

/// No more operations than this, taken evenly, and how many were left out.
fn thinned(
    mut sorted: Vec<(Action, Vec<&Operation>)>,
    most: usize,
) -> (Vec<(Action, Vec<&Operation>)>, usize) {
    let all: usize = sorted.iter().map(|(_, list)| list.len()).sum();
    if all <= most {
        return (sorted, 0);
    }
    let step = all.div_ceil(most.max(1));
    for (_, list) in &mut sorted {
        // The first ones are the ones that policies name.
        *list = list.iter().copied().step_by(step).collect();
    }
    let kept: usize = sorted.iter().map(|(_, list)| list.len()).sum();
    (sorted, all - kept)
}
