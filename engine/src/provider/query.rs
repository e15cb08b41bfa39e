//! Query parameters: declared, once each, and written on in their canonical form.

use std::collections::BTreeMap;

use crate::decision::Reason;
use crate::request::{Target, encode_query};

use super::file::{Field, File, Use};
use super::refusal::{Refusal, quoted};
use super::text;

/// A query as it goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    /// Its parameters, decoded and canonical.
    pub(super) given: Vec<(String, String)>,
}

impl Query {
    /// It with its question mark; empty for none.
    pub(super) fn written(&self) -> String {
        let query = encode_query(&self.given);
        if query.is_empty() { query } else { format!("?{query}") }
    }
}

/// Reads a target's query.
pub(super) fn read(
    file: &File,
    declared: &BTreeMap<String, Field>,
    target: &Target,
) -> Result<Query, Refusal> {
    let refuse = |detail: String| Refusal::new(Reason::QueryNotUnderstood, detail);
    let repeats = |key: &str| declared.get(key).is_some_and(|field| field.repeat);
    // SECURITY: all of them, also behind one that may be repeated (case
    // `a-repeated-parameter-hides-no-other`).
    if let Some(key) = target.query_repeats().into_iter().find(|key| !repeats(key)) {
        return Err(refuse(format!("the query parameter {} is repeated", quoted(key))));
    }
    let given = target.query();
    let missing = |(key, field): &(&String, &Field)| {
        field.required && !given.iter().any(|(name, _)| name == *key)
    };
    if let Some((key, _)) = declared.iter().find(missing) {
        return Err(refuse(format!("the query parameter `{key}` is missing")));
    }
    let mut out = Vec::with_capacity(given.len());
    for (key, value) in given {
        let field = match declared.get(key) {
            Some(field) if field.usage != Use::Forbidden => field,
            Some(_) | None => {
                return Err(refuse(format!(
                    "the query parameter {} is not accepted here",
                    quoted(key)
                )));
            }
        };
        if field.usage == Use::Inert {
            continue;
        }
        out.push((key.clone(), parameter(file, field, key, value)?));
    }
    Ok(Query { given: out })
}

/// Checks one parameter and gives it in its canonical form.
fn parameter(file: &File, field: &Field, key: &str, value: &str) -> Result<String, Refusal> {
    let refuse = |detail: String| Refusal::new(Reason::QueryNotUnderstood, detail);
    if let Some(set) = &field.one_of {
        let words = file.set.get(set).ok_or_else(Refusal::internal)?;
        if !words.iter().any(|word| word == value) {
            return Err(refuse(format!("the query parameter `{key}` cannot be {}", quoted(value))));
        }
    }
    // SECURITY: an operator in front of a text would list by a part of it (case `records-list:
    // content=contains: would spell out hidden records`).
    if let Some(set) = &field.without {
        let signs = file.set.get(set).ok_or_else(Refusal::internal)?;
        let folded = value.to_ascii_lowercase();
        if let Some(sign) = signs.iter().find(|sign| folded.contains(*sign)) {
            return Err(refuse(format!("the query parameter `{key}` cannot have `{sign}` in it")));
        }
    }
    let kind = field.is.first().ok_or_else(Refusal::internal)?;
    text::check(file, *kind, value).map_err(|refusal| {
        if refusal.reason == Reason::BodyNotUnderstood {
            return refuse(format!("the query parameter `{key}`: {}", refusal.detail));
        }
        refusal
    })
}
