//! A part of the key frame as a sparse set of samples, and the fit of its motion, shape, gain and offset to a frame.
//! **Invariant:** a fit of any patch to any frame is finite, and costs at most [`MAX_STEPS`] evaluations a call.
//! It does not choose where to start or when to search: `follow` does.
//!
//! # Source
//! Inverse compositional alignment: Baker and Matthews, IJCV 2004. Robust weights: Tukey's biweight.

use crate::geometry::{Point, Rect};

use super::{
    picture::Picture,
    sample::Sampler,
    solve::{LANES, Normal, dot, median, sum},
};

/// The most samples of a patch: 16 × 9 for the background, 12 × 12 for a large target.
pub(super) const SAMPLES: usize = 144;
/// The most Gauss–Newton steps of one fit.
pub(super) const MAX_STEPS: usize = 8;
/// A step shorter than this, in working pixels, ends the fit: what remains is of second order, about a tenth of it.
const SMALL_STEP: f32 = 0.08;
/// The longest step taken at once, in working pixels: beyond it the gradient says nothing.
const TRUST: f32 = 2.0;
/// Pixels tried across and down a cell, about.
const CANDIDATES: u32 = 6;
/// Tukey's constant: 95% efficiency for normal residuals.
const TUKEY: f32 = 4.685;
/// Mean change of a sample's weight above which the step is solved again with the new weights.
const NEWS: f32 = 0.1;
/// The least noise of a working pixel, in levels: quantisation and interpolation.
const NOISE_FLOOR: f32 = 0.4;
/// The least gain that a motion is divided by.
const LEAST_GAIN: f32 = 0.2;

type Column = [f32; SAMPLES];

/// Where a patch is in a frame: a key-frame position `c + o` is at `c + shift + o + linear·o`, in working pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pose {
    pub shift: Point,
    /// Row-major departure of the linear part from identity.
    pub linear: [f32; 4],
}

impl Pose {
    /// Motion of the point `o` away from the patch's centre.
    pub fn motion(&self, o: Point) -> Point {
        let l = &self.linear;
        Point::new(self.shift.x + l[0] * o.x + l[1] * o.y, self.shift.y + l[2] * o.x + l[3] * o.y)
    }

    /// Change of size: the square root of the determinant.
    pub fn scale(&self) -> f32 {
        let l = &self.linear;
        let det = (1.0 + l[0]) * (1.0 + l[3]) - l[1] * l[2];
        libm::sqrtf(det.max(1e-4))
    }
}

/// What is known of the start of a fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub pose: Pose,
    /// How far from it the patch may well be, in working pixels: decides where there is no texture.
    pub spread: f32,
    /// Whether the linear part may be fitted.
    pub linear: bool,
}

/// The end of a fit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    pub pose: Pose,
    /// From 0 (identical but for noise, gain and offset) to 1 (unrelated).
    pub residual: f32,
    /// Standard error of the shift along its worst direction, in working pixels.
    pub sigma: f32,
    /// Robust standard deviation of the residual, in levels.
    pub noise: f32,
    pub gain: f32,
    /// Share of the patch that lies inside the frame, from 0 to 1.
    pub seen: f32,
}

/// Samples of the key picture.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    /// Samples, and those rounded up to whole lanes with zero weight.
    count: usize,
    padded: usize,
    /// Centre and half size of the area, in working pixels.
    pub center: Point,
    pub half: Point,
    /// Standard deviation of the samples, in levels.
    pub contrast: f32,
    mean: f32,
    /// How much more than its share of noise the steepest pixel of a cell has: Σ 1/k over its candidates.
    luck: f32,
    dx: Column,
    dy: Column,
    /// Weight by place: the corners of a box rarely belong to what is in it.
    window: Column,
    /// Tukey weights of the newest fit.
    robust: Column,
    /// Columns of the problem: value, 1, ∂x, ∂y, and ∂x and ∂y times the place.
    columns: [Column; 8],
}

/// Buffers of one fit.
struct Work {
    value: Column,
    inside: Column,
    weight: Column,
    error: Column,
    sorted: Column,
}

impl Patch {
    /// A patch without samples.
    pub const fn empty() -> Self {
        const ZERO: Column = [0.0; SAMPLES];
        Self {
            count: 0,
            padded: 0,
            center: Point::new(0.0, 0.0),
            half: Point::new(0.0, 0.0),
            contrast: 0.0,
            mean: 0.0,
            luck: 1.0,
            dx: ZERO,
            dy: ZERO,
            window: ZERO,
            robust: ZERO,
            columns: [ZERO; 8],
        }
    }

