//! `like` patterns that match more than their author thinks.
//!
//! Cedar's `like` has one wildcard, `*`, for any text, dots included. Who thinks of file names or
//! of certificates reads `*.example.com` as one label, and `*example.com` as names below it.

use serde_json::Value;
use zonegate_engine::operation::Action;
use zonegate_engine::policy::Written;
use zonegate_engine::problem::Problem;

use super::about;
use super::expression::{Mentions, actions, term};

/// What stands for `*` among the literal characters of a pattern.
const ANYTHING: char = '\0';

/// Every warning about the patterns of a policy.
pub(super) fn warnings(policy: &Written) -> Vec<Problem> {
    let mentions = Mentions::of(&policy.json);
    // Who also asks for the depth or the first label has thought of the dots.
    let counted = mentions.any(&["resource.depth", "resource.leftmost"]);
    let writes = [Action::RecordCreate, Action::RecordDelete];
    let owns = !policy.forbids
        && actions(&policy.json).iter().any(|action| writes.contains(action))
        && !mentions.any(&["resource.wildcard"]);
    // What an `unless` matches besides, a permit does not give.
    let given = patterns(&whens(&policy.json));
    let mut found = Vec::new();
    for (attribute, pattern) in patterns(&policy.json) {
        let owns = owns && given.contains(&(attribute.clone(), pattern.clone()));
        let shown = pattern.replace(ANYTHING, "*");
        let what = format!("`\"{shown}\"` of `{}`", policy.id);
        let mut warn = |lint, message: String, help: &str| {
            found.push(about(policy, lint, format!("{what} {message}"), help));
        };
        if let Some(message) = no_dot(&attribute, &pattern) {
            warn(
                "like-without-dot",
                message,
                "write a dot behind the `*`; name the zone itself with `==` beside it, or use `resource in Domain::\"...\"`, which is both",
            );
        }
        if let Some(message) = open_end(&attribute, &pattern) {
            warn(
                "like-open-end",
                message,
                "write the end of the name too, or use `resource.leftmost`, `resource.relative` or a pattern of patterns.toml",
            );
        }
        if let Some(message) = over_dots(&attribute, &pattern).filter(|_| !counted) {
            warn(
                "like-over-dots",
                message,
                "compare `resource.leftmost`, ask for `resource.depth` besides, or use a pattern of patterns.toml",
            );
        }
        if let Some(message) = wildcard(&attribute, &pattern).filter(|_| owns) {
            warn(
                "like-wildcard-record",
                message,
                "add `&& !resource.wildcard`; writing there asks for `record.wildcard` besides",
            );
        }
    }
    found
}

/// The `when` conditions of a policy.
fn whens(policy: &Value) -> Value {
    let all = policy.get("conditions").and_then(Value::as_array);
    let when = |one: &&Value| one.get("kind").and_then(Value::as_str) == Some("when");
    all.into_iter().flatten().filter(when).cloned().collect()
}

/// A pattern for an end of a name that does not begin at a label.
fn no_dot(attribute: &str, pattern: &str) -> Option<String> {
    let end = pattern.strip_prefix(ANYTHING).filter(|end| !end.contains(ANYTHING))?;
    let plain = matches!(attribute, "zone" | "name") && !end.is_empty() && !end.starts_with('.');
    plain.then(|| format!("also matches `evil{end}`, which is not below `{end}`"))
}

/// A pattern whose end is open, so that anybody's name can follow.
fn open_end(attribute: &str, pattern: &str) -> Option<String> {
    let begin = pattern.strip_suffix(ANYTHING)?;
    if !matches!(attribute, "zone" | "name") {
        return None;
    }
    let begin = begin.replace(ANYTHING, "");
    let begin = begin.trim_end_matches('.');
    Some(if begin.is_empty() {
        format!("matches every {attribute}")
    } else {
        format!("also matches `{begin}.somebody-else.example`")
    })
}

