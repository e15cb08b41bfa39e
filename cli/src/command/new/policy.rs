//! `zonegate new policy`: a role, its policy, a key to try it with, and rows that show it.

use std::path::Path;

use zonegate_engine::key::KeyForm;

use super::change::Changes;
use super::question::Question;
use super::{Made, Refused, named};
use crate::command::key::new_key;

/// The account of keys for tables. Their texts are public, and no gate serves it: wherever such a
/// key turns up, it opens nothing.
const TABLES: &str = "tables";
/// The PowerDNS API's path of zones, which the rows use.
const ZONES: &str = "/api/v1/servers/localhost/zones";

/// Begin a policy: a role with rights in one zone.
///
/// It gets a file in `roles/`, its line in the manifest, the role in `roles.toml`, a table with what
/// must be allowed and what must not, and a public key for that table, for an account that no gate
/// serves.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The name of the role, of its policy and of its file
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// The zone that it is about
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,

    /// What the role may do there: `read`, `addresses`, `texts` or `records`
    #[arg(long, value_name = "WHAT")]
    may: Option<String>,
}

/// What a role may do.
struct May {
    /// The word of the option.
    word: &'static str,
    /// In a sentence.
    doc: &'static str,
    /// The record types, as a condition; empty for every type.
    condition: &'static str,
    /// Whether it writes.
    writes: bool,
    /// A record that it may write: type and content.
    record: (&'static str, &'static str),
}

/// All that can be chosen.
const ALL: [May; 4] = [
    May {
        word: "read",
        doc: "read the zone and its records",
        condition: "",
        writes: false,
        record: ("A", "192.0.2.1"),
    },
    May {
        word: "addresses",
        doc: "addresses and aliases",
        condition: "\nwhen { [RecordType::\"A\", RecordType::\"AAAA\", RecordType::\"CNAME\"].contains(resource.type) }",
        writes: true,
        record: ("A", "192.0.2.1"),
    },
    May {
        word: "texts",
        doc: "TXT records",
        condition: "\nwhen { resource.type == RecordType::\"TXT\" }",
        writes: true,
        record: ("TXT", "\\\"text\\\""),
    },
    May {
        word: "records",
        doc: "all records",
        condition: "",
        writes: true,
        record: ("A", "192.0.2.1"),
    },
];

/// Makes it.
pub(super) fn make(dir: &Path, arguments: &Arguments) -> Result<Made, Refused> {
    let ask = |text, option, default| Question { text, option, default };
    let name = ask("Name of the role, such as web-team", "NAME", None)
        .answer(arguments.name.as_deref())?;
    named(&name)?;
    let zone =
        ask("Zone, such as example.com", "--zone ZONE", None).answer(arguments.zone.as_deref())?;
    let may = ask(
        "May it `read`, or write `addresses`, `texts` or all `records`",
        "--may WHAT",
        Some("addresses"),
    );
    let may = may.answer(arguments.may.as_deref())?;
    let may = ALL.iter().find(|one| one.word == may).ok_or_else(|| {
        format!("--may `{may}`: it is one of {}", ALL.map(|one| one.word).join(", "))
    })?;
    let policy = format!("roles/{name}.cedar");
    let table = format!("cases/{name}.toml");
    let key = new_key(KeyForm::Long, None)?;
    let mut changes = Changes::of(dir);
    changes.create(&policy, policy_text(&name, &zone, may))?;
    changes.create(&table, table_text(&name, &zone, may))?;
    changes
        .append("roles.toml", &format!("\n[role.{name}]\ndescription = \"{}: {zone}\"\n", may.doc));
    changes.append("keys.toml", &format!(
        "\n[[key]]\nid = \"{}\"\ndigest = \"{}\"\ndescription = \"for the tables alone: a key with the role {name}\"\naccounts = [\"powerdns/{TABLES}\"]\nroles = [\"{name}\"]\nallow = [{{ lint = \"key-without-expiry\", reason = \"no gate serves its account\" }}]\n",
        key.id(),
        key.digest(),
    ));
    changes.append("cases/demo-keys.toml", &format!("{name} = \"{}\"\n", key.text()));
    changes.list(&policy)?;
    let files = changes.make(Some(&table))?;
    let next =
        format!("now change {policy} and {table} as you need, and give the role `{name}` to a key");
    Ok(Made { files, next, key: None })
}

/// The policies of a role.
fn policy_text(name: &str, zone: &str, may: &May) -> String {
    let heading = format!("// What keys with the role {name} may do.\n");
    let role = format!("  principal in Role::\"{name}\",");
    let read = "Action::\"record.read\"";
    let all = "Action::\"record.read\", Action::\"record.create\", Action::\"record.delete\"";
    if !may.writes {
        return format!(
            "{heading}\n@id(\"{name}\")\n@doc(\"For {name}: {} of {zone}.\")\npermit (\n{role}\n  action in [Action::\"zone.read\", {read}],\n  resource in Zone::\"{zone}\"\n);\n",
            "see the zone and the records",
        );
    }
    format!(
        "{heading}\n@id(\"{name}-zone\")\n@doc(\"For {name}: read the zone; they see the records that they may write.\")\npermit (\n{role}\n  action == Action::\"zone.read\",\n  resource == Zone::\"{zone}\"\n);\n\n@id(\"{name}-records\")\n@doc(\"For {name}: {} of {zone}.\")\npermit (\n{role}\n  action in [{all}],\n  resource in Zone::\"{zone}\"\n){};\n",
        may.doc, may.condition,
    )
}

/// The rows of a role: what must be allowed, and what is next to it and must not.
fn table_text(name: &str, zone: &str, may: &May) -> String {
    let (rtype, content) = may.record;
    let patch = |zone: &str| {
        format!(
            "send = \"PATCH {ZONES}/{zone}.\"\nbody = '{{\"rrsets\":[{{\"name\":\"www.{zone}.\",\"type\":\"{rtype}\",\"ttl\":60,\"changetype\":\"REPLACE\",\"records\":[{{\"content\":\"{content}\",\"disabled\":false}}]}}]}}'\n"
        )
    };
    let case = |what: &str, send: String, decision: &str| {
        format!("\n[[case]]\nname = \"{name}: {what}\"\nkey = \"{name}\"\n{send}{decision}\n")
    };
    let (zone_id, write) = if may.writes {
        (format!("{name}-zone"), format!("allow = [\"{name}-records\"]"))
    } else {
        (name.to_owned(), "deny = \"no-policy-allows\"".to_owned())
    };
    let what = if may.writes { "writes a record of the zone" } else { "writes nothing" };
    let mut text = format!(
        "# What the role {name} may do, and what is next to it.\nprovider = \"powerdns\"\naccount = \"{TABLES}\"\nnow = \"2026-06-03T10:00:00Z\"\nfrom = \"198.51.100.7\"\n"
    );
    let read = format!("send = \"GET {ZONES}/{zone}.\"\n");
    text.push_str(&case("reads the zone", read, &format!("allow = [\"{zone_id}\"]")));
    text.push_str(&case(what, patch(zone), &write));
    let other = format!("not-{zone}");
    text.push_str(&case("no other zone", patch(&other), "deny = \"no-policy-allows\""));
    text
}
