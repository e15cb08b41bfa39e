//! A policy as a bundle has it: what the index and the candidates ask of it, worked out when it was
//! packed, and its text, which stays packed until the policy is first a candidate.
//!
//! A worker meets a few of a bundle's thousands of policies, and parsing one takes a tenth of a
//! millisecond and ten kilobytes. So loading reads the facts below and no Cedar at all.

use serde::{Deserialize, Serialize};

use super::facts::{Attribute, Mentions};
use super::scope::Scope;
use crate::operation::Action;

/// A policy or template as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Authored {
    /// Its `@id`.
    pub(super) id: String,
    /// Its `@doc`, a sentence on whom it is for.
    pub(super) doc: String,
    /// The file it stands in.
    pub(super) file: String,
    /// The line it begins at.
    pub(super) line: usize,
    /// Its `@allow_lint`: the warnings that its author allows.
    pub(super) allow: String,
    /// What it mentions.
    pub(super) mentions: Mentions,
}

/// What a template's `?resource` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Binds {
    /// `@binds("zone")`: the grant's zone.
    Zone,
    /// `@binds("domain")`: the grant's domain.
    Domain,
    /// `@binds("name")`: the grant's owner name.
    Name,
    /// No `?resource` at all.
    Nothing,
}

#[cfg(feature = "explain")]
impl Binds {
    /// The field of a grant; empty where there is none.
    #[cfg(feature = "author")]
    pub(super) const fn field(self) -> &'static str {
        match self {
            Binds::Zone => "zone",
            Binds::Domain => "domain",
            Binds::Name => "name",
            Binds::Nothing => "",
        }
    }

    /// The type of what takes the slot's place.
    pub(super) const fn slot(self) -> Option<&'static str> {
        match self {
            Binds::Zone => Some("Zone"),
            Binds::Domain => Some("Domain"),
            Binds::Name => Some("Name"),
            Binds::Nothing => None,
        }
    }
}

/// What makes a policy a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slots {
    /// The grant names it belongs to.
    pub(super) grants: Vec<String>,
    /// What its resource slot stands for.
    pub(super) binds: Binds,
}

/// A policy or template without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Packed {
    /// What its author wrote.
    pub(super) authored: Authored,
    /// Whether it is a permit.
    pub(super) permits: bool,
    /// Where it can match; a template's, with stand-ins for what its slots will be.
    pub(super) scope: Scope,
    /// What makes it a template, if it is one.
    pub(super) slots: Option<Slots>,
}

/// The names that numbers in [`Packed`] stand for: an engine that has others must not read it.
///
/// SECURITY: groups are among them. The bits of a scope say which actions a group had when it was
/// packed, so an engine that puts one more into `write` would not see a `forbid` on `write` for it
/// (test `the_vocabulary_has_all_that_numbers_stand_for`).
pub(crate) fn vocabulary() -> String {
    let group = |action: &Action| action.group().unwrap_or_default();
    let actions = Action::ALL.iter().map(|action| format!("{}:{}", action.name(), group(action)));
    let attributes = Attribute::ALL.iter().map(|attribute| attribute.name().to_owned());
    actions.chain(attributes).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vocabulary_has_all_that_numbers_stand_for() {
        let all = vocabulary();
        for word in ["zone.list:read", "record.create:write", "record.wildcard:", "type_number"] {
            assert!(all.split(' ').any(|one| one == word), "{word}: {all}");
        }
    }
}
