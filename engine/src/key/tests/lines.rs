//! Keys in several files, and as JSON lines: read as those of `keys.toml` are.

use super::super::*;
use super::text;
use crate::problem::Problem;

/// A key as a line of JSON, with more fields.
fn line(id: &str, random: u8, more: &str) -> String {
    let digest = text(id, random).digest();
    format!(
        "{{\"id\":\"{id}\",\"digest\":\"{digest}\",\"description\":\"d\",\"accounts\":[\"powerdns/main\"]{more}}}"
    )
}

/// The same key in TOML.
fn table(id: &str, random: u8, more: &str) -> String {
    let digest = text(id, random).digest();
    format!(
        "[[key]]\nid = '{id}'\ndigest = '{digest}'\ndescription = 'd'\naccounts = ['powerdns/main']\n{more}\n"
    )
}

/// Reads some files.
fn read(files: &[(&str, &str)]) -> Result<Keys, Vec<Problem>> {
    parse_all(files, &Known::default()).map(|(keys, _)| keys)
}

/// What is wrong with some files.
fn problems(files: &[(&str, &str)]) -> String {
    let found = read(files).expect_err("they have problems");
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_line_says_what_a_table_says() {
    let json = line(
        "demo01",
        1,
        ",\"owner\":\"o\",\"attributes\":{\"a\":\"b\"},\"expires\":\"2027-01-01T00:00:00Z\",\
         \"disabled\":true,\"grant\":[{\"grant\":\"ddns\",\"zone\":\"example.com\",\
         \"name\":\"h.example.com\"}],\"allow\":[{\"lint\":\"x\",\"reason\":\"y\"}]",
    );
    let toml = table(
        "demo01",
        1,
        "owner = 'o'\nattributes = { a = 'b' }\nexpires = 2027-01-01T00:00:00Z\ndisabled = true\n\
         allow = [{ lint = 'x', reason = 'y' }]\n[[key.grant]]\ngrant = 'ddns'\n\
         zone = 'example.com'\nname = 'h.example.com'",
    );
    let lines = format!("\n{json}\r\n\n{}", line("demo02", 2, ""));
    let tables = format!("{toml}\n{}", table("demo02", 2, ""));
    let from_lines = read(&[("keys/all.jsonl", &lines)]).expect("lines");
    assert_eq!(from_lines, read(&[("keys.toml", &tables)]).expect("tables"));
    let mixed = [("keys.toml", ""), ("keys/a.toml", &toml), ("keys/b.jsonl", &lines)];
    assert_eq!(read(&[mixed[0], ("keys/b.jsonl", &lines)]).expect("both"), from_lines);
    let key = from_lines.by_id("demo02").expect("the key");
    assert_eq!((key.file.as_str(), key.line), ("keys/all.jsonl", 4));
    let twice = problems(&mixed);
    assert!(
        twice.contains("keys/b.jsonl") && twice.contains("first at keys/a.toml, line 2"),
        "{twice}"
    );
}

#[test]
fn every_wrong_line_is_explained_with_its_number() {
    let good = line("demo01", 1, "");
    for (bad, said) in [
        ("{".to_owned(), "this line is not JSON, near its column 1"),
        ("[]".to_owned(), "this line is no JSON object"),
        ("\"zgk_secret\"".to_owned(), "this line is no JSON object"),
        (format!("{good} {good}"), "this line is not JSON"),
        (line("demo02", 2, ",\"expires\":null"), "a number, `null`"),
        (line("demo02", 2, ",\"expires\":1"), "a number, `null`"),
        (line("demo02", 2, ",\"disabled\":false,\"disabled\":true"), "has a field twice"),
        (line("demo02", 2, ",\"Disabled\":true"), "`Disabled`"),
        (line("demo02", 2, ",\"roles\":\"a\""), "has a text in `roles`"),
        (line("demo02", 2, ",\"networks\":[]"), "has an empty list of `networks`"),
        (line("demo02", 2, &format!(",\"owner\":{}", "[".repeat(200))), "too many brackets"),
        (line("demo01", 2, ""), "is there twice, first at line 1"),
        ("{}".to_owned(), "has no `id`"),
        (good.replace("\"demo01\"", "[\"demo02\"]"), "has a list in `id`"),
        (good.replace("\"demo01\"", "true"), "has true or false in `id`"),
        (good.replace("\"demo01\"", "\"demo0\\u0000\""), "has an id that no key can have"),
        (good.replace("\"demo01\"", "\"\\ud800demo\""), "is not JSON"),
        (good.replace("\"demo01\"", "1e999"), "is not JSON"),
        (good.replace("\"demo01\"", &"9".repeat(400)), "is not JSON"),
        (good.replace("demo01", &"long".repeat(300)), "has an id that no key can have"),
        (line("demo02", 2, ",\"allow\":true"), "has true or false in `allow`"),
        (line("demo02", 2, ",\"allow\":[{\"lint\":\"x\"}]"), "has no `reason`"),
    ] {
        let text = format!("{good}\n\n{bad}\n");
        let found = problems(&[("keys/x.jsonl", &text)]);
        assert!(found.contains(said), "{bad}: {found}");
        assert!(found.lines().any(|one| one.contains("keys/x.jsonl:3")), "{bad}: {found}");
        assert!(!found.contains("secret") && found.len() < 1_000, "{found}");
    }
}

#[test]
fn a_key_is_revoked_in_its_line_alone() {
    let file = "keys/x.jsonl";
    let text = format!("{}\n\n{}\r\n{}", line("demo01", 1, ""), line("demo02", 2, ""), "{broken");
    let revoked = revoke(file, &text, "demo02").expect("revoked").expect("it is there");
    let lines: Vec<&str> = revoked.split('\n').collect();
    assert_eq!(lines.first().copied(), text.lines().next());
    assert_eq!(
        (lines.len(), lines.get(1).copied(), lines.last().copied()),
        (4, Some(""), Some("{broken"))
    );
    assert!(lines.get(2).is_some_and(|line| line.ends_with("}\r")), "{revoked}");
    let whole = revoked.replace("{broken", "");
    let keys = read(&[(file, &whole)]).expect("keys");
    let disabled = |id: &str| keys.by_id(id).map(|key| key.disabled);
    assert_eq!((disabled("demo01"), disabled("demo02")), (Some(false), Some(true)));
    let again = revoke(file, &revoked, "demo02");
    assert_eq!(again, Ok(Some(revoked.clone())), "once more changes nothing");
    let broken = format!("{text} demo03");
    let unread = revoke(file, &broken, "demo03").expect_err("it may be there").to_string();
    assert!(unread.contains("keys/x.jsonl:4: this line is not JSON"), "{unread}");
    let doubled = format!("{text}\n{}", line("demo02", 3, ""));
    let twice = revoke(file, &doubled, "demo02").expect_err("twice").to_string();
    assert!(twice.contains("is there twice"), "{twice}");
}

#[test]
fn a_mark_of_the_byte_order_is_no_part_of_a_key() {
    let (one, other) = (line("demo01", 1, ""), line("demo02", 2, ""));
    let marked = format!("\u{feff}{one}\r\n{other}\r\n");
    let keys = read(&[("keys/x.jsonl", &marked)]).expect("lines");
    let table = format!("\u{feff}{}", table("demo01", 1, ""));
    let tables = read(&[("keys.toml", &table)]).expect("tables");
    assert_eq!(
        keys.by_id("demo01"),
        tables
            .by_id("demo01")
            .map(|key| Key { file: "keys/x.jsonl".to_owned(), ..key.clone() })
            .as_ref()
    );
    assert_eq!(keys.by_id("demo02").map(|key| key.line), Some(2));
    for (file, text) in [("keys/x.jsonl", &marked), ("keys.toml", &table)] {
        let revoked = revoke(file, text, "demo01").expect("revoked").expect("it is there");
        assert!(revoked.starts_with('\u{feff}'), "{revoked}");
        let keys = read(&[(file, &revoked)]).expect("keys");
        assert_eq!(keys.by_id("demo01").map(|key| key.disabled), Some(true));
    }
    let problem = problems(&[("keys/x.jsonl", &format!("\u{feff}{one}\n\u{feff}{other}"))]);
    assert!(problem.contains("keys/x.jsonl:2: this line is not JSON"), "{problem}");
}

#[test]
fn a_secret_that_was_pasted_anywhere_is_not_repeated() {
    let secret = text("demo03", 7);
    let secret = secret.text();
    let good = line("demo01", 1, "");
    for more in [
        format!(",\"owner\":\"a\",\"{secret}\":\"a\""),
        format!(",\"roles\":[\"{secret}\"]"),
        format!(",\"networks\":[\"{secret}\"]"),
        format!(",\"accounts2\":[\"{secret}\"]"),
        format!(",\"attributes\":{{\"{secret}\":\"a\\u0007\"}}"),
        format!(",\"attributes\":{{\"{secret}{secret}\":\"a\"}}"),
        format!(",\"expires\":\"{secret}\""),
        format!(",\"next_digest\":\"{secret}\""),
        format!(",\"next_digest\":\"sha256:{secret}\""),
        format!(",\"grant\":[{{\"grant\":\"{secret}\"}}]"),
        format!(",\"grant\":[{{\"grant\":\"ddns\",\"zone\":\"{secret}\"}}]"),
        format!(",\"grant\":[{{\"grant\":\"ddns\",\"name\":\"x{secret}\"}}]"),
        format!(",\"grant\":[{{\"grant\":\"ddns\",\"{secret}\":\"x\"}}]"),
        format!(",\"allow\":[{{\"{secret}\":\"x\"}}]"),
        format!(" {secret}"),
    ] {
        let text = format!("{good}\n{}", line("demo02", 2, &more));
        not_repeated(secret, "keys/x.jsonl", &text);
    }
    for more in [
        secret.to_owned(),
        format!("owner = {secret}"),
        format!("{secret} = {secret}"),
        format!("{secret} = 1\n{secret} = 2"),
        format!("owner = \"{secret}"),
        format!("[{secret}]\n[{secret}]"),
        format!("owner = 'a' {secret}"),
        format!("accounts2 = ['{secret}']"),
        format!("[[key.{secret}]]"),
        format!("[[key.grant]]\ngrant = {secret}"),
    ] {
        not_repeated(secret, "keys.toml", &table("demo02", 2, &more));
    }
}

/// What is said of a file has no secret in it.
fn not_repeated(secret: &str, file: &str, text: &str) {
    let known = Known { roles: Some(&[]), grants: Some(&[]), ..Known::default() };
    let found = parse_all(&[(file, text)], &known).expect_err(text);
    let said = found.iter().map(ToString::to_string).collect::<String>();
    let hidden = secret.get(12..38).expect("it is long");
    assert!(!said.to_lowercase().contains(hidden), "{said}");
}
