//! Rows that hold for every provider, written once.
//!
//! A file may begin with `[[for]]` entries, one for each provider: how its key is shown, and a
//! few of its requests by name. A row with `request = "list"` is then one case for each entry,
//! named `<provider>: <name>`; it sends that request of the entry, unless it has a `send`, a `body`
//! or `headers` of its own. In all its texts stand marks:
//!
//! | Mark | Stands for |
//! |---|---|
//! | `{send}`, `{method}`, `{target}`, `{stem}` | the request's line; its method; its target; that without a slash at its end |
//! | `{body}`, `{open}`, `{inside}`, `{close}` | its body; up to its first object's brace; what is in there; the rest |
//! | `{lookup}`, `{means}`, `{upstream}` | what is looked up for it, what it means, what the provider answers |
//! | `{list.target}` | the same of the request named `list` |
//! | `{provider}`, `{key_header}`, `{key_prefix}` | of the entry |
//! | any other, such as `{not_found}` | the text under `with` in the row, `say` in the entry, or `[text]` in the file |
//!
//! A text that is nothing but a mark becomes what it stands for, also where that is a list or a
//! table. A mark that an entry has nothing for is an error, and so is a request that it lacks,
//! unless its `lacks` says why. A row's `but = { vultr = "why" }` leaves an entry out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::de::DeValue;
use toml::{Spanned, Table, Value};

use crate::bytes;
use crate::problem::Problem;
use crate::shape::{Entry, Repeat, Request, Row};

/// The field of a row that makes it one for every entry.
pub(crate) const REQUEST: &str = "request";
/// The field of a row that names the entries that it leaves out.
const BUT: &str = "but";
/// The field of a row with texts for marks.
const WITH: &str = "with";
/// The mark of a repetition's number, which is not of this kind.
const NUMBER: &str = "i";
/// How deep marks may stand for texts with marks.
const DEPTH_MAX: usize = 4;

/// Where marks stand.
#[derive(Clone, Copy)]
struct At<'a> {
    /// The request that the row is about.
    request: &'a str,
    /// The row's own marks.
    with: &'a BTreeMap<String, String>,
}

/// The rows that one row is, each with the problem that it has instead.
pub(crate) fn rows(
    file: &str,
    line: usize,
    row: Spanned<DeValue<'_>>,
    entries: &[Entry],
) -> Vec<Result<Row, Problem>> {
    let problem = |message: String| Problem::new(file, message).at(line);
    let mut row = match Table::deserialize(row.into_deserializer()) {
        Ok(row) => row,
        Err(error) => return vec![Err(problem(error.message().to_owned()))],
    };
    let name = row.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(Value::String(request)) = row.remove(REQUEST) else {
        return vec![Err(problem(format!("in `{name}`: `request` must be a name")))];
    };
    if entries.is_empty() {
        let problem = problem(format!("in `{name}`: `request` in a file without `[[for]]`"));
        return vec![Err(problem.help("say with `[[for]]` for which providers the row is"))];
    }
    let but = match row.remove(BUT).map(BTreeMap::<String, String>::deserialize).transpose() {
        Ok(but) => but.unwrap_or_default(),
        Err(_) => return vec![Err(problem(format!("in `{name}`: `but` is no list of reasons")))],
    };
    let with = match row.remove(WITH).map(BTreeMap::<String, String>::deserialize).transpose() {
        Ok(with) => with.unwrap_or_default(),
        Err(_) => return vec![Err(problem(format!("in `{name}`: `with` is no list of texts")))],
    };
    let mut rows: Vec<Result<Row, Problem>> = but
        .iter()
        .filter(|(label, why)| {
            why.trim().is_empty() || !entries.iter().any(|entry| entry.label() == label.as_str())
        })
        .map(|(label, _)| {
            let message = format!("in `{name}`: `but.{label}` names no entry, or gives no reason");
            Err(problem(message))
        })
        .collect();
    for entry in entries.iter().filter(|entry| !but.contains_key(entry.label())) {
        match entry.row(&row, At { request: &request, with: &with }) {
            Ok(None) => {}
            Ok(Some(row)) => rows.push(Ok(row)),
            Err(message) => {
                let message = format!("in `{}: {name}`: {message}", entry.label());
                rows.push(Err(problem(message)));
            }
        }
    }
    rows
}

