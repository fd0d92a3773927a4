//! One number with its trend: a Kalman filter that learns its own noise.
//! **Invariant:** variances stay finite and not negative; whatever is measured, the state stays finite.
//! It does not know time stamps, boxes or pixels; steps are in seconds.

/// How a number behaves, before anything was learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tuning {
    /// Standard deviation of a measurement.
    pub noise: f32,
    /// Standard deviation of the rate, per second.
    pub speed: f32,
    /// Time constant with which a trend dies out, in seconds; infinite for one that does not.
    pub damping: f32,
    /// Whether a jump moves the level only and leaves the trend as it was.
    pub steps: bool,
}

/// A trend is not carried further than this, in seconds: beyond, a result is due anyhow.
const LONGEST: f32 = 0.5;
/// Below and above this many standard errors a rate counts nothing and fully. 1.5 and 2.5 let 13% and 1%
/// of pure noise through, and the ramp between them keeps answers continuous.
const SIGNIFICANT: (f32, f32) = (1.5, 2.5);
/// An innovation of more standard deviations than this is a manoeuvre, not noise (1% under a normal law).
const SURPRISE: f32 = 2.6;
/// Numbers beyond this are taken as this: their squares are still finite.
pub(super) const LARGEST: f32 = 1e15;
/// What following adds to the variance in a second, as a share of a measurement's, before it was learnt.
const DRIFT: f32 = 0.15;
/// Speed of the noise adaptation per measurement, in log-variance per unit of evidence.
const LEARNING: f32 = 0.3;
/// Median size of a standard normal deviate, and the step in log-variance by which it is approached.
const MEDIAN: f32 = 0.6745;
const RESCALING: f32 = 0.12;
/// Errors of detectors last for some frames: results that are no further apart than this agree because of that, not because
/// pixels drift, in seconds.
const LASTING: f32 = 0.1;

/// Level and rate with their covariance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    /// Level.
    pub x: f32,
    /// Rate per second.
    pub v: f32,
    /// Variance of the level.
    pub p00: f32,
    p01: f32,
    /// Variance of the rate.
    pub p11: f32,
    /// Variance of a measurement.
    pub r: f32,
    /// Growth of the rate's variance, per second.
    q: f32,
    /// Growth of the level's variance per second while pixels carry it.
    drift: f32,
    /// Whether that is learnt.
    pub learns_drift: bool,
    last: f32,
    tuning: Tuning,
}

impl Axis {
    /// A number that was just measured for the first time.
    pub fn new(x: f32, tuning: Tuning) -> Self {
        let (r, s) = (tuning.noise * tuning.noise, tuning.speed * tuning.speed);
        Self {
            x: sound(x),
            v: 0.0,
            p00: r,
            p01: 0.0,
            p11: s,
            r,
            q: s,
            drift: DRIFT * r,
            learns_drift: true,
            last: 0.0,
            tuning,
        }
    }

    /// Starts again at `x`, with what was learnt about the noise.
    pub fn restart(&mut self, x: f32) {
        let speed = self.tuning.speed * self.tuning.speed;
        *self = Self { x: sound(x), v: 0.0, p00: self.r, p01: 0.0, p11: speed, last: 0.0, ..*self };
    }

    /// Believes a rate before it was measured.
    pub fn expect(&mut self, rate: f32, deviation: f32) {
        (self.v, self.p01, self.p11) = (rate, 0.0, deviation * deviation);
    }

    /// For how long a rate acts within `dt`, and what is left of it then.
    fn decay(&self, dt: f32) -> (f32, f32) {
        let tau = self.tuning.damping;
        if tau.is_finite() {
            let left = libm::expf(-dt / tau);
            (tau * (1.0 - left), left)
        } else {
            (dt, 1.0)
        }
    }

    /// How much of the rate is more than noise, from 0 to 1.
    pub fn significance(&self) -> f32 {
        let error = libm::sqrtf(self.p11).max(1e-12);
        ((self.v.abs() / error - SIGNIFICANT.0) / (SIGNIFICANT.1 - SIGNIFICANT.0)).clamp(0.0, 1.0)
    }

    /// The level `dt` seconds later, as far as the trend is significant.
    pub fn ahead(&self, dt: f32) -> f32 {
        self.x + self.v * self.significance() * self.decay(dt.clamp(0.0, LONGEST)).0
    }

    /// For how long the rate moves the level within `dt`, in seconds.
    pub fn reach(&self, dt: f32) -> f32 {
        self.decay(dt.clamp(0.0, LONGEST)).0
    }

    /// Variance of [`Axis::ahead`].
    pub fn variance(&self, dt: f32) -> f32 {
        self.variance_with(dt, self.significance())
    }

    /// Variance of the level `dt` seconds later, when the share `kept` of the rate is believed.
    pub fn variance_with(&self, dt: f32, kept: f32) -> f32 {
        let dt = dt.clamp(0.0, 10.0);
        let reach = self.decay(dt).0;
        let dropped = self.v * (1.0 - kept);
        let rate = self.p11 + dropped * dropped;
        (self.p00 + 2.0 * reach * self.p01 + reach * reach * (rate + self.q * dt / 3.0)).max(0.0)
    }

