//! A bounded list that drops what was not asked for since the hand last came by.
//! **Invariant:** bytes and count stay under their bounds after every call.
//! It does not look things up: its owner walks over the items and touches what it used.

use alloc::vec::Vec;

#[derive(Debug)]
struct Slot<T> {
    item: T,
    bytes: usize,
    visited: bool,
}

/// Items with SIEVE eviction.
///
/// # Source
/// Zhang et al.: SIEVE is simpler than LRU, NSDI 2024.
#[derive(Debug)]
pub(super) struct Sieve<T> {
    /// Oldest first.
    slots: Vec<Slot<T>>,
    hand: usize,
    bytes: usize,
    capacity: usize,
    most: usize,
}

impl<T> Sieve<T> {
    /// At most `capacity` bytes, bookkeeping included, and at most `most` items.
    pub const fn new(capacity: usize, most: usize) -> Self {
        Self { slots: Vec::new(), hand: 0, bytes: 0, capacity, most }
    }

    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().map(|s| &s.item)
    }

    /// The first item that `is` says yes to, marked as used.
    pub fn touch(&mut self, is: impl Fn(&T) -> bool) -> Option<&mut T> {
        let slot = self.slots.iter_mut().find(|s| is(&s.item))?;
        slot.visited = true;
        Some(&mut slot.item)
    }

    /// The first item that `is` says yes to, taken out.
    pub fn take(&mut self, is: impl Fn(&T) -> bool) -> Option<T> {
        let at = self.slots.iter().position(|s| is(&s.item))?;
        Some(self.remove(at))
    }

    /// Keeps `item`, whose memory outside of itself is `heap` bytes, and drops what is used least to make room. Whether
    /// there was room: an item larger than all of it is not kept.
    pub fn insert(&mut self, item: T, heap: usize) -> bool {
        let bytes = size_of::<Slot<T>>() + heap;
        if bytes > self.capacity || self.most == 0 {
            return false;
        }
        while self.bytes + bytes > self.capacity || self.slots.len() >= self.most {
            self.evict();
        }
        self.bytes += bytes;
        self.slots.push(Slot { item, bytes, visited: false });
        true
    }

    /// Drops all items that `keep` says no to.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        let mut at = 0;
        while at < self.slots.len() {
            if keep(&self.slots[at].item) {
                at += 1;
            } else {
                self.remove(at);
            }
        }
    }

    pub fn clear(&mut self) {
        self.slots.clear();
        self.hand = 0;
        self.bytes = 0;
    }

    fn remove(&mut self, at: usize) -> T {
        let slot = self.slots.remove(at);
        self.bytes -= slot.bytes;
        if at < self.hand {
            self.hand -= 1;
        }
        slot.item
    }

    /// The hand moves from old to new, forgives what was visited, and takes the first that was not.
    fn evict(&mut self) {
        loop {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            let slot = &mut self.slots[self.hand];
            if slot.visited {
                slot.visited = false;
                self.hand += 1;
            } else {
                self.remove(self.hand);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_used_and_stays_under_both_bounds() {
        let one = size_of::<Slot<u32>>() + 10;
        let mut sieve = Sieve::new(5 * one, 4);
        for i in 0..200 {
            assert!(sieve.insert(i, 10));
            assert!(sieve.bytes() <= 4 * one && sieve.iter().count() <= 4);
            assert!(sieve.touch(|x| *x == 0).is_some(), "the item in use was dropped at {i}");
        }
        assert!(sieve.touch(|x| *x == 50).is_none());
        assert!(!sieve.insert(7, 6 * one));
        sieve.retain(|x| *x != 0);
        assert!(sieve.touch(|x| *x == 0).is_none());
        assert_eq!(sieve.take(|x| *x == 199), Some(199));
        assert_eq!(sieve.bytes(), 2 * one);
        sieve.clear();
        assert_eq!((sieve.bytes(), sieve.iter().count()), (0, 0));
    }
}
