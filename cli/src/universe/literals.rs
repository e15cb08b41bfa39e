//! What policies compare with: every literal that a decision can turn on.
//!
//! Between two literals that a policy compares an attribute with, nothing changes for it; so probes
//! made of the literals, and of something beside each, find most of what a policy can tell apart.

use std::collections::BTreeSet;

use serde_json::Value;
use zonegate_engine::policy::Holding;

/// What a `*` of a `like` pattern is filled with.
const WILDCARD_FILLS: [&str; 3] = ["", "x", "x.y"];

/// The literals of some policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Literals {
    /// Entities, as type and id: `("Zone", "example.com")`.
    pub(super) entities: BTreeSet<(String, String)>,
    /// Texts that an attribute is compared with, as attribute and text; the wildcards of `like`
    /// are filled.
    pub(super) texts: BTreeSet<(String, String)>,
    /// The arguments of `ip(...)`, `datetime(...)` and `duration(...)`, with the function's name.
    pub(super) calls: BTreeSet<(String, String)>,
    /// The tags of keys that are read.
    pub(super) tags: BTreeSet<String>,
    /// Numbers.
    pub(super) numbers: BTreeSet<i64>,
    /// The attributes of the context that are read; `*` where all of them may be.
    pub(super) context: BTreeSet<String>,
}

impl Literals {
    /// The literals of these policies.
    pub(super) fn of<'h>(holdings: impl Iterator<Item = &'h Holding>) -> Literals {
        let mut found = Literals::default();
        for holding in holdings {
            found.read(&holding.json);
        }
        found
    }

    /// The literals of one policy in Cedar's JSON form.
    pub(super) fn of_json(policy: &Value) -> Literals {
        let mut found = Literals::default();
        found.read(policy);
        found
    }

    /// The ids of the entities of a type.
    pub(super) fn ids<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.entities.iter().filter(move |(one, _)| one == kind).map(|(_, id)| id.as_str())
    }

    /// The texts that an attribute is compared with.
    pub(super) fn texts<'a>(&'a self, attribute: &'a str) -> impl Iterator<Item = &'a str> {
        let texts = self.texts.iter().filter(move |(one, _)| one == attribute);
        texts.map(|(_, text)| text.as_str())
    }

    /// The arguments of a function.
    pub(super) fn calls<'a>(&'a self, function: &'a str) -> impl Iterator<Item = &'a str> {
        let calls = self.calls.iter().filter(move |(one, _)| one == function);
        calls.map(|(_, text)| text.as_str())
    }

    /// Reads a policy; the walk keeps its own stack, so its depth does not depend on the policy's.
    fn read(&mut self, policy: &Value) {
        let mut pending = vec![policy];
        // How often the context is named beyond reading one attribute of it.
        let mut bare = 0i64;
        while let Some(value) = pending.pop() {
            match value {
                Value::Object(object) => {
                    let text = |name: &str| object.get(name).and_then(Value::as_str);
                    if let (Some(kind), Some(id)) = (text("type"), text("id")) {
                        self.entities.insert((kind.to_owned(), id.to_owned()));
                    }
                    for operator in ["==", "!=", "contains"] {
                        if let Some(operands) = object.get(operator) {
                            self.compared(operands);
                        }
                    }
                    if text("Var") == Some("context") {
                        bare += 1;
                    }
                    for read in [".", "has"].iter().filter_map(|access| object.get(*access)) {
                        let of = read.get("left").and_then(|left| left.get("Var"));
                        if of.and_then(Value::as_str) == Some("context") {
                            bare -= 1;
                            let attribute = read.get("attr").and_then(Value::as_str);
                            self.context.insert(attribute.unwrap_or("*").to_owned());
                        }
                    }
                    let tag = object.get("getTag").and_then(|operands| operands.get("right"));
                    if let Some(tag) = tag.and_then(|tag| tag.get("Value")).and_then(Value::as_str)
                    {
                        self.tags.insert(tag.to_owned());
                    }
                    if let Some(operands) = object.get("like") {
                        self.liked(operands);
                    }
                    for function in ["ip", "datetime", "duration"] {
                        let argument = object.get(function).and_then(|list| list.get(0));
                        let literal = argument.and_then(|one| one.get("Value"));
                        if let Some(text) = literal.and_then(Value::as_str) {
                            self.calls.insert((function.to_owned(), text.to_owned()));
                        }
                    }
                    if let Some(number) = object.get("Value").and_then(Value::as_i64) {
                        self.numbers.insert(number);
                    }
                    pending.extend(object.values());
                }
                Value::Array(items) => pending.extend(items),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        if bare > 0 {
            self.context.insert("*".to_owned());
        }
    }

    /// Notes the texts that an attribute is compared with, in either order.
    fn compared(&mut self, operands: &Value) {
        let (Some(left), Some(right)) = (operands.get("left"), operands.get("right")) else {
            return;
        };
        for (side, other) in [(left, right), (right, left)] {
            let Some(attribute) = attribute(side) else { continue };
            let members = other.get("Set").and_then(Value::as_array);
            let literals = members.into_iter().flatten().chain([other]);
            for text in literals.filter_map(|one| one.get("Value").and_then(Value::as_str)) {
                self.texts.insert((attribute.to_owned(), text.to_owned()));
            }
        }
    }

    /// Notes what a `like` pattern matches, by filling its wildcards.
    fn liked(&mut self, operands: &Value) {
        let Some(attribute) = operands.get("left").and_then(attribute) else { return };
        let parts = operands.get("pattern").and_then(Value::as_array);
        for fill in WILDCARD_FILLS {
            let filled = parts
                .into_iter()
                .flatten()
                .map(|part| part.get("Literal").and_then(Value::as_str).unwrap_or(fill));
            self.texts.insert((attribute.to_owned(), filled.collect()));
        }
    }
}

/// The attribute or tag that an expression reads, by its last name.
fn attribute(expression: &Value) -> Option<&str> {
    if let Some(access) = expression.get(".") {
        return access.get("attr").and_then(Value::as_str);
    }
    let tag = expression.get("getTag")?.get("right")?;
    tag.get("Value").and_then(Value::as_str)
}
