//! The answer to one question about one key: yes, no, or what it depends on.

use std::collections::BTreeSet;

use zonegate_engine::decision::Reason;
use zonegate_engine::operation::{Action, Operation, Resource};
use zonegate_engine::policy::Verdict;

use super::depends::{Dimension, Place, Table, Value};
use super::subject::{Circumstance, Subject, Survey};
use super::words::Words;
use crate::ask::{Inquiry, Probe};

/// Sentences that are kept; more would explain nothing.
const SENTENCES_MAX: usize = 6;

/// Whether something is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Answer {
    /// Under all circumstances that were asked about.
    Yes,
    /// Under some.
    Depends,
    /// Under none.
    No,
}

impl Answer {
    /// The word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Answer::Yes => "yes",
            Answer::Depends => "depends",
            Answer::No => "no",
        }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// The answer.
    pub(super) answer: Answer,
    /// The ids of the policies that allowed it, somewhere.
    pub(super) by: BTreeSet<String>,
    /// The ids of the policies that forbade it or failed, somewhere.
    pub(super) against: BTreeSet<String>,
    /// What it depends on.
    pub(super) on: Vec<Dimension>,
    /// When it is allowed: one of these, all phrases of which hold.
    pub(super) when: Vec<Vec<String>>,
    /// How many more of these there are.
    pub(super) more: usize,
    /// How many questions were asked, and how many of them allowed.
    pub(super) asked: usize,
    /// How many of them were allowed.
    pub(super) allowed: usize,
    /// A question that is allowed.
    pub(super) example: Option<Probe>,
    /// A question that is denied, and the reason.
    pub(super) counter: Option<(Probe, Reason)>,
}

impl Finding {
    /// When it is allowed, as sentences.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut made: Vec<String> = self.when.iter().map(|phrases| phrases.join(", ")).collect();
        if self.more > 0 {
            made.push(format!("{} more combinations", self.more));
        }
        made
    }
}

/// An operation with its place in the dimensions of operations.
struct Question {
    /// The operation.
    operation: Operation,
    /// Its place.
    place: Place,
}

/// Asks about these operations, all of one action, under all circumstances.
///
/// Records without a value get every representative value where a policy reads values.
pub(super) fn find(
    survey: &Survey<'_>,
    subject: &Subject<'_>,
    action: Action,
    operations: &[Operation],
) -> Finding {
    let mut table = Table::default();
    let mut found = Finding {
        answer: Answer::No,
        by: BTreeSet::new(),
        against: BTreeSet::new(),
        on: Vec::new(),
        when: Vec::new(),
        more: 0,
        asked: 0,
        allowed: 0,
        example: None,
        counter: None,
    };
    let circumstances = survey.circumstances(subject, action);
    let mut questions: Option<Vec<Question>> = None;
    // Questions that no permit's scope fits need not be asked again in other circumstances.
    let mut hopeless: Vec<bool> = Vec::new();
    let mut account = None;
    for circumstance in circumstances.iter() {
        let Circumstance { scene, way } = circumstance;
        let inquiry = Inquiry::of(survey.bundle, &subject.key.id, scene, way);
        let questions = questions.get_or_insert_with(|| {
            let valued = operations.iter().flat_map(|one| with_values(subject, &inquiry, one));
            valued.map(|one| question(&mut table, one)).collect()
        });
        let here = circumstance_place(&mut table, circumstance);
        if account != Some(&scene.account) {
            account = Some(&scene.account);
            let hopeful = questions.iter().map(|one| inquiry.could_allow(&one.operation));
            hopeless = hopeful.map(|could| !could).collect();
        }
        for (question, hopeless) in questions.iter().zip(&hopeless) {
            let verdict = if *hopeless {
                Verdict::Deny(Reason::NoPolicyAllows, Vec::new())
            } else {
                inquiry.decide(&question.operation)
            };
            let place = question.place.iter().zip(&here).map(|(one, other)| one + other).collect();
            table.note(place, matches!(verdict, Verdict::Allow(_)));
            found.note(subject, circumstance, &question.operation, verdict);
        }
    }
    found.answer = match (found.allowed, found.asked) {
        (0, _) => Answer::No,
        (allowed, asked) if allowed == asked => Answer::Yes,
        _ => Answer::Depends,
    };
    if found.answer == Answer::Depends {
        let mentions = |kind: &str, id: &str| subject.mentions(kind, id);
        let (on, when) = table.sentences(&Words::of(survey.bundle, &mentions));
        found.more = when.len().saturating_sub(SENTENCES_MAX);
        found.when = when.into_iter().take(SENTENCES_MAX).collect();
        found.on = on;
    }
    found
}

