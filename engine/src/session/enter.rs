//! The way in: the headers say who asks, and what.

use std::rc::Rc;

use jiff::Timestamp;

use super::headers::Headers;
use super::{Answer, Facts, Known, Session, Step, gate, in_body};
use crate::bundle::Bundle;
use crate::decision::Reason;
use crate::key::{Key, KeyText};
use crate::operation::{Action, Operation};
use crate::policy::{AccountId, Verdict};
use crate::provider::{Knowledge, Matched, Provider, Refusal};
use crate::request::{Method, Target};

/// How a request went in.
pub(super) enum Entered {
    /// Its key, route and body are to be judged.
    Known(Known),
    /// Its key stands in the body.
    Keyless(Keyless),
    /// The gate answers it by itself.
    Answer(Answer),
    /// Its route or query is not understood.
    Refused(Known, Refusal),
}

/// Where a key stands that is in no header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keyless {
    /// In a field of the body.
    Body,
    /// In a login that the gate answers itself.
    Login,
}

impl Session {
    /// Judges the headers: who asks, and what.
    pub(super) fn enter(&mut self, facts: &Facts, now: Timestamp) -> Result<Entered, Reason> {
        let bundle = Rc::clone(&self.bundle);
        let headers = Headers::read(&facts.headers)?;
        if headers.path == gate::READY_PATH.as_bytes() && headers.method == Some(Method::Get) {
            self.audit.gate("ready");
            return Ok(Entered::Answer(gate::ready(&bundle)));
        }
        let (provider, _) = Session::place(facts, &bundle)?;
        match headers.credential(provider.credential_schemes()) {
            Ok(presented) => self.enter_with(facts, &headers, &presented, now),
            Err(Reason::NoKey) => match keyless(provider, &headers) {
                Some(where_it_is) if headers.fits() => Ok(Entered::Keyless(where_it_is)),
                Some(_) => Err(Reason::BodyTooLarge),
                None => Err(Reason::NoKey),
            },
            Err(reason) => Err(reason),
        }
    }

