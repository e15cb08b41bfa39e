//! What a decision costs through wasmtime, beside the engine called natively, in one run.
//!
//! Rounds of both alternate, so that whatever else the machine does falls on both; the figure is
//! the ratio of their medians, which shall be at most 2. Run by `make bench`, after `make build` and `make component`.
#![allow(clippy::allow_attributes, missing_docs, reason = "generated bindings have no sentences")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark may panic")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::Instant;

use jiff::Timestamp;
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Engine, Store};
use zonegate_engine::bundle::Bundle;
use zonegate_engine::session::{self, Facts, Session};

wasmtime::component::bindgen!({ path: "wit", world: "policy" });

use exports::zonegate::policy::gate::{Request, Response, Step};

/// Rounds of each; the median counts.
const ROUNDS: usize = 31;
/// Requests in a round.
const REQUESTS: u32 = 200;
/// The time of all requests.
const NOW_MS: i64 = 1_780_480_800_000;
/// Where PowerDNS keeps a zone.
const ZONE: &str = "/api/v1/servers/localhost/zones/example.com.";
/// What an ACME client writes.
const CHALLENGE: &[u8] = br#"{"rrsets":[{"name":"_acme-challenge.www.example.com.","type":"TXT","ttl":60,"changetype":"REPLACE","records":[{"content":"\"LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM\"","disabled":false}]}]}"#;

/// The project's folder.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Cargo's target folder, found from where this runs: `<target>/<profile>/deps/<bench>`.
fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}

/// The shipped policies, as the built command packs them.
fn bundle() -> Vec<u8> {
    let file = target().join(format!("cost-{}.json", std::process::id()));
    let mut command = Command::new(target().join("debug/zonegate"));
    command.args(["bundle", "--demo", "--bare", "--output"]).arg(&file);
    let done = command.arg(project().join("policies")).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let json = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    json
}

/// A public demonstration key.
fn key() -> String {
    let file = project().join("policies/cases/demo-keys.toml");
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.starts_with("demoacmehost ")).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

/// The headers that a client sends.
fn headers(key: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = [
        ("user-agent", "lego-cli/4.9.1"),
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("x-api-key", key),
    ];
    pairs
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}

