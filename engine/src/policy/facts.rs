//! What a policy mentions, read from its JSON form.
//!
//! Three questions are answered once, at load: does it read a record's value (then values that a
//! request replaces unseen must be looked up), which named patterns does it ask for (only those
//! are evaluated), and which entities does it name (each must be in canonical form, or it could
//! never match).

use serde_json::Value;

/// What one policy mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mentions {
    /// Whether it reads `value` or `address` of anything.
    pub(super) values: bool,
    /// Every entity it names, as type and id.
    pub(super) entities: Vec<(String, String)>,
}

impl Mentions {
    /// The ids of the named entities of one type.
    pub(super) fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.entities.iter().filter(move |(one, _)| one == kind).map(|(_, id)| id.as_str())
    }
}

/// Reads what a policy mentions.
///
/// The walk keeps its own stack: its depth does not depend on the policy's.
pub(super) fn mentions(policy: &Value) -> Mentions {
    let mut found = Mentions::default();
    let mut pending = vec![policy];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(object) => {
                let text = |name: &str| object.get(name).and_then(Value::as_str);
                if matches!(text("attr"), Some("value" | "address")) {
                    found.values = true;
                }
                // `resource has {value}` in its other form: an array of names.
                if let Some(Value::Array(names)) = object.get("attr") {
                    found.values |=
                        names.iter().any(|name| matches!(name.as_str(), Some("value" | "address")));
                }
                if let (Some(kind), Some(id)) = (text("type"), text("id")) {
                    found.entities.push((kind.to_owned(), id.to_owned()));
                }
                pending.extend(object.values());
            }
            Value::Array(items) => pending.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

/// Whether a template has this slot.
pub(super) fn has_slot(policy: &Value, slot: &str) -> bool {
    ["principal", "resource"].iter().any(|scope| {
        let scope = policy.get(scope);
        let own = scope.and_then(|scope| scope.get("slot"));
        let within = scope.and_then(|scope| scope.get("in")).and_then(|within| within.get("slot"));
        own.or(within).and_then(Value::as_str) == Some(slot)
    })
}

/// The JSON of a template's link: its slots replaced by entities, given as type and id.
pub(super) fn link(
    template: &Value,
    principal: (&str, &str),
    resource: Option<(&str, &str)>,
) -> Value {
    let mut policy = template.clone();
    let resource = resource.map(|resource| ("resource", resource));
    for (scope, (kind, id)) in [Some(("principal", principal)), resource].into_iter().flatten() {
        let Some(scope) = policy.get_mut(scope).and_then(Value::as_object_mut) else { continue };
        let entity = serde_json::json!({ "type": kind, "id": id });
        if scope.remove("slot").is_some() {
            scope.insert("entity".to_owned(), entity);
        } else if let Some(within) = scope.get_mut("in").and_then(Value::as_object_mut)
            && within.remove("slot").is_some()
        {
            within.insert("entity".to_owned(), entity);
        }
    }
    policy
}
