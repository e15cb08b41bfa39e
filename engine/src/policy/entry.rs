//! One policy of a bundle: its scope is known from the start, and it is parsed when it is first a
//! candidate.

use std::cell::OnceCell;
use std::rc::Rc;

#[cfg(feature = "explain")]
use cedar_policy::{Policy, PolicyId, Template as CedarTemplate};
#[cfg(feature = "explain")]
use serde_json::Value;

use super::evaluate::Condition;
#[cfg(feature = "explain")]
use super::facts;
use super::names::Types;
use super::packed::{Authored, Packed, Slots};
use super::scope::Scope;
use crate::rows::Rows;

/// What separates a template's id from the rest of a link's id.
#[cfg(feature = "explain")]
pub(super) const LINK_MARK: char = '@';

/// Where a policy's text stands: a row of the bundle's texts.
pub(super) type Text = (Rc<Rows>, usize);

/// A policy that may become a candidate.
#[derive(Debug)]
pub(super) struct Entry {
    /// What its Cedar form is made of.
    source: Source,
    /// What it asks, once it was a candidate; none in it where Cedar refuses what it has packed.
    condition: OnceCell<Option<Condition>>,
    /// Its Cedar form, for tools, once one wanted it.
    #[cfg(feature = "explain")]
    made: OnceCell<Option<Policy>>,
    /// Its place among the policies of its bundle; a link's means nothing.
    pub(super) place: usize,
    /// Whether it is a permit.
    pub(super) permits: bool,
    /// Where it can match.
    pub(super) scope: Scope,
    /// What its author wrote; shared by a template's links.
    pub(super) authored: Rc<Authored>,
    /// Its conditions one by one, for tools.
    #[cfg(feature = "explain")]
    pub(super) clauses: super::clause::Clauses,
}

/// What a policy's Cedar form is made of.
#[derive(Debug)]
enum Source {
    /// Its text.
    Text(Text),
    /// A template whose slots are filled.
    Link(Rc<Template>, Link),
    /// Nothing: it was made from the start.
    #[cfg(feature = "explain")]
    Made,
}

/// What fills a template's slots.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// The key's id.
    pub(super) key: String,
    /// The type and id of the resource, if the template has a slot for one.
    pub(super) resource: Option<(&'static str, String)>,
    /// The number of the link among those of its key.
    #[cfg(feature = "explain")]
    pub(super) number: usize,
}

impl Entry {
    /// A policy of a bundle.
    pub(super) fn packed(packed: Packed, text: Text) -> Entry {
        let Packed { authored, permits, scope, .. } = packed;
        let place = text.1;
        Entry { place, ..Entry::new(Source::Text(text), permits, scope, Rc::new(authored)) }
    }

    /// The policy that a template becomes for a key.
    pub(super) fn linked(template: &Rc<Template>, link: Link) -> Entry {
        let (permits, scope) = (template.permits, template.scope.linked(&link));
        let authored = Rc::clone(&template.authored);
        Entry::new(Source::Link(Rc::clone(template), link), permits, scope, authored)
    }

    /// A policy that is there already, for tools that take policies apart.
    #[cfg(feature = "explain")]
    pub(super) fn made(policy: Policy, scope: Scope, authored: Rc<Authored>) -> Entry {
        let permits = policy.effect() == cedar_policy::Effect::Permit;
        let entry = Entry::new(Source::Made, permits, scope, authored);
        entry.keep(policy);
        entry
    }

    /// A policy that is not parsed yet.
    fn new(source: Source, permits: bool, scope: Scope, authored: Rc<Authored>) -> Entry {
        Entry {
            source,
            condition: OnceCell::new(),
            #[cfg(feature = "explain")]
            made: OnceCell::new(),
            place: 0,
            permits,
            scope,
            authored,
            #[cfg(feature = "explain")]
            clauses: super::clause::Clauses::default(),
        }
    }

