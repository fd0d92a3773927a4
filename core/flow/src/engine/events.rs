//! Independent events: each is scored by itself, by the best rung that its data allows.
//! **Invariant:** an answer depends on the event, the configuration and which models fail, never on events before it.
//! It does not run models: the caller lends a function that does.

use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    answer::{Answer, Degraded, PredictionId, Source},
    config::{Config, InputContract},
    contract,
    decide::{Case, Decider},
    decision::ReviewItem,
    error::{ConfigError, FrameError},
    frame::Frame,
    monitor::{Labelled, Live, Monitor, Truth},
    plan::{Admission, Event, Outcome, RunFailure},
    rung::Rung,
    schedule::{Breaker, Passage},
    time::Timestamp,
    value::{Value, ValueFault},
};

use super::{
    flight::Events,
    latch::{LATCHED_BYTES, LatchError, Latched, Restored, belonging},
    watch::{Service, judge},
};

/// Scores events that have nothing to do with each other: payments, messages, rows of a table.
///
/// Where [`Engine`](super::Engine) carries results from frame to frame, here nothing is carried: each event is answered
/// from its own data. The ladder is walked for each: the model, then its variants where the event lacks what the model
/// needs or the model fails, then the rule, then nothing.
///
/// # Example
/// ```
/// use inbetween_flow::{
///     Action, Config, Costs, DecideConfig, EventEngine, Feature, FeatureContract, FeatureValue, Frame, Input,
///     InputContract, Outcome, Timestamp, Value, ValueKind,
/// };
/// let amount = FeatureContract { name: "amount".into(), required: true, range: Some((0.0, 1e6)), categories: vec![] };
/// let mut config = Config::for_images(ValueKind::Probabilities, 0.5);
/// config.input = InputContract::Features(vec![amount]);
/// config.decide = Some(DecideConfig::new(1, Costs::of_mistakes(5.0, 200.0)));
/// let mut engine = EventEngine::new(config, vec![])?;
///
/// let at = Timestamp::from_millis(1);
/// let features = [Feature { name: "amount", value: FeatureValue::Number(90.0) }];
/// let answer = engine.answer(at, &Frame::features(at, &features), |_variant| {
///     Outcome::Value(Value::Probabilities(vec![0.9, 0.1])) // what the model says
/// });
/// assert_eq!(answer.decision.unwrap().action, Action::Positive); // 0.1 · 200 > 0.9 · 5
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EventEngine {
    config: Config,
    /// Of the model, then of its variants.
    rungs: Vec<Step>,
    decider: Option<Decider>,
    monitor: Monitor,
    events: Events,
    rung: Rung,
    now: Timestamp,
    service: Service,
    /// Models before this one are rolled back for good.
    barred: usize,
}

/// One model of the ladder.
#[derive(Debug)]
struct Step {
    contract: InputContract,
    version: u32,
    breaker: Breaker,
}

impl EventEngine {
    /// An engine for `config`. `variants` has what each variant's input must be, where that differs from the model's.
    ///
    /// # Errors
    /// When a field of the configuration is out of range, or there is a contract of no variant.
    pub fn new(config: Config, variants: Vec<InputContract>) -> Result<Self, ConfigError> {
        config.validate()?;
        if variants.len() > config.variants.len() {
            return Err(ConfigError { field: "variants", must: "as many as there are contracts at least" });
        }
        let mut contracts = core::iter::once(config.input.clone()).chain(variants);
        let versions =
            core::iter::once(config.model_version).chain(config.variants.iter().map(|v| v.model_version));
        let rungs = versions
            .map(|version| Step {
                contract: contracts.next().unwrap_or_else(|| config.input.clone()),
                version,
                breaker: Breaker::default(),
            })
            .collect();
        Ok(Self {
            rungs,
            decider: config.decide.clone().map(Decider::new),
            monitor: Monitor::new(config.monitoring.as_ref(), 0)?,
            events: Events::new(),
            rung: Rung::Model,
            now: Timestamp::ZERO,
            service: Service::Full,
            barred: 0,
            config,
        })
    }

