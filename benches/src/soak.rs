//! `inbetween soak`: the demo's model on its scene in real time, for minutes, to see what grows and what gets slow.
//! **Invariant:** the verdict is about memory alone, and is given only after a warm-up; times are shown, not judged.
//! It does not score answers: `demo` does. `cargo xtask claims soak-growth --record` keeps ten minutes.

use std::{
    fs,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use inbetween::{Plan, Timestamp};
use inbetween_sim::{RenderedFrame, SceneSpec};
use serde_json::json;

use crate::{
    cli::SoakArgs,
    demo,
    model::Loaded,
    record::write_pretty,
    scenes,
    terminal::{progress, say},
};

/// The share of the time in which memory may still grow: caches fill, and the allocator learns.
const WARM: f64 = 0.25;
/// Bytes by which memory may grow after that: a leak of 100 bytes a frame would be twice as much in ten minutes.
const FLAT: u64 = 1 << 20;
/// Answers between two frames.
const REFRESHES: u32 = 2;
/// Histograms go to ten seconds, with two digits.
const HIGHEST_NS: u64 = 10_000_000_000;

/// What was seen.
struct Seen {
    frame: Histogram<u64>,
    answer: Histogram<u64>,
    run: Histogram<u64>,
    /// Bytes that are in memory, each second.
    resident: Vec<u64>,
    runs: u64,
    /// Frames that were handled after the next one was there.
    late: u64,
}

/// The command; ends with 1 when memory grew.
///
/// # Errors
/// When the demo's model cannot be used, or this system does not say how much memory is used.
pub fn command(args: &SoakArgs) -> anyhow::Result<ExitCode> {
    ensure!(args.minutes > 0.0 && args.minutes <= 24.0 * 60.0, "minutes must be more than 0, up to a day");
    let seen = soak(args.minutes * 60.0)?;
    let grown = grown(&seen.resident);
    let us = |h: &Histogram<u64>, q: f64| h.value_at_quantile(q) as f64 / 1e3;
    for (name, h) in [("a frame", &seen.frame), ("an answer", &seen.answer), ("a run", &seen.run)] {
        let (median, tail, worst) = (us(h, 0.5), us(h, 0.99), us(h, 1.0));
        say(format_args!(
            "{name}: {median:.1} µs in the middle, {tail:.1} at 99%, {worst:.1} at most, {} times",
            h.len()
        ));
    }
    say(format_args!("{} frames were handled after the next one was there", seen.late));
    let verdict = if grown <= FLAT { "flat" } else { "GROWING" };
    say(format_args!("memory is {verdict}: {} KiB more after the warm-up", grown / 1024));
    if let Some(path) = &args.json {
        let quantiles = |h: &Histogram<u64>| json!({ "count": h.len(), "p50_us": us(h, 0.5), "p95_us": us(h, 0.95), "p99_us": us(h, 0.99), "max_us": us(h, 1.0) });
        let all = json!({
            "minutes": args.minutes, "runs": seen.runs, "late_frames": seen.late,
            "grown_bytes": grown, "flat": grown <= FLAT, "resident_bytes": seen.resident.last(),
            "resident_bytes_each_minute": seen.resident.iter().step_by(60).collect::<Vec<_>>(),
            "frame": quantiles(&seen.frame), "answer": quantiles(&seen.answer), "run": quantiles(&seen.run),
        });
        write_pretty(path, &all)?;
    }
    Ok(if grown <= FLAT { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// By how much the most of the rest exceeds the most of the warm-up.
fn grown(resident: &[u64]) -> u64 {
    let (warm, rest) = resident.split_at((resident.len() as f64 * WARM).ceil() as usize);
    let most = |part: &[u64]| part.iter().copied().max().unwrap_or_default();
    if rest.is_empty() { 0 } else { most(rest).saturating_sub(most(warm)) }
}

fn soak(seconds: f64) -> anyhow::Result<Seen> {
    let mut spec = SceneSpec::parse(scenes::DEMO).context("the demo's scene")?;
    spec.duration_s = seconds;
    let mut scene = spec.build(1);
    let mut engine = Loaded::from_parts(demo::CARD, demo::MODEL)?.engine(1)?;
    let histogram = || Histogram::new_with_bounds(1, HIGHEST_NS, 2);
    let mut seen = Seen {
        frame: histogram()?,
        answer: histogram()?,
        run: histogram()?,
        resident: Vec::new(),
        runs: 0,
        late: 0,
    };
    let mut frame = RenderedFrame::empty(&scene);
    let (start, bar) = (Instant::now(), progress(Some(scene.frames()), "soak"));
    let now = || Timestamp::from_nanos(start.elapsed().as_nanos() as u64);
    for index in 0..scene.frames() {
        scene.render(index, &mut frame);
        thread::sleep(frame.captured.since(now()));
        seen.late += u64::from(now().since(frame.captured).as_secs_f64() * spec.camera.fps > 1.0);
        let began = Instant::now();
        let plan = engine.handle_frame(now(), &frame.as_frame())?;
        note(&mut seen.frame, began);
        if let Plan::Run(job) = plan {
            let began = Instant::now();
            let completion = job.run(&frame.as_frame());
            note(&mut seen.run, began);
            engine.handle_completion(now(), completion);
            seen.runs += 1;
        }
        while engine.poll_event().is_some() {}
        for refresh in 0..REFRESHES {
            let display = now() + Duration::from_millis(8) * refresh;
            let began = Instant::now();
            std::hint::black_box(engine.answer_at(display));
            note(&mut seen.answer, began);
        }
        if frame.captured.as_secs_f64() >= seen.resident.len() as f64 {
            seen.resident.push(resident()?);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(seen)
}

fn note(histogram: &mut Histogram<u64>, began: Instant) {
    histogram.saturating_record(began.elapsed().as_nanos() as u64);
}

/// Bytes of this process in memory.
fn resident() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/self/status").context("only Linux says how much memory is used")?;
    let kib = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).and_then(|l| l.split_whitespace().next());
    Ok(kib.and_then(|k| k.parse::<u64>().ok()).context("no VmRSS in /proc/self/status")? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_growth_and_a_warm_up_is_none() {
        let leak: Vec<u64> = (0..600).map(|s| (20 << 20) + s * 30 * 200).collect();
        assert!(grown(&leak) > FLAT, "200 bytes a frame");
        let warm: Vec<u64> = (0..600).map(|s| (20 << 20) + s.min(100) * 100_000).collect();
        assert_eq!(grown(&warm), 0);
        assert_eq!(grown(&[]), 0);
    }

    #[test]
    fn a_few_seconds_give_frames_and_answers() {
        let seen = soak(1.0).unwrap();
        assert_eq!((seen.frame.len(), seen.answer.len()), (30, 60));
        assert!(seen.runs > 0 && seen.run.len() == seen.runs && !seen.resident.is_empty());
    }
}
