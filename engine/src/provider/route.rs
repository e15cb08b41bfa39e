//! Routes: which method and path is what, and which two would be the same.

use crate::decision::Reason;
use crate::name::Name;
use crate::record_type::RecordType;
use crate::request::{Method, Target};

use super::file::{File, Kind, Parameter, TrailingSlash};
use super::refusal::{Refusal, quoted};
use super::text;

/// A route's path, segment by segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Exactly this text.
    Literal(String),
    /// A typed parameter.
    Parameter(String),
}

/// A method and a path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// The method.
    pub(super) method: Method,
    /// The path.
    pub(super) segments: Vec<Segment>,
    /// What a slash behind it means, where it is not what the file says.
    pub(super) slash: Option<TrailingSlash>,
}

impl Pattern {
    /// Reads `GET /zones/{zone}`; the error is for the person who wrote it.
    pub(super) fn parse(text: &str) -> Result<Pattern, String> {
        let (method, path) = text
            .split_once(' ')
            .ok_or_else(|| format!("`{text}` is not a method, a blank and a path"))?;
        let method = Method::parse(method.as_bytes())
            .ok_or_else(|| format!("`{method}` is not a method that can be declared"))?;
        let path =
            path.strip_prefix('/').ok_or_else(|| format!("`{path}` does not begin with `/`"))?;
        let segments = path.split('/').map(segment).collect::<Result<_, _>>()?;
        Ok(Pattern { method, segments, slash: None })
    }

    /// Whether a path of this many segments with these texts has this route's form.
    ///
    /// A parameter with a closed list of values is part of the form; the others are read later.
    pub(super) fn has_form(&self, file: &File, target: &Target) -> bool {
        let slash = match self.slash.unwrap_or(file.trailing_slash) {
            TrailingSlash::Refused => !target.trailing_slash(),
            TrailingSlash::Required => target.trailing_slash(),
            TrailingSlash::Inert => true,
        };
        slash
            && self.segments.len() == target.segments().len()
            && self.segments.iter().zip(target.segments()).all(|(segment, text)| match segment {
                Segment::Literal(literal) => literal == text,
                Segment::Parameter(name) => {
                    file.parameter.get(name).is_some_and(|parameter| could_be(parameter, text))
                }
            })
    }
}

/// Reads one segment of a pattern.
fn segment(text: &str) -> Result<Segment, String> {
    if let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        return Ok(Segment::Parameter(name.to_owned()));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if text.is_empty() || !text.bytes().all(plain) {
        return Err(format!("`{text}` cannot be a path segment"));
    }
    Ok(Segment::Literal(text.to_owned()))
}

/// Whether a segment's text could be this parameter at all.
///
/// Names are not read here: a bad name is a denial of its own, not an unknown path.
fn could_be(parameter: &Parameter, segment: &str) -> bool {
    let listed = |list: &[String]| list.iter().any(|value| value == segment);
    if listed(&parameter.except) {
        return false;
    }
    if !parameter.one_of.is_empty() {
        return listed(&parameter.one_of);
    }
    match (parameter.is, parameter.id) {
        (Kind::Digits, _) => text::is_digits(segment),
        (Kind::ZoneId | Kind::RecordId, Some(form)) => text::is_id(form, segment),
        _ => true,
    }
}

/// Whether some target has the form of both; both methods being the same.
///
/// Errs on the side of `true`: what cannot be told apart here is a load error.
#[cfg(feature = "author")]
pub(super) fn overlap(file: &File, one: &Pattern, other: &Pattern) -> bool {
    one.method == other.method
        && one.segments.len() == other.segments.len()
        && one.segments.iter().zip(&other.segments).all(|pair| match pair {
            (Segment::Literal(one), Segment::Literal(other)) => one == other,
            (Segment::Literal(text), Segment::Parameter(name))
            | (Segment::Parameter(name), Segment::Literal(text)) => {
                file.parameter.get(name).is_none_or(|parameter| could_be(parameter, text))
            }
            (Segment::Parameter(one), Segment::Parameter(other)) => {
                match (file.parameter.get(one), file.parameter.get(other)) {
                    (Some(one), Some(other)) => share(one, other),
                    _ => true,
                }
            }
        })
}

/// Whether two parameters could be the same text.
#[cfg(feature = "author")]
fn share(one: &Parameter, other: &Parameter) -> bool {
    if !one.one_of.is_empty() {
        return one.one_of.iter().any(|text| could_be(one, text) && could_be(other, text));
    }
    if !other.one_of.is_empty() {
        return other.one_of.iter().any(|text| could_be(one, text) && could_be(other, text));
    }
    true
}

/// What the parameters of a path say.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    /// The zone that the path names by its name.
    pub(super) zone: Option<Name>,
    /// The zone that the path names by its id.
    pub(super) zone_id: Option<String>,
    /// The record that the path names by its id.
    pub(super) record_id: Option<String>,
    /// The parameter that this id is.
    record_parameter: Option<String>,
    /// The owner name in the path, as it stands there; it is read once the zone is known.
    pub(super) record_name: Option<Written>,
    /// The type of the record that the path names.
    pub(super) rtype: Option<RecordType>,
    /// The kind of metadata that the path names.
    pub(super) metadata: Option<String>,
    /// The segments as they go on, with the parameter that each is, if it is one.
    segments: Vec<(Option<String>, String)>,
    /// Whether a slash follows the last one.
    slash: bool,
}

/// An owner name in a path.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// The parameter.
    pub(super) parameter: String,
    /// The segment, decoded.
    pub(super) text: String,
}

