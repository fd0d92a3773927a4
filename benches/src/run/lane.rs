//! Virtual time for a video: one policy with one worker, frames as they were taken, refreshes as they would be shown.
//! **Invariant:** completions, timeouts and refreshes happen in order of time, completions first where equal.
//! It does not judge: a log goes out.

use std::{collections::VecDeque, time::Duration};

use anyhow::Context as _;
use cpu_time::ThreadTime;
use inbetween::{
    Completion, Detection, Engine, Event, Frame, Outcome, Plan, Ticket, TicketId, Timestamp, Value,
};
use inbetween_sim::{
    Colour, Policy, RenderedFrame, Shown, Step,
    measure::FrameMark,
    policy::{reason_of_run, reason_of_skip, shown},
};

use super::{
    compare::Compare,
    log::{Answered, Log},
};

/// A frame with what the model said about it and how long that took.
pub struct Shot<'a> {
    /// Its number.
    pub index: u64,
    /// Its capture time.
    pub captured: Timestamp,
    /// Its pixels; baselines do not need them.
    pub frame: Option<Frame<'a>>,
    /// The model's output as boxes.
    pub found: &'a [Detection],
    /// What a run on it takes; `None`: what the engine's own run takes.
    pub latency: Option<Duration>,
}

/// A run that a player started.
pub struct Started {
    ticket: TicketId,
    takes: Duration,
    completion: Completion,
}

impl Started {
    /// The run that ends with `completion`, after as long.
    pub const fn new(completion: Completion, takes: Duration) -> Self {
        Self { ticket: completion.ticket, takes, completion }
    }
}

/// A policy on a video.
pub trait Player {
    /// A frame arrived: what was decided, and the run when there is one.
    ///
    /// # Errors
    /// When the frame breaks the card's contract.
    fn frame(
        &mut self,
        now: Timestamp,
        shot: &Shot<'_>,
        busy: bool,
    ) -> anyhow::Result<(Option<Started>, &'static str)>;
    /// A run ended.
    fn complete(&mut self, now: Timestamp, completion: Completion);
    /// A refresh is shown.
    fn answer(&mut self, display: Timestamp) -> Shown<'_>;
    /// Runs that are of no use any more.
    fn cancelled(&mut self) -> Option<TicketId> {
        None
    }
    /// When `timeout` is due.
    fn next_timeout(&self) -> Option<Timestamp> {
        None
    }
    /// Does what is due.
    fn timeout(&mut self, now: Timestamp) {
        let _ = now;
    }
    /// Time spent deciding and answering, without runs.
    fn cpu(&self) -> Duration;
    /// Time spent in runs of the model.
    fn model_cpu(&self) -> Duration {
        Duration::ZERO
    }
}

/// A policy with its worker and its log.
pub struct Lane<P> {
    player: P,
    worker: VecDeque<(TicketId, Timestamp, Completion)>,
    free_at: Timestamp,
    period: Duration,
    refresh: u32,
    log: Log,
}

impl<P: Player> Lane<P> {
    /// A lane whose display refreshes every `period`, from time 0.
    pub fn new(player: P, period: Duration) -> Self {
        Self {
            player,
            worker: VecDeque::new(),
            free_at: Timestamp::ZERO,
            period,
            refresh: 0,
            log: Log::default(),
        }
    }

    /// Everything that happens before `until`, or at it.
    fn advance(&mut self, until: Timestamp) {
        // A policy that asks for the same timeout again and again is left alone after this many.
        let mut timeouts = 64;
        loop {
            let ends = self.worker.front().map_or(Timestamp::MAX, |w| w.1);
            let due = self.player.next_timeout().filter(|_| timeouts > 0).unwrap_or(Timestamp::MAX);
            let shown = Timestamp::ZERO + self.period * self.refresh;
            let next = ends.min(due).min(shown);
            if next > until {
                return;
            }
            if ends == next {
                if let Some((_, _, completion)) = self.worker.pop_front() {
                    self.player.complete(ends, completion);
                }
            } else if due == next {
                timeouts -= 1;
                self.player.timeout(due);
            } else {
                self.refresh += 1;
                let answered = Answered::of(shown, &self.player.answer(shown));
                self.log.answers.push(answered);
            }
            self.cancel(next);
        }
    }

    fn cancel(&mut self, now: Timestamp) {
        while let Some(ticket) = self.player.cancelled() {
            let before = self.worker.len();
            self.worker.retain(|w| w.0 != ticket);
            if self.worker.len() < before {
                self.log.cancelled += 1;
                self.free_at = self.worker.back().map_or(now, |w| w.1);
                self.player.complete(now, Completion { ticket, outcome: Outcome::Cancelled });
            }
        }
    }

    /// A frame is taken.
    ///
    /// # Errors
    /// When it breaks the card's contract.
    pub fn frame(&mut self, shot: &Shot<'_>) -> anyhow::Result<()> {
        let now = shot.captured;
        // A refresh at the very time of a frame cannot know it yet.
        self.advance(now);
        let (started, reason) = self.player.frame(now, shot, !self.worker.is_empty())?;
        self.log.frames.push(FrameMark { captured_s: now.as_secs_f64(), run: started.is_some(), reason });
        if let Some(Started { ticket, takes, completion }) = started {
            let ends = self.free_at.max(now) + takes;
            self.free_at = ends;
            self.log.latencies_ms.push(ends.since(now).as_secs_f32() * 1e3);
            self.worker.push_back((ticket, ends, completion));
        }
        self.cancel(now);
        Ok(())
    }

