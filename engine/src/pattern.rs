//! Named regular expressions, `patterns.toml`: what policies ask for as `in Pattern::"<name>"`.
//!
//! ```toml
//! [pattern.acme-challenge]
//! description = "any name whose first label is _acme-challenge"
//! reads = "relative"
//! regex = '_acme-challenge(\..*)?'
//! ```
//!
//! An expression must match the whole of what it reads: the name relative to its zone (`@` at the
//! apex), the full name, or a record's value. It is parsed by itself before it is put between
//! anchors, so that no alternation or bracket can escape them.
//! Names are ASCII in lower case, so expressions work on bytes: `.` is one byte, `\d` is `[0-9]`.
//! Matching takes time linear in the subject; the compiled size is bounded.

mod shape;

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::settings::{At, Section, Source, one_of, printable};
use shape::Finding;

/// How many patterns a bundle may have.
pub const PATTERNS_MAX: usize = 256;
/// Bytes of one expression.
pub const REGEX_BYTES_MAX: usize = 1024;
/// Bytes of one compiled expression, and of its cache while it is used.
pub const COMPILED_BYTES_MAX: usize = 64 * 1024;
/// Groups inside one another.
pub const NEST_MAX: u32 = 32;

/// Which text a pattern reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reads {
    /// The record's name relative to its zone, `@` at the apex.
    Relative,
    /// The record's full name, without a trailing dot.
    Name,
    /// The record's value, as the provider writes it.
    Value,
}

impl Reads {
    /// Every one, with its word in the file.
    const ALL: [(&'static str, Reads); 3] =
        [("relative", Reads::Relative), ("name", Reads::Name), ("value", Reads::Value)];
}

/// What is matched: one record.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its name relative to its zone, `@` at the apex.
    pub relative: &'a str,
    /// Its full name.
    pub name: &'a str,
    /// Its value, where it is known; without one, no pattern that reads values matches.
    pub value: Option<&'a str>,
}

/// A pattern as it is written in the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Its name.
    name: String,
    /// What it is for.
    description: String,
    /// What it reads.
    reads: Reads,
    /// The expression, without anchors.
    regex: String,
}

/// One named pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What the file says.
    written: Written,
    /// The expression between anchors.
    whole: Regex,
}

impl Pattern {
    /// Its name, as policies use it.
    pub fn name(&self) -> &str {
        &self.written.name
    }

    /// What it is for.
    pub fn description(&self) -> &str {
        &self.written.description
    }

    /// What it reads.
    pub fn reads(&self) -> Reads {
        self.written.reads
    }

    /// The expression as its author wrote it.
    pub fn regex(&self) -> &str {
        &self.written.regex
    }

    /// Whether the whole of what it reads matches.
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        let text = match self.written.reads {
            Reads::Relative => Some(subject.relative),
            Reads::Name => Some(subject.name),
            Reads::Value => subject.value,
        };
        text.is_some_and(|text| self.whole.is_match(text.as_bytes()))
    }
}

/// All named patterns.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Written>", into = "Vec<Written>")]
pub struct Patterns(Vec<Pattern>);

/// The patterns as the bundle has them.
impl From<Patterns> for Vec<Written> {
    fn from(patterns: Patterns) -> Vec<Written> {
        patterns.0.into_iter().map(|pattern| pattern.written).collect()
    }
}

/// Compiles the patterns of a bundle.
impl TryFrom<Vec<Written>> for Patterns {
    type Error = String;

    fn try_from(patterns: Vec<Written>) -> Result<Patterns, String> {
        if patterns.len() > PATTERNS_MAX {
            return Err(format!("there are more than {PATTERNS_MAX} patterns"));
        }
        let compiled = patterns.into_iter().map(|written| {
            shape::parse(&written.regex)?;
            Ok(Pattern { whole: compile(&written.regex)?, written })
        });
        Ok(Patterns(compiled.collect::<Result<_, String>>()?))
    }
}

impl Patterns {
    /// Reads `patterns.toml`; gives the patterns and what is doubtful, or everything wrong.
    pub fn parse(file: &str, text: &str) -> Result<(Patterns, Vec<Problem>), Vec<Problem>> {
        let source = Source::new(file, text);
        let tree = source.tree();
        let root = source.root(&tree);
        let named = root.named("pattern");
        if let Some((name, _)) = named.get(PATTERNS_MAX) {
            let message = format!("there are more than {PATTERNS_MAX} patterns");
            source.problem(
                name.offset,
                message,
                "one expression can hold several alternatives: `a|b`",
            );
        }
        let patterns = named.into_iter().filter_map(|(name, section)| {
            let pattern = read_pattern(name.value, &section);
            section.allows();
            section.done();
            pattern
        });
        let patterns = Patterns(patterns.collect());
        root.done();
        source.finish(patterns)
    }

