//! Places in an answer, and changes of it that leave every other byte as it came.
//!
//! An answer is never written anew: real clients read listings with regular expressions, so what
//! is left keeps its bytes, its order and its blanks. Everything found in it is a part of the one
//! text, and where a part stands is told by its address.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::fields::Fields;
use super::split::{items, unquoted};
use crate::provider::file::Scalar;

/// What JSON takes for blank.
const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];

/// What stands at a path of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Spot<'a> {
    /// Something that is not `null`.
    There(&'a str),
    /// `null`, there or on the way.
    Null,
    /// Nothing.
    Absent,
}

/// An answer in which places are found; what was read once is kept.
pub(in crate::provider) struct Tree<'a> {
    /// The document, without blanks around it.
    text: &'a str,
    /// Whether it is known to be JSON.
    checked: bool,
    /// The objects on the way to places, by their paths.
    objects: Vec<(String, Fields<'a>)>,
}

impl<'a> Tree<'a> {
    /// A document; it is read where it is looked into.
    pub(in crate::provider) fn new(text: &'a str) -> Self {
        Tree { text: text.trim_matches(BLANK), checked: false, objects: Vec::new() }
    }

    /// A part of a document that is known to be JSON.
    pub(super) fn checked(text: &'a str) -> Self {
        Tree { text, checked: true, objects: Vec::new() }
    }

    /// What stands at a path, checked; none where the answer is not of that form.
    pub(in crate::provider) fn find(&mut self, path: &str) -> Option<Spot<'a>> {
        self.walk(path, usize::MAX)
    }

    /// What stands at a path, if no list on the way has another item.
    ///
    /// SECURITY: what stands beside the one thing would pass unread (test
    /// `one_record_of_a_list_stands_alone`).
    pub(super) fn only(&mut self, path: &str) -> Option<Spot<'a>> {
        self.walk(path, 1)
    }

    /// The object that stands at a path, and its fields, if no list on the way has another item;
    /// none where it is something else, or repeats a key.
    pub(super) fn only_object(&mut self, path: &str) -> Option<(&'a str, &Fields<'a>)> {
        let Spot::There(text) = self.only(path)? else { return None };
        let way = if path.is_empty() { String::new() } else { format!(".{path}") };
        Some((text, self.object(&way, text)?))
    }

    /// Goes through the whole document, once.
    ///
    /// SECURITY: whatever is found in it later is found by [`super::split`], which relies on this
    /// (test `answers_of_unexpected_form_do_not_pass`).
    fn check(&mut self) -> Option<()> {
        if self.checked {
            return Some(());
        }
        if self.text.starts_with('{') {
            self.objects.push((String::new(), Fields::of(self.text)?));
        } else {
            serde_json::from_str::<IgnoredAny>(self.text).ok()?;
        }
        self.checked = true;
        Some(())
    }

    /// What stands at a path, if no list on the way has more items than that.
    fn walk(&mut self, path: &str, items_max: usize) -> Option<Spot<'a>> {
        self.check()?;
        let mut text = self.text;
        let mut way = String::new();
        for part in path.split('.').filter(|_| !path.is_empty()) {
            let next = match text.as_bytes().first()? {
                b'{' => self.object(&way, text)?.raw(part),
                b'[' => {
                    let items = items(text).filter(|items| items.len() <= items_max)?;
                    items.get(part.parse::<usize>().ok()?).copied()
                }
                b'n' => return Some(Spot::Null),
                _ => return None,
            };
            let Some(next) = next else { return Some(Spot::Absent) };
            text = next;
            way.push('.');
            way.push_str(part);
        }
        Some(if text == "null" { Spot::Null } else { Spot::There(text) })
    }

    /// The fields of an object at a path.
    fn object(&mut self, way: &str, text: &'a str) -> Option<&Fields<'a>> {
        let known = self.objects.iter().position(|(path, _)| path == way);
        let at = match known {
            Some(at) => at,
            None => {
                self.objects.push((way.to_owned(), Fields::again(text)?));
                self.objects.len().checked_sub(1)?
            }
        };
        self.objects.get(at).map(|(_, fields)| fields)
    }

    /// Whether nothing but texts, numbers and the like stands beside a path that is absent, what
    /// stands at `others` left aside: an answer that could say the same elsewhere is not one
    /// without it.
    pub(super) fn is_bare_around<'p, I: Iterator<Item = &'p String>>(
        &mut self,
        path: &str,
        others: impl Fn() -> I,
    ) -> bool {
        let around = path.rsplit_once('.').map_or("", |(around, _)| around);
        let Some(Spot::There(text)) = self.find(around) else { return false };
        let is_known = |key: &str| {
            others().any(|other| match other.rsplit_once('.') {
                Some((before, last)) => before == around && last == key,
                None => around.is_empty() && other == key,
            })
        };
        Fields::again(text).is_some_and(|fields| {
            fields.iter().all(|(key, raw)| !raw.starts_with(['{', '[']) || is_known(key))
        })
    }
}

