//! Which detection belongs to which track.
//! **Invariant:** a pair is never made across classes, nor beyond what motion and size allow; each side is used once.
//! It does not create, move or forget tracks: `boxes` does.

use alloc::{vec, vec::Vec};

use crate::geometry::{Point, Rect};

/// Where a track is expected, for matching.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub bounds: Rect,
    /// Standard deviation of its centre, in pixels.
    pub sigma: f32,
    pub class: u32,
    /// Whether it may be matched in this pass.
    pub free: bool,
}

/// The cost of a pair that is not made.
const REFUSED: f32 = 1.0;
/// Boxes of the same object do not differ by more than this factor in either side: e^1.2 = 3.3.
const LARGEST_RATIO: f32 = 1.2;

/// The cost of a pair from 0 (same place and size) to 1; `None` beyond the gate.
///
/// Half is the lack of overlap, half the distance of the centres over what their size and the uncertainty of the
/// motion allow: overlap alone cannot rank pairs that do not touch.
pub(super) fn cost(track: &Expected, bounds: &Rect, class: u32) -> Option<f32> {
    if track.class != class {
        return None;
    }
    let size = |r: &Rect| libm::sqrtf(r.area().max(1.0));
    let reach = 0.5 * (size(&track.bounds) + size(bounds)) * 0.7 + 3.0 * track.sigma.min(1e6);
    let distance = (track.bounds.center() - bounds.center()).length() / reach;
    let ratio = |a: f32, b: f32| libm::logf(a.max(1.0) / b.max(1.0)).abs();
    let change =
        ratio(track.bounds.width(), bounds.width()).max(ratio(track.bounds.height(), bounds.height()));
    if !(distance < 1.0 && change < LARGEST_RATIO) {
        return None;
    }
    let cost = 0.45 * (1.0 - track.bounds.iou(bounds)) + 0.45 * distance + 0.1 * change / LARGEST_RATIO;
    cost.is_finite().then_some(cost)
}

/// Pairs tracks with boxes at the least total cost: for each track the index of its box.
///
/// # Source
/// The shortest augmenting path form of the Hungarian method (Jonker and Volgenant, 1987).
pub(super) fn assign(tracks: &[Expected], boxes: &[(Rect, u32)]) -> Vec<Option<usize>> {
    let (n, m) = (tracks.len(), boxes.len());
    let mut result = vec![None; n];
    if n == 0 || m == 0 {
        return result;
    }
    // One place of its own per track lets any pair be refused.
    let columns = m + n;
    let mut costs = vec![REFUSED; n * columns];
    for (i, t) in tracks.iter().enumerate().filter(|(_, t)| t.free) {
        for (j, (bounds, class)) in boxes.iter().enumerate() {
            costs[i * columns + j] = cost(t, bounds, *class).unwrap_or(4.0 * REFUSED);
        }
    }
    for (i, _) in tracks.iter().enumerate().filter(|(_, t)| !t.free) {
        costs[i * columns..i * columns + m].fill(4.0 * REFUSED);
    }
    for (j, owner) in hungarian(&costs, n, columns).into_iter().enumerate().take(m) {
        if let Some(i) = owner.filter(|&i| costs[i * columns + j] < REFUSED) {
            result[i] = Some(j);
        }
    }
    result
}

