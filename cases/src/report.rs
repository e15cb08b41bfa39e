//! Running tables on a gate, and what is said about it afterwards.

use std::fmt;

use serde::Serialize;

use crate::case::Case;
use crate::check::{Difference, check};
use crate::coverage::Coverage;
use crate::gate::Gate;
use crate::table::Tables;

/// What came of running tables.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The runner.
    pub runner: String,
    /// How many cases came out as their rows say.
    pub passed: usize,
    /// The cases that did not.
    pub failed: Vec<Failed>,
    /// The cases that this runner cannot run.
    pub skipped: Vec<Skipped>,
    /// What the passed cases cover.
    pub coverage: Coverage,
}

/// A case that came out otherwise than its row says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Where it stands: `file:line`.
    pub place: String,
    /// Its name.
    pub name: String,
    /// What differs; never empty.
    pub differences: Vec<Difference>,
}

/// A case that a runner cannot run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Where it stands: `file:line`.
    pub place: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
}

/// Runs every case of every table.
pub fn run(gate: &mut dyn Gate, tables: &Tables) -> Report {
    run_filtered(gate, tables, |_| true)
}

/// Runs the cases that `wanted` chooses.
pub fn run_filtered(
    gate: &mut dyn Gate,
    tables: &Tables,
    wanted: impl Fn(&Case) -> bool,
) -> Report {
    let mut report = Report {
        runner: gate.name().to_owned(),
        passed: 0,
        failed: Vec::new(),
        skipped: Vec::new(),
        coverage: Coverage::default(),
    };
    for case in tables.cases().filter(|case| wanted(case)) {
        report.add(gate, case);
    }
    report
}

impl Report {
    /// Runs one case.
    fn add(&mut self, gate: &mut dyn Gate, case: &Case) {
        let (place, name) = (case.place(), case.name.clone());
        if let Some(why) = case.skip.get(&self.runner) {
            self.skipped.push(Skipped { place, name, why: why.clone() });
            return;
        }
        match gate.run(case) {
            Err(skip) => self.skipped.push(Skipped { place, name, why: skip.why }),
            Ok(outcome) => {
                let differences = check(case, &outcome, &self.runner, gate.unseen());
                if differences.is_empty() {
                    self.passed += 1;
                    self.coverage.add(case, &outcome);
                } else {
                    self.failed.push(Failed { place, name, differences });
                }
            }
        }
    }

    /// Whether some case ran and none failed.
    pub fn is_success(&self) -> bool {
        self.failed.is_empty() && self.passed > 0
    }

    /// Counts in one line: `38 passed, 1 failed, 2 skipped (engine)`.
    pub fn summary(&self) -> String {
        let none = if self.passed + self.failed.len() == 0 { "no case ran: " } else { "" };
        format!(
            "{none}{} passed, {} failed, {} skipped ({})",
            self.passed,
            self.failed.len(),
            self.skipped.len(),
            self.runner
        )
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "FAIL {} {}", self.place, self.name)?;
        self.differences.iter().try_for_each(|difference| difference.fmt(f))
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "skip {} {}: {}", self.place, self.name, self.why)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for skipped in &self.skipped {
            writeln!(f, "{skipped}")?;
        }
        for failed in &self.failed {
            writeln!(f, "{failed}")?;
        }
        f.write_str(&self.summary())
    }
}
