//! Oracles on whole sequences: bounds in order, schedules that hold when they are played, and honest infeasibility.
//! **Invariant:** a schedule that is replayed violates as often as the oracle expected, whatever detections come.
//! It does not test the dynamic program alone: that is tried against brute force where it stands.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use inbetween_flow::{
    Completion, DisplayMode, Input, Luma, Outcome, Point, TicketId, Timestamp, Value, ValueKind, gate::Gate,
    source::Carrier,
};
use inbetween_sim::{
    Policy, RenderedFrame, Report, SceneSpec, Setup, Shown, SimulatedDetector, Step,
    oracle::{self, Class, solve},
    policy::{by_name, engine_config},
    run,
};

/// A run under way, with the frames that came meanwhile.
struct Flight {
    ticket: TicketId,
    captured: Timestamp,
    gate: Gate,
    frames: Vec<RenderedFrame>,
}

/// Plays an oracle's schedule with the estimator of its class: each result is followed afresh.
struct Played {
    starts: Vec<u64>,
    flight: Option<Flight>,
    now: Option<(Gate, Carrier, Timestamp)>,
    spec: SceneSpec,
    shown: Value,
}

impl Played {
    fn new(starts: &[u64], spec: &SceneSpec) -> Self {
        let shown = Value::empty(ValueKind::Boxes);
        Self { starts: starts.to_vec(), flight: None, now: None, spec: spec.clone(), shown }
    }
}

fn measure(gate: &mut Gate, carrier: &mut Carrier, frame: &RenderedFrame) {
    let view = frame.as_frame();
    let Input::Image(image) = &view.input else { return };
    if let Some(evidence) = gate.measure(frame.captured, &Luma::of(image).unwrap()) {
        carrier.follow(frame.captured, &evidence.fits);
    }
}

impl Policy for Played {
    fn name(&self) -> &'static str {
        "played"
    }

    fn needs_pixels(&self) -> bool {
        true
    }

    fn on_frame(&mut self, _now: Timestamp, frame: &RenderedFrame, busy: bool) -> Step {
        if let Some((gate, carrier, _)) = &mut self.now {
            measure(gate, carrier, frame);
        }
        if let Some(flight) = &mut self.flight {
            flight.frames.push(frame.clone());
        }
        // The oracle's worker takes the median; a slower run delays the next one.
        if busy || self.starts.first().is_none_or(|s| frame.index < *s) {
            return Step::Skip { reason: "not-now" };
        }
        self.starts.remove(0);
        let ticket = TicketId(frame.index + 1);
        let mut gate = Gate::new(self.spec.tolerance.epsilon_px as f32);
        let view = frame.as_frame();
        let Input::Image(image) = &view.input else { return Step::Skip { reason: "no-image" } };
        gate.keep(ticket, frame.captured, &Luma::of(image).unwrap());
        self.flight = Some(Flight { ticket, captured: frame.captured, gate, frames: Vec::new() });
        Step::Run { ticket, reason: "oracle" }
    }

    fn on_completion(&mut self, _now: Timestamp, completion: Completion) {
        let Some(Flight { ticket, captured, mut gate, frames }) = self.flight.take() else { return };
        let Outcome::Value(value) = completion.outcome else { return };
        let tolerance = engine_config(&self.spec).tolerance;
        let mut carrier = Carrier::new(ValueKind::Boxes, &tolerance, DisplayMode::Predict);
        carrier.admit(captured, &value);
        let mut targets = Vec::new();
        carrier.targets(Point::default(), &mut targets);
        gate.rekey(ticket, &targets);
        for frame in &frames {
            measure(&mut gate, &mut carrier, frame);
        }
        self.now = Some((gate, carrier, captured));
    }

    fn answer(&mut self, display: Timestamp) -> Shown<'_> {
        let key_frame = self.now.as_ref().map(|n| n.2);
        if let Some((_, carrier, _)) = &self.now {
            carrier.answer(display, &mut self.shown);
        }
        let detections = match &self.shown {
            Value::Boxes(boxes) if key_frame.is_some() => Some(boxes.as_slice()),
            _ => None,
        };
        Shown { detections, key_frame, within_tolerance: true, uncertainty: 0.0, source: "played" }
    }
}

fn played(spec: &SceneSpec, seed: u64, policy: Box<dyn Policy>) -> Report {
    let mut scene = spec.build(seed);
    let mut detector = SimulatedDetector::new(&scene);
    run(&mut scene, &mut [policy], &mut detector, Setup { seed, ..Setup::default() }).remove(0)
}

