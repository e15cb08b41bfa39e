//! Answers to lookups: read strictly, because a write is judged by them.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::Provider;
use super::super::file::{Batch, File, LookupForm, Paging, ResponseForm, Shape};
use super::super::filter::{Fields, is_at};
use super::super::known::{KnownRecord, Rest, Sought};
use super::super::record::{self, Entry, Object as _, Scalar};
use super::super::text;
use super::{Answered, Lookup, Page, Purpose};
use crate::decision::Reason;
use crate::json::{Json, JsonLimits, raw_array, raw_object};
use crate::name::Name;
use crate::record_type::RecordType;

/// The limits of one record's JSON in an answer.
const RECORD_LIMITS: JsonLimits = JsonLimits { depth_max: 16, nodes_max: 10_000, fold_keys: false };

impl Provider {
    /// Reads the answer to a lookup.
    ///
    /// # Errors
    /// A zone that is not there is [`Reason::ZoneNotVisible`], so that a client's clean-up sees a
    /// 404; any other failure is [`Reason::LookupFailed`] or [`Reason::LookupNotUnderstood`].
    pub fn read_answer(
        &self,
        lookup: &Lookup,
        status: u16,
        body: &[u8],
    ) -> Result<Answered, Reason> {
        let forms = &self.file.lookup;
        let form = match &lookup.purpose {
            Purpose::Zone { .. } => &forms.zone,
            Purpose::Owner { .. } => &forms.owner,
            Purpose::Record { .. } => &forms.record,
            Purpose::Records { .. } => &forms.records,
            Purpose::Values { .. } => &forms.values,
            Purpose::Enclosing { .. } => &forms.enclosing,
        };
        let form = form.as_ref().ok_or(Reason::Internal)?;
        let response = self.file.response.get(&form.response).ok_or(Reason::Internal)?;
        if status == 404 {
            return not_found(&lookup.purpose, response.shape);
        }
        // SECURITY: what is not the declared success is no answer: a redirect, a limit, an error
        // (case `a-lookup-without-an-answer-denies`).
        if status != 200 {
            return Err(Reason::LookupFailed);
        }
        // SECURITY: nor is an error with that status, whatever else stands in it: an empty list beside it
        // would say that nothing is there (case
        // `an-error-with-the-status-of-a-success-is-no-answer-to-a-lookup`).
        let in_success = self.file.error.in_success.as_ref();
        if in_success.is_some_and(|error| is_at(body, &error.field, &error.is)) {
            return Err(Reason::LookupFailed);
        }
        self.answered(form, response, &lookup.purpose, body).ok_or(Reason::LookupNotUnderstood)
    }

    /// What a successful answer says; none where it is not understood.
    fn answered(
        &self,
        form: &LookupForm,
        response: &ResponseForm,
        purpose: &Purpose,
        body: &[u8],
    ) -> Option<Answered> {
        let reading = Reading { file: &self.file, form: response, body };
        Some(match purpose {
            Purpose::Zone { id, same } => Answered::Zone(reading.zone_named(id, same)?),
            Purpose::Owner { name } => Answered::Zone(reading.owner(name)?),
            Purpose::Record { zone, id } => {
                Answered::Record(Some(Box::new(reading.record(zone, id)?)))
            }
            Purpose::Records { zone, zone_id, page, wanted } => {
                let mut found = reading.page(zone, zone_id.as_deref(), *page, wanted)?;
                if matches!(found.rest, Rest::More | Rest::UpTo(_)) && !form.path.contains("{page}")
                {
                    found.rest = Rest::Unreachable;
                }
                Answered::Records(found)
            }
            Purpose::Values { zone, rrsets } => Answered::Values(reading.values(zone, rrsets)?),
            Purpose::Enclosing { zone, .. } => {
                let narrow = form.path.contains("{zone}");
                Answered::Exists(reading.exists(zone, narrow)?)
            }
        })
    }
}

