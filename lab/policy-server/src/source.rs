//! A policies folder as an ordinary Cedar server reads it: policies, templates, keys, patterns.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::str::FromStr;

use cedar_policy::{PolicyId, PolicySet, Template};
use regex::Regex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The digest of a key's text.
pub(crate) type KeyDigest = [u8; 32];

/// The part of the manifest that says what there is.
#[derive(Deserialize)]
struct Manifest {
    /// The files of the folder.
    files: Vec<String>,
}

/// The keys file.
#[derive(Deserialize)]
struct Keys {
    /// Its entries.
    #[serde(default)]
    key: Vec<Key>,
}

/// One key; what decides nothing in the bench is left out.
#[derive(Deserialize)]
pub(crate) struct Key {
    /// Its id.
    pub(crate) id: String,
    /// `sha256:` and the digest of its text.
    digest: String,
    /// Its roles.
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    /// Its tags.
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
    /// The networks that it works from.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    /// Its grants.
    #[serde(default)]
    pub(crate) grant: Vec<Grant>,
}

/// One grant of a key.
#[derive(Deserialize)]
pub(crate) struct Grant {
    /// The set of templates.
    #[serde(rename = "grant")]
    pub(crate) set: String,
    /// The zone that is bound.
    pub(crate) zone: Option<String>,
    /// The name that is bound.
    pub(crate) name: Option<String>,
}

/// The patterns file.
#[derive(Deserialize)]
struct PatternsFile {
    /// Its entries, by name.
    #[serde(default)]
    pattern: BTreeMap<String, PatternEntry>,
}

/// One pattern as it is written.
#[derive(Deserialize)]
struct PatternEntry {
    /// What it reads: `name` or `relative`.
    reads: String,
    /// The expression, without anchors.
    regex: String,
}

/// One pattern, ready to match.
pub(crate) struct Pattern {
    /// Its name.
    pub(crate) name: String,
    /// Whether it reads the name relative to the zone.
    pub(crate) relative: bool,
    /// The anchored expression.
    pub(crate) regex: Regex,
}

/// A whole folder.
pub(crate) struct Folder {
    /// Every policy that is not a template.
    pub(crate) policies: PolicySet,
    /// The templates.
    pub(crate) templates: Vec<Template>,
    /// The keys, by the digest of their text.
    pub(crate) keys: HashMap<KeyDigest, Key>,
    /// The patterns.
    pub(crate) patterns: Vec<Pattern>,
}

impl Folder {
    /// Reads it all.
    pub(crate) fn read(place: &Path) -> Result<Folder, String> {
        let manifest: Manifest = toml(place, "manifest.toml")?;
        let (mut policies, mut templates) = (PolicySet::new(), Vec::new());
        let is_policy =
            |name: &&String| Path::new(name).extension().is_some_and(|end| end == "cedar");
        for name in manifest.files.iter().filter(is_policy) {
            let told = |error: &dyn std::fmt::Display| format!("{name}: {error}");
            let file = PolicySet::from_str(&text(place, name)?).map_err(|error| told(&error))?;
            for policy in file.policies() {
                let id = PolicyId::new(policy.annotation("id").unwrap_or_default());
                policies.add(policy.new_id(id)).map_err(|error| told(&error))?;
            }
            for template in file.templates() {
                let id = PolicyId::new(template.annotation("id").unwrap_or_default());
                templates.push(template.new_id(id));
            }
        }
        Ok(Folder { policies, templates, keys: keys(place)?, patterns: patterns(place)? })
    }
}

/// One file's text.
fn text(place: &Path, name: &str) -> Result<String, String> {
    std::fs::read_to_string(place.join(name)).map_err(|error| format!("{name}: {error}"))
}

/// One TOML file.
fn toml<T: DeserializeOwned>(place: &Path, name: &str) -> Result<T, String> {
    toml::from_str(&text(place, name)?).map_err(|error| format!("{name}: {error}"))
}

/// The keys, by digest.
///
/// They are read one by one: the tree of a hundred thousand keys leaves the allocator in a state
/// that makes every decision slower.
fn keys(place: &Path) -> Result<HashMap<KeyDigest, Key>, String> {
    let text = text(place, "keys.toml")?;
    let mut keyed = HashMap::new();
    for entry in text.split("[[key]]\n").skip(1) {
        let read: Keys = toml::from_str(&format!("[[key]]\n{entry}"))
            .map_err(|error| format!("keys.toml: {error}"))?;
        for key in read.key {
            let digest = unhex(key.digest.strip_prefix("sha256:").unwrap_or_default());
            keyed.insert(digest.ok_or("keys.toml: not a digest")?, key);
        }
    }
    Ok(keyed)
}

/// Bytes from hexadecimal digits.
fn unhex(text: &str) -> Option<KeyDigest> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let bytes: Vec<u8> = digits?
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect();
    bytes.try_into().ok()
}

/// The digest of a key that a client shows.
pub(crate) fn digest(key: &[u8]) -> KeyDigest {
    Sha256::digest(key).into()
}

/// The patterns, in the order of their names.
fn patterns(place: &Path) -> Result<Vec<Pattern>, String> {
    let read: PatternsFile = toml(place, "patterns.toml")?;
    let compiled = read.pattern.into_iter().map(|(name, entry)| {
        if !matches!(entry.reads.as_str(), "name" | "relative") {
            return Err(format!("patterns.toml: `{name}` reads what is not read here"));
        }
        let regex =
            Regex::new(&format!("^(?:{})$", entry.regex)).map_err(|error| error.to_string())?;
        Ok(Pattern { name, relative: entry.reads == "relative", regex })
    });
    compiled.collect()
}
