//! Answers apart from the engine, for a display thread that must not wait while the engine handles a frame.
//! **Invariant:** an answerer says, bit for bit, what its engine would have said when it was last updated.
//! It does not count or tell of events: the engine does, at the next update.

use alloc::vec::Vec;

use crate::{
    answer::{Answer, Degraded},
    config::Config,
    schedule::Forecast,
    source::Carrier,
    time::Timestamp,
    value::Value,
};

use super::{
    Engine,
    answering::{Facts, Said, Standing},
};

/// Answers that are remembered until they are counted: ten seconds of refreshes while the engine is busy all along.
const SAID: usize = 1200;

/// A copy of what answers are made of.
///
/// An engine that is shared by threads is behind a lock, and a frame holds it for as long as its pixels are followed. A
/// display thread that finds the lock taken asks an answerer instead, which the host updates at the end of each call that
/// changes the engine, and keeps behind a lock of its own. With two of them, one to be asked and one to be updated, that
/// lock is held only to exchange them.
///
/// # Example
/// ```
/// use inbetween_flow::{Config, Engine, Timestamp, ValueKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut engine = Engine::new(Config::for_images(ValueKind::Scalar, 0.1), 42)?;
/// let mut answerer = engine.answerer();
/// // After each call that changes the engine:
/// engine.update(&mut answerer);
/// // At a refresh, while the engine is busy:
/// let display = Timestamp::from_millis(116);
/// assert_eq!(answerer.answer_at(display), engine.answer_at(display));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Answerer {
    config: Config,
    carrier: Carrier,
    forecast: Forecast,
    standing: Standing,
    answer: Answer,
    spare: Value,
    said: Vec<Said>,
}

impl Answerer {
    /// The answer for the refresh that is shown at `display`; it stays valid until the next call. See
    /// [`Engine::answer_at`].
    pub fn answer_at(&mut self, display: Timestamp) -> &Answer {
        let value = self
            .answer
            .value
            .take()
            .unwrap_or_else(|| core::mem::replace(&mut self.spare, Value::Scalar(0.0)));
        let facts = Facts {
            config: &self.config,
            carrier: &self.carrier,
            forecast: &self.forecast,
            standing: &self.standing,
        };
        self.answer = facts.answer(display, value, &mut self.spare);
        self.standing.action = self.answer.decision.map(|d| d.action).or(self.standing.action);
        if self.said.len() < SAID {
            self.said.push(Said::of(&self.answer, &self.standing));
        }
        &self.answer
    }
}

impl Engine {
    /// What answers are made of now, apart from the engine.
    pub fn answerer(&self) -> Answerer {
        Answerer {
            config: self.config.clone(),
            carrier: self.carrier.for_answers(),
            forecast: self.scheduler.forecast().clone(),
            standing: self.standing(),
            answer: Answer::unavailable(Degraded::WarmingUp, self.config.model_version),
            spare: Value::empty(self.config.output),
            said: Vec::with_capacity(SAID),
        }
    }

    /// Brings an answerer of this engine up to date, and counts what it has said since the last time: the first 1200
    /// answers.
    ///
    /// It copies the tracks (microseconds; for a mask, its cells): a host with one thread needs none of this.
    pub fn update(&mut self, answerer: &mut Answerer) {
        for said in answerer.said.drain(..) {
            self.said(&said);
        }
        answerer.carrier = self.carrier.for_answers();
        answerer.forecast.clone_from(self.scheduler.forecast());
        answerer.standing = self.standing();
    }
}
