//! Block means of a frame against the key frame: change that light, background and targets do not explain.
//! **Invariant:** the noise of a block is learnt only from what looks like noise, and never falls below a floor.
//! It does not locate things: a block says that something changed, not where it went.

use alloc::vec::Vec;

use crate::{frame::Luma, geometry::Rect};

use super::{patch::Pose, picture::Picture, solve::median};

/// Side of a block, in working pixels: an object of a block's size is seen whole in at least a quarter of one.
pub(super) const BLOCK: u32 = 8;
/// The least standard deviation of a block's difference, in levels: quantisation and compression.
const FLOOR: f32 = 0.35;
/// What a block's difference is believed to be at first, in levels.
const FIRST: f32 = 1.2;
/// Standard deviations above which a block counts as changed.
const CHANGED: f32 = 5.0;
/// A background that moved by less than this, in working pixels, is compared in place: exactly, and for less.
const STILL: f32 = 0.06;
/// Time constants of learning the noise from quiet and from loud blocks, in seconds. Loud ones teach slowly: what
/// moves about for long becomes noise, what has just come does not.
const QUIET_S: f32 = 0.3;
const LOUD_S: f32 = 4.0;

/// Rows of a block that are read: all of a small frame, four of a large one, which has enough pixels in each.
const fn rows(side: u32) -> u32 {
    if side < 3 { BLOCK } else { BLOCK / 2 }
}

/// Mean of every block of `luma`: some of its rows, all columns.
pub(super) fn sample(luma: &Luma<'_>, side: u32, out: &mut Vec<f32>) {
    let (nx, ny) = grid(luma.width() / side, luma.height() / side);
    out.clear();
    out.resize((nx * ny) as usize, 0.0);
    let across = BLOCK * side;
    let rows = rows(side);
    let step = BLOCK / rows;
    if nx == 0 {
        return;
    }
    for (by, line) in out.chunks_exact_mut(nx as usize).enumerate() {
        for r in 0..rows {
            let y = (by as u32 * BLOCK + r * step) * side + step * side / 2;
            if let Some(row) = luma.row(0, y, nx * across) {
                match side {
                    1 => add::<8>(row, line),
                    2 => add::<16>(row, line),
                    3 => add::<24>(row, line),
                    4 => add::<32>(row, line),
                    6 => add::<48>(row, line),
                    _ => {
                        for (sum, pixels) in line.iter_mut().zip(row.chunks_exact(across as usize)) {
                            *sum += pixels.iter().map(|&b| u32::from(b)).sum::<u32>() as f32;
                        }
                    }
                }
            } else {
                // No row of bytes to add: one column in `side` is read, and counts for all of them.
                for (bx, sum) in line.iter_mut().enumerate() {
                    let x = bx as u32 * across + side / 2;
                    let total: u32 = (0..BLOCK).map(|c| u32::from(luma.at(x + c * side, y))).sum();
                    *sum += (total * side) as f32;
                }
            }
        }
        let scale = 1.0 / (rows * across) as f32;
        for v in line {
            *v *= scale;
        }
    }
}

fn add<const N: usize>(row: &[u8], line: &mut [f32]) {
    for (sum, pixels) in line.iter_mut().zip(row.as_chunks::<N>().0) {
        // At most 48 × 255: fits 16 bits, which the compiler can add in wide lanes.
        *sum += f32::from(pixels.iter().map(|&b| u16::from(b)).sum::<u16>());
    }
}

/// Blocks across and down; none in a frame smaller than a block.
pub(super) const fn grid(w: u32, h: u32) -> (u32, u32) {
    if w < BLOCK || h < BLOCK { (0, 0) } else { (w / BLOCK, h / BLOCK) }
}

/// What the blocks of one frame say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    pub gain: f32,
    pub offset: f32,
    /// The largest unexplained change, in standard deviations, and its block.
    pub worst: f32,
    pub worst_at: Option<(u32, u32)>,
    /// Share of the unexplained blocks that changed.
    pub changed: f32,
    /// Share of all comparable blocks that changed, whether targets explain it or not.
    pub changed_all: f32,
    /// Share of blocks without a counterpart on the key frame.
    pub uncovered: f32,
}

