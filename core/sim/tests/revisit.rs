//! Scenes that come back to earlier views: what the second tier of the cache saves, and whether it keeps its word.
//! **Invariant:** the engine with and without the tier meets the same frames; audits are no repeat work, for nothing asks
//! for them.
//! It does not judge the engine's other answers: `inbetween bench` does.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a failed unwrap is a failed test; shares are worth reading

use std::{fs, path::PathBuf};

use inbetween_sim::{Policy, Report, SceneSpec, Setup, SimulatedDetector, policy, run};

/// Seeds that are pooled.
const SEEDS: std::ops::Range<u64> = 1..4;
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

/// Over three seeds: the share of the repeat work that is left, and the promise, which is kept at least as well as without.
fn saves_and_keeps_its_word(scene: &str, most_left: f64) {
    let runs: Vec<Vec<Report>> = SEEDS.map(|seed| reports(scene, seed)).collect();
    let sum =
        |of: &dyn Fn(&Report) -> usize, policy: usize| runs.iter().map(|r| of(&r[policy])).sum::<usize>();
    let (spent, before) = (sum(&repeats, 0), sum(&repeats, 1));
    let left = spent as f64 / before as f64;
    println!("{scene}: {spent} runs of {before} are left ({:.0}%)", 100.0 * left);
    assert!(before > 120, "{scene}: only {before} runs are repeat work");
    assert!(left <= most_left, "{scene}: {spent} runs of {before} are left");

    let cached = |r: &Report| r.timeline.refreshes.iter().filter(|r| r.source == "cached").count();
    let wrong = |r: &Report| {
        r.timeline.refreshes.iter().filter(|r| r.source == "cached" && r.fault.is_some()).count()
    };
    let (all, bad) = (sum(&cached, 0), sum(&wrong, 0));
    assert!(all > 60, "{scene}: only {all} refreshes were answered from the cache");
    let miss_rate = runs[0][0].row.miss_rate;
    assert!(bad as f64 <= miss_rate * all as f64, "{scene}: {bad} of {all} cached answers are wrong");
    // And nothing is paid for it elsewhere.
    let refreshes = sum(&|r| r.row.refreshes as usize, 0) as f64;
    let rate = |policy| sum(&|r| r.row.violations as usize, policy) as f64 / refreshes;
    assert!(rate(0) <= rate(1) + 0.005, "{scene}: {} against {}", rate(0), rate(1));
    let said = sum(&|r| r.row.flagged as usize, 0) as f64 / refreshes;
    assert!(said < 0.1, "{scene}: {said} of the answers say that they may be wrong");
}

#[test]
fn a_switch_between_cameras() {
    saves_and_keeps_its_word("revisit-cuts.toml", 0.5);
}

// Half is not saved in the next two: since a cut does not alarm the forecast, the runs without the cache are fewer. The bars
// guard what is saved.

#[test]
fn a_camera_that_goes_round() {
    saves_and_keeps_its_word("revisit-pan.toml", 0.75);
}

#[test]
fn a_classifier_of_states() {
    saves_and_keeps_its_word("revisit-labels.toml", 0.7);
}

#[test]
fn a_scene_that_never_comes_back_is_not_served() {
    let reports = reports("births-deaths.toml", 1);
    assert_eq!(reports[0].skip_reasons.get("cache-hit"), None, "{:?}", reports[0].skip_reasons);
}
