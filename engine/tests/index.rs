//! What must hold for all policies and requests: the index never changes a decision, one more
//! `forbid` never allows more, and how a name is spelt never matters.

#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;
mod kin;

use proptest::prelude::*;
use zonegate_engine::key::Key;
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::operation::{Action, Operation, ResourceKind};
use zonegate_engine::pattern::Patterns;
use zonegate_engine::policy::{Asking, Lists, Policies, Verdict};
use zonegate_engine::record_type::RecordType;

/// Principal scopes.
const PRINCIPALS: [&str; 6] = [
    "principal",
    "principal == Key::\"k1\"",
    "principal == Key::\"k2\"",
    "principal in Role::\"editors\"",
    "principal is Key in Role::\"robots\"",
    "principal is Key",
];

/// Action scopes that fit records, with a condition that is well-typed for them.
const ACTIONS: [&str; 4] = [
    "action in Action::\"write\"",
    "action == Action::\"record.read\"",
    "action in [Action::\"record.create\", Action::\"record.wildcard\"]",
    "action in [Action::\"record.create\", Action::\"record.delete\", Action::\"record.read\"]",
];

/// Resource scopes of records.
const RESOURCES: [&str; 9] = [
    "resource is Record",
    "resource is Record in Zone::\"example.com\"",
    "resource in Zone::\"example.com\"",
    "resource in Domain::\"www.example.com\"",
    "resource in Domain::\"com\"",
    "resource in Name::\"a.www.example.com\"",
    "resource in Account::\"powerdns/main\"",
    "resource in Provider::\"powerdns\"",
    "resource in Pattern::\"short\"",
];

/// Conditions; one of them fails for most requests, one reads a value.
const CONDITIONS: [&str; 18] = [
    "",
    "when { resource.leftmost == \"a\" }",
    "when { resource.type == RecordType::\"A\" }",
    "when { resource.depth * 9223372036854775807 > 1 }",
    "when { resource has value && resource.value like \"*9*\" }",
    "unless { resource in Pattern::\"short\" }",
    "when { resource in Domain::\"www.example.com\" }",
    "unless { resource in [Domain::\"a.www.example.com\", Domain::\"b.example.com\"] }",
    "when { resource in Zone::\"example.com\" && !(resource in Domain::\"www.example.com\") }",
    "when { resource.type == RecordType::\"TXT\" && resource.depth * 9223372036854775807 > 1 }",
    "when { resource.depth * 9223372036854775807 > 1 && resource.type == RecordType::\"A\" }",
    "when { [RecordType::\"A\", RecordType::\"NS\"].contains(resource.type) } unless { resource.apex }",
    "when { resource.type == RecordType::\"NS\" || (resource.type == RecordType::\"A\" && resource.apex) }",
    "unless { resource.apex || resource in Name::\"www.example.com\" }",
    "when { resource in Name::\"www.example.com\" || resource in Account::\"powerdns/other\" }",
    "when { if resource.wildcard then resource.account == \"main\" else resource.name like \"*www*\" }",
    "when { {one: resource}.one in Zone::\"example.com\" }",
    "when { resource has address && resource.address.isInRange(ip(\"192.0.2.0/24\")) }",
];

/// Names that records have.
const NAMES: [&str; 5] =
    ["example.com", "www.example.com", "a.www.example.com", "evilwww.example.com", "*.example.com"];

/// Action scopes that fit zones.
const ZONE_ACTIONS: [&str; 3] = [
    "action == Action::\"zone.read\"",
    "action in [Action::\"zone.update\", Action::\"zone.delete\"]",
    "action in [Action::\"zone.read\", Action::\"metadata.write\", Action::\"zone.delete\"]",
];

/// Resource scopes of zones.
const ZONE_RESOURCES: [&str; 6] = [
    "resource is Zone",
    "resource == Zone::\"example.com\"",
    "resource in Zone::\"www.example.com\"",
    "resource in Domain::\"example.com\"",
    "resource in Account::\"powerdns/main\"",
    "resource is Zone in Provider::\"powerdns\"",
];

