//! The solver: a program of its own that Cedar's symbolic compiler speaks SMT-LIB with.
//!
//! Nothing of it is linked or shipped. `$CVC5`, or `cvc5` on the path, is started once for each
//! worker and answers one query after the other; a query that takes too long is answered with
//! "unknown", by the solver's own clock.

use std::path::PathBuf;
use std::time::Duration;

use cedar_policy_symcc::solver::LocalSolver;

/// The environment variable that names the solver.
const VARIABLE: &str = "CVC5";
/// Its usual name.
const PROGRAM: &str = "cvc5";

/// What to do where there is no solver.
pub(crate) const INSTALL: &str = "\
Proofs are found by the solver cvc5 (https://cvc5.github.io), 1.0.3 or later, which is not part of zonegate:
  Debian 12, Ubuntu 24.04 and later:  apt install cvc5
  elsewhere: unpack a release of https://github.com/cvc5/cvc5/releases and put bin/cvc5 on the
  path, or name it: CVC5=/opt/cvc5/bin/cvc5 zonegate prove";

/// Where the solver is, and how long it may think.
#[derive(Clone, Debug)]
pub(crate) struct Solver {
    /// The program.
    program: PathBuf,
    /// The longest that it thinks about one query.
    limit: Duration,
}

impl Solver {
    /// Finds the solver; the error says how to get it.
    pub(crate) fn find(limit: Duration) -> Result<Solver, String> {
        let named = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let missing = |what: String| format!("{what}.\n{INSTALL}");
        let program = match named {
            Some(path) => PathBuf::from(path),
            None => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let found = std::env::split_paths(&path).map(|dir| dir.join(PROGRAM));
                { found }
                    .find(|file| file.is_file())
                    .ok_or_else(|| missing(format!("there is no program `{PROGRAM}`")))?
            }
        };
        if !program.is_file() {
            let program = program.display();
            return Err(missing(format!("{VARIABLE} names `{program}`, which is no file")));
        }
        Ok(Solver { program, limit })
    }

    /// How long it may think about one query.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Starts one.
    pub(super) fn start(&self) -> Result<LocalSolver, String> {
        let mut command = tokio::process::Command::new(&self.program);
        // Short texts first: where a request exists, it is found in no time; "no" is as certain as ever.
        command.args(["--lang", "smt", "--strings-exp", "--strings-fmf"]);
        command.arg(format!("--tlimit-per={}", self.limit.as_millis()));
        command.kill_on_drop(true);
        LocalSolver::from_command(&mut command)
            .map_err(|error| format!("`{}` cannot be started: {error}", self.program.display()))
    }
}
