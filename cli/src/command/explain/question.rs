//! What is asked, whichever way it is written: an operation, a request, a curl command line, or a
//! line of the log.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr};

use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::{Key, KeyText};
use zonegate_engine::operation::Operation;
use zonegate_engine::policy::AccountId;
use zonegate_engine::provider::Provider;

use super::log::Logged;
use super::request::{Answered, Request};
use super::secret::{self, Secrets};
use super::{Arguments, curl, log};
use crate::ask::{self, Scene, Way};
use crate::folder::now;
use crate::nearest::hint;

/// The account that is asked where nothing says another.
const ACCOUNT: &str = "powerdns/main";
/// Where a client is, unless somebody says it.
const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    /// The id of the key that asks, where it is known.
    pub(super) key: Option<String>,
    /// From where, when, at which account.
    pub(super) scene: Scene,
    /// What for.
    pub(super) what: What,
    /// What was understood only in part.
    pub(super) notes: Vec<String>,
    /// What must not be printed.
    pub(super) secrets: Secrets,
}

/// What somebody wants.
#[derive(Debug)]
pub(super) enum What {
    /// A request, which the gate reads.
    Request(Request),
    /// Operations, by some request.
    Operations(Way, Vec<Operation>),
    /// Operations of the log, by the request that it tells of.
    Logged(Way, Box<Logged>),
}

/// Reads what the arguments ask; a key that is only named is given a stand-in for its text.
pub(super) fn read(bundle: &mut Bundle, arguments: &Arguments) -> Result<Question, String> {
    if let Some(text) = &arguments.audit {
        return of_log(bundle, arguments, &text_of(text)?);
    }
    if let Some(text) = &arguments.curl {
        return of_curl(bundle, arguments, &text_of(text)?);
    }
    let id = arguments.key.as_deref().ok_or("name the key with --key ID")?;
    let key = ask::key(bundle, id)?.clone();
    let account = account(bundle, arguments, Some(&key), None)?;
    let scene = scene(arguments, account, !arguments.plain);
    let mut notes = Vec::new();
    let what = match &arguments.operation {
        Some(text) => operation(bundle, &scene.account, arguments, text, &mut notes)?,
        None => {
            let mut request = sent(arguments)?;
            show(bundle, &scene.account, &key, &mut request)?;
            What::Request(request)
        }
    };
    Ok(Question { key: Some(key.id), scene, what, notes, secrets: Secrets::default() })
}

/// From where, when and at which account the arguments ask.
fn scene(arguments: &Arguments, account: AccountId, tls: bool) -> Scene {
    let at = arguments.at.unwrap_or_else(now);
    Scene { account, from: arguments.from.unwrap_or(FROM), at, tls }
}

/// The account that is asked: as it is given; that of the host; the only one of the key.
fn account(
    bundle: &Bundle,
    arguments: &Arguments,
    key: Option<&Key>,
    provider: Option<&str>,
) -> Result<AccountId, String> {
    if let Some(given) = &arguments.account {
        return ask::account(bundle, given);
    }
    let accounts = key.map(|key| key.accounts.as_slice()).unwrap_or_default();
    let serves = |one: &&String| {
        one.as_str() != "*" && provider.is_none_or(|name| one.split('/').next() == Some(name))
    };
    let mut own = accounts.iter().filter(serves);
    match (own.next(), own.next(), provider) {
        (Some(one), None, _) => ask::account(bundle, one),
        (_, _, Some(provider)) => ask::account(bundle, &format!("{provider}/main")),
        (_, _, None) => ask::account(bundle, ACCOUNT),
    }
}

