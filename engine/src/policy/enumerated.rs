//! Misspelt members of closed lists: what Cedar says of them, with the nearest right one.
//!
//! Cedar's validator knows that `Role::"editor"` is no member of its list and names all that are.
//! A list may be long, so the one that was most probably meant comes first.

use super::Lists;
use crate::operation::Action;
use crate::problem::{Problem, nearest};
use crate::record_type::RecordType;
use crate::window::WEEKDAYS;

/// The most members that a help line names.
const NAMED_MAX: usize = 40;

/// The problem, with a help line of our own where it is about a closed list.
pub(super) fn with_nearest(problem: Problem, lists: &Lists) -> Problem {
    if let Some(near) = action(&problem.message) {
        return problem.help(format!("did you mean `Action::\"{near}\"`?"));
    }
    let Some((kind, found)) = member(&problem.message) else { return problem };
    let Some((noun, right)) = members(kind, lists) else { return problem };
    let near = nearest(found, right.iter().map(String::as_str));
    let near = near.map_or(String::new(), |near| format!("did you mean `{kind}::\"{near}\"`? "));
    let rest = match right.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named: Vec<&str> = right.iter().map(String::as_str).take(NAMED_MAX).collect();
    let help = if named.is_empty() {
        format!("there is no {noun} yet")
    } else {
        let the = if near.is_empty() { "the" } else { "The" };
        format!("{near}{the} {noun}s are: {}{rest}", named.join(", "))
    };
    let message = format!("there is no {noun} `{found}`");
    let policy = problem.message.split('`').nth(1).unwrap_or_default();
    Problem { message: format!("{message} (policy `{policy}`)"), ..problem.help(help) }
}

/// The action that a misspelt one was meant to be. Cedar suggests one too, but of several that are
/// as near any, and its distance knows nothing of exchanged letters.
fn action(message: &str) -> Option<&'static str> {
    let (_, found) = message.split_once("unrecognized action `Action::\"")?;
    let (found, _) = found.split_once('"')?;
    let all = Action::ALL.iter().flat_map(|action| [Some(action.name()), action.group()]);
    nearest(found, all.flatten())
}

/// The type and the id in Cedar's words about an entity that is not in its closed list.
fn member(message: &str) -> Option<(&str, &str)> {
    let (before, _) = message.split_once("` is of an enumerated entity type")?;
    let (_, entity) = before.rsplit_once("entity `")?;
    let (kind, id) = entity.split_once("::")?;
    Some((kind, id.strip_prefix('"')?.strip_suffix('"')?))
}

/// What a member of a closed list is called, and all of them.
fn members(kind: &str, lists: &Lists) -> Option<(&'static str, Vec<String>)> {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    Some(match kind {
        "Role" => ("role", lists.roles.clone()),
        "Pattern" => ("pattern", lists.patterns.clone()),
        "Network" => ("network", lists.networks.clone()),
        "Window" => ("window", lists.windows.clone()),
        "Route" => ("route", lists.routes.clone()),
        "Weekday" => ("weekday", owned(WEEKDAYS.iter().map(|(name, _)| *name).collect())),
        "RecordType" => {
            let named = RecordType::ALL_NAMED.iter().map(|(name, _)| *name);
            ("record type", owned(named.chain(["OTHER"]).collect()))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policies;

    /// What is said of a policy with this condition.
    fn said(condition: &str) -> String {
        let text = format!(
            "@id(\"p\") @doc(\"x\") permit (principal, action in Action::\"write\", resource)\nwhen {{ {condition} }};"
        );
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let lists = Lists {
            roles: own(&["editors", "auditors"]),
            patterns: own(&["preview"]),
            networks: own(&["office"]),
            windows: own(&["office-hours"]),
            routes: own(&["powerdns/zone-patch"]),
        };
        let problems = Policies::check(&[("p.cedar".to_owned(), text)], &lists).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_closed_list_suggests_its_nearest_member() {
        for (condition, near) in [
            (r#"principal in Role::"editor""#, r#"did you mean `Role::"editors"`?"#),
            (r#"resource in Pattern::"previews""#, r#"did you mean `Pattern::"preview"`?"#),
            (r#"context.networks.contains(Network::"offce")"#, r#"`Network::"office"`?"#),
            (r#"context.windows.contains(Window::"office-hour")"#, r#"`Window::"office-hours"`?"#),
            (
                r#"context.route == Route::"powerdns/zone-ptach""#,
                r#"`Route::"powerdns/zone-patch"`?"#,
            ),
            (r#"context.weekday == Weekday::"tues""#, r#"`Weekday::"tue"`?"#),
            (r#"resource.type == RecordType::"CNAM""#, r#"`RecordType::"CNAME"`?"#),
            (r#"resource.type == RecordType::"txt""#, r#"`RecordType::"TXT"`?"#),
        ] {
            let said = said(condition);
            assert!(said.contains(near) && said.contains("p.cedar:2"), "{condition}: {said}");
        }
        let far = said(r#"principal in Role::"nobody-at-all""#);
        assert!(far.contains("the roles are: editors, auditors"), "{far}");
        assert!(!far.contains("did you mean"), "{far}");
    }
}
