//! Where answers come from: results are admitted at their capture time and carried to the display time.
//! **Invariant:** answering changes nothing and allocates nothing in steady state; time is in seconds, never in frames.
//! It does not look at pixels (that is `gate`) and does not decide when to run (that is `schedule`).
//!
//! | kind | between two results | beyond the newest | error, in the unit of `epsilon` | uncertainty |
//! |---|---|---|---|---|
//! | scalar, vector | monotone Hermite | level with damped trend, clamped to the range seen | largest difference | Kalman variance |
//! | boxes | Hermite on centre and log-size | pixels, else constant velocity and damped log-size | worst corner, pixels | variance, and what pixels drift |
//! | keypoints | Hermite for each point | pixels around some points, constant velocity or held: what has been best | worst visible point, pixels | as boxes |
//! | probabilities | log-ratios | decay to what is usual | total variation | back-tests, widening |
//! | label | step | hold; a sequential test changes it | 0 or 1 | hazard of a change |
//! | rotation | slerp | constant angular velocity, damped | angle, degrees | three-vector error state |
//! | embedding | normalised lerp | hold | cosine distance | quantile of back-tests by age |
//! | mask | blend of signed distances | moved and scaled with the pixels of its region, else with its trend | distance of 95% of the boundaries, pixels | variance, and what back-tests of the shape show by age |
//!
//! A correction within the tolerance is shown over a tenth of a second, a larger one at once. A trend that is no larger
//! than its noise moves nothing.

mod ageing;
mod anchors;
mod associate;
mod boxes;
mod choice;
mod distance;
mod edges;
mod embedding;
mod form;
mod gain;
mod history;
mod interpolate;
mod kalman;
mod keypoints;
mod label;
mod mask;
mod path;
mod rotation;
mod series;
mod simplex;
#[cfg(test)]
mod tests;
mod track;
mod trust;

use alloc::{boxed::Box, vec::Vec};

use self::{
    boxes::Boxes, embedding::Embeddings, form::Form, keypoints::Keypoints, label::Labels, mask::Masks,
    rotation::Rotations, series::Series, simplex::Simplex,
};
use crate::{
    answer::Carry,
    config::{DisplayMode, Tolerance},
    gate::{Fit, FitState, Target},
    geometry::{Point, Rect},
    ingredient::Ingredients,
    time::Timestamp,
    value::{Value, ValueKind},
};

/// How a fresh result compares with what would have been answered for its capture time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Backtest {
    /// The largest error over what was answered and shown by the result, in the unit of the tolerance, without what
    /// the model's own learnt noise explains of the difference (which is no error of the answer); `None` when there
    /// was no earlier result.
    pub error: Option<f32>,
    /// Objects in the result that no answer contained. Faint ones (score below 0.5) do not count.
    pub births: u32,
    /// Those of them that stand within their own size of the frame's edge.
    pub entered: u32,
    /// Objects that are no longer answered because of this result. Faint ones do not count.
    pub deaths: u32,
    /// From the newest evidence (result or followed pixels) strictly before the result's capture time to it,
    /// in seconds.
    pub horizon: f32,
    /// From the capture time of the result before to this one's, in seconds; 0 for the first and for a late one.
    pub age: f32,
}

/// How an answer was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Carried {
    /// `None` when it lies between two results.
    pub carry: Option<Carry>,
    /// Capture time of the newest result behind it.
    pub key_frame: Timestamp,
    /// Seconds from the newest evidence (result or followed pixels) to the time that is answered; 0 between results.
    /// With several tracks, that of the one whose evidence is oldest.
    pub horizon: f32,
    /// Standard deviation of the worst element's error by the source's own model, in the tolerance's unit.
    pub spread: f32,
    /// How many objects the newest result left in doubt, because it is the first that does not show them (or names
    /// another label than the one that is answered). The next result decides.
    pub doubtful: u32,
}

/// What the scheduler may want to know about one track or keypoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackState {
    /// The track's identity (or the keypoint's index).
    pub identity: u32,
    /// Where it is believed to be.
    pub bounds: Rect,
    /// Standard deviation of its error, in pixels.
    pub spread: f32,
    /// Seconds since its newest evidence.
    pub since_evidence: f32,
    /// What pixels last said about it since its key frame, if they did.
    pub fit: Option<FitState>,
    /// Whether the last result did not show it, or showed it once and faintly: the next one decides.
    pub doubtful: bool,
    /// The largest share of it that another track covers, from 0 to 1.
    pub covered: f32,
}

