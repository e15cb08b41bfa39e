//! Traps, loops without end, refused configurations, and modules that cannot be.

use crate::guest::{forbidden, host, log_texts, module, no_callouts};
use zonegate_host_tests::{
    Answer, CalloutResponse, Host, HostConfig, Module, Reason, Refused, Request, Upstream,
};

/// Traps at headers of a path that begins with `/t`.
const TRAPS: &str = r#"
  (data (i32.const 100) ":path")
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $get_header (i32.const 0) (i32.const 100) (i32.const 5) (i32.const 8) (i32.const 16)))
    (if (i32.eq (i32.load8_u offset=1 (i32.load (i32.const 8))) (i32.const 116)) (then unreachable))
    (i32.const 0))
"#;

/// Why a host of these definitions is refused.
fn refusal(definitions: &str) -> Refused {
    Host::new(&module(definitions), HostConfig::new("conf")).unwrap_err()
}

#[test]
fn a_trap_fails_its_stream_and_every_later_one() {
    let host = host(TRAPS);
    let fine = |_: &_| Upstream::new(204, "");
    assert_eq!(host.exchange(&Request::new("GET", "/ok"), no_callouts, fine).status(), 204);
    let outcome = host.exchange(&Request::new("GET", "/trap"), no_callouts, forbidden);
    let response = outcome.response.clone().unwrap();
    assert_eq!((response.status, response.body.len()), (503, 0));
    assert_eq!(response.details, "wasm_fail_stream");
    let trap = outcome.trapped.clone().unwrap();
    assert_eq!((trap.callback.as_str(), trap.endless), ("proxy_on_request_headers", false));
    assert!(!outcome.problems().is_empty());
    let later = host.exchange(&Request::new("GET", "/ok"), no_callouts, forbidden);
    assert_eq!((later.status(), later.hung), (503, false));
    host.restart().unwrap();
    assert_eq!(host.exchange(&Request::new("GET", "/ok"), no_callouts, fine).status(), 204);
}

#[test]
fn a_trap_in_the_answer_of_a_callout_leaves_the_stream_hanging() {
    let pairs = r":method\00GET\00:path\00/q\00:authority\00c\00";
    let host = host(&format!(
        r#"(data (i32.const 200) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\02\00\00\00\0a\00\00\00\01\00\00\00{pairs}")
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $http_call (i32.const 200) (i32.const 1) (i32.const 200) (i32.const 62)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 8)))
             (i32.const 1))
           (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32) unreachable)"#
    ));
    let answer = Answer::Now(CalloutResponse::new(200, ""));
    let outcome = host.exchange(&Request::new("GET", "/"), |_| answer.clone(), forbidden);
    assert_eq!(outcome.callouts.len(), 1);
    assert!(outcome.hung && outcome.trapped.is_some());
}

#[test]
fn a_loop_without_end_is_a_trap() {
    let config = HostConfig { callback_fuel_max: 1_000_000, ..HostConfig::default() };
    let definitions = r#"
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (loop (br 0)) (i32.const 0))"#;
    let host = Host::new(&module(definitions), config).unwrap();
    let outcome = host.exchange(&Request::new("GET", "/"), no_callouts, forbidden);
    assert!(outcome.trapped.as_ref().is_some_and(|trap| trap.endless), "{outcome:?}");
    assert_eq!(outcome.status(), 503);
    assert_eq!(outcome.fuel.first(), Some(&("proxy_on_request_headers", 1_000_000)));
}

#[test]
fn the_cost_of_a_callback_is_the_same_every_time() {
    let host = host(TRAPS);
    let cost = || {
        let request = Request::new("GET", "/ok");
        host.exchange(&request, no_callouts, |_| Upstream::new(204, "")).cost()
    };
    let first = cost();
    assert!(first > 0);
    assert_eq!(cost(), first);
}