/// Block means and the noise of each.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    size: (u32, u32),
    now: Vec<f32>,
    /// The key frame's mean where the block was; NaN-free: see `known`.
    key: Vec<f32>,
    known: Vec<bool>,
    explained: Vec<bool>,
    variance: Vec<f32>,
    /// What was left in the frame before, where the block was known then.
    error: Vec<Option<f32>>,
    scratch: Vec<f32>,
    /// The key picture's whole mean of each block, where it has one.
    whole: Vec<Option<f32>>,
    /// Mean square of (row-sampled − whole) block means of the key picture.
    alias: f32,
    /// Mean variance of all blocks, none counted for more than four times the mean before.
    common: f32,
    gain: f32,
    offset: f32,
}

impl Blocks {
    /// Prepares for a new key picture.
    pub fn rekey(&mut self, key: &Picture) {
        let size = grid(key.size.0, key.size.1);
        let n = (size.0 * size.1) as usize;
        if size != self.size || self.variance.len() != n {
            self.size = size;
            self.variance.clear();
            self.variance.resize(n, FIRST * FIRST);
            self.common = FIRST * FIRST;
        }
        self.known.clear();
        self.known.resize(n, false);
        self.explained.clear();
        self.explained.resize(n, false);
        self.error.clear();
        self.error.resize(n, None);
        for v in [&mut self.key, &mut self.scratch, &mut self.now] {
            v.clear();
            v.resize(n, 0.0);
        }
        (self.gain, self.offset) = (1.0, 0.0);
        let mut total = 0.0;
        self.whole.clear();
        for by in 0..size.1 {
            for bx in 0..size.0 {
                let whole = key.mean((bx * BLOCK) as f32, (by * BLOCK) as f32, BLOCK, BLOCK);
                let d = key.blocks[(by * size.0 + bx) as usize] - whole.unwrap_or(0.0);
                total += d * d;
                self.whole.push(whole);
            }
        }
        self.alias = total / (n as f32).max(1.0);
    }

    /// Takes the block means of a frame.
    pub fn read(&mut self, luma: &Luma<'_>, side: u32) {
        sample(luma, side, &mut self.now);
    }

    /// Declares everything unexplained again.
    pub fn clear_explained(&mut self) {
        self.explained.fill(false);
    }

    /// Declares what `area`, in working pixels, touches as explained.
    pub fn explain(&mut self, area: &Rect) {
        if !area.is_valid() || self.explained.is_empty() {
            return;
        }
        let k = 1.0 / BLOCK as f32;
        let (nx, ny) = (self.size.0 as f32, self.size.1 as f32);
        if area.x1 <= 0.0 || area.y1 <= 0.0 || area.x0 * k >= nx || area.y0 * k >= ny {
            return;
        }
        let from = |v: f32| (v * k).max(0.0) as usize;
        let to = |v: f32, n: f32| (v * k).min(n - 1.0) as usize;
        for y in from(area.y0)..=to(area.y1, ny) {
            for x in from(area.x0)..=to(area.x1, nx) {
                self.explained[y * self.size.0 as usize + x] = true;
            }
        }
    }

