//! The exported handler. What follows is generated, and the only unsafe code of this crate.
#![expect(unsafe_code, reason = "generated: the calling convention of components")]

use crate::{Service, bindings};

bindings::export!(Service with_types_in bindings);
