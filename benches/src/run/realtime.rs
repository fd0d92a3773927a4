//! Real time: capture, worker and display as three threads, as in an app.
//! **Invariant:** the engine is locked for microseconds at a time, never while the model runs.
//! It does not catch up: a frame that is taken late is late.

use std::{
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use inbetween::{Engine, Event, Plan, PreparedJob, Rect, Timestamp};
use inbetween_sim::{
    Shown,
    measure::FrameMark,
    policy::{reason_of_run, reason_of_skip, shown},
};

use super::{
    compare::Compare,
    framed,
    log::{Answered, Log},
};
use crate::{
    terminal::progress,
    video::{Picture, VideoError},
};

/// Frames that are decoded ahead of their time.
const AHEAD: usize = 8;

/// The clock of a session: time 0 is its start.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Timestamp {
        Timestamp::from_nanos(self.0.elapsed().as_nanos() as u64)
    }

    fn sleep_until(self, time: Timestamp) {
        thread::sleep(time.since(self.now()));
    }
}

/// How a video is played.
#[derive(Clone, Copy)]
pub struct Show {
    /// The part of each frame that the model sees.
    pub region: Option<Rect>,
    /// How answers are compared.
    pub compare: Compare,
    /// Of the display.
    pub period: Duration,
    /// When the last frame was taken.
    pub end: Timestamp,
}

/// What the threads share.
struct Shared {
    engine: Engine,
    log: Log,
    cpu: Duration,
}

impl Shared {
    /// Polls what the host has to poll.
    fn poll(&mut self, now: Timestamp) {
        if self.engine.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.engine.handle_timeout(now);
        }
        while let Some(event) = self.engine.poll_event() {
            if matches!(event, Event::Cancel(_)) {
                self.log.cancelled += 1;
            }
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // A panic in one thread ends the scope with that panic; until then the books are whole.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plays the frames at their own pace and answers every period until the end.
///
/// # Errors
/// When a frame cannot be decoded or the engine refuses it.
pub fn run(
    engine: Engine,
    frames: impl Iterator<Item = Result<Picture, VideoError>> + Send,
    show: Show,
) -> anyhow::Result<Log> {
    let shared = Mutex::new(Shared { engine, log: Log::default(), cpu: Duration::ZERO });
    let (decoded, pictures) = mpsc::sync_channel(AHEAD);
    let (to_worker, jobs) = mpsc::channel::<(PreparedJob, Timestamp)>();
    let bar = progress(None, "real time");
    let result = thread::scope(|scope| {
        scope.spawn(move || {
            for picture in frames {
                if decoded.send(picture).is_err() {
                    return;
                }
            }
        });
        let first = pictures.recv();
        let clock = Clock(Instant::now());
        let (shared, bar) = (&shared, &bar);
        scope.spawn(move || worker(shared, clock, &jobs));
        scope.spawn(move || display(shared, clock, show));
        for picture in first.into_iter().chain(pictures) {
            let picture = picture?;
            clock.sleep_until(picture.captured);
            capture(shared, clock, &picture, show.region, &to_worker)?;
            bar.inc(1);
        }
        drop(to_worker);
        anyhow::Ok(())
    });
    bar.finish_and_clear();
    result?;
    let Shared { mut log, cpu, .. } = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    log.cpu_ns = cpu.as_nanos() as u64;
    Ok(log)
}

fn capture(
    shared: &Mutex<Shared>,
    clock: Clock,
    picture: &Picture,
    region: Option<Rect>,
    to_worker: &mpsc::Sender<(PreparedJob, Timestamp)>,
) -> anyhow::Result<()> {
    let frame = framed(picture, region);
    let mut s = lock(shared);
    let (now, start) = (clock.now(), Instant::now());
    let plan = s.engine.handle_frame(now, &frame);
    s.poll(now);
    s.cpu += start.elapsed();
    let plan = plan.with_context(|| {
        format!("the engine refused the frame at {:.3} s", picture.captured.as_secs_f64())
    })?;
    let (job, reason) = match plan {
        Plan::Skip(reason) => (None, reason_of_skip(reason)),
        Plan::Run(job) => {
            let reason = reason_of_run(job.ticket().reason);
            (Some(job), reason)
        }
    };
    s.log.frames.push(FrameMark { captured_s: picture.captured.as_secs_f64(), run: job.is_some(), reason });
    drop(s);
    if let Some(job) = job {
        // The camera's buffer is free again when this returns.
        to_worker.send((job.prepare(&frame), picture.captured)).ok().context("the worker has ended")?;
    }
    Ok(())
}

fn worker(shared: &Mutex<Shared>, clock: Clock, jobs: &mpsc::Receiver<(PreparedJob, Timestamp)>) {
    while let Ok((job, captured)) = jobs.recv() {
        let completion = job.run();
        let mut s = lock(shared);
        let (now, start) = (clock.now(), Instant::now());
        s.engine.handle_completion(now, completion);
        s.poll(now);
        s.cpu += start.elapsed();
        s.log.latencies_ms.push(now.since(captured).as_secs_f32() * 1e3);
    }
}

fn display(shared: &Mutex<Shared>, clock: Clock, show: Show) {
    for refresh in 0.. {
        let at = Timestamp::ZERO + show.period * refresh;
        if at > show.end {
            return;
        }
        clock.sleep_until(at);
        let mut guard = lock(shared);
        let s = &mut *guard;
        let start = Instant::now();
        let answer = s.engine.answer_at(at);
        s.cpu += start.elapsed();
        let boxes = answer.value.as_ref().and_then(|value| show.compare.boxes(value));
        let answered = Answered::of(at, &Shown { detections: boxes.as_deref(), ..shown(answer) });
        s.log.answers.push(answered);
    }
}
