//! A whole exchange: a request goes in, and out comes what upstream and client saw.
//!
//! This is the level that most tests want. A request is delivered in one of several ways that
//! must make no difference to the outcome; callouts are answered by a closure, at once, late, or
//! never; a request that is forwarded whole is answered by another closure; and an exchange that
//! nobody would ever end is `hung`.

use crate::abi::Direction;
use crate::callouts::{Callout, CalloutResponse};
use crate::fault::{Fault, Trap};
use crate::host::Host;
use crate::maps::Headers;
use crate::stream::{Forwarded, Response, Stream};
use std::collections::{BTreeMap, BTreeSet};

/// How the parts of a message arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Headers, then the body in one part with the end mark; no body: headers with the end mark.
    #[default]
    Whole,
    /// One byte at a time, the last one with the end mark.
    ByteByByte,
    /// Parts of so many bytes, the last one with the end mark.
    Split(usize),
    /// The body in one part, then trailers: no body callback has the end mark.
    Trailers,
    /// The body in parts of so many bytes, then trailers.
    SplitTrailers(usize),
    /// The body in one part without the end mark, then an empty part with it.
    HeadersThenEmptyEnd,
}

/// One step of a delivery.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    /// Headers, and whether the message ends with them.
    Headers(bool),
    /// A part of the body, and whether the message ends with it.
    Part(&'a [u8], bool),
    /// Trailers.
    Trailers,
}

impl Delivery {
    /// The steps in which a body arrives.
    fn steps(self, body: &[u8]) -> Vec<Step<'_>> {
        let (bytes, trailers, empty_end) = match self {
            Self::Whole => (body.len(), false, false),
            Self::ByteByByte => (1, false, false),
            Self::Split(bytes) => (bytes, false, false),
            Self::Trailers => (body.len(), true, false),
            Self::SplitTrailers(bytes) => (bytes, true, false),
            Self::HeadersThenEmptyEnd => (body.len(), false, true),
        };
        let parts: Vec<&[u8]> = body.chunks(bytes.max(1)).collect();
        let more = trailers || empty_end;
        let mut steps = vec![Step::Headers(parts.is_empty() && !more)];
        let last = parts.len().saturating_sub(1);
        steps.extend(
            parts.into_iter().enumerate().map(|(at, part)| Step::Part(part, at == last && !more)),
        );
        if trailers {
            steps.push(Step::Trailers);
        } else if empty_end {
            steps.push(Step::Part(&[], true));
        }
        steps
    }
}

/// A request as a client sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Headers, pseudo-headers among them.
    pub headers: Headers,
    /// Body.
    pub body: Vec<u8>,
    /// Trailers, for deliveries with trailers.
    pub trailers: Headers,
    /// How it arrives.
    pub delivery: Delivery,
    /// Properties of this request's stream: path and value.
    pub properties: Vec<(Vec<String>, Vec<u8>)>,
}

