//! The facade with a real model: frames in, jobs to a worker, answers out.
#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use std::{sync::mpsc, thread, time::Duration};

use inbetween::{
    Admission, Answer, Bundle, BundleError, CancelToken, Completion, Engine, EngineError, Environment, Event,
    Frame, FrameError, Image, Job, LoadLimits, Model, Options, Outcome, PixelFormat, Plan, PreparedJob, Rect,
    RunFailure, Rung, Source, SwitchReason, Timestamp, Value,
};

const CARD: &str = include_str!("models/bright_spot.toml");
const MODEL: &[u8] = include_bytes!("models/bright_spot.onnx");
const SIDE: usize = 64;

fn engine() -> Engine {
    Engine::new(Bundle::from_parts(CARD, MODEL).unwrap(), Options { seed: 1 }).unwrap()
}

/// A dark picture with a bright square of one cell at (`column`, `row`).
fn picture(column: usize, row: usize) -> Vec<u8> {
    let mut pixels = vec![20_u8; SIDE * SIDE];
    for y in row * 16..row * 16 + 16 {
        pixels[y * SIDE + column * 16..][..16].fill(240);
    }
    pixels
}

fn frame(pixels: &[u8], ms: u64) -> Frame<'_> {
    let image = Image::packed(PixelFormat::Gray8, SIDE as u32, SIDE as u32, pixels);
    Frame::image(Timestamp::from_millis(ms), image)
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// Feeds frames from `ms` on until the engine wants a run.
fn next_job(engine: &mut Engine, pixels: &[u8], ms: &mut u64) -> Job {
    for _ in 0..200 {
        *ms += 33;
        if let Plan::Run(job) = engine.handle_frame(at(*ms), &frame(pixels, *ms)).unwrap() {
            return job;
        }
    }
    panic!("no run in 200 frames");
}

fn only_box(answer: &Answer) -> Rect {
    let Some(Value::Boxes(boxes)) = &answer.value else { panic!("{answer:?}") };
    assert_eq!(boxes.len(), 1, "{answer:?}");
    boxes[0].bounds
}

#[test]
fn a_run_becomes_an_answer_in_frame_pixels() {
    let mut engine = engine();
    assert_eq!(engine.answer_at(at(0)).source, Source::Unavailable);
    let (pixels, mut ms) = (picture(2, 1), 1000);
    let job = next_job(&mut engine, &pixels, &mut ms);
    let completion = job.run(&frame(&pixels, ms));
    assert_eq!(engine.handle_completion(at(ms + 5), completion), Admission::Admitted);
    let answer = engine.answer_at(at(ms + 16));
    assert!(only_box(answer).worst_corner(&Rect::new(32.0, 16.0, 48.0, 32.0)) < 1.0, "{answer:?}");
    assert_eq!(answer.key_frame, Some(at(ms)));
    assert_eq!(answer.model_version, 1);
}

#[test]
fn the_buffer_may_go_back_before_the_run() {
    let mut engine = engine();
    let mut ms = 1000;
    let mut pixels = picture(0, 3);
    let job = next_job(&mut engine, &pixels, &mut ms);
    let prepared = job.prepare(&frame(&pixels, ms));
    pixels.fill(0); // the camera writes the next picture
    let Outcome::Value(Value::Boxes(boxes)) = prepared.run().outcome else { panic!() };
    assert!(boxes[0].bounds.worst_corner(&Rect::new(0.0, 48.0, 16.0, 64.0)) < 1.0);
}

#[test]
fn a_camera_clock_a_little_ahead_does_not_lose_its_runs() {
    let mut engine = engine();
    let pixels = picture(1, 1);
    let ahead = frame(&pixels, 105);
    let Ok(Plan::Run(job)) = engine.handle_frame(at(100), &ahead) else { panic!("the first frame is run") };
    assert_eq!(job.ticket().captured, at(100));
    let completion = job.run(&ahead);
    assert!(matches!(completion.outcome, Outcome::Value(_)), "{completion:?}");
}

