//! Scenes that come back to earlier views: what the second tier of the cache saves, and whether it keeps its word.
//! **Invariant:** the engine with and without the tier meets the same frames; audits are no repeat work, for nothing asks
//! for them.
//! It does not judge the engine's other answers: `inbetween bench` does.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::{fs, path::PathBuf};

use inbetween_sim::{Policy, Report, SceneSpec, Setup, SimulatedDetector, policy, run};

/// When every view has been seen and the radii are learnt, which takes some sixty runs: the rest is repeat work.
const LEARNT_S: f64 = 180.0;
const LENGTH_S: f64 = 360.0;

fn reports(scene: &str, seed: u64) -> Vec<Report> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../benches/scenes");
    let mut spec = SceneSpec::parse(&fs::read_to_string(folder.join(scene)).unwrap()).unwrap();
    // Shorter and slower than what the bench runs, to be quick.
    (spec.duration_s, spec.camera.fps) = (LENGTH_S, 20.0);
    let mut policies: Vec<Box<dyn Policy>> = ["inbetween", "inbetween-without-cache"]
        .map(|name| policy::by_name(name, &spec, seed).unwrap())
        .into();
    let mut scene = spec.build(seed);
    let mut detector = SimulatedDetector::new(&scene);
    run(&mut scene, &mut policies, &mut detector, Setup { seed, timeline: 100_000, ..Setup::default() })
}

/// Runs that something asked for, after the learning.
fn repeats(report: &Report) -> usize {
    let frames = report.timeline.frames.iter();
    frames.filter(|f| f.run && f.reason != "audit" && f.captured_s > LEARNT_S).count()
}

fn saves_and_keeps_its_word(scene: &str, seed: u64, left: f64) {
    let reports = reports(scene, seed);
    let [with, without] = &reports[..] else { panic!("two policies") };
    let (spent, before) = (repeats(with), repeats(without));
    assert!(before > 40, "{scene}: only {before} runs are repeat work");
    assert!(spent as f64 <= left * before as f64, "{scene}: {spent} runs of {before} are left");

    let cached = with.timeline.refreshes.iter().filter(|r| r.source == "cached");
    let (all, bad) = cached.fold((0, 0), |(n, bad), r| (n + 1, bad + usize::from(r.fault.is_some())));
    assert!(all > 20, "{scene}: only {all} refreshes were answered from the cache");
    assert!(
        bad as f64 <= with.row.miss_rate * all as f64,
        "{scene}: {bad} of {all} cached answers are wrong"
    );
    // And nothing is paid for it elsewhere.
    let rate = |r: &Report| r.row.violations as f64 / r.row.refreshes as f64;
    assert!(rate(with) <= rate(without) + 0.005, "{scene}: {} against {}", rate(with), rate(without));
    let said = with.row.flagged as f64 / with.row.refreshes as f64;
    assert!(said < 0.1, "{scene}: {said} of the answers say that they may be wrong");
}

#[test]
fn a_switch_between_cameras() {
    saves_and_keeps_its_word("revisit-cuts.toml", 1, 0.5);
}

#[test]
fn a_camera_that_goes_round() {
    saves_and_keeps_its_word("revisit-pan.toml", 1, 0.5);
}

#[test]
fn a_classifier_of_states() {
    // Not half: cuts cost few runs without the cache too, and what a forecast asks for is not repeat work of a picture.
    saves_and_keeps_its_word("revisit-labels.toml", 1, 0.6);
}

#[test]
fn a_scene_that_never_comes_back_is_not_served() {
    let reports = reports("births-deaths.toml", 1);
    assert_eq!(reports[0].skip_reasons.get("cache-hit"), None, "{:?}", reports[0].skip_reasons);
}
