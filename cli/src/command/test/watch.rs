//! `zonegate test --watch`: the tables run again whenever a file of the folder is saved.
//!
//! The first run is shown whole; after that, what has changed since the run before: cases that fail
//! now or fail otherwise, cases that do not fail any more, problems, what is no longer covered.

use std::collections::BTreeMap;

use serde_json::json;
use zonegate_cases::Failed;
use zonegate_engine::problem::Problem;

use super::round::{self, Round};
use super::{Arguments, show};
use crate::arguments::Format;
use crate::command::{counted, watch as folder_watch};
use crate::exit::Exit;
use crate::output::{Ink, Paint, line};
use crate::progress::Progress;
use crate::show::{problem_text, problems_json};

/// What is told apart from one run to the next.
#[derive(Debug, Default, PartialEq)]
struct State {
    /// The problems of the folder, which then has no cases.
    problems: Vec<Problem>,
    /// The cases that fail, by place and name.
    failed: BTreeMap<String, Failed>,
    /// What is required and not covered.
    gaps: Vec<String>,
}

/// Runs until it is interrupted.
pub(super) fn run(arguments: &Arguments, format: Format) -> Exit {
    let mut seen = folder_watch::traces_with_tables(&arguments.dir);
    let mut before: Option<State> = None;
    loop {
        let progress = Progress::begin();
        let ran = round::once(arguments, &progress);
        drop(progress);
        let now = State::of(&ran);
        if format == Format::Json {
            line(document(&ran).to_string());
        } else {
            tell(arguments, &ran, before.as_ref(), &now);
        }
        before = Some(now);
        seen = folder_watch::changed(&seen, || folder_watch::traces_with_tables(&arguments.dir));
    }
}

impl State {
    /// What came of a run.
    fn of(ran: &Result<Round, Vec<Problem>>) -> State {
        match ran {
            Err(problems) => State { problems: problems.clone(), ..State::default() },
            Ok(round) => State {
                problems: Vec::new(),
                // A row moves when one before it grows; its name stays.
                failed: round.report.failed.iter().map(|one| (key_of(one), one.clone())).collect(),
                gaps: round.gaps.iter().map(|gap| gap.what.clone()).collect(),
            },
        }
    }
}

/// What a failed case is known by from run to run: its file and name.
fn key_of(failed: &Failed) -> String {
    let file = failed.place.rsplit_once(':').map_or(failed.place.as_str(), |(file, _)| file);
    format!("{file} {}", failed.name)
}

/// A run as one line for a program.
fn document(ran: &Result<Round, Vec<Problem>>) -> serde_json::Value {
    match ran {
        Ok(round) => round.document(),
        Err(problems) => json!({ "ok": false, "problems": problems_json(problems) }),
    }
}

/// Says what has changed since the run before, or everything where there was none.
fn tell(
    arguments: &Arguments,
    ran: &Result<Round, Vec<Problem>>,
    before: Option<&State>,
    now: &State,
) {
    let paint = Paint::stdout();
    let round = match ran {
        Ok(round) => round,
        Err(problems) => {
            let old = before.map(|one| one.problems.as_slice()).unwrap_or_default();
            for problem in problems.iter().filter(|one| !old.contains(one)) {
                line(problem_text(problem, &arguments.dir, Ink::Bad, paint));
            }
            let count = counted(problems.len(), "problem");
            return line(paint.ink(Ink::Bad, &format!("{count}; nothing was run")));
        }
    };
    let Some(before) = before else { return show::print(round, arguments.coverage) };
    for text in news(before, now, paint) {
        line(text);
    }
    line(show::summary(round, paint));
}

/// What is different from the run before.
fn news(before: &State, now: &State, paint: Paint) -> Vec<String> {
    let mut news = Vec::new();
    for (key, failed) in &now.failed {
        let known = before.failed.get(key).map(|old| &old.differences);
        if known != Some(&failed.differences) {
            news.push(show::failed_text(failed, paint));
        }
    }
    for key in before.failed.keys().filter(|key| !now.failed.contains_key(*key)) {
        // Where the folder had problems, or the row is gone, nobody knows that it passes.
        news.push(format!("{} {key}", paint.ink(Ink::Good, "fails no more:")));
    }
    for gap in now.gaps.iter().filter(|gap| !before.gaps.contains(gap)) {
        news.push(format!("{} {gap}", paint.ink(Ink::Bad, "not covered:")));
    }
    for gap in before.gaps.iter().filter(|gap| !now.gaps.contains(gap)) {
        news.push(format!("{} {gap}", paint.ink(Ink::Good, "covered now:")));
    }
    news
}
