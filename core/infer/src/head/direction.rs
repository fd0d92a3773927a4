//! Rotations and embeddings: numbers of which only the direction counts.
//! **Invariant:** a value has unit length, or is all zeros and refused by the value check.
//! It does not know what is rotated or embedded.

use inbetween_card::{QuaternionOrder, RotationHead};
use inbetween_flow::{Quaternion, Value};

/// A length below this is no direction.
const SHORTEST: f64 = 1e-6;

#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    first: usize,
    order: QuaternionOrder,
}

impl Rotation {
    pub(super) fn new(h: &RotationHead, shape: &[usize]) -> Result<Self, (usize, String)> {
        let length: usize = shape.iter().product();
        if h.first.checked_add(4).is_none_or(|end| end > length) {
            return Err((0, format!("shape {shape:?} does not hold four numbers from index {} on", h.first)));
        }
        Ok(Self { first: h.first, order: h.order })
    }

    pub(super) fn decode(&self, data: &[f32]) -> Value {
        let v = &data[self.first..];
        let q = match self.order {
            QuaternionOrder::Wxyz => Quaternion::new(v[0], v[1], v[2], v[3]),
            QuaternionOrder::Xyzw => Quaternion::new(v[3], v[0], v[1], v[2]),
        };
        Value::Rotation(q.unit().unwrap_or(Quaternion::new(0.0, 0.0, 0.0, 0.0)))
    }
}

pub(super) fn embedding(data: &[f32]) -> Value {
    let norm = data.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    let scale = if norm > SHORTEST { norm.recip() } else { 0.0 };
    Value::Embedding(data.iter().map(|x| (f64::from(*x) * scale) as f32).collect())
}

#[cfg(test)]
mod tests {
    use inbetween_card::OutputRef;

    use super::*;

    #[test]
    fn quaternions_are_found_ordered_and_normalised() {
        let mut head = RotationHead { output: OutputRef::Index(0), first: 1, order: QuaternionOrder::Wxyz };
        let data = [9.0, 0.0, 0.0, 3.0, 4.0];
        let decode = |h: &RotationHead| Rotation::new(h, &[1, 5]).unwrap().decode(&data);
        assert_eq!(decode(&head), Value::Rotation(Quaternion::new(0.0, 0.0, 0.6, 0.8)));
        head.order = QuaternionOrder::Xyzw;
        assert_eq!(decode(&head), Value::Rotation(Quaternion::new(0.8, 0.0, 0.0, 0.6)));
        head.first = 2;
        assert!(Rotation::new(&head, &[1, 5]).is_err());
        head.first = usize::MAX;
        assert!(Rotation::new(&head, &[1, 5]).is_err());
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        let head = RotationHead { output: OutputRef::Index(0), first: 0, order: QuaternionOrder::Wxyz };
        assert!(Rotation::new(&head, &[4]).unwrap().decode(&[0.0; 4]).fault().is_some());
        assert!(embedding(&[0.0; 3]).fault().is_some());
        assert_eq!(embedding(&[3.0, -4.0]), Value::Embedding(vec![0.6, -0.8]));
        assert_eq!(embedding(&[f32::MAX, f32::MAX]).fault(), None);
    }
}
