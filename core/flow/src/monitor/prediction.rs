//! What of a value is watched, and what becomes of a label.
//! **Invariant:** a prediction has at most one score and one class, whatever its kind.
//! It does not keep values.

use crate::{
    decision::{Action, Decision},
    value::Value,
};

/// The truth for a prediction, as it became known.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Truth {
    /// The class that it was.
    Class(u32),
    /// The number that it was, for a scalar.
    Number(f32),
}

/// What became of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Labelled {
    /// It met its prediction.
    Joined {
        /// Whether that was wrong.
        wrong: bool,
    },
    /// Its prediction had expired.
    Expired,
    /// Its prediction was pushed out by newer ones, is labelled already, or never was.
    Unknown,
    /// A label of this kind says nothing about such a prediction.
    WrongKind,
    /// Nothing is watched: the configuration has no monitoring.
    Unwatched,
}

/// What of a value is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Prediction {
    /// A probability, a confidence or the number itself.
    pub score: Option<f32>,
    /// Whether the score is the probability of an outcome that a label can tell.
    pub probable: bool,
    pub class: Option<u32>,
    /// Whether it was taken for the positive class, where one is watched.
    pub positive: Option<bool>,
}

impl Prediction {
    /// Of a distribution: the likeliest class and its probability, or that of the positive class. Of boxes: the most
    /// confident one. Of keypoints: their mean visibility. Of a scalar: itself. Of the rest nothing. A decision's
    /// probability is calibrated, and its action says what was taken for positive: both come first.
    pub(super) fn of(value: &Value, positive: Option<u32>, decision: Option<&Decision>) -> Self {
        let plain = match value {
            Value::Probabilities(v) => {
                let best = v.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                let score = match positive {
                    Some(class) => v.get(class as usize).copied(),
                    None => best.map(|(_, p)| *p),
                };
                let class = best.map(|(i, _)| i as u32);
                Self { score, probable: score.is_some(), class, positive: None }
            }
            Value::Label(label) => {
                let score = match positive {
                    Some(class) if class != label.class => 1.0 - label.score,
                    _ => label.score,
                };
                Self { score: Some(score), probable: true, class: Some(label.class), positive: None }
            }
            Value::Boxes(boxes) => {
                let best = boxes.iter().max_by(|a, b| a.score.total_cmp(&b.score));
                let (score, class) = (best.map(|b| b.score), best.map(|b| b.class));
                Self { score, class, ..Self::default() }
            }
            Value::Keypoints(points) if !points.is_empty() => {
                let sum: f32 = points.iter().map(|p| p.visibility).sum();
                Self { score: Some(sum / points.len() as f32), ..Self::default() }
            }
            Value::Scalar(x) => Self { score: Some(*x), ..Self::default() },
            _ => Self::default(),
        };
        if positive.is_none() {
            return plain;
        }
        match decision {
            Some(decision) => Self {
                score: Some(decision.probability as f32),
                probable: true,
                positive: Some(decision.meanwhile == Action::Positive),
                ..plain
            },
            None => Self { positive: plain.score.filter(|_| plain.probable).map(|p| p >= 0.5), ..plain },
        }
    }

    /// The probability, by its own word, that the prediction is right.
    pub(super) fn right(&self) -> Option<f64> {
        let p = f64::from(self.score.filter(|_| self.probable)?);
        Some(if self.positive == Some(false) { 1.0 - p } else { p })
    }
}