    /// Answers one event. `run` runs the model (0) or a variant on it and says how that ended; it is called for each
    /// rung that is tried.
    pub fn answer(
        &mut self,
        now: Timestamp,
        event: &Frame<'_>,
        mut run: impl FnMut(u8) -> Outcome,
    ) -> Answer {
        self.advance(now);
        self.monitor.frame(self.now, event);
        if self.service == Service::Disabled {
            return self.fall_back(event, Degraded::Response);
        }
        let mut refused = None;
        let mut why = (self.barred > 0).then_some(Degraded::Response);
        for variant in self.barred..self.rungs.len() {
            match self.attempt(variant, event, &mut run) {
                Ok(value) => {
                    self.refused(refused);
                    return self.answered(event, variant as u8, value, why);
                }
                Err(Obstacle::Input(error)) => {
                    refused = refused.or(Some(error));
                    why = why.or(Some(Degraded::Input));
                }
                Err(Obstacle::Model) => why = why.or(Some(Degraded::ModelFailing)),
            }
        }
        self.refused(refused);
        self.fall_back(event, why.unwrap_or(Degraded::ModelFailing))
    }

    /// Counts an event that the best model cannot take, whichever rung answers it.
    fn refused(&mut self, why: Option<FrameError>) {
        if let Some(error) = why {
            self.monitor.rejected(error);
            log::debug!("an event is not what the model needs: {error}");
        }
    }

    fn attempt(
        &mut self,
        variant: usize,
        event: &Frame<'_>,
        run: &mut impl FnMut(u8) -> Outcome,
    ) -> Result<Value, Obstacle> {
        let step = &self.rungs[variant];
        // The model itself is told everything that events carry; what it does not know is a change of the schema.
        let checked = match variant {
            0 => contract::check(&step.contract, event),
            _ => contract::check_known(&step.contract, event),
        };
        checked.map_err(Obstacle::Input)?;
        if matches!(step.breaker.state(self.now), Passage::Open(_)) {
            return Err(Obstacle::Model);
        }
        let outcome = run(variant as u8);
        let failure = match outcome {
            Outcome::Value(value) => match self.fault(&value) {
                None => {
                    if self.rungs[variant].breaker.succeeded() {
                        self.events.push(Event::BreakerClosed);
                    }
                    self.monitor.completed(Admission::Admitted, Duration::ZERO);
                    return Ok(value);
                }
                Some(fault) => RunFailure::Refused(fault),
            },
            Outcome::Failed(why) => why,
            Outcome::Cancelled => {
                self.monitor.completed(Admission::Cancelled, Duration::ZERO);
                return Err(Obstacle::Model);
            }
        };
        self.monitor.completed(Admission::Failed(failure), Duration::ZERO);
        if self.rungs[variant].breaker.failed(self.now) {
            self.events.push(Event::BreakerOpened(failure));
        }
        Err(Obstacle::Model)
    }

    fn fault(&self, value: &Value) -> Option<ValueFault> {
        if value.kind() == self.config.output { value.fault() } else { Some(ValueFault::WrongKind) }
    }

    fn answered(&mut self, event: &Frame<'_>, variant: u8, value: Value, why: Option<Degraded>) -> Answer {
        let rung = if variant == 0 { Rung::Model } else { Rung::SmallerVariant };
        let case = Case { value: &value, rung, variant };
        let decision = self.decider.as_ref().and_then(|decider| decider.event(&case));
        let mask = self.monitor.mask();
        let prediction = self.monitor.predicted(self.now, mask, &value, decision.as_ref());
        if self.service > Service::Full {
            let rule = self.fall_back(event, Degraded::Response);
            return Answer { prediction: Some(prediction), ..rule };
        }
        let answer = Answer {
            value: Some(value),
            source: Source::Model,
            prediction: Some(prediction),
            key_frame: Some(event.captured),
            uncertainty: 0.0,
            within_tolerance: why.is_none(),
            variant,
            model_version: self.rungs[usize::from(variant)].version,
            degraded: why,
            ..Answer::unavailable(Degraded::WarmingUp, 0)
        };
        self.decided(event, answer, rung)
    }

