//! A run as `JUnit` XML: a suite for each table, a case for each row, and one for what is not covered.
//!
//! There is no standard for it; these are the elements and attributes that build servers agree on.

use std::collections::HashMap;
use std::fmt::Write as _;

use zonegate_cases::{Failed, Skipped};

use super::round::{Round, id_of};

/// The whole document.
pub(super) fn document(round: &Round) -> String {
    let at = |place: &String, name: &String| (place.clone(), name.clone());
    let failed: HashMap<_, &Failed> =
        round.report.failed.iter().map(|one| (at(&one.place, &one.name), one)).collect();
    let skipped: HashMap<_, &Skipped> =
        round.report.skipped.iter().map(|one| (at(&one.place, &one.name), one)).collect();
    let mut suites: Vec<Suite> = Vec::new();
    for case in round.cases() {
        if suites.last().is_none_or(|suite| suite.name != case.file) {
            suites.push(Suite::new(&case.file));
        }
        let Some(suite) = suites.last_mut() else { continue };
        let id = id_of(case);
        let result = match (failed.get(&id), skipped.get(&id)) {
            (Some(failed), _) => Result::Failed(differing(failed), failed.to_string()),
            (None, Some(skipped)) => Result::Skipped(skipped.why.clone()),
            (None, None) => Result::Passed,
        };
        suite.add(&case.name, case.line, &result);
    }
    if !round.gaps.is_empty() {
        let mut suite = Suite::new("coverage");
        for gap in &round.gaps {
            let result = Result::Failed("not covered".to_owned(), gap.to_string());
            suite.add(&gap.what, 0, &result);
        }
        suites.push(suite);
    }
    let sum = |number: fn(&Suite) -> usize| suites.iter().map(number).sum::<usize>();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "<testsuites name=\"zonegate\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" \
         time=\"{:.3}\">",
        sum(|suite| suite.tests),
        sum(|suite| suite.failures),
        sum(|suite| suite.skipped),
        round.took.as_secs_f64(),
    );
    for suite in &suites {
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n{}  \
             </testsuite>",
            escaped(&suite.name),
            suite.tests,
            suite.failures,
            suite.skipped,
            suite.cases
        );
    }
    text.push_str("</testsuites>\n");
    text
}

/// What differs, in a line.
fn differing(failed: &Failed) -> String {
    let what: Vec<&str> = failed.differences.iter().map(|one| one.what.as_str()).collect();
    format!("differs: {}", what.join(", "))
}

/// What came of a case.
enum Result {
    /// As its row says.
    Passed,
    /// Otherwise: in a line, and whole.
    Failed(String, String),
    /// It did not run, and why.
    Skipped(String),
}

/// The cases of a table.
struct Suite {
    /// The table's file.
    name: String,
    /// How many cases.
    tests: usize,
    /// How many failed.
    failures: usize,
    /// How many did not run.
    skipped: usize,
    /// The cases as XML.
    cases: String,
}

impl Suite {
    /// Of no case yet.
    fn new(name: &str) -> Suite {
        Suite { name: name.to_owned(), tests: 0, failures: 0, skipped: 0, cases: String::new() }
    }

    /// Adds a case; a line of 0 is none.
    fn add(&mut self, name: &str, line: usize, result: &Result) {
        self.tests += 1;
        let file = escaped(&self.name);
        let mut place = format!("classname=\"{file}\" name=\"{}\"", escaped(name));
        if line > 0 {
            let _ = write!(place, " file=\"{file}\" line=\"{line}\"");
        }
        let _ = match result {
            Result::Passed => writeln!(self.cases, "    <testcase {place}/>"),
            Result::Failed(short, whole) => {
                self.failures += 1;
                writeln!(
                    self.cases,
                    "    <testcase {place}>\n      <failure message=\"{}\">{}</failure>\n    \
                     </testcase>",
                    escaped(short),
                    escaped(whole)
                )
            }
            Result::Skipped(why) => {
                self.skipped += 1;
                writeln!(
                    self.cases,
                    "    <testcase {place}>\n      <skipped message=\"{}\"/>\n    </testcase>",
                    escaped(why)
                )
            }
        };
    }
}

/// A text as XML 1.0 can hold it, in an element and in an attribute.
///
/// Line ends survive in elements alone; in attributes readers make blanks of them, so they are
/// written as references. Characters that XML has no way to write become U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' => escaped.push_str("&#9;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(escaped("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;&apos;");
        assert_eq!(
            escaped("]]>\n\u{0}\u{1b}[31m\u{ffff}é"),
            "]]&gt;&#10;\u{fffd}\u{fffd}[31m\u{fffd}é"
        );
    }
}
