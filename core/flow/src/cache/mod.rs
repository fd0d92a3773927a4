//! Results that are used again: for exactly the same input, for a picture that looks the same, for the same track.
//! **Invariant:** what is kept stays under its bytes; nothing is served that audits have not earned.
//! It does not look at frames by itself and does not answer: the engine asks it before it starts a run.

mod attributes;
mod distance;
mod exact;
mod key;
mod near;
mod radius;
mod sieve;

pub use attributes::{AttributeCache, Sight};
pub use exact::{Digest, ExactCache, Scope};
pub use key::Key;
pub use near::{Candidate, NearCache};

pub(crate) use distance::error;

use crate::value::{Detection, Keypoint, Value};

/// Whether and how values of one kind may be used for another picture than the model saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// Never: what the value says is bound to pixels that nobody compares.
    Never,
    /// As they are: they say something about the picture as a whole.
    AsIs,
    /// Only after every target was found again in the picture: they say where things are.
    Registered,
}

impl Reuse {
    /// How `value` may be used again.
    pub const fn of(value: &Value) -> Self {
        match value {
            Value::Scalar(_)
            | Value::Vector(_)
            | Value::Probabilities(_)
            | Value::Label(_)
            | Value::Embedding(_) => Self::AsIs,
            Value::Boxes(_) => Self::Registered,
            Value::Keypoints(_) | Value::Rotation(_) | Value::Mask(_) => Self::Never,
        }
    }
}

/// Writes `value` over `out`, in the memory that `out` has.
pub fn copy(value: &Value, out: &mut Value) {
    match (value, out) {
        (Value::Vector(from), Value::Vector(to))
        | (Value::Embedding(from), Value::Embedding(to))
        | (Value::Probabilities(from), Value::Probabilities(to)) => {
            to.clone_from(from);
        }
        (Value::Boxes(from), Value::Boxes(to)) => to.clone_from(from),
        (Value::Keypoints(from), Value::Keypoints(to)) => to.clone_from(from),
        (value, out) => *out = value.clone(),
    }
}

/// Bytes of `value` outside of itself.
fn heap_bytes(value: &Value) -> usize {
    match value {
        Value::Scalar(_) | Value::Label(_) | Value::Rotation(_) => 0,
        Value::Vector(v) | Value::Probabilities(v) | Value::Embedding(v) => size_of_val(v.as_slice()),
        Value::Boxes(v) => v.len() * size_of::<Detection>(),
        Value::Keypoints(v) => v.len() * size_of::<Keypoint>(),
        Value::Mask(m) => m.cells.len(),
    }
}
