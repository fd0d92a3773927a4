//! Vectors of eight floats on the processor at hand, and what ends every sum: residual and activation.
//! **Invariant:** code that needs an extension runs only where the extension was found.
//! It does not know operators or graphs.

use std::sync::Arc;

use fearless_simd::{Level, Simd, SimdBase as _, SimdFloat as _, SimdFrom as _, f32x8};

/// Floats of a vector: one register with AVX2, two with NEON.
pub(super) const LANES: usize = 8;

/// What is worth having kernels for. Elsewhere the runtime's own are as good.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Processor {
    /// x86-64-v3: AVX2 and fused multiply-add.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Avx2(fearless_simd::Avx2),
    /// 64-bit ARM.
    #[cfg(target_arch = "aarch64")]
    Neon(fearless_simd::Neon),
}

/// Work that is compiled once for each kind of processor.
pub(super) trait Job {
    /// Does the work. Implementations, and all that they call in inner loops, are `#[inline(always)]`: only what is inlined
    /// here is compiled for the extension.
    fn run<S: Simd>(self, simd: S);
}

impl Processor {
    /// The processor that this runs on.
    pub(crate) fn detect() -> Option<Self> {
        let level = Level::new();
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        return level.as_avx2().map(Self::Avx2);
        #[cfg(target_arch = "aarch64")]
        return level.as_neon().map(Self::Neon);
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let _ = level;
            None
        }
    }

    /// For names of kernels.
    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
        }
    }

    pub(super) fn run<J: Job>(self, job: J) {
        match self {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx2(simd) => simd.vectorize(
                #[inline(always)]
                move || job.run(simd),
            ),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => simd.vectorize(
                #[inline(always)]
                move || job.run(simd),
            ),
        }
    }
}

/// Eight floats from `at` on.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, from: &[f32], at: usize) -> f32x8<S> {
    f32x8::from_slice(simd, &from[at..at + LANES])
}

/// What is done to a sum before it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Activation {
    /// Nothing.
    None,
    /// Held between two bounds, which may be infinite.
    Clamp { low: f32, high: f32 },
    /// What is negative is multiplied by the factor of its channel.
    Slope(Arc<[f32]>),
}

impl Eq for Activation {} // constants of a graph: never compared where they are not numbers

/// What is added to sums, pixel by pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Residual<'a> {
    pub numbers: &'a [f32],
    /// As many as the output has, or fewer: then nothing is added to the others.
    pub channels: usize,
}

impl Residual<'_> {
    #[inline(always)]
    fn load<S: Simd>(&self, simd: S, pixel: usize, channel: usize) -> f32x8<S> {
        let at = pixel * self.channels + channel;
        if channel + LANES <= self.channels {
            return load(simd, self.numbers, at);
        }
        let mut some = [0.0; LANES];
        for (lane, number) in some.iter_mut().enumerate().take(self.channels.saturating_sub(channel)) {
            *number = self.numbers[at + lane];
        }
        f32x8::simd_from(simd, some)
    }
}

/// The end of every sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finish<'a> {
    /// Channels of the output.
    pub channels: usize,
    /// Added first.
    pub residual: Option<Residual<'a>>,
    pub activation: &'a Activation,
}

impl Finish<'_> {
    /// Finishes and stores eight sums of a pixel, of the channels from `channel` on.
    #[inline(always)]
    pub(super) fn store<S: Simd>(
        &self,
        simd: S,
        mut sum: f32x8<S>,
        pixel: usize,
        channel: usize,
        output: &mut [f32],
    ) {
        if let Some(residual) = &self.residual {
            sum += residual.load(simd, pixel, channel);
        }
        match self.activation {
            Activation::None => {}
            Activation::Clamp { low, high } => {
                sum = sum.max(f32x8::simd_from(simd, *low)).min(f32x8::simd_from(simd, *high));
            }
            Activation::Slope(factors) => {
                let zero = f32x8::simd_from(simd, 0.0);
                sum = sum.min(zero).mul_add(load(simd, factors, channel), sum.max(zero));
            }
        }
        sum.store_slice(&mut output[pixel * self.channels + channel..][..LANES]);
    }
}
