//! Comparing what came of a case with what must come of it.
//!
//! Besides what a row says, some things hold for every row: a denied request never went on, an
//! allowed one did, exactly the declared lookups were asked, and the client's key is in nothing
//! that goes on and in nothing that comes back.

use std::fmt;

use serde::Serialize;

use crate::bytes::{contains, readable};
use crate::case::{Answers, Case, Expected, Forwards, Header};
use crate::gate::{Decision, Facet, Forwarded, Outcome};
use crate::reason::is_response_reason;

/// The most characters of a long text that a difference shows.
const SHOWN_CHARS_MAX: usize = 400;
/// The most bytes of a text that is compared line by line.
const COMPARED_BYTES_MAX: usize = 64 << 10;
/// How many lines that are alike are shown around one that differs.
const AROUND: usize = 2;

/// One thing that came out otherwise than the row says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What was compared, such as `decision` or `forwarded body`.
    pub what: String,
    /// What the row says; several lines for a list.
    pub expected: String,
    /// What came of it.
    pub actual: String,
}

/// Compares; empty where everything is as the row says.
///
/// `runner` is the name of the runner, `unseen` what it can never see.
pub fn check(case: &Case, outcome: &Outcome, runner: &str, unseen: &[Facet]) -> Vec<Difference> {
    let mut found = Differences { unseen, list: Vec::new() };
    for trouble in &outcome.trouble {
        found.add("trouble", "none", trouble);
    }
    if let Some(envoy) = case.envoy.as_ref().filter(|_| runner == "envoy") {
        let status = outcome.answered.as_ref().map(|answered| answered.status);
        found.compare("status (from Envoy itself)", &Some(envoy.status), &status, |status| {
            show_status(*status)
        });
        return found.list;
    }
    decision(case, outcome, &mut found);
    if let Some(means) = case.means.as_ref().filter(|_| found.sees(Facet::Operations)) {
        found.compare("means", means, &outcome.operations, |list| show_list(list));
    }
    if found.sees(Facet::Lookups) {
        let declared = sorted(case.lookups.iter().map(|lookup| lookup.path.clone()).collect());
        let asked = sorted(outcome.lookups.clone());
        found.compare("lookups", &declared, &asked, |list| show_list(list));
    }
    if found.sees(Facet::Forwarded) {
        forwarded(case, outcome, &mut found);
    }
    if found.sees(Facet::Answered) {
        answered(case, outcome, &mut found);
    }
    found.list
}

/// Collects differences.
struct Differences<'a> {
    /// What the runner can never see.
    unseen: &'a [Facet],
    /// What was found.
    list: Vec<Difference>,
}

impl Differences<'_> {
    /// Whether the runner sees this.
    fn sees(&self, facet: Facet) -> bool {
        !self.unseen.contains(&facet)
    }

    /// Notes a difference.
    fn add(&mut self, what: &str, expected: impl Into<String>, actual: impl Into<String>) {
        let (expected, actual) = (expected.into(), actual.into());
        self.list.push(Difference { what: what.to_owned(), expected, actual });
    }

    /// Notes a difference if there is one.
    fn compare<T: PartialEq>(
        &mut self,
        what: &str,
        expected: &T,
        actual: &T,
        show: impl Fn(&T) -> String,
    ) {
        if expected != actual {
            self.add(what, show(expected), show(actual));
        }
    }

    /// Notes where two long texts differ.
    fn compare_text(&mut self, what: &str, expected: &[u8], actual: &[u8]) {
        if expected == actual {
            return;
        }
        match (in_lines(expected), in_lines(actual)) {
            // Where they differ in blanks alone, only the texts themselves show it.
            (Some(expected), Some(actual)) if expected != actual => {
                self.add(what, expected, actual);
            }
            _ => {
                let same = expected.iter().zip(actual).take_while(|(one, other)| one == other);
                let at = same.count();
                self.add(what, excerpt(expected, at), excerpt(actual, at));
            }
        }
    }

    /// Holds headers against the ones that must and must not be there.
    fn headers(&mut self, what: &str, have: &[Header], want: &[Header], not: &[String]) {
        for (name, value) in want {
            let values: Vec<&[u8]> = values(have, name).collect();
            if values != [value.as_slice()] {
                let actual: Vec<String> = values.iter().map(|value| readable(value)).collect();
                self.add(
                    &format!("{what} header `{}`", readable(name)),
                    readable(value),
                    show_list(&actual),
                );
            }
        }
        for name in not {
            if let Some(value) = values(have, name.as_bytes()).next() {
                self.add(&format!("{what} header `{name}`"), "absent", readable(value));
            }
        }
    }
}

