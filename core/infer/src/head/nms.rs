//! Non-maximum suppression, hard and weighted.
//! **Invariant:** the result is in falling order of score, at most `max` long, and does not depend on the input's order
//! but for exact ties, which keep it.
//! It does not know tensors or frames.

use inbetween_card::{NmsMode, NmsSpec};
use inbetween_flow::{Detection, Rect};

/// Keeps one box for each object.
///
/// # Source
/// Hard: greedy by score. Weighted: arXiv 1907.05047, section 3.3.
///
/// # Example
/// ```
/// use inbetween_card::NmsSpec;
/// use inbetween_flow::{Detection, Rect};
///
/// let at = |x: f32, score| Detection { bounds: Rect::new(x, 0.0, x + 10.0, 10.0), score, ..Default::default() };
/// let kept = inbetween_infer::suppress(vec![at(0.0, 0.6), at(1.0, 0.9), at(30.0, 0.7)], &NmsSpec::default());
/// assert_eq!(kept.iter().map(|d| d.score).collect::<Vec<_>>(), [0.9, 0.7]);
/// ```
pub fn suppress(mut found: Vec<Detection>, spec: &NmsSpec) -> Vec<Detection> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score)); // stable: ties keep their order
    match spec.mode {
        NmsMode::Hard => hard(&found, spec),
        NmsMode::Weighted => weighted(found, spec),
    }
}

fn same(a: &Detection, b: &Detection, spec: &NmsSpec) -> bool {
    (!spec.class_aware || a.class == b.class) && a.bounds.iou(&b.bounds) > spec.iou
}

fn hard(sorted: &[Detection], spec: &NmsSpec) -> Vec<Detection> {
    let mut kept: Vec<Detection> = Vec::new();
    for d in sorted {
        if kept.len() == spec.max {
            break;
        }
        if !kept.iter().any(|k| same(k, d, spec)) {
            kept.push(*d);
        }
    }
    kept
}

fn weighted(mut rest: Vec<Detection>, spec: &NmsSpec) -> Vec<Detection> {
    let mut kept = Vec::new();
    while let Some(&best) = rest.first() {
        if kept.len() == spec.max {
            break;
        }
        let (mut sum, mut weight) = ([0.0_f32; 4], 0.0_f32);
        let before = rest.len();
        rest.retain(|d| {
            if !same(&best, d, spec) {
                return true;
            }
            let b = d.bounds;
            for (s, edge) in sum.iter_mut().zip([b.x0, b.y0, b.x1, b.y1]) {
                *s += d.score * edge;
            }
            weight += d.score;
            false
        });
        let bounds = if weight > 0.0 {
            Rect::new(sum[0] / weight, sum[1] / weight, sum[2] / weight, sum[3] / weight)
        } else {
            best.bounds
        };
        kept.push(Detection { bounds, ..best });
        // A box without area overlaps nothing, not even itself.
        if rest.len() == before {
            rest.remove(0);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Greedy suppression as its definition reads: again and again take the best that is left and drop its overlaps.
    fn brute_force(mut left: Vec<Detection>, spec: &NmsSpec) -> Vec<Detection> {
        let mut kept = Vec::new();
        while kept.len() < spec.max && !left.is_empty() {
            let mut best = 0;
            for i in 0..left.len() {
                if left[i].score > left[best].score {
                    best = i;
                }
            }
            let best = left.remove(best);
            left.retain(|d| {
                let w = (d.bounds.x1.min(best.bounds.x1) - d.bounds.x0.max(best.bounds.x0)).max(0.0);
                let h = (d.bounds.y1.min(best.bounds.y1) - d.bounds.y0.max(best.bounds.y0)).max(0.0);
                let area = |r: &Rect| (r.x1 - r.x0) * (r.y1 - r.y0);
                let union = area(&d.bounds) + area(&best.bounds) - w * h;
                let other_class = spec.class_aware && d.class != best.class;
                other_class || union <= 0.0 || w * h / union <= spec.iou
            });
            kept.push(best);
        }
        kept
    }

    fn detections() -> impl Strategy<Value = Vec<Detection>> {
        let one = (0.0..100.0_f32, 0.0..100.0_f32, 1.0..60.0_f32, 1.0..60.0_f32, 0.0..1.0_f32, 0..3_u32);
        let one = one.prop_map(|(x, y, w, h, score, class)| Detection {
            bounds: Rect::new(x, y, x + w, y + h),
            score,
            class,
            identity: None,
        });
        proptest::collection::vec(one, 0..40)
    }

    proptest! {
        #[test]
        fn hard_is_the_definition(found in detections(), iou in 0.05..0.95_f32, max in 1..20_usize, class_aware: bool) {
            let spec = NmsSpec { iou, max, mode: NmsMode::Hard, class_aware };
            prop_assert_eq!(suppress(found.clone(), &spec), brute_force(found, &spec));
        }

        #[test]
        fn weighted_keeps_scores_and_stays_within_its_cluster(found in detections(), iou in 0.05..0.95_f32) {
            let spec = NmsSpec { iou, max: 100, mode: NmsMode::Weighted, class_aware: true };
            let kept = suppress(found.clone(), &spec);
            for d in &kept {
                let source = found.iter().find(|f| f.score == d.score).unwrap();
                prop_assert!(d.bounds.iou(&source.bounds) > 0.0);
                prop_assert!(d.bounds.is_valid());
            }
            prop_assert!(kept.windows(2).all(|w| w[0].score >= w[1].score));
        }
    }

    #[test]
    fn weighted_averages_by_score() {
        let at = |x: f32, score| Detection {
            bounds: Rect::new(x, 0.0, x + 10.0, 10.0),
            score,
            ..Default::default()
        };
        let spec = NmsSpec { mode: NmsMode::Weighted, ..NmsSpec::default() };
        let kept = suppress(vec![at(0.0, 0.25), at(2.0, 0.75)], &spec);
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].bounds, Rect::new(1.5, 0.0, 11.5, 10.0));
        assert_eq!(kept[0].score, 0.75);
    }

    #[test]
    fn boxes_without_area_do_not_hang() {
        let dot = Detection { score: 0.5, ..Default::default() };
        for mode in [NmsMode::Hard, NmsMode::Weighted] {
            let kept = suppress(vec![dot; 3], &NmsSpec { mode, ..NmsSpec::default() });
            assert_eq!(kept.len(), 3);
        }
    }
}
