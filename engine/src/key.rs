//! Keys: the text a client presents, and the table that says what is known of each key.
//!
//! A key is `<prefix><id><secret><checksum>` in the alphabet `[A-Za-z0-9_]`:
//!
//! | form  | characters | parts | secret |
//! |-------|-----------:|-------|--------|
//! | long  | 64 | `zgk_`, an id of 12 of `[a-z0-9]`, `_`, 41 secret and 6 checksum characters of base62 | 244.1 bits |
//! | short | 40 | `zgs_`, an id of 6 of `[a-z0-9]`, 27 secret and 3 checksum characters of base62 | 160.7 bits |
//!
//! The prefix lets secret scanners find a leaked key, the id is public and names the key in logs,
//! the checksum tells a typing error from an unknown key (in tools; the filter answers both
//! alike), the lengths are what clients insist on.
//! Only the SHA-256 digest of the whole text is stored. The secret has far more entropy than can
//! be guessed, so a slow password hash would protect nothing and cost every request.

mod entry;
#[cfg(feature = "author")]
mod file;
#[cfg(feature = "author")]
mod lines;
#[cfg(feature = "author")]
mod revoke;
mod row;
mod table;
mod text;

pub use entry::{Digest, Grant, Key};
#[cfg(feature = "author")]
pub use file::{Known, parse, parse_all};
#[cfg(feature = "author")]
pub use revoke::revoke;
pub use table::Keys;
pub use text::{KeyError, KeyForm, KeyText, masked};

#[cfg(feature = "author")]
#[cfg(test)]
mod tests;
