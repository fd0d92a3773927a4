//! Convolutions that mix all channels, as a product of matrices: pixels by taps, taps by outputs.
//! **Invariant:** the weights are arranged once, when the model is prepared.
//! It does not copy the input of a pointwise convolution; of others it gathers a band that stays in the cache.

use std::{ops::Range, sync::Arc};

use fearless_simd::{Simd, SimdFloat as _, SimdFrom as _, f32x8};

use super::{
    simd::{Activation, Finish, Job, LANES, Residual, load},
    window::Window,
};

/// Pixels that are summed at once. With two vectors of outputs that takes 12 registers for sums, 2 for weights and 1 for a
/// pixel, of the 16 that AVX2 has.
pub(super) const ROWS: usize = 6;

/// Floats of a band of gathered pixels: half of a first-level cache of 32 KiB.
const BAND: usize = 4096;

/// Weights of a dense convolution, arranged for the kernel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    /// Numbers that one output is made of.
    depth: usize,
    outputs: usize,
    /// First output, and vectors (1 or 2), of each block. The last block overlaps the one before where outputs do not
    /// come out even, so that whole vectors are stored everywhere.
    blocks: Vec<(usize, usize)>,
    /// For each block, for each number of the depth, the weights of the block's outputs.
    panels: Arc<[f32]>,
    bias: Arc<[f32]>,
}

impl Weights {
    /// Arranges weights: `at(output, tap and channel)`, channels of a tap next to each other. `None` for fewer outputs than
    /// a vector has.
    pub(super) fn arrange(depth: usize, bias: &[f32], at: impl Fn(usize, usize) -> f32) -> Option<Self> {
        let outputs = bias.len();
        if outputs < LANES {
            return None;
        }
        let mut blocks = Vec::new();
        let mut first = 0;
        while first < outputs {
            let vectors = if outputs - first > LANES && outputs >= 2 * LANES { 2 } else { 1 };
            blocks.push((first.min(outputs - vectors * LANES), vectors));
            first += vectors * LANES;
        }
        let mut panels = Vec::new();
        for (first, vectors) in &blocks {
            for k in 0..depth {
                panels.extend((*first..first + vectors * LANES).map(|output| at(output, k)));
            }
        }
        Some(Self { depth, outputs, blocks, panels: panels.into(), bias: bias.into() })
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }
}

/// One run.
pub(super) struct Dense<'a> {
    pub window: &'a Window,
    pub weights: &'a Weights,
    pub activation: &'a Activation,
    pub input: &'a [f32],
    pub residual: Option<Residual<'a>>,
    pub output: &'a mut [f32],
}

impl Job for Dense<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { window, weights, activation, input, residual, output } = self;
        let finish = Finish { residual, activation, channels: weights.outputs };
        let (depth, pixels) = (weights.depth, window.pixels());
        let band = (BAND / depth / ROWS * ROWS).max(ROWS).min(pixels);
        let interior = window.interior();
        let mut gathered = vec![0.0; if window.is_pointwise() { 0 } else { band * depth }];
        for start in (0..pixels).step_by(band) {
            let start = start.min(pixels - band);
            let rows = if window.is_pointwise() {
                &input[start * depth..(start + band) * depth]
            } else {
                gather(window, &interior, input, start, depth, &mut gathered);
                &gathered[..]
            };
            let mut panels = &weights.panels[..];
            for (first, vectors) in &weights.blocks {
                let (panel, rest) = panels.split_at(depth * vectors * LANES);
                panels = rest;
                let block = Block { weights, panel, first: *first, rows, start, finish };
                if *vectors == 2 {
                    block.run::<S, 2>(simd, output);
                } else {
                    block.run::<S, 1>(simd, output);
                }
            }
        }
    }
}

