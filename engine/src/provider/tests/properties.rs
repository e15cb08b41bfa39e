//! Properties that hold for every request and answer.

use proptest::prelude::*;

use super::{CAPS, plan, powerdns};
use crate::json::{Json, raw_array};
use crate::operation::{Action, Operation};
use crate::provider::{Answer, Caps};
use crate::request::{Method, Target};

/// A name in or outside of the zone, plain or odd.
fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9_*-]{1,6}".prop_map(|label| format!("{label}.example.com.")),
        1 => Just("example.com.".to_owned()),
        1 => "[ -~]{0,12}",
    ]
}

/// A type, mostly one that exists.
fn types() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["A", "TXT", "txt", "NS", "TYPE16", "ANY", "LUA"])
            .prop_map(str::to_owned),
        1 => "[A-Z0-9]{0,8}",
    ]
}

/// A list of values, or something else.
fn values() -> impl Strategy<Value = serde_json::Value> {
    let record = ("[ -~]{0,8}", any::<bool>()).prop_map(
        |(content, disabled)| serde_json::json!({"content": content, "disabled": disabled}),
    );
    prop_oneof![
        6 => prop::collection::vec(record, 0..4).prop_map(serde_json::Value::from),
        1 => Just(serde_json::Value::Null),
        1 => Just(serde_json::Value::from("x")),
    ]
}

/// An rrset of a PATCH, mostly well-formed.
fn rrsets() -> impl Strategy<Value = serde_json::Value> {
    let change = prop::sample::select(vec!["REPLACE", "DELETE", "EXTEND", "PRUNE", "replace"]);
    let comments = prop::sample::select(vec![0, 1, 2]);
    (names(), types(), change, values(), comments).prop_map(
        |(name, rtype, change, values, notes)| {
            let mut rrset = serde_json::json!({
                "name": name, "type": rtype, "changetype": change, "ttl": 1, "records": values,
            });
            if notes > 0 {
                let notes = vec![serde_json::json!({"content": "c", "account": "a"}); notes - 1];
                rrset["comments"] = notes.into();
            }
            rrset
        },
    )
}

/// Whether the bytes of `part` stand in `whole` in their order, others between them.
fn is_subsequence(part: &[u8], whole: &[u8]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|byte| rest.any(|other| other == byte))
}

proptest! {
    /// A batch means at least one operation for each rrset, on its name and type; what is
    /// forwarded has the same rrsets; and reading what is forwarded gives the same operations.
    #[test]
    fn every_rrset_is_an_operation(rrsets in prop::collection::vec(rrsets(), 1..4)) {
        let body = serde_json::json!({"rrsets": rrsets}).to_string();
        let Ok(planned) = plan("PATCH", "/zones/example.com.", &body) else { return Ok(()) };
        let forwarded = planned.forward.body.unwrap();
        let tree = Json::parse(&forwarded, &CAPS.json).unwrap();
        let items = tree.get("rrsets").and_then(Json::as_array).unwrap();
        prop_assert_eq!(items.len(), rrsets.len());
        for item in items {
            let name = item.get("name").and_then(Json::as_text).unwrap();
            let rtype = item.get("type").and_then(Json::as_text).unwrap();
            let mut records = planned.operations.iter().filter_map(Operation::as_record);
            let found = records.any(|record| {
                format!("{}.", record.name) == name && record.rtype.to_string() == rtype
            });
            prop_assert!(found, "no operation on {name} {rtype}");
            let values = item.get("records").and_then(Json::as_array).unwrap_or_default();
            for value in values {
                let content = value.get("content").and_then(Json::as_text);
                let mut records = planned.operations.iter().filter_map(Operation::as_record);
                let found = records.any(|record| {
                    record.value.as_deref() == content && format!("{}.", record.name) == name
                });
                prop_assert!(found, "no operation on {name} with {content:?}");
            }
        }
        for index in &planned.unseen {
            let operation = planned.operations.get(*index).unwrap();
            prop_assert_eq!(operation.action, Action::RecordDelete);
            prop_assert!(operation.as_record().unwrap().value.is_none());
        }
        let again = String::from_utf8(forwarded.clone()).unwrap();
        let again = plan("PATCH", "/zones/example.com.", &again).unwrap();
        prop_assert_eq!(again.forward.body.unwrap(), forwarded);
        prop_assert_eq!(again.operations, planned.operations);
    }

    /// Filtering leaves out; it never adds a byte that was not there.
    #[test]
    fn filtering_never_adds(
        rrsets in prop::collection::vec(rrsets(), 0..6),
        allowed in prop::collection::vec(any::<bool>(), 16),
    ) {
        let requests = [
            ("/zones/example.com.", serde_json::json!({"a": 1, "name": "example.com.", "rrsets": rrsets})),
            ("/zones", serde_json::Value::from(rrsets.clone())),
            ("/search-data?q=x", serde_json::Value::from(rrsets)),
        ];
        for (path, body) in requests {
            let body = body.to_string();
            let rule = plan("GET", path, "").unwrap().response;
            let mut answers = allowed.iter().cycle();
            let mut may = |_: &Operation| *answers.next().unwrap();
            let answer = Answer { status: 200, content_type: Some("application/json"), headers: &[], body: body.as_bytes() };
            let filtered = powerdns().filter(&rule, answer, "r", &mut may).unwrap();
            prop_assert!(is_subsequence(&filtered.body, body.as_bytes()));
            if path == "/zones" {
                let given = raw_array(body.as_bytes()).unwrap();
                for kept in raw_array(&filtered.body).unwrap() {
                    prop_assert!(given.iter().any(|item| item.get() == kept.get()));
                }
            }
        }
    }

    /// Whatever comes, nothing panics, and an accepted request has operations and a path of its own.
    #[test]
    fn nothing_panics(
        method in prop::sample::select(Method::ALL.to_vec()),
        tail in "(/[ -~]{0,10}){0,4}",
        body in "[ -~]{0,40}",
        status in 0u16..1000,
    ) {
        let path = format!("/api/v1/servers/localhost{tail}");
        let Ok(target) = Target::parse(path.as_bytes()) else { return Ok(()) };
        let Ok(matched) = powerdns().find(method, &target) else { return Ok(()) };
        let caps = Caps { operations_max: 2, ..CAPS };
        let Ok(planned) = matched.plan(body.as_bytes(), &caps) else { return Ok(()) };
        prop_assert!(!planned.operations.is_empty());
        prop_assert!(Target::parse(planned.forward.path_and_query.as_bytes()).is_ok());
        let answer = Answer { status, content_type: None, headers: &[], body: body.as_bytes() };
        let _ = powerdns().filter(&planned.response, answer, "r", &mut |_| true);
    }
}
