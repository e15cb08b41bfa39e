//! What a proxy knows of a request's first line, canonical or refused.
//!
//! A request target reaches this gate after the proxy's documented normalisation and goes on to a
//! provider that parses it once more. So only what every parser reads alike is accepted: percent
//! escapes are decoded once and must not yield anything with a meaning of its own, and what goes on
//! is written anew from the decoded segments and parameters, never copied.

use std::fmt;

#[cfg(test)]
mod tests;

/// The most bytes of a request target; far above any route of a DNS provider.
const TARGET_BYTES_MAX: usize = 8 * 1024;

/// The methods that any route can have.
///
/// Exhaustive on purpose: a new method must be considered wherever methods are matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// Every method.
    pub const ALL: &'static [Method] =
        &[Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete];

    /// Reads a method, upper case; none for every other, such as `TRACE`, `CONNECT`, `OPTIONS`.
    pub fn parse(bytes: &[u8]) -> Option<Method> {
        Method::ALL.iter().copied().find(|method| method.as_str().as_bytes() == bytes)
    }

    /// The method as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request's path and query, decoded.
///
/// INVARIANT: no segment is empty, `.` or `..`, or contains `/ \ % ? # ;` or a character that is
/// not of printable ASCII; no parameter has an empty key or contains a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The path's segments, each percent-decoded once.
    segments: Vec<String>,
    /// Whether the path ends with a slash behind its last segment.
    trailing_slash: bool,
    /// The path as it goes on.
    path: String,
    /// The query's parameters in order, decoded once.
    query: Vec<(String, String)>,
}

/// Why a request target is refused: two parsers could read it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// More than 8 KiB.
    TooLong,
    /// It does not begin with a slash.
    NotAPath,
    /// A byte that cannot stand unescaped in a target.
    Byte(u8),
    /// Two slashes in a row.
    EmptySegment,
    /// A segment `.` or `..`.
    DotSegment,
    /// A percent sign without two hexadecimal digits behind it.
    Escape,
    /// An escape in the path for a character that must not be there, escaped or not.
    EscapedByte(u8),
    /// A parameter that is not one key and one value joined by `=`.
    Parameter,
    /// A parameter that is not UTF-8 or contains a control character.
    ParameterText,
}

impl Target {
    /// Reads a path and an optional query, as they stand in the request.
    ///
    /// SECURITY: escapes are decoded once here and must not decode to a separator, a percent sign
    /// or `=` in the path (test `escapes_with_a_meaning_are_refused`).
    pub fn parse(raw: &[u8]) -> Result<Target, TargetError> {
        if raw.len() > TARGET_BYTES_MAX {
            return Err(TargetError::TooLong);
        }
        let refused = |byte: &&u8| !byte.is_ascii_graphic() || matches!(byte, b'#' | b'\\' | b';');
        if let Some(byte) = raw.iter().find(refused) {
            return Err(TargetError::Byte(*byte));
        }
        let raw = std::str::from_utf8(raw).map_err(|_| TargetError::NotAPath)?;
        let (path, query) = raw.split_once('?').unwrap_or((raw, ""));
        let (segments, trailing_slash) = parse_path(path)?;
        let query = if query.is_empty() {
            Vec::new()
        } else {
            query.split('&').map(parse_parameter).collect::<Result<_, _>>()?
        };
        let path = write_path(&segments, trailing_slash);
        Ok(Target { segments, trailing_slash, path, query })
    }

    /// The path as it goes on: from the decoded segments, escaped no more than necessary.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path's segments, decoded; none for `/`.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// Whether the path ends with a slash behind its last segment.
    pub fn trailing_slash(&self) -> bool {
        self.trailing_slash
    }

