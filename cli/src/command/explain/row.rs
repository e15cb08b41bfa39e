//! A row for a decision table: exactly this request, with its present outcome.
//!
//! The row is run before it is shown, as `zonegate test` runs it, so that it passes where it is
//! pasted. A table never has a key's text: the row names the key as `demo-keys.toml` does.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use zonegate_cases::{DEMO_KEYS_FILE, Gate as _, Table, check};
use zonegate_engine::bundle::Bundle;
use zonegate_engine::decision::Reason;
use zonegate_engine::key::KeyText;
use zonegate_engine::provider::{CredentialScheme, Provider};
use zonegate_engine::request::{Method, Target};

use super::question::{Question, What};
use super::request::{Request, Walked, walk};
use super::secret;
use crate::arguments::Format;
use crate::gate::EngineGate;
use crate::output::{json, line, note};

/// Operations that a row can list.
const MEANS_MAX: usize = 16;
/// Headers that no gate and no provider decides by, but where they tell two routes apart.
const IDLE: [&str; 5] = ["accept", "user-agent", "content-type", "referer", "cookie"];
/// What the row is called while it is run.
const FILE: &str = "the row";

/// A row.
#[derive(Debug)]
pub(super) struct Row {
    /// Its text.
    text: String,
    /// What must still be done before it runs, if anything.
    missing: Option<String>,
}

/// Prints a row.
pub(super) fn print(row: &Row, format: Format) {
    match format {
        Format::Json => json(&serde_json::json!({ "case": row.text, "missing": row.missing })),
        Format::Text => {
            line(row.text.trim_end());
            if let Some(missing) = &row.missing {
                note(missing);
            }
        }
    }
}

/// Writes the row of a question, and runs it; `cases` is the folder of the tables.
pub(super) fn of(cases: &Path, bundle: &Rc<Bundle>, question: &Question) -> Result<Row, String> {
    let What::Request(request) = &question.what else {
        return Err("a row is for a request: give one with --send or --curl".to_owned());
    };
    let provider = bundle.provider(&question.scene.account.provider);
    let provider = provider.ok_or("the provider vanished")?;
    let walked = walk(bundle, request, &question.scene);
    let shown = secret::shown(request);
    let key = match shown.as_slice() {
        [] => None,
        [key] => Some(key),
        _ => return Err("a row of a request with several keys is to be written by hand".into()),
    };
    let alias = key.map(|key| alias(cases, key)).transpose()?.flatten();
    let missing = key.filter(|_| alias.is_none()).map(|key| {
        format!(
            "the row runs once {DEMO_KEYS_FILE} beside the tables has a line `{0} = \"...\"` with \
             the text of the key {0}",
            key.id()
        )
    });
    let name = alias.clone().or_else(|| key.map(|key| key.id().to_owned()));
    let mut lines = fields(question, provider, request, key, name.as_deref().unwrap_or("none"))?;
    lines.extend(outcome(&walked, request)?);
    let text = format!("[[case]]\n{}\n", lines.join("\n"));
    let is_shown = shown.iter().any(|key| text.contains(key.text()));
    if is_shown || question.secrets.hide(&text) != text {
        return Err(
            "the key's text stands elsewhere in the request, too, or another secret does; \
                    a table must not have it"
                .to_owned(),
        );
    }
    let keys = name.zip(key).map(|(name, key)| (name, key.text().to_owned()));
    passes(&text, &keys.into_iter().collect(), bundle)?;
    Ok(Row { text, missing })
}

/// Runs the row.
fn passes(text: &str, keys: &BTreeMap<String, String>, bundle: &Rc<Bundle>) -> Result<(), String> {
    let cannot = |why: String| format!("this request cannot be written as a row: {why}");
    let table = Table::parse(FILE, text, keys)
        .map_err(|found| cannot(found.into_iter().map(|one| one.message).collect()))?;
    let mut gate = EngineGate::plain(Rc::clone(bundle));
    for case in &table.cases {
        let outcome = gate.run(case).map_err(|skip| cannot(skip.why))?;
        let differences = check(case, &outcome, "engine", &[]);
        if let Some(first) = differences.first() {
            return Err(cannot(format!("run again, it is otherwise:\n{first}")));
        }
    }
    Ok(())
}

/// The name by which the tables know a key.
fn alias(cases: &Path, key: &KeyText) -> Result<Option<String>, String> {
    let path = cases.join(DEMO_KEYS_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let shown = path.display();
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))?;
    let keys: BTreeMap<String, String> =
        toml::from_str(&text).map_err(|error| format!("{shown}: {}", error.message()))?;
    let known =
        |text: &String| KeyText::parse(text.as_bytes()).is_ok_and(|known| known.id() == key.id());
    Ok(keys.into_iter().find(|(_, text)| known(text)).map(|(name, _)| name))
}

