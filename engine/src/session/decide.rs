//! Decisions: every operation of a plan is asked, and what must be known first is looked up.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;

use jiff::Timestamp;

use super::{Grant, Known, LOOKUPS_MAX, Session, State, Step, Waiting};
use crate::bundle::Bundle;
use crate::decision::Reason;
use crate::name::Name;
use crate::network::canonical_ip;
use crate::operation::{Action, Operation, Record, Resource};
use crate::policy::{Asking, Circumstances, Verdict};
use crate::provider::{Answered, Lookup, Plan, Purpose};
use crate::record_type::RecordType;
use crate::request::Method;

impl Session {
    /// Decides what can be decided without asking the provider, then asks what is needed.
    pub(super) fn first_decision(&mut self, known: Known, plan: Box<Plan>, now: Timestamp) -> Step {
        let bundle = Rc::clone(&self.bundle);
        let Some(asking) = self.asking(&known, &plan, now) else { return self.bug() };
        // SECURITY: nobody asks the provider anything on behalf of a key that could not be
        // allowed anyway (case `no-lookup-without-a-candidate`).
        let unseen: Vec<usize> = plan
            .unseen
            .iter()
            .copied()
            .filter(|at| {
                plan.operations.get(*at).is_some_and(|operation| {
                    bundle.policies.reads_values(&bundle.patterns, &asking, operation)
                })
            })
            .collect();
        if unseen.is_empty() && plan.enclosing.is_none() {
            return self.decide_with(known, plan, asking, now);
        }
        for (at, operation) in plan.operations.iter().enumerate() {
            let denial = if unseen.contains(&at) {
                (!bundle.policies.could_allow(&asking, operation))
                    .then(|| Verdict::Deny(Reason::NoPolicyAllows, Vec::new()))
            } else {
                Some(bundle.policies.decide(&bundle.patterns, &asking, operation))
            };
            if let Some(Verdict::Deny(reason, by)) = denial {
                return self.deny_operations(&known, &plan, operation, reason, by, now);
            }
        }
        self.ask_provider(known, plan, &unseen, now)
    }

    /// Makes the lookups that a plan needs.
    fn ask_provider(
        &mut self,
        known: Known,
        plan: Box<Plan>,
        unseen: &[usize],
        now: Timestamp,
    ) -> Step {
        self.keep_meaning(&plan);
        let bundle = Rc::clone(&self.bundle);
        let provider = bundle.provider(&known.account.provider);
        let matched =
            known.found.as_ref().and_then(|found| provider.and_then(|one| one.again(found)));
        let Some(matched) = matched else { return self.bug() };
        let mut lookups = Vec::new();
        if !unseen.is_empty() {
            let operations = unseen.iter().filter_map(|at| plan.operations.get(*at));
            match matched.lookups_for_values(operations) {
                Some(found) => lookups.extend(found),
                None => return self.deny_known(&known, Reason::LookupFailed),
            }
        }
        if let Some(name) = &plan.enclosing {
            lookups.extend(matched.lookups_for_enclosing(name));
        }
        if self.audit.lookups + lookups.len() > LOOKUPS_MAX {
            return self.deny_known(&known, Reason::TooManyLookups);
        }
        // A new zone of one label has no zone around it to ask for.
        if lookups.is_empty() {
            return self.decide(known, plan, now);
        }
        self.audit.lookups += lookups.len();
        self.state = State::Lookups(Box::new(known), Waiting::Decide(plan), lookups.clone());
        Step::Lookups(lookups)
    }

    /// Decides every operation; all must be allowed.
    pub(super) fn decide(&mut self, known: Known, plan: Box<Plan>, now: Timestamp) -> Step {
        match self.asking(&known, &plan, now) {
            Some(asking) => self.decide_with(known, plan, asking, now),
            None => self.bug(),
        }
    }

