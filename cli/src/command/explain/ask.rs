//! Asking the bundle about a request step by step, as a session would, and keeping the reasons.

use std::io::Read as _;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::decision::Reason;
use zonegate_engine::json::JsonLimits;
use zonegate_engine::key::Key;
use zonegate_engine::operation::{Action, Operation};
use zonegate_engine::policy::{AccountId, Explained, Verdict};
use zonegate_engine::provider::{Caps, Knowledge, Matched, Plan, Provider, Read};
use zonegate_engine::request::{Method, Target};
use zonegate_engine::session::OPERATIONS_MAX;

use super::Arguments;
use crate::ask::{self, Scene, Way};
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
    /// The method, the route and the number of operations.
    way: Way,
    /// The operations.
    operations: Vec<Operation>,
    /// Whether a denied `zone.read` looks like an unknown zone.
    hides_zone: bool,
    /// What this cannot say.
    notes: Vec<String>,
}

/// Explains what the arguments ask.
pub(super) fn explain(bundle: &Bundle, arguments: &Arguments) -> Result<Answer, String> {
    let account = ask::account(bundle, &arguments.account)?;
    let key = ask::key(bundle, &arguments.key)?;
    let at = arguments.at.unwrap_or_else(now);
    let scene = Scene { account: account.clone(), from: arguments.from, at, tls: !arguments.plain };
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
    answer.route = Some(question.way.route.clone()).filter(|_| arguments.send.is_some());
    answer.notes.clone_from(&question.notes);
    let asking = ask::asking(bundle, key, &scene, &question.way)
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
        let operation = ask::operation(text)?;
        let way = match &arguments.route {
            Some(route) => Way::by(bundle, route).ok_or_else(|| no_route(route))?,
            None => Way::usual(provider, operation.action),
        };
        let Way { method, route, .. } = &way;
        let note = format!("asked as if by {method} on route {route}; policies may depend on it");
        let notes = if arguments.route.is_none() { vec![note] } else { Vec::new() };
        let operations = ask::meant(&operation);
        return Ok(Ok(Question { way, operations, hides_zone: false, notes }));
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

/// What is said of a route that does not exist.
fn no_route(route: &str) -> String {
    format!("there is no route `{route}`; `zonegate routes` lists them as provider and route")
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
        way: Way {
            method: method.as_str(),
            route: format!("{}/{}", provider.name(), matched.route().id()),
            operations: plan.operations.len(),
        },
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
