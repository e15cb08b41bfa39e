//! What PowerDNS's API means, as far as the bench asks: a zone is read, record sets are patched.
//!
//! A replace deletes what is there and creates each value, as in Zonegate, so a PATCH of N records
//! is 2N decisions.

use hyper::Method;
use serde::Deserialize;

use crate::Asked;

/// Where a zone lies.
const ZONES: &str = "/api/v1/servers/localhost/zones/";

/// One thing that is to be decided.
pub(crate) struct Operation {
    /// The action's name.
    pub(crate) action: &'static str,
    /// The record; none where the zone itself is meant.
    pub(crate) record: Option<Record>,
}

/// One record.
#[derive(Clone)]
pub(crate) struct Record {
    /// Its name, lower case, without the last dot.
    pub(crate) name: String,
    /// Its type.
    pub(crate) kind: String,
    /// Its value, where it is known.
    pub(crate) value: Option<String>,
}

/// What a request means.
pub(crate) struct Meaning {
    /// The zone.
    pub(crate) zone: String,
    /// The route's name.
    pub(crate) route: &'static str,
    /// All of these must be allowed.
    pub(crate) operations: Vec<Operation>,
}

/// The body of a PATCH.
#[derive(Deserialize)]
struct Patch {
    /// The record sets.
    rrsets: Vec<Set>,
}

/// One record set of it.
#[derive(Deserialize)]
struct Set {
    /// Its name, with the last dot.
    name: String,
    /// Its type.
    #[serde(rename = "type")]
    kind: String,
    /// `REPLACE` or `DELETE`.
    changetype: String,
    /// Its values.
    #[serde(default)]
    records: Vec<Value>,
}

/// One value of it.
#[derive(Deserialize)]
struct Value {
    /// As PowerDNS writes it.
    content: String,
}

/// A name as policies know it.
fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// What a request means; nothing where that is not known here.
pub(crate) fn meaning(asked: &Asked) -> Option<Meaning> {
    let zone = canonical(asked.path.strip_prefix(ZONES)?);
    if asked.method == Method::GET {
        let operations = vec![Operation { action: "zone.read", record: None }];
        return Some(Meaning { zone, route: "powerdns/zone-read", operations });
    }
    if asked.method != Method::PATCH {
        return None;
    }
    let patch: Patch = serde_json::from_slice(&asked.body).ok()?;
    let mut operations = Vec::new();
    for set in patch.rrsets {
        let replaces = match set.changetype.as_str() {
            "REPLACE" => true,
            "DELETE" => false,
            _ => return None,
        };
        let record = Record { name: canonical(&set.name), kind: set.kind, value: None };
        if record.name.starts_with("*.") {
            operations.push(Operation { action: "record.wildcard", record: Some(record.clone()) });
        }
        operations.push(Operation { action: "record.delete", record: Some(record.clone()) });
        for value in set.records.into_iter().filter(|_| replaces) {
            let record = Record { value: Some(value.content), ..record.clone() };
            operations.push(Operation { action: "record.create", record: Some(record) });
        }
    }
    Some(Meaning { zone, route: "powerdns/zone-patch", operations })
}
