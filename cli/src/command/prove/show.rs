//! What became of properties, for people and for programs.

use std::path::Path;

use serde_json::{Value, json};
use zonegate_engine::key::Key;
use zonegate_engine::operation::Operation;
use zonegate_engine::policy::Verdict;

use crate::command::counted;
use crate::output::{self, Ink, Paint, columns, line};
use crate::proof::{Example, Finding, Scope, Status};
use crate::property::Property;

/// Doubts that are shown of one property.
const DOUBTS_MAX: usize = 5;

/// One property, as a person reads it.
pub(super) fn text(dir: &Path, property: &Property, finding: &Finding) {
    let paint = Paint::stdout();
    let (ink, word) = word(&finding.status);
    let name = paint.ink(Ink::Strong, &property.name);
    line(format!("{}  {name}  {}", paint.ink(ink, word), property.says));
    let indented = |text: &str| line(format!("         {text}"));
    match &finding.status {
        Status::Proved | Status::Disproved(_) => {}
        Status::Shown(example) => {
            indented("for example:");
            for text in of_example(dir, example) {
                indented(&text);
            }
        }
        Status::Refuted(example) => {
            indented("this request shows the contrary:");
            for text in of_example(dir, example) {
                indented(&text);
            }
        }
        Status::Unknown(doubts) => {
            for doubt in doubts.iter().take(DOUBTS_MAX) {
                indented(doubt);
            }
            if doubts.len() > DOUBTS_MAX {
                indented(&format!("and {} more", doubts.len() - DOUBTS_MAX));
            }
        }
    }
    if let Status::Disproved(why) = &finding.status {
        indented(why);
    }
    for note in &finding.notes {
        indented(&format!("note: {note}"));
    }
    indented(&paint.ink(Ink::Faint, &numbers(finding)));
}

/// The end of the output.
pub(super) fn summary(findings: &[(&Property, Finding)]) {
    let count = |is_it: fn(&Status) -> bool| {
        findings.iter().filter(|(_, finding)| is_it(&finding.status)).count()
    };
    let holds = count(|status| matches!(status, Status::Proved | Status::Shown(_)));
    let refuted = count(|status| matches!(status, Status::Refuted(_) | Status::Disproved(_)));
    let unknown = count(|status| matches!(status, Status::Unknown(_)));
    let all: usize = findings.iter().map(|(_, finding)| finding.questions).sum();
    let seconds: f64 = findings.iter().map(|(_, finding)| finding.elapsed.as_secs_f64()).sum();
    let verb = if holds == 1 { "holds" } else { "hold" };
    line(format!(
        "{} {verb}, {refuted} refuted, {unknown} unknown; {} in {seconds:.1} s",
        counted(holds, "property").replace("propertys", "properties"),
        counted(all, "question"),
    ));
}

/// All properties, as a program reads them.
pub(super) fn json(dir: &Path, findings: &[(&Property, Finding)]) {
    let one = |(property, finding): &(&Property, Finding)| -> Value {
        let (_, word) = word(&finding.status);
        let (example, doubts) = match &finding.status {
            Status::Proved => (None, Vec::new()),
            Status::Shown(example) | Status::Refuted(example) => (Some(example), Vec::new()),
            Status::Disproved(why) => (None, vec![why.clone()]),
            Status::Unknown(doubts) => (None, doubts.clone()),
        };
        json!({
            "name": property.name,
            "says": property.says,
            "line": property.line,
            "result": word.trim().to_lowercase(),
            "scope": scope(finding),
            "example": example.map(|example| json_example(dir, example)),
            "doubts": doubts,
            "notes": finding.notes,
            "environments": finding.environments,
            "questions": finding.questions,
            "seconds": finding.elapsed.as_secs_f64(),
        })
    };
    let holds =
        findings.iter().all(|(_, one)| matches!(one.status, Status::Proved | Status::Shown(_)));
    let properties: Vec<Value> = findings.iter().map(one).collect();
    output::json(&json!({ "ok": holds, "properties": properties }));
}

/// The word for a result, of one width.
fn word(status: &Status) -> (Ink, &'static str) {
    match status {
        Status::Proved => (Ink::Good, "proved "),
        Status::Shown(_) => (Ink::Good, "holds  "),
        Status::Refuted(_) | Status::Disproved(_) => (Ink::Bad, "REFUTED"),
        Status::Unknown(_) => (Ink::Doubt, "UNKNOWN"),
    }
}

/// For whom something was found.
fn scope(finding: &Finding) -> String {
    match finding.scope {
        Scope::AnyKey => "every key that there could be".to_owned(),
        Scope::Keys(count) => format!("the {} that there are", counted(count, "key")),
    }
}

/// What it took.
fn numbers(finding: &Finding) -> String {
    format!(
        "for {}; {}, {}, {:.1} s",
        scope(finding),
        counted(finding.environments, "action"),
        counted(finding.questions, "question"),
        finding.elapsed.as_secs_f64()
    )
}

