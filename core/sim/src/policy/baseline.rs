//! What teams build by hand: run on every Nth frame, hold the result or extrapolate it with a Kalman filter.
//! **Invariant:** a frame is run only when the worker is free; of the frames that wait, the newest is taken.
//! It does not look at pixels.

use inbetween_flow::{Completion, Detection, Outcome, TicketId, Timestamp, Value};

use super::{
    Policy, Shown, Step,
    tracks::{Tracking, Tracks},
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

/// Runs on every Nth frame.
#[derive(Debug)]
pub struct Baseline {
    name: String,
    every: u32,
    since: u32,
    tickets: u64,
    flight: Option<(TicketId, Timestamp)>,
    newest: Option<Timestamp>,
    tracks: Tracks,
    shown: Vec<Detection>,
    estimator: Estimator,
}

impl Baseline {
    /// A baseline that runs on every `every`-th frame of a scene like `spec`.
    pub fn new(name: &str, every: u32, estimator: Estimator, spec: &SceneSpec) -> Self {
        // The measurement noise is known to whoever tunes a filter; the floor is for scenes without any.
        let r = (spec.detector.noise_px * spec.detector.noise_px).max(0.25);
        let how = match estimator {
            Estimator::Hold => Tracking { moving: false, q: 0.0, r, coast: 0 },
            Estimator::Kalman { q } => Tracking { moving: true, q, r, coast: 1 },
        };
        Self {
            name: name.to_owned(),
            every,
            since: every, // the first frame is run
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
        Some(self.every)
    }

    fn needs_pixels(&self) -> bool {
        false
    }

    fn on_frame(&mut self, _now: Timestamp, frame: &RenderedFrame, busy: bool) -> Step {
        self.since = self.since.saturating_add(1);
        if self.since < self.every {
            return Step::Skip { reason: "not-nth" };
        }
        if busy {
            return Step::Skip { reason: "in-flight" };
        }
        self.since = 0;
        self.tickets += 1;
        let ticket = TicketId(self.tickets);
        self.flight = Some((ticket, frame.captured));
        Step::Run { ticket, reason: "nth" }
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
