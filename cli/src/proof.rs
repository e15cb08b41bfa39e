//! Proving properties: what to ask the solver, and what its answers mean for an author.
//!
//! A property is first asked of every key that there could be, because one proof then stands for
//! all of them. Where that fails and the property is about the keys that there are, it is asked
//! again for each class of keys (`class`), with the links that they have. A "yes" of the solver
//! is only believed when the engine decides a request that can happen in that way (`example`);
//! until then the solver is taught what it did not know (`lesson`), and asked again.

mod bounded;
pub(crate) mod class;
mod errors;
pub(crate) mod lesson;
mod same;
mod shadow;
mod whole;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::decision::Reason;
use zonegate_engine::key::{Digest, Grant, Key};
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::operation::{Action, Operation};
use zonegate_engine::policy::{Holding, Policies, Verdict};

use crate::ask::{Probe, asking_of};
use crate::example::{Hint, example};
use crate::folder::Folder;
use crate::property::{Claim, Property};
use crate::symbolic::{
    Answer, Mentions, Question, Renamed, Rule, Solver, Symbolic, Want, World, entity,
};
use crate::universe::{Around, Universe, window_times};

use self::class::Class;

/// How often the solver is taught and asked again.
const ROUNDS_MAX: usize = 4;
/// How long one "yes" may take to be settled, before another round is begun.
const SETTLE_MAX: Duration = Duration::from_secs(20);
/// Questions that are asked together; after each lot a refutation ends the search.
const LOT: usize = 64;
/// The name that grants of made-up keys are bound to.
const ANY_NAME: &str = "example.com";

/// What became of a property.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// Whether it holds.
    pub(crate) status: Status,
    /// For which keys.
    pub(crate) scope: Scope,
    /// What should be known besides.
    pub(crate) notes: Vec<String>,
    /// Request environments, that is actions, that it is about.
    pub(crate) environments: usize,
    /// Questions that were put to the solver.
    pub(crate) questions: usize,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

/// Whether a property holds.
#[derive(Clone, Debug)]
pub(crate) enum Status {
    /// It does, for all requests.
    Proved,
    /// It does, and this request shows it.
    Shown(Box<Example>),
    /// It does not, and this request shows it.
    Refuted(Box<Example>),
    /// It does not, by a proof that there is no request of a kind; in words.
    Disproved(String),
    /// Nobody knows; why.
    Unknown(Vec<String>),
}

/// For which keys something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// For every key that there could be.
    AnyKey,
    /// For so many keys of the keys file.
    Keys(usize),
}

/// A request, with what the gate says to it.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    /// The request.
    pub(crate) probe: Probe,
    /// The key, where the keys file does not have it.
    pub(crate) made_up: Option<Key>,
    /// What the gate says.
    pub(crate) verdict: Verdict,
}

/// A policy that a property is asked of.
#[derive(Clone, Debug)]
struct Source {
    /// The policy: of a template, some link of it.
    holding: Holding,
    /// As the solver is asked: of a template, what it could be to any key anywhere.
    rule: Arc<Rule>,
    /// Whether it is a template.
    is_template: bool,
}

