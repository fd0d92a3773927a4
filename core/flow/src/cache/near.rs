//! Results for pictures that look alike: the second tier, which may be wrong and knows how often.
//! **Invariant:** nothing is served from further away than audits have earned, nor past its age; a new entry serves nothing.
//! It does not register positions: the engine does, and tells what came of it.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    Key, Reuse,
    distance::{agree, class, error},
    heap_bytes,
    radius::{Audits, is_above},
    sieve::Sieve,
};
use crate::{time::Timestamp, value::Value};

/// Entries at most: looked through one by one.
const MOST: usize = 64;
/// Pictures that were seen once and are remembered until they are seen again.
const GHOSTS: usize = 64;
/// Ghosts may take one part in so many of the bytes; they are small.
const GHOST_SHARE: usize = 8;
/// Two keys this near may be the same view, seen again: what a pixel of motion and the sensor's noise do to a key.
const SIGHTED: f32 = 0.35;
/// A result for a picture this near to an entry's is a newer result of the same entry.
const SAME: f32 = 0.1;
/// Classes whose audits are pooled, at most; the later ones share the last.
const CLASSES: usize = 64;
/// Audits of answers that were, or would have been, served: so many of the last decide about drift.
const RECENT: u32 = 32;
/// After a bad audit an entry's radius is halved; after each good one it may grow by this factor again: seven make up for
/// one.
const LOOSEN: f32 = 1.1;

/// The entry nearest to a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    id: u64,
    /// Distance of its key.
    pub distance: f32,
    /// How far it may be served.
    pub radius: f32,
    /// Capture time of the frame that the model saw.
    pub ran: Timestamp,
}

impl Candidate {
    /// Whether audits have earned that it is served at its distance.
    pub fn is_served(&self) -> bool {
        self.distance <= self.radius && self.radius > 0.0
    }
}

#[derive(Debug)]
struct Entry<P> {
    id: u64,
    key: Key,
    value: Value,
    picture: Option<P>,
    ran: Timestamp,
    audits: Audits,
    /// The radius is no larger than this: halved by bad audits, loosened by good ones.
    cap: f32,
}

/// Seen once.
#[derive(Debug)]
struct Ghost {
    key: Key,
    value: Value,
}

/// Results by what their pictures look like. `P` is what positions are registered with: the picture itself.
#[derive(Debug)]
pub struct NearCache<P> {
    capacity: usize,
    entries: Sieve<Entry<P>>,
    ghosts: Vec<Ghost>,
    /// Audits by class: they stand in for those of an entry that has too few of its own.
    pools: Vec<(u32, Audits)>,
    epsilon: f32,
    miss_rate: f32,
    next: u64,
    /// The newest in the lowest bit; 1 is bad.
    recent: u32,
    seen: u32,
}

impl<P> NearCache<P> {
    /// A cache of at most `capacity` bytes whose answers exceed `epsilon` no more often than `miss_rate`.
    pub const fn new(capacity: usize, epsilon: f32, miss_rate: f32) -> Self {
        Self {
            capacity,
            entries: Sieve::new(capacity - capacity / GHOST_SHARE, MOST),
            ghosts: Vec::new(),
            pools: Vec::new(),
            epsilon,
            miss_rate,
            next: 0,
            recent: 0,
            seen: 0,
        }
    }

    /// Whether it can keep anything.
    pub const fn is_enabled(&self) -> bool {
        self.capacity > 0
    }

    /// Bytes held by entries and ghosts.
    pub fn bytes(&self) -> usize {
        self.entries.bytes() + self.ghost_bytes()
    }

