//! What would be decided about operations that a log tells of, without the request they were.
//!
//! A log has neither keys nor bodies, so a request in it cannot be made again; what it meant can be
//! asked again, by the key that had proved itself then.

use std::net::IpAddr;

use jiff::Timestamp;

use super::decide::circumstances;
use crate::bundle::Bundle;
use crate::decision::Reason;
use crate::operation::{Action, Operation};
use crate::policy::{AccountId, Asking, Verdict};
use crate::request::Method;

/// Operations of one request, and what else policies can ask about it.
#[derive(Clone, Debug)]
pub struct Question {
    /// The id of the key.
    pub key: String,
    /// The account that was asked.
    pub account: AccountId,
    /// The client's address.
    pub client: IpAddr,
    /// Whether the client's connection was encrypted.
    pub tls: bool,
    /// The method.
    pub method: Method,
    /// The route, as `provider/route`.
    pub route: String,
    /// What the request meant, as far as it is known.
    pub operations: Vec<Operation>,
    /// How many operations it had in all.
    pub cost: usize,
}

impl Question {
    /// What the gate would say to all of it at this time: the first denial, or all policies that
    /// allow. No operations are allowed by nothing, and so denied.
    pub fn decide(&self, bundle: &Bundle, now: Timestamp) -> Verdict {
        let asking = match self.asking(bundle, now) {
            Ok(asking) => asking,
            Err(reason) => return Verdict::Deny(reason, Vec::new()),
        };
        let mut by = Vec::new();
        for operation in self.operations.iter().flat_map(meant) {
            match bundle.policies.decide(&bundle.patterns, &asking, &operation) {
                Verdict::Allow(ids) => by.extend(ids),
                denied @ Verdict::Deny(..) => return denied,
            }
        }
        if by.is_empty() {
            return Verdict::Deny(Reason::NoPolicyAllows, by);
        }
        by.sort_unstable();
        by.dedup();
        Verdict::Allow(by)
    }

    /// What the operations are asked with, or why the key may not ask at all.
    fn asking(&self, bundle: &Bundle, now: Timestamp) -> Result<Asking, Reason> {
        let key = bundle.keys.get(&self.key).ok_or(Reason::UnknownKey)?;
        key.check(now)?;
        if !key.serves(&self.account.path()) {
            return Err(Reason::UnknownKey);
        }
        let (place, method) = ((self.client, self.tls), self.method);
        circumstances(bundle, place, method, &self.route, self.cost, now)
            .and_then(|facts| {
                let subject = bundle.policies.subject(&self.account, &key)?;
                bundle.policies.asking(&subject, &self.account, &facts)
            })
            .ok_or(Reason::Internal)
    }
}

/// An operation, and the right to own a wildcard where it writes one: a log may have been cut
/// between the two.
fn meant(operation: &Operation) -> Vec<Operation> {
    let writes = matches!(operation.action, Action::RecordCreate | Action::RecordDelete);
    let wildcard = operation.as_record().is_some_and(|record| record.name.is_wildcard());
    let mut all = vec![operation.clone()];
    if writes && wildcard {
        all.push(Operation {
            action: Action::RecordWildcard,
            resource: operation.resource.clone(),
        });
    }
    all
}
