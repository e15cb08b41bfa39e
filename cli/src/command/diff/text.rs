//! A comparison for a terminal.

use super::Report;
use super::escape::printable;
use crate::command::counted;
use crate::compare::Direction;
use crate::compare::report::{Certainty, Finding, Method, Repeatable, Unit, What};
use crate::compare::surface::{Detail, KeyTurn, ListChange, PolicyChange, Turn};
use crate::output::{Ink, Paint, columns, line};

/// Keys that are named for a person.
const KEYS_SHOWN: usize = 8;
/// Changes of one kind that are listed for a person.
const CHANGES_SHOWN: usize = 60;

/// Prints a comparison.
pub(super) fn print(report: &Report) {
    let paint = Paint::stdout();
    let comparison = &report.comparison;
    let head = format!("{} -> {}", report.old, report.new);
    line(paint.ink(Ink::Strong, &printable(&head)));
    if comparison.surface.is_empty() {
        line("nothing changed");
        return;
    }
    line("");
    surface(report, paint);
    for unit in &comparison.units {
        line("");
        one(report, unit, paint);
    }
    line("");
    for text in closing(report) {
        line(text);
    }
    line(verdict(report, paint));
}

/// What changed, one line each, with the parts that did.
fn surface(report: &Report, paint: Paint) {
    let surface = &report.comparison.surface;
    let mut rows: Vec<(Vec<String>, &[Detail])> = Vec::new();
    rows.extend(surface.policies.iter().map(|one| (policy_row(one), one.details.as_slice())));
    let keys = surface.keys.iter().take(CHANGES_SHOWN);
    rows.extend(keys.map(|one| {
        let mark = key_mark(one.turn).to_owned();
        let turn = one.turn.words().to_owned();
        (vec![mark, "key".to_owned(), one.id.clone(), turn, one.description.clone()], &*one.details)
    }));
    let cells: Vec<Vec<String>> =
        rows.iter().map(|(row, _)| row.iter().map(|cell| printable(cell)).collect()).collect();
    for (text, (_, details)) in columns(&cells).iter().zip(&rows) {
        line(painted(text, paint));
        for detail in *details {
            for text in detail_lines(detail) {
                line(format!("    {}", painted(&text, paint)));
            }
        }
    }
    if surface.keys.len() > CHANGES_SHOWN {
        let more = surface.keys.len() - CHANGES_SHOWN;
        line(format!("  ... and {} more; --format json has all of them", counted(more, "key")));
    }
    for change in &surface.lists {
        line(painted(&printable(&list_line(change)), paint));
    }
    for provider in &surface.providers {
        line(painted(&format!("~ provider {} edited", printable(provider)), paint));
    }
}

/// A policy's mark, effect, id, turn and place.
fn policy_row(change: &PolicyChange) -> Vec<String> {
    let effect = if change.forbids { "forbid" } else { "permit" };
    let mark = match change.turn {
        Turn::Added => "+",
        Turn::Removed => "-",
        Turn::Edited | Turn::Renamed(_) | Turn::Reworded | Turn::Through(_) => "~",
    };
    let what = if change.template { format!("{effect} template") } else { effect.to_owned() };
    let (id, turn, place) = (change.id.clone(), change.turn.words(), change.place.clone());
    vec![mark.to_owned(), what, id, turn, place]
}

/// The mark of a key's change.
pub(super) fn key_mark(turn: KeyTurn) -> &'static str {
    match turn {
        KeyTurn::Added => "+",
        KeyTurn::Removed => "-",
        KeyTurn::Revoked
        | KeyTurn::Restored
        | KeyTurn::Edited
        | KeyTurn::Rotated
        | KeyTurn::Reworded => "~",
    }
}

/// A changed part: what went, then what came.
pub(super) fn detail_lines(detail: &Detail) -> Vec<String> {
    let text = |mark: &str, text: &Option<String>| {
        let text = text.as_ref()?;
        Some(printable(&format!("{mark} {}: {text}", detail.what)))
    };
    [text("-", &detail.old), text("+", &detail.new)].into_iter().flatten().collect()
}

