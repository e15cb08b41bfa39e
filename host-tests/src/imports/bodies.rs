//! Buffers: bodies, configurations and the answers to callouts.

use crate::abi::{BufferKind, Status};
use crate::buffers;
use crate::memory::{Answer, Guest, Stop, hand_over, index, read, write_u32};
use crate::state::State;

/// `proxy_get_buffer_bytes`: a part of a buffer.
pub(super) fn get(
    guest: &mut Guest<'_>,
    kind: u32,
    start: u32,
    count: u32,
    pointer: u32,
    length: u32,
) -> Answer {
    let buffer = shown(guest.data_mut(), known(kind)?)?;
    let bytes = buffers::slice(buffer, index(start), index(count)).to_vec();
    hand_over(guest, &bytes, pointer, length)
}

/// `proxy_get_buffer_status`: the length of a buffer, and flags that are always zero.
pub(super) fn status(guest: &mut Guest<'_>, kind: u32, length: u32, flags: u32) -> Answer {
    let bytes = shown(guest.data_mut(), known(kind)?)?.len();
    write_u32(guest, length, u32::try_from(bytes).unwrap_or(u32::MAX))?;
    write_u32(guest, flags, 0)
}

/// `proxy_set_buffer_bytes`: prepends to a body, appends to it or replaces it.
pub(super) fn set(
    guest: &mut Guest<'_>,
    kind: u32,
    start: u32,
    count: u32,
    pointer: u32,
    length: u32,
) -> Answer {
    let kind = known(kind)?;
    let data = read(guest, pointer, length)?;
    let state = guest.data_mut();
    shown(state, kind)?;
    let body = match kind {
        BufferKind::Body(direction) => {
            state.stream().and_then(|stream| stream.half(direction).body_mut())
        }
        BufferKind::Network
        | BufferKind::CalloutBody
        | BufferKind::Grpc
        | BufferKind::VmConfiguration
        | BufferKind::PluginConfiguration
        | BufferKind::CallData => None,
    };
    let body = body.ok_or(Status::BadArgument)?;
    Ok(buffers::write(body, index(start), index(count), &data)?)
}

/// The buffer that a number means.
fn known(kind: u32) -> Answer<BufferKind> {
    BufferKind::from_number(kind).ok_or(Stop::Status(Status::BadArgument))
}

/// The bytes that the guest can read now; a body out of reach is empty, as in Envoy.
fn shown(state: &mut State, kind: BufferKind) -> Result<&[u8], Status> {
    match kind {
        BufferKind::Body(direction) => Ok(state
            .stream()
            .and_then(|stream| stream.half(direction).body_mut())
            .map_or(&[], |body| body.as_slice())),
        BufferKind::CalloutBody => {
            state.answer.as_ref().map(|answer| answer.body.as_slice()).ok_or(Status::NotFound)
        }
        BufferKind::VmConfiguration => Ok(&state.config.vm_configuration),
        BufferKind::PluginConfiguration => state.configuring.as_deref().ok_or(Status::NotFound),
        BufferKind::Network | BufferKind::Grpc | BufferKind::CallData => Ok(&[]),
    }
}
