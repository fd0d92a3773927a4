//! What is decided on an answer, and what the card says about it: the words of stage `decide`.
//! **Invariant:** a `DecideConfig` that `validate` accepts gives every probability one action.
//! It does not decide: stage `decide` does.

mod calibrate;
mod cost;

use alloc::vec::Vec;

use crate::{error::ConfigError, rung::Rung, time::Timestamp};

pub use self::{
    calibrate::Calibrator,
    cost::{Costs, Thresholds},
};

/// What is done about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing is done: allow, hide, let pass.
    Negative,
    /// What the decision is about is done: act, show, stop.
    Positive,
    /// A person is asked.
    Review,
}

/// What is decided on an answer.
///
/// # Units
/// `expected_cost` is in the unit of the card's costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// What is to be done.
    pub action: Action,
    /// What is to be done as long as nobody has reviewed it: `action`, unless that is a review.
    pub meanwhile: Action,
    /// The calibrated probability of the card's positive class.
    pub probability: f64,
    /// What `action` is expected to cost.
    pub expected_cost: f64,
    /// The rung of the ladder that the answer stands on.
    pub rung: Rung,
}

/// One answer that a person should look at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReviewItem {
    /// Capture time of the frame or event.
    pub captured: Timestamp,
    /// What was decided.
    pub decision: Decision,
    /// What is expected to be lost if nobody looks: the cost of the automatic action less that of a review.
    pub saves: f64,
}

/// People who review, and how much of it they can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReviewConfig {
    /// Reviews an hour that people manage.
    pub capacity_per_hour: f64,
    /// Items that wait at most, so that memory is bounded.
    pub queue: usize,
    /// The share of frames or events that is expected to need a review, from 0 to 1.
    pub expected_load: f64,
}

impl ReviewConfig {
    /// The longest queue, in items: some 300,000 bytes, and more than a team reviews in a day.
    pub const LONGEST_QUEUE: usize = 4096;
}

/// What the card says about decisions.
#[derive(Clone, Debug, PartialEq)]
pub struct DecideConfig {
    /// The class whose probability is decided on; of no matter for a scalar, which is the score itself.
    pub positive_class: u32,
    /// From scores to probabilities: for the model, then for its variants. A variant without one has scores that are
    /// taken as probabilities.
    pub calibrators: Vec<Calibrator>,
    /// What outcomes cost.
    pub costs: Costs,
    /// By how much a stream must cross a threshold before the action changes; independent events have no such state.
    pub hysteresis: f64,
    /// Who reviews; `None` where nobody does: then the costs have no review either.
    pub review: Option<ReviewConfig>,
}

impl DecideConfig {
    /// Decides on `positive_class` by `costs`, with scores taken as probabilities and no hysteresis.
    pub const fn new(positive_class: u32, costs: Costs) -> Self {
        Self { positive_class, calibrators: Vec::new(), costs, hysteresis: 0.0, review: None }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is out of range, with what it must be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.costs.validate()?;
        self.calibrators.iter().try_for_each(Calibrator::validate)?;
        let review = self.review.as_ref();
        let checks = [
            ((0.0..=0.5).contains(&self.hysteresis), "decision.hysteresis", "from 0 to 0.5"),
            (
                review.is_some() == self.costs.review.is_some(),
                "decision.review",
                "there where the costs have a review, and only there",
            ),
            (
                review.is_none_or(|r| r.capacity_per_hour.is_finite() && r.capacity_per_hour > 0.0),
                "decision.review.capacity_per_hour",
                "finite and above 0",
            ),
            (
                review.is_none_or(|r| (1..=ReviewConfig::LONGEST_QUEUE).contains(&r.queue)),
                "decision.review.queue",
                "from 1 to 4096",
            ),
            (
                review.is_none_or(|r| (0.0..=1.0).contains(&r.expected_load)),
                "decision.review.load",
                "from 0 to 1",
            ),
        ];
        match checks.into_iter().find(|(ok, ..)| !ok) {
            Some((_, field, must)) => Err(ConfigError { field, must }),
            None => Ok(()),
        }
    }
}
