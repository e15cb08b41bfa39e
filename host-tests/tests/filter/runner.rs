//! The built filter as a runner of decision tables.

use crate::audit;
use crate::bundle::gate;
use std::cell::RefCell;
use zonegate_cases::{Answered, Case, Failure, Forwarded, Gate, Header, Outcome, Skip, check};
use zonegate_host_tests::{
    Answer, Callout, CalloutResponse, Delivery, Headers, Host, HostConfig, Module, Request,
    Upstream,
};

/// The authority that clients of a table speak to.
const AUTHORITY: &str = "gate.example.net";
/// The request id that Envoy would have set.
const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";
/// The largest body that is delivered one byte at a time; others go in a hundred odd parts.
const BYTE_BY_BYTE_BYTES_MAX: usize = 4096;

/// The built filter with the shipped policies.
pub(crate) struct FilterGate {
    /// The compiled filter.
    module: Module,
    /// What each host is started with.
    config: HostConfig,
    /// The host of rows without lookups: what one row does must not change another's outcome.
    shared: Option<Host>,
    /// How many exchanges were run.
    deliveries: usize,
    /// Instructions of the costliest callback, and where: one that blocks a worker of a proxy.
    costliest: (u64, String),
}

impl FilterGate {
    /// Loads the filter and makes the bundle.
    pub(crate) fn new() -> Self {
        let (module, config) = gate();
        Self { module, config, shared: None, deliveries: 0, costliest: (0, String::new()) }
    }

    /// How many exchanges were run.
    pub(crate) fn deliveries(&self) -> usize {
        self.deliveries
    }

    /// Instructions of the costliest callback, with the row, the delivery and the callback.
    pub(crate) fn costliest(&self) -> String {
        let (fuel, place) = &self.costliest;
        format!("{} million instructions: {place}", fuel / 1_000_000)
    }

    /// A host in a clean state: one of its own where answers to lookups could be remembered.
    fn host(&mut self, case: &Case) -> Host {
        let shared =
            self.shared.take().filter(|host| case.lookups.is_empty() && host.trap().is_none());
        shared.unwrap_or_else(|| {
            Host::new(&self.module, self.config.clone())
                .unwrap_or_else(|refused| panic!("{refused}"))
        })
    }

    /// Runs a case, delivered in one way.
    fn deliver(&mut self, case: &Case, delivery: Delivery) -> Result<Outcome, Skip> {
        let millis = u64::try_from(case.now_unix_ms)
            .map_err(|_| Skip::because("the proxy's clock does not go before 1970"))?;
        let request = request(case, delivery)?;
        self.deliveries += 1;
        let host = self.host(case);
        host.set_time_ns(millis * 1_000_000);
        host.take_logs();
        let waiting = RefCell::new(case.lookups.clone());
        let late = matches!(delivery, Delivery::Trailers | Delivery::HeadersThenEmptyEnd);
        let exchange = host.exchange(
            &request,
            |callout| {
                let path = callout.headers.text(":path").unwrap_or_default();
                let mut waiting = waiting.borrow_mut();
                let at = waiting.iter().position(|lookup| lookup.path == path);
                answer(at.map(|at| waiting.remove(at).result), late)
            },
            |_| upstream(case, delivery),
        );
        for (callback, fuel) in &exchange.fuel {
            if *fuel > self.costliest.0 {
                self.costliest = (*fuel, format!("{} {delivery:?} {callback}", case.place()));
            }
        }
        let outcome = understand(case, &host, exchange);
        if case.lookups.is_empty() && outcome.lookups.is_empty() {
            self.shared = Some(host);
        }
        Ok(outcome)
    }
}

impl Gate for FilterGate {
    fn name(&self) -> &'static str {
        "wasm"
    }

    fn run(&mut self, case: &Case) -> Result<Outcome, Skip> {
        let mut outcome = self.deliver(case, Delivery::Whole)?;
        if !check(case, &outcome, self.name(), &[]).is_empty() {
            return Ok(outcome);
        }
        for delivery in deliveries(case) {
            let other = self.deliver(case, delivery)?;
            for difference in check(case, &other, self.name(), &[]) {
                outcome.trouble.push(format!("delivered as {delivery:?}:\n{difference}"));
            }
        }
        Ok(outcome)
    }
}

/// The ways in which a case is delivered besides whole.
fn deliveries(case: &Case) -> Vec<Delivery> {
    let bytes = case.body.as_ref().map_or(0, Vec::len);
    let mut ways = vec![Delivery::Trailers, Delivery::HeadersThenEmptyEnd];
    if bytes > BYTE_BY_BYTE_BYTES_MAX {
        ways.extend([Delivery::Split(bytes / 97 + 1), Delivery::SplitTrailers(bytes / 3 + 1)]);
    } else if bytes > 0 {
        ways.extend([Delivery::ByteByByte, Delivery::Split(7), Delivery::SplitTrailers(5)]);
    }
    ways
}

