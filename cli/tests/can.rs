//! `zonegate can`: what a key can do, who can do something, and tables of a zone.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Folder, Run};
use serde_json::Value;

/// A Wednesday in office hours.
const NOON: &str = "2026-06-03T10:00:00Z";

/// The command on the shipped policies.
fn shipped(arguments: &[&str]) -> Run {
    let folder = Folder::new();
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");
    folder.run(&[&["can", "--dir", policies, "--at", NOON], arguments].concat())
}

/// The document that the command prints.
fn document(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    serde_json::from_str(&run.out).unwrap()
}

/// The answers to `--who` on the shipped policies, by key.
fn who(operation: &str) -> impl Fn(&str) -> Value + use<> {
    let document = document(&shipped(&["--format", "json", "--who", operation]));
    move |key| {
        let keys = document.get("keys").and_then(Value::as_array).unwrap();
        keys.iter().find(|one| one.get("key") == Some(&key.into())).unwrap().clone()
    }
}

#[test]
fn who_can_says_on_what_it_depends() {
    let create = who("record.create example.com www.example.com CNAME");
    assert_eq!(create("demoallzones")["answer"], "yes");
    assert_eq!(create("demoacmehost")["answer"], "no");
    let creator = create("democreator1");
    assert_eq!(
        (&creator["answer"], &creator["depends_on"]),
        (&"depends".into(), &Value::from(["route"]))
    );
    assert_eq!(creator["when"][0][0], "by the route powerdns/zone-create");
    assert_eq!(create("demodisabled")["state"], "disabled");
    assert_eq!(create("demoexpired1")["note"], "expired since 2026-01-01T00:00:00Z");

    for (operation, key, phrases) in [
        (
            "zone.read example.com",
            "demoauditor1",
            &["from the network office", "in the window office-hours"][..],
        ),
        ("zone.delete example.com", "demohostmast", &["in the window maintenance"]),
        (
            "record.create example.com _acme-challenge.example.com TXT",
            "demooffice01",
            &["from the network office"],
        ),
        (
            "record.create example.com _acme-challenge.example.com TXT",
            "demostrict01",
            &["with a value that matches the pattern acme-token"],
        ),
        (
            "record.create example.com home.example.com A",
            "demoddns0001",
            &["with the client's own address as the value"],
        ),
        (
            "record.create example.com home.example.com A \"192.0.2.0\"",
            "demoddns0001",
            &["from 192.0.2.0"],
        ),
    ] {
        let found = who(operation)(key);
        assert_eq!(
            found["when"],
            Value::from(vec![phrases.to_vec()]),
            "{operation} {key}: {found}"
        );
        assert_eq!(found["answer"], "depends");
        assert!(found["allowed"].as_u64() < found["asked"].as_u64());
    }
    // A value of its own decides.
    let token = "A".repeat(43);
    let right =
        who(&format!("record.create example.com _acme-challenge.example.com TXT \"{token}\""));
    assert_eq!(right("demostrict01")["answer"], "yes");
}

/// What an example says, `explain` says too.
#[test]
fn examples_and_counterexamples_are_decided_so() {
    let folder = Folder::new();
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");
    let found = who("record.create example.com _acme-challenge.example.com TXT")("demooffice01");
    for (field, code) in [("example", 0), ("counterexample", 2)] {
        let words = found[field].as_str().unwrap().replace("\\\"", "\"");
        let (before, operation) = words.split_once("--operation '").unwrap();
        let mut arguments = vec!["explain", policies];
        arguments.extend(before.split_whitespace());
        let operation = operation.trim_end_matches('\'');
        arguments.extend(["--operation", operation]);
        let run = folder.run(&arguments);
        assert_eq!(run.code, code, "{words}: {}{}", run.out, run.err);
    }
}

