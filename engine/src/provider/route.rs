//! Routes: which method and path is what, and which two would be the same.

use crate::decision::Reason;
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
        Ok(Pattern { method, segments })
    }

    /// Whether a path of this many segments with these texts has this route's form.
    ///
    /// A parameter with a closed list of values is part of the form; the others are read later.
    pub(super) fn has_form(&self, file: &File, target: &Target) -> bool {
        let slash = match file.trailing_slash {
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
    parameter.is != Kind::Digits || text::is_digits(segment)
}

/// Whether some target has the form of both; both methods being the same.
///
/// Errs on the side of `true`: what cannot be told apart here is a load error.
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
    /// The zone that the path names.
    pub(super) zone: Option<crate::name::Name>,
    /// The kind of metadata that the path names.
    pub(super) metadata: Option<String>,
    /// The path as it goes on, in its canonical form.
    pub(super) path: String,
}

/// Reads the parameters of a target that has the pattern's form.
pub(super) fn read(file: &File, pattern: &Pattern, target: &Target) -> Result<Parameters, Refusal> {
    let mut read = Parameters::default();
    for (segment, given) in pattern.segments.iter().zip(target.segments()) {
        read.path.push('/');
        let Segment::Parameter(name) = segment else {
            read.path.push_str(given);
            continue;
        };
        let Some(parameter) = file.parameter.get(name) else {
            return Err(Refusal::internal());
        };
        let written = if matches!(parameter.is, Kind::Zone | Kind::Name) {
            let name = text::name(file, parameter.codec, given)?;
            let written = text::write_name(file, parameter.codec, &name);
            if parameter.is == Kind::Zone {
                read.zone = Some(name);
            }
            written
        } else {
            text::check(file, parameter.is, given).map_err(unknown)?
        };
        if parameter.is == Kind::Metadata {
            read.metadata = Some(written.clone());
        }
        read.path.push_str(&crate::request::encode_segment(&written));
    }
    if target.trailing_slash() {
        read.path.push('/');
    }
    Ok(read)
}

/// A path parameter that is no word, number or address: there is no such path.
fn unknown(refusal: Refusal) -> Refusal {
    Refusal { reason: Reason::UnknownRoute, ..refusal }
}

/// The detail for a path that nothing declares.
pub(super) fn unknown_path(target: &Target) -> Refusal {
    Refusal::new(Reason::UnknownRoute, format!("the path {} is not known", quoted(target.path())))
}
