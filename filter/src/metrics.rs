//! The gate's metrics: few, with fixed names, because every label value is there for ever.
//!
//! The `=.=` and `;.;` in a name become a label by the `stats_tags` of `envoy/envoy.yaml`.

use proxy_wasm::types::MetricType;
use zonegate_engine::decision::Reason;

use crate::host;

/// The metrics of one configuration.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Allowed requests.
    allowed: Option<u32>,
    /// Denied requests, in the order of [`Reason::ALL`].
    denied: Vec<(&'static str, Option<u32>)>,
    /// Denials because a policy failed while it was evaluated; also among `denied`.
    policy_errors: Option<u32>,
    /// Lookups that were answered.
    lookups_answered: Option<u32>,
    /// Lookups that were not.
    lookups_failed: Option<u32>,
}

/// Defines a counter of decisions with one reason.
fn decisions(reason: &str) -> Option<u32> {
    host::define_metric(MetricType::Counter, &format!("zonegate_decisions=.={reason};.;_total"))
}

/// Defines a counter of lookups with one result.
fn lookups(result: &str) -> Option<u32> {
    host::define_metric(MetricType::Counter, &format!("zonegate_lookups=.={result};.;_total"))
}

/// Records how long loading a bundle held up this worker; both times in nanoseconds.
pub(crate) fn loaded(began: Option<u64>, ended: Option<u64>) {
    let (Some(began), Some(ended)) = (began, ended) else { return };
    let metric = host::define_metric(MetricType::Gauge, "zonegate_bundle_load_microseconds");
    host::record(metric, ended.saturating_sub(began) / 1_000);
}

impl Metrics {
    /// Defines them all and records which bundle was loaded.
    pub(crate) fn define(bundle_built: i64) -> Metrics {
        let version = host::define_metric(MetricType::Gauge, "zonegate_bundle_version");
        host::record(version, u64::try_from(bundle_built).unwrap_or(0));
        host::increment(host::define_metric(MetricType::Counter, "zonegate_bundle_loads_total"));
        Metrics {
            allowed: decisions("allow"),
            denied: Reason::ALL.iter().map(|one| (one.code(), decisions(one.code()))).collect(),
            policy_errors: host::define_metric(MetricType::Counter, "zonegate_policy_errors_total"),
            lookups_answered: lookups("answered"),
            lookups_failed: lookups("failed"),
        }
    }

    /// Counts a decision; `None` is an allow.
    pub(crate) fn decision(&self, reason: Option<&str>) {
        if reason == Some(Reason::PolicyError.code()) {
            host::increment(self.policy_errors);
        }
        host::increment(match reason {
            None => self.allowed,
            Some(reason) => {
                self.denied.iter().find(|(code, _)| *code == reason).and_then(|(_, metric)| *metric)
            }
        });
    }

    /// Counts a lookup.
    pub(crate) fn lookup(&self, answered: bool) {
        host::increment(if answered { self.lookups_answered } else { self.lookups_failed });
    }
}
