//! Block means of a frame against the key frame: change that light, background and targets do not explain.
//! **Invariant:** the noise of a block is learnt only from what looks like noise, and never falls below a floor.
//! It does not locate things: a block says that something changed, not where it went.

use alloc::vec::Vec;

use crate::{
    frame::Luma,
    geometry::{Point, Rect},
};

use super::{
    light::{Exposure, likeness},
    means::{self, BLOCK, grid},
    patch::Pose,
    picture::Picture,
    solve::{LANES, dot, sum, total},
};

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

/// Block means and the noise of each. All have whole lanes; what is 1 or 0 is a weight.
#[derive(Debug)]
pub(super) struct Blocks {
    size: (u32, u32),
    now: Vec<f32>,
    /// The key frame's mean where the block was, and whether it shows that.
    key: Vec<f32>,
    known: Vec<f32>,
    /// Whether no target explains it.
    free: Vec<f32>,
    variance: Vec<f32>,
    /// What is left now, and what was left in the frame before, where the block was known then.
    error: Vec<f32>,
    before: Vec<f32>,
    had: Vec<f32>,
    /// Variance that moving and light add.
    extra: Vec<f32>,
    /// Squared error over variance.
    score: Vec<f32>,
    scratch: Vec<f32>,
    /// The key picture's whole mean of each block, where it has one.
    whole: Vec<f32>,
    /// Mean square of (row-sampled − whole) block means of the key picture.
    alias: f32,
    /// Mean variance of all blocks, none counted for more than four times the mean before.
    common: f32,
    exposure: Exposure,
}

impl Default for Blocks {
    fn default() -> Self {
        Self {
            size: (0, 0),
            now: Vec::new(),
            key: Vec::new(),
            known: Vec::new(),
            free: Vec::new(),
            variance: Vec::new(),
            error: Vec::new(),
            before: Vec::new(),
            had: Vec::new(),
            extra: Vec::new(),
            score: Vec::new(),
            scratch: Vec::new(),
            whole: Vec::new(),
            alias: 0.0,
            common: FIRST * FIRST,
            exposure: Exposure::SAME,
        }
    }
}

impl Blocks {
    /// Prepares for a new key picture.
    pub fn rekey(&mut self, key: &Picture) {
        let size = grid(key.size.0, key.size.1);
        let count = (size.0 * size.1) as usize;
        let n = count.next_multiple_of(LANES);
        if size != self.size || self.variance.len() != n {
            self.size = size;
            self.variance.clear();
            self.variance.resize(n, FIRST * FIRST);
            self.common = FIRST * FIRST;
        }
        for v in [
            &mut self.now,
            &mut self.key,
            &mut self.known,
            &mut self.free,
            &mut self.error,
            &mut self.before,
            &mut self.had,
            &mut self.extra,
            &mut self.score,
            &mut self.scratch,
            &mut self.whole,
        ] {
            v.clear();
            v.resize(n, 0.0);
        }
        self.exposure = Exposure::SAME;
        let (whole, known) = (&mut self.whole, &mut self.known);
        for (y, (whole, known)) in
            lines(size.0, whole).zip(lines(size.0, known)).take(size.1 as usize).enumerate()
        {
            let start = Point::new(0.0, y as f32 * BLOCK as f32);
            key.means(start, Point::new(BLOCK as f32, 0.0), whole, known);
        }
        let square = total(&key.blocks, &self.whole, |sampled, whole| (sampled - whole) * (sampled - whole));
        self.alias = square / (count as f32).max(1.0);
    }

    /// Takes the block means of a frame.
    pub fn read(&mut self, luma: &Luma<'_>, side: u32) {
        means::sample(luma, side, &mut self.now);
    }

    /// The means that were read, one for each block.
    pub fn means(&self) -> &[f32] {
        self.now.get(..(self.size.0 * self.size.1) as usize).unwrap_or_default()
    }

    /// Declares everything unexplained again.
    pub fn clear_explained(&mut self) {
        let count = (self.size.0 * self.size.1) as usize;
        self.free[..count].fill(1.0);
    }

    /// Declares what `area`, in working pixels, touches as explained.
    pub fn explain(&mut self, area: &Rect) {
        if !area.is_valid() || self.free.is_empty() {
            return;
        }
        let k = 1.0 / BLOCK as f32;
        let (nx, ny) = (self.size.0 as f32, self.size.1 as f32);
        if area.x1 <= 0.0 || area.y1 <= 0.0 || area.x0 * k >= nx || area.y0 * k >= ny {
            return;
        }
        let from = |v: f32| (v * k).max(0.0) as usize;
        let to = |v: f32, n: f32| (v * k).min(n - 1.0) as usize;
        let (first, last) = (from(area.x0), to(area.x1, nx));
        for y in from(area.y0)..=to(area.y1, ny) {
            self.free[y * self.size.0 as usize..][first..=last].fill(0.0);
        }
    }

