//! Whether another folder decides the same.
//!
//! What is allowed here must be allowed there, permit by permit, and the other way round. Keys
//! are compared as they stand: a key with other roles or grants decides otherwise by itself, which
//! is `zonegate diff`'s business to say.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::Key;
use zonegate_engine::operation::Action;
use zonegate_engine::policy::Verdict;

use super::whole::{Besides, COUNTEREXAMPLE};
use super::{Asker, Finding, Prover, Scope, Settled, Source, Sources, Status, finding, sources};
use crate::ask::Probe;
use crate::folder::Folder;
use crate::property::Quantified;
use crate::symbolic::{Answer, Question, Renamed, Rule, Sought, Symbolic, World};

/// The policies of one side.
struct Side {
    /// Permits.
    permits: Vec<Source>,
    /// Forbids.
    forbids: Vec<Arc<Rule>>,
}

impl Prover<'_> {
    /// Whether a folder decides the same as this one.
    pub(super) fn equivalent(&self, to: &str, keys: Quantified) -> Finding {
        let actions: BTreeSet<Action> = Action::ALL.iter().copied().collect();
        let unknown = |why: String| finding(Status::Unknown(vec![why]), Scope::AnyKey, &actions);
        let other = Folder::read(&self.folder.path.join(Path::new(to)));
        let checked = match other.pack() {
            Ok(checked) => checked,
            Err(problems) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                return unknown(format!("`{to}` has problems; the first: {first}"));
            }
        };
        let there = &checked.bundle;
        if keys == Quantified::Existing
            && let Some(why) = differing_keys(self.bundle, there)
        {
            return unknown(why);
        }
        if !self.bundle.windows.has_the_clock_of(&there.windows) {
            return unknown("their wall clocks show different times".to_owned());
        }
        match self.compare(there) {
            Ok(status) => finding(status, Scope::AnyKey, &actions),
            Err(why) => unknown(why),
        }
    }

    /// Compares two bundles for keys that could be.
    fn compare(&self, there: &Bundle) -> Result<Status, String> {
        let (world, renamed) = World::of_two(self.bundle, there);
        let symbolic = Symbolic::new(world, self.symbolic.solver().clone())?;
        let here = side(self.bundle, &renamed)?;
        let other = side(there, &Renamed::default())?;
        let mut doubts = failing(&symbolic, &here, &other);
        for (one, another, allowed_here) in [(&here, &other, true), (&other, &here, false)] {
            let asked = outgrowing(one, another);
            let questions: Vec<Question> = asked.iter().map(|(_, one)| one.clone()).collect();
            self.asked.fetch_add(questions.len(), std::sync::atomic::Ordering::Relaxed);
            for ((source, question), answer) in asked.iter().zip(symbolic.ask(&questions)) {
                let test = |probe: &Probe, key: &Key, verdict: &Verdict| {
                    let is_here = matches!(verdict, Verdict::Allow(_));
                    let is_there = matches!(probe.decide_as(there, key), Verdict::Allow(_));
                    is_here != is_there && is_here == allowed_here
                };
                let grant = source.is_template.then_some(source.holding.id.as_str());
                let asker = Asker::Anybody(grant);
                let judging = vec![source.holding.clone()];
                let besides = Besides { judging, ..COUNTEREXAMPLE };
                match self.settle_by(&symbolic, question, &answer, asker, &besides, &test) {
                    Settled::Example(example) => return Ok(Status::Refuted(example)),
                    Settled::Nothing => {}
                    Settled::Unsettled(why) => {
                        doubts
                            .push(format!("{} by `{}`: {why}", question.action, source.holding.id));
                    }
                }
            }
        }
        Ok(if doubts.is_empty() { Status::Proved } else { Status::Unknown(doubts) })
    }
}

/// The policies of a bundle.
fn side(bundle: &Bundle, renamed: &Renamed) -> Result<Side, String> {
    let Sources { permits, forbids, granted_forbids } = sources(bundle, renamed)?;
    if let Some(forbid) = granted_forbids.first() {
        return Err(format!("`{}` is a forbid that only grants bring", forbid.holding.id));
    }
    let forbids = forbids.into_iter().map(|source| source.rule).collect();
    Ok(Side { permits, forbids })
}

/// The questions whether one side allows what the other does not.
fn outgrowing<'s>(one: &'s Side, other: &Side) -> Vec<(&'s Source, Question)> {
    let text = |rule: &Arc<Rule>| rule.text();
    let forbids = |side: &Side| side.forbids.iter().map(text).collect::<BTreeSet<_>>();
    let same_forbids = forbids(one) == forbids(other);
    let known: BTreeSet<String> = other.permits.iter().map(|permit| text(&permit.rule)).collect();
    let mut asked = Vec::new();
    for permit in &one.permits {
        if same_forbids && known.contains(&text(&permit.rule)) {
            continue;
        }
        for action in permit.holding.actions.iter().copied() {
            let meets = |rule: &&Arc<Rule>| rule.admits(action) && rule.can_meet(&permit.rule);
            let others = other.permits.iter().map(|permit| &permit.rule);
            let all = others.chain(&other.forbids).filter(meets).map(Arc::clone);
            let mut question = Question::allowed(action, &permit.rule, &one.forbids);
            question.denied_by = Some(all.collect());
            asked.push((permit, question));
        }
    }
    asked
}

/// Policies of one side alone that can fail to be evaluated: the gate then denies, which the
/// solver's notion of what is allowed does not say.
fn failing(symbolic: &Symbolic, one: &Side, other: &Side) -> Vec<String> {
    fn rules(side: &Side) -> impl Iterator<Item = &Arc<Rule>> {
        side.permits.iter().map(|permit| &permit.rule).chain(&side.forbids)
    }
    let texts = |side: &Side| rules(side).map(|rule| rule.text()).collect::<BTreeSet<_>>();
    let (known, others) = (texts(one), texts(other));
    let new = |rule: &&Arc<Rule>| !(known.contains(&rule.text()) && others.contains(&rule.text()));
    let mut doubts = Vec::new();
    for rule in rules(one).chain(rules(other)).filter(new) {
        let actions = Action::ALL.iter().copied().filter(|action| rule.admits(*action));
        let questions: Vec<Question> = actions
            .map(|action| Question {
                action,
                sought: Sought::Failure(Arc::clone(rule)),
                unmatched: Vec::new(),
                denied_by: None,
                given: Vec::new(),
            })
            .collect();
        if symbolic.ask(&questions).iter().any(|answer| !matches!(answer, Answer::No)) {
            doubts.push(format!("`{}` can fail to be evaluated", rule.name));
        }
    }
    doubts
}

/// How the keys of two bundles differ, if they do.
fn differing_keys(here: &Bundle, there: &Bundle) -> Option<String> {
    let bare = |key: &Key| Key {
        digest: zonegate_engine::key::Digest::new([0; 32]),
        next_digest: None,
        description: String::new(),
        ..key.clone()
    };
    let one = here
        .keys
        .iter()
        .find(|key| there.keys.by_id(&key.id).is_none_or(|other| bare(other) != bare(key)));
    let other = there.keys.iter().find(|key| here.keys.by_id(&key.id).is_none());
    let key = one.or(other)?;
    Some(format!("their keys differ, `{}` for one: see `zonegate diff`", key.id))
}
