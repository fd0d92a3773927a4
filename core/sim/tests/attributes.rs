//! Attributes of tracks: scenes that try to make one jump to another object.
//! **Invariant:** the attribute is the true object's name, found with the delay of a second model; where a track carries one,
//! the object under it must be that one.
//! It does not look into the engine: it asks as an app does.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::collections::VecDeque;

use inbetween_flow::{Completion, Detection, Engine, Outcome, Plan, Rect, Timestamp, Value};
use inbetween_sim::{Detector as _, SceneSpec, SimulatedDetector, Truth, policy::engine_config};

/// The object that a box is of, if one stands out.
fn under<'a>(bounds: &Rect, truth: &'a [Truth]) -> Option<&'a Truth> {
    let mut near: Vec<(f32, &Truth)> = truth.iter().map(|t| (t.bounds.iou(bounds), t)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let second = near.get(1).map_or(0.0, |n| n.0);
    near.first().filter(|n| n.0 > 0.4 && second < 0.5 * n.0).map(|n| n.1)
}

/// What became of the attributes in a scene.
#[derive(Debug, Default)]
struct Found {
    /// Boxes that carried one, of the right and of another object.
    right: u32,
    jumped: u32,
    /// Attributes that were kept, and that were refused.
    kept: u32,
    refused: u32,
}

/// Plays a scene. The second model takes `delay` frames; its answer is about the frame that it was given.
fn play(scene: &str, seed: u64, delay: usize) -> Found {
    let spec = SceneSpec::parse(scene).unwrap();
    let mut config = engine_config(&spec);
    config.scheduling.attribute_bytes = 64 * 1024;
    let mut engine = Engine::new(config, seed).unwrap();
    let mut scene = spec.build(seed);
    let mut model = SimulatedDetector::new(&scene);
    let mut running: Option<(Timestamp, Completion)> = None;
    let mut second: VecDeque<(u64, u32, f32, Timestamp)> = VecDeque::new();
    let mut found = Found::default();
    for n in 0..scene.frames() {
        let frame = scene.frame(n);
        let now = frame.captured;
        if let Some((_, completion)) = running.take_if(|(ends, _)| *ends <= now) {
            engine.handle_completion(now, completion);
        }
        if let Ok(Plan::Run(ticket)) = engine.handle_frame(now, &frame.as_frame()) {
            let outcome = Outcome::Value(Value::Boxes(model.detect(&frame)));
            let ends = now + std::time::Duration::from_millis(40);
            running = Some((ends, Completion { ticket: ticket.id, outcome }));
        }
        while second.front().is_some_and(|s| s.0 <= n) {
            let (_, identity, name, captured) = second.pop_front().unwrap();
            let kept = engine.keep_attribute(identity, 0, Value::Scalar(name), captured);
            *(if kept { &mut found.kept } else { &mut found.refused }) += 1;
        }
        let Some(Value::Boxes(boxes)) = engine.answer_at(now).value.clone() else { continue };
        for Detection { bounds, identity, .. } in boxes {
            let identity = identity.unwrap();
            let object = under(&bounds, &frame.truth);
            match (engine.attribute(identity, 0), object) {
                (Some((Value::Scalar(name), _)), Some(object)) => {
                    let right = *name == object.identity as f32;
                    *(if right { &mut found.right } else { &mut found.jumped }) += 1;
                }
                (None, Some(object)) if !second.iter().any(|s| s.1 == identity) => {
                    second.push_back((n + delay as u64, identity, object.identity as f32, now));
                }
                _ => {}
            }
        }
    }
    found
}

fn never_jumps(name: &str, scene: &str, least: u32) {
    let mut sum = Found::default();
    for (seed, delay) in [(1, 1), (2, 6), (3, 3), (4, 12)] {
        let found = play(scene, seed, delay);
        assert_eq!(found.jumped, 0, "{name}, seed {seed}: {found:?}");
        sum.right += found.right;
        sum.kept += found.kept;
        sum.refused += found.refused;
    }
    assert!(sum.right >= least && sum.kept > 0, "{name}: hardly any attribute was of use: {sum:?}");
}

#[test]
fn crossing() {
    // Two like objects pass through each other again and again.
    let scene = r#"
        name = "crossing"
        duration_s = 20
        [[objects]]
        size_px = 34
        x = 0.3
        y = 0.5
        motion = [{ sinusoid = { amplitude_px = 70, period_s = 4, direction_deg = 0 } }]
        [[objects]]
        size_px = 34
        x = 0.6
        y = 0.52
        motion = [{ sinusoid = { amplitude_px = 70, period_s = 5, direction_deg = 180 } }]
    "#;
    never_jumps("crossing", scene, 300);
}

#[test]
fn swap_of_identities() {
    // Fast, few frames, a slow model that misses: trackers change names here.
    let scene = r#"
        name = "swap"
        duration_s = 20
        [camera]
        fps = 12
        [[objects]]
        count = 5
        size_px = [24, 30]
        motion = [{ random_walk = { speed_px_s = [80, 160], turn_s = 0.6 } }]
        [detector]
        miss_rate = 0.15
        miss_burst_ms = 250
        noise_px = 1.5
    "#;
    never_jumps("swap", scene, 20);
}

#[test]
fn death_and_birth_in_the_same_place() {
    let scene = r#"
        name = "rebirth"
        duration_s = 16
        [[objects]]
        size_px = 36
        x = 0.4
        y = 0.5
        for_s = 5
        [[objects]]
        size_px = 36
        x = 0.4
        y = 0.5
        from_s = 5
        for_s = 5
        [[objects]]
        size_px = 36
        x = 0.4
        y = 0.5
        from_s = 10.02
        [[objects]]
        size_px = 30
        x = 0.7
        y = 0.3
    "#;
    never_jumps("rebirth", scene, 300);
}

#[test]
fn another_picture_with_an_object_in_the_same_place() {
    let scene = r#"
        name = "cut"
        duration_s = 16
        cuts_s = [3.9, 8, 12.03]
        [[objects]]
        size_px = 40
        x = 0.5
        y = 0.5
        [[objects]]
        size_px = 30
        x = 0.2
        y = 0.3
    "#;
    never_jumps("cut", scene, 300);
}

#[test]
fn one_passes_close_in_front_of_another() {
    let scene = r#"
        name = "passing"
        duration_s = 16
        [[objects]]
        size_px = 40
        x = 0.5
        y = 0.5
        [[objects]]
        z = 1
        size_px = 38
        x = -0.2
        y = 0.5
        edge = "wrap"
        motion = [{ linear = { speed_px_s = 130, direction_deg = 0 } }]
    "#;
    never_jumps("passing", scene, 200);
}
