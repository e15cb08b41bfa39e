//! Requests that benchmarks make: when, with which key, with which headers.

use zonegate_engine::session::Facts;

use crate::common;

/// The time of all requests.
pub(crate) const NOW: &str = "2026-06-03T10:00:00Z";

/// The plaintext of a demo key.
pub(crate) fn key(id: &str) -> String {
    let text = std::fs::read_to_string(common::folder().join("cases/demo-keys.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    table.get(id).unwrap().as_str().unwrap().to_owned()
}

/// A request's facts, with the headers that a real client sends through Envoy.
pub(crate) fn facts(method: &str, path: &str, key: &str) -> Facts {
    let pairs = [
        (":method", method),
        (":path", path),
        (":authority", "127.0.0.1:8080"),
        (":scheme", "http"),
        ("x-request-id", "7d5b3e1c-0000-4000-8000-000000000000"),
        ("x-forwarded-proto", "http"),
        ("user-agent", "lego-cli/4.9.1"),
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("x-api-key", key),
    ];
    let bytes =
        |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    Facts {
        headers: pairs.iter().map(bytes).collect(),
        provider: Some("powerdns".to_owned()),
        account: Some("main".to_owned()),
        client: Some("198.51.100.7".parse().unwrap()),
        tls: false,
    }
}
