//! Whole runs in virtual time: baselines behave as they must, and the same seed gives the same record.
//! **Invariant:** these hold whatever the engine does; its own figures are measured by the harness.
//! It does not test single clauses of the score: `clauses` does.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use inbetween_sim::{
    Detector, Policy, RenderedFrame, Report, SceneSpec, Setup, SimulatedDetector, policy::by_name, run,
};

fn reports(text: &str, seed: u64, names: &[&str]) -> Vec<Report> {
    let spec = SceneSpec::parse(text).unwrap();
    let mut scene = spec.build(seed);
    let mut detector = SimulatedDetector::new(&scene);
    let mut policies: Vec<Box<dyn Policy>> =
        names.iter().map(|name| by_name(name, &spec, seed).unwrap()).collect();
    run(&mut scene, &mut policies, &mut detector, Setup { seed, timeline: 10_000, ..Setup::default() })
}

/// Three objects in rows of their own: nobody hides or is taken for another.
const MOVING: &str = "name = \"moving\"\nduration_s = 20\n\
    [[objects]]\ny = 0.2\nmotion = [{ sinusoid = { amplitude_px = 30, period_s = 3, direction_deg = 0 } }]\n\
    [[objects]]\ny = 0.5\nmotion = [{ sinusoid = { amplitude_px = 30, period_s = 3, direction_deg = 0 } }]\n\
    [[objects]]\ny = 0.8\nmotion = [{ sinusoid = { amplitude_px = 30, period_s = 3, direction_deg = 0 } }]\n";

const PERFECT: &str = "[detector]\nnoise_px = 0\nmiss_rate = 0\n[latency]\nmedian_ms = 0\np95_ms = 0\n";

#[test]
fn every_frame_without_latency_or_noise_never_violates() {
    let text = format!("{MOVING}{PERFECT}");
    for seed in 1..6 {
        let r = &reports(&text, seed, &["every-frame"])[0];
        assert_eq!((r.row.violations, r.row.runs, r.row.frames), (0, 600, 600), "{:?}", r.faults);
        assert_eq!(r.row.refreshes, 1200);
    }
}

#[test]
fn holding_gets_worse_with_n_and_extrapolating_is_better() {
    let names: Vec<String> = [1, 3, 6, 12, 30]
        .iter()
        .flat_map(|n| [format!("every-nth-hold:{n}"), format!("every-nth-kalman:{n}")])
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let text = format!("{MOVING}[detector]\nnoise_px = 0.3\nmiss_rate = 0\n");
    let all = reports(&text, 1, &names);
    let rates: Vec<(f64, f64)> =
        all.chunks(2).map(|pair| (pair[0].row.violation_rate(), pair[1].row.violation_rate())).collect();
    for pair in rates.windows(2) {
        assert!(pair[0].0 < pair[1].0, "holding did not get worse with N: {rates:?}");
    }
    assert!(rates[1].1 < 0.5 * rates[1].0, "the filter is no better than holding: {rates:?}");
    assert!(all.iter().all(|r| r.row.runs >= 20));
}

#[test]
fn the_same_seed_gives_the_same_record() {
    let text = format!(
        "{MOVING}[camera]\njitter_ms = 5\ndrop_rate = 0.1\ndelivery_ms = 6\n\
         [detector]\nfalse_positives_per_min = 20\n[latency]\ncold_ms = 10\nthrottle = 0.5\n"
    );
    let names = ["inbetween", "every-frame", "every-nth-kalman:4"];
    let (a, b, c) = (reports(&text, 3, &names), reports(&text, 3, &names), reports(&text, 4, &names));
    assert_eq!(a, b);
    assert_ne!(a, c);
    assert!(a[0].row.frames < 580 && a[0].row.frames > 480, "drops: {}", a[0].row.frames);
}

#[test]
fn policies_do_not_see_each_other() {
    let alone = reports(MOVING, 2, &["every-nth-kalman:5"]);
    let among = reports(MOVING, 2, &["inbetween", "every-nth-hold:2", "every-nth-kalman:5"]);
    assert_eq!(alone[0], among[2]);
}

