//! The only module that names Cedar: policies are loaded, indexed by scope, and asked.
//!
//! Cedar evaluates every policy it is given, at a microsecond or two each, so a decision is made
//! in two steps. A [`Subject`] is one key with the policies whose principal scope can match it,
//! built when the key first speaks. For an operation, those of its policies whose action and
//! resource scope can match are the candidates, and only they are evaluated. What they cannot tell
//! apart ([`Seen`]) is decided once in a request.
//!
//! Cedar skips a policy that fails to evaluate. A skipped `forbid` is a hole, so here any
//! evaluation error among the candidates denies.
//!
//! # What this module does not do
//! It knows no HTTP, no provider and no clock; it decides nothing that is not a policy (wildcard
//! names and meta types are the session's and the provider's business).

#[cfg(feature = "author")]
mod cedar_test;
#[cfg(feature = "explain")]
mod clause;
mod depth;
mod entities;
mod entry;
#[cfg(feature = "author")]
mod enumerated;
#[cfg(feature = "author")]
mod exercise;
#[cfg(feature = "explain")]
mod explain;
mod facts;
#[cfg(feature = "explain")]
mod holding;
mod index;
#[cfg(feature = "author")]
mod load;
mod names;
#[cfg(feature = "author")]
mod pack;
mod packed;
mod reach;
mod room;
#[cfg(feature = "author")]
mod schema;
mod scope;
#[cfg(feature = "author")]
mod scoping;
mod seen;
#[cfg(feature = "author")]
mod spelling;
mod subject;
#[cfg(feature = "author")]
mod types;
#[cfg(feature = "author")]
mod written;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use cedar_policy::{AuthorizationError, Authorizer, Context, Decision, PolicyId, Request, Schema};

#[cfg(feature = "author")]
pub use self::cedar_test::CedarAnswer;
#[cfg(feature = "explain")]
pub use self::clause::{Clause, Held};
pub use self::entities::Circumstances;
#[cfg(feature = "author")]
pub use self::exercise::{Asked, Condition, Exercise, Outline, Shown, Sides};
#[cfg(feature = "explain")]
pub use self::explain::{Explained, Why};
#[cfg(feature = "explain")]
pub use self::holding::{Blank, Holding, On, Who};
#[cfg(feature = "author")]
pub use self::schema::{FIXED as FIXED_SCHEMA, Lists};
pub use self::scope::AccountId;
pub use self::subject::Subject;
#[cfg(feature = "author")]
pub use self::written::{Allow, Written, allows};

use self::entry::{Entry, Link, Template};
use self::facts::Reads;
use self::index::Index;
use self::names::Types;
#[cfg(feature = "author")]
pub(crate) use self::pack::Packing;
use self::packed::Binds;
pub(crate) use self::packed::{Packed, vocabulary};
use self::room::Room;
use self::scope::PrincipalBound;
use self::seen::{Seen, Sight};
use self::subject::{Candidates, Kin, Prepared};
use crate::decision::Reason;
use crate::key::Key;
use crate::operation::Operation;
use crate::pattern::{self, Patterns};
use crate::problem::Problem;
use crate::rows::Rows;
use crate::value;

/// Contexts kept for reuse; one is about a kilobyte.
const CONTEXTS_MAX: usize = 64;
/// Subjects kept; one is a key's entities, at most some tens of kilobytes, besides the policies
/// that [`Room`] counts.
const SUBJECTS_MAX: usize = 1024;
/// Sets of roles kept, each with its index and candidates.
const KINS_MAX: usize = 256;
/// Decisions kept within one request.
const DECIDED_MAX: usize = 256;

/// The answer of the policies to one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed, by the policies with these ids, sorted.
    Allow(Vec<String>),
    /// Denied; the ids of the policies that forbid or failed, sorted, empty where none permits.
    Deny(Reason, Vec<String>),
}

