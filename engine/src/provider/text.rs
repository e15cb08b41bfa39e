//! Texts of requests: what each kind may be, and the one way in which it is written on.

use std::net::IpAddr;

use crate::decision::Reason;
use crate::name::{Name, NameForm};
use crate::record_type::RecordType;

use super::file::{Codec, File, Kind};
use super::refusal::{Refusal, quoted};

/// The most bytes of a word.
const WORD_BYTES_MAX: usize = 128;
/// The most digits of a number in a path or query.
const DIGITS_MAX: usize = 10;

/// Checks a text of this kind and gives it in its canonical form.
pub(super) fn check(file: &File, kind: Kind, text: &str) -> Result<String, Refusal> {
    let fits = match kind {
        Kind::Name | Kind::Zone => {
            return Ok(name(file, None, text)?.to_text(file.name_form.name_form()));
        }
        Kind::Type => return Ok(rtype(text)?.to_string()),
        Kind::Address => {
            return text
                .parse::<IpAddr>()
                .map(|address| address.to_string())
                .map_err(|_| Refusal::body(format!("{} is not an IP address", quoted(text))));
        }
        Kind::Text => !text.chars().any(char::is_control),
        Kind::Lines => !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')),
        Kind::Word | Kind::Metadata => is_word(text),
        Kind::Digits => is_digits(text),
        Kind::Bool => matches!(text, "true" | "false"),
        Kind::Integer | Kind::Texts | Kind::Batch | Kind::Objects => false,
    };
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Refusal::body(format!("{} is not {}", quoted(text), described(kind))))
    }
}

/// What a kind is, for a person.
pub(super) fn described(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text without control characters",
        Kind::Lines => "a text without control characters other than line ends and tabs",
        Kind::Word => "a word of letters, digits and `. _ : -`",
        Kind::Digits => "a number without sign and leading zeros",
        Kind::Bool => "`true` or `false`",
        Kind::Integer => "a whole number",
        Kind::Texts => "a list of texts",
        Kind::Name | Kind::Zone => "a DNS name",
        Kind::Type => "a record type",
        Kind::Address => "an IP address",
        Kind::Metadata => "a kind of metadata",
        Kind::Batch => "a list of rrsets",
        Kind::Objects => "a list of objects",
    }
}

/// Whether this is one to 128 letters, digits and `. _ : -`.
fn is_word(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    (1..=WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

/// Whether this is one to ten digits without a leading zero.
pub(super) fn is_digits(text: &str) -> bool {
    (1..=DIGITS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

/// Reads a record type; never a meta type.
pub(super) fn rtype(text: &str) -> Result<RecordType, Refusal> {
    RecordType::parse(text).map_err(|error| {
        Refusal::new(Reason::TypeNotUnderstood, format!("record type {}: {error}", quoted(text)))
    })
}

/// Reads an absolute name in the provider's form, or in the codec's.
pub(super) fn name(file: &File, codec: Option<Codec>, text: &str) -> Result<Name, Refusal> {
    let read = match codec {
        None => Name::parse(text, file.name_form.name_form()),
        Some(Codec::EqualsHex) => {
            let decoded = decode_equals_hex(text).ok_or_else(|| {
                bad_name(text, "`=` is not followed by two upper-case hexadecimal digits")
            })?;
            let form = if decoded.ends_with('.') { NameForm::FqdnDot } else { NameForm::Fqdn };
            Name::parse(&decoded, form)
        }
    };
    read.map_err(|error| bad_name(text, &error.to_string()))
}

/// A refusal because of a name.
pub(super) fn bad_name(text: &str, why: &str) -> Refusal {
    Refusal::new(Reason::NameNotUnderstood, format!("DNS name {}: {why}", quoted(text)))
}

/// Writes a name in the provider's form, or in the codec's.
pub(super) fn write_name(file: &File, codec: Option<Codec>, name: &Name) -> String {
    match codec {
        None => name.to_text(file.name_form.name_form()),
        Some(Codec::EqualsHex) => encode_equals_hex(&name.to_text(NameForm::FqdnDot)),
    }
}

/// Decodes `=XX`; none where `=` is not followed by two upper-case hexadecimal digits.
///
/// Bytes from 0x80 on become characters that no name has, so [`Name`] refuses them.
///
/// SECURITY: decoded exactly once, as the provider does, and in upper case only, which is all it
/// understands (test `zone_ids_that_two_could_read_differently_are_refused`); whatever then is no plain name is refused by [`Name`].
fn decode_equals_hex(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '=' {
            out.push(c);
            continue;
        }
        let mut byte = 0;
        for digit in [chars.next()?, chars.next()?] {
            if !matches!(digit, '0'..='9' | 'A'..='F') {
                return None;
            }
            byte = byte * 16 + digit.to_digit(16)?;
        }
        out.push(char::from_u32(byte)?);
    }
    Some(out)
}

/// Encodes a name as PowerDNS writes its zone ids: letters, digits, dots and hyphens as they are.
fn encode_equals_hex(text: &str) -> String {
    if text == "." {
        return "=2E".to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') {
            out.push(char::from(byte));
        } else {
            out.push('=');
            out.extend(hex_digit(byte >> 4));
            out.extend(hex_digit(byte & 15));
        }
    }
    out
}

/// An upper-case hexadecimal digit.
fn hex_digit(value: u8) -> Option<char> {
    char::from_digit(u32::from(value), 16).map(|digit| digit.to_ascii_uppercase())
}
