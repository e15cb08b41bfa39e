//! What meets two literals at once.
//!
//! A universe is made of single literals, and a condition may ask for two together: a label that
//! begins with one text and ends with another, a name of a certain depth below a zone, an address in
//! one range and not in another. Who judges one policy alone can afford to try these too.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::record_type::RecordType;

use super::literals::Literals;
use super::{Universe, unique};

/// Texts of one attribute that are put together with one another.
const JOINED_MAX: usize = 12;
/// The deepest name that is made.
const DEPTH_MAX: i64 = 12;

impl Literals {
    /// Adds texts that meet two of the literals: joined ones, names with another first label, and
    /// names as deep as a number says.
    pub(super) fn meet(&mut self, policy: &Value) {
        let attributes: BTreeSet<String> = self.texts.iter().map(|(one, _)| one.clone()).collect();
        for attribute in attributes {
            let texts: Vec<String> =
                self.texts(&attribute).take(JOINED_MAX).map(str::to_owned).collect();
            for (one, other) in pairs(&texts, &texts) {
                self.texts.insert((attribute.clone(), format!("{one}{other}")));
            }
        }
        let of = |attribute: &str| -> Vec<String> {
            self.texts(attribute).take(4 * JOINED_MAX).map(str::to_owned).collect()
        };
        let (labels, relative, names) = (of("leftmost"), of("relative"), of("name"));
        let mut made: Vec<(&str, String)> = Vec::new();
        for (first, name) in pairs(&labels, &names).chain(pairs(&relative, &names)) {
            made.push(("name", format!("{first}.{name}")));
            made.extend(name.split_once('.').map(|(_, rest)| ("name", format!("{first}.{rest}"))));
        }
        for (first, text) in pairs(&labels, &relative) {
            made.extend(
                text.split_once('.').map(|(_, rest)| ("relative", format!("{first}.{rest}"))),
            );
        }
        if reads(policy, "depth") {
            for depth in self.near(DEPTH_MAX) {
                let fill = |number: usize| vec!["x"; number].join(".");
                made.push(("relative", fill(depth)));
                for text in labels.iter().chain(&relative) {
                    let missing = depth.saturating_sub(text.split('.').count());
                    if missing > 0 {
                        made.push(("relative", format!("{text}.{}", fill(missing))));
                        made.push(("relative", format!("{}.{text}", fill(missing))));
                    }
                }
            }
        }
        self.texts.extend(made.into_iter().map(|(attribute, text)| (attribute.to_owned(), text)));
    }

    /// The numbers and their neighbours, from one to a greatest.
    fn near(&self, most: i64) -> BTreeSet<usize> {
        let near = self
            .numbers
            .iter()
            .flat_map(|number| [number.saturating_sub(1), *number, number.saturating_add(1)]);
        { near }
            .filter(|number| (1..=most).contains(number))
            .filter_map(|number| usize::try_from(number).ok())
            .collect()
    }
}

impl Universe {
    /// Adds what meets two of the literals and is no text: types by number, values of any type, and
    /// the last address of each range beside its first.
    pub(super) fn meet(&mut self, bundle: &Bundle, literals: &Literals, policy: &Value) {
        if reads(policy, "type_number") {
            let numbers = literals.near(i64::from(u16::MAX)).into_iter();
            let types = numbers
                .filter_map(|number| RecordType::from_number(u16::try_from(number).ok()?).ok());
            self.types.extend(types);
            unique(&mut self.types);
        }
        self.values.extend(literals.texts("value").map(str::to_owned));
        let asked: Vec<IpAddr> = literals.calls("ip").filter_map(last).collect();
        self.record_addresses.extend(&asked);
        unique(&mut self.record_addresses);
        let ranges = bundle.networks.iter().flat_map(|network| &network.ranges);
        self.froms.extend(ranges.filter_map(|range| last(&range.to_string())));
        self.froms.extend(asked);
        unique(&mut self.froms);
    }
}

/// All pairs of two lists.
fn pairs<'a>(
    one: &'a [String],
    other: &'a [String],
) -> impl Iterator<Item = (&'a String, &'a String)> {
    one.iter().flat_map(move |left| other.iter().map(move |right| (left, right)))
}

/// Whether a policy reads an attribute of this name; true where it only mentions it.
pub(super) fn reads(policy: &Value, attribute: &str) -> bool {
    policy.to_string().contains(&format!("\"{attribute}\""))
}

/// The last address of a range.
fn last(range: &str) -> Option<IpAddr> {
    let (address, length) = range.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    match address.parse().ok()? {
        IpAddr::V4(first) => {
            let rest = u32::MAX.checked_shr(length).unwrap_or(0);
            Some(IpAddr::V4((u32::from(first) | rest).into()))
        }
        IpAddr::V6(first) => {
            let rest = u128::MAX.checked_shr(length).unwrap_or(0);
            Some(IpAddr::V6((u128::from(first) | rest).into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_where_it_ends() {
        for (range, end) in [
            ("10.0.0.0/8", Some("10.255.255.255")),
            ("192.0.2.7/32", Some("192.0.2.7")),
            ("0.0.0.0/0", Some("255.255.255.255")),
            ("2001:db8::/64", Some("2001:db8::ffff:ffff:ffff:ffff")),
            ("192.0.2.7", None),
        ] {
            let end: Option<IpAddr> = end.map(|text| text.parse().unwrap());
            assert_eq!(last(range), end, "{range}");
        }
    }
}
