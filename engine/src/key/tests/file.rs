//! The keys file: what is read of it, and every mistake an operator can make in it.

use super::super::*;
use super::{entry, reopened, text};
use crate::problem::Problem;
use crate::settings::tests::{accepted, refused, warned};

/// The names that the tests know.
fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

/// Reads a file where some networks, roles and grants are known.
fn read(text: &str) -> Result<(Keys, Vec<Problem>), Vec<Problem>> {
    let known = Known {
        networks: &names(&["office", "build"]),
        roles: Some(&names(&["auditors", "editors"])),
        accounts: Some(&names(&["powerdns/main", "powerdns/second"])),
        grants: Some(&names(&["acme-host", "acme-zone"])),
    };
    parse("keys.toml", text, &known)
}

/// The digest of a key, as the file has it.
fn digest(id: &str, random: u8) -> String {
    text(id, random).digest().to_string()
}

/// A file with one right key of five lines, and more lines.
fn with(more: &str) -> String {
    let digest = digest("demo01", 1);
    format!(
        "[[key]]\nid = 'demo01'\ndigest = '{digest}'\ndescription = 'd'\naccounts = ['powerdns/main']\n{more}\n"
    )
}

#[test]
fn every_field_is_read() {
    let more = format!(
        "next_digest = '{}'\nowner = 'web team'\nroles = ['editors', 'auditors']\nnetworks = ['office']\n\
         attributes = {{ environment = 'preview' }}\nnot_before = 2026-06-03T10:00:00+02:00\n\
         expires = '2026-06-03T11:00:00+02:00'\ndisabled = true\n\n[[key.grant]]\ngrant = 'acme-host'\n\
         zone = 'example.com'\ndomain = 'www.example.com'\nname = '_acme-challenge.www.example.com'\n\n\
         [[key]]\nid = 'aaaaaaaaaaaa'\ndigest = '{}'\ndescription = 'e'\naccounts = ['*']\n",
        digest("demo01", 2),
        digest("aaaaaaaaaaaa", 1),
    );
    let keys = accepted(read(&with(&more)));
    assert_eq!(
        keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(),
        ["aaaaaaaaaaaa", "demo01"]
    );
    let key = keys.by_id("demo01").expect("the key");
    let name = |text: &str| crate::name::Name::parse(text, crate::name::NameForm::Fqdn).ok();
    let wanted = Key {
        next_digest: Some(text("demo01", 2).digest()),
        owner: Some("web team".to_owned()),
        roles: names(&["auditors", "editors"]),
        networks: names(&["office"]),
        attributes: [("environment".to_owned(), "preview".to_owned())].into(),
        not_before: "2026-06-03T08:00:00Z".parse().ok(),
        expires: "2026-06-03T09:00:00Z".parse().ok(),
        disabled: true,
        file: "keys.toml".to_owned(),
        line: 1,
        grants: vec![Grant {
            grant: "acme-host".to_owned(),
            zone: name("example.com"),
            domain: name("www.example.com"),
            name: name("_acme-challenge.www.example.com"),
            line: 15,
        }],
        ..entry(&text("demo01", 1))
    };
    assert_eq!(*key, wanted);
    // A bundle keeps all of it but the lines.
    let again = reopened(&keys);
    assert_eq!(again.find(&text("demo01", 2)).map(|key| key.grants.len()), Ok(1));
    assert_eq!(again, keys);
}

#[test]
fn a_file_without_keys_is_an_empty_table() {
    assert!(accepted(read("# none yet\n")).is_empty());
}