    /// The same, with what this plan's operations are asked with now.
    fn decide_with(
        &mut self,
        known: Known,
        mut plan: Box<Plan>,
        asking: Asking,
        now: Timestamp,
    ) -> Step {
        let bundle = Rc::clone(&self.bundle);
        // The key may have expired while the body trickled in.
        if let Err(reason) = known.key.check(now) {
            return self.deny_known(&known, reason);
        }
        self.audit.take_operations(&plan.operations);
        let mut decided: Vec<&Operation> = Vec::new();
        let mut by = Vec::new();
        for operation in &plan.operations {
            if decided.last().is_some_and(|last| same_but_value(last, operation))
                && !bundle.policies.reads_values(&bundle.patterns, &asking, operation)
            {
                continue;
            }
            match bundle.policies.decide(&bundle.patterns, &asking, operation) {
                Verdict::Allow(ids) => by.extend(ids),
                Verdict::Deny(reason, ids) => {
                    return self.deny_operations(&known, &plan, operation, reason, ids, now);
                }
            }
            decided.push(operation);
        }
        // INVARIANT: the only place that makes a grant; an empty list never gets here.
        if decided.is_empty() {
            return self.bug();
        }
        self.keep_meaning(&plan);
        self.audit.allow(by);
        self.now = now;
        let gate = known.gate.clone();
        plan.response = plan.response.at_gate(gate);
        let forward = plan.forward.clone();
        self.state = State::Response(Box::new(known), *plan, asking);
        Step::Forward(Grant { forward })
    }

    /// What the operations of this request are asked with.
    pub(super) fn asking(&self, known: &Known, plan: &Plan, now: Timestamp) -> Option<Asking> {
        self.asking_with(known, &self.audit.route, plan.operations.len(), now)
    }

    /// The same, for a route and a number of operations.
    pub(super) fn asking_with(
        &self,
        known: &Known,
        route: &str,
        operations: usize,
        now: Timestamp,
    ) -> Option<Asking> {
        let bundle = &self.bundle;
        let place = (known.client, known.tls);
        let facts = circumstances(bundle, place, known.method, route, operations, now)?;
        let subject = bundle.policies.subject(&known.account, &known.key)?;
        bundle.policies.asking(&subject, &known.account, &facts)
    }
}

/// What is the same for all operations of a request: the client's address and whether its
/// connection is encrypted, method, route, number of operations and time.
pub(super) fn circumstances(
    bundle: &Bundle,
    (client, tls): (IpAddr, bool),
    method: Method,
    route: &str,
    operations: usize,
    now: Timestamp,
) -> Option<Circumstances> {
    let client_ip = canonical_ip(client);
    let networks = bundle.networks.containing(client_ip);
    Some(Circumstances {
        client_ip,
        networks: networks.into_iter().map(str::to_owned).collect(),
        clock: bundle.clock(now)?,
        tls,
        method: method.as_str(),
        route: route.to_owned(),
        operations,
    })
}

/// Whether two operations differ in nothing but a record's value.
fn same_but_value(one: &Operation, other: &Operation) -> bool {
    match (one.as_record(), other.as_record()) {
        (Some(left), Some(right)) => {
            one.action == other.action
                && left.name == right.name
                && left.rtype == right.rtype
                && left.zone == right.zone
        }
        _ => false,
    }
}

/// What an rrset is found by.
fn rrset_of(record: &Record) -> (Name, RecordType) {
    (record.name.clone(), record.rtype)
}

