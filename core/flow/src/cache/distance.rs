//! How wrong a kept value would have been where the model has just said another.
//! **Invariant:** the error is in the unit of the card's epsilon; values that cannot be compared are infinitely wrong.
//! It does not allow for the model's own noise: what differs, differs.

use crate::value::{Detection, Value};

/// Detections below this score may be there or not (the usual operating point of detectors).
pub(super) const SURE: f32 = 0.5;
/// The most detections that are compared.
const MOST: usize = 128;

/// The error of `kept` if `fresh` is right.
///
/// A box that is kept, was found again in the pixels, and is not in `fresh` is no error: the model has missed it this
/// time. One that is in `fresh` and was not kept is.
pub(crate) fn error(kept: &Value, fresh: &Value) -> f32 {
    let largest = |a: &[f32], b: &[f32]| {
        let pairs = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        if a.len() == b.len() { pairs.fold(0.0, f32::max) } else { f32::INFINITY }
    };
    match (kept, fresh) {
        (Value::Scalar(a), Value::Scalar(b)) => (a - b).abs(),
        (Value::Vector(a), Value::Vector(b)) => largest(a, b),
        (Value::Embedding(a), Value::Embedding(b)) if a.len() == b.len() => {
            // Both have length one.
            1.0 - a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>()
        }
        (Value::Probabilities(a), Value::Probabilities(b)) if a.len() == b.len() => {
            0.5 * a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>()
        }
        (Value::Label(a), Value::Label(b)) => f32::from(u8::from(a.class != b.class)),
        (Value::Boxes(a), Value::Boxes(b)) => boxes(a, b),
        _ => f32::INFINITY,
    }
}

/// The worst corner of any sure box of `fresh` from the kept one that is nearest and not taken.
fn boxes(kept: &[Detection], fresh: &[Detection]) -> f32 {
    let mut taken = [false; MOST];
    let mut worst = 0.0_f32;
    for f in fresh.iter().filter(|f| f.score >= SURE) {
        let near = (kept.iter().zip(&taken).enumerate())
            .filter(|(_, (k, taken))| !**taken && k.class == f.class)
            .map(|(i, (k, _))| (i, k.bounds.worst_corner(&f.bounds)))
            .min_by(|a, b| a.1.total_cmp(&b.1));
        let Some((i, error)) = near else { return f32::INFINITY };
        taken[i] = true;
        worst = worst.max(error);
    }
    worst
}

/// Whether two results of pictures that look alike say the same, up to where things are.
pub(super) fn agree(a: &Value, b: &Value, epsilon: f32) -> bool {
    match (a, b) {
        (Value::Boxes(a), Value::Boxes(b)) => {
            let count = |list: &[Detection], class| {
                list.iter().filter(|d: &&Detection| d.score >= SURE && d.class == class).count()
            };
            a.iter().chain(b).all(|d| count(a, d.class) == count(b, d.class))
        }
        _ => error(a, b) <= epsilon,
    }
}

/// The class whose audits stand for those of a new entry.
pub(super) fn class(value: &Value) -> u32 {
    match value {
        Value::Label(l) => l.class,
        Value::Probabilities(p) => {
            let best = p.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            best.map_or(0, |(i, _)| i as u32)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{geometry::Rect, value::Label};
    use std::vec;

    fn at(x: f32, class: u32, score: f32) -> Detection {
        Detection { bounds: Rect::new(x, 0.0, x + 10.0, 10.0), score, class, identity: None }
    }

    #[test]
    fn a_missed_box_is_no_error_and_a_new_one_is() {
        let kept = Value::Boxes(vec![at(0.0, 0, 0.9), at(50.0, 0, 0.9)]);
        let of = |fresh: vec::Vec<Detection>| error(&kept, &Value::Boxes(fresh));
        assert_eq!(of(vec![at(2.0, 0, 0.9), at(50.0, 0, 0.9)]), 2.0);
        assert_eq!(of(vec![at(0.0, 0, 0.9)]), 0.0);
        assert_eq!(of(vec![at(0.0, 0, 0.9), at(50.0, 0, 0.9), at(90.0, 0, 0.2)]), 0.0);
        assert_eq!(of(vec![at(0.0, 0, 0.9), at(50.0, 0, 0.9), at(90.0, 0, 0.9)]), f32::INFINITY);
        assert_eq!(of(vec![at(0.0, 1, 0.9)]), f32::INFINITY);
    }

    #[test]
    fn kinds_have_the_errors_of_the_tolerance() {
        let label = |class| Value::Label(Label { class, score: 0.9 });
        assert_eq!((error(&label(1), &label(1)), error(&label(1), &label(2))), (0.0, 1.0));
        let p = |a: f32| Value::Probabilities(vec![a, 1.0 - a]);
        assert!((error(&p(0.2), &p(0.5)) - 0.3).abs() < 1e-6);
        assert_eq!(error(&Value::Vector(vec![1.0, 2.0]), &Value::Vector(vec![1.5, 5.0])), 3.0);
        assert_eq!(error(&Value::Vector(vec![1.0]), &Value::Vector(vec![1.0, 2.0])), f32::INFINITY);
        assert_eq!(error(&label(1), &p(0.5)), f32::INFINITY);
    }
}
