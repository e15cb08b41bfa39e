//! Bundles that were cut off, changed or made by somebody else: refused, never read past.

use std::sync::OnceLock;

use jiff::Timestamp;
use proptest::prelude::*;

use super::container::{self, SECTIONS};
use super::*;

/// A small policies folder, packed.
fn packed() -> Packed {
    static PACKED: OnceLock<Packed> = OnceLock::new();
    PACKED.get_or_init(pack_it).clone()
}

/// Packs it.
fn pack_it() -> Packed {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let policies = "@id(\"readers\") @doc(\"x\")\n\
        permit (principal in Role::\"readers\", action == Action::\"zone.read\", resource);\n\
        @id(\"no-soa\") @doc(\"x\")\n\
        forbid (principal, action in Action::\"write\", resource)\n\
        when { resource.type == RecordType::\"SOA\" };\n\
        @id(\"host\") @grant(\"host\") @binds(\"name\") @doc(\"x\")\n\
        permit (principal == ?principal, action == Action::\"record.create\", resource in ?resource);\n";
    let digest = "0".repeat(64);
    let key = |id: &str, more: &str| {
        format!(
            "[[key]]\nid = \"{id}\"\ndigest = \"sha256:{digest}\"\ndescription = \"x\"\n\
             accounts = [\"*\"]\n{more}\n"
        )
    };
    let grant =
        "[[key.grant]]\ngrant = \"host\"\nzone = \"example.com\"\nname = \"www.example.com\"";
    let other = key("k3m9x2p7q1ac", grant).replace(&digest, &"1".repeat(64));
    let files = vec![
        file("all.cedar", policies),
        file("roles.toml", "[role.readers]\ndescription = \"x\"\n"),
        file("keys.toml", &(key("k3m9x2p7q1ab", "roles = [\"readers\"]") + &other)),
    ];
    pack(&Source { files }, Timestamp::UNIX_EPOCH, &|_| None).expect("a sound folder")
}

/// The sections of a bundle.
fn sections(bytes: &[u8]) -> [Vec<u8>; SECTIONS] {
    let opened = container::open(bytes).unwrap_or_else(|_| panic!("a bundle"));
    opened.sections.map(|at| bytes[at].to_vec())
}

/// A bundle of these sections, with a digest that fits.
fn written(sections: &[Vec<u8>; SECTIONS]) -> Vec<u8> {
    let sections: [&[u8]; SECTIONS] = std::array::from_fn(|at| sections[at].as_slice());
    container::write(0, sections).expect("it is small").0
}

