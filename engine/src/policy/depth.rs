//! A check of how deep and how long a policy is, before Cedar's parser sees it.
//!
//! Cedar guards its recursion by asking how much stack is left; WebAssembly cannot tell, so in
//! the filter a deep expression does not become an error but a trap, which takes a whole worker
//! down. Some hundred nested parentheses or a chain of two hundred `||` are enough.
//! So the text is scanned first, by a loop: how deep brackets nest, how long a run of unary
//! operators is, how deep `if` nests, how many operators one policy chains.
//! The command and the filter run the same check, with limits of half of what was measured inside
//! Envoy or less (`docs/limits.md`).

use crate::problem::Problem;

/// Brackets of any kind inside one another.
const BRACKETS_MAX: usize = 24;
/// `!` or `-` directly after one another, brackets between them not counted as a break.
const UNARY_MAX: usize = 8;
/// `if` inside one policy, which bounds their nesting.
const CONDITIONALS_MAX: usize = 24;
/// Binary operators (`&&`, `||`, `+`, `-`, `*`) and member accesses in one policy.
const OPERATORS_MAX: usize = 64;
/// Bytes of one policy file.
const FILE_BYTES_MAX: usize = 1 << 20;

/// What has been counted since the last policy ended.
#[derive(Default)]
struct Count {
    /// Open brackets.
    brackets: usize,
    /// Unary operators with only brackets and blanks between them.
    unary: usize,
    /// `if` keywords.
    conditionals: usize,
    /// Binary operators.
    operators: usize,
    /// Member accesses in an unbroken chain.
    accesses: usize,
}

/// Checks one policy file; every limit is reported at most once, at the line where it is passed.
pub(super) fn check(file: &str, text: &str) -> Result<(), Problem> {
    if text.len() > FILE_BYTES_MAX {
        return Err(Problem::new(file, format!("the file is larger than {FILE_BYTES_MAX} bytes"))
            .help("split it into several files"));
    }
    let mut count = Count::default();
    let mut bytes = text.bytes().enumerate().peekable();
    let mut previous = 0_u8;
    let mut word_start: Option<usize> = None;
    while let Some((at, byte)) = bytes.next() {
        let next = bytes.peek().map_or(0, |(_, next)| *next);
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            word_start = word_start.or(Some(at));
            if text.as_bytes().get(word_start.unwrap_or(at)..=at) == Some(b"if".as_slice())
                && !(next.is_ascii_alphanumeric() || next == b'_')
            {
                count.conditionals += 1;
            }
            count.unary = 0;
            previous = byte;
        } else {
            word_start = None;
            match byte {
                b'"' => skip_string(&mut bytes),
                b'/' if next == b'/' => skip_line(&mut bytes),
                _ => count.take(byte, next, previous),
            }
            if !byte.is_ascii_whitespace() {
                previous = byte;
            }
        }
        if let Some((message, help)) = count.excess() {
            return Err(Problem::new(file, message).at_offset(text, at).help(help));
        }
    }
    Ok(())
}

/// Moves behind the closing quote of a string.
fn skip_string(bytes: &mut impl Iterator<Item = (usize, u8)>) {
    while let Some((_, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' => return,
            _ => {}
        }
    }
}

/// Moves behind the end of a line comment.
fn skip_line(bytes: &mut impl Iterator<Item = (usize, u8)>) {
    for (_, byte) in bytes {
        if byte == b'\n' {
            return;
        }
    }
}

impl Count {
    /// Counts one byte that is outside words, strings and comments.
    fn take(&mut self, byte: u8, next: u8, previous: u8) {
        match byte {
            b'(' | b'[' | b'{' => self.brackets += 1,
            b')' | b']' | b'}' => {
                self.brackets = self.brackets.saturating_sub(1);
                self.unary = 0;
            }
            b'!' if next != b'=' => self.unary += 1,
            // A minus after an operand is binary, anywhere else it is a sign.
            b'-' if is_operand_end(previous) => self.operators += 1,
            b'-' => self.unary += 1,
            b'+' | b'*' => self.operators += 1,
            b'&' | b'|' if next == byte => {
                self.operators += 1;
                self.accesses = 0;
            }
            b'.' => self.accesses += 1,
            b',' => self.accesses = 0,
            b';' if self.brackets == 0 => *self = Count::default(),
            _ => {}
        }
    }

    /// The limit that has been passed, if one has, and what to do about it.
    fn excess(&self) -> Option<(String, &'static str)> {
        let sets =
            "use a set, as in `[...].contains(x)`, a named pattern or network, or two policies";
        if self.brackets > BRACKETS_MAX {
            let message = format!("brackets are nested more than {BRACKETS_MAX} deep");
            Some((message, "write the condition as several `when` clauses"))
        } else if self.unary > UNARY_MAX {
            let message = format!("more than {UNARY_MAX} `!` or `-` stand before one another");
            Some((message, "two negations cancel out"))
        } else if self.conditionals > CONDITIONALS_MAX {
            let message = format!("one policy has more than {CONDITIONALS_MAX} `if`");
            Some((message, "write several policies"))
        } else if self.operators > OPERATORS_MAX || self.accesses > OPERATORS_MAX {
            Some((format!("one policy chains more than {OPERATORS_MAX} operators"), sets))
        } else {
            None
        }
    }
}

/// Whether a byte can end an operand, so that a minus after it is binary.
fn is_operand_end(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b')' | b']' | b'}' | b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wraps a condition into a policy.
    fn policy(condition: &str) -> String {
        format!("permit (principal, action, resource) when {{ {condition} }};")
    }

    #[test]
    fn ordinary_policies_pass() {
        assert_eq!(check("a", &policy("(1 - 2) < 3 && !(resource.apex)")), Ok(()));
        assert_eq!(check("a", &policy(&format!("[{}1].contains(1)", "1, ".repeat(500)))), Ok(()));
        assert_eq!(check("a", &policy("\"((((((((((((((((((((((((((((((\" == \"\"")), Ok(()));
    }

    #[test]
    fn each_limit_is_found_with_its_line() {
        for (condition, expected) in [
            (format!("{}true{}", "(".repeat(30), ")".repeat(30)), "brackets"),
            (format!("{}true{}", "!(".repeat(10), ")".repeat(10)), "stand before"),
            (format!("{}true", "!".repeat(10)), "stand before"),
            (format!("{}1 > 0", "- ".repeat(10)), "stand before"),
            (vec!["true"; 70].join(" || "), "chains"),
            (vec!["1"; 70].join(" - "), "chains"),
            (format!("{}true", "if true then true else ".repeat(30)), "`if`"),
        ] {
            let problem = check("a", &format!("\n{}", policy(&condition))).unwrap_err();
            assert!(problem.message.contains(expected), "{problem}");
            assert_eq!(problem.line, Some(2));
        }
    }

    #[test]
    fn the_count_starts_anew_with_each_policy() {
        let one = policy(&vec!["true"; 60].join(" || "));
        assert_eq!(check("a", &one.repeat(5)), Ok(()));
    }
}
