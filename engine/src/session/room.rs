//! What a worker holds for all its requests together.
//!
//! Each request has caps of its own, but a key may send as many requests as it likes, and all that
//! is held of them lies in one worker's memory. So what is held is counted: a request takes its
//! share of a [`Room`], and where the room is full it is refused instead of everybody.
//! A share is given back when it is dropped, so none can be forgotten.

use std::cell::Cell;
use std::rc::Rc;

use super::HELD_BYTES_MAX;

/// The bytes that are held for all requests of one worker.
#[derive(Debug, Default)]
pub struct Room {
    /// How many.
    held: Cell<usize>,
}

/// What one request holds.
#[derive(Debug)]
pub struct Share {
    /// The room that it is of.
    room: Rc<Room>,
    /// Its bytes.
    bytes: usize,
}

impl Share {
    /// A share of nothing yet.
    pub fn of(room: &Rc<Room>) -> Share {
        Share { room: Rc::clone(room), bytes: 0 }
    }

    /// Makes it so many bytes; false, and as it was, where the room has not that much left.
    #[must_use]
    pub fn hold(&mut self, bytes: usize) -> bool {
        let others = self.room.held.get().saturating_sub(self.bytes);
        let held = others.saturating_add(bytes);
        if held > HELD_BYTES_MAX {
            return false;
        }
        self.room.held.set(held);
        self.bytes = bytes;
        true
    }

    /// Makes it so many bytes more.
    #[must_use]
    pub fn hold_more(&mut self, bytes: usize) -> bool {
        self.hold(self.bytes.saturating_add(bytes))
    }

    /// Gives everything back.
    pub fn release(&mut self) {
        // Nothing always fits.
        let _ = self.hold(0);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_room_takes_nothing_until_something_is_given_back() {
        let room = Rc::new(Room::default());
        let (mut first, mut second) = (Share::of(&room), Share::of(&room));
        assert!(first.hold(HELD_BYTES_MAX - 10) && second.hold(10));
        assert!(!second.hold_more(1) && !second.hold(11) && !first.hold_more(usize::MAX));
        assert_eq!(room.held.get(), HELD_BYTES_MAX, "what is refused changes nothing");
        assert!(first.hold(5) && second.hold_more(20));
        assert_eq!(room.held.get(), 35);
        drop(first);
        second.release();
        assert_eq!(room.held.get(), 0);
    }
}
