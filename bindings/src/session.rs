//! The object that hosts hold: an engine behind a lock, and the runs that it asked for.
//! **Invariant:** the lock is held for one call of the engine, never while pixels are prepared or the model runs; an answer
//! never waits for it.
//! It does not start threads, read clocks or decide: the host and the engine do.

#[cfg(test)]
mod tests;
mod watching;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError},
};

use inbetween::{
    Answerer, Bundle, CameraMotion, Completion, Engine, Frame, Image, Options, Outcome, Plan, TicketId,
};

use crate::{
    answer::Answer,
    error::SdkError,
    event::{Environment, Event, Timeout},
    frame::ImageGeometry,
    front::Front,
    guard::guarded,
    jobs::Jobs,
    logging,
    plan::{Admission, FramePlan, RunEnd},
    registry::Registry,
    shared::{Seat, SharedBudget},
    time,
};

/// Sessions that were asked for their number.
pub(crate) static SESSIONS: Registry<Session> = Registry::new();

/// One model on one stream of images.
///
/// All methods may be called from any thread; none waits for a run of the model but `run` itself, and `answer_at` does
/// not wait for a frame that is being handled either: it then says what it would have said just before. A host has three
/// loops:
///
/// - **capture**: `handle_frame` for each camera frame. When the plan is to run, what the model needs of the frame
///   was copied already, outside the lock; the ticket goes to the worker and the buffer back to the camera.
/// - **worker**: `run(ticket)`, which takes as long as the model takes, then `handle_completion(now, ticket)`. The
///   two are apart because the session reads no clock: only the host knows when the run ended.
/// - **display**: `answer_at` the time at which the refresh will be seen.
///
/// Now and then, on any of them: `poll_event`, and `handle_timeout` when `poll_timeout` is due. At the end:
/// `shutdown`, which frees the model even while references to the session remain.
#[derive(Debug, uniffi::Object)]
pub struct Session {
    state: Mutex<State>,
    /// Answers while the state is locked.
    front: Front,
    /// The session's number on the fast path, once it was asked for.
    fast_id: OnceLock<u64>,
}

/// What is behind the lock.
#[derive(Debug)]
enum State {
    Open(Box<Open>),
    /// Something panicked: the engine may be half-changed and is gone.
    Failed {
        problem: String,
        told: bool,
    },
    ShutDown,
}

#[derive(Debug)]
struct Open {
    engine: Engine,
    jobs: Jobs,
    /// The next event, when the fast path looked whether there is one.
    peeked: Option<Event>,
    /// The answerer that is not asked.
    back: Box<Answerer>,
    /// The place in a budget that is shared with other sessions.
    seat: Option<Seat>,
}

#[uniffi::export]
impl Session {
    /// Loads a model with its card. Takes tens of milliseconds: not on the main thread.
    ///
    /// `card` is the text of the system card (TOML), `model` the bytes of the ONNX file, which are copied. `seed`
    /// decides the audits and nothing else: the same seed and calls give the same plans and answers.
    ///
    /// # Errors
    /// When the card is refused or the model cannot be used.
    #[uniffi::constructor]
    pub fn new(card: &str, model: &[u8], seed: u64) -> Result<Arc<Self>, SdkError> {
        told(guarded(|| Self::open(Bundle::from_parts(card, model)?, seed)))
    }

    /// Loads a model that has variants, with its card: `files` has the bytes of each file that the card names. See
    /// `new` for the rest.
    ///
    /// # Errors
    /// When the card is refused, a file is missing, or a model cannot be used.
    #[uniffi::constructor]
    #[allow(clippy::implicit_hasher)] // the border knows one hasher
    pub fn with_files(
        card: &str,
        mut files: HashMap<String, Vec<u8>>,
        seed: u64,
    ) -> Result<Arc<Self>, SdkError> {
        told(guarded(|| Self::open(Bundle::from_files(card, |name| files.remove(name))?, seed)))
    }

    /// The name in the card of the model that an answer's `variant` counts.
    ///
    /// # Errors
    /// When the session was shut down or failed.
    pub fn model_name(&self, variant: u8) -> Result<Option<String>, SdkError> {
        self.with(|open| Ok(open.engine.model_name(variant).map(str::to_owned)))
    }

