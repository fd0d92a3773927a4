//! From a model's score to a probability that can be weighed against costs.
//! **Invariant:** a calibrator maps 0..=1 into 0..=1, never falls where the score rises, and is `None` for no number.
//! It does not fit anything: the harness does (`inbetween calibrate`), and the card carries the parameters.

use alloc::vec::Vec;

use crate::error::ConfigError;

/// Scores closer to 0 and 1 than this are taken as this: an `f32` probability cannot tell more, and its logit stays
/// finite.
const LEAST: f64 = 1e-7;

/// How a score becomes a probability.
///
/// # Units
/// Scores and probabilities are from 0 to 1; logits are natural.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Calibrator {
    /// The score is the probability.
    #[default]
    Identity,
    /// `σ(logit(s) / temperature)`: one parameter, keeps 0.5 where it is.
    ///
    /// # Source
    /// Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    Temperature {
        /// Above 1 makes less confident.
        temperature: f64,
    },
    /// `1 / (1 + exp(a · logit(s) + b))`; `a` is negative for a score that rises with the probability.
    ///
    /// # Source
    /// Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
    Platt {
        /// Slope, negative.
        a: f64,
        /// Offset.
        b: f64,
    },
    /// `σ(a · ln s − b · ln(1 − s) + c)`.
    ///
    /// # Source
    /// Kull, Silva Filho, Flach, "Beta calibration", AISTATS 2017.
    Beta {
        /// Slope near 0, not negative.
        a: f64,
        /// Slope near 1, not negative.
        b: f64,
        /// Offset.
        c: f64,
    },
    /// Straight lines between points, flat outside.
    ///
    /// # Source
    /// Zadrozny and Elkan, KDD 2002; with lines instead of steps, as scikit-learn does it.
    Isotonic {
        /// Scores, rising.
        x: Vec<f64>,
        /// Probabilities at them, never falling.
        y: Vec<f64>,
    },
}

impl Calibrator {
    /// The probability for a score; `None` for a score that is not from 0 to 1.
    ///
    /// # Example
    /// ```
    /// use inbetween_flow::Calibrator;
    ///
    /// let cooler = Calibrator::Temperature { temperature: 2.0 };
    /// let p = cooler.apply(0.9).unwrap();
    /// assert!((p - 0.75).abs() < 1e-9); // odds of 9 to 1 become 3 to 1
    /// assert_eq!(cooler.apply(f64::NAN), None);
    /// ```
    pub fn apply(&self, score: f64) -> Option<f64> {
        if !(0.0..=1.0).contains(&score) {
            return None;
        }
        let s = score.clamp(LEAST, 1.0 - LEAST);
        Some(match self {
            Self::Identity => score,
            Self::Temperature { temperature } => sigmoid(logit(s) / temperature),
            Self::Platt { a, b } => sigmoid(-(a * logit(s) + b)),
            Self::Beta { a, b, c } => sigmoid(a * libm::log(s) - b * libm::log(1.0 - s) + c),
            Self::Isotonic { x, y } => on_lines(x, y, score),
        })
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// The first one that cannot be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let (ok, field, must) = match self {
            Self::Identity => (true, "", ""),
            Self::Temperature { temperature } => (
                temperature.is_finite() && *temperature > 0.0,
                "calibrator.temperature",
                "finite and above 0",
            ),
            Self::Platt { a, b } => (
                a.is_finite() && *a <= 0.0 && b.is_finite(),
                "calibrator.a",
                "finite and not above 0 (a score that rises with the probability), and b finite",
            ),
            Self::Beta { a, b, c } => (
                [a, b].iter().all(|v| v.is_finite() && **v >= 0.0) && c.is_finite(),
                "calibrator.a",
                "finite and not negative, as must be b; and c finite",
            ),
            Self::Isotonic { x, y } => (
                !x.is_empty()
                    && x.len() == y.len()
                    && x.len() <= Self::MOST_POINTS
                    && x.windows(2).all(|w| w[0] < w[1])
                    && y.windows(2).all(|w| w[0] <= w[1])
                    && x.iter().chain(y).all(|v| (0.0..=1.0).contains(v)),
                "calibrator.x",
                "from 1 to 1024 rising numbers from 0 to 1, with as many in y that never fall",
            ),
        };
        if ok { Ok(()) } else { Err(ConfigError { field, must }) }
    }

    /// The most points of an isotonic calibrator: 16,384 bytes of them, so that memory is bounded.
    pub const MOST_POINTS: usize = 1024;
}

