//! Properties: what shall be true of all requests, as `properties.toml` states it.
//!
//! ```toml
//! [[never]]
//! name = "apex-name-servers"
//! says = "Nobody but hostmasters changes the NS and SOA records of a zone itself."
//! actions = ["write"]
//! when = 'resource.apex && [RecordType::"NS", RecordType::"SOA"].contains(resource.type)'
//! unless = 'principal in Role::"hostmasters"'
//! keys = "any"
//!
//! [[only]]
//! name = "acme-host"
//! says = "The grant acme-host changes nothing but TXT records at `_acme-challenge` names."
//! grant = "acme-host"
//! may = [{ actions = ["write"], when = 'resource.leftmost == "_acme-challenge"' }]
//! ```
//!
//! Conditions are Cedar's, on the same `principal`, `action`, `resource` and `context` as a
//! policy's, and are validated like one: a misspelt role is an error that lists the right ones.

use serde::Deserialize;
use toml::Spanned;
use zonegate_engine::operation::Action;
use zonegate_engine::policy::{Lists, Policies};
use zonegate_engine::problem::Problem;

use crate::symbolic::entities;

/// The file of a policies folder that states them.
pub(crate) const PROPERTIES: &str = "properties.toml";
/// The groups of actions that stand for their members.
const GROUPS: [&str; 3] = ["read", "write", "manage"];

/// Which keys a property is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Quantified {
    /// The keys of the keys file, each with its roles, attributes and grants.
    #[default]
    Existing,
    /// Every key that there could be: any roles, attributes and grants.
    Any,
}

/// One property.
#[derive(Debug)]
pub(crate) struct Property {
    /// Its name.
    pub(crate) name: String,
    /// What it says, in a sentence.
    pub(crate) says: String,
    /// Its line.
    pub(crate) line: usize,
    /// Which keys it is about.
    pub(crate) keys: Quantified,
    /// What shall be true.
    pub(crate) claim: Claim,
}

/// What shall be true.
#[derive(Debug)]
pub(crate) enum Claim {
    /// No such request is allowed.
    Bounded(Box<Bound>),
    /// A policy decides something that others do not.
    NotShadowed {
        /// The policy.
        policy: String,
        /// The others; all others where it is empty.
        by: Vec<String>,
    },
    /// No policy fails to be evaluated, but these.
    NeverErrors {
        /// The ids of those that may.
        except: Vec<String>,
    },
    /// Another folder decides the same.
    Equivalent {
        /// The folder, beside this one unless it is absolute.
        to: String,
    },
}

/// A bound on what is allowed.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Whose requests.
    pub(crate) whose: Whose,
    /// The actions that it is about.
    pub(crate) actions: Vec<Action>,
    /// The conditions of the property as policies, which the engine can ask about one request.
    pub(crate) judge: Policies,
    /// Whether what the judge allows is what must not be; else it is what alone may be.
    pub(crate) never: bool,
    /// The condition of what must not be, in Cedar; unused where the judge's policies bound it.
    pub(crate) given: Vec<String>,
}

/// Whose requests a bound is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Everybody's.
    Everybody,
    /// Those of one key.
    Key(String),
    /// Those of keys with a role.
    Role(String),
    /// Whoever's, as far as this grant's templates allow them.
    Grant(String),
}

/// A file of properties.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    /// What is never allowed.
    #[serde(default)]
    never: Vec<Never>,
    /// What alone is allowed.
    #[serde(default)]
    only: Vec<Only>,
    /// Policies that are of use.
    #[serde(default)]
    not_shadowed: Vec<NotShadowed>,
    /// Policies that never fail.
    #[serde(default)]
    never_errors: Vec<NeverErrors>,
    /// Folders that decide alike.
    #[serde(default)]
    equivalent: Vec<Equivalent>,
}

/// `[[never]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Never {
    /// Its name.
    name: Spanned<String>,
    /// Its sentence.
    says: String,
    /// Actions and groups of them; all unless given.
    actions: Option<Vec<String>>,
    /// Of which requests.
    when: Option<String>,
    /// Except of which.
    unless: Option<String>,
    /// Which keys.
    #[serde(default)]
    keys: Quantified,
}

/// `[[only]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Only {
    /// Its name.
    name: Spanned<String>,
    /// Its sentence.
    says: String,
    /// A key's id.
    key: Option<String>,
    /// A role.
    role: Option<String>,
    /// A grant.
    grant: Option<String>,
    /// Actions that it is about; all that are not in the group `read` unless given.
    among: Option<Vec<String>>,
    /// What alone may be.
    may: Vec<May>,
    /// Which keys.
    #[serde(default)]
    keys: Quantified,
}

