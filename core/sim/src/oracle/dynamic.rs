//! The dynamic program over run times: the cheapest way through a table of expected violations.
//! **Invariant:** a schedule's violations are the sum of its edges' costs; more weight on violations never makes for more
//! of them, nor for fewer runs.
//! It does not know where the costs come from.

use super::course::{Course, EIGHTHS};

/// The costs of all intervals between three runs in a row: with the runs before last (`i`), last (`j`) and next (`k`),
/// the refreshes that violate while the result of `j` is what is newest.
pub(super) struct Table {
    candidates: usize,
    reach: usize,
    /// For each `j`, distance `j − i` (0: no `i`) and distance `k − j` (0: no `k`, to the end). Infinite: not allowed.
    costs: Vec<f32>,
    /// For each first run, the refreshes that violate before its result is there; later than one age cap none is.
    first: Vec<f32>,
}

/// A way through.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schedule {
    pub starts: Vec<usize>,
    pub violations: f64,
}

/// Least and most weight of a violating refresh, in runs: none is worth more than all runs of a scene.
const WEIGHTS: (f64, f64) = (1e-5, 1e5);
/// Halvings of that range, in its logarithm: to one part in 2^30.
const HALVINGS: u32 = 36;

impl Table {
    /// Fills the table: `violations(i, j, out)` gives, for every refresh of `j`'s window, the share of draws that
    /// violate with the results of `i` and `j`. Several estimates may be given; the best one of an interval counts.
    pub fn fill(
        course: &Course,
        mut violations: impl FnMut(Option<usize>, usize, &mut Vec<Vec<f32>>),
    ) -> Self {
        let (candidates, reach) = (course.candidates.len(), course.reach);
        let stride = reach + 1;
        let mut table = Self {
            candidates,
            reach,
            costs: vec![f32::INFINITY; candidates * stride * stride],
            first: Vec::with_capacity(candidates),
        };
        let mut shares: Vec<Vec<f32>> = Vec::new();
        let mut sums: Vec<f32> = Vec::new();
        let end = course.refreshes.len();
        for j in 0..candidates {
            let window = course.window(j);
            let own = &course.candidates[j].shown;
            let first =
                if j <= reach { mean(&own[1], |r| course.unavailable_before(r)) } else { f32::INFINITY };
            table.first.push(first);
            for back in 0..=reach.min(j) {
                let i = (back > 0).then(|| j - back);
                let cold = course.is_cold(i, j);
                if i.is_some_and(|i| !course.is_free(i, false, j)) {
                    continue;
                }
                violations(i, j, &mut shares);
                let at = (j * stride + back) * stride;
                for estimate in &shares {
                    // Refreshes that violate before each one, from the window's start on; all do beyond its end.
                    sums.clear();
                    sums.push(0.0);
                    for share in estimate {
                        sums.push(sums[sums.len() - 1] + share);
                    }
                    let until = |r: usize| {
                        let r = r.min(end);
                        let inside = r.clamp(window.start, window.end) - window.start;
                        sums[inside] + r.saturating_sub(window.end) as f32
                    };
                    let since = mean(&own[usize::from(cold)], until);
                    for ahead in 1..=reach.min(candidates - 1 - j) {
                        let k = j + ahead;
                        if !course.is_free(j, cold, k) {
                            continue;
                        }
                        let next = &course.candidates[k].shown[usize::from(course.is_cold(Some(j), k))];
                        let cost = &mut table.costs[at + ahead];
                        *cost = cost.min((mean(next, until) - since).max(0.0));
                    }
                    let cost = &mut table.costs[at];
                    *cost = cost.min((until(end) - since).max(0.0));
                }
            }
        }
        table
    }

    /// The cheapest schedule where each violating refresh costs as much as `weight` runs. Ties go to fewer violations.
    pub fn solve(&self, weight: f64) -> Schedule {
        let stride = self.reach + 1;
        let states = self.candidates * stride;
        // Least cost of having started `j` after `i`, and by which `i` before that.
        let mut cost = vec![f64::INFINITY; states];
        let mut from = vec![0_u16; states];
        for (j, first) in self.first.iter().enumerate() {
            cost[j * stride] = 1.0 + weight * f64::from(*first);
        }
        let mut best = (f64::INFINITY, 0);
        for j in 0..self.candidates {
            for back in 0..=self.reach.min(j) {
                let state = j * stride + back;
                let here = cost[state];
                if here == f64::INFINITY {
                    continue;
                }
                let edges = &self.costs[state * stride..(state + 1) * stride];
                let total = here + weight * f64::from(edges[0]);
                if total < best.0 {
                    best = (total, state);
                }
                for (ahead, edge) in edges.iter().enumerate().skip(1) {
                    if *edge < f32::INFINITY {
                        let next = (j + ahead) * stride + ahead;
                        let total = here + 1.0 + weight * f64::from(*edge);
                        if total < cost[next] {
                            (cost[next], from[next]) = (total, back as u16);
                        }
                    }
                }
            }
        }
        self.retrace(best.1, &from)
    }

