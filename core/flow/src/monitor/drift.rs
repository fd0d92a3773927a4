//! Whether a distribution is another one than its reference: the population stability index as a chi-square test.
//! **Invariant:** a verdict needs enough sessions, significance and an effect; none depends on data size alone.
//! It does not collect observations and does not act.

/// What drifts. Each is found by its own tests, so that an alert says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DriftKind {
    /// The inputs: a feature's distribution.
    Data,
    /// The outputs: the distribution of scores or classes. Its cause may be either of the others.
    Prediction,
    /// What an input means: outcomes are no longer what the calibrated probabilities say. Needs labels.
    Concept,
}

/// What a test says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Too few observations to say anything.
    #[default]
    InsufficientData,
    /// Nothing that chance would not do.
    Stable,
    /// Significant, and small.
    Warn,
    /// Significant, and large enough to matter.
    Drift,
}

/// One metric as it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Its value, in the metric's unit.
    pub value: f64,
    /// How many observations it rests on.
    pub observations: u32,
    /// What the metric's test says; for a metric that is no test, whether there is enough to read it.
    pub verdict: Verdict,
}

impl Reading {
    /// A reading of a metric without a test.
    pub(crate) const fn plain(value: f64, observations: u32, enough: u32) -> Self {
        let verdict = if observations < enough { Verdict::InsufficientData } else { Verdict::Stable };
        Self { value, observations, verdict }
    }
}

/// The share of windows without drift that may alarm, over all tests of a card together: the customary 1%.
pub const FALSE_ALARM: f64 = 0.01;
/// What is significant and under this is no drift: an index of 0.02 is a mean that moved by 0.14 deviations.
const FLOOR: f64 = 0.02;
/// From here on a significant change matters: the customary bound between small and moderate (0.25 is large).
const MATTERS: f64 = 0.10;
/// Expected counts of a chi-square test are at least this for each bin on average (Cochran 1954).
const EACH_BIN: u32 = 5;

/// The population stability index of two histograms with the same bins: Σ (p − q) ln(p / q).
///
/// Half an observation of the smaller sample is added to each bin, and as large a share of the larger one, so that bins
/// which are empty in both add nothing.
///
/// # Source
/// Yurdakul and Naranjo, "Statistical Properties of the Population Stability Index", 2020.
pub fn psi(live: &[u32], reference: &[u32]) -> f64 {
    let total = |counts: &[u32]| counts.iter().map(|n| f64::from(*n)).sum::<f64>();
    let (n, m) = (total(live), total(reference));
    if n == 0.0 || m == 0.0 {
        return 0.0;
    }
    let least = n.min(m);
    let (a, b) = (0.5 * n / least, 0.5 * m / least);
    let bins = live.len().min(reference.len()) as f64;
    live.iter().zip(reference).fold(0.0, |sum, (l, r)| {
        let p = (f64::from(*l) + a) / (n + a * bins);
        let q = (f64::from(*r) + b) / (m + b * bins);
        sum + (p - q) * libm::log(p / q)
    })
}

/// The test of one histogram among `tests` of a card.
///
/// Under no drift the index times `1 / (1/n + 1/m)` is about chi-square with one degree of freedom fewer than bins, where
/// observations are independent. Of observations that are alike, `inflation` count as one.
pub(crate) fn judge(
    live: &[u32],
    reference: &[u32],
    inflation: f64,
    min_sessions: u32,
    tests: usize,
) -> Reading {
    let total = |counts: &[u32]| counts.iter().fold(0_u32, |sum, n| sum.saturating_add(*n));
    let (n, m) = (total(live), total(reference));
    let used = reference.iter().filter(|n| **n > 0).count();
    let value = psi(live, reference);
    let least = min_sessions.max(EACH_BIN.saturating_mul(used as u32));
    if n.min(m) < least || used == 0 {
        return Reading { value, observations: n, verdict: Verdict::InsufficientData };
    }
    let alpha = FALSE_ALARM / tests.max(1) as f64;
    let degrees = used.saturating_sub(1).max(1) as f64;
    let chance = inflated(degrees, inflation, alpha) * (1.0 / f64::from(n) + 1.0 / f64::from(m));
    let verdict = if value <= chance.max(FLOOR) {
        Verdict::Stable
    } else if value < MATTERS {
        Verdict::Warn
    } else {
        Verdict::Drift
    };
    Reading { value, observations: n, verdict }
}

