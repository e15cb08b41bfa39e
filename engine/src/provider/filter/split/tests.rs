//! What is cut up quickly is what the strict reader reads.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::super::fields::Fields;
use super::{each, items, unquoted};
use crate::json::raw_array;

/// JSON with blanks, escapes, signs inside strings, nesting, and keys that may repeat.
fn json() -> impl Strategy<Value = String> {
    let blank = || "[ \t\r\n]{0,2}";
    let string =
        r#"("([ -!#-\[\]-~]|é|\\["\\/bfnrt]|\\u00[0-7][0-9a-f]|\\ud83d\\ude00|\\ud800){0,6}")"#;
    let number = "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?([eE][+-]?[0-9])?";
    let leaf = prop_oneof![
        string.prop_map(|text| text),
        number.prop_map(|text| text),
        prop::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned),
    ];
    let key = prop_oneof![
        prop::sample::select(vec!["\"a\"", "\"b\"", "\"\\u0061\"", "\"\""]).prop_map(str::to_owned),
        string.prop_map(|text| text),
    ];
    leaf.prop_recursive(4, 60, 6, move |inner| {
        let item = (blank(), inner.clone(), blank()).prop_map(|(a, b, c)| format!("{a}{b}{c}"));
        let field = (blank(), key.clone(), blank(), blank(), inner, blank())
            .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
        prop_oneof![
            (prop::collection::vec(item, 0..6), blank()).prop_map(|(items, empty)| {
                format!("[{}]", if items.is_empty() { empty } else { items.join(",") })
            }),
            (prop::collection::vec(field, 0..6), blank()).prop_map(|(fields, empty)| {
                format!("{{{}}}", if fields.is_empty() { empty } else { fields.join(",") })
            }),
        ]
    })
}

/// Keys and values of fields.
fn pairs(fields: &Fields<'_>) -> Vec<(String, String)> {
    fields.iter().map(|(key, raw)| (key.to_owned(), raw.to_owned())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The same items, the same fields, the same texts, and none where the strict reader has none.
    #[test]
    fn a_cut_is_what_the_strict_reader_reads(text in json()) {
        let strict = raw_array(text.as_bytes()).ok();
        let strict: Option<Vec<&str>> =
            strict.map(|items| items.into_iter().map(RawValue::get).collect());
        prop_assert_eq!(&items(&text), &strict);
        let mut read = Vec::new();
        let visited = each(&text, false, |item, fields| read.push((item, fields.map(pairs))));
        prop_assert_eq!(visited.is_some(), strict.is_some());
        if let Some(strict) = &strict {
            let strict: Vec<_> =
                strict.iter().map(|item| (*item, Fields::of(item).as_ref().map(pairs))).collect();
            prop_assert_eq!(&read, &strict);
        }
        let fields = Fields::of(&text);
        let again = Fields::again(&text);
        prop_assert_eq!(again.as_ref().map(pairs), fields.as_ref().map(pairs));
        let mut read = Vec::new();
        let values = each(&text, true, |item, _| read.push(item));
        let empty = strict.filter(Vec::is_empty);
        let strict = fields.map(|fields| fields.iter().map(|(_, raw)| raw).collect()).or(empty);
        prop_assert_eq!(values.map(|()| read), strict);
        let said = unquoted(&text).map(Cow::into_owned);
        prop_assert_eq!(said, serde_json::from_str::<String>(&text).ok());
    }

    /// Nothing panics on what is no JSON.
    #[test]
    fn a_cut_of_anything_ends(text in r#"[\[\]{}":, a\\1]{0,20}"#) {
        let _ = (items(&text), each(&text, true, |_, _| {}), Fields::again(&text).is_some());
    }
}

/// Many keys are compared, too.
#[test]
fn many_keys_are_unique() {
    let fields = |last: usize| {
        let keys: Vec<String> = (0..40).chain([last]).map(|at| format!("\"k{at}\":1")).collect();
        format!("{{{}}}", keys.join(","))
    };
    assert_eq!(Fields::again(&fields(40)).unwrap().iter().len(), 41);
    for repeated in [0, 30, 39] {
        assert!(Fields::again(&fields(repeated)).is_none(), "k{repeated}");
        assert!(Fields::of(&fields(repeated)).is_none(), "k{repeated}");
    }
}