#[test]
fn a_busy_worker_refuses_and_results_arrive_in_order_of_time() {
    let text = format!("{MOVING}[latency]\nmedian_ms = 120\np95_ms = 120\n");
    let r = &reports(&text, 1, &["every-frame"])[0];
    // 120 ms of 33 ms frames: the fourth frame after the start is the first that finds the worker free.
    assert_eq!(r.row.runs, 150);
    assert_eq!(r.skip_reasons["in-flight"], 450);
    let ages: Vec<f64> = r.timeline.refreshes.iter().filter_map(|m| m.age_ms).collect();
    let (low, high) = ages.iter().fold((f64::MAX, 0.0_f64), |(l, h), a| (l.min(*a), h.max(*a)));
    assert!(low >= 120.0 && high <= 120.0 + 134.0 + 17.0, "{low} to {high}");
    assert!(r.timeline.refreshes.iter().take(7).all(|m| m.source == "warming-up"));
}

#[test]
fn the_age_cap_holds_for_every_policy() {
    let text = "name = \"old\"\nduration_s = 10\n[[objects]]\n[tolerance]\nmax_age_ms = 300\n[detector]\nmiss_rate = 0\n";
    let r = &reports(text, 1, &["every-nth-hold:30"])[0];
    // One run a second: fresh for 0.3 s, unavailable for 0.7 s.
    let share = r.faults.unavailable as f64 / r.row.refreshes as f64;
    assert!((share - 0.7).abs() < 0.05, "{share}");
}

#[test]
fn late_policies_are_flagged_only_where_they_say_so() {
    let r = &reports(MOVING, 1, &["every-nth-hold:12"])[0];
    assert!(r.row.violations > 100);
    assert_eq!(r.row.flagged_violations, 0, "a baseline has no belief");
}

/// A detector on pixels: the box of everything brighter than a threshold.
struct Threshold {
    calls: usize,
}

impl Detector for Threshold {
    fn detect(&mut self, frame: &RenderedFrame) -> Vec<inbetween_flow::Detection> {
        self.calls += 1;
        let width = frame.width as usize;
        let lit =
            frame.luma().iter().enumerate().filter(|(_, l)| **l > 100).map(|(i, _)| (i % width, i / width));
        let (mut x, mut y) = ((width, 0), (width, 0));
        for (px, py) in lit {
            x = (x.0.min(px), x.1.max(px + 1));
            y = (y.0.min(py), y.1.max(py + 1));
        }
        let bounds = inbetween_flow::Rect::new(x.0 as f32, y.0 as f32, x.1 as f32, y.1 as f32);
        vec![inbetween_flow::Detection { bounds, score: 0.9, class: 0, identity: None }]
    }
}

#[test]
fn a_detector_on_the_pixels_can_stand_in() {
    let text = format!(
        "name = \"real\"\nduration_s = 3\ncamera.noise = 0\n\
         background.texture = {{ kind = \"plain\", brightness = 0 }}\n\
         [[objects]]\nx = 0.5\ny = 0.5\nshape = \"rectangle\"\ntexture = {{ kind = \"plain\", brightness = 200 }}\n\
         motion = [{{ sinusoid = {{ amplitude_px = 30, period_s = 3 }} }}]\n{PERFECT}"
    );
    let spec = SceneSpec::parse(&text).unwrap();
    let mut scene = spec.build(1);
    let mut policies =
        vec![by_name("every-frame", &spec, 1).unwrap(), by_name("every-nth-kalman:2", &spec, 1).unwrap()];
    let mut detector = Threshold { calls: 0 };
    let r = run(&mut scene, &mut policies, &mut detector, Setup::default());
    assert_eq!(r[0].row.violations, 0, "{:?}", r[0].faults);
    assert_eq!(detector.calls, 90, "one run of the detector for each frame, shared by the policies");
}

