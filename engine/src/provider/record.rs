//! One record or rrset as an API writes it: owner name, type, values.
//!
//! Requests and answers are read by the same rules, so that what a client sends and what a lookup
//! finds are compared in one form. Where an API takes a value apart (`priority` and `content`), a
//! template of its batch puts it together in presentation form, because that is what policies
//! read.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::json::Json;
use crate::name::Name;
use crate::record_type::RecordType;

use super::file::{Batch, File, NamesForm};
use super::filter::{Fields, each, unquoted};
use super::refusal::{Refusal, quoted};
use super::{text, value};

/// What stands at a place of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scalar<'a> {
    /// Nothing, or `null`.
    Absent,
    /// A text.
    Text(Cow<'a, str>),
    /// A number, as its text.
    Number(Cow<'a, str>),
    /// Something else.
    Other,
}

impl Scalar<'_> {
    /// The text of a text or number.
    pub(super) fn text(self) -> Option<String> {
        match self {
            Scalar::Text(text) | Scalar::Number(text) => Some(text.into_owned()),
            Scalar::Absent | Scalar::Other => None,
        }
    }
}

/// An object whose fields can be asked for by a path such as `data.target`.
pub(super) trait Object {
    /// What stands at a path.
    fn at(&self, path: &str) -> Scalar<'_>;
}

impl Object for [(String, Json)] {
    fn at(&self, path: &str) -> Scalar<'_> {
        let (key, rest) =
            path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
        let found = self.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        match (found, rest) {
            (None | Some(Json::Null), _) => Scalar::Absent,
            (Some(Json::Object(inside)), Some(rest)) => inside.as_slice().at(rest),
            (Some(Json::Text(text)), None) => Scalar::Text(Cow::Borrowed(text)),
            (Some(Json::Number(number)), None) => Scalar::Number(Cow::Owned(number.to_string())),
            (Some(_), _) => Scalar::Other,
        }
    }
}

impl Object for Fields<'_> {
    fn at(&self, path: &str) -> Scalar<'_> {
        self.scalar(path)
    }
}

impl<'a> Fields<'a> {
    /// What stands at a path, as a part of the answer.
    pub(super) fn scalar(&self, path: &str) -> Scalar<'a> {
        let (key, rest) =
            path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
        let Some(raw) = self.raw(key) else { return Scalar::Absent };
        match (raw.as_bytes().first(), rest) {
            (Some(b'n'), _) => Scalar::Absent,
            (Some(b'{'), Some(rest)) => {
                Fields::again(raw).map_or(Scalar::Other, |inside| inside.scalar(rest))
            }
            (Some(b'"'), None) => unquoted(raw).map_or(Scalar::Other, Scalar::Text),
            (Some(b'0'..=b'9' | b'-'), None) => Scalar::Number(Cow::Borrowed(raw)),
            _ => Scalar::Other,
        }
    }
}

/// Two objects, one laid over the other: an update over the record as it is.
pub(super) struct Overlay<'a, A: Object + ?Sized, B: Object + ?Sized> {
    /// What is given.
    pub(super) over: &'a A,
    /// What holds where nothing is given.
    pub(super) under: &'a B,
}

impl<A: Object + ?Sized, B: Object + ?Sized> Object for Overlay<'_, A, B> {
    fn at(&self, path: &str) -> Scalar<'_> {
        let found = self.over.at(path);
        if found == Scalar::Absent { self.under.at(path) } else { found }
    }
}

/// A record or rrset of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The provider's id of it, where the batch names one.
    pub(super) id: Option<String>,
    /// The owner name, in the zone.
    pub(super) name: Name,
    /// The record type.
    pub(super) rtype: RecordType,
    /// The values: all of an rrset, one of a record.
    pub(super) values: Vec<String>,
}

/// Reads a record or rrset of an answer about this zone; none where it is not understood, or
/// does not lie in the zone.
///
/// `asked` is the name and type that the request's path gives, for answers that do not repeat
/// them.
pub(super) fn entry(
    file: &File,
    batch: &Batch,
    zone: &Name,
    asked: Option<(&Name, RecordType)>,
    fields: &Fields<'_>,
) -> Option<Entry> {
    let id = batch.id.as_ref().and_then(|key| fields.at(key).text());
    Some(Entry { id, ..meaning(file, batch, zone, asked, fields)? })
}

