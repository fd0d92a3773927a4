//! Outputs of real models against onnxruntime, and heads against NumPy: see `reference/make.py`.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails, and says what it skipped

mod common;

use inbetween_flow::{
    Audio, Elements, Frame, Image, PixelFormat, Rect, Samples, Tensor, Timestamp, Value as FlowValue,
};
use inbetween_infer::{CancelToken, LoadLimits, Model};
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_slice(&common::file("tests/reference/models.json")).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// The numbers of `pattern` in make.py.
fn pattern(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 % 1021) as f64 / 510.0 - 1.0) as f32).collect()
}

/// The numbers of `letters` in make.py.
fn letters(shape: &[usize]) -> Vec<f32> {
    let mut plane = Vec::new();
    for y in 0..shape[2] as i64 {
        for x in 0..shape[3] as i64 {
            let (x, y) = (x / 4, y / 4);
            let (column, row, letter) = ((x - 4).rem_euclid(6), y % 14, (x - 4).div_euclid(6));
            let line = (4..11).contains(&row) && (4..36).contains(&x) && column < 4;
            let ink = line && (letter * 37 + (row - 4) * 11 + column * 5) % 7 < 4;
            plane.push(if ink { -1.0 } else { 1.0 });
        }
    }
    plane.repeat(shape[1])
}

/// How far an output may be from onnxruntime's, relative to its own size or the tensor's mean size, whichever is
/// larger: convolutions sum in another order, in f32.
const RELATIVE: f64 = 2e-3;
/// And absolute: tract's sigmoid is a rational approximation that leaves some 1e-7 where the exact one is zero.
const ABSOLUTE: f64 = 1e-6;

