//! `zonegate test`: what it shows of coverage, and what it writes for other tools.

mod common;

use std::io::{BufRead as _, BufReader};

use common::Folder;

/// A row that shows what no other shows: an editor asks for another zone.
const ELSEWHERE: &str = r#"
[[case]]
name = "an editor writes nothing <elsewhere> & \"nowhere\""
key = "editor"
send = "PATCH /api/v1/servers/localhost/zones/example.org."
body = '{"rrsets":[{"name":"www.example.org.","type":"A","ttl":60,"changetype":"DELETE"}]}'
deny = "no-policy-allows"
"#;

/// The folder with more rows.
fn with_rows(rows: &str) -> Folder {
    let folder = Folder::new();
    let text = folder.read("cases/editors.toml");
    folder.write("cases/editors.toml", format!("{text}{rows}"));
    folder
}

/// The folder with more rows, and a listing of nothing, which would ask for another zone too.
fn without_listing(rows: &str) -> Folder {
    let folder = with_rows(rows);
    for field in ["upstream = ", "answers = "] {
        let text = folder.read("cases/editors.toml");
        let lines = text.lines().filter(|line| !line.starts_with(field));
        let kept: Vec<&str> = lines.collect();
        folder.write("cases/editors.toml", kept.join("\n"));
    }
    folder
}

