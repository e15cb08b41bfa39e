//! DNS names as types: the only module where a DNS name is text.
//!
//! A [`Name`] is absolute, in ASCII lower case, without a trailing dot, so two spellings of one
//! name are one value, and whatever compares names compares labels. Nothing is repaired on the
//! way in: an escape, a U-label, a missing or additional dot is an error, because a name that
//! this gate reads in one way and a provider in another is a way around every policy.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(test)]
mod tests;

/// The most octets of a name in its text form, without the trailing dot (RFC 1035, 2.3.4).
const NAME_BYTES_MAX: usize = 253;
/// The most octets of one label (RFC 1035, 2.3.4).
const LABEL_BYTES_MAX: usize = 63;
/// The text of the root, which has no labels.
const ROOT: &str = ".";
/// The label that makes a name a wildcard, where it is leftmost.
const WILDCARD: &str = "*";

/// How a party writes an absolute name; each provider file states one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameForm {
    /// Without a trailing dot: `example.com`.
    Fqdn,
    /// With a trailing dot: `example.com.`.
    FqdnDot,
}

/// An absolute DNS name in its canonical form.
///
/// INVARIANT: the text is `.` (the root), or one to 253 octets of labels joined by dots, each of
/// one to 63 of `a-z 0-9 - _`, the leftmost possibly `*`. Only [`Name::parse`] and
/// [`Name::parse_relative`] make one, or a cut of an existing one at a dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// Why a text is not a name that this gate accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    Empty,
    /// The name has more than 253 octets.
    TooLong,
    /// Two dots in a row, or one at the beginning.
    EmptyLabel,
    /// A label has more than 63 octets.
    LabelTooLong,
    /// A character that is not a letter, digit, hyphen or underscore of ASCII.
    Character(char),
    /// An asterisk that is not the whole of the leftmost label.
    Asterisk,
    /// The form asks for a trailing dot and there is none.
    DotMissing,
    /// The form has no trailing dot and there is one.
    DotUnexpected,
}

impl Name {
    /// The root of the DNS, `.`.
    pub fn root() -> Name {
        Name(Arc::from(ROOT))
    }

    /// Reads an absolute name written in exactly this form; the root is `.` in both.
    ///
    /// SECURITY: the other form is an error, never repaired: a provider that reads a name
    /// relative where this gate read it absolute would write elsewhere (test
    /// `the_other_form_is_an_error`).
    pub fn parse(text: &str, form: NameForm) -> Result<Name, NameError> {
        if text == ROOT {
            return Ok(Name::root());
        }
        let bare = match (form, text.strip_suffix('.')) {
            (NameForm::Fqdn, None) => text,
            (NameForm::FqdnDot, Some(bare)) => bare,
            (_, None) if text.is_empty() => return Err(NameError::Empty),
            (NameForm::Fqdn, Some(_)) => return Err(NameError::DotUnexpected),
            (NameForm::FqdnDot, None) => return Err(NameError::DotMissing),
        };
        check(bare)?;
        Ok(Name::folded(Arc::from(bare)))
    }

