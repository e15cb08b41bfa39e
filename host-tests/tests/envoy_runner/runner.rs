//! A real Envoy as a runner of decision tables.

use crate::http::{self, Kind, Message};
use crate::lab::Lab;
use crate::record::{Log, Record};
use crate::relay::{Relay, Script, Seen};
use crate::state::PowerDns;
use std::collections::BTreeMap;
use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;
use zonegate_cases::{
    Answered, Case, Decision, Expected, Forwarded, Gate, Header, Outcome, Skip, check,
    is_response_reason,
};

/// The authority that clients of a table speak to.
const AUTHORITY: &str = "gate.example.net";
/// The one provider and account of the configuration's route.
const ROUTE: (&str, &str) = ("powerdns", "main");
/// The header in which Envoy puts the real credential.
const CREDENTIAL: &[u8] = b"x-api-key";
/// How long an answer may take; a lookup that fails takes five seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a record may take to be written.
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);
/// What PowerDNS may say to a request that the gate allows: the decision is what is tested.
const POWERDNS_STATUSES: [u16; 6] = [200, 201, 204, 404, 409, 422];

/// Envoy with the built filter, in front of PowerDNS.
#[derive(Debug)]
pub(crate) struct EnvoyGate {
    /// Envoy and PowerDNS; first, so that they end first.
    lab: Lab,
    /// What stands between them.
    relay: Relay,
    /// PowerDNS, past the gate.
    powerdns: PowerDns,
    /// The audit log.
    log: Log,
    /// Whether PowerDNS's zones may be others than at the start.
    changed: bool,
    /// Who answered how many requests.
    answerers: BTreeMap<&'static str, usize>,
    /// Rows whose provider's answers the relay made up: place and why.
    made_up: Vec<(String, String)>,
    /// Rows of these that were sent to PowerDNS as well.
    repeated: usize,
    /// Lookups that PowerDNS answered.
    lookups: usize,
}

impl EnvoyGate {
    /// Starts everything.
    pub(crate) fn new() -> EnvoyGate {
        let relay = Relay::start();
        let lab = Lab::start(relay.port);
        relay.lead_to(lab.powerdns_port);
        let powerdns = PowerDns { port: lab.powerdns_port, credential: lab.credential.clone() };
        let log = Log::open(&lab.audit_log);
        let (answerers, made_up) = Default::default();
        EnvoyGate {
            lab,
            relay,
            powerdns,
            log,
            changed: false,
            answerers,
            made_up,
            repeated: 0,
            lookups: 0,
        }
    }

