//! From output tensors to a value in upright frame pixels, as the card's head spec states.
//! **Invariant:** a `Head` that could be built never reads past the outputs of the shapes that it was built for.
//! It does not know models: a new model is a new spec.

mod direction;
mod mask;
mod nms;
mod points;
mod ssd;
mod vector;
mod yolo;

use inbetween_card::{HeadSpec, Hits, InputSpec, OutputRef};
use inbetween_flow::{Detection, Value, ValueFault, ValueKind};

pub use nms::suppress;

use crate::{
    error::{InputFault, RunError},
    input::Placement,
};

/// One output tensor of the model, flat in row-major order.
#[derive(Clone, Copy, Debug)]
pub struct OutputView<'a>(pub &'a [f32]);

/// A decoder for outputs of known shapes.
#[derive(Clone, Debug)]
pub struct Head {
    decoder: Decoder,
    kind: ValueKind,
    lengths: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Decoder {
    Ssd(ssd::Ssd),
    Yolo(yolo::Yolo),
    Points(points::Points),
    Vector(vector::Vector),
    Rotation(direction::Rotation),
    Embedding,
    Mask(mask::Grid),
}

impl Head {
    /// The outputs that a head reads, in the order in which `decode` gets them.
    pub fn outputs(spec: &HeadSpec) -> Vec<&OutputRef> {
        match spec {
            HeadSpec::Ssd(h) => h.outputs.iter().flat_map(|o| [&o.scores, &o.boxes]).collect(),
            HeadSpec::Yolo(h) => vec![&h.output],
            HeadSpec::Keypoints(h) => core::iter::once(&h.output).chain(&h.presence).collect(),
            HeadSpec::Classification(h) => vec![&h.output],
            HeadSpec::Regression(h) => vec![&h.output],
            HeadSpec::Raw(h) => vec![&h.output],
            HeadSpec::Rotation(h) => vec![&h.output],
            HeadSpec::Embedding(h) => vec![&h.output],
            HeadSpec::Mask(h) => vec![&h.output],
        }
    }

    /// The kind of value that a head gives.
    pub const fn kind_of(spec: &HeadSpec) -> ValueKind {
        match spec {
            HeadSpec::Ssd(_) | HeadSpec::Yolo(_) => ValueKind::Boxes,
            HeadSpec::Keypoints(_) => ValueKind::Keypoints,
            HeadSpec::Classification(h) if h.label => ValueKind::Label,
            HeadSpec::Classification(_) => ValueKind::Probabilities,
            HeadSpec::Regression(h) if h.length == 1 => ValueKind::Scalar,
            HeadSpec::Regression(_) | HeadSpec::Raw(_) => ValueKind::Vector,
            HeadSpec::Rotation(_) => ValueKind::Rotation,
            HeadSpec::Embedding(_) => ValueKind::Embedding,
            HeadSpec::Mask(_) => ValueKind::Mask,
        }
    }

    /// A head for outputs of `shapes`, in the order of [`Head::outputs`].
    ///
    /// # Errors
    /// Index into `shapes` of the output that does not fit, with the reason.
    pub fn new(spec: &HeadSpec, input: &InputSpec, shapes: &[Vec<usize>]) -> Result<Self, (usize, String)> {
        if shapes.len() != Self::outputs(spec).len() {
            return Err((0, "another count of outputs than the head reads".to_owned()));
        }
        let size = match input {
            InputSpec::Image(i) => (i.width, i.height),
            _ => (0, 0),
        };
        let decoder = match spec {
            HeadSpec::Ssd(h) => Decoder::Ssd(ssd::Ssd::new(h, size, shapes)?),
            HeadSpec::Yolo(h) => Decoder::Yolo(yolo::Yolo::new(h, &shapes[0])?),
            HeadSpec::Keypoints(h) => Decoder::Points(points::Points::new(h, shapes)?),
            HeadSpec::Classification(h) => Decoder::Vector(vector::Vector::classes(h, &shapes[0])?),
            HeadSpec::Regression(h) => {
                Decoder::Vector(vector::Vector::numbers(h.length, h.scale, h.offset, &shapes[0])?)
            }
            HeadSpec::Raw(h) => Decoder::Vector(vector::Vector::raw(h.length, &shapes[0])?),
            HeadSpec::Rotation(h) => Decoder::Rotation(direction::Rotation::new(h, &shapes[0])?),
            HeadSpec::Mask(h) => Decoder::Mask(mask::Grid::new(h, &shapes[0])?),
            HeadSpec::Embedding(h) => {
                vector::expect(&shapes[0], h.length)?;
                Decoder::Embedding
            }
        };
        let lengths = shapes.iter().map(|s| s.iter().product()).collect();
        Ok(Self { decoder, kind: Self::kind_of(spec), lengths })
    }

