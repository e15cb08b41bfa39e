//! Updates: what a record becomes, from what is given and from the record as it is.

use crate::json::Json;
use crate::name::Name;
use crate::record_type::RecordType;

use super::file::{Batch, File};
use super::known::KnownRecord;
use super::record::Object as _;
use super::refusal::Refusal;
use super::{record, value};

/// What a record becomes by an update.
pub(super) struct Updated<'a> {
    /// The provider's file.
    pub(super) file: &'a File,
    /// How the update is written.
    pub(super) batch: &'a Batch,
    /// The zone.
    pub(super) zone: &'a Name,
    /// What is given.
    pub(super) fields: &'a [(String, Json)],
}

impl Updated<'_> {
    /// Whether a field is given.
    fn gives(&self, key: Option<&String>) -> bool {
        key.is_some_and(|key| self.fields.at(key) != record::Scalar::Absent)
    }

    /// The name that it will have.
    pub(super) fn name(&self, old: &record::Entry) -> Result<Name, Refusal> {
        let renames = self.gives(self.batch.name.as_ref())
            || self.batch.owner_fields().any(|field| self.gives(Some(&field)));
        if !renames {
            return Ok(old.name.clone());
        }
        // A name of several parts is given as a whole, or not at all.
        let path = (None, Some(old.rtype));
        record::owner(self.file, self.batch, self.zone, path, self.fields)
    }

    /// The type that it will have.
    pub(super) fn rtype(&self, old: &record::Entry) -> Result<RecordType, Refusal> {
        if !self.gives(self.batch.rtype.as_ref()) {
            return Ok(old.rtype);
        }
        let fixed = self.batch.type_fixed.then_some(old.rtype);
        record::rtype(self.file, self.batch, fixed, self.fields)
    }

    /// The value that it will have.
    pub(super) fn value(&self, known: &KnownRecord, rtype: RecordType) -> Result<String, Refusal> {
        let touched = record::touches_value(self.batch, rtype, self.fields);
        if !touched && rtype != known.entry.rtype {
            return Err(Refusal::body("another type comes with a value of its own"));
        }
        // SECURITY: where an update replaces the whole record, a value that it does not give is gone
        // and not the old one (case `a-replacement-gives-its-value`).
        let stays = !touched && !self.batch.replaces;
        if stays && let [value] = known.entry.values.as_slice() {
            return Ok(value.clone());
        }
        let under = if self.batch.replaces { &[] } else { known.fields.as_slice() };
        let item = record::Overlay { over: self.fields, under };
        let value = record::flat(self.batch, rtype, self.fields, &item)?;
        value::check_of(self.batch, rtype, &value)?;
        Ok(value::present(self.batch, rtype, value))
    }
}

impl Batch {
    /// The fields, besides the name's, that names are made of.
    fn owner_fields(&self) -> impl Iterator<Item = String> {
        let all: Vec<String> = self
            .owner
            .values()
            .flat_map(|template| record::marks(template).map(|(path, _)| path.to_owned()))
            .collect();
        all.into_iter()
    }
}
