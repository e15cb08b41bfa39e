//! A check of how deep and how long a policy is, before Cedar's parser sees it.
//!
//! Cedar guards its recursion by asking how much stack is left; WebAssembly cannot tell, so in
//! the filter a deep expression does not become an error but a trap, which takes a whole worker
//! down. Some hundred nested parentheses or a chain of three hundred `||` are enough.
//! So the text is scanned first, by a loop: how deep brackets nest, how long a run of unary
//! operators is, how deep `if` nests, how many operators and members one policy chains, and all
//! of these together, because they share one stack.
//! The command and the filter run the same check, with limits of half of what was measured inside
//! Envoy or less (`docs/limits.md`).

use super::packed::Authored;
use crate::problem::Problem;

/// Brackets of any kind inside one another.
const BRACKETS_MAX: usize = 24;
/// `!` or `-` directly after one another, brackets between them not counted as a break.
const UNARY_MAX: usize = 8;
/// `if` inside one policy, which bounds their nesting.
const CONDITIONALS_MAX: usize = 24;
/// Binary operators (`&&`, `||`, `+`, `-`, `*`) and clauses, which Cedar joins by `&&`, in one policy.
const OPERATORS_MAX: usize = 64;
/// Member accesses in one chain, brackets not counted as a break.
const ACCESSES_MAX: usize = 64;
/// All of the above together in one policy: the most that one path through it can be deep.
const DEPTH_MAX: usize = 112;
/// What a bracket counts in it: itself, and the one comparison that fits in it, of which `!=`, `>`
/// and `>=` are two steps for Cedar.
const BRACKET_DEPTH: usize = 3;
/// Bytes of one policy file.
const FILE_BYTES_MAX: usize = 1 << 20;

/// What has been counted since the last policy ended.
#[derive(Default)]
struct Count {
    /// Open brackets.
    brackets: usize,
    /// The most brackets that were open at once.
    brackets_peak: usize,
    /// Unary operators with only brackets and blanks between them.
    unary: usize,
    /// All unary operators.
    unary_total: usize,
    /// `if` keywords.
    conditionals: usize,
    /// Binary operators and clauses.
    operators: usize,
    /// The chain of member accesses inside the innermost open bracket.
    chain: Chain,
    /// The chains around it, outermost first.
    outer_chains: Vec<Chain>,
}

/// How long chains of member accesses are between two brackets.
#[derive(Clone, Copy, Default)]
struct Chain {
    /// The one that is being read.
    current: usize,
    /// The longest that an operator or comma has ended.
    longest: usize,
}

impl Chain {
    /// The longest so far.
    fn most(self) -> usize {
        self.current.max(self.longest)
    }

