//! What the passed cases have asked, as tests of Cedar's own tool: `cedar run-tests --tests FILE`.

use std::collections::HashSet;

use serde_json::Value;

use super::round::Round;

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
