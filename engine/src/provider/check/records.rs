//! What a provider file says about records: their types, batches, and how values are put together.

use super::super::batch::is_declared;
use super::super::file::{Batch, Kind, Means, NamesForm, Object};
use super::super::record;
use super::{Check, is_plain};
use crate::record_type::RecordType;

/// The private numbers that stand for what is no DNS type.
const PRIVATE: std::ops::RangeInclusive<u16> = 65_280..=65_400;

impl Check<'_> {
    /// Words for types stand for types; what is no DNS type, for a private one.
    pub(super) fn types(&mut self) {
        for (word, mnemonic) in &self.file.types {
            let known = RecordType::parse(mnemonic);
            let fits = known
                .is_ok_and(|rtype| rtype.mnemonic().is_some() || PRIVATE.contains(&rtype.number()));
            if !fits {
                let message = format!(
                    "`{word}` is neither a type with a mnemonic nor TYPE65280 to TYPE65400"
                );
                self.problem("types", message);
            }
        }
    }

    /// Batches name their fields and objects, and their words are complete.
    pub(super) fn batches(&mut self) {
        for (name, batch) in &self.file.batch {
            let table = format!("batch.{name}");
            self.refer(&table, "source", &batch.source);
            self.refer(&table, "object", &batch.item);
            self.asks(&table, &batch.when_empty);
            self.values(&table, batch);
            let inner = [Some(&batch.item), batch.element.as_ref()];
            for of in inner.into_iter().flatten() {
                let object = self.file.object.get(of);
                if object.is_some_and(|object| !is_plain(object) || self.has_lists(object)) {
                    self.problem(&table, format!("`{of}` has fields that cannot stand in a list"));
                }
            }
            if let Some(element) = &batch.element {
                self.refer(&table, "object", element);
            }
            if batch.element.is_some() != batch.value.is_some() {
                self.problem(&table, "`element` and `value` belong together");
            }
            self.changes(&table, batch);
            self.exchange(&table, batch);
        }
    }

    /// Whether an object inside this one has lists of records.
    pub(super) fn has_lists(&self, object: &Object) -> bool {
        let objects =
            object.field.values().filter_map(|field| self.file.object.get(field.of.as_ref()?));
        objects.flat_map(|inner| inner.field.values()).any(|field| field.is.contains(&Kind::Batch))
    }

    /// A second list, of values that go, stands beside one of values that come.
    fn exchange(&mut self, table: &str, batch: &Batch) {
        let extends = batch.always == Some(Means::Extend) && batch.values.is_some();
        if batch.removes.is_some() && (!extends || batch.removes == batch.values) {
            self.problem(table, "`removes` stands beside `values`, which extend");
        }
        if batch.removes.is_none() && !batch.single.is_empty() {
            self.problem(table, "`single` stands beside `removes`");
        }
        for rtype in &batch.single {
            if !RecordType::parse(rtype).is_ok_and(|one| one.to_string() == *rtype) {
                self.problem(table, format!("`{rtype}` is no record type as policies write it"));
            }
        }
    }

    /// A batch always does one thing, or has words for what it does.
    fn changes(&mut self, table: &str, batch: &Batch) {
        let words = batch.change.is_some() && !batch.changes.is_empty();
        if batch.always.is_some() != batch.changes.is_empty() || (batch.always.is_none() && !words)
        {
            self.problem(table, "give either `always`, or `change` and `changes`");
        }
        for (word, change) in &batch.changes {
            let kept = batch.values.iter().find(|values| !change.drops.contains(*values));
            if let (Means::Delete, Some(values)) = (change.means, kept) {
                self.problem(table, format!("`{word}` deletes, so it drops `{values}`"));
            }
        }
    }

    /// Values are a list of an rrset, or put together from the fields of a record.
    fn values(&mut self, table: &str, batch: &Batch) {
        if batch.values.is_some() && !batch.flat.is_empty() {
            self.problem(table, "`values` are of an rrset and `flat` of a record: give one");
        }
        let valued = batch.values.is_some() || !batch.flat.is_empty();
        let only_goes = matches!(batch.always, Some(Means::Delete | Means::Touch));
        if !valued && !only_goes {
            self.problem(table, "it needs `values` or `flat`");
        }
        if batch.id.is_none() && batch.id_form.is_some() {
            self.problem(table, "`id_form` is about `id`");
        }
        if batch.always == Some(Means::Update) && batch.values.is_some() {
            self.problem(table, "an update by id is one of a single record");
        }
        if batch.names.form == NamesForm::Absolute && !batch.names.apex.is_empty() {
            self.problem(table, "absolute names have no `apex`");
        }
        let owners = batch.owner.iter().map(|(rtype, template)| (rtype, vec![template]));
        let values = batch.flat.iter().map(|(rtype, all)| (rtype, all.iter().collect()));
        for (rtype, templates) in owners.chain(values) {
            if rtype != "*" && RecordType::parse(rtype).is_ok_and(|one| one.to_string() == *rtype) {
            } else if rtype != "*" {
                self.problem(table, format!("`{rtype}` is no record type as policies write it"));
            }
            if templates.is_empty() {
                self.problem(table, format!("`{rtype}` has no template"));
            }
            for template in templates {
                self.template(table, batch, template);
            }
        }
    }

    /// A template has fields that are there.
    fn template(&mut self, table: &str, batch: &Batch, template: &str) {
        let declared = self.file.object.get(&batch.item).map(|object| &object.field);
        let braces = template.matches('{').count();
        if braces == 0 || braces != template.matches('}').count() {
            self.problem(table, format!("`{template}` is no template such as `{{content}}`"));
        }
        for (path, _) in record::marks(template) {
            if !declared.is_some_and(|fields| is_declared(batch, fields, path)) {
                self.problem(table, format!("the field `{path}` of a template is not declared"));
            }
        }
    }
}