    /// Compares the frame with the key picture moved by the background's `pose` about `center`, whose standard
    /// error is `sigma` working pixels. `dt` seconds have passed since the frame before.
    pub fn compare(&mut self, key: &Picture, pose: &Pose, center: (f32, f32), sigma: f32, dt: f32) -> Change {
        let n = self.now.len();
        if n == 0 || n != self.key.len() {
            return Change { gain: 1.0, ..Change::default() };
        }
        let sampling = self.reference(key, pose, center);
        self.exposure.fit(&self.now, &self.key, &self.known, FLOOR, &mut self.scratch);
        self.slopes();
        let moved = (sigma.min(1.0) + STILL) / (2 * BLOCK) as f32;
        self.judge(sampling, moved);
        let Exposure { gain, offset } = self.exposure;
        let mut out = Change { gain, offset, ..Change::default() };
        let is_loud = |z2: f32| if z2 > CHANGED * CHANGED { 1.0 } else { 0.0 };
        let known = sum(&self.known);
        let free = dot(&self.known, &self.free);
        out.changed = total(&self.score, &self.free, |z2, free| is_loud(z2) * free) / free.max(1.0);
        out.changed_all = total(&self.score, &self.known, |z2, known| is_loud(z2) * known) / known.max(1.0);
        let count = (self.size.0 * self.size.1) as f32;
        out.uncovered = (count - known) / count;
        (out.worst, out.worst_at) = self.worst();
        self.learn(dt);
        out
    }

    /// The squared error of every block over its variance, 0 where it is not known.
    fn judge(&mut self, sampling: f32, moved: f32) {
        let Exposure { gain: a, offset: b } = self.exposure;
        let mean = sum(&self.key) / (self.size.0 * self.size.1) as f32;
        // Light does not scale exactly (gamma, clipping): a twentieth of the change of gain is allowed for.
        let bent = (a - 1.0).abs() * 0.05;
        let common = self.common;
        let slopes = &self.scratch;
        let inputs = self.now.iter().zip(&self.key).zip(&self.known).zip(slopes).zip(&self.variance);
        let outputs = self.error.iter_mut().zip(&mut self.extra).zip(&mut self.score);
        for (((((now, key), known), slope), own), ((error, extra), score)) in inputs.zip(outputs) {
            let e = now - a * key - b;
            let (slope, bend) = (slope * moved, bent * (key - mean));
            *error = e;
            *extra = sampling + slope * slope + bend * bend;
            // A block's own estimate rests on few frames: it may not be far below all blocks'.
            *score = known * (e * e) / (larger(*own, common) + *extra);
        }
    }

    /// Learns the noise of what nothing explains.
    ///
    /// From frame to frame the same noise shows twice, as it does against the key frame; slow change, which is to be
    /// noticed, shows not at all.
    fn learn(&mut self, dt: f32) {
        let (quiet, slow) = ((dt / QUIET_S).min(0.2), (dt / LOUD_S).min(0.02));
        let common = self.common;
        let inputs = self.error.iter().zip(&self.extra).zip(&self.score).zip(&self.known).zip(&self.free);
        let outputs =
            self.variance.iter_mut().zip(&mut self.before).zip(&mut self.had).zip(&mut self.scratch);
        for (((((e, extra), z2), known), free), (((own, before), had), learns)) in inputs.zip(outputs) {
            *learns = known * free * *had;
            let step = (e - *before) * (e - *before);
            let most = 25.0 * (larger(*own, common) + extra);
            let seen = smaller(larger(step - extra, 0.0), most);
            let rate = *learns * if *z2 < 9.0 { quiet } else { slow };
            *own = larger(*own + rate * (seen - *own), FLOOR * FLOOR);
            (*before, *had) = (*e, *known);
        }
        let learnt = sum(&self.scratch);
        if learnt > 0.0 {
            let seen =
                total(&self.variance, &self.scratch, |own, learns| learns * smaller(own, 4.0 * common));
            self.common = (seen / learnt).max(FLOOR * FLOOR);
        }
    }

