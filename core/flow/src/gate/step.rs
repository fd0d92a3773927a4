//! One Gauss–Newton step of a patch: gain, offset, shift and, where asked for, shape, by weighted least squares.
//! **Invariant:** a step from the same place with a factor of slightly other weights leads to the same end.
//! It does not iterate: `fit` does.

use crate::geometry::Point;

use super::{
    factor::State,
    patch::{Patch, Pose},
    sample::{Column, Reading, SAMPLES},
    solve::{Normal, UNKNOWNS, dot, median, total},
};

/// Tukey's constant: 95% efficiency for normal residuals.
const TUKEY: f32 = 4.685;
/// The least gain that a motion is divided by.
pub(super) const LEAST_GAIN: f32 = 0.2;

/// Buffers of one fit.
#[derive(Debug)]
pub(super) struct Work {
    pub reading: Reading,
    /// Brightness about the patch's mean, where it was to be read.
    pub value: Column,
    /// Weight of what was seen, by place.
    pub inside: Column,
    /// That, times the robust weights.
    pub weight: Column,
    pub error: Column,
    weighted: Column,
    sorted: Column,
}

impl Work {
    pub const fn new() -> Self {
        let zero = [0.0; SAMPLES];
        Self {
            reading: Reading::new(),
            value: zero,
            inside: zero,
            weight: zero,
            error: zero,
            weighted: zero,
            sorted: zero,
        }
    }
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Solved {
    pub step: Point,
    pub linear: [f32; 4],
    /// The largest motion of an edge by the linear part, in working pixels.
    pub bend: f32,
    pub gain: f32,
    /// As solved, but not negative.
    pub raw_gain: f32,
    /// Mean brightness less the key frame's.
    pub offset: f32,
}

impl Patch {
    /// One weighted least-squares step from `at`; leaves what it does not explain as errors.
    pub(super) fn step(&mut self, work: &mut Work, at: &State) -> Solved {
        let n = self.padded;
        if !self.factor.serves(&work.weight[..n], at) {
            self.factorize(work, at);
        }
        let samples = work.error.iter_mut().zip(&work.value).zip(&self.columns[0]).take(n);
        for ((e, v), c) in samples {
            *e = v - at.gain * c - at.offset;
        }
        let weighted = &mut work.weighted;
        for (v, (w, e)) in weighted.iter_mut().zip(work.weight.iter().zip(&work.error)).take(n) {
            *v = w * e;
        }
        let unknowns = if at.linear { UNKNOWNS } else { 4 };
        let mut rhs = [0.0; UNKNOWNS];
        for (r, column) in rhs.iter_mut().zip(&self.columns).take(unknowns) {
            *r = dot(&weighted[..n], &column[..n]);
        }
        let half = [self.half.x, self.half.y, self.half.x, self.half.y];
        let [gains, offsets, shifts] = self.factor.prior;
        rhs[0] += gains * (at.likely - at.gain);
        rhs[1] -= offsets * at.offset;
        rhs[2] += shifts * at.gain * at.off.x;
        rhs[3] += shifts * at.gain * at.off.y;
        if at.linear {
            for p in 0..4 {
                rhs[4 + p] += self.factor.bend[p] * at.gain * at.shape[p] * half[p];
            }
        }
        let x = self.factor.normal.back(rhs);
        for (column, &v) in self.columns.iter().zip(&x).take(unknowns) {
            for (e, c) in work.error.iter_mut().zip(column).take(n) {
                *e -= c * v;
            }
        }
        let raw = at.gain + x[0];
        let gain = raw.clamp(LEAST_GAIN, 1.0 / LEAST_GAIN);
        let mut linear = [0.0; 4];
        let mut bend = 0.0_f32;
        if at.linear {
            for p in 0..4 {
                bend = bend.max((x[4 + p] / gain).abs());
                linear[p] = x[4 + p] / (gain * half[p].max(0.5));
            }
        }
        let step = Point::new(x[2] / gain, x[3] / gain);
        Solved { step, linear, bend, gain, raw_gain: raw.max(0.0), offset: at.offset + x[1] }
    }