/// What it means that something is not there.
fn not_found(purpose: &Purpose, shape: Shape) -> Result<Answered, Reason> {
    match (purpose, shape) {
        (Purpose::Zone { .. }, _) => Ok(Answered::Zone(Sought::Missing)),
        (Purpose::Record { .. }, _) => Ok(Answered::Record(None)),
        // The question was for the rrset itself.
        (Purpose::Values { .. }, Shape::Record) => Ok(Answered::Values(HashMap::new())),
        (Purpose::Enclosing { .. }, Shape::Zone) => Ok(Answered::Exists(false)),
        // The list of the zones around a name is there, and empty where there is none.
        (Purpose::Owner { .. } | Purpose::Enclosing { .. }, _) => Err(Reason::LookupFailed),
        (Purpose::Records { .. } | Purpose::Values { .. }, _) => Err(Reason::ZoneNotVisible),
    }
}

/// One answer being read.
struct Reading<'a> {
    /// The provider's file.
    file: &'a File,
    /// Its form.
    form: &'a ResponseForm,
    /// It.
    body: &'a [u8],
}

impl<'a> Reading<'a> {
    /// What stands at a path of the answer.
    fn at(&self, path: &str) -> Option<&'a str> {
        let whole = std::str::from_utf8(self.body).ok()?.trim();
        path.split('.').filter(|step| !step.is_empty()).try_fold(whole, step_into)
    }

    /// The entries of the list that the form names.
    fn list(&self) -> Option<Vec<&'a str>> {
        entries(self.at(&self.form.at)?, self.form.keyed)
    }

    /// How records are written in it.
    fn batch(&self) -> Option<&'a Batch> {
        self.file.batch.get(self.form.batch.as_ref()?)
    }

    /// The name of a zone in an entry.
    fn name_of(&self, fields: &Fields<'_>) -> Option<Name> {
        let text = fields.text(self.form.zone.as_ref()?)?;
        text::name(self.file, None, &text).ok()
    }

    /// The zone that a name lies in: the one of the list, or none where the list is empty.
    ///
    /// SECURITY: of several nobody knows which one the provider will take, and one that is not
    /// around the name is another's (test `an_owner_is_around_the_name`).
    fn owner(&self, name: &Name) -> Option<Sought> {
        match self.list()?.as_slice() {
            [] => Some(Sought::Missing),
            [one] => {
                let zone = self.name_of(&Fields::read(one.as_bytes())?)?;
                (!zone.is_root() && name.is_below_or_equal(&zone)).then_some(Sought::Found(zone))
            }
            _ => None,
        }
    }

    /// The zone with this id.
    fn zone_named(&self, id: &str, same: &[(String, String)]) -> Option<Sought> {
        let key = self.form.zone_id.as_ref()?;
        let is_it = |fields: &Fields<'_>| {
            fields.at(key).text().as_deref() == Some(id)
                && same.iter().all(|(key, text)| fields.at(key).text().as_deref() == Some(text))
        };
        if self.form.shape == Shape::Zone {
            let fields = Fields::read(self.at(&self.form.at)?.as_bytes())?;
            return is_it(&fields).then(|| self.name_of(&fields)).flatten().map(Sought::Found);
        }
        let mut found = None;
        for entry in self.list()? {
            let fields = Fields::read(entry.as_bytes())?;
            if !is_it(&fields) {
                continue;
            }
            // SECURITY: an id that stands for two zones stands for none.
            if found.replace(self.name_of(&fields)?).is_some() {
                return None;
            }
        }
        // On a further page it could be there all the same.
        let whole = found.is_some() || self.rest(1)? == Rest::Nothing;
        whole.then(|| found.map_or(Sought::Missing, Sought::Found))
    }

    /// Whether a record says of itself that it is of this zone, where the form knows where it does.
    ///
    /// SECURITY: an API that finds a record by its id alone would answer with another zone's (case
    /// `record-delete: a record that says it is another zone's`).
    fn is_of(&self, zone: &Name, fields: &Fields<'_>) -> bool {
        let says =
            matches!(self.form.shape, Shape::Record | Shape::Records) && self.form.zone.is_some();
        !says || self.name_of(fields).as_ref() == Some(zone)
    }

    /// The one record of an answer, which must repeat the id.
    fn record(&self, zone: &Name, id: &str) -> Option<KnownRecord> {
        let raw = self.at(&self.form.at)?;
        // Some APIs answer the question for one record with a list.
        let raw = if raw.starts_with('[') {
            let [one] = <[&str; 1]>::try_from(entries(raw, false)?).ok()?;
            one
        } else {
            raw
        };
        let known = self.known(zone, raw)?;
        (known.entry.id.as_deref() == Some(id)).then_some(known)
    }

    /// One record with its fields.
    fn known(&self, zone: &Name, raw: &str) -> Option<KnownRecord> {
        let fields = Fields::read(raw.as_bytes()).filter(|fields| self.is_of(zone, fields))?;
        let entry = record::entry(self.file, self.batch()?, zone, None, &fields)?;
        match Json::parse(raw.as_bytes(), &RECORD_LIMITS).ok()? {
            Json::Object(fields) => Some(KnownRecord { entry, fields }),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Array(_) => None,
        }
    }

    /// The records of a zone in an answer, as texts.
    fn records(&self, zone: &Name, zone_id: Option<&str>) -> Option<Vec<&'a str>> {
        match self.form.shape {
            Shape::Records => self.list(),
            Shape::Record => Some(vec![self.at(&self.form.at)?]),
            Shape::Zone => {
                let fields = Fields::read(self.at(&self.form.at)?.as_bytes())?;
                let id = self.form.zone_id.as_ref().map(|key| fields.at(key).text());
                let other = id.is_some_and(|id| zone_id.is_some() && id.as_deref() != zone_id);
                let named = self.form.zone.is_none() || self.name_of(&fields)? == *zone;
                let list = fields.raw(self.form.rrsets.as_ref()?)?;
                (named && !other).then(|| entries(list, self.form.rrsets_keyed)).flatten()
            }
            Shape::Pass | Shape::Zones | Shape::Search | Shape::Object | Shape::Objects => None,
        }
    }

    /// A page of a zone's records.
    ///
    /// SECURITY: where everything matters, everything must be understood; where ids matter, those
    /// entries must be (test `strange_answers_are_not_understood`).
    fn page(
        &self,
        zone: &Name,
        zone_id: Option<&str>,
        page: u64,
        wanted: &BTreeSet<String>,
    ) -> Option<Page> {
        let batch = self.batch()?;
        let (mut all, mut known) = (Vec::new(), Vec::new());
        for raw in self.records(zone, zone_id)? {
            let fields = Fields::read(raw.as_bytes()).filter(|fields| self.is_of(zone, fields))?;
            if wanted.is_empty() {
                all.push(record::entry(self.file, batch, zone, None, &fields)?);
                continue;
            }
            let id = fields.at(batch.id.as_ref()?).text()?;
            if wanted.contains(&id) {
                known.push((id, self.known(zone, raw)?));
            }
        }
        let mut ids: Vec<&String> = known.iter().map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        let twice = ids.len() != known.len();
        let rest = self.rest(page)?;
        (!twice).then_some(Page { entries: all, known, rest })
    }

    /// What is left of a list after a page.
    fn rest(&self, page: u64) -> Option<Rest> {
        let Some(paging) = &self.form.paging else { return Some(Rest::Nothing) };
        let paging = self.file.paging.get(paging)?;
        let number = |path: &Option<String>| {
            let text = Self::scalar(self.at(path.as_deref()?)?)?.text()?;
            text.parse::<u64>().ok()
        };
        if let Some(pages) = number(&paging.pages) {
            return Some(if pages > page { Rest::UpTo(pages) } else { Rest::Nothing });
        }
        if let Some(next) = &paging.next {
            return Some(if self.at(next).is_some_and(is_more) {
                Rest::More
            } else {
                Rest::Nothing
            });
        }
        let (total, per_page) =
            (number(&paging.total)?, per_page(paging, number(&paging.per_page))?);
        let pages = total.div_ceil(per_page);
        Some(if pages > page { Rest::UpTo(pages) } else { Rest::Nothing })
    }

    /// A JSON text as a text or number.
    fn scalar(raw: &str) -> Option<Scalar<'static>> {
        match serde_json::from_str(raw).ok()? {
            serde_json::Value::String(text) => Some(Scalar::Text(text.into())),
            serde_json::Value::Number(number) => Some(Scalar::Number(number.to_string().into())),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => None,
        }
    }

    /// The values of the rrsets that were asked for.
    fn values(
        &self,
        zone: &Name,
        rrsets: &[(Name, RecordType)],
    ) -> Option<HashMap<(Name, RecordType), Vec<String>>> {
        // A list of which a part is missing could lack the very value.
        if self.rest(1)? != Rest::Nothing {
            return None;
        }
        let batch = self.batch()?;
        // Thousands may be asked for in a zone of a hundred thousand, while all else on the worker waits.
        let asked: HashSet<&(Name, RecordType)> = rrsets.iter().collect();
        let mut values: HashMap<(Name, RecordType), Vec<String>> = HashMap::new();
        for raw in self.records(zone, None)? {
            // Other names than those asked for may be there, and need not be understood.
            // SECURITY: the ones asked for must be: values that cannot be read are not no values
            // (test `strange_answers_are_not_understood`).
            let fields = Fields::read(raw.as_bytes()).filter(|fields| self.is_of(zone, fields))?;
            let only = match (self.form.shape, rrsets) {
                (Shape::Record, [(name, rtype)]) => Some((name, *rtype)),
                _ => None,
            };
            let path = (only.map(|(name, _)| name), only.map(|(_, rtype)| rtype));
            let named = record::owner(self.file, batch, zone, path, &fields).ok();
            let typed = record::rtype(self.file, batch, only.map(|(_, rtype)| rtype), &fields).ok();
            let Some(rrset) = named.zip(typed).filter(|rrset| asked.contains(rrset)) else {
                continue;
            };
            let entry: Entry = record::entry(self.file, batch, zone, only, &fields)?;
            values.entry(rrset).or_default().extend(entry.values);
        }
        Some(values)
    }

    /// Whether a zone that was asked for is there; `narrow` says that the question named it.
    fn exists(&self, zone: &Name, narrow: bool) -> Option<bool> {
        if self.form.shape == Shape::Zone {
            let fields = Fields::read(self.at(&self.form.at)?.as_bytes())?;
            return (self.name_of(&fields)? == *zone).then_some(true);
        }
        // Where the list can be asked for one zone, another in it is a strange answer; where it cannot,
        // or comes in pages, it is everything, and must be whole for a no.
        let exact = narrow && self.form.paging.is_none();
        let mut found = false;
        for entry in self.list()? {
            let named = self.name_of(&Fields::read(entry.as_bytes())?)?;
            if exact && named != *zone {
                return None;
            }
            found |= named == *zone;
        }
        (found || self.rest(1)? == Rest::Nothing).then_some(found)
    }
}

