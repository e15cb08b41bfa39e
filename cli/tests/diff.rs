//! `zonegate diff`: which decisions change from one set of policies to another.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::process::Command;

use common::{Folder, Run};
use serde_json::Value;

/// When everything here is asked.
const AT: &str = "2026-06-03T10:00:00Z";
/// The policy that editors write by.
const WRITE: &str = "action in [Action::\"zone.read\", Action::\"record.read\", \
                     Action::\"record.create\", Action::\"record.delete\"]";

/// A folder, with a copy of it in `before` that stays as it was.
fn folder() -> Folder {
    let folder = Folder::new();
    copy(&folder, "before");
    folder
}

/// Copies the policies folder as it is now.
fn copy(folder: &Folder, name: &str) {
    let place = folder.beside(name);
    let status = Command::new("cp").arg("-r").arg(folder.policies()).arg(place).status().unwrap();
    assert!(status.success());
}

/// Compares `before` with the folder, with more arguments.
fn diff(folder: &Folder, more: &[&str]) -> Run {
    let mut arguments = vec!["diff", "before", "policies", "--at", AT];
    arguments.extend(more);
    folder.run(&arguments)
}

/// The same as a document; every example in it is repeated with `explain`.
fn document(folder: &Folder, code: i32) -> Value {
    let run = diff(folder, &["--format", "json"]);
    assert_eq!(run.code, code, "{}{}", run.out, run.err);
    let document: Value = serde_json::from_str(&run.out).unwrap();
    repeat_all(folder, &document);
    document
}

/// Repeats every example of a document.
fn repeat_all(folder: &Folder, document: &Value) {
    for example in examples(document) {
        repeat(folder, example);
    }
}

/// All examples of a document.
fn examples(document: &Value) -> Vec<&Value> {
    let units = document["effects"].as_array().unwrap();
    let findings = units.iter().flat_map(|unit| [&unit["more"], &unit["less"]]);
    findings.map(|finding| &finding["example"]).filter(|example| !example.is_null()).collect()
}

/// Runs an example's command line in a shell, as a reader would; it must decide as the example says.
fn repeat(folder: &Folder, example: &Value) {
    let line = example["explain"].as_str().unwrap();
    let line = line.replacen("zonegate", env!("CARGO_BIN_EXE_zonegate"), 1);
    let status = Command::new("sh").args(["-c", &line]).current_dir(&folder.path).output().unwrap();
    let said = if example["explains"] == "new" { &example["now"] } else { &example["before"] };
    let expected = if said.as_str().unwrap().starts_with("allowed") { 0 } else { 2 };
    assert_eq!(status.status.code(), Some(expected), "{line}: {example}");
}

/// What a document says of a policy: whether it allows more, and less.
fn effect<'d>(document: &'d Value, policy: &str) -> (&'d Value, &'d Value) {
    let units = document["effects"].as_array().unwrap();
    let unit = units.iter().find(|unit| unit["policy"] == policy).unwrap();
    (&unit["more"], &unit["less"])
}

#[test]
fn nothing_changed_is_nothing_to_say() {
    let folder = folder();
    let run = diff(&folder, &[]);
    assert_eq!((run.code, run.out.as_str()), (0, "before -> policies\nnothing changed\n"));
}

#[test]
fn a_wider_permit_allows_more_and_nothing_less() {
    let folder = folder();
    folder.edit("rules/editors.cedar", "resource in Zone::\"example.com\"", "resource");
    let document = document(&folder, 4);
    assert_eq!((&document["more"], &document["less"]), (&true.into(), &false.into()));
    let (more, less) = effect(&document, "editors-write");
    assert_eq!(more["keys"], serde_json::json!(["demoeditor01"]));
    assert_eq!((&more["found_by"], &less["changes"]), (&"requests".into(), &false.into()));
    let example = &more["example"];
    assert_eq!(example["before"], "denied, no-policy-allows");
    assert_eq!(example["now"], "allowed by editors-write");
    assert!(!example["operation"].as_str().unwrap().contains(" example.com"), "{example}");
    let detail = &document["changed"]["policies"][0]["details"][0];
    assert_eq!(
        (&detail["old"], &detail["new"]),
        (&"the zone example.com".into(), &"everything".into())
    );
}

