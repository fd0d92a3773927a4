//! Intervals by resampling: scenes are drawn with replacement, and of each drawn scene its sequences.
//! **Invariant:** the same sequences, statistic and seed give the same interval.
//! It does not assume a distribution; with one sequence a scene, only scenes vary.

use inbetween_sim::rng::Rng;
use serde::{Deserialize, Serialize};

/// How often sequences are drawn anew: enough for two digits of a 95% interval.
pub const RESAMPLES: usize = 2000;

/// Seed of the draws. Any would do; it is fixed so that a record can be made again.
const SEED: u64 = 0x1B;

/// A figure with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Of the sequences as they are.
    pub value: f64,
    /// 2.5% quantile over the resamples.
    pub low: f64,
    /// 97.5% quantile over the resamples.
    pub high: f64,
}

/// The sequences of each scene, by their places in some list.
#[derive(Clone, Debug, Default)]
pub struct Clusters(pub Vec<Vec<usize>>);

impl Clusters {
    /// A statistic with its interval. Both sides of a comparison are taken from the same draw, so it is paired.
    ///
    /// `statistic` gets the drawn scenes, each as the places of its drawn sequences; `None` where it has no value. It
    /// has no estimate when the original has none, or fewer than half of the resamples have one.
    ///
    /// # Source
    /// Two-stage bootstrap with percentile interval: Davison and Hinkley, *Bootstrap Methods and their Application*,
    /// Cambridge 1997, sections 3.8 and 5.3.
    pub fn estimate(&self, statistic: impl Fn(&[Vec<usize>]) -> Option<f64>) -> Option<Estimate> {
        let value = statistic(&self.0)?;
        let mut drawn = self.resamples(&statistic);
        if drawn.len() * 2 < RESAMPLES {
            return None;
        }
        drawn.sort_by(f64::total_cmp);
        Some(Estimate { value, low: quantile(&drawn, 0.025), high: quantile(&drawn, 0.975) })
    }

    fn resamples(&self, statistic: &impl Fn(&[Vec<usize>]) -> Option<f64>) -> Vec<f64> {
        let mut rng = Rng::new(SEED);
        let mut draw = vec![Vec::new(); self.0.len()];
        let mut values = Vec::with_capacity(RESAMPLES);
        for _ in 0..RESAMPLES {
            for scene in &mut draw {
                let from = &self.0[pick(&mut rng, self.0.len())];
                scene.clear();
                scene.extend((0..from.len()).map(|_| from[pick(&mut rng, from.len())]));
            }
            values.extend(statistic(&draw).filter(|v| v.is_finite()));
        }
        values
    }
}

fn pick(rng: &mut Rng, count: usize) -> usize {
    ((rng.unit() * count as f64) as usize).min(count.saturating_sub(1))
}

/// The value below which `share` of sorted `values` lie, between neighbours in proportion.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    values[below] + (at - below as f64) * (values[above] - values[below])
}

/// The geometric mean; `None` of nothing.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values {
        sum += value.ln();
        count += 1;
    }
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Survival of the treated mice, in days: Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, table 2.1.
    const MICE: [f64; 7] = [94.0, 197.0, 16.0, 38.0, 99.0, 141.0, 23.0];

    fn mean_of(values: &[f64]) -> impl Fn(&[Vec<usize>]) -> Option<f64> {
        |draw| {
            let all: Vec<f64> = draw.iter().flatten().map(|&i| values[i]).collect();
            (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
        }
    }

    #[test]
    fn the_standard_error_of_the_book_is_found() {
        let one_each = Clusters((0..MICE.len()).map(|i| vec![i]).collect());
        let drawn = one_each.resamples(&mean_of(&MICE));
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let spread =
            (drawn.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (drawn.len() - 1) as f64).sqrt();
        // The book's table 2.2: mean 86.86, standard error 23.36 with infinitely many resamples.
        assert!((mean - 86.86).abs() < 2.0, "{mean}");
        assert!((spread - 23.36).abs() < 1.0, "{spread}");
        let estimate = one_each.estimate(mean_of(&MICE)).unwrap();
        assert!((estimate.value - 86.857).abs() < 1e-3);
        // The normal interval is 41.1 to 132.6; the percentile interval follows the skew.
        assert!(
            (38.0..50.0).contains(&estimate.low) && (125.0..140.0).contains(&estimate.high),
            "{estimate:?}"
        );
        assert_eq!(one_each.estimate(mean_of(&MICE)), Some(estimate), "the same draws every time");
    }

    #[test]
    fn sequences_of_a_scene_are_drawn_together() {
        // Two scenes of a hundred equal sequences: the interval is that of two values, not of two hundred.
        let values: Vec<f64> = (0..200).map(|i| f64::from(i32::from(i >= 100))).collect();
        let clustered = Clusters(vec![(0..100).collect(), (100..200).collect()]);
        let estimate = clustered.estimate(mean_of(&values)).unwrap();
        assert_eq!((estimate.low, estimate.value, estimate.high), (0.0, 0.5, 1.0));
    }

    #[test]
    fn what_does_not_vary_has_no_width_and_what_is_not_there_no_estimate() {
        let clusters = Clusters(vec![vec![0, 1], vec![2]]);
        let estimate = clusters.estimate(mean_of(&[3.0; 3])).unwrap();
        assert_eq!((estimate.low, estimate.value, estimate.high), (3.0, 3.0, 3.0));
        assert_eq!(clusters.estimate(|_| None), None);
        assert_eq!(Clusters::default().estimate(mean_of(&[])), None);
        // A statistic that one scene of ten alone bears is missing in 35% of the draws; of three, in 30%.
        let ten = Clusters((0..10).map(|i| vec![i]).collect());
        let only_first = |draw: &[Vec<usize>]| draw.iter().flatten().any(|&i| i == 0).then_some(1.0);
        assert!(ten.estimate(only_first).is_some());
    }

    #[test]
    fn quantiles_and_means_are_those_of_the_textbook() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(quantile(&values, 0.5), 3.0);
        assert_eq!(quantile(&values, 0.25), 2.0);
        assert!((quantile(&values, 0.1) - 1.4).abs() < 1e-12);
        assert_eq!((quantile(&values, -1.0), quantile(&values, 2.0)), (1.0, 5.0));
        assert!(quantile(&[], 0.5).is_nan());
        assert!((geometric_mean([2.0, 8.0]).unwrap() - 4.0).abs() < 1e-12);
        assert_eq!(geometric_mean([]), None);
    }
}