/// The same without the provider's id, which a decision does not read.
pub(super) fn meaning(
    file: &File,
    batch: &Batch,
    zone: &Name,
    asked: Option<(&Name, RecordType)>,
    fields: &Fields<'_>,
) -> Option<Entry> {
    let path = (asked.map(|(name, _)| name), asked.map(|(_, rtype)| rtype));
    let name = owner(file, batch, zone, path, fields).ok()?;
    let rtype = rtype(file, batch, asked.map(|(_, rtype)| rtype), fields).ok()?;
    let values = match &batch.values {
        None => vec![value::present(batch, rtype, flat(batch, rtype, fields, fields).ok()?)],
        Some(key) => {
            let mut values = Some(Vec::new());
            each(fields.raw(key)?, false, |item, fields| {
                let raw = match &batch.value {
                    None => unquoted(item),
                    Some(key) => fields.and_then(|fields| fields.text(key)),
                };
                match (raw, &mut values) {
                    (Some(raw), Some(read)) => {
                        read.push(value::present(batch, rtype, raw.into_owned()));
                    }
                    _ => values = None,
                }
            })?;
            values?
        }
    };
    Some(Entry { id: None, name, rtype, values })
}

/// The owner name of an item in a zone; `path` is what the request's path says of name and type,
/// which an item may repeat, but not contradict.
pub(super) fn owner(
    file: &File,
    batch: &Batch,
    zone: &Name,
    path: (Option<&Name>, Option<RecordType>),
    item: &(impl Object + ?Sized),
) -> Result<Name, Refusal> {
    let given = batch.name.as_ref().map_or(Scalar::Absent, |key| item.at(key));
    let (path, rtype) = path;
    let prefix = owner_prefix(file, batch, rtype, item)?;
    // SECURITY: a name that is made of other fields is not the path's, and where it is made of them
    // alone, nothing else says where it is (test `the_fields_of_a_name_have_the_last_word`).
    if prefix.is_some() && path.is_some() {
        return Err(Refusal::body("the record's name is made of its fields, and the path has one"));
    }
    let idle = prefix.is_some() && batch.owner_alone;
    if idle && !matches!(&given, Scalar::Absent) && given != Scalar::Text(Cow::Borrowed("")) {
        return Err(Refusal::body("the record's name is made of other fields"));
    }
    let named = match (given, path) {
        (_, None) if idle => zone.clone(),
        (Scalar::Absent, Some(path)) => return Ok(path.clone()),
        (Scalar::Absent, None) if prefix.is_some() || apex_is_absence(batch) => zone.clone(),
        (Scalar::Text(given), _) => text::owner(file, &batch.names, zone, &given)?,
        (Scalar::Absent | Scalar::Number(_) | Scalar::Other, _) => {
            let key = batch.name.as_deref().unwrap_or("name");
            return Err(Refusal::body(format!("a record's `{key}` is missing or no text")));
        }
    };
    let name = match prefix {
        None => named,
        Some(prefix) => Name::parse_relative(&prefix, &named, "\0")
            .map_err(|error| text::bad_name(&prefix, &error.to_string()))?,
    };
    match path {
        Some(path) if *path != name => {
            Err(Refusal::body(format!("the body is about {name}, the path about {path}")))
        }
        _ => Ok(name),
    }
}

/// What stands before the name's field in the names of some types.
fn owner_prefix(
    file: &File,
    batch: &Batch,
    path: Option<RecordType>,
    item: &(impl Object + ?Sized),
) -> Result<Option<String>, Refusal> {
    if batch.owner.is_empty() {
        return Ok(None);
    }
    let given = batch.rtype.as_ref().and_then(|key| item.at(key).text());
    let given = given.and_then(|given| text::rtype_of(file, &given).ok()).or(path);
    let template = given.and_then(|rtype| batch.owner.get(&rtype.to_string()));
    template.map_or(Ok(None), |template| match fill(template, item) {
        Filled::Whole(text) => Ok(Some(text)),
        Filled::Lacks | Filled::Wrong => {
            Err(Refusal::body("a field that the record's name is made of is missing"))
        }
    })
}