#[test]
fn a_narrower_permit_allows_less() {
    let folder = folder();
    folder.edit("rules/editors.cedar", WRITE, "action == Action::\"zone.read\"");
    let document = document(&folder, 4);
    let (more, less) = effect(&document, "editors-write");
    assert_eq!((&more["changes"], &less["changes"]), (&false.into(), &true.into()));
    assert_eq!(less["example"]["now"], "denied, no-policy-allows");
}

#[test]
fn a_swap_allows_more_and_less() {
    let folder = folder();
    folder.edit("rules/editors.cedar", "Zone::\"example.com\"", "Zone::\"example.org\"");
    let document = document(&folder, 4);
    let (more, less) = effect(&document, "editors-write");
    assert_eq!((&more["changes"], &less["changes"]), (&true.into(), &true.into()));
    for (finding, zone) in [(more, "example.org"), (less, "example.com")] {
        let operation = finding["example"]["operation"].as_str().unwrap();
        assert!(operation.contains(zone), "{operation}");
    }
}

#[test]
fn a_weaker_forbid_allows_more() {
    let folder = folder();
    folder.edit(
        "rules/everybody.cedar",
        "RecordType::\"CAA\" }",
        "RecordType::\"CAA\" && resource.apex }",
    );
    let document = document(&folder, 4);
    let (more, less) = effect(&document, "no-caa");
    assert_eq!((&more["changes"], &less["changes"]), (&true.into(), &false.into()));
    assert_eq!(more["example"]["before"], "denied, policy-forbids by no-caa");
    assert!(more["example"]["operation"].as_str().unwrap().contains(" CAA"));
}

#[test]
fn what_is_said_otherwise_but_means_the_same_changes_no_decision() {
    let folder = folder();
    folder.edit(
        "rules/everybody.cedar",
        "resource.type == RecordType::\"CAA\"",
        "[RecordType::\"CAA\"].contains(resource.type)",
    );
    let document = document(&folder, 0);
    let (more, less) = effect(&document, "no-caa");
    assert_eq!((&more["changes"], &less["changes"]), (&false.into(), &false.into()));
}

#[test]
fn what_cannot_change_is_proved_where_there_is_a_solver() {
    let folder = folder();
    folder.edit(
        "rules/everybody.cedar",
        "resource.type == RecordType::\"CAA\"",
        "[RecordType::\"CAA\"].contains(resource.type)",
    );
    folder.edit("rules/editors.cedar", "resource in Zone::\"example.com\"", "resource");
    let document = document(&folder, 4);
    assert_eq!(document["unproved"], Value::Null, "the tests' machine has a solver");
    let (more, less) = effect(&document, "no-caa");
    assert_eq!((&more["proved"], &less["proved"]), (&true.into(), &true.into()), "{more} {less}");
    let (_, less) = effect(&document, "editors-write");
    assert_eq!(less["proved"], true, "{less}");
    // Without one, the same is found, and nothing is claimed.
    let mut command = folder.command(&["diff", "before", "policies", "--at", AT]);
    let run = folder.finish(command.env("CVC5", "/nowhere/cvc5").spawn().unwrap());
    assert_eq!(run.code, 4);
    assert!(run.out.contains("nothing is proved: CVC5 names `/nowhere/cvc5`"), "{}", run.out);
    assert!(run.out.contains("generated requests; not proved\n"), "{}", run.out);
    assert!(!run.out.contains("proved for all"), "{}", run.out);
}

