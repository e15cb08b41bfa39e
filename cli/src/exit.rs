//! How the command ends, as scripts see it.

use std::process::ExitCode;

/// The exit codes of every subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, or allowed.
    Ok,
    /// 1: it could not be done, or a test failed.
    Failure,
    /// 2: `explain` found that the request is denied.
    Deny,
    /// 3: the folder has problems.
    Problems,
    /// 4: `diff` found that decisions change.
    Changes,
}

/// The table of exit codes at the end of the help.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done; for `explain`: allowed
  1  it could not be done, the arguments are wrong, or a test failed
  2  `explain`: denied
  3  the policies folder has problems
  4  `diff`: decisions change

Start with `zonegate check` and `zonegate test`; both read the folder `policies`.";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Ok => 0,
            Exit::Failure => 1,
            Exit::Deny => 2,
            Exit::Problems => 3,
            Exit::Changes => 4,
        })
    }
}
