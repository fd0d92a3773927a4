//! Reads a frame sparsely, with the kernel of the key picture: a box mean at a position between pixels.
//! **Invariant:** a sample is a sum of integers; it is the same on every target and never outside the frame.
//! It does not shrink whole frames: `picture` does, on key frames only.

use crate::{
    frame::{Luma, LumaLayout},
    geometry::Point,
};

/// Reads box means of `side` × `side` upright pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampler<'a> {
    luma: &'a Luma<'a>,
    side: u32,
    /// Positions are rounded to 1 / `steps` upright pixels; the rest is for the caller to correct to first order.
    steps: u32,
    norm: f32,
    plane: bool,
}

/// One box mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Mean brightness.
    pub value: f32,
    /// Where it was taken less where it was asked for, in working pixels.
    pub off_x: f32,
    /// As `off_x`, downwards.
    pub off_y: f32,
}

/// Added before a cast to an integer, so that it rounds down for negative positions too.
const BIAS: u32 = 1 << 15;

impl<'a> Sampler<'a> {
    /// A sampler whose working pixel is `side` upright pixels wide.
    pub fn new(luma: &'a Luma<'a>, side: u32) -> Self {
        // At least four positions a working pixel: the first-order correction is then good to 1/8 working pixel.
        let steps = match side {
            0 | 1 => 4,
            2 | 3 => 2,
            _ => 1,
        };
        let side = side.max(1);
        let norm = 1.0 / (side * side * steps * steps) as f32;
        let plane = luma.layout() == LumaLayout::Plane && luma.row(0, 0, 1).is_some();
        Self { luma, side, steps, norm, plane }
    }

    /// Size of the frame, in working pixels.
    pub fn size(&self) -> (f32, f32) {
        let k = 1.0 / self.side as f32;
        (self.luma.width() as f32 * k, self.luma.height() as f32 * k)
    }

    /// A shift rounded to whole upright pixels, where boxes are read fastest.
    pub fn whole(&self, shift: Point) -> Point {
        let side = self.side as f32;
        let round = |v: f32| ((v * side + (BIAS as f32 + 0.5)) as i32 - BIAS as i32) as f32 / side;
        Point::new(round(shift.x), round(shift.y))
    }

    /// The box mean around `(x, y)`, in working pixels; `None` when its box is not wholly inside the frame.
    #[inline]
    pub fn at(&self, x: f32, y: f32) -> Option<Sample> {
        let (qx, off_x) = self.quantize(x)?;
        let (qy, off_y) = self.quantize(y)?;
        let (x0, y0) = (qx / self.steps, qy / self.steps);
        let (fx, fy) = (qx % self.steps, qy % self.steps);
        let (nx, ny) = (self.side + u32::from(fx > 0), self.side + u32::from(fy > 0));
        if x0 + nx > self.luma.width() || y0 + ny > self.luma.height() {
            return None;
        }
        let sum = if self.plane && fx == 0 && fy == 0 {
            match self.side {
                1 => self.block::<1>(x0, y0)?,
                2 => self.block::<2>(x0, y0)?,
                3 => self.block::<3>(x0, y0)?,
                4 => self.block::<4>(x0, y0)?,
                5 => self.block::<5>(x0, y0)?,
                6 => self.block::<6>(x0, y0)?,
                _ => self.weighted(x0, y0, nx, ny, 0, 0),
            }
        } else {
            self.weighted(x0, y0, nx, ny, fx, fy)
        };
        Some(Sample { value: sum as f32 * self.norm, off_x, off_y })
    }

    /// The left (or top) edge of the box around `center`, in steps, and the rounding error in working pixels.
    #[inline]
    fn quantize(&self, center: f32) -> Option<(u32, f32)> {
        let side = self.side as f32;
        let edge = (center - 0.5) * side * self.steps as f32;
        let biased = (edge + (BIAS as f32 + 0.5)) as u32;
        let q = biased.checked_sub(BIAS)?;
        Some((q, (q as f32 - edge) / (side * self.steps as f32)))
    }

    /// A whole box of an upright plane; `steps` is 1 or its square is put back in.
    #[inline]
    fn block<const N: usize>(&self, x: u32, y: u32) -> Option<u32> {
        let mut sum = 0;
        for r in 0..N as u32 {
            let row: &[u8; N] = self.luma.row(x, y + r, N as u32)?.try_into().ok()?;
            sum += row.iter().map(|&b| u32::from(b)).sum::<u32>();
        }
        Some(sum * self.steps * self.steps)
    }

    /// A box with fractional edges: the first column and row weigh `steps - f`, the last ones `f`.
    #[inline]
    fn weighted(&self, x: u32, y: u32, nx: u32, ny: u32, fx: u32, fy: u32) -> u32 {
        let mut sum = 0;
        for r in 0..ny {
            let mut line = 0;
            if let Some(row) = self.luma.row(x, y + r, nx).filter(|_| self.plane) {
                line = row.iter().map(|&b| u32::from(b)).sum::<u32>() * self.steps;
                if fx > 0 {
                    line -= u32::from(row[0]) * fx;
                    line -= u32::from(row[nx as usize - 1]) * (self.steps - fx);
                }
            } else {
                for c in 0..nx {
                    line += u32::from(self.luma.at(x + c, y + r)) * weight(c, nx, fx, self.steps);
                }
            }
            sum += line * weight(r, ny, fy, self.steps);
        }
        sum
    }
}

/// The weight of element `i` of `n` when the box starts `f` steps into element 0.
#[inline]
fn weight(i: u32, n: u32, f: u32, steps: u32) -> u32 {
    if f == 0 {
        steps
    } else if i == 0 {
        steps - f
    } else if i + 1 == n {
        f
    } else {
        steps
    }
}
