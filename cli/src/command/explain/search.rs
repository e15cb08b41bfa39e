//! The smallest change that would have allowed a denied request.
//!
//! Fewest changed fields first: each field alone, over all that the key's policies can tell apart;
//! then two and three fields together, guided by each policy that could permit, the nearest miss
//! first. The values are representatives (see [`crate::universe`]), so "none found" is no proof
//! that there is none, and says what was tried.

mod nearby;
mod trial;

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::decision::Reason;
use zonegate_engine::key::Key;
use zonegate_engine::operation::Operation;
use zonegate_engine::policy::{Holding, On, Verdict, Who};
use zonegate_engine::provider::Provider;
use zonegate_engine::request::{Method, Target};

use self::trial::Trial;
use super::answer::{Answer, Asked};
use super::change::{Field, Step};
use super::question::{Question, What};
use super::request::walk;
use crate::ask::{self, Scene, Way};
use crate::universe::{Around, Universe, window_times};

/// Candidates of one field where it changes alone.
const ALONE_MAX: usize = 5_000;
/// Candidates of each field where two change together.
const PAIR_MAX: usize = 24;
/// Candidates of each field where three change together.
const TRIPLE_MAX: usize = 8;
/// Changes that are told.
const TOLD_MAX: usize = 4;
/// Roles that are told.
const ROLES_MAX: usize = 3;
/// Methods that a path may have.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// What came of looking for the smallest change.
#[derive(Debug, Default)]
pub(super) struct Smallest {
    /// Changes, all of one size; each would have allowed what was asked.
    pub(super) changes: Vec<Suggested>,
    /// The operation that they are about, where they allow it and not the whole request.
    pub(super) about: Option<Operation>,
    /// How many changes were tried.
    pub(super) tried: usize,
    /// How many fields were changed together at the most.
    pub(super) fields: usize,
    /// Whether time ran out.
    pub(super) ran_out: bool,
    /// Why nothing was tried, and what would help.
    pub(super) words: Option<String>,
}

/// A change, and what would come of it.
#[derive(Clone, Debug)]
pub(super) struct Suggested {
    /// The fields that change.
    pub(super) steps: Vec<Step>,
    /// The operations that would be asked.
    pub(super) operations: Vec<Operation>,
    /// The policies that would allow them.
    pub(super) by: Vec<String>,
}

impl Suggested {
    /// Whether it is another action, alone or with something else.
    fn is_another_action(&self) -> bool {
        self.steps.iter().any(|step| step.field() == Field::Action)
    }
}

impl Smallest {
    /// No change was looked for.
    fn none(words: impl Into<String>) -> Smallest {
        Smallest { words: Some(words.into()), ..Smallest::default() }
    }
}

/// Looks for the smallest change; none where everything is allowed.
pub(super) fn smallest(
    bundle: &Rc<Bundle>,
    question: &Question,
    answer: &Answer,
) -> Result<Option<Smallest>, String> {
    let Some((reason, _)) = &answer.denied else { return Ok(None) };
    let key = question.key.as_deref().and_then(|id| bundle.keys.by_id(id));
    let Some(key) = key else { return Ok(Some(Smallest::none(BEFORE_POLICIES))) };
    let about_key = [Reason::EarlyKey, Reason::ExpiredKey, Reason::UnknownKey];
    if about_key.contains(reason) {
        return of_key(bundle, question, key, *reason).map(Some);
    }
    if *reason == Reason::DisabledKey {
        return Ok(Some(Smallest::none("none: keys.toml disables the key")));
    }
    let by_policies = [
        Reason::NoPolicyAllows,
        Reason::PolicyForbids,
        Reason::PolicyError,
        Reason::ZoneNotVisible,
        Reason::RecordNotVisible,
    ];
    let denied = answer.operations.iter().any(|asked| !asked.is_allowed());
    let (true, true, Some(way)) = (by_policies.contains(reason), denied, &answer.way) else {
        return Ok(Some(Smallest::none(before_policies(bundle, question, *reason))));
    };
    let operations = answer.operations.iter().map(|asked| asked.operation.clone()).collect();
    let scene = &question.scene;
    let asked = Some(answer.operations.as_slice());
    search(bundle, key, scene, way, operations, Vec::new(), asked).map(Some)
}

