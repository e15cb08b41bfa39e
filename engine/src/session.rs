//! One request's walk to its decision, without I/O.
//!
//! A proxy feeds a [`Session`] what arrives and does what the returned [`Step`] says: wait for the
//! body, ask the provider, answer, or forward. Nothing of a request may reach the provider before
//! [`Step::Forward`], which carries a [`Grant`]; only this module can make one.
//!
//! The order: headers are canonical or refused; the key is found; the route is found; the body is
//! read to its end; operations are decided; what a policy needs to know of the provider is looked
//! up, and operations are decided again with it. Time is an argument, read at the decision.
//! Then the response: held, cut down to what the key may read, or replaced.
//!
//! There is no `?` on an error between a request and its answer: what is not understood is a
//! [`Reason`].

#[cfg(feature = "explain")]
mod ask;
mod audit;
mod decide;
mod enter;
#[cfg(feature = "explain")]
mod explain;
mod gate;
mod headers;
mod in_body;
mod resolve;
mod response;
mod room;

use std::net::IpAddr;
use std::rc::Rc;

use jiff::Timestamp;

#[cfg(feature = "explain")]
pub use self::ask::Question;
pub use self::audit::Audit;
#[cfg(feature = "explain")]
pub use self::explain::Explanation;
pub use self::gate::WHOAMI_ROUTE;
#[cfg(feature = "author")]
pub use self::headers::takes_credentials;
pub use self::response::{Answer, ResponseStep};
pub use self::room::{Room, Share};

use self::enter::{Entered, Keyless};
use crate::bundle::Bundle;
use crate::decision::Reason;
use crate::json::JsonLimits;
use crate::key::Key;
use crate::operation::Operation;
use crate::policy::{AccountId, Asking};
use crate::provider::{Found, Knowledge, Lookup, Plan, Refusal};
use crate::request::{Method, Target};

/// Bytes of all header names and values; real clients send less than two thousand.
pub const HEADER_BYTES_MAX: usize = 64 << 10;
/// Bytes of a request body: what PowerDNS itself accepts.
pub const BODY_BYTES_MAX: usize = 2 << 20;
/// Operations of one request: a worker must not stall on one PATCH.
pub const OPERATIONS_MAX: usize = 5_000;
/// Lookups of one request: they are charged to everybody's rate limit at the provider.
pub const LOOKUPS_MAX: usize = 256;
/// The limits of a body's JSON: no real one nests deeper than five.
const JSON_LIMITS: JsonLimits = JsonLimits { depth_max: 16, nodes_max: 200_000, fold_keys: false };
/// Bytes of a response that is held to be filtered.
pub const RESPONSE_BYTES_MAX: usize = 16 << 20;
/// Bytes that a worker holds of all requests, responses and answers to lookups together: room for
/// eight of the largest responses, or for tens of thousands of what clients usually send.
pub const HELD_BYTES_MAX: usize = 128 << 20;

/// What a proxy knows of a request when its headers have arrived.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The header map with the pseudo-headers, in order, as bytes.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The provider, from the route's metadata.
    pub provider: Option<String>,
    /// The account at the provider, from the route's metadata.
    pub account: Option<String>,
    /// The client's address that the proxy trusts.
    pub client: Option<IpAddr>,
    /// Whether the client's connection is encrypted.
    pub tls: bool,
}

/// What the proxy does next.
#[derive(Debug)]
pub enum Step {
    /// Hold the headers, buffer the body, and call [`Session::body`] at its end.
    Body,
    /// Send all of these, and call [`Session::answers`] with what came back.
    Lookups(Vec<Lookup>),
    /// Answer the client; the request is over.
    Reply(Answer),
    /// Let the request go on, as the grant says.
    Forward(Grant),
}

/// The proof that a request was allowed, and exactly what may go on.
///
/// INVARIANT: only `Session::decide` makes one, after every operation of a non-empty list was
/// allowed.
#[derive(Debug)]
pub struct Grant {
    /// The request line, headers and body that go on.
    forward: crate::provider::Forward,
}

impl Grant {
    /// The method that goes on.
    pub fn method(&self) -> Method {
        self.forward.method
    }

    /// The path and query that go on.
    pub fn path(&self) -> &str {
        &self.forward.path_and_query
    }

