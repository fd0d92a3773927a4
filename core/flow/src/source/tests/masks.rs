//! Tests of masks.
//! **Invariant:** all randomness is seeded.
//! It does not test pixels; fits are given.

use std::vec::Vec;

use super::{Noise, carrier, delayed, ms};
use crate::{
    answer::Carry,
    gate::{Fit, FitState},
    geometry::{Point, Rect},
    source::Carrier,
    value::{Mask, Value, ValueFault, ValueKind},
};

const SIDE: u16 = 48;

/// A disc on a grid of 48 cells over 480 pixels, centre and radius in pixels.
fn disc(x: f32, y: f32, radius: f32) -> Mask {
    let cell = 480.0 / f32::from(SIDE);
    let cells = (0..SIDE * SIDE).map(|i| {
        let at = |n: u16| (f32::from(n) + 0.5) * cell;
        let from = Point::new(at(i % SIDE) - x, at(i / SIDE) - y).length();
        (((radius - from) / cell + 0.5).clamp(0.0, 1.0) * 255.0) as u8
    });
    Mask { width: SIDE, height: SIDE, bounds: Rect::new(0.0, 0.0, 480.0, 480.0), cells: cells.collect() }
}

fn answer(c: &Carrier, t: u64) -> Mask {
    let mut out = Value::empty(ValueKind::Mask);
    assert!(c.answer(ms(t), &mut out).is_some());
    assert_eq!(out.fault(), None);
    match out {
        Value::Mask(m) => m,
        other => panic!("{other:?}"),
    }
}

/// Area of the difference over the boundary's length: by how much the boundary is off, in pixels.
fn apart(a: &Mask, b: &Mask, radius: f32) -> f32 {
    let sum: f32 = a.cells.iter().zip(&b.cells).map(|(a, b)| f32::from(a.abs_diff(*b)) / 255.0).sum();
    sum * 100.0 / (2.0 * core::f32::consts::PI * radius)
}

fn area(m: &Mask) -> f32 {
    m.cells.iter().map(|c| f32::from(*c) / 255.0).sum()
}

fn fit(x: f32, scale: f32, state: FitState) -> Fit {
    Fit { identity: 0, moved: Point::new(x, 0.0), scale, stretch: 1.0, residual: 0.05, sigma: 0.1, state }
}

#[test]
fn a_mask_comes_back_as_it_was() {
    let mut c = carrier(ValueKind::Mask, 12.0);
    let seen = disc(200.0, 240.0, 90.0);
    assert_eq!(c.admit(ms(0), &Value::Mask(seen.clone())).error, None);
    let shown = answer(&c, 0);
    assert!(apart(&shown, &seen, 90.0) < 0.5);
    let error = c.admit(ms(100), &Value::Mask(seen)).error;
    assert!(error.is_some_and(|e| e < 1.5), "{error:?}");
}

#[test]
fn the_error_is_the_distance_of_the_boundaries() {
    for by in [30.0_f32, 60.0] {
        let mut c = carrier(ValueKind::Mask, 12.0);
        c.admit(ms(0), &Value::Mask(disc(200.0, 240.0, 90.0)));
        let error = c.admit(ms(100), &Value::Mask(disc(200.0 + by, 240.0, 90.0))).error.unwrap();
        assert!((0.75 * by..1.1 * by).contains(&error), "{error} for {by}");
    }
}

#[test]
fn it_moves_and_grows_with_the_pixels_of_its_region() {
    let mut c = carrier(ValueKind::Mask, 12.0);
    c.admit(ms(0), &Value::Mask(disc(150.0, 240.0, 80.0)));
    let mut targets = Vec::new();
    c.targets(Point::default(), &mut targets);
    let found = targets[0].bounds;
    assert!(found.worst_corner(&Rect::new(70.0, 160.0, 230.0, 320.0)) < 15.0, "{found:?}");
    for i in 1..=20_u64 {
        let (x, scale) = (6.0 * i as f32, 1.0 + 0.01 * i as f32);
        c.follow(ms(i * 16), &[fit(x, scale, FitState::Followed)]);
    }
    let shown = answer(&c, 320);
    assert!(apart(&shown, &disc(270.0, 240.0, 96.0), 96.0) < 2.0);
    let mut out = Value::empty(ValueKind::Mask);
    let carried = c.answer(ms(336), &mut out).unwrap();
    assert_eq!(carried.carry, Some(Carry::Pixels));
    assert!(carried.horizon < 0.02);
    let report = c.admit(ms(160), &Value::Mask(disc(210.0, 240.0, 88.0)));
    assert!(report.error.is_some_and(|e| e < 6.0), "{report:?}");
    assert!(apart(&answer(&c, 330), &disc(273.0, 240.0, 96.0), 96.0) < 4.0, "a late result does not stop it");
}

#[test]
fn without_pixels_its_trend_carries_it() {
    let mut c = carrier(ValueKind::Mask, 12.0);
    for i in 0..10_u64 {
        c.admit(ms(i * 100), &Value::Mask(disc(100.0 + 15.0 * i as f32, 240.0, 80.0)));
    }
    assert!(apart(&answer(&c, 1000), &disc(250.0, 240.0, 80.0), 80.0) < 3.0);
}

