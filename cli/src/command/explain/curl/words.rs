//! A command line as a shell takes it apart: quotes, backslashes, lines that go on.
//!
//! What only the shell knows is never guessed: a variable is kept as it is written, and named; the
//! output of another command is refused. A pipe, a redirection or another command ends the line.

use std::iter::Peekable;
use std::str::Chars;

/// One word of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text; variables stand in it as they are written.
    pub(super) text: String,
    /// The variables in it, such as `$KEY`, which only the shell knows.
    pub(super) variables: Vec<String>,
}

/// A command line in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The words.
    pub(super) words: Vec<Word>,
    /// What ended the command before the text's end, such as `|`.
    pub(super) ended_by: Option<char>,
}

/// Takes the first command of a text apart.
pub(super) fn split(text: &str) -> Result<Line, String> {
    let mut shell = Shell { rest: text.trim().chars().peekable(), line: Line::default() };
    shell.run()?;
    Ok(shell.line)
}

/// A text on its way into words.
struct Shell<'t> {
    /// What is still to be read.
    rest: Peekable<Chars<'t>>,
    /// What was read.
    line: Line,
}

impl Shell<'_> {
    /// Reads the first command.
    fn run(&mut self) -> Result<(), String> {
        while let Some(next) = self.rest.peek().copied() {
            match next {
                ' ' | '\t' | '\r' => {
                    self.rest.next();
                }
                '\n' | '|' | ';' | '&' | '>' | '#' => {
                    self.line.ended_by = Some(next);
                    return Ok(());
                }
                '<' => return Err("the command reads its input from elsewhere (`<`)".to_owned()),
                _ => {
                    if let Some(word) = self.word()? {
                        self.line.words.push(word);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads one word; none where there was nothing but the end of a line that goes on.
    fn word(&mut self) -> Result<Option<Word>, String> {
        let (mut word, mut any) = (Word::default(), false);
        while let Some(next) = self.rest.peek().copied() {
            if matches!(next, ' ' | '\t' | '\r' | '\n' | '|' | ';' | '&' | '<' | '>') {
                break;
            }
            self.rest.next();
            match next {
                '\\' => match self.rest.next() {
                    Some('\n') => continue,
                    Some('\r') if self.rest.peek() == Some(&'\n') => {
                        self.rest.next();
                        continue;
                    }
                    Some(other) => word.text.push(other),
                    None => return Err("it ends with a backslash".to_owned()),
                },
                '\'' => self.single(&mut word)?,
                '"' => self.double(&mut word)?,
                '$' => self.dollar(&mut word)?,
                '`' => return Err(substitution()),
                '“' | '”' | '‘' | '’' => {
                    return Err(format!("`{next}` is no quote for a shell; write ' or \""));
                }
                other => word.text.push(other),
            }
            any = true;
        }
        // `2>file`: the number belongs to the redirection.
        let redirects = self.rest.peek() == Some(&'>') && word.text.len() == 1;
        let number = redirects && word.text.starts_with(|c: char| c.is_ascii_digit());
        Ok(any.then_some(word).filter(|_| !number))
    }

    /// Reads to the end of single quotes.
    fn single(&mut self, word: &mut Word) -> Result<(), String> {
        loop {
            match self.rest.next() {
                Some('\'') => return Ok(()),
                Some(other) => word.text.push(other),
                None => return Err("a single quote is open at the end".to_owned()),
            }
        }
    }

    /// Reads to the end of double quotes.
    fn double(&mut self, word: &mut Word) -> Result<(), String> {
        loop {
            match self.rest.next() {
                Some('"') => return Ok(()),
                Some('\\') => match self.rest.next() {
                    Some('\n') => {}
                    Some(escaped @ ('"' | '\\' | '$' | '`')) => word.text.push(escaped),
                    Some(other) => word.text.extend(['\\', other]),
                    None => return Err("a double quote is open at the end".to_owned()),
                },
                Some('$') if matches!(self.rest.peek(), Some('\'' | '"')) => word.text.push('$'),
                Some('$') => self.dollar(word)?,
                Some('`') => return Err(substitution()),
                Some(other) => word.text.push(other),
                None => return Err("a double quote is open at the end".to_owned()),
            }
        }
    }

    /// Reads what a dollar sign begins.
    fn dollar(&mut self, word: &mut Word) -> Result<(), String> {
        match self.rest.peek().copied() {
            Some('\'') => {
                self.rest.next();
                self.ansi(word)
            }
            Some('"') => {
                self.rest.next();
                self.double(word)
            }
            Some('(') => Err(substitution()),
            Some('{') => {
                let mut written = String::from("$");
                for next in self.rest.by_ref() {
                    written.push(next);
                    if next == '}' {
                        break;
                    }
                }
                variable(word, written);
                Ok(())
            }
            Some(first) if first.is_ascii_alphabetic() || first == '_' => {
                let mut written = String::from("$");
                while let Some(next) =
                    self.rest.next_if(|next| next.is_ascii_alphanumeric() || *next == '_')
                {
                    written.push(next);
                }
                variable(word, written);
                Ok(())
            }
            Some(_) | None => {
                word.text.push('$');
                Ok(())
            }
        }
    }

    /// Reads to the end of `$'...'`, in which backslashes begin C's escapes.
    fn ansi(&mut self, word: &mut Word) -> Result<(), String> {
        let open = || "a quote `$'` is open at the end".to_owned();
        loop {
            match self.rest.next().ok_or_else(open)? {
                '\'' => return Ok(()),
                '\\' => {
                    let escape = self.rest.next().ok_or_else(open)?;
                    let character = match escape {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        'a' => '\u{7}',
                        'b' => '\u{8}',
                        'e' | 'E' => '\u{1b}',
                        'f' => '\u{c}',
                        'v' => '\u{b}',
                        'x' => self.number(16, 2)?,
                        'u' => self.number(16, 4)?,
                        'U' => self.number(16, 8)?,
                        '\\' | '\'' | '"' | '?' => escape,
                        other => return Err(format!("`\\{other}` in `$'...'` is not understood")),
                    };
                    word.text.push(character);
                }
                other => word.text.push(other),
            }
        }
    }

    /// Reads a character by its number.
    fn number(&mut self, radix: u32, digits_max: usize) -> Result<char, String> {
        let mut digits = String::new();
        while digits.len() < digits_max
            && let Some(digit) = self.rest.next_if(|next| next.is_digit(radix))
        {
            digits.push(digit);
        }
        let number = u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32);
        number.ok_or_else(|| "a character's number in `$'...'` is not understood".to_owned())
    }
}

/// Notes a variable.
fn variable(word: &mut Word, written: String) {
    word.text.push_str(&written);
    word.variables.push(written);
}

/// What is said of the output of another command.
fn substitution() -> String {
    "it has the output of another command in it, which only your shell knows; write what it \
     stands for"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a line, as text.
    fn words(text: &str) -> Vec<String> {
        split(text).unwrap().words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, expected) in [
            ("curl -s  x", &["curl", "-s", "x"][..]),
            ("a 'b c' \"d e\" f\\ g", &["a", "b c", "d e", "f g"]),
            ("a \\\n  b \\\r\n c", &["a", "b", "c"]),
            (r#"'{"a":"b"}' "{\"a\":\"\\b\"}" "\n""#, &[r#"{"a":"b"}"#, r#"{"a":"\b"}"#, r"\n"]),
            (r"$'it\'s\x41\u00e9\n' $x", &["it'sA\u{e9}\n", "$x"]),
            ("'a'\"b\"c '' d", &["abc", "", "d"]),
            ("a$ \"b$\"", &["a$", "b$"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn another_command_ends_the_line() {
        for (text, end) in [
            ("a b | jq .", Some('|')),
            ("a b\nc d", Some('\n')),
            ("a b >out", Some('>')),
            ("a b 2>/dev/null", Some('>')),
            ("a b && c", Some('&')),
            ("a b # c", Some('#')),
            ("a b", None),
        ] {
            let line = split(text).unwrap();
            assert_eq!((words(text), line.ended_by), (vec!["a".into(), "b".into()], end), "{text}");
        }
        assert_eq!(words("a b#c"), ["a", "b#c"]);
    }

    #[test]
    fn variables_are_named_and_never_guessed() {
        let line = split("a \"x: $KEY\" ${OTHER}/y '$no' \\$no").unwrap();
        let variables: Vec<_> = line.words.iter().flat_map(|word| &word.variables).collect();
        assert_eq!(variables, ["$KEY", "${OTHER}"]);
        assert_eq!(line.words[1].text, "x: $KEY");
    }

    #[test]
    fn what_only_a_shell_knows_is_refused() {
        for text in
            ["a 'b", "a \"b", "a $(b)", "a `b`", "a \"`b`\"", "a < b", "a \\", "a “b”", "$'\\q'"]
        {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
