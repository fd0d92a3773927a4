//! A bounded ring of where something was, by capture time.
//! **Invariant:** times grow strictly from the oldest to the newest entry; after `new` nothing is allocated.
//! It does not know what its numbers mean and never looks beyond its newest entry.

use alloc::{vec, vec::Vec};

use super::interpolate::monotone;
use crate::time::Timestamp;

/// Entries closer together than this share one place, so that fast cameras do not shorten the ring, in seconds.
/// A 120 fps camera (8.3 ms) keeps every frame.
const SPACING: f32 = 0.0075;

/// Positions of `dim` numbers each.
#[derive(Clone, Debug)]
pub(super) struct History {
    dim: usize,
    times: Vec<Timestamp>,
    values: Vec<f32>,
    head: usize,
    len: usize,
}

/// A straight line through recent entries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slope {
    /// Change per second.
    pub rate: f32,
    /// Sum of squared times about their mean, in square seconds: the noise variance over this is the rate's.
    pub spread: f32,
}

impl History {
    /// An empty ring of `capacity` entries of `dim` numbers.
    pub fn new(dim: usize, capacity: usize) -> Self {
        let capacity = capacity.max(2);
        Self {
            dim,
            times: vec![Timestamp::ZERO; capacity],
            values: vec![0.0; capacity * dim],
            head: 0,
            len: 0,
        }
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    const fn place(&self, i: usize) -> usize {
        (self.head + i) % self.times.len()
    }

    /// Time of the entry `i`, counted from the oldest.
    pub fn time(&self, i: usize) -> Timestamp {
        self.times[self.place(i)]
    }

    /// Numbers of the entry `i`, counted from the oldest.
    pub fn value(&self, i: usize) -> &[f32] {
        let at = self.place(i) * self.dim;
        &self.values[at..at + self.dim]
    }

    /// The oldest time that is still known.
    pub fn oldest(&self) -> Option<Timestamp> {
        (self.len > 0).then(|| self.time(0))
    }

    /// Adds an entry; an entry that is not newer than the newest replaces its numbers only.
    pub fn push(&mut self, time: Timestamp, value: impl Fn(usize) -> f32) {
        let newest = self.len.checked_sub(1).map(|i| self.time(i));
        let crowded = self.len >= 2 && time.secs_from(self.time(self.len - 2)) < SPACING;
        if newest.is_none_or(|t| time > t) && !crowded {
            if self.len < self.times.len() {
                self.len += 1;
            } else {
                self.head = self.place(1);
            }
        }
        let at = self.place(self.len - 1);
        self.times[at] = newest.map_or(time, |t| t.max(time));
        for (j, v) in self.values[at * self.dim..(at + 1) * self.dim].iter_mut().enumerate() {
            *v = value(j);
        }
    }

    /// How many entries are older than `time`.
    pub fn before(&self, time: Timestamp) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let mid = usize::midpoint(low, high);
            if self.time(mid) < time {
                low = mid + 1;
            } else {
                high = mid;
            }
        }
        low
    }

    /// The number `j` at `time`: interpolated between entries, held outside them. Zero when empty.
    pub fn sample(&self, j: usize, time: Timestamp) -> f32 {
        let next = self.before(time);
        if self.len == 0 {
            return 0.0;
        }
        if next == 0 || next == self.len {
            return self.value(next.min(self.len - 1))[j];
        }
        let (t1, t2) = (self.time(next - 1), self.time(next));
        let beside = |i: usize, t: Timestamp| (self.time(i).secs_from(t).abs(), self.value(i)[j]);
        let before = next.checked_sub(2).map(|i| beside(i, t1));
        let after = (next + 1 < self.len).then(|| beside(next + 1, t2));
        let (y1, y2) = (self.value(next - 1)[j], self.value(next)[j]);
        monotone(before, y1, t2.secs_from(t1), y2, after, time.secs_from(t1))
    }

    /// Adds `by(j)` to all entries from `full` on, and to earlier ones a share that grows linearly from `none`.
    pub fn shift(&mut self, none: Timestamp, full: Timestamp, by: impl Fn(usize) -> f32) {
        let span = full.secs_from(none);
        for i in 0..self.len {
            let time = self.time(i);
            let share = if time >= full {
                1.0
            } else if span > 0.0 {
                (time.secs_from(none) / span).clamp(0.0, 1.0)
            } else {
                0.0
            };
            let at = self.place(i) * self.dim;
            for (j, v) in self.values[at..at + self.dim].iter_mut().enumerate() {
                *v += share * by(j);
            }
        }
    }

    /// The least-squares line of number `j` over the entries `..end` that are within `window` seconds of the
    /// last of them; always over two at least, if they are within `widest` seconds of each other.
    pub fn slope(&self, j: usize, end: usize, window: f32, widest: f32) -> Option<Slope> {
        let end = end.min(self.len);
        if end < 2 {
            return None;
        }
        let last = self.time(end - 1);
        if last.secs_from(self.time(end - 2)) > widest {
            return None;
        }
        let first = (0..end - 1).rev().find(|&i| last.secs_from(self.time(i)) > window).map_or(0, |i| i + 1);
        let range = first.min(end - 2)..end;
        let n = range.len() as f32;
        let origin = self.value(end - 1)[j];
        let (mut t, mut y) = (0.0, 0.0);
        for i in range.clone() {
            t += self.time(i).secs_from(last);
            y += self.value(i)[j] - origin;
        }
        let (t, y) = (t / n, y / n);
        let (mut tt, mut ty) = (0.0, 0.0);
        for i in range {
            let d = self.time(i).secs_from(last) - t;
            tt += d * d;
            ty += d * (self.value(i)[j] - origin - y);
        }
        (tt > 0.0).then(|| Slope { rate: ty / tt, spread: tt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(t: u64) -> Timestamp {
        Timestamp::from_millis(t)
    }

    #[test]
    fn the_ring_keeps_the_newest() {
        let mut h = History::new(1, 4);
        for i in 0..10 {
            h.push(ms(i * 10), |_| i as f32);
        }
        assert_eq!(h.len(), 4);
        assert_eq!(h.oldest(), Some(ms(60)));
        assert_eq!(h.sample(0, ms(0)), 6.0);
        assert_eq!(h.sample(0, ms(75)), 7.5);
        assert_eq!(h.sample(0, ms(990)), 9.0);
        assert_eq!(h.before(ms(80)), 2);
    }

    #[test]
    fn a_fast_camera_does_not_shorten_it() {
        let mut h = History::new(1, 4);
        for i in 0..100 {
            h.push(ms(i), |_| i as f32);
        }
        assert_eq!(h.time(h.len() - 1), ms(99));
        assert!(ms(99).secs_from(h.time(0)) >= 0.014);
        for i in 1..h.len() {
            assert!(h.time(i) > h.time(i - 1));
        }
    }

    #[test]
    fn equal_and_older_times_only_replace() {
        let mut h = History::new(1, 4);
        h.push(ms(50), |_| 1.0);
        h.push(ms(50), |_| 2.0);
        h.push(ms(20), |_| 3.0);
        assert_eq!((h.len(), h.sample(0, ms(50)), h.time(0)), (1, 3.0, ms(50)));
    }

    #[test]
    fn slope_and_shift() {
        let mut h = History::new(1, 16);
        for i in 0..10 {
            h.push(ms(i * 10), |_| 3.0 * i as f32);
        }
        let s = h.slope(0, 10, 0.05, 0.2).map(|s| s.rate);
        assert!(s.is_some_and(|s| (s - 300.0).abs() < 1e-2), "{s:?}");
        assert_eq!(h.slope(0, 1, 0.05, 0.2), None);
        h.shift(ms(20), ms(60), |_| 4.0);
        assert_eq!(h.sample(0, ms(10)), 3.0);
        assert_eq!(h.sample(0, ms(40)), 12.0 + 2.0);
        assert_eq!(h.sample(0, ms(60)), 18.0 + 4.0);
        assert_eq!(h.sample(0, ms(90)), 27.0 + 4.0);
    }
}
