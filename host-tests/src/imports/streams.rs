//! Steering streams: continuing, closing, replying; and callouts.
//!
//! Continuing, closing and replying are noted and done once the guest has returned, as in Envoy.
//! A call that speaks for a root context has no stream: the proxy answers `Ok` and does nothing,
//! which would leave a client waiting, so it is a fault here.

use super::maps::headers;
use crate::abi::{Direction, Status};
use crate::callouts::Callout;
use crate::fault::Fault;
use crate::maps::Headers;
use crate::memory::{Answer, Guest, Stop, hand_over, read, write_u32};
use crate::state::{Action, Reply};
use std::time::Duration;

/// `proxy_continue_stream`: lets what is held go on; it is out of the guest's reach at once.
pub(super) fn go_on(guest: &mut Guest<'_>, kind: u32) -> Answer {
    let direction = direction(kind)?;
    let state = guest.data_mut();
    let context = state.context();
    let Some(stream) = state.stream() else {
        state.faults.push(Fault::NoStream { call: "proxy_continue_stream" });
        return Ok(());
    };
    stream.request.hide();
    state.actions.push_back(Action::Continue(context, direction));
    Ok(())
}

/// `proxy_close_stream`: resets the stream.
pub(super) fn close(guest: &mut Guest<'_>, kind: u32) -> Answer {
    direction(kind)?;
    let state = guest.data_mut();
    let context = state.context();
    if state.stream().is_some() {
        state.actions.push_back(Action::Reset(context));
    } else {
        state.faults.push(Fault::NoStream { call: "proxy_close_stream" });
    }
    Ok(())
}

/// `proxy_send_local_response`: answers the client in the place of the upstream.
#[expect(clippy::too_many_arguments, reason = "the ABI's own arity")]
pub(super) fn reply(
    guest: &mut Guest<'_>,
    status: u32,
    details: u32,
    details_length: u32,
    body: u32,
    body_length: u32,
    pairs: u32,
    pairs_length: u32,
    _grpc_status: i32,
) -> Answer {
    let details = read(guest, details, details_length)?;
    let body = read(guest, body, body_length)?;
    let pairs = read(guest, pairs, pairs_length)?;
    let state = guest.data_mut();
    let headers = headers(state, "proxy_send_local_response", &pairs);
    let details = String::from_utf8_lossy(&details)
        .chars()
        .map(|c| if c.is_ascii_whitespace() { '_' } else { c })
        .collect();
    let reply = Reply { status, headers, body, details, from_guest: true };
    let context = state.context();
    if state.stream().is_some() {
        state.actions.push_back(Action::Reply(context, reply));
    } else {
        state.faults.push(Fault::NoStream { call: "proxy_send_local_response" });
    }
    state.stop_next = true;
    Ok(())
}

/// `proxy_set_effective_context`: later calls speak for this context.
pub(super) fn set_effective(guest: &mut Guest<'_>, context: u32) -> Answer {
    let state = guest.data_mut();
    if !state.knows(context) {
        return Err(Stop::Status(Status::BadArgument));
    }
    state.effective = context;
    Ok(())
}

/// `proxy_done`: the guest has finished late; streams of this host never wait for that.
pub(super) fn done(_: &mut Guest<'_>) -> Answer {
    Err(Stop::Status(Status::NotFound))
}

/// `proxy_http_call`: sends a callout.
#[expect(clippy::too_many_arguments, reason = "the ABI's own arity")]
pub(super) fn http_call(
    guest: &mut Guest<'_>,
    cluster: u32,
    cluster_length: u32,
    pairs: u32,
    pairs_length: u32,
    body: u32,
    body_length: u32,
    trailers: u32,
    trailers_length: u32,
    timeout_ms: u32,
    out: u32,
) -> Answer {
    let cluster = read(guest, cluster, cluster_length)?;
    let body = read(guest, body, body_length)?;
    let pairs = read(guest, pairs, pairs_length)?;
    let trailers = read(guest, trailers, trailers_length)?;
    write_u32(guest, out, 0)?;
    let state = guest.data_mut();
    let cluster = String::from_utf8_lossy(&cluster).into_owned();
    let known = state.config.clusters.as_ref().is_none_or(|names| names.contains(&cluster));
    // A timeout is a signed number in the proxy: the upper half is negative and refused.
    if !known || i32::try_from(timeout_ms).is_err() {
        return Err(Stop::Status(Status::BadArgument));
    }
    let callout = Callout {
        token: 0,
        context: state.context(),
        root: state.root(),
        cluster,
        headers: headers(state, "proxy_http_call", &pairs),
        body,
        trailers: if trailers.is_empty() {
            Headers::new()
        } else {
            headers(state, "proxy_http_call", &trailers)
        },
        timeout: (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms.into())),
    };
    let token = state.callouts.send(callout)?;
    write_u32(guest, out, token)
}

/// `proxy_get_status`: code and text of the callout that failed.
pub(super) fn call_status(guest: &mut Guest<'_>, code: u32, pointer: u32, length: u32) -> Answer {
    let (number, text) = guest.data().call_status;
    write_u32(guest, code, number)?;
    hand_over(guest, text.as_bytes(), pointer, length)
}

/// The direction of an HTTP stream that a number means; TCP streams are not here.
fn direction(kind: u32) -> Answer<Direction> {
    match kind {
        0 => Ok(Direction::Request),
        1 => Ok(Direction::Response),
        _ => Err(Stop::Status(Status::BadArgument)),
    }
}