/// Changes of a document.
pub(super) struct Edits<'a> {
    /// The document.
    text: &'a str,
    /// From where to where something else stands, and what; empty for what is left out.
    changes: Vec<(usize, usize, String)>,
}

impl<'a> Edits<'a> {
    /// No changes yet.
    pub(super) fn new(text: &'a str) -> Self {
        Edits { text, changes: Vec::new() }
    }

    /// How many changes there are, for [`Edits::back_to`].
    pub(super) fn mark(&self) -> usize {
        self.changes.len()
    }

    /// Takes back what was changed since.
    pub(super) fn back_to(&mut self, mark: usize) {
        self.changes.truncate(mark);
    }

    /// Where a part of the document stands.
    fn span(&self, part: &str) -> Option<(usize, usize)> {
        let start = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr())?;
        let end = start.checked_add(part.len())?;
        (end <= self.text.len()).then_some((start, end))
    }

    /// Puts something else where a part of the document stands.
    pub(super) fn replace(&mut self, part: &str, with: String) -> Option<()> {
        let (start, end) = self.span(part)?;
        self.changes.push((start, end, with));
        Some(())
    }

    /// Leaves out what stands from here to there.
    fn remove(&mut self, start: usize, end: usize) {
        match self.changes.last_mut() {
            Some((_, last, with)) if *last == start && with.is_empty() => *last = end,
            _ if start < end => self.changes.push((start, end, String::new())),
            _ => {}
        }
    }

    /// Leaves out those members of a list or object that `keep` does not keep.
    ///
    /// The blanks between the members that stay are those that stood before each.
    pub(super) fn cut(
        &mut self,
        around: &str,
        members: &[&str],
        mut keep: impl FnMut(usize) -> bool,
    ) -> Option<()> {
        let (start, end) = self.span(around)?;
        let (open, close) = (start.checked_add(1)?, end.checked_sub(1)?);
        let (mut before, mut kept, mut left_out) = (open, false, false);
        for (at, member) in members.iter().enumerate() {
            let (_, end) = self.span(member)?;
            match (keep(at), kept) {
                (true, false) if left_out => {
                    let comma = self.text.get(before..)?.find(',')?;
                    self.remove(open, before.checked_add(comma)?.checked_add(1)?);
                    kept = true;
                }
                (true, _) => kept = true,
                (false, true) => self.remove(before, end),
                (false, false) => left_out = true,
            }
            before = end;
        }
        if left_out && !kept {
            self.remove(open, close);
        }
        Some(())
    }

    /// The document with its changes; none where two of them overlap.
    pub(super) fn apply(mut self) -> Option<Vec<u8>> {
        if self.changes.is_empty() {
            return Some(self.text.as_bytes().to_vec());
        }
        self.changes.sort_by_key(|(start, ..)| *start);
        let mut out = Vec::with_capacity(self.text.len());
        let mut at = 0;
        for (start, end, with) in &self.changes {
            out.extend_from_slice(self.text.as_bytes().get(at..*start)?);
            out.extend_from_slice(with.as_bytes());
            at = *end;
        }
        out.extend_from_slice(self.text.as_bytes().get(at..)?);
        Some(out)
    }
}

/// The text at a path of a document; none where there is none.
pub(in crate::provider) fn text_at(body: &[u8], path: &str) -> Option<String> {
    match Tree::new(std::str::from_utf8(body).ok()?).find(path)? {
        Spot::There(text) => unquoted(text).map(Cow::into_owned),
        Spot::Null | Spot::Absent => None,
    }
}

/// Whether this stands at a path of a document.
pub(in crate::provider) fn is_at(body: &[u8], path: &str, wanted: &Scalar) -> bool {
    let found = std::str::from_utf8(body).ok().and_then(|text| {
        let mut tree = Tree::new(text);
        Some(match tree.find(path)? {
            Spot::There(found) => match wanted {
                Scalar::Text(wanted) => unquoted(found)?.eq_ignore_ascii_case(wanted),
                Scalar::Bool(wanted) => found == if *wanted { "true" } else { "false" },
            },
            Spot::Null | Spot::Absent => false,
        })
    });
    found == Some(true)
}

/// The whole number at a path of a document, as its text; none where there is none.
pub(in crate::provider) fn number_at(body: &[u8], path: &str) -> Option<String> {
    match Tree::new(std::str::from_utf8(body).ok()?).find(path)? {
        Spot::There(text) => text.parse::<u32>().ok().map(|number| number.to_string()),
        Spot::Null | Spot::Absent => None,
    }
}
