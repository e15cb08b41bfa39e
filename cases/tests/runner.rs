//! The runner itself: what it must let pass, and every way in which it must fail.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use zonegate_cases::{
    Answered, Facet, Forwarded, Gate, Outcome, Runner, Skip, Table, Tables, Wanted, check, run,
    run_filtered, run_parallel,
};

/// The plaintext of the key `acme`.
const KEY: &str = "zgk_demo00000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA111111";

/// A gate whose outcomes a test writes down.
struct Scripted {
    /// What every case comes to.
    outcome: Result<Outcome, Skip>,
    /// What it claims not to see.
    unseen: Vec<Facet>,
}

impl Gate for Scripted {
    fn name(&self) -> &'static str {
        "wasm"
    }
    fn unseen(&self) -> &[Facet] {
        &self.unseen
    }
    fn run(&mut self, _: &zonegate_cases::Case) -> Result<Outcome, Skip> {
        self.outcome.clone()
    }
}

/// One table of one row.
fn table(row: &str) -> Tables {
    let text = format!(
        "provider = 'powerdns'\naccount = 'main'\nnow = '2026-06-03T10:00:00Z'\n\
         from = '192.0.2.1'\n[[case]]\nname = 'one'\nkey = 'acme'\nsend = 'GET /a'\n{row}"
    );
    let keys = BTreeMap::from([("acme".to_owned(), KEY.to_owned())]);
    Tables { tables: vec![Table::parse("t.toml", &text, &keys).unwrap()] }
}

/// An allowed outcome that went on.
fn allowed() -> Outcome {
    let forwarded = Forwarded { method: "GET".into(), path: "/a".into(), ..Forwarded::default() };
    Outcome { forwarded: Some(forwarded), ..Outcome::allow(vec!["p".into()]) }
}

/// A denied outcome with its answer.
fn denied(reason: &str, status: u16) -> Outcome {
    let answered = Answered { status, ..Answered::default() };
    Outcome { answered: Some(answered), ..Outcome::deny(reason, Vec::new()) }
}

/// What differs, each as `what`.
fn differs(row: &str, outcome: &Outcome) -> Vec<String> {
    let tables = table(row);
    let case = tables.cases().next().unwrap();
    check(case, outcome, "wasm", &[]).into_iter().map(|difference| difference.what).collect()
}

#[test]
fn what_is_as_the_row_says_passes() {
    assert!(differs("allow = ['p']", &allowed()).is_empty());
    assert!(differs("deny = 'no-key'", &denied("no-key", 401)).is_empty());
}

#[test]
fn a_wrong_decision_fails() {
    assert_eq!(
        differs("deny = 'no-key'", &allowed()),
        ["decision", "policies", "forwarded", "answer"]
    );
    assert_eq!(
        differs("allow = ['p']", &denied("no-key", 401)),
        ["decision", "policies", "forwarded"]
    );
    assert_eq!(differs("deny = 'no-key'", &denied("unknown-key", 401)), ["decision"]);
}

#[test]
fn the_policies_are_exact() {
    assert_eq!(differs("allow = ['p', 'q']", &allowed()), ["policies"]);
    assert_eq!(differs("allow = ['q']", &allowed()), ["policies"]);
    let by = "deny = 'policy-forbids'\nby = ['g']";
    let mut outcome = denied("policy-forbids", 403);
    assert_eq!(differs(by, &outcome), ["policies"]);
    outcome.policies = vec!["g".into()];
    assert!(differs(by, &outcome).is_empty());
    outcome.policies.push("h".into());
    assert_eq!(differs(by, &outcome), ["policies"]);
}

#[test]
fn the_operations_are_exact_and_in_order() {
    let row = "allow = ['p']\nmeans = ['a', 'b']";
    let mut outcome = allowed();
    assert_eq!(differs(row, &outcome), ["means"]);
    outcome.operations = vec!["b".into(), "a".into()];
    assert_eq!(differs(row, &outcome), ["means"]);
    outcome.operations.reverse();
    assert!(differs(row, &outcome).is_empty());
    outcome.operations.push("c".into());
    assert_eq!(differs(row, &outcome), ["means"]);
}

#[test]
fn exactly_the_declared_lookups_are_asked() {
    let row = "allow = ['p']\nlookup = [{ path = '/l', body = '[]' }]";
    let mut outcome = allowed();
    assert_eq!(differs(row, &outcome), ["lookups"]);
    outcome.lookups = vec!["/l".into()];
    assert!(differs(row, &outcome).is_empty());
    outcome.lookups.push("/l".into());
    assert_eq!(differs(row, &outcome), ["lookups"]);
    assert_eq!(differs("allow = ['p']", &outcome), ["lookups"]);
}

#[test]
fn a_denied_request_never_goes_on() {
    let outcome = Outcome { forwarded: allowed().forwarded, ..denied("no-key", 401) };
    assert_eq!(differs("deny = 'no-key'", &outcome), ["forwarded"]);
    let row = "deny = 'response-too-large'";
    let outcome = Outcome { forwarded: allowed().forwarded, ..denied("response-too-large", 502) };
    assert!(differs(row, &outcome).is_empty());
    assert_eq!(differs(row, &denied("response-too-large", 502)), ["forwarded"]);
}

