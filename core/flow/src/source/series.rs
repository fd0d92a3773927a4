//! Numbers: a level with a damped trend for each.
//! **Invariant:** an answer never leaves the range that results have spanned by more than a quarter of it.
//! It does not know units: the tolerance is its only scale.

use alloc::{boxed::Box, vec::Vec};

use super::{
    Backtest, Carried, carry,
    form::{Form, Times},
    kalman::Tuning,
    path::Path,
};
use crate::{time::Timestamp, value::Value};

/// Results that are remembered: six seconds at ten a second.
const MEMORY: usize = 64;
/// How far beyond the range of the results an answer may go, as a share of that range.
const MARGIN: f32 = 0.25;

/// A scalar or a vector.
#[derive(Clone, Debug)]
pub(super) struct Series {
    epsilon: f32,
    times: Times,
    path: Option<Path>,
    range: Vec<(f32, f32)>,
}

impl Series {
    pub const fn new(epsilon: f32, delay: f32) -> Self {
        Self { epsilon, times: Times::new(delay), path: None, range: Vec::new() }
    }

    fn start(&mut self, time: Timestamp, z: &[f32]) {
        // A model worth its tolerance has a third of it as noise; both are learnt from there.
        let tuning =
            Tuning { noise: self.epsilon / 3.0, speed: 3.0 * self.epsilon, damping: 3.0, steps: true };
        self.path = Some(Path::new(time, z, |_| tuning, MEMORY));
        self.range = z.iter().map(|&x| (x, x)).collect();
    }

    fn clamped(&self, j: usize, x: f32) -> f32 {
        self.range.get(j).map_or(x, |&(low, high)| {
            let margin = MARGIN * (high - low).min(f32::MAX);
            x.clamp((low - margin).max(f32::MIN), (high + margin).min(f32::MAX))
        })
    }

    fn take(&mut self, time: Timestamp, z: &[f32]) -> Backtest {
        let mut report = Backtest { age: self.times.age(time), ..Backtest::default() };
        if let Some(path) = self.path.as_ref().filter(|_| self.range.len() == z.len()) {
            let mut error = 0.0_f32;
            for (j, &z) in z.iter().enumerate() {
                let (wrong, from) = path.error(j, time, z);
                error = error.max((self.clamped(j, z - wrong) - z).abs());
                report.horizon = time.secs_from(from).max(0.0);
            }
            report.error = Some(error.min(f32::MAX));
        }
        if self.times.late(time) {
            return report;
        }
        match self.path.as_mut().filter(|_| self.range.len() == z.len()) {
            Some(path) => {
                path.measure(time, z, |_| self.epsilon);
                for ((low, high), &z) in self.range.iter_mut().zip(z) {
                    (*low, *high) = (low.min(z), high.max(z));
                }
            }
            None => self.start(time, z),
        }
        self.times.add(time);
        report
    }
}

impl Form for Series {
    fn for_answers(&self) -> Box<dyn Form> {
        Box::new(self.clone())
    }

    fn admit(&mut self, time: Timestamp, value: &Value) -> Backtest {
        match value {
            Value::Scalar(x) => self.take(time, core::slice::from_ref(x)),
            Value::Vector(v) => self.take(time, v),
            _ => Backtest::default(),
        }
    }

    fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        let newest = self.times.answerable(at)?;
        let path = self.path.as_ref()?;
        let number = |j| {
            let x = if self.times.blends() { path.shown(j, at) } else { path.position(j, at) };
            self.clamped(j, x)
        };
        match out {
            Value::Scalar(x) => *x = number(0),
            Value::Vector(v) => {
                v.clear();
                v.extend((0..self.range.len()).map(number));
            }
            _ => return None,
        }
        let variance = (0..self.range.len()).map(|j| path.variance(j, at)).fold(0.0, f32::max);
        let between = at < newest;
        Some(Carried {
            carry: (!between).then(|| carry(false, path.trends())),
            key_frame: newest,
            horizon: at.secs_from(newest).max(0.0),
            spread: libm::sqrtf(variance),
            doubtful: 0,
        })
    }

    fn reset(&mut self) {
        self.times.reset();
        self.path = None;
    }
}