/// The decision, its reason and its policies.
fn decision(case: &Case, outcome: &Outcome, found: &mut Differences<'_>) {
    let (decision, reason, policies) = match &case.expected {
        Expected::Allow { policies } => (Decision::Allow, None, policies),
        Expected::Deny { reason, policies } => (Decision::Deny, Some(reason.clone()), policies),
    };
    let show = |(decision, reason): &(Decision, Option<String>)| match reason {
        Some(reason) => format!("{decision} {reason}"),
        None => decision.to_string(),
    };
    let agree = (decision, &reason) == (outcome.decision, &outcome.reason);
    if found.sees(Facet::Decision) {
        let actual = (outcome.decision, outcome.reason.clone());
        found.compare("decision", &(decision, reason.clone()), &actual, show);
    }
    // Where the gate decided otherwise, its policies explain why; where it agrees, a denial that
    // no policy made has none to compare.
    let by_policies = case.expected.is_by_policies() || !agree;
    if found.sees(Facet::Policies) && by_policies {
        let actual = sorted(outcome.policies.clone());
        found.compare("policies", policies, &actual, |list| show_list(list));
    }
}

impl Expected {
    /// Whether the row names policies, so that the outcome must name the same.
    fn is_by_policies(&self) -> bool {
        match self {
            Expected::Allow { .. } => true,
            Expected::Deny { policies, .. } => !policies.is_empty(),
        }
    }
}

/// What went on, or must not.
fn forwarded(case: &Case, outcome: &Outcome, found: &mut Differences<'_>) {
    let expects = match &case.expected {
        Expected::Allow { .. } => !case.is_for_the_gate(),
        Expected::Deny { reason, .. } => is_response_reason(reason),
    };
    let Some(actual) = &outcome.forwarded else {
        if expects {
            found.add("forwarded", "the request goes on to the provider", "it does not");
        }
        return;
    };
    if !expects {
        let line = format!("{} {}", actual.method, actual.path);
        found.add("forwarded", "nothing goes on to the provider", line);
        return;
    }
    if let Some(key) = case.credential.key() {
        let body = contains(&actual.body, key.as_bytes()) && !sent_in_body(case, key);
        if leaks(&actual.headers, key) || contains(actual.path.as_bytes(), key.as_bytes()) || body {
            found.add("forwarded", "without the client's key", "with the client's key");
        }
    }
    if let Some(wanted) = &case.forwards {
        forwards(wanted, actual, found);
    }
}

/// Holds what went on against what the row says of it.
fn forwards(wanted: &Forwards, actual: &Forwarded, found: &mut Differences<'_>) {
    if let Some(method) = &wanted.method {
        found.compare("forwarded method", method, &actual.method, String::clone);
    }
    if let Some(path) = &wanted.path {
        found.compare("forwarded path", path, &actual.path, String::clone);
    }
    if let Some(body) = &wanted.body {
        found.compare_text("forwarded body", body, &actual.body);
    }
    body_has("forwarded body", &actual.body, &[], &wanted.body_lacks, found);
    found.headers("forwarded", &actual.headers, &wanted.header, &wanted.no_header);
}

/// What the client got.
fn answered(case: &Case, outcome: &Outcome, found: &mut Differences<'_>) {
    let expected = case.status_expected();
    let Some(actual) = &outcome.answered else {
        if expected.is_some() || case.answers.is_some() {
            found.add("answer", show_status(expected), "the client gets none");
        }
        return;
    };
    if expected.is_some() {
        found.compare("status", &expected, &Some(actual.status), |status| show_status(*status));
    }
    if let Some(key) = case.credential.key()
        && (leaks(&actual.headers, key) || contains(&actual.body, key.as_bytes()))
    {
        found.add("answer", "without the client's key", "with the client's key");
    }
    let Some(Answers { body, body_has: has, body_lacks: lacks, header, no_header }) = &case.answers
    else {
        return;
    };
    if let Some(body) = body {
        found.compare_text("answered body", body, &actual.body);
    }
    body_has("answered body", &actual.body, has, lacks, found);
    found.headers("answered", &actual.headers, header, no_header);
}

/// Texts that must and must not be in a body.
fn body_has(
    what: &str,
    body: &[u8],
    has: &[String],
    lacks: &[String],
    found: &mut Differences<'_>,
) {
    for text in has {
        if !contains(body, text.as_bytes()) {
            found.add(what, format!("has {text}"), excerpt(body, 0));
        }
    }
    for text in lacks {
        if contains(body, text.as_bytes()) {
            found.add(what, format!("lacks {text}"), excerpt(body, 0));
        }
    }
}

/// The values of a header, by ASCII-case-insensitive name.
fn values<'a>(headers: &'a [Header], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |(have, _)| have.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_slice())
}

/// Whether a key is in some header's value.
fn leaks(headers: &[Header], key: &str) -> bool {
    headers.iter().any(|(_, value)| contains(value, key.as_bytes()))
}

/// Whether the client itself wrote its key into the body.
fn sent_in_body(case: &Case, key: &str) -> bool {
    case.body.as_ref().is_some_and(|body| contains(body, key.as_bytes()))
}

/// A list in order.
fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort_unstable();
    list
}

/// A list, one entry on each line.
fn show_list(list: &[String]) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join("\n") }
}

/// A status, or that there is none.
fn show_status(status: Option<u16>) -> String {
    status.map_or_else(|| "no answer".to_owned(), |status| status.to_string())
}