/// Gives the long texts of a file to all its entries.
pub(crate) fn add_texts(entries: &mut [Entry], texts: Spanned<DeValue<'_>>) -> Result<(), String> {
    let texts = BTreeMap::<String, Repeat>::deserialize(texts.into_deserializer());
    for (name, repeat) in texts.map_err(|error| error.message().to_owned())? {
        let text = bytes::repeated(&repeat)?;
        let text = String::from_utf8(text).map_err(|error| error.to_string())?;
        for entry in &mut *entries {
            entry.say.entry(name.clone()).or_insert_with(|| text.clone());
        }
    }
    Ok(())
}

impl Entry {
    /// What stands before the names of its rows.
    fn label(&self) -> &str {
        self.label.as_ref().unwrap_or(&self.provider)
    }

    /// A row for this entry; none where it lacks the request and says why.
    fn row(&self, row: &Table, at: At<'_>) -> Result<Option<Row>, String> {
        let request = at.request;
        let Some(asked) = self.request.get(request) else {
            let why = self.lacks.get(request).map(|why| why.trim()).unwrap_or_default();
            let missing =
                format!("`[[for]]` has no request `{request}` and no `lacks` with a reason");
            return if why.is_empty() { Err(missing) } else { Ok(None) };
        };
        let filled = self.fill(&Value::Table(row.clone()), at, 0)?;
        let Value::Table(mut row) = filled else { return Err("it is no row".to_owned()) };
        for (field, value) in self.fields(asked, &row) {
            let value = self.fill(&value, at, 0)?;
            row.entry(field).or_insert(value);
        }
        let name = row.get("name").and_then(Value::as_str).unwrap_or_default();
        let name = format!("{}: {name}", self.label());
        row.insert("name".to_owned(), Value::String(name));
        Row::deserialize(Value::Table(row)).map(Some).map_err(|error| error.message().to_owned())
    }

    /// The fields that a row has from the entry and its request, where it does not say them itself.
    fn fields(&self, request: &Request, row: &Table) -> Vec<(&'static str, Value)> {
        let text = |text: &Option<String>| text.clone().map(Value::String);
        let pairs = |pairs: &[[String; 2]]| Value::try_from(pairs).ok();
        let without_key = row.get("key").and_then(Value::as_str) == Some("none");
        let has_body = row.keys().any(|field| field.starts_with("body"));
        let mut fields = vec![
            ("provider", Some(Value::String(self.provider.clone()))),
            ("account", text(&self.account)),
            ("send", Some(Value::String(request.send.clone()))),
            ("body", text(&request.body).filter(|_| !has_body)),
            ("headers", pairs(&request.headers)),
        ];
        if !without_key {
            fields.extend([
                ("key_header", text(&self.key_header)),
                ("key_prefix", text(&self.key_prefix)),
                ("basic", Some(Value::Boolean(self.basic))),
                ("key_body", text(&self.key_body)),
                ("key_beside", pairs(&self.key_beside)),
            ]);
        }
        fields.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
    }

