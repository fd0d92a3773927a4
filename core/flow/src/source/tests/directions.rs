//! Tests of rotations and embeddings: values of unit length.
//! **Invariant:** all randomness is seeded.
//! It does not test the algebra: `quaternion` does.

use std::vec::Vec;

use super::{Noise, carrier, delayed, ms};
use crate::{
    answer::Carry,
    quaternion::Quaternion,
    source::Carrier,
    value::{Value, ValueFault, ValueKind},
};

fn turned(about_z: f32) -> Quaternion {
    Quaternion::from_degrees([0.0, 0.0, about_z])
}

fn rotation(c: &Carrier, t: u64) -> Quaternion {
    let mut out = Value::empty(ValueKind::Rotation);
    assert!(c.answer(ms(t), &mut out).is_some());
    match out {
        Value::Rotation(q) => q,
        other => panic!("{other:?}"),
    }
}

fn turn(c: &mut Carrier, t: u64, q: Quaternion) -> Option<f32> {
    c.admit(ms(t), &Value::Rotation(q)).error
}

#[test]
fn a_steady_turn_is_predicted_through_the_full_circle() {
    let mut c = carrier(ValueKind::Rotation, 3.0);
    let mut error = None;
    for i in 0..60_u64 {
        // 60 degrees a second, with the sign that a model would give: the real part is not negative.
        error = turn(&mut c, i * 100, turned(6.0 * i as f32).toward(Quaternion::IDENTITY));
    }
    assert!(error.is_some_and(|e| e < 0.6), "{error:?}");
    let ahead = rotation(&c, 6000);
    assert!(ahead.angle_to(turned(360.0)) < 1.0, "{ahead:?}");
    let mut out = Value::empty(ValueKind::Rotation);
    assert_eq!(c.answer(ms(6000), &mut out).and_then(|c| c.carry), Some(Carry::Trend));
    // The turn dies out: however late, at most half a second of it is believed.
    assert!(rotation(&c, 60_000).angle_to(turned(354.0)) < 30.0);
}

#[test]
fn answers_never_jump_in_sign() {
    let mut c = carrier(ValueKind::Rotation, 3.0);
    let mut last = Quaternion::IDENTITY;
    for t in 0..9_000_u64 {
        if t % 100 == 0 {
            turn(&mut c, t, turned(0.09 * t as f32).toward(Quaternion::IDENTITY));
        }
        let q = rotation(&c, t);
        assert!((q.norm() - 1.0).abs() < 1e-5);
        let apart = (q.w - last.w).abs().max((q.z - last.z).abs());
        assert!(apart < 0.2, "{apart} at {t} ms: {last:?} {q:?}");
        last = q;
    }
}

#[test]
fn noise_on_a_still_thing_is_smoothed_and_held() {
    let mut noise = Noise(9);
    let mut c = carrier(ValueKind::Rotation, 3.0);
    let still = Quaternion::from_degrees([10.0, 40.0, -25.0]);
    let (mut raw, mut carried, mut moved) = (0.0, 0.0, 0.0_f32);
    for i in 0..200_u64 {
        let shake = Quaternion::from_degrees([noise.normal(), noise.normal(), noise.normal()]);
        let seen = shake.after(still);
        turn(&mut c, i * 100, seen);
        if i >= 50 {
            raw += seen.angle_to(still);
            carried += rotation(&c, i * 100 + 95).angle_to(still);
            let (early, late) = (rotation(&c, i * 100 + 100), rotation(&c, i * 100 + 180));
            moved = moved.max(early.angle_to(late));
        }
    }
    assert!(carried < 0.7 * raw, "{carried} {raw}");
    assert!(moved < 1.0, "{moved}");
}

#[test]
fn a_small_correction_blends_and_a_large_one_shows_at_once() {
    for (step, snaps) in [(2.0_f32, false), (30.0, true)] {
        let mut c = carrier(ValueKind::Rotation, 3.0);
        for i in 0..20_u64 {
            turn(&mut c, i * 100, turned(0.0));
        }
        let before = rotation(&c, 2000);
        turn(&mut c, 2000, turned(step));
        let (first, settled) = (rotation(&c, 2000), rotation(&c, 2100));
        let whole = before.angle_to(settled);
        let at_once = before.angle_to(first) / whole;
        assert!(if snaps { at_once > 0.99 } else { at_once < 0.5 }, "{at_once} of {whole} degrees");
    }
}

#[test]
fn a_delayed_turn_is_interpolated_and_a_late_one_only_judged() {
    let mut c = delayed(ValueKind::Rotation, 3.0, 200);
    for i in 0..8_u64 {
        turn(&mut c, 1000 + i * 100, turned(170.0 + 10.0 * i as f32).toward(Quaternion::IDENTITY));
    }
    assert!(rotation(&c, 1550).angle_to(turned(225.0)) < 2.0);
    let mut out = Value::empty(ValueKind::Rotation);
    assert!(c.answer(ms(1550), &mut out).is_some_and(|c| c.carry.is_none() && c.horizon == 0.0));
    assert!(c.answer(ms(900), &mut out).is_none());
    let before = rotation(&c, 1750);
    assert!(turn(&mut c, 1650, turned(0.0)).is_some_and(|e| e > 90.0));
    assert_eq!(rotation(&c, 1750), before);
}

#[test]
fn uncertainty_of_a_turn_grows_with_the_horizon() {
    let mut c = carrier(ValueKind::Rotation, 3.0);
    for i in 0..10_u64 {
        turn(&mut c, i * 100, turned(5.0 * i as f32));
    }
    let mut out = Value::empty(ValueKind::Rotation);
    let mut spread = |t| c.answer(ms(t), &mut out).map(|c| c.spread);
    assert!(spread(900) < spread(950) && spread(950) < spread(1200));
}

