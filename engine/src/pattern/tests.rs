//! Patterns: whole matches only, and an explanation for every expression that means something
//! else than its author thinks.

use proptest::prelude::*;

use super::*;
use crate::settings::tests::{accepted, refused, warned};

/// A file with one pattern `p`; the expression in quotes that take anything but `'''`.
fn file(reads: &str, regex: &str) -> String {
    format!("[pattern.p]\ndescription = \"d\"\nreads = \"{reads}\"\nregex = '''{regex}'''\n")
}

/// Reads a file.
fn read(text: &str) -> Result<(Patterns, Vec<Problem>), Vec<Problem>> {
    Patterns::parse("patterns.toml", text)
}

/// Whether a pattern matches the text it reads; warnings do not matter here.
fn matches(reads: &str, regex: &str, text: &str) -> bool {
    let (patterns, _) = read(&file(reads, regex)).expect(regex);
    let other = "something-else";
    let subject = match reads {
        "relative" => Subject { relative: text, name: other, value: Some(other) },
        "name" => Subject { relative: other, name: text, value: Some(other) },
        _ => Subject { relative: other, name: other, value: Some(text) },
    };
    let json = serde_json::to_string(&patterns).expect("JSON");
    let packed: Patterns = serde_json::from_str(&json).expect("patterns");
    let found = patterns.matching(&[0], &subject);
    assert_eq!(packed.matching(&[0], &subject), found, "{regex} from a bundle");
    !found.is_empty()
}

#[test]
fn an_expression_matches_the_whole() {
    for (reads, regex, yes, no) in [
        (
            "relative",
            r"_acme-challenge(\..*)?",
            vec!["_acme-challenge", "_acme-challenge.www", "_acme-challenge.a.b"],
            vec!["x_acme-challenge", "_acme-challengex", "www._acme-challenge", "@"],
        ),
        ("relative", "a|b", vec!["a", "b"], vec!["ab", "ax", "xb", "b\n"]),
        ("relative", "@|www", vec!["@", "www"], vec!["www.x", ""]),
        (
            "relative",
            r"pr-[1-9]\d{0,5}\.preview",
            vec!["pr-17.preview"],
            vec!["pr-0.preview", "pr-17.previewx", "xpr-17.preview"],
        ),
        ("relative", "(?i)WWW", vec!["www"], vec!["wwww"]),
        ("relative", "^www$", vec!["www"], vec!["www.x"]),
        ("relative", "^a|b$", vec!["a", "b"], vec!["ax", "xb"]),
        (
            "name",
            r"[a-z0-9-]+\.example\.com",
            vec!["a-1.example.com"],
            vec!["a.b.example.com", "axexample.com"],
        ),
        ("value", "[A-Za-z0-9_-]{3}", vec!["aZ_", "-09"], vec!["aZ", "aZ_x", "\"aZ_\"", "aZ_\n"]),
        ("value", "é+", vec!["é"], vec!["\u{e8}", "e"]),
        ("value", ".*", vec!["", "anything é"], vec!["a\nb"]),
        ("value", r"\w", vec!["a", "_"], vec!["é"]),
    ] {
        for text in yes {
            assert!(matches(reads, regex, text), "{regex} {text}");
        }
        for text in no {
            assert!(!matches(reads, regex, text), "{regex} {text}");
        }
    }
}

