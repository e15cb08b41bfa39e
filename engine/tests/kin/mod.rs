//! Several keys through one set of policies, in any order: what they share (indexes, candidates,
//! prepared entities) never makes a decision another than evaluating everything for one key alone.

use std::rc::Rc;

use jiff::Timestamp;
use proptest::prelude::*;
use zonegate_engine::key::{Grant, Key};
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::operation::{Action, Operation, ResourceKind};
use zonegate_engine::policy::{AccountId, Asking, Circumstances, Policies};
use zonegate_engine::record_type::RecordType;
use zonegate_engine::window::Windows;

use crate::{CONDITIONS, ZONE_CONDITIONS, patterns};

/// Zones that policies, grants and operations are about; some lie in others, some only look so.
const ZONES: [&str; 7] = [
    "example.com",
    "www.example.com",
    "evilexample.com",
    "example.org",
    "b.example.org",
    "test",
    "a.test",
];
/// What stands before a zone in an owner name.
const BEFORE: [&str; 6] = ["", "a.", "b.", "a.b.", "*.", "_acme-challenge.a."];
/// Record types of operations.
const TYPES: [&str; 4] = ["A", "TXT", "NS", "TYPE65280"];
/// Ids of keys; one is a role's name, too.
const IDS: [&str; 4] = ["k1", "k2", "k3", "editors"];
/// Roles; one is a key's id, too.
const ROLES: [&str; 4] = ["editors", "robots", "readers", "k1"];
/// Accounts, two of one provider.
const ACCOUNTS: [(&str, &str); 3] =
    [("powerdns", "main"), ("powerdns", "other"), ("cloudflare", "main")];
/// What grants name: sets of templates, and templates by their ids.
const GRANTS: [&str; 5] = ["g0", "g1", "g2", "t0", "t1"];

/// What policies say after their scope, `{0}` being a zone and `{1}` a name.
const PLACED: [&str; 12] = [
    "when { resource in Zone::\"{0}\" }",
    "unless { resource in Zone::\"{0}\" }",
    "when { resource in Domain::\"{1}\" }",
    "unless { resource in [Domain::\"{0}\", Name::\"{1}\"] }",
    "when { resource in Name::\"{1}\" || resource.apex }",
    "when { resource == Record::\"{1}/A\" }",
    "when { resource.type == RecordType::\"A\" && resource in Domain::\"{0}\" }",
    "when { resource == Account::\"powerdns/main\" || resource in Zone::\"{0}\" }",
    "when { principal in Role::\"editors\" && !(principal == Key::\"editors\") }",
    "when { action == Action::\"record.create\" } unless { resource in Zone::\"{0}\" }",
    "when { resource.zone == \"{0}\" && resource.account == \"main\" }",
    "when { resource is Record && resource.name like \"*{0}\" }",
];

/// A policy's resource scope, `{0}` being a zone and `{1}` a name.
const SCOPES: [&str; 20] = [
    "resource",
    "resource is Account",
    "resource is Zone",
    "resource is Record",
    "resource == Account::\"powerdns/main\"",
    "resource in Account::\"powerdns/main\"",
    "resource in Account::\"cloudflare/main\"",
    "resource is Account in Provider::\"powerdns\"",
    "resource in Provider::\"cloudflare\"",
    "resource == Zone::\"{0}\"",
    "resource in Zone::\"{0}\"",
    "resource is Record in Zone::\"{0}\"",
    "resource in Domain::\"{0}\"",
    "resource in Domain::\"{1}\"",
    "resource is Zone in Domain::\"{1}\"",
    "resource in Domain::\"org\"",
    "resource in Name::\"{1}\"",
    "resource is Record in Name::\"{1}\"",
    "resource == Record::\"{1}/A\"",
    "resource in Pattern::\"short\"",
];

/// The resource scope of a template, with what its `?resource` is bound to.
const SLOTS: [(&str, &str); 9] = [
    ("resource in ?resource", "zone"),
    ("resource == ?resource", "zone"),
    ("resource is Record in ?resource", "zone"),
    ("resource is Zone in ?resource", "domain"),
    ("resource in ?resource", "domain"),
    ("resource is Record in ?resource", "domain"),
    ("resource in ?resource", "name"),
    ("resource is Record in ?resource", "name"),
    ("", ""),
];

