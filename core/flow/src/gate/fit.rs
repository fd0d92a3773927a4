//! The fit of a patch's motion, shape, gain and offset to a frame, by Gauss–Newton steps with robust weights.
//! **Invariant:** a fit of any patch to any frame is finite, and takes at most [`MAX_STEPS`] steps.
//! It does not choose where to start or when to search: `follow` does.
//!
//! # Source
//! Inverse compositional alignment: Baker and Matthews, IJCV 2004. Robust weights: Tukey's biweight.

use crate::geometry::{Point, Rect};

use super::{
    patch::{Column, Patch, Pose, SAMPLES},
    sample::Sampler,
    solve::{Normal, dot, median},
};

/// The most Gauss–Newton steps of one fit.
pub(super) const MAX_STEPS: usize = 8;
/// A step shorter than this, in working pixels, ends the fit: what remains is of second order, about a tenth of it.
const SMALL_STEP: f32 = 0.08;
/// A step shorter than this, in working pixels, shows that the shift is nearly right: shape may follow.
const SETTLED: f32 = 0.3;
/// The least half size of a patch, in working pixels, whose shape may be told without having been followed: small
/// ones fit anything when they may bend.
const ROOMY: f32 = 8.0;
/// The least samples from which a shape may be told.
const BENDABLE: usize = 24;
/// The longest step taken at once, in working pixels: beyond it the gradient says nothing.
const TRUST: f32 = 2.0;
/// Tukey's constant: 95% efficiency for normal residuals.
const TUKEY: f32 = 4.685;
/// Mean change of a sample's weight above which the step is solved again with the new weights.
const NEWS: f32 = 0.1;
/// The least noise of a working pixel, in levels: quantisation and interpolation.
const NOISE_FLOOR: f32 = 0.4;
/// A patch that is brighter or darker by this many levels than light explains may be in shadow or shine.
const SHADE: f32 = 20.0;
/// A patch may lose contrast down to this share of what light explains, by blur or haze, without being another.
const FADED: f32 = 0.7;
/// The least gain that a motion is divided by.
const LEAST_GAIN: f32 = 0.2;

/// What is known of the start of a fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub pose: Pose,
    /// How far from it the patch may well be, in working pixels: decides where there is no texture.
    pub spread: f32,
    /// Whether the linear part may be fitted from the first step; otherwise only once the shift has settled.
    pub linear: bool,
    /// How light changed since the key frame, by what else is seen; without it any gain and offset will do.
    pub light: Option<Light>,
    /// What may stand in front: samples there do not count. In working pixels of the frame.
    pub covers: Covers,
}

/// A change of brightness: `gain · value + offset`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Light {
    pub gain: f32,
    pub offset: f32,
}

impl Light {
    /// No change.
    pub const SAME: Self = Self { gain: 1.0, offset: 0.0 };
}

impl Default for Light {
    fn default() -> Self {
        Self::SAME
    }
}

/// Up to four areas that may hide a patch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Covers {
    areas: [Rect; 4],
    count: usize,
}

impl Covers {
    /// Adds an area; a fifth one is left out.
    pub fn push(&mut self, area: Rect) {
        if let Some(slot) = self.areas.get_mut(self.count) {
            *slot = area;
            self.count += 1;
        }
    }

    /// Whether there is any.
    pub const fn any(&self) -> bool {
        self.count > 0
    }

    fn hide(&self, x: f32, y: f32) -> bool {
        self.areas[..self.count].iter().any(|a| x > a.x0 && x < a.x1 && y > a.y0 && y < a.y1)
    }
}

