//! What a shown box is worth when the result behind it had noise: draws around the noise-free one.
//! **Invariant:** the draws of a start belong to it and to the object; every refresh after it meets the same ones.
//! It does not estimate anything.

use inbetween_flow::{Point, Rect};

use super::course::Course;
use crate::rng::{Rng, key};

/// Draws of the detector's errors over which a start is averaged.
pub(super) const DRAWS: usize = 12;
/// Errors further than this many standard deviations from the mean are not drawn, for all that 12 draws can say.
const TAIL: f64 = 4.5;

/// Errors of centre x, centre y, width and height in each draw, in standard deviations.
pub(super) type Errors = [[f32; 4]; DRAWS];

/// The errors of an object in the result of candidate `start`.
pub(super) fn errors(seed: u64, start: usize, identity: u32) -> Errors {
    let mut rng = Rng::new(key(&[seed, 0x04AC, start as u64, u64::from(identity)]));
    core::array::from_fn(|_| core::array::from_fn(|_| rng.normal() as f32))
}

/// A bit for each draw in which something violates.
pub(super) type Hits = u16;
/// All draws.
pub(super) const ALL: Hits = (1 << DRAWS) - 1;

/// The draws in which `shown`, displaced by `noise` pixels for each standard deviation of `errors`, is further than
/// epsilon from `truth`.
pub(super) fn off(course: &Course, shown: &Rect, truth: &Rect, noise: f64, errors: &Errors) -> Hits {
    let error = shown.clipped(&course.frame).worst_corner(truth);
    // A corner is displaced by the centre's error and half the size's, in both directions.
    let most = (TAIL * noise * 1.6) as f32;
    if error + most <= course.epsilon {
        return 0;
    }
    if error - most > course.epsilon {
        return ALL;
    }
    let noise = noise as f32;
    let (center, w, h) = (shown.center(), shown.width(), shown.height());
    let mut hits = 0;
    for (k, e) in errors.iter().enumerate() {
        let center = center + Point::new(e[0] * noise, e[1] * noise);
        let there = Rect::from_center(center, (w + e[2] * noise).max(1.0), (h + e[3] * noise).max(1.0));
        hits |= Hits::from(there.clipped(&course.frame).worst_corner(truth) > course.epsilon) << k;
    }
    hits
}

/// The share of draws that violate, where moreover each of `new` objects is missed with probability `misses`.
pub(super) fn share(hits: Hits, new: u32, misses: f64) -> f32 {
    let share = f64::from(hits.count_ones()) / DRAWS as f64;
    let found = libm::pow(1.0 - misses, f64::from(new));
    (1.0 - (1.0 - share) * found) as f32
}
