//! Tests of boxes with identity.
//! **Invariant:** times and places are exact; only `moving` adds noise.
//! It does not test pixels; fits are given.

use std::{vec, vec::Vec};

use super::{carrier, delayed, ms};
use crate::{
    answer::Carry,
    gate::{Fit, FitState, Target},
    geometry::{Point, Rect},
    source::{Backtest, Carrier},
    value::{Detection, Value, ValueKind},
};

fn square(x: f32, y: f32) -> Rect {
    Rect::from_center(Point::new(x, y), 40.0, 40.0)
}

fn det(bounds: Rect) -> Detection {
    Detection { bounds, score: 0.9, class: 0, identity: None }
}

fn admit(c: &mut Carrier, t: u64, boxes: &[Rect]) -> Backtest {
    c.admit(ms(t), &Value::Boxes(boxes.iter().copied().map(det).collect()))
}

fn answer(c: &Carrier, t: u64) -> Vec<Detection> {
    let mut out = Value::empty(ValueKind::Boxes);
    assert!(c.answer(ms(t), &mut out).is_some());
    match out {
        Value::Boxes(d) => d,
        other => panic!("{other:?}"),
    }
}

fn fit(identity: u32, x: f32, state: FitState) -> Fit {
    Fit { identity, moved: Point::new(x, 0.0), scale: 1.0, stretch: 1.0, residual: 0.05, sigma: 0.1, state }
}

fn x(d: &Detection) -> f32 {
    d.bounds.center().x
}

#[test]
fn a_steady_motion_is_predicted() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    let mut last = Backtest::default();
    for i in 0..12 {
        last = admit(&mut c, i * 100, &[square(100.0 + 20.0 * i as f32, 80.0)]);
    }
    assert!(last.error.is_some_and(|e| e < 0.3), "{last:?}");
    assert!((last.horizon - 0.1).abs() < 1e-4 && (last.age - 0.1).abs() < 1e-4);
    let a = answer(&c, 1150);
    assert!((x(&a[0]) - 330.0).abs() < 0.3, "{a:?}");
    let mut out = Value::empty(ValueKind::Boxes);
    assert_eq!(c.answer(ms(1150), &mut out).and_then(|c| c.carry), Some(Carry::Trend));
}

#[test]
fn the_first_result_is_held() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    let mut out = Value::empty(ValueKind::Boxes);
    assert!(c.answer(ms(0), &mut out).is_none());
    let report = admit(&mut c, 0, &[square(50.0, 50.0)]);
    assert_eq!((report.error, report.births), (None, 0));
    let carried = c.answer(ms(80), &mut out).unwrap();
    assert_eq!(carried.carry, Some(Carry::Hold));
    assert!((carried.horizon - 0.08).abs() < 1e-6 && carried.spread > 0.0);
    assert!(answer(&c, 80)[0].bounds.worst_corner(&square(50.0, 50.0)) < 1e-3);
}

#[test]
fn crossing_objects_keep_their_identities() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    let place = |i: u64| (100.0 + 15.0 * i as f32, 400.0 - 15.0 * i as f32);
    admit(&mut c, 0, &[square(100.0, 80.0), square(400.0, 90.0)]);
    let start = answer(&c, 0);
    let (a, b) = (start[0].identity, start[1].identity);
    for i in 1..=20 {
        let (xa, xb) = place(i);
        // The order of the detections says nothing.
        let boxes = if i % 2 == 0 {
            [square(xa, 80.0), square(xb, 90.0)]
        } else {
            [square(xb, 90.0), square(xa, 80.0)]
        };
        admit(&mut c, i * 50, &boxes);
    }
    let end = answer(&c, 1000);
    let at = |id| end.iter().find(|d| d.identity == id).map(|d| d.bounds.center());
    assert!(at(a).is_some_and(|p| (p.x - 400.0).abs() < 5.0), "{end:?}");
    assert!(at(b).is_some_and(|p| (p.x - 100.0).abs() < 5.0), "{end:?}");
}