    /// Who answered how many requests.
    pub(crate) fn answerers(&self) -> &BTreeMap<&'static str, usize> {
        &self.answerers
    }

    /// Rows whose provider's answers the relay made up: place and why.
    pub(crate) fn made_up(&self) -> &[(String, String)] {
        &self.made_up
    }

    /// How many rows with made-up answers were sent to PowerDNS as well.
    pub(crate) fn repeated(&self) -> usize {
        self.repeated
    }

    /// How many lookups PowerDNS answered.
    pub(crate) fn lookups(&self) -> usize {
        self.lookups
    }

    /// What the relay does for a row; PowerDNS is brought into the state that the row speaks of.
    fn script(&mut self, case: &Case) -> Script {
        if self.changed {
            self.lab.reset();
            self.changed = false;
        }
        let mut script = Script { upstream: case.upstream.clone(), ..Script::default() };
        if script.upstream.is_some() {
            let why = "the table says what the provider answers to the request";
            self.made_up.push((case.place(), why.to_owned()));
        }
        if !case.lookups.is_empty() {
            match self.powerdns.arrange(&case.lookups) {
                Ok(()) => self.changed = true,
                Err(why) => {
                    self.made_up.push((case.place(), why));
                    script.lookups.clone_from(&case.lookups);
                }
            }
        }
        script
    }

    /// Sends a row's bytes over a connection of its own: the client's port, and the answer.
    fn send(&self, case: &Case) -> io::Result<(u16, Option<Message>)> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.lab.gate_port))?;
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
        case: &Case,
        answer: Option<Message>,
        record: Option<&Record>,
    ) -> Outcome {
        let (seen, trouble) = self.relay.end();
        let unseen = Outcome::deny("not seen by the gate", Vec::new());
        let by_gate = record.and_then(|record| record.outcome(case));
        let is_by_gate = by_gate.is_some();
        let mut outcome = by_gate.unwrap_or(unseen);
        outcome.trouble.extend(trouble);
        if !is_by_gate && case.envoy.is_none() {
            outcome.trouble.push(format!("no record of the gate: {record:?}"));
        }
        for one in &seen {
            outcome.trouble.extend(credential_trouble(one, &self.lab.credential));
            self.changed |= one.request.start[0] != "GET";
            self.lookups += usize::from(one.is_lookup && one.powerdns.is_some());
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
        if let Some(said) = forwarded.first().and_then(|one| one.powerdns) {
            let same = outcome.decision == Decision::Deny || status == Some(said);
            if !POWERDNS_STATUSES.contains(&said) || !same {
                let line = format!("PowerDNS answers {said}, and the client gets {status:?}");
                outcome.trouble.push(line);
            }
        }
        self.count(forwarded.first().copied(), is_by_gate);
        outcome.forwarded = forwarded.first().map(|one| forwarded_of(&one.request));
        outcome.answered = answer.and_then(answered_of);
        outcome
    }

    /// Sends a row and says what came of it.
    fn exchange(&mut self, case: &Case) -> Outcome {
        let script = self.script(case);
        self.relay.begin(script);
        self.lab.set_time(case.now_unix_ms);
        let sent = self.send(case);
        let (port, answer) = sent.unwrap_or_else(|error| panic!("{}: {error}", case.place()));
        let record = self.log.record(port, RECORD_TIMEOUT);
        self.understand(case, answer, record.as_ref())
    }

    /// Counts who answered.
    fn count(&mut self, forwarded: Option<&Seen>, by_gate: bool) {
        let who = match (forwarded, by_gate) {
            (Some(Seen { powerdns: Some(_), .. }), _) => "by PowerDNS",
            (Some(_), _) => "by the relay, as the table says",
            (None, true) => "by the gate itself",
            (None, false) => "by Envoy before the gate",
        };
        *self.answerers.entry(who).or_default() += 1;
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
        if (case.provider.as_str(), case.account.as_str()) != ROUTE {
            return Err(Skip::because("the configuration has one route, powerdns main"));
        }
        let mut outcome = self.exchange(case);
        if let (Some(_), false) = (&case.upstream, is_about_response(case)) {
            // What the client gets was compared with what the table made up; the decision is the
            // same in front of the real thing.
            let real = Case { upstream: None, status: None, answers: None, ..case.clone() };
            self.repeated += 1;
            let again = self.exchange(&real);
            for difference in check(&real, &again, self.name(), &[]) {
                outcome.trouble.push(format!("in front of PowerDNS itself:\n{difference}"));
            }
        }
        Ok(outcome)
    }
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

/// What is wrong with the credential of a request to the provider.
fn credential_trouble(seen: &Seen, credential: &str) -> Option<String> {
    let credentials = seen.request.headers.iter().filter(|(name, _)| name == CREDENTIAL);
    let values: Vec<&[u8]> = credentials.map(|(_, value)| value.as_slice()).collect();
    let good = values == [credential.as_bytes()];
    (!good).then(|| format!("{} goes up without the one real credential", seen.request.start[1]))
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

/// A request to the provider, without the credential that Envoy put in.
fn forwarded_of(request: &Message) -> Forwarded {
    let [method, path, _] = request.start.clone();
    let headers = request.headers.iter().filter(|(name, _)| name != CREDENTIAL).cloned().collect();
    Forwarded { method, path, headers, body: request.body.clone() }
}

/// An answer to the client; one that was cut off is none.
fn answered_of(answer: Message) -> Option<Answered> {
    let status = answer.status().filter(|_| !answer.cut)?;
    Some(Answered { status, headers: answer.headers, body: answer.body })
}
