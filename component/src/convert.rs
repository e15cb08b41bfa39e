//! The interface's values as the engine's, and back.

use std::net::IpAddr;

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::operation::Operation;
use zonegate_engine::policy::AccountId;
use zonegate_engine::problem;
use zonegate_engine::provider::{self, Provider};
use zonegate_engine::request::Method;
use zonegate_engine::session::{
    self, Audit, Facts, LookupAnswer, OPERATIONS_MAX, RESPONSE_BYTES_MAX,
};

use crate::bindings::exports::zonegate::policy::gate::{
    Answer, Denial, Header, Instant, Lookup, Misuse, Problem, Question, Request, Response, Step,
};

/// Characters of a provider's or account's name, of an address, or of a request's id.
const TEXT_BYTES_MAX: usize = 256;
/// The header in which the engine finds the request's id.
const REQUEST_ID: &[u8] = b"x-request-id";

/// The time of an argument.
pub(crate) fn time(now: Instant) -> Result<Timestamp, Misuse> {
    Timestamp::from_millisecond(now).map_err(|_| Misuse::BadArgument("now".to_owned()))
}

/// A header with its name in lower case.
pub(crate) fn lower((mut name, value): Header) -> Header {
    name.make_ascii_lowercase();
    (name, value)
}

/// What the engine wants to know of a request.
pub(crate) fn facts(request: Request) -> Result<Facts, Misuse> {
    let bad = |name: &str| Misuse::BadArgument(name.to_owned());
    let texts = [
        ("provider", &request.provider),
        ("account", &request.account),
        ("client", &request.client),
        ("request-id", &request.request_id),
    ];
    if let Some((name, _)) = texts.iter().find(|(_, text)| text.len() > TEXT_BYTES_MAX) {
        return Err(bad(name));
    }
    let client: IpAddr = request.client.parse().map_err(|_| bad("client"))?;
    let mut headers = vec![
        (b":authority".to_vec(), request.authority),
        (b":method".to_vec(), request.method.into_bytes()),
        (b":path".to_vec(), request.path),
        (REQUEST_ID.to_vec(), request.request_id.into_bytes()),
    ];
    for (name, value) in request.headers.into_iter().map(lower) {
        // The host says these in fields of their own; what a client writes there is not asked.
        if name == b"host" || name.starts_with(b":") {
            return Err(bad("headers"));
        }
        if name != REQUEST_ID {
            headers.push((name, value));
        }
    }
    Ok(Facts {
        headers,
        provider: Some(request.provider),
        account: Some(request.account),
        client: Some(client),
        tls: request.encrypted,
    })
}

/// Operations that a log tells of; their route must exist.
pub(crate) fn question(bundle: &Bundle, asked: Question) -> Result<session::Question, Misuse> {
    let bad = |name: &str| Misuse::BadArgument(name.to_owned());
    let (provider, id) = asked.route.split_once('/').ok_or_else(|| bad("route"))?;
    let mut routes = bundle.provider(provider).map(Provider::routes).into_iter().flatten();
    let route = routes.find(|route| route.id() == id).ok_or_else(|| bad("route"))?;
    let method = match &asked.method {
        Some(method) => Method::parse(method.as_bytes()).ok_or_else(|| bad("method"))?,
        None => {
            let first = route.pattern().split(' ').next().unwrap_or_default();
            Method::parse(first.as_bytes()).ok_or_else(|| bad("route"))?
        }
    };
    if asked.operations.len() > OPERATIONS_MAX {
        return Err(bad("operations"));
    }
    let operations = asked.operations.iter().map(|text| Operation::parse(text));
    let operations = operations.collect::<Result<_, _>>().map_err(|_| bad("operations"))?;
    Ok(session::Question {
        key: asked.key,
        account: AccountId { provider: asked.provider, account: asked.account },
        client: asked.client.parse().map_err(|_| bad("client"))?,
        tls: asked.encrypted,
        method,
        route: asked.route,
        operations,
        cost: usize::try_from(asked.cost).unwrap_or(usize::MAX),
    })
}

/// Lookups, numbered in their order.
pub(crate) fn lookups(lookups: &[provider::Lookup]) -> Vec<Lookup> {
    (0..).zip(lookups).map(|(id, lookup)| self::lookup(id, lookup)).collect()
}

/// One lookup; a `POST` has an empty object as its body.
fn lookup(id: u32, lookup: &provider::Lookup) -> Lookup {
    let header = |name: &str| (name.as_bytes().to_vec(), b"application/json".to_vec());
    let (mut headers, mut body) = (vec![header("accept")], None);
    match lookup.method {
        Method::Post => {
            headers.push(header("content-type"));
            body = Some(b"{}".to_vec());
        }
        Method::Get | Method::Head | Method::Put | Method::Patch | Method::Delete => {}
    }
    Lookup {
        id,
        method: lookup.method.as_str().to_owned(),
        path: lookup.path.clone(),
        host: lookup.host.clone(),
        headers,
        body,
    }
}

/// Answers in the order of the lookups: each lookup once.
pub(crate) fn answers(answers: Vec<Answer>, lookups: usize) -> Result<Vec<LookupAnswer>, Misuse> {
    let mut slots: Vec<Option<LookupAnswer>> = vec![None; lookups];
    for Answer { id, found } in answers {
        let slot = usize::try_from(id).ok().and_then(|at| slots.get_mut(at));
        let slot = slot.ok_or(Misuse::UnknownLookup(id))?;
        if slot.is_some() {
            return Err(Misuse::AnsweredTwice(id));
        }
        // An answer over the cap is none, as one that never came.
        let found = found.filter(|found| found.body.len() <= RESPONSE_BYTES_MAX);
        *slot = Some(found.map(|found| (found.status, found.body)));
    }
    (0..).zip(slots).map(|(id, slot)| slot.ok_or(Misuse::NotAnswered(id))).collect()
}

/// The gate's answer, which is a denial or its own.
pub(crate) fn reply(audit: &Audit, answer: session::Answer) -> Step {
    let response = response(answer);
    match audit.reason.filter(|_| audit.decision == "deny") {
        Some(reason) => Step::Deny(Denial { reason: reason.to_owned(), response }),
        None => Step::Reply(response),
    }
}

/// A message to the client.
pub(crate) fn response(answer: session::Answer) -> Response {
    let headers = answer.headers.into_iter();
    let headers = headers.map(|(name, value)| (name.into_bytes(), value.into_bytes())).collect();
    Response { status: answer.status, headers, body: answer.body }
}

/// What is wrong with a bundle.
pub(crate) fn problem(problem: problem::Problem) -> Problem {
    let line = problem.line.and_then(|line| u32::try_from(line).ok());
    Problem { file: problem.file, line, message: problem.message, help: problem.help }
}
