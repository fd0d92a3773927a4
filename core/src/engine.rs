//! The engine of one model on one stream: policy from `inbetween-flow`, runs from `inbetween-infer`.
//! **Invariant:** `handle_frame` and `answer_at` never run the model and never wait for one that runs.
//! It does not decide: `inbetween_flow::Engine` does.

use std::sync::Arc;

use inbetween_flow::{
    Admission, Answer, Answerer, Completion, Config, ConfigError, Environment, Event, Frame, FrameError,
    LATCHED_BYTES, Labelled, LatchError, Plan as FlowPlan, PredictionId, Restored, ReviewItem, Share,
    SkipReason, TicketId, Timeout, Timestamp, Truth, Value,
    monitor::{Monitor, export::Snapshot},
};
use inbetween_infer::{CancelToken, LoadLimits, Model};

use crate::{
    bundle::Bundle,
    candidate::Candidate,
    convert,
    error::EngineError,
    job::{Job, Pool, Run},
};

/// What the host decides about an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Decides the audits and nothing else; the same seed and calls give the same plans and answers.
    pub seed: u64,
}

/// What to do with one frame.
#[derive(Debug)]
pub enum Plan {
    /// Run the model on it: give the job and the frame to a worker.
    Run(Job),
    /// Do not.
    Skip(SkipReason),
}

/// One model on one stream. See the crate's documentation for the run loop.
#[derive(Debug)]
pub struct Engine {
    pub(crate) flow: inbetween_flow::Engine,
    config: Config,
    /// Of the model itself, then of its variants.
    pools: Vec<Arc<Pool>>,
    /// Their names in the card, if there is one.
    names: Vec<String>,
    /// Part of the hash of their bytes; 0 where a model was loaded by the host.
    identity: u64,
    /// The runs that have not ended.
    running: Vec<Running>,
    /// The newest run whose end was reported, and the capture time of its frame.
    pub(crate) ended: Option<(TicketId, Timestamp)>,
    pub(crate) candidate: Option<Candidate>,
}

/// A run that has not ended.
#[derive(Debug)]
struct Running {
    ticket: TicketId,
    /// Capture time of its frame, as the host stated it.
    stated: Timestamp,
    cancel: CancelToken,
}

impl Engine {
    /// Loads the bundle's models and makes an engine. Takes tens of milliseconds for each: not on the display thread.
    /// The variants of a model stay in memory beside it, so that the engine can change over at once.
    ///
    /// # Errors
    /// When the configuration is out of range or a model cannot be used.
    pub fn new(bundle: Bundle, options: Options) -> Result<Self, EngineError> {
        let (mut models, mut names) = (Vec::new(), Vec::new());
        for (i, bytes) in bundle.models().enumerate() {
            let Some(spec) = bundle.card().model.variant(i) else { continue };
            let loaded = Model::load(bytes, &spec, LoadLimits::default());
            models.push(loaded.map_err(|error| match i {
                0 => EngineError::Model(error),
                _ => EngineError::Variant { name: spec.name.clone(), error },
            })?);
            names.push(spec.name);
        }
        let config = convert::config(bundle.card());
        let identity = bundle.identity();
        drop(bundle); // the models have their own copies of the weights
        Ok(Self { names, identity, ..Self::with_models(config, models, options)? })
    }

    /// An engine for a model that is loaded already; several engines may share one.
    ///
    /// # Errors
    /// When the configuration is out of range or the model cannot make a run state.
    pub fn with_model(config: Config, model: Model, options: Options) -> Result<Self, EngineError> {
        Self::with_models(config, vec![model], options)
    }

    /// An engine for a model and the variants of it that the configuration states, in that order.
    ///
    /// # Errors
    /// When the configuration is out of range, there are more or fewer variants, or a model cannot make a run state.
    pub fn with_models(config: Config, models: Vec<Model>, options: Options) -> Result<Self, EngineError> {
        let flow = inbetween_flow::Engine::new(config.clone(), options.seed).map_err(EngineError::Config)?;
        if models.len() != config.variants.len() + 1 {
            let (field, must) = ("variants", "one for each model after the first");
            return Err(EngineError::Config(ConfigError { field, must }));
        }
        let pools = models.into_iter().map(|m| Pool::new(m).map(Arc::new)).collect::<Result<_, _>>()?;
        Ok(Self {
            flow,
            config,
            pools,
            names: Vec::new(),
            identity: 0,
            running: Vec::new(),
            ended: None,
            candidate: None,
        })
    }

