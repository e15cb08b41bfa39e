//! Reading and writing the guest's memory.
//!
//! A host function gets pointers and lengths. Every access is checked: what lies outside is the
//! status `InvalidMemoryAccess`, never a panic. Bytes that the guest asked for are put into memory
//! that the guest's own allocator gives (`malloc`, or `proxy_on_memory_allocate`).

use crate::abi::Status;
use crate::state::State;
use wasmtime::Caller;

/// Why a host function did not succeed.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The guest gets a status.
    Status(Status),
    /// The guest traps, because something it was called for trapped.
    Trap(wasmtime::Error),
}

impl From<Status> for Stop {
    /// A status for the guest.
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// What a host function gives.
pub(crate) type Answer<T = ()> = Result<T, Stop>;

/// The host side of a call by the guest.
pub(crate) type Guest<'a> = Caller<'a, State>;

/// Access outside the guest's memory.
const OUTSIDE: Stop = Stop::Status(Status::InvalidMemoryAccess);

/// A guest's number as an index.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Reads bytes.
pub(crate) fn read(guest: &Guest<'_>, pointer: u32, length: u32) -> Answer<Vec<u8>> {
    let memory = guest.data().memory.ok_or(OUTSIDE)?;
    let start = index(pointer);
    let end = start.checked_add(index(length)).ok_or(OUTSIDE)?;
    memory.data(guest).get(start..end).map(<[u8]>::to_vec).ok_or(OUTSIDE)
}

/// Writes bytes.
pub(crate) fn write(guest: &mut Guest<'_>, pointer: u32, bytes: &[u8]) -> Answer {
    let memory = guest.data().memory.ok_or(OUTSIDE)?;
    memory.write(guest, index(pointer), bytes).map_err(|_| OUTSIDE)
}

/// Writes a 32-bit number.
pub(crate) fn write_u32(guest: &mut Guest<'_>, pointer: u32, number: u32) -> Answer {
    write(guest, pointer, &number.to_le_bytes())
}

/// Writes a 64-bit number.
pub(crate) fn write_u64(guest: &mut Guest<'_>, pointer: u32, number: u64) -> Answer {
    write(guest, pointer, &number.to_le_bytes())
}

/// Copies bytes into memory that the guest allocates, and tells where and how many.
///
/// No bytes need no memory: the guest gets a null pointer.
pub(crate) fn hand_over(
    guest: &mut Guest<'_>,
    bytes: &[u8],
    pointer_at: u32,
    length_at: u32,
) -> Answer {
    let length = u32::try_from(bytes.len()).map_err(|_| OUTSIDE)?;
    let mut pointer = 0;
    if length > 0 {
        let malloc = guest.data().malloc.clone().ok_or(OUTSIDE)?;
        pointer = malloc.call(&mut *guest, length).map_err(Stop::Trap)?;
        if pointer == 0 {
            return Err(OUTSIDE);
        }
        write(guest, pointer, bytes)?;
    }
    write_u32(guest, pointer_at, pointer)?;
    write_u32(guest, length_at, length)
}