/// Who asks in an example.
#[derive(Clone, Copy, Debug)]
enum Asker<'k> {
    /// A key that there is.
    Known(&'k Key),
    /// One that is made up, with a grant of this template if one is named.
    Anybody(Option<&'k str>),
}

/// What became of a solver's "yes".
enum Settled {
    /// It was right.
    Example(Box<Example>),
    /// After some lessons there is no such request.
    Nothing,
    /// It could not be settled; why.
    Unsettled(String),
}

/// Proves properties of one bundle.
#[derive(Debug)]
pub(crate) struct Prover<'b> {
    /// The folder's bundle.
    bundle: &'b Bundle,
    /// The folder, for those beside it.
    folder: &'b Folder,
    /// The solver.
    symbolic: Symbolic,
    /// The time to begin with, and moments of windows.
    times: Vec<Timestamp>,
    /// Permits.
    permits: Vec<Source>,
    /// Forbids that hold for everybody they are about.
    forbids: Vec<Source>,
    /// Forbids that only a grant brings.
    granted_forbids: Vec<Source>,
    /// What the policies mention.
    mentions: Mentions,
    /// How many questions were asked.
    asked: AtomicUsize,
    /// Patterns that the solver knows by their shape only.
    inexact: BTreeSet<String>,
    /// What the questions of a property spoke of that the solver knows in part only.
    in_part: RefCell<BTreeSet<(&'static str, String)>>,
    /// How long a property's requests were searched for without the solver.
    searched: Cell<Duration>,
}

impl<'b> Prover<'b> {
    /// Prepares a bundle; the error is a sentence.
    pub(crate) fn new(
        bundle: &'b Bundle,
        folder: &'b Folder,
        solver: Solver,
        now: Timestamp,
    ) -> Result<Prover<'b>, String> {
        let world = World::of(bundle);
        let inexact = world.patterns.iter().filter(|(_, pattern)| !pattern.shape.exact);
        let inexact = inexact.map(|(name, _)| name.clone()).collect();
        let symbolic = Symbolic::new(world, solver)?;
        let Sources { permits, forbids, granted_forbids } = sources(bundle, &Renamed::default())?;
        let mut mentions = Mentions::default();
        for source in permits.iter().chain(&forbids).chain(&granted_forbids) {
            mentions.add(&source.rule.mentions);
        }
        let asked = AtomicUsize::new(0);
        let times = window_times(bundle, now);
        Ok(Prover {
            bundle,
            folder,
            symbolic,
            times,
            permits,
            forbids,
            granted_forbids,
            mentions,
            asked,
            inexact,
            in_part: RefCell::default(),
            searched: Cell::default(),
        })
    }

    /// Whether a property holds.
    pub(crate) fn prove(&self, property: &Property) -> Finding {
        let began = Instant::now();
        let before = self.asked.load(Ordering::Relaxed);
        self.searched.set(Duration::ZERO);
        let mut finding = match &property.claim {
            Claim::Bounded(bound) => self.bounded(bound, property.keys),
            Claim::NotShadowed { policy, by } => self.not_shadowed(policy, by, property.keys),
            Claim::NeverErrors { except } => self.never_errors(except, property.keys),
            Claim::Equivalent { to } => self.equivalent(to, property.keys),
        };
        finding.notes = notes(&self.in_part.take());
        finding.elapsed = began.elapsed();
        finding.questions = self.asked.load(Ordering::Relaxed) - before;
        finding
    }

    /// Asks questions.
    fn ask(&self, questions: &[Question]) -> Vec<Answer> {
        self.asked.fetch_add(questions.len(), Ordering::Relaxed);
        for question in questions {
            self.note(question);
        }
        self.symbolic.ask(questions)
    }

    /// Asks questions of policies; those that the solver does not rule out, with its answers.
    fn open<'s>(&self, asked: Vec<(&'s Source, Question)>) -> Vec<(&'s Source, Question, Answer)> {
        let questions: Vec<Question> = asked.iter().map(|(_, question)| question.clone()).collect();
        let answered = asked.into_iter().zip(self.ask(&questions));
        let open = answered.filter(|(_, answer)| !matches!(answer, Answer::No));
        open.map(|((source, question), answer)| (source, question, answer)).collect()
    }

    /// Keeps in mind what of a question the solver knows in part only.
    fn note(&self, question: &Question) {
        let mut in_part = self.in_part.borrow_mut();
        let told = |kind: &str, name: &str| {
            let written = entity(kind, name);
            question.given.iter().any(|condition| condition.contains(&written))
                || question.rules().any(|rule| rule.mentions.ids(kind).any(|id| id == name))
        };
        for pattern in self.inexact.iter().filter(|name| told("Pattern", name)) {
            in_part.insert(("pattern", pattern.clone()));
        }
        for window in self.bundle.windows.names().into_iter().filter(|name| told("Window", name)) {
            in_part.insert(("window", window));
        }
    }

    /// The forbids as rules.
    fn forbidding(&self) -> Vec<Arc<Rule>> {
        self.forbids.iter().map(|source| Arc::clone(&source.rule)).collect()
    }

    /// The classes of the keys that there are, seen by the policies and by what a judge mentions.
    fn classes(&self, judge: Option<&Policies>) -> Vec<Class<'b>> {
        let mut mentions = self.mentions.clone();
        for holding in judge.map(Policies::statics).unwrap_or_default() {
            mentions.add(&Mentions::of(&holding.json));
        }
        class::classes(self.bundle, &mentions)
    }

    /// The links that keys have of a template, each with its key.
    fn links(&self, template: &str) -> Vec<(&'b Key, Holding)> {
        let keys = self.bundle.keys.iter().filter(|key| !key.disabled && !key.grants.is_empty());
        let links = keys.flat_map(|key| {
            let linked = self.bundle.policies.linked(key).unwrap_or_default();
            linked.into_iter().map(move |holding| (key, holding))
        });
        links.filter(|(_, holding)| holding.id == template).collect()
    }

    /// Settles a solver's "yes": an example near it that the test confirms, or none after lessons.
    fn settle_near(
        &self,
        symbolic: &Symbolic,
        question: &Question,
        answer: &Answer,
        asker: Asker<'_>,
        test: &dyn Fn(&Probe, &Key, &Verdict) -> bool,
    ) -> Settled {
        if matches!(answer, Answer::No) {
            return Settled::Nothing;
        }
        let mut question = question.clone();
        let universe = self.universe(&question, asker);
        // First what is quick; where that is of no use, what fits together.
        let began = Instant::now();
        for round in (0..ROUNDS_MAX).take_while(|_| began.elapsed() < SETTLE_MAX) {
            let want = if round % 2 == 0 { Want::Request } else { Want::Likely };
            self.asked.fetch_add(1, Ordering::Relaxed);
            let mut answers = symbolic.ask_for(std::slice::from_ref(&question), want);
            let model = match answers.pop() {
                Some(Answer::No) => return Settled::Nothing,
                Some(Answer::Yes(model)) => model,
                Some(Answer::Unknown(_)) if want == Want::Likely => continue,
                Some(Answer::Unknown(why)) => return Settled::Unsettled(why),
                None => break,
            };
            let made_up = |probe: Option<&Probe>| match asker {
                Asker::Known(key) => key.clone(),
                Asker::Anybody(grant) => made_up(&model, grant, probe),
            };
            let confirmed = |probe: &Probe| {
                let key = made_up(Some(probe));
                test(probe, &key, &probe.decide_as(self.bundle, &key))
            };
            let key = made_up(None);
            let hint = Hint { action: question.action, model: &model, key: &key };
            if let Some(mut probe) = example(self.bundle, &universe, hint, &confirmed) {
                let key = made_up(Some(&probe));
                probe.key.clone_from(&key.id);
                let verdict = probe.decide_as(self.bundle, &key);
                let made_up = matches!(asker, Asker::Anybody(_)).then_some(key);
                return Settled::Example(Box::new(Example { probe, made_up, verdict }));
            }
            let lessons = lesson::lessons(question.action, &model, &self.bundle.patterns);
            let new: Vec<String> =
                lessons.into_iter().filter(|one| !question.given.contains(one)).collect();
            question.given.extend(new);
        }
        Settled::Unsettled(
            "the solver sees requests that nothing near them bears out; they may need names, values or windows that never come together".to_owned(),
        )
    }

    /// Representative values for a question.
    fn universe(&self, question: &Question, asker: Asker<'_>) -> Universe {
        let names: BTreeSet<&str> = question.rules().map(|rule| rule.name.as_str()).collect();
        let all = self.permits.iter().chain(&self.forbids).chain(&self.granted_forbids);
        let concerned = all.filter(|source| names.contains(source.rule.name.as_str()));
        let keys = match asker {
            Asker::Known(key) => vec![key],
            Asker::Anybody(_) => Vec::new(),
        };
        let around = Around { keys, zones: Vec::new(), times: self.times.clone() };
        Universe::around(self.bundle, concerned.map(|source| &source.holding), &around)
    }

    /// Whether the policies of a judge allow a request.
    fn judged(&self, judge: &Policies, probe: &Probe, key: &Key) -> bool {
        let asking = asking_of(judge, self.bundle, key, &probe.scene, &probe.way);
        asking.is_some_and(|asking| {
            let verdict = judge.decide(&self.bundle.patterns, &asking, &probe.operation);
            matches!(verdict, Verdict::Allow(_))
        })
    }
}

