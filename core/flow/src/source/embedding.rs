//! A direction in a space of features: filtered from result to result, held beyond the newest.
//! **Invariant:** every answer has unit length; what a result may be wrong by is learnt for each age.
//! It does not extrapolate: features of a scene have no speed.

use alloc::{boxed::Box, vec::Vec};

use super::{
    Backtest, Carried,
    ageing::Ageing,
    carry,
    form::{Form, Times},
    gain::Gain,
    history::History,
};
use crate::{
    time::Timestamp,
    value::{Value, norm},
};

/// Numbers that are remembered in all: large embeddings remember fewer results.
const MEMORY: usize = 1 << 16;
/// Weight of a new result in the usual distance.
const WEIGHT: f32 = 0.1;
/// A distance of more than so many usual ones is no noise.
const SURPRISE: f32 = 4.0;
/// How long a correction takes to show in full, in seconds.
const BLEND: f32 = 0.1;

/// An embedding over time.
#[derive(Clone, Debug)]
pub(super) struct Embeddings {
    epsilon: f32,
    times: Times,
    level: Vec<f32>,
    gain: Gain,
    /// The difference of the newest result from what was expected, and the one before.
    miss: Vec<f32>,
    last: Vec<f32>,
    /// Running mean of the cosine distance of a result from what was expected.
    usual: f32,
    history: History,
    /// What of the last correction is not shown yet.
    rest: Vec<f32>,
    ageing: Ageing,
}

impl Embeddings {
    pub fn new(epsilon: f32, delay: f32) -> Self {
        Self {
            epsilon,
            times: Times::new(delay),
            level: Vec::new(),
            gain: Gain::new(),
            miss: Vec::new(),
            last: Vec::new(),
            usual: epsilon / 3.0,
            history: History::new(0, 2),
            rest: Vec::new(),
            ageing: Ageing::new(epsilon),
        }
    }

    /// Writes the embedding at `at` as it is shown.
    fn write(&self, at: Timestamp, newest: Timestamp, out: &mut Vec<f32>) {
        out.clear();
        let next = self.history.before(at);
        if at >= newest || next == 0 || next == self.history.len() {
            let held = at < newest && next == 0;
            let level = if held { self.history.value(0) } else { self.level.as_slice() };
            let left = if self.times.blends() && !held { 1.0 - at.secs_from(newest) / BLEND } else { 0.0 };
            let left = left.clamp(0.0, 1.0);
            out.extend(level.iter().zip(&self.rest).map(|(x, rest)| x - left * rest));
        } else {
            let (from, to) = (self.history.time(next - 1), self.history.time(next));
            let share = (at.secs_from(from) / to.secs_from(from).max(1e-9)).clamp(0.0, 1.0);
            let ends = self.history.value(next - 1).iter().zip(self.history.value(next));
            out.extend(ends.map(|(a, b)| a + share * (b - a)));
        }
        if !normalise(out) {
            // Half-way between opposite directions there is none: the newer one.
            out.clear();
            out.extend_from_slice(self.history.value(next.min(self.history.len().saturating_sub(1))));
        }
    }

    fn start(&mut self, time: Timestamp, z: &[f32]) {
        self.level = z.to_vec();
        self.gain = Gain::new();
        (self.miss, self.last, self.rest) =
            (alloc::vec![0.0; z.len()], alloc::vec![0.0; z.len()], alloc::vec![0.0; z.len()]);
        self.history = History::new(z.len(), (MEMORY / z.len().max(1)).clamp(4, 64));
        self.history.push(time, |j| z[j]);
    }

