//! What is kept because making it anew costs time, and never more than so much of it.
//!
//! INVARIANT: nothing depends on what is in a [`Kept`]: whoever does not find a thing makes it
//! again, the same. So a full one forgets everything at once. To forget the oldest it would have to
//! note every use, which costs each request more than a full one costs one of many.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;

/// Values that are cheap to clone, at most `MAX` of them.
#[derive(Clone, Debug)]
pub(crate) struct Kept<K, V, const MAX: usize>(RefCell<HashMap<K, V>>);

impl<K, V, const MAX: usize> Default for Kept<K, V, MAX> {
    fn default() -> Self {
        Kept(RefCell::default())
    }
}

impl<K: Eq + Hash, V: Clone, const MAX: usize> Kept<K, V, MAX> {
    /// What is kept under a key.
    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.borrow().get(key).cloned()
    }

    /// Keeps a value in the place of what there was under its key.
    pub(crate) fn keep(&self, key: K, value: V) {
        let mut kept = self.0.borrow_mut();
        if kept.len() >= MAX {
            kept.clear();
        }
        kept.insert(key, value);
    }

    /// Forgets everything.
    pub(crate) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_never_more_than_it_may_have() {
        let kept: Kept<String, u32, 3> = Kept::default();
        for number in 0..100 {
            kept.keep(number.to_string(), number);
            assert_eq!(kept.get(number.to_string().as_str()), Some(number));
            assert!(kept.0.borrow().len() <= 3, "{number}");
        }
        kept.forget();
        assert_eq!(kept.get("99"), None);
    }
}
