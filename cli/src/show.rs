//! Problems as a person reads them: where, what, the line itself, and what to do.

use std::path::Path;

use serde::Serialize;
use zonegate_engine::key::masked;
use zonegate_engine::problem::Problem;

use crate::folder::CASES;
use crate::output::{Ink, Paint};

/// The most characters of a source line that are shown.
const LINE_CHARS_MAX: usize = 160;

/// A problem as a program reads it.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemJson<'a> {
    /// The file, below the policies folder.
    file: &'a str,
    /// The line, counted from 1.
    line: Option<usize>,
    /// What is wrong.
    message: &'a str,
    /// What to do about it.
    help: Option<&'a str>,
    /// The lint that found it, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    lint: Option<&'static str>,
}

/// Problems as a program reads them.
pub(crate) fn problems_json(problems: &[Problem]) -> Vec<ProblemJson<'_>> {
    fn json(problem: &Problem) -> ProblemJson<'_> {
        let Problem { file, line, message, help, lint } = problem;
        ProblemJson { file, line: *line, message, help: help.as_deref(), lint: *lint }
    }
    problems.iter().map(json).collect()
}

/// One problem as a person reads it; `folder` is where its file is looked up.
///
/// Where the line has the text that the message quotes first, a caret points at it.
pub(crate) fn problem_text(problem: &Problem, folder: &Path, ink: Ink, paint: Paint) -> String {
    let word = match (ink == Ink::Doubt, problem.lint) {
        (true, Some(lint)) => &format!("warning[{lint}]:"),
        (true, None) => "warning:",
        (false, _) => "error:",
    };
    let place = place(problem, folder);
    let place = paint.ink(Ink::Strong, &place);
    let mut lines = vec![format!("{place} {} {}", paint.ink(ink, word), problem.message)];
    if let Some(source) = problem.line.and_then(|line| source_line(folder, &problem.file, line)) {
        let number = problem.line.unwrap_or_default().to_string();
        lines.push(format!("  {} {source}", paint.ink(Ink::Faint, &format!("{number} |"))));
        if let Some((at, length)) = quoted(&problem.message, &source) {
            let gutter = paint.ink(Ink::Faint, &format!("{} |", " ".repeat(number.len())));
            let blanks = " ".repeat(at);
            lines.push(format!("  {gutter} {blanks}{}", paint.ink(ink, &"^".repeat(length))));
        }
    }
    if let Some(help) = &problem.help {
        lines.push(format!("  {} {help}", paint.ink(Ink::Help, "help:")));
    }
    lines.join("\n")
}

/// `policies/keys.toml:12:`, in the form that editors and terminals can follow.
fn place(problem: &Problem, folder: &Path) -> String {
    let inside = folder.join(&problem.file);
    // Some problems are with the folder as a whole and name no file of it.
    let file = Path::new(&problem.file);
    let is_inside = file.extension().is_some() || inside.exists() || problem.file == CASES;
    let file = if is_inside && file != folder {
        inside.display().to_string()
    } else {
        problem.file.clone()
    };
    match problem.line {
        Some(line) => format!("{file}:{line}:"),
        None => format!("{file}:"),
    }
}

/// A line of a file of the folder, if it can still be read.
///
/// SECURITY: a key that somebody pasted is cut short: what is printed here ends in the logs of a
/// pipeline (test `a_pasted_key_is_not_printed`).
fn source_line(folder: &Path, file: &str, line: usize) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(file)).ok()?;
    let line = masked(text.lines().nth(line.checked_sub(1)?)?).replace('\t', "    ");
    if line.chars().count() <= LINE_CHARS_MAX {
        return Some(line);
    }
    Some(line.chars().take(LINE_CHARS_MAX).chain("...".chars()).collect())
}

/// Where the first text in backticks of a message stands in a line: column and length.
fn quoted(message: &str, line: &str) -> Option<(usize, usize)> {
    message.split('`').skip(1).step_by(2).find_map(|quoted| {
        let at = whole(quoted, line)?;
        Some((line.get(..at)?.chars().count(), quoted.chars().count()))
    })
}

/// The offset at which a text stands as a whole word, not as a part of another.
fn whole(text: &str, line: &str) -> Option<usize> {
    let inner = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let starts_inner = text.starts_with(inner);
    let ends_inner = text.ends_with(inner);
    line.match_indices(text).map(|(at, _)| at).find(|at| {
        let before = line.get(..*at).unwrap_or_default();
        let after = line.get(at + text.len()..).unwrap_or_default();
        // A dot ends a word, but an escaped one stands in a regular expression.
        let cut = starts_inner && (before.ends_with(inner) || before.ends_with("\\."));
        let cut = cut || (ends_inner && after.starts_with(inner));
        !text.is_empty() && !cut
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_points_at_what_the_message_quotes() {
        let folder = std::env::temp_dir().join(format!("zonegate-show-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.toml"), "one\nlet x = odd\n").unwrap();
        let problem = Problem::new("a.toml", "there is no `odd`").at(2).help("say `even`");
        let text = problem_text(&problem, &folder, Ink::Bad, Paint::stdout());
        std::fs::remove_dir_all(&folder).unwrap();
        let text = text.replace(&folder.display().to_string(), "policies");
        let expected = "policies/a.toml:2: error: there is no `odd`\n  2 | let x = odd\n    |         \
                        ^^^\n  help: say `even`";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_not_in_the_line_has_no_caret() {
        assert_eq!(quoted("no `x`", "abc"), None);
        assert_eq!(quoted("no `` here", "abc"), None);
        assert_eq!(quoted("no `z` but `c`", "ab c"), Some((3, 1)));
        assert_eq!(quoted("no `c`", "abc"), None, "a part of a word is another word");
        assert_eq!(quoted("`odd` and `^`", r"'^a\.odd'"), Some((1, 1)));
        assert_eq!(quoted("no `zonne`", "r.zonne ="), Some((2, 5)));
    }
}