#[test]
fn what_no_row_shows_is_listed_with_its_place_and_text() {
    let run = without_listing("").run(&["test", "--coverage"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(
        run.out.contains(
            "rules/editors.cedar:1 editors-write\n  scope: none of its keys asked for one of its \
             actions elsewhere\n"
        ),
        "{}",
        run.out
    );
    let condition = "  when { resource.zone == \"example.com\" } was never false\n";
    assert!(run.out.contains(condition), "{}", run.out);
    assert!(run.out.contains("\nroute powerdns/zone-read has no case\n"), "{}", run.out);
    let run = without_listing(ELSEWHERE).run(&["test", "--coverage"]);
    assert!(!run.out.contains("asked for one of its actions elsewhere"), "{}", run.out);
    assert!(!run.out.contains(condition), "{}", run.out);
}

#[test]
fn what_a_failed_row_asks_shows_nothing() {
    let folder = without_listing(&ELSEWHERE.replace("no-policy-allows", "internal"));
    let run = folder.run(&["test", "--coverage"]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("asked for one of its actions elsewhere"), "{}", run.out);
}

#[test]
fn clauses_and_scopes_can_be_required() {
    let folder = without_listing("");
    let text = folder.read("manifest.toml");
    folder.write("manifest.toml", format!("{text}coverage = [\"clauses\", \"scopes\"]\n"));
    let run = folder.run(&["test"]);
    assert_eq!(run.code, 1);
    for part in [
        "not covered: when { resource.zone == \"example.com\" } of `editors-previews` \
         (rules/editors.cedar:10) was never false\n  add a row with: an operation in the policy's \
         scope, with the clauses before it met and this one false\n",
        "not covered: the scope of `editors-write` (rules/editors.cedar:1): none of its keys asked \
         for one of its actions elsewhere\n  add a row with: a key that it is for, and a zone or \
         name that it is not for\n",
    ] {
        assert!(run.out.contains(part), "{part}\n{}", run.out);
    }
    folder.write("manifest.toml", format!("{text}coverage = [\"clause\"]\n"));
    let run = folder.run(&["test"]);
    assert_eq!(run.code, 3);
    assert!(run.err.contains("unknown variant `clause`"), "{}", run.err);
}

#[test]
fn a_program_reads_what_was_shown() {
    let run = Folder::new().run(&["test", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let policies = json["policies"].as_array().unwrap();
    let previews = policies.iter().find(|one| one["id"] == "editors-previews").unwrap();
    assert_eq!(previews["decides"], 1);
    assert_eq!(previews["scope"]["met"], true);
    let clause = &previews["clauses"][0];
    assert_eq!(clause["text"], "resource.zone == \"example.com\"");
    assert_eq!((&clause["held"], &clause["stopped"]), (&true.into(), &false.into()));
    assert_eq!(clause["covered"], false);
}

#[test]
fn a_body_is_compared_value_by_value() {
    let folder = Folder::new();
    let from = r#"answers = { body_has = ["example.com."], body_lacks = ["example.org"] }"#;
    let to = r#"answers = { body = '[{"id":"example.com.","name":"example.net."}]' }"#;
    folder.edit("cases/editors.toml", from, to);
    let run = folder.run(&["test", "--filter", "lists its zones"]);
    assert_eq!(run.code, 1);
    let lines = "  answered body\n      [\n        {\n          \"id\": \"example.com.\",\n    -     \
                 \"name\": \"example.net.\"\n    +     \"name\": \"example.com.\"\n        }\n";
    assert!(run.out.contains(lines), "{}", run.out);
}

#[test]
fn junit_has_every_row_and_is_well_formed() {
    let folder = with_rows(&ELSEWHERE.replace("no-policy-allows", "internal"));
    let file = folder.beside("results.xml");
    let run = folder.run(&["test", "--junit", "results.xml"]);
    assert_eq!(run.code, 1);
    let xml = std::fs::read_to_string(file).unwrap();
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "), "{xml}");
    assert!(xml.contains("tests=\"6\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{xml}");
    assert_eq!(xml.matches("<testcase ").count(), 6, "{xml}");
    let name = "name=\"an editor writes nothing &lt;elsewhere&gt; &amp; &quot;nowhere&quot;\"";
    assert!(xml.contains(name), "{xml}");
    assert!(xml.contains("<failure message=\"differs: decision, status\">"), "{xml}");
    // What is opened is closed, in order.
    let mut open: Vec<&str> = Vec::new();
    for tag in xml.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{xml}");
        } else if !tag.ends_with('/') && !tag.starts_with('?') {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn a_skipped_row_is_one_in_junit() {
    let folder = with_rows(&format!("{ELSEWHERE}skip = {{ engine = \"because\" }}\n"));
    assert_eq!(folder.run(&["test", "--junit", "results.xml"]).code, 0);
    let xml = std::fs::read_to_string(folder.beside("results.xml")).unwrap();
    assert!(xml.contains("skipped=\"1\""), "{xml}");
    assert!(xml.contains("<skipped message=\"because\"/>"), "{xml}");
    let run = folder.run(&["test", "--junit", "no/such/folder.xml"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("error: no/such/folder.xml: "), "{}", run.err);
}

#[test]
fn watching_says_what_has_changed() {
    let folder = Folder::new();
    let mut child = folder.command(&["test", "--watch"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut until = |end: &str| {
        let mut seen = Vec::new();
        for line in lines.by_ref() {
            seen.push(line);
            if seen.last().unwrap().contains(end) {
                return seen.join("\n");
            }
        }
        panic!("no `{end}` in {seen:?}")
    };
    let first = until("5 passed, 0 failed");
    assert!(first.starts_with("policies 4 of 4\n"), "{first}");
    let rules = folder.read("rules/everybody.cedar");
    folder.edit("rules/everybody.cedar", "RecordType::\"CAA\"", "RecordType::\"MX\"");
    let failing = until("4 passed, 1 failed");
    assert!(failing.starts_with("FAIL policies/cases/editors.toml:22 nobody writes CAA\n"));
    assert!(!failing.contains("policies 4 of 4"), "{failing}");
    folder.edit("rules/everybody.cedar", "RecordType::\"MX\"", "RecordType::\"MXX\"");
    let broken = until("nothing was run");
    assert!(broken.contains("policies/rules/everybody.cedar:"), "{broken}");
    folder.write("rules/everybody.cedar", rules);
    let good = until("5 passed, 0 failed");
    assert!(!good.contains("FAIL"), "{good}");
    folder.edit("cases/editors.toml", "deny = \"disabled-key\"", "deny = \"expired-key\"");
    assert!(until("4 passed, 1 failed").contains("    expected  deny expired-key\n"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_rows_ask_is_written_for_cedar() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["test", "--export-cedar", "tests.json"]).code, 0);
    let text = std::fs::read_to_string(folder.beside("tests.json")).unwrap();
    let tests: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let named = |part: &str| {
        tests.iter().find(|test| test["name"].as_str().unwrap().contains(part)).unwrap()
    };
    let write = named("an editor writes an address in office hours: record.create");
    assert_eq!(write["request"]["principal"], "Key::\"demoeditor01\"");
    assert_eq!(write["request"]["action"], "Action::\"record.create\"");
    assert_eq!(write["decision"], "allow");
    assert_eq!(write["reason"], serde_json::json!(["editors-write"]));
    assert_eq!(write["num_errors"], 0);
    let denied = named("nobody writes CAA: record.delete");
    assert_eq!((&denied["decision"], &denied["reason"][0]), (&"deny".into(), &"no-caa".into()));
    // What was written can be read again, and is missed where it is not so any more.
    let run = folder.run(&["test", "--import-cedar", "tests.json"]);
    let all = format!("{} passed, 0 failed, 0 skipped (cedar)\n", tests.len());
    assert_eq!((run.code, run.out), (0, all));
    folder.edit("rules/everybody.cedar", "RecordType::\"CAA\"", "RecordType::\"MX\"");
    let run = folder.run(&["test", "--import-cedar", "tests.json"]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("nobody writes CAA: record.delete example.com example.com CAA\n"));
    assert!(
        run.out.contains("  decision\n    expected  deny\n    actual    allow\n"),
        "{}",
        run.out
    );
    assert!(run.out.contains("  reason\n    expected  no-caa\n    actual    editors-write\n"));
    std::fs::write(folder.beside("tests.json"), "{}").unwrap();
    let run = folder.run(&["test", "--import-cedar", "tests.json"]);
    assert!(run.code == 1 && run.err.contains("this is no list of tests"), "{}", run.err);
    let strange = r#"[{"name": "strange", "request": {"principal": "Key::\"x\"", "action":
        "Action::\"fly\"", "resource": "Zone::\"example.com\"", "context": {}}, "entities": [],
        "decision": "deny", "reason": [], "num_errors": 0}]"#;
    std::fs::write(folder.beside("tests.json"), strange).unwrap();
    let run = folder.run(&["test", "--import-cedar", "tests.json"]);
    assert_eq!(run.code, 1, "what the schema does not know is no denial");
    assert!(run.out.contains("Action::\"fly\""), "{}", run.out);
}

#[test]
fn a_scope_with_a_pattern_is_met_by_names_that_match() {
    let folder = Folder::new();
    let from = "resource is Record\n)\nwhen { resource.zone == \"example.com\" && resource in \
                Pattern::\"preview\" };";
    let to = "resource in Pattern::\"preview\"\n)\nunless { resource.apex || resource.zone == \
              \"example.org\" };";
    folder.edit("rules/editors.cedar", from, to);
    let run = folder.run(&["test", "--format", "json"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let policies = json["policies"].as_array().unwrap();
    let previews = policies.iter().find(|one| one["id"] == "editors-previews").unwrap();
    let scope = serde_json::json!({ "met": true, "missed": true, "can_be_missed": true });
    assert_eq!(previews["scope"], scope);
    for (number, text) in ["resource.apex", "resource.zone == \"example.org\""].iter().enumerate() {
        let clause = &previews["clauses"][number];
        assert_eq!((&clause["unless"], &clause["text"]), (&true.into(), &(*text).into()));
        assert_eq!((&clause["held"], &clause["stopped"]), (&true.into(), &false.into()), "{text}");
    }
}

/// A terminal, and a table that takes its time: a pipe that is written to later.
#[test]
fn a_terminal_sees_how_far_a_long_run_is() {
    for subcommand in ["test", "check"] {
        let folder = Folder::new();
        let slow = folder.policies().join("cases/slow.toml");
        assert!(std::process::Command::new("mkfifo").arg(&slow).status().unwrap().success());
        let command = format!("{} {subcommand}", env!("CARGO_BIN_EXE_zonegate"));
        let mut terminal = std::process::Command::new("script");
        terminal.args(["-qec", &command, "/dev/null"]).current_dir(&folder.path);
        terminal.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
        let child = terminal.env("TERM", "xterm").spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1600));
        let table = folder.read("cases/editors.toml");
        std::fs::write(slow, table).unwrap();
        let run = folder.finish(child);
        assert_eq!(run.code, 0, "{}", run.out);
        let (before, after) = run.out.rsplit_once("\r\x1b[K").unwrap();
        assert!(before.contains("\r\x1b[Kreading the tables 1 s"), "{before}");
        assert!(!after.contains("reading the tables"), "{after}");
    }
    let run = Folder::new().run(&["test"]);
    assert_eq!(run.err, "", "nothing of it in a pipe");
}
