//! What is compared: the engine and the baselines, behind one interface.
//! **Invariant:** a policy sees frames, completions and display times, and nothing of the truth.
//! It does not run models: `run` starts the worker when a policy asks for it.

mod baseline;
mod cache;
mod engine;
mod follower;
mod marlin;
mod name;
mod tracks;
mod trigger;

use inbetween_flow::{Completion, Detection, Inspection, TicketId, Timestamp};

pub use baseline::{Baseline, Estimator};
pub use cache::{Radius, ResultCache};
pub use engine::{Inbetween, engine_config, reason_of_run, reason_of_skip, shown};
pub use follower::Follower;
pub use marlin::Marlin;
pub use name::{DEFAULT_EVERY, NAMES, PolicyError, ablations, by_name};
pub use trigger::Trigger;

use crate::scene::RenderedFrame;

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

    /// What to do with the newest frame now that a run has ended: policies that start between two frames say so here.
    /// The frame was handled before, and was not run.
    fn on_free(&mut self, now: Timestamp, newest: &RenderedFrame) -> Option<Step> {
        let _ = (now, newest);
        None
    }

    /// What it believed when it judged the newest frame, where it can say; tracks as they are at `at`.
    fn inspect(&self, at: Timestamp) -> Option<Inspection> {
        let _ = at;
        None
    }

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
