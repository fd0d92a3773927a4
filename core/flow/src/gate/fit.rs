//! The fit of a patch's motion, shape, gain and offset to a frame, by Gauss–Newton steps with robust weights.
//! **Invariant:** a fit of any patch to any frame is finite, and takes at most [`MAX_STEPS`] steps.
//! It does not choose where to start or when to search: `follow` does.
//!
//! # Source
//! Inverse compositional alignment: Baker and Matthews, IJCV 2004. Robust weights: Tukey's biweight.

use crate::geometry::{Point, Rect};

use super::{
    factor::State,
    patch::{Patch, Pose},
    sample::{Column, Sampler},
    solve::{sum, total},
    step::{LEAST_GAIN, Work, advance},
};

/// The most Gauss–Newton steps of one fit.
pub(super) const MAX_STEPS: usize = 8;
/// A step shorter than this, in working pixels, shows that the shift is nearly right: shape may follow.
const SETTLED: f32 = 0.3;
/// The least half size of a patch, in working pixels, whose shape may be told without having been followed: small
/// ones fit anything when they may bend.
const ROOMY: f32 = 8.0;
/// The least samples from which a shape may be told.
const BENDABLE: usize = 24;
/// Share of the robust scale two steps before that must not be left for a fit to go on.
const STUCK: f32 = 0.95;
/// The longest step taken at once, in working pixels: beyond it the gradient says nothing.
const TRUST: f32 = 2.0;
/// Mean change of a sample's weight above which the step is solved again with the new weights.
const NEWS: f32 = 0.1;
/// The least noise of a working pixel, in levels: quantisation and interpolation.
const NOISE_FLOOR: f32 = 0.4;
/// A place that no frame has, in working pixels.
const OUTSIDE: f32 = -1e6;
/// A patch that is brighter or darker by this many levels than light explains may be in shadow or shine.
const SHADE: f32 = 20.0;
/// A patch may lose contrast down to this share of what light explains, by blur or haze, without being another.
const FADED: f32 = 0.7;

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
    /// A step shorter than this, in working pixels, ends the fit: what remains is of second order, about a tenth of it.
    pub close: f32,
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

impl Patch {
    /// Fits the patch to a frame from `start`. `noise` is the standard deviation of a working pixel, `work`
    /// memory whose content does not matter.
    pub fn fit(&mut self, frame: &Sampler<'_>, start: &Start, noise: f32, work: &mut Work) -> Outcome {
        let mut out = Outcome { pose: start.pose, residual: 1.0, sigma: start.spread, ..Outcome::default() };
        if self.count == 0 {
            return out;
        }

        let noise = noise.max(NOISE_FLOOR);
        let light = start.light.unwrap_or_default();
        let mut at = State {
            off: Point::default(),
            spread: start.spread,
            shape: start.pose.linear,
            linear: false,
            gain: light.gain.clamp(LEAST_GAIN, 1.0 / LEAST_GAIN),
            offset: light.offset + self.mean * (light.gain - 1.0),
            likely: light.gain,
            likely_variance: if start.light.is_some() { 0.0625 } else { 0.25 },
            scale: noise.max(if self.scale > 0.0 { self.scale } else { 0.1 * self.contrast }),
            noise,
        };
        let mut found = Light::SAME;
        let mut bendable = start.linear;
        let roomy = self.half.x.min(self.half.y) >= ROOMY;
        let mut scales = [f32::MAX; 2];
        for step in 0..MAX_STEPS {
            out.seen = self.read(frame, &out.pose, at.gain, &start.covers, work);
            if out.seen < 0.2 {
                out.noise = noise;
                return out;
            }
            // The linear part needs samples, and a shift that is nearly right.
            at.linear = bendable && self.count >= BENDABLE && (step > 0 || at.scale < 0.3 * self.contrast);
            let mut solved = self.step(work, &at);
            let (scale, news) = self.reweigh(work, noise);
            at.scale = scale;
            if news > NEWS {
                solved = self.step(work, &at);
                at.scale = self.reweigh(work, noise).0;
            }
            (at.gain, at.offset) = (solved.gain, solved.offset);
            found =
                Light { gain: solved.raw_gain, offset: solved.offset + self.mean * (1.0 - solved.raw_gain) };
            let length = solved.step.length();
            let k = if length > TRUST { TRUST / length } else { 1.0 };
            advance(&mut out.pose, &solved, k);
            (at.off, at.shape) = (out.pose.shift - start.pose.shift, out.pose.linear);
            if length < start.close && solved.bend < start.close {
                if bendable || !roomy {
                    break;
                }
                bendable = true;
            }
            bendable = bendable || (roomy && length < SETTLED);
            // What does not get better is not going to: the patch is elsewhere, or what is left is not motion.
            if step > 1 && at.scale > STUCK * scales[0] {
                break;
            }
            scales = [scales[1], at.scale];
        }
        out.light = found;
        self.scale = at.scale;
        out.noise = at.scale;
        out.sigma = self.factor.sigma(at.scale, at.gain).min(start.spread);
        let strange = self.strangeness(found, start.light.unwrap_or(found));
        out.inliers = if strange > 0.0 { 0.0 } else { self.inliers(work, noise) };
        out.residual = self.residual(work, found, strange, noise);
        out
    }

    /// Reads the frame at every sample; returns the share of the patch that is seen.
    fn read(&self, frame: &Sampler<'_>, pose: &Pose, gain: f32, covers: &Covers, work: &mut Work) -> f32 {
        let n = self.padded;
        let reading = &mut work.reading;
        self.spots(pose, &mut reading.x, &mut reading.y);
        if covers.any() {
            for (x, y) in reading.x.iter_mut().zip(&reading.y).take(n) {
                if covers.hide(*x, *y) {
                    *x = OUTSIDE;
                }
            }
        }
        frame.read(reading, n);
        for i in 0..n {
            let slope = self.columns[2][i] * reading.x[i] + self.columns[3][i] * reading.y[i];
            work.value[i] = reading.value[i] - self.mean - gain * slope;
            work.inside[i] = self.window[i] * reading.inside[i];
        }
        self.weigh(work);
        sum(&work.inside[..n]) / sum(&self.window[..n])
    }

    /// Where the samples are at a pose.
    pub(super) fn spots(&self, pose: &Pose, x: &mut Column, y: &mut Column) {
        let l = pose.linear;
        let (ox, oy) = (self.center.x + pose.shift.x, self.center.y + pose.shift.y);
        for i in 0..self.padded {
            let (dx, dy) = (self.dx[i], self.dy[i]);
            x[i] = ox + dx + l[0] * dx + l[1] * dy;
            y[i] = oy + dy + l[2] * dx + l[3] * dy;
        }
    }

    /// Share of the patch whose errors are noise, or small beside the contrast.
    fn inliers(&self, work: &Work, noise: f32) -> f32 {
        let limit = (3.5 * noise).max(0.25 * self.contrast);
        let (inside, error) = (&work.inside[..self.padded], &work.error[..self.padded]);
        let close = total(inside, error, |w, e| if e.abs() < limit { w } else { 0.0 });
        let all = sum(inside);
        if all > 0.0 { close / all } else { 0.0 }
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
        let (inside, error) = (&work.inside[..self.padded], &work.error[..self.padded]);
        let left = total(inside, error, |w, e| w * (e * e).min(cap));
        let all = sum(inside);
        if all <= 0.0 {
            return 1.0;
        }
        let left = (left / all - 2.0 * noise * noise).max(0.0) + strange;
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
}
