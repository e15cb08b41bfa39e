//! What the built filter asks of its host, and how large it is.
//!
//! The list of imports is a promise: Envoy's capability restriction can be set from it, and a
//! dependency that suddenly wants files or sockets is seen here.

#[cfg(test)]
#[path = "filter/built.rs"]
mod built;

use std::collections::BTreeSet;
use zonegate_host_tests::Module;

/// Bytes that a filter may have.
const FILTER_BYTES_MAX: usize = 4 * 1024 * 1024;

#[test]
fn the_filter_imports_exactly_what_is_listed() {
    let module = Module::load(built::filter()).unwrap();
    let file = built::project().join("host-tests/imports.txt");
    let text = std::fs::read_to_string(&file).unwrap();
    let listed: BTreeSet<&str> =
        text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let imports: BTreeSet<&str> = module.imports().iter().map(String::as_str).collect();
    let lines = |sign: &str, names: Vec<&&str>| {
        names.iter().fold(String::new(), |lines, name| lines + "\n" + sign + name)
    };
    let more = lines("+", imports.difference(&listed).collect());
    let fewer = lines("-", listed.difference(&imports).collect());
    assert!(
        more.is_empty() && fewer.is_empty(),
        "the filter's imports have changed; if they should, edit {}:{more}{fewer}",
        file.display()
    );
}

#[test]
fn the_filter_is_small() {
    let bytes = Module::load(built::filter()).unwrap().bytes();
    assert!(
        bytes <= FILTER_BYTES_MAX,
        "the filter has {bytes} bytes, {FILTER_BYTES_MAX} are allowed: every worker of a proxy \
         compiles it at start"
    );
}