/// Conditions on zones.
const ZONE_CONDITIONS: [&str; 7] = [
    "",
    "when { resource.zone like \"*www*\" }",
    "unless { resource == Zone::\"example.com\" }",
    "when { [Zone::\"example.com\", Zone::\"a.www.example.com\"].contains(resource) }",
    "when { resource has metadata && resource.metadata == \"ALSO-NOTIFY\" }",
    "when { resource in Domain::\"www.example.com\" } unless { resource.account == \"other\" }",
    "when { if resource has metadata then resource in Zone::\"example.com\" else true }",
];

/// The text of some policies on records.
fn policies() -> impl Strategy<Value = Vec<String>> {
    texts(&ACTIONS, &RESOURCES, &CONDITIONS)
}

/// The text of some policies of these parts.
fn texts(
    actions: &'static [&'static str],
    resources: &'static [&'static str],
    conditions: &'static [&'static str],
) -> impl Strategy<Value = Vec<String>> {
    let one = (
        prop::bool::weighted(0.7),
        prop::sample::select(&PRINCIPALS[..]),
        prop::sample::select(actions),
        prop::sample::select(resources),
        prop::sample::select(conditions),
    );
    let text = |(permit, principal, action, resource, condition)| {
        let effect = if permit { "permit" } else { "forbid" };
        format!("{effect} ({principal}, {action}, {resource}) {condition};\n")
    };
    prop::collection::vec(one.prop_map(text), 1..12)
}

/// An operation on a record.
fn operation() -> impl Strategy<Value = Operation> {
    let records: Vec<Action> = Action::ALL
        .iter()
        .copied()
        .filter(|action| action.kind() == ResourceKind::Record)
        .collect();
    (
        prop::sample::select(records),
        prop::sample::select(&NAMES[..]),
        prop::sample::select(&["A", "TXT"][..]),
        prop::option::of(prop::sample::select(&["192.0.2.9", "hello", "10.0.0.1"][..])),
    )
        .prop_map(|(action, name, rtype, value)| {
            let zone = Name::parse("example.com", NameForm::Fqdn).unwrap();
            let name = Name::parse(name, NameForm::Fqdn).unwrap();
            let rtype = RecordType::parse(rtype).unwrap();
            Operation::record(action, zone, name, rtype, value.map(str::to_owned))
        })
}

/// An operation on a zone.
fn zone_operation() -> impl Strategy<Value = Operation> {
    let names = ["example.com", "www.example.com", "a.www.example.com", "evilwww.example.com"];
    let actions = [Action::ZoneRead, Action::ZoneUpdate, Action::ZoneDelete, Action::MetadataWrite];
    let kinds = prop::option::of(prop::sample::select(vec!["ALSO-NOTIFY", "X-OTHER"]));
    (prop::sample::select(actions.to_vec()), prop::sample::select(names.to_vec()), kinds).prop_map(
        |(action, name, kind)| {
            let zone = Name::parse(name, NameForm::Fqdn).unwrap();
            match kind {
                Some(kind) => Operation::metadata(action, zone, kind),
                None => Operation::zone(action, zone),
            }
        },
    )
}

/// Named patterns for the generated policies.
fn patterns() -> Patterns {
    let text =
        "[pattern.short]\ndescription = \"x\"\nreads = \"relative\"\nregex = '[a-z*@.]{1,5}'\n";
    Patterns::parse("patterns.toml", text).unwrap().0
}

/// Loads generated policies.
///
/// The first way holds requests against the schema, the second is what a filter does: it makes
/// only the attributes that the candidates read.
fn load(texts: &[String]) -> (Policies, Policies) {
    let named = texts.iter().enumerate().map(|(at, text)| format!("@id(\"p{at}\") {text}"));
    let text = named.collect::<Vec<_>>().concat();
    let lists = Lists {
        roles: vec!["editors".to_owned(), "robots".to_owned()],
        patterns: vec!["short".to_owned()],
        routes: vec!["powerdns/zone-patch".to_owned()],
        ..Lists::default()
    };
    let files = [("generated.cedar".to_owned(), text)];
    (Policies::check(&files, &lists).unwrap(), Policies::parse(&files).unwrap())
}

/// A key with some roles.
fn key(id: &str, roles: &[&str]) -> Key {
    let mut key = common::bundle_key();
    id.clone_into(&mut key.id);
    key.roles = roles.iter().map(|role| (*role).to_owned()).collect();
    key.networks.clear();
    key.grants.clear();
    key
}

