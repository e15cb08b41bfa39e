//! `zonegate export`: what Cedar's own tools read is what the gate decides by.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::HashMap;
use std::str::FromStr as _;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicyId, PolicySet, Request, Schema,
    SlotId, ValidationMode, Validator,
};
use common::Folder;
use serde_json::{Value, json};

/// The shipped folder, exported, as the `cedar` command would read it.
struct Exported {
    /// The schema.
    schema: Schema,
    /// The policies by their `@id`, and the links.
    policies: PolicySet,
    /// The keys.
    keys: Vec<Value>,
}

/// Reads an exported folder.
fn exported(folder: &Folder) -> Exported {
    let read = |file: &str| std::fs::read_to_string(folder.beside("out").join(file)).unwrap();
    let (schema, warnings) = Schema::from_cedarschema_str(&read("schema.cedarschema")).unwrap();
    assert_eq!(warnings.count(), 0);
    let parsed = PolicySet::from_str(&read("policies.cedar")).unwrap();
    let mut policies = PolicySet::new();
    for policy in parsed.policies() {
        policies.add(policy.new_id(PolicyId::new(policy.annotation("id").unwrap()))).unwrap();
    }
    for template in parsed.templates() {
        let id = PolicyId::new(template.annotation("id").unwrap());
        policies.add_template(template.new_id(id)).unwrap();
    }
    let links: Vec<Value> = serde_json::from_str(&read("links.json")).unwrap();
    assert!(links.len() > 20, "{}", links.len());
    for link in links {
        let text = |field: &str| link.get(field).unwrap().as_str().unwrap().to_owned();
        let args = link.get("args").unwrap().as_object().unwrap().iter();
        let args: HashMap<SlotId, EntityUid> = args
            .map(|(slot, uid)| {
                let slot =
                    if slot == "?principal" { SlotId::principal() } else { SlotId::resource() };
                (slot, EntityUid::from_str(uid.as_str().unwrap()).unwrap())
            })
            .collect();
        let (template, id) = (text("template_id"), text("link_id"));
        policies.link(PolicyId::new(template), PolicyId::new(id), args).unwrap();
    }
    let keys = serde_json::from_str(&read("entities.json")).unwrap();
    Exported { schema, policies, keys }
}

