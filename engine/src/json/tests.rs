//! JSON: one meaning or refused.

use proptest::prelude::*;

use super::*;

/// Limits that none of the small documents here meets.
const WIDE: JsonLimits = JsonLimits { depth_max: 32, nodes_max: 100_000, fold_keys: false };
/// The same for a provider that ignores the case of keys.
const FOLD: JsonLimits = JsonLimits { fold_keys: true, ..WIDE };

/// Reads a document within wide limits.
fn parse(text: &str) -> Result<Json, JsonError> {
    Json::parse(text.as_bytes(), &WIDE)
}

#[test]
fn documents_are_read_in_order() {
    let text = r#" {"b":[1,-2,0.5,"x\u00e9\n"],"a":{"t":true,"n":null},"":false} "#;
    let read = parse(text).unwrap();
    assert_eq!(
        String::from_utf8(read.to_bytes()).unwrap(),
        r#"{"b":[1,-2,0.5,"xé\n"],"a":{"t":true,"n":null},"":false}"#
    );
    let items = read.get("b").and_then(Json::as_array).unwrap();
    assert_eq!(items[0].as_u64(), Some(1));
    assert_eq!((items[1].as_u64(), items[2].as_u64()), (None, None));
    assert_eq!(items[3].as_text(), Some("xé\n"));
    assert_eq!(read.get("").and_then(Json::as_bool), Some(false));
    assert!(read.get("a").and_then(|a| a.get("n")).is_some_and(Json::is_null));
    assert!(read.get("B").is_none() && Json::Null.get("a").is_none());
    assert_eq!(read.as_object().map(<[_]>::len), Some(3));
}

#[test]
fn a_repeated_key_is_refused() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"[{"x":{"name":"a","type":"A","name":"b"}}]"#,
        r#"{"":1,"":2}"#,
    ] {
        assert!(parse(text).unwrap_err().message().contains("is repeated"), "{text}");
    }
    let error = parse("{\n \"a\": 1,\n \"a\": 2}").unwrap_err();
    assert_eq!(error.line_and_column().map(|(line, _)| line), Some(3), "{error}");
    assert!(error.to_string().starts_with("the key \"a\" is repeated, at line 3"), "{error}");
}

#[test]
fn a_repeated_key_in_another_case_is_refused() {
    for text in [
        r#"{"name":1,"Name":2}"#,
        r#"[[{"TTL":1,"ttl":2}]]"#,
        r#"{"zones":1,"zone\u017f":2}"#,
        r#"{"kind":1,"\u212aind":2}"#,
    ] {
        assert!(parse(text).is_ok(), "{text}");
        let error = Json::parse(text.as_bytes(), &FOLD).unwrap_err();
        assert!(error.message().contains("is repeated"), "{text}");
    }
}

#[test]
fn many_keys_are_compared_too() {
    for repeated in [0, 7, KEYS_COMPARED_MAX - 1, KEYS_COMPARED_MAX, 60, 99] {
        let mut fields: Vec<_> = (0..100).map(|key| format!("\"k{key}\":{key}")).collect();
        assert!(Json::parse(format!("{{{}}}", fields.join(",")).as_bytes(), &FOLD).is_ok());
        fields.push(format!("\"K{repeated}\":0"));
        let text = format!("{{{}}}", fields.join(","));
        assert!(parse(&text).is_ok());
        assert!(Json::parse(text.as_bytes(), &FOLD).is_err(), "{repeated}");
        assert!(parse(&text.replace('K', "k")).is_err(), "{repeated}");
        assert!(raw_object(text.replace('K', "k").as_bytes()).is_err(), "{repeated}");
    }
}