#[test]
fn the_lent_clock_times_the_policies() {
    let spec = SceneSpec::parse(MOVING).unwrap();
    let mut scene = spec.build(1);
    let mut detector = SimulatedDetector::new(&scene);
    let mut policies = vec![by_name("every-frame", &spec, 1).unwrap()];
    let mut ticks = 0;
    let mut clock = || {
        ticks += 10;
        ticks
    };
    let setup = Setup { clock: Some(&mut clock), ..Setup::default() };
    let r = run(&mut scene, &mut policies, &mut detector, setup);
    // One frame, two refreshes, and a completion with what follows it or none: 10 ns each.
    assert!((30.0..=51.0).contains(&r[0].row.cpu_ns_per_frame), "{}", r[0].row.cpu_ns_per_frame);
}

#[test]
fn the_difference_trigger_runs_when_something_moves() {
    let still = "name = \"still\"\nduration_s = 20\n[[objects]]\n";
    let names = ["difference-kalman:8", "every-frame"];
    let (calm, busy) = (reports(still, 1, &names), reports(MOVING, 1, &names));
    assert!(calm[0].row.runs <= 15, "{} runs for nothing", calm[0].row.runs);
    assert!(calm[0].faults.unavailable == 0);
    let (calm, busy, every) = (calm[0].row.runs, busy[0].row.runs, busy[1].row.runs);
    assert!(busy > 5 * calm && busy <= every, "{calm} when still, {busy} when not, of {every}");
}

#[test]
fn back_to_back_starts_when_a_run_ends_and_the_shrinking_tail_waits_where_that_is_fresher() {
    // Runs of 60 ms, frames of 33.3 ms: r = 1.8.
    let text = format!("{MOVING}[latency]\nmedian_ms = 60\np95_ms = 60\n");
    let names = ["every-frame", "back-to-back-hold", "back-to-back-kalman", "shrinking-tail-kalman"];
    let all = reports(&text, 1, &names);
    let runs: Vec<u64> = all.iter().map(|r| r.row.runs).collect();
    assert_eq!(runs[0], 300, "every second frame finds the worker free");
    assert!((332..=334).contains(&runs[1]) && runs[1] == runs[2], "never idle: {runs:?}");
    // A run from an arrival ends at τ = 0.8; the next would end at τ = 0.6 < 0.8, so it waits for the next arrival.
    assert_eq!(runs[3], 300, "it starts on arrivals only");
    for r in &all {
        let skipped: u64 = r.skip_reasons.values().sum();
        assert_eq!(
            r.row.runs + skipped,
            r.row.frames,
            "every frame is run or skipped, once: {}",
            r.row.policy
        );
        assert_eq!(r.timeline.frames.iter().filter(|m| m.run).count() as u64, r.row.runs);
    }
    // What is shown is older on average when it was not waited for.
    assert!(
        all[3].row.age_ms_mean < all[2].row.age_ms_mean,
        "{:?}",
        all.iter().map(|r| r.row.age_ms_mean).collect::<Vec<_>>()
    );
    // Runs shorter than a frame start on arrival, under both rules.
    let quick = reports(&format!("{MOVING}[latency]\nmedian_ms = 20\np95_ms = 20\n"), 1, &names);
    assert!(
        quick.iter().all(|r| r.row.runs == 600),
        "{:?}",
        quick.iter().map(|r| r.row.runs).collect::<Vec<_>>()
    );
}

#[test]
fn the_difference_filter_compares_with_what_was_sent() {
    // So slow that neighbouring frames are alike: a comparison with the frame before would never see it.
    let slow = "name = \"slow\"\nduration_s = 20\ncamera.noise = 0\n[tolerance]\nmax_age_ms = 60000\n[[objects]]\n\
        size_px = 60\ntexture = { kind = \"checks\", contrast = 1, cell_px = 16 }\nmotion = [{ linear = { speed_px_s = 8 } }]\n";
    let still = "name = \"still\"\nduration_s = 20\n[tolerance]\nmax_age_ms = 60000\n[[objects]]\n";
    let (slow, still) =
        (reports(slow, 1, &["difference-filter:5"]), reports(still, 1, &["difference-filter:5"]));
    assert_eq!(still[0].row.runs, 1, "{:?}", still[0].run_reasons);
    assert!((5..100).contains(&slow[0].row.runs), "{} runs", slow[0].row.runs);
}