/// Writes what the kernel sees at the pixels from `start` on, one row of `depth` numbers for each. In the columns of
/// `interior` nothing of the kernel is beside the input.
#[inline(always)]
fn gather(
    window: &Window,
    interior: &Range<usize>,
    input: &[f32],
    start: usize,
    depth: usize,
    rows: &mut [f32],
) {
    let (channels, width) = (window.channels, window.kernel[1] * window.channels);
    let [mut y, mut x] = [start / window.output[1], start % window.output[1]];
    let mut down = window.inside(0, y);
    for row in rows.chunks_exact_mut(depth) {
        let whole = interior.contains(&x) && window.dilation[1] == 1;
        for (tap, part) in row.chunks_exact_mut(width).enumerate() {
            if !down.contains(&tap) {
                part.fill(0.0);
                continue;
            }
            let line = window.position(0, y, tap) * window.input[1];
            if whole {
                copy(part, &input[(line + window.position(1, x, 0)) * channels..]);
                continue;
            }
            part.fill(0.0);
            for across in window.inside(1, x) {
                let from = (line + window.position(1, x, across)) * channels;
                copy(&mut part[across * channels..][..channels], &input[from..]);
            }
        }
        x += 1;
        if x == window.output[1] {
            (y, x) = (y + 1, 0);
            down = window.inside(0, y);
        }
    }
}

/// Copies a few numbers without a call; the last eight overlap those before.
#[inline(always)]
fn copy(to: &mut [f32], from: &[f32]) {
    let length = to.len();
    let from = &from[..length];
    if length >= LANES {
        let mut at = 0;
        while at < length {
            let first = at.min(length - LANES);
            to[first..first + LANES].copy_from_slice(&from[first..first + LANES]);
            at += LANES;
        }
    } else if length >= 4 {
        for first in [0, length - 4] {
            to[first..first + 4].copy_from_slice(&from[first..first + 4]);
        }
    } else {
        for at in 0..3 {
            if at < length {
                to[at] = from[at];
            }
        }
    }
}

/// Some outputs of a band of pixels.
struct Block<'a> {
    weights: &'a Weights,
    panel: &'a [f32],
    first: usize,
    rows: &'a [f32],
    start: usize,
    finish: Finish<'a>,
}

impl Block<'_> {
    #[inline(always)]
    fn run<S: Simd, const V: usize>(&self, simd: S, output: &mut [f32]) {
        let count = self.rows.len() / self.weights.depth;
        if count < ROWS {
            for pixel in 0..count {
                self.tile::<S, 1, V>(simd, pixel, output);
            }
            return;
        }
        for pixel in (0..count).step_by(ROWS) {
            self.tile::<S, ROWS, V>(simd, pixel.min(count - ROWS), output);
        }
    }

    /// `M` pixels by `V` vectors of outputs.
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const V: usize>(&self, simd: S, pixel: usize, output: &mut [f32]) {
        let depth = self.weights.depth;
        let (vectors, _) = self.panel.as_chunks::<LANES>();
        let (steps, _) = vectors.as_chunks::<V>();
        let steps = &steps[..depth];
        let mut rows = [&[][..]; M];
        for (m, row) in rows.iter_mut().enumerate() {
            *row = &self.rows[(pixel + m) * depth..][..depth];
        }
        let mut sums = [[f32x8::simd_from(simd, 0.0); V]; M];
        for sums in &mut sums {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = load(simd, &self.weights.bias, self.first + v * LANES);
            }
        }
        for k in 0..depth {
            let mut weights = [f32x8::simd_from(simd, 0.0); V];
            for v in 0..V {
                weights[v] = f32x8::simd_from(simd, steps[k][v]);
            }
            for m in 0..M {
                let x = f32x8::simd_from(simd, rows[m][k]);
                for v in 0..V {
                    sums[m][v] = x.mul_add(weights[v], sums[m][v]);
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                let channel = self.first + v * LANES;
                self.finish.store(simd, *sum, self.start + pixel + m, channel, output);
            }
        }
    }
}
