//! What cases cover of policies: whether they decide, their scopes, their clauses.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use zonegate_cases::{Coverage, Gap, Report, Verdicts, Wanted};
use zonegate_engine::policy::{Condition, Outline, Shown, Sides};

use crate::folder::Cover;

/// How many of what is not covered are named in one line.
const NAMED_MAX: usize = 6;

/// One policy or template, with what cases have shown of it.
#[derive(Debug, Serialize)]
pub(super) struct Covered {
    /// Its id.
    pub(super) id: String,
    /// The file it stands in, below the folder.
    pub(super) file: String,
    /// The line it begins at.
    pub(super) line: usize,
    /// How many cases it decided.
    pub(super) decides: usize,
    /// What was shown of its scope.
    pub(super) scope: Scope,
    /// What was shown of its clauses.
    pub(super) clauses: Vec<Clause>,
}

/// What was shown of a scope.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Scope {
    /// Whether it was met.
    pub(super) met: bool,
    /// Whether one of its keys asked for one of its actions elsewhere.
    pub(super) missed: bool,
    /// Whether there is an elsewhere.
    pub(super) can_be_missed: bool,
}

/// What was shown of a clause.
#[derive(Debug, Serialize)]
pub(super) struct Clause {
    /// Whether it stands in an `unless`.
    pub(super) unless: bool,
    /// Its text.
    pub(super) text: String,
    /// What became of it.
    #[serde(flatten)]
    pub(super) became: Became,
    /// Whether nothing is left to show.
    pub(super) covered: bool,
}

/// What became of a clause in all cases.
#[derive(Debug, Serialize)]
pub(super) struct Became {
    /// Whether the policy once went on.
    pub(super) held: bool,
    /// Whether the policy once stopped here.
    pub(super) stopped: bool,
    /// Whether it once could not be evaluated.
    pub(super) failed: bool,
}

impl Scope {
    /// What is left to show, in words.
    pub(super) fn lacks(self) -> Option<&'static str> {
        match self {
            Scope { met: false, .. } => Some("nothing was asked that it is for"),
            Scope { missed: false, can_be_missed: true, .. } => {
                Some("none of its keys asked for one of its actions elsewhere")
            }
            Scope { .. } => None,
        }
    }
}

impl Clause {
    /// What is left to show, in words.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        let Clause { unless, became, covered, .. } = self;
        match (covered, became.held, became.stopped) {
            (true, ..) => None,
            (_, false, false) => Some("was never reached"),
            (_, true, false) if *unless => Some("was never true"),
            (_, true, false) => Some("was never false"),
            (_, false, true) if *unless => Some("was never false"),
            (..) => Some("was never true"),
        }
    }

    /// The clause as its author wrote it.
    pub(super) fn words(&self) -> String {
        format!("{} {{ {} }}", if self.unless { "unless" } else { "when" }, self.text)
    }
}

/// What was shown of each policy, in the order of their files.
pub(super) fn of(
    outlines: Vec<Outline>,
    shown: &HashMap<String, Shown>,
    coverage: &Coverage,
) -> Vec<Covered> {
    let covered = outlines.into_iter().map(|outline| {
        let shown = shown.get(&outline.id).cloned().unwrap_or_default();
        let sides = shown.clauses.iter().copied().chain(std::iter::repeat(Sides::default()));
        let clauses = outline.clauses.into_iter().zip(sides);
        Covered {
            decides: coverage.policies.get(&outline.id).copied().unwrap_or_default(),
            id: outline.id,
            file: outline.file,
            line: outline.line,
            scope: Scope {
                met: shown.inside,
                missed: shown.outside,
                can_be_missed: outline.is_narrow,
            },
            clauses: clauses.map(|(condition, sides)| clause(condition, sides)).collect(),
        }
    });
    covered.collect()
}

/// What was shown of one clause.
fn clause(condition: Condition, sides: Sides) -> Clause {
    let covered = sides.are_complete(&condition);
    let Sides { held, stopped, failed } = sides;
    let became = Became { held, stopped, failed };
    Clause { unless: condition.unless, text: condition.text, became, covered }
}

