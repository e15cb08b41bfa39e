//! Counters, gauges and histograms that a guest defines.
//!
//! The kind is in the two lowest bits of an id, as in the proxy. Two definitions of one name give
//! two ids of one metric. What each call refuses is taken from Envoy: a counter never goes down,
//! a histogram is neither incremented nor read.

use crate::abi::Status;
use std::collections::BTreeMap;

/// One metric as a test reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Only grows.
    Counter(u64),
    /// Grows, shrinks and can be set.
    Gauge(u64),
    /// Every recorded value, in order.
    Histogram(Vec<u64>),
}

/// All metrics of one VM.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Values by name.
    values: BTreeMap<String, Metric>,
    /// Names by id.
    names: BTreeMap<u32, String>,
    /// How many ids of each kind were given.
    given: [u32; 3],
}

impl Metrics {
    /// Defines a metric and gives its id.
    pub(crate) fn define(&mut self, kind: u32, name: &str) -> Result<u32, Status> {
        let index = usize::try_from(kind).map_err(|_| Status::BadArgument)?;
        let given = self.given.get_mut(index).ok_or(Status::BadArgument)?;
        *given += 1;
        let id = (*given << 2) | kind;
        self.names.insert(id, name.to_owned());
        self.values.entry(name.to_owned()).or_insert_with(|| match kind {
            0 => Metric::Counter(0),
            1 => Metric::Gauge(0),
            _ => Metric::Histogram(Vec::new()),
        });
        Ok(id)
    }

    /// Adds to a counter or a gauge.
    pub(crate) fn increment(&mut self, id: u32, offset: i64) -> Result<(), Status> {
        match self.find(id)? {
            Metric::Counter(value) => match u64::try_from(offset) {
                Ok(up) if up > 0 => *value = value.wrapping_add(up),
                Ok(_) | Err(_) => return Err(Status::BadArgument),
            },
            Metric::Gauge(value) => *value = value.wrapping_add_signed(offset),
            Metric::Histogram(_) => return Err(Status::BadArgument),
        }
        Ok(())
    }

    /// Adds to a counter, sets a gauge, notes a value in a histogram.
    pub(crate) fn record(&mut self, id: u32, new: u64) -> Result<(), Status> {
        match self.find(id)? {
            Metric::Counter(value) => *value = value.wrapping_add(new),
            Metric::Gauge(value) => *value = new,
            Metric::Histogram(values) => values.push(new),
        }
        Ok(())
    }

    /// The value of a counter or a gauge.
    pub(crate) fn read(&mut self, id: u32) -> Result<u64, Status> {
        match self.find(id)? {
            Metric::Counter(value) | Metric::Gauge(value) => Ok(*value),
            Metric::Histogram(_) => Err(Status::BadArgument),
        }
    }

    /// Every metric by name.
    pub(crate) const fn all(&self) -> &BTreeMap<String, Metric> {
        &self.values
    }

    /// The metric behind an id.
    fn find(&mut self, id: u32) -> Result<&mut Metric, Status> {
        let name = self.names.get(&id).ok_or(Status::NotFound)?;
        self.values.get_mut(name).ok_or(Status::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_allows_what_envoy_allows() {
        let mut metrics = Metrics::default();
        let counter = metrics.define(0, "c").unwrap();
        let gauge = metrics.define(1, "g").unwrap();
        let histogram = metrics.define(2, "h").unwrap();
        assert_eq!(metrics.define(3, "x"), Err(Status::BadArgument));
        assert_eq!(metrics.increment(counter, -1), Err(Status::BadArgument));
        assert_eq!(metrics.increment(histogram, 1), Err(Status::BadArgument));
        assert_eq!(metrics.increment(999, 1), Err(Status::NotFound));
        metrics.increment(counter, 2).unwrap();
        metrics.record(gauge, 7).unwrap();
        metrics.increment(gauge, -3).unwrap();
        metrics.record(histogram, 9).unwrap();
        assert_eq!(metrics.read(counter), Ok(2));
        assert_eq!(metrics.read(gauge), Ok(4));
        assert_eq!(metrics.read(histogram), Err(Status::BadArgument));
        assert_eq!(metrics.all().get("h"), Some(&Metric::Histogram(vec![9])));
    }

    #[test]
    fn one_name_is_one_metric() {
        let mut metrics = Metrics::default();
        let first = metrics.define(0, "c").unwrap();
        let second = metrics.define(0, "c").unwrap();
        metrics.increment(first, 1).unwrap();
        assert_eq!(metrics.read(second), Ok(1));
    }
}
