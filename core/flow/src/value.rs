//! What a model says and what an answer carries.
//! **Invariant:** every kind has one error measure, in the unit of the card's `epsilon`.
//! It does not decode tensors (that is `inbetween-infer`) and does not move values in time (that is `source`).

use alloc::vec::Vec;

use crate::{
    geometry::{Point, Rect},
    quaternion::Quaternion,
};

/// The kind of a [`Value`], fixed by the card for the life of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueKind {
    /// One number.
    Scalar,
    /// A fixed count of numbers.
    Vector,
    /// Boxes with class and score.
    Boxes,
    /// An ordered set of points of one instance.
    Keypoints,
    /// A distribution over classes.
    Probabilities,
    /// One class.
    Label,
    /// How something is turned.
    Rotation,
    /// A direction in a space of features.
    Embedding,
    /// The region of one thing, as the share of each cell of a grid that it fills.
    Mask,
}

/// One box of a detector, in pixels of the upright frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Detection {
    /// Where it is.
    pub bounds: Rect,
    /// The model's confidence, from 0 to 1.
    pub score: f32,
    /// The class index of the model.
    pub class: u32,
    /// Who it is: `None` as the model gives it, set by the engine, stable while the object is followed.
    pub identity: Option<u32>,
}

/// One point of a landmark model, in pixels of the upright frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Keypoint {
    /// Where it is.
    pub at: Point,
    /// The model's belief that the point can be seen, from 0 to 1; 1 where the model does not say.
    pub visibility: f32,
}

/// One class with its score.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Label {
    /// The class index of the model.
    pub class: u32,
    /// The model's confidence, from 0 to 1.
    pub score: f32,
}

/// The region of one thing, on a grid of cells.
///
/// # Shapes
/// `cells` has `width × height` elements, row by row; at most 256 × 256, so that memory is bounded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mask {
    /// Cells in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Where the grid lies, in pixels of the upright frame.
    pub bounds: Rect,
    /// The share of each cell that is inside, from 0 to 255; a boundary is at 128.
    pub cells: Vec<u8>,
}

impl Mask {
    /// The most cells of a row and of a column: taken from MediaPipe's selfie model, 256 × 256.
    pub const MOST: u16 = 256;

    fn is_sound(&self) -> bool {
        let sides = 1..=Self::MOST;
        sides.contains(&self.width)
            && sides.contains(&self.height)
            && self.cells.len() == usize::from(self.width) * usize::from(self.height)
            && self.bounds.is_valid()
            && (1e-3..1e6).contains(&self.bounds.width())
            && (1e-3..1e6).contains(&self.bounds.height())
            && self.bounds.center().length() < 1e6
    }
}

/// A decoded model output or an answer derived from several of them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// One number.
    Scalar(f32),
    /// A fixed count of numbers.
    Vector(Vec<f32>),
    /// Boxes, in no promised order.
    Boxes(Vec<Detection>),
    /// Points in the model's order.
    Keypoints(Vec<Keypoint>),
    /// A distribution: not negative, sums to one.
    Probabilities(Vec<f32>),
    /// One class.
    Label(Label),
    /// A unit quaternion.
    Rotation(Quaternion),
    /// A vector of unit length, of a fixed count of numbers.
    Embedding(Vec<f32>),
    /// The region of one thing.
    Mask(Mask),
}

impl Value {
    /// Which kind this is.
    pub const fn kind(&self) -> ValueKind {
        match self {
            Self::Scalar(_) => ValueKind::Scalar,
            Self::Vector(_) => ValueKind::Vector,
            Self::Boxes(_) => ValueKind::Boxes,
            Self::Keypoints(_) => ValueKind::Keypoints,
            Self::Probabilities(_) => ValueKind::Probabilities,
            Self::Label(_) => ValueKind::Label,
            Self::Rotation(_) => ValueKind::Rotation,
            Self::Embedding(_) => ValueKind::Embedding,
            Self::Mask(_) => ValueKind::Mask,
        }
    }

    /// An empty value of `kind`, to be filled in place.
    pub fn empty(kind: ValueKind) -> Self {
        match kind {
            ValueKind::Scalar => Self::Scalar(0.0),
            ValueKind::Vector => Self::Vector(Vec::new()),
            ValueKind::Boxes => Self::Boxes(Vec::new()),
            ValueKind::Keypoints => Self::Keypoints(Vec::new()),
            ValueKind::Probabilities => Self::Probabilities(Vec::new()),
            ValueKind::Label => Self::Label(Label::default()),
            ValueKind::Rotation => Self::Rotation(Quaternion::IDENTITY),
            ValueKind::Embedding => Self::Embedding(Vec::new()),
            ValueKind::Mask => Self::Mask(Mask::default()),
        }
    }

    /// Why this value cannot be used, if it cannot: a number that is not finite, a box inside out,
    /// a score outside 0 to 1, a distribution that does not sum to one within 1%, a rotation or an embedding whose
    /// length is not one within 1%, a mask whose grid is empty, too large or not as long as it says.
    pub fn fault(&self) -> Option<ValueFault> {
        let finite = |x: &f32| x.is_finite();
        let unit = |x: f32| (0.0..=1.0).contains(&x);
        let long = |norm: f64| {
            let ok = (0.99..=1.01).contains(&norm);
            let fault = if norm.is_finite() { ValueFault::OutOfRange } else { ValueFault::NotFinite };
            (!ok).then_some(fault)
        };
        let ok = match self {
            Self::Scalar(x) => x.is_finite(),
            Self::Vector(v) => v.iter().all(finite),
            Self::Boxes(v) => {
                if !v.iter().all(|d| unit(d.score)) {
                    return Some(ValueFault::OutOfRange);
                }
                v.iter().all(|d| d.bounds.is_valid())
            }
            Self::Keypoints(v) => {
                if !v.iter().all(|k| unit(k.visibility)) {
                    return Some(ValueFault::OutOfRange);
                }
                v.iter().all(|k| k.at.is_finite())
            }
            Self::Probabilities(v) => {
                if !v.iter().all(finite) {
                    return Some(ValueFault::NotFinite);
                }
                let sum: f32 = v.iter().sum();
                if v.is_empty()
                    || (sum - 1.0).abs() > 0.01
                    || !v.iter().all(|&p| (-1e-4..=1.0001).contains(&p))
                {
                    return Some(ValueFault::OutOfRange);
                }
                true
            }
            Self::Label(l) => {
                if !unit(l.score) {
                    return Some(ValueFault::OutOfRange);
                }
                true
            }
            Self::Rotation(q) => return long(f64::from(q.norm())),
            Self::Embedding(v) => return long(norm(v)),
            Self::Mask(mask) if mask.is_sound() => true,
            Self::Mask(_) => return Some(ValueFault::OutOfRange),
        };
        if ok { None } else { Some(ValueFault::NotFinite) }
    }
}

/// The length of a vector; not finite when one of its numbers is not.
pub(crate) fn norm(v: &[f32]) -> f64 {
    libm::sqrt(v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum())
}

/// Why a model's output is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueFault {
    /// A number that is NaN or infinite, or a box whose edges are out of order.
    NotFinite,
    /// A score or probability outside its range, a distribution that does not sum to one, a rotation or embedding that
    /// is not of unit length, or a mask without a sound grid.
    OutOfRange,
    /// Another kind than the card promises.
    WrongKind,
    /// Another count of elements than the results before.
    WrongLength,
}
