//! Runs that fail, and runs after them.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails, and says what it skipped

mod common;

use common::onnx::{FLOAT, INT64, graph, model, node, value};
use inbetween_flow::{
    Elements, Frame, Image, Outcome, PixelFormat, RunFailure, Tensor, Timestamp, Value, ValueFault,
};
use inbetween_infer::{CancelToken, InputFault, LoadLimits, Model, RunError, Runner};

fn runner(bytes: &[u8], spec: &str) -> Runner {
    Model::load(bytes, &common::spec(spec), LoadLimits::default()).unwrap().runner().unwrap()
}

const FOUR: &str = "input = { kind = \"tensors\", tensors = [{ name = \"x\", shape = [4] }] }\n\
                    head = { kind = \"raw\", length = 4 }";

fn run(runner: &mut Runner, data: [f32; 4]) -> Result<Value, RunError> {
    let tensors = [Tensor { name: "x", shape: &[4], elements: Elements::F32(&data) }];
    runner.run(&Frame::tensors(Timestamp::ZERO, &tensors), &CancelToken::new())
}

fn one_op(op: &str) -> Vec<u8> {
    let nodes = [node(op, &["x"], &["y"], &[])];
    model(&graph(&nodes, &[], &[value("x", FLOAT, &[4])], &[value("y", FLOAT, &[4])]))
}

#[test]
fn nan_is_refused_and_the_next_run_is_good() {
    let mut runner = runner(&one_op("Sqrt"), FOUR);
    let error = run(&mut runner, [4.0, -1.0, 9.0, 1.0]).unwrap_err();
    assert_eq!(error, RunError::Refused(ValueFault::NotFinite));
    assert_eq!(error.outcome(), Outcome::Failed(RunFailure::Refused(ValueFault::NotFinite)));
    assert_eq!(run(&mut runner, [4.0, 1.0, 9.0, 1.0]).unwrap(), Value::Vector(vec![2.0, 1.0, 3.0, 1.0]));
    // Infinity is no number either.
    assert!(run(&mut runner, [f32::MAX, 1.0, 1.0, 1.0]).is_ok());
    assert_eq!(run(&mut runner, [f32::INFINITY; 4]), Err(RunError::Input(InputFault::NotFinite)));
}

#[test]
fn a_cancelled_run_ends_and_the_next_is_good() {
    let mut runner = runner(&one_op("Relu"), FOUR);
    let data = [1.0; 4];
    let tensors = [Tensor { name: "x", shape: &[4], elements: Elements::F32(&data) }];
    let frame = Frame::tensors(Timestamp::ZERO, &tensors);
    let token = CancelToken::new();
    runner.prepare(&frame).unwrap();
    token.clone().cancel();
    let error = runner.execute(&token).unwrap_err();
    assert_eq!((error.outcome(), error), (Outcome::Cancelled, RunError::Cancelled));
    assert_eq!(runner.execute(&CancelToken::new()), Err(RunError::NotPrepared));
    assert!(run(&mut runner, data).is_ok());
}

#[test]
fn a_panic_in_the_model_is_an_outcome_and_the_next_run_is_good() {
    // Integer division by zero: the runtime has no error for it.
    let nodes = [node("Div", &["x", "d"], &["y"], &[])];
    let inputs = [value("x", INT64, &[1]), value("d", INT64, &[1])];
    let bytes = model(&graph(&nodes, &[], &inputs, &[value("y", INT64, &[1])]));
    let mut runner = runner(
        &bytes,
        "input = { kind = \"tensors\", tensors = [{ name = \"x\", shape = [1], dtype = \"i64\" }, \
         { name = \"d\", shape = [1], dtype = \"i64\" }] }\nhead = { kind = \"regression\", length = 1 }",
    );
    let mut divide = |x: i64, d: i64| {
        let tensors = [
            Tensor { name: "d", shape: &[1], elements: Elements::I64(&[d]) },
            Tensor { name: "x", shape: &[1], elements: Elements::I64(&[x]) },
        ];
        runner.run(&Frame::tensors(Timestamp::ZERO, &tensors), &CancelToken::new())
    };
    assert_eq!(divide(6, 2), Ok(Value::Scalar(3.0)));
    let error = divide(6, 0).unwrap_err();
    assert!(matches!(error, RunError::Panicked { .. } | RunError::Model { .. }), "{error}");
    assert_eq!(divide(8, 2), Ok(Value::Scalar(4.0)));
}

