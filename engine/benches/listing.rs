//! What filtering a listing costs, beside what a JSON reader takes to skip the same bytes.
//!
//! Policies are not asked here: this is the cost of finding what they would be asked, and of
//! leaving out what may not be seen.
#![allow(clippy::allow_attributes, missing_docs, reason = "Criterion makes undocumented functions")]
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::de::IgnoredAny;
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::operation::Operation;
use zonegate_engine::provider::{Answer, Provider, ResponseRule};

/// A page of so many records, as Cloudflare writes them.
fn records(count: usize) -> String {
    let record = |at| {
        format!(
            r#"{{"id":"372e67954025e0ba6aaa6d586b{at:06}","name":"h{at}.example.com","type":"A","content":"198.51.100.4","proxiable":true,"proxied":false,"ttl":3600,"settings":{{}},"meta":{{}},"comment":null,"tags":[],"created_on":"2026-01-01T05:20:00.12345Z","modified_on":"2026-01-01T05:20:00.12345Z"}}"#
        )
    };
    let records: Vec<String> = (0..count).map(record).collect();
    format!(
        r#"{{"result":[{}],"success":true,"errors":[],"messages":[],"info":{{"page":1,"per_page":5000,"count":{count},"total":{count},"pages":1}}}}"#,
        records.join(",")
    )
}

/// All benchmarks.
fn benches(criterion: &mut Criterion) {
    let file = include_str!("../src/provider/tests/listings.toml").replace("ALWAYS", "create");
    let provider = Provider::parse("listings.toml", &file).unwrap();
    let zone = Name::parse("example.com", NameForm::Fqdn).unwrap();
    let rule = ResponseRule::new("page".to_owned(), Some(zone));
    let body = records(5_000);
    let mut group = criterion.benchmark_group("5000 records");
    group.throughput(Throughput::Bytes(body.len().try_into().unwrap()));
    group.bench_function("skipped by serde_json", |bencher| {
        bencher.iter(|| serde_json::from_slice::<IgnoredAny>(black_box(body.as_bytes())).unwrap());
    });
    for (title, one_in) in [("all kept", 1), ("one in ten kept", 10)] {
        group.bench_function(title, |bencher| {
            bencher.iter(|| {
                let mut asked = 0;
                let mut may = |operation: &Operation| {
                    black_box(operation);
                    asked += 1;
                    asked % one_in == 0
                };
                let content_type = Some("application/json");
                let body = black_box(body.as_bytes());
                let answer = Answer { status: 200, content_type, headers: &[], body };
                provider.filter(&rule, answer, "r-1", &mut may).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(listing, benches);
criterion_main!(listing);
