//! Tests of scalars, vectors, distributions and labels.
//! **Invariant:** all randomness is seeded.
//! It does not test boxes or points.

use std::{vec, vec::Vec};

use super::{Noise, carrier, delayed, ms};
use crate::{
    answer::Carry,
    source::{Backtest, Carrier},
    value::{Label, Value, ValueKind},
};

fn scalar(c: &Carrier, t: u64) -> f32 {
    let mut out = Value::Scalar(0.0);
    assert!(c.answer(ms(t), &mut out).is_some());
    match out {
        Value::Scalar(x) => x,
        other => panic!("{other:?}"),
    }
}

fn probabilities(c: &Carrier, t: u64) -> Vec<f32> {
    let mut out = Value::Probabilities(Vec::new());
    assert!(c.answer(ms(t), &mut out).is_some());
    match out {
        Value::Probabilities(p) => p,
        other => panic!("{other:?}"),
    }
}

fn label(c: &Carrier, t: u64) -> Label {
    let mut out = Value::Label(Label::default());
    assert!(c.answer(ms(t), &mut out).is_some());
    match out {
        Value::Label(l) => l,
        other => panic!("{other:?}"),
    }
}

fn say(c: &mut Carrier, t: u64, class: u32, score: f32) -> Backtest {
    c.admit(ms(t), &Value::Label(Label { class, score }))
}

#[test]
fn a_ramp_is_predicted() {
    let mut c = carrier(ValueKind::Scalar, 1.0);
    let mut last = Backtest::default();
    for i in 0..20_u64 {
        last = c.admit(ms(i * 100), &Value::Scalar(2.0 * i as f32));
    }
    assert!(last.error.is_some_and(|e| e < 0.3), "{last:?}");
    assert!((scalar(&c, 1950) - 39.0).abs() < 0.2, "{}", scalar(&c, 1950));
    assert!(scalar(&c, 60_000) <= 38.0 * 1.25, "clamped");
}

#[test]
fn noise_around_a_level_is_smoothed_and_held() {
    let mut noise = Noise(5);
    let mut c = carrier(ValueKind::Scalar, 1.0);
    let (mut raw, mut carried, mut moved) = (0.0, 0.0, 0.0_f32);
    for i in 0..200_u64 {
        let x = 7.0 + 0.3 * noise.normal();
        c.admit(ms(i * 100), &Value::Scalar(x));
        if i >= 50 {
            let y = scalar(&c, i * 100 + 90);
            raw += (x - 7.0) * (x - 7.0);
            carried += (y - 7.0) * (y - 7.0);
            // After the blend is over nothing moves.
            moved = moved.max((scalar(&c, i * 100 + 180) - scalar(&c, i * 100 + 110)).abs());
        }
    }
    assert!(carried < 0.5 * raw, "{carried} {raw}");
    assert!(moved < 0.1, "{moved}");
}

#[test]
fn one_outlier_makes_no_trend_and_a_step_is_taken_at_once() {
    let mut c = carrier(ValueKind::Scalar, 1.0);
    for i in 0..30_u64 {
        c.admit(ms(i * 100), &Value::Scalar(5.0));
    }
    c.admit(ms(3000), &Value::Scalar(15.0));
    assert!((scalar(&c, 3050) - 15.0).abs() < 1.5);
    assert!((scalar(&c, 3400) - 15.0).abs() < 1.5, "no trend: {}", scalar(&c, 3400));
    c.admit(ms(3100), &Value::Scalar(5.0));
    assert!((scalar(&c, 3150) - 5.0).abs() < 1.5);
}

#[test]
fn vectors_keep_their_elements_apart() {
    let mut c = carrier(ValueKind::Vector, 0.5);
    for i in 0..20_u64 {
        c.admit(ms(i * 100), &Value::Vector(vec![i as f32, 4.0, -0.5 * i as f32]));
    }
    let mut out = Value::empty(ValueKind::Vector);
    c.answer(ms(2000), &mut out).unwrap();
    let Value::Vector(v) = out else { panic!() };
    for (x, y) in v.iter().zip([20.0, 4.0, -10.0]) {
        assert!((x - y).abs() < 0.2, "{v:?}");
    }
    // Another length starts again.
    assert_eq!(c.admit(ms(2100), &Value::Vector(vec![1.0])).error, None);
}

#[test]
fn a_delayed_scalar_is_interpolated_monotonically() {
    let mut c = delayed(ValueKind::Scalar, 1.0, 300);
    for (i, x) in [0.0, 0.0, 0.0, 10.0, 10.0, 10.0].into_iter().enumerate() {
        c.admit(ms(1000 + i as u64 * 100), &Value::Scalar(x));
    }
    let mut last = scalar(&c, 1200);
    for t in (1200..1300).step_by(5) {
        let x = scalar(&c, t);
        assert!(x >= last - 1e-4 && (-0.1..=10.1).contains(&x), "{x} after {last}");
        last = x;
    }
    let mut out = Value::Scalar(0.0);
    assert!(c.answer(ms(1250), &mut out).is_some_and(|c| c.carry.is_none() && c.horizon == 0.0));
    assert!(c.answer(ms(900), &mut out).is_none());
}

#[test]
fn a_late_number_is_only_judged() {
    let mut c = carrier(ValueKind::Scalar, 1.0);
    for i in 0..5_u64 {
        c.admit(ms(i * 100), &Value::Scalar(5.0));
    }
    let before = scalar(&c, 450);
    let report = c.admit(ms(350), &Value::Scalar(8.0));
    assert!(report.error.is_some_and(|e| (e - 3.0).abs() < 0.01));
    assert_eq!(scalar(&c, 450), before);
}