/// A direction near the first of `n` axes, at `angle` radians towards the second.
fn direction(n: usize, angle: f32) -> Vec<f32> {
    (0..n).map(|i| [libm::cosf(angle), libm::sinf(angle)].get(i).copied().unwrap_or(0.0)).collect()
}

fn noisy(noise: &mut Noise, of: &[f32], sigma: f32) -> Vec<f32> {
    let v: Vec<f32> = of.iter().map(|x| x + sigma * noise.normal()).collect();
    let norm = libm::sqrtf(v.iter().map(|x| x * x).sum());
    v.iter().map(|x| x / norm).collect()
}

fn embedding(c: &Carrier, t: u64) -> Vec<f32> {
    let mut out = Value::empty(ValueKind::Embedding);
    assert!(c.answer(ms(t), &mut out).is_some());
    assert_eq!(out.fault(), None);
    match out {
        Value::Embedding(v) => v,
        other => panic!("{other:?}"),
    }
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    1.0 - a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>()
}

#[test]
fn a_noisy_embedding_is_smoothed_and_held() {
    let mut noise = Noise(4);
    let mut c = carrier(ValueKind::Embedding, 0.2);
    let truth = direction(64, 0.0);
    let (mut raw, mut carried) = (0.0, 0.0);
    for i in 0..200_u64 {
        let z = noisy(&mut noise, &truth, 0.05);
        c.admit(ms(i * 100), &Value::Embedding(z.clone()));
        if i >= 80 {
            raw += distance(&z, &truth);
            carried += distance(&embedding(&c, i * 100 + 100), &truth);
            let (early, late) = (embedding(&c, i * 100 + 100), embedding(&c, i * 100 + 9_000));
            assert!(distance(&early, &late).abs() < 1e-6, "held");
        }
    }
    assert!(carried < 0.3 * raw, "{carried} {raw}");
}

#[test]
fn a_changing_embedding_is_followed_and_a_new_scene_taken_at_once() {
    let mut noise = Noise(4);
    let mut c = carrier(ValueKind::Embedding, 0.2);
    let (mut raw, mut carried) = (0.0, 0.0);
    for i in 0..200_u64 {
        let truth = direction(64, 0.03 * i as f32);
        let z = noisy(&mut noise, &truth, 0.01);
        c.admit(ms(i * 100), &Value::Embedding(z.clone()));
        if i >= 80 {
            raw += distance(&z, &truth);
            carried += distance(&embedding(&c, i * 100 + 100), &truth);
        }
    }
    assert!(carried < 1.5 * raw, "{carried} {raw}");
    let other: Vec<f32> = direction(64, 0.0).iter().rev().copied().collect();
    let report = c.admit(ms(20_000), &Value::Embedding(other.clone()));
    assert!(report.error.is_some_and(|e| e > 0.9), "{report:?}");
    assert!(distance(&embedding(&c, 20_000), &other) < 1e-3);
}

#[test]
fn small_corrections_of_an_embedding_blend() {
    let mut c = carrier(ValueKind::Embedding, 0.2);
    for i in 0..5_u64 {
        c.admit(ms(i * 100), &Value::Embedding(direction(8, 0.0)));
    }
    c.admit(ms(500), &Value::Embedding(direction(8, 0.3)));
    let (first, settled) = (embedding(&c, 500), embedding(&c, 600));
    let old = direction(8, 0.0);
    assert!(distance(&first, &old) < 0.3 * distance(&settled, &old), "{first:?} {settled:?}");
}

#[test]
fn a_delayed_embedding_lies_between_and_opposites_do_not_cancel() {
    let mut c = delayed(ValueKind::Embedding, 0.2, 200);
    c.admit(ms(0), &Value::Embedding(direction(4, 0.0)));
    c.admit(ms(100), &Value::Embedding(direction(4, 1.0)));
    let (a, b) = (embedding(&c, 0), embedding(&c, 100));
    let mut last = -1.0;
    for t in (0..=100).step_by(5) {
        let from = distance(&embedding(&c, t), &a);
        assert!(from >= last - 1e-5 && from <= distance(&a, &b) + 1e-5);
        last = from;
    }
    c.reset();
    c.admit(ms(1000), &Value::Embedding(direction(4, 0.0)));
    c.admit(ms(1100), &Value::Embedding(direction(4, core::f32::consts::PI)));
    for t in 1000..=1100 {
        embedding(&c, t); // of unit length, by the assertion inside
    }
}

#[test]
fn what_is_not_of_unit_length_is_refused() {
    for q in [Quaternion::new(0.0, 0.0, 0.0, 0.0), Quaternion::new(2.0, 0.0, 0.0, 0.0)] {
        assert_eq!(Value::Rotation(q).fault(), Some(ValueFault::OutOfRange));
    }
    let nan = Quaternion::new(f32::NAN, 0.0, 0.0, 0.0);
    assert_eq!(Value::Rotation(nan).fault(), Some(ValueFault::NotFinite));
    assert_eq!(Value::Embedding(Vec::new()).fault(), Some(ValueFault::OutOfRange));
    assert_eq!(Value::Embedding(std::vec![0.7, 0.0]).fault(), Some(ValueFault::OutOfRange));
    assert_eq!(Value::Embedding(std::vec![f32::INFINITY]).fault(), Some(ValueFault::NotFinite));
    assert_eq!(Value::Embedding(std::vec![0.6, -0.8]).fault(), None);
}
