//! Where things stand in the settings files, and what is allowed there.
//!
//! A bundle knows no lines. So the files are read a second time here, for the line of each key,
//! role, pattern, network and window, and for its `allow`.

use std::path::Path;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zonegate_engine::problem::Problem;

use super::allow::Allow;
use crate::folder::Folder;

/// The table that holds keys, which have their id in a field.
const KEY: &str = "key";
/// What some editors put before a text, and is no part of its first line.
const BYTE_ORDER: char = '\u{feff}';
/// The other files, with the table of each that holds named things.
const FILES: [(&str, &str); 4] = [
    ("roles.toml", "role"),
    ("patterns.toml", "pattern"),
    ("networks.toml", "network"),
    ("windows.toml", "window"),
];

/// One thing of a settings file.
#[derive(Clone, Debug)]
struct Place {
    /// Its file.
    file: String,
    /// The table that it stands in.
    table: &'static str,
    /// Its name or id.
    name: String,
    /// Its first line.
    first: usize,
    /// Its last line.
    last: usize,
}

/// All things of all settings files.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// By file, in the order of their lines.
    all: Vec<Place>,
    /// What is allowed.
    pub(super) allows: Vec<Allow>,
    /// Indexes of `all` by table and name.
    by_name: std::collections::HashMap<(&'static str, String), usize>,
}

impl Places {
    /// The places of a folder that packs.
    pub(super) fn of(folder: &Folder) -> Places {
        let mut places = Places::default();
        for (file, table) in FILES {
            if let Some(text) = folder.text(file) {
                places.read(file, table, text);
            }
        }
        for (file, text) in folder.keys() {
            let lines = Path::new(file).extension().is_some_and(|end| end == "jsonl");
            if lines { places.read_lines(file, text) } else { places.read(file, KEY, text) }
        }
        let names = places.all.iter().enumerate();
        places.by_name = names.map(|(at, place)| ((place.table, place.name.clone()), at)).collect();
        places
    }

    /// Reads one file.
    fn read(&mut self, file: &str, table: &'static str, text: &str) {
        let (tree, _) = DeTable::parse_recoverable(text);
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let line = |offset: usize| 1 + ends.partition_point(|end| *end < offset);
        let mut own = Vec::new();
        for (name, offset, fields) in items(tree.get_ref(), table) {
            let (file, first) = (file.to_owned(), line(offset));
            own.push((Place { file, table, name, first, last: usize::MAX }, fields));
        }
        own.sort_by_key(|(place, _)| place.first);
        let next: Vec<usize> = own.iter().skip(1).map(|(place, _)| place.first).collect();
        for (at, (mut place, fields)) in own.into_iter().enumerate() {
            place.last = next.get(at).map_or(usize::MAX, |next| next.saturating_sub(1));
            for (lint, reason, offset) in allowed(fields) {
                self.allows.push(Allow {
                    file: file.to_owned(),
                    first: place.first,
                    last: place.last,
                    line: line(offset),
                    lint,
                    reason,
                });
            }
            self.all.push(place);
        }
    }

    /// Reads one file of keys as JSON lines.
    fn read_lines(&mut self, file: &str, text: &str) {
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim_start_matches(BYTE_ORDER);
            let Ok(key) = serde_json::from_str::<Value>(text) else { continue };
            let field = |of: &Value, name: &str| of.get(name)?.as_str().map(str::to_owned);
            let Some(name) = field(&key, "id") else { continue };
            let allows = key.get("allow").and_then(Value::as_array).into_iter().flatten();
            self.allows.extend(allows.filter_map(|allow| {
                let (lint, reason) = (field(allow, "lint")?, field(allow, "reason")?);
                Some(Allow { file: file.to_owned(), first: line, last: line, line, lint, reason })
            }));
            let file = file.to_owned();
            self.all.push(Place { file, table: KEY, name, first: line, last: line });
        }
    }

    /// The place of a thing.
    fn find(&self, table: &'static str, name: &str) -> Option<&Place> {
        self.all.get(*self.by_name.get(&(table, name.to_owned()))?)
    }

    /// The line of a thing in its file.
    pub(super) fn line(&self, file: &'static str, name: &str) -> Option<usize> {
        let (_, table) = FILES.iter().find(|(one, _)| *one == file)?;
        self.find(table, name).map(|place| place.first)
    }

    /// A problem of a key, at its line.
    pub(super) fn of_key(&self, id: &str, message: String) -> Problem {
        match self.find(KEY, id) {
            Some(place) => Problem::new(&place.file, message).at(place.first),
            None => Problem::new("keys.toml", message),
        }
    }

    /// The problem at the line of the thing that it quotes, where it has none.
    pub(super) fn with_line(&self, problem: Problem) -> Problem {
        let table = match problem.file.as_str() {
            "keys.toml" => Some(KEY),
            file => FILES.iter().find(|(one, _)| *one == file).map(|(_, table)| *table),
        };
        let quoted = problem.message.split('`').nth(1);
        let line = match (problem.line, table, quoted) {
            (None, Some(table), Some(name)) => self.find(table, name).map(|place| place.first),
            _ => None,
        };
        match line {
            Some(line) => problem.at(line),
            None => problem,
        }
    }
}

/// The things of a file: name, byte offset, fields.
fn items<'t>(root: &'t DeTable<'t>, table: &str) -> Vec<(String, usize, &'t DeTable<'t>)> {
    let Some(value) = root.get(table) else { return Vec::new() };
    let named = value.get_ref().as_table().into_iter().flatten().filter_map(|(key, value)| {
        Some((key.get_ref().to_string(), key.span().start, value.get_ref().as_table()?))
    });
    let listed = value.get_ref().as_array().into_iter().flat_map(|list| list.iter());
    let listed = listed.filter_map(|item| {
        let fields = item.get_ref().as_table()?;
        Some((text(fields, "id")?, item.span().start, fields))
    });
    named.chain(listed).collect()
}

/// What is allowed in a table: lint, reason, byte offset.
fn allowed(fields: &DeTable<'_>) -> Vec<(String, String, usize)> {
    let list =
        fields.get("allow").and_then(|value: &Spanned<DeValue<'_>>| value.get_ref().as_array());
    let allows = list.into_iter().flat_map(|list| list.iter()).filter_map(|item| {
        let table = item.get_ref().as_table()?;
        Some((text(table, "lint")?, text(table, "reason")?, item.span().start))
    });
    allows.collect()
}

/// A text field.
fn text(table: &DeTable<'_>, name: &str) -> Option<String> {
    table.get(name)?.get_ref().as_str().map(str::to_owned)
}