#[test]
fn the_status_is_the_reasons_unless_the_row_says_otherwise() {
    assert_eq!(differs("deny = 'no-key'", &denied("no-key", 403)), ["status"]);
    assert_eq!(differs("deny = 'no-key'\nstatus = 418", &denied("no-key", 401)), ["status"]);
    let upstream = "allow = ['p']\nupstream = { status = 204 }";
    assert_eq!(differs(upstream, &allowed()), ["answer"]);
}

#[test]
fn the_clients_key_goes_nowhere() {
    let mut outcome = allowed();
    let header = (b"x-other".to_vec(), format!("a {KEY}").into_bytes());
    outcome.forwarded.as_mut().unwrap().headers.push(header.clone());
    assert_eq!(differs("allow = ['p']", &outcome), ["forwarded"]);
    let mut outcome = denied("unknown-key", 401);
    outcome.answered.as_mut().unwrap().body = format!("no such key: {KEY}").into_bytes();
    assert_eq!(differs("deny = 'unknown-key'", &outcome), ["answer"]);
}

#[test]
fn what_goes_on_is_held_to_the_row() {
    let forwarded = Forwarded {
        method: "GET".into(),
        path: "/a".into(),
        headers: vec![
            (b"Cookie".to_vec(), b"c".to_vec()),
            (b"two".to_vec(), b"1".to_vec()),
            (b"two".to_vec(), b"2".to_vec()),
        ],
        body: b"has it".to_vec(),
    };
    let outcome = Outcome { forwarded: Some(forwarded), ..allowed() };
    let differs =
        |expects: &str| differs(&format!("allow = ['p']\nforwards = {{ {expects} }}"), &outcome);
    assert!(
        differs("method = 'GET', path = '/a', body = 'has it', header = [['cookie', 'c']]")
            .is_empty()
    );
    assert_eq!(differs("method = 'PUT'"), ["forwarded method"]);
    assert_eq!(differs("path = '/b'"), ["forwarded path"]);
    assert_eq!(differs("body = ''"), ["forwarded body"]);
    assert_eq!(differs("body_lacks = ['it']"), ["forwarded body"]);
    assert_eq!(differs("no_header = ['cookie']"), ["forwarded header `cookie`"]);
    assert_eq!(differs("header = [['cookie', 'd']]"), ["forwarded header `cookie`"]);
    assert_eq!(differs("header = [['two', '1']]"), ["forwarded header `two`"]);
}

#[test]
fn what_comes_back_is_held_to_the_row() {
    let answered = Answered {
        status: 200,
        headers: vec![(b"etag".to_vec(), b"e".to_vec())],
        body: b"abc".to_vec(),
    };
    let outcome = Outcome { answered: Some(answered), ..allowed() };
    let differs =
        |expects: &str| differs(&format!("allow = ['p']\nanswers = {{ {expects} }}"), &outcome);
    assert!(differs("status = 200, body = 'abc', body_has = ['b'], body_lacks = ['x']").is_empty());
    assert_eq!(differs("status = 201"), ["status"]);
    assert_eq!(differs("body = 'ab'"), ["answered body"]);
    assert_eq!(differs("body_has = ['x']"), ["answered body"]);
    assert_eq!(differs("body_lacks = ['b']"), ["answered body"]);
    assert_eq!(differs("no_header = ['ETag']"), ["answered header `ETag`"]);
    assert_eq!(differs("header = [['etag', 'f']]"), ["answered header `etag`"]);
}

#[test]
fn trouble_fails_whatever_else_is_right() {
    let outcome = Outcome { trouble: vec!["a trap".into()], ..allowed() };
    assert_eq!(differs("allow = ['p']", &outcome), ["trouble"]);
}

#[test]
fn what_a_runner_cannot_see_is_not_compared() {
    let tables = table(
        "allow = ['q']\nmeans = ['a']\nlookup = [{ path = '/l' }]\nforwards = { path = '/b' }",
    );
    let mut gate = Scripted { outcome: Ok(allowed()), unseen: Vec::new() };
    assert_eq!(run(&mut gate, &tables).failed[0].differences.len(), 4);
    gate.unseen = vec![Facet::Policies, Facet::Operations, Facet::Lookups, Facet::Forwarded];
    assert!(run(&mut gate, &tables).is_success());
}

#[test]
fn where_envoy_answers_first_only_its_status_counts() {
    let tables = table("deny = 'target-not-canonical'\nenvoy = { status = 400, why = 'refused' }");
    let case = tables.cases().next().unwrap();
    let mut outcome =
        Outcome { answered: Some(Answered { status: 400, ..Answered::default() }), ..allowed() };
    assert!(check(case, &outcome, "envoy", &[]).is_empty());
    outcome.answered = None;
    assert_eq!(check(case, &outcome, "envoy", &[]).len(), 1);
    assert!(!check(case, &outcome, "wasm", &[]).is_empty());
}