/// One object: every result names it anew, so nothing but its place can be wrong once the grace of a name is waived.
fn one(extra: &str) -> SceneSpec {
    let text = format!(
        "name = \"one\"\nduration_s = 8\n[tolerance]\nmiss_rate = 0.02\n[detector]\nmiss_rate = 0\n{extra}"
    );
    SceneSpec::parse(&text).unwrap()
}

const SWING: &str = "[[objects]]\nx = 0.5\ny = 0.5\nsize_px = 40\n\
    motion = [{ sinusoid = { amplitude_px = 40, period_s = 1.6, direction_deg = 0 } }]\n";

#[test]
fn bounds_are_in_order() {
    let quiet = "noise_px = 0.3\n";
    for motion in ["linear = { speed_px_s = 60 }", "sinusoid = { amplitude_px = 40, period_s = 2 }"] {
        let spec = one(&format!("{quiet}[[objects]]\nx = 0.5\ny = 0.5\nmotion = [{{ {motion} }}]\n"));
        for seed in 1..3 {
            let found = oracle::all(&spec, seed);
            assert!(found.output.runs >= found.bound, "lines from results beat lines at will: {found:?}");
            assert!(found.pixels.feasible, "{:?}", found.pixels);
            assert!(found.pixels.runs >= 4, "the age cap: {:?}", found.pixels);
            let frames: Vec<u64> = found.pixels.starts.clone();
            assert!(frames.windows(2).all(|w| w[0] < w[1]));
        }
    }
}

#[test]
fn what_turns_costs_results_alone_much_and_pixels_little() {
    let spec = one(SWING);
    let (output, pixels) = (solve(&spec, 1, Class::Output), solve(&spec, 1, Class::Pixels));
    assert!(pixels.feasible && pixels.runs <= 6, "{pixels:?}");
    assert!(output.runs > 4 * pixels.runs, "{output:?}");
    let r = played(&spec, 1, by_name("every-nth-kalman:30", &spec, 1).unwrap());
    assert!(r.row.violation_rate() > 0.3, "at that rate a filter is lost");
}

#[test]
fn a_schedule_that_is_played_violates_as_often_as_was_expected() {
    let mut measured = 0.0;
    let mut expected = 0.0;
    for seed in 1..4 {
        // Fast and noisy enough that the budget is used up.
        let spec = one(&format!("noise_px = 2\ncorrelation_ms = 0\n{SWING}"));
        let oracle = solve(&spec, seed, Class::Pixels);
        let r = played(&spec, seed, Box::new(Played::new(&oracle.starts, &spec)));
        assert_eq!(r.row.runs, oracle.runs);
        measured += r.row.violations as f64 - r.faults.identity as f64;
        expected += oracle.violations;
    }
    let refreshes = 3.0 * 480.0;
    assert!((measured - expected).abs() < 0.05 * refreshes, "{measured} measured, {expected} expected");
}

#[test]
fn what_cannot_be_kept_is_called_infeasible() {
    // Noise of half the tolerance: no choice of run times helps, and lucky results may not be waited for.
    let spec = one(&format!("noise_px = 6\n{SWING}"));
    let oracle = solve(&spec, 1, Class::Pixels);
    assert!(!oracle.feasible && oracle.violations > 0.3 * oracle.refreshes as f64, "{oracle:?}");
    // Runs that take longer than anything may be old.
    let slow = one(&format!("{SWING}[latency]\nmedian_ms = 2500\np95_ms = 2500\n"));
    let oracle = solve(&slow, 1, Class::Pixels);
    assert!(!oracle.feasible && oracle.violations > 0.9 * oracle.refreshes as f64, "{oracle:?}");
}

#[test]
fn rows_take_their_columns_from_the_oracles() {
    let spec = one(SWING);
    let oracles = oracle::all(&spec, 1);
    let mut rows: Vec<_> =
        ["every-frame", "inbetween"].map(|n| played(&spec, 1, by_name(n, &spec, 1).unwrap()).row).into();
    oracle::annotate(&mut rows, &oracles);
    assert_eq!(rows[0].regret, Some(1.0));
    assert_eq!(rows[1].oracle_runs, Some(oracles.pixels.runs));
    let regret = rows[1].regret.unwrap();
    let by_hand = (rows[1].runs as f64 - oracles.pixels.runs as f64)
        / (rows[0].runs as f64 - oracles.pixels.runs as f64);
    assert!((regret - by_hand).abs() < 1e-12 && regret < 0.5, "{regret}");
    assert_eq!((rows[1].feasible, rows[1].bound_runs), (Some(true), Some(oracles.bound)));
}
