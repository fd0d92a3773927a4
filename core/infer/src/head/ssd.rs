//! Boxes relative to anchors.
//! **Invariant:** there are as many anchors as rows in the score and in the box tensors.
//! It does not suppress or map boxes: `finish` does.

use inbetween_card::{AnchorLayer, BoxOrder, Hits, SizeCoding, SsdHead};
use inbetween_flow::{Detection, Point, Rect};

use super::{OutputView, finish, raw_threshold, rows, sigmoid};
use crate::input::Placement;

/// An anchor in model pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Anchor {
    center: Point,
    width: f32,
    height: f32,
}

/// One pair of score and box tensors.
#[derive(Clone, Copy, Debug)]
struct Pair {
    rows: usize,
    classes: usize,
    /// Numbers of one row of the box tensor.
    numbers: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Ssd {
    anchors: Vec<Anchor>,
    pairs: Vec<Pair>,
    box_scale: [f32; 4],
    order: BoxOrder,
    size: SizeCoding,
    sigmoid: bool,
    background: bool,
    raw_threshold: f32,
    hits: Hits,
}

impl Ssd {
    pub(super) fn new(h: &SsdHead, size: (u32, u32), shapes: &[Vec<usize>]) -> Result<Self, (usize, String)> {
        let mut pairs = Vec::with_capacity(h.outputs.len());
        for (i, shape) in shapes.chunks_exact(2).enumerate() {
            let (scores, boxes) = (&shape[0], &shape[1]);
            let numbers = boxes.last().copied().unwrap_or(0);
            if numbers < 4 {
                return Err((
                    2 * i + 1,
                    format!("boxes need at least 4 numbers a row, the shape is {boxes:?}"),
                ));
            }
            let rows = rows(boxes, numbers)
                .ok_or_else(|| (2 * i + 1, format!("shape {boxes:?} is no list of boxes")))?;
            let total: usize = scores.iter().product();
            let classes = total / rows;
            if classes * rows != total || classes < 1 + usize::from(h.background) {
                return Err((2 * i, format!("shape {scores:?} does not hold scores for {rows} boxes")));
            }
            pairs.push(Pair { rows, classes, numbers });
        }
        let anchors = anchors(&h.anchors, size);
        let wanted: usize = pairs.iter().map(|p| p.rows).sum();
        if anchors.len() != wanted {
            return Err((
                1,
                format!("the outputs have {wanted} rows, the card's layers {} anchors", anchors.len()),
            ));
        }
        Ok(Self {
            anchors,
            pairs,
            box_scale: h.box_scale,
            order: h.order,
            size: h.size,
            sigmoid: h.sigmoid,
            background: h.background,
            raw_threshold: raw_threshold(h.hits.threshold, h.sigmoid),
            hits: h.hits,
        })
    }

