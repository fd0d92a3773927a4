//! Reads a frame sparsely, with the kernel of the key picture: box means at positions between pixels.
//! **Invariant:** a sample is a sum of integers; it is the same on every target and never outside the frame.
//! It does not shrink whole frames: `picture` does, on key frames only.

use crate::{
    frame::{Luma, Raster},
    geometry::Point,
};

/// The most samples of a patch: 16 × 9 for the background, 12 × 12 for a large target.
pub(super) const SAMPLES: usize = 144;
/// One number a sample.
pub(super) type Column = [f32; SAMPLES];

/// Adding 1.5 · 2²³ leaves no bits for a fraction: the sum is rounded to the nearest whole number.
const ROUND: f32 = 12_582_912.0;
/// Further than this no frame reaches, in steps; whole numbers up to it are exact.
const FAR: f32 = 2_097_152.0;

/// Reads box means of `side` × `side` upright pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampler<'a> {
    luma: &'a Luma<'a>,
    raster: Option<Raster<'a>>,
    side: u32,
    /// Positions are rounded to 1 / `steps` upright pixels; the rest is for the caller to correct to first order.
    steps: u32,
    /// The last position at which a box is wholly inside the frame, in steps.
    last: [u32; 2],
    norm: f32,
}

/// Box positions in steps, in the order of memory.
#[derive(Clone, Debug)]
pub(super) struct Places([[i32; SAMPLES]; 2]);

/// What was read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Where to read, in working pixels; after that, where it was read less where it was asked for.
    pub x: Column,
    /// As `x`, downwards.
    pub y: Column,
    /// Mean brightness; 0 outside.
    pub value: Column,
    /// 1 where the box was wholly inside the frame, otherwise 0.
    pub inside: Column,
}

/// At least four positions a working pixel: the first-order correction is then good to 1/8 working pixel.
const fn steps(side: u32) -> u32 {
    match side {
        1 => 4,
        2 | 3 => 2,
        _ => 1,
    }
}

impl Reading {
    /// Nothing read.
    pub const fn new() -> Self {
        let zero = [0.0; SAMPLES];
        Self { x: zero, y: zero, value: zero, inside: zero }
    }
}

impl<'a> Sampler<'a> {
    /// A sampler whose working pixel is `side` upright pixels wide.
    pub fn new(luma: &'a Luma<'a>, side: u32) -> Self {
        let side = side.max(1);
        let steps = steps(side);
        let norm = 1.0 / (side * side * steps * steps) as f32;
        let last = [luma.width(), luma.height()].map(|size| size.saturating_sub(side) * steps);
        Self { luma, raster: luma.raster(), side, steps, last, norm }
    }

    /// Size of the frame, in working pixels.
    pub fn size(&self) -> (f32, f32) {
        let k = 1.0 / self.side as f32;
        (self.luma.width() as f32 * k, self.luma.height() as f32 * k)
    }

    /// A shift rounded to whole upright pixels, where boxes are read fastest.
    pub fn whole(&self, shift: Point) -> Point {
        let side = self.side as f32;
        let round = |v: f32| ((v * side).clamp(-FAR, FAR) + ROUND - ROUND) / side;
        Point::new(round(shift.x), round(shift.y))
    }

    /// The box means around the first `n` places of `out`; `n` is a multiple of the lanes.
    pub fn read(&self, out: &mut Reading, n: usize) {
        let places = self.places(&mut out.x, &mut out.y, n);
        self.gather(&places, (0, 0), n, &mut out.value, &mut out.inside);
    }

    /// Rounds `n` places, in working pixels, and leaves what was added to them.
    pub fn places(&self, x: &mut Column, y: &mut Column, n: usize) -> Places {
        let mut places = Places([[0; SAMPLES]; 2]);
        let scale = (self.side * self.steps) as f32;
        let back = 1.0 / scale;
        for (axis, at) in [x, y].into_iter().enumerate() {
            let (flip, last) = (self.flips()[axis], self.last[axis] as i32);
            for (v, q) in at.iter_mut().zip(&mut places.0[axis]).take(n) {
                let edge = ((*v - 0.5) * scale).clamp(-FAR, FAR);
                let rounded = edge + ROUND;
                let at = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
                *q = if flip { last.wrapping_sub(at) } else { at };
                *v = ((rounded - ROUND) - edge) * back;
            }
        }
        places
    }