/// A changed role, pattern, network or window, in one line.
pub(super) fn list_line(change: &ListChange) -> String {
    let ListChange { what, name, old, new } = change;
    let name = if name.is_empty() { String::new() } else { format!(" {name}") };
    match (old.as_deref(), new.as_deref()) {
        (None, Some("")) => format!("+ {what}{name} added"),
        (Some(""), None) => format!("- {what}{name} removed"),
        (None, Some(new)) => format!("+ {what}{name} added: {new}"),
        (Some(old), None) => format!("- {what}{name} removed: {old}"),
        (old, new) => {
            format!("~ {what}{name}: {} -> {}", old.unwrap_or_default(), new.unwrap_or_default())
        }
    }
}

/// A line in the colour of its mark.
fn painted(text: &str, paint: Paint) -> String {
    match text.chars().next() {
        Some('+') => paint.ink(Ink::Good, text),
        Some('-') => paint.ink(Ink::Bad, text),
        _ => text.to_owned(),
    }
}

/// What a change is called.
pub(super) fn title(report: &Report, unit: &Unit) -> String {
    let surface = &report.comparison.surface;
    match &unit.what {
        What::Policy(place) => surface.policies.get(*place).map_or_else(String::new, |change| {
            let what = if change.template { "template" } else { "policy" };
            format!("{what} {} ({})", change.id, change.turn.words())
        }),
        What::Keys(places) => {
            let changes: Vec<_> =
                places.iter().filter_map(|place| surface.keys.get(*place)).collect();
            match changes.as_slice() {
                [] => "keys that did not change themselves".to_owned(),
                [one] => format!("key {} ({})", one.id, one.turn.words()),
                [one, rest @ ..] => {
                    let others = counted(rest.len(), "other key");
                    format!(
                        "key {} ({}) and {others} with the same change",
                        one.id,
                        one.turn.words()
                    )
                }
            }
        }
        What::Secret(place) => {
            let id = surface.keys.get(*place).map_or("", |change| change.id.as_str());
            format!("the secret of key {id}")
        }
    }
}

/// What a change does, in a word.
pub(super) fn effect(unit: &Unit) -> &'static str {
    match (unit.more.is_change(), unit.less.is_change()) {
        (true, true) => "allows more and less",
        (true, false) => "allows more",
        (false, true) => "allows less",
        (false, false) => "changes no decision",
    }
}

/// One change with what it means.
fn one(report: &Report, unit: &Unit, paint: Paint) {
    let ink = match (unit.more.is_change(), unit.less.is_change()) {
        (true, _) => Ink::Bad,
        (false, true) => Ink::Doubt,
        (false, false) => Ink::Good,
    };
    let title = paint.ink(Ink::Strong, &printable(&title(report, unit)));
    line(format!("{title}: {}", paint.ink(ink, effect(unit))));
    for (direction, finding) in [(Direction::More, &unit.more), (Direction::Less, &unit.less)] {
        match finding {
            Finding::Shown(found) => shown(report, direction, found, paint),
            Finding::Secret => line(format!("  {}", secret(direction))),
            Finding::No(certainty) => {
                let text = format!("  {}: {}", word(direction), no(certainty));
                line(paint.ink(Ink::Faint, &text));
            }
        }
    }
}

/// The word of a direction.
pub(super) fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::More => "more",
        Direction::Less => "less",
    }
}

/// What a secret that came or went means.
pub(super) fn secret(direction: Direction) -> &'static str {
    match direction {
        Direction::More => "more: whoever holds the new secret can use the key",
        Direction::Less => "less: whoever holds the old secret cannot use the key any more",
    }
}

/// Why no decision changes, and how sure that is.
pub(super) fn no(certainty: &Certainty) -> String {
    match certainty {
        Certainty::Certain(why) => format!("no, certainly: {why}"),
        Certainty::Proved => "no, proved for all keys and requests".to_owned(),
        Certainty::NotFound(requests, why) => {
            let why = why.as_ref().map_or(String::new(), |why| format!(" ({})", printable(why)));
            format!("none found in {}; not proved{why}", counted_requests(*requests))
        }
    }
}

