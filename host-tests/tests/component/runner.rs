//! The component as a runner of decision tables.

use wasmtime::component::ResourceAny;
use zonegate_cases::{Answered, Case, Forwarded, Gate, Outcome, Skip};

use crate::audit;
use crate::host::{self, Answer, Found, Header, Host, Request, Response, Step};

/// The authority that clients of a table speak to.
const AUTHORITY: &[u8] = b"gate.example.net";
/// The request id that a host would have set.
const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";
/// A header of which tables expect one value: proxies join repetitions with a comma.
const JOINED: &[u8] = b"authorization";

/// The component with the shipped policies.
pub(crate) struct ComponentGate {
    /// An instance, and its bundle.
    host: Host,
    /// The bundle of rows without lookups: what one row does must not change another's outcome.
    bundle: ResourceAny,
}

impl ComponentGate {
    /// Loads the component and the bundle.
    pub(crate) fn new() -> Self {
        let mut host = Host::new();
        let bundle = host.load(host::bundle()).unwrap();
        ComponentGate { host, bundle }
    }
}

/// What came of a walk besides the session's own record.
#[derive(Default)]
struct Walk {
    /// Path and query of each lookup.
    lookups: Vec<String>,
    /// What went on.
    forwarded: Option<Forwarded>,
    /// What the client got.
    answered: Option<Answered>,
    /// What went wrong.
    trouble: Vec<String>,
}

impl Gate for ComponentGate {
    fn name(&self) -> &'static str {
        "component"
    }

    fn run(&mut self, case: &Case) -> Result<Outcome, Skip> {
        let own = if case.lookups.is_empty() {
            None
        } else {
            // Zone names that one row looks up must not answer another row's question.
            Some(self.host.load(host::bundle()).unwrap())
        };
        let bundle = own.unwrap_or(self.bundle);
        let now = case.now_unix_ms;
        let (session, step) = match self.host.begin(bundle, &request(case), now) {
            Ok(begun) => begun,
            Err(misuse) => return Err(Skip::because(format!("the interface refuses: {misuse:?}"))),
        };
        let mut walk = Walk::default();
        let mut next = Some(step);
        while let Some(step) = next.take() {
            next = walk.step(&mut self.host, session, case, step);
        }
        let audit = self.host.audit(session);
        self.host.drop(session);
        if let Some(own) = own {
            self.host.drop(own);
        }
        Ok(outcome(case, &audit, walk))
    }
}

impl Walk {
    /// Does what a step says; gives the next one.
    fn step(
        &mut self,
        host: &mut Host,
        session: ResourceAny,
        case: &Case,
        step: Step,
    ) -> Option<Step> {
        let now = case.now_unix_ms;
        let after = match step {
            Step::NeedBody => host.body(session, case.body.as_deref().unwrap_or_default(), now),
            Step::NeedLookups(lookups) => {
                let answer = |lookup: &host::Lookup| Answer {
                    id: lookup.id,
                    found: found(case, &lookup.path),
                };
                // Any order will do.
                let answers: Vec<Answer> = lookups.iter().rev().map(answer).collect();
                self.lookups.extend(lookups.into_iter().map(|lookup| lookup.path));
                host.answers(session, &answers, now)
            }
            Step::Allow(forward) => {
                self.forwarded = Some(Forwarded {
                    method: forward.method,
                    path: forward.path,
                    headers: forward.headers,
                    body: forward.body.unwrap_or_default(),
                });
                let upstream = case.upstream.as_ref()?;
                let response = Response {
                    status: upstream.status,
                    headers: upstream.headers.clone(),
                    body: upstream.body.clone(),
                };
                match host.response(session, &response) {
                    Ok(filtered) => self.answered = Some(answered(filtered.response)),
                    Err(misuse) => self.trouble.push(format!("{misuse:?}")),
                }
                return None;
            }
            Step::Deny(denial) => {
                self.answered = Some(answered(denial.response));
                return None;
            }
            Step::Reply(response) => {
                self.answered = Some(answered(response));
                return None;
            }
        };
        after.map_err(|misuse| self.trouble.push(format!("{misuse:?}"))).ok()
    }
}

/// The request of a case.
pub(crate) fn request(case: &Case) -> Request {
    let mut headers: Vec<Header> = Vec::new();
    for (name, value) in case.request_headers() {
        let same = |(known, _): &&mut Header| {
            known.eq_ignore_ascii_case(JOINED) && name.eq_ignore_ascii_case(JOINED)
        };
        match headers.iter_mut().find(same) {
            Some((_, joined)) => joined.extend([b",", value.as_slice()].concat()),
            None => headers.push((name, value)),
        }
    }
    let length = |(name, _): &Header| name.eq_ignore_ascii_case(b"content-length");
    if let Some(body) = case.body.as_ref().filter(|_| !headers.iter().any(length)) {
        headers.push((b"Content-Length".to_vec(), body.len().to_string().into_bytes()));
    }
    Request {
        provider: case.provider.clone(),
        account: case.account.clone(),
        method: case.method.clone(),
        path: case.target.clone(),
        authority: AUTHORITY.to_vec(),
        headers,
        client: case.from.to_string(),
        encrypted: case.tls,
        request_id: REQUEST_ID.to_owned(),
        body_follows: case.body.is_some(),
    }
}

/// What the case answers to a lookup; nothing where it declares none.
pub(crate) fn found(case: &Case, path: &str) -> Option<Found> {
    let declared = case.lookups.iter().find(|lookup| lookup.path == path)?;
    let answer = declared.result.as_ref().ok()?;
    Some(Found { status: answer.status, body: answer.body.clone() })
}

/// An answer as the client gets it.
fn answered(response: Response) -> Answered {
    Answered { status: response.status, headers: response.headers, body: response.body }
}

/// The outcome of a walk, from the session's own record.
fn outcome(case: &Case, audit: &serde_json::Value, walk: Walk) -> Outcome {
    Outcome {
        lookups: walk.lookups,
        forwarded: walk.forwarded,
        answered: walk.answered,
        trouble: walk.trouble,
        ..audit::outcome(case, audit)
    }
}
