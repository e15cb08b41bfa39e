//! `zonegate new`: what is begun passes `check` and `test`, and what cannot be leaves no trace.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::{Folder, Run};

/// The folder is sound, without warnings that are not expected, and its tables pass.
fn passes(folder: &Folder, allowed: &[&str]) {
    let check = folder.run(&["check"]);
    assert_eq!(check.code, 0, "{}", check.out);
    let warnings = check.out.lines().filter(|line| line.contains("warning["));
    for warning in warnings {
        assert!(allowed.iter().any(|lint| warning.contains(lint)), "{warning}");
    }
    let test = folder.run(&["test"]);
    assert_eq!(test.code, 0, "{}{}", test.out, test.err);
}

/// What a run that must succeed printed.
fn good(run: Run) -> Run {
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    run
}

#[test]
fn each_kind_of_policy_passes() {
    let folder = Folder::new();
    for may in ["read", "addresses", "texts", "records"] {
        let name = format!("team-{may}");
        let run = folder.run(&["new", "policy", &name, "--zone", "example.net", "--may", may]);
        let run = good(run);
        assert!(run.out.contains(&format!("wrote policies/roles/{name}.cedar")), "{}", run.out);
    }
    passes(&folder, &[]);
    let manifest = folder.read("manifest.toml");
    assert!(manifest.contains("  \"roles/team-read.cedar\",\n"), "{manifest}");
    let again = folder.run(&["new", "policy", "team-read", "--zone", "example.net"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("is there already"), "{}", again.err);
}

#[test]
fn a_folder_of_ones_own_passes_and_takes_a_first_key() {
    let folder = Folder::new();
    std::fs::remove_dir_all(folder.policies()).unwrap();
    let run = good(folder.run(&["new", "folder", "policies"]));
    assert!(run.out.contains("wrote policies/guardrails/zones.cedar"), "{}", run.out);
    passes(&folder, &[]);
    // What it is told to do next works: with a key whose grant stands in the folder.
    let key = ["new", "key", "--description", "certificates of www", "--may", "acme-host"];
    let rest = ["--zone", "example.com", "--name", "_acme-challenge.www.example.com"];
    let made = good(folder.run(&[&key[..], &rest].concat()));
    assert!(made.out.starts_with("zgk_"), "{}", made.out);
    good(folder.run(&["new", "policy", "team", "--zone", "example.net", "--may", "records"]));
    good(folder.run(&["new", "table", "mine", "--provider", "cloudflare", "--key", "none"]));
    passes(&folder, &[]);
    good(folder.run(&["bundle", "--bare", "--output", "bundle"]));
    let again = folder.run(&["new", "folder", "policies"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("is not empty"), "{}", again.err);
}

#[test]
fn a_folder_of_ones_own_has_all_guardrails_and_templates_of_the_library() {
    let folder = Folder::new();
    good(folder.run(&["new", "folder", "mine"]));
    let library = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../policies"));
    let manifest = |dir: &Path| -> toml::Table {
        toml::from_str(&std::fs::read_to_string(dir.join("manifest.toml")).unwrap()).unwrap()
    };
    let mine = folder.path.join("mine");
    assert_eq!(manifest(&mine)["guardrails"], manifest(library)["guardrails"]);
    for kind in ["guardrails", "templates"] {
        for entry in std::fs::read_dir(library.join(kind)).unwrap() {
            let path = entry.unwrap().path();
            let copy = mine.join(kind).join(path.file_name().unwrap());
            assert_eq!(
                std::fs::read(&copy).ok(),
                Some(std::fs::read(&path).unwrap()),
                "{}",
                copy.display()
            );
        }
    }
}

#[test]
fn a_policy_in_the_shipped_folder_passes() {
    let folder = Folder::new();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");
    std::fs::remove_dir_all(folder.policies()).unwrap();
    let mut copy = Command::new("cp");
    copy.args(["-r", shipped, "policies"]).current_dir(&folder.path);
    assert!(copy.status().unwrap().success());
    good(folder.run(&["new", "policy", "web-team", "--zone", "example.net", "--may", "addresses"]));
    let filtered = folder.run(&["test", "--filter", "web-team"]);
    assert_eq!(filtered.code, 0, "{}", filtered.out);
    let key = ["new", "key", "--description", "a router", "--may", "ddns", "--zone", "example.com"];
    let run = good(folder.run(&[&key[..], &["--name", "r.example.com"]].concat()));
    assert!(run.out.starts_with("zgk_") && run.out.lines().count() == 1, "{}", run.out);
    assert_eq!(folder.run(&["check", "--deny-warnings"]).code, 0);
    let without = folder.run(&key);
    assert_eq!(without.code, 1);
    assert!(without.err.contains("give it as --name NAME"), "{}", without.err);
}

#[test]
fn a_key_has_rights_and_an_end() {
    let folder = Folder::new();
    let key = ["new", "key", "--description", "the \"editor\"", "--may", "editors"];
    let run = good(folder.run(&key));
    assert!(run.out.starts_with("zgk_"), "{}", run.out);
    let keys = folder.read("keys.toml");
    assert!(keys.contains("roles = [\"editors\"]\nexpires = \"20"), "{keys}");
    passes(&folder, &[]);
    let forever = [&key[..], &["--expires", "never"]].concat();
    good(folder.run(&forever));
    passes(&folder, &["key-without-expiry"]);
    let misspelt = folder.run(&["new", "key", "--description", "x", "--may", "editor"]);
    assert_eq!(misspelt.code, 1);
    assert!(misspelt.err.contains("did you mean `editors`?"), "{}", misspelt.err);
}

#[test]
fn a_table_says_what_is_decided() {
    let folder = Folder::new();
    good(folder.run(&["new", "table", "first", "--key", "editor"]));
    let table = folder.read("cases/first.toml");
    assert!(
        table.contains("deny = \"no-key\"") && table.contains("allow = [\"every-key\"]"),
        "{table}"
    );
    good(folder.run(&["new", "table", "second", "--key", "left"]));
    assert!(folder.read("cases/second.toml").contains("deny = \"disabled-key\""));
    good(folder.run(&["new", "table", "third", "--provider", "cloudflare"]));
    passes(&folder, &[]);
    let misspelt = folder.run(&["new", "table", "fourth", "--provider", "cloudflair"]);
    assert!(misspelt.err.contains("did you mean `cloudflare`?"), "{}", misspelt.err);
    let misspelt = folder.run(&["new", "table", "fourth", "--key", "edtior"]);
    assert!(misspelt.err.contains("did you mean `editor`?"), "{}", misspelt.err);
    // Also in a folder that has no tables yet.
    std::fs::remove_dir_all(folder.policies().join("cases")).unwrap();
    good(folder.run(&["new", "table", "first"]));
    assert_eq!(folder.run(&["check", "--deny-warnings"]).code, 0);
}

#[test]
fn what_would_not_be_sound_leaves_no_trace() {
    let folder = Folder::new();
    let before = ["keys.toml", "roles.toml", "manifest.toml", "cases/demo-keys.toml"];
    let before = before.map(|file| (file, folder.read(file)));
    let same = || before.iter().all(|(file, text)| folder.read(file) == *text);
    let run = folder.run(&["new", "policy", "odd", "--zone", "Example.com."]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(same() && !folder.policies().join("roles/odd.cedar").exists());
    for name in ["Odd", "../odd", "", "-x"] {
        let run = folder.run(&["new", "policy", "--zone", "example.com", "--", name]);
        assert_eq!(run.code, 1, "{name}");
    }
    let run = folder.run(&["new", "policy", "odd"]);
    assert!(run.err.contains("give it as --zone ZONE"), "{}", run.err);
    assert!(same());
    folder.edit("windows.toml", "Amsterdam", "Amsterdamm");
    let run = folder.run(&["new", "policy", "odd", "--zone", "example.net"]);
    assert_eq!(run.code, 3, "what is broken already is said, and left alone");
    assert!(same());
}

#[test]
fn a_person_at_a_terminal_is_asked() {
    let folder = Folder::new();
    let program = env!("CARGO_BIN_EXE_zonegate");
    let mut script = Command::new("script");
    script.args(["-qec", &format!("{program} new policy"), "/dev/null"]);
    script.current_dir(&folder.path).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"asked\nexample.net\ntexts\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("[addresses]: "), "{text}");
    assert!(folder.read("roles/asked.cedar").contains("RecordType::\"TXT\""));
    passes(&folder, &[]);
}
