//! One thread that asks: its own solver, and what it has compiled so far.
//!
//! Each policy and each fact becomes a formula once for each action. A question is the formulas
//! of its parts together; only where the solver finds a request is everything compiled as one, to
//! learn which.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{
    EntityId, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, RequestEnv, Schema,
};
use cedar_policy_symcc::err::Error;
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{
    Asserts, CedarSymCompiler, CompiledPolicy, CompiledPolicySet, CompiledSchema, SymEnv,
    always_allows_asserts, always_denies_asserts, always_matches_asserts, implies_asserts,
    never_errors_asserts, never_matches_asserts,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use zonegate_engine::operation::{Action, ResourceKind};

use super::facts::facts;
use super::mention::Mentions;
use super::model::Model;
use super::question::{Answer, Question, Rule, Sought, Want};
use super::solver::Solver;
use super::world::World;

/// What a formula says of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Says {
    /// It matches.
    Matches,
    /// It does not match, or fails.
    DoesNot,
    /// It fails.
    Fails,
}

/// Why a question could not be answered, in words.
type Failed = String;

/// A thread's solver and formulas.
pub(super) struct Worker<'w> {
    /// What the bundle defines.
    world: &'w World,
    /// The schema, and the formulas of its types.
    schema: CompiledSchema,
    /// How to start a solver.
    solver: &'w Solver,
    /// The one that runs.
    running: Option<CedarSymCompiler<LocalSolver>>,
    /// What drives the conversation with it.
    runtime: Runtime,
    /// Each action's variables.
    rooms: HashMap<Action, (RequestEnv, SymEnv)>,
    /// Formulas of policies.
    rules: HashMap<(Action, usize, Says), Asserts>,
    /// Formulas of conditions, and what they mention.
    conditions: HashMap<(Action, String), (Asserts, Arc<Mentions>)>,
}

