//! A run as a person reads it.

use zonegate_cases::{Difference, Failed, Line, Report};

use super::cover;
use super::round::Round;
use crate::command::counted;
use crate::output::{Ink, Paint, line};

/// Prints failures, skips, coverage and the summary.
pub(super) fn print(round: &Round, all_coverage: bool) {
    let paint = Paint::stdout();
    let report = &round.report;
    for failed in &report.failed {
        line(failed_text(failed, paint));
    }
    for skipped in &report.skipped {
        line(paint.ink(Ink::Faint, &skipped.to_string()));
    }
    if round.filter.is_none() {
        for text in cover::lines(&report.coverage, &round.wanted, &round.policies) {
            line(text);
        }
        if all_coverage {
            details(round, paint);
        }
    }
    for gap in &round.gaps {
        line(format!("{} {gap}", paint.ink(Ink::Bad, "not covered:")));
    }
    line(summary(round, paint));
}

/// Prints failures and the summary of a report that covers nothing.
pub(super) fn plain(report: &Report) {
    let paint = Paint::stdout();
    for failed in &report.failed {
        line(failed_text(failed, paint));
    }
    line(paint.ink(if report.is_success() { Ink::Good } else { Ink::Bad }, &report.summary()));
}

/// The last line: counts, in the colour of the result.
pub(super) fn summary(round: &Round, paint: Paint) -> String {
    let summary = match round.gaps.len() {
        0 => round.report.summary(),
        number => format!("{}, {} not covered", round.report.summary(), counted(number, "thing")),
    };
    paint.ink(if round.is_good() { Ink::Good } else { Ink::Bad }, &summary)
}

/// A failed case with all that differs.
pub(super) fn failed_text(failed: &Failed, paint: Paint) -> String {
    let mut lines = vec![format!(
        "{} {} {}",
        paint.ink(Ink::Bad, "FAIL"),
        paint.ink(Ink::Strong, &failed.place),
        failed.name
    )];
    lines.extend(failed.differences.iter().flat_map(|one| difference(one, paint)));
    lines.push(String::new());
    lines.join("\n")
}

/// One difference: two lines, or a comparison of lines, expected ones with `-` and in green.
fn difference(difference: &Difference, paint: Paint) -> Vec<String> {
    let mut lines = vec![format!("  {}", difference.what)];
    if difference.is_short() {
        lines.push(format!("    expected  {}", paint.ink(Ink::Good, &difference.expected)));
        lines.push(format!("    actual    {}", paint.ink(Ink::Bad, &difference.actual)));
        return lines;
    }
    lines.extend(difference.lines().iter().map(|one| {
        let ink = match one {
            Line::Missing(_) => Some(Ink::Good),
            Line::Extra(_) => Some(Ink::Bad),
            Line::Alike(_) => Some(Ink::Faint),
            Line::Same(_) => None,
        };
        let text = one.to_string();
        format!("    {}", ink.map_or(text.clone(), |ink| paint.ink(ink, &text)))
    }));
    lines
}

/// Everything that no case covers, policy by policy, then routes.
fn details(round: &Round, paint: Paint) {
    for policy in &round.policies {
        let mut lacks = Vec::new();
        if policy.decides == 0 {
            lacks.push("decides no case".to_owned());
        }
        lacks.extend(policy.scope.lacks().map(|lacks| format!("scope: {lacks}")));
        let clauses = policy.clauses.iter();
        lacks.extend(clauses.filter_map(|one| Some(format!("{} {}", one.words(), one.lacks()?))));
        if !lacks.is_empty() {
            let place = format!("{}:{}", policy.file, policy.line);
            line(format!("{} {}", paint.ink(Ink::Strong, &place), policy.id));
            for one in &lacks {
                line(format!("  {one}"));
            }
        }
    }
    for route in &round.wanted.routes {
        let verdicts = round.report.coverage.routes.get(route).copied().unwrap_or_default();
        let lacks = match (verdicts.allowed, verdicts.denied) {
            (0, 0) => "has no case",
            (0, _) => "is never allowed",
            (_, 0) => "is never denied",
            _ => continue,
        };
        line(format!("{} {lacks}", paint.ink(Ink::Strong, &format!("route {route}"))));
    }
}
