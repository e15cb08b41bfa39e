//! The shipped provider file: what real clients send, what attackers send, what is answered.

mod answers;
mod changes;
mod dynamic;
mod files;
mod listings;
mod lookups;
mod narrow;
mod properties;
mod records;
mod routes;
mod values;
mod zones;

use std::sync::OnceLock;

use super::{Caps, Forward, Plan, Provider, Refusal};
use crate::decision::Reason;
use crate::json::JsonLimits;
use crate::request::{Method, Target};

/// The caps of these tests; ten operations are enough to exceed.
const CAPS: Caps = Caps {
    operations_max: 10,
    json: JsonLimits { depth_max: 16, nodes_max: 10_000, fold_keys: false },
};

/// The server's part of every path.
const SERVER: &str = "/api/v1/servers/localhost";

/// The shipped file.
fn powerdns() -> &'static Provider {
    static PROVIDER: OnceLock<Provider> = OnceLock::new();
    PROVIDER.get_or_init(|| Provider::parse("powerdns.toml", super::POWERDNS).unwrap())
}

/// What a request means; a path that does not begin with `/api` is below the server.
fn plan(method: &str, path: &str, body: &str) -> Result<Plan, Refusal> {
    let path = if path.starts_with("/api") { path.to_owned() } else { format!("{SERVER}{path}") };
    let method = Method::parse(method.as_bytes()).unwrap();
    let target = Target::parse(path.as_bytes()).unwrap();
    powerdns().find(method, &target)?.plan(body.as_bytes(), &CAPS)
}

/// The operations of a request as tables write them, or the reason why there are none.
fn means(method: &str, path: &str, body: &str) -> Vec<String> {
    match plan(method, path, body) {
        Ok(plan) => plan.operations.iter().map(ToString::to_string).collect(),
        Err(refusal) => vec![refusal.reason.code().to_owned()],
    }
}

/// What is forwarded of a request.
fn forward(method: &str, path: &str, body: &str) -> Forward {
    plan(method, path, body).unwrap().forward
}

/// The body that is forwarded, as text.
fn sent(method: &str, path: &str, body: &str) -> String {
    String::from_utf8(forward(method, path, body).body.unwrap()).unwrap()
}

/// The operations of a PATCH of `example.com` with these rrsets.
fn patch(rrsets: &str) -> Vec<String> {
    means("PATCH", "/zones/example.com.", &format!(r#"{{"rrsets":[{rrsets}]}}"#))
}

/// The reason why a request is refused.
fn refused(method: &str, path: &str, body: &str) -> Reason {
    plan(method, path, body).unwrap_err().reason
}
