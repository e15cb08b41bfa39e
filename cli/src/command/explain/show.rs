//! Printing an explanation: for a person here, for a program in [`json`].

mod json;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::policy::{Clause, Explained, Held, Verdict, Who, Why};

use super::answer::{Answer, Asked};
use super::change::Step;
use super::facts::Facts;
use super::question::Question;
use super::search::{Smallest, Suggested};
use crate::output::{Ink, Paint, columns, line};

/// Operations that are written out for a person.
const OPERATIONS_SHOWN: usize = 20;

/// An answer with what it is about.
pub(super) struct Shown<'a> {
    /// The bundle.
    pub(super) bundle: &'a Bundle,
    /// What was asked.
    pub(super) question: &'a Question,
    /// What is answered.
    pub(super) answer: &'a Answer,
}

impl Shown<'_> {
    /// Prints an explanation for a person.
    pub(super) fn text(&self, all: bool) {
        let paint = Paint::stdout();
        let Answer { denied, operations, notes, logged, .. } = self.answer;
        match denied {
            None => self.say(paint.ink(Ink::Good, "allowed")),
            Some((reason, words)) => {
                let head = format!("denied: {reason} ({})", reason.status());
                self.say(format!("{}: {words}", paint.ink(Ink::Bad, &head)));
            }
        }
        self.say(paint.ink(Ink::Faint, &self.around()));
        if let Some(then) = logged {
            self.say(paint.ink(Ink::Faint, &format!("the log says: {then}")));
        }
        let first = operations.iter().position(|asked| !asked.is_allowed());
        let shown = |at: usize| at < OPERATIONS_SHOWN || Some(at) == first;
        for (at, asked) in operations.iter().enumerate().filter(|(at, _)| shown(*at)) {
            // Where something is denied, what is allowed besides is not the question.
            let brief = denied.is_some() && asked.is_allowed() && !all;
            if !brief || at == 0 || operations.get(at - 1).is_some_and(|one| !one.is_allowed()) {
                self.say("");
            }
            self.operation(asked, brief, all, paint);
        }
        let left = operations.len().saturating_sub(OPERATIONS_SHOWN);
        if left > 0 {
            self.say(format!("\n... and {left} more operations; --format json has all of them"));
        }
        if let Some(smallest) = &self.answer.smallest {
            self.smallest(smallest, paint);
        }
        for note in notes {
            self.say(format!("\n{} {note}", paint.ink(Ink::Doubt, "note:")));
        }
    }

    /// Prints a line without anybody's secret.
    fn say(&self, text: impl AsRef<str>) {
        line(self.question.secrets.hide(text.as_ref()));
    }

    /// Who asks whom, from where and when.
    fn around(&self) -> String {
        let Answer { key, scene, way, is_request, .. } = self.answer;
        let key = key.as_ref().map_or("no key".to_owned(), |id| format!("key {id}"));
        let route = way.as_ref().filter(|_| *is_request);
        let route = route.map_or(String::new(), |way| format!(", route {}", way.route));
        let plain = if scene.tls { "" } else { ", unencrypted" };
        let (account, from, at) = (scene.account.path(), scene.from, scene.at);
        format!("{key} at {account} from {from} at {at}{plain}{route}")
    }

    /// One operation: its verdict, then the policies from the deciding to the remote.
    fn operation(&self, asked: &Asked, brief: bool, all: bool, paint: Paint) {
        let operation = paint.ink(Ink::Strong, &asked.operation.to_string());
        let verdict = match &asked.verdict {
            Verdict::Allow(by) => {
                format!("{} by {}", paint.ink(Ink::Good, "allowed"), by.join(", "))
            }
            Verdict::Deny(reason, by) if by.is_empty() => {
                format!("{}: {reason}", paint.ink(Ink::Bad, "denied"))
            }
            Verdict::Deny(reason, by) => {
                format!("{}: {reason} by {}", paint.ink(Ink::Bad, "denied"), by.join(", "))
            }
        };
        self.say(operation);
        self.say(format!("  {verdict}"));
        if brief {
            return;
        }
        let near = |one: &&Explained| all || is_near(one);
        let shown: Vec<&Explained> = asked.policies.iter().filter(near).collect();
        let rows: Vec<Vec<String>> = shown.iter().map(|one| row(one)).collect();
        for (text, one) in columns(&rows).iter().zip(&shown) {
            self.say(format!("  {}", tinted(text, one, asked, paint)));
            let stop = one.clauses.iter().find(|clause| clause.held != Held::Yes);
            if let Some(clause) = stop.filter(|_| one.why == Why::ConditionFalse) {
                let facts = self.facts(asked, clause);
                if !facts.is_empty() {
                    let facts = format!("          {}", facts.join("; "));
                    self.say(paint.ink(Ink::Faint, &facts));
                }
            }
        }
        if !all && !asked.policies.is_empty() {
            self.say(paint.ink(Ink::Faint, &format!("  {}", rest(asked))));
        }
    }

    /// What a clause looked at.
    fn facts(&self, asked: &Asked, clause: &Clause) -> Vec<String> {
        let Some(way) = &self.answer.way else { return Vec::new() };
        let key = self.answer.key.as_deref().and_then(|id| self.bundle.keys.by_id(id));
        let (scene, operation) = (&self.answer.scene, &asked.operation);
        Facts { bundle: self.bundle, key, scene, way, operation }.of(&clause.text)
    }

    /// The smallest change.
    fn smallest(&self, smallest: &Smallest, paint: Paint) {
        let head = paint.ink(Ink::Help, "smallest change:");
        if let Some(words) = &smallest.words {
            self.say(format!("\n{head} {words}"));
            return;
        }
        if smallest.changes.is_empty() {
            self.say(format!("\n{head} {}", none_found(smallest)));
            return;
        }
        let what = match &smallest.about {
            None => String::new(),
            Some(operation) => format!(" (for `{operation}` alone; not for the whole request)"),
        };
        self.say(format!("\n{head} any of these would have been allowed{what}"));
        let rows: Vec<Vec<String>> =
            smallest.changes.iter().map(|one| self.suggestion(one)).collect();
        for text in columns(&rows) {
            self.say(format!("  {text}"));
        }
    }

    /// A change: its fields, and by which policies it would have been allowed.
    fn suggestion(&self, one: &Suggested) -> Vec<String> {
        let step = |step: &Step| format!("{} {}", step.field().name(), step.words(self.bundle));
        let steps: Vec<String> = one.steps.iter().map(step).collect();
        vec![steps.join(", "), format!("by {}", one.by.join(", "))]
    }
}

