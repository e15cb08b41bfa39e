//! Any text as a name and as a record type: never a panic, and what is accepted is what was
//! written.
//!
//! Input: a name; behind a line end, if there is one, the zone that it may stand in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::record_type::RecordType;

fuzz_target!(|input: &str| {
    let (text, zone) = input.split_once('\n').unwrap_or((input, "example.com"));
    absolute(text);
    if let Ok(zone) = Name::parse(zone, NameForm::Fqdn) {
        relative(text, &zone);
    }
    if let Ok(rtype) = RecordType::parse(text) {
        assert_eq!(RecordType::parse(&rtype.to_string()), Ok(rtype));
        assert_eq!(RecordType::parse(&text.to_ascii_lowercase()), Ok(rtype));
        assert!(!matches!(rtype.number(), 0 | 41 | 128..=255 | 65535));
    }
});

/// An absolute name has one form, one value for every spelling, and labels of known octets.
fn absolute(text: &str) {
    let forms = [(NameForm::Fqdn, ""), (NameForm::FqdnDot, ".")];
    let read = forms.map(|(form, dot)| (Name::parse(text, form), dot));
    assert!(read.iter().filter(|(name, _)| name.is_ok()).count() < 2 || text == ".");
    for (name, dot) in read {
        let Ok(name) = name else { continue };
        let shown = if name.is_root() { ".".to_owned() } else { format!("{name}{dot}") };
        assert_eq!(shown, text.to_ascii_lowercase());
        assert_eq!(Name::parse(name.as_str(), NameForm::Fqdn).as_ref(), Ok(&name));
        assert_eq!(
            Name::parse(&name.to_text(NameForm::FqdnDot), NameForm::FqdnDot).as_ref(),
            Ok(&name)
        );
        assert!(name.as_str().len() <= 253);
        for (index, label) in name.labels().enumerate() {
            let known = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
            assert!((1..=63).contains(&label.len()));
            assert!(label.bytes().all(known) || (index == 0 && label == "*"));
        }
        assert_eq!(name.ancestors().count(), name.labels().count());
        let mut parent = name.parent();
        while let Some(above) = parent {
            assert!(name.is_below_or_equal(&above) && !above.is_below_or_equal(&name));
            parent = above.parent();
        }
    }
}

/// A relative name is below its zone, and reads back from what it is relative to it.
fn relative(text: &str, zone: &Name) {
    if let Ok(name) = Name::parse_relative(text, zone, "@") {
        let back = name.relative_to(zone).expect("it was made below this zone");
        assert_eq!(back, text.to_ascii_lowercase());
        assert_eq!(Name::parse(name.as_str(), NameForm::Fqdn), Ok(name));
    }
}
