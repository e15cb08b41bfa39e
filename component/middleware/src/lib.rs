//! Zonegate as a `wasi:http` middleware, of WASI 0.3: a component in front of a handler.
//!
//! Requests come in by the `wasi:http/handler` that it exports, and what a session allows goes on
//! to the one that it imports, such as a service that speaks to the provider; this component has no
//! network of its own.
//! The engine decides, `component/carry` walks its session, and this crate only reads and writes
//! messages, whose bodies are asynchronous streams.
//!
//! Several requests are carried at once. They share an instance's settings and nothing else, and
//! what is shared stays as it is while one of them waits.
#![cfg(target_family = "wasm")]

mod bindings;
mod body;
mod export;
mod message;
mod within;

use std::rc::Rc;

use futures::future::join_all;
use zonegate_carry::{
    Answer, Arrived, BODY_BYTES_MAX, Behind, Exchange, Got, LookupAnswer, Sent, Settings,
    Timestamp, Want, broken, late, unconfigured,
};

use crate::bindings::exports::wasi::http::handler::Guest;
use crate::bindings::wasi::clocks::system_clock;
use crate::bindings::wasi::http::types::{ErrorCode, Request, Response};
use crate::bindings::wasi::random::random;
use crate::body::{Incoming, whole};
use crate::within::within;

/// How long a client may take for its body, in nanoseconds: as long as in Envoy.
const CLIENT_NS_MAX: u64 = 30_000_000_000;

/// The component.
#[derive(Debug)]
pub struct Gate;

impl Guest for Gate {
    /// One request, from its headers to its answer.
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let answer = match Settings::of_instance(Behind::Handler) {
            Ok(settings) => carry(&settings, request).await.unwrap_or_else(broken),
            Err(problem) => {
                eprintln!("zonegate: {problem}");
                unconfigured()
            }
        };
        Ok(message::answer(answer))
    }
}

/// Now.
fn now() -> Option<Timestamp> {
    let time = system_clock::now();
    Timestamp::new(time.seconds, i32::try_from(time.nanoseconds).ok()?).ok()
}

/// The head of a request.
fn arrived(request: &Request) -> Arrived {
    Arrived {
        method: message::method_text(request.get_method()),
        authority: request.get_authority().unwrap_or_default(),
        path: request.get_path_with_query().unwrap_or_default(),
        // SECURITY: no host says whether the connection is encrypted; the scheme may be the client's
        // own word, in the form `GET https://gate/` (test_a_client_does_not_say_that_it_is_encrypted).
        tls: false,
        headers: message::headers(&request.get_headers()),
        id: random::get_random_u64(),
    }
}

/// Walks a request to its answer; none where the client broke off.
async fn carry(settings: &Rc<Settings>, request: Request) -> Option<Answer> {
    let (mut exchange, mut want) = Exchange::begin(Rc::clone(settings), arrived(&request), now()?);
    let mut request = Some(request);
    loop {
        want = match want {
            Want::Body => {
                // A body is asked for once: a second time there is none to judge.
                let incoming = Incoming::of_request(request.take()?);
                match within(CLIENT_NS_MAX, whole(incoming, BODY_BYTES_MAX)).await {
                    Some(body) => exchange.body(body.ok()?.as_deref(), now()?),
                    None => return Some(late()),
                }
            }
            Want::Lookups(lookups) => {
                let answers = join_all(lookups.iter().map(|lookup| ask(settings, lookup)));
                exchange.answers(&answers.await, now()?)
            }
            Want::Forward(sent) => {
                return Some(exchange.response(message::send(settings, &sent).await));
            }
            Want::Answer(answer) => return Some(answer),
        };
    }
}

/// What comes of a lookup.
async fn ask(settings: &Settings, lookup: &Sent) -> LookupAnswer {
    let Got { status, body, .. } = message::send(settings, lookup).await?;
    Some((status, body?))
}
