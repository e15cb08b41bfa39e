//! What a request means: actions on zones, on records, on the account.
//!
//! A request becomes a list of operations, and all of them must be allowed.
//! The vocabulary is closed and provider-neutral, so that one policy holds for every provider.
//! The two writing actions on records are [`Action::RecordCreate`] and [`Action::RecordDelete`]:
//! an update deletes the record as it is and creates the record as it would be, and a replace
//! deletes what it does not list. So nothing can be moved into or out of a key's scope.

mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::text::OperationError;

use crate::name::Name;
use crate::record_type::RecordType;

/// Declares [`Action`] once, with its policy name and the kind of resource it acts on.
macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal on $kind:ident,)*) => {
        /// One thing that a key may be allowed to do.
        ///
        /// Exhaustive on purpose: a new action must be considered wherever actions are matched.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($(#[$doc])* $variant,)* }

        impl Action {
            /// Every action, in the order of the schema.
            pub const ALL: &'static [Action] = &[$(Action::$variant,)*];

            /// The name in policies, tables and logs, such as `record.create`.
            pub const fn name(self) -> &'static str {
                match self { $(Action::$variant => $name,)* }
            }

            /// The kind of resource that this action is decided on.
            pub const fn kind(self) -> ResourceKind {
                match self { $(Action::$variant => ResourceKind::$kind,)* }
            }
        }
    };
}

actions! {
    /// See the list of zones (filtered to the readable ones), and what leads there.
    ZoneList = "zone.list" on Account,
    /// Read a zone's own settings; the records inside are `record.read`.
    ZoneRead = "zone.read" on Zone,
    /// Create a zone, with the name servers the request names.
    ZoneCreate = "zone.create" on Zone,
    /// Change a zone's settings that move no content.
    ZoneUpdate = "zone.update" on Zone,
    /// Delete a zone and everything in it.
    ZoneDelete = "zone.delete" on Zone,
    /// Read a zone as one text, unfiltered.
    ZoneExport = "zone.export" on Zone,
    /// Write a zone's records as one text, undecided record by record.
    ZoneImport = "zone.import" on Zone,
    /// Move a zone's content between servers: notify, retrieve, primaries, secondary kinds.
    ZoneTransfer = "zone.transfer" on Zone,
    /// Read one rrset's values.
    RecordRead = "record.read" on Record,
    /// Create one record with one value.
    RecordCreate = "record.create" on Record,
    /// Delete a record: one value where it is known, else everything at a name and type.
    RecordDelete = "record.delete" on Record,
    /// Write at a wildcard name; asked in addition to the create or delete.
    RecordWildcard = "record.wildcard" on Record,
    /// Read public DNSSEC data.
    DnssecRead = "dnssec.read" on Zone,
    /// Change a zone's signing.
    DnssecWrite = "dnssec.write" on Zone,
    /// Read a zone's metadata of one kind.
    MetadataRead = "metadata.read" on Zone,
    /// Write a zone's metadata of one kind.
    MetadataWrite = "metadata.write" on Zone,
    /// Read private keys and TSIG secrets.
    SecretRead = "secret.read" on Account,
    /// Write private keys and TSIG secrets.
    SecretWrite = "secret.write" on Account,
    /// Have a certificate issued by the provider.
    CertificateIssue = "certificate.issue" on Zone,
    /// Read the server's configuration and statistics.
    ServerRead = "server.read" on Account,
    /// Change server-wide things: caches, autoprimaries.
    ServerWrite = "server.write" on Account,
    /// Search across zones (filtered to the readable records).
    Search = "search" on Account,
    /// Ask the gate what this key may do.
    KeyDescribe = "key.describe" on Account,
}

