//! The engine as a runner of decision tables.
//!
//! It does what the filter does in Envoy, in process: headers in, lookups answered from the
//! case, the response of the case cut down. The time is the case's.

use std::collections::HashMap;
use std::rc::Rc;

use jiff::Timestamp;
use zonegate_cases::{
    Answered, Case, Decision, Forwarded, Gate, Header, LookupAnswer, Outcome, Runner, Skip,
};
use zonegate_engine::bundle::Bundle;
use zonegate_engine::policy::{Asked, Exercise, Shown};
use zonegate_engine::problem::Problem;
use zonegate_engine::session::{Answer, Facts, Grant, ResponseStep, Session, Step};

use crate::progress::Progress;

/// The authority that clients of a table speak to.
const AUTHORITY: &[u8] = b"gate.example.net";
/// The request id that Envoy would have set.
const REQUEST_ID: &[u8] = b"00000000-0000-4000-8000-000000000000";
/// A header of which Envoy keeps one value: it joins repetitions with a comma.
const JOINED: &[u8] = b"authorization";

/// What passed cases have asked: what it showed of policies, and the questions as Cedar's own tool
/// reads them, by place and name of the case.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// What was shown of each policy, by id.
    pub(crate) shown: HashMap<String, Shown>,
    /// The questions of each case, where somebody wants them.
    pub(crate) asked: Vec<((String, String), Vec<serde_json::Value>)>,
}

/// Makes gates of one bundle, for as many threads as there are: a loaded bundle stays in one.
#[derive(Debug)]
pub(crate) struct EngineRunner<'a> {
    /// The bundle as it is delivered.
    pub(crate) bytes: &'a [u8],
    /// Whether questions are kept for Cedar's own tool.
    pub(crate) keeps_asked: bool,
    /// What counts the cases that have run.
    pub(crate) progress: &'a Progress,
}

impl Runner for EngineRunner<'_> {
    type Gate = EngineGate;
    type Left = Left;

    fn gate(&self) -> EngineGate {
        // It loaded a moment ago; where it does not, every case says so.
        let bundle = Bundle::load_just_packed(self.bytes).map(Rc::new);
        EngineGate::new(bundle, self.keeps_asked)
    }

    fn end(&self, gate: EngineGate) -> Left {
        Left { shown: gate.exercise.map(Exercise::shown).unwrap_or_default(), asked: gate.asked }
    }

    fn ran(&self) {
        self.progress.step();
    }
}

/// A loaded bundle that runs cases.
#[derive(Debug)]
pub(crate) struct EngineGate {
    /// The bundle, or why there is none.
    bundle: Result<Rc<Bundle>, Vec<Problem>>,
    /// What passed cases have shown of its policies.
    exercise: Option<Exercise>,
    /// What the case that ran last asked, with its place and name.
    last: Option<((String, String), Vec<Asked>)>,
    /// Whether questions are kept for Cedar's own tool.
    keeps_asked: bool,
    /// Those that were.
    asked: Vec<((String, String), Vec<serde_json::Value>)>,
}

impl EngineGate {
    /// A runner of this bundle that keeps nothing of what its policies show.
    pub(crate) fn plain(bundle: Rc<Bundle>) -> EngineGate {
        let (exercise, asked) = (None, Vec::new());
        EngineGate { bundle: Ok(bundle), exercise, last: None, keeps_asked: false, asked }
    }

