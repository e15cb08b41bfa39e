//! Networks: what a range contains, and every wrong one.

use proptest::prelude::*;

use super::*;
use crate::settings::tests::{accepted, refused, warned};

/// A file with one network `n` of these ranges.
fn file(ranges: &str) -> String {
    format!("[network.n]\ndescription = \"d\"\nranges = [{ranges}]\n")
}

/// The networks of a file that must be right.
fn networks(text: &str) -> Networks {
    accepted(Networks::parse("networks.toml", text))
}

/// An address.
fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

#[test]
fn an_address_is_in_the_ranges_that_contain_it() {
    for (ranges, inside, outside) in [
        ("'192.0.2.0/24'", vec!["192.0.2.0", "192.0.2.255"], vec!["192.0.1.255", "192.0.3.0"]),
        ("'192.0.2.64/26'", vec!["192.0.2.64", "192.0.2.127"], vec!["192.0.2.63", "192.0.2.128"]),
        ("'192.0.2.7'", vec!["192.0.2.7", "::ffff:192.0.2.7"], vec!["192.0.2.6", "192.0.2.8"]),
        ("'192.0.2.7/32'", vec!["192.0.2.7"], vec!["::c000:207", "::192.0.2.7"]),
        ("'10.0.0.0/8', '172.16.0.0/12'", vec!["10.255.0.1", "172.31.0.1"], vec!["172.32.0.0"]),
        ("'2001:db8::/32'", vec!["2001:db8::", "2001:db8:ffff::1"], vec!["2001:db9::", "1.2.3.4"]),
        ("'2001:db8::1'", vec!["2001:db8::1"], vec!["2001:db8::2", "2001:db8::"]),
        ("'2001:db8::/127'", vec!["2001:db8::1"], vec!["2001:db8::2"]),
    ] {
        let networks = networks(&file(ranges));
        for address in inside {
            assert_eq!(networks.containing(ip(address)), ["n"], "{ranges} {address}");
        }
        for address in outside {
            assert!(networks.containing(ip(address)).is_empty(), "{ranges} {address}");
        }
    }
}

#[test]
fn all_networks_that_contain_an_address_are_named_in_the_order_of_the_file() {
    let text = "[network.z]\ndescription = 'd'\nranges = ['10.0.0.0/8']\n\
                [network.a]\ndescription = 'd'\nranges = ['10.1.0.0/16']\n";
    let networks = networks(text);
    assert_eq!(networks.names(), ["z", "a"]);
    assert_eq!(networks.containing(ip("10.1.2.3")), ["z", "a"]);
    assert_eq!(networks.containing(ip("10.2.2.3")), ["z"]);
}

#[test]
fn every_wrong_range_is_explained() {
    for (range, message, help) in [
        ("'192.0.2.1/24'", "whose address is not the first", "write `192.0.2.0/24`"),
        ("'2001:db8::1/32'", "whose address is not the first", "write `2001:db8::/32`"),
        ("'1.0.0.0/0'", "whose address is not the first", "write `0.0.0.0/0`"),
        ("'::ffff:192.0.2.0/120'", "IPv4 written as IPv6", "192.0.2.0/24"),
        ("'192.0.2.0/33'", "that is none", "an address and a prefix"),
        ("'2001:db8::/129'", "that is none", "an address and a prefix"),
        ("'192.0.2.0/'", "that is none", ""),
        ("'192.0.2.0/+8'", "that is none", ""),
        ("'192.0.2.0/024'", "that is none", ""),
        ("'192.0.2.0/24 '", "that is none", ""),
        ("'192.0.2.0/255.255.255.0'", "that is none", ""),
        ("'192.0.2'", "that is none", ""),
        ("'192.0.02.0/24'", "that is none", ""),
        ("'192.0.2.*'", "that is none", ""),
        ("'fe80::1%eth0'", "that is none", ""),
        ("'office.example.com'", "that is none", ""),
        ("''", "that is none", ""),
        ("24", "has a number in `ranges`", "ranges = "),
        ("", "has no `ranges`", "ranges = ["),
    ] {
        let text = file(range);
        let line = if range.is_empty() { 1 } else { 3 };
        refused(Networks::parse("networks.toml", &text), &text, line, message, help);
    }
}

