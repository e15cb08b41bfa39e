//! Tests of the simulator itself, with small guests written in WebAssembly's text form.
//!
//! Each guest does one thing; the tests say what a real proxy makes of it.

#[cfg(test)]
mod callouts;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod guest;
#[cfg(test)]
mod replies;
#[cfg(test)]
mod surroundings;
