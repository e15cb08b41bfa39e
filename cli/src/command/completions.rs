//! `zonegate completions`: what a shell needs to complete the command's arguments.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::exit::Exit;

/// Print a completion script for a shell.
///
/// bash: `source <(zonegate completions bash)`; zsh: put it as `_zonegate` into a folder of `fpath`;
/// fish: `zonegate completions fish > ~/.config/fish/completions/zonegate.fish`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let mut command = crate::arguments::Arguments::command();
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, "zonegate", &mut script);
    crate::output::line(String::from_utf8_lossy(&script).trim_end());
    Exit::Ok
}
