//! Stages of answering: predicting each kind of value to a display time.
//! **Invariant:** before the first answer is measured the engine has had results that move, so that it extrapolates.
//! It does not look at pixels: what following them costs is in the gate's stages.

use std::time::Duration;

use inbetween_flow::{
    Completion, Config, Detection, Engine, Frame, Image, Keypoint, Label, Mask, Outcome, PixelFormat, Plan,
    Point, Quaternion, Rect, Timestamp, Value, ValueKind,
};

use super::{Stage, metered, noise};

/// Frames before the first answer.
const BEFORE: u32 = 90;
const SIDE: u32 = 320;

type Make = fn(f32) -> Value;

/// Each kind: name, tolerance in its unit, how many elements an answer has, and the value at a time in seconds.
const KINDS: [(&str, ValueKind, f32, f64, Make); 10] = [
    ("scalar", ValueKind::Scalar, 5.0, 1.0, |t| Value::Scalar(20.0 * t)),
    ("vector of 16", ValueKind::Vector, 5.0, 16.0, |t| {
        Value::Vector((0..16).map(|i| 20.0 * t + i as f32).collect())
    }),
    ("10 boxes", ValueKind::Boxes, 8.0, 10.0, boxes),
    ("33 points", ValueKind::Keypoints, 8.0, 33.0, |t| Value::Keypoints(points(33, t))),
    ("468 points", ValueKind::Keypoints, 8.0, 468.0, |t| Value::Keypoints(points(468, t))),
    ("10 probabilities", ValueKind::Probabilities, 0.2, 10.0, |t| {
        let first = 0.5 + 0.05 * (t * 0.5).sin();
        Value::Probabilities((0..10).map(|i| if i == 0 { first } else { (1.0 - first) / 9.0 }).collect())
    }),
    ("label", ValueKind::Label, 0.5, 1.0, |_| Value::Label(Label { class: 3, score: 0.9 })),
    ("rotation", ValueKind::Rotation, 10.0, 1.0, |t| {
        Value::Rotation(Quaternion::from_degrees([0.0, 0.0, 10.0 * t]))
    }),
    ("embedding of 128", ValueKind::Embedding, 10.0, 128.0, |t| {
        let turned = |i: usize| if i == 0 { (0.1 * t).cos() } else { (0.1 * t).sin() / 127_f32.sqrt() };
        Value::Embedding((0..128).map(turned).collect())
    }),
    ("mask of 64 x 64", ValueKind::Mask, 8.0, 4096.0, mask),
];

fn boxes(t: f32) -> Value {
    let one = |i: usize| {
        let (x, y) = (10.0 + 60.0 * (i % 5) as f32 + 10.0 * t, 10.0 + 80.0 * (i / 5) as f32);
        Detection { bounds: Rect::new(x, y, x + 30.0, y + 40.0), score: 0.9, class: 0, identity: None }
    };
    Value::Boxes((0..10).map(one).collect())
}

fn points(count: usize, t: f32) -> Vec<Keypoint> {
    let at = |i: usize| Point::new((i % 24) as f32 * 4.0 + 10.0 * t, (i / 24) as f32 * 5.0 + 20.0);
    (0..count).map(|i| Keypoint { at: at(i), visibility: 1.0 }).collect()
}

/// A disc that moves over the grid's bounds.
fn mask(t: f32) -> Value {
    let bounds = Rect::new(10.0 * t, 0.0, 10.0 * t + 128.0, 128.0);
    let inside = |i: u32| {
        let (x, y) = ((i % 64) as f32 - 32.0, (i / 64) as f32 - 32.0);
        if x * x + y * y < 400.0 { 255 } else { 0 }
    };
    Value::Mask(Mask { width: 64, height: 64, bounds, cells: (0..64 * 64).map(inside).collect() })
}

fn elements(value: &Value) -> f64 {
    match value {
        Value::Vector(v) | Value::Probabilities(v) | Value::Embedding(v) => v.len() as f64,
        Value::Boxes(v) => v.len() as f64,
        Value::Keypoints(v) => v.len() as f64,
        Value::Mask(m) => m.cells.len() as f64,
        _ => 1.0,
    }
}

pub(super) fn stages() -> anyhow::Result<Vec<Stage>> {
    KINDS
        .iter()
        .map(|(name, kind, epsilon, count, value)| answer(name, *kind, *epsilon, *count, *value))
        .collect()
}

fn answer(name: &str, kind: ValueKind, epsilon: f32, count: f64, value: Make) -> anyhow::Result<Stage> {
    let mut config = Config::for_images(kind, epsilon);
    config.scheduling.follow_pixels = false;
    let mut engine = Engine::new(config, 1)?;
    let mut data = noise((SIDE * SIDE) as usize);
    let mut last = Timestamp::ZERO;
    for n in 0..BEFORE {
        data[0] = n as u8; // no two frames are the same
        last = Timestamp::from_millis(u64::from(n) * 33);
        let image = Image::packed(PixelFormat::Gray8, SIDE, SIDE, &data);
        if let Plan::Run(ticket) = engine.handle_frame(last, &Frame::image(last, image))? {
            let outcome = Outcome::Value(value(n as f32 * 0.033));
            engine.handle_completion(last, Completion { ticket: ticket.id, outcome });
        }
        while engine.poll_event().is_some() {}
    }
    let mut n = 0;
    Ok(Stage::new(format!("answer/{name}"), count, move |meter| {
        // Refreshes between this frame and where the next one would be.
        n = (n + 1) % 30;
        let display = last + Duration::from_millis(n);
        let count = metered(meter, || engine.answer_at(display).value.as_ref().map(elements));
        count.flatten().unwrap_or(f64::NAN)
    }))
}
