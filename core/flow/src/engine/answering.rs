//! The display side of the engine: what stands in the answer for one refresh.
//! **Invariant:** every call gives exactly one answer; nothing past the maximum age is shown as a result.
//! It does not look at frames or plan runs.

use core::time::Duration;

use crate::{
    answer::{Answer, Carry, Degraded, Source},
    config::{Config, DisplayMode},
    decide::{Case, Decider, decide},
    decision::{Action, Decision, ReviewItem},
    ingredient::Ingredients,
    plan::SkipReason,
    rung::Rung,
    schedule::Forecast,
    source::{Carried, Carrier},
    time::Timestamp,
    value::Value,
};

use super::{Engine, Newest, watch::Service};

/// What an answer is made of. Making one changes nothing of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub config: &'a Config,
    pub carrier: &'a Carrier,
    pub forecast: &'a Forecast,
    pub standing: &'a Standing,
}

/// What of that is a few numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Capture time of the newest frame.
    pub seen: Option<Timestamp>,
    pub newest: Option<Newest>,
    /// The variant behind it, and that one's version.
    pub variant: u8,
    pub version: u32,
    pub display_period: Duration,
    /// Whether the newest frame makes the answers suspect.
    pub suspect: bool,
    /// Whether the circuit breaker is open.
    pub failing: bool,
    /// What stood against the newest run that was wanted.
    pub obstacle: Option<SkipReason>,
    /// What was last decided.
    pub action: Option<Action>,
    /// What the response plan leaves of the service.
    pub service: Service,
}

/// What is counted and told of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    source: Source,
    within: bool,
    age: Duration,
    horizon: Duration,
    /// Capture time of what was decided on: the result's, or the newest frame's where there is none.
    captured: Timestamp,
    decision: Option<Decision>,
}

impl Said {
    pub fn of(answer: &Answer, standing: &Standing) -> Self {
        Self {
            source: answer.source,
            within: answer.within_tolerance,
            age: answer.age,
            horizon: answer.horizon,
            captured: answer.key_frame.or(standing.seen).unwrap_or_default(),
            decision: answer.decision,
        }
    }
}

impl Engine {
    /// The answer for the refresh that is shown at `display`; it stays valid until the next call.
    ///
    /// Called on the display thread: O(tracks), no allocation in steady state.
    pub fn answer_at(&mut self, display: Timestamp) -> &Answer {
        let value = self
            .answer
            .value
            .take()
            .unwrap_or_else(|| core::mem::replace(&mut self.spare, Value::Scalar(0.0)));
        let standing = self.standing();
        let facts = Facts {
            config: &self.config,
            carrier: &self.carrier,
            forecast: self.scheduler.forecast(),
            standing: &standing,
        };
        self.answer = facts.answer(display, value, &mut self.spare);
        let said = Said::of(&self.answer, &standing);
        self.said(&said);
        &self.answer
    }

    /// Counts an answer, and tells when the answers have fallen to another rung.
    pub(super) fn said(&mut self, said: &Said) {
        let Said { source, within, age, horizon, captured, decision } = *said;
        let rung = rung(source, self.variant);
        // Model and predicted alternate with every key frame: only a fall below both is news.
        if rung.max(self.rung) > Rung::Predicted {
            self.set_rung(rung);
        }
        self.monitor.answered(source, within, age, horizon);
        let decided = self.decider.as_mut().zip(decision);
        if let Some(offer) = decided.and_then(|(decider, decision)| decider.decided(captured, &decision)) {
            self.events.offered(&offer);
        }
    }

    /// The item that is the dearest to leave unseen, for a person who is free now.
    pub fn take_review(&mut self) -> Option<ReviewItem> {
        self.decider.as_mut()?.take_review()
    }

    /// What decides on answers, if the card says how: the load of the reviewers.
    pub const fn decider(&self) -> Option<&Decider> {
        self.decider.as_ref()
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            seen: self.clock.newest(),
            newest: self.newest,
            variant: self.variant,
            version: self.scheduler.version(self.variant),
            display_period: self.display_period,
            suspect: self.suspicion.is_some(),
            failing: self.scheduler.open_until().is_some(),
            obstacle: self.obstacle,
            action: self.decider.as_ref().and_then(Decider::last),
            service: self.service,
        }
    }

    /// The rung of the newest result.
    pub(super) const fn model_rung(&self) -> Rung {
        if self.variant == 0 { Rung::Model } else { Rung::SmallerVariant }
    }
}

