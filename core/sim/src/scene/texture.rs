//! Pictures of surfaces: periodic tiles that are drawn once for a seed and sampled with bilinear weights.
//! **Invariant:** a tile can be sampled at every finite coordinate; except for faces and parts of photographs it joins at its edges.
//! It does not light or place anything: `render` does.

use core::f32::consts::TAU;

use crate::{
    rng::{key, unit},
    spec::{Pattern, Photograph},
};

/// A tile of brightness, in grey levels, repeated without end.
#[derive(Clone, Debug)]
pub struct Tile {
    width: usize,
    height: usize,
    texels: Vec<f32>,
}

/// What a tile looks like, numbers drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The pattern.
    pub pattern: Pattern,
    /// Mean brightness in grey levels.
    pub brightness: f32,
    /// Strength of the pattern.
    pub contrast: f32,
    /// Coarsest cell in texels.
    pub cell: f32,
    /// What random patterns depend on.
    pub seed: u64,
}

/// Grey levels that a contrast of 1 reaches to either side of the mean.
const FULL_SWING: f32 = 110.0;

impl Tile {
    /// Draws a tile of `width` × `height` texels.
    pub fn draw(look: &Look, width: usize, height: usize) -> Self {
        let mut texels = vec![0.0_f32; width * height];
        let cells = |side: usize| ((side as f32 / look.cell).round() as usize).max(1);
        let (nx, ny) = (cells(width), cells(height));
        match look.pattern {
            Pattern::Plain | Pattern::Photo | Pattern::Behind => {}
            Pattern::Noise => noise(look.seed, (nx, ny), width, height, &mut texels),
            _ => {
                for (y, row) in texels.chunks_exact_mut(width).enumerate() {
                    let v = (y as f32 + 0.5) / height as f32;
                    for (x, texel) in row.iter_mut().enumerate() {
                        let u = (x as f32 + 0.5) / width as f32;
                        *texel = match look.pattern {
                            Pattern::Checks => checks(u, v, nx.next_multiple_of(2), ny.next_multiple_of(2)),
                            Pattern::Stripes => libm::sinf(TAU * u * nx as f32),
                            Pattern::Gradient => -libm::cosf(TAU * u),
                            _ => face(2.0 * u - 1.0, 2.0 * v - 1.0),
                        };
                    }
                }
            }
        }
        for texel in &mut texels {
            *texel = look.brightness + *texel * look.contrast * FULL_SWING;
        }
        Self { width, height, texels }
    }

    /// The part `crop` (left, top, right, bottom, as shares) of a photograph, scaled to `width` × `height` texels by
    /// the mean over what each texel covers. With `mirrored`, twice as wide and high, so that it joins at its edges.
    pub fn photograph(
        photograph: &Photograph,
        crop: [f64; 4],
        width: usize,
        height: usize,
        mirrored: bool,
    ) -> Self {
        let (pw, ph) = (photograph.width(), photograph.height());
        let columns = cover(crop[0], crop[2], pw, width);
        let rows = cover(crop[1], crop[3], ph, height);
        let mut part = Vec::with_capacity(width * height);
        for row in &rows {
            for column in &columns {
                let mut sum = 0.0;
                for &(y, wy) in row {
                    for &(x, wx) in column {
                        sum += wy * wx * f32::from(photograph.luma()[y * pw + x]);
                    }
                }
                part.push(sum);
            }
        }
        if !mirrored {
            return Self { width, height, texels: part };
        }
        let mut texels = Vec::with_capacity(4 * width * height);
        for y in (0..height).chain((0..height).rev()) {
            let row = &part[y * width..(y + 1) * width];
            texels.extend_from_slice(row);
            texels.extend(row.iter().rev());
        }
        Self { width: 2 * width, height: 2 * height, texels }
    }

    /// Width in texels.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Height in texels.
    pub const fn height(&self) -> usize {
        self.height
    }

    /// One row of texels, `y` wrapped.
    pub fn row(&self, y: i64) -> &[f32] {
        let y = y.rem_euclid(self.height as i64) as usize;
        &self.texels[y * self.width..(y + 1) * self.width]
    }

