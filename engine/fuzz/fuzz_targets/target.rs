//! Any bytes as a request target: never a panic, and what goes on is what was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zonegate_engine::request::{Target, encode_query};

fuzz_target!(|raw: &[u8]| {
    let Ok(target) = Target::parse(raw) else { return };
    assert!(raw.starts_with(b"/"));
    for segment in target.segments() {
        assert!(!matches!(segment.as_str(), "" | "." | ".."));
        assert!(segment.chars().all(|c| matches!(c, ' '..='~') && !r"/\%?#;".contains(c)));
        // A `=` stands there as it was written: no escape was decoded to one.
        assert!(!segment.contains('=') || raw.contains(&b'='));
    }
    for (key, value) in target.query() {
        assert!(!key.is_empty() && !key.chars().chain(value.chars()).any(char::is_control));
    }
    let written = format!("{}?{}", target.path(), encode_query(target.query()));
    assert!(written.bytes().all(|byte| byte.is_ascii_graphic()));
    // Escapes that become necessary can make it longer than what is read at all.
    if written.len() <= 8 * 1024 {
        assert_eq!(Target::parse(written.as_bytes()).as_ref(), Ok(&target));
    }
});
