//! The engine as a policy: its configuration from a scene's promise, its plans and answers in plain words.
//! **Invariant:** the engine is used through its public interface alone, as an app would.
//! It does not decide anything.

use core::time::Duration;

use inbetween_flow::{
    Answer, Budget, Carry, Completion, Config, ConfigError, Degraded, Detection, DisplayMode, Engine,
    Environment, Event, Inspection, Label, Outcome, Plan, RunReason, SkipReason, Source, TicketId, Timestamp,
    Tolerance, Value, ValueKind,
};

use super::{Policy, Shown, Step};
use crate::{
    scene::RenderedFrame,
    spec::{SceneSpec, ToleranceSpec},
};

/// The engine.
#[derive(Debug)]
pub struct Inbetween {
    name: String,
    engine: Engine,
    cancel: Vec<TicketId>,
    /// The picture as a whole, by the name that is answered.
    label: [Detection; 1],
}

fn ms(x: f64) -> Duration {
    Duration::from_nanos((x * 1e6) as u64)
}

/// The engine's configuration for what a scene promises.
pub fn engine_config(spec: &SceneSpec) -> Config {
    let ToleranceSpec { epsilon_px, miss_rate, grace_ms, max_age_ms, deadline_ms, duty } = spec.tolerance;
    let mut config = Config::for_images(ValueKind::Boxes, epsilon_px as f32);
    config.tolerance =
        Tolerance { epsilon: epsilon_px as f32, miss_rate: miss_rate as f32, grace: ms(grace_ms) };
    config.budget = Budget {
        deadline: ms(deadline_ms.min(max_age_ms)),
        max_age: ms(max_age_ms),
        duty: duty as f32,
        energy_mj_per_s: None,
        energy_mj_per_run: 0.0,
        max_in_flight: 1,
    };
    if spec.labels.is_some() {
        // A label is wrong by 1 or right.
        (config.output, config.tolerance.epsilon) = (ValueKind::Label, 0.5);
    }
    config.mode = DisplayMode::Predict;
    config.display_period = ms(1e3 / spec.display.hz);
    config
}

impl Inbetween {
    /// An engine for what a scene promises.
    ///
    /// # Errors
    /// When the promise is not one that the engine accepts.
    pub fn new(name: &str, spec: &SceneSpec, seed: u64) -> Result<Self, ConfigError> {
        Self::with_config(name, engine_config(spec), seed)
    }

    /// An engine with another configuration, for ablations.
    ///
    /// # Errors
    /// When the configuration is not one that the engine accepts.
    pub fn with_config(name: &str, config: Config, seed: u64) -> Result<Self, ConfigError> {
        let period = config.display_period;
        let mut engine = Engine::new(config, seed)?;
        let environment = Environment { display_period: Some(period), ..Environment::default() };
        engine.handle_environment(Timestamp::ZERO, environment);
        Ok(Self { name: name.to_owned(), engine, cancel: Vec::new(), label: [Detection::default()] })
    }

    /// The engine itself, for its own counts.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    fn drain(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            if let Event::Cancel(ticket) = event {
                self.cancel.push(ticket);
            }
        }
    }
}

/// The word for why a run was asked for.
pub const fn reason_of_run(reason: RunReason) -> &'static str {
    match reason {
        RunReason::First => "first",
        RunReason::Forecast => "forecast",
        RunReason::Residual => "residual",
        RunReason::Birth => "birth",
        RunReason::Uncovered => "uncovered",
        RunReason::SceneCut => "cut",
        RunReason::Age => "age",
        RunReason::Audit => "audit",
        RunReason::Probe => "probe",
        _ => "other",
    }
}

/// The word for why a frame was not run.
pub const fn reason_of_skip(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::WithinTolerance => "within-tolerance",
        SkipReason::InFlight => "in-flight",
        SkipReason::Deadline => "deadline",
        SkipReason::Budget => "budget",
        SkipReason::Heat => "heat",
        SkipReason::Energy => "energy",
        SkipReason::Shared => "shared",
        SkipReason::CacheHit => "cache-hit",
        SkipReason::ModelFailing => "model-failing",
        SkipReason::RepeatedFrame => "repeated-frame",
        SkipReason::LateFrame => "late-frame",
        _ => "other",
    }
}

const fn word(source: Source, degraded: Option<Degraded>) -> &'static str {
    match source {
        Source::Model => "model",
        Source::Cached => "cached",
        Source::Interpolated => "interpolated",
        Source::Predicted(Carry::Hold) => "hold",
        Source::Predicted(Carry::Trend) => "trend",
        Source::Predicted(Carry::Pixels) => "pixels",
        Source::Rule => "rule",
        Source::Unavailable => match degraded {
            Some(Degraded::WarmingUp) => "warming-up",
            Some(Degraded::TooOld) => "too-old",
            _ => "unavailable",
        },
        _ => "other",
    }
}

/// An answer of the engine as a policy shows it.
pub fn shown(answer: &Answer) -> Shown<'_> {
    Shown {
        detections: match &answer.value {
            Some(Value::Boxes(boxes)) => Some(boxes),
            _ => None,
        },
        key_frame: answer.key_frame,
        within_tolerance: answer.within_tolerance,
        uncertainty: answer.uncertainty,
        source: word(answer.source, answer.degraded),
    }
}

impl Policy for Inbetween {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs_pixels(&self) -> bool {
        true
    }

    fn on_frame(&mut self, now: Timestamp, frame: &RenderedFrame, _busy: bool) -> Step {
        let plan = self.engine.handle_frame(now, &frame.as_frame());
        self.drain();
        match plan {
            Ok(Plan::Run(ticket)) => Step::Run { ticket: ticket.id, reason: reason_of_run(ticket.reason) },
            Ok(Plan::Skip(reason)) => Step::Skip { reason: reason_of_skip(reason) },
            Err(_) => Step::Skip { reason: "refused" },
        }
    }

    fn on_completion(&mut self, now: Timestamp, mut completion: Completion) {
        if self.engine.config().output == ValueKind::Label
            && let Outcome::Value(Value::Boxes(boxes)) = &completion.outcome
            && let Some(whole) = boxes.first()
        {
            self.label[0].bounds = whole.bounds;
            completion.outcome =
                Outcome::Value(Value::Label(Label { class: whole.class, score: whole.score }));
        }
        self.engine.handle_completion(now, completion);
        self.drain();
    }

    fn answer(&mut self, display: Timestamp) -> Shown<'_> {
        let answer = self.engine.answer_at(display);
        let Some(Value::Label(label)) = answer.value else { return shown(answer) };
        let Detection { bounds, .. } = self.label[0];
        self.label[0] =
            Detection { bounds, score: label.score, class: label.class, identity: Some(label.class) };
        Shown { detections: Some(&self.label), ..shown(answer) }
    }

    fn inspect(&self, at: Timestamp) -> Option<Inspection> {
        Some(self.engine.inspect(at))
    }

    fn poll_cancel(&mut self) -> Option<TicketId> {
        self.cancel.pop()
    }

    fn next_timeout(&self) -> Option<Timestamp> {
        self.engine.poll_timeout().map(|(at, _)| at)
    }

    fn on_timeout(&mut self, now: Timestamp) {
        self.engine.handle_timeout(now);
        self.drain();
    }
}
