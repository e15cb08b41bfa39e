//! Answers: what a key may see of them.
//!
//! A filtered answer keeps its bytes and their order, or leaves entries and fields out; nothing is
//! written into it but counters of pages and addresses that lead back to the gate. An entry that
//! is not understood is left out and counted.

mod fields;
mod links;
mod lists;
mod paging;
mod place;
mod split;

use crate::decision::Reason;
use crate::name::Name;
use crate::operation::Operation;
use crate::record_type::RecordType;

use self::lists::{Cut, Cutting, Found};
use self::place::{Edits, Tree};
use super::Provider;
use super::file::{ResponseForm, Shape};
use super::narrow::Narrowing;

pub(super) use self::fields::Fields;
pub(super) use self::place::{is_at, number_at, text_at};
pub(super) use self::split::{each, unquoted};

/// The statuses without a body.
const BODILESS: [u16; 2] = [204, 304];

/// The content type of such errors.
const JSON: &str = "application/json";
/// The status of an error that came with the status of a success.
const IN_SUCCESS: u16 = 400;

/// What is done with a route's answer, and what must be known of the request for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseRule {
    /// The shape's name in the provider file.
    pub(super) form: String,
    /// The zone that the answer must be about, where it is about one: from the path or body, or
    /// what a lookup found for its id.
    pub(super) zone: Option<Name>,
    /// The owner name and type that the path gives, for answers that do not repeat them.
    pub(super) asked: Option<(Name, RecordType)>,
    /// The query as it was forwarded, which may say how long a page is.
    pub(super) query: Vec<(String, String)>,
    /// What entries of a list must be like besides.
    pub(super) narrowing: Option<Narrowing>,
    /// Whether the request changes something, by what it means.
    pub(super) wrote: bool,
    /// Scheme and authority under which the client reached the gate, such as
    /// `http://127.0.0.1:8053`: what links lead to. Empty, they become paths.
    pub(super) gate: String,
}

impl ResponseRule {
    /// A rule about nothing but a zone; the other fields are what the request adds.
    pub fn new(form: String, zone: Option<Name>) -> Self {
        ResponseRule {
            form,
            zone,
            asked: None,
            query: Vec::new(),
            narrowing: None,
            wrote: false,
            gate: String::new(),
        }
    }

    /// The same, for a client that reached the gate under this scheme and authority.
    #[must_use]
    pub fn at_gate(self, gate: String) -> Self {
        ResponseRule { gate, ..self }
    }

    /// The owner name and type of the path.
    fn asked(&self) -> Option<(&Name, RecordType)> {
        self.asked.as_ref().map(|(name, rtype)| (name, *rtype))
    }

