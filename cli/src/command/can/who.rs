//! `zonegate can --who`: which keys can do this, and what it depends on.

use zonegate_engine::operation::{Action, Operation};

use super::finding::{Answer, Finding, find};
use super::subject::{State, Subject, Survey};
use crate::ask::meant;
use crate::output::{self, Ink, Paint, columns, line};

/// Keys that are listed, of those that can not.
const NOBODIES_MAX: usize = 60;

/// One key's answer.
#[derive(Debug)]
pub(super) struct Row {
    /// The key's id.
    id: String,
    /// Who has it.
    description: String,
    /// Whether it works at all.
    state: State,
    /// What was found.
    finding: Finding,
}

/// Asks every key.
pub(super) fn ask(survey: &Survey<'_>, operation: &Operation) -> Result<Vec<Row>, String> {
    let zones: Vec<_> = operation.zone_name().cloned().into_iter().collect();
    let mut rows = Vec::new();
    for key in survey.bundle.keys.iter() {
        let subject = survey.subject(key, &zones).map_err(|problem| problem.to_string())?;
        rows.push(row(survey, &subject, operation));
    }
    rows.sort_by(|one, other| {
        (one.finding.answer, &one.id).cmp(&(other.finding.answer, &other.id))
    });
    Ok(rows)
}

/// One key's answer.
fn row(survey: &Survey<'_>, subject: &Subject<'_>, operation: &Operation) -> Row {
    let finding = find(survey, subject, operation.action, std::slice::from_ref(operation));
    Row {
        id: subject.key.id.clone(),
        description: subject.key.description.clone(),
        state: subject.state,
        finding,
    }
}

/// Prints the answers for a person.
pub(super) fn text(operation: &Operation, rows: &[Row], note: &str) {
    let paint = Paint::stdout();
    line(paint.ink(Ink::Strong, &format!("Who can {operation}?")));
    if meant(operation).iter().any(|one| one.action == Action::RecordWildcard)
        && operation.action != Action::RecordWildcard
    {
        line(paint.ink(Ink::Faint, "a wildcard name asks for record.wildcard besides"));
    }
    let mut cells = Vec::new();
    let mut inks = Vec::new();
    for row in rows.iter().filter(|row| row.finding.answer != Answer::No) {
        let by: Vec<&str> = row.finding.by.iter().map(String::as_str).collect();
        let by = format!("by {}", by.join(", "));
        let answer = row.finding.answer.word().to_owned();
        cells.push(vec![answer, row.id.clone(), short(&row.description), by]);
        inks.push(if row.finding.answer == Answer::Yes { Ink::Good } else { Ink::Doubt });
        let sentences = row.finding.sentences().into_iter().map(|one| format!("if {one}"));
        for sentence in row.state.words().into_iter().chain(sentences) {
            cells.push(vec![String::new(), format!("  {sentence}")]);
            inks.push(Ink::Faint);
        }
    }
    for (text, ink) in aligned(&cells).iter().zip(inks) {
        let (word, rest) = text.split_at_checked(7).unwrap_or((text, ""));
        line(if ink == Ink::Faint {
            text.clone()
        } else {
            format!("{}{rest}", paint.ink(ink, word))
        });
    }
    nobodies(rows, paint);
    line(paint.ink(Ink::Faint, note));
}

/// Rows in columns, where sentences do not make a column wide.
fn aligned(cells: &[Vec<String>]) -> Vec<String> {
    let wide: Vec<Vec<String>> = cells.iter().filter(|row| row.len() > 2).cloned().collect();
    let mut wide = columns(&wide).into_iter();
    let lines = cells.iter().map(|row| match row.as_slice() {
        [_, sentence] => format!("         {sentence}"),
        _ => wide.next().unwrap_or_default(),
    });
    lines.collect()
}

/// The keys that can not, with those first that do not work.
fn nobodies(rows: &[Row], paint: Paint) {
    let no: Vec<&Row> = rows.iter().filter(|row| row.finding.answer == Answer::No).collect();
    if no.is_empty() {
        return;
    }
    let mut ids: Vec<String> = no.iter().take(NOBODIES_MAX).map(|row| named(row)).collect();
    if no.len() > NOBODIES_MAX {
        ids.push(format!("and {} more (--format json has all)", no.len() - NOBODIES_MAX));
    }
    let head = format!("no       {}: ", super::super::counted(no.len(), "key"));
    line(format!("{}{}", paint.ink(Ink::Bad, &head), ids.join(", ")));
}

/// A key's id, with its state where that is why it can not.
fn named(row: &Row) -> String {
    row.state.words().map_or_else(|| row.id.clone(), |words| format!("{} ({words})", row.id))
}

/// A description as far as a line has room for it.
fn short(text: &str) -> String {
    let line: String =
        text.chars().take(48).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(48).is_some() { format!("{line}...") } else { line }
}

/// Prints the answers for a program.
pub(super) fn json(operation: &Operation, rows: &[Row]) {
    let rows: Vec<_> = rows.iter().map(row_json).collect();
    output::json(&serde_json::json!({ "operation": operation.to_string(), "keys": rows }));
}

/// One key for a program.
fn row_json(row: &Row) -> serde_json::Value {
    let mut json = finding_json(&row.finding);
    if let Some(object) = json.as_object_mut() {
        object.insert("key".to_owned(), row.id.clone().into());
        object.insert("description".to_owned(), row.description.clone().into());
        object.insert("state".to_owned(), row.state.code().into());
        object.insert("note".to_owned(), row.state.words().into());
    }
    json
}

/// What was found, for a program.
pub(super) fn finding_json(found: &Finding) -> serde_json::Value {
    let counter = found.counter.as_ref();
    serde_json::json!({
        "answer": found.answer.word(),
        "by": found.by,
        "against": found.against,
        "depends_on": found.on.iter().map(|one| one.word()).collect::<Vec<_>>(),
        "when": found.when,
        "more": found.more,
        "asked": found.asked,
        "allowed": found.allowed,
        "example": found.example.as_ref().map(crate::ask::Probe::explain_arguments),
        "counterexample": counter.map(|(probe, _)| probe.explain_arguments()),
        "reason": counter.map(|(_, reason)| reason.code()),
    })
}
