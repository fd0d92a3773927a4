//! How wrong a held value is, by how old it is: one running quantile for each range of ages.
//! **Invariant:** the spread is positive and finite and does not fall with age.
//! It does not correct for how results are chosen: the scheduler's forecast does.

/// Upper edges of the ranges, in seconds: doublings from 50 ms, as those of the scheduler's forecast.
const EDGES: [f32; 6] = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6];
const RANGES: usize = EDGES.len() + 1;
/// The share of errors below the quantile: those within one standard deviation of a normal law.
const SHARE: f32 = 0.68;
/// Step of the update in log space: some ten results move the quantile by a factor of two.
const STEP: f32 = 0.25;
/// The largest quantile, unless a thousandth of the tolerance is more.
const LARGEST: f32 = 1e6;

/// Running quantiles of the error by age.
#[derive(Clone, Debug)]
pub(super) struct Ageing {
    quantiles: [f32; RANGES],
    known: [bool; RANGES],
    floor: f32,
}

impl Ageing {
    /// Without any error a third of the tolerance is believed.
    pub const fn new(epsilon: f32) -> Self {
        Self { quantiles: [epsilon / 3.0; RANGES], known: [false; RANGES], floor: epsilon * 1e-3 }
    }

    /// Takes the error of a value that was `age` seconds old.
    pub fn learn(&mut self, age: f32, error: f32) {
        let at = range(age);
        let quantile = &mut self.quantiles[at];
        let step = if error > *quantile { SHARE } else { SHARE - 1.0 };
        let next = if self.known[at] { *quantile * libm::expf(STEP * step) } else { error };
        (*quantile, self.known[at]) = (next.clamp(self.floor, LARGEST.max(self.floor)), true);
    }

    /// The standard deviation of the error of a value that is `age` seconds old.
    pub fn spread(&self, age: f32) -> f32 {
        let at = range(age);
        let seen = |i: &usize| self.known[*i];
        let lower = (0..=at).filter(seen).map(|i| self.quantiles[i]).fold(self.floor, f32::max);
        if self.known[at] {
            return lower;
        }
        // What was not seen yet grows as a random walk does from what was, up to what was seen at higher ages.
        let below = (0..at).rev().find(seen);
        let grown = below.map_or(self.quantiles[at], |i| self.quantiles[i] * libm::sqrtf(edge(at) / edge(i)));
        let above = (at..RANGES).find(seen).map_or(f32::MAX, |i| self.quantiles[i]);
        lower.max(grown.min(above))
    }
}

fn range(age: f32) -> usize {
    EDGES.iter().position(|edge| age < *edge).unwrap_or(EDGES.len())
}

fn edge(range: usize) -> f32 {
    EDGES.get(range).copied().unwrap_or(2.0 * EDGES[EDGES.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn errors_are_below_it_at_their_rate_and_it_does_not_fall_with_age() {
        let (mut ageing, mut rng) = (Ageing::new(0.3), Rng::new(5));
        let (mut below, n) = (0, 4_000);
        for i in 0..2 * n {
            let age = [0.07, 0.15, 0.9][i % 3];
            let error = rng.unit() * age;
            below += usize::from(i >= n && error < ageing.spread(age));
            ageing.learn(age, error);
        }
        let share = below as f32 / n as f32;
        assert!((0.6..0.78).contains(&share), "{share}");
        let spreads: std::vec::Vec<f32> = (0..40).map(|i| ageing.spread(i as f32 * 0.05)).collect();
        assert!(spreads.windows(2).all(|w| w[0] <= w[1]), "{spreads:?}");
    }

    #[test]
    fn ages_that_were_not_seen_grow_from_those_that_were() {
        let mut ageing = Ageing::new(0.3);
        assert_eq!(ageing.spread(1.0), 0.1);
        for _ in 0..200 {
            ageing.learn(0.15, 0.01);
        }
        assert!(ageing.spread(1.0) > 1.8 * ageing.spread(0.15) && ageing.spread(1.0) < 0.1);
    }
}