#[test]
fn every_wrong_field_is_explained() {
    for (more, message, help) in [
        ("next_digest = 'sha256:12'", "has a `next_digest` that is none", "64 lower case"),
        ("roles = ['auditor']", "names an unknown role `auditor`", "did you mean `auditors`?"),
        ("roles = 'auditors'", "has a text in `roles`", "roles = [\"...\"]"),
        ("networks = ['home']", "names an unknown network `home`", "office, build"),
        ("attributes = { 'a b' = 'c' }", "has a bad attribute name `a b`", "1 to 64"),
        ("attributes = { a = 1 }", "has a number in `attributes`", "attributes = {"),
        (
            "attributes = { a = \"b\\n\" }",
            "has a control character in the attribute `a`",
            "printable",
        ),
        (
            "expires = 2026-06-03",
            "has a `expires` that is no point in time",
            "expires = 2027-01-01T00:00:00Z",
        ),
        ("expires = 2026-06-03T10:00:00", "has a `expires` that is no point in time", "offset"),
        ("not_before = 'tomorrow'", "has a `not_before` that is no point in time", "offset"),
        ("expires = 1800000000", "has a number in `expires`", "expires = "),
        ("disabled = 'yes'", "has a text in `disabled`", "disabled = true"),
        ("owner = []", "has a list in `owner`", "owner = \"...\""),
        (
            "expire = 2027-01-01T00:00:00Z",
            "has an unknown field `expire`",
            "did you mean `expires`?",
        ),
        (
            "allowed_record_types = ['TXT']",
            "has an unknown field `allowed_record_types`",
            "one field of: id,",
        ),
    ] {
        let text = with(more);
        refused(read(&text), &text, 6, &format!("the key `demo01` {message}"), help);
    }
    for (more, line, message, help) in [
        ("networks = []", 1, "has an empty list of `networks`", "leave the field out"),
        (
            "not_before = 2026-06-03T10:00:00Z\nexpires = 2026-06-03T10:00:00Z",
            7,
            "expires before it begins",
            "later",
        ),
        ("[[keys]]", 6, "the file has an unknown field `keys`", "`key`"),
        ("grant = 'acme-zone'", 6, "has a text in `grant`", "[[grant]]"),
    ] {
        let text = with(more);
        refused(read(&text), &text, line, message, help);
    }
}

#[test]
fn every_wrong_grant_is_explained() {
    for (fields, line, message, help) in [
        ("zone = 'example.com'", 6, "has no `grant`", "`@grant`"),
        (
            "grant = 'acme-hots'\nzone = 'example.com'",
            7,
            "names an unknown grant `acme-hots`",
            "did you mean `acme-host`?",
        ),
        (
            "grant = 'acme-zone'\nzone = 'example.com.'",
            8,
            "has a bad zone `example.com.`",
            "without a dot at its end",
        ),
        (
            "grant = 'acme-zone'\nzone = 'Example.com'",
            8,
            "has the zone `Example.com`",
            "lower case: `example.com`",
        ),
        ("grant = 'acme-zone'\nzone = 'exa mple.com'", 8, "has a bad zone", ""),
        ("grant = 'acme-zone'\nzone = 'bücher.example'", 8, "has a bad zone", ""),
        ("grant = 'acme-zone'\nzone = ''", 8, "has a bad zone", ""),
        (
            "grant = 'acme-zone'\nzone = '*.example.com'",
            8,
            "has the wildcard `*.example.com` as `zone`",
            "without `*.`",
        ),
        (
            "grant = 'acme-zone'\ndomain = '*.example.com'",
            8,
            "has the wildcard `*.example.com` as `domain`",
            "without `*.`",
        ),
        (
            "grant = 'acme-host'\nzone = 'example.com'\nname = 'www'",
            9,
            "has the name `www` outside its zone",
            "`.example.com`",
        ),
        (
            "grant = 'acme-host'\nzone = 'example.com'\nname = 'evilexample.com'",
            9,
            "outside its zone",
            "",
        ),
        (
            "grant = 'acme-host'\nzone = 'example.com'\ndomain = 'example.org'",
            9,
            "has the domain `example.org` outside",
            "",
        ),
        (
            "grant = 'acme-host'\nrecord = 'www.example.com'",
            8,
            "a grant of the key `demo01` has an unknown field `record`",
            "name",
        ),
        ("grant = 7", 7, "has a number in `grant`", "grant = \"...\""),
    ] {
        let text = with(&format!("[[key.grant]]\n{fields}"));
        refused(read(&text), &text, line, message, help);
    }
}

