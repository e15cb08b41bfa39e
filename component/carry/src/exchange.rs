//! One request, from its head to its answer: a session, and what a gate has to do for it.

use std::rc::Rc;

use jiff::Timestamp;
use zonegate_engine::decision::Reason;
use zonegate_engine::session::{Answer, LookupAnswer, ResponseStep, Session, Step};

use crate::message::{Arrived, Got, Header, Sent, no_answer};
use crate::settings::Settings;

/// What a gate does next.
#[derive(Debug)]
pub enum Want {
    /// Read the request's body to its end, then [`Exchange::body`].
    Body,
    /// Send all of these, then [`Exchange::answers`].
    Lookups(Vec<Sent>),
    /// Send exactly this, then [`Exchange::response`].
    Forward(Sent),
    /// Answer the client; the request is over.
    Answer(Answer),
}

/// One request. Its audit record is written when it is dropped, if it was decided by then: also
/// where nobody waits for the answer.
pub struct Exchange {
    /// The settings that it began with.
    settings: Rc<Settings>,
    /// The client's headers, of which a grant lets some go on.
    headers: Vec<Header>,
    /// The session.
    session: Session,
    /// Whether it was decided; one that broke off before is on no record.
    decided: bool,
}

impl std::fmt::Debug for Exchange {
    /// Without the settings, which have the credential, and the headers, which have the key.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Exchange").finish_non_exhaustive()
    }
}

impl Exchange {
    /// Begins with a request's head.
    pub fn begin(settings: Rc<Settings>, request: Arrived, now: Timestamp) -> (Exchange, Want) {
        let facts = request.facts(&settings);
        // Whether a body follows is not told: its end is waited for in any case.
        let (session, step) = Session::begin(Rc::clone(&settings.bundle), &facts, true, now);
        let decided = false;
        let mut exchange = Exchange { settings, headers: facts.headers, session, decided };
        let want = exchange.want(step);
        (exchange, want)
    }

    /// Goes on with the whole body; none where it is over [`crate::BODY_BYTES_MAX`].
    pub fn body(&mut self, body: Option<&[u8]>, now: Timestamp) -> Want {
        let step = match body {
            Some(body) => self.session.body(body, now),
            None => self.session.refuse_body(),
        };
        self.want(step)
    }

    /// Goes on with what came of each lookup, in their order.
    pub fn answers(&mut self, answers: &[LookupAnswer], now: Timestamp) -> Want {
        let step = self.session.answers(answers, now);
        self.want(step)
    }

    /// Judges what came of [`Want::Forward`]; what the client gets.
    pub fn response(&mut self, got: Option<Got>) -> Answer {
        let Some(Got { status, mut headers, body }) = got else { return no_answer() };
        for (name, _) in &mut headers {
            name.make_ascii_lowercase();
        }
        headers.insert(0, (b":status".to_vec(), status.to_string().into_bytes()));
        let Some(body) = body else {
            return self.session.refuse_response(Reason::ResponseTooLarge);
        };
        match self.session.response_headers(&headers) {
            ResponseStep::Replace(answer) => answer,
            // A response that is not the session's to judge is not the client's to see.
            ResponseStep::Leave => self.session.refuse_response(Reason::Internal),
            ResponseStep::Hold => self.session.response_with(status, &headers, &body),
        }
    }

    /// A step of the session, in a gate's terms.
    fn want(&mut self, step: Step) -> Want {
        self.decided = matches!(step, Step::Reply(_) | Step::Forward(_));
        match step {
            Step::Body => Want::Body,
            Step::Lookups(lookups) => {
                let sent = lookups.iter().map(|lookup| Sent::lookup(&self.settings, lookup));
                Want::Lookups(sent.collect())
            }
            Step::Reply(answer) => Want::Answer(answer),
            // SECURITY: the only place that lets a request go on.
            Step::Forward(grant) => {
                Want::Forward(Sent::granted(&self.settings, &grant, &self.headers))
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.decided {
            eprintln!("{}", self.session.audit().to_json(&self.settings.bundle.digest));
        }
    }
}
