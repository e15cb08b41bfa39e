//! How much is kept of keys that spoke: one measure for all of them.
//!
//! A key's candidates are copies of policies, and how many there are depends on its grants, on the
//! policies and on what is asked: a count of keys says little. So everything that is kept counts
//! the policies in it, for as long as it lives.

use std::cell::Cell;
use std::rc::Rc;

/// Policies kept in all sets of candidates and as links of keys; a link is about a kilobyte. There
/// are fewer in tests, so that they are reached.
const KEPT_MAX: usize = if cfg!(test) { 300 } else { 32_768 };

/// The room that is taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Room(Rc<Cell<usize>>);

/// A part of the room, taken until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    /// The room.
    room: Room,
    /// How many policies.
    policies: usize,
}

impl Room {
    /// Takes room for some policies; what holds them counts as one, too.
    pub(super) fn share(&self, policies: usize) -> Share {
        let policies = policies.saturating_add(1);
        self.0.set(self.0.get().saturating_add(policies));
        Share { room: self.clone(), policies }
    }

    /// Whether something should be dropped before more is kept.
    pub(super) fn is_full(&self) -> bool {
        self.0.get() >= KEPT_MAX
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let taken = &self.room.0;
        taken.set(taken.get().saturating_sub(self.policies));
    }
}

#[cfg(feature = "author")]
#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::key::{Digest, Grant, Key};
    use crate::name::{Name, NameForm};
    use crate::operation::{Action, Operation};
    use crate::policy::scope::AccountId;
    use crate::policy::{Policies, Subject};
    use crate::record_type::RecordType;

    /// Grants of one key, all for the same name.
    const GRANTS: usize = 20;

    /// A key that holds a template many times over.
    fn key(number: usize) -> Key {
        let name = Name::parse("www.example.com", NameForm::Fqdn).ok();
        let grant = Grant { grant: "t".to_owned(), zone: None, domain: None, name, line: 0 };
        Key {
            id: format!("k{number:011}"),
            digest: Digest::new([0; 32]),
            next_digest: None,
            description: String::new(),
            owner: None,
            accounts: vec!["*".to_owned()],
            roles: Vec::new(),
            attributes: BTreeMap::new(),
            networks: Vec::new(),
            grants: vec![grant; GRANTS],
            not_before: None,
            expires: None,
            disabled: false,
            file: String::new(),
            line: 0,
        }
    }

    /// Asks for candidates of records of some types.
    fn ask(subject: &Subject, account: &AccountId) {
        let name = |text| Name::parse(text, NameForm::Fqdn).expect("a name");
        for rtype in ["A", "AAAA", "TXT", "MX", "NS", "SOA", "CAA", "SRV"] {
            let rtype = RecordType::parse(rtype).expect("a type");
            let (zone, name) = (name("example.com"), name("www.example.com"));
            let operation = Operation::record(Action::RecordRead, zone, name, rtype, None);
            let candidates = subject.candidates(&operation, account).expect("candidates");
            let own = usize::from(rtype.policy_name() != "SRV");
            let found: usize = candidates.groups.iter().map(|group| group.entries.len()).sum();
            assert_eq!(found, GRANTS + own);
        }
    }

    #[test]
    fn what_all_keys_keep_together_is_bounded() {
        let template = "@id(\"t\") @binds(\"name\")\n\
            permit (principal == ?principal, action, resource in ?resource);\n";
        let guard = |rtype: &str| {
            let condition = format!("resource.type == RecordType::\"{rtype}\"");
            format!(
                "@id(\"{rtype}\") permit (principal, action, resource) when {{ {condition} }};\n"
            )
        };
        let guards = ["A", "AAAA", "TXT", "MX", "NS", "SOA", "CAA"].map(guard);
        let text = template.to_owned() + &guards.concat();
        let policies = Policies::parse(&[("p.cedar".to_owned(), text)]).expect("policies");
        let account = AccountId { provider: "powerdns".to_owned(), account: "main".to_owned() };
        let mut most = 0;
        // Once there is no room, a key keeps its links and the set that it asks with.
        let largest = 2 * (GRANTS + 2);
        for number in 0..60 {
            let subject = policies.subject(&account, &key(number)).expect("a subject");
            ask(&subject, &account);
            most = policies.room.0.get().max(most);
            assert!(most < KEPT_MAX + largest, "{most}");
        }
        assert!(most >= KEPT_MAX, "it was full: {most}");
        // The key that was there first is built again; nothing that was dropped still counts.
        ask(&policies.subject(&account, &key(0)).expect("a subject"), &account);
        policies.subjects.forget();
        policies.kins.forget();
        assert_eq!(policies.room.0.get(), 0);
    }
}