fn raw_outputs_agree(name: &str) {
    let reference = reference();
    let case = reference["raw"].as_array().unwrap().iter().find(|c| text(c, "model").contains(name)).unwrap();
    let Some(bytes) = common::asset(text(case, "model")) else { return };
    let input = &case["inputs"][0];
    let shape: Vec<usize> =
        input["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    let data = if name == "det_infer" { letters(&shape) } else { pattern(shape.iter().product()) };
    let tensors = [Tensor { name: text(input, "name"), shape: &shape, elements: Elements::F32(&data) }];
    let frame = Frame::tensors(Timestamp::ZERO, &tensors);
    for output in case["outputs"].as_array().unwrap() {
        let spec = common::spec(&format!(
            "input = {{ kind = \"tensors\", tensors = [{{ name = \"{}\", shape = {shape:?} }}] }}\n\
             head = {{ kind = \"raw\", output = \"{}\", length = {} }}",
            text(input, "name"),
            text(output, "name"),
            output["length"],
        ));
        let model = Model::load(&bytes, &spec, LoadLimits::default()).unwrap();
        assert!(model.macs() > 100_000, "{} multiply-accumulates", model.macs());
        let mut runner = model.runner().unwrap();
        // Twice: the second run reuses the memory of the first.
        let first = runner.run(&frame, &CancelToken::new()).unwrap();
        let FlowValue::Vector(found) = runner.run(&frame, &CancelToken::new()).unwrap() else { panic!() };
        assert_eq!(first, FlowValue::Vector(found.clone()));

        let magnitude = number(&output["magnitude"]);
        let mean = found.iter().map(|x| f64::from(*x)).sum::<f64>() / found.len() as f64;
        assert!((mean - number(&output["mean"])).abs() <= RELATIVE * magnitude + ABSOLUTE, "mean {mean}");
        let at = output["at"].as_array().unwrap();
        let values = output["values"].as_array().unwrap();
        assert!(!at.is_empty() && at.len() == values.len());
        for (at, wanted) in at.iter().zip(values) {
            let (found, wanted) = (f64::from(found[at.as_u64().unwrap() as usize]), number(wanted));
            let allowed = RELATIVE * magnitude.max(wanted.abs()) + ABSOLUTE;
            assert!(
                (found - wanted).abs() <= allowed,
                "{found} for {wanted} at {at} of {}",
                text(output, "name")
            );
        }
    }
}

#[test]
fn blazeface_front_agrees() {
    raw_outputs_agree("front_128x128");
}

#[test]
fn blazeface_back_agrees() {
    raw_outputs_agree("back_256x256");
}

#[test]
fn mlsd_agrees() {
    raw_outputs_agree("mlsd_320x320_tiny");
}

#[test]
fn text_orientation_agrees() {
    raw_outputs_agree("cls_infer");
}

#[test]
fn text_detection_agrees() {
    raw_outputs_agree("det_infer");
}

/// The picture of `face` in make.py.
fn face(size: i64) -> Vec<u8> {
    let mut out = Vec::new();
    for y in 0..size {
        for x in 0..size {
            let (u, v) = (x * 256 / size, y * 256 / size);
            let inside = |cx: i64, cy: i64, rx: i64, ry: i64| {
                ((u - cx) * ry).pow(2) + ((v - cy) * rx).pow(2) <= (rx * ry).pow(2)
            };
            let mut colour = [120 + v / 8, 125 + v / 8, 135 + v / 8];
            let mut paint = |mask: bool, c: [i64; 3]| {
                if mask {
                    colour = c;
                }
            };
            paint(inside(140, 230, 90, 60), [60, 70, 110]);
            paint(inside(140, 112, 58, 76), [60, 45, 35]);
            paint(inside(140, 124, 48, 64), [215, 170, 145]);
            for cx in [120, 160] {
                paint(inside(cx, 112, 9, 5), [245, 245, 245]);
                paint(inside(cx, 112, 4, 4), [40, 30, 25]);
                paint(inside(cx, 100, 12, 3), [70, 50, 40]);
            }
            paint(inside(140, 132, 5, 12), [190, 140, 118]);
            paint(inside(140, 142, 10, 4), [175, 125, 105]);
            paint(inside(140, 162, 18, 6), [170, 75, 75]);
            out.extend(colour.map(|c| c as u8));
        }
    }
    out
}

/// BlazeFace as data. The four outputs are scores and boxes of two grids.
fn blazeface(size: u64, strides: &[Value]) -> inbetween_card::ModelSpec {
    common::spec(&format!(
        "[model.input]
         kind = \"image\"
         width = {size}
         height = {size}
         layout = \"nhwc\"
         fit = \"letterbox\"
         normalise = {{ scale = {}, offset = -1 }}
         [model.head]
         kind = \"ssd\"
         outputs = [{{ scores = 0, boxes = 2 }}, {{ scores = 1, boxes = 3 }}]
         anchors = [{{ stride = {}, per_cell = 2 }}, {{ stride = {}, per_cell = 6 }}]
         box_scale = [{size}, {size}, {size}, {size}]
         hits = {{ threshold = 0.5, nms = {{ iou = 0.3, mode = \"weighted\" }} }}",
        1.0 / 127.5,
        strides[0],
        strides[1],
    ))
}

fn worst_corner(found: &Rect, wanted: &Value, scale: f64, offset: (f64, f64)) -> f64 {
    let w: Vec<f64> = wanted.as_array().unwrap().iter().map(number).collect();
    let edges = [found.x0, found.y0, found.x1, found.y1].map(f64::from);
    let offsets = [offset.0, offset.1, offset.0, offset.1];
    (0..4).map(|i| (edges[i] - (w[i] * scale + offsets[i])).abs()).fold(0.0, f64::max)
}

#[test]
fn blazeface_finds_the_drawn_face_where_mediapipe_does() {
    let reference = reference();
    for case in reference["faces"].as_array().unwrap() {
        let Some(bytes) = common::asset(text(case, "model")) else { return };
        let size = case["size"].as_u64().unwrap();
        let spec = blazeface(size, case["strides"].as_array().unwrap());
        let model = Model::load(&bytes, &spec, LoadLimits::default()).unwrap();
        let mut runner = model.runner().unwrap();
        let wanted = case["found"].as_array().unwrap();
        assert_eq!(wanted.len(), 1);

        // The picture itself: no resize between it and the model.
        let picture = face(size as i64);
        let side = size as u32;
        let frame = Frame::image(Timestamp::ZERO, Image::packed(PixelFormat::Rgb8, side, side, &picture));
        let FlowValue::Boxes(found) = runner.run(&frame, &CancelToken::new()).unwrap() else { panic!() };
        assert_eq!(found.len(), 1, "{found:?}");
        assert!((f64::from(found[0].score) - number(&wanted[0]["score"])).abs() < 1e-3);
        let error = worst_corner(&found[0].bounds, &wanted[0]["box"], 1.0, (0.0, 0.0));
        assert!(error < 0.05, "{error} pixels");

        // In the middle of a frame twice as wide, letterboxed: found at the same place of the frame.
        let mut wide = Vec::new();
        let large = face(2 * size as i64);
        for row in large.chunks_exact(6 * size as usize) {
            let (left, right) = ([row[0], row[1], row[2]], &row[row.len() - 3..]);
            wide.extend(left.repeat(size as usize));
            wide.extend_from_slice(row);
            wide.extend(right.repeat(size as usize));
        }
        let image = Image::packed(PixelFormat::Rgb8, 4 * side, 2 * side, &wide).with_region(Rect::new(
            side as f32,
            0.0,
            3.0 * side as f32,
            2.0 * side as f32,
        ));
        let frame = Frame::image(Timestamp::ZERO, image);
        let FlowValue::Boxes(found) = runner.run(&frame, &CancelToken::new()).unwrap() else { panic!() };
        assert_eq!(found.len(), 1, "{found:?}");
        let error = worst_corner(&found[0].bounds, &wanted[0]["box"], 2.0, (size as f64, 0.0));
        assert!(error < 0.04 * size as f64, "{error} pixels in the wide frame"); // smoothed edges move the box
    }
}

#[test]
fn voice_probabilities_follow_the_state() {
    let reference = reference();
    let case = &reference["voice"];
    let Some(bytes) = common::asset(text(case, "model")) else { return };
    let spec = common::spec(
        "[model.input]
         kind = \"audio\"
         tensor = \"input\"
         sample_rate = 16000
         block = 512
         context = 64
         [model.head]
         kind = \"regression\"
         length = 1
         [[model.state]]
         input = \"state\"
         output = \"stateN\"
         shape = [2, 1, 128]",
    );
    let model = Model::load(&bytes, &spec, LoadLimits::default()).unwrap();
    assert!(model.is_stateful());
    let mut runner = model.runner().unwrap();
    let pcm: Vec<i16> = (0..512 * 24_i64)
        .map(|i| {
            let swell = ((i % 8000) - 4000).abs();
            // Floor division, as NumPy's.
            ((((i % 128) - 64) * swell).div_euclid(16) + (i * 7919 % 1021 - 510)) as i16
        })
        .collect();
    let wanted = case["probabilities"].as_array().unwrap();
    for pass in 0..2 {
        for (n, (block, wanted)) in pcm.chunks_exact(512).zip(wanted).enumerate() {
            let audio = Audio { samples: Samples::I16(block), sample_rate: 16_000 };
            let frame = Frame::audio(Timestamp::from_millis(32 * n as u64), audio);
            let FlowValue::Scalar(p) = runner.run(&frame, &CancelToken::new()).unwrap() else { panic!() };
            let error = (f64::from(p) - number(wanted)).abs();
            assert!(error < 1e-4, "block {n} of pass {pass}: {p} for {wanted}");
        }
        runner.reset(); // the second pass starts from silence again
    }
}
