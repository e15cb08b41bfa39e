//! One run of a folder's tables: what came of it, and what it covers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zonegate_cases::{Case, Gap, REASONS, Report, Tables, Wanted, run_parallel, workers};
use zonegate_engine::bundle::Bundle;
use zonegate_engine::policy::Shown;
use zonegate_engine::problem::Problem;

use super::super::check;
use super::Arguments;
use super::cover::{self, Covered};
use crate::folder::Folder;
use crate::gate::{EngineRunner, Left};
use crate::progress::Progress;

/// What came of a run.
#[derive(Debug)]
pub(super) struct Round {
    /// The tables.
    pub(super) tables: Tables,
    /// What chose the cases; none where all ran.
    pub(super) filter: Option<String>,
    /// What came of the cases.
    pub(super) report: Report,
    /// Everything that could be covered.
    pub(super) wanted: Wanted,
    /// What was shown of each policy.
    pub(super) policies: Vec<Covered>,
    /// What the manifest requires and no case covers.
    pub(super) gaps: Vec<Gap>,
    /// What passed cases asked, for Cedar's own tool, in the order of the tables.
    pub(super) asked: Vec<((String, String), Vec<Value>)>,
    /// How long it took.
    pub(super) took: Duration,
}

/// Runs the tables once, or says everything that is wrong with the folder.
pub(super) fn once(arguments: &Arguments, progress: &Progress) -> Result<Round, Vec<Problem>> {
    let begun = Instant::now();
    progress.phase("reading the policies", 0);
    let folder = Folder::read(&arguments.dir);
    let checked = folder.pack()?;
    progress.phase("reading the tables", 0);
    let tables = Tables::load_dir(folder.cases()).map_err(|found| {
        found.iter().map(|one| check::below(one, &folder.path)).collect::<Vec<_>>()
    })?;
    let filter = arguments.filter.clone();
    let chosen = |case: &Case| filter.as_ref().is_none_or(|text| matches(case, text));
    progress.phase("cases", tables.cases().filter(|case| chosen(case)).count());
    let keeps_asked = arguments.export_cedar.is_some();
    let runner = EngineRunner { bytes: &checked.packed.bytes, keeps_asked, progress };
    let (report, left) = run_parallel(&runner, &tables, workers(), chosen);
    let wanted = wanted(&checked.bundle);
    let (shown, asked) = merged(left, &tables);
    let policies = cover::of(checked.bundle.policies.outlines(), &shown, &report.coverage);
    let gaps = match &filter {
        Some(_) => Vec::new(),
        None => cover::gaps(&report, &wanted, &policies, &folder.manifest.coverage),
    };
    let took = begun.elapsed();
    Ok(Round { tables, filter, report, wanted, policies, gaps, asked, took })
}

/// The questions of cases, in the order of the tables.
type Questions = Vec<((String, String), Vec<Value>)>;

/// What is left of all threads, as if there had been one.
fn merged(left: Vec<Left>, tables: &Tables) -> (HashMap<String, Shown>, Questions) {
    let mut shown: HashMap<String, Shown> = HashMap::new();
    let mut asked: HashMap<(String, String), Vec<Value>> = HashMap::new();
    for one in left {
        for (id, more) in &one.shown {
            shown.entry(id.clone()).or_default().merge(more);
        }
        asked.extend(one.asked);
    }
    let in_order = tables.cases().filter_map(|case| asked.remove_entry(&id_of(case)));
    let in_order = in_order.collect();
    (shown, in_order)
}

/// What a case is told from others by: its place and name.
pub(super) fn id_of(case: &Case) -> (String, String) {
    (case.place(), case.name.clone())
}

/// Whether a case is chosen by a text.
fn matches(case: &Case, text: &str) -> bool {
    [&case.file, &case.name, &case.key].iter().any(|field| field.contains(text))
}

/// Everything that tables could cover.
fn wanted(bundle: &Bundle) -> Wanted {
    let owned = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect();
    let routes = bundle
        .providers()
        .iter()
        .flat_map(|provider| {
            let name = provider.name().to_owned();
            let routes =
                provider.routes().iter().map(move |route| format!("{name}/{}", route.id()));
            routes.collect::<Vec<_>>()
        })
        .collect();
    Wanted {
        routes,
        policies: owned(bundle.policies.ids().into_iter().map(|(id, _, _)| id).collect()),
        // A bug, or what other requests cost a worker, is no reason that a table can show.
        reasons: owned({
            let codes = REASONS.iter().map(|(code, _)| *code);
            codes.filter(|code| !["internal", "too-busy"].contains(code)).collect()
        }),
        ..Wanted::default()
    }
}

impl Round {
    /// Whether every case came out as its row says, and what must be covered is.
    pub(super) fn is_good(&self) -> bool {
        self.report.is_success() && self.gaps.is_empty()
    }

    /// The run as a program reads it.
    pub(super) fn document(&self) -> Value {
        json!({
            "ok": self.is_good(),
            "report": self.report,
            "policies": self.policies,
            "gaps": self.gaps,
        })
    }

    /// The cases that were chosen.
    pub(super) fn cases(&self) -> impl Iterator<Item = &Case> {
        let filter = self.filter.as_deref();
        self.tables.cases().filter(move |case| filter.is_none_or(|text| matches(case, text)))
    }
}
