//! Points of one shape: each with a path of its own, all with the shape's motion as prior.
//! **Invariant:** an answer has the points of the newest result, in its order; a point that is shown does not flicker.
//! It does not tell instances apart: that needs boxes.

use alloc::{boxed::Box, vec::Vec};

use super::{
    Backtest, Carried, TrackState,
    associate::{common_motion, median},
    carry,
    form::{Form, Times},
    kalman::Tuning,
    path::Path,
    track::LEAST_SIGMA,
};
use crate::{
    gate::{Fit, FitState, Target},
    geometry::{Point, Rect},
    time::Timestamp,
    value::{Keypoint, Value},
};

/// At most this many points are followed by pixels, evenly chosen; the others move with the nearest of them.
const MOST_TARGETS: usize = 32;
/// So many followed neighbours say how a point moves that is not followed itself.
const NEIGHBOURS: usize = 5;
/// A point is shown from, and hidden below, these visibilities.
const SHOWN: (f32, f32) = (0.6, 0.4);
/// What an answer's visibility is compared with by apps: hysteresis keeps it on one side of this.
const HALF: f32 = 0.5;

#[derive(Clone, Debug)]
struct Mark {
    path: Path,
    visibility: f32,
    shown: bool,
    fit: Option<FitState>,
}

/// The points of one instance.
#[derive(Clone, Debug)]
pub(super) struct Keypoints {
    epsilon: f32,
    times: Times,
    marks: Vec<Mark>,
}

impl Mark {
    fn position(&self, at: Timestamp) -> Point {
        Point::new(self.path.position(0, at), self.path.position(1, at))
    }

    fn key(&self) -> Point {
        Point::new(self.path.key(0), self.path.key(1))
    }

    fn spread(&self, at: Timestamp) -> f32 {
        libm::sqrtf(self.path.variance(0, at) + self.path.variance(1, at))
    }

    fn see(&mut self, visibility: f32) {
        self.visibility += 0.5 * (visibility - self.visibility);
        self.shown = self.visibility >= if self.shown { SHOWN.1 } else { SHOWN.0 };
    }

    fn visibility(&self) -> f32 {
        if self.shown { self.visibility.max(HALF) } else { self.visibility.min(HALF - 0.01) }
    }
}

impl Keypoints {
    pub const fn new(epsilon: f32, delay: f32) -> Self {
        Self { epsilon, times: Times::new(delay), marks: Vec::new() }
    }

    fn start(&mut self, time: Timestamp, points: &[Keypoint]) {
        let size = extent(points.iter().map(|k| k.at));
        // Landmark models place points to about 1% of the shape and half a pixel; a shape moves two sizes a second.
        let (noise, speed) = (0.01 * size + 0.5, 2.0 * size + 20.0);
        let tuning = Tuning { noise, speed, damping: f32::INFINITY, steps: false };
        // Bounded in all: large meshes remember less.
        let memory = (2048 / points.len().max(1)).clamp(8, 64);
        self.marks = (points.iter())
            .map(|k| Mark {
                path: Path::new(time, &[k.at.x, k.at.y], |_| tuning, memory),
                visibility: k.visibility,
                shown: k.visibility >= HALF,
                fit: None,
            })
            .collect();
    }

    fn take(&mut self, time: Timestamp, points: &[Keypoint]) -> Backtest {
        let mut report = Backtest { age: self.times.age(time), ..Backtest::default() };
        let same = self.times.newest().is_some() && self.marks.len() == points.len();
        if same {
            let mut error = 0.0_f32;
            for (mark, k) in self.marks.iter().zip(points).filter(|(_, k)| k.visibility >= HALF) {
                let ((x, from), (y, _)) =
                    (mark.path.error(0, time, k.at.x), mark.path.error(1, time, k.at.y));
                error = error.max(Point::new(x, y).length());
                report.horizon = report.horizon.max(time.secs_from(from));
            }
            report.error = Some(error.min(f32::MAX));
        }
        if self.times.late(time) {
            return report;
        }
        if same {
            for (mark, k) in self.marks.iter_mut().zip(points) {
                mark.path.measure(time, &[k.at.x, k.at.y], |_| self.epsilon);
                mark.see(k.visibility);
                mark.fit = None;
            }
            self.agree();
        } else {
            self.start(time, points);
        }
        self.times.add(time);
        report
    }

    /// Draws each velocity to the shape's: as far as the points agree, their common motion is known better.
    fn agree(&mut self) {
        let trusted = |m: &&Mark| m.shown && !m.path.pixels();
        let velocities: Vec<Point> = (self.marks.iter().filter(trusted))
            .map(|m| Point::new(m.path.rate(0).0, m.path.rate(1).0))
            .collect();
        let Some((common, spread)) = common_motion(&velocities).filter(|_| velocities.len() >= 4) else {
            return;
        };
        let root = libm::sqrtf(velocities.len() as f32);
        for mark in self.marks.iter_mut().filter(|m| !m.path.pixels()) {
            for (j, common) in [common.x, common.y].into_iter().enumerate() {
                let (rate, error) = mark.path.rate(j);
                // What the points differ by beyond their noise is motion of their own.
                let own = (spread * spread - error * error).max(0.0) + error * error / root;
                let weight = own / (own + error * error).max(1e-12);
                let deviation = libm::sqrtf(weight) * error;
                mark.path.axis(j).expect(common + weight * (rate - common), deviation);
            }
        }
    }

    fn size(&self) -> f32 {
        extent(self.marks.iter().map(Mark::key))
    }
}

impl Form for Keypoints {
    fn for_answers(&self) -> Box<dyn Form> {
        Box::new(self.clone())
    }

