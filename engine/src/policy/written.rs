//! Policies and templates as they are written, for tools that judge the text and not a decision.

use serde_json::Value;

use super::clause::UNASKED;
use super::load::Loaded;
use super::packed::Authored;
use super::{Asking, Entry, Policies, entities};
use crate::key::Key;
use crate::operation::Operation;
use crate::pattern::Patterns;
use crate::policy::Held;
use crate::problem::Problem;

/// A policy or template as its author wrote it.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its `@id`.
    pub id: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins at.
    pub line: usize,
    /// Whether it forbids.
    pub forbids: bool,
    /// For a template, the field of a grant that `?resource` stands for; empty where there is none.
    pub template: Option<&'static str>,
    /// The names of the grants that a template belongs to.
    pub grants: Vec<String>,
    /// Its `@allow_lint`, as [`allows`] reads it.
    pub allow: String,
    /// Cedar's JSON form; a template's has slots.
    pub json: Value,
}

impl Written {
    /// What was written, with what was read from it.
    fn of(authored: &Authored, json: Value) -> Written {
        Written {
            id: authored.id.clone(),
            file: authored.file.clone(),
            line: authored.line,
            forbids: json.get("effect").and_then(Value::as_str) == Some("forbid"),
            template: None,
            grants: Vec::new(),
            allow: authored.allow.clone(),
            json,
        }
    }
}

/// One lint that is allowed in place: its name, and the reason.
pub type Allow<'a> = (&'a str, &'a str);

/// Reads an `@allow_lint`: `name: reason`, several separated by `;`; an error is a sentence.
pub fn allows<'a>(text: &'a str) -> Result<Vec<Allow<'a>>, String> {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    let allow = |part: &'a str| {
        let (name, reason) = part.split_once(':').unwrap_or((part, ""));
        let (name, reason) = (name.trim(), reason.trim());
        let whole = !name.is_empty() && !reason.is_empty();
        whole.then_some((name, reason)).ok_or_else(|| format!("`{part}` gives no reason"))
    };
    parts.map(allow).collect()
}

/// The `@allow_lint`s that cannot be read.
pub(super) fn allow_problems(loaded: &Loaded) -> Vec<Problem> {
    let policies = loaded.policies.iter().map(|(_, authored)| authored);
    let templates = loaded.templates.iter().map(|template| &template.authored);
    let unread = policies.chain(templates).filter_map(|authored| {
        let error = allows(&authored.allow).err()?;
        let message = format!("`@allow_lint` of `{}`: {error}", authored.id);
        let help = "write @allow_lint(\"lint-name: why it is right here\"); `;` separates several";
        Some(Problem::new(&authored.file, message).at(authored.line).help(help))
    });
    unread.collect()
}

impl Policies {
    /// Every policy and template, in the order of their files.
    pub fn written(&self) -> Vec<Written> {
        let json = |entry: &Entry| entry.policy().and_then(|policy| policy.to_json().ok());
        let policies = self
            .entries
            .iter()
            .map(|entry| Written::of(&entry.authored, json(entry).unwrap_or_default()));
        let templates = self.templates.iter().map(|template| Written {
            template: Some(template.slots.binds.field()),
            grants: template.slots.grants.clone(),
            ..Written::of(&template.authored, template.json().cloned().unwrap_or_default())
        });
        let mut all: Vec<Written> = policies.chain(templates).collect();
        all.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        all
    }

    /// A key as Cedar sees it, in Cedar's JSON form of an entity.
    pub fn key_entity(&self, key: &Key) -> Option<Value> {
        entities::key_entity(&self.types, key)?.to_json_value().ok()
    }

    /// Whether the policy with this id, or some link of the template with it, matches an operation.
    pub fn matches(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
        id: &str,
    ) -> bool {
        let own = asking.subject.entries().into_iter().filter(|entry| entry.authored.id == id);
        let admits = own.filter(|entry| {
            entry.scope.admits_action(operation.action)
                && entry.scope.admits_resource(operation, &asking.account)
        });
        // A policy that cannot be evaluated denies: it has its effect.
        { admits }.any(|entry| match self.held(patterns, asking, operation, entry) {
            Held::Yes => true,
            Held::Failed(error) => error != UNASKED,
            Held::No | Held::NotReached => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allow_has_a_name_and_a_reason() {
        assert_eq!(allows(""), Ok(vec![]));
        assert_eq!(allows("a: b c"), Ok(vec![("a", "b c")]));
        assert_eq!(allows("a: b; c-d: e: f;"), Ok(vec![("a", "b"), ("c-d", "e: f")]));
        for text in ["a", "a:", ": b", "a: b; c"] {
            assert!(allows(text).is_err(), "{text}");
        }
    }
}
