//! The decision tables, run on the built filter.
//!
//! The host has the shipped policies as the bundle that `zonegate bundle` makes; rows with lookups
//! get one of their own. Each row is delivered whole, byte by byte, split at odd places, with
//! trailers, and with an empty last part; every delivery must come out as the row says. Rows that
//! this runner cannot express are listed with the reason.

#[cfg(test)]
#[path = "shared/audit.rs"]
mod audit;
#[cfg(test)]
#[path = "filter/built.rs"]
mod built;
#[cfg(test)]
#[path = "filter/bundle.rs"]
mod bundle;
#[cfg(test)]
#[path = "shared/dice.rs"]
mod dice;
#[cfg(test)]
#[path = "filter/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "filter/life.rs"]
mod life;
#[cfg(test)]
#[path = "filter/runner.rs"]
mod runner;
#[cfg(test)]
#[path = "shared/tables.rs"]
mod shipped;

use runner::FilterGate;
use shipped::tables;
use std::collections::BTreeMap;

#[test]
fn every_row_comes_out_the_same_in_the_filter() {
    let gate = &mut FilterGate::new();
    let report = zonegate_cases::run(gate, tables());
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for skipped in &report.skipped {
        *reasons.entry(&skipped.why).or_default() += 1;
    }
    for (why, count) in reasons {
        println!("{count} rows skipped: {why}");
    }
    println!("{}; {} deliveries", report.summary(), gate.deliveries());
    println!("the costliest callback took {}", gate.costliest());
    assert!(report.is_success(), "\n{report}");
    assert!(
        gate.deliveries() > 2 * report.passed,
        "rows must be delivered in several ways: {} of {} rows",
        gate.deliveries(),
        report.passed
    );
}
