//! A mask: its signed distance to the boundary, moved with the pixels of its region.
//! **Invariant:** memory is bounded by the largest grid (some 1.6 MiB), and after a first result nothing is allocated.
//! It does not look at pixels: it takes where the follower says that the region went.

use alloc::{boxed::Box, vec, vec::Vec};

use super::{
    Backtest, Carried, TrackState,
    ageing::Ageing,
    carry,
    distance::{FAR, PARTS, Transform, share},
    form::{Form, Times},
    gain::Gain,
    kalman::Tuning,
    path::Path,
    track::LEAST_SIGMA,
};
use crate::{
    gate::{Fit, FitState, Target},
    geometry::{Point, Rect},
    time::Timestamp,
    value::{Mask, Value},
};

/// Results that are kept for a delayed display: half a second at eight a second.
const KEPT: usize = 4;
/// Share of the boundary within the error: the rest are spurs of a cell or two (the 95% Hausdorff distance).
const QUANTILE: f32 = 0.95;
/// Parts of a cell in which boundary distances are counted.
const BIN: i32 = PARTS as i32 / 8;
const BINS: usize = (FAR as i32 / BIN + 1) as usize;
/// Only cells within this of the boundary say how two masks differ.
const NEAR: i16 = 8 * PARTS;
/// How long a correction takes to show in full, in seconds.
const BLEND: f32 = 0.1;

/// One mask.
#[derive(Debug)]
pub(super) struct Masks {
    epsilon: f32,
    times: Times,
    field: Option<Field>,
}

/// The mask on the key frame as a field of distances.
#[derive(Debug)]
struct Field {
    width: usize,
    height: usize,
    bounds: Rect,
    transform: Transform,
    level: Vec<i16>,
    /// What of the last correction is not shown yet.
    rest: Vec<i16>,
    /// The newest result, what was expected, and how they differed the time before.
    fresh: Vec<i16>,
    expected: Vec<i16>,
    last: Vec<i16>,
    counts: Vec<u32>,
    gain: Gain,
    /// Centre and logarithm of the size, when there is anything.
    path: Option<Path>,
    region: Rect,
    fit: Option<FitState>,
    kept: [(Timestamp, Vec<i16>); KEPT],
    count: usize,
    ageing: Ageing,
}

/// Where on the key frame a cell of another time comes from: in cells, along each axis.
#[derive(Clone, Copy, Debug)]
struct Warp {
    from: Point,
    step: f32,
}

impl Field {
    fn new(mask: &Mask, epsilon: f32) -> Self {
        let (width, height) = (usize::from(mask.width), usize::from(mask.height));
        let blank = vec![0_i16; width * height];
        Self {
            width,
            height,
            bounds: mask.bounds,
            transform: Transform::new(width, height),
            level: blank.clone(),
            rest: blank.clone(),
            fresh: blank.clone(),
            expected: blank.clone(),
            last: blank.clone(),
            counts: vec![0; BINS],
            gain: Gain::new(),
            path: None,
            region: Rect::default(),
            fit: None,
            kept: core::array::from_fn(|_| (Timestamp::ZERO, blank.clone())),
            count: 0,
            ageing: Ageing::new(epsilon),
        }
    }

    /// A copy without what only results need: memory for the transform and for comparing.
    fn for_answers(&self) -> Self {
        Self {
            width: self.width,
            height: self.height,
            bounds: self.bounds,
            transform: Transform::new(0, 0),
            level: self.level.clone(),
            rest: self.rest.clone(),
            fresh: Vec::new(),
            expected: Vec::new(),
            last: Vec::new(),
            counts: Vec::new(),
            gain: self.gain,
            path: self.path.clone(),
            region: self.region,
            fit: self.fit,
            kept: self.kept.clone(),
            count: self.count,
            ageing: self.ageing.clone(),
        }
    }

    fn fits(&self, mask: &Mask) -> bool {
        (self.width, self.height) == (usize::from(mask.width), usize::from(mask.height))
            && self.bounds == mask.bounds
    }

