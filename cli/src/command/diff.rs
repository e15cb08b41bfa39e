//! `zonegate diff`: which decisions change from one set of policies to another.

mod escape;
mod json;
mod markdown;
mod text;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jiff::Timestamp;

use crate::arguments::Format;
use crate::compare::report::{Comparison, Example};
use crate::compare::{Direction, Known, compare};
use crate::exit::Exit;
use crate::folder::now;
use crate::output::{self, failure};
use crate::place::{Place, merge_base};

/// Say which decisions change from one set of policies to another, and for which keys.
///
/// OLD and NEW are policies folders, bundles (also the file that Envoy watches), or folders as git
/// has them, written as REVISION:DIR.
///
/// Keys that no policy tells apart are asked as one; what both sides decide is compared for
/// requests made of everything that the changed policies mention. A change that is shown can be
/// repeated with `zonegate explain`. That none was found is no proof, and says so; where a solver
/// is there (see `zonegate prove --help`), it tries to prove it; a change that the solver sees is
/// shown where both sides bear it out, and else said to be open.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  zonegate diff policies-before policies
  zonegate diff --git origin/main
  zonegate diff --git origin/main...HEAD --markdown
  zonegate diff --fail-on more /etc/zonegate/envoy.d/zonegate.json policies

Exit codes: 0 where no decision changes, 4 where some do (see --fail-on).")]
pub(crate) struct Arguments {
    /// OLD and NEW; with --git the policies folder, `policies` unless it is given
    #[arg(value_name = "PLACE", num_args = 0..=2)]
    places: Vec<PathBuf>,

    /// Compare the folder as git has it: OLD with the work tree, OLD..NEW, or OLD...NEW for what NEW
    /// changed since it left OLD
    #[arg(long, value_name = "OLD[..NEW]")]
    git: Option<String>,

    /// Print Markdown for a comment on a pull request
    #[arg(long)]
    markdown: bool,

    /// Which changes end with exit code 4: more is allowed, less is allowed, or any of them
    #[arg(long, value_enum, default_value_t = FailOn::Any, value_name = "WHAT")]
    fail_on: FailOn,

    /// Compare requests alone, without the solver that proves
    #[arg(long)]
    requests_only: bool,

    /// Compare requests from this time on; now, unless it is given
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
}

/// Which changes end with an exit code of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Something is allowed that was not
    More,
    /// Something is not allowed that was
    Less,
    /// Either
    Any,
}

/// What is printed: a comparison, and where its two sides are.
#[derive(Debug)]
pub(super) struct Report {
    /// The old side, as it is written.
    old: Place,
    /// The new side, as it is written.
    new: Place,
    /// What was found.
    comparison: Comparison,
}

impl Report {
    /// The command line that shows an example's decision.
    pub(super) fn command(&self, example: &Example) -> String {
        let place = if example.is_of_new { &self.new } else { &self.old };
        let place = escape::shell(&place.to_string());
        format!("zonegate explain {place} {}", example.probe.explain_arguments())
    }
}

/// Reads a time with its offset.
fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|error: jiff::Error| error.to_string())
}

/// Compares two sets of policies.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let (old, new) = match places(arguments) {
        Ok(places) => places,
        Err(error) => {
            failure(error);
            return Exit::Failure;
        }
    };
    let (mut sides, at) = (Vec::new(), arguments.at.unwrap_or_else(now));
    for place in [&old, &new] {
        match place.open() {
            Ok(opened) => sides.push(Known::of(opened.bytes, &opened.bundle)),
            Err(why) => return place.refuse(&why, format),
        }
    }
    let [before, after] = sides.as_slice() else { return Exit::Failure };
    let comparison = match compare(before, after, at, !arguments.requests_only) {
        Ok(comparison) => comparison,
        Err(problems) => return super::refuse(&problems, Path::new(&new.to_string()), format),
    };
    let report = Report { old, new, comparison };
    if arguments.markdown {
        output::line(markdown::of(&report));
    } else if format == Format::Json {
        output::json(&json::of(&report));
    } else {
        text::print(&report);
    }
    let changes = |direction| report.comparison.changes(direction);
    let fails = match arguments.fail_on {
        FailOn::More => changes(Direction::More),
        FailOn::Less => changes(Direction::Less),
        FailOn::Any => changes(Direction::More) || changes(Direction::Less),
    };
    if fails { Exit::Changes } else { Exit::Ok }
}

/// The two places that the arguments name.
fn places(arguments: &Arguments) -> Result<(Place, Place), String> {
    let Some(range) = &arguments.git else {
        return match arguments.places.as_slice() {
            [old, new] => Ok((Place::of(old), Place::of(new))),
            _ => Err("give two places to compare, or revisions with --git".to_owned()),
        };
    };
    let folder = match arguments.places.as_slice() {
        [] => PathBuf::from("policies"),
        [folder] => folder.clone(),
        _ => return Err("with --git there is one place: the policies folder".to_owned()),
    };
    let head = |text: &str| if text.is_empty() { "HEAD" } else { text }.to_owned();
    let at = |revision: String| Place::Git { revision, folder: folder.clone() };
    Ok(if let Some((old, new)) = range.split_once("...") {
        let (old, new) = (head(old), head(new));
        (at(merge_base(&old, &new, &folder)?), at(new))
    } else if let Some((old, new)) = range.split_once("..") {
        (at(head(old)), at(head(new)))
    } else {
        (at(head(range)), Place::Folder(folder))
    })
}
