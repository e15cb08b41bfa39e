//! The table format: what is read, and what is refused with which words.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use zonegate_cases::{Credential, Expected, Failure, Table, Tables};

/// A fixture's path.
fn fixture(name: &str) -> std::path::PathBuf {
    Path::new("tests/fixtures").join(name)
}

/// The problems of a fixture that must be refused, without its folder.
fn problems(name: &str) -> String {
    let folder = fixture("bad").display().to_string() + "/";
    let problems = Table::load(fixture("bad").join(name)).unwrap_err();
    problems
        .iter()
        .map(|problem| problem.to_string().replace(&folder, ""))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_field_is_read() {
    let tables = Tables::load_dir(fixture("good")).unwrap();
    let cases: Vec<_> = tables.cases().collect();
    assert_eq!(cases.len(), 4);
    let first = cases[0];
    assert_eq!(first.line, 8);
    assert_eq!((first.provider.as_str(), first.account.as_str()), ("powerdns", "main"));
    assert_eq!(first.now_unix_ms, 1_780_480_800_000);
    assert_eq!(first.from.to_string(), "198.51.100.7");
    assert!(first.tls && first.raw);
    assert_eq!(first.method, "PATCH");
    assert_eq!(first.headers, [(b"x-odd".to_vec(), b"\xffa".to_vec())]);
    let key = first.credential.key().unwrap();
    assert_eq!(first.request_headers()[0], (b"x-api-key".to_vec(), key.as_bytes().to_vec()));
    let policies = vec!["first".to_owned(), "second".to_owned()];
    assert_eq!(first.expected, Expected::Allow { policies });
    assert_eq!(first.lookups[0].result.as_ref().unwrap().body, b"[]");
    let json = (b"content-type".to_vec(), b"application/json".to_vec());
    assert_eq!(first.lookups[0].result.as_ref().unwrap().headers, [json], "unless it is said");
    assert_eq!(first.lookups[1].result, Err(Failure::Timeout));
    assert_eq!(first.status_expected(), Some(204));
    assert_eq!(first.attacks, [62, 69]);
    let second = cases[1];
    assert_eq!((second.provider.as_str(), second.account.as_str()), ("other", "second"));
    assert_eq!(second.now_unix_ms, first.now_unix_ms);
    assert_eq!(second.target, b"/a\xc3");
    assert_eq!(second.body.as_deref(), Some(&[0, 255][..]));
    assert!(!second.tls);
    let (name, value) = second.credential.header().unwrap();
    assert_eq!(name, b"authorization");
    assert!(value.starts_with(b"Basic em9uZWdhdGU6emdrX2RlbW8w"));
    assert_eq!(second.status_expected(), Some(403));
    assert_eq!(cases[2].credential, Credential::None);
    assert_eq!(cases[2].body.as_deref(), Some(&b"[0,1,2]"[..]));
    assert!(cases[3].credential.header().unwrap().1.starts_with(b"Bearer zgk_"));
    assert!(cases[3].is_for_the_gate());
}

#[test]
fn an_unknown_field_is_refused_in_every_row_at_once() {
    let text = problems("unknown-field.toml");
    assert!(text.contains("unknown-field.toml:11: unknown field `denny`"), "{text}");
    assert!(text.contains("unknown-field.toml:18: unknown field `bodylacks`"), "{text}");
}

#[test]
fn an_unknown_field_of_the_file_is_refused() {
    let text = problems("misspelt-default.toml");
    assert!(text.contains("misspelt-default.toml:6: unknown field `tsl`"), "{text}");
}

#[test]
fn a_duplicate_name_is_refused() {
    let text = problems("duplicate-name.toml");
    assert_eq!(text, "duplicate-name.toml:11: the name `same` is used twice\n  help: rename one");
}

#[test]
fn a_table_without_rows_is_refused() {
    let help = "\n  help: write at least one `[[case]]`, or delete the file";
    assert_eq!(problems("no-rows.toml"), format!("no-rows.toml: a table without a case{help}"));
    assert_eq!(problems("empty.toml"), format!("empty.toml: a table without a case{help}"));
}

#[test]
fn an_unknown_key_is_refused_and_the_known_are_named() {
    assert_eq!(
        problems("unknown-key.toml"),
        "unknown-key.toml:6: in `one`: there is no key `acmee` in demo-keys.toml\n  \
         help: keys there: acme; `none` sends no key"
    );
}

#[test]
fn an_unknown_reason_is_refused_and_the_known_are_named() {
    let text = problems("unknown-reason.toml");
    assert!(text.contains("unknown-reason.toml:6: in `one`: `nokey` is not a reason"), "{text}");
    assert!(text.contains("help: the reasons are not-configured, no-key, "), "{text}");
}

#[test]
fn a_verdict_of_policies_names_them() {
    let text = problems("by-missing.toml");
    assert!(text.contains(":6: in `forbidden by whom`: `policy-forbids` needs `by`"), "{text}");
    assert!(text.contains(":11: in `no policy made this`: `no-key` is not made by"), "{text}");
    assert!(text.contains(":17: in `allowed by nobody`: `allow` names no policy"), "{text}");
}

#[test]
fn there_is_exactly_one_verdict() {
    let text = problems("both-verdicts.toml");
    assert!(text.contains("in `both`: both `allow` and `deny`"), "{text}");
    assert!(text.contains("in `neither`: neither `allow` nor `deny`"), "{text}");
}

#[test]
fn everything_that_is_wrong_with_a_row_is_said_at_once() {
    let text = problems("many-at-once.toml");
    for part in [
        "there is no key `nobody`",
        "`send = \"GET\"` is not a method and a path",
        "`yesterday` is not a time",
        "`198.51.100.7:80` is not an IP address",
        "a body is written once",
        "`firefox` is not a runner",
        "`fail = \"oops\"` is not a failure",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn what_must_be_said_is_asked_for() {
    let text = problems("missing-now.toml");
    for field in ["provider", "account", "now", "from"] {
        assert!(text.contains(&format!("in `one`: `{field}` is missing")), "{text}");
    }
}

#[test]
fn what_is_no_toml_has_a_line() {
    assert!(
        problems("not-toml.toml").starts_with("not-toml.toml:6: "),
        "{}",
        problems("not-toml.toml")
    );
}

#[test]
fn a_folder_must_be_readable_and_hold_a_table() {
    let problems = Tables::load_dir(fixture("nowhere")).unwrap_err();
    assert!(problems[0].message.starts_with("cannot read this folder: "));
    let empty = std::env::temp_dir().join(format!("zonegate-cases-{}", std::process::id()));
    std::fs::create_dir_all(&empty).unwrap();
    std::fs::write(empty.join("demo-keys.toml"), "").unwrap();
    let problems = Tables::load_dir(&empty).unwrap_err();
    std::fs::remove_dir_all(&empty).unwrap();
    assert_eq!(problems[0].message, "no table in this folder");
    assert!(Tables::load_dir(fixture("bad")).unwrap_err().len() > 10, "all files are read");
}
