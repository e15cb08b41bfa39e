//! Bounds: what is never allowed, and what alone is.

use std::collections::BTreeSet;
use std::sync::Arc;

use zonegate_engine::key::Key;
use zonegate_engine::operation::{Action, ResourceKind};
use zonegate_engine::policy::{Holding, Verdict, Who};

use super::class::{Class, class};
use super::whole::{Besides, COUNTEREXAMPLE};
use super::{Asker, Finding, LOT, Prover, Scope, Settled, Source, Status, allows, finding};
use crate::ask::Probe;
use crate::property::{Bound, Quantified, Whose};
use crate::symbolic::{Answer, Question, Renamed, Rule, entity};

/// A question about a bound, with who asks in it.
struct Open<'k> {
    /// The question.
    question: Question,
    /// Who asks.
    asker: Asker<'k>,
}

impl<'b> Prover<'b> {
    /// Whether a bound holds.
    pub(super) fn bounded(&self, bound: &Bound, keys: Quantified) -> Finding {
        let actions: BTreeSet<Action> = bound.actions.iter().copied().collect();
        if let Whose::Key(id) = &bound.whose {
            let Some(key) = self.bundle.keys.by_id(id) else {
                let why = vec![format!("keys.toml has no key `{id}`")];
                return finding(Status::Unknown(why), Scope::Keys(0), &actions);
            };
            let status = self.settle_all(bound, &self.of_key(bound, key));
            return finding(status, Scope::Keys(1), &actions);
        }
        let sources: Vec<&Source> =
            self.permits.iter().filter(|source| self.concerns(bound, source)).collect();
        let mut asked = Vec::new();
        for action in &actions {
            for source in sources.iter().filter(|source| source.rule.admits(*action)) {
                asked.push((*source, self.question(bound, *action, &source.rule)));
            }
        }
        let open = self.open(asked);
        if open.is_empty() {
            return finding(Status::Proved, Scope::AnyKey, &actions);
        }
        match keys {
            Quantified::Any => {
                finding(self.settle_for_anybody(bound, open), Scope::AnyKey, &actions)
            }
            Quantified::Existing => {
                let open = open.into_iter().map(|(source, question, _)| (source, question.action));
                let (questions, count) = self.for_existing(bound, open.collect());
                finding(self.settle_all(bound, &questions), Scope::Keys(count), &actions)
            }
        }
    }

    /// Whether a bound is about what a permit allows.
    fn concerns(&self, bound: &Bound, source: &Source) -> bool {
        match &bound.whose {
            Whose::Grant(grant) => self.templates_of(grant).contains(&source.holding.id),
            Whose::Everybody | Whose::Role(_) | Whose::Key(_) => true,
        }
    }

    /// The templates that a grant links.
    fn templates_of(&self, grant: &str) -> BTreeSet<String> {
        let any = zonegate_engine::name::Name::parse(
            super::ANY_NAME,
            zonegate_engine::name::NameForm::Fqdn,
        );
        let any = any.ok();
        let key = Key { grants: vec![super::grant_at(grant, any.clone(), any)], ..super::nobody() };
        let linked = self.bundle.policies.linked(&key).unwrap_or_default();
        linked.into_iter().map(|holding| holding.id).collect()
    }

    /// The question whether a permit allows what is out of bounds.
    fn question(&self, bound: &Bound, action: Action, permit: &Arc<Rule>) -> Question {
        let mut question = Question::allowed(action, permit, &self.forbidding());
        question.given.clone_from(&bound.given);
        if let Whose::Role(role) = &bound.whose {
            question.given.push(format!("principal in {}", entity("Role", role)));
        }
        if !bound.never {
            let may = bound.judge.statics();
            let may = may.iter().filter(|one| one.actions.contains(&action));
            question.unmatched.extend(may.map(|one| Rule::of(one, &Renamed::default())));
        }
        question
    }

