//! A candidate in the shadow of a real model: the facade loads it, runs it in slack and counts how it compares.
#![allow(clippy::unwrap_used)] // a test that cannot go on fails

use std::time::Duration;

use inbetween::{
    Answer, Bundle, Engine, EngineError, Environment, Frame, Image, Options, PixelFormat, Plan, Timestamp,
    rollout::ShadowConfig,
};

const CARD: &str = include_str!("models/bright_spot.toml");
const MODEL: &[u8] = include_bytes!("models/bright_spot.onnx");
const SIDE: usize = 64;

fn caps() -> ShadowConfig {
    ShadowConfig {
        energy_mj_per_run: 10.0,
        energy_mj_per_s: 10.0,
        initial_latency: Duration::from_millis(5),
        duty: 0.2,
    }
}

fn bundle(card: &str) -> Bundle {
    Bundle::from_parts(card, MODEL).unwrap()
}

fn engine() -> Engine {
    Engine::new(bundle(CARD), Options { seed: 1 }).unwrap()
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// Ten seconds of a spot that jumps every second, on a clock that runs a little behind the camera's.
fn stream(mut engine: Engine, environment: Environment) -> (Engine, Vec<Answer>, u64) {
    engine.handle_environment(at(1), environment);
    let (mut answers, mut asked) = (Vec::new(), 0);
    for n in 0..300_u64 {
        let cell = (n / 30 % 16) as usize;
        let mut pixels = vec![20_u8; SIDE * SIDE];
        for y in cell / 4 * 16..cell / 4 * 16 + 16 {
            pixels[y * SIDE + cell % 4 * 16..][..16].fill(240);
        }
        let ms = 1000 + 33 * n;
        let image = Image::packed(PixelFormat::Gray8, SIDE as u32, SIDE as u32, &pixels);
        let frame = Frame::image(at(ms + 1), image);
        if let Plan::Run(job) = engine.handle_frame(at(ms), &frame).unwrap() {
            let completion = job.run(&frame);
            engine.handle_completion(at(ms + 5), completion);
            if let Some(job) = engine.ask_shadow(at(ms + 5)) {
                asked += 1;
                assert!(engine.ask_shadow(at(ms + 5)).is_none(), "one at a time");
                engine.handle_shadow(at(ms + 10), job.prepare(&frame).run());
            }
        }
        while engine.poll_event().is_some() {}
        answers.push(engine.answer_at(at(ms + 16)).clone());
    }
    (engine, answers, asked)
}

#[test]
fn a_candidate_is_compared_and_changes_nothing() {
    let (alone, answers, asked) = stream(engine(), Environment::default());
    assert_eq!((alone.shadow(), asked), (None, 0));

    let twin = engine().with_shadow(&bundle(CARD), caps()).unwrap();
    let (twin, beside, asked) = stream(twin, Environment::default());
    assert_eq!(beside, answers);
    let counts = twin.shadow().unwrap();
    assert!(asked >= 5 && counts.compared == asked && counts.agreed == asked, "{asked} {counts:?}");
    let agreement = counts.agreement().unwrap();
    assert!(agreement.share == 1.0 && agreement.low > 0.5 && agreement.high == 1.0, "{agreement:?}");

    // A candidate whose boxes are never sure enough finds nothing where the model finds a spot.
    let blind = CARD.replace("threshold = 0.5", "threshold = 0.999");
    assert_ne!(blind, CARD);
    let blind = engine().with_shadow(&bundle(&blind), caps()).unwrap();
    let (blind, beside, asked) = stream(blind, Environment::default());
    assert_eq!(beside, answers);
    let counts = blind.shadow().unwrap();
    assert!(counts.compared == asked && counts.agreed == 0, "{counts:?}");
    assert!(counts.agreement().unwrap().high < 0.5);
}

#[test]
fn without_slack_no_job_is_given() {
    let saving = Environment { power_saving: true, ..Environment::default() };
    let engine = engine().with_shadow(&bundle(CARD), caps()).unwrap();
    assert_eq!(stream(engine, saving).2, 0);
}

#[test]
fn caps_that_make_no_sense_are_refused() {
    let none = ShadowConfig { duty: 0.0, ..caps() };
    let error = engine().with_shadow(&bundle(CARD), none).unwrap_err();
    assert!(matches!(error, EngineError::Config(e) if e.field == "shadow.duty"), "{error}");
}

#[test]
fn another_frame_than_the_model_saw_is_a_failure_of_the_candidate() {
    let mut engine = engine().with_shadow(&bundle(CARD), caps()).unwrap();
    engine.handle_environment(at(1), Environment::default());
    let pixels = vec![20_u8; SIDE * SIDE];
    let frame = |ms| {
        let image = Image::packed(PixelFormat::Gray8, SIDE as u32, SIDE as u32, &pixels);
        Frame::image(at(ms), image)
    };
    let mut failed = false;
    for n in 0..300 {
        let ms = 1000 + 33 * n;
        if let Plan::Run(job) = engine.handle_frame(at(ms), &frame(ms)).unwrap() {
            let completion = job.run(&frame(ms));
            engine.handle_completion(at(ms + 5), completion);
            if let Some(job) = engine.ask_shadow(at(ms + 5)) {
                engine.handle_shadow(at(ms + 6), job.run(&frame(ms + 33)));
                failed = true;
                break;
            }
        }
    }
    assert!(failed && engine.shadow().unwrap().failed == 1, "{:?}", engine.shadow());
}