#[test]
fn every_other_mistake_is_explained() {
    for (text, line, message, help) in [
        (
            "[network.n]\nranges = ['10.0.0.0/8']",
            1,
            "the network `n` has no `description`",
            "whose",
        ),
        ("[network.n]\ndescription = 'd'", 1, "the network `n` has no `ranges`", "ranges = ["),
        ("[network.N]\ndescription = 'd'\nranges = ['10.0.0.0/8']", 1, "bad name", "lower case"),
        ("[networks.n]", 1, "unknown field `networks`", "did you mean `network`?"),
        (
            "\n\n[network.n]\ndescription = 'd'\nrange = []\nranges = ['::1']",
            5,
            "unknown field `range`",
            "`ranges`",
        ),
    ] {
        refused(Networks::parse("networks.toml", text), text, line, message, help);
    }
}

#[test]
fn doubtful_ranges_are_warned_of() {
    for (ranges, message) in [
        ("'0.0.0.0/0'", "has the range `0.0.0.0/0`"),
        ("'::/0'", "has the range `::/0`"),
        ("'10.0.0.0/8', '10.1.0.0/16'", "one of which is inside the other"),
        ("'10.1.0.0/16', '10.0.0.0/8'", "one of which is inside the other"),
    ] {
        let text = file(ranges);
        warned(Networks::parse("networks.toml", &text), &text, 3, message, "");
    }
}

#[test]
fn a_bundle_keeps_the_networks() {
    let before = networks(&file("'192.0.2.7', '2001:db8::/32'"));
    let json = serde_json::to_string(&before).expect("JSON");
    assert!(json.contains(r#"["192.0.2.7/32","2001:db8::/32"]"#), "{json}");
    assert_eq!(serde_json::from_str::<Networks>(&json).expect("networks"), before);
    for bad in [r#"[{"name":"n","description":"d","ranges":["10.0.0.1/8"]}]"#, "[{}]", "{}"] {
        assert!(serde_json::from_str::<Networks>(bad).is_err(), "{bad}");
    }
}

proptest! {
    /// A range of either family contains exactly the addresses that share its leading bits.
    #[test]
    fn a_range_is_its_leading_bits(first: u128, other: u128, v6: bool, prefix in 0_u8..=128) {
        let width = if v6 { 128 } else { 32 };
        let prefix = prefix.min(width);
        let address = |bits: u128| if v6 {
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        } else {
            IpAddr::V4(((bits & 0xffff_ffff) as u32).into())
        };
        let (first, other) = (address(first), address(other));
        let (a, b) = (number(first).0, number(other).0);
        let masked = match Range::parse(&format!("{first}/{prefix}")) {
            Ok(range) | Err(RangeError::HostBits(range)) => range,
            Err(error) => { prop_assume!(error != RangeError::Mapped); panic!("{error:?}") }
        };
        let same = (0..u32::from(prefix)).all(|bit| {
            let at = u32::from(width) - 1 - bit;
            (a >> at) & 1 == (b >> at) & 1
        });
        prop_assert_eq!(masked.contains(other), same);
        prop_assert!(masked.contains(first));
        prop_assert_eq!(Range::parse(&masked.to_string()), Ok(masked));
    }

    /// No text makes the reader panic.
    #[test]
    fn any_text_is_read_or_refused(text in r#"(\[network\.[a-z]\]\n|ranges = \["[0-9a-f:./]{0,20}"\]\n|.{0,10}\n){0,6}"#) {
        let _ = Networks::parse("networks.toml", &text);
    }
}
