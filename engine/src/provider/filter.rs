//! Answers: what a key may see of them.
//!
//! A filtered answer keeps elements byte for byte and in order, or leaves them out; nothing is
//! ever written into one. An element that is not understood is left out and counted. Where a
//! write replaces a whole rrset, an rrset is kept whole or not at all, so that a client which
//! merges what it read destroys nothing.

use serde_json::value::RawValue;

use crate::decision::Reason;
use crate::json::{raw_array, raw_object};
use crate::name::Name;
use crate::operation::{Action, Operation};
use crate::record_type::RecordType;

use super::Provider;
use super::file::{ResponseForm, Shape};
use super::record::{self, Entry};
use super::text;

/// The statuses without a body.
const BODILESS: [u16; 2] = [204, 304];

/// What is done with a route's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseRule {
    /// The shape's name in the provider file.
    pub(super) form: String,
    /// The zone that the answer must be about, where it is about one.
    pub(super) zone: Option<Name>,
}

/// How an answer is to be treated once its headers are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It goes on as it comes.
    Stream,
    /// Its body is collected, and [`Provider::filter`] says what goes on instead.
    Hold,
}

/// The provider's answer, whole.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `content-type`, if there is one.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What goes on instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtered {
    /// The HTTP status.
    pub status: u16,
    /// The content type; none where there is no body.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// How many entries were left out because they may not be read.
    pub left_out: usize,
    /// How many entries were left out because they were not understood.
    pub not_understood: usize,
}

/// Whether an operation is allowed.
type May<'a> = &'a mut dyn FnMut(&Operation) -> bool;

impl Provider {
    /// How an answer with this status and content type is to be treated.
    ///
    /// `bodiless` says that the stream ended with the headers.
    pub fn treatment(
        &self,
        rule: &ResponseRule,
        status: u16,
        content_type: Option<&str>,
        bodiless: bool,
    ) -> Treatment {
        let Some(form) = self.file.response.get(&rule.form) else { return Treatment::Hold };
        let passes = form.shape == Shape::Pass
            && form.statuses.contains(&status)
            && (bodiless || BODILESS.contains(&status) || is_type(form, content_type));
        if passes { Treatment::Stream } else { Treatment::Hold }
    }

    /// What goes on of an answer: cut to what `may` allows, or an error in the provider's shape.
    ///
    /// SECURITY: only a declared status is an answer; all others become errors without the
    /// provider's own text (test `errors_of_both_server_generations_become_one_shape`). An answer of unexpected form is
    /// [`Reason::ResponseNotUnderstood`], never passed on as it is.
    pub fn filter(
        &self,
        rule: &ResponseRule,
        answer: Answer<'_>,
        request_id: &str,
        may: May<'_>,
    ) -> Result<Filtered, Reason> {
        let form = self.file.response.get(&rule.form).ok_or(Reason::Internal)?;
        if !form.statuses.contains(&answer.status) {
            return self.error_answer(answer, request_id);
        }
        let mut filtered = Filtered {
            status: answer.status,
            content_type: answer.content_type.map(str::to_owned),
            body: Vec::new(),
            left_out: 0,
            not_understood: 0,
        };
        if BODILESS.contains(&answer.status)
            || (form.shape == Shape::Pass && answer.body.is_empty())
        {
            filtered.content_type = None;
            return Ok(filtered);
        }
        let body = match form.shape {
            Shape::Pass => is_type(form, answer.content_type).then(|| answer.body.to_vec()),
            Shape::Zones => self.zones(form, answer.body, may, &mut filtered),
            Shape::Zone => self.zone(form, rule.zone.as_ref(), answer.body, may, &mut filtered),
            Shape::Search => self.search(form, answer.body, may, &mut filtered),
            Shape::Object => object(form, answer.body, may, &mut filtered),
            Shape::Record | Shape::Records => None,
        };
        filtered.body = body.ok_or(Reason::ResponseNotUnderstood)?;
        if form.shape != Shape::Pass {
            filtered.content_type = Some("application/json".to_owned());
        }
        Ok(filtered)
    }

    /// A list of zones, cut to those whose own settings may be read.
    fn zones(
        &self,
        form: &ResponseForm,
        body: &[u8],
        may: May<'_>,
        filtered: &mut Filtered,
    ) -> Option<Vec<u8>> {
        let key = form.zone.as_ref()?;
        let keep = |raw: &RawValue| {
            let name = Fields::read(raw.get().as_bytes())?.text(key)?;
            let name = text::name(&self.file, None, &name).ok()?;
            Some(may(&Operation::zone(Action::ZoneRead, name)))
        };
        cut(body, keep, filtered)
    }

