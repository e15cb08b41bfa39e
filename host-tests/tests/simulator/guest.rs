//! Small guests: a common prelude of imports and an allocator, and the callbacks of one test.

use zonegate_host_tests::{Answer, Callout, Forwarded, Host, HostConfig, Module, Upstream};

/// Imports under short names, a memory, an allocator that never frees, and the ABI's version.
///
/// Strings of a test live below 4096; numbers that host functions write go to 8 and 16.
const PRELUDE: &str = r#"
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $get_map (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_header_map_pairs" (func $set_map (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func $set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_remove_header_map_value" (func $remove_header (param i32 i32 i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $speak_for (param i32) (result i32)))
  (import "env" "proxy_http_call"
    (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_shared_data" (func $get_shared (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data" (func $set_shared (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define_metric (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $set_tick (param i32) (result i32)))
  (import "env" "proxy_call_foreign_function"
    (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 64)
  (global $heap (mut i32) (i32.const 65536))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param $bytes i32) (result i32)
    (global.get $heap)
    (global.set $heap (i32.add (global.get $heap) (local.get $bytes))))
"#;

/// A module of the prelude and these definitions.
pub(crate) fn module(definitions: &str) -> Module {
    Module::from_bytes(format!("(module {PRELUDE} {definitions})").as_bytes()).unwrap()
}

/// A host of the prelude and these definitions, with the default configuration.
pub(crate) fn host(definitions: &str) -> Host {
    Host::new(&module(definitions), HostConfig::default()).unwrap()
}

/// An upstream that answers with the body it got.
pub(crate) fn echo(forwarded: &Forwarded) -> Upstream {
    Upstream::new(200, forwarded.body.clone())
}

/// An upstream that must not be asked.
pub(crate) fn forbidden(forwarded: &Forwarded) -> Upstream {
    panic!("nothing may be forwarded, but: {forwarded:?}")
}

/// Callouts that must not be sent.
pub(crate) fn no_callouts(callout: &Callout) -> Answer {
    panic!("no callout may be sent, but: {callout:?}")
}

/// The texts of the guest's log.
pub(crate) fn log_texts(host: &Host) -> Vec<String> {
    host.logs().into_iter().map(|line| line.text).collect()
}
