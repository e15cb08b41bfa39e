//! Bodies and queries: from declared fields to operations, and to what is forwarded.
//!
//! A [`Reading`] walks the strict tree once. It writes a second tree of what goes on, and notes
//! what must be allowed. What is forwarded is that second tree, so the provider never sees a byte
//! that was not read here.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::json::Json;
use crate::name::{Name, NameForm};
use crate::operation::{Action, Operation, ResourceKind};

use super::Caps;
use super::file::{Asked, Field, FieldRecord, File, Kind, RouteForm, Use, When};
use super::known::Knowledge;
use super::refusal::{Refusal, quoted};
use super::route::Parameters;
use super::text;
use crate::decision::Reason;
use crate::record_type::RecordType;

/// One request being read.
pub(super) struct Reading<'a> {
    /// The provider's file.
    pub(super) file: &'a File,
    /// The most operations.
    pub(super) operations_max: usize,
    /// The zone that the request is about.
    pub(super) zone: Option<Name>,
    /// The owner name that the path gives.
    pub(super) name: Option<Name>,
    /// The type that the path gives.
    pub(super) rtype: Option<RecordType>,
    /// The record's id that the path gives.
    pub(super) record_id: Option<String>,
    /// The kind of metadata that the request is about, as it was written.
    pub(super) metadata: Option<String>,
    /// What is known of the provider's side.
    pub(super) knowledge: &'a Knowledge,
    /// Ids of records that must be known first.
    pub(super) needs: BTreeSet<String>,
    /// Ids that the request has used.
    pub(super) ids: HashSet<String>,
    /// Rrsets that the request has named.
    pub(super) rrsets: HashSet<(Name, RecordType)>,
    /// What must be allowed on account and zone, without repetitions.
    pub(super) asked: Vec<Action>,
    /// A second zone that the request is about.
    pub(super) other: Option<Name>,
    /// What must be allowed on that one.
    pub(super) asked_of_other: Vec<Action>,
    /// What must be allowed on records.
    pub(super) records: Vec<Operation>,
    /// Indexes in `records` of deletions whose values the request does not show.
    pub(super) unseen: Vec<usize>,
    /// Indexes in `records` of operations on records that were named by their ids.
    pub(super) by_id: Vec<usize>,
    /// Records that fields create, with their values.
    pub(super) of_field: Vec<(&'a FieldRecord, String)>,
    /// Lists of records in objects inside the body, which are read last.
    inside: Vec<ListInside>,
}

/// A list of records in an object inside the body.
struct ListInside {
    /// The body's field with the object.
    object: String,
    /// The list's place among the object's fields as they go on.
    place: usize,
    /// The batch that says how it is read.
    batch: String,
    /// The list.
    items: Json,
}

/// Operations, the indexes of deletions whose values the request does not show, and those of
/// records that it names by their ids.
pub(super) type Meaning = (Vec<Operation>, Vec<usize>, Vec<usize>);

impl<'a> Reading<'a> {
    /// A reading that has only seen the path; names are not read yet.
    pub(super) fn new(
        file: &'a File,
        caps: &Caps,
        path: &Parameters,
        knowledge: &'a Knowledge,
    ) -> Self {
        Reading {
            file,
            operations_max: caps.operations_max,
            zone: path.zone.clone().or_else(|| knowledge.zone().cloned()),
            name: None,
            rtype: path.rtype,
            record_id: path.record_id.clone(),
            metadata: path.metadata.clone(),
            knowledge,
            needs: BTreeSet::new(),
            ids: HashSet::new(),
            rrsets: HashSet::new(),
            asked: Vec::new(),
            other: None,
            asked_of_other: Vec::new(),
            records: Vec::new(),
            unseen: Vec::new(),
            by_id: Vec::new(),
            of_field: Vec::new(),
            inside: Vec::new(),
        }
    }

    /// Notes actions that must be allowed.
    pub(super) fn ask(&mut self, actions: &[Asked]) {
        for Asked(action) in actions {
            if !self.asked.contains(action) {
                self.asked.push(*action);
            }
        }
    }

    /// Notes an operation on a record.
    ///
    /// SECURITY: the cap holds while reading, not afterwards (test `too_many_operations_are_refused_while_reading`).
    pub(super) fn record(&mut self, operation: Operation) -> Result<(), Refusal> {
        if self.is_full() {
            return Err(self.too_many());
        }
        self.records.push(operation);
        Ok(())
    }

    /// Notes the id of a record that must be known first.
    ///
    /// SECURITY: it will be an operation at least, so it counts as one before anything is asked: each
    /// page of a lookup is searched for all of them (test
    /// `ids_that_must_be_known_count_before_anything_is_asked`).
    pub(super) fn need(&mut self, id: &str) -> Result<(), Refusal> {
        if self.is_full() {
            return Err(self.too_many());
        }
        self.needs.insert(id.to_owned());
        Ok(())
    }

