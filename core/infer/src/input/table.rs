//! From named tensors and named features to the model's tensors.
//! **Invariant:** every element of the target is written, or a fault says what was missing.
//! It does not check ranges: the frame contract does.

use inbetween_card::{FeaturesInput, TensorSpec};
use inbetween_flow::{Elements, Feature, FeatureValue, Tensor as FrameTensor};
use tract_core::prelude::{Datum, Tensor};

use crate::error::InputFault;

/// Copies the frame's tensor of the spec's name.
pub(super) fn tensor(
    spec: &TensorSpec,
    list: &[FrameTensor<'_>],
    target: &mut Tensor,
) -> Result<(), InputFault> {
    let from = list.iter().find(|t| t.name == spec.name).ok_or(InputFault::Missing)?;
    if from.shape != spec.shape.as_slice() {
        return Err(InputFault::Length);
    }
    match from.elements {
        Elements::F32(e) if e.iter().all(|x| x.is_finite()) => copy(e, target),
        Elements::F32(_) => Err(InputFault::NotFinite),
        Elements::I64(e) => copy(e, target),
        Elements::I32(e) => copy(e, target),
        Elements::U8(e) => copy(e, target),
        _ => Err(InputFault::ElementType),
    }
}

fn copy<T: Datum + Copy>(from: &[T], target: &mut Tensor) -> Result<(), InputFault> {
    let mut view = target.try_as_plain_ram_mut().map_err(|_| InputFault::ElementType)?;
    let to = view.as_slice_mut::<T>().map_err(|_| InputFault::ElementType)?;
    if to.len() != from.len() {
        return Err(InputFault::Length);
    }
    to.copy_from_slice(from);
    Ok(())
}

/// Writes the features in the card's order.
pub(super) fn features(
    spec: &FeaturesInput,
    list: &[Feature<'_>],
    target: &mut [f32],
) -> Result<(), InputFault> {
    if target.len() != spec.features.len() {
        return Err(InputFault::Length);
    }
    for (spec, to) in spec.features.iter().zip(target) {
        let value = list.iter().find(|f| f.name == spec.name).map_or(FeatureValue::Missing, |f| f.value);
        *to = match value {
            FeatureValue::Number(x) if spec.categories.is_empty() => {
                let x = x as f32;
                if !x.is_finite() {
                    return Err(InputFault::NotFinite);
                }
                x
            }
            FeatureValue::Category(name) if !spec.categories.is_empty() => {
                let at = spec.categories.iter().position(|c| c == name);
                at.ok_or(InputFault::Category)? as f32
            }
            FeatureValue::Missing => spec.default.ok_or(InputFault::Missing)?,
            _ => return Err(InputFault::ElementType),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use inbetween_card::FeatureSpec;

    use super::*;

    #[test]
    fn features_are_ordered_defaulted_and_indexed() {
        let feature = |name: &str, default, categories: &[&str]| FeatureSpec {
            name: name.to_owned(),
            default,
            categories: categories.iter().map(|c| (*c).to_owned()).collect(),
            range: None,
        };
        let spec = FeaturesInput {
            tensor: None,
            features: vec![
                feature("age", None, &[]),
                feature("gear", None, &["off", "low"]),
                feature("load", Some(0.5), &[]),
            ],
        };
        let mut target = [0.0; 3];
        let gear = Feature { name: "gear", value: FeatureValue::Category("low") };
        let age = Feature { name: "age", value: FeatureValue::Number(40.0) };
        features(&spec, &[gear, age], &mut target).unwrap();
        assert_eq!(target, [40.0, 1.0, 0.5]);
        assert_eq!(features(&spec, &[gear], &mut target), Err(InputFault::Missing));
        let high = Feature { name: "gear", value: FeatureValue::Category("high") };
        assert_eq!(features(&spec, &[age, high], &mut target), Err(InputFault::Category));
    }
}