    pub(super) fn decode(&self, outputs: &[OutputView<'_>], placement: &Placement) -> Vec<Detection> {
        let mut found = Vec::new();
        let mut anchors = self.anchors.iter();
        for (pair, tensors) in self.pairs.iter().zip(outputs.chunks_exact(2)) {
            let scores = tensors[0].0.chunks_exact(pair.classes);
            let boxes = tensors[1].0.chunks_exact(pair.numbers);
            for ((scores, numbers), anchor) in scores.zip(boxes).zip(anchors.by_ref().take(pair.rows)) {
                let skip = usize::from(self.background);
                let (class, raw) = best(&scores[skip..]);
                if raw < self.raw_threshold {
                    continue;
                }
                let score = if self.sigmoid { sigmoid(raw) } else { raw };
                let Some(bounds) = self.bounds(numbers, anchor) else { continue };
                found.push(Detection { bounds, score, class, identity: None });
            }
        }
        finish(found, &self.hits, placement)
    }

    /// The box of one row in model pixels; `None` for one without a size.
    fn bounds(&self, numbers: &[f32], anchor: &Anchor) -> Option<Rect> {
        let [x, y, w, h] = match self.order {
            BoxOrder::Xywh => [numbers[0], numbers[1], numbers[2], numbers[3]],
            BoxOrder::Yxhw => [numbers[1], numbers[0], numbers[3], numbers[2]],
        };
        let [sx, sy, sw, sh] = self.box_scale;
        let center = Point::new(x / sx * anchor.width, y / sy * anchor.height) + anchor.center;
        let (w, h) = match self.size {
            SizeCoding::Linear => (w / sw, h / sh),
            SizeCoding::Exp => ((w / sw).exp(), (h / sh).exp()),
        };
        let (w, h) = (w * anchor.width, h * anchor.height);
        let bounds = Rect::from_center(center, w, h);
        (w > 0.0 && h > 0.0 && bounds.is_valid()).then_some(bounds)
    }
}

/// Index and value of the largest; the first of equals.
pub(super) fn best(scores: &[f32]) -> (u32, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (i, &s) in scores.iter().enumerate() {
        if s > best.1 {
            best = (i as u32, s);
        }
    }
    best
}

/// All anchors, layer by layer, cell by cell, row first.
fn anchors(layers: &[AnchorLayer], (width, height): (u32, u32)) -> Vec<Anchor> {
    let mut all = Vec::new();
    for layer in layers {
        let (columns, rows) = (width.div_ceil(layer.stride), height.div_ceil(layer.stride));
        for y in 0..rows {
            for x in 0..columns {
                // MediaPipe's SsdAnchorsCalculator with offset 0.5: cells share the input evenly.
                let center = Point::new(
                    (x as f32 + 0.5) / columns as f32 * width as f32,
                    (y as f32 + 0.5) / rows as f32 * height as f32,
                );
                for k in 0..layer.per_cell as usize {
                    let [w, h] = layer.sizes.get(k).copied().unwrap_or([width as f32, height as f32]);
                    all.push(Anchor { center, width: w, height: h });
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use inbetween_card::{NmsSpec, OutputRef, SsdOutputs};

    use super::*;

    fn head(background: bool, size: SizeCoding) -> SsdHead {
        SsdHead {
            outputs: vec![SsdOutputs { scores: OutputRef::Index(0), boxes: OutputRef::Index(1) }],
            anchors: vec![AnchorLayer { stride: 8, per_cell: 1, sizes: vec![[4.0, 8.0]] }],
            box_scale: [10.0, 10.0, 5.0, 5.0],
            order: BoxOrder::Yxhw,
            size,
            sigmoid: true,
            background,
            hits: Hits { threshold: 0.5, nms: NmsSpec::default(), clip: true },
        }
    }

    fn placement() -> Placement {
        let scale = Point::new(10.0, 10.0);
        Placement { scale, origin: Point::new(0.0, 0.0), frame: (160, 80), model: (16, 8) }
    }

    #[test]
    fn blazeface_has_896_anchors() {
        let layers = [
            AnchorLayer { stride: 8, per_cell: 2, sizes: vec![] },
            AnchorLayer { stride: 16, per_cell: 6, sizes: vec![] },
        ];
        let all = anchors(&layers, (128, 128));
        assert_eq!(all.len(), 896);
        assert_eq!(all[0], Anchor { center: Point::new(4.0, 4.0), width: 128.0, height: 128.0 });
        assert_eq!(all[2].center, Point::new(12.0, 4.0));
        assert_eq!(all[512].center, Point::new(8.0, 8.0));
    }

    #[test]
    fn exponential_sizes_and_a_background_column() {
        // Two cells of 8 × 8, anchors 4 × 8 at (4, 4) and (12, 4); background and two classes.
        let ssd = Ssd::new(&head(true, SizeCoding::Exp), (16, 8), &[vec![1, 2, 3], vec![1, 2, 4]]).unwrap();
        let scores = [9.0, -5.0, -5.0, -9.0, -1.0, 2.0];
        // y, x, h, w of the second cell: half an anchor to the right, doubled width.
        let boxes = [0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 5.0 * core::f32::consts::LN_2];
        let found = ssd.decode(&[OutputView(&scores), OutputView(&boxes)], &placement());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].class, 1);
        assert!((found[0].score - sigmoid(2.0)).abs() < 1e-6);
        // Centre (14, 4), 8 × 8 in model pixels: (10, 0, 18, 8), clipped at 16, ten times larger in the frame.
        assert!(found[0].bounds.worst_corner(&Rect::new(100.0, 0.0, 160.0, 80.0)) < 1e-3);
    }

    #[test]
    fn shapes_must_fit_the_anchors() {
        let linear = head(false, SizeCoding::Linear);
        assert!(Ssd::new(&linear, (16, 8), &[vec![1, 3, 1], vec![1, 3, 4]]).is_err());
        assert!(Ssd::new(&linear, (16, 8), &[vec![1, 3, 1], vec![1, 2, 4]]).is_err());
        assert!(Ssd::new(&linear, (16, 8), &[vec![1, 2, 1], vec![1, 2, 3]]).is_err());
        assert!(Ssd::new(&linear, (16, 8), &[vec![1, 2, 1], vec![1, 2, 16]]).is_ok());
    }

    #[test]
    fn negative_linear_sizes_are_no_boxes() {
        let ssd =
            Ssd::new(&head(false, SizeCoding::Linear), (16, 8), &[vec![1, 2, 1], vec![1, 2, 4]]).unwrap();
        let boxes = [0.0, 0.0, -5.0, 5.0, 0.0, 0.0, 5.0, 5.0];
        let found = ssd.decode(&[OutputView(&[3.0, 3.0]), OutputView(&boxes)], &placement());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].bounds, Rect::new(100.0, 0.0, 140.0, 80.0));
    }
}
