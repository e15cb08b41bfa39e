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
