//! What a log tells of, asked again: the same decisions by the same policies.

use serde_json::Value;
use zonegate_cases::Case;

use crate::host::{self, Host, Misuse, Question, Step};
use crate::runner;

/// The time of the questions that are wrong.
const NOW: i64 = 1_780_480_800_000;

/// What the record of a request asks again; nothing where it was not understood, or not all of it
/// stands there.
pub(crate) fn question(case: &Case, audit: &Value) -> Option<Question> {
    let text = |name: &str| audit[name].as_str().unwrap_or_default().to_owned();
    let list = audit["operations"].as_array()?;
    let operations: Vec<String> =
        list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect();
    let cost = u32::try_from(audit["cost"].as_u64()?).ok()?;
    let whole = operations.iter().all(|one| one.chars().count() < 300 && !one.contains("..."));
    if operations.is_empty() || usize::try_from(cost).unwrap() != operations.len() || !whole {
        return None;
    }
    Some(Question {
        key: text("key"),
        provider: text("provider"),
        account: text("account"),
        client: text("client"),
        encrypted: case.tls,
        method: Some(case.method.clone()),
        route: text("route"),
        operations,
        cost,
    })
}

#[test]
fn a_logged_request_is_decided_again_as_it_was() {
    let mut host = Host::new();
    let bundle = host.load(host::bundle()).unwrap();
    let (mut allowed, mut denied) = (0, 0);
    for case in crate::tables().cases().filter(|case| case.lookups.is_empty()) {
        let now = case.now_unix_ms;
        let Ok((session, mut step)) = host.begin(bundle, &runner::request(case), now) else {
            continue;
        };
        if step == Step::NeedBody {
            step = host.body(session, case.body.as_deref().unwrap_or_default(), now).unwrap();
        }
        let audit = host.audit(session);
        host.drop(session);
        let was_asked = matches!(step, Step::Allow(_)) || audit["denied_operation"].is_string();
        let Some(question) = question(case, &audit).filter(|_| was_asked) else { continue };
        let said = host.ask(bundle, &question, now);
        let said = said.unwrap_or_else(|misuse| panic!("{}: {misuse:?}", case.place()));
        assert_eq!(said.is_ok(), matches!(step, Step::Allow(_)), "{}: {said:?}", case.place());
        let by = said.unwrap_or_else(|refusal| refusal.policies);
        let was = audit["policies"].as_array().unwrap();
        let was: Vec<&str> = was.iter().filter_map(Value::as_str).collect();
        assert_eq!(by, was, "{}", case.place());
        *(if audit["decision"] == "allow" { &mut allowed } else { &mut denied }) += 1;
    }
    println!("{allowed} allowed and {denied} denied requests were asked again");
    assert!(allowed > 500 && denied > 500, "{allowed} allowed, {denied} denied");
}

#[test]
fn a_question_is_for_a_key_and_a_wildcard_for_its_own_action() {
    let mut host = Host::new();
    let bundle = host.load(host::bundle()).unwrap();
    let good = || Question {
        key: "demoacmehost".into(),
        provider: "powerdns".into(),
        account: "main".into(),
        client: "127.0.0.1".into(),
        encrypted: true,
        method: None,
        route: "powerdns/zone-patch".into(),
        operations: vec![
            "record.create example.com _acme-challenge.www.example.com TXT \"a\"".into(),
        ],
        cost: 1,
    };
    assert!(host.ask(bundle, &good(), NOW).unwrap().is_ok());
    let mut says = |question: Question| host.ask(bundle, &question, NOW).unwrap().unwrap_err();
    assert_eq!(says(Question { key: "nobody".into(), ..good() }).reason, "unknown-key");
    assert_eq!(says(Question { account: "other".into(), ..good() }).reason, "unknown-key");
    assert_eq!(says(Question { operations: Vec::new(), ..good() }).reason, "no-policy-allows");
    // Who may write anywhere may not own a wildcard, also where the log was cut before it says so.
    let wild = says(Question {
        key: "demoallzones".into(),
        operations: vec!["record.create example.com *.example.com A \"192.0.2.1\"".into()],
        ..good()
    });
    assert_eq!(
        (wild.reason.as_str(), wild.policies),
        ("policy-forbids", vec!["no-wildcards".into()])
    );
    for (name, question) in [
        ("route", Question { route: "powerdns/nowhere".into(), ..good() }),
        ("route", Question { route: "x".repeat(3 << 20), ..good() }),
        ("method", Question { method: Some("TRACE".into()), ..good() }),
        ("client", Question { client: "gate".into(), ..good() }),
        ("operations", Question { operations: vec!["record.make a".into()], ..good() }),
        ("operations", Question { operations: vec!["zone.list".into(); 5_001], ..good() }),
    ] {
        let said = host.ask(bundle, &question, NOW);
        assert_eq!(said.err(), Some(Misuse::BadArgument(name.into())));
    }
}
