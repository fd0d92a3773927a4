//! What was found out about single tracks: a name, an age, an embedding, that a second model took time for.
//! **Invariant:** an attribute is given for the very track it was found for, and only while every frame since then has
//! shown that track alone and unbroken; it never moves to another one.
//! It does not follow tracks: the engine says what each frame showed of them.

use core::time::Duration;

use super::{heap_bytes, sieve::Sieve};
use crate::{time::Timestamp, value::Value};

/// Attributes at most.
const MOST: usize = 256;

/// What a frame or a result showed of one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The track's identity.
    pub identity: u32,
    /// Whether its own pixels were found again, whole and by themselves: not lost, not near another one, not in doubt.
    pub unbroken: bool,
}

#[derive(Debug)]
struct Entry {
    identity: u32,
    name: u32,
    value: Value,
    at: Timestamp,
}

/// Attributes by track and name.
#[derive(Debug)]
pub struct AttributeCache(Sieve<Entry>);

impl AttributeCache {
    /// A cache of at most `capacity` bytes.
    pub const fn new(capacity: usize) -> Self {
        Self(Sieve::new(capacity, MOST))
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.0.bytes() == 0
    }

    /// Bytes held.
    pub const fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// Keeps `value` as attribute `name` of a track, in place of an earlier one. Whether there was room.
    pub fn insert(&mut self, identity: u32, name: u32, value: Value, at: Timestamp) -> bool {
        drop(self.0.take(|e| e.identity == identity && e.name == name));
        let heap = heap_bytes(&value);
        self.0.insert(Entry { identity, name, value, at }, heap)
    }

    /// Attribute `name` of a track, and when it was found.
    pub fn get(&mut self, identity: u32, name: u32) -> Option<(&Value, Timestamp)> {
        self.0.touch(|e| e.identity == identity && e.name == name).map(|e| (&e.value, e.at))
    }

    /// Takes what is there of all tracks, and forgets what belongs to a track that is gone or was broken, or is older than
    /// `max_age`.
    pub fn watch(&mut self, tracks: &[Sight], now: Timestamp, max_age: Duration) {
        self.0.retain(|e| {
            let sound = tracks.iter().any(|t| t.identity == e.identity && t.unbroken);
            sound && now.since(e.at) <= max_age
        });
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_mins(1);

    fn sight(identity: u32, unbroken: bool) -> Sight {
        Sight { identity, unbroken }
    }

    #[test]
    fn stays_with_its_track_and_goes_when_that_breaks() {
        let mut cache = AttributeCache::new(4_096);
        let at = Timestamp::from_millis;
        assert!(cache.insert(1, 0, Value::Scalar(1.0), at(0)));
        assert!(cache.insert(2, 0, Value::Scalar(2.0), at(0)));
        assert!(cache.insert(2, 0, Value::Scalar(3.0), at(5)));
        cache.watch(&[sight(1, true), sight(2, true), sight(3, true)], at(10), AGE);
        assert_eq!(cache.get(2, 0), Some((&Value::Scalar(3.0), at(5))));
        assert_eq!(cache.get(3, 0), None);
        assert_eq!(cache.get(1, 1), None);
        cache.watch(&[sight(1, false), sight(2, true)], at(20), AGE);
        assert_eq!(cache.get(1, 0), None);
        cache.watch(&[sight(1, true)], at(30), AGE);
        assert!(cache.is_empty());
    }

    #[test]
    fn age_and_bytes_are_bounded() {
        let mut cache = AttributeCache::new(1_000);
        let at = Timestamp::from_millis;
        for i in 0..100 {
            cache.insert(i, 0, Value::Vector(alloc::vec![0.0; 16]), at(0));
            assert!(cache.bytes() <= 1_000);
        }
        assert!(cache.get(99, 0).is_some() && cache.get(0, 0).is_none());
        assert!(!cache.insert(200, 0, Value::Vector(alloc::vec![0.0; 1_000]), at(0)));
        cache.watch(&[sight(99, true)], at(60_001), AGE);
        assert_eq!(cache.get(99, 0), None);
    }
}