/// A number of generated requests.
pub(super) fn counted_requests(requests: u64) -> String {
    format!("{requests} generated request{}", if requests == 1 { "" } else { "s" })
}

/// How something was found, in words.
pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::Requests => "found by a generated request, decided on both sides",
        Method::Solver => "found by the solver, decided on both sides",
    }
}

/// The keys for which a decision changes, in words; `most` of them are named.
pub(super) fn keys(found: &Repeatable, most: usize) -> String {
    let named: Vec<&str> = found.keys.iter().take(most).map(String::as_str).collect();
    let more = found.keys.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let unshown = match found.unshown {
        0 => String::new(),
        number => format!("; {} like them: none found", counted(number, "key")),
    };
    format!("{}: {}{more}{unshown}", counted(found.keys.len(), "key"), named.join(", "))
}

/// A decision that changes.
fn shown(report: &Report, direction: Direction, found: &Repeatable, paint: Paint) {
    let example = &found.example;
    line(printable(&format!("  {} for {}", word(direction), keys(found, KEYS_SHOWN))));
    line(printable(&format!("    {}", example.probe.operation)));
    line(paint.ink(Ink::Faint, &printable(&format!("    {}", example.circumstances))));
    line(printable(&format!("    before: {}", example.old)));
    line(printable(&format!("    now:    {}", example.new)));
    line(paint.ink(Ink::Faint, &format!("    {}", method(found.method))));
    line(paint.ink(Ink::Help, &format!("    {}", printable(&report.command(example)))));
}

/// What is said at the end of every report.
pub(super) fn closing(report: &Report) -> Vec<String> {
    let comparison = &report.comparison;
    let mut lines = Vec::new();
    if comparison.untouched > 0 {
        let keys = counted(comparison.untouched, "key");
        lines.push(format!("{keys}: decided about by the same policies as before"));
    }
    if comparison.over > 0 {
        let keys = counted(comparison.over, "key");
        lines.push(format!("{keys}: valid no more, before and now"));
    }
    if comparison.requests > 0 {
        let requests = counted_requests(comparison.requests);
        lines.push(format!("{requests} compared, from {} on", comparison.at));
    }
    if comparison.left_out > 0 {
        lines.push(format!("{} left out, to end in time", counted_requests(comparison.left_out)));
    }
    if let Some(why) = &comparison.unproved {
        let why = why.lines().next().unwrap_or_default().trim_end_matches('.');
        lines.push(format!("nothing is proved: {why} (see `zonegate prove --help`)"));
    }
    for provider in &comparison.surface.providers {
        let name = printable(provider);
        lines.push(format!(
            "not compared: what requests of the provider {name} mean; run `zonegate test`"
        ));
    }
    lines
}

/// The last line: whether decisions change.
fn verdict(report: &Report, paint: Paint) -> String {
    let comparison = &report.comparison;
    let certain = comparison.units.iter().all(|unit| {
        let sure = |finding: &Finding| !matches!(finding, Finding::No(Certainty::NotFound(..)));
        sure(&unit.more) && sure(&unit.less)
    });
    let counted = |finding: &dyn Fn(&Unit) -> bool| {
        comparison.units.iter().filter(|unit| finding(unit)).count()
    };
    let more = counted(&|unit| unit.more.is_change());
    let less = counted(&|unit| unit.less.is_change());
    match (more, less) {
        (0, 0) if !comparison.surface.providers.is_empty() => {
            paint.ink(Ink::Doubt, "what requests mean may have changed")
        }
        (0, 0) if certain => paint.ink(Ink::Good, "no decision changes"),
        (0, 0) => paint.ink(Ink::Good, "no changed decision found"),
        (more, less) => {
            let ink = if more > 0 { Ink::Bad } else { Ink::Doubt };
            let text = format!(
                "decisions change: {} more, {} less",
                says(more, "allow"),
                says(less, "allow")
            );
            paint.ink(ink, &text)
        }
    }
}

/// `1 change allows`, `2 changes allow`.
fn says(number: usize, verb: &str) -> String {
    let ending = if number == 1 { "s" } else { "" };
    format!("{} {verb}{ending}", counted(number, "change"))
}
