//! Zones: creation, settings, and everything around them.

use super::{forward, means, plan, refused, sent};
use crate::decision::Reason;

#[test]
fn a_zone_is_created_with_its_name_servers() {
    let body = r#"{"name":"new.example.","kind":"Native","nameservers":["ns1.example.net."],"masters":[]}"#;
    let planned = plan("POST", "/zones", body).unwrap();
    let operations: Vec<_> = planned.operations.iter().map(ToString::to_string).collect();
    assert_eq!(operations, ["zone.create new.example"]);
    assert_eq!(planned.enclosing.unwrap().as_str(), "new.example");
    assert_eq!(planned.forward.body.unwrap(), body.as_bytes());
    assert!(!planned.denied_zone_is_404);
}

#[test]
fn a_zone_created_with_rrsets_is_decided_record_by_record() {
    let body = r#"{"rrsets":[{"name":"a.new.example.","type":"a","ttl":1,"changetype":"REPLACE","records":[{"content":"192.0.2.1"}]},
        {"name":"*.new.example.","type":"TXT","ttl":1,"comments":[{"content":"c","account":""}]}],
        "kind":"native","name":"New.Example.","soa_edit_api":"DEFAULT","serial":0}"#;
    assert_eq!(
        means("POST", "/zones", body),
        [
            "zone.create new.example",
            r#"record.create new.example a.new.example A "192.0.2.1""#,
            "record.wildcard new.example *.new.example TXT",
            "record.create new.example *.new.example TXT",
        ]
    );
    let body = sent("POST", "/zones", body);
    assert!(
        body.starts_with(r#"{"rrsets":[{"name":"a.new.example.","type":"A","ttl":1,"records""#)
    );
    assert!(body.contains(r#""name":"new.example.""#), "{body}");
}

#[test]
fn content_from_elsewhere_asks_for_more() {
    for (field, asked) in [
        (r#""kind":"Slave""#, "zone.transfer new.example"),
        (r#""kind":"sEcOnDaRy""#, "zone.transfer new.example"),
        (r#""kind":"Consumer""#, "zone.transfer new.example"),
        (r#""kind":"Producer""#, "zone.transfer new.example"),
        (r#""masters":["192.0.2.1"]"#, "zone.transfer new.example"),
        (r#""catalog":"c.example.""#, "zone.transfer new.example"),
        (r#""zone":"$GENERATE 1-9 a$ A 192.0.2.$\n""#, "zone.import new.example"),
        (r#""dnssec":true"#, "dnssec.write new.example"),
        (r#""nsec3param":"1 0 0 -""#, "dnssec.write new.example"),
        (r#""master_tsig_key_ids":["k."]"#, "secret.write"),
    ] {
        let body = format!(r#"{{"name":"new.example.",{field}}}"#);
        let operations = means("POST", "/zones", &body);
        assert!(operations.contains(&asked.to_owned()), "{field}: {operations:?}");
        assert_eq!(operations.first().map(String::as_str), Some("zone.create new.example"));
    }
    for field in [
        r#""kind":"Native""#,
        r#""masters":[]"#,
        r#""catalog":"""#,
        r#""zone":"""#,
        r#""dnssec":false"#,
    ] {
        let body = format!(r#"{{"name":"new.example.",{field}}}"#);
        assert_eq!(means("POST", "/zones", &body), ["zone.create new.example"], "{field}");
    }
}

#[test]
fn settings_ask_by_field() {
    let cases = [
        ("{}", vec!["zone.update example.com"]),
        (r#"{"kind":"Native","account":"x"}"#, vec!["zone.update example.com"]),
        (r#"{"kind":"Slave"}"#, vec!["zone.update example.com", "zone.transfer example.com"]),
        (
            r#"{"masters":["192.0.2.1"],"catalog":"c.example."}"#,
            vec!["zone.update example.com", "zone.transfer example.com"],
        ),
        (r#"{"dnssec":false}"#, vec!["zone.update example.com", "dnssec.write example.com"]),
        (
            r#"{"slave_tsig_key_ids":[]}"#,
            vec!["zone.update example.com", "secret.write", "zone.transfer example.com"],
        ),
    ];
    for (body, operations) in cases {
        assert_eq!(means("PUT", "/zones/example.com.", body), operations, "{body}");
    }
}

#[test]
fn settings_cannot_carry_content_or_words_unknown() {
    for body in [
        r#"{"rrsets":[]}"#,
        r#"{"zone":"x"}"#,
        r#"{"kind":"Superslave"}"#,
        r#"{"dnssec":"true"}"#,
        r#"{"dnssec":1}"#,
        r#"{"masters":"192.0.2.1"}"#,
        r#"{"unknown":1}"#,
        "{\"account\":\"a\\nb\"}",
        "{} x",
        "\u{feff}{}",
    ] {
        assert_eq!(
            refused("PUT", "/zones/example.com.", body),
            Reason::BodyNotUnderstood,
            "{body}"
        );
    }
}

#[test]
fn a_new_zone_needs_a_name_that_is_one() {
    for (body, reason) in [
        (r#"{"kind":"Native"}"#, Reason::BodyNotUnderstood),
        (r#"{"name":null}"#, Reason::BodyNotUnderstood),
        (r#"{"name":["a."]}"#, Reason::BodyNotUnderstood),
        (r#"{"name":"example.org"}"#, Reason::NameNotUnderstood),
        (r#"{"name":"a..b."}"#, Reason::NameNotUnderstood),
        (r#"{"name":"example.com..internal"}"#, Reason::NameNotUnderstood),
        (
            r#"{"name":"a.example.","rrsets":[{"name":"b.example.","type":"A","ttl":1,"records":[]}]}"#,
            Reason::NameNotUnderstood,
        ),
    ] {
        assert_eq!(refused("POST", "/zones", body), reason, "{body}");
    }
}

#[test]
fn metadata_is_judged_by_its_kind_wherever_it_stands() {
    let zone = "/zones/example.com./metadata";
    assert_eq!(
        means("POST", zone, r#"{"kind":"ALLOW-DNSUPDATE-FROM","metadata":["0.0.0.0/0"]}"#),
        [
            r#"metadata.write example.com "ALLOW-DNSUPDATE-FROM""#,
            r#"zone.transfer example.com "ALLOW-DNSUPDATE-FROM""#,
        ]
    );
    let one = format!("{zone}/also-notify");
    assert_eq!(
        means("PUT", &one, r#"{"metadata":["192.0.2.1"],"kind":"X-HARMLESS"}"#),
        [
            r#"metadata.write example.com "ALSO-NOTIFY""#,
            r#"zone.transfer example.com "ALSO-NOTIFY""#
        ]
    );
    assert_eq!(sent("PUT", &one, r#"{"metadata":["a"],"kind":"X-A"}"#), r#"{"metadata":["a"]}"#);
    assert_eq!(
        means("PUT", &format!("{zone}/X-MINE"), r#"{"metadata":[]}"#),
        [r#"metadata.write example.com "X-MINE""#]
    );
    assert_eq!(
        means("GET", &format!("{zone}/ALSO-NOTIFY"), ""),
        [r#"metadata.read example.com "ALSO-NOTIFY""#]
    );
    assert_eq!(
        means("DELETE", &format!("{zone}/PRESIGNED"), "{}"),
        [r#"metadata.write example.com "PRESIGNED""#, "dnssec.write example.com"]
    );
    assert_eq!(means("GET", zone, ""), ["metadata.read example.com"]);
    assert_eq!(refused("POST", zone, r#"{"metadata":[]}"#), Reason::BodyNotUnderstood);
}

#[test]
fn keys_of_all_sorts_are_secrets() {
    let keys = "/zones/example.com./cryptokeys";
    assert_eq!(means("GET", keys, ""), ["dnssec.read example.com"]);
    assert_eq!(means("GET", &format!("{keys}/7"), ""), ["dnssec.read example.com", "secret.read"]);
    assert_eq!(means("POST", keys, r#"{"keytype":"ksk"}"#), ["dnssec.write example.com"]);
    for field in ["content", "privatekey"] {
        let body = format!("{{\"keytype\":\"ksk\",\"{field}\":\"Private-key-format: v1.2\\n\"}}");
        assert_eq!(means("POST", keys, &body), ["dnssec.write example.com", "secret.write"]);
    }
    for id in ["07", "-1", "99999999999999999999", "x"] {
        assert_eq!(refused("GET", &format!("{keys}/{id}"), ""), Reason::UnknownRoute, "{id}");
    }
    assert_eq!(means("GET", "/tsigkeys/k.", ""), ["secret.read"]);
    assert_eq!(
        means("POST", "/tsigkeys", r#"{"name":"k","algorithm":"hmac-sha256"}"#),
        ["secret.write"]
    );
    assert_eq!(means("PUT", "/tsigkeys/k", "{}"), ["secret.write", "secret.read"]);
}

#[test]
fn routes_that_read_no_body_drop_it() {
    for (method, path) in [
        ("GET", "/zones/example.com."),
        ("DELETE", "/zones/example.com."),
        ("PUT", "/zones/example.com./notify"),
        ("GET", "/zones"),
    ] {
        let forward = forward(method, path, "{}GET /secret HTTP/1.1");
        assert_eq!((forward.body, forward.content_type), (None, None));
        assert_eq!(forward.headers_pass, ["user-agent", "accept"]);
    }
}
