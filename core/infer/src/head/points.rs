//! Keypoints of one instance.
//! **Invariant:** as many points as the card states, in the model's order.
//! It does not decide whether the instance is there: it says how visible the points are.

use inbetween_card::{KeypointScale, KeypointsHead};
use inbetween_flow::{Keypoint, Point};

use super::{OutputView, sigmoid};
use crate::input::Placement;

#[derive(Clone, Debug)]
pub(super) struct Points {
    dims: usize,
    scale: KeypointScale,
    visibility: Option<usize>,
    sigmoid: bool,
}

impl Points {
    pub(super) fn new(h: &KeypointsHead, shapes: &[Vec<usize>]) -> Result<Self, (usize, String)> {
        if shapes[0].iter().product::<usize>() != h.points * h.dims {
            return Err((
                0,
                format!("shape {:?} does not hold {} points of {} numbers", shapes[0], h.points, h.dims),
            ));
        }
        if let Some(presence) = shapes.get(1)
            && presence.iter().product::<usize>() != 1
        {
            return Err((1, format!("presence must be one number, its shape is {presence:?}")));
        }
        Ok(Self { dims: h.dims, scale: h.scale, visibility: h.visibility, sigmoid: h.sigmoid })
    }

    pub(super) fn decode(&self, outputs: &[OutputView<'_>], placement: &Placement) -> Vec<Keypoint> {
        let belief = |raw: f32| if self.sigmoid { sigmoid(raw) } else { raw };
        let presence = outputs.get(1).map_or(1.0, |p| belief(p.0[0]));
        let unit = match self.scale {
            KeypointScale::Pixels => Point::new(1.0, 1.0),
            KeypointScale::Normalised => Point::new(placement.model.0 as f32, placement.model.1 as f32),
        };
        outputs[0]
            .0
            .chunks_exact(self.dims)
            .map(|p| Keypoint {
                at: placement.to_frame(Point::new(p[0] * unit.x, p[1] * unit.y)),
                visibility: presence * self.visibility.map_or(1.0, |v| belief(p[v])),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use inbetween_card::OutputRef;

    use super::*;

    #[test]
    fn points_are_mapped_and_weighted_by_presence() {
        let mut head = KeypointsHead {
            output: OutputRef::Index(0),
            points: 2,
            dims: 4,
            scale: KeypointScale::Normalised,
            visibility: Some(3),
            presence: Some(OutputRef::Index(1)),
            sigmoid: false,
        };
        let placement = Placement {
            scale: Point::new(2.0, 3.0),
            origin: Point::new(10.0, 20.0),
            frame: (100, 100),
            model: (8, 8),
        };
        let points = Points::new(&head, &[vec![1, 8], vec![1, 1]]).unwrap();
        let data = [0.5, 0.25, 0.0, 1.0, 1.0, 1.0, 0.0, 0.5];
        let found = points.decode(&[OutputView(&data), OutputView(&[0.5])], &placement);
        assert_eq!(found[0], Keypoint { at: Point::new(18.0, 26.0), visibility: 0.5 });
        assert_eq!(found[1], Keypoint { at: Point::new(26.0, 44.0), visibility: 0.25 });
        head.points = 3;
        assert!(Points::new(&head, &[vec![1, 8], vec![1, 1]]).is_err());
        head.points = 2;
        assert!(Points::new(&head, &[vec![1, 8], vec![1, 2]]).is_err());
    }
}