    /// Takes a frame and says whether to run the model on it. Never runs the model.
    ///
    /// `now_nanos` is when it is handled, `captured_nanos` when it was sensed. `pixels` is read during the call
    /// only: a direct `ByteBuffer` (its `slice()`), `Data` or `bytes`, without a copy.
    ///
    /// # Errors
    /// When a time is negative or the frame is not what the card promises. The session is as before; the next good
    /// frame is taken as usual.
    pub fn handle_frame(
        &self,
        now_nanos: i64,
        captured_nanos: i64,
        image: &ImageGeometry,
        pixels: &[u8],
    ) -> Result<FramePlan, SdkError> {
        self.take_image(now_nanos, captured_nanos, image.over(pixels), image.motion.map(Into::into))
    }

    /// Runs the model for a ticket: on a worker, as long as the model takes. How it ended waits in the session;
    /// hand it on with `handle_completion`.
    ///
    /// # Errors
    /// When the ticket was never given out, or the session was shut down meanwhile. A run that fails, was cancelled
    /// or is not wanted any more is a result, not an error.
    pub fn run(&self, ticket: u64) -> Result<RunEnd, SdkError> {
        let Some(job) = self.with(|open| open.jobs.take(ticket))? else { return Ok(RunEnd::Gone) };
        let completion = guarded(|| Ok(job.run())).unwrap_or(Completion {
            ticket: TicketId(ticket),
            outcome: Outcome::Failed(inbetween::RunFailure::Panicked),
        });
        let end = RunEnd::from(&completion.outcome);
        self.with(|open| {
            open.jobs.end(completion);
            Ok(end)
        })
    }

    /// Tells the engine that the run of a ticket has ended, at `now_nanos`.
    ///
    /// # Errors
    /// When the time is negative, the ticket was never given out, or the run has not ended. Expired runs and those
    /// that were handed on before are a result, not an error.
    pub fn handle_completion(&self, now_nanos: i64, ticket: u64) -> Result<Admission, SdkError> {
        let now = time::timestamp("now_nanos", now_nanos)?;
        self.change(|open| {
            let completion = open.jobs.completion(ticket)?;
            let Open { engine, seat, .. } = open;
            let admission = match seat {
                Some(seat) => seat.with(|share| engine.handle_completion_shared(now, completion, share)),
                None => engine.handle_completion(now, completion),
            };
            Ok(admission.into())
        })
    }

    /// Stops a run: one that waits ends at once, one that is under way between two operators of the model. Either
    /// is then handed on with `handle_completion` as usual.
    ///
    /// # Errors
    /// When the ticket was never given out.
    pub fn cancel(&self, ticket: u64) -> Result<(), SdkError> {
        self.with(|open| open.jobs.cancel(ticket))
    }

    /// The answer for the refresh that is shown at `display_nanos`.
    ///
    /// # Errors
    /// When the time is negative. That there is nothing to show is an answer (`Source::Unavailable`).
    pub fn answer_at(&self, display_nanos: i64) -> Result<Answer, SdkError> {
        self.read_answer(display_nanos, |answer| answer.into())
    }

    /// Spends from a budget that other sessions share from now on: a run also needs their consent. With more asked for
    /// than there is, each gets a share in proportion to its `weight`.
    ///
    /// # Errors
    /// When the session was shut down or failed.
    pub fn share_budget(&self, budget: &SharedBudget, weight: f32) -> Result<(), SdkError> {
        self.with(|open| {
            open.seat = Some(budget.join(weight));
            Ok(())
        })
    }

    /// Takes what changed about the device; at most once a second is enough.
    ///
    /// # Errors
    /// When a time is negative.
    pub fn handle_environment(&self, now_nanos: i64, environment: Environment) -> Result<(), SdkError> {
        let now = time::timestamp("now_nanos", now_nanos)?;
        let environment = environment.try_into()?;
        self.change(|open| {
            open.engine.handle_environment(now, environment);
            Ok(())
        })
    }

