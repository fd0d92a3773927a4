//! The model of a candidate, and its run that is under way.
//! **Invariant:** at most one run of a candidate is known at a time, and it can be stopped.
//! It does not know the engine: `shadow` ties the two.

use std::sync::Arc;

use inbetween_flow::{TicketId, Timestamp};
use inbetween_infer::{CancelToken, LoadError, Model};

use crate::job::{Pool, Run};

#[derive(Debug)]
pub(crate) struct Candidate {
    pool: Arc<Pool>,
    running: Option<(TicketId, CancelToken)>,
}

impl Candidate {
    pub(crate) fn new(model: Model) -> Result<Self, LoadError> {
        Ok(Self { pool: Arc::new(Pool::new(model)?), running: None })
    }

    /// A run on the frame of run `of` of the model; `stated` is that frame's capture time.
    pub(crate) fn start(&mut self, of: TicketId, stated: Timestamp) -> Run {
        let cancel = CancelToken::new();
        self.running = Some((of, cancel.clone()));
        Run { stated, pool: Arc::clone(&self.pool), cancel }
    }

    /// Stops the run on the frame of run `of` of the model.
    pub(crate) fn cancel(&mut self, of: TicketId) {
        if let Some((_, cancel)) = self.running.take_if(|(id, _)| *id == of) {
            cancel.cancel();
        }
    }

    pub(crate) fn reset(&mut self) {
        self.running.take().inspect(|(_, cancel)| cancel.cancel());
        self.pool.reset();
    }
}
