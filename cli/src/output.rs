//! Printing: colours where a person looks, plain text in a pipe, JSON for programs.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

/// A meaning that has a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Wrong, denied.
    Bad,
    /// Right, allowed.
    Good,
    /// Doubtful.
    Doubt,
    /// What helps.
    Help,
    /// What is beside the point.
    Faint,
    /// What to look at first.
    Strong,
}

/// Whether a stream is looked at by a person who wants colours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    /// Whether to paint at all.
    on: bool,
}

impl Paint {
    /// For standard output.
    pub(crate) fn stdout() -> Paint {
        Paint { on: std::io::stdout().is_terminal() && colours_wanted() }
    }

    /// For standard error.
    pub(crate) fn stderr() -> Paint {
        Paint { on: std::io::stderr().is_terminal() && colours_wanted() }
    }

    /// A text in the colour of its meaning.
    pub(crate) fn ink(self, ink: Ink, text: &str) -> String {
        if !self.on || text.is_empty() {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Bad => "1;31",
            Ink::Good => "32",
            Ink::Doubt => "33",
            Ink::Help => "36",
            Ink::Faint => "2",
            Ink::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Whether the environment allows colours: <https://no-color.org>, and a terminal that has them.
fn colours_wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Prints a line on standard output; a reader that went away is no failure of ours.
pub(crate) fn line(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.as_ref());
}

/// Prints a line on standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text.as_ref());
}

/// Prints a failure on standard error: `error: ...`.
pub(crate) fn failure(text: impl AsRef<str>) {
    note(format!("{} {}", Paint::stderr().ink(Ink::Bad, "error:"), text.as_ref()));
}

/// Prints one JSON document on standard output.
pub(crate) fn json(document: &impl Serialize) {
    // Serialising into memory fails only where a type refuses; ours do not.
    line(serde_json::to_string_pretty(document).unwrap_or_default());
}

/// Rows in columns that are as wide as their widest cell; the last is not padded.
pub(crate) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| {
        rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..count).map(|at| width(at).unwrap_or_default()).collect();
    let padded = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(padded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_never_end_in_blanks() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let rows = [row(&["a", "bb", ""]), row(&["ccc", "d", "e"])];
        assert_eq!(columns(&rows), ["a    bb", "ccc  d   e"]);
    }

    #[test]
    fn a_pipe_gets_no_colours() {
        assert_eq!(Paint { on: false }.ink(Ink::Bad, "x"), "x");
        assert_eq!(Paint { on: true }.ink(Ink::Bad, "x"), "\x1b[1;31mx\x1b[0m");
        assert_eq!(Paint { on: true }.ink(Ink::Bad, ""), "");
    }
}
