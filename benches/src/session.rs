//! What happened in one session, in the order of time, as the report draws it.
//! **Invariant:** times are seconds from the session's start and never fall within one list.
//! It does not judge: errors and violations come from whoever scored the session.

use inbetween_flow::{Answer, Carry, Degraded, Rect, Source};

/// What was decided for one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FramePlan {
    /// The model ran on it, and why, in a word of [`inbetween_sim::reason_of_run`] or of a baseline.
    Run(&'static str),
    /// It did not, and why.
    Skip(&'static str),
}

/// One camera frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameLog {
    /// Capture time.
    pub at: f64,
    /// What was decided.
    pub plan: FramePlan,
}

/// One model run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunLog {
    /// Capture time of its key frame.
    pub captured: f64,
    /// When it ended.
    pub completed: f64,
}

/// How a refresh broke the promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// An answer farther from the truth than the tolerance.
    Error,
    /// An object without an answer under its identity.
    Missing,
    /// An answer where nothing is.
    Ghost,
    /// No answer at all.
    Unavailable,
}

/// One display refresh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RefreshLog {
    /// Display time.
    pub at: f64,
    /// Where the answer came from, in a word of [`source_word`] or of a baseline.
    pub source: &'static str,
    /// The largest error of an object that counts; `None` when none has an answer.
    pub error: Option<f32>,
    /// How it broke the promise, if it did.
    pub breach: Option<Breach>,
    /// Whether the answer believed itself within tolerance.
    pub believed: bool,
    /// Age of the key frame, in milliseconds; `None` when nothing stands behind the answer.
    pub age_ms: Option<f32>,
}

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
    /// Display time.
    pub at: f64,
    /// The picture as JPEG.
    pub jpeg: Vec<u8>,
    /// Upright width of the frame, in pixels.
    pub width: u32,
    /// Upright height of the frame, in pixels.
    pub height: u32,
    /// What is true at that time.
    pub truth: Vec<Mark>,
    /// What was answered.
    pub answer: Vec<Mark>,
    /// The refresh that it shows.
    pub refresh: RefreshLog,
    /// What was decided for the frame.
    pub plan: Option<FramePlan>,
}

/// Everything that one policy did in one session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// Camera frames.
    pub frames: Vec<FrameLog>,
    /// Model runs.
    pub runs: Vec<RunLog>,
    /// Display refreshes.
    pub refreshes: Vec<RefreshLog>,
}

impl Session {
    /// Seconds from the start to the last event.
    pub fn seconds(&self) -> f64 {
        let frame = self.frames.last().map_or(0.0, |f| f.at);
        frame.max(self.refreshes.last().map_or(0.0, |r| r.at))
    }
}

/// The word for where an answer came from; the simulator uses the same ones.
pub const fn source_word(answer: &Answer) -> &'static str {
    match answer.source {
        Source::Model => "model",
        Source::Cached => "cached",
        Source::Interpolated => "interpolated",
        Source::Predicted(Carry::Hold) => "hold",
        Source::Predicted(Carry::Trend) => "trend",
        Source::Predicted(Carry::Pixels) => "pixels",
        Source::Rule => "rule",
        Source::Unavailable => match answer.degraded {
            Some(Degraded::WarmingUp) => "warming-up",
            Some(Degraded::TooOld) => "too-old",
            _ => "unavailable",
        },
        _ => "other",
    }
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
        "refused" => "breaks the contract",
        other => other,
    }
}

/// A breach in words.
pub const fn breach_name(breach: Breach) -> &'static str {
    match breach {
        Breach::Error => "error above the tolerance",
        Breach::Missing => "an object without its answer",
        Breach::Ghost => "an answer without an object",
        Breach::Unavailable => "no answer",
    }
}
