//! Reading an operator's TOML file field by field, so that all its problems come out at once.
//!
//! A deserialiser stops at the first mistake and knows no line for what is wrong in meaning.
//! Here a file is parsed into a tree that knows its byte offsets, and each reader asks for the
//! fields it knows: a [`Section`] is one table, [`At`] is a value with its place.
//! Fields that nobody asked for are problems too, because a misspelt restriction that is silently
//! ignored is a hole.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::key::masked;
use crate::problem::Problem;
#[cfg(feature = "author")]
use crate::problem::nearest;

/// Bytes in the name of a role, network, window or pattern.
const IDENTIFIER_BYTES_MAX: usize = 64;

/// A value and the byte offset at which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it begins in the file.
    pub(crate) offset: usize,
}

/// One file under reading: its text, and what was found wrong with it so far.
#[derive(Debug)]
pub(crate) struct Source<'t> {
    /// The file, as the operator named it.
    file: &'t str,
    /// Its text.
    text: &'t str,
    /// The byte offsets of its line ends, so that a file of 100,000 keys is read in linear time.
    line_ends: Vec<usize>,
    /// What refuses it.
    problems: RefCell<Vec<Problem>>,
    /// What is only doubtful.
    warnings: RefCell<Vec<Problem>>,
}

impl<'t> Source<'t> {
    /// A file of which nothing is read yet.
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        let line_ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_ends = line_ends.map(|(offset, _)| offset).collect();
        Source { file, text, line_ends, problems: RefCell::default(), warnings: RefCell::default() }
    }

    /// The file, as the operator named it.
    #[cfg(feature = "author")]
    pub(crate) fn file(&self) -> &'t str {
        self.file
    }

    /// Its text.
    #[cfg(feature = "author")]
    pub(crate) fn text(&self) -> &'t str {
        self.text
    }

    /// The file's tables as far as they can be read; what is not TOML becomes problems.
    pub(crate) fn tree(&self) -> Spanned<DeTable<'t>> {
        let (tree, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let problem = Problem::new(self.file, format!("this is not TOML: {}", error.message()));
            self.push(&self.problems, problem, error.span().map(|span| span.start));
        }
        tree
    }

    /// The section of the file's outermost table.
    pub(crate) fn root<'s>(&'s self, tree: &'s Spanned<DeTable<'t>>) -> Section<'s, 't> {
        Section::new(self, tree.get_ref(), tree.span(), "the file".to_owned())
    }

    /// Notes a problem at a byte offset.
    pub(crate) fn problem(
        &self,
        offset: usize,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Problem::new(self.file, message).help(help);
        self.push(&self.problems, problem, Some(offset));
    }

    /// Notes a warning of a lint at a byte offset.
    pub(crate) fn warning(
        &self,
        lint: &'static str,
        offset: usize,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let warning = Problem::new(self.file, message).help(help).lint(lint);
        self.push(&self.warnings, warning, Some(offset));
    }

    /// Adds to a list, at the line of an offset.
    fn push(&self, list: &RefCell<Vec<Problem>>, problem: Problem, offset: Option<usize>) {
        let problem = match offset {
            Some(offset) => problem.at(self.line(offset)),
            None => problem,
        };
        // INVARIANT: the borrow ends here; nothing holds one across a call.
        list.borrow_mut().push(problem);
    }

    /// The line of a byte offset, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        1 + self.line_ends.partition_point(|end| *end < offset)
    }

    /// What was read with the warnings, or all problems in the order of their lines.
    pub(crate) fn finish<T>(self, value: T) -> Result<(T, Vec<Problem>), Vec<Problem>> {
        let mut problems = self.problems.into_inner();
        if problems.is_empty() {
            Ok((value, self.warnings.into_inner()))
        } else {
            problems.sort_by_key(|problem| problem.line);
            Err(problems)
        }
    }
}

/// One table under reading.
#[derive(Debug)]
pub(crate) struct Section<'s, 't> {
    /// The file it is in.
    pub(crate) source: &'s Source<'t>,
    /// Its fields.
    table: &'s DeTable<'t>,
    /// Where it stands.
    span: Range<usize>,
    /// What it is, as problems name it: "the key `ci`".
    pub(crate) what: String,
    /// The fields that were asked for.
    known: RefCell<Vec<&'static str>>,
}

impl<'s, 't> Section<'s, 't> {
    /// A table of which no field was asked for yet.
    fn new(
        source: &'s Source<'t>,
        table: &'s DeTable<'t>,
        span: Range<usize>,
        what: String,
    ) -> Self {
        Section { source, table, span, what, known: RefCell::default() }
    }

    /// The byte offset at which this table begins.
    pub(crate) fn offset(&self) -> usize {
        self.span.start
    }