/// The policies of a bundle.
struct Sources {
    /// Permits.
    permits: Vec<Source>,
    /// Forbids that hold for everybody they are about.
    forbids: Vec<Source>,
    /// Forbids that only a grant brings.
    granted_forbids: Vec<Source>,
}

/// The policies of a bundle, each as a rule.
fn sources(bundle: &Bundle, renamed: &Renamed) -> Result<Sources, String> {
    let statics = bundle.policies.statics().into_iter().map(|holding| Source {
        rule: Rule::of(&holding, renamed),
        holding,
        is_template: false,
    });
    let key = with_every_grant(bundle);
    let mut linked = bundle.policies.linked(&key).map_err(|problem| problem.to_string())?;
    let mut known = BTreeSet::new();
    linked.retain(|holding| known.insert(holding.id.clone()));
    let templates = linked.into_iter().map(|holding| Source {
        rule: Rule::unbound(&holding, renamed),
        holding,
        is_template: true,
    });
    let (permits, forbids): (Vec<Source>, Vec<Source>) =
        statics.chain(templates).partition(|source| !source.holding.forbids);
    let (granted_forbids, forbids) = forbids.into_iter().partition(|source| source.is_template);
    Ok(Sources { permits, forbids, granted_forbids })
}

/// A key that nobody has, with nothing.
fn nobody() -> Key {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    Key {
        // Policies remember keys by their ids: each has its own, in the form of a key's id.
        id: format!("madeup{:06}", NUMBER.fetch_add(1, Ordering::Relaxed)),
        digest: Digest::new([0; 32]),
        next_digest: None,
        description: "made up to show what a key like it could do".to_owned(),
        owner: None,
        accounts: vec!["*".to_owned()],
        roles: Vec::new(),
        attributes: std::collections::BTreeMap::new(),
        networks: Vec::new(),
        grants: Vec::new(),
        not_before: None,
        expires: None,
        disabled: false,
        file: String::new(),
        line: 0,
    }
}

