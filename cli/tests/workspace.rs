//! What must hold for the repository as a whole: who may depend on whom, and how long files are.
#![allow(clippy::allow_attributes, clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The arrows of ARCHITECTURE.md, and no others; `*` marks one that is for tests only.
const ARROWS: [&str; 10] = [
    "zonegate-carry -> zonegate-engine",
    "zonegate-cli -> zonegate-cases",
    "zonegate-cli -> zonegate-engine",
    "zonegate-component -> zonegate-engine",
    "zonegate-engine -> zonegate-cases *",
    "zonegate-filter -> zonegate-engine",
    "zonegate-host-tests -> zonegate-cases",
    "zonegate-http-gate -> zonegate-carry",
    "zonegate-middleware -> zonegate-carry",
    "zonegate-policy-server -> zonegate-engine",
];

/// The most lines of a source file; data and lists of cases are exempt.
const LINES_MAX: usize = 600;

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The tracked files with one of these endings.
fn tracked(endings: &[&str]) -> Vec<PathBuf> {
    let output = Command::new("git").arg("ls-files").current_dir(root()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let files = text.lines().map(PathBuf::from).filter(|file| {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        endings.contains(&ending) && root().join(file).exists()
    });
    files.collect()
}

#[test]
fn crates_depend_on_one_another_as_the_architecture_says() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut arrows = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            let (from, to) = (&package["name"], &dependency["name"]);
            if to.as_str().unwrap().starts_with("zonegate-") {
                let mark = if dependency["kind"].is_null() { "" } else { " *" };
                arrows.insert(format!(
                    "{} -> {}{mark}",
                    from.as_str().unwrap(),
                    to.as_str().unwrap()
                ));
            }
        }
    }
    let expected: BTreeSet<String> = ARROWS.iter().map(|arrow| (*arrow).to_owned()).collect();
    assert_eq!(arrows, expected, "ARCHITECTURE.md and this list say who depends on whom");
}

#[test]
fn files_are_short_enough_to_read() {
    let files = tracked(&["rs", "py"]);
    assert!(files.len() > 50, "git lists the sources");
    let long: Vec<String> = files
        .iter()
        .map(|file| (file, fs::read_to_string(root().join(file)).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(file, lines)| format!("{} has {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "split by idea what has more than {LINES_MAX} lines: {long:?}");
}

#[test]
fn only_the_policy_module_names_cedar() {
    let naming: Vec<String> = tracked(&["rs"])
        .iter()
        .filter(|file| file.starts_with("engine/src") || file.starts_with("filter/src"))
        .filter(|file| {
            !file.starts_with("engine/src/policy") && **file != Path::new("engine/src/policy.rs")
        })
        .filter(|file| {
            let text = fs::read_to_string(root().join(file)).unwrap();
            text.lines()
                .any(|line| line.contains("cedar_policy") && !line.trim_start().starts_with("//"))
        })
        .map(|file| file.display().to_string())
        .collect();
    assert!(naming.is_empty(), "these name cedar_policy: {naming:?}");
}

#[test]
fn nothing_is_shipped_that_fails_open() {
    let open: Vec<String> = tracked(&["yaml", "json"])
        .iter()
        .filter(|file| file.starts_with("envoy") || file.starts_with("examples"))
        .filter(|file| {
            let text = fs::read_to_string(root().join(file)).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            code.into_iter()
                .any(|line| line.contains("FAIL_OPEN") || line.contains("fail_open: true"))
        })
        .map(|file| file.display().to_string())
        .collect();
    assert!(open.is_empty(), "these fail open: {open:?}");
}
