//! Explanations, in the words of the interface.

use zonegate_engine::policy::{self, Explained, Why};
use zonegate_engine::session;

use crate::bindings::exports::zonegate::policy::gate::{Clause, Explanation, Held, Outcome, Part};

/// How one operation was decided.
pub(crate) fn explanation(explained: session::Explanation) -> Explanation {
    Explanation {
        operation: explained.operation,
        parts: explained.policies.into_iter().map(part).collect(),
    }
}

/// One policy's part.
fn part(explained: Explained) -> Part {
    Part {
        policy: explained.id,
        doc: explained.doc,
        forbids: explained.forbids,
        outcome: match explained.why {
            Why::Matched => Outcome::Matched,
            Why::OtherPrincipal => Outcome::OtherKey,
            Why::OtherAction => Outcome::OtherAction,
            Why::OtherResource => Outcome::OtherResource,
            Why::ConditionFalse => Outcome::ConditionFalse,
            Why::Failed(_) => Outcome::Failed,
        },
        clauses: explained.clauses.into_iter().map(clause).collect(),
    }
}

/// One clause.
fn clause(clause: policy::Clause) -> Clause {
    Clause {
        unless: clause.unless,
        text: clause.text,
        held: match clause.held {
            policy::Held::Yes => Held::Yes,
            policy::Held::No => Held::No,
            policy::Held::NotReached => Held::NotReached,
            policy::Held::Failed(_) => Held::Failed,
        },
    }
}