    /// Moves the state `dt` seconds on.
    pub fn advance(&mut self, dt: f32) {
        let dt = dt.max(0.0);
        let (reach, left) = self.decay(dt.min(LONGEST));
        let grown = self.q * dt;
        self.x += reach * self.v;
        self.v *= left;
        self.p00 += reach * (2.0 * self.p01 + reach * (self.p11 + grown / 3.0));
        self.p01 = left * (self.p01 + reach * self.p11) + 0.5 * reach * grown;
        self.p11 = left * left * self.p11 + grown;
        self.bound();
    }

    /// Takes a measurement of the level now; `carried` says for how many seconds pixels gave the level, if not the trend did.
    pub fn correct(&mut self, z: f32, carried: Option<f32>) {
        let innovation = sound(z) - self.x;
        let deviation = libm::sqrtf(self.p00 + self.r).max(1e-12);
        let nu = (innovation / deviation).clamp(-1e3, 1e3);
        if nu.abs() > SURPRISE && self.p00 > 0.0 {
            // Strong tracking (Zhou and Frank, 1996): the prediction was worth less than was thought.
            let worth = (innovation * innovation / (SURPRISE * SURPRISE) - self.r).max(self.p00);
            let fade = worth / self.p00;
            self.p00 = worth.min(LARGEST * LARGEST);
            let again = self.last.abs() > SURPRISE && self.last * nu > 0.0;
            if carried.is_some() || (self.tuning.steps && !again) {
                self.p01 = 0.0;
            } else {
                self.p01 *= fade;
                self.p11 *= fade;
            }
        }
        let sum = (self.p00 + self.r).max(1e-12);
        let (k0, k1) = (self.p00 / sum, self.p01 / sum);
        self.x += k0 * innovation;
        self.v += k1 * innovation;
        self.p11 -= k1 * self.p01;
        self.p01 *= 1.0 - k0;
        self.p00 *= 1.0 - k0;
        let evidence = self.learn(nu, carried.unwrap_or(f32::INFINITY));
        if carried.is_some() {
            self.drift_by(evidence);
        } else {
            let speed = self.tuning.speed * self.tuning.speed;
            self.q = (self.q * evidence).clamp(speed * 1e-3, speed * 30.0);
        }
        self.bound();
    }

    fn drift_by(&mut self, factor: f32) {
        if !self.learns_drift {
            return;
        }
        let noise = self.tuning.noise * self.tuning.noise;
        self.drift = (self.drift * factor).clamp(noise * 1e-2, noise * 1e3);
    }

    /// Takes a measurement of an earlier level whose variance is `prior`, carried since by pixels. The measurement before
    /// was `apart` seconds earlier.
    /// Returns by how much that level, and so this one, is corrected.
    pub fn offset(&mut self, innovation: f32, prior: f32, apart: f32) -> f32 {
        let deviation = libm::sqrtf(prior + self.r).max(1e-12);
        let nu = (innovation / deviation).clamp(-1e3, 1e3);
        let gain = if nu.abs() > SURPRISE { 1.0 } else { prior / (prior + self.r).max(1e-12) };
        self.x += gain * innovation;
        let evidence = self.learn(nu, apart);
        self.drift_by(evidence);
        self.bound();
        gain * innovation
    }

    /// Takes a level that pixels give, with its variance, the rate over the last frames and that rate's variance.
    pub fn carried(&mut self, x: f32, variance: f32, rate: f32, rate_variance: f32) {
        (self.x, self.v, self.p00, self.p01, self.p11) = (x, rate, variance, 0.0, rate_variance);
        self.bound();
    }

    /// Learns the process noise from a forecast over `lag` seconds that missed by `miss`, where `noise` is the
    /// variance that the follower's errors explain.
    pub fn wander(&mut self, miss: f32, lag: f32, noise: f32) {
        let speed = self.tuning.speed * self.tuning.speed;
        // A random walk of the rate moves the level by q·lag³/3 (variance).
        let seen = (3.0 * (miss * miss - noise) / (lag * lag * lag)).min(speed * 100.0);
        self.q = (self.q + 0.1 * (seen - self.q)).clamp(speed * 1e-3, speed * 100.0);
    }

    /// The part of an innovation that the measurement's noise does not explain, where the forecast's variance is
    /// `prior`.
    pub fn without_noise(&self, innovation: f32, prior: f32) -> f32 {
        let sum = (prior + self.r).max(1e-12);
        if innovation * innovation > SURPRISE * SURPRISE * sum {
            return innovation;
        }
        innovation * libm::sqrtf((prior / sum).clamp(0.0, 1.0))
    }

    /// Variance that pixels add in `age` seconds since the key frame.
    pub fn drifted(&self, age: f32) -> f32 {
        self.drift * age.max(0.0)
    }