/// What is said where no policy was asked.
const BEFORE_POLICIES: &str = "none: it is denied before any policy is asked";

/// What is said where no policy was asked, and what would help.
fn before_policies(bundle: &Bundle, question: &Question, reason: Reason) -> String {
    let What::Request(request) = &question.what else { return BEFORE_POLICIES.to_owned() };
    let Ok(target) = Target::parse(request.target.as_bytes()) else {
        return BEFORE_POLICIES.to_owned();
    };
    let own = bundle.provider(&question.scene.account.provider);
    let help = if reason == Reason::LookupFailed {
        "what the provider answers decides; give it with --answer".to_owned()
    } else if reason == Reason::UnknownMethod {
        let possible = METHODS.into_iter().filter(|method| {
            let method = Method::parse(method.as_bytes());
            method.zip(own).is_some_and(|(method, own)| own.find(method, &target).is_ok())
        });
        let possible: Vec<&str> = possible.collect();
        format!("possible on this path: {}", possible.join(", "))
    } else if reason == Reason::UnknownRoute {
        let method = Method::parse(request.method.as_bytes());
        let known = bundle
            .providers()
            .iter()
            .filter(|one| method.is_some_and(|method| one.find(method, &target).is_ok()));
        let known: Vec<&str> = known.map(Provider::name).collect();
        if known.is_empty() {
            "`zonegate routes` lists what there is".to_owned()
        } else {
            format!("this is a request for {}; say so with --account", known.join(", "))
        }
    } else {
        return BEFORE_POLICIES.to_owned();
    };
    format!("{BEFORE_POLICIES}; {help}")
}

/// A key that is not valid then or there: what it would be, then and there.
fn of_key(
    bundle: &Rc<Bundle>,
    question: &Question,
    key: &Key,
    reason: Reason,
) -> Result<Smallest, String> {
    let mut fixed: Vec<Step> = Vec::new();
    let mut scene = question.scene.clone();
    let second = jiff::SignedDuration::from_secs(1);
    let at = match reason == Reason::EarlyKey {
        true => key.not_before,
        false if reason == Reason::ExpiredKey => {
            key.expires.and_then(|expires| expires.checked_sub(second).ok())
        }
        false => None,
    };
    if let Some(at) = at.filter(|at| key.check(*at).is_ok()) {
        scene.at = at;
        fixed.push(Step::Time(at));
    }
    if !key.serves(&scene.account.path()) {
        let provider = &scene.account.provider;
        let same = key.accounts.iter().find(|one| one.split('/').next() == Some(provider));
        let Some(path) = same else {
            let words = format!("none at {provider}: the key is for {}", key.accounts.join(", "));
            return Ok(Smallest::none(words));
        };
        scene.account = ask::account(bundle, path)?;
        fixed.push(Step::Account(path.clone()));
    }
    if fixed.is_empty() {
        return Ok(Smallest::none(BEFORE_POLICIES));
    }
    let (way, operations) = match &question.what {
        What::Operations(way, operations) => (way.clone(), operations.clone()),
        What::Logged(way, logged) => (way.clone(), logged.operations.clone()),
        What::Request(request) => {
            let walked = walk(bundle, request, &scene);
            let way = Way::by(bundle, &walked.audit.route);
            let Some(way) = way.filter(|_| !walked.operations.is_empty()) else {
                return Ok(Smallest::none(BEFORE_POLICIES));
            };
            let way = Way { operations: walked.operations.len(), ..way };
            if walked.denied().is_none() {
                let by = walked.audit.policies.clone();
                let suggested = Suggested { steps: fixed, operations: walked.operations, by };
                return Ok(Smallest { changes: vec![suggested], fields: 1, ..Smallest::default() });
            }
            (way, walked.operations)
        }
    };
    if operations.is_empty() {
        return Ok(Smallest::none(BEFORE_POLICIES));
    }
    search(bundle, key, &scene, &way, operations, fixed, None)
}