    /// How many samples there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Takes up to `nx` × `ny` samples of `area`, in working pixels: in each cell the pixel with the steepest
    /// brightness that `taken` does not rule out. With `taper`, samples far from the centre weigh less.
    pub fn build(
        &mut self,
        key: &Picture,
        area: &Rect,
        (nx, ny): (u32, u32),
        taper: bool,
        taken: impl Fn(i32, i32) -> bool,
    ) {
        self.count = 0;
        self.padded = 0;
        self.contrast = 0.0;
        let (w, h) = (key.size.0 as f32, key.size.1 as f32);
        if !area.is_valid() || area.x1 <= 0.0 || area.y1 <= 0.0 || area.x0 >= w || area.y0 >= h {
            return;
        }
        // Gradients need a neighbour on each side.
        let (x0, x1) = extent(area.x0, area.x1, w);
        let (y0, y1) = extent(area.y0, area.y1, h);
        if x1 < x0 || y1 < y0 {
            return;
        }
        let (wide, high) = ((x1 - x0 + 1) as u32, (y1 - y0 + 1) as u32);
        self.center = Point::new((x0 + x1 + 1) as f32 * 0.5, (y0 + y1 + 1) as f32 * 0.5);
        self.half = Point::new(wide as f32 * 0.5, high as f32 * 0.5);
        let (nx, ny) = (nx.clamp(1, wide), ny.clamp(1, high));
        let tried = |len: u32, n: u32| (len / n).clamp(1, CANDIDATES);
        self.luck = (1..=tried(wide, nx) * tried(high, ny)).map(|k| 1.0 / k as f32).sum();
        for cy in 0..ny {
            for cx in 0..nx {
                let cell = |i: u32, n: u32, len: u32, at: i32| {
                    (at + (i * len / n) as i32, at + ((i + 1) * len / n) as i32)
                };
                let (px, py) = (cell(cx, nx, wide, x0), cell(cy, ny, high, y0));
                self.pick(key, px, py, taper, &taken);
            }
        }
        self.finish();
    }

    /// Adds the steepest free pixel of a cell.
    fn pick(
        &mut self,
        key: &Picture,
        (x0, x1): (i32, i32),
        (y0, y1): (i32, i32),
        taper: bool,
        taken: &impl Fn(i32, i32) -> bool,
    ) {
        if self.count == SAMPLES {
            return;
        }
        let spacing = |len: i32| (len / CANDIDATES as i32).max(1);
        let (sx, sy) = (spacing(x1 - x0), spacing(y1 - y0));
        let mut best: Option<(f32, i32, i32)> = None;
        let mut y = y0;
        while y < y1 {
            let mut x = x0;
            while x < x1 {
                let (gx, gy) = gradient(key, x, y);
                let steep = gx * gx + gy * gy;
                if best.is_none_or(|(b, _, _)| steep > b) && !taken(x, y) {
                    best = Some((steep, x, y));
                }
                x += sx;
            }
            y += sy;
        }
        let Some((_, x, y)) = best else { return };
        let i = self.count;
        let (gx, gy) = gradient(key, x, y);
        self.dx[i] = x as f32 + 0.5 - self.center.x;
        self.dy[i] = y as f32 + 0.5 - self.center.y;
        let (u, v) = (self.dx[i] / self.half.x, self.dy[i] / self.half.y);
        self.window[i] = if taper { 1.0 - 0.4 * (u * u + v * v) } else { 1.0 };
        self.columns[0][i] = key.at(x, y);
        self.columns[1][i] = 1.0;
        self.columns[2][i] = gx;
        self.columns[3][i] = gy;
        self.columns[4][i] = gx * u;
        self.columns[5][i] = gx * v;
        self.columns[6][i] = gy * u;
        self.columns[7][i] = gy * v;
        self.count += 1;
    }

