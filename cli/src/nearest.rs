//! Suggestions for what is misspelt in arguments, tables and manifests.

use zonegate_engine::problem::{Problem, nearest};

/// `; did you mean `x`?`, for the end of a sentence; nothing where nothing is near.
pub(crate) fn hint<'a>(found: &str, right: impl Iterator<Item = &'a str> + Clone) -> String {
    let near = nearest(found, right);
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// The problem of an unknown field, with the nearest field as its help.
///
/// A deserialiser says "unknown field `x`, expected one of `a`, `b`" and leaves the rest to us.
pub(crate) fn with_field(problem: Problem) -> Problem {
    let Some((found, right)) = problem.message.split_once(", expected ") else { return problem };
    if !found.starts_with("unknown field `") && !found.starts_with("unknown variant `") {
        return problem;
    }
    let quoted = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    let right: Vec<String> = right.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let near = nearest(&quoted(found), right.iter().map(String::as_str));
    match near.map(|near| format!("did you mean `{near}`?")) {
        Some(near) => {
            let rest = problem.help.clone().map(|help| format!(" ({help})")).unwrap_or_default();
            problem.help(format!("{near}{rest}"))
        }
        None => problem,
    }
}
