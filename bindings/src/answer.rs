//! Answers as they cross the border: one record for each refresh.
//! **Invariant:** every field is the facade's, bit for bit; times are nanoseconds.
//! It does not carry a value that the engine would not show.

use crate::{decision::Decision, frame::Rect, time};

mirror! {
    /// How a predicted value was carried from its key frame to the display time.
    Carry = inbetween::Carry {
        /// Held as it was: no significant trend, nothing moved.
        Hold,
        /// Extrapolated along the trend of earlier results.
        Trend,
        /// Moved by following the key frame's pixels.
        Pixels,
    }
}

mirror! {
    /// Why an answer is worse than the card promises.
    Degraded = inbetween::Degraded {
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
        /// Other sessions that share the budget have their turn.
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
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Source {
    /// The model's own result for the newest frame.
    Model,
    /// An earlier result for exactly the same model input.
    Cached,
    /// Between two results (delayed display only).
    Interpolated,
    /// Beyond the last result.
    Predicted {
        /// How it was carried.
        carry: Carry,
    },
    /// The card's rule: a fixed value that needs no model.
    Rule,
    /// Nothing that may be shown.
    Unavailable,
    /// One that this version of the bindings has no name for.
    Other,
}

impl From<inbetween::Source> for Source {
    fn from(source: inbetween::Source) -> Self {
        match source {
            inbetween::Source::Model => Self::Model,
            inbetween::Source::Cached => Self::Cached,
            inbetween::Source::Interpolated => Self::Interpolated,
            inbetween::Source::Predicted(carry) => Self::Predicted { carry: carry.into() },
            inbetween::Source::Rule => Self::Rule,
            inbetween::Source::Unavailable => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

/// One box of a detector.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
pub struct DetectedBox {
    /// Where it is, in pixels of the upright frame.
    pub bounds: Rect,
    /// The model's confidence, from 0 to 1.
    pub score: f32,
    /// The class index of the model.
    pub class_index: u32,
    /// Who it is: stable while the object is followed.
    pub identity: Option<u32>,
}

/// One point of a landmark model, in pixels of the upright frame.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
pub struct Keypoint {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
    /// The model's belief that the point can be seen, from 0 to 1.
    pub visibility: f32,
}

/// What an answer says; its kind is the card's.
#[derive(Clone, Debug, PartialEq, uniffi::Enum)]
pub enum Value {
    /// One number.
    Scalar {
        /// The number.
        number: f32,
    },
    /// A fixed count of numbers.
    Vector {
        /// The numbers.
        numbers: Vec<f32>,
    },
    /// Boxes, in no promised order.
    Boxes {
        /// The boxes.
        boxes: Vec<DetectedBox>,
    },
    /// Points in the model's order.
    Keypoints {
        /// The points.
        points: Vec<Keypoint>,
    },
    /// A distribution: not negative, sums to one.
    Probabilities {
        /// One probability for each class.
        shares: Vec<f32>,
    },
    /// One class.
    Label {
        /// The class index of the model.
        class_index: u32,
        /// The model's confidence, from 0 to 1.
        score: f32,
    },
    /// How something is turned: a unit quaternion.
    Rotation {
        /// The real part.
        w: f32,
        /// Along x.
        x: f32,
        /// Along y.
        y: f32,
        /// Along z.
        z: f32,
    },
    /// A direction in a space of features: a vector of unit length.
    Embedding {
        /// The numbers.
        numbers: Vec<f32>,
    },
    /// The region of one thing, on a grid of cells.
    Mask {
        /// Where the grid lies, in pixels of the upright frame.
        bounds: Rect,
        /// Cells in a row.
        width: u16,
        /// Rows.
        height: u16,
        /// The share of each cell that is inside, from 0 to 255, row by row; a boundary is at 128.
        cells: Vec<u8>,
    },
    /// A kind that this version of the bindings has no name for.
    Other,
}

impl From<&inbetween::Value> for Value {
    fn from(value: &inbetween::Value) -> Self {
        match value {
            inbetween::Value::Scalar(number) => Self::Scalar { number: *number },
            inbetween::Value::Vector(numbers) => Self::Vector { numbers: numbers.clone() },
            inbetween::Value::Boxes(boxes) => {
                let boxes = boxes.iter().map(|b| DetectedBox {
                    bounds: b.bounds.into(),
                    score: b.score,
                    class_index: b.class,
                    identity: b.identity,
                });
                Self::Boxes { boxes: boxes.collect() }
            }
            inbetween::Value::Keypoints(points) => {
                let points =
                    points.iter().map(|k| Keypoint { x: k.at.x, y: k.at.y, visibility: k.visibility });
                Self::Keypoints { points: points.collect() }
            }
            inbetween::Value::Probabilities(shares) => Self::Probabilities { shares: shares.clone() },
            inbetween::Value::Label(l) => Self::Label { class_index: l.class, score: l.score },
            inbetween::Value::Rotation(q) => Self::Rotation { w: q.w, x: q.x, y: q.y, z: q.z },
            inbetween::Value::Embedding(numbers) => Self::Embedding { numbers: numbers.clone() },
            inbetween::Value::Mask(m) => Self::Mask {
                bounds: m.bounds.into(),
                width: m.width,
                height: m.height,
                cells: m.cells.clone(),
            },
            _ => Self::Other,
        }
    }
}

/// The answer for one display refresh.
///
/// # Units
/// `uncertainty` is in the unit of the card's `epsilon`.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Answer {
    /// The value; left out only when `source` is unavailable.
    pub value: Option<Value>,
    /// Where it came from.
    pub source: Source,
    /// Capture time of the key frame behind it; left out for a rule and for unavailable.
    pub key_frame_nanos: Option<i64>,
    /// Display time less the key frame's capture time.
    pub age_nanos: i64,
    /// How far the value was carried beyond the newest evidence (a result, or pixels that were followed).
    pub horizon_nanos: i64,
    /// The error that is exceeded with the card's `miss_rate`, by the engine's own forecast.
    pub uncertainty: f32,
    /// The engine's own belief that the error is within the card's tolerance at this display time.
    pub within_tolerance: bool,
    /// The variant of the model that gave the newest result behind it: 0 is the model itself.
    pub variant: u8,
    /// That variant's version, as the card states it.
    pub model_version: u32,
    /// Why the answer is worse than promised, when it is.
    pub degraded: Option<Degraded>,
    /// The result that a label belongs to; see `Session::handle_label`.
    pub prediction: Option<u64>,
    /// What is decided on it, when the card says what mistakes cost.
    pub decision: Option<Decision>,
}

impl From<&inbetween::Answer> for Answer {
    fn from(answer: &inbetween::Answer) -> Self {
        Self {
            value: answer.value.as_ref().map(Into::into),
            source: answer.source.into(),
            key_frame_nanos: answer.key_frame.map(time::nanos),
            age_nanos: time::span(answer.age),
            horizon_nanos: time::span(answer.horizon),
            uncertainty: answer.uncertainty,
            within_tolerance: answer.within_tolerance,
            variant: answer.variant,
            model_version: answer.model_version,
            degraded: answer.degraded.map(Into::into),
            prediction: answer.prediction.map(|p| p.0),
            decision: answer.decision.map(Into::into),
        }
    }
}
