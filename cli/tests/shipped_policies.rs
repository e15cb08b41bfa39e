//! The shipped policies folder, whole and with something taken from it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A copy of the shipped folder that goes away with the test.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Copy {
    /// A new copy.
    fn new() -> Copy {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("zonegate-policies-{}-{number}", std::process::id());
        let copy = Copy(std::env::temp_dir().join(name));
        copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies"), &copy.0);
        copy
    }

    /// Changes one file's text; the text that is replaced must be there.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.0.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Leaves only the tables of this name: the others would only be read, which takes long.
    fn keep_table(&self, name: &str) {
        for entry in std::fs::read_dir(self.0.join("cases")).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !file.contains(name) && file != "demo-keys.toml" && file != "attacks-index.toml" {
                std::fs::remove_file(path).unwrap();
            }
        }
    }

    /// Runs the command on the copy, with these arguments before its path.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zonegate"));
        command.args(arguments).arg(&self.0).env("NO_COLOR", "1").output().unwrap()
    }

    /// What is said of the copy; it must be refused.
    fn refused(&self, subcommand: &str) -> String {
        let output = self.run(&[subcommand]);
        let text = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(!output.status.success(), "it was accepted:\n{text}");
        text
    }
}

/// Copies a folder with everything in it.
fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Output as text.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_shipped_folder_is_sound_and_its_tables_pass() {
    let copy = Copy::new();
    for subcommand in ["check", "test"] {
        let output = copy.run(&[subcommand]);
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    }
}

#[test]
fn a_missing_guardrail_refuses_the_folder() {
    let copy = Copy::new();
    std::fs::remove_file(copy.0.join("guardrails/zones.cedar")).unwrap();
    let said = copy.refused("check");
    assert!(said.contains("`guardrails/zones.cedar` is missing"), "{said}");
    assert!(said.contains("no-apex-ns-or-soa"), "{said}");

    // Half a file: what an editor has written so far.
    let copy = Copy::new();
    copy.edit("guardrails/zones.cedar", "@id(\"no-caa\")", "@id(\"no-caa-any-more\")");
    let said = copy.refused("check");
    assert!(said.contains("no policy has the id `no-caa`"), "{said}");
}

#[test]
fn a_name_that_could_never_match_refuses_the_folder() {
    for name in ["Example.com", "example.com.", "ex ample.com"] {
        let copy = Copy::new();
        let literal = format!("Zone::\"{name}\"");
        copy.edit("roles/patterns.cedar", "Zone::\"example.com\"", &literal);
        let said = copy.refused("check");
        assert!(said.contains("can never match"), "{said}");
    }
}