#[test]
fn jobs_run_on_another_thread() {
    fn sendable<T: Send + 'static>() {}
    sendable::<Job>();
    sendable::<PreparedJob>();
    sendable::<Completion>();
    sendable::<CancelToken>();
    sendable::<Engine>();

    let mut engine = engine();
    let (to_worker, jobs) = mpsc::channel::<PreparedJob>();
    let (to_engine, completions) = mpsc::channel();
    let worker = thread::spawn(move || {
        let mut runs = 0;
        for job in jobs {
            runs += 1;
            to_engine.send(job.run()).unwrap();
        }
        runs
    });
    let (mut plans, mut admitted) = (0, 0);
    for n in 0..300_u64 {
        // The spot jumps every two seconds.
        let cell = (n / 60 % 16) as usize;
        let pixels = picture(cell % 4, cell / 4);
        let ms = 1000 + n * 33;
        if let Plan::Run(job) = engine.handle_frame(at(ms), &frame(&pixels, ms)).unwrap() {
            plans += 1;
            to_worker.send(job.prepare(&frame(&pixels, ms))).unwrap();
            let completion = completions.recv_timeout(Duration::from_secs(30)).unwrap();
            admitted += u32::from(engine.handle_completion(at(ms + 4), completion) == Admission::Admitted);
        }
        while engine.poll_event().is_some() {}
        engine.answer_at(at(ms + 16));
    }
    drop(to_worker);
    assert_eq!(worker.join().unwrap(), plans);
    assert_eq!(plans, admitted);
    assert!(plans < 300, "no frame was skipped");
    assert!(plans > 4, "{plans} runs for five jumps");
}

#[test]
fn a_cancelled_an_abandoned_and_a_misused_job_each_end_once() {
    let mut engine = engine();
    let (pixels, mut ms) = (picture(1, 1), 1000);

    let job = next_job(&mut engine, &pixels, &mut ms);
    job.cancel_token().cancel();
    let completion = job.run(&frame(&pixels, ms));
    assert_eq!(completion.outcome, Outcome::Cancelled);
    assert_eq!(engine.handle_completion(at(ms), completion), Admission::Cancelled);

    let job = next_job(&mut engine, &pixels, &mut ms);
    let completion = job.abandon();
    assert_eq!(engine.handle_completion(at(ms), completion.clone()), Admission::Cancelled);
    assert_eq!(engine.handle_completion(at(ms), completion), Admission::UnknownTicket);

    let job = next_job(&mut engine, &pixels, &mut ms);
    let completion = job.run(&frame(&pixels, ms + 1)); // another frame than the ticket's
    assert_eq!(completion.outcome, Outcome::Failed(RunFailure::Model));
    assert_eq!(engine.handle_completion(at(ms), completion), Admission::Failed(RunFailure::Model));

    // After all that, a good run is used.
    let job = next_job(&mut engine, &pixels, &mut ms);
    let completion = job.run(&frame(&pixels, ms));
    assert_eq!(engine.handle_completion(at(ms + 2), completion), Admission::Admitted);
}

#[test]
fn reset_stops_what_runs_and_forgets_answers() {
    let mut engine = engine();
    let (pixels, mut ms) = (picture(1, 1), 1000);
    let job = next_job(&mut engine, &pixels, &mut ms);
    let token = job.cancel_token();
    engine.reset();
    assert!(token.is_cancelled());
    let completion = job.run(&frame(&pixels, ms));
    assert_eq!(engine.handle_completion(at(ms), completion), Admission::UnknownTicket);
    assert_eq!(engine.answer_at(at(ms + 16)).source, Source::Unavailable);
    let job = next_job(&mut engine, &pixels, &mut ms);
    let completion = job.run(&frame(&pixels, ms));
    assert_eq!(engine.handle_completion(at(ms + 2), completion), Admission::Admitted);
}

#[test]
fn a_bad_frame_is_typed_and_poisons_nothing() {
    let mut engine = engine();
    let pixels = picture(1, 1);
    let image = Image::packed(PixelFormat::Gray8, 64, 65, &pixels);
    let error = engine.handle_frame(at(10), &Frame::image(at(10), image)).unwrap_err();
    assert!(matches!(error, FrameError::PlaneLength { .. }), "{error}");
    let mut ms = 20;
    let job = next_job(&mut engine, &pixels, &mut ms);
    let completion = job.run(&frame(&pixels, ms));
    assert_eq!(engine.handle_completion(at(ms + 2), completion), Admission::Admitted);
}