    /// Whether one operation more would be too many.
    fn is_full(&self) -> bool {
        self.records.len() + self.asked.len() + self.needs.len() >= self.operations_max
    }

    /// A request that means too much.
    pub(super) fn too_many(&self) -> Refusal {
        let detail = format!("the request means more than {} operations", self.operations_max);
        Refusal::new(Reason::TooManyOperations, detail)
    }

    /// Reads a route's body and gives what goes on.
    pub(super) fn body(&mut self, object: &str, body: Json) -> Result<Json, Refusal> {
        let object = self.file.object.get(object).ok_or_else(Refusal::internal)?;
        let Json::Object(fields) = body else {
            return Err(Refusal::body("the body is not a JSON object"));
        };
        let mut batches = Vec::new();
        let fields = if self.file.fold_keys { spelt(&object.field, fields) } else { fields };
        let mut out = self.fields(&object.field, fields, &mut batches)?;
        for (record, value) in std::mem::take(&mut self.of_field) {
            let zone = self.zone.clone().ok_or_else(Refusal::internal)?;
            let name = Name::parse_relative(&record.name, &zone, "@")
                .map_err(|error| text::bad_name(&record.name, &error.to_string()))?;
            let rtype = text::rtype(&record.rtype)?;
            let value = Some(value);
            self.record(Operation::record(Action::RecordCreate, zone, name, rtype, value))?;
        }
        // Batches come last, because the zone of their records may stand behind them.
        for (index, batch, items) in batches {
            let items = self.batch(&batch, items)?;
            if let Some((_, slot)) = out.get_mut(index) {
                *slot = items;
            }
        }
        for list in std::mem::take(&mut self.inside) {
            let items = self.batch(&list.batch, list.items)?;
            let object = out.iter_mut().find(|(key, _)| *key == list.object);
            let Some((_, Json::Object(fields))) = object else { return Err(Refusal::internal()) };
            let (_, slot) = fields.get_mut(list.place).ok_or_else(Refusal::internal)?;
            *slot = items;
        }
        Ok(Json::Object(out))
    }

    /// Reads an object's fields and gives those that go on; lists of rrsets are put off.
    pub(super) fn fields(
        &mut self,
        declared: &'a BTreeMap<String, Field>,
        given: Vec<(String, Json)>,
        batches: &mut Vec<(usize, String, Json)>,
    ) -> Result<Vec<(String, Json)>, Refusal> {
        missing(declared, &given)?;
        let mut out = Vec::with_capacity(given.len());
        for (key, value) in given {
            let batch = declared
                .get(&key)
                .filter(|field| field.usage != Use::Forbidden && field.is.contains(&Kind::Batch))
                .and_then(|field| field.of.clone());
            match batch {
                Some(batch) if !value.is_null() => {
                    batches.push((out.len(), batch, value));
                    out.push((key, Json::Null));
                }
                _ => out.extend(self.field(declared, key, value)?),
            }
        }
        Ok(out)
    }

    /// Reads one field that is no list of rrsets, and gives it if it goes on.
    pub(super) fn field(
        &mut self,
        declared: &'a BTreeMap<String, Field>,
        key: String,
        value: Json,
    ) -> Result<Option<(String, Json)>, Refusal> {
        let field = match declared.get(&key) {
            Some(field) if field.usage != Use::Forbidden => field,
            Some(_) | None => {
                return Err(Refusal::body(format!("field {} is not accepted here", quoted(&key))));
            }
        };
        // `null` is what an absent field is to the providers read so far, so it is left out.
        if value.is_null() && field.null && field.usage != Use::Inert {
            self.ask(&field.ask);
            return Ok(Some((key, value)));
        }
        if field.usage == Use::Inert || value.is_null() {
            return Ok(None);
        }
        self.ask_for(field, &value)?;
        let value = self.value(&key, field, value)?;
        Ok(Some((key, value)))
    }

    /// Notes what a field's value asks for.
    fn ask_for(&mut self, field: &Field, value: &Json) -> Result<(), Refusal> {
        let applies = match field.when {
            When::Present => true,
            When::NotEmpty => {
                value.as_text() != Some("") && value.as_array().is_none_or(|list| !list.is_empty())
            }
            When::NotFalse => value.as_bool() != Some(false),
        };
        let listed = match &field.when_in {
            None => true,
            Some(set) => match value.as_text() {
                Some(text) => self.in_set(set, text)?,
                None => true,
            },
        };
        if !(applies && listed) {
            return Ok(());
        }
        // SECURITY: what a field asks for on another zone is nothing that the path's would allow
        // (case `a-copy-is-judged-in-both-zones`).
        if field.is.contains(&Kind::OtherZone) {
            self.asked_of_other.extend(field.ask.iter().map(|asked| asked.0));
        } else {
            self.ask(&field.ask);
        }
        Ok(())
    }

