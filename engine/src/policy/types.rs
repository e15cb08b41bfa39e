//! Which record types a policy can match at all.
//!
//! Guardrails hold for everybody and every name, so no scope spares their evaluation; but most of
//! them begin by asking for a record type, and most requests are about another one.
//!
//! INVARIANT: only what is evaluated *first* counts. Cedar evaluates conditions in their order and
//! `&&` and `||` from the left; if the first comparison with the type already makes a condition
//! false, nothing behind it is evaluated, and so nothing behind it could have failed.
//! `engine/tests/index.rs` compares decisions, reasons and errors with evaluating everything.

use serde_json::Value;

/// The record types that a policy's first condition admits; `None` for all of them.
pub(super) fn admitted(policy: &Value) -> Option<Vec<String>> {
    let first = policy.get("conditions")?.get(0)?;
    if first.get("kind")?.as_str()? != "when" {
        return None;
    }
    of(first.get("body")?)
}

/// The types that an expression needs to be true; `None` where it does not begin with the type.
///
/// Its recursion is as deep as the policy's brackets and operators, which are bounded by
/// [`super::depth`].
fn of(expression: &Value) -> Option<Vec<String>> {
    let sides = |operator: &str| {
        let operands = expression.get(operator)?;
        Some((operands.get("left")?, operands.get("right")?))
    };
    if let Some((left, right)) = sides("==") {
        let literal = match (is_type(left), is_type(right)) {
            (true, false) => right,
            (false, true) => left,
            _ => return None,
        };
        return Some(vec![literal_type(literal)?]);
    }
    if let Some((left, right)) = sides("contains") {
        let members = left.get("Set")?.as_array()?;
        return is_type(right).then(|| members.iter().map(literal_type).collect())?;
    }
    if let Some((left, _)) = sides("&&") {
        return of(left);
    }
    let (left, right) = sides("||")?;
    let mut types = of(left)?;
    types.extend(of(right)?);
    Some(types)
}

/// Whether an expression is `resource.type`.
fn is_type(expression: &Value) -> bool {
    let Some(access) = expression.get(".") else { return false };
    let resource = access.get("left").and_then(|left| left.get("Var")).and_then(Value::as_str);
    resource == Some("resource") && access.get("attr").and_then(Value::as_str) == Some("type")
}

/// The name of a literal record type.
fn literal_type(expression: &Value) -> Option<String> {
    let entity = expression.get("Value")?.get("__entity")?;
    if entity.get("type")?.as_str()? != "RecordType" {
        return None;
    }
    Some(entity.get("id")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    /// The types of a policy with these conditions.
    fn types(conditions: &str) -> Option<String> {
        let text = format!("forbid (principal, action, resource) {conditions};");
        let policy = cedar_policy::Policy::from_str(&text).unwrap();
        admitted(&policy.to_json().unwrap()).map(|types| types.join(" "))
    }

    #[test]
    fn what_is_evaluated_first_counts() {
        for (conditions, expected) in [
            ("when { resource.type == RecordType::\"NS\" }", Some("NS")),
            ("when { RecordType::\"NS\" == resource.type && resource.apex }", Some("NS")),
            (
                "when { [RecordType::\"A\", RecordType::\"AAAA\"].contains(resource.type) }",
                Some("A AAAA"),
            ),
            (
                "when { resource.type == RecordType::\"A\" || (resource.type == RecordType::\"NS\" && 1 + 1 == 2) }",
                Some("A NS"),
            ),
            ("when { resource.apex && resource.type == RecordType::\"NS\" }", None),
            ("when { resource.type == RecordType::\"A\" || resource.apex }", None),
            ("when { resource.type != RecordType::\"A\" }", None),
            ("when { !(resource.type == RecordType::\"A\") }", None),
            ("unless { resource.type == RecordType::\"A\" }", None),
            ("when { resource.apex } when { resource.type == RecordType::\"A\" }", None),
            ("when { principal.type == RecordType::\"A\" }", None),
            ("", None),
        ] {
            assert_eq!(types(conditions).as_deref(), expected, "{conditions}");
        }
    }
}
