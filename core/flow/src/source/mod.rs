//! Where answers come from: results are admitted at their capture time and carried to the display time.
//! **Invariant:** answering changes nothing and allocates nothing in steady state; time is in seconds, never in frames.
//! It does not look at pixels (that is `gate`) and does not decide when to run (that is `schedule`).

use alloc::vec::Vec;

use crate::{
    answer::Carry,
    config::{DisplayMode, Tolerance},
    gate::{Fit, Target},
    geometry::Point,
    time::Timestamp,
    value::{Value, ValueKind},
};

/// How a fresh result compares with what would have been answered for its capture time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Backtest {
    /// The largest error, in the unit of the tolerance; `None` when there was no earlier result.
    pub error: Option<f32>,
    /// Objects in the result that no track knew.
    pub births: u32,
    /// Tracks that the result did not show.
    pub deaths: u32,
    /// From the newest evidence before to the result's capture time, in seconds.
    pub horizon: f32,
}

/// How an answer was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Carried {
    /// `None` when it lies between two results.
    pub carry: Option<Carry>,
    /// Capture time of the newest result behind it.
    pub key_frame: Timestamp,
    /// Seconds from the newest evidence (result or followed pixels) to the time that is answered; 0 between results.
    pub horizon: f32,
    /// Standard deviation of the worst element's error by the source's own model, in the tolerance's unit.
    pub spread: f32,
}

/// The carrier of one engine's value, from result to result.
#[derive(Debug)]
pub struct Carrier {
    kind: ValueKind,
    last: Option<(Timestamp, Value)>,
}

impl Carrier {
    /// A carrier for values of `kind`.
    pub fn new(kind: ValueKind, tolerance: &Tolerance, mode: DisplayMode) -> Self {
        let _ = (tolerance, mode);
        Self { kind, last: None }
    }

    /// Takes the model's `value` for the frame captured at `captured` and judges what would have been answered.
    /// A result older than the newest one corrects nothing and is only judged.
    pub fn admit(&mut self, captured: Timestamp, value: &Value) -> Backtest {
        if value.kind() == self.kind {
            self.last = Some((captured, value.clone()));
        }
        Backtest::default()
    }

    /// What to follow on the key frame: one target per track (or keypoint), in key-frame position, with the motion
    /// since then that is already known. `background` is the guess for what has no motion of its own.
    pub fn targets(&self, background: Point, out: &mut Vec<Target>) {
        let _ = background;
        out.clear();
    }

    /// Takes where the pixels of frame `captured` say that the targets are.
    pub fn follow(&mut self, captured: Timestamp, fits: &[Fit]) {
        let _ = (captured, fits);
    }

    /// Writes the value for time `at` into `out`, reusing its memory. `None` while there is no result.
    pub fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        let (key_frame, value) = self.last.as_ref()?;
        out.clone_from(value);
        Some(Carried {
            carry: Some(Carry::Hold),
            key_frame: *key_frame,
            horizon: at.secs_from(*key_frame).max(0.0),
            spread: 0.0,
        })
    }

    /// Forgets everything; identities are not used again.
    pub fn reset(&mut self) {
        self.last = None;
    }
}
