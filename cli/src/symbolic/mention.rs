//! What the policies and conditions of a question speak about.
//!
//! Only what is mentioned needs facts: that a record's depth is never negative matters where
//! somebody compares depths, and the names below a zone where somebody names the zone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The parts of a `like` pattern: literal text, and `None` for each wildcard.
pub(crate) type Like = Vec<Option<String>>;

/// Attributes and literals that are mentioned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mentions {
    /// Attributes that are read.
    attributes: BTreeSet<String>,
    /// Keys of tags that are asked for by literals.
    tags: BTreeSet<String>,
    /// The ids of entities, by type.
    entities: BTreeMap<String, BTreeSet<String>>,
    /// Texts, by the attribute that is compared with them.
    texts: BTreeMap<String, BTreeSet<String>>,
    /// `like` patterns, by attribute.
    likes: BTreeMap<String, BTreeSet<Like>>,
}

impl Mentions {
    /// What one policy in Cedar's JSON form mentions.
    pub(crate) fn of(policy: &Value) -> Mentions {
        let mut found = Mentions::default();
        // The walk keeps its own stack: its depth does not depend on the policy's.
        let mut pending = vec![policy];
        while let Some(value) = pending.pop() {
            match value {
                Value::Object(object) => {
                    found.read(object);
                    pending.extend(object.values());
                }
                Value::Array(items) => pending.extend(items),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        found
    }

    /// Adds what somebody else mentions.
    pub(crate) fn add(&mut self, other: &Mentions) {
        self.attributes.extend(other.attributes.iter().cloned());
        self.tags.extend(other.tags.iter().cloned());
        for (kind, ids) in &other.entities {
            self.entities.entry(kind.clone()).or_default().extend(ids.iter().cloned());
        }
        for (attribute, texts) in &other.texts {
            self.texts.entry(attribute.clone()).or_default().extend(texts.iter().cloned());
        }
        for (attribute, likes) in &other.likes {
            self.likes.entry(attribute.clone()).or_default().extend(likes.iter().cloned());
        }
    }

    /// The ids of the entities of a type.
    pub(crate) fn ids(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.entities.get(kind).into_iter().flatten().map(String::as_str)
    }

    /// The texts that an attribute is compared with.
    pub(crate) fn texts(&self, attribute: &str) -> impl Iterator<Item = &str> {
        self.texts.get(attribute).into_iter().flatten().map(String::as_str)
    }

    /// The `like` patterns that an attribute is held against.
    pub(crate) fn likes(&self, attribute: &str) -> impl Iterator<Item = &Like> {
        self.likes.get(attribute).into_iter().flatten()
    }

    /// The tags that are asked for.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(String::as_str)
    }

    /// Whether an attribute is read.
    pub(crate) fn reads(&self, attribute: &str) -> bool {
        self.attributes.contains(attribute)
    }

    /// Reads one node.
    fn read(&mut self, object: &serde_json::Map<String, Value>) {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        if let (Some(kind), Some(id)) = (text("type"), text("id")) {
            self.entities.entry(kind.to_owned()).or_default().insert(id.to_owned());
        }
        match object.get("attr") {
            Some(Value::String(name)) => {
                self.attributes.insert(name.clone());
            }
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str);
                self.attributes.extend(names.map(str::to_owned));
            }
            _ => {}
        }
        for operator in ["==", "!=", "contains"] {
            let Some(operands) = object.get(operator) else { continue };
            let sides = (operands.get("left"), operands.get("right"));
            let (Some(left), Some(right)) = sides else { continue };
            self.compared(left, right);
            self.compared(right, left);
        }
        if let Some(operands) = object.get("like") {
            self.liked(operands);
        }
        for operator in ["hasTag", "getTag"] {
            let tag = object.get(operator).and_then(|operands| operands.get("right"));
            let tag = tag.and_then(|one| one.get("Value")).and_then(Value::as_str);
            self.tags.extend(tag.map(str::to_owned));
        }
    }

    /// Notes the texts that an attribute is compared with.
    fn compared(&mut self, side: &Value, other: &Value) {
        let Some(attribute) = attribute(side) else { return };
        let members = other.get("Set").and_then(Value::as_array);
        let literals = members.into_iter().flatten().chain([other]);
        let texts = literals.filter_map(|one| one.get("Value").and_then(Value::as_str));
        let all = self.texts.entry(attribute.to_owned()).or_default();
        all.extend(texts.map(str::to_owned));
    }

    /// Notes a `like` pattern; literals that stand beside each other are one.
    fn liked(&mut self, operands: &Value) {
        let Some(attribute) = operands.get("left").and_then(attribute) else { return };
        let mut pattern = Like::new();
        for part in operands.get("pattern").and_then(Value::as_array).into_iter().flatten() {
            match (part.get("Literal").and_then(Value::as_str), pattern.last_mut()) {
                (Some(text), Some(Some(before))) => before.push_str(text),
                (Some(text), _) => pattern.push(Some(text.to_owned())),
                (None, _) => pattern.push(None),
            }
        }
        self.likes.entry(attribute.to_owned()).or_default().insert(pattern);
    }
}

/// The attribute that an expression reads, by its last name.
fn attribute(expression: &Value) -> Option<&str> {
    expression.get(".")?.get("attr")?.as_str()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    #[test]
    fn what_a_policy_mentions_is_found() {
        let text = r#"permit (principal in Role::"r", action, resource in Zone::"example.com")
            when { resource.name like "a*.b" && ["x", "y"].contains(resource.leftmost) }
            unless { principal.getTag("t") == "z" || resource has metadata };"#;
        let policy = cedar_policy::Policy::from_str(text).unwrap().to_json().unwrap();
        let found = Mentions::of(&policy);
        assert_eq!(found.ids("Zone").collect::<Vec<_>>(), ["example.com"]);
        assert_eq!(found.ids("Role").collect::<Vec<_>>(), ["r"]);
        assert_eq!(found.texts("leftmost").collect::<Vec<_>>(), ["x", "y"]);
        let likes: Vec<_> = found.likes("name").collect();
        assert_eq!(likes, [&vec![Some("a".to_owned()), None, Some(".b".to_owned())]]);
        assert_eq!(found.tags().collect::<Vec<_>>(), ["t"]);
        assert!(found.reads("metadata") && !found.reads("zone"));
    }
}
