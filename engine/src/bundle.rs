//! The bundle: everything that the filter is configured with, checked and packed.
//!
//! A policies folder becomes a bundle as a whole or not at all: [`pack`] returns every problem
//! with file and line. What can be done once is done then, so that each of Envoy's copies of the
//! filter only has to [`Bundle::load`] the result, which is bounded work on an event loop.
//! A bundle names its format, and a digest of its content, which `whoami`, the audit log and
//! `/.zonegate/ready` repeat.

#[cfg(feature = "author")]
mod pack;
mod parts;
mod zones;

use std::cell::RefCell;
use std::rc::Rc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

#[cfg(feature = "author")]
pub use self::pack::{Packed, Source, pack, pack_and_load, revoke};

use self::parts::Parts;
pub use self::zones::ZoneNames;
use crate::key::Keys;
use crate::network::Networks;
use crate::pattern::Patterns;
use crate::policy::Policies;
use crate::problem::Problem;
use crate::provider::Provider;
use crate::window::{Clock, Windows};

/// The format that this engine reads and writes.
const FORMAT: u32 = 1;
/// Bytes of a bundle; a larger one is refused before it is parsed.
pub const BUNDLE_BYTES_MAX: usize = 64 << 20;

/// A provider file that is compiled in, with its name.
#[cfg(feature = "author")]
macro_rules! provider_file {
    ($name:literal) => {
        ($name, include_str!(concat!("../providers/", $name)))
    };
}

/// The provider files that are compiled in, by name.
#[cfg(feature = "author")]
pub const PROVIDER_FILES: &[(&str, &str)] = &[
    provider_file!("bunny.toml"),
    provider_file!("cloudflare.toml"),
    provider_file!("desec.toml"),
    provider_file!("digitalocean.toml"),
    provider_file!("dnsimple.toml"),
    provider_file!("dnsservices.toml"),
    provider_file!("gandi.toml"),
    provider_file!("godaddy.toml"),
    provider_file!("hetzner.toml"),
    provider_file!("linode.toml"),
    provider_file!("namecom.toml"),
    provider_file!("porkbun.toml"),
    provider_file!("powerdns.toml"),
    provider_file!("vultr.toml"),
];

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
    /// The names that policies may use.
    #[cfg(feature = "author")]
    pub lists: crate::policy::Lists,
    /// The providers.
    providers: Vec<Provider>,
    /// Names of zones that were asked for by their ids.
    pub zone_names: ZoneNames,
    /// What clocks showed last; taking times apart costs as much as a few policies.
    clock: RefCell<Option<Rc<Clock>>>,
}

impl Bundle {
    /// Loads a packed bundle, or returns everything that is wrong with it.
    pub fn load(json: &[u8]) -> Result<Bundle, Vec<Problem>> {
        let (parts, (digest, built)) = open(json)?;
        let policies = Policies::load(&parts.policies)?;
        Bundle::build(parts, policies, digest, built)
    }

    /// Loads a packed bundle that validates its policies again, and every request too.
    ///
    /// Tables run on this one; it decides no differently.
    #[cfg(feature = "author")]
    pub fn load_checked(json: &[u8]) -> Result<Bundle, Vec<Problem>> {
        let (parts, (digest, built)) = open(json)?;
        let policies = Policies::check(&parts.policies, &parts.lists(&parts.providers()?))?;
        Bundle::build(parts, policies, digest, built)
    }

    /// Loads a bundle that was packed a moment ago: its policies are not validated again, but every
    /// request is.
    #[cfg(feature = "author")]
    pub fn load_just_packed(json: &[u8]) -> Result<Bundle, Vec<Problem>> {
        let mut bundle = Bundle::load(json)?;
        bundle.policies.hold_requests(&bundle.lists).map_err(|problem| vec![problem])?;
        Ok(bundle)
    }

    /// Builds the run-time form of a bundle's parts.
    fn build(
        parts: Parts,
        policies: Policies,
        digest: String,
        built: i64,
    ) -> Result<Bundle, Vec<Problem>> {
        let providers = parts.providers()?;
        #[cfg(feature = "author")]
        let lists = parts.lists(&providers);
        Ok(Bundle {
            digest,
            built,
            policies,
            patterns: parts.patterns,
            networks: parts.networks,
            windows: parts.windows,
            keys: parts.keys,
            #[cfg(feature = "author")]
            lists,
            providers,
            zone_names: ZoneNames::default(),
            clock: RefCell::default(),
        })
    }

    /// What clocks show at this time; worked out once a second.
    pub fn clock(&self, now: Timestamp) -> Option<Rc<Clock>> {
        let mut last = self.clock.borrow_mut();
        if let Some(clock) = last.as_ref().filter(|clock| clock.now.as_second() == now.as_second())
        {
            return Some(Rc::clone(clock));
        }
        let clock = Rc::new(self.windows.clock(now)?);
        *last = Some(Rc::clone(&clock));
        Some(clock)
    }

    /// The providers, in the order of their files.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// The provider with this name.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name() == name)
    }
}

/// Parses the provider files that this crate has; a bundle carries them as JSON.
#[cfg(feature = "author")]
pub fn providers() -> Result<Vec<Provider>, Vec<Problem>> {
    PROVIDER_FILES.iter().map(|(file, text)| Provider::parse(file, text)).collect()
}

impl Parts {
    /// The providers, ready to use.
    fn providers(&self) -> Result<Vec<Provider>, Vec<Problem>> {
        self.providers.iter().cloned().map(Provider::from_json).collect()
    }
}
