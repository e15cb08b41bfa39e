//! Targets and methods: what every parser reads alike, and nothing else.

use proptest::prelude::*;

use super::*;

/// The decoded segments of a target.
fn segments(raw: &str) -> Result<Vec<String>, TargetError> {
    Target::parse(raw.as_bytes()).map(|target| target.segments().to_vec())
}

/// The decoded parameters of a target.
fn query(raw: &str) -> Result<Vec<(String, String)>, TargetError> {
    Target::parse(raw.as_bytes()).map(|target| target.query().to_vec())
}

#[test]
fn methods_are_exact() {
    for method in Method::ALL {
        assert_eq!(Method::parse(method.as_str().as_bytes()), Some(*method));
    }
    for other in
        ["get", "Get", "GET ", "", "TRACE", "CONNECT", "OPTIONS", "PROPFIND", "GETX", "POS"]
    {
        assert_eq!(Method::parse(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn paths_are_decoded_once_and_written_minimally() {
    for (raw, decoded, path) in [
        ("/", &[][..], "/"),
        ("/a/b", &["a", "b"], "/a/b"),
        ("/a/b/", &["a", "b"], "/a/b/"),
        ("/zones/example.com.", &["zones", "example.com."], "/zones/example.com."),
        ("/zones/=2E", &["zones", "=2E"], "/zones/=2E"),
        ("/%7Ea/%2D%41", &["~a", "-A"], "/~a/-A"),
        ("/%2a.example", &["*.example"], "/*.example"),
        ("/a%20b", &["a b"], "/a%20b"),
        ("/a|b^c", &["a|b^c"], "/a%7Cb%5Ec"),
        ("/!$&'()*+,:@~_-.x", &["!$&'()*+,:@~_-.x"], "/!$&'()*+,:@~_-.x"),
        ("/...", &["..."], "/..."),
    ] {
        let target = Target::parse(raw.as_bytes()).expect(raw);
        assert_eq!(target.segments(), decoded, "{raw}");
        assert_eq!(target.path(), path, "{raw}");
        assert_eq!(target.trailing_slash(), raw.ends_with('/') && raw != "/", "{raw}");
    }
}

#[test]
fn escapes_with_a_meaning_are_refused() {
    use TargetError::{DotSegment, Escape, EscapedByte};
    for (raw, error) in [
        ("/a%2Fb", EscapedByte(b'/')),
        ("/a%2fb", EscapedByte(b'/')),
        ("/a%5Cb", EscapedByte(b'\\')),
        ("/a%252Fb", EscapedByte(b'%')),
        ("/a%25", EscapedByte(b'%')),
        ("/a%3Fb", EscapedByte(b'?')),
        ("/a%23b", EscapedByte(b'#')),
        ("/a%3Bb", EscapedByte(b';')),
        ("/zones/%3D2E", EscapedByte(b'=')),
        ("/zones/%3d2E", EscapedByte(b'=')),
        ("/a%00", EscapedByte(0)),
        ("/a%0d%0aX:1", EscapedByte(b'\r')),
        ("/a%09", EscapedByte(b'\t')),
        ("/a%7F", EscapedByte(0x7f)),
        ("/a%C0%AF", EscapedByte(0xc0)),
        ("/a%e3%80%82b", EscapedByte(0xe3)),
        ("/a%FF", EscapedByte(0xff)),
        ("/%2e", DotSegment),
        ("/a/%2e%2E/b", DotSegment),
        ("/a/.%2e", DotSegment),
        ("/a/../b", DotSegment),
        ("/a/./b", DotSegment),
        ("/..", DotSegment),
        ("/../", DotSegment),
        ("/a%", Escape),
        ("/a%2", Escape),
        ("/a%2/b", Escape),
        ("/a%zz", Escape),
        ("/a%+1", Escape),
        ("/a%%2F", Escape),
        ("/a%u002f", Escape),
    ] {
        assert_eq!(segments(raw), Err(error), "{raw}");
    }
}

#[test]
fn what_is_no_canonical_path_is_refused() {
    use TargetError::{Byte, EmptySegment, NotAPath};
    for (raw, error) in [
        ("", NotAPath),
        ("a", NotAPath),
        ("*", NotAPath),
        ("?a=b", NotAPath),
        ("http://api.example/zones", NotAPath),
        ("api.example:443", NotAPath),
        ("//", EmptySegment),
        ("//a", EmptySegment),
        ("/a//b", EmptySegment),
        ("/a//", EmptySegment),
        ("/a;b", Byte(b';')),
        ("/a/..;x/b", Byte(b';')),
        ("/a?x=1;y=2", Byte(b';')),
        ("/a#b", Byte(b'#')),
        ("/a?x=1#b", Byte(b'#')),
        ("/a\\b", Byte(b'\\')),
        ("/a b", Byte(b' ')),
        ("/a\tb", Byte(b'\t')),
        ("/a\0", Byte(0)),
        ("/a\u{7f}", Byte(0x7f)),
        ("/é", Byte(0xc3)),
    ] {
        assert_eq!(segments(raw), Err(error), "{raw:?}");
    }
    assert_eq!(Target::parse(b"/a\xff"), Err(Byte(0xff)));
}

#[test]
fn queries_are_decoded_once() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(query("/a"), Ok(vec![]));
    assert_eq!(query("/a?"), Ok(vec![]));
    assert_eq!(query("/a?b=c&d="), Ok(vec![pair("b", "c"), pair("d", "")]));
    assert_eq!(query("/a?b=c+d%2Be%3Df=g?h/i"), Ok(vec![pair("b", "c d+e=f=g?h/i")]));
    assert_eq!(query("/a?api%2Dkey=x"), Ok(vec![pair("api-key", "x")]));
    assert_eq!(query("/a?q=%2525"), Ok(vec![pair("q", "%25")]));
    assert_eq!(query("/a?q=%C3%A9"), Ok(vec![pair("q", "é")]));
    for raw in ["/?a", "/?a&b=1", "/?=1", "/?a=1&", "/?&a=1", "/?a=1&&b=2", "/?a+b=1", "/?&"] {
        assert_eq!(query(raw), Err(TargetError::Parameter), "{raw}");
    }
    for raw in
        ["/?a=%00", "/?a=%0A", "/?%7F=1", "/?a=%FF", "/?a=%C0%AF", "/?a=%ED%A0%80", "/?a=%C2%85"]
    {
        assert_eq!(query(raw), Err(TargetError::ParameterText), "{raw}");
    }
    for raw in ["/?a=%", "/?a=%1", "/?a%zz=1"] {
        assert_eq!(query(raw), Err(TargetError::Escape), "{raw}");
    }
}

#[test]
fn repeated_parameters_are_found() {
    let repeats = |raw: &str| {
        Target::parse(raw.as_bytes())
            .unwrap()
            .query_repeats()
            .first()
            .map(|key| key.to_ascii_lowercase())
    };
    assert_eq!(repeats("/?a=1&b=2"), None);
    assert_eq!(repeats("/?zone=1&b=2&zone=1").as_deref(), Some("zone"));
    assert_eq!(repeats("/?zone=1&b=2&ZONE=1").as_deref(), Some("zone"));
    assert_eq!(repeats("/?zone=1&z%6Fne=1").as_deref(), Some("zone"));
    let target = Target::parse(b"/?zone=1&b=2").unwrap();
    assert_eq!((target.parameter("b"), target.parameter("c")), (Some("2"), None));
}

#[test]
fn length_is_capped() {
    let longest = format!("/{}", "a".repeat(TARGET_BYTES_MAX - 1));
    assert!(segments(&longest).is_ok());
    assert_eq!(segments(&format!("{longest}a")), Err(TargetError::TooLong));
}

#[test]
fn errors_are_readable() {
    assert_eq!(
        TargetError::Byte(b'\n').to_string(),
        r"the byte `\n` cannot stand in a path or query"
    );
    assert_eq!(TargetError::EscapedByte(b'/').to_string(), "`%2F` must not stand in the path");
}

/// Targets that look like targets, many of them acceptable.
fn raw() -> impl Strategy<Value = String> {
    let segment = "([a-zA-Z0-9._~*=+@:| -]|%[0-9a-fA-F]{2}){0,5}";
    let pair = "([a-z]|%[0-9a-f]{2}){0,3}=?([a-z+=?/]|%[0-9a-fA-F]{2}){0,4}";
    let part = |strategy: &'static str, n| prop::collection::vec(strategy, n);
    (part(segment, 0..4), any::<bool>(), part(pair, 0..3)).prop_map(|(path, query, pairs)| {
        let mark = if query { "?" } else { "" };
        let pairs = if query { pairs.join("&") } else { String::new() };
        format!("/{}{mark}{pairs}", path.join("/"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_goes_on_is_what_was_read(raw in raw()) {
        if let Ok(target) = Target::parse(raw.as_bytes()) {
            let written = format!("{}?{}", target.path(), encode_query(target.query()));
            prop_assert_eq!(Target::parse(written.as_bytes()), Ok(target.clone()));
            let path = Target::parse(target.path().as_bytes()).unwrap();
            prop_assert_eq!(path.segments(), target.segments());
            prop_assert_eq!(path.path(), target.path());
        }
    }

    #[test]
    fn no_segment_has_a_second_meaning(raw in prop_oneof![raw(), "/[!-~]{0,20}", "(/%[0-9a-f]{2}){1,3}"]) {
        if let Ok(target) = Target::parse(raw.as_bytes()) {
            for segment in target.segments() {
                prop_assert!(!["", ".", ".."].contains(&segment.as_str()));
                let odd = |c: char| !matches!(c, ' '..='~') || r"/\%?#;".contains(c);
                prop_assert!(!segment.contains(odd), "{:?}", segment);
            }
            for (key, value) in target.query() {
                prop_assert!(!key.is_empty() && !key.contains(char::is_control));
                prop_assert!(!value.contains(char::is_control));
            }
        }
    }

    #[test]
    fn a_second_decoding_changes_no_path(raw in raw()) {
        // Whoever decodes the decoded path once more finds nothing to decode.
        if let Ok(target) = Target::parse(raw.as_bytes()) {
            let again: Vec<_> =
                target.segments().iter().map(|segment| parse_segment(segment)).collect();
            let once: Vec<_> = target.segments().iter().cloned().map(Ok).collect();
            prop_assert_eq!(again, once);
        }
    }

    #[test]
    fn any_bytes_are_answered(raw in prop::collection::vec(any::<u8>(), 0..40)) {
        let slashed = [b"/", &raw[..]].concat();
        for raw in [raw, slashed] {
            if let Ok(target) = Target::parse(&raw) {
                prop_assert!(raw.starts_with(b"/") && target.path().is_ascii());
            }
        }
    }
}
