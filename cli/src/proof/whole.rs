//! Where the solver is of no more help: requests made of everything that policies can tell apart.
//!
//! A solver that does not know, or sees requests that nothing near them bears out, leaves a
//! question open. Then all representatives of it are tried in all combinations, up to a bound, in
//! an order that spreads over them. What is found is a fact; what is not found proves nothing, and
//! the doubt that is left says how much was tried.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use zonegate_engine::key::Key;
use zonegate_engine::operation::{Action, Operation};
use zonegate_engine::policy::{AccountId, Holding, Verdict, Who};

use super::{Asker, Example, Prover, Settled, nobody};
use crate::ask::{Inquiry, Probe, Scene, Way, account};
use crate::example::plainer;
use crate::symbolic::{Answer, Question, Symbolic};
use crate::universe::{About, Around, Universe, stride};

/// Requests that are tried for one question.
const TRIES_MAX: usize = 200_000;
/// Places that requests come from: key, account, time, address, route.
const SURROUNDINGS_MAX: usize = 4_096;
/// How long all searches for one property may take.
const SEARCH_MAX: Duration = Duration::from_secs(20);
/// How long one of them may.
const ONE_MAX: Duration = Duration::from_secs(5);
/// After how many requests the clock is looked at.
const CLOCK_EVERY: usize = 256;
/// The account that is asked where nothing says another.
const ACCOUNT: &str = "powerdns/main";

/// What there is to know of a question besides the policies in it.
#[derive(Clone, Debug)]
pub(super) struct Besides<'a> {
    /// Policies that the test asks as well.
    pub(super) judging: Vec<Holding>,
    /// The role that keys must have.
    pub(super) role: Option<&'a str>,
    /// What is looked for, in words.
    pub(super) wanted: &'static str,
}

/// Looks for a request that refutes.
pub(super) const COUNTEREXAMPLE: Besides<'static> =
    Besides { judging: Vec::new(), role: None, wanted: "counterexample" };
/// Looks for one that shows.
pub(super) const EXAMPLE: Besides<'static> =
    Besides { judging: Vec::new(), role: None, wanted: "example" };

/// Who asks, from where, by what.
struct Surrounding {
    /// Which of the keys.
    key: usize,
    /// From where, when.
    scene: Scene,
    /// By which request.
    way: Way,
}

/// Something to test a request by.
type Test<'t> = &'t dyn Fn(&Probe, &Key, &Verdict) -> bool;