    /// Centres the values and pads to whole lanes.
    fn finish(&mut self) {
        self.padded = self.count.next_multiple_of(LANES);
        for i in self.count..self.padded {
            self.dx[i] = 0.0;
            self.dy[i] = 0.0;
            self.window[i] = 0.0;
            for column in &mut self.columns {
                column[i] = 0.0;
            }
        }
        let n = self.padded;
        let total = sum(&self.window[..n]);
        if total <= 0.0 {
            self.count = 0;
            self.padded = 0;
            return;
        }
        self.mean = dot(&self.window[..n], &self.columns[0][..n]) / total;
        let mut spread = 0.0;
        for i in 0..self.count {
            self.columns[0][i] -= self.mean;
            spread += self.window[i] * self.columns[0][i] * self.columns[0][i];
        }
        self.contrast = libm::sqrtf(spread / total);
        self.trust_all();
    }

    /// Forgets which samples were outliers.
    pub fn trust_all(&mut self) {
        self.robust[..self.padded].fill(1.0);
    }

    /// Fits the patch to a frame from `start`. `noise` is the standard deviation of a working pixel.
    pub fn fit(&mut self, frame: &Sampler<'_>, start: &Start, noise: f32) -> Outcome {
        let mut out = Outcome { pose: start.pose, residual: 1.0, sigma: start.spread, ..Outcome::default() };
        if self.count == 0 {
            return out;
        }
        let noise = noise.max(NOISE_FLOOR);
        let zero = [0.0; SAMPLES];
        let mut work = Work { value: zero, inside: zero, weight: zero, error: zero, sorted: zero };
        let mut gain = 1.0;
        let mut scale = noise.max(0.1 * self.contrast);
        for step in 0..MAX_STEPS {
            out.seen = self.read(frame, &out.pose, gain, &mut work);
            if out.seen < 0.2 {
                out.noise = noise;
                return out;
            }
            // The linear part needs samples, and a shift that is nearly right.
            let linear = start.linear && self.count >= 24 && (step > 0 || scale < 0.3 * self.contrast);
            let mut solved = self.solve(&mut work, &out.pose, start, linear, (gain, scale, noise));
            let (next, news) = self.reweigh(&mut work, noise);
            scale = next;
            if news > NEWS {
                let priors = (solved.gain, scale, noise);
                solved = self.solve(&mut work, &out.pose, start, linear, priors);
                scale = self.reweigh(&mut work, noise).0;
            }
            gain = solved.gain;
            let length = solved.step.length();
            let k = if length > TRUST { TRUST / length } else { 1.0 };
            advance(&mut out.pose, &solved, k);
            out.sigma = solved.sigma;
            if length < SMALL_STEP && solved.bend < SMALL_STEP {
                break;
            }
        }
        out.gain = gain;
        out.noise = scale;
        out.residual = self.residual(&work, gain, noise);
        out
    }

    /// Reads the frame at every sample; returns the share of the patch inside the frame.
    fn read(&self, frame: &Sampler<'_>, pose: &Pose, gain: f32, work: &mut Work) -> f32 {
        let l = &pose.linear;
        let (ox, oy) = (self.center.x + pose.shift.x, self.center.y + pose.shift.y);
        let (mut seen, mut all) = (0.0, 0.0);
        for i in 0..self.count {
            let (dx, dy) = (self.dx[i], self.dy[i]);
            let x = ox + dx + l[0] * dx + l[1] * dy;
            let y = oy + dy + l[2] * dx + l[3] * dy;
            all += self.window[i];
            (work.value[i], work.inside[i]) = (0.0, 0.0);
            if let Some(s) = frame.at(x, y) {
                let slope = self.columns[2][i] * s.off_x + self.columns[3][i] * s.off_y;
                work.value[i] = s.value - self.mean - gain * slope;
                work.inside[i] = self.window[i];
                seen += self.window[i];
            }
        }
        for i in 0..self.padded {
            work.weight[i] = work.inside[i] * self.robust[i];
        }
        seen / all
    }