    /// The log, when the last frame has been taken.
    pub fn finish(mut self, end: Timestamp) -> Log {
        self.advance(end);
        self.log.cpu_ns = self.player.cpu().as_nanos() as u64;
        self.log.model_ns = self.player.model_cpu().as_nanos() as u64;
        self.log
    }
}

/// The SDK's engine.
pub struct EnginePlayer {
    engine: Engine,
    compare: Compare,
    boxes: Option<Vec<Detection>>,
    cancel: Vec<TicketId>,
    cpu: Duration,
    model: Duration,
}

impl EnginePlayer {
    /// With an engine of its own, whose answers are compared as `compare` says.
    pub const fn new(engine: Engine, compare: Compare) -> Self {
        let (cpu, model) = (Duration::ZERO, Duration::ZERO);
        Self { engine, compare, boxes: None, cancel: Vec::new(), cpu, model }
    }

    fn drain(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            if let Event::Cancel(ticket) = event {
                self.cancel.push(ticket);
            }
        }
    }
}

impl Player for EnginePlayer {
    fn frame(
        &mut self,
        now: Timestamp,
        shot: &Shot<'_>,
        _busy: bool,
    ) -> anyhow::Result<(Option<Started>, &'static str)> {
        let frame = shot.frame.as_ref().context("the engine needs pixels")?;
        let start = ThreadTime::now();
        let plan = self.engine.handle_frame(now, frame);
        self.drain();
        self.cpu += start.elapsed();
        let plan =
            plan.with_context(|| format!("the engine refused the frame at {:.3} s", now.as_secs_f64()))?;
        Ok(match plan {
            Plan::Skip(reason) => (None, reason_of_skip(reason)),
            Plan::Run(job) => {
                let Ticket { id: ticket, reason, .. } = *job.ticket();
                let start = ThreadTime::now();
                let completion = job.run(frame);
                let took = start.elapsed();
                self.model += took;
                let takes = shot.latency.unwrap_or(took);
                (Some(Started { ticket, takes, completion }), reason_of_run(reason))
            }
        })
    }

    fn complete(&mut self, now: Timestamp, completion: Completion) {
        let start = ThreadTime::now();
        self.engine.handle_completion(now, completion);
        self.drain();
        self.cpu += start.elapsed();
    }

    fn answer(&mut self, display: Timestamp) -> Shown<'_> {
        let start = ThreadTime::now();
        let answer = self.engine.answer_at(display);
        self.cpu += start.elapsed();
        self.boxes = answer.value.as_ref().and_then(|value| self.compare.boxes(value));
        Shown { detections: self.boxes.as_deref(), ..shown(answer) }
    }

    fn cancelled(&mut self) -> Option<TicketId> {
        self.cancel.pop()
    }

    fn next_timeout(&self) -> Option<Timestamp> {
        self.engine.poll_timeout().map(|(at, _)| at)
    }

    fn timeout(&mut self, now: Timestamp) {
        self.engine.handle_timeout(now);
        self.drain();
    }

    fn cpu(&self) -> Duration {
        self.cpu
    }

    fn model_cpu(&self) -> Duration {
        self.model
    }
}

/// A baseline of the simulator. It gets the results that the model gave on every frame.
pub struct BaselinePlayer {
    policy: Box<dyn Policy>,
    cpu: Duration,
}

impl BaselinePlayer {
    /// A player of `policy`.
    pub const fn new(policy: Box<dyn Policy>) -> Self {
        Self { policy, cpu: Duration::ZERO }
    }
}

impl Player for BaselinePlayer {
    fn frame(
        &mut self,
        now: Timestamp,
        shot: &Shot<'_>,
        busy: bool,
    ) -> anyhow::Result<(Option<Started>, &'static str)> {
        let frame = RenderedFrame {
            index: shot.index,
            captured: shot.captured,
            width: 0,
            height: 0,
            colour: Colour::Gray,
            data: Vec::new(),
            truth: Vec::new(),
        };
        let start = ThreadTime::now();
        let step = self.policy.on_frame(now, &frame, busy);
        self.cpu += start.elapsed();
        Ok(match step {
            Step::Skip { reason } => (None, reason),
            Step::Run { ticket, reason } => {
                let completion =
                    Completion { ticket, outcome: Outcome::Value(Value::Boxes(shot.found.to_vec())) };
                (Some(Started { ticket, takes: shot.latency.unwrap_or_default(), completion }), reason)
            }
        })
    }

    fn complete(&mut self, now: Timestamp, completion: Completion) {
        let start = ThreadTime::now();
        self.policy.on_completion(now, completion);
        self.cpu += start.elapsed();
    }

    fn answer(&mut self, display: Timestamp) -> Shown<'_> {
        let start = ThreadTime::now();
        let shown = self.policy.answer(display);
        self.cpu += start.elapsed();
        shown
    }

    fn cpu(&self) -> Duration {
        self.cpu
    }
}
