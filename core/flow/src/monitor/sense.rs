//! What is watched of pictures and of sound, and how that is named as features of a card.
//! **Invariant:** fixed work whatever the size of a frame, and no allocation.
//! It does not look at pixels: `gate` says what it saw anyway.

use crate::{
    frame::{Audio, Samples},
    gate::Look,
};

/// Names of what is watched of pictures, as they stand in a card's `monitoring.features`: see [`Look`].
pub const IMAGE_FEATURES: [&str; 6] =
    ["image.brightness", "image.contrast", "image.dark", "image.bright", "image.noise", "image.sharpness"];

/// Names of what is watched of sound: the level in decibels below full scale, and the shares of samples that are clipped and
/// that are nothing at all, as those of a microphone which is off.
pub const AUDIO_FEATURES: [&str; 3] = ["audio.level_db", "audio.clipped", "audio.silent"];

/// Samples of a block that are looked at, evenly spread: their level is within 0.4 dB of that of all.
const HEARD: usize = 256;
/// A sample is clipped from this share of full scale on.
const CLIPPED: f32 = 0.999;
/// The level of silence, in decibels: under the last bit of 16.
const SILENCE: f32 = -100.0;

/// The place of a feature among those of pictures or of sound.
pub(super) fn place(name: &str) -> Option<u8> {
    let at = |names: &[&str]| names.iter().position(|n| *n == name).map(|at| at as u8);
    at(&IMAGE_FEATURES).or_else(|| at(&AUDIO_FEATURES))
}

/// In the order of [`IMAGE_FEATURES`].
pub(super) fn seen(look: &Look) -> [f32; IMAGE_FEATURES.len()] {
    let Look { brightness, contrast, dark, bright, noise, sharpness } = *look;
    [brightness, contrast, dark, bright, noise, sharpness]
}

/// In the order of [`AUDIO_FEATURES`].
pub(super) fn heard(audio: &Audio<'_>) -> [f32; AUDIO_FEATURES.len()] {
    match audio.samples {
        Samples::I16(samples) => measured(samples, |x| f32::from(x) / 32_768.0),
        Samples::F32(samples) => measured(samples, |x| x),
    }
}

fn measured<T: Copy>(samples: &[T], scale: impl Fn(T) -> f32) -> [f32; AUDIO_FEATURES.len()] {
    let step = samples.len().div_ceil(HEARD).max(1);
    let (mut n, mut square, mut clipped, mut silent) = (0_u32, 0.0_f32, 0_u32, 0_u32);
    for sample in samples.iter().step_by(step) {
        let x = scale(*sample);
        n += 1;
        square += x * x;
        clipped += u32::from(x.abs() >= CLIPPED);
        silent += u32::from(x == 0.0);
    }
    let share = 1.0 / n.max(1) as f32;
    let power = square * share;
    let level = if power.is_nan() { f32::NAN } else { (10.0 * libm::log10f(power)).max(SILENCE) };
    [level, clipped as f32 * share, silent as f32 * share]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: &[i16]) -> [f32; 3] {
        heard(&Audio { samples: Samples::I16(samples), sample_rate: 16_000 })
    }

    #[test]
    fn levels_are_those_of_the_textbook() {
        let mut samples = [0_i16; 1_600];
        assert_eq!(of(&samples), [SILENCE, 0.0, 1.0]);
        assert_eq!(of(&[]), [SILENCE, 0.0, 0.0]);
        for (i, s) in samples.iter_mut().enumerate() {
            *s = (16_384.0 * libm::sinf(i as f32 * 0.37)) as i16;
        }
        // A sine of half scale lies 9.03 dB below full scale.
        let [level, clipped, silent] = of(&samples);
        assert!((level + 9.03).abs() < 0.4 && clipped == 0.0 && silent < 0.01, "{level} {silent}");
        samples.fill(i16::MIN);
        assert_eq!(of(&samples)[1], 1.0);
        let noise = [f32::NAN; 8];
        assert!(heard(&Audio { samples: Samples::F32(&noise), sample_rate: 1 })[0].is_nan());
    }

    #[test]
    fn every_name_has_one_place() {
        for names in [&IMAGE_FEATURES[..], &AUDIO_FEATURES] {
            for (i, name) in names.iter().enumerate() {
                assert_eq!(place(name), Some(i as u8));
            }
        }
        assert_eq!(place("amount"), None);
    }
}