/// Searches, for the whole request, and where that finds nothing for its first denied operation.
fn search(
    bundle: &Bundle,
    key: &Key,
    scene: &Scene,
    way: &Way,
    operations: Vec<Operation>,
    fixed: Vec<Step>,
    asked: Option<&[Asked]>,
) -> Result<Smallest, String> {
    let several = operations.len() > 1;
    let new = |operations, fixed: Vec<Step>| {
        Trial::new(bundle, key, scene.clone(), way.clone(), operations, fixed)
    };
    let Some(mut trial) = new(operations.clone(), fixed.clone()) else {
        return settled(bundle, key, scene, way, operations, fixed);
    };
    let policies = Guides::of(bundle, key, &trial, asked)?;
    let mut found = trial.search(&policies);
    if !found.changes.is_empty() || !several {
        return Ok(found);
    }
    // The others may be hopeless: what would help the first is still worth saying.
    let pivot = trial.pivot.clone();
    let alone = ask::meant(&pivot);
    if let Some(mut trial) = new(alone, fixed) {
        let alone = trial.search(&policies);
        found = Smallest { tried: found.tried + alone.tried, about: Some(pivot), ..alone };
    }
    Ok(found)
}

/// What must change in any case is enough.
fn settled(
    bundle: &Bundle,
    key: &Key,
    scene: &Scene,
    way: &Way,
    operations: Vec<Operation>,
    steps: Vec<Step>,
) -> Result<Smallest, String> {
    let asking = ask::asking(bundle, key, scene, way);
    let asking = asking.ok_or("the policies cannot be asked about this")?;
    let mut by = Vec::new();
    for operation in &operations {
        match bundle.policies.decide_unindexed(&bundle.patterns, &asking, operation) {
            Verdict::Allow(ids) => by.extend(ids),
            Verdict::Deny(..) => {
                return Err("two ways of deciding disagree; please report this".to_owned());
            }
        }
    }
    by.sort_unstable();
    by.dedup();
    let fields = steps.len();
    let changes = vec![Suggested { steps, operations, by }];
    Ok(Smallest { changes, fields, ..Smallest::default() })
}

/// The policies that a search goes by.
#[derive(Debug)]
struct Guides {
    /// Those that could permit it to the key as it is, or with another role; the nearest first.
    permits: Vec<Holding>,
    /// Those that could forbid it.
    forbids: Vec<Holding>,
}

impl Guides {
    /// The policies of a bundle that matter for a key.
    fn of(
        bundle: &Bundle,
        key: &Key,
        trial: &Trial<'_>,
        asked: Option<&[Asked]>,
    ) -> Result<Guides, String> {
        let statics = bundle.policies.statics().into_iter();
        let mut all: Vec<Holding> =
            statics.filter(|one| one.is_for(key) || is_of_role(one)).collect();
        all.extend(bundle.policies.linked(key).map_err(|problem| problem.message)?);
        let kind = trial.pivot.action.kind();
        all.retain(|one| one.actions.iter().any(|action| action.kind() == kind));
        let (forbids, mut permits): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.forbids);
        let denied = asked.and_then(|asked| asked.iter().find(|one| !one.is_allowed()));
        let order: HashMap<&str, usize> = denied
            .into_iter()
            .flat_map(|asked| asked.policies.iter().enumerate())
            .map(|(at, one)| (one.id.as_str(), at))
            .collect();
        let has_action = |one: &Holding| one.actions.contains(&trial.pivot.action);
        permits.sort_by_key(|one| {
            let place = order.get(one.id.as_str()).copied().unwrap_or(usize::MAX);
            (!has_action(one), place, one.unique.clone())
        });
        Ok(Guides { permits, forbids })
    }

    /// Each role that the key has not, the one that gives least first.
    fn roles(&self, bundle: &Bundle, key: &Key) -> Vec<String> {
        let given = |role: &str| -> usize {
            let own = self.permits.iter().filter(|one| one.who == Who::Role(role.to_owned()));
            own.map(|one| one.actions.len() * breadth(&one.on)).sum()
        };
        let mut roles: Vec<&String> =
            bundle.lists.roles.iter().filter(|role| !key.roles.contains(role)).collect();
        roles.sort_by_cached_key(|role| given(role));
        roles.into_iter().cloned().collect()
    }
}

