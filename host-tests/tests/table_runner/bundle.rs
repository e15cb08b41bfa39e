//! The shipped policies as a bundle, made by the built `zonegate` command.

use crate::support::{project, target};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The bundle of a policies folder, as the built `zonegate` command packs it for Envoy.
pub(crate) fn bundle(folder: &Path) -> Vec<u8> {
    let inner: Vec<&serde_json::Value> = match value {
        serde_json::Value::Object(fields) => fields.values().collect(),
        serde_json::Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    inner.into_iter().find_map(configuration)
}
