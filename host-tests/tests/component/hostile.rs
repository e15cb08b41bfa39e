//! Rows of the tables with bytes changed, and calls in any order: whatever a client, a provider or
//! a careless host does, no call traps, an error changes nothing, and what goes on was allowed.
//!
//! The changes follow from a fixed seed; `ZONEGATE_ROUNDS` makes more of them.

use wasmtime::component::ResourceAny;
use zonegate_cases::Case;

use crate::again;
use crate::dice::Dice;
use crate::host::{self, Answer, Awaits, Found, Host, Misuse, Question, Request, Response, Step};
use crate::runner;

/// Changed walks of each row.
const ROUNDS: usize = 3;
/// Changed bundles for each of them.
const BUNDLES: usize = 13;
/// Calls of one walk, at most.
const CALLS_MAX: usize = 12;
/// The largest body that is changed.
const BODY_BYTES_MAX: usize = 16 * 1024;

impl Dice {
    /// Once in so many times.
    fn once_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    /// Changes some bytes: other values, gone, or something foreign put in.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        let foreign: [&[u8]; 12] = [
            b"\x80",
            b"\xff\xfe",
            b"\0",
            b"%2f",
            b"..",
            b";",
            b"\"",
            b"\\u0000",
            b"{",
            b"1e999",
            b"*",
            b"\r\n",
        ];
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() + 1);
            match self.below(3) {
                0 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                1 => bytes.truncate(at),
                _ => {
                    let part = foreign[self.below(foreign.len())];
                    bytes.splice(at..at, part.iter().copied());
                }
            }
        }
    }

    /// A text that is changed and still text.
    fn change_text(&mut self, text: &mut String) {
        let mut bytes = std::mem::take(text).into_bytes();
        self.change(&mut bytes);
        *text = String::from_utf8_lossy(&bytes).into_owned();
    }

    /// A request like this one, but not quite.
    fn spoil(&mut self, request: &mut Request) {
        match self.below(8) {
            0 => self.change_text(&mut request.provider),
            1 => self.change_text(&mut request.account),
            2 => self.change_text(&mut request.method),
            3 => self.change_text(&mut request.client),
            4 => self.change(&mut request.authority),
            5 => self.change(&mut request.path),
            6 => request.body_follows ^= true,
            _ => {
                let at = self.below(request.headers.len());
                if let Some((name, value)) = request.headers.get_mut(at) {
                    self.change(if at.is_multiple_of(2) { name } else { value });
                }
            }
        }
    }

    /// A question like this one, but not quite.
    fn spoil_question(&mut self, question: &mut Question) {
        match self.below(7) {
            0 => self.change_text(&mut question.key),
            1 => self.change_text(&mut question.provider),
            2 => self.change_text(&mut question.account),
            3 => self.change_text(&mut question.route),
            4 => question.cost = u32::MAX,
            _ => {
                let at = self.below(question.operations.len());
                if let Some(operation) = question.operations.get_mut(at) {
                    self.change_text(operation);
                }
            }
        }
    }

    /// A time, mostly the row's.
    fn time(&mut self, now: i64) -> i64 {
        match self.below(20) {
            0 => i64::MIN,
            1 => i64::MAX,
            2 => 0,
            _ => now,
        }
    }
}

/// One walk: a session, and what it may be given.
struct Walk<'c> {
    /// The row.
    case: &'c Case,
    /// The session.
    session: ResourceAny,
    /// Lookups that it waits for.
    lookups: Vec<host::Lookup>,
}