/// A name: of a zone, or before one.
fn name() -> impl Strategy<Value = String> {
    (prop::sample::select(&BEFORE[..]), prop::sample::select(&ZONES[..]))
        .prop_map(|(before, zone)| format!("{before}{zone}"))
}

/// A text with a zone and a name filled in.
fn placed(texts: Vec<&'static str>) -> impl Strategy<Value = String> {
    (prop::sample::select(texts), prop::sample::select(&ZONES[..]), name())
        .prop_map(|(text, zone, name)| text.replace("{0}", zone).replace("{1}", &name))
}

/// What a policy says after its scope.
fn condition() -> impl Strategy<Value = String> {
    let all = [&CONDITIONS[..], &ZONE_CONDITIONS[..], &[""; 12], &PLACED[..], &PLACED[..]];
    placed(all.concat())
}

/// An action scope.
fn actions() -> impl Strategy<Value = String> {
    let one = || prop::sample::select(Action::ALL);
    prop_oneof![
        2 => Just("action".to_owned()),
        2 => prop::sample::select(&["read", "write", "manage"][..])
            .prop_map(|group| format!("action in Action::\"{group}\"")),
        1 => one().prop_map(|one| format!("action == Action::\"{}\"", one.name())),
        1 => (one(), one()).prop_map(|(one, other)| format!(
            "action in [Action::\"{}\", Action::\"{}\", Action::\"read\"]", one.name(), other.name()
        )),
    ]
}

/// Whom a policy is for.
fn principal() -> impl Strategy<Value = String> {
    let key = || prop::sample::select(&IDS[..]);
    let role = || prop::sample::select(&ROLES[..]);
    prop_oneof![
        2 => Just("principal".to_owned()),
        1 => Just("principal is Key".to_owned()),
        2 => key().prop_map(|id| format!("principal == Key::\"{id}\"")),
        1 => key().prop_map(|id| format!("principal is Key in Key::\"{id}\"")),
        3 => role().prop_map(|role| format!("principal in Role::\"{role}\"")),
        1 => role().prop_map(|role| format!("principal is Key in Role::\"{role}\"")),
        1 => role().prop_map(|role| format!("principal == Role::\"{role}\"")),
    ]
}

/// A policy without its id.
fn policy() -> impl Strategy<Value = String> {
    let effect = prop::bool::weighted(0.7);
    (effect, principal(), actions(), placed(SCOPES.to_vec()), condition()).prop_map(
        |(permits, principal, action, resource, condition)| {
            let effect = if permits { "permit" } else { "forbid" };
            format!("{effect} ({principal}, {action}, {resource}) {condition};\n")
        },
    )
}

/// A template without its id.
fn template() -> impl Strategy<Value = String> {
    let principals =
        ["principal == ?principal", "principal in ?principal", "principal is Key in ?principal"];
    (
        prop::bool::weighted(0.7),
        prop::sample::select(principals.to_vec()),
        actions(),
        (prop::sample::select(&SLOTS[..]), placed(SCOPES.to_vec())),
        condition(),
        prop::sample::subsequence(vec!["g0", "g1", "g2"], 1..3),
    )
        .prop_map(|(permits, principal, action, ((slot, binds), own), condition, grants)| {
            let effect = if permits { "permit" } else { "forbid" };
            let (resource, binds) = match binds {
                "" => (own, String::new()),
                binds => (slot.to_owned(), format!("@binds(\"{binds}\")")),
            };
            let grants = grants.join(", ");
            format!(
                "@grant(\"{grants}\") {binds} {effect} ({principal}, {action}, {resource}) {condition};\n"
            )
        })
}

/// Policies and templates as one file.
fn files() -> impl Strategy<Value = Vec<(String, String)>> {
    let policies = prop::collection::vec(policy(), 1..40);
    (policies, prop::collection::vec(template(), 2..8)).prop_map(|(policies, templates)| {
        let policies = policies.iter().enumerate().map(|(at, one)| format!("@id(\"p{at}\") {one}"));
        let templates =
            templates.iter().enumerate().map(|(at, one)| format!("@id(\"t{at}\") {one}"));
        vec![("generated.cedar".to_owned(), policies.chain(templates).collect())]
    })
}

/// A name that was written canonically.
fn parsed(name: &str) -> Name {
    Name::parse(name, NameForm::Fqdn).unwrap()
}

