//! What a picture looks like as a whole, in numbers that can be watched: light, exposure, noise, sharpness.
//! **Invariant:** every number is finite, and comes from what the gate read anyway: no pixel is looked at for it.
//! It does not judge: `monitor` compares its distribution with a reference.

use super::{Gate, blocks::Blocks};

/// A mean that is darker than this share of full brightness counts as dark, one that is as far from it as bright: what a
/// camera crushes or clips at 8 bits (16 and 239 of 255).
const CRUSHED: f32 = 16.0 / 255.0;
const LEVELS: f32 = 1.0 / 255.0;

/// Numbers of a picture as a whole.
///
/// # Units
/// Brightness from 0 to 1; shares from 0 to 1; noise and sharpness in levels of 255, at the working resolution.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// Mean brightness.
    pub brightness: f32,
    /// Standard deviation of the means of blocks.
    pub contrast: f32,
    /// Share of blocks that are all but black: under-exposed, covered, or night.
    pub dark: f32,
    /// Share of blocks that are all but white: over-exposed, or the sun.
    pub bright: f32,
    /// Standard deviation of a pixel's noise on the key frame.
    pub noise: f32,
    /// Second difference of the tenth of the key frame with the most detail: falls with blur, dirt and a lost focus.
    pub sharpness: f32,
}

impl Gate {
    /// What the newest measured frame looks like; `None` before there is a key frame, or after a change of size.
    pub fn look(&self) -> Option<Look> {
        let [brightness, contrast, dark, bright] = self.blocks.light()?;
        Some(Look { brightness, contrast, dark, bright, noise: self.noise, sharpness: self.sharpness })
    }
}

/// The ninth decile of what [`noise`](super::picture::Picture::noise) left: the second differences of tiles.
pub(super) fn ninth_decile(tiles: &mut [f32]) -> f32 {
    if tiles.is_empty() {
        return 0.0;
    }
    let at = 9 * tiles.len() / 10;
    *tiles.select_nth_unstable_by(at, f32::total_cmp).1
}

impl Blocks {
    /// Mean and deviation of the frame's block means, and the shares that are dark and bright.
    fn light(&self) -> Option<[f32; 4]> {
        let now = self.means();
        if now.is_empty() {
            return None;
        }
        let (mut sum, mut square, mut dark, mut bright) = (0.0_f32, 0.0_f32, 0_u32, 0_u32);
        for mean in now {
            let x = mean * LEVELS;
            sum += x;
            square += x * x;
            dark += u32::from(x < CRUSHED);
            bright += u32::from(x > 1.0 - CRUSHED);
        }
        let share = 1.0 / now.len() as f32;
        let mean = sum * share;
        let deviation = libm::sqrtf((square * share - mean * mean).max(0.0));
        Some([mean, deviation, dark as f32 * share, bright as f32 * share])
    }
}
