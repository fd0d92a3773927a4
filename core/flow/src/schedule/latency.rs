//! What a run takes: quantiles of the latest runs, learnt from plan to completion.
//! **Invariant:** a quantile is one of the measured durations, or the configured guess before any was measured.
//! It does not measure: the engine tells it both times.

use core::time::Duration;

/// How many runs are remembered: enough for a 95% quantile (1 in 20), few enough to follow throttling in seconds.
const WINDOW: usize = 32;

/// Latency quantiles over a sliding window of runs.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    ring: [Duration; WINDOW],
    len: usize,
    next: usize,
    median: Duration,
    p95: Duration,
}

impl Latency {
    pub(crate) const fn new(guess: Duration) -> Self {
        Self { ring: [Duration::ZERO; WINDOW], len: 0, next: 0, median: guess, p95: guess }
    }

    pub(crate) fn record(&mut self, took: Duration) {
        self.ring[self.next] = took;
        self.next = (self.next + 1) % WINDOW;
        self.len = (self.len + 1).min(WINDOW);
        self.rank();
    }

    /// Takes all runs as if they had taken `by` times as long.
    pub(crate) fn scale(&mut self, by: f32) {
        for took in self.ring.iter_mut().chain([&mut self.median, &mut self.p95]) {
            *took = took.mul_f32(by);
        }
    }

    fn rank(&mut self) {
        let mut sorted = self.ring;
        let sorted = &mut sorted[..self.len];
        sorted.sort_unstable();
        // Nearest rank; with fewer than 20 runs the 95% quantile is the slowest one.
        let rank = |percent: usize| (self.len * percent).div_ceil(100) - 1;
        self.median = sorted[rank(50)];
        self.p95 = sorted[rank(95)];
    }

    /// How many runs the quantiles are of.
    pub(crate) const fn count(&self) -> usize {
        self.len
    }

    pub(crate) const fn median(&self) -> Duration {
        self.median
    }

    pub(crate) const fn p95(&self) -> Duration {
        self.p95
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_with_the_guess_then_believes_what_it_sees() {
        let ms = Duration::from_millis;
        let mut latency = Latency::new(ms(30));
        assert_eq!(latency.p95(), ms(30));
        latency.record(ms(10));
        assert_eq!((latency.median(), latency.p95()), (ms(10), ms(10)));
        for i in 1..=100 {
            latency.record(ms(i));
        }
        // The window holds 69..=100.
        assert_eq!(latency.median(), ms(84));
        assert_eq!(latency.p95(), ms(99));
    }
}
