//! Calibrators: from what a model says to a probability that can be believed.
//! **Invariant:** every calibrator that passes its check is monotone, so it never changes which event is likelier.
//! It does not fit and does not apply them: the harness fits, the engine applies.

use serde::Deserialize;

use super::HeadSpec;
use crate::check::Faults;

/// The most steps of an isotonic calibrator; more would only repeat the training data.
const MAX_STEPS: usize = 256;

/// From the score of the positive class to its probability.
///
/// # Units
/// Where a logit is named, it is `ln(p / (1 − p))` of the score `p`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Calibrator {
    /// `sigmoid(logit / temperature)`.
    ///
    /// # Source
    /// Guo et al., On calibration of modern neural networks, ICML 2017.
    Temperature(Temperature),
    /// `1 / (1 + exp(a · logit + b))`.
    ///
    /// # Source
    /// Platt, Probabilistic outputs for support vector machines, 1999.
    Platt(Platt),
    /// `1 / (1 + 1 / (exp(c) · p^a / (1 − p)^b))`.
    ///
    /// # Source
    /// Kull et al., Beta calibration, AISTATS 2017.
    Beta(Beta),
    /// Straight lines between points.
    ///
    /// # Source
    /// Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates, KDD 2002.
    Isotonic(Isotonic),
}

/// One number that softens or sharpens.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Temperature {
    /// Divisor of the logit.
    pub temperature: f32,
}

/// A logistic curve over the logit.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Platt {
    /// Slope: below 0, in Platt's sign.
    pub a: f32,
    /// Intercept.
    pub b: f32,
}

/// A curve that can bend at both ends differently.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Beta {
    /// Power of `p`.
    pub a: f32,
    /// Power of `1 − p`.
    pub b: f32,
    /// Shift.
    pub c: f32,
}

/// A monotone curve through points.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Isotonic {
    /// Scores, rising.
    pub x: Vec<f32>,
    /// Their probabilities, never falling.
    pub y: Vec<f32>,
}

impl Calibrator {
    pub(crate) fn check(&self, at: &str, head: &HeadSpec, f: &mut Faults) {
        let path = |field: &str| format!("{at}.{field}");
        f.need(
            matches!(head, HeadSpec::Classification(_)),
            path("kind"),
            "left out: only a classification head gives probabilities to calibrate",
        );
        match self {
            Self::Temperature(t) => {
                let sound = t.temperature.is_finite() && t.temperature > 0.0;
                f.need(sound, path("temperature"), "finite and above 0");
            }
            Self::Platt(p) => {
                f.need(
                    p.a.is_finite() && p.a < 0.0,
                    path("a"),
                    "finite and below 0: a likelier score means more",
                );
                f.need(p.b.is_finite(), path("b"), "finite");
            }
            Self::Beta(b) => {
                f.need(b.a.is_finite() && b.a >= 0.0, path("a"), "finite and not negative");
                f.need(
                    b.b.is_finite() && b.b >= 0.0 && b.a + b.b > 0.0,
                    path("b"),
                    "finite, not negative, and above 0 where a is 0",
                );
                f.need(b.c.is_finite(), path("c"), "finite");
            }
            Self::Isotonic(i) => {
                f.need(
                    (2..=MAX_STEPS).contains(&i.x.len()) && i.x.is_sorted_by(|a, b| a < b) && within(&i.x),
                    path("x"),
                    "2 to 256 scores from 0 to 1, each above the one before",
                );
                f.need(
                    i.y.len() == i.x.len() && i.y.is_sorted() && within(&i.y),
                    path("y"),
                    "as many probabilities as x has scores, from 0 to 1, none below the one before",
                );
            }
        }
    }
}

fn within(values: &[f32]) -> bool {
    values.iter().all(|v| (0.0..=1.0).contains(v))
}