/// A pattern with a wildcard inside, which is more than one label.
fn over_dots(attribute: &str, pattern: &str) -> Option<String> {
    let inner = pattern.strip_prefix(ANYTHING).unwrap_or(pattern);
    let of_name = matches!(attribute, "zone" | "name");
    // The open end of a whole name has a lint of its own; within a zone it is only more labels.
    let inner = if of_name { inner.strip_suffix(ANYTHING).unwrap_or(inner) } else { inner };
    let crosses = matches!(attribute, "zone" | "name" | "relative") && inner.contains(ANYTHING);
    crosses.then(|| {
        let filled = pattern.replace(ANYTHING, "a.b");
        format!("also matches `{filled}`: `*` goes over dots")
    })
}

/// A pattern that matches a wildcard record in a policy that permits to write.
fn wildcard(attribute: &str, pattern: &str) -> Option<String> {
    let rest = pattern.strip_prefix(ANYTHING)?;
    let owner = matches!(attribute, "name" | "relative" | "leftmost");
    let begins = rest.is_empty() || rest.starts_with('.') || rest.starts_with(ANYTHING);
    let shown = rest.replace(ANYTHING, "a");
    (owner && begins).then(|| format!("also matches the wildcard record `*{shown}`"))
}

/// Every `like` on an attribute of the resource: the attribute, and the pattern with
/// [`ANYTHING`] for its wildcards. The walk keeps its own stack.
pub(super) fn patterns(policy: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut pending = vec![policy];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(object) => {
                if let Some(operands) = object.get("like")
                    && let Some(term) = operands.get("left").and_then(term)
                    && let Some(attribute) = term.strip_prefix("resource.")
                    && let Some(pattern) = operands.get("pattern").and_then(pattern_text)
                {
                    found.push((attribute.to_owned(), pattern));
                }
                pending.extend(object.values());
            }
            Value::Array(items) => pending.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The text of a pattern in Cedar's JSON form.
pub(super) fn pattern_text(parts: &Value) -> Option<String> {
    let literal = |part: &'_ Value| {
        let text = part.get("Literal").and_then(Value::as_str);
        text.map_or_else(|| ANYTHING.to_string(), str::to_owned)
    };
    Some(parts.as_array()?.iter().map(literal).collect())
}

/// Whether a text matches a pattern with [`ANYTHING`] for its wildcards.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pattern with `*` as the wildcard.
    fn pattern(text: &str) -> String {
        text.replace('*', "\0")
    }

    #[test]
    fn what_a_pattern_matches_besides() {
        let said = |attribute: &str, text: &str| {
            let pattern = pattern(text);
            let all = [
                no_dot(attribute, &pattern).map(|_| "no-dot"),
                open_end(attribute, &pattern).map(|_| "open-end"),
                over_dots(attribute, &pattern).map(|_| "over-dots"),
                wildcard(attribute, &pattern).map(|_| "wildcard"),
            ];
            all.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        for (attribute, text, expected) in [
            ("zone", "*example.com", "no-dot"),
            ("zone", "*.example.com", ""),
            ("zone", "*.nl", ""),
            ("zone", "*prod*", "open-end"),
            ("zone", "example.*", "open-end"),
            ("zone", "*", "open-end"),
            ("name", "*.example.com", "wildcard"),
            ("name", "*example.com", "no-dot"),
            ("name", "pr-*.preview.example.com", "over-dots"),
            ("name", "*", "open-end wildcard"),
            ("relative", "pr-*", "over-dots"),
            ("relative", "*.preview", "wildcard"),
            ("leftmost", "pr-*", ""),
            ("leftmost", "*", "wildcard"),
            ("value", "*", ""),
        ] {
            assert_eq!(said(attribute, text), expected, "{attribute} like {text}");
        }
    }

    #[test]
    fn likeness_is_as_cedar_sees_it() {
        for (text, like, expected) in [
            ("abc", "abc", true),
            ("abc", "ab", false),
            ("abc", "a*", true),
            ("abc", "*c", true),
            ("abc", "*b*", true),
            ("abc", "a*c", true),
            ("ac", "a*c", true),
            ("aba", "a*b", false),
            ("aa", "a*a*a", false),
            ("", "*", true),
        ] {
            assert_eq!(is_like(text, &pattern(like)), expected, "{text} like {like}");
        }
    }
}
