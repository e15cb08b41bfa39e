//! The engine as a WebAssembly component, for hosts that are not Envoy.
//!
//! The interface is `wit/policy.wit`, and nothing here is more than its conversion: a [`Loaded`]
//! bundle and a [`Walk`] are the engine's own bundle and session, with typed errors in front for
//! calls that come at the wrong time.
//! Time and addresses are arguments, so the component imports nothing.
//!
//! # What this crate does not do
//! It decides nothing, keeps nothing between sessions but the bundle's own caches, and never sees
//! the provider's credential.

mod bindings;
mod bundle;
mod convert;
mod explain;
#[cfg(target_family = "wasm")]
mod export;
mod session;

pub use crate::bundle::Loaded;
pub use crate::session::Walk;

use zonegate_engine::bundle::BUNDLE_BYTES_MAX;
use zonegate_engine::session::{BODY_BYTES_MAX, HEADER_BYTES_MAX, RESPONSE_BYTES_MAX};

use crate::bindings::exports::zonegate::policy::gate::{Guest, Limits};

/// The component.
#[derive(Debug)]
pub struct Component;

impl Guest for Component {
    type Bundle = Loaded;
    type Session = Walk;

    fn get_limits() -> Limits {
        let bytes = |bytes| u64::try_from(bytes).unwrap_or(u64::MAX);
        Limits {
            bundle_bytes_max: bytes(BUNDLE_BYTES_MAX),
            header_bytes_max: bytes(HEADER_BYTES_MAX),
            body_bytes_max: bytes(BODY_BYTES_MAX),
            response_bytes_max: bytes(RESPONSE_BYTES_MAX),
        }
    }
}