    /// The kind of value that this head gives.
    pub const fn kind(&self) -> ValueKind {
        self.kind
    }

    /// Decodes `outputs`. Heads in pixels need the placement of the picture that the model saw.
    ///
    /// # Errors
    /// When an output has another length than announced, holds a number that is not finite, or decodes to a value
    /// that may not be used.
    pub fn decode(
        &self,
        outputs: &[OutputView<'_>],
        placement: Option<&Placement>,
    ) -> Result<Value, RunError> {
        let fits = outputs.len() == self.lengths.len()
            && outputs.iter().zip(&self.lengths).all(|(o, length)| o.0.len() == *length);
        if !fits {
            return Err(RunError::Refused(ValueFault::WrongLength));
        }
        if !outputs.iter().all(|o| o.0.iter().all(|x| x.is_finite())) {
            return Err(RunError::Refused(ValueFault::NotFinite));
        }
        let placed = || placement.ok_or(RunError::Input(InputFault::Kind));
        let value = match &self.decoder {
            Decoder::Ssd(head) => Value::Boxes(head.decode(outputs, placed()?)),
            Decoder::Yolo(head) => Value::Boxes(head.decode(outputs[0].0, placed()?)),
            Decoder::Points(head) => Value::Keypoints(head.decode(outputs, placed()?)),
            Decoder::Vector(head) => head.decode(outputs[0].0),
            Decoder::Rotation(head) => head.decode(outputs[0].0),
            Decoder::Mask(head) => Value::Mask(head.decode(outputs[0].0, placed()?)),
            Decoder::Embedding => direction::embedding(outputs[0].0),
        };
        match value.fault() {
            Some(fault) => Err(RunError::Refused(fault)),
            None => Ok(value),
        }
    }
}

/// The logistic function; its argument is bounded as MediaPipe's `score_clipping_thresh` does, so that `exp` does not
/// overflow.
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x.clamp(-100.0, 100.0)).exp())
}

/// The raw value at which the activated score reaches `threshold`: saves the exponential of all that are below.
fn raw_threshold(threshold: f32, sigmoid: bool) -> f32 {
    if !sigmoid {
        threshold
    } else if threshold >= 1.0 {
        f32::INFINITY
    } else {
        (threshold / (1.0 - threshold)).ln()
    }
}

/// Suppression, mapping and clipping: the end of every box head. `found` are in model pixels.
fn finish(found: Vec<Detection>, hits: &Hits, placement: &Placement) -> Vec<Detection> {
    let mut kept = suppress(found, &hits.nms);
    let frame = placement.frame_rect();
    for d in &mut kept {
        d.bounds = placement.rect_to_frame(&d.bounds);
        if hits.clip {
            d.bounds = d.bounds.clipped(&frame);
        }
    }
    kept.retain(|d| d.bounds.area() > 0.0);
    kept
}

/// Rows of a tensor whose last axis has `columns` elements, leading ones ignored.
fn rows(shape: &[usize], columns: usize) -> Option<usize> {
    let total: usize = shape.iter().product();
    (columns > 0 && total > 0 && total.is_multiple_of(columns)).then(|| total / columns)
}
