//! `zonegate explain`: a pasted command line, a line of the log, the condition at which policies
//! stop, the smallest change, and rows for tables.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::{Folder, Run};
use serde_json::Value;

/// The text of the editor's key.
const EDITOR: &str = "zgk_demoeditor01_OHW0Gs8eahqhCwaHdHNDkqnMOtmgJMgWzKjHDasxqu2irtk";
/// The secret part of it.
const SECRET: &str = "OHW0Gs8eahqhCwaHdHNDkqnMOtmgJMgWzKjHDasxqu2irtk";
/// A time in office hours.
const DAY: &str = "2026-06-03T10:00:00Z";
/// A time at night.
const NIGHT: &str = "2026-06-03T22:00:00Z";
/// Path of the zone that the editors edit.
const ZONE: &str = "/api/v1/servers/localhost/zones/example.com.";

/// Explains with these arguments.
fn explain(folder: &Folder, arguments: &[&str]) -> Run {
    folder.run(&[&["explain"], arguments].concat())
}

/// The same as a document.
fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let run = explain(folder, &[&["--format", "json"], arguments].concat());
    serde_json::from_str(&run.out).unwrap()
}

/// A body that writes an address.
fn body(name: &str) -> String {
    format!(
        r#"{{"rrsets":[{{"name":"{name}.example.com.","type":"A","ttl":60,"changetype":"REPLACE","records":[{{"content":"192.0.2.1","disabled":false}}]}}]}}"#
    )
}

/// The changes of a document, as text.
fn changes(document: &Value) -> Vec<String> {
    let changes = document["smallest"]["changes"].as_array().unwrap().iter();
    let text = |one: &Value| one.as_str().unwrap().to_owned();
    let step = |step: &Value| format!("{} {}", text(&step["field"]), text(&step["to"]));
    changes
        .map(|one| {
            let steps: Vec<String> = one["change"].as_array().unwrap().iter().map(step).collect();
            steps.join(", ")
        })
        .collect()
}

#[test]
fn a_policy_is_shown_with_the_clause_at_which_it_stopped() {
    let folder = Folder::new();
    let operation = "record.create example.com www.example.com A \"192.0.2.1\"";
    let arguments = ["--key", "demoeditor01", "--at", NIGHT, "--operation", operation];
    let run = explain(&folder, &arguments);
    for part in [
        "permit  editors-write     rules/editors.cedar:1   stops at when { \
         context.windows.contains(Window::\"office-hours\") }\n          context.windows is none\n",
        "permit  editors-previews  rules/editors.cedar:10  stops at when { resource in \
         Pattern::\"preview\" }\n",
        "besides: 1 forbids something else, 1 for other actions, 0 for other keys",
    ] {
        assert!(run.out.contains(part), "{part}\n{}", run.out);
    }
    let document = json(&folder, &arguments);
    let policies = document["operations"][0]["policies"].as_array().unwrap();
    // The nearest miss first: one clause is missing in both, and the names decide.
    let clauses = &policies[0]["clauses"];
    assert_eq!(policies[0]["id"], "editors-previews");
    assert_eq!((&clauses[0]["held"], &clauses[1]["held"]), (&"yes".into(), &"no".into()));
    assert_eq!(clauses[1]["text"], "resource in Pattern::\"preview\"");
    assert_eq!(policies[2]["why"], "other-action");
}

#[test]
fn the_smallest_change_is_one_of_any_field() {
    let folder = Folder::new();
    let ask = |more: &[&str]| json(&folder, &[&["--key", "demoeditor01"], more].concat());
    let www = "record.create example.com www.example.com A \"192.0.2.1\"";
    let document = ask(&["--at", NIGHT, "--operation", www]);
    assert_eq!(changes(&document), ["time 2026-06-04T07:00:00Z", "name pr-0.preview.example.com"]);
    assert_eq!(document["smallest"]["changes"][0]["by"][0], "editors-write");
    let caa = "record.create example.com example.com CAA \"0 issue x\"";
    let document = ask(&["--at", DAY, "--operation", caa]);
    assert!(changes(&document).contains(&"action record.read".to_owned()), "{document}");
    let foreign = "zone.read example.org";
    let document = ask(&["--at", DAY, "--operation", foreign]);
    assert_eq!(changes(&document), ["zone example.com"]);
    // What is suggested is allowed when it is asked for.
    let there = "record.create example.com pr-0.preview.example.com A \"192.0.2.1\"";
    assert_eq!(ask(&["--at", NIGHT, "--operation", there])["decision"], "allow");
}

