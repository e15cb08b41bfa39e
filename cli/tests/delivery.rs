//! `zonegate bundle` and `zonegate watch`: what reaches Envoy, and what does not.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Child;
use std::time::{Duration, Instant};

use common::Folder;

/// The arguments that deliver to `out.json`.
const TARGET: [&str; 5] = ["--demo", "--wasm", "/filter.wasm", "--output", "out.json"];

/// The delivered file.
fn delivered(folder: &Folder) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.beside("out.json")).unwrap()).unwrap()
}

/// The version of the delivered file; empty where there is none.
fn version(folder: &Folder) -> String {
    let text = std::fs::read(folder.beside("out.json")).unwrap_or_default();
    let document: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    document.get("version_info").and_then(|text| text.as_str()).unwrap_or_default().to_owned()
}

/// Runs `bundle` with more arguments.
fn bundle(folder: &Folder, more: &[&str]) -> common::Run {
    folder.run(&[&["bundle"], TARGET.as_slice(), more].concat())
}

/// How long until something holds, at most ten seconds.
fn until(mut holds: impl FnMut() -> bool) -> Duration {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(10), "it never holds");
        std::thread::sleep(Duration::from_millis(10));
    }
    begin.elapsed()
}

#[test]
fn a_bundle_is_a_whole_discovery_file() {
    let folder = Folder::new();
    let run = bundle(&folder, &[]);
    assert_eq!(run.code, 0, "{}", run.err);
    let document = delivered(&folder);
    let digest = document["version_info"].as_str().unwrap();
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");
    assert!(run.out.starts_with(&format!("out.json: {digest}, ")), "{}", run.out);
    let resource = &document["resources"][0];
    assert_eq!(resource["name"], "zonegate");
    let config = &resource["typed_config"]["config"];
    assert_eq!(config["failure_policy"], "FAIL_RELOAD");
    assert_eq!(config["vm_config"]["code"]["local"]["filename"], "/filter.wasm");
    assert_eq!(config["configuration"]["@type"], "type.googleapis.com/google.protobuf.BytesValue");
    let inner = STANDARD.decode(config["configuration"]["value"].as_str().unwrap()).unwrap();
    assert_eq!(zonegate_engine::bundle::digest(&inner).unwrap(), digest);
    let names: Vec<_> =
        std::fs::read_dir(&folder.path).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing is left beside it: {names:?}");
    let again = Folder::new();
    assert_eq!(bundle(&again, &[]).code, 0);
    assert_eq!(version(&again), version(&folder), "the same folder has the same digest");
}

#[test]
fn a_bare_bundle_is_what_envoys_file_carries() {
    let folder = Folder::new();
    let bare = ["bundle", "--demo", "--bare", "--output", "bare.bundle"];
    let run = folder.run(&bare);
    assert_eq!(run.code, 0, "{}", run.err);
    let bytes = std::fs::read(folder.beside("bare.bundle")).unwrap();
    assert!(bytes.starts_with(b"zonegate\x02\0\0\0"), "the format is 2");
    let digest = zonegate_engine::bundle::digest(&bytes).unwrap();
    assert!(run.out.starts_with(&format!("bare.bundle: {digest}, ")), "{}", run.out);
    assert_eq!(bundle(&folder, &[]).code, 0);
    assert_eq!(version(&folder), digest);
    // The code is Envoy's business, and must be named for it.
    let both = folder.run(&[bare.as_slice(), &["--wasm", "/filter.wasm"]].concat());
    assert_ne!(both.code, 0);
    assert_ne!(folder.run(&["bundle", "--demo", "--output", "out.json"]).code, 0);
}

#[test]
fn demonstration_keys_are_accepted_only_on_purpose() {
    let folder = Folder::new();
    let run = folder.run(&[&["bundle"], TARGET.get(1..).unwrap()].concat());
    assert_eq!(run.code, 3);
    assert!(
        run.err.contains(
            "policies/keys.toml: error: `demoeditor01` is a public demonstration key\n  help: "
        ),
        "{}",
        run.err
    );
    assert!(!folder.beside("out.json").exists());
}

#[test]
fn a_broken_folder_leaves_the_file_as_it_is() {
    let folder = Folder::new();
    assert_eq!(bundle(&folder, &[]).code, 0);
    let before = version(&folder);
    folder.remove("rules/everybody.cedar");
    let run = bundle(&folder, &[]);
    assert_eq!((run.code, run.out.as_str()), (3, ""));
    assert!(run.err.contains("`rules/everybody.cedar` is missing from the folder"), "{}", run.err);
    assert_eq!(version(&folder), before);
}

#[test]
fn a_place_that_cannot_be_written_is_said() {
    let folder = Folder::new();
    let run =
        folder.run(&["bundle", "--demo", "--wasm", "x", "--output", "no/such/folder/out.json"]);
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("error: cannot write no/such/folder/out.json: No such file"),
        "{}",
        run.err
    );
}

/// A gate, or Envoy's admin interface, that answers every path by a function.
fn serve(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 2048];
            let read = stream.read(&mut bytes).unwrap_or_default();
            let text = String::from_utf8_lossy(bytes.get(..read).unwrap()).into_owned();
            let (status, body) = answer(text.split(' ').nth(1).unwrap_or_default());
            let _ = write!(stream, "HTTP/1.1 {status} X\r\nconnection: close\r\n\r\n{body}");
        }
    });
    address
}