impl Request {
    /// A request without a body to `localhost` over `http`.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            headers: Headers::from([
                (":method", method),
                (":path", path),
                (":authority", "localhost"),
                (":scheme", "http"),
            ]),
            body: Vec::new(),
            trailers: Headers::from([("x-trailer", "1")]),
            delivery: Delivery::Whole,
            properties: Vec::new(),
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The same with a body and its `content-length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.headers.set("content-length", self.body.len().to_string());
        self
    }

    /// The same, delivered in another way.
    #[must_use]
    pub const fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// The same with a property of its stream.
    #[must_use]
    pub fn property(mut self, path: &[&str], value: impl Into<Vec<u8>>) -> Self {
        self.properties.push((path.iter().map(|part| (*part).to_owned()).collect(), value.into()));
        self
    }
}

/// How a callout is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Before anything else arrives.
    Now(CalloutResponse),
    /// After the whole message has arrived.
    Late(CalloutResponse),
    /// Cut off, before anything else arrives.
    Failed,
    /// By the proxy, when the callout's timeout is over; without a timeout not at all.
    Never,
}

/// What the upstream answers to a forwarded request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Headers, with `:status`.
    pub headers: Headers,
    /// Body.
    pub body: Vec<u8>,
    /// Trailers, for deliveries with trailers.
    pub trailers: Headers,
    /// How it arrives.
    pub delivery: Delivery,
}

impl Upstream {
    /// A response with a status, a body and its `content-length`.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            headers: Headers::from([
                (":status", status.to_string()),
                ("content-length", body.len().to_string()),
            ]),
            body,
            trailers: Headers::from([("x-trailer", "1")]),
            delivery: Delivery::Whole,
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The same, delivered in another way.
    #[must_use]
    pub const fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }
}

/// What came of an exchange.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the upstream got; nothing if not even headers went out.
    pub forwarded: Option<Forwarded>,
    /// What the client got; nothing if not even headers went out.
    pub response: Option<Response>,
    /// Filter state by full name, after the guest's log callback.
    pub filter_state: BTreeMap<String, Vec<u8>>,
    /// Whether the client would wait for ever.
    pub hung: bool,
    /// Whether the client saw a broken connection.
    pub reset: bool,
    /// How the VM ended, if it did, in this exchange or before.
    pub trapped: Option<Trap>,
    /// Every callout, in order.
    pub callouts: Vec<Callout>,
    /// What the guest must not have done in this exchange.
    pub faults: Vec<Fault>,
    /// Instructions that each callback took, in order.
    pub fuel: Vec<(&'static str, u64)>,
}

impl Outcome {
    /// The status that the client got; zero if none.
    pub fn status(&self) -> u16 {
        self.response.as_ref().map_or(0, |response| response.status)
    }

    /// A filter state as text.
    pub fn state(&self, name: &str) -> Option<String> {
        Some(String::from_utf8_lossy(self.filter_state.get(name)?).into_owned())
    }

    /// Instructions of all callbacks together: a cost that is the same on every machine.
    pub fn cost(&self) -> u64 {
        self.fuel.iter().map(|(_, fuel)| fuel).sum()
    }

    /// Everything that no exchange may do, in words; empty: a sound exchange.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.faults.iter().map(|f| format!("{f:?}")).collect();
        if self.hung {
            problems.push("the exchange hangs".into());
        }
        if self.reset {
            problems.push("the stream was reset".into());
        }
        problems.extend(self.trapped.as_ref().map(ToString::to_string));
        problems
    }
}

/// Callouts of an exchange and how they are answered.
struct Answers<F> {
    /// The test's answers.
    answer: F,
    /// Callouts that were seen.
    seen: Vec<Callout>,
    /// Answers that wait for the end of the message.
    late: Vec<(u32, CalloutResponse)>,
    /// Callouts that nobody answers.
    never: Vec<Callout>,
    /// Tokens that were seen.
    tokens: BTreeSet<u32>,
}

impl<F: FnMut(&Callout) -> Answer> Answers<F> {
    /// Answers what is to be answered at once, until nothing new comes.
    fn settle(&mut self, stream: &Stream) {
        loop {
            let new: Vec<Callout> =
                stream.callouts().into_iter().filter(|c| !self.tokens.contains(&c.token)).collect();
            if new.is_empty() {
                return;
            }
            for callout in new {
                self.tokens.insert(callout.token);
                self.seen.push(callout.clone());
                match (self.answer)(&callout) {
                    Answer::Now(response) => _ = stream.answer_callout(callout.token, response),
                    Answer::Late(response) => self.late.push((callout.token, response)),
                    Answer::Failed => _ = stream.fail_callout(callout.token),
                    Answer::Never => self.never.push(callout),
                }
            }
        }
    }

    /// Answers what was to wait, then lets timeouts run out, until nothing is left to do.
    fn finish(&mut self, host: &Host, stream: &Stream) {
        loop {
            self.settle(stream);
            if let Some((token, response)) = self.late.pop() {
                stream.answer_callout(token, response);
            } else if let Some(callout) = self.never.pop() {
                if let Some(timeout) = callout.timeout {
                    host.advance(timeout);
                    stream.answer_callout(callout.token, CalloutResponse::timed_out());
                }
            } else {
                return;
            }
        }
    }
}

/// Delivers a request, doing something after each step.
fn send(stream: &Stream, request: &Request, mut then: impl FnMut()) {
    for step in request.delivery.steps(&request.body) {
        match step {
            Step::Headers(end) => stream.request_headers(&request.headers, end),
            Step::Part(part, end) => stream.request_body(part, end),
            Step::Trailers => stream.request_trailers(&request.trailers),
        }
        then();
    }
}

/// Delivers a response, doing something after each step.
fn respond(stream: &Stream, response: &Upstream, mut then: impl FnMut()) {
    for step in response.delivery.steps(&response.body) {
        match step {
            Step::Headers(end) => stream.response_headers(&response.headers, end),
            Step::Part(part, end) => stream.response_body(part, end),
            Step::Trailers => stream.response_trailers(&response.trailers),
        }
        then();
    }
}

impl Host {
    /// Runs a request to its end.
    ///
    /// `answer` answers callouts; `upstream` answers the request, if it is forwarded whole, with
    /// an [`Upstream`] or with `None`: then the exchange ends there, as if the client went away.
    pub fn exchange<U: Into<Option<Upstream>>>(
        &self,
        request: &Request,
        answer: impl FnMut(&Callout) -> Answer,
        mut upstream: impl FnMut(&Forwarded) -> U,
    ) -> Outcome {
        let faults_before = self.faults().len();
        let stream = self.stream();
        stream.properties(|properties| {
            for (path, value) in &request.properties {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                properties.set(&path, value.clone());
            }
        });
        let mut answers = Answers {
            answer,
            seen: Vec::new(),
            late: Vec::new(),
            never: Vec::new(),
            tokens: BTreeSet::new(),
        };
        send(&stream, request, || answers.settle(&stream));
        answers.finish(self, &stream);
        let mut left = false;
        if let Some(forwarded) = stream.forwarded().filter(|f| f.complete && !stream.is_over()) {
            match upstream(&forwarded).into() {
                Some(response) => {
                    respond(&stream, &response, || answers.settle(&stream));
                    answers.finish(self, &stream);
                }
                None => left = true,
            }
        }
        self.check_lengths(request, &stream);
        let hung = !stream.is_over() && !left;
        stream.close();
        Outcome {
            forwarded: stream.forwarded(),
            response: stream.response(),
            filter_state: stream.filter_state(),
            hung,
            reset: stream.is_reset(),
            trapped: self.trap(),
            callouts: answers.seen,
            faults: self.faults().split_off(faults_before),
            fuel: stream.fuel(),
        }
    }

    /// Notes messages whose `content-length` is not the length of their body.
    fn check_lengths(&self, request: &Request, stream: &Stream) {
        let check = |direction, headers: &Headers, body: &[u8]| {
            if let Some(declared) = headers.text("content-length")
                && declared != body.len().to_string()
            {
                self.fault(Fault::ContentLength { direction, declared, actual: body.len() });
            }
        };
        if let Some(forwarded) = stream.forwarded().filter(|forwarded| forwarded.complete) {
            check(Direction::Request, &forwarded.headers, &forwarded.body);
        }
        let bodiless = |status: u16| matches!(status, 204 | 304);
        if request.headers.get(":method") != Some(b"HEAD")
            && let Some(response) = stream.response().filter(|r| r.complete && !bodiless(r.status))
        {
            check(Direction::Response, &response.headers, &response.body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_are_the_same_body_in_other_parts() {
        use Step::{Headers, Part, Trailers};
        assert_eq!(Delivery::Whole.steps(b""), [Headers(true)]);
        assert_eq!(Delivery::Whole.steps(b"ab"), [Headers(false), Part(b"ab", true)]);
        assert_eq!(
            Delivery::ByteByByte.steps(b"ab"),
            [Headers(false), Part(b"a", false), Part(b"b", true)]
        );
        assert_eq!(Delivery::Trailers.steps(b""), [Headers(false), Trailers]);
        assert_eq!(
            Delivery::SplitTrailers(1).steps(b"ab"),
            [Headers(false), Part(b"a", false), Part(b"b", false), Trailers]
        );
        assert_eq!(
            Delivery::HeadersThenEmptyEnd.steps(b"ab"),
            [Headers(false), Part(b"ab", false), Part(b"", true)]
        );
    }
}
