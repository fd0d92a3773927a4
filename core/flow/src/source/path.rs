//! Where something is over time: filtered results, carried by followed pixels, with a short memory.
//! **Invariant:** the newest entry of the memory is the filter's state; times never run backwards.
//! It does not know what its numbers mean, nor which result belongs to it: `associate` decides that.

use alloc::vec::Vec;

use super::{
    history::History,
    kalman::{Axis, Tuning, sound},
};
use crate::time::Timestamp;

/// Followed positions of this long before the newest give its rate, in seconds: four frames at 60 fps.
/// Longer windows lag behind a manoeuvre, shorter ones let the follower's noise through.
const WINDOW: f32 = 0.055;
/// Followed positions further apart than this say nothing about the present rate, in seconds.
const WIDEST: f32 = 0.25;
/// Forecasts over about this long are compared with what pixels then show, in seconds: a latency and a refresh.
const LAG: core::time::Duration = core::time::Duration::from_millis(60);
/// Frames that are further apart than this are not compared so, in seconds.
const LONGEST_LAG: f32 = 0.15;
/// After this long without any evidence a trend means nothing any more, in seconds.
const GAP: f32 = 1.0;
/// How long a correction takes to show in full, in seconds.
const BLEND: f32 = 0.1;

/// One moving thing of several numbers.
#[derive(Clone, Debug)]
pub(super) struct Path {
    axes: Vec<Axis>,
    history: History,
    /// Time of the state.
    good: Timestamp,
    pixels: bool,
    /// What of the last correction is not shown yet, and since when.
    rest: Vec<f32>,
    blend: Timestamp,
    /// Position on the key frame.
    key: Vec<f32>,
    key_time: Timestamp,
    key_variance: Vec<f32>,
}

impl Path {
    /// A path that starts with the measurement `z` at `time`, remembering `capacity` positions.
    pub fn new(time: Timestamp, z: &[f32], tuning: impl Fn(usize) -> Tuning, capacity: usize) -> Self {
        let axes: Vec<Axis> = z.iter().enumerate().map(|(j, &x)| Axis::new(x, tuning(j))).collect();
        let mut path = Self {
            history: History::new(z.len(), capacity),
            good: time,
            pixels: false,
            rest: alloc::vec![0.0; z.len()],
            blend: time,
            key: axes.iter().map(|a| a.x).collect(),
            key_time: time,
            key_variance: axes.iter().map(|a| a.p00).collect(),
            axes,
        };
        path.remember();
        path
    }

    /// Whether the drift of followed pixels is learnt, or stays as first believed (for measurement only).
    pub fn learns_drift(&mut self, learns: bool) {
        self.axes.iter_mut().for_each(|a| a.learns_drift = learns);
    }

    pub fn axis(&mut self, j: usize) -> &mut Axis {
        &mut self.axes[j]
    }

    /// Time of the newest evidence.
    pub const fn good(&self) -> Timestamp {
        self.good
    }

    /// Whether the newest evidence came from pixels.
    pub const fn pixels(&self) -> bool {
        self.pixels
    }

    /// The oldest time that is known.
    pub fn oldest(&self) -> Timestamp {
        self.history.oldest().unwrap_or(self.good)
    }

    /// Number `j` by the newest evidence.
    pub fn level(&self, j: usize) -> f32 {
        self.axes[j].x
    }

    /// Number `j` on the key frame.
    pub fn key(&self, j: usize) -> f32 {
        self.key[j]
    }

    pub const fn key_time(&self) -> Timestamp {
        self.key_time
    }

    /// Rate of number `j` and its standard error, per second.
    pub fn rate(&self, j: usize) -> (f32, f32) {
        (self.axes[j].v, libm::sqrtf(self.axes[j].p11))
    }

    /// Whether the trend moves the answer beyond the newest evidence.
    pub fn trends(&self) -> bool {
        self.axes.iter().any(|a| a.significance() > 0.0)
    }

    fn remember(&mut self) {
        let Self { history, axes, good, .. } = self;
        history.push(*good, |j| axes[j].x);
    }

