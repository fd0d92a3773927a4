//! The frame contract: is a frame what the card promised?
//! **Invariant:** a frame that passes can be read by every later stage without a bounds panic or a NaN.
//! It does not repair anything: a bad frame is a typed outcome, and the engine stays as it was.

use crate::{
    config::{FeatureContract, InputContract},
    error::FrameError,
    frame::{Audio, Elements, Feature, FeatureValue, Frame, Image, Input, PixelFormat, Samples, Tensor},
    geometry::Rect,
};

use alloc::{string::String, vec::Vec};

/// Checks `frame` against the card's promise.
///
/// # Errors
/// The first thing that is wrong, with what was found and what was wanted.
pub fn check(contract: &InputContract, frame: &Frame<'_>) -> Result<(), FrameError> {
    match (contract, &frame.input) {
        (InputContract::Image { formats, min_side, max_side }, Input::Image(image)) => {
            check_image(image, formats, *min_side, *max_side)?;
            let sound = frame.motion.is_none_or(|m| m.is_valid(image.upright_size()));
            if sound { Ok(()) } else { Err(FrameError::Motion) }
        }
        (InputContract::Audio { sample_rate, block }, Input::Audio(audio)) => {
            check_audio(audio, *sample_rate, *block as usize)
        }
        (InputContract::Tensors(wanted), Input::Tensors(tensors)) => check_tensors(tensors, wanted),
        (InputContract::Features(wanted), Input::Features(features)) => check_features(features, wanted),
        _ => Err(FrameError::WrongInput),
    }
}

fn check_image(image: &Image<'_>, formats: &[PixelFormat], min: u32, max: u32) -> Result<(), FrameError> {
    if !formats.is_empty() && !formats.contains(&image.format) {
        return Err(FrameError::Format { found: image.format });
    }
    let (width, height) = (image.width, image.height);
    let range = min..=max;
    if !range.contains(&width) || !range.contains(&height) {
        return Err(FrameError::Size { width, height, min, max });
    }
    for (i, plane) in image.planes.iter().enumerate().take(image.format.planes()) {
        let (row, rows) = image.format.plane_size(i, width, height);
        if plane.row_stride < row {
            return Err(FrameError::Stride { plane: i as u8, found: plane.row_stride, needed: row });
        }
        // The last row may end without its padding.
        let needed = plane.row_stride.saturating_mul(rows.saturating_sub(1)).saturating_add(row);
        if plane.data.len() < needed {
            return Err(FrameError::PlaneLength { plane: i as u8, found: plane.data.len(), needed });
        }
    }
    if let Some(region) = &image.region {
        let (w, h) = image.upright_size();
        let whole = Rect::new(0.0, 0.0, w as f32, h as f32);
        if !region.is_valid() || region.clipped(&whole).area() < 1.0 {
            return Err(FrameError::Region);
        }
    }
    Ok(())
}

fn check_audio(audio: &Audio<'_>, sample_rate: u32, block: usize) -> Result<(), FrameError> {
    if audio.sample_rate != sample_rate {
        return Err(FrameError::SampleRate { found: audio.sample_rate, wanted: sample_rate });
    }
    if audio.samples.len() != block {
        return Err(FrameError::Length { found: audio.samples.len(), wanted: block });
    }
    match audio.samples {
        Samples::F32(s) => all_finite(s),
        Samples::I16(_) => Ok(()),
    }
}

