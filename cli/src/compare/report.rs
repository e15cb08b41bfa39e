//! What a comparison says, and how sure it is of each part.

use jiff::Timestamp;
use zonegate_engine::policy::Verdict;

use super::class::Classes;
use super::effect::{Cause, Found, Shift, Shown};
use super::proof::{Proof, Proofs};
use super::surface::{KeyChange, Surface};
use super::{Direction, Side};
use crate::ask::{Probe, Scene};

/// A finished comparison.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// What changed on the surface.
    pub(crate) surface: Surface,
    /// What each change means.
    pub(crate) units: Vec<Unit>,
    /// From when on requests were compared.
    pub(crate) at: Timestamp,
    /// Keys that the same policies decide about as before.
    pub(crate) untouched: usize,
    /// Keys that are valid no more on either side.
    pub(crate) over: usize,
    /// Requests that were compared.
    pub(crate) requests: u64,
    /// Requests that were left out.
    pub(crate) left_out: u64,
    /// Why nothing could be proved, where nothing could.
    pub(crate) unproved: Option<String>,
}

/// What one change means.
#[derive(Debug)]
pub(crate) struct Unit {
    /// The change.
    pub(crate) what: What,
    /// Whether more is allowed.
    pub(crate) more: Finding,
    /// Whether less is allowed.
    pub(crate) less: Finding,
}

/// A change that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Of the policy with this place in [`Surface::policies`].
    Policy(usize),
    /// Of these keys, whose entries changed alike; places in [`Surface::keys`].
    Keys(Vec<usize>),
    /// Of the secret of the key with this place.
    Secret(usize),
}

/// What is known of one direction of a change.
#[derive(Clone, Debug)]
pub(crate) enum Finding {
    /// A decision changes; somebody can repeat it.
    Shown(Box<Repeatable>),
    /// A secret came or went: whoever holds it is another now.
    Secret,
    /// No decision changes.
    No(Certainty),
}

/// A decision that changes, for some keys.
#[derive(Clone, Debug)]
pub(crate) struct Repeatable {
    /// The keys for which one changes, sorted.
    pub(crate) keys: Vec<String>,
    /// Keys with the same policies for which none was found.
    pub(crate) unshown: usize,
    /// One of the decisions.
    pub(crate) example: Example,
    /// How it was found.
    pub(crate) method: Method,
}

/// A request that is decided otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    /// The request.
    pub(crate) probe: Probe,
    /// Who asks, from where, when, by which route, in words.
    pub(crate) circumstances: String,
    /// What was decided, in words.
    pub(crate) old: String,
    /// What is decided now, in words.
    pub(crate) new: String,
    /// Whether `explain` can repeat the new decision; else the old one, because the key is gone.
    pub(crate) is_of_new: bool,
}

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// By generated requests.
    Requests,
    /// By a request near one that the solver saw.
    Solver,
}

/// How sure it is that no decision changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// It follows from what changed; why, in words.
    Certain(&'static str),
    /// A solver showed it for all keys and requests.
    Proved,
    /// So many requests showed none, which proves nothing; why it is not proved, where that was
    /// tried.
    NotFound(u64, Option<String>),
}

impl Finding {
    /// Whether a decision changes.
    pub(crate) fn is_change(&self) -> bool {
        match self {
            Finding::Shown(_) | Finding::Secret => true,
            Finding::No(_) => false,
        }
    }
}

impl Comparison {
    /// Puts together what changed and what was found.
    pub(crate) fn of(
        new: Side<'_>,
        surface: Surface,
        classes: &Classes,
        found: Found,
        at: Timestamp,
    ) -> Comparison {
        let Found { mut shown, asked, requests, left_out } = found;
        let mut finding = |cause: &Cause, direction: Direction| {
            let asked = asked.get(cause).copied();
            match (shown.remove(&(cause.clone(), direction)), asked) {
                (Some(shown), _) => Finding::Shown(Box::new(repeatable(new, shown))),
                (None, Some(asked)) => Finding::No(Certainty::NotFound(asked, None)),
                (None, None) => Finding::No(Certainty::Certain("it is for no key that is valid")),
            }
        };
        let mut units = Vec::new();
        for (place, change) in surface.policies.iter().enumerate() {
            if change.turn.may_decide() {
                let cause = Cause::Policy(change.id.clone());
                let [more, less] = Direction::ALL.map(|direction| finding(&cause, direction));
                units.push(Unit { what: What::Policy(place), more, less });
            }
        }
        let place = |id: &String| surface.keys.iter().position(|change| change.id == *id);
        for class in &classes.touched {
            let cause = Cause::Keys(class.members.first().cloned().unwrap_or_default());
            let [more, less] = Direction::ALL.map(|direction| finding(&cause, direction));
            if !class.own && !more.is_change() && !less.is_change() {
                continue;
            }
            let keys: Vec<usize> = class.members.iter().filter_map(place).collect();
            units.push(Unit { what: What::Keys(keys), more, less });
        }
        add_secrets(&surface.keys, &mut units);
        let Classes { untouched, over, .. } = *classes;
        let unproved = None;
        Comparison { surface, units, at, untouched, over, requests, left_out, unproved }
    }

