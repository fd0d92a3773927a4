//! Three threads share a session at real rates: a camera of 240 Hz, a display of 120 Hz, a worker with a real model.
//! **Invariant:** no answer gives its thread up to wait for a lock.
//! It does not hold the machine to the rates: a refresh that another process delayed is counted apart.
//!
//! Whether a call waited for a lock is read off the kernel's count of voluntary context switches of the thread: a thread
//! that waits for a lock gives up its core by itself, one whose core is taken away does not.

use std::{
    collections::HashMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use inbetween_ffi::{Answer, FramePlan, ImageGeometry, PixelFormat, PlaneLayout, Rotation, Session, Value};
use inbetween_sim::{RenderedFrame, SceneSpec};

use crate::{Failure, histogram::Histogram};

const CARD: &str = include_str!("../../../benches/detector/card.toml");
const MODEL: &[u8] = include_bytes!("../../../benches/detector/detector.onnx");

/// Faces that drift over a textured background, on frames as cameras give.
const SCENE: &str = r#"
name = "locks"
[camera]
width = 1280
height = 720
fps = 60
noise = 2
[background]
texture = { kind = "noise", brightness = 105, contrast = 0.45, cell_px = 160 }
[[objects]]
count = 6
size_px = [150, 170]
aspect = 1.25
x = [0.15, 0.85]
y = [0.2, 0.8]
texture = { kind = "face", brightness = [150, 180], contrast = 0.75 }
motion = [{ linear = { speed_px_s = [20, 80] } }]
"#;

const CAPTURE: Duration = Duration::from_micros(4_167);
const REFRESH: Duration = Duration::from_micros(8_333);

/// What happened.
#[derive(Debug, Default)]
pub struct Report {
    /// What the display thread's calls took, and the capture thread's.
    pub answers: Histogram,
    pub frames: Histogram,
    pub runs: u64,
    /// Answers that showed something.
    pub shown: u64,
    /// Calls of `answer_at` in which the thread waited; `None` where the kernel does not say.
    pub waited: Option<u64>,
    /// Answers that were not there before the next refresh, of those that waited and of all.
    pub missed_waiting: u64,
    pub missed: u64,
}

/// Runs for so long, and fails when an answer waited.
pub fn print(seconds: u64) -> Result<(), Failure> {
    let report = run(Duration::from_secs(seconds))?;
    println!("{:>12} {:>10} {:>10}", "up to", "answers", "frames");
    for ((edge, answers), (_, frames)) in report.answers.bins().zip(report.frames.bins()) {
        let edge = edge.map_or("longer".to_owned(), |us| format!("{us} µs"));
        println!("{edge:>12} {answers:>10} {frames:>10}");
    }
    let waited = report.waited.map_or("not known here".to_owned(), |n| n.to_string());
    println!(
        "{} answers ({} show something), longest {:?}; {} frames, longest {:?}; {} runs",
        report.answers.total(),
        report.shown,
        report.answers.longest(),
        report.frames.total(),
        report.frames.longest(),
        report.runs,
    );
    println!(
        "answers that waited for a lock: {waited}; refreshes missed by one: {}, for other reasons: {}",
        report.missed_waiting,
        report.missed - report.missed_waiting,
    );
    let bins = |h: &Histogram| h.bins().map(|(_, n)| n).collect::<Vec<_>>();
    let json = serde_json::json!({
        "seconds": seconds, "answers": report.answers.total(), "frames": report.frames.total(), "runs": report.runs,
        "shown": report.shown, "waited": report.waited, "missed_by_lock": report.missed_waiting,
        "missed": report.missed, "answer_bins": bins(&report.answers), "frame_bins": bins(&report.frames),
        "longest_answer_us": report.answers.longest().as_secs_f64() * 1e6,
        "longest_frame_us": report.frames.longest().as_secs_f64() * 1e6,
    });
    println!("{json}");
    report.check()
}

impl Report {
    fn check(&self) -> Result<(), Failure> {
        if self.missed_waiting > 0 {
            return Err(format!("{} refreshes were missed because of a lock", self.missed_waiting).into());
        }
        // Two threads may meet at the lock that the exchange of two pointers takes: it is not held for longer.
        let most = self.answers.total() / 1000;
        match self.waited {
            Some(n) if n > most => Err(format!("{n} answers waited for a lock").into()),
            _ => Ok(()),
        }
    }
}

/// Frames in memory, so that the camera costs nothing.
fn frames() -> Result<Vec<RenderedFrame>, Failure> {
    let mut spec = SceneSpec::parse(SCENE)?;
    spec.duration_s = 1.0;
    let mut scene = spec.build(1);
    Ok((0..40).map(|i| scene.frame(i)).collect())
}

fn run(time: Duration) -> Result<Report, Failure> {
    let pictures = frames()?;
    let session = Session::new(CARD, MODEL, 1)?;
    let start = Instant::now();
    let now = move || start.elapsed().as_nanos() as i64;
    let stop = Arc::new(AtomicBool::new(false));

    let (to_worker, tickets) = mpsc::channel::<u64>();
    let worker = thread::spawn({
        let session = Arc::clone(&session);
        move || -> Result<u64, Failure> {
            let mut runs = 0;
            for ticket in tickets {
                session.run(ticket)?;
                session.handle_completion(now(), ticket)?;
                while session.poll_event()?.is_some() {}
                runs += 1;
            }
            Ok(runs)
        }
    });
    let capture = thread::spawn({
        let (session, stop) = (Arc::clone(&session), Arc::clone(&stop));
        move || -> Result<Histogram, Failure> {
            let mut calls = Histogram::default();
            let last = pictures.len() - 1;
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                sleep_until(start + CAPTURE * n as u32);
                let turn = n % (2 * last);
                let picture = &pictures[turn.min(2 * last - turn)];
                let captured = now();
                let began = Instant::now();
                let plan = session.handle_frame(now(), captured, &geometry(picture), &picture.data)?;
                calls.record(began.elapsed());
                if let FramePlan::Run { ticket, .. } = plan {
                    to_worker.send(ticket)?;
                }
            }
            Ok(calls)
        }
    });
    let display = thread::spawn(move || -> Result<Report, Failure> {
        let mut report = Report::default();
        let mut before = switches();
        let mut waits = before.map(|_| 0);
        for n in 1.. {
            let refresh = start + REFRESH * n;
            if refresh > start + time {
                break;
            }
            sleep_until(refresh);
            // Reading the count and sleeping give up the core, too: only what is between two readings counts.
            before = switches();
            let began = Instant::now();
            let answer: Answer = session.answer_at(now() + REFRESH.as_nanos() as i64)?;
            let ended = Instant::now();
            let waited = before.zip(switches()).map(|(before, after)| after > before);
            report.answers.record(ended - began);
            report.shown += u64::from(matches!(answer.value, Some(Value::Boxes { .. })));
            if waited == Some(true) {
                waits = waits.map(|n| n + 1);
            }
            if ended > refresh + REFRESH {
                report.missed += 1;
                report.missed_waiting += u64::from(waited.unwrap_or(true));
            }
        }
        report.waited = waits;
        Ok(report)
    });
    let mut report = joined(display)?;
    stop.store(true, Ordering::Relaxed);
    report.frames = joined(capture)?;
    report.runs = joined(worker)?;
    Ok(report)
}

