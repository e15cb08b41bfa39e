//! Reading a request as far as it is known, and asking the provider for the rest.
//!
//! A request that names its zone or its records by opaque ids is read again with each round of
//! answers, until it is a plan. Nobody asks the provider anything on behalf of a key that could not
//! be allowed anyway.

use std::rc::Rc;

use jiff::Timestamp;

use super::{
    JSON_LIMITS, Known, LOOKUPS_MAX, LookupAnswer, OPERATIONS_MAX, Session, State, Step, Waiting,
    decide,
};
use crate::decision::Reason;
use crate::operation::{Action, Operation, Resource};
use crate::provider::{Answered, Caps, Knowledge, Lookup, Matched, Needs, Plan, Provider, Read};

impl Session {
    /// Reads a request with what is known so far.
    pub(super) fn read(
        &mut self,
        known: Known,
        body: Vec<u8>,
        mut knowledge: Knowledge,
        now: Timestamp,
    ) -> Step {
        let bundle = Rc::clone(&self.bundle);
        let Some(provider) = bundle.provider(&known.account.provider) else { return self.bug() };
        let Some(matched) = known.found.as_ref().and_then(|found| provider.again(found)) else {
            return self.bug();
        };
        if self.audit.route.is_empty() {
            known.target.path().clone_into(&mut self.audit.path);
            self.audit.route = format!("{}/{}", provider.name(), matched.route().id());
        }
        if let Some(place) = matched.zone_place().filter(|_| knowledge.zone().is_none())
            && let Some(name) = bundle.zone_names.find(&known.account, &place, now)
        {
            knowledge.learn_zone(name);
        }
        let caps = Caps { operations_max: OPERATIONS_MAX, json: JSON_LIMITS };
        match matched.read(&body, &caps, &knowledge) {
            Ok(Read::Plan(plan)) if plan.operations.is_empty() => {
                self.deny_known(&known, Reason::Internal)
            }
            Ok(Read::Plan(plan)) => self.first_decision(known, plan, now),
            Ok(Read::Needs(needs)) => {
                match self.questions(&known, &matched, &needs, &mut knowledge, now) {
                    Ok(lookups) => {
                        self.audit.lookups += lookups.len();
                        let waiting = Waiting::Read(body, knowledge);
                        self.state = State::Lookups(Box::new(known), waiting, lookups.clone());
                        Step::Lookups(lookups)
                    }
                    Err(_) if self.is_hidden(&known, &knowledge, now) => {
                        self.deny_known(&known, Reason::ZoneNotVisible)
                    }
                    Err(reason) => self.deny_known(&known, reason),
                }
            }
            Err(_) if self.is_hidden(&known, &knowledge, now) => {
                self.deny_known(&known, Reason::ZoneNotVisible)
            }
            Err(refusal) => {
                let zone = matched.zone().or(knowledge.zone());
                let mut readings = zone.into_iter().flat_map(|zone| knowledge.readings(zone));
                // SECURITY: what is wrong in view of a record as it is must not be told to whoever may
                // not see it (case `a-refusal-tells-nothing-of-a-hidden-record`).
                if readings.any(|read| !self.may(&known, &read, now)) {
                    return self.deny_known(&known, Reason::RecordNotVisible);
                }
                self.refuse(&known, &refusal)
            }
        }
    }

    /// Whether the path's zone id stands for a zone that the key may not read.
    ///
    /// SECURITY: whatever else is wrong with the request, an id that leads to such a zone looks like
    /// one that leads nowhere (case `a-hidden-zone-is-none-whatever-the-body`).
    fn is_hidden(&self, known: &Known, knowledge: &Knowledge, now: Timestamp) -> bool {
        knowledge.zone().is_some_and(|zone| !self.may_read(known, zone, now))
    }

    /// The lookups that a request needs, if the key may be helped by them at all.
    fn questions(
        &mut self,
        known: &Known,
        matched: &Matched<'_>,
        needs: &Needs,
        knowledge: &mut Knowledge,
        now: Timestamp,
    ) -> Result<Vec<Lookup>, Reason> {
        let bundle = Rc::clone(&self.bundle);
        let asking = self.asking_with(known, &self.audit.route, 1, now).ok_or(Reason::Internal)?;
        // SECURITY: a key that could not be allowed this anywhere burns nobody's rate limit
        // (case `no-lookup-without-a-candidate`).
        let hopeless = needs
            .actions
            .iter()
            .any(|action| !bundle.policies.could_allow_in(&asking, *action, needs.within.as_ref()));
        if hopeless {
            // What a key without any hope asks for does not exist for it.
            let hidden = match needs.within.as_ref().map(|zone| self.may_read(known, zone, now)) {
                Some(true) => Reason::NoPolicyAllows,
                Some(false) | None => Reason::ZoneNotVisible,
            };
            return Err(hidden);
        }
        if !knowledge.next_round() {
            return Err(Reason::LookupFailed);
        }
        let lookups = matched.lookups(needs, knowledge)?;
        if lookups.is_empty() {
            return Err(Reason::LookupFailed);
        }
        if self.audit.lookups + lookups.len() > LOOKUPS_MAX {
            return Err(Reason::TooManyLookups);
        }
        Ok(lookups)
    }

