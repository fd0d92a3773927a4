//! Detection only when needed: boxes are tracked, and the detector runs when a tracker fails or the picture changes
//! where nothing is tracked.
//! **Invariant:** between two runs every box is where the tracker puts it; nothing but the two rules asks for a run.
//! It does not forecast, audit or learn.
//!
//! # Source
//! Apicharttrisorn et al., "Frugal Following" (MARLIN), SenSys 2019: a light tracker, a change detector on what is
//! outside the tracked boxes, the detector on either's alarm. What differs, to its favour: the tracker is the engine's
//! pixel follower with its extrapolation (the paper: Lucas–Kanade on corner features, which fails by its count of
//! features), so failing means what it means there; results are caught up with from their own frame. What is simpler:
//! the change detector is one threshold on the blocks outside the boxes, tuned, in place of a random forest trained on
//! colour histograms; it compares with the last frame that was run, light adjusted.

use inbetween_flow::{
    Completion, Config, Detection, Input, Luma, Outcome, Point, Rect, TicketId, Timestamp, Value, ValueKind,
    gate::{FitState, Gate, Target},
    source::Carrier,
};

use super::{
    Policy, Shown, Step, engine_config,
    trigger::{blocks, refresh_after},
};
use crate::{scene::RenderedFrame, spec::SceneSpec};

/// Blocks across and down, as `trigger::blocks` makes them.
const GRID: (usize, usize) = (32, 18);
/// How far around a box the picture is the tracker's affair, as a share of its size: edges of what moves there.
const MARGIN: f32 = 0.25;

/// A MARLIN-style policy.
#[derive(Debug)]
pub struct Marlin {
    name: String,
    /// Grey levels by which a block outside the boxes must change.
    change: f32,
    refresh_after: core::time::Duration,
    tickets: u64,
    flight: Option<Flight>,
    gate: Gate,
    carrier: Carrier,
    background: Point,
    newest: Option<Timestamp>,
    targets: Vec<Target>,
    shown: Value,
    key: Vec<f32>,
    now: Vec<f32>,
    /// Boxes on the key frame.
    before: Vec<Rect>,
}

#[derive(Clone, Debug)]
struct Flight {
    ticket: TicketId,
    captured: Timestamp,
    background: Point,
    blocks: Vec<f32>,
}

impl Marlin {
    /// For a scene like `spec`; a new object is one that changes a block by more than `change` grey levels.
    pub fn new(name: &str, change: f32, spec: &SceneSpec) -> Self {
        let Config { tolerance, mode, .. } = engine_config(spec);
        Self {
            name: name.to_owned(),
            change,
            refresh_after: refresh_after(spec),
            tickets: 0,
            flight: None,
            gate: Gate::new(tolerance.epsilon),
            carrier: Carrier::new(ValueKind::Boxes, &tolerance, mode),
            background: Point::default(),
            newest: None,
            targets: Vec::new(),
            shown: Value::empty(ValueKind::Boxes),
            key: Vec::new(),
            now: Vec::new(),
            before: Vec::new(),
        }
    }

    /// Whether a block that no box covers, now or on the key frame, changed by more than the light as a whole did.
    fn changed(&self, frame: &RenderedFrame) -> bool {
        if self.key.is_empty() {
            return false;
        }
        let boxes: &[Detection] = if let Value::Boxes(boxes) = &self.shown { boxes } else { &[] };
        let (bw, bh) = (frame.width as f32 / GRID.0 as f32, frame.height as f32 / GRID.1 as f32);
        let covered = |i: usize| {
            let (x, y) = ((i % GRID.0) as f32 * bw, (i / GRID.0) as f32 * bh);
            let meets = |b: &Rect| {
                let (mx, my) = (MARGIN * b.width(), MARGIN * b.height());
                b.x0 - mx < x + bw && b.x1 + mx > x && b.y0 - my < y + bh && b.y1 + my > y
            };
            boxes.iter().any(|d| meets(&d.bounds)) || self.before.iter().any(meets)
        };
        let mut differences: Vec<f32> =
            (0..self.now.len()).filter(|i| !covered(*i)).map(|i| self.now[i] - self.key[i]).collect();
        differences.sort_by(f32::total_cmp);
        let Some(&middle) = differences.get(differences.len() / 2) else { return false };
        differences.iter().any(|d| (d - middle).abs() > self.change)
    }
}

impl Policy for Marlin {
    fn name(&self) -> &str {
        &self.name
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
        let mut failed = false;
        if let Some(evidence) = self.gate.measure(frame.captured, &luma) {
            self.carrier.follow(frame.captured, &evidence.fits);
            self.background = evidence.background;
            failed = evidence.fits.iter().any(|fit| fit.state == FitState::Lost);
        }
        blocks(frame, &mut self.now);
        self.carrier.answer(frame.captured, &mut self.shown);
        let old = self.newest.is_none_or(|t| frame.captured.since(t) >= self.refresh_after);
        let reason = match (self.newest, failed, old) {
            (None, ..) => "first",
            (_, true, _) => "tracker-failed",
            (_, _, true) => "age",
            _ if self.changed(frame) => "changed",
            _ => return Step::Skip { reason: "tracking" },
        };
        if busy {
            return Step::Skip { reason: "in-flight" };
        }
        self.tickets += 1;
        let ticket = TicketId(self.tickets);
        self.gate.keep(ticket, frame.captured, &luma);
        let (background, blocks) = (self.background, self.now.clone());
        self.flight = Some(Flight { ticket, captured: frame.captured, background, blocks });
        Step::Run { ticket, reason }
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
        self.key = flight.blocks;
        self.before.clear();
        self.before.extend(self.targets.iter().map(|t| t.bounds));
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
            within_tolerance: true, // it has no belief of its own
            uncertainty: 0.0,
            source: if carried.is_some() { "pixels" } else { "warming-up" },
        }
    }
}
