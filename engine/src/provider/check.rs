//! What a provider file's form cannot say: that what it refers to is there, that its routes do
//! not overlap, that no field's rule is void.
//!
//! A file is refused as a whole and with all problems at once. The rest of this module relies on
//! what is checked here; where it finds something missing all the same, it denies.

mod answers;
mod lookups;
mod narrow;
mod records;
mod subject;

use std::collections::BTreeSet;

use crate::operation::ResourceKind;
use crate::problem::Problem;
use crate::record_type::RecordType;

use super::file::{
    Asked, Credential, Field, File, Form, Kind, Object, ResponseForm, RouteForm, Shape, ToldBy,
    Use, When,
};
use super::route::{Pattern, overlap};
use super::{Provider, load};

/// Reads and checks a provider file.
pub(super) fn parse(name: &str, text: &str) -> Result<Provider, Vec<Problem>> {
    let file: File =
        toml::from_str(text).map_err(|error| vec![toml_problem(name, text, &error)])?;
    check(name, text, file)
}

/// A provider file as JSON, which is how a bundle carries it: the filter has no TOML.
pub(super) fn to_json(name: &str, text: &str) -> Result<serde_json::Value, Vec<Problem>> {
    parse(name, text)?;
    toml::from_str(text).map_err(|error| vec![toml_problem(name, text, &error)])
}

/// A mistake in a file's form, at its line.
fn toml_problem(name: &str, text: &str, error: &toml::de::Error) -> Problem {
    let problem = Problem::new(name, error.message().to_owned());
    match error.span() {
        Some(span) => problem.at_offset(text, span.start),
        None => problem,
    }
}

/// Where each route of a file begins, in their order.
fn route_offsets(text: &str) -> impl Iterator<Item = usize> {
    let lines = text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    });
    lines.filter(|(_, line)| line.trim_start().starts_with("[[route]]")).map(|(start, _)| start)
}

/// Checks a file whose form is right.
fn check(name: &str, text: &str, mut file: File) -> Result<Provider, Vec<Problem>> {
    let forms = std::mem::take(&mut file.route);
    let starts = route_offsets(text).chain(std::iter::repeat(0));
    let mut check = Check { name, text, file: &file, problems: Vec::new(), used: BTreeSet::new() };
    check.sources();
    check.parameters();
    check.objects();
    check.types();
    check.batches();
    check.responses();
    check.lookups();
    check.narrows();
    check.error();
    check.credentials();
    let mut routes: Vec<(&RouteForm, Pattern, usize)> = Vec::new();
    for (form, start) in forms.iter().zip(starts) {
        if let Some(pattern) = check.route(form, start) {
            check.against(form, &pattern, start, &routes);
            routes.push((form, pattern, start));
        }
    }
    check.told(&routes);
    check.unused();
    let mut problems = check.problems;
    if !problems.is_empty() {
        problems.sort();
        return Err(problems);
    }
    drop(routes);
    file.route = forms;
    load::build(file)
}

/// One file being checked.
struct Check<'a> {
    /// The file's name.
    name: &'a str,
    /// Its text, for line numbers.
    text: &'a str,
    /// The file, without its routes.
    file: &'a File,
    /// What was found.
    problems: Vec<Problem>,
    /// The tables that something refers to, as `set.words`.
    used: BTreeSet<String>,
}

