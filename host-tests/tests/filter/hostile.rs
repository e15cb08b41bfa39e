//! Rows of the tables with bytes changed: whatever a client or a provider sends, the filter ends
//! the exchange, forwards only what it allowed, and never the client's key.
//!
//! The changes follow from a fixed seed; `ZONEGATE_ROUNDS` makes more of them.

use crate::bundle::gate;
use crate::dice::Dice;
use crate::runner::{request, upstream};
use crate::tables;
use zonegate_cases::Case;
use zonegate_host_tests::{Answer, CalloutResponse, Delivery, Headers, Host, Request, Upstream};

/// Changed exchanges of each row.
const ROUNDS: usize = 4;
/// The largest body that is changed.
const BODY_BYTES_MAX: usize = 16 * 1024;

impl Dice {
    /// One of several.
    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// Changes some bytes: other values, gone, twice, or something foreign put in.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        let foreign: &[&[u8]] = &[
            b"\x80",
            b"\xff\xfe",
            b"\0",
            b"%2f",
            b"%00",
            b"..",
            b"//",
            b";",
            b"?",
            b"&",
            b"\"",
            b"\\u0000",
            b"{",
            b"]",
            b"null",
            b",",
            b"-1",
            b"1e999",
            b".",
            b"*",
            b"\r\n",
        ];
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() + 1);
            match self.below(4) {
                0 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                1 => bytes.truncate(at),
                2 => {
                    let part = bytes[at..].iter().take(20).copied().collect::<Vec<u8>>();
                    bytes.splice(at..at, part);
                }
                _ => {
                    let part = self.of(foreign);
                    bytes.splice(at..at, part.iter().copied());
                }
            }
        }
    }

    /// A request like this one, but not quite.
    fn spoil(&mut self, request: &mut Request) {
        if self.below(2) == 0 && !request.body.is_empty() {
            self.change(&mut request.body);
        } else {
            let names: Vec<String> = request.headers.iter().map(|(name, _)| name.into()).collect();
            let name = self.of(&names);
            let mut value = request.headers.get(&name).unwrap().to_vec();
            self.change(&mut value);
            if self.below(4) == 0 {
                request.headers.push(&name, value);
            } else {
                request.headers.set(&name, value);
            }
        }
    }
}

/// Runs a changed exchange and holds it against what must always be so.
fn judge(host: &Host, case: &Case, dice: &mut Dice, spoil_request: bool) {
    let delivery = dice.of(&[
        Delivery::Whole,
        Delivery::ByteByByte,
        Delivery::Split(13),
        Delivery::SplitTrailers(29),
        Delivery::HeadersThenEmptyEnd,
    ]);
    let Ok(mut sent) = request(case, delivery) else { return };
    if spoil_request {
        dice.spoil(&mut sent);
    }
    let mut of_response = Dice(dice.0 ^ 1);
    let mut answer_of = |path: &str| {
        let declared = case.lookups.iter().find(|lookup| lookup.path == path);
        let Some(Ok(answer)) = declared.map(|lookup| lookup.result.clone()) else {
            return Answer::Failed;
        };
        let mut body = answer.body;
        if !spoil_request {
            dice.change(&mut body);
        }
        Answer::Now(CalloutResponse::new(answer.status, body))
    };
    let mut spoilt = None;
    let outcome = host.exchange(
        &sent,
        |callout| answer_of(&callout.headers.text(":path").unwrap_or_default()),
        |_| {
            let mut response =
                upstream(case, delivery).unwrap_or_else(|| Upstream::new(200, r#"{"a":1}"#));
            if !spoil_request {
                of_response.change(&mut response.body);
                response.headers.set("content-length", response.body.len().to_string());
            }
            spoilt = Some(response.clone());
            response
        },
    );
    let told = || format!("{} {}\n{sent:?}\n{spoilt:?}\n{outcome:?}", case.place(), case.name);
    // A request whose length was changed is cut off by the proxy itself.
    let lies = |headers: &Headers, body: &[u8]| {
        headers.text("content-length").is_some_and(|length| length != body.len().to_string())
    };
    if !lies(&sent.headers, &sent.body) {
        assert_eq!(outcome.problems(), Vec::<String>::new(), "{}", told());
    }
    assert!(!outcome.hung && outcome.trapped.is_none() && outcome.status() > 0, "{}", told());
    let record = outcome.state("wasm.zonegate").unwrap_or_else(|| panic!("{}", told()));
    let audit: serde_json::Value = serde_json::from_str(&record).unwrap();
    if let Some(forwarded) = &outcome.forwarded {
        assert_eq!(audit["decision"], "allow", "{}", told());
        if let Some(key) = case.credential.key() {
            let has = |bytes: &[u8]| bytes.windows(key.len()).any(|part| part == key.as_bytes());
            let leaks = forwarded.headers.iter().any(|(_, value)| has(value));
            assert!(!leaks || has(&case.target), "{}", told());
        }
    }
}

/// Judges every row so many times.
fn judge_all(spoil_request: bool) {
    let rounds = std::env::var("ZONEGATE_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let (module, config) = gate();
    let host = Host::new(&module, config).unwrap();
    let mut count = 0;
    for case in tables().cases() {
        if case.body.as_ref().is_some_and(|body| body.len() > BODY_BYTES_MAX)
            || (!spoil_request && case.upstream.is_none() && case.lookups.is_empty())
        {
            continue;
        }
        host.set_time_ns(u64::try_from(case.now_unix_ms).unwrap() * 1_000_000);
        let mut dice = Dice(u64::try_from(case.line).unwrap());
        for _ in 0..rounds {
            judge(&host, case, &mut dice, spoil_request);
            count += 1;
        }
    }
    println!("{count} changed exchanges");
    assert!(count > 0);
}

#[test]
fn changed_requests_end_and_forward_only_what_was_allowed() {
    judge_all(true);
}

#[test]
fn changed_answers_of_the_provider_end() {
    judge_all(false);
}
