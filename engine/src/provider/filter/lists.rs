//! Lists of zones, records and search results, and the one zone or record: what of them stays.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use crate::name::Name;
use crate::operation::{Action, Operation, ResourceKind};
use crate::record_type::RecordType;

use super::super::file::{Asked, Batch, Kind, Means, ResponseForm};
use super::super::narrow::Narrowing;
use super::super::record::{self, Entry, Scalar};
use super::super::{Provider, text};
use super::fields::Fields;
use super::place::{Edits, Spot, Tree};
use super::split::each;
use super::{Filtered, May, ResponseRule};

/// What becomes of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It stays.
    Stays,
    /// It may not be read.
    LeftOut,
    /// It is not understood.
    NotUnderstood,
    /// It may be read, and is not what the request asked for.
    NotAsked,
}

/// A list in an answer, or with `keyed` an object whose values are one.
struct Members<'a> {
    /// Its JSON, checked.
    text: &'a str,
    /// Whether it is an object.
    keyed: bool,
}

impl<'a> Members<'a> {
    /// The entries and what becomes of each, which `fate` says of its text and, where it is an
    /// object, its fields; none where there is no list.
    fn judge(
        self,
        mut fate: impl FnMut(&'a str, Option<&Fields<'a>>) -> Fate,
    ) -> Option<Entries<'a>> {
        let (mut texts, mut fates) = (Vec::new(), Vec::new());
        each(self.text, self.keyed, |text, fields| {
            texts.push(text);
            fates.push(fate(text, fields));
        })?;
        Some(Entries { texts, fates })
    }
}

/// The entries of a list that were judged.
struct Entries<'a> {
    /// Each as it is in the answer.
    texts: Vec<&'a str>,
    /// What becomes of each.
    fates: Vec<Fate>,
}

impl Entries<'_> {
    /// Leaves out what does not fit a filter.
    ///
    /// SECURITY: only among the entries that stay, and after all of them were judged: what may not
    /// be read is left out, and counted nowhere, whether it fits or not (case
    /// `narrow: a hidden record that fits is none`).
    fn narrow(&mut self, narrowing: &Narrowing) -> Option<()> {
        for (text, fate) in self.texts.iter().zip(&mut self.fates) {
            if *fate == Fate::Stays && !narrowing.admits(&Fields::again(text)?) {
                *fate = Fate::NotAsked;
            }
        }
        Some(())
    }
}

/// The record of an answer that has one.
pub(super) enum Found<'a> {
    /// It may be read.
    Readable,
    /// It may not be read; where it stands.
    Hidden(&'a str),
    /// There is none.
    Nothing,
}

/// How many entries a list had, and how many are left.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cut {
    /// As the provider sent it.
    pub(super) given: u64,
    /// As the client gets it.
    pub(super) kept: u64,
}

/// An answer that is being cut.
pub(super) struct Cutting<'a, 'm> {
    /// What is known of the request.
    pub(super) rule: &'a ResponseRule,
    /// The answer's form.
    pub(super) form: &'a ResponseForm,
    /// The changes so far.
    pub(super) edits: Edits<'a>,
    /// Whether an operation is allowed.
    pub(super) may: May<'m>,
    /// What is counted and learnt.
    pub(super) filtered: Filtered,
}

impl Provider {
    /// Finds a list at a path, and cuts it with `fates`; none where it is no list.
    ///
    /// SECURITY: an absent list is an empty one only where the answer has no other place for its
    /// entries (test `an_absent_list_is_no_free_pass`).
    fn list<'a>(
        cutting: &mut Cutting<'a, '_>,
        tree: &mut Tree<'a>,
        path: &str,
        fates: impl FnOnce(&mut Cutting<'a, '_>, Members<'a>) -> Option<Entries<'a>>,
    ) -> Option<Cut> {
        let text = match tree.find(path)? {
            Spot::There(text) => text,
            Spot::Null => return Some(Cut::default()),
            Spot::Absent => {
                let others = || std::iter::once(&cutting.form.at).chain(&cutting.form.also);
                return tree.is_bare_around(path, others).then(Cut::default);
            }
        };
        let mut entries = fates(cutting, Members { text, keyed: cutting.form.keyed })?;
        if let Some(narrowing) = &cutting.rule.narrowing {
            entries.narrow(narrowing)?;
        }
        cutting.leave_out(text, &entries)
    }

