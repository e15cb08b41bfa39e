//! Packing: a policies folder becomes a bundle as a whole, or a list of all that is wrong with it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::parts::{Parts, Settings, open};
use super::{Bundle, PROVIDER_FILES, container};
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

    /// The keys files: `keys.toml` first, then those of the folder `keys` by name.
    pub fn keys(&self) -> Vec<(&str, &str)> {
        let is_keys = |name: &str| {
            let own = name.strip_prefix("keys/").map(std::path::Path::new);
            own.and_then(std::path::Path::extension)
                .is_some_and(|end| end == "toml" || end == "jsonl")
        };
        let mut files: Vec<(&str, &str)> =
            self.files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        files.retain(|(name, _)| is_keys(name));
        files.sort_unstable();
        files.insert(0, ("keys.toml", self.text("keys.toml")));
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
    /// The bundle.
    pub bytes: Vec<u8>,
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
pub fn revoke(bytes: &[u8], id: &str, built: Timestamp) -> Result<Packed, Vec<Problem>> {
    let (parts, _) = open(bytes.to_vec())?;
    let Some(keys) = parts.keys.disabled(id) else {
        return Err(vec![Problem::new("bundle", format!("the bundle has no key `{id}`"))]);
    };
    write(&Parts { keys, ..parts }, built, Vec::new()).map(|(packed, _)| packed)
}

/// Writes parts as a bundle that loads.
fn write(
    parts: &Parts,
    built: Timestamp,
    warnings: Vec<Problem>,
) -> Result<(Packed, Bundle), Vec<Problem>> {
    let internal = |error: String| {
        vec![Problem::new("bundle", format!("the bundle cannot be written: {error}"))]
    };
    let settings = serde_json::to_vec(&parts.settings).map_err(|error| internal(error.to_string()));
    let policies =
        postcard::to_allocvec(&parts.policies).map_err(|error| internal(error.to_string()));
    let (words, keys) = parts.keys.packed();
    let sections = [&settings?, &policies?, parts.texts.packed(), words, keys];
    let (bytes, digest) = container::write(built.as_second(), sections)
        .ok_or_else(|| internal("it is too large".to_owned()))?;
    // What was packed must be what every copy of the filter will accept.
    let bundle = Bundle::load(bytes.clone())?;
    let mut untrue = bundle.policies.untrue_notes();
    if !bundle.keys.is_whole() {
        untrue.push(Problem::new("bundle", "a key cannot be read back"));
    }
    if !untrue.is_empty() {
        return Err(untrue);
    }
    Ok((Packed { bytes, digest: digest.to_string(), warnings }, bundle))
}

impl Settings {
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
    /// All problems, these among them, in the order of files and lines.
    fn refused(self, more: Vec<Problem>) -> Vec<Problem> {
        let mut problems = self.problems;
        problems.extend(more);
        problems.sort();
        problems.dedup();
        problems
    }

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
    let settings = Settings { providers: provider_files, roles, patterns, networks, windows };
    let loaded = Policies::check_and_pack(&policies, &settings.lists(&all));
    let grants = loaded.as_ref().ok().map(|(policies, _)| policies.grants());
    let known = Known {
        networks: &settings.networks.names(),
        roles: Some(&settings.roles),
        accounts: None,
        grants: grants.as_deref(),
    };
    let keys: Keys = found.take(key::parse_all(&source.keys(), &known));
    let (checked, packing) = match loaded {
        Ok(both) => both,
        Err(problems) => return Err(found.refused(problems)),
    };
    found.warnings.extend(checked.warnings());
    let providers: Vec<String> = all.iter().map(|one| one.name().to_owned()).collect();
    for key in keys.iter() {
        found.problems.extend(checked.key_problem(key));
        found.problems.extend(account_problems(key, &providers));
    }
    found.warnings.extend(idle_roles(&settings.roles, &policies));
    if !found.problems.is_empty() {
        return Err(found.refused(Vec::new()));
    }
    let parts = Parts { settings, policies: packing.policies, texts: packing.texts, keys };
    Ok((parts, found.warnings))
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
                &key.file,
                format!("key `{}` is for `{account}`, which no provider is", key.id),
            )
            .at(key.line)
            .help(format!("write `provider/account`; providers: {}", providers.join(", ")))
        })
        .collect()
}

/// Roles that no policy mentions: a key that has only such roles can do nothing by them.
fn idle_roles(roles: &[String], policies: &[(String, String)]) -> Vec<Problem> {
    let mut idle: BTreeSet<&str> = roles.iter().map(String::as_str).collect();
    for (_, text) in policies {
        for (_, behind) in text
            .match_indices("Role::\"")
            .filter_map(|(at, found)| Some((at, text.get(at + found.len()..)?)))
        {
            idle.remove(behind.split('"').next().unwrap_or_default());
        }
    }
    let problem = |role: &str| {
        let problem = Problem::new("roles.toml", format!("no policy mentions the role `{role}`"));
        problem.help("delete it, or write the policy that it is for").lint("role-without-policy")
    };
    roles.iter().filter(|role| idle.contains(role.as_str())).map(|role| problem(role)).collect()
}
