//! How alike successive observations of a window are: what a test of drift must allow for.
//! **Invariant:** fixed size and fixed work; two windows of two devices merge by adding their counts.
//! It does not judge and keeps no observation beyond the newest few.

use super::bins::Place;

/// How far back an observation is compared: a likeness that dies out more slowly makes the estimate small.
const LAGS: usize = 8;
/// The bin of no observation.
const NONE: u8 = u8::MAX;

/// Pairs of observations, so many apart, that fell into the same bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Likeness {
    /// By distance, less one.
    same: [u32; LAGS],
    pairs: [u32; LAGS],
    /// The newest first.
    recent: [u8; LAGS],
}

impl Default for Likeness {
    fn default() -> Self {
        Self { same: [0; LAGS], pairs: [0; LAGS], recent: [NONE; LAGS] }
    }
}

impl Likeness {
    /// Takes the next observation; one that is in no bin has no likeness.
    pub(super) fn add(&mut self, place: Place) {
        let Place::Bin(bin) = place else { return };
        for ((same, pairs), before) in self.same.iter_mut().zip(&mut self.pairs).zip(&self.recent) {
            *same = same.saturating_add(u32::from(*before == bin));
            *pairs = pairs.saturating_add(u32::from(*before != NONE));
        }
        self.recent.copy_within(..LAGS - 1, 1);
        self.recent[0] = bin;
    }

    /// How many observations say as much as one independent one would, of those that `counts` has: 1 where they are
    /// independent, and never less.
    ///
    /// The mean of the variance inflation over bins: one and twice the sum of the serial correlations of "in the same
    /// bin", chance agreement taken out (Cohen's kappa at each distance), up to where they are lost in noise.
    ///
    /// # Source
    /// Rao and Scott, "The Analysis of Categorical Data from Complex Sample Surveys", JASA 1981, for the mean; Tavaré and
    /// Altham, "Serial dependence of observations leading to contingency tables", Biometrika 1983, for chains; Geyer,
    /// "Practical Markov Chain Monte Carlo", 1992, for where the sum ends.
    pub(super) fn inflation(&self, counts: &[u32]) -> f64 {
        let n: f64 = counts.iter().map(|n| f64::from(*n)).sum();
        let chance = counts.iter().map(|c| f64::from(*c) * f64::from(*c)).sum::<f64>() / (n * n).max(1.0);
        let mut inflation = 1.0;
        // Twice: how far chance agreement is overestimated from as many observations depends on the result.
        for _ in 0..2 {
            let bias = inflation / n.max(2.0 * inflation);
            let chance = ((chance - bias) / (1.0 - bias)).max(0.0);
            if chance >= 1.0 {
                return 1.0;
            }
            let kappa = |lag: usize| {
                let pairs = f64::from(self.pairs[lag].max(1));
                (f64::from(self.same[lag]) / pairs - chance) / (1.0 - chance)
            };
            let lags = (0..LAGS).step_by(2).map(|lag| kappa(lag) + kappa(lag + 1));
            inflation = 1.0 + 2.0 * lags.take_while(|pair| *pair > 0.0).sum::<f64>();
        }
        inflation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// A chain that stays where it is with chance `stay`, or else draws one of `bins`; its inflation, and `n` observations.
    fn chain(stay: f32, bins: u32, n: u32, seed: u64) -> f64 {
        let mut rng = Rng::new(seed);
        let mut likeness = Likeness::default();
        let mut counts = [0_u32; 16];
        let mut at = 0;
        for _ in 0..n {
            if rng.unit() >= stay {
                at = (rng.unit() * bins as f32) as u8;
            }
            counts[usize::from(at)] += 1;
            likeness.add(Place::Bin(at));
            likeness.add(Place::Missing);
        }
        likeness.inflation(&counts[..bins as usize])
    }

    #[test]
    fn inflation_is_that_of_the_chain() {
        for (stay, bins) in [(0.0, 10), (0.3, 10), (0.5, 4), (0.5, 2)] {
            // Of a chain whose correlation at distance k is stay^k.
            let truth = f64::from((1.0 + stay) / (1.0 - stay));
            let mean: f64 = (0..50).map(|seed| chain(stay, bins, 2_000, seed)).sum::<f64>() / 50.0;
            assert!((mean / truth - 1.0).abs() < 0.06, "{stay} {bins}: {mean} for {truth}");
        }
    }

    #[test]
    fn nothing_and_one_bin_alone_inflate_nothing() {
        assert_eq!(Likeness::default().inflation(&[0; 4]), 1.0);
        assert_eq!(chain(0.5, 1, 100, 1), 1.0);
        assert_eq!(chain(0.0, 10, 1, 1), 1.0);
    }
}