/// The value that a sum of `degrees` squared normal variables, of mean variance `inflation`, exceeds with chance `alpha`.
///
/// How the inflation is spread over them is not known. It is taken to lie in one direction alone, as that of a slowly
/// moving mean nearly does: no other spread of variances from 1 on has a heavier tail by its second moment.
///
/// # Source
/// Satterthwaite 1946, as in Rao and Scott 1981: a chi-square variable with the same mean and variance.
fn inflated(degrees: f64, inflation: f64, alpha: f64) -> f64 {
    let most = 1.0 + degrees * (inflation - 1.0);
    let (sum, squares) = (degrees * inflation, most * most + degrees - 1.0);
    chi_square(sum * sum / squares, alpha) * squares / sum
}

/// The value that a chi-square variable exceeds with chance `alpha`.
///
/// # Source
/// Wilson and Hilferty 1931: the cube root is nearly normal. Within 1% for the degrees and chances used here.
pub(crate) fn chi_square(degrees: f64, alpha: f64) -> f64 {
    let a = 2.0 / (9.0 * degrees);
    let root = 1.0 - a + normal_quantile(alpha) * libm::sqrt(a);
    degrees * root * root * root
}

/// The value that a standard normal variable exceeds with chance `alpha`, by halving an interval.
fn normal_quantile(alpha: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if 0.5 * libm::erfc(middle / core::f64::consts::SQRT_2) > alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_tables() {
        for (degrees, alpha, table) in [
            (1.0, 0.01, 6.635),
            (9.0, 0.01, 21.666),
            (9.0, 0.05, 16.919),
            (4.0, 0.01, 13.277),
            (16.0, 0.001, 39.252),
        ] {
            let got = chi_square(degrees, alpha);
            assert!((got / table - 1.0).abs() < 0.01, "{degrees} {alpha}: {got}");
        }
    }

    #[test]
    fn the_index_is_nought_for_equals_and_grows_with_the_difference() {
        let even = [100; 10];
        assert!(psi(&even, &even).abs() < 1e-12);
        assert!(psi(&[10; 10], &[10_000; 10]).abs() < 1e-12);
        let tilted: [u32; 10] = core::array::from_fn(|i| 55 + 10 * i as u32);
        assert!(psi(&tilted, &even) > 0.05);
        // Bins that are empty in both say nothing, whatever the sizes.
        assert!(psi(&[0, 200, 200, 0], &[0, 50_000, 50_000, 0]).abs() < 1e-9);
    }

    #[test]
    fn few_sessions_give_no_verdict_and_many_with_little_effect_no_alarm() {
        let reference = [1_000; 10];
        assert_eq!(judge(&[4; 10], &reference, 1.0, 10, 1).verdict, Verdict::InsufficientData);
        assert_eq!(judge(&[6; 10], &reference, 1.0, 200, 1).verdict, Verdict::InsufficientData);
        assert_eq!(judge(&[6; 10], &reference, 1.0, 50, 1).verdict, Verdict::Stable);
        // A difference of 2% a bin is significant in a million, and does not matter.
        let off: [u32; 10] = core::array::from_fn(|i| if i % 2 == 0 { 102_000 } else { 98_000 });
        assert_eq!(judge(&off, &[1_000_000; 10], 1.0, 50, 1).verdict, Verdict::Stable);
        let far: [u32; 10] = core::array::from_fn(|i| if i < 5 { 10 } else { 40 });
        assert_eq!(judge(&far, &reference, 1.0, 50, 1).verdict, Verdict::Drift);
    }
}
