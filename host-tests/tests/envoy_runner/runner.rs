//! A real Envoy as a runner of decision tables.

use crate::http::{self, Kind, Message};
use crate::lab::Lab;
use crate::record::{Log, Record};
use crate::relay::{Relay, Script, Seen};
use crate::target::{Behind, POWERDNS, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;
use zonegate_cases::{
    Answer, Answered, Case, Decision, Expected, Failure, Forwarded, Gate, Header, LookupAnswer,
    Outcome, Skip, Tables, check, is_response_reason,
};

/// The authority that clients of a table speak to.
const AUTHORITY: &str = "gate.example.net";
/// How long an answer may take; a lookup that fails takes five seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a record may take to be written.
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);

/// A provider and an account.
type Route = (String, String);

/// Envoys with the built filter, in front of PowerDNS and of stand-ins.
#[derive(Debug)]
pub(crate) struct EnvoyGate {
    /// Envoys and providers; first, so that they end first.
    lab: Lab,
    /// The accounts that rows are for.
    targets: BTreeMap<Route, Target>,
    /// The audit log of the Envoy in front of PowerDNS, and that of the other one.
    logs: [Log; 2],
    /// What was counted.
    counts: Counts,
    /// What came of the rows that were run before their turn, by place and name.
    early: BTreeMap<(String, String), Outcome>,
}

/// What the runner did, for people to read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Who answered how many requests.
    pub(crate) answerers: BTreeMap<String, usize>,
    /// Rows whose answers the relay made up in PowerDNS's place: place and why.
    pub(crate) made_up: Vec<(String, String)>,
    /// Rows of providers in the cloud whose answers are the table's, by provider.
    pub(crate) scripted: BTreeMap<String, usize>,
    /// Rows with made-up answers that were sent to the provider as well.
    pub(crate) repeated: usize,
    /// Lookups that PowerDNS answered.
    pub(crate) lookups: usize,
    /// Rows with two `Authorization` headers, of which Envoy makes one.
    pub(crate) joined: usize,
}

impl EnvoyGate {
    /// Starts everything that these tables need.
    pub(crate) fn new(tables: &Tables) -> EnvoyGate {
        let (provider, account) = POWERDNS;
        let powerdns = (provider.to_owned(), account.to_owned());
        let mut routes: BTreeSet<Route> =
            tables.cases().map(|case| (case.provider.clone(), case.account.clone())).collect();
        routes.remove(&powerdns);
        let mut relays: BTreeMap<Route, Relay> =
            routes.into_iter().map(|route| (route, Relay::start())).collect();
        let ports: Vec<(String, String, u16)> = relays
            .iter()
            .map(|((provider, account), relay)| (provider.clone(), account.clone(), relay.port))
            .collect();
        let relay = Relay::start();
        let lab = Lab::start(relay.port, &ports);
        let mut targets = BTreeMap::from([(powerdns, Target::powerdns(&lab, relay))]);
        for cloud in &lab.cloud {
            let route = (cloud.provider.clone(), cloud.account.clone());
            let relay = relays.remove(&route).expect("the lab has the routes that it was given");
            targets.insert(route, Target::cloud(cloud, relay, &lab.mark));
        }
        let other =
            if lab.cloud.is_empty() { lab.audit_log.clone() } else { lab.cloud_audit_log.clone() };
        let logs = [Log::open(&lab.audit_log), Log::open(&other)];
        let (counts, early) = Default::default();
        EnvoyGate { lab, targets, logs, counts, early }
    }

    /// What was counted.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Providers of tables that there is no stand-in of.
    pub(crate) fn without_stand_in(&self) -> Vec<String> {
        let lacking = |target: &&Target| matches!(target.behind, Behind::Lacking);
        self.targets.values().filter(lacking).map(|target| target.provider.clone()).collect()
    }

