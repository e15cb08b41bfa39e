//! Records in requests: from items to deletions and creations.
//!
//! A batch is all or nothing, and nothing in it means nothing: every item is at least one
//! operation on its name and type, also where it lists no value. An item names its record by name
//! and type, or by an opaque id; then the record as it is must be known, because an update deletes
//! that one and creates what it becomes.

use crate::decision::Reason;
use crate::json::Json;
use crate::name::Name;
use crate::operation::{Action, Operation};
use crate::record_type::RecordType;

use super::body::{Reading, missing};
use super::file::{Batch, IdForm, Means};
use super::known::KnownRecord;
use super::record::Object as _;
use super::refusal::{Refusal, quoted};
use super::update::Updated;
use super::{record, text, value};

/// What one item says, apart from its values.
struct Item<'a> {
    /// The owner name, in the zone.
    name: Name,
    /// The record type.
    rtype: RecordType,
    /// What is done.
    means: Means,
    /// The word for it, where it goes on.
    word: Option<&'a str>,
    /// Fields that do not go on.
    drops: &'a [String],
}

/// An item's fields as they go on, with what they say of values.
#[derive(Default)]
struct Rest {
    /// The fields.
    out: Vec<(String, Json)>,
    /// The values that are listed; none where there is no list.
    values: Option<Vec<String>>,
    /// The values of the list of those that go.
    removed: Vec<String>,
    /// Whether there is more than lists of values.
    more: bool,
    /// Whether there are remarks.
    notes: bool,
}

impl<'a> Reading<'a> {
    /// Reads a list of items and gives it as it goes on.
    pub(super) fn batch(&mut self, name: &str, items: Json) -> Result<Json, Refusal> {
        let batch = self.file.batch.get(name).ok_or_else(Refusal::internal)?;
        let Json::Array(items) = items else {
            return Err(Refusal::body("the list of rrsets is not a list"));
        };
        if items.is_empty() {
            self.ask(&batch.when_empty);
        }
        let items = items.into_iter().map(|item| self.item_of(batch, item));
        items.collect::<Result<_, _>>().map(Json::Array)
    }

    /// Reads one item and gives it as it goes on.
    pub(super) fn item_of(&mut self, batch: &'a Batch, item: Json) -> Result<Json, Refusal> {
        let Json::Object(fields) = item else {
            return Err(Refusal::body("an rrset is not an object"));
        };
        let fields = self.folded(batch, fields)?;
        let (means, word, drops) = change(batch, &fields)?;
        let id = self.record_id(batch, &fields)?;
        match (means, id) {
            (Means::Update | Means::Delete, Some(id)) => {
                let known = self.gone(&id)?;
                let mut dropped = drops.to_vec();
                if let (Means::Update, Some(known)) = (means, known) {
                    dropped.extend(self.becomes(batch, known, &fields)?);
                }
                self.rest(batch, None, &dropped, fields).map(|rest| Json::Object(rest.out))
            }
            (Means::Update, None) => Err(Refusal::body("a record's id is missing")),
            (
                Means::Create
                | Means::Replace
                | Means::Delete
                | Means::Extend
                | Means::Prune
                | Means::Touch,
                _,
            ) => {
                let zone = self.zone.as_ref().ok_or_else(Refusal::internal)?;
                let path = (self.name.as_ref(), self.rtype);
                let name = record::owner(self.file, batch, zone, path, fields.as_slice())?;
                let rtype = record::rtype(self.file, batch, self.rtype, fields.as_slice())?;
                let item = Item { name, rtype, means, word, drops };
                self.rrset(batch, item, fields)
            }
        }
    }

    /// The fields with their keys as they are declared, where the provider ignores case.
    fn folded(
        &self,
        batch: &Batch,
        fields: Vec<(String, Json)>,
    ) -> Result<Vec<(String, Json)>, Refusal> {
        if !self.file.fold_keys {
            return Ok(fields);
        }
        let declared = &self.file.object.get(&batch.item).ok_or_else(Refusal::internal)?.field;
        let special =
            [&batch.name, &batch.rtype, &batch.id, &batch.values, &batch.removes, &batch.change];
        let special: Vec<&String> = special.into_iter().flatten().collect();
        let spelt = |key: String| {
            let same = |known: &&&String| known.eq_ignore_ascii_case(&key);
            let known = special.iter().copied().chain(declared.keys());
            known.into_iter().find(|known| same(&known)).cloned().unwrap_or(key)
        };
        Ok(fields.into_iter().map(|(key, value)| (spelt(key), value)).collect())
    }