#[test]
fn a_key_is_described_in_words() {
    let run = shipped(&["demosubtree1"]);
    assert_eq!(run.code, 0, "{}", run.err);
    for part in [
        "demosubtree1  the owners of apps.example.com\n",
        "  grant: subtree zone example.com, domain apps.example.com\n",
        "\non apps.example.com and below\n  record.read, record.create, record.delete\n      of type A, AAAA, CNAME, MX, SRV, TXT\n      subtree-records  templates/subtree.cedar:",
        "\nbut never what these forbid\n  record.wildcard\n      unless the key has the role wildcards\n      no-wildcards  guardrails/zones.cedar:",
        "what lies between them can differ",
    ] {
        assert!(run.out.contains(part), "{part}\n---\n{}", run.out);
    }
    // Its part of the zone, and all of a zone below its name.
    let row = run.out.lines().find(|line| line.starts_with("example.com ")).unwrap();
    assert!(row.contains(" R------ ") && row.contains(" rcd "), "{row}");
    assert!(run.out.contains("every other zone"), "{}", run.out);
    // A guardrail that cuts nothing of what it may do is not named.
    assert!(!run.out.contains("no-caa"), "{}", run.out);

    let expired = shipped(&["demoexpired1"]);
    assert!(
        expired.out.contains("expired since 2026-01-01T00:00:00Z: it can do nothing"),
        "{}",
        expired.out
    );
    let json = document(&shipped(&["demoauditor1", "--format", "json"]));
    let forbids: Vec<&str> =
        json["forbids"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(forbids, ["key-networks", "auditors-office-only"]);
}

#[test]
fn a_zone_has_a_table_of_its_keys() {
    let run = shipped(&["--zone", "example.com"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let row = |key: &str| {
        let line = run.out.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let (all, none) = (row("demogranted1"), row("demonothing1"));
    assert_eq!(all.first().unwrap(), "LSW");
    assert_eq!(all.last().unwrap(), "W");
    assert!(none.iter().skip(1).all(|cell| cell.chars().all(|c| c == '-')), "{none:?}");
    assert!(run.out.contains("demodisabled [disabled]"));
    let json = document(&shipped(&["--zone", "example.com", "--format", "json"]));
    let keys = json["keys"].as_array().unwrap();
    let auditor = keys.iter().find(|one| one["key"] == "demoauditor1").unwrap();
    let cells = auditor["cells"].as_array().unwrap();
    let read = cells.iter().find(|one| one["action"] == "zone.read").unwrap();
    assert_eq!((&read["answer"], &read["types"]), (&"depends".into(), &Value::Null));
}

/// A name of a grant is below another zone of the same key; it is asked about in both.
#[test]
fn a_name_is_asked_about_in_every_zone_that_it_could_be_in() {
    let found = who("record.create example.com below.apps.example.com A")("demosubtree1");
    assert_eq!(found["answer"], "yes");
    let json = document(&shipped(&["--zone", "example.com", "--format", "json"]));
    let keys = json["keys"].as_array().unwrap();
    let owner = keys.iter().find(|one| one["key"] == "demosubtree1").unwrap();
    let cells = owner["cells"].as_array().unwrap();
    let create = cells
        .iter()
        .find(|one| one["action"] == "record.create" && one["types"] == "A/AAAA")
        .unwrap();
    assert_eq!(create["when"][0][0], "at apps.example.com and below", "{create}");
}

#[test]
fn what_cannot_be_answered_is_said() {
    let folder = Folder::new();
    for (arguments, words) in [
        (&["can"][..], "required arguments were not provided"),
        (&["can", "demonobody01"], "keys.toml has no key `demonobody01`; it has demoeditor01"),
        (&["can", "--who", "record.make x"], "`record.make` is not an action"),
        (&["can", "--zone", "example.com."], "--zone `example.com.`"),
        (&["can", "demoeditor01", "--account", "bind/x"], "there is no provider `bind`"),
        (&["can", "demoeditor01", "--zone", "example.com"], "cannot be used with"),
    ] {
        let run = folder.run(arguments);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments:?}");
        assert!(run.err.contains(words), "{arguments:?}: {}", run.err);
    }
    folder.edit("networks.toml", "/24", "/33");
    assert_eq!(folder.run(&["can", "demoeditor01"]).code, 3);
}

#[test]
fn a_window_that_opens_later_is_found() {
    let folder = Folder::new();
    let run = folder.run(&[
        "can",
        "--who",
        "zone.read example.com",
        "--at",
        "2026-06-06T10:00:00Z",
        "--format",
        "json",
    ]);
    let json = document(&run);
    assert_eq!(json["keys"][0]["when"][0][0], "in the window office-hours");
    assert_eq!(json["keys"][1]["state"], "disabled");
}

#[test]
fn the_page_is_one_file_and_the_same_each_time() {
    let folder = Folder::new();
    let hostile = "an editor</script><img src=x onerror=alert(1)>";
    folder.edit("keys.toml", "\"an editor\"", &format!("\"{hostile}\""));
    let page = |name: &str| {
        let run = folder.run(&["can", "--html", name, "--at", NOON, "--format", "json"]);
        let said = document(&run);
        assert_eq!((&said["ok"], &said["keys"]), (&true.into(), &2.into()), "{said}");
        std::fs::read_to_string(folder.beside(name)).unwrap()
    };
    let (one, other) = (page("one.html"), page("other.html"));
    assert_eq!(one, other);
    assert!(!one.contains("<img"), "a description is no markup");
    for outside in ["http:", "https:", "src=", "href=", "url("] {
        // The description itself is there, as a text.
        let count = one.replace("img src=x", "").matches(outside).count();
        assert_eq!(count, 0, "{outside}");
    }
    let (_, block) = one.split_once("id=\"data\">").unwrap();
    let (block, _) = block.split_once("</script>").unwrap();
    let data: Value = serde_json::from_str(block).unwrap();
    assert_eq!(data["keys"][0]["description"], hostile);
    assert_eq!(data["keys"][1]["state"], "disabled");
    // An editor's row of the zone, whose records depend on the window.
    let rows = data["keys"][0]["rows"].as_array().unwrap();
    assert_eq!(
        rows.iter().map(|row| row["zone"].as_str().unwrap()).collect::<Vec<_>>(),
        ["the account", "example.com"]
    );
    let columns = data["columns"].as_array().unwrap();
    let at = columns.iter().position(|one| one["name"] == "zone.read").unwrap();
    let number = rows[1]["cells"][at].as_u64().unwrap();
    let cell = &data["cells"][usize::try_from(number).unwrap()];
    assert_eq!(
        (&cell["answer"], &cell["when"][0]),
        (&1.into(), &"in the window office-hours".into()),
        "{cell}"
    );
    let run = folder.run(&["can", "--html", "nowhere/page.html"]);
    assert!(run.code == 1 && run.err.contains("nowhere/page.html: No such file"), "{}", run.err);
}

/// Rows are worked out once for keys that no policy can tell apart, and for no others.
#[test]
fn keys_that_are_alike_have_the_same_rows() {
    let folder = Folder::new();
    let keys = folder.read("keys.toml");
    let (_, editor) = keys.split_once("[[key]]").unwrap();
    let (editor, _) = editor.split_once("[[key]]").unwrap();
    // A digest belongs to one key.
    let id_hex = |id: &str| {
        if id.ends_with('2') {
            "222222222222"
        } else if id.ends_with('3') {
            "333333333333"
        } else {
            "444444444444"
        }
    };
    let more = |id: &str, line: &str| {
        format!(
            "\n[[key]]{}{line}\n",
            editor.replace("demoeditor01", id).replace("04349800c281", id_hex(id)).trim_end()
        )
    };
    let text = keys.clone()
        + &more("demoeditor02", "")
        + &more("demoeditor03", "\nnetworks = [\"office\"]")
        + &more("demoeditor04", "\nexpires = 2026-01-01T00:00:00Z");
    folder.write("keys.toml", text);
    let run = folder.run(&["can", "--html", "page.html", "--at", NOON]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let page = std::fs::read_to_string(folder.beside("page.html")).unwrap();
    let (_, block) = page.split_once("id=\"data\">").unwrap();
    let (block, _) = block.split_once("</script>").unwrap();
    let data: Value = serde_json::from_str(block).unwrap();
    let rows = |id: &str| {
        let keys = data.get("keys").and_then(Value::as_array).unwrap();
        let key = keys.iter().find(|one| one.get("id") == Some(&id.into())).unwrap();
        key.get("rows").cloned().unwrap()
    };
    assert_eq!(rows("demoeditor01"), rows("demoeditor02"));
    assert_ne!(rows("demoeditor01"), rows("demoeditor04"));
}
