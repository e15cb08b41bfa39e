//! Configuration problems: prose for a person, with file, line and help.
//!
//! A configuration is refused as a whole and with every problem at once, so whoever reads one
//! returns a list of these, never the first.

use std::fmt;

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file it is in, as the operator named it.
    pub file: String,
    /// The line, counted from 1, where one is known.
    pub line: Option<usize>,
    /// What is wrong: lower case, no full stop, the operator's input in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The lint that found it; a warning has one, what refuses a configuration has none.
    pub lint: Option<&'static str>,
}

impl Problem {
    /// A problem with a whole file.
    pub fn new(file: &str, message: impl Into<String>) -> Self {
        let (file, message) = (file.to_owned(), message.into());
        Problem { file, line: None, message, help: None, lint: None }
    }

    /// The same problem, as a warning of this lint.
    #[must_use]
    pub fn lint(mut self, lint: &'static str) -> Self {
        self.lint = Some(lint);
        self
    }

    /// The same problem, at a line counted from 1.
    #[must_use]
    pub fn at(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// The same problem, at the line of a byte offset in `text`.
    #[must_use]
    pub fn at_offset(self, text: &str, offset: usize) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        self.at(line)
    }

    /// The same problem, with a help line.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The name that somebody who wrote `found` most probably meant, if one is near enough.
///
/// Near is what is one slip of the fingers in three characters away: a character added, left out,
/// changed or exchanged with its neighbour. Upper and lower case are the same.
#[cfg(feature = "author")]
pub fn nearest<'a>(found: &str, right: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let length = found.chars().count();
    // What is much longer than any name was not meant to be one, and takes long to compare.
    let near = |name: &&str| {
        let folded = strsim::osa_distance(&found.to_lowercase(), &name.to_lowercase());
        let shorter = length.min(name.chars().count());
        let allowed = (shorter / 3).clamp(1, 3);
        // Of two that are equally near, the one whose case is right too.
        let near = folded <= allowed && folded < shorter;
        near.then(|| (folded, strsim::osa_distance(found, name)))
    };
    if length > NEAR_CHARS_MAX {
        return None;
    }
    let close = right.clone().filter_map(|name| Some((near(&name)?, name)));
    if let Some((_, name)) = close.min() {
        return Some(name);
    }
    // Or the only one that goes on where this stops.
    let mut longer = right.filter(|name| length >= BEGIN_CHARS_MIN && name.starts_with(found));
    longer.next().filter(|_| longer.next().is_none())
}

/// Characters of the shortest text that can be the beginning of a name.
#[cfg(feature = "author")]
const BEGIN_CHARS_MIN: usize = 3;

/// Characters of the longest text that is compared with names.
#[cfg(feature = "author")]
const NEAR_CHARS_MAX: usize = 128;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "author"))]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_is_recognised_and_another_word_is_not() {
        let names = ["zone.list", "zone.read", "editors", "office-hours", "A", "AAAA", "zone"];
        let near = |found| nearest(found, names.into_iter());
        assert_eq!(near("zone.lst"), Some("zone.list"));
        assert_eq!(near("editor"), Some("editors"));
        assert_eq!(near("edtiors"), Some("editors"));
        assert_eq!(near("Office-Hours"), Some("office-hours"));
        assert_eq!(near("zoen"), Some("zone"));
        assert_eq!(near("AAA"), Some("AAAA"));
        assert_eq!(near("office"), Some("office-hours"), "the only one that begins so");
        assert_eq!(near("hours"), None);
        assert_eq!(near("B"), None, "nothing of it is right");
        assert_eq!(near("records"), None);
        assert_eq!(nearest("zone", ["zone.list", "zone.read"].into_iter()), None, "two begin so");
        assert_eq!(near(&"a".repeat(10_000)), None);
    }
}
