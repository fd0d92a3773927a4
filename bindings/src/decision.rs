//! What the card's costs make of an answer, and what waits for a person.
//! **Invariant:** the same numbers and choices as those of the facade.
//! It does not decide: `inbetween-flow` does.

use crate::{rung::Rung, time};

/// What is done about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Action {
    /// Nothing is done: allow, hide, let pass.
    Negative,
    /// What the decision is about is done: act, show, stop.
    Positive,
    /// A person is asked.
    Review,
}

impl From<inbetween::Action> for Action {
    fn from(action: inbetween::Action) -> Self {
        match action {
            inbetween::Action::Negative => Self::Negative,
            inbetween::Action::Positive => Self::Positive,
            inbetween::Action::Review => Self::Review,
        }
    }
}

/// What is decided on an answer, when the card says what mistakes cost.
///
/// # Units
/// `expected_cost` is in the unit of the card's costs.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
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

impl From<inbetween::Decision> for Decision {
    fn from(d: inbetween::Decision) -> Self {
        Self {
            action: d.action.into(),
            meanwhile: d.meanwhile.into(),
            probability: d.probability,
            expected_cost: d.expected_cost,
            rung: d.rung.into(),
        }
    }
}

/// One answer that a person should look at.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
pub struct ReviewItem {
    /// Capture time of the frame, or the event's own time.
    pub captured_nanos: i64,
    /// What was decided.
    pub decision: Decision,
    /// What is expected to be lost if nobody looks: the cost of the automatic action less that of a review.
    pub saves: f64,
}

impl From<inbetween::ReviewItem> for ReviewItem {
    fn from(item: inbetween::ReviewItem) -> Self {
        Self { captured_nanos: time::nanos(item.captured), decision: item.decision.into(), saves: item.saves }
    }
}