#[test]
fn nothing_run_is_a_failure() {
    let tables = table("allow = ['p']");
    let mut gate = Scripted { outcome: Err(Skip::because("cannot")), unseen: Vec::new() };
    let report = run(&mut gate, &tables);
    assert!(!report.is_success());
    assert_eq!(report.summary(), "no case ran: 0 passed, 0 failed, 1 skipped (wasm)");
    gate.outcome = Ok(allowed());
    assert!(run(&mut gate, &tables).is_success());
    assert!(!run_filtered(&mut gate, &tables, |_| false).is_success());
    let skipped = table("allow = ['p']\nskip = { wasm = 'for a reason' }");
    let report = run(&mut gate, &skipped);
    assert_eq!((report.passed, report.skipped[0].why.as_str()), (0, "for a reason"));
}

#[test]
fn a_failure_is_readable() {
    let tables = table("allow = ['p']\nmeans = ['a', 'b', 'c']");
    let outcome = Outcome { operations: vec!["a".into(), "x".into(), "c".into()], ..allowed() };
    let report = run(&mut Scripted { outcome: Ok(outcome), unseen: Vec::new() }, &tables);
    assert_eq!(
        report.to_string(),
        "FAIL t.toml:5 one\n  means\n      a\n    - b\n    + x\n      c\n\n0 passed, 1 failed, 0 skipped (wasm)"
    );
    let report = run(
        &mut Scripted {
            outcome: Ok(denied("no-key", 401)),
            unseen: vec![Facet::Operations, Facet::Forwarded],
        },
        &tables,
    );
    assert_eq!(
        report.failed[0].to_string(),
        "FAIL t.toml:5 one\n  decision\n    expected  allow\n    actual    deny no-key\n  \
         policies\n    expected  p\n    actual    none\n"
    );
}

#[test]
fn gaps_name_the_line_to_add() {
    let tables = table("allow = ['p']\nattack = [7]");
    let outcome = Outcome { route: Some("powerdns/r".into()), ..allowed() };
    let report = run(&mut Scripted { outcome: Ok(outcome), unseen: Vec::new() }, &tables);
    let set = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    let wanted = Wanted {
        routes: set(&["powerdns/r", "powerdns/s"]),
        routes_never_allowed: set(&["powerdns/s"]),
        policies: set(&["p", "q"]),
        reasons: set(&["no-key"]),
        providers: set(&["powerdns", "other"]),
        attacks: [7, 8].into(),
    };
    let gaps: Vec<String> = report.coverage.gaps(&wanted).iter().map(ToString::to_string).collect();
    assert_eq!(
        gaps,
        [
            "route `powerdns/r` is never denied\n  add a row with: deny = \"no-policy-allows\"",
            "route `powerdns/s` is never denied\n  add a row with: deny = \"no-policy-allows\"",
            "policy `q` decides no case\n  add a row with: allow = [\"q\"]  # or, for a forbid: by = [\"q\"]",
            "reason `no-key` denies no case\n  add a row with: deny = \"no-key\"",
            "provider `other` has no case\n  add a row with: provider = \"other\"",
            "attack 8 is held by no case\n  add a row with: attack = [8]",
        ]
    );
}

#[test]
fn a_failed_case_covers_nothing() {
    let tables = table("allow = ['q']\nattack = [7]");
    let report = run(&mut Scripted { outcome: Ok(allowed()), unseen: Vec::new() }, &tables);
    assert!(report.coverage.attacks.is_empty() && report.coverage.policies.is_empty());
}

/// Makes gates that allow everything, and counts what passed.
struct Allowing;

/// One of them.
struct Counting(Scripted, usize);

impl Gate for Counting {
    fn name(&self) -> &'static str {
        "wasm"
    }
    fn run(&mut self, case: &zonegate_cases::Case) -> Result<Outcome, Skip> {
        self.0.run(case)
    }
    fn passed(&mut self) {
        self.1 += 1;
    }
}

impl Runner for Allowing {
    type Gate = Counting;
    type Left = usize;

    fn gate(&self) -> Counting {
        Counting(Scripted { outcome: Ok(allowed()), unseen: Vec::new() }, 0)
    }
    fn end(&self, gate: Counting) -> usize {
        gate.1
    }
}

#[test]
fn many_threads_report_what_one_does() {
    let rows = (0..500).map(|number| {
        let means = match number % 3 {
            0 => "deny = 'no-key'",
            1 => "allow = ['p']",
            _ => "allow = ['p']\nskip = { wasm = 'because' }",
        };
        format!("[[case]]\nname = 'row {number}'\nkey = 'acme'\nsend = 'GET /a'\n{means}\n")
    });
    let tables = table(&format!("allow = ['p']\n{}", rows.collect::<String>()));
    let one = run(&mut Allowing.gate(), &tables);
    assert_eq!((one.passed, one.failed.len(), one.skipped.len()), (168, 167, 166));
    for workers in [1, 2, 7] {
        let (many, left) = run_parallel(&Allowing, &tables, workers, |_| true);
        assert_eq!(many.to_string(), one.to_string());
        assert_eq!(many.coverage, one.coverage);
        assert_eq!(left.iter().sum::<usize>(), one.passed);
    }
}
