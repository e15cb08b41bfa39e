//! Lists of rrsets: from items to deletions and creations.
//!
//! A batch is all or nothing, and nothing in it means nothing: every item is at least one
//! operation on its name and type, also where it lists no value.

use std::collections::HashSet;

use crate::decision::Reason;
use crate::json::Json;
use crate::name::Name;
use crate::operation::{Action, Operation};
use crate::record_type::RecordType;

use super::body::{Reading, missing};
use super::file::{Batch, Means};
use super::refusal::{Refusal, quoted};
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

impl<'a> Reading<'a> {
    /// Reads a list of rrsets and gives it as it goes on.
    pub(super) fn batch(&mut self, name: &str, items: Json) -> Result<Json, Refusal> {
        let batch = self.file.batch.get(name).ok_or_else(Refusal::internal)?;
        let Json::Array(items) = items else {
            return Err(Refusal::body("the list of rrsets is not a list"));
        };
        if items.is_empty() {
            self.ask(&batch.when_empty);
        }
        let mut seen = HashSet::new();
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            let Json::Object(fields) = item else {
                return Err(Refusal::body("an rrset is not an object"));
            };
            let item = self.item(batch, &fields)?;
            // SECURITY: a second item with the same name and type, in whatever spelling, would
            // undo the first after it was judged (test `the_same_rrset_twice_is_refused_in_any_spelling`).
            if !seen.insert((item.name.clone(), item.rtype)) {
                return Err(Refusal::body(format!(
                    "the rrset {} {} stands in the request twice",
                    item.name, item.rtype
                )));
            }
            out.push(self.rrset(batch, &item, fields)?);
        }
        Ok(Json::Array(out))
    }

    /// Reads an item's name, type and change.
    fn item(&self, batch: &'a Batch, fields: &[(String, Json)]) -> Result<Item<'a>, Refusal> {
        let field = |key: &str| fields.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        let text = |key: &str| {
            field(key)
                .and_then(Json::as_text)
                .ok_or_else(|| Refusal::body(format!("an rrset's `{key}` is missing or no text")))
        };
        let zone = self.zone.as_ref().ok_or_else(Refusal::internal)?;
        let name = record::owner(self.file, batch, zone, None, fields)?;
        let rtype = record::rtype(self.file, batch, None, fields)?;
        if let Some(means) = batch.always {
            return Ok(Item { name, rtype, means, word: None, drops: &[] });
        }
        let key = batch.change.as_deref().ok_or_else(Refusal::internal)?;
        let given = text(key)?;
        let (word, change) = batch.changes.get_key_value(given).ok_or_else(|| {
            Refusal::body(format!("an rrset's `{key}` cannot be {}", quoted(given)))
        })?;
        Ok(Item { name, rtype, means: change.means, word: Some(word), drops: &change.drops })
    }

    /// Reads the rest of an item, notes what it means, and gives it as it goes on.
    fn rrset(
        &mut self,
        batch: &'a Batch,
        item: &Item<'_>,
        fields: Vec<(String, Json)>,
    ) -> Result<Json, Refusal> {
        let declared = &self.file.object.get(&batch.item).ok_or_else(Refusal::internal)?.field;
        missing(declared, &fields)?;
        let mut out = Vec::with_capacity(fields.len());
        let (mut values, mut notes) = (Vec::new(), false);
        for (key, given) in fields {
            if item.drops.contains(&key) {
                continue;
            }
            if Some(&key) == batch.name.as_ref() {
                out.push((key, Json::Text(text::write_name(self.file, None, &item.name))));
            } else if Some(&key) == batch.rtype.as_ref() {
                out.push((key, Json::Text(item.rtype.to_string())));
            } else if batch.change.as_ref() == Some(&key) {
                out.extend(item.word.map(|word| (key, Json::Text(word.to_owned()))));
            } else if Some(&key) == batch.values.as_ref() {
                if let Some(list) = self.values(batch, given, &mut values)? {
                    out.push((key, list));
                }
            } else {
                notes |= batch.notes.as_ref() == Some(&key)
                    && given.as_array().is_some_and(|list| !list.is_empty());
                out.extend(self.field(declared, key, given)?);
            }
        }
        self.mean(item, values, notes)?;
        Ok(Json::Object(out))
    }

    /// Reads a list of values and gives it as it goes on; `null` is no list.
    fn values(
        &mut self,
        batch: &Batch,
        given: Json,
        values: &mut Vec<String>,
    ) -> Result<Option<Json>, Refusal> {
        let items = match given {
            Json::Null => return Ok(None),
            Json::Array(items) => items,
            Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => {
                return Err(Refusal::body("an rrset's values are not a list"));
            }
        };
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            // Checked here already, so that a long list is not kept before it is refused.
            if self.records.len() + values.len() >= self.operations_max {
                return Err(Refusal::new(
                    Reason::TooManyOperations,
                    format!("the request means more than {} operations", self.operations_max),
                ));
            }
            let (text, written) = self.element(batch, item)?;
            value::check(&text)?;
            values.push(text);
            out.push(written);
        }
        Ok(Some(Json::Array(out)))
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

    /// Notes the operations that an item means: never none.
    ///
    /// SECURITY: a replacement is also the deletion of everything it does not list, an rrset
    /// without values is an operation, and a wildcard is asked for by itself
    /// (tests `comments_alone_are_an_operation`, `a_wildcard_is_asked_for_by_itself`).
    fn mean(&mut self, item: &Item<'_>, values: Vec<String>, notes: bool) -> Result<(), Refusal> {
        let zone = self.zone.clone().ok_or_else(Refusal::internal)?;
        let operation = |action: Action, value: Option<String>| {
            Operation::record(action, zone.clone(), item.name.clone(), item.rtype, value)
        };
        if item.name.is_wildcard() {
            self.record(operation(Action::RecordWildcard, None))?;
        }
        let (unseen, action, valueless) = match item.means {
            Means::Create | Means::Extend => (false, Action::RecordCreate, true),
            Means::Replace => (true, Action::RecordCreate, notes),
            Means::Delete => (true, Action::RecordDelete, false),
            Means::Prune => (values.is_empty(), Action::RecordDelete, false),
            Means::Update | Means::Touch => return Err(Refusal::internal()),
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
}
