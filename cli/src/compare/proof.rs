//! That a changed policy changes no decision, shown for all requests at once.
//!
//! A permit allows more only where it matches and no permit of the old side does; it allows less
//! only where its old form matches and no permit of the new side does. A forbid allows more only
//! where its old form matches and no forbid of the new side does, and less the other way round.
//! Whether such a request exists is a question about policies alone, for any key with any roles, so
//! one question for each action is enough. A "no" is a proof. A "yes" proves nothing: what forbids
//! and permits beside it do is left out here. It is a hint for another request ([`super::witness`]).
//!
//! # What is not asked
//! What changed through a network, window, pattern or time zone; templates whose links are others
//! than before; and keys' own changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use zonegate_engine::policy::{Holding, Who};

use super::class::Class;
use super::effect::Shown;
use super::surface::{PolicyChange, Surface, Turn};
use super::witness::{Witness, Witnessed};
use super::{Direction, Side};
use crate::symbolic::{Answer, Question, Renamed, Rule, Solver, Sought, Symbolic, World};

/// How long the solver may think about one question.
const QUESTION_LIMIT: Duration = Duration::from_secs(2);
/// How long all of them may take; what has not been asked by then is not proved.
const ALL_LIMIT: Duration = Duration::from_secs(15);
/// How long requests may be looked for where the solver says that there are some.
const WITNESS_LIMIT: Duration = Duration::from_secs(10);
/// Questions that are asked at once.
const AT_ONCE: usize = 16;
/// Policies beside the changed one that a question takes in; more of them make it slow, and one too
/// few only means that less is proved.
const BESIDE_MAX: usize = 8;
/// What makes an evaluation fail although the policy is valid: numbers and times that grow too
/// large. A policy that fails denies, whatever it says.
const FAILING: [&str; 8] = ["+", "-", "*", "neg", "offset", "durationSince", "toDate", "toTime"];

/// What came of the attempt to prove something.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// It holds for all requests.
    Proved,
    /// It may hold or not; why, in words.
    Open(String),
    /// It does not: a decision changes.
    Refuted(Box<Shown>),
}

/// A policy, by its id, and a direction.
type At = (String, Direction);

/// Proofs by policy and direction.
pub(crate) type Proofs = BTreeMap<At, Proof>;

/// Tries to prove that policies change no decision in a direction; an error where there is no
/// solver.
pub(crate) fn prove(
    old: Side<'_>,
    new: Side<'_>,
    surface: &Surface,
    (classes, moments): (&[Class], &[Timestamp]),
    open: &[(String, Direction)],
) -> Result<Proofs, String> {
    let solver = Solver::find(QUESTION_LIMIT)?;
    let (world, renamed) = World::of_two(old.bundle, new.bundle);
    let symbolic = Symbolic::new(world, solver)?;
    let before = Rules::of(old, &renamed, surface);
    let after = Rules::of(new, &Renamed::default(), surface);
    let mut proofs = Proofs::new();
    let (mut questions, mut about) = (Vec::new(), Vec::new());
    for (id, direction) in open {
        let Some(change) = surface.policies.iter().find(|one| one.id == *id) else { continue };
        let at = (id.clone(), *direction);
        match asked(change, *direction, &before, &after, surface) {
            Ok(asked) => {
                proofs.insert(at.clone(), Proof::Proved);
                about.extend(asked.iter().map(|_| at.clone()));
                questions.extend(asked);
            }
            Err(why) => {
                proofs.insert(at, Proof::Open(why));
            }
        }
    }
    let began = Instant::now();
    let mut seen: Vec<(At, &Question)> = Vec::new();
    for (questions, about) in questions.chunks(AT_ONCE).zip(about.chunks(AT_ONCE)) {
        let in_time = began.elapsed() < ALL_LIMIT;
        let answers = if in_time { symbolic.ask(questions) } else { Vec::new() };
        let late = || Answer::Unknown("there was no time left to ask the solver".to_owned());
        let answers = answers.into_iter().chain(std::iter::repeat_with(late));
        for ((at, question), answer) in about.iter().zip(questions).zip(answers) {
            let why = match answer {
                Answer::No => continue,
                Answer::Yes(_) => {
                    seen.push((at.clone(), question));
                    continue;
                }
                Answer::Unknown(why) => why,
            };
            proofs.insert(at.clone(), Proof::Open(why));
        }
    }
    let until = Instant::now() + WITNESS_LIMIT;
    let witness = Witness { old, new, symbolic: &symbolic, classes, moments, until };
    look(&witness, &seen, &mut proofs);
    Ok(proofs)
}

/// Settles what the solver said "yes" to: by a decision that changes, or by saying what is open.
fn look(witness: &Witness<'_>, seen: &[(At, &Question)], proofs: &mut Proofs) {
    for (at, question) in seen {
        if matches!(proofs.get(at), Some(Proof::Refuted(_))) {
            continue;
        }
        let proof = match witness.look(&at.0, at.1, question) {
            Witnessed::Shown(shown) => Proof::Refuted(shown),
            Witnessed::Open(why) => Proof::Open(why.to_owned()),
        };
        proofs.insert(at.clone(), proof);
    }
}

/// The policies of a side as the solver knows them.
struct Rules {
    /// Those that are no templates.
    statics: Vec<Arc<Rule>>,
    /// All of them by id, templates without what binds them.
    by_id: BTreeMap<String, (Arc<Rule>, Value)>,
}

