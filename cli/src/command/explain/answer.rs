//! The answer: what a request means, what is decided, and each policy's part in it.

use std::rc::Rc;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::decision::Reason;
use zonegate_engine::key::Key;
use zonegate_engine::operation::Operation;
use zonegate_engine::policy::{Asking, Explained, Verdict};
use zonegate_engine::request::Method;

use super::log::Logged;
use super::question::{Question, What};
use super::request::{Request, Walked, walk};
use super::search::{self, Smallest};
use super::secret;
use crate::ask::{self, Scene, Way};

/// Operations whose policies are looked at one by one; the others have their verdict alone.
const EXPLAINED_MAX: usize = 50;

/// What would be decided.
#[derive(Debug)]
pub(super) struct Answer {
    /// The key's id, where it is known.
    pub(super) key: Option<String>,
    /// From where, when, at which account.
    pub(super) scene: Scene,
    /// By which request; none where no route was found.
    pub(super) way: Option<Way>,
    /// Whether a request was asked about, so that its route is worth telling.
    pub(super) is_request: bool,
    /// The reason of a denial, with words of its own where there are any.
    pub(super) denied: Option<(Reason, String)>,
    /// Each operation with its verdict and every policy's part in it.
    pub(super) operations: Vec<Asked>,
    /// What was decided then, where the log tells of it.
    pub(super) logged: Option<String>,
    /// The smallest change that would have allowed it; none where that is no question.
    pub(super) smallest: Option<Smallest>,
    /// What this cannot say.
    pub(super) notes: Vec<String>,
    /// The walk of a request.
    pub(super) walked: Option<Walked>,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Asked {
    /// The operation.
    pub(super) operation: Operation,
    /// What the policies say.
    pub(super) verdict: Verdict,
    /// Each policy's part in it; empty where that was not asked.
    pub(super) policies: Vec<Explained>,
}

impl Asked {
    /// Whether it is allowed.
    pub(super) fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allow(_))
    }
}

/// Answers a question.
pub(super) fn answer(bundle: &Rc<Bundle>, question: &Question) -> Result<Answer, String> {
    let mut answer = Answer {
        key: question.key.clone(),
        scene: question.scene.clone(),
        way: None,
        is_request: !matches!(question.what, What::Operations(..)),
        denied: None,
        operations: Vec::new(),
        logged: None,
        smallest: None,
        notes: question.notes.clone(),
        walked: None,
    };
    let key = question.key.as_deref().and_then(|id| bundle.keys.by_id(id));
    match &question.what {
        What::Request(request) => answer.request(bundle, key, request)?,
        What::Operations(way, operations) => {
            answer.plain(bundle, key, way, operations)?;
        }
        What::Logged(way, logged) => answer.logged(bundle, key, way, logged)?,
    }
    answer.smallest = search::smallest(bundle, question, &answer)?;
    Ok(answer)
}

impl Answer {
    /// Answers about a request: the gate decides, and its operations are explained.
    fn request(
        &mut self,
        bundle: &Rc<Bundle>,
        key: Option<&Key>,
        request: &Request,
    ) -> Result<(), String> {
        let walked = walk(bundle, request, &self.scene);
        self.denied = walked.denied().map(|reason| {
            let words = self.words(reason, key, &walked, request);
            (reason, words)
        });
        let route = Some(walked.audit.route.clone()).filter(|route| !route.is_empty());
        self.way = route.map(|route| Way {
            method: Method::parse(request.method.as_bytes()).map_or("GET", Method::as_str),
            route,
            operations: walked.operations.len(),
        });
        if walked.audit.key.is_none() && self.denied.is_none() {
            self.key = None;
        }
        if let (Some(way), Some(key)) = (self.way.clone(), key) {
            self.explain(bundle, key, &way, &walked.operations)?;
        }
        if !walked.unanswered.is_empty() && !walked.operations.is_empty() {
            self.notes.push(
                "what the request replaces or deletes is not known without that answer; its \
                 operations are shown as far as they are known"
                    .to_owned(),
            );
        }
        self.walked = Some(walked);
        Ok(())
    }

    /// Answers about operations, as the gate decides them when it knows them.
    fn plain(
        &mut self,
        bundle: &Bundle,
        key: Option<&Key>,
        way: &Way,
        operations: &[Operation],
    ) -> Result<(), String> {
        let key = key.ok_or("the key vanished")?;
        let reason = key.check(self.scene.at).err();
        let serves = key.serves(&self.scene.account.path());
        if let Some(reason) = reason.or((!serves).then_some(Reason::UnknownKey)) {
            self.denied = Some((reason, of_key(reason, key, &self.scene)));
            return Ok(());
        }
        self.way = Some(way.clone());
        self.explain(bundle, key, way, operations)?;
        let denied = self.operations.iter().find_map(|asked| match &asked.verdict {
            Verdict::Deny(reason, _) => Some(*reason),
            Verdict::Allow(_) => None,
        });
        self.denied = denied.map(|reason| (reason, reason.sentence().to_owned()));
        Ok(())
    }

