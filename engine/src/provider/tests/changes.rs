//! `PATCH`: what real clients send, and attacks on it (`A..G` of the list of attacks).

use super::{CAPS, means, patch, plan, refused, sent};
use crate::decision::Reason;
use crate::provider::{Knowledge, Provider, Read};
use crate::request::{Method, Target};

#[test]
fn lego_sets_and_deletes_a_challenge() {
    let set = r#"{"rrsets":[{"name":"_acme-challenge.www.example.com.","type":"TXT","kind":"Master","ttl":120,
        "changetype":"REPLACE","records":[{"content":"\"tok\"","disabled":false,"name":"_acme-challenge.www.example.com.","type":"TXT","ttl":120}]}]}"#;
    assert_eq!(
        means("PATCH", "/zones/example.com.", set),
        [
            "record.delete example.com _acme-challenge.www.example.com TXT",
            r#"record.create example.com _acme-challenge.www.example.com TXT "\"tok\"""#,
        ]
    );
    assert_eq!(
        sent("PATCH", "/zones/example.com.", set),
        r#"{"rrsets":[{"name":"_acme-challenge.www.example.com.","type":"TXT","ttl":120,"changetype":"REPLACE","records":[{"content":"\"tok\"","disabled":false}]}]}"#
    );
    let delete = r#"{"rrsets":[{"name":"_acme-challenge.www.example.com.","type":"TXT","changetype":"DELETE"}]}"#;
    let planned = plan("PATCH", "/zones/example.com.", delete).unwrap();
    assert_eq!(planned.unseen, [0]);
    assert_eq!(planned.forward.body.unwrap(), delete.as_bytes());
    assert_eq!(planned.forward.content_type.as_deref(), Some("application/json"));
}

#[test]
fn certbot_clears_with_an_empty_list() {
    let rrset = r#"{"name":"_acme-challenge.example.com.","type":"TXT","ttl":60,"changetype":"REPLACE","records":[]}"#;
    assert_eq!(patch(rrset), ["record.delete example.com _acme-challenge.example.com TXT"]);
}

