//! Record types: one number for every spelling, none for what no zone holds.

use proptest::prelude::*;

use super::*;

#[test]
fn aliases_are_one_type() {
    for (spellings, number, shown) in [
        (&["NS", "ns", "Ns", "TYPE2", "type2", "TYPE0002", "Type00000000002"][..], 2, "NS"),
        (&["LUA", "lua", "TYPE65402", "TYPE065402"], 65402, "LUA"),
        (&["ALIAS", "TYPE65401"], 65401, "ALIAS"),
        (&["NSAP-PTR", "nsap-ptr", "TYPE23"], 23, "NSAP-PTR"),
        (&["TYPE65280", "type65280"], 65280, "TYPE65280"),
        (&["TYPE65534"], 65534, "TYPE65534"),
    ] {
        for text in spellings {
            let parsed = RecordType::parse(text).expect(text);
            assert_eq!((parsed.number(), parsed.to_string().as_str()), (number, shown), "{text}");
        }
    }
}

#[test]
fn meta_types() {
    for text in ["ANY", "any", "*", "AXFR", "IXFR", "MAILA", "MAILB", "OPT", "opt", "TSIG", "TKEY"]
    {
        assert_eq!(RecordType::parse(text), Err(TypeError::Meta), "{text}");
    }
    for number in (128..=255).chain([0, 41, 65535]) {
        let text = format!("TYPE{number}");
        assert_eq!(RecordType::parse(&text), Err(TypeError::Meta), "{text}");
        assert_eq!(RecordType::parse(&format!("TYPE000{number}")), Err(TypeError::Meta));
    }
}

#[test]
fn unknown_types() {
    for text in [
        "",
        "T",
        "TYPE",
        "TYPE-1",
        "TYPE+1",
        "TYPE 1",
        "TYPE1 ",
        " A",
        "A ",
        "TYPE1A",
        "TYPE0x1",
        "TYPE65536",
        "TYPE4294967298",
        "TYPE99999999999999999999999",
        "TXTT",
        "2",
        "OTHER",
        "A\0",
        "TYP\u{c9}1",
        "t\u{178}pe1",
        "TYPE\u{661}",
        "\u{17f}OA",
        "N\u{17f}",
        "DN\u{17f}KEY",
        "A,NS",
        "IN A",
    ] {
        assert_eq!(RecordType::parse(text), Err(TypeError::Unknown), "{text:?}");
    }
}

#[test]
fn the_table_is_one_to_one() {
    for (name, number) in RecordType::ALL_NAMED {
        let parsed = RecordType::parse(name).expect(name);
        assert_eq!(parsed.number(), *number, "{name}");
        assert_eq!(parsed.mnemonic(), Some(*name));
        assert_eq!(RecordType::from_number(*number), Ok(parsed));
        assert_eq!(name.to_ascii_uppercase(), *name);
    }
    let ordered = RecordType::ALL_NAMED.windows(2).all(|pair| pair[0].1 < pair[1].1);
    assert!(ordered, "numbers rise, so none is there twice");
}

#[test]
fn policies_call_a_type_without_mnemonic_other() {
    assert_eq!(RecordType::parse("type1").unwrap().policy_name(), "A");
    assert_eq!(RecordType::parse("TYPE65280").unwrap().policy_name(), RecordType::OTHER);
    assert!(!RecordType::ALL_NAMED.iter().any(|(name, _)| *name == RecordType::OTHER));
}

proptest! {
    #[test]
    fn what_is_displayed_reads_back(number in any::<u16>()) {
        if let Ok(parsed) = RecordType::from_number(number) {
            prop_assert_eq!(RecordType::parse(&parsed.to_string()), Ok(parsed));
            prop_assert_eq!(RecordType::parse(&format!("TYPE{number}")), Ok(parsed));
        } else {
            prop_assert_eq!(RecordType::parse(&format!("TYPE{number}")), Err(TypeError::Meta));
        }
    }

    #[test]
    fn case_never_matters(text in "[a-zA-Z0-9-]{0,10}|(TYPE|type|Type)[0-9]{0,6}") {
        let parsed = RecordType::parse(&text);
        prop_assert_eq!(RecordType::parse(&text.to_ascii_lowercase()), parsed);
        prop_assert_eq!(RecordType::parse(&text.to_ascii_uppercase()), parsed);
    }
}