    /// The configuration that the card states.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The model.
    pub fn model(&self) -> &Model {
        self.pools[0].model()
    }

    /// The name in the card of the model that [`Answer::variant`] or a ticket counts; `None` without a card.
    pub fn model_name(&self, variant: u8) -> Option<&str> {
        self.names.get(usize::from(variant)).map(String::as_str)
    }

    /// Takes a frame and says whether to run the model on it.
    ///
    /// # Errors
    /// When the frame is not what the card promises. The engine is as before; the next good frame is taken as usual.
    pub fn handle_frame(&mut self, now: Timestamp, frame: &Frame<'_>) -> Result<Plan, FrameError> {
        let plan = self.flow.handle_frame(now, frame)?;
        Ok(self.planned(plan, frame))
    }

    /// As [`Engine::handle_frame`], for an engine that shares a [`SharedBudget`](crate::SharedBudget) with others.
    ///
    /// # Errors
    /// As [`Engine::handle_frame`].
    pub fn handle_frame_shared(
        &mut self,
        now: Timestamp,
        frame: &Frame<'_>,
        share: &mut Share<'_>,
    ) -> Result<Plan, FrameError> {
        let plan = self.flow.handle_frame_shared(now, frame, share)?;
        Ok(self.planned(plan, frame))
    }

    fn planned(&mut self, plan: FlowPlan, frame: &Frame<'_>) -> Plan {
        match plan {
            FlowPlan::Skip(reason) => Plan::Skip(reason),
            FlowPlan::Run(ticket) => {
                let cancel = CancelToken::new();
                // Tickets that expired without a poll; the engine has forgotten them long ago.
                self.running.retain(|run| run.ticket.0 + 64 > ticket.id.0);
                let stated = frame.captured;
                self.running.push(Running { ticket: ticket.id, stated, cancel: cancel.clone() });
                // The engine counts the variants of the configuration: there is a pool for each.
                let pool = self.pools.get(usize::from(ticket.variant)).unwrap_or(&self.pools[0]);
                Plan::Run(Job::new(ticket, Run { stated, pool: Arc::clone(pool), cancel }))
            }
        }
    }

    /// Takes the end of a run. Late, failed and cancelled ones are normal.
    pub fn handle_completion(&mut self, now: Timestamp, completion: Completion) -> Admission {
        self.ended(completion.ticket);
        self.flow.handle_completion(now, completion)
    }

    /// As [`Engine::handle_completion`], for a run that a shared budget granted.
    pub fn handle_completion_shared(
        &mut self,
        now: Timestamp,
        completion: Completion,
        share: &mut Share<'_>,
    ) -> Admission {
        self.ended(completion.ticket);
        self.flow.handle_completion_shared(now, completion, share)
    }

    fn ended(&mut self, ticket: TicketId) {
        if let Some(at) = self.running.iter().position(|run| run.ticket == ticket) {
            let run = self.running.remove(at);
            self.ended = Some((ticket, run.stated));
        }
    }

    /// Keeps `value` as attribute `name` of a track, found on the frame captured at `captured`; whether it may be kept. See
    /// [`inbetween_flow::Engine::keep_attribute`].
    pub fn keep_attribute(&mut self, identity: u32, name: u32, value: Value, captured: Timestamp) -> bool {
        self.flow.keep_attribute(identity, name, value, captured)
    }

    /// Attribute `name` of a track, and the capture time of the frame that it was found on.
    pub fn attribute(&mut self, identity: u32, name: u32) -> Option<(&Value, Timestamp)> {
        self.flow.attribute(identity, name)
    }