    /// Ends the chain that is being read: what follows is another operand.
    fn end(&mut self) {
        *self = Chain { current: 0, longest: self.most() };
    }
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
            if !(next.is_ascii_alphanumeric() || next == b'_') {
                count.take_word(text.as_bytes().get(word_start.unwrap_or(at)..=at));
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

/// Checks one policy of a bundle, which is parsed later.
///
/// SECURITY: packing has looked at it, but a trap takes a whole worker down, so nothing is parsed
/// in a filter that the filter has not looked at itself.
pub(super) fn check_packed(authored: &Authored, text: &[u8]) -> Result<(), Problem> {
    let problem = |message: String| Problem::new(&authored.file, message).at(authored.line);
    let id = &authored.id;
    let text = std::str::from_utf8(text)
        .map_err(|_| problem(format!("the text of `{id}` is not UTF-8")))?;
    check(&authored.file, text).map_err(|found| {
        let problem = problem(format!("in `{id}`, {}", found.message));
        problem.help(found.help.unwrap_or_default())
    })
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
///
/// SECURITY: a comment ends where it does for Cedar, at either character of a line end; what Cedar
/// parses and this skips is not counted (test `a_comment_ends_where_cedar_ends_it`).
fn skip_line(bytes: &mut impl Iterator<Item = (usize, u8)>) {
    for (_, byte) in bytes {
        if matches!(byte, b'\n' | b'\r') {
            return;
        }
    }
}

impl Count {
    /// Counts one word that is outside strings and comments.
    fn take_word(&mut self, word: Option<&[u8]>) {
        match word {
            Some(b"if") => self.conditionals += 1,
            Some(b"when" | b"unless") => self.take_operator(),
            _ => {}
        }
    }

    /// Counts one binary operator.
    fn take_operator(&mut self) {
        self.operators += 1;
        self.chain.end();
    }

    /// Counts one unary operator.
    fn take_unary(&mut self) {
        self.unary += 1;
        self.unary_total += 1;
    }

    /// Counts one byte that is outside words, strings and comments.
    fn take(&mut self, byte: u8, next: u8, previous: u8) {
        match byte {
            b'(' | b'[' | b'{' => {
                self.brackets += 1;
                self.brackets_peak = self.brackets_peak.max(self.brackets);
                self.outer_chains.push(std::mem::take(&mut self.chain));
            }
            b')' | b']' | b'}' => {
                self.brackets = self.brackets.saturating_sub(1);
                self.unary = 0;
                // `(a.b).c` is one chain of two; so is, to be on the safe side, `a.b(c.d)`.
                let inner = self.chain.most();
                self.chain = self.outer_chains.pop().unwrap_or_default();
                self.chain.current += inner;
            }
            b'!' if next != b'=' => self.take_unary(),
            // A minus after an operand is binary, anywhere else it is a sign.
            b'-' if is_operand_end(previous) => self.take_operator(),
            b'-' => self.take_unary(),
            b'+' | b'*' => self.take_operator(),
            b'&' | b'|' if next == byte => self.take_operator(),
            b'.' => self.chain.current += 1,
            b',' => self.chain.end(),
            b';' if self.brackets == 0 => *self = Count::default(),
            _ => {}
        }
    }

    /// No path through the policy read so far is deeper than this.
    fn depth(&self) -> usize {
        BRACKET_DEPTH * self.brackets_peak
            + self.unary_total
            + self.conditionals
            + self.operators
            + self.chain.most()
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
        } else if self.operators > OPERATORS_MAX {
            let message =
                format!("one policy chains more than {OPERATORS_MAX} operators and clauses");
            Some((message, sets))
        } else if self.chain.most() > ACCESSES_MAX {
            let message = format!("one policy chains more than {ACCESSES_MAX} member accesses");
            Some((message, "write several policies"))
        } else if self.depth() > DEPTH_MAX {
            let message = format!(
                "brackets, `!`, `-`, `if`, operators and member accesses of one policy are more \
                 than {DEPTH_MAX} together"
            );
            Some((message, "write several policies"))
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
            (format!("context{} == 1", ".a".repeat(70)), "member accesses"),
            (format!("{}1{} == 1", "{a: 1 + ".repeat(23), ", b: 1}.a.a.a".repeat(23)), "member"),
            (
                format!("{}true{}", "!!!!(if ".repeat(20), " then true else true)".repeat(20)),
                "together",
            ),
            (format!("true }}{}", " unless { false }".repeat(70)), "clauses"),
        ] {
            let problem = check("a", &format!("\n{}", policy(&condition))).unwrap_err();
            assert!(problem.message.contains(expected), "{problem}");
            assert_eq!(problem.line, Some(2));
        }
    }

    #[test]
    fn a_comment_ends_where_cedar_ends_it() {
        let deep = format!("{}true{}", "(".repeat(30), ")".repeat(30));
        for end in ["\n", "\r", "\r\n"] {
            let text = policy(&format!("// a comment{end}{deep}"));
            assert!(text.parse::<cedar_policy::Policy>().is_ok(), "{end:?}: Cedar reads it");
            assert!(check("a", &text).is_err(), "{end:?}: so it is counted");
        }
        // What is in a comment is not counted, whatever line ends there are in Unicode.
        for end in ["\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}"] {
            assert_eq!(check("a", &policy(&format!("// a{end}{deep}\ntrue"))), Ok(()), "{end:?}");
        }
    }

    #[test]
    fn operands_do_not_add_up_to_one_chain() {
        let operand = "context.a.b == principal.c.d";
        assert_eq!(check("a", &policy(&vec![operand; 60].join(" || "))), Ok(()));
        assert_eq!(
            check("a", &policy(&format!("[{operand}{}]", format!(", {operand}").repeat(60)))),
            Ok(())
        );
        assert_eq!(
            check("a", &policy(&format!("({})", vec!["(context.a.b)"; 60].join(" + ")))),
            Ok(())
        );
    }

    #[test]
    fn the_count_starts_anew_with_each_policy() {
        let one = policy(&vec!["true"; 60].join(" || "));
        assert_eq!(check("a", &one.repeat(5)), Ok(()));
    }
}
