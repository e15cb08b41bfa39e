//! The keys that there are, in classes that no policy can tell apart.

use std::collections::{BTreeMap, BTreeSet};

use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::Key;
use zonegate_engine::operation::{Action, ResourceKind};

use crate::symbolic::{Mentions, entities, entity, quoted};

/// Keys that policies see alike, but for their grants.
#[derive(Debug)]
pub(crate) struct Class<'b> {
    /// One of them.
    pub(crate) key: &'b Key,
    /// How many they are.
    pub(crate) count: usize,
    /// What is true of them, in Cedar.
    conditions: Vec<String>,
    /// The accounts that they are for; empty for all.
    accounts: Vec<String>,
}

impl Class<'_> {
    /// What is true of a request by these keys.
    pub(crate) fn given(&self, action: Action) -> Vec<String> {
        let mut given = self.conditions.clone();
        if !self.accounts.is_empty() {
            let is_one = self.accounts.iter().map(|path| {
                let (provider, account) = path.split_once('/').unwrap_or((path, ""));
                match action.kind() {
                    ResourceKind::Account => format!("resource == {}", entity("Account", path)),
                    ResourceKind::Zone | ResourceKind::Record => format!(
                        "(resource.provider == {} && resource.account == {})",
                        quoted(provider),
                        quoted(account)
                    ),
                }
            });
            given.push(is_one.collect::<Vec<_>>().join(" || "));
        }
        given
    }
}

/// The classes of the keys that may be used at all, as policies that mention this see them.
pub(crate) fn classes<'b>(bundle: &'b Bundle, mentions: &Mentions) -> Vec<Class<'b>> {
    let mut found: BTreeMap<(Vec<String>, Vec<String>), Class<'b>> = BTreeMap::new();
    for key in bundle.keys.iter().filter(|key| !key.disabled) {
        let class = class(key, mentions);
        let at = (class.conditions.clone(), class.accounts.clone());
        found.entry(at).and_modify(|known| known.count += 1).or_insert(class);
    }
    found.into_values().collect()
}

/// The class of one key.
pub(crate) fn class<'b>(key: &'b Key, mentions: &Mentions) -> Class<'b> {
    let mut conditions = Vec::new();
    for role in mentions.ids("Role") {
        let has = format!("principal in {}", entity("Role", role));
        let is_one = key.roles.iter().any(|one| one == role);
        conditions.push(if is_one { has } else { format!("!({has})") });
    }
    for id in mentions.ids("Key") {
        let sign = if id == key.id { "==" } else { "!=" };
        conditions.push(format!("principal {sign} {}", entity("Key", id)));
    }
    if mentions.reads("networks") {
        let networks = entities("Network", key.networks.iter().map(String::as_str));
        conditions.push(if key.networks.is_empty() {
            "!(principal has networks)".to_owned()
        } else {
            format!("principal has networks && principal.networks == {networks}")
        });
    }
    if mentions.reads("owner") {
        conditions.push(match &key.owner {
            Some(owner) => format!("principal has owner && principal.owner == {}", quoted(owner)),
            None => "!(principal has owner)".to_owned(),
        });
    }
    for tag in mentions.tags() {
        let name = quoted(tag);
        conditions.push(match key.attributes.get(tag) {
            Some(value) => {
                format!("principal.hasTag({name}) && principal.getTag({name}) == {}", quoted(value))
            }
            None => format!("!(principal.hasTag({name}))"),
        });
    }
    conditions.extend(validity(key, mentions));
    let accounts: BTreeSet<&String> = key.accounts.iter().collect();
    let everywhere = accounts.iter().any(|path| *path == "*");
    let accounts = if everywhere { Vec::new() } else { accounts.into_iter().cloned().collect() };
    Class { key, count: 1, conditions, accounts }
}

/// When a key can be used.
fn validity(key: &Key, mentions: &Mentions) -> Vec<String> {
    let time = |at: jiff::Timestamp| format!("datetime({})", quoted(&at.to_string()));
    let mut conditions = Vec::new();
    if let Some(from) = key.not_before {
        conditions.push(format!("context.now >= {}", time(from)));
    }
    if let Some(to) = key.expires {
        conditions.push(format!("context.now < {}", time(to)));
    }
    if mentions.reads("expires") {
        conditions.push(match key.expires {
            Some(to) => format!("principal has expires && principal.expires == {}", time(to)),
            None => "!(principal has expires)".to_owned(),
        });
    }
    conditions
}
