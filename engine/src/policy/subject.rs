//! One key as the policies see it.
//!
//! Its principal never changes while the bundle lives, so the policies whose principal scope
//! cannot match are dropped once, its template links are made once, and each set of candidates
//! that its operations lead to is built once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use cedar_policy::{Entities, EntityUid, Policy, PolicyId, PolicySet};

use super::load::LoadedTemplate;
use super::scope::{AccountId, Scope};
use super::{Entry, Policies, bound_entity, entities, facts};
use crate::key::{Grant, Key};
use crate::operation::Operation;
use crate::problem::Problem;

/// Candidate sets kept for one key.
const SETS_MAX: usize = 64;
/// What separates a template's id from the rest of a link's id.
const LINK_MARK: char = '@';

/// One key with the policies that can match it.
#[derive(Debug)]
pub struct Subject {
    /// The key's entity uid.
    uid: EntityUid,
    /// The key and the actions; an operation adds its resource.
    entities: Entities,
    /// The policies whose principal scope can match, links included.
    entries: Vec<Rc<Entry>>,
    /// How many of the last of them are links.
    links: usize,
    /// Candidate sets by the ids of their policies' positions.
    sets: RefCell<HashMap<Vec<usize>, Rc<PolicySet>>>,
}

impl Subject {
    /// Builds a key's subject; `None` only where Cedar refuses what it has validated before.
    pub(super) fn build(policies: &Policies, key: &Key) -> Option<Subject> {
        let entity = entities::key_entity(&policies.types, key)?;
        let uid = entity.uid();
        let entities = policies.actions.clone().add_entities([entity], None).ok()?;
        let own =
            policies.entries.iter().filter(|entry| entry.scope.admits_key(&key.id, &key.roles));
        let mut entries: Vec<Rc<Entry>> = own.map(Rc::clone).collect();
        let before = entries.len();
        entries.extend(policies.links(key).ok()?);
        let links = entries.len() - before;
        Some(Subject { uid, entities, entries, links, sets: RefCell::default() })
    }

    /// The key's entity uid.
    pub(super) fn uid(&self) -> &EntityUid {
        &self.uid
    }

    /// The key's entity and the actions.
    pub(super) fn entities(&self) -> &Entities {
        &self.entities
    }

    /// The policies made from templates for this key.
    pub(super) fn links(&self) -> impl Iterator<Item = &Rc<Entry>> {
        self.entries.iter().skip(self.entries.len().saturating_sub(self.links))
    }

    /// Every policy that could match this key.
    pub(super) fn entries(&self) -> &[Rc<Entry>] {
        &self.entries
    }

    /// The policies whose scope can match an operation.
    pub(super) fn candidates(&self, operation: &Operation, account: &AccountId) -> Vec<Rc<Entry>> {
        self.entries
            .iter()
            .filter(|entry| {
                entry.scope.admits_action(operation.action)
                    && entry.scope.admits_resource(operation, account)
            })
            .map(Rc::clone)
            .collect()
    }

    /// The candidates as Cedar wants them; built once for each set.
    pub(super) fn policy_set(&self, candidates: &[Rc<Entry>]) -> Option<Rc<PolicySet>> {
        // Entries live as long as this subject, so their addresses identify them.
        let at: Vec<usize> = candidates.iter().map(|entry| Rc::as_ptr(entry).addr()).collect();
        if let Some(set) = self.sets.borrow().get(&at) {
            return Some(Rc::clone(set));
        }
        let policies = candidates.iter().map(|entry| entry.policy.clone());
        let set = Rc::new(PolicySet::from_policies(policies).ok()?);
        let mut sets = self.sets.borrow_mut();
        if sets.len() >= SETS_MAX {
            sets.clear();
        }
        sets.insert(at, Rc::clone(&set));
        Some(set)
    }
}

impl Policies {
    /// The policies that a key's grants make of templates.
    fn links(&self, key: &Key) -> Result<Vec<Rc<Entry>>, Problem> {
        let mut links = Vec::new();
        for grant in &key.grants {
            let wanted = &grant.grant;
            let templates = self.templates.iter().filter(|template| {
                template.authored.id == *wanted || template.grants.contains(wanted)
            });
            for template in templates {
                let entry = self.link(key, grant, template, links.len())?;
                links.push(Rc::new(entry));
            }
        }
        Ok(links)
    }

    /// The policy that one grant makes of one template.
    fn link(
        &self,
        key: &Key,
        grant: &Grant,
        template: &LoadedTemplate,
        number: usize,
    ) -> Result<Entry, Problem> {
        let wrong = |message: String| Problem::new("keys.toml", message).at(grant.line);
        let id = &template.authored.id;
        let resource = bound_entity(template.binds, grant).map_err(|lacks| {
            wrong(format!("a grant of key `{}` has no `{lacks}`", key.id))
                .help(format!("template `{id}` needs it"))
        })?;
        let json = facts::link(&template.json, ("Key", &key.id), resource);
        let policy =
            Policy::from_json(Some(PolicyId::new(format!("{id}{LINK_MARK}{number}"))), json)
                .map_err(|error| wrong(error.to_string()))?;
        let scope = Scope::of(&policy, &self.groups);
        Ok(Entry { policy, scope, authored: Rc::new(template.authored.clone()) })
    }

    /// What is wrong with a key's grants and roles, if anything.
    pub fn key_problem(&self, key: &Key) -> Option<Problem> {
        self.links(key).err()
    }
}

/// The `@id` that a policy's id stands for: a link's is its template's.
pub(super) fn authored_id(id: &PolicyId) -> &str {
    let id: &str = id.as_ref();
    id.split_once(LINK_MARK).map_or(id, |(template, _)| template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_named_after_its_template() {
        assert_eq!(authored_id(&PolicyId::new("acme-host@3")), "acme-host");
        assert_eq!(authored_id(&PolicyId::new("plain")), "plain");
    }
}
