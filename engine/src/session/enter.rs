//! The way in: the headers say who asks, and what.

use std::rc::Rc;

use jiff::Timestamp;

use super::headers::Headers;
use super::{Answer, Facts, Known, Session, gate};
use crate::decision::Reason;
use crate::operation::{Action, Operation};
use crate::policy::{AccountId, Verdict};
use crate::provider::{Provider, Refusal};
use crate::request::{Method, Target};

/// How a request went in.
pub(super) enum Entered {
    /// Its key, route and body are to be judged.
    Known(Known),
    /// The gate answers it by itself.
    Answer(Answer),
    /// Its route or query is not understood.
    Refused(Known, Refusal),
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
        route.clone_into(&mut self.audit.route);
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
