//! What whole requests cost in the engine, as WebAssembly too: the best of many rounds.
//!
//! `decide.rs` has the same requests for Criterion, natively. This one has no harness, so that it
//! runs in V8 as the filter does: see docs/performance.md. The shortest of many rounds counts,
//! because other programs on the machine only ever make a round longer.
//! With `BUNDLE` (a file of `zonegate bundle --bare`), `KEY` (one of its keys) and `ZONE` (a zone
//! that it may read and change), requests meet that bundle and not the demo's.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

#[path = "../tests/common/mod.rs"]
mod common;
mod requests;

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::session::{Facts, Session, Step};

use self::requests::{NOW, facts, key};

/// How often each is measured.
const ROUNDS: usize = 400;
/// How many requests a measurement has.
const REQUESTS: u32 = 20;

/// What a provider in the cloud answers about a record.
const RECORD: &[u8] = br#"{"domain_record":{"id":28448439,"type":"A","name":"www","data":"192.0.2.80","priority":null,"port":null,"ttl":300,"weight":null,"flags":null,"tag":null}}"#;

/// Walks one request to its answer, with the audit record.
fn walk(bundle: &Rc<Bundle>, facts: &Facts, body: &[u8], answer: (u16, &[u8])) {
    let now: Timestamp = NOW.parse().unwrap();
    let (mut session, mut step) = Session::begin(Rc::clone(bundle), facts, !body.is_empty(), now);
    if matches!(step, Step::Body) {
        step = session.body(body, now);
    }
    while matches!(step, Step::Lookups(_)) {
        step = session.answers(&[Some((200, RECORD.to_vec()))], now);
    }
    assert!(matches!(step, Step::Forward(_)), "{step:?}");
    black_box(session.audit().to_json(&bundle.digest));
    let (status, answer) = answer;
    let content_type = (status == 200).then_some("application/json");
    black_box(session.response(status, content_type, black_box(answer)));
}

/// Where a zone lies at PowerDNS.
fn path(zone: &str) -> String {
    format!("/api/v1/servers/localhost/zones/{zone}.")
}

/// A change of so many records of a zone.
fn changes(zone: &str, records: usize) -> String {
    let set = |at| {
        format!(
            r#"{{"name":"host{at}.{zone}.","type":"A","ttl":60,"changetype":"REPLACE","records":[{{"content":"192.0.2.{at}","disabled":false}}]}}"#
        )
    };
    let sets: Vec<String> = (0..records).map(set).collect();
    format!(r#"{{"rrsets":[{}]}}"#, sets.join(","))
}

/// A zone with so many records, as PowerDNS shows it.
fn shown(zone: &str, records: usize) -> String {
    let set = |at| {
        format!(
            r#"{{"comments":[],"name":"host{at}.{zone}.","records":[{{"content":"192.0.2.{at}","disabled":false}}],"ttl":300,"type":"A"}}"#
        )
    };
    let sets: Vec<String> = (0..records).map(set).collect();
    format!(
        r#"{{"account":"","id":"{zone}.","kind":"Native","name":"{zone}.","rrsets":[{}],"serial":1}}"#,
        sets.join(",")
    )
}

/// Walks each request many times, and prints the best round of each.
fn measure(requests: &[(&str, &dyn Fn())]) {
    let mut best = vec![Duration::MAX; requests.len()];
    for _ in 0..ROUNDS {
        for ((_, work), best) in requests.iter().zip(&mut best) {
            let start = Instant::now();
            (0..REQUESTS).for_each(|_| work());
            *best = start.elapsed().min(*best);
        }
    }
    for ((title, _), best) in requests.iter().zip(best) {
        println!("{title:24} {:>10.2?}", best / REQUESTS);
    }
}

/// Measures with the bundle that the environment names.
fn measure_given(file: &str) {
    let bundle = Rc::new(Bundle::load(std::fs::read(file).unwrap()).unwrap());
    let (key, zone) = (std::env::var("KEY").unwrap(), std::env::var("ZONE").unwrap());
    let (write, read) = (facts("PATCH", &path(&zone), &key), facts("GET", &path(&zone), &key));
    let (one, many) = (changes(&zone, 1), changes(&zone, 100));
    let (one_shown, many_shown) = (shown(&zone, 1), shown(&zone, 20));
    measure(&[
        ("PATCH of one record", &|| walk(&bundle, &write, one.as_bytes(), (204, &[]))),
        ("PATCH of 100 records", &|| walk(&bundle, &write, many.as_bytes(), (204, &[]))),
        ("GET of one record", &|| walk(&bundle, &read, &[], (200, one_shown.as_bytes()))),
        ("GET of 20 records", &|| walk(&bundle, &read, &[], (200, many_shown.as_bytes()))),
    ]);
}

/// Measures and prints.
fn main() {
    if let Ok(file) = std::env::var("BUNDLE") {
        return measure_given(&file);
    }
    let bundle = Rc::new(Bundle::load(common::packed().bytes).unwrap());
    let key = key("demoallzones");
    let path = path("example.com");
    let change = changes("example.com", 1);
    let changes = changes("example.com", 100);
    let zone = shown("example.com", 20);
    let (write, read) = (facts("PATCH", &path, &key), facts("GET", &path, &key));
    // Its policies read names, so each record is decided by itself.
    let elsewhere = path.replace(".com", ".org");
    let named = facts("PATCH", &elsewhere, &self::requests::key("demoascode01"));
    let changes_elsewhere = changes.replace(".com", ".org");
    let of = |provider: &str, path: &str| {
        let mut facts = facts("DELETE", path, "");
        let bearer = format!("Bearer {}", self::requests::key("demoanyall01")).into_bytes();
        facts.headers.pop();
        facts.headers.push((b"authorization".to_vec(), bearer));
        Facts { provider: Some(provider.to_owned()), ..facts }
    };
    let by_name = of("gandi", "/v5/livedns/domains/example.com/records/www/A");
    let by_id = of("digitalocean", "/v2/domains/example.com/records/28448439");
    measure(&[
        ("PATCH of one record", &|| walk(&bundle, &write, change.as_bytes(), (204, &[]))),
        ("PATCH of 100 records", &|| walk(&bundle, &write, changes.as_bytes(), (204, &[]))),
        ("the same, by name", &|| walk(&bundle, &named, changes_elsewhere.as_bytes(), (204, &[]))),
        ("GET of 20 records", &|| walk(&bundle, &read, &[], (200, zone.as_bytes()))),
        ("DELETE, no lookup", &|| walk(&bundle, &by_name, &[], (204, &[]))),
        ("DELETE, one lookup", &|| walk(&bundle, &by_id, &[], (204, &[]))),
    ]);
}
