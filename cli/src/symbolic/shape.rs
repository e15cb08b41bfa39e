//! Regular expressions as far as Cedar's `like` can say them.
//!
//! The solver does not know what `in Pattern::"..."` means. Every expression has a shape: its
//! fixed texts in their order, with wildcards between them. What matches the expression has the
//! shape, so that much can be told the solver for certain; and where the expression says no more
//! than that (`_acme-challenge\..*`), the shape says exactly what it says.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::mention::Like;

/// How many alternatives a shape may have; what has more is only known to match something.
const ALTERNATIVES_MAX: usize = 24;

/// The shape of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// What matches has one of these shapes.
    pub(crate) likes: Vec<Like>,
    /// Whether what has one of them also matches.
    pub(crate) exact: bool,
}

/// The shape of anything.
fn anything(exact: bool) -> Shape {
    Shape { likes: vec![vec![None]], exact }
}

/// The shape of an expression without anchors; of one that cannot be read, anything.
pub(crate) fn shape(expression: &str) -> Shape {
    let parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
    let parsed = { parser }.parse(expression);
    parsed.map_or_else(|_| anything(false), |hir| of(&hir))
}

/// The shape of a part; its nesting was bounded when the pattern was read.
fn of(hir: &Hir) -> Shape {
    match hir.kind() {
        HirKind::Empty => fixed(""),
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => fixed(text),
            Err(_) => anything(false),
        },
        HirKind::Class(class) => members(class),
        // An anchor inside narrows what matches.
        HirKind::Look(_) => Shape { exact: false, ..fixed("") },
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) => {
            let all = is_everything(&repetition.sub);
            match (repetition.min, repetition.max) {
                (0, None) => anything(all),
                // Once or more of any character: not the empty text, which `like` cannot say.
                (0, Some(1)) => either(vec![fixed(""), of(&repetition.sub)]),
                (1, Some(1)) => of(&repetition.sub),
                _ => anything(false),
            }
        }
        HirKind::Concat(parts) => {
            parts.iter().map(of).fold(fixed(""), |before, part| joined(&before, &part))
        }
        HirKind::Alternation(parts) => either(parts.iter().map(of).collect()),
    }
}

/// The shape of one text.
fn fixed(text: &str) -> Shape {
    let literal = if text.is_empty() { Vec::new() } else { vec![Some(text.to_owned())] };
    Shape { likes: vec![literal], exact: true }
}

/// The shape of one character of a class.
fn members(class: &Class) -> Shape {
    let bytes: Vec<u8> = match class {
        Class::Bytes(class) => {
            class.iter().flat_map(|range| range.start()..=range.end()).take(9).collect()
        }
        Class::Unicode(_) => Vec::new(),
    };
    let few = (1..=8).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii);
    if !few {
        return anything(false);
    }
    either(bytes.into_iter().map(|byte| fixed(&char::from(byte).to_string())).collect())
}

/// Whether a part is any one character of a name or a value, so that its repetition is anything.
fn is_everything(hir: &Hir) -> bool {
    let HirKind::Class(Class::Bytes(class)) = hir.kind() else { return false };
    let has = |byte: u8| class.iter().any(|range| (range.start()..=range.end()).contains(&byte));
    // Control characters never reach a policy; what is beyond ASCII may.
    (b' '..=b'~').chain(128..=255).all(has)
}

/// One of several shapes.
fn either(shapes: Vec<Shape>) -> Shape {
    let exact = shapes.iter().all(|shape| shape.exact);
    let mut likes: Vec<Like> = shapes.into_iter().flat_map(|shape| shape.likes).collect();
    likes.dedup();
    if likes.len() > ALTERNATIVES_MAX { anything(false) } else { Shape { likes, exact } }
}

/// One shape behind another.
fn joined(before: &Shape, behind: &Shape) -> Shape {
    if before.likes.len() * behind.likes.len() > ALTERNATIVES_MAX {
        return anything(false);
    }
    let pairs = before.likes.iter().flat_map(|left| {
        behind.likes.iter().map(|right| {
            let mut like = left.clone();
            for part in right {
                match (like.last_mut(), part) {
                    (Some(None), None) => {}
                    (Some(Some(text)), Some(more)) => text.push_str(more),
                    _ => like.push(part.clone()),
                }
            }
            like
        })
    });
    Shape { likes: pairs.collect(), exact: before.exact && behind.exact }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbolic::text::like;

    #[test]
    fn expressions_have_shapes() {
        for (expression, expected, exact) in [
            (r"_acme-challenge(\..*)?", r#""_acme-challenge" "_acme-challenge.*""#, true),
            (r"_acme-challenge\..+", r#""_acme-challenge.*""#, false),
            (r"pr-[1-9][0-9]{0,5}\.preview", r#""pr-*.preview""#, false),
            ("www|mail", r#""www" "mail""#, true),
            ("[ab]c", r#""ac" "bc""#, true),
            (".*", r#""*""#, true),
            ("[a-z]*", r#""*""#, false),
            ("(", r#""*""#, false),
        ] {
            let found = shape(expression);
            let likes: Vec<String> = found.likes.iter().map(|one| like(one)).collect();
            assert_eq!((likes.join(" ").as_str(), found.exact), (expected, exact), "{expression}");
        }
    }
}
