//! A loaded bundle, and what it tells without a session.

use std::rc::Rc;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::key;
use zonegate_engine::policy::{AccountId, Verdict};

use crate::bindings::exports::zonegate::policy::gate::{
    self, GuestBundle, Instant, Key, Misuse, Permit, Problem, Refusal, Request, Step,
};
use crate::convert;
use crate::session::Walk;

/// The engine's bundle.
#[derive(Debug)]
pub struct Loaded {
    /// Shared with the sessions that began with it.
    bundle: Rc<Bundle>,
}

impl GuestBundle for Loaded {
    fn load(bytes: Vec<u8>) -> Result<gate::Bundle, Vec<Problem>> {
        match Bundle::load(bytes) {
            Ok(bundle) => Ok(gate::Bundle::new(Loaded { bundle: Rc::new(bundle) })),
            Err(problems) => Err(problems.into_iter().map(convert::problem).collect()),
        }
    }

    fn digest(&self) -> String {
        self.bundle.digest.clone()
    }

    fn built(&self) -> Instant {
        self.bundle.built.saturating_mul(1000)
    }

    fn providers(&self) -> Vec<String> {
        self.bundle.providers().iter().map(|provider| provider.name().to_owned()).collect()
    }

    fn begin(&self, request: Request, now: Instant) -> Result<(gate::Session, Step), Misuse> {
        let (walk, step) = Walk::begin(&self.bundle, request, now)?;
        Ok((gate::Session::new(walk), step))
    }

    fn describe_key(&self, id: String, provider: String, account: String) -> Option<Key> {
        let found = self.bundle.keys.get(&id)?;
        let account = AccountId { provider, account };
        self.bundle.provider(&account.provider)?;
        if !found.serves(&account.path()) {
            return None;
        }
        let subject = self.bundle.policies.subject(&account, &found)?;
        let permit = |(policy, doc, actions, scope): (String, String, Vec<&str>, String)| Permit {
            policy,
            doc,
            actions: actions.into_iter().map(str::to_owned).collect(),
            scope,
        };
        let permits = subject.permits().into_iter().map(permit).collect();
        Some(described(&found, permits))
    }

    fn ask(
        &self,
        question: gate::Question,
        now: Instant,
    ) -> Result<Result<Vec<String>, Refusal>, Misuse> {
        let now = convert::time(now)?;
        let question = convert::question(&self.bundle, question)?;
        Ok(match question.decide(&self.bundle, now) {
            Verdict::Allow(policies) => Ok(policies),
            Verdict::Deny(reason, policies) => {
                Err(Refusal { reason: reason.code().to_owned(), policies })
            }
        })
    }
}

/// A key as the interface has it.
fn described(key: &key::Key, permits: Vec<Permit>) -> Key {
    Key {
        id: key.id.clone(),
        description: key.description.clone(),
        owner: key.owner.clone(),
        accounts: key.accounts.clone(),
        roles: key.roles.clone(),
        not_before: key.not_before.map(jiff::Timestamp::as_millisecond),
        expires: key.expires.map(jiff::Timestamp::as_millisecond),
        disabled: key.disabled,
        permits,
    }
}
