//! Callouts: sent, answered at once, late, never, or to nobody.

use crate::guest::{echo, forbidden, host, module};
use std::time::Duration;
use zonegate_host_tests::{Answer, CalloutResponse, Fault, Host, HostConfig, Request, Upstream};

/// Asks `cluster` and holds the request; on a 200 it goes on with the answer's body as `x-got`,
/// otherwise it replies 502. `$speak` is run before, to speak for the stream.
fn asking(speak: &str) -> String {
    let pairs = r":method\00GET\00:path\00/q\00:authority\00c\00";
    format!(
        r#"(data (i32.const 100) "cluster") (data (i32.const 110) "x-got") (data (i32.const 120) ":status")
           (data (i32.const 200) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\02\00\00\00\0a\00\00\00\01\00\00\00{pairs}")
           (global $stream (mut i32) (i32.const 0)) (global $waiting (mut i32) (i32.const 0))
           (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
             (global.get $waiting))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (global.set $stream (local.get 0)) (global.set $waiting (i32.const 1))
             (if (call $http_call (i32.const 100) (i32.const 7) (i32.const 200) (i32.const 62)
                   (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 250) (i32.const 8))
               (then (drop (call $reply (i32.const 500) (i32.const 0) (i32.const 0) (i32.const 0)
                 (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))))
             (i32.const 1))
           (func $same (param $at i32) (result i32)
             (i32.eq (i32.and (i32.load (local.get $at)) (i32.const 0xffffff)) (i32.const 0x303032)))
           (func (export "proxy_on_http_call_response") (param $root i32) (param $token i32)
               (param $headers i32) (param $body i32) (param i32)
             {speak} (global.set $waiting (i32.const 0))
             (drop (call $get_header (i32.const 6) (i32.const 120) (i32.const 7) (i32.const 8) (i32.const 16)))
             (if (i32.and (i32.ne (local.get $headers) (i32.const 0)) (call $same (i32.load (i32.const 8))))
               (then
                 (drop (call $get_buffer (i32.const 4) (i32.const 0) (i32.const -1) (i32.const 8) (i32.const 16)))
                 (drop (call $set_header (i32.const 0) (i32.const 110) (i32.const 5)
                   (i32.load (i32.const 8)) (i32.load (i32.const 16))))
                 (drop (call $continue (i32.const 0))))
               (else (drop (call $reply (i32.const 502) (i32.const 0) (i32.const 0) (i32.const 0)
                 (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))))))"#
    )
}

/// Speaks for the stream that asked last.
const SPEAK: &str = "(drop (call $speak_for (global.get $stream)))";

#[test]
fn an_answer_lets_the_request_go_on() {
    let host = host(&asking(SPEAK));
    let response = CalloutResponse::new(200, "answer");
    for answer in [Answer::Now(response.clone()), Answer::Late(response)] {
        let request = Request::new("POST", "/").body("abc");
        let outcome = host.exchange(&request, |_| answer.clone(), echo);
        assert_eq!(outcome.problems(), Vec::<String>::new());
        let [callout] = outcome.callouts.as_slice() else { panic!("{outcome:?}") };
        assert_eq!(callout.cluster, "cluster");
        assert_eq!(callout.headers.text(":path").unwrap(), "/q");
        assert_eq!(callout.timeout, Some(Duration::from_millis(250)));
        let forwarded = outcome.forwarded.unwrap();
        assert_eq!(forwarded.headers.text("x-got").unwrap(), "answer");
        assert_eq!(forwarded.body, b"abc");
    }
}

#[test]
fn failure_timeout_and_other_answers_are_seen() {
    let host = host(&asking(SPEAK));
    let before = host.time_ns();
    let answers = [
        Answer::Failed,
        Answer::Never,
        Answer::Now(CalloutResponse::unreachable()),
        Answer::Now(CalloutResponse::new(404, "")),
    ];
    for answer in answers {
        let outcome = host.exchange(&Request::new("GET", "/"), |_| answer.clone(), forbidden);
        assert_eq!(outcome.problems(), Vec::<String>::new(), "{answer:?}");
        assert_eq!(outcome.status(), 502, "{answer:?}");
    }
    assert_eq!(host.time_ns() - before, 250_000_000, "one timeout has passed");
}

#[test]
fn an_answer_after_the_client_left_goes_to_the_root_context() {
    let host = host(&asking(SPEAK));
    let stream = host.stream();
    stream.request_headers(&Request::new("GET", "/").headers, true);
    let [callout] = host.callouts().try_into().unwrap();
    drop(stream);
    assert!(host.answer_callout(callout.token, CalloutResponse::new(200, "late")));
    assert!(!host.answer_callout(callout.token, CalloutResponse::new(200, "twice")));
    assert!(host.trap().is_none());
    // The guest spoke for a stream that is gone: the proxy falls back to the root, silently.
    assert_eq!(host.faults(), [Fault::NoStream { call: "proxy_continue_stream" }]);
}

#[test]
fn a_guest_that_does_not_speak_for_its_stream_hangs() {
    let host = host(&asking(""));
    let answer = Answer::Now(CalloutResponse::new(200, ""));
    let outcome = host.exchange(&Request::new("GET", "/"), |_| answer.clone(), forbidden);
    assert!(outcome.hung);
    assert_eq!(outcome.faults, [Fault::NoStream { call: "proxy_continue_stream" }]);
}

#[test]
fn an_unknown_cluster_or_a_missing_header_is_refused() {
    let config = HostConfig { clusters: Some(["other".into()].into()), ..HostConfig::default() };
    let host = Host::new(&module(&asking(SPEAK)), config).unwrap();
    let outcome = host.exchange(&Request::new("GET", "/"), |_| Answer::Never, forbidden);
    assert_eq!((outcome.status(), outcome.callouts.len()), (500, 0));
}

#[test]
fn a_stray_answer_is_delivered() {
    let host = host(&asking(SPEAK));
    host.deliver_stray_answer(77, CalloutResponse::new(200, ""));
    assert!(host.trap().is_none());
    assert_eq!(host.faults().len(), 1, "it spoke for no stream");
}

#[test]
fn two_streams_wait_for_their_own_answers() {
    let host = host(&asking("(drop (call $speak_for (local.get $token)))"));
    // Tokens count from 1 and streams from 2: here token n + 1 is made to speak for stream n + 1.
    let (one, two) = (host.stream(), host.stream());
    one.request_headers(&Request::new("GET", "/1").headers, true);
    two.request_headers(&Request::new("GET", "/2").headers, true);
    let [first] = one.callouts().try_into().unwrap();
    let [second] = two.callouts().try_into().unwrap();
    assert_eq!((first.context, second.context), (one.id(), two.id()));
    assert_eq!((second.token, one.id()), (2, 2));
    host.answer_callout(second.token, CalloutResponse::new(200, "for stream 2"));
    assert_eq!(one.forwarded().unwrap().headers.text("x-got").unwrap(), "for stream 2");
    assert!(two.forwarded().is_none());
    one.response_headers(&Upstream::new(204, "").headers, true);
    assert!(one.is_over() && !two.is_over());
}
