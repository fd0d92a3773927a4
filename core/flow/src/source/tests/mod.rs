//! Tests of the carrier through its public face, one file per kind of value.
//! **Invariant:** all randomness is seeded.
//! It does not test the parts; they have tests of their own.

mod anything;
mod boxes;
mod directions;
mod keypoints;
mod masks;
mod moving;
mod numbers;

use crate::{
    config::{DisplayMode, Tolerance},
    source::Carrier,
    time::Timestamp,
    value::ValueKind,
};
use core::time::Duration;

pub(super) fn ms(t: u64) -> Timestamp {
    Timestamp::from_millis(t)
}

pub(super) fn carrier(kind: ValueKind, epsilon: f32) -> Carrier {
    Carrier::new(kind, &tolerance(epsilon), DisplayMode::Predict)
}

pub(super) fn delayed(kind: ValueKind, epsilon: f32, delay: u64) -> Carrier {
    Carrier::new(kind, &tolerance(epsilon), DisplayMode::Delayed(Duration::from_millis(delay)))
}

fn tolerance(epsilon: f32) -> Tolerance {
    Tolerance { epsilon, miss_rate: 0.02, grace: Duration::from_millis(150) }
}

/// A small seeded generator (Numerical Recipes' linear congruential one); tests need no better.
pub(super) struct Noise(pub u32);

impl Noise {
    /// From 0 to 1.
    pub fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / 16_777_216.0
    }

    /// Nearly normal, of unit variance: the sum of twelve.
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }
}
