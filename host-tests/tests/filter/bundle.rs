//! The built filter with the shipped policies, as the built `zonegate` command packs them.

use base64::Engine as _;

use crate::built::{filter, project, target};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use zonegate_host_tests::{HostConfig, Module};

/// Instructions that one callback may take; what it takes is for other tests to say.
const CALLBACK_FUEL_MAX: u64 = 100_000_000_000;

/// The filter, and what a host of it is started with.
pub(crate) fn gate() -> (Module, HostConfig) {
    static GATE: OnceLock<(Module, Vec<u8>)> = OnceLock::new();
    let (module, bundle) = GATE.get_or_init(|| {
        let wasm = filter();
        let bundle = bundle(&project().join("policies"));
        (Module::load(wasm).unwrap(), bundle)
    });
    let config = HostConfig {
        root_id: "zonegate".into(),
        callback_fuel_max: CALLBACK_FUEL_MAX,
        ..HostConfig::new(bundle.clone())
    };
    (module.clone(), config)
}

/// The bundle of a policies folder, as the built `zonegate` command packs it for Envoy.
fn bundle(folder: &Path) -> Vec<u8> {
    let scratch = target().join("host-tests");
    std::fs::create_dir_all(&scratch).unwrap();
    let file = scratch.join(format!("bundle-{}.json", std::process::id()));
    let made = Command::new(zonegate())
        .arg("bundle")
        .arg(folder)
        .args(["--demo", "--wasm", "filter.wasm", "--output"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(made.status.success(), "zonegate bundle: {}", String::from_utf8_lossy(&made.stderr));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let text = configuration(&file).expect("the file for Envoy has no plugin configuration");
    base64::engine::general_purpose::STANDARD.decode(text).expect("it is base64")
}

/// The `zonegate` command of these sources, built if need be.
fn zonegate() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "-p", "zonegate-cli"]).current_dir(project());
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "the zonegate command cannot be built");
    profile.join("zonegate")
}

/// The text of the first `BytesValue` in Envoy's file.
fn configuration(value: &serde_json::Value) -> Option<String> {
    let kind = value.get("@type").and_then(serde_json::Value::as_str).unwrap_or_default();
    if kind.ends_with("google.protobuf.BytesValue") {
        return value.get("value")?.as_str().map(str::to_owned);
    }
    match value {
        serde_json::Value::Object(fields) => fields.values().find_map(configuration),
        serde_json::Value::Array(items) => items.iter().find_map(configuration),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => None,
    }
}
