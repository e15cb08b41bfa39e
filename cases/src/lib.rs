//! Decision tables: the format in which a policy author writes down what must be decided, and
//! the checks that every runner makes.
//!
//! A table is a TOML file of cases. A case says who (a key) sends what, from where and when, what
//! that means, and what is decided. The same tables run in the engine, in the author's own
//! `zonegate test`, in the compiled filter and in a real Envoy; each of them is a [`Gate`].
//!
//! ```no_run
//! let tables = zonegate_cases::Tables::load_dir("policies/cases").map_err(|problems| {
//!     problems.iter().for_each(|problem| eprintln!("{problem}"));
//! })?;
//! # let mut gate: Box<dyn zonegate_cases::Gate> = unimplemented!();
//! let report = zonegate_cases::run(gate.as_mut(), &tables);
//! println!("{report}");
//! # Ok::<(), ()>(())
//! ```
//!
//! # What this crate does not do
//! It knows no engine, no policy and no HTTP library: a runner builds the request from the
//! [`Case`] and says what came of it in an [`Outcome`].

mod bytes;
mod case;
mod check;
mod coverage;
mod every;
mod gate;
mod parallel;
mod problem;
mod reason;
mod report;
mod shape;
mod table;
mod understand;

pub use self::case::{
    Answer, Answers, Case, Credential, EnvoyAnswers, Expected, Failure, Forwards, Header,
    LookupAnswer,
};
pub use self::check::{Difference, Line, check};
pub use self::coverage::{Coverage, Gap, Verdicts, Wanted};
pub use self::gate::{Answered, Decision, Facet, Forwarded, Gate, Outcome, Skip};
pub use self::parallel::workers;
pub use self::problem::Problem;
pub use self::reason::{REASONS, is_response_reason, status_of};
pub use self::report::{Failed, Report, Runner, Skipped, run, run_filtered, run_parallel};
pub use self::table::{ATTACKS_FILE, DEMO_KEYS_FILE, Table, Tables};
