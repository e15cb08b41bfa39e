//! Revoking: one change in the text, nothing else.

use super::super::*;

/// A file as people write one.
const FILE: &str = "\
# the keys of this gate

[[key]]
id = \"demo01\"   # the router
digest = \"sha256:00\"
description = \"d\"

  [[key.grant]]
  grant = \"ddns\"

[[key]]
# before the id
id = \"demo02\"
disabled = false # for now
";

#[test]
fn one_line_is_added_or_one_value_changed() {
    for (before, id, after) in [
        (FILE, "demo01", FILE.replace("# the router\n", "# the router\ndisabled = true\n")),
        (FILE, "demo02", FILE.replace("disabled = false #", "disabled = true #")),
        ("[[key]]\nid = 'a'", "a", "[[key]]\nid = 'a'\ndisabled = true".to_owned()),
        (
            "[[key]]\r\nid = 'a'\r\nx = 1\r\n",
            "a",
            "[[key]]\r\nid = 'a'\r\ndisabled = true\r\nx = 1\r\n".to_owned(),
        ),
        (
            "  [[key]]\n\t  id = 'a'\n",
            "a",
            "  [[key]]\n\t  id = 'a'\n\t  disabled = true\n".to_owned(),
        ),
        (
            "[[key]]\ndisabled = 'no'\nid = 'a'\n",
            "a",
            "[[key]]\ndisabled = true\nid = 'a'\n".to_owned(),
        ),
        (
            "[[key]]\ndisabled = true\nid = 'a'\n",
            "a",
            "[[key]]\ndisabled = true\nid = 'a'\n".to_owned(),
        ),
        (
            "key = [{ id = 'a', x = 1 }, { id = 'b' }]\n",
            "b",
            "key = [{ id = 'a', x = 1 }, { id = 'b', disabled = true }]\n".to_owned(),
        ),
        (
            "[[key]]\nid = '''a'''\n[[key]]\nid = \"b\"\n",
            "a",
            "[[key]]\nid = '''a'''\ndisabled = true\n[[key]]\nid = \"b\"\n".to_owned(),
        ),
        // What else is wrong with the file does not matter.
        (
            "[[key]]\nid = 7\n[[key]]\nid = 'a'\nnonsense = []\n",
            "a",
            "[[key]]\nid = 7\n[[key]]\nid = 'a'\ndisabled = true\nnonsense = []\n".to_owned(),
        ),
    ] {
        let revoked = revoke("keys.toml", before, id).map_err(|problem| problem.to_string());
        assert_eq!(revoked, Ok(Some(after.clone())), "{before}");
        // Doing it again changes nothing.
        assert_eq!(revoke("keys.toml", &after, id), Ok(Some(after.clone())));
    }
}

#[test]
fn what_cannot_be_revoked_is_explained() {
    for (text, id, line, message, help) in [
        (
            "[[key]]\nid = 'a'\n[[key]]\nid = 'a'\n",
            "a",
            Some(4),
            "the key `a` is there twice",
            "remove one",
        ),
        ("[[key]]\nid = 'a'\nbroken\n", "a", Some(3), "this is not TOML", "correct the file"),
    ] {
        let problem = revoke("keys.toml", text, id).expect_err(text);
        assert_eq!((problem.file.as_str(), problem.line), ("keys.toml", line), "{problem}");
        assert!(problem.message.contains(message), "{problem}");
        assert!(problem.help.as_deref().unwrap_or_default().contains(help), "{problem}");
    }
}

#[test]
fn a_file_without_the_key_is_left_alone() {
    for text in [
        FILE,
        "",
        "key = 'demo03'",
        "# demo03\n[[key]]\nid = 'demo01'\ndescription = 'as \"demo03\"'\n",
        "[[key]]\nid = 'demo01'\nbroken\n",
    ] {
        assert_eq!(revoke("keys.toml", text, "demo03"), Ok(None), "{text}");
    }
    for text in ["", "{\"id\":\"demo01\",\"description\":\"demo03\"}", "[\"demo03\"]\n{broken"] {
        assert_eq!(revoke("keys/x.jsonl", text, "demo03"), Ok(None), "{text}");
    }
}

#[test]
fn every_key_of_the_shipped_file_can_be_revoked() {
    let shipped = include_str!("../../../../policies/keys.toml");
    let networks = ["office".to_owned(), "build".to_owned()];
    let known = Known { networks: &networks, ..Known::default() };
    let read = |text: &str| parse("keys.toml", text, &known).expect("the shipped keys").0;
    let before = read(shipped);
    assert!(!before.is_empty());
    for id in before.iter().map(|key| &key.id) {
        let wanted = before.disabled(id).expect("it is there");
        let after = revoke("keys.toml", shipped, id).expect("revoked").expect("it is there");
        // Tables are compared without lines.
        assert_eq!(read(&after), wanted, "{id}");
        assert!(after.len() <= shipped.len() + "\ndisabled = true".len(), "{id}");
    }
}

#[test]
fn the_demo_keys_are_the_shipped_keys() {
    let networks = ["office".to_owned(), "build".to_owned()];
    let known = Known { networks: &networks, ..Known::default() };
    let shipped = include_str!("../../../../policies/keys.toml");
    let keys = parse("keys.toml", shipped, &known).expect("the shipped keys").0;
    let texts: std::collections::BTreeMap<String, String> =
        toml::from_str(include_str!("../../../../policies/cases/demo-keys.toml")).expect("texts");
    for key in keys.iter() {
        let text = KeyText::parse(texts[&key.id].as_bytes()).expect("a key");
        assert_eq!(keys.find(&text).map(|found| found.id.clone()), Ok(key.id.clone()));
        assert!(key.id.starts_with("demo"), "{}", key.id);
    }
}
