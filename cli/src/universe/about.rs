//! What one policy alone can tell apart, and keys that stand for all that it could be asked by.
//!
//! A universe of a whole bundle grows with the number of keys. Who judges policies one by one needs
//! only what the one mentions: a zone or two, a name or two, a few keys that nobody has.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::key::{self, Grant, Key, Known};
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::policy::Written;

use super::literals::Literals;
use super::meet::reads;
use super::{Around, Universe, instant, name, unique};

/// The zone of grants that name none.
const ZONE: &str = "example.com";
/// The most grants that are tried of one template.
const GRANTS_MAX: usize = 8;
/// The most keys that differ in their texts alone.
const TEXTED_MAX: usize = 64;
/// The least that the entry of a key has; nobody has this one.
const ENTRY: &str =
    "[[key]]\nid = \"zonegate0000\"\ndescription = \"nobody\"\naccounts = [\"*\"]\n";

/// One policy's own universe.
#[derive(Debug)]
pub(crate) struct About {
    /// Its values.
    pub(crate) universe: Universe,
    /// Keys that nobody has, one for each way in which the policy can see a key. Their ids are
    /// unique within this process.
    pub(crate) keys: Vec<Key>,
    /// Accounts, as `provider/account`.
    pub(crate) accounts: Vec<String>,
}

impl About {
    /// The universe of this policy; `None` where no key can be made up.
    ///
    /// `times` are the time to begin with, and moments of windows. With `meets` it also has what
    /// meets two of the policy's literals at once; that is slower, and seldom of use.
    pub(crate) fn of(
        bundle: &Bundle,
        policy: &Written,
        times: &[Timestamp],
        meets: bool,
    ) -> Option<About> {
        let mut literals = Literals::of_json(&policy.json);
        if meets {
            literals.meet(&policy.json);
        }
        let keys = keys(bundle, policy, &literals)?;
        let accounts = accounts(bundle, &literals);
        let asks = literals.ids("Window").next().is_some();
        let times = times.iter().copied().take(if asks { usize::MAX } else { 1 }).collect();
        let around = Around { keys: keys.iter().collect(), zones: Vec::new(), times };
        let mut universe = Universe::made(bundle, literals.clone(), &around);
        if meets {
            universe.meet(bundle, &literals, &policy.json);
        }
        universe.add_hours();
        Some(About { universe, keys, accounts })
    }
}

impl Universe {
    /// To each time, every third hour of the week that it begins: where several clocks are asked,
    /// such as a window and a weekday, no single one of them leads to a time that suits all.
    fn add_hours(&mut self) {
        if self.times.len() < 2 {
            return;
        }
        let hours = |at: &Timestamp| {
            let at = *at;
            (1..56)
                .filter_map(move |step| at.checked_add(SignedDuration::from_hours(3 * step)).ok())
        };
        let later: Vec<Timestamp> = self.times.iter().flat_map(hours).collect();
        self.times.extend(later);
        unique(&mut self.times);
    }
}