    /// Whether a client's header of this lower-case name goes on.
    pub fn passes(&self, name: &str) -> bool {
        self.forward.headers_pass.iter().any(|pass| pass == name)
    }

    /// The content type that goes on, where there is a body.
    pub fn content_type(&self) -> Option<&str> {
        self.forward.content_type.as_deref()
    }

    /// The body that goes on; `None` where none does.
    pub fn body(&self) -> Option<&[u8]> {
        self.forward.body.as_deref()
    }
}

/// An answer of the provider to a lookup: status and body, or `None` for no answer.
pub type LookupAnswer = Option<(u16, Vec<u8>)>;

/// One request.
#[derive(Debug)]
pub struct Session {
    /// The bundle that the request began with; it is decided by this one to its end.
    bundle: Rc<Bundle>,
    /// What the audit log says.
    audit: Audit,
    /// Where the walk is.
    state: State,
    /// When it was decided, or began.
    now: Timestamp,
    /// What the request means as far as it is known, for tools.
    #[cfg(feature = "author")]
    meant: Vec<Operation>,
    /// The operation that was denied, with what it was asked with.
    #[cfg(feature = "explain")]
    denied: Option<(Asking, Operation)>,
}

/// What is known of a request whose key and route are known.
#[derive(Debug)]
struct Known {
    /// The account.
    account: AccountId,
    /// The key.
    key: Rc<Key>,
    /// The method.
    method: Method,
    /// The target.
    target: Target,
    /// The client's address.
    client: IpAddr,
    /// Whether the connection is encrypted.
    tls: bool,
    /// Its route, once that is found.
    found: Option<Found>,
    /// The scheme and authority under which the client reached the gate.
    gate: String,
}

/// What answers to lookups are for.
#[derive(Debug)]
enum Waiting {
    /// To read the request further: its body, and what is known.
    Read(Vec<u8>, Knowledge),
    /// To decide it.
    Decide(Box<Plan>),
}

/// Where the walk is.
#[derive(Debug)]
enum State {
    /// Waiting for the end of a body that holds the key.
    Keyless(Box<Facts>, Keyless),
    /// Waiting for the end of the body.
    Body(Known),
    /// Waiting for answers to lookups.
    Lookups(Box<Known>, Waiting, Vec<Lookup>),
    /// Forwarded: the response is to be judged.
    Response(Box<Known>, Plan, Asking),
    /// Answered, or failed: nothing more happens.
    Over,
}

impl Session {
    /// Begins with the headers; `now` only judges whether the key is valid at all.
    ///
    /// `body_follows` says whether anything comes after the headers.
    pub fn begin(
        bundle: Rc<Bundle>,
        facts: &Facts,
        body_follows: bool,
        now: Timestamp,
    ) -> (Session, Step) {
        let audit = Audit::new(facts);
        let mut session = Session {
            bundle,
            audit,
            state: State::Over,
            now,
            #[cfg(feature = "author")]
            meant: Vec::new(),
            #[cfg(feature = "explain")]
            denied: None,
        };
        let entered = session.enter(facts, now);
        let step = session.entered(entered, facts, body_follows, now);
        (session, step)
    }

    /// Goes on from how a request went in.
    fn entered(
        &mut self,
        entered: Result<Entered, Reason>,
        facts: &Facts,
        body_follows: bool,
        now: Timestamp,
    ) -> Step {
        let state = match entered {
            Ok(Entered::Known(known)) => State::Body(known),
            Ok(Entered::Keyless(where_it_is)) => {
                State::Keyless(Box::new(facts.clone()), where_it_is)
            }
            Ok(Entered::Answer(answer)) => return self.reply(answer),
            Ok(Entered::Refused(known, refusal)) => return self.refuse(&known, &refusal),
            Err(reason) => return self.deny(facts.provider.as_deref(), reason, Vec::new()),
        };
        self.state = state;
        // Even a body that the route does not read is awaited, so that it can be dropped.
        if body_follows { Step::Body } else { self.body(&[], now) }
    }