    /// Whether a set has this word, in any case.
    fn in_set(&self, set: &str, text: &str) -> Result<bool, Refusal> {
        let words = self.file.set.get(set).ok_or_else(Refusal::internal)?;
        Ok(words.iter().any(|word| word.eq_ignore_ascii_case(text)))
    }

    /// Checks one field's value and gives it as it goes on.
    fn value(&mut self, key: &str, field: &'a Field, value: Json) -> Result<Json, Refusal> {
        let is = |kind: Kind| field.is.contains(&kind);
        match value {
            Json::Bool(_) if is(Kind::Bool) => Ok(value),
            Json::Number(ref number)
                if is(Kind::Integer) && (number.is_u64() || number.is_i64()) =>
            {
                Ok(value)
            }
            Json::Number(_) if is(Kind::Number) => Ok(value),
            Json::Text(ref text) => self.text(key, field, text).map(Json::Text),
            Json::Array(items) if is(Kind::Texts) => texts(key, field, items),
            Json::Array(items) if is(Kind::Objects) => self.objects(key, field, items),
            Json::Object(fields) if is(Kind::Object) => self.object(key, field, fields),
            Json::Object(fields) if is(Kind::Map) => map(key, fields),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
                Err(not_this(key, field))
            }
        }
    }

    /// Checks a text field and gives it as it goes on.
    pub(super) fn text(
        &mut self,
        key: &str,
        field: &'a Field,
        given: &str,
    ) -> Result<String, Refusal> {
        if let Some(set) = &field.one_of
            && !self.in_set(set, given)?
        {
            return Err(Refusal::body(format!("field `{key}` cannot be {}", quoted(given))));
        }
        if field.last_dot {
            let named = text::name_perhaps_dotted(given)?;
            self.learn_zone(&named)?;
            return Ok(named.to_text(NameForm::FqdnDot));
        }
        let mut error = not_this(key, field);
        for kind in field.is.iter().filter(|kind| **kind != Kind::Bool) {
            match text::check(self.file, *kind, given) {
                Ok(written) => {
                    self.learn(*kind, &written)?;
                    if let Some(record) = &field.record {
                        self.of_field.push((record, written.clone()));
                    }
                    return Ok(written);
                }
                // A bad name or type has a reason of its own.
                Err(refusal) if refusal.reason != Reason::BodyNotUnderstood => error = refusal,
                Err(_) => {}
            }
        }
        Err(error)
    }

    /// Learns what a field says that the request is about.
    fn learn(&mut self, kind: Kind, written: &str) -> Result<(), Refusal> {
        if kind == Kind::Zone {
            self.learn_zone(&text::name(self.file, None, written)?)?;
        } else if kind == Kind::OtherZone {
            self.other = Some(text::name(self.file, None, written)?);
        } else if kind == Kind::Metadata {
            self.metadata = Some(written.to_owned());
        }
        Ok(())
    }

    /// Learns which zone the body says that the request is about.
    ///
    /// SECURITY: a body that names another zone than the path would be judged in its place (test
    /// `a_zone_in_the_body_is_the_path_s`).
    fn learn_zone(&mut self, named: &Name) -> Result<(), Refusal> {
        if let Some(zone) = self.zone.as_ref().filter(|zone| *zone != named) {
            let detail = format!("the body is about {named}, the path about {zone}");
            return Err(Refusal::body(detail));
        }
        self.zone = Some(named.clone());
        Ok(())
    }

    /// Checks an object inside; lists of records in it are put off.
    fn object(
        &mut self,
        key: &str,
        field: &'a Field,
        fields: Vec<(String, Json)>,
    ) -> Result<Json, Refusal> {
        let object = field.of.as_ref().and_then(|name| self.file.object.get(name));
        let declared = &object.ok_or_else(Refusal::internal)?.field;
        let fields = if self.file.fold_keys { spelt(declared, fields) } else { fields };
        let mut lists = Vec::new();
        let out = self.fields(declared, fields, &mut lists)?;
        self.inside.extend(lists.into_iter().map(|(place, batch, items)| {
            let object = key.to_owned();
            ListInside { object, place, batch, items }
        }));
        Ok(Json::Object(out))
    }

    /// Checks a list of objects.
    fn objects(&mut self, key: &str, field: &'a Field, items: Vec<Json>) -> Result<Json, Refusal> {
        let object = field.of.as_ref().and_then(|name| self.file.object.get(name));
        let declared = &object.ok_or_else(Refusal::internal)?.field;
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            let Json::Object(fields) = item else {
                return Err(Refusal::body(format!("field `{key}` has an item that is no object")));
            };
            let fields = if self.file.fold_keys { spelt(declared, fields) } else { fields };
            out.push(Json::Object(self.fields(declared, fields, &mut Vec::new())?));
        }
        Ok(Json::Array(out))
    }

    /// Everything that must be allowed: what the route and the fields ask, then the records.
    pub(super) fn operations(mut self, route: &RouteForm) -> Result<Meaning, Refusal> {
        // INVARIANT: a list that was put off and not read would be judged by nobody.
        if !self.inside.is_empty() {
            return Err(Refusal::internal());
        }
        if let Some(kind) = self.metadata.clone() {
            for rule in &route.metadata {
                if self.in_set(&rule.set, &kind)? {
                    self.ask(&rule.ask);
                }
            }
        }
        let zoned = self.asked.len() + self.asked_of_other.len();
        let mut operations = Vec::with_capacity(zoned + self.records.len());
        for action in &self.asked {
            operations.push(self.operation(*action)?);
        }
        for action in &self.asked_of_other {
            let zone = self.other.clone().ok_or_else(Refusal::internal)?;
            operations.push(Operation::zone(*action, zone));
        }
        let first = operations.len();
        operations.extend(self.records);
        let behind = |indexes: &[usize]| indexes.iter().map(|index| index + first).collect();
        Ok((operations, behind(&self.unseen), behind(&self.by_id)))
    }

    /// An action as an operation on what the request is about.
    fn operation(&self, action: Action) -> Result<Operation, Refusal> {
        match action.kind() {
            ResourceKind::Account => Ok(Operation::account(action)),
            ResourceKind::Zone => {
                let zone = self.zone.clone().ok_or_else(Refusal::internal)?;
                Ok(match (&self.metadata, action) {
                    (
                        Some(kind),
                        Action::MetadataRead | Action::MetadataWrite | Action::ZoneTransfer,
                    ) => Operation::metadata(action, zone, kind),
                    _ => Operation::zone(action, zone),
                })
            }
            ResourceKind::Record => Err(Refusal::internal()),
        }
    }
}

