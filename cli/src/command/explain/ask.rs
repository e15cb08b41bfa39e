//! Asking the bundle about a request step by step, as a session would, and keeping the reasons.

use std::io::Read as _;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::decision::Reason;
use zonegate_engine::json::JsonLimits;
use zonegate_engine::key::Key;
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::network::canonical_ip;
use zonegate_engine::operation::{Action, Operation, ResourceKind};
use zonegate_engine::policy::{AccountId, Asking, Circumstances, Explained, Verdict};
use zonegate_engine::provider::{Caps, Knowledge, Matched, Plan, Provider, Read};
use zonegate_engine::record_type::RecordType;
use zonegate_engine::request::{Method, Target};
use zonegate_engine::session::OPERATIONS_MAX;

use super::Arguments;
use crate::folder::now;

/// The limits of a request's JSON; generous, because nobody's worker waits here.
const JSON_LIMITS: JsonLimits = JsonLimits { depth_max: 16, nodes_max: 200_000, fold_keys: false };

/// What would be decided.
#[derive(Debug)]
pub(super) struct Answer {
    /// The key's id.
    pub(super) key: String,
    /// Who asks whom, from where and when, in words.
    pub(super) circumstances: String,
    /// The route, where a request was asked about and one was found.
    pub(super) route: Option<String>,
    /// The reason of a denial, with words of its own where there are any.
    pub(super) denied: Option<(Reason, String)>,
    /// Each operation with its verdict and every policy's part in it.
    pub(super) operations: Vec<Asked>,
    /// What this cannot say.
    pub(super) notes: Vec<String>,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Asked {
    /// The operation, in the form of logs.
    pub(super) operation: String,
    /// What the policies say.
    pub(super) verdict: Verdict,
    /// Each policy's part in it.
    pub(super) policies: Vec<Explained>,
}

/// What is asked: one operation, or a request that means some.
struct Question {
    /// The method.
    method: &'static str,
    /// The route, as `provider/route`.
    route: String,
    /// The operations.
    operations: Vec<Operation>,
    /// Whether a denied `zone.read` looks like an unknown zone.
    hides_zone: bool,
    /// What this cannot say.
    notes: Vec<String>,
}

/// Explains what the arguments ask.
pub(super) fn explain(bundle: &Bundle, arguments: &Arguments) -> Result<Answer, String> {
    let account = account(bundle, &arguments.account)?;
    let key = key(bundle, &arguments.key)?;
    let at = arguments.at.unwrap_or_else(now);
    let mut answer = Answer {
        key: key.id.clone(),
        circumstances: format!("at {} from {} at {at}", account.path(), arguments.from),
        route: None,
        denied: None,
        operations: Vec::new(),
        notes: Vec::new(),
    };
    if let Err(reason) = key.check(at) {
        answer.denied = Some((reason, reason_of_key(key)));
        return Ok(answer);
    }
    if !key.serves(&account.path()) {
        let words = format!("the key is for {}", key.accounts.join(", "));
        answer.denied = Some((Reason::UnknownKey, words));
        return Ok(answer);
    }
    let question = match question(bundle, &account, arguments)? {
        Ok(question) => question,
        Err(denied) => {
            answer.denied = Some(denied);
            return Ok(answer);
        }
    };
    answer.route = Some(question.route.clone()).filter(|_| arguments.send.is_some());
    answer.notes.clone_from(&question.notes);
    let asking = asking(bundle, key, &account, arguments, &question, at)
        .ok_or_else(|| "the policies cannot be asked about this".to_owned())?;
    for operation in &question.operations {
        let verdict = bundle.policies.decide(&bundle.patterns, &asking, operation);
        if let (None, Verdict::Deny(reason, _)) = (&answer.denied, &verdict) {
            let hidden = question.hides_zone && operation.action == Action::ZoneRead;
            let reason = if hidden { Reason::ZoneNotVisible } else { *reason };
            answer.denied = Some((reason, reason.sentence().to_owned()));
        }
        let policies = bundle.policies.explain(&bundle.patterns, &asking, operation);
        answer.operations.push(Asked { operation: operation.to_string(), verdict, policies });
    }
    Ok(answer)
}

/// The account that is asked.
fn account(bundle: &Bundle, text: &str) -> Result<AccountId, String> {
    let (provider, account) = text
        .split_once('/')
        .filter(|(_, account)| !account.is_empty())
        .ok_or_else(|| format!("`{text}` is not `provider/account`"))?;
    if bundle.provider(provider).is_none() {
        return Err(format!("there is no provider `{provider}`; see `zonegate routes`"));
    }
    Ok(AccountId { provider: provider.to_owned(), account: account.to_owned() })
}

/// The key that asks.
fn key<'b>(bundle: &'b Bundle, id: &str) -> Result<&'b Key, String> {
    bundle.keys.by_id(id).ok_or_else(|| {
        let ids: Vec<&str> = bundle.keys.iter().map(|key| key.id.as_str()).take(20).collect();
        let more = if bundle.keys.len() > ids.len() { ", ..." } else { "" };
        format!("keys.toml has no key `{id}`; it has {}{more}", ids.join(", "))
    })
}