/// A grant of everything that it can be bound to, at one place.
fn grant_at(grant: &str, zone: Option<Name>, name: Option<Name>) -> Grant {
    Grant { grant: grant.to_owned(), zone, domain: name.clone(), name, line: 0 }
}

/// A key with a grant of every template, to see what there is.
fn with_every_grant(bundle: &Bundle) -> Key {
    let name = Name::parse(ANY_NAME, NameForm::Fqdn).ok();
    let grants = bundle.policies.grants();
    let grants = grants.iter().map(|grant| grant_at(grant, name.clone(), name.clone()));
    Key { grants: grants.collect(), ..nobody() }
}

/// A key as the solver saw it, with a grant for the place of a request.
fn made_up(model: &crate::symbolic::Model, grant: Option<&str>, probe: Option<&Probe>) -> Key {
    let operation: Option<&Operation> = probe.map(|probe| &probe.operation);
    let zone = operation.and_then(Operation::zone_name).cloned();
    let name = operation.and_then(Operation::as_record).map(|record| record.name.clone());
    let any = || Name::parse(ANY_NAME, NameForm::Fqdn).ok();
    let place = zone.or_else(any);
    let name = name.or_else(|| place.clone());
    let grants = grant.map(|grant| grant_at(grant, place, name));
    Key {
        roles: model.roles.iter().cloned().collect(),
        networks: model.key_networks.iter().flatten().cloned().collect(),
        attributes: model.tags.iter().cloned().collect(),
        owner: model.owner.clone(),
        expires: model.expires,
        grants: grants.into_iter().collect(),
        ..nobody()
    }
}

/// Whether a verdict allows, and whether by one of these policies where some are named.
fn allows(verdict: &Verdict, by: &[&str]) -> bool {
    match verdict {
        Verdict::Allow(ids) => by.is_empty() || ids.iter().any(|id| by.contains(&id.as_str())),
        Verdict::Deny(..) => false,
    }
}

/// Whether a verdict denies because this policy failed.
fn fails(verdict: &Verdict, policy: &str) -> bool {
    match verdict {
        Verdict::Deny(Reason::PolicyError, ids) => ids.iter().any(|id| id == policy),
        Verdict::Allow(_) | Verdict::Deny(..) => false,
    }
}

/// What should be known of a finding that rests on something the solver knows in part only.
///
/// In both cases it sees more requests than there are, so a proof holds all the same; and a
/// refutation is a request that the engine has decided, or it is none.
fn notes(in_part: &BTreeSet<(&'static str, String)>) -> Vec<String> {
    let named = |wanted: &str| -> Vec<String> {
        let names = in_part.iter().filter(|(kind, _)| *kind == wanted);
        names.map(|(_, name)| format!("`{name}`")).collect()
    };
    let (patterns, windows) = (named("pattern"), named("window"));
    let mut notes = Vec::new();
    if !patterns.is_empty() {
        notes.push(format!(
            "expressions are not encoded: of {} the solver knows the shape only, and takes all that has it for a match; a proof holds all the same",
            patterns.join(", ")
        ));
    }
    if !windows.is_empty() {
        notes.push(format!(
            "hours are not encoded: the solver takes {} to be open or shut at any time; a proof holds all the same",
            windows.join(", ")
        ));
    }
    notes
}

/// A finding without its numbers.
fn finding(status: Status, scope: Scope, actions: &BTreeSet<Action>) -> Finding {
    Finding {
        status,
        scope,
        notes: Vec::new(),
        environments: actions.len(),
        questions: 0,
        elapsed: Duration::ZERO,
    }
}
