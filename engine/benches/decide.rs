//! What the engine costs: loading a bundle, and one request from headers to grant.
//!
//! Run by `make bench`; figures are compared with one another in one run, never with those of
//! another machine or day.
#![allow(clippy::allow_attributes, missing_docs, reason = "Criterion makes undocumented functions")]
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

#[path = "../tests/common/mod.rs"]
mod common;
mod requests;

use std::hint::black_box;
use std::rc::Rc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::session::{Facts, Session, Step};

use self::requests::{NOW, facts, key};

/// A PATCH of so many challenges.
fn patch(records: usize) -> Vec<u8> {
    let rrset = |at| {
        format!(
            r#"{{"name":"_acme-challenge.h{at}.example.com.","type":"TXT","ttl":60,"changetype":"REPLACE","records":[{{"content":"\"LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM\"","disabled":false}}]}}"#
        )
    };
    let rrsets: Vec<String> = (0..records).map(rrset).collect();
    format!(r#"{{"rrsets":[{}]}}"#, rrsets.join(",")).into_bytes()
}

/// A zone's answer with so many rrsets.
fn zone(rrsets: usize) -> Vec<u8> {
    let rrset = |at| {
        format!(
            r#"{{"comments":[],"name":"_acme-challenge.h{at}.example.com.","records":[{{"content":"\"tok\"","disabled":false}}],"ttl":60,"type":"TXT"}}"#
        )
    };
    let rrsets: Vec<String> = (0..rrsets).map(rrset).collect();
    format!(
        r#"{{"id":"example.com.","kind":"Native","name":"example.com.","rrsets":[{}],"type":"Zone"}}"#,
        rrsets.join(",")
    )
    .into_bytes()
}

/// Walks one request to its grant.
fn walk(bundle: &Rc<Bundle>, facts: &Facts, body: &[u8]) -> Session {
    let now: Timestamp = NOW.parse().unwrap();
    let (mut session, mut step) = Session::begin(Rc::clone(bundle), facts, !body.is_empty(), now);
    if matches!(step, Step::Body) {
        step = session.body(body, now);
    }
    assert!(matches!(step, Step::Forward(_)), "{step:?}");
    session
}

/// All benchmarks.
fn benches(criterion: &mut Criterion) {
    let bytes = common::packed().bytes;
    criterion.bench_function("load the demo bundle", |bencher| {
        bencher.iter(|| Bundle::load(black_box(&bytes[..])).unwrap());
    });
    let bundle = Rc::new(Bundle::load(&bytes[..]).unwrap());
    let key = key("demoacmezone");
    let path = "/api/v1/servers/localhost/zones/example.com.";
    let read = facts("GET", path, &key);
    criterion.bench_function("GET a zone, to its grant", |bencher| {
        bencher.iter(|| walk(&bundle, black_box(&read), &[]));
    });
    let write = facts("PATCH", path, &key);
    let mut group = criterion.benchmark_group("PATCH, to its grant");
    for records in [1, 10, 100] {
        let body = patch(records);
        group.throughput(Throughput::Elements(records.try_into().unwrap()));
        group.bench_function(format!("{records} records"), |bencher| {
            bencher.iter(|| walk(&bundle, &write, black_box(&body)));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("cut a zone's answer");
    for rrsets in [10, 1_000] {
        let body = zone(rrsets);
        group.throughput(Throughput::Elements(rrsets.try_into().unwrap()));
        group.bench_function(format!("{rrsets} rrsets"), |bencher| {
            bencher.iter_batched(
                || walk(&bundle, &read, &[]),
                |mut session| session.response(200, Some("application/json"), black_box(&body)),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// The two requests of `lab/bench.py`, from headers to answer, with the audit record.
fn whole_requests(criterion: &mut Criterion) {
    let bundle = Rc::new(Bundle::load(common::packed().bytes).unwrap());
    let key = key("demoallzones");
    let path = "/api/v1/servers/localhost/zones/example.com.";
    let change = br#"{"rrsets":[{"name":"www.example.com.","type":"A","ttl":60,"changetype":"REPLACE","records":[{"content":"192.0.2.80","disabled":false}]}]}"#;
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
    let whole = |facts: &Facts, body: &[u8], status, content_type, answer: &[u8]| {
        let mut session = walk(&bundle, black_box(facts), black_box(body));
        let decided = session.audit().to_json(&bundle.digest);
        (decided, session.response(status, content_type, black_box(answer)))
    };
    criterion.bench_function("the lab's PATCH", |bencher| {
        bencher.iter(|| whole(&write, change, 204, None, &[]));
    });
    criterion.bench_function("the lab's GET", |bencher| {
        bencher.iter(|| whole(&read, &[], 200, Some("application/json"), zone.as_bytes()));
    });
}

criterion_group!(decide, benches, whole_requests);
criterion_main!(decide);
