//! Questions to the provider that must be answered before a decision.
//!
//! Their paths are templates of the provider file; what is put in is canonical and escaped, since
//! nothing between the gate and the provider normalises them. An answer must repeat what was
//! asked: an answer about something else would be judged in its place.

mod answer;

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::file::{Kind, LookupForm, QueryRecords};
use super::known::{Knowledge, KnownRecord, Needs, Rest, Sought};
use super::plan::Matched;
use super::record::Entry;
use super::text;
use crate::decision::Reason;
use crate::name::Name;
use crate::operation::{Action, Operation};
use crate::record_type::RecordType;
use crate::request::{Method, encode_query, encode_segment};

/// Pages of one list that are asked for at most.
const PAGES_MAX: u64 = 256;

/// A question to the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The method: `GET`, or `POST` with an empty object as its body.
    pub method: Method,
    /// The path and query.
    pub path: String,
    /// The host of the API; none where it is the operator's own server.
    pub host: Option<String>,
    /// What is asked.
    pub purpose: Purpose,
}

/// What a lookup asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The name of a zone.
    Zone {
        /// Its id.
        id: String,
        /// Fields that the zone must have besides, with their texts.
        same: Vec<(String, String)>,
    },
    /// The zone that a name lies in.
    Owner {
        /// The name.
        name: Name,
    },
    /// One record.
    Record {
        /// The zone.
        zone: Name,
        /// Its id.
        id: String,
    },
    /// All records of a zone.
    Records {
        /// The zone.
        zone: Name,
        /// The zone's id, which the answer must repeat where it says one.
        zone_id: Option<String>,
        /// The page, counted from 1.
        page: u64,
        /// The ids that matter, which all pages share; none of them where all entries do.
        wanted: Rc<BTreeSet<String>>,
    },
    /// The values of rrsets.
    Values {
        /// The zone.
        zone: Name,
        /// The rrsets.
        rrsets: Vec<(Name, RecordType)>,
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
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    /// The zone, or that there is none.
    Zone(Sought),
    /// The record; none if there is no such record.
    Record(Option<Box<KnownRecord>>),
    /// A page of records.
    Records(Page),
    /// The values of each rrset that was asked for and is there.
    Values(HashMap<(Name, RecordType), Vec<String>>),
    /// Whether there is such a zone.
    Exists(bool),
}

/// A page of a zone's records.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The records.
    pub(super) entries: Vec<Entry>,
    /// Those that matter, by id.
    pub(super) known: Vec<(String, KnownRecord)>,
    /// What is left to ask for.
    pub(super) rest: Rest,
}