#[test]
fn two_fields_change_where_one_is_not_enough() {
    let folder = Folder::new();
    let arguments =
        ["--key", "demoeditor01", "--at", NIGHT, "--operation", "zone.read example.org"];
    let document = json(&folder, &arguments);
    assert_eq!(document["smallest"]["fields"], 2);
    assert_eq!(changes(&document), ["time 2026-06-04T07:00:00Z, zone example.com"]);
    let run = explain(&folder, &arguments);
    let words = "smallest change: any of these would have been allowed\n  time \
                 2026-06-04T07:00:00Z (window office-hours), zone example.com  by editors-write\n";
    assert!(run.out.contains(words), "{}", run.out);
}

#[test]
fn a_role_or_an_address_may_be_what_is_missing() {
    let folder = Folder::new();
    let roles = folder.read("roles.toml");
    folder.write("roles.toml", format!("{roles}\n[role.night]\ndescription = \"at night\"\n"));
    let rules = folder.read("rules/editors.cedar");
    let night = "@id(\"night\") @doc(\"x\")\npermit (principal in Role::\"night\", action, resource)\
                 \nwhen { context.networks.contains(Network::\"office\") };\n";
    folder.write("rules/editors.cedar", format!("{rules}{night}"));
    let ask = |from: &str| {
        let operation = "dnssec.read example.com";
        let from = ["--key", "demoeditor01", "--from", from, "--at", DAY, "--operation", operation];
        changes(&json(&folder, &from))
    };
    assert_eq!(ask("192.0.2.7"), ["role night", "action zone.read"]);
    // To do something else is the smallest change; what helps to do this is told all the same.
    assert_eq!(ask("198.51.100.7"), ["action zone.read", "address 192.0.2.0, role night"]);
    folder.edit("keys.toml", "roles = [\"editors\"]", "roles = [\"editors\", \"night\"]");
    assert_eq!(ask("198.51.100.7"), ["address 192.0.2.0", "action zone.read"]);
}

#[test]
fn no_change_is_an_answer_that_says_what_was_tried() {
    let folder = Folder::new();
    let never = "\n@id(\"never\") @doc(\"x\")\nforbid (principal, action, resource);\n";
    let rules = folder.read("rules/everybody.cedar");
    folder.write("rules/everybody.cedar", format!("{rules}{never}"));
    let arguments = ["--key", "demoeditor01", "--at", DAY, "--operation", "zone.read example.com"];
    let document = json(&folder, &arguments);
    assert_eq!(document["reason"], "policy-forbids");
    assert!(document["smallest"]["tried"].as_u64().unwrap() > 20, "{document}");
    let run = explain(&folder, &arguments);
    assert!(run.out.contains("\nsmallest change: none found among "), "{}", run.out);
    assert!(
        run.out.contains(" changes of up to three fields, to values that the policies mention\n")
    );
}

#[test]
fn what_is_denied_before_policies_is_told_what_helps() {
    let folder = Folder::new();
    folder.edit(
        "keys.toml",
        "description = \"an editor\"",
        "description = \"an editor\"\nexpires = \"2026-06-01T00:00:00Z\"",
    );
    let send = format!("GET {ZONE}");
    let ask = |more: &[&str]| json(&folder, &[&["--key", "demoeditor01", "--send"], more].concat());
    let document = ask(&[&send, "--at", DAY]);
    assert_eq!(document["reason"], "expired-key");
    // Its last second was at night; the window was open on the Friday before.
    assert_eq!(changes(&document), ["time 2026-05-29T14:59:59Z"], "{document}");
    let document = ask(&["GET /api/v1/servers/localhost/zones", "--at", DAY]);
    assert_eq!(changes(&document), ["time 2026-05-31T23:59:59Z"], "{document}");
    let folder = Folder::new();
    let ask = |more: &[&str]| json(&folder, &[&["--key", "demoeditor01", "--send"], more].concat());
    let document = ask(&[&send, "--at", DAY, "--account", "powerdns/other"]);
    assert_eq!(changes(&document), ["account powerdns/main"]);
    let document = ask(&["PUT /api/v1/servers/localhost/zones", "--at", DAY]);
    let words = document["smallest"]["none"].as_str().unwrap();
    assert!(words.ends_with("possible on this path: GET, POST"), "{words}");
    let document = ask(&["GET /client/v4/zones", "--at", DAY]);
    let words = document["smallest"]["none"].as_str().unwrap();
    assert!(words.contains("this is a request for cloudflare"), "{words}");
}

