//! Texts of requests: what each kind may be, and the one way in which it is written on.

use std::net::IpAddr;

use crate::decision::Reason;
use crate::name::{Name, NameForm};
use crate::record_type::RecordType;

use super::file::{Codec, File, IdForm, Kind, Names, NamesForm};
use super::record::unknown_type;
use super::refusal::{Refusal, quoted};

/// The most bytes of a word.
const WORD_BYTES_MAX: usize = 128;
/// The most digits of a number in a path or query.
const DIGITS_MAX: usize = 19;

/// Checks a text of this kind and gives it in its canonical form.
pub(super) fn check(file: &File, kind: Kind, text: &str) -> Result<String, Refusal> {
    let fits = match kind {
        Kind::Name | Kind::Zone | Kind::OtherZone => {
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
        // Ids and records of paths are read with the zone, which is not known here; the others
        // are no texts.
        Kind::ZoneId
        | Kind::RecordId
        | Kind::RecordName
        | Kind::RecordType
        | Kind::Integer
        | Kind::Number
        | Kind::Texts
        | Kind::Batch
        | Kind::Objects
        | Kind::Object
        | Kind::Map => false,
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
        Kind::Number => "a number",
        Kind::Texts => "a list of texts",
        Kind::Name | Kind::Zone | Kind::OtherZone => "a DNS name",
        Kind::Type | Kind::RecordType => "a record type",
        Kind::Address => "an IP address",
        Kind::Metadata => "a kind of metadata",
        Kind::Batch => "a list of rrsets",
        Kind::Objects => "a list of objects",
        Kind::Object => "an object",
        Kind::Map => "an object of texts",
        Kind::ZoneId | Kind::RecordId => "an id",
        Kind::RecordName => "a record's name",
    }
}

/// Whether this is one to 128 letters, digits and `. _ : -`.
fn is_word(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    (1..=WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

/// Whether this is one to nineteen digits without a leading zero.
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

/// Reads an absolute name that may have a last dot or not, which is the same name.
pub(super) fn name_perhaps_dotted(text: &str) -> Result<Name, Refusal> {
    let form = if text.ends_with('.') { NameForm::FqdnDot } else { NameForm::Fqdn };
    Name::parse(text, form).map_err(|error| bad_name(text, &error.to_string()))
}

/// Reads what the provider calls a record type.
pub(super) fn rtype_of(file: &File, word: &str) -> Result<RecordType, Refusal> {
    if file.types.is_empty() {
        return rtype(word);
    }
    let upper = word.to_ascii_uppercase();
    let known = file.types.iter().find(|(name, _)| name.to_ascii_uppercase() == upper);
    match known {
        Some((_, mnemonic)) => rtype(mnemonic),
        // A number that is not listed would be read as no type at all.
        None if word.bytes().all(|byte| byte.is_ascii_digit()) => Err(unknown_type(word)),
        None => rtype(word),
    }
}

/// Writes a record type as the provider calls it.
pub(super) fn write_rtype(file: &File, rtype: RecordType) -> String {
    let mnemonic = rtype.to_string();
    let mut known = file.types.iter().filter(|(_, known)| **known == mnemonic);
    known.next().map_or(mnemonic, |(word, _)| word.clone())
}

/// Reads an owner name in a zone.
///
/// SECURITY: a name that ends like the zone is completed all the same where names are relative,
/// because that is what the provider does (test `names_that_end_like_the_zone_are_completed`).
pub(super) fn owner(file: &File, names: &Names, zone: &Name, given: &str) -> Result<Name, Refusal> {
    let absolute = || name(file, None, given);
    let relative = || {
        if names.dot_absolute && given.ends_with('.') && !names.apex.iter().any(|one| one == given)
        {
            return Name::parse(given, NameForm::FqdnDot)
                .map_err(|error| bad_name(given, &error.to_string()));
        }
        let bare = names.tail.as_deref().and_then(|tail| given.strip_suffix(tail)).unwrap_or(given);
        // What says nothing stands behind a name or alone, never behind another word for the zone.
        let is_apex = |text: &str| names.apex.iter().any(|apex| apex == text);
        if is_apex(given) || (bare.is_empty() && is_apex(bare)) {
            return Ok(zone.clone());
        }
        // No relative name is empty: where that means the zone, it stands in `apex`.
        Name::parse_relative(bare, zone, "\0").map_err(|error| bad_name(given, &error.to_string()))
    };
    let read = match names.form {
        NamesForm::Absolute => absolute()?,
        NamesForm::Relative if given.is_empty() && !names.apex.iter().any(String::is_empty) => {
            return Err(bad_name(given, "it is empty"));
        }
        NamesForm::Relative => relative()?,
        NamesForm::Either if names.apex.iter().any(|apex| apex == given) => zone.clone(),
        NamesForm::Either => match absolute() {
            Ok(name) if name.is_below_or_equal(zone) => name,
            _ => relative()?,
        },
    };
    if !read.is_below_or_equal(zone) {
        return Err(bad_name(given, &format!("it is not in the zone {zone}")));
    }
    Ok(read)
}

/// Writes an owner name as the provider reads it; `given` is how the client wrote it.
pub(super) fn write_owner(
    file: &File,
    names: &Names,
    zone: &Name,
    name: &Name,
    given: Option<&str>,
) -> String {
    if names.form != NamesForm::Relative {
        return write_name(file, None, name);
    }
    let relative = name.relative_to(zone).unwrap_or_default();
    let tail = names.tail.as_deref().filter(|tail| given.is_some_and(|text| text.ends_with(*tail)));
    if name == zone {
        let kept = given.filter(|given| names.apex.iter().any(|apex| apex == given));
        let first = names.apex.first().map(String::as_str);
        return kept.or(first).unwrap_or_default().to_owned();
    }
    relative + tail.unwrap_or_default()
}

/// Whether a text has the form of an id.
pub(super) fn is_id(form: IdForm, text: &str) -> bool {
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match form {
        IdForm::Digits => is_long_digits(text),
        IdForm::Hex32 => text.len() == 32 && text.bytes().all(hex),
        IdForm::Uuid => {
            text.len() == 36
                && text.bytes().enumerate().all(|(at, byte)| match at {
                    8 | 13 | 18 | 23 => byte == b'-',
                    _ => hex(byte),
                })
        }
        IdForm::Word => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            (1..=64).contains(&text.len()) && text.bytes().all(plain)
        }
    }
}

/// Whether this is one to nineteen digits without a leading zero: an id, which fits in 64 bits.
fn is_long_digits(text: &str) -> bool {
    (1..=19).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0')
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
