//! Whether policies can fail to be evaluated: a sum that is too large, a time out of range.
//!
//! A policy that fails denies, so this is about requests that are denied for no good reason.

use std::collections::BTreeSet;

use zonegate_engine::key::Key;
use zonegate_engine::operation::Action;
use zonegate_engine::policy::Verdict;

use super::whole::COUNTEREXAMPLE;
use super::{Asker, Finding, Prover, Scope, Settled, Source, Status, fails, finding};
use crate::ask::Probe;
use crate::property::Quantified;
use crate::symbolic::{Answer, Question, Sought};

impl Prover<'_> {
    /// Whether no policy can fail, but these.
    pub(super) fn never_errors(&self, except: &[String], keys: Quantified) -> Finding {
        let all = self.permits.iter().chain(&self.forbids).chain(&self.granted_forbids);
        let sources: Vec<&Source> =
            all.filter(|source| !except.contains(&source.holding.id)).collect();
        let mut asked: Vec<(&Source, Question)> = Vec::new();
        for source in &sources {
            asked.extend(
                source.holding.actions.iter().map(|action| (*source, sought(*action, source))),
            );
        }
        let actions: BTreeSet<Action> = asked.iter().map(|(_, question)| question.action).collect();
        let open = self.open(asked);
        if open.is_empty() {
            return finding(Status::Proved, Scope::AnyKey, &actions);
        }
        let (status, scope) = match keys {
            Quantified::Any => (self.failing_for_anybody(open), Scope::AnyKey),
            Quantified::Existing => self.failing_for_known(&open),
        };
        finding(status, scope, &actions)
    }

    /// Settles failures for keys that could be.
    fn failing_for_anybody(&self, open: Vec<(&Source, Question, Answer)>) -> Status {
        let mut doubts = Vec::new();
        for (source, question, answer) in open {
            let grant = source.is_template.then_some(source.holding.id.as_str());
            let asker = Asker::Anybody(grant);
            if let Some(status) = self.failing(source, &question, &answer, asker, &mut doubts) {
                return status;
            }
        }
        if doubts.is_empty() { Status::Proved } else { Status::Unknown(doubts) }
    }

    /// Settles failures for the keys that there are.
    fn failing_for_known(&self, open: &[(&Source, Question, Answer)]) -> (Status, Scope) {
        let classes = self.classes(None);
        let scope = Scope::Keys(classes.iter().map(|class| class.count).sum());
        let mut doubts = Vec::new();
        for (source, question, _) in open {
            let has = |key: &Key| {
                let holdings = self.bundle.policies.holdings(key).unwrap_or_default();
                holdings.iter().any(|holding| holding.id == source.holding.id)
            };
            // A link of a key fails where its template does; the place it is bound to is left out.
            for class in classes.iter().filter(|class| source.is_template || has(class.key)) {
                let mut question = question.clone();
                question.given.extend(class.given(question.action));
                let answers = self.ask(std::slice::from_ref(&question));
                let Some(answer) = answers.into_iter().next() else { continue };
                let asker = Asker::Known(class.key);
                if let Some(status) = self.failing(source, &question, &answer, asker, &mut doubts) {
                    return (status, scope);
                }
            }
        }
        (if doubts.is_empty() { Status::Proved } else { Status::Unknown(doubts) }, scope)
    }

    /// Settles one answer.
    fn failing(
        &self,
        source: &Source,
        question: &Question,
        answer: &Answer,
        asker: Asker<'_>,
        doubts: &mut Vec<String>,
    ) -> Option<Status> {
        let test = |_: &Probe, _: &Key, verdict: &Verdict| fails(verdict, &source.holding.id);
        match self.settle(question, answer, asker, &COUNTEREXAMPLE, &test) {
            Settled::Example(example) => return Some(Status::Refuted(example)),
            Settled::Nothing => {}
            Settled::Unsettled(why) => {
                doubts.push(format!("{} by `{}`: {why}", question.action, source.holding.id));
            }
        }
        None
    }
}

/// The question whether a policy fails for an action.
fn sought(action: Action, source: &Source) -> Question {
    Question {
        action,
        sought: Sought::Failure(std::sync::Arc::clone(&source.rule)),
        unmatched: Vec::new(),
        denied_by: None,
        given: Vec::new(),
    }
}
