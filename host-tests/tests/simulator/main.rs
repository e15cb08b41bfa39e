//! Tests of the simulator itself, with small guests written in WebAssembly's text form.
//!
//! Each guest does one thing; the tests say what a real proxy makes of it.

mod callouts;
mod failures;
mod flow;
mod guest;
mod replies;
mod surroundings;
