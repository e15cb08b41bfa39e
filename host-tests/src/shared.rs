//! Data shared by all VMs with one id.
//!
//! A value carries a number that changes with every write; a write that names a number succeeds
//! only while the value still has it (zero: always). Give one [`SharedData`] to several hosts to
//! play the workers of one proxy.

use crate::abi::Status;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store that several hosts can share; cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct SharedData {
    /// The values, behind a lock.
    inner: Arc<Mutex<Inner>>,
}

/// What is behind the lock.
#[derive(Debug, Default)]
struct Inner {
    /// Value and its number, by key.
    values: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    /// The number given last.
    last: u32,
}

impl SharedData {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a key and its number.
    pub fn get(&self, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.lock().values.get(key).cloned()
    }

    /// Writes a value if `expected` is zero or still the value's number.
    pub fn set(&self, key: &[u8], value: &[u8], expected: u32) -> Result<(), Status> {
        let mut inner = self.lock();
        if let Some((_, number)) = inner.values.get(key)
            && expected != 0
            && expected != *number
        {
            return Err(Status::CasMismatch);
        }
        inner.last = inner.last.checked_add(1).unwrap_or(1);
        let number = inner.last;
        inner.values.insert(key.to_vec(), (value.to_vec(), number));
        Ok(())
    }

    /// The store; a test that panicked elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_number_is_refused() {
        let data = SharedData::new();
        data.set(b"k", b"1", 0).unwrap();
        let (_, number) = data.get(b"k").unwrap();
        data.clone().set(b"k", b"2", number).unwrap();
        assert_eq!(data.set(b"k", b"3", number), Err(Status::CasMismatch));
        assert_eq!(data.get(b"k").unwrap().0, b"2");
        assert_eq!(data.get(b"other"), None);
    }
}
