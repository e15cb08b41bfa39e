//! Lists that a header narrows: what a provider file may say of them, and that they only narrow.

use crate::operation::{Action, Operation};
use crate::provider::filter::{Answer, Filtered};
use crate::provider::{Knowledge, Provider, Read};
use crate::request::{Method, Target};

use super::CAPS;

/// The file that has such lists.
const LINODE: &str = include_str!("../../../providers/linode.toml");

/// The problems of that file after a replacement, one line each.
fn problems(from: &str, to: &str) -> String {
    assert!(LINODE.contains(from), "{from}");
    match Provider::parse("p.toml", &LINODE.replacen(from, to, 1)) {
        Ok(_) => String::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

/// A list of domains with a filter, cut for a key that may read those that begin with `own`.
fn listed(header: &[u8], body: &str) -> Filtered {
    let provider = Provider::parse("linode.toml", LINODE).unwrap();
    let target = Target::parse(b"/v4/domains").unwrap();
    let matched = provider.find(Method::Get, &target).unwrap().narrowed(header).unwrap();
    let Read::Plan(plan) = matched.read(&[], &CAPS, &Knowledge::default()).unwrap() else {
        panic!("a list names nothing by an id");
    };
    let content_type = Some("application/json");
    let answer = Answer { status: 200, content_type, headers: &[], body: body.as_bytes() };
    let may = |operation: &Operation| {
        operation.action == Action::ZoneRead && operation.to_string().starts_with("zone.read own")
    };
    provider.filter(&plan.response, answer, "id", &mut { may }).unwrap()
}

/// A list of these domains.
fn page(domains: &[&str]) -> String {
    let entry = |(id, domain)| format!(r#"{{"id":{id},"domain":"{domain}","tags":["t{id}"]}}"#);
    let entries: Vec<_> = (1..).zip(domains).map(entry).collect();
    let count = entries.len();
    format!(r#"{{"data":[{}],"page":1,"pages":1,"results":{count}}}"#, entries.join(","))
}

#[test]
fn a_header_narrows_lists_alone() {
    let says = |from, to, text: &str| {
        let found = problems(from, to);
        assert!(found.contains(text), "{text}: {found}");
    };
    says("narrow = \"zones\"", "narrow = \"nothing\"", "refers to the narrow `nothing`");
    says("narrow = \"zones\"", "", "nothing refers to `narrow.zones`");
    says("header = \"X-Filter\"", "header = \"Authorization\"", "says something else");
    says("header = \"X-Filter\"", "header = \"X Filter\"", "is no header's name");
    says("page_size = \"500\"", "size = \"500\"", "has no query parameter `size`");
    says("{ domain = \"name\"", "{ \"+or\" = \"name\"", "no field is an operator");
    says("domain = \"name\", group", "domain = \"regex\", group", "unknown variant");
    let list = "response = \"zone\"\n\n[[route]]\nid = \"zone-update\"";
    let narrowed = list.replacen("\"zone\"", "\"zone\"\nnarrow = \"zones\"", 1);
    says(list, &narrowed, "`zone-read` answers no list that can be narrowed");
}

#[test]
fn a_filter_tells_nothing_of_what_is_hidden() {
    let without = ["own.example", "own.test"];
    let with = ["own.example", "secret.example", "own.test", "secret.test"];
    let filters: [&[u8]; 5] = [
        br#"{"domain":"secret.example"}"#,
        br#"{"domain":"own.test"}"#,
        br#"{"+or":[{"domain":"secret.test"},{"domain":"own.example"}]}"#,
        br#"{"tags":"t9"}"#,
        br#"{"+and":[{"domain":"secret.example"},{"tags":"t1"}]}"#,
    ];
    for filter in filters {
        let domains = |filtered: Filtered| {
            let text = String::from_utf8(filtered.body).unwrap();
            let all = text.split("\"domain\":\"").skip(1);
            let names: Vec<_> =
                all.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect();
            (names, text.split_once(",\"page\"").map(|(_, rest)| rest.to_owned()))
        };
        let shown = domains(listed(filter, &page(&with)));
        assert_eq!(shown, domains(listed(filter, &page(&without))));
    }
}

#[test]
fn a_list_that_is_narrowed_is_part_of_the_list() {
    let all = listed(b"", &page(&["own.example", "secret.example", "own.test"]));
    assert_eq!(all.left_out, 1);
    let one =
        listed(br#"{"domain":"OWN.test"}"#, &page(&["own.example", "secret.example", "own.test"]));
    assert_eq!(one.left_out, 1, "what was not asked for is not left out for want of permission");
    let text = String::from_utf8(one.body).unwrap();
    assert!(text.contains("own.test") && !text.contains("own.example"), "{text}");
    assert!(text.ends_with(r#""page":1,"pages":1,"results":1}"#), "{text}");
    assert_eq!(one.learnt.len(), 3, "which zone an id stands for is learnt from all of them");
}
