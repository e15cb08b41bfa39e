//! The table of all keys: packed, and how a presented key is found in it.
//!
//! A gate may have a hundred thousand keys, of which a worker sees a few. So a key is a row of some
//! hundred bytes, sorted by id, that stays packed in the bundle until the key speaks; what was read
//! of the keys that spoke last is kept.

use std::cmp::Ordering;
use std::ops::Range;
use std::rc::Rc;

use super::entry::{Digest, Key};
#[cfg(feature = "author")]
use super::row::Words;
use super::row::{id_of, read};
use super::text::KeyText;
use crate::decision::Reason;
use crate::kept::Kept;
use crate::rows::Rows;

/// Keys that were read and are kept; one is about half a kilobyte.
const RECENT_MAX: usize = 1024;

/// All keys of a bundle, by id.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The texts that the rows share.
    words: Rows,
    /// One for each key, sorted by id.
    rows: Rows,
    /// Keys that spoke lately, by their rows.
    recent: Kept<usize, Rc<Key>, RECENT_MAX>,
    /// All of them, once a tool has asked.
    #[cfg(feature = "author")]
    all: std::cell::OnceCell<Vec<Key>>,
}

/// Compares what is known of the keys.
impl PartialEq for Keys {
    fn eq(&self, other: &Keys) -> bool {
        (&self.words, &self.rows) == (&other.words, &other.rows)
    }
}

impl Eq for Keys {}

impl Keys {
    /// Opens the two lists of a bundle in these parts of its bytes; says why they are no keys.
    pub(crate) fn open(
        bytes: &Rc<Vec<u8>>,
        words: Range<usize>,
        rows: Range<usize>,
    ) -> Result<Keys, &'static str> {
        let words = Rows::open(bytes, words).ok_or("the words of its keys are cut off")?;
        let rows = Rows::open(bytes, rows).ok_or("its keys are cut off")?;
        let mut before = "";
        for row in rows.iter() {
            let id = id_of(row).ok_or("a row of its keys is no key")?;
            // INVARIANT: strictly sorted by id, because `row_of` searches by halves.
            if id.is_empty() || id <= before {
                return Err("its keys are not sorted by id");
            }
            before = id;
        }
        Ok(Keys { words, rows, ..Keys::default() })
    }

    /// The two lists as they stand in a bundle: words and rows.
    #[cfg(feature = "author")]
    pub(crate) fn packed(&self) -> (&[u8], &[u8]) {
        (self.words.packed(), self.rows.packed())
    }

    /// Words and rows.
    #[cfg(test)]
    pub(super) fn lists(&self) -> (&Rows, &Rows) {
        (&self.words, &self.rows)
    }

    /// The keys of a list in any order; of two with one id, the later is dropped. `None` where
    /// they are more than a bundle can have.
    #[cfg(feature = "author")]
    pub(super) fn sorted(mut list: Vec<Key>) -> Option<Keys> {
        list.sort_by(|one, other| one.id.cmp(&other.id));
        list.dedup_by(|later, earlier| later.id == earlier.id);
        let words = Words::of(&list);
        let rows = list.iter().map(|key| words.row(key)).collect::<Option<Vec<Vec<u8>>>>()?;
        Some(Keys {
            words: Rows::pack(&words.list())?,
            rows: Rows::pack(&rows)?,
            recent: Kept::default(),
            all: list.into(),
        })
    }

    /// Finds the key that a client presented, whether or not it may be used now.
    ///
    /// SECURITY: the id is public, the secret is not: digests are compared in constant time,
    /// both of them always, and against a stand-in where the id is unknown, so that the time
    /// taken tells nothing of a secret (test `find_never_accepts_a_wrong_secret`).
    pub fn find(&self, presented: &KeyText) -> Result<Rc<Key>, Reason> {
        /// What is compared where there is nothing to compare with; no text has this digest.
        const NOTHING: Digest = Digest::new([0; 32]);
        let digest = presented.digest();
        let key = self.get(presented.id());
        let stored = key.as_ref().map_or(&NOTHING, |key| &key.digest);
        let next = key.as_ref().and_then(|key| key.next_digest.as_ref()).unwrap_or(&NOTHING);
        let same = digest.is(stored) | digest.is(next);
        match key {
            Some(key) if bool::from(same) => Ok(key),
            Some(_) | None => Err(Reason::UnknownKey),
        }
    }

    /// The key with this id.
    pub fn get(&self, id: &str) -> Option<Rc<Key>> {
        let at = self.row_of(id)?;
        if let Some(key) = self.recent.get(&at) {
            return Some(key);
        }
        let key = Rc::new(read(self.rows.get(at)?, &self.words)?);
        self.recent.keep(at, Rc::clone(&key));
        Some(key)
    }

    /// The row of the key with this id.
    fn row_of(&self, id: &str) -> Option<usize> {
        let mut range = 0..self.rows.len();
        while !range.is_empty() {
            let middle = range.start.midpoint(range.end);
            match self.rows.get(middle).and_then(id_of)?.cmp(id) {
                Ordering::Less => range.start = middle + 1,
                Ordering::Equal => return Some(middle),
                Ordering::Greater => range.end = middle,
            }
        }
        None
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What tools do, who see all keys and not only those that speak.
#[cfg(feature = "author")]
impl Keys {
    /// Every key, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.all().iter()
    }

    /// The key with this id.
    pub fn by_id(&self, id: &str) -> Option<&Key> {
        let all = self.all();
        all.get(all.binary_search_by(|key| key.id.as_str().cmp(id)).ok()?)
    }

    /// All of them.
    fn all(&self) -> &Vec<Key> {
        let read = |row: &[u8]| read(row, &self.words);
        self.all.get_or_init(|| self.rows.iter().filter_map(read).collect())
    }

    /// Whether every row can be read.
    pub(crate) fn is_whole(&self) -> bool {
        self.rows.iter().all(|row| read(row, &self.words).is_some())
    }

    /// The table with this key in the place of the one with its id, for tools that ask what would
    /// be if a key were another; `None` where there is no room for it.
    pub fn with(&self, key: Key) -> Option<Keys> {
        let mut list: Vec<Key> = self.iter().filter(|one| one.id != key.id).cloned().collect();
        list.push(key);
        Keys::sorted(list)
    }

    /// The table with a key revoked; `None` where the id is unknown.
    #[must_use]
    pub fn disabled(&self, id: &str) -> Option<Keys> {
        let mut list = self.all().clone();
        list.iter_mut().find(|key| key.id == id)?.disabled = true;
        Keys::sorted(list)
    }
}