    /// Sets up and factors the normal equations for these weights.
    fn factorize(&mut self, work: &mut Work, at: &State) {
        let Work { weight, weighted, .. } = work;
        let n = self.padded;
        let unknowns = if at.linear { UNKNOWNS } else { 4 };
        let mut normal = Normal::new(unknowns);
        for i in 0..unknowns {
            for (v, (w, c)) in weighted.iter_mut().zip(weight.iter().zip(&self.columns[i])).take(n) {
                *v = w * c;
            }
            for j in 0..=i {
                normal.set(i, j, dot(&weighted[..n], &self.columns[j][..n]));
            }
        }
        let total = normal.get(1, 1);
        let variance = at.scale * at.scale;
        // White noise gives each gradient (both directions together) its own variance, times the luck of the choice.
        let slopes = (normal.get(2, 2) + normal.get(3, 3)).max(1e-6);
        let blind = total * self.luck * at.noise * at.noise;
        let noisy = (blind / slopes).min(0.98);
        // Slopes that are mostly noise pull the fit about at random; the start is the better guess then.
        let shy = ((noisy - 0.3) * 2.5).clamp(0.0, 1.0) * blind;
        let pull = variance / (at.spread * at.spread).max(0.01) + shy;
        let prior = [variance / at.likely_variance, 1e-4 * total + 1e-6, pull];
        for (i, strength) in [prior[0], prior[1], pull, pull].into_iter().enumerate() {
            normal.prior(i, strength);
        }
        let mut bend = [0.0; 4];
        if at.linear {
            let half = [self.half.x, self.half.y, self.half.x, self.half.y];
            for (p, half) in half.into_iter().enumerate() {
                // From frame to frame a patch's edge bends by about half a working pixel; over its life by a quarter
                // of its size.
                bend[p] = variance / (0.0625 * half * half).max(0.25);
                normal.prior(4 + p, variance / 0.25 + bend[p]);
            }
        }
        normal.factor();
        let unit = |i: usize| {
            let mut unit = [0.0; UNKNOWNS];
            unit[i] = 1.0;
            normal.back(unit)
        };
        let (x, y) = (unit(2), unit(3));
        let (xx, xy, yy) = (x[2], x[3], y[3]);
        let apart = libm::sqrtf(((xx - yy) * 0.5) * ((xx - yy) * 0.5) + xy * xy);
        let worst = ((xx + yy) * 0.5 + apart).max(0.0) / (1.0 - noisy);
        let factor = &mut self.factor;
        factor.weight[..n].copy_from_slice(&weight[..n]);
        (factor.normal, factor.known, factor.linear) = (normal, true, at.linear);
        (factor.total, factor.variance, factor.worst) = (total, variance, worst);
        (factor.prior, factor.bend) = (prior, bend);
    }

    /// New Tukey weights from the errors; returns their robust standard deviation, and how much the weights changed.
    pub(super) fn reweigh(&mut self, work: &mut Work, noise: f32) -> (f32, f32) {
        let n = self.padded;
        let sorted = &mut work.sorted;
        let mut m = 0;
        for (e, w) in work.error.iter().zip(&work.inside).take(self.count) {
            sorted[m] = e.abs();
            m += usize::from(*w > 0.0);
        }
        let scale = (1.4826 * median(&mut sorted[..m])).max(noise);
        // Interpolation at edges errs by a few hundredths of the contrast: that is no outlier.
        let limit = 1.0 / (TUKEY * scale.max(0.06 * self.contrast));
        for (w, e) in work.weight.iter_mut().zip(&work.error).take(n) {
            let u = e * limit;
            let r = (1.0 - u * u).max(0.0);
            *w = r * r;
        }
        let news = total(&work.weight[..n], &self.robust[..n], |w, r| (w - r).abs());
        self.robust[..n].copy_from_slice(&work.weight[..n]);
        self.weigh(work);
        (scale, news / n as f32)
    }

    /// The weights of what was seen.
    pub(super) fn weigh(&self, work: &mut Work) {
        let parts = work.inside.iter().zip(&self.robust);
        for (w, (inside, robust)) in work.weight.iter_mut().zip(parts).take(self.padded) {
            *w = inside * robust;
        }
    }
}

/// Composes the pose with the inverse of the step.
pub(super) fn advance(pose: &mut Pose, solved: &Solved, k: f32) {
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