#[test]
fn identities_are_never_used_again() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    let mut seen = Vec::new();
    for round in 0..5 {
        admit(&mut c, round * 10_000, &[square(50.0, 50.0), square(300.0, 50.0)]);
        for d in answer(&c, round * 10_000) {
            let id = d.identity.unwrap();
            assert!(!seen.contains(&id));
            seen.push(id);
        }
        if round % 2 == 0 {
            c.reset();
        } else {
            admit(&mut c, round * 10_000 + 4_000, &[]);
            admit(&mut c, round * 10_000 + 4_100, &[]);
        }
    }
    assert_eq!(seen.len(), 10);
}

#[test]
fn class_and_identity_stay_together() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    let two = |a: u32, b: u32| {
        Value::Boxes(vec![
            Detection { class: a, ..det(square(100.0, 100.0)) },
            Detection { class: b, ..det(square(110.0, 100.0)) },
        ])
    };
    c.admit(ms(0), &two(1, 2));
    let before = answer(&c, 0);
    c.admit(ms(100), &two(2, 1)); // the same places, classes swapped
    for d in answer(&c, 100) {
        let old = before.iter().find(|o| o.identity == d.identity);
        assert!(old.is_some_and(|o| o.class == d.class), "{d:?}");
    }
}

#[test]
fn one_miss_is_bridged_and_a_second_hides() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    for i in 0..5 {
        admit(&mut c, i * 100, &[square(100.0, 80.0)]);
    }
    let id = answer(&c, 400)[0].identity;
    assert_eq!(admit(&mut c, 500, &[]).deaths, 0);
    assert_eq!(answer(&c, 550)[0].identity, id);
    let report = admit(&mut c, 600, &[]);
    assert_eq!(report.deaths, 1);
    assert!(answer(&c, 650).is_empty());
    let again = admit(&mut c, 700, &[square(103.0, 80.0)]);
    assert_eq!(again.births, 1, "it was not answered");
    assert_eq!(answer(&c, 700)[0].identity, id, "but it is the same one");
}

#[test]
fn age_decides_about_deaths_not_counts() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    admit(&mut c, 0, &[square(100.0, 80.0)]);
    assert_eq!(admit(&mut c, 1000, &[]).deaths, 0, "the detector may have missed it");
    assert!(!answer(&c, 1200).is_empty());
    assert!(answer(&c, 1400).is_empty(), "but it is not waited for longer than a third of a second");
    let mut c = carrier(ValueKind::Boxes, 6.0);
    admit(&mut c, 0, &[square(100.0, 80.0)]);
    admit(&mut c, 100, &[]);
    assert!(!answer(&c, 200).is_empty());
    assert!(answer(&c, 1500).is_empty(), "without any further result it ends by time");
    admit(&mut c, 5000, &[square(100.0, 80.0)]);
    assert_ne!(answer(&c, 5000)[0].identity, Some(0), "long gone, so it is another one");
}

#[test]
fn faint_detections_need_a_second_sight_but_continue_a_track() {
    let faint = |x| Value::Boxes(vec![Detection { score: 0.3, ..det(square(x, 80.0)) }]);
    let mut c = carrier(ValueKind::Boxes, 6.0);
    c.admit(ms(0), &faint(100.0));
    assert!(answer(&c, 0).is_empty());
    assert_eq!(c.admit(ms(100), &faint(101.0)).births, 0);
    assert_eq!(answer(&c, 100).len(), 1);
    let mut c = carrier(ValueKind::Boxes, 6.0);
    admit(&mut c, 0, &[square(100.0, 80.0)]);
    for i in 1..10 {
        c.admit(ms(i * 100), &faint(100.0 + i as f32));
    }
    assert_eq!(answer(&c, 900)[0].identity, Some(0));
}

