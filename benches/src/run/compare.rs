//! Model outputs as the boxes that the scorer compares: detections as they are, each point of a shape as a square.
//! **Invariant:** the corners of two squares of one point are as far apart as the points themselves.
//! It does not judge: `truth` does.

use inbetween::{Detection, Keypoint, Rect, Value};

/// Most points of a shape that are scored: of larger ones every second, third, … The same for truth and all policies.
const MOST_POINTS: usize = 100;
/// Half of a square's side, in tolerances: squares of one point overlap as long as an answer is anywhere near.
const HALF_SIDE: f32 = 4.0;
/// A point is shown from this visibility on, as the engine's own hysteresis keeps it.
const SHOWN: f32 = 0.5;

/// How the values of one card are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compare {
    epsilon: f32,
}

impl Compare {
    /// For a card that allows errors of `epsilon` pixels.
    pub const fn new(epsilon: f32) -> Self {
        Self { epsilon }
    }

    /// The boxes of a value; `None` for a kind that has no place in the picture.
    pub fn boxes(self, value: &Value) -> Option<Vec<Detection>> {
        match value {
            Value::Boxes(boxes) => Some(boxes.clone()),
            Value::Keypoints(points) => Some(self.squares(points)),
            _ => None,
        }
    }

    /// A square for each point that is shown; its number is the class, so that no point stands for another.
    fn squares(self, points: &[Keypoint]) -> Vec<Detection> {
        let stride = points.len().div_ceil(MOST_POINTS).max(1);
        let side = 2.0 * HALF_SIDE * self.epsilon;
        let square = |(i, k): (usize, &Keypoint)| Detection {
            bounds: Rect::from_center(k.at, side, side),
            score: k.visibility,
            class: i as u32,
            identity: Some(i as u32),
        };
        points.iter().enumerate().step_by(stride).filter(|(_, k)| k.visibility >= SHOWN).map(square).collect()
    }
}

/// A box as it is drawn: the square of a point as a dot.
pub fn dot(bounds: Rect, points: bool) -> Rect {
    if points { Rect::from_center(bounds.center(), 2.0, 2.0) } else { bounds }
}

#[cfg(test)]
mod tests {
    use inbetween::Point;

    use super::*;

    #[test]
    fn corners_are_as_far_apart_as_points_and_large_shapes_are_thinned() {
        let compare = Compare::new(3.0);
        let shape = |dx: f32| {
            let point = |i: u16| Keypoint { at: Point::new(f32::from(i) + dx, 9.0), visibility: 0.9 };
            Value::Keypoints((0..468).map(point).collect())
        };
        let (a, b) = (compare.boxes(&shape(0.0)).unwrap(), compare.boxes(&shape(2.5)).unwrap());
        assert_eq!(a.len(), 94);
        assert_eq!((a[93].class, b[93].class), (465, 465));
        assert!(a.iter().zip(&b).all(|(a, b)| (b.bounds.x0 - a.bounds.x0 - 2.5).abs() < 1e-4));
    }

    #[test]
    fn hidden_points_and_other_values_have_no_boxes() {
        let hidden = Keypoint { at: Point::new(1.0, 1.0), visibility: 0.2 };
        assert_eq!(Compare::new(3.0).boxes(&Value::Keypoints(vec![hidden])), Some(Vec::new()));
        assert_eq!(Compare::new(3.0).boxes(&Value::Scalar(1.0)), None);
    }
}
