//! Which way of carrying an answer has been best, by how old the answer is: fresh results judge all of them.
//! **Invariant:** shares are not negative, add up to 1, and change continuously with age.
//! It does not carry anything: it is told how wrong each way would have been.
//!
//! # Source
//! Following the leader of exponentially weighted losses (Cesa-Bianchi and Lugosi, "Prediction, Learning, and Games", 2006),
//! with a margin: in the long run no way would have lost more than the margin less.

/// Middles of the ranges of age, in seconds: doublings, as those of the scheduler's forecast.
const MIDDLES: [f32; 6] = [0.035, 0.07, 0.14, 0.28, 0.56, 1.12];
/// What the newest result counts in a record: some eight results are remembered, as much as a manoeuvre takes.
const NEWEST: f32 = 0.12;
/// A neighbouring range learns this much of it, so that rare ages are not left behind.
const SHARE: f32 = 0.5;
/// The leader gives way to one that has lost less than this share of what it has: 5% less in error.
const MARGIN: f32 = 0.9;
/// A loss is the squared error, in tolerances, up to this: an answer that is wrong is no worse for being very wrong.
const MOST: f32 = 4.0;
/// What every way is believed to lose before any result: an error of a quarter of the tolerance.
const USUAL: f32 = 0.06;

/// The record of `N` ways. The first one leads where nothing is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<const N: usize> {
    ranges: [Range<N>; MIDDLES.len()],
}

#[derive(Clone, Copy, Debug)]
struct Range<const N: usize> {
    losses: [f32; N],
    known: bool,
    leader: usize,
}

impl<const N: usize> Choice<N> {
    pub const fn new() -> Self {
        Self { ranges: [Range { losses: [USUAL; N], known: false, leader: 0 }; MIDDLES.len()] }
    }

    /// Takes how wrong each way would have been at a result `age` seconds after the one before, in tolerances.
    pub fn learn(&mut self, age: f32, errors: [f32; N]) {
        let nearest = nearest(age);
        for (i, range) in self.ranges.iter_mut().enumerate() {
            match i.abs_diff(nearest) {
                0 => range.learn(&errors, 1.0),
                1 => range.learn(&errors, SHARE),
                _ => {}
            }
        }
    }

    /// The share of each way in an answer that is `age` seconds old.
    pub fn shares(&self, age: f32) -> [f32; N] {
        let mut shares = [0.0; N];
        let upper = MIDDLES.iter().position(|m| age < *m).unwrap_or(MIDDLES.len());
        let lower = upper.saturating_sub(1);
        let upper = upper.min(MIDDLES.len() - 1);
        let span = MIDDLES[upper] - MIDDLES[lower];
        let part = if span > 0.0 { ((age - MIDDLES[lower]) / span).clamp(0.0, 1.0) } else { 0.0 };
        shares[self.leader(lower)] += 1.0 - part;
        shares[self.leader(upper)] += part;
        shares
    }

    /// The leader of a range; where nothing is known, that of the nearest younger one, then of the nearest older one.
    fn leader(&self, at: usize) -> usize {
        let known = |i: &usize| self.ranges[*i].known;
        let like = (0..=at).rev().find(known).or_else(|| (at..self.ranges.len()).find(known));
        like.map_or(0, |i| self.ranges[i].leader)
    }
}

impl<const N: usize> Range<N> {
    fn learn(&mut self, errors: &[f32; N], share: f32) {
        self.known = true;
        for (loss, error) in self.losses.iter_mut().zip(errors) {
            let new = if error.is_finite() { (error * error).min(MOST) } else { MOST };
            *loss += NEWEST * share * (new - *loss);
        }
        let best = (0..N).fold(self.leader, |b, i| if self.losses[i] < self.losses[b] { i } else { b });
        if self.losses[best] < MARGIN * self.losses[self.leader] {
            self.leader = best;
        }
    }
}

fn nearest(age: f32) -> usize {
    // Between two middles the edge is their geometric mean.
    MIDDLES.iter().position(|m| age < m * core::f32::consts::SQRT_2).unwrap_or(MIDDLES.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn the_better_way_is_shown_and_each_age_has_its_own() {
        let mut choice = Choice::<3>::new();
        assert_eq!(choice.shares(0.1), [1.0, 0.0, 0.0], "nothing is known");
        for _ in 0..20 {
            choice.learn(0.035, [0.5, 0.4, 0.2]);
            choice.learn(0.56, [0.3, 0.9, 0.9]);
        }
        assert_eq!(choice.shares(0.0), [0.0, 0.0, 1.0]);
        assert_eq!(choice.shares(2.0), [1.0, 0.0, 0.0]);
        let ages: std::vec::Vec<_> = (0..400).map(|i| choice.shares(i as f32 * 0.005)).collect();
        assert!(
            ages.iter().all(|s| (s.iter().sum::<f32>() - 1.0).abs() < 1e-6 && s.iter().all(|x| *x >= 0.0))
        );
        assert!(ages.windows(2).all(|w| (0..3).all(|i| (w[0][i] - w[1][i]).abs() < 0.2)), "no jumps");
    }

    #[test]
    fn small_differences_do_not_change_it() {
        let mut choice = Choice::<2>::new();
        for i in 0..200 {
            choice.learn(0.1, if i % 2 == 0 { [0.5, 0.48] } else { [0.5, 0.47] });
            assert_eq!(choice.shares(0.1), [1.0, 0.0]);
        }
    }

    #[test]
    fn in_the_long_run_it_loses_little_more_than_the_best_way() {
        // Two ways: one worse by a third, or better in turn for a hundred results each.
        for (turns, most) in [(false, 1.05), (true, 0.8)] {
            let (mut choice, mut rng) = (Choice::<2>::new(), Rng::new(9));
            let (mut shown, mut each) = (0.0, [0.0_f32; 2]);
            for i in 0..6_000 {
                let first = if !turns {
                    1.15
                } else if i / 100 % 2 == 0 {
                    0.4
                } else {
                    1.6
                };
                let errors = [rng.unit() * first, rng.unit()];
                let leader = usize::from(choice.shares(0.1)[1] > 0.5);
                shown += errors[leader] * errors[leader];
                for (sum, e) in each.iter_mut().zip(errors) {
                    *sum += e * e;
                }
                choice.learn(0.1, errors);
            }
            assert!(shown < most * each[0].min(each[1]), "{shown} {each:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_as_bad_as_can_be() {
        let mut choice = Choice::<2>::new();
        for _ in 0..10 {
            choice.learn(f32::NAN, [f32::NAN, f32::INFINITY]);
            choice.learn(0.1, [f32::INFINITY, 1.0]);
        }
        assert_eq!(choice.shares(0.1), [0.0, 1.0]);
        assert!(choice.shares(f32::NAN).iter().sum::<f32>().is_finite());
    }
}
