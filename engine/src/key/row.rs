//! One key as a row of a bundle.
//!
//! The form is that of `postcard`, a compact encoding with a written specification: what is in a
//! row, in this order, is [`Row`]. Texts that many keys share (accounts, roles, networks, grants,
//! owners, attributes) stand once in a list of words and are numbers in a row.

use std::collections::BTreeMap;
#[cfg(feature = "author")]
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::{Digest, Grant, Key};
use crate::name::{Name, NameForm};
use crate::rows::Rows;

/// The number of a word.
type Word = u32;

/// A key in its packed form.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    /// Its id, which is first because keys are found by it.
    id: &'a str,
    /// The digest of its text.
    digest: [u8; 32],
    /// The digest of the text that is to replace it.
    next_digest: Option<[u8; 32]>,
    /// Who has it and what for.
    description: &'a str,
    /// Who answers for it.
    owner: Option<Word>,
    /// The accounts it is for.
    accounts: Vec<Word>,
    /// Its roles.
    roles: Vec<Word>,
    /// Its attributes: names and values.
    attributes: Vec<(Word, Word)>,
    /// The networks it may be used from.
    networks: Vec<Word>,
    /// Its grants.
    #[serde(borrow)]
    grants: Vec<RowGrant<'a>>,
    /// From when on it is valid, in seconds since 1970.
    not_before: Option<i64>,
    /// From when on it is no longer valid, in seconds since 1970.
    expires: Option<i64>,
    /// Whether it was revoked.
    disabled: bool,
}

/// A grant in its packed form.
#[derive(Serialize, Deserialize)]
struct RowGrant<'a> {
    /// The template, or set of templates.
    grant: Word,
    /// The zone.
    zone: Option<&'a str>,
    /// The domain.
    domain: Option<&'a str>,
    /// The owner name.
    name: Option<&'a str>,
}

/// The id of a row.
pub(super) fn id_of(row: &[u8]) -> Option<&str> {
    postcard::take_from_bytes::<&str>(row).ok().map(|(id, _)| id)
}

/// Reads a row; `None` where it is no key.
///
/// SECURITY: a row that cannot be read whole, whose names are not canonical, or which has a word
/// that there is not, is no key at all; half a key could be one without its restrictions.
pub(super) fn read(row: &[u8], words: &Rows) -> Option<Key> {
    let (row, rest) = postcard::take_from_bytes::<Row<'_>>(row).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let word = |word: Word| {
        let text = words.get(usize::try_from(word).ok()?)?;
        std::str::from_utf8(text).ok().map(str::to_owned)
    };
    let all = |list: Vec<Word>| list.into_iter().map(word).collect::<Option<Vec<String>>>();
    let time = |seconds: Option<i64>| seconds.map(Timestamp::from_second).transpose().ok();
    let name = |text: Option<&str>| text.map(canonical).map_or(Some(None), |name| name.map(Some));
    let pair = |(name, value)| Some((word(name)?, word(value)?));
    let grant = |grant: RowGrant<'_>| {
        let (zone, domain) = (name(grant.zone)?, name(grant.domain)?);
        Some(Grant { grant: word(grant.grant)?, zone, domain, name: name(grant.name)?, line: 0 })
    };
    Some(Key {
        id: row.id.to_owned(),
        digest: Digest::new(row.digest),
        next_digest: row.next_digest.map(Digest::new),
        description: row.description.to_owned(),
        owner: row.owner.map(word).map_or(Some(None), |owner| owner.map(Some))?,
        accounts: all(row.accounts)?,
        roles: all(row.roles)?,
        attributes: row.attributes.into_iter().map(pair).collect::<Option<BTreeMap<_, _>>>()?,
        networks: all(row.networks)?,
        grants: row.grants.into_iter().map(grant).collect::<Option<Vec<Grant>>>()?,
        not_before: time(row.not_before)?,
        expires: time(row.expires)?,
        disabled: row.disabled,
        file: String::new(),
        line: 0,
    })
}

/// A name that is written as names are compared.
fn canonical(text: &str) -> Option<Name> {
    Name::parse(text, NameForm::Fqdn).ok().filter(|name| name.as_str() == text)
}

/// The texts that the rows of some keys share, each once.
#[cfg(feature = "author")]
pub(super) struct Words<'k>(BTreeMap<&'k str, Word>);

#[cfg(feature = "author")]
impl<'k> Words<'k> {
    /// The words of these keys.
    pub(super) fn of(keys: &'k [Key]) -> Words<'k> {
        let mut all = BTreeSet::new();
        for key in keys {
            let lists = [&key.accounts, &key.roles, &key.networks];
            all.extend(lists.into_iter().flatten().chain(&key.owner).map(String::as_str));
            all.extend(key.attributes.iter().flat_map(|(name, value)| [&**name, &**value]));
            all.extend(key.grants.iter().map(|grant| grant.grant.as_str()));
        }
        Words(all.into_iter().zip(0..).collect())
    }

    /// All of them, in the order of their numbers.
    pub(super) fn list(&self) -> Vec<&'k str> {
        self.0.keys().copied().collect()
    }

    /// A key's row; `None` where a key has a word that is not here.
    pub(super) fn row(&self, key: &Key) -> Option<Vec<u8>> {
        let word = |text: &String| self.0.get(text.as_str()).copied();
        let all = |list: &[String]| list.iter().map(word).collect::<Option<Vec<Word>>>();
        let pair = |(name, value)| Some((word(name)?, word(value)?));
        let grant = |grant| self.grant(grant);
        let row = Row {
            id: &key.id,
            digest: *key.digest.bytes(),
            next_digest: key.next_digest.as_ref().map(|digest| *digest.bytes()),
            description: &key.description,
            owner: key.owner.as_ref().map(word).map_or(Some(None), |owner| owner.map(Some))?,
            accounts: all(&key.accounts)?,
            roles: all(&key.roles)?,
            attributes: key.attributes.iter().map(pair).collect::<Option<Vec<_>>>()?,
            networks: all(&key.networks)?,
            grants: key.grants.iter().map(grant).collect::<Option<Vec<_>>>()?,
            not_before: key.not_before.map(Timestamp::as_second),
            expires: key.expires.map(Timestamp::as_second),
            disabled: key.disabled,
        };
        postcard::to_allocvec(&row).ok()
    }

    /// A grant's part of a row.
    fn grant<'g>(&self, grant: &'g Grant) -> Option<RowGrant<'g>> {
        let text = |name: &'g Option<Name>| name.as_ref().map(Name::as_str);
        Some(RowGrant {
            grant: self.0.get(grant.grant.as_str()).copied()?,
            zone: text(&grant.zone),
            domain: text(&grant.domain),
            name: text(&grant.name),
        })
    }
}
