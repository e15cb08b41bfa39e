//! Warnings that are allowed in place, each with its reason.
//!
//! In a policy: `@allow_lint("permit-everywhere: the inventory is about every zone")`; several are
//! separated by `;`. In a settings file: `allow = [{ lint = "...", reason = "..." }]` in the key,
//! role, pattern, network or window. An allow holds for the policy or table it stands in, and no
//! further. One that allows nothing is a warning itself, so that none outlives its reason.

use zonegate_engine::policy::{Written, allows};
use zonegate_engine::problem::{Problem, nearest};

use super::pages::LINTS;
use super::places::Places;
use crate::folder::Folder;

/// One lint that is allowed in some lines of a file.
#[derive(Clone, Debug)]
pub(super) struct Allow {
    /// The file.
    pub(super) file: String,
    /// The first line it holds for.
    pub(super) first: usize,
    /// The last line it holds for.
    pub(super) last: usize,
    /// The line it stands in.
    pub(super) line: usize,
    /// The lint.
    pub(super) lint: String,
    /// Why.
    pub(super) reason: String,
}

/// Everything that a folder allows.
pub(super) fn all(written: &[Written], places: &Places, folder: &Folder) -> Vec<Allow> {
    let mut all = places.allows.clone();
    for (at, policy) in written.iter().enumerate() {
        let next = written.get(at + 1).filter(|next| next.file == policy.file);
        let last = next.map_or(usize::MAX, |next| next.line.saturating_sub(1));
        let allowed = allows(&policy.allow).unwrap_or_default();
        if allowed.is_empty() {
            continue;
        }
        let text = folder.text(&policy.file).unwrap_or_default();
        let lines = text.lines().enumerate().skip(policy.line.saturating_sub(1));
        let at = { lines }.find(|(_, line)| line.contains("@allow_lint"));
        let line = at.map_or(policy.line, |(at, _)| at + 1);
        all.extend(allowed.into_iter().map(|(lint, reason)| Allow {
            file: policy.file.clone(),
            first: policy.line,
            last,
            line,
            lint: lint.to_owned(),
            reason: reason.to_owned(),
        }));
    }
    all
}

/// The warnings that nobody allowed, and those about what was allowed in vain.
pub(super) fn sift(found: Vec<Problem>, allows: &[Allow]) -> Vec<Problem> {
    let mut used = vec![false; allows.len()];
    let mut left = Vec::new();
    for problem in found {
        let is_for = |allow: &Allow| {
            Some(allow.lint.as_str()) == problem.lint
                && allow.file == problem.file
                && problem.line.is_some_and(|line| (allow.first..=allow.last).contains(&line))
        };
        let mut allowed = false;
        for (allow, used) in allows.iter().zip(&mut used).filter(|(allow, _)| is_for(allow)) {
            allowed = !allow.reason.is_empty();
            *used = true;
        }
        if !allowed {
            left.push(problem);
        }
    }
    let idle = allows.iter().zip(&used).filter(|(_, used)| !**used).map(|(allow, _)| allow);
    left.extend(idle.map(idle_allow));
    left
}

/// The warning about an allow that allows nothing.
fn idle_allow(allow: &Allow) -> Problem {
    let lint = &allow.lint;
    let known = LINTS.iter().map(|lint| lint.name);
    let (name, message, help) = if known.clone().any(|one| one == lint) {
        let help = "remove it; the warning does not occur here";
        ("needless-allow", format!("`{lint}` is allowed in vain"), help.to_owned())
    } else {
        let near = nearest(lint, known).map(|near| format!("did you mean `{near}`? "));
        let help = format!("{}`zonegate check --explain` lists them", near.unwrap_or_default());
        ("unknown-lint", format!("there is no lint `{lint}`"), help)
    };
    Problem::new(&allow.file, message).at(allow.line).help(help).lint(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allow_holds_for_its_own_lines_and_its_own_lint() {
        let allow = |first, last, lint: &str| Allow {
            file: "a.cedar".to_owned(),
            first,
            last,
            line: first,
            lint: lint.to_owned(),
            reason: "x".to_owned(),
        };
        let warning = |line, lint| Problem::new("a.cedar", "m").at(line).lint(lint);
        let left = |allows: &[Allow], found: Vec<Problem>| {
            let left = sift(found, allows).into_iter();
            left.map(|one| (one.line.unwrap(), one.lint.unwrap())).collect::<Vec<_>>()
        };
        let lint = "permit-everywhere";
        assert_eq!(left(&[allow(3, 9, lint)], vec![warning(9, lint)]), []);
        assert_eq!(
            left(&[allow(3, 9, lint)], vec![warning(10, lint)]),
            [(10, lint), (3, "needless-allow")]
        );
        assert_eq!(
            left(&[allow(3, 9, lint)], vec![warning(4, "never-applies")]),
            [(4, "never-applies"), (3, "needless-allow")]
        );
        assert_eq!(left(&[allow(3, 9, "permit-everwhere")], vec![]), [(3, "unknown-lint")]);
    }
}