    /// The id by which an item, or else the path, names its record.
    ///
    /// SECURITY: where both do, they must agree; and no id may stand in a request twice, because
    /// the second use would be judged on what the first has changed (tests
    /// `a_body_id_must_be_the_path_s`, `the_same_id_twice_is_refused`).
    fn record_id(
        &mut self,
        batch: &Batch,
        fields: &[(String, Json)],
    ) -> Result<Option<String>, Refusal> {
        let given = match &batch.id {
            Some(key) => {
                let form = batch.id_form.unwrap_or(IdForm::Digits);
                let found = fields.at(key);
                let absent = found == record::Scalar::Absent;
                let id = found.text().filter(|text| text::is_id(form, text));
                if id.is_none() && !absent {
                    return Err(Refusal::body(format!("`{key}` is not an id")));
                }
                id
            }
            None => None,
        };
        let id = match (given, &self.record_id) {
            (Some(given), Some(path)) if given != *path => {
                return Err(Refusal::body(format!(
                    "the body is about the record {}, the path about {path}",
                    quoted(&given)
                )));
            }
            (given, path) => given.or_else(|| path.clone()),
        };
        if let Some(id) = &id
            && !self.ids.insert(id.clone())
        {
            return Err(Refusal::body(format!("the record {id} stands in the request twice")));
        }
        Ok(id)
    }

    /// Reads an rrset or a record that is named by name and type.
    fn rrset(
        &mut self,
        batch: &'a Batch,
        mut item: Item<'_>,
        fields: Vec<(String, Json)>,
    ) -> Result<Json, Refusal> {
        // SECURITY: a second item with the same name and type, in whatever spelling, would
        // undo the first after it was judged (test `the_same_rrset_twice_is_refused_in_any_spelling`).
        // Single records of one rrset stand in a list one by one; none of them replaces another.
        let first = self.rrsets.insert((item.name.clone(), item.rtype));
        let single = batch.values.is_none() && !matches!(item.means, Means::Touch);
        if !first && !single {
            return Err(Refusal::body(format!(
                "the rrset {} {} stands in the request twice",
                item.name, item.rtype
            )));
        }
        let mut dropped = item.drops.to_vec();
        let value = match (&batch.values, item.means) {
            (None, Means::Create | Means::Replace | Means::Extend | Means::Prune) => {
                let fields = fields.as_slice();
                dropped.extend(record::unread(batch, item.rtype, fields, fields));
                Some(record::flat(batch, item.rtype, fields, fields)?)
            }
            _ => None,
        };
        let rest = self.rest(batch, Some(&item), &dropped, fields)?;
        if batch.removes.is_some() {
            return self.exchange(batch, &item, rest);
        }
        let values = match (value, rest.values) {
            (Some(value), _) => {
                value::check_of(batch, item.rtype, &value)?;
                vec![value::present(batch, item.rtype, value)]
            }
            (None, Some(values)) => values,
            (None, None) => {
                if batch.absent_keeps && item.means == Means::Replace {
                    item.means = Means::Touch;
                }
                Vec::new()
            }
        };
        self.mean(&item, values, rest.notes, first)?;
        Ok(Json::Object(rest.out))
    }

