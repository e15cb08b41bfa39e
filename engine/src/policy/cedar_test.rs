//! Questions to the policies in the form that Cedar's own tool tests: `cedar run-tests`.
//!
//! What is written is what Cedar says by itself, of all policies that could match the key: where one
//! cannot be evaluated, Cedar skips it and counts an error, and the gate denies.
//! A template's link is named as in [`super::Holding::unique`].

use std::rc::Rc;
use std::str::FromStr;

use cedar_policy::{Context, Decision, Entities, EntityUid, PolicyId, Request, Response};
use serde_json::{Value, json};

use super::candidates::Group;
use super::entry::LINK_MARK;
use super::names;
use super::plain::respond;
use super::{Asked, Policies};
use crate::key::Keys;
use crate::pattern::Patterns;

/// What Cedar says of a question, as its own tool tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CedarAnswer {
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// The policies that determined it, sorted.
    pub reason: Vec<String>,
    /// How many policies could not be evaluated; the gate denies where there is one.
    pub errors: usize,
}

impl CedarAnswer {
    /// Reads Cedar's response to a key.
    fn of(response: &Response, key: &str) -> CedarAnswer {
        let mut reason: Vec<String> =
            response.diagnostics().reason().map(|id| unique(key, id)).collect();
        reason.sort_unstable();
        CedarAnswer {
            decision: match response.decision() {
                Decision::Allow => "allow",
                Decision::Deny => "deny",
            },
            reason,
            errors: response.diagnostics().errors().count(),
        }
    }
}

impl Policies {
    /// A question with its request, its entities and what Cedar decides; without a name. `None`
    /// where it cannot be expressed, which no decided operation is.
    pub fn cedar_test(&self, patterns: &Patterns, asked: &Asked) -> Option<Value> {
        let Asked { asking, operation } = asked;
        let entries: Vec<_> = asking.subject.entries().into_iter().map(Rc::clone).collect();
        let all = Group::of(entries.iter().cloned())?.that_sees_all();
        let seen = self.seen(patterns, asking, operation, &all)?;
        let (request, entities) = self.request(asking, &seen)?;
        let response = respond(&request, &entries, &entities)?;
        let answer = CedarAnswer::of(&response, asking.subject.id());
        Some(json!({
            "what": operation.to_string(),
            "request": {
                "principal": request.principal()?.to_string(),
                "action": request.action()?.to_string(),
                "resource": request.resource()?.to_string(),
                "context": request.context()?.to_json_value().ok()?,
            },
            "entities": entities.to_json_value().ok()?,
            "decision": answer.decision,
            "reason": answer.reason,
            "num_errors": answer.errors,
        }))
    }

    /// What Cedar says to a test of its own tool, asked of all policies, with the links of the key
    /// that asks; or what is wrong with the test.
    ///
    /// Requests and entities are held against the schema where these policies have one.
    pub fn answer_cedar_test(&self, keys: &Keys, test: &Value) -> Result<CedarAnswer, String> {
        let asked = |name: &str| {
            let text = test.get("request").and_then(|one| one.get(name)).and_then(Value::as_str);
            let text = text.ok_or_else(|| format!("`request` has no `{name}`"))?;
            EntityUid::from_str(text).map_err(|error| format!("the {name} `{text}`: {error}"))
        };
        let (principal, action, resource) =
            (asked("principal")?, asked("action")?, asked("resource")?);
        let context = test.get("request").and_then(|one| one.get("context")).cloned();
        let context = context.unwrap_or_else(|| json!({}));
        let schema = self.schema.as_ref();
        let context = Context::from_json_value(context, schema.zip(Some(&action)))
            .map_err(|error| format!("the context: {error}"))?;
        let entities = match test.get("entities") {
            Some(Value::String(_)) => Err("entities in another file are not read".to_owned()),
            entities => Entities::from_json_value(entities.cloned().unwrap_or_default(), schema)
                .map_err(|error| format!("the entities: {error}")),
        }?;
        let (kind, id) = names::parts(&principal);
        let request = Request::new(principal, action, resource, context, schema)
            .map_err(|error| format!("the request: {error}"))?;
        let key = keys.by_id(&id).filter(|_| kind == "Key");
        let links = key.map(|key| self.links(key)).transpose();
        let links = links.map_err(|problem| problem.to_string())?.unwrap_or_default();
        let entries: Vec<_> = self.entries.iter().cloned().chain(links).collect();
        let response = respond(&request, &entries, &entities);
        let response = response.ok_or("the policies cannot be put together")?;
        Ok(CedarAnswer::of(&response, &id))
    }
}

/// The name of a policy among those of all keys.
fn unique(key: &str, id: &PolicyId) -> String {
    let id: &str = id.as_ref();
    match id.split_once(LINK_MARK) {
        Some((template, number)) => format!("{template}{LINK_MARK}{key}{LINK_MARK}{number}"),
        None => id.to_owned(),
    }
}
