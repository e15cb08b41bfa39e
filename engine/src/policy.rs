//! The only module that names Cedar: policies are loaded, indexed by scope, and asked.
//!
//! Cedar evaluates every policy it is given, at a microsecond or two each, so a decision is made
//! in two steps. A [`Subject`] is one key with the policies whose principal scope can match it,
//! built when the key first speaks. For an operation, those of its policies whose action and
//! resource scope can match are the candidates, and only they are evaluated, by Cedar's evaluator
//! (`evaluate`). What some of them cannot tell apart ([`Seen`]) they are asked once in a request.
//!
//! Cedar skips a policy that fails to evaluate. A skipped `forbid` is a hole, so here any
//! evaluation error among the candidates denies.
//!
//! # What this module does not do
//! It knows no HTTP, no provider and no clock; it decides nothing that is not a policy (wildcard
//! names and meta types are the session's and the provider's business).

mod candidates;
#[cfg(feature = "author")]
mod cedar_test;
#[cfg(feature = "explain")]
mod clause;
mod depth;
mod entities;
mod entry;
#[cfg(feature = "author")]
mod enumerated;
mod evaluate;
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
#[cfg(feature = "author")]
mod plain;
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
use std::sync::Arc;

#[cfg(feature = "author")]
use cedar_policy::Schema;
use cedar_policy_core::ast::{Context, Entity};

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

use self::candidates::Group;
use self::entry::{Entry, Link, Template};
use self::evaluate::{Question, Said};
use self::index::Index;
use self::names::Types;
#[cfg(feature = "author")]
pub(crate) use self::pack::Packing;
use self::packed::Binds;
pub(crate) use self::packed::{Packed, vocabulary};
use self::room::Room;
use self::scope::PrincipalBound;
use self::seen::{Seen, Sight};
use self::subject::Kin;
use crate::decision::Reason;
use crate::kept::Kept;
use crate::key::Key;
use crate::name::Name;
use crate::operation::{Action, Operation};
use crate::pattern::{self, Patterns};
use crate::problem::Problem;
use crate::record_type::RecordType;
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
/// Decisions kept within one request that hold for all names; they are looked through.
const ALIKE_MAX: usize = 16;

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
    types: Rc<Types>,
    /// Every action as Cedar sees it.
    actions: HashMap<Action, Arc<Entity>>,
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
    /// Contexts of recent circumstances; building one costs as much as ten policies.
    contexts: Kept<Circumstances, Context, CONTEXTS_MAX>,
    /// Keys that spoke recently, by account and id.
    subjects: Kept<(AccountId, String), Rc<Subject>, SUBJECTS_MAX>,
    /// What keys with the same roles share, by the places of their policies.
    kins: Kept<Vec<usize>, Rc<Kin>, KINS_MAX>,
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
    /// Whether the entities of all its operations can be kept.
    is_small: bool,
    /// What was decided before.
    decided: Rc<Decided>,
    /// What was decided of all records that differ in their names and values only.
    alike: Rc<RefCell<Vec<(Alike, Verdict)>>>,
}

/// What groups of candidates said, by the address of the group and what it sees of an operation.
///
/// INVARIANT: a weak pointer is kept along, so that no others ever have their address, and their
/// policies go when they are dropped elsewhere.
type Decided = Kept<(usize, Seen), (Weak<Group>, Rc<Said>), DECIDED_MAX>;

/// What operations on records have in common that differ in name and value only.
#[derive(Clone, Debug)]
struct Alike {
    /// What is done.
    action: Action,
    /// The zone.
    zone: Name,
    /// The type.
    rtype: RecordType,
}

impl Alike {
    /// That of an operation, if it is on a record.
    fn of(operation: &Operation) -> Option<Alike> {
        let record = operation.as_record()?;
        let (action, zone) = (operation.action, record.zone.clone());
        Some(Alike { action, zone, rtype: record.rtype })
    }

    /// Whether an operation is such a one, on a record that is in the zone.
    fn holds_for(&self, operation: &Operation) -> bool {
        operation.action == self.action
            && operation.as_record().is_some_and(|record| {
                record.rtype == self.rtype
                    && record.zone == self.zone
                    && record.name.depth_below(&record.zone).is_some()
            })
    }
}

impl Policies {
    /// Loads the policies of a bundle; each is parsed when it is first a candidate.
    pub(crate) fn load(packed: Vec<Packed>, texts: Rows) -> Result<Policies, Vec<Problem>> {
        let broken = |message: &str| vec![Problem::new("policies", message)];
        let types =
            Rc::new(Types::parse().ok_or_else(|| broken("Cedar does not know its own names"))?);
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
                Some(slots) => {
                    templates.push(Rc::new(Template::packed(packed, slots, text, &types)));
                }
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
        let entity = |action: &Action| (*action, Arc::new(entities::action(&types, *action)));
        Ok(Policies {
            #[cfg(feature = "author")]
            schema: None,
            actions: Action::ALL.iter().map(entity).collect(),
            types,
            entries,
            everybody: Rc::new(Index::of(everybody)),
            of_roles,
            of_keys,
            templates,
            contexts: Kept::default(),
            subjects: Kept::default(),
            kins: Kept::default(),
            room: Room::default(),
            #[cfg(feature = "author")]
            recorded: RefCell::default(),
        })
    }

