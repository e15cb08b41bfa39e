//! Keys that no policy tells apart are one class, of which one is asked.
//!
//! Ten thousand keys with ten grants each for a zone of their own are the same but for names. So a
//! key is described by what policies can see of it, with the names of its grants blurred where no
//! policy mentions them; keys with equal descriptions on both sides, and the same changed policies,
//! are one class. What is found for one of a class is asked again for each of its members, with the
//! member's own names; so a class decides what is looked for, and never what is claimed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;
use zonegate_engine::key::{Grant, Key};
use zonegate_engine::name::Name;
use zonegate_engine::pattern::Subject;
use zonegate_engine::policy::Holding;

use super::Side;
use super::surface::{Surface, is_same_power};

/// Keys that are looked at as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Class {
    /// The ids of its keys, sorted; the first is asked.
    pub(crate) members: Vec<String>,
    /// The ids of the changed policies that can match them.
    pub(crate) touched: BTreeSet<String>,
    /// Whether their own entries changed.
    pub(crate) own: bool,
}

/// All keys of both sides, sorted into classes.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    /// The classes that something changed for, in the order of their first keys.
    pub(crate) touched: Vec<Class>,
    /// How many keys are decided about by the same policies as before.
    pub(crate) untouched: usize,
    /// How many keys are not valid any more on either side.
    pub(crate) over: usize,
}

impl Classes {
    /// Sorts the keys.
    pub(crate) fn of(old: Side<'_>, new: Side<'_>, surface: &Surface, at: Timestamp) -> Classes {
        let lens = Lens::of(old, new);
        let touched = Touched::of(old, new, &surface.touched());
        let (mut sorted, mut all) = (BTreeMap::<_, Class>::new(), Classes::default());
        let ids = old.bundle.keys.iter().chain(new.bundle.keys.iter()).map(|key| key.id.as_str());
        for id in ids.collect::<BTreeSet<&str>>() {
            let (before, after) = (old.bundle.keys.by_id(id), new.bundle.keys.by_id(id));
            if !before.is_some_and(|key| is_ever(key, at))
                && !after.is_some_and(|key| is_ever(key, at))
            {
                all.over += 1;
                continue;
            }
            let own = match (before, after) {
                (Some(one), Some(other)) => !is_same_power(one, other),
                _ => true,
            };
            let touched = touched.of_key(before, after);
            if touched.is_empty() && !own {
                all.untouched += 1;
                continue;
            }
            // Of keys that changed themselves, the times are what the change may be about.
            let describe = |side: Side<'_>, key| lens.describe(side, key, own, at);
            let what = (before.map(|key| describe(old, key)), after.map(|key| describe(new, key)));
            let class = sorted.entry((what, touched.clone())).or_default();
            class.members.push(id.to_owned());
            class.touched = touched;
            class.own = own;
        }
        all.touched = sorted.into_values().collect();
        all.touched.sort_by(|one, other| one.members.cmp(&other.members));
        all
    }
}

/// Whether a key is valid now or later.
fn is_ever(key: &Key, at: Timestamp) -> bool {
    !key.disabled && key.expires.is_none_or(|end| end > at)
}

/// The changed policies, to be held against keys.
struct Touched<'a> {
    /// Those that are no templates, of both sides.
    statics: Vec<&'a Holding>,
    /// Templates with what links them, of both sides.
    blanks: Vec<&'a zonegate_engine::policy::Blank>,
}

