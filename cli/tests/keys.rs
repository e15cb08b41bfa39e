//! `zonegate key`: new, digest, revoke.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::Folder;

/// The arguments that deliver to `out.json`.
const BUNDLE: [&str; 6] = ["bundle", "--demo", "--wasm", "/filter.wasm", "--output", "out.json"];

/// The bundle inside `out.json`.
fn delivered(folder: &Folder) -> String {
    std::fs::read_to_string(folder.beside("out.json")).unwrap()
}

/// What can be read in the bundle of a delivered file.
fn bundle(delivered: &str) -> String {
    let document: serde_json::Value = serde_json::from_str(delivered).unwrap();
    let place = "/resources/0/typed_config/config/configuration/value";
    let bytes = STANDARD.decode(document.pointer(place).unwrap().as_str().unwrap()).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The plaintext of the key `left`, with the alias of a demonstration key.
fn plaintext(folder: &Folder, alias: &str) -> String {
    let keys: toml::Table = toml::from_str(&folder.read("cases/demo-keys.toml")).unwrap();
    keys.get(alias).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn a_new_key_is_shown_once_and_its_entry_is_sound() {
    let folder = Folder::new();
    let run = folder.run(&["key", "new", "--id", "abcdefghijkl", "--role", "editors"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let key = run.out.trim_end();
    assert_eq!(run.out.lines().count(), 1, "the key alone is on standard output");
    assert_eq!(key.len(), 64);
    assert!(key.starts_with("zgk_abcdefghijkl_"));
    assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    assert!(!run.err.contains(key), "the entry has no secret");
    let entry = run.err.split_once("Its entry for keys.toml:\n").unwrap().1;
    let digest = folder.run_with(&["key", "digest"], &format!("{key}\n"));
    let digest = digest.out.lines().find(|line| line.starts_with("digest")).unwrap().to_owned();
    let digest = digest.split_whitespace().last().unwrap();
    assert_eq!(
        entry,
        format!(
            "[[key]]\nid = \"abcdefghijkl\"\ndigest = \"{digest}\"\ndescription = \"(say who has this \
             key and what for)\"\naccounts = [\"powerdns/main\"]\nroles = [\"editors\"]\n"
        )
    );
    let text = folder.read("keys.toml");
    folder.write("keys.toml", format!("{text}\n{entry}"));
    assert_eq!(folder.run(&["check"]).code, 0);
}

#[test]
fn two_new_keys_differ_in_id_and_secret() {
    let folder = Folder::new();
    let one = folder.run(&["key", "new"]).out;
    let other = folder.run(&["key", "new"]).out;
    assert_ne!(one.get(4..16), other.get(4..16));
    assert_ne!(one.get(17..58), other.get(17..58));
}

#[test]
fn the_short_form_has_forty_characters() {
    let folder = Folder::new();
    let run = folder.run(&["key", "new", "--short", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let key = json["key"].as_str().unwrap();
    assert_eq!((key.len(), key.starts_with("zgs_")), (40, true));
    assert_eq!(json["id"].as_str().unwrap().len(), 6);
}

#[test]
fn an_entry_is_appended_to_a_keys_file() {
    let folder = Folder::new();
    let before = folder.read("keys.toml");
    let append = ["key", "new", "--id", "demonew00001", "--append", "policies/keys.toml"];
    let run = folder.run(&append);
    assert_eq!((run.code, run.out.lines().count()), (0, 1), "{}", run.err);
    assert!(run.err.ends_with("Its entry is at the end of policies/keys.toml.\n"), "{}", run.err);
    let after = folder.read("keys.toml");
    assert!(after.starts_with(&before) && after.contains("id = \"demonew00001\""));
    assert_eq!(folder.run(&["check"]).code, 0);
    let again = folder.run(&append);
    assert_eq!((again.code, again.out.as_str()), (1, ""), "no key without an entry");
    assert!(again.err.contains("there is a key `demonew00001` already"), "{}", again.err);
    assert_eq!(folder.read("keys.toml"), after);
    folder.write("keys.toml", "[[key");
    let broken = folder.run(&["key", "new", "--append", "policies/keys.toml"]);
    assert_eq!((broken.code, broken.out.as_str()), (1, ""));
    assert!(broken.err.contains("policies/keys.toml is not TOML"), "{}", broken.err);
}

#[test]
fn bad_arguments_make_no_key() {
    let folder = Folder::new();
    for (arguments, words) in [
        (vec!["--id", "ABC"], "error: `ABC`: the id of a key of this form has 12 of lower case"),
        (
            vec!["--short", "--id", "abcdefghijkl"],
            "error: `abcdefghijkl`: the id of a key of this form has 6",
        ),
        (vec!["--expires", "soon"], "no point in time"),
        (vec!["--account", "no account"], "account"),
    ] {
        let run = folder.run(&[&["key", "new"], arguments.as_slice()].concat());
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments:?}");
        assert!(run.err.contains(words), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_key_is_recognised() {
    let folder = Folder::new();
    let key = plaintext(&folder, "editor");
    let run = folder.run_with(&["key", "digest"], &format!("  {key}\n"));
    let keys: toml::Table = toml::from_str(&folder.read("keys.toml")).unwrap();
    let digest = keys["key"][0]["digest"].as_str().unwrap();
    assert_eq!(
        run.out,
        format!(
            "key     fine\nid      demoeditor01\nform    long, 64 characters, 244.1 bits of secret\n\
             digest  {digest}\n"
        )
    );
    assert_eq!(run.code, 0);
    let other = folder.run(&["key", "new", "--id", "demoeditor01"]).out;
    let unknown = folder.run(&["key", "new", "--id", "nobodyhasit0"]).out;
    for (key, words) in [
        (key, "file    this key is in it\n"),
        (plaintext(&folder, "left"), "file    the key with this id is disabled\n"),
        (other, "file    the key with this id has another secret\n"),
        (unknown, "file    no key has this id\n"),
    ] {
        let run = folder.run_with(&["key", "digest", "--keys", "policies/keys.toml"], &key);
        assert!(run.out.ends_with(words), "{}", run.out);
    }
}

#[test]
fn a_typing_error_is_told_from_other_errors() {
    let folder = Folder::new();
    let key = plaintext(&folder, "editor");
    let (head, last) = key.split_at(key.len() - 1);
    let typo = format!("{head}{}", if last == "0" { "1" } else { "0" });
    for (input, words, is_typo) in [
        (typo.as_str(), "there is a typing error in it", true),
        (head, "has 64 characters, this has 63", false),
        ("secret", "a key begins with `zgk_` or `zgs_`", false),
    ] {
        let run = folder.run_with(&["key", "digest"], input);
        assert_eq!((run.code, run.out.as_str()), (1, ""));
        assert!(run.err.starts_with("error: this is not a key: "), "{}", run.err);
        assert!(run.err.contains(words), "{}", run.err);
        assert!(!run.err.contains(input), "the key is not repeated");
        let json = folder.run_with(&["key", "digest", "--format", "json"], input).out;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["ok"], &json["typo"]), (&false.into(), &is_typo.into()));
    }
    let run = folder.run(&["key", "digest"]);
    assert_eq!(
        run.err,
        "error: there is no key on standard input; try `zonegate key digest < file`\n"
    );
}

#[test]
fn revoking_does_not_wait_for_a_sound_folder() {
    let folder = Folder::new();
    assert_eq!(folder.run(&BUNDLE).code, 0);
    let before = delivered(&folder);
    // Somebody else's edit: broken, and partly of a kind that must not go out with the revocation.
    folder.edit("rules/everybody.cedar", "permit (", "permit (((");
    folder.edit("roles.toml", "[role.editors]", "[role.writers]");
    let keys = folder.read("keys.toml");
    let run = folder.run(&["key", "revoke", "demoeditor01", "policies", "--bundle", "out.json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.contains("policies/keys.toml: `disabled = true` for demoeditor01"),
        "{}",
        run.out
    );
    let edited = folder.read("keys.toml");
    let line = "id = \"demoeditor01\"\ndisabled = true\n";
    assert_eq!(edited, keys.replacen("id = \"demoeditor01\"\n", line, 1));
    let after = delivered(&folder);
    assert_ne!(after, before);
    let held = bundle(&after);
    assert!(
        held.contains("editors-write") && !held.contains("permit (((") && !held.contains("writers")
    );
    // Nothing but the key changed: the folder as it was, with the revoked key, packs to the same.
    let sound = Folder::new();
    sound.write("keys.toml", &edited);
    assert_eq!(sound.run(&BUNDLE).code, 0);
    assert_eq!(version(&after), version(&delivered(&sound)));
    // Once more changes nothing.
    let again = folder.run(&["key", "revoke", "demoeditor01", "policies", "--bundle", "out.json"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(version(&delivered(&folder)), version(&after));
}

#[test]
fn half_a_revocation_says_so() {
    let folder = Folder::new();
    assert_eq!(folder.run(&BUNDLE).code, 0);
    let keys = folder.read("keys.toml");
    let bundle_alone = folder.run(&["key", "revoke", "demoeditor01", "--bundle", "out.json"]);
    assert_eq!(bundle_alone.code, 0, "{}", bundle_alone.err);
    assert!(bundle_alone.err.contains("the next `zonegate bundle` brings the key back"));
    assert_eq!(folder.read("keys.toml"), keys);
    let file_alone = folder.run(&["key", "revoke", "demoeditor01"]);
    assert_eq!(file_alone.code, 0, "{}", file_alone.err);
    assert!(file_alone.err.contains("no bundle was changed, so the key still works"));
    assert_ne!(folder.read("keys.toml"), keys);
}

#[test]
fn what_cannot_be_revoked_fails() {
    let folder = Folder::new();
    assert_eq!(folder.run(&BUNDLE).code, 0);
    let (before, keys) = (delivered(&folder), folder.read("keys.toml"));
    let run = folder.run(&["key", "revoke", "demonobody01", "policies", "--bundle", "out.json"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("the bundle has no key `demonobody01`"), "{}", run.err);
    assert_eq!((delivered(&folder), folder.read("keys.toml")), (before, keys));
    let run =
        folder.run(&["key", "revoke", "demoeditor01", "policies", "--bundle", "nowhere.json"]);
    assert_eq!(run.code, 1, "the key is not revoked at the gate");
    assert!(folder.read("keys.toml").contains("disabled = true\ndigest"), "but it is in the file");
    std::fs::write(folder.beside("other.json"), "{}").unwrap();
    let run = folder.run(&["key", "revoke", "demoeditor01", "policies", "--bundle", "other.json"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("other.json is no file of `zonegate bundle`"), "{}", run.err);
}

/// The version of a delivered file.
fn version(text: &str) -> String {
    let document: serde_json::Value = serde_json::from_str(text).unwrap();
    document.pointer("/version_info").unwrap().as_str().unwrap().to_owned()
}

/// The entry of a key in `keys.toml` as a line of JSON.
const LINE: &str = r#"{"id":"k3m9x2p7q1ab","digest":"sha256:DIGEST","description":"made elsewhere","accounts":["powerdns/main"],"roles":["editors"],"expires":"2031-01-01T00:00:00Z"}"#;

#[test]
fn keys_stand_in_several_files() {
    let folder = Folder::new();
    std::fs::create_dir(folder.policies().join("keys")).unwrap();
    let line = LINE.replace("DIGEST", &"ab".repeat(32));
    folder.write("keys/others.jsonl", format!("{line}\n"));
    let run = folder.run(&BUNDLE);
    assert_eq!(run.code, 0, "{}", run.err);
    let before = version(&delivered(&folder));
    let run = folder.run(&["key", "revoke", "k3m9x2p7q1ab", "policies", "--bundle", "out.json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("others.jsonl: `disabled = true` for k3m9x2p7q1ab"), "{}", run.out);
    assert!(folder.read("keys/others.jsonl").contains("\"disabled\":true"));
    let revoked = version(&delivered(&folder));
    assert_ne!(revoked, before);
    assert_eq!(folder.run(&BUNDLE).code, 0);
    assert_eq!(version(&delivered(&folder)), revoked, "both say the same");
    // A mistake in a line is told with its file and number, a lint as well.
    folder.write("keys/others.jsonl", format!("{line}\n{}\n", line.replace("roles", "rolls")));
    let run = folder.run(&["check"]);
    assert_eq!(run.code, 3);
    let said = format!("{}{}", run.out, run.err);
    assert!(said.contains("policies/keys/others.jsonl:2: error: the key `k3m9x2p7q1ab`"), "{said}");
    folder.write("keys/others.jsonl", line.replace(",\"expires\":\"2031-01-01T00:00:00Z\"", ""));
    let run = folder.run(&["check"]);
    let said = format!("{}{}", run.out, run.err);
    assert!(
        said.contains(
            "policies/keys/others.jsonl:1: warning[key-without-expiry]: the key `k3m9x2p7q1ab` never expires"
        ),
        "{said}"
    );
    // A folder that nothing reads is no place for keys.
    folder.write("keys/others.jsonl", "").write("keys/more.txt", "x");
    std::fs::create_dir(folder.policies().join("sub")).unwrap();
    folder.write("sub/keys.toml", "");
    let run = folder.run(&["check"]);
    let said = format!("{}{}", run.out, run.err);
    assert!(said.contains("a settings file that nothing reads"), "{said}");
}

#[test]
fn a_key_is_revoked_where_it_stands_and_not_where_it_is_mentioned() {
    let folder = Folder::new();
    std::fs::create_dir(folder.policies().join("keys")).unwrap();
    let id = "k3m9x2p7q1ab";
    let line = LINE.replace("DIGEST", &"ab".repeat(32));
    let other = LINE.replace("DIGEST", &"cd".repeat(32)).replace(id, "k3m9x2p7q1ac");
    // Files before its own name the key: in a comment, in a description, as an editor left it.
    let keys = format!("# \"{id}\" is elsewhere\n{}", folder.read("keys.toml"));
    folder.write("keys.toml", &keys);
    let mentions = other.replace("made elsewhere", &format!("takes over from '{id}'"));
    let escaped = line.replace("\"id\":\"k3", "\"id\":\"\\u006b3");
    folder.write("keys/a.jsonl", format!("{mentions}\n"));
    folder.write("keys/.b.jsonl", format!("{line}\n"));
    folder.write("keys/c.jsonl", format!("{escaped}\n"));
    assert_eq!(folder.run(&BUNDLE).code, 0);
    let run = folder.run(&["key", "revoke", id, "policies", "--bundle", "out.json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("c.jsonl: `disabled = true` for k3m9x2p7q1ab"), "{}", run.out);
    assert_eq!(folder.read("keys.toml"), keys);
    assert!(!folder.read("keys/a.jsonl").contains("disabled"));
    assert!(!folder.read("keys/.b.jsonl").contains("disabled"));
    let revoked = version(&delivered(&folder));
    assert_eq!(folder.run(&BUNDLE).code, 0);
    assert_eq!(version(&delivered(&folder)), revoked, "both say the same");
}

#[test]
fn a_key_that_stands_in_two_files_is_revoked_in_both() {
    let folder = Folder::new();
    std::fs::create_dir(folder.policies().join("keys")).unwrap();
    let line = LINE.replace("DIGEST", &"ab".repeat(32));
    folder.write("keys/a.jsonl", format!("{line}\n"));
    // One of them is a link, as mounted configuration is.
    std::fs::write(folder.beside("b.jsonl"), format!("{line}\n")).unwrap();
    std::os::unix::fs::symlink(folder.beside("b.jsonl"), folder.policies().join("keys/b.jsonl"))
        .unwrap();
    let run = folder.run(&["key", "revoke", "k3m9x2p7q1ab", "policies"]);
    assert_eq!(run.code, 0, "{}", run.err);
    for file in ["keys/a.jsonl", "keys/b.jsonl"] {
        assert!(folder.read(file).contains("\"disabled\":true"), "{file}");
    }
    let link = std::fs::symlink_metadata(folder.policies().join("keys/b.jsonl")).unwrap();
    assert!(link.file_type().is_symlink(), "the link is still one");
    let run = folder.run(&["key", "revoke", "k3m9x2p7q1ac", "policies"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("no keys file has a key with the id `k3m9x2p7q1ac`"), "{}", run.err);
    // What cannot be read and mentions the key may have it: that is no success.
    folder.write("keys/c.jsonl", format!("{line},\n"));
    let run = folder.run(&["key", "revoke", "k3m9x2p7q1ab", "policies"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("keys/c.jsonl:1: this line is not JSON"), "{}", run.err);
}

#[test]
fn a_pasted_key_is_not_printed() {
    let folder = Folder::new();
    std::fs::create_dir(folder.policies().join("keys")).unwrap();
    let key = plaintext(&folder, "editor");
    let secret = key.get(17..58).unwrap();
    let line = LINE.replace("DIGEST", &"ab".repeat(32));
    for (file, text) in [
        ("keys/a.jsonl", line.replace("k3m9x2p7q1ab", &key)),
        ("keys/a.jsonl", line.replace("made elsewhere", &format!("{key}\",\"rolls\":\"x"))),
        ("keys/a.jsonl", format!("{line} {key}")),
        ("keys/a.toml", format!("[[key]]\nid = \"{key}\"\n")),
        ("keys/a.toml", format!("[[key]]\nid = {key}\n")),
    ] {
        folder.write(file, text);
        for format in ["text", "json"] {
            let run = folder.run(&["check", "--format", format]);
            assert_eq!(run.code, 3, "{}", run.err);
            assert!(run.err.contains(file) || run.out.contains(file), "{}", run.err);
            assert!(!run.err.contains(secret) && !run.out.contains(secret), "{}", run.err);
        }
        folder.remove(file);
    }
}

#[test]
fn keys_that_nothing_reads_are_no_sound_folder() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.policies().join("keys/more")).unwrap();
    for file in ["keys.jsonl", "keys/more/a.jsonl"] {
        folder.write(file, "");
        let run = folder.run(&["check"]);
        assert_eq!(run.code, 3, "{file}");
        let said = format!("{}{}", run.out, run.err);
        assert!(said.contains(&format!("{file}: error: a keys file that nothing reads")), "{said}");
        folder.remove(file);
    }
}
