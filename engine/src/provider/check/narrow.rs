//! What a provider file says about headers that narrow lists: of lists alone, by fields that are
//! not cut themselves.

use super::super::file::{RouteForm, Shape};
use super::Check;

/// Headers that say something else to the gate or to a proxy.
const TAKEN: [&str; 8] = [
    "accept",
    "authorization",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "user-agent",
];

impl Check<'_> {
    /// Headers that narrow have names of their own, and fields.
    pub(super) fn narrows(&mut self) {
        let file = self.file;
        for (name, form) in &file.narrow {
            let table = format!("narrow.{name}");
            self.refer(&table, "source", &form.source);
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let lower = form.header.to_ascii_lowercase();
            let credential = |known: &Option<String>| {
                known.as_ref().is_some_and(|one| one.eq_ignore_ascii_case(&lower))
            };
            let is_credential = file
                .credential
                .iter()
                .any(|one| credential(&one.header) || credential(&one.beside));
            let goes_on = file.forward.headers.iter().any(|one| one.eq_ignore_ascii_case(&lower));
            if lower.is_empty() || !lower.bytes().all(plain) {
                self.problem(&table, format!("`{}` is no header's name", form.header));
            }
            if TAKEN.contains(&lower.as_str()) || is_credential || goes_on {
                self.problem(&table, format!("the header `{}` says something else", form.header));
            }
            if form.field.is_empty() || form.field.keys().any(|key| key.starts_with('+')) {
                self.problem(&table, "it needs `field`, and no field is an operator");
            }
        }
    }

    /// A route that is narrowed answers a list whose entries stay or go as a whole.
    pub(super) fn narrowed(&mut self, table: &str, form: &RouteForm) {
        let Some(narrow) = &form.narrow else { return };
        self.refer(table, "narrow", narrow);
        let response = self.file.response.get(&form.response);
        // Parts that were cut out of an entry, and the entry itself, cannot both be left out.
        let whole = response.is_none_or(|response| {
            matches!(response.shape, Shape::Zones | Shape::Records)
                && response.rrsets.is_none()
                && response.hide.is_empty()
                && !response.keyed
        });
        if !whole {
            self.problem(table, format!("`{}` answers no list that can be narrowed", form.id));
        }
        let wide = self.file.narrow.get(narrow).map(|narrow| &narrow.wide);
        for key in wide.into_iter().flat_map(|wide| wide.keys()) {
            if !form.query.contains_key(key) {
                self.problem(table, format!("`{}` has no query parameter `{key}`", form.id));
            }
        }
    }
}
