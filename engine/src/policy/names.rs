//! Cedar's names for our things.
//!
//! Parsing a type name costs more than comparing ten policies' scopes, so each name is parsed once
//! ([`Types`]) and cloned from then on.

#[cfg(feature = "author")]
use std::str::FromStr;

#[cfg(feature = "explain")]
use cedar_policy::EntityUid;
#[cfg(feature = "author")]
use cedar_policy::{EntityId, EntityTypeName};
use cedar_policy_core::FromNormalizedStr;
use cedar_policy_core::ast::{Eid, EntityType, EntityUID, Name};

/// An entity uid from a type and an id; `None` only where the type is not a Cedar name.
#[cfg(feature = "author")]
pub(super) fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    let kind = EntityTypeName::from_str(kind).ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

/// The type and id of an entity uid, as text.
#[cfg(feature = "explain")]
pub(super) fn parts(uid: &EntityUid) -> (String, String) {
    (uid.type_name().to_string(), uid.id().unescaped().to_owned())
}

/// Declares [`Types`] with one field for each entity type of the schema.
macro_rules! types {
    ($($field:ident = $name:literal,)*) => {
        /// The schema's entity types and Cedar's constructors, parsed once.
        #[derive(Clone, Debug)]
        pub(super) struct Types {
            $(pub(super) $field: EntityType,)*
            /// `ip`.
            pub(super) ip: Name,
            /// `datetime`.
            pub(super) datetime: Name,
            /// `duration`.
            pub(super) duration: Name,
        }

        impl Types {
            /// Parses them; `None` never happens and would refuse the bundle.
            pub(super) fn parse() -> Option<Types> {
                let name = |text| Name::from_normalized_str(text).ok();
                Some(Types {
                    $($field: EntityType::from(name($name)?),)*
                    ip: name("ip")?,
                    datetime: name("datetime")?,
                    duration: name("duration")?,
                })
            }
        }
    };
}

types! {
    account = "Account",
    action = "Action",
    domain = "Domain",
    key = "Key",
    name = "Name",
    network = "Network",
    pattern = "Pattern",
    provider = "Provider",
    record = "Record",
    record_type = "RecordType",
    role = "Role",
    route = "Route",
    weekday = "Weekday",
    window = "Window",
    zone = "Zone",
}

/// An entity uid of a parsed type.
pub(super) fn of(kind: &EntityType, id: &str) -> EntityUID {
    EntityUID::from_components(kind.clone(), Eid::new(id), None)
}
