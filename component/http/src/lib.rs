//! Zonegate as a `wasi:http` gate: a component that a host such as `wasmtime serve` runs, in front
//! of one provider.
//!
//! Requests come in by `wasi:http/incoming-handler`, and what a session allows goes on by
//! `wasi:http/outgoing-handler`. The engine decides; this crate only carries, as the filter does
//! in Envoy. Its settings are environment variables, listed in [`settings`].
//!
//! # What is different from Envoy
//! The gate itself adds the real credential, so it knows it. And `wasi:http` does not tell the
//! client's address: the settings say where it stands, and without them every request is refused.
#![cfg(target_family = "wasm")]

mod carry;
mod message;
mod settings;

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

wasip2::http::proxy::export!(Gate);

/// The component.
#[derive(Debug)]
pub struct Gate;

impl Guest for Gate {
    /// One request, from its headers to its answer.
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        message::answer(out, &carry::handle(request));
    }
}
