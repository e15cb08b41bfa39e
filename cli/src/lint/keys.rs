//! Keys that get nothing, keys that never expire, roles that nobody has.
//!
//! Keys whose ids begin with `demo` are public and never delivered without `--demo`; that they do
//! not expire is no warning.

use std::collections::BTreeSet;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::Key;
use zonegate_engine::policy::Written;
use zonegate_engine::problem::Problem;

use super::expression::{Mentions, scope, scope_entity};
use super::places::Places;

/// What the ids of public keys begin with.
const DEMO: &str = "demo";

/// Whom permits are for.
#[derive(Debug, Default)]
struct Permitted<'w> {
    /// Roles.
    roles: BTreeSet<&'w str>,
    /// Ids of keys.
    keys: BTreeSet<&'w str>,
    /// Names of grants, and ids of templates.
    grants: BTreeSet<&'w str>,
    /// Whether some permit picks keys by their attributes.
    anybody: bool,
}

impl<'w> Permitted<'w> {
    /// Whom these policies permit anything, besides what they permit every key.
    fn of(written: &'w [Written]) -> Permitted<'w> {
        let mut found = Permitted::default();
        for policy in written.iter().filter(|policy| !policy.forbids) {
            match scope_entity(&policy.json, "principal") {
                Some(("Role", role)) => drop(found.roles.insert(role)),
                Some(("Key", id)) => drop(found.keys.insert(id)),
                Some(_) | None => {}
            }
            if policy.template.is_some() {
                found.grants.insert(&policy.id);
                found.grants.extend(policy.grants.iter().map(String::as_str));
            } else if scope(&policy.json, "principal") == "All" {
                let picks = Mentions::of(&policy.json).variables.contains("principal");
                found.anybody = found.anybody || picks;
            }
        }
        found
    }

    /// Whether some permit is for this key.
    fn has(&self, key: &Key) -> bool {
        self.anybody
            || self.keys.contains(key.id.as_str())
            || key.roles.iter().any(|role| self.roles.contains(role.as_str()))
            || key.grants.iter().any(|grant| self.grants.contains(grant.grant.as_str()))
    }
}

/// Every warning about keys and roles.
pub(super) fn warnings(bundle: &Bundle, written: &[Written], places: &Places) -> Vec<Problem> {
    let permitted = Permitted::of(written);
    let mut members: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for key in bundle.keys.iter().filter(|key| !key.disabled) {
        members.extend(key.roles.iter().map(String::as_str));
        let mut warn = |lint, message: String, help: &str| {
            found.push(places.of_key(&key.id, message).help(help).lint(lint));
        };
        if !permitted.has(key) {
            let message = format!("the key `{}` gets nothing that not every key gets", key.id);
            warn("key-without-rights", message, "give it a role or a grant, or remove it");
        }
        if key.expires.is_none() && !key.id.starts_with(DEMO) {
            let message = format!("the key `{}` never expires", key.id);
            warn(
                "key-without-expiry",
                message,
                "write when it ends: expires = 2027-01-01T00:00:00Z; rotate it before with `next_digest`",
            );
        }
    }
    let idle = bundle.lists.roles.iter().filter(|role| !members.contains(role.as_str()));
    found.extend(idle.map(|role| {
        let message = format!("no key has the role `{role}`");
        let help = "give it to a key, or delete it with its policies";
        let problem = Problem::new("roles.toml", message).help(help).lint("role-without-members");
        match places.line("roles.toml", role) {
            Some(line) => problem.at(line),
            None => problem,
        }
    }));
    found
}