    /// Reads an item's fields and gives those that go on; `item` is there where name and type
    /// are written anew.
    fn rest(
        &mut self,
        batch: &'a Batch,
        item: Option<&Item<'_>>,
        drops: &[String],
        fields: Vec<(String, Json)>,
    ) -> Result<Rest, Refusal> {
        let declared = &self.file.object.get(&batch.item).ok_or_else(Refusal::internal)?.field;
        missing(declared, &fields)?;
        let mut rest = Rest { out: Vec::with_capacity(fields.len()), ..Rest::default() };
        for (key, given) in fields {
            let at = Some(&key);
            let says_what = [&batch.name, &batch.rtype, &batch.id, &batch.change];
            // SECURITY: `null` was read as an absent name, type or id, so that is what goes on (case
            // `a-null-name-does-not-go-on`).
            let is_void = given.is_null() && says_what.iter().any(|one| one.as_ref() == at);
            if is_void || drops.contains(&key) {
                continue;
            }
            if at == batch.name.as_ref() {
                rest.out.push((key, self.name_on(batch, item, given)?));
            } else if at == batch.rtype.as_ref() {
                rest.out.push((key, self.rtype_on(item, given)));
            } else if at == batch.id.as_ref() {
                rest.out.push((key, given));
            } else if at == batch.change.as_ref() {
                let word = item.and_then(|item| item.word);
                rest.out.extend(word.map(|word| (key, Json::Text(word.to_owned()))));
            } else if at == batch.values.as_ref() {
                if let Some((values, list)) = self.values(batch, item, given)? {
                    rest.values = Some(values);
                    rest.out.push((key, list));
                }
            } else if at == batch.removes.as_ref() {
                if let Some((values, list)) = self.values(batch, item, given)? {
                    rest.removed = values;
                    rest.out.push((key, list));
                }
            } else {
                rest.notes |= batch.notes.as_ref() == at
                    && given.as_array().is_some_and(|list| !list.is_empty());
                let before = rest.out.len();
                rest.out.extend(self.field(declared, key, given)?);
                rest.more |= rest.out.len() > before;
            }
        }
        Ok(rest)
    }

    /// An owner name as it goes on.
    fn name_on(
        &self,
        batch: &Batch,
        item: Option<&Item<'_>>,
        given: Json,
    ) -> Result<Json, Refusal> {
        let zone = self.zone.as_ref().ok_or_else(Refusal::internal)?;
        let Json::Text(text) = &given else { return Ok(given) };
        // A name that is made of several fields goes on as its own part of them.
        let name = match item {
            Some(item) if batch.owner.is_empty() => item.name.clone(),
            _ => text::owner(self.file, &batch.names, zone, text)?,
        };
        Ok(Json::Text(text::write_owner(self.file, &batch.names, zone, &name, Some(text))))
    }

    /// A record type as it goes on: the provider's own word for it stays.
    fn rtype_on(&self, item: Option<&Item<'_>>, given: Json) -> Json {
        match item {
            Some(item) if self.file.types.is_empty() => Json::Text(item.rtype.to_string()),
            _ => given,
        }
    }

    /// Reads a list of values: them, and the list as it goes on; `null` is no list.
    fn values(
        &mut self,
        batch: &Batch,
        item: Option<&Item<'_>>,
        given: Json,
    ) -> Result<Option<(Vec<String>, Json)>, Refusal> {
        let items = match given {
            Json::Null => return Ok(None),
            Json::Array(items) => items,
            Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => {
                return Err(Refusal::body("an rrset's values are not a list"));
            }
        };
        let rtype = item.map_or(RecordType::TXT, |item| item.rtype);
        let (mut values, mut out) = (Vec::new(), Vec::with_capacity(items.len()));
        for item in items {
            // Checked here already, so that a long list is not kept before it is refused.
            if self.records.len() + values.len() >= self.operations_max {
                return Err(self.too_many());
            }
            let (text, written) = self.element(batch, item)?;
            value::check_of(batch, rtype, &text)?;
            values.push(value::present(batch, rtype, text));
            out.push(written);
        }
        Ok(Some((values, Json::Array(out))))
    }

    /// Reads one value: its text, and it as it goes on.
    fn element(&mut self, batch: &Batch, item: Json) -> Result<(String, Json), Refusal> {
        let (key, object) = match (&batch.value, &batch.element, item) {
            (None, _, Json::Text(text)) => return Ok((text.clone(), Json::Text(text))),
            (Some(key), Some(element), Json::Object(fields)) => ((key, element), fields),
            _ => return Err(Refusal::body("a record is not of the form that is expected")),
        };
        let (key, element) = key;
        let declared = &self.file.object.get(element).ok_or_else(Refusal::internal)?.field;
        missing(declared, &object)?;
        let (mut text, mut out) = (None, Vec::with_capacity(object.len()));
        for (name, given) in object {
            if name != *key {
                out.extend(self.field(declared, name, given)?);
                continue;
            }
            let Json::Text(content) = given else {
                return Err(Refusal::new(
                    Reason::ValueNotUnderstood,
                    format!("a record's `{key}` is no text"),
                ));
            };
            text = Some(content.clone());
            out.push((name, Json::Text(content)));
        }
        let text = text.ok_or_else(|| Refusal::body(format!("a record has no `{key}`")))?;
        Ok((text, Json::Object(out)))
    }