    /// Whether a key may read a zone now.
    pub(super) fn may_read(&self, known: &Known, zone: &crate::name::Name, now: Timestamp) -> bool {
        self.may(known, &Operation::zone(Action::ZoneRead, zone.clone()), now)
    }

    /// Whether a key may do something now.
    fn may(&self, known: &Known, operation: &Operation, now: Timestamp) -> bool {
        let Some(asking) = self.asking_with(known, &self.audit.route, 1, now) else {
            return false;
        };
        let bundle = &self.bundle;
        bundle.policies.allows(&bundle.patterns, &asking, operation)
    }

    /// As what a denial looks, where saying no would tell that something is there.
    ///
    /// A zone that may not be read at all looks like one that does not exist: clients that walk up
    /// the labels of a name stop at any other answer. And whoever guesses an id learns nothing
    /// from the difference between a foreign record and none.
    pub(super) fn hidden(
        &self,
        known: &Known,
        plan: &Plan,
        operation: &Operation,
        now: Timestamp,
    ) -> Option<Reason> {
        if plan.denied_zone_is_404 && operation.action == Action::ZoneRead {
            return Some(Reason::ZoneNotVisible);
        }
        if let Some(zone) = &plan.zone_by_id
            && !self.may_read(known, zone, now)
        {
            return Some(Reason::ZoneNotVisible);
        }
        // SECURITY: whichever operation is denied first: a missing id is told before all of them (case
        // `a-denial-tells-nothing-of-a-hidden-record`).
        let by_id = plan.by_id.iter().filter_map(|at| plan.operations.get(*at));
        let deleted = by_id.filter(|operation| operation.action == Action::RecordDelete);
        let mut readings = deleted.filter_map(|operation| {
            let record = operation.as_record()?.clone();
            Some(Operation { action: Action::RecordRead, resource: Resource::Record(record) })
        });
        readings.any(|read| !self.may(known, &read, now)).then_some(Reason::RecordNotVisible)
    }

    /// The answers to the lookups of [`Step::Lookups`], in their order.
    pub fn answers(&mut self, answers: &[LookupAnswer], now: Timestamp) -> Step {
        let State::Lookups(known, waiting, lookups) =
            std::mem::replace(&mut self.state, State::Over)
        else {
            return self.bug();
        };
        let bundle = Rc::clone(&self.bundle);
        let Some(provider) = bundle.provider(&known.account.provider) else { return self.bug() };
        if answers.len() != lookups.len() {
            return self.deny_known(&known, Reason::LookupFailed);
        }
        let learnt = match found(provider, lookups, answers) {
            Ok(learnt) => learnt,
            Err(reason) => return self.deny_known(&known, reason),
        };
        match waiting {
            Waiting::Read(body, mut knowledge) => {
                for (lookup, found) in learnt {
                    if let Err(reason) = knowledge.learn(&lookup.purpose, found) {
                        return self.deny_known(&known, reason);
                    }
                }
                self.keep_zone(&known, provider, &knowledge, now);
                self.read(*known, body, knowledge, now)
            }
            Waiting::Decide(mut plan) => {
                decide::learn(&mut plan, learnt);
                if plan.operations.len() > OPERATIONS_MAX {
                    return self.deny_known(&known, Reason::TooManyOperations);
                }
                self.decide(*known, plan, now)
            }
        }
    }

    /// Keeps a zone's name for later requests, where the provider's zones cannot be renamed.
    fn keep_zone(&self, known: &Known, provider: &Provider, learnt: &Knowledge, now: Timestamp) {
        let matched = known.found.as_ref().and_then(|found| provider.again(found));
        let place = matched.and_then(|matched| matched.zone_place());
        if let (Some(place), Some(name)) = (place, learnt.zone()) {
            let keep_s = provider.zone_names_keep_s();
            self.bundle.zone_names.keep(&known.account, place, name, keep_s, now);
        }
    }
}

/// What the answers say, or why the request cannot be decided.
fn found(
    provider: &Provider,
    lookups: Vec<Lookup>,
    answers: &[LookupAnswer],
) -> Result<Vec<(Lookup, Answered)>, Reason> {
    let read = |(lookup, answer): (Lookup, &LookupAnswer)| match answer {
        Some((status, body)) => {
            let found = provider.read_answer(&lookup, *status, body)?;
            Ok((lookup, found))
        }
        None => Err(Reason::LookupFailed),
    };
    lookups.into_iter().zip(answers).map(read).collect()
}