#[test]
fn between_two_results_a_mask_changes_monotonically() {
    let mut c = delayed(ValueKind::Mask, 12.0, 200);
    c.admit(ms(0), &Value::Mask(disc(240.0, 240.0, 60.0)));
    c.admit(ms(100), &Value::Mask(disc(240.0, 240.0, 140.0)));
    let mut last = answer(&c, 0);
    for t in (0..=100).step_by(10) {
        let now = answer(&c, t);
        let shrinks = now.cells.iter().zip(&last.cells).any(|(a, b)| a < b);
        assert!(!shrinks, "at {t} ms");
        last = now;
    }
    let middle = answer(&c, 50);
    assert!(apart(&middle, &disc(240.0, 240.0, 100.0), 100.0) < 3.0, "{}", area(&middle));
    // The same way back: the blend does not depend on the direction.
    let mut back = delayed(ValueKind::Mask, 12.0, 200);
    back.admit(ms(0), &Value::Mask(disc(240.0, 240.0, 140.0)));
    back.admit(ms(100), &Value::Mask(disc(240.0, 240.0, 60.0)));
    let other = answer(&back, 50);
    assert!(middle.cells.iter().zip(&other.cells).all(|(a, b)| a.abs_diff(*b) <= 4));
}

#[test]
fn noise_at_the_boundary_is_smoothed_and_a_still_mask_held() {
    let mut noise = Noise(6);
    let mut c = carrier(ValueKind::Mask, 12.0);
    let truth = disc(240.0, 240.0, 100.0);
    let (mut raw, mut carried) = (0.0, 0.0);
    for i in 0..60_u64 {
        let mut seen = disc(240.0, 240.0, 100.0);
        for (k, cell) in seen.cells.iter_mut().enumerate() {
            // The boundary is off by up to half a cell, in patches.
            let from = truth.cells[k];
            if (1..255).contains(&from) {
                *cell = (f32::from(from) + 90.0 * noise.normal()).clamp(0.0, 255.0) as u8;
            }
        }
        c.admit(ms(i * 100), &Value::Mask(seen.clone()));
        if i >= 30 {
            raw += apart(&seen, &truth, 100.0);
            carried += apart(&answer(&c, i * 100 + 100), &truth, 100.0);
            assert!(apart(&answer(&c, i * 100 + 100), &answer(&c, i * 100 + 400), 100.0) < 0.5, "held");
        }
    }
    assert!(carried < 0.8 * raw, "{carried} {raw}");
}

#[test]
fn a_small_correction_blends_and_a_large_one_shows_at_once() {
    for (radius, snaps) in [(108.0, false), (150.0, true)] {
        let mut c = carrier(ValueKind::Mask, 20.0);
        for i in 0..5_u64 {
            c.admit(ms(i * 100), &Value::Mask(disc(240.0, 240.0, 100.0)));
        }
        let before = area(&answer(&c, 500));
        c.admit(ms(500), &Value::Mask(disc(240.0, 240.0, radius)));
        let (first, settled) = (area(&answer(&c, 500)), area(&answer(&c, 600)));
        let at_once = (first - before) / (settled - before);
        assert!(if snaps { at_once > 0.9 } else { at_once < 0.6 }, "{at_once}: {before} {first} {settled}");
    }
}

#[test]
fn nothing_and_everything_are_masks_too() {
    let mut c = carrier(ValueKind::Mask, 12.0);
    let flat = |share: u8| Mask { cells: std::vec![share; 48 * 48], ..disc(0.0, 0.0, 1.0) };
    let mut targets = Vec::new();
    for (i, share) in [0_u8, 255, 0, 128, 127].into_iter().enumerate() {
        let t = i as u64 * 100;
        let report = c.admit(ms(t), &Value::Mask(flat(share)));
        assert!(report.error.is_none_or(f32::is_finite));
        c.targets(Point::default(), &mut targets);
        assert_eq!(targets.len(), usize::from(share >= 128));
        let shown = answer(&c, t + 150);
        assert!(shown.cells.iter().all(|c| (*c >= 128) == (share >= 128)), "{share}");
    }
}

#[test]
fn grids_that_contradict_themselves_are_refused() {
    let fault = |change: fn(&mut Mask)| {
        let mut mask = disc(240.0, 240.0, 100.0);
        change(&mut mask);
        Value::Mask(mask).fault()
    };
    assert_eq!(fault(|_| ()), None);
    let refused = Some(ValueFault::OutOfRange);
    assert_eq!(fault(|m| m.width = 0), refused);
    assert_eq!(fault(|m| m.width = 300), refused);
    assert_eq!(fault(|m| m.cells.truncate(9)), refused);
    assert_eq!(fault(|m| m.bounds.x1 = m.bounds.x0), refused);
    assert_eq!(fault(|m| m.bounds.x0 = f32::NAN), refused);
}
