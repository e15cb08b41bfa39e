//! Cedar's own authoriser, for comparison: every policy, every attribute, nothing kept.
//!
//! Tests hold every decision against it, and requests of tables against the schema.

use std::rc::Rc;

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Entities, PolicyId, PolicySet, Request, Response,
    Schema,
};
use cedar_policy_core::ast::EntityUID;

use super::candidates::Group;
use super::entry::{Entry, LINK_MARK};
use super::evaluate::{Triple, told};
use super::schema::Lists;
use super::seen::Seen;
use super::{Asking, Policies, Verdict};
use crate::decision::Reason;
use crate::operation::Operation;
use crate::pattern::Patterns;
use crate::problem::Problem;

impl Policies {
    /// Holds requests against the schema of these lists from now on, too.
    pub(crate) fn hold_requests(&mut self, lists: &Lists) -> Result<(), Problem> {
        self.schema = Some(lists.schema()?);
        Ok(())
    }

    /// Holds a request against the schema, where there is one; `None` where it does not conform.
    pub(super) fn hold(&self, asking: &Asking, seen: &Seen) -> Option<()> {
        match self.schema {
            Some(_) => self.request(asking, seen).map(|_| ()),
            None => Some(()),
        }
    }

    /// Cedar's request, and the three entities that it needs.
    pub(super) fn request(&self, asking: &Asking, seen: &Seen) -> Option<(Request, Entities)> {
        let prepared = asking.subject.prepared(self, seen, false)?;
        let triple = &prepared.triple;
        let entities = Entities::from(prepared.entities.clone());
        let (resource, others): (Vec<_>, Vec<_>) =
            entities.into_iter().partition(|entity| *entity.uid().as_ref() == *triple.resource);
        let entities = Entities::from_entities(others, None).ok()?;
        let entities = entities.add_entities(resource, self.schema.as_ref()).ok()?;
        let request = cedar_request(triple, asking, self.schema.as_ref())?;
        Some((request, entities))
    }

    /// Decides one operation by evaluating every policy of the bundle on every attribute.
    ///
    /// It exists for the property tests that compare it with [`Policies::decide`], and for tools
    /// that ask what another key or policy would do.
    pub fn decide_unindexed(
        &self,
        patterns: &Patterns,
        asking: &Asking,
        operation: &Operation,
    ) -> Verdict {
        let everything = self.entries.iter().chain(asking.subject.links());
        let entries: Vec<Rc<Entry>> = everything.map(Rc::clone).collect();
        let decided = Group::of(entries.iter().cloned()).and_then(|all| {
            let seen = self.seen(patterns, asking, operation, &all.that_sees_all())?;
            let (request, entities) = self.request(asking, &seen)?;
            Some(verdict(&respond(&request, &entries, &entities)?))
        });
        decided.unwrap_or(Verdict::Deny(Reason::Internal, Vec::new()))
    }
}

/// A request in Cedar's form, held against a schema if there is one.
pub(super) fn cedar_request(
    triple: &Triple,
    asking: &Asking,
    schema: Option<&Schema>,
) -> Option<Request> {
    let uid = |uid: &EntityUID| uid.clone().into();
    let (principal, action) = (uid(&triple.principal), uid(&triple.action));
    let (resource, context) = (uid(&triple.resource), asking.context.clone().into());
    Request::new(principal, action, resource, context, schema).ok()
}

/// What Cedar's authoriser says; `None` only where Cedar refuses what it has packed.
pub(super) fn respond(
    request: &Request,
    entries: &[Rc<Entry>],
    entities: &Entities,
) -> Option<Response> {
    let policies = entries.iter().map(|entry| entry.policy().cloned());
    let set = PolicySet::from_policies(policies.collect::<Option<Vec<_>>>()?).ok()?;
    Some(Authorizer::new().is_authorized(request, &set, entities))
}

/// A response in our words: Cedar skips a policy that fails, and here it denies.
fn verdict(response: &Response) -> Verdict {
    let by =
        |ids: Vec<&PolicyId>| told(ids.into_iter().map(|id| authored_id(id).to_owned()).collect());
    let errors = response.diagnostics().errors();
    let errors: Vec<&PolicyId> =
        errors.map(|AuthorizationError::PolicyEvaluationError(error)| error.policy_id()).collect();
    if !errors.is_empty() {
        return Verdict::Deny(Reason::PolicyError, by(errors));
    }
    let reasons = by(response.diagnostics().reason().collect());
    match response.decision() {
        Decision::Allow => Verdict::Allow(reasons),
        Decision::Deny if reasons.is_empty() => Verdict::Deny(Reason::NoPolicyAllows, reasons),
        Decision::Deny => Verdict::Deny(Reason::PolicyForbids, reasons),
    }
}

/// The `@id` that a policy's id stands for: a link's is its template's.
fn authored_id(id: &PolicyId) -> &str {
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