impl<'a> Touched<'a> {
    /// Those with these ids.
    fn of(old: Side<'a>, new: Side<'a>, ids: &BTreeSet<&str>) -> Touched<'a> {
        let sides = [old, new];
        let statics = sides.iter().flat_map(|side| &side.known.statics);
        let blanks = sides.iter().flat_map(|side| &side.known.blanks);
        Touched {
            statics: statics.filter(|one| ids.contains(one.id.as_str())).collect(),
            blanks: blanks.filter(|one| ids.contains(one.holding.id.as_str())).collect(),
        }
    }

    /// The ids of those that can match a key as it was or as it is.
    fn of_key(&self, before: Option<&Key>, after: Option<&Key>) -> BTreeSet<String> {
        let forms: Vec<&Key> = before.into_iter().chain(after).collect();
        let is_for = |one: &&&Holding| forms.iter().any(|key| one.is_for(key));
        let statics = self.statics.iter().filter(is_for).map(|one| one.id.clone());
        let grants = || forms.iter().flat_map(|key| &key.grants);
        let linked = self.blanks.iter().filter(|blank| grants().any(|one| blank.is_of(&one.grant)));
        statics.chain(linked.map(|blank| blank.holding.id.clone())).collect()
    }
}

/// What the policies of both sides can see of a key.
struct Lens<'a> {
    /// The names that policies mention, as ids and in comparisons.
    names: BTreeSet<&'a str>,
    /// Labels that occur in texts of policies.
    labels: BTreeSet<&'a str>,
    /// `like` patterns, as their parts; none in it is the wildcard.
    likes: BTreeSet<Vec<Option<&'a str>>>,
    /// Key ids that policies mention.
    keys: BTreeSet<&'a str>,
    /// Whether a policy asks for a key's owner or expiry.
    reads_owner: bool,
    /// Likewise its expiry.
    reads_expiry: bool,
}

