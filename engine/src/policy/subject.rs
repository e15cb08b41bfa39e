//! One key as the policies see it.
//!
//! Its principal never changes while the bundle lives, so the policies whose principal scope
//! cannot match are dropped once, its template links are made once, and each set of candidates
//! that its operations lead to is built once. Keys with the same roles are [`Kin`]: they share an
//! index of their policies, and every set of candidates that has no link in it.

use std::rc::Rc;
use std::sync::Arc;

use cedar_policy_core::ast::Entity;
use cedar_policy_core::entities::Entities;

use super::candidates::{Candidates, Sets};
use super::entry::{Entry, Link, Template};
use super::evaluate::Triple;
use super::index::{Index, admits};
#[cfg(feature = "author")]
use super::packed::Binds;
use super::room::{Room, Share};
use super::scope::AccountId;
use super::seen::Seen;
use super::{Policies, bound_entity, entities};
use crate::kept::Kept;
use crate::key::{Grant, Key};
use crate::operation::{Action, Operation};
use crate::problem::Problem;

/// Operations, as they are seen, whose entities are kept for one key.
pub(super) const PREPARED_MAX: usize = 16;

/// What keys with the same roles share.
#[derive(Debug)]
pub(super) struct Kin {
    /// The policies for every key.
    everybody: Rc<Index>,
    /// The policies for these keys and not for every one.
    own: Index,
    /// Candidates without a link.
    candidates: Sets,
}

impl Kin {
    /// The kin for whom these policies are, besides those for every key.
    pub(super) fn of(everybody: &Rc<Index>, own: Vec<Rc<Entry>>, room: &Room) -> Kin {
        let (everybody, own) = (Rc::clone(everybody), Index::of(own));
        Kin { everybody, own, candidates: Sets::new(room) }
    }
}

/// One key with the policies that can match it.
#[derive(Debug)]
pub struct Subject {
    /// The key's entity.
    key: Arc<Entity>,
    /// What it shares with others.
    kin: Rc<Kin>,
    /// The policies that its grants make of templates.
    links: Vec<Rc<Entry>>,
    /// See [`Subject::looks_at_names`].
    looks_at_names: bool,
    /// What these take of the room.
    _share: Share,
    /// Candidates with a link among them.
    candidates: Sets,
    /// All entities of operations that were asked before.
    prepared: Kept<Seen, Rc<Prepared>, PREPARED_MAX>,
}

/// An operation's entities, ready for Cedar.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The key, the action and the resource.
    pub(super) entities: Entities,
    /// Which of them is what.
    pub(super) triple: Triple,
}

impl Subject {
    /// Builds a key's subject; `None` only where Cedar refuses what it has packed.
    pub(super) fn build(policies: &Policies, key: &Key) -> Option<Subject> {
        let (links, kin) = (policies.links(key).ok()?, policies.kin(key));
        let by_name = |entry: &Rc<Entry>| entry.scope.is_by_name();
        Some(Subject {
            looks_at_names: kin.everybody.looks_at_names()
                || kin.own.looks_at_names()
                || links.iter().any(by_name),
            kin,
            _share: policies.room.share(links.len()),
            links,
            key: Arc::new(entities::key_entity(&policies.types, key)?),
            candidates: Sets::new(&policies.room),
            prepared: Kept::default(),
        })
    }

    /// The id of its key.
    #[cfg(feature = "author")]
    pub(super) fn id(&self) -> &str {
        self.key.uid().eid().as_ref()
    }

    /// The entities of an operation; those that `may_recur` are kept for a while.
    pub(super) fn prepared(
        &self,
        policies: &Policies,
        seen: &Seen,
        may_recur: bool,
    ) -> Option<Rc<Prepared>> {
        if let Some(prepared) = self.prepared.get(seen) {
            return Some(prepared);
        }
        let resource = Arc::new(entities::resource_entity(&policies.types, seen)?);
        let action = policies.actions.get(&seen.action)?;
        let uid = |entity: &Entity| Arc::new(entity.uid().clone());
        let triple =
            Triple { principal: uid(&self.key), action: uid(action), resource: uid(&resource) };
        let entities = entities::together([Arc::clone(&self.key), Arc::clone(action), resource])?;
        let prepared = Rc::new(Prepared { entities, triple });
        if may_recur {
            self.prepared.keep(seen.clone(), Rc::clone(&prepared));
        }
        Some(prepared)
    }

    /// Whether a record's name decides on which of its policies can match.
    pub(super) fn looks_at_names(&self) -> bool {
        self.looks_at_names
    }

    /// The policies made from templates for this key.
    #[cfg(feature = "author")]
    pub(super) fn links(&self) -> &[Rc<Entry>] {
        &self.links
    }

    /// Every policy that could match this key, in the order of the bundle, links last.
    pub(super) fn entries(&self) -> Vec<&Rc<Entry>> {
        let mut entries: Vec<_> =
            self.kin.everybody.entries().iter().chain(self.kin.own.entries()).collect();
        entries.sort_by_key(|entry| entry.place);
        entries.extend(&self.links);
        entries
    }

    /// The policies whose scope can match an operation; each set of them is prepared once.
    pub(super) fn candidates(
        &self,
        operation: &Operation,
        account: &AccountId,
    ) -> Option<Rc<Candidates>> {
        let mut found = Vec::new();
        self.kin.everybody.matching(operation, account, &mut found);
        self.kin.own.matching(operation, account, &mut found);
        let shared = found.len();
        let record_type = operation.as_record().map(|record| record.rtype.policy_name());
        let links = self.links.iter();
        found.extend(links.filter(|entry| admits(entry, operation, account, record_type)));
        let sets = if found.len() == shared { &self.kin.candidates } else { &self.candidates };
        sets.of(&found)
    }
}

