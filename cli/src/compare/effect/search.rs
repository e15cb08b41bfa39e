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
const BEST_SCENES: usize = 3;
/// How much more a decision of a changed policy counts than another.
const TOUCHED_SCORE: u64 = 10;
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
        // Half for what is near, under all circumstances; what is left goes to what is less near,
        // under the best of them.
        let near_max = (budget / 2 / self.each(sample, sample.scenes.len())).max(16);
        let near = self.thinned(&sample.near, near_max, sample.scenes.len());
        let mut scores: Vec<(u64, usize)> = Vec::new();
        for (number, scene) in sample.scenes.iter().enumerate() {
            scores.push((self.ask(scene, &near, sample), number));
        }
        // Where most is allowed on either side, a difference is least hidden by something else.
        scores.sort_by_key(|(score, number)| (std::cmp::Reverse(*score), *number));
        let best: Vec<&Scene> = scores
            .iter()
            .take(BEST_SCENES)
            .filter_map(|(_, number)| sample.scenes.get(*number))
            .collect();
        // What was asked everywhere is not asked again.
        let is_asked = sample.near.len() <= near_max;
        let near: &[Operation] = if is_asked { &[] } else { &sample.near };
        for (operations, share) in [(near, 3), (&sample.around, 2), (&sample.far, 1)] {
            let used = usize::try_from(self.found.requests).unwrap_or(budget);
            let left = budget.saturating_sub(used) / share;
            let most = (left / self.each(sample, best.len())).max(16);
            let chosen = self.thinned(operations, most, best.len());
            for scene in &best {
                self.ask(scene, &chosen, sample);
            }
        }
    }

    /// Requests that one operation becomes under so many circumstances.
    fn each(&self, sample: &Sample, scenes: usize) -> usize {
        let first = sample.scenes.first();
        let ways = |operation: &Operation| {
            let ways = first.map(|scene| {
                ways([self.old, self.new], &scene.account, operation.action, sample).len()
            });
            ways.unwrap_or(1)
        };
        let most = sample.near.iter().step_by(97).map(ways).max().unwrap_or(1);
        (scenes * most).max(1)
    }

    /// No more operations than this, by action, and what is left out is noted.
    fn thinned<'o>(
        &mut self,
        operations: &'o [Operation],
        most: usize,
        scenes: usize,
    ) -> Vec<(Action, Vec<&'o Operation>)> {
        let chosen = chosen(operations, most);
        let left_out = (operations.len() - chosen.len()) * scenes;
        self.found.left_out += u64::try_from(left_out).unwrap_or(u64::MAX);
        by_action(&chosen)
    }

    /// Asks operations in one scene by all their ways; how much either side allows, above all by what
    /// changed.
    fn ask(
        &mut self,
        scene: &Scene,
        operations: &[(Action, Vec<&Operation>)],
        sample: &Sample,
    ) -> u64 {
        let key = self.class.members.first().map_or("", String::as_str);
        let mut allowed = 0;
        for (action, operations) in operations {
            for way in ways([self.old, self.new], &scene.account, *action, sample) {
                let before = Inquiry::of(self.old.bundle, key, scene, &way);
                let after = Inquiry::of(self.new.bundle, key, scene, &way);
                for operation in operations {
                    let quick = (before.decide_quickly(operation), after.decide_quickly(operation));
                    self.found.requests += 1;
                    allowed += u64::from(super::allows(&quick.0) || super::allows(&quick.1));
                    let (Verdict::Allow(by) | Verdict::Deny(_, by)) = &quick.1;
                    let touched = by.iter().any(|id| self.class.touched.contains(id));
                    allowed += TOUCHED_SCORE * u64::from(touched);
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
fn by_action<'o>(operations: &[&'o Operation]) -> Vec<(Action, Vec<&'o Operation>)> {
    let mut sorted: Vec<(Action, Vec<&Operation>)> = Vec::new();
    for operation in operations {
        match sorted.iter_mut().find(|(action, _)| *action == operation.action) {
            Some((_, list)) => list.push(operation),
            None => sorted.push((operation.action, vec![operation])),
        }
    }
    sorted
}

/// About so many of the operations at most, spread evenly and always the same ones.
fn chosen(operations: &[Operation], most: usize) -> Vec<&Operation> {
    /// Knuth's multiplier: neighbours come out far apart, so that nothing regular is skipped.
    const SPREAD: u64 = 2_654_435_761;
    let all = u64::try_from(operations.len()).unwrap_or(u64::MAX);
    let share = u64::try_from(most).unwrap_or(u64::MAX);
    let is_chosen = |at: u64| {
        let place = at.wrapping_mul(SPREAD) % (1 << 32);
        all <= share || place.saturating_mul(all) < share.saturating_mul(1 << 32)
    };
    let numbered = (0..).zip(operations);
    numbered.filter(|(at, _)| is_chosen(*at)).map(|(_, operation)| operation).collect()
}
