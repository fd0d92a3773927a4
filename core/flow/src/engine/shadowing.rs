//! A candidate beside the model: when it may run, and how what it says is counted.
//! **Invariant:** no answer, plan or event depends on what a candidate says.
//! It does not run the candidate: the host does, with leave, on the frame that the model ran on.

use crate::{
    cache,
    error::ConfigError,
    plan::Event,
    rollout::{Shadow, ShadowConfig, ShadowCounts, ShadowResult, ShadowTicket, Slack},
    time::Timestamp,
};

use super::Engine;

impl Engine {
    /// With a candidate in the model's shadow.
    ///
    /// # Errors
    /// When a field of the configuration is out of range.
    pub fn with_shadow(mut self, config: ShadowConfig) -> Result<Self, ConfigError> {
        self.shadow = Some(Shadow::new(config)?);
        Ok(self)
    }

    /// Leave to run the candidate now, on the frame of the model's newest result. Ask after each completion; `None` when
    /// there is no slack or nothing left to spend.
    ///
    /// There is slack when no run of the model is under way or wanted, the device is neither warm nor saving power, and a
    /// run of the model that had to wait for the candidate's end would still meet its deadline.
    pub fn ask_shadow(&mut self, now: Timestamp) -> Option<ShadowTicket> {
        let now = self.advance(now);
        let idle = self.flights.len() == 0 && self.obstacle.is_none() && self.suspicion.is_none();
        let free = self.config.budget.deadline.saturating_sub(self.scheduler.latency());
        let restrained = !idle || self.restrained;
        self.shadow.as_mut()?.ask(now, Slack { free, restrained })
    }

    /// Takes what came of a run of the candidate.
    pub fn handle_shadow(&mut self, now: Timestamp, result: ShadowResult) {
        let now = self.advance(now);
        let (epsilon, kind) = (self.config.tolerance.epsilon, self.config.output);
        if let Some(shadow) = &mut self.shadow {
            shadow.ended(now, result, epsilon, |said, value| {
                (value.kind() == kind && value.fault().is_none()).then(|| cache::error(value, said))
            });
        }
    }

    /// How the candidate compares with the model; `None` without one.
    pub fn shadow(&self) -> Option<&ShadowCounts> {
        self.shadow.as_ref().map(Shadow::counts)
    }

    /// The model is wanted: a candidate that runs gives way.
    pub(super) fn stop_shadow(&mut self) {
        if let Some(of) = self.shadow.as_mut().and_then(Shadow::give_way) {
            self.events.push(Event::CancelShadow(of));
        }
    }
}
