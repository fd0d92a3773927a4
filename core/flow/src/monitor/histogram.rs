//! A histogram of durations with exponential buckets: fixed memory, merged by addition.
//! **Invariant:** the sum of the buckets is the number of records; a quantile is exact to its bucket (within 13%).
//! It does not keep single values, and is not meant for numbers other than times.

use core::time::Duration;

/// Buckets in each doubling: linear quarters, so that a bucket's middle is off by at most an eighth (1.125 / 1).
const PER_OCTAVE: usize = 4;
/// Doublings that are covered, from one microsecond to 2^24 µs (16.8 s).
const OCTAVES: usize = 24;
const BUCKETS: usize = PER_OCTAVE * OCTAVES + 2;

/// Counts of durations in exponential buckets from 1 µs to 16.8 s, with one bucket below and one above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u32; BUCKETS],
    count: u64,
    sum: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], count: 0, sum: Duration::ZERO }
    }
}

impl Histogram {
    /// Adds one duration.
    pub fn record(&mut self, duration: Duration) {
        let bucket = &mut self.buckets[index(duration)];
        *bucket = bucket.saturating_add(1);
        self.count += 1;
        self.sum = self.sum.saturating_add(duration);
    }

    /// Adds all of `other`: the same as if its records had come here.
    pub fn merge(&mut self, other: &Self) {
        for (a, b) in self.buckets.iter_mut().zip(other.buckets) {
            *a = a.saturating_add(b);
        }
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// How many durations were recorded.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; `None` when there are none.
    pub fn mean(&self) -> Option<Duration> {
        let nanos = self.sum.as_nanos().checked_div(u128::from(self.count))?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// The duration that a share `q` (0 to 1) of the records does not exceed; `None` when there are none.
    pub fn quantile(&self, q: f32) -> Option<Duration> {
        if self.count == 0 {
            return None;
        }
        let rank = libm::ceilf(q.clamp(0.0, 1.0) * self.count as f32).max(1.0) as u64;
        let mut seen = 0;
        for (i, &n) in self.buckets.iter().enumerate() {
            seen += u64::from(n);
            if seen >= rank {
                return Some(middle(i));
            }
        }
        Some(middle(BUCKETS - 1))
    }

    /// Upper edges and counts of the buckets that are not empty, smallest first.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u32)> + '_ {
        self.buckets.iter().enumerate().filter(|(_, n)| **n > 0).map(|(i, n)| (edge(i), *n))
    }
}

/// Integer arithmetic only: the octave from the leading bit, the quarter from the two bits below it.
fn index(duration: Duration) -> usize {
    // In quarters of a microsecond, so that the first octave has its two lower bits.
    let quarters = duration.as_nanos().saturating_mul(4) / 1_000;
    if quarters < 4 {
        return 0;
    }
    let octave = quarters.ilog2() as usize - 2;
    if octave >= OCTAVES {
        return BUCKETS - 1;
    }
    let quarter = (quarters >> octave) as usize & 3;
    1 + octave * PER_OCTAVE + quarter
}

/// Upper edge of bucket `i`.
fn edge(i: usize) -> Duration {
    if i == 0 {
        return Duration::from_micros(1);
    }
    let (octave, quarter) = ((i - 1) / PER_OCTAVE, (i - 1) % PER_OCTAVE);
    Duration::from_nanos((1_000_u64 << octave) * (5 + quarter as u64) / 4)
}

fn middle(i: usize) -> Duration {
    if i == 0 { Duration::from_nanos(500) } else { (edge(i - 1) + edge(i)) / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_under_its_edge_and_over_the_one_before() {
        for nanos in (0..200_000_u64).step_by(37).chain((0..15_000_000_000).step_by(9_999_991)) {
            let d = Duration::from_nanos(nanos);
            let i = index(d);
            assert!(d <= edge(i), "{d:?} in {i}");
            assert!(i == 0 || d >= edge(i - 1), "{d:?} in {i}");
        }
        assert_eq!(index(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_within_a_bucket() {
        let mut h = Histogram::default();
        for ms in 1..=1000 {
            h.record(Duration::from_millis(ms));
        }
        for (q, want) in [(0.5, 500.0), (0.95, 950.0), (1.0, 1000.0)] {
            let got = h.quantile(q).unwrap().as_secs_f32() * 1e3;
            assert!((got / want - 1.0).abs() < 0.13, "{q}: {got}");
        }
        assert_eq!(h.mean(), Some(Duration::from_micros(500_500)));
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn merging_equals_recording_in_one() {
        let (mut a, mut b, mut all) = (Histogram::default(), Histogram::default(), Histogram::default());
        for i in 0..500_u64 {
            let d = Duration::from_micros(i * i);
            if i % 3 == 0 {
                a.record(d);
            } else {
                b.record(d);
            }
            all.record(d);
        }
        a.merge(&b);
        assert_eq!(a, all);
    }
}
