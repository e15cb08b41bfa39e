//! `zonegate test`: the folder's decision tables, run on the engine.

mod cedar;
mod cover;
mod junit;
mod round;
mod show;
mod watch;

use std::path::{Path, PathBuf};

use super::refuse;
use crate::arguments::Format;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::output::{failure, json};
use crate::progress::Progress;

use self::round::Round;

/// Run the decision tables of a policies folder, and say what no case covers.
///
/// The manifest says what must be covered, for example `coverage = ["policies", "clauses"]`:
/// `policies` (each decides some case), `scopes` (each is met and missed), `clauses` (each `when`
/// and `unless` holds once and stops its policy once), `routes` (each is allowed and denied once)
/// and `reasons` (each denies once). Without it, every policy must decide some case.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The policies folder; its tables are in `cases`
    #[arg(default_value = "policies", value_name = "DIR")]
    dir: PathBuf,

    /// Run only cases whose file, name or key contains this text; coverage is not judged then
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// List everything that no case covers, with file and line
    #[arg(long)]
    coverage: bool,

    /// Run again whenever a file of the folder is saved, and say what has changed; Ctrl-C ends it
    #[arg(long, conflicts_with_all = ["junit", "export_cedar"])]
    watch: bool,

    /// Write the results as `JUnit` XML, which build servers show
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write what the passed cases have asked as tests of Cedar's own tool, `cedar run-tests`
    #[arg(long, value_name = "FILE")]
    export_cedar: Option<PathBuf>,

    /// Run the tests of this file, written for `cedar run-tests`, instead of the tables
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["filter", "coverage", "watch", "junit", "export_cedar"]
    )]
    import_cedar: Option<PathBuf>,
}

/// Runs the tables of a folder.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    if arguments.watch {
        return watch::run(arguments, format);
    }
    if let Some(file) = &arguments.import_cedar {
        return import(arguments, file, format);
    }
    let progress = Progress::begin();
    let ran = round::once(arguments, &progress);
    drop(progress);
    let round = match ran {
        Ok(round) => round,
        Err(problems) => return refuse(&problems, &arguments.dir, format),
    };
    if let Err(error) = write_files(arguments, &round) {
        failure(error);
        return Exit::Failure;
    }
    if format == Format::Json {
        json(&round.document());
    } else {
        show::print(&round, arguments.coverage);
    }
    if round.is_good() { Exit::Ok } else { Exit::Failure }
}

/// Runs tests of Cedar's own tool on the folder.
fn import(arguments: &Arguments, file: &Path, format: Format) -> Exit {
    let checked = match Folder::read(&arguments.dir).pack() {
        Ok(checked) => checked,
        Err(problems) => return refuse(&problems, &arguments.dir, format),
    };
    let report = match cedar::run(&checked.bundle, file) {
        Ok(report) => report,
        Err(error) => {
            failure(error);
            return Exit::Failure;
        }
    };
    if format == Format::Json {
        json(&serde_json::json!({ "ok": report.is_success(), "report": report }));
    } else {
        show::plain(&report);
    }
    if report.is_success() { Exit::Ok } else { Exit::Failure }
}

/// Writes the files that were asked for.
fn write_files(arguments: &Arguments, round: &Round) -> Result<(), String> {
    let write = |path: &PathBuf, text: String| {
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    if let Some(path) = &arguments.junit {
        write(path, junit::document(round))?;
    }
    match &arguments.export_cedar {
        Some(path) => write(path, cedar::document(round)),
        None => Ok(()),
    }
}