/// Who sends what, from where and when.
fn fields(
    question: &Question,
    provider: &Provider,
    request: &Request,
    key: Option<&KeyText>,
    name: &str,
) -> Result<Vec<String>, String> {
    let scene = &question.scene;
    let target = request.target.split('?').next().unwrap_or_default();
    let title = format!("{} {target}: {name} at {} from {}", request.method, scene.at, scene.from);
    let mut lines = vec![
        format!("name = {}", quoted(&title)),
        format!("provider = {}", quoted(&scene.account.provider)),
        format!("account = {}", quoted(&scene.account.account)),
        format!("now = {}", quoted(&scene.at.to_string())),
        format!("from = {}", quoted(&scene.from.to_string())),
        format!("tls = {}", scene.tls),
        format!("key = {}", quoted(name)),
    ];
    let mut rest = request.clone();
    if let Some(key) = key {
        lines.extend(place(provider, key, &mut rest)?);
    }
    lines.push(format!("send = {}", quoted(&format!("{} {}", request.method, request.target))));
    let mut headers = Vec::new();
    let method = Method::parse(request.method.as_bytes());
    let asked = method.zip(Target::parse(request.target.as_bytes()).ok());
    let decides = |name: &str| {
        let asked = asked.as_ref();
        asked.is_some_and(|(method, target)| provider.tells_apart(name, *method, target))
    };
    for (name, value) in &rest.headers {
        if zonegate_engine::session::takes_credentials(name) && name != "x-auth-email" {
            return Err("a row never has a credential that is no key of this gate; write it by \
                        hand"
                .to_owned());
        }
        if !IDLE.contains(&name.as_str()) || decides(name) {
            headers.push(format!("[{}, {}]", quoted(name), quoted(value)));
        }
    }
    if !headers.is_empty() {
        lines.push(format!("headers = [{}]", headers.join(", ")));
    }
    if let Some(body) = &rest.body {
        lines.push(bytes("body", body));
    }
    Ok(lines)
}

/// Where the key stands; it is taken out of the request.
fn place(provider: &Provider, key: &KeyText, request: &mut Request) -> Result<Vec<String>, String> {
    let text = key.text();
    let header = request.headers.iter().position(|(_, value)| {
        value.ends_with(text) || secret::password(value).as_deref() == Some(text)
    });
    if let Some((name, value)) = header.map(|at| request.headers.remove(at)) {
        // What stands before a key and its colon may be half of somebody's secret.
        let before = provider.credential_schemes().iter().find_map(|scheme| match scheme {
            CredentialScheme::Header { name: header, prefix, after_colon: true, .. } => {
                let prefix = prefix.as_deref().unwrap_or_default();
                (*header == name).then(|| format!("{prefix}zonegate:"))
            }
            CredentialScheme::Header { .. } | CredentialScheme::BasicPassword => None,
        });
        return Ok(match value.strip_suffix(text) {
            Some(prefix) => vec![
                format!("key_header = {}", quoted(&name)),
                format!(
                    "key_prefix = {}",
                    quoted(before.as_deref().filter(|_| prefix.ends_with(':')).unwrap_or(prefix))
                ),
            ],
            None => vec!["basic = true".to_owned()],
        });
    }
    let elsewhere = || "the key stands where a row cannot show it; write it by hand".to_owned();
    let (field, beside) = provider.body_key().ok_or_else(elsewhere)?;
    let body = request.body.as_deref().unwrap_or_default();
    let (taken, rest) = secret::without_fields(body, field, beside).ok_or_else(elsewhere)?;
    if taken.as_text() != Some(text) {
        return Err(elsewhere());
    }
    let mut lines = vec![format!("key_body = {}", quoted(field))];
    // What stands beside a key is half of a pair that opens nothing; it may be a secret all the same.
    if let Some(beside) = beside.filter(|_| rest.is_beside) {
        lines.push(format!("key_beside = [[{}, \"beside\"]]", quoted(beside)));
    }
    request.body = Some(rest.body);
    Ok(lines)
}

