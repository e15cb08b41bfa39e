//! Answers: cut, passed, replaced.

use super::{plan, powerdns};
use crate::decision::Reason;
use crate::operation::{Action, Operation};
use crate::provider::{Answer, Filtered, Provider, ResponseRule, Treatment};

/// What goes on of an answer to a request, for a key that may do what `may` says.
fn answered(
    request: (&str, &str, &str),
    status: u16,
    content_type: Option<&str>,
    body: &str,
    mut may: impl FnMut(&Operation) -> bool,
) -> Result<Filtered, Reason> {
    let rule = plan(request.0, request.1, request.2).unwrap().response;
    let answer = Answer { status, content_type, headers: &[], body: body.as_bytes() };
    powerdns().filter(&rule, answer, "r-1", &mut may)
}

/// The body of an answer, as text.
fn text(filtered: &Filtered) -> &str {
    std::str::from_utf8(&filtered.body).unwrap()
}

const JSON: Option<&str> = Some("application/json");
const TEXT: Option<&str> = Some("text/plain; charset=utf-8");
const LIST: (&str, &str, &str) = ("GET", "/zones", "");
const ZONE: (&str, &str, &str) = ("GET", "/zones/example.com.", "");
const SEARCH: (&str, &str, &str) = ("GET", "/search-data?q=*", "");

#[test]
fn a_list_of_zones_keeps_the_readable_ones_byte_for_byte() {
    let body = r#"[{"id": "a.test.", "name": "a.test.", "serial": 1},
        {"name": "0/25.2.0.192.in-addr.arpa."}, {"name":"b.test."}, {"noname": 1}]"#;
    let may = |operation: &Operation| {
        assert_eq!(operation.action, Action::ZoneRead);
        operation.zone_name().unwrap().as_str() == "a.test"
    };
    let filtered = answered(LIST, 200, JSON, body, may).unwrap();
    assert_eq!(text(&filtered), r#"[{"id": "a.test.", "name": "a.test.", "serial": 1}]"#);
    assert_eq!((filtered.left_out, filtered.not_understood), (1, 2));
    let nothing = answered(LIST, 200, JSON, body, |_| false).unwrap();
    assert_eq!((nothing.status, text(&nothing)), (200, "[]"));
}

#[test]
fn a_zone_keeps_whole_rrsets_or_none() {
    let body = r#"{"account": "", "name": "example.com.", "rrsets": [
        {"comments": [], "name": "a.example.com.", "records": [{"content": "192.0.2.1", "disabled": false}, {"content": "198.51.100.1", "disabled": false}], "ttl": 60, "type": "A"},
        {"name": "b.example.com.", "records": [{"content": "192.0.2.1", "disabled": false}], "ttl": 60, "type": "A"},
        {"name": "c.example.com.", "records": [], "ttl": 0, "type": "TXT"},
        {"name": "d\\046.example.com.", "records": [], "ttl": 0, "type": "TXT"},
        {"name": "a.other.com.", "records": [], "ttl": 0, "type": "TXT"}], "serial": 7}"#;
    let may = |operation: &Operation| {
        assert_eq!(operation.action, Action::RecordRead);
        operation.as_record().unwrap().value.as_deref() == Some("192.0.2.1")
    };
    let filtered = answered(ZONE, 200, JSON, body, may).unwrap();
    assert_eq!(
        text(&filtered),
        r#"{"account": "", "name": "example.com.", "rrsets": [
        {"name": "b.example.com.", "records": [{"content": "192.0.2.1", "disabled": false}], "ttl": 60, "type": "A"}], "serial": 7}"#
    );
    assert_eq!((filtered.left_out, filtered.not_understood), (2, 2));
    assert_eq!(filtered.content_type.as_deref(), JSON);
}

