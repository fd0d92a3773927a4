//! Frames with truth and answers for the film strip, and the words of plans and sources.
//! **Invariant:** every word that a policy can say has a reading here or reads well as it is.
//! It does not judge: errors and violations come from the simulator's scorer.

use inbetween_flow::Rect;
use inbetween_sim::measure::{Fault, FrameMark, RefreshMark};

/// One answered or true box in a still.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// Where, in pixels of the upright frame.
    pub bounds: Rect,
    /// Who.
    pub identity: Option<u32>,
}

/// One frame of the film strip.
#[derive(Clone, Debug, PartialEq)]
pub struct Still {
    /// The picture as JPEG.
    pub jpeg: Vec<u8>,
    /// Upright width of the frame, in pixels.
    pub width: u32,
    /// Upright height of the frame, in pixels.
    pub height: u32,
    /// What is true at the display time.
    pub truth: Vec<Mark>,
    /// What was answered.
    pub answer: Vec<Mark>,
    /// The refresh that it shows.
    pub refresh: RefreshMark,
    /// What was decided for the newest frame at that time.
    pub plan: Option<FrameMark>,
}

/// A source in words that read well.
pub fn source_name(word: &'static str) -> &'static str {
    match word {
        "hold" => "held",
        "trend" => "extrapolated",
        "pixels" => "followed pixels",
        "warming-up" => "none yet",
        "too-old" => "none: too old",
        "unavailable" => "none",
        other => other,
    }
}

/// A reason to run or to skip in words that read well.
pub fn reason_name(word: &'static str) -> &'static str {
    match word {
        "forecast" => "forecast error",
        "residual" => "residual of a track",
        "birth" => "unexplained change",
        "cut" => "scene cut",
        "nth" => "its turn",
        "within-tolerance" => "within tolerance",
        "in-flight" => "a run is under way",
        "deadline" => "would miss its deadline",
        "budget" => "duty budget spent",
        "cache-hit" => "same input as before",
        "model-failing" => "model failing",
        "repeated-frame" => "repeated frame",
        "late-frame" => "late frame",
        "not-nth" => "not its turn",
        "worker-busy" => "worker busy",
        "refused" => "breaks the contract",
        other => other,
    }
}

/// A violated clause in words.
pub const fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::Off => "error above the tolerance",
        Fault::Missing => "an object without an answer",
        Fault::Identity => "another identity than before",
        Fault::Ghost => "an answer without an object",
        Fault::Unavailable => "no answer",
    }
}
