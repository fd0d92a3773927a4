//! What is compared: the engine and the baselines, behind one interface.
//! **Invariant:** a policy sees frames, completions and display times, and nothing of the truth.
//! It does not run models: `run` starts the worker when a policy asks for it.

mod baseline;
mod engine;
mod follower;
mod tracks;
mod trigger;

use inbetween_flow::{Completion, Detection, TicketId, Timestamp};

pub use baseline::{Baseline, Estimator};
pub use engine::{Inbetween, engine_config, reason_of_run, reason_of_skip, shown};
pub use follower::Follower;
pub use trigger::Trigger;

use crate::{scene::RenderedFrame, spec::SceneSpec};

/// What a policy does with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Run the model on it.
    Run {
        /// The run's name.
        ticket: TicketId,
        /// Why, in a word.
        reason: &'static str,
    },
    /// Do not.
    Skip {
        /// Why, in a word.
        reason: &'static str,
    },
}

/// What a policy shows at a refresh.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Boxes with identities; `None` when nothing may be shown.
    pub detections: Option<&'a [Detection]>,
    /// Capture time of the newest result behind it.
    pub key_frame: Option<Timestamp>,
    /// Whether the policy believes that it is within the tolerance.
    pub within_tolerance: bool,
    /// The error that the policy expects, in pixels; 0 when it does not say.
    pub uncertainty: f32,
    /// Where it came from, in a word.
    pub source: &'static str,
}

/// Something that decides when to run and what to show.
pub trait Policy {
    /// Its name in tables.
    fn name(&self) -> &str;

    /// Every how many frames it runs, where that is its rule.
    fn every(&self) -> Option<u32> {
        None
    }

    /// Whether it looks at pixels. Frames that nobody looks at are not rendered.
    fn needs_pixels(&self) -> bool;

    /// A frame arrived. A run that is asked for while the worker is `busy` is refused: it ends at once as cancelled.
    fn on_frame(&mut self, now: Timestamp, frame: &RenderedFrame, busy: bool) -> Step;

    /// A run ended.
    fn on_completion(&mut self, now: Timestamp, completion: Completion);

    /// A refresh is shown at `display`.
    fn answer(&mut self, display: Timestamp) -> Shown<'_>;

    /// A run that the policy wants cancelled.
    fn poll_cancel(&mut self) -> Option<TicketId> {
        None
    }

    /// When [`Policy::on_timeout`] is due.
    fn next_timeout(&self) -> Option<Timestamp> {
        None
    }

    /// Does what is due.
    fn on_timeout(&mut self, now: Timestamp) {
        let _ = now;
    }
}

/// Why a policy cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// No policy has this name.
    #[error(
        "there is no policy `{0}`; there are inbetween, every-frame, every-nth-hold[:N], every-nth-kalman[:N], \
         every-nth-inbetween[:N], difference-kalman[:GREY-LEVELS]"
    )]
    Unknown(String),
    /// The part after the colon is not a whole number from 1 to 10000.
    #[error("`{0}`: after the colon stands a whole number from 1 to 10000, as in every-nth-kalman:6")]
    Count(String),
    /// The scene's tolerance or budget is not one that the engine accepts.
    #[error("the scene asks the engine for what it cannot do: {0}")]
    Config(inbetween_flow::ConfigError),
}

/// N where a name gives none, in frames: five runs a second at 30 fps.
pub const DEFAULT_EVERY: u32 = 6;

/// Threshold of the difference trigger where a name gives none, in grey levels.
pub const DEFAULT_DIFFERENCE: f32 = 8.0;

/// The policy of a name: `inbetween`, `every-frame`, `every-nth-hold`, `every-nth-kalman:6`,
/// `every-nth-inbetween:15`.
///
/// # Errors
/// When there is none of that name, or the scene cannot be promised.
pub fn by_name(name: &str, spec: &SceneSpec, seed: u64) -> Result<Box<dyn Policy>, PolicyError> {
    let (kind, count) = name.split_once(':').map_or((name, None), |(kind, count)| (kind, Some(count)));
    let every = match count {
        None => DEFAULT_EVERY,
        Some(count) => match count.parse() {
            Ok(n @ 1..=10_000) => n,
            _ => return Err(PolicyError::Count(name.to_owned())),
        },
    };
    let baseline = |trigger, estimator| {
        let policy: Box<dyn Policy> = Box::new(Baseline::new(name, trigger, estimator, spec));
        Ok(policy)
    };
    let nth = Trigger::Every(every);
    match (kind, count) {
        ("inbetween", None) => Ok(Box::new(Inbetween::new(name, spec, seed).map_err(PolicyError::Config)?)),
        ("every-frame", None) => baseline(Trigger::Every(1), Estimator::Hold),
        ("every-nth-hold", _) => baseline(nth, Estimator::Hold),
        ("every-nth-kalman", _) => baseline(nth, Estimator::KALMAN),
        ("difference-kalman", _) => {
            let threshold = count.map_or(DEFAULT_DIFFERENCE, |_| every as f32);
            baseline(Trigger::Difference { threshold }, Estimator::KALMAN)
        }
        ("every-nth-inbetween", _) => Ok(Box::new(Follower::new(name, every, spec))),
        _ => Err(PolicyError::Unknown(name.to_owned())),
    }
}