/// One thing that may be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct May {
    /// Actions and groups.
    actions: Vec<String>,
    /// Of which requests; all unless given.
    when: Option<String>,
}

/// `[[not-shadowed]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotShadowed {
    /// Its name.
    name: Spanned<String>,
    /// Its sentence.
    says: String,
    /// The policy.
    policy: String,
    /// The others.
    #[serde(default)]
    by: Vec<String>,
    /// Which keys.
    #[serde(default)]
    keys: Quantified,
}

/// `[[never-errors]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NeverErrors {
    /// Its name.
    name: Spanned<String>,
    /// Its sentence.
    says: String,
    /// Policies that may.
    #[serde(default)]
    except: Vec<String>,
    /// Which keys.
    #[serde(default)]
    keys: Quantified,
}

/// `[[equivalent]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Equivalent {
    /// Its name.
    name: Spanned<String>,
    /// Its sentence.
    says: String,
    /// The other folder.
    to: String,
    /// Which keys.
    #[serde(default)]
    keys: Quantified,
}

/// Reads the properties of a folder whose lists are these, or everything that is wrong with them.
pub(crate) fn parse(text: &str, lists: &Lists) -> Result<Vec<Property>, Vec<Problem>> {
    let written: Written = toml::from_str(text).map_err(|error| {
        let problem = Problem::new(PROPERTIES, error.message());
        let problem = match error.span() {
            Some(span) => problem.at_offset(text, span.start),
            None => problem,
        };
        vec![problem.help(
            "it has [[never]], [[only]], [[not-shadowed]], [[never-errors]] and [[equivalent]]",
        )]
    })?;
    let mut reader = Reader { text, lists, made: Vec::new(), problems: Vec::new() };
    written.never.into_iter().for_each(|one| reader.never(one));
    written.only.into_iter().for_each(|one| reader.only(one));
    for NotShadowed { name, says, policy, by, keys } in written.not_shadowed {
        reader.add(&name, says, keys, Claim::NotShadowed { policy, by });
    }
    for NeverErrors { name, says, except, keys } in written.never_errors {
        reader.add(&name, says, keys, Claim::NeverErrors { except });
    }
    for Equivalent { name, says, to, keys } in written.equivalent {
        reader.add(&name, says, keys, Claim::Equivalent { to });
    }
    let Reader { mut made, problems, .. } = reader;
    made.sort_by_key(|property| property.line);
    if problems.is_empty() { Ok(made) } else { Err(problems) }
}