/// Why a key is not valid, in words.
fn reason_of_key(key: &Key) -> String {
    let time = |time: Option<jiff::Timestamp>| time.map_or(String::new(), |time| time.to_string());
    if key.disabled {
        "the key is disabled".to_owned()
    } else {
        format!("the key is valid from `{}` to `{}`", time(key.not_before), time(key.expires))
    }
}

/// What is asked, or why it is denied before any policy; an error where it cannot be read at all.
fn question(
    bundle: &Bundle,
    account: &AccountId,
    arguments: &Arguments,
) -> Result<Result<Question, (Reason, String)>, String> {
    let provider = bundle.provider(&account.provider).ok_or("the provider vanished")?;
    if let Some(text) = &arguments.operation {
        let operation = operation(text)?;
        let (method, route) = usual_route(provider, operation.action);
        let note = format!("asked as if by {method} on route {route}; policies may depend on it");
        return Ok(Ok(Question {
            method,
            route,
            operations: vec![operation],
            hides_zone: false,
            notes: vec![note],
        }));
    }
    let send = arguments.send.as_deref().unwrap_or_default();
    let body = body(arguments.body.as_deref())?;
    let (method, target) = send
        .split_once(' ')
        .filter(|(method, target)| !method.is_empty() && target.starts_with('/'))
        .ok_or_else(|| format!("--send `{send}` is not a method and a path; write 'GET /path'"))?;
    let answers = answers(&arguments.answer)?;
    Ok(request(provider, method, target, &body, &answers))
}

/// What the provider would answer, by path.
fn answers(given: &[String]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let read = |text: &String| {
        let (path, answer) = text
            .split_once(' ')
            .filter(|(path, _)| path.starts_with('/'))
            .ok_or_else(|| format!("--answer `{text}` is not a path and its answer"))?;
        Ok((path.to_owned(), body(Some(answer))?))
    };
    given.iter().map(read).collect()
}

/// Reads a request with the answers that are given, as the gate does with those of the provider.
fn read(
    matched: &Matched<'_>,
    provider: &Provider,
    body: &[u8],
    answers: &[(String, Vec<u8>)],
) -> Result<Plan, (Reason, String)> {
    let caps = Caps { operations_max: OPERATIONS_MAX, json: JSON_LIMITS };
    let mut known = Knowledge::default();
    loop {
        let needs = match matched.read(body, &caps, &known).map_err(|no| (no.reason, no.detail))? {
            Read::Plan(plan) => return Ok(*plan),
            Read::Needs(needs) => needs,
        };
        let said = |reason: Reason| (reason, reason.sentence().to_owned());
        if !known.next_round() {
            return Err(said(Reason::LookupFailed));
        }
        for lookup in matched.lookups(&needs, &known).map_err(said)? {
            let Some((_, answer)) = answers.iter().find(|(path, _)| *path == lookup.path) else {
                let detail = format!(
                    "the gate would first ask the provider for {}; give an answer with --answer \
                     '{} JSON', or one operation with --operation",
                    lookup.path, lookup.path
                );
                return Err((Reason::LookupFailed, detail));
            };
            let found = provider.read_answer(&lookup, 200, answer).map_err(said)?;
            known.learn(&lookup.purpose, found).map_err(said)?;
        }
    }
}

/// A route by which an action is usually asked for, with its method.
///
/// The first that declares the action; else the one that changes records, whose meaning stands in
/// its body.
fn usual_route(provider: &Provider, action: Action) -> (&'static str, String) {
    let routes = provider.routes();
    // Records are read by reading their zone.
    let action = if action == Action::RecordRead { Action::ZoneRead } else { action };
    let found = routes
        .iter()
        .find(|route| route.actions().contains(&action))
        .or_else(|| routes.iter().find(|route| route.pattern().starts_with("PATCH ")));
    let method = found.and_then(|route| route.pattern().split_once(' '));
    let method = method.and_then(|(method, _)| Method::parse(method.as_bytes()));
    let id = found.map_or("unknown", |route| route.id());
    (method.map_or("GET", Method::as_str), format!("{}/{id}", provider.name()))
}