/// Whether a policy permits something to whoever gets a role.
fn is_of_role(one: &Holding) -> bool {
    !one.forbids && matches!(one.who, Who::Role(_))
}

/// How much a scope takes in.
const fn breadth(on: &On) -> usize {
    match on {
        On::Name(_) => 1,
        On::Domain(_) => 2,
        On::Zone(_) => 4,
        On::Everything | On::Kind(_) | On::Account(_) | On::Provider(_) => 16,
    }
}

impl Trial<'_> {
    /// Looks for changes, the smallest first.
    fn search(&mut self, policies: &Guides) -> Smallest {
        let fixed = self.fixed.len();
        // What is for another role matters where the role changes, too: two fields at least.
        let own = policies.permits.iter().filter(|permit| permit.is_for(self.key));
        let own = own.chain(&policies.forbids);
        // Looking for the moments at which windows open takes long: once for all.
        let mut times = window_times(self.bundle, self.scene.at);
        times.extend(nearby::before(self.bundle, self.scene.at));
        let universe = self.universe(own, &times);
        let mut found = self.alone(policies, &universe);
        let times = universe.times;
        let mut fields = 1;
        for size in [2, 3] {
            // To do something else is a small change and a poor help: it ends no search.
            if found.iter().all(Suggested::is_another_action) && !self.ran_out {
                fields = size;
                let other = self.together(policies, size, &times, found.is_empty());
                found.extend(other);
            }
        }
        let order = |one: &Suggested| {
            let fields: Vec<Field> = one.steps.iter().map(Step::field).collect();
            (fields.len(), fields)
        };
        found.sort_by_key(order);
        let (tried, ran_out) = (self.tried, self.ran_out);
        let most = found.iter().map(|one| one.steps.len()).max();
        let fields = most.unwrap_or(fields + fixed);
        Smallest { changes: found, tried, fields, ran_out, ..Smallest::default() }
    }

    /// Each field alone.
    fn alone(&mut self, policies: &Guides, universe: &Universe) -> Vec<Suggested> {
        let mut found = Vec::new();
        for steps in nearby::steps(self, universe) {
            let mut steps = steps.into_iter().take(ALONE_MAX);
            found.extend(steps.find_map(|step| self.attempt(&[step])));
        }
        let roles = policies.roles(self.bundle, self.key).into_iter();
        let mut roles = roles.filter_map(|role| self.attempt(&[Step::Role(role)]));
        found.extend(roles.by_ref().take(ROLES_MAX));
        found
    }

    /// What some policies can tell apart for the key that asks.
    fn universe<'h>(
        &self,
        holdings: impl Iterator<Item = &'h Holding>,
        times: &[Timestamp],
    ) -> Universe {
        let zones = self.pivot.zone_name().cloned().into_iter().collect();
        let around = Around { keys: vec![self.key], zones, times: times.to_vec() };
        Universe::around(self.bundle, holdings, &around)
    }

    /// Several fields together, near each policy that could permit.
    fn together(
        &mut self,
        policies: &Guides,
        size: usize,
        times: &[Timestamp],
        other_actions: bool,
    ) -> Vec<Suggested> {
        let most = if size == 2 { PAIR_MAX } else { TRIPLE_MAX };
        let (mut found, mut told) = (Vec::new(), BTreeSet::new());
        for permit in &policies.permits {
            if found.len() >= TOLD_MAX || self.ran_out {
                break;
            }
            let must = self.must(permit);
            if !other_actions && must.contains(&Field::Action) {
                continue;
            }
            let mut lists = self.lists(policies, permit, times, most);
            lists.retain(|list| other_actions || !matches!(list.first(), Some(Step::Action(_))));
            for chosen in subsets(lists.len(), size) {
                let lists: Vec<&Vec<Step>> =
                    chosen.iter().filter_map(|at| lists.get(*at)).collect();
                let fields: Vec<Field> =
                    lists.iter().filter_map(|list| Some(list.first()?.field())).collect();
                if told.contains(&fields) || must.iter().any(|field| !fields.contains(field)) {
                    continue;
                }
                let suggested = nearest(&lists).find_map(|steps| self.attempt(&steps));
                if let Some(suggested) = suggested {
                    told.insert(fields);
                    found.push(suggested);
                }
            }
        }
        found.truncate(TOLD_MAX);
        found
    }

    /// The candidates of each field that matter for one policy and all that forbid.
    fn lists(
        &self,
        policies: &Guides,
        permit: &Holding,
        times: &[Timestamp],
        most: usize,
    ) -> Vec<Vec<Step>> {
        let all = || std::iter::once(permit).chain(&policies.forbids);
        let universe = self.universe(all(), times);
        let mut lists = nearby::steps(self, &universe);
        let mut roles: Vec<String> = match &permit.who {
            Who::Role(role) => vec![role.clone()],
            Who::Everybody | Who::Key(_) => Vec::new(),
        };
        let named = universe.entities.iter().filter(|(kind, _)| kind == "Role");
        roles.extend(named.map(|(_, role)| role.clone()));
        roles.retain(|role| !self.key.roles.contains(role));
        roles.dedup();
        lists.push(roles.into_iter().map(Step::Role).collect());
        for list in &mut lists {
            if let Some(Step::Action(_)) = list.first() {
                list.retain(
                    |step| matches!(step, Step::Action(action) if permit.actions.contains(action)),
                );
            }
            list.truncate(most);
        }
        lists.retain(|list| !list.is_empty());
        lists
    }

    /// The fields without whose change a policy cannot match.
    fn must(&self, permit: &Holding) -> Vec<Field> {
        let mut must = Vec::new();
        if !permit.is_for(self.key) {
            must.push(Field::Role);
        }
        if !permit.actions.contains(&self.pivot.action) {
            must.push(Field::Action);
        }
        must
    }
}

