//! Questions of the gate's own, and what may answer them.

use super::{plan, powerdns};
use crate::decision::Reason;
use crate::name::{Name, NameForm};
use crate::provider::{Found, Lookup, Purpose};

/// The question for the values of `a.example.com TXT`.
fn question() -> Lookup {
    let body = r#"{"rrsets":[{"name":"a.example.com.","type":"TXT","changetype":"DELETE"}]}"#;
    let planned = plan("PATCH", "/zones/example.com.", body).unwrap();
    powerdns().lookups_for_values(planned.operations.first().unwrap()).unwrap()
}

#[test]
fn values_are_asked_for_by_zone_name_and_type() {
    assert_eq!(
        question().path,
        "/api/v1/servers/localhost/zones/example.com.?rrset_name=a.example.com.&rrset_type=TXT"
    );
    let body = r#"{"rrsets":[{"name":"*.b_c.example.","type":"TXT","changetype":"DELETE"}]}"#;
    let planned = plan("PATCH", "/zones/b_c.example.", body).unwrap();
    let asked = powerdns().lookups_for_values(planned.operations.get(1).unwrap()).unwrap();
    assert_eq!(
        asked.path,
        "/api/v1/servers/localhost/zones/b=5Fc.example.?rrset_name=%2A.b_c.example.&rrset_type=TXT"
    );
    assert!(powerdns().lookups_for_values(planned.operations.first().unwrap()).is_none());
}

#[test]
fn the_real_server_s_answers_are_understood() {
    // 4.7.3 lists the comments of other names too.
    let answer = r#"{"account": "", "name": "example.com.", "rrsets": [
        {"comments": [{"account": "me", "content": "other", "modified_at": 1}], "name": "b.example.com.", "records": [], "ttl": 0, "type": "TXT"},
        {"comments": [], "name": "A.example.com.", "records": [{"content": "\"x\"", "disabled": false}, {"content": "\"y\"", "disabled": true}], "ttl": 60, "type": "TXT"}]}"#;
    let found = powerdns().read_answer(&question(), 200, answer.as_bytes());
    assert_eq!(found, Ok(Found::Values(vec!["\"x\"".to_owned(), "\"y\"".to_owned()])));
    let nothing = br#"{"name": "example.com.", "rrsets": []}"#;
    assert_eq!(powerdns().read_answer(&question(), 200, nothing), Ok(Found::Values(Vec::new())));
}

#[test]
fn strange_answers_are_not_understood() {
    for answer in [
        "",
        "[]",
        "<html>",
        r#"{"rrsets":[]}"#,
        r#"{"name":"example.com."}"#,
        r#"{"name":"other.com.","rrsets":[]}"#,
        r#"{"name":"example.com.","rrsets":{}}"#,
        r#"{"name":"example.com.","rrsets":[]} x"#,
        r#"{"name":"example.com.","name":"example.com.","rrsets":[]}"#,
        r#"{"name":"example.com.","rrsets":[5]}"#,
        r#"{"name":"example.com.","rrsets":[{"name":"a.example.com.","type":"TXT"}]}"#,
        r#"{"name":"example.com.","rrsets":[{"name":"A.example.com.","type":"TYPE16","records":[{"content":5}]}]}"#,
        r#"{"name":"example.com.","rrsets":[{"name":"a.example.com.","type":"TXT","records":[{}]}]}"#,
    ] {
        let found = powerdns().read_answer(&question(), 200, answer.as_bytes());
        assert_eq!(found, Err(Reason::LookupNotUnderstood), "{answer}");
    }
    for (status, reason) in [
        (404, Reason::ZoneNotVisible),
        (302, Reason::LookupFailed),
        (401, Reason::LookupFailed),
        (500, Reason::LookupFailed),
        (204, Reason::LookupFailed),
    ] {
        assert_eq!(powerdns().read_answer(&question(), status, b"Not Found"), Err(reason));
    }
}

#[test]
fn a_new_zone_is_looked_for_in_all_zones_around_it() {
    let name = Name::parse("a.b.example.com", NameForm::Fqdn).unwrap();
    let asked = powerdns().lookups_for_enclosing(&name);
    let paths: Vec<_> = asked.iter().map(|lookup| lookup.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/api/v1/servers/localhost/zones?zone=b.example.com.&dnssec=false",
            "/api/v1/servers/localhost/zones?zone=example.com.&dnssec=false",
            "/api/v1/servers/localhost/zones?zone=com.&dnssec=false",
        ]
    );
    let lookup = asked.get(1).unwrap();
    let Purpose::Enclosing { zone, .. } = &lookup.purpose else { panic!("{lookup:?}") };
    assert_eq!(zone.as_str(), "example.com");
    let answer = |body: &[u8]| powerdns().read_answer(lookup, 200, body);
    assert_eq!(answer(b"[]"), Ok(Found::Zone(false)));
    assert_eq!(answer(br#"[{"name": "example.com.", "kind": "Native"}]"#), Ok(Found::Zone(true)));
    assert_eq!(answer(br#"[{"name": "com."}]"#), Err(Reason::LookupNotUnderstood));
    assert_eq!(answer(b"{}"), Err(Reason::LookupNotUnderstood));
}
