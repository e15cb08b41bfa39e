//! Answers of APIs that list records one by one, in envelopes and pages.

use proptest::prelude::*;

use crate::decision::Reason;
use crate::json::raw_array;
use crate::name::{Name, NameForm};
use crate::operation::{Action, Operation};
use crate::provider::{Answer, Filtered, Provider, ResponseRule};
use crate::record_type::RecordType;

/// A provider file about answers, with these words in place of `ALWAYS`.
fn provider(always: &str) -> Provider {
    let file = include_str!("listings.toml").replace("ALWAYS", always);
    match Provider::parse("listings.toml", &file) {
        Ok(provider) => provider,
        Err(problems) => panic!("{problems:?}"),
    }
}

/// A name.
fn name(text: &str) -> Name {
    Name::parse(text, NameForm::Fqdn).unwrap()
}

/// The rule of a form, about `example.com`, for a client of `http://gate:8053`.
fn rule(form: &str) -> ResponseRule {
    let rule = ResponseRule::new(form.to_owned(), Some(name("example.com")));
    rule.at_gate("http://gate:8053".to_owned())
}

/// What goes on of an answer with status 200 and these headers.
fn filtered(
    provider: &Provider,
    rule: &ResponseRule,
    headers: &[(&str, &str)],
    body: &str,
    mut may: impl FnMut(&Operation) -> bool,
) -> Result<Filtered, Reason> {
    let content_type = Some("application/json");
    let answer = Answer { status: 200, content_type, headers, body: body.as_bytes() };
    provider.filter(rule, answer, "r-1", &mut may)
}

/// The body that goes on of an answer, for a key that may do what does not name `hidden`.
fn body(form: &str, body: &str) -> Result<String, Reason> {
    let shown = |operation: &Operation| !operation.to_string().contains("hidden");
    let filtered = filtered(&provider("create"), &rule(form), &[], body, shown)?;
    Ok(String::from_utf8(filtered.body).unwrap())
}

/// Whether an answer is refused as not understood.
fn is_refused(form: &str, text: &str) -> bool {
    body(form, text) == Err(Reason::ResponseNotUnderstood)
}

/// A record in compact JSON.
fn record(id: u32, name: &str, content: &str) -> String {
    format!(
        r#"{{"id":"{id}","name":"{name}","type":"A","content":"{content}","ttl":60,"meta":{{"n":[1,2]}}}}"#
    )
}