    fn ghost_bytes(&self) -> usize {
        self.ghosts.iter().map(|g| size_of::<Ghost>() + heap_bytes(&g.value)).sum()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.iter().count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry nearest to a picture. Entries whose result was `max_age` old at `now` are dropped first.
    pub fn nearest(&mut self, key: &Key, now: Timestamp, max_age: Duration) -> Option<Candidate> {
        self.entries.retain(|e| now.since(e.ran) <= max_age);
        let near = self.entries.iter().filter_map(|e| key.distance(&e.key).map(|d| (d, e)));
        let (distance, e) = near.min_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(Candidate { id: e.id, distance, radius: self.radius(e), ran: e.ran })
    }

    fn radius(&self, entry: &Entry<P>) -> f32 {
        let learnt = if entry.audits.is_enough(self.miss_rate) {
            entry.audits.radius(self.miss_rate)
        } else {
            let class = class(&entry.value);
            self.pools.iter().find(|(c, _)| *c == class).map_or(0.0, |(_, a)| a.radius(self.miss_rate))
        };
        learnt.min(entry.cap)
    }

    /// What is kept under `candidate`, which counts as used.
    pub fn get(&mut self, candidate: &Candidate) -> Option<(&Value, Option<&P>)> {
        let entry = self.entries.touch(|e| e.id == candidate.id)?;
        Some((&entry.value, entry.picture.as_ref()))
    }

    /// Takes what the model said where `would_be` would have been served from `candidate`. Returns the error, and whether
    /// by now too many such answers are wrong: then everything was forgotten.
    pub fn audit(&mut self, candidate: &Candidate, would_be: &Value, fresh: &Value) -> (f32, bool) {
        let error = error(would_be, fresh);
        let bad = error > self.epsilon;
        if let Some(entry) = self.entries.touch(|e| e.id == candidate.id) {
            entry.audits.note(candidate.distance, bad);
            if candidate.is_served() {
                entry.cap = if bad { 0.5 * candidate.radius } else { entry.cap * LOOSEN };
            }
        }
        let class = class(would_be);
        let at = self.pools.iter().position(|(c, _)| *c == class).unwrap_or_else(|| {
            if self.pools.len() < CLASSES {
                self.pools.push((class, Audits::default()));
            }
            self.pools.len() - 1
        });
        self.pools[at].1.note(candidate.distance, bad);
        if !candidate.is_served() {
            return (error, false);
        }
        self.recent = self.recent << 1 | u32::from(bad);
        self.seen = (self.seen + 1).min(RECENT);
        let drifted = is_above(self.seen, self.recent.count_ones(), self.miss_rate);
        if drifted {
            self.clear();
        }
        (error, drifted)
    }

    /// Takes a result of the model for a picture: a newer result of its entry, an entry at the second sighting (video is a
    /// scan: most pictures never come back), or a ghost at the first. `candidate` is the entry nearest to it; `picture`
    /// gives what positions are registered with, and its bytes.
    pub fn sight(
        &mut self,
        key: &Key,
        value: &Value,
        ran: Timestamp,
        candidate: Option<&Candidate>,
        picture: impl FnOnce() -> Option<(P, usize)>,
    ) {
        if Reuse::of(value) == Reuse::Never || !self.is_enabled() {
            return;
        }
        let known = candidate.filter(|c| c.distance <= SAME.max(c.radius)).map(|c| c.id);
        let epsilon = self.epsilon;
        if let Some(id) = known {
            let again = |e: &Entry<P>| e.id == id && e.ran < ran && agree(&e.value, value, epsilon);
            if let Some(old) = self.entries.take(again) {
                self.admit(key, value, ran, (old.audits, old.cap, id), picture);
                return;
            }
        }
        let seen = self.ghosts.iter().position(|g| g.key.distance(key).is_some_and(|d| d <= SIGHTED));
        let before = seen.map(|i| self.ghosts.remove(i));
        if before.is_some_and(|g| agree(&g.value, value, epsilon)) {
            // Twice in a row it said something else than the entry: that one is wrong.
            let old = known.and_then(|id| self.entries.take(|e| e.id == id));
            self.next += 1;
            let (audits, cap) = old.map_or((Audits::default(), f32::MAX), |old| (old.audits, old.cap));
            self.admit(key, value, ran, (audits, cap, self.next), picture);
        } else {
            self.remember(key, value);
        }
    }

    fn remember(&mut self, key: &Key, value: &Value) {
        let bytes = size_of::<Ghost>() + heap_bytes(value);
        let room = self.capacity / GHOST_SHARE;
        while !self.ghosts.is_empty() && (self.ghosts.len() >= GHOSTS || self.ghost_bytes() + bytes > room) {
            self.ghosts.remove(0);
        }
        if bytes <= room {
            self.ghosts.push(Ghost { key: *key, value: value.clone() });
        }
    }

    fn admit(
        &mut self,
        key: &Key,
        value: &Value,
        ran: Timestamp,
        (audits, cap, id): (Audits, f32, u64),
        picture: impl FnOnce() -> Option<(P, usize)>,
    ) {
        let registered = Reuse::of(value) == Reuse::Registered;
        let (picture, bytes) = if registered {
            let Some((picture, bytes)) = picture() else { return };
            (Some(picture), bytes)
        } else {
            (None, 0)
        };
        let entry = Entry { id, key: *key, value: value.clone(), picture, ran, audits, cap };
        self.entries.insert(entry, bytes + heap_bytes(value));
    }

    /// Forgets everything, what was learnt too: another model, or another world.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.ghosts.clear();
        self.pools.clear();
        (self.recent, self.seen) = (0, 0);
    }

    /// Forgets results by their time, which no longer means anything; keeps what was learnt.
    pub fn restart_clock(&mut self) {
        self.entries.clear();
        self.ghosts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frame::{Image, Luma, PixelFormat},
        value::Label,
    };
    use std::{vec, vec::Vec};

    const AGE: Duration = Duration::from_secs(100);

    /// View `v`, a little different at each sight.
    fn key(v: u32, sight: u32) -> Key {
        let at = |x: u32, y: u32| {
            let h = (((x / 8) * 7_919) ^ ((y / 8) * 104_729) ^ v.wrapping_mul(2_654_435_761))
                .wrapping_mul(0x9E37_79B9);
            let noise = (x * 31 + y * 17 + sight * 101) % 4;
            (h >> 25) as u8 + noise as u8
        };
        let pixels: Vec<u8> = (0..64 * 36).map(|i| at(i % 64, i / 64)).collect();
        let image = Image::packed(PixelFormat::Gray8, 64, 36, &pixels);
        Key::of(&image, &Luma::of(&image).unwrap())
    }

