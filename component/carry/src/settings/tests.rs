//! What is missing, or said twice, is told; a bundle is read last, so these need none.

use super::*;

/// The settings, each with a value, but for the bundle's file, which is not there.
const ALL: [(&str, &str); 6] = [
    ("BUNDLE", "/nowhere"),
    ("PROVIDER", "powerdns"),
    ("ACCOUNT", "main"),
    ("UPSTREAM", "https://api.example.net/"),
    ("CREDENTIAL", "X-API-Key: secret"),
    ("CLIENT", "127.0.0.1"),
];

/// What is wrong with them, after a change: a name and its value, or none where it is not set.
fn problem(behind: Behind, change: (&str, Option<&str>)) -> String {
    let variable = |name: &str| {
        if name == change.0 {
            return change.1.map(str::to_owned);
        }
        ALL.iter().find(|(each, _)| *each == name).map(|(_, value)| (*value).to_owned())
    };
    Settings::read(behind, variable).err().unwrap_or_default()
}

#[test]
fn what_is_missing_is_told() {
    for name in ["BUNDLE", "PROVIDER", "ACCOUNT", "UPSTREAM"] {
        assert_eq!(problem(Behind::Handler, (name, None)), format!("{name} is not set"));
    }
    let neither = "neither CLIENT nor CLIENT_HEADER is set";
    assert_eq!(problem(Behind::Handler, ("CLIENT", None)), neither);
    let both = "CLIENT and CLIENT_HEADER are both set";
    assert_eq!(problem(Behind::Handler, ("CLIENT_HEADER", Some("x"))), both);
}

#[test]
fn only_a_handler_may_have_the_credential_instead() {
    let missing = ("CREDENTIAL", None);
    assert_eq!(problem(Behind::Provider, missing), "CREDENTIAL is not set");
    assert!(problem(Behind::Handler, missing).starts_with("BUNDLE=/nowhere: "));
    let none = ("CREDENTIAL", Some("secret"));
    assert_eq!(problem(Behind::Handler, none), "CREDENTIAL is no header");
}

#[test]
fn an_origin_is_an_origin() {
    let upstream = |text| problem(Behind::Provider, ("UPSTREAM", Some(text)));
    assert_eq!(upstream("api.example.net"), "UPSTREAM is no origin");
    assert_eq!(upstream("ftp://a"), "UPSTREAM is neither http:// nor https://");
}
