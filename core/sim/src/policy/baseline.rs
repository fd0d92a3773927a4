//! What teams build by hand: run on a simple trigger, hold the result or extrapolate it with a Kalman filter.
//! **Invariant:** a frame is run only when the worker is free; of the frames that wait, the newest is taken.
//! It does not look at pixels, but for the triggers that watch the picture.

use inbetween_flow::{Completion, Detection, Outcome, TicketId, Timestamp, Value};

use super::{
    Policy, Shown, Step,
    tracks::{Tracking, Tracks},
    trigger::{Trigger, Watch},
};
use crate::{scene::RenderedFrame, spec::SceneSpec};

/// How a baseline fills the time between results.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Estimator {
    /// The last result stays as it is.
    Hold,
    /// A constant-velocity Kalman filter.
    Kalman {
        /// Spectral density of acceleration, px²/s³: how much motion is believed to change.
        q: f64,
    },
}

impl Estimator {
    /// The filter with a middle setting, in px²/s³; `tune` looks for a better one.
    pub const KALMAN: Self = Self::Kalman { q: 10_000.0 };

    /// The tracks of a baseline that fills time so.
    pub(super) fn tracks(self, spec: &SceneSpec) -> Tracks {
        // The measurement noise is known to whoever tunes a filter; the floor is for scenes without any.
        let r = (spec.detector.noise_px * spec.detector.noise_px).max(0.25);
        Tracks::new(match self {
            Self::Hold => Tracking { moving: false, q: 0.0, r, coast: 0 },
            Self::Kalman { q } => Tracking { moving: true, q, r, coast: 1 },
        })
    }
}

/// A run under way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    ticket: TicketId,
    captured: Timestamp,
    started: Timestamp,
}

/// A trigger and an estimator.
#[derive(Debug)]
pub struct Baseline {
    name: String,
    watch: Watch,
    tickets: u64,
    flight: Option<Flight>,
    newest: Option<Timestamp>,
    tracks: Tracks,
    shown: Vec<Detection>,
    estimator: Estimator,
}

impl Baseline {
    /// A baseline for a scene like `spec`.
    pub fn new(name: &str, trigger: Trigger, estimator: Estimator, spec: &SceneSpec) -> Self {
        Self {
            name: name.to_owned(),
            watch: Watch::new(trigger, spec),
            tickets: 0,
            flight: None,
            newest: None,
            tracks: estimator.tracks(spec),
            shown: Vec::new(),
            estimator,
        }
    }

    fn start(&mut self, now: Timestamp, frame: &RenderedFrame) -> Step {
        self.watch.ran(frame);
        self.tickets += 1;
        let ticket = TicketId(self.tickets);
        self.flight = Some(Flight { ticket, captured: frame.captured, started: now });
        let reason = match self.watch.trigger() {
            Trigger::Every(_) => "nth",
            Trigger::BackToBack | Trigger::ShrinkingTail => "free",
            Trigger::Difference { .. } | Trigger::Changed { .. } => "different",
        };
        Step::Run { ticket, reason }
    }
}

impl Policy for Baseline {
    fn name(&self) -> &str {
        &self.name
    }

    fn every(&self) -> Option<u32> {
        match self.watch.trigger() {
            Trigger::Every(n) => Some(n),
            _ => None,
        }
    }

    fn needs_pixels(&self) -> bool {
        matches!(self.watch.trigger(), Trigger::Difference { .. } | Trigger::Changed { .. })
    }

    fn on_frame(&mut self, now: Timestamp, frame: &RenderedFrame, busy: bool) -> Step {
        if !self.watch.wants(frame) {
            let reason = if self.needs_pixels() { "similar" } else { "not-nth" };
            return Step::Skip { reason };
        }
        if busy {
            return Step::Skip { reason: "in-flight" };
        }
        self.start(now, frame)
    }

    fn on_free(&mut self, now: Timestamp, newest: &RenderedFrame) -> Option<Step> {
        self.watch.wants_when_free(now, newest.captured).then(|| self.start(now, newest))
    }

    fn on_completion(&mut self, now: Timestamp, completion: Completion) {
        let Some(flight) = self.flight.take_if(|f| f.ticket == completion.ticket) else {
            return;
        };
        self.watch.ended(now.since(flight.started));
        if let Outcome::Value(Value::Boxes(found)) = completion.outcome {
            self.tracks.admit(flight.captured, &found);
            self.newest = Some(flight.captured);
        }
    }

    fn answer(&mut self, display: Timestamp) -> Shown<'_> {
        self.tracks.show(display, &mut self.shown);
        Shown {
            detections: self.newest.map(|_| self.shown.as_slice()),
            key_frame: self.newest,
            within_tolerance: true, // it has no belief of its own
            uncertainty: 0.0,
            source: match (self.newest, self.estimator) {
                (None, _) => "warming-up",
                (_, Estimator::Hold) => "hold",
                (_, Estimator::Kalman { .. }) => "trend",
            },
        }
    }
}