impl<'a> Lens<'a> {
    /// Reads the policies of both sides.
    fn of(old: Side<'a>, new: Side<'a>) -> Lens<'a> {
        let mut lens = Lens {
            names: BTreeSet::new(),
            labels: BTreeSet::new(),
            likes: BTreeSet::new(),
            keys: BTreeSet::new(),
            reads_owner: false,
            reads_expiry: false,
        };
        for side in [old, new] {
            let blanks = side.known.blanks.iter().map(|blank| &blank.holding);
            for holding in side.known.statics.iter().chain(blanks) {
                lens.read(&holding.json);
            }
        }
        lens
    }

    /// Reads one policy; the walk keeps its own stack.
    fn read(&mut self, policy: &'a Value) {
        let mut pending = vec![policy];
        while let Some(value) = pending.pop() {
            match value {
                Value::Object(object) => {
                    let text = |name: &str| object.get(name).and_then(Value::as_str);
                    match (text("type"), text("id")) {
                        (Some("Zone" | "Domain" | "Name"), Some(id)) => {
                            self.names.insert(id);
                        }
                        (Some("Key"), Some(id)) => {
                            self.keys.insert(id);
                        }
                        _ => {}
                    }
                    self.reads_owner |= text("attr") == Some("owner");
                    self.reads_expiry |= text("attr") == Some("expires");
                    if let Some(text) = text("Value") {
                        self.names.insert(text);
                        self.labels.extend(text.split('.'));
                    }
                    let pattern = object.get("like").and_then(|like| like.get("pattern"));
                    if let Some(parts) = pattern.and_then(Value::as_array) {
                        let part = |one: &'a Value| one.get("Literal").and_then(Value::as_str);
                        self.likes.insert(parts.iter().map(part).collect());
                    }
                    pending.extend(object.values());
                }
                Value::Array(items) => pending.extend(items),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }

    /// A key as policies see it, in one text; `exactly` keeps its times.
    fn describe(&self, side: Side<'_>, key: &Key, exactly: bool, at: Timestamp) -> String {
        let owner = if self.reads_owner { key.owner.clone() } else { None };
        let id = Some(&key.id).filter(|id| self.keys.contains(id.as_str()));
        let later = |time: Option<Timestamp>| time.filter(|time| *time > at);
        let (from, to) = (later(key.not_before), key.expires);
        let times = if exactly || self.reads_expiry || from.is_some() {
            format!("{from:?} {to:?}")
        } else {
            to.is_some().to_string()
        };
        let grants: Vec<String> = key.grants.iter().map(|one| self.grant(side, one)).collect();
        // Which grants are for the same names, or for one inside another.
        let names: Vec<&Name> = key.grants.iter().flat_map(names_of).collect();
        let mut together = Vec::new();
        for (at, one) in names.iter().enumerate() {
            let other = names.iter().position(|other| other.is_below_or_equal(one));
            if other.is_some_and(|other| other != at) {
                together.push((at, other));
            }
        }
        let Key { roles, accounts, networks, attributes, disabled, .. } = key;
        format!(
            "{id:?} {owner:?} {roles:?} {accounts:?} {networks:?} {attributes:?} {disabled} {times} \
             {grants:?} {together:?}"
        )
    }

    /// A grant with its names blurred.
    fn grant(&self, side: Side<'_>, grant: &Grant) -> String {
        let zone = grant.zone.as_ref();
        let blur = |name: &Option<Name>| {
            name.as_ref().map(|name| self.blur(side, name, zone.filter(|zone| *zone != name)))
        };
        let (of_zone, domain, name) = (blur(&grant.zone), blur(&grant.domain), blur(&grant.name));
        format!("{} {of_zone:?} {domain:?} {name:?}", grant.grant)
    }

    /// What policies can tell of a name: all of it where they mention it or something around it,
    /// else its labels that they mention, and which patterns it matches.
    fn blur(&self, side: Side<'_>, name: &Name, zone: Option<&Name>) -> String {
        let is_near = |mentioned: &&str| {
            let inside = |text: &str, of: &str| {
                text.strip_suffix(of).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            !mentioned.is_empty()
                && (inside(name.as_str(), mentioned) || inside(mentioned, name.as_str()))
        };
        if self.names.iter().any(is_near) {
            return name.to_string();
        }
        let seen = |label: &str| {
            if self.labels.contains(label) { label.to_owned() } else { "?".to_owned() }
        };
        let labels: Vec<String> = name.labels().map(seen).collect();
        let relative = zone.and_then(|zone| name.relative_to(zone));
        let like = |parts: &&Vec<Option<&str>>| {
            let texts = [Some(name.as_str()), relative.as_deref(), Some(name.leftmost())];
            texts.into_iter().flatten().any(|text| is_like(text, parts))
        };
        let likes: Vec<_> = self.likes.iter().filter(like).collect();
        let relative = relative.unwrap_or_default();
        let subject = Subject { relative: &relative, name: name.as_str(), value: None };
        let patterns = side.bundle.patterns.iter().filter(|one| one.matches(&subject));
        let patterns: Vec<&str> = patterns.map(zonegate_engine::pattern::Pattern::name).collect();
        let depth = zone.and_then(|zone| name.depth_below(zone));
        format!("{} {depth:?} {likes:?} {patterns:?}", labels.join("."))
    }
}

/// The names that a grant is for.
pub(super) fn names_of(grant: &Grant) -> impl Iterator<Item = &Name> {
    [&grant.name, &grant.domain, &grant.zone].into_iter().flatten()
}

/// Whether a text is like a pattern whose parts are literals and, as none, wildcards.
fn is_like(text: &str, parts: &[Option<&str>]) -> bool {
    // Everything that the parts so far can have matched ends at one of these offsets.
    let mut ends: BTreeSet<usize> = BTreeSet::from([0]);
    for part in parts {
        ends = match part {
            None => match ends.first() {
                Some(first) => (*first..=text.len()).collect(),
                None => return false,
            },
            Some(literal) => {
                let is_next =
                    |at: &usize| text.get(*at..).is_some_and(|rest| rest.starts_with(literal));
                ends.iter().copied().filter(is_next).map(|at| at + literal.len()).collect()
            }
        };
    }
    ends.contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_is_cedars() {
        let all = [None, Some("prod"), None];
        assert!(is_like("a-prod-b", &all) && is_like("prod", &all) && !is_like("pro.d", &all));
        assert!(
            is_like("a.nl", &[None, Some(".nl")]) && !is_like("a.nl.com", &[None, Some(".nl")])
        );
        assert!(is_like("", &[None]) && is_like("", &[]) && !is_like("x", &[]));
        assert!(is_like("abab", &[None, Some("ab")]));
    }
}
