//! Real models with fused operators against the same models as the runtime alone runs them.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails, and says what it skipped

mod common;

use inbetween_flow::{Elements, Frame, Tensor, Timestamp, Value};
use inbetween_infer::{CancelToken, LoadLimits, Model};
use tract_core::model::IntoRunnable as _;
use tract_onnx::prelude::{self as tract, Datum as _, Framework as _, InferenceModelExt as _, tvec};

const MEDIAPIPE: &str = "pypi/mediapipe-0.10.14";

/// Share of an output's largest number by which any of its numbers may differ.
const TOLERANCE: f32 = 1e-4;

/// Outputs of the model in the runtime alone, with their names.
fn alone(bytes: &[u8], shape: &[usize], input: &[f32]) -> Vec<(String, Vec<f32>)> {
    let onnx = tract_onnx::onnx().with_ignore_output_shapes(true);
    let proto = onnx.proto_model_for_read(&mut &*bytes).unwrap();
    let names: Vec<String> = proto.graph.iter().flat_map(|g| &g.output).map(|o| o.name.clone()).collect();
    let fact = tract::InferenceFact::dt_shape(f32::datum_type(), shape);
    let plan = onnx.model_for_proto_model(&proto).unwrap().with_input_fact(0, fact).unwrap();
    let plan = plan.into_optimized().unwrap().into_runnable().unwrap();
    let outputs = plan.run(tvec!(tract::Tensor::from_shape(shape, input).unwrap().into())).unwrap();
    let floats = |o: &tract::TValue| o.try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec();
    names.into_iter().zip(outputs.iter().map(floats)).collect()
}

/// Runs a model both ways; at least `fused` convolutions must be ours.
fn agrees(bytes: &[u8], name: &str, shape: &[usize], fused: usize) {
    let data: Vec<f32> =
        (0..shape.iter().product()).map(|i: usize| (i * 7919 % 1021) as f32 / 1021.0).collect();
    let tensors = [Tensor { name, shape, elements: Elements::F32(&data) }];
    let frame = Frame::tensors(Timestamp::ZERO, &tensors);
    for (output, expected) in alone(bytes, shape, &data) {
        let spec = common::spec(&format!(
            "input = {{ kind = \"tensors\", tensors = [{{ name = \"{name}\", shape = {shape:?} }}] }}\n\
             head = {{ kind = \"raw\", output = \"{output}\", length = {} }}",
            expected.len(),
        ));
        let model = Model::load(bytes, &spec, LoadLimits::default()).unwrap();
        let ours: usize = model.kernels().iter().filter(|(k, _)| k.ends_with("_f32_8")).map(|(_, n)| n).sum();
        assert!(ours >= fused, "{output}: {:?}", model.kernels());
        let mut runner = model.runner().unwrap();
        for _ in 0..2 {
            let Value::Vector(found) = runner.run(&frame, &CancelToken::new()).unwrap() else { panic!() };
            let largest = expected.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
            let differ = found.iter().zip(&expected).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(differ <= TOLERANCE * largest, "{output}: {differ} of {largest}");
        }
    }
}

#[test]
fn demo_detector() {
    agrees(&common::file("../../benches/detector/detector.onnx"), "picture", &[1, 1, 96, 160], 6);
}

#[test]
fn face_detection() {
    let Some(bytes) = common::asset(&format!("{MEDIAPIPE}/face_detection_short_range.onnx")) else { return };
    agrees(&bytes, "input", &[1, 128, 128, 3], 30);
}

#[test]
fn face_mesh() {
    let Some(bytes) = common::asset(&format!("{MEDIAPIPE}/face_landmark.onnx")) else { return };
    agrees(&bytes, "input_1", &[1, 192, 192, 3], 20);
}

#[test]
fn hand_landmarks() {
    let Some(bytes) = common::asset(&format!("{MEDIAPIPE}/hand_landmark_lite.onnx")) else { return };
    agrees(&bytes, "input_1", &[1, 224, 224, 3], 40);
}

#[test]
fn objects() {
    let path = "npm/@mediapipe/objectron-0.4.1675468480/ssd_mobilenetv2_oidv4.onnx";
    let Some(bytes) = common::asset(path) else { return };
    agrees(&bytes, "normalized_input_image_tensor", &[1, 300, 300, 3], 50);
}
