//! The engine as a component, from outside: a host on wasmtime that links nothing in.
//!
//! Every decision table runs through it; what a host does wrong is a typed error; nothing that a
//! client, a provider or a careless host sends makes it trap; and it imports nothing.

#[cfg(test)]
#[path = "component/again.rs"]
mod again;
#[cfg(test)]
#[path = "shared/audit.rs"]
mod audit;
#[cfg(test)]
#[path = "component/bad.rs"]
mod bad;
#[cfg(test)]
#[expect(dead_code, reason = "the filter is other tests' business")]
#[path = "filter/built.rs"]
mod built;
#[cfg(test)]
#[path = "shared/dice.rs"]
mod dice;
#[cfg(test)]
#[path = "component/host.rs"]
mod host;
#[cfg(test)]
#[path = "component/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "component/life.rs"]
mod life;
#[cfg(test)]
#[path = "component/runner.rs"]
mod runner;
#[cfg(test)]
#[path = "shared/tables.rs"]
mod shipped;

use shipped::tables;
use std::collections::BTreeMap;

/// Bytes that a component may have.
const COMPONENT_BYTES_MAX: usize = 4 * 1024 * 1024;

#[test]
fn every_row_comes_out_the_same_in_the_component() {
    let gate = &mut runner::ComponentGate::new();
    let report = zonegate_cases::run(gate, tables());
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for skipped in &report.skipped {
        *reasons.entry(&skipped.why).or_default() += 1;
    }
    for (why, count) in reasons {
        println!("{count} rows skipped: {why}");
    }
    println!("{}", report.summary());
    assert!(report.is_success(), "\n{report}");
    assert!(report.passed > 1000, "hardly any row ran: {}", report.summary());
}

#[test]
fn the_component_imports_nothing_and_exports_the_gate() {
    let names = |items: Vec<String>| items.join("\n");
    let (imports, exports) = host::interfaces();
    assert_eq!(names(imports), "", "any host can run it, without WASI");
    assert_eq!(names(exports), "zonegate:policy/gate@0.1.0");
}

#[test]
fn the_component_is_small() {
    let bytes = std::fs::read(host::component()).unwrap().len();
    println!("the component has {bytes} bytes");
    assert!(bytes < COMPONENT_BYTES_MAX, "{bytes} bytes, {COMPONENT_BYTES_MAX} are allowed");
}