/// All policies of a bundle, indexed.
#[derive(Debug)]
pub struct Policies {
    /// The schema, where requests are to be held against it.
    #[cfg(feature = "author")]
    schema: Option<Schema>,
    /// Entity type names.
    types: Types,
    /// Every policy that is not a template.
    entries: Vec<Rc<Entry>>,
    /// Those of them that are for every key.
    everybody: Rc<Index>,
    /// The places of those for the keys with one role.
    of_roles: HashMap<String, Vec<usize>>,
    /// The places of those for one key.
    of_keys: HashMap<String, Vec<usize>>,
    /// The templates that grants link.
    templates: Vec<Rc<Template>>,
    /// Cedar's evaluator.
    authorizer: Authorizer,
    /// Contexts of recent circumstances; building one costs as much as ten policies.
    contexts: RefCell<HashMap<Circumstances, Context>>,
    /// Keys that spoke recently, by account and id.
    subjects: RefCell<HashMap<(AccountId, String), Rc<Subject>>>,
    /// What keys with the same roles share, by the places of their policies.
    kins: RefCell<HashMap<Vec<usize>, Rc<Kin>>>,
    /// The room for the policies that subjects and kins keep.
    room: Room,
    /// What was asked, where tables want to know.
    #[cfg(feature = "author")]
    recorded: RefCell<Option<Vec<Asked>>>,
}

/// What one request asks its operations with.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The key.
    subject: Rc<Subject>,
    /// The account.
    account: AccountId,
    /// Cedar's context.
    context: Context,
    /// What was decided before.
    decided: Rc<RefCell<Decided>>,
}

/// Verdicts by the address of the candidates and what these see of an operation.
///
/// INVARIANT: a weak pointer is kept along, so that no others ever have their address, and their
/// policies go when they are dropped elsewhere.
type Decided = HashMap<(usize, Seen), (Weak<Candidates>, Verdict)>;

impl Policies {
    /// Loads the policies of a bundle; each is parsed when it is first a candidate.
    pub(crate) fn load(packed: Vec<Packed>, texts: Rows) -> Result<Policies, Vec<Problem>> {
        let broken = |message: &str| vec![Problem::new("policies", message)];
        let types =
            Types::parse().ok_or_else(|| broken("the names of the schema cannot be used"))?;
        if packed.len() != texts.len() {
            return Err(broken("there is not one text for each policy"));
        }
        let too_deep: Vec<Problem> = packed
            .iter()
            .zip(texts.iter())
            .filter_map(|(packed, text)| depth::check_packed(&packed.authored, text).err())
            .collect();
        if !too_deep.is_empty() {
            return Err(too_deep);
        }
        let texts = Rc::new(texts);
        let (mut entries, mut templates) = (Vec::new(), Vec::new());
        for (row, mut packed) in packed.into_iter().enumerate() {
            let text = (Rc::clone(&texts), row);
            match packed.slots.take() {
                Some(slots) => templates.push(Rc::new(Template::packed(packed, slots, text))),
                None => entries.push(Rc::new(Entry::packed(packed, text))),
            }
        }
        let (mut everybody, mut of_roles, mut of_keys) = (Vec::new(), places(), places());
        for (place, entry) in entries.iter().enumerate() {
            match &entry.scope.principal {
                PrincipalBound::Any => everybody.push(Rc::clone(entry)),
                PrincipalBound::Role(role) => of_roles.entry(role.clone()).or_default().push(place),
                PrincipalBound::Key(id) => of_keys.entry(id.clone()).or_default().push(place),
            }
        }
        Ok(Policies {
            #[cfg(feature = "author")]
            schema: None,
            types,
            entries,
            everybody: Rc::new(Index::of(everybody)),
            of_roles,
            of_keys,
            templates,
            authorizer: Authorizer::new(),
            contexts: RefCell::default(),
            subjects: RefCell::default(),
            kins: RefCell::default(),
            room: Room::default(),
            #[cfg(feature = "author")]
            recorded: RefCell::default(),
        })
    }