    fn update(&mut self, time: Timestamp, dt: f32, z: &[f32], distance: f32) {
        let mut shown = core::mem::take(&mut self.rest);
        self.write_level(time, &mut shown);
        for (miss, (z, level)) in self.miss.iter_mut().zip(z.iter().zip(&self.level)) {
            *miss = z - level;
        }
        let gain = if distance > self.epsilon {
            self.gain.snap();
            1.0
        } else {
            self.gain.take(dt, cosine(&self.miss, &self.last))
        };
        for (level, miss) in self.level.iter_mut().zip(&self.miss) {
            *level += gain * miss;
        }
        if !normalise(&mut self.level) {
            self.level.copy_from_slice(z);
        }
        core::mem::swap(&mut self.miss, &mut self.last);
        self.usual += WEIGHT * (distance.min(SURPRISE * self.usual) - self.usual);
        let Self { history, level, .. } = self;
        history.push(time, |j| level[j]);

        let jump = 1.0 - cosine(&shown, &self.level);
        // Half the tolerance at most is left to blend; distances go with the square of the difference.
        let most = libm::sqrtf((0.5 * self.epsilon / jump.max(1e-12)).min(1.0));
        let share = if jump > self.epsilon { 0.0 } else { most };
        for (rest, level) in shown.iter_mut().zip(&self.level) {
            *rest = share * (level - *rest);
        }
        self.rest = shown;
    }

    /// The level as it is shown at `time`, over what of the correction is not.
    fn write_level(&self, time: Timestamp, rest: &mut [f32]) {
        let newest = self.times.newest().unwrap_or(time);
        let left = (1.0 - time.secs_from(newest) / BLEND).clamp(0.0, 1.0);
        for (rest, level) in rest.iter_mut().zip(&self.level) {
            *rest = level - left * *rest;
        }
    }

    fn take(&mut self, time: Timestamp, z: &[f32]) -> Backtest {
        let age = self.times.age(time);
        let mut report = Backtest { age, horizon: age, ..Backtest::default() };
        let newest = self.times.newest().filter(|_| self.level.len() == z.len());
        let mut distance = 0.0;
        if let Some(newest) = newest {
            let mut carried = core::mem::take(&mut self.miss);
            self.write(time, newest, &mut carried);
            distance = 1.0 - cosine(&carried, z);
            self.miss = carried;
            // The share of the distance that the result's own noise explains is no error of the answer.
            let noise = if distance > SURPRISE * self.usual { 0.0 } else { self.gain.noise(age) };
            report.error = Some(distance * (1.0 - noise));
        }
        if self.times.late(time) {
            return report;
        }
        if let Some(error) = report.error {
            self.ageing.learn(age, error);
            self.update(time, age, z, distance);
        } else {
            self.start(time, z);
        }
        self.times.add(time);
        report
    }
}

impl Form for Embeddings {
    fn for_answers(&self) -> Box<dyn Form> {
        Box::new(self.clone())
    }

    fn admit(&mut self, time: Timestamp, value: &Value) -> Backtest {
        match value {
            Value::Embedding(v) => self.take(time, v),
            _ => Backtest::default(),
        }
    }

    fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        let Value::Embedding(out) = out else { return None };
        let newest = self.times.answerable(at)?;
        self.write(at, newest, out);
        let horizon = at.secs_from(newest).max(0.0);
        Some(Carried {
            carry: (at >= newest).then(|| carry(false, false)),
            key_frame: newest,
            horizon,
            spread: self.ageing.spread(horizon),
            doubtful: 0,
        })
    }

    fn reset(&mut self) {
        self.times.reset();
        self.level.clear();
    }
}

/// Makes `v` of unit length, if it has a direction.
fn normalise(v: &mut [f32]) -> bool {
    let norm = norm(v);
    if !(norm.is_finite() && norm > 1e-6) {
        return false;
    }
    for x in v.iter_mut() {
        *x = (f64::from(*x) / norm) as f32;
    }
    true
}

/// The cosine of the angle between two vectors; 0 where one has no direction.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    let norms = norm(a) * norm(b);
    if norms > 1e-12 { ((dot / norms) as f32).clamp(-1.0, 1.0) } else { 0.0 }
}
