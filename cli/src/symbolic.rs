//! Questions about all requests at once, answered by a solver.
//!
//! Policies become formulas (`cedar-policy-symcc`), and a solver says whether some request
//! satisfies them. A "no" is a proof. A "yes" comes with a request as the solver sees requests,
//! which may not be one that can happen: `example` makes one of it that can, and the engine
//! decides that before anybody is told.
//!
//! What makes this quick: one permit at a time with the forbids that can meet it (what is allowed
//! is what some permit allows less what the forbids take), each policy a formula once for each
//! action, and one solver for each core.
//!
//! # What the solver does not know
//! Regular expressions beyond their shape (`shape`), when windows are open, and how a record's
//! name, zone and relative name are joined, beyond what `facts` tells it. In all of these it
//! allows more than can happen, so a proof holds all the same.

mod facts;
mod mention;
mod model;
mod question;
mod shape;
mod solver;
mod text;
mod worker;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cedar_policy::Schema;

pub(crate) use self::mention::Mentions;
pub(crate) use self::model::Model;
pub(crate) use self::question::{Answer, Question, Rule, Sought, Want};
pub(crate) use self::solver::Solver;
pub(crate) use self::text::{entities, entity, like, quoted};
use self::worker::Worker;
pub(crate) use self::world::{Renamed, World};

/// Stack of each worker: formulas of many facts are nested deeply, and the compiler recurses.
const STACK_BYTES: usize = 256 << 20;

/// A solver that knows a bundle, or two.
#[derive(Debug)]
pub(crate) struct Symbolic {
    /// What the bundle defines.
    world: World,
    /// The schema with its lists.
    schema: Schema,
    /// How to start a solver.
    solver: Solver,
}

impl Symbolic {
    /// Makes one; the error is a sentence.
    pub(crate) fn new(world: World, solver: Solver) -> Result<Symbolic, String> {
        let schema = world.lists.schema().map_err(|problem| problem.to_string())?;
        Ok(Symbolic { world, schema, solver })
    }

    /// How solvers are started.
    pub(crate) fn solver(&self) -> &Solver {
        &self.solver
    }

    /// Answers questions, in their order; a "yes" comes without a request.
    pub(crate) fn ask(&self, questions: &[Question]) -> Vec<Answer> {
        self.ask_for(questions, Want::Decision)
    }

    /// Answers questions, in their order, with what is wanted.
    pub(crate) fn ask_for(&self, questions: &[Question], want: Want) -> Vec<Answer> {
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(vec![None; questions.len()]);
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..workers.min(questions.len()) {
                let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
                let started =
                    thread.spawn_scoped(scope, || self.work(questions, want, &next, &answers));
                // What no thread takes stays without an answer.
                if started.is_err() {
                    break;
                }
            }
        });
        let lost = || Answer::Unknown("nobody answered".to_owned());
        let answers = answers.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        answers.into_iter().map(|answer| answer.unwrap_or_else(lost)).collect()
    }

    /// Takes one question after the other until none is left.
    fn work(
        &self,
        questions: &[Question],
        want: Want,
        next: &AtomicUsize,
        answers: &Mutex<Vec<Option<Answer>>>,
    ) {
        let mut worker = Worker::new(&self.world, &self.schema, &self.solver);
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(question) = questions.get(at) else { return };
            let answer = match &mut worker {
                Ok(worker) => worker.answer(question, want),
                Err(failed) => Answer::Unknown(failed.clone()),
            };
            let mut answers = answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(place) = answers.get_mut(at) {
                *place = Some(answer);
            }
        }
    }
}

#[cfg(test)]
mod tests;