    /// Size of a cell, in pixels.
    fn cell(&self) -> Point {
        Point::new(self.bounds.width() / self.width as f32, self.bounds.height() / self.height as f32)
    }

    /// Pixels for each cell of distance.
    fn pixels(&self) -> f32 {
        libm::sqrtf(self.cell().x * self.cell().y)
    }

    /// How the key frame's mask lies at `at`; `None` where it has not moved.
    fn warp(&self, at: Timestamp) -> Option<Warp> {
        let path = self.path.as_ref()?;
        let (cell, origin) = (self.cell(), Point::new(self.bounds.x0, self.bounds.y0));
        let key = Point::new(path.key(0), path.key(1));
        let now = Point::new(path.position(0, at), path.position(1, at));
        let scale = libm::expf((path.position(2, at) - path.key(2)).clamp(-1.5, 1.5));
        let moved = now - key;
        if (moved.x / cell.x).abs() + (moved.y / cell.y).abs() < 0.02 && (scale - 1.0).abs() < 1e-3 {
            return None;
        }
        // The centre of the first cell, seen from the moved centre, shrunk and put back.
        let first = Point::new(origin.x + 0.5 * cell.x, origin.y + 0.5 * cell.y);
        let from = key + (first - now).scaled(1.0 / scale) - first;
        let cells = |x: f32, size: f32| (x / size).clamp(-1e4, 1e4);
        Some(Warp { from: Point::new(cells(from.x, cell.x), cells(from.y, cell.y)), step: 1.0 / scale })
    }

    /// Calls `each` for every cell with its distance at `at`, with `left` of the last correction still to show.
    fn carried(&self, at: Timestamp, left: f32, mut each: impl FnMut(usize, i32)) {
        let parts = (left.clamp(0.0, 1.0) * 256.0) as i32;
        let value = |i: usize| i32::from(self.level[i]) - ((i32::from(self.rest[i]) * parts) >> 8);
        let Some(warp) = self.warp(at) else {
            (0..self.level.len()).for_each(|i| each(i, value(i)));
            return;
        };
        // In 256ths of a cell, held at the grid's edge.
        let place = |from: f32, n: usize, size: usize| {
            let at = ((from + n as f32 * warp.step) * 256.0).clamp(0.0, (size - 1) as f32 * 256.0) as usize;
            (at >> 8, ((at >> 8) + 1).min(size - 1), (at & 255) as i32)
        };
        for y in 0..self.height {
            let (up, down, dy) = place(warp.from.y, y, self.height);
            for x in 0..self.width {
                let (west, east, dx) = place(warp.from.x, x, self.width);
                let row = |y: usize| {
                    let (a, b) = (value(y * self.width + west), value(y * self.width + east));
                    (a << 8) + (b - a) * dx
                };
                let (top, bottom) = (row(up), row(down));
                each(y * self.width + x, (top + ((bottom - top) >> 8) * dy) >> 8);
            }
        }
    }

    /// The distance between the boundaries of what was expected and of the newest result that 95% of either are
    /// within, in pixels.
    fn apart(&mut self) -> f32 {
        self.counts.fill(0);
        let mut total = 0_u32;
        for (a, b) in self.expected.iter().zip(&self.fresh) {
            // A cell at the boundary of both counts for either.
            for _ in [a, b].into_iter().filter(|d| i32::from(d.abs()) < 6 * BIN) {
                let bin = (i32::from(*a) - i32::from(*b)).abs() / BIN;
                self.counts[(bin as usize).min(BINS - 1)] += 1;
                total += 1;
            }
        }
        let mut within = 0;
        let wanted = (QUANTILE * total as f32) as u32;
        let bin = self.counts.iter().position(|n| {
            within += n;
            within > wanted.min(total.saturating_sub(1))
        });
        let parts = bin.map_or(0, |bin| bin as i32 * BIN);
        parts as f32 / f32::from(PARTS) * self.pixels()
    }

