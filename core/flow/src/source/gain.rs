//! How much of a new result is taken, for values of many numbers with one noise.
//! **Invariant:** the gain is above 0 and at most 1.
//! It does not see the numbers: it is told whether successive misses agree.

/// Change in a second as a multiple of a result's noise (variances), before it was learnt, and its bounds: from averaging
/// over minutes to taking each result as it is.
const CHANGE: (f32, f32, f32) = (100.0, 1e-3, 1e4);
/// Speed of the adaptation, in log-variance for each result that misses in the direction of the one before.
const LEARNING: f32 = 0.3;

/// A Kalman filter's variances, in units of a result's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gain {
    variance: f32,
    change: f32,
}

impl Gain {
    pub const fn new() -> Self {
        Self { variance: 1.0, change: CHANGE.0 }
    }

    /// Variance of what is expected `dt` seconds after the newest result.
    pub fn prior(self, dt: f32) -> f32 {
        self.variance + self.change * dt.clamp(0.0, 1.0)
    }

    /// The share of a result's difference that its own noise explains.
    pub fn noise(self, dt: f32) -> f32 {
        1.0 / (self.prior(dt) + 1.0)
    }

    /// The share of a result's difference to take. `agreement` is the cosine between this difference and the one
    /// before: innovations of an optimal filter are white (Mehra, 1970), such that agree ask for more change.
    pub fn take(&mut self, dt: f32, agreement: f32) -> f32 {
        let gain = 1.0 - self.noise(dt);
        self.variance = gain;
        self.change = (self.change * libm::expf(LEARNING * agreement)).clamp(CHANGE.1, CHANGE.2);
        gain
    }

    /// Takes a result as it is.
    pub const fn snap(&mut self) {
        self.variance = 1.0;
    }
}
