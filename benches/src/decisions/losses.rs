//! How good probabilities are: log loss, Brier score, calibration error, and areas under curves.
//! **Invariant:** a probability of 0 or 1 that is wrong costs much, not infinitely much.
//! It does not know costs.

use super::fit::Labelled;

/// Probabilities are taken as no nearer to 0 and 1 than this: 16 nats are the most that a row can cost.
pub const LEAST: f64 = 1e-7;
/// Bins of equal width of the calibration error, as in Guo et al. 2017.
const BINS: usize = 15;

/// Mean negative log-likelihood of a row, in nats.
pub fn log_loss_of(row: &Labelled, p: f64) -> f64 {
    let p = p.clamp(LEAST, 1.0 - LEAST);
    if row.positive { -p.ln() } else { -(1.0 - p).ln() }
}

/// Mean log loss of what `probability` makes of the scores, in nats.
pub fn log_loss(rows: &[Labelled], probability: impl Fn(f64) -> f64) -> f64 {
    rows.iter().map(|r| log_loss_of(r, probability(r.score))).sum::<f64>() / rows.len() as f64
}

/// Mean squared error.
pub fn brier(rows: &[Labelled], probability: impl Fn(f64) -> f64) -> f64 {
    let square = |r: &Labelled| (probability(r.score) - f64::from(r.positive)).powi(2);
    rows.iter().map(square).sum::<f64>() / rows.len() as f64
}

/// Expected calibration error: the mean gap between probability and frequency over bins of equal width.
pub fn calibration_error(rows: &[Labelled], probability: impl Fn(f64) -> f64) -> f64 {
    let mut bins = [(0.0, 0.0); BINS];
    for r in rows {
        let p = probability(r.score);
        let bin = &mut bins[((p * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += p;
        bin.1 += f64::from(r.positive);
    }
    bins.iter().map(|(p, y)| (p - y).abs()).sum::<f64>() / rows.len() as f64
}

/// The probability that a positive row has a higher score than a negative one; half of ties. `None` without both.
pub fn ranking(rows: &[Labelled]) -> Option<f64> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    let (mut below, mut pairs) = (0.0, 0.0);
    for group in sorted.chunk_by(|a, b| a.score == b.score) {
        let positives = group.iter().filter(|r| r.positive).count() as f64;
        let negatives = group.len() as f64 - positives;
        pairs += positives * (below + 0.5 * negatives);
        below += negatives;
    }
    let positives = rows.len() as f64 - below;
    (positives > 0.0 && below > 0.0).then(|| pairs / (positives * below))
}

/// Mean precision over recalls, which does not hide behind a rare class as [`ranking`] does. `None` without positives.
pub fn average_precision(rows: &[Labelled]) -> Option<f64> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let (mut seen, mut found, mut sum) = (0.0, 0.0, 0.0);
    for group in sorted.chunk_by(|a, b| a.score == b.score) {
        let positives = group.iter().filter(|r| r.positive).count() as f64;
        seen += group.len() as f64;
        found += positives;
        sum += positives * found / seen;
    }
    (found > 0.0).then(|| sum / found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(pairs: &[(f64, bool)]) -> Vec<Labelled> {
        pairs.iter().map(|&(score, positive)| Labelled { score, positive }).collect()
    }

    #[test]
    fn areas_are_those_of_the_textbook() {
        // scikit-learn's own example: roc_auc_score 0.75, average_precision_score 0.8333.
        let r = rows(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]);
        assert_eq!(ranking(&r), Some(0.75));
        assert!((average_precision(&r).unwrap() - 0.833_333_333).abs() < 1e-8);
        assert_eq!(ranking(&rows(&[(0.5, true), (0.5, false)])), Some(0.5));
        assert_eq!(ranking(&rows(&[(0.5, true)])), None);
    }

    #[test]
    fn a_certain_error_costs_sixteen_nats() {
        let r = rows(&[(0.0, true)]);
        assert!((log_loss(&r, |s| s) - 16.118).abs() < 1e-3);
        assert_eq!(brier(&r, |s| s), 1.0);
        assert_eq!(calibration_error(&r, |s| s), 1.0);
    }
}