    /// The next thing that the host may want to know. Poll until there is none. Runs that can be of no use any more
    /// are stopped here.
    ///
    /// # Errors
    /// When the session was shut down, or failed and has told so.
    pub fn poll_event(&self) -> Result<Option<Event>, SdkError> {
        if let State::Failed { problem, told } = &mut *self.lock()
            && !*told
        {
            *told = true;
            return Ok(Some(Event::SessionFailed { reason: problem.clone() }));
        }
        self.with(|open| Ok(open.peeked.take().or_else(|| Event::next(&mut open.engine))))
    }

    /// When `handle_timeout` is due, and why.
    ///
    /// # Errors
    /// When the session was shut down or failed.
    pub fn poll_timeout(&self) -> Result<Option<Timeout>, SdkError> {
        self.with(|open| Ok(open.engine.poll_timeout().map(Into::into)))
    }

    /// Does what is due at `now_nanos`.
    ///
    /// # Errors
    /// When the time is negative.
    pub fn handle_timeout(&self, now_nanos: i64) -> Result<(), SdkError> {
        let now = time::timestamp("now_nanos", now_nanos)?;
        self.change(|open| {
            open.engine.handle_timeout(now);
            Ok(())
        })
    }

    /// Forgets all results, as after a suspend. Runs that are in flight are stopped and come to nothing.
    ///
    /// # Errors
    /// When the session was shut down or failed.
    pub fn reset(&self) -> Result<(), SdkError> {
        self.change(|open| {
            open.engine.reset();
            open.jobs.clear();
            open.peeked = None;
            Ok(())
        })
    }

    /// The session's number for a fast path that passes no objects, such as JNI's. It names the session until the
    /// session is shut down or freed, and nothing afterwards.
    pub fn fast_id(self: Arc<Self>) -> u64 {
        *self.fast_id.get_or_init(|| SESSIONS.add(&self))
    }

    /// Frees the model, whatever references to the session remain. A run that is under way stops between two
    /// operators and frees its part then. Every later call is refused; shutting down again does nothing.
    ///
    /// # Errors
    /// None today: it returns an error type so that a panic inside can never end the app.
    pub fn shutdown(&self) -> Result<(), SdkError> {
        if let Some(id) = self.fast_id.get() {
            SESSIONS.remove(*id);
        }
        guarded(|| {
            let mut before = std::mem::replace(&mut *self.lock(), State::ShutDown);
            if let State::Open(open) = &mut before {
                open.jobs.clear();
            }
            self.front.close();
            drop(before); // the lock is free already: freeing a model takes a while
            Ok(())
        })
    }
}

impl State {
    /// Lets go of an engine that may be half-changed.
    fn fail(&mut self, problem: &str) {
        if let Self::Open(open) = self {
            open.jobs.clear();
            *self = Self::Failed { problem: problem.to_owned(), told: false };
        }
    }
}

impl Session {
    fn open(bundle: Bundle, seed: u64) -> Result<Arc<Self>, SdkError> {
        let engine = Engine::new(bundle, Options { seed })?;
        let (front, back) = (Front::new(engine.answerer()), Box::new(engine.answerer()));
        let open = Open { engine, jobs: Jobs::default(), peeked: None, back, seat: None };
        Ok(Arc::new(Self { state: Mutex::new(State::Open(Box::new(open))), front, fast_id: OnceLock::new() }))
    }

    /// [`Self::handle_frame`] with planes that may lie anywhere.
    pub(crate) fn take_image(
        &self,
        now_nanos: i64,
        captured_nanos: i64,
        image: Image<'_>,
        motion: Option<CameraMotion>,
    ) -> Result<FramePlan, SdkError> {
        let now = time::timestamp("now_nanos", now_nanos)?;
        let captured = time::timestamp("captured_nanos", captured_nanos)?;
        let frame = Frame { motion, ..Frame::image(captured, image) };
        let plan = self.change(|open| {
            let Open { engine, seat, .. } = &mut *open;
            let plan = match seat {
                Some(seat) => seat.with(|share| engine.handle_frame_shared(now, &frame, share)),
                None => engine.handle_frame(now, &frame),
            }?;
            if matches!(plan, Plan::Run(_)) {
                open.jobs.drop_expired(now);
            }
            Ok(plan)
        })?;
        let job = match plan {
            Plan::Skip(why) => return Ok(FramePlan::Skip { reason: why.into() }),
            Plan::Run(job) => job,
        };
        let (ticket, cancel) = (*job.ticket(), job.cancel_token());
        let prepared = guarded(|| Ok(job.prepare(&frame)))?;
        self.with(|open| {
            open.jobs.add(prepared, cancel);
            Ok(())
        })?;
        Ok(FramePlan::Run {
            ticket: ticket.id.0,
            reason: ticket.reason.into(),
            expires_nanos: time::nanos(ticket.expires),
        })
    }

