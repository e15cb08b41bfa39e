//! Questions: an option answers, else whoever sits at the terminal, else the default.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::Refused;

/// One thing to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    /// What is asked.
    pub(super) text: &'a str,
    /// The option that answers it.
    pub(super) option: &'a str,
    /// The answer where nobody gives one.
    pub(super) default: Option<&'a str>,
}

impl Question<'_> {
    /// The answer.
    pub(super) fn answer(self, given: Option<&str>) -> Result<String, Refused> {
        if let Some(given) = given {
            return Ok(given.to_owned());
        }
        let Question { text, option, default } = self;
        let typed = if std::io::stdin().is_terminal() { typed(text, default)? } else { None };
        let answer = typed.filter(|answer| !answer.is_empty());
        answer.or_else(|| default.map(str::to_owned)).ok_or_else(|| {
            Refused::Failure(format!("{text}? Nobody sits here to ask; give it as {option}"))
        })
    }
}

/// What somebody types.
fn typed(text: &str, default: Option<&str>) -> Result<Option<String>, Refused> {
    let shown = default.map(|default| format!(" [{default}]")).unwrap_or_default();
    let mut error = std::io::stderr().lock();
    let _ = write!(error, "{text}{shown}: ");
    let _ = error.flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Refused::Failure(format!("cannot read the answer: {error}")))?;
    Ok(Some(answer.trim().to_owned()))
}
