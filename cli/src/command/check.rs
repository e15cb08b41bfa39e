//! `zonegate check`: everything that is wrong with a folder, at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use zonegate_cases::{Case, Expected, Tables};
use zonegate_engine::problem::Problem;

use super::counted;
use crate::arguments::Format;
use crate::exit::Exit;
use crate::folder::{CASES, Folder};
use crate::output::{Ink, Paint, json, line};
use crate::show::{problem_text, problems_json};

/// Say everything that is wrong with a policies folder.
///
/// All problems come at once, each with its file, its line and what to do about it: policies,
/// keys, roles, patterns, networks, windows, the manifest and the decision tables.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The policies folder
    #[arg(default_value = "policies", value_name = "DIR")]
    dir: PathBuf,
}

/// Checks a folder.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let folder = Folder::read(&arguments.dir);
    let (mut problems, mut warnings, mut summary) = (Vec::new(), Vec::new(), String::new());
    let packed = folder.pack();
    let tables = folder.cases().exists().then(|| Tables::load_dir(folder.cases())).transpose();
    match &tables {
        Ok(Some(tables)) => {
            if let Ok(checked) = &packed {
                let ids = checked.bundle.policies.ids().into_iter().map(|(id, _, _)| id).collect();
                problems.extend(unknown_policies(tables, &ids, &folder.path));
            }
        }
        Ok(None) if folder.path.is_dir() => {
            let problem = Problem::new(CASES, "this folder has no decision tables");
            warnings.push(problem.help("a table shows what the policies decide; see the README"));
        }
        Ok(None) => {}
        Err(found) => problems.extend(found.iter().map(|one| below(one, &folder.path))),
    }
    match packed {
        Ok(checked) => {
            let policies = checked.bundle.policies.ids().len();
            let keys = checked.bundle.keys.len();
            let cases = tables.ok().flatten().map_or(0, |tables| tables.cases().count());
            let sizes = [(policies, "policy"), (keys, "key"), (cases, "case")];
            summary = sizes.map(|(number, noun)| plural(number, noun)).join(", ");
            warnings.extend(checked.packed.warnings);
        }
        Err(found) => problems.extend(found),
    }
    problems.sort();
    problems.dedup();
    report(&folder.path, &problems, &warnings, &summary, format);
    if problems.is_empty() { Exit::Ok } else { Exit::Problems }
}

/// Prints what was found.
fn report(
    folder: &Path,
    problems: &[Problem],
    warnings: &[Problem],
    summary: &str,
    format: Format,
) {
    if format == Format::Json {
        return json(&serde_json::json!({
            "ok": problems.is_empty(),
            "problems": problems_json(problems),
            "warnings": problems_json(warnings),
        }));
    }
    let paint = Paint::stdout();
    for problem in problems {
        line(problem_text(problem, folder, Ink::Bad, paint));
    }
    for warning in warnings {
        line(problem_text(warning, folder, Ink::Doubt, paint));
    }
    let doubts = match warnings.len() {
        0 => String::new(),
        number => format!(", {}", counted(number, "warning")),
    };
    let dir = folder.display();
    if problems.is_empty() {
        line(format!("{}: {dir}: {summary}{doubts}", paint.ink(Ink::Good, "sound")));
    } else {
        line(format!("{dir}: {}{doubts}", counted(problems.len(), "problem")));
    }
}

/// A number with its noun.
fn plural(number: usize, noun: &str) -> String {
    match (number, noun) {
        (1, _) | (_, "") => format!("{number} {noun}"),
        (_, "policy") => format!("{number} policies"),
        _ => counted(number, noun),
    }
}

/// A table's problem, with the file below the policies folder.
pub(super) fn below(problem: &zonegate_cases::Problem, folder: &Path) -> Problem {
    let zonegate_cases::Problem { file, line, message, help } = problem;
    let file = Path::new(file).strip_prefix(folder).unwrap_or(Path::new(file));
    let file = file.display().to_string();
    Problem { file, line: *line, message: message.clone(), help: help.clone() }
}

/// Cases that expect policies which do not exist.
fn unknown_policies(tables: &Tables, ids: &BTreeSet<&str>, folder: &Path) -> Vec<Problem> {
    let expects = |case: &Case| match &case.expected {
        Expected::Allow { policies } | Expected::Deny { policies, .. } => policies.clone(),
    };
    let mut problems = Vec::new();
    for case in tables.cases() {
        for id in expects(case).iter().filter(|id| !ids.contains(id.as_str())) {
            let file = Path::new(&case.file).strip_prefix(folder).unwrap_or(Path::new(&case.file));
            let message = format!("in `{}`: no policy has the id `{id}`", case.name);
            let problem = Problem::new(&file.display().to_string(), message).at(case.line);
            let known = ids.iter().copied().collect::<Vec<_>>().join(", ");
            problems.push(problem.help(format!("the ids are {known}")));
        }
    }
    problems
}