    /// Compares the frame with the key picture moved by the background's `pose` about `center`, whose standard
    /// error is `sigma` working pixels. `dt` seconds have passed since the frame before.
    pub fn compare(&mut self, key: &Picture, pose: &Pose, center: (f32, f32), sigma: f32, dt: f32) -> Change {
        let (nx, ny) = self.size;
        let n = self.now.len();
        if n == 0 || n != self.key.len() {
            return Change { gain: 1.0, ..Change::default() };
        }
        let sampling = self.reference(key, pose, center);
        self.fit_light();
        let (a, b) = (self.gain, self.offset);
        let mean = self.key.iter().sum::<f32>() / n as f32;
        let mut out = Change { gain: a, offset: b, ..Change::default() };
        // Light does not scale exactly (gamma, clipping): a twentieth of the change of gain is allowed for.
        let bent = (a - 1.0).abs() * 0.05;
        let (mut free, mut loud, mut known, mut loud_all, mut fresh) = (0_u32, 0_u32, 0_u32, 0_u32, 0_u32);
        let common = self.common;
        let (mut sum, mut learnt) = (0.0, 0_u32);
        let moved = (sigma.min(1.0) + STILL) / (2 * BLOCK) as f32;
        let (quiet, slow) = ((dt / QUIET_S).min(0.2), (dt / LOUD_S).min(0.02));
        for y in 0..ny {
            for x in 0..nx {
                let i = (y * nx + x) as usize;
                if !self.known[i] {
                    fresh += 1;
                    self.error[i] = None;
                    continue;
                }
                let e = self.now[i] - a * self.key[i] - b;
                let w = nx as usize;
                let left = self.key[if x > 0 { i - 1 } else { i }];
                let right = self.key[if x + 1 < nx { i + 1 } else { i }];
                let up = self.key[if y > 0 { i - w } else { i }];
                let down = self.key[if y + 1 < ny { i + w } else { i }];
                let slope = ((right - left).abs() + (down - up).abs()) * moved;
                let bend = bent * (self.key[i] - mean);
                // A block's own estimate rests on few frames: it may not be far below all blocks'.
                let own = self.variance[i].max(common);
                let variance = own + sampling + slope * slope + bend * bend;
                let z2 = e * e / variance;
                known += 1;
                let is_loud = z2 > CHANGED * CHANGED;
                loud_all += u32::from(is_loud);
                let before = self.error[i].replace(e);
                if self.explained[i] {
                    continue;
                }
                free += 1;
                loud += u32::from(is_loud);
                // What comes in at the frame's edge shows there before any model can tell what it is.
                let outer = x == 0 || y == 0 || x + 1 == nx || y + 1 == ny;
                if z2 > out.worst && !(outer && nx > 8 && ny > 8) {
                    out.worst = z2;
                    out.worst_at = Some((x, y));
                }
                // From frame to frame the same noise shows twice, as it does against the key frame; slow change,
                // which is to be noticed, shows not at all.
                let Some(before) = before else { continue };
                let rate = if z2 < 9.0 { quiet } else { slow };
                let step = (e - before) * (e - before);
                let seen = (step - sampling - slope * slope - bend * bend).clamp(0.0, 25.0 * variance);
                self.variance[i] = (self.variance[i] + rate * (seen - self.variance[i])).max(FLOOR * FLOOR);
                sum += self.variance[i].min(4.0 * self.common);
                learnt += 1;
            }
        }
        if learnt > 0 {
            self.common = (sum / learnt as f32).max(FLOOR * FLOOR);
        }
        out.worst = libm::sqrtf(out.worst);
        out.changed = loud as f32 / free.max(1) as f32;
        out.changed_all = loud_all as f32 / known.max(1) as f32;
        out.uncovered = fresh as f32 / n as f32;
        out
    }

    /// Writes the key frame's mean for every block; returns the variance that moving it adds.
    fn reference(&mut self, key: &Picture, pose: &Pose, center: (f32, f32)) -> f32 {
        let still = |v: f32| v.abs() < STILL;
        let l = pose.linear;
        let bend = l.iter().fold(0.0_f32, |m, v| m.max(v.abs())) * key.size.0.max(key.size.1) as f32 * 0.5;
        if still(pose.shift.x) && still(pose.shift.y) && still(bend) {
            self.key.copy_from_slice(&key.blocks);
            self.known.fill(true);
            return 0.0;
        }
        // The inverse of the linear part, to first order where it is near singular.
        let det = ((1.0 + l[0]) * (1.0 + l[3]) - l[1] * l[2]).max(0.05);
        let inv = [(1.0 + l[3]) / det, -l[1] / det, -l[2] / det, (1.0 + l[0]) / det];
        let half = BLOCK as f32 * 0.5;
        // Rows are sampled: the difference from a whole mean moves with the picture for about a row.
        let far = (pose.shift.x.abs() + pose.shift.y.abs() + bend) * key.side as f32;
        let kept = (1.0 - far).max(0.0);
        let (nx, ny) = self.size;
        for y in 0..ny {
            for x in 0..nx {
                let i = (y * nx + x) as usize;
                let (px, py) = ((x * BLOCK) as f32 + half, (y * BLOCK) as f32 + half);
                let (dx, dy) = (px - center.0 - pose.shift.x, py - center.1 - pose.shift.y);
                let (kx, ky) = (center.0 + inv[0] * dx + inv[1] * dy, center.1 + inv[2] * dx + inv[3] * dy);
                match key.mean(kx - half, ky - half, BLOCK, BLOCK) {
                    Some(mut v) => {
                        if kept > 0.0 {
                            v += kept * (key.blocks[i] - self.whole[i].unwrap_or(v));
                        }
                        self.key[i] = v;
                        self.known[i] = true;
                    }
                    None => self.known[i] = false,
                }
            }
        }
        self.alias * (1.0 - kept * kept) * 2.0
    }

