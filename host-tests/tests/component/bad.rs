//! What a host does wrong: a typed error that changes nothing, never a trap.

use wasmtime::component::ResourceAny;

use crate::host::{self, Answer, Awaits, Found, Host, Misuse, Request, Response, Step};

/// The time of these requests.
const NOW: i64 = 1_780_480_800_000;
/// Where PowerDNS keeps a zone.
const ZONE: &[u8] = b"/api/v1/servers/localhost/zones/example.com.";

/// A public demonstration key.
pub(crate) fn key(id: &str) -> String {
    let file = crate::built::project().join("policies/cases/demo-keys.toml");
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{id} ")));
    let line = line.unwrap_or_else(|| panic!("there is no demonstration key {id}"));
    line.split('"').nth(1).unwrap().to_owned()
}

/// A request to PowerDNS with the key of an ACME client.
pub(crate) fn request(method: &str, path: &[u8], body_follows: bool) -> Request {
    Request {
        provider: "powerdns".into(),
        account: "main".into(),
        method: method.into(),
        path: path.to_vec(),
        authority: b"gate.example.net".to_vec(),
        headers: vec![(b"X-API-Key".to_vec(), key("demoacmehost").into_bytes())],
        client: "127.0.0.1".into(),
        encrypted: true,
        request_id: "1".into(),
        body_follows,
    }
}

/// A host with the shipped policies.
fn loaded() -> (Host, ResourceAny) {
    let mut host = Host::new();
    let bundle = host.load(host::bundle()).unwrap();
    (host, bundle)
}

/// An empty answer of the provider.
fn response(body: &[u8]) -> Response {
    let headers = vec![(b"content-type".to_vec(), b"application/json".to_vec())];
    Response { status: 200, headers, body: body.to_vec() }
}

/// A request that the provider has to be asked about first, with its session and lookups.
fn asking(host: &mut Host, bundle: ResourceAny) -> (ResourceAny, Vec<host::Lookup>) {
    let mut with_lookups = crate::tables().cases().filter(|case| case.lookups.len() > 1);
    loop {
        let case = with_lookups.next().expect("some row has two lookups at once");
        let (session, mut step) =
            host.begin(bundle, &crate::runner::request(case), case.now_unix_ms).unwrap();
        if matches!(step, Step::NeedBody) {
            let body = case.body.as_deref().unwrap_or_default();
            step = host.body(session, body, case.now_unix_ms).unwrap();
        }
        match step {
            Step::NeedLookups(lookups) if lookups.len() > 1 => return (session, lookups),
            Step::NeedBody
            | Step::NeedLookups(_)
            | Step::Allow(_)
            | Step::Deny(_)
            | Step::Reply(_) => host.drop(session),
        }
    }
}

#[test]
fn a_malformed_bundle_is_refused_with_every_problem() {
    let mut host = Host::new();
    let good = host::bundle().to_vec();
    let mut older = good.clone();
    older[8] = 99;
    let mut changed = good;
    *changed.last_mut().unwrap() ^= 1;
    for (bytes, says) in [
        (&b""[..], "no bundle"),
        (b"{}", "its format is 1 or it is no bundle"),
        (b"\xff\xfe", "no bundle"),
        (&older, "format is 99"),
        (&changed, "digest"),
    ] {
        let problems = host.load(bytes).unwrap_err();
        assert!(problems.iter().any(|one| one.message.contains(says)), "{says}: {problems:?}");
    }
    let mut cut = host::bundle().to_vec();
    cut.truncate(cut.len() / 2);
    assert!(host.load(&cut).is_err());
    // The instance goes on.
    assert!(host.load(host::bundle()).is_ok());
}

#[test]
fn a_session_out_of_order_says_what_it_waits_for_and_goes_on() {
    let (mut host, bundle) = loaded();
    let (session, step) = host.begin(bundle, &request("GET", ZONE, true), NOW).unwrap();
    assert_eq!(step, Step::NeedBody);
    let wrong = Misuse::OutOfOrder(Awaits::Body);
    assert_eq!(host.answers(session, &[], NOW), Err(wrong.clone()));
    assert_eq!(host.response(session, &response(b"{}")), Err(wrong));
    assert_eq!(host.awaits(session), Awaits::Body);
    assert!(matches!(host.body(session, b"", NOW), Ok(Step::Allow(_))));
    let wrong = Misuse::OutOfOrder(Awaits::Response);
    assert_eq!(host.body(session, b"", NOW), Err(wrong.clone()));
    assert_eq!(host.answers(session, &[], NOW), Err(wrong));
    assert!(host.response(session, &response(b"{}")).is_ok());
    let wrong = Misuse::OutOfOrder(Awaits::Nothing);
    assert_eq!(host.response(session, &response(b"{}")), Err(wrong.clone()));
    assert_eq!(host.body(session, b"", NOW), Err(wrong));
}