#[test]
fn octodns_sends_many_and_lists_records_in_a_delete() {
    let rrsets = r#"{"name":"www.example.com.","type":"A","changetype":"DELETE","ttl":300,"records":[{"content":"192.0.2.9","disabled":false}]},
        {"name":"mx.example.com.","type":"MX","changetype":"REPLACE","ttl":300,"records":[{"content":"10 a.example.","disabled":false},{"content":"20 b.example.","disabled":false}]}"#;
    assert_eq!(
        patch(rrsets),
        [
            "record.delete example.com www.example.com A",
            "record.delete example.com mx.example.com MX",
            r#"record.create example.com mx.example.com MX "10 a.example.""#,
            r#"record.create example.com mx.example.com MX "20 b.example.""#,
        ]
    );
    let body = sent("PATCH", "/zones/example.com.", &format!(r#"{{"rrsets":[{rrsets}]}}"#));
    assert!(body.starts_with(
        r#"{"rrsets":[{"name":"www.example.com.","type":"A","changetype":"DELETE"},{"name":"mx"#
    ));
}

#[test]
fn python_powerdns_sends_empty_comments_and_lexicon_an_odd_ttl() {
    let rrset = r#"{"name":"a.example.com.","type":"A","ttl":"3600","changetype":"REPLACE","comments":[],"records":[{"content":"192.0.2.1","disabled":false}]}"#;
    assert_eq!(
        patch(rrset),
        [
            "record.delete example.com a.example.com A",
            r#"record.create example.com a.example.com A "192.0.2.1""#,
        ]
    );
}

#[test]
fn the_whole_zone_object_may_come_along_and_does_not_go_on() {
    let body = r#"{"id":"example.com.","name":"evil.example.","kind":"Slave","masters":["192.0.2.1"],"serial":7,
        "rrsets":[{"name":"a.example.com.","type":"A","changetype":"DELETE"}]}"#;
    assert_eq!(means("PATCH", "/zones/example.com.", body).len(), 1);
    assert_eq!(
        sent("PATCH", "/zones/example.com.", body),
        r#"{"rrsets":[{"name":"a.example.com.","type":"A","changetype":"DELETE"}]}"#
    );
}

#[test]
fn comments_alone_are_an_operation() {
    let rrset = r#"{"name":"a.example.com.","type":"A","changetype":"REPLACE","comments":[{"content":"x","account":"y"}]}"#;
    assert_eq!(
        patch(rrset),
        ["record.delete example.com a.example.com A", "record.create example.com a.example.com A",]
    );
    let nothing = r#"{"name":"a.example.com.","type":"A","changetype":"REPLACE","records":null}"#;
    assert_eq!(patch(nothing), ["record.delete example.com a.example.com A"]);
}

#[test]
fn an_empty_batch_is_an_operation() {
    assert_eq!(patch(""), ["zone.update example.com"]);
    for body in ["{}", "[]", "", r#"{"rrsets":null}"#, r#"{"rrsets":{}}"#, r#"{"rrsets":"x"}"#] {
        assert_eq!(refused("PATCH", "/zones/example.com.", body), Reason::BodyNotUnderstood);
    }
}

#[test]
fn any_and_its_number_are_refused() {
    for rtype in ["ANY", "any", "TYPE255", "AXFR", "TYPE0", "TYPE41", "NOPE", ""] {
        let rrset = format!(r#"{{"name":"example.com.","type":"{rtype}","changetype":"DELETE"}}"#);
        assert_eq!(patch(&rrset), ["type-not-understood"], "{rtype}");
    }
}

#[test]
fn type_aliases_are_one_type_and_go_on_as_one() {
    for (rtype, name) in [("TYPE2", "NS"), ("TYPE0002", "NS"), ("ns", "NS"), ("TYPE65402", "LUA")] {
        let rrset =
            format!(r#"{{"name":"a.example.com.","type":"{rtype}","changetype":"DELETE"}}"#);
        assert_eq!(patch(&rrset), [format!("record.delete example.com a.example.com {name}")]);
        let body = sent("PATCH", "/zones/example.com.", &format!(r#"{{"rrsets":[{rrset}]}}"#));
        assert!(body.contains(&format!(r#""type":"{name}""#)), "{body}");
    }
}

#[test]
fn the_same_rrset_twice_is_refused_in_any_spelling() {
    for (name, rtype) in
        [("A.Example.COM.", "TXT"), ("a.example.com.", "txt"), ("a.example.com.", "TYPE16")]
    {
        let rrsets = format!(
            r#"{{"name":"a.example.com.","type":"TXT","ttl":1,"changetype":"REPLACE","records":[{{"content":"\"x\""}}]}},
               {{"name":"{name}","type":"{rtype}","changetype":"DELETE"}}"#
        );
        assert_eq!(patch(&rrsets), ["body-not-understood"]);
    }
}

#[test]
fn one_bad_item_among_good_ones_refuses_all() {
    let good = r#"{"name":"a.example.com.","type":"A","changetype":"DELETE"}"#;
    for (bad, reason) in [
        (r#"{"name":"a.evil.com.","type":"A","changetype":"DELETE"}"#, "name-not-understood"),
        (r#"{"name":"evilexample.com.","type":"A","changetype":"DELETE"}"#, "name-not-understood"),
        (r#"{"name":"com.","type":"A","changetype":"DELETE"}"#, "name-not-understood"),
        (r#"{"name":"b.example.com","type":"A","changetype":"DELETE"}"#, "name-not-understood"),
        (
            r#"{"name":"e\\115c.example.com.","type":"A","changetype":"DELETE"}"#,
            "name-not-understood",
        ),
        (
            r#"{"name":"\u212a.example.com.","type":"A","changetype":"DELETE"}"#,
            "name-not-understood",
        ),
        (r#"{"name":"b.example.com.","type":"A","changetype":"delete"}"#, "body-not-understood"),
        (r#"{"name":"b.example.com.","type":"A","changetype":"MERGE"}"#, "body-not-understood"),
        (r#"{"name":"b.example.com.","type":"A"}"#, "body-not-understood"),
        (r#"{"type":"A","changetype":"DELETE"}"#, "body-not-understood"),
        (r#"{"name":1,"type":"A","changetype":"DELETE"}"#, "body-not-understood"),
        (
            r#"{"name":"b.example.com.","type":"A","changetype":"DELETE","Name":"x"}"#,
            "body-not-understood",
        ),
        (
            r#"{"name":"b.example.com.","type":"A","changetype":"DELETE","changetype":"REPLACE"}"#,
            "body-not-understood",
        ),
        (r#""x""#, "body-not-understood"),
        (
            r#"{"name":"b.example.com.","type":"A","changetype":"REPLACE","ttl":1,"records":"x"}"#,
            "body-not-understood",
        ),
        (
            r#"{"name":"b.example.com.","type":"A","changetype":"REPLACE","ttl":1,"records":["192.0.2.1"]}"#,
            "body-not-understood",
        ),
        (
            r#"{"name":"b.example.com.","type":"A","changetype":"REPLACE","ttl":1,"records":[{}]}"#,
            "body-not-understood",
        ),
        (
            r#"{"name":"b.example.com.","type":"A","changetype":"REPLACE","ttl":1,"records":[{"content":1}]}"#,
            "value-not-understood",
        ),
        (
            r#"{"name":"b.example.com.","type":"A","changetype":"REPLACE","ttl":1,"records":[{"content":"x","priority":1}]}"#,
            "body-not-understood",
        ),
        (
            r#"{"name":"b.example.com.","type":"A","changetype":"REPLACE","ttl":1.5,"records":[]}"#,
            "body-not-understood",
        ),
    ] {
        assert_eq!(patch(&format!("{good},{bad}")), [reason], "{bad}");
    }
}

#[test]
fn newer_changes_name_their_values() {
    let extend = r#"{"name":"a.example.com.","type":"A","ttl":1,"changetype":"EXTEND","records":[{"content":"192.0.2.1"}]}"#;
    assert_eq!(patch(extend), [r#"record.create example.com a.example.com A "192.0.2.1""#]);
    let prune = extend.replace("EXTEND", "PRUNE");
    assert_eq!(patch(&prune), [r#"record.delete example.com a.example.com A "192.0.2.1""#]);
    let pruned = plan("PATCH", "/zones/example.com.", &format!(r#"{{"rrsets":[{prune}]}}"#));
    assert!(pruned.unwrap().unseen.is_empty());
    for (change, meaning) in [("EXTEND", "create"), ("PRUNE", "delete")] {
        let empty = format!(
            r#"{{"name":"a.example.com.","type":"A","ttl":1,"changetype":"{change}","records":[]}}"#
        );
        assert_eq!(patch(&empty), [format!("record.{meaning} example.com a.example.com A")]);
    }
}

#[test]
fn a_wildcard_is_asked_for_by_itself() {
    let rrset = r#"{"name":"*.example.com.","type":"A","ttl":1,"changetype":"REPLACE","records":[{"content":"192.0.2.1"}]}"#;
    assert_eq!(
        patch(rrset),
        [
            "record.wildcard example.com *.example.com A",
            "record.delete example.com *.example.com A",
            r#"record.create example.com *.example.com A "192.0.2.1""#,
        ]
    );
    let delete = r#"{"name":"*.example.com.","type":"A","changetype":"DELETE"}"#;
    assert_eq!(patch(delete).len(), 2);
    assert_eq!(patch(&delete.replace("*.", "a.*.")), ["name-not-understood"]);
}

#[test]
fn too_many_operations_are_refused_while_reading() {
    let values = |count: usize| {
        let values: Vec<_> =
            (0..count).map(|n| format!(r#"{{"content":"192.0.2.{n}"}}"#)).collect();
        format!(
            r#"{{"name":"a.example.com.","type":"A","ttl":1,"changetype":"REPLACE","records":[{}]}}"#,
            values.join(",")
        )
    };
    assert_eq!(patch(&values(CAPS.operations_max - 1)).len(), CAPS.operations_max);
    assert_eq!(patch(&values(CAPS.operations_max)), ["too-many-operations"]);
    let items: Vec<_> = (0..=CAPS.operations_max)
        .map(|n| format!(r#"{{"name":"a{n}.example.com.","type":"A","changetype":"DELETE"}}"#))
        .collect();
    assert_eq!(patch(&items.join(",")), ["too-many-operations"]);
}

#[test]
fn ids_that_must_be_known_count_before_anything_is_asked() {
    let text = include_str!("../../../providers/dnsimple.toml");
    let provider = Provider::parse("dnsimple.toml", text).unwrap();
    let target = Target::parse(b"/v2/1010/zones/example.com/batch").unwrap();
    let matched = provider.find(Method::Post, &target).unwrap();
    let read = |count: usize, creates: &str| {
        let ids: Vec<_> = (1..=count).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
        let body = format!(r#"{{"creates":[{creates}],"deletes":[{}]}}"#, ids.join(","));
        matched.read(body.as_bytes(), &CAPS, &Knowledge::default())
    };
    let create = r#"{"name":"a","type":"A","content":"192.0.2.1"}"#;
    // Reading the zone is asked for, too.
    for (count, creates) in [(CAPS.operations_max - 1, ""), (CAPS.operations_max - 2, create)] {
        let Ok(Read::Needs(needs)) = read(count, creates) else { panic!("{count}") };
        assert_eq!(needs.records.len(), count);
        let reason = read(count + 1, creates).err().map(|refusal| refusal.reason);
        assert_eq!(reason, Some(Reason::TooManyOperations), "{count}");
    }
}

#[test]
fn escaped_json_is_read_before_it_is_judged_and_goes_on_as_it_was_read() {
    let rrset = r#"{"n\u0061me":"\u0061.example.com.","type":"A","changetype":"DELETE"}"#;
    assert_eq!(patch(rrset), ["record.delete example.com a.example.com A"]);
    let body = sent("PATCH", "/zones/example.com.", &format!(r#"{{"rrsets":[{rrset}]}}"#));
    assert!(body.contains(r#""name":"a.example.com.""#), "{body}");
}

#[test]
fn a_refusal_says_what_it_was() {
    let refusal = plan(
        "PATCH",
        "/zones/example.com.",
        r#"{"rrsets":[{"name":"a.example.com","type":"A","changetype":"DELETE"}]}"#,
    )
    .unwrap_err();
    assert!(refusal.detail.starts_with("DNS name `a.example.com`: "), "{refusal}");
    let refusal =
        plan("PATCH", "/zones/example.com.", "{\"rrsets\":[],\"\u{1b}x\":1}").unwrap_err();
    assert!(refusal.detail.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{refusal}");
}
