//! Questions to the provider that must be answered before a decision.
//!
//! Their paths are templates of the provider file; what is put in is canonical and escaped, since
//! nothing between the gate and the provider normalises them. An answer must repeat what was
//! asked: an answer about something else would be judged in its place.

use crate::decision::Reason;
use crate::json::raw_array;
use crate::name::Name;
use crate::operation::{Action, Operation};
use crate::record_type::RecordType;
use crate::request::{encode_query, encode_segment};

use super::Provider;
use super::file::{Kind, LookupForm, ResponseForm};
use super::filter::Fields;
use super::{record, text};

/// A question to the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The path and query of a `GET`.
    pub path: String,
    /// What is asked.
    pub purpose: Purpose,
}

/// What a lookup asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The values of one rrset.
    Values {
        /// The zone.
        zone: Name,
        /// The owner name.
        name: Name,
        /// The record type.
        rtype: RecordType,
    },
    /// Whether there is a zone around a name.
    Enclosing {
        /// The zone that may be there.
        zone: Name,
        /// The name that is to become a zone.
        name: Name,
    },
}

/// What a lookup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The values of the rrset; none if there is no such rrset.
    Values(Vec<String>),
    /// Whether there is such a zone.
    Zone(bool),
}

impl Provider {
    /// The question for the values that a deletion would delete unseen; none where the provider
    /// cannot be asked, or the operation is no deletion without a value.
    pub fn lookups_for_values(&self, operation: &Operation) -> Option<Lookup> {
        let record = operation.as_record()?;
        if operation.action != Action::RecordDelete || record.value.is_some() {
            return None;
        }
        let form = self.file.lookup.values.as_ref()?;
        let path = self.path(form, &record.zone, Some((&record.name, record.rtype)));
        let (zone, name) = (record.zone.clone(), record.name.clone());
        Some(Lookup { path, purpose: Purpose::Values { zone, name, rtype: record.rtype } })
    }

    /// The questions for the zones that a new zone would be inside of: one for each of its
    /// parents, without the root.
    pub fn lookups_for_enclosing(&self, name: &Name) -> Vec<Lookup> {
        let Some(form) = &self.file.lookup.enclosing else { return Vec::new() };
        let parents = std::iter::successors(name.parent(), Name::parent);
        parents
            .filter(|zone| !zone.is_root())
            .map(|zone| {
                let path = self.path(form, &zone, None);
                Lookup { path, purpose: Purpose::Enclosing { zone, name: name.clone() } }
            })
            .collect()
    }

    /// Fills in a lookup's path.
    fn path(&self, form: &LookupForm, zone: &Name, rrset: Option<(&Name, RecordType)>) -> String {
        let file = &self.file;
        let value = |text: String| {
            encode_query(&[(String::new(), text)]).trim_start_matches('=').to_owned()
        };
        let zones = file.parameter.values().find(|parameter| parameter.is == Kind::Zone);
        let id = text::write_name(file, zones.and_then(|parameter| parameter.codec), zone);
        let mut path = form.path.replace("{zone_id}", &encode_segment(&id));
        path = path.replace("{zone}", &value(text::write_name(file, None, zone)));
        if let Some((name, rtype)) = rrset {
            path = path.replace("{name}", &value(text::write_name(file, None, name)));
            path = path.replace("{type}", &value(rtype.to_string()));
        }
        path
    }

    /// Reads the answer to a lookup.
    ///
    /// A zone that is not there is [`Reason::ZoneNotVisible`], so that a client's clean-up sees a
    /// 404; any other failure is [`Reason::LookupFailed`] or [`Reason::LookupNotUnderstood`].
    pub fn read_answer(&self, lookup: &Lookup, status: u16, body: &[u8]) -> Result<Found, Reason> {
        let form = match &lookup.purpose {
            Purpose::Values { .. } => &self.file.lookup.values,
            Purpose::Enclosing { .. } => &self.file.lookup.enclosing,
        };
        let form = form.as_ref().ok_or(Reason::Internal)?;
        let response = self.file.response.get(&form.response).ok_or(Reason::Internal)?;
        match (&lookup.purpose, status) {
            (_, 200) => {}
            (Purpose::Values { .. }, 404) => return Err(Reason::ZoneNotVisible),
            (Purpose::Values { .. } | Purpose::Enclosing { .. }, _) => {
                return Err(Reason::LookupFailed);
            }
        }
        let found = match &lookup.purpose {
            Purpose::Values { zone, name, rtype } => {
                self.values(response, body, zone, name, *rtype).map(Found::Values)
            }
            Purpose::Enclosing { zone, .. } => self.exists(response, body, zone).map(Found::Zone),
        };
        found.ok_or(Reason::LookupNotUnderstood)
    }

    /// The values of one rrset in an answer about its zone.
    fn values(
        &self,
        form: &ResponseForm,
        body: &[u8],
        zone: &Name,
        name: &Name,
        rtype: RecordType,
    ) -> Option<Vec<String>> {
        let object = Fields::read(body)?;
        let answered = object.text(form.zone.as_ref()?)?;
        let file = &self.file;
        if text::name(file, None, &answered).ok()? != *zone {
            return None;
        }
        let batch = file.batch.get(form.batch.as_ref()?)?;
        let rrsets = object.raw(form.rrsets.as_ref()?)?;
        let mut values = Vec::new();
        for raw in raw_array(rrsets.as_bytes()).ok()? {
            // Other names than the one asked for may be there, and need not be understood.
            // SECURITY: the one asked for must be: values that cannot be read are not no values
            // (test `strange_answers_are_not_understood`).
            let fields = Fields::read(raw.get().as_bytes())?;
            let named = record::owner(file, batch, zone, None, &fields).ok();
            let typed = record::rtype(file, batch, None, &fields).ok();
            if named.as_ref() == Some(name) && typed == Some(rtype) {
                values.extend(record::entry(file, batch, zone, None, &fields)?.values);
            }
        }
        Some(values)
    }

    /// Whether a list that was asked for one zone has it.
    fn exists(&self, form: &ResponseForm, body: &[u8], zone: &Name) -> Option<bool> {
        let items = raw_array(body).ok()?;
        let mut found = false;
        for item in items {
            let name = Fields::read(item.get().as_bytes())?.text(form.zone.as_ref()?)?;
            if text::name(&self.file, None, &name).ok()? != *zone {
                return None;
            }
            found = true;
        }
        Some(found)
    }
}