/// The value at `x0` of the line through the points.
fn on_lines(x: &[f64], y: &[f64], x0: f64) -> f64 {
    let at = x.partition_point(|x| *x <= x0);
    match (at.checked_sub(1), at < x.len()) {
        (None, _) => y.first().copied().unwrap_or(x0),
        (Some(i), false) => y[i],
        (Some(i), true) => y[i] + (y[at] - y[i]) * ((x0 - x[i]) / (x[at] - x[i])),
    }
}

/// `ln(p / (1 − p))`.
fn logit(p: f64) -> f64 {
    libm::log(p / (1.0 - p))
}

/// `1 / (1 + e^−x)`, without overflow.
fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + libm::exp(-x))
    } else {
        let e = libm::exp(x);
        e / (1.0 + e)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    fn any_calibrator() -> impl Strategy<Value = Calibrator> {
        let points = prop::collection::btree_set(0_u32..=1000, 1..20);
        prop_oneof![
            Just(Calibrator::Identity),
            (0.05..20.0).prop_map(|temperature| Calibrator::Temperature { temperature }),
            (-20.0..=0.0, -20.0..20.0).prop_map(|(a, b)| Calibrator::Platt { a, b }),
            (0.0..20.0, 0.0..20.0, -20.0..20.0).prop_map(|(a, b, c)| Calibrator::Beta { a, b, c }),
            (points, 0.0..1.0).prop_map(|(x, power)| {
                let x: Vec<f64> = x.into_iter().map(|x| f64::from(x) / 1000.0).collect();
                let y = x.iter().map(|x| libm::pow(*x, power)).collect();
                Calibrator::Isotonic { x, y }
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        #[test]
        fn a_sound_one_is_monotone_into_the_unit_interval(c in any_calibrator(), s in 0.0..=1.0, t in 0.0..=1.0) {
            prop_assert_eq!(c.validate(), Ok(()));
            let (low, high) = (f64::min(s, t), f64::max(s, t));
            let (p, q) = (c.apply(low).unwrap(), c.apply(high).unwrap());
            prop_assert!((0.0..=1.0).contains(&p) && (0.0..=1.0).contains(&q));
            prop_assert!(p <= q, "{c:?}: {low} -> {p}, {high} -> {q}");
        }
    }

    #[test]
    fn platt_with_slope_minus_one_changes_nothing() {
        for s in [0.001, 0.2, 0.5, 0.97] {
            let p = Calibrator::Platt { a: -1.0, b: 0.0 }.apply(s).unwrap();
            let q = Calibrator::Beta { a: 1.0, b: 1.0, c: 0.0 }.apply(s).unwrap();
            assert!((p - s).abs() < 1e-12 && (q - s).abs() < 1e-12);
        }
    }

    #[test]
    fn isotonic_is_flat_outside_its_points() {
        let c = Calibrator::Isotonic { x: vec![0.2, 0.4, 0.8], y: vec![0.1, 0.3, 0.3] };
        let at = |s| c.apply(s).unwrap();
        assert_eq!((at(0.0), at(0.2), at(0.4), at(0.9)), (0.1, 0.1, 0.3, 0.3));
        assert!((at(0.3) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn parameters_that_turn_the_order_round_are_refused() {
        for bad in [
            Calibrator::Temperature { temperature: 0.0 },
            Calibrator::Temperature { temperature: f64::NAN },
            Calibrator::Platt { a: 0.5, b: 0.0 },
            Calibrator::Beta { a: -0.1, b: 1.0, c: 0.0 },
            Calibrator::Isotonic { x: vec![0.3, 0.2], y: vec![0.1, 0.2] },
            Calibrator::Isotonic { x: vec![0.2, 0.3], y: vec![0.2, 0.1] },
            Calibrator::Isotonic { x: vec![0.2], y: vec![] },
            Calibrator::Isotonic { x: vec![], y: vec![] },
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_score_that_is_none_gives_no_probability() {
        for bad in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
            assert_eq!(Calibrator::Identity.apply(bad), None);
        }
    }
}
