//! Points of one shape: carried by the pixels around some of them, by their own trend, or held, as has been best.
//! **Invariant:** an answer has the points of the newest result, in its order; a point that is shown does not flicker.
//! It does not tell instances apart: that needs boxes.

use alloc::{boxed::Box, vec::Vec};

use super::{
    Backtest, Carried, TrackState,
    anchors::{Anchors, Moved},
    associate::common_motion,
    carry,
    choice::Choice,
    form::{Form, Times},
    kalman::Tuning,
    path::Path,
};
use crate::{
    gate::{Fit, Target},
    geometry::{Point, Rect},
    ingredient::Ingredients,
    time::Timestamp,
    value::{Keypoint, Value},
};

/// A point is shown from, and hidden below, these visibilities.
const SHOWN: (f32, f32) = (0.6, 0.4);
/// What an answer's visibility is compared with by apps: hysteresis keeps it on one side of this.
const HALF: f32 = 0.5;
/// How long a correction takes to show in full, in seconds.
const BLEND: f32 = 0.1;

/// The ways to carry a shape: with the anchors and on along their trend, with the anchors as they were last seen, not at all
/// (2), each point along its own trend.
const WAYS: usize = 4;
const AHEAD: usize = 0;
const SEEN: usize = 1;
const TREND: usize = 3;

/// One point, by results alone.
#[derive(Clone, Debug)]
struct Mark {
    path: Path,
    visibility: f32,
    shown: bool,
    /// What of the last correction is not shown yet.
    rest: Point,
}

/// The points of one instance.
#[derive(Clone, Debug)]
pub(super) struct Keypoints {
    epsilon: f32,
    times: Times,
    marks: Vec<Mark>,
    anchors: Anchors,
    choice: Choice<WAYS>,
    /// Since when corrections are blended in.
    blend: Timestamp,
    without: Ingredients,
    scratch: Vec<Point>,
}

impl Mark {
    fn level(&self) -> Point {
        Point::new(self.path.key(0), self.path.key(1))
    }

    fn position(&self, at: Timestamp) -> Point {
        Point::new(self.path.position(0, at), self.path.position(1, at))
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

/// How an answer for one time is made.
struct Mix {
    at: Timestamp,
    /// The time lies before the newest result.
    between: bool,
    shares: [f32; WAYS],
    /// Ahead, and as last seen.
    moved: [Moved; 2],
}

impl Keypoints {
    pub fn new(epsilon: f32, delay: f32) -> Self {
        Self {
            epsilon,
            times: Times::new(delay),
            marks: Vec::new(),
            anchors: Anchors::default(),
            choice: Choice::new(),
            blend: Timestamp::ZERO,
            without: Ingredients::NONE,
            scratch: Vec::new(),
        }
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
                rest: Point::default(),
            })
            .collect();
        self.scratch.clear();
        self.scratch.extend(points.iter().map(|k| k.at));
        self.anchors.choose(time, &self.scratch, tuning);
        self.choice = Choice::new();
    }

    fn take(&mut self, time: Timestamp, points: &[Keypoint]) -> Backtest {
        let mut report = Backtest { age: self.times.age(time), ..Backtest::default() };
        let same = self.times.newest().is_some() && self.marks.len() == points.len();
        let late = self.times.late(time);
        if same {
            self.judge(time, points, late, &mut report);
        }
        if late {
            return report;
        }
        if same {
            self.correct(time, points);
        } else {
            self.start(time, points);
        }
        self.times.add(time);
        report
    }

