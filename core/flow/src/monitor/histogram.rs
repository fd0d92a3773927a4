//! A histogram of durations with exponential buckets, base 2: fixed memory, merged by addition.
//! **Invariant:** the sum of the buckets is the number of records; a quantile is exact to its bucket (within 9.1%).
//! It does not keep single values, and is not meant for numbers other than times.

use core::time::Duration;

/// Buckets in each doubling of a second.
const PER_OCTAVE: usize = 4;
/// Doublings that are covered, from 2^-20 s (0.95 µs) to 2^12 s (68 min, more than the longest age of any card).
const OCTAVES: usize = 32;
const BUCKETS: usize = PER_OCTAVE * OCTAVES;
/// A bucket's geometric middle over its lower edge: 2^(1/8).
const MIDDLE: f64 = 1.090_507_732_665_257_7;

/// Upper edges in nanoseconds, rounded down: an integer count of nanoseconds is under the true edge just when it is under
/// this one. The first is the upper edge of what counts as zero.
const EDGES: [u64; BUCKETS + 1] = edges();

const fn edges() -> [u64; BUCKETS + 1] {
    // 2^(j/4) × 2^60.
    const ROOTS: [u128; PER_OCTAVE] = [
        1_152_921_504_606_846_976,
        1_371_062_456_318_104_877,
        1_630_477_228_166_597_776,
        1_938_975_120_585_633_118,
    ];
    let mut edges = [0; BUCKETS + 1];
    let mut k = 0;
    while k <= BUCKETS {
        edges[k] = (((1_000_000_000 * ROOTS[k % PER_OCTAVE]) << (k / PER_OCTAVE)) >> 80) as u64;
        k += 1;
    }
    edges
}

/// Counts of durations in exponential buckets.
///
/// Bucket `i` holds durations above 2^((i − 80) / 4) s and up to 2^((i − 79) / 4) s; shorter ones than the first are
/// counted as zero, longer ones than the last in the last.
///
/// # Source
/// OpenTelemetry metrics data model, exponential histogram of scale 2: buckets of two of them merge by addition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u32; BUCKETS],
    zero: u32,
    count: u64,
    sum: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], zero: 0, count: 0, sum: Duration::ZERO }
    }
}

impl Histogram {
    /// How many times a doubling is halved into buckets: `scale` in OpenTelemetry.
    pub const SCALE: i32 = 2;
    /// Bucket 0 is the one that OpenTelemetry counts as this.
    pub const OFFSET: i32 = -80;
    /// Durations up to this many nanoseconds count as zero.
    pub const ZERO_NANOS: u64 = EDGES[0];

    /// Adds one duration.
    pub fn record(&mut self, duration: Duration) {
        let bucket = match index(duration) {
            None => &mut self.zero,
            Some(i) => &mut self.buckets[i],
        };
        *bucket = bucket.saturating_add(1);
        self.count += 1;
        self.sum = self.sum.saturating_add(duration);
    }

    /// Adds all of `other`: the same as if its records had come here.
    pub fn merge(&mut self, other: &Self) {
        for (a, b) in self.buckets.iter_mut().zip(other.buckets) {
            *a = a.saturating_add(b);
        }
        self.zero = self.zero.saturating_add(other.zero);
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// How many durations were recorded.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    /// How many were too short for the first bucket.
    pub const fn zero(&self) -> u32 {
        self.zero
    }

    /// All buckets, shortest durations first.
    pub const fn counts(&self) -> &[u32; BUCKETS] {
        &self.buckets
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
        let mut seen = u64::from(self.zero);
        if seen >= rank {
            return Some(Duration::from_nanos(Self::ZERO_NANOS / 2));
        }
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
        let zero = core::iter::once((Duration::from_nanos(EDGES[0]), self.zero));
        let edges = EDGES[1..].iter().map(|e| Duration::from_nanos(*e));
        zero.chain(edges.zip(self.buckets)).filter(|(_, n)| *n > 0)
    }
}

/// The bucket of a duration; `None` for one that counts as zero.
fn index(duration: Duration) -> Option<usize> {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let below = EDGES.partition_point(|edge| *edge < nanos);
    below.checked_sub(1).map(|i| i.min(BUCKETS - 1))
}

fn middle(i: usize) -> Duration {
    Duration::from_nanos((EDGES[i] as f64 * MIDDLE) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_under_its_edge_and_over_the_one_before() {
        for nanos in (0..200_000_u64).step_by(37).chain((0..15_000_000_000).step_by(9_999_991)) {
            let within = match index(Duration::from_nanos(nanos)) {
                None => nanos <= EDGES[0],
                Some(i) => EDGES[i] < nanos && nanos <= EDGES[i + 1],
            };
            assert!(within, "{nanos}");
        }
        assert_eq!(index(Duration::MAX), Some(BUCKETS - 1));
    }

    #[test]
    fn edges_are_the_powers_that_they_stand_for() {
        for (k, edge) in EDGES.iter().enumerate() {
            let exact = libm::exp2((k as f64 + f64::from(Histogram::OFFSET)) / 4.0) * 1e9;
            assert!((0.0..=1.0 + 1e-3).contains(&(exact - *edge as f64)), "{k}: {exact} {edge}");
        }
        assert_eq!((EDGES[80], EDGES[128]), (1_000_000_000, 4_096_000_000_000));
        // A second is the upper edge of its bucket, as the standard wants it.
        assert_eq!(index(Duration::from_secs(1)), Some(79));
    }

    #[test]
    fn quantiles_are_within_a_bucket() {
        let mut h = Histogram::default();
        for ms in 1..=1000 {
            h.record(Duration::from_millis(ms));
        }
        for (q, want) in [(0.5, 500.0), (0.95, 950.0), (1.0, 1000.0)] {
            let got = h.quantile(q).unwrap().as_secs_f32() * 1e3;
            assert!((got / want - 1.0).abs() < 0.091, "{q}: {got}");
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