    /// Number `j` at `time` by all evidence, without blending.
    pub fn position(&self, j: usize, time: Timestamp) -> f32 {
        if time <= self.good {
            self.history.sample(j, time)
        } else {
            self.axes[j].ahead(time.secs_from(self.good))
        }
    }

    /// Number `j` at `time` as it is shown.
    pub fn shown(&self, j: usize, time: Timestamp) -> f32 {
        let left = 1.0 - time.secs_from(self.blend) / BLEND;
        self.position(j, time) - self.rest[j] * left.clamp(0.0, 1.0)
    }

    /// Variance of number `j` at `time`.
    pub fn variance(&self, j: usize, time: Timestamp) -> f32 {
        let axis = &self.axes[j];
        let shown = if time < self.good { axis.p00 } else { axis.variance(time.secs_from(self.good)) };
        if self.pixels {
            shown + self.key_variance[j] + axis.drifted(self.good.secs_from(self.key_time))
        } else {
            shown
        }
    }

    /// Variance of number `j` at `time` if pixels go on to be followed until `horizon` seconds before it.
    pub fn outlook(&self, j: usize, time: Timestamp, horizon: f32) -> f32 {
        let ahead = time.secs_from(self.good);
        if !self.pixels || ahead <= horizon {
            return self.variance(j, time);
        }
        let axis = &self.axes[j];
        let drifted = axis.drifted(time.secs_from(self.key_time) - horizon);
        axis.variance(horizon.max(0.0)) + self.key_variance[j] + drifted
    }

    /// The difference between the result `z` and what was forecast for `time`, without what the result's own noise
    /// explains of it: its variance is that of the forecast's error. A surprise counts in full.
    pub fn error(&self, j: usize, time: Timestamp, z: f32) -> (f32, Timestamp) {
        let (x, from) = self.forecast(j, time);
        let axis = &self.axes[j];
        let age = time.secs_from(self.key_time);
        let prior = if time > self.good {
            self.variance(j, time)
        } else {
            self.key_variance[j] + axis.drifted(age) + axis.variance(time.secs_from(from))
        };
        (axis.without_noise(sound(z) - x, prior), from)
    }

    /// What would have been answered for `time` by the evidence before it, and the time of that evidence.
    pub fn forecast(&self, j: usize, time: Timestamp) -> (f32, Timestamp) {
        if time > self.good {
            return (self.position(j, time), self.good);
        }
        let end = self.history.before(time);
        let Some(last) = end.checked_sub(1) else {
            return (self.history.sample(j, time), time);
        };
        let from = self.history.time(last);
        let rate = self.history.slope(j, end, WINDOW, WIDEST).map_or(0.0, |s| s.rate);
        (self.history.value(last)[j] + rate * time.secs_from(from).min(WIDEST), from)
    }

    /// Takes the result `z` of the frame at `time`, which becomes the key frame. `epsilon` is the tolerance in the
    /// number's unit: a correction above it shows at once, and never more than half of it is left to blend.
    pub fn measure(&mut self, time: Timestamp, z: &[f32], epsilon: impl Fn(usize) -> f32) {
        let dt = time.secs_from(self.good);
        let seen = time.max(self.good);
        for j in 0..self.rest.len() {
            self.rest[j] = self.shown(j, seen);
        }
        if dt > GAP {
            for (axis, &z) in self.axes.iter_mut().zip(z) {
                axis.restart(z);
            }
            (self.good, self.pixels) = (time, false);
            self.remember();
        } else if dt >= 0.0 {
            self.correct_now(time, dt, z);
        } else {
            self.correct_past(time, z);
        }
        self.place_key(time, true);
        for j in 0..self.rest.len() {
            let jump = self.position(j, seen) - self.rest[j];
            let most = epsilon(j);
            self.rest[j] = if jump.abs() <= most { jump.clamp(-0.5 * most, 0.5 * most) } else { 0.0 };
        }
        self.blend = seen;
    }

