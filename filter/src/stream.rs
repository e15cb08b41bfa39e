//! One HTTP stream: what Envoy tells, what the session wants.
//!
//! A stream is in one of a few phases. Once a reply was sent its phase is [`Phase::Replied`], and
//! every later callback leaves things as they are: replying twice crashes some hosts, and Envoy
//! runs the response callbacks for our own reply too.
//! [`Stream::carry`] is the only function that turns a step into an action, and one arm of it is
//! the only place that lets a request continue; it needs a grant.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, MapType};
use zonegate_engine::decision::Reason;
use zonegate_engine::provider::Lookup;
use zonegate_engine::request::Method;
use zonegate_engine::session::{
    Answer, BODY_BYTES_MAX, Facts, Grant, LookupAnswer, RESPONSE_BYTES_MAX, ResponseStep, Session,
    Share, Step,
};

use crate::Gate;
use crate::host::{self, Headers};

/// How long a lookup may take: well within the request's own 30 seconds.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Route metadata, and what else is read of a stream; parts are joined with NUL.
const PROVIDER: &str = "xds\0route_metadata\0filter_metadata\0zonegate\0provider";
const ACCOUNT: &str = "xds\0route_metadata\0filter_metadata\0zonegate\0account";
const CLUSTER: &str = "xds\0route_metadata\0filter_metadata\0zonegate\0cluster";
const SOURCE: &str = "source\0address";
const TLS_VERSION: &str = "connection\0tls_version";

/// Where a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Waiting for the request's end.
    Request,
    /// Waiting for answers to lookups.
    Lookups,
    /// The request went on.
    Forwarded,
    /// Waiting for the response's end: its status and headers.
    Response(u16, Headers),
    /// The response was judged.
    Done,
    /// The gate answered.
    Replied,
}

/// One HTTP stream.
#[derive(Debug)]
pub(crate) struct Stream {
    /// The configuration it began with; none where no bundle was ever accepted.
    gate: Option<Rc<Gate>>,
    /// Where it is.
    phase: Phase,
    /// The engine's part.
    session: Option<Session>,
    /// The request's headers, as they arrived.
    headers: Headers,
    /// Whether the request has a body, so that one can be replaced.
    has_body: bool,
    /// How much of it was held; where only trailers followed there is no buffer to replace.
    held_bytes: usize,
    /// What is held for it now, of all that the worker may hold.
    share: Option<Share>,
    /// The lookups under way: token and position.
    tokens: HashMap<u32, usize>,
    /// Their answers, by position.
    answers: Vec<LookupAnswer>,
}

impl Stream {
    /// A stream of a configuration.
    pub(crate) fn new(gate: Option<Rc<Gate>>) -> Stream {
        Stream {
            share: gate.as_ref().map(|gate| Share::of(&gate.room)),
            gate,
            phase: Phase::Request,
            session: None,
            headers: Vec::new(),
            has_body: false,
            held_bytes: 0,
            tokens: HashMap::new(),
            answers: Vec::new(),
        }
    }

    /// Does what the session wants.
    ///
    /// SECURITY: the arm of `Step::Forward` is the only one that continues a request.
    fn carry(&mut self, step: Step) -> Action {
        match step {
            Step::Body => Action::Pause,
            Step::Lookups(lookups) => self.ask(&lookups),
            Step::Reply(answer) => self.reply(&answer),
            Step::Forward(grant) => match self.forward(&grant) {
                Some(()) => {
                    self.release();
                    self.phase = Phase::Forwarded;
                    self.publish();
                    Action::Continue
                }
                None => self.fail(),
            },
        }
    }

