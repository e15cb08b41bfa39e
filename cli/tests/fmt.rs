//! `zonegate fmt`: one form, nothing lost; completions and manual pages.

mod common;

use std::process::Command;

use common::Folder;

/// Formats the shipped policies, and checks that they are the same policies.
#[test]
fn every_shipped_policy_can_be_formatted_and_decides_as_before() {
    let folder = Folder::new();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");
    std::fs::remove_dir_all(folder.policies()).unwrap();
    let mut copy = Command::new("cp");
    copy.args(["-r", shipped, "policies"]).current_dir(&folder.path);
    assert!(copy.status().unwrap().success());
    let run = folder.run(&["fmt"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    let again = folder.run(&["fmt", "--check"]);
    assert_eq!(again.code, 0, "{}", again.out);
    assert!(again.out.ends_with(" files, 0 changed\n"), "{}", again.out);
    let heading = folder.read("roles/all-zones.cedar");
    assert!(heading.starts_with("// One key for all zones"), "{heading}");
    assert!(heading.contains("roles of their own.\n\n@id"), "{heading}");
    let check = folder.run(&["check", "--deny-warnings"]);
    assert_eq!(check.code, 0, "{}", check.out);
}

#[test]
fn check_says_what_would_change_and_changes_nothing() {
    let folder = Folder::new();
    let file = "rules/everybody.cedar";
    folder.run(&["fmt"]);
    let sound = folder.read(file);
    folder.edit(file, "permit (", "permit(   ");
    let spoilt = folder.read(file);
    let run = folder.run(&["fmt", "--check"]);
    assert_eq!((run.code, run.err.as_str()), (1, ""));
    assert!(run.out.contains("-permit(   \n+permit ("), "{}", run.out);
    assert!(run.out.ends_with("2 files, 1 not formatted; run `zonegate fmt`\n"), "{}", run.out);
    assert_eq!(folder.read(file), spoilt);
    let json = folder.run(&["fmt", "--check", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["files"][1]["changed"], true);
    let run = folder.run(&["fmt", "policies/rules/everybody.cedar"]);
    assert_eq!(run.code, 0);
    assert_eq!(folder.read(file), sound);
    let piped = folder.run_with(&["fmt", "-"], &spoilt);
    assert_eq!((piped.code, piped.out), (0, sound));
}

#[test]
fn what_does_not_parse_stays_as_it_is() {
    let folder = Folder::new();
    folder.edit("rules/everybody.cedar", "permit (", "permitt (");
    let before = folder.read("rules/everybody.cedar");
    let run = folder.run(&["fmt"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("rules/everybody.cedar: "), "{}", run.err);
    assert_eq!(folder.read("rules/everybody.cedar"), before);
    assert_eq!(folder.run(&["fmt", "nowhere"]).code, 1);
}

#[test]
fn bash_completes_commands_options_and_values() {
    let folder = Folder::new();
    let program = env!("CARGO_BIN_EXE_zonegate");
    let complete = |words: &str, last: &str, before: &str| {
        let script = format!(
            "source <({program} completions bash)\nCOMP_WORDS=({words})\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _zonegate zonegate '{last}' '{before}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(complete("zonegate ch", "ch", "zonegate"), "check\n");
    assert_eq!(complete("zonegate check --deny", "--deny", "check"), "--deny-warnings\n");
    assert_eq!(complete("zonegate key re", "re", "key"), "revoke\n");
    assert_eq!(complete("zonegate routes --format js", "js", "--format"), "json\n");
    for shell in ["bash", "zsh", "fish"] {
        let run = folder.run(&["completions", shell]);
        assert_eq!(run.code, 0);
        assert!(run.out.contains("deny-warnings"), "{shell}");
    }
    assert_eq!(folder.run(&["completions", "csh"]).code, 1);
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Folder::new();
    let run = folder.run(&["man", "pages"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for page in ["zonegate.1", "zonegate-check.1", "zonegate-key-new.1", "zonegate-fmt.1"] {
        let text = std::fs::read_to_string(folder.beside("pages").join(page)).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".TH zonegate"), "{page}: {text}");
    }
    assert!(folder.run(&["man"]).out.contains(".TH zonegate 1"));
}
