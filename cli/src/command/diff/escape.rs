//! Text from policies and keys, made harmless where it is printed.
//!
//! Whoever writes a pull request writes the ids, sentences and values that a report repeats. On a
//! terminal they must not move the cursor, in a comment they must not be markup, mention anybody,
//! or link anywhere, and nowhere must they look like other text than they are.

use std::fmt::Write as _;

/// Characters that change how the text around them looks: directions, joiners, blanks of no width.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A text in which every character is visible.
pub(super) fn printable(text: &str) -> String {
    text.chars().fold(String::new(), |mut made, c| {
        if c.is_control() || is_deceptive(c) {
            made.extend(c.escape_unicode());
        } else {
            made.push(c);
        }
        made
    })
}

/// A text as code inside a line of Markdown, table or not.
///
/// SECURITY: everything but letters, digits and blanks is a character reference, so nothing in it
/// is markup; inside `<code>` a host makes neither mentions nor links of it.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", referenced(text))
}

/// A text as a block of code of its own, which ends where it should.
pub(super) fn block(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(referenced).collect();
    format!("<pre>{}</pre>", lines.join("\n"))
}

/// A text whose punctuation is written as character references.
fn referenced(text: &str) -> String {
    printable(text).chars().fold(String::new(), |mut made, c| {
        if c.is_ascii_alphanumeric() || c == ' ' || (!c.is_ascii() && c.is_alphanumeric()) {
            made.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(made, "&#{};", u32::from(c));
        }
        made
    })
}

/// A text as one word of a shell.
pub(super) fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=,~^".contains(c);
    // A tilde or equals sign means something at the beginning of a word only.
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with(['~', '=']) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_invisible_is_printed() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}c\nd"), "a\\u{1b}[2Jb\\u{202e}c\\u{a}d");
        assert_eq!(printable("Grüße, \"x\""), "Grüße, \"x\"");
    }

    #[test]
    fn nothing_in_a_comment_is_markup() {
        let hostile = "</code><img src=x onerror=alert(1)>|`*_[a](http://x) @everyone #1\n## h";
        let made = code(hostile);
        let inner = made.strip_prefix("<code>").unwrap().strip_suffix("</code>").unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || " &#;".contains(c);
        assert!(inner.chars().all(plain), "{inner}");
        assert!(inner.split('&').skip(1).all(|part| part.starts_with('#')), "{inner}");
        assert_eq!(block("a\n\n</pre>b"), "<pre>a\n\n&#60;&#47;pre&#62;b</pre>");
    }

    #[test]
    fn words_of_a_shell_stay_one_word() {
        assert_eq!(shell("origin/main:policies"), "origin/main:policies");
        assert_eq!(shell("my policies"), "'my policies'");
        assert_eq!(shell("a'b;$(c)"), r"'a'\''b;$(c)'");
        assert_eq!(shell(""), "''");
    }
}
