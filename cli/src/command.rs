//! The subcommands, each in a file of its own: its arguments and its `run`.

pub(crate) mod bundle;
pub(crate) mod can;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod fmt;
pub(crate) mod key;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod prove;
pub(crate) mod routes;
pub(crate) mod test;
pub(crate) mod watch;

use std::path::Path;

use zonegate_engine::problem::Problem;

use crate::arguments::{Arguments, Command, Format};
use crate::exit::Exit;
use crate::output::{Ink, Paint, json, note};
use crate::show::{problem_text, problems_json};

/// Runs the subcommand.
pub(crate) fn run(arguments: Arguments) -> Exit {
    let format = arguments.format;
    match arguments.command {
        Command::Check(arguments) => check::run(&arguments, format),
        Command::Test(arguments) => test::run(&arguments, format),
        Command::Explain(arguments) => explain::run(&arguments, format),
        Command::Can(arguments) => can::run(&arguments, format),
        Command::Diff(arguments) => diff::run(&arguments, format),
        Command::Prove(arguments) => prove::run(&arguments, format),
        Command::Key(arguments) => key::run(arguments, format),
        Command::Bundle(arguments) => bundle::run(&arguments, format),
        Command::Watch(arguments) => watch::run(&arguments, format),
        Command::Routes(arguments) => routes::run(&arguments, format),
        Command::New(arguments) => new::run(&arguments, format),
        Command::Fmt(arguments) => fmt::run(&arguments, format),
        Command::Export(arguments) => export::run(&arguments, format),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments, format),
    }
}

/// Says that a folder has problems, where that is not what was asked for.
pub(crate) fn refuse(problems: &[Problem], folder: &Path, format: Format) -> Exit {
    if format == Format::Json {
        json(&serde_json::json!({ "ok": false, "problems": problems_json(problems) }));
        return Exit::Problems;
    }
    let paint = Paint::stderr();
    for problem in problems {
        note(problem_text(problem, folder, Ink::Bad, paint));
    }
    note(format!("{} in {}", counted(problems.len(), "problem"), folder.display()));
    Exit::Problems
}

/// A number with its noun: `1 problem`, `2 problems`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
