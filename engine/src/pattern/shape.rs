//! What an expression can match, found without running it.
//!
//! Expressions match whole names. Authors who know `grep` write `^_acme-challenge\.` and mean
//! "begins with"; such an expression can never match a name, and a policy that asks for it would
//! be silently dead. So the parsed expression is walked once for what it could match at all: which
//! characters can come first and last, whether anchors stand where they can hold.
//! The walk may take something impossible for possible, never the reverse.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::{NEST_MAX, Reads};

/// Something to tell the author of an expression, with help.
pub(super) enum Finding {
    /// Refuses the pattern.
    Wrong(String, String),
    /// A warning of a lint.
    Doubtful(&'static str, String, String),
}

/// Parses an expression by itself; the error is one line.
pub(super) fn parse(regex: &str) -> Result<Hir, String> {
    let mut builder = ParserBuilder::new();
    builder.unicode(false).utf8(false).nest_limit(NEST_MAX);
    builder.build().parse(regex).map_err(|error| last_line(&error.to_string()))
}

/// The line of a multi-line explanation that says what is wrong.
pub(super) fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(text);
    line.trim().trim_start_matches("error: ").to_owned()
}

/// A set of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Bytes([u128; 2]);

impl Bytes {
    /// No byte.
    const NONE: Bytes = Bytes([0, 0]);

    /// The bytes that satisfy a predicate.
    fn of(wanted: impl Fn(u8) -> bool) -> Bytes {
        let mut set = Bytes::NONE;
        (0..=u8::MAX).filter(|byte| wanted(*byte)).for_each(|byte| set.insert(byte));
        set
    }

    /// Adds a byte.
    fn insert(&mut self, byte: u8) {
        let [low, high] = &mut self.0;
        let half = if byte < 128 { low } else { high };
        *half |= 1 << (byte % 128);
    }

    /// Whether a byte is in it.
    fn has(self, byte: u8) -> bool {
        let [low, high] = self.0;
        let half = if byte < 128 { low } else { high };
        half & (1 << (byte % 128)) != 0
    }

    /// The bytes of both.
    fn union(self, other: Bytes) -> Bytes {
        let ([a, b], [c, d]) = (self.0, other.0);
        Bytes([a | c, b | d])
    }

    /// The bytes common to both.
    fn common(self, other: Bytes) -> Bytes {
        let ([a, b], [c, d]) = (self.0, other.0);
        Bytes([a & c, b & d])
    }
}

/// What an expression can match, within an alphabet.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each combined by its own rule"
)]
#[derive(Clone, Copy)]
struct Shape {
    /// Whether it can match anything at all.
    possible: bool,
    /// Whether it can match the empty text.
    empty: bool,
    /// Whether it can match a text that is not empty.
    filled: bool,
    /// What can come first, if it matches a text that is not empty.
    first: Bytes,
    /// What can come last.
    last: Bytes,
    /// Whether it holds only where nothing stands before it.
    at_start: bool,
    /// Whether it holds only where nothing stands behind it.
    at_end: bool,
}

impl Shape {
    /// Matches nothing.
    const NEVER: Shape = Shape {
        possible: false,
        empty: false,
        filled: false,
        first: Bytes::NONE,
        last: Bytes::NONE,
        at_start: false,
        at_end: false,
    };
    /// Matches the empty text.
    const EMPTY: Shape = Shape { possible: true, empty: true, ..Shape::NEVER };

    /// One after the other.
    fn then(self, next: Shape) -> Shape {
        // An anchor in the middle leaves only the case that its side is empty.
        let left = if next.at_start { self.only_empty() } else { self };
        let right = if self.at_end { next.only_empty() } else { next };
        if !left.possible || !right.possible {
            return Shape::NEVER;
        }
        Shape {
            possible: true,
            empty: left.empty && right.empty,
            filled: left.filled || right.filled,
            first: if left.empty { left.first.union(right.first) } else { left.first },
            last: if right.empty { left.last.union(right.last) } else { right.last },
            at_start: left.at_start || (next.at_start && !left.filled),
            at_end: right.at_end || (self.at_end && !right.filled),
        }
    }

    /// The part of it that matches the empty text.
    fn only_empty(self) -> Shape {
        let anchors = Shape { at_start: self.at_start, at_end: self.at_end, ..Shape::EMPTY };
        if self.possible && self.empty { anchors } else { Shape::NEVER }
    }

    /// One or the other.
    fn or(self, other: Shape) -> Shape {
        match (self.possible, other.possible) {
            (false, _) => other,
            (true, false) => self,
            (true, true) => Shape {
                possible: true,
                empty: self.empty || other.empty,
                filled: self.filled || other.filled,
                first: self.first.union(other.first),
                last: self.last.union(other.last),
                at_start: self.at_start && other.at_start,
                at_end: self.at_end && other.at_end,
            },
        }
    }
}