/// What a request means, or why it is denied before any policy.
fn request(
    provider: &Provider,
    method: &str,
    target: &str,
    body: &[u8],
    answers: &[(String, Vec<u8>)],
) -> Result<Question, (Reason, String)> {
    let unknown = || (Reason::UnknownMethod, Reason::UnknownMethod.sentence().to_owned());
    let method = Method::parse(method.as_bytes()).ok_or_else(unknown)?;
    let target = Target::parse(target.as_bytes())
        .map_err(|error| (Reason::TargetNotCanonical, error.to_string()))?;
    let matched = provider.find(method, &target).map_err(|no| (no.reason, no.detail))?;
    let plan = read(&matched, provider, body, answers)?;
    let mut notes = Vec::new();
    if !plan.unseen.is_empty() {
        notes.push(
            "the gate looks up the values that go away where a policy reads them; this did not"
                .to_owned(),
        );
    }
    if plan.enclosing.is_some() {
        notes.push("the gate also asks which zones enclose the new one; this did not".to_owned());
    }
    Ok(Question {
        method: method.as_str(),
        route: format!("{}/{}", provider.name(), matched.route().id()),
        operations: plan.operations,
        hides_zone: plan.denied_zone_is_404,
        notes,
    })
}

/// The body that an argument gives.
fn body(argument: Option<&str>) -> Result<Vec<u8>, String> {
    match argument {
        None => Ok(Vec::new()),
        Some("@-") => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            read.map(|_| bytes).map_err(|error| format!("cannot read standard input: {error}"))
        }
        Some(text) => match text.strip_prefix('@') {
            Some(path) => std::fs::read(path).map_err(|error| format!("{path}: {error}")),
            None => Ok(text.as_bytes().to_vec()),
        },
    }
}

/// Reads an operation in the form of logs.
fn operation(text: &str) -> Result<Operation, String> {
    let wrong = |what: &str| format!("--operation `{text}`: {what}");
    let mut words = text.splitn(5, ' ');
    let action = words.next().unwrap_or_default();
    let action = Action::from_name(action).ok_or_else(|| {
        let all: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
        wrong(&format!("`{action}` is not an action; the actions are {}", all.join(", ")))
    })?;
    let mut name = |what: &str, example: &str| {
        let word =
            words.next().ok_or_else(|| wrong(&format!("no {what}; write it like {example}")))?;
        Name::parse(word, NameForm::Fqdn)
            .map_err(|error| wrong(&format!("{what} `{word}`: {error}")))
    };
    match action.kind() {
        ResourceKind::Account => Ok(Operation::account(action)),
        ResourceKind::Zone => {
            let zone = name("zone", "`zone.read example.com`")?;
            let kind = words.next().map(|kind| kind.trim_matches('"'));
            Ok(match kind {
                Some(kind) => Operation::metadata(action, zone, kind),
                None => Operation::zone(action, zone),
            })
        }
        ResourceKind::Record => {
            let example = "`record.create example.com www.example.com A \"192.0.2.1\"`";
            let zone = name("zone", example)?;
            let owner = name("name", example)?;
            if !owner.is_below_or_equal(&zone) {
                return Err(wrong(&format!("{owner} is not in the zone {zone}")));
            }
            let rtype = words.next().ok_or_else(|| wrong("no record type"))?;
            let rtype = RecordType::parse(rtype).map_err(|error| wrong(&error.to_string()))?;
            let value = words.next().map(|value| {
                serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned())
            });
            Ok(Operation::record(action, zone, owner, rtype, value))
        }
    }
}

/// What the operations are asked with, as a session would ask.
fn asking(
    bundle: &Bundle,
    key: &Key,
    account: &AccountId,
    arguments: &Arguments,
    question: &Question,
    at: jiff::Timestamp,
) -> Option<Asking> {
    let client_ip = canonical_ip(arguments.from);
    let networks = bundle.networks.containing(client_ip);
    let facts = Circumstances {
        client_ip,
        networks: networks.into_iter().map(str::to_owned).collect(),
        clock: bundle.clock(at)?,
        tls: !arguments.plain,
        method: question.method,
        route: question.route.clone(),
        operations: question.operations.len(),
    };
    let subject = bundle.policies.subject(account, key)?;
    bundle.policies.asking(&subject, account, &facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_read_as_they_are_printed() {
        for text in [
            "zone.list",
            "zone.read example.com",
            "metadata.write example.com \"ALLOW-AXFR-FROM\"",
            "record.delete example.com www.example.com A",
            "record.create example.com example.com TXT \"\\\"a b\\\"\"",
        ] {
            assert_eq!(operation(text).unwrap().to_string(), text);
        }
        let bare = operation("record.create example.com www.example.com A 192.0.2.1").unwrap();
        assert!(bare.to_string().ends_with("A \"192.0.2.1\""));
        assert!(operation("search").unwrap().zone_name().is_none());
    }

    #[test]
    fn what_is_no_operation_is_refused_in_words() {
        for (text, part) in [
            (
                "record.make example.com",
                "`record.make` is not an action; the actions are zone.list",
            ),
            ("zone.read", "no zone; write it like"),
            ("zone.read example.com.", "zone `example.com.`"),
            ("record.read example.com example.org A", "example.org is not in the zone example.com"),
            ("record.read example.com example.com ANY", "record.read example.com example.com ANY"),
        ] {
            let error = operation(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