#[test]
fn no_expression_escapes_its_anchors() {
    for regex in [
        "a)|(.*",
        "a)|(?:.*",
        "(?x)a # comment",
        "(?x)a #",
        "a\\",
        "[a",
        "(a",
        "a)",
        "(?x: a",
        "a{2",
    ] {
        let problems = read(&file("value", regex)).expect_err(regex);
        assert!(problems.iter().all(|problem| problem.line == Some(4)), "{problems:?}");
        // The same from a bundle that was not made by `zonegate bundle`.
        let regex = serde_json::Value::from(regex);
        let json = format!(r#"[{{"name":"p","description":"d","reads":"value","regex":{regex}}}]"#);
        assert!(serde_json::from_str::<Patterns>(&json).is_err(), "{json}");
    }
    assert!(matches("value", "(?m)a", "a") && !matches("value", "(?m)a", "b\na\nc"));
    assert!(matches("value", "(?s).", "\n") && !matches("value", "(?x) a b ", "a b"));
}

#[test]
fn what_can_never_match_is_refused_with_its_cause() {
    for (reads, regex, message, help) in [
        // What users write who know `grep`.
        ("relative", r"^_acme-challenge\.", "has `^` in its expression, but no `$`", "begins with"),
        ("name", r"\.example\.com$", "has `$` in its expression, but no `^`", "ends with"),
        ("relative", "(^|a)b", "has `^` in its expression, but no `$`", "begins with"),
        ("relative", r"\Awww", "has `^` in its expression, but no `$`", "begins with"),
        ("relative", r"_acme-challenge\.", "can never match", "no dot at their end"),
        ("name", r"www\.example\.com\.", "can never match", "no dot at their end"),
        ("name", r"\.example\.com", "can never match", "no dot at their beginning"),
        ("name", "WWW", "can never match", "lower case"),
        ("name", "[A-Z]+", "can never match", "lower case"),
        ("relative", "www .*", "can never match", "lower case letters, digits"),
        ("relative", "www/?[ ]", "can never match", "lower case letters, digits"),
        ("name", "@", "can never match", "`@` alone is the apex"),
        ("relative", "ü.*", "can never match", "lower case letters, digits"),
        ("relative", "a^b$c", "can never match", "an anchor in the middle"),
        ("relative", "(a$)(^b)", "can never match", "an anchor in the middle"),
        ("relative", "[a&&b]", "can never match", "lower case letters, digits"),
        ("relative", "()", "can never match", ""),
        ("relative", r"[.]+", "can never match", "no dot at their end"),
        ("value", "a\tb", "can never match", "no control characters"),
        ("value", r"a\nb", "can never match", "no control characters"),
    ] {
        let text = file(reads, regex);
        refused(read(&text), &text, 4, message, help);
    }
}

#[test]
fn what_is_only_doubtful_is_warned_of() {
    for (reads, regex, message, help) in [
        ("relative", "^www$", "which change nothing", "leave them out"),
        ("name", ".*prod.*", "begins and ends with `.*`", "is that meant?"),
        ("name", ".*?prod.*", "begins and ends with `.*`", ""),
        ("value", ".*key=.*", "begins and ends with `.*`", ""),
        ("name", r"www.example\.com", "has a `.` that matches any character", "write `\\.`"),
        ("name", r"(www.)?a", "has a `.` that matches any character", "write `\\.`"),
        ("relative", "www|FTP/", "has an alternative that can never match", "lower case"),
    ] {
        let text = file(reads, regex);
        warned(read(&text), &text, 4, message, help);
    }
    for (reads, regex) in [
        ("relative", r"_acme-challenge\..*"),
        ("relative", r"_acme-challenge(\..*)?"),
        ("name", r"_acme-challenge\..+"),
        ("name", r".*\.prod\.example\.com"),
        ("name", r"prod-.*"),
        ("relative", "@"),
        ("relative", ".*"),
        ("relative", r"\*\.dev"),
        ("relative", "[A-Za-z]+"),
        ("relative", r"\bwww\b"),
        ("value", "MS=ms[0-9]{5,12}"),
        ("value", "a.b"),
    ] {
        accepted(read(&file(reads, regex)));
    }
}

#[test]
fn what_is_too_large_is_refused() {
    for (regex, message) in [
        ("a".repeat(1025), "has an expression of more than 1024 bytes"),
        ("[a-z]{9999}".to_owned(), "larger than 65536 bytes"),
        ("((a{99}){99}){99}".to_owned(), "larger than 65536 bytes"),
        (format!("{}a{}", "(".repeat(40), ")".repeat(40)), "nest"),
    ] {
        let text = file("value", &regex);
        refused(read(&text), &text, 4, message, "");
    }
    let one = |n| format!("[pattern.p{n}]\ndescription = 'd'\nreads = 'name'\nregex = 'a'\n");
    let many = (0..=256).map(one).collect::<Vec<String>>().concat();
    refused(read(&many), "257 patterns", 1025, "more than 256 patterns", "a|b");
}

#[test]
fn every_other_mistake_is_explained() {
    for (text, line, message, help) in [
        (
            "[pattern.p]\nreads = 'name'\nregex = 'a'",
            1,
            "the pattern `p` has no `description`",
            "which records",
        ),
        (
            "[pattern.p]\ndescription = 'd'\nregex = 'a'",
            1,
            "has no `reads`",
            "reads = \"relative\"",
        ),
        ("[pattern.p]\ndescription = 'd'\nreads = 'name'", 1, "has no `regex`", "single quotes"),
        (
            "[pattern.p]\ndescription = 'd'\nreads = 'name'\nregex = ''",
            4,
            "has an empty `regex`",
            "",
        ),
        (
            "[pattern.p]\ndescription = 'd'\nreads = 'names'\nregex = 'a'",
            3,
            "reads an unknown `names`",
            "did you mean `name`?",
        ),
        (
            "[pattern.p]\ndescription = 'd'\nreads = 'name'\nregex = '['",
            4,
            "unclosed character class",
            "https://docs.rs/regex",
        ),
        (
            "[pattern.p]\ndescription = 'd'\nreads = 'name'\nregex = '(?=a)'",
            4,
            "look-around",
            "https://docs.rs/regex",
        ),
        (
            "[pattern.p]\ndescription = 'd'\nreads = 'name'\nregex = '(a)\\1'",
            4,
            "backreferences",
            "",
        ),
        (
            "[pattern.p]\ndescription = 'd'\nreads = 'name'\nregex = '\\pL'",
            4,
            "has a bad expression",
            "without Unicode",
        ),
        (
            "[pattern.P]\ndescription = 'd'\nreads = 'name'\nregex = 'a'",
            1,
            "bad name",
            "lower case",
        ),
        (
            "[pattern.p]\ndescription = 'd'\nreads = 'name'\nregex = 'a'\nflags = 'i'",
            5,
            "unknown field `flags`",
            "regex",
        ),
    ] {
        refused(read(text), text, line, message, help);
    }
}

#[test]
fn only_the_wanted_patterns_are_asked() {
    let text = "[pattern.b]\ndescription = 'd'\nreads = 'relative'\nregex = 'w+'\n\
                [pattern.a]\ndescription = 'd'\nreads = 'name'\nregex = 'www\\.example\\.com'\n\
                [pattern.v]\ndescription = 'd'\nreads = 'value'\nregex = '.*'\n";
    let patterns = accepted(read(text));
    assert_eq!(patterns.names(), ["b", "a", "v"]);
    assert_eq!((patterns.index("a"), patterns.index("x")), (Some(1), None));
    let subject = Subject { relative: "www", name: "www.example.com", value: Some("1") };
    assert_eq!(patterns.matching(&[0, 1, 2], &subject), ["b", "a", "v"]);
    assert_eq!(patterns.matching(&[1], &subject), ["a"]);
    assert!(
        patterns.matching(&[], &subject).is_empty() && patterns.matching(&[3], &subject).is_empty()
    );
    let unknown = Subject { value: None, ..subject };
    assert_eq!(patterns.matching(&[0, 1, 2], &unknown), ["b", "a"]);
    assert_eq!(patterns.get(2).map(Pattern::reads), Some(Reads::Value));
}

/// Small expressions over what names are made of and what they are not.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-c]",
        Just(r"\.".to_owned()),
        Just("X".to_owned()),
        Just(".".to_owned()),
        Just("[b-z.]".to_owned()),
        Just("^".to_owned()),
        Just("$".to_owned())
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}{b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(?:{a}|{b})")),
            (inner, prop_oneof!["\\*", "\\?", "\\+", Just("{2}".to_owned())])
                .prop_map(|(a, times)| format!("(?:{a}){times}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// "Can never match" is never said of an expression that matches a name.
    #[test]
    fn nothing_that_matches_is_called_dead(regex in expressions(), names in prop::collection::vec(r"[a-d]{1,3}(\.[a-d]{1,2}){0,2}", 64)) {
        let whole = compile(&regex).expect("an expression");
        if !names.iter().any(|name| whole.is_match(name.as_bytes())) {
            return Ok(());
        }
        let hir = shape::parse(&regex).expect("an expression");
        let dead = shape::findings(&hir, Reads::Name).into_iter().find_map(|finding| match finding {
            Finding::Wrong(message, _) if message.contains("never") => Some(message),
            Finding::Wrong(..) | Finding::Doubtful(..) => None,
        });
        prop_assert_eq!(dead, None);
    }

    /// Whatever an expression is, it matches the whole or nothing.
    #[test]
    fn a_match_is_a_whole_match(regex in "[a-c.|*+?()^$\\\\#x: -]{0,12}", text in "[a-c]{0,4}") {
        let (Ok(_), Ok(whole)) = (shape::parse(&regex), compile(&regex)) else { return Ok(()) };
        let found = whole.find(text.as_bytes());
        prop_assert!(found.is_none_or(|found| found.start() == 0 && found.end() == text.len()));
    }

    /// No text makes the reader panic.
    #[test]
    fn any_expression_is_read_or_refused(regex in "[^']{0,40}") {
        let _ = read(&file("relative", &regex));
    }
}
