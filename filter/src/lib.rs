//! Zonegate as a proxy-wasm filter: callbacks in, steps of a session out.
//!
//! The engine decides; this crate only carries. [`Root`] loads the bundle that Envoy delivers,
//! [`Stream`] walks one request. Headers are held until the decision, and it falls at the end of
//! the stream or at trailers, whichever comes first, because with trailers the body callback
//! never sees an end.
//!
//! # What this crate does not do
//! It knows no policy, no DNS and no provider. It never sees the provider's credential.

#![expect(missing_docs, reason = "proxy_wasm::main! makes an undocumented entry point")]

mod host;
mod metrics;
mod stream;

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType, LogLevel};
use zonegate_engine::bundle::{BUNDLE_BYTES_MAX, Bundle};
use zonegate_engine::session::Room;

use crate::metrics::Metrics;
use crate::stream::Stream;

proxy_wasm::main! {{
    std::panic::set_hook(Box::new(|info| host::log(LogLevel::Critical, &format!("zonegate: {info}"))));
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// One loaded configuration.
#[derive(Debug)]
struct Gate {
    /// The bundle.
    bundle: Rc<Bundle>,
    /// Its metrics.
    metrics: Metrics,
    /// What its streams hold; those of the configuration before have a room of their own.
    room: Rc<Room>,
}

/// The plugin: holds what its streams begin with.
#[derive(Default)]
struct Root {
    /// The current configuration; none until a bundle was accepted.
    gate: Option<Rc<Gate>>,
}

impl Context for Root {}

impl RootContext for Root {
    /// Loads the bundle; refusing one leaves Envoy with the one before.
    ///
    /// It runs on the worker's event loop, so every other request waits for it.
    fn on_configure(&mut self, _size: usize) -> bool {
        let began = host::now();
        let Some(bytes) = host::buffer(BufferType::PluginConfiguration, BUNDLE_BYTES_MAX + 1)
        else {
            host::log(LogLevel::Error, "zonegate: there is no bundle");
            return false;
        };
        match Bundle::load(bytes) {
            Ok(bundle) => {
                host::log(LogLevel::Info, &format!("zonegate: bundle {} is live", bundle.digest));
                let metrics = Metrics::define(bundle.built);
                self.gate =
                    Some(Rc::new(Gate { bundle: Rc::new(bundle), metrics, room: Rc::default() }));
                metrics::loaded(began, host::now());
                true
            }
            Err(problems) => {
                for problem in problems {
                    host::log(LogLevel::Error, &format!("zonegate: {problem}"));
                }
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(self.gate.clone())))
    }
}
