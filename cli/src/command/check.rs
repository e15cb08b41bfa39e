//! `zonegate check`: everything that is wrong with a folder, at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use zonegate_cases::{Case, Expected, Tables};
use zonegate_engine::problem::{Problem, nearest};

use super::{counted, export};
use crate::arguments::Format;
use crate::exit::Exit;
use crate::folder::{CASES, Folder, now};
use crate::lint;
use crate::lint::pages::{self, LINTS, Lint};
use crate::nearest::with_field;
use crate::output::{Ink, Paint, columns, failure, json, line};
use crate::progress::Progress;
use crate::show::{problem_text, problems_json};

/// The most warnings of one lint that are printed; JSON has all.
const ALIKE_MAX: usize = 10;

/// Say everything that is wrong with a policies folder.
///
/// All problems come at once, each with its file, its line and what to do about it: policies,
/// keys, roles, patterns, networks, windows, the manifest and the decision tables. What is sound
/// but probably not meant is a warning, with the name of its lint: `--explain` says more.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The policies folder
    #[arg(default_value = "policies", value_name = "DIR")]
    dir: PathBuf,

    /// Count warnings as problems
    #[arg(long)]
    deny_warnings: bool,

    /// Explain a warning by the name in its brackets; without a name, list all
    #[arg(long, value_name = "LINT", num_args = 0..=1, default_missing_value = "")]
    explain: Option<String>,
}

/// Checks a folder.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    if let Some(lint) = &arguments.explain {
        return explain(lint, format);
    }
    let progress = Progress::begin();
    progress.phase("reading the policies", 0);
    let folder = Folder::read(&arguments.dir);
    let (mut problems, mut warnings, mut summary) = (Vec::new(), Vec::new(), String::new());
    let packed = folder.pack();
    progress.phase("reading the tables", 0);
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
            let help = "a table shows what the policies decide; `zonegate new table` begins one";
            warnings.push(problem.help(help).lint("folder-without-tables"));
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
            progress.phase("looking for what is not meant", 0);
            warnings.extend(lint::warnings(&folder, &checked, now()));
            warnings.extend(export::refresh(&folder, &checked.bundle));
        }
        Err(found) => problems.extend(found),
    }
    drop(progress);
    problems.sort();
    problems.dedup();
    let denied = arguments.deny_warnings && !warnings.is_empty();
    let ok = problems.is_empty() && !denied;
    report(&folder.path, &Found { ok, problems, warnings, summary }, format);
    if ok { Exit::Ok } else { Exit::Problems }
}

/// Prints the page of a lint, or the list of all.
fn explain(name: &str, format: Format) -> Exit {
    let json_of = |lint: &Lint| serde_json::json!({ "lint": lint.name, "summary": lint.summary, "page": lint.page });
    if name.is_empty() {
        if format == Format::Json {
            json(&LINTS.iter().map(json_of).collect::<Vec<_>>());
        } else {
            let row = |lint: &Lint| vec![lint.name.to_owned(), lint.summary.to_owned()];
            let rows: Vec<Vec<String>> = LINTS.iter().map(row).collect();
            columns(&rows).into_iter().for_each(line);
        }
        return Exit::Ok;
    }
    let Some(lint) = pages::find(name) else {
        let near = nearest(name, LINTS.iter().map(|lint| lint.name));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        failure(format!("there is no lint `{name}`{near}"));
        return Exit::Failure;
    };
    if format == Format::Json {
        json(&json_of(lint));
    } else {
        line(lint.page.trim_end());
    }
    Exit::Ok
}

/// What was found.
struct Found {
    /// Whether the folder is accepted.
    ok: bool,
    /// What is wrong.
    problems: Vec<Problem>,
    /// What is doubtful.
    warnings: Vec<Problem>,
    /// What the folder consists of.
    summary: String,
}

/// Prints what was found.
fn report(folder: &Path, found: &Found, format: Format) {
    let Found { ok, problems, warnings, summary } = found;
    if format == Format::Json {
        return json(&serde_json::json!({
            "ok": ok,
            "problems": problems_json(problems),
            "warnings": problems_json(warnings),
        }));
    }
    let paint = Paint::stdout();
    for problem in problems {
        line(problem_text(problem, folder, Ink::Bad, paint));
    }
    for warning in shown(warnings) {
        line(problem_text(warning, folder, Ink::Doubt, paint));
    }
    for (lint, more) in hidden(warnings) {
        line(format!("{} {more} more", paint.ink(Ink::Doubt, &format!("warning[{lint}]:"))));
    }
    if let Some(lint) = warnings.iter().find_map(|warning| warning.lint) {
        let hint = format!("`zonegate check --explain {lint}` says what a warning means");
        line(paint.ink(Ink::Faint, &hint));
    }
    let doubts = match warnings.len() {
        0 => String::new(),
        number => format!(", {}", counted(number, "warning")),
    };
    let dir = folder.display();
    if *ok {
        line(format!("{}: {dir}: {summary}{doubts}", paint.ink(Ink::Good, "sound")));
    } else {
        line(format!("{dir}: {}{doubts}", counted(problems.len(), "problem")));
    }
}

/// The warnings that are printed: of each lint the first few.
fn shown(warnings: &[Problem]) -> Vec<&Problem> {
    let mut counts = std::collections::BTreeMap::new();
    let few = |warning: &&Problem| {
        let count = counts.entry(warning.lint).or_insert(0_usize);
        *count += 1;
        *count <= ALIKE_MAX
    };
    warnings.iter().filter(few).collect()
}

/// The lints of which not all warnings are printed, and how many are not.
fn hidden(warnings: &[Problem]) -> Vec<(&'static str, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for lint in warnings.iter().filter_map(|warning| warning.lint) {
        *counts.entry(lint).or_insert(0_usize) += 1;
    }
    let more = counts.into_iter().map(|(lint, count)| (lint, count.saturating_sub(ALIKE_MAX)));
    more.filter(|(_, more)| *more > 0).collect()
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
    let problem =
        Problem { file, line: *line, message: message.clone(), help: help.clone(), lint: None };
    with_field(problem)
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
            let near = nearest(id, ids.iter().copied());
            let near = near.map(|near| format!("did you mean `{near}`? The ids are "));
            let near = near.unwrap_or_else(|| "the ids are ".to_owned());
            problems.push(problem.help(format!("{near}{known}")));
        }
    }
    problems
}
