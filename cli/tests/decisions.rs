//! `zonegate test` and `zonegate explain`: what is decided and why.

mod common;

use common::Folder;

/// The arguments of `explain` for the editor at a time of the working day.
fn explain<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["explain", "--key", "demoeditor01", "--at", "2026-06-03T10:00:00Z"];
    all.extend(more);
    all
}

#[test]
fn sound_tables_pass_and_coverage_is_told() {
    let run = Folder::new().run(&["test"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines[0], "policies 4 of 4");
    assert_eq!(lines[1], "scopes (met and missed) 4 of 4");
    assert_eq!(lines[2], "clauses (true and false) 3 of 4; not so in: editors-previews");
    assert!(lines[3].starts_with("routes (allowed and denied) 1 of "), "{}", run.out);
    assert!(lines[4].starts_with("reasons 2 of 29; without a case: "), "{}", run.out);
    assert_eq!(lines[5], "5 passed, 0 failed, 0 skipped (engine)");
}

#[test]
fn a_failure_shows_what_differs() {
    let folder = Folder::new();
    folder.edit("rules/everybody.cedar", "RecordType::\"CAA\"", "RecordType::\"MX\"");
    let run = folder.run(&["test"]);
    assert_eq!(run.code, 1);
    assert!(
        run.out.starts_with(
            "FAIL policies/cases/editors.toml:22 nobody writes CAA\n  decision\n    expected  deny \
             policy-forbids\n    actual    allow\n  policies\n    expected  no-caa\n    actual    \
             editors-write\n  forwarded\n    expected  nothing goes on to the provider\n    actual    \
             PATCH /api/v1/servers/localhost/zones/example.com.\n"
        ),
        "{}",
        run.out
    );
    assert!(run.out.contains("not covered: policy `no-caa` decides no case\n  add a row with: "));
    assert!(run.out.ends_with("4 passed, 1 failed, 0 skipped (engine), 1 thing not covered\n"));
}

#[test]
fn a_wrong_meaning_is_shown_line_by_line() {
    let folder = Folder::new();
    folder.edit("cases/editors.toml", "A \"192.0.2.1\"']", "A \"192.0.2.9\"']");
    let run = folder.run(&["test", "--filter", "office hours"]);
    assert!(
        run.out.contains(
            "  means\n      record.delete example.com www.example.com A\n    - record.create \
             example.com www.example.com A \"192.0.2.9\"\n    + record.create example.com \
             www.example.com A \"192.0.2.1\"\n"
        ),
        "{}",
        run.out
    );
}

#[test]
fn what_the_manifest_requires_must_be_covered() {
    let folder = Folder::new();
    let text = folder.read("manifest.toml");
    folder.write("manifest.toml", format!("{text}coverage = [\"policies\", \"reasons\"]\n"));
    let run = folder.run(&["test"]);
    assert_eq!(run.code, 1);
    let gap = "not covered: reason `no-key` denies no case\n  add a row with: deny = \"no-key\"\n";
    assert!(run.out.contains(gap), "{}", run.out);
    assert!(run.out.ends_with("5 passed, 0 failed, 0 skipped (engine), 27 things not covered\n"));
    folder.write("manifest.toml", format!("{text}coverage = [\"routes\"]\n"));
    let run = folder.run(&["test"]);
    assert!(run.out.contains("not covered: route `powerdns/zone-delete` is never allowed\n"));
    folder.write("manifest.toml", format!("{text}coverage = []\n"));
    assert_eq!(folder.run(&["test"]).code, 0);
}

#[test]
fn a_filter_runs_some_cases_and_none_is_a_failure() {
    let folder = Folder::new();
    let run = folder.run(&["test", "--filter", "CAA"]);
    assert_eq!((run.code, run.out.as_str()), (0, "1 passed, 0 failed, 0 skipped (engine)\n"));
    let run = folder.run(&["test", "--filter", "nothing like it"]);
    assert_eq!(run.code, 1);
    assert_eq!(run.out, "no case ran: 0 passed, 0 failed, 0 skipped (engine)\n");
    let text =
        folder.read("cases/editors.toml").replace("send =", "skip = { engine = \"x\" }\nsend =");
    folder.write("cases/editors.toml", text);
    assert_eq!(folder.run(&["test"]).code, 1, "skipping everything is no success");
}

#[test]
fn tables_and_policies_with_problems_are_refused() {
    let folder = Folder::new();
    folder.edit("cases/editors.toml", "deny =", "denied =");
    let run = folder.run(&["test"]);
    assert_eq!((run.code, run.out.as_str()), (3, ""));
    assert!(
        run.err.starts_with("policies/cases/editors.toml:27: error: unknown field `denied`"),
        "{}",
        run.err
    );
    let folder = Folder::new();
    folder.edit("windows.toml", "Amsterdam", "Amsterdamm");
    let run = folder.run(&["test", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((run.code, &json["ok"]), (3, &false.into()));
}

#[test]
fn a_report_for_a_program() {
    let run = Folder::new().run(&["test", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((&json["ok"], &json["report"]["passed"]), (&true.into(), &5.into()));
    assert_eq!(json["report"]["coverage"]["policies"]["no-caa"], 1);
}

#[test]
fn an_allowed_operation_names_who_allows_it() {
    let folder = Folder::new();
    let operation = "record.create example.com www.example.com A \"192.0.2.1\"";
    let run = folder.run(&explain(&["--operation", operation]));
    assert_eq!(
        run.out,
        "allowed\n\
         key demoeditor01 at powerdns/main from 127.0.0.1 at 2026-06-03T10:00:00Z\n\
         \n\
         record.create example.com www.example.com A \"192.0.2.1\"\n\
         \x20 allowed by editors-write\n\
         \x20 permit  editors-write     rules/editors.cedar:1   matches\n\
         \x20 permit  editors-previews  rules/editors.cedar:10  stops at when { resource in \
         Pattern::\"preview\" }\n\
         \x20         pattern preview is pr-[0-9]+\\.preview of relative \"www\"\n\
         \x20 besides: 1 forbids something else, 1 for other actions, 0 for other keys (--all lists \
         them)\n\
         \n\
         note: asked as if by PATCH on route powerdns/zone-patch; policies may depend on it\n"
    );
    assert_eq!(run.code, 0);
}

#[test]
fn a_denied_operation_says_why_each_policy_did_not_allow_it() {
    let folder = Folder::new();
    let operation = "record.create example.com www.example.com A";
    let run = folder.run(&[
        "explain",
        "--key",
        "demoeditor01",
        "--at",
        "2026-06-03T22:00:00Z",
        "--operation",
        operation,
    ]);
    assert_eq!(run.code, 2);
    assert!(run.out.starts_with("denied: no-policy-allows (403): this key may not do this\n"));
    assert!(
        run.out
            .contains("permit  editors-write     rules/editors.cedar:1   stops at when { context.")
    );
    let run = folder.run(&explain(&["--operation", "record.create example.org www.example.org A"]));
    assert!(
        run.out.contains("editors-write     rules/editors.cedar:1   is for the zone example.com"),
        "{}",
        run.out
    );
    let run = folder.run(&explain(&[
        "--all",
        "--operation",
        "record.create example.com example.com CAA",
    ]));
    assert_eq!(run.code, 2);
    assert!(run.out.contains("  denied: policy-forbids by no-caa\n"), "{}", run.out);
    assert!(
        run.out.contains("every-key         rules/everybody.cedar:1   is for other actions"),
        "{}",
        run.out
    );
}

#[test]
fn a_request_is_explained_by_its_operations() {
    let folder = Folder::new();
    let body = r#"{"rrsets":[{"name":"www.example.com.","type":"A","ttl":60,"changetype":"REPLACE",
        "records":[{"content":"192.0.2.1","disabled":false}]}]}"#;
    std::fs::write(folder.beside("body.json"), body).unwrap();
    let send = "PATCH /api/v1/servers/localhost/zones/example.com.";
    for body in ["@body.json", body] {
        let run = folder.run(&explain(&["--send", send, "--body", body]));
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        assert!(run.out.contains("route powerdns/zone-patch\n"), "{}", run.out);
        assert!(run.out.contains(
            "\nrecord.delete example.com www.example.com A\n  allowed by editors-write\n"
        ));
        assert!(
            run.out
                .contains("\nrecord.create example.com www.example.com A \"192.0.2.1\"\n  allowed")
        );
    }
    let run = folder.run(&explain(&["--format", "json", "--send", send, "--body", "@body.json"]));
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(
        (&json["decision"], &json["route"]),
        (&"allow".into(), &"powerdns/zone-patch".into())
    );
    assert_eq!(json["operations"].as_array().unwrap().len(), 2);
    assert_eq!(json["operations"][1]["policies"][0]["why"], "matched");
}

#[test]
fn a_request_that_no_policy_sees_is_explained_too() {
    let folder = Folder::new();
    for (send, body, words) in [
        ("GET /nowhere", "", "denied: unknown-route (404)"),
        ("BREW /api", "", "denied: unknown-method (405)"),
        ("GET /api/%2e%2e/x", "", "denied: target-not-canonical (400)"),
        (
            "PATCH /api/v1/servers/localhost/zones/example.com.",
            "{]",
            "denied: body-not-understood (422)",
        ),
        ("GET /api/v1/servers/localhost/zones/example.org.", "", "denied: zone-not-visible (404)"),
    ] {
        let run = folder.run(&explain(&["--send", send, "--body", body]));
        assert_eq!(run.code, 2, "{send}: {}{}", run.out, run.err);
        assert!(run.out.starts_with(words), "{send}: {}", run.out);
    }
    let run = folder.run(&["explain", "--key", "demooff00001", "--operation", "zone.list"]);
    assert!(
        run.out.starts_with("denied: disabled-key (401): the key is disabled\n"),
        "{}",
        run.out
    );
    let run = folder.run(&explain(&["--account", "powerdns/other", "--operation", "zone.list"]));
    assert!(
        run.out.starts_with("denied: unknown-key (401): the key is for powerdns/main\n"),
        "{}",
        run.out
    );
}

#[test]
fn what_cannot_be_explained_fails() {
    let folder = Folder::new();
    for (arguments, words) in [
        (vec!["--operation", "record.make x"], "`record.make` is not an action; the actions are "),
        (vec!["--operation", "zone.read example.com."], "zone `example.com.`"),
        (vec!["--send", "GET"], "--send `GET` is not a method and a path"),
        (vec!["--send", "GET /", "--body", "@nowhere"], "nowhere: No such file"),
        (
            vec!["--account", "route53/main", "--operation", "zone.list"],
            "there is no provider `route53`",
        ),
        (vec!["--operation", "zone.list", "--send", "GET /"], "cannot be used with"),
        (vec![], "required arguments were not provided"),
        (vec!["--operation", "zone.list", "--at", "noon"], "invalid value 'noon' for '--at"),
    ] {
        let arguments = if arguments.contains(&"--at") {
            [&["explain", "--key", "demoeditor01"], arguments.as_slice()].concat()
        } else {
            explain(&arguments)
        };
        let run = folder.run(&arguments);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments:?}");
        assert!(run.err.contains(words), "{arguments:?}: {}", run.err);
    }
    let run = folder.run(&["explain", "--key", "demonobody01", "--operation", "zone.list"]);
    assert_eq!(
        run.err,
        "error: keys.toml has no key `demonobody01`; it has demoeditor01, demooff00001\n"
    );
}

#[test]
fn what_the_gate_would_look_up_is_asked_of_whoever_wants_to_know() {
    let folder = Folder::new();
    folder.edit("keys.toml", "accounts = [\"powerdns/main\"]", "accounts = [\"*\"]");
    let path = "/v2/domains/example.com/records/7";
    let send = format!("DELETE {path}");
    let ask = |more: &[&str]| {
        let mut all = vec!["--account", "digitalocean/main", "--send", &send];
        all.extend(more);
        folder.run(&explain(&all))
    };
    let run = ask(&[]);
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    let words =
        format!("denied: lookup-failed (503): the gate would first ask the provider for {path}");
    assert!(run.out.starts_with(&words), "{}", run.out);
    let record = r#"{"domain_record":{"id":7,"type":"A","name":"www","data":"192.0.2.80"}}"#;
    let run = ask(&["--answer", &format!("{path} {record}")]);
    let operation = "record.delete example.com www.example.com A \"192.0.2.80\"";
    assert!(run.out.contains(operation), "{}{}", run.out, run.err);
    let run = ask(&["--answer", "nothing"]);
    assert!(run.err.contains("is not a path and its answer"), "{}{}", run.out, run.err);
}
