//! Predictions that wait for their label, in a ring.
//! **Invariant:** every prediction that is put in leaves once: joined, expired or pushed out; each step is O(1).
//! It does not keep inputs: sixteen bytes a prediction, of which none is one.

use core::time::Duration;

use crate::time::Timestamp;

/// Predictions that wait at most: the newest ones.
pub const WAITING: usize = 1024;

/// Classes from here on are one: 13 bits.
const MOST_CLASS: u32 = (1 << 13) - 1;
const OCCUPIED: u32 = 1 << 31;
const PROBABLE: u32 = 1 << 30;
const CELLS: u32 = (1 << 17) - 1;

/// One prediction that waits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Entry {
    /// The lower half of its id; the slot has the rest of what tells it apart.
    id: u32,
    /// Seconds since the clock's origin.
    at: u32,
    /// Its probability, or the number itself.
    score: f32,
    /// From the top: occupied, whether the score is a probability, class (13 bits), cells of slices (17 bits).
    rest: u32,
}

const _: () = assert!(size_of::<Entry>() == 16);

/// A prediction as it is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Waiting {
    pub score: f32,
    /// Whether the score is a probability.
    pub probable: bool,
    /// `None` for a class beyond 8190.
    pub class: Option<u32>,
    /// One bit for each cell of a slice.
    pub cells: u32,
}

/// What left the ring to make room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub expired: u32,
    pub dropped: u32,
}

/// The ring.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    entries: [Entry; WAITING],
    /// Where the search for what has expired goes on.
    hand: usize,
    expiry: u32,
}

impl Ring {
    pub(crate) fn new(expiry: Duration) -> Self {
        let expiry = u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX).max(1);
        Self { entries: [Entry::default(); WAITING], hand: 0, expiry }
    }

    /// Puts a prediction in. Ids are counted up by one.
    pub(crate) fn put(&mut self, now: Timestamp, id: u64, waiting: &Waiting) -> Left {
        let mut left = self.sweep(now);
        let slot = slot(id);
        if self.entries[slot].rest & OCCUPIED != 0 {
            self.leave(slot, seconds(now), &mut left);
        }
        let class = waiting.class.map_or(MOST_CLASS, |c| c.min(MOST_CLASS));
        let probable = if waiting.probable { PROBABLE } else { 0 };
        self.entries[slot] = Entry {
            id: id as u32,
            at: seconds(now),
            score: waiting.score,
            rest: OCCUPIED | probable | class << 17 | waiting.cells & CELLS,
        };
        left
    }

    /// Takes the prediction that a label came for; `Err` says that it is not there, and whether it had just expired.
    pub(crate) fn take(&mut self, now: Timestamp, id: u64) -> Result<Waiting, Left> {
        let slot = slot(id);
        let entry = self.entries[slot];
        if entry.rest & OCCUPIED == 0 || entry.id != id as u32 {
            return Err(Left::default());
        }
        if self.is_expired(&entry, seconds(now)) {
            let mut left = Left::default();
            self.leave(slot, seconds(now), &mut left);
            return Err(left);
        }
        self.entries[slot].rest = 0;
        let class = entry.rest >> 17 & MOST_CLASS;
        Ok(Waiting {
            score: entry.score,
            probable: entry.rest & PROBABLE != 0,
            class: (class != MOST_CLASS).then_some(class),
            cells: entry.rest & CELLS,
        })
    }

    /// Looks at two more entries, so that the whole ring is seen while half of it is filled.
    pub(crate) fn sweep(&mut self, now: Timestamp) -> Left {
        let mut left = Left::default();
        let now = seconds(now);
        for _ in 0..2 {
            let entry = self.entries[self.hand];
            if entry.rest & OCCUPIED != 0 && self.is_expired(&entry, now) {
                self.leave(self.hand, now, &mut left);
            }
            self.hand = (self.hand + 1) % WAITING;
        }
        left
    }

    /// Everything that waits is on another clock: it can no longer be told when it expires.
    pub(crate) fn restart_clock(&mut self) -> Left {
        let waiting = self.entries.iter().filter(|e| e.rest & OCCUPIED != 0).count();
        self.entries = [Entry::default(); WAITING];
        Left { expired: 0, dropped: waiting as u32 }
    }

    fn is_expired(&self, entry: &Entry, now: u32) -> bool {
        now.saturating_sub(entry.at) > self.expiry
    }

    fn leave(&mut self, slot: usize, now: u32, left: &mut Left) {
        if self.is_expired(&self.entries[slot], now) {
            left.expired += 1;
        } else {
            left.dropped += 1;
        }
        self.entries[slot].rest = 0;
    }
}

const fn slot(id: u64) -> usize {
    (id % WAITING as u64) as usize
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_nanos() / 1_000_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(hours * HOUR)
    }

    fn waiting(class: u32) -> Waiting {
        Waiting { score: 0.25, probable: true, class: Some(class), cells: 0b1_0000_0000_0000_0101 }
    }

    #[test]
    fn a_label_finds_its_prediction_once() {
        let mut ring = Ring::new(Duration::from_hours(10));
        for id in 0..1_000 {
            assert_eq!(ring.put(at(1), id, &waiting(id as u32)), Left::default());
        }
        assert_eq!(ring.take(at(2), 7), Ok(waiting(7)));
        assert_eq!(ring.take(at(2), 7), Err(Left::default()), "twice");
        assert_eq!(ring.take(at(2), 5_000), Err(Left::default()), "never was");
        assert_eq!(ring.take(at(2), 7 + 1024), Err(Left::default()), "the slot is another one's");
        let huge = Waiting { class: Some(1 << 20), ..waiting(0) };
        ring.put(at(2), 2_000, &huge);
        assert_eq!(ring.take(at(2), 2_000).unwrap().class, None);
    }

    #[test]
    fn what_leaves_is_counted_as_what_it_is() {
        let mut ring = Ring::new(Duration::from_hours(10));
        let mut left = Left::default();
        let mut add = |l: Left| {
            left.expired += l.expired;
            left.dropped += l.dropped;
        };
        for id in 0..1_500 {
            add(ring.put(at(1), id, &waiting(1)));
        }
        assert_eq!(left, Left { expired: 0, dropped: 476 });
        assert_eq!(ring.take(at(12), 1_400), Err(Left { expired: 1, dropped: 0 }));
        let mut left = Left::default();
        for _ in 0..512 {
            left.expired += ring.sweep(at(12)).expired;
        }
        assert_eq!(left.expired, 1_023);
    }
}