    /// The brightness at texel coordinates, where texel `(0, 0)` has its centre at `(0.5, 0.5)`.
    #[inline]
    pub fn sample(&self, u: f32, v: f32) -> f32 {
        let (u, v) = (u - 0.5, v - 0.5);
        let (fu, fv) = (floor(u), floor(v));
        let (wu, wv) = (u - fu as f32, v - fv as f32);
        let x0 = wrap(fu, self.width);
        let y0 = wrap(fv, self.height);
        let x1 = if x0 + 1 == self.width { 0 } else { x0 + 1 };
        let y1 = if y0 + 1 == self.height { 0 } else { y0 + 1 };
        let (a, b) = (&self.texels[y0 * self.width..], &self.texels[y1 * self.width..]);
        let top = a[x0] + wu * (a[x1] - a[x0]);
        let bottom = b[x0] + wu * (b[x1] - b[x0]);
        top + wv * (bottom - top)
    }
}

/// For each of `n` texels over the share `from..to` of a line of `length` pixels: the pixels that it covers with their
/// weights, which add up to 1. Where it covers less than a pixel: the two neighbours of its middle, as bilinear sampling.
fn cover(from: f64, to: f64, length: usize, n: usize) -> Vec<Vec<(usize, f32)>> {
    let (start, step) = (from * length as f64, (to - from) * length as f64 / n as f64);
    let last = length - 1;
    let weights = |i: usize| {
        let (a, b) = (start + i as f64 * step, start + (i + 1) as f64 * step);
        if step <= 1.0 {
            let at = ((a + b) * 0.5 - 0.5).clamp(0.0, last as f64);
            let x = at as usize;
            let w = (at - x as f64) as f32;
            return vec![(x, 1.0 - w), ((x + 1).min(last), w)];
        }
        let pixels = a as usize..(libm::ceil(b) as usize).min(length);
        pixels.map(|x| (x, ((b.min((x + 1) as f64) - a.max(x as f64)).max(0.0) / step) as f32)).collect()
    };
    (0..n).map(weights).collect()
}

/// `floor` without a call: targets without a rounding instruction are slow at `f32::floor`.
#[inline]
fn floor(x: f32) -> i32 {
    let i = x as i32;
    if (i as f32) > x { i - 1 } else { i }
}

#[inline]
fn wrap(i: i32, n: usize) -> usize {
    let n = n as i32;
    if (0..n).contains(&i) { i as usize } else { i.rem_euclid(n) as usize }
}

/// Value noise in four octaves, each half as strong as the one before; about ±1.
fn noise(seed: u64, cells: (usize, usize), width: usize, height: usize, out: &mut [f32]) {
    let mut weight = 1.0_f32;
    for octave in 0..4_usize {
        let (nx, ny) = ((cells.0 << octave).min(width), (cells.1 << octave).min(height));
        let lattice: Vec<f32> =
            (0..nx * ny).map(|i| 2.0 * unit(key(&[seed, octave as u64, i as u64])) as f32 - 1.0).collect();
        let ease = |x: f32| x * x * (3.0 - 2.0 * x);
        for (y, row) in out.chunks_exact_mut(width).enumerate() {
            let v = y as f32 * ny as f32 / height as f32;
            let (j, wv) = (v as usize, ease(v - (v as usize) as f32));
            let (top, bottom) = (&lattice[(j % ny) * nx..][..nx], &lattice[((j + 1) % ny) * nx..][..nx]);
            for (x, texel) in row.iter_mut().enumerate() {
                let u = x as f32 * nx as f32 / width as f32;
                let (i, wu) = (u as usize, ease(u - (u as usize) as f32));
                let (i0, i1) = (i % nx, (i + 1) % nx);
                let a = top[i0] + wu * (top[i1] - top[i0]);
                let b = bottom[i0] + wu * (bottom[i1] - bottom[i0]);
                *texel += weight * (a + wv * (b - a));
            }
        }
        weight *= 0.5;
    }
}

fn checks(u: f32, v: f32, nx: usize, ny: usize) -> f32 {
    let (i, j) = ((u * nx as f32) as usize, (v * ny as f32) as usize);
    if (i + j).is_multiple_of(2) { 0.8 } else { -0.8 }
}