#[test]
fn a_birth_takes_the_velocity_of_its_neighbours() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    let pan = |i: u64, y: f32| square(300.0 - 20.0 * i as f32, y);
    for i in 0..8 {
        admit(&mut c, i * 100, &[pan(i, 50.0), pan(i, 150.0), pan(i, 250.0)]);
    }
    admit(&mut c, 800, &[pan(8, 50.0), pan(8, 150.0), pan(8, 250.0), pan(8, 350.0)]);
    let born = answer(&c, 850).into_iter().find(|d| d.bounds.center().y > 300.0).unwrap();
    assert!((x(&born) - (300.0 - 170.0)).abs() < 1.0, "{born:?}");
}

#[test]
fn followed_pixels_move_the_answer_and_the_backtest_looks_at_the_capture_time() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    admit(&mut c, 0, &[square(100.0, 80.0)]);
    let mut targets = Vec::new();
    c.targets(Point::default(), &mut targets);
    assert_eq!(targets.len(), 1);
    for i in 1..=12 {
        c.follow(ms(i * 16), &[fit(0, 4.0 * i as f32, FitState::Followed)]);
    }
    let a = answer(&c, 192 + 16);
    assert!((x(&a[0]) - 152.0).abs() < 0.1, "{a:?}");
    let mut out = Value::empty(ValueKind::Boxes);
    let carried = c.answer(ms(208), &mut out).unwrap();
    assert_eq!((carried.carry, carried.key_frame), (Some(Carry::Pixels), ms(0)));
    assert!((carried.horizon - 0.016).abs() < 1e-4);
    // The frame of 128 ms ran; its result says 131 where pixels said 132. It arrives after the frame of 192.
    let report = admit(&mut c, 128, &[square(131.0, 80.0)]);
    assert!(report.error.is_some_and(|e| (0.5..1.0).contains(&e)), "noise explains a part: {report:?}");
    assert!((report.horizon - 0.016).abs() < 1e-4 && (report.age - 0.128).abs() < 1e-4, "{report:?}");
    c.targets(Point::default(), &mut targets);
    let Target { bounds, guess, .. } = targets[0];
    assert!((131.0..132.0).contains(&bounds.center().x), "{bounds:?}");
    assert!((guess.x - 16.0).abs() < 0.1, "{guess:?}");
    let now = x(&answer(&c, 192 + 100)[0]);
    c.follow(ms(208), &[fit(0, 20.0, FitState::Followed)]);
    let then = x(&answer(&c, 208)[0]);
    assert!((then - (bounds.center().x + 20.0)).abs() < 0.6, "{then} {now}");
}

#[test]
fn a_lost_target_goes_on_with_its_last_velocity() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    admit(&mut c, 0, &[square(100.0, 80.0)]);
    for i in 1..=10 {
        c.follow(ms(i * 16), &[fit(0, 4.0 * i as f32, FitState::Followed)]);
    }
    for i in 11..=16 {
        c.follow(ms(i * 16), &[fit(0, -30.0, FitState::Lost)]);
    }
    let a = answer(&c, 256);
    assert!((x(&a[0]) - 164.0).abs() < 1.0, "{a:?}");
    let mut out = Value::empty(ValueKind::Boxes);
    let carried = c.answer(ms(256), &mut out).unwrap();
    assert!((carried.horizon - 0.096).abs() < 1e-4);
    assert_eq!(admit(&mut c, 240, &[]).deaths, 1, "lost by pixels and by the model: gone at once");
    assert_eq!(
        c.answer(ms(256), &mut out).map(|c| c.doubtful),
        Some(1),
        "but the next result has to confirm it"
    );
    assert!(answer(&c, 256).is_empty());
}

