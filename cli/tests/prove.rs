//! `zonegate prove`: what is proved, what is refuted by a request that the gate decides as it
//! says, and what is not known. The solver cvc5 is a part of what `make setup` installs.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::{Folder, Run};

/// Runs `prove` on a folder with these properties; gives the exit code and the document.
fn prove(folder: &Folder, properties: &str) -> (i32, serde_json::Value) {
    folder.write("properties.toml", properties);
    let Run { code, out, err } = folder.run(&["prove", "--format", "json", "--limit", "5"]);
    let document = serde_json::from_str(&out);
    (code, document.unwrap_or_else(|_| panic!("{out}{err}")))
}

/// One property's result and document.
fn one(folder: &Folder, property: &str) -> (String, serde_json::Value) {
    let (code, document) = prove(folder, property);
    let found = document["properties"][0].clone();
    let result = found["result"].as_str().unwrap().to_owned();
    let holds = ["proved", "holds"].contains(&result.as_str());
    assert_eq!((code == 0, document["ok"] == holds), (holds, true), "{document:#}");
    (result, found)
}

/// The exit code of the `explain` command that an example names, run by a shell.
fn explained(folder: &Folder, found: &serde_json::Value) -> i32 {
    let command = found["example"]["explain"].as_str().unwrap();
    let binary = env!("CARGO_BIN_EXE_zonegate");
    let command = command.replacen("zonegate", binary, 1);
    let output = Command::new("sh")
        .args(["-c", &command])
        .current_dir(&folder.path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!([0, 2].contains(&output.status.code().unwrap()), "{command}\n{text}{errors}");
    output.status.code().unwrap()
}

#[test]
fn the_shipped_properties_hold() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let output = Command::new(env!("CARGO_BIN_EXE_zonegate"))
        .args(["prove", "--limit", "120"])
        .arg(policies)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("proved   apex-name-servers"), "{text}");
}

#[test]
fn what_nobody_may_is_proved_for_every_key() {
    let folder = Folder::new();
    let never = "[[never]]\nname = \"caa\"\nsays = \"No CAA.\"\nactions = [\"write\"]\n\
                 when = 'resource.type == RecordType::\"CAA\"'\nkeys = \"any\"\n";
    let (result, found) = one(&folder, never);
    assert_eq!(result, "proved");
    assert_eq!(found["scope"], "every key that there could be");

    folder.edit("rules/everybody.cedar", "RecordType::\"CAA\"", "RecordType::\"HINFO\"");
    let (result, found) = one(&folder, never);
    assert_eq!(result, "refuted");
    let example = &found["example"];
    assert!(example["operation"].as_str().unwrap().contains(" CAA"), "{example:#}");
    assert_eq!(example["made_up"]["roles"], serde_json::json!(["editors"]));
    assert_eq!(explained(&folder, &found), 0);
}

#[test]
fn a_key_that_there_is_refutes() {
    let folder = Folder::new();
    let (result, found) = one(
        &folder,
        "[[only]]\nname = \"hosts\"\nsays = \"Previews alone.\"\nkey = \"demoeditor01\"\n\
         may = [{ actions = [\"write\"], when = 'resource.relative like \"pr-*.preview\"' }]\n",
    );
    assert_eq!(
        (result.as_str(), found["example"]["key"].as_str()),
        ("refuted", Some("demoeditor01"))
    );
    assert_eq!(explained(&folder, &found), 0);
    // Outside office hours there is nothing but previews.
    let (result, _) = one(
        &folder,
        "[[only]]\nname = \"hosts\"\nsays = \"Previews alone.\"\nrole = \"editors\"\n\
         may = [{ actions = [\"write\"], when = '''\n\
           resource.relative like \"pr-*.preview\" ||\n\
           context.windows.contains(Window::\"office-hours\") // on weekdays''' }]\n",
    );
    assert_eq!(result, "proved");
}

/// The solver takes `pr-x.preview` for a preview host; the engine does not, and nobody is misled.
#[test]
fn what_only_an_expression_rules_out_is_never_refuted() {
    let folder = Folder::new();
    let (result, found) = one(
        &folder,
        "[[never]]\nname = \"x\"\nsays = \"No pr-x.\"\nactions = [\"write\"]\n\
         when = 'resource.relative == \"pr-x.preview\"'\n\
         unless = 'context.windows.contains(Window::\"office-hours\")'\n",
    );
    assert!(["proved", "unknown"].contains(&result.as_str()), "{found:#}");
    let notes = found["notes"].to_string();
    for part in
        ["expressions are not encoded", "`preview`", "hours are not encoded", "`office-hours`"]
    {
        assert!(notes.contains(part), "{part}: {found:#}");
    }
    let (result, found) = one(
        &folder,
        "[[never]]\nname = \"x\"\nsays = \"No letters.\"\nactions = [\"write\"]\n\
         when = 'resource.relative like \"pr-x*\"'\n\
         unless = 'context.windows.contains(Window::\"office-hours\")'\n",
    );
    assert!(["proved", "unknown"].contains(&result.as_str()), "{found:#}");
}

#[test]
fn a_policy_that_decides_nothing_is_found() {
    let folder = Folder::new();
    let property =
        "[[not-shadowed]]\nname = \"use\"\nsays = \"Of use.\"\npolicy = \"editors-previews\"\n";
    let (result, found) = one(&folder, property);
    assert_eq!(result, "holds", "{found:#}");
    assert_eq!(explained(&folder, &found), 0);
    folder.edit(
        "rules/editors.cedar",
        "when { context.windows.contains(Window::\"office-hours\") }",
        "",
    );
    let (result, found) = one(&folder, property);
    assert_eq!(result, "refuted", "{found:#}");

    let forbid = "[[not-shadowed]]\nname = \"use\"\nsays = \"Of use.\"\npolicy = \"no-caa\"\n";
    let (result, found) = one(&folder, forbid);
    assert_eq!(result, "holds", "{found:#}");
    assert_eq!(explained(&folder, &found), 2);
    let (result, found) = one(&folder, &forbid.replace("no-caa\"", "no-such\""));
    assert_eq!(result, "unknown", "{found:#}");
}

