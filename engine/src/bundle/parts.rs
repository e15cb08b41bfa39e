//! The parts of a bundle: what a policies folder says, in the form that is delivered.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Source;
use crate::key::{self, Keys, Known};
use crate::network::Networks;
use crate::pattern::Patterns;
use crate::policy::Policies;
use crate::problem::Problem;
use crate::provider::Provider;
use crate::role;
use crate::window::Windows;

/// Everything in a bundle.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    /// Provider files.
    pub(super) providers: Vec<serde_json::Value>,
    /// Policy files: name and text.
    pub(super) policies: Vec<(String, String)>,
    /// Role names.
    pub(super) roles: Vec<String>,
    /// Named patterns.
    pub(super) patterns: Patterns,
    /// Named networks.
    pub(super) networks: Networks,
    /// Named windows, with the rules of their time zones.
    pub(super) windows: Windows,
    /// Keys.
    pub(super) keys: Keys,
}

/// Collects problems and warnings, so that one round shows all of them.
#[derive(Default)]
struct Findings {
    /// What refuses the folder.
    problems: Vec<Problem>,
    /// What is only doubtful.
    warnings: Vec<Problem>,
}

impl Findings {
    /// The value of a reading, or its default where it failed.
    fn take<T: Default>(&mut self, read: Result<(T, Vec<Problem>), Vec<Problem>>) -> T {
        match read {
            Ok((value, warnings)) => {
                self.warnings.extend(warnings);
                value
            }
            Err(problems) => {
                self.problems.extend(problems);
                T::default()
            }
        }
    }
}

/// Reads a policies folder: its parts and what is doubtful, or everything that is wrong.
pub(super) fn read(
    source: &Source,
    rules: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<(Parts, Vec<Problem>), Vec<Problem>> {
    let mut found = Findings::default();
    let networks = found.take(Networks::parse("networks.toml", source.text("networks.toml")));
    let windows = found.take(Windows::parse("windows.toml", source.text("windows.toml"), rules));
    let patterns = found.take(Patterns::parse("patterns.toml", source.text("patterns.toml")));
    let roles = found.take(role::parse("roles.toml", source.text("roles.toml")));
    let policies = source.policies();
    if policies.is_empty() {
        let problem = Problem::new("policies", "there is no policy file");
        found.problems.push(problem.help("policies are files whose names end in `.cedar`"));
    }
    let files = super::PROVIDER_FILES.iter().map(|(file, text)| Provider::to_json(file, text));
    let mut providers = Vec::new();
    for file in files {
        match file {
            Ok(json) => providers.push(json),
            Err(problems) => found.problems.extend(problems),
        }
    }
    let mut parts =
        Parts { providers, policies, roles, patterns, networks, windows, keys: Keys::default() };
    let loaded: Result<(Policies, Vec<String>), _> = super::providers().and_then(|providers| {
        let loaded = Policies::load(&parts.policies, &parts.lists(&providers))?;
        Ok((loaded, providers.iter().map(|one| one.name().to_owned()).collect()))
    });
    let grants = loaded.as_ref().ok().map(|(policies, _)| policies.grants());
    let known = Known {
        networks: &parts.networks.names(),
        roles: Some(&parts.roles),
        accounts: None,
        grants: grants.as_deref(),
    };
    parts.keys = found.take(key::parse("keys.toml", source.text("keys.toml"), &known));
    match loaded {
        Ok((policies, providers)) => {
            found.warnings.extend(policies.warnings());
            for key in parts.keys.iter() {
                found.problems.extend(policies.key_problem(key));
                found.problems.extend(account_problems(key, &providers));
            }
            found.warnings.extend(idle_roles(&parts));
        }
        Err(problems) => found.problems.extend(problems),
    }
    found.problems.sort();
    found.problems.dedup();
    if found.problems.is_empty() { Ok((parts, found.warnings)) } else { Err(found.problems) }
}

/// Accounts of a key at providers that do not exist.
fn account_problems(key: &key::Key, providers: &[String]) -> Vec<Problem> {
    let unknown = key.accounts.iter().filter(|account| {
        let provider = account.split_once('/').map(|(provider, _)| provider);
        *account != "*" && !provider.is_some_and(|one| providers.iter().any(|known| known == one))
    });
    unknown
        .map(|account| {
            Problem::new(
                "keys.toml",
                format!("key `{}` is for `{account}`, which no provider is", key.id),
            )
            .at(key.line)
            .help(format!("write `provider/account`; providers: {}", providers.join(", ")))
        })
        .collect()
}

/// Roles that no policy mentions: a key that has only such roles can do nothing by them.
fn idle_roles(parts: &Parts) -> Vec<Problem> {
    let mentioned: BTreeSet<&str> = parts
        .roles
        .iter()
        .map(String::as_str)
        .filter(|role| {
            let literal = format!("Role::\"{role}\"");
            parts.policies.iter().any(|(_, text)| text.contains(&literal))
        })
        .collect();
    parts
        .roles
        .iter()
        .filter(|role| !mentioned.contains(role.as_str()))
        .map(|role| Problem::new("roles.toml", format!("no policy mentions the role `{role}`")))
        .collect()
}
