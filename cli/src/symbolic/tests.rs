//! The shipped policies, put to the solver.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zonegate_engine::operation::Action;

use super::*;
use crate::folder::{Checked, Folder};

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
