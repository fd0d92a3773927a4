//! Scores independent events: policy from `inbetween_flow::EventEngine`, runs from `inbetween-infer`.
//! **Invariant:** the same event gets the same bits in a batch, in a stream and over the bindings.
//! It does not keep events and does not read tables: the host does.

use inbetween_flow::{
    Answer, Config, ConfigError, Event, EventEngine, Frame, LATCHED_BYTES, Labelled, LatchError, Outcome,
    PredictionId, Restored, ReviewItem, RunFailure, Timestamp, Truth,
};
use inbetween_infer::{CancelToken, LoadLimits, Model, RunError, Runner};

use crate::{bundle::Bundle, convert, error::EngineError};

/// A card's model, its variants and its rule, for events that have nothing to do with each other.
///
/// Where [`Engine`](crate::Engine) answers for every frame in between, here every event is scored when it comes, in the
/// call: for models that take micro- or milliseconds, on rows of features. The ladder is walked for each event.
///
/// # Example
/// ```no_run
/// use inbetween::{Bundle, Feature, FeatureValue, Frame, Scorer, Timestamp};
///
/// let card = std::fs::read_to_string("bundle/card.toml")?;
/// let bundle = Bundle::from_files(&card, |name| std::fs::read(format!("bundle/{name}")).ok())?;
/// let mut scorer = Scorer::new(&bundle)?;
/// let now = Timestamp::from_millis(1);
/// let features = [Feature { name: "amount", value: FeatureValue::Number(12.5) }];
/// let answer = scorer.score(now, &Frame::features(now, &features));
/// if let Some(decision) = answer.decision {
///     println!("{:?} at {:.1}%", decision.action, 100.0 * decision.probability);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Scorer {
    flow: EventEngine,
    /// Of the model itself, then of its variants.
    runners: Vec<Runner>,
    /// Part of the hash of their bytes.
    identity: u64,
}

impl Scorer {
    /// Loads the bundle's models.
    ///
    /// # Errors
    /// When the configuration is out of range or a model cannot be used, or carries state from one run to the next.
    pub fn new(bundle: &Bundle) -> Result<Self, EngineError> {
        Self::with_config(bundle, convert::config(bundle.card()))
    }

    /// As [`Self::new`], without the card's monitoring and its response plan: each answer depends on its event alone, as a
    /// table of the past is scored.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn unwatched(bundle: &Bundle) -> Result<Self, EngineError> {
        Self::with_config(bundle, Config { monitoring: None, ..convert::config(bundle.card()) })
    }

    fn with_config(bundle: &Bundle, config: Config) -> Result<Self, EngineError> {
        let card = bundle.card();
        let mut runners = Vec::new();
        for (i, bytes) in bundle.models().enumerate() {
            let Some(spec) = card.model.variant(i) else { continue };
            let loaded = Model::load(bytes, &spec, LoadLimits::default())
                .and_then(|m| Ok((m.is_stateful(), m.runner()?)));
            let (stateful, runner) = loaded.map_err(|error| match i {
                0 => EngineError::Model(error),
                _ => EngineError::Variant { name: spec.name.clone(), error },
            })?;
            if stateful {
                let (field, must) = ("model.state", "left out: events do not depend on each other");
                return Err(EngineError::Config(ConfigError { field, must }));
            }
            runners.push(runner);
        }
        let flow = EventEngine::new(config, convert::variant_contracts(card));
        Ok(Self { flow: flow.map_err(EngineError::Config)?, runners, identity: bundle.identity() })
    }

    /// Scores one event and decides on it. Takes as long as the model takes.
    pub fn score(&mut self, now: Timestamp, event: &Frame<'_>) -> Answer {
        let Self { flow, runners, .. } = self;
        flow.answer(now, event, |variant| match runners.get_mut(usize::from(variant)) {
            Some(runner) => run(runner, event).unwrap_or_else(|error| {
                log::debug!("variant {variant} does not score an event: {error}");
                error.outcome()
            }),
            None => Outcome::Failed(RunFailure::Model),
        })
    }

    /// Takes the truth for the prediction that an answer named, as it becomes known. See
    /// [`inbetween_flow::EventEngine::handle_label`].
    pub fn handle_label(&mut self, now: Timestamp, prediction: PredictionId, truth: Truth) -> Labelled {
        self.flow.handle_label(now, prediction, truth)
    }

    /// States the group of a slice that holds from now on, where no feature says it.
    pub fn set_slice(&mut self, slice: &str, value: &str) -> bool {
        self.flow.set_slice(slice, value)
    }

    /// What the response plan has done to the service, as bytes to be kept; see [`Engine::latched`](crate::Engine::latched).
    pub fn latched(&self) -> [u8; LATCHED_BYTES] {
        self.flow.latched(self.identity)
    }

    /// Makes what stood before a restart stand again; see [`Engine::restore`](crate::Engine::restore).
    ///
    /// # Errors
    /// When `bytes` are not what [`Scorer::latched`] gave.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<Restored, LatchError> {
        self.flow.restore(self.identity, bytes)
    }

    /// The next thing that the host may want to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.flow.poll_event()
    }

    /// The item that is the dearest to leave unseen, for a person who is free now.
    pub fn take_review(&mut self) -> Option<ReviewItem> {
        self.flow.take_review()
    }

    /// The state machine: configuration, decider, monitor.
    pub const fn flow(&self) -> &EventEngine {
        &self.flow
    }
}

fn run(runner: &mut Runner, event: &Frame<'_>) -> Result<Outcome, RunError> {
    runner.prepare(event)?;
    runner.execute(&CancelToken::new()).map(Outcome::Value)
}
