//! What teams build by hand: run on a simple trigger, hold the result or extrapolate it with a Kalman filter.
//! **Invariant:** a frame is run only when the worker is free; of the frames that wait, the newest is taken.
//! It does not look at pixels, but for the difference trigger.

use core::time::Duration;

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
}

/// A trigger and an estimator.
#[derive(Debug)]
pub struct Baseline {
    name: String,
    watch: Watch,
    tickets: u64,
    flight: Option<(TicketId, Timestamp)>,
    newest: Option<Timestamp>,
    tracks: Tracks,
    shown: Vec<Detection>,
    estimator: Estimator,
}

impl Baseline {
    /// A baseline for a scene like `spec`.
    pub fn new(name: &str, trigger: Trigger, estimator: Estimator, spec: &SceneSpec) -> Self {
        // The measurement noise is known to whoever tunes a filter; the floor is for scenes without any.
        let r = (spec.detector.noise_px * spec.detector.noise_px).max(0.25);
        let how = match estimator {
            Estimator::Hold => Tracking { moving: false, q: 0.0, r, coast: 0 },
            Estimator::Kalman { q } => Tracking { moving: true, q, r, coast: 1 },
        };
        Self {
            name: name.to_owned(),
            watch: Watch::new(trigger, Duration::from_nanos((spec.tolerance.max_age_ms * 1e6) as u64)),
            tickets: 0,
            flight: None,
            newest: None,
            tracks: Tracks::new(how),
            shown: Vec::new(),
            estimator,
        }
    }
}

impl Policy for Baseline {
    fn name(&self) -> &str {
        &self.name
    }

    fn every(&self) -> Option<u32> {
        match self.watch.trigger() {
            Trigger::Every(n) => Some(n),
            Trigger::Difference { .. } => None,
        }
    }

    fn needs_pixels(&self) -> bool {
        matches!(self.watch.trigger(), Trigger::Difference { .. })
    }

    fn on_frame(&mut self, _now: Timestamp, frame: &RenderedFrame, busy: bool) -> Step {
        let (skip, run) = match self.watch.trigger() {
            Trigger::Every(_) => ("not-nth", "nth"),
            Trigger::Difference { .. } => ("similar", "different"),
        };
        if !self.watch.wants(frame) {
            return Step::Skip { reason: skip };
        }
        if busy {
            return Step::Skip { reason: "in-flight" };
        }
        self.watch.ran(frame);
        self.tickets += 1;
        let ticket = TicketId(self.tickets);
        self.flight = Some((ticket, frame.captured));
        Step::Run { ticket, reason: run }
    }

    fn on_completion(&mut self, _now: Timestamp, completion: Completion) {
        let Some((_, captured)) = self.flight.take_if(|(ticket, _)| *ticket == completion.ticket) else {
            return;
        };
        if let Outcome::Value(Value::Boxes(found)) = completion.outcome {
            self.tracks.admit(captured, &found);
            self.newest = Some(captured);
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
