//! The shortest way through the engine: paste a request here to see what becomes of it.

#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::rc::Rc;

use jiff::Timestamp;
use zonegate_engine::session::{Facts, Session, Step};

/// The plaintext of a demo key.
fn key(id: &str) -> String {
    let text = std::fs::read_to_string(common::folder().join("cases/demo-keys.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    table[id].as_str().unwrap().to_owned()
}

/// Sends one request to the shipped policies.
fn send(key: &str, method: &str, path: &str, body: &str) -> (Session, Step) {
    let now: Timestamp = "2026-06-03T10:00:00Z".parse().unwrap();
    let header = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let facts = Facts {
        headers: vec![
            header(":method", method),
            header(":path", path),
            header(":authority", "gate.test"),
            header("x-request-id", "r-1"),
            header("x-api-key", key),
        ],
        provider: Some("powerdns".to_owned()),
        account: Some("main".to_owned()),
        client: Some("198.51.100.7".parse().unwrap()),
        tls: false,
    };
    let (mut session, mut step) =
        Session::begin(Rc::new(common::bundle()), &facts, !body.is_empty(), now);
    if matches!(step, Step::Body) {
        step = session.body(body.as_bytes(), now);
    }
    (session, step)
}

#[test]
fn an_acme_key_writes_its_challenge_and_nothing_else() {
    let body = r#"{"rrsets":[{"name":"NAME","type":"TXT","ttl":60,"changetype":"REPLACE","records":[{"content":"\"LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM\"","disabled":false}]}]}"#;
    let path = "/api/v1/servers/localhost/zones/example.com.";
    let key = key("demoacmezone");
    let inside = body.replace("NAME", "_acme-challenge.www.example.com.");
    let (session, step) = send(&key, "PATCH", path, &inside);
    assert!(matches!(step, Step::Forward(_)), "{step:?}\n{}", session.audit().to_json("x"));
    let outside = body.replace("NAME", "www.example.com.");
    let (session, step) = send(&key, "PATCH", path, &outside);
    assert!(matches!(&step, Step::Reply(answer) if answer.status == 403), "{step:?}");
    assert_eq!(session.audit().reason, Some("no-policy-allows"));
}