/// The fields with their keys as they are declared, for a provider that ignores case.
fn spelt(declared: &BTreeMap<String, Field>, fields: Vec<(String, Json)>) -> Vec<(String, Json)> {
    let known = |key: String| {
        declared.keys().find(|known| known.eq_ignore_ascii_case(&key)).cloned().unwrap_or(key)
    };
    fields.into_iter().map(|(key, value)| (known(key), value)).collect()
}

/// Refuses an object without a required field.
pub(super) fn missing(
    declared: &BTreeMap<String, Field>,
    given: &[(String, Json)],
) -> Result<(), Refusal> {
    let missing = |(key, field): &(&String, &Field)| {
        field.required && !given.iter().any(|(name, value)| name == *key && !value.is_null())
    };
    match declared.iter().find(missing) {
        None => Ok(()),
        Some((key, _)) => Err(Refusal::body(format!("field `{key}` is missing"))),
    }
}

/// Checks an object of texts.
fn map(key: &str, fields: Vec<(String, Json)>) -> Result<Json, Refusal> {
    let plain = |text: &str| !text.chars().any(char::is_control);
    let fits = |(key, value): &(String, Json)| plain(key) && value.as_text().is_some_and(plain);
    if fields.iter().all(fits) {
        return Ok(Json::Object(fields));
    }
    let detail = format!("field `{key}` is not an object of texts without control characters");
    Err(Refusal::body(detail))
}

/// Checks a list of texts, which may have to be ids.
fn texts(key: &str, field: &Field, items: Vec<Json>) -> Result<Json, Refusal> {
    let fits = |text: &str| match field.id {
        Some(form) => text::is_id(form, text),
        None => !text.chars().any(char::is_control),
    };
    if items.iter().all(|item| item.as_text().is_some_and(fits)) {
        return Ok(Json::Array(items));
    }
    let what = if field.id.is_some() { "ids" } else { "texts without control characters" };
    Err(Refusal::body(format!("field `{key}` is not a list of {what}")))
}

/// A refusal because a field is not what it should be.
fn not_this(key: &str, field: &Field) -> Refusal {
    let kinds: Vec<_> = field.is.iter().map(|kind| text::described(*kind)).collect();
    Refusal::body(format!("field `{key}` is not {}", kinds.join(" or ")))
}