#[test]
fn what_changes_is_never_proved_not_to() {
    // Each of these changes a decision that no generated request may find; a proof would be wrong.
    for (file, from, to, policy) in [
        (
            "rules/editors.cedar",
            "resource.zone == \"example.com\"",
            "resource.zone like \"*example.com\"",
            "editors-previews",
        ),
        (
            "rules/editors.cedar",
            "resource in Pattern::\"preview\"",
            "resource.depth == 2",
            "editors-previews",
        ),
        (
            "rules/everybody.cedar",
            "resource.type == RecordType::\"CAA\"",
            "resource.type_number == 257 && context.operations < 4000",
            "no-caa",
        ),
        (
            "rules/editors.cedar",
            "\"office-hours\") }",
            "\"office-hours\") || context.operations == 1234 }",
            "editors-write",
        ),
        (
            "rules/editors.cedar",
            "\"office-hours\") }",
            "\"office-hours\") && context.operations + 9223372036854775000 > 0 }",
            "editors-write",
        ),
    ] {
        let folder = folder();
        folder.edit(file, from, to);
        let run = diff(&folder, &["--format", "json"]);
        let document: Value = serde_json::from_str(&run.out).unwrap_or_default();
        let (more, less) = effect(&document, policy);
        let proved = more["proved"] == true && less["proved"] == true;
        assert!(!proved, "{to}: {more} {less}");
    }
}

#[test]
fn what_the_solver_sees_is_shown_where_the_engine_bears_it_out() {
    for (policy, more, way) in [
        ("no-caa", "&& context.operations * 2 < 8000", "more"),
        ("editors-write", "|| context.operations * 7 == 700", "more"),
        ("editors-write", "&& context.operations + 9223372036854775000 > 0", "less"),
    ] {
        let (file, from) = match policy {
            "no-caa" => ("rules/everybody.cedar", "RecordType::\"CAA\""),
            _ => ("rules/editors.cedar", "Window::\"office-hours\")"),
        };
        let (folder, to) = (folder(), format!("{from} {more}"));
        folder.edit(file, from, &to);
        // No number between those that policies name is ever generated.
        let run = diff(&folder, &["--format", "json", "--requests-only"]);
        assert_eq!(run.code, 0, "{to}: {}", run.out);
        // The example is repeated by `explain`, with the number of operations that it needs.
        let document = document(&folder, 4);
        let (more, less) = effect(&document, policy);
        let found = if way == "more" { more } else { less };
        assert_eq!(found["found_by"], "solver", "{to}: {found}");
        assert_eq!(found["keys"], serde_json::json!(["demoeditor01"]));
        assert!(found["example"]["explain"].as_str().unwrap().contains(" --cost "), "{found}");
        let run = diff(&folder, &["--markdown"]);
        assert!(run.out.contains("found by the solver"), "{}", run.out);
    }
}

#[test]
fn what_the_solver_sees_and_the_engine_does_not_is_said() {
    let folder = folder();
    // The solver knows expressions by their shape; no host of this form has a letter there.
    folder.edit(
        "rules/editors.cedar",
        "resource in Pattern::\"preview\"",
        "resource in Pattern::\"preview\" && !(resource.relative like \"pr-x*\")",
    );
    let document = document(&folder, 0);
    let (_, less) = effect(&document, "editors-previews");
    assert_eq!((&less["changes"], &less["proved"]), (&false.into(), &false.into()), "{less}");
    let why = less["why"].as_str().unwrap();
    assert!(why.contains("the engine does not bear out"), "{why}");
}

#[test]
fn other_words_and_other_ids_are_told_and_decide_nothing() {
    let folder = folder();
    folder.edit("rules/editors.cedar", "For editors: preview hosts", "For editors: previews");
    folder.edit("keys.toml", "description = \"an editor\"", "description = \"our editor\"");
    let run = diff(&folder, &[]);
    assert_eq!(run.code, 0, "{}", run.out);
    assert!(run.out.contains("editors-previews  reworded"), "{}", run.out);
    assert!(run.out.contains("demoeditor01      reworded"), "{}", run.out);
    assert!(run.out.ends_with("no decision changes\n"), "{}", run.out);
    let text = folder.read("cases/editors.toml").replace("editors-previews", "previews");
    folder.write("cases/editors.toml", text);
    folder.edit("rules/editors.cedar", "editors-previews", "previews");
    let run = diff(&folder, &[]);
    assert!(run.out.contains("renamed from editors-previews"), "{}", run.out);
    assert_eq!(run.code, 0, "{}", run.out);
}