    /// Reads a name written relative to `zone`, where exactly `apex` means the zone itself.
    ///
    /// A relative name is always completed, also one that already ends like the zone:
    /// `www.example.com` in `example.com` is `www.example.com.example.com`.
    pub fn parse_relative(text: &str, zone: &Name, apex: &str) -> Result<Name, NameError> {
        if text == apex {
            return Ok(zone.clone());
        }
        if text.ends_with('.') {
            return Err(NameError::DotUnexpected);
        }
        check(text)?;
        if zone.is_root() {
            return Ok(Name::folded(Arc::from(text)));
        }
        if zone.is_wildcard() {
            return Err(NameError::Asterisk);
        }
        if text.len() + 1 + zone.0.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong);
        }
        Ok(Name::folded(Arc::from(format!("{text}.{zone}"))))
    }

    /// The name of a checked text, in lower case.
    fn folded(mut text: Arc<str>) -> Name {
        if let Some(text) = Arc::get_mut(&mut text) {
            text.make_ascii_lowercase();
        }
        Name(text)
    }

    /// The canonical text, without a trailing dot; the root is `.`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text in the form that a provider asks for.
    pub fn to_text(&self, form: NameForm) -> String {
        match form {
            NameForm::FqdnDot if !self.is_root() => format!("{}.", self.0),
            NameForm::Fqdn | NameForm::FqdnDot => self.0.to_string(),
        }
    }

    /// Whether this is the root of the DNS.
    pub fn is_root(&self) -> bool {
        &*self.0 == ROOT
    }

    /// The labels, leftmost first; none for the root.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.split('.').filter(|label| !label.is_empty())
    }

    /// The leftmost label; empty for the root.
    pub fn leftmost(&self) -> &str {
        self.labels().next().unwrap_or_default()
    }

    /// Whether the leftmost label is `*`.
    pub fn is_wildcard(&self) -> bool {
        self.leftmost() == WILDCARD
    }

    /// The name without its leftmost label; the root for a single label, none for the root.
    pub fn parent(&self) -> Option<Name> {
        if self.is_root() {
            return None;
        }
        match self.0.split_once('.') {
            Some((_, rest)) => Some(Name(Arc::from(rest))),
            None => Some(Name::root()),
        }
    }

    /// The texts of this name and of all its parents, longest first, without the root.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        let own = Some(self.as_str()).filter(|_| !self.is_root());
        std::iter::successors(own, |name| name.split_once('.').map(|(_, rest)| rest))
    }

    /// What stands before `zone` in this name, without the dot: empty at the zone itself, none
    /// where this name is not the zone or below it.
    ///
    /// SECURITY: the cut is at a dot, so `evilexample.com` is not below `example.com`
    /// (test `below_is_by_label`).
    fn below(&self, zone: &Name) -> Option<&str> {
        if zone.is_root() {
            return Some(if self.is_root() { "" } else { self.as_str() });
        }
        match self.0.strip_suffix(zone.as_str())? {
            "" => Some(""),
            rest => rest.strip_suffix('.'),
        }
    }

    /// Whether this name is `zone` or below it, label by label.
    pub fn is_below_or_equal(&self, zone: &Name) -> bool {
        self.below(zone).is_some()
    }

    /// How many labels this name is below `zone`: 0 at the zone itself, none outside it.
    pub fn depth_below(&self, zone: &Name) -> Option<usize> {
        self.below(zone).map(|rest| match rest {
            "" => 0,
            rest => rest.split('.').count(),
        })
    }

    /// This name relative to `zone`: `@` at the zone itself, none outside it.
    pub fn relative_to(&self, zone: &Name) -> Option<String> {
        self.below(zone).map(|rest| match rest {
            "" => "@".to_owned(),
            rest => rest.to_owned(),
        })
    }
}

/// Holds a text of labels without a trailing dot to what a name may consist of.
fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    if is_plain(text) {
        return Ok(());
    }
    let mut labels = text.split('.');
    if labels.next().is_some_and(|leftmost| leftmost != WILDCARD) {
        labels = text.split('.');
    }
    labels.try_for_each(check_label)
}

/// Whether a text is what nearly all names are: labels of the right length, without an asterisk.
///
/// Listings have thousands of names; what is wrong with one is found out only where something is.
fn is_plain(text: &str) -> bool {
    let mut length = 0usize;
    for byte in text.bytes() {
        match byte {
            b'.' if (1..=LABEL_BYTES_MAX).contains(&length) => length = 0,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => length += 1,
            _ => return false,
        }
    }
    (1..=LABEL_BYTES_MAX).contains(&length)
}

/// Holds one label to letters, digits, hyphens and underscores of ASCII, and to its length.
fn check_label(label: &str) -> Result<(), NameError> {
    let odd = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match label.chars().find(odd) {
        Some('*') => Err(NameError::Asterisk),
        Some(other) => Err(NameError::Character(other)),
        None if label.is_empty() => Err(NameError::EmptyLabel),
        None if label.len() > LABEL_BYTES_MAX => Err(NameError::LabelTooLong),
        None => Ok(()),
    }
}

/// The canonical text, without a trailing dot.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name is found in a map by its canonical text.
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Written as its canonical text.
impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Read from its canonical text; another spelling of the same name is an error.
impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = Name::parse(&text, NameForm::Fqdn).map_err(serde::de::Error::custom)?;
        if name.as_str() == text {
            Ok(name)
        } else {
            Err(serde::de::Error::custom(format_args!("a name is in lower case: `{name}`")))
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => f.write_str("a DNS name is missing"),
            NameError::TooLong => f.write_str("a DNS name has at most 253 characters"),
            NameError::EmptyLabel => {
                f.write_str("a DNS name has no empty label: no two dots in a row, none in front")
            }
            NameError::LabelTooLong => {
                f.write_str("a label of a DNS name has at most 63 characters")
            }
            NameError::Character(found) => write!(
                f,
                "{found:?} cannot stand in a DNS name: letters, digits, `-` and `_` of ASCII can"
            ),
            NameError::Asterisk => {
                f.write_str("`*` can only be the whole of the first label of a DNS name")
            }
            NameError::DotMissing => f.write_str("this DNS name must end with a dot"),
            NameError::DotUnexpected => f.write_str("this DNS name must not end with a dot"),
        }
    }
}

impl std::error::Error for NameError {}
