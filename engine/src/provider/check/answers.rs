//! What a provider file says about answers: each shape has what it needs, every path can be read.

use super::super::error;
use super::super::file::{ResponseForm, Shape};
use super::Check;

/// The placeholders of an error's template.
const ERROR_MARKS: [&str; 3] = ["{sentence}", "{code}", "{request_id}"];

impl Check<'_> {
    /// Answers have what their shape needs.
    pub(super) fn responses(&mut self) {
        for (name, form) in &self.file.response {
            let table = format!("response.{name}");
            self.refer(&table, "source", &form.source);
            if form.statuses.is_empty() || form.statuses.iter().any(|s| !(200..300).contains(s)) {
                self.problem(&table, "`statuses` lists statuses of success");
            }
            if let Some(batch) = &form.batch {
                self.refer(&table, "batch", batch);
            }
            if let Some(paging) = &form.paging {
                self.refer(&table, "paging", paging);
            }
            if !is_complete(form) {
                self.problem(&table, "it does not have exactly the keys of its `shape`");
            }
        }
    }

    /// The error template is JSON with all placeholders.
    pub(super) fn error(&mut self) {
        let form = &self.file.error;
        self.refer("error", "source", &form.source);
        let filled = error::fill(&form.body, "a \"b\"", "c", "d");
        if serde_json::from_str::<serde_json::Value>(&filled).is_err() {
            self.problem("error", "`body` is not JSON once its placeholders are filled in");
        }
        if ERROR_MARKS.iter().any(|mark| !form.body.contains(mark)) {
            self.problem("error", format!("`body` needs {}", ERROR_MARKS.join(", ")));
        }
        if form.harmless.iter().any(|rule| !(400..500).contains(&rule.status)) {
            self.problem("error", "only a status of 400 to 499 can be harmless");
        }
    }
}

/// Whether an answer has exactly what its shape needs.
fn is_complete(form: &ResponseForm) -> bool {
    let has = [
        !form.content_types.is_empty(),
        form.zone.is_some(),
        form.rrsets.is_some() && form.batch.is_some(),
        form.kind.is_some() && form.name.is_some() && form.rtype.is_some() && form.value.is_some(),
        !form.hide.is_empty(),
    ];
    has == match form.shape {
        Shape::Pass => [true, false, false, false, false],
        Shape::Zones => [false, true, false, false, false],
        Shape::Zone => [false, true, true, false, false],
        Shape::Search => [false, true, false, true, false],
        Shape::Object => [false, false, false, false, true],
        Shape::Record | Shape::Records => has,
    }
}
