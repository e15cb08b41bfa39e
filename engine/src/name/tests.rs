//! Names: what is accepted, what is refused and why, and what holds for all of them.

use proptest::prelude::*;

use super::*;

/// A name of the form without a dot, which must be one.
fn name(text: &str) -> Name {
    Name::parse(text, NameForm::Fqdn).expect(text)
}

/// The result of reading the form without a dot.
fn fqdn(text: &str) -> Result<String, NameError> {
    Name::parse(text, NameForm::Fqdn).map(|name| name.to_string())
}

#[test]
fn names_are_folded_and_kept() {
    for (text, canonical) in [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("_ACME-Challenge.www.example.com", "_acme-challenge.www.example.com"),
        ("xn--mller-kva.example", "xn--mller-kva.example"),
        ("*.example.com", "*.example.com"),
        ("*", "*"),
        ("com", "com"),
        ("192.0.2.1", "192.0.2.1"),
        ("-a-._._-.example", "-a-._._-.example"),
        (".", "."),
    ] {
        assert_eq!(fqdn(text).as_deref(), Ok(canonical), "{text}");
    }
}

#[test]
fn the_other_form_is_an_error() {
    let dotted = |text| Name::parse(text, NameForm::FqdnDot).map(|name| name.to_string());
    assert_eq!(dotted("example.com.").as_deref(), Ok("example.com"));
    assert_eq!(dotted(".").as_deref(), Ok("."));
    assert_eq!(dotted("example.com"), Err(NameError::DotMissing));
    assert_eq!(dotted(""), Err(NameError::Empty));
    assert_eq!(dotted(".."), Err(NameError::EmptyLabel));
    assert_eq!(dotted("example.com.."), Err(NameError::EmptyLabel));
    assert_eq!(fqdn("example.com."), Err(NameError::DotUnexpected));
    assert_eq!(fqdn("example.com.."), Err(NameError::DotUnexpected));
    assert_eq!(fqdn(""), Err(NameError::Empty));
}

#[test]
fn what_is_no_name_is_refused() {
    use NameError::{Asterisk, Character, EmptyLabel};
    for (text, error) in [
        ("example..com", EmptyLabel),
        (".example.com", EmptyLabel),
        ("example.com..internal", EmptyLabel),
        ("*foo.example.com", Asterisk),
        ("foo*.example.com", Asterisk),
        ("www.*.example.com", Asterisk),
        ("**.example.com", Asterisk),
        ("*.*.example.com", Asterisk),
        ("@", Character('@')),
        ("@.example.com", Character('@')),
        ("www example.com", Character(' ')),
        (" example.com", Character(' ')),
        ("example.com\n", Character('\n')),
        ("example.com\0", Character('\0')),
        ("example.com\t", Character('\t')),
        (r"www\.example.com", Character('\\')),
        (r"\046.example.com", Character('\\')),
        ("example=2Ecom", Character('=')),
        ("example%2ecom", Character('%')),
        ("0/25.2.0.192.in-addr.arpa", Character('/')),
        ("münchen.example", Character('ü')),
        ("\u{212a}ey.example", Character('\u{212a}')),
        ("\u{17f}.example", Character('\u{17f}')),
        ("example\u{3002}com", Character('\u{3002}')),
        ("example\u{ff0e}com", Character('\u{ff0e}')),
        ("example\u{ff61}com", Character('\u{ff61}')),
        ("example\u{ad}.com", Character('\u{ad}')),
        ("example.com\u{200b}", Character('\u{200b}')),
        ("\u{feff}example.com", Character('\u{feff}')),
        ("example.com:443", Character(':')),
        ("[::1]", Character('[')),
    ] {
        assert_eq!(fqdn(text), Err(error), "{text:?}");
    }
}

