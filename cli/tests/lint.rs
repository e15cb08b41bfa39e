//! Lints: each is found where it occurs, is explained, and can be allowed in place with a reason.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeSet;

use common::Folder;

/// The policies file that the cases below write.
const FILE: &str = "rules/editors.cedar";

/// The lints of the warnings about a folder that must be sound, with their lines.
fn lints(folder: &Folder) -> Vec<(String, u64)> {
    let run = folder.run(&["check", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(json.get("ok"), Some(&true.into()), "{}", run.out);
    let warnings = json.get("warnings").unwrap().as_array().unwrap();
    let one = |warning: &serde_json::Value| {
        let lint = warning.get("lint").unwrap().as_str().unwrap().to_owned();
        (lint, warning.get("line").unwrap().as_u64().unwrap_or_default())
    };
    warnings.iter().map(one).collect()
}

/// A folder in which this policy, for editors, stands beside the others.
fn with_policy(policy: &str) -> Folder {
    let folder = Folder::new();
    let text = format!("{}\n@id(\"x\")\n@doc(\"For a test.\")\n{policy}\n", folder.read(FILE));
    folder.write(FILE, text);
    folder
}

/// A `permit` for editors to write in example.com, on this condition.
fn when(condition: &str) -> String {
    format!(
        "permit (principal in Role::\"editors\", action in Action::\"write\", resource in Zone::\"example.com\")\nwhen {{ {condition} }};"
    )
}

/// Each lint with a policy that it is about.
fn policies() -> Vec<(&'static str, String)> {
    let everywhere =
        "permit (principal in Role::\"editors\", action == Action::\"zone.read\", resource);";
    let everybody =
        "permit (principal, action == Action::\"zone.read\", resource in Zone::\"example.com\");";
    let unscoped = "forbid (principal, action, resource) when { context.operations > 5 };";
    let nobody = "permit (principal == Key::\"nobody000000\", action == Action::\"zone.read\", resource in Zone::\"example.com\");";
    vec![
        ("like-without-dot", when("resource.name like \"*example.com\"")),
        ("like-open-end", when("resource.name like \"www.*\"")),
        ("like-over-dots", when("resource.name like \"pr-*.example.com\"")),
        ("like-over-dots", when("resource.relative like \"pr-*\"")),
        ("like-wildcard-record", when("resource.name like \"*.preview.example.com\"")),
        (
            "never-applies",
            when("resource.type == RecordType::\"A\" && resource.type == RecordType::\"AAAA\""),
        ),
        ("never-applies", when("resource.zone == \"example.org\"")),
        ("never-applies", when("resource.apex && !resource.apex")),
        (
            "never-applies",
            when("[\"a\", \"b\"].contains(resource.leftmost) && resource.leftmost like \"c*\""),
        ),
        ("never-applies", nobody.to_owned()),
        ("found-nothing", when("resource.name == \"www.example.org\"")),
        ("found-nothing", when("resource.depth == 1 && resource.relative == \"a.b\"")),
        ("permit-for-everybody", everybody.to_owned()),
        ("permit-everywhere", everywhere.to_owned()),
        ("policy-without-scope", unscoped.to_owned()),
        (
            "value-rule-on-deletion",
            when("resource has address && resource.address == context.client_ip"),
        ),
    ]
}

/// Conditions that some request meets, though none is made of one literal alone.
#[test]
fn what_needs_two_literals_at_once_is_found() {
    for condition in [
        "resource.leftmost like \"pr-*\" && resource.leftmost like \"*-x9\"",
        "resource.leftmost like \"pr-*\" && resource.name like \"*.prod.example.com\" && !resource.wildcard",
        "resource.depth == 6",
        "resource.depth > 4 && resource.depth < 8",
        "resource.type_number == 300",
        "resource.type == RecordType::\"MX\" && resource has value && resource.value == \"10 mail.example.net\"",
        "resource.type == RecordType::\"SRV\" && resource has value && resource.value like \"10 *\"",
        "resource.type == RecordType::\"TXT\" && resource has value && resource.value == \"v=spf1 -all\"",
        "resource.type == RecordType::\"TXT\" && resource has value && resource.value like \"*v=spf1 *\" && resource.value like \"*-all*\"",
        "resource has address && resource.address.isInRange(ip(\"10.0.0.0/8\")) && !resource.address.isInRange(ip(\"10.0.0.0/24\"))",
        "context.client_ip.isInRange(ip(\"10.0.0.0/8\")) && !context.client_ip.isInRange(ip(\"10.0.0.0/9\"))",
        "context.operations > 17 && context.operations < 90",
        "context.operations * 2 == 60",
        "principal has expires && principal.expires.durationSince(context.now) < duration(\"30d\")",
        "principal has owner && principal.owner like \"team-*\" && principal.owner like \"*-dns\"",
        "context.time_of_day > duration(\"9h\") && context.time_of_day < duration(\"9h10m\") && context.weekday == Weekday::\"fri\"",
    ] {
        let found = lints(&with_policy(&when(condition)));
        let found: Vec<_> = found.iter().filter(|(lint, _)| lint == "found-nothing").collect();
        assert!(found.is_empty(), "{condition}");
    }
    // Policies see a text without its quotes and a name without its last dot.
    for condition in [
        "resource.type == RecordType::\"MX\" && resource has value && resource.value == \"10 mail.example.net.\"",
        "resource.type == RecordType::\"TXT\" && resource has value && resource.value == \"\\\"v=spf1 -all\\\"\"",
        "resource.leftmost like \"pr-*\" && resource.leftmost like \"*-x9\" && resource.leftmost == \"www\"",
        "resource.depth == 6 && resource.name == \"a.b.example.com\"",
        "resource has address && resource.address.isInRange(ip(\"10.0.0.0/8\")) && resource.address.isInRange(ip(\"192.0.2.0/24\"))",
    ] {
        let found = lints(&with_policy(&when(condition)));
        let names: Vec<&str> = found.iter().map(|(lint, _)| lint.as_str()).collect();
        assert!(
            names.contains(&"found-nothing") || names.contains(&"never-applies"),
            "{condition}"
        );
    }
}

#[test]
fn each_lint_about_policies_is_found_and_can_be_allowed() {
    for (lint, policy) in policies() {
        let folder = with_policy(&policy);
        let found: BTreeSet<String> = lints(&folder).into_iter().map(|(lint, _)| lint).collect();
        assert_eq!(found, BTreeSet::from([lint.to_owned()]), "{policy}");
        let allow = format!("@id(\"x\")\n@allow_lint(\"{lint}: a test\")");
        folder.edit(FILE, "@id(\"x\")", &allow);
        assert_eq!(lints(&folder), [], "{policy}");
    }
}

#[test]
fn what_a_permit_leaves_out_may_match_a_wildcard() {
    let policy = when("resource.type == RecordType::\"A\"");
    let policy = policy.replace(';', "\nunless { resource.relative like \"*.preview\" };");
    assert_eq!(lints(&with_policy(&policy)), [], "{policy}");
}

#[test]
fn what_is_meant_is_no_warning() {
    for condition in [
        "resource.leftmost like \"pr-*\"",
        "resource.name like \"pr-*.example.com\" && resource.depth == 1",
        "resource.name like \"*.example.com\" && !resource.wildcard",
        "resource.type == RecordType::\"A\" || resource.type == RecordType::\"AAAA\"",
        "context.windows.contains(Window::\"office-hours\") && context.weekday == Weekday::\"fri\"",
        "context.networks.contains(Network::\"office\") && context.tls",
        "context.route == Route::\"powerdns/zone-patch\" && context.method == \"PATCH\"",
        "principal.hasTag(\"team\") && principal.getTag(\"team\") == \"web\"",
        "principal has networks && principal.networks.containsAny(context.networks)",
        "resource in Pattern::\"preview\" && resource.depth == 2",
        "context.now < datetime(\"2020-01-01T00:00:00Z\")",
        "context.time_of_day >= duration(\"9h30m\") && context.operations < 10",
        "resource.provider == \"cloudflare\"",
        "resource.type_number == 65280",
    ] {
        assert_eq!(lints(&with_policy(&when(condition))), [], "{condition}");
    }
}

/// Each lint with a settings file, what is there, and what is written instead; then where the
/// `allow` goes.
const SETTINGS: &[(&str, &str, &str, &str)] = &[
    ("regex-anchors", "patterns.toml", "'pr-[0-9]+\\.preview'", "'^pr-[0-9]+\\.preview$'"),
    ("regex-loose", "patterns.toml", "'pr-[0-9]+\\.preview'", "'.*[0-9]+.*'"),
    ("regex-bare-dot", "patterns.toml", "'pr-[0-9]+\\.preview'", "'pr-[0-9]+.preview'"),
    ("regex-dead-branch", "patterns.toml", "'pr-[0-9]+\\.preview'", "'(pr-[0-9]+|PR)\\.preview'"),
    ("regex-open-start", "patterns.toml", "'pr-[0-9]+\\.preview'", "'.*pr-[0-9]+\\.preview'"),
    ("regex-alternatives", "patterns.toml", "'pr-[0-9]+\\.preview'", "'www|pr-[0-9]+\\.preview'"),
    ("network-of-everything", "networks.toml", "192.0.2.0/24", "0.0.0.0/0"),
    ("nested-ranges", "networks.toml", "\"192.0.2.0/24\"", "\"192.0.2.0/24\", \"192.0.2.7\""),
    ("repeated-entry", "windows.toml", "\"mon\",", "\"mon\", \"mon\","),
    ("idle-exception", "windows.toml", "to = ", "except = [\"2026-11-21\"]\nto = "),
    ("role-without-members", "roles.toml", "[role.editors]", "[role.editors]"),
    ("key-without-rights", "keys.toml", "roles = [\"editors\"]\n\n", "owner = \"x\"\n\n"),
];

#[test]
fn each_lint_about_settings_is_found_and_can_be_allowed() {
    for (lint, file, from, to) in SETTINGS {
        let folder = Folder::new();
        folder.edit(file, from, to);
        if *lint == "role-without-members" {
            folder.edit("keys.toml", "roles = [\"editors\"]\n\n", "\n");
            folder.edit(
                "keys.toml",
                "an editor\"",
                "an editor\"\nallow = [{ lint = \"key-without-rights\", reason = \"x\" }]",
            );
        }
        if *lint == "key-without-rights" {
            folder.edit(
                "roles.toml",
                "[role.editors]",
                "[role.editors]\nallow = [{ lint = \"role-without-members\", reason = \"x\" }]",
            );
        }
        let found: BTreeSet<String> = lints(&folder).into_iter().map(|(lint, _)| lint).collect();
        assert_eq!(found, BTreeSet::from([(*lint).to_owned()]), "{to}");
        folder.edit(
            file,
            "description = ",
            &format!("allow = [{{ lint = \"{lint}\", reason = \"a test\" }}]\ndescription = "),
        );
        assert_eq!(lints(&folder), [], "{to}");
    }
}

#[test]
fn lints_that_need_more_than_one_change() {
    let folder = Folder::new();
    folder.edit("windows.toml", "to = ", "to_date = \"2020-01-31\"\nto = ");
    let found: Vec<String> = lints(&folder).into_iter().map(|(lint, _)| lint).collect();
    // Nothing is left that the policy of office hours could apply to.
    assert_eq!(found, ["found-nothing", "window-never-opens"]);

    let folder = Folder::new();
    folder.write("roles.toml", folder.read("roles.toml") + "\n[role.idle]\ndescription = \"x\"\n");
    assert_eq!(
        lints(&folder),
        [("role-without-members".to_owned(), 4), ("role-without-policy".to_owned(), 4)]
    );

    let folder = Folder::new();
    folder.edit(FILE, "@doc(\"For editors: preview hosts at any time.\")\n", "");
    assert_eq!(lints(&folder), [("policy-without-doc".to_owned(), 10)]);

    let folder = Folder::new();
    std::fs::remove_dir_all(folder.policies().join("cases")).unwrap();
    assert_eq!(lints(&folder), [("folder-without-tables".to_owned(), 0)]);

    let folder = Folder::new();
    let made = folder.run(&["key", "new", "--format", "json", "--role", "editors"]);
    let made: serde_json::Value = serde_json::from_str(&made.out).unwrap();
    let entry = made["entry"].as_str().unwrap();
    folder.write("keys.toml", folder.read("keys.toml") + "\n" + entry);
    assert_eq!(lints(&folder), [("key-without-expiry".to_owned(), 17)]);
    let timed = entry.to_owned() + "expires = 2030-01-01T00:00:00Z\n";
    folder.edit("keys.toml", entry, &timed);
    assert_eq!(lints(&folder), []);
}

#[test]
fn an_allow_needs_a_reason_a_known_name_and_a_use() {
    let folder = with_policy(&when("resource.leftmost == \"www\""));
    folder.edit(FILE, "@id(\"x\")", "@id(\"x\")\n@allow_lint(\"permit-everywhere: not so\")");
    assert_eq!(lints(&folder), [("needless-allow".to_owned(), 20)]);
    folder.edit(FILE, "permit-everywhere", "permit-evrywhere");
    assert_eq!(lints(&folder), [("unknown-lint".to_owned(), 20)]);
    let run = folder.run(&["check"]);
    assert!(run.out.contains("did you mean `permit-everywhere`?"), "{}", run.out);
    folder.edit(FILE, "permit-evrywhere: not so", "permit-everywhere");
    let run = folder.run(&["check"]);
    assert_eq!(run.code, 3);
    assert!(
        run.out.contains("`@allow_lint` of `x`: `permit-everywhere` gives no reason"),
        "{}",
        run.out
    );

    let folder = Folder::new();
    folder.edit("patterns.toml", "reads", "allow = [{ lint = \"regex-loose\" }]\nreads");
    let run = folder.run(&["check"]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("an `allow` of the pattern `preview` has no `reason`"), "{}", run.out);
}

#[test]
fn two_lints_are_allowed_by_one_annotation() {
    let policy = "permit (principal, action == Action::\"zone.read\", resource);";
    let folder = with_policy(policy);
    folder.edit(
        FILE,
        "@id(\"x\")",
        "@id(\"x\")\n@allow_lint(\"permit-everywhere: a; permit-for-everybody: b\")",
    );
    assert_eq!(lints(&folder), []);
}

#[test]
fn a_warning_is_shown_with_its_name_and_where_it_is() {
    let folder = with_policy(&when("resource.name like \"*example.com\""));
    let run = folder.run(&["check"]);
    let expected = "policies/rules/editors.cedar:22: warning[like-without-dot]: `\"*example.com\"` of `x` also matches `evilexample.com`, which is not below `example.com`\n  22 | when { resource.name like \"*example.com\" };\n     |                           ^^^^^^^^^^^^^^\n";
    assert!(run.out.starts_with(expected), "{}", run.out);
    assert!(run.out.contains("`zonegate check --explain like-without-dot`"), "{}", run.out);
    assert_eq!(run.code, 0);
    let run = folder.run(&["check", "--deny-warnings"]);
    assert_eq!(run.code, 3);
    assert!(run.out.ends_with("policies: 0 problems, 1 warning\n"), "{}", run.out);
    assert_eq!(Folder::new().run(&["check", "--deny-warnings"]).code, 0);
}

#[test]
fn every_lint_has_a_page_and_a_test() {
    let folder = Folder::new();
    let run = folder.run(&["check", "--explain", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let all = json.as_array().unwrap().iter();
    let source = include_str!("lint.rs");
    let elsewhere = include_str!("export.rs");
    for lint in all {
        let name = lint["lint"].as_str().unwrap();
        let here =
            source.contains(&format!("\"{name}\"")) || elsewhere.contains(&format!("[{name}]"));
        assert!(here, "no test is about `{name}`");
        let page = folder.run(&["check", "--explain", name]);
        assert!(page.out.starts_with(&format!("# {name}\n")), "{}", page.out);
        assert_eq!(page.code, 0);
    }
    let list = folder.run(&["check", "--explain"]);
    assert!(list.out.lines().any(|line| line.starts_with("like-without-dot ")), "{}", list.out);
    let none = folder.run(&["check", "--explain", "like-wihtout-dot"]);
    assert_eq!((none.code, none.out.as_str()), (1, ""));
    assert!(none.err.contains("did you mean `like-without-dot`?"), "{}", none.err);
}

#[test]
fn the_shipped_policies_are_free_of_warnings() {
    let run = Folder::new().run(&[
        "check",
        "--deny-warnings",
        concat!(env!("CARGO_MANIFEST_DIR"), "/../policies"),
    ]);
    assert_eq!(run.code, 0, "{}", run.out);
}
