//! What the live monitor says when nothing drifts, and when something does. `examples/drift_tables.rs` has the full tables.
#![allow(missing_docs, clippy::unwrap_used)]

mod rates;

use std::time::Duration;

use inbetween_flow::{
    Session, SliceWatch,
    monitor::{Signal, Verdict},
};

use rates::{AS_LEARNT, Draws, Stream, World, alarms, alike, config, correlated, model, shares, span};

#[test]
fn without_drift_at_most_three_windows_in_two_hundred_alarm() {
    for (sessions, windows) in [(50, 2_000), (200, 2_000), (1_000, 1_000)] {
        let rate = alarms(windows, sessions, 0.0);
        assert!(rate <= 0.015, "{sessions} sessions: {rate}");
    }
}

#[test]
fn half_a_deviation_is_found_at_five_hundred_sessions() {
    let rate = alarms(500, 500, 0.5);
    assert!(rate >= 0.99, "{rate}");
}

#[test]
fn frames_that_are_alike_count_by_session() {
    let rate = correlated(1_500, 100, 30, 0.9, span(30));
    assert!(rate <= 0.015, "{rate}");
    // Counted singly the same frames alarm all the time: that is what sessions are for.
    let rate = correlated(40, 20, 30, 0.9, Session::Event);
    assert!(rate >= 0.3, "{rate}");
}

#[test]
fn sessions_that_are_alike_count_for_less() {
    // Frames stay alike for 10 s, and a session lasts 6: taken for independent, 2.3% of such windows alarm.
    let rate = correlated(600, 200, 60, 0.98, span(60));
    assert!(rate <= 0.015, "{rate}");
    // A shift is found all the same.
    let rate = alike(100, 500, 60, 0.98, span(60), 0.5);
    assert!(rate >= 0.99, "{rate}");
}

#[test]
fn each_kind_of_drift_is_called_by_its_name() {
    let ([data, prediction, concept], off) = shares(AS_LEARNT, 500, 300);
    assert!(data <= 0.01 && prediction <= 0.01 && concept <= 0.01, "{data} {prediction} {concept}");
    assert!(off.abs() < 0.005, "{off}");

    // Other inputs, of which the model is as right as before.
    let ([data, prediction, concept], off) = shares(World { shift: 0.8, ..AS_LEARNT }, 500, 300);
    assert!(data >= 0.99 && prediction >= 0.99 && concept <= 0.01, "{data} {prediction} {concept}");
    assert!(off.abs() < 0.005, "the estimate holds under a shift of inputs: {off}");

    // The same inputs, which mean something else.
    let ([data, prediction, concept], off) = shares(World { slope: 0.2, ..AS_LEARNT }, 500, 300);
    assert!(data <= 0.01 && prediction <= 0.01 && concept >= 0.99, "{data} {prediction} {concept}");
    assert!(off > 0.1, "the estimate cannot see a drift of the concept, which is its assumption: {off}");
}

#[test]
fn looking_at_every_label_raises_no_more_false_alarms() {
    let mut alarms = 0;
    for seed in 0..500 {
        let mut draws = Draws::new(seed);
        let mut stream = Stream::new(config(&mut draws, Session::Event, 200), seed);
        let mut worst = Verdict::Stable;
        for _ in 0..1_000 {
            let x = draws.normal();
            let id = stream.event(x, Duration::from_millis(500));
            stream.label(id, draws.unit() < model(x));
            worst = worst.max(stream.verdict(Signal::ConceptEvidence));
        }
        alarms += u32::from(worst == Verdict::Drift);
    }
    assert!(alarms <= 5, "{alarms} of 500");
}

/// Windows of `events`, a tenth of them in one group, whose inputs are moved by `shift` in the second window.
fn groups(events: u32, shift: f64, seed: u64) -> [Verdict; 3] {
    let mut draws = Draws::new(seed);
    let mut config = config(&mut draws, Session::Event, 100);
    config.slices = vec![SliceWatch { name: "camera".into(), values: vec!["front".into(), "back".into()] }];
    let mut stream = Stream::new(config, seed);
    for moved in [0.0, shift] {
        for n in 0..events {
            let front = n % 10 == 0;
            assert!(stream.live.set_slice("camera", if front { "front" } else { "back" }));
            let x = draws.normal() + if front { moved } else { 0.0 };
            stream.event(x, Duration::from_millis(50));
        }
        stream.end();
    }
    ["psi_scores.camera=front", "psi_scores.camera=back", "psi.scores"]
        .map(|id| stream.verdict(Signal::parse(id, stream.live.config()).unwrap()))
}

#[test]
fn what_drifts_in_one_group_alone_is_found_there() {
    let (mut found, mut false_alarms) = (0, 0);
    for seed in 0..40 {
        let [front, back, all] = groups(5_000, 0.8, seed);
        found += u32::from(front == Verdict::Drift);
        assert!(
            back <= Verdict::Stable && all < Verdict::Drift,
            "{back:?} {all:?}: a tenth is not much of all"
        );
        let [front, back, _] = groups(5_000, 0.0, 1_000 + seed);
        false_alarms += u32::from(front.max(back) >= Verdict::Warn);
    }
    assert!(found >= 39 && false_alarms <= 1, "{found} {false_alarms}");
    assert_eq!(groups(500, 0.8, 1)[0], Verdict::InsufficientData);
}