    /// A value with its marks replaced.
    fn fill(&self, value: &Value, at: At<'_>, depth: usize) -> Result<Value, String> {
        match value {
            Value::String(text) => self.fill_text(text, at, depth),
            Value::Array(list) => {
                let list: Result<_, _> = list.iter().map(|one| self.fill(one, at, depth)).collect();
                list.map(Value::Array)
            }
            Value::Table(fields) => {
                let mut filled = Table::new();
                for (field, value) in fields {
                    filled.insert(field.clone(), self.fill(value, at, depth)?);
                }
                Ok(Value::Table(filled))
            }
            other @ (Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)) => Ok(other.clone()),
        }
    }

    /// A text with its marks replaced; nothing but a mark may become a list or a table.
    fn fill_text(&self, text: &str, at: At<'_>, depth: usize) -> Result<Value, String> {
        let stands_for = |mark: &str| {
            let found = self.find(mark, at).filter(|_| depth < DEPTH_MAX);
            let found = found.ok_or_else(|| format!("nothing for the mark `{{{mark}}}`"))?;
            self.fill(&found, at, depth + 1)
        };
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, mark, after)) = next_mark(rest) {
            if before.len() + after.len() == 0 && rest.len() == text.len() {
                return stands_for(mark);
            }
            filled.push_str(before);
            match stands_for(mark)? {
                Value::String(text) => filled.push_str(&text),
                Value::Integer(_)
                | Value::Float(_)
                | Value::Boolean(_)
                | Value::Datetime(_)
                | Value::Array(_)
                | Value::Table(_) => {
                    return Err(format!("the mark `{{{mark}}}` is no text; let it stand alone"));
                }
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(Value::String(filled))
    }

    /// What a mark stands for.
    fn find(&self, mark: &str, at: At<'_>) -> Option<Value> {
        if let Some(text) = at.with.get(mark) {
            return Some(Value::String(text.clone()));
        }
        let (named, field) = mark.split_once('.').unwrap_or((at.request, mark));
        let of_request = self.request.get(named).and_then(|request| request.find(field));
        of_request.or_else(|| {
            let header = if self.basic { "authorization" } else { "x-api-key" };
            let prefix = if self.basic { "Basic " } else { "" };
            let text = match mark {
                "provider" => self.provider.clone(),
                "key_header" => self.key_header.clone().unwrap_or_else(|| header.to_owned()),
                "key_prefix" => self.key_prefix.clone().unwrap_or_else(|| prefix.to_owned()),
                other => self.say.get(other)?.clone(),
            };
            Some(Value::String(text))
        })
    }
}

impl Request {
    /// What a mark stands for that is about a request.
    fn find(&self, field: &str) -> Option<Value> {
        let (method, target) = self.send.split_once(' ').unwrap_or((self.send.as_str(), ""));
        let body = self.body.as_deref();
        let text = match field {
            "send" => self.send.as_str(),
            "method" => method,
            "target" => target,
            "stem" => target.strip_suffix('/').unwrap_or(target),
            "body" => body?,
            "open" => parts(body?)?.0,
            "inside" => parts(body?)?.1,
            "close" => parts(body?)?.2,
            "lookup" => return Value::try_from(&self.lookup).ok(),
            "means" => return Value::try_from(&self.means).ok(),
            "upstream" => return self.upstream.clone().map(Value::Table),
            _ => return None,
        };
        Some(Value::String(text.to_owned()))
    }
}

/// A body of one object, perhaps in a list, in three: up to its brace, what is inside, the rest.
fn parts(body: &str) -> Option<(&str, &str, &str)> {
    let open = body.find('{')?.saturating_add(1);
    let close = body.rfind('}')?;
    Some((body.get(..open)?, body.get(open..close)?, body.get(close..)?))
}

/// The first mark of a text, with what stands before and after it.
fn next_mark(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text.get(from..)?.find('{') {
        let open = from + open;
        let inside = text.get(open + 1..)?;
        let end = inside.find(|other: char| !matches!(other, 'a'..='z' | '_' | '.'));
        let end = end.unwrap_or(inside.len());
        let (mark, after) = (inside.get(..end)?, inside.get(end..)?);
        if let Some(after) = after.strip_prefix('}')
            && !mark.is_empty()
            && mark != NUMBER
        {
            return Some((text.get(..open)?, mark, after));
        }
        from = open + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_words_in_braces() {
        assert_eq!(next_mark("a{b.c}d"), Some(("a", "b.c", "d")));
        assert_eq!(next_mark(r#"{"a":{b}}"#), Some((r#"{"a":"#, "b", "}")));
        assert_eq!(next_mark(r#"{"a":{}}{i}{B}{"#), None);
    }

    #[test]
    fn a_body_has_three_parts() {
        assert_eq!(parts(r#"[{"a":{}}]"#), Some(("[{", r#""a":{}"#, "}]")));
        assert_eq!(parts("[]"), None);
    }
}
