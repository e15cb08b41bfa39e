//! A line of the audit log: what was asked, by whom and when, as far as the log says it.
//!
//! The log is bounded. It has the first operations of a request and the one that was denied, each
//! cut at a length, no query, no body and no key. What is missing is said, never made up.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Deserialize;
use zonegate_engine::operation::Operation;

use crate::ask;

/// Characters at which the log cuts an operation.
const OPERATION_CHARS_MAX: usize = 300;
/// What the log leaves of a key that somebody wrote into a request.
const MASKED: [&str; 2] = ["zgk_...", "zgs_..."];

/// The line around the gate's own record.
#[derive(Debug, Deserialize)]
struct Line {
    /// When the request arrived.
    time: Option<String>,
    /// Its method.
    method: Option<String>,
    /// The gate's record.
    zonegate: Option<Record>,
}

/// The gate's record, as far as it is read here; a later gate may say more.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Record {
    /// The key, once it had proved itself.
    pub(super) key: Option<String>,
    /// The provider.
    pub(super) provider: Option<String>,
    /// The account.
    pub(super) account: Option<String>,
    /// The client's address.
    pub(super) client: Option<IpAddr>,
    /// The route.
    #[serde(default)]
    pub(super) route: String,
    /// The first operations.
    #[serde(default)]
    pub(super) operations: Vec<String>,
    /// How many there were.
    #[serde(default)]
    pub(super) cost: usize,
    /// What was decided.
    #[serde(default)]
    pub(super) decision: String,
    /// Why not.
    pub(super) reason: Option<String>,
    /// What exactly was not understood.
    pub(super) detail: Option<String>,
    /// The operation that was denied.
    pub(super) denied_operation: Option<String>,
    /// By which policies.
    #[serde(default)]
    pub(super) policies: Vec<String>,
    /// Why the response was replaced.
    pub(super) response_reason: Option<String>,
    /// The digest of the bundle that decided.
    pub(super) bundle: Option<String>,
}

/// A request as the log tells it.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    /// The gate's record.
    pub(super) record: Record,
    /// When the request arrived, if the line says it.
    pub(super) time: Option<Timestamp>,
    /// Its method, if the line says it.
    pub(super) method: Option<String>,
    /// The operations that can be asked again.
    pub(super) operations: Vec<Operation>,
    /// What cannot be known.
    pub(super) notes: Vec<String>,
}

/// Reads a line.
pub(super) fn read(text: &str) -> Result<Logged, String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (line, None) = (lines.next().unwrap_or_default(), lines.next()) else {
        return Err("--audit: these are several lines; give one".to_owned());
    };
    // What collects logs likes to write something before each line.
    let json = line.find('{').and_then(|at| line.get(at..)).unwrap_or_default();
    let broken = |error: serde_json::Error| format!("--audit: this is no line of the log: {error}");
    let around: Line = serde_json::from_str(json).map_err(broken)?;
    let Line { time, method, zonegate } = around;
    let record = match zonegate {
        Some(record) => record,
        // The record alone, as somebody may have cut it out.
        None => serde_json::from_str(json).map_err(broken)?,
    };
    if record.decision.is_empty() || record.provider.is_none() {
        return Err("--audit: the line has no record of the gate (`zonegate`)".to_owned());
    }
    let time = time.map(|time| time.parse::<Timestamp>()).transpose();
    let time = time.map_err(|error| format!("--audit: the time is not understood: {error}"))?;
    let mut logged = Logged { record, time, method, operations: Vec::new(), notes: Vec::new() };
    logged.read_operations();
    Ok(logged)
}

impl Logged {
    /// Reads the operations that can be asked again.
    fn read_operations(&mut self) {
        let mut texts = self.record.operations.clone();
        let shown = texts.len();
        let denied = self.record.denied_operation.clone();
        texts.extend(denied.filter(|denied| !self.record.operations.contains(denied)));
        for text in &texts {
            match again(text) {
                Ok((operation, note)) => {
                    self.operations.push(operation);
                    self.notes.extend(note);
                }
                Err(note) => self.notes.push(note),
            }
        }
        if self.record.cost > shown {
            self.notes.push(format!(
                "the log has the first {shown} of {} operations; what the others were cannot be \
                 known",
                self.record.cost
            ));
        }
    }