/// A request in the author's words, and how to see its decision.
fn of_example(dir: &Path, example: &Example) -> Vec<String> {
    let Example { probe, made_up, verdict } = example;
    let row = |word: &str, text: String| vec![word.to_owned(), text];
    let mut rows = vec![row("key", who(&probe.key, made_up.as_ref()))];
    rows.extend(what(&probe.operation).into_iter().map(|(word, text)| row(word, text)));
    rows.push(row("from", probe.scene.from.to_string()));
    rows.push(row("at", probe.scene.at.to_string()));
    rows.push(row("account", probe.scene.account.path()));
    let tls = if probe.scene.tls { "" } else { ", unencrypted" };
    rows.push(row("by", format!("{} {}{tls}", probe.way.method, probe.way.route)));
    if probe.way.operations != 1 {
        rows.push(row("", format!("one of {} operations of its request", probe.way.operations)));
    }
    rows.push(row("decision", decision(verdict)));
    let mut lines: Vec<String> = columns(&rows).iter().map(|row| format!("  {row}")).collect();
    lines.push(format!("see: {}", command(dir, example)));
    lines
}

/// The key, in words.
fn who(id: &str, made_up: Option<&Key>) -> String {
    let Some(key) = made_up else { return id.to_owned() };
    let mut has = Vec::new();
    if !key.roles.is_empty() {
        has.push(format!("the roles {}", key.roles.join(", ")));
    }
    for grant in &key.grants {
        let place = grant.name.as_ref().or(grant.zone.as_ref());
        let place = place.map(|name| format!(" for {name}")).unwrap_or_default();
        has.push(format!("the grant {}{place}", grant.grant));
    }
    if !key.networks.is_empty() {
        has.push(format!("the networks {}", key.networks.join(", ")));
    }
    has.extend(key.attributes.iter().map(|(name, value)| format!("{name} = {value:?}")));
    has.extend(key.owner.iter().map(|owner| format!("the owner {owner:?}")));
    has.extend(key.expires.iter().map(|at| format!("an end at {at}")));
    match has.as_slice() {
        [] => "any key, without a role".to_owned(),
        _ => format!("a key with {}", has.join(" and ")),
    }
}

/// What is done, word by word.
fn what(operation: &Operation) -> Vec<(&'static str, String)> {
    let mut rows = vec![("action", operation.action.to_string())];
    rows.extend(operation.zone_name().map(|zone| ("zone", zone.to_string())));
    if let Some(record) = operation.as_record() {
        rows.push(("name", record.name.to_string()));
        rows.push(("type", record.rtype.to_string()));
        rows.push(("value", record.value.clone().unwrap_or_else(|| "(not known)".to_owned())));
    }
    rows
}

/// A decision, in words.
fn decision(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow(ids) => format!("allowed by {}", ids.join(", ")),
        Verdict::Deny(reason, ids) if ids.is_empty() => format!("denied: {}", reason.code()),
        Verdict::Deny(reason, ids) => format!("denied: {} ({})", reason.code(), ids.join(", ")),
    }
}

/// The command that shows the same decision.
fn command(dir: &Path, example: &Example) -> String {
    let with = example.made_up.as_ref().map(with_key).unwrap_or_default();
    format!("zonegate explain {} {}{with}", dir.display(), example.probe.explain_arguments())
}

/// The argument of `explain` that makes a key up.
fn with_key(key: &Key) -> String {
    let text = |text: &str| Value::from(text).to_string();
    let list = |texts: &[String]| Value::from(texts).to_string();
    let mut fields = vec![format!("id = {}", text(&key.id))];
    if !key.roles.is_empty() {
        fields.push(format!("roles = {}", list(&key.roles)));
    }
    if !key.networks.is_empty() {
        fields.push(format!("networks = {}", list(&key.networks)));
    }
    fields.extend(key.owner.iter().map(|owner| format!("owner = {}", text(owner))));
    fields.extend(key.expires.iter().map(|at| format!("expires = {at}")));
    if !key.attributes.is_empty() {
        let pairs =
            key.attributes.iter().map(|(name, value)| format!("{} = {}", text(name), text(value)));
        fields.push(format!("attributes = {{ {} }}", pairs.collect::<Vec<_>>().join(", ")));
    }
    for grant in &key.grants {
        let places = [("zone", &grant.zone), ("domain", &grant.domain), ("name", &grant.name)];
        let places = places.iter().filter_map(|(word, name)| {
            name.as_ref().map(|name| format!(", {word} = {}", text(name.as_str())))
        });
        let places: String = places.collect();
        fields.push(format!("grant = [{{ grant = {}{places} }}]", text(&grant.grant)));
    }
    let fields = format!("{{ {} }}", fields.join(", "));
    format!(" --with-key '{}'", fields.replace('\'', r"'\''"))
}

/// A request as a program reads it.
fn json_example(dir: &Path, example: &Example) -> Value {
    let Example { probe, made_up, verdict } = example;
    json!({
        "key": probe.key,
        "made_up": made_up.as_ref().map(|key| json!({
            "roles": key.roles,
            "networks": key.networks,
            "attributes": key.attributes,
            "grants": key.grants.iter().map(|grant| &grant.grant).collect::<Vec<_>>(),
        })),
        "operation": probe.operation.to_string(),
        "from": probe.scene.from.to_string(),
        "at": probe.scene.at.to_string(),
        "account": probe.scene.account.path(),
        "route": probe.way.route,
        "tls": probe.scene.tls,
        "decision": decision(verdict),
        "explain": command(dir, example),
    })
}
