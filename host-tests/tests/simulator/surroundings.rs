//! What a guest finds around it: properties, filter state, shared data, clocks, metrics, WASI.

use crate::guest::{host, log_texts, module, no_callouts};
use std::time::Duration;
use zonegate_host_tests::{Host, HostConfig, LogLevel, Metric, Module, Request, Status, Upstream};

/// Logs the value of each of these properties at request headers; what there is not, not.
fn reading(paths: &[&str]) -> String {
    let one = |(index, path): (usize, &&str)| {
        let (at, length, text) = (1000 + 200 * index, path.len(), path.replace('/', "\\00"));
        let data = format!("(data (i32.const {at}) \"{text}\")");
        let call = format!(
            "(if (i32.eqz (call $get_property (i32.const {at}) (i32.const {length}) (i32.const 8) (i32.const 16)))
               (then (drop (call $log (i32.const 2) (i32.load (i32.const 8)) (i32.load (i32.const 16))))))"
        );
        (data, call)
    };
    let (data, calls): (Vec<String>, Vec<String>) = paths.iter().enumerate().map(one).unzip();
    let (data, calls) = (data.concat(), calls.concat());
    format!(
        r#"{data} (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             {calls} (i32.const 0))"#
    )
}

/// Any request, let through.
fn pass(host: &Host, request: &Request) -> zonegate_host_tests::Outcome {
    host.exchange(request, no_callouts, |_| Upstream::new(204, ""))
}

#[test]
fn properties_come_from_the_test_and_from_the_request() {
    let config = {
        let mut config = HostConfig { root_id: "zonegate".into(), ..HostConfig::default() };
        let path = ["xds", "route_metadata", "filter_metadata", "zonegate", "provider"];
        config.properties.set(&path, "powerdns").set(&["source", "address"], "10.0.0.1:9");
        config
    };
    let paths = [
        "xds/route_metadata/filter_metadata/zonegate/provider",
        "source/address",
        "source",
        "connection/tls_version",
        "request/method",
        "request/url_path",
        "request/query",
        "request/headers/x-a",
        "plugin_root_id",
    ];
    let host = Host::new(&module(&reading(&paths)), config).unwrap();
    let request = Request::new("PUT", "/p?q=1").header("x-a", "1").header("x-a", "2");
    let with_tls = request.property(&["connection", "tls_version"], "TLSv1.3");
    pass(&host, &with_tls);
    assert_eq!(
        log_texts(&host),
        ["powerdns", "10.0.0.1:9", "TLSv1.3", "PUT", "/p", "q=1", "1,2", "zonegate"]
    );
    let refused: Vec<Status> = host.refused_calls().into_iter().map(|call| call.status).collect();
    assert_eq!(refused, [Status::SerializationFailure], "source as a whole");
    host.take_logs();
    pass(&host, &Request::new("GET", "/"));
    assert!(!log_texts(&host).contains(&"TLSv1.3".to_owned()), "a property of one stream only");
}

#[test]
fn filter_state_is_written_under_a_prefix_and_read_back() {
    let reads = reading(&["k", "filter_state/wasm.k"]);
    let host = host(&format!(
        r#"{reads} (data (i32.const 100) "kvalue")
           (func (export "proxy_on_context_create") (param i32 i32)
             (drop (call $set_property (i32.const 100) (i32.const 1) (i32.const 101) (i32.const 5))))"#
    ));
    let outcome = pass(&host, &Request::new("GET", "/"));
    assert_eq!(outcome.state("wasm.k").unwrap(), "value");
    assert_eq!(log_texts(&host), ["value", "value"]);
    assert_eq!(host.refused_calls().len(), 1, "the root context has no filter state");
}

#[test]
fn the_clocks_are_the_tests() {
    let host = host("");
    let start = host.time_ns();
    host.advance(Duration::from_secs(2));
    assert_eq!(host.time_ns(), start + 2_000_000_000);
    host.set_time_ns(7);
    assert_eq!(host.time_ns(), 7);
}

#[test]
fn time_reaches_the_guest_and_ticks_come_when_the_test_says() {
    // Puts the time into a gauge at each tick.
    let host = host(
        r#"(data (i32.const 100) "time")
           (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
             (drop (call $define_metric (i32.const 1) (i32.const 100) (i32.const 4) (i32.const 24)))
             (drop (call $set_tick (i32.const 1500))) (i32.const 1))
           (func (export "proxy_on_tick") (param i32)
             (drop (call $time (i32.const 8)))
             (drop (call $record (i32.load (i32.const 24)) (i64.load (i32.const 8)))))"#,
    );
    assert_eq!(host.tick_period(), Some(Duration::from_millis(1500)));
    assert_eq!(host.metric("time"), Some(0));
    host.set_time_ns(123_456);
    host.tick();
    assert_eq!(host.metric("time"), Some(123_456));
}