    /// The value of a parameter of the query.
    fn asked_for(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
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
    /// The other headers; those that a provider file names and `retry-after` are looked at.
    pub headers: &'a [(&'a str, &'a str)],
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
    /// Other headers that go on: names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Ids of zones, and their names: what a list teaches, whether its zones may be read or not.
    pub learnt: Vec<(String, Name)>,
    /// How many entries were left out because they may not be read.
    pub left_out: usize,
    /// How many entries were left out because they were not understood.
    pub not_understood: usize,
}

impl Filtered {
    /// An answer without a body, of which nothing was left out yet.
    pub(super) fn bare(status: u16) -> Self {
        Filtered {
            status,
            content_type: None,
            headers: Vec::new(),
            body: Vec::new(),
            learnt: Vec::new(),
            left_out: 0,
            not_understood: 0,
        }
    }
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
        // An error with the status of a success is JSON, so that what is no JSON is none.
        let json = form.content_types.iter().any(|known| known.eq_ignore_ascii_case(JSON));
        let passes = form.shape == Shape::Pass
            && (self.file.error.in_success.is_none() || !json)
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
            return self.error_answer(form, rule, answer, request_id);
        }
        // SECURITY: an error is one whatever its status: its text is the provider's (case
        // `an-error-with-the-status-of-a-success-tells-nothing`).
        let in_success = self.file.error.in_success.as_ref();
        if in_success.is_some_and(|error| is_at(answer.body, &error.field, &error.is)) {
            let answer = Answer { status: IN_SUCCESS, ..answer };
            return self.error_answer(form, rule, answer, request_id);
        }
        if BODILESS.contains(&answer.status)
            || (form.shape == Shape::Pass && answer.body.is_empty())
        {
            return Ok(Filtered::bare(answer.status));
        }
        if form.shape == Shape::Pass {
            if !is_type(form, answer.content_type) {
                return Err(Reason::ResponseNotUnderstood);
            }
            let content_type = answer.content_type.map(str::to_owned);
            let body = answer.body.to_vec();
            return Ok(Filtered { content_type, body, ..Filtered::bare(answer.status) });
        }
        self.cut(form, rule, answer, request_id, may).ok_or(Reason::ResponseNotUnderstood)
    }

    /// An answer cut to what may be read; none where it is not of its form.
    fn cut(
        &self,
        form: &ResponseForm,
        rule: &ResponseRule,
        answer: Answer<'_>,
        request_id: &str,
        may: May<'_>,
    ) -> Option<Filtered> {
        let text = std::str::from_utf8(answer.body).ok()?;
        let mut tree = Tree::new(text);
        let filtered = Filtered::bare(answer.status);
        let mut cutting = Cutting { rule, form, edits: Edits::new(text), may, filtered };
        let cut = match form.shape {
            Shape::Zones => self.zones(&mut cutting, &mut tree)?,
            Shape::Zone => self.zone(&mut cutting, &mut tree)?,
            Shape::Records => self.records(&mut cutting, &mut tree)?,
            Shape::Search => self.search(&mut cutting, &mut tree)?,
            Shape::Record => match self.record(&mut cutting, &mut tree)? {
                Found::Readable => Cut::default(),
                // It was changed, and "there is none" would say that it was not.
                Found::Hidden(record) if rule.wrote => cutting.leave_empty(record)?,
                Found::Hidden(_) | Found::Nothing => {
                    let unknown = self.unknown(request_id);
                    return Some(Filtered { left_out: 1, ..unknown });
                }
            },
            Shape::Objects => cutting.objects(&mut tree)?,
            Shape::Object | Shape::Pass => {
                cutting.object(&mut tree)?;
                Cut::default()
            }
        };
        if let Some(paging) = &form.paging {
            let paging = self.file.paging.get(paging)?;
            let origin = self.file.origin.as_deref();
            cutting.page(paging, origin, answer.headers, &mut tree, cut)?;
        }
        let body = cutting.edits.apply()?;
        let content_type = Some("application/json".to_owned());
        Some(Filtered { content_type, body, ..cutting.filtered })
    }

    /// The headers `link` of an answer that is no success, turned back to the gate; none where
    /// they are not understood. Some APIs answer a list that is too long with an error and the
    /// address of its first page.
    pub(super) fn links_of_error(
        &self,
        form: &ResponseForm,
        rule: &ResponseRule,
        answer: Answer<'_>,
    ) -> Vec<(String, String)> {
        let paging = form.paging.as_ref().and_then(|paging| self.file.paging.get(paging));
        if !paging.is_some_and(|paging| paging.link_header) {
            return Vec::new();
        }
        let filtered = Filtered::bare(answer.status);
        let may: May<'_> = &mut |_| false;
        let mut cutting = Cutting { rule, form, edits: Edits::new(""), may, filtered };
        match cutting.link_header(self.file.origin.as_deref(), answer.headers) {
            Some(_) => cutting.filtered.headers,
            None => Vec::new(),
        }
    }
}

/// Whether a content type, without its parameters, is one of the form's.
fn is_type(form: &ResponseForm, content_type: Option<&str>) -> bool {
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    form.content_types.iter().any(|known| known.eq_ignore_ascii_case(essence))
}