    /// Notes a problem of this table: `<what> <message>`.
    pub(crate) fn problem(&self, offset: usize, message: impl Display, help: impl Into<String>) {
        self.source.problem(offset, format!("{} {message}", self.what), help);
    }

    /// Notes a warning of a lint about this table: `<what> <message>`.
    pub(crate) fn warning(
        &self,
        lint: &'static str,
        offset: usize,
        message: impl Display,
        help: impl Into<String>,
    ) {
        self.source.warning(lint, offset, format!("{} {message}", self.what), help);
    }

    /// Reads `allow = [{ lint = "...", reason = "..." }]`, warnings that are allowed here.
    ///
    /// They are no part of a bundle: this only holds them to their form, `check` reads them.
    pub(crate) fn allows(&self) {
        for allow in self.tables("allow", &format!("an `allow` of {}", self.what)) {
            allow.required_text("lint", "name the lint, as `zonegate check --explain` lists them");
            allow.required_text("reason", "say why this is right here");
            allow.done();
        }
    }

    /// Whether a field is there, of whatever kind.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// Whether a field is there and is a list without elements.
    pub(crate) fn is_empty_list(&self, name: &str) -> bool {
        let list = self.table.get(name).and_then(|value| value.get_ref().as_array());
        list.is_some_and(|list| list.is_empty())
    }

    /// A field's value; from then on the field is known.
    fn field(&self, name: &'static str) -> Option<&'s Spanned<DeValue<'t>>> {
        self.known.borrow_mut().push(name);
        self.table.get(name)
    }

    /// Notes that a field has a value of another kind.
    fn mistyped(&self, name: &str, value: &Spanned<DeValue<'t>>, wanted: &str, example: &str) {
        let found = kind(value.get_ref());
        self.problem(
            value.span().start,
            format!("has {found} in `{name}`, where {wanted} belongs"),
            format!("write it as {example}"),
        );
    }

    /// A text field, if it is there.
    pub(crate) fn text(&self, name: &'static str) -> Option<At<String>> {
        let value = self.field(name)?;
        let text = as_text(value);
        if text.is_none() {
            self.mistyped(name, value, "a text", &format!("{name} = \"...\""));
        }
        text
    }

    /// A text field that must be there and say something.
    pub(crate) fn required_text(&self, name: &'static str, why: &str) -> Option<At<String>> {
        if !self.table.contains_key(name) {
            self.known.borrow_mut().push(name);
            self.problem(self.offset(), format!("has no `{name}`"), why);
            return None;
        }
        let text = self.text(name)?;
        if text.value.trim().is_empty() {
            self.problem(text.offset, format!("has an empty `{name}`"), why);
            return None;
        }
        Some(text)
    }

