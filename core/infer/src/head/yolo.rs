//! Boxes without anchors: centre, size and class scores for each candidate, in model pixels.
//! **Invariant:** the tensor's shape was checked once; decoding indexes within it.
//! It does not suppress or map boxes: `finish` does.

use inbetween_card::{Hits, YoloHead, YoloLayout};
use inbetween_flow::{Detection, Point, Rect};

use super::{finish, sigmoid};
use crate::input::Placement;

#[derive(Clone, Debug)]
pub(super) struct Yolo {
    candidates: usize,
    numbers: usize,
    layout: YoloLayout,
    objectness: bool,
    sigmoid: bool,
    hits: Hits,
}

impl Yolo {
    pub(super) fn new(h: &YoloHead, shape: &[usize]) -> Result<Self, (usize, String)> {
        let fault = |reason: String| (0, reason);
        let dims: Vec<usize> = shape.iter().copied().skip_while(|d| *d == 1).collect();
        let &[a, b] = dims.as_slice() else {
            return Err(fault(format!("shape {shape:?} is no table of candidates")));
        };
        let (numbers, candidates) = match h.layout {
            YoloLayout::Columns => (a, b),
            YoloLayout::Rows => (b, a),
        };
        let least = 5 + usize::from(h.objectness);
        if numbers < least {
            return Err(fault(format!(
                "{numbers} numbers a candidate in shape {shape:?}, at least {least} are needed; is `layout` right?"
            )));
        }
        let (layout, objectness, sigmoid) = (h.layout, h.objectness, h.sigmoid);
        Ok(Self { candidates, numbers, layout, objectness, sigmoid, hits: h.hits })
    }

    pub(super) fn decode(&self, data: &[f32], placement: &Placement) -> Vec<Detection> {
        let at = |candidate: usize, number: usize| match self.layout {
            YoloLayout::Columns => data[number * self.candidates + candidate],
            YoloLayout::Rows => data[candidate * self.numbers + number],
        };
        let score = |raw: f32| if self.sigmoid { sigmoid(raw) } else { raw };
        let first = 4 + usize::from(self.objectness);
        let mut found = Vec::new();
        for i in 0..self.candidates {
            let mut best = (0_u32, f32::NEG_INFINITY);
            for n in first..self.numbers {
                let raw = at(i, n);
                if raw > best.1 {
                    best = ((n - first) as u32, raw);
                }
            }
            let mut s = score(best.1);
            if self.objectness {
                s *= score(at(i, 4));
            }
            if s < self.hits.threshold {
                continue;
            }
            let bounds = Rect::from_center(Point::new(at(i, 0), at(i, 1)), at(i, 2), at(i, 3));
            if bounds.is_valid() && bounds.area() > 0.0 {
                found.push(Detection { bounds, score: s, class: best.0, identity: None });
            }
        }
        finish(found, &self.hits, placement)
    }
}

#[cfg(test)]
mod tests {
    use inbetween_card::OutputRef;

    use super::*;

    fn placement() -> Placement {
        Placement {
            scale: Point::new(2.0, 2.0),
            origin: Point::new(0.0, -20.0),
            frame: (64, 24),
            model: (32, 32),
        }
    }

    fn head(layout: YoloLayout, objectness: bool) -> YoloHead {
        YoloHead { output: OutputRef::default(), layout, objectness, sigmoid: false, hits: Hits::default() }
    }

    #[test]
    fn columns_and_rows_decode_alike() {
        // Three candidates: a box, the same box weaker, and one below the threshold; two classes.
        let rows = [
            [16.0, 16.0, 8.0, 4.0, 0.1, 0.9],
            [16.5, 16.0, 8.0, 4.0, 0.2, 0.8],
            [5.0, 16.0, 4.0, 4.0, 0.4, 0.3],
        ];
        let columns: Vec<f32> = (0..6).flat_map(|n| rows.iter().map(move |r| r[n])).collect();
        let a = Yolo::new(&head(YoloLayout::Columns, false), &[1, 6, 3]).unwrap();
        let b = Yolo::new(&head(YoloLayout::Rows, false), &[1, 3, 6]).unwrap();
        let found = a.decode(&columns, &placement());
        assert_eq!(found, b.decode(rows.as_flattened(), &placement()));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].class, found[0].score), (1, 0.9));
        assert_eq!(found[0].bounds, Rect::new(24.0, 8.0, 40.0, 16.0));
    }

    #[test]
    fn objectness_multiplies() {
        let yolo = Yolo::new(&head(YoloLayout::Rows, true), &[1, 2, 6]).unwrap();
        let data = [16.0, 16.0, 8.0, 4.0, 0.5, 0.9, 8.0, 16.0, 4.0, 4.0, 0.9, 0.8];
        let found = yolo.decode(&data, &placement());
        assert_eq!(found.len(), 1);
        assert!((found[0].score - 0.72).abs() < 1e-6);
    }

    #[test]
    fn transposed_layouts_are_refused() {
        assert!(Yolo::new(&head(YoloLayout::Rows, false), &[1, 84, 4]).is_err());
        assert!(Yolo::new(&head(YoloLayout::Columns, false), &[84]).is_err());
    }
}
