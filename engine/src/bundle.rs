//! The bundle: everything that the filter is configured with, checked and packed.
//!
//! A policies folder becomes a bundle as a whole or not at all: [`pack`] returns every problem
//! with file and line. What can be done once is done then, so that each of Envoy's copies of the
//! filter only has to [`Bundle::load`] the result, which is bounded work on an event loop.
//! A bundle names its format, and a digest of its content, which `whoami`, the audit log and
//! `/.zonegate/ready` repeat.

mod parts;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use self::parts::Parts;
use crate::key::Keys;
use crate::network::Networks;
use crate::pattern::Patterns;
use crate::policy::{Lists, Policies};
use crate::problem::Problem;
use crate::provider::Provider;
use crate::window::Windows;

/// The route of `whoami`, which belongs to the gate and to no provider.
const WHOAMI_ROUTE: &str = crate::session::WHOAMI_ROUTE;
/// The format that this engine reads and writes.
const FORMAT: u32 = 1;
/// Bytes of a bundle; a larger one is refused before it is parsed.
pub const BUNDLE_BYTES_MAX: usize = 64 << 20;

/// The provider files that are compiled in, by name.
pub const PROVIDER_FILES: [(&str, &str); 1] =
    [("powerdns.toml", include_str!("../providers/powerdns.toml"))];

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

/// The outer form of a bundle.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    /// [`FORMAT`].
    format: u32,
    /// When it was packed, in seconds since 1970.
    built: i64,
    /// The digest of `content`.
    digest: String,
    /// [`Parts`], kept as text so that the digest is of the very bytes that are read.
    #[serde(borrow)]
    content: &'a RawValue,
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
    let (parts, warnings) = parts::read(source, rules)?;
    write(&parts, built, warnings)
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
    write(&parts, built, Vec::new())
}

/// Writes parts as a bundle that loads.
fn write(parts: &Parts, built: Timestamp, warnings: Vec<Problem>) -> Result<Packed, Vec<Problem>> {
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
    Bundle::load(json.as_bytes())?;
    Ok(Packed { json, digest, warnings })
}

/// Opens a bundle: its parts, its digest and the time it was packed.
fn open(json: &[u8]) -> Result<(Parts, (String, i64)), Vec<Problem>> {
    let refuse = |message: String| vec![Problem::new("bundle", message)];
    if json.len() > BUNDLE_BYTES_MAX {
        return Err(refuse(format!("it is larger than {BUNDLE_BYTES_MAX} bytes")));
    }
    let envelope: Envelope = serde_json::from_slice(json)
        .map_err(|error| refuse(format!("it is no bundle: {error}")))?;
    if envelope.format != FORMAT {
        let found = envelope.format;
        return Err(refuse(format!("its format is {found}, this engine reads {FORMAT}")));
    }
    if digest_of(envelope.content.get().as_bytes()) != envelope.digest {
        return Err(refuse("its digest is not that of its content".to_owned()));
    }
    let parts = serde_json::from_str(envelope.content.get())
        .map_err(|error| refuse(format!("its content is not understood: {error}")))?;
    Ok((parts, (envelope.digest, envelope.built)))
}

/// The digest of a bundle's content.
fn digest_of(content: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(content).iter().fold(String::from("sha256:"), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A loaded bundle.
#[derive(Debug)]
pub struct Bundle {
    /// The digest of its content.
    pub digest: String,
    /// When it was packed, in seconds since 1970.
    pub built: i64,
    /// The policies.
    pub policies: Policies,
    /// The named patterns.
    pub patterns: Patterns,
    /// The named networks.
    pub networks: Networks,
    /// The named windows and the deployment's time zone.
    pub windows: Windows,
    /// The keys.
    pub keys: Keys,
    /// The providers.
    providers: Vec<Provider>,
}

impl Bundle {
    /// Loads a packed bundle, or returns everything that is wrong with it.
    pub fn load(json: &[u8]) -> Result<Bundle, Vec<Problem>> {
        let (parts, (digest, built)) = open(json)?;
        Bundle::build(parts, digest, built)
    }

    /// Builds the run-time form of a bundle's parts.
    fn build(parts: Parts, digest: String, built: i64) -> Result<Bundle, Vec<Problem>> {
        let providers: Vec<Provider> =
            parts.providers.iter().cloned().map(Provider::from_json).collect::<Result<_, _>>()?;
        let policies = Policies::load(&parts.policies, &parts.lists(&providers))?;
        Ok(Bundle {
            digest,
            built,
            policies,
            patterns: parts.patterns,
            networks: parts.networks,
            windows: parts.windows,
            keys: parts.keys,
            providers,
        })
    }

    /// The provider with this name.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name() == name)
    }
}

/// Parses the provider files that this crate has; a bundle carries them as JSON.
pub fn providers() -> Result<Vec<Provider>, Vec<Problem>> {
    PROVIDER_FILES.iter().map(|(file, text)| Provider::parse(file, text)).collect()
}

/// The closed lists that policies may name.
impl Parts {
    /// The lists for the schema.
    fn lists(&self, providers: &[Provider]) -> Lists {
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