    /// The schedule that ends in `state`.
    fn retrace(&self, mut state: usize, from: &[u16]) -> Schedule {
        let stride = self.reach + 1;
        let mut starts = Vec::new();
        let mut violations = f64::from(self.costs[state * stride]);
        loop {
            let (j, back) = (state / stride, state % stride);
            starts.push(j);
            if back == 0 {
                violations += f64::from(self.first[j]);
                break;
            }
            let before = (j - back) * stride + usize::from(from[state]);
            violations += f64::from(self.costs[before * stride + back]);
            state = before;
        }
        starts.reverse();
        Schedule { starts, violations }
    }

    /// The cheapest schedule with at most `budget` violations that some weight brings about; where none does, the one
    /// that violates least. Schedules in a dent of the lower hull of runs and violations are not found: runs may be too
    /// many by the distance of two neighbours on that hull, a few in a hundred.
    pub fn cheapest(&self, budget: f64) -> Schedule {
        let mut best = self.solve(WEIGHTS.1);
        if best.violations > budget {
            return best;
        }
        let (mut low, mut high) = (libm::log(WEIGHTS.0), libm::log(WEIGHTS.1));
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            let found = self.solve(libm::exp(middle));
            if found.violations <= budget {
                high = middle;
                if found.starts.len() <= best.starts.len() {
                    best = found;
                }
            } else {
                low = middle;
            }
        }
        best
    }
}

fn mean(refreshes: &[usize; EIGHTHS.len()], value: impl Fn(usize) -> f32) -> f32 {
    refreshes.iter().map(|r| value(*r)).sum::<f32>() / EIGHTHS.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Nine candidates, at most four steps apart, a third of the edges forbidden.
    fn random(seed: u64) -> Table {
        let (candidates, reach, mut rng) = (9, 4, Rng::new(seed));
        let stride = reach + 1;
        let mut costs = vec![f32::INFINITY; candidates * stride * stride];
        for j in 0..candidates {
            for back in 0..=reach.min(j) {
                for ahead in 0..=reach.min(candidates - 1 - j) {
                    let allowed = ahead == 0 || rng.unit() < 0.67;
                    let cost = (rng.unit() * 40.0 * (ahead as f64 / 4.0 + 0.3)) as f32;
                    if allowed {
                        costs[(j * stride + back) * stride + ahead] = cost.round();
                    }
                }
            }
        }
        let first =
            (0..candidates).map(|j| if j <= reach { 3.0 * j as f32 } else { f32::INFINITY }).collect();
        Table { candidates, reach, costs, first }
    }

    /// Every schedule that the table allows, with its violations.
    fn all(table: &Table) -> Vec<(usize, f64)> {
        let stride = table.reach + 1;
        let mut out = Vec::new();
        for subset in 1_u32..1 << table.candidates {
            let starts: Vec<usize> = (0..table.candidates).filter(|j| subset >> j & 1 == 1).collect();
            let mut sum = f64::from(table.first[starts[0]]);
            for (at, &j) in starts.iter().enumerate() {
                let back = if at == 0 { 0 } else { j - starts[at - 1] };
                let ahead = starts.get(at + 1).map_or(0, |k| k - j);
                let within = back <= table.reach && ahead <= table.reach;
                sum += if within {
                    f64::from(table.costs[(j * stride + back) * stride + ahead])
                } else {
                    f64::INFINITY
                };
            }
            if sum.is_finite() {
                out.push((starts.len(), sum));
            }
        }
        out
    }

    #[test]
    fn it_finds_what_trying_everything_finds() {
        for seed in 0..40 {
            let table = random(seed);
            let all = all(&table);
            for weight in [0.001, 0.03, 0.2, 1.0, 30.0] {
                let total = |(runs, violations): (usize, f64)| runs as f64 + weight * violations;
                let best = all.iter().copied().map(total).fold(f64::INFINITY, f64::min);
                let found = table.solve(weight);
                let cost = total((found.starts.len(), found.violations));
                assert!((cost - best).abs() < 1e-4, "seed {seed}, weight {weight}: {cost} {best}");
                assert!(
                    all.iter()
                        .any(|(runs, v)| *runs == found.starts.len() && (v - found.violations).abs() < 1e-3)
                );
            }
        }
    }

    #[test]
    fn more_weight_on_violations_never_makes_for_more_of_them_nor_for_fewer_runs() {
        for seed in 0..40 {
            let table = random(seed);
            let mut before = table.solve(1e-4);
            for step in 1..60 {
                let now = table.solve(1e-4 * libm::exp(0.25 * f64::from(step)));
                assert!(
                    now.violations <= before.violations + 1e-6 && now.starts.len() >= before.starts.len()
                );
                before = now;
            }
        }
    }

    #[test]
    fn the_cheapest_keeps_the_budget_and_is_on_the_hull() {
        for seed in 0..40 {
            let table = random(seed);
            let all = all(&table);
            let least = all.iter().map(|s| s.1).fold(f64::INFINITY, f64::min);
            for budget in [0.5 * least, least, least + 10.0, least + 40.0] {
                let found = table.cheapest(budget);
                let exact = all.iter().filter(|s| s.1 <= budget).map(|s| s.0).min();
                let Some(exact) = exact else {
                    assert!((found.violations - least).abs() < 1e-3, "infeasible: the least violations");
                    continue;
                };
                assert!(found.violations <= budget + 1e-3);
                assert!((exact..=exact + 2).contains(&found.starts.len()), "{} {exact}", found.starts.len());
            }
        }
    }
}
