//! The largest of a window, for each channel.
//! **Invariant:** every window sees some of the input: a window that does not is not given to this kernel.
//! It does not say where the largest was.

use fearless_simd::{Simd, SimdBase as _, SimdFrom as _, f32x8};

use super::{
    simd::{Job, LANES, load},
    window::Window,
};

/// One run of a pooling by the largest.
pub(super) struct Largest<'a> {
    pub window: &'a Window,
    pub input: &'a [f32],
    pub output: &'a mut [f32],
}

impl Job for Largest<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { window, input, output } = self;
        let channels = window.channels;
        let across: Vec<_> = (0..window.output[1]).map(|x| window.inside(1, x)).collect();
        for y in 0..window.output[0] {
            let down = window.inside(0, y);
            for (x, across) in across.iter().enumerate() {
                let mut channel = 0;
                while channel < channels {
                    let first = channel.min(channels - LANES);
                    let mut largest = f32x8::simd_from(simd, f32::NEG_INFINITY);
                    for tap_y in down.clone() {
                        let line = window.position(0, y, tap_y) * window.input[1];
                        for tap_x in across.clone() {
                            let at = (line + window.position(1, x, tap_x)) * channels + first;
                            largest = load(simd, input, at).max(largest);
                        }
                    }
                    let at = (y * window.output[1] + x) * channels + first;
                    largest.store_slice(&mut output[at..at + LANES]);
                    channel += LANES;
                }
            }
        }
    }
}