    /// Corrects the present position.
    fn correct_now(&mut self, time: Timestamp, dt: f32, z: &[f32]) {
        let age = self.good.secs_from(self.key_time);
        let since = self.key_time;
        for (j, axis) in self.axes.iter_mut().enumerate() {
            if self.pixels {
                axis.p00 += self.key_variance[j] + axis.drifted(age);
            }
            axis.advance(dt);
            self.key[j] = axis.x;
            axis.correct(z[j], self.pixels.then_some(age));
            self.key[j] = axis.x - self.key[j];
        }
        if self.pixels {
            let key = &self.key;
            self.history.shift(since, recent(self.good), |j| key[j]);
        }
        (self.good, self.pixels) = (time, false);
        self.remember();
    }

    /// Corrects a position that pixels have carried on since.
    fn correct_past(&mut self, time: Timestamp, z: &[f32]) {
        let age = time.secs_from(self.key_time);
        for (j, axis) in self.axes.iter_mut().enumerate() {
            let innovation = sound(z[j]) - self.history.sample(j, time);
            let prior = self.key_variance[j] + axis.drifted(age) + axis.p00;
            self.key[j] = axis.offset(innovation, prior, age);
        }
        let key = &self.key;
        self.history.shift(self.key_time, time.min(recent(self.good)), |j| key[j]);
    }

    /// Takes back what pixels have added since the result of the frame at `time`: it stands where that saw it.
    pub fn stand(&mut self, time: Timestamp) {
        for j in 0..self.key.len() {
            let x = self.position(j, time);
            self.axes[j].restart(x);
        }
        self.pixels = false;
        self.remember();
    }

    /// Makes the frame at `time` the key frame although its result did not show this.
    pub fn set_key(&mut self, time: Timestamp) {
        self.place_key(time, false);
    }

    fn place_key(&mut self, time: Timestamp, measured: bool) {
        for j in 0..self.key.len() {
            let axis = &self.axes[j];
            let prior = self.key_variance[j] + axis.drifted(time.secs_from(self.key_time)) + axis.p00;
            self.key_variance[j] = if time >= self.good {
                self.variance(j, time)
            } else if measured {
                prior * axis.r / (prior + axis.r).max(1e-12)
            } else {
                prior
            };
            self.key[j] = self.position(j, time);
        }
        self.key_time = time;
    }

    /// Takes where pixels saw it in the frame at `time`; `sigma` is the standard error of the follower.
    /// Returns whether the frame was news.
    pub fn follow(
        &mut self,
        time: Timestamp,
        x: impl Fn(usize) -> f32,
        sigma: impl Fn(usize) -> f32,
    ) -> bool {
        if time <= self.good || time <= self.key_time {
            return false;
        }
        (self.good, self.pixels) = (time, true);
        self.history.push(time, |j| sound(x(j)));
        let end = self.history.len();
        let lagged = self.lagged(time);
        for (j, axis) in self.axes.iter_mut().enumerate() {
            let x = self.history.value(end - 1)[j];
            let variance = sigma(j) * sigma(j);
            let slope = self.history.slope(j, end, WINDOW, WIDEST);
            let (rate, rate_variance) =
                slope.map_or((0.0, axis.p11), |s| (s.rate, variance / s.spread.max(1e-9)));
            axis.carried(x, variance, rate, rate_variance);
            if let Some(from) = lagged {
                let lag = time.secs_from(self.history.time(from));
                let then = self.history.slope(j, from + 1, WINDOW, WIDEST);
                if let Some(then) = then {
                    let forecast = self.history.value(from)[j] + then.rate * lag;
                    axis.wander(
                        x - forecast,
                        lag,
                        2.0 * variance + lag * lag * variance / then.spread.max(1e-9),
                    );
                }
            }
        }
        true
    }

    /// The entry from which a forecast is compared with the newest one, at `time`.
    fn lagged(&self, time: Timestamp) -> Option<usize> {
        let then = time.minus(LAG);
        let from = self.history.before(then).checked_sub(1)?;
        (time.secs_from(self.history.time(from)) < LONGEST_LAG).then_some(from)
    }
}

/// The start of what the present rate is taken from, with a margin.
const fn recent(newest: Timestamp) -> Timestamp {
    newest.minus(core::time::Duration::from_millis(100))
}
