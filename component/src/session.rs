//! One request: the engine's session, and what it waits for.
//!
//! The engine answers a call at the wrong time with a denial, because in a proxy only a bug makes
//! one. A host of a component is a program that somebody writes, so here it is a typed error that
//! changes nothing.

use std::cell::RefCell;
use std::rc::Rc;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::decision::Reason;
use zonegate_engine::session;
use zonegate_engine::session::{Grant, ResponseStep, Session};

use crate::bindings::exports::zonegate::policy::gate::{
    Answer, Awaits, Explanation, Filtered, Forward, GuestSession, Header, Instant, Misuse, Request,
    Response, Step,
};
use crate::{convert, explain};

/// A session.
#[derive(Debug)]
pub struct Walk {
    /// What changes on the way; calls never overlap.
    state: RefCell<State>,
}

/// A session with what the engine does not keep for it.
#[derive(Debug)]
struct State {
    /// The bundle it began with, whose digest stands in the record.
    bundle: Rc<Bundle>,
    /// The engine's part.
    session: Session,
    /// What it waits for.
    awaits: Awaits,
    /// The request's headers; those that a grant passes go on.
    headers: Vec<Header>,
    /// How many lookups are to be answered.
    lookups: usize,
}

impl Walk {
    /// Begins with a request's headers.
    pub(crate) fn begin(
        bundle: &Rc<Bundle>,
        request: Request,
        now: Instant,
    ) -> Result<(Walk, Step), Misuse> {
        let now = convert::time(now)?;
        let body_follows = request.body_follows;
        let facts = convert::facts(request)?;
        let (session, step) = Session::begin(Rc::clone(bundle), &facts, body_follows, now);
        let mut state = State {
            bundle: Rc::clone(bundle),
            session,
            awaits: Awaits::Nothing,
            headers: facts.headers,
            lookups: 0,
        };
        let step = state.carry(step);
        Ok((Walk { state: RefCell::new(state) }, step))
    }

    /// Does something with the state, if this is what it waits for.
    fn when<T>(
        &self,
        wanted: Awaits,
        act: impl FnOnce(&mut State) -> Result<T, Misuse>,
    ) -> Result<T, Misuse> {
        let mut state = self.state.borrow_mut();
        if state.awaits == wanted { act(&mut state) } else { Err(Misuse::OutOfOrder(state.awaits)) }
    }
}

impl State {
    /// A step as the interface has it; notes what is awaited next.
    fn carry(&mut self, step: session::Step) -> Step {
        let (awaits, step) = match step {
            session::Step::Body => (Awaits::Body, Step::NeedBody),
            session::Step::Lookups(lookups) => {
                self.lookups = lookups.len();
                (Awaits::Answers, Step::NeedLookups(convert::lookups(&lookups)))
            }
            session::Step::Reply(answer) => {
                (Awaits::Nothing, convert::reply(self.session.audit(), answer))
            }
            session::Step::Forward(grant) => (Awaits::Response, Step::Allow(self.forward(&grant))),
        };
        self.awaits = awaits;
        step
    }

    /// What goes on.
    fn forward(&mut self, grant: &Grant) -> Forward {
        let passes = |name: &[u8]| std::str::from_utf8(name).is_ok_and(|name| grant.passes(name));
        let mut headers = std::mem::take(&mut self.headers);
        headers.retain(|(name, _)| passes(name));
        if let (Some(content_type), true) = (grant.content_type(), grant.body().is_some()) {
            headers.push((b"content-type".to_vec(), content_type.as_bytes().to_vec()));
        }
        Forward {
            method: grant.method().as_str().to_owned(),
            path: grant.path().to_owned(),
            headers,
            body: grant.body().map(<[u8]>::to_vec),
        }
    }

    /// What the client gets.
    fn filtered(&mut self, answer: session::Answer) -> Filtered {
        self.awaits = Awaits::Nothing;
        let audit = self.session.audit();
        Filtered {
            response: convert::response(answer),
            replaced: audit.response_reason.map(str::to_owned),
            left_out: u32::try_from(audit.left_out).unwrap_or(u32::MAX),
        }
    }
}

impl GuestSession for Walk {
    fn body(&self, body: Vec<u8>, now: Instant) -> Result<Step, Misuse> {
        self.when(Awaits::Body, |state| {
            let now = convert::time(now)?;
            let step = state.session.body(&body, now);
            Ok(state.carry(step))
        })
    }

    fn body_too_large(&self) -> Result<Step, Misuse> {
        self.when(Awaits::Body, |state| {
            let step = state.session.refuse_body();
            Ok(state.carry(step))
        })
    }

    fn answers(&self, answers: Vec<Answer>, now: Instant) -> Result<Step, Misuse> {
        self.when(Awaits::Answers, |state| {
            let now = convert::time(now)?;
            let answers = convert::answers(answers, state.lookups)?;
            let step = state.session.answers(&answers, now);
            Ok(state.carry(step))
        })
    }

    fn response(&self, response: Response) -> Result<Filtered, Misuse> {
        self.when(Awaits::Response, |state| {
            let Response { status, headers, body } = response;
            let status_text = status.to_string().into_bytes();
            let mut headers: Vec<Header> = headers.into_iter().map(convert::lower).collect();
            headers.insert(0, (b":status".to_vec(), status_text));
            let answer = match state.session.response_headers(&headers) {
                ResponseStep::Replace(answer) => answer,
                // A response that is not the session's to judge is not the client's to see.
                ResponseStep::Leave => state.session.refuse_response(Reason::Internal),
                ResponseStep::Hold => state.session.response_with(status, &headers, &body),
            };
            Ok(state.filtered(answer))
        })
    }

    fn response_too_large(&self) -> Result<Filtered, Misuse> {
        self.when(Awaits::Response, |state| {
            let answer = state.session.refuse_response(Reason::ResponseTooLarge);
            Ok(state.filtered(answer))
        })
    }

    fn awaits(&self) -> Awaits {
        self.state.borrow().awaits
    }

    fn audit(&self) -> String {
        let state = self.state.borrow();
        state.session.audit().to_json(&state.bundle.digest)
    }

    fn explain(&self) -> Vec<Explanation> {
        let explained = self.state.borrow().session.explain();
        explained.into_iter().map(explain::explanation).collect()
    }
}
