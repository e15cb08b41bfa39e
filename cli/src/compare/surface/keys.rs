//! Which keys changed, and in which part.

use std::collections::BTreeSet;

use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::{Grant, Key};

use super::Detail;

/// A key that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyChange {
    /// Its id.
    pub(crate) id: String,
    /// Who has it and what for.
    pub(crate) description: String,
    /// What became of it.
    pub(crate) turn: KeyTurn,
    /// Whether somebody can use it now who could not: another secret is valid.
    pub(crate) new_secret: bool,
    /// Whether somebody cannot use it any more who could: a secret is no longer valid.
    pub(crate) lost_secret: bool,
    /// Whether what it may do can depend on the change.
    pub(crate) may_decide: bool,
    /// The parts that are others now.
    pub(crate) details: Vec<Detail>,
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyTurn {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It was disabled.
    Revoked,
    /// It is valid again.
    Restored,
    /// Something else in it is another.
    Edited,
    /// Its secret is another, and nothing else.
    Rotated,
    /// Only its description is another.
    Reworded,
}

impl KeyTurn {
    /// What became of it, in one word.
    pub(crate) fn words(self) -> &'static str {
        match self {
            KeyTurn::Added => "added",
            KeyTurn::Removed => "removed",
            KeyTurn::Revoked => "revoked",
            KeyTurn::Restored => "restored",
            KeyTurn::Edited => "edited",
            KeyTurn::Rotated => "rotated",
            KeyTurn::Reworded => "reworded",
        }
    }
}

/// Whether two entries have the same power: all but the secret, the words and the line is equal.
pub(crate) fn is_same_power(one: &Key, other: &Key) -> bool {
    let grants = |key: &Key| {
        let parts = |grant: &Grant| {
            let Grant { grant, zone, domain, name, line: _ } = grant.clone();
            (grant, zone, domain, name)
        };
        key.grants.iter().map(parts).collect::<Vec<_>>()
    };
    one.owner == other.owner
        && one.accounts == other.accounts
        && one.roles == other.roles
        && one.attributes == other.attributes
        && one.networks == other.networks
        && (one.not_before, one.expires) == (other.not_before, other.expires)
        && one.disabled == other.disabled
        && grants(one) == grants(other)
}

/// The keys that changed, by id.
pub(super) fn changes(old: &Bundle, new: &Bundle) -> Vec<KeyChange> {
    let ids: BTreeSet<&str> =
        old.keys.iter().chain(new.keys.iter()).map(|key| key.id.as_str()).collect();
    let change = |id: &str| change(id, old.keys.by_id(id), new.keys.by_id(id));
    ids.into_iter().filter_map(change).collect()
}

/// What became of one key; none where nothing did.
fn change(id: &str, old: Option<&Key>, new: Option<&Key>) -> Option<KeyChange> {
    let shown = new.or(old)?;
    let mut change = KeyChange {
        id: id.to_owned(),
        description: shown.description.clone(),
        turn: KeyTurn::Added,
        new_secret: false,
        lost_secret: false,
        may_decide: true,
        details: Vec::new(),
    };
    let (one, other) = match (old, new) {
        (Some(one), Some(other)) => (one, other),
        (Some(_), None) => {
            change.turn = KeyTurn::Removed;
            return Some(change);
        }
        (None, _) => {
            change.details = details(&blank(shown), shown);
            return Some(change);
        }
    };
    let digests = |key: &Key| {
        let all = [Some(&key.digest), key.next_digest.as_ref()];
        all.into_iter().flatten().map(ToString::to_string).collect::<BTreeSet<String>>()
    };
    let (before, after) = (digests(one), digests(other));
    change.new_secret = !other.disabled && !after.is_subset(&before);
    change.lost_secret = !one.disabled && !before.is_subset(&after);
    change.details = details(one, other);
    change.may_decide = !is_same_power(one, other);
    let secret = before != after;
    if secret {
        let counted = |set: &BTreeSet<String>| match set.len() {
            1 => "one secret".to_owned(),
            number => format!("{number} secrets"),
        };
        let same = before.intersection(&after).count();
        let now = format!("{}, {same} of them as before", counted(&after));
        let (old, new) = (Some(counted(&before)), Some(now));
        change.details.push(Detail { what: "secret".to_owned(), old, new });
    }
    change.turn = match (one.disabled, other.disabled) {
        (false, true) => KeyTurn::Revoked,
        (true, false) => KeyTurn::Restored,
        _ if change.may_decide => KeyTurn::Edited,
        _ if secret => KeyTurn::Rotated,
        _ if one.description != other.description => KeyTurn::Reworded,
        _ => return None,
    };
    Some(change)
}

/// A key with nothing in it but what identifies it.
fn blank(key: &Key) -> Key {
    Key {
        id: key.id.clone(),
        digest: key.digest,
        next_digest: key.next_digest,
        description: String::new(),
        owner: None,
        accounts: Vec::new(),
        roles: Vec::new(),
        attributes: std::collections::BTreeMap::new(),
        networks: Vec::new(),
        grants: Vec::new(),
        not_before: None,
        expires: None,
        disabled: false,
        file: String::new(),
        line: 0,
    }
}

/// The parts in which two entries differ, but for secrets.
fn details(one: &Key, other: &Key) -> Vec<Detail> {
    let mut details: Vec<Detail> = Vec::new();
    let time = |time: Option<jiff::Timestamp>| time.map_or(String::new(), |at| at.to_string());
    let owner = |key: &Key| key.owner.clone().unwrap_or_default();
    let networks = |key: &Key| key.networks.join(", ");
    details.extend(Detail::of("description", &one.description, &other.description));
    details.extend(Detail::of("owner", &owner(one), &owner(other)));
    details.extend(Detail::of("accounts", &one.accounts.join(", "), &other.accounts.join(", ")));
    details.extend(Detail::of("networks", &networks(one), &networks(other)));
    details.extend(Detail::of("not before", &time(one.not_before), &time(other.not_before)));
    details.extend(Detail::of("expires", &time(one.expires), &time(other.expires)));
    let listed = |what: &str, before: Vec<String>, after: Vec<String>| {
        let gone = before.iter().filter(|item| !after.contains(item)).map(|item| (item, false));
        let come = after.iter().filter(|item| !before.contains(item)).map(|item| (item, true));
        let detail = |(item, is_new): (&String, bool)| Detail {
            what: what.to_owned(),
            old: (!is_new).then(|| item.clone()),
            new: is_new.then(|| item.clone()),
        };
        gone.chain(come).map(detail).collect::<Vec<Detail>>()
    };
    details.extend(listed("role", one.roles.clone(), other.roles.clone()));
    let attributes = |key: &Key| {
        let pair = |(name, value): (&String, &String)| format!("{name} = {value}");
        key.attributes.iter().map(pair).collect::<Vec<_>>()
    };
    details.extend(listed("attribute", attributes(one), attributes(other)));
    let grants = |key: &Key| key.grants.iter().map(grant_text).collect::<Vec<_>>();
    details.extend(listed("grant", grants(one), grants(other)));
    details
}

/// A grant in words.
fn grant_text(grant: &Grant) -> String {
    let parts = [("zone", &grant.zone), ("domain", &grant.domain), ("name", &grant.name)];
    let parts = parts.into_iter().filter_map(|(what, name)| Some((what, name.as_ref()?)));
    let parts = parts.map(|(what, name)| format!("{what} {name}"));
    [grant.grant.clone()].into_iter().chain(parts).collect::<Vec<_>>().join(" ")
}
