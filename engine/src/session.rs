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

mod audit;
mod gate;
mod headers;
mod response;

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use jiff::Timestamp;

pub use self::audit::Audit;
pub use self::gate::WHOAMI_ROUTE;
pub use self::response::{Answer, ResponseStep};

use self::headers::Headers;
use crate::bundle::Bundle;
use crate::decision::Reason;
use crate::json::JsonLimits;
use crate::network::canonical_ip;
use crate::operation::{Action, Operation};
use crate::policy::{AccountId, Asking, Circumstances, Verdict};
use crate::provider::{Caps, Found, Lookup, Plan, Provider, Refusal};
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
}

/// What is known of a request whose key and route are known.
#[derive(Debug)]
struct Known {
    /// The account.
    account: AccountId,
    /// The key's id.
    key: String,
    /// The method.
    method: Method,
    /// The target.
    target: Target,
    /// The client's address.
    client: IpAddr,
    /// Whether the connection is encrypted.
    tls: bool,
}

/// Where the walk is.
#[derive(Debug)]
enum State {
    /// Waiting for the end of the body.
    Body(Known),
    /// Waiting for answers to lookups.
    Lookups(Box<Known>, Plan, Vec<Lookup>),
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
        let mut session = Session { bundle, audit: Audit::new(facts), state: State::Over };
        let step = match session.enter(facts, now) {
            Ok(Entered::Known(known)) => {
                session.state = State::Body(known);
                // Even a body that the route does not read is awaited, so that it can be dropped.
                if body_follows { Step::Body } else { session.body(&[], now) }
            }
            Ok(Entered::Answer(answer)) => session.reply(answer),
            Ok(Entered::Refused(known, refusal)) => session.refuse(&known, &refusal),
            Err(reason) => session.deny(facts.provider.as_deref(), reason, Vec::new()),
        };
        (session, step)
    }

    /// The whole body has arrived.
    pub fn body(&mut self, body: &[u8], now: Timestamp) -> Step {
        let State::Body(known) = std::mem::replace(&mut self.state, State::Over) else {
            return self.bug();
        };
        let bundle = Rc::clone(&self.bundle);
        let Some(provider) = bundle.provider(&known.account.provider) else { return self.bug() };
        if body.len() > BODY_BYTES_MAX {
            return self.deny_known(&known, Reason::BodyTooLarge);
        }
        let caps = Caps { operations_max: OPERATIONS_MAX, json: JSON_LIMITS };
        let matched = match provider.find(known.method, &known.target) {
            Ok(matched) => matched,
            Err(refusal) => return self.refuse(&known, &refusal),
        };
        known.target.path().clone_into(&mut self.audit.path);
        let route = format!("{}/{}", provider.name(), matched.route().id());
        self.audit.route = route;
        let read = if matched.reads_body() { body } else { &[] };
        match matched.plan(read, &caps) {
            Ok(plan) if plan.operations.is_empty() => self.deny_known(&known, Reason::Internal),
            Ok(plan) => self.first_decision(known, plan, now),
            Err(refusal) => self.refuse(&known, &refusal),
        }
    }

    /// The answers to the lookups of [`Step::Lookups`], in their order.
    pub fn answers(&mut self, answers: &[LookupAnswer], now: Timestamp) -> Step {
        let State::Lookups(known, mut plan, lookups) =
            std::mem::replace(&mut self.state, State::Over)
        else {
            return self.bug();
        };
        let bundle = Rc::clone(&self.bundle);
        let Some(provider) = bundle.provider(&known.account.provider) else { return self.bug() };
        if answers.len() != lookups.len() {
            return self.deny_known(&known, Reason::LookupFailed);
        }
        let mut learnt = Vec::new();
        for (lookup, answer) in lookups.into_iter().zip(answers) {
            let found = match answer {
                Some((status, body)) => provider.read_answer(&lookup, *status, body),
                None => Err(Reason::LookupFailed),
            };
            match found {
                Ok(found) => learnt.push((lookup, found)),
                Err(reason) => return self.deny_known(&known, reason),
            }
        }
        learn(&mut plan, learnt);
        if plan.operations.len() > OPERATIONS_MAX {
            return self.deny_known(&known, Reason::TooManyOperations);
        }
        self.decide(*known, plan, now)
    }

    /// Whether the whole body is over the cap already, by what has arrived of it.
    pub fn body_is_too_large(&self, bytes: usize) -> bool {
        bytes > BODY_BYTES_MAX
    }

    /// Ends a request whose body grew over the cap.
    pub fn refuse_body(&mut self) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Body(known) => self.deny_known(&known, Reason::BodyTooLarge),
            State::Lookups(..) | State::Response(..) | State::Over => self.bug(),
        }
    }

    /// What the audit log says of this request so far.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Decides what can be decided without asking the provider, then asks what is needed.
    fn first_decision(&mut self, known: Known, plan: Plan, now: Timestamp) -> Step {
        let bundle = Rc::clone(&self.bundle);
        let Some(asking) = self.asking(&known, &plan, now) else { return self.bug() };
        // SECURITY: nobody asks the provider anything on behalf of a key that could not be
        // allowed anyway (case `no-lookup-without-a-candidate`).
        let unseen: Vec<usize> = plan
            .unseen
            .iter()
            .copied()
            .filter(|at| {
                plan.operations.get(*at).is_some_and(|operation| {
                    bundle.policies.reads_values(&bundle.patterns, &asking, operation)
                })
            })
            .collect();
        if unseen.is_empty() && plan.enclosing.is_none() {
            return self.decide(known, plan, now);
        }
        for (at, operation) in plan.operations.iter().enumerate() {
            let denial = if unseen.contains(&at) {
                (!bundle.policies.could_allow(&asking, operation))
                    .then(|| Verdict::Deny(Reason::NoPolicyAllows, Vec::new()))
            } else {
                Some(bundle.policies.decide(&bundle.patterns, &asking, operation))
            };
            if let Some(Verdict::Deny(reason, by)) = denial {
                return self.deny_operations(&known, &plan, operation, reason, by);
            }
        }
        self.ask_provider(known, plan, &unseen)
    }

    /// Makes the lookups that a plan needs.
    fn ask_provider(&mut self, known: Known, plan: Plan, unseen: &[usize]) -> Step {
        let bundle = Rc::clone(&self.bundle);
        let Some(provider) = bundle.provider(&known.account.provider) else { return self.bug() };
        let mut lookups = Vec::new();
        for operation in unseen.iter().filter_map(|at| plan.operations.get(*at)) {
            match provider.lookups_for_values(operation) {
                Some(lookup) => lookups.push(lookup),
                None => return self.deny_known(&known, Reason::LookupFailed),
            }
        }
        if let Some(name) = &plan.enclosing {
            lookups.extend(provider.lookups_for_enclosing(name));
        }
        if lookups.len() > LOOKUPS_MAX {
            return self.deny_known(&known, Reason::TooManyLookups);
        }
        if lookups.is_empty() {
            return self.bug();
        }
        self.audit.lookups = lookups.len();
        self.state = State::Lookups(Box::new(known), plan, lookups.clone());
        Step::Lookups(lookups)
    }

    /// Decides every operation; all must be allowed.
    fn decide(&mut self, known: Known, plan: Plan, now: Timestamp) -> Step {
        let bundle = Rc::clone(&self.bundle);
        let Some(asking) = self.asking(&known, &plan, now) else { return self.bug() };
        // The key may have expired while the body trickled in.
        if let Err(reason) =
            bundle.keys.by_id(&known.key).map_or(Err(Reason::UnknownKey), |key| key.check(now))
        {
            return self.deny_known(&known, reason);
        }
        self.audit.take_operations(&plan.operations);
        let mut decided: Vec<&Operation> = Vec::new();
        let mut by = Vec::new();
        for operation in &plan.operations {
            if decided.last().is_some_and(|last| same_but_value(last, operation))
                && !bundle.policies.reads_values(&bundle.patterns, &asking, operation)
            {
                continue;
            }
            match bundle.policies.decide(&bundle.patterns, &asking, operation) {
                Verdict::Allow(ids) => by.extend(ids),
                Verdict::Deny(reason, ids) => {
                    return self.deny_operations(&known, &plan, operation, reason, ids);
                }
            }
            decided.push(operation);
        }
        // INVARIANT: the only place that makes a grant; an empty list never gets here.
        if decided.is_empty() {
            return self.bug();
        }
        self.audit.allow(by);
        let forward = plan.forward.clone();
        self.state = State::Response(Box::new(known), plan, asking);
        Step::Forward(Grant { forward })
    }

    /// What the operations of this request are asked with.
    fn asking(&self, known: &Known, plan: &Plan, now: Timestamp) -> Option<Asking> {
        self.asking_with(known, &self.audit.route, plan.operations.len(), now)
    }

    /// The same, for a route and a number of operations.
    fn asking_with(
        &self,
        known: &Known,
        route: &str,
        operations: usize,
        now: Timestamp,
    ) -> Option<Asking> {
        let bundle = &self.bundle;
        let key = bundle.keys.by_id(&known.key)?;
        let client_ip = canonical_ip(known.client);
        let now = Timestamp::from_second(now.as_second()).ok()?;
        let local = bundle.windows.local(now);
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let facts = Circumstances {
            client_ip,
            networks: owned(bundle.networks.containing(client_ip)),
            windows: owned(bundle.windows.open(now)),
            now,
            weekday: local.weekday,
            time_of_day_ms: local.time_of_day_ms,
            date: local.date,
            tls: known.tls,
            method: known.method.as_str(),
            route: route.to_owned(),
            operations,
        };
        let subject = bundle.policies.subject(&known.account, key)?;
        bundle.policies.asking(&subject, &known.account, &facts)
    }

    /// Denies because of one operation.
    fn deny_operations(
        &mut self,
        known: &Known,
        plan: &Plan,
        operation: &Operation,
        reason: Reason,
        by: Vec<String>,
    ) -> Step {
        self.audit.take_operations(&plan.operations);
        self.audit.denied_operation = Some(operation.to_string());
        // A zone that may not be read at all looks like one that does not exist: clients that
        // walk up the labels of a name stop at any other answer.
        let hidden = plan.denied_zone_is_404 && operation.action == Action::ZoneRead;
        let reason = if hidden { Reason::ZoneNotVisible } else { reason };
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

/// How a request went in.
enum Entered {
    /// Its key, route and body are to be judged.
    Known(Known),
    /// The gate answers it by itself.
    Answer(Answer),
    /// Its route or query is not understood.
    Refused(Known, Refusal),
}

impl Session {
    /// Judges the headers: who asks, and what.
    fn enter(&mut self, facts: &Facts, now: Timestamp) -> Result<Entered, Reason> {
        let bundle = Rc::clone(&self.bundle);
        let headers = Headers::read(&facts.headers)?;
        if headers.path == gate::READY_PATH.as_bytes() && headers.method == Some(Method::Get) {
            self.audit.gate("ready");
            return Ok(Entered::Answer(gate::ready(&bundle)));
        }
        let (Some(provider), Some(account)) = (&facts.provider, &facts.account) else {
            return Err(Reason::NotConfigured);
        };
        let provider: &Provider = bundle.provider(provider).ok_or(Reason::NotConfigured)?;
        let account = AccountId { provider: provider.name().to_owned(), account: account.clone() };
        let presented = headers.credential(provider.credential_schemes())?;
        let key = bundle.keys.find(&presented)?;
        self.audit.key = Some(key.id.clone());
        key.check(now)?;
        if !key.serves(&account.path()) {
            return Err(Reason::UnknownKey);
        }
        let client = facts.client.ok_or(Reason::NotConfigured)?;
        let method = headers.method.ok_or(Reason::UnknownMethod)?;
        let target = Target::parse(headers.path).map_err(|_| Reason::TargetNotCanonical)?;
        let known = Known { account, key: key.id.clone(), method, target, client, tls: facts.tls };
        if known.target.path() == gate::WHOAMI_PATH {
            return self.whoami(&known, now).map(Entered::Answer);
        }
        let matched = match provider.find(known.method, &known.target) {
            Ok(matched) => matched,
            Err(refusal) => return Ok(Entered::Refused(known, refusal)),
        };
        if matched.reads_body() && headers.is_encoded {
            return Err(Reason::BodyNotUnderstood);
        }
        if headers.content_length.is_some_and(|bytes| self.body_is_too_large(bytes)) {
            return Err(Reason::BodyTooLarge);
        }
        Ok(Entered::Known(known))
    }

    /// Tells a key what it may do, if policy lets it ask from here and now.
    fn whoami(&mut self, known: &Known, now: Timestamp) -> Result<Answer, Reason> {
        let bundle = Rc::clone(&self.bundle);
        if known.method != Method::Get {
            return Err(Reason::UnknownMethod);
        }
        if !known.target.query().is_empty() {
            return Err(Reason::QueryNotUnderstood);
        }
        let operation = Operation::account(Action::KeyDescribe);
        self.audit.take_operations(std::slice::from_ref(&operation));
        let route = gate::WHOAMI_ROUTE;
        let asking = self.asking_with(known, route, 1, now).ok_or(Reason::Internal)?;
        match bundle.policies.decide(&bundle.patterns, &asking, &operation) {
            Verdict::Allow(by) => {
                let key = bundle.keys.by_id(&known.key).ok_or(Reason::Internal)?;
                let subject =
                    bundle.policies.subject(&known.account, key).ok_or(Reason::Internal)?;
                self.audit.allow(by);
                gate::whoami(&bundle, key, &subject).ok_or(Reason::Internal)
            }
            Verdict::Deny(reason, by) => {
                self.audit.policies = by;
                Err(reason)
            }
        }
    }
}

/// Whether two operations differ in nothing but a record's value.
fn same_but_value(one: &Operation, other: &Operation) -> bool {
    match (one.as_record(), other.as_record()) {
        (Some(left), Some(right)) => {
            one.action == other.action
                && left.name == right.name
                && left.rtype == right.rtype
                && left.zone == right.zone
        }
        _ => false,
    }
}

/// Puts what was looked up into the plan's operations.
///
/// A deletion whose values were found becomes one deletion for each value; where the provider has
/// none, it stays one without a value. A zone that encloses a new one adds a delegation there.
fn learn(plan: &mut Plan, learnt: Vec<(Lookup, Found)>) {
    let mut values: HashMap<_, Vec<String>> = HashMap::new();
    let mut delegations = Vec::new();
    for (lookup, found) in learnt {
        match (lookup.purpose, found) {
            (crate::provider::Purpose::Values { zone, name, rtype }, Found::Values(found)) => {
                values.insert((zone, name, rtype), found);
            }
            (crate::provider::Purpose::Enclosing { zone, name }, Found::Zone(true)) => {
                delegations.push(Operation::record(
                    Action::RecordCreate,
                    zone,
                    name,
                    crate::record_type::RecordType::NS,
                    None,
                ));
            }
            _ => {}
        }
    }
    let operations = std::mem::take(&mut plan.operations);
    for (at, operation) in operations.into_iter().enumerate() {
        let known = operation
            .as_record()
            .filter(|_| plan.unseen.contains(&at))
            .and_then(|record| {
                values.get(&(record.zone.clone(), record.name.clone(), record.rtype))
            })
            .filter(|values| !values.is_empty());
        match (known, operation.as_record()) {
            (Some(values), Some(record)) => {
                plan.operations.extend(values.iter().map(|value| {
                    let mut record = record.clone();
                    record.value = Some(value.clone());
                    let resource = crate::operation::Resource::Record(record);
                    Operation { action: operation.action, resource }
                }));
            }
            _ => plan.operations.push(operation),
        }
    }
    plan.operations.extend(delegations);
}
