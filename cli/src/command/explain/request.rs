//! A request, and its walk through a session: the gate's own reading of it, not a second one.

use std::rc::Rc;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::decision::Reason;
use zonegate_engine::operation::Operation;
use zonegate_engine::session::{Audit, Facts, Session, Step};

use crate::ask::{self, Scene};
use crate::gate::header_map;

/// A request as a client sends it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The method.
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    /// The headers, with lower-case names; the credential's among them.
    pub(super) headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub(super) body: Option<Vec<u8>>,
    /// What the provider answers to lookups.
    pub(super) answers: Vec<Answered>,
}

/// What the provider answers to one lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// The path and query that it is asked for.
    pub(super) path: String,
    /// The status.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// What came of a walk.
#[derive(Debug)]
pub(super) struct Walked {
    /// The gate's own record.
    pub(super) audit: Audit,
    /// What the request means, as far as it is known.
    pub(super) operations: Vec<Operation>,
    /// What the provider was asked for, in order.
    pub(super) lookups: Vec<String>,
    /// Whether the gate answered by itself.
    pub(super) is_by_the_gate: bool,
    /// Those of them that nobody has answered.
    pub(super) unanswered: Vec<String>,
}

impl Walked {
    /// The reason of a denial.
    pub(super) fn denied(&self) -> Option<Reason> {
        if self.audit.decision != "deny" {
            return None;
        }
        let code = self.audit.reason.unwrap_or_default();
        // A denial without a reason that is known is a bug, and a bug denies.
        let known = Reason::ALL.iter().copied().find(|reason| reason.code() == code);
        Some(known.unwrap_or(Reason::Internal))
    }
}

/// Walks a request through the gate.
pub(super) fn walk(bundle: &Rc<Bundle>, request: &Request, scene: &Scene) -> Walked {
    let own = request.headers.iter();
    let own = own.map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes()));
    let body = request.body.as_deref();
    let target = request.target.as_bytes();
    let facts = Facts {
        headers: header_map(&request.method, target, scene.tls, own.collect(), body),
        provider: Some(scene.account.provider.clone()),
        account: Some(scene.account.account.clone()),
        client: Some(scene.from),
        tls: scene.tls,
    };
    let at = scene.at;
    let (mut lookups, mut unanswered) = (Vec::new(), Vec::new());
    let (mut session, mut step) = Session::begin(Rc::clone(bundle), &facts, body.is_some(), at);
    let is_by_the_gate = loop {
        step = match step {
            Step::Body => session.body(body.unwrap_or_default(), at),
            Step::Lookups(asked) => {
                let mut found = Vec::new();
                for lookup in asked {
                    let answer = request.answers.iter().find(|one| one.path == lookup.path);
                    if answer.is_none() {
                        unanswered.push(lookup.path.clone());
                    }
                    found.push(answer.map(|one| (one.status, one.body.clone())));
                    lookups.push(lookup.path);
                }
                session.answers(&found, at)
            }
            Step::Reply(_) => break true,
            Step::Forward(_) => break false,
        };
    };
    let audit = session.audit().clone();
    let mut operations = session.meant().to_vec();
    if operations.is_empty() {
        // What the gate answers by itself has no plan, but stands in the record.
        operations.extend(audit.operations.iter().filter_map(|text| ask::operation(text).ok()));
    }
    Walked { audit, operations, lookups, is_by_the_gate, unanswered }
}