#[test]
fn a_policy_changes_through_what_it_asks_for() {
    for (file, from, to, policy, more, less) in [
        ("windows.toml", "from = \"09:00\"", "from = \"08:00\"", "editors-write", true, false),
        ("windows.toml", "\"fri\"", "\"sat\"", "editors-write", true, true),
        ("windows.toml", "Europe/Amsterdam", "Asia/Tokyo", "editors-write", true, true),
        ("patterns.toml", "pr-[0-9]+", "(pr|mr)-[0-9]+", "editors-previews", true, false),
        ("patterns.toml", "pr-[0-9]+", "pr-[0-9]", "editors-previews", false, true),
    ] {
        let folder = folder();
        folder.edit(file, from, to);
        let document = document(&folder, 4);
        let found = effect(&document, policy);
        let expected = (Value::from(more), Value::from(less));
        assert_eq!((&found.0["changes"], &found.1["changes"]), (&expected.0, &expected.1), "{to}");
        assert_eq!(document["changed"]["policies"][0]["turn"], "through", "{to}");
    }
}

#[test]
fn a_network_that_shrinks_locks_out_its_end() {
    let folder = folder();
    let guard = "\n@id(\"office-only\")\n@doc(\"For all: from the office.\")\nforbid (principal, action, \
                 resource)\nunless { context.networks.contains(Network::\"office\") };\n";
    let text = folder.read("rules/everybody.cedar");
    folder.write("rules/everybody.cedar", text + guard);
    std::fs::remove_dir_all(folder.beside("before")).unwrap();
    copy(&folder, "before");
    folder.edit("networks.toml", "192.0.2.0/24", "192.0.2.0/25");
    let document = document(&folder, 4);
    let (more, less) = effect(&document, "office-only");
    assert_eq!((&more["changes"], &less["changes"]), (&false.into(), &true.into()));
    let from: std::net::Ipv4Addr = less["example"]["from"].as_str().unwrap().parse().unwrap();
    assert!(from.octets()[3] >= 128, "{from}");
}

/// What a document says of a key: what became of it, and whether it may do more, and less.
fn key(document: &Value, id: &str) -> (String, bool, bool) {
    let turns = document["changed"]["keys"].as_array().unwrap();
    let turn = turns.iter().find(|key| key["id"] == id).unwrap()["turn"].as_str().unwrap();
    let units = document["effects"].as_array().unwrap().iter();
    let mine: Vec<&Value> =
        units.filter(|unit| unit["keys"].as_array().unwrap().contains(&id.into())).collect();
    let any = |way: &str| mine.iter().any(|unit| unit[way]["changes"] == true);
    (turn.to_owned(), any("more"), any("less"))
}

#[test]
fn keys_come_go_and_change() {
    let digest =
        "digest = \"sha256:04349800c2810f587c4467e8318d73482a7880074160e3903a724527757d5e85\"";
    let other = digest.replace("0434", "0435");
    let next = format!("{digest}\nnext_{other}");
    let disabled = format!("disabled = true\n{digest}");
    let expires = format!("expires = 2026-07-01T00:00:00Z\n{digest}");
    let gone = format!("expires = 2026-06-01T00:00:00Z\n{digest}");
    for (to, turn, more, less) in [
        (other.as_str(), "rotated", true, true),
        (next.as_str(), "rotated", true, false),
        (disabled.as_str(), "revoked", false, true),
        (expires.as_str(), "edited", false, true),
        (gone.as_str(), "edited", false, true),
    ] {
        let folder = folder();
        folder.edit("keys.toml", digest, to);
        let document = document(&folder, 4);
        assert_eq!(key(&document, "demoeditor01"), (turn.to_owned(), more, less), "{to}");
    }
    let folder = folder();
    folder.edit("keys.toml", "disabled = true", "owner = \"web team\"");
    let document = document(&folder, 4);
    assert_eq!(key(&document, "demooff00001"), ("restored".to_owned(), true, false));
}