#[test]
fn a_pasted_command_line_is_read_as_the_gate_reads_it() {
    let folder = Folder::new();
    let curl = format!(
        "$ curl -sS -X PATCH -H \"X-API-Key: {EDITOR}\" \\\n  'https://gate{ZONE}' \\\n  -d '{}' | jq .",
        body("www")
    );
    let run = explain(&folder, &["--at", DAY, "--curl", &curl]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("key demoeditor01 at powerdns/main from 127.0.0.1"), "{}", run.out);
    assert!(run.out.contains("\nrecord.create example.com www.example.com A \"192.0.2.1\"\n"));
    assert!(!run.out.contains(SECRET));
    let run = folder.run_with(&["explain", "--at", NIGHT, "--curl", "@-"], &curl);
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(run.out.starts_with("denied: no-policy-allows (403)"), "{}", run.out);
    assert!(!run.out.contains(SECRET));
}

#[test]
fn a_key_is_named_where_the_command_line_does_not_show_it() {
    let folder = Folder::new();
    let with = |key: &str| format!("curl -H \"X-API-Key: {key}\" http://gate{ZONE}");
    let run = explain(&folder, &["--at", DAY, "--curl", &with("$KEY")]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("shows its key as `$KEY`"), "{}", run.err);
    for key in ["$KEY", "zgk_...", "<your key>", "not-a-key"] {
        let arguments = ["--key", "demoeditor01", "--at", DAY, "--curl", &with(key)];
        let run = explain(&folder, &arguments);
        assert_eq!(run.code, 0, "{key}: {}{}", run.out, run.err);
        assert!(run.out.contains("as if it were the key demoeditor01"), "{}", run.out);
        assert!(run.out.contains("10:00:00Z, unencrypted, route powerdns/zone"), "{}", run.out);
    }
    let run = explain(&folder, &["--key", "demooff00001", "--curl", &with(EDITOR)]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("shows the key demoeditor01, and --key says demooff00001"));
    // A text that is nearly the key is not the key, whoever is named beside it.
    let near = EDITOR.replace("OHW0", "OHW1");
    for (key, words) in [
        (near.as_str(), "denied: malformed-key (401): the key's checksum does not fit"),
        ("a-real-credential", "denied: malformed-key (401): there is no key of this gate"),
    ] {
        let run = explain(&folder, &["--at", DAY, "--curl", &with(key)]);
        assert_eq!(run.code, 2);
        assert!(run.out.starts_with(words), "{}", run.out);
        assert!(!run.out.contains(key), "{}", run.out);
    }
}