    /// One zone, its rrsets cut to those of which every value may be read.
    fn zone(
        &self,
        form: &ResponseForm,
        zone: Option<&Name>,
        body: &[u8],
        may: May<'_>,
        filtered: &mut Filtered,
    ) -> Option<Vec<u8>> {
        let zone = zone?;
        let batch = self.file.batch.get(form.batch.as_ref()?)?;
        let fields = Fields::read(body)?;
        let answered = fields.text(form.zone.as_ref()?)?;
        if text::name(&self.file, None, &answered).ok()? != *zone {
            return None;
        }
        let mut kept = Vec::with_capacity(fields.0.len());
        for (key, raw) in &fields.0 {
            if Some(key) != form.rrsets.as_ref() {
                kept.push((key.as_str(), raw.get().as_bytes().to_vec()));
                continue;
            }
            let keep = |raw: &RawValue| {
                let fields = Fields::read(raw.get().as_bytes())?;
                let entry = record::entry(&self.file, batch, zone, None, &fields)?;
                Some(readable(zone, entry, may))
            };
            kept.push((key.as_str(), cut(raw.get().as_bytes(), keep, filtered)?));
        }
        Some(write_object(&kept))
    }

    /// A list of zones, records and comments, cut to the readable ones.
    fn search(
        &self,
        form: &ResponseForm,
        body: &[u8],
        may: May<'_>,
        filtered: &mut Filtered,
    ) -> Option<Vec<u8>> {
        let keep = |raw: &RawValue| {
            let fields = Fields::read(raw.get().as_bytes())?;
            let operation = self.found(form, &fields)?;
            Some(may(&operation))
        };
        cut(body, keep, filtered)
    }

    /// What must be allowed for one search result to be seen.
    fn found(&self, form: &ResponseForm, fields: &Fields<'_>) -> Option<Operation> {
        let name = text::name(&self.file, None, &fields.text(form.name.as_ref()?)?).ok()?;
        let value = match fields.text(form.kind.as_ref()?)?.as_str() {
            "zone" => return Some(Operation::zone(Action::ZoneRead, name)),
            "record" => Some(fields.text(form.value.as_ref()?)?),
            "comment" => None,
            _ => return None,
        };
        let zone = text::name(&self.file, None, &fields.text(form.zone.as_ref()?)?).ok()?;
        let rtype = RecordType::parse(&fields.text(form.rtype.as_ref()?)?).ok()?;
        name.is_below_or_equal(&zone)
            .then(|| Operation::record(Action::RecordRead, zone, name, rtype, value))
    }
}

/// Whether a content type, without its parameters, is one of the form's.
fn is_type(form: &ResponseForm, content_type: Option<&str>) -> bool {
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    form.content_types.iter().any(|known| known.eq_ignore_ascii_case(essence))
}

/// One object, without the fields that may not be read.
fn object(
    form: &ResponseForm,
    body: &[u8],
    may: May<'_>,
    filtered: &mut Filtered,
) -> Option<Vec<u8>> {
    let fields = Fields::read(body)?;
    let mut kept = Vec::with_capacity(fields.0.len());
    for (key, raw) in &fields.0 {
        match form.hide.get(key) {
            Some(asked) if !may(&Operation::account(asked.0)) => filtered.left_out += 1,
            _ => kept.push((key.as_str(), raw.get().as_bytes().to_vec())),
        }
    }
    Some(write_object(&kept))
}

/// Whether every value of an rrset may be read; an rrset without values is asked for as such.
fn readable(zone: &Name, entry: Entry, may: May<'_>) -> bool {
    let Entry { name, rtype, values, .. } = entry;
    let read = |value: Option<String>| {
        Operation::record(Action::RecordRead, zone.clone(), name.clone(), rtype, value)
    };
    if values.is_empty() {
        return may(&read(None));
    }
    values.into_iter().all(|value| may(&read(Some(value))))
}

/// A list, cut to the elements that `keep` says; `None` from it is one that is not understood.
fn cut(
    body: &[u8],
    mut keep: impl FnMut(&RawValue) -> Option<bool>,
    filtered: &mut Filtered,
) -> Option<Vec<u8>> {
    let mut out = vec![b'['];
    for raw in raw_array(body).ok()? {
        match keep(raw) {
            Some(true) => {
                if out.len() > 1 {
                    out.push(b',');
                }
                out.extend_from_slice(raw.get().as_bytes());
            }
            Some(false) => filtered.left_out += 1,
            None => filtered.not_understood += 1,
        }
    }
    out.push(b']');
    Some(out)
}

/// An object of fields that are JSON already.
fn write_object(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (index, (key, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(serde_json::Value::from(*key).to_string().as_bytes());
        out.push(b':');
        out.extend_from_slice(value);
    }
    out.push(b'}');
    out
}

/// The fields of an object in an answer, not looked into.
pub(super) struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads an object; none where it is something else.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        raw_object(body).ok().map(Fields)
    }

    /// A field's JSON.
    pub(super) fn raw(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, raw)| raw.get())
    }

    /// A field's text; none where it is something else.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.raw(key)?).ok()
    }
}
