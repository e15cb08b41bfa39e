//! Record values as policies see them: one spelling for one value.
//!
//! DNS compares names without regard to case, and an address has several spellings; a rule about
//! a value must not be evaded by another spelling of it. What is forwarded stays as it was
//! written; only what policies and patterns read is brought into one form:
//!
//! | type | form |
//! |---|---|
//! | A, AAAA | the canonical text of the address |
//! | TXT, SPF | the text itself: character strings joined, without quotes and escapes |
//! | types whose value ends in a name | lower case, the last name without its trailing dot |
//! | all others | as written |

use std::net::IpAddr;

use crate::record_type::RecordType;

/// Types that hold one character string or several.
const TEXTS: [&str; 2] = ["TXT", "SPF"];
/// Types whose value is a name, or ends in one.
const NAMES: [&str; 12] =
    ["NS", "CNAME", "DNAME", "PTR", "ALIAS", "MX", "SRV", "AFSDB", "KX", "RT", "NSAP-PTR", "MB"];

/// A value in the form that policies see.
pub fn canonical(rtype: RecordType, value: &str) -> String {
    let mnemonic = rtype.mnemonic().unwrap_or_default();
    if let Some(address) = address(rtype, value) {
        address.to_string()
    } else if TEXTS.contains(&mnemonic) {
        unquoted(value).unwrap_or_else(|| value.to_owned())
    } else if NAMES.contains(&mnemonic) {
        let lower = value.to_ascii_lowercase();
        lower.strip_suffix('.').map_or(lower.clone(), str::to_owned)
    } else {
        value.to_owned()
    }
}

/// The address of an A or AAAA value, if it is one.
///
/// SECURITY: an AAAA value that maps an IPv4 address stays IPv6, because that is what resolvers
/// will use; only a client's address is folded.
pub fn address(rtype: RecordType, value: &str) -> Option<IpAddr> {
    match value.parse::<IpAddr>().ok()? {
        address @ IpAddr::V4(_) if rtype == RecordType::A => Some(address),
        address @ IpAddr::V6(_) if rtype == RecordType::AAAA => Some(address),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// The text of quoted character strings, joined; `None` where it is not just that.
fn unquoted(value: &str) -> Option<String> {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    loop {
        match chars.next() {
            None => return Some(text),
            Some(' ') => {}
            Some('"') => loop {
                match chars.next()? {
                    '"' => break,
                    '\\' => text.push(escaped(&mut chars)?),
                    plain => text.push(plain),
                }
            },
            Some(_) => return None,
        }
    }
}

/// The character behind a backslash: itself, or the octet of three digits (RFC 1035, 5.1).
///
/// SECURITY: the digits of `\200` are not text; a rule about letters and digits would take an
/// octet for three of them (case `an octet is not the three digits that spell it`).
fn escaped(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let first = chars.next()?;
    let Some(mut octet) = first.to_digit(10) else { return Some(first) };
    for _ in 0..2 {
        octet = octet * 10 + chars.next()?.to_digit(10)?;
    }
    u8::try_from(octet).ok().map(char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The canonical form of a value of a type given by its mnemonic.
    fn form(rtype: &str, value: &str) -> String {
        canonical(RecordType::parse(rtype).unwrap(), value)
    }

    #[test]
    fn one_value_has_one_form() {
        for (rtype, value, expected) in [
            ("A", "192.0.2.1", "192.0.2.1"),
            ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
            ("AAAA", "::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("TXT", "\"tok\"", "tok"),
            ("TXT", "\"a b\" \"c\"", "a bc"),
            ("TXT", "\"say \\\"hi\\\"\"", "say \"hi\""),
            ("TXT", "\"caf\\233\"", "caf\u{e9}"),
            ("TXT", "\"a\\\\b\"", "a\\b"),
            ("TXT", "\"\\999\"", "\"\\999\""),
            ("TXT", "bare", "bare"),
            ("CNAME", "Target.Example.NET.", "target.example.net"),
            ("MX", "10 Mail.example.com.", "10 mail.example.com"),
            ("CAA", "0 issue \"ca.example\"", "0 issue \"ca.example\""),
        ] {
            assert_eq!(form(rtype, value), expected, "{rtype} {value}");
        }
    }

    #[test]
    fn an_address_is_one_of_its_type_only() {
        assert_eq!(address(RecordType::A, "2001:db8::1"), None);
        assert_eq!(address(RecordType::AAAA, "192.0.2.1"), None);
        assert_eq!(address(RecordType::NS, "192.0.2.1"), None);
    }
}
