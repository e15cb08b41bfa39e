//! Tests of Cedar's own tool, `cedar run-tests --tests FILE`: what the passed cases have asked is
//! written in its format, and files of it are run on a folder.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use zonegate_cases::{Coverage, Difference, Failed, Report};
use zonegate_engine::bundle::Bundle;

use super::round::Round;

/// What a test expects, besides what it asks.
#[derive(Debug, Deserialize)]
struct Expected {
    /// Its name.
    #[serde(default)]
    name: String,
    /// `allow` or `deny`.
    decision: String,
    /// Policies that must be among those that determine it.
    reason: BTreeSet<String>,
    /// How many policies cannot be evaluated.
    num_errors: usize,
}

/// Runs the tests of a file, as Cedar's tool would; a file that cannot be read is an error.
pub(super) fn run(bundle: &Bundle, file: &Path) -> Result<Report, String> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let tests: Vec<Value> = serde_json::from_str(&text)
        .map_err(|error| format!("{}: this is no list of tests: {error}", file.display()))?;
    let mut report = Report {
        runner: "cedar".to_owned(),
        passed: 0,
        failed: Vec::new(),
        skipped: Vec::new(),
        coverage: Coverage::default(),
    };
    for (number, test) in (1..).zip(&tests) {
        let (name, differences) = differences(bundle, test);
        if differences.is_empty() {
            report.passed += 1;
        } else {
            let place = format!("{} test {number}", file.display());
            report.failed.push(Failed { place, name, differences });
        }
    }
    Ok(report)
}

/// The name of a test, and in what its outcome differs from what it expects.
fn differences(bundle: &Bundle, test: &Value) -> (String, Vec<Difference>) {
    let differs = |what: &str, expected: String, actual: String| Difference {
        what: what.to_owned(),
        expected,
        actual,
    };
    let expected = match Expected::deserialize(test) {
        Ok(expected) => expected,
        Err(error) => {
            let wrong = differs("test", "a test of Cedar's tool".to_owned(), error.to_string());
            return (String::new(), vec![wrong]);
        }
    };
    let answer = match bundle.policies.answer_cedar_test(&bundle.keys, test) {
        Ok(answer) => answer,
        Err(error) => {
            let wrong = differs("test", "a request that the schema knows".to_owned(), error);
            return (expected.name, vec![wrong]);
        }
    };
    let mut found = Vec::new();
    if expected.decision != answer.decision {
        found.push(differs("decision", expected.decision, answer.decision.to_owned()));
    }
    let reason: BTreeSet<String> = answer.reason.into_iter().collect();
    if !expected.reason.is_subset(&reason) {
        let list = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join("\n");
        found.push(differs("reason", list(&expected.reason), list(&reason)));
    }
    if expected.num_errors != answer.errors {
        let (wanted, errors) = (expected.num_errors.to_string(), answer.errors.to_string());
        found.push(differs("errors", wanted, errors));
    }
    (expected.name, found)
}

/// The tests: a list of objects with name, request, entities, decision, reason and `num_errors`.
///
/// What one row asks twice, as a decision and its repetition after a lookup, is one test.
pub(super) fn document(round: &Round) -> String {
    let mut tests = Vec::new();
    for ((place, name), questions) in &round.asked {
        let mut seen = HashSet::new();
        for question in questions {
            let Value::Object(question) = question else { continue };
            let mut test = question.clone();
            let what = test.remove("what");
            let what = what.as_ref().and_then(Value::as_str).unwrap_or_default();
            if seen.insert(Value::Object(test.clone()).to_string()) {
                let name = format!("{place} {name}: {what}");
                test.insert("name".to_owned(), Value::from(name));
                tests.push(Value::Object(test));
            }
        }
    }
    // What was made of texts and numbers is written without fail.
    let mut text = serde_json::to_string_pretty(&tests).unwrap_or_default();
    text.push('\n');
    text
}
