//! Stages of decoding: each head, on outputs of the size that a common model of its kind has.
//! **Invariant:** outputs are the same in each step and hold something to be found.
//! It does not run models.

use anyhow::Context as _;
use inbetween::{Placement, Point, Value};
use inbetween_card::{HeadSpec, InputSpec};
use inbetween_infer::{Head, OutputView};
use serde_json::{Value as Json, json};

use super::{Stage, metered};

/// Numbers of each output.
type Fill = fn(usize) -> f32;

/// A name, the card's words, shape and numbers of each output, and how much is found in them.
type Case<'a> = (&'a str, Json, &'a [(&'a [usize], Fill)], f64);

/// How many are found, or how many numbers there are.
fn found(value: &Value) -> f64 {
    match value {
        Value::Boxes(v) => v.len() as f64,
        Value::Keypoints(v) => v.len() as f64,
        Value::Vector(v) | Value::Probabilities(v) | Value::Embedding(v) => v.len() as f64,
        Value::Mask(m) => m.cells.len() as f64,
        Value::Label(label) => f64::from(label.class),
        _ => 1.0,
    }
}

/// A logit that is high in every 97th row.
fn logits(i: usize) -> f32 {
    if i % 97 == 5 { 2.0 } else { -4.0 }
}

/// Offsets from anchors, in pixels of the model.
fn offsets(i: usize) -> f32 {
    [0.5, -0.5, 24.0, 24.0][i % 4] + (i % 7) as f32 * 0.1
}

/// Rows of YOLO: centre, size and the scores of 80 classes, one candidate in 100 with a score.
fn candidates(i: usize) -> f32 {
    let (row, candidate) = (i / 2100, i % 2100);
    match row {
        0 => (candidate % 50) as f32 * 6.0,
        1 => (candidate / 50) as f32 * 7.0,
        2 | 3 => 20.0,
        _ if candidate % 100 == 7 && row == 9 => 0.9,
        _ => 0.01,
    }
}

fn ramp(i: usize) -> f32 {
    (i * 37 % 101) as f32 * 0.01
}

fn unit(i: usize) -> f32 {
    if i.is_multiple_of(4) { 1.0 } else { 0.0 }
}

fn even(_: usize) -> f32 {
    0.088_388_35 // 1 / √128
}

pub(super) fn stages() -> anyhow::Result<Vec<Stage>> {
    let ssd = json!({
        "kind": "ssd", "outputs": [{ "scores": 0, "boxes": 1 }], "box_scale": [128.0, 128.0, 128.0, 128.0],
        "anchors": [{ "stride": 8, "per_cell": 2 }, { "stride": 16, "per_cell": 6 }],
    });
    let cases: [Case<'_>; 8] = [
        ("ssd of 896", ssd, &[(&[1, 896, 1], logits), (&[1, 896, 4], offsets)], 10.0),
        ("yolo of 2100", json!({ "kind": "yolo" }), &[(&[1, 84, 2100], candidates)], 21.0),
        (
            "468 points",
            json!({ "kind": "keypoints", "points": 468, "dims": 3 }),
            &[(&[1, 1404], ramp)],
            468.0,
        ),
        (
            "1000 classes",
            json!({ "kind": "classification", "classes": 1000, "label": true }),
            &[(&[1, 1000], ramp)],
            30.0,
        ),
        ("16 numbers", json!({ "kind": "regression", "length": 16 }), &[(&[1, 16], ramp)], 16.0),
        ("rotation", json!({ "kind": "rotation" }), &[(&[1, 4], unit)], 1.0),
        ("embedding of 128", json!({ "kind": "embedding", "length": 128 }), &[(&[1, 128], even)], 128.0),
        (
            "mask of 256 x 256",
            json!({ "kind": "mask", "width": 256, "height": 256 }),
            &[(&[1, 1, 256, 256], ramp)],
            65536.0,
        ),
    ];
    cases.into_iter().map(|(name, spec, outputs, count)| head(name, spec, outputs, count)).collect()
}

fn head(name: &str, spec: Json, outputs: &[(&[usize], Fill)], count: f64) -> anyhow::Result<Stage> {
    let spec: HeadSpec = serde_json::from_value(spec).with_context(|| format!("the head of {name}"))?;
    let side = if name.starts_with("ssd") { 128 } else { 320 };
    let input: InputSpec = serde_json::from_value(json!({ "kind": "image", "width": side, "height": side }))?;
    let shapes: Vec<Vec<usize>> = outputs.iter().map(|(shape, _)| shape.to_vec()).collect();
    let head = Head::new(&spec, &input, &shapes)
        .map_err(|(output, reason)| anyhow::anyhow!("{name}: output {output}: {reason}"))?;
    let tensors: Vec<Vec<f32>> =
        (outputs.iter()).map(|(shape, fill)| (0..shape.iter().product()).map(fill).collect()).collect();
    let scale = 1280.0 / side as f32;
    let placement = Placement {
        scale: Point::new(scale, scale),
        origin: Point::new(0.0, 0.0),
        frame: (1280, 1280),
        model: (side, side),
    };
    Ok(Stage::new(format!("decode/{name}"), count, move |meter| {
        let views: Vec<OutputView<'_>> = tensors.iter().map(|t| OutputView(t)).collect();
        match metered(meter, || head.decode(&views, Some(&placement))) {
            Some(Ok(value)) => found(&value),
            _ => f64::NAN,
        }
    }))
}
