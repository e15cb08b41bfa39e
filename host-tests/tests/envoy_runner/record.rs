//! What Envoy's audit log says of a request.
//!
//! Each row has a connection of its own, and a record names the peer's port, so that no record can
//! be taken for another row's.

use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::net::IpAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};
use zonegate_cases::{Case, Outcome};

use crate::audit;

/// How often the log is looked at.
const PAUSE: Duration = Duration::from_millis(1);

/// The audit log, read as it grows.
#[derive(Debug)]
pub(crate) struct Log {
    /// The file.
    file: File,
    /// How much of it was read.
    read_bytes: u64,
    /// Records that nobody has asked for, by the peer's port.
    records: HashMap<u16, Record>,
}

/// One line of the log.
#[derive(Clone, Debug)]
pub(crate) struct Record(Value);

impl Log {
    /// The log from its present end.
    pub(crate) fn open(path: &Path) -> Log {
        let file = File::open(path).unwrap();
        let read_bytes = file.metadata().unwrap().len();
        Log { file, read_bytes, records: HashMap::new() }
    }

    /// The record of the connection from this port, if it comes within the time.
    pub(crate) fn record(&mut self, port: u16, within: Duration) -> Option<Record> {
        let limit = Instant::now() + within;
        loop {
            self.read();
            let found = self.records.remove(&port);
            if found.is_some() || Instant::now() > limit {
                return found;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Reads the lines that were added.
    fn read(&mut self) {
        let size = self.file.metadata().unwrap().len();
        let mut bytes = vec![0; usize::try_from(size - self.read_bytes).unwrap()];
        self.file.read_exact_at(&mut bytes, self.read_bytes).unwrap();
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return };
        self.read_bytes += u64::try_from(end + 1).unwrap();
        for line in bytes[..end].split(|byte| *byte == b'\n') {
            let value: Value = serde_json::from_slice(line).unwrap_or_else(|error| {
                panic!("the audit log is no JSON ({error}): {}", String::from_utf8_lossy(line))
            });
            let record = Record(value);
            if let Some(port) = record.peer_port() {
                self.records.insert(port, record);
            }
        }
    }
}

impl Record {
    /// The port of the client's connection.
    fn peer_port(&self) -> Option<u16> {
        self.0["peer"].as_str()?.rsplit_once(':')?.1.parse().ok()
    }

    /// What the filter says, if it saw the request.
    pub(crate) fn facts(&self) -> Option<&Value> {
        Some(&self.0["zonegate"]).filter(|facts| facts.is_object())
    }

    /// Where Envoy sent the request, if it sent it anywhere.
    pub(crate) fn upstream(&self) -> Option<&str> {
        self.0["upstream"].as_str().filter(|host| *host != "-")
    }

    /// The outcome as the record tells it; `None` where the filter did not see the request.
    pub(crate) fn outcome(&self, case: &Case) -> Option<Outcome> {
        let facts = self.facts()?;
        Some(Outcome { trouble: self.trouble(case), ..audit::outcome(case, facts) })
    }

    /// What the record says otherwise than the row's circumstances are.
    fn trouble(&self, case: &Case) -> Vec<String> {
        let mut trouble = Vec::new();
        let client = self.0["zonegate"]["client"].as_str().unwrap_or_default();
        let address = client.parse().ok().map(|address: IpAddr| address.to_canonical());
        if address != Some(case.from.to_canonical()) {
            trouble.push(format!("Envoy takes the client for `{client}`, not {}", case.from));
        }
        let time = self.0["time"].as_str().unwrap_or_default();
        let (shown, wanted) = (time.get(..19), case.now.get(..19));
        if case.now.ends_with('Z') && shown != wanted {
            trouble.push(format!("Envoy's clock said {time}, not {}", case.now));
        }
        trouble
    }
}
