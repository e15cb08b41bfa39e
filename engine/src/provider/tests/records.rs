//! Records by opaque ids: what must be known first, and what a change of one means.

use std::sync::OnceLock;

use super::CAPS;
use crate::decision::Reason;
use crate::name::{Name, NameForm};
use crate::provider::{Answer, Knowledge, Lookup, Provider, Read, Refusal};
use crate::request::{Method, Target};

/// The API in small.
fn small() -> &'static Provider {
    static PROVIDER: OnceLock<Provider> = OnceLock::new();
    PROVIDER.get_or_init(|| Provider::parse("records.toml", include_str!("records.toml")).unwrap())
}

/// The zone that every id stands for.
fn zone() -> Name {
    Name::parse("example.com", NameForm::Fqdn).unwrap()
}

/// What the provider answers to a question about zone 7.
fn answer(path: &str) -> (u16, String) {
    let record = |id: u64| match id {
        2 => r#"{"id":2,"name":"_acme-challenge","type":3,"value":"tok"}"#.to_owned(),
        3 => r#"{"id":3,"name":"","type":4,"priority":10,"value":"mail.example.com"}"#.to_owned(),
        4 => r#"{"id":4,"name":"*.wild","type":3,"value":"a \"quoted\" text"}"#.to_owned(),
        _ => r#"{"id":1,"name":"www","type":0,"value":"192.0.2.1"}"#.to_owned(),
    };
    match path {
        "/zones/7" => (200, r#"{"id":7,"domain":"example.com"}"#.to_owned()),
        "/zones/7/records/9" => (404, String::new()),
        "/zones/7/records?page=1" => {
            (200, format!(r#"{{"pages":2,"records":[{},{}]}}"#, record(1), record(2)))
        }
        "/zones/7/records?page=2" => {
            (200, format!(r#"{{"pages":2,"records":[{},{}]}}"#, record(3), record(4)))
        }
        other => match other.strip_prefix("/zones/7/records/").and_then(|id| id.parse().ok()) {
            Some(id) => (200, record(id)),
            None => (404, String::new()),
        },
    }
}

/// The operations of a request, what goes on, and the questions that were asked.
type Meaning = (Vec<String>, String, Vec<String>);

/// Reads a request, asking [`answer`] whatever is needed.
fn read(method: &str, path: &str, body: &str) -> Result<Meaning, Reason> {
    let method = Method::parse(method.as_bytes()).unwrap();
    let target = Target::parse(path.as_bytes()).unwrap();
    let matched = small().find(method, &target).map_err(|refusal: Refusal| refusal.reason)?;
    let (mut known, mut asked) = (Knowledge::default(), Vec::new());
    loop {
        let needs = match matched.read(body.as_bytes(), &CAPS, &known).map_err(Reason::from)? {
            Read::Needs(needs) => needs,
            Read::Plan(plan) => {
                let means = plan.operations.iter().map(ToString::to_string).collect();
                let sent = plan.forward.body.unwrap_or_default();
                return Ok((means, String::from_utf8(sent).unwrap(), asked));
            }
        };
        assert!(known.next_round(), "too many rounds: {asked:?}");
        for Lookup { path, purpose, method, host } in matched.lookups(&needs, &known)? {
            let lookup = Lookup { path: path.clone(), purpose, method, host };
            let (status, body) = answer(&path);
            let found = small().read_answer(&lookup, status, body.as_bytes())?;
            known.learn(&lookup.purpose, found)?;
            asked.push(path);
        }
    }
}

/// The operations of a request.
fn means(method: &str, path: &str, body: &str) -> Vec<String> {
    match read(method, path, body) {
        Ok((means, ..)) => means,
        Err(reason) => vec![reason.code().to_owned()],
    }
}

/// What goes on of a creation.
fn created(body: &str) -> String {
    read("POST", "/zones/7/records", body).unwrap().1
}

#[test]
fn a_deletion_by_id_is_one_of_the_record_as_it_is() {
    let (means, _, asked) = read("DELETE", "/zones/7/records/1", "").unwrap();
    assert_eq!(means, ["record.delete example.com www.example.com A \"192.0.2.1\""]);
    assert_eq!(asked, ["/zones/7", "/zones/7/records/1"]);
    let wild = self::means("DELETE", "/zones/7/records/4", "");
    assert_eq!(
        wild,
        [
            "record.wildcard example.com *.wild.example.com TXT",
            r#"record.delete example.com *.wild.example.com TXT "\"a \\\"quoted\\\" text\"""#,
        ]
    );
}

#[test]
fn an_update_is_the_deletion_of_what_is_there() {
    let rows: [(&str, &str, &[&str]); 5] = [
        // A rename.
        (
            "1",
            r#"{"name":"home"}"#,
            &[
                "record.delete example.com www.example.com A \"192.0.2.1\"",
                "record.create example.com home.example.com A \"192.0.2.1\"",
            ],
        ),
        // A lie about the type is refused: the provider may ignore it.
        ("1", r#"{"type":3,"value":"tok"}"#, &["body-not-understood"]),
        // Nothing of the value: the record stays as it is, and is asked for all the same.
        (
            "2",
            r#"{"ttl":5}"#,
            &[
                "record.delete example.com _acme-challenge.example.com TXT \"tok\"",
                "record.create example.com _acme-challenge.example.com TXT \"tok\"",
            ],
        ),
        // A part of the value, over the record as it is.
        (
            "3",
            r#"{"priority":20}"#,
            &[
                "record.delete example.com example.com MX \"10 mail.example.com\"",
                "record.create example.com example.com MX \"20 mail.example.com\"",
            ],
        ),
        // To the zone itself, which is the empty name.
        (
            "1",
            r#"{"name":"","value":"192.0.2.2"}"#,
            &[
                "record.delete example.com www.example.com A \"192.0.2.1\"",
                "record.create example.com example.com A \"192.0.2.2\"",
            ],
        ),
    ];
    for (id, body, expected) in rows {
        assert_eq!(means("PUT", &format!("/zones/7/records/{id}"), body), expected, "{body}");
    }
}

#[test]
fn a_body_id_must_be_the_path_s() {
    assert_eq!(means("PUT", "/zones/7/records/1", r#"{"id":2,"ttl":5}"#), ["body-not-understood"]);
    assert_eq!(means("PUT", "/zones/7/records/1", r#"{"id":1,"ttl":5}"#).len(), 2);
}

#[test]
fn the_same_id_twice_is_refused() {
    for body in [
        r#"{"updates":[{"id":1,"ttl":1},{"id":1,"ttl":2}]}"#,
        r#"{"deletes":[{"id":1}],"updates":[{"id":1,"ttl":2}]}"#,
        r#"{"deletes":[{"id":1},{"id":"1"}],"updates":[]}"#,
    ] {
        assert_eq!(means("POST", "/zones/7/batch", body), ["body-not-understood"], "{body}");
    }
}

#[test]
fn ids_have_their_declared_form() {
    for id in ["01", "-1", "1e3", "x", "0", "99999999999999999999", "1.."] {
        let path = format!("/zones/7/records/{id}");
        assert_eq!(means("DELETE", &path, ""), ["unknown-route"], "{id}");
        let body = format!(r#"{{"deletes":[{{"id":"{id}"}}],"updates":[]}}"#);
        assert_eq!(means("POST", "/zones/7/batch", &body), ["body-not-understood"], "{id}");
    }
    let path = r#"{"deletes":[{"id":"../../8/records/1"}],"updates":[]}"#;
    assert_eq!(means("POST", "/zones/7/batch", path), ["body-not-understood"]);
}

#[test]
fn several_ids_are_one_listing() {
    let body = r#"{"deletes":[{"id":1},{"id":4}],"updates":[{"id":2,"ttl":5}]}"#;
    let (means, _, asked) = read("POST", "/zones/7/batch", body).unwrap();
    assert_eq!(means.len(), 5, "{means:?}");
    // One is left after the first page, and is asked for by itself.
    assert_eq!(asked, ["/zones/7", "/zones/7/records?page=1", "/zones/7/records/4"]);
}

#[test]
fn what_is_not_there_or_something_else_is_not_believed() {
    assert_eq!(means("DELETE", "/zones/7/records/9", ""), ["record-not-visible"]);
    // The answer is about record 1.
    assert_eq!(means("DELETE", "/zones/7/records/5", ""), ["lookup-not-understood"]);
    assert_eq!(means("DELETE", "/zones/8/records/1", ""), ["zone-not-visible"]);
}

#[test]
fn a_whole_replacement_deletes_what_is_there() {
    let body = r#"[{"name":"www","type":0,"value":"192.0.2.9"}]"#;
    let (means, _, asked) = read("PUT", "/zones/7/records", body).unwrap();
    assert_eq!(means.iter().filter(|one| one.starts_with("record.delete")).count(), 4);
    assert_eq!(means.first().unwrap(), "record.create example.com www.example.com A \"192.0.2.9\"");
    assert_eq!(asked, ["/zones/7", "/zones/7/records?page=1", "/zones/7/records?page=2"]);
}

#[test]
fn names_that_end_like_the_zone_are_completed() {
    let body = r#"{"name":"www.example.com","type":0,"value":"192.0.2.1"}"#;
    assert_eq!(
        means("POST", "/zones/7/records", body),
        ["record.create example.com www.example.com.example.com A \"192.0.2.1\""]
    );
    for name in ["www.", "a..b", "WWW/x", "\u{e9}"] {
        let body = format!(r#"{{"name":"{name}","type":0,"value":"192.0.2.1"}}"#);
        assert_eq!(means("POST", "/zones/7/records", &body), ["name-not-understood"], "{name}");
    }
}

#[test]
fn a_second_way_to_write_a_value_does_not_go_on() {
    // An A record has no data; what is not read is not sent.
    let sent = created(
        r#"{"name":"a","type":0,"value":"192.0.2.1","data":{"target":"evil"},"priority":1}"#,
    );
    assert_eq!(sent, r#"{"name":"a","type":0,"value":"192.0.2.1"}"#);
    // Both ways at once, and they differ.
    let both = r#"{"name":"a","type":4,"priority":1,"value":"x","data":{"target":"y"}}"#;
    assert_eq!(means("POST", "/zones/7/records", both), ["body-not-understood"]);
    let data = created(r#"{"name":"a","type":4,"priority":1,"data":{"target":"y.example"}}"#);
    assert!(data.contains("y.example"), "{data}");
}

#[test]
fn types_are_the_provider_s_numbers() {
    let of = |rtype: &str| {
        means("POST", "/zones/7/records", &format!(r#"{{"name":"a","type":{rtype},"value":"x"}}"#))
    };
    assert_eq!(of("5"), ["record.create example.com a.example.com TYPE65280 \"x\""]);
    assert_eq!(of("\"3\""), ["record.create example.com a.example.com TXT \"x\""]);
    assert_eq!(of("\"txt\""), ["record.create example.com a.example.com TXT \"x\""]);
    for rtype in ["99", "\"255\"", "1.0", "\"ANY\"", "\"TYPE255\""] {
        assert_eq!(of(rtype), ["type-not-understood"], "{rtype}");
    }
    for rtype in ["null", "[]", "true"] {
        assert_eq!(of(rtype), ["body-not-understood"], "{rtype}");
    }
}

#[test]
fn a_number_is_no_zone() {
    for name in ["7", "07", "example.7", "1.2.3.4"] {
        assert_eq!(means("GET", &format!("/names/{name}"), ""), ["name-not-understood"], "{name}");
    }
    assert_eq!(means("GET", "/names/example.com", ""), ["zone.read example.com"]);
    let known = Knowledge::of_zone(zone());
    assert_eq!(known.zone(), Some(&zone()));
}

#[test]
fn the_fields_of_a_name_have_the_last_word() {
    let srv = |rest: &str| {
        let body = format!(r#"{{"type":"SRV","value":"1 2 3 t.example.com"{rest}}}"#);
        means("POST", "/zones/7/records", &body)
    };
    let expected = "record.create example.com _sip._tcp.example.com SRV \"1 2 3 t.example.com\"";
    assert_eq!(srv(r#","service":"_sip","protocol":"_tcp""#), [expected]);
    assert_eq!(srv(r#","name":"","service":"_sip","protocol":"_tcp""#), [expected]);
    let refused = ["body-not-understood"];
    assert_eq!(srv(r#","name":"apps","service":"_sip","protocol":"_tcp""#), refused);
    assert_eq!(srv(r#","name":"","service":"_sip""#), refused);
}

#[test]
fn a_zone_in_the_body_is_the_path_s() {
    let of = |body: &str| means("PUT", "/names/example.com", body);
    assert_eq!(of(r#"{"domain":"Example.COM"}"#), ["zone.update example.com"]);
    assert_eq!(of("{}"), ["zone.update example.com"]);
    assert_eq!(of(r#"{"domain":"example.net"}"#), ["body-not-understood"]);
}

#[test]
fn what_a_request_means_says_whether_it_wrote() {
    let answered = |method: &str, path: &str, status: u16, body: &str| {
        let method = Method::parse(method.as_bytes()).unwrap();
        let target = Target::parse(path.as_bytes()).unwrap();
        let plan = small().find(method, &target).unwrap().plan(b"", &CAPS).unwrap();
        let (content_type, body) = (Some("application/json"), body.as_bytes());
        let answer = Answer { status, content_type, headers: &[], body };
        small().filter(&plan.response, answer, "r-1", &mut |_| false).unwrap()
    };
    let hidden = r#"{"id":1,"name":"","type":0,"value":"192.0.2.1"}"#;
    let error = r#"{"error":"hidden is in the way"}"#;
    let rows = [
        ("POST", "/names/example.com/record", false),
        ("POST", "/names/example.com/touch", true),
        ("GET", "/names/example.com/transfer", false),
        ("GET", "/names/example.com/drop/A", true),
    ];
    for (method, path, wrote) in rows {
        // A record that was written and may not be read is no unknown one.
        let read = answered(method, path, 200, hidden);
        assert_eq!(read.status, if wrote { 200 } else { 404 }, "{path}");
        let text = String::from_utf8(answered(method, path, 422, error).body).unwrap();
        assert_eq!(text.contains("hidden"), wrote, "{path}: {text}");
    }
}
