//! Zone names by the ids that a provider gave them, kept for a while.
//!
//! The names hang off one loaded bundle, and an entry says to which account it belongs: the same
//! number is another zone elsewhere. A provider whose zones can be renamed keeps none.
//! A name serves from the second after it was learnt: in a decision table the clock stands still,
//! so that every row asks its own questions, whatever ran before it.

use jiff::Timestamp;

use crate::kept::Kept;
use crate::name::Name;
use crate::policy::AccountId;

/// Names kept; one is about two hundred bytes.
const NAMES_MAX: usize = 4096;

/// A zone's name, and the seconds after which it serves and at which it is forgotten.
type Known = (Name, i64, i64);

/// Zone names by account and place in paths.
#[derive(Debug, Default)]
pub struct ZoneNames {
    /// What is kept.
    names: Kept<(AccountId, String), Known, NAMES_MAX>,
}

impl ZoneNames {
    /// The name of the zone at a place of an account's paths, if it is still known.
    pub fn find(&self, account: &AccountId, place: &str, now: Timestamp) -> Option<Name> {
        let (name, since, until) = self.names.get(&(account.clone(), place.to_owned()))?;
        (since < now.as_second() && now.as_second() < until).then_some(name)
    }

    /// Keeps a name for `keep_s` seconds; not at all for 0.
    pub fn keep(
        &self,
        account: &AccountId,
        place: String,
        name: &Name,
        keep_s: u32,
        now: Timestamp,
    ) {
        if keep_s == 0 {
            return;
        }
        let since = now.as_second();
        let until = since.saturating_add(i64::from(keep_s));
        self.names.keep((account.clone(), place), (name.clone(), since, until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::NameForm;

    #[test]
    fn a_name_is_kept_for_its_account_and_its_time() {
        let account = |name: &str| AccountId { provider: "p".to_owned(), account: name.to_owned() };
        let at = |second| Timestamp::from_second(second).unwrap();
        let name = Name::parse("example.com", NameForm::Fqdn).unwrap();
        let names = ZoneNames::default();
        names.keep(&account("one"), "/zone=7".to_owned(), &name, 60, at(100));
        assert_eq!(names.find(&account("one"), "/zone=7", at(159)), Some(name.clone()));
        assert_eq!(names.find(&account("one"), "/zone=7", at(160)), None);
        assert_eq!(names.find(&account("one"), "/zone=7", at(100)), None);
        assert_eq!(names.find(&account("two"), "/zone=7", at(101)), None);
        assert_eq!(names.find(&account("one"), "/zone=8", at(101)), None);
        names.keep(&account("one"), "/zone=9".to_owned(), &name, 0, at(100));
        assert_eq!(names.find(&account("one"), "/zone=9", at(100)), None);
    }
}
