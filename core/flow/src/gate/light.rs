//! Gain and offset between two sets of block means.
//! **Invariant:** a part of the picture that changed otherwise hardly counts; the gain stays between ¼ and 4.
//! It does not say what changed: `blocks` does.

use alloc::vec::Vec;

use super::solve::{LANES, fold, median};

/// The most rounds of reweighing.
const ROUNDS: usize = 3;
/// Tukey's constant: 95% efficiency for normal residuals.
const TUKEY: f32 = 4.685;
/// One block in this many tells the scale of the differences.
const SPARSE: usize = 3;
/// A middle brightness: sums of squares about it keep their digits.
const MIDDLE: f32 = 128.0;

/// Brightness now as `gain · then + offset`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exposure {
    pub gain: f32,
    pub offset: f32,
}

impl Exposure {
    /// No change.
    pub const SAME: Self = Self { gain: 1.0, offset: 0.0 };

    /// Fits to the means where `known` is 1, from what it was in the frame before. `floor` is the least standard
    /// deviation. All have whole lanes.
    pub fn fit(&mut self, now: &[f32], key: &[f32], known: &[f32], floor: f32, scratch: &mut Vec<f32>) {
        for _ in 0..ROUNDS {
            let Self { gain: a, offset: b } = *self;
            scratch.clear();
            for i in (0..now.len()).step_by(SPARSE) {
                if known[i] > 0.0 {
                    scratch.push((now[i] - a * key[i] - b).abs());
                }
            }
            if scratch.len() < 4 {
                return;
            }
            let scale = (1.4826 * median(scratch)).max(floor);
            let limit = 1.0 / (TUKEY * scale);
            let mut acc = [[0.0_f32; LANES]; 5];
            let lanes = now.as_chunks::<LANES>().0.iter().zip(key.as_chunks::<LANES>().0);
            for ((now, key), known) in lanes.zip(known.as_chunks::<LANES>().0) {
                for i in 0..LANES {
                    let u = (now[i] - a * key[i] - b) * limit;
                    let r = (1.0 - u * u).max(0.0);
                    let w = known[i] * (r * r);
                    let (x, y) = (key[i] - MIDDLE, now[i] - MIDDLE);
                    acc[0][i] += w;
                    acc[1][i] += w * x;
                    acc[2][i] += w * y;
                    acc[3][i] += w * x * x;
                    acc[4][i] += w * x * y;
                }
            }
            let [n, k, v, kk, kv] = acc.map(fold);
            if n < 2.0 {
                return;
            }
            // A gain near one is likely; without contrast it decides.
            let prior = 4.0 * scale * scale;
            let gain = ((kv - k * v / n + prior) / (kk - k * k / n + prior).max(1e-3)).clamp(0.25, 4.0);
            let offset = (v - gain * k) / n + MIDDLE - gain * MIDDLE;
            let done = (gain - a).abs() < 1e-3 && (offset - b).abs() < 0.02;
            *self = Self { gain, offset };
            if done {
                return;
            }
        }
    }
}

/// Correlation of the means where `known` is 1, from −1 to 1; 1 where both are flat.
pub(super) fn likeness(now: &[f32], key: &[f32], known: &[f32]) -> f32 {
    let mut acc = [[0.0_f32; LANES]; 6];
    let lanes = now.as_chunks::<LANES>().0.iter().zip(key.as_chunks::<LANES>().0);
    for ((now, key), known) in lanes.zip(known.as_chunks::<LANES>().0) {
        for i in 0..LANES {
            let (w, x, y) = (known[i], key[i] - MIDDLE, now[i] - MIDDLE);
            for (sum, v) in acc.iter_mut().zip([w, w * x, w * y, w * x * x, w * y * y, w * x * y]) {
                sum[i] += v;
            }
        }
    }
    let [n, k, v, kk, vv, kv] = acc.map(fold);
    if n < 4.0 {
        return 1.0;
    }
    let (ck, cv) = ((kk - k * k / n) / n, (vv - v * v / n) / n);
    // Two flat pictures are alike.
    if ck < 4.0 && cv < 4.0 {
        return 1.0;
    }
    let product = (ck * cv).max(1e-3);
    ((kv - k * v / n) / n / libm::sqrtf(product)).clamp(-1.0, 1.0)
}
