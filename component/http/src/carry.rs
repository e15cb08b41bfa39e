//! One request: what the host tells, what the session wants.

use std::net::IpAddr;
use std::rc::Rc;

use jiff::Timestamp;
use wasip2::clocks::wall_clock;
use wasip2::http::types::{IncomingRequest, Scheme};
use wasip2::random::random;
use zonegate_engine::decision::Reason;
use zonegate_engine::provider::Lookup;
use zonegate_engine::request::Method;
use zonegate_engine::session::{
    Answer, BODY_BYTES_MAX, Facts, Grant, LookupAnswer, ResponseStep, Session, Step,
};

use crate::message::{self, Got, Header, Sent};
use crate::settings::{Client, Settings};

/// The header in which the engine finds the request's id.
const REQUEST_ID: &[u8] = b"x-request-id";

/// Judges a request and carries it; what the client gets.
pub(crate) fn handle(request: IncomingRequest) -> Answer {
    match Settings::of_instance() {
        Ok(settings) => carry(&settings, request).unwrap_or_else(|| fail(502, "broken")),
        Err(problem) => {
            eprintln!("zonegate: {problem}");
            fail(503, "not-configured")
        }
    }
}

/// An answer where there is no session, or where it cannot go on: closed.
fn fail(status: u16, reason: &str) -> Answer {
    let body = format!(r#"{{"error":"this gate cannot answer","reason":"{reason}"}}"#);
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Answer { status, headers, body: body.into_bytes() }
}

/// Now.
fn now() -> Option<Timestamp> {
    let time = wall_clock::now();
    let nanoseconds = i32::try_from(time.nanoseconds).ok()?;
    Timestamp::new(i64::try_from(time.seconds).ok()?, nanoseconds).ok()
}

/// What the session is told of a request. Provider and account are the settings'.
fn facts(settings: &Settings, request: &IncomingRequest) -> Facts {
    let mut map: Vec<Header> = vec![
        (b":authority".to_vec(), request.authority().unwrap_or_default().into_bytes()),
        (b":method".to_vec(), message::method_text(request.method()).into_bytes()),
        (b":path".to_vec(), request.path_with_query().unwrap_or_default().into_bytes()),
        (REQUEST_ID.to_vec(), format!("{:016x}", random::get_random_u64()).into_bytes()),
    ];
    let mut given = Vec::new();
    for (mut name, value) in message::headers(&request.headers()) {
        name.make_ascii_lowercase();
        match &settings.client {
            Client::Header(header) if header.as_bytes() == name => given.push(value.clone()),
            Client::Header(_) | Client::Fixed(_) => {}
        }
        // These are said above; what a client writes there is not asked.
        let ours = name == REQUEST_ID || name == b"host" || name.starts_with(b":");
        if !ours {
            map.push((name, value));
        }
    }
    let client = match (&settings.client, given.as_slice()) {
        (Client::Fixed(address), _) => address.parse().ok(),
        // SECURITY: two values are one too many: one of them may be the client's own.
        (Client::Header(_), [one]) => address(one),
        (Client::Header(_), _) => None,
    };
    Facts {
        headers: map,
        provider: Some(settings.provider.clone()),
        account: Some(settings.account.clone()),
        client,
        tls: matches!(request.scheme(), Some(Scheme::Https)),
    }
}

/// An address, as bytes.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok()
}

/// Walks a session to its end; none where the host broke off.
fn carry(settings: &Settings, request: IncomingRequest) -> Option<Answer> {
    let facts = facts(settings, &request);
    let bundle = Rc::clone(&settings.bundle);
    // Whether a body follows is not told: its end is waited for in any case.
    let (mut session, mut step) = Session::begin(bundle, &facts, true, now()?);
    let answer = loop {
        step = match step {
            Step::Body => match message::whole(&request.consume().ok()?, BODY_BYTES_MAX).ok()? {
                Some(body) => session.body(&body, now()?),
                None => session.refuse_body(),
            },
            Step::Lookups(lookups) => {
                let answers = ask(settings, &lookups);
                session.answers(&answers, now()?)
            }
            Step::Reply(answer) => break answer,
            // SECURITY: the only place that lets a request go on.
            Step::Forward(grant) => break forward(settings, &mut session, &grant, facts.headers),
        };
    };
    eprintln!("{}", session.audit().to_json(&settings.bundle.digest));
    Some(answer)
}

/// Lets a request go on as the grant says, and judges the response.
fn forward(
    settings: &Settings,
    session: &mut Session,
    grant: &Grant,
    mut headers: Vec<Header>,
) -> Answer {
    headers.retain(|(name, _)| std::str::from_utf8(name).is_ok_and(|name| grant.passes(name)));
    if let (Some(content_type), true) = (grant.content_type(), grant.body().is_some()) {
        headers.push((b"content-type".to_vec(), content_type.as_bytes().to_vec()));
    }
    let sent = Sent { method: grant.method(), path: grant.path(), headers, body: grant.body() };
    let got = message::send(settings, &sent).as_ref().and_then(message::receive);
    let Some(Got { status, mut headers, body }) = got else { return fail(502, "no-answer") };
    headers.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
    headers.insert(0, (b":status".to_vec(), status.to_string().into_bytes()));
    let Some(body) = body else { return session.refuse_response(Reason::ResponseTooLarge) };
    match session.response_headers(&headers) {
        ResponseStep::Replace(answer) => answer,
        // A response that is not the session's to judge is not the client's to see.
        ResponseStep::Leave => session.refuse_response(Reason::Internal),
        ResponseStep::Hold => session.response_with(status, &headers, &body),
    }
}

/// Sends all lookups, then waits for their answers. One at another host is not asked here.
fn ask(settings: &Settings, lookups: &[Lookup]) -> Vec<LookupAnswer> {
    let header = |name: &str| (name.as_bytes().to_vec(), b"application/json".to_vec());
    let send = |lookup: &Lookup| {
        if lookup.host.is_some() {
            return None;
        }
        let (mut headers, mut body) = (vec![header("accept")], None);
        if lookup.method == Method::Post {
            headers.push(header("content-type"));
            body = Some(&b"{}"[..]);
        }
        message::send(settings, &Sent { method: lookup.method, path: &lookup.path, headers, body })
    };
    let sent: Vec<_> = lookups.iter().map(send).collect();
    let receive = |future: &Option<_>| {
        let Got { status, body, .. } = message::receive(future.as_ref()?)?;
        Some((status, body?))
    };
    sent.iter().map(receive).collect()
}