    /// The policies and directions of which it is not certain that no decision changes.
    pub(super) fn open(&self) -> Vec<(String, Direction)> {
        let mut open = Vec::new();
        for unit in &self.units {
            let What::Policy(place) = unit.what else { continue };
            let Some(change) = self.surface.policies.get(place) else { continue };
            for (direction, finding) in
                [(Direction::More, &unit.more), (Direction::Less, &unit.less)]
            {
                if matches!(finding, Finding::No(Certainty::NotFound(..))) {
                    open.push((change.id.clone(), direction));
                }
            }
        }
        open
    }

    /// Takes in what was proved.
    pub(super) fn take(&mut self, new: Side<'_>, proofs: Result<Proofs, String>) {
        let mut proofs = match proofs {
            Ok(proofs) => proofs,
            Err(why) => {
                self.unproved = Some(why);
                return;
            }
        };
        for unit in &mut self.units {
            let What::Policy(place) = unit.what else { continue };
            let Some(change) = self.surface.policies.get(place) else { continue };
            let findings = [(Direction::More, &mut unit.more), (Direction::Less, &mut unit.less)];
            for (direction, finding) in findings {
                let Finding::No(Certainty::NotFound(requests, _)) = *finding else { continue };
                match proofs.remove(&(change.id.clone(), direction)) {
                    Some(Proof::Proved) => *finding = Finding::No(Certainty::Proved),
                    Some(Proof::Open(why)) => {
                        *finding = Finding::No(Certainty::NotFound(requests, Some(why)));
                    }
                    Some(Proof::Refuted(shown)) => {
                        let found =
                            Repeatable { method: Method::Solver, ..repeatable(new, *shown) };
                        *finding = Finding::Shown(Box::new(found));
                    }
                    None => {}
                }
            }
        }
    }

    /// Whether some decision changes in this direction, or cannot be compared.
    pub(crate) fn changes(&self, direction: Direction) -> bool {
        let of = |unit: &Unit| match direction {
            Direction::More => unit.more.is_change(),
            Direction::Less => unit.less.is_change(),
        };
        self.units.iter().any(of) || !self.surface.providers.is_empty()
    }
}

/// Secrets that came or went: no request shows that, and no request has to.
fn add_secrets(keys: &[KeyChange], units: &mut Vec<Unit>) {
    for (place, change) in keys.iter().enumerate() {
        if !change.new_secret && !change.lost_secret {
            continue;
        }
        let finding = |is_change| {
            let same = Finding::No(Certainty::Certain("only the secret is another"));
            if is_change { Finding::Secret } else { same }
        };
        let (more, less) = (finding(change.new_secret), finding(change.lost_secret));
        units.push(Unit { what: What::Secret(place), more, less });
    }
}

/// What was found, in words.
fn repeatable(new: Side<'_>, shown: Shown) -> Repeatable {
    let Shown { example: Shift { probe, old, new: now }, keys, unshown } = shown;
    let example = Example {
        circumstances: circumstances(new, &probe),
        old: verdict(&old),
        new: verdict(&now),
        is_of_new: new.bundle.keys.by_id(&probe.key).is_some(),
        probe,
    };
    Repeatable { keys, unshown, example, method: Method::Requests }
}

/// Who asks, from where, when and how.
fn circumstances(new: Side<'_>, probe: &Probe) -> String {
    let Probe { key, scene: Scene { account, from, at, tls }, way, .. } = probe;
    let bundle = new.bundle;
    let named = |what: &str, names: Vec<&str>| match names.as_slice() {
        [] => String::new(),
        names => format!(" ({what} {})", names.join(", ")),
    };
    let networks = named("network", bundle.networks.containing(*from));
    let windows = named("window", bundle.windows.open(*at));
    let clock = bundle.windows.local(*at);
    let minutes = clock.time_of_day_ms / 60_000;
    let time = format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let plain = if *tls { "" } else { ", unencrypted" };
    let cost = match way.operations {
        1 => String::new(),
        number => format!(", one of {number} operations"),
    };
    format!(
        "key {key} at {} from {from}{networks}, {} {} {time} {}{windows}, by {} on {}{cost}{plain}",
        account.path(),
        clock.weekday,
        clock.date,
        bundle.windows.time_zone(),
        way.method,
        way.route,
    )
}

/// What was decided, in words.
fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow(by) => format!("allowed by {}", by.join(", ")),
        Verdict::Deny(reason, by) if by.is_empty() => format!("denied, {reason}"),
        Verdict::Deny(reason, by) => format!("denied, {reason} by {}", by.join(", ")),
    }
}
