//! Help, usage errors, routes and colours.

mod common;

use common::Folder;

#[test]
fn help_names_commands_and_exit_codes() {
    let folder = Folder::new();
    let run = folder.run(&["--help"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for part in [
        "check",
        "test",
        "explain",
        "diff",
        "prove",
        "can",
        "key",
        "bundle",
        "watch",
        "routes",
        "--format",
        "Exit codes:",
        "  2  `explain`: denied",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    for command in
        ["check", "test", "explain", "diff", "prove", "can", "key", "bundle", "watch", "routes"]
    {
        let run = folder.run(&[command, "--help"]);
        assert_eq!(run.code, 0, "{command}");
        assert!(run.out.lines().all(|line| line.chars().count() <= 100), "{}", run.out);
    }
}

#[test]
fn a_usage_error_is_a_failure_and_no_denial() {
    let folder = Folder::new();
    for arguments in [vec![], vec!["chekc"], vec!["check", "--fix"], vec!["bundle"]] {
        let run = folder.run(&arguments);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments:?}");
    }
    assert!(folder.run(&["chekc"]).err.contains("a similar subcommand exists: 'check'"));
}

#[test]
fn routes_are_aligned() {
    let folder = Folder::new();
    let run = folder.run(&["routes", "powerdns"]);
    assert_eq!(run.code, 0);
    let mut lines = run.out.lines();
    assert!(lines.next().unwrap().starts_with("PowerDNS"));
    let patch = lines.clone().find(|line| line.starts_with("PATCH ")).unwrap();
    let words: Vec<&str> = patch.split_whitespace().collect();
    assert_eq!(words.get(..2).unwrap(), ["PATCH", "/api/v1/servers/{server}/zones/{zone}"]);
    assert!(patch.ends_with("decided by its body"), "{patch}");
    let column = patch.find('/').unwrap();
    assert!(lines.all(|line| line.find('/') == Some(column)), "{}", run.out);
    let json: serde_json::Value =
        serde_json::from_str(&folder.run(&["routes", "powerdns", "--format", "json"]).out).unwrap();
    assert_eq!(json[0]["provider"], "powerdns");
    let routes = json[0]["routes"].as_array().unwrap();
    assert!(routes.iter().all(|route| route["docs"].as_str().unwrap().starts_with("https://")));
    let run = folder.run(&["routes", "bind"]);
    assert_eq!(run.code, 1);
    let words = "error: there is no provider `bind`; the providers are bunny, cloudflare, ";
    assert!(run.err.starts_with(words), "{}", run.err);
}

#[test]
fn a_pipe_gets_no_colours() {
    let folder = Folder::new();
    folder.edit("networks.toml", "/24", "/33");
    let run = folder.run(&["check"]);
    assert!(!run.out.contains('\x1b') && !run.err.contains('\x1b'));
}

#[test]
fn the_reasons_of_tables_are_those_of_the_engine() {
    use zonegate_engine::decision::Reason;
    let engine: Vec<(&str, u16)> =
        Reason::ALL.iter().map(|reason| (reason.code(), reason.status())).collect();
    assert_eq!(zonegate_cases::REASONS, engine);
}