    /// The questions about one key.
    fn of_key<'k>(&self, bound: &Bound, key: &'k Key) -> Vec<Open<'k>> {
        let holdings = self.bundle.policies.holdings(key).unwrap_or_default();
        let (forbids, permits): (Vec<Holding>, Vec<Holding>) =
            holdings.into_iter().partition(|holding| holding.forbids);
        let class = class(key, &self.seen_by(bound));
        let mut made = Vec::new();
        for permit in permits {
            let rule = Rule::of(&permit, &Renamed::default());
            for action in bound.actions.iter().filter(|action| rule.admits(**action)) {
                let question = self.narrowed(bound, *action, &rule, &class, &forbids);
                made.push(Open { question, asker: Asker::Known(key) });
            }
        }
        made
    }

    /// What the policies and a bound mention.
    fn seen_by(&self, bound: &Bound) -> crate::symbolic::Mentions {
        let mut mentions = self.mentions.clone();
        for holding in bound.judge.statics() {
            mentions.add(&crate::symbolic::Mentions::of(&holding.json));
        }
        mentions
    }

    /// A question about a class of keys, with the forbids that their grants bring.
    fn narrowed(
        &self,
        bound: &Bound,
        action: Action,
        rule: &Arc<Rule>,
        class: &Class<'_>,
        forbids: &[Holding],
    ) -> Question {
        let mut question = self.question(bound, action, rule);
        question.given.extend(class.given(action));
        let granted = forbids.iter().filter(|one| one.linked.is_some());
        let granted = granted.filter(|one| one.actions.contains(&action));
        question.unmatched.extend(granted.map(|one| Rule::of(one, &Renamed::default())));
        question
    }

    /// The questions about the keys that there are, where permits are not in bounds for all keys;
    /// and how many keys that is.
    fn for_existing(&self, bound: &Bound, open: Vec<(&Source, Action)>) -> (Vec<Open<'b>>, usize) {
        let classes = self.classes(Some(&bound.judge));
        let classes: Vec<&Class<'b>> = classes
            .iter()
            .filter(|class| match &bound.whose {
                Whose::Role(role) => class.key.roles.contains(role),
                Whose::Everybody | Whose::Key(_) | Whose::Grant(_) => true,
            })
            .collect();
        let count = classes.iter().map(|class| class.count).sum();
        let mentions = self.seen_by(bound);
        let mut made = Vec::new();
        for (source, action) in open {
            if source.is_template {
                made.extend(self.for_links(bound, source, action, &mentions));
                continue;
            }
            for class in classes.iter().filter(|class| source.holding.is_for(class.key)) {
                let question = self.narrowed(bound, action, &source.rule, class, &[]);
                made.push(Open { question, asker: Asker::Known(class.key) });
            }
        }
        (made, count)
    }

    /// The questions about a template's links; keys that are alike with the same place once.
    fn for_links(
        &self,
        bound: &Bound,
        source: &Source,
        action: Action,
        mentions: &crate::symbolic::Mentions,
    ) -> Vec<Open<'b>> {
        let mut known = BTreeSet::new();
        let mut made = Vec::new();
        for (key, link) in self.links(&source.holding.id) {
            let has = |role: &String| key.roles.contains(role);
            if matches!(&bound.whose, Whose::Role(role) if !has(role)) {
                continue;
            }
            // Only the id in the scope differs between keys of one class.
            let class = class(key, mentions);
            let unbound = Holding { who: Who::Everybody, ..link.clone() };
            let given = class.given(action);
            if !known.insert((unbound.on_text(), given)) && self.granted_forbids.is_empty() {
                continue;
            }
            let forbids = self.bundle.policies.linked(key).unwrap_or_default();
            let forbids: Vec<Holding> = forbids.into_iter().filter(|one| one.forbids).collect();
            let rule = Rule::of(&link, &Renamed::default());
            let question = self.narrowed(bound, action, &rule, &class, &forbids);
            made.push(Open { question, asker: Asker::Known(key) });
        }
        made
    }

    /// Asks and settles questions until one refutes the bound.
    fn settle_all(&self, bound: &Bound, open: &[Open<'_>]) -> Status {
        let mut doubts = Vec::new();
        for lot in open.chunks(LOT) {
            let questions: Vec<Question> = lot.iter().map(|one| one.question.clone()).collect();
            for (one, answer) in lot.iter().zip(self.ask(&questions)) {
                if let Some(refuted) = self.out_of_bounds(bound, one, &answer, &mut doubts) {
                    return refuted;
                }
            }
        }
        concluded(doubts)
    }

    /// Settles what is open for keys that could be.
    fn settle_for_anybody(&self, bound: &Bound, open: Vec<(&Source, Question, Answer)>) -> Status {
        let mut doubts = Vec::new();
        for (source, question, answer) in open {
            let grant = source.is_template.then_some(source.holding.id.as_str());
            let one = Open { question, asker: Asker::Anybody(grant) };
            if let Some(refuted) = self.out_of_bounds(bound, &one, &answer, &mut doubts) {
                return refuted;
            }
        }
        concluded(doubts)
    }

    /// Settles one answer: a refutation, or none, perhaps with a doubt.
    fn out_of_bounds(
        &self,
        bound: &Bound,
        one: &Open<'_>,
        answer: &Answer,
        doubts: &mut Vec<String>,
    ) -> Option<Status> {
        let policy = &one.question.sought.rule().name;
        let doubt = |why: String| format!("{} by `{policy}`: {why}", one.question.action);
        let by: Vec<String> = match &bound.whose {
            Whose::Grant(grant) => self.templates_of(grant).into_iter().collect(),
            Whose::Everybody | Whose::Role(_) | Whose::Key(_) => Vec::new(),
        };
        let by: Vec<&str> = by.iter().map(String::as_str).collect();
        let test = |probe: &Probe, key: &Key, verdict: &Verdict| {
            allows(verdict, &by) && self.judged(&bound.judge, probe, key) == bound.never
        };
        let settled = self.settle_near(&self.symbolic, &one.question, answer, one.asker, &test);
        let why = match settled {
            Settled::Example(example) => return Some(Status::Refuted(example)),
            Settled::Nothing => return None,
            Settled::Unsettled(_) if self.only_at_wildcards(one, &test) => return None,
            Settled::Unsettled(why) => why,
        };
        let role = match &bound.whose {
            Whose::Role(role) => Some(role.as_str()),
            Whose::Everybody | Whose::Key(_) | Whose::Grant(_) => None,
        };
        let besides = Besides { judging: bound.judge.statics(), role, ..COUNTEREXAMPLE };
        match self.search(&one.question, one.asker, &besides, &test, &why) {
            Settled::Example(example) => return Some(Status::Refuted(example)),
            Settled::Nothing => {}
            Settled::Unsettled(why) => doubts.push(doubt(why)),
        }
        None
    }

    /// Whether a question is open only at wildcard names, which its keys cannot write.
    ///
    /// Writing there asks for `record.wildcard` besides, which is another action.
    fn only_at_wildcards(
        &self,
        one: &Open<'_>,
        test: &dyn Fn(&Probe, &Key, &Verdict) -> bool,
    ) -> bool {
        let action = one.question.action;
        let writes = matches!(action, Action::RecordCreate | Action::RecordDelete);
        let Asker::Known(key) = one.asker else { return false };
        if !writes || action.kind() != ResourceKind::Record {
            return false;
        }
        let mut elsewhere = one.question.clone();
        elsewhere.given.push("!(resource.wildcard)".to_owned());
        let answers = self.ask(std::slice::from_ref(&elsewhere));
        let Some(answer) = answers.into_iter().next() else { return false };
        let settled = self.settle_near(&self.symbolic, &elsewhere, &answer, one.asker, test);
        if !matches!(settled, Settled::Nothing) {
            return false;
        }
        let holdings = self.bundle.policies.holdings(key).unwrap_or_default();
        let (forbids, permits): (Vec<Holding>, Vec<Holding>) =
            holdings.into_iter().partition(|holding| holding.forbids);
        let class = class(key, &self.mentions);
        let forbids: Vec<Arc<Rule>> =
            forbids.iter().map(|one| Rule::of(one, &Renamed::default())).collect();
        let wild = Action::RecordWildcard;
        let permits = permits.iter().map(|one| Rule::of(one, &Renamed::default()));
        let questions: Vec<Question> = permits
            .filter(|rule| rule.admits(wild))
            .map(|rule| {
                let mut question = Question::allowed(wild, &rule, &forbids);
                question.given = class.given(wild);
                question
            })
            .collect();
        self.ask(&questions).iter().all(|answer| matches!(answer, Answer::No))
    }
}

/// What follows where nothing refuted a bound.
fn concluded(doubts: Vec<String>) -> Status {
    if doubts.is_empty() { Status::Proved } else { Status::Unknown(doubts) }
}