    /// Calls `read` with the answer for the refresh that is shown at `display_nanos`, under a lock: it only copies.
    ///
    /// Of the engine when nobody has it; of what it was made of at the end of the newest change when somebody has, so that
    /// a refresh is not missed because a frame is looked at.
    pub(crate) fn read_answer<T>(
        &self,
        display_nanos: i64,
        mut read: impl FnMut(&inbetween::Answer) -> T,
    ) -> Result<T, SdkError> {
        let display = time::timestamp("display_nanos", display_nanos)?;
        let state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(_)) => self.lock(),
            Err(TryLockError::WouldBlock) => match guarded(|| Ok(self.front.ask(display, &mut read))) {
                Ok(Some(answer)) => return told(Ok(answer)),
                Ok(None) => self.lock(), // not open any more: this says why
                Err(panic) => return told(Err(self.failed(panic))),
            },
        };
        told(Self::locked(state, |open| Ok(read(open.engine.answer_at(display)))))
    }

    /// Whether `poll_event` would give one.
    #[cfg_attr(target_os = "ios", allow(dead_code))] // only the JVM calls it
    pub(crate) fn has_event(&self) -> bool {
        let waiting = self.with(|open| {
            if open.peeked.is_none() {
                open.peeked = Event::next(&mut open.engine);
            }
            Ok(open.peeked.is_some())
        });
        waiting.unwrap_or(true) // a failure has something to tell
    }

    /// One call that changes the engine; answers know of it afterwards.
    fn change<T>(&self, call: impl FnOnce(&mut Open) -> Result<T, SdkError>) -> Result<T, SdkError> {
        self.with(|open| {
            let result = call(open);
            open.engine.update(&mut open.back);
            self.front.exchange(&mut open.back);
            result
        })
    }

    /// One call of the engine under the lock. If it panics, the session has failed.
    fn with<T>(&self, call: impl FnOnce(&mut Open) -> Result<T, SdkError>) -> Result<T, SdkError> {
        let result = Self::locked(self.lock(), call);
        if let Err(SdkError::Failed { .. }) = &result {
            self.front.close();
        }
        told(result)
    }

    fn locked<T>(
        mut state: MutexGuard<'_, State>,
        call: impl FnOnce(&mut Open) -> Result<T, SdkError>,
    ) -> Result<T, SdkError> {
        let open = match &mut *state {
            State::Open(open) => open,
            State::Failed { problem, .. } => return Err(SdkError::Failed { problem: problem.clone() }),
            State::ShutDown => return Err(SdkError::ShutDown),
        };
        let result = guarded(|| Ok(call(open)));
        result.unwrap_or_else(|panic| {
            if let SdkError::Failed { problem } = &panic {
                state.fail(problem);
            }
            Err(panic)
        })
    }

    /// The session has failed by a panic outside of the lock.
    fn failed(&self, panic: SdkError) -> SdkError {
        if let SdkError::Failed { problem } = &panic {
            self.lock().fail(problem);
        }
        self.front.close();
        panic
    }

    /// The state. A lock that a panic poisoned is opened again, and the session has failed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poison| {
            self.state.clear_poison();
            let mut state = poison.into_inner();
            state.fail("a call panicked while it held the lock");
            state
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(id) = self.fast_id.get() {
            SESSIONS.remove(*id);
        }
    }
}

/// `result`, after the host was told what there was to say. Not under a lock.
fn told<T>(result: T) -> T {
    logging::deliver();
    result
}