impl Check<'_> {
    /// Notes a problem of a table, at the line of its header.
    fn problem(&mut self, table: &str, message: impl Into<String>) {
        let mut problem = Problem::new(self.name, message);
        let header = [format!("[{table}]"), format!("[{table}.")];
        let line = self
            .text
            .lines()
            .position(|line| header.iter().any(|header| line.trim_start().starts_with(header)));
        if let Some(line) = line {
            problem = problem.at(line + 1);
        }
        self.problems.push(problem);
    }

    /// Checks a reference to a table, and notes that it is used.
    fn refer(&mut self, from: &str, kind: &str, to: &str) {
        let there = match kind {
            "source" => self.file.source.contains_key(to),
            "set" => self.file.set.contains_key(to),
            "parameter" => self.file.parameter.contains_key(to),
            "object" => self.file.object.contains_key(to),
            "batch" => self.file.batch.contains_key(to),
            "paging" => self.file.paging.contains_key(to),
            "narrow" => self.file.narrow.contains_key(to),
            _ => self.file.response.contains_key(to),
        };
        if !there {
            self.problem(from, format!("`{from}` refers to the {kind} `{to}`, which is not there"));
        }
        self.used.insert(format!("{kind}.{to}"));
    }

    /// Every source has an address and a day.
    fn sources(&mut self) {
        for (name, source) in &self.file.source {
            let table = format!("source.{name}");
            if !source.docs.starts_with("https://") {
                self.problem(&table, format!("`{}` is no https address", source.docs));
            }
            let found = &source.verified.0;
            if !is_day(found) {
                self.problem(&table, format!("`verified = {found}` is not a day like 2026-11-20"));
            }
        }
    }

    /// Parameters refer to sources and are texts.
    fn parameters(&mut self) {
        for (name, parameter) in &self.file.parameter {
            let table = format!("parameter.{name}");
            self.refer(&table, "source", &parameter.source);
            if !is_text(parameter.is) {
                self.problem(&table, format!("`{name}` cannot be that in a path"));
            }
            if parameter.codec.is_some() && !matches!(parameter.is, Kind::Zone | Kind::Name) {
                self.problem(&table, format!("`{name}` has a codec, but is no name"));
            }
            let must = matches!(parameter.is, Kind::ZoneId | Kind::RecordId);
            if (must && parameter.id.is_none())
                || (!must && parameter.is != Kind::Zone && parameter.id.is_some())
            {
                self.problem(&table, format!("`{name}` needs `id` exactly where it is one"));
            }
            if (parameter.is == Kind::RecordName) != parameter.names.is_some() {
                self.problem(&table, format!("`{name}` needs `names` exactly where it is a name"));
            }
        }
    }

    /// Objects refer to what is there, one level deep.
    fn objects(&mut self) {
        for (name, object) in &self.file.object {
            let table = format!("object.{name}");
            self.refer(&table, "source", &object.source);
            for (key, field) in &object.field {
                self.field(&table, key, field);
                if field.without.is_some() {
                    self.problem(
                        &table,
                        format!("`{key}` has `without`, which queries alone have"),
                    );
                }
                let Some(of) = &field.of else { continue };
                let inner = self.file.object.get(of);
                // An object of the body's may have lists of records, which are read with the body's.
                let fits = |of: &Object| match field.is.first() {
                    Some(Kind::Objects) => is_flat(of) && is_plain(of),
                    Some(Kind::Object) => is_flat(of) && names_nothing(of),
                    _ => true,
                };
                if inner.is_some_and(|of| !fits(of)) {
                    self.problem(&table, format!("`{key}` has objects that have objects"));
                }
            }
        }
    }

    /// One field of an object or query.
    fn field(&mut self, table: &str, key: &str, field: &Field) {
        let goes_on = matches!(field.usage, Use::Used | Use::Pass);
        if goes_on == field.is.is_empty() {
            self.problem(table, format!("`{key}` needs `is` exactly where it goes on"));
        }
        let means_something = !field.ask.is_empty()
            || field.is.iter().any(|kind| subject(*kind))
            || field.record.is_some();
        if means_something && field.usage != Use::Used {
            self.problem(table, format!("`{key}` means something, so it is `use = \"used\"`"));
        }
        if field.is.contains(&Kind::OtherZone) && !asks_always(field) {
            let message = format!("`{key}` is required, and always asks for something on its zone");
            self.problem(table, message);
        }
        if field.ask.is_empty() && (field.when != When::Present || field.when_in.is_some()) {
            self.problem(table, format!("`{key}` has a condition, but asks for nothing"));
        }
        if field.last_dot && (field.is != [Kind::Zone] || self.file.name_form == Form::FqdnDot) {
            let message = format!("`{key}` has `last_dot`, but is no zone that is written without");
            self.problem(table, message);
        }
        if field.id.is_some() && field.is != [Kind::Texts] {
            self.problem(table, format!("`{key}` has `id`, but is no list of texts"));
        }
        let nested = |kind: &&Kind| matches!(kind, Kind::Batch | Kind::Objects | Kind::Object);
        let inside = field.is.iter().find(nested);
        match (inside, &field.of) {
            (Some(_), Some(_)) if field.is.len() > 1 => {
                self.problem(table, format!("`{key}` is a list and something else"));
            }
            (Some(Kind::Batch), Some(of)) => self.refer(table, "batch", of),
            (Some(_), Some(of)) => self.refer(table, "object", of),
            (None, None) => {}
            _ => self.problem(table, format!("`{key}` needs `of` exactly where it is a list")),
        }
        if let Some(record) = &field.record {
            let one = crate::name::Name::root();
            let named = crate::name::Name::parse_relative(&record.name, &one, "@").is_ok();
            if !named || RecordType::parse(&record.rtype).is_err() {
                self.problem(table, format!("`{key}` creates no record that can be"));
            }
        }
        let signs = field.without.as_ref().and_then(|set| self.file.set.get(set));
        let found = |sign: &String| !sign.is_empty() && *sign == sign.to_ascii_lowercase();
        if signs.is_some_and(|signs| !signs.iter().all(found)) {
            self.problem(table, format!("`{key}` is without texts that are not in lower case"));
        }
        for set in field.one_of.iter().chain(&field.without).chain(&field.when_in) {
            self.refer(table, "set", set);
        }
        self.asks(table, &field.ask);
    }

    /// Actions that a file asks for are on account or zone; records come from batches.
    fn asks(&mut self, table: &str, asks: &[Asked]) {
        for Asked(action) in asks {
            if action.kind() == ResourceKind::Record {
                self.problem(table, format!("`{action}` can only come from a batch"));
            }
        }
    }

    /// Credentials say one place each.
    fn credentials(&mut self) {
        let (mut in_header, mut in_body) = (0, 0);
        for credential in &self.file.credential {
            let Credential { source, header, prefix, basic, body, .. } = credential;
            self.refer("credential", "source", source);
            match (header, basic, body) {
                (Some(_), None, None) => in_header += 1,
                (None, Some(_), None) if prefix.is_none() => in_header += 1,
                (None, None, Some(_)) if prefix.is_none() => in_body += 1,
                _ => self.problem("credential", "give one of `header`, `basic` and `body`"),
            }
        }
        if in_body > 1 {
            self.problem("credential", "only one field of a body can hold the key");
        }
        if in_header + in_body == 0 {
            self.problem("credential", "there is no place for a credential");
        }
    }

    /// One route; none if its pattern cannot be read.
    fn route(&mut self, form: &RouteForm, start: usize) -> Option<Pattern> {
        let before = self.problems.len();
        let table = format!("route {}", form.id);
        self.refer(&table, "source", &form.source);
        self.refer(&table, "response", &form.response);
        if let Some(body) = &form.body {
            self.refer(&table, "object", body);
        }
        self.narrowed(&table, form);
        self.asks(&table, &form.ask);
        for batch in form.item.iter().chain(&form.items) {
            self.refer(&table, "batch", batch);
        }
        for rule in &form.metadata {
            self.refer(&table, "set", &rule.set);
            self.asks(&table, &rule.ask);
        }
        for (key, field) in &form.query {
            self.field(&table, key, field);
            let text = field.is.first().is_none_or(|kind| is_text(*kind)) && field.is.len() < 2;
            if !text || !field.ask.is_empty() || field.is.contains(&Kind::Zone) {
                self.problem(&table, format!("the query parameter `{key}` cannot be that"));
            }
        }
        let pattern = match Pattern::parse(&form.pattern) {
            Ok(pattern) => Some(pattern),
            Err(message) => {
                self.problem(&table, message);
                None
            }
        };
        if let Some(pattern) = &pattern {
            self.subject(&table, form, pattern);
        }
        for problem in self.problems.iter_mut().skip(before) {
            let moved = problem.clone().at_offset(self.text, start);
            *problem = moved;
        }
        pattern
    }

    /// A route's name and targets are its own.
    fn against(
        &mut self,
        form: &RouteForm,
        pattern: &Pattern,
        start: usize,
        others: &[(&RouteForm, Pattern, usize)],
    ) {
        for (other, known, _) in others {
            let mut message = None;
            if other.id == form.id {
                message = Some(format!("there are two routes `{}`", form.id));
            } else if overlap(self.file, known, pattern) && !told_apart(other, form) {
                message = Some(format!(
                    "the routes `{}` and `{}` could match the same request",
                    other.id, form.id
                ));
            }
            if let Some(message) = message {
                let problem = Problem::new(self.name, message)
                    .at_offset(self.text, start)
                    .help("give a parameter `except` or `one_of`, or remove one of them");
                self.problems.push(problem);
            }
        }
    }

    /// What a header tells apart is told from something, and goes on as what it was judged as.
    fn told(&mut self, routes: &[(&RouteForm, Pattern, usize)]) {
        for (form, _, start) in routes {
            let Some(told_by) = &form.told_by else { continue };
            let mut messages = Vec::new();
            let (ToldBy::ContentType(given) | ToldBy::Accept(given)) = told_by;
            let plain = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'/' | b'-' | b'.');
            if !given.bytes().all(plain) || given.starts_with("multipart/") {
                messages.push(format!("`{given}` is no content type such as `text/plain`"));
            }
            let beside = |(other, _, _): &(&RouteForm, Pattern, usize)| {
                other.pattern == form.pattern && other.told_by.is_none()
            };
            if !routes.iter().any(beside) {
                messages.push(format!("`{}` is told from no other route", form.id));
            }
            let fits = match told_by {
                ToldBy::ContentType(given) => {
                    form.opaque.as_ref() == Some(given) && self.file.forward.content_type != *given
                }
                ToldBy::Accept(given) => {
                    let response = self.file.response.get(&form.response);
                    let only = |one: &ResponseForm| {
                        one.shape == Shape::Pass && one.content_types == [given.as_str()]
                    };
                    let passed = |name: &String| name.eq_ignore_ascii_case("accept");
                    response.is_some_and(only) && !self.file.forward.headers.iter().any(passed)
                }
            };
            if !fits {
                messages.push(format!("`{}` goes on as something else than `{given}`", form.id));
            }
            let problem = |text| Problem::new(self.name, text).at_offset(self.text, *start);
            self.problems.extend(messages.into_iter().map(problem));
        }
    }

    /// Nothing stands in the file that nothing refers to.
    fn unused(&mut self) {
        let file = self.file;
        let tables = (file.source.keys().map(|key| format!("source.{key}")))
            .chain(file.set.keys().map(|key| format!("set.{key}")))
            .chain(file.parameter.keys().map(|key| format!("parameter.{key}")))
            .chain(file.batch.keys().map(|key| format!("batch.{key}")))
            .chain(file.object.keys().map(|key| format!("object.{key}")))
            .chain(file.paging.keys().map(|key| format!("paging.{key}")))
            .chain(file.narrow.keys().map(|key| format!("narrow.{key}")))
            .chain(file.response.keys().map(|key| format!("response.{key}")));
        let unused: Vec<_> = tables.filter(|table| !self.used.contains(table)).collect();
        for table in unused {
            self.problem(&table, format!("nothing refers to `{table}`"));
        }
    }
}