impl Prover<'_> {
    /// Settles a solver's answer by requests near its own, and where these do not, by all.
    pub(super) fn settle(
        &self,
        question: &Question,
        answer: &Answer,
        asker: Asker<'_>,
        besides: &Besides<'_>,
        test: Test<'_>,
    ) -> Settled {
        self.settle_by(&self.symbolic, question, answer, asker, besides, test)
    }

    /// The same by the solver of another bundle.
    pub(super) fn settle_by(
        &self,
        symbolic: &Symbolic,
        question: &Question,
        answer: &Answer,
        asker: Asker<'_>,
        besides: &Besides<'_>,
        test: Test<'_>,
    ) -> Settled {
        match self.settle_near(symbolic, question, answer, asker, test) {
            Settled::Unsettled(why) => self.search(question, asker, besides, test, &why),
            settled @ (Settled::Example(_) | Settled::Nothing) => settled,
        }
    }

    /// Tries requests of the whole universe; `why` says what is open without them.
    pub(super) fn search(
        &self,
        question: &Question,
        asker: Asker<'_>,
        besides: &Besides<'_>,
        test: Test<'_>,
        why: &str,
    ) -> Settled {
        let began = Instant::now();
        // Where many questions are open, the first must not take all the time there is.
        let left = SEARCH_MAX.saturating_sub(self.searched.get()).min(ONE_MAX);
        let mut sweep = self.sweep(question, asker, besides);
        let found = sweep.run(self, test, left);
        self.searched.set(self.searched.get() + began.elapsed());
        if let Some(example) = found {
            return Settled::Example(Box::new(example));
        }
        let Sweep { tried, total, .. } = sweep;
        let of = if tried < total { format!(" of {total}") } else { String::new() };
        let wanted = besides.wanted;
        Settled::Unsettled(match tried {
            0 => format!("{why}; not proved; there was no time left to try generated requests"),
            _ => format!("{why}; not proved; {tried}{of} generated requests found no {wanted}"),
        })
    }

    /// Everything that is to be tried for a question.
    fn sweep(&self, question: &Question, asker: Asker<'_>, besides: &Besides<'_>) -> Sweep {
        let mut universe = self.universe(question, asker);
        let (keys, about) = self.askers(question, asker, besides);
        if let Some(about) = about {
            universe.join(about);
        }
        let own = |key: &Key| self.bundle.policies.holdings(key).unwrap_or_default();
        let mut more = besides.judging.clone();
        if let Asker::Known(key) = asker {
            let admits = |one: &Holding| one.actions.contains(&question.action);
            more.extend(own(key).into_iter().filter(admits));
        }
        let around =
            Around { keys: Vec::new(), zones: universe.zones.clone(), times: self.times.clone() };
        universe.join(Universe::around(self.bundle, more.iter(), &around));
        let operations = operations(question.action, &universe);
        let surroundings = self.surroundings(question.action, &universe, &keys);
        let total = operations.len().saturating_mul(surroundings.len());
        Sweep { universe, keys, operations, surroundings, total, tried: 0 }
    }

    /// The keys that could ask, with what the sought policy alone compares them with.
    fn askers(
        &self,
        question: &Question,
        asker: Asker<'_>,
        besides: &Besides<'_>,
    ) -> (Vec<Key>, Option<Universe>) {
        if let Asker::Known(key) = asker {
            return (vec![key.clone()], None);
        }
        let rule = question.sought.rule();
        let all = self.permits.iter().chain(&self.forbids).chain(&self.granted_forbids);
        let mut sources = all.filter(|source| source.rule.name == rule.name);
        let id = sources.next().map(|source| source.holding.id.as_str());
        let written = self.bundle.policies.written();
        let policy = written.iter().find(|one| Some(one.id.as_str()) == id);
        let about = policy.and_then(|policy| About::of(self.bundle, policy, &self.times, true));
        let mut plain = nobody();
        if let Who::Role(role) = &rule.who {
            plain.roles.push(role.clone());
        }
        let (universe, made) =
            about.map_or((None, Vec::new()), |one| (Some(one.universe), one.keys));
        let as_role = |mut key: Key| {
            let missing = besides.role.filter(|role| !key.roles.iter().any(|one| one == role));
            key.roles.extend(missing.map(str::to_owned));
            key
        };
        let known = |key: &Key| self.bundle.keys.by_id(&key.id).is_some();
        let made = made.into_iter().chain([plain]).map(|key| {
            if known(&key) {
                key
            } else {
                as_role(Key { id: nobody().id, accounts: nobody().accounts, ..key })
            }
        });
        let has_role =
            |key: &Key| besides.role.is_none_or(|role| key.roles.iter().any(|one| one == role));
        (made.filter(has_role).collect(), universe)
    }

    /// From where requests come; only what policies read is varied.
    fn surroundings(&self, action: Action, universe: &Universe, keys: &[Key]) -> Vec<Surrounding> {
        fn some<T: Clone>(all: &[T], vary: bool) -> Vec<T> {
            all.iter().take(if vary { usize::MAX } else { 1 }).cloned().collect()
        }
        let reads =
            |names: &[&str]| names.iter().chain(&["*"]).any(|one| universe.reads.contains(*one));
        let clock = ["now", "windows", "weekday", "time_of_day", "date"];
        let froms: Vec<IpAddr> = some(&universe.froms, reads(&["client_ip", "networks"]));
        let encrypted = some(&[true, false], reads(&["tls"]));
        let counts = some(&universe.operations, reads(&["operations"]));
        let mut made = Vec::new();
        for (number, key) in keys.iter().enumerate() {
            let mut times: Vec<Timestamp> = universe.times.clone();
            times.extend(key.not_before);
            times.retain(|at| key.check(*at).is_ok());
            for id in self.accounts(universe, key) {
                let Some(provider) = self.bundle.provider(&id.provider) else { continue };
                let named = universe.routes.iter().filter_map(|one| Way::by(self.bundle, one));
                let named = named.filter(|way| way.route.starts_with(&format!("{}/", id.provider)));
                let ways: Vec<Way> = named.chain([Way::usual(provider, action)]).collect();
                for at in some(&times, reads(&clock)) {
                    for (from, tls) in
                        froms.iter().flat_map(|from| encrypted.iter().map(move |tls| (*from, *tls)))
                    {
                        let scene = Scene { account: id.clone(), from, at, tls };
                        made.extend(ways.iter().flat_map(|way| {
                            let scene = scene.clone();
                            counts.iter().map(move |count| Surrounding {
                                key: number,
                                scene: scene.clone(),
                                way: Way { operations: *count, ..way.clone() },
                            })
                        }));
                    }
                }
            }
        }
        made.truncate(SURROUNDINGS_MAX);
        made
    }

    /// The accounts at which a key can ask: its own, those that policies mention, and the usual one.
    fn accounts(&self, universe: &Universe, key: &Key) -> Vec<AccountId> {
        let own = key.accounts.iter().map(String::as_str).filter(|path| *path != "*");
        let all = own.chain(universe.accounts.iter().map(String::as_str)).chain([ACCOUNT]);
        let mut made: Vec<AccountId> = Vec::new();
        for id in all.filter_map(|path| account(self.bundle, path).ok()) {
            if key.serves(&id.path()) && !made.contains(&id) {
                made.push(id);
            }
        }
        made
    }
}