/// A schematic face on `[-1, 1]²`: smooth blobs, so that it can be scaled without jagged edges.
fn face(x: f32, y: f32) -> f32 {
    let blob = |cx: f32, cy: f32, rx: f32, ry: f32| {
        let (dx, dy) = ((x - cx) / rx, (y - cy) / ry);
        let d = dx * dx + dy * dy;
        // 1 inside, 0 outside, smooth over the rim.
        ((1.4 - d) / 0.8).clamp(0.0, 1.0)
    };
    let mirrored = x.abs();
    let eye = {
        let (dx, dy) = ((mirrored - 0.36) / 0.17, (y + 0.12) / 0.11);
        ((1.4 - dx * dx - dy * dy) / 0.8).clamp(0.0, 1.0)
    };
    let brow = {
        let (dx, dy) = ((mirrored - 0.37) / 0.22, (y + 0.34) / 0.05);
        ((1.4 - dx * dx - dy * dy) / 0.8).clamp(0.0, 1.0)
    };
    let hair = ((-y - 0.55 - 0.25 * (1.0 - x * x)) / -0.12 + 1.0).clamp(0.0, 1.0);
    let hair = 1.0 - hair;
    let nose = blob(0.0, 0.18, 0.09, 0.2);
    let mouth = blob(0.0, 0.52, 0.3, 0.09);
    let shade = 0.15 * (1.0 - x * x) - 0.1 * y;
    (shade - 1.1 * eye - 0.7 * brow - 1.0 * hair - 0.25 * nose - 0.9 * mouth).clamp(-1.2, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(pattern: Pattern) -> Look {
        Look { pattern, brightness: 120.0, contrast: 0.8, cell: 8.0, seed: 4 }
    }

    #[test]
    fn patterns_vary_and_plain_does_not() {
        for pattern in [Pattern::Noise, Pattern::Checks, Pattern::Stripes, Pattern::Gradient, Pattern::Face] {
            let tile = Tile::draw(&look(pattern), 64, 64);
            let (low, high) =
                tile.texels.iter().fold((f32::MAX, f32::MIN), |(l, h), t| (l.min(*t), h.max(*t)));
            assert!(high - low > 50.0, "{pattern:?} spans {low} to {high}");
        }
        assert!(Tile::draw(&look(Pattern::Plain), 8, 8).texels.iter().all(|t| *t == 120.0));
    }

    #[test]
    fn a_photograph_keeps_its_brightness_and_joins_mirrored() {
        let luma: Vec<u8> = (0..40 * 30).map(|i| ((i % 40) * 5 + (i / 40)) as u8).collect();
        let photo = Photograph::new(40, 30, luma).unwrap();
        for (w, h) in [(13, 10), (40, 30), (90, 70)] {
            let tile = Tile::photograph(&photo, [0.0, 0.0, 1.0, 1.0], w, h, false);
            let mean = tile.texels.iter().sum::<f32>() / tile.texels.len() as f32;
            assert!((mean - 112.0).abs() < 1.5, "{w} × {h}: {mean}");
        }
        let same = Tile::photograph(&photo, [0.0, 0.0, 1.0, 1.0], 40, 30, false);
        assert_eq!(same.texels[17 * 40 + 21], 21.0 * 5.0 + 17.0, "at its own size nothing is changed");
        let part = Tile::photograph(&photo, [0.5, 0.0, 1.0, 0.5], 20, 15, false);
        assert_eq!(part.texels[0], 100.0, "the part starts in the middle");
        let tile = Tile::photograph(&photo, [0.0, 0.0, 1.0, 1.0], 40, 30, true);
        assert_eq!((tile.width(), tile.height()), (80, 60));
        for y in [0.5, 12.0, 29.5] {
            assert!((tile.sample(79.9, y) - tile.sample(80.1, y)).abs() < 1.0);
            assert!((tile.sample(39.9, y) - tile.sample(40.1, y)).abs() < 1.0);
        }
    }

    #[test]
    fn sampling_joins_at_the_edges() {
        let tile = Tile::draw(&look(Pattern::Noise), 64, 32);
        for i in 0..200 {
            let (u, v) = (i as f32 * 0.73 - 40.0, i as f32 * 0.37 - 20.0);
            assert!((tile.sample(u, v) - tile.sample(u + 64.0, v - 32.0)).abs() < 0.05);
            assert!((tile.sample(u, v) - tile.sample(u + 0.01, v)).abs() < 2.0);
        }
    }
}
