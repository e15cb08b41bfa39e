//! What a condition looked at: the attributes that its text names, with what they were.

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::Key;
use zonegate_engine::operation::{Operation, Resource};
use zonegate_engine::value;

use crate::ask::{Scene, Way};

/// Everything that a condition can look at.
pub(super) struct Facts<'a> {
    /// The bundle, for its lists.
    pub(super) bundle: &'a Bundle,
    /// The key that asks, where it is known.
    pub(super) key: Option<&'a Key>,
    /// From where, when, at which account.
    pub(super) scene: &'a Scene,
    /// By which request.
    pub(super) way: &'a Way,
    /// What for.
    pub(super) operation: &'a Operation,
}

impl Facts<'_> {
    /// What a clause looked at, such as `resource.type is A`.
    pub(super) fn of(&self, clause: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for (whose, name) in attributes(clause) {
            let known = match whose {
                "resource" => self.resource(name),
                "context" => self.context(name),
                _ => self.principal(name),
            };
            let said = known.map(|known| format!("{whose}.{name} is {known}"));
            if let Some(said) = said.filter(|said| !found.contains(said)) {
                found.push(said);
            }
        }
        for (name, pattern) in self.patterns(clause) {
            found.push(format!("{name} is {pattern}"));
        }
        if clause.contains("principal in Role::")
            && let Some(key) = self.key
        {
            found.push(format!("the key's roles are {}", list(&key.roles)));
        }
        found
    }

    /// The named patterns of a clause, with what they match.
    fn patterns(&self, clause: &str) -> Vec<(String, String)> {
        let named = |name: &str| clause.contains(&format!("Pattern::\"{name}\""));
        let patterns = self.bundle.patterns.iter().filter(|one| named(one.name()));
        let words = patterns.map(|one| {
            let reads = match one.reads() {
                zonegate_engine::pattern::Reads::Name => "name",
                zonegate_engine::pattern::Reads::Relative => "relative",
                zonegate_engine::pattern::Reads::Value => "value",
            };
            let what = self.resource(reads).unwrap_or_else(|| "absent".to_owned());
            (format!("pattern {}", one.name()), format!("{} of {reads} {what}", one.regex()))
        });
        words.collect()
    }

    /// An attribute of the resource.
    fn resource(&self, name: &str) -> Option<String> {
        let account = &self.scene.account;
        match (&self.operation.resource, name) {
            (_, "provider") => return Some(quoted(&account.provider)),
            (_, "account") => return Some(quoted(&account.account)),
            (Resource::Zone { zone, .. }, "zone") => return Some(quoted(zone.as_str())),
            (Resource::Zone { metadata, .. }, "metadata") => {
                return Some(metadata.as_deref().map_or("absent".to_owned(), quoted));
            }
            (Resource::Account | Resource::Zone { .. } | Resource::Record(_), _) => {}
        }
        let record = self.operation.as_record()?;
        let depth = record.name.depth_below(&record.zone);
        Some(match name {
            "zone" => quoted(record.zone.as_str()),
            "name" => quoted(record.name.as_str()),
            "relative" => quoted(&record.name.relative_to(&record.zone)?),
            "leftmost" => quoted(record.name.leftmost()),
            "depth" => depth?.to_string(),
            "apex" => (depth == Some(0)).to_string(),
            "wildcard" => record.name.is_wildcard().to_string(),
            "type" => record.rtype.policy_name().to_owned(),
            "type_number" => record.rtype.number().to_string(),
            "value" => match &record.value {
                Some(value) => quoted(&value::canonical(record.rtype, value)),
                None => "absent".to_owned(),
            },
            "address" => {
                let value = record.value.as_deref();
                let address = value.and_then(|value| value::address(record.rtype, value));
                address.map_or("absent".to_owned(), |address| address.to_string())
            }
            _ => return None,
        })
    }

    /// An attribute of the circumstances.
    fn context(&self, name: &str) -> Option<String> {
        let Scene { from, at, tls, .. } = self.scene;
        let local = self.bundle.windows.local(*at);
        Some(match name {
            "client_ip" => from.to_string(),
            "networks" => list(&self.bundle.networks.containing(*from)),
            "windows" => list(&self.bundle.windows.open(*at)),
            "now" => at.to_string(),
            "weekday" => local.weekday.to_owned(),
            "time_of_day" => time_of_day(local.time_of_day_ms),
            "date" => quoted(&local.date),
            "tls" => tls.to_string(),
            "method" => quoted(self.way.method),
            "route" => self.way.route.clone(),
            "operations" => self.way.operations.to_string(),
            _ => return None,
        })
    }

    /// An attribute of the key.
    fn principal(&self, name: &str) -> Option<String> {
        let key = self.key?;
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        let absent = || "absent".to_owned();
        Some(match name {
            "networks" if key.networks.is_empty() => absent(),
            "networks" => list(&key.networks),
            "owner" => key.owner.as_deref().map_or_else(absent, quoted),
            "expires" => time(key.expires).unwrap_or_else(absent),
            tag => key.attributes.get(tag).map_or_else(absent, |value| quoted(value)),
        })
    }
}

/// The attributes and tags that a clause names, as whose and which.
fn attributes(clause: &str) -> Vec<(&'static str, &str)> {
    let mut found = Vec::new();
    for whose in ["resource", "context", "principal"] {
        for (at, _) in clause.match_indices(whose) {
            let before = clause.get(..at).unwrap_or_default();
            let rest = clause.get(at + whose.len()..).unwrap_or_default();
            if before.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '"'))
            {
                continue;
            }
            let rest = rest.trim_start_matches(')');
            let name = rest
                .strip_prefix(".getTag(\"")
                .or_else(|| rest.strip_prefix(".hasTag(\""))
                .or_else(|| rest.strip_prefix(" has \""))
                .or_else(|| rest.strip_prefix(" has "))
                .or_else(|| rest.strip_prefix("[\""))
                .or_else(|| rest.strip_prefix('.'));
            let end = |name: &str| {
                name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len())
            };
            let name = name.and_then(|name| name.get(..end(name)));
            found.extend(name.filter(|name| !name.is_empty()).map(|name| (whose, name)));
        }
    }
    found
}

/// A text in quotes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Names with commas.
fn list<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What a wall clock shows.
fn time_of_day(milliseconds: i64) -> String {
    let minutes = milliseconds / 60_000;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_in_a_clause() {
        for (clause, expected) in [
            ("context.tls", &[("context", "tls")][..]),
            ("resource has address", &[("resource", "address")]),
            ("(context.windows).contains(Window::\"resource.x\")", &[("context", "windows")]),
            ("principal.getTag(\"environment\") == \"x\"", &[("principal", "environment")]),
            (
                "(resource.address) == (context.client_ip)",
                &[("resource", "address"), ("context", "client_ip")],
            ),
            ("resource in Pattern::\"x\"", &[]),
        ] {
            assert_eq!(attributes(clause), expected, "{clause}");
        }
    }
}