/// The subsets of so many numbers below `count`, in order.
fn subsets(count: usize, size: usize) -> Vec<Vec<usize>> {
    let mut made: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..size {
        made = made
            .into_iter()
            .flat_map(|taken| {
                let from = taken.last().map_or(0, |last| last + 1);
                (from..count).map(move |next| [taken.as_slice(), &[next]].concat())
            })
            .collect();
    }
    made
}

/// One of each list, the nearest together first.
fn nearest<'s>(lists: &[&'s Vec<Step>]) -> impl Iterator<Item = Vec<Step>> + use<'s> {
    let mut places: Vec<Vec<usize>> = vec![Vec::new()];
    for list in lists {
        places = places
            .into_iter()
            .flat_map(|taken| (0..list.len()).map(move |next| [taken.as_slice(), &[next]].concat()))
            .collect();
    }
    places.sort_by_key(|place| place.iter().sum::<usize>());
    let lists: Vec<&'s Vec<Step>> = lists.to_vec();
    places.into_iter().map(move |place| {
        let chosen = lists.iter().zip(&place);
        chosen.filter_map(|(list, at)| list.get(*at).cloned()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_are_all_of_one_size() {
        assert_eq!(subsets(3, 2), [[0, 1], [0, 2], [1, 2]]);
        assert_eq!(subsets(3, 3), [[0, 1, 2]]);
        assert!(subsets(1, 2).is_empty());
    }

    #[test]
    fn what_is_near_in_every_field_comes_first() {
        let role = |name: &str| Step::Role(name.to_owned());
        let (one, other) = (vec![role("a"), role("b")], vec![role("x"), role("y")]);
        let made: Vec<String> = nearest(&[&one, &other])
            .map(|steps| steps.iter().map(ToString::to_string).collect())
            .collect();
        assert_eq!(made, ["ax", "ay", "bx", "by"]);
    }
}
