//! A change of a request: another zone, name, type, value, action, address, time or role.
//!
//! A change is about one operation, the first that was denied, and what belongs to it goes along:
//! where the name of an update changes, its deletion and its creation change together; where a zone
//! changes, the names in it move. So what is tried is a request that somebody could have sent.

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use zonegate_engine::bundle::Bundle;
use zonegate_engine::name::Name;
use zonegate_engine::operation::{Action, Operation, Record, Resource};
use zonegate_engine::record_type::RecordType;
use zonegate_engine::value;

use crate::ask;

/// A field that can change, in the order in which changes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Field {
    /// The account; only where the key is for another.
    Account,
    /// When.
    Time,
    /// From where.
    Address,
    /// The value.
    Value,
    /// The owner name.
    Name,
    /// The record type.
    Type,
    /// The zone.
    Zone,
    /// The key's roles.
    Role,
    /// The action.
    Action,
}

/// A change of one field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// Asked at another account, as `provider/account`.
    Account(String),
    /// Asked at another time.
    Time(Timestamp),
    /// Asked from another address.
    Address(IpAddr),
    /// About another value.
    Value(String),
    /// About another name.
    Name(Name),
    /// About another type.
    Type(RecordType),
    /// About another zone.
    Zone(Name),
    /// Asked by the key with one more role.
    Role(String),
    /// Another action.
    Action(Action),
}

impl Step {
    /// Which field it changes.
    pub(super) fn field(&self) -> Field {
        match self {
            Step::Account(_) => Field::Account,
            Step::Time(_) => Field::Time,
            Step::Address(_) => Field::Address,
            Step::Value(_) => Field::Value,
            Step::Name(_) => Field::Name,
            Step::Type(_) => Field::Type,
            Step::Zone(_) => Field::Zone,
            Step::Role(_) => Field::Role,
            Step::Action(_) => Field::Action,
        }
    }

    /// What it would be instead, for a person.
    pub(super) fn words(&self, bundle: &Bundle) -> String {
        match self {
            Step::Address(address) => match bundle.networks.containing(*address).as_slice() {
                [] => address.to_string(),
                names => format!("{address} (network {})", names.join(", ")),
            },
            Step::Time(time) => match bundle.windows.open(*time).as_slice() {
                [] => time.to_string(),
                names => format!("{time} (window {})", names.join(", ")),
            },
            Step::Account(_)
            | Step::Value(_)
            | Step::Name(_)
            | Step::Type(_)
            | Step::Zone(_)
            | Step::Role(_)
            | Step::Action(_) => self.to_string(),
        }
    }
}

impl Field {
    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Field::Account => "account",
            Field::Time => "time",
            Field::Address => "address",
            Field::Value => "value",
            Field::Name => "name",
            Field::Type => "type",
            Field::Zone => "zone",
            Field::Role => "role",
            Field::Action => "action",
        }
    }
}

/// The new content of the field.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Account(path) => f.write_str(path),
            Step::Time(time) => write!(f, "{time}"),
            Step::Address(address) => write!(f, "{address}"),
            Step::Value(value) => write!(f, "{}", serde_json::Value::from(value.as_str())),
            Step::Name(name) | Step::Zone(name) => write!(f, "{name}"),
            Step::Type(rtype) => write!(f, "{rtype}"),
            Step::Role(role) => f.write_str(role),
            Step::Action(action) => write!(f, "{action}"),
        }
    }
}

/// What the operations would be with a change; none where nobody could send that, or where nothing
/// in them changes although something should.
pub(super) fn operations(
    all: &[Operation],
    pivot: &Operation,
    steps: &[Step],
) -> Option<Vec<Operation>> {
    let mut wanted = Wanted::default();
    for step in steps {
        match step {
            Step::Value(value) => wanted.value = Some(value),
            Step::Name(name) => wanted.name = Some(name),
            Step::Type(rtype) => wanted.rtype = Some(*rtype),
            Step::Zone(zone) => wanted.zone = Some(zone),
            Step::Action(action) => wanted.action = Some(*action),
            Step::Account(_) | Step::Time(_) | Step::Address(_) | Step::Role(_) => {}
        }
    }
    if wanted == Wanted::default() {
        return Some(all.to_vec());
    }
    let mut made: Vec<Operation> = Vec::new();
    for operation in all {
        // The right to own a wildcard is asked for by what is written there, below.
        if operation.action == Action::RecordWildcard {
            continue;
        }
        let changed = wanted.applied(operation, pivot)?;
        for one in ask::meant(&changed) {
            if !made.contains(&one) {
                made.push(one);
            }
        }
    }
    let same = made.len() == all.len() && made.iter().all(|one| all.contains(one));
    (!same && !made.is_empty()).then_some(made)
}

/// What should be instead.
#[derive(Default, PartialEq)]
struct Wanted<'s> {
    /// The value.
    value: Option<&'s String>,
    /// The name.
    name: Option<&'s Name>,
    /// The type.
    rtype: Option<RecordType>,
    /// The zone.
    zone: Option<&'s Name>,
    /// The action.
    action: Option<Action>,
}

