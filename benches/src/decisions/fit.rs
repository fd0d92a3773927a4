//! Calibrators fitted to labelled scores: temperature, Platt, beta, isotonic.
//! **Invariant:** a fit lowers the log loss at every step or stops; what it returns passes the engine's checks.
//! It does not choose between calibrators: `calibrate` does.

use inbetween_flow::Calibrator;

/// Scores nearer to 0 and 1 than this are taken as this, as the engine takes them.
const LEAST: f64 = 1e-7;
/// Newton steps at most; a logistic regression of three numbers needs a dozen.
const STEPS: usize = 200;
/// Halvings of one step at most.
const HALVINGS: usize = 40;
/// Added to the diagonal so that a flat direction has a step: LIBSVM's sigma, 1e-12, as a share of the rows.
const RIDGE: f64 = 1e-12;
/// The most points that a card takes of an isotonic calibrator.
pub const MOST_POINTS: usize = 256;
/// Points from which an isotonic fit is tried: below, its steps are noise (measured: worse than Platt at 100 rows and
/// about as good at 1,000).
pub const ISOTONIC_FROM: usize = 1000;

/// A score with what turned out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labelled {
    /// What the model said, from 0 to 1.
    pub score: f64,
    /// Whether the positive class was true.
    pub positive: bool,
}

/// One number: `σ(logit(s) / temperature)`, by least log loss. `None` when the score falls where labels rise.
pub fn temperature(rows: &[Labelled]) -> Option<Calibrator> {
    let x: Vec<[f64; 1]> = rows.iter().map(|r| [logit(r.score)]).collect();
    let t: Vec<f64> = rows.iter().map(|r| f64::from(r.positive)).collect();
    let [slope] = logistic(&x, &t, [1.0], Damping::On)?;
    sound(Calibrator::Temperature { temperature: 1.0 / slope })
}

/// Platt's two numbers, with his targets: no row is taken as certain, so that separable scores have a finite fit.
///
/// # Source
/// Platt 1999; the damped Newton step: Lin, Lin and Weng, "A note on Platt's probabilistic outputs for support vector
/// machines", Machine Learning 2007.
pub fn platt(rows: &[Labelled]) -> Option<Calibrator> {
    let positives = rows.iter().filter(|r| r.positive).count() as f64;
    let negatives = rows.len() as f64 - positives;
    let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let x: Vec<[f64; 2]> = rows.iter().map(|r| [logit(r.score), 1.0]).collect();
    let t: Vec<f64> = rows.iter().map(|r| if r.positive { high } else { low }).collect();
    let start = [0.0, ((positives + 1.0) / (negatives + 1.0)).ln()];
    let [slope, offset] = logistic(&x, &t, start, Damping::On)?;
    sound(Calibrator::Platt { a: -slope, b: -offset })
}

/// Three numbers: a logistic regression on `ln s` and `−ln(1 − s)` whose slopes are not negative.
pub fn beta(rows: &[Labelled]) -> Option<Calibrator> {
    let part = |r: &Labelled| {
        let s = r.score.clamp(LEAST, 1.0 - LEAST);
        (s.ln(), -(1.0 - s).ln())
    };
    let t: Vec<f64> = rows.iter().map(|r| f64::from(r.positive)).collect();
    let both: Vec<[f64; 3]> = rows.iter().map(|r| [part(r).0, part(r).1, 1.0]).collect();
    let [a, b, c] = logistic(&both, &t, [1.0, 1.0, 0.0], Damping::On)?;
    if a >= 0.0 && b >= 0.0 {
        return sound(Calibrator::Beta { a, b, c });
    }
    // The one that would turn the order round is left out, as the authors do.
    let one: Vec<[f64; 2]> =
        rows.iter().map(|r| [if a < 0.0 { part(r).1 } else { part(r).0 }, 1.0]).collect();
    let [slope, c] = logistic(&one, &t, [1.0, 0.0], Damping::On)?;
    let (a, b) = if a < 0.0 { (0.0, slope) } else { (slope, 0.0) };
    sound(Calibrator::Beta { a, b, c })
}