    /// Makes the held request what was decided on; `None` where the host would not.
    fn forward(&self, grant: &Grant) -> Option<()> {
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", grant.method().as_str().as_bytes()),
            (b":path", grant.path().as_bytes()),
        ];
        for (name, value) in &self.headers {
            let passes = std::str::from_utf8(name).is_ok_and(|name| grant.passes(name));
            // Envoy finds no route without `x-forwarded-proto`; the route takes it off again.
            let routing = [&b":authority"[..], b":scheme", b"x-forwarded-proto"];
            if passes || routing.contains(&name.as_slice()) {
                headers.push((name, value));
            }
        }
        let body = grant.body().unwrap_or_default();
        let length = body.len().to_string();
        if let (Some(content_type), true) = (grant.content_type(), grant.body().is_some()) {
            headers.push((b"content-type", content_type.as_bytes()));
        }
        if self.has_body {
            headers.push((b"content-length", length.as_bytes()));
        }
        if self.held_bytes > 0 {
            host::set_buffer(BufferType::HttpRequestBody, body)?;
        } else if !body.is_empty() {
            // A request without a body cannot be given one.
            return None;
        }
        host::set_headers(MapType::HttpRequestHeaders, &headers)
    }

    /// Answers the client.
    fn reply(&mut self, answer: &Answer) -> Action {
        self.release();
        self.phase = Phase::Replied;
        self.publish();
        let headers: Vec<(&[u8], &[u8])> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        let audit = self.session.as_ref().map(Session::audit);
        let reason = audit.and_then(|audit| audit.response_reason.or(audit.reason));
        let details = format!("zonegate_{}", reason.unwrap_or("answer"));
        host::reply(answer.status, &details, &headers, &answer.body);
        Action::Pause
    }

    /// Answers where there is no session, or where the host failed: closed.
    fn fail(&mut self) -> Action {
        self.release();
        self.phase = Phase::Replied;
        let body = br#"{"error":"this gate is not configured for this request","reason":"not-configured"}"#;
        host::reply(503, "zonegate_failed", &[(b"content-type", b"application/json")], body);
        Action::Pause
    }

    /// Sends the lookups; all go out together.
    fn ask(&mut self, lookups: &[Lookup]) -> Action {
        self.phase = Phase::Lookups;
        // The session has the body too, until it is decided; of answers that were read, what it needs.
        if !self.holds(2 * self.held_bytes) {
            return self.refuse_busy();
        }
        self.answers = vec![None; lookups.len()];
        let cluster = host::property(CLUSTER).and_then(|bytes| String::from_utf8(bytes).ok());
        let cluster = cluster.unwrap_or_default();
        for (at, lookup) in lookups.iter().enumerate() {
            let mut headers = vec![
                (":method", lookup.method.as_str()),
                (":path", lookup.path.as_str()),
                (":authority", lookup.host.as_deref().unwrap_or(&cluster)),
                ("accept", "application/json"),
            ];
            let body: Option<&[u8]> = match lookup.method {
                Method::Post => Some(b"{}"),
                Method::Get | Method::Head | Method::Put | Method::Patch | Method::Delete => None,
            };
            if body.is_some() {
                headers.push(("content-type", "application/json"));
            }
            match self.dispatch_http_call(&cluster, headers, body, vec![], LOOKUP_TIMEOUT) {
                Ok(token) => {
                    self.tokens.insert(token, at);
                }
                Err(_) => self.count_lookup(false),
            }
        }
        if self.tokens.is_empty() { self.answered() } else { Action::Pause }
    }

    /// All lookups are answered, or have failed.
    fn answered(&mut self) -> Action {
        let answers = std::mem::take(&mut self.answers);
        match (self.session.as_mut(), time()) {
            (Some(session), Some(now)) => {
                let step = session.answers(&answers, now);
                session.took(now, time().unwrap_or(now));
                self.carry(step)
            }
            _ => self.fail(),
        }
    }

    /// The request has ended: decide.
    fn request_ended(&mut self, size: usize) -> Action {
        let body = host::buffer(BufferType::HttpRequestBody, size.min(BODY_BYTES_MAX + 1));
        match (body, self.session.as_mut(), time()) {
            (Some(body), Some(session), Some(now)) => {
                self.held_bytes = body.len();
                let step = session.body(&body, now);
                session.took(now, time().unwrap_or(now));
                self.carry(step)
            }
            _ => self.fail(),
        }
    }

    /// The response has ended: judge it, and put what it becomes in its place.
    fn response_ended(&mut self, size: usize) -> Action {
        let body = host::buffer(BufferType::HttpResponseBody, size.min(RESPONSE_BYTES_MAX + 1));
        self.release();
        let phase = std::mem::replace(&mut self.phase, Phase::Done);
        let (Some(body), Some(session), Phase::Response(status, headers)) =
            (body, self.session.as_mut(), phase)
        else {
            return self.fail();
        };
        let answer = session.response_with(status, &headers, &body);
        self.publish();
        let replaced = host::set_buffer(BufferType::HttpResponseBody, &answer.body)
            .and_then(|()| set_response_headers(&answer));
        if replaced.is_some() { Action::Continue } else { self.fail() }
    }

    /// Whether the worker may hold so many bytes for this stream.
    fn holds(&mut self, bytes: usize) -> bool {
        self.share.as_mut().is_some_and(|share| share.hold(bytes))
    }

    /// Holds nothing any more.
    fn release(&mut self) {
        if let Some(share) = &mut self.share {
            share.release();
        }
    }

    /// Ends a request for which the worker has no room.
    fn refuse_busy(&mut self) -> Action {
        self.tokens.clear();
        self.answers.clear();
        match self.session.as_mut().map(Session::refuse_busy) {
            Some(step) => self.carry(step),
            None => self.fail(),
        }
    }

    /// Publishes the audit record and counts the decision.
    ///
    /// The record stands from the decision on, in case no response ever comes; it is published
    /// again only where the response has added to it.
    fn publish(&self) {
        let (Some(gate), Some(session)) = (&self.gate, &self.session) else { return };
        let audit = session.audit();
        let decided_before = self.phase == Phase::Done;
        if !decided_before || audit.tells_of_the_response() {
            host::publish("zonegate", &audit.to_json(&gate.bundle.digest));
        }
        if decided_before {
            return;
        }
        if let Some(key) = &audit.key {
            host::publish("zonegate_key", key);
        }
        host::publish("zonegate_cost", &audit.cost.to_string());
        gate.metrics.decision(audit.reason);
    }

    /// Counts a lookup.
    fn count_lookup(&self, answered: bool) {
        if let Some(gate) = &self.gate {
            gate.metrics.lookup(answered);
        }
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, size: usize, _trailers: usize) {
        let Some(at) = self.tokens.remove(&token) else { return };
        if self.phase != Phase::Lookups {
            return;
        }
        if !self.share.as_mut().is_some_and(|share| share.hold_more(size)) {
            self.refuse_busy();
            return;
        }
        // No headers: the provider was not reached, or not in time.
        let answer = if headers == 0 { None } else { lookup_answer(size) };
        // A lookup that took too long arrives as the host's own 504.
        self.count_lookup(answer.as_ref().is_some_and(|(status, _)| *status < 500));
        if let Some(slot) = self.answers.get_mut(at) {
            *slot = answer;
        }
        if self.tokens.is_empty() && self.answered() == Action::Continue {
            host::continue_request();
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let Some(gate) = self.gate.clone() else { return self.fail() };
        let (Some(headers), Some(now)) = (host::headers(MapType::HttpRequestHeaders), time())
        else {
            return self.fail();
        };
        let text = |path| host::property(path).and_then(|bytes| String::from_utf8(bytes).ok());
        let facts = Facts {
            headers,
            provider: text(PROVIDER),
            account: text(ACCOUNT),
            client: text(SOURCE).as_deref().and_then(client_address),
            tls: host::property(TLS_VERSION).is_some_and(|version| !version.is_empty()),
        };
        self.has_body = !end_of_stream;
        let (mut session, step) =
            Session::begin(Rc::clone(&gate.bundle), &facts, !end_of_stream, now);
        session.took(now, time().unwrap_or(now));
        self.session = Some(session);
        self.headers = facts.headers;
        self.carry(step)
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if self.phase != Phase::Request {
            // SECURITY: after a grant nothing of the request is left; hold whatever comes.
            return Action::Pause;
        }
        if size > BODY_BYTES_MAX {
            return match self.session.as_mut().map(Session::refuse_body) {
                Some(step) => self.carry(step),
                None => self.fail(),
            };
        }
        if !self.holds(size) {
            return self.refuse_busy();
        }
        if end_of_stream { self.request_ended(size) } else { Action::Pause }
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        // Trailers end the request, and go nowhere.
        if self.phase != Phase::Request {
            return Action::Pause;
        }
        match host::set_headers(MapType::HttpRequestTrailers, &[]) {
            Some(()) => self.request_ended(BODY_BYTES_MAX + 1),
            None => self.fail(),
        }
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        if self.phase != Phase::Forwarded {
            return Action::Continue;
        }
        let Some(headers) = host::headers(MapType::HttpResponseHeaders) else { return self.fail() };
        let text = |wanted: &[u8]| {
            let found = headers.iter().find(|(name, _)| name == wanted);
            found.and_then(|(_, value)| std::str::from_utf8(value).ok())
        };
        let (Some(status), Some(session)) =
            (text(b":status").and_then(|text| text.parse().ok()), self.session.as_mut())
        else {
            return self.fail();
        };
        match session.response_headers(&headers) {
            ResponseStep::Leave => Action::Continue,
            ResponseStep::Replace(answer) => self.reply_late(&answer),
            ResponseStep::Hold if end_of_stream => {
                let answer = session.response_with(status, &headers, &[]);
                if !answer.body.is_empty() {
                    return self.reply_late(&answer);
                }
                self.phase = Phase::Done;
                self.publish();
                if set_response_headers(&answer).is_some() { Action::Continue } else { self.fail() }
            }
            ResponseStep::Hold => {
                self.phase = Phase::Response(status, headers);
                Action::Pause
            }
        }
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let held = matches!(self.phase, Phase::Response(..));
        if held && size > RESPONSE_BYTES_MAX {
            return self.refuse_response(Reason::ResponseTooLarge);
        }
        if held && !self.holds(size) {
            return self.refuse_response(Reason::TooBusy);
        }
        match self.phase {
            Phase::Response(..) if end_of_stream => self.response_ended(size),
            Phase::Response(..) => Action::Pause,
            Phase::Request | Phase::Lookups | Phase::Forwarded | Phase::Done | Phase::Replied => {
                Action::Continue
            }
        }
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        match self.phase {
            Phase::Response(..) => match host::set_headers(MapType::HttpResponseTrailers, &[]) {
                Some(()) => self.response_ended(RESPONSE_BYTES_MAX + 1),
                None => self.fail(),
            },
            Phase::Request | Phase::Lookups | Phase::Forwarded | Phase::Done | Phase::Replied => {
                Action::Continue
            }
        }
    }
}