/// The carrier of one engine's value, from result to result.
///
/// # Example
/// ```
/// use core::time::Duration;
/// use inbetween_flow::{DisplayMode, Timestamp, Tolerance, Value, ValueKind, source::Carrier};
///
/// let tolerance = Tolerance { epsilon: 1.0, miss_rate: 0.02, grace: Duration::ZERO };
/// let mut carrier = Carrier::new(ValueKind::Scalar, &tolerance, DisplayMode::Predict);
/// for i in 0..20 {
///     carrier.admit(Timestamp::from_millis(i * 100), &Value::Scalar(2.0 * i as f32));
/// }
/// let mut value = Value::empty(ValueKind::Scalar);
/// carrier.answer(Timestamp::from_millis(1950), &mut value);
/// assert!(matches!(value, Value::Scalar(x) if (x - 39.0).abs() < 0.2));
/// ```
#[derive(Debug)]
pub struct Carrier {
    kind: ValueKind,
    form: Box<dyn Form>,
}

impl Carrier {
    /// A carrier for values of `kind`. With [`DisplayMode::Delayed`], [`Carrier::answer`] is asked for the display
    /// time less the delay; the carrier needs to know how far back that is.
    pub fn new(kind: ValueKind, tolerance: &Tolerance, mode: DisplayMode) -> Self {
        let epsilon = tolerance.epsilon;
        let delay = match mode {
            DisplayMode::Predict => 0.0,
            DisplayMode::Delayed(d) => d.as_secs_f32(),
        };
        let form: Box<dyn Form> = match kind {
            ValueKind::Scalar | ValueKind::Vector => Box::new(Series::new(epsilon, delay)),
            ValueKind::Boxes => Box::new(Boxes::new(epsilon, delay)),
            ValueKind::Keypoints => Box::new(Keypoints::new(epsilon, delay)),
            ValueKind::Probabilities => Box::new(Simplex::new(epsilon, delay)),
            ValueKind::Label => Box::new(Labels::new(delay)),
            ValueKind::Rotation => Box::new(Rotations::new(epsilon, delay)),
            ValueKind::Embedding => Box::new(Embeddings::new(epsilon, delay)),
            ValueKind::Mask => Box::new(Masks::new(epsilon, delay)),
        };
        Self { kind, form }
    }

    /// This carrier without some of its ingredients, for measurement only.
    #[must_use]
    pub fn without(mut self, ingredients: Ingredients) -> Self {
        self.form.without(ingredients);
        self
    }

    /// Takes where frames end, in upright pixels. A model sees objects only up to there: boxes that touch an edge are
    /// completed, and answers are clipped. Without it boxes are taken as they are.
    pub fn set_frame(&mut self, frame: Rect) {
        if frame.is_valid() && frame.area() > 0.0 {
            self.form.set_frame(frame);
        }
    }

    /// Takes the model's `value` for the frame captured at `captured` and judges what would have been answered.
    /// A result older than the newest one corrects nothing and is only judged; one of another kind, or with a
    /// number that is not finite, is ignored.
    pub fn admit(&mut self, captured: Timestamp, value: &Value) -> Backtest {
        if value.kind() != self.kind || value.fault().is_some() {
            return Backtest::default();
        }
        self.form.admit(captured, value)
    }

    /// What to follow on the key frame of the newest result: one target per track (or keypoint), in key-frame
    /// position, with the motion since then that is already known. `background` is the guess for what has no
    /// motion of its own.
    pub fn targets(&self, background: Point, out: &mut Vec<Target>) {
        out.clear();
        self.form.targets(background, out);
    }

    /// Takes where the pixels of frame `captured` say that the targets are, relative to the key frame of the
    /// newest result. Do not call it with fits against an older key frame.
    pub fn follow(&mut self, captured: Timestamp, fits: &[Fit]) {
        self.form.follow(captured, fits);
    }

    /// Whether these fits show something else than the key frame of the newest result: any object, or most of a surface.
    pub fn lost(&self, fits: &[Fit]) -> bool {
        self.form.lost(fits)
    }

    /// Writes the value for time `at` into `out`, reusing its memory. `None` while there is no result, and with a
    /// delayed display for times before the first result.
    pub fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        if out.kind() != self.kind {
            *out = Value::empty(self.kind);
        }
        self.form.answer(at, out)
    }

    /// A copy that answers as this one does, and is good for nothing else.
    #[must_use]
    pub fn for_answers(&self) -> Self {
        Self { kind: self.kind, form: self.form.for_answers() }
    }

    /// The spread of an answer for `at`, if pixels go on to be followed until `horizon` seconds before it. This is
    /// what a run can improve: errors of extrapolation beyond the newest frame stay, however often the model runs.
    /// `None` where answers do not follow pixels, or while there is no result.
    pub fn outlook(&self, at: Timestamp, horizon: f32) -> Option<f32> {
        self.form.outlook(at, horizon)
    }

    /// What is followed and how well, at time `at`.
    pub fn tracks(&self, at: Timestamp, out: &mut Vec<TrackState>) {
        out.clear();
        self.form.tracks(at, out);
    }

    /// Forgets everything; identities are not used again.
    pub fn reset(&mut self) {
        self.form.reset();
    }
}

/// How answers beyond the newest result were made.
fn carry(pixels: bool, trend: bool) -> Carry {
    if pixels {
        Carry::Pixels
    } else if trend {
        Carry::Trend
    } else {
        Carry::Hold
    }
}
