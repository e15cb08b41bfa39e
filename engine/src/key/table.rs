//! The table of all keys: packed, and how a presented key is found in it.
//!
//! A gate may have a hundred thousand keys, of which a worker sees a few. So the bundle has them
//! as one text, one line of JSON for each key, sorted by id; loading it only finds the lines, and
//! a line is read when its key first speaks.

use std::cmp::Ordering;
use std::sync::OnceLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::entry::{Digest, Key};
use super::text::KeyText;
use crate::decision::Reason;

/// What every line begins with: the id is the first field.
const LINE_START: &str = "{\"id\":\"";

/// One key of the table.
#[derive(Clone, Debug)]
struct Slot {
    /// Where its line begins in the packed text.
    from: usize,
    /// Where its line ends, without the line end.
    to: usize,
    /// The key, once it was asked for; none in it where its line cannot be read.
    key: OnceLock<Option<Box<Key>>>,
}

/// All keys of a bundle, by id.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The lines.
    packed: String,
    /// One for each line.
    slots: Vec<Slot>,
}

/// Compares what is known of the keys.
impl PartialEq for Keys {
    fn eq(&self, other: &Keys) -> bool {
        self.packed == other.packed
    }
}

impl Eq for Keys {}

/// Written as one text.
impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.packed)
    }
}

/// Read from one text, whose lines must be sorted by id.
impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let packed = String::deserialize(deserializer)?;
        Keys::unpack(packed).map_err(serde::de::Error::custom)
    }
}

/// The id of a line.
fn id_of(line: &str) -> Option<&str> {
    line.strip_prefix(LINE_START)?.split_once('"').map(|(id, _)| id)
}

impl Keys {
    /// The keys of a list in any order; of two with one id, the later is dropped.
    pub(super) fn sorted(mut list: Vec<Key>) -> Keys {
        list.sort_by(|one, other| one.id.cmp(&other.id));
        list.dedup_by(|later, earlier| later.id == earlier.id);
        let mut keys = Keys::default();
        for key in list {
            // Writing a key as JSON cannot fail: its maps have text keys.
            let Ok(line) = serde_json::to_string(&key) else { continue };
            let from = keys.packed.len();
            keys.packed.push_str(&line);
            let to = keys.packed.len();
            keys.packed.push('\n');
            keys.slots.push(Slot { from, to, key: OnceLock::from(Some(Box::new(key))) });
        }
        keys
    }

    /// Finds the lines of a packed text.
    fn unpack(packed: String) -> Result<Keys, &'static str> {
        let mut slots = Vec::new();
        let mut before = "";
        let mut from = 0;
        for line in packed.split_terminator('\n') {
            let id = id_of(line).ok_or("a line of the keys is not a key")?;
            // INVARIANT: strictly sorted by id, because `find` searches by halves.
            if id.is_empty() || id <= before {
                return Err("the keys are not sorted by id");
            }
            before = id;
            let to = from + line.len();
            slots.push(Slot { from, to, key: OnceLock::new() });
            from = to + 1;
        }
        Ok(Keys { packed, slots })
    }

    /// The line of a slot.
    fn line(&self, slot: &Slot) -> &str {
        self.packed.get(slot.from..slot.to).unwrap_or_default()
    }

    /// The key of a slot, read when it is first asked for.
    ///
    /// SECURITY: a line that cannot be read, or has another id inside, is no key at all.
    fn key<'k>(&'k self, slot: &'k Slot) -> Option<&'k Key> {
        let read = || {
            let line = self.line(slot);
            let key: Option<Key> = serde_json::from_str(line).ok();
            key.filter(|key| Some(key.id.as_str()) == id_of(line)).map(Box::new)
        };
        slot.key.get_or_init(read).as_deref()
    }

    /// Finds the key that a client presented, whether or not it may be used now.
    ///
    /// SECURITY: the id is public, the secret is not: digests are compared in constant time,
    /// both of them always, and against a stand-in where the id is unknown, so that the time
    /// taken tells nothing of a secret (test `find_never_accepts_a_wrong_secret`).
    pub fn find(&self, presented: &KeyText) -> Result<&Key, Reason> {
        /// What is compared where there is nothing to compare with; no text has this digest.
        const NOTHING: Digest = Digest::new([0; 32]);
        let digest = presented.digest();
        let key = self.by_id(presented.id());
        let stored = key.map_or(&NOTHING, |key| &key.digest);
        let next = key.and_then(|key| key.next_digest.as_ref()).unwrap_or(&NOTHING);
        let same = digest.is(stored) | digest.is(next);
        match key {
            Some(key) if bool::from(same) => Ok(key),
            Some(_) | None => Err(Reason::UnknownKey),
        }
    }

    /// The key with this id.
    pub fn by_id(&self, id: &str) -> Option<&Key> {
        let order = |slot: &Slot| id_of(self.line(slot)).map_or(Ordering::Less, |one| one.cmp(id));
        let at = self.slots.binary_search_by(order).ok()?;
        self.key(self.slots.get(at)?)
    }

    /// Every key, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.slots.iter().filter_map(|slot| self.key(slot))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The table with this key in the place of the one with its id, for tools that ask what would
    /// be if a key were another.
    #[cfg(feature = "author")]
    #[must_use]
    pub fn with(&self, key: Key) -> Keys {
        let mut list: Vec<Key> = self.iter().filter(|one| one.id != key.id).cloned().collect();
        list.push(key);
        Keys::sorted(list)
    }

    /// Revokes a key in a packed table; false where the id is unknown.
    pub fn disable(&mut self, id: &str) -> bool {
        let mut list: Vec<Key> = self.iter().cloned().collect();
        let Some(key) = list.iter_mut().find(|key| key.id == id) else { return false };
        key.disabled = true;
        *self = Keys::sorted(list);
        true
    }
}
