//! The columns of tables and of the page: actions, those on records by groups of types.

use zonegate_engine::name::Name;
use zonegate_engine::operation::{Action, Operation, ResourceKind};
use zonegate_engine::record_type::RecordType;

use super::finding::{Finding, find};
use super::subject::{Subject, Survey};

/// Record types that people think of together.
#[derive(Debug)]
pub(super) struct Group {
    /// What it is called.
    pub(super) name: &'static str,
    /// Its types in policies; empty for all that are in no other group.
    pub(super) types: &'static [&'static str],
    /// Those that are always asked about; of the others, those that policies mention.
    asked: &'static [&'static str],
    /// Whether writing it hands over more than a record.
    dangerous: bool,
}

/// The groups, in the order of columns.
pub(super) const GROUPS: [Group; 11] = [
    Group { name: "A/AAAA", types: &["A", "AAAA"], asked: &["A", "AAAA"], dangerous: false },
    Group { name: "CNAME", types: &["CNAME"], asked: &["CNAME"], dangerous: false },
    Group { name: "TXT", types: &["TXT"], asked: &["TXT"], dangerous: false },
    Group { name: "MX", types: &["MX"], asked: &["MX"], dangerous: false },
    Group {
        name: "SRV",
        types: &["SRV", "SVCB", "HTTPS", "NAPTR", "URI"],
        asked: &["SRV"],
        dangerous: false,
    },
    Group { name: "other", types: &[], asked: &["PTR", "TLSA"], dangerous: false },
    Group {
        name: "NS/DS",
        types: &["NS", "DS", "DNAME", "DNSKEY", "CDS", "CDNSKEY", "CSYNC", "DLV", "TA", "RRSIG"],
        asked: &["NS", "DS"],
        dangerous: true,
    },
    Group { name: "SOA", types: &["SOA"], asked: &["SOA"], dangerous: true },
    Group { name: "CAA", types: &["CAA"], asked: &["CAA"], dangerous: true },
    Group { name: "LUA", types: &["LUA"], asked: &["LUA"], dangerous: true },
    Group { name: "unnamed", types: &[RecordType::OTHER], asked: &["TYPE65280"], dangerous: true },
];

/// One column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// The action that is asked about.
    pub(super) action: Action,
    /// The types that it is asked with, where it is about records.
    pub(super) group: Option<&'static Group>,
    /// Whether it is among those to look at first.
    pub(super) dangerous: bool,
}

/// All columns: the account's actions, the zone's, then reading, creating and deleting records of
/// each group, and writing at wildcard names.
pub(super) fn all() -> Vec<Column> {
    let of_kind = |kind: ResourceKind| {
        let actions = Action::ALL.iter().filter(move |action| action.kind() == kind);
        actions.map(|action| Column {
            action: *action,
            group: None,
            dangerous: is_dangerous(*action),
        })
    };
    let records = GROUPS.iter().flat_map(|group| {
        [Action::RecordRead, Action::RecordCreate, Action::RecordDelete].map(|action| Column {
            action,
            group: Some(group),
            dangerous: group.dangerous && action != Action::RecordRead,
        })
    });
    let wildcard = Column { action: Action::RecordWildcard, group: None, dangerous: true };
    let zone = of_kind(ResourceKind::Zone);
    of_kind(ResourceKind::Account).chain(zone).chain(records).chain([wildcard]).collect()
}

/// Whether an action is among those to look at first: it changes more than single records, or shows
/// secrets.
fn is_dangerous(action: Action) -> bool {
    match action {
        Action::ZoneCreate
        | Action::ZoneUpdate
        | Action::ZoneDelete
        | Action::ZoneExport
        | Action::ZoneImport
        | Action::ZoneTransfer
        | Action::RecordWildcard
        | Action::DnssecWrite
        | Action::MetadataWrite
        | Action::SecretRead
        | Action::SecretWrite
        | Action::CertificateIssue
        | Action::ServerRead
        | Action::ServerWrite => true,
        Action::ZoneList
        | Action::ZoneRead
        | Action::RecordRead
        | Action::RecordCreate
        | Action::RecordDelete
        | Action::DnssecRead
        | Action::MetadataRead
        | Action::Search
        | Action::KeyDescribe => false,
    }
}