    /// A boolean field; absent means false.
    #[cfg(feature = "author")]
    pub(crate) fn flag(&self, name: &'static str) -> bool {
        let Some(value) = self.field(name) else { return false };
        match value.get_ref() {
            DeValue::Boolean(flag) => *flag,
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.mistyped(name, value, "true or false", &format!("{name} = true"));
                false
            }
        }
    }

    /// A list of texts, if it is there; an empty list is given as it is.
    pub(crate) fn texts(&self, name: &'static str) -> Option<Vec<At<String>>> {
        self.list(name, "a list of texts", "[\"...\"]", as_text)
    }

    /// A list whose elements `read` understands, if it is there.
    pub(crate) fn list<T>(
        &self,
        name: &'static str,
        wanted: &str,
        example: &str,
        read: impl Fn(&Spanned<DeValue<'t>>) -> Option<At<T>>,
    ) -> Option<Vec<At<T>>> {
        let value = self.field(name)?;
        let example = format!("{name} = {example}");
        let DeValue::Array(items) = value.get_ref() else {
            self.mistyped(name, value, wanted, &example);
            return None;
        };
        let mut list = Vec::new();
        for item in &**items {
            match read(item) {
                Some(item) => list.push(item),
                None => self.mistyped(name, item, wanted, &example),
            }
        }
        Some(list)
    }

    /// A field that is a text or a TOML date or time, as its text.
    pub(crate) fn text_or_datetime(&self, name: &'static str, example: &str) -> Option<At<String>> {
        let value = self.field(name)?;
        let text = as_text_or_datetime(value);
        if text.is_none() {
            self.mistyped(name, value, "a date or time", &format!("{name} = {example}"));
        }
        text
    }

    /// The tables of `[[name]]`, each described as `what`.
    pub(crate) fn tables(&self, name: &'static str, what: &str) -> Vec<Section<'s, 't>> {
        let Some(value) = self.field(name) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.mistyped(name, value, "a list of tables", &format!("[[{name}]]"));
            return Vec::new();
        };
        let sections = items.iter().filter_map(|item| match item.get_ref() {
            DeValue::Table(table) => {
                Some(Section::new(self.source, table, item.span(), what.to_owned()))
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => {
                self.mistyped(name, item, "a table", &format!("[[{name}]]"));
                None
            }
        });
        sections.collect()
    }

    /// The tables of `[name.<identifier>]`, in the order of the file.
    pub(crate) fn named(&self, name: &'static str) -> Vec<(At<String>, Section<'s, 't>)> {
        let Some(value) = self.field(name) else { return Vec::new() };
        let DeValue::Table(table) = value.get_ref() else {
            self.mistyped(name, value, "a table", &format!("[{name}.some-name]"));
            return Vec::new();
        };
        let mut named = Vec::new();
        for (key, value) in table {
            let id = At { value: key.get_ref().to_string(), offset: key.span().start };
            let what = format!("the {name} `{}`", printable(&id.value));
            let DeValue::Table(fields) = value.get_ref() else {
                let help = format!("write [{name}.{}] and its fields below", printable(&id.value));
                self.source.problem(id.offset, format!("{what} is not a table"), help);
                continue;
            };
            if let Some(fault) = identifier_fault(&id.value) {
                self.source.problem(
                    id.offset,
                    format!("{what} has a bad name: {fault}"),
                    IDENTIFIER_HELP,
                );
            }
            named.push((id, Section::new(self.source, fields, key.span(), what)));
        }
        named.sort_by_key(|(id, _)| id.offset);
        named
    }

    /// The names and texts of a table of texts, such as `attributes`.
    #[cfg(feature = "author")]
    pub(crate) fn text_map(&self, name: &'static str) -> Vec<(At<String>, String)> {
        let Some(value) = self.field(name) else { return Vec::new() };
        let example = format!("{name} = {{ team = \"web\" }}");
        let DeValue::Table(table) = value.get_ref() else {
            self.mistyped(name, value, "a table of texts", &example);
            return Vec::new();
        };
        let mut map = Vec::new();
        for (key, value) in table {
            match as_text(value) {
                Some(text) => {
                    let key = At { value: key.get_ref().to_string(), offset: key.span().start };
                    map.push((key, text.value));
                }
                None => self.mistyped(name, value, "a text", &example),
            }
        }
        map
    }

    /// Reports every field that nobody asked for.
    pub(crate) fn done(self) {
        let known = self.known.borrow();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let message = format!("has an unknown field `{}`", printable(name));
                self.problem(
                    key.span().start,
                    message,
                    one_of("field", name, known.iter().copied()),
                );
            }
        }
    }
}

/// The kind of a TOML value, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The text of a value that is one.
pub(crate) fn as_text(value: &Spanned<DeValue<'_>>) -> Option<At<String>> {
    let text = value.get_ref().as_str()?;
    Some(At { value: text.to_owned(), offset: value.span().start })
}

/// The text of a value that is a text, a date or a time.
pub(crate) fn as_text_or_datetime(value: &Spanned<DeValue<'_>>) -> Option<At<String>> {
    let date = value.get_ref().as_datetime().map(ToString::to_string);
    let date = date.map(|text| At { value: text, offset: value.span().start });
    date.or_else(|| as_text(value))
}

/// What a name may be made of.
pub(crate) const IDENTIFIER_HELP: &str = "a name has 1 to 64 of lower case letters, digits and hyphens, and begins with a letter or digit";

/// What is wrong with the name of a role, network, window or pattern, if anything is.
pub(crate) fn identifier_fault(name: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > IDENTIFIER_BYTES_MAX {
        Some("it is too long")
    } else if name.starts_with('-') {
        Some("it begins with a hyphen")
    } else if !name.bytes().all(allowed) {
        Some("it has other characters than lower case letters, digits and hyphens")
    } else {
        None
    }
}

/// An operator's text as it may stand in a message: one line, bounded, without a key.
pub(crate) fn printable(text: &str) -> String {
    let text = masked(text);
    let escaped: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() { format!("{escaped}...") } else { escaped }
}

/// A help line that lists what would be right, the nearest first if one is near.
pub(crate) fn one_of<'a>(
    what: &str,
    found: &str,
    right: impl Iterator<Item = &'a str> + Clone,
) -> String {
    let near = nearest(found, right.clone());
    let list: Vec<&str> = right.take(40).collect();
    if list.is_empty() {
        return format!("there is no {what} yet");
    }
    let list = list.join(", ");
    match near {
        Some(name) => format!("did you mean `{name}`? One {what} of: {list}"),
        None => format!("one {what} of: {list}"),
    }
}

/// Without the tools of authors, nothing is suggested.
#[cfg(not(feature = "author"))]
fn nearest<'a>(_: &str, _: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    None
}

#[cfg(test)]
pub(crate) mod tests;