/// Puts what was looked up into the plan's operations.
///
/// A deletion whose values were found becomes one deletion for each value. Where the provider has
/// none, a deletion stays one without a value, and a replacement is its creations alone. A zone that encloses a new one adds a delegation there.
pub(super) fn learn(plan: &mut Plan, learnt: Vec<(Lookup, Answered)>) {
    let mut values: HashMap<(Name, RecordType), Vec<String>> = HashMap::new();
    let (mut asked, mut delegations) = (HashSet::new(), Vec::new());
    for (lookup, found) in learnt {
        match (lookup.purpose, found) {
            (Purpose::Values { rrsets, .. }, Answered::Values(found)) => {
                asked.extend(rrsets);
                values.extend(found);
            }
            (Purpose::Enclosing { zone, name }, Answered::Exists(true)) => {
                delegations.push(Operation::record(
                    Action::RecordCreate,
                    zone,
                    name,
                    RecordType::NS,
                    None,
                ));
            }
            _ => {}
        }
    }
    let operations = std::mem::take(&mut plan.operations);
    let creations = operations.iter().filter(|one| one.action == Action::RecordCreate);
    let created: HashSet<_> = creations.filter_map(Operation::as_record).map(rrset_of).collect();
    let unseen: HashSet<usize> = std::mem::take(&mut plan.unseen).into_iter().collect();
    let by_id: HashSet<usize> = std::mem::take(&mut plan.by_id).into_iter().collect();
    for (at, operation) in operations.into_iter().enumerate() {
        let known = operation
            .as_record()
            .filter(|_| unseen.contains(&at))
            .and_then(|record| values.get(&(record.name.clone(), record.rtype)))
            .filter(|values| !values.is_empty());
        if by_id.contains(&at) {
            plan.by_id.push(plan.operations.len());
        }
        // A replacement of nothing deletes nothing: its creations are what it means.
        // SECURITY: only where somebody has looked (test `what_nobody_looked_for_is_deleted`).
        let nothing = known.is_none()
            && unseen.contains(&at)
            && operation
                .as_record()
                .map(rrset_of)
                .is_some_and(|rrset| asked.contains(&rrset) && created.contains(&rrset));
        if nothing {
            continue;
        }
        match (known, operation.as_record()) {
            (Some(values), Some(record)) => {
                plan.operations.extend(values.iter().map(|value| {
                    let mut record = record.clone();
                    record.value = Some(value.clone());
                    let resource = Resource::Record(record);
                    Operation { action: operation.action, resource }
                }));
            }
            _ => plan.operations.push(operation),
        }
    }
    plan.operations.extend(delegations);
}

#[cfg(all(test, feature = "author"))]
mod tests {
    use super::*;
    use crate::json::JsonLimits;
    use crate::provider::{Caps, Provider};
    use crate::request::Target;

    #[test]
    fn what_nobody_looked_for_is_deleted() {
        let text = include_str!("../../providers/powerdns.toml");
        let provider = Provider::parse("powerdns.toml", text).unwrap();
        let path = b"/api/v1/servers/localhost/zones/example.com.";
        let target = Target::parse(path).unwrap();
        let matched = provider.find(Method::Patch, &target).unwrap();
        let rrset = |name: &str| {
            format!(
                r#"{{"name":"{name}.example.com.","type":"TXT","changetype":"REPLACE","ttl":1,
                "records":[{{"content":"\"x\""}}]}}"#
            )
        };
        let body = format!(r#"{{"rrsets":[{},{}]}}"#, rrset("asked"), rrset("other"));
        let limits = JsonLimits { depth_max: 16, nodes_max: 1000, fold_keys: false };
        let caps = Caps { operations_max: 10, json: limits };
        let mut plan = matched.plan(body.as_bytes(), &caps).unwrap();
        let asked = plan.operations.iter().take(1);
        let lookups = matched.lookups_for_values(asked).unwrap();
        let nothing = lookups.into_iter().map(|one| (one, Answered::Values(HashMap::new())));
        learn(&mut plan, nothing.collect());
        let means: Vec<_> = plan.operations.iter().map(ToString::to_string).collect();
        assert_eq!(
            means,
            [
                r#"record.create example.com asked.example.com TXT "\"x\"""#,
                "record.delete example.com other.example.com TXT",
                r#"record.create example.com other.example.com TXT "\"x\"""#,
            ]
        );
    }
}
