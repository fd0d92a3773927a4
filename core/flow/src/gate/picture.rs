//! A small copy of a key frame at the working resolution, and the means of all blocks of it.
//! **Invariant:** a picture's planes have exactly `w * h` (and `(w − 6) * (h − 6)`) elements.
//! It does not compare: `patch` and `blocks` do.

use alloc::vec::Vec;

use crate::{
    frame::Luma,
    geometry::{Point, Rect},
    time::Timestamp,
};

use super::means::{self, BLOCK, grid};

/// The longer side of the working resolution, in working pixels, is at most this (the scale at which the follower
/// was tuned).
const LONG_SIDE: u32 = 320;
/// Brightness is kept in 1/64 levels: the sum over a block is exact in 32 bits, float or not.
const UNITS: f32 = 64.0;

/// A frame at the working resolution.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    pub captured: Timestamp,
    /// Size of the frame, in upright pixels.
    pub full: (u32, u32),
    /// Upright pixels a working pixel.
    pub side: u32,
    /// Size in working pixels; at least 1 × 1.
    pub size: (u32, u32),
    /// Row-sampled block means, as `blocks` takes them of every frame.
    pub blocks: Vec<f32>,
    pub values: Vec<u16>,
    /// Whole means of blocks from every working pixel; the last column and row twice.
    pub wholes: Vec<f32>,
    pub sums: Vec<u32>,
}

/// Upright pixels a working pixel, for a frame of this size.
pub(super) fn side_for(width: u32, height: u32) -> u32 {
    width.max(height).div_ceil(LONG_SIDE).max(1)
}

impl Picture {
    /// Takes a copy of `luma`, reusing the memory.
    pub fn take(&mut self, captured: Timestamp, luma: &Luma<'_>) {
        self.captured = captured;
        self.full = (luma.width(), luma.height());
        // A frame narrower than a working pixel still has one.
        let side = side_for(luma.width(), luma.height()).min(luma.width().min(luma.height())).max(1);
        self.side = side;
        self.size = (luma.width() / side, luma.height() / side);
        let (w, h) = self.size;
        self.values.clear();
        self.values.reserve_exact((w * h) as usize);
        let scale = UNITS / (side * side) as f32;
        for y in 0..h {
            if side == 1
                && let Some(row) = luma.row(0, y, w)
            {
                self.values.extend(row.iter().map(|&b| u16::from(b) * UNITS as u16));
                continue;
            }
            let at = self.values.len();
            self.values.resize(at + w as usize, 0);
            self.sums.clear();
            self.sums.resize(w as usize, 0);
            for r in 0..side {
                add_row(luma, y * side + r, side, &mut self.sums);
            }
            for (v, &s) in self.values[at..].iter_mut().zip(&self.sums) {
                *v = (s as f32 * scale + 0.5) as u16;
            }
        }
        means::sample(luma, side, &mut self.blocks);
    }

    /// Computes what only the key picture needs: the mean of the block from every working pixel.
    pub fn average(&mut self) {
        let (w, h, block) = (self.size.0 as usize, self.size.1 as usize, BLOCK as usize);
        self.wholes.clear();
        if grid(self.size.0, self.size.1) == (0, 0) {
            return;
        }
        let (nx, ny) = (w - block + 1, h - block + 1);
        self.wholes.reserve_exact((nx + 1) * (ny + 1));
        let row = |y: usize| &self.values[y * w..][..w];
        // Sums of eight rows, which go down with the block; along a row pairs make fours, and fours eights.
        self.sums.clear();
        self.sums.resize(2 * w, 0);
        let (columns, eights) = self.sums.split_at_mut(w);
        for y in 0..block - 1 {
            columns.iter_mut().zip(row(y)).for_each(|(sum, &v)| *sum += u32::from(v));
        }
        let scale = 1.0 / (UNITS * (BLOCK * BLOCK) as f32);
        for y in 0..ny {
            columns.iter_mut().zip(row(y + block - 1)).for_each(|(sum, &v)| *sum += u32::from(v));
            eights.copy_from_slice(columns);
            for reach in [1, 2, 4] {
                for x in 0..w - reach {
                    eights[x] += eights[x + reach];
                }
            }
            self.wholes.extend(eights[..nx].iter().chain([&eights[nx - 1]]).map(|&sum| sum as f32 * scale));
            columns.iter_mut().zip(row(y)).for_each(|(sum, &v)| *sum -= u32::from(v));
        }
        self.wholes.extend_from_within((ny - 1) * (nx + 1)..);
    }

    /// The brightness of a working pixel; coordinates outside are clamped.
    #[inline]
    pub fn at(&self, x: i32, y: i32) -> f32 {
        let x = x.clamp(0, self.size.0 as i32 - 1) as usize;
        let y = y.clamp(0, self.size.1 as i32 - 1) as usize;
        f32::from(self.values[y * self.size.0 as usize + x]) * (1.0 / UNITS)
    }

