//! The filter that `make bench` compares Zonegate with: it makes the same calls to the host and decides nothing.
//!
//! Same order as filter/src/stream.rs for an allowed request: header map, clock, route metadata, peer, TLS, clock; the
//! body, with the clock before and after; then body and headers put back, three values published, one counter; at the
//! response its header map, and at its end its body, if it has one, and headers put back. What Zonegate costs above
//! this is its own thinking.
#![allow(clippy::missing_safety_doc)]

use std::collections::BTreeMap;
use std::ptr::null_mut;

#[cfg(hostcalls)]
#[path = "hostcalls.rs"]
mod hostcalls;
#[cfg(lookups)]
#[path = "lookup.rs"]
mod lookup;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_buffer_bytes(kind: u32, start: usize, size_max: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_buffer_bytes(kind: u32, start: usize, size: usize, data: *const u8, data_size: usize) -> u32;
    fn proxy_get_header_map_pairs(kind: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_header_map_pairs(kind: u32, data: *const u8, size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, data: *const u8, size: usize) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, size: usize, metric: *mut u32) -> u32;
    fn proxy_increment_metric(metric: u32, offset: i64) -> u32;
}

const PROPERTIES: [&str; 4] = [
    "xds\0route_metadata\0filter_metadata\0zonegate\0provider",
    "xds\0route_metadata\0filter_metadata\0zonegate\0account",
    "source\0address",
    "connection\0tls_version",
];
const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

/// Takes over what the host has allocated here.
unsafe fn taken(data: *mut u8, size: usize) -> Vec<u8> {
    if data.is_null() { Vec::new() } else { unsafe { Vec::from_raw_parts(data, size, size) } }
}

/// Reads a header map and takes it apart, as any filter does.
unsafe fn headers(kind: u32) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut data, mut size) = (null_mut(), 0);
    unsafe { proxy_get_header_map_pairs(kind, &mut data, &mut size) };
    let bytes = unsafe { taken(data, size) };
    let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
    let count = if bytes.is_empty() { 0 } else { number(0) };
    let mut at = 4 + count * 8;
    let mut texts = Vec::with_capacity(count * 2);
    for index in 0..count * 2 {
        let length = number(4 + index * 4);
        texts.push(bytes[at..at + length].to_vec());
        at += length + 1;
    }
    (bytes, texts)
}

/// Reads a buffer.
unsafe fn buffer(kind: u32) -> Vec<u8> {
    let (mut data, mut size) = (null_mut(), 0);
    unsafe { proxy_get_buffer_bytes(kind, 0, usize::MAX / 2, &mut data, &mut size) };
    unsafe { taken(data, size) }
}

/// Reads a property; its path's parts are joined with NUL.
unsafe fn property(path: &str) -> Vec<u8> {
    let (mut data, mut size) = (null_mut(), 0);
    unsafe { proxy_get_property(path.as_ptr(), path.len(), &mut data, &mut size) };
    unsafe { taken(data, size) }
}

/// Looks at the clock.
unsafe fn clock() {
    let mut time = 0u64;
    unsafe { proxy_get_current_time_nanoseconds(&mut time) };
    std::hint::black_box(time);
}

/// Puts the request back as it was and publishes as much as Zonegate does.
unsafe fn decide(context: u32, body: Option<Vec<u8>>) {
    let record = br#"{"request_id":"00000000-0000-0000-0000-000000000000","key":"demoallzones","provider":"powerdns","account":"main","client":"127.0.0.1","path":"/api/v1/servers/localhost/zones/example.com.","route":"powerdns/zone-patch","operations":["record.delete example.com www.example.com A","record.create example.com www.example.com A \"192.0.2.80\""],"cost":2,"decision":"allow","reason":null,"detail":null,"denied_operation":null,"policies":["all-zones"],"decision_us":0,"lookups":0,"left_out":0,"response_reason":null,"bundle":"sha256:0000000000000000000000000000000000000000000000000000000000000000"}"#;
    unsafe {
        if let Some(body) = body {
            proxy_set_buffer_bytes(0, 0, u32::MAX as usize, body.as_ptr(), body.len());
        }
        let bytes = (*(&raw mut HEADERS)).remove(&context).unwrap_or_default();
        proxy_set_header_map_pairs(0, bytes.as_ptr(), bytes.len());
        for (name, value) in [("zonegate", &record[..]), ("zonegate_key", b"demoallzones"), ("zonegate_cost", b"1")] {
            proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len());
        }
        proxy_increment_metric(*(&raw const METRIC), 1);
    }
}

static mut METRIC: u32 = 0;
/// The header maps of requests, and then of responses, that are not put back yet.
static mut HEADERS: BTreeMap<u32, Vec<u8>> = BTreeMap::new();

/// Puts a response back as it was.
unsafe fn answer(context: u32, body: Option<Vec<u8>>) {
    unsafe {
        if let Some(body) = body {
            proxy_set_buffer_bytes(1, 0, u32::MAX as usize, body.as_ptr(), body.len());
        }
        let bytes = (*(&raw mut HEADERS)).remove(&context).unwrap_or_default();
        proxy_set_header_map_pairs(2, bytes.as_ptr(), bytes.len());
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    let mut bytes = Vec::<u8>::with_capacity(size);
    let data = bytes.as_mut_ptr();
    std::mem::forget(bytes);
    data
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_context_create(_context: u32, _root: u32) {}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_vm_start(_context: u32, _size: u32) -> u32 {
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn proxy_on_configure(_context: u32, _size: u32) -> u32 {
    let name = "noop_decisions";
    unsafe { proxy_define_metric(0, name.as_ptr(), name.len(), &raw mut METRIC) };
    1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn proxy_on_request_headers(context: u32, _count: u32, end: u32) -> u32 {
    unsafe {
        let (bytes, texts) = headers(0);
        std::hint::black_box(texts);
        (*(&raw mut HEADERS)).insert(context, bytes);
        clock();
        for path in PROPERTIES {
            std::hint::black_box(property(path));
        }
        clock();
        if end == 0 {
            return PAUSE;
        }
        #[cfg(lookups)]
        let next = lookup::ask(context);
        #[cfg(not(lookups))]
        let next = {
            decide(context, None);
            CONTINUE
        };
        next
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn proxy_on_request_body(context: u32, _size: u32, end: u32) -> u32 {
    if end == 0 {
        return PAUSE;
    }
    // Contexts of requests are never 0.
    #[cfg(hostcalls)]
    if context != 0 {
        return hostcalls::answer();
    }
    unsafe {
        let body = buffer(0);
        clock();
        clock();
        decide(context, Some(body));
    }
    CONTINUE
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn proxy_on_response_headers(context: u32, _count: u32, end: u32) -> u32 {
    unsafe {
        let (bytes, texts) = headers(2);
        std::hint::black_box(texts);
        (*(&raw mut HEADERS)).insert(context, bytes);
        if end == 0 {
            return PAUSE;
        }
        answer(context, None);
    }
    CONTINUE
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn proxy_on_response_body(context: u32, _size: u32, end: u32) -> u32 {
    if end == 0 {
        return PAUSE;
    }
    unsafe { answer(context, Some(buffer(1))) };
    CONTINUE
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_done(_context: u32) -> u32 {
    1
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_log(_context: u32) {}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_delete(_context: u32) {}