    /// The largest unexplained score as standard deviations, and where. What comes in at the frame's edge shows there
    /// before any model can tell what it is: that does not count, but in the smallest frames.
    fn worst(&self) -> (f32, Option<(u32, u32)>) {
        let (nx, ny) = (self.size.0 as usize, self.size.1 as usize);
        let edge = usize::from(nx > 8 && ny > 8);
        let (mut worst, mut line) = (0.0, None);
        let row = |y: usize| {
            let inner = y * nx + edge..(y + 1) * nx - edge;
            (&self.score[inner.clone()], &self.free[inner])
        };
        for y in edge..ny - edge {
            let (score, free) = row(y);
            let most = largest(score, free);
            if most > worst {
                (worst, line) = (most, Some(y));
            }
        }
        let Some(y) = line else { return (0.0, None) };
        let (score, free) = row(y);
        let x = score.iter().zip(free).position(|(z2, free)| z2 * free == worst);
        (libm::sqrtf(worst), x.map(|x| ((x + edge) as u32, y as u32)))
    }

    /// How much the key frame's means change from block to block, to the sides and down, into the scratch.
    fn slopes(&mut self) {
        let (nx, ny) = (self.size.0 as usize, self.size.1 as usize);
        let (key, out) = (&self.key, &mut self.scratch);
        out.clear();
        out.resize(key.len(), 0.0);
        for y in 0..ny {
            let line = |y: usize| &key[y * nx..][..nx];
            let (here, up, down) = (line(y), line(y.saturating_sub(1)), line((y + 1).min(ny - 1)));
            let out = &mut out[y * nx..][..nx];
            for (out, (up, down)) in out.iter_mut().zip(up.iter().zip(down)) {
                *out = (down - up).abs();
            }
            if nx > 1 {
                out[0] += (here[1] - here[0]).abs();
                out[nx - 1] += (here[nx - 1] - here[nx - 2]).abs();
                for (out, (left, right)) in out[1..].iter_mut().zip(here.iter().zip(&here[2..])) {
                    *out += (right - left).abs();
                }
            }
        }
    }

    /// Writes the key frame's mean for every block; returns the variance that moving it adds.
    fn reference(&mut self, key: &Picture, pose: &Pose, center: (f32, f32)) -> f32 {
        let still = |v: f32| v.abs() < STILL;
        let l = pose.linear;
        let bend = l.iter().fold(0.0_f32, |m, v| m.max(v.abs())) * key.size.0.max(key.size.1) as f32 * 0.5;
        let count = (self.size.0 * self.size.1) as usize;
        if still(pose.shift.x) && still(pose.shift.y) && still(0.5 * bend) {
            self.key.copy_from_slice(&key.blocks);
            self.known[..count].fill(1.0);
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
        let step = Point::new(inv[0] * BLOCK as f32, inv[2] * BLOCK as f32);
        let rows = lines(nx, &mut self.key).zip(lines(nx, &mut self.known));
        for (y, (means, known)) in rows.take(ny as usize).enumerate() {
            let (dx, dy) =
                (half - center.0 - pose.shift.x, (y as u32 * BLOCK) as f32 + half - center.1 - pose.shift.y);
            let from = Point::new(inv[0] * dx + inv[1] * dy, inv[2] * dx + inv[3] * dy);
            let start = Point::new(center.0 + from.x - half, center.1 + from.y - half);
            key.means(start, step, means, known);
        }
        if kept > 0.0 {
            let sampled = key.blocks.iter().zip(&self.whole);
            for (v, (sampled, whole)) in self.key.iter_mut().zip(sampled) {
                *v += kept * (sampled - whole);
            }
        }
        self.alias * (1.0 - kept * kept) * 2.0
    }

    /// Correlation of all block means with the key frame's, from −1 to 1; 1 where both are flat.
    pub fn likeness(&self) -> f32 {
        likeness(&self.now, &self.key, &self.known)
    }

    /// A block in upright pixels.
    pub fn rect(at: (u32, u32), side: u32) -> Rect {
        let k = (BLOCK * side) as f32;
        let (x, y) = (at.0 as f32 * k, at.1 as f32 * k);
        Rect::new(x, y, x + k, y + k)
    }
}

/// Rows of `nx` blocks.
fn lines(nx: u32, blocks: &mut [f32]) -> impl Iterator<Item = &mut [f32]> {
    blocks.chunks_exact_mut(nx.max(1) as usize)
}

/// Maximum and minimum without a rule for NaN, which costs a vector unit two more operations.
#[inline]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline]
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The largest product of two slices' elements; they are not negative.
fn largest(a: &[f32], b: &[f32]) -> f32 {
    let (a, rest_a) = a.as_chunks::<LANES>();
    let (b, rest_b) = b.as_chunks::<LANES>();
    let mut most = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            most[i] = larger(a[i] * b[i], most[i]);
        }
    }
    let rest = rest_a.iter().zip(rest_b).map(|(a, b)| a * b);
    most.into_iter().chain(rest).fold(0.0, larger)
}
