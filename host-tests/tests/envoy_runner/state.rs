//! Bringing the real PowerDNS into the state that a row's lookups speak of.
//!
//! A row says what the provider answers when the gate asks. Where that is what a healthy PowerDNS
//! could answer, PowerDNS is made to answer it: zones are created or deleted, rrsets are written.

use crate::http::{self, Message};
use crate::relay;
use serde_json::{Value, json};
use zonegate_cases::{Answer, LookupAnswer};

/// Where PowerDNS keeps its zones.
const ZONES: &str = "/api/v1/servers/localhost/zones";

/// PowerDNS, past the gate.
#[derive(Clone, Debug)]
pub(crate) struct PowerDns {
    /// Where its API listens on 127.0.0.1.
    pub(crate) port: u16,
    /// The real credential.
    pub(crate) credential: String,
}

/// What one lookup's answer says of the provider.
enum Fact {
    /// No zone has this name.
    NoZone(String),
    /// A zone has this name.
    Zone(String),
    /// A zone has these rrsets, in PowerDNS's form.
    Rrsets(String, Vec<Value>),
}

impl PowerDns {
    /// Makes every answer of these lookups true, or says which one PowerDNS would never give.
    pub(crate) fn arrange(&self, lookups: &[LookupAnswer]) -> Result<(), String> {
        let facts: Vec<Fact> = lookups.iter().map(fact).collect::<Result<_, _>>()?;
        for fact in &facts {
            match fact {
                Fact::NoZone(zone) => {
                    self.ask("DELETE", &format!("{ZONES}/{zone}"), None);
                }
                Fact::Zone(zone) => self.has_zone(zone),
                Fact::Rrsets(zone, rrsets) => {
                    self.has_zone(zone);
                    let path = format!("{ZONES}/{zone}");
                    let answer = self.ask("PATCH", &path, Some(&json!({ "rrsets": rrsets })));
                    assert_eq!(answer.status(), Some(204), "PowerDNS refuses a row's rrsets");
                }
            }
        }
        Ok(())
    }

    /// Creates a zone if there is none of this name.
    fn has_zone(&self, zone: &str) {
        if self.ask("GET", &format!("{ZONES}/{zone}"), None).status() == Some(200) {
            return;
        }
        let body = json!({ "name": zone, "kind": "Native", "nameservers": ["ns1.example.net."] });
        let answer = self.ask("POST", ZONES, Some(&body));
        assert_eq!(answer.status(), Some(201), "PowerDNS does not create {zone}");
    }

    /// One request with the real credential.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Message {
        let start = format!("{method} {path} HTTP/1.1");
        let headers = [
            (b"host".to_vec(), b"powerdns".to_vec()),
            (b"x-api-key".to_vec(), self.credential.clone().into_bytes()),
            (b"connection".to_vec(), b"close".to_vec()),
        ];
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = http::write(start.as_bytes(), &headers, body.as_bytes(), !body.is_empty());
        relay::ask(self.port, &request).expect("PowerDNS must answer")
    }
}

/// What a lookup's answer says, or why PowerDNS would never say it.
fn fact(lookup: &LookupAnswer) -> Result<Fact, String> {
    let never = |what: &str| format!("{what} is no answer of a healthy PowerDNS");
    let Answer { status, body, .. } =
        lookup.result.as_ref().map_err(|_| never("a lookup that fails"))?;
    if *status != 200 {
        return Err(never(&format!("a lookup's status {status}")));
    }
    let value: Value = serde_json::from_slice(body).map_err(|_| never("what is no JSON"))?;
    let (path, query) = lookup.path.split_once('?').unwrap_or((&lookup.path, ""));
    let asked = path.strip_prefix(ZONES).ok_or_else(|| never("a path without zones"))?;
    if let Some(zone) = asked.strip_prefix('/') {
        let rrsets = value["rrsets"].as_array().filter(|all| !all.is_empty());
        let (Some(rrsets), true) = (rrsets, value["name"] == *zone) else {
            return Err(never("another zone, or one without rrsets,"));
        };
        let mut rrsets = rrsets.clone();
        for rrset in &mut rrsets {
            rrset["changetype"] = "REPLACE".into();
        }
        return Ok(Fact::Rrsets(zone.to_owned(), rrsets));
    }
    let zone = query.strip_prefix("zone=").and_then(|rest| rest.split('&').next());
    match (zone, value.as_array().map(Vec::as_slice)) {
        (Some(zone), Some([])) => Ok(Fact::NoZone(zone.to_owned())),
        (Some(zone), Some([one])) if one["name"] == *zone => Ok(Fact::Zone(zone.to_owned())),
        _ => Err(never("a list that does not belong to its question")),
    }
}
