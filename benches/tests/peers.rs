//! The commands that the comparison with other runtimes calls, on models that are in the repository.
//! **Invariant:** every test starts the real program and looks at its files, exit code and words.
//! It does not need other runtimes or real models.
#![allow(clippy::unwrap_used, missing_docs)] // helpers of tests may fail as tests do

mod common;

use std::process::Output;

use common::{CARD, MODEL, rows, square, text};

const DETECTOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/detector/detector.onnx");

fn peers(arguments: &[&str]) -> Output {
    common::inbetween().arg("peers").args(arguments).output().unwrap()
}

#[test]
fn a_model_runs_on_a_raw_tensor() {
    let folder = common::folder("a_model_runs_on_a_raw_tensor");
    let (input, outputs, json) = (folder.join("in.f32"), folder.join("out.f32"), folder.join("out.json"));
    std::fs::write(&input, vec![0; 4 * 96 * 160]).unwrap();
    let call = |shape: &str| {
        let (input, outputs, json) = (text(&input), text(&outputs), text(&json));
        peers(&[
            "tensor",
            "--model",
            DETECTOR,
            "--name",
            "picture",
            "--shape",
            shape,
            "--lengths",
            "1200",
            "--input",
            input,
            "--runs",
            "3",
            "--outputs",
            outputs,
            "--json",
            json,
        ])
    };
    let output = call("1,1,96,160");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = std::fs::read(&outputs).unwrap();
    let numbers = found.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
    assert_eq!(found.len(), 4 * 1200);
    assert!(numbers.clone().all(f32::is_finite) && numbers.clone().any(|n| n != 0.0));
    let row = &rows(&json)[0];
    assert_eq!(row["run_us"].as_array().unwrap().len(), 3);
    assert!(row["cold_ms"].as_f64().unwrap() > 0.0);
    let refused = call("1,1,96,161");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("shape"));
}

#[test]
fn the_frontier_has_all_ways_and_its_results_are_true() {
    let folder = common::folder("the_frontier_has_all_ways_and_its_results_are_true");
    let (video, results, json) =
        (square(&folder, 30), folder.join("results.jsonl"), folder.join("points.jsonl"));
    let output = peers(&[
        "frontier",
        "--video",
        text(&video),
        "--model",
        MODEL,
        "--card",
        CARD,
        "--latency-ms",
        "5",
        "--epsilons",
        "3,9",
        "--results",
        text(&results),
        "--json",
        text(&json),
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let points = rows(&json);
    let of = |policy: &str| points.iter().filter(|p| p["policy"] == policy).collect::<Vec<_>>();
    assert_eq!((of("every-frame").len(), of("inbetween").len()), (1, 2));
    assert!(of("every-nth-kalman").len() >= 3);
    assert_eq!(of("every-frame")[0]["runs"], 30);
    assert!(of("inbetween").iter().all(|p| p["runs"].as_u64().unwrap() < 30));
    assert!(points.iter().all(|p| p["model_ms_per_s"].as_f64().unwrap() > 0.0));

    // What the model says about each frame, judged as another program's results against itself.
    let judged = folder.join("judged.json");
    let output = peers(&[
        "judge",
        "--name",
        "itself",
        "--results",
        text(&results),
        "--truth",
        text(&results),
        "--card",
        CARD,
        "--size",
        "96x96",
        "--latency-ms",
        "5",
        "--json",
        text(&judged),
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let row = &rows(&judged)[0];
    assert_eq!(row["violations"], of("every-frame")[0]["violations"]);
    assert_eq!(row["refreshes"], of("every-frame")[0]["refreshes"]);
}
