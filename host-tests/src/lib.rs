//! A proxy-wasm host for tests: the ABI 0.2.1 with its state, on wasmtime, as Envoy behaves.
//!
//! A filter is loaded as the `.wasm` that a proxy would load and is shown requests; a test looks
//! at outcomes: what was forwarded, what the client got, which filter state, metrics and logs
//! there are, whether anything hung. No call order is scripted.
//!
//! ```no_run
//! use zonegate_host_tests::{Answer, Host, HostConfig, Module, Request, Upstream};
//!
//! let module = Module::load("filter.wasm")?;
//! let host = Host::new(&module, HostConfig::new("{}"))?;
//! let outcome = host.exchange(
//!     &Request::new("GET", "/").header("x-api-key", "secret"),
//!     |_callout| Answer::Never,
//!     |_forwarded| Upstream::new(200, "hello"),
//! );
//! assert_eq!(outcome.status(), 200);
//! assert!(outcome.problems().is_empty());
//! # Ok::<(), zonegate_host_tests::Refused>(())
//! ```
//!
//! Two levels:
//! - [`Host::exchange`] runs a whole request, delivered in any of the ways of [`Delivery`];
//! - [`Host::stream`] gives a [`Stream`] that is fed part by part, several at once if need be.
//!
//! What is like Envoy: order of callbacks; pausing at headers with and without
//! `allow_on_headers_stop_iteration`; cumulative body sizes while held; trailers, after which no
//! body callback has the end mark; local replies (deferred, run through the response callbacks,
//! nothing after them); callouts that belong to the root context; when maps are in reach; status
//! codes; joined and separate headers; a trap that fails every later stream with 503, and leaves
//! a stream hanging if it happened in a callout's answer; limits on pairs, random bytes, memory.
//!
//! What is not there: gRPC, shared queues, TCP filters, metadata callbacks, capability
//! restriction. A guest that imports those functions loads and gets `Unimplemented`.
//!
//! A guest's instructions are counted: a loop without end is a [`Trap`], and
//! [`Outcome::cost`] is a cost figure that is the same on every machine.

mod abi;
mod buffers;
mod callouts;
mod config;
mod exchange;
mod facts;
mod fault;
mod flow;
mod half;
mod host;
mod imports;
mod maps;
mod memory;
mod metrics;
mod module;
mod pairs;
mod properties;
mod shared;
mod state;
mod stream;
mod vm;
mod wasi;

pub use abi::{Direction, LogLevel, Status};
pub use callouts::{Callout, CalloutResponse};
pub use config::{ForeignFunction, HostConfig, START_TIME_NS};
pub use exchange::{Answer, Delivery, Outcome, Request, Upstream};
pub use fault::{Fault, LogLine, Reason, Refused, RefusedCall, Trap};
pub use host::Host;
pub use maps::Headers;
pub use metrics::Metric;
pub use module::Module;
pub use properties::Properties;
pub use shared::SharedData;
pub use stream::{Forwarded, Response, Stream};
