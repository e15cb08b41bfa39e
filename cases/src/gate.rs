//! What a runner is: something that takes a case and says what came of it.

use std::fmt;

use serde::Serialize;

use crate::case::{Case, Header};

/// Something that runs cases: the engine, the compiled filter, a real Envoy.
pub trait Gate {
    /// The runner's name, as in `skip`: `engine`, `wasm`, `component` or `envoy`.
    fn name(&self) -> &'static str;

    /// What this runner can never see; it is not compared.
    fn unseen(&self) -> &[Facet] {
        &[]
    }

    /// Runs one case from a clean state.
    fn run(&mut self, case: &Case) -> Result<Outcome, Skip>;

    /// The case that ran last came out as its row says: what it showed counts.
    fn passed(&mut self) {}
}

/// A part of an [`Outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facet {
    /// [`Outcome::decision`] and [`Outcome::reason`].
    Decision,
    /// [`Outcome::policies`].
    Policies,
    /// [`Outcome::operations`].
    Operations,
    /// [`Outcome::lookups`].
    Lookups,
    /// [`Outcome::forwarded`].
    Forwarded,
    /// [`Outcome::answered`].
    Answered,
}

/// Allow or deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The request may go on.
    Allow,
    /// It may not.
    Deny,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was decided; a response that was replaced makes it a denial.
    pub decision: Decision,
    /// The reason code of a denial, else of the replaced response.
    pub reason: Option<String>,
    /// The ids of the policies that determined it, in any order.
    pub policies: Vec<String>,
    /// The operations, in order, in the form of logs.
    pub operations: Vec<String>,
    /// The route, as `provider/route`; it counts for coverage only.
    pub route: Option<String>,
    /// Path and query of each lookup, in any order.
    pub lookups: Vec<String>,
    /// What went on to the provider.
    pub forwarded: Option<Forwarded>,
    /// What the client got; none where the row ends when the request goes on.
    pub answered: Option<Answered>,
    /// What went wrong besides: a trap, a hang, a panic. Any of them fails the case.
    pub trouble: Vec<String>,
}

/// A request as it went on to the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// All headers but pseudo-headers.
    pub headers: Vec<Header>,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
}

/// An answer as the client got it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// All headers but pseudo-headers.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Vec<u8>,
}

/// A runner cannot run a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Why, in a sentence.
    pub why: String,
}

impl Outcome {
    /// Allowed, by these policies.
    pub fn allow(policies: Vec<String>) -> Outcome {
        Outcome { policies, ..Outcome::bare(Decision::Allow) }
    }

    /// Denied, for this reason, by these policies.
    pub fn deny(reason: &str, policies: Vec<String>) -> Outcome {
        Outcome { reason: Some(reason.to_owned()), policies, ..Outcome::bare(Decision::Deny) }
    }

    /// A decision alone.
    fn bare(decision: Decision) -> Outcome {
        Outcome {
            decision,
            reason: None,
            policies: Vec::new(),
            operations: Vec::new(),
            route: None,
            lookups: Vec::new(),
            forwarded: None,
            answered: None,
            trouble: Vec::new(),
        }
    }
}

impl Skip {
    /// A skip with its reason.
    pub fn because(why: impl Into<String>) -> Skip {
        Skip { why: why.into() }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
        })
    }
}