/// Whether an absent name means the zone itself.
fn apex_is_absence(batch: &Batch) -> bool {
    batch.names.form == NamesForm::Relative && batch.names.apex.iter().any(String::is_empty)
}

/// The type of an item; `path` is that of the request's path, which an item may repeat.
pub(super) fn rtype(
    file: &File,
    batch: &Batch,
    path: Option<RecordType>,
    item: &(impl Object + ?Sized),
) -> Result<RecordType, Refusal> {
    let key = batch.rtype.as_deref();
    match (key.map_or(Scalar::Absent, |key| item.at(key)), path) {
        (Scalar::Absent, Some(path)) => Ok(path),
        (Scalar::Number(_), _) if file.types.is_empty() => {
            Err(Refusal::body("a record's type is a number"))
        }
        (Scalar::Text(given) | Scalar::Number(given), path) => {
            let given = text::rtype_of(file, &given)?;
            match path {
                Some(path) if path != given => {
                    Err(Refusal::body(format!("the body is about {given}, the path about {path}")))
                }
                _ => Ok(given),
            }
        }
        (Scalar::Absent | Scalar::Other, _) => {
            let key = key.unwrap_or("type");
            Err(Refusal::body(format!("a record's `{key}` is missing or no text")))
        }
    }
}

/// The value of a single record in presentation form.
///
/// `given` is what the request itself says, `item` what holds in the end (for an update: over the
/// record as it is). Of several templates those count that use something given; without any, those
/// that can be filled in at all.
///
/// SECURITY: two ways of writing a value at once, of which the provider would choose one, are
/// refused unless they say the same.
pub(super) fn flat(
    batch: &Batch,
    rtype: RecordType,
    given: &(impl Object + ?Sized),
    item: &(impl Object + ?Sized),
) -> Result<String, Refusal> {
    let templates = templates(batch, rtype).ok_or_else(|| unknown_type(&rtype.to_string()))?;
    // One that stands alone counts, touched or not.
    if let [only] = templates {
        return match fill(only, item) {
            Filled::Whole(text) => Ok(text),
            Filled::Lacks | Filled::Wrong => Err(lacking(rtype)),
        };
    }
    let touched: Vec<&String> =
        templates.iter().filter(|template| uses_something_of(template, given)).collect();
    let candidates = if touched.is_empty() { templates.iter().collect() } else { touched };
    let mut value: Option<String> = None;
    let mut wrong = false;
    for template in candidates {
        match fill(template, item) {
            Filled::Whole(text) if value.as_ref().is_some_and(|other| *other != text) => {
                return Err(Refusal::body("a record's value is given in two ways"));
            }
            Filled::Whole(text) => value = Some(text),
            Filled::Lacks => {}
            Filled::Wrong => wrong = true,
        }
    }
    match value {
        Some(value) if !wrong => Ok(value),
        _ => Err(lacking(rtype)),
    }
}

/// The refusal of a value that cannot be put together.
fn lacking(rtype: RecordType) -> Refusal {
    Refusal::body(format!("a field of the {rtype} record's value is missing or wrong"))
}

/// How values of this type are written; none where the batch does not say it.
fn templates(batch: &Batch, rtype: RecordType) -> Option<&[String]> {
    let own = match rtype.mnemonic() {
        Some(mnemonic) => batch.flat.get(mnemonic),
        None => batch.flat.get(rtype.to_string().as_str()),
    };
    own.or_else(|| batch.flat.get("*")).map(Vec::as_slice)
}