impl Walk<'_> {
    /// Makes one call, more often than not one that the session waits for.
    fn call(&mut self, host: &mut Host, dice: &mut Dice) {
        let before = host.awaits(self.session);
        let wanted = if dice.once_in(3) {
            [Awaits::Body, Awaits::Answers, Awaits::Response, Awaits::Nothing][dice.below(4)]
        } else {
            before
        };
        let now = dice.time(self.case.now_unix_ms);
        let refused = match wanted {
            Awaits::Body => {
                let mut body = self.case.body.clone().unwrap_or_default();
                if dice.once_in(2) {
                    dice.change(&mut body);
                }
                let step = host.body(self.session, &body, now);
                self.take(step)
            }
            Awaits::Answers => {
                let answers = self.answers(dice);
                let step = host.answers(self.session, &answers, now);
                self.take(step)
            }
            Awaits::Response => {
                let response = self.response(dice);
                host.response(self.session, &response).err()
            }
            Awaits::Nothing => {
                host.explain(self.session);
                host.audit(self.session);
                None
            }
        };
        if let Some(misuse) = refused {
            assert_eq!(host.awaits(self.session), before, "{misuse:?} changes nothing");
            let out_of_order = matches!(misuse, Misuse::OutOfOrder(waits) if waits == before);
            assert!(out_of_order || wanted == before, "{misuse:?} in {before:?}");
        }
    }

    /// Notes what a step asks for; what goes on must not have the client's key.
    fn take(&mut self, step: Result<Step, Misuse>) -> Option<Misuse> {
        match step {
            Err(misuse) => return Some(misuse),
            Ok(Step::NeedLookups(lookups)) => self.lookups = lookups,
            Ok(Step::Allow(forward)) => self.holds(&forward),
            Ok(Step::NeedBody | Step::Deny(_) | Step::Reply(_)) => {}
        }
        None
    }

    /// What goes on has not the client's key, unless the client put it into its own path.
    fn holds(&self, forward: &host::Forward) {
        let Some(key) = self.case.credential.key() else { return };
        let has = |bytes: &[u8]| bytes.windows(key.len()).any(|part| part == key.as_bytes());
        let leaks = forward.headers.iter().any(|(_, value)| has(value));
        assert!(!leaks || has(&self.case.target), "{}: {forward:?}", self.case.place());
    }

    /// Answers, some of them missing, double, foreign or changed.
    fn answers(&self, dice: &mut Dice) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::new();
        for lookup in &self.lookups {
            let mut found = runner::found(self.case, &lookup.path);
            if let Some(Found { body, status }) = found.as_mut().filter(|_| dice.once_in(2)) {
                dice.change(body);
                *status = [200, 204, 302, 404, 500, 0][dice.below(6)];
            }
            answers.push(Answer { id: lookup.id, found });
        }
        match dice.below(8) {
            0 => answers.clear(),
            1 => answers.extend(answers.clone()),
            2 => answers.push(Answer { id: u32::MAX, found: None }),
            3 => answers.truncate(1),
            _ => {}
        }
        answers
    }

    /// A response, mostly changed.
    fn response(&self, dice: &mut Dice) -> Response {
        let mut response = match &self.case.upstream {
            Some(one) => Response {
                status: one.status,
                headers: one.headers.clone(),
                body: one.body.clone(),
            },
            None => Response { status: 200, headers: Vec::new(), body: b"{\"a\":1}".to_vec() },
        };
        match dice.below(4) {
            0 => {}
            1 => response.status = [0, 99, 204, 206, 302, 999, u16::MAX][dice.below(7)],
            2 => response.headers.push((b"Content-Encoding".to_vec(), b"br".to_vec())),
            _ => dice.change(&mut response.body),
        }
        response
    }
}

/// Changed walks of each row in this run.
fn rounds() -> usize {
    std::env::var("ZONEGATE_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap())
}

#[test]
fn nothing_traps_and_errors_change_nothing() {
    let rounds = rounds();
    let mut host = Host::new();
    let bundle = host.load(host::bundle()).unwrap();
    let (mut walks, mut refused) = (0, 0);
    for case in crate::tables().cases() {
        if case.body.as_ref().is_some_and(|body| body.len() > BODY_BYTES_MAX) {
            continue;
        }
        let mut dice = Dice(u64::try_from(case.line).unwrap());
        for _ in 0..rounds {
            let mut request = runner::request(case);
            if dice.once_in(2) {
                dice.spoil(&mut request);
            }
            let now = dice.time(case.now_unix_ms);
            let Ok((session, step)) = host.begin(bundle, &request, now) else {
                refused += 1;
                continue;
            };
            let mut walk = Walk { case, session, lookups: Vec::new() };
            walk.take(Ok(step));
            for _ in 0..dice.below(CALLS_MAX) {
                walk.call(&mut host, &mut dice);
            }
            if let Some(mut question) = again::question(case, &host.audit(session)) {
                dice.spoil_question(&mut question);
                let _ = host.ask(bundle, &question, dice.time(case.now_unix_ms));
            }
            host.drop(session);
            walks += 1;
        }
    }
    println!("{walks} changed walks, {refused} refused at once");
    assert!(walks > 1000 && refused > 0);
}

#[test]
fn changed_bundles_are_refused_and_never_trap() {
    let mut host = Host::new();
    let whole = host::bundle();
    let mut dice = Dice(1);
    let mut accepted = 0;
    let bundles = rounds() * BUNDLES;
    for _ in 0..bundles {
        let mut changed = whole.to_vec();
        dice.change(&mut changed);
        if let Ok(bundle) = host.load(&changed) {
            // A change outside the digest: white space, or the time of packing.
            accepted += 1;
            host.drop(bundle);
        }
    }
    println!("{bundles} changed bundles, {accepted} accepted");
    assert!(accepted < bundles / 2, "{accepted} of {bundles} changed bundles were accepted");
}
