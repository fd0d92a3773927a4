//! A flag by which one thread tells another that a run is not wanted any more.
//! **Invariant:** once cancelled, a token stays cancelled.
//! It does not stop anything by itself: a run looks at it between two operators of the model.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A shared flag; clones are the same flag.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the run was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