fn joined<T>(thread: thread::JoinHandle<Result<T, Failure>>) -> Result<T, Failure> {
    thread.join().map_err(|_| "a thread panicked")?
}

fn sleep_until(at: Instant) {
    thread::sleep(at.saturating_duration_since(Instant::now()));
}

fn geometry(picture: &RenderedFrame) -> ImageGeometry {
    ImageGeometry {
        format: PixelFormat::Gray8,
        width: picture.width,
        height: picture.height,
        planes: vec![PlaneLayout { offset: 0, row_stride: picture.width }],
        rotation: Rotation::Upright,
        mirror: false,
        region: None,
        motion: None,
    }
}

/// How often this thread has given up its core by itself.
fn switches() -> Option<u64> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    let fields: HashMap<&str, &str> = status.lines().filter_map(|l| l.split_once(':')).collect();
    fields.get("voluntary_ctxt_switches")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn answers_do_not_wait_for_frames_or_runs() {
        let _turn = crate::TURN.lock();
        let report = run(Duration::from_secs(5)).expect("it runs");
        assert!(report.answers.total() > 300 && report.frames.total() > 300, "{report:?}");
        assert!(report.runs > 3 && report.shown > 100, "{report:?}");
        report.check().expect("no answer waits");
    }

    #[test]
    fn waiting_for_a_lock_shows() {
        let lock = Mutex::new(());
        thread::scope(|scope| {
            let held = lock.lock();
            let waits = scope.spawn(|| {
                let before = switches();
                drop(lock.lock());
                before.zip(switches()).map(|(before, after)| after > before)
            });
            thread::sleep(Duration::from_millis(50));
            drop(held);
            assert_ne!(waits.join().ok(), Some(Some(false)), "a wait was not seen");
        });
    }
}
