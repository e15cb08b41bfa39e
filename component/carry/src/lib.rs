//! What both `wasi:http` gates do alike: `component/http` of WASI 0.2, with blocking calls, and
//! `component/middleware` of WASI 0.3, with asynchronous ones.
//!
//! An [`Exchange`] walks a session with whole messages as values and says what it [`Want`]s next;
//! a gate reads, sends and writes them by its own version's calls, and decides nothing.
//! The engine's filter does the same in Envoy, with Envoy's buffers.
//!
//! # What this crate does not do
//! It performs no I/O but to read its [`Settings`], and reads no clock.

mod exchange;
mod message;
mod settings;

pub use jiff::Timestamp;
pub use zonegate_engine::request::Method;
pub use zonegate_engine::session::{Answer, BODY_BYTES_MAX, LookupAnswer, RESPONSE_BYTES_MAX};

pub use self::exchange::{Exchange, Want};
pub use self::message::{Arrived, Got, Header, Sent, broken, late, no_answer, unconfigured};
pub use self::settings::{Behind, Settings};