/// The shape of an expression within an alphabet.
///
/// The recursion is as deep as the expression nests, which the parser bounds.
fn shape(hir: &Hir, alphabet: Bytes) -> Shape {
    match hir.kind() {
        HirKind::Empty => Shape::EMPTY,
        HirKind::Literal(literal) => literal.0.iter().fold(Shape::EMPTY, |before, byte| {
            before.then(one_of(Bytes::of(|one| one == *byte).common(alphabet)))
        }),
        HirKind::Class(class) => one_of(class_bytes(class).common(alphabet)),
        HirKind::Look(look) => match look {
            Look::Start | Look::StartLF | Look::StartCRLF => {
                Shape { at_start: true, ..Shape::EMPTY }
            }
            Look::End | Look::EndLF | Look::EndCRLF => Shape { at_end: true, ..Shape::EMPTY },
            // Word boundaries: taken as possible anywhere.
            Look::WordAscii
            | Look::WordAsciiNegate
            | Look::WordUnicode
            | Look::WordUnicodeNegate
            | Look::WordStartAscii
            | Look::WordEndAscii
            | Look::WordStartUnicode
            | Look::WordEndUnicode
            | Look::WordStartHalfAscii
            | Look::WordEndHalfAscii
            | Look::WordStartHalfUnicode
            | Look::WordEndHalfUnicode => Shape::EMPTY,
        },
        HirKind::Repetition(repetition) => {
            let once = shape(&repetition.sub, alphabet);
            let free = Shape { at_start: false, at_end: false, ..once };
            match (repetition.min, repetition.max) {
                (_, Some(0)) => Shape::EMPTY,
                (0, _) => free.or(Shape::EMPTY),
                (1, Some(1)) => once,
                (_, _) => free,
            }
        }
        HirKind::Capture(capture) => shape(&capture.sub, alphabet),
        HirKind::Concat(parts) => {
            parts.iter().fold(Shape::EMPTY, |before, part| before.then(shape(part, alphabet)))
        }
        HirKind::Alternation(branches) => {
            branches.iter().fold(Shape::NEVER, |before, branch| before.or(shape(branch, alphabet)))
        }
    }
}

/// The shape of one character of a set.
fn one_of(bytes: Bytes) -> Shape {
    if bytes == Bytes::NONE {
        return Shape::NEVER;
    }
    Shape { possible: true, filled: true, first: bytes, last: bytes, ..Shape::NEVER }
}

/// The bytes of a character class.
fn class_bytes(class: &Class) -> Bytes {
    Bytes::of(|byte| match class {
        Class::Bytes(class) => {
            class.iter().any(|range| range.start() <= byte && byte <= range.end())
        }
        // Not made without Unicode; if it were, it could be anything.
        Class::Unicode(_) => true,
    })
}

/// The bytes that can occur in what is read.
fn alphabet(reads: Reads, upper_case: bool) -> Bytes {
    Bytes::of(|byte| match reads {
        Reads::Value => byte >= b' ' && byte != 0x7f,
        Reads::Relative | Reads::Name => {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || b"-_.*".contains(&byte)
                || (byte == b'@' && reads == Reads::Relative)
                || (upper_case && byte.is_ascii_uppercase())
        }
    })
}

/// Whether something that is read could have this shape: names are not empty, and do not begin or
/// end with a dot.
fn can_match(shape: Shape, reads: Reads) -> bool {
    let not_a_dot = Bytes::of(|byte| byte != b'.');
    let ends = |bytes: Bytes| bytes.common(not_a_dot) != Bytes::NONE;
    match reads {
        Reads::Value => shape.possible,
        Reads::Relative | Reads::Name => {
            shape.possible && shape.filled && ends(shape.first) && ends(shape.last)
        }
    }
}

