//! A part of the key frame as a sparse set of samples: where its pixels are steepest, with their slopes.
//! **Invariant:** samples are whole working pixels with a neighbour on each side; unused lanes weigh nothing.
//! It does not look at other frames: `fit` does.

use crate::{
    frame::CameraMotion,
    geometry::{Point, Rect},
};

use super::{
    factor::Factor,
    picture::Picture,
    sample::{Column, SAMPLES},
    solve::{LANES, dot, sum},
};

/// Pixels tried across and down a cell, about.
const CANDIDATES: u32 = 6;

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

    /// This pose after a further motion of everything; `from` is the patch's centre as seen from that motion's centre.
    pub fn then(&self, motion: &CameraMotion, from: Point) -> Self {
        let (l, a) = (&self.linear, &motion.linear);
        let at = from + self.shift;
        let shift = Point::new(
            self.shift.x + motion.shift.x + a[0] * at.x + a[1] * at.y,
            self.shift.y + motion.shift.y + a[2] * at.x + a[3] * at.y,
        );
        let linear = [
            l[0] + a[0] + a[0] * l[0] + a[1] * l[2],
            l[1] + a[1] + a[0] * l[1] + a[1] * l[3],
            l[2] + a[2] + a[2] * l[0] + a[3] * l[2],
            l[3] + a[3] + a[2] * l[1] + a[3] * l[3],
        ];
        Self { shift, linear }
    }

    /// Change of width and of height of the upright box around an ellipse that fills a `width` × `height` box. A box
    /// whose corners are full grows by a little more when it turns.
    pub fn extent(&self, width: f32, height: f32) -> (f32, f32) {
        let l = &self.linear;
        let (w, h) = (width.max(1e-3), height.max(1e-3));
        let (xx, xy) = (1.0 + l[0], l[1] * (h / w).min(16.0));
        let (yy, yx) = (1.0 + l[3], l[2] * (w / h).min(16.0));
        (libm::sqrtf((xx * xx + xy * xy).max(1e-4)), libm::sqrtf((yy * yy + yx * yx).max(1e-4)))
    }

    /// Change of size: the square root of the determinant.
    pub fn scale(&self) -> f32 {
        let l = &self.linear;
        let det = (1.0 + l[0]) * (1.0 + l[3]) - l[1] * l[2];
        libm::sqrtf(det.max(1e-4))
    }
}

/// Samples of the key picture.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    /// Samples, and those rounded up to whole lanes with zero weight.
    pub(super) count: usize,
    pub(super) padded: usize,
    /// Centre and half size of the area, in working pixels.
    pub center: Point,
    pub half: Point,
    /// Standard deviation of the samples, in levels.
    pub contrast: f32,
    pub(super) mean: f32,
    /// How much more than its share of noise the steepest pixel of a cell has: Σ 1/k over its candidates.
    pub(super) luck: f32,
    pub(super) dx: Column,
    pub(super) dy: Column,
    /// Weight by place: the corners of a box rarely belong to what is in it.
    pub(super) window: Column,
    /// Tukey weights of the newest fit.
    pub(super) robust: Column,
    /// Columns of the problem: value, 1, ∂x, ∂y, and ∂x and ∂y times the place.
    pub(super) columns: [Column; 8],
    /// Robust standard deviation of what the newest fit left, in levels; 0 when there is none to be trusted.
    pub(super) scale: f32,
    /// What the newest steps were solved with.
    pub(super) factor: Factor,
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
            scale: 0.0,
            factor: Factor::NONE,
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
        self.factor.forget();
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
        self.scale = 0.0;
    }
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
