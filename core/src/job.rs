//! One model run, to be made on a worker thread.
//! **Invariant:** a job gives exactly one completion for its ticket; a run state serves one job at a time.
//! It does not start threads: the host decides where `run` is called.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use inbetween_flow::{Completion, Frame, Outcome, RunFailure, Ticket, TicketId, Timestamp};
use inbetween_infer::{CancelToken, LoadError, Model, RunError, Runner};

/// The run states of one model. The lock is held to take and to put back, never during a run.
#[derive(Debug)]
pub(crate) struct Pool {
    model: Model,
    idle: Mutex<Vec<Runner>>,
    /// Counts resets: a runner that was out during one is reset when it comes back.
    generation: AtomicU64,
}

impl Pool {
    /// A pool with one runner, so that a model that cannot make one is refused at the start.
    pub(crate) fn new(model: Model) -> Result<Self, LoadError> {
        let first = model.runner()?;
        Ok(Self { model, idle: Mutex::new(vec![first]), generation: AtomicU64::new(0) })
    }

    pub(crate) const fn model(&self) -> &Model {
        &self.model
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Runner>> {
        // A panic elsewhere cannot leave a list of runners half-changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes recurrent state and context start anew.
    pub(crate) fn reset(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.idle().iter_mut().for_each(Runner::reset);
    }

    fn take(self: &Arc<Self>) -> Result<Lease, RunError> {
        let generation = self.generation.load(Ordering::Relaxed);
        let idle = self.idle().pop();
        let runner = match idle {
            Some(runner) => runner,
            None if self.model.is_stateful() => {
                let reason = "recurrent state is in use by a run that has not ended".to_owned();
                return Err(RunError::Model { reason });
            }
            None => self.model.runner().map_err(|e| RunError::Model { reason: e.to_string() })?,
        };
        Ok(Lease { pool: Arc::clone(self), runner: Some(runner), generation })
    }
}

/// A runner that goes back to its pool when it is dropped.
#[derive(Debug)]
struct Lease {
    pool: Arc<Pool>,
    runner: Option<Runner>,
    generation: u64,
}

impl Lease {
    fn with<T>(&mut self, f: impl FnOnce(&mut Runner) -> Result<T, RunError>) -> Result<T, RunError> {
        self.runner.as_mut().map_or(Err(RunError::NotPrepared), f)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut runner) = self.runner.take() else { return };
        if self.pool.generation.load(Ordering::Relaxed) != self.generation {
            runner.reset();
        }
        self.pool.idle().push(runner);
    }
}

/// A run of a model on one frame.
#[derive(Debug)]
pub(crate) struct Run {
    /// Capture time of its frame as the host stated it; the ticket's is clamped to the time of handling.
    pub(crate) stated: Timestamp,
    pub(crate) pool: Arc<Pool>,
    pub(crate) cancel: CancelToken,
}

/// A run that has what it needs of its frame.
#[derive(Debug)]
pub(crate) struct Ready {
    cancel: CancelToken,
    lease: Result<Lease, RunError>,
}

impl Run {
    pub(crate) fn prepare(self, frame: &Frame<'_>) -> Ready {
        let Self { stated, pool, cancel } = self;
        let lease = if frame.captured != stated {
            let reason = "the frame is not the one that the job was made for".to_owned();
            Err(RunError::Model { reason })
        } else if cancel.is_cancelled() {
            Err(RunError::Cancelled)
        } else {
            pool.take().and_then(|mut lease| {
                lease.with(|runner| runner.prepare(frame))?;
                Ok(lease)
            })
        };
        Ready { cancel, lease }
    }
}

impl Ready {
    /// Runs the model; `what` names the run in the log.
    pub(crate) fn run(self, what: &str, id: TicketId) -> Outcome {
        let Self { cancel, lease } = self;
        match lease.and_then(|mut lease| lease.with(|runner| runner.execute(&cancel))) {
            Ok(value) => Outcome::Value(value),
            Err(error) => {
                let outcome = error.outcome();
                if matches!(outcome, Outcome::Failed(_)) {
                    log::warn!("{what} {} failed: {error}", id.0);
                }
                outcome
            }
        }
    }
}

/// A model run that the engine asks for. Send it to a worker.
#[derive(Debug)]
#[must_use = "run it, or call `abandon` so that the engine need not wait until it expires"]
pub struct Job {
    ticket: Ticket,
    run: Run,
}

impl Job {
    pub(crate) const fn new(ticket: Ticket, run: Run) -> Self {
        Self { ticket, run }
    }

    /// The ticket: which frame, why, and until when.
    pub const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// A flag that stops the run between two operators of the model. The engine sets it by itself when the result
    /// cannot be of use any more and the host polls events.
    pub fn cancel_token(&self) -> CancelToken {
        self.run.cancel.clone()
    }

    /// Runs the model on the frame that the job is for. Takes as long as the model takes.
    pub fn run(self, frame: &Frame<'_>) -> Completion {
        self.prepare(frame).run()
    }

    /// Copies what the model needs of the frame; afterwards the camera may have its buffer back.
    pub fn prepare(self, frame: &Frame<'_>) -> PreparedJob {
        PreparedJob { ticket: self.ticket, ready: self.run.prepare(frame) }
    }

    /// Gives the run up.
    pub fn abandon(self) -> Completion {
        Completion { ticket: self.ticket.id, outcome: Outcome::Cancelled }
    }
}

/// A job that does not need its frame any more.
#[derive(Debug)]
#[must_use = "run it, or drop it and let its ticket expire"]
pub struct PreparedJob {
    ticket: Ticket,
    ready: Ready,
}

impl PreparedJob {
    /// The ticket.
    pub const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Runs the model. Takes as long as the model takes.
    pub fn run(self) -> Completion {
        let Self { ticket, ready } = self;
        Completion { ticket: ticket.id, outcome: ready.run("run", ticket.id) }
    }

    /// Ends the run without a value: it took longer than the host allows.
    pub fn time_out(self) -> Completion {
        Completion { ticket: self.ticket.id, outcome: Outcome::Failed(RunFailure::TimedOut) }
    }
}