#[test]
fn what_is_hidden_at_its_second_look_is_in_doubt_once() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    admit(&mut c, 0, &[]);
    c.admit(ms(40), &Value::Boxes(vec![Detection { score: 0.55, ..det(square(100.0, 80.0)) }]));
    let doubtful =
        |c: &Carrier, at| c.answer(ms(at), &mut Value::empty(ValueKind::Boxes)).map(|c| c.doubtful);
    assert_eq!(
        (doubtful(&c, 100), doubtful(&c, 180)),
        (Some(0), Some(1)),
        "a second look is due after a moment"
    );
    admit(&mut c, 80, &[]);
    assert_eq!(
        (answer(&c, 100).len(), doubtful(&c, 100)),
        (0, Some(1)),
        "hidden, and the next result confirms it"
    );
    admit(&mut c, 120, &[]);
    assert_eq!(doubtful(&c, 400), Some(0), "it stays in doubt no longer");
}

#[test]
fn a_detector_that_misses_what_pixels_still_see_is_not_believed_at_once() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    admit(&mut c, 0, &[square(100.0, 80.0)]);
    for k in 1..=3_u64 {
        c.follow(ms(k * 100), &[fit(0, 0.0, FitState::Followed)]);
        assert_eq!(admit(&mut c, k * 100, &[]).deaths, u32::from(k == 3));
    }
}

#[test]
fn what_faded_before_it_was_missed_is_not_waited_for_as_a_familiar_one() {
    let deaths_after = |last: f32| {
        let mut c = carrier(ValueKind::Boxes, 6.0);
        for i in 0..=10 {
            let score = if i == 10 { last } else { 0.9 };
            let seen = Detection { score, ..det(square(100.0, 80.0)) };
            c.admit(ms(i * 100), &Value::Boxes(alloc::vec![seen]));
        }
        let missed = |k: u64| {
            c.follow(ms(1000 + k * 100), &[fit(0, 0.0, FitState::Followed)]);
            admit(&mut c, 1000 + k * 100, &[]).deaths
        };
        (1..=6).map(missed).collect::<alloc::vec::Vec<_>>().iter().position(|d| *d == 1)
    };
    assert_eq!((deaths_after(0.9), deaths_after(0.55)), (None, Some(2)));
}

#[test]
fn a_small_correction_blends_and_a_large_one_snaps() {
    let run = |to: f32| {
        let mut c = carrier(ValueKind::Boxes, 6.0);
        for i in 0..10 {
            admit(&mut c, i * 100, &[square(100.0, 80.0)]);
        }
        admit(&mut c, 1000, &[square(to, 80.0)]);
        c
    };
    let small = run(102.0);
    let (first, last) = (x(&answer(&small, 1000)[0]), x(&answer(&small, 1100)[0]));
    assert!((first - 100.0).abs() < 0.1 && last > first + 0.1, "{first} {last}");
    let mid = x(&answer(&small, 1050)[0]);
    assert!(first < mid && mid < last);
    let large = run(130.0);
    assert!(x(&answer(&large, 1000)[0]) > 120.0);
}

#[test]
fn a_late_result_is_only_judged() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    admit(&mut c, 0, &[square(100.0, 80.0)]);
    admit(&mut c, 200, &[square(100.0, 80.0)]);
    let before = answer(&c, 250);
    let report = admit(&mut c, 100, &[square(109.0, 80.0)]);
    assert!(report.error.is_some_and(|e| (e - 9.0).abs() < 0.5), "{report:?}");
    assert_eq!(answer(&c, 250), before);
}

#[test]
fn a_delayed_display_interpolates() {
    let mut c = delayed(ValueKind::Boxes, 6.0, 150);
    let place = |t: u64| 100.0 + 0.0005 * (t * t) as f32;
    for i in 0..=6 {
        admit(&mut c, 1000 + i * 100, &[square(place(i * 100), 80.0)]);
    }
    let mut out = Value::empty(ValueKind::Boxes);
    assert!(c.answer(ms(990), &mut out).is_none(), "before the first result there is nothing to interpolate");
    for t in (300..500).step_by(10) {
        let a = answer(&c, 1000 + t);
        assert!((x(&a[0]) - place(t)).abs() < 2.5, "{t}: {} for {}", x(&a[0]), place(t));
    }
    let carried = c.answer(ms(1450), &mut out).unwrap();
    assert_eq!((carried.carry, carried.horizon), (None, 0.0));
    assert!(c.answer(ms(1650), &mut out).is_some_and(|c| c.carry.is_some() && c.horizon > 0.0));
}

