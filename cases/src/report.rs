//! Running tables on a gate, and what is said about it afterwards.

use std::fmt;

use serde::Serialize;

use crate::case::Case;
use crate::check::{Difference, check};
use crate::coverage::Coverage;
use crate::gate::Gate;
use crate::parallel;
use crate::table::Tables;

/// How many cases a thread takes at once.
const BLOCK: usize = 16;

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

/// What makes the gates of a parallel run, one for each thread.
pub trait Runner: Sync {
    /// The gate.
    type Gate: Gate;
    /// What is left of a gate at the end.
    type Left: Send;

    /// A gate for one thread.
    fn gate(&self) -> Self::Gate;

    /// What is left of it when all cases have run.
    fn end(&self, gate: Self::Gate) -> Self::Left;

    /// A case has run; threads say so as they go.
    fn ran(&self) {}
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
    let mut report = Report::new(gate.name());
    for case in tables.cases().filter(|case| wanted(case)) {
        let came = judge(gate, case, &mut report.coverage);
        report.add(case, came);
    }
    report
}

/// Runs the cases that `wanted` chooses with so many `workers` at once.
///
/// The report is the same as that of [`run_filtered`], in the same order.
pub fn run_parallel<R: Runner>(
    runner: &R,
    tables: &Tables,
    workers: usize,
    wanted: impl Fn(&Case) -> bool,
) -> (Report, Vec<R::Left>) {
    let cases: Vec<&Case> = tables.cases().filter(|case| wanted(case)).collect();
    let (came, ended) = parallel::each(&cases, workers, BLOCK, &Running(runner));
    let name = ended.first().map(|(name, ..)| *name).unwrap_or_default();
    let mut report = Report::new(name);
    for (case, came) in cases.into_iter().zip(came) {
        report.add(case, came);
    }
    let mut left = Vec::new();
    for (_, coverage, one) in ended {
        report.coverage.merge(coverage);
        left.push(one);
    }
    (report, left)
}

/// Running cases as work for threads.
struct Running<'r, R>(&'r R);

impl<R: Runner> parallel::Work<&Case> for Running<'_, R> {
    type State = (R::Gate, Coverage);
    type Done = Came;
    type Left = (&'static str, Coverage, R::Left);

    fn begin(&self) -> Self::State {
        (self.0.gate(), Coverage::default())
    }

    fn each(&self, (gate, coverage): &mut Self::State, case: &&Case) -> Came {
        let came = judge(gate, case, coverage);
        self.0.ran();
        came
    }

    fn end(&self, (gate, coverage): Self::State) -> Self::Left {
        (gate.name(), coverage, self.0.end(gate))
    }
}

/// What came of one case.
enum Came {
    /// It came out as its row says.
    Passed,
    /// It did not.
    Failed(Vec<Difference>),
    /// It did not run, and why.
    Skipped(String),
}

/// Runs one case; what it covers counts where it passes.
fn judge(gate: &mut dyn Gate, case: &Case, coverage: &mut Coverage) -> Came {
    if let Some(why) = case.skip.get(gate.name()) {
        return Came::Skipped(why.clone());
    }
    match gate.run(case) {
        Err(skip) => Came::Skipped(skip.why),
        Ok(outcome) => {
            let differences = check(case, &outcome, gate.name(), gate.unseen());
            if !differences.is_empty() {
                return Came::Failed(differences);
            }
            coverage.add(case, &outcome);
            gate.passed();
            Came::Passed
        }
    }
}

impl Report {
    /// Of nothing yet.
    fn new(runner: &str) -> Report {
        Report {
            runner: runner.to_owned(),
            passed: 0,
            failed: Vec::new(),
            skipped: Vec::new(),
            coverage: Coverage::default(),
        }
    }

    /// Notes what came of one case.
    fn add(&mut self, case: &Case, came: Came) {
        let (place, name) = (case.place(), case.name.clone());
        match came {
            Came::Passed => self.passed += 1,
            Came::Failed(differences) => self.failed.push(Failed { place, name, differences }),
            Came::Skipped(why) => self.skipped.push(Skipped { place, name, why }),
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
