//! Regular expressions that look anchored and are not, or the other way round.
//!
//! An expression matches the whole of what it reads, so what is open is only what its author left
//! open: a `.*` that goes over dots, or an alternative that was meant to end at a bracket.

use regex_syntax::ast::{self, Ast};
use regex_syntax::hir::{Class, Hir, HirKind};
use zonegate_engine::bundle::Bundle;
use zonegate_engine::pattern::{Pattern, Reads};
use zonegate_engine::problem::Problem;

use super::places::Places;

/// Every warning about patterns.
pub(super) fn warnings(bundle: &Bundle, places: &Places) -> Vec<Problem> {
    let mut found = Vec::new();
    for pattern in bundle.patterns.iter() {
        let mut warn = |lint, message: &str, help: String| {
            let message = format!("the pattern `{}` {message}", pattern.name());
            let problem = Problem::new("patterns.toml", message).help(help).lint(lint);
            found.push(match places.line("patterns.toml", pattern.name()) {
                Some(line) => problem.at(line),
                None => problem,
            });
        };
        if let Some(rest) = open_start(pattern) {
            let help =
                format!("it also matches `evil{rest}`: begin with `(.*\\.)?` for whole labels");
            warn(
                "regex-open-start",
                "begins with anything, dots included, and then within a label",
                help,
            );
        }
        if uneven_alternatives(pattern.regex()) {
            let help = "`a|b\\.c` is `a` or `b.c`, each the whole of it; write `(a|b)\\.c` if that is meant, or brackets around all of it";
            warn(
                "regex-alternatives",
                "has alternatives of which only some have a dot",
                help.to_owned(),
            );
        }
    }
    found
}

/// What follows `.*` at the beginning of an expression over names, where that is inside a label.
fn open_start(pattern: &Pattern) -> Option<String> {
    if pattern.reads() == Reads::Value {
        return None;
    }
    let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
    let hir = parser.parse(pattern.regex()).ok()?;
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let [first, second, ..] = parts.as_slice() else { return None };
    let HirKind::Repetition(repetition) = first.kind() else { return None };
    let open = repetition.max.is_none() && has_dot(&repetition.sub);
    let HirKind::Literal(literal) = second.kind() else { return None };
    let text = String::from_utf8_lossy(&literal.0).into_owned();
    (open && !text.starts_with('.')).then_some(text)
}

/// Whether one character of this can be a dot or a letter.
fn has_dot(hir: &Hir) -> bool {
    let HirKind::Class(class) = hir.kind() else { return false };
    let has = |wanted: u8| match class {
        Class::Bytes(class) => {
            class.iter().any(|range| (range.start()..=range.end()).contains(&wanted))
        }
        Class::Unicode(class) => {
            let wanted = char::from(wanted);
            class.iter().any(|range| (range.start()..=range.end()).contains(&wanted))
        }
    };
    has(b'.') && has(b'a')
}

/// Whether the outermost alternatives differ in whether they have a dot.
fn uneven_alternatives(regex: &str) -> bool {
    let parsed = ast::parse::Parser::new().parse(regex);
    let Ok(Ast::Alternation(alternation)) = &parsed else { return false };
    let dotted = |branch: &Ast| branch.to_string().contains("\\.");
    let all = alternation.asts.iter().map(dotted);
    let count = all.filter(|dotted| *dotted).count();
    count > 0 && count < alternation.asts.len()
}
