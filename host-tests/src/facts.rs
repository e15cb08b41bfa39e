//! Properties that follow from the stream and the plugin themselves.
//!
//! The test's tree comes first, so a test can set anything; then the plugin's own names, the
//! request and the response as they are now, and filter state. `request.*` that comes from
//! headers is gone once the headers went on, as in Envoy.

use crate::abi::Status;
use crate::half::Half;
use crate::maps::Headers;
use crate::pairs;
use crate::state::State;

/// The value of a property, or the status that the guest gets instead.
pub(crate) fn property(state: &mut State, path: &[&str]) -> Result<Vec<u8>, Status> {
    let context = state.context();
    let given = match state.streams.get(&context) {
        Some(stream) => stream.properties.get(path),
        None => Err(Status::NotFound),
    };
    if given != Err(Status::NotFound) {
        return given;
    }
    match path {
        ["plugin_name"] => return Ok(state.config.plugin_name.clone().into_bytes()),
        ["plugin_root_id"] => return Ok(state.config.root_id.clone().into_bytes()),
        ["plugin_vm_id"] => return Ok(state.config.vm_id.clone().into_bytes()),
        _ => {}
    }
    let time_ns = state.time_ns;
    let stream = state.stream().ok_or(Status::NotFound)?;
    match path {
        ["request", rest @ ..] => request(&stream.request, time_ns, rest),
        ["response", rest @ ..] => response(&stream.response, rest),
        ["filter_state", name] => stream.filter_state.get(*name).cloned().ok_or(Status::NotFound),
        ["filter_state" | "source" | "connection"] => Err(Status::SerializationFailure),
        [name] => stream.filter_state.get(&format!("wasm.{name}")).cloned().ok_or(Status::NotFound),
        _ => Err(Status::NotFound),
    }
}

/// A property of the request.
fn request(half: &Half, time_ns: u64, path: &[&str]) -> Result<Vec<u8>, Status> {
    match path {
        ["time"] => return Ok(time_ns.to_le_bytes().to_vec()),
        ["size"] => return Ok(0_i64.to_le_bytes().to_vec()),
        ["protocol"] => return Ok(b"HTTP/1.1".to_vec()),
        _ => {}
    }
    if !half.headers_visible {
        return Err(Status::NotFound);
    }
    let headers = &half.headers;
    let header = |name: &str| headers.get(name).map(<[u8]>::to_vec).ok_or(Status::NotFound);
    match path {
        ["path"] => header(":path"),
        ["url_path"] => Ok(split_query(&header(":path")?).0),
        ["query"] => Ok(split_query(&header(":path")?).1),
        ["host"] => header(":authority"),
        ["method"] => header(":method"),
        ["scheme"] => header(":scheme"),
        ["id"] => header("x-request-id"),
        ["useragent"] => header("user-agent"),
        ["referer"] => header("referer"),
        ["headers"] => Ok(joined_list(headers)),
        ["headers", name] => joined(headers, name).ok_or(Status::NotFound),
        _ => Err(Status::NotFound),
    }
}

/// A property of the response.
fn response(half: &Half, path: &[&str]) -> Result<Vec<u8>, Status> {
    if !half.started {
        return Err(Status::NotFound);
    }
    match path {
        ["code"] => {
            let status = half.headers.status().ok_or(Status::NotFound)?;
            Ok(i64::from(status).to_le_bytes().to_vec())
        }
        ["headers"] => Ok(joined_list(&half.headers)),
        ["headers", name] => joined(&half.headers, name).ok_or(Status::NotFound),
        _ => Err(Status::NotFound),
    }
}

/// Path and query of a target, without the question mark.
fn split_query(target: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut parts = target.splitn(2, |byte| *byte == b'?');
    let mut next = || parts.next().unwrap_or_default().to_vec();
    (next(), next())
}

/// All values of a name, joined with commas.
fn joined(headers: &Headers, name: &str) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> = headers.get_all(name).collect();
    (!values.is_empty()).then(|| values.join(b",".as_slice()))
}

/// All headers as pairs, each name once.
fn joined_list(headers: &Headers) -> Vec<u8> {
    let names: std::collections::BTreeSet<&str> = headers.iter().map(|(name, _)| name).collect();
    let values: Vec<(&str, Vec<u8>)> =
        names.into_iter().map(|name| (name, joined(headers, name).unwrap_or_default())).collect();
    pairs::encode(values.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())))
}
