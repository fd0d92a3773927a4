//! The display side of the engine: what stands in the answer for one refresh.
//! **Invariant:** every call gives exactly one answer; nothing past the maximum age is shown as a result.
//! It does not look at frames or plan runs.

use core::time::Duration;

use crate::{
    answer::{Answer, Carry, Degraded, Source},
    plan::{Rung, SkipReason},
    source::Carried,
    time::Timestamp,
    value::Value,
};

use super::Engine;

impl Engine {
    /// The answer for the refresh that is shown at `display`; it stays valid until the next call.
    ///
    /// Called on the display thread: O(tracks), no allocation in steady state.
    pub fn answer_at(&mut self, display: Timestamp) -> &Answer {
        let mut value = self
            .answer
            .value
            .take()
            .unwrap_or_else(|| core::mem::replace(&mut self.spare, Value::Scalar(0.0)));
        let at = self.content_time(display);
        let carried = self.carrier.answer(at, &mut value);
        let max_age = self.config.budget.max_age;
        self.answer = match carried {
            Some(c) if c.key_frame.since(at) > max_age => self.fall_back(value, Degraded::TooFarBack),
            Some(c) if display.since(self.ran(c.key_frame)) > max_age => {
                self.fall_back(value, Degraded::TooOld)
            }
            Some(c) => self.carried(display, at, value, c),
            None => self.fall_back(value, Degraded::WarmingUp),
        };
        let rung = match self.answer.source {
            Source::Model | Source::Cached => self.model_rung(),
            Source::Interpolated | Source::Predicted(_) => Rung::Predicted,
            Source::Rule => Rung::Rule,
            Source::Unavailable => Rung::Unavailable,
        };
        // Model and predicted alternate with every key frame: only a fall below both is news.
        if rung.max(self.rung) > Rung::Predicted {
            self.set_rung(rung);
        }
        self.monitor.answered(self.answer.source, self.answer.within_tolerance, self.answer.age);
        &self.answer
    }

    fn carried(&self, display: Timestamp, at: Timestamp, value: Value, c: Carried) -> Answer {
        let ran = self.ran(c.key_frame);
        let age = display.since(c.key_frame);
        // Between two results the age of either says nothing.
        let risk_age = if c.carry.is_some() { at.since(c.key_frame) } else { Duration::ZERO };
        let uncertainty = self.scheduler.error(c.spread, risk_age);
        let cached = self.newest.is_some_and(|n| n.cached && n.captured == c.key_frame);
        let source = match c.carry {
            None => Source::Interpolated,
            Some(Carry::Hold) if age <= self.display_period => {
                if cached {
                    Source::Cached
                } else {
                    Source::Model
                }
            }
            Some(Carry::Hold) if cached && c.horizon <= self.display_period.as_secs_f32() => Source::Cached,
            Some(carry) => Source::Predicted(carry),
        };
        let within_tolerance = uncertainty <= self.config.tolerance.epsilon && self.suspicion.is_none();
        let degraded = (!within_tolerance).then_some(match self.obstacle {
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
            variant: self.variant,
            model_version: self.scheduler.version(self.variant),
            degraded,
        }
    }

    /// The rung of the newest result.
    pub(super) const fn model_rung(&self) -> Rung {
        if self.variant == 0 { Rung::Model } else { Rung::SmallerVariant }
    }

    /// The rungs that need no result: the card's rule, or nothing.
    fn fall_back(&mut self, mut value: Value, why: Degraded) -> Answer {
        let why = if self.scheduler.open_until().is_some() { Degraded::ModelFailing } else { why };
        let none = Answer::unavailable(why, self.config.model_version);
        if let Some(rule) = &self.config.rule {
            value.clone_from(rule);
            Answer { value: Some(value), source: Source::Rule, ..none }
        } else {
            self.spare = value;
            none
        }
    }
}
