//! Keys: their format, the constant-time find, the keys file, revoking.

mod file;
mod lines;
mod revoke;

use proptest::prelude::*;

use super::*;
use crate::decision::Reason;
use jiff::Timestamp;

/// A key made of an id and one random byte repeated.
fn text(id: &str, random: u8) -> KeyText {
    let form = KeyForm::of_id(id).expect(id);
    KeyText::generate(id, form, &[random; KeyForm::RANDOM_BYTES]).expect(id)
}

/// A table entry of a key.
fn entry(key: &KeyText) -> Key {
    Key {
        id: key.id().to_owned(),
        digest: key.digest(),
        next_digest: None,
        description: "d".to_owned(),
        owner: None,
        accounts: vec!["powerdns/main".to_owned()],
        roles: Vec::new(),
        attributes: std::collections::BTreeMap::new(),
        networks: Vec::new(),
        grants: Vec::new(),
        not_before: None,
        expires: None,
        disabled: false,
        file: String::new(),
        line: 0,
    }
}

/// A table of these keys.
fn sorted(keys: Vec<Key>) -> Keys {
    Keys::sorted(keys).expect("they are few")
}

/// A table as a bundle would have it, with other rows.
fn opened(keys: &Keys, rows: &[&[u8]]) -> Result<Keys, &'static str> {
    let rows = crate::rows::Rows::pack(rows).expect("they are few");
    let (words, rows) = (keys.packed().0, rows.packed());
    let bytes = std::rc::Rc::new([words, rows].concat());
    Keys::open(&bytes, 0..words.len(), words.len()..bytes.len())
}

/// A table that was packed and read again.
fn reopened(keys: &Keys) -> Keys {
    let (_, rows) = keys.lists();
    opened(keys, &rows.iter().collect::<Vec<_>>()).expect("it was packed")
}

/// Either form, an id of it, and enough random bytes.
fn keys() -> impl Strategy<Value = (KeyForm, String, Vec<u8>)> {
    let random = || prop::collection::vec(any::<u8>(), KeyForm::RANDOM_BYTES);
    prop_oneof![
        ("[a-z0-9]{12}", random()).prop_map(|(id, random)| (KeyForm::Long, id, random)),
        ("[a-z0-9]{6}", random()).prop_map(|(id, random)| (KeyForm::Short, id, random)),
    ]
}

