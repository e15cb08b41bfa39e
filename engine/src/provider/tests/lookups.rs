//! Questions of the gate's own, and what may answer them.

use std::collections::HashMap;

use super::{CAPS, SERVER, powerdns};
use crate::decision::Reason;
use crate::name::{Name, NameForm};
use crate::provider::{Answered, Lookup, Purpose};
use crate::record_type::RecordType;
use crate::request::{Method, Target};

/// The questions for the values of the deletions in a PATCH.
fn questions(zone: &str, rrsets: &str) -> Vec<Lookup> {
    let target = Target::parse(format!("{SERVER}/zones/{zone}").as_bytes()).unwrap();
    let matched = powerdns().find(Method::Patch, &target).unwrap();
    let body = format!(r#"{{"rrsets":[{rrsets}]}}"#);
    let plan = matched.plan(body.as_bytes(), &CAPS).unwrap();
    let unseen = plan.unseen.iter().map(|at| &plan.operations[*at]);
    matched.lookups_for_values(unseen).unwrap()
}

/// The question for the values of `a.example.com TXT`.
fn question() -> Lookup {
    let rrset = r#"{"name":"a.example.com.","type":"TXT","changetype":"DELETE"}"#;
    questions("example.com.", rrset).pop().unwrap()
}

/// Values of `a.example.com TXT`.
fn values(values: &[&str]) -> Answered {
    let name = Name::parse("a.example.com", NameForm::Fqdn).unwrap();
    let values = values.iter().map(|&value| value.to_owned()).collect();
    Answered::Values(HashMap::from([((name, RecordType::TXT), values)]))
}

#[test]
fn values_are_asked_for_by_the_whole_zone_once() {
    // Servers before 4.9 leave disabled records out of an answer about one rrset.
    assert_eq!(question().path, "/api/v1/servers/localhost/zones/example.com.");
    let two = r#"{"name":"*.b_c.example.","type":"TXT","changetype":"DELETE"},
        {"name":"x.b_c.example.","type":"A","changetype":"DELETE"}"#;
    let asked = questions("b_c.example.", two);
    let [lookup] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(lookup.path, "/api/v1/servers/localhost/zones/b=5Fc.example.");
    let Purpose::Values { rrsets, .. } = &lookup.purpose else { panic!("{lookup:?}") };
    assert_eq!(rrsets.len(), 2);
}

#[test]
fn the_real_server_s_answers_are_understood() {
    // 4.7.3 lists the comments of other names too.
    let answer = r#"{"account": "", "name": "example.com.", "rrsets": [
        {"comments": [{"account": "me", "content": "other", "modified_at": 1}], "name": "b.example.com.", "records": [], "ttl": 0, "type": "TXT"},
        {"comments": [], "name": "A.example.com.", "records": [{"content": "\"x\"", "disabled": false}, {"content": "\"y\"", "disabled": true}], "ttl": 60, "type": "TXT"}]}"#;
    let found = powerdns().read_answer(&question(), 200, answer.as_bytes());
    assert_eq!(found, Ok(values(&["\"x\"", "\"y\""])));
    let nothing = br#"{"name": "example.com.", "rrsets": []}"#;
    assert_eq!(
        powerdns().read_answer(&question(), 200, nothing),
        Ok(Answered::Values(HashMap::new()))
    );
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
    let target = Target::parse(format!("{SERVER}/zones").as_bytes()).unwrap();
    let matched = powerdns().find(Method::Post, &target).unwrap();
    let asked = matched.lookups_for_enclosing(&name);
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
    assert_eq!(answer(b"[]"), Ok(Answered::Exists(false)));
    assert_eq!(
        answer(br#"[{"name": "example.com.", "kind": "Native"}]"#),
        Ok(Answered::Exists(true))
    );
    assert_eq!(answer(br#"[{"name": "com."}]"#), Err(Reason::LookupNotUnderstood));
    assert_eq!(answer(b"{}"), Err(Reason::LookupNotUnderstood));
}