/// What the provider answers to lookups, what the request means, and what is decided.
fn outcome(walked: &Walked, request: &Request) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    let lookups = walked.lookups.iter().map(|path| {
        let answer = request.answers.iter().find(|one| one.path == *path);
        let path = format!("path = {}", quoted(path));
        match answer {
            None => format!("{{ {path}, fail = \"timeout\" }}"),
            Some(one) if one.body.is_empty() => format!("{{ {path}, status = {} }}", one.status),
            Some(one) if one.status == 200 => {
                format!("{{ {path}, {} }}", bytes("body", &one.body))
            }
            Some(one) => {
                format!("{{ {path}, status = {}, {} }}", one.status, bytes("body", &one.body))
            }
        }
    });
    let lookups: Vec<String> = lookups.collect();
    if !lookups.is_empty() {
        lines.push(format!("lookup = [{}]", lookups.join(", ")));
    }
    let audit = &walked.audit;
    let all = !audit.operations.is_empty() && audit.cost <= MEANS_MAX;
    if all {
        let means: Vec<String> = audit.operations.iter().map(|text| quoted(text)).collect();
        lines.push(format!("means = [{}]", means.join(", ")));
    }
    let ids: Vec<String> = audit.policies.iter().map(|id| quoted(id)).collect();
    let ids = format!("[{}]", ids.join(", "));
    match walked.denied() {
        Some(Reason::Internal) => return Err("the gate itself failed; please report it".into()),
        Some(reason) => {
            lines.push(format!("deny = {}", quoted(reason.code())));
            if matches!(reason, Reason::PolicyForbids | Reason::PolicyError) {
                lines.push(format!("by = {ids}"));
            }
        }
        None => {
            lines.push(format!("allow = {ids}"));
            if walked.is_by_the_gate && !request.target.starts_with("/.zonegate/") {
                lines.push("gate = true".to_owned());
            }
        }
    }
    Ok(lines)
}

/// A field with bytes: as text where they are one.
fn bytes(field: &str, bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("{field} = {}", quoted(text)),
        Err(_) => {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{field}_hex = \"{}\"", digits.concat())
        }
    }
}

/// A text as a TOML string: as it stands, where nothing in it has to be escaped.
fn quoted(text: &str) -> String {
    let plain = !text.contains('\'') && !text.chars().any(char::is_control);
    if plain && text.contains(['"', '\\']) {
        return format!("'{text}'");
    }
    // JSON's escapes are TOML's, but for the one character that JSON leaves alone.
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;
    use zonegate_cases::{Case, Tables};
    use zonegate_engine::policy::AccountId;

    use super::super::request::Answered;
    use super::super::secret::Secrets;
    use crate::ask::Scene;
    use crate::folder::Folder;

    #[test]
    fn texts_are_read_as_they_were() {
        for text in ["a", "a\"b", "it's \"x\"", "a\\b", "a\nb\t\u{1}\u{7f}", "é"] {
            let table: toml::Table = toml::from_str(&format!("x = {}", quoted(text))).unwrap();
            assert_eq!(table["x"].as_str(), Some(text), "{text:?}");
        }
    }

    /// What a row is refused for, where it would have to show what no table has.
    const BY_HAND: [&str; 5] = [
        "is to be written by hand",
        "write it by hand",
        "the key's text stands elsewhere",
        "the key stands where",
        "never has a credential",
    ];

    /// A shipped case as a question.
    fn question(case: &Case) -> Option<Question> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let headers = case
            .request_headers()
            .into_iter()
            .map(|(name, value)| Some((text(&name.to_ascii_lowercase())?, text(&value)?)));
        let answers = case.lookups.iter().filter_map(|lookup| {
            let answer = lookup.result.as_ref().ok()?;
            let (path, body) = (lookup.path.clone(), answer.body.clone());
            Some(Answered { path, status: answer.status, body })
        });
        let request = Request {
            method: case.method.clone(),
            target: text(&case.target)?,
            headers: headers.collect::<Option<Vec<_>>>()?,
            body: case.body.clone(),
            answers: answers.collect(),
        };
        let account = AccountId { provider: case.provider.clone(), account: case.account.clone() };
        let at = jiff::Timestamp::from_millisecond(case.now_unix_ms).unwrap();
        Some(Question {
            key: None,
            scene: Scene { account, from: case.from, at, tls: case.tls },
            what: What::Request(request),
            notes: Vec::new(),
            secrets: Secrets::default(),
        })
    }

    #[test]
    fn shipped_cases_can_be_written_anew() {
        let folder = Folder::read(Path::new("../policies"));
        let bundle = Rc::new(folder.pack().unwrap().bundle);
        let tables = Tables::load_dir(folder.cases()).unwrap();
        let (mut written, mut refused) = (0, 0);
        // A part of them, because each is run twice; a multiple of no list in the tables.
        for case in tables.cases().step_by(5) {
            // Without a provider there is no request to speak of.
            let known = bundle.provider(&case.provider).is_some();
            let Some(question) = question(case).filter(|_| known) else { continue };
            match of(&folder.cases(), &bundle, &question) {
                Ok(row) => {
                    written += 1;
                    assert!(row.missing.is_none(), "{}: {}", case.place(), row.text);
                }
                Err(why) => {
                    let known = BY_HAND.iter().any(|part| why.contains(part));
                    assert!(known, "{}: {why}", case.place());
                    refused += 1;
                }
            }
        }
        assert!(written > 400 && refused < written / 10, "{written} {refused}");
    }
}