    fn admit(&mut self, time: Timestamp, value: &Value) -> Backtest {
        match value {
            Value::Keypoints(points) => self.take(time, points),
            _ => Backtest::default(),
        }
    }

    fn targets(&self, background: Point, out: &mut Vec<Target>) {
        // A patch an eighth of the shape wide holds a landmark and its surroundings.
        let side = (0.125 * self.size()).clamp(12.0, 64.0);
        let stride = self.marks.len().div_ceil(MOST_TARGETS).max(1);
        for (i, m) in self.marks.iter().enumerate().step_by(stride).filter(|(_, m)| m.shown) {
            let known = m.path.good() > m.path.key_time();
            let guess = if known { m.position(m.path.good()) - m.key() } else { background };
            out.push(Target { identity: i as u32, bounds: Rect::from_center(m.key(), side, side), guess });
        }
    }

    fn follow(&mut self, time: Timestamp, fits: &[Fit]) {
        let mut followed = [(Point::default(), Point::default()); MOST_TARGETS];
        let mut n = 0;
        for fit in fits {
            let Some(mark) = self.marks.get_mut(fit.identity as usize) else { continue };
            if time <= mark.path.key_time() {
                return;
            }
            let sound = fit.moved.is_finite() && fit.sigma.is_finite();
            mark.fit = Some(if sound { fit.state } else { FitState::Lost });
            if mark.fit == Some(FitState::Followed) && n < MOST_TARGETS {
                let to = mark.key() + fit.moved;
                mark.path.follow(
                    time,
                    |j| if j == 0 { to.x } else { to.y },
                    |_| fit.sigma.abs().max(LEAST_SIGMA),
                );
                followed[n] = (mark.key(), fit.moved);
                n += 1;
            }
        }
        if n < 2 {
            return;
        }
        for mark in &mut self.marks {
            if mark.fit == Some(FitState::Followed) {
                continue;
            }
            let key = mark.key();
            let (moved, spread) = motion_near(key, &followed[..n]);
            let to = key + moved;
            mark.path.follow(time, |j| if j == 0 { to.x } else { to.y }, |_| spread.max(0.5));
        }
    }

    fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        let Value::Keypoints(out) = out else { return None };
        let newest = self.times.answerable(at)?;
        out.clear();
        let mut spread = 0.0_f32;
        let mut oldest = None::<Timestamp>;
        let (mut pixels, mut trend) = (false, false);
        for m in &self.marks {
            let n = |j| if self.times.blends() { m.path.shown(j, at) } else { m.path.position(j, at) };
            let place = |x: f32| x.clamp(-1e6, 1e6);
            out.push(Keypoint { at: Point::new(place(n(0)), place(n(1))), visibility: m.visibility() });
            if m.shown {
                spread = spread.max(m.spread(at));
                oldest = Some(oldest.map_or(m.path.good(), |o| o.min(m.path.good())));
                pixels |= m.path.pixels();
                trend |= m.path.trends();
            }
        }
        let between = at < newest;
        Some(Carried {
            carry: (!between).then(|| carry(pixels, trend)),
            key_frame: newest,
            horizon: if between { 0.0 } else { at.secs_from(oldest.unwrap_or(newest)).max(0.0) },
            spread,
            doubtful: 0,
        })
    }

    fn outlook(&self, at: Timestamp, horizon: f32) -> Option<f32> {
        let spread = |m: &Mark| libm::sqrtf(m.path.outlook(0, at, horizon) + m.path.outlook(1, at, horizon));
        Some(self.marks.iter().filter(|m| m.shown).map(spread).fold(0.0, f32::max))
    }

    fn tracks(&self, at: Timestamp, out: &mut Vec<TrackState>) {
        let side = (0.125 * self.size()).clamp(12.0, 64.0);
        out.extend(self.marks.iter().enumerate().filter(|(_, m)| m.shown).map(|(i, m)| TrackState {
            identity: i as u32,
            bounds: Rect::from_center(m.position(at), side, side),
            spread: m.spread(at),
            since_evidence: at.secs_from(m.path.good()).max(0.0),
            fit: m.fit,
            doubtful: false,
            covered: 0.0,
        }));
    }

    fn reset(&mut self) {
        self.times.reset();
        self.marks.clear();
    }
}

/// The larger side of the smallest box around the points, in pixels; 1 at least.
fn extent(points: impl Iterator<Item = Point>) -> f32 {
    let start = (f32::MAX, f32::MIN, f32::MAX, f32::MIN);
    let (x0, x1, y0, y1) =
        points.fold(start, |(x0, x1, y0, y1), p| (x0.min(p.x), x1.max(p.x), y0.min(p.y), y1.max(p.y)));
    (x1 - x0).max(y1 - y0).clamp(1.0, 1e5)
}

/// The median motion of the followed points nearest to `key`, and how far they disagree.
fn motion_near(key: Point, followed: &[(Point, Point)]) -> (Point, f32) {
    let mut near = [(f32::INFINITY, Point::default()); NEIGHBOURS];
    for (place, moved) in followed {
        let far = (*place - key).length();
        if let Some(worst) = near.iter_mut().max_by(|a, b| a.0.total_cmp(&b.0)).filter(|w| far < w.0) {
            *worst = (far, *moved);
        }
    }
    near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let n = near.iter().filter(|(d, _)| d.is_finite()).count();
    let axis = |get: fn(&Point) -> f32| {
        let mut values = near.map(|(_, p)| get(&p));
        let mid = median(&mut values[..n]);
        let mut apart = near.map(|(_, p)| (get(&p) - mid).abs());
        (mid, 1.48 * median(&mut apart[..n]))
    };
    let ((x, dx), (y, dy)) = (axis(|p| p.x), axis(|p| p.y));
    (Point::new(x, y), dx.max(dy))
}