    /// The index of the pattern with this name.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|pattern| pattern.name() == name)
    }

    /// The pattern with this index.
    pub fn get(&self, index: usize) -> Option<&Pattern> {
        self.0.get(index)
    }

    /// The names of those of the wanted patterns, given by index, that match.
    pub fn matching(&self, wanted: &[usize], subject: &Subject<'_>) -> Vec<&str> {
        let wanted = wanted.iter().filter_map(|index| self.0.get(*index));
        wanted.filter(|pattern| pattern.matches(subject)).map(Pattern::name).collect()
    }

    /// Every pattern, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }

    /// The names, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|pattern| pattern.name().to_owned()).collect()
    }
}

/// Puts an expression between anchors and compiles it.
///
/// SECURITY: the expression was parsed by itself before, so it cannot close the group that holds
/// it; one that comments the group's end away does not compile
/// (test `no_expression_escapes_its_anchors`).
fn compile(regex: &str) -> Result<Regex, String> {
    RegexBuilder::new(&format!(r"\A(?:{regex})\z"))
        .unicode(false)
        .nest_limit(NEST_MAX + 1)
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(COMPILED_BYTES_MAX)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                format!("compiled, it is larger than {COMPILED_BYTES_MAX} bytes")
            }
            regex::Error::Syntax(text) => shape::last_line(&text),
            other => other.to_string(),
        })
}

/// Reads one pattern.
fn read_pattern(name: String, section: &Section<'_, '_>) -> Option<Pattern> {
    let description =
        section.required_text("description", "say which records it is meant to match");
    let reads = read_reads(section);
    let why = "write the expression in single quotes: regex = '_acme-challenge(\\..*)?'";
    let regex = section.required_text("regex", why)?;
    let whole = read_regex(section, &regex, reads.unwrap_or(Reads::Value))?;
    let description = description?.value;
    Some(Pattern {
        written: Written { name, description, reads: reads?, regex: regex.value },
        whole,
    })
}

/// Reads what a pattern reads.
fn read_reads(section: &Section<'_, '_>) -> Option<Reads> {
    let why = "write reads = \"relative\" (`www`, or `@` at the apex), \"name\" \
               (`www.example.com`) or \"value\"";
    let text = section.required_text("reads", why)?;
    let found = Reads::ALL.into_iter().find(|(word, _)| *word == text.value);
    if found.is_none() {
        let right = Reads::ALL.into_iter().map(|(word, _)| word);
        let message = format!("reads an unknown `{}`", printable(&text.value));
        section.problem(text.offset, message, one_of("text", &text.value, right));
    }
    found.map(|(_, reads)| reads)
}

/// Checks and compiles one expression, and reports what is wrong or doubtful.
fn read_regex(section: &Section<'_, '_>, regex: &At<String>, reads: Reads) -> Option<Regex> {
    let fail = |message: String, help: &str| {
        section.problem(regex.offset, message, help);
        None
    };
    if regex.value.len() > REGEX_BYTES_MAX {
        let message = format!("has an expression of more than {REGEX_BYTES_MAX} bytes");
        return fail(message, "split it into several patterns");
    }
    let hir = match shape::parse(&regex.value) {
        Ok(hir) => hir,
        Err(error) => {
            let message = format!("has a bad expression: {error}");
            return fail(
                message,
                "the syntax is that of https://docs.rs/regex, on bytes, without Unicode",
            );
        }
    };
    for finding in shape::findings(&hir, reads) {
        match finding {
            Finding::Wrong(message, help) => section.problem(regex.offset, message, help),
            Finding::Doubtful(lint, message, help) => {
                section.warning(lint, regex.offset, message, help);
            }
        }
    }
    match compile(&regex.value) {
        Ok(whole) => Some(whole),
        Err(error) => fail(
            format!("has an expression that cannot be used: {error}"),
            "make it simpler: smaller counts in `{..}`, no comments under `(?x)`",
        ),
    }
}

#[cfg(test)]
mod tests;
