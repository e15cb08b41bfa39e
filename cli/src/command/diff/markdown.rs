//! A comparison as a comment on a pull request: bounded, folded, and made of harmless text.

use super::escape::{block, code, printable};
use super::{Report, text};
use crate::command::counted;
use crate::compare::Direction;
use crate::compare::report::{Certainty, Finding, Method, Repeatable, Unit};
use crate::compare::surface::{PolicyChange, Turn};

/// Bytes of a comment; GitHub takes 65,536 characters, GitLab a million.
const BYTES_MAX: usize = 60_000;
/// Bytes that are kept for the end of a comment.
const END_BYTES: usize = 2_000;
/// Characters of one text from a policy.
const TEXT_CHARS_MAX: usize = 300;
/// Keys that are named.
const KEYS_SHOWN: usize = 20;

/// A comment that is being written.
struct Comment {
    /// What is written.
    text: String,
    /// Parts that had no place any more.
    left_out: usize,
}

impl Comment {
    /// Adds a part, whole or not at all.
    fn add(&mut self, part: &str) {
        if self.text.len() + part.len() + END_BYTES > BYTES_MAX {
            self.left_out += 1;
        } else {
            self.text.push_str(part);
        }
    }
}

/// The comment.
pub(super) fn of(report: &Report) -> String {
    let comparison = &report.comparison;
    let mut comment = Comment { text: String::new(), left_out: 0 };
    comment.add(&format!("### {}\n\n", heading(report)));
    let (old, new) = (report.old.to_string(), report.new.to_string());
    comment.add(&format!("{} → {}\n\n", short(&old), short(&new)));
    let effects: Vec<&Unit> = comparison.units.iter().collect();
    if !effects.is_empty() {
        comment.add("| change | allows more | allows less |\n|---|---|---|\n");
        for unit in &effects {
            let cells = [cell(&unit.more), cell(&unit.less)];
            let title = short(&text::title(report, unit));
            comment.add(&format!("| {title} | {} |\n", cells.join(" | ")));
        }
        comment.add("\n");
    }
    for unit in &effects {
        for (direction, finding) in [(Direction::More, &unit.more), (Direction::Less, &unit.less)] {
            if let Finding::Shown(found) = finding {
                comment.add(&shown(report, unit, direction, found));
            }
        }
    }
    comment.add(&changed(report));
    for line in text::closing(report) {
        comment.add(&format!("- {}\n", short(&line)));
    }
    let Comment { text, left_out } = comment;
    if left_out == 0 {
        return text;
    }
    let end = "parts had no place in this comment; `zonegate diff` prints all of them.";
    format!("{text}\n{left_out} {end}\n")
}

/// Whether decisions change, in a few words.
fn heading(report: &Report) -> String {
    let changes = |direction| report.comparison.changes(direction);
    let units = &report.comparison.units;
    let unsure = |finding: &Finding| matches!(finding, Finding::No(Certainty::NotFound(..)));
    match (changes(Direction::More), changes(Direction::Less)) {
        _ if report.comparison.surface.is_empty() => "Policies: nothing changed".to_owned(),
        (true, true) if !units.iter().any(|one| one.more.is_change() || one.less.is_change()) => {
            "Policies: what requests mean may have changed".to_owned()
        }
        (true, true) => "Policies: more is allowed, and less".to_owned(),
        (true, false) => "Policies: more is allowed".to_owned(),
        (false, true) => "Policies: less is allowed".to_owned(),
        (false, false) if units.iter().any(|one| unsure(&one.more) || unsure(&one.less)) => {
            "Policies: no changed decision found".to_owned()
        }
        (false, false) => "Policies: no decision changes".to_owned(),
    }
}

/// A text from outside as code, cut where it is very long.
fn short(text: &str) -> String {
    if text.chars().count() <= TEXT_CHARS_MAX {
        return code(text);
    }
    let cut: String = text.chars().take(TEXT_CHARS_MAX).collect();
    code(&format!("{cut}..."))
}

/// One direction of a change in a cell of the table.
fn cell(finding: &Finding) -> String {
    match finding {
        Finding::Shown(found) => {
            let by = match found.method {
                Method::Requests => "a request",
                Method::Solver => "the solver",
            };
            format!("**yes**, {}, found by {by}", counted(found.keys.len(), "key"))
        }
        Finding::Secret => "**yes**, the secret".to_owned(),
        Finding::No(Certainty::Certain(_)) => "no, certainly".to_owned(),
        Finding::No(Certainty::Proved) => "no, proved".to_owned(),
        Finding::No(Certainty::NotFound(requests, _)) => {
            format!("none found in {requests} requests, not proved")
        }
    }
}

/// A decision that changes, folded.
fn shown(report: &Report, unit: &Unit, direction: Direction, found: &Repeatable) -> String {
    let example = &found.example;
    let title = short(&text::title(report, unit));
    let word = text::word(direction);
    let keys = short(&text::keys(found, KEYS_SHOWN));
    format!(
        "<details><summary>{title} allows {word}: {}</summary>\n\n- {keys}\n- {}\n- before: {}\n- now: \
         {}\n- {}\n\n{}\n\n</details>\n\n",
        short(&example.probe.operation.to_string()),
        short(&example.circumstances),
        short(&example.old),
        short(&example.new),
        text::method(found.method),
        block(&report.command(example)),
    )
}

/// Everything that changed, folded.
fn changed(report: &Report) -> String {
    let surface = &report.comparison.surface;
    let mut lines: Vec<String> = Vec::new();
    for change in &surface.policies {
        lines.push(policy_line(change));
        let details = change.details.iter().flat_map(text::detail_lines);
        lines.extend(details.map(|line| format!("    {line}")));
    }
    for change in &surface.keys {
        let mark = text::key_mark(change.turn);
        lines.push(format!("{mark} key {} {}", change.id, change.turn.words()));
        let details = change.details.iter().flat_map(text::detail_lines);
        lines.extend(details.map(|line| format!("    {line}")));
    }
    lines.extend(surface.lists.iter().map(text::list_line));
    lines.extend(surface.providers.iter().map(|name| format!("~ provider {name} edited")));
    let mut kept: Vec<String> = Vec::new();
    let mut bytes = 0;
    for line in lines.iter().map(|line| printable(line)) {
        let line: String = line.chars().take(TEXT_CHARS_MAX).collect();
        // Each character of punctuation becomes up to eight in the comment.
        bytes += line.len() * 3;
        if bytes > BYTES_MAX / 3 {
            break;
        }
        kept.push(line);
    }
    let more = lines.len() - kept.len();
    if more > 0 {
        kept.push(format!("... and {more} more lines"));
    }
    let count = surface.policies.len() + surface.keys.len() + surface.lists.len();
    if count + surface.providers.len() == 0 {
        return String::new();
    }
    format!(
        "<details><summary>What changed: {count} entries</summary>\n\n{}\n\n</details>\n\n",
        block(&kept.join("\n"))
    )
}

/// A changed policy in one line.
fn policy_line(change: &PolicyChange) -> String {
    let mark = match change.turn {
        Turn::Added => "+",
        Turn::Removed => "-",
        Turn::Edited | Turn::Renamed(_) | Turn::Reworded | Turn::Through(_) => "~",
    };
    let effect = if change.forbids { "forbid" } else { "permit" };
    let PolicyChange { id, turn, place, doc, .. } = change;
    format!("{mark} {effect} {id} {}, {place}: {doc}", turn.words())
}
