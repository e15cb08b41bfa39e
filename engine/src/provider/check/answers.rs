//! What a provider file says about answers: each shape has what it needs, every path can be read.

use std::collections::BTreeSet;

use super::super::error;
use super::super::file::{Asked, Paging, ResponseForm, Shape};
use super::Check;
use crate::operation::ResourceKind;

/// The placeholders that an error's template has, one of each.
const ERROR_MARKS: [&[&str]; 3] = [&["{sentence}"], &["{code}", "{word}"], &["{request_id}"]];

/// Headers that no provider file can have rewritten.
const FIXED_HEADERS: [&str; 9] = [
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "link",
    "location",
    "set-cookie",
    "transfer-encoding",
];

impl Check<'_> {
    /// Answers have what their shape needs, and pages are those of something.
    pub(super) fn responses(&mut self) {
        let file = self.file;
        for (name, form) in &file.response {
            let table = format!("response.{name}");
            self.refer(&table, "source", &form.source);
            if form.statuses.is_empty() || form.statuses.iter().any(|s| !(200..300).contains(s)) {
                self.problem(&table, "`statuses` lists statuses of success");
            }
            if let Some(batch) = &form.batch {
                self.refer(&table, "batch", batch);
                let batch = file.batch.get(batch);
                if batch.is_some_and(|batch| batch.values.is_none() && batch.flat.is_empty()) {
                    self.problem(&table, "its `batch` has neither `values` nor `flat`");
                }
            }
            if let Some(paging) = &form.paging {
                self.refer(&table, "paging", paging);
            }
            self.shape(&table, form);
            self.hidden(&table, form);
            let paths = [&form.zone, &form.zone_id, &form.rrsets, &form.kind, &form.name];
            let paths = paths.into_iter().chain([&form.rtype, &form.value]).flatten();
            self.paths(&table, paths);
            self.paths(&table, Some(&form.at).filter(|at| !at.is_empty()));
            self.paths(&table, &form.also);
            if form.also.contains(&form.at) {
                self.problem(&table, "`also` repeats `at`");
            }
        }
        self.pagings();
    }

    /// A shape has all the keys that it needs, and none that it does not read.
    fn shape(&mut self, table: &str, form: &ResponseForm) {
        let (needs, knows) = keys_of(form.shape);
        let has = |key: &&&str| given(form).any(|known| known == **key);
        for key in needs.iter().filter(|key| !has(key)) {
            self.problem(table, format!("its `shape` needs `{key}`"));
        }
        for key in given(form).filter(|key| !needs.contains(key) && !knows.contains(key)) {
            self.problem(table, format!("its `shape` does not read `{key}`"));
        }
        let inside = matches!(form.shape, Shape::Zone | Shape::Zones);
        if inside && form.rrsets.is_some() != form.batch.is_some() {
            self.problem(table, "`rrsets` and `batch` belong together");
        }
        if form.rrsets_keyed && form.rrsets.is_none() {
            self.problem(table, "`rrsets_keyed` is about `rrsets`");
        }
        if form.shape == Shape::Zone && form.paging.is_some() && form.rrsets.is_none() {
            self.problem(table, "one zone without its records has no pages");
        }
    }

    /// What is hidden is a field that is not read otherwise, for an action that can be decided.
    fn hidden(&mut self, table: &str, form: &ResponseForm) {
        for (key, Asked(action)) in &form.hide {
            if action.kind() == ResourceKind::Record {
                self.problem(table, format!("`{key}` cannot be hidden by `{action}`"));
            }
            let read = [&form.zone, &form.zone_id, &form.rrsets].into_iter().flatten();
            let mut first = read.map(|path| path.split('.').next());
            if key.is_empty() || first.any(|first| first == Some(key)) {
                self.problem(table, format!("`{key}` is read, so it cannot be hidden"));
            }
        }
    }

    /// Pages say where counters stand; what a total becomes can be computed.
    fn pagings(&mut self) {
        let file = self.file;
        for (name, paging) in &file.paging {
            let table = format!("paging.{name}");
            self.refer(&table, "source", &paging.source);
            let Paging { page, per_page, count, total, pages, next, links, .. } = paging;
            let counters = [page, per_page, count, total, pages];
            let counters: Vec<&String> = counters.into_iter().flatten().collect();
            self.paths(&table, counters.iter().copied().chain(next).chain(links));
            let all: BTreeSet<&String> = counters.iter().copied().chain(links).collect();
            if all.len() != counters.len() + links.len() {
                self.problem(&table, "two keys name the same place");
            }
            let lengths = per_page.is_some() || paging.per_page_default.is_some();
            if total.is_some() && (!lengths || paging.per_page_default == Some(0)) {
                self.problem(&table, "a total needs `per_page` or `per_page_default`");
            }
            for name in &paging.total_headers {
                if !is_header(name) || FIXED_HEADERS.contains(&name.as_str()) {
                    self.problem(&table, format!("`{name}` is no header in lower case of a total"));
                }
            }
            let headers = paging.link_header || !paging.total_headers.is_empty();
            if all.is_empty() && next.is_none() && !headers {
                self.problem(&table, "it says nothing of pages");
            }
        }
        let origin = file.origin.as_deref();
        if origin.is_some_and(|origin| !is_origin(origin)) {
            self.problem("", "`origin` is a scheme and a host, such as `https://api.example.net`");
        }
    }

    /// Paths of an answer are keys and numbers of items, joined by dots.
    fn paths<'p>(&mut self, table: &str, paths: impl IntoIterator<Item = &'p String>) {
        for path in paths {
            if path.split('.').any(str::is_empty) {
                self.problem(table, format!("`{path}` is no path such as `result.records`"));
            }
        }
    }

    /// The error template is JSON with all placeholders.
    pub(super) fn error(&mut self) {
        let form = &self.file.error;
        self.refer("error", "source", &form.source);
        let filled = error::fill(&form.body, ["a \"b\"", "c", "w", "d", "429"]);
        let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
        if !is_json(&filled) {
            self.problem("error", "`body` is not JSON once its placeholders are filled in");
        }
        for marks in ERROR_MARKS {
            if !marks.iter().any(|mark| form.body.contains(mark)) {
                self.problem("error", format!("`body` needs {}", marks.join(" or ")));
            }
        }
        let not_found = form.not_found.as_deref();
        if not_found.is_some_and(|body| {
            !is_json(body) || error::MARKS.iter().any(|mark| body.contains(mark))
        }) {
            self.problem("error", "`not_found` is not JSON without placeholders");
        }
        let is_status =
            |text: &String| matches!(text.parse::<u16>(), Ok(400..=599)) && text.len() == 3;
        if !form.words.keys().all(is_status) {
            self.problem("error", "`words` are by statuses of 400 to 599");
        }
        if form.harmless.iter().any(|rule| !(400..500).contains(&rule.status)) {
            self.problem("error", "only a status of 400 to 499 can be harmless");
        }
        self.paths("error", form.harmless.iter().map(|rule| &rule.field));
        self.paths("error", form.in_success.iter().map(|error| &error.field));
        if form.in_success.as_ref().is_some_and(|error| error.field.is_empty()) {
            self.problem("error", "`in_success` names no field");
        }
        self.paths("error", form.harmless.iter().filter_map(|rule| rule.number.as_ref()));
    }
}