/// The operations of an action; a deletion also with its value unknown.
fn operations(action: Action, universe: &Universe) -> Vec<Operation> {
    let mut made = universe.operations(action, true);
    if action == Action::RecordDelete {
        let mut bare: Vec<Operation> = Vec::new();
        for record in made.iter().filter_map(Operation::as_record) {
            let (zone, name) = (record.zone.clone(), record.name.clone());
            let operation = Operation::record(action, zone, name, record.rtype, None);
            if bare.last() != Some(&operation) {
                bare.push(operation);
            }
        }
        made.extend(bare);
    }
    made
}

/// All combinations of what is to be tried.
struct Sweep {
    /// What they are made of.
    universe: Universe,
    /// Who asks.
    keys: Vec<Key>,
    /// What for.
    operations: Vec<Operation>,
    /// From where.
    surroundings: Vec<Surrounding>,
    /// How many combinations there are.
    total: usize,
    /// How many were tried.
    tried: usize,
}

impl Sweep {
    /// Tries combinations until one passes the test, or there is no time left.
    fn run(&mut self, prover: &Prover<'_>, test: Test<'_>, left: Duration) -> Option<Example> {
        let began = Instant::now();
        let step = stride(self.total);
        let mut asked: HashMap<usize, Inquiry<'_>> = HashMap::new();
        let mut at = 0;
        for _ in 0..self.total.min(TRIES_MAX) {
            if self.tried.is_multiple_of(CLOCK_EVERY) && began.elapsed() >= left {
                break;
            }
            self.tried += 1;
            at = (at + step) % self.total;
            let (place, what) = (at / self.operations.len(), at % self.operations.len());
            let surrounding = self.surroundings.get(place)?;
            let (operation, key) = (self.operations.get(what)?, self.keys.get(surrounding.key)?);
            let Surrounding { scene, way, .. } = surrounding;
            let inquiry = asked
                .entry(place)
                .or_insert_with(|| Inquiry::of_key(prover.bundle, Some(key), scene, way));
            let verdict = inquiry.decide(operation);
            let probe = Probe {
                key: key.id.clone(),
                scene: scene.clone(),
                way: way.clone(),
                operation: operation.clone(),
            };
            if test(&probe, key, &verdict) {
                return Some(self.example(prover, probe, key, test));
            }
        }
        None
    }

    /// A request that passed, with what is usual wherever it does not matter.
    fn example(&self, prover: &Prover<'_>, found: Probe, key: &Key, test: Test<'_>) -> Example {
        let passes = |probe: &Probe| test(probe, key, &probe.decide_as(prover.bundle, key));
        let probe = plainer(prover.bundle, &self.universe, found, &passes);
        let verdict = probe.decide_as(prover.bundle, key);
        let made_up = prover.bundle.keys.by_id(&key.id).is_none().then(|| key.clone());
        Example { probe, made_up, verdict }
    }
}
