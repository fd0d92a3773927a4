//! The pipeline, one call a stage: contract, gate, schedule, source, monitor.
//! **Invariant:** the same calls with the same seed give the same outputs, bit for bit.
//! It does not run models, read clocks or start threads: the host does.

use core::time::Duration;

use crate::{
    answer::{Answer, Degraded, Source},
    config::{Config, ConfigError},
    error::FrameError,
    frame::Frame,
    plan::{
        Admission, Completion, Environment, Event, Outcome, Plan, RunReason, SkipReason, Ticket, TicketId,
        Timeout,
    },
    source::Carrier,
    time::Timestamp,
    value::Value,
};

/// The state machine of one model on one stream.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    carrier: Carrier,
    in_flight: Option<Ticket>,
    next: u64,
    answer: Answer,
}

impl Engine {
    /// An engine for `config`; `seed` decides its audits and nothing else.
    ///
    /// # Errors
    /// When a field of the configuration is out of range.
    pub fn new(config: Config, seed: u64) -> Result<Self, ConfigError> {
        config.validate()?;
        let _ = seed;
        let carrier = Carrier::new(config.output, &config.tolerance, config.mode);
        let answer = Answer::unavailable(Degraded::WarmingUp, config.model_version);
        Ok(Self { config, carrier, in_flight: None, next: 0, answer })
    }

    /// Takes a frame and says whether to run the model on it.
    ///
    /// # Errors
    /// When the frame is not what the configuration promises.
    pub fn handle_frame(&mut self, now: Timestamp, frame: &Frame<'_>) -> Result<Plan, FrameError> {
        let _ = now;
        if self.in_flight.is_some() {
            return Ok(Plan::Skip(SkipReason::InFlight));
        }
        self.next += 1;
        let ticket = Ticket {
            id: TicketId(self.next),
            captured: frame.captured,
            variant: 0,
            reason: RunReason::Forecast,
            expires: frame.captured + self.config.budget.max_age,
        };
        self.in_flight = Some(ticket);
        Ok(Plan::Run(ticket))
    }

    /// Takes the end of a run.
    pub fn handle_completion(&mut self, now: Timestamp, completion: Completion) -> Admission {
        let _ = now;
        let Some(ticket) = self.in_flight.take_if(|t| t.id == completion.ticket) else {
            return Admission::UnknownTicket;
        };
        match completion.outcome {
            Outcome::Value(value) => {
                self.carrier.admit(ticket.captured, &value);
                Admission::Admitted
            }
            Outcome::Failed(why) => Admission::Failed(why),
            Outcome::Cancelled => Admission::Cancelled,
        }
    }

    /// The answer for the refresh that is shown at `display`. It stays valid until the next call.
    pub fn answer_at(&mut self, display: Timestamp) -> &Answer {
        let mut value = self.answer.value.take().unwrap_or_else(|| Value::empty(self.config.output));
        match self.carrier.answer(display, &mut value) {
            Some(c) => {
                self.answer = Answer {
                    value: Some(value),
                    source: Source::Predicted(c.carry.unwrap_or(crate::answer::Carry::Hold)),
                    key_frame: Some(c.key_frame),
                    age: display.since(c.key_frame),
                    horizon: Duration::from_secs_f32(c.horizon),
                    uncertainty: c.spread,
                    within_tolerance: true,
                    model_version: self.config.model_version,
                    degraded: None,
                };
            }
            None => self.answer = Answer::unavailable(Degraded::WarmingUp, self.config.model_version),
        }
        &self.answer
    }

    /// Takes what changed about the device.
    pub fn handle_environment(&mut self, now: Timestamp, environment: Environment) {
        let _ = (now, environment);
    }

    /// The next thing that the host may want to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When `handle_timeout` is due, and why.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Timeout)> {
        self.in_flight.map(|t| (t.expires, Timeout::Ticket(t.id)))
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.in_flight.take_if(|t| t.expires <= now);
    }

    /// Forgets all results, as after a suspend. Runs that are in flight will be unknown when they end.
    pub fn reset(&mut self) {
        self.carrier.reset();
        self.in_flight = None;
    }
}
