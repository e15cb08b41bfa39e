//! What changed on the surface: policies, keys, roles, patterns, networks, windows.
//!
//! A policy is the same where its Cedar is, whatever its `@doc` says and wherever it stands. One
//! whose text is the same can still decide otherwise, because a pattern, network or window that it
//! asks for is another now; such a policy is changed *through* that.

mod keys;
mod policies;

use std::collections::BTreeSet;

use serde_json::Value;
use zonegate_engine::bundle::{Bundle, provider_files};

pub(crate) use self::keys::{KeyChange, KeyTurn, is_same_power};
pub(crate) use self::policies::{PolicyChange, Turn};

use super::Side;

/// Everything that changed.
#[derive(Debug, Default)]
pub(crate) struct Surface {
    /// Policies and templates, by id.
    pub(crate) policies: Vec<PolicyChange>,
    /// Keys, by id.
    pub(crate) keys: Vec<KeyChange>,
    /// Roles, patterns, networks, windows, and the deployment's time zone.
    pub(crate) lists: Vec<ListChange>,
    /// Providers whose files differ: what requests mean may have changed.
    pub(crate) providers: Vec<String>,
}

/// A change of something that policies or keys name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListChange {
    /// What it is: `role`, `pattern`, `network`, `window`, `time zone`.
    pub(crate) what: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// What it was, in words; none where it is new.
    pub(crate) old: Option<String>,
    /// What it is now; none where it is gone.
    pub(crate) new: Option<String>,
}

/// A part that is another now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Detail {
    /// Which part.
    pub(crate) what: String,
    /// What it was, where it was there.
    pub(crate) old: Option<String>,
    /// What it is, where it is there.
    pub(crate) new: Option<String>,
}

impl Detail {
    /// A part that was one thing and is another; none where they are the same.
    pub(crate) fn of(what: &str, old: &str, new: &str) -> Option<Detail> {
        let there = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let detail = Detail { what: what.to_owned(), old: there(old), new: there(new) };
        (old != new).then_some(detail)
    }
}

impl Surface {
    /// Compares two sides.
    pub(crate) fn of(old: Side<'_>, new: Side<'_>) -> Surface {
        let lists = lists(old.bundle, new.bundle);
        let through = Through::of(&lists);
        Surface {
            policies: policies::changes(old, new, &through),
            keys: keys::changes(old.bundle, new.bundle),
            providers: providers(old, new),
            lists,
        }
    }

    /// Whether nothing at all changed.
    pub(crate) fn is_empty(&self) -> bool {
        let Surface { policies, keys, lists, providers } = self;
        policies.is_empty() && keys.is_empty() && lists.is_empty() && providers.is_empty()
    }

    /// The ids of the policies that may decide otherwise.
    pub(crate) fn touched(&self) -> BTreeSet<&str> {
        let touched = self.policies.iter().filter(|one| one.turn.may_decide());
        touched.map(|one| one.id.as_str()).collect()
    }
}

/// What changed below the policies: the lists that they name.
#[derive(Debug, Default)]
pub(super) struct Through<'a> {
    /// Patterns whose expression changed.
    pub(super) patterns: Vec<&'a str>,
    /// Networks whose ranges changed, appeared or went.
    pub(super) networks: Vec<&'a str>,
    /// Windows whose times changed, appeared or went.
    pub(super) windows: Vec<&'a str>,
    /// Whether the deployment's wall clock changed.
    pub(super) clock: bool,
}

impl<'a> Through<'a> {
    /// Reads it off the changed lists.
    fn of(lists: &'a [ListChange]) -> Through<'a> {
        let names = |what: &str| {
            let of_kind = lists.iter().filter(|list| list.what == what);
            of_kind.map(|list| list.name.as_str()).collect()
        };
        Through {
            patterns: names("pattern"),
            networks: names("network"),
            windows: names("window"),
            clock: lists.iter().any(|list| list.what == "time zone"),
        }
    }
}

/// The changes of the lists that policies and keys name.
fn lists(old: &Bundle, new: &Bundle) -> Vec<ListChange> {
    let mut changes = Vec::new();
    let mut add = |what, before: Vec<(String, String)>, after: Vec<(String, String)>| {
        let names: BTreeSet<&String> = before.iter().chain(&after).map(|(name, _)| name).collect();
        for name in names {
            let find = |list: &[(String, String)]| {
                list.iter().find(|(one, _)| one == name).map(|(_, words)| words.clone())
            };
            let (old, new) = (find(&before), find(&after));
            if old != new {
                changes.push(ListChange { what, name: name.clone(), old, new });
            }
        }
    };
    let roles = |bundle: &Bundle| {
        bundle.lists.roles.iter().map(|role| (role.clone(), String::new())).collect()
    };
    add("role", roles(old), roles(new));
    let patterns = |bundle: &Bundle| {
        let words = |one: &zonegate_engine::pattern::Pattern| {
            (one.name().to_owned(), format!("{:?} {}", one.reads(), one.regex()).to_lowercase())
        };
        bundle.patterns.iter().map(words).collect()
    };
    add("pattern", patterns(old), patterns(new));
    let networks = |bundle: &Bundle| {
        let words = |one: &zonegate_engine::network::Network| {
            let mut ranges: Vec<String> = one.ranges.iter().map(ToString::to_string).collect();
            ranges.sort_unstable();
            (one.name.clone(), ranges.join(", "))
        };
        bundle.networks.iter().map(words).collect()
    };
    add("network", networks(old), networks(new));
    let windows = |bundle: &Bundle, other: &Bundle, mark: &str| {
        let words = |one: &zonegate_engine::window::Window| {
            let words = bundle.windows.words(one);
            let twin = other.windows.iter().find(|twin| twin.name == one.name);
            // The same words can mean other times, by other rules of the time zone.
            let is_odd = twin.is_some_and(|twin| {
                words == other.windows.words(twin)
                    && !bundle.windows.is_alike(&other.windows, &one.name)
            });
            let mark = if is_odd { mark } else { "" };
            (one.name.clone(), format!("{words}{mark}"))
        };
        bundle.windows.iter().map(words).collect()
    };
    let (before, after) = (", by older rules", ", by newer rules");
    add("window", windows(old, new, before), windows(new, old, after));
    if !old.windows.has_the_clock_of(&new.windows) {
        let zone = |bundle: &Bundle| vec![(String::new(), bundle.windows.time_zone().to_owned())];
        add("time zone", zone(old), zone(new));
        if old.windows.time_zone() == new.windows.time_zone() {
            let words = |text: &str| Some(format!("{}{text}", old.windows.time_zone()));
            let (old, new) = (words(before), words(after));
            changes.push(ListChange { what: "time zone", name: String::new(), old, new });
        }
    }
    changes
}

/// The providers whose files are not the same.
fn providers(old: Side<'_>, new: Side<'_>) -> Vec<String> {
    let read = |side: Side<'_>| -> Vec<(String, Value)> {
        let all = provider_files(&side.known.bytes).unwrap_or_default();
        let named = all.into_iter().map(|provider| {
            let name = provider.get("provider").and_then(Value::as_str).unwrap_or("?").to_owned();
            (name, provider)
        });
        named.collect()
    };
    let (before, after) = (read(old), read(new));
    let names: BTreeSet<&String> = before.iter().chain(&after).map(|(name, _)| name).collect();
    let find = |list: &'_ [(String, Value)], name: &str| {
        list.iter().find(|(one, _)| one == name).map(|(_, provider)| provider.clone())
    };
    let differs = |name: &&&String| find(&before, name) != find(&after, name);
    names.iter().filter(differs).map(|name| (*name).clone()).collect()
}
