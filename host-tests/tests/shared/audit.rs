//! What a gate's audit record says of a request, in the words of tables.

use serde_json::Value;
use zonegate_cases::{Case, Decision, Outcome};

/// Operations and characters that the record shows; the rest it counts and cuts.
const SHOWN: (usize, usize) = (16, 300);

/// The outcome as far as the record tells it; what went on and what came back is the runner's.
pub(crate) fn outcome(case: &Case, audit: &Value) -> Outcome {
    let text = |name: &str| audit[name].as_str().map(str::to_owned);
    let list = |name: &str| -> Vec<String> {
        let all = audit[name].as_array().into_iter().flatten();
        all.filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let denied = text("decision").as_deref() == Some("deny") || text("response_reason").is_some();
    // Where the gate answers for itself, its `reason` says what it answered and denies nothing.
    let reason = text("response_reason").or_else(|| text("reason").filter(|_| denied));
    Outcome {
        decision: if denied { Decision::Deny } else { Decision::Allow },
        reason,
        policies: list("policies"),
        operations: operations(case, list("operations"), audit["cost"].as_u64()),
        route: text("route").filter(|route| !route.is_empty()),
        lookups: Vec::new(),
        forwarded: None,
        answered: None,
        trouble: Vec::new(),
    }
}

/// The operations of a record; where it shows only the beginning, the row's own rest is taken if
/// beginning and number agree.
fn operations(case: &Case, shown: Vec<String>, cost: Option<u64>) -> Vec<String> {
    let (count_max, characters_max) = SHOWN;
    let Some(means) = &case.means else { return shown };
    let cut = |text: &String| text.chars().take(characters_max).collect::<String>();
    let begin: Vec<String> = means.iter().take(count_max).map(cut).collect();
    if begin == shown && u64::try_from(means.len()).ok() == cost { means.clone() } else { shown }
}