#[test]
fn options_that_are_not_understood_are_named_and_no_value_is_quoted() {
    let folder = Folder::new();
    for (curl, words) in [
        (format!("curl --aws-sigv4 {EDITOR} h"), "`--aws-sigv4`"),
        (format!("curl -F a={EDITOR} h"), "`-F`"),
        (format!("curl -H {EDITOR} h"), "no colon"),
        (format!("curl h/{EDITOR} -d @/nowhere/{EDITOR}"), "/nowhere/zgk_demoeditor01...:"),
    ] {
        let run = explain(&folder, &["--curl", &curl]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{curl}");
        assert!(run.err.contains(words) && !run.err.contains(SECRET), "{}", run.err);
    }
}

/// A line of the log.
fn logged(change: impl FnOnce(&mut Value)) -> String {
    let mut line = serde_json::json!({
        "time": NIGHT, "method": "PATCH", "status": 403, "duration_ms": 1,
        "zonegate": {
            "request_id": "x", "key": "demoeditor01", "provider": "powerdns", "account": "main",
            "client": "192.0.2.7", "path": ZONE, "route": "powerdns/zone-patch",
            "operations": ["record.delete example.com www.example.com A",
                "record.create example.com www.example.com A \"192.0.2.1\""],
            "cost": 2, "decision": "deny", "reason": "no-policy-allows", "detail": null,
            "denied_operation": "record.delete example.com www.example.com A",
            "policies": [], "decision_us": 5, "lookups": 0, "left_out": 0,
            "response_reason": null, "bundle": "sha256:0",
        },
    });
    change(&mut line);
    line.to_string()
}

#[test]
fn a_line_of_the_log_is_asked_again() {
    let folder = Folder::new();
    let run = explain(&folder, &["--audit", &logged(|_| {})]);
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    for part in [
        "denied: no-policy-allows (403)",
        "key demoeditor01 at powerdns/main from 192.0.2.7 at 2026-06-03T22:00:00Z, route \
         powerdns/zone-patch\n",
        "the log says: denied: no-policy-allows\n",
        "stops at when { context.windows.contains(Window::\"office-hours\") }",
        "  time 2026-06-04T07:00:00Z (window office-hours)  by editors-write\n",
        "note: then it was decided with other policies than these\n",
    ] {
        assert!(run.out.contains(part), "{part}\n{}", run.out);
    }
    // By day it is allowed; the log's decision is another, and that is said.
    let day = logged(|line| line["time"] = DAY.into());
    let run = folder.run_with(&["explain", "--audit", "@-"], &format!("gate-1 | {day}\n"));
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(
        run.out.contains("then it was denied, with other policies; asked again, it is allowed")
    );
    let other = ["--key", "demooff00001", "--audit", &day];
    let run = explain(&folder, &other);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("the log says that the key demoeditor01 asked"), "{}", run.err);
}

#[test]
fn what_the_log_does_not_have_is_said() {
    let folder = Folder::new();
    let many = logged(|line| line["zonegate"]["cost"] = 40.into());
    let run = explain(&folder, &["--audit", &many]);
    assert!(run.out.contains("note: the log has the first 2 of 40 operations"), "{}", run.out);
    let early = logged(|line| {
        line["zonegate"]["operations"] = Value::Array(Vec::new());
        line["zonegate"]["denied_operation"] = Value::Null;
        line["zonegate"]["reason"] = "body-not-understood".into();
        line["zonegate"]["detail"] = "no rrsets".into();
    });
    let run = explain(&folder, &["--audit", &early]);
    assert_eq!(run.code, 2);
    assert!(run.out.starts_with("denied: body-not-understood (422): no rrsets\n"), "{}", run.out);
    assert!(run.out.contains("note: the log has no operations"), "{}", run.out);
    let nobody = logged(|line| {
        line["zonegate"]["key"] = Value::Null;
        line["zonegate"]["reason"] = "unknown-key".into();
    });
    let run = explain(&folder, &["--audit", &nobody]);
    assert!(run.out.starts_with("denied: unknown-key (401)"), "{}", run.out);
    assert!(run.out.contains("no key at powerdns/main"), "{}", run.out);
    for (line, words) in [
        ("{}".to_owned(), "no record of the gate"),
        ("x".to_owned(), "this is no line of the log"),
        (logged(|line| line["time"] = Value::Null), "say it with --at"),
        (logged(|line| line["zonegate"]["key"] = "demonobody01".into()), "has no key"),
    ] {
        let run = explain(&folder, &["--audit", &line]);
        assert_eq!(run.code, 1, "{}", run.out);
        assert!(run.err.contains(words), "{}", run.err);
    }
}

#[test]
fn whether_the_connection_was_encrypted_is_asked_where_it_matters() {
    let folder = Folder::new();
    let rules = folder.read("rules/everybody.cedar");
    let tls = "\n@id(\"tls\") @doc(\"x\")\nforbid (principal, action, resource) unless { context.tls };\n";
    folder.write("rules/everybody.cedar", format!("{rules}{tls}"));
    let day = logged(|line| line["time"] = DAY.into());
    let run = explain(&folder, &["--audit", &day]);
    assert_eq!(run.code, 0, "{}", run.out);
    assert!(run.out.contains("does not say whether the connection was encrypted"), "{}", run.out);
    assert_eq!(explain(&folder, &["--plain", "--audit", &day]).code, 2);
}