#[test]
fn a_new_key_may_more_and_a_lost_one_less() {
    let folder = folder();
    let text = folder.read("keys.toml");
    let mine = text.split("[[key]]").take(2).collect::<Vec<_>>().join("[[key]]");
    folder.write("keys.toml", mine.replace("demoeditor01", "demoeditor02"));
    let document = document(&folder, 4);
    assert_eq!(key(&document, "demoeditor02"), ("added".to_owned(), true, false));
    assert_eq!(key(&document, "demoeditor01"), ("removed".to_owned(), false, true));
    let explains: Vec<&Value> = examples(&document).iter().map(|one| &one["explains"]).collect();
    assert!(explains.contains(&&Value::from("old")), "a key that is gone is explained as it was");
}

#[test]
fn an_expired_key_and_a_disabled_one_change_nothing() {
    let folder = folder();
    folder.edit("keys.toml", "disabled = true", "disabled = true\nowner = \"nobody\"");
    let run = diff(&folder, &[]);
    assert_eq!(run.code, 0, "{}", run.out);
    assert!(run.out.contains("1 key: valid no more, before and now"), "{}", run.out);
}

#[test]
fn ci_chooses_what_fails() {
    let folder = folder();
    folder.edit("rules/editors.cedar", WRITE, "action == Action::\"zone.read\"");
    for (what, code) in [("more", 0), ("less", 4), ("any", 4)] {
        assert_eq!(diff(&folder, &["--fail-on", what]).code, code, "{what}");
    }
}

#[test]
fn keys_that_are_alike_are_asked_as_one_and_each_is_shown() {
    let folder = folder();
    let template = "@id(\"web\")\n@grant(\"web\")\n@binds(\"zone\")\n@doc(\"For the web.\")\npermit (\
                    principal == ?principal, action == Action::\"record.create\", resource in ?resource)\n\
                    when { resource.type == RecordType::\"A\" };\n";
    let text = folder.read("rules/editors.cedar");
    folder.write("rules/editors.cedar", text + template);
    let mut keys = folder.read("keys.toml");
    keys.extend((0..40).map(|number| {
        format!(
            "\n[[key]]\nid = \"demoweb{number:05}\"\ndigest = \"sha256:{number:064x}\"\ndescription = \
             \"x\"\naccounts = [\"powerdns/main\"]\n[[key.grant]]\ngrant = \"web\"\nzone = \
             \"z{number}.example\"\n"
        )
    }));
    folder.write("keys.toml", keys);
    std::fs::remove_dir_all(folder.beside("before")).unwrap();
    copy(&folder, "before");
    folder.edit("rules/editors.cedar", "RecordType::\"A\" }", "RecordType::\"AAAA\" }");
    let document = document(&folder, 4);
    let (more, less) = effect(&document, "web");
    for finding in [more, less] {
        assert_eq!(finding["keys"].as_array().unwrap().len(), 40);
        assert_eq!(finding["keys_unshown"], 0);
    }
    assert_eq!(document["keys_untouched"], 1);
    assert!(document["requests"].as_u64().unwrap() < 20_000, "one of forty is asked everything");
}

