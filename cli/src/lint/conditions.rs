//! What a policy does not ask: whom, where, and when it costs more than it should.

use zonegate_engine::bundle::Bundle;
use zonegate_engine::operation::{Action, ResourceKind};
use zonegate_engine::pattern::Reads;
use zonegate_engine::policy::Written;
use zonegate_engine::problem::Problem;

use super::about;
use super::expression::{Mentions, actions, scope};
use crate::command::counted;

/// Attributes that say where something is.
const WHERE: [&str; 8] = [
    "resource.zone",
    "resource.provider",
    "resource.account",
    "resource.name",
    "resource.relative",
    "resource.leftmost",
    "resource.depth",
    "resource.apex",
];
/// Types of entities that say where something is.
const PLACES: [&str; 6] = ["Zone", "Domain", "Name", "Pattern", "Account", "Provider"];

/// Every warning about what policies do not ask.
pub(super) fn warnings(bundle: &Bundle, written: &[Written]) -> Vec<Problem> {
    let mut found = Vec::new();
    for policy in written {
        let mentions = Mentions::of(&policy.json);
        let actions = actions(&policy.json);
        found.extend(for_everybody(policy, &mentions));
        found.extend(everywhere(policy, &mentions, &actions));
        found.extend(without_scope(policy));
        found.extend(value_on_deletion(bundle, policy, &mentions, &actions));
    }
    found
}

/// A permit for every key.
fn for_everybody(policy: &Written, mentions: &Mentions) -> Option<Problem> {
    let asks =
        scope(&policy.json, "principal") != "All" || mentions.variables.contains("principal");
    (!policy.forbids && !asks).then(|| {
        let message = format!("`{}` permits every key", policy.id);
        about(
            policy,
            "permit-for-everybody",
            message,
            "name a role, `principal in Role::\"...\"`, or ask for an attribute of the key",
        )
    })
}

/// A permit for zones or records wherever they are.
fn everywhere(policy: &Written, mentions: &Mentions, actions: &[Action]) -> Option<Problem> {
    let scoped = matches!(scope(&policy.json, "resource"), "==" | "in")
        || policy.json.get("resource").is_some_and(|resource| resource.get("in").is_some());
    let asks = mentions.any(&WHERE) || mentions.any_type(&PLACES);
    // An account's own actions have no other place than the account.
    let placed: Vec<&str> = actions
        .iter()
        .filter(|action| action.kind() != ResourceKind::Account)
        .map(|action| action.name())
        .collect();
    let first = placed.first()?;
    (!policy.forbids && !scoped && !asks).then(|| {
        let what = match placed.len() {
            1 => format!("`{first}`"),
            number => format!("`{first}` and {} besides", counted(number - 1, "action")),
        };
        let message = format!("`{}` permits {what} in every zone of every account", policy.id);
        about(
            policy,
            "permit-everywhere",
            message,
            "name a zone or domain in the scope, or compare `resource.zone`",
        )
    })
}

/// A policy that the index can never leave out.
fn without_scope(policy: &Written) -> Option<Problem> {
    let open = |part| scope(&policy.json, part) == "All";
    (open("principal") && open("action") && open("resource")).then(|| {
        let message =
            format!("`{}` has no scope, so every operation of every key evaluates it", policy.id);
        about(
            policy,
            "policy-without-scope",
            message,
            "name actions, a role or a zone in the scope if it is not for all of them",
        )
    })
}

/// A rule about values that holds for creations and deletions alike.
fn value_on_deletion(
    bundle: &Bundle,
    policy: &Written,
    mentions: &Mentions,
    actions: &[Action],
) -> Option<Problem> {
    let both = [Action::RecordCreate, Action::RecordDelete].iter().all(|one| actions.contains(one));
    let patterns = bundle.patterns.iter().filter(|pattern| pattern.reads() == Reads::Value);
    let text = policy.json.to_string();
    let mut named = patterns.filter(|pattern| {
        mentions.types.contains("Pattern") && text.contains(&format!("\"{}\"", pattern.name()))
    });
    let reads = mentions.any(&["resource.value", "resource.address"]) || named.next().is_some();
    (both && reads).then(|| {
        let message = format!("`{}` has a rule about values on creations and on deletions", policy.id);
        about(policy, "value-rule-on-deletion", message, "keep the rule on `record.create` and give `record.delete` a policy without it; asking for old values costs a question to the provider")
    })
}
