//! Any request to every provider: never a panic, never an empty plan, and what is forwarded means
//! what was decided on. The body is also read as the answer, and as a header that narrows lists.
//!
//! Input: method, blank, target, line end, body.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use zonegate_engine::bundle::providers;
use zonegate_engine::json::JsonLimits;
use zonegate_engine::provider::{Answer, Caps, Forms, Matched, Provider};
use zonegate_engine::request::{Method, Target};

/// The providers that are compiled in.
static PROVIDERS: LazyLock<Vec<Provider>> =
    LazyLock::new(|| providers().expect("the shipped files are right"));

/// Small caps, so that they are met.
const CAPS: Caps = Caps {
    operations_max: 20,
    json: JsonLimits { depth_max: 16, nodes_max: 500, fold_keys: false },
};

/// What headers can say of the form of a body and of an answer.
const FORMS: [Forms<'static>; 3] = [
    Forms { content_type: None, accept: None },
    Forms { content_type: Some(b"text/plain"), accept: None },
    Forms { content_type: None, accept: Some(b"text/plain") },
];

/// An answer that headers narrow.
const LIST: &[u8] = br#"{"data":[{"id":1,"domain":"example.com","type":"A","name":"www","target":"192.0.2.1","tags":["a"]}],"page":1,"pages":1,"results":1}"#;

fuzz_target!(|input: &[u8]| {
    let (head, body) = cut(input, b'\n');
    let (method, target) = cut(head, b' ');
    let (Some(method), Ok(target)) = (Method::parse(method), Target::parse(target)) else { return };
    for provider in PROVIDERS.iter() {
        for forms in FORMS {
            read(provider, (method, &target, forms), body);
        }
    }
});

/// The bytes before and behind the first `at`.
fn cut(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == at);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// Plans a request, then plans what would be forwarded: both are the same request.
fn read(provider: &Provider, (method, target, forms): (Method, &Target, Forms<'_>), body: &[u8]) {
    let Ok(matched) = provider.find_for(method, target, forms) else { return };
    narrow(provider, matched.clone(), body);
    let Ok(plan) = matched.plan(body, &CAPS) else { return };
    assert!((1..=CAPS.operations_max).contains(&plan.operations.len()));
    assert!(plan.unseen.iter().all(|index| *index < plan.operations.len()));
    for operation in &plan.operations {
        if let Some(record) = operation.as_record() {
            assert!(record.name.is_below_or_equal(&record.zone), "{operation}");
            let value = record.value.as_deref().unwrap_or_default();
            assert!(!value.contains(char::is_control), "{operation}");
        }
    }
    let json = Some("application/json");
    for status in [200, 201, 400, 429] {
        let headers = [("link", "</v1?page=2>; rel=next"), ("total-count", "7")];
        let answer = Answer { status, content_type: json, headers: &headers, body };
        let _ = provider.filter(&plan.response, answer, "r", &mut |_| status == 200);
    }
    let forward = &plan.forward;
    assert_eq!(forward.method, method);
    let sent = Target::parse(forward.path_and_query.as_bytes()).expect("what goes on is canonical");
    let again = provider.find_for(method, &sent, forms).expect("what goes on has a route");
    assert_eq!(again.route().id(), matched.route().id());
    let body = forward.body.as_deref().unwrap_or_default();
    let again = again.plan(body, &CAPS).expect("what goes on is understood");
    assert_eq!(again.operations, plan.operations);
    assert_eq!(again.unseen, plan.unseen);
    assert_eq!(&again.forward, forward);
}

/// Reads a header that narrows the answer, and narrows one: never to more than there is.
fn narrow(provider: &Provider, matched: Matched<'_>, header: &[u8]) {
    if matched.narrowing_header().is_none() {
        return;
    }
    let Ok(narrowed) = matched.narrowed(header) else { return };
    let Ok(plan) = narrowed.plan(b"", &CAPS) else { return };
    let answer =
        Answer { status: 200, content_type: Some("application/json"), headers: &[], body: LIST };
    if let Ok(filtered) = provider.filter(&plan.response, answer, "r", &mut |_| true) {
        assert!(filtered.body.len() <= LIST.len() && filtered.left_out == 0);
    }
}