/// A policy's effect, id, place, and what became of it.
fn row(one: &Explained) -> Vec<String> {
    let place = format!("{}:{}", one.file, one.line);
    vec![effect(one).to_owned(), one.id.clone(), place, words(one)]
}

/// Whether a policy is worth a line: it decided, or it is a permit that could have.
fn is_near(one: &Explained) -> bool {
    match one.why {
        Why::Matched | Why::Failed(_) => true,
        Why::ConditionFalse | Why::OtherResource => !one.forbids,
        Why::OtherAction | Why::OtherPrincipal => false,
    }
}

/// The policies that have no line, counted.
fn rest(asked: &Asked) -> String {
    let (mut keys, mut actions, mut forbids) = (0, 0, 0);
    for one in asked.policies.iter().filter(|one| !is_near(one)) {
        match one.why {
            Why::OtherPrincipal => keys += 1,
            Why::OtherAction => actions += 1,
            Why::Matched | Why::Failed(_) | Why::ConditionFalse | Why::OtherResource => {
                forbids += 1;
            }
        }
    }
    let forbid = if forbids == 1 { "forbids" } else { "forbid" };
    format!(
        "besides: {forbids} {forbid} something else, {actions} for other actions, {keys} for other \
         keys (--all lists them)"
    )
}

/// What is said where nothing was found.
fn none_found(smallest: &Smallest) -> String {
    let fields = ["no field", "one field", "two fields", "three fields", "four fields"];
    let fields = fields.get(smallest.fields).copied().unwrap_or("several fields");
    let limit = if smallest.ran_out { "; time ran out before all were tried" } else { "" };
    format!(
        "none found among {} changes of up to {fields}, to values that the policies mention{limit}",
        smallest.tried
    )
}

/// A policy's line in the colour of what it did.
fn tinted(text: &str, one: &Explained, asked: &Asked, paint: Paint) -> String {
    match one.why {
        Why::Matched if one.forbids => paint.ink(Ink::Bad, text),
        Why::Matched => paint.ink(Ink::Good, text),
        Why::Failed(_) => paint.ink(Ink::Bad, text),
        Why::ConditionFalse if !one.forbids && !asked.is_allowed() => text.to_owned(),
        Why::ConditionFalse | Why::OtherResource | Why::OtherAction | Why::OtherPrincipal => {
            paint.ink(Ink::Faint, text)
        }
    }
}

/// Cedar's word for what a policy does.
fn effect(one: &Explained) -> &'static str {
    if one.forbids { "forbid" } else { "permit" }
}

/// What became of a policy, for a person.
fn words(one: &Explained) -> String {
    match &one.why {
        Why::Matched => {
            // What lets a key out of a guardrail is what its owner wants to know.
            let exits = one.clauses.iter().filter(|clause| one.forbids && clause.unless);
            let exits = exits.map(|clause| format!(", {}", clause_text(clause)));
            format!("matches{}", exits.collect::<String>())
        }
        Why::OtherPrincipal => match &one.who {
            Who::Everybody => "is for other keys".to_owned(),
            Who::Key(id) => format!("is for the key {id}"),
            Who::Role(role) => format!("is for the role {role}"),
        },
        Why::OtherAction => "is for other actions".to_owned(),
        Why::OtherResource => format!("is for {}", one.on),
        Why::ConditionFalse => match one.clauses.iter().find(|clause| clause.held != Held::Yes) {
            Some(clause) => format!("stops at {}", clause_text(clause)),
            None => "its condition is false".to_owned(),
        },
        Why::Failed(error) => match one.clauses.iter().find(|clause| clause.held != Held::Yes) {
            Some(clause) => format!("fails at {}: {error}", clause_text(clause)),
            None => format!("fails: {error}"),
        },
    }
}

/// A clause as its author reads it.
fn clause_text(clause: &Clause) -> String {
    let word = if clause.unless { "unless" } else { "when" };
    format!("{word} {{ {} }}", clause.text)
}
