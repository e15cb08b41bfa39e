//! Lists that a client narrows by a JSON filter in a header, such as Linode's `X-Filter`.
//!
//! The header does not go on. The provider lists everything, the answer is cut to what the key may
//! read, and what is left is narrowed here. So an answer to a filter tells nothing that the list
//! without it would not: neither counts, nor pages, nor errors depend on what the key may not read.

use crate::decision::Reason;
use crate::json::{Json, JsonLimits};

use super::file::{Comparison, NarrowForm};
use super::filter::{Fields, each, unquoted};
use super::plan::Matched;
use super::refusal::{Refusal, quoted};

/// Bytes of a filter; real ones have less than two hundred.
const BYTES_MAX: usize = 4 << 10;

/// Limits of a filter's JSON: a hundred names of one list, as Terraform writes them. No key stands
/// twice in any case, whatever the provider makes of that.
const LIMITS: JsonLimits = JsonLimits { depth_max: 8, nodes_max: 512, fold_keys: true };

/// What an entry must be like to stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Narrowing {
    /// All of these hold; nothing is always so.
    All(Vec<Narrowing>),
    /// One of these holds.
    Any(Vec<Narrowing>),
    /// A field has this value.
    Has(String, Wanted),
}

/// The value that a field must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Exactly this text.
    Text(String),
    /// This text, in any case of its ASCII letters.
    Name(String),
    /// A list with this text in it.
    Among(String),
}

impl Matched<'_> {
    /// The header that narrows this route's list, in lower case; none where there is no such.
    pub fn narrowing_header(&self) -> Option<String> {
        self.narrow_form().map(|form| form.header.to_ascii_lowercase())
    }

    /// What the file says of it.
    fn narrow_form(&self) -> Option<&NarrowForm> {
        self.provider.file.narrow.get(self.route.form.narrow.as_ref()?)
    }

    /// Takes the value of that header, which narrows the answer; an empty one, and `{}`, narrow nothing.
    pub fn narrowed(mut self, header: &[u8]) -> Result<Self, Refusal> {
        let Some(form) = self.narrow_form().filter(|_| !header.is_empty()) else {
            return Ok(self);
        };
        let narrowing = read(form, header)?;
        if narrowing == Narrowing::All(Vec::new()) {
            return Ok(self);
        }
        let given = &self.found.query.given;
        let absent = |(key, _): &(&String, &String)| !given.iter().any(|(one, _)| one == *key);
        let wide = form.wide.iter().filter(absent);
        let wide: Vec<_> = wide.map(|(key, value)| (key.clone(), value.clone())).collect();
        self.found.query.given.extend(wide);
        self.found.narrowing = Some(narrowing);
        Ok(self)
    }
}

/// Reads a filter.
///
/// SECURITY: strictly, and all of it: a part that is left away would give a client that takes the
/// first entry another one than it asked for (case `narrow: an unknown operator among good ones`).
fn read(form: &NarrowForm, header: &[u8]) -> Result<Narrowing, Refusal> {
    // Above 0x7f no two readers of headers agree which letters these are; JSON has escapes.
    if header.len() > BYTES_MAX || !header.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(refused(form, "it is longer than 4096 bytes, or not printable ASCII"));
    }
    let tree = Json::parse(header, &LIMITS).map_err(|error| refused(form, &error.to_string()))?;
    object(form, tree)
}

/// Reads an object of a filter: all its conditions must hold.
fn object(form: &NarrowForm, tree: Json) -> Result<Narrowing, Refusal> {
    let Json::Object(fields) = tree else {
        return Err(refused(form, "it is not an object of conditions"));
    };
    let mut all = Vec::with_capacity(fields.len());
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("+and", Json::Array(items)) => all.push(Narrowing::All(objects(form, items)?)),
            ("+or", Json::Array(items)) if !items.is_empty() => {
                all.push(Narrowing::Any(objects(form, items)?));
            }
            // The direction of an order that is not asked for: Terraform always sends one.
            ("+order", Json::Text(text)) if matches!(text.as_str(), "asc" | "desc") => {}
            (_, value) => all.push(condition(form, key, value)?),
        }
    }
    Ok(Narrowing::All(all))
}

/// Reads the objects of `+and` and `+or`.
fn objects(form: &NarrowForm, items: Vec<Json>) -> Result<Vec<Narrowing>, Refusal> {
    items.into_iter().map(|item| object(form, item)).collect()
}

/// Reads one condition: a declared field has a text.
fn condition(form: &NarrowForm, key: String, value: Json) -> Result<Narrowing, Refusal> {
    let Some(comparison) = form.field.get(&key) else {
        return Err(refused(form, &format!("{} is not accepted in it", quoted(&key))));
    };
    let Json::Text(text) = value else {
        return Err(refused(form, &format!("`{key}` is compared with a text and nothing else")));
    };
    let wanted = match comparison {
        Comparison::Text => Wanted::Text(text),
        Comparison::Name => Wanted::Name(text),
        Comparison::Among => Wanted::Among(text),
    };
    Ok(Narrowing::Has(key, wanted))
}

/// A filter that is not understood.
fn refused(form: &NarrowForm, why: &str) -> Refusal {
    let detail = format!("the header `{}`: {why}", form.header);
    Refusal::new(Reason::QueryNotUnderstood, detail)
}

impl Narrowing {
    /// Whether an entry of the answer stays; a field that is absent or something else has no value.
    pub(super) fn admits(&self, entry: &Fields<'_>) -> bool {
        match self {
            Narrowing::All(all) => all.iter().all(|one| one.admits(entry)),
            Narrowing::Any(any) => any.iter().any(|one| one.admits(entry)),
            Narrowing::Has(key, Wanted::Text(wanted)) => {
                entry.text(key).is_some_and(|text| text == *wanted)
            }
            Narrowing::Has(key, Wanted::Name(wanted)) => {
                entry.text(key).is_some_and(|text| text.eq_ignore_ascii_case(wanted))
            }
            Narrowing::Has(key, Wanted::Among(wanted)) => {
                let mut found = false;
                let is_it = |item| unquoted(item).is_some_and(|text| text == *wanted);
                let list = entry
                    .raw(key)
                    .and_then(|raw| each(raw, false, |item, _| found = found || is_it(item)));
                list.is_some() && found
            }
        }
    }
}
