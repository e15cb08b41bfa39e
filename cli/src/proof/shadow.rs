//! Whether a policy is of use: whether it decides something that others do not.
//!
//! Here a request is the proof: one that this policy alone allows, or alone forbids. That there
//! is none is what the solver proves where a policy is shadowed.

use std::collections::BTreeSet;
use std::sync::Arc;

use zonegate_engine::decision::Reason;
use zonegate_engine::key::Key;
use zonegate_engine::operation::Action;
use zonegate_engine::policy::{Holding, Verdict};

use super::class::class;
use super::whole::EXAMPLE;
use super::{Asker, Finding, LOT, Prover, Scope, Settled, Source, Status, finding};
use crate::ask::Probe;
use crate::property::Quantified;
use crate::symbolic::{Question, Renamed, Rule, Sought};

/// A question, with who asks.
type Asked<'k> = (Question, Asker<'k>);

impl<'b> Prover<'b> {
    /// Whether a policy decides something that the others do not.
    pub(super) fn not_shadowed(&self, id: &str, by: &[String], keys: Quantified) -> Finding {
        let all = || self.permits.iter().chain(&self.forbids).chain(&self.granted_forbids);
        let unknown = by.iter().map(String::as_str).chain([id]);
        let unknown: Vec<&str> =
            unknown.filter(|id| !all().any(|source| source.holding.id == *id)).collect();
        let Some(source) =
            all().find(|source| source.holding.id == id).filter(|_| unknown.is_empty())
        else {
            let why = format!("there is no policy `{}`", unknown.join("`, `"));
            return finding(Status::Unknown(vec![why]), Scope::AnyKey, &BTreeSet::new());
        };
        let actions: BTreeSet<Action> = source.holding.actions.iter().copied().collect();
        let rivals: Vec<&Source> = all()
            .filter(|other| {
                other.holding.id != id && other.holding.forbids == source.holding.forbids
            })
            .filter(|other| by.is_empty() || by.contains(&other.holding.id))
            .collect();
        let (asked, scope) = match keys {
            Quantified::Any => (self.for_anybody(source, &rivals, &actions), Scope::AnyKey),
            Quantified::Existing => {
                let classes = self.classes(None);
                let count = classes.iter().map(|class| class.count).sum();
                (self.for_known(source, &rivals, &actions), Scope::Keys(count))
            }
        };
        finding(self.first_shown(source, by, &asked), scope, &actions)
    }