#[test]
fn marlin_runs_when_something_new_comes_and_when_a_tracker_fails() {
    let common = "duration_s = 12\n[tolerance]\nmax_age_ms = 60000\n[detector]\nmiss_rate = 0\n\
        [[objects]]\nx = 0.2\ny = 0.3\nmotion = [{ sinusoid = { amplitude_px = 20, period_s = 3, direction_deg = 0 } }]\n";
    let calm = reports(&format!("name = \"calm\"\n{common}"), 1, &["marlin:12"]);
    assert_eq!(calm[0].row.runs, 1, "it tracks: {:?}", calm[0].run_reasons);
    assert_eq!(calm[0].row.violations, 0, "{:?}", calm[0].faults);
    let born = format!(
        "name = \"born\"\n{common}[[objects]]\nx = 0.7\ny = 0.6\nfrom_s = 5\n\
        texture = {{ brightness = 200 }}\n"
    );
    let born = reports(&born, 1, &["marlin:12"]);
    assert!(born[0].run_reasons["changed"] >= 1 && born[0].row.runs <= 3, "{:?}", born[0].run_reasons);
    let gone = reports(&format!("name = \"gone\"\n{common}for_s = 5\n"), 1, &["marlin:12"]);
    assert!(gone[0].run_reasons["tracker-failed"] >= 1, "{:?}", gone[0].run_reasons);
}

#[test]
fn caches_answer_revisits_and_pay_for_motion() {
    // Two pictures that take turns every second and a half.
    let turns = "name = \"turns\"\nduration_s = 24\n[tolerance]\nmax_age_ms = 60000\n[detector]\nmiss_rate = 0\n[[objects]]\n\
        size_px = 60\nx = 0.3\ny = 0.5\nmotion = [{ keys = { points = [[0, 0, 0], [1.5, 120, 0], [3, 0, 0]], easing = \"jump\", repeat = true } }]\n";
    let r = reports(turns, 1, &["static-cache:15", "adaptive-cache", "difference-filter:5"]);
    assert_eq!(r[0].row.runs, 2, "one run a picture: {:?}", r[0].run_reasons);
    assert!(r[2].row.runs >= 15, "one run a change: {:?}", r[2].run_reasons);
    assert!(r[1].run_reasons["dropout"] > 0, "some hits are checked: {:?}", r[1].run_reasons);
}

#[test]
fn every_ingredient_acts_somewhere() {
    // A moving camera, crossings, births, a cut, noise and misses; and a still picture without noise, for the cache.
    let busy = "name = \"busy\"\nduration_s = 10\ncuts_s = [6]\n[camera]\n\
        pan = [{ sinusoid = { amplitude_px = 160, period_s = 6, direction_deg = 0 } }]\n\
        [[objects]]\ncount = 8\nx = [-0.6, 1.6]\nedge = \"leave\"\n\
        [detector]\nmiss_rate = 0.05\nnoise_px = 1.5\n\
        [[objects]]\ncount = 4\nsize_px = [34, 44]\ny = [0.4, 0.6]\n\
        motion = [{ sinusoid = { amplitude_px = [50, 90], period_s = [3, 5], direction_deg = 0 } }]\n\
        [[objects]]\nshape = \"rectangle\"\nsize_px = 50\nscroll = [{ linear = { speed_px_s = 40 } }]\n\
        [[objects]]\ncount = 8\nsize_px = [24, 34]\nfrom_s = [0, 8]\nfor_s = [1, 3]\n\
        motion = [{ random_walk = { speed_px_s = [20, 80], turn_s = 0.6 } }]\n";
    let still = "name = \"still\"\nduration_s = 8\ncamera.noise = 0\n[[objects]]\n";
    let names = inbetween_sim::policy::ablations();
    // The queue's pressure takes minutes of violations to show.
    let mut names: Vec<&str> = names.iter().map(String::as_str).filter(|n| !n.ends_with("queue")).collect();
    names.push("inbetween");
    let (busy, still) = (reports(busy, 1, &names), reports(still, 1, &names));
    let (full, full_still) = (busy.last().unwrap(), still.last().unwrap());
    for (r, s) in busy.iter().zip(&still).take(names.len() - 1) {
        let acts = r.timeline != full.timeline || s.timeline != full_still.timeline;
        assert!(acts, "{} is the engine as it is", r.row.policy);
    }
    let by = |name: &str| busy.iter().find(|r| r.row.policy == format!("inbetween-without-{name}")).unwrap();
    assert_eq!(by("audits").row.audits, 0);
    assert!(
        !by("births").run_reasons.contains_key("birth") && !by("gate").run_reasons.contains_key("residual")
    );
    assert!(!by("pixels").sources.contains_key("pixels"));
}

