//! `policies/cases/attacks-index.toml` against the tables and the tests that it names.
//!
//! Every attack that an enforcing proxy has to stop is held by rows, by named tests, or has a
//! reason why it does not apply yet. A gap, a row with a number that is not listed, or a test that
//! is no longer there fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zonegate_cases::Tables;

/// How many attacks there are.
const ATTACKS: u32 = 94;

/// The index.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    /// Its entries.
    attack: Vec<Attack>,
}

/// What stops one attack.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    /// Its number.
    number: u32,
    /// What it is.
    about: String,
    /// Whether rows hold it.
    #[serde(default)]
    rows: bool,
    /// Tests that hold it, as `file::name`.
    #[serde(default)]
    tests: Vec<String>,
    /// Why it does not apply yet.
    not_yet: Option<String>,
}

/// The project's folder.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What is wrong with one entry.
fn problems(attack: &Attack, rows: &BTreeSet<u32>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut wrong = |what: String| problems.push(format!("attack {}: {what}", attack.number));
    if attack.about.trim().is_empty() {
        wrong("says not what it is".to_owned());
    }
    if attack.rows != rows.contains(&attack.number) {
        wrong(format!("`rows = {}`, but the tables say otherwise", attack.rows));
    }
    let is_held = attack.rows || !attack.tests.is_empty();
    match &attack.not_yet {
        None if !is_held => wrong("no row, no test and no reason".to_owned()),
        Some(_) if is_held => wrong("a reason although something holds it".to_owned()),
        Some(reason) if reason.trim().len() < 20 => wrong("a reason that says nothing".to_owned()),
        None | Some(_) => {}
    }
    for test in &attack.tests {
        let Some((file, name)) = test.split_once("::") else {
            wrong(format!("`{test}` is not `file::name`"));
            continue;
        };
        let text = std::fs::read_to_string(project().join(file)).unwrap_or_default();
        let declared = [format!("fn {name}("), format!("def {name}(")];
        if !declared.iter().any(|declaration| text.contains(declaration)) {
            wrong(format!("there is no test `{test}`"));
        }
    }
    problems
}

#[test]
fn every_attack_is_held_or_has_a_reason() {
    let folder = project().join("policies/cases");
    let text = std::fs::read_to_string(folder.join(zonegate_cases::ATTACKS_FILE)).unwrap();
    let index: Index = toml::from_str(&text).unwrap();
    let tables = Tables::load_dir(&folder).unwrap();
    let rows: BTreeSet<u32> = tables.cases().flat_map(|case| case.attacks.clone()).collect();
    let mut found: Vec<String> =
        index.attack.iter().flat_map(|attack| problems(attack, &rows)).collect();
    let mut count: BTreeMap<u32, usize> = (1..=ATTACKS).map(|number| (number, 0)).collect();
    for attack in &index.attack {
        *count.entry(attack.number).or_default() += 1;
    }
    let is_wrong =
        |(number, times): &(&u32, &usize)| **times != 1 || **number > ATTACKS || **number == 0;
    found.extend(
        count
            .iter()
            .filter(is_wrong)
            .map(|(number, times)| format!("attack {number} stands there {times} times")),
    );
    let unlisted = rows.iter().filter(|number| !(1..=ATTACKS).contains(*number));
    found.extend(unlisted.map(|number| format!("a row names attack {number}, which there is not")));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_gap_is_found() {
    let attack = |rows, tests: &[&str], not_yet: Option<&str>| Attack {
        number: 7,
        about: "something".to_owned(),
        rows,
        tests: tests.iter().map(|test| (*test).to_owned()).collect(),
        not_yet: not_yet.map(str::to_owned),
    };
    let here = "cases/tests/attacks.rs::a_gap_is_found";
    let (none, seven) = (BTreeSet::new(), BTreeSet::from([7]));
    assert!(problems(&attack(false, &[here], None), &none).is_empty());
    assert!(problems(&attack(true, &[], None), &seven).is_empty());
    assert!(problems(&attack(false, &[], Some("it does not apply because")), &none).is_empty());
    for (attack, rows) in [
        (attack(false, &[], None), &none),
        (attack(true, &[], None), &none),
        (attack(false, &[here], None), &seven),
        (attack(true, &[], Some("it does not apply because")), &seven),
        (attack(false, &[], Some("no")), &none),
        (attack(false, &["cases/tests/attacks.rs::gone"], None), &none),
        (attack(false, &["cases/tests/gone.rs::a_gap_is_found"], None), &none),
        (attack(false, &["a_gap_is_found"], None), &none),
    ] {
        assert!(!problems(&attack, rows).is_empty());
    }
}
