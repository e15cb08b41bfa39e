//! Rows for every provider: what they become, what is refused, and that no provider is left out.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use zonegate_cases::{Case, Credential, Expected, Table};

/// What stands at the top of every table here.
const HEAD: &str = "account = 'main'\nnow = '2026-06-03T10:00:00Z'\nfrom = '192.0.2.1'\n";
/// Two providers that could not be more different.
const FOR: &str = r#"
[text]
long = { text = "ab", times = 3 }
[[for]]
provider = "one"
key_header = "authorization"
key_prefix = "Bearer "
key_beside = [["x-mail", "a@example.org"]]
[for.say]
gone = '"gone {target}"'
[for.request.list]
send = "GET /zones/"
headers = [["accept", "text/json"]]
means = ["zone.list"]
upstream = { status = 201, body = "[]" }
lookup = [{ path = "/who", body = "{}" }]
[for.request.add]
send = "POST /zones"
body = '[{"a":{}}]'
[[for]]
provider = "two"
label = "two, in the body"
account = "other"
key_body = "secret"
key_beside = [["id", "x"]]
[for.say]
gone = "none"
[for.request.list]
send = "POST /list"
body = "{ }"
[for.lacks]
add = "it cannot add"
"#;

/// A table's text.
fn parse(text: &str) -> Result<Table, String> {
    let keys = [("k", "zgk_k"), ("l", "zgk_l")];
    let keys = keys.map(|(alias, key)| (alias.to_owned(), key.to_owned()));
    Table::parse("t.toml", &format!("{HEAD}{text}"), &BTreeMap::from(keys))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// The cases of one row, after both providers.
fn cases(row: &str) -> Vec<Case> {
    parse(&format!("{FOR}\n[[case]]\nname = 'n'\n{row}")).unwrap().cases
}

/// What is wrong with one row, after both providers.
fn problem(row: &str) -> String {
    parse(&format!("{FOR}\n[[case]]\nname = 'n'\n{row}")).unwrap_err()
}

/// A body as text.
fn body(case: &Case) -> &str {
    case.body.as_deref().map_or("", |body| std::str::from_utf8(body).unwrap())
}

#[test]
fn a_row_is_one_case_for_each_provider() {
    let both = cases("request = 'list'\nkey = 'k'\ndeny = 'no-key'");
    let names: Vec<&str> = both.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["one: n", "two, in the body: n"]);
    let [one, two] = both.as_slice() else { panic!("two cases") };
    assert_eq!((one.provider.as_str(), one.account.as_str()), ("one", "main"));
    assert_eq!((one.method.as_str(), one.target_text()), ("GET", "/zones/".to_owned()));
    let headers = ["authorization Bearer zgk_k", "x-mail a@example.org", "accept text/json"];
    let sent: Vec<String> = one
        .request_headers()
        .iter()
        .map(|(name, value)| {
            format!("{} {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
        })
        .collect();
    assert_eq!(sent, headers);
    assert!(one.lookups.is_empty() && one.means.is_none(), "only where the row asks for them");
    assert_eq!((two.provider.as_str(), two.account.as_str()), ("two", "other"));
    assert_eq!(body(two), r#"{"secret":"zgk_k","id":"x" }"#);
    let (field, key) = ("secret".to_owned(), "zgk_k".to_owned());
    assert_eq!(two.credential, Credential::Body { field, key });
    assert_eq!(one.line, two.line);
}

#[test]
fn a_second_key_stands_where_the_first_does() {
    let both = cases("request = 'list'\nkey = 'k'\nalso = 'l'\ndeny = 'many-keys'");
    let keys = both[0].request_headers();
    let keys = keys.iter().filter(|(name, _)| name == b"authorization").count();
    assert_eq!(keys, 2);
    assert!(body(&both[1]).starts_with(r#"{"secret":"zgk_k","secret":"zgk_l","#));
    let none = cases("request = 'list'\nkey = 'none'\ndeny = 'no-key'");
    assert_eq!(none[0].request_headers().len(), 1, "nothing accompanies a key that is not there");
    assert_eq!(body(&none[1]), "{ }");
}

#[test]
fn marks_stand_for_what_the_entry_has() {
    let row = "request = 'list'\nkey = 'k'\nbut = { 'two, in the body' = 'it has no means' }\n\
               send = 'PUT {stem}/x?{long}'\nmeans = '{means}'\nupstream = '{upstream}'\n\
               lookup = '{lookup}'\nbody = '{add.open}{i}{add.inside}{add.close}'\nallow = ['p']\n\
               answers = { body_has = ['{gone}', '{method}{key_prefix}'] }";
    let [one] = cases(row).try_into().unwrap();
    assert_eq!(one.target_text(), "/zones/x?ababab");
    assert_eq!(one.means, Some(vec!["zone.list".to_owned()]));
    assert_eq!(one.upstream.as_ref().map(|answer| answer.status), Some(201));
    assert_eq!(one.lookups[0].path, "/who");
    assert_eq!(body(&one), r#"[{{i}"a":{}}]"#);
    let has = one.answers.unwrap().body_has;
    assert_eq!(has, [r#""gone /zones/""#, "GETBearer "]);
    assert_eq!(one.expected, Expected::Allow { policies: vec!["p".to_owned()] });
}

#[test]
fn a_row_has_marks_of_its_own() {
    let row = "request = 'add'\nkey = 'k'\nwith = { gone = '{who}', who = 'w' }\n\
               body = '{gone} {long}'\ndeny = 'no-key'";
    assert_eq!(body(&cases(row)[0]), "w ababab");
    let text = problem("request = 'add'\nkey = 'k'\nwith = { a = 1 }\ndeny = 'no-key'");
    assert!(text.contains("`with` is no list of texts"), "{text}");
}

#[test]
fn bytes_of_a_body_are_written_with_escapes() {
    let row = "request = 'add'\nkey = 'k'\nbody_bytes = '{open}\\xff{close}'\ndeny = 'no-key'";
    assert_eq!(cases(row)[0].body.as_deref(), Some(&b"[{\xff}]"[..]));
}

#[test]
fn a_request_that_an_entry_lacks_needs_a_reason() {
    assert_eq!(cases("request = 'add'\nkey = 'k'\ndeny = 'no-key'").len(), 1);
    let text = problem("request = 'nothing'\nkey = 'k'\ndeny = 'no-key'");
    assert!(text.contains("in `one: n`: `[[for]]` has no request `nothing`"), "{text}");
    assert!(text.contains("in `two, in the body: n`: `[[for]]` has no request"), "{text}");
}

#[test]
fn what_is_not_meant_is_refused() {
    let text = problem("request = 'list'\nkey = 'k'\ndeny = 'no-key'\nbody = '{absent}'");
    assert!(text.contains("in `one: n`: nothing for the mark `{absent}`"), "{text}");
    let text = problem("request = 'list'\nkey = 'k'\ndeny = 'no-key'\nbody = 'a{means}'");
    assert!(text.contains("the mark `{means}` is no text; let it stand alone"), "{text}");
    let text = problem("request = 'list'\nkey = 'k'\ndeny = 'no-key'\nbut = { three = 'why' }");
    assert!(text.contains("`but.three` names no entry"), "{text}");
    let text = problem("request = 'list'\nkey = 'k'\ndeny = 'no-key'\nbut = { one = ' ' }");
    assert!(text.contains("`but.one` names no entry, or gives no reason"), "{text}");
    let text = problem("request = 'list'\nkey = 'k'\ndenny = 'no-key'");
    assert!(text.contains("unknown field `denny`"), "{text}");
    let text = problem("request = 'list'\nkey = 'k'\ndeny = 'no-key'\nbody = 'x'");
    assert!(text.contains("the body does not begin with `{`"), "{text}");
    let text = parse("[[case]]\nname = 'n'\nrequest = 'list'\nkey = 'k'\ndeny = 'no-key'");
    assert!(text.unwrap_err().contains("`request` in a file without `[[for]]`"));
    let text = parse(&FOR.replace("key_body", "key_boddy"));
    assert!(text.unwrap_err().contains("unknown field `key_boddy`"));
    let row = "request = 'list'\nkey = 'none'\nalso = 'k'\ndeny = 'no-key'";
    assert!(problem(row).contains("`also` without a key"));
}

/// The lines to add for a provider without an entry.
const ENTRY: &str = r#"
[[for]]
provider = "NAME"
key_header = "authorization"
key_prefix = "Bearer "
[for.say]
unauthorized = '...'     # in the body of every 401
forbidden = '...'        # of every 403
not_found = '...'        # of every 404
other_header = "accesskey"
twice = "malformed-key"  # "many-keys" where the header is not `authorization`
two_places = "many-keys"
ungranted = "no-policy-allows"
[for.request.list]
send = "GET /..."        # the zones
means = ["zone.list"]
upstream = { headers = [["content-type", "application/json"]], body = '...example.com...example.net...' }
[for.request.zone]
send = "GET /..."        # example.com
means = ["zone.read example.com"]
[for.request.foreign]
send = "GET /..."        # example.net
means = ["zone.read example.net"]
[for.request.create]
send = "POST /..."
body = '...'
means = ['record.create example.com _acme-challenge.www.example.com TXT "tok"']
[for.request.elsewhere]
send = "POST /..."
body = '...'
means = ['record.create example.com www.example.com TXT "tok"']
[for.request.record]
send = "POST /..."
body = '...{name}...{type}...{value}...'
means = ['record.create example.com {name}.example.com {word} "{value}"']
"#;

/// The project's folder.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_provider_has_an_entry() {
    let files = std::fs::read_dir(project().join("engine/providers")).unwrap();
    let providers: BTreeSet<String> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(providers.len() > 10, "no provider files");
    let table = Table::load(project().join("policies/cases/every-provider.toml")).unwrap();
    let mut rows: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for case in &table.cases {
        if case.name.starts_with(&format!("{}: ", case.provider)) {
            rows.entry(&case.provider).or_default().insert(case.line);
        }
    }
    let all = rows.values().map(BTreeSet::len).max().unwrap_or_default();
    for provider in &providers {
        let has = rows.get(provider.as_str()).map_or(0, BTreeSet::len);
        let lines = ENTRY.replace("NAME", provider);
        assert!(has > 0, "`{provider}` has no entry in every-provider.toml; add\n{lines}");
        // A row may leave a provider out, with its reason, but hardly any does.
        assert!(has + 3 >= all, "`{provider}` has {has} of {all} rows of every-provider.toml");
    }
}
