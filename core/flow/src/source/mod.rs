//! Where answers come from: results are admitted at their capture time and carried to the display time.
//! **Invariant:** answering changes nothing and allocates nothing in steady state; time is in seconds, never in frames.
//! It does not look at pixels (that is `gate`) and does not decide when to run (that is `schedule`).

mod associate;
mod boxes;
mod history;
mod interpolate;
mod kalman;
mod path;
#[cfg(test)]
mod tests;
mod track;

use alloc::vec::Vec;

use self::boxes::Boxes;
use crate::{
    answer::Carry,
    config::{DisplayMode, Tolerance},
    gate::{Fit, FitState, Target},
    geometry::{Point, Rect},
    time::Timestamp,
    value::{Value, ValueKind},
};

/// How a fresh result compares with what would have been answered for its capture time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Backtest {
    /// The largest error over what was answered and shown by the result, in the unit of the tolerance;
    /// `None` when there was no earlier result.
    pub error: Option<f32>,
    /// Objects in the result that no answer contained. Faint ones (score below 0.5) do not count.
    pub births: u32,
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
#[derive(Debug)]
pub struct Carrier {
    kind: ValueKind,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Boxes(Boxes),
    Held(Option<(Timestamp, Value)>),
}

impl Carrier {
    /// A carrier for values of `kind`. With [`DisplayMode::Delayed`], [`Carrier::answer`] is asked for the display
    /// time less the delay; the carrier needs to know how far back that is.
    pub fn new(kind: ValueKind, tolerance: &Tolerance, mode: DisplayMode) -> Self {
        let delay = match mode {
            DisplayMode::Predict => 0.0,
            DisplayMode::Delayed(d) => d.as_secs_f32(),
        };
        let form = match kind {
            ValueKind::Boxes => Form::Boxes(Boxes::new(tolerance.epsilon, delay)),
            _ => Form::Held(None),
        };
        Self { kind, form }
    }

    /// Takes the model's `value` for the frame captured at `captured` and judges what would have been answered.
    /// A result older than the newest one corrects nothing and is only judged; one of another kind, or with a
    /// number that is not finite, is ignored.
    pub fn admit(&mut self, captured: Timestamp, value: &Value) -> Backtest {
        if value.kind() != self.kind || value.fault().is_some() {
            return Backtest::default();
        }
        match (&mut self.form, value) {
            (Form::Boxes(b), Value::Boxes(d)) => b.admit(captured, d),
            (Form::Held(last), _) => {
                *last = Some((captured, value.clone()));
                Backtest::default()
            }
            _ => Backtest::default(),
        }
    }

    /// What to follow on the key frame of the newest result: one target per track (or keypoint), in key-frame
    /// position, with the motion since then that is already known. `background` is the guess for what has no
    /// motion of its own.
    pub fn targets(&self, background: Point, out: &mut Vec<Target>) {
        out.clear();
        match &self.form {
            Form::Boxes(b) => b.targets(background, out),
            Form::Held(_) => {}
        }
    }

    /// Takes where the pixels of frame `captured` say that the targets are, relative to the key frame of the
    /// newest result. Do not call it with fits against an older key frame.
    pub fn follow(&mut self, captured: Timestamp, fits: &[Fit]) {
        match &mut self.form {
            Form::Boxes(b) => b.follow(captured, fits),
            Form::Held(_) => {}
        }
    }

    /// Writes the value for time `at` into `out`, reusing its memory. `None` while there is no result, and with a
    /// delayed display for times before the first result.
    pub fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        if out.kind() != self.kind {
            *out = Value::empty(self.kind);
        }
        match (&self.form, out) {
            (Form::Boxes(b), Value::Boxes(d)) => b.answer(at, d),
            (Form::Held(last), out) => {
                let (key_frame, value) = last.as_ref()?;
                out.clone_from(value);
                Some(Carried {
                    carry: Some(Carry::Hold),
                    key_frame: *key_frame,
                    horizon: at.secs_from(*key_frame).max(0.0),
                    spread: 0.0,
                })
            }
            _ => None,
        }
    }

    /// What is followed and how well, at time `at`.
    pub fn tracks(&self, at: Timestamp, out: &mut Vec<TrackState>) {
        out.clear();
        match &self.form {
            Form::Boxes(b) => b.tracks(at, out),
            Form::Held(_) => {}
        }
    }

    /// Forgets everything; identities are not used again.
    pub fn reset(&mut self) {
        match &mut self.form {
            Form::Boxes(b) => b.reset(),
            Form::Held(last) => *last = None,
        }
    }
}
