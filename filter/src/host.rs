//! The host's functions, as values: nothing here panics.
//!
//! The SDK's own wrappers panic on a status they do not expect and on header bytes that are not
//! UTF-8, and a panic is an outage of a worker. So the few functions the filter needs are declared
//! here once more, and a failure is `None`.
//! This is the only file with `unsafe` code: the host writes to the addresses it is given, and
//! hands over memory that it took from this module's own allocator.
#![expect(unsafe_code, reason = "declares and calls the functions that the host imports to us")]

use std::ptr::null_mut;

use proxy_wasm::types::{BufferType, LogLevel, MapType, MetricType, Status};

/// A header map, as bytes.
pub(crate) type Headers = Vec<(Vec<u8>, Vec<u8>)>;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: LogLevel, data: *const u8, size: usize) -> Status;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> Status;
    fn proxy_get_buffer_bytes(
        kind: BufferType,
        start: usize,
        size_max: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> Status;
    fn proxy_set_buffer_bytes(
        kind: BufferType,
        start: usize,
        size: usize,
        data: *const u8,
        data_size: usize,
    ) -> Status;
    fn proxy_get_header_map_pairs(kind: MapType, data: *mut *mut u8, size: *mut usize) -> Status;
    fn proxy_get_header_map_value(
        kind: MapType,
        name: *const u8,
        name_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> Status;
    fn proxy_set_header_map_pairs(kind: MapType, data: *const u8, size: usize) -> Status;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> Status;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        data: *const u8,
        size: usize,
    ) -> Status;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> Status;
    fn proxy_continue_stream(kind: u32) -> Status;
    fn proxy_define_metric(
        kind: MetricType,
        name: *const u8,
        size: usize,
        metric: *mut u32,
    ) -> Status;
    fn proxy_increment_metric(metric: u32, offset: i64) -> Status;
    fn proxy_record_metric(metric: u32, value: u64) -> Status;
}

/// Writes a line to the proxy's log.
pub(crate) fn log(level: LogLevel, message: &str) {
    // SAFETY: the host reads `message.len()` bytes from a live string.
    let _ = unsafe { proxy_log(level, message.as_ptr(), message.len()) };
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> Option<u64> {
    let mut time = 0;
    // SAFETY: the host writes eight bytes to a live variable.
    (unsafe { proxy_get_current_time_nanoseconds(&raw mut time) } == Status::Ok).then_some(time)
}

/// Takes over what the host allocated in this module for a result.
fn taken(status: Status, data: *mut u8, size: usize) -> Option<Vec<u8>> {
    if status != Status::Ok {
        return None;
    }
    if data.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: the host took `size` bytes from `proxy_on_memory_allocate`, which hands out the
    // buffer of a `Vec<u8>` of that capacity, filled them, and gave up its claim.
    #[expect(clippy::same_length_and_capacity, reason = "the host took exactly this much")]
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// Up to `size_max` bytes of a buffer.
pub(crate) fn buffer(kind: BufferType, size_max: usize) -> Option<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host writes a pointer and a size to live variables.
    let status = unsafe { proxy_get_buffer_bytes(kind, 0, size_max, &raw mut data, &raw mut size) };
    // An empty buffer is not found.
    if status == Status::NotFound { Some(Vec::new()) } else { taken(status, data, size) }
}

/// Replaces a whole buffer.
pub(crate) fn set_buffer(kind: BufferType, bytes: &[u8]) -> Option<()> {
    let all = u32::MAX as usize;
    // SAFETY: the host reads `bytes.len()` bytes from a live slice.
    let status = unsafe { proxy_set_buffer_bytes(kind, 0, all, bytes.as_ptr(), bytes.len()) };
    (status == Status::Ok).then_some(())
}

/// A whole header map.
pub(crate) fn headers(kind: MapType) -> Option<Headers> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host writes a pointer and a size to live variables.
    let status = unsafe { proxy_get_header_map_pairs(kind, &raw mut data, &raw mut size) };
    read_pairs(&taken(status, data, size)?)
}

