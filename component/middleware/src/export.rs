//! The exported handler. What follows is generated, and the only unsafe code of this crate.
#![expect(unsafe_code, reason = "generated: the calling convention of components")]

use crate::{Gate, bindings};

bindings::export!(Gate with_types_in bindings);