    /// The whole body has arrived.
    pub fn body(&mut self, body: &[u8], now: Timestamp) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Body(known) if body.len() > BODY_BYTES_MAX => {
                self.deny_known(&known, Reason::BodyTooLarge)
            }
            State::Keyless(facts, _) if body.len() > BODY_BYTES_MAX => {
                self.deny(facts.provider.as_deref(), Reason::BodyTooLarge, Vec::new())
            }
            State::Body(known) => self.read(known, body.to_vec(), Knowledge::default(), now),
            State::Keyless(facts, where_it_is) => {
                self.body_with_key(&facts, where_it_is, body, now)
            }
            State::Lookups(..) | State::Response(..) | State::Over => self.bug(),
        }
    }

    /// Whether the whole body is over the cap already, by what has arrived of it.
    pub fn body_is_too_large(&self, bytes: usize) -> bool {
        bytes > BODY_BYTES_MAX
    }

    /// Ends a request whose body grew over the cap.
    pub fn refuse_body(&mut self) -> Step {
        self.refuse_waiting(Reason::BodyTooLarge)
    }

    /// Ends a request that waits for something, because there is no [`Room`] left for more of it.
    pub fn refuse_busy(&mut self) -> Step {
        self.refuse_waiting(Reason::TooBusy)
    }

    /// Ends a request that waits for its body or for lookups.
    fn refuse_waiting(&mut self, reason: Reason) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Body(known) => self.deny_known(&known, reason),
            State::Lookups(known, ..) => self.deny_known(&known, reason),
            State::Keyless(facts, _) => self.deny(facts.provider.as_deref(), reason, Vec::new()),
            State::Response(..) | State::Over => self.bug(),
        }
    }

    /// Notes how long a step took: from `since`, which the caller read before it, to `until`.
    pub fn took(&mut self, since: Timestamp, until: Timestamp) {
        let spent = until.as_microsecond().saturating_sub(since.as_microsecond());
        self.audit.decision_us =
            self.audit.decision_us.saturating_add(u64::try_from(spent).unwrap_or_default());
    }

    /// What the audit log says of this request so far.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// All that the request means, as far as it is known, where [`Audit`] has the first of it.
    #[cfg(feature = "author")]
    pub fn meant(&self) -> &[Operation] {
        &self.meant
    }

    /// Keeps for tools what the request means.
    #[cfg(feature = "author")]
    fn keep_meaning(&mut self, plan: &Plan) {
        self.meant.clone_from(&plan.operations);
    }

    /// A filter has nobody to tell it to.
    #[cfg(not(feature = "author"))]
    #[expect(clippy::unused_self, reason = "the other form needs it")]
    fn keep_meaning(&self, _: &Plan) {}

    /// Denies because of one operation.
    fn deny_operations(
        &mut self,
        known: &Known,
        plan: &Plan,
        operation: &Operation,
        reason: Reason,
        by: Vec<String>,
        now: Timestamp,
    ) -> Step {
        self.keep_meaning(plan);
        self.audit.take_operations(&plan.operations);
        self.audit.deny_operation(operation);
        #[cfg(feature = "explain")]
        self.keep_denied(known, plan, operation, now);
        let reason = self.hidden(known, plan, operation, now).unwrap_or(reason);
        self.deny(Some(&known.account.provider), reason, by)
    }

    /// Denies a request whose account is known.
    fn deny_known(&mut self, known: &Known, reason: Reason) -> Step {
        self.deny(Some(&known.account.provider), reason, Vec::new())
    }

    /// Denies what was not understood, and says what it was.
    fn refuse(&mut self, known: &Known, refusal: &Refusal) -> Step {
        self.state = State::Over;
        self.audit.deny(refusal.reason, Vec::new());
        self.audit.detail = Some(refusal.detail.clone());
        let provider = self.bundle.provider(&known.account.provider);
        let detail = Some(refusal.detail.as_str());
        Step::Reply(response::denial(provider, refusal.reason, detail, &self.audit.request_id))
    }

    /// Denies, in the provider's own error shape where there is a provider.
    fn deny(&mut self, provider: Option<&str>, reason: Reason, by: Vec<String>) -> Step {
        self.state = State::Over;
        self.audit.deny(reason, by);
        let provider = provider.and_then(|name| self.bundle.provider(name));
        let answer = response::denial(provider, reason, None, &self.audit.request_id);
        Step::Reply(answer)
    }

    /// Answers from the gate itself.
    fn reply(&mut self, answer: Answer) -> Step {
        self.state = State::Over;
        Step::Reply(answer)
    }

    /// A state that cannot be: a bug denies.
    fn bug(&mut self) -> Step {
        self.deny(None, Reason::Internal, Vec::new())
    }
}