#[test]
fn more_objects_than_places_are_refused_quietly() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    for t in 0..4 {
        let boxes: Vec<Rect> =
            (0..300).map(|i| square(50.0 * (i % 20) as f32, 50.0 * (i / 20) as f32)).collect();
        admit(&mut c, t * 100, &boxes);
        assert!(answer(&c, t * 100).len() <= super::super::boxes::MOST_TRACKS);
    }
}

#[test]
fn a_gap_resets_trends() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    for i in 0..10 {
        admit(&mut c, i * 100, &[square(100.0 + 20.0 * i as f32, 80.0)]);
    }
    admit(&mut c, 2500, &[square(300.0, 80.0)]);
    assert!((x(&answer(&c, 2600)[0]) - 300.0).abs() < 0.5);
}

#[test]
fn who_comes_in_where_another_left_is_somebody_else() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    c.set_frame(Rect::new(0.0, 0.0, 320.0, 180.0));
    for i in 0..8 {
        admit(&mut c, i * 100, &[square(236.0 + 9.0 * i as f32, 80.0)]);
    }
    let left = answer(&c, 700)[0].identity;
    // It goes on at 90 px/s and is out by now; half of another one is in.
    admit(&mut c, 1300, &[Rect::new(298.0, 60.0, 320.0, 100.0)]);
    let now = answer(&c, 1300);
    assert_eq!(now.len(), 1);
    assert_ne!(now[0].identity, left);
    // What is not seen of it is as large as its other side says.
    admit(&mut c, 1400, &[Rect::new(290.0, 60.0, 320.0, 100.0)]);
    c.follow(ms(1500), &[fit(now[0].identity.unwrap(), -40.0, FitState::Followed)]);
    let moved = answer(&c, 1500)[0].bounds;
    assert!((moved.width() - 40.0).abs() < 4.0, "{moved:?}");
}

#[test]
fn a_pattern_that_scrolls_inside_an_outline_does_not_move_the_box() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    let place = square(100.0, 80.0);
    for i in 0..6 {
        admit(&mut c, i * 300, &[place]);
        let id = answer(&c, i * 300)[0].identity.unwrap();
        for k in 1..=9 {
            let at = ms(i * 300 + k * 33 + u64::from(k == 9) * 3);
            c.follow(at, &[fit(id, 2.0 * k as f32, FitState::Followed)]);
        }
        let off = answer(&c, i * 300 + 300)[0].bounds.worst_corner(&place);
        assert!(if i == 0 { off > 12.0 } else { off < 3.0 }, "after {i}: {off}");
    }
}

#[test]
fn a_bent_fit_of_a_young_key_frame_does_not_resize_the_box() {
    let mut c = carrier(ValueKind::Boxes, 6.0);
    admit(&mut c, 0, &[square(100.0, 80.0)]);
    let id = answer(&c, 0)[0].identity.unwrap();
    let bent = |residual| Fit { stretch: 1.2, residual, ..fit(id, 0.0, FitState::Followed) };
    let width = |c: &Carrier, t| answer(c, t)[0].bounds.width();
    c.follow(ms(33), &[bent(0.4)]);
    assert!((width(&c, 33) - 40.0).abs() < 0.5, "{}", width(&c, 33));
    // In time, or where hardly anything is left unexplained, it is the object that changes.
    c.follow(ms(600), &[bent(0.2)]);
    assert!(width(&c, 600) > 43.0, "{}", width(&c, 600));
}