    /// What was decided then, in words.
    pub(super) fn decided(&self) -> String {
        let record = &self.record;
        let by = if record.policies.is_empty() {
            String::new()
        } else {
            format!(" by {}", record.policies.join(", "))
        };
        let reason = record.reason.as_ref().or(record.response_reason.as_ref());
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        let detail = record.detail.as_ref().map_or(String::new(), |detail| format!(" ({detail})"));
        let word = match record.decision.as_str() {
            "allow" => "allowed",
            "deny" => "denied",
            other => other,
        };
        format!("{word}{reason}{by}{detail}")
    }
}

/// An operation of the log, with what is missing in it; or why it cannot be asked again.
fn again(text: &str) -> Result<(Operation, Option<String>), String> {
    let is_cut = text.chars().count() >= OPERATION_CHARS_MAX;
    let cut = |what: &str| format!("the log cut `{}...` short: {what}", start(text));
    if is_cut {
        // Only a value is so long that what stands before it is whole.
        let before: Vec<&str> = text.splitn(5, ' ').collect();
        let whole = before.get(..4).filter(|_| before.len() == 5).map(|words| words.join(" "));
        let operation = whole.and_then(|text| ask::operation(&text).ok());
        let note = "it is asked without its value, and policies that read values may decide \
                    otherwise";
        let operation = operation.ok_or_else(|| cut("it cannot be asked again"))?;
        return Ok((operation, Some(cut(note))));
    }
    let operation = ask::operation(text).map_err(|error| format!("the log's {error}"))?;
    let masked = MASKED.iter().any(|mask| text.contains(mask));
    let note = format!("the log masks a key in `{}`; it is asked as it stands", start(text));
    Ok((operation, masked.then_some(note)))
}

/// The beginning of a long text.
fn start(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line with these operations.
    fn line(operations: &[&str], denied: &str, cost: usize) -> String {
        serde_json::json!({
            "time": "2026-06-03T10:00:00.000Z", "method": "PATCH", "status": 403,
            "zonegate": { "key": "demoeditor01", "provider": "powerdns", "account": "main",
                "client": "192.0.2.7", "route": "powerdns/zone-patch", "operations": operations,
                "cost": cost, "decision": "deny", "reason": "no-policy-allows",
                "denied_operation": denied, "policies": [], "bundle": "sha256:0", "later": 1 },
        })
        .to_string()
    }

    #[test]
    fn a_line_says_who_asked_what_and_when() {
        let denied = "record.create example.com a.example.com A \"192.0.2.1\"";
        let logged = read(&format!("envoy-1  | {}\n", line(&["zone.list"], denied, 20))).unwrap();
        assert_eq!(logged.time.unwrap().to_string(), "2026-06-03T10:00:00Z");
        let operations: Vec<_> = logged.operations.iter().map(ToString::to_string).collect();
        assert_eq!(operations, ["zone.list", denied]);
        assert_eq!(logged.notes.len(), 1);
        assert!(logged.notes[0].contains("the first 1 of 20 operations"), "{:?}", logged.notes);
        assert_eq!(logged.decided(), "denied: no-policy-allows");
    }

    #[test]
    fn what_was_cut_is_said() {
        let long = format!("record.create example.com a.example.com TXT \"{}", "x".repeat(400));
        let long: String = long.chars().take(OPERATION_CHARS_MAX).collect();
        let logged = read(&line(&[], &long, 1)).unwrap();
        let expected = "record.create example.com a.example.com TXT";
        assert_eq!(logged.operations[0].to_string(), expected);
        assert!(logged.notes[0].contains("without its value"), "{:?}", logged.notes);
        let name = format!("zone.read {}", "a.".repeat(200));
        let name: String = name.chars().take(OPERATION_CHARS_MAX).collect();
        let logged = read(&line(&[&name], "zone.list", 1)).unwrap();
        assert_eq!(logged.operations.len(), 1);
        assert!(logged.notes[0].contains("cannot be asked again"), "{:?}", logged.notes);
    }

    #[test]
    fn other_lines_are_refused() {
        for text in ["", "{}", "x", "{\"time\":\"t\"}", "{\"a\":1}\n{\"a\":2}"] {
            assert!(read(text).unwrap_err().starts_with("--audit"), "{text}");
        }
    }
}
