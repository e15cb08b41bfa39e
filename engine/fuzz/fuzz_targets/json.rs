//! Any bytes as JSON: never a panic, never more lenient than `serde_json`, and the same tree.
//!
//! Input: a byte that chooses the limits, then the document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use zonegate_engine::json::{Json, JsonLimits, raw_array, raw_object};

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let limits = JsonLimits {
        depth_max: if choice & 1 == 0 { 16 } else { usize::MAX },
        nodes_max: if choice & 2 == 0 { 50 } else { usize::MAX },
        fold_keys: choice & 4 != 0,
    };
    let elements = raw_array(bytes).ok();
    let fields = raw_object(bytes).ok();
    let Ok(tree) = Json::parse(bytes, &limits) else { return };
    let written = tree.to_bytes();
    assert_eq!(Json::parse(&written, &limits).as_ref(), Ok(&tree));
    let value: Value = serde_json::from_slice(bytes).expect("we are the stricter one");
    same(&tree, &value);
    assert_eq!(serde_json::from_slice::<Value>(&written).expect("it is JSON"), value);
    if let Some(items) = tree.as_array() {
        let elements = elements.expect("an array can be cut into its elements");
        assert_eq!(items.len(), elements.len());
        for (item, element) in items.iter().zip(elements) {
            assert_eq!(Json::parse(element.get().as_bytes(), &limits).as_ref(), Ok(item));
        }
    }
    if let Some(items) = tree.as_object() {
        let fields = fields.expect("an object can be cut into its fields");
        assert_eq!(items.len(), fields.len());
        for ((name, item), (key, element)) in items.iter().zip(fields) {
            assert_eq!(*name, key);
            assert_eq!(Json::parse(element.get().as_bytes(), &limits).as_ref(), Ok(item));
        }
    }
});

/// Both readers found the same, and no key twice.
fn same(ours: &Json, theirs: &Value) {
    match (ours, theirs) {
        (Json::Null, Value::Null) => {}
        (Json::Bool(one), Value::Bool(other)) => assert_eq!(one, other),
        (Json::Number(one), Value::Number(other)) => assert_eq!(one, other),
        (Json::Text(one), Value::String(other)) => assert_eq!(one, other),
        (Json::Array(one), Value::Array(other)) => {
            assert_eq!(one.len(), other.len());
            one.iter().zip(other).for_each(|(one, other)| same(one, other));
        }
        (Json::Object(one), Value::Object(other)) => {
            assert_eq!(one.len(), other.len());
            one.iter().for_each(|(key, value)| same(value, &other[key]));
        }
        _ => panic!("{ours:?} is read as {theirs}"),
    }
}
