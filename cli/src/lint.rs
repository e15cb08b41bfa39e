//! Lints: what is allowed in a policies folder, and probably not meant.
//!
//! A folder that packs is sound: every policy is well-typed and every name is known. That says
//! nothing about whether it means what its author thinks. Each lint here looks for one way in
//! which the two differ, has a name and a page that explains it (`zonegate check --explain NAME`),
//! and can be allowed where it is right, with a reason ([`allow`]).
//!
//! # What this does not do
//! A lint decides nothing and refuses nothing; `check --deny-warnings` is the caller's choice.

mod allow;
mod applies;
mod conditions;
mod contradiction;
mod expression;
mod keys;
mod like;
pub(crate) mod pages;
mod patterns;
mod places;
mod windows;

use std::collections::BTreeSet;

use jiff::Timestamp;
use zonegate_engine::policy::Written;
use zonegate_engine::problem::Problem;

use self::places::Places;
use crate::folder::{Checked, Folder};

/// Every warning about a folder that packs, by file and line; those that are allowed are left out.
pub(crate) fn warnings(folder: &Folder, checked: &Checked, now: Timestamp) -> Vec<Problem> {
    let bundle = &checked.bundle;
    let places = Places::of(folder);
    let written = bundle.policies.written();
    let mut found = checked.packed.warnings.clone();
    found.extend(written.iter().flat_map(like::warnings));
    found.extend(conditions::warnings(bundle, &written));
    let contradictions = contradiction::warnings(bundle, &written);
    found.extend(applies::warnings(bundle, &others(&written, &contradictions), now));
    found.extend(contradictions);
    found.extend(patterns::warnings(bundle, &places));
    found.extend(windows::warnings(bundle, &places, now));
    found.extend(keys::warnings(bundle, &written, &places));
    let found = found.into_iter().map(|problem| places.with_line(problem));
    let found = found.map(|problem| at_pattern(problem, &written, folder)).collect();
    let mut left = allow::sift(found, &allow::all(&written, &places, folder));
    left.sort();
    left.dedup();
    left
}

/// The warning about a pattern of `like`, at the line that has it.
fn at_pattern(problem: Problem, written: &[Written], folder: &Folder) -> Problem {
    let is_like = problem.lint.is_some_and(|lint| lint.starts_with("like-"));
    let (Some(line), Some(pattern), true) =
        (problem.line, problem.message.split('`').nth(1), is_like)
    else {
        return problem;
    };
    let later = written.iter().find(|one| one.file == problem.file && one.line > line);
    let end = later.map_or(usize::MAX, |later| later.line);
    let text = folder.text(&problem.file).unwrap_or_default();
    let mut lines = (1..).zip(text.lines()).take_while(|(at, _)| *at < end);
    let has = |(at, text): &(usize, &str)| *at >= line && text.contains(&format!("like {pattern}"));
    match lines.find(has) {
        Some((at, _)) => problem.at(at),
        None => problem,
    }
}

/// The policies in which no contradiction was found.
fn others<'w>(written: &'w [Written], contradictions: &[Problem]) -> Vec<&'w Written> {
    let known: BTreeSet<(&str, Option<usize>)> =
        contradictions.iter().map(|one| (one.file.as_str(), one.line)).collect();
    let is_known = |policy: &&Written| !known.contains(&(policy.file.as_str(), Some(policy.line)));
    written.iter().filter(is_known).collect()
}

/// A warning of a lint about a policy.
fn about(
    policy: &Written,
    lint: &'static str,
    message: String,
    help: impl Into<String>,
) -> Problem {
    Problem::new(&policy.file, message).at(policy.line).help(help).lint(lint)
}