/// One header of a map; of several with one name, their values joined.
pub(crate) fn header(kind: MapType, name: &str) -> Option<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host reads a live string and writes a pointer and a size to live variables.
    let status = unsafe {
        proxy_get_header_map_value(kind, name.as_ptr(), name.len(), &raw mut data, &raw mut size)
    };
    taken(status, data, size)
}

/// Replaces a whole header map.
pub(crate) fn set_headers(kind: MapType, headers: &[(&[u8], &[u8])]) -> Option<()> {
    let pairs = write_pairs(headers);
    // SAFETY: the host reads `pairs.len()` bytes from a live vector.
    let status = unsafe { proxy_set_header_map_pairs(kind, pairs.as_ptr(), pairs.len()) };
    (status == Status::Ok).then_some(())
}

/// A property of the stream or the proxy; its path's parts are joined with NUL.
pub(crate) fn property(path: &str) -> Option<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host reads a live string and writes to live variables.
    let status =
        unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut data, &raw mut size) };
    taken(status, data, size)
}

/// Publishes a value as filter state `wasm.<name>`; losing it loses a log field, not a decision.
pub(crate) fn publish(name: &str, value: &str) {
    // SAFETY: the host reads two live strings.
    let _ = unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}

/// Answers the client; `details` is for the access log.
pub(crate) fn reply(status: u16, details: &str, headers: &[(&[u8], &[u8])], body: &[u8]) {
    let pairs = write_pairs(headers);
    // SAFETY: the host reads live slices of the sizes it is given.
    let _ = unsafe {
        proxy_send_local_response(
            status.into(),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            pairs.as_ptr(),
            pairs.len(),
            -1,
        )
    };
}

/// Lets a request go on that was held while a lookup was under way.
pub(crate) fn continue_request() {
    // SAFETY: takes a number: 0 is the request's side of the stream.
    let _ = unsafe { proxy_continue_stream(0) };
}

/// Defines a metric; `None` on hosts without metrics.
pub(crate) fn define_metric(kind: MetricType, name: &str) -> Option<u32> {
    let mut metric = 0;
    // SAFETY: the host reads a live string and writes to a live variable.
    let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut metric) };
    (status == Status::Ok).then_some(metric)
}

/// Adds one to a counter.
pub(crate) fn increment(metric: Option<u32>) {
    if let Some(metric) = metric {
        // SAFETY: takes numbers only.
        let _ = unsafe { proxy_increment_metric(metric, 1) };
    }
}

/// Sets a gauge.
pub(crate) fn record(metric: Option<u32>, value: u64) {
    if let Some(metric) = metric {
        // SAFETY: takes numbers only.
        let _ = unsafe { proxy_record_metric(metric, value) };
    }
}

/// Takes a little-endian number from the front of `bytes`.
fn take_u32(bytes: &mut &[u8]) -> Option<usize> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    usize::try_from(u32::from_le_bytes(*head)).ok()
}

/// Takes `size` bytes and the NUL behind them.
fn take_text(bytes: &mut &[u8], size: usize) -> Option<Vec<u8>> {
    let (head, rest) = bytes.split_at_checked(size)?;
    *bytes = rest.strip_prefix(b"\0")?;
    Some(head.to_vec())
}

/// Reads the ABI's form of a map: a count, the sizes, then the texts, each ended by NUL.
fn read_pairs(bytes: &[u8]) -> Option<Headers> {
    let mut rest = bytes;
    if rest.is_empty() {
        return Some(Vec::new());
    }
    let count = take_u32(&mut rest)?;
    // Eight bytes of sizes stand for each pair, which bounds the allocation.
    let mut sizes = Vec::with_capacity(count.min(rest.len() / 8));
    for _ in 0..count {
        sizes.push((take_u32(&mut rest)?, take_u32(&mut rest)?));
    }
    let pair = |(name, value)| Some((take_text(&mut rest, name)?, take_text(&mut rest, value)?));
    sizes.into_iter().map(pair).collect()
}

/// Writes the ABI's form of a map.
fn write_pairs(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    // A map is bounded by the engine's caps, far below four gigabytes.
    let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = Vec::from(number(pairs.len()));
    for (name, value) in pairs {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text);
        bytes.push(0);
    }
    bytes
}
