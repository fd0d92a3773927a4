//! What a shown box is worth when the result behind it had noise: draws around the noise-free one.
//! **Invariant:** all starts are judged by the same draws, so none can be chosen for its luck.
//! It does not estimate anything.

use crate::rng::{Rng, key};

/// Draws of the detector's errors over which a start is averaged; one bit of [`Hits`] each.
pub(super) const DRAWS: usize = 64;
/// No draw has an error of more standard deviations than this.
pub(super) const TAIL: f32 = 3.2;

/// Errors of centre x, centre y, width and height, in standard deviations.
pub(super) type Error = [f32; 4];
/// Such errors in each draw.
pub(super) type Errors = [Error; DRAWS];

/// The draws: centre and size are each spread over directions and distances as a normal law has them, so that 64 of them
/// have its tail. Which belong together is drawn once.
#[derive(Clone, Debug)]
pub(super) struct Draws(Box<Errors>);

impl Draws {
    pub fn new() -> Self {
        let mut rng = Rng::new(0x0D4A);
        let mut strata = || {
            let mut order: Vec<usize> = (0..DRAWS).collect();
            for i in (1..DRAWS).rev() {
                order.swap(i, (rng.unit() * (i + 1) as f64) as usize);
            }
            order.into_iter().map(|k| (k as f64 + 0.5) / DRAWS as f64).collect::<Vec<f64>>()
        };
        let parts = [strata(), strata(), strata(), strata()];
        // Box and Muller's transform of strata.
        let pair = |u: f64, v: f64| {
            let (r, angle) = (libm::sqrt(-2.0 * libm::log(u)), core::f64::consts::TAU * v);
            [(r * libm::cos(angle)) as f32, (r * libm::sin(angle)) as f32]
        };
        let error = |k: usize| {
            let ([x, y], [w, h]) = (pair(parts[0][k], parts[1][k]), pair(parts[2][k], parts[3][k]));
            [x, y, w, h]
        };
        Self(Box::new(core::array::from_fn(error)))
    }

    /// Draw `k` of an order.
    pub fn at(&self, order: Order, k: usize) -> &Error {
        &self.0[k.wrapping_mul(order.step).wrapping_add(order.from) % DRAWS]
    }

    /// All draws of an order.
    pub fn all(&self, order: Order) -> Errors {
        core::array::from_fn(|k| *self.at(order, k))
    }
}

/// An order of the draws.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    step: usize,
    from: usize,
}

impl Order {
    /// That of an object's errors in the newest result (`back` 0) and in the one before (1): the same draws in orders of
    /// their own, so that they are independent.
    pub fn of(identity: u32, back: u64) -> Self {
        let bits = key(&[u64::from(identity), back]);
        Self { step: (bits >> 32) as usize | 1, from: bits as usize }
    }
}

/// A bit for each draw in which something violates.
pub(super) type Hits = u64;
/// All draws.
pub(super) const ALL: Hits = Hits::MAX;

/// The share of draws that violate, where moreover each of `new` objects is missed with probability `misses`.
pub(super) fn share(hits: Hits, new: u32, misses: f64) -> f32 {
    let share = f64::from(hits.count_ones()) / DRAWS as f64;
    let found = libm::pow(1.0 - misses, f64::from(new));
    (1.0 - (1.0 - share) * found) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_draws_have_the_moments_and_the_tail_of_a_normal_law() {
        let all = *Draws::new().0;
        for part in 0..4 {
            let mean = all.iter().map(|e| e[part]).sum::<f32>() / DRAWS as f32;
            let square = all.iter().map(|e| e[part] * e[part]).sum::<f32>() / DRAWS as f32;
            assert!(mean.abs() < 0.15 && (0.75..1.25).contains(&square), "{mean} {square}");
        }
        // exp(−r²/2) of a plane's draws lie beyond r.
        for r in [1.0_f32, 1.5, 2.0] {
            let beyond = all.iter().filter(|e| e[0].hypot(e[1]) > r).count() as f32 / DRAWS as f32;
            assert!((beyond - (-0.5 * r * r).exp()).abs() < 0.02, "{r}: {beyond}");
        }
        assert!(all.iter().all(|e| e[0].hypot(e[1]).max(e[2].hypot(e[3])) <= TAIL));
    }

    #[test]
    fn an_order_takes_every_draw_once() {
        let draws = Draws::new();
        let mut taken: Vec<Error> = draws.all(Order::of(7, 1)).to_vec();
        taken.sort_by(|a, b| a[0].total_cmp(&b[0]));
        taken.dedup();
        assert_eq!(taken.len(), DRAWS);
    }
}