    /// Answers about a line of the log: its operations are asked again.
    fn logged(
        &mut self,
        bundle: &Bundle,
        key: Option<&Key>,
        way: &Way,
        logged: &Logged,
    ) -> Result<(), String> {
        self.logged = Some(logged.decided());
        let then = logged.record.decision == "allow";
        let no_key = "the key had not proved itself, so the log does not name it";
        match key {
            None => self.notes.push(no_key.to_owned()),
            Some(_) if logged.operations.is_empty() => {
                self.notes.push(
                    "the log has no operations: it was decided before the request was read"
                        .to_owned(),
                );
            }
            Some(key) => self.plain(bundle, Some(key), way, &logged.operations)?,
        }
        if self.operations.is_empty() {
            self.denied = self.denied.take().or_else(|| reason_then(logged));
            return Ok(());
        }
        let same = logged.record.bundle.as_ref().is_none_or(|then| *then == bundle.digest);
        if then != self.denied.is_none() {
            let why = if same { "and the policies are the same" } else { "with other policies" };
            self.notes.push(format!(
                "then it was {}, {why}; asked again, it is {}",
                if then { "allowed" } else { "denied" },
                if self.denied.is_none() { "allowed" } else { "denied" },
            ));
        } else if !same {
            self.notes.push("then it was decided with other policies than these".to_owned());
        }
        let other = Scene { tls: !self.scene.tls, ..self.scene.clone() };
        if let Some(key) = key
            && self.differs(bundle, key, &other, way)
        {
            self.notes.push(
                "the log does not say whether the connection was encrypted, and it matters here; \
                 --plain asks for one that is not"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Whether some operation is decided otherwise in another scene.
    fn differs(&self, bundle: &Bundle, key: &Key, scene: &Scene, way: &Way) -> bool {
        let Some(asking) = ask::asking(bundle, key, scene, way) else { return true };
        self.operations.iter().any(|asked| {
            let verdict = bundle.policies.decide(&bundle.patterns, &asking, &asked.operation);
            matches!(verdict, Verdict::Allow(_)) != asked.is_allowed()
        })
    }

    /// Explains operations.
    fn explain(
        &mut self,
        bundle: &Bundle,
        key: &Key,
        way: &Way,
        operations: &[Operation],
    ) -> Result<(), String> {
        let asking = ask::asking(bundle, key, &self.scene, way)
            .ok_or_else(|| "the policies cannot be asked about this".to_owned())?;
        let mut denials = 0;
        for (at, operation) in operations.iter().enumerate() {
            let asked = one(bundle, &asking, operation);
            let first = !asked.is_allowed() && denials == 0;
            denials += usize::from(!asked.is_allowed());
            let policies = if at < EXPLAINED_MAX || first {
                bundle.policies.explain(&bundle.patterns, &asking, operation)
            } else {
                Vec::new()
            };
            self.operations.push(Asked { policies, ..asked });
        }
        if operations.len() > EXPLAINED_MAX {
            let note = "policies are shown one by one for the first operations and the first \
                        that is denied";
            self.notes.push(note.to_owned());
        }
        Ok(())
    }

    /// What is said of a denied request.
    fn words(
        &self,
        reason: Reason,
        key: Option<&Key>,
        walked: &Walked,
        request: &Request,
    ) -> String {
        if let Some(path) = walked.unanswered.first().filter(|_| reason == Reason::LookupFailed) {
            return format!(
                "the gate would first ask the provider for {path}; give an answer with --answer \
                 '{path} JSON', or one operation with --operation"
            );
        }
        if let Some(detail) = &walked.audit.detail {
            return detail.clone();
        }
        match (key, walked.audit.key.is_some()) {
            (Some(key), true) => of_key(reason, key, &self.scene),
            (Some(key), false) if reason == Reason::UnknownKey => {
                format!("this is not the text of the key {}", key.id)
            }
            (None, _) if reason == Reason::UnknownKey => match &self.key {
                Some(id) => format!("keys.toml has no key `{id}`"),
                None => reason.sentence().to_owned(),
            },
            (None, _) if reason == Reason::MalformedKey && self.key.is_none() => {
                format!("{}; --key ID asks as a key without its text", typing_error(request))
            }
            (None, _) if reason == Reason::NoKey => {
                format!("{}; --key ID asks as a key without its text", reason.sentence())
            }
            (Some(_) | None, _) => reason.sentence().to_owned(),
        }
    }
}

/// The reason that the log gives.
fn reason_then(logged: &Logged) -> Option<(Reason, String)> {
    let code = logged.record.reason.as_deref().filter(|_| logged.record.decision == "deny")?;
    let reason = Reason::ALL.iter().copied().find(|reason| reason.code() == code)?;
    let words = logged.record.detail.clone();
    Some((reason, words.unwrap_or_else(|| reason.sentence().to_owned())))
}

/// What is wrong with the text that is shown as a key.
fn typing_error(request: &Request) -> String {
    match secret::misspelt(request) {
        Some(error) => error.to_string(),
        None => "there is no key of this gate where one belongs".to_owned(),
    }
}

/// One operation, without its policies.
fn one(bundle: &Bundle, asking: &Asking, operation: &Operation) -> Asked {
    let verdict = bundle.policies.decide(&bundle.patterns, asking, operation);
    Asked { operation: operation.clone(), verdict, policies: Vec::new() }
}

/// Why a key may not be used, in words; the reason's sentence where it may.
fn of_key(reason: Reason, key: &Key, scene: &Scene) -> String {
    let time = |time: Option<jiff::Timestamp>| time.map_or("ever".to_owned(), |at| at.to_string());
    if reason == Reason::DisabledKey {
        "the key is disabled".to_owned()
    } else if matches!(reason, Reason::EarlyKey | Reason::ExpiredKey) {
        let (from, to) = (time(key.not_before), time(key.expires));
        format!("the key is valid from `{from}` to `{to}`")
    } else if reason == Reason::UnknownKey && !key.serves(&scene.account.path()) {
        format!("the key is for {}", key.accounts.join(", "))
    } else {
        reason.sentence().to_owned()
    }
}