/// The end of a fit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    pub pose: Pose,
    /// Share of what is seen that fits closely, from 0 to 1.
    pub inliers: f32,
    /// From 0 (identical but for noise, gain and offset) to 1 (unrelated).
    pub residual: f32,
    /// Standard error of the shift along its worst direction, in working pixels.
    pub sigma: f32,
    /// Robust standard deviation of the residual, in levels.
    pub noise: f32,
    /// Change of brightness in the patch.
    pub light: Light,
    /// Share of the patch that lies inside the frame and is not covered, from 0 to 1.
    pub seen: f32,
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
    /// Fits the patch to a frame from `start`. `noise` is the standard deviation of a working pixel.
    pub fn fit(&mut self, frame: &Sampler<'_>, start: &Start, noise: f32) -> Outcome {
        let mut out = Outcome { pose: start.pose, residual: 1.0, sigma: start.spread, ..Outcome::default() };
        if self.count == 0 {
            return out;
        }
        let noise = noise.max(NOISE_FLOOR);
        let zero = [0.0; SAMPLES];
        let mut work = Work { value: zero, inside: zero, weight: zero, error: zero, sorted: zero };
        let mut gain = start.light.unwrap_or_default().gain.clamp(LEAST_GAIN, 1.0 / LEAST_GAIN);
        let mut found = Light::SAME;
        let mut bendable = start.linear;
        let roomy = self.half.x.min(self.half.y) >= ROOMY;
        let mut scale = noise.max(0.1 * self.contrast);
        for step in 0..MAX_STEPS {
            out.seen = self.read(frame, &out.pose, gain, &start.covers, &mut work);
            if out.seen < 0.2 {
                out.noise = noise;
                return out;
            }
            // The linear part needs samples, and a shift that is nearly right.
            let linear = bendable && self.count >= BENDABLE && (step > 0 || scale < 0.3 * self.contrast);
            let mut solved = self.solve(&mut work, &out.pose, start, linear, (gain, scale, noise));
            let (next, news) = self.reweigh(&mut work, noise);
            scale = next;
            if news > NEWS {
                let priors = (solved.gain, scale, noise);
                solved = self.solve(&mut work, &out.pose, start, linear, priors);
                scale = self.reweigh(&mut work, noise).0;
            }
            gain = solved.gain;
            found =
                Light { gain: solved.raw_gain, offset: solved.offset + self.mean * (1.0 - solved.raw_gain) };
            let length = solved.step.length();
            let k = if length > TRUST { TRUST / length } else { 1.0 };
            advance(&mut out.pose, &solved, k);
            out.sigma = solved.sigma;
            if length < SMALL_STEP && solved.bend < SMALL_STEP {
                if bendable || !roomy {
                    break;
                }
                bendable = true;
            }
            bendable = bendable || (roomy && length < SETTLED);
        }
        out.light = found;
        out.noise = scale;
        let strange = self.strangeness(found, start.light.unwrap_or(found));
        out.inliers = if strange > 0.0 { 0.0 } else { self.inliers(&work, noise) };
        out.residual = self.residual(&work, found, strange, noise);
        out
    }

    /// Reads the frame at every sample; returns the share of the patch inside the frame.
    fn read(&self, frame: &Sampler<'_>, pose: &Pose, gain: f32, covers: &Covers, work: &mut Work) -> f32 {
        let l = &pose.linear;
        let (ox, oy) = (self.center.x + pose.shift.x, self.center.y + pose.shift.y);
        let (mut seen, mut all) = (0.0, 0.0);
        for i in 0..self.count {
            let (dx, dy) = (self.dx[i], self.dy[i]);
            let x = ox + dx + l[0] * dx + l[1] * dy;
            let y = oy + dy + l[2] * dx + l[3] * dy;
            all += self.window[i];
            (work.value[i], work.inside[i]) = (0.0, 0.0);
            if covers.hide(x, y) {
                continue;
            }
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
        match start.light {
            Some(light) => normal.prior(0, variance / 0.0625, light.gain),
            None => normal.prior(0, variance / 0.25, 1.0),
        }
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
            raw_gain: x[0].max(0.0),
            offset: x[1],
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

    /// Share of the patch whose errors are noise, or small beside the contrast.
    fn inliers(&self, work: &Work, noise: f32) -> f32 {
        let limit = (3.5 * noise).max(0.25 * self.contrast);
        let (mut close, mut total) = (0.0, 0.0);
        for i in 0..self.count {
            total += work.inside[i];
            if work.error[i].abs() < limit {
                close += work.inside[i];
            }
        }
        if total > 0.0 { close / total } else { 0.0 }
    }

    /// How much of a gain and offset neither the light nor a shadow explains, as variance. Any dark place resembles a
    /// bright patch when both are free.
    fn strangeness(&self, found: Light, light: Light) -> f32 {
        let whole = light.gain * light.gain * self.contrast * self.contrast;
        let signal = found.gain * found.gain * self.contrast * self.contrast;
        // Where the patch's mean brightness went. Where light changed much, it did so less evenly.
        let shade = (found.gain - light.gain) * self.mean + found.offset - light.offset;
        let lit = ((light.gain - 1.0) * self.mean + light.offset).abs();
        let strange = (shade.abs() - SHADE - 0.5 * lit).max(0.0);
        let faded = FADED / (1.0 + (light.gain - 1.0).abs());
        0.25 * strange * strange + (faded * faded * whole - signal).max(0.0)
    }

    /// What is left of the variance, with errors capped at twice the contrast, noise taken off and strangeness added.
    fn residual(&self, work: &Work, found: Light, strange: f32, noise: f32) -> f32 {
        let contrast = self.contrast * self.contrast;
        let signal = found.gain.min(1.0) * found.gain.min(1.0) * contrast;
        let cap = 4.0 * contrast.max(noise * noise);
        let (mut left, mut total) = (0.0, 0.0);
        for i in 0..self.count {
            left += work.inside[i] * (work.error[i] * work.error[i]).min(cap);
            total += work.inside[i];
        }
        if total <= 0.0 {
            return 1.0;
        }
        let left = (left / total - 2.0 * noise * noise).max(0.0) + strange;
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
    /// As solved, but not negative.
    raw_gain: f32,
    /// Mean brightness less the key frame's.
    offset: f32,
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
