//! Distributions over classes, carried in log-ratio space.
//! **Invariant:** every answer is positive and sums to one, between results and beyond them.
//! It does not extrapolate trends: beyond the last result it decays to what is usual.

use alloc::{boxed::Box, vec, vec::Vec};

use super::{
    Backtest, Carried, carry,
    form::{Form, Times},
    history::History,
    kalman::{Axis, Tuning},
};
use crate::{time::Timestamp, value::Value};

/// Results kept for interpolation: six seconds at ten runs a second.
const MEMORY: usize = 64;
/// Probabilities below this are taken as this: one in ten thousand is beyond what classifiers can tell.
const LEAST: f32 = 1e-4;
/// Log-ratios of the same scene vary by about this much from frame to frame, in nats.
const TUNING: Tuning = Tuning { noise: 0.3, speed: 0.0, damping: 1.0, steps: true };
/// What is usual is averaged over about this long, in seconds.
const USUAL: f32 = 30.0;
/// Time constant of the decay to what is usual before it was learnt, and its bounds, in seconds.
const DECAY: (f32, f32, f32) = (10.0, 0.3, 60.0);
/// How long a correction takes to show in full, in seconds.
const BLEND: f32 = 0.1;
/// Weight of a new result in running statistics.
const WEIGHT: f32 = 0.1;

/// One distribution.
#[derive(Clone, Debug)]
pub(super) struct Simplex {
    epsilon: f32,
    times: Times,
    levels: Vec<Axis>,
    /// What of the last correction is not shown yet, in log-ratios, and since when.
    rest: Vec<f32>,
    blend: Timestamp,
    usual: Vec<f32>,
    history: History,
    scratch: Vec<f32>,
    /// Running products of the deviation from the usual with the one before and with itself, and their distance.
    product: f32,
    square: f32,
    step: f32,
    /// Running mean square of the back-tested total variation.
    miss: f32,
}

impl Simplex {
    pub fn new(epsilon: f32, delay: f32) -> Self {
        Self {
            epsilon,
            times: Times::new(delay),
            levels: Vec::new(),
            rest: Vec::new(),
            blend: Timestamp::ZERO,
            usual: Vec::new(),
            history: History::new(0, 2),
            scratch: Vec::new(),
            product: 0.0,
            square: 0.0,
            step: 0.0,
            miss: 0.01,
        }
    }

    /// Time constant of the decay to the usual, from the autocorrelation of the deviations from it.
    fn decay(&self) -> f32 {
        if !(self.square > 1e-3 && self.step > 0.0) {
            return DECAY.0;
        }
        let kept = (self.product / self.square).clamp(0.01, 0.999);
        (-self.step / libm::logf(kept)).clamp(DECAY.1, DECAY.2)
    }

    /// Log-ratio of class `j` at `at`.
    fn ratio(&self, j: usize, at: Timestamp, newest: Timestamp, kept: f32) -> f32 {
        if at < newest {
            return self.history.sample(j, at);
        }
        self.usual[j] + kept * (self.levels[j].x - self.usual[j])
    }

    fn kept(&self, horizon: f32) -> f32 {
        libm::expf(-horizon.max(0.0) / self.decay())
    }

    /// Writes the distribution at `at` as it is shown.
    fn write(&self, at: Timestamp, newest: Timestamp, out: &mut Vec<f32>) {
        self.write_ratios(at, newest, out);
        softmax(out);
    }

    fn write_ratios(&self, at: Timestamp, newest: Timestamp, out: &mut Vec<f32>) {
        let kept = self.kept(at.secs_from(newest));
        let left = if self.times.blends() { 1.0 - at.secs_from(self.blend) / BLEND } else { 0.0 };
        let left = if at < self.blend { 0.0 } else { left.max(0.0) };
        out.clear();
        out.extend((0..self.levels.len()).map(|j| self.ratio(j, at, newest, kept) - left * self.rest[j]));
    }

    /// Shows the correction of the distribution that is shown as `before` (log-ratios) gradually from `time` on, unless
    /// it is beyond the tolerance; never more than half of that is left to blend.
    fn blend(&mut self, time: Timestamp, mut before: Vec<f32>) {
        self.blend = time;
        for (rest, (level, before)) in self.rest.iter_mut().zip(self.levels.iter().zip(&before)) {
            *rest = level.x - before;
        }
        let mut now: Vec<f32> = self.levels.iter().map(|level| level.x).collect();
        softmax(&mut before);
        softmax(&mut now);
        let jump = total_variation(&before, &now);
        let share = if jump > self.epsilon { 0.0 } else { (0.5 * self.epsilon / jump.max(1e-9)).min(1.0) };
        self.rest.iter_mut().for_each(|rest| *rest *= share);
    }

    /// Total variation between `p` and the carried distribution at `at`.
    fn distance(&mut self, at: Timestamp, newest: Timestamp, p: &[f32]) -> f32 {
        let mut carried = core::mem::take(&mut self.scratch);
        self.write(at, newest, &mut carried);
        let distance = total_variation(&carried, p);
        self.scratch = carried;
        distance
    }

