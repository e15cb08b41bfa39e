//! The fields of one object of an answer, none of them looked into.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::place::{Spot, Tree};
use super::split::{Cut, unquoted};

/// How many keys of an object are compared one by one before they are sorted.
const KEYS_COMPARED_MAX: usize = 24;

/// The fields of an object in an answer, not looked into.
///
/// INVARIANT: each value is checked JSON without blanks around it.
#[derive(Default)]
pub(in crate::provider) struct Fields<'a> {
    /// Keys and values in order.
    read: Vec<(Cow<'a, str>, &'a str)>,
    /// What the keys look like, see [`look`].
    looks: u64,
}

impl<'a> Fields<'a> {
    /// Reads an object; none where it is something else, or repeats a key.
    pub(in crate::provider) fn read(body: &'a [u8]) -> Option<Self> {
        Self::of(std::str::from_utf8(body).ok()?)
    }

    /// Reads an object; none where it is something else, or repeats a key.
    pub(in crate::provider) fn of(text: &'a str) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let fields = reader.deserialize_map(Members).ok()?;
        reader.end().ok()?;
        Some(fields)
    }

    /// Reads an object inside JSON that was checked; none where it is something else, or repeats a
    /// key.
    pub(in crate::provider) fn again(text: &'a str) -> Option<Self> {
        let mut fields = Fields::default();
        let (_, understood) = Cut::new(text).member(&mut fields)?;
        understood.then_some(fields)
    }

    /// Forgets all fields, for those of another object.
    pub(super) fn clear(&mut self) {
        self.read.clear();
        self.looks = 0;
    }

    /// Takes the next field; false where its key is repeated, as far as that is seen yet.
    ///
    /// SECURITY: a repeated key is one that somebody reads otherwise (test
    /// `answers_of_unexpected_form_do_not_pass`).
    pub(super) fn push(&mut self, key: Cow<'a, str>, raw: &'a str) -> bool {
        // Only keys that look alike are compared.
        let looks = 1u64 << (look(&key) & 63);
        let repeated = self.looks & looks != 0
            && self.read.len() < KEYS_COMPARED_MAX
            && self.read.iter().any(|(other, _)| *other == key);
        self.looks |= looks;
        self.read.push((key, raw));
        !repeated
    }

    /// Whether no key is repeated among many.
    pub(super) fn are_unique(&self) -> bool {
        if self.read.len() <= KEYS_COMPARED_MAX {
            return true;
        }
        let mut keys: Vec<&str> = self.iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        keys.windows(2).all(|pair| pair.first() != pair.last())
    }

    /// A field's JSON.
    pub(in crate::provider) fn raw(&self, key: &str) -> Option<&'a str> {
        self.read.iter().find(|(name, _)| name == key).map(|(_, raw)| *raw)
    }

    /// A field's text; none where it is something else.
    pub(in crate::provider) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        unquoted(self.raw(key)?)
    }

    /// What stands at a path that begins with a key; none where the object is not of that form.
    pub(super) fn find(&self, path: &str) -> Option<Spot<'a>> {
        let (key, rest) = path.split_once('.').unwrap_or((path, ""));
        match self.raw(key) {
            None => Some(Spot::Absent),
            Some(raw) => Tree::checked(raw).find(rest),
        }
    }

    /// The keys and values, in order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &'a str)> {
        self.read.iter().map(|(key, raw)| (key.as_ref(), *raw))
    }
}

/// Reads the fields of one object without looking into their values.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut read = Fields { read: Vec::with_capacity(16), looks: 0 };
        let repeated = || A::Error::custom("a key is repeated");
        while let Some(Key(key)) = fields.next_key()? {
            if !read.push(key, fields.next_value::<&'de RawValue>()?.get()) {
                return Err(repeated());
            }
        }
        if read.are_unique() { Ok(read) } else { Err(repeated()) }
    }
}

/// A number that is the same for the same key, and mostly another for another.
fn look(key: &str) -> usize {
    let byte = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
    let bytes = key.as_bytes();
    bytes.len() * 7 + byte(bytes.first()) * 3 + byte(bytes.last())
}

/// A key, which has no memory of its own unless it is escaped.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Takes either.
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}
