//! Zonegate as a `wasi:http` gate: a component that a host such as `wasmtime serve` runs, in front
//! of one provider.
//!
//! Requests come in by `wasi:http/incoming-handler`, and what a session allows goes on by
//! `wasi:http/outgoing-handler`. The engine decides; this crate only carries, as the filter does
//! in Envoy. What it shares with the gate of WASI 0.3 is `component/carry`: the settings, which are
//! environment variables, and the walk of a session.
//!
//! # What is different from Envoy
//! The gate itself adds the real credential, so it knows it. And `wasi:http` does not tell the
//! client's address: the settings say where it stands, and without them every request is refused.
#![cfg(target_family = "wasm")]

mod message;

use std::rc::Rc;

use wasip2::clocks::wall_clock;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam, Scheme};
use wasip2::random::random;
use zonegate_carry::{
    Answer, Arrived, BODY_BYTES_MAX, Behind, Exchange, Got, LookupAnswer, Sent, Settings,
    Timestamp, Want, broken, unconfigured,
};

wasip2::http::proxy::export!(Gate);

/// The component.
#[derive(Debug)]
pub struct Gate;

impl Guest for Gate {
    /// One request, from its headers to its answer.
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let answer = match Settings::of_instance(Behind::Provider) {
            Ok(settings) => carry(&settings, &request).unwrap_or_else(broken),
            Err(problem) => {
                eprintln!("zonegate: {problem}");
                unconfigured()
            }
        };
        message::answer(out, &answer);
    }
}

/// Now.
fn now() -> Option<Timestamp> {
    let time = wall_clock::now();
    let nanoseconds = i32::try_from(time.nanoseconds).ok()?;
    Timestamp::new(i64::try_from(time.seconds).ok()?, nanoseconds).ok()
}

/// The head of a request.
fn arrived(request: &IncomingRequest) -> Arrived {
    Arrived {
        method: message::method_text(request.method()),
        authority: request.authority().unwrap_or_default(),
        path: request.path_with_query().unwrap_or_default(),
        tls: matches!(request.scheme(), Some(Scheme::Https)),
        headers: message::headers(&request.headers()),
        id: random::get_random_u64(),
    }
}

/// Walks a request to its answer; none where the client broke off.
fn carry(settings: &Rc<Settings>, request: &IncomingRequest) -> Option<Answer> {
    let (mut exchange, mut want) = Exchange::begin(Rc::clone(settings), arrived(request), now()?);
    loop {
        want = match want {
            Want::Body => {
                let body = message::whole(&request.consume().ok()?, BODY_BYTES_MAX).ok()?;
                exchange.body(body.as_deref(), now()?)
            }
            Want::Lookups(lookups) => exchange.answers(&ask(settings, &lookups), now()?),
            Want::Forward(sent) => {
                let got = message::send(settings, &sent).as_ref().and_then(message::receive);
                return Some(exchange.response(got));
            }
            Want::Answer(answer) => return Some(answer),
        };
    }
}

/// Sends all lookups, then waits for their answers.
fn ask(settings: &Settings, lookups: &[Sent]) -> Vec<LookupAnswer> {
    let sent: Vec<_> = lookups.iter().map(|lookup| message::send(settings, lookup)).collect();
    let receive = |future: &Option<_>| {
        let Got { status, body, .. } = message::receive(future.as_ref()?)?;
        Some((status, body?))
    };
    sent.iter().map(receive).collect()
}