    /// Looks for a request that shows the policy at work.
    fn first_shown(&self, source: &Source, by: &[String], asked: &[Asked<'_>]) -> Status {
        let id = source.holding.id.as_str();
        let is_alone = |ids: &[String]| {
            let rival = |one: &String| one != id && (by.is_empty() || by.contains(one));
            ids.iter().any(|one| one == id) && !ids.iter().any(rival)
        };
        let test = |_: &Probe, _: &Key, verdict: &Verdict| match verdict {
            Verdict::Allow(ids) => !source.holding.forbids && is_alone(ids),
            Verdict::Deny(Reason::PolicyForbids, ids) => source.holding.forbids && is_alone(ids),
            Verdict::Deny(..) => false,
        };
        let mut doubts = Vec::new();
        for lot in asked.chunks(LOT) {
            let questions: Vec<Question> = lot.iter().map(|(one, _)| one.clone()).collect();
            for ((question, asker), answer) in lot.iter().zip(self.ask(&questions)) {
                match self.settle(question, &answer, *asker, &EXAMPLE, &test) {
                    Settled::Example(example) => return Status::Shown(example),
                    Settled::Nothing => {}
                    Settled::Unsettled(why) => doubts.push(format!("{}: {why}", question.action)),
                }
            }
        }
        if doubts.is_empty() {
            let what = if source.holding.forbids { "forbids" } else { "allows" };
            Status::Disproved(format!(
                "whatever `{id}` {what}, another policy {what} too, or nobody can ask for it"
            ))
        } else {
            Status::Unknown(doubts)
        }
    }

    /// The questions for keys that could be.
    fn for_anybody<'s>(
        &self,
        source: &'s Source,
        rivals: &[&Source],
        actions: &BTreeSet<Action>,
    ) -> Vec<Asked<'s>> {
        let grant = |source: &'s Source| source.is_template.then_some(source.holding.id.as_str());
        let rivals: Vec<Arc<Rule>> = rivals.iter().map(|one| Arc::clone(&one.rule)).collect();
        let mut asked = Vec::new();
        for action in actions {
            if source.holding.forbids {
                for permit in self.permits.iter().filter(|permit| !permit.is_template) {
                    let question = forbidden(*action, &permit.rule, &source.rule, &rivals);
                    asked.extend(question.map(|one| (one, Asker::Anybody(None))));
                }
            } else {
                let question = self.alone(*action, &source.rule, &rivals, &[]);
                asked.push((question, Asker::Anybody(grant(source))));
            }
        }
        asked
    }

    /// The questions for the keys that there are.
    fn for_known<'k>(
        &self,
        source: &Source,
        rivals: &[&Source],
        actions: &BTreeSet<Action>,
    ) -> Vec<Asked<'k>>
    where
        'b: 'k,
    {
        let mut asked = Vec::new();
        for class in self.representatives() {
            let key = class.key;
            let all = self.bundle.policies.holdings(key).unwrap_or_default();
            let rules: Vec<(Holding, Arc<Rule>)> = all
                .into_iter()
                .map(|holding| (holding.clone(), Rule::of(&holding, &Renamed::default())))
                .collect();
            let is_rival =
                |holding: &Holding| rivals.iter().any(|rival| rival.holding.id == holding.id);
            let others: Vec<Arc<Rule>> = rules
                .iter()
                .filter(|(holding, _)| is_rival(holding))
                .map(|(_, rule)| Arc::clone(rule))
                .collect();
            let forbids: Vec<Arc<Rule>> = rules
                .iter()
                .filter(|(holding, _)| holding.forbids && holding.id != source.holding.id)
                .map(|(_, rule)| Arc::clone(rule))
                .collect();
            let own = rules.iter().filter(|(holding, _)| holding.id == source.holding.id);
            for (_, rule) in own {
                for action in actions {
                    let mut questions = Vec::new();
                    if source.holding.forbids {
                        let permits = rules.iter().filter(|(holding, _)| !holding.forbids);
                        questions.extend(
                            permits.filter_map(|(_, permit)| {
                                forbidden(*action, permit, rule, &others)
                            }),
                        );
                    } else {
                        questions.push(self.alone(*action, rule, &others, &forbids));
                    }
                    for mut question in questions {
                        question.given.extend(class.given(*action));
                        asked.push((question, Asker::Known(key)));
                    }
                }
            }
        }
        asked
    }

    /// One key of each class, and each key with grants.
    fn representatives<'k>(&self) -> Vec<super::Class<'k>>
    where
        'b: 'k,
    {
        let granted = self.bundle.keys.iter().filter(|key| !key.disabled && !key.grants.is_empty());
        let granted = granted.map(|key| class(key, &self.mentions));
        self.classes(None).into_iter().chain(granted).collect()
    }

    /// A request that a permit allows and no rival does.
    fn alone(
        &self,
        action: Action,
        permit: &Arc<Rule>,
        rivals: &[Arc<Rule>],
        forbids: &[Arc<Rule>],
    ) -> Question {
        let own = self.forbidding();
        let forbids = if forbids.is_empty() { &own } else { forbids };
        let mut question = Question::allowed(action, permit, forbids);
        let meets = |rival: &&Arc<Rule>| rival.admits(action) && rival.can_meet(permit);
        question.unmatched.extend(rivals.iter().filter(meets).map(Arc::clone));
        question
    }
}

/// A request that a permit allows, a forbid takes back, and no rival does.
fn forbidden(
    action: Action,
    permit: &Arc<Rule>,
    forbid: &Arc<Rule>,
    rivals: &[Arc<Rule>],
) -> Option<Question> {
    let possible = permit.admits(action) && forbid.admits(action) && permit.can_meet(forbid);
    let meets = |rival: &&Arc<Rule>| rival.admits(action) && rival.can_meet(permit);
    possible.then(|| Question {
        action,
        sought: Sought::Match(Arc::clone(permit)),
        unmatched: rivals.iter().filter(meets).map(Arc::clone).collect(),
        // The permit matches, so these two deny only where the forbid matches.
        denied_by: Some(vec![Arc::clone(permit), Arc::clone(forbid)]),
        given: Vec::new(),
    })
}
