//! Packing: a policies folder becomes a bundle as a whole, or a list of all that is wrong with it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::parts::Parts;
use super::{Bundle, Envelope, FORMAT, PROVIDER_FILES, digest_of, open};
use crate::key::{self, Keys, Known};
use crate::network::Networks;
use crate::pattern::Patterns;
use crate::policy::{Lists, Policies};
use crate::problem::Problem;
use crate::provider::Provider;
use crate::role;
use crate::session::WHOAMI_ROUTE;
use crate::window::Windows;

/// A policies folder, read by whoever can read files.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Path relative to the folder, and text.
    pub files: Vec<(String, String)>,
}

impl Source {
    /// The text of one file; empty where the folder has no such file.
    fn text(&self, file: &str) -> &str {
        let found = self.files.iter().find(|(name, _)| name == file);
        found.map_or("", |(_, text)| text.as_str())
    }

    /// The policy files, in the order of their names.
    fn policies(&self) -> Vec<(String, String)> {
        let is_policy = |name: &str| {
            std::path::Path::new(name).extension().is_some_and(|extension| extension == "cedar")
        };
        let mut files: Vec<(String, String)> =
            self.files.iter().filter(|(name, _)| is_policy(name)).cloned().collect();
        files.sort();
        files
    }

    /// The provider files: those that are compiled in, and those of the folder `providers`, which
    /// take the place of one with the same name.
    fn providers(&self) -> Vec<(String, String)> {
        let own: Vec<(String, String)> = self
            .files
            .iter()
            .filter_map(|(name, text)| {
                let name = name.strip_prefix("providers/").filter(|name| {
                    std::path::Path::new(name).extension().is_some_and(|end| end == "toml")
                })?;
                Some((name.to_owned(), text.clone()))
            })
            .collect();
        let replaced = |file: &str| own.iter().any(|(name, _)| name == file);
        let mut files: Vec<(String, String)> = PROVIDER_FILES
            .iter()
            .filter(|(file, _)| !replaced(file))
            .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
            .collect();
        files.extend(own);
        files
    }
}

/// A bundle as it is delivered.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The bundle: JSON text.
    pub json: String,
    /// The digest of its content, as `sha256:<hex>`.
    pub digest: String,
    /// What is allowed but probably not meant.
    pub warnings: Vec<Problem>,
}

/// Packs a policies folder, or returns everything that is wrong with it.
///
/// `built` is the time of packing; `rules` gives the TZif rules of a time zone, for the zones
/// that the windows use.
pub fn pack(
    source: &Source,
    built: Timestamp,
    rules: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Packed, Vec<Problem>> {
    let (parts, warnings) = read(source, rules)?;
    write(&parts, built, warnings).map(|(packed, _)| packed)
}

/// The same, with the bundle as it loads, which holds every request against the schema.
///
/// Tools that pack and then ask need not load it again, which would take as long as packing.
pub fn pack_and_load(
    source: &Source,
    built: Timestamp,
    rules: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<(Packed, Bundle), Vec<Problem>> {
    let (parts, warnings) = read(source, rules)?;
    let (packed, mut bundle) = write(&parts, built, warnings)?;
    bundle.policies.hold_requests(&bundle.lists).map_err(|problem| vec![problem])?;
    Ok((packed, bundle))
}

/// Packs a bundle again with one key disabled and nothing else changed.
///
/// Revoking must not wait for a policies folder that is broken at the moment, so it starts from
/// the bundle that is in use.
pub fn revoke(json: &[u8], id: &str, built: Timestamp) -> Result<Packed, Vec<Problem>> {
    let (mut parts, _) = open(json)?;
    if !parts.keys.disable(id) {
        return Err(vec![Problem::new("bundle", format!("the bundle has no key `{id}`"))]);
    }
    write(&parts, built, Vec::new()).map(|(packed, _)| packed)
}

/// Writes parts as a bundle that loads.
fn write(
    parts: &Parts,
    built: Timestamp,
    warnings: Vec<Problem>,
) -> Result<(Packed, Bundle), Vec<Problem>> {
    let internal = |error: serde_json::Error| {
        vec![Problem::new("bundle", format!("the bundle cannot be written: {error}"))]
    };
    let content = serde_json::to_string(parts).map_err(internal)?;
    let digest = digest_of(content.as_bytes());
    let raw = RawValue::from_string(content).map_err(internal)?;
    let envelope = Envelope {
        format: FORMAT,
        built: built.as_second(),
        digest: digest.clone(),
        content: &raw,
    };
    let json = serde_json::to_string(&envelope).map_err(internal)?;
    // What was packed must be what every copy of the filter will accept.
    let bundle = Bundle::load(json.as_bytes())?;
    Ok((Packed { json, digest, warnings }, bundle))
}

impl Parts {
    /// The closed lists that policies may name.
    pub(super) fn lists(&self, providers: &[Provider]) -> Lists {
        let routes = providers.iter().flat_map(|provider| {
            provider.routes().iter().map(|route| format!("{}/{}", provider.name(), route.id()))
        });
        Lists {
            roles: self.roles.clone(),
            patterns: self.patterns.names(),
            networks: self.networks.names(),
            windows: self.windows.names(),
            routes: routes.chain([WHOAMI_ROUTE.to_owned()]).collect(),
        }
    }
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
fn read(
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
    let (mut provider_files, mut all) = (Vec::new(), Vec::new());
    for (file, text) in source.providers() {
        match Provider::to_json(&file, &text) {
            Ok(json) => provider_files.push(json),
            Err(problems) => found.problems.extend(problems),
        }
        all.extend(Provider::parse(&file, &text).ok());
    }
    let mut parts = Parts {
        providers: provider_files,
        policies,
        roles,
        patterns,
        networks,
        windows,
        keys: Keys::default(),
    };
    let loaded = Policies::check(&parts.policies, &parts.lists(&all))
        .map(|loaded| (loaded, all.iter().map(|one| one.name().to_owned()).collect::<Vec<_>>()));
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
        .map(|role| {
            let problem =
                Problem::new("roles.toml", format!("no policy mentions the role `{role}`"));
            problem
                .help("delete it, or write the policy that it is for")
                .lint("role-without-policy")
        })
        .collect()
}