/// The fields that some type's value or name is made of, but not this record's: nobody has read
/// them, so they do not go on.
///
/// SECURITY: an API may prefer one way of writing a value to another; only the one that was judged
/// reaches it (test `a_second_way_to_write_a_value_does_not_go_on`).
pub(super) fn unread(
    batch: &Batch,
    rtype: RecordType,
    given: &(impl Object + ?Sized),
    item: &(impl Object + ?Sized),
) -> Vec<String> {
    let head = |(path, _): (&str, Option<&str>)| {
        path.split_once('.').map_or(path, |(head, _)| head).to_owned()
    };
    let own: Vec<&String> = templates(batch, rtype).into_iter().flatten().collect();
    let touched = own.iter().any(|template| uses_something_of(template, given));
    let read = own.into_iter().filter(|template| {
        (!touched || uses_something_of(template, given))
            && matches!(fill(template, item), Filled::Whole(_))
    });
    let read = read.chain(batch.owner.get(rtype.to_string().as_str()));
    let read: BTreeSet<String> = read.flat_map(|template| marks(template).map(head)).collect();
    let all = batch.flat.values().flatten().chain(batch.owner.values());
    let all = all.flat_map(|template| marks(template).map(head));
    let unread: BTreeSet<String> = all.filter(|head| !read.contains(head)).collect();
    unread.into_iter().collect()
}

/// Whether a batch says how values of this type are written.
pub(super) fn is_written(batch: &Batch, rtype: RecordType) -> bool {
    templates(batch, rtype).is_some()
}

/// Whether something given is part of a value of this type.
pub(super) fn touches_value(
    batch: &Batch,
    rtype: RecordType,
    given: &(impl Object + ?Sized),
) -> bool {
    templates(batch, rtype).into_iter().flatten().any(|template| uses_something_of(template, given))
}

/// Whether an object has a field that a template uses.
fn uses_something_of(template: &str, given: &(impl Object + ?Sized)) -> bool {
    marks(template).any(|(path, _)| given.at(path) != Scalar::Absent)
}

/// The fields of a template, with what an absent one means.
pub(super) fn marks(template: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    template.split('{').skip(1).filter_map(|rest| {
        let (mark, _) = rest.split_once('}')?;
        Some(mark.split_once('|').map_or((mark, None), |(path, absent)| (path, Some(absent))))
    })
}

/// A template that was filled in.
enum Filled {
    /// With everything it needs.
    Whole(String),
    /// Something is missing.
    Lacks,
    /// Something is neither a text nor a number.
    Wrong,
}

/// The path of a template that is nothing else.
fn alone(template: &str) -> Option<&str> {
    let path = template.strip_prefix('{')?.strip_suffix('}')?;
    (!path.contains(['{', '}', '|'])).then_some(path)
}

/// Fills in a template.
fn fill(template: &str, item: &(impl Object + ?Sized)) -> Filled {
    if let Some(path) = alone(template) {
        return match item.at(path) {
            Scalar::Text(text) | Scalar::Number(text) => Filled::Whole(text.into_owned()),
            Scalar::Absent => Filled::Lacks,
            Scalar::Other => Filled::Wrong,
        };
    }
    let mut out = String::with_capacity(template.len() + 32);
    let parts = template.matches('{').count() > 1;
    let mut pieces = template.split('{');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let Some((mark, after)) = piece.split_once('}') else { return Filled::Wrong };
        let (path, absent) =
            mark.split_once('|').map_or((mark, None), |(path, absent)| (path, Some(absent)));
        match (item.at(path), absent) {
            (Scalar::Text(text) | Scalar::Number(text), _) if parts => {
                // A part may be empty, and clients pad them; with blanks, and not with what else is
                // taken for one somewhere (case `only-blanks-are-padding`).
                match text.trim_matches(' ') {
                    "" => out.truncate(out.trim_end().len()),
                    text => out.push_str(text),
                }
            }
            (Scalar::Text(text) | Scalar::Number(text), _) => out.push_str(&text),
            (Scalar::Absent, Some("")) => out.truncate(out.trim_end().len()),
            (Scalar::Absent, Some(absent)) => out.push_str(absent),
            (Scalar::Absent, None) => return Filled::Lacks,
            (Scalar::Other, _) => return Filled::Wrong,
        }
        out.push_str(after);
    }
    Filled::Whole(out)
}

/// How an item's type is shown where the provider's word for it is not understood.
pub(super) fn unknown_type(given: &str) -> Refusal {
    Refusal::new(
        crate::decision::Reason::TypeNotUnderstood,
        format!("record type {} is not one of this provider", quoted(given)),
    )
}
