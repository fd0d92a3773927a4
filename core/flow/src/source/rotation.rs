//! One rotation: an orientation with an angular velocity, and an error state of three numbers.
//! **Invariant:** an answer is a unit quaternion; from one answer to the next its sign does not jump.
//! It does not look at pixels: how something is turned does not show in where its patch went.

use alloc::boxed::Box;

use super::{
    Backtest, Carried, carry,
    form::{Form, Times},
    history::History,
    kalman::{Axis, Tuning},
};
use crate::{
    quaternion::{Quaternion, length},
    time::Timestamp,
    value::Value,
};

/// Results that are remembered: six seconds at ten a second.
const MEMORY: usize = 64;
/// Things turn about this fast (a head, a hand, the device), in degrees per second.
const SPEED: f32 = 60.0;
/// A turn dies out with this time constant, in seconds: heads and hands turn for half a second or so.
const DAMPING: f32 = 1.0;
/// Below and above this many standard errors for each axis an angular velocity counts nothing and fully. They let 13% and
/// 1% of pure noise through (the chi distribution of three axes), as with a single number.
const SIGNIFICANT: (f32, f32) = (2.4, 3.4);
/// After this long without a result a velocity means nothing any more, in seconds.
const GAP: f32 = 1.0;
/// How long a correction takes to show in full, in seconds.
const BLEND: f32 = 0.1;

/// A rotation over time.
///
/// # Source
/// The multiplicative filter of Lefferts, Markley and Shuster ("Kalman filtering for spacecraft attitude estimation",
/// 1982): the state is a quaternion, its error a rotation vector, which is folded back after each result.
#[derive(Clone, Debug)]
pub(super) struct Rotations {
    epsilon: f32,
    times: Times,
    turning: Option<Turning>,
}

/// The state, at the newest result.
#[derive(Clone, Debug)]
struct Turning {
    at: Timestamp,
    /// The orientation.
    now: Quaternion,
    /// For each axis the error, which is zero between results, and the angular velocity, in degrees.
    axes: [Axis; 3],
    history: History,
    /// What of the last correction is not shown yet, and since when.
    rest: [f32; 3],
}

impl Turning {
    fn new(time: Timestamp, z: Quaternion, epsilon: f32) -> Self {
        // A model worth its tolerance has a third of it as noise; both are learnt from there.
        let tuning = Tuning { noise: epsilon / 3.0, speed: SPEED, damping: DAMPING, steps: true };
        let mut turning = Self {
            at: time,
            now: z,
            axes: [Axis::new(0.0, tuning); 3],
            history: History::new(4, MEMORY),
            rest: [0.0; 3],
        };
        turning.remember();
        turning
    }

    fn remember(&mut self) {
        let q = self.now;
        self.history.push(self.at, |j| [q.w, q.x, q.y, q.z][j]);
    }

    fn entry(&self, i: usize) -> Quaternion {
        let v = self.history.value(i);
        Quaternion::new(v[0], v[1], v[2], v[3])
    }

    /// How much of the velocity is more than noise, from 0 to 1; of all axes together, so that the axis of the turn stays.
    fn significance(&self) -> f32 {
        let variance = self.axes.iter().map(|a| a.p11).sum::<f32>() / 3.0;
        let errors = length(self.axes.map(|a| a.v)) / libm::sqrtf(variance).max(1e-12);
        ((errors - SIGNIFICANT.0) / (SIGNIFICANT.1 - SIGNIFICANT.0)).clamp(0.0, 1.0)
    }

    /// The orientation at `time` by all results, without blending.
    fn position(&self, time: Timestamp) -> Quaternion {
        if time >= self.at {
            let (kept, dt) = (self.significance(), time.secs_from(self.at));
            return Quaternion::from_degrees(self.axes.map(|a| kept * a.v * a.reach(dt))).after(self.now);
        }
        let next = self.history.before(time);
        if next == 0 || next == self.history.len() {
            return self.entry(next.min(self.history.len() - 1));
        }
        let (from, to) = (self.history.time(next - 1), self.history.time(next));
        let share = time.secs_from(from) / to.secs_from(from).max(1e-9);
        self.entry(next - 1).slerp(self.entry(next), share.clamp(0.0, 1.0))
    }

