//! Cedar's names for our things.
//!
//! Parsing a type name costs more than comparing ten policies' scopes, so each type name is
//! parsed once ([`Types`]) and cloned from then on.

use std::str::FromStr;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

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
        /// The schema's entity types, parsed once.
        #[derive(Clone, Debug)]
        pub(super) struct Types { $(pub(super) $field: EntityTypeName,)* }

        impl Types {
            /// Parses them; `None` never happens and would refuse the bundle.
            pub(super) fn parse() -> Option<Types> {
                Some(Types { $($field: EntityTypeName::from_str($name).ok()?,)* })
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
pub(super) fn of(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}
