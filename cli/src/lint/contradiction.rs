//! Policies whose conditions exclude one another: certain, because no request is needed to see it.
//!
//! Each demand of a policy on one term (`resource.type == ...`, `[...].contains(resource.name)`,
//! `resource.apex`, `!(...)`) leaves it some values or takes some away. Where none is left, the
//! policy can never apply. What this does not understand leaves every value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::policy::Written;
use zonegate_engine::problem::Problem;

use super::about;
use super::expression::{demands, literal, scope_entity, term};
use super::like::{is_like, pattern_text};

/// What one demand leaves of a term's values.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Left {
    /// These, as JSON.
    Only(BTreeSet<String>),
    /// All but these.
    Without(BTreeSet<String>),
    /// Texts that are like this pattern.
    Like(String),
}

/// What is left of the values of each term.
type Terms = BTreeMap<String, (Option<BTreeSet<String>>, Vec<Left>)>;

/// Every policy that can never apply.
pub(super) fn warnings(bundle: &Bundle, written: &[Written]) -> Vec<Problem> {
    written.iter().filter_map(|policy| contradiction(bundle, policy)).collect()
}

/// Why a policy can never apply, if that is certain.
fn contradiction(bundle: &Bundle, policy: &Written) -> Option<Problem> {
    let never = |why: String, help: &str| {
        let message = format!("`{}` can never apply: {why}", policy.id);
        Some(about(policy, "never-applies", message, help))
    };
    if let Some(("Key", id)) = scope_entity(&policy.json, "principal")
        && bundle.keys.by_id(id).is_none()
    {
        let why = format!("keys.toml has no key `{id}`");
        return never(why, "give the key a role, or a grant of a template, instead");
    }
    let mut terms = Terms::new();
    if let Some((kind, id)) = scope_entity(&policy.json, "resource") {
        let term = match kind {
            "Zone" => "resource.zone",
            "Name" => "resource.name",
            _ => "",
        };
        if !term.is_empty() {
            take(&mut terms, term.to_owned(), Left::Only(BTreeSet::from([quoted(id)])));
        }
    }
    for (expression, wanted) in demands(&policy.json) {
        if let Some((term, left)) = left_by(expression, wanted) {
            take(&mut terms, term, left);
        }
    }
    let (term, _) = terms.iter().find(|(_, (only, rest))| is_empty(only.as_ref(), rest))?;
    never(
        format!("its conditions leave no value for `{term}`"),
        "conditions in one policy must all hold; write `||` or a set for either, or two policies",
    )
}

/// Narrows a term.
fn take(terms: &mut Terms, term: String, left: Left) {
    let (only, rest) = terms.entry(term).or_default();
    match (left, only) {
        (Left::Only(values), Some(known)) => known.retain(|one| values.contains(one)),
        (Left::Only(values), known @ None) => *known = Some(values),
        (other @ (Left::Without(_) | Left::Like(_)), _) => rest.push(other),
    }
}

/// Whether no value is left; without a list of values there are always more.
fn is_empty(only: Option<&BTreeSet<String>>, rest: &[Left]) -> bool {
    let fits = |value: &String| {
        rest.iter().all(|left| match left {
            Left::Only(values) => values.contains(value),
            Left::Without(values) => !values.contains(value),
            Left::Like(pattern) => {
                let text = serde_json::from_str::<String>(value).unwrap_or_default();
                is_like(&text, pattern)
            }
        })
    };
    only.is_some_and(|values| !values.iter().any(fits))
}

/// What one demand leaves of one term.
fn left_by(expression: &Value, wanted: bool) -> Option<(String, Left)> {
    let operands = |name: &str| {
        let operands = expression.get(name)?;
        Some((operands.get("left")?, operands.get("right")?))
    };
    let keep = |values: BTreeSet<String>, keep: bool| {
        if keep { Left::Only(values) } else { Left::Without(values) }
    };
    if let Some(term) = term(expression) {
        return Some((term, keep(BTreeSet::from(["true".to_owned()]), wanted)))
            .map(|(term, left)| (term, if wanted { left } else { only("false") }));
    }
    for (operator, equal) in [("==", true), ("!=", false)] {
        if let Some((left, right)) = operands(operator) {
            let (read, value) = match (term(left), literal(right)) {
                (Some(read), Some(value)) => (read, value),
                _ => (term(right)?, literal(left)?),
            };
            return Some((read, keep(BTreeSet::from([value.to_string()]), wanted == equal)));
        }
    }
    if let Some((set, element)) = operands("contains") {
        let members = set.get("Set")?.as_array()?.iter();
        let values = members.map(|one| literal(one).map(ToString::to_string));
        return Some((term(element)?, keep(values.collect::<Option<_>>()?, wanted)));
    }
    if let Some(like) = expression.get("like").filter(|_| wanted) {
        return Some((term(like.get("left")?)?, Left::Like(pattern_text(like.get("pattern")?)?)));
    }
    // Either of two demands on one term: what each leaves, together.
    let either = if wanted { "||" } else { "&&" };
    let (left, right) = operands(either)?;
    let (one, two) = (left_by(left, wanted)?, left_by(right, wanted)?);
    match (one, two) {
        ((term, Left::Only(mut values)), (other, Left::Only(more))) if term == other => {
            values.extend(more);
            Some((term, Left::Only(values)))
        }
        _ => None,
    }
}

/// This value alone.
fn only(value: &str) -> Left {
    Left::Only(BTreeSet::from([value.to_owned()]))
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