impl Subject {
    /// For each permit that could match this key: its id, sentence, actions, and its scope in words.
    pub fn permits(&self) -> Vec<(String, String, Vec<&'static str>, String)> {
        let permits = self.entries().into_iter().filter(|entry| entry.permits);
        permits
            .map(|entry| {
                let actions =
                    Action::ALL.iter().filter(|action| entry.scope.admits_action(**action));
                let scope = entry.scope.resource.text();
                let authored = &entry.authored;
                (
                    authored.id.clone(),
                    authored.doc.clone(),
                    actions.map(|one| one.name()).collect(),
                    scope,
                )
            })
            .collect()
    }
}

impl Policies {
    /// The policies that a key's grants make of templates.
    pub(super) fn links(&self, key: &Key) -> Result<Vec<Rc<Entry>>, Problem> {
        let mut links = Vec::new();
        for grant in &key.grants {
            for template in self.templates_of(grant) {
                let resource = bound(key, grant, template)?;
                let resource = resource.map(|(kind, id)| (kind, id.to_owned()));
                let link = Link {
                    key: key.id.clone(),
                    resource,
                    #[cfg(feature = "explain")]
                    number: links.len(),
                };
                links.push(Rc::new(Entry::linked(template, link)));
            }
        }
        Ok(links)
    }

    /// The templates that a grant names.
    fn templates_of<'p>(&'p self, grant: &'p Grant) -> impl Iterator<Item = &'p Rc<Template>> {
        self.templates.iter().filter(|template| template.is_of(&grant.grant))
    }

    /// What is wrong with a key's grants, if anything.
    ///
    /// No link is made for it, because there may be a hundred thousand of them.
    #[cfg(feature = "author")]
    pub fn key_problem(&self, key: &Key) -> Option<Problem> {
        let grants = || key.grants.iter();
        let lacking = grants().find_map(|grant| {
            self.templates_of(grant).find_map(|template| bound(key, grant, template).err())
        });
        lacking.or_else(|| grants().find_map(|grant| self.unread(key, grant)))
    }

    /// A name or domain of a grant that none of its templates reads: the grant would hold for the
    /// whole zone, although its author narrowed it.
    #[cfg(feature = "author")]
    fn unread(&self, key: &Key, grant: &Grant) -> Option<Problem> {
        let wanted = &grant.grant;
        let reads =
            |binds: Binds| self.templates_of(grant).any(|template| template.slots.binds == binds);
        let given = [
            ("name", grant.name.is_some(), Binds::Name),
            ("domain", grant.domain.is_some(), Binds::Domain),
        ];
        let (field, ..) =
            given.into_iter().find(|(_, is_given, binds)| *is_given && !reads(*binds))?;
        let message = format!("the grant `{wanted}` of key `{}` reads no `{field}`", key.id);
        let help =
            format!("without it the grant means the same; or choose one that has a `{field}`");
        Some(Problem::new(&key.file, message).at(grant.line).help(help))
    }
}

/// The entity that a template's `?resource` becomes for a grant, or the problem of what it lacks.
fn bound<'g>(
    key: &Key,
    grant: &'g Grant,
    template: &Template,
) -> Result<Option<(&'static str, &'g str)>, Problem> {
    bound_entity(template.slots.binds, grant).map_err(|lacks| {
        let message = format!("a grant of key `{}` has no `{lacks}`", key.id);
        let help = format!("template `{}` needs it", template.authored.id);
        Problem::new(&key.file, message).at(grant.line).help(help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "author")]
    #[test]
    fn a_grant_has_no_field_that_its_templates_do_not_read() {
        let template = |id: &str, binds: &str| {
            format!(
                "@id(\"{id}\") @grant(\"{id}\") @binds(\"{binds}\") @doc(\"x\")\n\
                 permit (principal == ?principal, action == Action::\"record.read\", resource in ?resource);\n"
            )
        };
        let text = template("of-zone", "zone") + &template("of-name", "name");
        let files = [("t.cedar".to_owned(), text)];
        let policies = Policies::check(&files, &crate::policy::Lists::default()).unwrap();
        let said = |grant: &str| {
            let digest = "0".repeat(64);
            let text = format!(
                "[[key]]\nid = \"k3m9x2p7q1ab\"\ndigest = \"sha256:{digest}\"\ndescription = \"x\"\n\
                 accounts = [\"*\"]\n[[key.grant]]\nzone = \"example.com\"\n{grant}\n"
            );
            let known = crate::key::Known::default();
            let (keys, _) = crate::key::parse("keys.toml", &text, &known).unwrap();
            let problem = policies.key_problem(keys.iter().next().unwrap());
            problem.map(|problem| problem.to_string())
        };
        assert_eq!(said("grant = \"of-zone\""), None);
        assert_eq!(said("grant = \"of-name\"\nname = \"www.example.com\""), None);
        for field in ["name", "domain"] {
            let said =
                said(&format!("grant = \"of-zone\"\n{field} = \"www.example.com\"")).unwrap();
            assert!(said.contains(&format!("reads no `{field}`")), "{said}");
        }
    }
}