    /// Spares parsing it, where somebody has done so.
    #[cfg(feature = "explain")]
    pub(super) fn keep(&self, policy: Policy) {
        // Where it is there already, it is the same.
        let _ = self.made.set(Some(policy));
    }

    /// What it asks; `None` only where Cedar refuses what it has packed, and then whatever it
    /// could match is denied.
    pub(super) fn condition(&self) -> Option<&Condition> {
        let ask = || match &self.source {
            Source::Text(text) => Condition::parse(written(text)?),
            Source::Link(template, link) => template.condition()?.link(&template.types, link),
            #[cfg(feature = "explain")]
            Source::Made => Some(Condition::of(self.policy()?)),
        };
        self.condition.get_or_init(ask).as_ref()
    }

    /// Its Cedar form; `None` only where Cedar refuses what it has packed.
    #[cfg(feature = "explain")]
    pub(super) fn policy(&self) -> Option<&Policy> {
        self.made.get_or_init(|| self.make()).as_ref()
    }

    /// Makes its Cedar form.
    #[cfg(feature = "explain")]
    fn make(&self) -> Option<Policy> {
        match &self.source {
            Source::Text(text) => {
                let id = PolicyId::new(&self.authored.id);
                Policy::parse(Some(id), written(text)?).ok()
            }
            Source::Link(template, link) => {
                let id = format!("{}{LINK_MARK}{}", self.authored.id, link.number);
                let resource = link.resource.as_ref().map(|(kind, id)| (*kind, id.as_str()));
                let json = facts::link(template.json()?, ("Key", &link.key), resource);
                Policy::from_json(Some(PolicyId::new(id)), json).ok()
            }
            #[cfg(feature = "explain")]
            Source::Made => None,
        }
    }
}

/// A policy's text.
fn written((texts, row): &Text) -> Option<&str> {
    std::str::from_utf8(texts.get(*row)?).ok()
}

/// A template with what its links need.
#[derive(Debug)]
pub(super) struct Template {
    /// What its author wrote.
    pub(super) authored: Rc<Authored>,
    /// What makes it a template.
    pub(super) slots: Slots,
    /// Whether it is a permit.
    pub(super) permits: bool,
    /// Where its links can match, with stand-ins for what its slots will be.
    pub(super) scope: Scope,
    /// Its text.
    text: Text,
    /// Cedar's names of what fills its slots.
    types: Rc<Types>,
    /// What it asks, with empty slots, once a link of it was a candidate.
    condition: OnceCell<Option<Condition>>,
    /// Its JSON form, in which a link's entities replace the slots, once a tool wanted it.
    #[cfg(feature = "explain")]
    json: OnceCell<Option<Value>>,
}

impl Template {
    /// A template of a bundle.
    pub(super) fn packed(packed: Packed, slots: Slots, text: Text, types: &Rc<Types>) -> Template {
        let Packed { authored, permits, scope, .. } = packed;
        Template {
            authored: Rc::new(authored),
            slots,
            permits,
            scope,
            text,
            types: Rc::clone(types),
            condition: OnceCell::new(),
            #[cfg(feature = "explain")]
            json: OnceCell::new(),
        }
    }

    /// What it asks, with empty slots; `None` only where Cedar refuses what it has packed.
    fn condition(&self) -> Option<&Condition> {
        let ask = || Condition::parse_template(written(&self.text)?);
        self.condition.get_or_init(ask).as_ref()
    }

    /// Its JSON form, for tools; `None` only where Cedar refuses what it has packed.
    #[cfg(feature = "explain")]
    pub(super) fn json(&self) -> Option<&Value> {
        let make = || {
            let id = PolicyId::new(&self.authored.id);
            let template = CedarTemplate::parse(Some(id), written(&self.text)?);
            template.ok()?.to_json().ok()
        };
        self.json.get_or_init(make).as_ref()
    }

    /// Whether a grant of this name links it.
    pub(super) fn is_of(&self, grant: &str) -> bool {
        self.authored.id == grant || self.slots.grants.iter().any(|one| one == grant)
    }
}
