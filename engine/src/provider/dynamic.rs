//! Records in a query: the update of a name's addresses, which is a `GET` that writes.
//!
//! Such APIs fill in what is missing: the address of whoever asks, which behind a gate is the
//! gate's own, or a name of the account's. So each part must be said, and is written on as it was
//! understood. Which zone the name lies in only the provider knows; it is asked.

use std::net::IpAddr;

use crate::decision::Reason;
use crate::name::Name;
use crate::operation::{Action, Operation};
use crate::record_type::RecordType;

use super::body::Reading;
use super::file::{File, QueryRecords};
use super::query::Query;
use super::refusal::{Refusal, quoted};
use super::text;

/// What becomes of the addresses of one type.
enum Becomes {
    /// They stay.
    Kept,
    /// They go.
    Nothing,
    /// They are replaced by this one.
    Address(IpAddr),
}

impl QueryRecords {
    /// Holds that each type has exactly one parameter, and writes its address in the usual form.
    ///
    /// SECURITY: of two the provider would take one, and for none the address of the gate (cases
    /// `dyndns: both names of one family`, `dyndns: a family that is not said`).
    pub(super) fn settle(&self, query: &mut Query) -> Result<(), Refusal> {
        for (rtype, keys) in &self.values {
            let mut given = query.given.iter_mut().filter(|(key, _)| keys.contains(key));
            let (Some((key, value)), None) = (given.next(), given.next()) else {
                let detail = format!(
                    "exactly one of `{}` must say what becomes of {rtype}: an address, `{}`, or nothing \
                     for none; the address of this gate is never meant",
                    keys.join("`, `"),
                    self.keeps,
                );
                return Err(Refusal::new(Reason::QueryNotUnderstood, detail));
            };
            if let Becomes::Address(address) = self.becomes(rtype, key, value)? {
                *value = address.to_string();
            }
        }
        Ok(())
    }

    /// Reads one parameter: one address of the type's family, the word, or nothing.
    ///
    /// SECURITY: lists, networks (which keep a part of what is there) and blanks around are no
    /// address (cases `dyndns: a network`, `dyndns: two addresses`).
    fn becomes(&self, rtype: &str, key: &str, value: &str) -> Result<Becomes, Refusal> {
        if value.is_empty() {
            return Ok(Becomes::Nothing);
        }
        if value == self.keeps {
            return Ok(Becomes::Kept);
        }
        match value.parse::<IpAddr>() {
            Ok(address) if address.is_ipv4() == (rtype == "A") => Ok(Becomes::Address(address)),
            Ok(_) | Err(_) => {
                let detail = format!(
                    "the query parameter `{key}`: {} is no address of a record of type {rtype}",
                    quoted(value)
                );
                Err(Refusal::new(Reason::QueryNotUnderstood, detail))
            }
        }
    }

    /// The owner name in a query.
    pub(super) fn name(&self, file: &File, query: &Query) -> Result<Name, Refusal> {
        let written = query.given.iter().find(|(key, _)| *key == self.name);
        let (_, written) = written.ok_or_else(Refusal::internal)?;
        text::name(file, None, written)
    }

    /// What the update asks for, as far as the query says it: a creation where an address comes.
    pub(super) fn actions(&self, query: &Query) -> Vec<Action> {
        let plain = |value: &String| value.is_empty() || *value == self.keeps;
        let mut values = self.values.values().flatten().filter_map(|key| {
            query.given.iter().find(|(one, _)| one == key).map(|(_, value)| value)
        });
        if values.any(|value| !plain(value)) {
            return vec![Action::RecordDelete, Action::RecordCreate];
        }
        vec![Action::RecordDelete]
    }
}

impl Reading<'_> {
    /// Notes what an update by query means: of each type that does not stay, the deletion of what
    /// is there and the creation of what comes, as of any rrset that is replaced.
    ///
    /// SECURITY: the name lies in the zone that the provider named, or nothing is decided (test
    /// `an_owner_is_around_the_name`).
    pub(super) fn of_query(&mut self, form: &QueryRecords, query: &Query) -> Result<(), Refusal> {
        let zone = self.zone.clone().ok_or_else(Refusal::internal)?;
        let name = form.name(self.file, query)?;
        if !name.is_below_or_equal(&zone) {
            return Err(Refusal::internal());
        }
        let mut wrote = false;
        for (rtype, keys) in &form.values {
            let given = query.given.iter().find(|(key, _)| keys.contains(key));
            let (key, value) = given.ok_or_else(Refusal::internal)?;
            let becomes = form.becomes(rtype, key, value)?;
            let rtype: RecordType = text::rtype(rtype)?;
            let operation = |action: Action, value: Option<String>| {
                Operation::record(action, zone.clone(), name.clone(), rtype, value)
            };
            if matches!(becomes, Becomes::Kept) {
                continue;
            }
            if name.is_wildcard() && !wrote {
                self.record(operation(Action::RecordWildcard, None))?;
            }
            wrote = true;
            self.unseen.push(self.records.len());
            self.record(operation(Action::RecordDelete, None))?;
            if let Becomes::Address(address) = becomes {
                self.record(operation(Action::RecordCreate, Some(address.to_string())))?;
            }
        }
        Ok(())
    }
}
