//! The header map, read once: method, path, and exactly one credential.
//!
//! Header values may hold any byte above 0x7f, a name may stand there twice, and Envoy joins some
//! repeated ones with commas; so everything is bytes until it is known to be text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{BODY_BYTES_MAX, HEADER_BYTES_MAX};
use crate::decision::Reason;
use crate::key::KeyText;
use crate::provider::{CredentialScheme, Forms};
use crate::request::Method;

/// Headers in which some DNS provider or proxy takes a credential.
///
/// SECURITY: a credential where this provider takes none is a second credential
/// (case `credentials-in-two-places`).
const CREDENTIALS: [&[u8]; 8] = [
    b"accesskey",
    b"authorization",
    b"auth-api-token",
    b"proxy-authorization",
    b"x-api-key",
    b"x-auth-key",
    b"x-auth-token",
    b"x-secret-api-key",
];

/// Whether some DNS provider or proxy takes a credential in a header of this lower-case name; what
/// stands there must not be printed.
#[cfg(feature = "author")]
pub fn takes_credentials(header: &str) -> bool {
    CREDENTIALS.contains(&header.as_bytes())
}

/// What the session needs of a header map.
#[derive(Debug)]
pub(super) struct Headers<'h> {
    /// The method, if it is one that any provider has.
    pub(super) method: Option<Method>,
    /// The path and query.
    pub(super) path: &'h [u8],
    /// The authority under which the client reached the gate.
    pub(super) authority: &'h [u8],
    /// Whether the body is compressed, or encoded in any other way.
    pub(super) is_encoded: bool,
    /// What is said of the form of the body and of the answer.
    pub(super) forms: Forms<'h>,
    /// The announced length of the body.
    pub(super) content_length: Option<usize>,
    /// All of them: names in lower case, and values.
    map: &'h [(Vec<u8>, Vec<u8>)],
    /// Every credential header: name and value.
    credentials: Vec<(&'h [u8], &'h [u8])>,
}

impl<'h> Headers<'h> {
    /// Reads the map; refuses what is too large or repeats what must stand once.
    pub(super) fn read(map: &'h [(Vec<u8>, Vec<u8>)]) -> Result<Headers<'h>, Reason> {
        let bytes: usize = map.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > HEADER_BYTES_MAX {
            return Err(Reason::HeadersNotCanonical);
        }
        let method = single(map, b":method")?.ok_or(Reason::HeadersNotCanonical)?;
        let path = single(map, b":path")?.ok_or(Reason::HeadersNotCanonical)?;
        let authority = single(map, b":authority")?.unwrap_or_default();
        let content_length = match single(map, b"content-length")? {
            Some(text) => Some(
                std::str::from_utf8(text)
                    .ok()
                    .filter(|text| {
                        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
                    })
                    // Digits only fail to be a number where it is too large: above every cap.
                    .map(|text| text.parse().unwrap_or(usize::MAX))
                    .ok_or(Reason::HeadersNotCanonical)?,
            ),
            None => None,
        };
        let encoding = single(map, b"content-encoding")?;
        let is_encoded = encoding.is_some_and(|value| !value.eq_ignore_ascii_case(b"identity"));
        let credentials = map
            .iter()
            .filter(|(name, _)| CREDENTIALS.contains(&name.as_slice()))
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect();
        let method = Method::parse(method);
        let forms =
            Forms { content_type: alone(map, b"content-type"), accept: alone(map, b"accept") };
        Ok(Headers { method, path, authority, is_encoded, forms, content_length, map, credentials })
    }

    /// The value of a header that may stand once at most; its name is in lower case.
    pub(super) fn one(&self, name: &str) -> Result<Option<&'h [u8]>, Reason> {
        single(self.map, name.as_bytes())
    }

    /// Whether the announced body is within the cap.
    pub(super) fn fits(&self) -> bool {
        self.content_length.is_none_or(|bytes| bytes <= BODY_BYTES_MAX)
    }

    /// The one presented key, in one of the places where the provider takes its own credential.
    pub(super) fn credential(&self, schemes: &[CredentialScheme]) -> Result<KeyText, Reason> {
        // A header that only goes with another one is no second credential.
        let beside = |name: &[u8]| {
            schemes.iter().any(|scheme| match scheme {
                CredentialScheme::Header { name: main, beside: Some(beside), .. } => {
                    beside.as_bytes() == name
                        && self.credentials.iter().any(|(one, _)| *one == main.as_bytes())
                }
                CredentialScheme::Header { .. } | CredentialScheme::BasicPassword => false,
            })
        };
        let counted: Vec<_> = self.credentials.iter().filter(|(name, _)| !beside(name)).collect();
        let (name, value) = match counted.as_slice() {
            [] => return Err(Reason::NoKey),
            [one] => **one,
            _ => return Err(Reason::ManyKeys),
        };
        let text = schemes.iter().find_map(|scheme| extract(scheme, name, value));
        let text = text.ok_or(Reason::MalformedKey)?;
        KeyText::parse(&text).map_err(|_| Reason::MalformedKey)
    }
}

/// The value of a header that stands there once; none, where it does not or is repeated.
fn alone<'h>(map: &'h [(Vec<u8>, Vec<u8>)], name: &[u8]) -> Option<&'h [u8]> {
    let mut values = map.iter().filter(|(one, _)| one == name).map(|(_, value)| value.as_slice());
    let first = values.next();
    first.filter(|_| values.next().is_none())
}

/// The value of a header that may stand once at most.
fn single<'h>(map: &'h [(Vec<u8>, Vec<u8>)], name: &[u8]) -> Result<Option<&'h [u8]>, Reason> {
    let mut values = map.iter().filter(|(one, _)| one == name).map(|(_, value)| value.as_slice());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Reason::HeadersNotCanonical),
    }
}

/// The key that a scheme finds in a header, if this is the scheme's header.
fn extract(scheme: &CredentialScheme, name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    match scheme {
        CredentialScheme::Header { name: expected, prefix, after_colon, .. } => {
            if expected.as_bytes() != name {
                return None;
            }
            let value =
                prefix.as_deref().map_or(Some(value), |scheme| strip_scheme(value, scheme))?;
            if !after_colon {
                return Some(value.to_vec());
            }
            let colon = value.iter().position(|byte| *byte == b':')?;
            value.get(colon + 1..).map(<[u8]>::to_vec)
        }
        CredentialScheme::BasicPassword => {
            if name != b"authorization" {
                return None;
            }
            let decoded = STANDARD.decode(strip_scheme(value, "Basic ")?).ok()?;
            let colon = decoded.iter().position(|byte| *byte == b':')?;
            decoded.get(colon + 1..).map(<[u8]>::to_vec)
        }
    }
}

/// What stands behind an authentication scheme and its blank.
fn strip_scheme<'v>(value: &'v [u8], scheme: &str) -> Option<&'v [u8]> {
    let (head, rest) = value.split_at_checked(scheme.len())?;
    head.eq_ignore_ascii_case(scheme.as_bytes()).then_some(rest)
}