    /// The box means at `places`, all moved by whole working pixels.
    pub fn gather(
        &self,
        places: &Places,
        shift: (i32, i32),
        n: usize,
        value: &mut Column,
        inside: &mut Column,
    ) {
        match self.side {
            1 => self.boxes::<1, 2>(places, shift, n, value, inside),
            2 => self.boxes::<2, 3>(places, shift, n, value, inside),
            3 => self.boxes::<3, 4>(places, shift, n, value, inside),
            4 => self.boxes::<4, 5>(places, shift, n, value, inside),
            5 => self.boxes::<5, 6>(places, shift, n, value, inside),
            6 => self.boxes::<6, 7>(places, shift, n, value, inside),
            _ => self.boxes::<0, 0>(places, shift, n, value, inside),
        }
    }

    fn flips(&self) -> [bool; 2] {
        self.raster.map_or([false; 2], |r| [r.flipped.0, r.flipped.1])
    }

    /// `N` is the side, `M` one more; 0 for any other side.
    fn boxes<const N: usize, const M: usize>(
        &self,
        places: &Places,
        (sx, sy): (i32, i32),
        n: usize,
        value: &mut Column,
        inside: &mut Column,
    ) {
        let one = (self.side * self.steps) as i32;
        let flips = self.flips();
        let (sx, sy) = (if flips[0] { -sx } else { sx } * one, if flips[1] { -sy } else { sy } * one);
        let outputs = value.iter_mut().zip(inside.iter_mut());
        for ((&x, &y), (value, inside)) in places.0[0].iter().zip(&places.0[1]).zip(outputs).take(n) {
            let (x, y) = (x.wrapping_add(sx) as u32, y.wrapping_add(sy) as u32);
            (*value, *inside) = (0.0, 0.0);
            if x > self.last[0] || y > self.last[1] {
                continue;
            }
            let sum = match &self.raster {
                Some(r) if N > 0 => {
                    let (x, y) = if r.swapped { (y, x) } else { (x, y) };
                    if N >= 4 { whole::<N>(r, x, y) } else { parts::<N, M>(r, x, y) }
                }
                _ => None,
            };
            let sum = sum.unwrap_or_else(|| self.any(x, y));
            (*value, *inside) = (sum as f32 * self.norm, 1.0);
        }
    }

    /// A box of any side, layout and place inside the frame.
    #[cold]
    #[inline(never)]
    fn any(&self, x: u32, y: u32) -> u32 {
        let flips = self.flips();
        let x = if flips[0] { self.last[0] - x } else { x };
        let y = if flips[1] { self.last[1] - y } else { y };
        let (fx, fy) = (x % self.steps, y % self.steps);
        let (nx, ny) = (self.side + u32::from(fx > 0), self.side + u32::from(fy > 0));
        let mut sum = 0;
        for r in 0..ny {
            let mut line = 0;
            for c in 0..nx {
                let pixel = self.luma.at(x / self.steps + c, y / self.steps + r);
                line += u32::from(pixel) * weight(c, nx, fx, self.steps);
            }
            sum += line * weight(r, ny, fy, self.steps);
        }
        sum
    }
}

/// The sum of a box at whole pixels; `None` beyond the plane.
#[inline]
fn whole<const N: usize>(raster: &Raster<'_>, x: u32, y: u32) -> Option<u32> {
    let mut at = y as usize * raster.stride + x as usize;
    let mut sum = 0;
    if N == 4 {
        // Two sums of even and odd bytes in one word; four rows fit twelve bits.
        for _ in 0..4 {
            let row = u32::from_le_bytes(*raster.data.get(at..at + 4)?.first_chunk()?);
            sum += (row & 0x00FF_00FF) + ((row >> 8) & 0x00FF_00FF);
            at += raster.stride;
        }
        return Some((sum + (sum >> 16)) & 0xFFFF);
    }
    for _ in 0..N {
        let row: &[u8; N] = raster.data.get(at..at + N)?.first_chunk()?;
        sum += row.iter().map(|&b| u32::from(b)).sum::<u32>();
        at += raster.stride;
    }
    Some(sum)
}

/// The sum of a box between pixels, times the square of `steps`; `None` beyond the plane. The first column and row
/// weigh `steps` less the fraction, the last ones the fraction: past the frame's edge that is nothing.
#[inline]
fn parts<const N: usize, const M: usize>(raster: &Raster<'_>, x: u32, y: u32) -> Option<u32> {
    let steps = const { steps(N as u32) };
    let (fx, fy) = (x % steps, y % steps);
    let mut at = (y / steps) as usize * raster.stride + (x / steps) as usize;
    let mut sum = 0;
    for r in 0..M {
        let row: &[u8; M] = raster.data.get(at..at + M)?.first_chunk()?;
        let all = row.iter().map(|&b| u32::from(b)).sum::<u32>() * steps;
        let line = all - u32::from(row[0]) * fx - u32::from(row[N]) * (steps - fx);
        let height = if r == 0 {
            steps - fy
        } else if r == N {
            fy
        } else {
            steps
        };
        sum += line * height;
        at += raster.stride;
    }
    Some(sum)
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