#[test]
fn recurrent_state_is_carried_and_reset() {
    let nodes = [node("Add", &["x", "sum"], &["next"], &[]), node("Relu", &["next"], &["y"], &[])];
    let inputs = [value("sum", FLOAT, &[4]), value("x", FLOAT, &[4])];
    let outputs = [value("next", FLOAT, &[4]), value("y", FLOAT, &[4])];
    let spec = "input = { kind = \"tensors\", tensors = [{ name = \"x\", shape = [4] }] }\n\
                head = { kind = \"raw\", output = \"y\", length = 4 }\n\
                state = [{ input = \"sum\", output = \"next\", shape = [4] }]";
    let mut runner = runner(&model(&graph(&nodes, &[], &inputs, &outputs)), spec);
    for total in [1.0, 2.0, 3.0] {
        assert_eq!(run(&mut runner, [1.0; 4]).unwrap(), Value::Vector(vec![total; 4]));
    }
    // A state that is not finite is not kept.
    assert!(run(&mut runner, [f32::MAX; 4]).is_ok());
    assert!(run(&mut runner, [f32::MAX; 4]).is_err());
    runner.reset();
    assert_eq!(run(&mut runner, [5.0; 4]).unwrap(), Value::Vector(vec![5.0; 4]));
}

#[test]
fn frames_of_another_kind_are_faults() {
    let mut tensors = runner(&one_op("Relu"), FOUR);
    let pixels = [0_u8; 64];
    let image = Frame::image(Timestamp::ZERO, Image::packed(PixelFormat::Gray8, 8, 8, &pixels));
    assert_eq!(tensors.run(&image, &CancelToken::new()), Err(RunError::Input(InputFault::Kind)));
    let three = [Tensor { name: "x", shape: &[3], elements: Elements::F32(&[1.0; 3]) }];
    let error = tensors.run(&Frame::tensors(Timestamp::ZERO, &three), &CancelToken::new());
    assert_eq!(error, Err(RunError::Input(InputFault::Length)));
    let other = [Tensor { name: "z", shape: &[4], elements: Elements::F32(&[1.0; 4]) }];
    let error = tensors.run(&Frame::tensors(Timestamp::ZERO, &other), &CancelToken::new());
    assert_eq!(error, Err(RunError::Input(InputFault::Missing)));
    let bytes = [Tensor { name: "x", shape: &[4], elements: Elements::U8(&[1; 4]) }];
    let error = tensors.run(&Frame::tensors(Timestamp::ZERO, &bytes), &CancelToken::new());
    assert_eq!(error, Err(RunError::Input(InputFault::ElementType)));
}

#[test]
fn multiply_accumulates_are_counted() {
    let weights = common::onnx::tensor("w", FLOAT, &[4, 3], &[0; 48]);
    let nodes = [node("MatMul", &["x", "w"], &["y"], &[])];
    let bytes =
        model(&graph(&nodes, &[weights], &[value("x", FLOAT, &[2, 4])], &[value("y", FLOAT, &[2, 3])]));
    let spec = common::spec(
        "input = { kind = \"tensors\", tensors = [{ name = \"x\", shape = [2, 4] }] }\n\
         head = { kind = \"raw\", length = 6 }",
    );
    assert_eq!(Model::load(&bytes, &spec, LoadLimits::default()).unwrap().macs(), 2 * 4 * 3);
}
