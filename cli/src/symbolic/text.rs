//! Cedar text made of our own words: literals, and conditions as policies.

use std::fmt::Write as _;

/// A string literal of Cedar.
pub(crate) fn quoted(text: &str) -> String {
    let mut made = String::from("\"");
    escape(text, &mut made);
    made.push('"');
    made
}

/// An entity of Cedar: `Zone::"example.com"`.
pub(crate) fn entity(kind: &str, id: &str) -> String {
    format!("{kind}::{}", quoted(id))
}

/// A set of entities of one type.
pub(crate) fn entities<'a>(kind: &str, ids: impl Iterator<Item = &'a str>) -> String {
    let members: Vec<String> = ids.map(|id| entity(kind, id)).collect();
    format!("[{}]", members.join(", "))
}

/// A `like` pattern, whose wildcards are the `None`s.
pub(crate) fn like(parts: &[Option<String>]) -> String {
    let mut made = String::from("\"");
    for part in parts {
        match part {
            None => made.push('*'),
            Some(text) => {
                let mut literal = String::new();
                escape(text, &mut literal);
                made.push_str(&literal.replace('*', "\\*"));
            }
        }
    }
    made.push('"');
    made
}

/// Several conditions of which one holds; none of none.
pub(crate) fn any(conditions: &[String]) -> String {
    match conditions {
        [] => "false".to_owned(),
        _ => format!("({})", conditions.join(" || ")),
    }
}

/// Writes a text as it stands between Cedar's quotes.
fn escape(text: &str, made: &mut String) {
    for c in text.chars() {
        match c {
            '"' => made.push_str("\\\""),
            '\\' => made.push_str("\\\\"),
            ' '..='~' => made.push(c),
            // Writing to a String cannot fail.
            _ => {
                let _ = write!(made, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_escaped_as_cedar_reads_them() {
        assert_eq!(quoted("a\"b\\c\n*é"), r#""a\"b\\c\u{a}*\u{e9}""#);
        let parts = [Some("*.".to_owned()), None, Some("x".to_owned())];
        assert_eq!(like(&parts), r#""\*.*x""#);
        assert_eq!(entity("Zone", "example.com"), "Zone::\"example.com\"");
        assert_eq!(any(&[]), "false");
    }
}