    /// What the relay does for a row; PowerDNS is brought into the state that the row speaks of.
    fn script(&mut self, route: &Route, case: &Case) -> Script {
        let target = self.targets.get_mut(route).unwrap();
        if target.changed {
            target.reset(&mut self.lab);
        }
        let mut script = Script { upstream: case.upstream.clone(), ..Script::default() };
        let Behind::PowerDns(powerdns) = &target.behind else {
            script.lookups.clone_from(&case.lookups);
            // What Envoy itself changes in a request, the row does not follow.
            script.more_lookups = case.envoy.is_some();
            script.nobody = matches!(target.behind, Behind::Lacking).then(|| Answer {
                status: 404,
                headers: vec![(b"content-type".to_vec(), b"application/json".to_vec())],
                body: b"{}".to_vec(),
            });
            if script.upstream.is_some() || !script.lookups.is_empty() {
                *self.counts.scripted.entry(route.0.clone()).or_default() += 1;
            }
            return script;
        };
        script.more_lookups = true;
        if script.upstream.is_some() {
            let why = "the table says what the provider answers to the request";
            self.counts.made_up.push((case.place(), why.to_owned()));
        }
        if !case.lookups.is_empty() {
            match powerdns.arrange(&case.lookups) {
                Ok(()) => target.changed = true,
                Err(why) => {
                    self.counts.made_up.push((case.place(), why));
                    script.lookups.clone_from(&case.lookups);
                }
            }
        }
        script
    }