/// Asks on behalf of a key.
fn asking(policies: &Policies, key: &Key) -> Asking {
    kin::request(policies, key, ("powerdns", "main"))
}

/// Which roles the key has.
fn roles() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec!["editors", "robots"], 0..=2)
}

/// Decision, determining policies and errors are those of evaluating everything.
///
/// All operations are decided in one request, so what was decided for one is held against the
/// others that the candidates cannot tell from it; and in a second request, which finds the
/// entities that the first one left.
fn the_same_as_everything(
    texts: &[String],
    operations: &[Operation],
    key: &Key,
) -> Result<(), TestCaseError> {
    let ((checked, loaded), patterns) = (load(texts), patterns());
    let (in_tables, in_filter) = (asking(&checked, key), asking(&loaded, key));
    let again = asking(&loaded, key);
    for operation in operations {
        let full = checked.decide_unindexed(&patterns, &in_tables, operation);
        for indexed in [
            checked.decide(&patterns, &in_tables, operation),
            loaded.decide(&patterns, &in_filter, operation),
            loaded.decide(&patterns, &again, operation),
        ] {
            prop_assert_eq!(&indexed, &full, "{} with {}", operation, texts.concat());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Neither the index nor what is left unseen changes a decision on records.
    #[test]
    fn the_index_never_changes_a_decision(
        texts in policies(),
        operations in prop::collection::vec(operation(), 1..24),
        id in prop::sample::select(&["k1", "k2", "k3"][..]),
        roles in roles(),
    ) {
        the_same_as_everything(&texts, &operations, &key(id, &roles))?;
    }

    /// Nor on zones.
    #[test]
    fn nor_on_zones(
        texts in texts(&ZONE_ACTIONS, &ZONE_RESOURCES, &ZONE_CONDITIONS),
        operations in prop::collection::vec(zone_operation(), 1..24),
        id in prop::sample::select(&["k1", "k2", "k3"][..]),
        roles in roles(),
    ) {
        the_same_as_everything(&texts, &operations, &key(id, &roles))?;
    }

    /// One more `forbid` can only take away.
    #[test]
    fn a_forbid_never_allows_more(
        texts in policies(),
        more in policies(),
        operation in operation(),
        roles in roles(),
    ) {
        let patterns = patterns();
        let mut longer = texts.clone();
        longer.extend(more.into_iter().map(|text| text.replacen("permit", "forbid", 1)));
        let ((_, before), (_, after)) = (load(&texts), load(&longer));
        let key = key("k1", &roles);
        let was = before.decide(&patterns, &asking(&before, &key), &operation);
        let is = after.decide(&patterns, &asking(&after, &key), &operation);
        if matches!(is, Verdict::Allow(_)) {
            prop_assert!(matches!(was, Verdict::Allow(_)));
        }
    }

    /// No permit among the candidates means no permission, which is what spares lookups.
    #[test]
    fn what_could_not_be_allowed_is_not_allowed(
        texts in policies(),
        operation in operation(),
        roles in roles(),
    ) {
        let ((_, loaded), patterns) = (load(&texts), patterns());
        let asking = asking(&loaded, &key("k2", &roles));
        if !loaded.could_allow(&asking, &operation) {
            let verdict = loaded.decide(&patterns, &asking, &operation);
            prop_assert!(matches!(verdict, Verdict::Deny(..)));
        }
    }

    /// A policy that reads values is found to do so wherever a value changes the decision.
    #[test]
    fn values_matter_only_where_they_are_read(
        texts in policies(),
        operation in operation(),
        roles in roles(),
    ) {
        let ((_, loaded), patterns) = (load(&texts), patterns());
        let asking = asking(&loaded, &key("k1", &roles));
        let Some(record) = operation.as_record() else { return Ok(()) };
        let with = |value: Option<&str>| Operation::record(
            operation.action,
            record.zone.clone(),
            record.name.clone(),
            record.rtype,
            value.map(str::to_owned),
        );
        if !loaded.reads_values(&patterns, &asking, &operation) {
            let one = loaded.decide(&patterns, &asking, &with(None));
            let other = loaded.decide(&patterns, &asking, &with(Some("192.0.2.9")));
            prop_assert_eq!(one, other);
        }
    }
}