impl Wanted<'_> {
    /// An operation as it would be.
    fn applied(&self, operation: &Operation, pivot: &Operation) -> Option<Operation> {
        let mut made = operation.clone();
        if operation == pivot
            && let Some(action) = self.action
        {
            made.action = action;
        }
        match (&mut made.resource, pivot.zone_name()) {
            (Resource::Zone { zone, .. }, Some(around)) if zone == around => {
                if let Some(other) = self.zone {
                    *zone = other.clone();
                }
            }
            (Resource::Record(record), Some(around)) if record.zone == *around => {
                self.apply_record(record, operation, pivot)?;
            }
            (Resource::Account | Resource::Zone { .. } | Resource::Record(_), _) => {}
        }
        Some(made)
    }

    /// Changes a record of the zone in question.
    fn apply_record(
        &self,
        record: &mut Record,
        operation: &Operation,
        pivot: &Operation,
    ) -> Option<()> {
        let before = record.clone();
        let asked = pivot.as_record();
        let is_name = asked.is_some_and(|asked| asked.name == before.name);
        if let Some(zone) = self.zone {
            record.zone = zone.clone();
            if !before.name.is_below_or_equal(zone) {
                let relative = before.name.relative_to(&before.zone)?;
                record.name = Name::parse_relative(&relative, zone, "@").ok()?;
            }
        }
        if let Some(name) = self.name.filter(|_| is_name) {
            record.name = name.clone();
        }
        if !record.name.is_below_or_equal(&record.zone) {
            return None;
        }
        let is_type = is_name && asked.is_some_and(|asked| asked.rtype == before.rtype);
        if let Some(rtype) = self.rtype.filter(|_| is_type) {
            record.rtype = rtype;
        }
        // A deletion of the old value stays; what is asked about gets the new one.
        if let Some(value) = self.value.filter(|_| operation == pivot) {
            record.value.as_ref()?;
            record.value = Some(value.clone());
        }
        // An alias at an apex is no record that a zone can have.
        let changes_place = self.rtype.is_some() || self.name.is_some();
        if changes_place && record.rtype.policy_name() == "CNAME" && record.name == record.zone {
            return None;
        }
        record.value.as_ref().is_none_or(|value| fits(record.rtype, value)).then_some(())
    }
}

/// Whether a value could stand in a record of a type, as far as anybody can tell.
fn fits(rtype: RecordType, text: &str) -> bool {
    let is_address = text.parse::<IpAddr>().is_ok();
    match rtype.policy_name() {
        "A" | "AAAA" => value::address(rtype, text).is_some(),
        "TXT" => true,
        _ => !is_address && !text.starts_with('"'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zonegate_engine::name::NameForm;

    /// Operations as text, after a change about the one with this number.
    fn changed(all: &[&str], pivot: usize, steps: &[Step]) -> Option<Vec<String>> {
        let all: Vec<Operation> = all.iter().map(|text| ask::operation(text).unwrap()).collect();
        let made = operations(&all, &all[pivot], steps)?;
        Some(made.iter().map(ToString::to_string).collect())
    }

    /// A name.
    fn name(text: &str) -> Name {
        Name::parse(text, NameForm::Fqdn).unwrap()
    }

    #[test]
    fn what_belongs_together_changes_together() {
        let update = [
            "record.delete example.com www.example.com A",
            "record.create example.com www.example.com A \"192.0.2.1\"",
            "record.create example.com other.example.com A \"192.0.2.1\"",
        ];
        assert_eq!(
            changed(&update, 1, &[Step::Name(name("a.example.com"))]).unwrap(),
            [
                "record.delete example.com a.example.com A",
                "record.create example.com a.example.com A \"192.0.2.1\"",
                "record.create example.com other.example.com A \"192.0.2.1\"",
            ]
        );
        assert_eq!(
            changed(&update, 1, &[Step::Zone(name("example.org"))]).unwrap()[2],
            "record.create example.org other.example.org A \"192.0.2.1\""
        );
        assert_eq!(
            changed(&update, 1, &[Step::Value("192.0.2.9".to_owned())]).unwrap()[1],
            "record.create example.com www.example.com A \"192.0.2.9\""
        );
        // An address is no text of a host, and a value belongs to its type.
        let mx = RecordType::parse("MX").unwrap();
        assert_eq!(changed(&update, 1, &[Step::Type(mx)]), None);
        let value = Step::Value("10 mx.example.com.".to_owned());
        assert!(changed(&update[1..2], 0, &[Step::Type(mx), value]).is_some());
        assert_eq!(changed(&update, 1, &[Step::Name(name("a.example.org"))]), None);
    }

    #[test]
    fn no_alias_stands_at_an_apex() {
        let all = ["record.create example.com example.com CAA"];
        let cname = RecordType::parse("CNAME").unwrap();
        assert_eq!(changed(&all, 0, &[Step::Type(cname)]), None);
        assert!(changed(&all, 0, &[Step::Type(RecordType::NS)]).is_some());
    }

    #[test]
    fn a_wildcard_goes_with_its_name() {
        let all = [
            "record.create example.com *.example.com A \"192.0.2.1\"",
            "record.wildcard example.com *.example.com A \"192.0.2.1\"",
        ];
        let made = changed(&all, 1, &[Step::Name(name("www.example.com"))]).unwrap();
        assert_eq!(made, ["record.create example.com www.example.com A \"192.0.2.1\""]);
        let back = changed(&[&made[0]], 0, &[Step::Name(name("*.example.com"))]).unwrap();
        assert_eq!(back, all);
    }

    #[test]
    fn a_change_of_nothing_is_none() {
        let all = ["zone.read example.com"];
        assert_eq!(changed(&all, 0, &[Step::Zone(name("example.com"))]), None);
        assert_eq!(changed(&all, 0, &[Step::Role("x".to_owned())]).unwrap(), all);
    }
}
