//! What a component tells besides decisions, and how it lives: several bundles, many sessions.

use crate::bad::{key, request};
use crate::host::{self, Awaits, Host, Outcome, Request, Response, Step};

/// The time of these requests.
const NOW: i64 = 1_780_480_800_000;
/// Where PowerDNS keeps a zone.
const ZONE: &[u8] = b"/api/v1/servers/localhost/zones/example.com.";
/// A change that the ACME key may not make.
const ADDRESS: &[u8] = br#"{"rrsets":[{"name":"www.example.com.","type":"A","ttl":60,
    "changetype":"REPLACE","records":[{"content":"192.0.2.66","disabled":false}]}]}"#;

#[test]
fn a_denial_is_explained_clause_by_clause() {
    let mut host = Host::new();
    let bundle = host.load(host::bundle()).unwrap();
    let (session, _) = host.begin(bundle, &request("PATCH", ZONE, true), NOW).unwrap();
    assert!(host.explain(session).is_empty(), "nothing was decided yet");
    let Ok(Step::Deny(denial)) = host.body(session, ADDRESS, NOW) else { panic!("not its name") };
    assert_eq!(denial.reason, "no-policy-allows");
    let explained = host.explain(session);
    let [one] = explained.as_slice() else { panic!("one operation was denied: {explained:?}") };
    assert!(
        one.operation.ends_with("www.example.com A") || one.operation.contains(" A "),
        "{one:?}"
    );
    assert!(one.parts.iter().all(|part| part.outcome != Outcome::Matched), "{one:?}");
    assert!(one.parts.iter().any(|part| part.outcome == Outcome::OtherKey), "{one:?}");
    assert!(one.parts.iter().all(|part| !part.policy.is_empty()));
}

#[test]
fn an_allow_is_explained_until_its_response() {
    let mut host = Host::new();
    let bundle = host.load(host::bundle()).unwrap();
    let (session, step) = host.begin(bundle, &request("GET", ZONE, false), NOW).unwrap();
    assert!(matches!(step, Step::Allow(_)), "{step:?}");
    let explained = host.explain(session);
    let matched: Vec<&str> = explained
        .iter()
        .flat_map(|one| &one.parts)
        .filter(|part| part.outcome == Outcome::Matched)
        .map(|part| part.policy.as_str())
        .collect();
    let audit = host.audit(session);
    let by = audit["policies"].as_array().unwrap();
    assert!(!by.is_empty());
    assert!(by.iter().all(|id| matched.contains(&id.as_str().unwrap())), "{by:?} {matched:?}");
    let response = Response { status: 200, headers: Vec::new(), body: b"{}".to_vec() };
    host.response(session, &response).unwrap();
    assert!(host.explain(session).is_empty());
}

#[test]
fn a_key_is_described_where_it_is_for() {
    let mut host = Host::new();
    let bundle = host.load(host::bundle()).unwrap();
    let (store, gate) = host.parts();
    let mut ask = |id: &str, provider: &str| {
        gate.bundle().call_describe_key(&mut *store, bundle, id, provider, "main").unwrap()
    };
    let found = ask("demoacmehost", "powerdns").unwrap();
    assert_eq!(found.id, "demoacmehost");
    assert!(!found.disabled);
    let permit = found.permits.iter().find(|one| one.actions.iter().any(|a| a == "record.create"));
    assert!(permit.is_some_and(|one| one.scope.contains("_acme-challenge")), "{found:?}");
    assert_eq!(ask("demoacmehost", "nobody"), None);
    assert_eq!(ask("nobody", "powerdns"), None);
}