/// A page of records.
fn page(records: &[String], info: &str) -> String {
    format!(r#"{{"result":{{"records":[{}]}},"success":true,{info}}}"#, records.join(","))
}

#[test]
fn every_untouched_byte_stays() {
    let a = record(1, "a.example.com", "192.0.2.1");
    let b = record(2, "hidden.example.com", "192.0.2.1");
    let c = record(3, "c.example.com", "192.0.2.1");
    let given = |records: &[&String]| {
        let records: Vec<String> = records.iter().map(|record| (*record).clone()).collect();
        page(&records, r#""info":{"page":1,"pages":1}"#)
    };
    let kept = given(&[&a, &c]);
    for records in [vec![&a, &b, &c], vec![&b, &a, &c], vec![&a, &c, &b], vec![&b, &b, &a, &b, &c]]
    {
        assert_eq!(body("records", &given(&records)).unwrap(), kept);
    }
    assert_eq!(body("records", &given(&[&b, &b])).unwrap(), given(&[]));
    let pretty =
        format!("{{\n  \"result\": {{\"records\": [\n    {b},\n    {a},\n    {c}\n  ]}}\n}}\n");
    let expected = format!("{{\n  \"result\": {{\"records\": [\n    {a},\n    {c}\n  ]}}\n}}\n");
    assert_eq!(body("records", &pretty).unwrap(), expected);
}

#[test]
fn entries_that_are_not_understood_are_left_out() {
    let a = record(1, "a.example.com", "192.0.2.1");
    for odd in [
        record(2, "b.other.com", "192.0.2.1"),
        r#"{"id":"2","name":"b.example.com","type":"A"}"#.to_owned(),
        r#"{"id":"2","name":"b.example.com","type":"NEW","content":"x"}"#.to_owned(),
        r#"{"name":"b.example.com","name":"a.example.com","type":"A","content":"x"}"#.to_owned(),
        "7".to_owned(),
        "[[]]".to_owned(),
        "null".to_owned(),
    ] {
        let answer = page(&[odd, a.clone()], r#""info":{}"#);
        let found =
            filtered(&provider("create"), &rule("records"), &[], &answer, |_| true).unwrap();
        assert_eq!((found.left_out, found.not_understood), (0, 1), "{answer}");
        let expected = page(std::slice::from_ref(&a), r#""info":{}"#);
        assert_eq!(String::from_utf8(found.body).unwrap(), expected);
    }
}

#[test]
fn an_absent_list_is_no_free_pass() {
    assert_eq!(
        body("records", r#"{"result":{"records":null}}"#).unwrap(),
        r#"{"result":{"records":null}}"#
    );
    assert_eq!(body("records", r#"{"result":null}"#).unwrap(), r#"{"result":null}"#);
    assert_eq!(body("records", r#"{"result":{"n":0}}"#).unwrap(), r#"{"result":{"n":0}}"#);
    for text in [
        r#"{"result":{"data":[{"secret":1}]}}"#,
        r#"{"result":{"data":{"secret":1}}}"#,
        r#"{"data":{"records":[]},"x":1}"#,
        r#"{"result":[]}"#,
        r#"{"result":{"records":{}}}"#,
        r#"{"result":{"records":[]}"#,
        r#"{"result":{"records":[],"records":[]}}"#,
        "",
        "[]",
    ] {
        assert!(is_refused("records", text), "{text}");
    }
}

#[test]
fn several_lists_of_an_answer_are_all_cut() {
    let (a, b) = (record(1, "a.example.com", "1"), record(2, "hidden.example.com", "1"));
    let given = format!(r#"{{"done":{{"deletes":[{b},{a}],"posts":[{b}]}}}}"#);
    let kept = format!(r#"{{"done":{{"deletes":[{a}],"posts":[]}}}}"#);
    assert_eq!(body("batch", &given).unwrap(), kept);
    let one = format!(r#"{{"done":{{"deletes":[{a}]}}}}"#);
    assert_eq!(body("batch", &one).unwrap(), one);
    assert!(is_refused("batch", &format!(r#"{{"done":{{"deletes":[],"puts":[{b}]}}}}"#)));
}

#[test]
fn records_of_an_rrset_stay_or_go_together() {
    let records = [
        record(1, "a.example.com", "192.0.2.1"),
        record(2, "b.example.com", "192.0.2.1"),
        record(3, "a.example.com", "192.0.2.66"),
        r#"{"id":"4","name":"b.example.com","type":"A"}"#.to_owned(),
        record(5, "c.example.com", "192.0.2.1"),
    ];
    let answer = page(&records, r#""info":{}"#);
    let may = |operation: &Operation| !operation.to_string().contains("192.0.2.66");
    let ids = |always: &str| {
        let found = filtered(&provider(always), &rule("records"), &[], &answer, may).unwrap();
        let text = String::from_utf8(found.body).unwrap();
        (1..=5).filter(|id| text.contains(&format!(r#""id":"{id}""#))).collect::<Vec<_>>()
    };
    assert_eq!(ids("create"), [1, 2, 5]);
    assert_eq!(ids("replace"), [5]);
}

#[test]
fn one_record_is_shown_or_unknown() {
    let shown = format!(r#"{{"list":[{}]}}"#, record(1, "a.example.com", "192.0.2.1"));
    assert_eq!(body("record", &shown).unwrap(), shown);
    let provider = provider("create");
    let unknown = provider.error_body(Reason::ZoneNotVisible, "r-1");
    for text in [
        format!(r#"{{"list":[{}]}}"#, record(1, "hidden.example.com", "192.0.2.1")),
        r#"{"list":[]}"#.to_owned(),
    ] {
        let may = |operation: &Operation| !operation.to_string().contains("hidden");
        let found = filtered(&provider, &rule("record"), &[], &text, may).unwrap();
        assert_eq!((found.status, found.body), (404, unknown.body.clone()));
    }
}

#[test]
fn a_change_is_no_unknown_record_to_who_may_not_read_it() {
    let provider = provider("create");
    let rule = ResponseRule { wrote: true, ..rule("record") };
    let may = |operation: &Operation| !operation.to_string().contains("hidden");
    let hidden = record(1, "hidden.example.com", "192.0.2.1");
    let text = format!(r#"{{"list":[{hidden}],"more":1}}"#);
    let found = filtered(&provider, &rule, &[], &text, may).unwrap();
    let body = String::from_utf8(found.body).unwrap();
    assert_eq!((found.status, body.as_str()), (200, r#"{"list":[null],"more":1}"#));
    assert_eq!(found.left_out, 1);
    let nothing = filtered(&provider, &rule, &[], r#"{"list":[]}"#, may).unwrap();
    assert_eq!(nothing.status, 404);
}

#[test]
fn one_record_of_a_list_stands_alone() {
    let (a, b) = (record(1, "a.example.com", "1"), record(2, "hidden.example.com", "1"));
    assert!(is_refused("record", &format!(r#"{{"list":[{a},{b}]}}"#)));
    assert!(is_refused("record", r#"{"list":[{}]}"#));
    assert!(is_refused("record", r#"{"list":"a"}"#));
}

#[test]
fn an_answer_may_leave_to_the_path_what_it_is_about() {
    let asked = Some((name("a.example.com"), RecordType::parse("TXT").unwrap()));
    let rule = ResponseRule { asked, ..rule("rrsets") };
    let provider = provider("create");
    let found = |text| filtered(&provider, &rule, &[], text, |_| true).unwrap().not_understood;
    assert_eq!(found(r#"[{"values":["x"]}]"#), 0);
    assert_eq!(found(r#"[{"name":"a.example.com","type":"TXT","values":["x"]}]"#), 0);
    assert_eq!(found(r#"[{"name":"b.example.com","type":"TXT","values":["x"]}]"#), 1);
    assert_eq!(found(r#"[{"name":"a.example.com","type":"A","values":["x"]}]"#), 1);
}

#[test]
fn zones_are_cut_inside_too_and_hide_what_is_not_for_all() {
    let zone = |name: &str, file: &str, records: &str| {
        format!(r#"{{"id":7,"domain":"{name}",{file}"records":{{{records}}},"n":1}}"#)
    };
    let (a, b) = (record(1, "a.example.com", "1"), record(2, "hidden.example.com", "1"));
    let given = format!(
        r#"{{"zones":[{},{},{{"id":9,"domain":7}}]}}"#,
        zone("example.com", r#""text":"$ORIGIN","#, &format!(r#""x":{b},"y":{a}"#)),
        zone("hidden.org", "", "")
    );
    let kept = format!(r#"{{"zones":[{}]}}"#, zone("example.com", "", &format!(r#""y":{a}"#)));
    let may = |operation: &Operation| {
        let text = operation.to_string();
        !text.contains("hidden") && operation.action != Action::ZoneExport
    };
    let found = filtered(&provider("create"), &rule("zones"), &[], &given, may).unwrap();
    assert_eq!(String::from_utf8(found.body).unwrap(), kept);
    assert_eq!((found.left_out, found.not_understood), (3, 1));
    let learnt = [("7".to_owned(), name("example.com")), ("7".to_owned(), name("hidden.org"))];
    assert_eq!(found.learnt, learnt);
    // An empty object is an empty list in some languages; anything else is not understood.
    let empty = r#"{"zones":[{"id":7,"domain":"example.com","records":[],"n":1}]}"#;
    assert_eq!(body("zones", empty).unwrap(), empty);
    let odd = r#"{"zones":[{"id":7,"domain":"example.com","records":[1],"n":1}]}"#;
    assert_eq!(body("zones", odd).unwrap(), r#"{"zones":[]}"#);
}

#[test]
fn fields_of_objects_are_hidden() {
    let given = r#"[{"id":1,"secret":"s"},{"secret":"s"},{"secret":"s","id":2},3]"#;
    let found = filtered(&provider("create"), &rule("objects"), &[], given, |_| false).unwrap();
    assert_eq!(String::from_utf8(found.body).unwrap(), r#"[{"id":1},{},{"id":2}]"#);
    assert_eq!((found.left_out, found.not_understood), (3, 1));
}

/// The counters of a page with these records, of which `hidden` is left out.
fn counters(records: &[&str], info: &str) -> Result<String, Reason> {
    let records: Vec<String> =
        records.iter().map(|owner| record(1, &format!("{owner}.example.com"), "1")).collect();
    let text = body("records", &page(&records, &format!(r#""info":{info}"#)))?;
    let (_, info) = text.split_once(r#""info":"#).unwrap();
    Ok(info.strip_suffix('}').unwrap().to_owned())
}

#[test]
fn totals_do_not_count_what_is_left_out() {
    let two = ["a", "hidden"];
    for (given, shown) in [
        // The only page: what is left.
        (
            r#"{"page":1,"per_page":50,"count":2,"total":2,"pages":1}"#,
            r#"{"page":1,"per_page":50,"count":1,"total":1,"pages":1}"#,
        ),
        (r#"{"count":2,"total":"2"}"#, r#"{"count":1,"total":"1"}"#),
        // One of several: full pages.
        (
            r#"{"page":1,"per_page":2,"count":2,"total":5,"pages":3,"next":2}"#,
            r#"{"page":1,"per_page":2,"count":2,"total":6,"pages":3,"next":2}"#,
        ),
        (
            r#"{"page":3,"per_page":2,"count":2,"total":5,"pages":3,"next":null}"#,
            r#"{"page":3,"per_page":2,"count":1,"total":6,"pages":3,"next":null}"#,
        ),
        (r#"{"page":2,"per_page":2,"total":4}"#, r#"{"page":2,"per_page":2,"total":4}"#),
        // The length of a page is that of the file, where nobody says another.
        (r#"{"page":1,"total":130}"#, r#"{"page":1,"total":200}"#),
        (r#"{"total":null,"count":null}"#, r#"{"total":null,"count":null}"#),
        ("{}", "{}"),
    ] {
        assert_eq!(counters(&two, given).unwrap(), shown, "{given}");
    }
    assert_eq!(
        counters(&["hidden"], r#"{"page":1,"total":1,"pages":1}"#).unwrap(),
        r#"{"page":1,"total":0,"pages":1}"#
    );
    for odd in [r#"{"total":-1}"#, r#"{"total":"x"}"#, r#"{"count":[1]}"#, r#"{"total":1.5}"#] {
        assert_eq!(counters(&two, odd), Err(Reason::ResponseNotUnderstood), "{odd}");
    }
    let huge = r#"{"page":1,"per_page":18446744073709551615,"total":9,"pages":9}"#;
    assert_eq!(counters(&two, huge), Err(Reason::ResponseNotUnderstood));
}

#[test]
fn the_query_says_how_long_a_page_is() {
    let query = vec![("limit".to_owned(), "30".to_owned())];
    let rule = ResponseRule { query, ..rule("records") };
    let given =
        page(&[record(1, "a.example.com", "1")], r#""info":{"page":1,"total":31,"next":"c"}"#);
    let found = filtered(&provider("create"), &rule, &[], &given, |_| true).unwrap();
    assert!(String::from_utf8(found.body).unwrap().contains(r#""total":60,"#));
}

#[test]
fn links_lead_back_to_the_gate() {
    let given = r#"{"links":{"next":"https://api.example.net/v1/x?page=2&a=%2F","prev":null,"last":"/v1/x?page=9"}}"#;
    let shown = r#"{"links":{"next":"http://gate:8053/v1/x?page=2&a=%2F","prev":null,"last":"http://gate:8053/v1/x?page=9"}}"#;
    assert_eq!(counters(&["a"], given).unwrap(), shown);
    // The next page's address is one of the links, listed or not; a cursor is none.
    let next = counters(&["a"], r#"{"next":"https://api.example.net/v1?c=1"}"#).unwrap();
    assert_eq!(next, r#"{"next":"http://gate:8053/v1?c=1"}"#);
    assert_eq!(counters(&["a"], r#"{"next":"bmV4dA=="}"#).unwrap(), r#"{"next":"bmV4dA=="}"#);
}

#[test]
fn a_link_never_leads_around_the_gate() {
    for link in [
        "https://api.example.net.evil.example/v1",
        "https://api.example.net@evil.example/",
        "https://api.example.net:444/",
        "https://api.example.net",
        "https://api.example.net//evil.example/",
        "http://api.example.net/v1",
        "https://evil.example/v1",
        "//evil.example/",
        "evil.example",
        "?page=2",
        "javascript:1",
        "/v1\\\\evil.example",
        "/v1 x",
        "/v1\\u00e9",
        "/v1\\nx",
    ] {
        let given = format!(r#"{{"links":{{"last":"{link}"}}}}"#);
        assert_eq!(counters(&["a"], &given), Err(Reason::ResponseNotUnderstood), "{link}");
    }
    for odd in ["7", "[]", "{}", "true"] {
        let given = format!(r#"{{"links":{{"next":{odd}}}}}"#);
        assert_eq!(counters(&["a"], &given), Err(Reason::ResponseNotUnderstood), "{odd}");
    }
}

/// The headers that go on with a list of one record, or the refusal.
fn headers(given: &[(&str, &str)]) -> Result<Vec<(String, String)>, Reason> {
    let records = format!("[{}]", record(1, "a.example.com", "1"));
    filtered(&provider("create"), &rule("bare"), given, &records, |_| true).map(|one| one.headers)
}

#[test]
fn the_link_header_leads_back_to_the_gate() {
    let given = r#"<https://api.example.net/v1/?cursor=>; rel="first", <https://api.example.net/v1/?cursor=a%2C,;b>; title="x, y"; REL=next;anchor="https://evil.example/""#;
    let shown = r#"<http://gate:8053/v1/?cursor=>; rel="first", <http://gate:8053/v1/?cursor=a%2C,;b>; rel="next""#;
    let found = headers(&[("link", given), ("set-cookie", "a=b"), ("location", "/x")]).unwrap();
    assert_eq!(found, [("link".to_owned(), shown.to_owned())]);
    assert_eq!(headers(&[("link", "")]).unwrap(), []);
    for odd in [
        "<https://evil.example/>; rel=next",
        "https://api.example.net/v1; rel=next",
        "</v1",
        "</v1> rel=next",
        "</v1>; rel",
        "</v1>; rel=\"next",
        "</v1>; rel=\"a\\\"b\"",
        "</v1>; rel=next, evil",
    ] {
        assert_eq!(headers(&[("link", odd)]), Err(Reason::ResponseNotUnderstood), "{odd}");
    }
}

#[test]
fn totals_in_headers_are_rewritten() {
    let total = |given: &[(&str, &str)]| {
        headers(given)
            .unwrap()
            .iter()
            .find(|(name, _)| name == "total-count")
            .map(|one| one.1.clone())
    };
    assert_eq!(total(&[("total-count", "1")]).as_deref(), Some("1"));
    let next = ("link", "</v1>; rel=next");
    assert_eq!(total(&[("Total-Count", "101"), next]).as_deref(), Some("200"));
    assert_eq!(total(&[("total-count", "many")]), None);
}

#[test]
fn errors_tell_their_status_and_how_long_to_wait() {
    let provider = provider("create");
    let error = |status, headers: &[(&str, &str)], body: &str| {
        let content_type = Some("application/json");
        let answer = Answer { status, content_type, headers, body: body.as_bytes() };
        let rule = ResponseRule { wrote: true, ..rule("bare") };
        provider.filter(&rule, answer, "r-1", &mut |_| true).unwrap()
    };
    let text = |filtered: &Filtered| String::from_utf8(filtered.body.clone()).unwrap();
    let wait = [("retry-after", "17"), ("link", "</v1>; rel=next"), ("x-secret", "s")];
    let found = error(429, &wait, "{}");
    assert_eq!(
        (found.status, found.headers.as_slice()),
        (429, &[("retry-after".to_owned(), "17".to_owned())][..])
    );
    assert!(text(&found).contains(r#""status":429"#), "{}", text(&found));
    assert_eq!(error(429, &[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], "").headers, []);
    let links = error(400, &[("link", "</v1?cursor=>; rel=first")], "").headers;
    assert_eq!(
        links,
        [("link".to_owned(), r#"<http://gate:8053/v1?cursor=>; rel="first""#.to_owned())]
    );
    assert_eq!(error(400, &[("link", "<https://evil.example/>; rel=first")], "").headers, []);
    let found = error(422, &[], r#"{"errors":[{"message":"too short"},{"message":"other"}]}"#);
    assert!(text(&found).contains(r#""message":"too short ("#), "{}", text(&found));
    let numbered = r#"{"errors":[{"code":81057,"other":"b"}]}"#;
    let found = text(&error(409, &[], numbered));
    assert!(found.starts_with(r#"{"status":81057,"word":"conflict","message":"b ("#), "{found}");
    let found = text(&error(418, &[], numbered));
    assert!(
        found.starts_with(r#"{"status":418,"word":"provider_refused","message":"the"#),
        "{found}"
    );
    assert_eq!(error(404, &[], "").body, br#"{"detail":"Not found."}"#);
    assert_eq!(error(404, &[], "").body, provider.error_body(Reason::UnknownRoute, "r-1").body);
}

/// The problems of the file with a text put in the place of another.
fn problems(from: &str, to: &str) -> String {
    let file = include_str!("listings.toml").replace("ALWAYS", "create");
    assert!(file.contains(from), "{from}");
    let found = Provider::parse("listings.toml", &file.replace(from, to)).err();
    format!("{:?}", found.unwrap_or_default())
}

#[test]
fn forms_of_answers_are_checked() {
    for (from, to, message) in [
        ("shape = \"zones\"", "shape = \"record\"", "does not read `hide`"),
        ("batch = \"records\" # of records", "", "its `shape` needs `batch`"),
        ("rrsets = \"records\"", "", "`rrsets` and `batch` belong together"),
        (
            "hide = { text = \"zone.export\" }",
            "hide = { domain = \"zone.export\" }",
            "it cannot be hidden",
        ),
        (
            "hide = { text = \"zone.export\" }",
            "hide = { text = \"record.read\" }",
            "cannot be hidden by",
        ),
        ("also = [\"done.deletes\"]", "also = [\"done.posts\"]", "`also` repeats"),
        ("at = \"result.records\"", "at = \"result..records\"", "is no path"),
        ("paging = \"info\"", "", "nothing refers to `paging.info`"),
        ("paging = \"info\"", "paging = \"other\"", "refers to the paging `other`"),
        ("per_page = \"info.per_page\"\nper_page_default = 100", "", "a total needs"),
        ("count = \"info.count\"", "count = \"info.total\"", "name the same place"),
        ("total_headers = [\"total-count\"]", "total_headers = [\"set-cookie\"]", "no header"),
        (
            "origin = \"https://api.example.net\"",
            "origin = \"https://api.example.net/v1\"",
            "`origin`",
        ),
        ("\"Not found.\"", "\"{code}\"", "`not_found`"),
        ("words = { 409", "words = { 200", "`words`"),
        ("{sentence}", "{status}", "`body` needs {sentence}"),
        ("field = \"errors.0.message\"", "field = \"errors.\"", "is no path"),
    ] {
        assert!(problems(from, to).contains(message), "{to}: {}", problems(from, to));
    }
}

/// Entries of which some are well-formed, some not.
fn entries() -> impl Strategy<Value = Vec<String>> {
    let owner = prop::sample::select(vec!["a", "b", "hidden", "a.hidden", "*", ""]);
    let entry = prop_oneof![
        6 => (owner, 1u32..99).prop_map(|(owner, id)| record(id, &format!("{owner}.example.com"), "1")),
        1 => "[ -~]{0,9}".prop_map(|text| serde_json::Value::from(text).to_string()),
        1 => Just(r#"{"name":"hidden.example.com","name":"a.example.com","type":"A","content":"1"}"#.to_owned()),
    ];
    prop::collection::vec(entry, 0..9)
}

/// Whether the bytes of `part` stand in `whole` in their order, others between them.
fn is_subsequence(part: &str, whole: &str) -> bool {
    let mut rest = whole.bytes();
    part.bytes().all(|byte| rest.any(|other| other == byte))
}

proptest! {
    /// What may not be read never shows; what may be read does, in its order; and nothing is
    /// there that was not.
    #[test]
    fn only_what_may_be_read_shows(entries in entries(), blank in "[ \n]{0,2}", together in any::<bool>()) {
        let separator = format!("{blank},{blank}");
        let given = format!(r#"{{"result":{{"records":[{blank}{}{blank}]}}}}"#, entries.join(&separator));
        let provider = provider(if together { "replace" } else { "create" });
        let may = |operation: &Operation| !operation.to_string().contains("hidden");
        let found = filtered(&provider, &rule("records"), &[], &given, may).unwrap();
        let text = String::from_utf8(found.body).unwrap();
        prop_assert!(!text.contains("hidden"), "{}", text);
        prop_assert!(is_subsequence(&text, &given));
        let inner = text.strip_prefix(r#"{"result":{"records":"#).unwrap().strip_suffix("}}").unwrap();
        let kept: Vec<&str> = raw_array(inner.as_bytes()).unwrap().iter().map(|raw| raw.get()).collect();
        let readable = |entry: &&str| entry.contains(r#""id""#) && !entry.contains("hidden") && !entry.contains(r#""name":"."#);
        let expected: Vec<&str> = entries.iter().map(String::as_str).filter(readable).collect();
        prop_assert_eq!(kept, expected);
        prop_assert_eq!(found.left_out + found.not_understood + text.matches(r#""id""#).count(), entries.len());
    }

    /// Garbage gives an error or JSON, never a panic.
    #[test]
    fn garbage_does_not_panic(
        form in prop::sample::select(vec!["records", "record", "zones", "objects", "rrsets", "bare", "batch"]),
        garbage in "[\\[\\]{}:,\"a0 \\\\é]{0,24}",
        cut in 0usize..200,
        link in "[<>;,=\"a/ ]{0,12}",
    ) {
        let whole = page(&[record(1, "a.example.com", "1")], r#""info":{"page":1,"total":3,"links":{"next":"/x"}}"#);
        let cut = whole.char_indices().nth(cut).map_or(whole.len(), |(at, _)| at);
        let (before, after) = whole.split_at(cut);
        let provider = provider("create");
        for text in [format!("{before}{garbage}{after}"), format!("{before}{garbage}"), garbage.clone()] {
            if let Ok(found) = filtered(&provider, &rule(form), &[("link", &link)], &text, |_| true) {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&found.body).is_ok());
            }
        }
    }
}
