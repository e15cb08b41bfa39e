//! Holding and letting go: headers, bodies, trailers, in both directions.

use crate::guest::{echo, forbidden, host, module, no_callouts};
use zonegate_host_tests::{
    Delivery, Direction, Headers, Host, HostConfig, Metric, Request, Upstream,
};

/// Holds request and response until their end, noting each size that it is told.
///
/// At the end it puts `[` before the body; at trailers it puts `]` behind it.
const GATE: &str = r#"
  (data (i32.const 100) "sizes") (data (i32.const 110) "[") (data (i32.const 111) "]")
  (data (i32.const 120) "content-length")
  (global $sizes (mut i32) (i32.const 0))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
    (drop (call $define_metric (i32.const 2) (i32.const 100) (i32.const 5) (i32.const 8)))
    (global.set $sizes (i32.load (i32.const 8))) (i32.const 1))
  (func $headers (param $map i32) (param $end i32) (result i32)
    (drop (call $remove_header (local.get $map) (i32.const 120) (i32.const 14)))
    (i32.eqz (local.get $end)))
  (func $body (param $buffer i32) (param $size i32) (param $end i32) (result i32)
    (drop (call $record (global.get $sizes) (i64.extend_i32_u (local.get $size))))
    (if (result i32) (local.get $end)
      (then
        (drop (call $set_buffer (local.get $buffer) (i32.const 0) (i32.const 0)
          (i32.const 110) (i32.const 1)))
        (i32.const 0))
      (else (i32.const 1))))
  (func $trailers (param $buffer i32) (result i32)
    (drop (call $set_buffer (local.get $buffer) (i32.const 1000000) (i32.const 0)
      (i32.const 111) (i32.const 1)))
    (i32.const 0))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $headers (i32.const 0) (local.get 2)))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $body (i32.const 0) (local.get 1) (local.get 2)))
  (func (export "proxy_on_request_trailers") (param i32 i32) (result i32)
    (call $trailers (i32.const 0)))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $headers (i32.const 2) (local.get 2)))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
    (call $body (i32.const 1) (local.get 1) (local.get 2)))
  (func (export "proxy_on_response_trailers") (param i32 i32) (result i32)
    (call $trailers (i32.const 1)))
"#;

/// The sizes that the guest noted.
fn sizes(host: &Host) -> Vec<u64> {
    match host.metrics().remove("sizes") {
        Some(Metric::Histogram(values)) => values,
        other => panic!("no histogram: {other:?}"),
    }
}

#[test]
fn sizes_are_cumulative_while_the_body_is_held() {
    let host = host(GATE);
    let request = Request::new("POST", "/").body("abc").delivery(Delivery::ByteByByte);
    let outcome = host.exchange(&request, no_callouts, |_| Upstream::new(204, ""));
    assert_eq!(sizes(&host), [1, 2, 3]);
    assert_eq!(outcome.forwarded.unwrap().body, b"[abc");
}

#[test]
fn every_delivery_forwards_the_same_body() {
    let host = host(GATE);
    let deliveries =
        [Delivery::Whole, Delivery::ByteByByte, Delivery::Split(2), Delivery::HeadersThenEmptyEnd];
    for delivery in deliveries {
        let request = Request::new("POST", "/").body("abcde").delivery(delivery);
        let outcome = host.exchange(&request, no_callouts, |got| echo(got).delivery(delivery));
        assert_eq!(outcome.problems(), Vec::<String>::new(), "{delivery:?}");
        let forwarded = outcome.forwarded.unwrap();
        assert_eq!((forwarded.body.as_slice(), forwarded.complete), (b"[abcde".as_slice(), true));
        assert_eq!(outcome.response.unwrap().body, b"[[abcde", "{delivery:?}");
    }
}

#[test]
fn with_trailers_the_body_callback_never_has_the_end_mark() {
    let host = host(GATE);
    for delivery in [Delivery::Trailers, Delivery::SplitTrailers(2)] {
        let request = Request::new("POST", "/").body("abcde").delivery(delivery);
        let outcome = host.exchange(&request, no_callouts, |got| echo(got).delivery(delivery));
        assert_eq!(outcome.problems(), Vec::<String>::new(), "{delivery:?}");
        let forwarded = outcome.forwarded.unwrap();
        assert_eq!(forwarded.body, b"abcde]", "{delivery:?}");
        assert!(forwarded.trailers.is_some_and(|trailers| trailers.contains("x-trailer")));
        assert_eq!(outcome.response.unwrap().body, b"abcde]]", "{delivery:?}");
    }
}

#[test]
fn headers_with_the_end_mark_bring_no_body_callback() {
    let host = host(GATE);
    let outcome = host.exchange(&Request::new("GET", "/"), no_callouts, |got| {
        assert!(got.body.is_empty() && got.trailers.is_none());
        Upstream::new(204, "")
    });
    assert_eq!(sizes(&host), Vec::<u64>::new());
    assert_eq!(outcome.status(), 204);
    assert!(outcome.response.is_some_and(|response| response.complete && !response.from_filter));
}

#[test]
fn nothing_goes_out_before_the_end_and_streams_do_not_mix() {
    let host = host(GATE);
    let (one, two) = (host.stream(), host.stream());
    let headers = Request::new("POST", "/").headers;
    one.request_headers(&headers, false);
    two.request_headers(&headers, false);
    one.request_body(b"a", false);
    two.request_body(b"1", false);
    one.request_body(b"b", false);
    assert!(one.forwarded().is_none() && one.is_paused(Direction::Request));
    two.request_body(b"2", true);
    assert_eq!(two.forwarded().unwrap().body, b"[12");
    assert!(one.forwarded().is_none());
    one.request_body(b"c", true);
    assert_eq!(one.forwarded().unwrap().body, b"[abc");
    assert!(!one.is_paused(Direction::Request));
}