    /// Holds requests against the schema of these lists from now on, too.
    #[cfg(feature = "author")]
    pub(crate) fn hold_requests(&mut self, lists: &Lists) -> Result<(), Problem> {
        self.schema = Some(lists.schema()?);
        Ok(())
    }

    /// What a key shares with all that have the same policies.
    fn kin(&self, key: &Key) -> Rc<Kin> {
        let of_roles = key.roles.iter().filter_map(|role| self.of_roles.get(role));
        let mut at: Vec<usize> =
            of_roles.chain(self.of_keys.get(&key.id)).flatten().copied().collect();
        at.sort_unstable();
        at.dedup();
        if let Some(kin) = self.kins.borrow().get(&at) {
            return Rc::clone(kin);
        }
        let own = at.iter().filter_map(|place| self.entries.get(*place).map(Rc::clone));
        let kin = Rc::new(Kin::of(&self.everybody, own.collect(), &self.room));
        let mut kins = self.kins.borrow_mut();
        if kins.len() >= KINS_MAX {
            kins.clear();
        }
        kins.insert(at, Rc::clone(&kin));
        kin
    }

    /// The schema to hold requests against, where there is one.
    #[cfg(feature = "author")]
    fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// A filter has no schema: its requests are made of typed values, and tables check them.
    #[cfg(not(feature = "author"))]
    #[expect(clippy::unused_self, reason = "the other form needs it")]
    fn schema(&self) -> Option<&Schema> {
        None
    }

