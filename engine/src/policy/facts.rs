//! What a policy mentions, read from its JSON form.
//!
//! Three questions are answered once, when a bundle is packed: which attributes of a resource does it read (only
//! those are made for a request, and values that a request replaces unseen must be looked up if
//! they are among them), which named patterns does it ask for (only those are evaluated), and
//! which entities does it name (each must be in canonical form, or it could never match).

use serde::{Deserialize, Serialize};
#[cfg(feature = "explain")]
use serde_json::Value;

/// Declares [`Attribute`] with the names that the schema gives them.
macro_rules! attributes {
    ($($variant:ident = $name:literal,)*) => {
        /// An attribute of a zone or a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(super) enum Attribute { $(#[doc = concat!("`", $name, "`")] $variant,)* }

        impl Attribute {
            /// Every attribute.
            pub(super) const ALL: &'static [Attribute] = &[$(Attribute::$variant,)*];

            /// The name in policies.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Attribute::$variant => $name,)* }
            }
        }
    };
}

attributes! {
    Zone = "zone",
    Provider = "provider",
    Account = "account",
    Metadata = "metadata",
    Name = "name",
    Relative = "relative",
    Leftmost = "leftmost",
    Depth = "depth",
    Apex = "apex",
    Wildcard = "wildcard",
    Type = "type",
    TypeNumber = "type_number",
    Value = "value",
    Address = "address",
}

/// A set of attributes: those that some policies read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reads(u32);

impl Reads {
    /// All of them.
    pub(super) const ALL: Reads = Reads(u32::MAX);

    /// Whether an attribute is read.
    pub(super) const fn has(self, attribute: Attribute) -> bool {
        self.0 & (1 << attribute as u32) != 0
    }

    /// Whether something is read that two records of one zone and type may differ in.
    pub(super) const fn has_own(self) -> bool {
        let shared = 1 << Attribute::Zone as u32
            | 1 << Attribute::Provider as u32
            | 1 << Attribute::Account as u32
            | 1 << Attribute::Type as u32
            | 1 << Attribute::TypeNumber as u32;
        self.0 & !shared != 0
    }

    /// Whether a record's value is read, in whichever form.
    pub(super) const fn has_value(self) -> bool {
        self.has(Attribute::Value) || self.has(Attribute::Address)
    }

    /// The attributes of either.
    #[must_use]
    pub(super) const fn and(self, other: Reads) -> Reads {
        Reads(self.0 | other.0)
    }

    /// Adds the attribute of this name, if it is one of a resource.
    ///
    /// INVARIANT: a name that also belongs to a key or the context is added all the same, because
    /// too many attributes change nothing and one too few would.
    #[cfg(feature = "author")]
    fn add(&mut self, name: &str) {
        if let Some(found) = Attribute::ALL.iter().find(|attribute| attribute.name() == name) {
            self.0 |= 1 << *found as u32;
        }
    }
}

/// What one policy mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mentions {
    /// The attributes it reads.
    pub(super) reads: Reads,
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
#[cfg(feature = "author")]
pub(super) fn mentions(policy: &Value) -> Mentions {
    let mut found = Mentions::default();
    let mut pending = vec![policy];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(object) => {
                let text = |name: &str| object.get(name).and_then(Value::as_str);
                if let Some(name) = text("attr") {
                    found.reads.add(name);
                }
                // `resource has a.b` in its other form: an array of names.
                if let Some(Value::Array(names)) = object.get("attr") {
                    for name in names.iter().filter_map(Value::as_str) {
                        found.reads.add(name);
                    }
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
#[cfg(feature = "author")]
pub(super) fn has_slot(policy: &Value, slot: &str) -> bool {
    ["principal", "resource"].iter().any(|scope| {
        let scope = policy.get(scope);
        let own = scope.and_then(|scope| scope.get("slot"));
        let within = scope.and_then(|scope| scope.get("in")).and_then(|within| within.get("slot"));
        own.or(within).and_then(Value::as_str) == Some(slot)
    })
}

/// The JSON of a template's link, for tools: its slots replaced by entities, given as type and id.
#[cfg(feature = "explain")]
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