/// One grant; it has all that any template could be bound to.
fn grant() -> impl Strategy<Value = Grant> {
    let zone = || prop::sample::select(&ZONES[..]);
    (prop::sample::select(&GRANTS[..]), zone(), zone(), name()).prop_map(
        |(grant, zone, domain, name)| Grant {
            grant: grant.to_owned(),
            zone: Some(parsed(zone)),
            domain: Some(parsed(domain)),
            name: Some(parsed(&name)),
            line: 0,
        },
    )
}

/// Keys with roles and grants.
fn keys() -> impl Strategy<Value = Vec<Key>> {
    let roles = || prop::sample::subsequence(&ROLES[..], 0..=3);
    let one = (roles(), prop::collection::vec(grant(), 0..4));
    prop::collection::vec(one, IDS.len()).prop_map(|all| {
        let keys = IDS.iter().zip(all).map(|(id, (roles, grants))| {
            let roles: Vec<&str> = roles.into_iter().collect();
            Key { grants, ..crate::key(id, &roles) }
        });
        keys.collect()
    })
}

/// An operation of any kind.
fn operation() -> impl Strategy<Value = Operation> {
    let value = prop::option::of(prop::sample::select(&["192.0.2.9", "hello", "10.0.0.1"][..]));
    (
        prop::sample::select(Action::ALL),
        prop::sample::select(&ZONES[..]),
        prop::sample::select(&BEFORE[..]),
        prop::sample::select(&TYPES[..]),
        value,
    )
        .prop_map(|(action, zone, before, rtype, value)| match action.kind() {
            ResourceKind::Account => Operation::account(action),
            ResourceKind::Zone if value == Some("hello") => {
                Operation::metadata(action, parsed(zone), "ALSO-NOTIFY")
            }
            ResourceKind::Zone => Operation::zone(action, parsed(zone)),
            ResourceKind::Record => {
                let name = parsed(&format!("{before}{zone}"));
                let rtype = RecordType::parse(rtype).unwrap();
                Operation::record(action, parsed(zone), name, rtype, value.map(str::to_owned))
            }
        })
}

/// The start of a request by a key in an account.
pub(crate) fn request(policies: &Policies, key: &Key, (provider, account): (&str, &str)) -> Asking {
    let account = AccountId { provider: provider.to_owned(), account: account.to_owned() };
    let facts = Circumstances {
        client_ip: "192.0.2.1".parse().unwrap(),
        networks: Vec::new(),
        clock: Rc::new(Windows::default().clock(Timestamp::UNIX_EPOCH).unwrap()),
        tls: false,
        method: "PATCH",
        route: "powerdns/zone-patch".to_owned(),
        operations: 1,
    };
    let subject = policies.subject(&account, key).unwrap();
    policies.asking(&subject, &account, &facts).unwrap()
}

/// One question: whose it is, in which account, what is asked, and whether a request begins.
type Turn = (usize, usize, Operation, bool);