#[test]
fn each_lookup_is_answered_once() {
    let (mut host, bundle) = loaded();
    let (session, lookups) = asking(&mut host, bundle);
    let none = |id| Answer { id, found: None };
    let many = u32::try_from(lookups.len()).unwrap();
    let all: Vec<Answer> = (0..many).map(none).collect();
    let said = |host: &mut Host, answers: &[Answer]| host.answers(session, answers, NOW);
    assert_eq!(said(&mut host, &[]), Err(Misuse::NotAnswered(0)));
    assert_eq!(said(&mut host, &[none(0)]), Err(Misuse::NotAnswered(1)));
    assert_eq!(said(&mut host, &[none(0), none(0)]), Err(Misuse::AnsweredTwice(0)));
    assert_eq!(said(&mut host, &[none(many)]), Err(Misuse::UnknownLookup(many)));
    assert_eq!(said(&mut host, &[none(u32::MAX)]), Err(Misuse::UnknownLookup(u32::MAX)));
    assert_eq!(host.awaits(session), Awaits::Answers);
    // No answer is an answer, and it denies.
    let Ok(Step::Deny(denial)) = said(&mut host, &all) else { panic!("nothing was found") };
    assert_eq!((denial.reason.as_str(), denial.response.status), ("lookup-failed", 503));
    assert_eq!(said(&mut host, &all), Err(Misuse::OutOfOrder(Awaits::Nothing)));
}

#[test]
fn arguments_that_nobody_could_mean_are_named() {
    let (mut host, bundle) = loaded();
    let good = || request("GET", ZONE, false);
    let long = || "x".repeat(3 << 20);
    let wrong: [(&str, Request); 9] = [
        ("client", Request { client: "gate".into(), ..good() }),
        ("client", Request { client: "192.0.2.1:443".into(), ..good() }),
        ("client", Request { client: long(), ..good() }),
        ("provider", Request { provider: long(), ..good() }),
        ("account", Request { account: long(), ..good() }),
        ("request-id", Request { request_id: long(), ..good() }),
        ("headers", Request { headers: vec![(b"Host".to_vec(), b"x".to_vec())], ..good() }),
        ("headers", Request { headers: vec![(b":path".to_vec(), b"/".to_vec())], ..good() }),
        ("headers", Request { headers: vec![(b":x".to_vec(), b"/".to_vec())], ..good() }),
    ];
    for (name, request) in wrong {
        let said = host.begin(bundle, &request, NOW).err();
        assert_eq!(said, Some(Misuse::BadArgument(name.into())));
    }
    for now in [i64::MAX, i64::MIN] {
        let said = host.begin(bundle, &good(), now).err();
        assert_eq!(said, Some(Misuse::BadArgument("now".into())));
    }
    let (session, _) = host.begin(bundle, &request("GET", ZONE, true), NOW).unwrap();
    assert_eq!(host.body(session, b"", i64::MAX), Err(Misuse::BadArgument("now".into())));
    assert!(matches!(host.body(session, b"", NOW), Ok(Step::Allow(_))), "nothing has changed");
}

#[test]
fn megabytes_are_denied() {
    let (mut host, bundle) = loaded();
    let long = vec![b'x'; 3 << 20];
    let text = String::from_utf8(long.clone()).unwrap();
    let header = |name: &[u8], value: &[u8]| vec![(name.to_vec(), value.to_vec())];
    let good = || request("GET", ZONE, false);
    for request in [
        Request { method: text, ..good() },
        Request { path: long.clone(), ..good() },
        Request { authority: long.clone(), ..good() },
        Request { headers: header(&long, b""), ..good() },
        Request { headers: header(b"x-api-key", &long), ..good() },
        Request { headers: vec![(b"a".to_vec(), Vec::new()); 100_000], ..good() },
    ] {
        let (session, step) = host.begin(bundle, &request, NOW).unwrap();
        let Step::Deny(denial) = step else { panic!("{step:?}") };
        assert_eq!(denial.reason, "headers-not-canonical");
        assert!(host.audit(session).to_string().len() < 4096);
        host.drop(session);
    }
    let (session, _) = host.begin(bundle, &request("PATCH", ZONE, true), NOW).unwrap();
    let Ok(Step::Deny(denial)) = host.body(session, &long, NOW) else { panic!("too long") };
    assert_eq!((denial.reason.as_str(), denial.response.status), ("body-too-large", 413));
    let (session, _) = host.begin(bundle, &request("GET", ZONE, false), NOW).unwrap();
    let filtered = host.response(session, &response(&vec![b' '; (16 << 20) + 1])).unwrap();
    assert_eq!(filtered.replaced.as_deref(), Some("response-too-large"));
    assert_eq!(filtered.response.status, 502);
    let (session, lookups) = asking(&mut host, bundle);
    let huge = Found { status: 200, body: vec![b' '; (16 << 20) + 1] };
    let answer = |lookup: &host::Lookup| Answer { id: lookup.id, found: Some(huge.clone()) };
    let answers: Vec<Answer> = lookups.iter().map(answer).collect();
    let Ok(Step::Deny(denial)) = host.answers(session, &answers, NOW) else { panic!("too long") };
    assert_eq!(denial.reason, "lookup-failed");
}