    /// Sends a row's bytes over a connection of its own: the client's port, and the answer.
    fn send(gate_port: u16, case: &Case) -> io::Result<(u16, Option<Message>)> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, gate_port))?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        let port = stream.local_addr()?.port();
        // An answer may come before the whole body was sent; then only reading it tells more.
        let _ = stream.write_all(&request(case));
        let kind = if case.method == "HEAD" { Kind::ResponseToHead } else { Kind::Response };
        Ok((port, http::read(&mut BufReader::new(stream), kind)?))
    }

    /// What came of a row, from the answer, the record and what the provider got.
    fn understand(
        &mut self,
        route: &Route,
        case: &Case,
        answer: Option<Message>,
        record: Option<&Record>,
    ) -> Outcome {
        let target = self.targets.get_mut(route).unwrap();
        let (seen, trouble) = target.relay.end();
        let unseen = Outcome::deny("not seen by the gate", Vec::new());
        let by_gate = record.and_then(|record| record.outcome(case));
        let is_by_gate = by_gate.is_some();
        let mut outcome = by_gate.unwrap_or(unseen);
        outcome.trouble.extend(trouble);
        if !is_by_gate && case.envoy.is_none() {
            outcome.trouble.push(format!("no record of the gate: {record:?}"));
        }
        for one in &seen {
            outcome.trouble.extend(target.trouble(one));
            target.changed |= one.request.start[0] != "GET";
            let by_provider = one.is_lookup && one.provider.is_some();
            self.counts.lookups += usize::from(by_provider && !target.is_cloud());
        }
        let path = |one: &Seen| one.request.start[1].clone();
        outcome.lookups = seen.iter().filter(|one| one.is_lookup).map(path).collect();
        let forwarded: Vec<&Seen> = seen.iter().filter(|one| !one.is_lookup).collect();
        if forwarded.len() > 1 {
            outcome.trouble.push(format!("{} requests went on", forwarded.len()));
        }
        if case.envoy.as_ref().is_some_and(|envoy| envoy.status >= 400) && !seen.is_empty() {
            outcome.trouble.push("what Envoy refuses reaches the provider".to_owned());
        }
        outcome.trouble.extend(reach_trouble(&outcome, record, forwarded.first().copied()));
        let status = answer.as_ref().and_then(Message::status);
        if let Some(said) = forwarded.first().and_then(|one| one.provider) {
            outcome.trouble.extend(target.answer_trouble(said));
            // One record that may not be read looks as if it were not there.
            let hidden =
                target.is_cloud() && case.method == "GET" && (said, status) == (200, Some(404));
            // An error with the status of a success is told with that of an error.
            let failed = target.is_cloud()
                && (said, status) == (200, Some(400))
                && answer.as_ref().is_some_and(is_of_the_provider);
            let same = status == Some(said) || hidden || failed;
            if outcome.decision == Decision::Allow && !same {
                let line = format!("the provider answers {said}, and the client gets {status:?}");
                outcome.trouble.push(line);
            }
        }
        let who = answerer(target, forwarded.first().copied(), is_by_gate);
        *self.counts.answerers.entry(who).or_default() += 1;
        // Two `Authorization` headers reach the gate as one with a comma in it, which no key has.
        let one_for_two = ("many-keys", Some("malformed-key"));
        if (expected_reason(case), outcome.reason.as_deref()) == one_for_two && is_joined(case) {
            self.counts.joined += 1;
            outcome.reason = Some(one_for_two.0.to_owned());
        }
        outcome.forwarded = forwarded.first().map(|one| {
            let [method, path, _] = one.request.start.clone();
            let headers = target.plain_headers(&one.request);
            Forwarded { method, path, headers, body: one.request.body.clone() }
        });
        outcome.answered = answer.and_then(answered_of);
        outcome
    }

    /// Sends a row and says what came of it.
    fn exchange(&mut self, route: &Route, case: &Case) -> Outcome {
        self.exchange_together(&[(route.clone(), case)]).remove(0)
    }

    /// Sends rows of different accounts at the same time, which must be the time of all of them.
    fn exchange_together(&mut self, rows: &[(Route, &Case)]) -> Vec<Outcome> {
        for (route, case) in rows {
            let script = self.script(route, case);
            self.targets[route].relay.begin(script);
        }
        self.lab.set_time(rows[0].1.now_unix_ms);
        let targets = &self.targets;
        let sent: Vec<io::Result<(u16, Option<Message>)>> = std::thread::scope(|scope| {
            let start = |(route, case): &(Route, &Case)| {
                let (gate_port, case) = (targets[route].gate_port, (*case).clone());
                scope.spawn(move || Self::send(gate_port, &case))
            };
            let threads: Vec<_> = rows.iter().map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let both = rows.iter().zip(sent);
        let outcome = |((route, case), sent): (&(Route, &Case), io::Result<_>)| {
            let (port, answer) = sent.unwrap_or_else(|error| panic!("{}: {error}", case.place()));
            let log = &mut self.logs[usize::from(self.targets[route].is_cloud())];
            let record = log.record(port, RECORD_TIMEOUT);
            self.understand(route, case, answer, record.as_ref())
        };
        both.map(outcome).collect()
    }

    /// Runs the rows that wait for a lookup until its time is over: those of different accounts
    /// together, because each takes seconds.
    pub(crate) fn run_slow_rows(&mut self, tables: &Tables) {
        let is_slow = |case: &&Case| {
            let late = |lookup: &LookupAnswer| lookup.result == Err(Failure::Timeout);
            let is_run = !case.tls && !case.skip.contains_key(self.name());
            is_run && case.upstream.is_none() && case.lookups.iter().any(late)
        };
        let mut waiting: Vec<&Case> = tables.cases().filter(is_slow).collect();
        while let Some(first) = waiting.first().copied() {
            let mut together: BTreeMap<Route, &Case> = BTreeMap::new();
            waiting.retain(|case| {
                let route = (case.provider.clone(), case.account.clone());
                let fits = case.now_unix_ms == first.now_unix_ms && !together.contains_key(&route);
                if fits {
                    together.insert(route, case);
                }
                !fits
            });
            let rows: Vec<(Route, &Case)> = together.into_iter().collect();
            let outcomes = self.exchange_together(&rows);
            let names = rows.iter().map(|(_, case)| (case.place(), case.name.clone()));
            self.early.extend(names.zip(outcomes));
        }
    }
}

/// Whether an answer says that the provider, and not the gate, refused the request.
fn is_of_the_provider(answer: &Message) -> bool {
    String::from_utf8_lossy(&answer.body).contains("provider-refused")
}

/// Who answered, in words.
fn answerer(target: &Target, forwarded: Option<&Seen>, by_gate: bool) -> String {
    match (forwarded, by_gate) {
        (Some(Seen { provider: Some(_), .. }), _) if target.is_cloud() => {
            format!("by the stand-in of {}", target.provider)
        }
        (Some(Seen { provider: Some(_), .. }), _) => "by PowerDNS".to_owned(),
        (Some(_), _) => "by the relay, as the table says".to_owned(),
        (None, true) => "by the gate itself".to_owned(),
        (None, false) => "by Envoy before the gate".to_owned(),
    }
}

impl Gate for EnvoyGate {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn run(&mut self, case: &Case) -> Result<Outcome, Skip> {
        if case.tls {
            return Err(Skip::because("the runner's client speaks no TLS"));
        }
        if let Some(outcome) = self.early.remove(&(case.place(), case.name.clone())) {
            return Ok(outcome);
        }
        let route = (case.provider.clone(), case.account.clone());
        let mut outcome = self.exchange(&route, case);
        let lacking = matches!(self.targets[&route].behind, Behind::Lacking);
        if case.upstream.is_some() && !is_about_response(case) && !lacking {
            // What the client gets was compared with what the table made up; the decision is the
            // same in front of the real thing.
            let real = Case { upstream: None, status: None, answers: None, ..case.clone() };
            self.counts.repeated += 1;
            let again = self.exchange(&route, &real);
            for difference in check(&real, &again, self.name(), &[]) {
                outcome.trouble.push(format!("in front of the provider itself:\n{difference}"));
            }
        }
        Ok(outcome)
    }
}

/// The reason that a row expects; empty where it is allowed.
fn expected_reason(case: &Case) -> &str {
    match &case.expected {
        Expected::Deny { reason, .. } => reason,
        Expected::Allow { .. } => "",
    }
}

/// Whether a row sends the one header of keys whose values Envoy joins.
fn is_joined(case: &Case) -> bool {
    let sent = case.request_headers();
    let authorization = |(name, _): &&Header| name.eq_ignore_ascii_case(b"authorization");
    sent.iter().filter(authorization).count() > 1
}

/// Whether a row is about what becomes of a certain answer, which PowerDNS would not give.
fn is_about_response(case: &Case) -> bool {
    matches!(&case.expected, Expected::Deny { reason, .. } if is_response_reason(reason))
}

/// A row's request as bytes.
fn request(case: &Case) -> Vec<u8> {
    let mut start = case.method.clone().into_bytes();
    start.push(b' ');
    start.extend_from_slice(&case.target);
    start.extend_from_slice(b" HTTP/1.1");
    let sent = case.request_headers();
    let names =
        |wanted: &'static [u8]| sent.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let mut headers: Vec<Header> = vec![(b"connection".to_vec(), b"close".to_vec())];
    if !names(b"host") {
        headers.push((b"host".to_vec(), AUTHORITY.into()));
    }
    let with_length = case.body.is_some() && !names(b"content-length");
    headers.extend(sent);
    // The trusted hop before Envoy says who the client is, behind whatever the client claims.
    headers.push((b"x-forwarded-for".to_vec(), case.from.to_string().into_bytes()));
    http::write(&start, &headers, case.body.as_deref().unwrap_or_default(), with_length)
}

/// Where Envoy's own account of what went on differs from what the provider got.
fn reach_trouble(
    outcome: &Outcome,
    record: Option<&Record>,
    seen: Option<&Seen>,
) -> Option<String> {
    let said = record.and_then(Record::upstream);
    (said.is_some() != seen.is_some()).then(|| {
        let got = if seen.is_some() { "got" } else { "did not get" };
        format!("{}: Envoy names {said:?}, the provider {got} the request", outcome.decision)
    })
}

/// An answer to the client; one that was cut off is none.
fn answered_of(answer: Message) -> Option<Answered> {
    let status = answer.status().filter(|_| !answer.cut)?;
    Some(Answered { status, headers: answer.headers, body: answer.body })
}