    /// Forgets all results that are kept for later frames: for when drift was found from outside.
    pub fn flush_cache(&mut self) {
        self.flow.flush_cache();
    }

    /// The answer for the refresh that is shown at `display`. It stays valid until the next call.
    pub fn answer_at(&mut self, display: Timestamp) -> &Answer {
        self.flow.answer_at(display)
    }

    /// What answers are made of now, apart from the engine: for a display thread that must not wait while a frame is
    /// handled. See [`Answerer`].
    pub fn answerer(&self) -> Answerer {
        self.flow.answerer()
    }

    /// Brings an answerer of this engine up to date, and counts what it has said since the last time.
    pub fn update(&mut self, answerer: &mut Answerer) {
        self.flow.update(answerer);
    }

    /// Takes the truth for a prediction that an answer named, as it becomes known. See
    /// [`inbetween_flow::Engine::handle_label`].
    pub fn handle_label(&mut self, now: Timestamp, prediction: PredictionId, truth: Truth) -> Labelled {
        self.flow.handle_label(now, prediction, truth)
    }

    /// States the group of a slice that holds from now on; whether the card has it. See
    /// [`inbetween_flow::Engine::set_slice`].
    pub fn set_slice(&mut self, slice: &str, value: &str) -> bool {
        self.flow.set_slice(slice, value)
    }

    /// Says that another session begins: one observation of drift each.
    pub fn begin_session(&mut self) {
        self.flow.begin_session();
    }

    /// What happened so far, and what the live monitor says of it.
    pub const fn monitor(&self) -> &Monitor {
        self.flow.monitor()
    }

    /// The last full window of the live monitor, ready to be sent; [`Event::WindowClosed`] says when there is another one.
    pub fn snapshot(&self) -> Option<Snapshot<'_>> {
        self.flow.monitor().snapshot()
    }

    /// Takes what changed about the device.
    pub fn handle_environment(&mut self, now: Timestamp, environment: Environment) {
        self.flow.handle_environment(now, environment);
    }

    /// What the card's response plan has done to the service: fallen back, disabled, rolled back. Write these bytes when an
    /// [`Event::Alert`] or [`Event::AlertCleared`] comes, and give them to [`Engine::restore`] at the next start, so that a
    /// model which does harm is not tried anew by every start of the app.
    pub fn latched(&self) -> [u8; LATCHED_BYTES] {
        self.flow.latched(self.identity)
    }

    /// Makes what stood before a restart stand again; call it before the first frame. Another model or version of it, or
    /// another response plan in the card, begins anew: [`Restored::Cleared`].
    ///
    /// # Errors
    /// When `bytes` are not what [`Engine::latched`] gave.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<Restored, LatchError> {
        self.flow.restore(self.identity, bytes)
    }

    /// The next thing that the host may want to know. Runs that can be of no use any more are stopped here.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.flow.poll_event()?;
        match event {
            Event::Cancel(id) | Event::TicketExpired(id) => self.cancel(id),
            Event::CancelShadow(of) => self.candidate.iter_mut().for_each(|c| c.cancel(of)),
            _ => {}
        }
        Some(event)
    }

    /// The item that is the dearest to leave unseen, for a person who is free now; see [`Event::Review`].
    pub fn take_review(&mut self) -> Option<ReviewItem> {
        self.flow.take_review()
    }

    /// When [`Engine::handle_timeout`] is due, and why.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Timeout)> {
        self.flow.poll_timeout()
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.flow.handle_timeout(now);
    }

    /// Forgets all results, as after a suspend. Runs that are in flight are stopped, and unknown when they end.
    pub fn reset(&mut self) {
        self.flow.reset();
        self.running.drain(..).for_each(|run| run.cancel.cancel());
        self.pools.iter().for_each(|pool| pool.reset());
        self.candidate.iter_mut().for_each(Candidate::reset);
    }

    fn cancel(&mut self, ticket: TicketId) {
        self.running.retain(|run| {
            if run.ticket == ticket {
                run.cancel.cancel();
            }
            run.ticket != ticket
        });
    }
}