#[test]
fn shared_data_is_shared_by_hosts_and_guarded_by_its_number() {
    // Each request writes "v" if nobody has, and counts; otherwise it writes with a stale number.
    let definitions = r#"
      (data (i32.const 100) "kv") (data (i32.const 110) "first")
      (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
        (drop (call $define_metric (i32.const 0) (i32.const 110) (i32.const 5) (i32.const 24))) (i32.const 1))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (call $get_shared (i32.const 100) (i32.const 1) (i32.const 8) (i32.const 16) (i32.const 32))
          (then
            (drop (call $set_shared (i32.const 100) (i32.const 1) (i32.const 101) (i32.const 1) (i32.const 0)))
            (drop (call $increment (i32.load (i32.const 24)) (i64.const 1))))
          (else
            (drop (call $set_shared (i32.const 100) (i32.const 1) (i32.const 101) (i32.const 1)
              (i32.add (i32.load (i32.const 32)) (i32.const 1))))))
        (i32.const 0))"#;
    let module = module(definitions);
    let config = HostConfig::default();
    let one = Host::new(&module, config.clone()).unwrap();
    let two = Host::new(&module, config).unwrap();
    pass(&one, &Request::new("GET", "/"));
    pass(&two, &Request::new("GET", "/"));
    assert_eq!(one.metrics().get("first"), Some(&Metric::Counter(1)));
    assert_eq!(two.metrics().get("first"), Some(&Metric::Counter(0)), "metrics are each VM's own");
    assert_eq!(one.shared_data().get(b"k").unwrap().0, b"v");
    assert!(two.refused_calls().iter().any(|call| call.status == Status::CasMismatch));
}

#[test]
fn foreign_functions_are_found_by_name() {
    let definitions = r#"
      (data (i32.const 100) "shoutabcnothing")
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $foreign (i32.const 100) (i32.const 5) (i32.const 105) (i32.const 3) (i32.const 8) (i32.const 16)))
        (drop (call $log (i32.const 2) (i32.load (i32.const 8)) (i32.load (i32.const 16))))
        (drop (call $foreign (i32.const 108) (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (i32.const 0))"#;
    let mut config = HostConfig::default();
    config.foreign_functions.insert("shout".into(), |bytes| Ok(bytes.to_ascii_uppercase()));
    let host = Host::new(&module(definitions), config).unwrap();
    pass(&host, &Request::new("GET", "/"));
    assert_eq!(log_texts(&host), ["ABC"]);
    assert_eq!(host.refused_calls().first().map(|call| call.status), Some(Status::NotFound));
}

/// A WASI guest: writes to standard output and error, reads environment, clock and random bytes.
const WASI: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "malloc") (param i32) (result i32) (i32.const 65536))
  (func (export "proxy_abi_version_0_2_1"))
  (data (i32.const 100) "hello\n") (data (i32.const 110) "oops")
  (data (i32.const 200) "\64\00\00\00\06\00\00\00\6e\00\00\00\04\00\00\00")
  (func (export "_initialize")
    (drop (call $write (i32.const 1) (i32.const 200) (i32.const 1) (i32.const 8)))
    (drop (call $sizes (i32.const 8) (i32.const 12)))
    (drop (call $environ (i32.const 300) (i32.const 400)))
    (i32.store (i32.const 208) (i32.load (i32.const 300)))
    (i32.store (i32.const 212) (i32.sub (i32.load (i32.const 12)) (i32.const 1)))
    (drop (call $write (i32.const 2) (i32.const 208) (i32.const 1) (i32.const 8))))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
    (drop (call $random (i32.const 1000) (i32.const 9)))
    (drop (call $clock (i32.const 0) (i64.const 1) (i32.const 1016)))
    (i32.and
      (i64.ne (i64.load (i32.const 1000)) (i64.const 0))
      (i32.and
        (i64.eq (i64.load (i32.const 1016)) (i64.const 42))
        (i32.eq (i32.const 52) (call $open (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0))))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $exit (i32.const 3)) (i32.const 0)))"#;

#[test]
fn a_wasi_guest_finds_what_a_proxy_provides() {
    let mut config = HostConfig { time_ns: 42, ..HostConfig::default() };
    config.environment.insert("NAME".into(), "value".into());
    let host = Host::new(&Module::from_bytes(WASI.as_bytes()).unwrap(), config).unwrap();
    let logs: Vec<_> = host.logs().into_iter().map(|line| (line.level, line.text)).collect();
    assert_eq!(
        logs,
        [(LogLevel::Info, "hello".into()), (LogLevel::Error, "NAME=value".to_owned())]
    );
    let outcome = pass(&host, &Request::new("GET", "/"));
    assert!(outcome.trapped.is_some_and(|trap| trap.message.contains("proc_exit(3)")));
}
