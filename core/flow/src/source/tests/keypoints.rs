//! Tests of the points of one shape.
//! **Invariant:** all randomness is seeded.
//! It does not test pixels; fits are given.

use std::{vec, vec::Vec};

use super::{Noise, carrier, delayed, ms};
use crate::{
    answer::Carry,
    gate::{Fit, FitState},
    geometry::Point,
    source::Carrier,
    value::{Keypoint, Value, ValueKind},
};

/// A grid of six points, 100 pixels wide.
fn shape(x: f32, y: f32) -> Vec<Keypoint> {
    (0..6)
        .map(|i| Keypoint {
            at: Point::new(x + 50.0 * (i % 3) as f32, y + 50.0 * (i / 3) as f32),
            visibility: 1.0,
        })
        .collect()
}

fn answer(c: &Carrier, t: u64) -> Vec<Keypoint> {
    let mut out = Value::empty(ValueKind::Keypoints);
    assert!(c.answer(ms(t), &mut out).is_some());
    match out {
        Value::Keypoints(k) => k,
        other => panic!("{other:?}"),
    }
}

fn worst(a: &[Keypoint], b: &[Keypoint]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a.at - b.at).length()).fold(0.0, f32::max)
}

fn fit(identity: u32, x: f32, state: FitState) -> Fit {
    Fit { identity, moved: Point::new(x, 0.0), scale: 1.0, stretch: 1.0, residual: 0.05, sigma: 0.1, state }
}

#[test]
fn a_moving_shape_is_predicted_point_by_point() {
    let mut c = carrier(ValueKind::Keypoints, 4.0);
    let mut error = None;
    for i in 0..12_u64 {
        error = c.admit(ms(i * 100), &Value::Keypoints(shape(100.0 + 15.0 * i as f32, 60.0))).error;
    }
    assert!(error.is_some_and(|e| e < 0.3), "{error:?}");
    assert!(worst(&answer(&c, 1150), &shape(272.5, 60.0)) < 0.3);
}

#[test]
fn noise_on_a_still_shape_is_smoothed() {
    let mut noise = Noise(3);
    let mut c = carrier(ValueKind::Keypoints, 4.0);
    let (mut carried, mut raw) = (0.0, 0.0);
    for i in 0..100_u64 {
        let mut points = shape(100.0, 60.0);
        for p in &mut points {
            p.at = p.at + Point::new(noise.normal(), noise.normal());
        }
        c.admit(ms(i * 100), &Value::Keypoints(points.clone()));
        if i > 30 {
            carried += worst(&answer(&c, i * 100 + 100), &shape(100.0, 60.0));
            raw += worst(&points, &shape(100.0, 60.0));
        }
    }
    assert!(carried < 0.7 * raw, "{carried} {raw}");
}

#[test]
fn a_lost_point_moves_with_its_neighbours() {
    let mut c = carrier(ValueKind::Keypoints, 4.0);
    c.admit(ms(0), &Value::Keypoints(shape(100.0, 60.0)));
    let mut targets = Vec::new();
    c.targets(Point::new(1.0, 0.0), &mut targets);
    assert_eq!(targets.len(), 6);
    assert_eq!(targets[0].guess, Point::new(1.0, 0.0));
    for i in 1..=10_u64 {
        let moved = 3.0 * i as f32;
        let mut fits: Vec<Fit> = (0..6).map(|id| fit(id, moved, FitState::Followed)).collect();
        fits[2] = fit(2, -40.0, FitState::Lost);
        fits[4] = fit(4, 0.0, FitState::Weak);
        c.follow(ms(i * 16), &fits);
    }
    assert!(worst(&answer(&c, 160), &shape(130.0, 60.0)) < 0.5);
    assert!(worst(&answer(&c, 176), &shape(133.0, 60.0)) < 0.5);
    let mut out = Value::empty(ValueKind::Keypoints);
    let carried = c.answer(ms(176), &mut out).unwrap();
    assert_eq!(carried.carry, Some(Carry::Pixels));
    assert!((carried.horizon - 0.016).abs() < 1e-4);
    let report = c.admit(ms(96), &Value::Keypoints(shape(118.0, 60.0)));
    assert!(report.error.is_some_and(|e| e < 0.5), "{report:?}");
    assert!(worst(&answer(&c, 176), &shape(133.0, 60.0)) < 0.5);
}

#[test]
fn a_large_mesh_is_followed_at_a_few_points() {
    let mesh: Vec<Keypoint> = (0..468)
        .map(|i| Keypoint { at: Point::new((i % 26) as f32 * 6.0, (i / 26) as f32 * 8.0), visibility: 1.0 })
        .collect();
    let mut c = carrier(ValueKind::Keypoints, 4.0);
    c.admit(ms(0), &Value::Keypoints(mesh.clone()));
    let mut targets = Vec::new();
    c.targets(Point::default(), &mut targets);
    assert!((20..=32).contains(&targets.len()));
    let fits: Vec<Fit> = targets.iter().map(|t| fit(t.identity, 5.0, FitState::Followed)).collect();
    c.follow(ms(16), &fits);
    let moved: Vec<Keypoint> =
        mesh.iter().map(|k| Keypoint { at: k.at + Point::new(5.0, 0.0), ..*k }).collect();
    assert!(worst(&answer(&c, 16), &moved) < 0.1);
}

#[test]
fn visibility_does_not_flicker() {
    let mut c = carrier(ValueKind::Keypoints, 4.0);
    let at = |v: f32| Value::Keypoints(vec![Keypoint { at: Point::new(5.0, 5.0), visibility: v }]);
    c.admit(ms(0), &at(0.9));
    let mut flips = 0;
    let mut shown = true;
    for i in 1..60_u64 {
        c.admit(ms(i * 100), &at(if i % 2 == 0 { 0.56 } else { 0.44 }));
        let now = answer(&c, i * 100)[0].visibility >= 0.5;
        flips += u32::from(now != shown);
        shown = now;
    }
    assert_eq!(flips, 0);
    for i in 60..70_u64 {
        c.admit(ms(i * 100), &at(0.1));
    }
    assert!(answer(&c, 7000)[0].visibility < 0.5);
}

#[test]
fn points_of_a_delayed_display_lie_between_results() {
    let mut c = delayed(ValueKind::Keypoints, 4.0, 200);
    for i in 0..8_u64 {
        c.admit(ms(1000 + i * 100), &Value::Keypoints(shape(100.0 + 10.0 * i as f32, 60.0)));
    }
    assert!(worst(&answer(&c, 1450), &shape(145.0, 60.0)) < 1.0);
    let mut out = Value::empty(ValueKind::Keypoints);
    assert!(c.answer(ms(1450), &mut out).is_some_and(|c| c.carry.is_none()));
}

#[test]
fn another_count_of_points_starts_again() {
    let mut c = carrier(ValueKind::Keypoints, 4.0);
    c.admit(ms(0), &Value::Keypoints(shape(0.0, 0.0)));
    let report = c.admit(ms(100), &Value::Keypoints(shape(0.0, 0.0)[..3].to_vec()));
    assert_eq!(report.error, None);
    assert_eq!(answer(&c, 100).len(), 3);
    c.follow(ms(116), &[fit(5, 1.0, FitState::Followed), fit(900, 1.0, FitState::Followed)]);
    assert_eq!(answer(&c, 116).len(), 3);
}
