//! Texts that a regular expression matches: the shortest, and a few that differ from it.

use regex_syntax::hir::{Class, Hir, HirKind};

/// How many texts are made of one expression.
const TEXTS_MAX: usize = 6;
/// How often something is repeated at the most.
const REPETITIONS_MAX: u32 = 128;

/// Some texts that the whole expression matches; none where it cannot be parsed.
pub(crate) fn samples(expression: &str) -> Vec<String> {
    let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
    let parsed = { parsed }.parse(expression);
    let made = parsed.map(|hir| of(&hir)).unwrap_or_default();
    made.into_iter().filter_map(|bytes| String::from_utf8(bytes).ok()).collect()
}

/// Texts of a part of an expression; its nesting was bounded when the pattern was read.
fn of(hir: &Hir) -> Vec<Vec<u8>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![Vec::new()],
        HirKind::Literal(literal) => vec![literal.0.to_vec()],
        HirKind::Class(class) => of_class(class),
        HirKind::Repetition(repetition) => {
            let least = repetition.min.min(REPETITIONS_MAX);
            let more = repetition.max.is_none_or(|max| max > least);
            let one = of(&repetition.sub).into_iter().next().unwrap_or_default();
            let times = |number: u32| (0..number).flat_map(|_| one.clone()).collect::<Vec<u8>>();
            let mut made = vec![times(least)];
            if more {
                made.push(times(least + 1));
            }
            made
        }
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Concat(parts) => concatenated(parts),
        HirKind::Alternation(parts) => {
            let mut made: Vec<_> = parts.iter().flat_map(of).collect();
            made.truncate(TEXTS_MAX);
            made
        }
    }
}

/// The first text of each part after the other; then each part's other texts, one part at a time.
fn concatenated(parts: &[Hir]) -> Vec<Vec<u8>> {
    let choices: Vec<Vec<Vec<u8>>> = parts.iter().map(of).collect();
    let joined = |varied: usize, number: usize| -> Vec<u8> {
        let chosen = choices.iter().enumerate().map(|(at, texts)| {
            let number = if at == varied { number } else { 0 };
            texts.get(number).or(texts.first()).cloned().unwrap_or_default()
        });
        chosen.flatten().collect()
    };
    let mut made = vec![joined(0, 0)];
    for (at, texts) in choices.iter().enumerate() {
        made.extend((1..texts.len()).map(|number| joined(at, number)));
    }
    made.truncate(TEXTS_MAX);
    made
}

/// A member or two of a class, letters and digits first.
fn of_class(class: &Class) -> Vec<Vec<u8>> {
    let has = |byte: u8| match class {
        Class::Bytes(class) => {
            class.iter().any(|range| (range.start()..=range.end()).contains(&byte))
        }
        Class::Unicode(class) => {
            let member = char::from(byte);
            class.iter().any(|range| (range.start()..=range.end()).contains(&member))
        }
    };
    let order = (b'a'..=b'z').chain(b'0'..=b'9').chain(b'A'..=b'Z').chain(b' '..=b'~');
    let mut members = order.filter(|byte| has(*byte));
    let first = members.next();
    first.into_iter().chain(members.next_back()).map(|byte| vec![byte]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_matches() {
        for expression in [
            r"_acme-challenge\..+",
            r"pr-[1-9][0-9]{0,5}\.preview",
            "[A-Za-z0-9_-]{43}",
            "(google-site-verification=[A-Za-z0-9_-]{20,80}|MS=ms[0-9]{5,12})",
            "a?b*c+|[^a-z]x",
        ] {
            let made = samples(expression);
            assert!(!made.is_empty(), "{expression}");
            let whole = regex_lite(expression);
            for text in made {
                assert!(whole.is_match(&text), "{expression}: {text:?}");
            }
        }
        assert!(samples("(").is_empty());
    }

    /// The expression between anchors.
    fn regex_lite(expression: &str) -> regex::Regex {
        regex::Regex::new(&format!(r"\A(?:{expression})\z")).unwrap()
    }
}