/// Everything there is to say about an expression.
pub(super) fn findings(hir: &Hir, reads: Reads) -> Vec<Finding> {
    let found = shape(hir, alphabet(reads, false));
    let mut findings = Vec::new();
    let (start, end) = anchors(hir);
    if start != end {
        findings.push(one_sided(start));
    } else if !can_match(found, reads) {
        findings.push(never(hir, reads, found));
    } else if start {
        let message = "has `^` and `$` in its expression, which change nothing".to_owned();
        findings.push(Finding::Doubtful(
            "regex-anchors",
            message,
            "leave them out: an expression matches the whole of what it reads".to_owned(),
        ));
    }
    if open_ended(hir) {
        let message =
            "begins and ends with `.*`, so it matches wherever the rest occurs".to_owned();
        let help = "is that meant? `prod.*` matches only what begins so, `.*\\.prod` only what ends so, \
                    `(.*\\.)?prod(\\..*)?` whole labels";
        findings.push(Finding::Doubtful("regex-loose", message, help.to_owned()));
    }
    if reads != Reads::Value && bare_dot(hir) {
        let message = "has a `.` that matches any character".to_owned();
        findings.push(Finding::Doubtful(
            "regex-bare-dot",
            message,
            "write `\\.` for the dot between two labels, or `[a-z0-9-]` for one character"
                .to_owned(),
        ));
    }
    if found.possible && dead_branch(hir, alphabet(reads, false)) {
        let message = "has an alternative that can never match".to_owned();
        findings.push(Finding::Doubtful(
            "regex-dead-branch",
            message,
            "names are in lower case, of letters, digits, `-`, `_`, `*` and dots".to_owned(),
        ));
    }
    findings
}

/// The problem of an expression with one anchor.
fn one_sided(start: bool) -> Finding {
    let (anchor, other, verb, rest) = if start {
        ("^", "$", "begins with", "put `.*` at the end")
    } else {
        ("$", "^", "ends with", "put `.*` at the beginning")
    };
    let message = format!("has `{anchor}` in its expression, but no `{other}`");
    let help = format!(
        "expressions match the whole of what they read, so `{anchor}` is not needed; if you mean \
         \"{verb}\", remove it and {rest}, such as '_acme-challenge(\\..*)?'"
    );
    Finding::Wrong(message, help)
}

/// The problem of an expression that can never match, with its cause if it is a usual one.
fn never(hir: &Hir, reads: Reads, found: Shape) -> Finding {
    let upper = can_match(shape(hir, alphabet(reads, true)), reads);
    let only_dot = |bytes: Bytes| bytes == Bytes::of(|byte| byte == b'.');
    let help = if reads == Reads::Value {
        "values have no control characters"
    } else if upper {
        "names are compared in lower case: write the expression in lower case"
    } else if only_dot(found.last) {
        "names have no dot at their end, and an expression matches the whole name: to match what \
         begins so, write `.*` at the end, such as '_acme-challenge\\..*'"
    } else if only_dot(found.first) {
        "names have no dot at their beginning, and an expression matches the whole name: to match \
         what ends so, write `.*` at the beginning"
    } else {
        "names have lower case letters, digits, `-`, `_`, `*` and dots (`@` alone is the apex, for \
         reads = \"relative\"); an anchor in the middle can never hold"
    };
    Finding::Wrong("has an expression that can never match".to_owned(), help.to_owned())
}

/// Whether the expression has an anchor of the beginning, and of the end.
fn anchors(hir: &Hir) -> (bool, bool) {
    let looks = hir.properties().look_set();
    let start = [Look::Start, Look::StartLF, Look::StartCRLF];
    let end = [Look::End, Look::EndLF, Look::EndCRLF];
    let any = |wanted: &[Look]| wanted.iter().any(|look| looks.contains(*look));
    (any(&start), any(&end))
}

/// Whether the expression is `.*` something `.*`.
fn open_ended(hir: &Hir) -> bool {
    let HirKind::Concat(parts) = hir.kind() else { return false };
    let open = |part: Option<&Hir>| {
        let Some(HirKind::Repetition(repetition)) = part.map(Hir::kind) else { return false };
        repetition.max.is_none() && is_dot(&repetition.sub)
    };
    parts.len() > 2 && open(parts.first()) && open(parts.last())
}

/// Whether this is `.`: a class of nearly everything.
fn is_dot(hir: &Hir) -> bool {
    let HirKind::Class(class) = hir.kind() else { return false };
    let bytes = class_bytes(class);
    b"a9-_.@ ~".iter().all(|byte| bytes.has(*byte))
}

/// Whether a `.` stands for one character somewhere.
fn bare_dot(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(_) => is_dot(hir),
        HirKind::Repetition(repetition) => !is_dot(&repetition.sub) && bare_dot(&repetition.sub),
        HirKind::Capture(capture) => bare_dot(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(bare_dot),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => false,
    }
}

/// Whether one branch of an alternation can never match, while the whole can.
fn dead_branch(hir: &Hir, alphabet: Bytes) -> bool {
    let inside = |parts: &[Hir]| parts.iter().any(|part| dead_branch(part, alphabet));
    match hir.kind() {
        HirKind::Alternation(parts) => {
            parts.iter().any(|part| !shape(part, alphabet).possible) || inside(parts)
        }
        HirKind::Concat(parts) => inside(parts),
        HirKind::Repetition(repetition) => dead_branch(&repetition.sub, alphabet),
        HirKind::Capture(capture) => dead_branch(&capture.sub, alphabet),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}