/// What is wrong with a bundle.
fn refused(bytes: Vec<u8>) -> String {
    let problems = Bundle::load(bytes).expect_err("a broken bundle");
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_packed_loads_and_has_its_digest() {
    let packed = packed();
    let bundle = Bundle::load(packed.bytes.clone()).expect("it was packed");
    assert_eq!(bundle.digest, packed.digest);
    assert_eq!(digest(&packed.bytes).expect("it was packed"), packed.digest);
    assert_eq!((bundle.keys.len(), bundle.policies.ids().len(), bundle.built), (2, 3, 0));
    assert!(Bundle::load_checked(packed.bytes.clone()).is_ok());
    assert_eq!(written(&sections(&packed.bytes)), packed.bytes);
}

#[test]
fn a_bundle_that_was_cut_off_or_changed_is_refused() {
    let bytes = packed().bytes;
    for length in (0..bytes.len()).step_by(97).chain([1, 7, 8, 11, 12, 27, 59, 60, 79]) {
        assert!(Bundle::load(&bytes[..length]).is_err(), "{length}");
    }
    for at in (0..bytes.len()).step_by(101).chain(0..80) {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        // The time of packing is not part of what the digest is of.
        assert_eq!(Bundle::load(changed).is_ok(), (20..28).contains(&at), "{at}");
    }
    assert!(refused([&bytes[..], b"\0"].concat()).contains("digest"));
}

#[test]
fn what_another_version_packed_is_refused_with_advice() {
    let bytes = packed().bytes;
    let with = |at: usize, byte: u8| {
        let mut changed = bytes.clone();
        changed[at] = byte;
        refused(changed)
    };
    for (said, expected) in [
        (with(8, 3), "its format is 3, this engine reads 2"),
        (with(12, bytes[12] ^ 1), "packed by another version"),
        (refused(b"{\"format\":1}".to_vec()), "its format is 1"),
        (refused(b"PK".to_vec()), "it is no bundle"),
        (refused(Vec::new()), "it is no bundle"),
    ] {
        assert!(said.contains(expected), "{said}");
    }
    assert!(with(8, 3).contains("pack the policies folder again"));
}

#[test]
fn sections_that_are_not_what_they_should_be_are_refused() {
    let good = sections(&packed().bytes);
    for (at, name) in ["settings", "policies", "texts", "keys", "keys"].into_iter().enumerate() {
        for wrong in [Vec::new(), vec![0xff; 9], [&good[at][..], b"\0"].concat()] {
            let mut changed = good.clone();
            changed[at] = wrong;
            let said = refused(written(&changed));
            assert!(said.contains(name), "{said}");
        }
    }
    // One text too few.
    let mut changed = good;
    changed[2] = crate::rows::Rows::pack(&["permit (principal, action, resource);"])
        .map(|rows| rows.packed().to_vec())
        .expect("it is small");
    assert!(refused(written(&changed)).contains("not one text for each policy"));
}

#[test]
fn a_bundle_whose_notes_are_wrong_is_refused() {
    let good = sections(&packed().bytes);
    let texts = |change: &dyn Fn(&str) -> String| {
        let bytes = Rc::new(good[2].clone());
        let rows = crate::rows::Rows::open(&bytes, 0..bytes.len()).expect("texts");
        let texts: Vec<String> =
            rows.iter().map(|text| change(std::str::from_utf8(text).expect("UTF-8"))).collect();
        let mut changed = good.clone();
        changed[2] = crate::rows::Rows::pack(&texts).expect("they are small").packed().to_vec();
        written(&changed)
    };
    assert!(Bundle::load_checked(texts(&str::to_owned)).is_ok());
    for (from, to) in [
        ("Role::\"readers\"", "Key::\"k3m9x2p7q1ac\""),
        ("action == Action::\"zone.read\"", "action == Action::\"zone.list\""),
        ("RecordType::\"SOA\"", "RecordType::\"NS\""),
        ("resource.type == RecordType::\"SOA\"", "resource.apex"),
        ("permit (principal == ?principal", "forbid (principal == ?principal"),
        ("forbid (principal, ", "permit (principal, "),
    ] {
        let problems = Bundle::load_checked(texts(&|text| text.replace(from, to)));
        let said = problems.expect_err(from).iter().map(ToString::to_string).collect::<String>();
        assert!(said.contains("is not what was written"), "{from}: {said}");
    }
    // What Cedar cannot read is no policy, and what is too deep is refused before Cedar sees it.
    assert!(Bundle::load_checked(texts(&|text| text.replace("permit", "perhaps"))).is_err());
    let deep = texts(&|text| text.replace("\"SOA\"", &format!("\"SOA\"{}", " && true".repeat(70))));
    assert!(refused(deep).contains("in `no-soa`, one policy chains"));
}

proptest! {
    /// Bytes that were changed anywhere, by somebody who knows the form, never panic.
    #[test]
    fn no_bundle_panics(
        section in 1..SECTIONS,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut: prop::sample::Index,
        is_cut: bool,
    ) {
        let mut sections = sections(&packed().bytes);
        for (at, byte) in changes {
            let at = at.index(sections[section].len());
            sections[section][at] = byte;
        }
        if is_cut {
            let length = cut.index(sections[section].len());
            sections[section].truncate(length);
        }
        if let Ok(bundle) = Bundle::load(written(&sections)) {
            let _ = bundle.policies.ids();
            for id in ["k3m9x2p7q1ab", "k3m9x2p7q1ac"] {
                let key = bundle.keys.get(id);
                let account = crate::policy::AccountId {
                    provider: "powerdns".to_owned(),
                    account: "main".to_owned(),
                };
                let _ = key.and_then(|key| bundle.policies.subject(&account, &key));
            }
        }
    }
}
