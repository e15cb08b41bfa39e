//! Provider files that are wrong are refused with every problem at its line.

use crate::provider::{POWERDNS, Provider};

/// The problems of the shipped file after a replacement, one line each.
fn problems(from: &str, to: &str) -> Vec<String> {
    assert!(POWERDNS.contains(from), "{from}");
    match Provider::parse("p.toml", &POWERDNS.replacen(from, to, 1)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// Whether some problem says this.
fn says(problems: &[String], text: &str) {
    assert!(problems.iter().any(|problem| problem.contains(text)), "{text}: {problems:#?}");
}

#[test]
fn the_shipped_file_has_no_problems() {
    assert_eq!(problems("provider = ", "provider = "), Vec::<String>::new());
}

#[test]
fn overlapping_routes_are_an_error_with_a_line() {
    let same = problems("{zone}/notify", "{zone}/rectify");
    says(&same, "the routes `zone-notify` and `zone-rectify` could match the same request");
    assert!(same.iter().all(|problem| problem.starts_with("p.toml:")), "{same:?}");
    says(&problems("GET /api/v1/servers/{server}/config\"", "GET /api/{setting}\""), "`api-docs`");
    says(&problems("/config/{setting}", "/{setting}/{address}"), "could match the same request");
    says(&problems("{server}/cache/flush", "{server}/zones/{zone}"), "`zone-update`");
}

#[test]
fn exceptions_keep_routes_apart() {
    let excepted = POWERDNS.replace(
        "[parameter.setting]\nsource = \"config\"",
        "[parameter.setting]\nexcept = [\"docs\", \"v1\"]\nsource = \"config\"",
    );
    let text =
        excepted.replace("GET /api/v1/servers/{server}/config/{setting}", "GET /api/{setting}");
    Provider::parse("p.toml", &text).unwrap();
}

#[test]
fn two_routes_with_one_name_are_an_error() {
    says(&problems("id = \"zone-notify\"", "id = \"zone-read\""), "two routes `zone-read`");
}

#[test]
fn what_is_referred_to_is_there_and_is_used() {
    says(
        &problems("body = \"zone-changes\"", "body = \"nothing\""),
        "refers to the object `nothing`",
    );
    says(
        &problems("body = \"zone-changes\"", "body = \"nothing\""),
        "nothing refers to `object.zone-changes`",
    );
    says(&problems("one_of = \"zone-kinds\"", "one_of = \"kinds\""), "refers to the set `kinds`");
    says(&problems("{zone}/export", "{zoen}/export"), "refers to the parameter `zoen`");
    says(&problems("response = \"export\"", "response = \"exports\""), "the response `exports`");
    says(&problems("source = \"tsigkey\"", "source = \"tsig\""), "refers to the source `tsig`");
}

#[test]
fn unknown_keys_and_words_are_errors() {
    says(&problems("trailing_slash", "trailing_slashes"), "unknown field");
    says(&problems("use = \"inert\"", "use = \"ignored\""), "unknown variant");
    says(&problems("\"zone.import\"", "\"zone.imports\""), "there is no action `zone.imports`");
    says(&problems("name_form = \"fqdn-dot\"", "name_form = \"dotted\""), "unknown variant");
    let line = problems("trailing_slash", "trailing_slashes");
    assert!(line.iter().all(|problem| problem.starts_with("p.toml:")), "{line:?}");
}

#[test]
fn rules_that_would_be_void_are_errors() {
    says(
        &problems("\"records\", \"comments\", \"ttl\"", "\"comments\", \"ttl\""),
        "drops `records`",
    );
    says(
        &problems("ask = [\"zone.read\"]", "ask = [\"record.read\"]"),
        "can only come from a batch",
    );
    says(&problems("ask = [\"zone.read\"]", "ask = []"), "`zone-read` asks for nothing");
    says(&problems("ask = [\"zone.list\"]", "ask = [\"zone.read\"]"), "exactly one zone");
    says(
        &problems("is = \"zone\", required = true", "is = \"zone\""),
        "`zone-create` does not name exactly one zone",
    );
    says(
        &problems("of = \"changes\", required = true", "of = \"changes\""),
        "`zone-patch` asks for nothing",
    );
    says(
        &problems("use = \"used\", is = \"lines\"", "use = \"pass\", is = \"lines\""),
        "means something",
    );
    says(&problems("verified = 2026-11-20", "verified = 07:00:00"), "is not a day");
    says(&problems("{sentence}", "{sentense}"), "needs {sentence}");
    says(&problems("zones?zone={zone}", "zones?zone={zon}"), "`{zon}`, which nobody knows");
    says(
        &problems("response = \"zones\"\n\n# --- Routes", "response = \"done\"\n\n# --- Routes"),
        "another shape",
    );
    says(
        &problems("basic = \"password\"", "basic = \"password\"\nheader = \"x\""),
        "one of `header`, `basic` and `body`",
    );
}

#[test]
fn all_problems_come_at_once() {
    let text = POWERDNS
        .replacen("ask = [\"zone.read\"]", "ask = []", 1)
        .replacen("response = \"export\"", "response = \"exports\"", 1)
        .replacen("{zone}/notify", "{zone}/rectify", 1);
    let problems = Provider::parse("p.toml", &text).unwrap_err();
    assert!(problems.len() >= 4, "{problems:#?}");
}

/// The problems of another shipped file after a replacement, one line each.
fn problems_of(file: &str, from: &str, to: &str) -> Vec<String> {
    assert!(file.contains(from), "{from}");
    match Provider::parse("p.toml", &file.replacen(from, to, 1)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_list_of_what_goes_stands_beside_one_of_what_comes() {
    let gandi = include_str!("../../../providers/gandi.toml");
    let change = |from: &str, to: &str| problems_of(gandi, from, to);
    assert_eq!(change("removes = ", "removes = "), Vec::<String>::new());
    let extend = "\"SOA\"]\nalways = \"extend\"";
    says(&change(extend, "\"SOA\"]\nalways = \"replace\""), "`values`, which extend");
    let twice = "removes = \"add_rrset_values\"";
    says(&change("removes = \"remove_rrset_values\"", twice), "`values`, which extend");
    says(&change("removes = \"remove_rrset_values\"", ""), "`single` stands beside `removes`");
    says(&change("single = [\"ALIAS\"", "single = [\"alias\""), "`alias` is no record type");
}

#[test]
fn another_zone_is_always_named_and_asked_about() {
    let linode = include_str!("../../../providers/linode.toml");
    let asks = ", ask = [\"zone.create\", \"zone.import\", \"zone.transfer\"] }";
    let field = format!("domain = {{ use = \"used\", is = \"other-zone\", required = true{asks}");
    let change = |to: &str| problems_of(linode, &field, to);
    assert_eq!(change(&field), Vec::<String>::new());
    for to in [
        field.replace(", required = true", ""),
        field.replace(asks, " }"),
        field.replace("\"zone.import\"", "\"search\""),
        field.replace(" }", ", when = \"not-empty\" }"),
        field.replace("\"other-zone\"", "[\"other-zone\", \"text\"]"),
    ] {
        says(&change(&to), "is required, and always asks for something on its zone");
    }
    says(&change(&field.replace("used", "pass")), "means something");
    let two = format!("{field}\n{}", field.replace("domain", "to"));
    says(&change(&two), "names more than one other zone");
    let query = "[route.query]\npage = { use = \"pass\", is = \"digits\" }";
    says(
        &problems_of(
            linode,
            query,
            "[route.query]\npage = { use = \"used\", is = \"other-zone\" }",
        ),
        "the query parameter `page` cannot be that",
    );
}

#[test]
fn a_last_dot_is_one_of_a_zone_and_an_id_one_of_a_list() {
    let cloudflare = include_str!("../../../providers/cloudflare.toml");
    let change = |from: &str, to: &str| problems_of(cloudflare, from, to);
    let name = "name = { use = \"used\", is = \"zone\", last_dot = true, required = true }";
    assert_eq!(change(name, name), Vec::<String>::new());
    let text = "name = { use = \"used\", is = \"text\", last_dot = true, required = true }";
    says(&change(name, text), "is no zone that is written without");
    let always = "name_form = \"fqdn-dot\"";
    says(&change("name_form = \"fqdn\"", always), "is no zone that is written without");
    let peers = "is = \"texts\", id = \"hex32\"";
    says(&change(peers, "is = \"text\", id = \"hex32\""), "is no list of texts");
    let two = format!("{name}\nzone = {{ use = \"used\", is = \"zone\", required = true }}");
    says(&change(name, &two), "does not name exactly one zone");
}

#[test]
fn what_stands_in_no_query_is_a_set_in_lower_case() {
    let cloudflare = include_str!("../../../providers/cloudflare.toml");
    let change = |from: &str, to: &str| problems_of(cloudflare, from, to);
    let content = "is = \"text\", without = \"operators-and-lists\"";
    assert_eq!(change(content, content), Vec::<String>::new());
    says(&change(content, "is = \"text\", without = \"signs\""), "signs");
    says(&change("[\"contains:\",", "[\"Contains:\","), "not in lower case");
    says(&change("[\"contains:\",", "[\"\","), "not in lower case");
    let comment = "comment = { use = \"pass\", is = \"text\" }";
    let without = "comment = { use = \"pass\", is = \"text\", without = \"operators\" }";
    says(&change(comment, without), "queries alone");
}

#[test]
fn routes_that_a_header_tells_apart_go_on_as_what_they_are() {
    let gandi = include_str!("../../../providers/gandi.toml");
    let change = |from: &str, to: &str| problems_of(gandi, from, to);
    let import = "told_by = { content-type = \"text/plain\" }";
    assert_eq!(change(import, import), Vec::<String>::new());
    says(&change(import, ""), "could match the same request");
    says(&change(import, "told_by = { accept = \"text/plain\" }"), "as something else");
    says(&change(import, "told_by = { content-type = \"text/dns\" }"), "as something else");
    says(&change(import, "told_by = { content-type = \"Text/Plain\" }"), "is no content type");
    let with = "told_by = { content-type = \"text/plain; charset=utf-8\" }";
    says(&change(import, with), "is no content type");
    says(&change(import, "told_by = { cookie = \"a\" }"), "unknown variant");
    says(&change("opaque = \"text/plain\"", "body = \"contents\""), "as something else");
    let export = "told_by = { accept = \"text/plain\" }";
    says(&change(export, ""), "could match the same request");
    says(&change("content_types = [\"text/plain\"]", "content_types = []"), "as something else");
    says(&change("headers = [] #", "headers = [\"Accept\"] #"), "as something else");
    let alone = change(
        "match = \"GET /v5/livedns/domains/{domain}/records\"\ntold_by",
        "match = \"GET /v5/livedns/domains/{domain}/zonefile\"\ntold_by",
    );
    says(&alone, "`zone-export` is told from no other route");
    let again = "[[route]]\nid = \"zone-again\"\nsource = \"zonefile\"\n\
        match = \"PUT /v5/livedns/domains/{domain}/records\"\n\
        told_by = { content-type = \"text/plain\" }\nask = [\"zone.import\"]\n\
        opaque = \"text/plain\"\nresponse = \"done\"\n\n[[route]]\nid = \"records-delete\"";
    let twice = change("[[route]]\nid = \"records-delete\"", again);
    says(&twice, "the routes `zone-import` and `zone-again` could match the same request");
}

#[test]
fn lists_of_records_stand_in_the_body_or_one_object_of_it() {
    let gandi = include_str!("../../../providers/gandi.toml");
    let change = |from: &str, to: &str| problems_of(gandi, from, to);
    let zone = "zone = { use = \"pass\", is = \"object\", of = \"new-contents\" }";
    let many = "zone = { use = \"pass\", is = \"objects\", of = \"new-contents\" }";
    says(&change(zone, many), "has objects that have objects");
    let ttl = "rrset_ttl = { use = \"pass\", is = \"integer\" }\nrrset_href";
    let inside =
        format!("inner = {{ use = \"pass\", is = \"object\", of = \"new-contents\" }}\n{ttl}");
    says(&change(ttl, &inside), "has fields that cannot stand in a list");
}

#[test]
fn an_error_in_a_success_has_a_field() {
    let porkbun = include_str!("../../../providers/porkbun.toml");
    let change = |from: &str, to: &str| problems_of(porkbun, from, to);
    let field = "field = \"status\"\nis = \"ERROR\"";
    assert_eq!(change(field, "field = \"a.status\"\nis = false"), Vec::<String>::new());
    says(&change(field, "field = \"\"\nis = \"ERROR\""), "names no field");
    says(&change(field, "field = \"status\"\nis = 1"), "did not match any variant");
    says(&change(field, "field = \"status\""), "missing field `is`");
}