    /// The provider and account that the listener or route says.
    fn place<'b>(facts: &Facts, bundle: &'b Bundle) -> Result<(&'b Provider, AccountId), Reason> {
        let (Some(provider), Some(account)) = (&facts.provider, &facts.account) else {
            return Err(Reason::NotConfigured);
        };
        let provider = bundle.provider(provider).ok_or(Reason::NotConfigured)?;
        let account = AccountId { provider: provider.name().to_owned(), account: account.clone() };
        Ok((provider, account))
    }

    /// The key that a client presents, if it is valid here and now.
    fn identify(
        &mut self,
        bundle: &Bundle,
        account: &AccountId,
        presented: &KeyText,
        now: Timestamp,
    ) -> Result<Rc<Key>, Reason> {
        let key = bundle.keys.find(presented)?;
        self.audit.key = Some(key.id.clone());
        key.check(now)?;
        if !key.serves(&account.path()) {
            return Err(Reason::UnknownKey);
        }
        Ok(key)
    }

    /// Judges who presents a key, and what is asked.
    fn enter_with(
        &mut self,
        facts: &Facts,
        headers: &Headers<'_>,
        presented: &KeyText,
        now: Timestamp,
    ) -> Result<Entered, Reason> {
        let bundle = Rc::clone(&self.bundle);
        let (provider, account) = Session::place(facts, &bundle)?;
        let key = self.identify(&bundle, &account, presented, now)?;
        let client = facts.client.ok_or(Reason::NotConfigured)?;
        let method = headers.method.ok_or(Reason::UnknownMethod)?;
        let target = Target::parse(headers.path).map_err(|_| Reason::TargetNotCanonical)?;
        let mut known = Known {
            account,
            key,
            method,
            target,
            client,
            tls: facts.tls,
            found: None,
            gate: origin(facts.tls, headers.authority),
        };
        if known.target.path() == gate::WHOAMI_PATH {
            return self.whoami(&known, now).map(Entered::Answer);
        }
        let found = provider.find_for(known.method, &known.target, headers.forms);
        let found = match found.as_ref().ok().and_then(Matched::narrowing_header) {
            // Twice is no filter: nobody knows which one was meant.
            Some(name) => match headers.one(&name)? {
                Some(header) => found.and_then(|matched| matched.narrowed(header)),
                None => found,
            },
            None => found,
        };
        let matched = match found {
            Ok(matched) => matched,
            Err(refusal) => return Ok(Entered::Refused(known, refusal)),
        };
        if matched.reads_body() && headers.is_encoded {
            return Err(Reason::BodyNotUnderstood);
        }
        if !headers.fits() {
            return Err(Reason::BodyTooLarge);
        }
        known.found = Some(matched.found().clone());
        Ok(Entered::Known(known))
    }

    /// Goes on with a body that holds the key: the key is taken out of it, and nothing else.
    pub(super) fn body_with_key(
        &mut self,
        facts: &Facts,
        where_it_is: Keyless,
        body: &[u8],
        now: Timestamp,
    ) -> Step {
        let bundle = Rc::clone(&self.bundle);
        let entered = Headers::read(&facts.headers).and_then(|headers| {
            let (provider, _) = Session::place(facts, &bundle)?;
            match where_it_is {
                Keyless::Body => {
                    let (presented, rest) = in_body::take(provider, body)?;
                    let entered = self.enter_with(facts, &headers, &presented, now)?;
                    Ok((entered, rest))
                }
                Keyless::Login => {
                    let answer = self.login(facts, &headers, body, now)?;
                    Ok((Entered::Answer(answer), Vec::new()))
                }
            }
        });
        match entered {
            Ok((Entered::Known(known), rest)) => self.read(known, rest, Knowledge::default(), now),
            Ok((entered, _)) => self.entered(Ok(entered), facts, false, now),
            Err(reason) => self.entered(Err(reason), facts, false, now),
        }
    }

    /// Answers a login with the key itself, if policy lets the key describe itself from here and
    /// now: a token that is the key has its authority and no more.
    fn login(
        &mut self,
        facts: &Facts,
        headers: &Headers<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Answer, Reason> {
        let bundle = Rc::clone(&self.bundle);
        let (provider, account) = Session::place(facts, &bundle)?;
        let target = Target::parse(headers.path).map_err(|_| Reason::TargetNotCanonical)?;
        let method = headers.method.ok_or(Reason::UnknownMethod)?;
        let (route, login) = provider.login(method, &target).ok_or(Reason::Internal)?;
        target.path().clone_into(&mut self.audit.path);
        self.audit.route = format!("{}/{route}", provider.name());
        let text = in_body::login(login, body)?;
        let presented = KeyText::parse(&text).map_err(|_| Reason::MalformedKey)?;
        let key = self.identify(&bundle, &account, &presented, now)?;
        let known = Known {
            account,
            key,
            method,
            target,
            client: facts.client.ok_or(Reason::NotConfigured)?,
            tls: facts.tls,
            found: None,
            gate: String::new(),
        };
        let operation = Operation::account(Action::KeyDescribe);
        self.audit.take_operations(std::slice::from_ref(&operation));
        let route = self.audit.route.clone();
        let asking = self.asking_with(&known, &route, 1, now).ok_or(Reason::Internal)?;
        match bundle.policies.decide(&bundle.patterns, &asking, &operation) {
            Verdict::Allow(by) => {
                self.audit.allow(by);
                Ok(in_body::token(login, &text))
            }
            Verdict::Deny(reason, by) => {
                self.audit.policies = by;
                Err(reason)
            }
        }
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
        route.clone_into(&mut self.audit.route);
        let asking = self.asking_with(known, route, 1, now).ok_or(Reason::Internal)?;
        match bundle.policies.decide(&bundle.patterns, &asking, &operation) {
            Verdict::Allow(by) => {
                let key = &known.key;
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

/// Where a request without a credential header has its key, if this API allows that.
fn keyless(provider: &Provider, headers: &Headers<'_>) -> Option<Keyless> {
    let target = Target::parse(headers.path).ok()?;
    if provider.login(headers.method?, &target).is_some() {
        return Some(Keyless::Login);
    }
    provider.body_key().map(|_| Keyless::Body)
}

/// The scheme and authority under which a client reached the gate; empty where the authority has
/// anything that links could not have.
fn origin(tls: bool, authority: &[u8]) -> String {
    let plain = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    let scheme = if tls { "https" } else { "http" };
    match std::str::from_utf8(authority) {
        Ok(text) if !text.is_empty() && authority.iter().all(plain) => format!("{scheme}://{text}"),
        Ok(_) | Err(_) => String::new(),
    }
}
