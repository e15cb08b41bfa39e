//! Questions to the solver, and its answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use zonegate_engine::operation::Action;
use zonegate_engine::policy::{Holding, On, Who};

use super::mention::Mentions;
use super::model::Model;
use super::world::Renamed;

/// A policy as the solver is asked about it.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Different for every rule of this process.
    pub(super) number: usize,
    /// Its name for people: the `@id`, and for a link also its key and number.
    pub(crate) name: String,
    /// Whether it forbids.
    pub(crate) forbids: bool,
    /// Cedar's JSON form, without slots.
    pub(super) json: Value,
    /// What it mentions.
    pub(crate) mentions: Mentions,
    /// The actions of its scope.
    actions: Vec<Action>,
    /// Whom its scope is for.
    pub(crate) who: Who,
    /// What its scope is about.
    pub(crate) on: On,
}

impl Rule {
    /// A policy as it holds, with the names that the solver knows.
    pub(crate) fn of(holding: &Holding, renamed: &Renamed) -> Arc<Rule> {
        let json = renamed.policy(&holding.json);
        Rule::new(holding, json, holding.who.clone(), holding.on.clone())
    }

    /// What a template could be to any key, anywhere: a link of it without what binds it.
    pub(crate) fn unbound(holding: &Holding, renamed: &Renamed) -> Arc<Rule> {
        let mut json = renamed.policy(&holding.json);
        let everything = serde_json::json!({ "op": "All" });
        for scope in ["principal", "resource"] {
            if let Some(object) = json.as_object_mut() {
                object.insert(scope.to_owned(), everything.clone());
            }
        }
        Rule::new(holding, json, Who::Everybody, On::Everything)
    }

    /// A rule with this JSON.
    fn new(holding: &Holding, json: Value, who: Who, on: On) -> Arc<Rule> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        Arc::new(Rule {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            name: holding.unique.clone(),
            forbids: holding.forbids,
            mentions: Mentions::of(&json),
            json,
            actions: holding.actions.clone(),
            who,
            on,
        })
    }

    /// Its text, equal for rules that say the same in the same words.
    pub(crate) fn text(&self) -> String {
        self.json.to_string()
    }

    /// Whether its scope admits an action.
    pub(crate) fn admits(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }

    /// Whether one request can be in the scopes of both; true where that is not clear.
    pub(crate) fn can_meet(&self, other: &Rule) -> bool {
        let keys = match (&self.who, &other.who) {
            (Who::Key(one), Who::Key(other)) => one == other,
            _ => true,
        };
        keys && places_meet(&self.on, &other.on)
    }
}

/// Whether one thing can be in both places.
fn places_meet(one: &On, other: &On) -> bool {
    let below = |name: &str, domain: &str| {
        name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    };
    match (one, other) {
        (On::Zone(a), On::Zone(b))
        | (On::Name(a), On::Name(b))
        | (On::Account(a), On::Account(b))
        | (On::Provider(a), On::Provider(b)) => a == b,
        (On::Kind(a), On::Kind(b)) => a == b,
        (On::Domain(a), On::Domain(b)) => below(a, b) || below(b, a),
        (On::Name(name), On::Domain(domain)) | (On::Domain(domain), On::Name(name)) => {
            below(name, domain)
        }
        (On::Name(name), On::Zone(zone)) | (On::Zone(zone), On::Name(name)) => {
            zone == "." || below(name, zone)
        }
        (On::Domain(domain), On::Zone(zone)) | (On::Zone(zone), On::Domain(domain)) => {
            zone == "." || below(domain, zone) || below(zone, domain)
        }
        _ => true,
    }
}

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) enum Sought {
    /// A request that this policy matches.
    Match(Arc<Rule>),
    /// A request on which this policy fails to evaluate.
    Failure(Arc<Rule>),
}

impl Sought {
    /// The policy.
    pub(crate) fn rule(&self) -> &Arc<Rule> {
        match self {
            Sought::Match(rule) | Sought::Failure(rule) => rule,
        }
    }
}

/// A question: is there a request for this action that is what is sought, that matches none of
/// some policies, that others deny as a whole, and for which conditions hold?
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// The action.
    pub(crate) action: Action,
    /// What is looked for.
    pub(crate) sought: Sought,
    /// Policies none of which matches.
    pub(crate) unmatched: Vec<Arc<Rule>>,
    /// Policies that do not allow it, all together: some permit and no forbid.
    pub(crate) denied_by: Option<Vec<Arc<Rule>>>,
    /// Conditions in Cedar, on the same variables as a policy's.
    pub(crate) given: Vec<String>,
}

impl Question {
    /// Whether a request can match a permit that no forbid takes back.
    pub(crate) fn allowed(action: Action, permit: &Arc<Rule>, forbids: &[Arc<Rule>]) -> Question {
        let meets = |forbid: &&Arc<Rule>| forbid.admits(action) && forbid.can_meet(permit);
        Question {
            action,
            sought: Sought::Match(Arc::clone(permit)),
            unmatched: forbids.iter().filter(meets).map(Arc::clone).collect(),
            denied_by: None,
            given: Vec::new(),
        }
    }

    /// The policies that it is about.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        let denied = self.denied_by.iter().flatten();
        [self.sought.rule()].into_iter().chain(&self.unmatched).chain(denied)
    }
}

/// What a "yes" should come with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Nothing.
    Decision,
    /// A request, of which only what the question mentions is of use.
    Request,
    /// A request that fits together as well as can be said, which may take long.
    Likely,
}

/// What the solver found.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// There is no such request: proved.
    No,
    /// There is one, as far as the solver knows requests; empty where only that was asked.
    Yes(Box<Model>),
    /// It gave up, or could not be asked; why.
    Unknown(String),
}
