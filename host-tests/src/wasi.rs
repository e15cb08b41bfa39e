//! The functions that a `wasm32-wasip1` guest imports from WASI, as a proxy provides them.
//!
//! There are no files, no sockets and no arguments. Standard output is the log at level info,
//! standard error at level error. The clocks are the test's. Random bytes come from a seed.
//! `proc_exit` ends the VM. Whatever else a guest imports is there and answers `ENOSYS`.

use crate::abi::LogLevel;
use crate::memory::{Guest, Stop, index, read, write, write_u32, write_u64};
use crate::state::State;
use wasmtime::{Linker, Result, bail};

/// The WASI module names; the older one is what some toolchains still import.
pub(crate) const MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// Success.
const OK: u32 = 0;
/// No such file descriptor.
const BADF: u32 = 8;
/// A pointer outside the memory.
const FAULT: u32 = 21;
/// An argument that makes no sense.
const INVAL: u32 = 28;
/// No such function.
pub(crate) const NOSYS: u32 = 52;
/// Not supported.
const NOTSUP: u32 = 58;

/// Most random bytes given at once; the proxy's own limit.
const RANDOM_BYTES_MAX: u32 = 64 * 1024;

/// Adds the WASI functions that do something to a linker.
pub(crate) fn define(linker: &mut Linker<State>) -> Result<()> {
    for module in MODULES {
        linker.func_wrap(module, "fd_write", fd_write)?;
        linker.func_wrap(module, "random_get", random_get)?;
        linker.func_wrap(module, "environ_sizes_get", environ_sizes_get)?;
        linker.func_wrap(module, "environ_get", environ_get)?;
        linker.func_wrap(module, "args_sizes_get", args_sizes_get)?;
        linker.func_wrap(module, "args_get", |_: u32, _: u32| OK)?;
        linker.func_wrap(module, "clock_time_get", clock_time_get)?;
        linker.func_wrap(module, "clock_res_get", clock_res_get)?;
        linker.func_wrap(module, "sched_yield", || OK)?;
        linker.func_wrap(module, "fd_prestat_get", |_: u32, _: u32| BADF)?;
        linker.func_wrap(module, "proc_exit", |code: u32| -> Result<()> {
            bail!("the guest called proc_exit({code})")
        })?;
    }
    Ok(())
}

/// WASI's number for the outcome of memory access.
fn errno(outcome: Result<(), Stop>) -> Result<u32> {
    match outcome {
        Ok(()) => Ok(OK),
        Err(Stop::Status(_)) => Ok(FAULT),
        Err(Stop::Trap(error)) => Err(error),
    }
}

/// Writes to standard output or error: one log line, without its last newline.
fn fd_write(mut guest: Guest<'_>, fd: u32, vectors: u32, count: u32, out: u32) -> Result<u32> {
    let level = match fd {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return Ok(BADF),
    };
    let Some(mut text) = gather(&guest, vectors, count) else { return Ok(FAULT) };
    let written = u32::try_from(text.len()).unwrap_or(u32::MAX);
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    if written > 0 {
        guest.data_mut().log(level, &text);
    }
    errno(write_u32(&mut guest, out, written))
}

/// Collects the bytes of a list of vectors: pointer and length, 32 bits each.
fn gather(guest: &Guest<'_>, vectors: u32, count: u32) -> Option<Vec<u8>> {
    let list = read(guest, vectors, count.checked_mul(8)?).ok()?;
    let (numbers, _) = list.as_chunks::<4>();
    let mut text = Vec::new();
    for vector in numbers.chunks(2) {
        if let [pointer, length] = vector {
            let (pointer, length) = (u32::from_le_bytes(*pointer), u32::from_le_bytes(*length));
            text.extend(read(guest, pointer, length).ok()?);
        }
    }
    Some(text)
}

/// Fills memory with bytes from the seeded generator.
fn random_get(mut guest: Guest<'_>, pointer: u32, length: u32) -> Result<u32> {
    if length > RANDOM_BYTES_MAX {
        return Ok(INVAL);
    }
    let mut bytes = Vec::with_capacity(index(length) + 8);
    while bytes.len() < index(length) {
        bytes.extend_from_slice(&guest.data_mut().random().to_le_bytes());
    }
    bytes.truncate(index(length));
    errno(write(&mut guest, pointer, &bytes))
}

/// Every environment variable as `name=value` with a zero byte behind it.
fn environment(guest: &Guest<'_>) -> Vec<Vec<u8>> {
    let variables = &guest.data().config.environment;
    variables.iter().map(|(name, value)| format!("{name}={value}\0").into_bytes()).collect()
}

/// How many environment variables there are, and their bytes together.
fn environ_sizes_get(mut guest: Guest<'_>, count_at: u32, bytes_at: u32) -> Result<u32> {
    let variables = environment(&guest);
    let bytes: usize = variables.iter().map(Vec::len).sum();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    errno(
        write_u32(&mut guest, count_at, number(variables.len()))
            .and_then(|()| write_u32(&mut guest, bytes_at, number(bytes))),
    )
}

/// The environment variables and a list of pointers to them.
fn environ_get(mut guest: Guest<'_>, list_at: u32, bytes_at: u32) -> Result<u32> {
    let (mut list_at, mut bytes_at) = (list_at, bytes_at);
    for variable in environment(&guest) {
        let outcome = write_u32(&mut guest, list_at, bytes_at)
            .and_then(|()| write(&mut guest, bytes_at, &variable));
        if outcome.is_err() {
            return errno(outcome);
        }
        list_at = list_at.saturating_add(4);
        bytes_at = bytes_at.saturating_add(u32::try_from(variable.len()).unwrap_or(u32::MAX));
    }
    Ok(OK)
}

/// There are no arguments.
fn args_sizes_get(mut guest: Guest<'_>, count_at: u32, bytes_at: u32) -> Result<u32> {
    errno(write_u32(&mut guest, count_at, 0).and_then(|()| write_u32(&mut guest, bytes_at, 0)))
}

/// What the test's clocks show: 0 is the wall clock, 1 the monotonic one.
fn clock_time_get(mut guest: Guest<'_>, clock: u32, _precision: u64, out: u32) -> Result<u32> {
    let now = match clock {
        0 => guest.data().time_ns,
        1 => guest.data().monotonic_ns,
        _ => return Ok(NOTSUP),
    };
    errno(write_u64(&mut guest, out, now))
}

/// Both clocks count nanoseconds.
fn clock_res_get(mut guest: Guest<'_>, clock: u32, out: u32) -> Result<u32> {
    if clock > 1 {
        return Ok(NOTSUP);
    }
    errno(write_u64(&mut guest, out, 1))
}
