//! Durations counted by powers of two of a microsecond.
//! **Invariant:** every duration is in exactly one bin.
//! It does not judge.

use std::time::Duration;

/// Bins: below 1 µs, 2, 4, … 32 ms, and above.
const BINS: usize = 17;

#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: [u64; BINS],
    longest: Duration,
}

impl Histogram {
    pub fn record(&mut self, took: Duration) {
        let micros = took.as_micros() as u64;
        let bin = (u64::BITS - micros.leading_zeros()) as usize;
        self.counts[bin.min(BINS - 1)] += 1;
        self.longest = self.longest.max(took);
    }

    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// Upper edge of each bin in microseconds, none for the last, and its count.
    pub fn bins(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        self.counts.iter().enumerate().map(|(i, n)| ((i < BINS - 1).then(|| 1 << i), *n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_the_bin_below_its_edge() {
        let mut histogram = Histogram::default();
        for nanos in [0, 999, 1_000, 1_999, 2_000, 32_767_000, 32_768_000, u64::MAX] {
            histogram.record(Duration::from_nanos(nanos));
        }
        let counts: Vec<u64> = histogram.bins().map(|(_, n)| n).collect();
        assert_eq!((counts[0], counts[1], counts[2], counts[15], counts[16]), (2, 2, 1, 1, 2));
        assert_eq!(histogram.total(), 8);
        assert_eq!(histogram.longest(), Duration::from_nanos(u64::MAX));
    }
}