/// A solver that never knows: then requests are made of all that the policies tell apart.
#[test]
fn what_the_solver_does_not_know_is_searched_for() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let solver = folder.path.join("knows-nothing");
    let script = "#!/bin/sh\nwhile read -r line; do case \"$line\" in\n\
                  *check-sat*) echo unknown ;;\nesac; done\n";
    std::fs::write(&solver, script).unwrap();
    std::fs::set_permissions(&solver, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder.write(
        "properties.toml",
        "[[never]]\nname = \"secret\"\nsays = \"Nothing at one name.\"\nkeys = \"any\"\n\
         actions = [\"record.create\"]\n\
         when = 'resource.type == RecordType::\"HINFO\" && resource.relative == \"secret\"'\n\
         [[only]]\nname = \"role\"\nsays = \"Previews alone.\"\nrole = \"editors\"\nkeys = \"any\"\n\
         may = [{ actions = [\"write\"], when = 'resource.relative like \"pr-*.preview\"' }]\n\
         [[not-shadowed]]\nname = \"use\"\nsays = \"Of use.\"\npolicy = \"editors-previews\"\n\
         [[never]]\nname = \"elsewhere\"\nsays = \"No other zone.\"\n\
         actions = [\"zone.read\"]\nwhen = 'resource.zone != \"example.com\"'\n",
    );
    let mut command = folder.command(&["prove", "--format", "json"]);
    let run = folder.finish(command.env("CVC5", &solver).spawn().unwrap());
    let document: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let all = document["properties"].as_array().unwrap();
    let results: Vec<_> = all.iter().map(|one| one["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["refuted", "refuted", "holds", "unknown"], "{document:#}");
    let operation = all[0]["example"]["operation"].as_str().unwrap();
    assert!(operation.contains("secret.example.com HINFO"), "{operation}");
    for found in &all[..3] {
        assert_eq!(explained(&folder, found), 0, "{found:#}");
    }
    let roles = &all[1]["example"]["made_up"]["roles"];
    assert!(roles.as_array().unwrap().contains(&"editors".into()), "{roles}");
    // What is true is not claimed to be proved, and how much was tried is said.
    let doubt = all[3]["doubts"][0].as_str().unwrap();
    let (before, after) = doubt.split_once(" generated requests found no counterexample").unwrap();
    let tried: usize = before.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(before.contains("; not proved; ") && after.is_empty() && tried >= 20, "{doubt}");
}

#[test]
fn a_policy_that_can_fail_is_found() {
    let folder = Folder::new();
    let property = "[[never-errors]]\nname = \"sound\"\nsays = \"None fails.\"\n";
    assert_eq!(one(&folder, property).0, "proved");
    folder.edit(
        "rules/editors.cedar",
        "when { context.windows.contains(Window::\"office-hours\") }",
        "when { resource has zone && context.operations + 9223372036854775806 > 1 }",
    );
    let (result, found) = one(&folder, property);
    assert_eq!(result, "refuted", "{found:#}");
    assert!(found["example"]["decision"].as_str().unwrap().contains("policy-error"), "{found:#}");
}

#[test]
fn another_folder_decides_the_same_or_not() {
    let (folder, other) = (Folder::new(), Folder::new());
    let property = format!(
        "[[equivalent]]\nname = \"same\"\nsays = \"The same.\"\nto = \"{}\"\n",
        other.policies().display()
    );
    assert_eq!(one(&folder, &property).0, "proved");
    // Said otherwise, and the same.
    other.edit(
        "rules/everybody.cedar",
        "when { resource.type == RecordType::\"CAA\" }",
        "when { [RecordType::\"CAA\"].contains(resource.type) }",
    );
    let (result, found) = one(&folder, &property);
    assert_eq!(result, "proved", "{found:#}");
    other.edit(
        "rules/everybody.cedar",
        "[RecordType::\"CAA\"]",
        "[RecordType::\"CAA\", RecordType::\"MX\"]",
    );
    let (result, found) = one(&folder, &property);
    assert_eq!(result, "refuted", "{found:#}");
    assert!(found["example"]["operation"].as_str().unwrap().contains(" MX"), "{found:#}");
    assert_eq!(explained(&folder, &found), 0);
}

#[test]
fn without_a_solver_it_is_said_how_to_get_one() {
    let folder = Folder::new();
    folder.write("properties.toml", "");
    for (variable, value) in [("CVC5", "/nowhere/cvc5"), ("PATH", "/nowhere")] {
        let mut command = folder.command(&["prove"]);
        command.env_remove("CVC5").env(variable, value);
        let run = folder.finish(command.spawn().unwrap());
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.err.contains("apt install cvc5"), "{run:?}");
    }
}

#[test]
fn a_property_that_cannot_be_understood_is_a_problem() {
    let folder = Folder::new();
    let run = folder.run(&["prove"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.err.contains("properties.toml"), "{run:?}");
    folder.write(
        "properties.toml",
        "\n[[never]]\nname = \"a\"\nsays = \"x\"\nwhen = 'principal in Role::\"editor\"'\n",
    );
    let run = folder.run(&["prove"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.err.contains("properties.toml:3:") && run.err.contains("editors"), "{run:?}");
    // It is no part of the bundle, and no settings file that nothing reads.
    assert_eq!(folder.run(&["check"]).code, 0);
}