    /// What a key shares with all that have the same policies.
    fn kin(&self, key: &Key) -> Rc<Kin> {
        let of_roles = key.roles.iter().filter_map(|role| self.of_roles.get(role));
        let mut at: Vec<usize> =
            of_roles.chain(self.of_keys.get(&key.id)).flatten().copied().collect();
        at.sort_unstable();
        at.dedup();
        if let Some(kin) = self.kins.get(&at) {
            return kin;
        }
        let own = at.iter().filter_map(|place| self.entries.get(*place).map(Rc::clone));
        let kin = Rc::new(Kin::of(&self.everybody, own.collect(), &self.room));
        self.kins.keep(at, Rc::clone(&kin));
        kin
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
            self.subjects.forget();
            self.kins.forget();
        }
        if let Some(subject) = self.subjects.get(&at) {
            return Some(subject);
        }
        let subject = Rc::new(Subject::build(self, key)?);
        self.subjects.keep(at, Rc::clone(&subject));
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
        let context = match self.contexts.get(facts) {
            Some(context) => context,
            None => {
                let context = entities::context(&self.types, facts)?;
                self.contexts.keep(facts.clone(), context.clone());
                context
            }
        };
        let (subject, account) = (Rc::clone(subject), account.clone());
        let is_small = facts.operations <= subject::PREPARED_MAX;
        let (decided, alike) = (Rc::default(), Rc::default());
        Some(Asking { subject, account, context, is_small, decided, alike })
    }

    /// Decides one operation.
    pub fn decide(&self, patterns: &Patterns, asking: &Asking, operation: &Operation) -> Verdict {
        self.said(patterns, asking, operation, Verdict::clone)
    }

    /// Whether one operation is allowed: the same decision, for those who need no ids of policies.
    pub fn allows(&self, patterns: &Patterns, asking: &Asking, operation: &Operation) -> bool {
        self.said(patterns, asking, operation, |verdict| matches!(verdict, Verdict::Allow(_)))
    }

    /// Decides one operation, unless another that is decided alike was; `read` takes what is needed.
    fn said<T>(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
        read: impl FnOnce(&Verdict) -> T,
    ) -> T {
        #[cfg(feature = "author")]
        self.note(asking, operation);
        let known = asking.alike.borrow();
        if let Some((_, verdict)) = known.iter().find(|(alike, _)| alike.holds_for(operation)) {
            return read(verdict);
        }
        drop(known);
        let anew = self.decide_anew(patterns, asking, operation);
        read(&anew.unwrap_or(Verdict::Deny(Reason::Internal, Vec::new())))
    }

    /// Decides one operation, and notes it where all that are alike are decided the same.
    fn decide_anew(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
    ) -> Option<Verdict> {
        let candidates = asking.subject.candidates(operation, &asking.account)?;
        let mut said = Said::default();
        for group in &candidates.groups {
            self.ask_once(patterns, asking, operation, group, &mut said)?;
        }
        let verdict = said.verdict();
        // SECURITY: neither the index nor a candidate has looked at the name or the value.
        let by_name = candidates.are_fine || asking.subject.looks_at_names() || self.has_schema();
        if let (Some(alike), false) = (Alike::of(operation), by_name) {
            let mut known = asking.alike.borrow_mut();
            if known.len() >= ALIKE_MAX {
                known.clear();
            }
            known.push((alike, verdict.clone()));
        }
        Some(verdict)
    }

    /// Asks a group, unless it was asked before of an operation that it cannot tell from this one.
    fn ask_once(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
        group: &Rc<Group>,
        said: &mut Said,
    ) -> Option<()> {
        let seen = self.seen(patterns, asking, operation, group)?;
        // A value seldom comes twice, and may be long.
        if group.reads.has_value() {
            said.add(&self.ask(asking, group, &seen)?);
            return Some(());
        }
        let at = (Rc::as_ptr(group).addr(), seen);
        if let Some((_, before)) = asking.decided.get(&at) {
            said.add(&before);
            return Some(());
        }
        let now = Rc::new(self.ask(asking, group, &at.1)?);
        said.add(&now);
        asking.decided.keep(at, (Rc::downgrade(group), now));
        Some(())
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
            candidates.groups.iter().any(|group| {
                group.reads.has_value()
                    || group.patterns.iter().any(|name| reads_value(patterns, name))
            })
        })
    }

    /// Has a group evaluated.
    fn ask(&self, asking: &Asking, group: &Group, seen: &Seen) -> Option<Said> {
        #[cfg(feature = "author")]
        self.hold(asking, seen)?;
        let may_recur = asking.is_small && !group.reads.has_value() && !self.has_schema();
        let prepared = asking.subject.prepared(self, seen, may_recur)?;
        Question::new(seen.action, &prepared, &asking.context).ask(&group.entries)
    }

    /// What a group sees of an operation.
    fn seen(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
        group: &Group,
    ) -> Option<Seen> {
        let matching = matching_patterns(patterns, operation, &group.patterns);
        // The schema wants every attribute to be there; policies only those they read.
        let sight = if self.has_schema() { Sight::ALL } else { group.sight() };
        Seen::of(&asking.account, operation, &matching, sight)
    }

    /// Whether requests are held against the schema. A filter has none: its requests are made of
    /// typed values, and tables check them.
    #[cfg_attr(
        not(feature = "author"),
        expect(clippy::unused_self, reason = "only what authors use carries a schema")
    )]
    fn has_schema(&self) -> bool {
        #[cfg(feature = "author")]
        return self.schema.is_some();
        #[cfg(not(feature = "author"))]
        return false;
    }
}

/// No places yet.
fn places() -> HashMap<String, Vec<usize>> {
    HashMap::new()
}

/// The names of the patterns that are mentioned and the record matches.
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