/// One operation, as it is usually asked for.
fn operation(
    bundle: &Bundle,
    account: &AccountId,
    arguments: &Arguments,
    text: &str,
    notes: &mut Vec<String>,
) -> Result<What, String> {
    let provider = bundle.provider(&account.provider).ok_or("the provider vanished")?;
    let operation = ask::operation(text)?;
    let operations = ask::meant(&operation);
    let mut way = match &arguments.route {
        Some(route) => Way::by(bundle, route).ok_or_else(|| no_route(bundle, route))?,
        None => Way::usual(provider, operation.action),
    };
    way.operations = arguments.cost.map_or(operations.len(), usize::from);
    if arguments.route.is_none() {
        let Way { method, route, .. } = &way;
        let note = format!("asked as if by {method} on route {route}; policies may depend on it");
        notes.push(note);
    }
    Ok(What::Operations(way, operations))
}

/// What is said of a route that does not exist.
fn no_route(bundle: &Bundle, route: &str) -> String {
    let hint = hint(route, bundle.lists.routes.iter().map(String::as_str));
    format!("there is no route `{route}`{hint}; `zonegate routes` lists them as provider and route")
}

/// The request of --send and --body.
fn sent(arguments: &Arguments) -> Result<Request, String> {
    let send = arguments.send.as_deref().unwrap_or_default();
    let (method, target) = send
        .split_once(' ')
        .filter(|(method, target)| !method.is_empty() && target.starts_with('/'))
        .ok_or_else(|| format!("--send `{send}` is not a method and a path; write 'GET /path'"))?;
    Ok(Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        body: arguments.body.as_deref().map(bytes_of).transpose()?,
        answers: answers(&arguments.answer)?,
    })
}

/// Lets a request show a key: a stand-in for its text, where the provider's clients show it.
fn show(
    bundle: &mut Bundle,
    account: &AccountId,
    key: &Key,
    request: &mut Request,
) -> Result<(), String> {
    let text = secret::stand_in(bundle, key)?;
    let provider = bundle.provider(&account.provider).ok_or("the provider vanished")?;
    let header = secret::header(provider, &text);
    request.headers.push(header.ok_or("this provider's clients show no key")?);
    Ok(())
}

/// The request of a curl command line.
fn of_curl(bundle: &mut Bundle, arguments: &Arguments, text: &str) -> Result<Question, String> {
    let sent = curl::read(text)?;
    let mut request = Request {
        method: sent.method,
        target: sent.target,
        headers: sent.headers,
        body: sent.body,
        answers: answers(&arguments.answer)?,
    };
    let mut notes = sent.notes;
    let shown = secret::shown(&request);
    let named = arguments.key.as_deref().map(|id| ask::key(bundle, id)).transpose()?.cloned();
    let known = shown.first().and_then(|key| bundle.keys.by_id(key.id())).cloned();
    let is_host = |one: &&Provider| one.host().is_some_and(|host| is_same_host(host, &sent.host));
    let provider = bundle.providers().iter().find(is_host).map(|one| one.name().to_owned());
    let key = named.as_ref().or(known.as_ref());
    let account = account(bundle, arguments, key, provider.as_deref())?;
    let secrets = Secrets::of(&request, bundle.provider(&account.provider));
    agree(&shown, named.as_ref())?;
    if shown.is_empty() {
        match &named {
            Some(key) => {
                let provider = bundle.provider(&account.provider).ok_or("the provider vanished")?;
                let before = request.clone();
                secret::take_out(&mut request, provider);
                if before.headers != request.headers || before.body != request.body {
                    let id = &key.id;
                    notes.push(format!(
                        "what the command line shows as a credential is no key; asked as if it \
                         were the key {id}"
                    ));
                }
                show(bundle, &account, key, &mut request)?;
            }
            None if !sent.variables.is_empty() => {
                return Err(format!(
                    "the curl command line shows its key as `{}`, which only your shell knows; \
                     name the key with --key ID",
                    sent.variables.join(", ")
                ));
            }
            None => {}
        }
    }
    let scene = scene(arguments, account, sent.tls && !arguments.plain);
    let id = named.map(|key| key.id).or_else(|| shown.first().map(|key| key.id().to_owned()));
    Ok(Question { key: id, scene, what: What::Request(request), notes, secrets })
}