#[test]
fn the_answer_to_a_creation_is_cut_alike() {
    let request = ("POST", "/zones", r#"{"name":"new.example.","kind":"Native"}"#);
    let body = r#"{"name":"new.example.","rrsets":[{"name":"new.example.","type":"SOA","records":[{"content":"x"}]}]}"#;
    let filtered = answered(request, 201, JSON, body, |_| false).unwrap();
    assert_eq!((filtered.status, text(&filtered)), (201, r#"{"name":"new.example.","rrsets":[]}"#));
}

#[test]
fn search_results_are_cut_by_what_they_are() {
    let body = r#"[{"name": "example.com.", "object_type": "zone", "zone_id": "example.com."},
        {"content": "192.0.2.1", "name": "a.example.com.", "object_type": "record", "type": "A", "zone": "example.com."},
        {"content": "secret", "name": "b.example.com.", "object_type": "record", "type": "TXT", "zone": "example.com."},
        {"content": "hi", "name": "a.example.com.", "object_type": "comment", "type": "A", "zone": "example.com."},
        {"content": "lost", "name": "x.example.com.", "object_type": "record", "type": "A"},
        {"content": "new", "object_type": "novelty"}]"#;
    let may = |operation: &Operation| !operation.to_string().contains("b.example.com");
    let filtered = answered(SEARCH, 200, JSON, body, may).unwrap();
    assert!(!text(&filtered).contains("secret") && !text(&filtered).contains("lost"));
    assert_eq!((filtered.left_out, filtered.not_understood), (1, 2));
    let none = answered(SEARCH, 200, JSON, body, |op| op.action == Action::Search).unwrap();
    assert_eq!(text(&none), "[]");
}

#[test]
fn a_new_private_key_is_shown_to_who_may_read_secrets() {
    let request = ("POST", "/zones/example.com./cryptokeys", r#"{"keytype":"ksk"}"#);
    let body = r#"{"id": 1, "privatekey": "secret", "type": "Cryptokey"}"#;
    let hidden = answered(request, 201, JSON, body, |_| false).unwrap();
    assert_eq!(text(&hidden), r#"{"id": 1, "type": "Cryptokey"}"#);
    let shown = answered(request, 201, JSON, body, |op| op.action == Action::SecretRead).unwrap();
    assert!(text(&shown).contains("secret"));
}

#[test]
fn answers_of_unexpected_form_do_not_pass() {
    for (request, status, content_type, body) in [
        (LIST, 200, JSON, r#"{"name":"a.test."}"#),
        (LIST, 200, JSON, "[{\"name\":\"a.test.\"}] x"),
        (LIST, 200, JSON, ""),
        (LIST, 200, JSON, "\u{1f}\u{8b}"),
        (ZONE, 200, JSON, r#"{"name":"other.com.","rrsets":[]}"#),
        (ZONE, 200, JSON, r#"{"rrsets":[]}"#),
        (ZONE, 200, JSON, r#"{"name":"example.com.","rrsets":{}}"#),
        (ZONE, 200, JSON, r#"{"name":"example.com.","rrsets":[],"rrsets":[1]}"#),
        (LIST, 206, JSON, "[]"),
        (LIST, 302, JSON, "[]"),
        (LIST, 304, JSON, ""),
        (LIST, 401, TEXT, "Unauthorized"),
        (LIST, 403, TEXT, "Forbidden"),
        (("GET", "/config", ""), 200, Some("text/html"), "<script>"),
    ] {
        let found = answered(request, status, content_type, body, |_| true);
        assert_eq!(found, Err(Reason::ResponseNotUnderstood), "{status} {body}");
    }
}

#[test]
fn errors_of_both_server_generations_become_one_shape() {
    let ours = r#"{"error":"Not Found","reason":"not-found","request_id":"r-1"}"#;
    for (content_type, body) in [(TEXT, "Not Found"), (JSON, r#"{"error": "Not Found"}"#)] {
        let filtered = answered(ZONE, 404, content_type, body, |_| true).unwrap();
        assert_eq!((filtered.status, text(&filtered)), (404, ours));
    }
    // A hidden zone and an unknown path are the same bytes.
    for reason in [Reason::ZoneNotVisible, Reason::UnknownRoute] {
        let reply = powerdns().error_body(reason, "r-1");
        assert_eq!((reply.status, reply.body.as_slice()), (404, ours.as_bytes()));
    }
    let filtered = answered(ZONE, 500, TEXT, "backend at 10.0.0.7: secret", |_| true).unwrap();
    assert_eq!(
        text(&filtered),
        r#"{"error":"the DNS provider failed","reason":"provider-refused","request_id":"r-1"}"#
    );
    assert_eq!(answered(LIST, 409, TEXT, "Conflict", |_| true).unwrap().status, 409);
}

#[test]
fn a_harmless_text_is_passed_on_printable_and_cut() {
    let patch = ("PATCH", "/zones/example.com.", r#"{"rrsets":[]}"#);
    let body = r#"{"error": "RRset a.example.com. IN A: Conflicts with pre-existing RRset"}"#;
    let filtered = answered(patch, 422, JSON, body, |_| true).unwrap();
    assert_eq!(
        text(&filtered),
        r#"{"error":"RRset a.example.com. IN A: Conflicts with pre-existing RRset","reason":"provider-refused","request_id":"r-1"}"#
    );
    let long = format!("{{\"error\": \"a\\n\\u001b{}\"}}", "x".repeat(5000));
    let filtered = answered(patch, 422, JSON, &long, |_| true).unwrap();
    assert!(text(&filtered).starts_with(r#"{"error":"a??xxx"#) && filtered.body.len() < 400);
    let filtered = answered(patch, 422, TEXT, "no JSON", |_| true).unwrap();
    assert!(!text(&filtered).contains("no JSON"));
}

#[test]
fn only_a_write_is_answered_with_the_provider_s_words() {
    let body = r#"{"error": "hidden.example.com is in the way"}"#;
    let filtered = answered(LIST, 422, JSON, body, |_| true).unwrap();
    assert!(!text(&filtered).contains("hidden"), "{}", text(&filtered));
}

#[test]
fn success_without_a_body_passes_without_a_type() {
    let patch = ("PATCH", "/zones/example.com.", r#"{"rrsets":[]}"#);
    for (status, content_type, body) in [(204, None, ""), (200, Some("text/html"), "")] {
        let filtered = answered(patch, status, content_type, body, |_| true).unwrap();
        assert_eq!(
            (filtered.status, filtered.content_type, filtered.body.len()),
            (status, None, 0)
        );
    }
    let export = ("GET", "/zones/example.com./export", "");
    for (content_type, body) in [(Some("text/plain; charset=us-ascii"), "a\tb\n"), (JSON, "{}")] {
        let filtered = answered(export, 200, content_type, body, |_| true).unwrap();
        assert_eq!(text(&filtered), body);
    }
}

#[test]
fn only_what_passes_whole_may_stream() {
    let treatment = |request: (&str, &str, &str), status, content_type| {
        let rule = plan(request.0, request.1, request.2).unwrap().response;
        powerdns().treatment(&rule, status, content_type, false)
    };
    assert_eq!(treatment(("GET", "/config", ""), 200, JSON), Treatment::Stream);
    assert_eq!(treatment(("GET", "/config", ""), 200, TEXT), Treatment::Hold);
    assert_eq!(treatment(("GET", "/config", ""), 500, JSON), Treatment::Hold);
    assert_eq!(treatment(LIST, 200, JSON), Treatment::Hold);
    assert_eq!(treatment(ZONE, 200, JSON), Treatment::Hold);
}

#[test]
fn what_may_be_an_error_is_held_and_a_zone_file_is_none() {
    let text = include_str!("../../../providers/cloudflare.toml");
    let cloudflare = Provider::parse("cloudflare.toml", text).unwrap();
    let rule = |form: &str| ResponseRule::new(form.to_owned(), None);
    let treatment =
        |form: &str, content_type| cloudflare.treatment(&rule(form), 200, content_type, false);
    assert_eq!(treatment("document", JSON), Treatment::Hold);
    assert_eq!(treatment("export", TEXT), Treatment::Stream);
    assert_eq!(treatment("export", JSON), Treatment::Hold);
}

#[test]
fn a_denial_has_the_provider_s_shape_and_says_what_it_was() {
    let reply = powerdns().error_body_about(Reason::BodyNotUnderstood, Some("field `\"x\"`"), "r");
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["reason"], "body-not-understood");
    assert!(body["error"].as_str().unwrap().ends_with(": field `\"x\"`"));
    let details: Vec<_> = [Reason::NoKey, Reason::ExpiredKey, Reason::UnknownKey]
        .into_iter()
        .map(|reason| powerdns().error_body_about(reason, Some(reason.code()), "r"))
        .collect();
    assert!(details.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(details[0].headers.iter().any(|(name, _)| name == "www-authenticate"));
}