#[test]
fn waiting_ends_when_the_gate_serves_the_bundle() {
    let folder = Folder::new();
    let path = folder.beside("out.json");
    let gate = serve(move |asked| {
        if asked != "/.zonegate/ready" {
            return (401, String::new());
        }
        let text = std::fs::read(&path).unwrap_or_default();
        let document: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        (200, serde_json::json!({ "ready": true, "bundle": document["version_info"] }).to_string())
    });
    let run = bundle(&folder, &["--wait", &gate]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.ends_with(", served\n"), "{}", run.out);
}

#[test]
fn waiting_fails_where_the_gate_keeps_the_old_bundle() {
    let folder = Folder::new();
    let gate = serve(|_| (200, "{\"ready\":true,\"bundle\":\"sha256:old\"}".to_owned()));
    let run = bundle(&folder, &["--wait", &gate, "--wait-seconds", "1"]);
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("does not serve it after 1 s: rejected, or not watched"),
        "{}",
        run.err
    );
}

#[test]
fn waiting_fails_at_once_where_envoy_counts_a_refusal() {
    let folder = Folder::new();
    let path = folder.beside("out.json");
    let old = path.clone();
    let admin = serve(move |asked| {
        if !asked.starts_with("/stats?filter=") {
            return (404, "invalid path".to_owned());
        }
        let prefix = "extension_config_discovery.http_filter.zonegate";
        let is_new = std::fs::read_to_string(&path).is_ok_and(|text| text.contains("sha256:"));
        let rejected = if is_new { 4 } else { 3 };
        (
            200,
            format!(
                "{prefix}.version_text: \"sha256:old\"\n{prefix}.update_rejected: {rejected}\n{prefix}.update_success: 1\n"
            ),
        )
    });
    std::fs::write(&old, "the old one").unwrap();
    let begin = Instant::now();
    let run = bundle(&folder, &["--wait", &admin, "--wait-seconds", "60"]);
    assert_eq!(run.code, 1);
    assert_eq!(
        std::fs::read_to_string(&old).unwrap(),
        "the old one",
        "what is refused is taken back"
    );
    assert!(
        run.err.contains("Envoy rejected the bundle and goes on with the old one"),
        "{}",
        run.err
    );
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[test]
fn waiting_fails_where_nobody_answers() {
    let folder = Folder::new();
    let run = bundle(&folder, &["--wait", "/nowhere.sock", "--wait-seconds", "0"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("error: /nowhere.sock: No such file"), "{}", run.err);
    let run = bundle(&folder, &["--wait", "gopher://x", "--wait-seconds", "0"]);
    assert!(run.err.contains("`gopher://x` is not an address to wait for"), "{}", run.err);
    let folder = Folder::new();
    assert_eq!(bundle(&folder, &["--wait", "gopher://x"]).code, 1);
    assert!(!folder.beside("out.json").exists(), "nothing is delivered in vain");
}

/// A running `zonegate watch`, ended with the test.
struct Watch(Child);

impl Watch {
    /// Starts watching.
    fn start(folder: &Folder) -> Watch {
        let arguments = [&["watch", "--format", "json"], TARGET.as_slice()].concat();
        Watch(folder.command(&arguments).spawn().unwrap())
    }

    /// Ends it and gives what it said, one event on each line.
    fn end(mut self) -> Vec<serde_json::Value> {
        // What it does is seen before what it says.
        std::thread::sleep(Duration::from_millis(300));
        self.0.kill().unwrap();
        let mut text = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_sound_edit_is_live_and_a_broken_one_is_not() {
    let folder = Folder::new();
    let watch = Watch::start(&folder);
    until(|| !version(&folder).is_empty());
    let first = version(&folder);
    // The test waits longer than the two seconds that are promised, for slow machines.
    folder.edit("networks.toml", "192.0.2.0", "198.51.100.0");
    until(|| version(&folder) != first);
    let second = version(&folder);
    folder.edit("networks.toml", "/24", "/33");
    std::thread::sleep(Duration::from_millis(800));
    assert_eq!(version(&folder), second);
    folder.edit("networks.toml", "/33", "/25");
    until(|| version(&folder) != second);
    let events = watch.end();
    let said: Vec<&str> =
        events.iter().map(|event| event["what"].as_str().unwrap_or("refused")).collect();
    assert_eq!(said, ["delivered", "delivered", "refused", "delivered"]);
    assert_eq!(events[2]["problems"][0]["file"], "networks.toml");
}

#[test]
fn a_guardrail_that_vanishes_while_an_editor_saves_is_never_published_as_absent() {
    let folder = Folder::new();
    let watch = Watch::start(&folder);
    until(|| !version(&folder).is_empty());
    let first = version(&folder);
    let text = folder.read("rules/everybody.cedar");
    for round in 0..5 {
        folder.remove("rules/everybody.cedar");
        std::thread::sleep(Duration::from_millis(60 * round));
        assert_eq!(version(&folder), first);
        folder.write("rules/everybody.cedar", &text);
        std::thread::sleep(Duration::from_millis(60));
    }
    std::thread::sleep(Duration::from_millis(800));
    assert_eq!(version(&folder), first);
    assert_eq!(watch.end().iter().filter(|event| event["what"] == "delivered").count(), 1);
}