#[test]
fn without_the_flag_a_pause_at_headers_hangs() {
    let config = HostConfig { allow_on_headers_stop_iteration: false, ..HostConfig::default() };
    let host = Host::new(&module(GATE), config).unwrap();
    let request = Request::new("POST", "/").body("abc");
    let outcome = host.exchange(&request, no_callouts, forbidden);
    assert!(outcome.hung && outcome.forwarded.is_none());
    assert_eq!(sizes(&host), Vec::<u64>::new(), "no body callback comes");
}

#[test]
fn a_pause_that_nobody_ends_is_hung() {
    let host = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#,
    );
    let outcome = host.exchange(&Request::new("GET", "/"), no_callouts, forbidden);
    assert!(outcome.hung);
    assert_eq!(outcome.problems(), ["the exchange hangs"]);
}

#[test]
fn a_guest_without_callbacks_lets_everything_through() {
    let host = host("");
    let request = Request::new("POST", "/").body("abc").delivery(Delivery::SplitTrailers(1));
    let outcome =
        host.exchange(&request, no_callouts, |got| echo(got).delivery(Delivery::Trailers));
    assert_eq!(outcome.problems(), Vec::<String>::new());
    assert_eq!(outcome.forwarded.unwrap().body, b"abc");
    assert_eq!(outcome.response.unwrap().body, b"abc");
}

#[test]
fn held_headers_go_with_a_body_that_nobody_holds() {
    let host = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#,
    );
    let request = Request::new("POST", "/").body("abc");
    let outcome = host.exchange(&request, no_callouts, |_| Upstream::new(204, ""));
    assert!(outcome.forwarded.is_some_and(|forwarded| forwarded.body == b"abc"));
}

#[test]
fn a_body_above_the_proxys_buffers_is_its_413_or_500() {
    let config = HostConfig { buffer_bytes_max: Some(4), ..HostConfig::default() };
    let host = Host::new(&module(GATE), config).unwrap();
    let request = Request::new("POST", "/").body("abcdef").delivery(Delivery::Split(2));
    let outcome = host.exchange(&request, no_callouts, forbidden);
    assert_eq!((outcome.status(), outcome.hung), (413, false));
    let outcome = host.exchange(&Request::new("GET", "/"), no_callouts, |_| {
        Upstream::new(200, "abcdef").delivery(Delivery::Split(2))
    });
    assert_eq!((outcome.status(), outcome.hung), (500, false));
}

#[test]
fn a_wrong_content_length_is_a_fault() {
    let host = host(
        r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
             (drop (call $set_buffer (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 1)))
             (i32.const 0))"#,
    );
    let request = Request::new("POST", "/").body("abc");
    let outcome = host.exchange(&request, no_callouts, |_| Upstream::new(204, ""));
    assert_eq!(outcome.faults.len(), 1, "{:?}", outcome.faults);
}

#[test]
fn headers_are_in_reach_until_they_go_on() {
    // Replaces x-a in the headers callback, and x-b in the body callback; the latter is too late
    // where headers went on.
    let definitions = |answer: u32| {
        format!(
            r#"(data (i32.const 100) "x-ax-bnew")
               (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                 (drop (call $set_header (i32.const 0) (i32.const 100) (i32.const 3)
                   (i32.const 106) (i32.const 3)))
                 (i32.const {answer}))
               (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
                 (drop (call $set_header (i32.const 0) (i32.const 103) (i32.const 3)
                   (i32.const 106) (i32.const 3)))
                 (i32.const 0))"#
        )
    };
    let request = Request::new("POST", "/").header("x-a", "old").header("x-b", "old").body("b");
    for (answer, late) in [(0, "old"), (1, "new")] {
        let host = host(&definitions(answer));
        let outcome = host.exchange(&request, no_callouts, |_| Upstream::new(204, ""));
        let forwarded = outcome.forwarded.unwrap().headers;
        assert_eq!(forwarded.text("x-a").unwrap(), "new");
        assert_eq!(forwarded.text("x-b").unwrap(), late);
        assert_eq!(host.refused_calls().len(), usize::from(answer == 0));
    }
}

#[test]
fn the_whole_map_is_read_and_written_as_pairs() {
    // Writes back the very bytes that it read.
    let host = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $get_map (i32.const 0) (i32.const 8) (i32.const 16)))
             (drop (call $set_map (i32.const 0) (i32.load (i32.const 8)) (i32.load (i32.const 16))))
             (i32.const 0))"#,
    );
    let request = Request::new("GET", "/a?b=c")
        .header("x-twice", "1")
        .header("x-twice", [0x80, 0xff])
        .header("x-empty", "");
    let outcome = host.exchange(&request, no_callouts, |_| Upstream::new(204, ""));
    assert_eq!(outcome.problems(), Vec::<String>::new());
    assert_eq!(outcome.forwarded.unwrap().headers, request.headers);
}

#[test]
fn a_client_that_goes_away_ends_the_context() {
    let host = host(
        r#"(data (i32.const 100) "done")
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))
           (func (export "proxy_on_done") (param i32) (result i32)
             (drop (call $log (i32.const 2) (i32.const 100) (i32.const 4))) (i32.const 1))"#,
    );
    let stream = host.stream();
    stream.request_headers(&Headers::from([(":method", "GET"), (":path", "/")]), true);
    drop(stream);
    assert_eq!(crate::guest::log_texts(&host), ["done"]);
}