impl Finding {
    /// Counts a verdict.
    fn note(
        &mut self,
        subject: &Subject<'_>,
        circumstance: &Circumstance,
        operation: &Operation,
        verdict: Verdict,
    ) {
        self.asked += 1;
        let probe = || Probe {
            key: subject.key.id.clone(),
            scene: circumstance.scene.clone(),
            way: circumstance.way.clone(),
            operation: operation.clone(),
        };
        match verdict {
            Verdict::Allow(by) => {
                self.allowed += 1;
                self.by.extend(by);
                if self.example.is_none() {
                    self.example = Some(probe());
                }
            }
            Verdict::Deny(reason, by) => {
                // A denial by a policy says more than that none permits.
                let says_more = !by.is_empty() && self.against.is_empty();
                self.against.extend(by);
                if self.counter.is_none() || says_more {
                    self.counter = Some((probe(), reason));
                }
            }
        }
    }
}

impl Subject<'_> {
    /// Whether a policy of the key, or the key itself, mentions something by name.
    pub(super) fn mentions(&self, kind: &str, id: &str) -> bool {
        let own = kind == "Network" && self.key.networks.iter().any(|one| one == id);
        own || self.universe.entities.iter().any(|(one, name)| one == kind && name == id)
    }
}

/// The operation, or one for each representative value where policies read values.
fn with_values(
    subject: &Subject<'_>,
    inquiry: &Inquiry<'_>,
    operation: &Operation,
) -> Vec<Operation> {
    let Resource::Record(record) = &operation.resource else { return vec![operation.clone()] };
    let values = subject.universe.values(record.rtype);
    if record.value.is_some() || values.is_empty() || !inquiry.reads_values(operation) {
        return vec![operation.clone()];
    }
    let of = |value: String| {
        let (zone, name) = (record.zone.clone(), record.name.clone());
        Operation::record(operation.action, zone, name, record.rtype, Some(value))
    };
    values.into_iter().map(of).collect()
}

/// An operation with its place.
fn question(table: &mut Table, operation: Operation) -> Question {
    let place = Dimension::ALL.iter().map(|dimension| {
        let value = match (dimension, &operation.resource) {
            (Dimension::Name, Resource::Record(one)) => {
                Value::Name { zone: one.zone.clone(), name: one.name.clone() }
            }
            (Dimension::Type, Resource::Record(one)) => Value::Type(one.rtype),
            (Dimension::Value, Resource::Record(one)) => match &one.value {
                Some(value) => Value::Content(one.rtype, value.clone()),
                None => Value::Any,
            },
            (Dimension::Metadata, Resource::Zone { metadata: Some(kind), .. }) => {
                Value::Metadata(kind.clone())
            }
            (_, Resource::Account | Resource::Zone { .. } | Resource::Record(_)) => return 0,
        };
        table.number(*dimension, value)
    });
    let place = place.collect();
    Question { operation, place }
}

/// The place of circumstances; its dimensions are not those of operations.
fn circumstance_place(table: &mut Table, circumstance: &Circumstance) -> Place {
    let Circumstance { scene, way } = circumstance;
    let place = Dimension::ALL.iter().map(|dimension| {
        let value = match dimension {
            Dimension::Account => Value::Account(scene.account.path()),
            Dimension::From => Value::From(scene.from),
            Dimension::Time => Value::Time(scene.at),
            Dimension::Tls => Value::Tls(scene.tls),
            Dimension::Route => Value::Route(way.route.clone()),
            Dimension::Operations => Value::Operations(way.operations),
            Dimension::Name | Dimension::Type | Dimension::Metadata | Dimension::Value => return 0,
        };
        table.number(*dimension, value)
    });
    place.collect()
}
