//! Tests of the points of one shape.
//! **Invariant:** all randomness is seeded.
//! It does not test pixels; fits are given.

use std::{vec, vec::Vec};

use super::{Noise, carrier, delayed, ms};
use crate::{
    answer::Carry,
    gate::{Fit, FitState},
    geometry::Point,
    ingredient::Ingredients,
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

fn mesh(moved: Point) -> Vec<Keypoint> {
    let at = |i: u16| Point::new(f32::from(i % 26) * 6.0, f32::from(i / 26) * 8.0);
    (0..468).map(|i| Keypoint { at: at(i) + moved, visibility: 1.0 }).collect()
}

#[test]
fn a_large_mesh_is_followed_at_a_few_points_and_one_that_errs_does_not_bend_it() {
    let still = mesh(Point::default());
    let mut c = carrier(ValueKind::Keypoints, 4.0);
    c.admit(ms(0), &Value::Keypoints(still.clone()));
    let mut targets = Vec::new();
    c.targets(Point::default(), &mut targets);
    assert!((8..=32).contains(&targets.len()));
    // It moves, turns and grows about its middle; one fit in four is of something else.
    let middle = Point::new(75.0, 68.0);
    let to = |p: Point| {
        let o = p - middle;
        p + Point::new(5.0 + 0.03 * o.x - 0.05 * o.y, 0.05 * o.x + 0.03 * o.y)
    };
    let fits: Vec<Fit> = (targets.iter().enumerate())
        .map(|(i, t)| {
            let key = t.bounds.center();
            let moved = if i % 4 == 3 { Point::new(-25.0, 18.0) } else { to(key) - key };
            Fit { moved, ..fit(t.identity, 0.0, FitState::Followed) }
        })
        .collect();
    c.follow(ms(16), &fits);
    let moved: Vec<Keypoint> = still.iter().map(|k| Keypoint { at: to(k.at), ..*k }).collect();
    let error = worst(&answer(&c, 16), &moved);
    assert!(error < 0.8, "{error}");
    assert!(!c.lost(&fits));
    let strange: Vec<Fit> = fits.iter().map(|f| Fit { state: FitState::Lost, ..*f }).collect();
    assert!(c.lost(&strange));
}

/// A mesh, run on every fourth frame at 30 fps: the pixels say that it moves so and results that it moves so.
/// The worst error of answers in the last second.
fn meshed(pixels: impl Fn(f32) -> Point, results: impl Fn(f32) -> Point, without: Ingredients) -> f32 {
    let mut c = carrier(ValueKind::Keypoints, 8.0).without(without);
    let (mut targets, mut key, mut error) = (Vec::new(), 0.0, 0.0_f32);
    for i in 0..120_u64 {
        let (time, t) = (ms(i * 33), i as f32 * 0.033);
        let fits: Vec<Fit> = (targets.iter())
            .map(|t: &crate::gate::Target| fit(t.identity, 0.0, FitState::Followed))
            .map(|f| Fit { moved: pixels(t) - pixels(key), ..f })
            .collect();
        c.follow(time, &fits);
        if i >= 90 {
            error = error.max(worst(&answer(&c, i * 33 + 10), &mesh(results(t + 0.01))));
        }
        if i % 4 == 0 {
            c.admit(time, &Value::Keypoints(mesh(results(t))));
            c.targets(Point::default(), &mut targets);
            key = t;
        }
    }
    error
}

#[test]
fn what_has_been_best_is_shown() {
    let still = |_: f32| Point::default();
    let swing = |t: f32| Point::new(20.0 * libm::sinf(6.0 * t), 0.0);
    let shake = |t: f32| Point::new(9.0 * libm::sinf(97.0 * t), 7.0 * libm::cosf(61.0 * t));
    // Pixels that move while the shape does not, as of a reflection.
    let (chosen, followed) =
        (meshed(shake, still, Ingredients::NONE), meshed(shake, still, Ingredients::CHOICE));
    assert!(chosen < 1.0 && followed > 6.0, "{chosen} {followed}");
    // Pixels that show how it moves.
    let (chosen, held) = (meshed(swing, swing, Ingredients::NONE), meshed(still, swing, Ingredients::NONE));
    assert!(chosen < 3.0 && held > 6.0, "{chosen} {held}");
}

#[test]
fn what_some_points_do_of_their_own_is_followed_once_results_confirm_it() {
    // The lower half moves beside the upper one, and pixels show it.
    let at = |i: u64| {
        let beside = 6.0 * libm::sinf(0.4 * i as f32);
        let mut points = mesh(Point::default());
        for k in points.iter_mut().filter(|k| k.at.y > 110.0) {
            k.at.x += beside;
        }
        points
    };
    let mut c = carrier(ValueKind::Keypoints, 8.0);
    let (mut targets, mut key, mut errors) = (Vec::new(), 0, Vec::new());
    for i in 0..240_u64 {
        let fits: Vec<Fit> = (targets.iter())
            .map(|t: &crate::gate::Target| {
                let k = t.identity as usize;
                Fit { moved: at(i)[k].at - at(key)[k].at, ..fit(t.identity, 0.0, FitState::Followed) }
            })
            .collect();
        c.follow(ms(i * 33), &fits);
        if i > 0 {
            errors.push((answer(&c, i * 33)[460].at - at(i)[460].at).length());
        }
        if i % 4 == 0 {
            c.admit(ms(i * 33), &Value::Keypoints(at(i)));
            c.targets(Point::default(), &mut targets);
            key = i;
        }
    }
    let largest = |e: &[f32]| e.iter().fold(0.0_f32, |a, b| a.max(*b));
    let (first, last) = (largest(&errors[4..30]), largest(&errors[200..]));
    assert!(last < 0.75 * first && last < 2.5, "{first} {last}");
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