    /// The parameters in order, decoded.
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// The value of a parameter; the first, where it is repeated.
    pub fn parameter(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The keys that stand in the query more than once, upper and lower case being alike.
    pub fn query_repeats(&self) -> Vec<&str> {
        let mut keys: Vec<_> =
            self.query.iter().map(|(key, _)| (key.to_ascii_lowercase(), key.as_str())).collect();
        keys.sort_unstable();
        let repeated = keys.windows(2).filter_map(|pair| match pair {
            [(one, _), (other, key)] if one == other => Some(*key),
            _ => None,
        });
        repeated.collect()
    }
}

/// The decoded segments of a path, and whether a slash follows the last one.
fn parse_path(path: &str) -> Result<(Vec<String>, bool), TargetError> {
    let mut rest = path.strip_prefix('/').ok_or(TargetError::NotAPath)?;
    let trailing_slash = match rest.strip_suffix('/') {
        Some("") => return Err(TargetError::EmptySegment),
        Some(bare) => {
            rest = bare;
            true
        }
        None if rest.is_empty() => return Ok((Vec::new(), false)),
        None => false,
    };
    let segments = rest.split('/').map(parse_segment).collect::<Result<_, _>>()?;
    Ok((segments, trailing_slash))
}

/// One decoded segment of a path.
fn parse_segment(raw: &str) -> Result<String, TargetError> {
    let mut segment = String::with_capacity(raw.len());
    for byte in Unescaped::new(raw, false) {
        match byte? {
            Octet::Escaped(
                byte @ (0..0x20 | 0x7f.. | b'/' | b'\\' | b'%' | b'?' | b'#' | b';' | b'='),
            ) => return Err(TargetError::EscapedByte(byte)),
            Octet::Raw(byte) | Octet::Escaped(byte) => segment.push(char::from(byte)),
        }
    }
    match segment.as_str() {
        "" => Err(TargetError::EmptySegment),
        "." | ".." => Err(TargetError::DotSegment),
        _ => Ok(segment),
    }
}

/// One decoded parameter.
fn parse_parameter(raw: &str) -> Result<(String, String), TargetError> {
    let (key, value) = raw.split_once('=').ok_or(TargetError::Parameter)?;
    if key.is_empty() || key.contains('+') {
        return Err(TargetError::Parameter);
    }
    Ok((parse_query_text(key)?, parse_query_text(value)?))
}

/// A decoded key or value of a parameter.
fn parse_query_text(raw: &str) -> Result<String, TargetError> {
    let mut bytes = Vec::with_capacity(raw.len());
    for byte in Unescaped::new(raw, true) {
        match byte? {
            Octet::Raw(byte) | Octet::Escaped(byte) => bytes.push(byte),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| TargetError::ParameterText)?;
    if text.chars().any(char::is_control) {
        return Err(TargetError::ParameterText);
    }
    Ok(text)
}

/// One octet of a target.
enum Octet {
    /// It stands there as it is.
    Raw(u8),
    /// It was written as a percent escape.
    Escaped(u8),
}

/// Decodes percent escapes, once.
struct Unescaped<'a> {
    /// What is still to be read.
    rest: std::str::Bytes<'a>,
    /// Whether a plus sign is a space, as in a query.
    plus: bool,
}

impl<'a> Unescaped<'a> {
    /// Decodes a part of a path, or (`plus`) of a query.
    fn new(raw: &'a str, plus: bool) -> Self {
        Unescaped { rest: raw.bytes(), plus }
    }

    /// The value of the next byte as a hexadecimal digit.
    fn digit(&mut self) -> Result<u8, TargetError> {
        let byte = self.rest.next().ok_or(TargetError::Escape)?;
        let digit = char::from(byte).to_digit(16).ok_or(TargetError::Escape)?;
        u8::try_from(digit).map_err(|_| TargetError::Escape)
    }

    /// The octet whose escape began with the percent sign just read.
    fn escaped(&mut self) -> Result<Octet, TargetError> {
        let high = self.digit()?;
        Ok(Octet::Escaped(high << 4 | self.digit()?))
    }
}

impl Iterator for Unescaped<'_> {
    type Item = Result<Octet, TargetError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.rest.next()? {
            b'%' => self.escaped(),
            b'+' if self.plus => Ok(Octet::Raw(b' ')),
            byte => Ok(Octet::Raw(byte)),
        })
    }
}

/// A path of decoded segments, as it is sent.
fn write_path(segments: &[String], trailing_slash: bool) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        path.push_str(&encode_segment(segment));
    }
    if trailing_slash || segments.is_empty() {
        path.push('/');
    }
    path
}

/// A decoded path segment as it is sent: everything but RFC 3986's `pchar` escaped.
pub fn encode_segment(segment: &str) -> String {
    encode(segment, |byte| {
        is_unreserved(byte) || matches!(byte, b'!' | b'$' | b'&'..=b',' | b'=' | b':' | b'@')
    })
}

/// Decoded parameters as they are sent, without the question mark: everything but RFC 3986's
/// `unreserved` escaped; empty for none.
pub fn encode_query(parameters: &[(String, String)]) -> String {
    let mut query = String::new();
    for (key, value) in parameters {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&encode(key, is_unreserved));
        query.push('=');
        query.push_str(&encode(value, is_unreserved));
    }
    query
}

/// A text with all bytes but the `plain` ones as percent escapes.
fn encode(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii() && plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].map(hex_digit));
        }
    }
    out
}

/// The upper-case hexadecimal digit of a number below 16.
fn hex_digit(number: u8) -> char {
    char::from(if number < 10 { b'0' + number } else { b'A' - 10 + number })
}

/// Whether a byte means the same escaped and not (RFC 3986, 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printed = |byte: u8| char::from(byte).escape_default();
        match self {
            TargetError::TooLong => f.write_str("the path and query have more than 8 KiB"),
            TargetError::NotAPath => f.write_str("the path does not begin with `/`"),
            TargetError::Byte(byte) => {
                write!(f, "the byte `{}` cannot stand in a path or query", printed(*byte))
            }
            TargetError::EmptySegment => f.write_str("two slashes in a row stand in the path"),
            TargetError::DotSegment => f.write_str("`.` or `..` is a segment of the path"),
            TargetError::Escape => {
                f.write_str("a percent sign stands without two hexadecimal digits")
            }
            TargetError::EscapedByte(byte) => {
                write!(f, "`%{byte:02X}` must not stand in the path")
            }
            TargetError::Parameter => {
                f.write_str("a query parameter is not one key and one value joined by `=`")
            }
            TargetError::ParameterText => {
                f.write_str("a query parameter is not printable text in UTF-8")
            }
        }
    }
}

impl std::error::Error for TargetError {}