#[test]
fn names_of_policies_are_checked() {
    let spec = SceneSpec::parse("name = \"n\"").unwrap();
    for bad in ["best", "every-nth-hold:0", "every-nth-kalman:x", "inbetween:3"] {
        let error = by_name(bad, &spec, 1).err().unwrap().to_string();
        assert!(error.contains(bad), "{error}");
    }
}

#[test]
fn the_ends_of_all_ranges_are_sound() {
    let low = "name = \"low\"\nduration_s = 0.5\n\
        [camera]\nwidth = 16\nheight = 16\nfps = 1000\ndrop_rate = 0.95\nzoom = [{ step = { at_s = 0, by = -1000000 } }]\n\
        [display]\nhz = 1000\njitter_ms = 0.4\n\
        [[objects]]\nsize_px = 1\naspect = 0.05\nx = -10\ny = 10\ngrow = [{ rate = { per_s = -1000000 } }]\n\
        [[objects]]\nsize_px = 1\nfor_s = 0.01\n\
        [detector]\nnoise_px = 1000\nmin_visible = 0\nfalse_positives_per_min = 6000\nfalse_positive_ms = 1000000\n\
        [latency]\nmedian_ms = 0\np95_ms = 60000\nthrottle = 100\nthrottle_s = 0.01\n\
        [tolerance]\nepsilon_px = 0.01\nmiss_rate = 0.000001\ngrace_ms = 0\nmax_age_ms = 1\ndeadline_ms = 1\nduty = 0.001\n";
    let high = "name = \"high\"\nduration_s = 1.5\ncuts_s = [0.5, 1000000]\n\
        [camera]\nfps = 5\nnoise = 100\nshutter_ms = 200\npan = [{ linear = { speed_px_s = -1000000 } }, { shake = { amplitude_px = 1000000, frequency_hz = 1000 } }]\n\
        roll_deg = [{ rate = { per_s = 1000000 } }]\nzoom = [{ rate = { per_s = 1000000 } }]\n\
        [light]\nexposure_ev = [{ rate = { per_s = 1000000 } }]\nflicker = 1\nflicker_hz = 1000\n\
        [background]\nparallax = 4\nmotion = [{ random_walk = { speed_px_s = 1000000, turn_s = 0.05 } }]\ntexture = { kind = \"checks\", cell_px = 4096, contrast = 2, brightness = 255 }\n\
        [[objects]]\nsize_px = 4096\naspect = 20\nedge = \"wrap\"\nmotion = [{ accelerate = { acceleration_px_s2 = 1000000, period_s = 1000000 } }]\n\
        scroll = [{ linear = { speed_px_s = 1000000 } }]\nsqueeze = [{ rate = { per_s = 1000000 } }]\n\
        [[objects]]\ncount = 500\nedge = \"leave\"\nmotion = [{ keys = { points = [[0, -1000000, 1000000]], repeat = true } }]\n\
        [[objects]]\nmotion = [{ stop_and_go = { speed_px_s = 1000000, go_s = 0.01, stop_s = 0 } }]\n\
        [latency]\nmedian_ms = 60000\np95_ms = 60000\ncold_ms = 60000\n";
    for text in [low, high] {
        let all =
            reports(text, 1, &["every-frame", "every-nth-kalman:2", "inbetween", "every-nth-inbetween:2"]);
        for r in &all {
            assert!(r.row.refreshes > 0 && r.row.frames > 0);
            assert!(r.row.violations <= r.row.refreshes);
            assert!(r.row.energy.is_finite() && r.row.age_ms_mean.is_finite());
        }
    }
}
