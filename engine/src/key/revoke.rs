//! Revoking a key in the text of a keys file, with comments and layout kept.
//!
//! The text is changed at one place: a `disabled` that is there becomes `true`, else a line is
//! added below the key's id. The result is read again and compared, so that a file which is
//! written in an unforeseen way is refused instead of damaged.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::lines::BYTE_ORDER;
use crate::problem::Problem;
use crate::settings::printable;

/// Sets `disabled = true` for one key in the text of a keys file of this name; `None` where the
/// file does not have the key.
///
/// What else is wrong with the file does not matter, because a revocation must not wait for
/// somebody else's mistake to be corrected. Only where the file cannot be read and mentions the
/// key, which may or may not be in it, that is a problem.
pub fn revoke(file: &str, text: &str, id: &str) -> Result<Option<String>, Problem> {
    if std::path::Path::new(file).extension().is_some_and(|end| end == "jsonl") {
        revoke_line(file, text, id)
    } else {
        revoke_table(file, text, id)
    }
}

/// The same for JSON lines: the key's line is written anew, and no other is touched.
fn revoke_line(file: &str, text: &str, id: &str) -> Result<Option<String>, Problem> {
    let (mut found, mut unread) = (0, None);
    let mut changed = String::with_capacity(text.len());
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        // A mark of the byte order stands before the first line, and is no part of it.
        let (mark, line) = line.split_at(line.len() - line.trim_start_matches(BYTE_ORDER).len());
        changed.push_str(mark);
        let key = serde_json::from_str::<serde_json::Value>(line).ok();
        if key.is_none() && line.contains(id) {
            unread.get_or_insert(number);
        }
        match key.filter(|key| key.get("id").and_then(|id| id.as_str()) == Some(id)) {
            Some(key) if key.get("disabled").is_some_and(|flag| flag == true) => {
                found += 1;
                changed.push_str(line);
            }
            Some(mut key) => {
                found += 1;
                if let Some(fields) = key.as_object_mut() {
                    fields.insert("disabled".to_owned(), true.into());
                }
                changed.push_str(&key.to_string());
                changed.push_str(line.get(line.trim_end().len()..).unwrap_or_default());
            }
            None => changed.push_str(line),
        }
    }
    match (found, unread) {
        (0, None) => Ok(None),
        (0, Some(line)) => {
            let problem = Problem::new(file, "this line is not JSON").at(line);
            Err(problem.help("correct the line, then revoke the key again"))
        }
        (1, _) => Ok(Some(changed)),
        _ => {
            let message = format!("the key `{}` is there twice", printable(id));
            Err(Problem::new(file, message).help("remove one line"))
        }
    }
}

/// The same for TOML.
fn revoke_table(file: &str, toml_text: &str, id: &str) -> Result<Option<String>, Problem> {
    let tree = match DeTable::parse(toml_text) {
        Ok(tree) => tree,
        Err(_) if !toml_text.contains(id) => return Ok(None),
        Err(error) => {
            let problem = Problem::new(file, format!("this is not TOML: {}", error.message()));
            let offset = error.span().map_or(0, |span| span.start);
            let help = "correct the file, then revoke the key again";
            return Err(problem.at_offset(toml_text, offset).help(help));
        }
    };
    let mut found = keys(tree.get_ref()).filter(|(_, key)| text_of(key, "id") == Some(id));
    let Some((number, key)) = found.next() else { return Ok(None) };
    if let Some((_, second)) = found.next() {
        let offset = second.get("id").map_or(0, |id| id.span().start);
        let message = format!("the key `{id}` is there twice");
        return Err(Problem::new(file, message)
            .at_offset(toml_text, offset)
            .help("remove one entry"));
    }
    let changed =
        changes(toml_text, key).into_iter().find(|text| differs_only_there(&tree, text, number));
    changed.map(Some).ok_or_else(|| {
        let offset = key.get("id").map_or(0, |id| id.span().start);
        let problem = Problem::new(file, format!("the key `{id}` is written in an unusual way"));
        problem.at_offset(toml_text, offset).help("set `disabled = true` for it by hand")
    })
}