#[test]
fn lengths_are_held_exactly() {
    let label = "a".repeat(63);
    assert!(fqdn(&format!("{label}.example")).is_ok());
    assert_eq!(fqdn(&format!("{label}a.example")), Err(NameError::LabelTooLong));
    let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    assert_eq!(longest.len(), 253);
    assert!(fqdn(&longest).is_ok());
    assert!(Name::parse(&format!("{longest}."), NameForm::FqdnDot).is_ok());
    assert_eq!(fqdn(&format!("{longest}b")), Err(NameError::TooLong));
    let zone = name(&longest);
    assert_eq!(Name::parse_relative("a", &zone, "@"), Err(NameError::TooLong));
}

#[test]
fn relative_names_are_completed_and_never_guessed() {
    let zone = name("example.com");
    let read = |text, apex| Name::parse_relative(text, &zone, apex).map(|name| name.to_string());
    assert_eq!(read("@", "@").as_deref(), Ok("example.com"));
    assert_eq!(read("", "").as_deref(), Ok("example.com"));
    assert_eq!(read("WWW", "@").as_deref(), Ok("www.example.com"));
    assert_eq!(read("*", "@").as_deref(), Ok("*.example.com"));
    assert_eq!(read("*.a", "@").as_deref(), Ok("*.a.example.com"));
    assert_eq!(read("www.example.com", "@").as_deref(), Ok("www.example.com.example.com"));
    assert_eq!(read("example.com", "@").as_deref(), Ok("example.com.example.com"));
    assert_eq!(read("", "@"), Err(NameError::Empty));
    assert_eq!(read("@", ""), Err(NameError::Character('@')));
    assert_eq!(read("www.@", "@"), Err(NameError::Character('@')));
    assert_eq!(read("...", "@"), Err(NameError::DotUnexpected));
    assert_eq!(read("www.example.com.", "@"), Err(NameError::DotUnexpected));
    assert_eq!(read(".", "@"), Err(NameError::DotUnexpected));
    assert_eq!(Name::parse_relative("com", &Name::root(), "@"), Ok(name("com")));
    let wildcard = name("*.example.com");
    assert_eq!(Name::parse_relative("www", &wildcard, "@"), Err(NameError::Asterisk));
}

#[test]
fn below_is_by_label() {
    let zone = name("example.com");
    for (text, depth, relative) in [
        ("example.com", Some(0), Some("@")),
        ("www.example.com", Some(1), Some("www")),
        ("a.b.c.example.com", Some(3), Some("a.b.c")),
        ("*.example.com", Some(1), Some("*")),
        ("evilexample.com", None, None),
        ("example.com.evil.net", None, None),
        ("com", None, None),
        ("example.co", None, None),
        (".", None, None),
    ] {
        let name = name(text);
        assert_eq!(name.is_below_or_equal(&zone), depth.is_some(), "{text}");
        assert_eq!(name.depth_below(&zone), depth, "{text}");
        assert_eq!(name.relative_to(&zone).as_deref(), relative, "{text}");
    }
    let root = Name::root();
    assert_eq!(zone.depth_below(&root), Some(2));
    assert_eq!(zone.relative_to(&root).as_deref(), Some("example.com"));
    assert_eq!(root.depth_below(&root), Some(0));
    assert_eq!(root.relative_to(&root).as_deref(), Some("@"));
}

#[test]
fn labels_parents_and_ancestors() {
    let www = name("www.example.com");
    assert_eq!(www.labels().collect::<Vec<_>>(), ["www", "example", "com"]);
    let ancestors: Vec<_> = www.ancestors().collect();
    assert_eq!(ancestors, ["www.example.com", "example.com", "com"]);
    assert_eq!(www.parent(), Some(name("example.com")));
    assert_eq!(name("com").parent(), Some(Name::root()));
    assert_eq!(Name::root().parent(), None);
    assert_eq!(Name::root().labels().count() + Name::root().ancestors().count(), 0);
    assert_eq!(Name::root().leftmost(), "");
    assert_eq!(www.leftmost(), "www");
    assert!(name("*.example.com").is_wildcard());
    assert!(!name("www.example.com").is_wildcard() && !Name::root().is_wildcard());
}