/// What is taken away: the table that must miss it, a file, a text in it, and what stands there
/// instead.
const TAKEN: &[(&str, &str, &str, &str)] = &[
    ("guardrails", "guardrails/keys.cedar", "!principal.networks", "principal.networks"),
    ("guardrails", "guardrails/zones.cedar", "resource.type == RecordType::\"SOA\" ||", ""),
    (
        "guardrails",
        "guardrails/zones.cedar",
        "(resource.type == RecordType::\"NS\" && resource.apex)",
        "false",
    ),
    ("guardrails", "guardrails/zones.cedar", "    RecordType::\"DS\",\n", ""),
    ("guardrails", "guardrails/zones.cedar", "    RecordType::\"DNAME\",\n", ""),
    ("guardrails", "guardrails/zones.cedar", "    RecordType::\"CDS\",\n", ""),
    ("guardrails", "guardrails/zones.cedar", "RecordType::\"CAA\"", "RecordType::\"HINFO\""),
    ("guardrails", "guardrails/zones.cedar", "RecordType::\"LUA\"", "RecordType::\"HINFO\""),
    ("guardrails", "guardrails/zones.cedar", "\"ENABLE-LUA-RECORDS\"", "\"SOA-EDIT\""),
    ("guardrails", "guardrails/zones.cedar", "RecordType::\"OTHER\"", "RecordType::\"HINFO\""),
    (
        "guardrails",
        "guardrails/zones.cedar",
        "unless { principal in Role::\"wildcards\" };",
        "when { resource.depth > 100 };",
    ),
    ("acme", "templates/acme-zone.cedar", " && resource.leftmost == \"_acme-challenge\"", ""),
    ("acme", "templates/acme-zone.cedar", "resource.type == RecordType::\"TXT\" && ", ""),
    (
        "acme",
        "templates/acme-zone.cedar",
        "when { context.route == Route::\"powerdns/zone-notify\" }",
        "",
    ),
    ("acme", "templates/acme-strict.cedar", "when { resource in Pattern::\"acme-token\" }", ""),
    ("ddns", "templates/ddns.cedar", " && resource.address == context.client_ip", ""),
    (
        "regex",
        "templates/site-verification.cedar",
        " && resource in Pattern::\"site-verification\"",
        "",
    ),
    (
        "zone-editors",
        "templates/subtree.cedar",
        "    RecordType::\"A\",\n",
        "    RecordType::\"HTTPS\",\n",
    ),
    ("auditor", "roles/auditors.cedar", "context.networks.contains(Network::\"office\") &&", ""),
    ("auditor", "roles/auditors.cedar", "Window::\"office-hours\"", "Window::\"maintenance\""),
    ("zone-editors", "roles/zone-editors.cedar", "like \"*.nl\"", "like \"*nl*\""),
    ("zone-editors", "roles/zone-editors.cedar", "like \"*prod*\"", "like \"prod*\""),
    (
        "auditor",
        "roles/hostmasters.cedar",
        "when { context.windows.contains(Window::\"maintenance\") }",
        "",
    ),
    ("regex", "roles/patterns.cedar", "principal.getTag(\"environment\") == \"preview\"", "true"),
    ("regex", "roles/patterns.cedar", "when { resource.zone == \"example.com\" }", ""),
    (
        "zone-editors",
        "roles/zone-creators.cedar",
        "when { context.route == Route::\"powerdns/zone-create\" }",
        "",
    ),
    (
        "library-external-dns",
        "templates/external-dns.cedar",
        " && resource in Pattern::\"external-dns-registry\"",
        "",
    ),
    (
        "library-external-dns",
        "patterns.toml",
        "regex = 'heritage=external-dns(",
        "regex = 'heritage=external-dns.*(",
    ),
    (
        "library-mail",
        "templates/mail.cedar",
        "resource.type == RecordType::\"MX\" && resource.apex",
        "resource.type == RecordType::\"MX\"",
    ),
    ("library-mail", "templates/mail.cedar", "when { resource in Pattern::\"spf\" }", ""),
    ("library-mail", "templates/mail.cedar", "when { resource in Pattern::\"dkim-name\" }", ""),
    ("library-mail", "templates/mail.cedar", "resource.relative == \"_dmarc\" && ", ""),
    ("library-mail", "patterns.toml", "regex = 'v=spf1( ", "regex = 'v=spf1.*( "),
    (
        "library-previews",
        "templates/previews.cedar",
        "when { resource in Pattern::\"preview-host\" }",
        "",
    ),
    ("library-previews", "patterns.toml", "pr-[1-9][0-9]{0,5}", "pr-[0-9]{1,5}"),
    ("library-zone-admin", "templates/zone-admin.cedar", "    RecordType::\"CDS\",\n", ""),
    ("library-zone-admin", "templates/zone-admin.cedar", "    Action::\"zone.delete\",\n", ""),
    ("library-zone-admin", "templates/zone-admin.cedar", "    Action::\"zone.transfer\",\n", ""),
    (
        "library-zone-admin",
        "templates/zone-admin.cedar",
        "    Action::\"dnssec.write\"\n",
        "    Action::\"zone.create\"\n",
    ),
    ("library-zone-admin", "templates/zone-admin.cedar", "when { resource.apex }\n", ""),
    (
        "library-zone-as-code",
        "templates/zone-as-code.cedar",
        "unless { resource.leftmost == \"_acme-challenge\" }",
        "",
    ),
    (
        "library-break-glass",
        "guardrails/keys.cedar",
        " &&\n  principal.expires.durationSince(context.now) <= duration(\"24h\")",
        "",
    ),
    ("library-break-glass", "guardrails/keys.cedar", "duration(\"24h\")", "duration(\"24h1s\")"),
    ("regex", "patterns.toml", "regex = '_acme-challenge\\..+'", "regex = '_acme-challenge.+'"),
    ("regex", "patterns.toml", "\\.preview'", "\\.preview.*'"),
    ("auditor", "windows.toml", "time_zone = \"Europe/Amsterdam\"", "time_zone = \"Etc/GMT-2\""),
    ("auditor", "windows.toml", "to = \"04:00\"", "to = \"03:00\""),
    ("auditor", "windows.toml", "from = \"22:00\"", "from = \"22:01\""),
    ("auditor", "windows.toml", "except = [\"2026-12-25\", \"2027-01-01\"]", ""),
    ("guardrails", "networks.toml", "\"192.0.2.0/24\"", "\"192.0.2.0/23\""),
];

/// Whether no row fails where this is taken away; then what was said.
fn unnoticed(table: &str, file: &str, from: &str, to: &str) -> Option<String> {
    let copy = Copy::new();
    copy.edit(file, from, to);
    copy.keep_table(table);
    let output = copy.run(&["test", "--filter", table]);
    let said = text(&output.stderr);
    let missed = text(&output.stdout).contains("FAIL");
    (!missed).then(|| format!("{file}: with `{to}` for `{from}` no row fails\n{said}"))
}

/// Every guardrail and every condition is missed by some row.
#[test]
fn the_tables_miss_what_is_taken_away() {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let chunks = TAKEN.chunks(TAKEN.len().div_ceil(workers));
    let found: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = chunks
            .map(|chunk| {
                scope.spawn(|| {
                    chunk
                        .iter()
                        .filter_map(|(table, file, from, to)| unnoticed(table, file, from, to))
                        .collect()
                })
            })
            .collect();
        running
            .into_iter()
            .flat_map(|one| one.join().unwrap_or_else(|_| vec!["a thread failed".to_owned()]))
            .collect()
    });
    assert!(found.is_empty(), "{}", found.join("\n"));
}