/// Whether two routes of one method and path have no request in common.
fn told_apart(one: &RouteForm, other: &RouteForm) -> bool {
    one.pattern == other.pattern
        && match (&one.told_by, &other.told_by) {
            (Some(ToldBy::ContentType(one)), Some(ToldBy::ContentType(other)))
            | (Some(ToldBy::Accept(one)), Some(ToldBy::Accept(other))) => one != other,
            (one, other) => one.is_some() != other.is_some(),
        }
}

/// Whether a kind can stand in a path or query.
fn is_text(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Lines
            | Kind::OtherZone
            | Kind::Integer
            | Kind::Number
            | Kind::Texts
            | Kind::Batch
            | Kind::Objects
            | Kind::Object
            | Kind::Map
    )
}

/// Whether an object has no objects inside.
fn is_flat(object: &Object) -> bool {
    let nested = |kind: &Kind| matches!(kind, Kind::Objects | Kind::Object);
    !object.field.values().any(|field| field.is.iter().any(nested))
}

/// Whether an object says nothing of which zone or metadata the whole request is about.
fn names_nothing(object: &Object) -> bool {
    let named = |kind: &Kind| *kind != Kind::Batch && subject(*kind);
    !object.field.values().any(|field| field.is.iter().any(named))
}

/// Whether an object says nothing of what the whole request is about.
fn is_plain(object: &Object) -> bool {
    !object.field.values().any(|field| field.is.iter().any(|kind| subject(*kind)))
}

/// Whether a field is always there, and asks for something on a zone: another zone that nothing is
/// asked of would be judged by nobody.
fn asks_always(field: &Field) -> bool {
    let zoned = |asked: &Asked| asked.0.kind() == ResourceKind::Zone;
    let always = field.when == When::Present && field.when_in.is_none();
    let asks = !field.ask.is_empty() && field.ask.iter().all(zoned);
    field.required && field.is.len() == 1 && always && asks
}

/// Whether a kind says what the whole request is about.
fn subject(kind: Kind) -> bool {
    matches!(kind, Kind::Batch | Kind::Zone | Kind::OtherZone | Kind::Metadata)
}

/// Whether a text is a date, such as `2026-11-20`, and no more.
fn is_day(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10
}
