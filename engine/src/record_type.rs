//! Record types as numbers.
//!
//! A type has one number and may have many spellings: `NS`, `ns`, `TYPE2` and `TYPE0002` are one
//! type, so policies compare numbers and speak the one mnemonic. Types that are no data of a
//! zone (`ANY`, `AXFR`, `OPT`, ...) are refused here, by name or number, so that no operation can
//! be about them: a provider may take a deletion of `ANY` for a deletion of everything.

use std::fmt;

#[cfg(test)]
mod tests;

/// A type of records that a zone can hold; never a meta type or a query type.
///
/// INVARIANT: the number passes [`is_data`]; only [`RecordType::parse`] and
/// [`RecordType::from_number`] make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(u16);

/// Why a text is not a record type that this gate accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeError {
    /// Neither a mnemonic of the table nor `TYPE` and a number of 16 bits.
    Unknown,
    /// A type that questions or messages have, and no zone holds.
    Meta,
}

/// Mnemonics of types that no zone holds (IANA "DNS Parameters", Q-types and meta types), and
/// `ENT`, which PowerDNS uses for names without records.
const META: &[&str] =
    &["ANY", "AXFR", "IXFR", "MAILA", "MAILB", "OPT", "TKEY", "TSIG", "NXNAME", "ENT", "*"];

/// What `TYPEnnn` begins with (RFC 3597, 5).
const NUMBERED: &str = "TYPE";

impl RecordType {
    /// Every type with a mnemonic, by number: the closed list that policies speak.
    ///
    /// Source: <https://www.iana.org/assignments/dns-parameters> (resource record TYPEs), and the
    /// private types of <https://doc.powerdns.com/authoritative/appendices/types.html>.
    pub const ALL_NAMED: &'static [(&'static str, u16)] = &[
        ("A", 1),
        ("NS", 2),
        ("MD", 3),
        ("MF", 4),
        ("CNAME", 5),
        ("SOA", 6),
        ("MB", 7),
        ("MG", 8),
        ("MR", 9),
        ("NULL", 10),
        ("WKS", 11),
        ("PTR", 12),
        ("HINFO", 13),
        ("MINFO", 14),
        ("MX", 15),
        ("TXT", 16),
        ("RP", 17),
        ("AFSDB", 18),
        ("X25", 19),
        ("ISDN", 20),
        ("RT", 21),
        ("NSAP", 22),
        ("NSAP-PTR", 23),
        ("SIG", 24),
        ("KEY", 25),
        ("PX", 26),
        ("GPOS", 27),
        ("AAAA", 28),
        ("LOC", 29),
        ("NXT", 30),
        ("EID", 31),
        ("NIMLOC", 32),
        ("SRV", 33),
        ("ATMA", 34),
        ("NAPTR", 35),
        ("KX", 36),
        ("CERT", 37),
        ("A6", 38),
        ("DNAME", 39),
        ("SINK", 40),
        ("APL", 42),
        ("DS", 43),
        ("SSHFP", 44),
        ("IPSECKEY", 45),
        ("RRSIG", 46),
        ("NSEC", 47),
        ("DNSKEY", 48),
        ("DHCID", 49),
        ("NSEC3", 50),
        ("NSEC3PARAM", 51),
        ("TLSA", 52),
        ("SMIMEA", 53),
        ("HIP", 55),
        ("NINFO", 56),
        ("RKEY", 57),
        ("TALINK", 58),
        ("CDS", 59),
        ("CDNSKEY", 60),
        ("OPENPGPKEY", 61),
        ("CSYNC", 62),
        ("ZONEMD", 63),
        ("SVCB", 64),
        ("HTTPS", 65),
        ("DSYNC", 66),
        ("HHIT", 67),
        ("BRID", 68),
        ("SPF", 99),
        ("UINFO", 100),
        ("UID", 101),
        ("GID", 102),
        ("UNSPEC", 103),
        ("NID", 104),
        ("L32", 105),
        ("L64", 106),
        ("LP", 107),
        ("EUI48", 108),
        ("EUI64", 109),
        ("URI", 256),
        ("CAA", 257),
        ("AVC", 258),
        ("DOA", 259),
        ("AMTRELAY", 260),
        ("RESINFO", 261),
        ("WALLET", 262),
        ("CLA", 263),
        ("IPN", 264),
        ("TA", 32768),
        ("DLV", 32769),
        ("ALIAS", 65401),
        ("LUA", 65402),
    ];

    /// What policies call every type without a mnemonic.
    pub const OTHER: &'static str = "OTHER";
    /// An IPv4 address.
    pub const A: RecordType = RecordType(1);
    /// A delegation, or the zone's own name servers.
    pub const NS: RecordType = RecordType(2);
    /// An IPv6 address.
    pub const AAAA: RecordType = RecordType(28);
    /// `TXT`.
    pub const TXT: RecordType = RecordType(16);
    /// `SPF`, a text like `TXT`.
    pub const SPF: RecordType = RecordType(99);

    /// Reads a mnemonic in any case, or `TYPE` and a decimal number, leading zeros allowed.
    ///
    /// SECURITY: one table for both spellings, so that `TYPE65402` is judged as the `LUA` that
    /// it is (test `aliases_are_one_type`), and meta types have no spelling (test `meta_types`).
    pub fn parse(text: &str) -> Result<RecordType, TypeError> {
        let named = |(name, _): &&(&str, u16)| name.eq_ignore_ascii_case(text);
        if let Some((_, number)) = Self::ALL_NAMED.iter().find(named) {
            return Ok(RecordType(*number));
        }
        if META.iter().any(|name| name.eq_ignore_ascii_case(text)) {
            return Err(TypeError::Meta);
        }
        let (prefix, digits) = text.split_at_checked(NUMBERED.len()).ok_or(TypeError::Unknown)?;
        let numbered = prefix.eq_ignore_ascii_case(NUMBERED)
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !numbered {
            return Err(TypeError::Unknown);
        }
        RecordType::from_number(digits.parse().map_err(|_| TypeError::Unknown)?)
    }

    /// The type with this number.
    pub fn from_number(number: u16) -> Result<RecordType, TypeError> {
        if is_data(number) { Ok(RecordType(number)) } else { Err(TypeError::Meta) }
    }

    /// The type's number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The type's mnemonic, upper case, if it has one.
    pub fn mnemonic(self) -> Option<&'static str> {
        Self::ALL_NAMED.iter().find(|(_, number)| *number == self.0).map(|(name, _)| *name)
    }

    /// What policies call the type: its mnemonic, or [`RecordType::OTHER`].
    pub fn policy_name(self) -> &'static str {
        self.mnemonic().unwrap_or(Self::OTHER)
    }
}

/// Whether a zone can hold records of the type with this number.
///
/// 0 and 65535 are reserved, 41 is OPT, 128 to 255 are for questions and messages (RFC 6895, 3.1).
fn is_data(number: u16) -> bool {
    !matches!(number, 0 | 41 | 128..=255 | u16::MAX)
}

/// The mnemonic, or `TYPE` and the number.
impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(name) => f.write_str(name),
            None => write!(f, "{NUMBERED}{}", self.0),
        }
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TypeError::Unknown => {
                "no record type has this name; types without one are written `TYPE` and a number"
            }
            TypeError::Meta => "this type is for questions and messages; no zone holds it",
        })
    }
}

impl std::error::Error for TypeError {}