    /// A list of zones, cut to those whose own settings may be read.
    pub(super) fn zones<'a>(
        &self,
        cutting: &mut Cutting<'a, '_>,
        tree: &mut Tree<'a>,
    ) -> Option<Cut> {
        Self::list(cutting, tree, &cutting.form.at, |cutting, entries| {
            entries.judge(|entry, fields| match fields {
                Some(fields) => self.zone_of_list(cutting, entry, fields),
                None => Fate::NotUnderstood,
            })
        })
    }

    /// What becomes of one zone of a list, and of what is inside.
    fn zone_of_list<'a>(
        &self,
        cutting: &mut Cutting<'a, '_>,
        entry: &'a str,
        fields: &Fields<'a>,
    ) -> Fate {
        let Some(name) = self.zone_name(cutting, fields) else { return Fate::NotUnderstood };
        if !(cutting.may)(&Operation::zone(Action::ZoneRead, name.clone())) {
            return Fate::LeftOut;
        }
        let mark = cutting.edits.mark();
        match self.inside(cutting, entry, fields, &name) {
            Some(_) => Fate::Stays,
            None => {
                cutting.edits.back_to(mark);
                Fate::NotUnderstood
            }
        }
    }

    /// The one zone of an answer, which must be the request's, its records cut.
    pub(super) fn zone<'a>(
        &self,
        cutting: &mut Cutting<'a, '_>,
        tree: &mut Tree<'a>,
    ) -> Option<Cut> {
        let (text, fields) = tree.only_object(&cutting.form.at)?;
        let name = self.zone_name(cutting, fields)?;
        if Some(&name) != cutting.rule.zone.as_ref() {
            return None;
        }
        self.inside(cutting, text, fields, &name)
    }

    /// The name of a zone, whose id is learnt.
    fn zone_name(&self, cutting: &mut Cutting<'_, '_>, fields: &Fields<'_>) -> Option<Name> {
        let written = written(fields, cutting.form.zone.as_ref()?)?;
        let name = text::name(&self.file, None, &written).ok()?;
        let id = cutting.form.zone_id.as_ref().and_then(|key| fields.scalar(key).text());
        if let Some(id) = id.filter(|id| self.is_zone_id(id)) {
            cutting.filtered.learnt.push((id, name.clone()));
        }
        Some(name)
    }

    /// Whether a text has the form of this API's zone ids.
    fn is_zone_id(&self, id: &str) -> bool {
        let parameters = self.file.parameter.values();
        let mut of_zones = parameters.filter(|known| matches!(known.is, Kind::Zone | Kind::ZoneId));
        of_zones.any(|known| known.id.is_some_and(|form| text::is_id(form, id)))
    }

    /// Cuts what is inside a zone that may be read: its records, and the fields to be hidden.
    fn inside<'a>(
        &self,
        cutting: &mut Cutting<'a, '_>,
        text: &'a str,
        fields: &Fields<'a>,
        zone: &Name,
    ) -> Option<Cut> {
        cutting.hide(text, fields, Some(zone))?;
        let (Some(key), Some(batch)) = (&cutting.form.rrsets, &cutting.form.batch) else {
            return Some(Cut::default());
        };
        let batch = self.file.batch.get(batch)?;
        let list = match fields.find(key)? {
            Spot::There(list) => list,
            Spot::Null | Spot::Absent => return Some(Cut::default()),
        };
        let members = Members { text: list, keyed: cutting.form.rrsets_keyed };
        let entries = self.fates(cutting, batch, zone, None, members)?;
        cutting.leave_out(list, &entries)
    }

    /// A list of records or rrsets of the request's zone, cut to the readable ones.
    pub(super) fn records<'a>(
        &self,
        cutting: &mut Cutting<'a, '_>,
        tree: &mut Tree<'a>,
    ) -> Option<Cut> {
        let rule = cutting.rule;
        let zone = rule.zone.as_ref()?;
        let batch = self.file.batch.get(cutting.form.batch.as_ref()?)?;
        let form = cutting.form;
        let mut sum = Cut::default();
        for path in std::iter::once(&form.at).chain(&form.also) {
            let cut = Self::list(cutting, tree, path, |cutting, entries| {
                self.fates(cutting, batch, zone, rule.asked(), entries)
            })?;
            sum.given += cut.given;
            sum.kept += cut.kept;
        }
        Some(sum)
    }

    /// The one record in an answer; none where it is not understood.
    pub(super) fn record<'a>(
        &self,
        cutting: &mut Cutting<'a, '_>,
        tree: &mut Tree<'a>,
    ) -> Option<Found<'a>> {
        let text = match tree.only(&cutting.form.at)? {
            Spot::There(text) => text,
            Spot::Null | Spot::Absent => return Some(Found::Nothing),
        };
        let rule = cutting.rule;
        let zone = rule.zone.as_ref()?;
        let batch = self.file.batch.get(cutting.form.batch.as_ref()?)?;
        let fields = Fields::again(text)?;
        let entry = self.entry(cutting.form, batch, zone, rule.asked(), &fields)?;
        let may_be_read = readable(zone, entry, &mut *cutting.may);
        Some(if may_be_read { Found::Readable } else { Found::Hidden(text) })
    }

    /// Reads a record or rrset, which must be one of the zone.
    fn entry(
        &self,
        form: &ResponseForm,
        batch: &Batch,
        zone: &Name,
        asked: Option<(&Name, RecordType)>,
        fields: &Fields<'_>,
    ) -> Option<Entry> {
        // In a list of records, the field with a zone's name is one of each record.
        if let (Some(key), None) = (&form.zone, &form.rrsets) {
            let named = text::name(&self.file, None, &written(fields, key)?).ok()?;
            if named != *zone {
                return None;
            }
        }
        record::meaning(&self.file, batch, zone, asked, fields)
    }

    /// What becomes of records or rrsets.
    ///
    /// SECURITY: where a write replaces a whole rrset, records of one name and type stay or go
    /// together, so that a client which writes back what it read destroys nothing that it did not
    /// see (test `records_of_an_rrset_stay_or_go_together`).
    fn fates<'a>(
        &self,
        cutting: &mut Cutting<'_, '_>,
        batch: &Batch,
        zone: &Name,
        asked: Option<(&Name, RecordType)>,
        members: Members<'a>,
    ) -> Option<Entries<'a>> {
        let together = batch.values.is_none() && self.replaces_rrsets();
        let mut broken = HashSet::new();
        let mut rrsets = Vec::new();
        let mut entries = members.judge(|_, fields| {
            let entry =
                fields.and_then(|fields| self.entry(cutting.form, batch, zone, asked, fields));
            let mut rrset = None;
            if together {
                rrset = match &entry {
                    Some(entry) => Some((entry.name.clone(), entry.rtype)),
                    None => fields.and_then(|fields| self.rrset(batch, zone, asked, fields)),
                };
            }
            let fate = match entry.map(|entry| readable(zone, entry, &mut *cutting.may)) {
                Some(true) => Fate::Stays,
                Some(false) => Fate::LeftOut,
                None => Fate::NotUnderstood,
            };
            if together {
                if fate != Fate::Stays {
                    broken.extend(rrset.take());
                }
                rrsets.push(rrset);
            }
            fate
        })?;
        for (fate, rrset) in entries.fates.iter_mut().zip(rrsets) {
            if rrset.is_some_and(|rrset| broken.contains(&rrset)) {
                *fate = Fate::LeftOut;
            }
        }
        Some(entries)
    }

    /// The name and type of a record whose value is not understood.
    fn rrset(
        &self,
        batch: &Batch,
        zone: &Name,
        asked: Option<(&Name, RecordType)>,
        fields: &Fields<'_>,
    ) -> Option<(Name, RecordType)> {
        let path = (asked.map(|(name, _)| name), asked.map(|(_, rtype)| rtype));
        let name = record::owner(&self.file, batch, zone, path, fields).ok()?;
        let rtype = record::rtype(&self.file, batch, asked.map(|(_, rtype)| rtype), fields).ok()?;
        Some((name, rtype))
    }

    /// Whether some write of this API replaces all records of a name and type.
    fn replaces_rrsets(&self) -> bool {
        let replaces = |means: Means| means == Means::Replace;
        self.routes
            .iter()
            .any(|route| route.form.whole.is_some() || route.form.means.is_some_and(replaces))
            || self.file.batch.values().any(|batch| {
                let mut words = batch.changes.values();
                batch.always.is_some_and(replaces) || words.any(|change| replaces(change.means))
            })
    }

    /// A list of zones, records and comments, cut to the readable ones.
    pub(super) fn search<'a>(
        &self,
        cutting: &mut Cutting<'a, '_>,
        tree: &mut Tree<'a>,
    ) -> Option<Cut> {
        Self::list(cutting, tree, &cutting.form.at, |cutting, entries| {
            entries.judge(|_, fields| {
                match fields.and_then(|fields| self.found(cutting.form, fields)) {
                    Some(operation) if (cutting.may)(&operation) => Fate::Stays,
                    Some(_) => Fate::LeftOut,
                    None => Fate::NotUnderstood,
                }
            })
        })
    }

    /// What must be allowed for one search result to be seen.
    fn found(&self, form: &ResponseForm, fields: &Fields<'_>) -> Option<Operation> {
        let file = &self.file;
        let text = |key: &Option<String>| written(fields, key.as_ref()?);
        let name = text::name(file, None, &text(&form.name)?).ok()?;
        let value = match text(&form.kind)?.as_ref() {
            "zone" => return Some(Operation::zone(Action::ZoneRead, name)),
            "record" => Some(text(&form.value)?.into_owned()),
            "comment" => None,
            _ => return None,
        };
        let zone = text::name(file, None, &text(&form.zone)?).ok()?;
        let rtype = text::rtype_of(file, &text(&form.rtype)?).ok()?;
        name.is_below_or_equal(&zone)
            .then(|| Operation::record(Action::RecordRead, zone, name, rtype, value))
    }
}

