//! Reading Cedar's JSON form of a policy: what it mentions, and its conditions taken apart.

use std::collections::BTreeSet;

use serde_json::Value;
use zonegate_engine::operation::Action;

/// What a policy mentions anywhere: scope and conditions.
#[derive(Clone, Debug, Default)]
pub(super) struct Mentions {
    /// Attributes of resource and context, such as `resource.zone`, `context.tls`.
    pub(super) attributes: BTreeSet<String>,
    /// The types of entities it names.
    pub(super) types: BTreeSet<String>,
    /// The variables of its conditions.
    pub(super) variables: BTreeSet<String>,
}

impl Mentions {
    /// What a policy mentions. The walk keeps its own stack.
    pub(super) fn of(policy: &Value) -> Mentions {
        let mut found = Mentions::default();
        let mut pending = vec![policy];
        while let Some(value) = pending.pop() {
            match value {
                Value::Object(object) => {
                    let text = |name: &str| object.get(name).and_then(Value::as_str);
                    if let (Some(kind), Some(_)) = (text("type"), text("id")) {
                        found.types.insert(kind.to_owned());
                    }
                    if let Some(variable) = text("Var") {
                        found.variables.insert(variable.to_owned());
                    }
                    for operator in [".", "has"] {
                        if let Some(term) = object.get(operator).and_then(path_of) {
                            found.attributes.insert(term);
                        }
                    }
                    pending.extend(object.values());
                }
                Value::Array(items) => pending.extend(items),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        found
    }

    /// Whether one of these attributes is read.
    pub(super) fn any(&self, attributes: &[&str]) -> bool {
        attributes.iter().any(|one| self.attributes.contains(*one))
    }

    /// Whether an entity of one of these types is named.
    pub(super) fn any_type(&self, types: &[&str]) -> bool {
        types.iter().any(|one| self.types.contains(*one))
    }
}

/// `resource.zone`, for the operands of an access to an attribute.
fn path_of(operands: &Value) -> Option<String> {
    let attribute = operands.get("attr")?.as_str()?;
    let variable = operands.get("left")?.get("Var")?.as_str()?;
    Some(format!("{variable}.{attribute}"))
}

/// `resource.zone`, for an expression that reads an attribute of a variable.
pub(super) fn term(expression: &Value) -> Option<String> {
    path_of(expression.get(".")?)
}

/// The literal that an expression is.
pub(super) fn literal(expression: &Value) -> Option<&Value> {
    expression.get("Value")
}

/// What a policy demands in a row: each expression, and whether it must be true.
///
/// `when { a && b } unless { c || d }` demands a, b, not c, not d.
pub(super) fn demands(policy: &Value) -> Vec<(&Value, bool)> {
    let conditions = policy.get("conditions").and_then(Value::as_array);
    let clauses = conditions.into_iter().flatten().filter_map(|condition| {
        let when = condition.get("kind").and_then(Value::as_str) == Some("when");
        Some((condition.get("body")?, when))
    });
    let mut pending: Vec<(&Value, bool)> = clauses.collect();
    pending.reverse();
    let mut demanded = Vec::new();
    while let Some((expression, wanted)) = pending.pop() {
        if let Some(inner) = expression.get("!").and_then(|not| not.get("arg")) {
            pending.push((inner, !wanted));
            continue;
        }
        let operator = if wanted { "&&" } else { "||" };
        let side = |name| expression.get(operator).and_then(|operands| operands.get(name));
        match (side("left"), side("right")) {
            (Some(left), Some(right)) => pending.extend([(right, wanted), (left, wanted)]),
            _ => demanded.push((expression, wanted)),
        }
    }
    demanded
}

/// The operator of a part of the scope: `All`, `==`, `in`, `is`.
pub(super) fn scope<'p>(policy: &'p Value, part: &str) -> &'p str {
    let operator = policy.get(part).and_then(|scope| scope.get("op"));
    operator.and_then(Value::as_str).unwrap_or("All")
}

/// The entity that a part of the scope names, as type and id.
pub(super) fn scope_entity<'p>(policy: &'p Value, part: &str) -> Option<(&'p str, &'p str)> {
    let scope = policy.get(part)?;
    let within = scope.get("in").and_then(|within| within.get("entity"));
    let entity = scope.get("entity").or(within)?;
    Some((entity.get("type")?.as_str()?, entity.get("id")?.as_str()?))
}

/// The actions that a policy's scope admits.
pub(super) fn actions(policy: &Value) -> Vec<Action> {
    if scope(policy, "action") == "All" {
        return Action::ALL.to_vec();
    }
    let id = |entity: &'_ Value| entity.get("id").and_then(Value::as_str).map(str::to_owned);
    let part = policy.get("action");
    let one = part.and_then(|action| action.get("entity")).into_iter();
    let many = part.and_then(|action| action.get("entities")).and_then(Value::as_array);
    let named: BTreeSet<String> = one.chain(many.into_iter().flatten()).filter_map(id).collect();
    let admits = |action: &Action| {
        named.contains(action.name()) || action.group().is_some_and(|group| named.contains(group))
    };
    Action::ALL.iter().copied().filter(admits).collect()
}
