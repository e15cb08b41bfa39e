//! A changed decision of one key, asked again for another key of its class.

use zonegate_engine::key::Key;
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::operation::{Operation, Record, Resource};

use super::{Shift, direction};
use crate::ask::Probe;
use crate::compare::class::{Class, names_of};
use crate::compare::{Direction, Side};

/// Whether a decision changes for a key in the same direction.
pub(crate) fn repeats(
    old: Side<'_>,
    new: Side<'_>,
    class: &Class,
    shift: &Shift,
    id: &str,
    wanted: Direction,
) -> bool {
    if class.members.first().is_some_and(|first| first == id) {
        return true;
    }
    let Some(probe) = of_member(old, new, &shift.probe, id) else { return false };
    direction(&probe.decide(old.bundle), &probe.decide(new.bundle)) == Some(wanted)
}

/// The request of another key with that key's own names; none where it cannot be put so.
fn of_member(old: Side<'_>, new: Side<'_>, probe: &Probe, id: &str) -> Option<Probe> {
    let mut names: Vec<(Name, Name)> = Vec::new();
    for side in [new, old] {
        let pair = (side.bundle.keys.by_id(&probe.key), side.bundle.keys.by_id(id));
        if let (Some(one), Some(other)) = pair {
            names.extend(pairs(one, other));
        }
    }
    // The most special first: a name in a zone is the grant's name before it is the zone's.
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.labels().count()));
    let operation = operation(&probe.operation, &names)?;
    Some(Probe { key: id.to_owned(), operation, ..probe.clone() })
}

/// The names of one key's grants beside those of another's.
fn pairs(one: &Key, other: &Key) -> Vec<(Name, Name)> {
    let grants = one.grants.iter().zip(&other.grants);
    let of_grants = grants.flat_map(|(one, other)| names_of(one).zip(names_of(other)));
    of_grants.map(|(one, other)| (one.clone(), other.clone())).collect()
}

/// An operation with the names of another key.
fn operation(operation: &Operation, names: &[(Name, Name)]) -> Option<Operation> {
    let resource = match &operation.resource {
        Resource::Account => Resource::Account,
        Resource::Zone { zone, metadata } => {
            Resource::Zone { zone: translate(zone, names)?, metadata: metadata.clone() }
        }
        Resource::Record(record) => {
            let zone = translate(&record.zone, names)?;
            let name = translate(&record.name, names)?;
            if !name.is_below_or_equal(&zone) {
                return None;
            }
            Resource::Record(Record { zone, name, ..record.clone() })
        }
    };
    Some(Operation { action: operation.action, resource })
}

/// A name with its end replaced by the other key's; itself where no grant is about it.
fn translate(name: &Name, names: &[(Name, Name)]) -> Option<Name> {
    let Some((from, to)) = names.iter().find(|(from, _)| name.is_below_or_equal(from)) else {
        return Some(name.clone());
    };
    match name.relative_to(from)?.as_str() {
        "@" => Some(to.clone()),
        relative => Name::parse(&format!("{relative}.{to}"), NameForm::Fqdn).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_in_the_place_of_others() {
        let name = |text: &str| Name::parse(text, NameForm::Fqdn).unwrap();
        let names = [
            (name("_acme-challenge.www.one.example"), name("_acme-challenge.mail.two.example")),
            (name("one.example"), name("two.example")),
        ];
        for (from, to) in [
            ("one.example", "two.example"),
            ("a.one.example", "a.two.example"),
            ("_acme-challenge.www.one.example", "_acme-challenge.mail.two.example"),
            ("elsewhere.example", "elsewhere.example"),
            ("notone.example", "notone.example"),
        ] {
            assert_eq!(translate(&name(from), &names).unwrap(), name(to));
        }
    }
}