    /// Notes the operations that an item means: never none, but for the second of several
    /// records that replace one rrset together.
    ///
    /// SECURITY: a replacement is also the deletion of everything it does not list, an rrset
    /// without values is an operation, and a wildcard is asked for by itself
    /// (tests `comments_alone_are_an_operation`, `a_wildcard_is_asked_for_by_itself`).
    fn mean(
        &mut self,
        item: &Item<'_>,
        values: Vec<String>,
        notes: bool,
        first: bool,
    ) -> Result<(), Refusal> {
        let zone = self.zone.clone().ok_or_else(Refusal::internal)?;
        let operation = |action: Action, value: Option<String>| {
            Operation::record(action, zone.clone(), item.name.clone(), item.rtype, value)
        };
        if item.name.is_wildcard() && first {
            self.record(operation(Action::RecordWildcard, None))?;
        }
        let (unseen, action, valueless) = match item.means {
            Means::Create | Means::Extend => (false, Action::RecordCreate, true),
            Means::Replace => (first, Action::RecordCreate, notes),
            Means::Delete => (true, Action::RecordDelete, false),
            Means::Prune => (values.is_empty(), Action::RecordDelete, false),
            Means::Touch => (true, Action::RecordCreate, true),
            Means::Update => return Err(Refusal::internal()),
        };
        if unseen {
            self.unseen.push(self.records.len());
            self.record(operation(Action::RecordDelete, None))?;
        }
        if values.is_empty() && valueless {
            self.record(operation(action, None))?;
        }
        for value in values {
            self.record(operation(action, Some(value)))?;
        }
        Ok(())
    }

    /// Notes what an item means that lists values that come and values that go, and gives it.
    ///
    /// SECURITY: what stands in neither list changes all the same by a TTL, and goes where a name
    /// has one value of the type; an item that lists nothing is an operation on all (cases
    /// `a-ttl-is-that-of-all-values`, `one-value-takes-the-place-of-another`,
    /// `two-empty-lists-are-an-operation`).
    fn exchange(&mut self, batch: &Batch, item: &Item<'_>, rest: Rest) -> Result<Json, Refusal> {
        let zone = self.zone.clone().ok_or_else(Refusal::internal)?;
        let operation = |action: Action, value: Option<String>| {
            Operation::record(action, zone.clone(), item.name.clone(), item.rtype, value)
        };
        let Rest { out, values, removed, more, .. } = rest;
        let added = values.unwrap_or_default();
        let touches = more || (added.is_empty() && removed.is_empty());
        let is_this = |word: &String| RecordType::parse(word).is_ok_and(|one| one == item.rtype);
        let replaces = !added.is_empty() && batch.single.iter().any(is_this);
        if item.name.is_wildcard() {
            self.record(operation(Action::RecordWildcard, None))?;
        }
        if touches || replaces {
            self.unseen.push(self.records.len());
            self.record(operation(Action::RecordDelete, None))?;
        }
        for value in removed {
            self.record(operation(Action::RecordDelete, Some(value)))?;
        }
        if touches {
            self.record(operation(Action::RecordCreate, None))?;
        }
        for value in added {
            self.record(operation(Action::RecordCreate, Some(value)))?;
        }
        Ok(Json::Object(out))
    }

