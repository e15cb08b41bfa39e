//! How a session's operations were decided, policy by policy.
//!
//! What is needed for it is there anyway where a request was allowed and its response is awaited;
//! of a denied one the operation is kept at which the decision ended.

use jiff::Timestamp;

use super::{Known, Session, State};
use crate::operation::Operation;
use crate::policy::{Asking, Explained};
use crate::provider::Plan;

/// Operations that are explained; a request with many writes the same over and over.
const EXPLAINED_MAX: usize = 16;

/// How one operation was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The operation, in the form of logs.
    pub operation: String,
    /// Each policy's part in it, those that decided first.
    pub policies: Vec<Explained>,
}

impl Session {
    /// How the operations were decided: the denied one, or the first [`EXPLAINED_MAX`] of a request
    /// whose response is awaited; empty where no policy was asked.
    pub fn explain(&self) -> Vec<Explanation> {
        let one = |asking: &Asking, operation: &Operation| Explanation {
            operation: operation.to_string(),
            policies: self.bundle.policies.explain(&self.bundle.patterns, asking, operation),
        };
        match (&self.state, &self.denied) {
            (State::Response(_, plan, asking), _) => {
                let operations = plan.operations.iter().take(EXPLAINED_MAX);
                operations.map(|operation| one(asking, operation)).collect()
            }
            (_, Some((asking, operation))) => vec![one(asking, operation)],
            (_, None) => Vec::new(),
        }
    }

    /// Keeps the operation that was denied.
    pub(super) fn keep_denied(
        &mut self,
        known: &Known,
        plan: &Plan,
        operation: &Operation,
        now: Timestamp,
    ) {
        let asking = self.asking(known, plan, now);
        self.denied = asking.map(|asking| (asking, operation.clone()));
    }
}
