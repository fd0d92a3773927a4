//! Simulated motion with detector noise: does carrying beat holding, and do still things stand still?
//! **Invariant:** all randomness is seeded; truth is exact.
//! It does not render pixels: where they are followed, the follower's error is simulated too.

use std::vec;

use super::{Noise, carrier, ms};
use crate::{
    gate::{Fit, FitState},
    geometry::{Point, Rect},
    value::{Detection, Value, ValueKind},
};

/// Root-mean-square errors of the worst corner at every display refresh, carried and held, in pixels.
struct Outcome {
    carried: f32,
    held: f32,
    jitter: f32,
    /// Root mean square of the spreads that the carrier claimed.
    claimed: f32,
}

/// Runs `path` for `seconds` at 60 fps with a result for every `every`-th frame, 35 ms late.
fn run(path: impl Fn(f32) -> Point, every: u64, follow: bool, seed: u32) -> Outcome {
    let mut noise = Noise(seed);
    let mut c = carrier(ValueKind::Boxes, 6.0);
    let truth = |t: u64| Rect::from_center(path(t as f32 * 1e-3), 50.0, 60.0);
    let mut pending: Option<(u64, Rect)> = None;
    let mut held = truth(0);
    let mut key = 0;
    let mut known = false;
    let (mut sum, mut sum_held, mut n, mut jitter, mut claimed) =
        (0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32);
    let mut out = Value::empty(ValueKind::Boxes);
    let mut last: Option<Rect> = None;
    for frame in 0..1200_u64 {
        let now = frame * 50 / 3;
        if let Some((t, bounds)) = pending.take_if(|(t, _)| now >= *t + 35) {
            let d = Detection { bounds, score: 0.9, class: 0, identity: None };
            c.admit(ms(t), &Value::Boxes(vec![d]));
            (held, key, known) = (bounds, t, true);
        }
        if frame % every == 0 {
            let mut n = || 1.2 * noise.normal();
            let r = truth(now);
            pending.get_or_insert((now, Rect::new(r.x0 + n(), r.y0 + n(), r.x1 + n(), r.y1 + n())));
        }
        if follow && known {
            let (a, b) = (truth(key).center(), truth(now).center());
            let moved = b - a + Point::new(0.15 * noise.normal(), 0.15 * noise.normal());
            let fit = Fit {
                identity: 0,
                moved,
                scale: 1.0,
                stretch: 1.0,
                residual: 0.1,
                sigma: 0.15,
                state: FitState::Followed,
            };
            c.follow(ms(now), &[fit]);
        }
        let display = now + 16;
        if let Some(carried) = c.answer(ms(display), &mut out).filter(|_| known && frame > 120) {
            claimed += carried.spread * carried.spread;
            let Value::Boxes(d) = &out else { panic!() };
            assert_eq!(d.len(), 1, "at {now}");
            assert_eq!(d[0].identity, Some(0));
            let (e, h) = (d[0].bounds.worst_corner(&truth(display)), held.worst_corner(&truth(display)));
            sum += e * e;
            sum_held += h * h;
            n += 1.0;
            if let Some(l) = last {
                let step = d[0].bounds.worst_corner(&l);
                jitter += step * step;
            }
            last = Some(d[0].bounds);
        }
    }
    let root = |s: f32| libm::sqrtf(s / n);
    Outcome { carried: root(sum), held: root(sum_held), jitter: root(jitter), claimed: root(claimed) }
}

fn still(_: f32) -> Point {
    Point::new(200.0, 120.0)
}

fn steady(t: f32) -> Point {
    Point::new(60.0 + 120.0 * t, 100.0 + 20.0 * t)
}

fn swing(t: f32) -> Point {
    Point::new(300.0 + 120.0 * libm::sinf(1.5 * t), 150.0 + 40.0 * libm::cosf(1.1 * t))
}

fn stop_and_go(t: f32) -> Point {
    let turn = libm::floorf(t / 2.0);
    Point::new(60.0 + 160.0 * (turn + (t - 2.0 * turn).min(1.0)), 90.0)
}

#[test]
fn prediction_beats_hold() {
    for (name, path, ratio) in [
        ("steady", steady as fn(f32) -> Point, 0.3),
        ("swing", swing as fn(f32) -> Point, 0.55),
        ("stop and go", stop_and_go as fn(f32) -> Point, 0.8),
    ] {
        for seed in 1..4 {
            let o = run(path, 6, false, seed);
            assert!(o.carried < ratio * o.held, "{name}: carried {} held {}", o.carried, o.held);
        }
    }
}

#[test]
fn following_pixels_needs_ten_times_fewer_results() {
    for (name, path) in
        [("steady", steady as fn(f32) -> Point), ("swing", swing), ("stop and go", stop_and_go)]
    {
        for seed in 1..4 {
            let o = run(path, 6, false, seed);
            let p = run(path, 60, true, seed);
            assert!(
                p.carried < (1.3 * o.carried).min(2.2),
                "{name}: pixels {} trend {}",
                p.carried,
                o.carried
            );
        }
    }
}

#[test]
fn still_things_stand_still() {
    for seed in 1..4 {
        for (every, follow) in [(6, false), (12, true)] {
            let o = run(still, every, follow, seed);
            assert!(o.carried < 0.85 * o.held, "carried {} held {}", o.carried, o.held);
            assert!((0.4..2.0).contains(&(o.claimed / o.carried)), "claimed {} was {}", o.claimed, o.carried);
            assert!(o.jitter < 0.55, "jitter {}", o.jitter);
        }
    }
}
