//! What cases cover, and what they should.
//!
//! Only cases that passed count, and what counts is what came out, not what the row claims: a
//! policy is covered where it determined a decision, a route where a request took it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::case::Case;
use crate::gate::{Decision, Outcome};

/// What cases cover, with the number of cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Allowed and denied cases by `provider/route`.
    pub routes: BTreeMap<String, Verdicts>,
    /// Cases by policy id.
    pub policies: BTreeMap<String, usize>,
    /// Cases by reason code.
    pub reasons: BTreeMap<String, usize>,
    /// Cases by provider.
    pub providers: BTreeMap<String, usize>,
    /// Cases by attack number.
    pub attacks: BTreeMap<u32, usize>,
}

/// Allowed and denied cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// How many were allowed.
    pub allowed: usize,
    /// How many were denied.
    pub denied: usize,
}

/// What cases should cover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Routes as `provider/route`, each allowed once and denied once.
    pub routes: BTreeSet<String>,
    /// Routes that nobody can be allowed, so that a denial is enough.
    pub routes_never_allowed: BTreeSet<String>,
    /// Policy ids.
    pub policies: BTreeSet<String>,
    /// Reason codes.
    pub reasons: BTreeSet<String>,
    /// Providers.
    pub providers: BTreeSet<String>,
    /// Attack numbers.
    pub attacks: BTreeSet<u32>,
}

/// Something that no case covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// What is not covered, such as "route `powerdns/zone-patch` is never allowed".
    pub what: String,
    /// The line to add to a row.
    pub add: String,
}

impl Coverage {
    /// Counts one case.
    pub(crate) fn add(&mut self, case: &Case, outcome: &Outcome) {
        *self.providers.entry(case.provider.clone()).or_default() += 1;
        if let Some(route) = &outcome.route {
            let verdicts = self.routes.entry(route.clone()).or_default();
            match outcome.decision {
                Decision::Allow => verdicts.allowed += 1,
                Decision::Deny => verdicts.denied += 1,
            }
        }
        for policy in &outcome.policies {
            *self.policies.entry(policy.clone()).or_default() += 1;
        }
        if let Some(reason) = &outcome.reason {
            *self.reasons.entry(reason.clone()).or_default() += 1;
        }
        for attack in &case.attacks {
            *self.attacks.entry(*attack).or_default() += 1;
        }
    }

    /// Adds what other cases cover.
    pub(crate) fn merge(&mut self, other: Coverage) {
        for (route, more) in other.routes {
            let verdicts = self.routes.entry(route).or_default();
            verdicts.allowed += more.allowed;
            verdicts.denied += more.denied;
        }
        let add = |all: &mut BTreeMap<String, usize>, more: BTreeMap<String, usize>| {
            for (name, number) in more {
                *all.entry(name).or_default() += number;
            }
        };
        add(&mut self.policies, other.policies);
        add(&mut self.reasons, other.reasons);
        add(&mut self.providers, other.providers);
        for (attack, number) in other.attacks {
            *self.attacks.entry(attack).or_default() += number;
        }
    }

    /// What is wanted and not covered, with the line to add.
    pub fn gaps(&self, wanted: &Wanted) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let mut gap = |what: String, add: String| gaps.push(Gap { what, add });
        for route in &wanted.routes {
            let verdicts = self.routes.get(route).copied().unwrap_or_default();
            if verdicts.allowed == 0 && !wanted.routes_never_allowed.contains(route) {
                gap(format!("route `{route}` is never allowed"), "allow = [\"...\"]".to_owned());
            }
            if verdicts.denied == 0 {
                gap(
                    format!("route `{route}` is never denied"),
                    "deny = \"no-policy-allows\"".to_owned(),
                );
            }
        }
        for policy in wanted.policies.iter().filter(|policy| !self.policies.contains_key(*policy)) {
            let add = format!("allow = [\"{policy}\"]  # or, for a forbid: by = [\"{policy}\"]");
            gap(format!("policy `{policy}` decides no case"), add);
        }
        for reason in wanted.reasons.iter().filter(|reason| !self.reasons.contains_key(*reason)) {
            gap(format!("reason `{reason}` denies no case"), format!("deny = \"{reason}\""));
        }
        for one in wanted.providers.iter().filter(|one| !self.providers.contains_key(*one)) {
            gap(format!("provider `{one}` has no case"), format!("provider = \"{one}\""));
        }
        for attack in wanted.attacks.iter().filter(|attack| !self.attacks.contains_key(attack)) {
            gap(format!("attack {attack} is held by no case"), format!("attack = [{attack}]"));
        }
        gaps
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  add a row with: {}", self.what, self.add)
    }
}
