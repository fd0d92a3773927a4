//! Signed distance to the boundary of a mask, on its grid of cells.
//! **Invariant:** distances are exact and computed in whole numbers but for one square root each; equal on every target.
//! It does not know pixels or time.

use alloc::{vec, vec::Vec};

/// Parts of a cell that distances are told in.
pub(super) const PARTS: i16 = 64;
/// No distance is larger than the diagonal of the largest grid: 362 cells.
pub(super) const FAR: i16 = 362 * PARTS;
/// A column without a cell of the wanted kind is this far from one.
const NONE: u32 = 1 << 10;

/// Memory for the transform of one size of grid.
#[derive(Clone, Debug)]
pub(super) struct Transform {
    width: usize,
    height: usize,
    /// For each cell the distance to the nearest wanted one in its column.
    columns: Vec<u32>,
    squares: Vec<u32>,
    /// The lower envelope of a row's parabolas: their columns, and from where on each is the lowest.
    sites: Vec<(usize, i64)>,
}

impl Transform {
    pub fn new(width: usize, height: usize) -> Self {
        let n = width * height;
        Self { width, height, columns: vec![0; n], squares: vec![0; n], sites: vec![(0, 0); width] }
    }

    /// Writes for each cell the distance from its centre to the boundary: positive inside, negative outside, in
    /// [`PARTS`] of a cell. A cell that `cells` shares (from 0 to 255) with both sides is moved by its share.
    pub fn run(&mut self, cells: &[u8], out: &mut [i16]) {
        for inside in [true, false] {
            self.squared(|i| (cells[i] >= 128) != inside);
            for (i, out) in out.iter_mut().enumerate().filter(|(i, _)| (cells[*i] >= 128) == inside) {
                let square = self.squares[i];
                // The boundary lies half-way between the centres of the last cell inside and the first outside.
                let far = libm::sqrtf(square as f32) - 0.5;
                let parts = if square >= NONE * NONE { FAR } else { (far * f32::from(PARTS)) as i16 };
                *out = if inside { parts.min(FAR) } else { -parts.min(FAR) };
            }
        }
        // Next to the boundary the shares say where within the cell it is.
        for (out, share) in out.iter_mut().zip(cells).filter(|(d, _)| d.abs() <= PARTS / 2) {
            *out = (i16::from(*share) * 2 - 255) * (PARTS / 2) / 255;
        }
    }

    /// The squared distance of each cell to the nearest one that is `wanted`.
    ///
    /// # Source
    /// Meijster, Roerdink and Hesselink, "A general algorithm for computing distance transforms in linear time", 2000:
    /// the two passes of Felzenszwalb and Huttenlocher in whole numbers.
    fn squared(&mut self, wanted: impl Fn(usize) -> bool) {
        let (w, h) = (self.width, self.height);
        for x in 0..w {
            let mut far = NONE;
            for y in 0..h {
                far = if wanted(y * w + x) { 0 } else { (far + 1).min(NONE) };
                self.columns[y * w + x] = far;
            }
            for y in (0..h.saturating_sub(1)).rev() {
                let below = self.columns[(y + 1) * w + x] + 1;
                let at = &mut self.columns[y * w + x];
                *at = below.min(*at);
            }
        }
        for y in 0..h {
            self.row(y * w);
        }
    }

    fn row(&mut self, start: usize) {
        let (w, columns) = (self.width, &self.columns);
        let height = |x: usize| {
            let d = i64::from(columns[start + x]);
            d * d
        };
        let value = |x: usize, at: i64| (at - x as i64) * (at - x as i64) + height(x);
        let mut count = 0;
        for x in 0..w {
            let mut from = 0;
            while count > 0 {
                let (before, since) = self.sites[count - 1];
                if value(before, since) > value(x, since) {
                    count -= 1;
                    continue;
                }
                // The first column at which the parabola of `x` is the lower one.
                let (i, u) = (before as i64, x as i64);
                from = 1 + (u * u - i * i + height(x) - height(before)).div_euclid(2 * (u - i));
                break;
            }
            if count == 0 {
                (self.sites[0], count) = ((x, 0), 1);
            } else if from < w as i64 {
                (self.sites[count], count) = ((x, from), count + 1);
            }
        }
        for x in (0..w).rev() {
            while count > 1 && self.sites[count - 1].1 > x as i64 {
                count -= 1;
            }
            let square = value(self.sites[count - 1].0, x as i64);
            self.squares[start + x] = square.clamp(0, i64::from(NONE * NONE)) as u32;
        }
    }
}

/// The share of a cell that is inside, from 0 to 255, by the distance of its centre to the boundary.
pub(super) fn share(distance: i32) -> u8 {
    let half = i32::from(PARTS) / 2;
    ((distance.clamp(-half, half) + half) * 255 / (2 * half)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn distances_are_those_of_all_pairs() {
        let mut rng = Rng::new(8);
        for (w, h) in [(1, 1), (1, 9), (9, 1), (7, 5), (16, 12)] {
            for density in [0.0, 0.05, 0.5, 0.95, 1.0] {
                let cells: Vec<u8> = (0..w * h).map(|_| if rng.unit() < density { 255 } else { 0 }).collect();
                let mut out = vec![0; w * h];
                Transform::new(w, h).run(&cells, &mut out);
                for (i, d) in out.iter().enumerate() {
                    let inside = cells[i] >= 128;
                    let square = |j: usize| {
                        let (dx, dy) = ((i % w).abs_diff(j % w), (i / w).abs_diff(j / w));
                        (dx * dx + dy * dy) as f32
                    };
                    let others = (0..w * h).filter(|j| (cells[*j] >= 128) != inside).map(square);
                    let nearest = others.fold(f32::INFINITY, f32::min);
                    let wanted = if nearest.is_finite() {
                        (libm::sqrtf(nearest) - 0.5) * 64.0
                    } else {
                        f32::from(FAR)
                    };
                    let signed = if inside { wanted } else { -wanted };
                    assert!((f32::from(*d) - signed).abs() <= 1.0, "{w} x {h}: {d} for {signed}");
                }
            }
        }
    }

    #[test]
    fn shares_and_distances_agree_at_the_boundary() {
        let cells = [255, 255, 191, 0, 0, 0];
        let mut out = [0; 6];
        Transform::new(6, 1).run(&cells, &mut out);
        assert!((f32::from(out[2]) / 64.0 - 0.25).abs() < 0.03, "{out:?}");
        assert!(share(i32::from(out[2])).abs_diff(191) < 6);
        assert_eq!((share(i32::from(FAR)), share(-i32::from(FAR))), (255, 0));
    }
}