    /// Whether the newest result differs from what was expected as the one before did: the cosine of the differences.
    /// Keeps the difference.
    fn agreement(&mut self) -> f32 {
        let (mut dot, mut now, mut before) = (0_i64, 0_i64, 0_i64);
        for ((last, fresh), expected) in self.last.iter_mut().zip(&self.fresh).zip(&self.expected) {
            let near = fresh.abs() < NEAR || expected.abs() < NEAR;
            let miss = if near { (fresh.saturating_sub(*expected)).clamp(-NEAR, NEAR) } else { 0 };
            dot += i64::from(miss) * i64::from(*last);
            now += i64::from(miss) * i64::from(miss);
            before += i64::from(*last) * i64::from(*last);
            *last = miss;
        }
        let norms = libm::sqrt(now as f64) * libm::sqrt(before as f64);
        if norms > 0.0 { (dot as f64 / norms) as f32 } else { 0.0 }
    }

    /// Variance of where the boundary is by the motion of the region, in square pixels.
    fn variance(&self, of: impl Fn(&Path, usize) -> f32) -> f32 {
        self.path.as_ref().map_or(0.0, |path| {
            let size = libm::expf(path.key(2).clamp(-1.0, 12.0));
            of(path, 0) + of(path, 1) + 0.25 * size * size * of(path, 2)
        })
    }

    /// Takes the newest result into the level, where `error` is how wrong what was expected is.
    fn admit(&mut self, time: Timestamp, dt: f32, left: f32, error: f32, epsilon: f32) {
        let agreement = self.agreement();
        let gain = if error > epsilon {
            self.gain.snap();
            1.0
        } else {
            self.gain.take(dt, agreement)
        };
        let shown = if error > epsilon { 0.0 } else { (0.5 * epsilon / error.max(1e-6)).min(1.0) };
        for (i, fresh) in self.fresh.iter().enumerate() {
            let expected = f32::from(self.expected[i]);
            let level = expected + gain * (f32::from(*fresh) - expected);
            let before = expected - left * f32::from(self.rest[i]);
            self.rest[i] = (shown * (level - before)) as i16;
            self.level[i] = level as i16;
        }
        self.remember(time);
    }

    fn remember(&mut self, time: Timestamp) {
        if self.count == KEPT && self.kept[KEPT - 1].0 != time {
            self.kept.rotate_left(1);
        } else if self.count == 0 || self.kept[self.count - 1].0 != time {
            self.count += 1;
        }
        let (at, field) = &mut self.kept[self.count - 1];
        *at = time;
        field.copy_from_slice(&self.level);
    }

    /// Takes where the newest result lies.
    fn place(&mut self, time: Timestamp, mask: &Mask, epsilon: f32) {
        let cell = self.cell();
        let (mut sum, mut n) = (Point::default(), 0.0_f32);
        let (mut low, mut high) = ((usize::MAX, usize::MAX), (0, 0));
        for (i, _) in mask.cells.iter().enumerate().filter(|(_, c)| **c >= 128) {
            let (x, y) = (i % self.width, i / self.width);
            sum = sum + Point::new(x as f32 + 0.5, y as f32 + 0.5);
            n += 1.0;
            (low, high) = ((low.0.min(x), low.1.min(y)), (high.0.max(x + 1), high.1.max(y + 1)));
        }
        self.fit = None;
        if n == 0.0 {
            self.path = None;
            return;
        }
        let at = |x: f32, y: f32| Point::new(self.bounds.x0 + x * cell.x, self.bounds.y0 + y * cell.y);
        let (a, b) = (at(low.0 as f32, low.1 as f32), at(high.0 as f32, high.1 as f32));
        self.region = Rect::new(a.x, a.y, b.x, b.y);
        let center = at(sum.x / n, sum.y / n);
        let size = libm::sqrtf(n * cell.x * cell.y).max(1e-3);
        let z = [center.x, center.y, libm::logf(size)];
        // As a box of that size (see `track`); but where the shape changes, its centre makes a step and no trend.
        let noise = 0.02 * size + 0.3;
        let tuning = |j| {
            if j < 2 {
                Tuning { noise, speed: 2.0 * size + 20.0, damping: f32::INFINITY, steps: true }
            } else {
                Tuning { noise: 1.4 * noise / size, speed: 0.5, damping: 0.3, steps: true }
            }
        };
        match &mut self.path {
            Some(path) => path.measure(time, &z, |j| if j < 2 { epsilon } else { epsilon / size }),
            None => self.path = Some(Path::new(time, &z, tuning, 64)),
        }
    }