/// For each column the row that owns it. `rows <= columns`; costs are row by row and finite.
fn hungarian(costs: &[f32], rows: usize, columns: usize) -> Vec<Option<usize>> {
    let (mut u, mut v) = (vec![0.0_f32; rows], vec![0.0_f32; columns + 1]);
    // The last column is a scratch place that holds the row being inserted.
    let mut owner: Vec<Option<usize>> = vec![None; columns + 1];
    let mut way = vec![columns; columns + 1];
    for row in 0..rows {
        owner[columns] = Some(row);
        let mut at = columns;
        let mut least = vec![f32::INFINITY; columns];
        let mut used = vec![false; columns + 1];
        while let Some(i) = owner[at] {
            used[at] = true;
            let (mut delta, mut next) = (f32::INFINITY, columns);
            for j in (0..columns).filter(|&j| !used[j]) {
                let reduced = costs[i * columns + j] - u[i] - v[j];
                if reduced < least[j] {
                    (least[j], way[j]) = (reduced, at);
                }
                if least[j] < delta {
                    (delta, next) = (least[j], j);
                }
            }
            if next == columns {
                break; // cannot happen with finite costs and rows <= columns
            }
            for j in 0..=columns {
                if used[j] {
                    if let Some(i) = owner[j] {
                        u[i] += delta;
                    }
                    v[j] -= delta;
                } else if j < columns {
                    least[j] -= delta;
                }
            }
            at = next;
        }
        while at != columns {
            owner[at] = owner[way[at]];
            at = way[at];
        }
    }
    owner.truncate(columns);
    owner
}

/// The median of `values` (reordered); zero when empty.
pub(super) fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let mid = values.len() / 2;
    *values.select_nth_unstable_by(mid, f32::total_cmp).1
}

/// The common motion of neighbours: the median of their velocities and how far they disagree (the scaled median
/// absolute deviation per axis, 1.48 for a normal law). `None` with fewer than two.
pub(super) fn common_motion(velocities: &[Point]) -> Option<(Point, f32)> {
    if velocities.len() < 2 {
        return None;
    }
    let axis = |get: fn(&Point) -> f32| {
        let mut all: Vec<f32> = velocities.iter().map(get).collect();
        let mid = median(&mut all);
        for x in &mut all {
            *x = (*x - mid).abs();
        }
        (mid, 1.48 * median(&mut all))
    };
    let ((x, dx), (y, dy)) = (axis(|p| p.x), axis(|p| p.y));
    Some((Point::new(x, y), dx.max(dy)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32) -> Expected {
        Expected { bounds: Rect::new(x, 0.0, x + 40.0, 40.0), sigma: 2.0, class: 0, free: true }
    }

    #[test]
    fn the_total_is_least_where_the_nearest_first_is_not() {
        // Taking the nearest pair first (track 1 with box 0) would leave track 0 without a box in reach.
        let tracks = [at(0.0), at(30.0)];
        let boxes = [(at(22.0).bounds, 0), (at(48.0).bounds, 0)];
        assert_eq!(assign(&tracks, &boxes), [Some(0), Some(1)]);
    }

    #[test]
    fn classes_sizes_and_distance_gate() {
        let mut far = at(300.0);
        far.class = 1;
        let boxes = [(at(300.0).bounds, 0), (at(0.0).bounds, 1), (Rect::new(18.0, 18.0, 22.0, 22.0), 0)];
        assert_eq!(assign(&[at(0.0), far], &boxes), [None, None]);
    }

    #[test]
    fn the_method_finds_the_optimum() {
        // Against all permutations, with pseudo-random costs.
        let mut seed = 7_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / 16_777_216.0
        };
        for _ in 0..200 {
            let costs: Vec<f32> = (0..16).map(|_| next()).collect();
            let owner = hungarian(&costs, 4, 4);
            let total: f32 = owner.iter().enumerate().map(|(j, i)| i.map_or(9.0, |i| costs[i * 4 + j])).sum();
            let mut best = f32::INFINITY;
            for p in 0..256_usize {
                let c = [p & 3, (p >> 2) & 3, (p >> 4) & 3, (p >> 6) & 3];
                if (0..4).all(|k| c.contains(&k)) {
                    best = best.min((0..4).map(|i| costs[i * 4 + c[i]]).sum());
                }
            }
            assert!((total - best).abs() < 1e-5, "{total} {best}");
        }
    }

    #[test]
    fn neighbours_that_agree_have_a_common_motion() {
        let v = [Point::new(10.0, 0.0), Point::new(11.0, 0.0), Point::new(-90.0, 0.0)];
        let (m, spread) = common_motion(&v).unwrap();
        assert_eq!(m.x, 10.0);
        assert!(spread < 2.0);
        assert_eq!(common_motion(&v[..1]), None);
    }
}
