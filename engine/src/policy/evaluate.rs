//! Cedar's evaluator, asked one policy after the other.
//!
//! Cedar's own authoriser builds the condition of every policy anew for each decision, which costs
//! more than evaluating it. Here a condition is built when its policy is first a candidate, and
//! kept: a template's once for all its links. It is the whole policy but for its actions, which
//! are a set of bits already ([`Scope::admits_action`]), and it is Cedar that evaluates it. Only the
//! loop over the policies is ours, and what it makes of their answers is Cedar's rule but for one
//! thing: an error denies ([`Said::verdict`]).
//!
//! `engine/tests/index.rs` and `kin` hold every decision, its policies and its errors against
//! Cedar's authoriser.
//!
//! [`Scope::admits_action`]: super::scope::Scope::admits_action

use std::rc::Rc;
use std::sync::Arc;

use cedar_policy_core::ast::{
    ActionConstraint, Annotations, Context, EntityUID, EntityUIDEntry, Expr, Literal, Request,
    SlotEnv, SlotId, Template, TemplateBody, Value, ValueKind,
};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::parser;

use super::Verdict;
use super::entry::{Entry, Link};
use super::names::{self, Types};
use super::subject::Prepared;
use crate::decision::Reason;
use crate::operation::Action;

/// What a policy asks, ready to be evaluated.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// Its principal, its resource and its clauses, as one expression.
    expression: Rc<Expr>,
    /// What fills its slots; empty for a policy that is no template.
    slots: SlotEnv,
}

impl Condition {
    /// That of a policy's text; `None` where Cedar cannot read it.
    pub(super) fn parse(text: &str) -> Option<Condition> {
        let template = Template::from(TemplateBody::from(parser::parse_policy(None, text).ok()?));
        Some(Condition { expression: Rc::new(rest(&template)), slots: SlotEnv::new() })
    }

    /// That of a template's text, with slots that are still empty; `None` where Cedar cannot read
    /// it.
    pub(super) fn parse_template(text: &str) -> Option<Condition> {
        let template = parser::parse_template(None, text).ok()?;
        Some(Condition { expression: Rc::new(rest(&template)), slots: SlotEnv::new() })
    }

    /// That of a policy that is there already.
    #[cfg(feature = "explain")]
    pub(super) fn of(policy: &cedar_policy::Policy) -> Condition {
        let policy: &cedar_policy_core::ast::Policy = policy.as_ref();
        Condition { expression: Rc::new(rest(policy.template())), slots: policy.env().clone() }
    }

    /// A template's, with its slots filled; `None` where one of them is of an unknown type.
    pub(super) fn link(&self, types: &Types, link: &Link) -> Option<Condition> {
        let mut slots = SlotEnv::new();
        slots.insert(SlotId::principal(), names::of(&types.key, &link.key));
        if let Some((kind, id)) = &link.resource {
            let kind = match *kind {
                "Domain" => &types.domain,
                "Name" => &types.name,
                "Zone" => &types.zone,
                _ => return None,
            };
            slots.insert(SlotId::resource(), names::of(kind, id));
        }
        Some(Condition { expression: Rc::clone(&self.expression), slots })
    }
}

/// What a policy asks besides its action.
fn rest(policy: &Template) -> Expr {
    let (principal, resource) = (policy.principal_constraint(), policy.resource_constraint());
    let of_any_action = Template::new(
        policy.id().clone(),
        None,
        Annotations::new(),
        policy.effect(),
        principal.clone(),
        ActionConstraint::any(),
        resource.clone(),
        policy.non_scope_constraints().cloned(),
    );
    of_any_action.condition()
}

/// Who wants to do what to what.
#[derive(Clone, Debug)]
pub(super) struct Triple {
    /// The key.
    pub(super) principal: Arc<EntityUID>,
    /// The action.
    pub(super) action: Arc<EntityUID>,
    /// The resource.
    pub(super) resource: Arc<EntityUID>,
}

/// A request that policies are asked about.
pub(super) struct Question<'e> {
    /// What is done.
    action: Action,
    /// All else, for Cedar.
    evaluator: Evaluator<'e>,
}

