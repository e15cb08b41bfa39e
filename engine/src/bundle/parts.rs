//! The parts of a bundle: what a policies folder says, in the form that is delivered.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::container;
use crate::key::{Digest, Keys};
use crate::network::Networks;
use crate::pattern::Patterns;
use crate::policy::Packed;
use crate::problem::Problem;
use crate::rows::Rows;
use crate::window::Windows;

/// What is small, and read whole.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Provider files.
    pub(super) providers: Vec<serde_json::Value>,
    /// Role names.
    pub(super) roles: Vec<String>,
    /// Named patterns.
    pub(super) patterns: Patterns,
    /// Named networks.
    pub(super) networks: Networks,
    /// Named windows, with the rules of their time zones.
    pub(super) windows: Windows,
}

/// Everything in a bundle.
#[derive(Debug)]
pub(super) struct Parts {
    /// What is small.
    pub(super) settings: Settings,
    /// What is known of each policy.
    pub(super) policies: Vec<Packed>,
    /// The text of each policy.
    pub(super) texts: Rows,
    /// Keys.
    pub(super) keys: Keys,
}

/// What a bundle's head says.
pub(super) struct Head {
    /// The digest of its content.
    pub(super) digest: Digest,
    /// When it was packed, in seconds since 1970.
    pub(super) built: i64,
}

/// Opens a bundle: its parts, and what its head says.
pub(super) fn open(bytes: Vec<u8>) -> Result<(Parts, Head), Vec<Problem>> {
    let refuse = |message: String| vec![Problem::new("bundle", message)];
    let opened = container::open(&bytes)?;
    let [settings, policies, texts, words, keys] = opened.sections;
    let part = |at| bytes.get(at).unwrap_or_default();
    let settings = serde_json::from_slice(part(settings))
        .map_err(|error| refuse(format!("its settings are not understood: {error}")))?;
    let (policies, rest) = postcard::take_from_bytes::<Vec<Packed>>(part(policies))
        .map_err(|error| refuse(format!("its policies are not understood: {error}")))?;
    if !rest.is_empty() {
        return Err(refuse("there is something behind its policies".to_owned()));
    }
    let bytes = Rc::new(bytes);
    let cut = || refuse("the texts of its policies are cut off".to_owned());
    let texts = Rows::open(&bytes, texts).ok_or_else(cut)?;
    let keys = Keys::open(&bytes, words, keys).map_err(|why| refuse(why.to_owned()))?;
    let head = Head { digest: opened.digest, built: opened.built };
    Ok((Parts { settings, policies, texts, keys }, head))
}
