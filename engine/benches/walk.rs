//! What whole requests cost in the engine, as WebAssembly too: the best of many rounds.
//!
//! `decide.rs` has the same requests for Criterion, natively. This one has no harness, so that it
//! runs in V8 as the filter does: see docs/performance.md. The shortest of many rounds counts,
//! because other programs on the machine only ever make a round longer.
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

/// Measures and prints.
fn main() {
    let bundle = Rc::new(Bundle::load(common::packed().bytes).unwrap());
    let key = key("demoallzones");
    let path = "/api/v1/servers/localhost/zones/example.com.";
    let change = br#"{"rrsets":[{"name":"www.example.com.","type":"A","ttl":60,"changetype":"REPLACE","records":[{"content":"192.0.2.80","disabled":false}]}]}"#;
    let changes: Vec<String> = (0..100)
        .map(|at| {
            format!(
                r#"{{"name":"host{at}.example.com.","type":"A","ttl":60,"changetype":"REPLACE","records":[{{"content":"192.0.2.{at}","disabled":false}}]}}"#
            )
        })
        .collect();
    let changes = format!(r#"{{"rrsets":[{}]}}"#, changes.join(","));
    let rrset = |at| {
        format!(
            r#"{{"comments":[],"name":"host{at}.example.com.","records":[{{"content":"192.0.2.{at}","disabled":false}}],"ttl":300,"type":"A"}}"#
        )
    };
    let rrsets: Vec<String> = (0..20).map(rrset).collect();
    let zone = format!(
        r#"{{"account":"","id":"example.com.","kind":"Native","name":"example.com.","rrsets":[{}],"serial":1}}"#,
        rrsets.join(",")
    );
    let (write, read) = (facts("PATCH", path, &key), facts("GET", path, &key));
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
    let requests: [(&str, &dyn Fn()); 6] = [
        ("PATCH of one record", &|| walk(&bundle, &write, change, (204, &[]))),
        ("PATCH of 100 records", &|| walk(&bundle, &write, changes.as_bytes(), (204, &[]))),
        ("the same, by name", &|| walk(&bundle, &named, changes_elsewhere.as_bytes(), (204, &[]))),
        ("GET of 20 records", &|| walk(&bundle, &read, &[], (200, zone.as_bytes()))),
        ("DELETE, no lookup", &|| walk(&bundle, &by_name, &[], (204, &[]))),
        ("DELETE, one lookup", &|| walk(&bundle, &by_id, &[], (204, &[]))),
    ];
    let mut best = [Duration::MAX; 6];
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