impl Matched<'_> {
    /// The questions for what a request needs; all of them can be asked at once.
    ///
    /// # Errors
    /// [`Reason::LookupFailed`] where the provider cannot be asked for it.
    pub fn lookups(&self, needs: &Needs, known: &Knowledge) -> Result<Vec<Lookup>, Reason> {
        let forms = &self.provider.file.lookup;
        if needs.zone {
            let lookup = match &self.route.form.addresses {
                Some(addresses) => self.owner_lookup(addresses),
                None => self.zone_lookup(),
            };
            return lookup.map(|lookup| vec![lookup]);
        }
        let zone = needs.within.as_ref().ok_or(Reason::Internal)?;
        let exhausted = known.listing.rest == Rest::Unreachable;
        let single = |form: &LookupForm| {
            let lookups = needs.records.iter().map(|id| self.record_lookup(form, zone, id));
            lookups.collect()
        };
        match (&forms.record, &forms.records) {
            (Some(form), all)
                if !needs.listing && (needs.records.len() == 1 || all.is_none() || exhausted) =>
            {
                Ok(single(form))
            }
            (_, Some(form)) if !exhausted => Ok(self.pages(form, zone, needs, known)),
            _ => Err(Reason::LookupFailed),
        }
    }

    /// The question for the name of the path's zone.
    fn zone_lookup(&self) -> Result<Lookup, Reason> {
        let parameters = &self.found.parameters;
        let form = self.provider.file.lookup.zone.as_ref().ok_or(Reason::LookupFailed)?;
        let id = parameters.zone_id.clone().ok_or(Reason::Internal)?;
        let same = form.same.iter().map(|(field, parameter)| {
            let text = parameters.named(parameter).ok_or(Reason::Internal)?;
            Ok((field.clone(), text.to_owned()))
        });
        let same = same.collect::<Result<_, Reason>>()?;
        Ok(self.lookup(form, &[], Purpose::Zone { id, same }))
    }

    /// The question for the zone that the query's name lies in.
    fn owner_lookup(&self, addresses: &QueryRecords) -> Result<Lookup, Reason> {
        let file = &self.provider.file;
        let form = file.lookup.owner.as_ref().ok_or(Reason::LookupFailed)?;
        let name = addresses.name(file, &self.found.query).map_err(Reason::from)?;
        let given = [("name", text::write_name(file, None, &name))];
        Ok(self.lookup(form, &given, Purpose::Owner { name }))
    }

    /// The question for one record.
    fn record_lookup(&self, form: &LookupForm, zone: &Name, id: &str) -> Lookup {
        let given = [("record_id", id.to_owned())];
        self.lookup(form, &given, Purpose::Record { zone: zone.clone(), id: id.to_owned() })
    }

    /// The questions for the pages of a zone's records that can be asked for now.
    fn pages(
        &self,
        form: &LookupForm,
        zone: &Name,
        needs: &Needs,
        known: &Knowledge,
    ) -> Vec<Lookup> {
        let next = known.listing.asked + 1;
        let last = match known.listing.rest {
            Rest::All | Rest::More => next,
            Rest::UpTo(last) => last.min(known.listing.asked + PAGES_MAX),
            Rest::Unreachable | Rest::Nothing => 0,
        };
        let wanted = if needs.listing { Rc::default() } else { Rc::new(needs.records.clone()) };
        let asked = (next..=last).map(|page| {
            let purpose = Purpose::Records {
                zone: zone.clone(),
                zone_id: self.found.parameters.zone_id.clone(),
                page,
                wanted: Rc::clone(&wanted),
            };
            self.lookup(form, &[("page", page.to_string())], purpose)
        });
        asked.collect()
    }

    /// The questions for the values that deletions would delete unseen, each path once; none where
    /// the provider cannot be asked.
    pub fn lookups_for_values<'o>(
        &self,
        operations: impl IntoIterator<Item = &'o Operation>,
    ) -> Option<Vec<Lookup>> {
        let form = self.provider.file.lookup.values.as_ref()?;
        let mut lookups: Vec<Lookup> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for operation in operations {
            let record = operation.as_record()?;
            if operation.action != Action::RecordDelete || record.value.is_some() {
                return None;
            }
            let file = &self.provider.file;
            let name = text::write_owner(file, &form.names, &record.zone, &record.name, None);
            let given = [
                ("zone", text::write_name(file, None, &record.zone)),
                ("name", name),
                ("type", text::write_rtype(file, record.rtype)),
                ("page", "1".to_owned()),
            ];
            let rrset = (record.name.clone(), record.rtype);
            let purpose =
                Purpose::Values { zone: record.zone.clone(), rrsets: vec![rrset.clone()] };
            let lookup = self.lookup(form, &given, purpose);
            // One answer may hold many rrsets; it is asked for and read once.
            let known = places.get(&lookup.path).and_then(|at| lookups.get_mut(*at));
            match known {
                None => {
                    places.insert(lookup.path.clone(), lookups.len());
                    lookups.push(lookup);
                }
                Some(Lookup { purpose: Purpose::Values { rrsets, .. }, .. }) => rrsets.push(rrset),
                Some(_) => return None,
            }
        }
        Some(lookups)
    }

    /// The questions for the zones that a new zone would be inside of: one for each of its
    /// parents, without the root.
    pub fn lookups_for_enclosing(&self, name: &Name) -> Vec<Lookup> {
        let file = &self.provider.file;
        let Some(form) = &file.lookup.enclosing else { return Vec::new() };
        let parents = std::iter::successors(name.parent(), Name::parent);
        parents
            .filter(|zone| !zone.is_root())
            .map(|zone| {
                let given = [("zone", text::write_name(file, None, &zone))];
                self.lookup(form, &given, Purpose::Enclosing { zone, name: name.clone() })
            })
            .collect()
    }

    /// A question with its path filled in: from what is given, then from the request's own path.
    fn lookup(&self, form: &LookupForm, given: &[(&str, String)], purpose: Purpose) -> Lookup {
        let parameters = &self.found.parameters;
        let value = |mark: &str| {
            let of_zone = || {
                self.provider.file.parameter.iter().find(|(name, parameter)| {
                    matches!(parameter.is, Kind::Zone | Kind::ZoneId)
                        && parameters.named(name).is_some()
                })
            };
            let text = given.iter().find(|(name, _)| *name == mark).map(|(_, text)| text.as_str());
            let in_path = || match mark {
                // A zone that stands in no path is asked for by its name.
                "zone_id" => of_zone().map_or_else(
                    || {
                        given
                            .iter()
                            .find(|(name, _)| *name == "zone")
                            .map(|(_, text)| text.as_str())
                    },
                    |(name, _)| parameters.named(name),
                ),
                mark => parameters.named(mark),
            };
            text.or_else(in_path).unwrap_or_default().to_owned()
        };
        let method = if form.post { Method::Post } else { Method::Get };
        let host = self.provider.host().map(str::to_owned);
        Lookup { method, path: fill(&form.path, value), host, purpose }
    }
}

/// Fills in a path: in front of the question mark as segments, behind it as values.
fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(template.len() + 64);
    let mut pieces = template.split('{');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let Some((mark, rest)) = piece.split_once('}') else { return String::new() };
        let text = value(mark);
        if out.contains('?') {
            let encoded = encode_query(&[(String::new(), text)]);
            out.push_str(encoded.trim_start_matches('='));
        } else {
            out.push_str(&encode_segment(&text));
        }
        out.push_str(rest);
    }
    out
}

impl Knowledge {
    /// Learns from the answer to a lookup that [`Matched::lookups`] asked for.
    ///
    /// # Errors
    /// [`Reason::Internal`] for the answer to another question.
    pub fn learn(&mut self, purpose: &Purpose, found: Answered) -> Result<(), Reason> {
        match (purpose, found) {
            (Purpose::Zone { .. } | Purpose::Owner { .. }, Answered::Zone(found)) => {
                self.zone = found;
            }
            (Purpose::Record { id, .. }, Answered::Record(record)) => {
                self.records.insert(id.clone(), record.map(|record| *record));
            }
            (Purpose::Records { page, wanted, .. }, Answered::Records(found)) => {
                self.learn_page(*page, wanted, found);
            }
            _ => return Err(Reason::Internal),
        }
        Ok(())
    }

    /// Learns a page of a zone's records.
    fn learn_page(&mut self, page: u64, wanted: &BTreeSet<String>, found: Page) {
        if wanted.is_empty() {
            self.listing.entries.extend(found.entries);
        }
        self.records.extend(found.known.into_iter().map(|(id, known)| (id, Some(known))));
        self.listing.asked = self.listing.asked.max(page);
        // Pages that were asked for together come in order; the last one says what is left.
        self.listing.rest = found.rest;
        if found.rest == Rest::Nothing {
            for id in wanted {
                self.records.entry(id.clone()).or_insert(None);
            }
        }
    }
}