#[test]
fn the_same_two_sides_give_the_same_report() {
    let folder = folder();
    folder.edit("rules/editors.cedar", "Zone::\"example.com\"", "Zone::\"example.org\"");
    folder.edit("rules/everybody.cedar", "\"CAA\"", "\"MX\"");
    for more in [&[][..], &["--format", "json"], &["--markdown"]] {
        // How far a solver gets depends on how busy the machine is.
        let more = [more, &["--requests-only"]].concat();
        assert_eq!(diff(&folder, &more).out, diff(&folder, &more).out);
    }
}

#[test]
fn bundles_are_compared_as_folders_are() {
    let folder = folder();
    folder.edit("rules/editors.cedar", WRITE, "action == Action::\"zone.read\"");
    for (dir, file) in [("before", "old.json"), ("policies", "new.json")] {
        let run = folder.run(&["bundle", dir, "--output", file, "--wasm", "x.wasm", "--demo"]);
        assert_eq!(run.code, 0, "{}", run.err);
    }
    // The bundle may stand in a file of its own.
    let bare = folder.run(&["bundle", "before", "--output", "bare.bundle", "--bare", "--demo"]);
    assert_eq!(bare.code, 0, "{}", bare.err);
    let expected = diff(&folder, &["--format", "json"]);
    for (old, new) in
        [("old.json", "new.json"), ("bare.bundle", "policies"), ("before", "new.json")]
    {
        let run = folder.run(&["diff", old, new, "--at", AT, "--format", "json"]);
        assert_eq!(run.code, 4, "{}", run.err);
        let document: Value = serde_json::from_str(&run.out).unwrap();
        repeat_all(&folder, &document);
        let plain = run.out.replace(old, "before").replace(new, "policies");
        assert_eq!(plain, expected.out, "{old} {new}");
    }
    std::fs::write(folder.beside("odd.json"), "{\"format\": 9}").unwrap();
    let run = folder.run(&["diff", "odd.json", "policies"]);
    assert!(run.code != 0 && run.out.is_empty(), "{}", run.err);
}