    /// The ids of all policies and templates, with their sentence and file, sorted by id.
    pub fn ids(&self) -> Vec<(&str, &str, &str)> {
        let policies = self.entries.iter().map(|entry| &*entry.authored);
        let templates = self.templates.iter().map(|template| &*template.authored);
        let mut ids: Vec<_> = policies
            .chain(templates)
            .map(|one| (one.id.as_str(), one.doc.as_str(), one.file.as_str()))
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The names that a key's grants can use: the templates and the sets they belong to.
    pub fn grants(&self) -> Vec<String> {
        let ids = self.templates.iter().map(|template| &template.authored.id);
        let sets = self.templates.iter().flat_map(|template| &template.slots.grants);
        let mut names: Vec<String> = ids.chain(sets).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What is allowed but probably not meant.
    pub fn warnings(&self) -> Vec<Problem> {
        let policies = self.entries.iter().map(|entry| &*entry.authored);
        let templates = self.templates.iter().map(|template| &*template.authored);
        let silent = policies.chain(templates).filter(|authored| authored.doc.is_empty());
        silent
            .map(|authored| {
                let message = format!("policy `{}` does not say whom it is for", authored.id);
                Problem::new(&authored.file, message)
                    .at(authored.line)
                    .help("add `@doc(\"one sentence\")`; `whoami` shows it")
                    .lint("policy-without-doc")
            })
            .collect()
    }

    /// The key as the policies see it; built when it first speaks, then kept for a while.
    pub fn subject(&self, account: &AccountId, key: &Key) -> Option<Rc<Subject>> {
        let at = (account.clone(), key.id.clone());
        if self.room.is_full() {
            self.subjects.borrow_mut().clear();
            self.kins.borrow_mut().clear();
        }
        if let Some(subject) = self.subjects.borrow().get(&at) {
            return Some(Rc::clone(subject));
        }
        let subject = Rc::new(Subject::build(self, key)?);
        let mut subjects = self.subjects.borrow_mut();
        if subjects.len() >= SUBJECTS_MAX {
            subjects.clear();
        }
        subjects.insert(at, Rc::clone(&subject));
        Some(subject)
    }

    /// A key as it is not in the bundle: with another role, say. Tools ask with it what would be;
    /// it is never kept, because another key may have the same id.
    #[cfg(feature = "author")]
    pub fn supposed(&self, key: &Key) -> Option<Rc<Subject>> {
        Subject::build(self, key).map(Rc::new)
    }

    /// Everything that the operations of one request are asked with.
    pub fn asking(
        &self,
        subject: &Rc<Subject>,
        account: &AccountId,
        facts: &Circumstances,
    ) -> Option<Asking> {
        let known = self.contexts.borrow().get(facts).cloned();
        let context = match known {
            Some(context) => context,
            None => {
                let context = entities::context(&self.types, facts)?;
                let mut contexts = self.contexts.borrow_mut();
                if contexts.len() >= CONTEXTS_MAX {
                    contexts.clear();
                }
                contexts.insert(facts.clone(), context.clone());
                context
            }
        };
        let (subject, account) = (Rc::clone(subject), account.clone());
        Some(Asking { subject, account, context, decided: Rc::default() })
    }

    /// Decides one operation.
    pub fn decide(&self, patterns: &Patterns, asking: &Asking, operation: &Operation) -> Verdict {
        #[cfg(feature = "author")]
        self.note(asking, operation);
        let candidates = asking.subject.candidates(operation, &asking.account);
        candidates
            .and_then(|candidates| self.decide_once(patterns, asking, operation, &candidates))
            .unwrap_or(Verdict::Deny(Reason::Internal, Vec::new()))
    }

    /// Decides an operation, unless one that the candidates cannot tell from it was decided before.
    fn decide_once(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
        candidates: &Rc<Candidates>,
    ) -> Option<Verdict> {
        let seen = self.seen(patterns, asking, operation, candidates)?;
        // A value seldom comes twice, and may be long.
        if candidates.reads.has_value() {
            return self.ask(asking, candidates, &seen);
        }
        let at = (Rc::as_ptr(candidates).addr(), seen);
        if let Some((_, verdict)) = asking.decided.borrow().get(&at) {
            return Some(verdict.clone());
        }
        let verdict = self.ask(asking, candidates, &at.1)?;
        let mut decided = asking.decided.borrow_mut();
        if decided.len() >= DECIDED_MAX {
            decided.clear();
        }
        decided.insert(at, (Rc::downgrade(candidates), verdict.clone()));
        Some(verdict)
    }

    /// Decides one operation by evaluating every policy of the bundle on every attribute.
    ///
    /// It exists for the property test that compares it with [`Policies::decide`].
    pub fn decide_unindexed(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
    ) -> Verdict {
        let everything = self.entries.iter().chain(asking.subject.links());
        let entries: Vec<Rc<Entry>> = everything.map(Rc::clone).collect();
        let candidates = Candidates::of(&entries);
        candidates
            .map(|candidates| Candidates { reads: Reads::ALL, ..candidates })
            .and_then(|candidates| {
                let seen = self.seen(patterns, asking, operation, &candidates)?;
                self.ask(asking, &candidates, &seen)
            })
            .unwrap_or(Verdict::Deny(Reason::Internal, Vec::new()))
    }

    /// Whether some permit could allow an operation of this action on this resource.
    pub fn could_allow(&self, asking: &Asking, operation: &Operation) -> bool {
        #[cfg(feature = "author")]
        self.note(asking, operation);
        let candidates = asking.subject.candidates(operation, &asking.account);
        candidates.is_some_and(|candidates| candidates.permits)
    }

    /// Whether some candidate reads the record's value.
    pub fn reads_values(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
    ) -> bool {
        // What cannot be prepared is denied later; until then it counts as reading everything.
        asking.subject.candidates(operation, &asking.account).is_none_or(|candidates| {
            candidates.reads.has_value()
                || candidates.patterns.iter().any(|name| reads_value(patterns, name))
        })
    }

    /// Builds Cedar's request and reads its response.
    fn ask(&self, asking: &Asking, candidates: &Candidates, seen: &Seen) -> Option<Verdict> {
        let (request, prepared) = self.request(asking, candidates, seen)?;
        let response = self.authorizer.is_authorized(&request, &candidates.set, &prepared.entities);
        let by = |ids: Vec<&PolicyId>| {
            let mut ids: Vec<String> =
                ids.into_iter().map(|id| subject::authored_id(id).to_owned()).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let errors: Vec<&PolicyId> = response
            .diagnostics()
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(error)| error.policy_id())
            .collect();
        // SECURITY: a policy that fails must deny, not vanish (case `a-policy-that-errors-denies`).
        if !errors.is_empty() {
            return Some(Verdict::Deny(Reason::PolicyError, by(errors)));
        }
        let reasons = by(response.diagnostics().reason().collect());
        Some(match response.decision() {
            Decision::Allow => Verdict::Allow(reasons),
            Decision::Deny if reasons.is_empty() => {
                Verdict::Deny(Reason::NoPolicyAllows, Vec::new())
            }
            Decision::Deny => Verdict::Deny(Reason::PolicyForbids, reasons),
        })
    }

    /// What the candidates see of an operation.
    fn seen(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
        candidates: &Candidates,
    ) -> Option<Seen> {
        let matching = matching_patterns(patterns, operation, &candidates.patterns);
        // The schema wants every attribute to be there; policies only those they read.
        let sight = if self.schema().is_some() { Sight::ALL } else { candidates.sight() };
        Seen::of(&asking.account, operation, &matching, sight)
    }

    /// Cedar's request and the three entities it needs.
    fn request(
        &self,
        asking: &Asking,
        candidates: &Candidates,
        seen: &Seen,
    ) -> Option<(Request, Rc<Prepared>)> {
        let may_recur = !candidates.reads.has_value() && self.schema().is_none();
        let prepared = asking.subject.prepared(self, seen, may_recur)?;
        let (action, resource) = (prepared.action.clone(), prepared.resource.clone());
        let context = asking.context.clone();
        let principal = asking.subject.uid();
        let request = Request::new(principal, action, resource, context, self.schema()).ok()?;
        Some((request, prepared))
    }
}

/// No places yet.
fn places() -> HashMap<String, Vec<usize>> {
    HashMap::new()
}

/// The names of the patterns that the candidates mention and the record matches.
fn matching_patterns<'p>(
    patterns: &'p Patterns,
    operation: &Operation,
    wanted: &[String],
) -> Vec<&'p str> {
    let Some(record) = operation.as_record() else { return Vec::new() };
    if wanted.is_empty() {
        return Vec::new();
    }
    let wanted: Vec<usize> = wanted.iter().filter_map(|name| patterns.index(name)).collect();
    let relative = record.name.relative_to(&record.zone).unwrap_or_default();
    let value = record.value.as_deref().map(|value| value::canonical(record.rtype, value));
    let subject = pattern::Subject {
        relative: &relative,
        name: record.name.as_str(),
        value: value.as_deref(),
    };
    patterns.matching(&wanted, &subject)
}

/// Whether a named pattern reads a record's value.
fn reads_value(patterns: &Patterns, name: &str) -> bool {
    let pattern = patterns.index(name).and_then(|index| patterns.get(index));
    pattern.is_some_and(|pattern| pattern.reads() == pattern::Reads::Value)
}

/// The entity that a template's `?resource` becomes for a grant, or what the grant lacks.
fn bound_entity<'g>(
    binds: Binds,
    grant: &'g crate::key::Grant,
) -> Result<Option<(&'static str, &'g str)>, &'static str> {
    let name = |kind, name: Option<&'g crate::name::Name>, lacks| match name {
        Some(name) => Ok(Some((kind, name.as_str()))),
        None => Err(lacks),
    };
    match binds {
        Binds::Nothing => Ok(None),
        Binds::Zone => name("Zone", grant.zone.as_ref(), "zone"),
        Binds::Domain => name("Domain", grant.domain.as_ref(), "domain"),
        Binds::Name => name("Name", grant.name.as_ref(), "name"),
    }
}
