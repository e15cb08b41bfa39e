//! The decision tables, run on a real Envoy with the built filter, in front of a real PowerDNS and of
//! stand-ins of the providers in the cloud.
//!
//! Each row's bytes go over a TCP connection of their own to the shipped configuration. The time is
//! set by a clock shim in Envoy, the client's address by a trusted hop. What was decided is read
//! from the audit log; what the provider got is written down by a relay between Envoy and PowerDNS.
//!
//! PowerDNS answers wherever it can: where a row says what a lookup finds, PowerDNS's zones are made
//! so. Where a row makes up an answer that a healthy PowerDNS would not give, or compares what
//! becomes of a certain answer, the relay gives that answer; those rows are counted and listed, and
//! where the decision does not hang on the answer they go to PowerDNS as well. The rows that this
//! runner cannot express are counted and listed too.
//!
//! Rows of providers in the cloud go through another Envoy, with a listener and a relay for each
//! account. What a row says of lookups and of the provider's answer, the relay answers, exactly; all
//! else goes to the provider's stand-in, which must have a route for whatever the gate lets through.
//! A provider without a stand-in, as a new one may be, is listed.
//!
//! It needs what `make setup` and `make build` make, and runs with
//! `cargo test -p zonegate-host-tests --test envoy_tables -- --nocapture`.

#[cfg(test)]
#[path = "shared/audit.rs"]
mod audit;
#[cfg(test)]
#[path = "filter/built.rs"]
mod built;
#[cfg(test)]
#[path = "envoy_runner/http.rs"]
mod http;
#[cfg(test)]
#[path = "envoy_runner/lab.rs"]
mod lab;
#[cfg(test)]
#[path = "envoy_runner/record.rs"]
mod record;
#[cfg(test)]
#[path = "envoy_runner/relay.rs"]
mod relay;
#[cfg(test)]
#[path = "envoy_runner/runner.rs"]
mod runner;
#[cfg(test)]
#[path = "envoy_runner/state.rs"]
mod state;
#[cfg(test)]
#[path = "envoy_runner/target.rs"]
mod target;

use runner::EnvoyGate;
use zonegate_cases::Tables;

#[test]
fn every_row_comes_out_the_same_in_envoy() {
    let tables = Tables::load_dir(built::project().join("policies/cases")).unwrap_or_else(|all| {
        let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
        panic!("the tables cannot be read:\n{}", lines.join("\n"))
    });
    let gate = &mut EnvoyGate::new(&tables);
    gate.run_slow_rows(&tables);
    let report = zonegate_cases::run(gate, &tables);
    for skipped in &report.skipped {
        println!("{skipped}");
    }
    let counts = gate.counts();
    for (place, why) in &counts.made_up {
        println!("made up {place}: {why}");
    }
    for (provider, count) in &counts.scripted {
        println!("{count} rows of {provider} say what the provider answers");
    }
    for provider in gate.without_stand_in() {
        println!("there is no stand-in of {provider}: what goes on to it is answered 404");
    }
    for (who, count) in &counts.answerers {
        println!("{count} requests were answered {who}");
    }
    println!("{} rows with made-up answers went to the provider as well", counts.repeated);
    println!("{} lookups were answered by PowerDNS", counts.lookups);
    println!("{} rows sent two keys, of which Envoy made one that is malformed", counts.joined);
    println!("{}", report.summary());
    assert!(report.is_success(), "\n{report}");
    let rows = report.passed + report.failed.len() + report.skipped.len();
    assert_eq!(rows, tables.cases().count(), "every row is run or listed");
    assert!(counts.lookups > 0, "no lookup reached PowerDNS");
    let powerdns = counts.answerers.get("by PowerDNS").copied().unwrap_or_default();
    assert!(powerdns > 0, "no row reached PowerDNS");
}