impl Action {
    /// The group that policies can name instead of it; the dangerous ones are in none.
    pub const fn group(self) -> Option<&'static str> {
        match self {
            Action::ZoneList
            | Action::ZoneRead
            | Action::RecordRead
            | Action::DnssecRead
            | Action::MetadataRead
            | Action::Search
            | Action::KeyDescribe => Some("read"),
            Action::RecordCreate | Action::RecordDelete => Some("write"),
            Action::ZoneCreate
            | Action::ZoneUpdate
            | Action::ZoneDelete
            | Action::ZoneExport
            | Action::ZoneImport
            | Action::ZoneTransfer
            | Action::DnssecWrite
            | Action::MetadataWrite
            | Action::CertificateIssue => Some("manage"),
            Action::RecordWildcard
            | Action::SecretRead
            | Action::SecretWrite
            | Action::ServerRead
            | Action::ServerWrite => None,
        }
    }

    /// Whether what it allows is a change. To see how a zone is transferred takes
    /// [`Action::ZoneTransfer`], too.
    pub const fn changes(self) -> bool {
        match self {
            Action::ZoneCreate
            | Action::ZoneUpdate
            | Action::ZoneDelete
            | Action::ZoneImport
            | Action::ZoneTransfer
            | Action::RecordCreate
            | Action::RecordDelete
            | Action::RecordWildcard
            | Action::DnssecWrite
            | Action::MetadataWrite
            | Action::SecretWrite
            | Action::CertificateIssue
            | Action::ServerWrite => true,
            Action::ZoneList
            | Action::ZoneRead
            | Action::ZoneExport
            | Action::RecordRead
            | Action::DnssecRead
            | Action::MetadataRead
            | Action::SecretRead
            | Action::ServerRead
            | Action::Search
            | Action::KeyDescribe => false,
        }
    }

    /// The action with this policy name, if there is one.
    pub fn from_name(name: &str) -> Option<Action> {
        Action::ALL.iter().copied().find(|action| action.name() == name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The kinds of resource, which are the schema's resource types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ResourceKind {
    /// The whole account behind the gate.
    Account,
    /// One zone.
    Zone,
    /// One record of a zone.
    Record,
}

/// What an operation acts on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The whole account behind the gate.
    Account,
    /// One zone.
    Zone {
        /// The zone's name.
        zone: Name,
        /// The metadata kind, upper case, for `metadata.*` and the transfers that metadata opens.
        metadata: Option<String>,
    },
    /// One record.
    Record(Record),
}

/// One record of a zone, with one value where it is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The zone that the record is written through.
    pub zone: Name,
    /// The owner name; always the zone's name or below it.
    pub name: Name,
    /// The record type, never a meta type.
    pub rtype: RecordType,
    /// The value in the provider's own presentation; absent where it is unknown.
    pub value: Option<String>,
}

/// One action on one resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// What is done.
    pub action: Action,
    /// To what; its kind is the action's kind.
    pub resource: Resource,
}

impl Operation {
    /// An operation on the account.
    pub fn account(action: Action) -> Self {
        Operation { action, resource: Resource::Account }
    }

    /// An operation on a zone.
    pub fn zone(action: Action, zone: Name) -> Self {
        Operation { action, resource: Resource::Zone { zone, metadata: None } }
    }

    /// An operation on a zone's metadata of one kind.
    pub fn metadata(action: Action, zone: Name, kind: &str) -> Self {
        let metadata = Some(kind.to_ascii_uppercase());
        Operation { action, resource: Resource::Zone { zone, metadata } }
    }

    /// An operation on a record.
    pub fn record(
        action: Action,
        zone: Name,
        name: Name,
        rtype: RecordType,
        value: Option<String>,
    ) -> Self {
        Operation { action, resource: Resource::Record(Record { zone, name, rtype, value }) }
    }

    /// The record this acts on, if it acts on one.
    pub fn as_record(&self) -> Option<&Record> {
        match &self.resource {
            Resource::Record(record) => Some(record),
            Resource::Account | Resource::Zone { .. } => None,
        }
    }

    /// The zone this acts on or in, if any.
    pub fn zone_name(&self) -> Option<&Name> {
        match &self.resource {
            Resource::Account => None,
            Resource::Zone { zone, .. } => Some(zone),
            Resource::Record(record) => Some(&record.zone),
        }
    }
}

/// The form that tables and logs use: `record.create example.com www.example.com A 192.0.2.1`.
///
/// A record's value is last and is printed as a JSON string, so that nothing in it can forge a
/// second operation or a second log line.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.action)?;
        match &self.resource {
            Resource::Account => Ok(()),
            Resource::Zone { zone, metadata: None } => write!(f, " {zone}"),
            Resource::Zone { zone, metadata: Some(kind) } => {
                write!(f, " {zone} {}", serde_json::Value::from(kind.as_str()))
            }
            Resource::Record(Record { zone, name, rtype, value }) => {
                write!(f, " {zone} {name} {rtype}")?;
                match value {
                    Some(value) => write!(f, " {}", serde_json::Value::from(value.as_str())),
                    None => Ok(()),
                }
            }
        }
    }
}
