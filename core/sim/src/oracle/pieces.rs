//! The clairvoyant bound: fewest straight pieces within epsilon of the truth.
//! **Invariant:** a piece is feasible exactly when for each number of each box one line stays within epsilon of it.
//! It does not place pieces through results: a piece may start anywhere.

use super::course::Course;

/// Slopes with which a line stays within epsilon of all points so far.
#[derive(Clone, Copy, Debug)]
struct Slopes {
    low: f64,
    high: f64,
}

/// One number of one object over the refreshes at which it counts.
struct Series {
    identity: u32,
    stay: u32,
    points: Vec<(f64, f64)>,
    slopes: Slopes,
}

impl Series {
    /// Takes a point in front of all others; whether one line still serves all. A line with slope `b` stays within
    /// epsilon of all points exactly when `b·(t_j − t_i) ≤ x_j − x_i + 2ε` for every pair.
    fn add(&mut self, t: f64, x: f64, epsilon: f64) -> bool {
        for (s, y) in &self.points {
            let dt = s - t;
            self.slopes.low = self.slopes.low.max((y - x - 2.0 * epsilon) / dt);
            self.slopes.high = self.slopes.high.min((y - x + 2.0 * epsilon) / dt);
        }
        self.points.push((t, x));
        self.slopes.low <= self.slopes.high
    }
}

/// For refresh `last`, the first one from which on a single piece serves all up to and including it.
fn reaches(course: &Course, last: usize) -> usize {
    let epsilon = f64::from(course.epsilon);
    let end = course.refreshes[last].at;
    let mut all: Vec<Series> = Vec::new();
    for first in (0..=last).rev() {
        let refresh = &course.refreshes[first];
        if end.since(refresh.at) > course.max_age {
            return first + 1;
        }
        let t = refresh.at.as_secs_f64();
        for object in refresh.objects.iter().filter(|o| o.counts) {
            let b = object.truth.bounds;
            for (part, x) in [b.x0, b.y0, b.x1, b.y1].into_iter().enumerate() {
                let same = |s: &Series| s.identity == object.truth.identity && s.stay == object.stay;
                let at = all.iter().enumerate().filter(|(_, s)| same(s)).nth(part).map(|(at, _)| at);
                let at = at.unwrap_or_else(|| {
                    let slopes = Slopes { low: f64::NEG_INFINITY, high: f64::INFINITY };
                    let (identity, stay) = (object.truth.identity, object.stay);
                    all.push(Series { identity, stay, points: Vec::new(), slopes });
                    all.len() - 1
                });
                if !all[at].add(t, f64::from(x), epsilon) {
                    return first + 1;
                }
            }
        }
    }
    0
}

/// Fewest pieces with at most the allowed number of refreshes outside of any.
pub(super) fn fewest(course: &Course) -> u64 {
    let n = course.refreshes.len();
    let budget = (course.miss_rate * n as f64) as usize;
    let from: Vec<usize> = (0..n).map(|last| reaches(course, last)).collect();
    // Row `t`, column `v`: fewest pieces for the first `t` refreshes, of which `v` are left out.
    let mut rows: Vec<Vec<u32>> = Vec::with_capacity(n + 1);
    rows.push(vec![0; budget + 1]);
    for last in 0..n {
        let mut row = vec![u32::MAX; budget + 1];
        for (v, pieces) in row.iter_mut().enumerate() {
            let served = if from[last] <= last { rows[from[last]][v].saturating_add(1) } else { u32::MAX };
            let left_out = if v > 0 { rows[last][v - 1] } else { u32::MAX };
            *pieces = served.min(left_out);
        }
        rows.push(row);
    }
    u64::from(rows[n].iter().copied().min().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a line of any of many slopes and heights stays within epsilon.
    fn by_trial(points: &[(f64, f64)], epsilon: f64) -> bool {
        (-400..=400).map(|s| f64::from(s) * 0.01).any(|slope| {
            let rest = points.iter().map(|(t, x)| x - slope * t);
            let (low, high) = rest.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), r| (l.min(r), h.max(r)));
            high - low <= 2.0 * epsilon + 1e-9
        })
    }

    #[test]
    fn a_line_is_found_exactly_where_there_is_one() {
        let mut rng = crate::rng::Rng::new(5);
        let (mut yes, mut no) = (0, 0);
        for _ in 0..300 {
            let slopes = Slopes { low: f64::NEG_INFINITY, high: f64::INFINITY };
            let mut series = Series { identity: 0, stay: 0, points: Vec::new(), slopes };
            let mut points: Vec<(f64, f64)> = Vec::new();
            for t in (0..12).rev() {
                let x = f64::from(t) * 0.8 + rng.between(-2.5, 2.5);
                points.push((f64::from(t), x));
                let fits = series.add(f64::from(t), x, 1.5);
                if fits != by_trial(&points, 1.5) {
                    // The trial's slopes are a hundredth apart: only a hair's breadth may be decided otherwise.
                    assert!(series.slopes.high - series.slopes.low < 0.01 && fits, "{points:?}");
                }
                (yes, no) = (yes + u32::from(fits), no + u32::from(!fits));
                if !fits {
                    break;
                }
            }
        }
        assert!(yes > 100 && no > 100, "{yes} {no}");
    }
}
