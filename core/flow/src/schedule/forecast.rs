//! How wrong an answer is likely to be: the source's own spread, scaled by what back-tests have shown.
//! **Invariant:** factors stay positive and finite; a forecast is no lower than what results at younger ages taught.
//! It does not promise a frame: its coverage is long-run, over the back-tests that it was given.

use core::time::Duration;

/// Upper edges of the age buckets, in seconds: doublings from 50 ms, so that each has samples of its own.
const EDGES: [f32; 6] = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6];
const BUCKETS: usize = EDGES.len() + 1;
/// Step of the quantile update in log space. A surprise raises the factor by 26%; at a miss rate of 2%, 16 results that
/// are no surprise undo it.
const STEP: f32 = 0.25;
/// A fresh result meets the answers when they are oldest: of the refreshes since the result before, about a third
/// are as wrong. So errors at results may exceed the forecast this many times as often as errors at refreshes.
const WORST_OF_INTERVAL: f32 = 3.0;
/// A neighbouring bucket learns this much of it, so that rare ages are not left behind.
const SHARE: f32 = 0.5;
/// Forecasts are lowered by no more than this: where trouble begins after a calm, one or two results must tell.
const MOST_SLACK: f32 = 1.25;

/// Online conformal quantiles of the error, normalised by the source's spread, for each bucket of age.
///
/// # Source
/// Gibbs and Candès 2021; Angelopoulos et al. 2023 (quantile tracking), in log space because the score is a ratio.
#[derive(Clone, Debug)]
pub(crate) struct Forecast {
    factors: [f32; BUCKETS],
    visited: [bool; BUCKETS],
    miss_rate: f32,
    floor: f32,
    /// By what forecasts are divided: they say when to run, so the error that they warn of hardly ever comes, and a promise
    /// that allows some violations is kept too well.
    slack: f32,
}

impl Forecast {
    pub(crate) fn new(epsilon: f32, miss_rate: f32) -> Self {
        // Between the quantiles of a normal error in one and in two dimensions, relative to its standard deviation.
        let prior = 1.2 * libm::sqrtf(-libm::logf(miss_rate));
        // A spread below 2% of the tolerance is taken for that: nobody knows a picture so well.
        Self {
            factors: [prior; BUCKETS],
            visited: [false; BUCKETS],
            miss_rate,
            floor: epsilon * 0.02,
            slack: 1.0,
        }
    }

    /// The error that is exceeded with the miss rate, for a source that believes in `spread` at that age.
    pub(crate) fn error(&self, spread: f32, age: Duration) -> f32 {
        self.cautious(spread, age) / self.slack
    }

    /// The same without slack: what comparisons of forecasts with each other rest on.
    pub(crate) fn cautious(&self, spread: f32, age: Duration) -> f32 {
        // Older is not better: no less than what was seen at younger ages.
        let at = bucket(age);
        let seen = (0..at).filter(|i| self.visited[*i]).map(|i| self.factors[i]);
        let factor = seen.fold(self.factors[at], f32::max);
        spread.max(self.floor) * factor
    }

    /// Learns whether the answers that a result met at `age` violated the tolerance, where runs take `latency`.
    pub(crate) fn settle(&mut self, violated: bool, age: Duration, latency: Duration) {
        // Until the result shows, those answers go on ageing: results that meet them young have not met the oldest.
        let oldest = (1.0 - latency.as_secs_f32() / age.as_secs_f32().max(1e-3)).max(0.0);
        let allowed = (WORST_OF_INTERVAL * self.miss_rate).min(0.5) * oldest;
        let surprise = if violated { 1.0 - allowed } else { -allowed };
        self.slack = (self.slack * libm::expf(-STEP * surprise)).clamp(1.0, MOST_SLACK);
    }

    /// Learns from a back-test: the source believed in `spread` at `age`, and was wrong by `error`.
    pub(crate) fn learn(&mut self, error: f32, spread: f32, age: Duration) {
        let miss_rate = (WORST_OF_INTERVAL * self.miss_rate).min(0.5);
        let score = error / spread.max(self.floor);
        let at = bucket(age);
        self.visited[at] = true;
        for (i, factor) in self.factors.iter_mut().enumerate() {
            let share = match i.abs_diff(at) {
                0 => 1.0,
                1 => SHARE,
                _ => continue,
            };
            let surprise = if score > *factor { 1.0 - miss_rate } else { -miss_rate };
            *factor = (*factor * libm::expf(STEP * share * surprise)).clamp(0.25, 64.0);
        }
    }
}

fn bucket(age: Duration) -> usize {
    let seconds = age.as_secs_f32();
    EDGES.iter().position(|edge| seconds < *edge).unwrap_or(EDGES.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// A normal deviate by the sum of twelve units.
    fn normal(rng: &mut Rng) -> f32 {
        (0..12).map(|_| rng.unit()).sum::<f32>() - 6.0
    }

    #[test]
    fn results_exceed_it_at_their_rate_whatever_the_spread_claims() {
        let age = Duration::from_millis(300);
        for claimed in [0.3, 1.0, 3.0] {
            let mut forecast = Forecast::new(6.0, 0.02);
            let mut rng = Rng::new(3);
            let (mut missed, n) = (0, 8_000);
            for i in 0..2 * n {
                let error = normal(&mut rng).abs();
                missed += i32::from(i >= n && error > forecast.error(claimed, age));
                forecast.learn(error, claimed, age);
            }
            let rate = missed as f32 / n as f32;
            assert!((0.04..0.08).contains(&rate), "spread {claimed}: {rate}");
        }
    }

    #[test]
    fn slack_is_won_by_good_answers_and_lost_by_bad_ones() {
        let (age, latency) = (Duration::from_millis(700), Duration::from_millis(50));
        let mut forecast = Forecast::new(6.0, 0.02);
        let cautious = forecast.error(1.0, age);
        let young = Duration::from_millis(50);
        (0..100).for_each(|_| forecast.settle(false, young, latency));
        assert_eq!(
            forecast.error(1.0, age),
            cautious,
            "results as young as that have not met the oldest answers"
        );
        (0..100).for_each(|_| forecast.settle(false, age, latency));
        assert_eq!(forecast.error(1.0, age), cautious / MOST_SLACK);
        (0..3).for_each(|_| forecast.settle(true, age, latency));
        assert_eq!(forecast.error(1.0, age), cautious);
    }

    #[test]
    fn does_not_fall_with_age() {
        let mut forecast = Forecast::new(6.0, 0.02);
        for _ in 0..50 {
            forecast.learn(30.0, 1.0, Duration::from_millis(60));
        }
        let at = |ms| forecast.error(1.0, Duration::from_millis(ms));
        let ages = [10, 60, 150, 300, 700, 1_500, 5_000].map(at);
        assert!(ages.windows(2).all(|w| w[0] <= w[1]), "{ages:?}");
    }
}
