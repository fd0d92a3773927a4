//! What a picture looks like in a few hundred bytes: a thumbnail without its exposure.
//! **Invariant:** gain and offset of brightness change a key by rounding only; two keys have one distance.
//! It does not decide what is near enough: audits do.

use crate::{
    frame::{Image, Luma, PixelFormat},
    geometry::Rect,
};

/// Cells of brightness along the longer and the shorter side.
const LONG: usize = 16;
const SHORT: usize = 9;
const CELLS: usize = LONG * SHORT;
/// Two colour differences in each quarter of the picture.
const COLOURS: usize = 8;
/// Samples of a cell, across and down.
const ACROSS: u32 = 16;
const DOWN: u32 = 8;
/// Deviations are kept in 1/1024 of the picture's standard deviation, up to 16 of them.
const UNITS: f32 = 1024.0;
const MOST: f32 = 16.0;
/// The standard deviation is not taken as smaller than this, in levels: a blank wall has no pattern but noise.
const LEAST_DEVIATION: f32 = 4.0;
/// Neighbours that differ by less than this many standard deviations are equal to the hash.
const EQUAL: i16 = 102;
/// Hashes that differ in more than this many bits are of different pictures; of two unrelated ones about half of all 120
/// bits differ. As a decision of its own such a hash is poor; it only saves the comparison.
const DIFFERENT: u32 = 40;

/// A gain-normalised thumbnail: 16 × 9 brightness (9 × 16 of an upright frame), 2 × 2 colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// Everything but pixels that the model's input depends on.
    shape: (u32, u32, bool, Option<Rect>),
    cells: [i16; CELLS + COLOURS],
    hash: u128,
}

impl Key {
    /// The key of `image`, whose brightness is `luma`: of its region, when it has one.
    pub fn of(image: &Image<'_>, luma: &Luma<'_>) -> Self {
        let (width, height) = (luma.width(), luma.height());
        let all = Rect::new(0.0, 0.0, width as f32, height as f32);
        let area = image.region.map_or(all, |r| r.clipped(&all));
        let (nx, ny) = if area.width() >= area.height() { (LONG, SHORT) } else { (SHORT, LONG) };
        let mut means = [0.0_f32; CELLS];
        for (i, mean) in means.iter_mut().enumerate() {
            let (x, y) = ((i % nx) as f32, (i / nx) as f32);
            let (w, h) = (area.width() / nx as f32, area.height() / ny as f32);
            *mean = cell(luma, area.x0 + x * w, area.y0 + y * h, w, h);
        }
        let mean = means.iter().sum::<f32>() / CELLS as f32;
        let variance = means.iter().map(|m| (m - mean) * (m - mean)).sum::<f32>() / CELLS as f32;
        let unit = UNITS / libm::sqrtf(variance).max(LEAST_DEVIATION);
        let mut cells = [0; CELLS + COLOURS];
        for (cell, m) in cells.iter_mut().zip(&means) {
            *cell = fixed((m - mean) * unit);
        }
        for (cell, c) in cells[CELLS..].iter_mut().zip(colours(image)) {
            *cell = fixed(c * unit);
        }
        let mut hash = 0;
        for pair in (0..CELLS).filter(|i| i % nx + 1 < nx).take(u128::BITS as usize) {
            hash = hash << 1 | u128::from(cells[pair + 1] > cells[pair].saturating_add(EQUAL));
        }
        Self { shape: (width, height, image.mirror, image.region), cells, hash }
    }

    /// How different two pictures are: the largest difference of two cells, in standard deviations of the picture. The
    /// largest, for a mean does not see what is small. `None` when they are too different to be compared.
    pub fn distance(&self, other: &Self) -> Option<f32> {
        if self.shape != other.shape || (self.hash ^ other.hash).count_ones() > DIFFERENT {
            return None;
        }
        let pairs = self.cells.iter().zip(&other.cells);
        let most = pairs.map(|(a, b)| (i32::from(*a) - i32::from(*b)).unsigned_abs()).max().unwrap_or(0);
        Some(most as f32 / UNITS)
    }
}

fn fixed(x: f32) -> i16 {
    libm::roundf(x.clamp(-MOST * UNITS, MOST * UNITS)) as i16
}

/// Mean brightness of sampled pixels of a cell.
fn cell(luma: &Luma<'_>, x: f32, y: f32, w: f32, h: f32) -> f32 {
    let (across, down) = (ACROSS.min(w as u32).max(1), DOWN.min(h as u32).max(1));
    let mut sum = 0_u32;
    for j in 0..down {
        let row = (y + (j as f32 + 0.5) * h / down as f32) as u32;
        for i in 0..across {
            sum += u32::from(luma.at((x + (i as f32 + 0.5) * w / across as f32) as u32, row));
        }
    }
    sum as f32 / (across * down) as f32
}

/// Mean colour differences (blue, red) of the buffer's quarters, in levels; rotation turns all keys of a stream alike.
fn colours(image: &Image<'_>) -> [f32; COLOURS] {
    let mut out = [0.0; COLOURS];
    let (w, h) = (image.width as usize, image.height as usize);
    for quarter in 0..4 {
        let mut sum = [0.0_f32; 2];
        let side = 8;
        for j in 0..side {
            for i in 0..side {
                let x = w * ((quarter % 2) * side + i) / (2 * side);
                let y = h * ((quarter / 2) * side + j) / (2 * side);
                let [blue, red] = colour(image, x, y);
                sum = [sum[0] + blue, sum[1] + red];
            }
        }
        let n = (side * side) as f32;
        (out[2 * quarter], out[2 * quarter + 1]) = (sum[0] / n, sum[1] / n);
    }
    out
}