/// The questions of some keys, in an order.
fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let one = (0..IDS.len(), 0..ACCOUNTS.len(), operation(), prop::bool::weighted(0.2));
    prop_oneof![
        4 => prop::collection::vec(one, 1..60),
        // So many that caches are cleared on the way.
        1 => prop::collection::vec(
            (0..2_usize, 0..1_usize, operation(), prop::bool::weighted(0.05)), 150..250
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// What keys share changes no decision, no determining policy and no error.
    #[test]
    fn no_key_changes_what_another_may(files in files(), keys in keys(), turns in turns()) {
        let patterns = patterns();
        let shared = Policies::parse(&files).unwrap();
        // One set of policies for each key, whom nobody shares anything with.
        let alone: Vec<Policies> = keys.iter().map(|_| Policies::parse(&files).unwrap()).collect();
        let mut open = std::collections::HashMap::new();
        for (whose, account, operation, begins) in turns {
            let at = (whose, account);
            let begin = |policies| request(policies, &keys[whose], ACCOUNTS[account]);
            if begins {
                open.remove(&at);
            }
            let (asking, reference) =
                open.entry(at).or_insert_with(|| (begin(&shared), begin(&alone[whose])));
            let full = alone[whose].decide_unindexed(&patterns, reference, &operation);
            let said = || format!("{operation} by {:?} in {account} with {}", keys[whose], files[0].1);
            let decided = shared.decide(&patterns, asking, &operation);
            prop_assert_eq!(&decided, &full, "{}", said());
            let is_allowed = matches!(full, zonegate_engine::policy::Verdict::Allow(_));
            prop_assert!(!is_allowed || shared.could_allow(asking, &operation), "{}", said());
        }
    }
}

/// Roles of the keys below; the zone of a role is named like it.
const MANY_ROLES: [&str; 10] = ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"];

/// A role may read its own zone, and must not read that of the next; a grant is for one name.
fn policies_of_many() -> Policies {
    let template = "@id(\"own\") @grant(\"own\") @binds(\"name\")\n\
        permit (principal == ?principal, action == Action::\"record.create\", resource in ?resource);\n";
    let nexts = MANY_ROLES.iter().cycle().skip(1);
    let of_role = |(role, next): (&&str, &&str)| {
        let scope = format!("principal in Role::\"{role}\", action == Action::\"record.read\"");
        format!(
            "@id(\"{role}\") permit ({scope}, resource in Zone::\"{role}.test\");\n\
             @id(\"no-{role}\") forbid ({scope}, resource in Zone::\"{next}.test\");\n"
        )
    };
    let text = template.to_owned() + &MANY_ROLES.iter().zip(nexts).map(of_role).collect::<String>();
    Policies::parse(&[("many.cedar".to_owned(), text)]).unwrap()
}

/// What a key with these roles, and a grant for its own name, may do is what it should be.
fn ask_one(policies: &Policies, number: usize, roles: &[&str]) -> Asking {
    let record = |action, zone: &str, name: &str| {
        let (zone, name) = (parsed(zone), parsed(name));
        Operation::record(action, zone, name, RecordType::parse("A").unwrap(), None)
    };
    let name = |number: usize| format!("h{number}.test");
    let grant = Grant {
        grant: "own".to_owned(),
        zone: None,
        domain: None,
        name: Some(parsed(&name(number))),
        line: 0,
    };
    let key = Key { grants: vec![grant], ..crate::key(&format!("k{number:011}"), roles) };
    let asking = request(policies, &key, ACCOUNTS[0]);
    let is_allowed = |operation: Operation| {
        let verdict = policies.decide(&patterns(), &asking, &operation);
        matches!(verdict, zonegate_engine::policy::Verdict::Allow(_))
    };
    for (at, role) in MANY_ROLES.iter().enumerate().skip(number % 4).step_by(4) {
        let before = MANY_ROLES[(at + MANY_ROLES.len() - 1) % MANY_ROLES.len()];
        let zone = format!("{role}.test");
        let should = roles.contains(role) && !roles.contains(&before);
        assert_eq!(
            is_allowed(record(Action::RecordRead, &zone, &zone)),
            should,
            "{roles:?} {zone}"
        );
    }
    for (whose, should) in [(number + 1, false), (number, true), (number.max(1) - 1, number == 0)] {
        let own = record(Action::RecordCreate, "test", &name(whose));
        assert_eq!(is_allowed(own), should, "{number} {whose}");
    }
    asking
}

/// More sets of roles, and more keys of one set, than are kept: what is dropped on the way takes
/// nobody's place.
#[test]
fn what_is_dropped_takes_nobodys_place() {
    let policies = policies_of_many();
    let roles = |bits: usize| -> Vec<&str> {
        let has = |at: &usize| bits & (1 << at) != 0;
        (0..MANY_ROLES.len()).filter(has).map(|at| MANY_ROLES[at]).collect()
    };
    // Some requests go on while what they were begun with is dropped.
    let mut open = Vec::new();
    for number in 0..600 {
        let asking = ask_one(&policies, number, &roles(number * 7 % 1024));
        if number % 100 == 0 {
            open.push(asking);
        }
    }
    for number in 600..2900 {
        ask_one(&policies, number, &["r1", "r3"]);
    }
    for (number, asking) in (0..).step_by(100).zip(open) {
        let own = format!("h{number}.test");
        let rtype = RecordType::parse("A").unwrap();
        let create = |name: &str| {
            let (zone, name) = (parsed("test"), parsed(name));
            let operation = Operation::record(Action::RecordCreate, zone, name, rtype, None);
            policies.decide(&patterns(), &asking, &operation)
        };
        let allowed = zonegate_engine::policy::Verdict::Allow(vec!["own".to_owned()]);
        assert_eq!(create(&own), allowed);
        assert_ne!(create("h2899.test"), allowed);
    }
}