#[test]
fn unusable_bundles_say_what_to_mend() {
    let card = format!("{CARD}\n[ladder]\nrungs = [\"predicted\", \"model\", \"unavailable\"]");
    let error = Bundle::from_parts(&card, MODEL).unwrap_err();
    assert!(error.to_string().contains("`ladder.rungs` must be in the order model"), "{error}");

    let stated = "0".repeat(64);
    let card = CARD.replace("version = 1", &format!("version = 1\nsha256 = \"{stated}\""));
    let BundleError::Digest { found, .. } = Bundle::from_parts(&card, MODEL).unwrap_err() else { panic!() };
    assert!(Bundle::from_parts(&card.replace(&stated, &found), MODEL).is_ok());

    let wrong = CARD.replace("height = 16", "height = 32");
    let bundle = Bundle::from_parts(&wrong, MODEL).unwrap();
    let error = Engine::new(bundle, Options::default()).unwrap_err();
    let EngineError::Model(error) = error else { panic!("{error}") };
    assert!(error.to_string().contains("the model wants [1, 1, 16, 16]"), "{error}");

    let bundle = Bundle::from_parts(CARD, &MODEL[..300]).unwrap();
    assert!(matches!(Engine::new(bundle, Options::default()), Err(EngineError::Model(_))));
}

/// The card with a smaller variant, which here is the same model under another name.
fn card_with_variant() -> String {
    format!(
        "{CARD}
        [[model.variants]]
        name = \"bright-spot-small\"
        version = 7
        file = \"small.onnx\"
        energy = 0.4
        error_scale = 1.5"
    )
}

#[test]
fn heat_changes_over_to_the_variant_and_answers_say_so() {
    let bundle = Bundle::from_files(&card_with_variant(), |_| Some(MODEL.to_vec())).unwrap();
    assert_eq!(bundle.models().len(), 2);
    let mut engine = Engine::new(bundle, Options { seed: 1 }).unwrap();
    let mut ms = 1000;
    let answered = |engine: &mut Engine, ms: &mut u64| {
        let pixels = picture(2, 1);
        let job = next_job(engine, &pixels, ms);
        let variant = job.ticket().variant;
        let completion = job.run(&frame(&pixels, *ms));
        assert_eq!(engine.handle_completion(at(*ms + 9), completion), Admission::Admitted);
        let answer = engine.answer_at(at(*ms + 16)).clone();
        assert_eq!(answer.variant, variant);
        only_box(&answer);
        (answer.model_version, engine.model_name(variant).unwrap().to_owned())
    };
    assert_eq!(answered(&mut engine, &mut ms), (1, "bright-spot".to_owned()));
    let hot = Environment { thermal_headroom: Some(0.85), ..Environment::default() };
    engine.handle_environment(at(ms + 20), hot);
    assert_eq!(answered(&mut engine, &mut ms), (7, "bright-spot-small".to_owned()));
    let events: Vec<Event> = std::iter::from_fn(|| engine.poll_event()).collect();
    assert!(
        events.contains(&Event::VariantChanged { from: 0, to: 1, why: SwitchReason::Heat }),
        "{events:?}"
    );
    assert!(events.contains(&Event::RungChanged(Rung::SmallerVariant)), "{events:?}");
    assert_eq!(engine.model_name(2), None);
}

#[test]
fn a_variant_without_bytes_or_with_bad_ones_is_refused_by_name() {
    let error = Bundle::from_parts(&card_with_variant(), MODEL).unwrap_err();
    assert_eq!(error, BundleError::Missing { file: "small.onnx".to_owned() });
    let files = |name: &str| Some(if name == "small.onnx" { b"no model".to_vec() } else { MODEL.to_vec() });
    let bundle = Bundle::from_files(&card_with_variant(), files).unwrap();
    let error = Engine::new(bundle, Options { seed: 1 }).unwrap_err();
    assert!(matches!(&error, EngineError::Variant { name, .. } if name == "bright-spot-small"), "{error}");
    let one =
        Model::load(MODEL, &Bundle::from_parts(CARD, MODEL).unwrap().card().model, LoadLimits::default());
    let config = inbetween::config(&inbetween::Card::parse(&card_with_variant()).unwrap());
    let error = Engine::with_model(config, one.unwrap(), Options { seed: 1 }).unwrap_err();
    assert!(matches!(error, EngineError::Config(e) if e.field == "variants"), "{error}");
}
