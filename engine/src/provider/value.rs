//! Record values: printable, and written in the one way that the provider would write them.
//!
//! Policies compare values as texts. Where a provider reads two texts as one value (`\065` as
//! `A`, two blanks as one), the second text is a way around every rule about the first, so only
//! the plain one is accepted.

use crate::decision::Reason;

use super::file::{Batch, Texts};
use super::refusal::{Refusal, quoted};
use crate::record_type::RecordType;

/// The most bytes of a value; RDATA has at most 65,535 octets, a `\DDD` is four for one.
const VALUE_BYTES_MAX: usize = 4 * 65_535;

/// Checks a record's value.
///
/// SECURITY: a control character comes out of an export or a log as a line of its own, escaped
/// or not (test `values_that_are_not_plain_are_refused`).
pub(super) fn check(value: &str) -> Result<(), Refusal> {
    match problem(value) {
        None => Ok(()),
        Some(why) => Err(Refusal::new(
            Reason::ValueNotUnderstood,
            format!("record value {}: {why}", quoted(value)),
        )),
    }
}

/// Checks a record's value as this batch writes it.
pub(super) fn check_of(batch: &Batch, rtype: RecordType, value: &str) -> Result<(), Refusal> {
    if batch.texts == Texts::Raw && matches!(rtype, RecordType::TXT | RecordType::SPF) {
        return check_raw(value);
    }
    check(value)
}

/// A value in presentation form, as policies read it; `raw` is how the API writes it.
///
/// SECURITY: where quotes are part of a text, they are escaped, so that a policy does not read them
/// away (case `raw-quotes-are-part-of-a-text`).
pub(super) fn present(batch: &Batch, rtype: RecordType, raw: String) -> String {
    let is_text = matches!(rtype, RecordType::TXT | RecordType::SPF);
    if batch.texts != Texts::Raw || !is_text || !raw.contains(['"', '\\']) {
        return raw;
    }
    let mut out = String::with_capacity(raw.len() + 4);
    out.push('"');
    for c in raw.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// Checks a text that the provider takes as it is: quotes and backslashes mean nothing.
fn check_raw(value: &str) -> Result<(), Refusal> {
    let why = if value.is_empty() {
        "it is empty"
    } else if value.len() > VALUE_BYTES_MAX {
        "it is too long"
    } else if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        "it has characters that are not printable ASCII"
    } else {
        return Ok(());
    };
    let detail = format!("record value {}: {why}", quoted(value));
    Err(Refusal::new(Reason::ValueNotUnderstood, detail))
}

/// What is wrong with a value, if anything is.
fn problem(value: &str) -> Option<&'static str> {
    if value.is_empty() {
        return Some("it is empty");
    }
    if value.len() > VALUE_BYTES_MAX {
        return Some("it is too long");
    }
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Some("it has characters that are not printable ASCII");
    }
    if value.starts_with(' ') || value.ends_with(' ') {
        return Some("it begins or ends with a blank");
    }
    let (mut in_quotes, mut after_blank) = (false, false);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let blank = c == ' ' && !in_quotes;
        if blank && after_blank {
            return Some("it has two blanks in a row outside quotes");
        }
        after_blank = blank;
        match c {
            '"' => in_quotes = !in_quotes,
            '\\' => {
                if let Some(why) = escape_problem(&mut chars) {
                    return Some(why);
                }
            }
            _ => {}
        }
    }
    in_quotes.then_some("a quote is not closed")
}

/// What is wrong with the escape behind a backslash, if anything is.
fn escape_problem(chars: &mut std::str::Chars<'_>) -> Option<&'static str> {
    const MALFORMED: Option<&str> = Some("a backslash is not followed by a sign or three digits");
    const NEEDLESS: Option<&str> = Some("a character is escaped that need not be");
    let Some(first) = chars.next() else { return MALFORMED };
    if first.is_ascii_alphabetic() {
        return NEEDLESS;
    }
    let mut octet = first.to_digit(10)?;
    for _ in 0..2 {
        let Some(digit) = chars.next().and_then(|c| c.to_digit(10)) else { return MALFORMED };
        octet = octet * 10 + digit;
    }
    match u8::try_from(octet) {
        Err(_) => MALFORMED,
        Ok(0..=31 | 127) => Some("it has an escaped control character"),
        Ok(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.') => NEEDLESS,
        Ok(_) => None,
    }
}
