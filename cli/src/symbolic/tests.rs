//! The shipped policies, put to the solver.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::Key;
use zonegate_engine::operation::{Action, Operation};
use zonegate_engine::policy::{AccountId, Holding, Policies, Verdict};

use super::facts::facts;
use super::mention::Mentions;
use super::*;
use crate::ask::{self, Scene, Way};
use crate::folder::{Checked, Folder};
use crate::universe::{Around, Universe, window_times};

/// The shipped folder.
fn shipped() -> Checked {
    Folder::read(Path::new("../policies")).pack().unwrap()
}

/// The solver of this machine; the lab installs it.
fn solver() -> Solver {
    Solver::find(Duration::from_secs(10)).unwrap()
}

/// All static policies as rules: the permits, and the forbids.
fn rules(checked: &Checked) -> (Vec<Arc<Rule>>, Vec<Arc<Rule>>) {
    let statics = checked.bundle.policies.statics();
    let rules = statics.iter().map(|holding| Rule::of(holding, &Renamed::default()));
    rules.partition(|rule| !rule.forbids)
}

#[test]
fn nobody_but_hostmasters_writes_ns_at_an_apex() {
    let checked = shipped();
    let symbolic = Symbolic::new(World::of(&checked.bundle), solver()).unwrap();
    let (permits, forbids) = rules(&checked);
    let ask = |given: &[&str]| {
        let permits = permits.iter().filter(|permit| permit.admits(Action::RecordCreate));
        let questions: Vec<Question> = permits
            .map(|permit| {
                let mut question = Question::allowed(Action::RecordCreate, permit, &forbids);
                question.given = given.iter().map(|one| (*one).to_owned()).collect();
                question
            })
            .collect();
        symbolic.ask_for(&questions, Want::Likely)
    };
    let ns = "resource.depth == 0 && resource.type == RecordType::\"NS\"";
    let others = "!(principal in Role::\"hostmasters\")";
    for answer in ask(&[ns, others]) {
        assert!(matches!(answer, Answer::No), "{answer:?}");
    }
    let answers = ask(&[ns]);
    let found = answers.iter().find_map(|answer| match answer {
        Answer::Yes(model) => Some(model),
        Answer::No | Answer::Unknown(_) => None,
    });
    let model = found.unwrap();
    assert!(model.roles.contains("hostmasters") && model.roles.contains("delegations"));
    assert_eq!((model.depth, model.rtype.as_deref()), (Some(0), Some("NS")));
    assert!(!answers.iter().any(|answer| matches!(answer, Answer::Unknown(_))), "{answers:?}");
}

/// Operations of one action that facts are held against, at the most.
const OPERATIONS_MAX: usize = 400;

/// Every policy of a bundle, links included.
fn everything(bundle: &Bundle) -> Vec<Holding> {
    let linked = bundle.keys.iter().flat_map(|key| bundle.policies.linked(key).unwrap());
    bundle.policies.statics().into_iter().chain(linked).collect()
}

/// The facts of an action as permits, so that the engine says which of them hold.
fn as_permits(facts: &[String], action: Action) -> Policies {
    let permit = |(number, fact): (usize, &String)| {
        let action = entity("Action", action.name());
        format!(
            "@id(\"fact-{number}\")\npermit (principal, action == {action}, resource) when {{ {fact} }};\n"
        )
    };
    let text: String = facts.iter().enumerate().map(permit).collect();
    Policies::parse(&[("facts.cedar".to_owned(), text)]).unwrap()
}

/// The first fact that does not hold when a key asks for something.
fn broken(
    (bundle, policies, facts): (&Bundle, &Policies, &[String]),
    key: &Key,
    scene: &Scene,
    way: &Way,
    operation: &Operation,
) -> Option<String> {
    let asking = ask::asking_of(policies, bundle, key, scene, way).unwrap();
    let held = match policies.decide(&bundle.patterns, &asking, operation) {
        Verdict::Allow(held) => held,
        Verdict::Deny(reason, by) => return Some(format!("{reason:?} by {by:?}")),
    };
    let number = (0..facts.len()).find(|number| !held.contains(&format!("fact-{number}")))?;
    facts.get(number).cloned()
}

/// A proof is worth what the facts are worth: each must be true of all that the engine asks.
#[test]
fn facts_hold_for_what_the_engine_asks() {
    let checked = shipped();
    let bundle = Bundle::load(checked.packed.bytes).unwrap();
    let holdings = everything(&bundle);
    let now = "2026-06-03T10:00:00Z".parse().unwrap();
    let around = Around {
        keys: bundle.keys.iter().collect(),
        zones: Vec::new(),
        times: [vec![now], window_times(&bundle, now)].concat(),
    };
    let universe = Universe::around(&bundle, holdings.iter(), &around);
    let mut mentions = Mentions::default();
    for holding in &holdings {
        mentions.add(&Mentions::of(&holding.json));
    }
    let world = World::of(&bundle);
    let account = AccountId { provider: "powerdns".to_owned(), account: "main".to_owned() };
    let provider = bundle.provider("powerdns").unwrap();
    let keys: Vec<&Key> = bundle.keys.iter().collect();
    let (mut asked, mut keys) = (0_usize, keys.into_iter().cycle());
    for action in Action::ALL {
        // A wildcard is asked about only at wildcard names.
        let fits = |operation: &Operation| {
            *action != Action::RecordWildcard
                || operation.as_record().is_some_and(|record| record.name.is_wildcard())
        };
        let operations = universe.operations(*action, true).into_iter().filter(fits);
        let operations: Vec<Operation> = operations.collect();
        let told = facts(&world, *action, &mentions, true);
        let policies = as_permits(&told, *action);
        let routes = provider.routes().iter().map(|route| format!("powerdns/{}", route.id()));
        let ways: Vec<Way> = routes.filter_map(|route| Way::by(&bundle, &route)).collect();
        let step = operations.len().div_ceil(OPERATIONS_MAX).max(1);
        for (at, operation) in operations.iter().step_by(step).enumerate() {
            let scene = Scene {
                account: account.clone(),
                from: *universe.froms.get(at % universe.froms.len()).unwrap(),
                at: *universe.times.get(at / 3 % universe.times.len()).unwrap(),
                tls: at % 2 == 0,
            };
            let Some(key) = keys.find(|key| key.check(scene.at).is_ok()) else { continue };
            let way = ways.get(at * 7 % ways.len()).unwrap();
            let broken = broken((&bundle, &policies, &told), key, &scene, way, operation);
            assert_eq!(broken, None, "{operation} by {way:?} of {} in {scene:?}", key.id);
            asked += 1;
        }
    }
    assert!(asked > 1500, "{asked}");
}