/// The monotone steps of least squared error, as a line through their ends.
///
/// # Source
/// Pool adjacent violators: Ayer et al. 1955; points as in scikit-learn's `IsotonicRegression`.
pub fn isotonic(rows: &[Labelled]) -> Option<Calibrator> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    // Blocks: first and last score, sum, weight.
    let mut blocks: Vec<(f64, f64, f64, f64)> = Vec::new();
    for group in sorted.chunk_by(|a, b| a.score == b.score) {
        let sum = group.iter().filter(|r| r.positive).count() as f64;
        blocks.push((group[0].score, group[0].score, sum, group.len() as f64));
        while let [.., (start, _, s0, w0), (_, end, s1, w1)] = blocks[..]
            && s0 / w0 >= s1 / w1
        {
            blocks.truncate(blocks.len() - 2);
            blocks.push((start, end, s0 + s1, w0 + w1));
        }
    }
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (start, end, sum, weight) in blocks {
        points.push((start, sum / weight));
        if end > start {
            points.push((end, sum / weight));
        }
    }
    // A card takes so many: inner points that lie nearest to the line of their neighbours go first.
    while points.len() > MOST_POINTS {
        let bend = |i: usize| {
            let ((x0, y0), (x, y), (x1, y1)) = (points[i - 1], points[i], points[i + 1]);
            (y - (y0 + (y1 - y0) * (x - x0) / (x1 - x0))).abs() * (x1 - x0)
        };
        let least = (1..points.len() - 1).min_by(|a, b| bend(*a).total_cmp(&bend(*b)))?;
        points.remove(least);
    }
    let (x, y) = points.into_iter().unzip();
    sound(Calibrator::Isotonic { x, y })
}

fn sound(calibrator: Calibrator) -> Option<Calibrator> {
    calibrator.validate().is_ok().then_some(calibrator)
}

/// The natural logit of a score, as the engine takes it.
pub fn logit(score: f64) -> f64 {
    let s = score.clamp(LEAST, 1.0 - LEAST);
    (s / (1.0 - s)).ln()
}

/// Whether a step is shortened until the loss falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damping {
    On,
    /// Only to show what happens without.
    #[cfg(test)]
    Off,
}

/// Logistic regression of targets from 0 to 1, by Newton's method. `None` when there is no row or no finite fit.
fn logistic<const D: usize>(
    rows: &[[f64; D]],
    targets: &[f64],
    start: [f64; D],
    damping: Damping,
) -> Option<[f64; D]> {
    if rows.is_empty() {
        return None;
    }
    let mut w = start;
    let mut loss = cross_entropy(rows, targets, &w);
    for _ in 0..STEPS {
        let (gradient, hessian) = derivatives(rows, targets, &w);
        if gradient.iter().all(|g| g.abs() < 1e-9 * rows.len() as f64) {
            break;
        }
        let Some(step) = solve(hessian, gradient) else { break };
        let slope: f64 = step.iter().zip(&gradient).map(|(s, g)| s * g).sum();
        let halvings = if damping == Damping::On { HALVINGS } else { 1 };
        let mut moved = false;
        for halving in 0..halvings {
            let share = 0.5_f64.powi(halving as i32);
            let next: [f64; D] = std::array::from_fn(|i| w[i] - share * step[i]);
            let next_loss = cross_entropy(rows, targets, &next);
            // Armijo's rule with LIBSVM's share of the slope.
            if damping != Damping::On || next_loss < loss - 1e-4 * share * slope {
                (w, loss, moved) = (next, next_loss, true);
                break;
            }
        }
        if !moved {
            break;
        }
    }
    w.iter().all(|x| x.is_finite()).then_some(w)
}

fn dot<const D: usize>(w: &[f64; D], x: &[f64; D]) -> f64 {
    w.iter().zip(x).map(|(w, x)| w * x).sum()
}

/// Sum of the cross entropies, without overflow.
fn cross_entropy<const D: usize>(rows: &[[f64; D]], targets: &[f64], w: &[f64; D]) -> f64 {
    rows.iter().zip(targets).fold(0.0, |sum, (x, t)| {
        let z = dot(w, x);
        sum + z.max(0.0) - t * z + (-z.abs()).exp().ln_1p()
    })
}

fn derivatives<const D: usize>(
    rows: &[[f64; D]],
    targets: &[f64],
    w: &[f64; D],
) -> ([f64; D], [[f64; D]; D]) {
    let mut gradient = [0.0; D];
    let mut hessian = [[0.0; D]; D];
    for (x, t) in rows.iter().zip(targets) {
        let p = 1.0 / (1.0 + (-dot(w, x)).exp());
        for i in 0..D {
            gradient[i] += (p - t) * x[i];
            for j in 0..D {
                hessian[i][j] += p * (1.0 - p) * x[i] * x[j];
            }
        }
    }
    for (i, row) in hessian.iter_mut().enumerate() {
        row[i] += RIDGE * rows.len() as f64;
    }
    (gradient, hessian)
}

/// Gaussian elimination with pivots.
fn solve<const D: usize>(mut a: [[f64; D]; D], mut b: [f64; D]) -> Option<[f64; D]> {
    for k in 0..D {
        let pivot = (k..D).max_by(|i, j| a[*i][k].abs().total_cmp(&a[*j][k].abs()))?;
        a.swap(k, pivot);
        b.swap(k, pivot);
        if a[k][k].abs() < 1e-300 {
            return None;
        }
        for i in k + 1..D {
            let factor = a[i][k] / a[k][k];
            let row = a[k];
            for (to, from) in a[i].iter_mut().zip(row).skip(k) {
                *to -= factor * from;
            }
            b[i] -= factor * b[k];
        }
    }
    for k in (0..D).rev() {
        let rest: f64 = (k + 1..D).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - rest) / a[k][k];
    }
    b.iter().all(|x| x.is_finite()).then_some(b)
}

