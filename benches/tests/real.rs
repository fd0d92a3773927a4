//! Real models on real videos, and real photographs under exact truth.
//! **Invariant:** a test without its assets prints a line that starts with `SKIPPED:` and checks nothing.
//! It does not hold the engine to a promise: the ledger of claims has the figures.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // a failed unwrap is a failed test; skips are said

mod common;

use std::path::Path;

use inbetween_bench::assets;

/// The files of some names, or a line that says that the test was skipped and why.
fn fetched<const N: usize>(names: [&str; N]) -> Option<[String; N]> {
    let files = names.map(|name| assets::find(name).map(|p| p.to_str().unwrap().to_owned()));
    for (file, name) in files.iter().zip(names) {
        if file.is_none() {
            println!("SKIPPED: no {name}; run cargo xtask assets");
            return None;
        }
    }
    Some(files.map(Option::unwrap))
}

fn file(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// The rows that a command writes.
fn rows(test: &str, arguments: &[&str]) -> Vec<serde_json::Value> {
    let json = common::folder(test).join("rows.json");
    let output = common::inbetween().args(arguments).args([Path::new("--json"), &json]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    common::rows(&json)
}

fn share(row: &serde_json::Value) -> f64 {
    row["violations"].as_f64().unwrap() / row["refreshes"].as_f64().unwrap()
}

/// A second and a half of a clip; the model on every frame, held for one run, shows what the clip asks for at most.
fn clip(test: &str, video: &str, model: &str, card: &str, more: &[&str], every_frame: f64) {
    let card = file(&format!("cards/{card}"));
    let run = ["run", "--video", video, "--model", model, "--card", &card, "--seconds", "1.5"];
    let rows = rows(test, &[&run[..], &["--latency-ms", "10"], more].concat());
    assert_eq!(rows.len(), 6);
    assert!(rows[0]["runs"].as_u64().unwrap() > 0 && rows[0]["refreshes"].as_u64().unwrap() > 80);
    assert!(share(&rows[1]) <= every_frame, "the model contradicts itself: {}", rows[1]);
    assert!(share(&rows[0]) < 0.6, "{}", rows[0]);
}

#[test]
fn a_face_mesh_is_compared_point_by_point() {
    let Some([video, model]) = fetched(["carphone_pristine.mp4", "face_landmark.onnx"]) else { return };
    let region = ["--region", "27,9,100,100"];
    clip("a_face_mesh_is_compared_point_by_point", &video, &model, "face-mesh.toml", &region, 0.05);
}

#[test]
fn everyday_objects_are_found_in_a_street() {
    let Some([video, model]) = fetched(["bikes.mp4", "ssd_mobilenetv2_oidv4.onnx"]) else { return };
    clip("everyday_objects_are_found_in_a_street", &video, &model, "ssd-mobilenet-oid.toml", &[], 0.3);
}

#[test]
fn the_larger_face_detector_finds_the_face() {
    let names = ["carphone_pristine.mp4", "face_detection_back_256x256_barracuda.onnx"];
    let Some([video, model]) = fetched(names) else { return };
    clip("the_larger_face_detector_finds_the_face", &video, &model, "blazeface-back.toml", &[], 0.02);
}

#[test]
fn photographs_under_a_shaking_camera_are_followed() {
    if fetched(["astronaut.png"]).is_none() {
        return;
    }
    let scene = file("scenes/photographs/photo-shake-tune.toml");
    let test = "photographs_under_a_shaking_camera_are_followed";
    let policies = ["--policy", "inbetween", "--policy", "every-frame"];
    let rows = rows(test, &[&["bench", "--scene", &scene, "--seconds", "10"][..], &policies].concat());
    let sum = |policy: &str, column: &str| {
        let row = rows.iter().find(|r| r["policy"] == policy && r["scene"] == "photo-shake-tune");
        row.unwrap()[column].as_f64().unwrap()
    };
    // A shake of this size cannot be held for the length of a run; real pixels can be followed.
    assert!(sum("inbetween", "violations") < 0.5 * sum("every-frame", "violations"), "{rows:?}");
    assert!(sum("inbetween", "runs") < 0.25 * sum("every-frame", "runs"), "{rows:?}");
}