/// The shipped folder, exported.
fn shipped() -> Exported {
    let folder = Folder::new();
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");
    let run = folder.run(&["export", "out", "--policies", policies]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    assert!(folder.beside("out/policies/roles/base.cedar").is_file());
    exported(&folder)
}

/// What Cedar decides: may this key write a TXT record at this name of example.com?
fn decide(exported: &Exported, key: &str, name: &str) -> (Decision, Vec<String>) {
    let zone = "example.com";
    let relative = name.strip_suffix(".example.com").unwrap();
    let uid = |kind: &str, id: &str| json!({ "type": kind, "id": id });
    let record = json!({
        "uid": uid("Record", "r"),
        "attrs": {
            "zone": zone, "provider": "powerdns", "account": "powerdns/main", "name": name,
            "relative": relative, "leftmost": relative.split('.').next().unwrap(),
            "depth": relative.split('.').count(), "apex": false, "wildcard": false,
            "type": uid("RecordType", "TXT"), "type_number": 16, "value": "\"x\"",
        },
        "parents": [uid("Zone", zone), uid("Name", name), uid("Domain", zone)],
    });
    let empty = |kind: &str, id: &str| json!({ "uid": uid(kind, id), "attrs": {}, "parents": [] });
    let mut entities = exported.keys.clone();
    entities.extend([record, empty("Name", name), empty("Domain", zone)]);
    let schema = Some(&exported.schema);
    let entities = Entities::from_json_value(Value::from(entities), schema).unwrap();
    let entity = |kind: &str, id: &str| EntityUid::from_json(uid(kind, id)).unwrap();
    let action = entity("Action", "record.create");
    let context = json!({
        "client_ip": { "__extn": { "fn": "ip", "arg": "198.51.100.7" } },
        "networks": [], "windows": [], "tls": true, "method": "PATCH", "operations": 1,
        "now": { "__extn": { "fn": "datetime", "arg": "2026-06-03T10:00:00Z" } },
        "weekday": uid("Weekday", "wed"), "date": "2026-06-03",
        "time_of_day": { "__extn": { "fn": "duration", "arg": "12h" } },
        "route": uid("Route", "powerdns/zone-patch"),
    });
    let context = Context::from_json_value(context, Some((&exported.schema, &action))).unwrap();
    let request =
        Request::new(entity("Key", key), action, entity("Record", "r"), context, schema).unwrap();
    let response = Authorizer::new().is_authorized(&request, &exported.policies, &entities);
    assert_eq!(response.diagnostics().errors().count(), 0);
    let by = response.diagnostics().reason().map(ToString::to_string).collect();
    (response.decision(), by)
}

#[test]
fn what_is_exported_validates_strictly() {
    let exported = shipped();
    let validator = Validator::new(exported.schema);
    let result = validator.validate_with_level(&exported.policies, ValidationMode::Strict, 1);
    assert!(result.validation_passed_without_warnings(), "{result}");
}

#[test]
fn cedar_decides_as_the_gate_does() {
    let exported = shipped();
    let challenge = "_acme-challenge.www.example.com";
    let (decision, by) = decide(&exported, "demoacmehost", challenge);
    assert_eq!(decision, Decision::Allow);
    assert_eq!(by, ["acme-host-write@demoacmehost@1"]);
    assert_eq!(decide(&exported, "demoacmehost", "www.example.com").0, Decision::Deny);
    // A role, through the key's parents.
    assert_eq!(decide(&exported, "demoallzones", "www.example.com").1, ["all-zones"]);
    // A guardrail, through the key's attributes.
    let (decision, by) = decide(&exported, "demooffice01", challenge);
    assert_eq!((decision, by), (Decision::Deny, vec!["key-networks".to_owned()]));
}

#[test]
fn the_schema_of_editors_is_kept_true_where_there_is_one() {
    let folder = Folder::new();
    folder.run(&["check"]);
    let schema = folder.policies().join(".zonegate/schema.cedarschema");
    assert!(!schema.exists(), "nobody asked for one");
    let run = folder.run(&["export", "--editor"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(std::fs::read_to_string(&schema).unwrap().contains("entity Role enum [\"editors\"];"));
    let more = folder.read("roles.toml") + "\n[role.more]\ndescription = \"x\"\n";
    folder.write("roles.toml", more);
    let run = folder.run(&["check"]);
    assert_eq!(run.code, 0, "the folder is sound with its schema in it: {}", run.out);
    let text = std::fs::read_to_string(&schema).unwrap();
    assert!(text.contains("entity Role enum [\"editors\", \"more\"];"), "{text}");
    assert!(Schema::from_cedarschema_str(&text).is_ok());
}

#[test]
fn a_schema_that_cannot_be_kept_true_is_a_warning() {
    let folder = Folder::new();
    folder.run(&["export", "--editor"]);
    let schema = folder.policies().join(".zonegate/schema.cedarschema");
    // A link to a device: what is read is another schema, and it cannot be replaced.
    std::fs::remove_file(&schema).unwrap();
    std::os::unix::fs::symlink("/proc/version", &schema).unwrap();
    let run = folder.run(&["check"]);
    assert!(run.out.contains("warning[editor-schema-outdated]"), "{}", run.out);
    assert_eq!(run.code, 0);
}

#[test]
fn what_is_not_sound_is_not_exported() {
    let folder = Folder::new();
    folder.edit("rules/editors.cedar", "resource.zone ", "resource.zonne ");
    let run = folder.run(&["export", "out"]);
    assert_eq!(run.code, 3);
    assert!(!folder.beside("out").exists());
    assert_eq!(folder.run(&["export"]).code, 1, "where to?");
}