/// Reads properties and notes what is wrong.
struct Reader<'r> {
    /// The file.
    text: &'r str,
    /// The names that policies may use.
    lists: &'r Lists,
    /// What was read.
    made: Vec<Property>,
    /// What is wrong.
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The line of a name.
    fn line(&self, name: &Spanned<String>) -> usize {
        let before = self.text.as_bytes().get(..name.span().start).unwrap_or_default();
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    /// Notes a problem with a property.
    fn wrong(&mut self, name: &Spanned<String>, message: &str, help: &str) {
        let message = format!("property `{}`: {message}", name.as_ref());
        self.problems.push(Problem::new(PROPERTIES, message).at(self.line(name)).help(help));
    }

    /// Adds a property.
    fn add(&mut self, name: &Spanned<String>, says: String, keys: Quantified, claim: Claim) {
        let line = self.line(name);
        if self.made.iter().any(|one| one.name == *name.as_ref()) {
            self.wrong(name, "there is another of this name", "give each a name of its own");
        }
        self.made.push(Property { name: name.as_ref().clone(), says, line, keys, claim });
    }

    /// The actions that names of actions and groups stand for.
    fn actions(&mut self, name: &Spanned<String>, words: &[String]) -> Vec<Action> {
        let mut found = Vec::new();
        for word in words {
            let is_it = |action: &&Action| action.name() == word || action.group() == Some(word);
            let before = found.len();
            found.extend(Action::ALL.iter().filter(is_it).copied());
            if found.len() == before {
                let all = Action::ALL.iter().map(|action| action.name());
                let all: Vec<&str> = GROUPS.into_iter().chain(all).collect();
                let help = format!("the groups and actions are {}", all.join(", "));
                self.wrong(name, &format!("`{word}` is not an action"), &help);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Conditions as policies; validated like any.
    fn judge(&mut self, name: &Spanned<String>, policies: &[String]) -> Option<Policies> {
        let text: Vec<String> = policies
            .iter()
            .enumerate()
            .map(|(at, policy)| format!("@id(\"{at}\") @doc(\"judge\")\n{policy}"))
            .collect();
        let files = [(PROPERTIES.to_owned(), text.join("\n"))];
        match Policies::check(&files, self.lists) {
            Ok(judge) => Some(judge),
            Err(problems) => {
                let line = self.line(name);
                self.problems.extend(problems.into_iter().map(|problem| {
                    let message = format!("property `{}`: {}", name.as_ref(), problem.message);
                    Problem { line: Some(line), message, ..problem }
                }));
                None
            }
        }
    }

    /// Reads what is never allowed.
    fn never(&mut self, never: Never) {
        let Never { name, says, actions, when, unless, keys } = never;
        let actions = match actions {
            Some(words) => self.actions(&name, &words),
            None => Action::ALL.to_vec(),
        };
        let policy = permit(&actions, when.as_deref(), unless.as_deref());
        let Some(judge) = self.judge(&name, &[policy]) else { return };
        let given = when.into_iter().chain(unless.map(|unless| format!("!({unless}\n)"))).collect();
        let bound = Bound { whose: Whose::Everybody, actions, judge, never: true, given };
        self.add(&name, says, keys, Claim::Bounded(Box::new(bound)));
    }

    /// Reads what alone is allowed.
    fn only(&mut self, only: Only) {
        let Only { name, says, key, role, grant, among, may, keys } = only;
        let whose = match (key, role, grant) {
            (Some(key), None, None) => Whose::Key(key),
            (None, Some(role), None) => Whose::Role(role),
            (None, None, Some(grant)) => Whose::Grant(grant),
            _ => {
                let help = "say whose requests it is about: key = \"...\", role = \"...\" or grant = \"...\"";
                return self.wrong(&name, "has not exactly one of `key`, `role` and `grant`", help);
            }
        };
        let actions = match among {
            Some(words) => self.actions(&name, &words),
            None => Action::ALL.iter().copied().filter(|one| one.group() != Some("read")).collect(),
        };
        let mut policies = Vec::new();
        for May { actions, when } in may {
            let actions = self.actions(&name, &actions);
            policies.push(permit(&actions, when.as_deref(), None));
        }
        let Some(judge) = self.judge(&name, &policies) else { return };
        let bound = Bound { whose, actions, judge, never: false, given: Vec::new() };
        self.add(&name, says, keys, Claim::Bounded(Box::new(bound)));
    }
}

/// A policy that permits these actions under conditions.
fn permit(actions: &[Action], when: Option<&str>, unless: Option<&str>) -> String {
    let actions = entities("Action", actions.iter().map(|action| action.name()));
    let when = when.map(|when| format!(" when {{ {when}\n}}")).unwrap_or_default();
    let unless = unless.map(|unless| format!(" unless {{ {unless}\n}}")).unwrap_or_default();
    format!("permit (principal, action in {actions}, resource){when}{unless};")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a file.
    fn wrong(text: &str) -> String {
        let lists = Lists { roles: vec!["hostmasters".to_owned()], ..Lists::default() };
        let problems = parse(text, &lists).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_wrong_with_a_property_is_said_in_words() {
        for (text, expected) in [
            ("[[newer]]\nname = \"a\"", "unknown field `newer`"),
            (
                "[[never]]\nname = \"a\"\nsays = \"x\"\nactions = [\"wirte\"]",
                "`wirte` is not an action",
            ),
            (
                "\n[[never]]\nname = \"a\"\nsays = \"x\"\nwhen = 'principal in Role::\"hostmaster\"'",
                "properties.toml:3: property `a`:",
            ),
            (
                "[[never]]\nname = \"a\"\nsays = \"x\"\nactions = [\"zone.read\"]\nwhen = 'resource.apex'",
                "`apex`",
            ),
            ("[[only]]\nname = \"a\"\nsays = \"x\"\nmay = []", "not exactly one of"),
        ] {
            let said = wrong(text);
            assert!(said.contains(expected), "{text}: {said}");
        }
    }

    #[test]
    fn groups_stand_for_their_actions() {
        let text = "[[never]]\nname = \"a\"\nsays = \"x\"\nactions = [\"write\"]";
        let read = parse(text, &Lists::default()).unwrap();
        let Claim::Bounded(bound) = &read.first().unwrap().claim else { panic!("not a bound") };
        assert_eq!(bound.actions, [Action::RecordCreate, Action::RecordDelete]);
    }
}
