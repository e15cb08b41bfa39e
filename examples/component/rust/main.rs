//! What a gate would decide about one request, in Rust: the component, run by wasmtime.
//!
//! ```sh
//! cargo run -p zonegate-host-tests --example component -- \
//!     COMPONENT BUNDLE PROVIDER/ACCOUNT 'X-API-Key: zgk_...' METHOD PATH [BODY]
//! ```
//!
//! A gateway does the same with the requests of its clients, and what `docs/component.md` says.

use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Result, Store, format_err};

/// What `bindgen!` makes of the interface.
mod bindings {
    wasmtime::component::bindgen!({ path: "../component/wit", world: "policy" });
}

use bindings::Policy;
use bindings::exports::zonegate::policy::gate::{Answer, Explanation, Outcome, Request, Step};

/// How the program is called.
const USAGE: &str =
    "usage: component COMPONENT BUNDLE PROVIDER/ACCOUNT 'HEADER: KEY' METHOD PATH [BODY]";

/// Now, as sessions want it.
fn now() -> Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_millis())?)
}

/// The request that the arguments describe.
fn request(account: &str, key: &str, method: &str, path: &str, body: bool) -> Result<Request> {
    let (provider, account) = account.split_once('/').ok_or_else(|| format_err!("{USAGE}"))?;
    let (name, value) = key.split_once(": ").ok_or_else(|| format_err!("{USAGE}"))?;
    Ok(Request {
        provider: provider.to_owned(),
        account: account.to_owned(),
        method: method.to_owned(),
        path: path.as_bytes().to_vec(),
        authority: b"localhost".to_vec(),
        headers: vec![(name.as_bytes().to_vec(), value.as_bytes().to_vec())],
        client: "127.0.0.1".to_owned(),
        encrypted: true,
        request_id: "example".to_owned(),
        body_follows: body,
    })
}

/// Prints the policies that were asked about an operation.
fn explained(explanation: &Explanation) {
    println!("{}", explanation.operation);
    for part in &explanation.parts {
        match part.outcome {
            Outcome::Matched | Outcome::ConditionFalse | Outcome::Failed => {
                println!("  {:?} {}: {}", part.outcome, part.policy, part.doc);
            }
            Outcome::OtherKey | Outcome::OtherAction | Outcome::OtherResource => {}
        }
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (file, bundle, account, key, method, path, body) = match given.as_slice() {
        [file, bundle, account, key, method, path] => {
            (file, bundle, account, key, method, path, None)
        }
        [file, bundle, account, key, method, path, body] => {
            (file, bundle, account, key, method, path, Some(body.as_bytes()))
        }
        _ => return Err(format_err!("{USAGE}")),
    };

    let engine = Engine::default();
    let component = Component::from_file(&engine, file)?;
    let mut store = Store::new(&engine, ());
    // The component imports nothing, so there is nothing to link.
    let policy = Policy::instantiate(&mut store, &component, &Linker::new(&engine))?;
    let gate = policy.zonegate_policy_gate();

    let json = std::fs::read(bundle)?;
    let bundle = match gate.bundle().call_load(&mut store, &json)? {
        Ok(bundle) => bundle,
        Err(problems) => return Err(format_err!("the bundle is refused: {problems:?}")),
    };
    let request = request(account, key, method, path, body.is_some())?;
    let begun = gate.bundle().call_begin(&mut store, bundle, &request, now()?)?;
    let (session, mut step) = begun.map_err(|misuse| format_err!("{misuse:?}"))?;
    loop {
        let next = match step {
            Step::NeedBody => {
                gate.session().call_body(&mut store, session, body.unwrap_or_default(), now()?)?
            }
            Step::NeedLookups(lookups) => {
                for lookup in &lookups {
                    println!("asks {} {}; nobody answers here", lookup.method, lookup.path);
                }
                let none = |id| Answer { id, found: None };
                let answers: Vec<Answer> = lookups.iter().map(|one| none(one.id)).collect();
                gate.session().call_answers(&mut store, session, &answers, now()?)?
            }
            Step::Allow(forward) => {
                println!("allow: {} {} goes on", forward.method, forward.path);
                break;
            }
            Step::Deny(denial) => {
                println!("deny {}: {}", denial.response.status, denial.reason);
                break;
            }
            Step::Reply(response) => {
                println!("reply {}: {}", response.status, String::from_utf8_lossy(&response.body));
                break;
            }
        };
        step = next.map_err(|misuse| format_err!("{misuse:?}"))?;
    }
    for explanation in gate.session().call_explain(&mut store, session)? {
        explained(&explanation);
    }
    println!("{}", gate.session().call_audit(&mut store, session)?);
    Ok(())
}