/// The tables of `[[key]]` with their numbers.
fn keys<'a, 't>(root: &'a DeTable<'t>) -> impl Iterator<Item = (usize, &'a DeTable<'t>)> {
    let list = root.get("key").and_then(|keys| keys.get_ref().as_array());
    let tables = list.into_iter().flat_map(|list| list.iter());
    tables.enumerate().filter_map(|(number, key)| Some((number, key.get_ref().as_table()?)))
}

/// A text field of a table.
fn text_of<'a>(table: &'a DeTable<'_>, field: &str) -> Option<&'a str> {
    table.get(field).and_then(|value| value.get_ref().as_str())
}

/// The texts that may be right: `disabled` changed, or added as a line or within braces.
fn changes(text: &str, key: &DeTable<'_>) -> Vec<String> {
    if let Some(disabled) = key.get("disabled") {
        return replace(text, disabled.span(), "true").into_iter().collect();
    }
    let Some(id) = key.get("id") else { return Vec::new() };
    let end = id.span().end;
    let rest = text.get(end..).unwrap_or_default();
    let line_end = end + rest.find('\n').unwrap_or(rest.len());
    let line_end = if text.get(..line_end).is_some_and(|line| line.ends_with('\r')) {
        line_end - 1
    } else {
        line_end
    };
    let newline = if rest.contains("\r\n") { "\r\n" } else { "\n" };
    let indent = indent_before(text, id.span().start);
    let line = replace(text, line_end..line_end, &format!("{newline}{indent}disabled = true"));
    let within = replace(text, end..end, ", disabled = true");
    line.into_iter().chain(within).collect()
}

/// The blanks at the beginning of the line that an offset is in.
fn indent_before(text: &str, offset: usize) -> &str {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let blanks = line.len() - line.trim_start().len();
    line.get(..blanks).unwrap_or_default()
}

/// A text with one range replaced.
fn replace(text: &str, range: Range<usize>, by: &str) -> Option<String> {
    Some(format!("{}{by}{}", text.get(..range.start)?, text.get(range.end..)?))
}

/// Whether a changed text says the same, but for `disabled = true` in the key with this number.
fn differs_only_there(before: &Spanned<DeTable<'_>>, after: &str, number: usize) -> bool {
    let Ok(after) = DeTable::parse(after) else { return false };
    let Some((_, key)) = keys(after.get_ref()).find(|(one, _)| *one == number) else {
        return false;
    };
    let disabled = key.get("disabled").and_then(|value| value.get_ref().as_bool());
    let (mut before, mut after) = (before.get_ref().clone(), after.get_ref().clone());
    remove_disabled(&mut before, number);
    remove_disabled(&mut after, number);
    disabled == Some(true) && same_table(&before, &after)
}

/// Removes `disabled` from one key of a tree.
fn remove_disabled(root: &mut DeTable<'_>, number: usize) {
    if let Some(DeValue::Array(list)) = root.get_mut("key").map(Spanned::get_mut)
        && let Some(DeValue::Table(key)) = list.get_mut(number).map(Spanned::get_mut)
    {
        key.remove("disabled");
    }
}

/// Whether two tables say the same.
fn same_table(one: &DeTable<'_>, other: &DeTable<'_>) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|((name, value), (other_name, other_value))| {
            name.get_ref() == other_name.get_ref() && same(value.get_ref(), other_value.get_ref())
        })
}

/// Whether two values say the same.
fn same(one: &DeValue<'_>, other: &DeValue<'_>) -> bool {
    match (one, other) {
        (DeValue::Table(one), DeValue::Table(other)) => same_table(one, other),
        (DeValue::Array(one), DeValue::Array(other)) => {
            let mut pairs = one.iter().zip(other.iter());
            one.len() == other.len()
                && pairs.all(|(one, other)| same(one.get_ref(), other.get_ref()))
        }
        (DeValue::Table(_) | DeValue::Array(_), _) | (_, DeValue::Table(_) | DeValue::Array(_)) => {
            false
        }
        (one, other) => format!("{one:?}") == format!("{other:?}"),
    }
}