    /// Where the region is at `at`.
    fn region_at(&self, path: &Path, at: Timestamp) -> Rect {
        let scale = libm::expf((path.position(2, at) - path.key(2)).clamp(-1.5, 1.5));
        let key = Point::new(path.key(0), path.key(1));
        let now = Point::new(path.position(0, at), path.position(1, at));
        let to = |x: f32, y: f32| now + (Point::new(x, y) - key).scaled(scale);
        let (a, b) = (to(self.region.x0, self.region.y0), to(self.region.x1, self.region.y1));
        let place = |x: f32| x.clamp(-1e6, 1e6);
        Rect::new(place(a.x), place(a.y), place(b.x), place(b.y))
    }
}

impl Masks {
    pub const fn new(epsilon: f32, delay: f32) -> Self {
        Self { epsilon, times: Times::new(delay), field: None }
    }

    fn left(&self, at: Timestamp) -> f32 {
        let since = self.times.newest().map_or(1.0, |newest| at.secs_from(newest));
        if self.times.blends() { (1.0 - since / BLEND).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn take(&mut self, time: Timestamp, mask: &Mask) -> Backtest {
        let age = self.times.age(time);
        let mut report = Backtest { age, horizon: age, ..Backtest::default() };
        let left = self.left(time);
        let epsilon = self.epsilon;
        let known = self.times.newest().is_some();
        if let Some(field) = self.field.as_mut().filter(|f| known && f.fits(mask)) {
            let mut fresh = core::mem::take(&mut field.fresh);
            field.transform.run(&mask.cells, &mut fresh);
            field.fresh = fresh;
            let mut expected = core::mem::take(&mut field.expected);
            field.carried(time, 0.0, |i, d| expected[i] = bounded(d));
            field.expected = expected;
            let error = field.apart();
            let noise = if error > epsilon { 0.0 } else { field.gain.noise(age) };
            report.error = Some(error * libm::sqrtf(1.0 - noise));
            if let Some(path) = &field.path {
                report.horizon = time.secs_from(path.forecast(0, time).1).max(0.0);
            }
            if self.times.late(time) {
                return report;
            }
            let rigid = field.variance(|path, j| path.variance(j, time));
            let left_over = (error * error * (1.0 - noise) - rigid).max(0.0);
            field.ageing.learn(age, libm::sqrtf(left_over));
            field.admit(time, age, left, error, epsilon);
            field.place(time, mask, epsilon);
        } else {
            if self.times.late(time) {
                return report;
            }
            let mut field = Field::new(mask, epsilon);
            let mut level = core::mem::take(&mut field.level);
            field.transform.run(&mask.cells, &mut level);
            field.level = level;
            field.remember(time);
            field.place(time, mask, epsilon);
            self.field = Some(field);
        }
        self.times.add(time);
        report
    }
}

impl Form for Masks {
    fn for_answers(&self) -> Box<dyn Form> {
        Box::new(Self {
            epsilon: self.epsilon,
            times: self.times,
            field: self.field.as_ref().map(Field::for_answers),
        })
    }

    fn admit(&mut self, time: Timestamp, value: &Value) -> Backtest {
        match value {
            Value::Mask(mask) => self.take(time, mask),
            _ => Backtest::default(),
        }
    }

    fn targets(&self, background: Point, out: &mut Vec<Target>) {
        let Some((field, path)) = self.field.as_ref().and_then(|f| Some((f, f.path.as_ref()?))) else {
            return;
        };
        let known = path.good() > path.key_time();
        let moved = |at| Point::new(path.position(0, at) - path.key(0), path.position(1, at) - path.key(1));
        let guess = if known { moved(path.good()) } else { background };
        out.push(Target { identity: 0, bounds: field.region, guess });
    }

    fn follow(&mut self, time: Timestamp, fits: &[Fit]) {
        let Some(field) = &mut self.field else { return };
        let (Some(path), Some(fit)) = (&mut field.path, fits.iter().find(|f| f.identity == 0)) else {
            return;
        };
        if time <= path.key_time() {
            return;
        }
        let sound =
            fit.moved.is_finite() && fit.sigma.is_finite() && fit.scale.is_finite() && fit.scale > 0.0;
        field.fit = Some(if sound { fit.state } else { FitState::Lost });
        if field.fit != Some(FitState::Followed) {
            return;
        }
        // The fit moves the middle of the region; the mask's own centre moves with it, and away from it by the scale.
        let (center, middle) = (Point::new(path.key(0), path.key(1)), field.region.center());
        let scale = fit.scale.clamp(0.2, 5.0);
        let to = middle + fit.moved + (center - middle).scaled(scale);
        let log = path.key(2) + libm::logf(scale);
        let sigma = fit.sigma.abs().max(LEAST_SIGMA);
        let half = 0.5 * field.region.width().max(field.region.height()).max(1.0);
        path.follow(time, |j| [to.x, to.y, log][j], |j| if j < 2 { sigma } else { sigma / half });
    }

    fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        let Value::Mask(out) = out else { return None };
        let newest = self.times.answerable(at)?;
        let field = self.field.as_ref()?;
        (out.width, out.height, out.bounds) = (field.width as u16, field.height as u16, field.bounds);
        out.cells.resize(field.level.len(), 0);
        let between = at < newest;
        let next = field.kept[..field.count].iter().position(|(t, _)| *t > at).filter(|_| between);
        match next {
            Some(0) => {
                let first = &field.kept[0].1;
                out.cells.iter_mut().zip(first).for_each(|(cell, d)| *cell = share(i32::from(*d)));
            }
            Some(next) => {
                let ((from, a), (to, b)) = (&field.kept[next - 1], &field.kept[next]);
                let part = at.secs_from(*from) / to.secs_from(*from).max(1e-9);
                let part = (part.clamp(0.0, 1.0) * 256.0) as i32;
                for (cell, (a, b)) in out.cells.iter_mut().zip(a.iter().zip(b)) {
                    let (a, b) = (i32::from(*a), i32::from(*b));
                    *cell = share(a + (((b - a) * part) >> 8));
                }
            }
            None => field.carried(at, self.left(at), |i, d| out.cells[i] = share(d)),
        }
        let age = at.secs_from(newest).max(0.0);
        let shape = field.ageing.spread(age);
        let good = field.path.as_ref().map_or(newest, Path::good);
        let pixels = field.path.as_ref().is_some_and(Path::pixels);
        Some(Carried {
            carry: (!between).then(|| carry(pixels, field.path.as_ref().is_some_and(Path::trends))),
            key_frame: newest,
            horizon: if between { 0.0 } else { at.secs_from(good).max(0.0) },
            spread: libm::sqrtf(shape * shape + field.variance(|path, j| path.variance(j, at))),
            doubtful: 0,
        })
    }

    fn outlook(&self, at: Timestamp, horizon: f32) -> Option<f32> {
        let (field, newest) = (self.field.as_ref()?, self.times.newest()?);
        let shape = field.ageing.spread(at.secs_from(newest).max(0.0));
        Some(libm::sqrtf(shape * shape + field.variance(|path, j| path.outlook(j, at, horizon))))
    }

    fn tracks(&self, at: Timestamp, out: &mut Vec<TrackState>) {
        let Some((field, path)) = self.field.as_ref().and_then(|f| Some((f, f.path.as_ref()?))) else {
            return;
        };
        out.push(TrackState {
            identity: 0,
            bounds: field.region_at(path, at),
            spread: libm::sqrtf(field.variance(|path, j| path.variance(j, at))),
            since_evidence: at.secs_from(path.good()).max(0.0),
            fit: field.fit,
            doubtful: false,
            covered: 0.0,
        });
    }

    fn reset(&mut self) {
        self.times.reset();
        self.field = None;
    }
}

fn bounded(distance: i32) -> i16 {
    distance.clamp(-i32::from(FAR), i32::from(FAR)) as i16
}
