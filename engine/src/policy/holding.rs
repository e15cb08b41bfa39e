//! Each policy as it holds for keys, for tools that compare, prove and draw.
//!
//! A template's link is a policy of its own here, with its slots filled; what a tool sees is what
//! is decided by.

use std::rc::Rc;

use cedar_policy::{EntityUid, Policy, ResourceConstraint};
use serde_json::Value;

use super::entry::Template;
use super::scope::{PrincipalBound, ResourceBound};
use super::{Entry, Policies, facts, names};
use crate::key::Key;
use crate::operation::{Action, ResourceKind};
use crate::problem::Problem;

/// One policy as it holds: a static policy, or a template that a key's grant has filled.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Its `@id`; a link has its template's.
    pub id: String,
    /// Unique among all holdings: the `@id`, and for a link also its key and number.
    pub unique: String,
    /// Its `@doc`.
    pub doc: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins at.
    pub line: usize,
    /// Whether it forbids.
    pub forbids: bool,
    /// The id of the key whose grant made it; `None` for a policy that is no template.
    pub linked: Option<String>,
    /// Whom its scope is for.
    pub who: Who,
    /// The actions that its scope admits.
    pub actions: Vec<Action>,
    /// What its scope is about.
    pub on: On,
    /// Its clauses, as Cedar text with `when` or `unless` before it, in the order of evaluation.
    pub clauses: Vec<String>,
    /// The policy in Cedar: as it was written; a link's with its slots filled.
    pub text: String,
    /// The policy in Cedar's JSON form, without slots.
    pub json: Value,
}

/// A template as its author wrote it; its slots stand in it as `?principal` and `?resource`.
#[derive(Clone, Debug)]
pub struct Blank {
    /// The policy with its slots.
    pub holding: Holding,
    /// The names of grants that link it, besides its own id.
    pub grants: Vec<String>,
}

impl Blank {
    /// Whether a grant of this name links it.
    pub fn is_of(&self, grant: &str) -> bool {
        self.holding.id == grant || self.grants.iter().any(|one| one == grant)
    }
}

/// Whom a scope is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Every key.
    Everybody,
    /// The key with this id.
    Key(String),
    /// The keys with this role.
    Role(String),
}

/// What a scope is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// Everything.
    Everything,
    /// All resources of a kind.
    Kind(ResourceKind),
    /// One zone and its records.
    Zone(String),
    /// A name and all below it, across zone cuts.
    Domain(String),
    /// One owner name.
    Name(String),
    /// One account, as `provider/account`, and all in it.
    Account(String),
    /// One provider and all in it.
    Provider(String),
}

impl Holding {
    /// Whether its scope is for this key.
    pub fn is_for(&self, key: &Key) -> bool {
        match &self.who {
            Who::Everybody => true,
            Who::Key(id) => *id == key.id,
            Who::Role(role) => key.roles.contains(role),
        }
    }

    /// What the scope is about, in words.
    pub fn on_text(&self) -> String {
        bound_of(&self.on).text()
    }
}

impl Policies {
    /// All policies that are no templates, in the order of their files.
    pub fn statics(&self) -> Vec<Holding> {
        self.entries.iter().filter_map(|entry| holding(entry, None, 0)).collect()
    }

    /// The policies that a key's grants make of templates, in the order of its grants.
    pub fn linked(&self, key: &Key) -> Result<Vec<Holding>, Problem> {
        let links = self.links(key)?;
        let numbered = links.iter().enumerate();
        Ok(numbered.filter_map(|(number, entry)| holding(entry, Some(&key.id), number)).collect())
    }

    /// All templates, in the order of their files.
    pub fn templates(&self) -> Vec<Blank> {
        let blank = |template: &Rc<Template>| {
            let resource = template.slots.binds.slot().map(|kind| (kind, "?resource"));
            let json = facts::link(template.json()?, ("Key", "?principal"), resource);
            let policy = Policy::from_json(None, json).ok()?;
            let authored = Rc::clone(&template.authored);
            let entry = Entry::made(policy, template.scope.clone(), authored);
            let holding = holding(&entry, None, 0)?;
            Some(Blank { holding, grants: template.slots.grants.clone() })
        };
        self.templates.iter().filter_map(blank).collect()
    }

    /// Every policy that can match a key: the statics whose scope admits it, then its links.
    pub fn holdings(&self, key: &Key) -> Result<Vec<Holding>, Problem> {
        let mut all = self.statics();
        all.retain(|holding| holding.is_for(key));
        all.extend(self.linked(key)?);
        Ok(all)
    }
}

/// An entry as tools see it; `None` only where Cedar refuses its own policy.
fn holding(entry: &Entry, linked: Option<&str>, number: usize) -> Option<Holding> {
    let authored = &entry.authored;
    let word = |unless| if unless { "unless" } else { "when" };
    let clauses = entry.clauses().iter();
    Some(Holding {
        id: authored.id.clone(),
        unique: match linked {
            Some(key) => format!("{}@{key}@{number}", authored.id),
            None => authored.id.clone(),
        },
        doc: authored.doc.clone(),
        file: authored.file.clone(),
        line: authored.line,
        forbids: !entry.permits,
        linked: linked.map(str::to_owned),
        who: who_of(entry),
        actions: Action::ALL
            .iter()
            .copied()
            .filter(|action| entry.scope.admits_action(*action))
            .collect(),
        on: on_of(&entry.scope.resource),
        clauses: clauses.map(|one| format!("{} {}", word(one.unless), one.text)).collect(),
        text: entry.policy()?.to_string(),
        json: entry.policy()?.to_json().ok()?,
    })
}

/// Whom an entry's scope is for.
pub(super) fn who_of(entry: &Entry) -> Who {
    match &entry.scope.principal {
        PrincipalBound::Any => Who::Everybody,
        PrincipalBound::Key(id) => Who::Key(id.clone()),
        PrincipalBound::Role(role) => Who::Role(role.clone()),
    }
}

/// What an entry's scope is about, in words.
pub(super) fn on_text(entry: &Entry) -> String {
    let pattern = |uid: &EntityUid| {
        let (kind, name) = names::parts(uid);
        (kind == "Pattern").then(|| format!("what the pattern {name} matches"))
    };
    let found = entry.policy().and_then(|policy| match policy.resource_constraint() {
        ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => pattern(&uid),
        ResourceConstraint::Any | ResourceConstraint::Eq(_) | ResourceConstraint::Is(_) => None,
    });
    found.unwrap_or_else(|| entry.scope.resource.text())
}

/// A bound, as tools see it.
fn on_of(bound: &ResourceBound) -> On {
    match bound {
        ResourceBound::Any => On::Everything,
        ResourceBound::Kind(kind) => On::Kind(*kind),
        ResourceBound::Zone(name) => On::Zone(name.clone()),
        ResourceBound::Domain(name) => On::Domain(name.clone()),
        ResourceBound::Name(name) => On::Name(name.clone()),
        ResourceBound::Account(path) => On::Account(path.clone()),
        ResourceBound::Provider(name) => On::Provider(name.clone()),
    }
}

/// The same the other way round.
fn bound_of(on: &On) -> ResourceBound {
    match on {
        On::Everything => ResourceBound::Any,
        On::Kind(kind) => ResourceBound::Kind(*kind),
        On::Zone(name) => ResourceBound::Zone(name.clone()),
        On::Domain(name) => ResourceBound::Domain(name.clone()),
        On::Name(name) => ResourceBound::Name(name.clone()),
        On::Account(path) => ResourceBound::Account(path.clone()),
        On::Provider(name) => ResourceBound::Provider(name.clone()),
    }
}
