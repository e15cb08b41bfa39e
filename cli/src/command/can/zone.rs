//! `zonegate can --zone`: a table of keys by actions for one zone.

use zonegate_engine::name::Name;
use zonegate_engine::operation::Action;

use super::columns::{Column, all};
use super::finding::{Answer, Finding};
use super::subject::{State, Subject, Survey};
use super::who::finding_json;
use crate::output::{self, Ink, Paint, columns, line};

/// One key's row.
#[derive(Debug)]
pub(super) struct Row {
    /// The key's id, or the zone that the row is about.
    pub(super) head: String,
    /// Whether the key works at all.
    pub(super) state: State,
    /// A finding for each column.
    pub(super) cells: Vec<(Column, Finding)>,
}

/// A key's row in a zone.
pub(super) fn row(survey: &Survey<'_>, subject: &Subject<'_>, zone: &Name, head: &str) -> Row {
    let columns = all().into_iter();
    let cells = columns.map(|column| (column, column.ask(survey, subject, zone)));
    Row { head: head.to_owned(), state: subject.state, cells: cells.collect() }
}

/// The rows of all keys in a zone.
pub(super) fn ask(survey: &Survey<'_>, zone: &Name) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for key in survey.bundle.keys.iter() {
        let zones = std::slice::from_ref(zone);
        let subject = survey.subject(key, zones).map_err(|problem| problem.to_string())?;
        rows.push(row(survey, &subject, zone, &key.id));
    }
    Ok(rows)
}

/// Prints the table for a person.
pub(super) fn text(zone: &Name, rows: &[Row], note: &str) {
    let paint = Paint::stdout();
    line(paint.ink(Ink::Strong, &format!("Who can do what in {zone}")));
    tables(rows, "key", paint);
    line(paint.ink(Ink::Faint, note));
}

/// The table of some rows: a column for each area, with a letter for each action of it.
pub(super) fn tables(rows: &[Row], head: &str, paint: Paint) {
    let areas = areas();
    let headings = areas.iter().map(|(name, _)| (*name).to_owned());
    let mut table: Vec<Vec<String>> = vec![[head.to_owned()].into_iter().chain(headings).collect()];
    for row in rows {
        let cells = areas.iter().map(|(_, columns)| {
            let found = columns.iter().filter_map(|at| row.cells.get(*at));
            found.map(|(column, finding)| letter(column, finding)).collect()
        });
        table.push([named(row)].into_iter().chain(cells).collect());
    }
    line("");
    for (at, text) in columns(&table).iter().enumerate() {
        line(if at == 0 { paint.ink(Ink::Strong, text) } else { text.clone() });
    }
    line("");
    for text in LEGEND {
        line(paint.ink(Ink::Faint, text));
    }
}

/// What the letters mean.
const LEGEND: [&str; 3] = [
    "Capital: always. Small: it depends; --who says on what. -: never.",
    "account: L list zones, S search, W whoami. zone: R read, C create, U update, D delete, X export, I import, T transfer.",
    "dnssec, metadata, secret, server: R read, W write. cert: I issue. Records by type: R read, C create, D delete; wildcard: W.",
];

/// The areas: what each is called, and the numbers of its columns.
fn areas() -> Vec<(&'static str, Vec<usize>)> {
    let mut areas: Vec<(&'static str, Vec<usize>)> = Vec::new();
    for (at, column) in all().iter().enumerate() {
        let area = area(column);
        match areas.iter_mut().find(|(name, _)| *name == area) {
            Some((_, columns)) => columns.push(at),
            None => areas.push((area, vec![at])),
        }
    }
    areas
}

/// What a column belongs to.
fn area(column: &Column) -> &'static str {
    if let Some(group) = column.group {
        return group.name;
    }
    match column.action {
        Action::ZoneList | Action::Search | Action::KeyDescribe => "account",
        Action::SecretRead | Action::SecretWrite => "secret",
        Action::ServerRead | Action::ServerWrite => "server",
        Action::DnssecRead | Action::DnssecWrite => "dnssec",
        Action::MetadataRead | Action::MetadataWrite => "metadata",
        Action::CertificateIssue => "cert",
        Action::RecordWildcard => "wildcard",
        Action::ZoneRead
        | Action::ZoneCreate
        | Action::ZoneUpdate
        | Action::ZoneDelete
        | Action::ZoneExport
        | Action::ZoneImport
        | Action::ZoneTransfer
        | Action::RecordRead
        | Action::RecordCreate
        | Action::RecordDelete => "zone",
    }
}

/// The letter of a cell: a capital where it is always allowed.
fn letter(column: &Column, finding: &Finding) -> char {
    let name = match column.action {
        Action::ZoneList => 'l',
        Action::Search => 's',
        Action::ZoneUpdate => 'u',
        Action::ZoneExport => 'x',
        Action::ZoneImport | Action::CertificateIssue => 'i',
        Action::ZoneTransfer => 't',
        Action::ZoneCreate | Action::RecordCreate => 'c',
        Action::ZoneDelete | Action::RecordDelete => 'd',
        Action::ZoneRead
        | Action::RecordRead
        | Action::DnssecRead
        | Action::MetadataRead
        | Action::SecretRead
        | Action::ServerRead => 'r',
        Action::KeyDescribe
        | Action::RecordWildcard
        | Action::DnssecWrite
        | Action::MetadataWrite
        | Action::SecretWrite
        | Action::ServerWrite => 'w',
    };
    match finding.answer {
        Answer::Yes => name.to_ascii_uppercase(),
        Answer::Depends => name,
        Answer::No => '-',
    }
}

/// The head of a row, marked where the key does not work.
fn named(row: &Row) -> String {
    match row.state {
        State::Valid(_) => row.head.clone(),
        State::Early(_) | State::Expired(_) | State::Disabled => {
            format!("{} [{}]", row.head, row.state.code())
        }
    }
}

/// Prints the table for a program.
pub(super) fn json(zone: &Name, rows: &[Row]) {
    let rows: Vec<_> = rows.iter().map(|row| row_json(row, "key")).collect();
    output::json(&serde_json::json!({ "zone": zone.as_str(), "keys": rows }));
}

/// A row for a program.
pub(super) fn row_json(row: &Row, head: &str) -> serde_json::Value {
    let cells = row.cells.iter().map(|(column, finding)| {
        let mut json = finding_json(finding);
        if let Some(object) = json.as_object_mut() {
            object.insert("action".to_owned(), column.action.name().into());
            object.insert("types".to_owned(), column.group.map(|group| group.name).into());
        }
        json
    });
    serde_json::json!({ head: row.head, "state": row.state.code(), "cells": cells.collect::<Vec<_>>() })
}
