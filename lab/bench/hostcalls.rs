//! What each call to the host costs: the no-op filter with this part answers a request with a list of them.
//!
//! Each call is made as a PATCH makes it, a hundred times between two looks at the clock, and the shortest of a hundred
//! such batches counts. It is the host's work, the copying to and fro and the crossing, without what a first call costs
//! in caches.

use std::ptr::null;

use super::*;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_send_local_response(
        status: u32, details: *const u8, details_size: usize, body: *const u8, body_size: usize, headers: *const u8,
        headers_size: usize, grpc_status: i32,
    ) -> u32;
}

/// How often a call is made between two looks at the clock, and how many such batches there are.
const CALLS: u64 = 100;
const BATCHES: usize = 100;

/// Nanoseconds since 1970.
fn now() -> u64 {
    let mut time = 0u64;
    unsafe { proxy_get_current_time_nanoseconds(&mut time) };
    time
}

/// The shortest time of a call, in nanoseconds.
fn shortest(call: impl Fn()) -> u64 {
    let batch = || {
        let began = now();
        (0..CALLS).for_each(|_| call());
        now().saturating_sub(began) / CALLS
    };
    (0..BATCHES).map(|_| batch()).min().unwrap_or_default()
}

/// Measures every call, and answers with a line for each: its name, a tab, nanoseconds.
pub(crate) fn answer() -> u32 {
    let (map, _) = unsafe { headers(0) };
    let body = unsafe { buffer(0) };
    let record = [b'x'; 640];
    let publish = |name: &str, value: &[u8]| unsafe {
        proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len());
    };
    let [provider, account, peer, tls] = PROPERTIES;
    let calls: [(&str, &dyn Fn()); 12] = [
        ("read the header map", &|| drop(unsafe { headers(0) })),
        ("put the header map back", &|| unsafe { _ = proxy_set_header_map_pairs(0, map.as_ptr(), map.len()) }),
        ("read the body", &|| drop(unsafe { buffer(0) })),
        ("put the body back", &|| unsafe { _ = proxy_set_buffer_bytes(0, 0, u32::MAX as usize, body.as_ptr(), body.len()) }),
        ("look at the clock", &|| unsafe { clock() }),
        ("route metadata: provider", &|| drop(unsafe { property(provider) })),
        ("route metadata: account", &|| drop(unsafe { property(account) })),
        ("the peer's address", &|| drop(unsafe { property(peer) })),
        ("its TLS version", &|| drop(unsafe { property(tls) })),
        ("publish the audit record", &|| publish("zonegate", &record)),
        ("publish a short value", &|| publish("zonegate_key", b"demoallzones")),
        ("count", &|| unsafe { _ = proxy_increment_metric(*(&raw const METRIC), 1) }),
    ];
    let lines = calls.iter().map(|(name, call)| format!("{}\t{}\n", name, shortest(call)));
    let text: String = lines.collect();
    unsafe { proxy_send_local_response(200, null(), 0, text.as_ptr(), text.len(), null(), 0, -1) };
    PAUSE
}
