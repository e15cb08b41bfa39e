//! What a provider file says about lookups: paths that can be filled in, answers that tell enough.

use super::super::file::{LookupForm, Shape};
use super::Check;

/// What every path may have; the parameters of routes besides.
const MARKS: [&str; 6] = ["zone_id", "zone", "record_id", "name", "type", "page"];

impl Check<'_> {
    /// Lookups have answers of the right shape and paths of known placeholders.
    pub(super) fn lookups(&mut self) {
        let lookup = &self.file.lookup;
        let all: [(_, _, &[Shape], &[&str]); 6] = [
            ("lookup.zone", &lookup.zone, &[Shape::Zone, Shape::Zones], &[]),
            ("lookup.record", &lookup.record, &[Shape::Record, Shape::Records], &["record_id"]),
            ("lookup.records", &lookup.records, &[Shape::Records, Shape::Zone], &[]),
            ("lookup.values", &lookup.values, &[Shape::Records, Shape::Zone, Shape::Record], &[]),
            ("lookup.owner", &lookup.owner, &[Shape::Zones], &["name"]),
            ("lookup.enclosing", &lookup.enclosing, &[Shape::Zones, Shape::Zone], &[]),
        ];
        for (table, form, shapes, needs) in all {
            let Some(form) = form else { continue };
            self.refer(table, "source", &form.source);
            self.refer(table, "response", &form.response);
            let response = self.file.response.get(&form.response);
            if response.is_some_and(|response| !shapes.contains(&response.shape)) {
                self.problem(table, "`response` has another shape than this lookup reads");
            }
            let ids = response.is_none_or(|response| match table {
                "lookup.zone" => response.zone_id.is_some(),
                "lookup.record" => response
                    .batch
                    .as_ref()
                    .and_then(|batch| self.file.batch.get(batch))
                    .is_some_and(|batch| batch.id.is_some()),
                "lookup.records" | "lookup.values" => response.batch.is_some(),
                _ => true,
            });
            if !ids {
                self.problem(table, "`response` does not say which ids or records it has");
            }
            if form.keep_s > 0 && table != "lookup.zone" {
                self.problem(table, "only the names of zones may be kept");
            }
            self.marks(table, form, needs);
            // One zone is asked for by its name; a list may be all zones.
            let one = response.is_some_and(|response| response.shape == Shape::Zone);
            if table == "lookup.enclosing" && one && !form.path.contains("{zone}") {
                self.problem(table, "`path` needs `{zone}`, because the answer is one zone");
            }
        }
    }

    /// A path has the placeholders that it needs and none that nobody knows.
    fn marks(&mut self, table: &str, form: &LookupForm, needs: &[&str]) {
        let marks: Vec<&str> = form
            .path
            .split('{')
            .skip(1)
            .map(|rest| rest.split_once('}').map_or("", |(mark, _)| mark))
            .collect();
        for mark in &marks {
            if !MARKS.contains(mark) && !self.file.parameter.contains_key(*mark) {
                self.problem(table, format!("`path` has `{{{mark}}}`, which nobody knows"));
            }
        }
        for need in needs.iter().filter(|need| !marks.contains(need)) {
            self.problem(table, format!("`path` needs `{{{need}}}`"));
        }
        if !form.path.starts_with('/') {
            self.problem(table, "`path` begins with a slash");
        }
        for parameter in form.same.values() {
            if !self.file.parameter.contains_key(parameter) {
                self.problem(table, format!("there is no parameter `{parameter}`"));
            }
        }
    }
}