impl<'a> Cutting<'a, '_> {
    /// Leaves out the entries that do not stay, and counts them.
    fn leave_out(&mut self, around: &str, entries: &Entries<'_>) -> Option<Cut> {
        let Entries { texts, fates } = entries;
        let mut kept = 0;
        for fate in fates {
            match fate {
                Fate::Stays => kept += 1,
                Fate::LeftOut => self.filtered.left_out += 1,
                Fate::NotUnderstood => self.filtered.not_understood += 1,
                Fate::NotAsked => {}
            }
        }
        self.edits.cut(around, texts, |at| fates.get(at) == Some(&Fate::Stays))?;
        Some(Cut { given: u64::try_from(texts.len()).ok()?, kept })
    }

    /// Leaves nothing of the one record of an answer, which stays as it is around it.
    pub(super) fn leave_empty(&mut self, record: &str) -> Option<Cut> {
        self.filtered.left_out += 1;
        let nothing = if self.form.at.is_empty() { "{}" } else { "null" };
        self.edits.replace(record, nothing.to_owned())?;
        Some(Cut::default())
    }

    /// Leaves out those fields of a zone or object that may not be read.
    pub(super) fn hide(
        &mut self,
        text: &'a str,
        fields: &Fields<'a>,
        zone: Option<&Name>,
    ) -> Option<()> {
        if self.form.hide.is_empty() {
            return Some(());
        }
        let mut hidden: BTreeSet<&str> = BTreeSet::new();
        for (key, Asked(action)) in &self.form.hide {
            if fields.raw(key).is_none() {
                continue;
            }
            let operation = match (action.kind(), zone) {
                (ResourceKind::Zone, Some(zone)) if is_of_metadata(*action) => {
                    Operation::metadata(*action, zone.clone(), key)
                }
                (ResourceKind::Zone, Some(zone)) => Operation::zone(*action, zone.clone()),
                (ResourceKind::Account, _) => Operation::account(*action),
                (ResourceKind::Zone | ResourceKind::Record, _) => return None,
            };
            if !(self.may)(&operation) {
                hidden.insert(key);
                self.filtered.left_out += 1;
            }
        }
        let (keys, values): (Vec<&str>, Vec<&str>) = fields.iter().unzip();
        self.edits.cut(text, &values, |at| keys.get(at).is_some_and(|key| !hidden.contains(key)))
    }

    /// The object of an answer without what may not be read.
    pub(super) fn object(&mut self, tree: &mut Tree<'a>) -> Option<()> {
        let (text, fields) = tree.only_object(&self.form.at)?;
        self.hide(text, fields, self.rule.zone.as_ref())
    }

    /// The objects of a list without what may not be read; one that is none is left out.
    pub(super) fn objects(&mut self, tree: &mut Tree<'a>) -> Option<Cut> {
        Provider::list(self, tree, &self.form.at, |cutting, entries| {
            let zone = cutting.rule.zone.as_ref();
            let mut hidden = Some(());
            let judged = entries.judge(|text, fields| {
                let Some(fields) = fields else { return Fate::NotUnderstood };
                hidden = hidden.and_then(|()| cutting.hide(text, fields, zone));
                Fate::Stays
            });
            hidden.and(judged)
        })
    }
}

/// Whether every value of an rrset may be read; an rrset without values is asked for as such.
fn readable(zone: &Name, entry: Entry, may: May<'_>) -> bool {
    let Entry { name, rtype, values, .. } = entry;
    let read = |value: Option<String>| {
        Operation::record(Action::RecordRead, zone.clone(), name.clone(), rtype, value)
    };
    if values.is_empty() {
        return may(&read(None));
    }
    values.into_iter().all(|value| may(&read(Some(value))))
}

/// Whether an action is about metadata of a kind, which is then the field's name.
fn is_of_metadata(action: Action) -> bool {
    action == Action::MetadataRead || action == Action::MetadataWrite
}

/// The text at a path of an entry; a number is none.
fn written<'a>(fields: &Fields<'a>, path: &str) -> Option<Cow<'a, str>> {
    match fields.scalar(path) {
        Scalar::Text(text) => Some(text),
        Scalar::Absent | Scalar::Number(_) | Scalar::Other => None,
    }
}
