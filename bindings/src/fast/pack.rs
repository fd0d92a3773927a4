//! An answer as flat bytes, for hosts that read it in place at high rates.
//! **Invariant:** the same fields and bits as the record `Answer`; numbers in native byte order; it only appends.
//! It does not allocate once the buffer has grown to the largest answer.
//!
//! | at | what |
//! |---:|---|
//! | 0 | version of this layout, `u32`: 2 |
//! | 4 | bytes in all, `u32` |
//! | 8 | key frame, age, horizon: `i64` nanoseconds each; the key frame is −1 when there is none |
//! | 32 | uncertainty, `f32` |
//! | 36 | model version, `u32` |
//! | 40 | source, carry, degraded, within tolerance, kind of the value, variant of the model, action, action meanwhile: `u8` each |
//! | 48 | count of elements, bytes of one element: `u32` each |
//! | 56 | probability, expected cost of the decision: `f64` each |
//! | 72 | rung of the decision, `u8`; then 7 unused |
//! | 80 | prediction, `i64`; −1 when there is none |
//! | 88 | the elements |
//!
//! Sources: 0 model, 1 cached, 2 interpolated, 3 predicted, 4 rule, 5 unavailable, 6 other. Carry, degraded, actions and
//! rung are one more than the number of the exported enum; 0 is none. Kinds: 0 none, 1 scalar, 2 vector, 3 boxes, 4 keypoints,
//! 5 probabilities, 6 label, 7 rotation (w, x, y, z), 8 embedding, 9 mask, 255 other. Elements are `f32`, but for boxes x0, y0, x1, y1, score: `f32`, class,
//! identity, whether it has one: `u32`; keypoints x, y, visibility: `f32`; label class: `u32`, score: `f32`. A mask has bounds x0, y0, x1, y1: `f32` and cells in a row,
//! rows: `u32` first, 24 bytes; its elements are the cells, a byte each.

use inbetween::{Answer, Source, Value};

use crate::{
    answer::{Carry, Degraded},
    decision::Decision,
    time,
};

/// Version of the layout.
const VERSION: u32 = 2;

/// Bytes before the elements.
#[cfg(test)]
pub(crate) const HEADER: usize = 88;

/// Appends `answer`.
pub(crate) fn answer(answer: &Answer, out: &mut Vec<u8>) {
    let start = out.len();
    let (source, carry) = match answer.source {
        Source::Model => (0, 0),
        Source::Cached => (1, 0),
        Source::Interpolated => (2, 0),
        Source::Predicted(carry) => (3, 1 + Carry::from(carry) as u8),
        Source::Rule => (4, 0),
        Source::Unavailable => (5, 0),
        _ => (6, 0),
    };
    let degraded = answer.degraded.map_or(0, |d| 1 + Degraded::from(d) as u8);
    out.extend(VERSION.to_ne_bytes());
    out.extend(0_u32.to_ne_bytes());
    out.extend(answer.key_frame.map_or(-1, time::nanos).to_ne_bytes());
    out.extend(time::span(answer.age).to_ne_bytes());
    out.extend(time::span(answer.horizon).to_ne_bytes());
    out.extend(answer.uncertainty.to_ne_bytes());
    out.extend(answer.model_version.to_ne_bytes());
    let kind = out.len() + 4;
    let decision = answer.decision.map(Decision::from);
    let [action, meanwhile] =
        decision.map_or([0; 2], |d| [d.action, d.meanwhile].map(|action| 1 + action as u8));
    let within = answer.within_tolerance.into();
    out.extend([source, carry, degraded, within, 0, answer.variant, action, meanwhile]);
    out.extend([0; 8]);
    out.extend(decision.map_or(0.0, |d| d.probability).to_ne_bytes());
    out.extend(decision.map_or(0.0, |d| d.expected_cost).to_ne_bytes());
    out.extend([decision.map_or(0, |d| 1 + d.rung as u8), 0, 0, 0, 0, 0, 0, 0]);
    out.extend(answer.prediction.map_or(-1, |p| p.0 as i64).to_ne_bytes());
    let (number, count, size) = answer.value.as_ref().map_or((0, 0, 0), |v| value(v, out));
    out[kind] = number;
    out[kind + 4..kind + 8].copy_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_ne_bytes());
    out[kind + 8..kind + 12].copy_from_slice(&u32::to_ne_bytes(size));
    let total = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    out[start + 4..start + 8].copy_from_slice(&total.to_ne_bytes());
}

/// Appends the elements; their kind, count and size in bytes.
fn value(value: &Value, out: &mut Vec<u8>) -> (u8, usize, u32) {
    let floats = |numbers: &[f32], out: &mut Vec<u8>| {
        for number in numbers {
            out.extend(number.to_ne_bytes());
        }
        numbers.len()
    };
    match value {
        Value::Scalar(number) => (1, floats(&[*number], out), 4),
        Value::Vector(numbers) => (2, floats(numbers, out), 4),
        Value::Boxes(boxes) => {
            for b in boxes {
                let r = &b.bounds;
                floats(&[r.x0, r.y0, r.x1, r.y1, b.score], out);
                out.extend(b.class.to_ne_bytes());
                out.extend(b.identity.unwrap_or_default().to_ne_bytes());
                out.extend(u32::from(b.identity.is_some()).to_ne_bytes());
            }
            (3, boxes.len(), 32)
        }
        Value::Keypoints(points) => {
            for p in points {
                floats(&[p.at.x, p.at.y, p.visibility], out);
            }
            (4, points.len(), 12)
        }
        Value::Probabilities(shares) => (5, floats(shares, out), 4),
        Value::Label(label) => {
            out.extend(label.class.to_ne_bytes());
            floats(&[label.score], out);
            (6, 1, 8)
        }
        Value::Rotation(q) => (7, floats(&[q.w, q.x, q.y, q.z], out), 4),
        Value::Embedding(numbers) => (8, floats(numbers, out), 4),
        Value::Mask(mask) => {
            let r = &mask.bounds;
            floats(&[r.x0, r.y0, r.x1, r.y1], out);
            out.extend(u32::from(mask.width).to_ne_bytes());
            out.extend(u32::from(mask.height).to_ne_bytes());
            out.extend_from_slice(&mask.cells);
            (9, mask.cells.len(), 1)
        }
        _ => (255, 0, 0),
    }
}
