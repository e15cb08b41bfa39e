//! The parts of a bundle: what a policies folder says, in the form that is delivered.

use serde::{Deserialize, Serialize};

use crate::key::Keys;
use crate::network::Networks;
use crate::pattern::Patterns;
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