/// A zone's answer with so many rrsets.
fn zone(rrsets: usize) -> Vec<u8> {
    let rrset = |at| {
        format!(
            r#"{{"comments":[],"name":"h{at}.example.com.","records":[{{"content":"192.0.2.1","disabled":false}}],"ttl":60,"type":"A"}}"#
        )
    };
    let rrsets: Vec<String> = (0..rrsets).map(rrset).collect();
    let rrsets = rrsets.join(",");
    format!(r#"{{"id":"example.com.","kind":"Native","name":"example.com.","rrsets":[{rrsets}],"type":"Zone"}}"#)
        .into_bytes()
}

/// The engine, called natively.
struct Native {
    /// The bundle.
    bundle: Rc<Bundle>,
    /// The client's key.
    key: String,
}

impl Native {
    /// One request to its grant, and its response if one is given.
    fn walk(&self, method: &str, body: Option<&[u8]>, answer: Option<&[u8]>) {
        let now = Timestamp::from_millisecond(NOW_MS).unwrap();
        let mut map = vec![
            (b":authority".to_vec(), b"gate".to_vec()),
            (b":method".to_vec(), method.as_bytes().to_vec()),
            (b":path".to_vec(), ZONE.as_bytes().to_vec()),
            (b"x-request-id".to_vec(), b"7d5b3e1c".to_vec()),
        ];
        map.extend(headers(&self.key));
        let facts = Facts {
            headers: map,
            provider: Some("powerdns".to_owned()),
            account: Some("main".to_owned()),
            client: Some("198.51.100.7".parse().unwrap()),
            tls: true,
        };
        let (mut session, mut step) =
            Session::begin(Rc::clone(&self.bundle), &facts, body.is_some(), now);
        if let Some(body) = body {
            step = session.body(body, now);
        }
        let session::Step::Forward(grant) = step else { panic!("{step:?}") };
        black_box(grant);
        if let Some(answer) = answer {
            let status = [
                (b":status".to_vec(), b"200".to_vec()),
                (b"content-type".to_vec(), b"application/json".to_vec()),
            ];
            session.response_headers(&status);
            black_box(session.response_with(200, &status, answer));
        }
    }
}

/// The component, in wasmtime.
struct Hosted {
    /// The instance.
    store: Store<()>,
    /// Its exports.
    policy: Policy,
    /// The bundle.
    bundle: ResourceAny,
    /// The client's key.
    key: String,
}

impl Hosted {
    /// Compiles the component and loads the bundle.
    fn new(json: &[u8], key: String) -> Hosted {
        let file = target().join("wasm32-unknown-unknown/release/zonegate_component.wasm");
        let engine = Engine::default();
        let component = Component::from_file(&engine, file).unwrap();
        let mut store = Store::new(&engine, ());
        let policy = Policy::instantiate(&mut store, &component, &Linker::new(&engine)).unwrap();
        let gate = policy.zonegate_policy_gate();
        let bundle = gate.bundle().call_load(&mut store, json).unwrap().unwrap();
        Hosted { store, policy, bundle, key }
    }

    /// One request to its step, and its response if one is given.
    fn walk(&mut self, method: &str, body: Option<&[u8]>, answer: Option<&[u8]>) {
        let gate = self.policy.zonegate_policy_gate();
        let store = &mut self.store;
        let request = Request {
            provider: "powerdns".to_owned(),
            account: "main".to_owned(),
            method: method.to_owned(),
            path: ZONE.as_bytes().to_vec(),
            authority: b"gate".to_vec(),
            headers: headers(&self.key),
            client: "198.51.100.7".to_owned(),
            encrypted: true,
            request_id: "7d5b3e1c".to_owned(),
            body_follows: body.is_some(),
        };
        let begun = gate.bundle().call_begin(&mut *store, self.bundle, &request, NOW_MS);
        let (session, mut step) = begun.unwrap().unwrap();
        if let Some(body) = body {
            step = gate.session().call_body(&mut *store, session, body, NOW_MS).unwrap().unwrap();
        }
        let Step::Allow(forward) = step else { panic!("{step:?}") };
        black_box(forward);
        if let Some(answer) = answer {
            let headers = vec![(b"content-type".to_vec(), b"application/json".to_vec())];
            let response = Response { status: 200, headers, body: answer.to_vec() };
            black_box(
                gate.session().call_response(&mut *store, session, &response).unwrap().unwrap(),
            );
        }
        session.resource_drop(store).unwrap();
    }
}

/// Microseconds of one request in a round.
fn round(mut one: impl FnMut()) -> f64 {
    let begin = Instant::now();
    for _ in 0..REQUESTS {
        one();
    }
    begin.elapsed().as_secs_f64() * 1e6 / f64::from(REQUESTS)
}

/// The median.
fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap()
}

fn main() {
    let json = bundle();
    let native = Native { bundle: Rc::new(Bundle::load(json.clone()).unwrap()), key: key() };
    let mut hosted = Hosted::new(&json, key());
    let listing = zone(20);
    println!("{:<44} {:>10} {:>10} {:>7}", "one request", "native", "component", "ratio");
    for (what, method, body, answer) in [
        ("PATCH of one record, decided", "PATCH", Some(CHALLENGE), None),
        ("GET of a zone, decided", "GET", None, None),
        ("GET of a zone with 20 records, filtered", "GET", None, Some(listing.as_slice())),
    ] {
        let (mut natives, mut hosteds) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            natives.push(round(|| native.walk(method, body, answer)));
            hosteds.push(round(|| hosted.walk(method, body, answer)));
        }
        let (native, hosted) = (median(natives), median(hosteds));
        println!("{what:<44} {native:>7.1} µs {hosted:>7.1} µs {:>7.2}", hosted / native);
    }
}
