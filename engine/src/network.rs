//! Named networks, `networks.toml`: a name for a list of address ranges.
//!
//! ```toml
//! [network.office]
//! description = "the office in Utrecht"
//! ranges = ["192.0.2.0/24", "2001:db8:12::/48"]
//! ```
//!
//! Keys and policies speak of networks by name, so that an office that moves is one change.
//! An IPv4 client that reaches an IPv6 socket arrives as `::ffff:192.0.2.1`; it is folded to IPv4
//! first, so that a range means the same on every listener.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::problem::Problem;
use crate::settings::{At, Section, Source, printable};

/// The address with an IPv4-mapped IPv6 address folded to IPv4.
pub fn canonical_ip(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// A range of addresses, such as `192.0.2.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first address; its bits behind the prefix are zero.
    first: IpAddr,
    /// How many bits are fixed: 0 to 32, or 0 to 128.
    prefix_bits: u8,
}

/// Why a text is not a range.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RangeError {
    /// It is not an address, or its prefix is not a number that fits.
    Form,
    /// Bits behind the prefix are set; this range has them cleared.
    HostBits(Range),
    /// It is written as IPv4 inside IPv6, which no client's address ever is here.
    Mapped,
}

/// The address as a number and its width in bits.
fn number(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

/// Keeps the leading bits of a number of this width.
fn mask(number: u128, width: u8, prefix_bits: u8) -> u128 {
    let host_bits = u32::from(width.saturating_sub(prefix_bits));
    let Some(cleared) = number.checked_shr(host_bits) else { return 0 };
    cleared.checked_shl(host_bits).unwrap_or(0)
}

impl Range {
    /// Whether the range has this address, which must be canonical.
    fn contains(&self, address: IpAddr) -> bool {
        let (first, width) = number(self.first);
        let (address, address_width) = number(address);
        // INVARIANT: families never match each other, whatever the numbers are.
        width == address_width && mask(address, width, self.prefix_bits) == first
    }

    /// Whether every address of the other range is in this one.
    fn covers(&self, other: &Range) -> bool {
        self.prefix_bits <= other.prefix_bits && self.contains(other.first)
    }

    /// Reads `address/prefix`, or one address alone.
    fn parse(text: &str) -> Result<Range, RangeError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first = IpAddr::from_str(address).map_err(|_| RangeError::Form)?;
        if let IpAddr::V6(v6) = first
            && v6.to_ipv4_mapped().is_some()
        {
            return Err(RangeError::Mapped);
        }
        let (bits, width) = number(first);
        let prefix_bits = match prefix {
            None => width,
            Some(digits) => {
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
                let leading_zero = digits.len() > 1 && digits.starts_with('0');
                let prefix_bits = digits.parse::<u8>().ok();
                let fits = prefix_bits.filter(|bits| plain && !leading_zero && *bits <= width);
                fits.ok_or(RangeError::Form)?
            }
        };
        let masked = mask(bits, width, prefix_bits);
        if masked == bits {
            return Ok(Range { first, prefix_bits });
        }
        let first = match first {
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(masked).unwrap_or_default().into()),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(masked)),
        };
        Err(RangeError::HostBits(Range { first, prefix_bits }))
    }
}

/// The form `address/prefix`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_bits)
    }
}

/// Written as its text.
impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Read from its text.
impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Range::parse(&text).map_err(|_| serde::de::Error::custom("not a range of addresses"))
    }
}

/// One named network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Its name, as policies and keys use it.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Its ranges; never empty.
    pub ranges: Vec<Range>,
}

/// All named networks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Reads `networks.toml`; gives the networks and what is doubtful, or everything wrong.
    pub fn parse(file: &str, text: &str) -> Result<(Networks, Vec<Problem>), Vec<Problem>> {
        let source = Source::new(file, text);
        let tree = source.tree();
        let root = source.root(&tree);
        let named = root.named("network").into_iter();
        let networks = named.map(|(name, section)| read_network(name.value, section)).collect();
        root.done();
        source.finish(Networks(networks))
    }

    /// The names of the networks that have this address, in the order of the file.
    pub fn containing(&self, address: IpAddr) -> Vec<&str> {
        let address = canonical_ip(address);
        let inside = self
            .0
            .iter()
            .filter(|network| network.ranges.iter().any(|range| range.contains(address)));
        inside.map(|network| network.name.as_str()).collect()
    }

    /// Every network, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Network> {
        self.0.iter()
    }

    /// The names, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|network| network.name.clone()).collect()
    }
}

/// Reads one network.
fn read_network(name: String, section: Section<'_, '_>) -> Network {
    let description = section.required_text("description", "say whose addresses these are");
    let mut ranges: Vec<Range> = Vec::new();
    let texts = section.texts("ranges");
    if !section.has("ranges") || section.is_empty_list("ranges") {
        let help = "list its ranges, as ranges = [\"192.0.2.0/24\", \"2001:db8::/32\"]";
        section.problem(section.offset(), "has no `ranges`", help);
    }
    for text in texts.unwrap_or_default() {
        let Some(range) = read_range(&section, &text) else { continue };
        if let Some(other) = ranges.iter().find(|one| one.covers(&range) || range.covers(one)) {
            let message = format!("has `{range}` and `{other}`, one of which is inside the other");
            section.warning("nested-ranges", text.offset, message, "remove the smaller one");
        }
        if range.prefix_bits == 0 {
            let help = "is that meant? Every address of that family is in this network";
            let message = format!("has the range `{range}`");
            section.warning("network-of-everything", text.offset, message, help);
        }
        ranges.push(range);
    }
    section.allows();
    section.done();
    let description = description.map(|text| text.value).unwrap_or_default();
    Network { name, description, ranges }
}

/// Reads one range, or says what is wrong with it.
fn read_range(section: &Section<'_, '_>, text: &At<String>) -> Option<Range> {
    let shown = printable(&text.value);
    let (message, help) = match Range::parse(&text.value) {
        Ok(range) => return Some(range),
        Err(RangeError::Form) => (
            format!("has a range `{shown}` that is none"),
            "write an address and a prefix, such as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7/32"
                .to_owned(),
        ),
        Err(RangeError::HostBits(range)) => (
            format!("has the range `{shown}`, whose address is not the first of the range"),
            format!("write `{range}` for the whole range, or a longer prefix for fewer addresses"),
        ),
        Err(RangeError::Mapped) => (
            format!("has the range `{shown}`, which is IPv4 written as IPv6"),
            "write it as IPv4, such as 192.0.2.0/24: clients' addresses are folded to IPv4"
                .to_owned(),
        ),
    };
    section.problem(text.offset, message, help);
    None
}

#[cfg(test)]
mod tests;