impl<'e> Question<'e> {
    /// Puts a question.
    pub(super) fn new(action: Action, prepared: &'e Prepared, context: &Context) -> Question<'e> {
        let known =
            |uid: &Arc<EntityUID>| EntityUIDEntry::Known { euid: Arc::clone(uid), loc: None };
        let Triple { principal, action: uid, resource } = &prepared.triple;
        let context = Some(context.clone());
        let request =
            Request::new_unchecked(known(principal), known(uid), known(resource), context);
        let extensions = Extensions::all_available();
        Question { action, evaluator: Evaluator::new(request, &prepared.entities, extensions) }
    }

    /// Whether a policy is satisfied, or Cedar's words on why that cannot be told; `None` only
    /// where Cedar refuses what it has packed.
    pub(super) fn is_satisfied(&self, entry: &Entry) -> Option<Result<bool, String>> {
        let condition = entry.condition()?;
        if !entry.scope.admits_action(self.action) {
            return Some(Ok(false));
        }
        Some(match self.evaluator.interpret(&condition.expression, &condition.slots) {
            Ok(Value { value: ValueKind::Lit(Literal::Bool(satisfied)), .. }) => Ok(satisfied),
            Ok(other) => Err(format!("type error: expected bool, got {other}")),
            Err(error) => Err(error.to_string()),
        })
    }

    /// What some policies say; `None` only where one cannot be evaluated at all.
    ///
    /// Every one of them is asked, because all that determined a decision are told.
    pub(super) fn ask(&self, entries: &[Rc<Entry>]) -> Option<Said> {
        let mut said = Said::default();
        for entry in entries {
            let by = match self.is_satisfied(entry)? {
                Ok(false) => continue,
                Ok(true) if entry.permits => &mut said.permit,
                Ok(true) => &mut said.forbid,
                Err(_) => &mut said.fail,
            };
            by.push(entry.authored.id.clone());
        }
        Some(said)
    }
}

/// What policies say to an operation, by their ids; those that say nothing are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// They permit.
    permit: Vec<String>,
    /// They forbid.
    forbid: Vec<String>,
    /// They cannot be evaluated.
    fail: Vec<String>,
}

impl Said {
    /// Adds what others say.
    pub(super) fn add(&mut self, other: &Said) {
        self.permit.extend_from_slice(&other.permit);
        self.forbid.extend_from_slice(&other.forbid);
        self.fail.extend_from_slice(&other.fail);
    }

    /// What follows from it.
    pub(super) fn verdict(self) -> Verdict {
        // SECURITY: a policy that fails must deny, not vanish (case `a-policy-that-errors-denies`).
        if !self.fail.is_empty() {
            Verdict::Deny(Reason::PolicyError, told(self.fail))
        } else if !self.forbid.is_empty() {
            Verdict::Deny(Reason::PolicyForbids, told(self.forbid))
        } else if self.permit.is_empty() {
            Verdict::Deny(Reason::NoPolicyAllows, Vec::new())
        } else {
            Verdict::Allow(told(self.permit))
        }
    }
}

/// The ids of policies as they are told: sorted, and each once, for a template has many links.
pub(super) fn told(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(feature = "author")]
#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::policy::candidates::Group;
    use crate::policy::scope::AccountId;
    use crate::policy::seen::Seen;
    use crate::policy::{Circumstances, Policies, entities};
    use crate::window::Windows;

    /// What the only policy says to an action on an account.
    fn said(text: &str, action: Action) -> Option<Said> {
        let policies = Policies::parse(&[("p.cedar".to_owned(), text.to_owned())]).expect(text);
        let keys = "[[key]]\nid = \"k3m9x2p7q1ab\"\ndescription = \"x\"\naccounts = [\"*\"]\n";
        let digest = format!("{keys}digest = \"sha256:{}\"\n", "0".repeat(64));
        let (keys, _) = crate::key::parse("k", &digest, &crate::key::Known::default()).expect("k");
        let account = AccountId { provider: "powerdns".to_owned(), account: "main".to_owned() };
        let subject = policies.subject(&account, keys.iter().next()?)?;
        let operation = crate::operation::Operation::account(action);
        let group = Group::of(policies.entries.iter().cloned())?;
        let seen = Seen::of(&account, &operation, &[], group.sight())?;
        let prepared = subject.prepared(&policies, &seen, false)?;
        let facts = Circumstances {
            client_ip: Ipv4Addr::LOCALHOST.into(),
            networks: Vec::new(),
            clock: Rc::new(Windows::default().clock("2026-06-03T10:00:00Z".parse().ok()?)?),
            tls: false,
            method: "GET",
            route: "powerdns/zones".to_owned(),
            operations: 1,
        };
        let context = entities::context(&policies.types, &facts)?;
        Question::new(action, &prepared, &context).ask(&group.entries)
    }

    #[test]
    fn an_action_is_asked_for_although_the_condition_leaves_it_out() {
        let text = "@id(\"one\") permit (principal, action == Action::\"zone.list\", resource);";
        let listed = said(text, Action::ZoneList).expect("an answer").verdict();
        assert_eq!(listed, Verdict::Allow(vec!["one".to_owned()]));
        let other = said(text, Action::KeyDescribe).expect("an answer").verdict();
        assert_eq!(other, Verdict::Deny(Reason::NoPolicyAllows, Vec::new()));
    }
}