#[test]
fn the_forms_are_what_they_promise() {
    for (form, length, prefix, bits_min) in
        [(KeyForm::Long, 64, "zgk_", 160.0), (KeyForm::Short, 40, "zgs_", 160.0)]
    {
        let id = KeyText::draw_id(form, &[77; KeyForm::RANDOM_BYTES]).expect("an id");
        let key = text(&id, 3);
        assert_eq!((key.text().len(), form.length(), key.form()), (length, length, form));
        assert!(key.text().starts_with(prefix) && key.id() == id);
        assert!(key.text().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        let characters = f64::from(u32::try_from(form.secret_length()).expect("small"));
        let bits = (characters * 62_f64.log2() * 10.0).floor() / 10.0;
        assert!((form.secret_bits() - bits).abs() < 1e-9 && bits >= bits_min, "{bits}");
    }
}

#[test]
fn a_digest_is_sha256_of_the_whole_text() {
    // Made by sha256sum.
    let key = KeyText::parse(b"zgk_demoacmezone_ZyCdhR7RAlXcVx0UK7eaM7WP7XYn2WlXUIX7Zi7EU0l7LyM");
    let digest = "sha256:7f4e1b7e8daa8f848c2e15980b61150195493890a784da99ac15a8317f5522fe";
    assert_eq!(key.expect("a key").digest().to_string(), digest);
    assert_eq!(Digest::parse(digest).map(|one| one.to_string()).as_deref(), Some(digest));
    for bad in [
        "",
        "sha256:",
        digest.trim_start_matches("sha256:"),
        &digest.to_uppercase(),
        &format!("{digest}0"),
        digest.strip_suffix('e').expect("its end"),
        &digest.replace('a', "g"),
        &digest.replace("sha256", "sha512"),
        &format!(" {digest}"),
    ] {
        assert_eq!(Digest::parse(bad), None, "{bad}");
    }
}

#[test]
fn every_malformed_key_is_explained_without_showing_it() {
    let good = "zgk_demoacmezone_ZyCdhR7RAlXcVx0UK7eaM7WP7XYn2WlXUIX7Zi7EU0l7LyM";
    for (bad, error, words) in [
        (String::new(), KeyError::Prefix, "begins with `zgk_`"),
        ("not a key".to_owned(), KeyError::Prefix, "begins with"),
        (format!(" {good}"), KeyError::Prefix, "begins with"),
        (good.replace("zgk", "ZGK"), KeyError::Prefix, "begins with"),
        (format!("{good}\n"), KeyError::Length { wanted: 64, found: 65 }, "this has 65"),
        (good.replace("LyM", "Ly"), KeyError::Length { wanted: 64, found: 63 }, "64 characters"),
        (good.replace("zgk", "zgs"), KeyError::Length { wanted: 40, found: 64 }, "40 characters"),
        (good.replace("demoacme", "Demoacme"), KeyError::Alphabet { position: 5 }, "character 5"),
        (good.replace("zone_", "zone-"), KeyError::Alphabet { position: 17 }, "character 17"),
        (good.replace("Ly", "L_"), KeyError::Alphabet { position: 63 }, "character 63"),
        (good.replace("LyM", "LyN"), KeyError::Checksum, "typing error"),
        (good.replace("ZyC", "ZCy"), KeyError::Checksum, "typing error"),
    ] {
        let found = KeyText::parse(bad.as_bytes()).expect_err(&bad);
        assert_eq!(found, error, "{bad}");
        let shown = format!("{found} {found:?}");
        assert!(shown.contains(words), "{shown}");
        assert!(!shown.contains("dhR7R") && !shown.contains("EU0l7"), "{shown}");
    }
    assert_eq!(KeyText::parse(b"zgk_\xff"), Err(KeyError::Length { wanted: 64, found: 5 }));
}

#[test]
fn a_key_does_not_show_its_secret() {
    let key = text("demo01", 9);
    assert_eq!(format!("{key:?}"), "KeyText { id: \"demo01\", .. }");
}

#[test]
fn each_character_is_drawn_with_the_same_chance() {
    let all: Vec<u8> = (0..=255).collect();
    let mut counts = std::collections::BTreeMap::new();
    for byte in all {
        // One secret of a single repeated byte tells which character it stands for.
        let made = KeyText::generate("demo01", KeyForm::Short, &[byte; KeyForm::RANDOM_BYTES]);
        if let Ok(key) = made {
            *counts.entry(key.text().as_bytes()[10]).or_insert(0) += 1;
        }
    }
    assert_eq!(counts.len(), 62);
    assert!(counts.values().all(|count| *count == 4), "{counts:?}");
}

#[test]
fn too_little_randomness_and_bad_ids_make_no_key() {
    assert_eq!(KeyText::generate("demo01", KeyForm::Short, &[1; 26]), Err(KeyError::Random));
    assert_eq!(KeyText::generate("demo01", KeyForm::Short, &[255; 128]), Err(KeyError::Random));
    assert_eq!(KeyText::draw_id(KeyForm::Short, &[]), Err(KeyError::Random));
    for id in ["", "demo1", "demo011", "Demo01", "demo_1", "dem\u{e9}1"] {
        let made = KeyText::generate(id, KeyForm::Short, &[1; 128]);
        assert_eq!(made, Err(KeyError::Id { wanted: 6 }), "{id}");
    }
}

#[test]
fn find_knows_both_digests_and_nothing_else() {
    let (old, new, other) = (text("demo01", 1), text("demo01", 2), text("demo01", 3));
    let mut key = entry(&old);
    key.next_digest = Some(new.digest());
    let keys = sorted(vec![entry(&text("zzzzzz", 1)), key, entry(&text("aaaaaa", 1))]);
    assert_eq!(keys.find(&old).map(|key| key.id.clone()), Ok("demo01".to_owned()));
    assert_eq!(keys.find(&new).map(|key| key.id.clone()), Ok("demo01".to_owned()));
    assert_eq!(keys.find(&other), Err(Reason::UnknownKey));
    assert_eq!(keys.find(&text("demo02", 1)), Err(Reason::UnknownKey));
    assert_eq!(Keys::default().find(&old), Err(Reason::UnknownKey));
    assert_eq!(
        keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(),
        ["aaaaaa", "demo01", "zzzzzz"]
    );
}

#[test]
fn a_key_is_checked_at_the_time_of_the_decision() {
    let at = |seconds: i64| Timestamp::from_second(seconds).expect("a time");
    for (not_before, expires, disabled, rows) in [
        (None, None, false, vec![(0, Ok(()))]),
        (None, None, true, vec![(0, Err(Reason::DisabledKey))]),
        (Some(10), None, false, vec![(9, Err(Reason::EarlyKey)), (10, Ok(()))]),
        (
            None,
            Some(20),
            false,
            vec![(19, Ok(())), (20, Err(Reason::ExpiredKey)), (21, Err(Reason::ExpiredKey))],
        ),
        (
            Some(10),
            Some(20),
            false,
            vec![(9, Err(Reason::EarlyKey)), (10, Ok(())), (20, Err(Reason::ExpiredKey))],
        ),
        (
            Some(10),
            Some(20),
            true,
            vec![(9, Err(Reason::DisabledKey)), (15, Err(Reason::DisabledKey))],
        ),
    ] {
        let mut key = entry(&text("demo01", 1));
        (key.not_before, key.expires) = (not_before.map(at), expires.map(at));
        key.disabled = disabled;
        for (now, wanted) in rows {
            assert_eq!(key.check(at(now)), wanted, "{not_before:?} {expires:?} {disabled} {now}");
        }
    }
}

#[test]
fn all_denials_of_keys_look_alike() {
    let codes = [
        Reason::NoKey,
        Reason::MalformedKey,
        Reason::UnknownKey,
        Reason::DisabledKey,
        Reason::EarlyKey,
        Reason::ExpiredKey,
    ];
    for reason in codes {
        assert_eq!((reason.status(), reason.public_code()), (401, "unauthorized"));
        assert_eq!(reason.sentence(), Reason::UnknownKey.sentence());
    }
}

#[test]
fn a_key_serves_its_accounts() {
    let mut key = entry(&text("demo01", 1));
    assert!(key.serves("powerdns/main") && !key.serves("powerdns/other") && !key.serves("*"));
    key.accounts = vec!["*".to_owned()];
    assert!(key.serves("powerdns/other"));
    key.accounts = Vec::new();
    assert!(!key.serves("powerdns/main"));
}

/// A key with everything that a key can have.
fn full() -> Key {
    let name = |text: &str| crate::name::Name::parse(text, crate::name::NameForm::Fqdn).ok();
    let grant = Grant {
        grant: "acme-host".to_owned(),
        zone: name("example.com"),
        domain: None,
        name: name("_acme-challenge.www.example.com"),
        line: 0,
    };
    Key {
        next_digest: Some(text("demo02", 2).digest()),
        owner: Some("web team".to_owned()),
        roles: vec!["auditors".to_owned(), "editors".to_owned()],
        attributes: [("environment".to_owned(), "preview".to_owned())].into(),
        networks: vec!["office".to_owned()],
        grants: vec![grant.clone(), Grant { name: None, domain: name("example.com"), ..grant }],
        not_before: Timestamp::from_second(-1).ok(),
        expires: Timestamp::from_second(1_800_000_000).ok(),
        disabled: true,
        ..entry(&text("demo02", 1))
    }
}

#[test]
fn a_bundle_keeps_all_of_a_key() {
    let keys = sorted(vec![full(), entry(&text("demo01", 1))]);
    let again = reopened(&keys);
    assert_eq!(again, keys);
    assert_eq!(again.iter().collect::<Vec<_>>(), [&entry(&text("demo01", 1)), &full()]);
    assert_eq!(again.get("demo02").as_deref(), Some(&full()));
    assert_eq!(again.find(&text("demo02", 2)).as_deref(), Ok(&full()));
    assert_eq!((again.len(), again.get("demo03")), (2, None));
    assert!(again.is_whole());
}

#[test]
fn a_disordered_table_is_refused() {
    let keys = sorted(vec![full(), entry(&text("demo01", 1))]);
    let (_, rows) = keys.lists();
    let [one, two] = [rows.get(0), rows.get(1)].map(|row| row.expect("a row").to_vec());
    let opened = |rows: &[&[u8]]| opened(&keys, rows);
    assert!(opened(&[&one, &two]).is_ok_and(|again| again == keys));
    for bad in [
        opened(&[&two, &one]),
        opened(&[&one, &one]),
        opened(&[&one, b"", &two]),
        opened(&[b"\0"]),
        opened(&[b"\x05demo"]),
        opened(&[b"\x02\xff\xff"]),
    ] {
        assert!(bad.is_err());
    }
    // A row that is damaged inside is no key, and harms no other.
    let longer = [&two[..], b"\0"].concat();
    let damaged = |from: &[u8], to: &[u8]| {
        let at = two.windows(from.len()).position(|part| part == from).expect("it is there");
        [&two[..at], to, &two[at + from.len()..]].concat()
    };
    for bad in [
        longer,
        two[..two.len() - 1].to_vec(),
        damaged(b"example.com", b"Example.com"),
        damaged(b"example.com", b"example..om"),
        damaged(b"d\x01", b"\xff\x01"),
        // The owner is a word that there is not.
        damaged(b"\x01d\x01", b"\x01d\x7f"),
    ] {
        let Ok(keys) = opened(&[&one, &bad]) else { continue };
        assert_eq!(keys.find(&text("demo02", 1)), Err(Reason::UnknownKey), "{bad:?}");
        assert!(keys.find(&text("demo01", 1)).is_ok());
        assert_eq!((keys.len(), keys.iter().count()), (2, 1));
        assert!(!keys.is_whole());
    }
}

#[test]
fn a_packed_key_can_be_disabled() {
    let keys = sorted(vec![entry(&text("demo01", 1)), entry(&text("demo02", 1))]);
    assert!(keys.disabled("demo03").is_none());
    let disabled = keys.disabled("demo02").expect("it is there");
    let disabled: Vec<bool> = reopened(&disabled).iter().map(|key| key.disabled).collect();
    assert_eq!(disabled, [false, true]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// What is generated is read back, with its id and form.
    #[test]
    fn a_generated_key_always_parses((form, id, random) in keys()) {
        let key = KeyText::generate(&id, form, &random).expect("a key");
        let again = KeyText::parse(key.text().as_bytes()).expect("a key");
        prop_assert_eq!(again.id(), id.as_str());
        prop_assert_eq!(again.form(), form);
        prop_assert_eq!(again.digest(), key.digest());
    }

    /// One changed character never passes as a key.
    #[test]
    fn one_changed_character_is_always_seen((form, id, random) in keys(), at: prop::sample::Index, byte: u8) {
        let key = KeyText::generate(&id, form, &random).expect("a key");
        let mut changed = key.text().as_bytes().to_vec();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        prop_assert!(KeyText::parse(&changed).is_err());
    }

    /// Two exchanged characters never pass as a key.
    #[test]
    fn two_exchanged_characters_are_always_seen((form, id, random) in keys(), one: prop::sample::Index, other: prop::sample::Index) {
        let key = KeyText::generate(&id, form, &random).expect("a key");
        let mut changed = key.text().as_bytes().to_vec();
        let (one, other) = (one.index(changed.len()), other.index(changed.len()));
        prop_assume!(changed[one] != changed[other]);
        changed.swap(one, other);
        prop_assert!(KeyText::parse(&changed).is_err());
    }

    /// Any bytes are read or refused, and what is read is exactly what was given.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), prefix in prop_oneof!["zgk_", "zgs_", ""]) {
        let bytes = [prefix.as_bytes(), &bytes].concat();
        if let Ok(key) = KeyText::parse(&bytes) {
            prop_assert_eq!(key.text().as_bytes(), bytes);
        }
    }

    /// The right secret is found, another one with the same id never is.
    #[test]
    fn find_never_accepts_a_wrong_secret((form, id, random) in keys(), (_, _, wrong) in keys(), ids in prop::collection::btree_set("[a-z0-9]{6}|[a-z0-9]{12}", 0..20), rotating: bool) {
        let right = KeyText::generate(&id, form, &random).expect("a key");
        let wrong = KeyText::generate(&id, form, &wrong).expect("a key");
        prop_assume!(right != wrong);
        let mut own = entry(&right);
        if rotating {
            own.next_digest = Some(right.digest());
            own.digest = Digest::new([7; 32]);
        }
        let others = ids.iter().filter(|one| **one != id).map(|id| entry(&text(id, 5)));
        let keys = sorted(others.chain([own]).collect());
        prop_assert_eq!(keys.find(&right).map(|key| key.id.clone()), Ok(id.clone()));
        prop_assert_eq!(keys.find(&wrong), Err(Reason::UnknownKey));
        for other in &ids {
            let stranger = text(other, 6);
            prop_assert_eq!(keys.find(&stranger), Err(Reason::UnknownKey));
        }
    }
}