/// A long text around an offset.
fn excerpt(bytes: &[u8], at: usize) -> String {
    let text = readable(bytes);
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return if text.is_empty() { "(empty)".to_owned() } else { text };
    }
    let from = at.saturating_sub(SHOWN_CHARS_MAX / 4);
    let part: String = text.chars().skip(from).take(SHOWN_CHARS_MAX).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if from + SHOWN_CHARS_MAX < text.chars().count() { "…" } else { "" };
    format!("{before}{part}{after} ({} bytes, from {from})", bytes.len())
}

/// JSON with one value on each line, so that lines can be compared; `None` for what is no JSON, or
/// too long to be read.
fn in_lines(bytes: &[u8]) -> Option<String> {
    if bytes.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    serde_json::to_string_pretty(&value).ok()
}

/// One line of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// It is as expected.
    Same(&'a str),
    /// It is expected, and not there.
    Missing(&'a str),
    /// It is there, and not expected.
    Extra(&'a str),
    /// So many lines are as expected, and left out.
    Alike(usize),
}

impl Difference {
    /// Expected and actual line by line, with what is alike left out where it is long.
    pub fn lines(&self) -> Vec<Line<'_>> {
        let (expected, actual): (Vec<&str>, Vec<&str>) =
            (self.expected.lines().collect(), self.actual.lines().collect());
        let steps = similar::capture_diff_slices(similar::Algorithm::Myers, &expected, &actual);
        let mut lines = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let is_edge = (number == 0, number + 1 == steps.len());
            let changes: Vec<_> = step.iter_changes(&expected, &actual).collect();
            if step.tag() == similar::DiffTag::Equal {
                let same: Vec<&str> = changes.iter().map(similar::Change::value).collect();
                lines.extend(shortened(&same, is_edge));
                continue;
            }
            lines.extend(changes.iter().map(|change| match change.tag() {
                similar::ChangeTag::Delete => Line::Missing(change.value()),
                similar::ChangeTag::Insert => Line::Extra(change.value()),
                similar::ChangeTag::Equal => Line::Same(change.value()),
            }));
        }
        lines
    }

    /// Whether expected and actual are one line each.
    pub fn is_short(&self) -> bool {
        self.expected.lines().count() <= 1 && self.actual.lines().count() <= 1
    }
}

/// Lines that are alike, without those that are far from any other.
fn shortened<'a>(same: &[&'a str], (is_first, is_last): (bool, bool)) -> Vec<Line<'a>> {
    let head = if is_first { 0 } else { AROUND };
    let tail = if is_last { 0 } else { AROUND };
    let left_out = same.len().saturating_sub(head + tail);
    if left_out < 2 {
        return same.iter().map(|line| Line::Same(line)).collect();
    }
    let (before, rest) = same.split_at(head.min(same.len()));
    let after = rest.iter().skip(left_out);
    let mut lines: Vec<Line<'a>> = before.iter().map(|line| Line::Same(line)).collect();
    lines.push(Line::Alike(left_out));
    lines.extend(after.map(|line| Line::Same(line)));
    lines
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Same(line) => write!(f, "  {line}"),
            Line::Missing(line) => write!(f, "- {line}"),
            Line::Extra(line) => write!(f, "+ {line}"),
            Line::Alike(number) => write!(f, "  ({number} lines alike)"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.what)?;
        if self.is_short() {
            writeln!(f, "    expected  {}", self.expected)?;
            return writeln!(f, "    actual    {}", self.actual);
        }
        self.lines().iter().try_for_each(|line| writeln!(f, "    {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A comparison of two texts as it is printed.
    fn printed(expected: &str, actual: &str) -> String {
        let mut found = Differences { unseen: &[], list: Vec::new() };
        found.compare_text("body", expected.as_bytes(), actual.as_bytes());
        found.list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn bodies_are_compared_value_by_value() {
        assert_eq!(printed("{\"a\":1}", "{\"a\":1}"), "");
        let lines = printed("{\"a\":1,\"b\":[1,2]}", "{\"a\":1,\"b\":[1,3]}");
        assert!(lines.contains("\n          1,\n    -     2\n    +     3\n"), "{lines}");
        let blanks = printed("{\"a\":1}", "{\"a\": 1}");
        assert!(blanks.contains("expected  {\"a\":1}\n    actual    {\"a\": 1}"), "{blanks}");
        let text = printed("one", "two");
        assert_eq!(text, "  body\n    expected  one\n    actual    two\n");
    }

    #[test]
    fn what_is_alike_and_far_is_left_out() {
        let lines = |range: std::ops::Range<u32>| -> String {
            range.map(|one| one.to_string() + "\n").collect()
        };
        let expected = format!("{}x\n{}", lines(0..9), lines(20..29));
        let actual = format!("{}y\n{}", lines(0..9), lines(20..29));
        let difference = Difference { what: "list".to_owned(), expected, actual };
        let shown: Vec<String> = difference.lines().iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["  (7 lines alike)", "  7", "  8", "- x", "+ y", "  20", "  21", "  (7 lines alike)"]
        );
    }
}
