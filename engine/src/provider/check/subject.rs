//! What a provider file says about routes: each names what it is about, and reads it in one way.

use super::super::file::{Field, Kind, Object, RouteForm, Use};
use super::super::route::{Pattern, Segment};
use super::Check;
use crate::operation::{Action, ResourceKind};

impl Check<'_> {
    /// A route's parameters are there, and it names a zone if it asks for something on one.
    pub(super) fn subject(&mut self, table: &str, form: &RouteForm, pattern: &Pattern) {
        let mut kinds = Vec::new();
        for segment in &pattern.segments {
            if let Segment::Parameter(name) = segment {
                self.refer(table, "parameter", name);
                kinds.extend(self.file.parameter.get(name).map(|parameter| parameter.is));
            }
        }
        let is_zone = |kind: &&Kind| matches!(kind, Kind::Zone | Kind::ZoneId);
        let in_path = kinds.iter().filter(is_zone).count();
        let body = form.body.as_ref().and_then(|body| self.file.object.get(body));
        let fields = body.iter().flat_map(|object| object.field.values());
        let mut on_zone = form.enclosing || form.ask.iter().any(|asked| is_on_zone(asked.0));
        on_zone |= body.is_some_and(|object| self.has_lists(object));
        for field in fields {
            // A zone or kind that a body may leave out would leave the request without one.
            let fixed = field.required || !field.ask.is_empty();
            kinds.extend(field.is.iter().copied().filter(|_| field.usage == Use::Used && fixed));
            on_zone |= field.is.contains(&Kind::Batch) || field.record.is_some();
            on_zone |= field.ask.iter().any(|asked| is_on_zone(asked.0));
        }
        let records = form.item.is_some()
            || form.items.is_some()
            || form.means.is_some()
            || form.whole.is_some()
            || form.addresses.is_some();
        on_zone |= records;
        let count = |wanted: &[Kind]| kinds.iter().filter(|kind| wanted.contains(kind)).count();
        // A body may say once more which zone the path is about: it must be the same.
        let in_body = kinds.iter().filter(is_zone).count() - in_path;
        // A name in the query names its zone as well.
        let in_target = in_path + usize::from(form.addresses.is_some());
        if in_target > 1 || in_body > 1 || (on_zone && in_target + in_body == 0) {
            self.problem(table, format!("`{}` does not name exactly one zone", form.id));
        }
        if count(&[Kind::OtherZone]) > 1 {
            self.problem(table, format!("`{}` names more than one other zone", form.id));
        }
        let metadata = count(&[Kind::Metadata]);
        if metadata > 1 || (!form.metadata.is_empty() && metadata == 0) {
            let message = format!("`{}` does not name exactly one kind of metadata", form.id);
            self.problem(table, message);
        }
        if form.ask.is_empty() && !body.is_some_and(has_batch) && !records && form.login.is_none() {
            self.problem(table, format!("`{}` asks for nothing", form.id));
        }
        self.bodies(table, form);
        self.addresses(table, form);
        self.path_record(table, form, &kinds);
    }

    /// A body is read in one way.
    fn bodies(&mut self, table: &str, form: &RouteForm) {
        let ways = [
            form.body.is_some(),
            form.item.is_some() || form.items.is_some(),
            form.opaque.is_some(),
            form.login.is_some(),
        ];
        if ways.iter().filter(|way| **way).count() > 1 {
            self.problem(table, format!("`{}` reads its body in more than one way", form.id));
        }
        let imports = form.ask.iter().any(|asked| asked.0 == Action::ZoneImport);
        if form.opaque.is_some() && !imports {
            self.problem(
                table,
                format!("`{}` forwards what nobody read: ask zone.import", form.id),
            );
        }
        if form.enclosing && self.file.lookup.enclosing.is_none() {
            self.problem(table, format!("`{}` checks what only lookup.enclosing tells", form.id));
        }
        if form.whole.is_some() && self.file.lookup.records.is_none() {
            self.problem(table, format!("`{}` replaces what only lookup.records tells", form.id));
        }
    }

    /// Addresses in a query are those of a name that must be there, in parameters that are read.
    fn addresses(&mut self, table: &str, form: &RouteForm) {
        let Some(addresses) = &form.addresses else { return };
        let id = &form.id;
        let field = form.query.get(&addresses.name);
        if !field.is_some_and(|field| field.required && !field.repeat && field.is == [Kind::Name]) {
            self.problem(table, format!("`{id}` needs a name in `{}`", addresses.name));
        }
        let types = addresses.values.keys().map(String::as_str);
        if !types.eq(["A", "AAAA"]) {
            self.problem(table, format!("`{id}` says what becomes of A and of AAAA"));
        }
        let mut keys: Vec<&String> = addresses.values.values().flatten().collect();
        let is_read = |key: &&&String| {
            let text = |field: &Field| field.is == [Kind::Text] && !field.repeat;
            form.query.get(**key).is_some_and(text)
        };
        let unread = keys.iter().find(|key| !is_read(key)).map(|key| (*key).clone());
        if let Some(key) = unread {
            self.problem(table, format!("`{id}` does not read `{key}` as one text"));
        }
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        if keys.len() < all || keys.contains(&&addresses.name) {
            self.problem(table, format!("`{id}` reads a parameter in two ways"));
        }
        if self.file.lookup.owner.is_none() {
            self.problem(table, format!("`{id}` needs lookup.owner"));
        }
    }

    /// The record that a path names can be known.
    fn path_record(&mut self, table: &str, form: &RouteForm, kinds: &[Kind]) {
        let has = |kind: Kind| kinds.contains(&kind);
        let named = (has(Kind::RecordName) || form.apex) && has(Kind::RecordType);
        if form.means.is_some() && !has(Kind::RecordId) && !named {
            self.problem(table, format!("`{}` does not name the record it is about", form.id));
        }
        if form.apex && has(Kind::RecordName) {
            self.problem(table, format!("`{}` has a name, so it is not about the apex", form.id));
        }
        let lookup = &self.file.lookup;
        let known = lookup.record.is_some() || lookup.records.is_some();
        let changes = form.means.is_some() || form.item.is_some();
        if has(Kind::RecordId) && changes && !known {
            self.problem(table, format!("`{}` needs lookup.record or lookup.records", form.id));
        }
    }
}

/// Whether an object has a list of rrsets that it cannot be without.
fn has_batch(object: &Object) -> bool {
    object.field.values().any(|field| field.required && field.is.contains(&Kind::Batch))
}

/// Whether an action is decided on a zone.
fn is_on_zone(action: Action) -> bool {
    action.kind() == ResourceKind::Zone
}
