//! Whatever is misspelt, the nearest right name is suggested, with the line and a caret.

mod common;

use common::Folder;

/// A file, what is there, what is written instead, what the caret points at, and the suggestion.
const MISSPELT: &[(&str, &str, &str, &str, &str)] = &[
    ("rules/editors.cedar", "resource.zone ", "resource.zoen ", "zoen", "did you mean `zone`?"),
    (
        "rules/editors.cedar",
        "context.windows",
        "context.window",
        "window",
        "did you mean `windows`?",
    ),
    (
        "rules/everybody.cedar",
        "zone.list",
        "zone.lits",
        "Action::\"zone.lits\"",
        "`Action::\"zone.list\"`",
    ),
    (
        "rules/editors.cedar",
        "Role::\"editors\"",
        "Role::\"editor\"",
        "editor",
        "`Role::\"editors\"`",
    ),
    (
        "rules/editors.cedar",
        "Pattern::\"preview\"",
        "Pattern::\"previw\"",
        "previw",
        "`Pattern::\"preview\"`",
    ),
    (
        "rules/editors.cedar",
        "Window::\"office-hours\"",
        "Window::\"ofice-hours\"",
        "ofice-hours",
        "`Window::\"office-hours\"`",
    ),
    (
        "rules/everybody.cedar",
        "RecordType::\"CAA\"",
        "RecordType::\"CCA\"",
        "CCA",
        "`RecordType::\"CAA\"`",
    ),
    (
        "rules/everybody.cedar",
        "resource.type == RecordType::\"CAA\"",
        "context.route == Route::\"powerdns/zone-ptach\"",
        "powerdns/zone-ptach",
        "`Route::\"powerdns/zone-patch\"`",
    ),
    (
        "rules/everybody.cedar",
        "resource.type == RecordType::\"CAA\"",
        "context.networks.contains(Network::\"ofice\")",
        "ofice",
        "`Network::\"office\"`",
    ),
    (
        "rules/everybody.cedar",
        "resource.type == RecordType::\"CAA\"",
        "context.weekday == Weekday::\"fir\"",
        "fir",
        "`Weekday::\"fri\"`",
    ),
    ("rules/everybody.cedar", "@doc(", "@dco(", "@dco", "did you mean `@doc`?"),
    (
        "rules/everybody.cedar",
        "RecordType::\"CAA\"",
        "RecordTyp::\"CAA\"",
        "RecordTyp",
        "did you mean `RecordType`?",
    ),
    (
        "keys.toml",
        "roles = [\"editors\"]",
        "roles = [\"editros\"]",
        "editros",
        "did you mean `editors`?",
    ),
    ("keys.toml", "disabled = true", "networks = [\"ofice\"]", "ofice", "did you mean `office`?"),
    ("keys.toml", "disabled = true", "disbaled = true", "disbaled", "did you mean `disabled`?"),
    (
        "keys.toml",
        "disabled = true",
        "[[key.grant]]\ngrant = \"x\"\nzoen = \"example.com\"",
        "zoen",
        "did you mean `zone`?",
    ),
    ("windows.toml", "\"wed\"", "\"wde\"", "wde", "did you mean `wed`?"),
    (
        "patterns.toml",
        "reads = \"relative\"",
        "reads = \"realtive\"",
        "realtive",
        "did you mean `relative`?",
    ),
    ("manifest.toml", "guardrails", "guradrails", "guradrails", "did you mean `guardrails`?"),
    ("cases/editors.toml", "deny =", "dney =", "dney", "did you mean `deny`?"),
    (
        "cases/editors.toml",
        "allow = [\"editors-previews\"]",
        "allow = [\"editor-previews\"]",
        "",
        "did you mean `editors-previews`?",
    ),
];

#[test]
fn a_misspelt_name_suggests_the_nearest() {
    for (file, from, to, marked, suggestion) in MISSPELT {
        let folder = Folder::new();
        folder.edit(file, from, to);
        let run = folder.run(&["check"]);
        assert_eq!(run.code, 3, "{to}: {}", run.out);
        assert!(run.out.contains(suggestion), "{to}: {}", run.out);
        if !marked.is_empty() {
            let caret = format!(" {}\n", "^".repeat(marked.chars().count()));
            assert!(run.out.contains(&caret), "{to}: {}", run.out);
        }
    }
}

#[test]
fn a_misspelt_grant_suggests_the_nearest() {
    let folder = Folder::new();
    let template = "\n@id(\"acme\")\n@binds(\"zone\")\n@doc(\"x\")\npermit (principal == ?principal, action == Action::\"zone.read\", resource == ?resource);\n";
    folder.write("rules/editors.cedar", folder.read("rules/editors.cedar") + template);
    folder.edit(
        "keys.toml",
        "disabled = true",
        "[[key.grant]]\ngrant = \"amce\"\nzone = \"example.com\"",
    );
    let run = folder.run(&["check"]);
    assert!(run.out.contains("did you mean `acme`?"), "{}", run.out);
    assert!(run.out.contains("| grant = \"amce\""), "{}", run.out);
}

#[test]
fn misspelt_arguments_suggest_the_nearest() {
    let folder = Folder::new();
    let explain = |key: &str, account: &str, operation: &str, route: &[&str]| {
        let asked = ["explain", "--key", key, "--account", account, "--from", "192.0.2.7"];
        let run = folder.run(&[&asked[..], &["--operation", operation], route].concat());
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{key} {operation}");
        run.err
    };
    let read = "zone.read example.com";
    for (error, near) in [
        (explain("demoeditro01", "powerdns/main", read, &[]), "demoeditor01"),
        (explain("demoeditor01", "powerdsn/main", read, &[]), "powerdns"),
        (explain("demoeditor01", "powerdns/main", "zone.raed example.com", &[]), "zone.read"),
        (
            explain(
                "demoeditor01",
                "powerdns/main",
                "record.read example.com example.com CNMAE",
                &[],
            ),
            "CNAME",
        ),
        (
            explain("demoeditor01", "powerdns/main", read, &["--route", "powerdns/zone-raed"]),
            "powerdns/zone-read",
        ),
        (folder.run(&["routes", "powerdsn"]).err, "powerdns"),
    ] {
        assert!(error.contains(&format!("did you mean `{near}`?")), "{near}: {error}");
    }
}
