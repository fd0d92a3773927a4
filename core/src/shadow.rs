//! A candidate in the model's shadow: its own model and worker's jobs, under the engine's leave.
//! **Invariant:** what a candidate says ends in a [`ShadowResult`], which the engine counts and nothing can show.
//! It does not decide when a candidate runs and does not compare: `inbetween_flow` does.

use inbetween_flow::{
    ConfigError, Frame, Outcome, TicketId, Timestamp,
    rollout::{ShadowConfig, ShadowCounts, ShadowResult, ShadowTicket},
};
use inbetween_infer::{Head, LoadLimits, Model};

use crate::{
    bundle::Bundle,
    candidate::Candidate,
    engine::Engine,
    error::EngineError,
    job::{Ready, Run},
};

/// A run of the candidate, on the frame that the model's newest result is of. Send it to a worker.
///
/// It gives a [`ShadowResult`], not a [`Completion`](crate::Completion): the engine takes it for comparison, and it has no
/// way into an answer.
///
/// ```compile_fail
/// # use inbetween::{Engine, Frame, ShadowJob, Timestamp};
/// fn show(engine: &mut Engine, job: ShadowJob, frame: &Frame<'_>) {
///     engine.handle_completion(Timestamp::ZERO, job.run(frame)); // a ShadowResult is no Completion
/// }
/// ```
/// ```compile_fail
/// # use inbetween::{Frame, Outcome, ShadowJob};
/// fn read(job: ShadowJob, frame: &Frame<'_>) -> Outcome {
///     job.run(frame).outcome // private
/// }
/// ```
#[derive(Debug)]
#[must_use = "run it, or the candidate waits until it expires"]
pub struct ShadowJob {
    ticket: ShadowTicket,
    run: Run,
}

impl ShadowJob {
    /// The run of the model whose frame it is for.
    pub const fn of(&self) -> TicketId {
        self.ticket.of()
    }

    /// Runs the candidate on the frame that the model ran on. Takes as long as it takes.
    pub fn run(self, frame: &Frame<'_>) -> ShadowResult {
        self.prepare(frame).run()
    }

    /// Copies what the candidate needs of the frame; afterwards the camera may have its buffer back.
    pub fn prepare(self, frame: &Frame<'_>) -> PreparedShadow {
        PreparedShadow { ticket: self.ticket, ready: self.run.prepare(frame) }
    }

    /// Gives the run up.
    pub fn abandon(self) -> ShadowResult {
        self.ticket.end(Outcome::Cancelled)
    }
}

/// A run of the candidate that does not need its frame any more.
#[derive(Debug)]
#[must_use = "run it, or the candidate waits until it expires"]
pub struct PreparedShadow {
    ticket: ShadowTicket,
    ready: Ready,
}

impl PreparedShadow {
    /// Runs the candidate. Takes as long as it takes.
    pub fn run(self) -> ShadowResult {
        let of = self.ticket.of();
        self.ticket.end(self.ready.run("shadow of run", of))
    }
}

impl Engine {
    /// With the model of another bundle in the shadow of this one: it runs in slack, under the caps of `config`, and changes
    /// nothing that the app sees.
    ///
    /// # Errors
    /// When a cap is out of range, or the candidate cannot be used or gives another kind of value.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use inbetween::{
    ///     Bundle, Completion, Engine, EngineError, Frame, Options, Timestamp, rollout::ShadowConfig,
    /// };
    ///
    /// fn watched(now: Bundle, next: &Bundle) -> Result<Engine, EngineError> {
    ///     let caps = ShadowConfig {
    ///         energy_mj_per_run: 12.0,
    ///         energy_mj_per_s: 2.0,
    ///         initial_latency: Duration::from_millis(40),
    ///         duty: 0.05,
    ///     };
    ///     Engine::new(now, Options::default())?.with_shadow(next, caps)
    /// }
    ///
    /// /// Where a run ends, and its frame is still there.
    /// fn ended(engine: &mut Engine, now: Timestamp, completion: Completion, frame: &Frame<'_>) {
    ///     engine.handle_completion(now, completion);
    ///     if let Some(job) = engine.ask_shadow(now) {
    ///         engine.handle_shadow(now, job.run(frame)); // on a worker, as other runs
    ///     }
    ///     if let Some(agreement) = engine.shadow().and_then(|counts| counts.agreement()) {
    ///         println!("{} ({} to {})", agreement.share, agreement.low, agreement.high);
    ///     }
    /// }
    /// ```
    pub fn with_shadow(mut self, candidate: &Bundle, config: ShadowConfig) -> Result<Self, EngineError> {
        if Head::kind_of(&candidate.card().model.head) != self.config().output {
            let (field, must) = ("shadow.model.head", "of the kind of value that the model gives");
            return Err(EngineError::Config(ConfigError { field, must }));
        }
        self.flow = self.flow.with_shadow(config).map_err(EngineError::Config)?;
        let model = Model::load(candidate.model(), &candidate.card().model, LoadLimits::default())?;
        self.candidate = Some(Candidate::new(model)?);
        Ok(self)
    }

    /// A run of the candidate, if there is slack for one now. Ask after each completion, while the frame that was run is
    /// still there. See [`inbetween_flow::Engine::ask_shadow`].
    pub fn ask_shadow(&mut self, now: Timestamp) -> Option<ShadowJob> {
        let candidate = self.candidate.as_mut()?;
        let ticket = self.flow.ask_shadow(now)?;
        let Some((_, stated)) = self.ended.filter(|(id, _)| *id == ticket.of()) else {
            // A newer run has ended since, and its frame is the one that the host has.
            self.flow.handle_shadow(now, ticket.end(Outcome::Cancelled));
            return None;
        };
        let run = candidate.start(ticket.of(), stated);
        Some(ShadowJob { ticket, run })
    }

    /// Takes what came of a run of the candidate.
    pub fn handle_shadow(&mut self, now: Timestamp, result: ShadowResult) {
        self.flow.handle_shadow(now, result);
    }

    /// How the candidate compares with the model so far; `None` without one.
    pub fn shadow(&self) -> Option<&ShadowCounts> {
        self.flow.shadow()
    }
}