/// Whether a URL's host, with or without its port, is that of an API.
fn is_same_host(api: &str, host: &str) -> bool {
    let bare = |text: &str| text.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let (api, host) = (bare(api), bare(host));
    api == host || host.strip_suffix(":443") == Some(&api)
}

/// A key that is given twice must be the same.
fn agree(shown: &[KeyText], named: Option<&Key>) -> Result<(), String> {
    let Some(named) = named else { return Ok(()) };
    match shown.iter().find(|key| key.id() != named.id) {
        Some(other) => Err(format!(
            "the command line shows the key {}, and --key says {}; which one asks?",
            other.id(),
            named.id
        )),
        None => Ok(()),
    }
}

/// The request that a line of the log tells of.
fn of_log(bundle: &Bundle, arguments: &Arguments, text: &str) -> Result<Question, String> {
    let logged = log::read(text)?;
    let record = &logged.record;
    if let (Some(named), Some(id)) = (&arguments.key, &record.key)
        && named != id
    {
        return Err(format!("the log says that the key {id} asked, and --key says {named}"));
    }
    let id = arguments.key.clone().or_else(|| record.key.clone());
    if let Some(id) = &id {
        ask::key(bundle, id)?;
    }
    let given = format!(
        "{}/{}",
        record.provider.as_deref().unwrap_or_default(),
        record.account.as_deref().unwrap_or_default()
    );
    let account = ask::account(bundle, arguments.account.as_ref().unwrap_or(&given))?;
    let at = arguments.at.or(logged.time);
    let at = at.ok_or("the line does not say when the request came; say it with --at")?;
    let from = arguments.from.or(record.client);
    let from = from.ok_or("the line does not say from where it came; say it with --from")?;
    let scene = Scene { account, from, at, tls: !arguments.plain };
    let mut notes = logged.notes.clone();
    let way = match Way::by(bundle, &record.route) {
        Some(way) => way,
        None if record.route.is_empty() || record.route.starts_with("zonegate/") => {
            Way { method: "GET", route: record.route.clone(), operations: 1 }
        }
        None => return Err(format!("the log's {}", no_route(bundle, &record.route))),
    };
    let method = logged.method.as_deref();
    if !record.route.is_empty() && method.is_some_and(|method| method != way.method) {
        notes.push(format!("the log's method is another than the route's, {}", way.method));
    }
    let way = Way { operations: record.cost.max(logged.operations.len()), ..way };
    let what = What::Logged(way, Box::new(logged));
    Ok(Question { key: id, scene, what, notes, secrets: Secrets::default() })
}

/// What the provider would answer, by path.
fn answers(given: &[String]) -> Result<Vec<Answered>, String> {
    let read = |text: &String| {
        let (path, answer) = text
            .split_once(' ')
            .filter(|(path, _)| path.starts_with('/'))
            .ok_or_else(|| format!("--answer `{text}` is not a path and its answer"))?;
        let path = path.to_owned();
        // A status alone, where there is nothing to show.
        if answer.len() == 3
            && let Ok(status @ 200..=599) = answer.parse::<u16>()
        {
            return Ok(Answered { path, status, body: Vec::new() });
        }
        Ok(Answered { path, status: 200, body: bytes_of(answer)? })
    };
    given.iter().map(read).collect()
}

/// The text that an argument gives, or the file that it names.
fn text_of(argument: &str) -> Result<String, String> {
    String::from_utf8(bytes_of(argument)?).map_err(|_| "what is given is no text".to_owned())
}

/// The bytes that an argument gives, or those of the file that it names.
fn bytes_of(argument: &str) -> Result<Vec<u8>, String> {
    match argument.strip_prefix('@') {
        None => Ok(argument.as_bytes().to_vec()),
        Some("-") => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            read.map(|_| bytes).map_err(|error| format!("cannot read standard input: {error}"))
        }
        Some(path) => std::fs::read(path).map_err(|error| format!("{path}: {error}")),
    }
}