    /// Compares a result with what would have been answered for its time by the evidence before it, in each way.
    fn judge(&mut self, time: Timestamp, points: &[Keypoint], late: bool, report: &mut Backtest) {
        let moved = [true, false].map(|ahead| self.anchors.forecast(time, ahead));
        let Some(key_time) = self.key_time() else { return };
        let shares = self.shares(time.secs_from(key_time));
        let (mut wrong, mut errors) = (0.0_f32, [0.0_f32; WAYS]);
        for (i, (mark, k)) in
            self.marks.iter_mut().zip(points).enumerate().filter(|(_, (_, k))| k.visibility >= HALF)
        {
            let held = mark.level();
            let by_trend = Point::new(mark.path.forecast(0, time).0, mark.path.forecast(1, time).0);
            let [ahead, seen] = moved.each_ref().map(|moved| held + self.anchors.between(i, moved));
            let ways = [ahead, seen, held, by_trend];
            for (error, way) in errors.iter_mut().zip(ways) {
                *error = error.max((k.at - way).length());
            }
            let shown = mixed(ways, shares);
            let prior = 0.25 * self.epsilon * self.epsilon;
            let off = k.at - shown;
            let off = Point::new(
                mark.path.axis(0).without_noise(off.x, prior),
                mark.path.axis(1).without_noise(off.y, prior),
            );
            wrong = wrong.max(off.length());
        }
        report.error = Some(wrong.min(f32::MAX));
        report.horizon = time.secs_from(self.anchors.evidence(time)).max(0.0);
        if !late {
            self.choice.learn(time.secs_from(key_time), errors.map(|e| e / self.epsilon));
        }
    }

    fn correct(&mut self, time: Timestamp, points: &[Keypoint]) {
        let seen = self.anchors.good().map_or(time, |good| good.max(time));
        let before = self.mix(seen);
        let left = self.left(seen);
        for i in 0..self.marks.len() {
            self.marks[i].rest = self.place(i, &before, left);
        }
        for (mark, k) in self.marks.iter_mut().zip(points) {
            mark.path.measure(time, &[k.at.x, k.at.y], |_| self.epsilon);
            mark.see(k.visibility);
        }
        self.scratch.clear();
        self.scratch.extend(points.iter().map(|k| k.at));
        self.anchors.measure(time, &self.scratch, self.epsilon);
        agree(&mut self.marks);
        let after = self.mix(seen);
        for i in 0..self.marks.len() {
            let jump = self.place(i, &after, 0.0) - self.marks[i].rest;
            let length = jump.length();
            self.marks[i].rest = if length <= self.epsilon {
                jump.scaled((0.5 * self.epsilon / length.max(1e-6)).min(1.0))
            } else {
                Point::default()
            };
        }
        self.blend = seen;
    }

    fn key_time(&self) -> Option<Timestamp> {
        self.marks.first().map(|m| m.path.key_time())
    }

    fn shares(&self, age: f32) -> [f32; WAYS] {
        if self.without.has(Ingredients::CHOICE) {
            let mut all = [0.0; WAYS];
            all[AHEAD] = 1.0;
            return all;
        }
        self.choice.shares(age)
    }

    /// How the answer for `at` is made.
    fn mix(&self, at: Timestamp) -> Mix {
        let key_time = self.key_time().unwrap_or(at);
        let between = at < key_time;
        let shares = self.shares(at.secs_from(key_time).max(0.0));
        let moved = [AHEAD, SEEN].map(|way| {
            if shares[way] > 0.0 && !between {
                self.anchors.moved(at, way == AHEAD)
            } else {
                Moved::default()
            }
        });
        Mix { at, between, shares, moved }
    }