#[test]
fn what_makes_a_key_must_be_there_and_right() {
    let good = with("");
    let digest = digest("demo01", 1);
    for (from, to, line, message, help) in [
        ("id = 'demo01'", "", 1, "key number 1 has no `id`", "`zonegate key new`"),
        (
            "'demo01'",
            "'demo-1'",
            2,
            "has an id that no key can have",
            "12 (long form) or 6 (short form)",
        ),
        ("'demo01'", "'demo012'", 2, "the key `demo012` has an id", "12"),
        ("'demo01'", "''", 2, "has an empty `id`", ""),
        ("'demo01'", "7", 2, "has a number in `id`", "id = \"...\""),
        (digest.as_str(), "sha256:0", 3, "has a `digest` that is none", "`zonegate key digest`"),
        (digest.as_str(), &digest.to_uppercase(), 3, "has a `digest` that is none", "lower case"),
        (&format!("digest = '{digest}'"), "", 1, "has no `digest`", "`zonegate key digest`"),
        ("description = 'd'", "", 1, "has no `description`", "who has the key"),
        ("'d'", "' '", 4, "has an empty `description`", "who has the key"),
        ("accounts = ['powerdns/main']", "", 1, "has no `accounts`", "[\"*\"] for all"),
        ("['powerdns/main']", "[]", 1, "has an empty list of `accounts`", "[\"*\"] for all"),
        ("['powerdns/main']", "'*'", 5, "has a text in `accounts`", "accounts = ["),
        ("['powerdns/main']", "[7]", 5, "has a number in `accounts`", "accounts = ["),
        ("powerdns/main", "powerdns", 5, "names a bad account `powerdns`", "powerdns/main"),
        ("powerdns/main", "powerdns/", 5, "names a bad account", ""),
        ("powerdns/main", "powerdns/*", 5, "names a bad account", ""),
        ("powerdns/main", "powerdns/a/b", 5, "names a bad account", ""),
        (
            "powerdns/main",
            "powerdns/mian",
            5,
            "names an unknown account `powerdns/mian`",
            "did you mean `powerdns/main`?",
        ),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        refused(read(&text), &text, line, message, help);
    }
}

#[test]
fn what_must_be_unique_is() {
    let more = |id: &str, digest: &str| {
        with(&format!(
            "[[key]]\nid = '{id}'\ndigest = '{digest}'\ndescription = 'd'\naccounts = ['*']"
        ))
    };
    let twice = more("demo01", &digest("demo01", 2));
    refused(read(&twice), &twice, 7, "the key `demo01` is there twice, first at line 2", "unique");
    let same = more("demo02", &digest("demo01", 1));
    refused(read(&same), &same, 8, "has the `digest` of the key `demo01` again", "covers the id");
    let next = with(&format!("next_digest = '{}'", digest("demo01", 1)));
    refused(read(&next), &next, 6, "has the `next_digest` of the key `demo01` again", "once");
    let role = with("roles = ['editors', 'editors']");
    warned(read(&role), &role, 6, "has `editors` twice in `roles`", "remove one");
}

#[test]
fn a_key_that_stands_in_the_file_is_never_repeated() {
    let secret = text("demo01", 1).text().to_owned();
    let good = with("");
    for (from, line) in [("demo01", 2), (digest("demo01", 1).as_str(), 3)] {
        let text = good.replacen(from, &secret, 1);
        refused(read(&text), &text, line, "holds a key itself", "no longer secret");
        let shown = format!("{:?}", read(&text).expect_err("refused"));
        let part = secret.get(10..20).expect("ten characters");
        assert!(!shown.contains(part), "{shown}");
    }
}

#[test]
fn all_problems_of_all_keys_come_at_once() {
    let text =
        "[[key]]\nid = 'x'\n[[key]]\nid = 'demo02'\ndigest = 'y'\naccounts = ['z']\nwrong = 1\n";
    let problems = read(text).expect_err("refused");
    let lines: Vec<usize> = problems.iter().filter_map(|problem| problem.line).collect();
    assert_eq!(lines, [1, 1, 1, 2, 3, 5, 6, 7], "{problems:#?}");
}

#[test]
fn many_keys_are_read_in_linear_time() {
    let one = |number: usize| {
        let id = format!("{number:06}");
        format!(
            "[[key]]\nid = '{id}'\ndigest = '{}'\ndescription = 'd'\naccounts = ['*']\n",
            digest(&id, 1)
        )
    };
    let small: String = (0..2_000).map(one).collect();
    let large: String = (0..16_000).map(one).collect();
    let time = |text: &str| {
        let measure = || {
            let start = std::time::Instant::now();
            accepted(read(text));
            start.elapsed()
        };
        measure().min(measure()).min(measure())
    };
    let (small, large) = (time(&small), time(&large));
    // Eight times the keys: eight times the time if linear, sixty-four if not.
    assert!(large < small * 30, "{small:?} {large:?}");
}

#[test]
fn no_torn_file_makes_the_reader_panic() {
    let whole = with(
        "[[key.grant]]\ngrant = 'acme-host'\nzone = 'example.com'\nattributes = { a = 'b' }\n",
    );
    for end in 0..whole.len() {
        let torn = whole.get(..end).expect("ASCII");
        let _ = read(torn);
        let _ = revoke("keys.toml", torn, "demo01");
        let without: String =
            whole.chars().enumerate().filter(|(at, _)| *at != end).map(|(_, one)| one).collect();
        let _ = read(&without);
        let _ = revoke("keys.toml", &without, "demo01");
    }
}