    /// The orientation at `time` as it is shown.
    fn shown(&self, time: Timestamp) -> Quaternion {
        if time < self.at {
            return self.position(time);
        }
        let left = (1.0 - time.secs_from(self.at) / BLEND).max(0.0);
        Quaternion::from_degrees(self.rest.map(|r| -r * left)).after(self.position(time))
    }

    fn variances(&self, time: Timestamp) -> [f32; 3] {
        let (kept, dt) = (self.significance(), time.secs_from(self.at).max(0.0));
        self.axes.map(|a| a.variance_with(dt, kept))
    }

    /// The angle between `z` and what is carried to `time`, without what the result's own noise explains of it.
    fn error(&self, time: Timestamp, z: Quaternion) -> f32 {
        let miss = z.after(self.position(time).inverse()).degrees();
        let prior = self.variances(time);
        length(core::array::from_fn(|j| self.axes[j].without_noise(miss[j], prior[j])))
    }

    fn measure(&mut self, time: Timestamp, z: Quaternion, epsilon: f32) {
        let dt = time.secs_from(self.at);
        let before = self.shown(time);
        self.at = time;
        if dt > GAP {
            self.axes.iter_mut().for_each(|axis| axis.restart(0.0));
            self.now = z.toward(self.now);
        } else {
            self.axes.iter_mut().for_each(|axis| axis.advance(dt));
            self.now = Quaternion::from_degrees(self.axes.map(|a| a.x)).after(self.now);
            let miss = z.after(self.now.inverse()).degrees();
            for (axis, miss) in self.axes.iter_mut().zip(miss) {
                axis.x = 0.0;
                axis.correct(miss, None);
            }
            self.now = Quaternion::from_degrees(self.axes.map(|a| a.x)).after(self.now);
            self.axes.iter_mut().for_each(|axis| axis.x = 0.0);
        }
        self.remember();
        let jump = self.now.after(before.inverse()).degrees();
        let size = length(jump);
        let share = if size > epsilon { 0.0 } else { (0.5 * epsilon / size.max(1e-9)).min(1.0) };
        self.rest = jump.map(|x| x * share);
    }
}

impl Rotations {
    pub const fn new(epsilon: f32, delay: f32) -> Self {
        Self { epsilon, times: Times::new(delay), turning: None }
    }

    fn take(&mut self, time: Timestamp, z: Quaternion) -> Backtest {
        let age = self.times.age(time);
        let mut report = Backtest { age, horizon: age, ..Backtest::default() };
        report.error = self.turning.as_ref().map(|turning| turning.error(time, z));
        if self.times.late(time) {
            return report;
        }
        match &mut self.turning {
            Some(turning) => turning.measure(time, z, self.epsilon),
            None => self.turning = Some(Turning::new(time, z, self.epsilon)),
        }
        self.times.add(time);
        report
    }
}

impl Form for Rotations {
    fn for_answers(&self) -> Box<dyn Form> {
        Box::new(self.clone())
    }

    fn admit(&mut self, time: Timestamp, value: &Value) -> Backtest {
        match value {
            Value::Rotation(q) => q.unit().map_or_else(Backtest::default, |z| self.take(time, z)),
            _ => Backtest::default(),
        }
    }

    fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        let newest = self.times.answerable(at)?;
        let turning = self.turning.as_ref()?;
        let q = if self.times.blends() { turning.shown(at) } else { turning.position(at) };
        *out = Value::Rotation(q);
        let between = at < newest;
        Some(Carried {
            carry: (!between).then(|| carry(false, turning.significance() > 0.0)),
            key_frame: newest,
            horizon: at.secs_from(newest).max(0.0),
            spread: libm::sqrtf(turning.variances(at).iter().sum()),
            doubtful: 0,
        })
    }

    fn reset(&mut self) {
        self.times.reset();
        self.turning = None;
    }
}