impl Stream {
    /// Answers instead of a response that is not read.
    fn refuse_response(&mut self, reason: Reason) -> Action {
        match self.session.as_mut().map(|session| session.refuse_response(reason)) {
            Some(answer) => self.reply_late(&answer),
            None => self.fail(),
        }
    }

    /// Answers instead of a response whose request was already counted.
    fn reply_late(&mut self, answer: &Answer) -> Action {
        self.release();
        self.phase = Phase::Done;
        self.publish();
        self.phase = Phase::Replied;
        let headers: Vec<(&[u8], &[u8])> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        host::reply(answer.status, "zonegate_response", &headers, &answer.body);
        Action::Pause
    }
}

/// Makes the held response's headers those of an answer.
fn set_response_headers(answer: &Answer) -> Option<()> {
    let (status, length) = (answer.status.to_string(), answer.body.len().to_string());
    let mut headers: Vec<(&[u8], &[u8])> = vec![(b":status", status.as_bytes())];
    // A 204 has no length.
    if answer.status != 204 {
        headers.push((b"content-length", length.as_bytes()));
    }
    headers.extend(answer.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    host::set_headers(MapType::HttpResponseHeaders, &headers)
}

/// The status and body of an answered lookup.
fn lookup_answer(size: usize) -> LookupAnswer {
    let status = host::header(MapType::HttpCallResponseHeaders, ":status")?;
    let status = std::str::from_utf8(&status).ok()?.parse().ok()?;
    if size > RESPONSE_BYTES_MAX {
        return None;
    }
    Some((status, host::buffer(BufferType::HttpCallResponseBody, size)?))
}

/// The time, as the engine wants it.
fn time() -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(host::now()?)).ok()
}

/// The address in `192.0.2.1:443` or `[2001:db8::1]:443`.
fn client_address(text: &str) -> Option<IpAddr> {
    text.parse::<SocketAddr>().map(|socket| socket.ip()).or_else(|_| text.parse()).ok()
}
