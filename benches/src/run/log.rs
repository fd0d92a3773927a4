//! What one policy did on a video, before it is judged.
//! **Invariant:** everything is in the order of time; answers are copies of what was shown.
//! It does not know the truth: that is complete only when the last frame has been through the model.

use inbetween_flow::{Detection, Timestamp};
use inbetween_sim::{Shown, measure::FrameMark};

/// What was shown at one refresh.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// When it was seen.
    pub display: Timestamp,
    /// The boxes; `None` when nothing was shown.
    pub boxes: Option<Vec<Detection>>,
    /// Capture time of the key frame behind it.
    pub key_frame: Option<Timestamp>,
    /// The error that was expected.
    pub uncertainty: f32,
    /// Whether it believed itself within tolerance.
    pub within_tolerance: bool,
    /// Where it came from.
    pub source: &'static str,
}

impl Answered {
    /// A copy of what is shown at `display`.
    pub fn of(display: Timestamp, shown: &Shown<'_>) -> Self {
        Self {
            display,
            boxes: shown.detections.map(<[Detection]>::to_vec),
            key_frame: shown.key_frame,
            uncertainty: shown.uncertainty,
            within_tolerance: shown.within_tolerance,
            source: shown.source,
        }
    }
}

/// What one policy did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// Every frame with what was decided.
    pub frames: Vec<FrameMark>,
    /// Every refresh with what was shown.
    pub answers: Vec<Answered>,
    /// What each run took, in milliseconds.
    pub latencies_ms: Vec<f32>,
    /// Runs that were cancelled.
    pub cancelled: u64,
    /// Time spent in the policy itself, in nanoseconds; 0 when not measured.
    pub cpu_ns: u64,
    /// Time spent in the runs themselves, in nanoseconds; 0 when not measured.
    pub model_ns: u64,
}

impl Log {
    /// How many runs were started.
    pub fn runs(&self) -> u64 {
        self.frames.iter().filter(|f| f.run).count() as u64
    }
}