/// Colour differences at a pixel of the buffer, about 0.
fn colour(image: &Image<'_>, x: usize, y: usize) -> [f32; 2] {
    let byte = |plane: usize, at: usize| image.planes[plane].data.get(at).map_or(128.0, |b| f32::from(*b));
    let half = |plane: usize, step: usize, part: usize| {
        byte(plane, (y / 2) * image.planes[plane].row_stride + (x / 2) * step + part) - 128.0
    };
    let rgb = |pixel: usize, r: usize, b: usize| {
        let at = y * image.planes[0].row_stride + x * pixel;
        let (r, g, b) = (byte(0, at + r), byte(0, at + 1), byte(0, at + b));
        let luma = (r + 2.0 * g + b) * 0.25;
        [0.5 * (b - luma), 0.5 * (r - luma)]
    };
    match image.format {
        PixelFormat::Nv12 => [half(1, 2, 0), half(1, 2, 1)],
        PixelFormat::Nv21 => [half(1, 2, 1), half(1, 2, 0)],
        PixelFormat::I420 => [half(1, 1, 0), half(2, 1, 0)],
        PixelFormat::Rgba8 => rgb(4, 0, 2),
        PixelFormat::Bgra8 => rgb(4, 2, 0),
        PixelFormat::Rgb8 => rgb(3, 0, 2),
        PixelFormat::Gray8 => [0.0; 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Plane;
    use std::{vec, vec::Vec};

    const W: u32 = 160;
    const H: u32 = 90;

    /// Spots of several sizes, with a gain and an offset.
    fn picture(seed: u32, gain: f32, offset: f32) -> Vec<u8> {
        let at = |x: u32, y: u32, cell: u32| {
            let h = (((x / cell) * 7_919) ^ ((y / cell) * 104_729) ^ seed.wrapping_mul(2_654_435_761))
                .wrapping_mul(0x9E37_79B9);
            (h >> 24) as f32
        };
        let levels = |i: u32| 0.5 * at(i % W, i / W, 20) + 0.3 * at(i % W, i / W, 5);
        (0..W * H).map(|i| (gain * levels(i) + offset).clamp(0.0, 255.0) as u8).collect()
    }

    fn key(pixels: &[u8]) -> Key {
        let image = Image::packed(PixelFormat::Gray8, W, H, pixels);
        Key::of(&image, &Luma::of(&image).unwrap())
    }

    #[test]
    fn exposure_hardly_counts_and_another_picture_is_far() {
        let base = key(&picture(1, 1.0, 10.0));
        let darker = base.distance(&key(&picture(1, 0.6, 30.0))).unwrap();
        assert!(darker < 0.06, "{darker}");
        for seed in 2..30 {
            let other = base.distance(&key(&picture(seed, 1.0, 10.0)));
            assert!(other.is_none_or(|d| d > 0.5), "{seed}: {other:?}");
        }
    }

    #[test]
    fn something_small_in_one_place_counts() {
        let mut pixels = picture(1, 1.0, 10.0);
        let base = key(&pixels);
        for y in 30..40 {
            for x in 50..60 {
                pixels[y * W as usize + x] = 255;
            }
        }
        let changed = base.distance(&key(&pixels)).unwrap();
        assert!(changed > 0.5, "{changed}");
    }

    #[test]
    fn colour_counts_and_formats_agree_about_it() {
        let luma = picture(1, 0.5, 40.0);
        let chroma = |u: u8, v: u8| -> Vec<u8> { [u, v].repeat((W * H / 4) as usize) };
        let nv12 = |c: &[u8]| {
            let planes =
                [Plane { data: &luma, row_stride: W as usize }, Plane { data: c, row_stride: W as usize }];
            let image = Image::new(PixelFormat::Nv12, W, H, &planes);
            Key::of(&image, &Luma::of(&image).unwrap())
        };
        let grey = nv12(&chroma(128, 128));
        assert!(grey.distance(&key(&luma)).is_some_and(|d| d < 1e-3));
        assert!(grey.distance(&nv12(&chroma(150, 110))).is_some_and(|d| d > 0.4));

        let rgb: Vec<u8> = luma.iter().flat_map(|l| [*l, *l, *l]).collect();
        let image = Image::packed(PixelFormat::Rgb8, W, H, &rgb);
        let rgb = Key::of(&image, &Luma::of(&image).unwrap());
        assert!(grey.distance(&rgb).is_some_and(|d| d < 0.02));
    }

    #[test]
    fn another_size_or_region_is_another_input() {
        let pixels = picture(1, 1.0, 10.0);
        let image = Image::packed(PixelFormat::Gray8, W, H, &pixels);
        let luma = Luma::of(&image).unwrap();
        let part = image.with_region(Rect::new(10.0, 10.0, 70.0, 80.0));
        assert_eq!(Key::of(&image, &luma).distance(&Key::of(&part, &luma)), None);
        // A region outside the picture and a tiny picture are no trouble.
        let outside = image.with_region(Rect::new(500.0, 500.0, 600.0, 600.0));
        let _ = Key::of(&outside, &luma);
        let tiny = vec![9; 4];
        let tiny = Image::packed(PixelFormat::Gray8, 2, 2, &tiny);
        let _ = Key::of(&tiny, &Luma::of(&tiny).unwrap());
    }
}
