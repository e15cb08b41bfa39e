//! `zonegate test`: the folder's decision tables, run on the engine.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;

use zonegate_cases::{Case, Gap, REASONS, Report, Tables, Verdicts, Wanted, run_filtered};
use zonegate_engine::bundle::Bundle;

use super::{check, counted, refuse};
use crate::arguments::Format;
use crate::exit::Exit;
use crate::folder::{Cover, Folder};
use crate::gate::EngineGate;
use crate::output::{Ink, Paint, json, line};

/// How many of what is not covered are named in one line.
const NAMED_MAX: usize = 6;

/// Run the decision tables of a policies folder, and say what no case covers.
///
/// The manifest says what must be covered: `coverage = ["policies", "routes", "reasons"]`.
/// Without it, every policy must decide some case.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The policies folder; its tables are in `cases`
    #[arg(default_value = "policies", value_name = "DIR")]
    dir: PathBuf,

    /// Run only cases whose file, name or key contains this text; coverage is not judged then
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// Runs the tables of a folder.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let folder = Folder::read(&arguments.dir);
    let checked = match folder.pack() {
        Ok(checked) => checked,
        Err(problems) => return refuse(&problems, &folder.path, format),
    };
    let tables = match Tables::load_dir(folder.cases()) {
        Ok(tables) => tables,
        Err(found) => {
            let problems: Vec<_> =
                found.iter().map(|one| check::below(one, &folder.path)).collect();
            return refuse(&problems, &folder.path, format);
        }
    };
    let bundle = Rc::new(checked.bundle);
    let wanted = wanted(&bundle);
    let report = run_filtered(&mut EngineGate::new(bundle), &tables, |case| {
        arguments.filter.as_ref().is_none_or(|text| matches(case, text))
    });
    let gaps = match arguments.filter {
        Some(_) => Vec::new(),
        None => report.coverage.gaps(&required(&wanted, &folder.manifest.coverage)),
    };
    if format == Format::Json {
        json(&serde_json::json!({ "ok": report.is_success() && gaps.is_empty(),
            "report": report, "gaps": gaps }));
    } else {
        print(&report, &gaps, arguments.filter.is_none().then_some(&wanted));
    }
    if report.is_success() && gaps.is_empty() { Exit::Ok } else { Exit::Failure }
}

/// Whether a case is chosen by a text.
fn matches(case: &Case, text: &str) -> bool {
    [&case.file, &case.name, &case.key].iter().any(|field| field.contains(text))
}

/// Everything that tables could cover.
fn wanted(bundle: &Bundle) -> Wanted {
    let owned = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect();
    let routes = bundle
        .providers()
        .iter()
        .flat_map(|provider| {
            let name = provider.name().to_owned();
            let routes =
                provider.routes().iter().map(move |route| format!("{name}/{}", route.id()));
            routes.collect::<Vec<_>>()
        })
        .collect();
    Wanted {
        routes,
        policies: owned(bundle.policies.ids().into_iter().map(|(id, _, _)| id).collect()),
        // A bug is no reason that a table can show.
        reasons: owned(
            REASONS.iter().map(|(code, _)| *code).filter(|code| *code != "internal").collect(),
        ),
        ..Wanted::default()
    }
}

/// What the manifest requires of it.
fn required(wanted: &Wanted, coverage: &[Cover]) -> Wanted {
    let only = |cover, set: &BTreeSet<String>| {
        if coverage.contains(&cover) { set.clone() } else { BTreeSet::new() }
    };
    Wanted {
        policies: only(Cover::Policies, &wanted.policies),
        routes: only(Cover::Routes, &wanted.routes),
        reasons: only(Cover::Reasons, &wanted.reasons),
        ..Wanted::default()
    }
}

/// Prints failures, skips, coverage and the summary.
fn print(report: &Report, gaps: &[Gap], wanted: Option<&Wanted>) {
    let paint = Paint::stdout();
    for failed in &report.failed {
        let text = failed.to_string();
        line(text.replacen("FAIL", &paint.ink(Ink::Bad, "FAIL"), 1));
    }
    for skipped in &report.skipped {
        line(paint.ink(Ink::Faint, &skipped.to_string()));
    }
    if let Some(wanted) = wanted {
        for text in coverage_lines(report, wanted) {
            line(text);
        }
    }
    for gap in gaps {
        line(format!("{} {gap}", paint.ink(Ink::Bad, "not covered:")));
    }
    let good = report.is_success() && gaps.is_empty();
    let summary = match gaps.len() {
        0 => report.summary(),
        number => format!("{}, {} not covered", report.summary(), counted(number, "thing")),
    };
    line(paint.ink(if good { Ink::Good } else { Ink::Bad }, &summary));
}

/// One line for each kind of coverage, with what is missing.
fn coverage_lines(report: &Report, wanted: &Wanted) -> Vec<String> {
    let coverage = &report.coverage;
    let both = |verdicts: Verdicts| verdicts.allowed > 0 && verdicts.denied > 0;
    let route = |id: &&String| !coverage.routes.get(*id).copied().is_some_and(both);
    let policy = |id: &&String| !coverage.policies.contains_key(*id);
    let reason = |id: &&String| !coverage.reasons.contains_key(*id);
    let text = |what: &str, all: &BTreeSet<String>, missing: Vec<&String>| {
        let covered = all.len() - missing.len();
        let missing: Vec<&str> = missing.into_iter().map(String::as_str).collect();
        let named = missing.get(..NAMED_MAX).unwrap_or(&missing).join(", ");
        let rest = match missing.len() {
            0 => String::new(),
            many if many > NAMED_MAX => {
                format!("; without a case: {named} and {} more", many - NAMED_MAX)
            }
            _ => format!("; without a case: {named}"),
        };
        format!("{what} {covered} of {}{rest}", all.len())
    };
    vec![
        text("policies", &wanted.policies, wanted.policies.iter().filter(policy).collect()),
        text(
            "routes (allowed and denied)",
            &wanted.routes,
            wanted.routes.iter().filter(route).collect(),
        ),
        text("reasons", &wanted.reasons, wanted.reasons.iter().filter(reason).collect()),
    ]
}
