//! What the display thread gets: a value, where it came from, how far it can be trusted.
//! **Invariant:** a value past the card's maximum age is never in an answer as anything but a fallback.
//! It does not compute anything: `source` and `engine` fill it.

use core::time::Duration;

use crate::{decision::Decision, time::Timestamp, value::Value};

/// The name of one admitted result, for the label that may come for it later. Counted up from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PredictionId(pub u64);

/// How a predicted value was carried from its key frame to the display time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Carry {
    /// Held as it was: no significant trend, nothing moved.
    Hold,
    /// Extrapolated along the trend of earlier results.
    Trend,
    /// Moved by following the key frame's pixels.
    Pixels,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The model's own result for the newest frame.
    Model,
    /// An earlier result, for exactly the same model input or for a picture that looks the same. Of the latter the age
    /// counts from the frame that the model saw.
    Cached,
    /// Between two results (delayed display only).
    Interpolated,
    /// Beyond the last result.
    Predicted(Carry),
    /// The card's rule: a fixed value that needs no model.
    Rule,
    /// Nothing that may be shown.
    Unavailable,
}

/// Why an answer is worse than the card promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Degraded {
    /// No result has arrived yet.
    WarmingUp,
    /// The newest result is older than the card's maximum age.
    TooOld,
    /// The error forecast is above the tolerance and a run is wanted or under way.
    ErrorForecast,
    /// A budget of the card (deadline, duty) forbids the runs that the tolerance needs.
    Budget,
    /// The device is too hot for them.
    Heat,
    /// The energy budget, or saving power, forbids them.
    Energy,
    /// Other engines that share the budget have their turn.
    Shared,
    /// The model fails; the circuit breaker is open.
    ModelFailing,
    /// The display time is before the newest results by more than can be answered.
    TooFarBack,
    /// The event lacks what a better rung of the ladder needs, or it is not as the card promises.
    Input,
    /// The card's response plan has taken the model out of use, after an alert.
    Response,
}

/// The answer for one display refresh.
///
/// # Units
/// `uncertainty` is in the unit of the card's `epsilon` (see [`crate::Tolerance::epsilon`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The value; `None` only when `source` is [`Source::Unavailable`].
    pub value: Option<Value>,
    /// Where it came from.
    pub source: Source,
    /// Capture time of the key frame behind it; `None` for a rule and for unavailable.
    pub key_frame: Option<Timestamp>,
    /// Display time less the key frame's capture time.
    pub age: Duration,
    /// How far the value was carried beyond the newest evidence (a result, or pixels that were followed).
    pub horizon: Duration,
    /// The error that is exceeded with the card's `miss_rate`, by the engine's own forecast.
    pub uncertainty: f32,
    /// The engine's own belief that the error is within the card's tolerance at this display time.
    pub within_tolerance: bool,
    /// The variant of the model that gave the newest result behind it: 0 is the model itself.
    pub variant: u8,
    /// That variant's model version, as the bundle states it.
    pub model_version: u32,
    /// The result that a label belongs to: the newest one behind it, or what the model said while the response plan keeps
    /// answers to the rule.
    pub prediction: Option<PredictionId>,
    /// Why the answer is worse than promised, when it is.
    pub degraded: Option<Degraded>,
    /// What to do about it, when the card says what that depends on.
    pub decision: Option<Decision>,
}

impl Answer {
    /// An answer that says that there is none, and why.
    pub const fn unavailable(why: Degraded, model_version: u32) -> Self {
        Self {
            value: None,
            source: Source::Unavailable,
            key_frame: None,
            age: Duration::ZERO,
            horizon: Duration::ZERO,
            uncertainty: f32::INFINITY,
            within_tolerance: false,
            variant: 0,
            model_version,
            prediction: None,
            degraded: Some(why),
            decision: None,
        }
    }
}