#[test]
fn a_configuration_can_be_refused_and_the_old_one_goes_on() {
    // Accepts configurations of four bytes, and logs what it was given.
    let host = Host::new(
        &module(
            r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
                 (drop (call $get_buffer (i32.const 7) (i32.const 0) (i32.const -1) (i32.const 8) (i32.const 16)))
                 (drop (call $log (i32.const 2) (i32.load (i32.const 8)) (i32.load (i32.const 16))))
                 (i32.eq (local.get 1) (i32.const 4)))"#,
        ),
        HostConfig::new("good"),
    )
    .unwrap();
    let refused = host.reconfigure("bad").unwrap_err();
    assert_eq!(refused.reason, Reason::Configuration);
    assert_eq!(refused.logs.first().unwrap().text, "bad");
    assert_eq!(log_texts(&host), ["good"], "the running VM has not heard of it");
    host.reconfigure("fine").unwrap();
    assert_eq!(log_texts(&host), ["good", "fine"]);
}

#[test]
fn streams_keep_the_root_that_they_began_with() {
    // Says which root a stream belongs to by the number of the root that is deleted.
    let host = host(
        r#"(data (i32.const 100) "deleted")
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))
           (func (export "proxy_on_delete") (param i32)
             (if (i32.eq (local.get 0) (i32.const 1))
               (then (drop (call $log (i32.const 2) (i32.const 100) (i32.const 7))))))"#,
    );
    let stream = host.stream();
    stream.request_headers(&Request::new("GET", "/").headers, true);
    host.reconfigure("new").unwrap();
    assert!(host.logs().is_empty(), "the old root serves its stream");
    drop(stream);
    assert_eq!(log_texts(&host), ["deleted"]);
}

#[test]
fn refusals_say_what_was_wrong() {
    let refused = refusal(
        r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))"#,
    );
    assert_eq!(refused.reason, Reason::VmStart);
    let refused =
        refusal(r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) unreachable)"#);
    assert!(matches!(refused.reason, Reason::Trap(_)), "{refused}");
    let refused = refusal(r#"(func (export "_initialize") (drop (call $time (i32.const 8))))"#);
    assert!(refused.to_string().contains("start function"), "{refused}");
}

#[test]
fn modules_that_no_proxy_loads_are_refused() {
    let why = |text: &str| Module::from_bytes(text.as_bytes()).unwrap_err().to_string();
    assert!(why("(module)").contains("ABI version"));
    assert!(why("not wasm").contains("refused"));
    let unknown = r#"(module (import "env" "proxy_make_coffee" (func)) (func (export "proxy_abi_version_0_2_1")))"#;
    assert!(why(unknown).contains("proxy_make_coffee"));
    assert!(Module::load("no/such/file.wasm").unwrap_err().to_string().contains("no/such/file"));
    let bare =
        Module::from_bytes(br#"(module (func (export "proxy_abi_version_0_2_1")))"#).unwrap();
    let refused = Host::new(&bare, HostConfig::default()).unwrap_err();
    assert!(refused.to_string().contains("allocator"));
}

#[test]
fn pointers_outside_the_memory_are_a_status() {
    let host = host(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $log (i32.const 2) (i32.const -16) (i32.const 64)))
             (drop (call $get_header (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 8) (i32.const 16)))
             (drop (call $set_map (i32.const 9) (i32.const 0) (i32.const 0)))
             (i32.const 0))"#,
    );
    let outcome = host.exchange(&Request::new("GET", "/"), no_callouts, |_| Upstream::new(204, ""));
    assert_eq!(outcome.status(), 204);
    let statuses: Vec<u32> = host.refused_calls().iter().map(|c| c.status.number()).collect();
    assert_eq!(statuses, [6, 6, 2]);
}

#[test]
fn memory_is_bounded() {
    let config = HostConfig { memory_bytes_max: 80 * 65536, ..HostConfig::default() };
    let definitions = r#"
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.ne (memory.grow (i32.const 17)) (i32.const -1)) (then unreachable))
        (drop (memory.grow (i32.const 16))) (i32.const 0))"#;
    let host = Host::new(&module(definitions), config).unwrap();
    let outcome = host.exchange(&Request::new("GET", "/"), no_callouts, |_| Upstream::new(204, ""));
    assert_eq!(outcome.problems(), Vec::<String>::new());
    assert_eq!(host.memory_bytes(), 80 * 65536);
}
