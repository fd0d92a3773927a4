//! Row-sampled block means of a frame: the cheapest look at all of it.
//! **Invariant:** upright rows of the same height are read whatever way the bytes lie, where the layout has rows.
//! It does not compare: `blocks` does.

use alloc::vec::Vec;

use crate::frame::{Luma, Raster};

use super::solve::LANES;

/// Side of a block, in working pixels: an object of a block's size is seen whole in at least a quarter of one.
pub(super) const BLOCK: u32 = 8;

/// The most blocks along a line: the working resolution has no more than 320 working pixels a side.
const ALONG: usize = 40;

/// Lines of a block that are read: all of a small frame, four of a large one, which has enough pixels in each.
const fn lines(side: u32) -> u32 {
    if side < 3 { BLOCK } else { BLOCK / 2 }
}

/// Blocks across and down; none in a frame smaller than a block.
pub(super) const fn grid(w: u32, h: u32) -> (u32, u32) {
    if w < BLOCK || h < BLOCK { (0, 0) } else { (w / BLOCK, h / BLOCK) }
}

/// Mean of every block of `luma`: some of its lines, whole. Zeros follow up to whole lanes.
pub(super) fn sample(luma: &Luma<'_>, side: u32, out: &mut Vec<f32>) {
    let size = grid(luma.width() / side, luma.height() / side);
    out.clear();
    out.resize(((size.0 * size.1) as usize).next_multiple_of(LANES), 0.0);
    let Some(raster) = luma.raster() else { return sparse(luma, side, size, out) };
    match side {
        1 => planes::<8, 8, 8>(luma, &raster, side, size, out),
        2 => planes::<16, 8, 16>(luma, &raster, side, size, out),
        3 => planes::<24, 4, 8>(luma, &raster, side, size, out),
        4 => planes::<32, 4, 32>(luma, &raster, side, size, out),
        5 => planes::<40, 4, 8>(luma, &raster, side, size, out),
        6 => planes::<48, 4, 16>(luma, &raster, side, size, out),
        _ => sparse(luma, side, size, out),
    }
}

/// Reads `R` lines of each block, `N` bytes of each line, `U` of them at once: as many as a vector unit adds best.
fn planes<const N: usize, const R: usize, const U: usize>(
    luma: &Luma<'_>,
    raster: &Raster<'_>,
    side: u32,
    (nx, ny): (u32, u32),
    out: &mut [f32],
) {
    // A line in memory is an upright row, or a column of a frame that is turned.
    let (flip_x, flip_y) = raster.flipped;
    let (w, h, nx, ny) = (luma.width() as usize, luma.height() as usize, nx as usize, ny as usize);
    let (count, along, height, width) = if raster.swapped { (nx, ny, w, h) } else { (ny, nx, h, w) };
    let (against, backwards) = if raster.swapped { (flip_x, flip_y) } else { (flip_y, flip_x) };
    let first = if backwards { width - along * N } else { 0 };
    let step = BLOCK as usize / R * side as usize;
    let scale = 1.0 / (R * N) as f32;
    for i in 0..count {
        let mut sums = [0_u32; 5 * ALONG];
        for r in 0..R {
            let y = i * N + r * step + step / 2;
            let at = if against { height - 1 - y } else { y } * raster.stride + first;
            let row = raster.data.get(at..at + along * N).unwrap_or_default();
            for (sum, chunk) in sums.iter_mut().zip(row.as_chunks::<U>().0) {
                *sum += chunk.iter().map(|&b| u32::from(b)).sum::<u32>();
            }
        }
        for (c, parts) in sums.chunks_exact(N / U).enumerate().take(along) {
            let c = if backwards { along - 1 - c } else { c };
            let at = if raster.swapped { c * nx + i } else { i * nx + c };
            out[at] = parts.iter().sum::<u32>() as f32 * scale;
        }
    }
}

/// Other layouts: one column in `side` is read.
fn sparse(luma: &Luma<'_>, side: u32, (nx, ny): (u32, u32), out: &mut [f32]) {
    let step = BLOCK / lines(side);
    let scale = 1.0 / (lines(side) * BLOCK) as f32;
    for by in 0..ny {
        for bx in 0..nx {
            let mut total = 0;
            for r in 0..lines(side) {
                let y = (by * BLOCK + r * step) * side + step * side / 2;
                let x = bx * BLOCK * side + side / 2;
                total += (0..BLOCK).map(|c| u32::from(luma.at(x + c * side, y))).sum::<u32>();
            }
            out[(by * nx + bx) as usize] = total as f32 * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Image, PixelFormat, Rotation};

    #[test]
    fn a_turned_frame_has_the_means_of_the_upright_one() {
        let (w, h) = (64_u32, 40_u32);
        let upright = |x: u32, y: u32| ((7 * x + 13 * y + x * y % 31) % 256) as u8;
        for (turns, mirror) in (0..4).flat_map(|t| [(t, false), (t, true)]) {
            let rotation = Rotation::from_degrees(90 * turns).unwrap();
            let (bw, bh) = if rotation.swaps_axes() { (h, w) } else { (w, h) };
            let turn =
                |data| Image::packed(PixelFormat::Gray8, bw, bh, data).rotated(rotation).mirrored(mirror);
            // Which byte an upright position reads, from two buffers that number their bytes.
            let low: Vec<u8> = (0..w * h).map(|i| i as u8).collect();
            let high: Vec<u8> = (0..w * h).map(|i| (i >> 8) as u8).collect();
            let (low, high) = (turn(&low), turn(&high));
            let (low, high) = (Luma::of(&low).unwrap(), Luma::of(&high).unwrap());
            let mut bytes = alloc::vec![0; (w * h) as usize];
            for (x, y) in (0..h).flat_map(|y| (0..w).map(move |x| (x, y))) {
                bytes[usize::from(high.at(x, y)) * 256 + usize::from(low.at(x, y))] = upright(x, y);
            }
            for side in 1..=2 {
                let mut found = Vec::new();
                let image = turn(&bytes);
                sample(&Luma::of(&image).unwrap(), side, &mut found);
                let across = BLOCK * side;
                let (nx, ny) = grid(w / side, h / side);
                for (bx, by) in (0..ny).flat_map(|by| (0..nx).map(move |bx| (bx, by))) {
                    // Whole blocks at a side of 1; the middle one of two rows or columns at a side of 2.
                    let all = |line: u32| (0..across).map(move |along| (line, along));
                    let (read, along): (Vec<u32>, u32) =
                        ((0..BLOCK).map(|r| r * side + side / 2).collect(), across);
                    let swapped = rotation.swaps_axes();
                    let total: u32 = read
                        .iter()
                        .flat_map(|&line| all(line))
                        .map(|(line, along)| if swapped { (line, along) } else { (along, line) })
                        .map(|(x, y)| u32::from(upright(bx * across + x, by * across + y)))
                        .sum();
                    let mean = total as f32 / (BLOCK * along) as f32;
                    let at = (by * nx + bx) as usize;
                    assert!((found[at] - mean).abs() < 1e-3, "{turns} {mirror} {side} {bx} {by}");
                }
            }
        }
    }
}