/// Keys for a policy: with its scope's role, then with everything else that it mentions.
fn keys(bundle: &Bundle, policy: &Written, literals: &Literals) -> Option<Vec<Key>> {
    let digest = "0".repeat(64);
    let text = format!("{ENTRY}digest = \"sha256:{digest}\"\n");
    let (table, _) = key::parse("keys.toml", &text, &Known::default()).ok()?;
    let nobody = table.iter().next()?.clone();
    let scope = policy.json.get("principal");
    let within = scope.and_then(|scope| scope.get("in").or(Some(scope)));
    let entity = within.and_then(|scope| scope.get("entity"));
    let entity = |field: &str| entity.and_then(|one| one.get(field)).and_then(Value::as_str);
    let mut least = nobody;
    match (entity("type"), entity("id")) {
        (Some("Role"), Some(role)) => least.roles = vec![role.to_owned()],
        (Some("Key"), Some(id)) => return bundle.keys.by_id(id).map(|key| vec![key.clone()]),
        _ => {}
    }
    let mut described = least.clone();
    let texts = literals.texts.iter();
    described.attributes = texts.map(|(name, text)| (name.clone(), text.clone())).collect();
    described.owner = literals.texts("owner").next().map(str::to_owned).or(Some("x".to_owned()));
    let mut bound = described.clone();
    bound.networks = bundle.networks.names().into_iter().take(1).collect();
    bound.expires = Timestamp::from_second(i64::from(i32::MAX)).ok();
    let mut member = described.clone();
    let roles: BTreeSet<String> = literals.ids("Role").map(str::to_owned).collect();
    member.roles =
        least.roles.iter().cloned().chain(roles).collect::<BTreeSet<_>>().into_iter().collect();
    let mut kinds = vec![least, described.clone(), bound.clone(), member];
    kinds.extend(texted(&described, literals));
    if reads(&policy.json, "expires") {
        let ends = literals.calls("datetime").filter_map(instant);
        let around = ends.flat_map(|at| {
            [-1, 1].map(|step| at.checked_add(SignedDuration::from_secs(step)).ok())
        });
        kinds.extend(around.map(|expires| Key { expires, ..bound.clone() }));
    }
    let grants = grants(policy, literals);
    let mut made: Vec<Key> = Vec::new();
    for kind in kinds {
        for grant in &grants {
            made.push(Key { grants: grant.iter().cloned().collect(), ..kind.clone() });
        }
    }
    made.dedup();
    for (number, key) in made.iter_mut().enumerate() {
        // No key has a colon in its id, so nobody's decisions are kept under it.
        key.id = format!("{}:{number}", policy.id);
    }
    Some(made)
}

/// Keys that differ from one in an owner or an attribute, with every text that one is compared with.
fn texted(key: &Key, literals: &Literals) -> Vec<Key> {
    let owners =
        literals.texts("owner").map(|text| Key { owner: Some(text.to_owned()), ..key.clone() });
    let tags = literals.texts.iter().filter(|(name, _)| literals.tags.contains(name));
    let attributes = tags.map(|(name, text)| {
        let mut key = key.clone();
        key.attributes.insert(name.clone(), text.clone());
        key
    });
    let mut made: Vec<Key> = owners.chain(attributes).collect();
    made.dedup();
    made.truncate(TEXTED_MAX);
    made
}

/// Grants of a template; of a policy that is none, one that is no grant.
fn grants(policy: &Written, literals: &Literals) -> Vec<Option<Grant>> {
    let Some(field) = policy.template else { return vec![None] };
    let zone = literals.ids("Zone").chain(literals.texts("zone")).find_map(name);
    let Some(zone) = zone.or_else(|| name(ZONE)) else { return Vec::new() };
    let labels = literals.texts("leftmost").chain(literals.texts("relative"));
    let mut owners: Vec<Name> = labels
        .chain(["www", "@"])
        .filter_map(|label| Name::parse_relative(label, &zone, "@").ok())
        .collect();
    owners.extend(literals.texts("name").filter_map(|text| Name::parse(text, NameForm::Fqdn).ok()));
    if !matches!(field, "name" | "domain") {
        owners.truncate(1);
    }
    owners.truncate(GRANTS_MAX);
    let grant = |owner: Name| Grant {
        grant: policy.id.clone(),
        zone: Some(zone.clone()),
        domain: (field == "domain").then(|| owner.clone()),
        name: (field == "name").then_some(owner),
        line: 0,
    };
    owners.into_iter().map(|owner| Some(grant(owner))).collect()
}

/// The accounts that a policy mentions, one of each provider that it mentions, and one of nobody's
/// choice.
fn accounts(bundle: &Bundle, literals: &Literals) -> Vec<String> {
    let first = bundle.providers().first().map(|provider| format!("{}/main", provider.name()));
    let of = |provider: &str| format!("{provider}/main");
    let providers = literals.ids("Provider").chain(literals.texts("provider")).map(of);
    let named = literals.ids("Account").chain(literals.texts("account")).map(str::to_owned);
    let routes = literals.ids("Route").filter_map(|route| route.split('/').next()).map(of);
    let mut all: Vec<String> = named.chain(providers).chain(routes).chain(first).collect();
    let mut known = BTreeSet::new();
    all.retain(|one| known.insert(one.clone()));
    all
}