/// The request of a case, as Envoy hands it to the filter.
pub(crate) fn request(case: &Case, delivery: Delivery) -> Result<Request, Skip> {
    let mut headers = Headers::from([
        (":authority", AUTHORITY.as_bytes()),
        (":method", case.method.as_bytes()),
        (":path", &case.target),
        (":scheme", if case.tls { b"https".as_slice() } else { b"http" }),
    ]);
    for (name, value) in case.request_headers() {
        let name = String::from_utf8(name)
            .map_err(|_| Skip::because("Envoy refuses header names that are not text"))?;
        headers.push(&name, value);
    }
    let body = case.body.clone().unwrap_or_default();
    if case.body.is_some() && !headers.contains("content-length") {
        headers.push("content-length", body.len().to_string());
    }
    headers.push("x-request-id", REQUEST_ID);
    let metadata = |name| {
        ["xds", "route_metadata", "filter_metadata", "zonegate", name].map(str::to_owned).to_vec()
    };
    let cluster = format!("{}-{}", case.provider, case.account);
    let port = 40_000;
    let peer = std::net::SocketAddr::new(case.from, port).to_string();
    let mut properties = vec![
        (metadata("provider"), case.provider.clone().into_bytes()),
        (metadata("account"), case.account.clone().into_bytes()),
        (metadata("cluster"), cluster.into_bytes()),
        (vec!["source".into(), "address".into()], peer.into_bytes()),
    ];
    if case.tls {
        properties.push((vec!["connection".into(), "tls_version".into()], b"TLSv1.3".to_vec()));
    }
    let trailers = Headers::from([("x-trailer", "1")]);
    Ok(Request { headers, body, trailers, delivery, properties })
}

/// How a lookup is answered; one that the row does not declare is cut off.
fn answer(result: Option<Result<zonegate_cases::Answer, Failure>>, late: bool) -> Answer {
    match result {
        Some(Ok(answer)) => {
            let mut response = CalloutResponse::new(answer.status, answer.body);
            for (name, value) in answer.headers {
                response.headers.push(&String::from_utf8_lossy(&name), value);
            }
            if late { Answer::Late(response) } else { Answer::Now(response) }
        }
        Some(Err(Failure::Timeout)) => Answer::Never,
        Some(Err(Failure::Reset)) | None => Answer::Failed,
    }
}

/// What the provider answers; nothing where the row ends when the request goes on.
pub(crate) fn upstream(case: &Case, delivery: Delivery) -> Option<Upstream> {
    let answer = case.upstream.as_ref()?;
    let mut response = Upstream::new(answer.status, answer.body.clone());
    if matches!(answer.status, 204 | 304) {
        response.headers.remove("content-length");
    }
    for (name, value) in &answer.headers {
        response.headers.push(&String::from_utf8_lossy(name), value);
    }
    // A response without a body ends with its headers.
    let delivery = if answer.body.is_empty() { Delivery::Whole } else { delivery };
    Some(response.delivery(delivery))
}

/// What came of an exchange, in the words of tables; decisions are read from the audit record.
fn understand(case: &Case, host: &Host, exchange: zonegate_host_tests::Outcome) -> Outcome {
    let mut trouble = exchange.problems();
    let record = exchange.state("wasm.zonegate").unwrap_or_default();
    let audit: serde_json::Value = serde_json::from_str(&record).unwrap_or_default();
    if !audit.is_object() {
        let logs: Vec<String> = host.logs().into_iter().map(|line| line.text).collect();
        trouble.push(format!("no audit record in filter state; the log is {logs:?}"));
    }
    Outcome {
        lookups: exchange.callouts.iter().filter_map(path).collect(),
        forwarded: exchange.forwarded.filter(|forwarded| forwarded.complete).map(|forwarded| {
            Forwarded {
                method: forwarded.headers.text(":method").unwrap_or_default(),
                path: forwarded.headers.text(":path").unwrap_or_default(),
                headers: plain(&forwarded.headers),
                body: forwarded.body,
            }
        }),
        answered: exchange.response.map(|response| Answered {
            status: response.status,
            headers: plain(&response.headers),
            body: response.body,
        }),
        trouble,
        ..audit::outcome(case, &audit)
    }
}

/// Path and query of a lookup.
fn path(callout: &Callout) -> Option<String> {
    callout.headers.text(":path")
}

/// All headers but pseudo-headers.
fn plain(headers: &Headers) -> Vec<Header> {
    let plain = headers.iter().filter(|(name, _)| !name.starts_with(':'));
    plain.map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect()
}
