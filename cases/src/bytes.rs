//! Bytes in a text file: bodies, and headers and targets with bytes that no text holds.

use crate::shape::Repeat;

/// The largest body that a case may build, in bytes; above every cap of the gate.
const BODY_BYTES_MAX: usize = 64 << 20;

/// Reads `\xNN` as one byte and everything else as it stands.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if let [b'\\', b'x', high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            bytes.push(high << 4 | low);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

/// Reads pairs of hexadecimal digits; spaces and line ends between them are fine.
pub(crate) fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut half = None;
    for character in text.chars().filter(|character| !character.is_whitespace()) {
        let value = u8::try_from(character)
            .ok()
            .and_then(digit)
            .ok_or_else(|| format!("`{character}` is not a hexadecimal digit"))?;
        half = match half {
            None => Some(value),
            Some(high) => {
                bytes.push(high << 4 | value);
                None
            }
        };
    }
    match half {
        None => Ok(bytes),
        Some(_) => Err("an odd number of hexadecimal digits".to_owned()),
    }
}

/// The value of one hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The body that a case writes in one of three ways, or none.
pub(crate) fn body(
    text: Option<String>,
    hex: Option<&str>,
    repeat: Option<&Repeat>,
) -> Result<Option<Vec<u8>>, String> {
    match (text, hex, repeat) {
        (None, None, None) => Ok(None),
        (Some(text), None, None) => Ok(Some(text.into_bytes())),
        (None, Some(hex), None) => {
            unhex(hex).map(Some).map_err(|error| format!("`body_hex`: {error}"))
        }
        (None, None, Some(repeat)) => repeated(repeat).map(Some),
        _ => Err("a body is written once: `body`, `body_hex` or `body_repeat`".to_owned()),
    }
}

/// A body made of one text many times; `{i}` in the text is the number of the repetition.
pub(crate) fn repeated(repeat: &Repeat) -> Result<Vec<u8>, String> {
    let each = repeat.text.len() + repeat.between.len() + 8;
    if each.saturating_mul(repeat.times) > BODY_BYTES_MAX {
        return Err(format!("the repetition is over {} MiB", BODY_BYTES_MAX >> 20));
    }
    let mut body = repeat.before.clone();
    for index in 0..repeat.times {
        if index > 0 {
            body.push_str(&repeat.between);
        }
        if repeat.text.contains("{i}") {
            body.push_str(&repeat.text.replace("{i}", &index.to_string()));
        } else {
            body.push_str(&repeat.text);
        }
    }
    body.push_str(&repeat.after);
    Ok(body.into_bytes())
}

/// Bytes as a person reads them: text as it is, other bytes as `\xNN`.
pub(crate) fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' | '\t' => text.push(character),
                control if control.is_control() => {
                    text.extend(escape(u32::from(control)));
                }
                other => text.push(other),
            }
        }
        for byte in chunk.invalid() {
            text.extend(escape(u32::from(*byte)));
        }
    }
    text
}

/// The form `\xNN` of a byte or control character.
fn escape(value: u32) -> Vec<char> {
    format!("\\x{value:02x}").chars().collect()
}

/// Whether `needle` stands somewhere in `bytes`.
pub(crate) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || bytes.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_is_one_byte_and_nothing_else_is() {
        assert_eq!(unescape(r"a\xFFb"), b"a\xffb");
        assert_eq!(unescape(r"a\xfb\x0"), b"a\xfb\\x0");
        assert_eq!(unescape(r"\\n\"), b"\\\\n\\");
        assert_eq!(unescape(""), b"");
    }

    #[test]
    fn hexadecimal_is_read_in_pairs() {
        assert_eq!(unhex("00 ff\n7B"), Ok(vec![0, 255, 0x7b]));
        assert!(unhex("0").is_err());
        assert!(unhex("0g").is_err());
    }

    #[test]
    fn a_repetition_counts() {
        let repeat = Repeat {
            text: "<{i}>".to_owned(),
            times: 3,
            between: ",".to_owned(),
            before: "[".to_owned(),
            after: "]".to_owned(),
        };
        assert_eq!(repeated(&repeat), Ok(b"[<0>,<1>,<2>]".to_vec()));
        assert!(repeated(&Repeat { times: usize::MAX, ..repeat }).is_err());
    }

    #[test]
    fn unreadable_bytes_are_shown() {
        assert_eq!(readable(b"a\xff\x00b"), "a\\xff\\x00b");
    }
}