impl Facts<'_> {
    /// The answer for `display`, in the memory of `value`; that goes to `spare` when there is nothing to show.
    pub fn answer(&self, display: Timestamp, mut value: Value, spare: &mut Value) -> Answer {
        let at = content_time(self.config, self.standing.seen, display);
        let carried = self.carrier.answer(at, &mut value);
        let max_age = self.config.budget.max_age;
        let mut answer = match carried {
            _ if self.standing.service > Service::Full => {
                // Named all the same: labels for what the model says end a fallback.
                let said = self.standing.newest.filter(|n| display.since(n.ran) <= max_age);
                let rule = self.fall_back(value, spare, Degraded::Response);
                Answer { prediction: said.map(|n| n.prediction), ..rule }
            }
            Some(c) if c.key_frame.since(at) > max_age => self.fall_back(value, spare, Degraded::TooFarBack),
            Some(c) if display.since(ran(self.standing.newest, c.key_frame)) > max_age => {
                self.fall_back(value, spare, Degraded::TooOld)
            }
            Some(c) => self.carried(display, at, value, c),
            None => self.fall_back(value, spare, Degraded::WarmingUp),
        };
        answer.decision = self.decide(&answer);
        answer
    }

    /// Stage `decide`.
    fn decide(&self, answer: &Answer) -> Option<Decision> {
        let (config, value) = (self.config.decide.as_ref()?, answer.value.as_ref()?);
        let rung = rung(answer.source, answer.variant);
        let case = Case { value, rung, variant: answer.variant };
        decide(config, &case, self.standing.action)
    }

    fn carried(&self, display: Timestamp, at: Timestamp, value: Value, c: Carried) -> Answer {
        let Standing { newest, display_period, .. } = *self.standing;
        let ran = ran(newest, c.key_frame);
        let age = display.since(c.key_frame);
        // Between two results the age of either says nothing.
        let risk_age = if c.carry.is_some() { at.since(c.key_frame) } else { Duration::ZERO };
        let uncertainty = self.forecast.error(c.spread, risk_age);
        let cached = newest.is_some_and(|n| n.cached && n.captured == c.key_frame);
        let source = match c.carry {
            None => Source::Interpolated,
            Some(Carry::Hold) if age <= display_period => {
                if cached {
                    Source::Cached
                } else {
                    Source::Model
                }
            }
            Some(Carry::Hold) if cached && c.horizon <= display_period.as_secs_f32() => Source::Cached,
            Some(carry) => Source::Predicted(carry),
        };
        let within_tolerance = uncertainty <= self.config.tolerance.epsilon && !self.standing.suspect;
        let degraded = (!within_tolerance).then_some(match self.standing.obstacle {
            Some(SkipReason::ModelFailing) => Degraded::ModelFailing,
            Some(SkipReason::Deadline | SkipReason::Budget) => Degraded::Budget,
            Some(SkipReason::Heat) => Degraded::Heat,
            Some(SkipReason::Energy) => Degraded::Energy,
            Some(SkipReason::Shared) => Degraded::Shared,
            _ => Degraded::ErrorForecast,
        });
        Answer {
            value: Some(value),
            source,
            key_frame: Some(ran),
            age: display.since(ran),
            horizon: Duration::try_from_secs_f32(c.horizon.max(0.0)).unwrap_or(Duration::MAX),
            uncertainty,
            within_tolerance,
            variant: self.standing.variant,
            model_version: self.standing.version,
            prediction: newest.map(|n| n.prediction),
            degraded,
            decision: None,
        }
    }

    /// The rungs that need no result: the card's rule, or nothing.
    fn fall_back(&self, mut value: Value, spare: &mut Value, why: Degraded) -> Answer {
        let why = if self.standing.failing { Degraded::ModelFailing } else { why };
        let none = Answer::unavailable(why, self.config.model_version);
        if let Some(rule) = &self.config.rule {
            value.clone_from(rule);
            Answer { value: Some(value), source: Source::Rule, ..none }
        } else {
            *spare = value;
            none
        }
    }
}

/// The rung of an answer.
const fn rung(source: Source, variant: u8) -> Rung {
    match source {
        Source::Model | Source::Cached if variant == 0 => Rung::Model,
        Source::Model | Source::Cached => Rung::SmallerVariant,
        Source::Interpolated | Source::Predicted(_) => Rung::Predicted,
        Source::Rule => Rung::Rule,
        Source::Unavailable => Rung::Unavailable,
    }
}

/// When the model really saw what stands behind the key frame of an answer.
pub(super) fn ran(newest: Option<Newest>, key_frame: Timestamp) -> Timestamp {
    newest.filter(|n| n.captured == key_frame).map_or(key_frame, |n| n.ran)
}

/// The time whose content is shown at `display`, when the newest frame was captured at `seen`.
pub(super) fn content_time(config: &Config, seen: Option<Timestamp>, display: Timestamp) -> Timestamp {
    let display = match seen {
        Some(newest) if config.scheduling.without.has(Ingredients::PREDICTION) => display.min(newest),
        _ => display,
    };
    match config.mode {
        DisplayMode::Predict => display,
        DisplayMode::Delayed(delay) => display.minus(delay),
    }
}