    fn label(class: u32) -> Value {
        Value::Label(Label { class, score: 0.9 })
    }

    fn cache() -> NearCache<()> {
        NearCache::new(1 << 20, 0.5, 0.05)
    }

    /// Shows view `v` to the cache as a run does. Whether it would have been served, and was wrong.
    fn run(cache: &mut NearCache<()>, v: u32, sight: u32, says: u32) -> (bool, bool) {
        let at = Timestamp::from_millis(u64::from(sight) * 10);
        let key = key(v, sight);
        let candidate = cache.nearest(&key, at, AGE);
        let mut out = (false, false);
        if let Some(c) = candidate {
            let value = cache.get(&c).unwrap().0.clone();
            let (error, _) = cache.audit(&c, &value, &label(says));
            out = (c.is_served(), error > 0.5);
        }
        cache.sight(&key, &label(says), at, candidate.as_ref(), || None);
        out
    }

    #[test]
    fn serves_nothing_before_audits_have_earned_it() {
        let mut cache = cache();
        let first = (0..500).find(|i| run(&mut cache, 1, *i, 7).0).unwrap();
        assert!((59..70).contains(&first), "{first}");
        assert_eq!(cache.len(), 1);
        // An entry of another class has earned nothing yet; one of the same class lives off the pool.
        assert!((500..520).all(|i| !run(&mut cache, 2, i, 8).0));
        assert!((520..524).any(|i| run(&mut cache, 3, i, 7).0));
    }

    #[test]
    fn one_sighting_is_a_ghost_and_a_scan_leaves_no_entry() {
        let mut cache = cache();
        for v in 0..300 {
            run(&mut cache, v, v, 1);
            assert!(cache.is_empty(), "view {v}");
        }
        assert!(cache.bytes() < 64 * 1024);
        run(&mut cache, 299, 300, 1);
        assert_eq!(cache.len(), 1);
    }

    #[test]
    fn results_that_disagree_at_the_second_sight_are_not_kept() {
        let mut cache = cache();
        for i in 0..20 {
            run(&mut cache, 1, i, i % 2);
        }
        assert!(cache.is_empty());
    }

    #[test]
    fn bad_audits_halve_the_radius_and_good_ones_loosen_it_slowly() {
        let mut cache = cache();
        (0..400).for_each(|i| {
            run(&mut cache, 1, i, 7);
        });
        let radius = |cache: &mut NearCache<()>| {
            cache.nearest(&key(1, 9), Timestamp::from_millis(4_000), AGE).unwrap().radius
        };
        let before = radius(&mut cache);
        assert!(before > 0.0);
        run(&mut cache, 1, 400, 8);
        let after = radius(&mut cache);
        assert!(after <= 0.5 * before + 1e-6, "{before} {after}");
        (401..404).for_each(|i| {
            run(&mut cache, 1, i, 7);
        });
        let soon = radius(&mut cache);
        assert!(soon < before, "{soon}");
        (404..440).for_each(|i| {
            run(&mut cache, 1, i, 7);
        });
        assert!(radius(&mut cache) > after);
    }

    #[test]
    fn a_world_that_has_changed_is_forgotten() {
        let mut cache = cache();
        for v in 0..4 {
            (0..100).for_each(|i| {
                run(&mut cache, v, 100 * v + i, 7);
            });
        }
        assert!(run(&mut cache, 0, 400, 7).0);
        // The model has drifted: every view now means something else.
        let wrong = (401..500).filter(|i| run(&mut cache, i % 4, *i, 8) == (true, true)).count();
        assert!((1..=8).contains(&wrong), "{wrong} wrong answers before it was noticed");
    }

    #[test]
    fn age_and_bytes_are_bounded() {
        let mut cache = NearCache::<Vec<u8>>::new(40_000, 1.0, 0.05);
        let boxes = Value::Boxes(vec![]);
        for i in 0..200 {
            let at = Timestamp::from_millis(10 * i);
            for _ in 0..2 {
                let key = key(i as u32, 0);
                let near = cache.nearest(&key, at, AGE);
                cache.sight(&key, &boxes, at, near.as_ref(), || Some((vec![0; 5_000], 5_000)));
            }
            assert!(cache.bytes() <= 40_000 && cache.len() <= 7, "{} {}", cache.bytes(), cache.len());
        }
        assert!(cache.len() >= 4);
        let late = Timestamp::from_millis(1_990) + AGE + Duration::from_millis(1);
        assert_eq!(cache.nearest(&key(199, 0), late, AGE), None);
        assert!(cache.is_empty());
        cache.clear();
        assert_eq!(cache.bytes(), 0);
    }
}
