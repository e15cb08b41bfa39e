//! Header maps: what a guest reads and changes.
//!
//! A map can be reached only while the proxy shows it: the request's headers from their callback
//! until they go on, the answer to a callout only while the guest is told of it. Out of reach,
//! listing gives nothing, and everything else is a bad argument, as in Envoy.

use crate::abi::{Direction, MapKind, Status};
use crate::fault::Fault;
use crate::maps::Headers;
use crate::memory::{Answer, Guest, Stop, hand_over, read, write_u32};
use crate::pairs;
use crate::state::State;

/// `proxy_get_header_map_pairs`: the whole map.
pub(super) fn get_all(guest: &mut Guest<'_>, kind: u32, pointer: u32, length: u32) -> Answer {
    let kind = known(kind)?;
    let bytes = match shown(guest.data_mut(), kind) {
        Some(map) if !map.is_empty() => {
            pairs::encode(map.iter().map(|(name, value)| (name.as_bytes(), value)))
        }
        Some(_) | None => Vec::new(),
    };
    hand_over(guest, &bytes, pointer, length)
}

/// `proxy_set_header_map_pairs`: replaces the whole map.
pub(super) fn set_all(guest: &mut Guest<'_>, kind: u32, pointer: u32, length: u32) -> Answer {
    let kind = known(kind)?;
    let bytes = read(guest, pointer, length)?;
    let headers = headers(guest.data_mut(), "proxy_set_header_map_pairs", &bytes);
    change(guest.data_mut(), kind, |map| *map = headers)
}

/// `proxy_get_header_map_size`: bytes of all names and values.
pub(super) fn size(guest: &mut Guest<'_>, kind: u32, out: u32) -> Answer {
    let kind = known(kind)?;
    let bytes = shown(guest.data_mut(), kind).ok_or(Status::BadArgument)?.bytes();
    write_u32(guest, out, u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// `proxy_get_header_map_value`: the first value of a name.
pub(super) fn get(
    guest: &mut Guest<'_>,
    kind: u32,
    name: u32,
    name_length: u32,
    pointer: u32,
    length: u32,
) -> Answer {
    let kind = known(kind)?;
    let name = text(guest, name, name_length)?;
    let map = shown(guest.data_mut(), kind).ok_or(Status::BadArgument)?;
    let value = map.get(&name).ok_or(Status::NotFound)?.to_vec();
    hand_over(guest, &value, pointer, length)
}

/// `proxy_add_header_map_value`: one more value.
pub(super) fn add(
    guest: &mut Guest<'_>,
    kind: u32,
    name: u32,
    name_length: u32,
    value: u32,
    value_length: u32,
) -> Answer {
    let kind = known(kind)?;
    let (name, value) = (text(guest, name, name_length)?, read(guest, value, value_length)?);
    change(guest.data_mut(), kind, |map| map.push(&name, value))
}

/// `proxy_replace_header_map_value`: one value in the place of all.
pub(super) fn replace(
    guest: &mut Guest<'_>,
    kind: u32,
    name: u32,
    name_length: u32,
    value: u32,
    value_length: u32,
) -> Answer {
    let kind = known(kind)?;
    let (name, value) = (text(guest, name, name_length)?, read(guest, value, value_length)?);
    change(guest.data_mut(), kind, |map| map.set(&name, value))
}

/// `proxy_remove_header_map_value`: no value any more.
pub(super) fn remove(guest: &mut Guest<'_>, kind: u32, name: u32, name_length: u32) -> Answer {
    let kind = known(kind)?;
    let name = text(guest, name, name_length)?;
    change(guest.data_mut(), kind, |map| map.remove(&name))
}

/// Headers from a guest's list of pairs; a list that cannot be read is an empty one and a fault.
pub(super) fn headers(state: &mut State, call: &'static str, bytes: &[u8]) -> Headers {
    let pairs = pairs::decode(bytes).unwrap_or_else(|| {
        if !bytes.is_empty() {
            state.faults.push(Fault::Pairs { call });
        }
        Vec::new()
    });
    pairs
        .into_iter()
        .map(|(name, value)| (String::from_utf8_lossy(&name).into_owned(), value))
        .collect()
}

/// The map that a number means.
fn known(kind: u32) -> Answer<MapKind> {
    MapKind::from_number(kind).ok_or(Stop::Status(Status::BadArgument))
}

/// Reads a header's name.
fn text(guest: &Guest<'_>, pointer: u32, length: u32) -> Answer<String> {
    Ok(String::from_utf8_lossy(&read(guest, pointer, length)?).into_owned())
}

/// The map, if the guest can read it now.
fn shown(state: &mut State, kind: MapKind) -> Option<&mut Headers> {
    match kind {
        MapKind::Headers(direction) => {
            let half = state.stream()?.half(direction);
            half.headers_visible.then_some(&mut half.headers)
        }
        MapKind::Trailers(direction) => {
            let half = state.stream()?.half(direction);
            half.trailers.as_mut().filter(|_| half.trailers_visible)
        }
        MapKind::CalloutHeaders => state.answer.as_mut().map(|answer| &mut answer.headers),
        MapKind::CalloutTrailers => state
            .answer
            .as_mut()
            .map(|answer| &mut answer.trailers)
            .filter(|trailers| !trailers.is_empty()),
        MapKind::Grpc => None,
    }
}

/// Changes a map that the guest can change now; the answers to callouts never are.
fn change(state: &mut State, kind: MapKind, edit: impl FnOnce(&mut Headers)) -> Answer {
    if matches!(kind, MapKind::CalloutHeaders | MapKind::CalloutTrailers) {
        return Err(Stop::Status(Status::BadArgument));
    }
    edit(shown(state, kind).ok_or(Status::BadArgument)?);
    if kind == MapKind::Headers(Direction::Request)
        && let Some(stream) = state.stream()
    {
        stream.route_clears += 1;
    }
    Ok(())
}
