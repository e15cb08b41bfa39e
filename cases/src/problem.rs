//! What is wrong with a table, as prose for its author.

use std::fmt;

/// One thing that is wrong with a table file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, as it was named to the loader.
    pub file: String,
    /// The line, counted from 1, where one is known.
    pub line: Option<usize>,
    /// What is wrong, with the author's input in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem with a whole file.
    pub(crate) fn new(file: &str, message: impl Into<String>) -> Problem {
        Problem { file: file.to_owned(), line: None, message: message.into(), help: None }
    }

    /// The same problem, at a line counted from 1.
    pub(crate) fn at(mut self, line: usize) -> Problem {
        self.line = Some(line);
        self
    }

    /// The same problem, with a help line.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Where the lines of a text end, so that a file of thousands of rows is read in linear time.
#[derive(Debug)]
pub(crate) struct Lines {
    /// The byte offsets of its line ends.
    ends: Vec<usize>,
}

impl Lines {
    /// The lines of a text.
    pub(crate) fn of(text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Lines { ends: ends.map(|(offset, _)| offset).collect() }
    }

    /// The line of a byte offset, counted from 1.
    pub(crate) fn at(&self, offset: usize) -> usize {
        1 + self.ends.partition_point(|end| *end < offset)
    }
}
