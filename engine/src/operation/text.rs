//! Operations read from the form in which tables and logs have them.

use std::fmt;

use super::{Action, Operation, ResourceKind};
use crate::name::{Name, NameError, NameForm};
use crate::record_type::{RecordType, TypeError};

/// Why a text is no operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationError {
    /// Its first word is not an action.
    NotAnAction(String),
    /// It ends before its `zone`, `name` or `record type`.
    Missing(&'static str),
    /// Its zone or name, with the word, is no DNS name.
    NotAName(&'static str, String, NameError),
    /// Its name is not in its zone.
    Outside(Name, Name),
    /// Its record type, the word, is none.
    NotAType(String, TypeError),
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OperationError::NotAnAction(word) => write!(f, "`{word}` is not an action"),
            OperationError::Missing(what) => write!(f, "no {what}"),
            OperationError::NotAName(what, word, error) => write!(f, "{what} `{word}`: {error}"),
            OperationError::Outside(name, zone) => write!(f, "{name} is not in the zone {zone}"),
            OperationError::NotAType(_, error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for OperationError {}

impl Operation {
    /// Reads what its `Display` writes: `record.create example.com www.example.com A "192.0.2.1"`.
    /// A value that is no JSON string is taken as it stands.
    pub fn parse(text: &str) -> Result<Operation, OperationError> {
        let mut words = text.splitn(5, ' ');
        let word = words.next().unwrap_or_default();
        let action = Action::from_name(word);
        let action = action.ok_or_else(|| OperationError::NotAnAction(word.to_owned()))?;
        let mut name = |what: &'static str| {
            let word = words.next().ok_or(OperationError::Missing(what))?;
            Name::parse(word, NameForm::Fqdn)
                .map_err(|error| OperationError::NotAName(what, word.to_owned(), error))
        };
        match action.kind() {
            ResourceKind::Account => Ok(Operation::account(action)),
            ResourceKind::Zone => {
                let zone = name("zone")?;
                let kind = words.next().map(|kind| kind.trim_matches('"'));
                Ok(match kind {
                    Some(kind) => Operation::metadata(action, zone, kind),
                    None => Operation::zone(action, zone),
                })
            }
            ResourceKind::Record => {
                let (zone, owner) = (name("zone")?, name("name")?);
                if !owner.is_below_or_equal(&zone) {
                    return Err(OperationError::Outside(owner, zone));
                }
                let rtype = words.next().ok_or(OperationError::Missing("record type"))?;
                let rtype = RecordType::parse(rtype)
                    .map_err(|error| OperationError::NotAType(rtype.to_owned(), error))?;
                let value = words.next().map(|value| {
                    serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned())
                });
                Ok(Operation::record(action, zone, owner, rtype, value))
            }
        }
    }
}