    /// One weighted least-squares step: gain, offset, shift and, with `linear`, the linear part.
    fn solve(
        &self,
        work: &mut Work,
        pose: &Pose,
        start: &Start,
        linear: bool,
        (gain, scale, noise): (f32, f32, f32),
    ) -> Solved {
        let n = self.padded;
        let unknowns = if linear { 8 } else { 4 };
        let mut normal = Normal::new(unknowns);
        let mut weighted = [0.0; SAMPLES];
        for i in 0..unknowns {
            for (v, (w, c)) in weighted.iter_mut().zip(work.weight.iter().zip(&self.columns[i])).take(n) {
                *v = w * c;
            }
            for j in 0..=i {
                normal.set(i, j, dot(&weighted[..n], &self.columns[j][..n]));
            }
            normal.set_rhs(i, dot(&weighted[..n], &work.value[..n]));
        }
        let total = normal.get(1, 1);
        let variance = scale * scale;
        // White noise gives each gradient (both directions together) its own variance, times the luck of the choice.
        let slopes = (normal.get(2, 2) + normal.get(3, 3)).max(1e-6);
        let blind = total * self.luck * noise * noise;
        let noisy = (blind / slopes).min(0.98);
        normal.prior(0, variance / 0.25, 1.0);
        normal.prior(1, 1e-4 * total + 1e-6, 0.0);
        // Slopes that are mostly noise pull the fit about at random; the start is the better guess then.
        let shy = ((noisy - 0.3) * 2.5).clamp(0.0, 1.0) * blind;
        let pull = variance / (start.spread * start.spread).max(0.01) + shy;
        normal.prior(2, pull, gain * (pose.shift.x - start.pose.shift.x));
        normal.prior(3, pull, gain * (pose.shift.y - start.pose.shift.y));
        if linear {
            let half = [self.half.x, self.half.y, self.half.x, self.half.y];
            for (p, half) in half.into_iter().enumerate() {
                // From frame to frame a patch's edge bends by about half a working pixel; over its life by a quarter
                // of its size.
                normal.prior(4 + p, variance / 0.25, 0.0);
                let bend = pose.linear[p] * half;
                normal.prior(4 + p, variance / (0.0625 * half * half).max(0.25), gain * bend);
            }
        }
        let x = normal.solve();
        let gain = x[0].clamp(LEAST_GAIN, 1.0 / LEAST_GAIN);
        for k in 0..n {
            let mut e = work.value[k];
            for (column, v) in self.columns.iter().zip(&x[..unknowns]) {
                e -= column[k] * v;
            }
            work.error[k] = e;
        }
        let mut unit = [0.0; 8];
        unit[2] = 1.0;
        let (xx, xy) = {
            let c = normal.back(unit);
            (c[2], c[3])
        };
        unit = [0.0; 8];
        unit[3] = 1.0;
        let yy = normal.back(unit)[3];
        let middle = (xx + yy) * 0.5;
        let apart = libm::sqrtf(((xx - yy) * 0.5) * ((xx - yy) * 0.5) + xy * xy);
        let worst = (middle + apart).max(0.0) / (1.0 - noisy);
        let sigma = libm::sqrtf(variance * worst) / gain;
        let half = [self.half.x, self.half.y, self.half.x, self.half.y];
        let mut linear_step = [0.0; 4];
        let mut bend = 0.0_f32;
        if linear {
            for p in 0..4 {
                bend = bend.max((x[4 + p] / gain).abs());
                linear_step[p] = x[4 + p] / (gain * half[p].max(0.5));
            }
        }
        Solved {
            step: Point::new(x[2] / gain, x[3] / gain),
            linear: linear_step,
            bend,
            gain,
            sigma: sigma.min(start.spread),
        }
    }

    /// New Tukey weights from the errors; returns their robust standard deviation, and how much the weights changed.
    fn reweigh(&mut self, work: &mut Work, noise: f32) -> (f32, f32) {
        let mut m = 0;
        for i in 0..self.count {
            if work.inside[i] > 0.0 {
                work.sorted[m] = work.error[i].abs();
                m += 1;
            }
        }
        let scale = (1.4826 * median(&mut work.sorted[..m])).max(noise);
        // Interpolation at edges errs by a few hundredths of the contrast: that is no outlier.
        let limit = TUKEY * scale.max(0.06 * self.contrast);
        let mut news = 0.0;
        for i in 0..self.padded {
            let u = work.error[i] / limit;
            let r = (1.0 - u * u).max(0.0);
            news += (r * r - self.robust[i]).abs();
            self.robust[i] = r * r;
            work.weight[i] = work.inside[i] * self.robust[i];
        }
        (scale, news / self.padded as f32)
    }

    /// What is left of the variance, with errors capped at twice the contrast and noise taken off.
    fn residual(&self, work: &Work, gain: f32, noise: f32) -> f32 {
        let signal = gain * gain * self.contrast * self.contrast;
        let cap = 4.0 * signal.max(noise * noise);
        let (mut left, mut total) = (0.0, 0.0);
        for i in 0..self.count {
            left += work.inside[i] * (work.error[i] * work.error[i]).min(cap);
            total += work.inside[i];
        }
        if total <= 0.0 {
            return 1.0;
        }
        let left = (left / total - 2.0 * noise * noise).max(0.0);
        libm::sqrtf(left / (left + signal).max(1e-6)).clamp(0.0, 1.0)
    }