    /// What of a correction is not shown yet at `at`, from 0 to 1.
    fn left(&self, at: Timestamp) -> f32 {
        if self.times.blends() { (1.0 - at.secs_from(self.blend) / BLEND).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Point `i`, where the share `left` of the newest correction is not shown yet.
    fn place(&self, i: usize, mix: &Mix, left: f32) -> Point {
        let mark = &self.marks[i];
        if mix.between {
            return mark.position(mix.at) - mark.rest.scaled(left);
        }
        let held = mark.level();
        let mut place = held;
        for (moved, share) in mix.moved.iter().zip([mix.shares[AHEAD], mix.shares[SEEN]]) {
            if share > 0.0 {
                place = place + self.anchors.between(i, moved).scaled(share);
            }
        }
        if mix.shares[TREND] > 0.0 {
            place = place + (mark.position(mix.at) - held).scaled(mix.shares[TREND]);
        }
        place - mark.rest.scaled(left)
    }

    fn spread(&self, at: Timestamp) -> f32 {
        self.anchors.spread(self.is_shown(), |path, j| path.variance(j, at))
    }

    fn size(&self) -> f32 {
        extent(self.marks.iter().map(Mark::level))
    }

    fn is_shown(&self) -> impl Fn(usize) -> bool {
        |i| self.marks.get(i).is_some_and(|m| m.shown)
    }
}

/// The place that ways with these shares have in common.
fn mixed(ways: [Point; WAYS], shares: [f32; WAYS]) -> Point {
    ways.into_iter().zip(shares).fold(Point::default(), |sum, (way, share)| sum + way.scaled(share))
}

/// Draws each velocity to the shape's: as far as the points agree, their common motion is known better.
fn agree(marks: &mut [Mark]) {
    let velocities: Vec<Point> =
        (marks.iter().filter(|m| m.shown)).map(|m| Point::new(m.path.rate(0).0, m.path.rate(1).0)).collect();
    let Some((common, spread)) = common_motion(&velocities).filter(|_| velocities.len() >= 4) else {
        return;
    };
    let root = libm::sqrtf(velocities.len() as f32);
    for mark in marks {
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
        self.anchors.targets(side, background, self.is_shown(), out);
    }

    fn follow(&mut self, time: Timestamp, fits: &[Fit]) {
        self.anchors.follow(time, fits);
    }

    fn lost(&self, fits: &[Fit]) -> bool {
        self.anchors.lost(fits)
    }

    fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        let Value::Keypoints(out) = out else { return None };
        let newest = self.times.answerable(at)?;
        out.clear();
        let (mix, left) = (self.mix(at), self.left(at));
        let within = |x: f32| x.clamp(-1e6, 1e6);
        out.extend((0..self.marks.len()).map(|i| {
            let p = self.place(i, &mix, left);
            Keypoint { at: Point::new(within(p.x), within(p.y)), visibility: self.marks[i].visibility() }
        }));
        let between = at < newest;
        let moves = mix.shares[AHEAD] + mix.shares[SEEN] > 0.0;
        let (pixels, trend) = self.anchors.carried();
        let trends = (mix.shares[AHEAD] > 0.0 && trend)
            || (mix.shares[TREND] > 0.0 && self.marks.iter().any(|m| m.path.trends()));
        let from = if moves { self.anchors.good().unwrap_or(newest) } else { newest };
        Some(Carried {
            carry: (!between).then(|| carry(moves && pixels, trends)),
            key_frame: newest,
            horizon: if between { 0.0 } else { at.secs_from(from).max(0.0) },
            spread: self.spread(at),
            doubtful: 0,
        })
    }

    fn outlook(&self, at: Timestamp, horizon: f32) -> Option<f32> {
        Some(self.anchors.spread(self.is_shown(), |path, j| path.outlook(j, at, horizon)))
    }

    fn tracks(&self, at: Timestamp, out: &mut Vec<TrackState>) {
        let side = (0.125 * self.size()).clamp(12.0, 64.0);
        let mix = self.mix(at);
        let since = at.secs_from(self.anchors.good().unwrap_or(at)).max(0.0);
        out.extend(self.marks.iter().enumerate().filter(|(_, m)| m.shown).map(|(i, m)| TrackState {
            identity: i as u32,
            bounds: Rect::from_center(self.place(i, &mix, 0.0), side, side),
            spread: m.spread(at),
            since_evidence: since,
            fit: self.anchors.fit(i),
            doubtful: false,
            covered: 0.0,
        }));
    }

    fn without(&mut self, ingredients: Ingredients) {
        self.without = ingredients;
    }

    fn reset(&mut self) {
        self.times.reset();
        self.marks.clear();
        self.anchors.clear();
    }
}

/// The larger side of the smallest box around the points, in pixels; 1 at least.
fn extent(points: impl Iterator<Item = Point>) -> f32 {
    let start = (f32::MAX, f32::MIN, f32::MAX, f32::MIN);
    let (x0, x1, y0, y1) =
        points.fold(start, |(x0, x1, y0, y1), p| (x0.min(p.x), x1.max(p.x), y0.min(p.y), y1.max(p.y)));
    (x1 - x0).max(y1 - y0).clamp(1.0, 1e5)
}