#[test]
fn a_row_passes_where_it_is_pasted() {
    let folder = Folder::new();
    folder.edit("keys.toml", "accounts = [\"powerdns/main\"]", "accounts = [\"*\"]");
    let record = "/v2/domains/example.com/records/7";
    let delete = format!("DELETE {record}");
    let seven = format!(
        "{record} {}",
        r#"{"domain_record":{"id":7,"type":"A","name":"www","data":"192.0.2.80"}}"#
    );
    let missing = format!("{record} 404");
    let (patch, www) = (format!("PATCH {ZONE}"), body("it's"));
    let own = ["--key", "demoeditor01", "--send"];
    let curl = format!("curl -u me:{EDITOR} https://api.name.com/core/v1/domains");
    let porkbun = format!(
        "curl https://api.porkbun.com/api/json/v3/dns/retrieve/example.com -d '{{\"apikey\":\"x\",\"secretapikey\":\"{EDITOR}\"}}'"
    );
    let godaddy = format!(
        "curl -H 'Authorization: sso-key half-a-secret:{EDITOR}' https://api.godaddy.com/v1/domains/example.com/records"
    );
    let questions: Vec<Vec<&str>> = vec![
        [&own[..], &[&patch, "--body", &www]].concat(),
        [&own[..], &[&patch, "--body", "{]"]].concat(),
        [&own[..], &["GET /nowhere"]].concat(),
        [&own[..], &[&delete, "--account", "digitalocean/main"]].concat(),
        [&own[..], &[&delete, "--account", "digitalocean/main", "--answer", &seven]].concat(),
        [&own[..], &[&delete, "--account", "digitalocean/main", "--answer", &missing]].concat(),
        [&own[..], &["GET /client/v4/zones?name=example.com", "--account", "cloudflare/main"]]
            .concat(),
        [&own[..], &["GET /.zonegate/whoami"]].concat(),
        vec!["--curl", &curl],
        vec!["--curl", &porkbun],
        vec!["--curl", &godaddy],
        vec!["--curl", "curl http://gate/api/v1/servers"],
        vec!["--key", "demooff00001", "--send", "GET /api/v1/servers"],
    ];
    let mut rows = String::new();
    for (number, question) in questions.iter().enumerate() {
        let at = format!("2026-06-03T10:00:{number:02}Z");
        let arguments = [&["--as-case", "--at", &at], question.as_slice()].concat();
        let run = explain(&folder, &arguments);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{question:?}: {}", run.out);
        assert!(!run.out.contains(SECRET) && !run.out.contains("half-a-secret"), "{}", run.out);
        rows.push_str(&run.out);
        rows.push('\n');
    }
    for part in [
        "basic = true",
        "key_body = \"secretapikey\"",
        "key_prefix = \"sso-key zonegate:\"",
        "key = \"none\"",
    ] {
        assert!(rows.contains(part), "{part}: {rows}");
    }
    folder.write("cases/pasted.toml", format!("account = \"other\"\nkey_prefix = \"x\"\n\n{rows}"));
    let run = folder.run(&["test", "--filter", "pasted"]);
    let words = format!("{} passed, 0 failed, 0 skipped (engine)\n", questions.len());
    assert_eq!((run.code, run.out), (0, words), "{}\n{rows}", run.err);
}

#[test]
fn a_row_without_a_demonstration_key_says_what_is_missing() {
    let folder = Folder::new();
    folder.edit("cases/demo-keys.toml", "editor = ", "somebody = ");
    folder.remove("cases/editors.toml");
    let send = format!("GET {ZONE}");
    let run = explain(&folder, &["--key", "demoeditor01", "--send", &send, "--as-case"]);
    assert!(run.out.contains("key = \"somebody\"\n"), "{}", run.out);
    let keys = folder.read("cases/demo-keys.toml");
    let left: Vec<&str> = keys.lines().filter(|line| !line.contains("demoeditor01")).collect();
    folder.write("cases/demo-keys.toml", left.join("\n"));
    let run = explain(&folder, &["--key", "demoeditor01", "--send", &send, "--as-case"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("key = \"demoeditor01\"\n"), "{}", run.out);
    assert!(run.err.contains("a line `demoeditor01 = \"...\"`"), "{}", run.err);
    let run = explain(&folder, &["--key", "demoeditor01", "--operation", "zone.list", "--as-case"]);
    assert_eq!(run.code, 1, "an operation is no request");
}