impl Column {
    /// Its heading: `zone.read`, `record.create TXT`.
    pub(super) fn heading(&self) -> String {
        match self.group {
            Some(group) => format!("{} {}", self.action.name(), group.name),
            None => self.action.name().to_owned(),
        }
    }

    /// What it stands under.
    pub(super) fn area(&self) -> &'static str {
        match (self.group, self.action.kind()) {
            (Some(group), _) => group.name,
            (None, ResourceKind::Account) => "account",
            (None, ResourceKind::Zone) => "zone",
            (None, ResourceKind::Record) => "*",
        }
    }

    /// Whether it is about the account as a whole.
    pub(super) fn is_account(&self) -> bool {
        self.action.kind() == ResourceKind::Account
    }

    /// The record types of a key that belong to it.
    fn types(&self, subject: &Subject<'_>) -> Vec<RecordType> {
        let Some(group) = self.group else {
            // Wildcards are asked for with a few usual types.
            return ["A", "CNAME", "TXT"]
                .iter()
                .filter_map(|one| RecordType::parse(one).ok())
                .collect();
        };
        let always = group.asked.iter().filter_map(|one| RecordType::parse(one).ok());
        let mut types: Vec<RecordType> = always.collect();
        let mentioned = subject.universe.types.iter().filter(|one| group.has(**one));
        for rtype in mentioned {
            if !types.contains(rtype) {
                types.push(*rtype);
            }
        }
        types
    }

    /// What a key may do of it in a zone.
    pub(super) fn ask(&self, survey: &Survey<'_>, subject: &Subject<'_>, zone: &Name) -> Finding {
        find(survey, subject, self.action, &self.operations(subject, zone))
    }

    /// The questions of one cell.
    fn operations(&self, subject: &Subject<'_>, zone: &Name) -> Vec<Operation> {
        match self.action.kind() {
            ResourceKind::Account => vec![Operation::account(self.action)],
            ResourceKind::Zone
                if matches!(self.action, Action::MetadataRead | Action::MetadataWrite) =>
            {
                let kinds = subject.universe.metadata.iter();
                kinds.map(|kind| Operation::metadata(self.action, zone.clone(), kind)).collect()
            }
            ResourceKind::Zone => vec![Operation::zone(self.action, zone.clone())],
            ResourceKind::Record => {
                let wildcard = self.action == Action::RecordWildcard;
                // Who writes at a wildcard name needs both rights.
                let action = if wildcard { Action::RecordCreate } else { self.action };
                let mut owners = subject.universe.owners(zone);
                owners.retain(|name| name.is_wildcard() == wildcard);
                let types = self.types(subject);
                let of = |owner: &Name| {
                    let (zone, owner) = (zone.clone(), owner.clone());
                    let of_type = move |rtype: &RecordType| {
                        Operation::record(action, zone.clone(), owner.clone(), *rtype, None)
                    };
                    types.iter().map(of_type).collect::<Vec<_>>()
                };
                owners.iter().flat_map(of).collect()
            }
        }
    }
}

impl Group {
    /// Whether a type belongs to it.
    pub(super) fn has(&self, rtype: RecordType) -> bool {
        let name = rtype.policy_name();
        if self.types.is_empty() {
            return !GROUPS.iter().any(|group| group.types.contains(&name));
        }
        self.types.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_in_one_group_and_every_action_in_a_column() {
        for (name, number) in RecordType::ALL_NAMED {
            let rtype = RecordType::from_number(*number).unwrap();
            let groups = GROUPS.iter().filter(|group| group.has(rtype)).count();
            assert_eq!(groups, 1, "{name}");
        }
        for group in &GROUPS {
            let asked = group.asked.iter().map(|one| RecordType::parse(one).unwrap());
            assert!(asked.into_iter().all(|one| group.has(one)), "{}", group.name);
        }
        for action in Action::ALL {
            assert!(all().iter().any(|column| column.action == *action), "{action:?}");
        }
    }
}