/// Runs git beside the policies folder.
fn git(folder: &Folder, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    let who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
    let output = command.args(who).args(arguments).current_dir(&folder.path).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn revisions_are_compared_and_the_work_tree_stays() {
    let folder = Folder::new();
    git(&folder, &["init", "-q", "-b", "main"]);
    git(&folder, &["add", "."]);
    git(&folder, &["commit", "-q", "-m", "one"]);
    git(&folder, &["checkout", "-q", "-b", "wider"]);
    folder.edit("rules/editors.cedar", "resource in Zone::\"example.com\"", "resource");
    git(&folder, &["commit", "-q", "-a", "-m", "two"]);
    git(&folder, &["checkout", "-q", "main"]);
    folder.edit("rules/everybody.cedar", "\"CAA\"", "\"MX\"");
    git(&folder, &["commit", "-q", "-a", "-m", "three"]);
    // A file in the work tree alone, broken on purpose, is in no revision.
    folder.write("rules/broken.cedar", "permit (");
    let before = git(&folder, &["status", "--porcelain=v2", "--branch"]);
    for (range, policies) in [
        ("main..wider", &["editors-write", "no-caa"][..]),
        ("main...wider", &["editors-write"]),
        ("wider~1..", &["no-caa"]),
    ] {
        let arguments = ["diff", "--git", range, "--at", AT, "--format", "json"];
        let run = folder.run(&arguments);
        assert_eq!(run.code, 4, "{range}: {}", run.err);
        let document: Value = serde_json::from_str(&run.out).unwrap();
        let changed = document["changed"]["policies"].as_array().unwrap();
        let ids: Vec<&str> = changed.iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids, policies, "{range}");
        repeat_all(&folder, &document);
    }
    assert_eq!(git(&folder, &["status", "--porcelain=v2", "--branch"]), before);
    let run = folder.run(&["diff", "--git", "wider"]);
    assert_eq!(run.code, 3, "the work tree is broken: {}", run.err);
    folder.remove("rules/broken.cedar");
    assert_eq!(folder.run(&["diff", "--git", "main"]).code, 0);
    assert_eq!(folder.run(&["diff", "wider:policies", "policies", "--at", AT]).code, 4);
    for (range, words) in [
        ("nobody", "git has no folder policies in nobody"),
        ("--output=x", "`--output=x` is no revision"),
        ("main...nobody", "main and nobody have no revision in common"),
    ] {
        let run = folder.run(&["diff", &format!("--git={range}")]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{range}");
        assert!(run.err.contains(words), "{range}: {}", run.err);
    }
}

#[test]
fn a_link_in_a_revision_is_not_followed() {
    let folder = Folder::new();
    git(&folder, &["init", "-q", "-b", "main"]);
    std::os::unix::fs::symlink("/etc/hostname", folder.policies().join("rules/link.cedar"))
        .unwrap();
    git(&folder, &["add", "."]);
    git(&folder, &["commit", "-q", "-m", "one"]);
    let run = folder.run(&["diff", "--git", "main"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("main: rules/link.cedar is a link"), "{}", run.err);
}

#[test]
fn a_side_with_problems_is_named() {
    let folder = folder();
    std::fs::write(folder.beside("before/windows.toml"), "x").unwrap();
    let run = diff(&folder, &[]);
    assert_eq!((run.code, run.out.as_str()), (3, ""));
    assert!(run.err.contains("before/windows.toml"), "{}", run.err);
    assert_eq!(folder.run(&["diff", "before"]).code, 1);
    assert_eq!(folder.run(&["diff", "nowhere", "policies"]).code, 3);
}

#[test]
fn a_comment_is_harmless_and_bounded() {
    let folder = folder();
    let hostile = "</code></details><img src=x onerror=alert(1)> | ``` @everyone #1 [x](http://e.x) \
                   \\u{202e}*a*";
    let mut text = folder.read("rules/editors.cedar");
    text.extend((0..400).map(|number| {
        format!(
            "\n@id(\"more-{number}\")\n@doc(\"{hostile}\")\npermit (principal in Role::\"editors\", action \
             == Action::\"zone.read\", resource == Zone::\"z{number}.example\");\n"
        )
    }));
    folder.write("rules/editors.cedar", text);
    folder.edit("keys.toml", "description = \"an editor\"", "description = \"<b>@x</b>\"");
    let run = diff(&folder, &["--markdown"]);
    assert_eq!(run.code, 4, "{}", run.err);
    assert!(run.out.len() < 65_536, "{}", run.out.len());
    for part in ["<img", "@", "<b>", "```", "\u{202e}", "http:", "[x]", "*a*"] {
        assert!(!run.out.contains(part), "{part}");
    }
    assert!(run.out.contains("had no place in this comment"));
    let count = |part: &str| run.out.matches(part).count();
    assert_eq!(count("<details>"), count("</details>"));
    assert_eq!(count("<pre>"), count("</pre>"));
    assert_eq!(count("<code>"), count("</code>"));
}

#[test]
fn a_report_for_a_person() {
    let folder = folder();
    folder.edit("rules/editors.cedar", WRITE, "action == Action::\"zone.read\"");
    let run = diff(&folder, &[]);
    let head = "before -> policies\n\n~  permit  editors-write  edited  rules/editors.cedar:1\n    - actions: \
                zone.read, record.read, record.create, record.delete\n    + actions: zone.read\n\npolicy \
                editors-write (edited): allows less\n";
    assert!(run.out.starts_with(head), "{}", run.out);
    for part in [
        "  less for 1 key: demoeditor01\n    record.",
        "\n    before: allowed by editors-write\n    now:    denied, no-policy-allows\n",
        "(window office-hours), by GET on powerdns/zone-read",
        "\n    zonegate explain policies --key demoeditor01 --account powerdns/main --from ",
        "1 key: valid no more, before and now\n",
        "compared, from 2026-06-03T10:00:00Z on\n",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    assert!(run.out.ends_with("decisions change: 0 changes allow more, 1 change allows less\n"));
}