    /// Means of blocks from `start` on and every `step`, in working pixels, between pixels bilinear, and whether the
    /// picture shows them: 0 when more than a 32nd of a side lies outside. [`Picture::average`] must have been called.
    pub fn means(&self, start: Point, step: Point, out: &mut [f32], known: &mut [f32]) {
        let last = Point::new((self.size.0 - BLOCK) as f32, (self.size.1 - BLOCK) as f32);
        let room = BLOCK as f32 / 32.0;
        let stride = (self.size.0 - BLOCK + 2) as usize;
        // 32nds of a working pixel, rounded as in `sample`.
        const PARTS: u32 = 32;
        const ROUND: f32 = 12_582_912.0;
        let part = |v: f32| (v * PARTS as f32 + ROUND).to_bits() - ROUND.to_bits();
        for (i, (out, known)) in out.iter_mut().zip(known).enumerate() {
            let (x, y) = (start.x + step.x * i as f32, start.y + step.y * i as f32);
            // Written so that a NaN is outside.
            let inside = x >= -room && y >= -room && x <= last.x + room && y <= last.y + room;
            *known = if inside { 1.0 } else { 0.0 };
            if !inside {
                continue;
            }
            let (x, y) = (part(x.clamp(0.0, last.x)), part(y.clamp(0.0, last.y)));
            let at = (y / PARTS) as usize * stride + (x / PARTS) as usize;
            let pair = |at: usize| self.wholes.get(at..at + 2).and_then(<[f32]>::first_chunk::<2>);
            let (Some([a, b]), Some([c, d])) = (pair(at), pair(at + stride)) else { continue };
            let unit = 1.0 / PARTS as f32;
            let (fx, fy) = ((x % PARTS) as f32 * unit, (y % PARTS) as f32 * unit);
            let (top, bottom) = (a + (b - a) * fx, c + (d - c) * fx);
            *out = top + (bottom - top) * fy;
        }
    }

    /// A box of upright pixels in working pixels.
    pub fn working(&self, r: &Rect) -> Rect {
        let k = 1.0 / self.side as f32;
        Rect::new(r.x0 * k, r.y0 * k, r.x1 * k, r.y1 * k)
    }

    /// Standard deviation of the noise of a working pixel, from the quietest tenth of the picture.
    ///
    /// # Source
    /// Second differences of white noise have six times its variance; the tenth percentile of their mean modulus
    /// over tiles of 8 × 8 leaves texture out where the picture has quiet places (after Immerkær 1996).
    pub fn noise(&self, scratch: &mut Vec<f32>) -> f32 {
        let (w, h) = (self.size.0 as i32, self.size.1 as i32);
        scratch.clear();
        for ty in 0..h / 8 {
            for tx in 0..w / 8 {
                let mut total = 0.0;
                for y in (0..8).step_by(2) {
                    for x in (0..8).step_by(2) {
                        let (x, y) = (tx * 8 + x, ty * 8 + y);
                        total += (self.at(x - 1, y) - 2.0 * self.at(x, y) + self.at(x + 1, y)).abs();
                    }
                }
                scratch.push(total / 16.0);
            }
        }
        if scratch.is_empty() {
            return 1.0;
        }
        let tenth = scratch.len() / 10;
        let low = *scratch.select_nth_unstable_by(tenth, f32::total_cmp).1;
        // E|d| of a normal is 0.798 σ; σ of the second difference is √6 times the pixel's; the tenth percentile of the
        // mean of sixteen lies a fifth below their mean.
        (low / (0.798 * 2.449 * 0.8)).clamp(0.3, 8.0)
    }
}

/// Adds row `y`, in boxes of `side` pixels, to `sums`.
fn add_row(luma: &Luma<'_>, y: u32, side: u32, sums: &mut [u32]) {
    let width = sums.len() as u32 * side;
    if let Some(row) = luma.row(0, y, width) {
        match side {
            2 => add_boxes::<2>(row, sums),
            3 => add_boxes::<3>(row, sums),
            4 => add_boxes::<4>(row, sums),
            5 => add_boxes::<5>(row, sums),
            6 => add_boxes::<6>(row, sums),
            _ => {
                for (sum, pixels) in sums.iter_mut().zip(row.chunks_exact(side as usize)) {
                    *sum += pixels.iter().map(|&b| u32::from(b)).sum::<u32>();
                }
            }
        }
    } else {
        for (i, sum) in sums.iter_mut().enumerate() {
            let x = i as u32 * side;
            *sum += (x..x + side).map(|x| u32::from(luma.at(x, y))).sum::<u32>();
        }
    }
}

/// The same for a side that is known beforehand, which compilers make vectors of.
fn add_boxes<const N: usize>(row: &[u8], sums: &mut [u32]) {
    for (sum, pixels) in sums.iter_mut().zip(row.as_chunks::<N>().0) {
        *sum += pixels.iter().map(|&b| u32::from(b)).sum::<u32>();
    }
}
