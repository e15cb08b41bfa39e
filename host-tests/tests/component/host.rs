//! A host of the component: what an embedder in Rust would write.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Config, Engine, Store};

use crate::built;

wasmtime::component::bindgen!({
    path: "../component/wit",
    world: "policy",
    additional_derives: [PartialEq],
});

pub(crate) use exports::zonegate::policy::gate::*;

/// Instructions that one call may take: a loop without end is a trap.
const CALL_FUEL_MAX: u64 = 100_000_000_000;

/// What to do about a component that is missing or stale.
const BUILD: &str = "run `make component`";

/// The built component.
pub(crate) fn component() -> PathBuf {
    built::fresh("wasm32-unknown-unknown/release/zonegate_component.wasm", BUILD)
}

/// A program of these sources, built if need be, because Cargo makes neither the command nor an
/// example for one test alone. `named` says which to Cargo, `at` where it then is.
pub(crate) fn program(named: &[&str], at: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked"]).args(named).current_dir(built::project());
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.arg("--target-dir").arg(built::target());
    assert!(cargo.status().unwrap().success(), "cargo build {named:?} failed");
    profile.join(at)
}

/// The engine of this process and the compiled component.
fn compiled() -> &'static (Engine, Component) {
    static COMPILED: OnceLock<(Engine, Component)> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let mut config = Config::new();
        config.consume_fuel(true);
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_file(&engine, component()).unwrap();
        (engine, component)
    })
}

/// The names of everything that the component imports and exports.
pub(crate) fn interfaces() -> (Vec<String>, Vec<String>) {
    let (engine, component) = compiled();
    let kind = component.component_type();
    let imports = kind.imports(engine).map(|(name, _)| name.to_owned()).collect();
    let exports = kind.exports(engine).map(|(name, _)| name.to_owned()).collect();
    (imports, exports)
}

/// One instance of the component, with nothing around it.
pub(crate) struct Host {
    /// Its memory.
    store: Store<()>,
    /// Its exports.
    policy: Policy,
}

impl Host {
    /// A fresh instance.
    pub(crate) fn new() -> Host {
        let (engine, component) = compiled();
        let mut store = Store::new(engine, ());
        store.set_fuel(CALL_FUEL_MAX).unwrap();
        let linker = Linker::new(engine);
        let policy = Policy::instantiate(&mut store, component, &linker).unwrap();
        Host { store, policy }
    }

    /// The store, with fuel for one call, and the exports.
    pub(crate) fn parts(&mut self) -> (&mut Store<()>, &Guest) {
        self.store.set_fuel(CALL_FUEL_MAX).unwrap();
        (&mut self.store, self.policy.zonegate_policy_gate())
    }

    /// Loads a bundle.
    pub(crate) fn load(&mut self, json: &[u8]) -> Result<ResourceAny, Vec<Problem>> {
        let (store, gate) = self.parts();
        gate.bundle().call_load(store, json).unwrap()
    }

    /// Begins a session.
    pub(crate) fn begin(
        &mut self,
        bundle: ResourceAny,
        request: &Request,
        now: i64,
    ) -> Result<(ResourceAny, Step), Misuse> {
        let (store, gate) = self.parts();
        gate.bundle().call_begin(store, bundle, request, now).unwrap()
    }

    /// Hands in the body.
    pub(crate) fn body(&mut self, it: ResourceAny, body: &[u8], now: i64) -> Result<Step, Misuse> {
        let (store, gate) = self.parts();
        gate.session().call_body(store, it, body, now).unwrap()
    }

    /// Hands in answers to lookups.
    pub(crate) fn answers(
        &mut self,
        it: ResourceAny,
        answers: &[Answer],
        now: i64,
    ) -> Result<Step, Misuse> {
        let (store, gate) = self.parts();
        gate.session().call_answers(store, it, answers, now).unwrap()
    }

    /// Hands in the response.
    pub(crate) fn response(
        &mut self,
        it: ResourceAny,
        response: &Response,
    ) -> Result<Filtered, Misuse> {
        let (store, gate) = self.parts();
        gate.session().call_response(store, it, response).unwrap()
    }

    /// Asks about operations that a log tells of.
    pub(crate) fn ask(
        &mut self,
        bundle: ResourceAny,
        question: &Question,
        now: i64,
    ) -> Result<Result<Vec<String>, Refusal>, Misuse> {
        let (store, gate) = self.parts();
        gate.bundle().call_ask(store, bundle, question, now).unwrap()
    }

    /// The audit record.
    pub(crate) fn audit(&mut self, it: ResourceAny) -> serde_json::Value {
        let (store, gate) = self.parts();
        let line = gate.session().call_audit(store, it).unwrap();
        assert!(!line.contains('\n'), "the record is one line: {line}");
        serde_json::from_str(&line).unwrap()
    }

    /// How the operations were decided.
    pub(crate) fn explain(&mut self, it: ResourceAny) -> Vec<Explanation> {
        let (store, gate) = self.parts();
        gate.session().call_explain(store, it).unwrap()
    }

    /// What a session waits for.
    pub(crate) fn awaits(&mut self, it: ResourceAny) -> Awaits {
        let (store, gate) = self.parts();
        gate.session().call_awaits(store, it).unwrap()
    }

    /// Drops a bundle or a session.
    pub(crate) fn drop(&mut self, it: ResourceAny) {
        let (store, _) = self.parts();
        it.resource_drop(store).unwrap();
    }
}

/// The shipped policies, as the built `zonegate` command packs them.
///
/// `ZONEGATE_BUNDLE` names a file that has them already.
pub(crate) fn bundle() -> &'static [u8] {
    static BUNDLE: OnceLock<Vec<u8>> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        if let Some(named) = std::env::var_os("ZONEGATE_BUNDLE") {
            return std::fs::read(named).unwrap();
        }
        let scratch = built::target().join("host-tests");
        std::fs::create_dir_all(&scratch).unwrap();
        let file = scratch.join(format!("bare-{}.json", std::process::id()));
        let made = Command::new(program(&["-p", "zonegate-cli"], "zonegate"))
            .arg("bundle")
            .arg(built::project().join("policies"))
            .args(["--demo", "--bare", "--output"])
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "zonegate bundle: {said}");
        let json = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        json
    })
}