    /// Notes the deletion of a record that is named by its id, and gives it as it is; where it is
    /// not known yet, notes that it must be.
    fn gone(&mut self, id: &str) -> Result<Option<&'a KnownRecord>, Refusal> {
        let known = match self.knowledge.records.get(id) {
            None => {
                self.need(id)?;
                return Ok(None);
            }
            Some(None) => return Err(not_there(id)),
            Some(Some(known)) => known,
        };
        let old = &known.entry;
        let from = self.records.len();
        if old.name.is_wildcard() {
            self.old(Action::RecordWildcard, old, None)?;
        }
        for value in &old.values {
            self.old(Action::RecordDelete, old, Some(value.clone()))?;
        }
        if old.values.is_empty() {
            self.old(Action::RecordDelete, old, None)?;
        }
        self.by_id.extend(from..self.records.len());
        Ok(Some(known))
    }

    /// Notes an operation on a record as it is.
    fn old(
        &mut self,
        action: Action,
        old: &record::Entry,
        value: Option<String>,
    ) -> Result<(), Refusal> {
        let zone = self.zone.clone().ok_or_else(Refusal::internal)?;
        self.record(Operation::record(action, zone, old.name.clone(), old.rtype, value))
    }

    /// Notes what a record becomes by an update, and gives the fields that do not go on.
    ///
    /// SECURITY: what the body says of a field that the provider does not read is not believed:
    /// such a field is not among the batch's, and the record as it is has the last word (test
    /// `an_update_is_the_deletion_of_what_is_there`).
    fn becomes(
        &mut self,
        batch: &Batch,
        known: &KnownRecord,
        fields: &[(String, Json)],
    ) -> Result<Vec<String>, Refusal> {
        let zone = self.zone.clone().ok_or_else(Refusal::internal)?;
        let old = &known.entry;
        let operation = |action: Action, name: &Name, rtype: RecordType, value: Option<String>| {
            Operation::record(action, zone.clone(), name.clone(), rtype, value)
        };
        let new = Updated { file: self.file, batch, zone: &zone, fields };
        let (name, rtype) = (new.name(old)?, new.rtype(old)?);
        // SECURITY: of a type that this API's file does not write, nobody knows which fields are its
        // value, or its name (case `a-type-that-is-not-written-is-not-changed`).
        if !record::is_written(batch, rtype) {
            return Err(record::unknown_type(&rtype.to_string()));
        }
        if name.is_wildcard() {
            self.record(operation(Action::RecordWildcard, &name, rtype, None))?;
        }
        let value = new.value(known, rtype)?;
        self.record(operation(Action::RecordCreate, &name, rtype, Some(value)))?;
        let under = if batch.replaces { &[] } else { known.fields.as_slice() };
        let item = record::Overlay { over: fields, under };
        Ok(record::unread(batch, rtype, fields, &item))
    }

    /// Notes the deletion of what the path names, where no body says more.
    pub(super) fn path_record(&mut self, means: Means) -> Result<(), Refusal> {
        if let Some(id) = self.record_id.clone() {
            return self.gone(&id).map(|_| ());
        }
        let (Some(name), Some(rtype)) = (self.name.clone(), self.rtype) else {
            return Err(Refusal::internal());
        };
        let item = Item { name, rtype, means, word: None, drops: &[] };
        self.mean(&item, Vec::new(), false, true)
    }
}

/// A record that is not there, or not in this zone.
///
/// SECURITY: the same answer as for one that the key may not see (case
/// `missing-foreign-and-unreadable-ids-are-alike`).
fn not_there(id: &str) -> Refusal {
    Refusal::new(Reason::RecordNotVisible, format!("there is no record {}", quoted(id)))
}

/// What is done with an item: what, by which word, and which fields do not go on.
fn change<'a>(
    batch: &'a Batch,
    fields: &[(String, Json)],
) -> Result<(Means, Option<&'a str>, &'a [String]), Refusal> {
    if let Some(means) = batch.always {
        return Ok((means, None, &[]));
    }
    let key = batch.change.as_deref().ok_or_else(Refusal::internal)?;
    let given = match fields.at(key) {
        record::Scalar::Text(text) => text,
        record::Scalar::Absent | record::Scalar::Number(_) | record::Scalar::Other => {
            return Err(Refusal::body(format!("an rrset's `{key}` is missing or no text")));
        }
    };
    let (word, change) = batch
        .changes
        .get_key_value(given.as_ref())
        .ok_or_else(|| Refusal::body(format!("an rrset's `{key}` cannot be {}", quoted(&given))))?;
    Ok((change.means, Some(word), &change.drops))
}

/// Whether a field may be given to an update at all; used by the file's check.
#[cfg(feature = "author")]
pub(super) fn is_declared(
    batch: &Batch,
    fields: &std::collections::BTreeMap<String, super::file::Field>,
    key: &str,
) -> bool {
    let special =
        [&batch.name, &batch.rtype, &batch.id, &batch.values, &batch.removes, &batch.change];
    special.into_iter().flatten().any(|one| one == key)
        || key.split('.').next().is_some_and(|head| fields.contains_key(head))
}