#[test]
fn the_gate_answers_by_itself_and_tells_its_digest() {
    let mut host = Host::new();
    let bundle = host.load(host::bundle()).unwrap();
    let (store, gate) = host.parts();
    let digest = gate.bundle().call_digest(&mut *store, bundle).unwrap();
    assert!(digest.starts_with("sha256:"), "{digest}");
    let providers = gate.bundle().call_providers(&mut *store, bundle).unwrap();
    assert!(providers.iter().any(|name| name == "powerdns"), "{providers:?}");
    let limits = gate.call_get_limits(&mut *store).unwrap();
    assert_eq!(limits.body_bytes_max, 2 << 20);
    for path in [&b"/.zonegate/ready"[..], b"/.zonegate/whoami"] {
        let (session, step) = host.begin(bundle, &request("GET", path, false), NOW).unwrap();
        let Step::Reply(response) = step else { panic!("{step:?}") };
        assert_eq!(response.status, 200);
        assert!(String::from_utf8(response.body).unwrap().contains(&digest));
        assert_eq!(host.audit(session)["bundle"], digest.as_str());
        assert_eq!(host.awaits(session), Awaits::Nothing);
    }
}

#[test]
fn headers_count_in_any_case_and_the_hosts_request_id_is_the_only_one() {
    let mut host = Host::new();
    let bundle = host.load(host::bundle()).unwrap();
    let with = |headers: &[(&str, &str)]| {
        let mut all = request("GET", ZONE, false);
        let bytes = |text: &str| text.as_bytes().to_vec();
        all.headers.extend(headers.iter().map(|(name, value)| (bytes(name), bytes(value))));
        Request { request_id: "the-hosts-own".into(), ..all }
    };
    let forged = with(&[("X-Request-Id", "forged"), ("Accept", "text/plain"), ("Cookie", "a=b")]);
    let (session, step) = host.begin(bundle, &forged, NOW).unwrap();
    assert_eq!(host.audit(session)["request_id"], "the-hosts-own");
    let Step::Allow(forward) = step else { panic!("{step:?}") };
    let names: Vec<_> = forward.headers.iter().map(|(name, _)| name.as_slice()).collect();
    assert_eq!(names, [b"accept"], "the key and what is not listed stay behind");
    // A second credential is one in any case.
    let two = with(&[("x-api-KEY", &key("demoacmehost"))]);
    let (_, step) = host.begin(bundle, &two, NOW).unwrap();
    let Step::Deny(denial) = step else { panic!("{step:?}") };
    assert_eq!(denial.reason, "many-keys");
}

#[test]
fn a_session_is_decided_by_the_bundle_it_began_with() {
    let mut host = Host::new();
    let old = host.load(host::bundle()).unwrap();
    let (session, step) = host.begin(old, &request("GET", ZONE, true), NOW).unwrap();
    assert_eq!(step, Step::NeedBody);
    host.drop(old);
    let new = host.load(host::bundle()).unwrap();
    assert!(matches!(host.body(session, b"", NOW), Ok(Step::Allow(_))));
    host.drop(new);
    let response = Response { status: 200, headers: Vec::new(), body: b"{}".to_vec() };
    assert!(host.response(session, &response).is_ok());
}

#[test]
fn the_example_in_rust_decides_and_explains() {
    let scratch = crate::built::target().join("host-tests");
    std::fs::create_dir_all(&scratch).unwrap();
    let bundle = scratch.join(format!("example-{}.json", std::process::id()));
    std::fs::write(&bundle, host::bundle()).unwrap();
    let example = host::program(
        &["-p", "zonegate-host-tests", "--example", "component"],
        "examples/component",
    );
    let ask = |arguments: &[&str]| {
        let done = std::process::Command::new(&example)
            .arg(host::component())
            .arg(&bundle)
            .args(["powerdns/main", &format!("X-API-Key: {}", key("demoacmehost"))])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let zone = std::str::from_utf8(ZONE).unwrap();
    let allowed = ask(&["GET", zone]);
    assert!(allowed.starts_with(&format!("allow: GET {zone} goes on\n")), "{allowed}");
    assert!(allowed.contains("Matched"), "{allowed}");
    let denied = ask(&["PATCH", zone, std::str::from_utf8(ADDRESS).unwrap()]);
    assert!(denied.starts_with("deny 403: no-policy-allows\n"), "{denied}");
    std::fs::remove_file(&bundle).unwrap();
}