#[test]
fn stored_names_are_canonical() {
    let read = serde_json::from_str::<Name>;
    assert_eq!(read(r#""example.com""#).unwrap(), name("example.com"));
    assert_eq!(serde_json::to_string(&name("Example.com")).unwrap(), r#""example.com""#);
    for text in [r#""Example.com""#, r#""example.com.""#, r#""""#, "1"] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn errors_are_readable() {
    assert_eq!(
        NameError::Character('\n').to_string(),
        r"'\n' cannot stand in a DNS name: letters, digits, `-` and `_` of ASCII can"
    );
    assert_eq!(NameError::DotMissing.to_string(), "this DNS name must end with a dot");
}

/// A label that is accepted, in any case.
fn label() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_-]{1,12}"
}

/// A name that is accepted, in any case, without a trailing dot.
fn text() -> impl Strategy<Value = String> {
    let labels = prop::collection::vec(label(), 1..8);
    (any::<bool>(), labels).prop_map(|(wildcard, labels)| {
        let star = if wildcard { "*." } else { "" };
        format!("{star}{}", labels.join("."))
    })
}

/// The same text with the letters at the true places of `flips` in the other case.
fn respelt(text: &str, flips: &[bool]) -> String {
    let flip = |(c, flip): (char, &bool)| match c {
        c if !flip => c,
        c if c.is_ascii_uppercase() => c.to_ascii_lowercase(),
        c => c.to_ascii_uppercase(),
    };
    text.chars().zip(flips.iter().cycle()).map(flip).collect()
}

proptest! {
    #[test]
    fn another_spelling_is_the_same_name(text in text(), flips in prop::collection::vec(any::<bool>(), 64)) {
        let other = respelt(&text, &flips);
        prop_assert_eq!(name(&text), name(&other));
        let dotted = Name::parse(&format!("{other}."), NameForm::FqdnDot).unwrap();
        prop_assert_eq!(name(&text), dotted);
    }

    #[test]
    fn what_is_displayed_reads_back(text in text()) {
        let read = name(&text);
        prop_assert_eq!(read.as_str(), text.to_ascii_lowercase());
        prop_assert_eq!(&name(&read.to_string()), &read);
        for form in [NameForm::Fqdn, NameForm::FqdnDot] {
            prop_assert_eq!(Name::parse(&read.to_text(form), form), Ok(read.clone()));
        }
    }

    #[test]
    fn exactly_one_form_accepts(text in r"\PC{0,24}|[a-zA-Z*.@_-]{0,24}") {
        let accepted = [NameForm::Fqdn, NameForm::FqdnDot].map(|form| Name::parse(&text, form).is_ok());
        prop_assert!(accepted != [true, true] || text == ".", "{:?}", text);
        if let Ok(name) = Name::parse(&text, NameForm::Fqdn) {
            // Nothing but the case may differ: what was accepted is what was written.
            prop_assert!(name.as_str().eq_ignore_ascii_case(&text));
        }
    }

    #[test]
    fn below_agrees_with_the_labels(one in "[ab]{1,2}(\\.[ab]{1,2}){0,4}", other in "[ab]{1,2}(\\.[ab]{1,2}){0,2}") {
        let (one, other) = (name(&one), name(&other));
        let (mut own, mut zone): (Vec<_>, Vec<_>) = (one.labels().collect(), other.labels().collect());
        own.reverse();
        zone.reverse();
        prop_assert_eq!(one.is_below_or_equal(&other), own.starts_with(&zone));
        prop_assert_eq!(one.is_below_or_equal(&other), one.ancestors().any(|name| name == other.as_str()));
        if let Some(relative) = one.relative_to(&other) {
            prop_assert_eq!(one.depth_below(&other), Some(own.len() - zone.len()));
            prop_assert_eq!(Name::parse_relative(&relative, &other, "@"), Ok(one.clone()));
        }
    }

    #[test]
    fn glued_names_are_not_below(prefix in label(), zone in text()) {
        let zone = zone.trim_start_matches("*.");
        let (glued, below) = (name(&format!("{prefix}{zone}")), name(&format!("{prefix}.{zone}")));
        prop_assert!(!glued.is_below_or_equal(&name(zone)));
        prop_assert!(below.is_below_or_equal(&name(zone)));
    }
}
