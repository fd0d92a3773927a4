//! Video, live: three threads share one engine, and a face detector that runs a few times a second answers 60 times.
//! **Invariant:** the engine is locked for one call at a time, never while the model runs.
//! It does not show pictures: the clip is rendered, and each second prints one line.
#![allow(clippy::print_stdout)] // a command line tool

use std::{
    env,
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use inbetween::{Bundle, Engine, Options, Plan, PreparedJob, Source, Timestamp, Value};
use inbetween_sim::{RenderedFrame, SceneSpec};

const CARD: &str = include_str!("../../../benches/detector/card.toml");
const MODEL: &[u8] = include_bytes!("../../../benches/detector/detector.onnx");
const SCENE: &str = include_str!("../../../benches/scenes/demo.toml");
/// Refreshes of the display a second.
const HZ: u64 = 60;
/// Between two refreshes.
const REFRESH: Duration = Duration::from_nanos(1_000_000_000 / HZ);

fn main() -> anyhow::Result<()> {
    let seconds = env::args().nth(1).map_or(Ok(10), |s| s.parse()).context("usage: live [SECONDS]")?;
    let total = live(seconds)?;
    println!(
        "{} frames, {} runs of the model, {} refreshes, {} of them without an answer",
        total.frames, total.runs, total.refreshes, total.unavailable
    );
    Ok(())
}

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    frames: u32,
    runs: u32,
    refreshes: u32,
    /// Refreshes by where their answer came from.
    model: u32,
    predicted: u32,
    unavailable: u32,
    /// Sums over refreshes.
    boxes: usize,
    age: Duration,
}

/// What the threads share.
struct Shared {
    engine: Mutex<Engine>,
    tally: Mutex<Tally>,
    /// The one clock of all timestamps.
    start: Instant,
}

impl Shared {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.start.elapsed()
    }

    fn sleep_until(&self, at: Timestamp) {
        thread::sleep(at.since(self.now()));
    }
}

/// A panic on another thread ends the program through `thread::scope`; until then its data will do.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn live(seconds: u64) -> anyhow::Result<Tally> {
    let engine = Engine::new(Bundle::from_parts(CARD, MODEL)?, Options { seed: 1 })?;
    let scene = SceneSpec::parse(SCENE)?;
    let end = Timestamp::from_millis(1000 * seconds);
    let shared =
        Shared { engine: Mutex::new(engine), tally: Mutex::new(Tally::default()), start: Instant::now() };
    // At most one run is in flight by the card, so the channel never fills.
    let (to_worker, jobs) = mpsc::sync_channel::<PreparedJob>(1);
    thread::scope(|scope| {
        let captured = scope.spawn(|| capture(&shared, &scene, end, to_worker));
        scope.spawn(|| work(&shared, jobs));
        display(&shared, seconds);
        captured.join().map_err(|_| anyhow::anyhow!("the capture thread panicked"))?
    })?;
    Ok(*lock(&shared.tally))
}

/// The camera: a rendered clip at its own pace, from the start again when it ends.
fn capture(
    shared: &Shared,
    scene: &SceneSpec,
    end: Timestamp,
    to_worker: mpsc::SyncSender<PreparedJob>,
) -> anyhow::Result<()> {
    let mut scene = scene.build(1);
    let mut frame = RenderedFrame::empty(&scene);
    for index in 0..scene.frames() {
        let Some(arrives) = scene.arrives(index) else { continue }; // the camera dropped it
        if arrives >= end {
            break;
        }
        scene.render(index, &mut frame);
        shared.sleep_until(arrives);
        let plan = lock(&shared.engine).handle_frame(shared.now(), &frame.as_frame())?;
        lock(&shared.tally).frames += 1;
        if let Plan::Run(job) = plan {
            // Copies what the model needs: the next frame may be rendered over this one.
            to_worker.send(job.prepare(&frame.as_frame())).ok().context("the worker is gone")?;
        }
    }
    drop(to_worker); // the worker ends with it
    Ok(())
}

/// The worker: runs the model without holding the engine.
fn work(shared: &Shared, jobs: mpsc::Receiver<PreparedJob>) {
    for job in jobs {
        let completion = job.run();
        lock(&shared.engine).handle_completion(shared.now(), completion);
        lock(&shared.tally).runs += 1;
    }
}

/// The display: an answer for each refresh, before it is shown.
fn display(shared: &Shared, seconds: u64) {
    let mut before = Tally::default();
    for refresh in 1..=HZ * seconds {
        let shown = Timestamp::from_nanos(refresh * 1_000_000_000 / HZ);
        shared.sleep_until(shown.minus(REFRESH));
        let mut engine = lock(&shared.engine);
        while engine.poll_event().is_some() {} // an app would log them
        let answer = engine.answer_at(shown);
        let mut tally = lock(&shared.tally);
        tally.refreshes += 1;
        tally.age += answer.age;
        match answer.source {
            Source::Model => tally.model += 1,
            Source::Unavailable => tally.unavailable += 1,
            _ => tally.predicted += 1,
        }
        if let Some(Value::Boxes(boxes)) = &answer.value {
            tally.boxes += boxes.len(); // an app would draw them
        }
        if tally.refreshes.is_multiple_of(60) {
            print_second(&tally, &before);
            before = *tally;
        }
    }
}

fn print_second(now: &Tally, before: &Tally) {
    println!(
        "{:3} s: {:2} frames, {:2} runs; answers: {:2} model, {:2} predicted, {:2} unavailable; age {:3.0} ms, {:.1} boxes",
        now.refreshes / 60,
        now.frames - before.frames,
        now.runs - before.runs,
        now.model - before.model,
        now.predicted - before.predicted,
        now.unavailable - before.unavailable,
        now.age.saturating_sub(before.age).as_secs_f64() * 1e3 / 60.0,
        (now.boxes - before.boxes) as f64 / 60.0,
    );
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_few_runs_answer_most_refreshes() {
        let total = super::live(3).expect("it runs");
        println!("{total:?}");
        assert_eq!(total.refreshes, 180);
        assert!(total.frames > 30, "{total:?}"); // a loaded machine renders fewer than 90
        assert!(total.runs >= 2 && total.runs < total.frames, "{total:?}");
        assert!(total.unavailable < 90, "{total:?}");
        assert!(total.boxes > 90, "{total:?}");
        assert_eq!(total.model + total.predicted + total.unavailable, total.refreshes);
    }
}
