//! The functions that a guest imports from `env`.
//!
//! Each is a plain function over the guest; the table below gives it its name. Around each call
//! two things happen: while the guest's start functions run only logging is allowed (anything
//! else ends the VM, as in the proxy), and every answer other than `Ok` is noted.

mod bodies;
mod maps;
mod misc;
mod streams;

use crate::abi::Status;
use crate::memory::{Answer, Guest, Stop};
use crate::state::State;
use wasmtime::{Linker, Result, bail};

/// Defines one import: its name, its function and the types of its arguments.
macro_rules! import {
    ($linker:expr, $name:literal, $function:path $(, $argument:ident: $type:ty)*) => {
        $linker.func_wrap(
            "env",
            $name,
            |mut guest: Guest<'_>, $($argument: $type),*| -> Result<u32> {
                allow(&guest, $name)?;
                let answer = $function(&mut guest $(, $argument)*);
                settle(&mut guest, $name, answer)
            },
        )?
    };
}

/// Adds every function of `env` to a linker.
pub(crate) fn define(linker: &mut Linker<State>) -> Result<()> {
    define_maps(linker)?;
    define_bodies(linker)?;
    define_streams(linker)?;
    define_data(linker)?;
    define_metrics(linker)
}

/// Adds the functions of header maps.
fn define_maps(linker: &mut Linker<State>) -> Result<()> {
    import!(linker, "proxy_get_header_map_pairs", maps::get_all, k: u32, p: u32, l: u32);
    import!(linker, "proxy_set_header_map_pairs", maps::set_all, k: u32, p: u32, l: u32);
    import!(linker, "proxy_get_header_map_size", maps::size, k: u32, out: u32);
    import!(linker, "proxy_get_header_map_value", maps::get,
        k: u32, n: u32, nl: u32, p: u32, l: u32);
    import!(linker, "proxy_add_header_map_value", maps::add,
        k: u32, n: u32, nl: u32, v: u32, vl: u32);
    import!(linker, "proxy_replace_header_map_value", maps::replace,
        k: u32, n: u32, nl: u32, v: u32, vl: u32);
    import!(linker, "proxy_remove_header_map_value", maps::remove, k: u32, n: u32, nl: u32);
    Ok(())
}

/// Adds the functions of buffers.
fn define_bodies(linker: &mut Linker<State>) -> Result<()> {
    import!(linker, "proxy_get_buffer_bytes", bodies::get,
        k: u32, s: u32, c: u32, p: u32, l: u32);
    import!(linker, "proxy_get_buffer_status", bodies::status, k: u32, l: u32, f: u32);
    import!(linker, "proxy_set_buffer_bytes", bodies::set,
        k: u32, s: u32, c: u32, p: u32, l: u32);
    Ok(())
}

/// Adds the functions that steer streams and send callouts.
fn define_streams(linker: &mut Linker<State>) -> Result<()> {
    import!(linker, "proxy_continue_stream", streams::go_on, d: u32);
    import!(linker, "proxy_close_stream", streams::close, d: u32);
    import!(linker, "proxy_send_local_response", streams::reply,
        status: u32, d: u32, dl: u32, b: u32, bl: u32, h: u32, hl: u32, grpc: i32);
    import!(linker, "proxy_set_effective_context", streams::set_effective, id: u32);
    import!(linker, "proxy_done", streams::done);
    import!(linker, "proxy_http_call", streams::http_call,
        c: u32, cl: u32, h: u32, hl: u32, b: u32, bl: u32, t: u32, tl: u32, ms: u32, out: u32);
    import!(linker, "proxy_get_status", streams::call_status, code: u32, p: u32, l: u32);
    Ok(())
}

/// Adds properties, shared data, time, logs and foreign functions.
fn define_data(linker: &mut Linker<State>) -> Result<()> {
    import!(linker, "proxy_get_property", misc::get_property, n: u32, nl: u32, p: u32, l: u32);
    import!(linker, "proxy_set_property", misc::set_property, n: u32, nl: u32, v: u32, vl: u32);
    import!(linker, "proxy_get_shared_data", misc::get_shared,
        n: u32, nl: u32, p: u32, l: u32, cas: u32);
    import!(linker, "proxy_set_shared_data", misc::set_shared,
        n: u32, nl: u32, v: u32, vl: u32, cas: u32);
    import!(linker, "proxy_log", misc::log, level: u32, p: u32, l: u32);
    import!(linker, "proxy_get_log_level", misc::log_level, out: u32);
    import!(linker, "proxy_get_current_time_nanoseconds", misc::time, out: u32);
    import!(linker, "proxy_set_tick_period_milliseconds", misc::set_tick, ms: u32);
    import!(linker, "proxy_call_foreign_function", misc::foreign,
        n: u32, nl: u32, a: u32, al: u32, p: u32, l: u32);
    Ok(())
}

/// Adds the functions of metrics.
fn define_metrics(linker: &mut Linker<State>) -> Result<()> {
    import!(linker, "proxy_define_metric", misc::define_metric, k: u32, n: u32, nl: u32, out: u32);
    import!(linker, "proxy_increment_metric", misc::increment_metric, id: u32, by: i64);
    import!(linker, "proxy_record_metric", misc::record_metric, id: u32, value: u64);
    import!(linker, "proxy_get_metric", misc::get_metric, id: u32, out: u32);
    Ok(())
}

/// Functions of the ABI that this host does not have: queues between VMs and gRPC.
///
/// A guest that imports them loads; calling them gives `Unimplemented`.
pub(crate) const ABSENT: &[&str] = &[
    "proxy_register_shared_queue",
    "proxy_resolve_shared_queue",
    "proxy_dequeue_shared_queue",
    "proxy_enqueue_shared_queue",
    "proxy_grpc_call",
    "proxy_grpc_stream",
    "proxy_grpc_send",
    "proxy_grpc_close",
    "proxy_grpc_cancel",
];

/// Ends the VM where the guest's start functions call what needs a context.
fn allow(guest: &Guest<'_>, call: &'static str) -> Result<()> {
    if guest.data().starting && call != "proxy_log" {
        bail!("{call} was called by a start function; only logging is allowed there");
    }
    Ok(())
}

/// Turns an answer into the number that the guest sees.
fn settle(guest: &mut Guest<'_>, call: &'static str, answer: Answer) -> Result<u32> {
    match answer {
        Ok(()) => Ok(Status::Ok.number()),
        Err(Stop::Status(status)) => {
            guest.data_mut().refuse(call, status);
            Ok(status.number())
        }
        Err(Stop::Trap(error)) => Err(error),
    }
}