impl Rules {
    /// The policies of a side. One that reads what a changed list names is no help: the solver would
    /// take it for the same on both sides.
    fn of(side: Side<'_>, renamed: &Renamed, surface: &Surface) -> Rules {
        let mut rules = Rules { statics: Vec::new(), by_id: BTreeMap::new() };
        for holding in &side.known.statics {
            let rule = Rule::of(holding, renamed);
            if !is_blurred(&holding.json, surface) {
                rules.statics.push(Arc::clone(&rule));
            }
            rules.by_id.insert(holding.id.clone(), (rule, holding.json.clone()));
        }
        for blank in &side.known.blanks {
            let holding: &Holding = &blank.holding;
            let rule = Rule::unbound(holding, renamed);
            rules.by_id.insert(holding.id.clone(), (rule, holding.json.clone()));
        }
        rules
    }

    /// Policies of one effect that can meet a rule.
    fn beside(&self, rule: &Rule, forbids: bool) -> Vec<Arc<Rule>> {
        // Others would be sound, too, and seldom of any help.
        let is_near = |one: &Arc<Rule>| one.who == rule.who || one.who == Who::Everybody;
        let meets = |one: &&Arc<Rule>| one.forbids == forbids && one.can_meet(rule) && is_near(one);
        self.statics.iter().filter(meets).map(Arc::clone).collect()
    }
}

/// The questions of which every "no" together is the proof, or why there are none.
fn asked(
    change: &PolicyChange,
    direction: Direction,
    before: &Rules,
    after: &Rules,
    surface: &Surface,
) -> Result<Vec<Question>, String> {
    if let Turn::Through(what) = &change.turn {
        return Err(format!("{} cannot be compared by the solver", what.join(", ")));
    }
    let bound = |part: &str| change.details.iter().any(|detail| detail.what == part);
    if change.template && (change.turn != Turn::Edited || bound("on") || bound("grants")) {
        return Err("the links of a template are not compared by the solver".to_owned());
    }
    if bound("effect") {
        return Err("it was a permit and is a forbid, or the other way round".to_owned());
    }
    let (was, is) = (before.by_id.get(&change.id), after.by_id.get(&change.id));
    if [was, is].into_iter().flatten().any(|(_, json)| is_blurred(json, surface)) {
        return Err("it reads what a changed list names".to_owned());
    }
    let (old, new) = (was.map(|(rule, _)| rule), is.map(|(rule, _)| rule));
    // A permit that allows more, or a forbid that forbids more, does so by its new form.
    let by_new = (direction == Direction::More) != change.forbids;
    let (sought, counterpart, other, own) =
        if by_new { (new, old, before, after) } else { (old, new, after, before) };
    let mut questions = Vec::new();
    // A form that fails denies as a forbid does; the other form then allows less, or more.
    let failing = if direction == Direction::More { was } else { is };
    if let Some((rule, _)) = failing.filter(|(_, json)| may_fail(json)) {
        questions.extend(questions_of(rule, Sought::Failure, &[]));
    }
    if let Some(sought) = sought {
        let mut unmatched: Vec<Arc<Rule>> = counterpart.into_iter().map(Arc::clone).collect();
        let same = |one: &&Arc<Rule>| counterpart.is_none_or(|known| known.name != one.name);
        let beside = other.beside(sought, change.forbids);
        unmatched.extend(beside.iter().filter(same).take(BESIDE_MAX).map(Arc::clone));
        if !change.forbids {
            let forbids = own.beside(sought, true);
            unmatched.extend(forbids.into_iter().take(BESIDE_MAX));
        }
        questions.extend(questions_of(sought, Sought::Match, &unmatched));
    }
    Ok(questions)
}

/// One question for each action of a policy's scope.
fn questions_of(
    rule: &Arc<Rule>,
    sought: impl Fn(Arc<Rule>) -> Sought,
    unmatched: &[Arc<Rule>],
) -> Vec<Question> {
    let actions = zonegate_engine::operation::Action::ALL.iter().copied();
    let question = |action| Question {
        action,
        sought: sought(Arc::clone(rule)),
        unmatched: unmatched.iter().filter(|one| one.admits(action)).map(Arc::clone).collect(),
        denied_by: None,
        given: Vec::new(),
    };
    actions.filter(|action| rule.admits(*action)).map(question).collect()
}

/// Whether a policy reads something that a changed list makes another on each side, although its
/// text is the same: the networks of keys and requests, open windows, the wall clock.
fn is_blurred(json: &Value, surface: &Surface) -> bool {
    let changed = |what: &str| surface.lists.iter().any(|list| list.what == what);
    let mut read: Vec<&str> = Vec::new();
    if changed("network") {
        read.push("networks");
    }
    if changed("window") {
        read.push("windows");
    }
    if changed("time zone") {
        read.extend(["weekday", "time_of_day", "date"]);
    }
    !read.is_empty()
        && has(json, &|object| {
            let attribute = object.get("attr");
            let names = attribute.and_then(Value::as_array);
            let single = attribute.and_then(Value::as_str);
            let mut all = names.into_iter().flatten().filter_map(Value::as_str).chain(single);
            all.any(|name| read.contains(&name))
        })
}

/// Whether evaluating a policy can fail.
fn may_fail(json: &Value) -> bool {
    has(json, &|object| FAILING.iter().any(|operator| object.contains_key(*operator)))
}

/// Whether some object in a policy is of a kind; the walk keeps its own stack.
fn has(json: &Value, wanted: &dyn Fn(&serde_json::Map<String, Value>) -> bool) -> bool {
    let mut pending = vec![json];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(object) => {
                if wanted(object) {
                    return true;
                }
                pending.extend(object.values());
            }
            Value::Array(items) => pending.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    false
}