impl Parameters {
    /// The path as it goes on, in its canonical form.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for (_, segment) in &self.segments {
            path.push('/');
            path.push_str(&crate::request::encode_segment(segment));
        }
        if self.slash || self.segments.is_empty() {
            path.push('/');
        }
        path
    }

    /// What a parameter is in the path as it goes on.
    pub(super) fn named(&self, parameter: &str) -> Option<&str> {
        let is = |name: &Option<String>| name.as_deref() == Some(parameter);
        self.segments.iter().find(|(name, _)| is(name)).map(|(_, text)| text.as_str())
    }

    /// All parameters but the record's, which say where a zone id belongs.
    ///
    /// SECURITY: told by the parameter, not by its text: a zone and its record may have the same
    /// number (case `a-zone-and-a-record-of-one-number`).
    pub(super) fn place(&self) -> String {
        let given = self.segments.iter().filter_map(|(name, text)| Some((name.as_ref()?, text)));
        given.fold(String::new(), |place, (name, text)| {
            let is_record = self.record_parameter.as_ref() == Some(name)
                || self.record_name.as_ref().is_some_and(|one| one.parameter == *name);
            if is_record { place } else { format!("{place}/{name}={text}") }
        })
    }

    /// Writes the owner name into the path as it goes on.
    pub(super) fn write_name(&mut self, written: &str) {
        let Some(name) = &self.record_name else { return };
        let slot = self.segments.iter_mut().find(|(one, _)| one.as_ref() == Some(&name.parameter));
        if let Some((_, text)) = slot {
            written.clone_into(text);
        }
    }
}

/// Reads the parameters of a target that has the pattern's form.
pub(super) fn read(file: &File, pattern: &Pattern, target: &Target) -> Result<Parameters, Refusal> {
    let mut read = Parameters {
        slash: target.trailing_slash()
            && pattern.slash.unwrap_or(file.trailing_slash) != TrailingSlash::Inert,
        ..Parameters::default()
    };
    for (segment, given) in pattern.segments.iter().zip(target.segments()) {
        let Segment::Parameter(name) = segment else {
            read.segments.push((None, given.clone()));
            continue;
        };
        let Some(parameter) = file.parameter.get(name) else {
            return Err(Refusal::internal());
        };
        let written = parameter_text(file, name, parameter, given, &mut read)?;
        read.segments.push((Some(name.clone()), written));
    }
    Ok(read)
}

/// Whether a name's last label is a number, which no zone's is.
fn is_number(name: &Name) -> bool {
    let last = name.as_str().rsplit('.').next().unwrap_or_default();
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads one parameter, notes what it says, and gives it as it goes on.
fn parameter_text(
    file: &File,
    name: &str,
    parameter: &Parameter,
    given: &str,
    read: &mut Parameters,
) -> Result<String, Refusal> {
    let id = parameter.id.filter(|form| text::is_id(*form, given));
    match parameter.is {
        Kind::Zone if id.is_some() => read.zone_id = Some(given.to_owned()),
        Kind::Zone | Kind::Name => {
            let name = text::name(file, parameter.codec, given)?;
            // SECURITY: what could be a number of the provider's own is no name, whatever its
            // zeros (test `a_number_is_no_zone`).
            if parameter.is == Kind::Zone && is_number(&name) {
                return Err(text::bad_name(given, "its last label is a number"));
            }
            let written = text::write_name(file, parameter.codec, &name);
            if parameter.is == Kind::Zone {
                read.zone = Some(name);
            }
            return Ok(written);
        }
        // SECURITY: an id goes into paths that nobody normalises, so it has its declared form
        // (test `ids_have_their_declared_form`).
        Kind::ZoneId | Kind::RecordId if id.is_none() => {
            let detail = format!("{} is not an id", quoted(given));
            return Err(Refusal::new(Reason::UnknownRoute, detail));
        }
        Kind::ZoneId => read.zone_id = Some(given.to_owned()),
        Kind::RecordId => {
            read.record_id = Some(given.to_owned());
            read.record_parameter = Some(name.to_owned());
        }
        Kind::RecordName => {
            let (parameter, text) = (name.to_owned(), given.to_owned());
            read.record_name = Some(Written { parameter, text });
        }
        Kind::RecordType => {
            let rtype = text::rtype_of(file, given)?;
            read.rtype = Some(rtype);
            return Ok(text::write_rtype(file, rtype));
        }
        Kind::Metadata => {
            let written = text::check(file, parameter.is, given).map_err(unknown)?;
            read.metadata = Some(written.clone());
            return Ok(written);
        }
        Kind::Text
        | Kind::Lines
        | Kind::Word
        | Kind::Digits
        | Kind::Bool
        | Kind::Integer
        | Kind::Number
        | Kind::Texts
        | Kind::Type
        | Kind::Address
        | Kind::Batch
        | Kind::Objects
        | Kind::Object
        | Kind::Map
        | Kind::OtherZone => return text::check(file, parameter.is, given).map_err(unknown),
    }
    Ok(given.to_owned())
}

/// A path parameter that is no word, number or address: there is no such path.
fn unknown(refusal: Refusal) -> Refusal {
    Refusal { reason: Reason::UnknownRoute, ..refusal }
}

/// The detail for a path that nothing declares.
pub(super) fn unknown_path(target: &Target) -> Refusal {
    Refusal::new(Reason::UnknownRoute, format!("the path {} is not known", quoted(target.path())))
}