#[test]
fn what_readers_disagree_about_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        r#"{"a":1,}"#,
        "{a:1}",
        "{'a':1}",
        "// x\n1",
        "/**/1",
        "NaN",
        "Infinity",
        "-Infinity",
        "+1",
        "01",
        "1.",
        ".5",
        "0x10",
        "1 2",
        "{}{}",
        "{} x",
        "[1]]",
        "\u{feff}{}",
        r#""\ud800""#,
        r#""\ud800\ud800""#,
        r#""\udc00""#,
        r#""\u12""#,
        r#""\x41""#,
        "\"a\nb\"",
        "\"a\0b\"",
        "tru",
        "True",
        "nul",
        r#"{"a"}"#,
        r#"{"a":}"#,
        "{1:2}",
        "[1 2]",
        "1e999",
        "\u{a0}1",
        "[1,,2]",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    for bytes in
        [&b"\"\xff\""[..], b"\"\xc0\xaf\"", b"\"\xed\xa0\x80\"", b"\xff\xfe{\0}\0", b"{}\0"]
    {
        assert!(Json::parse(bytes, &WIDE).is_err(), "{bytes:?}");
    }
}

#[test]
fn numbers_have_one_spelling() {
    for text in
        ["0", "1", "-1", "18446744073709551615", "-9223372036854775808", "0.5", "52.370216", "3.0"]
    {
        let read = parse(text).expect(text);
        assert_eq!(read.to_bytes(), text.as_bytes());
    }
    for text in [
        "1e1",
        "1E1",
        "1e+1",
        "1e-1",
        "3.00",
        "-0",
        "0.10",
        "18446744073709551616",
        "-9223372036854775809",
        "9007199254740993.0",
        "0.10000000000000000555",
        "1e400",
        "1e-400",
        "[1,2,\"3e1\",{\"-\":4e1}]",
        "[0.5,\"\\\"\",-0]",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(parse(r#"[0.5,"1e1 \" -0 \\",2,{"3e1":1.5}]"#).is_ok());
    let error = parse("[0.5,\n  1e1]").unwrap_err();
    assert_eq!(error.line_and_column(), Some((2, 3)), "{error}");
    assert_eq!(parse("3.0").unwrap().as_u64(), None);
    assert_eq!(parse("\"3\"").unwrap().as_u64(), None);
}

#[test]
fn depth_and_size_are_capped() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(32)).is_ok());
    let error = parse(&nested(33)).unwrap_err();
    assert!(error.message().starts_with("more than 32 arrays and objects"), "{error}");
    let mixed = format!("{}1{}", r#"{"a":["#.repeat(17), "]}".repeat(17));
    assert!(parse(&mixed).is_err());
    let deepest = JsonLimits { depth_max: usize::MAX, ..WIDE };
    assert!(Json::parse(nested(127).as_bytes(), &deepest).is_ok());
    assert!(Json::parse(nested(100_000).as_bytes(), &deepest).is_err());
    assert!(Json::parse("[".repeat(1_000_000).as_bytes(), &deepest).is_err());

    let few = JsonLimits { nodes_max: 4, ..WIDE };
    assert!(Json::parse(b"[1,2,{}]", &few).is_ok());
    assert!(Json::parse(b"[1,2,{},3]", &few).is_err());
    assert!(Json::parse(br#"{"a":{"b":{"c":{"d":1}}}}"#, &few).is_err());
    let none = JsonLimits { depth_max: 0, ..WIDE };
    assert!(Json::parse(b"1", &none).is_ok() && Json::parse(b"[]", &none).is_err());
}

#[test]
fn raw_elements_are_kept_byte_for_byte() {
    let items = raw_array(br#"[{"a": 1e1 }, "x\u0041" ,3]"#).unwrap();
    let texts: Vec<_> = items.iter().map(|item| item.get()).collect();
    assert_eq!(texts, [r#"{"a": 1e1 }"#, r#""x\u0041""#, "3"]);
    let fields = raw_object(br#"{"b":[1, 2],"\u0061":null}"#).unwrap();
    let fields: Vec<_> = fields.iter().map(|(key, value)| (key.as_str(), value.get())).collect();
    assert_eq!(fields, [("b", "[1, 2]"), ("a", "null")]);
    for bytes in [&b"{}"[..], b"[1] x", b"[1,]", b"[", b"\xef\xbb\xbf[]", b"[\"\xff\"]", b"1", b""]
    {
        assert!(raw_array(bytes).is_err(), "{bytes:?}");
    }
    for bytes in [&b"[]"[..], b"{\"a\":1,\"\\u0061\":1}", b"{}{}", b"{\"a\":1,}", b"\xef\xbb\xbf{}"]
    {
        assert!(raw_object(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn errors_say_where() {
    let error = parse("{\"a\": 1,\n  b}").unwrap_err();
    assert_eq!(error.to_string(), "key must be a string, at line 2, column 3");
    let error = Json::parse(b"{\n\"\xff\"}", &WIDE).unwrap_err();
    assert_eq!(error.to_string(), "this is not UTF-8, at line 2, column 2");
}

/// Numbers that any program could send; fractions of few digits only, because of others the
/// library reads some one bit off, and those are refused.
fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<u64>().prop_map(Number::from),
        any::<i64>().prop_map(Number::from),
        any::<i32>().prop_filter_map("finite", |n| Number::from_f64(f64::from(n) / 10_000.0)),
    ]
}

/// Any tree whose keys are unique under case folding.
fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number().prop_map(Json::Number),
        ".{0,8}".prop_map(Json::Text),
        any::<String>().prop_map(Json::Text),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        let fields = prop::collection::vec((".{0,3}|[a-cA-C]{1,2}", inner.clone()), 0..6);
        let object = fields.prop_map(|mut fields| {
            let mut seen = BTreeSet::new();
            fields.retain(|(key, _)| seen.insert(folded(key).collect::<String>()));
            Json::Object(fields)
        });
        prop_oneof![prop::collection::vec(inner, 0..6).prop_map(Json::Array), object]
    })
}

/// The key with its ASCII letters in the other case.
fn respelt(key: &str) -> String {
    let flip = |c: char| {
        if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }
    };
    key.chars().map(flip).collect()
}

/// Repeats, spelt by `spell`, a key of the object that `skip` others with keys come before.
fn repeat_a_key(tree: &mut Json, skip: &mut usize, spell: fn(&str) -> String) -> bool {
    match tree {
        Json::Array(items) => items.iter_mut().any(|item| repeat_a_key(item, skip, spell)),
        Json::Object(fields) => {
            if let Some((key, _)) = fields.first() {
                if *skip == 0 {
                    let repeated = (spell(key), Json::Null);
                    fields.push(repeated);
                    return true;
                }
                *skip -= 1;
            }
            fields.iter_mut().any(|(_, value)| repeat_a_key(value, skip, spell))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => false,
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(tree in tree()) {
        let bytes = tree.to_bytes();
        prop_assert_eq!(Json::parse(&bytes, &FOLD), Ok(tree.clone()));
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
    }

    #[test]
    fn a_repeated_key_is_refused_anywhere(tree in tree(), skip in 0..6usize) {
        let tree = Json::Object(vec![("inner".to_owned(), tree)]);
        for (spell, limits) in [(str::to_owned as fn(&str) -> String, WIDE), (respelt, FOLD)] {
            let mut repeated = tree.clone();
            let mut deepest_first = (0..=skip).rev();
            prop_assert!(deepest_first.any(|mut skip| repeat_a_key(&mut repeated, &mut skip, spell)));
            prop_assert!(Json::parse(&repeated.to_bytes(), &limits).is_err());
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..64), text in r#"[\[\]{}",:0-9.eE\\ua-]{0,24}"#) {
        for input in [&bytes[..], text.as_bytes()] {
            if let Ok(read) = Json::parse(input, &WIDE) {
                prop_assert_eq!(Json::parse(&read.to_bytes(), &WIDE), Ok(read));
                prop_assert!(serde_json::from_slice::<serde_json::Value>(input).is_ok());
            }
            let _ = (raw_array(input).is_ok(), raw_object(input).is_ok());
        }
    }
}