impl<'w> Worker<'w> {
    /// A worker that has asked nothing yet.
    pub(super) fn new(
        world: &'w World,
        schema: &Schema,
        solver: &'w Solver,
    ) -> Result<Worker<'w>, Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Worker {
            world,
            schema: CompiledSchema::new(schema).map_err(|error| error.to_string())?,
            solver,
            running: None,
            runtime: runtime.map_err(|error| error.to_string())?,
            rooms: HashMap::new(),
            rules: HashMap::new(),
            conditions: HashMap::new(),
        })
    }

    /// Answers a question; a "yes" has a request only where one is wanted.
    pub(super) fn answer(&mut self, question: &Question, want: Want) -> Answer {
        let answer = self.try_answer(question, want);
        answer.unwrap_or_else(|failed| {
            // A solver in an unknown state is of no use to the next question.
            self.running = None;
            Answer::Unknown(failed)
        })
    }

    /// Answers a question, or says why not.
    fn try_answer(&mut self, question: &Question, want: Want) -> Result<Answer, Failed> {
        let mut asserts = Vec::new();
        let (sought, says) = match &question.sought {
            Sought::Match(rule) => (rule, Says::Matches),
            Sought::Failure(rule) => (rule, Says::Fails),
        };
        asserts.extend(self.rule(question.action, sought, says)?.iter().cloned());
        for rule in &question.unmatched {
            asserts.extend(self.rule(question.action, rule, Says::DoesNot)?.iter().cloned());
        }
        if let Some(rules) = &question.denied_by {
            let set = self.set(question.action, rules.iter().map(|rule| rule.json.clone()))?;
            let denies = always_allows_asserts(&set);
            asserts.extend(denies.asserts().iter().cloned());
        }
        let mut mentions = Mentions::default();
        question.rules().for_each(|rule| mentions.add(&rule.mentions));
        for condition in &question.given {
            let (formula, mentioned) = self.condition(question.action, condition)?;
            asserts.extend(formula.iter().cloned());
            mentions.add(&mentioned);
        }
        for fact in facts(self.world, question.action, &mentions, false) {
            let (formula, _) = self.condition(question.action, &fact)?;
            asserts.extend(formula.iter().cloned());
        }
        let (_, room) = self.room(question.action)?;
        let asserts: Asserts = Arc::new(asserts);
        self.start()?;
        let Worker { running: Some(cedar), runtime, .. } = self else {
            return Err("the solver is gone".to_owned());
        };
        match runtime.block_on(cedar.check_unsat_raw(asserts, &room)) {
            Ok(true) => Ok(Answer::No),
            Ok(false) if want == Want::Decision => Ok(Answer::Yes(Box::default())),
            Ok(false) => self.example(question, &mentions, want == Want::Likely),
            Err(error) => self.gave_up(&error),
        }
    }

    /// The request that answers a question, which the solver knows to exist.
    fn example(
        &mut self,
        question: &Question,
        mentions: &Mentions,
        likely: bool,
    ) -> Result<Answer, Failed> {
        let all = facts(self.world, question.action, mentions, likely);
        let given: Vec<&String> = question.given.iter().chain(&all).collect();
        let action = question.action;
        if let Sought::Failure(rule) = &question.sought {
            // It fails where the conditions hold, which are asked first.
            let policy = with_conditions(&rule.json, &given)?;
            let compiled = self.compiled(action, &policy)?;
            return self.find(&never_errors_asserts(&compiled));
        }
        // A forbid is sought like a permit: what matches is looked for, not what is allowed.
        let mut policies = vec![with_effect(&question.sought.rule().json, "permit")];
        policies.extend(question.unmatched.iter().map(|rule| with_effect(&rule.json, "forbid")));
        for condition in given {
            policies.push(parsed(&format!(
                "forbid (principal, action, resource) unless {{ {condition}\n}};"
            ))?);
        }
        let allowing = self.set(action, policies.into_iter())?;
        match &question.denied_by {
            None => self.find(&always_denies_asserts(&allowing)),
            Some(rules) => {
                let denying = self.set(action, rules.iter().map(|rule| rule.json.clone()))?;
                self.find(&implies_asserts(&allowing, &denying))
            }
        }
    }

    /// Asks for a request that satisfies formulas.
    fn find(
        &mut self,
        asserts: &cedar_policy_symcc::WellFormedAsserts<'_>,
    ) -> Result<Answer, Failed> {
        self.start()?;
        let Worker { running: Some(cedar), runtime, .. } = self else {
            return Err("the solver is gone".to_owned());
        };
        match runtime.block_on(cedar.check_sat(asserts)) {
            Ok(None) => Ok(Answer::No),
            Ok(Some(env)) => Ok(Answer::Yes(Box::new(Model::read(&env)))),
            Err(error) => self.gave_up(&error),
        }
    }

    /// What an error of the solver means.
    fn gave_up(&mut self, error: &Error) -> Result<Answer, Failed> {
        if matches!(error, Error::SolverUnknown) {
            let limit = self.solver.limit().as_secs();
            return Ok(Answer::Unknown(format!("the solver gave up, within {limit} s")));
        }
        let mut words = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        Err(words)
    }

    /// Starts a solver, unless one runs.
    fn start(&mut self) -> Result<(), Failed> {
        if self.running.is_none() {
            // The child belongs to this runtime.
            let _inside = self.runtime.enter();
            let started = CedarSymCompiler::new(self.solver.start()?);
            self.running = Some(started.map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// An action's variables.
    fn room(&mut self, action: Action) -> Result<(RequestEnv, SymEnv), Failed> {
        if let Some(room) = self.rooms.get(&action) {
            return Ok(room.clone());
        }
        let kind = match action.kind() {
            ResourceKind::Account => "Account",
            ResourceKind::Zone => "Zone",
            ResourceKind::Record => "Record",
        };
        let name = |kind: &str| kind.parse::<EntityTypeName>().map_err(|error| error.to_string());
        let uid = EntityUid::from_type_name_and_id(name("Action")?, EntityId::new(action.name()));
        let request = RequestEnv::new(name("Key")?, uid, name(kind)?);
        let variables = self.schema.sym_env(&request).map_err(|error| error.to_string())?;
        self.rooms.insert(action, (request.clone(), variables.clone()));
        Ok((request, variables))
    }

    /// The formula of a policy.
    fn rule(&mut self, action: Action, rule: &Rule, says: Says) -> Result<Asserts, Failed> {
        let at = (action, rule.number, says);
        if let Some(known) = self.rules.get(&at) {
            return Ok(Arc::clone(known));
        }
        let policy = policy_of(&rule.json)?;
        let compiled = self.compiled(action, &policy)?;
        let formula = formula(&compiled, says);
        self.rules.insert(at, Arc::clone(&formula));
        Ok(formula)
    }

    /// The formula of a condition, and what it mentions.
    fn condition(
        &mut self,
        action: Action,
        condition: &str,
    ) -> Result<(Asserts, Arc<Mentions>), Failed> {
        let at = (action, condition.to_owned());
        if let Some((formula, mentions)) = self.conditions.get(&at) {
            return Ok((Arc::clone(formula), Arc::clone(mentions)));
        }
        let text = format!("permit (principal, action, resource) when {{ {condition}\n}};");
        let json = parsed(&text)?;
        let compiled = self.compiled(action, &policy_of(&json)?)?;
        let made = (formula(&compiled, Says::Matches), Arc::new(Mentions::of(&json)));
        self.conditions.insert(at, made.clone());
        Ok(made)
    }

    /// A policy, compiled.
    fn compiled(&mut self, action: Action, policy: &Policy) -> Result<CompiledPolicy, Failed> {
        let (request, variables) = self.room(action)?;
        let schema = self.schema.schema();
        CompiledPolicy::compile_with_custom_symenv(policy, &request, schema, variables)
            .map_err(|error| format!("it cannot be put to the solver: {error}"))
    }

    /// Policies as a set, compiled.
    fn set(
        &mut self,
        action: Action,
        policies: impl Iterator<Item = Value>,
    ) -> Result<CompiledPolicySet, Failed> {
        let policies = policies.enumerate().map(|(number, json)| {
            let id = Some(PolicyId::new(number.to_string()));
            Policy::from_json(id, json).map_err(|error| error.to_string())
        });
        let policies: Vec<Policy> = policies.collect::<Result<_, _>>()?;
        let set = PolicySet::from_policies(policies).map_err(|error| error.to_string())?;
        let (request, variables) = self.room(action)?;
        let schema = self.schema.schema();
        CompiledPolicySet::compile_with_custom_symenv(&set, &request, schema, variables)
            .map_err(|error| format!("it cannot be put to the solver: {error}"))
    }
}

/// The formula that says this of a policy.
fn formula(compiled: &CompiledPolicy, says: Says) -> Asserts {
    // What the library asserts is what it wants to be impossible.
    let asserts = match says {
        Says::Matches => never_matches_asserts(compiled),
        Says::DoesNot => always_matches_asserts(compiled),
        Says::Fails => never_errors_asserts(compiled),
    };
    Arc::clone(asserts.asserts())
}

/// A policy of Cedar's JSON form.
fn policy_of(json: &Value) -> Result<Policy, Failed> {
    Policy::from_json(None, json.clone()).map_err(|error| error.to_string())
}

/// A policy's text as Cedar's JSON form.
fn parsed(text: &str) -> Result<Value, Failed> {
    let policy = Policy::parse(None, text).map_err(|error| format!("{text}: {error}"))?;
    policy.to_json().map_err(|error| error.to_string())
}

/// The same policy as a permit, or as a forbid.
fn with_effect(json: &Value, effect: &str) -> Value {
    let mut json = json.clone();
    if let Some(object) = json.as_object_mut() {
        object.insert("effect".to_owned(), Value::from(effect));
    }
    json
}

/// A policy that asks conditions before its own.
fn with_conditions(json: &Value, conditions: &[&String]) -> Result<Policy, Failed> {
    let mut json = json.clone();
    let mut first = Vec::new();
    for condition in conditions {
        let text = format!("permit (principal, action, resource) when {{ {condition}\n}};");
        let own = parsed(&text)?.get("conditions").and_then(Value::as_array).cloned();
        first.extend(own.unwrap_or_default());
    }
    let own = json.get("conditions").and_then(Value::as_array).cloned();
    first.extend(own.unwrap_or_default());
    if let Some(object) = json.as_object_mut() {
        object.insert("conditions".to_owned(), json!(first));
    }
    policy_of(&json)
}