    /// Fits gain and offset between the key's and the frame's block means, robustly.
    fn fit_light(&mut self) {
        for _ in 0..3 {
            let (a, b) = (self.gain, self.offset);
            let mut m = 0;
            for i in (0..self.now.len()).step_by(3) {
                if self.known[i] {
                    self.scratch[m] = (self.now[i] - a * self.key[i] - b).abs();
                    m += 1;
                }
            }
            if m < 4 {
                return;
            }
            let scale = (1.4826 * median(&mut self.scratch[..m])).max(FLOOR);
            let limit = 1.0 / (4.685 * scale);
            let (mut n, mut k, mut v, mut kk, mut kv) = (0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32);
            let middle = 128.0;
            for i in 0..self.now.len() {
                if !self.known[i] {
                    continue;
                }
                let u = (self.now[i] - a * self.key[i] - b) * limit;
                let r = (1.0 - u * u).max(0.0);
                let w = r * r;
                let (x, y) = (self.key[i] - middle, self.now[i] - middle);
                n += w;
                k += w * x;
                v += w * y;
                kk += w * x * x;
                kv += w * x * y;
            }
            if n < 2.0 {
                return;
            }
            // A gain near one is likely; without contrast it decides.
            let prior = 4.0 * scale * scale;
            let gain = ((kv - k * v / n + prior) / (kk - k * k / n + prior).max(1e-3)).clamp(0.25, 4.0);
            let offset = (v - gain * k) / n + middle - gain * middle;
            let done = (gain - a).abs() < 1e-3 && (offset - b).abs() < 0.02;
            (self.gain, self.offset) = (gain, offset);
            if done {
                return;
            }
        }
    }

    /// Correlation of all block means with the key frame's, from −1 to 1; 1 where both are flat.
    pub fn likeness(&self) -> f32 {
        let (mut n, mut k, mut v, mut kk, mut vv, mut kv) = (0.0, 0.0, 0.0, 0.0_f32, 0.0_f32, 0.0_f32);
        for i in 0..self.now.len() {
            if self.known[i] {
                let (x, y) = (self.key[i] - 128.0, self.now[i] - 128.0);
                n += 1.0;
                k += x;
                v += y;
                kk += x * x;
                vv += y * y;
                kv += x * y;
            }
        }
        if n < 4.0 {
            return 1.0;
        }
        let (ck, cv) = ((kk - k * k / n) / n, (vv - v * v / n) / n);
        // Two flat pictures are alike.
        if ck < 4.0 && cv < 4.0 {
            return 1.0;
        }
        let product = (ck * cv).max(1e-3);
        ((kv - k * v / n) / n / libm::sqrtf(product)).clamp(-1.0, 1.0)
    }

    /// A block in upright pixels.
    pub fn rect(at: (u32, u32), side: u32) -> Rect {
        let k = (BLOCK * side) as f32;
        let (x, y) = (at.0 as f32 * k, at.1 as f32 * k);
        Rect::new(x, y, x + k, y + k)
    }
}
