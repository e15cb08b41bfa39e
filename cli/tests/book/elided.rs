//! Text with something left out: `...` on a line of its own is any lines, within a line any text.

/// What stands for what is left out.
const LEFT_OUT: &str = "...";

/// Whether a text is what is expected, up to what that leaves out.
pub(crate) fn matches(expected: &str, text: &str) -> bool {
    let expected: Vec<&str> = expected.lines().collect();
    let text: Vec<&str> = text.lines().collect();
    lines_match(&expected, &text)
}

/// Whether what is expected stands in a text, as whole lines.
pub(crate) fn is_in(expected: &str, text: &str) -> bool {
    matches(&format!("{LEFT_OUT}\n{expected}{LEFT_OUT}\n"), text)
}

/// Whether these lines are as expected.
fn lines_match(expected: &[&str], text: &[&str]) -> bool {
    match expected.split_first() {
        None => text.is_empty(),
        Some((first, rest)) if first.trim() == LEFT_OUT => {
            (0..=text.len()).any(|skipped| lines_match(rest, text.get(skipped..).unwrap_or(&[])))
        }
        Some((first, rest)) => text
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && lines_match(rest, others)),
    }
}

/// Whether one line is as expected.
fn line_matches(expected: &str, line: &str) -> bool {
    let Some((first, rest)) = expected.split_once(LEFT_OUT) else { return expected == line };
    let Some(mut line) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split(LEFT_OUT).collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match line.split_once(part) {
            Some((_, after)) => line = after,
            None => return false,
        }
    }
    line.ends_with(last)
}

#[test]
fn what_is_left_out_can_be_anything_and_what_is_not_must_be_there() {
    for (expected, text) in [
        ("a\n", "a\n"),
        ("a\n...\nb\n", "a\nb\n"),
        ("a\n...\nb\n", "a\nx\ny\nb\n"),
        ("...\nb\n...\n", "a\nb\nc\n"),
        ("a ... c ... e\n", "a b c d e\n"),
        ("zgk_...\n", "zgk_abc\n"),
        ("  ...\n", "a\nb\n"),
        ("a...a...a\n", "aaa\n"),
    ] {
        assert!(matches(expected, text), "{expected}{text}");
    }
    for (expected, text) in [
        ("a\n", "a\nb\n"),
        ("a\n...\nb\n", "a\nx\n"),
        ("a ... c\n", "a b d\n"),
        ("a...b\n", "a\nb\n"),
        ("a...a...a\n", "aa\n"),
        ("", "a\n"),
    ] {
        assert!(!matches(expected, text), "{expected}{text}");
    }
    assert!(is_in("b\nc\n", "a\nb\nc\nd\n"));
    assert!(!is_in("b\nd\n", "a\nb\nc\nd\n"));
}