#[cfg(test)]
mod tests {
    use inbetween_sim::rng::Rng;

    use super::*;
    use crate::decisions::losses::log_loss;

    /// Rows whose probability is a sigmoid of the score's logit.
    fn rows(n: usize, slope: f64, offset: f64, scale: f64, seed: u64) -> Vec<Labelled> {
        let mut rng = Rng::new(seed);
        (0..n)
            .map(|_| {
                let z = scale * (2.0 * rng.unit() - 1.0);
                let p = 1.0 / (1.0 + (-(slope * z + offset)).exp());
                Labelled { score: 1.0 / (1.0 + (-z).exp()), positive: rng.unit() < p }
            })
            .collect()
    }

    #[test]
    fn parameters_are_found_again() {
        let rows = rows(40_000, 0.5, -1.0, 6.0, 1);
        let Some(Calibrator::Platt { a, b }) = platt(&rows) else { panic!() };
        assert!((a + 0.5).abs() < 0.02 && (b - 1.0).abs() < 0.05, "{a} {b}");
        let Some(Calibrator::Beta { a, b, c }) = beta(&rows) else { panic!() };
        assert!((a - 0.5).abs() < 0.05 && (b - 0.5).abs() < 0.05 && (c + 1.0).abs() < 0.1, "{a} {b} {c}");
        let centred = self::rows(40_000, 0.5, 0.0, 6.0, 2);
        let Some(Calibrator::Temperature { temperature }) = temperature(&centred) else { panic!() };
        assert!((temperature - 2.0).abs() < 0.1, "{temperature}");
    }

    #[test]
    fn an_undamped_step_diverges_where_a_damped_one_does_not() {
        // Confident scores that are often wrong. From the scores as they are, where the curve is flat for most rows, a full
        // step goes too far, to where it is flat for all.
        let mut diverged = 0;
        for seed in 0..20 {
            let rows = rows(100, 0.15, -3.0, 16.0, seed);
            let x: Vec<[f64; 2]> = rows.iter().map(|r| [logit(r.score), 1.0]).collect();
            let t: Vec<f64> = rows.iter().map(|r| f64::from(r.positive)).collect();
            let loss = |w: [f64; 2]| log_loss(&rows, |s| 1.0 / (1.0 + (-(w[0] * logit(s) + w[1])).exp()));
            let damped = loss(logistic(&x, &t, [1.0, 0.0], Damping::On).unwrap());
            let base = rows.iter().filter(|r| r.positive).count() as f64 / rows.len() as f64;
            let constant = log_loss(&rows, |_| base);
            assert!(damped <= constant + 1e-6, "seed {seed}: {damped} against {constant}");
            let undamped = logistic(&x, &t, [1.0, 0.0], Damping::Off).map_or(f64::INFINITY, loss);
            diverged += i32::from(undamped > damped + 0.5);
        }
        assert!(diverged > 0, "no seed shows it: the test has lost its teeth");
    }

    #[test]
    fn separable_scores_have_a_finite_fit() {
        let rows: Vec<Labelled> =
            (1..100).map(|i| Labelled { score: f64::from(i) / 100.0, positive: i > 50 }).collect();
        let Some(Calibrator::Platt { a, b }) = platt(&rows) else { panic!() };
        assert!(a.is_finite() && b.is_finite() && a < -1.0);
    }

    #[test]
    fn scores_that_fall_where_labels_rise_have_no_fit() {
        let rows = rows(2_000, -1.0, 0.0, 4.0, 3);
        assert_eq!(platt(&rows), None);
        assert_eq!(temperature(&rows), None);
        assert_eq!(platt(&[]), None);
    }

    #[test]
    fn isotonic_steps_pool_and_stay_within_what_a_card_takes() {
        let of = |pairs: &[(f64, bool)]| -> Vec<Labelled> {
            pairs.iter().map(|&(score, positive)| Labelled { score, positive }).collect()
        };
        let rows = of(&[(0.1, false), (0.2, true), (0.3, false), (0.4, true), (0.4, true)]);
        let Some(Calibrator::Isotonic { x, y }) = isotonic(&rows) else { panic!() };
        assert_eq!(x, [0.1, 0.2, 0.3, 0.4]);
        assert_eq!(y, [0.0, 0.5, 0.5, 1.0]);
        let many = self::rows(200_000, 1.0, 0.0, 6.0, 4);
        let Some(Calibrator::Isotonic { x, .. }) = isotonic(&many) else { panic!() };
        assert!(x.len() <= MOST_POINTS && x.len() > 50, "{}", x.len());
    }
}