    fn start(&mut self, time: Timestamp, ratios: &[f32]) {
        self.levels = ratios.iter().map(|&x| Axis::new(x, TUNING)).collect();
        self.usual = ratios.to_vec();
        self.rest = vec![0.0; ratios.len()];
        self.history = History::new(ratios.len(), MEMORY);
        self.history.push(time, |j| ratios[j]);
        (self.product, self.square, self.step) = (0.0, 0.0, 0.0);
    }

    fn update(&mut self, time: Timestamp, dt: f32, ratios: &[f32]) {
        let kept = self.kept(dt);
        let toward = 1.0 - libm::expf(-dt / USUAL);
        let (mut product, mut square) = (0.0, 0.0);
        for (j, axis) in self.levels.iter_mut().enumerate() {
            let usual = self.usual[j];
            let before = axis.x - usual;
            axis.x = usual + kept * before;
            let prior = axis.p00 + axis.drifted(dt);
            axis.offset(ratios[j] - axis.x, prior, f32::INFINITY);
            axis.p00 = prior * axis.r / (prior + axis.r);
            product += before * (axis.x - usual);
            square += before * before;
            self.usual[j] += toward * (axis.x - usual);
        }
        let weight = if self.step > 0.0 { WEIGHT } else { 1.0 };
        if dt > 0.0 {
            self.product += weight * (product - self.product);
            self.square += weight * (square - self.square);
            self.step += weight * (dt - self.step);
        }
        let Self { history, levels, .. } = self;
        history.push(time, |j| levels[j].x);
    }

    fn take(&mut self, time: Timestamp, p: &[f32]) -> Backtest {
        let dt = self.times.age(time);
        let mut report = Backtest { age: dt, horizon: dt, ..Backtest::default() };
        let newest = self.times.newest().filter(|_| self.levels.len() == p.len());
        if let Some(newest) = newest {
            let error = self.distance(time, newest, p);
            report.error = Some(error);
            if time >= newest {
                self.miss += WEIGHT * (error * error - self.miss);
            }
        }
        if self.times.late(time) {
            return report;
        }
        let ratios = centred_log(p);
        if let Some(newest) = newest {
            let mut before = Vec::new();
            self.write_ratios(time, newest, &mut before);
            self.update(time, dt, &ratios);
            self.blend(time, before);
        } else {
            self.start(time, &ratios);
        }
        self.times.add(time);
        report
    }
}

impl Form for Simplex {
    fn for_answers(&self) -> Box<dyn Form> {
        Box::new(self.clone())
    }

    fn admit(&mut self, time: Timestamp, value: &Value) -> Backtest {
        match value {
            Value::Probabilities(p) => self.take(time, p),
            _ => Backtest::default(),
        }
    }

    fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        let Value::Probabilities(out) = out else { return None };
        let newest = self.times.answerable(at)?;
        self.write(at, newest, out);
        let horizon = at.secs_from(newest).max(0.0);
        let faded = 1.0 - self.kept(horizon);
        // Back-tests measure the error one result apart; it grows like a random walk, and to the usual at most.
        let steps = if self.step > 0.0 { (horizon / self.step).min(4.0) } else { 1.0 };
        Some(Carried {
            carry: (at >= newest).then(|| carry(false, faded > 0.01 && self.square > 1e-3)),
            key_frame: newest,
            horizon,
            spread: libm::sqrtf(self.miss * (0.25 + 0.75 * steps)).min(1.0),
            doubtful: 0,
        })
    }

    fn reset(&mut self) {
        self.times.reset();
        self.levels.clear();
    }
}

/// Half the sum of the differences, from 0 to 1.
fn total_variation(p: &[f32], q: &[f32]) -> f32 {
    0.5 * p.iter().zip(q).map(|(a, b)| (a - b).abs()).sum::<f32>()
}

/// The centred log-ratio transform.
///
/// # Source
/// Aitchison, "The Statistical Analysis of Compositional Data", 1986.
fn centred_log(p: &[f32]) -> Vec<f32> {
    let mut logs = vec![0.0; p.len()];
    let mut sum = 0.0;
    for (log, p) in logs.iter_mut().zip(p) {
        *log = libm::logf(p.max(LEAST));
        sum += *log;
    }
    let mean = sum / p.len().max(1) as f32;
    for log in &mut logs {
        *log -= mean;
    }
    logs
}

/// The inverse of [`centred_log`], in place.
fn softmax(ratios: &mut [f32]) {
    let most = ratios.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    for x in ratios.iter_mut() {
        *x = libm::expf(*x - most);
        sum += *x;
    }
    for x in ratios.iter_mut() {
        *x /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_inverts() {
        let p = [0.7, 0.2, 0.1];
        let mut r = centred_log(&p);
        assert!(r.iter().sum::<f32>().abs() < 1e-5);
        softmax(&mut r);
        for (a, b) in r.iter().zip(p) {
            assert!((a - b).abs() < 1e-5);
        }
    }
}