/// How many entries a page has at most.
fn per_page(paging: &Paging, said: Option<u64>) -> Option<u64> {
    said.or(paging.per_page_default).filter(|count| *count > 0)
}

/// Whether what stands for the next page says that there is one.
fn is_more(raw: &str) -> bool {
    !matches!(raw.trim(), "null" | "false" | "\"\"" | "0")
}

/// One step of a path.
fn step_into<'a>(raw: &'a str, step: &str) -> Option<&'a str> {
    if raw.starts_with('[') {
        let at: usize = step.parse().ok()?;
        return raw_array(raw.as_bytes()).ok()?.get(at).map(|found| found.get().trim());
    }
    let fields = raw_object(raw.as_bytes()).ok()?;
    fields.into_iter().find(|(key, _)| key == step).map(|(_, found)| found.get().trim())
}

/// The entries of a list, or of an object whose keys say nothing.
fn entries(raw: &str, keyed: bool) -> Option<Vec<&str>> {
    if keyed && raw.starts_with('{') {
        let fields = raw_object(raw.as_bytes()).ok()?;
        return Some(fields.into_iter().map(|(_, entry)| entry.get().trim()).collect());
    }
    let items = raw_array(raw.as_bytes()).ok()?;
    Some(items.into_iter().map(|entry| entry.get().trim()).collect())
}
