//! What a worker does with a bundle before its first request: time and memory, as WebAssembly too.
//!
//! `BUNDLE` names a bundle (`zonegate bundle --bare`); docs/performance.md says how to run it in V8.
//! Memory is what the module has of its host, so it is only known there.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use zonegate_engine::bundle::Bundle;

/// How often it is loaded; as in a reload, the bundle before is dropped when the next is there.
const ROUNDS: usize = 12;

/// Bytes of memory that this module has.
fn memory() -> usize {
    #[cfg(target_arch = "wasm32")]
    {
        core::arch::wasm32::memory_size(0) << 16
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        0
    }
}

/// Loads a bundle again and again, and prints.
fn main() {
    let Ok(path) = std::env::var("BUNDLE") else {
        println!("BUNDLE names no bundle: there is nothing to load");
        return;
    };
    let mut best = Duration::MAX;
    let mut bundle = None;
    let mut said = Vec::new();
    for round in 0..ROUNDS {
        let bytes = std::fs::read(&path).unwrap();
        let size = bytes.len();
        let start = Instant::now();
        let next = Bundle::load(black_box(bytes)).unwrap();
        best = start.elapsed().min(best);
        bundle = Some(next);
        if round == 0 {
            said.push(format!("bundle {size} B, after start {} KiB", memory() >> 10));
        }
    }
    let keys = bundle.as_ref().map(|bundle| bundle.keys.len());
    println!("{}, after {ROUNDS} loads {} KiB", said.concat(), memory() >> 10);
    println!("{} keys: {best:.2?}", keys.unwrap_or_default());
}