    /// Learns from a normalised innovation. Innovations of an optimal filter are white (Mehra, 1970): such that
    /// agree in sign ask for more process noise, alternating ones for less. Their median size says the rest about
    /// the measurement, so that outliers do not. Where measurements are only `apart` seconds from each other, agreement
    /// says less. Returns the factor for the process noise.
    fn learn(&mut self, nu: f32, apart: f32) -> f32 {
        let nu = nu.clamp(-3.0, 3.0);
        let agreement = (nu * self.last).clamp(-1.0, 3.0);
        self.last = nu;
        let noise = self.tuning.noise * self.tuning.noise;
        if agreement < 1.0 {
            let up = if nu.abs() > MEDIAN { RESCALING } else { -RESCALING };
            self.r = (self.r * libm::expf(up)).clamp(noise / 16.0, noise * 9.0);
        }
        let doubt = if agreement > 0.0 { LASTING / (LASTING + apart) } else { 0.0 };
        libm::expf(LEARNING * ((1.0 - doubt) * agreement + 0.3 * (nu * nu - 1.0).min(0.0)))
    }

    fn bound(&mut self) {
        let most = LARGEST * LARGEST;
        let variance = |p: f32| if p.is_finite() { p.clamp(0.0, most) } else { most };
        self.p00 = variance(self.p00);
        self.p11 = variance(self.p11);
        let most = libm::sqrtf(self.p00) * libm::sqrtf(self.p11);
        self.p01 = if self.p01.is_finite() { self.p01.clamp(-most, most) } else { 0.0 };
        self.x = sound(self.x);
        self.v = sound(self.v);
    }
}

/// `x` where it can be computed with, else the nearest number that can.
pub(super) fn sound(x: f32) -> f32 {
    if x.is_nan() { 0.0 } else { x.clamp(-LARGEST, LARGEST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIXELS: Tuning = Tuning { noise: 1.5, speed: 100.0, damping: f32::INFINITY, steps: false };

    #[test]
    fn a_line_is_predicted() {
        let mut a = Axis::new(10.0, PIXELS);
        for i in 1..12 {
            a.advance(0.1);
            a.correct(10.0 + 20.0 * i as f32, None);
        }
        assert!((a.ahead(0.1) - 250.0).abs() < 0.2, "{a:?}");
        assert!((a.v - 200.0).abs() < 2.0);
    }

    #[test]
    fn noise_alone_does_not_move_it() {
        let mut a = Axis::new(100.0, PIXELS);
        let noise = [0.9, -1.2, 0.3, 1.4, -0.8, -0.2, 1.1, -1.6, 0.5, 0.1, -0.7, 1.0, -0.4, 0.2, -1.0, 0.6];
        let mut moved = 0.0_f32;
        for (i, n) in noise.iter().cycle().take(64).enumerate() {
            a.advance(0.1);
            a.correct(100.0 + n, None);
            if i > 24 {
                moved = moved.max((a.ahead(0.1) - 100.0).abs());
            }
        }
        assert!(moved < 0.8, "{moved}: {a:?}");
    }

    #[test]
    fn a_manoeuvre_is_followed_at_once() {
        let mut a = Axis::new(0.0, PIXELS);
        for i in 1..10 {
            a.advance(0.1);
            a.correct(20.0 * i as f32, None);
        }
        for i in 1..4 {
            a.advance(0.1);
            a.correct(180.0 - 20.0 * i as f32, None);
        }
        assert!((a.ahead(0.1) - 100.0).abs() < 12.0, "{a:?}");
    }

    #[test]
    fn a_step_does_not_become_a_trend() {
        let mut a = Axis::new(5.0, Tuning { noise: 0.1, speed: 0.5, damping: 1.0, steps: true });
        for _ in 0..20 {
            a.advance(0.1);
            a.correct(5.0, None);
        }
        a.advance(0.1);
        a.correct(9.0, None);
        assert!((a.ahead(0.2) - 9.0).abs() < 0.6, "{a:?}");
    }

    #[test]
    fn errors_that_last_are_not_taken_for_drift() {
        let drift = |apart: f32| {
            let mut a = Axis::new(0.0, PIXELS);
            for i in 0..300 {
                // The detector errs for five results in the one direction, then for five in the other.
                let error = if i / 5 % 2 == 0 { 1.5 } else { -1.5 };
                a.correct(error, Some(apart));
                a.carried(0.0, 0.1, 0.0, 1.0);
            }
            a.drifted(1.0)
        };
        assert!(drift(0.05) < 0.2 * drift(1.0), "{} {}", drift(0.05), drift(1.0));
    }

    #[test]
    fn uncertainty_grows_with_the_horizon() {
        let mut a = Axis::new(0.0, PIXELS);
        a.advance(0.1);
        a.correct(5.0, None);
        assert!(a.variance(0.0) < a.variance(0.05) && a.variance(0.05) < a.variance(0.5));
    }

    #[test]
    fn extremes_stay_finite() {
        let mut a = Axis::new(f32::MAX, PIXELS);
        for z in [f32::MIN, f32::MAX, 0.0, f32::INFINITY, f32::NAN, 1.0] {
            a.advance(1e9);
            a.correct(z, None);
            a.offset(z, f32::MAX, 1.0);
            assert!(a.x.is_finite() && a.v.is_finite() && a.p00.is_finite() && a.p11.is_finite(), "{a:?}");
            assert!(a.variance(1.0) >= 0.0);
        }
    }
}