#[test]
fn a_distribution_stays_one_and_decays_to_what_is_usual() {
    let mut c = carrier(ValueKind::Probabilities, 0.1);
    let usual = [0.8, 0.15, 0.05];
    let rare = [0.05, 0.15, 0.8];
    for i in 0..600_u64 {
        // Short bursts of the rare state.
        let p = if i % 20 < 3 { rare } else { usual };
        c.admit(ms(i * 100), &Value::Probabilities(p.to_vec()));
    }
    for i in 600..603_u64 {
        c.admit(ms(i * 100), &Value::Probabilities(rare.to_vec()));
    }
    let now = probabilities(&c, 60_210);
    let later = probabilities(&c, 63_000);
    assert!(now[2] > 0.55, "{now:?}");
    assert!(later[0] > now[0] + 0.2, "{now:?} {later:?}");
    for t in (60_000..70_000).step_by(250) {
        let p = probabilities(&c, t);
        assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-4 && p.iter().all(|&p| p > 0.0 && p < 1.0));
    }
}

#[test]
fn a_small_correction_of_a_distribution_blends_and_a_large_one_shows_at_once() {
    for (next, snaps) in [(0.55_f32, false), (0.9, true)] {
        let mut c = carrier(ValueKind::Probabilities, 0.1);
        for i in 0..10_u64 {
            c.admit(ms(i * 100), &Value::Probabilities(vec![0.5, 0.5]));
        }
        let before = probabilities(&c, 1000)[0];
        c.admit(ms(1000), &Value::Probabilities(vec![next, 1.0 - next]));
        let (first, settled) = (probabilities(&c, 1000)[0], probabilities(&c, 1100)[0]);
        let at_once = (first - before) / (settled - before);
        assert!(if snaps { at_once > 0.95 } else { at_once < 0.5 }, "{at_once}: {before} {first} {settled}");
    }
}

#[test]
fn a_delayed_distribution_stays_one_between_results() {
    let mut c = delayed(ValueKind::Probabilities, 0.1, 200);
    c.admit(ms(0), &Value::Probabilities(vec![1.0, 0.0, 0.0]));
    c.admit(ms(100), &Value::Probabilities(vec![0.0, 0.0, 1.0]));
    for t in 0..=100 {
        let p = probabilities(&c, t);
        assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{p:?}");
    }
    assert!(probabilities(&c, 0)[0] > 0.99 && probabilities(&c, 100)[2] > 0.9);
}

#[test]
fn total_variation_is_the_error_of_a_distribution() {
    let mut c = carrier(ValueKind::Probabilities, 0.1);
    assert_eq!(c.admit(ms(0), &Value::Probabilities(vec![0.5, 0.5])).error, None);
    let report = c.admit(ms(100), &Value::Probabilities(vec![0.8, 0.2]));
    assert!(report.error.is_some_and(|e| (e - 0.3).abs() < 1e-3), "{report:?}");
}

#[test]
fn a_label_needs_a_margin_or_two_in_a_row() {
    let mut c = carrier(ValueKind::Label, 0.5);
    say(&mut c, 0, 1, 0.9);
    let report = say(&mut c, 200, 2, 0.6);
    assert_eq!(report.error, Some(1.0));
    assert_eq!(label(&c, 250).class, 1, "one faint word is not enough");
    say(&mut c, 300, 1, 0.9);
    say(&mut c, 400, 2, 0.6);
    assert_eq!(label(&c, 450).class, 1);
    say(&mut c, 500, 2, 0.6);
    assert_eq!(label(&c, 550).class, 2, "two in a row are");
    say(&mut c, 900, 1, 0.97);
    assert_eq!(label(&c, 950).class, 1, "so is a sure one");
}

#[test]
fn a_label_dwells_after_a_change() {
    let mut c = carrier(ValueKind::Label, 0.5);
    say(&mut c, 0, 1, 0.9);
    say(&mut c, 1000, 2, 0.97);
    assert_eq!(label(&c, 1010).class, 2);
    say(&mut c, 1050, 1, 0.97);
    say(&mut c, 1100, 1, 0.97);
    assert_eq!(label(&c, 1110).class, 2);
    say(&mut c, 1200, 1, 0.97);
    assert_eq!(label(&c, 1210).class, 1);
}

#[test]
fn doubt_about_a_label_grows_with_time_and_changes() {
    let spread = |c: &Carrier, t: u64| {
        let mut out = Value::Label(Label::default());
        let carried = c.answer(ms(t), &mut out).unwrap();
        assert_eq!(carried.carry, Some(Carry::Hold));
        carried.spread
    };
    let mut calm = carrier(ValueKind::Label, 0.5);
    let mut wild = carrier(ValueKind::Label, 0.5);
    for i in 0..40_u64 {
        say(&mut calm, i * 250, 1, 0.95);
        say(&mut wild, i * 250, (i / 4 % 2) as u32, 0.95);
    }
    assert!(spread(&calm, 9_800) < spread(&calm, 11_000));
    assert!(spread(&calm, 10_250) < 0.6 * spread(&wild, 10_250));
}

#[test]
fn a_delayed_label_is_a_step() {
    let mut c = delayed(ValueKind::Label, 0.5, 500);
    say(&mut c, 1000, 1, 0.97);
    say(&mut c, 1200, 2, 0.97);
    assert_eq!((label(&c, 1199).class, label(&c, 1200).class), (1, 2));
}