    /// Share of the patch's area that lies inside a frame when it is shifted so, from 0 to 1.
    pub fn inside(&self, shift: Point, (w, h): (f32, f32)) -> f32 {
        let overlap = |c: f32, half: f32, size: f32| {
            ((c + half).min(size) - (c - half).max(0.0)).max(0.0) / (2.0 * half).max(1e-3)
        };
        let (x, y) = (self.center.x + shift.x, self.center.y + shift.y);
        overlap(x, self.half.x, w) * overlap(y, self.half.y, h)
    }

    /// Correlation with the frame at `pose`, from −1 to 1, over every `stride`th sample; −1 when mostly outside.
    pub fn correlation(&self, frame: &Sampler<'_>, pose: &Pose, stride: usize) -> f32 {
        let l = &pose.linear;
        let (ox, oy) = (self.center.x + pose.shift.x, self.center.y + pose.shift.y);
        let (mut n, mut all) = (0.0_f32, 0.0_f32);
        let (mut t, mut tt, mut v, mut vv, mut tv) = (0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32);
        for i in (0..self.count).step_by(stride) {
            let (dx, dy) = (self.dx[i], self.dy[i]);
            all += self.window[i];
            let Some(s) = frame.at(ox + dx + l[0] * dx + l[1] * dy, oy + dy + l[2] * dx + l[3] * dy) else {
                continue;
            };
            let (w, a, b) = (self.window[i], self.columns[0][i], s.value - self.mean);
            n += w;
            t += w * a;
            v += w * b;
            tt += w * a * a;
            vv += w * b * b;
            tv += w * a * b;
        }
        if n < 0.5 * all || n <= 0.0 {
            return -1.0;
        }
        let (ct, cv) = (tt - t * t / n, vv - v * v / n);
        let product = ct * cv;
        if product > 1e-3 { ((tv - t * v / n) / libm::sqrtf(product)).clamp(-1.0, 1.0) } else { -1.0 }
    }
}

/// One step.
struct Solved {
    step: Point,
    linear: [f32; 4],
    /// The largest motion of an edge by the linear part, in working pixels.
    bend: f32,
    gain: f32,
    sigma: f32,
}

/// Composes the pose with the inverse of the step.
fn advance(pose: &mut Pose, solved: &Solved, k: f32) {
    let l = pose.linear;
    let (tx, ty) = (solved.step.x * k, solved.step.y * k);
    pose.shift.x -= tx + l[0] * tx + l[1] * ty;
    pose.shift.y -= ty + l[2] * tx + l[3] * ty;
    let e = solved.linear.map(|v| (v * k).clamp(-0.1, 0.1));
    pose.linear = [
        (l[0] - e[0] - l[0] * e[0] - l[1] * e[2]).clamp(-0.6, 1.5),
        (l[1] - e[1] - l[0] * e[1] - l[1] * e[3]).clamp(-1.0, 1.0),
        (l[2] - e[2] - l[2] * e[0] - l[3] * e[2]).clamp(-1.0, 1.0),
        (l[3] - e[3] - l[2] * e[1] - l[3] * e[3]).clamp(-0.6, 1.5),
    ];
}

/// First and last working pixel of the inner part of an interval, at least three where the frame has them, with a
/// neighbour on each side. Empty (last before first) where the frame is too small.
fn extent(a: f32, b: f32, size: f32) -> (i32, i32) {
    let last = size as i32 - 2;
    let inset = 0.04 * (b - a).min(size);
    let (mut from, mut to) = ((a + inset).max(0.0) as i32, (b - inset).min(size) as i32 - 1);
    if to - from < 2 {
        let middle = ((a + b) * 0.5).clamp(0.0, size) as i32;
        (from, to) = (middle - 1, middle + 1);
    }
    (from.max(1), to.min(last))
}

/// Central differences, in levels a working pixel.
#[inline]
fn gradient(key: &Picture, x: i32, y: i32) -> (f32, f32) {
    ((key.at(x + 1, y) - key.at(x - 1, y)) * 0.5, (key.at(x, y + 1) - key.at(x, y - 1)) * 0.5)
}