fn check_tensors(tensors: &[Tensor<'_>], wanted: &[(String, Vec<usize>)]) -> Result<(), FrameError> {
    if tensors.len() != wanted.len() {
        return Err(FrameError::Length { found: tensors.len(), wanted: wanted.len() });
    }
    for (i, tensor) in tensors.iter().enumerate() {
        let Some((_, shape)) = wanted.iter().find(|(name, _)| name == tensor.name) else {
            return Err(FrameError::Unknown { index: i });
        };
        if tensors[..i].iter().any(|t| t.name == tensor.name) {
            return Err(FrameError::Repeated { index: i });
        }
        let count = |dims: &[usize]| dims.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
        if shape != tensor.shape || count(shape) != Some(tensor.elements.len()) {
            return Err(FrameError::Length {
                found: tensor.elements.len(),
                wanted: count(shape).unwrap_or(usize::MAX),
            });
        }
        if let Elements::F32(e) = tensor.elements {
            all_finite(e)?;
        }
    }
    Ok(())
}

/// As [`check`], for a model that needs only a part of what events carry: features that it does not know are of no matter.
///
/// # Errors
/// The first thing that is wrong with what it does know.
pub fn check_known(contract: &InputContract, frame: &Frame<'_>) -> Result<(), FrameError> {
    match (contract, &frame.input) {
        (InputContract::Features(wanted), Input::Features(features)) => {
            check_listed(features, wanted, |_| Ok(()))
        }
        _ => check(contract, frame),
    }
}

fn check_features(features: &[Feature<'_>], wanted: &[FeatureContract]) -> Result<(), FrameError> {
    check_listed(features, wanted, |index| Err(FrameError::Unknown { index }))
}

fn check_listed(
    features: &[Feature<'_>],
    wanted: &[FeatureContract],
    unknown: impl Fn(usize) -> Result<(), FrameError>,
) -> Result<(), FrameError> {
    for (i, feature) in features.iter().enumerate() {
        let Some(contract) = wanted.iter().find(|c| c.name == feature.name) else {
            unknown(i)?;
            continue;
        };
        if features[..i].iter().any(|f| f.name == feature.name) {
            return Err(FrameError::Repeated { index: i });
        }
        let known = match feature.value {
            FeatureValue::Number(_) => contract.categories.is_empty(),
            FeatureValue::Category(name) => contract.categories.iter().any(|c| c == name),
            FeatureValue::Missing => true,
        };
        if !known {
            return Err(FrameError::Category { index: i });
        }
        if let FeatureValue::Number(x) = feature.value {
            if !x.is_finite() {
                return Err(FrameError::NotFinite { index: i });
            }
            if contract.range.is_some_and(|(low, high)| x < low || x > high) {
                return Err(FrameError::OutOfRange { index: i });
            }
        }
    }
    let missing = |c: &FeatureContract| {
        c.required && !features.iter().any(|f| f.name == c.name && f.value != FeatureValue::Missing)
    };
    match wanted.iter().position(missing) {
        Some(index) => Err(FrameError::Missing { index }),
        None => Ok(()),
    }
}

fn all_finite(numbers: &[f32]) -> Result<(), FrameError> {
    match numbers.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(FrameError::NotFinite { index }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{frame::Plane, time::Timestamp};
    use std::{string::ToString, vec};

    fn images(formats: &[PixelFormat]) -> InputContract {
        InputContract::Image { formats: formats.to_vec(), min_side: 16, max_side: 4096 }
    }

    fn outcome(contract: &InputContract, image: Image<'_>) -> Result<(), FrameError> {
        check(contract, &Frame::image(Timestamp::ZERO, image))
    }

    #[test]
    fn every_format_passes_when_packed_and_fails_one_byte_short() {
        let any = images(&[]);
        for format in [
            PixelFormat::Nv12,
            PixelFormat::Nv21,
            PixelFormat::I420,
            PixelFormat::Rgba8,
            PixelFormat::Bgra8,
            PixelFormat::Rgb8,
            PixelFormat::Gray8,
        ] {
            let (w, h) = (33, 17); // odd on purpose
            let bytes: usize =
                (0..format.planes()).map(|i| format.plane_size(i, w, h)).map(|(r, n)| r * n).sum();
            let data = vec![0; bytes];
            assert_eq!(outcome(&any, Image::packed(format, w, h, &data)), Ok(()), "{format:?}");
            let short = Image::packed(format, w, h, &data[..bytes - 1]);
            assert!(matches!(outcome(&any, short), Err(FrameError::PlaneLength { .. })), "{format:?}");
        }
    }

    #[test]
    fn image_faults_are_told_apart() {
        let data = vec![0; 64 * 64];
        let gray = images(&[PixelFormat::Gray8]);
        let of =
            |w, h, stride| Image::new(PixelFormat::Gray8, w, h, &[Plane { data: &data, row_stride: stride }]);
        assert_eq!(outcome(&gray, of(64, 64, 64)), Ok(()));
        assert_eq!(
            outcome(&gray, of(64, 64, 63)),
            Err(FrameError::Stride { plane: 0, found: 63, needed: 64 })
        );
        assert!(matches!(outcome(&gray, of(8, 64, 64)), Err(FrameError::Size { .. })));
        assert!(matches!(outcome(&gray, of(u32::MAX, 64, 64)), Err(FrameError::Size { .. })));
        let wrong = Image::packed(PixelFormat::Rgb8, 16, 16, &data);
        assert_eq!(outcome(&gray, wrong), Err(FrameError::Format { found: PixelFormat::Rgb8 }));
        for bad in [
            Rect::new(f32::NAN, 0.0, 1.0, 1.0),
            Rect::new(70.0, 0.0, 90.0, 10.0),
            Rect::new(9.0, 0.0, 3.0, 9.0),
            Rect::new(3.0, 3.0, 3.0, 3.0),
        ] {
            assert_eq!(outcome(&gray, of(64, 64, 64).with_region(bad)), Err(FrameError::Region));
        }
        // A stride whose product overflows is refused, not wrapped.
        assert!(matches!(outcome(&gray, of(64, 64, usize::MAX)), Err(FrameError::PlaneLength { .. })));
    }

    #[test]
    fn audio_must_have_the_rate_the_block_and_finite_samples() {
        let contract = InputContract::Audio { sample_rate: 16_000, block: 4 };
        let mut samples = [0.0_f32; 4];
        let of = |s: &[f32], rate| {
            let audio = Audio { samples: Samples::F32(s), sample_rate: rate };
            check(&contract, &Frame::audio(Timestamp::ZERO, audio))
        };
        assert_eq!(of(&samples, 16_000), Ok(()));
        assert_eq!(of(&samples, 8_000), Err(FrameError::SampleRate { found: 8_000, wanted: 16_000 }));
        assert_eq!(of(&samples[..3], 16_000), Err(FrameError::Length { found: 3, wanted: 4 }));
        samples[2] = f32::NAN;
        assert_eq!(of(&samples, 16_000), Err(FrameError::NotFinite { index: 2 }));
    }

    #[test]
    fn tensors_must_match_by_name_and_shape() {
        let contract = InputContract::Tensors(vec![("x".to_string(), vec![2, 2])]);
        let of = |name, shape: &[usize], data: &[f32]| {
            let tensors = [Tensor { name, shape, elements: Elements::F32(data) }];
            check(&contract, &Frame::tensors(Timestamp::ZERO, &tensors))
        };
        assert_eq!(of("x", &[2, 2], &[0.0; 4]), Ok(()));
        assert_eq!(of("y", &[2, 2], &[0.0; 4]), Err(FrameError::Unknown { index: 0 }));
        assert!(matches!(of("x", &[4], &[0.0; 4]), Err(FrameError::Length { .. })));
        assert!(matches!(of("x", &[2, 2], &[0.0; 3]), Err(FrameError::Length { .. })));
        assert!(matches!(of("x", &[usize::MAX, 2], &[0.0; 4]), Err(FrameError::Length { .. })));
    }

    #[test]
    fn features_may_be_missing_only_when_not_required() {
        let contract = InputContract::Features(vec![
            FeatureContract {
                name: "amount".to_string(),
                required: true,
                range: Some((0.0, 10.0)),
                categories: vec![],
            },
            FeatureContract {
                name: "country".to_string(),
                required: false,
                range: None,
                categories: vec!["AT".to_string()],
            },
        ]);
        let number = |x| Feature { name: "amount", value: FeatureValue::Number(x) };
        let of = |f: &[Feature<'_>]| check(&contract, &Frame::features(Timestamp::ZERO, f));
        assert_eq!(of(&[number(3.0)]), Ok(()));
        assert_eq!(of(&[]), Err(FrameError::Missing { index: 0 }));
        let missing = Feature { name: "amount", value: FeatureValue::Missing };
        assert_eq!(of(&[missing]), Err(FrameError::Missing { index: 0 }));
        assert_eq!(of(&[number(f64::NAN)]), Err(FrameError::NotFinite { index: 0 }));
        assert_eq!(of(&[number(11.0)]), Err(FrameError::OutOfRange { index: 0 }));
        assert_eq!(of(&[number(1.0), number(1.0)]), Err(FrameError::Repeated { index: 1 }));
        let unknown = Feature { name: "x", value: FeatureValue::Missing };
        assert_eq!(of(&[number(1.0), unknown]), Err(FrameError::Unknown { index: 1 }));
        assert_eq!(check(&images(&[]), &Frame::features(Timestamp::ZERO, &[])), Err(FrameError::WrongInput));
    }
}