/// The keys that a shape needs, and those that it reads besides.
fn keys_of(shape: Shape) -> (&'static [&'static str], &'static [&'static str]) {
    match shape {
        Shape::Pass => (&["content_types"], &[]),
        Shape::Zones => (
            &["zone"],
            &["at", "keyed", "zone_id", "rrsets", "rrsets_keyed", "batch", "hide", "paging"],
        ),
        Shape::Zone => {
            (&["zone"], &["at", "zone_id", "rrsets", "rrsets_keyed", "batch", "hide", "paging"])
        }
        Shape::Records => (&["batch"], &["at", "also", "keyed", "zone", "paging"]),
        Shape::Record => (&["batch"], &["at", "zone"]),
        Shape::Search => (&["kind", "zone", "name", "type", "value"], &["at", "keyed", "paging"]),
        Shape::Object => (&["hide"], &["at"]),
        Shape::Objects => (&["hide"], &["at", "keyed", "paging"]),
    }
}

/// The keys that an answer's form has, besides those of every shape.
fn given(form: &ResponseForm) -> impl Iterator<Item = &'static str> {
    let has = [
        ("content_types", !form.content_types.is_empty()),
        ("at", !form.at.is_empty()),
        ("also", !form.also.is_empty()),
        ("keyed", form.keyed),
        ("zone", form.zone.is_some()),
        ("zone_id", form.zone_id.is_some()),
        ("rrsets", form.rrsets.is_some()),
        ("rrsets_keyed", form.rrsets_keyed),
        ("batch", form.batch.is_some()),
        ("kind", form.kind.is_some()),
        ("name", form.name.is_some()),
        ("type", form.rtype.is_some()),
        ("value", form.value.is_some()),
        ("hide", !form.hide.is_empty()),
        ("paging", form.paging.is_some()),
    ];
    has.into_iter().filter(|(_, has)| *has).map(|(key, _)| key)
}

/// Whether a text is a header's name in lower case.
fn is_header(name: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !name.is_empty() && name.bytes().all(plain)
}

/// Whether a text is a scheme and a host, perhaps with a port, and no more.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':');
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(plain))
}
