//! The component's exports. Only a component has someone to export to, and other linkers know no
//! symbols of this form.
#![expect(unsafe_code, reason = "generated: the canonical ABI passes addresses")]

use crate::{Component, bindings};

bindings::export!(Component with_types_in bindings);
