//! Local replies: when they take effect, what they end, and what two of them are.

use crate::guest::{forbidden, host, log_texts, no_callouts};
use zonegate_host_tests::{Delivery, Direction, Fault, Request, Upstream};

/// Replies 403 `no` with a header and details.
const REPLY: &str = r#"
  (data (i32.const 200) "no") (data (i32.const 210) "too bad")
  (data (i32.const 220) "\01\00\00\00\03\00\00\00\01\00\00\00X-R\001\00")
  (func $deny
    (drop (call $reply (i32.const 403) (i32.const 210) (i32.const 7) (i32.const 200) (i32.const 2)
      (i32.const 220) (i32.const 18) (i32.const -1))))
"#;

/// Logs a letter for each response callback.
const RESPONSE_LOG: &str = r#"
  (data (i32.const 300) "HB")
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (drop (call $log (i32.const 2) (i32.const 300) (i32.const 1))) (i32.const 0))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
    (drop (call $log (i32.const 2) (i32.const 301) (i32.const 1))) (i32.const 0))
"#;

#[test]
fn a_reply_ends_the_request_and_runs_through_the_response_callbacks() {
    // Replies and says "continue": the reply wins. A body callback would be a second reply.
    let host = host(&format!(
        r#"{REPLY} {RESPONSE_LOG}
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $deny) (drop (call $continue (i32.const 0))) (i32.const 0))
           (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
             (call $deny) (i32.const 0))"#
    ));
    let request = Request::new("POST", "/").body("abc").delivery(Delivery::SplitTrailers(1));
    let outcome = host.exchange(&request, no_callouts, forbidden);
    assert_eq!(outcome.problems(), Vec::<String>::new());
    assert!(outcome.forwarded.is_none());
    let response = outcome.response.unwrap();
    assert_eq!((response.status, response.text().as_str()), (403, "no"));
    assert_eq!(response.headers.text("x-r").unwrap(), "1");
    assert_eq!(response.headers.text("content-length").unwrap(), "2");
    assert_eq!(response.headers.text("content-type").unwrap(), "text/plain");
    assert!(response.from_filter && response.details == "too_bad");
    assert_eq!(log_texts(&host), ["H", "B"]);
}

#[test]
fn a_reply_to_head_has_no_body() {
    let host = host(&format!(
        r#"{REPLY} {RESPONSE_LOG}
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $deny) (i32.const 1))"#
    ));
    let outcome = host.exchange(&Request::new("HEAD", "/"), no_callouts, forbidden);
    assert_eq!(outcome.problems(), Vec::<String>::new());
    assert!(outcome.response.unwrap().body.is_empty());
    assert_eq!(log_texts(&host), ["H"]);
}

#[test]
fn a_reply_in_the_body_or_at_trailers_forwards_nothing() {
    let hold = "(i32.const 1)";
    let deny = "(call $deny) (i32.const 0)";
    for (body, trailers) in [(deny, hold), (hold, deny)] {
        let host = host(&format!(
            r#"{REPLY}
               (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {hold})
               (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) {body})
               (func (export "proxy_on_request_trailers") (param i32 i32) (result i32) {trailers})"#
        ));
        let request = Request::new("POST", "/").body("abc").delivery(Delivery::Trailers);
        let outcome = host.exchange(&request, no_callouts, forbidden);
        assert_eq!(outcome.problems(), Vec::<String>::new());
        assert_eq!((outcome.status(), outcome.forwarded), (403, None));
    }
}

#[test]
fn two_replies_are_a_fault() {
    let host = host(&format!(
        r#"{REPLY}
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $deny) (call $deny) (i32.const 1))"#
    ));
    let outcome = host.exchange(&Request::new("GET", "/"), no_callouts, forbidden);
    assert_eq!(outcome.status(), 403);
    assert!(matches!(outcome.faults.as_slice(), [Fault::DoubleReply { .. }]), "{outcome:?}");
}

#[test]
fn a_reply_replaces_a_held_response_past_the_guest() {
    let host = host(&format!(
        r#"{REPLY}
           (data (i32.const 300) "H")
           (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
             (drop (call $log (i32.const 2) (i32.const 300) (i32.const 1))) (i32.const 1))
           (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
             (if (local.get 2) (then (call $deny))) (i32.const 1))"#
    ));
    let outcome = host.exchange(&Request::new("GET", "/"), no_callouts, |_| {
        Upstream::new(200, "secret").delivery(Delivery::ByteByByte)
    });
    assert_eq!(outcome.problems(), Vec::<String>::new());
    let response = outcome.response.unwrap();
    assert_eq!((response.status, response.text().as_str()), (403, "no"));
    assert!(!response.headers.contains("x-upstream"));
    assert_eq!(log_texts(&host), ["H"], "the reply itself is not shown");
}

#[test]
fn a_reply_after_the_response_went_out_resets_the_stream() {
    let host = host(&format!(
        r#"{REPLY}
           (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
             (call $deny) (i32.const 1))"#
    ));
    let outcome =
        host.exchange(&Request::new("GET", "/"), no_callouts, |_| Upstream::new(200, "x"));
    assert!(outcome.reset && !outcome.hung);
    assert!(matches!(outcome.faults.as_slice(), [Fault::LateReply { .. }]), "{outcome:?}");
}

#[test]
fn a_guest_that_holds_its_own_reply_hangs() {
    let host = host(&format!(
        r#"{REPLY}
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $deny) (i32.const 1))
           (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#
    ));
    let stream = host.stream();
    stream.request_headers(&Request::new("HEAD", "/").headers, true);
    assert!(stream.is_paused(Direction::Response) && !stream.is_over());
    assert!(host.exchange(&Request::new("HEAD", "/"), no_callouts, forbidden).hung);
}

#[test]
fn a_closed_stream_is_reset() {
    let host = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $close (i32.const 0))) (i32.const 1))"#,
    );
    let outcome = host.exchange(&Request::new("GET", "/"), no_callouts, forbidden);
    assert!(outcome.reset && !outcome.hung && outcome.response.is_none());
}
