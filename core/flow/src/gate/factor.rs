//! The factored normal equations of a step, kept while the weights stay about the same.
//! **Invariant:** equations that serve were made for the same samples and unknowns, and nearly the same weights.
//! It does not set them up: `step` does.

use crate::geometry::Point;

use super::{
    sample::{Column, SAMPLES},
    solve::{Normal, total},
};

/// Share of the weight that may differ before the normal equations are set up and factored again. What differs by less
/// makes a step too long or too short by as much.
const OUTWORN: f32 = 0.1;
/// The same for the variance of the residual, as a factor: it decides how strong the priors are.
const OUTGROWN: f32 = 2.0;

/// Where a step starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// Away from the start of the fit, in working pixels.
    pub off: Point,
    /// How far from its start the patch may well be, in working pixels.
    pub spread: f32,
    /// The shape so far.
    pub shape: [f32; 4],
    /// Whether the shape is fitted.
    pub linear: bool,
    /// Gain, and offset about the patch's mean.
    pub gain: f32,
    pub offset: f32,
    /// What the gain probably is, and the variance of that.
    pub likely: f32,
    pub likely_variance: f32,
    /// Standard deviations of the residual and of a working pixel.
    pub scale: f32,
    pub noise: f32,
}

/// The factored normal equations, kept from step to step and from frame to frame while the weights stay about the same.
#[derive(Clone, Debug)]
pub(super) struct Factor {
    pub normal: Normal,
    pub known: bool,
    pub linear: bool,
    /// What it was made with.
    pub weight: Column,
    pub total: f32,
    pub variance: f32,
    /// Strengths of the priors.
    pub prior: [f32; 3],
    pub bend: [f32; 4],
    /// Variance of the shift along its worst direction, for a unit variance of the residual.
    pub worst: f32,
}

impl Factor {
    /// No equations.
    pub const NONE: Self = Self {
        normal: Normal::new(0),
        known: false,
        linear: false,
        weight: [0.0; SAMPLES],
        total: 0.0,
        variance: 0.0,
        prior: [0.0; 3],
        bend: [0.0; 4],
        worst: 0.0,
    };

    /// The equations are of other samples.
    pub const fn forget(&mut self) {
        self.known = false;
    }

    /// Standard error of the shift along its worst direction, in working pixels.
    pub fn sigma(&self, scale: f32, gain: f32) -> f32 {
        scale * libm::sqrtf(self.worst) / gain
    }

    /// Whether a step from `at` with these weights may use them.
    pub fn serves(&self, weight: &[f32], at: &State) -> bool {
        let variance = at.scale * at.scale;
        self.known
            && self.linear == at.linear
            && variance < self.variance * OUTGROWN
            && variance * OUTGROWN > self.variance
            && total(weight, &self.weight[..weight.len()], |w, f| (w - f).abs()) < OUTWORN * self.total
    }
}