/// What the manifest requires and no case covers.
pub(super) fn gaps(
    report: &Report,
    wanted: &Wanted,
    policies: &[Covered],
    required: &[Cover],
) -> Vec<Gap> {
    let only = |cover, set: &BTreeSet<String>| {
        if required.contains(&cover) { set.clone() } else { BTreeSet::new() }
    };
    let mut gaps = report.coverage.gaps(&Wanted {
        policies: only(Cover::Policies, &wanted.policies),
        routes: only(Cover::Routes, &wanted.routes),
        reasons: only(Cover::Reasons, &wanted.reasons),
        ..Wanted::default()
    });
    for policy in policies {
        let place = format!("`{}` ({}:{})", policy.id, policy.file, policy.line);
        if let Some(lacks) = policy.scope.lacks().filter(|_| required.contains(&Cover::Scopes)) {
            let add = if policy.scope.met {
                "a key that it is for, and a zone or name that it is not for".to_owned()
            } else {
                format!("a key and an operation that `{}` is for", policy.id)
            };
            gaps.push(Gap { what: format!("the scope of {place}: {lacks}"), add });
        }
        if required.contains(&Cover::Clauses) {
            gaps.extend(policy.clauses.iter().filter_map(|clause| {
                let lacks = clause.lacks()?;
                let what = format!("{} of {place} {lacks}", clause.words());
                Some(Gap { what, add: wish(clause) })
            }));
        }
    }
    gaps
}

/// What a row must have that shows what is left of a clause.
fn wish(clause: &Clause) -> String {
    let Became { held, stopped, .. } = clause.became;
    let truth = if held == clause.unless { "true" } else { "false" };
    let truth = if held || stopped { truth } else { "true, and one with it false" };
    format!(
        "an operation in the policy's scope, with the clauses before it met and this one {truth}"
    )
}

/// One line for each kind of coverage, with what is missing.
pub(super) fn lines(coverage: &Coverage, wanted: &Wanted, policies: &[Covered]) -> Vec<String> {
    let both = |verdicts: Verdicts| verdicts.allowed > 0 && verdicts.denied > 0;
    let is_missing_route = |id: &&String| !coverage.routes.get(*id).copied().is_some_and(both);
    let routes: Vec<&str> =
        wanted.routes.iter().filter(is_missing_route).map(String::as_str).collect();
    let reasons = wanted.reasons.iter().filter(|id| !coverage.reasons.contains_key(*id));
    let which = |lacks: fn(&Covered) -> bool| -> Vec<String> {
        policies.iter().filter(|one| lacks(one)).map(|one| one.id.clone()).collect()
    };
    let idle = which(|one| one.decides == 0);
    let scopes = which(|one| one.scope.lacks().is_some());
    let partly = which(|one| one.clauses.iter().any(|clause| !clause.covered));
    let clauses = || policies.iter().flat_map(|one| &one.clauses);
    let open = clauses().filter(|clause| !clause.covered).count();
    let routes: Vec<String> = routes.into_iter().map(str::to_owned).collect();
    let reasons: Vec<String> = reasons.cloned().collect();
    let (all, count) = (policies.len(), clauses().count());
    let (all_routes, all_reasons) = (wanted.routes.len(), wanted.reasons.len());
    vec![
        line("policies", all, idle.len(), "without a case", &idle),
        line("scopes (met and missed)", all, scopes.len(), "not so", &scopes),
        line("clauses (true and false)", count, open, "not so in", &partly),
        line("routes (allowed and denied)", all_routes, routes.len(), "without a case", &routes),
        line("reasons", all_reasons, reasons.len(), "without a case", &reasons),
    ]
}

/// One line: how many of all are covered, and the first of the rest.
fn line(what: &str, all: usize, missing: usize, how: &str, names: &[String]) -> String {
    let named = names.get(..NAMED_MAX).unwrap_or(names).join(", ");
    let rest = match names.len() {
        0 => String::new(),
        many if many > NAMED_MAX => format!("; {how}: {named} and {} more", many - NAMED_MAX),
        _ => format!("; {how}: {named}"),
    };
    format!("{what} {} of {all}{rest}", all.saturating_sub(missing))
}
