//! The embedded detector through the facade: its card, another runtime's results, the truth of rendered frames.
//! **Invariant:** no frame here was trained on: the scenes are of the test split.
//! It does not measure the engine: `inbetween bench` does.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::{fs, path::PathBuf};

use inbetween::{
    Bundle, CancelToken, Detection, Engine, LoadLimits, Model, Options, Outcome, Plan, Rect, Runner, Value,
};
use inbetween_sim::{RenderedFrame, SceneSpec};
use serde::Deserialize;

/// What onnxruntime found in one frame; written by `benches/detector/train.py`.
#[derive(Deserialize)]
struct Reference {
    scene: String,
    seed: u64,
    index: u64,
    /// x0, y0, x1, y1 in frame pixels, score.
    detections: Vec<[f32; 5]>,
}

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn scene(name: &str) -> SceneSpec {
    SceneSpec::parse(&fs::read_to_string(file(&format!("scenes/{name}.toml"))).unwrap()).unwrap()
}

fn bundle() -> Bundle {
    let card = fs::read_to_string(file("detector/card.toml")).unwrap();
    let model = fs::read(file("detector/detector.onnx")).unwrap();
    // Fails when the model is not the one whose SHA-256 the card states.
    Bundle::from_parts(&card, &model).unwrap()
}

fn runner() -> Runner {
    let bundle = bundle();
    Model::load(bundle.model(), &bundle.card().model, LoadLimits::default()).unwrap().runner().unwrap()
}

fn detect(runner: &mut Runner, frame: &RenderedFrame) -> Vec<Detection> {
    let Value::Boxes(boxes) = runner.run(&frame.as_frame(), &CancelToken::new()).unwrap() else {
        panic!("a detector gives boxes")
    };
    boxes
}

/// The largest distance of corresponding corners: what the card's tolerance bounds.
fn corner(a: &Rect, b: &Rect) -> f32 {
    let x = (a.x0 - b.x0).abs().max((a.x1 - b.x1).abs());
    let y = (a.y0 - b.y0).abs().max((a.y1 - b.y1).abs());
    x.hypot(y)
}

#[test]
fn agrees_with_another_runtime() {
    let text = fs::read_to_string(file("detector/reference.json")).unwrap();
    let references: Vec<Reference> = serde_json::from_str(&text).unwrap();
    let mut runner = runner();
    let mut compared = 0;
    for r in &references {
        let found = detect(&mut runner, &scene(&r.scene).build(r.seed).frame(r.index));
        // Where resizing rounds differently, pictures differ by one grey level. That moves boxes by tenths of a
        // pixel, and what is within 0.05 of the threshold may come to lie on the other side of it.
        let clear = |score: f32| score > 0.55;
        let place = |d: &[f32; 5]| Rect::new(d[0], d[1], d[2], d[3]);
        for d in r.detections.iter().filter(|d| clear(d[4])) {
            let same =
                found.iter().any(|f| corner(&f.bounds, &place(d)) < 0.5 && (f.score - d[4]).abs() < 0.05);
            assert!(same, "{} {} {}: {d:?} is not in {found:?}", r.scene, r.seed, r.index);
            compared += 1;
        }
        for f in found.iter().filter(|f| clear(f.score)) {
            let same = r.detections.iter().any(|d| corner(&f.bounds, &place(d)) < 0.5);
            assert!(same, "{} {} {}: {f:?} is not in the reference", r.scene, r.seed, r.index);
        }
    }
    assert!(compared >= 20, "only {compared} detections compared");
}

#[test]
fn finds_the_faces_of_the_demo() {
    let epsilon = bundle().card().tolerance.epsilon;
    let mut runner = runner();
    let (mut wanted, mut found, mut given, mut right) = (0, 0, 0, 0);
    for seed in 2001..2004 {
        let mut scene = scene("demo").build(seed);
        for index in (0..scene.frames()).step_by(24) {
            let frame = scene.frame(index);
            let boxes = detect(&mut runner, &frame);
            let near = |t: &Rect, within: f32| boxes.iter().any(|b| corner(&b.bounds, t) <= within);
            for t in frame.truth.iter().filter(|t| t.visible >= 0.5) {
                wanted += 1;
                found += u32::from(near(&t.bounds, epsilon));
            }
            given += boxes.len();
            right += boxes
                .iter()
                .filter(|b| frame.truth.iter().any(|t| corner(&b.bounds, &t.bounds) < 3.0 * epsilon))
                .count();
        }
    }
    assert!(wanted > 300, "{wanted}");
    let (recall, precision) = (f64::from(found) / f64::from(wanted), right as f64 / given as f64);
    assert!(recall >= 0.95, "{recall} of {wanted} within {epsilon} px");
    assert!(precision >= 0.97, "{precision} of {given} are where a face is");
}

#[test]
fn an_engine_of_the_card_runs_it_and_answers() {
    let mut engine = Engine::new(bundle(), Options { seed: 1 }).unwrap();
    let frame = scene("demo").build(2002).frame(0);
    let captured = frame.captured;
    let Plan::Run(job) = engine.handle_frame(captured, &frame.as_frame()).unwrap() else {
        panic!("the first frame is a key frame")
    };
    let completion = job.run(&frame.as_frame());
    assert!(matches!(completion.outcome, Outcome::Value(_)), "{completion:?}");
    engine.handle_completion(captured, completion);
    let answer = engine.answer_at(captured);
    let Some(Value::Boxes(boxes)) = &answer.value else { panic!("{answer:?}") };
    let seen = frame.truth.iter().filter(|t| t.visible >= 0.5).count();
    assert!(boxes.len() >= seen, "{} answers for {seen} faces", boxes.len());
}
