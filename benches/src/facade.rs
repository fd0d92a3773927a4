//! The SDK's public engine as a policy of the simulator, with its real model as the detector.
//! **Invariant:** a run that the engine asks for is made by its own job, on the frame that the job is for.
//! It does not share results between engine and baselines beyond "the same frame gives the same result".

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use cpu_time::ThreadTime;
use inbetween::{
    CancelToken, Completion, Detection, Engine, Environment, Event, FrameError, Job, Outcome, Plan, Runner,
    TicketId, Timestamp, Value,
};
use inbetween_sim::{
    Detector, Policy, RenderedFrame, Shown, Step,
    policy::{reason_of_run, reason_of_skip, shown},
};

use crate::{model::Loaded, record::INBETWEEN};

/// What engine and detector share: the job that is to be run on the current frame, and how it ended.
#[derive(Debug, Default)]
struct Desk {
    job: Option<Job>,
    done: HashMap<TicketId, Completion>,
}

/// The engine.
pub struct Facade {
    engine: Engine,
    desk: Rc<RefCell<Desk>>,
    cancel: Vec<TicketId>,
    /// The first frame that the engine refused, and why.
    refused: Rc<RefCell<Option<(Timestamp, FrameError)>>>,
}

/// The model.
pub struct ModelDetector {
    desk: Rc<RefCell<Desk>>,
    runner: Runner,
    known: HashMap<u64, Vec<Detection>>,
    /// What each run took, in milliseconds, in order.
    pub took_ms: Vec<f32>,
    /// The first failure, in words.
    pub failure: Option<String>,
    refused: Rc<RefCell<Option<(Timestamp, FrameError)>>>,
}

/// An engine and its model for one session.
///
/// # Errors
/// When the model cannot be run.
pub fn pair(loaded: &Loaded, seed: u64) -> anyhow::Result<(Facade, ModelDetector)> {
    let desk = Rc::new(RefCell::new(Desk::default()));
    let refused = Rc::new(RefCell::new(None));
    let mut engine = loaded.engine(seed)?;
    let period = loaded.config.display_period;
    engine.handle_environment(
        Timestamp::ZERO,
        Environment { display_period: Some(period), ..Environment::default() },
    );
    let facade = Facade { engine, desk: Rc::clone(&desk), cancel: Vec::new(), refused: Rc::clone(&refused) };
    let runner = loaded.runner()?;
    let detector =
        ModelDetector { desk, runner, known: HashMap::new(), took_ms: Vec::new(), failure: None, refused };
    Ok((facade, detector))
}

impl Facade {
    fn drain(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            if let Event::Cancel(ticket) = event {
                self.cancel.push(ticket);
            }
        }
    }
}

impl Policy for Facade {
    fn name(&self) -> &str {
        INBETWEEN
    }

    fn needs_pixels(&self) -> bool {
        true
    }

    fn on_frame(&mut self, now: Timestamp, frame: &RenderedFrame, _busy: bool) -> Step {
        let plan = self.engine.handle_frame(now, &frame.as_frame());
        self.drain();
        match plan {
            Ok(Plan::Run(job)) => {
                let step = Step::Run { ticket: job.ticket().id, reason: reason_of_run(job.ticket().reason) };
                self.desk.borrow_mut().job = Some(job);
                step
            }
            Ok(Plan::Skip(reason)) => Step::Skip { reason: reason_of_skip(reason) },
            Err(e) => {
                self.refused.borrow_mut().get_or_insert((frame.captured, e));
                Step::Skip { reason: "refused" }
            }
        }
    }

    fn on_completion(&mut self, now: Timestamp, completion: Completion) {
        // The job's own completion says more than the simulator's: failures, for one.
        let own = self.desk.borrow_mut().done.remove(&completion.ticket);
        let completion = match own {
            Some(own) if completion.outcome != Outcome::Cancelled => own,
            _ => completion,
        };
        self.engine.handle_completion(now, completion);
        self.drain();
    }

    fn answer(&mut self, display: Timestamp) -> Shown<'_> {
        let answer = self.engine.answer_at(display);
        shown(answer)
    }

    fn poll_cancel(&mut self) -> Option<TicketId> {
        self.cancel.pop()
    }

    fn next_timeout(&self) -> Option<Timestamp> {
        self.engine.poll_timeout().map(|(at, _)| at)
    }

    fn on_timeout(&mut self, now: Timestamp) {
        self.engine.handle_timeout(now);
        self.drain();
    }
}

impl Detector for ModelDetector {
    fn detect(&mut self, frame: &RenderedFrame) -> Vec<Detection> {
        let job = self.desk.borrow_mut().job.take().filter(|j| j.ticket().captured == frame.captured);
        if let (None, Some(known)) = (&job, self.known.get(&frame.index)) {
            return known.clone();
        }
        let start = ThreadTime::now();
        let found = match job {
            Some(job) => {
                let completion = job.run(&frame.as_frame());
                let found = match &completion.outcome {
                    Outcome::Value(Value::Boxes(boxes)) => Ok(boxes.clone()),
                    other => Err(format!("{other:?}")),
                };
                self.desk.borrow_mut().done.insert(completion.ticket, completion);
                found
            }
            None => match self.runner.run(&frame.as_frame(), &CancelToken::new()) {
                Ok(Value::Boxes(boxes)) => Ok(boxes),
                Ok(other) => Err(format!("{:?} instead of boxes", other.kind())),
                Err(e) => Err(e.to_string()),
            },
        };
        self.took_ms.push(start.elapsed().as_secs_f32() * 1e3);
        let boxes = found.unwrap_or_else(|e| {
            self.failure.get_or_insert(e);
            Vec::new()
        });
        self.known.insert(frame.index, boxes.clone());
        boxes
    }
}

impl ModelDetector {
    /// What went wrong, if something did: a frame that was refused, or a run that failed.
    ///
    /// # Errors
    /// The first of either.
    pub fn verdict(&self) -> anyhow::Result<()> {
        if let Some((at, why)) = &*self.refused.borrow() {
            anyhow::bail!("the engine refused the frame at {:.3} s: {why}", at.as_secs_f64());
        }
        if let Some(why) = &self.failure {
            anyhow::bail!("the model failed: {why}");
        }
        Ok(())
    }
}
