//! `zonegate`: the command of policy authors and operators.
//!
//! It reads a policies folder, says everything that is wrong with it, tries it on decision
//! tables, explains decisions, makes keys, and delivers the folder to Envoy as a bundle.
//! Each subcommand is one file of [`command`]; what they share stands beside them.

mod arguments;
mod ask;
mod command;
mod compare;
mod delivery;
mod example;
mod exit;
mod folder;
mod gate;
mod http;
mod lint;
mod nearest;
mod output;
mod place;
mod progress;
mod proof;
mod property;
mod show;
mod symbolic;
mod universe;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::exit::Exit;

/// Parses the arguments, runs the subcommand and says how it went.
fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, everything else is a usage error; where even
            // printing fails, there is nobody to tell.
            let code = if error.use_stderr() { Exit::Failure } else { Exit::Ok };
            let _ = error.print();
            return code.into();
        }
    };
    command::run(arguments).into()
}
