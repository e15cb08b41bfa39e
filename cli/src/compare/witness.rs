//! From a solver's "yes" to a decision that changes for somebody.
//!
//! The solver was asked about any key, and without what stands beside the changed policy. So it is
//! asked again for the keys that the policy is for, and its request is only a hint: the engine
//! decides requests near it on both sides, and what it decides alike is no change.

use std::time::Instant;

use jiff::Timestamp;
use zonegate_engine::key::Key;
use zonegate_engine::policy::Verdict;

use super::class::Class;
use super::effect::{Shift, Shown, direction, repeats};
use super::{Direction, Side, sample};
use crate::ask::Probe;
use crate::example::{Hint, example};
use crate::proof::{class::class, lesson::lessons};
use crate::symbolic::{Answer, Mentions, Question, Symbolic, Want};

/// How often the solver is taught and asked again about the keys of one class.
const ROUNDS_MAX: usize = 4;
/// Classes of keys that are asked about.
const CLASSES_MAX: usize = 8;

/// What became of a "yes".
pub(super) enum Witnessed {
    /// A decision changes.
    Shown(Box<Shown>),
    /// None was found; what the solver sees, in words.
    Open(&'static str),
}

/// Both sides, and whom to ask.
pub(super) struct Witness<'a> {
    /// The old side.
    pub(super) old: Side<'a>,
    /// The new side.
    pub(super) new: Side<'a>,
    /// The solver.
    pub(super) symbolic: &'a Symbolic,
    /// The classes that something changed for.
    pub(super) classes: &'a [Class],
    /// Moments that windows tell apart.
    pub(super) moments: &'a [Timestamp],
    /// When to stop.
    pub(super) until: Instant,
}

impl Witness<'_> {
    /// Looks for a decision that a policy's change brings about in a direction.
    pub(super) fn look(&self, policy: &str, wanted: Direction, question: &Question) -> Witnessed {
        let concerned = || self.classes.iter().filter(|class| class.touched.contains(policy));
        let mut seen = concerned().count() > CLASSES_MAX;
        for class in concerned().take(CLASSES_MAX) {
            match self.of_class(class, policy, wanted, question) {
                Some(Witnessed::Shown(shown)) => return Witnessed::Shown(shown),
                Some(Witnessed::Open(_)) => seen = true,
                None => {}
            }
        }
        Witnessed::Open(if seen {
            "the solver sees a request that the engine does not bear out"
        } else {
            "the solver sees a request of a key that could be, and none of a key that there is"
        })
    }

    /// The same for the keys of one class; `None` where the solver rules it out for them.
    fn of_class(
        &self,
        class: &Class,
        policy: &str,
        wanted: Direction,
        question: &Question,
    ) -> Option<Witnessed> {
        let open = Some(Witnessed::Open("not settled"));
        let id = class.members.first()?;
        let by_id = |side: Side<'_>| side.bundle.keys.by_id(id).cloned();
        let key = by_id(self.new).or_else(|| by_id(self.old))?;
        let universe = sample::around(self.old, self.new, id, self.moments);
        let mut question = of_key(question, &key);
        let found = |probe: &Probe| self.shift(probe, policy, wanted).is_some();
        for round in 0..ROUNDS_MAX {
            if Instant::now() >= self.until {
                return open;
            }
            let want = if round % 2 == 0 { Want::Request } else { Want::Likely };
            let asked = std::slice::from_ref(&question);
            let model = match self.symbolic.ask_for(asked, want).pop()? {
                Answer::No if round == 0 || want == Want::Request => return None,
                Answer::Yes(model) => model,
                Answer::No | Answer::Unknown(_) => continue,
            };
            let hint = Hint { action: question.action, model: &model, key: &key };
            let near = example(self.new.bundle, &universe, hint, &found);
            if let Some(example) = near.and_then(|probe| self.shift(&probe, policy, wanted)) {
                let repeated =
                    |id: &&String| repeats(self.old, self.new, class, &example, id, wanted);
                let keys: Vec<String> = class.members.iter().filter(repeated).cloned().collect();
                let unshown = class.members.len() - keys.len();
                return Some(Witnessed::Shown(Box::new(Shown { example, keys, unshown })));
            }
            for side in [self.old, self.new] {
                let lessons = lessons(question.action, &model, &side.bundle.patterns);
                let new = lessons.into_iter().filter(|one| !question.given.contains(one));
                let new: Vec<String> = new.collect();
                question.given.extend(new);
            }
        }
        open
    }

    /// What both sides say to a request, if it changes as wanted, and by this policy.
    fn shift(&self, probe: &Probe, policy: &str, wanted: Direction) -> Option<Shift> {
        let (old, new) = (probe.decide(self.old.bundle), probe.decide(self.new.bundle));
        let has_part = [&old, &new].into_iter().any(|verdict| {
            let (Verdict::Allow(by) | Verdict::Deny(_, by)) = verdict;
            by.iter().any(|id| id == policy)
        });
        let changes = has_part && direction(&old, &new) == Some(wanted);
        changes.then(|| Shift { probe: probe.clone(), old, new })
    }
}

/// A question for the keys that policies see as they see this one.
fn of_key(question: &Question, key: &Key) -> Question {
    let mut mentions = Mentions::default();
    question.rules().for_each(|rule| mentions.add(&rule.mentions));
    let mut question = question.clone();
    question.given.extend(class(key, &mentions).given(question.action));
    question
}
