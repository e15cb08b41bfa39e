//! The zonegate command.
fn main() {}