    fn fall_back(&mut self, event: &Frame<'_>, why: Degraded) -> Answer {
        let none = Answer::unavailable(why, self.config.model_version);
        match self.config.rule.clone() {
            Some(rule) => {
                let answer = Answer { value: Some(rule), source: Source::Rule, ..none };
                self.decided(event, answer, Rung::Rule)
            }
            None => self.decided(event, none, Rung::Unavailable),
        }
    }

    /// Stage `decide`, and the books.
    fn decided(&mut self, event: &Frame<'_>, mut answer: Answer, rung: Rung) -> Answer {
        let captured = event.captured;
        if let (Some(decider), Some(value)) = (&mut self.decider, &answer.value) {
            answer.decision = decider.event(&Case { value, rung, variant: answer.variant });
            let offer = answer.decision.and_then(|decision| decider.offer(captured, &decision));
            if let Some(offer) = offer {
                self.events.offered(&offer);
            }
        }
        if rung != self.rung {
            self.rung = rung;
            self.events.push(Event::RungChanged(rung));
        }
        self.monitor.answered(answer.source, answer.within_tolerance, Duration::ZERO, Duration::ZERO);
        answer
    }

    /// Takes that time has come to `now`, and does what the response plan asks for.
    fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        let Some(changed) = judge(&mut self.monitor, &mut self.events, self.now) else { return };
        if changed.roll_back {
            self.barred = (self.barred + 1).min(self.rungs.len());
        }
        self.service = Service::of(&self.monitor, self.barred == self.rungs.len());
    }

    /// What the response plan has done to the service, for [`restore`](Self::restore) at the next start; see
    /// [`Engine::latched`](super::Engine::latched).
    pub fn latched(&self, identity: u64) -> [u8; LATCHED_BYTES] {
        let rules = self.monitor.live().map_or(0, Live::standing);
        let latched = Latched { rules, barred: self.barred as u8, retired: false };
        latched.to_bytes(belonging(&self.config, identity))
    }

    /// Makes what stood before a restart stand again; see [`Engine::restore`](super::Engine::restore).
    ///
    /// # Errors
    /// When `bytes` are not what [`latched`](Self::latched) gave.
    pub fn restore(&mut self, identity: u64, bytes: &[u8]) -> Result<Restored, LatchError> {
        let Some(latched) = Latched::from_bytes(belonging(&self.config, identity), bytes)? else {
            return Ok(Restored::Cleared);
        };
        if latched.retired || !latched.fits(&self.config, &self.monitor, self.rungs.len()) {
            return Err(LatchError::Content);
        }
        if let Some(live) = self.monitor.live_mut() {
            live.stand(latched.rules);
        }
        self.barred = self.barred.max(usize::from(latched.barred));
        self.service = Service::of(&self.monitor, self.barred == self.rungs.len());
        Ok(latched.restored())
    }

    /// Takes the truth for the prediction of an answer, as it becomes known. While the response plan keeps answers to the
    /// rule, they name what the model said all the same: labels for it are how that ends.
    pub fn handle_label(&mut self, now: Timestamp, prediction: PredictionId, truth: Truth) -> Labelled {
        self.advance(now);
        let tolerance = (self.config.tolerance.epsilon, self.config.tolerance.miss_rate);
        match self.monitor.live_mut() {
            Some(live) => live.label(self.now, prediction, truth, tolerance),
            None => Labelled::Unwatched,
        }
    }

    /// States the group of a slice that holds from now on; see [`Engine::set_slice`](super::Engine::set_slice).
    pub fn set_slice(&mut self, slice: &str, value: &str) -> bool {
        self.monitor.live_mut().is_some_and(|live| live.set_slice(slice, value))
    }

    /// The next thing that the host may want to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// The item that is the dearest to leave unseen, for a person who is free now.
    pub fn take_review(&mut self) -> Option<ReviewItem> {
        self.decider.as_mut()?.take_review()
    }

    /// What decides on answers, if the card says how.
    pub const fn decider(&self) -> Option<&Decider> {
        self.decider.as_ref()
    }

    /// What happened so far.
    pub const fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// What the engine was told at the start.
    pub const fn config(&self) -> &Config {
        &self.config
    }
}

/// Why a model of the ladder does not answer.
enum Obstacle {
    /// The event is not what it needs.
    Input(FrameError),
    /// It fails, or failed too often.
    Model,
}
