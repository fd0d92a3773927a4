//! The engine's own estimator on a timer: every Nth frame is run, pixels are followed and answers carried as always.
//! **Invariant:** it differs from the engine in when it runs, and in nothing else that is shown.
//! It does not schedule, audit or cache: the difference to the engine is what the scheduler is worth.

use inbetween_flow::{
    Carry, Completion, Config, Detection, Input, Luma, Outcome, Point, TicketId, Timestamp, Value, ValueKind,
    gate::{Gate, Target},
    source::Carrier,
};

use super::{Policy, Shown, Step, engine_config};
use crate::{scene::RenderedFrame, spec::SceneSpec};

/// Runs on every Nth frame and follows pixels in between.
#[derive(Debug)]
pub struct Follower {
    name: String,
    every: u32,
    since: u32,
    tickets: u64,
    flight: Option<Flight>,
    gate: Gate,
    carrier: Carrier,
    background: Point,
    newest: Option<Timestamp>,
    targets: Vec<Target>,
    shown: Value,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    ticket: TicketId,
    captured: Timestamp,
    background: Point,
}

impl Follower {
    /// A follower that runs on every `every`-th frame of a scene like `spec`.
    pub fn new(name: &str, every: u32, spec: &SceneSpec) -> Self {
        let Config { tolerance, mode, .. } = engine_config(spec);
        Self {
            name: name.to_owned(),
            every,
            since: every, // the first frame is run
            tickets: 0,
            flight: None,
            gate: Gate::new(tolerance.epsilon),
            carrier: Carrier::new(ValueKind::Boxes, &tolerance, mode),
            background: Point::default(),
            newest: None,
            targets: Vec::new(),
            shown: Value::empty(ValueKind::Boxes),
        }
    }
}

impl Policy for Follower {
    fn name(&self) -> &str {
        &self.name
    }

    fn every(&self) -> Option<u32> {
        Some(self.every)
    }

    fn needs_pixels(&self) -> bool {
        true
    }

    fn on_frame(&mut self, _now: Timestamp, frame: &RenderedFrame, busy: bool) -> Step {
        let view = frame.as_frame();
        let luma = match &view.input {
            Input::Image(image) => Luma::of(image),
            _ => None,
        };
        let Some(luma) = luma else { return Step::Skip { reason: "refused" } };
        if let Some(evidence) = self.gate.measure(frame.captured, &luma) {
            self.carrier.follow(frame.captured, &evidence.fits);
            self.background = evidence.background;
        }
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
        self.gate.keep(ticket, frame.captured, &luma);
        self.flight = Some(Flight { ticket, captured: frame.captured, background: self.background });
        Step::Run { ticket, reason: "nth" }
    }

    fn on_completion(&mut self, _now: Timestamp, completion: Completion) {
        let Some(flight) = self.flight.take_if(|f| f.ticket == completion.ticket) else { return };
        let Outcome::Value(value) = completion.outcome else {
            self.gate.discard(flight.ticket);
            return;
        };
        self.carrier.admit(flight.captured, &value);
        self.carrier.targets(self.background - flight.background, &mut self.targets);
        self.gate.rekey(flight.ticket, &self.targets);
        self.background = Point::default();
        self.newest = Some(flight.captured);
    }

    fn answer(&mut self, display: Timestamp) -> Shown<'_> {
        let carried = self.carrier.answer(display, &mut self.shown);
        let detections: Option<&[Detection]> = match &self.shown {
            Value::Boxes(boxes) if carried.is_some() => Some(boxes),
            _ => None,
        };
        Shown {
            detections,
            key_frame: self.newest,
            within_tolerance: true, // it does not forecast
            uncertainty: carried.map_or(0.0, |c| c.spread),
            source: match carried.map(|c| c.carry) {
                None => "warming-up",
                Some(None) => "interpolated",
                Some(Some(Carry::Trend)) => "trend",
                Some(Some(Carry::Pixels)) => "pixels",
                Some(Some(_)) => "hold",
            },
        }
    }
}
