//! The bundle: everything that the filter is configured with, checked and packed.
//!
//! A policies folder becomes a bundle as a whole or not at all: [`pack`] returns every problem
//! with file and line. What can be done once is done then, so that each of Envoy's copies of the
//! filter only has to [`Bundle::load`] the result, which is bounded work on an event loop: keys
//! and policies stay packed until they are needed.
//! A bundle names its format, and a digest of its content, which `whoami`, the audit log and
//! `/.zonegate/ready` repeat.

mod container;
#[cfg(feature = "author")]
mod pack;
mod parts;
mod zones;

use std::cell::RefCell;
use std::rc::Rc;

use jiff::Timestamp;

pub use self::container::BUNDLE_BYTES_MAX;
#[cfg(feature = "author")]
pub use self::pack::{Packed, Source, pack, pack_and_load, revoke};
pub use self::zones::ZoneNames;

use self::parts::{Head, Settings};
use crate::key::Keys;
use crate::network::Networks;
use crate::pattern::Patterns;
use crate::policy::Policies;
use crate::problem::Problem;
use crate::provider::Provider;
use crate::window::{Clock, Windows};

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
    ///
    /// The bytes are kept: keys and policies stay packed in them until they are needed.
    pub fn load(bytes: impl Into<Vec<u8>>) -> Result<Bundle, Vec<Problem>> {
        let (parts, head) = parts::open(bytes.into())?;
        let policies = Policies::load(parts.policies, parts.texts)?;
        Bundle::build(parts.settings, parts.keys, policies, &head)
    }

    /// Loads a packed bundle that validates its policies again, and every request too.
    ///
    /// Tables run on this one; it decides no differently.
    #[cfg(feature = "author")]
    pub fn load_checked(bytes: impl Into<Vec<u8>>) -> Result<Bundle, Vec<Problem>> {
        let (parts, head) = parts::open(bytes.into())?;
        let lists = parts.settings.lists(&parts.settings.providers()?);
        let packing = crate::policy::Packing { policies: parts.policies, texts: parts.texts };
        Policies::check(&packing.files(), &lists)?;
        let mut policies = Policies::load(packing.policies, packing.texts)?;
        policies.hold_requests(&lists).map_err(|problem| vec![problem])?;
        let untrue = policies.untrue_notes();
        if !untrue.is_empty() {
            return Err(untrue);
        }
        Bundle::build(parts.settings, parts.keys, policies, &head)
    }

    /// Loads a bundle that was packed a moment ago: its policies are not validated again, but every
    /// request is.
    #[cfg(feature = "author")]
    pub fn load_just_packed(bytes: impl Into<Vec<u8>>) -> Result<Bundle, Vec<Problem>> {
        let mut bundle = Bundle::load(bytes)?;
        bundle.policies.hold_requests(&bundle.lists).map_err(|problem| vec![problem])?;
        Ok(bundle)
    }

    /// Builds the run-time form of a bundle's parts.
    fn build(
        settings: Settings,
        keys: Keys,
        policies: Policies,
        head: &Head,
    ) -> Result<Bundle, Vec<Problem>> {
        let providers = settings.providers()?;
        #[cfg(feature = "author")]
        let lists = settings.lists(&providers);
        Ok(Bundle {
            digest: head.digest.to_string(),
            built: head.built,
            policies,
            patterns: settings.patterns,
            networks: settings.networks,
            windows: settings.windows,
            keys,
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

/// The provider files of a bundle, which is not loaded.
#[cfg(feature = "author")]
pub fn provider_files(bytes: &[u8]) -> Result<Vec<serde_json::Value>, Vec<Problem>> {
    parts::open(bytes.to_vec()).map(|(parts, _)| parts.settings.providers)
}

/// Whether these bytes begin as a bundle does, of whatever format.
#[cfg(feature = "author")]
pub fn is_one(bytes: &[u8]) -> bool {
    container::begins(bytes)
}

/// The digest of a bundle, which is not loaded; what is no bundle is a problem.
#[cfg(feature = "author")]
pub fn digest(bytes: &[u8]) -> Result<String, Vec<Problem>> {
    container::open(bytes).map(|opened| opened.digest.to_string())
}

/// Parses the provider files that this crate has; a bundle carries them as JSON.
#[cfg(feature = "author")]
pub fn providers() -> Result<Vec<Provider>, Vec<Problem>> {
    PROVIDER_FILES.iter().map(|(file, text)| Provider::parse(file, text)).collect()
}

impl Settings {
    /// The providers, ready to use.
    fn providers(&self) -> Result<Vec<Provider>, Vec<Problem>> {
        self.providers.iter().cloned().map(Provider::from_json).collect()
    }
}

#[cfg(feature = "author")]
#[cfg(test)]
mod tests;
