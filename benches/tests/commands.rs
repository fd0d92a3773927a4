//! The command as a user calls it: results, exit codes, and what it says about bad input.
//! **Invariant:** every test starts the real program and looks at its files, exit code and words.
//! It does not need a network; videos and cards are made here.
#![allow(clippy::unwrap_used, missing_docs)] // helpers of tests may fail as tests do

mod common;

use std::{path::Path, process::Output};

use common::{CARD, MODEL, rows, square, text};

fn inbetween(arguments: &[&str]) -> Output {
    common::inbetween().args(arguments).output().unwrap()
}

/// Runs the small model on a video.
fn on_video(video: &Path, more: &[&str]) -> Output {
    let arguments = ["run", "--video", text(video), "--model", MODEL, "--card", CARD];
    common::inbetween().args(arguments).args(more).output().unwrap()
}

fn words(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Fails with exit code 1 and an error that has all `parts`.
fn fails(arguments: &[&str], parts: &[&str]) {
    let output = inbetween(arguments);
    let (out, error) = words(&output);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {out}{error}");
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn the_demo_keeps_its_promise_and_says_that_it_is_rendered() {
    let folder = common::folder("the_demo_keeps_its_promise_and_says_that_it_is_rendered");
    let (json, report) = (folder.join("demo.json"), folder.join("demo.html"));
    let output = inbetween(&["demo", "--json", text(&json), "--report", text(&report)]);
    let (out, error) = words(&output);
    assert!(output.status.success(), "{out}{error}");
    assert!(out.contains("rendered, not filmed") && out.contains("promise kept"), "{out}");
    let rows = rows(&json);
    let names: Vec<&str> = rows.iter().map(|r| r["policy"].as_str().unwrap()).collect();
    assert_eq!(names, ["inbetween", "every-frame", "every-nth-hold", "every-nth-kalman"]);
    let number = |row: usize, column: &str| rows[row][column].as_f64().unwrap();
    assert!(number(0, "runs") * 3.0 <= number(0, "frames"), "at least 3 times fewer runs than frames");
    assert!(number(0, "violations") <= number(0, "miss_rate") * number(0, "refreshes"));
    assert!((number(0, "refreshes") / number(0, "seconds") - 60.0).abs() < 1.0, "answers at 60 Hz");
    for baseline in [2, 3] {
        assert!(number(baseline, "runs") >= number(0, "runs"), "baselines have at least as many runs");
    }
    let html = std::fs::read_to_string(report).unwrap();
    assert!(html.contains("This scene is rendered") && html.contains("Promise kept."));
    assert!(!html.contains("http:") && !html.contains("https:"));
}

#[test]
fn the_demo_is_the_same_every_time() {
    let folder = common::folder("the_demo_is_the_same_every_time");
    let run = |name: &str| {
        let (json, report) = (folder.join(name), folder.join("r.html"));
        inbetween(&["demo", "--seconds", "3", "--json", text(&json), "--report", text(&report)]);
        let mut rows = rows(&json);
        for row in &mut rows {
            let row = row.as_object_mut().unwrap();
            // Wall time, and the energy that is modelled from it.
            row.retain(|column, _| !["cpu_ns_per_frame", "energy", "energies"].contains(&column.as_str()));
        }
        rows
    };
    assert_eq!(run("a.json"), run("b.json"));
}

#[test]
fn the_real_demo_names_the_command_that_fetches_what_is_missing() {
    let folder = common::folder("the_real_demo_names_the_command_that_fetches_what_is_missing");
    let output =
        common::inbetween().args(["demo", "--real"]).env("INBETWEEN_ASSETS", &folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output).1.contains("cargo xtask assets"));
}

#[test]
fn a_video_is_compared_with_every_frame_and_with_baselines_at_equal_runs() {
    let folder = common::folder("a_video_is_compared_with_every_frame_and_with_baselines_at_equal_runs");
    let video = square(&folder, 60);
    let (json, report) = (folder.join("run.json"), folder.join("run.html"));
    let output = on_video(&video, &["--latency-ms", "20", "--json", text(&json), "--report", text(&report)]);
    let (out, error) = words(&output);
    assert!(output.status.success(), "{out}{error}");
    let rows = rows(&json);
    let policies: Vec<&str> = rows.iter().map(|r| r["policy"].as_str().unwrap()).collect();
    let hindsight = ["every-nth-hold-hindsight", "every-nth-kalman-hindsight"];
    let all = [&["inbetween", "every-frame", "every-nth-hold", "every-nth-kalman"][..], &hindsight].concat();
    assert_eq!(policies, all);
    let number = |row: usize, column: &str| rows[row][column].as_f64().unwrap();
    assert_eq!(number(0, "frames"), 60.0);
    assert!(number(0, "runs") < 60.0 && number(1, "runs") == 60.0, "{rows:?}");
    assert!(number(2, "runs") >= number(0, "runs") && number(3, "runs") >= number(0, "runs"));
    assert_eq!(rows[0]["split"], "video");
    // 30 pixels a second and 20 ms late: far within the card's 20 pixels.
    assert_eq!(number(1, "violations"), 0.0);
    assert!(number(5, "runs") < 30.0, "a square at constant velocity needs few runs in hindsight: {rows:?}");
    let html = std::fs::read_to_string(report).unwrap();
    assert!(html.contains("square.y4m") && html.contains("data:image/jpeg"));
}

#[test]
fn cpu_time_is_measured_for_three_ways() {
    let folder = common::folder("cpu_time_is_measured_for_three_ways");
    let (video, json) = (square(&folder, 60), folder.join("cpu.json"));
    let output = on_video(&video, &["--latency-ms", "20", "--cpu", "1", "--json", text(&json)]);
    let (out, error) = words(&output);
    assert!(output.status.success(), "{out}{error}");
    let rows = rows(&json);
    let policies: Vec<&str> = rows.iter().map(|r| r["policy"].as_str().unwrap()).collect();
    assert_eq!(policies, ["every-frame", "inbetween", "every-nth-kalman"]);
    for row in &rows {
        let number = |column: &str| row[column].as_f64().unwrap();
        assert!(number("model_ms_per_s") > 0.0, "{row}");
        let sum = number("model_ms_per_s") + number("own_ms_per_s");
        assert!((number("cpu_ms_per_s") - sum).abs() < 1e-3 * sum, "{row}");
        assert_eq!(number("frames"), 60.0);
    }
    assert_eq!(rows[0]["runs"], 60);
    assert!(rows[1]["runs"].as_f64().unwrap() < 60.0 && rows[1]["own_ms_per_s"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_video_runs_in_real_time_with_threads() {
    let folder = common::folder("a_video_runs_in_real_time_with_threads");
    let video = square(&folder, 60);
    let json = folder.join("run.json");
    let start = std::time::Instant::now();
    let output = on_video(&video, &["--real-time", "--json", text(&json)]);
    let (out, error) = words(&output);
    assert!(output.status.success(), "{out}{error}");
    assert!(start.elapsed().as_secs_f64() >= 1.9, "two seconds of video take two seconds");
    let row = &rows(&json)[0];
    assert_eq!(row["frames"], 60);
    assert!(row["refreshes"].as_u64().unwrap() >= 115, "{row}");
    assert!(row["runs"].as_u64().unwrap() >= 1);
}

#[test]
fn a_bench_of_a_scene_file_writes_one_row_for_each_seed_and_policy() {
    let folder = common::folder("a_bench_of_a_scene_file_writes_one_row_for_each_seed_and_policy");
    let scene = folder.join("mine.toml");
    let spec = "name = \"mine\"\nduration_s = 3\n[[objects]]\ncount = 2\nmotion = [{ linear = { speed_px_s = [20, 40] } }]\n";
    std::fs::write(&scene, spec).unwrap();
    let run = |jobs: &str| {
        let json = folder.join(format!("rows{jobs}.json"));
        let output = inbetween(&[
            "bench",
            "--scene",
            text(&scene),
            "--seeds",
            "3..5",
            "--policy",
            "inbetween",
            "--policy",
            "every-nth-kalman:5",
            "--policy",
            "every-nth-kalman-hindsight",
            "--jobs",
            jobs,
            "--json",
            text(&json),
        ]);
        let (out, error) = words(&output);
        assert!(output.status.success(), "{out}{error}");
        assert!(out.contains("mine (test, 3 s"), "{out}");
        rows(&json)
            .iter()
            .map(|r| {
                (
                    r["seed"].as_u64().unwrap(),
                    r["policy"].to_string(),
                    r["runs"].as_u64(),
                    r["violations"].as_u64(),
                )
            })
            .collect::<Vec<_>>()
    };
    let rows = run("1");
    assert_eq!(rows.len(), 6);
    assert_eq!((rows[0].0, rows[5].0), (3, 4));
    assert_eq!(rows, run("2"), "rows do not depend on how many sequences run at a time");
}

#[test]
fn exported_frames_come_with_their_truth() {
    let folder = common::folder("exported_frames_come_with_their_truth");
    let out = folder.join("frames");
    let scene = concat!(env!("CARGO_MANIFEST_DIR"), "/scenes/demo.toml");
    let output = inbetween(&[
        "scene",
        "export",
        "--scene",
        scene,
        "--seed",
        "5",
        "--frames",
        "3",
        "--size",
        "160x90",
        "--out",
        text(&out),
    ]);
    assert!(output.status.success(), "{:?}", words(&output));
    let picture = image::open(out.join("00002.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (160, 90));
    let truth: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(out.join("truth.json")).unwrap()).unwrap();
    assert_eq!(truth["frames"].as_array().unwrap().len(), 3);
    let objects = truth["frames"][0]["objects"].as_array().unwrap();
    assert!(!objects.is_empty());
    for edge in objects[0]["box"].as_array().unwrap() {
        assert!((0.0..=160.0).contains(&edge.as_f64().unwrap()));
    }
    fails(
        &["scene", "export", "--scene", scene, "--frames", "99999", "--out", text(&out)],
        &["--frames must be from 1 to"],
    );
}

#[test]
fn bad_input_is_named_with_its_remedy() {
    let folder = common::folder("bad_input_is_named_with_its_remedy");
    let video = square(&folder, 60);
    let run = |video: &str, model: &str, card: &str, parts: &[&str]| {
        fails(&["run", "--video", video, "--model", model, "--card", card], parts);
    };
    run("nowhere.mp4", MODEL, CARD, &["cannot read nowhere.mp4"]);
    run(text(&video), "nowhere.onnx", CARD, &["cannot read model nowhere.onnx"]);
    run(text(&video), MODEL, "nowhere.toml", &["cannot read card nowhere.toml"]);
    // A card that is none, and a model that is none.
    run(text(&video), MODEL, MODEL, &["cannot read card"]);
    let typo = folder.join("typo.toml");
    std::fs::write(&typo, std::fs::read_to_string(CARD).unwrap().replace("epsilon", "epsilom")).unwrap();
    run(text(&video), MODEL, text(&typo), &["card line", "epsilom"]);
    run(text(&video), CARD, CARD, &["cannot use"]);
    // A card for frames that the video does not have.
    let gray = folder.join("gray.toml");
    let card = std::fs::read_to_string(CARD).unwrap();
    std::fs::write(&gray, card + "\n[model.input_contract]\nformats = [\"gray8\"]\n").unwrap();
    run(text(&video), MODEL, text(&gray), &["I420", "card"]);
    // A video that ends inside a frame.
    let bytes = std::fs::read(&video).unwrap();
    let cut = folder.join("cut.y4m");
    std::fs::write(&cut, &bytes[..bytes.len() - 100]).unwrap();
    run(text(&cut), MODEL, CARD, &["frame 59", "ends inside"]);
    fails(&["bench", "--scene", "nowhere/*.toml"], &["no scene file matches `nowhere/*.toml`"]);
    fails(&["bench", "--policy", "magic", "--seconds", "1"], &["no policy `magic`", "every-nth-kalman"]);
    let scene = folder.join("bad.toml");
    std::fs::write(&scene, "name = \"bad\"\n[camera]\nfpss = 30\n").unwrap();
    fails(&["bench", "--scene", text(&scene)], &["bad.toml", "fpss"]);
    let output = inbetween(&["scene", "check", text(&scene)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output).0.contains("fpss"), "{:?}", words(&output));
}

#[test]
fn what_clap_refuses_ends_with_2() {
    for arguments in [
        &["bench", "--seeds", "5..2"][..],
        &["bench", "--split", "train"],
        &["run"],
        &["demo", "--seconds", "x"],
    ] {
        assert_eq!(inbetween(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
