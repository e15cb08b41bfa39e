//! `zonegate check`: everything that an operator can get wrong, with the words that it gets.
//!
//! Each case spoils a sound folder and compares the whole output with `tests/snapshots/*.txt`.
//! `ZONEGATE_BLESS=1 cargo test -p zonegate-cli` writes them anew; read them before you keep them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Folder;

/// Compares the output of `check` on a spoilt folder with the snapshot of this name.
fn spoilt(name: &str, spoil: impl FnOnce(&Folder)) {
    let folder = Folder::new();
    spoil(&folder);
    let run = folder.run(&["check"]);
    let path = format!("tests/snapshots/{name}.txt");
    let text = format!("{}[exit code {}]\n", run.out, run.code);
    if std::env::var_os("ZONEGATE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{path}");
    assert_eq!(run.err, "");
    // Whatever `check` finds, `bundle` refuses, and writes nothing.
    if run.code == 3 {
        let output = folder.beside("out.json");
        let file = output.to_str().unwrap();
        let bundle = folder.run(&["bundle", "--demo", "--wasm", "x", "--output", file]);
        let in_tables = run.out.lines().filter(|line| line.contains(": error:"));
        if in_tables.clone().any(|line| !line.contains("/cases/")) {
            assert_eq!((bundle.code, output.exists()), (3, false), "{}", bundle.err);
        }
    }
}

#[test]
fn a_sound_folder() {
    spoilt("sound", |_| ());
}

#[test]
fn policies_that_do_not_parse() {
    spoilt("policy-effect", |f| {
        f.edit("rules/everybody.cedar", "permit (", "permitt (");
    });
    spoilt("policy-cut-off", |f| {
        f.edit("rules/editors.cedar", "resource in Pattern::\"preview\" };", "resource in");
    });
    spoilt("policy-too-deep", |f| {
        let (open, close) = ("(".repeat(500), ")".repeat(500));
        let condition = format!("{open}resource.zone == \"example.com\"{close}");
        f.edit("rules/editors.cedar", "resource.zone == \"example.com\"", &condition);
    });
}

#[test]
fn policies_that_do_not_validate() {
    spoilt("policy-attribute", |f| {
        f.edit("rules/editors.cedar", "resource.zone ", "resource.zonne ");
    });
    spoilt("policy-role", |f| {
        f.edit("rules/editors.cedar", "Role::\"editors\"", "Role::\"editor\"");
    });
    spoilt("policy-action", |f| {
        f.edit("rules/everybody.cedar", "zone.list", "zone.lst");
    });
    spoilt("policy-pattern", |f| {
        f.edit("rules/editors.cedar", "Pattern::\"preview\"", "Pattern::\"previews\"");
    });
    spoilt("policy-window", |f| {
        f.edit("rules/editors.cedar", "Window::\"office-hours\"", "Window::\"office\"");
    });
    spoilt("policy-zone-name", |f| {
        f.edit("rules/editors.cedar", "Zone::\"example.com\"", "Zone::\"Example.com.\"");
    });
}

#[test]
fn policy_ids() {
    spoilt("id-twice", |f| {
        f.edit("rules/editors.cedar", "editors-previews", "every-key");
    });
    spoilt("id-missing", |f| {
        f.edit("rules/editors.cedar", "@id(\"editors-previews\")\n", "");
    });
}

#[test]
fn keys() {
    spoilt("key-digest", |f| {
        f.edit("keys.toml", "sha256:", "sha256:x");
    });
    spoilt("key-role", |f| {
        f.edit("keys.toml", "\"editors\"", "\"editor\"");
    });
    spoilt("key-twice", |f| {
        f.edit("keys.toml", "demooff00001", "demoeditor01");
    });
    spoilt("key-field", |f| {
        f.edit("keys.toml", "roles =", "role =");
    });
    spoilt("key-network", |f| {
        f.edit("keys.toml", "disabled = true", "networks = [\"ofice\"]");
    });
    spoilt("key-grant", |f| {
        let grant = "disabled = true\n[[key.grant]]\ngrant = \"acme\"\nzone = \"example.com\"";
        f.edit("keys.toml", "disabled = true", grant);
    });
}

#[test]
fn settings() {
    spoilt("regex-bad", |f| {
        f.edit("patterns.toml", "pr-[", "pr-([");
    });
    spoilt("regex-unanchored", |f| {
        f.edit("patterns.toml", "'pr-", "'^pr-");
    });
    spoilt("regex-never", |f| {
        f.edit("patterns.toml", "'pr-", "'PR-");
    });
    spoilt("time-zone", |f| {
        f.edit("windows.toml", "Amsterdam", "Amsterdamm");
    });
    spoilt("network-host-bits", |f| {
        f.edit("networks.toml", "192.0.2.0", "192.0.2.1");
    });
    spoilt("not-toml", |f| {
        f.edit("keys.toml", "[[key]]", "[[key]");
    });
}

