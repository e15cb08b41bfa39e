//! The no-op filter with a lookup: a DELETE waits for an answer of the provider, which is read and not looked at.
//!
//! Same calls as filter/src/stream.rs makes for one lookup: the cluster's name, the call, of its answer the status and
//! the body, the clock before and after, a counter. What a lookup costs above this is Zonegate's own thinking.

use std::ptr::{null, null_mut};

use super::*;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_http_call(
        cluster: *const u8, cluster_size: usize, headers: *const u8, headers_size: usize, body: *const u8, body_size: usize,
        trailers: *const u8, trailers_size: usize, timeout_ms: u32, token: *mut u32,
    ) -> u32;
    fn proxy_get_header_map_value(kind: u32, name: *const u8, name_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_continue_stream(kind: u32) -> u32;
}

const CLUSTER: &str = "xds\0route_metadata\0filter_metadata\0zonegate\0cluster";
/// What is asked; the upstream knows it.
const PATH: &str = "/lookup";

/// The requests that wait, by the token of their call.
static mut WAITING: BTreeMap<u32, u32> = BTreeMap::new();

/// A header map in the ABI's form.
fn pairs(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::from((headers.len() as u32).to_le_bytes());
    for (name, value) in headers {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
    }
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// Asks, and holds the request.
pub(crate) fn ask(context: u32) -> u32 {
    let mut token = 0;
    unsafe {
        let cluster = String::from_utf8(property(CLUSTER)).unwrap_or_default();
        let asked = [(":method", "GET"), (":path", PATH), (":authority", &cluster), ("accept", "application/json")];
        let (asked, none) = (pairs(&asked), pairs(&[]));
        proxy_http_call(
            cluster.as_ptr(), cluster.len(), asked.as_ptr(), asked.len(), null(), 0, none.as_ptr(), none.len(), 5_000, &mut token,
        );
        (*(&raw mut WAITING)).insert(token, context);
    }
    PAUSE
}

/// Lets the request go on that waited for this answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn proxy_on_http_call_response(_root: u32, token: u32, _headers: u32, _size: u32, _trailers: u32) {
    unsafe {
        let Some(context) = (*(&raw mut WAITING)).remove(&token) else { return };
        proxy_set_effective_context(context);
        let (status, mut data, mut size) = (":status", null_mut(), 0);
        proxy_get_header_map_value(6, status.as_ptr(), status.len(), &mut data, &mut size);
        std::hint::black_box(taken(data, size));
        std::hint::black_box(buffer(4));
        proxy_increment_metric(*(&raw const METRIC), 1);
        clock();
        clock();
        decide(context, None);
        proxy_continue_stream(0);
    }
}