    /// A runner of this bundle.
    fn new(bundle: Result<Rc<Bundle>, Vec<Problem>>, keeps_asked: bool) -> EngineGate {
        let exercise = bundle.as_ref().ok().map(|bundle| {
            bundle.policies.record();
            Exercise::of(&bundle.policies)
        });
        EngineGate { bundle, exercise, last: None, keeps_asked, asked: Vec::new() }
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

impl Gate for EngineGate {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn run(&mut self, case: &Case) -> Result<Outcome, Skip> {
        let bundle = match &self.bundle {
            Ok(bundle) => Rc::clone(bundle),
            Err(problems) => {
                let mut outcome = Outcome::deny("internal", Vec::new());
                outcome.trouble.extend(problems.iter().map(ToString::to_string));
                return Ok(outcome);
            }
        };
        let now = Timestamp::from_millisecond(case.now_unix_ms)
            .map_err(|error| Skip::because(format!("the time is out of range: {error}")))?;
        let headers = request_headers(case);
        let facts = Facts {
            headers: headers.clone(),
            provider: Some(case.provider.clone()),
            account: Some(case.account.clone()),
            client: Some(case.from),
            tls: case.tls,
        };
        let body_follows = case.body.is_some();
        let mut walk = Walk::default();
        let (mut session, mut step) = Session::begin(Rc::clone(&bundle), &facts, body_follows, now);
        loop {
            step = match step {
                Step::Body if !body_follows => {
                    walk.trouble.push("it waits for a body that does not come".to_owned());
                    break;
                }
                Step::Body => session.body(case.body.as_deref().unwrap_or_default(), now),
                Step::Lookups(lookups) => {
                    let asked = lookups.iter().map(|lookup| lookup.path.as_str());
                    let answers: Vec<_> = asked.clone().map(|path| answer(case, path)).collect();
                    walk.lookups.extend(asked.map(str::to_owned));
                    session.answers(&answers, now)
                }
                Step::Reply(answer) => {
                    walk.answered = Some(answered(answer));
                    break;
                }
                Step::Forward(grant) => {
                    walk.forwarded = Some(forwarded(&grant, &headers));
                    walk.answered = respond(&mut session, case);
                    break;
                }
            };
        }
        self.last = Some(((case.place(), case.name.clone()), bundle.policies.recorded()));
        Ok(outcome(&session, walk))
    }

    fn passed(&mut self) {
        let (Ok(bundle), Some((at, asked))) = (&self.bundle, self.last.take()) else { return };
        if let Some(exercise) = &mut self.exercise {
            for one in &asked {
                exercise.take(&bundle.policies, &bundle.patterns, one);
            }
        }
        if self.keeps_asked {
            let questions = asked.iter();
            let tests =
                questions.filter_map(|one| bundle.policies.cedar_test(&bundle.patterns, one));
            self.asked.push((at, tests.collect()));
        }
    }
}

/// The header map of a case.
fn request_headers(case: &Case) -> Vec<Header> {
    let (own, body) = (case.request_headers(), case.body.as_deref());
    header_map(&case.method, &case.target, case.tls, own, body)
}

/// The header map as Envoy hands it over: pseudo-headers first, names in lower case.
pub(crate) fn header_map(
    method: &str,
    target: &[u8],
    tls: bool,
    own: Vec<Header>,
    body: Option<&[u8]>,
) -> Vec<Header> {
    let header = |name: &str, value: &[u8]| (name.as_bytes().to_vec(), value.to_vec());
    let mut headers = vec![
        header(":authority", AUTHORITY),
        header(":method", method.as_bytes()),
        header(":path", target),
        header(":scheme", if tls { b"https" } else { b"http" }),
    ];
    for (name, value) in own.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)) {
        let same = headers.iter_mut().find(|(known, _)| name == JOINED && *known == name);
        match same {
            Some((_, joined)) => joined.extend([b",", value.as_slice()].concat()),
            None => headers.push((name, value)),
        }
    }
    let has_length = headers.iter().any(|(name, _)| name == b"content-length");
    if let Some(body) = body.filter(|_| !has_length) {
        headers.push(header("content-length", body.len().to_string().as_bytes()));
    }
    headers.push(header("x-request-id", REQUEST_ID));
    headers
}

/// What the case answers to a lookup; nothing where it declares none.
fn answer(case: &Case, path: &str) -> zonegate_engine::session::LookupAnswer {
    let declared = |lookup: &&LookupAnswer| lookup.path == path;
    let found = case.lookups.iter().find(declared)?;
    let answer = found.result.as_ref().ok()?;
    Some((answer.status, answer.body.clone()))
}

/// What went on, as the filter would make it of a grant.
fn forwarded(grant: &Grant, headers: &[Header]) -> Forwarded {
    let passes = |name: &[u8]| std::str::from_utf8(name).is_ok_and(|name| grant.passes(name));
    let mut kept: Vec<Header> = headers.iter().filter(|(name, _)| passes(name)).cloned().collect();
    if let Some(content_type) = grant.content_type() {
        kept.push((b"content-type".to_vec(), content_type.as_bytes().to_vec()));
    }
    Forwarded {
        method: grant.method().as_str().to_owned(),
        path: grant.path().to_owned(),
        headers: kept,
        body: grant.body().unwrap_or_default().to_vec(),
    }
}

/// The provider's response as the client gets it; nothing where the case has none.
fn respond(session: &mut Session, case: &Case) -> Option<Answered> {
    let upstream = case.upstream.as_ref()?;
    let mut headers = vec![(b":status".to_vec(), upstream.status.to_string().into_bytes())];
    let own = upstream.headers.iter().cloned();
    headers.extend(own.map(|(name, value)| (name.to_ascii_lowercase(), value)));
    Some(match session.response_headers(&headers) {
        ResponseStep::Hold => {
            answered(session.response_with(upstream.status, &headers, &upstream.body))
        }
        ResponseStep::Replace(answer) => answered(answer),
        ResponseStep::Leave => Answered {
            status: upstream.status,
            headers: upstream.headers.clone(),
            body: upstream.body.clone(),
        },
    })
}

/// The gate's answer as the client gets it.
fn answered(answer: Answer) -> Answered {
    let headers = answer.headers.into_iter();
    let headers = headers.map(|(name, value)| (name.into_bytes(), value.into_bytes())).collect();
    Answered { status: answer.status, headers, body: answer.body }
}

/// The outcome of a walk, from the session's own record.
fn outcome(session: &Session, walk: Walk) -> Outcome {
    let audit = session.audit();
    let denied = audit.decision == "deny" || audit.response_reason.is_some();
    // Where the gate answers for itself, its `reason` says what it answered and denies nothing.
    let reason = audit.response_reason.or(audit.reason.filter(|_| denied));
    Outcome {
        decision: if denied { Decision::Deny } else { Decision::Allow },
        reason: reason.map(str::to_owned),
        policies: audit.policies.clone(),
        operations: audit.operations.clone(),
        route: Some(audit.route.clone()).filter(|route| !route.is_empty()),
        lookups: walk.lookups,
        forwarded: walk.forwarded,
        answered: walk.answered,
        trouble: walk.trouble,
    }
}