#[test]
fn files_that_are_not_as_they_should_be() {
    spoilt("file-missing", |f| {
        f.remove("keys.toml");
    });
    spoilt("policy-file-missing", |f| {
        f.remove("rules/editors.cedar");
    });
    spoilt("policy-file-unlisted", |f| {
        f.write("rules/more.cedar", "");
    });
    spoilt("guardrail-missing", |f| {
        f.edit("rules/everybody.cedar", "no-caa", "no-caaa");
    });
    spoilt("guardrail-missing-in-a-broken-folder", |f| {
        f.edit("rules/everybody.cedar", "no-caa", "no-caaa").edit("networks.toml", "/24", "/33");
    });
    spoilt("manifest-missing", |f| {
        f.remove("manifest.toml");
    });
    spoilt("manifest-field", |f| {
        f.edit("manifest.toml", "guardrails", "guardrail");
    });
    spoilt("not-utf-8", |f| {
        f.write("keys.toml", b"# fine\n# \xff\n");
    });
    spoilt("a-folder-instead-of-a-file", |f| {
        f.remove("keys.toml");
        std::fs::create_dir(f.policies().join("keys.toml")).unwrap();
    });
    spoilt("a-link-to-nowhere", |f| {
        f.remove("keys.toml");
        std::os::unix::fs::symlink("nowhere", f.policies().join("keys.toml")).unwrap();
    });
    spoilt("settings-file-misnamed", |f| {
        f.remove("patterns.toml").write("pattern.toml", "");
    });
    spoilt("schema-edited", |f| {
        f.write("schema.cedarschema", "entity Key;");
    });
}

#[test]
fn tables() {
    spoilt("table-policy", |f| {
        f.edit("cases/editors.toml", "\"editors-previews\"", "\"editor-previews\"");
    });
    spoilt("table-field", |f| {
        f.edit("cases/editors.toml", "deny =", "denied =");
    });
    spoilt("table-key", |f| {
        f.edit("cases/editors.toml", "key = \"left\"", "key = \"lefty\"");
    });
    spoilt("table-empty", |f| {
        f.write("cases/empty.toml", "");
    });
    spoilt("tables-missing", |f| {
        std::fs::remove_dir_all(f.policies().join("cases")).unwrap();
    });
}

#[test]
fn everything_at_once() {
    spoilt("everything-at-once", |f| {
        f.edit("keys.toml", "sha256:", "sha256:x");
        f.edit("windows.toml", "Amsterdam", "Amsterdamm");
        f.edit("patterns.toml", "pr-[", "pr-([");
        f.edit("rules/editors.cedar", "resource.zone ", "resource.zonne ");
        f.edit("rules/everybody.cedar", "zone.list", "zone.lst");
        f.edit("cases/editors.toml", "deny =", "denied =");
        f.remove("roles.toml");
    });
}

#[test]
fn what_an_editor_leaves_behind_is_no_matter() {
    spoilt("sound", |f| {
        for name in
            [".keys.toml.swp", "keys.toml~", "#keys.toml#", "rules/.#editors.cedar", "README.md"]
        {
            f.write(name, "nonsense [[[");
        }
    });
}

#[test]
fn a_folder_that_is_none() {
    let folder = Folder::new();
    let run = folder.run(&["check", "polices"]);
    assert_eq!(
        run.out,
        "polices: error: there is no such folder\n  help: name the policies folder, or run this \
         beside it\npolices: 1 problem\n"
    );
    assert_eq!(run.code, 3);
    let run = folder.run(&["check", "policies/keys.toml"]);
    assert!(run.out.starts_with("policies/keys.toml: error: this is no folder\n"), "{}", run.out);
    assert_eq!(run.code, 3);
}

#[test]
fn problems_for_a_program() {
    let folder = Folder::new();
    folder.edit("windows.toml", "Amsterdam", "Amsterdamm");
    let run = folder.run(&["check", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["problems"][0]["file"], "windows.toml");
    assert_eq!(json["problems"][0]["line"], 1);
    assert_eq!(run.code, 3);
    let sound = Folder::new().run(&["check", "--format", "json"]);
    assert_eq!(sound.out, "{\n  \"ok\": true,\n  \"problems\": [],\n  \"warnings\": []\n}\n");
}

/// The command is built with decimals, which its solver wants; the filter is not.
#[test]
fn a_policy_that_no_filter_could_read_is_refused() {
    let folder = Folder::new();
    let decimal = "decimal(\"1.0\").lessThan(decimal(\"2.0\"))";
    folder.edit(
        "rules/editors.cedar",
        "context.windows.contains(Window::\"office-hours\")",
        decimal,
    );
    let run = folder.run(&["check"]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("decimal"), "{}", run.out);
}
