//! What the monitor says of pictures and sound that change: by name, and of nothing else.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use core::time::Duration;

use inbetween_flow::{
    Audio, Completion, Engine, FeatureWatch, Frame, MonitorConfig, Outcome, Plan, Samples, Session,
    Timestamp, ValueKind,
    monitor::{AUDIO_FEATURES, IMAGE_FEATURES, Live, Signal, Verdict},
};

use common::{HEIGHT, WIDTH, config, frame, picture, square};

const MINUTE: Duration = Duration::from_mins(1);

/// Each window is compared with the one before.
fn watched(names: &[&str], edges: &[f64]) -> MonitorConfig {
    let feature =
        |name: &&str| FeatureWatch { name: (*name).into(), edges: edges.to_vec(), reference: Vec::new() };
    MonitorConfig {
        window: MINUTE,
        min_sessions: 50,
        session: Session::Event,
        features: names.iter().map(feature).collect(),
        ..MonitorConfig::default()
    }
}

fn drifts(live: &Live, now: Timestamp, names: &[&str]) -> Vec<Verdict> {
    let of = |name: &&str| Signal::parse(&format!("psi.{name}"), live.config()).unwrap();
    names.iter().map(|name| live.read(now, of(name)).verdict).collect()
}

/// Four windows: two of a scene, one of it as `change` makes it, and what drifted in that one.
fn seen(change: impl Fn(&mut [u8])) -> Vec<Verdict> {
    let mut config = config(ValueKind::Boxes);
    let edges = [0.005, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0];
    config.monitoring = Some(watched(&IMAGE_FEATURES, &edges));
    let mut engine = Engine::new(config, 5).unwrap();
    let mut at = Timestamp::from_millis(1_000);
    for window in 0..3 {
        let ends = at + MINUTE;
        let mut n = 0;
        while at < ends {
            n += 1;
            at = at + Duration::from_millis(100);
            let x = 20 + n / 40 % 6 * 7;
            let mut pixels = picture(x, 20);
            if window == 2 {
                change(&mut pixels);
            }
            if let Plan::Run(ticket) = engine.handle_frame(at, &frame(at, &pixels)).unwrap() {
                let outcome = Outcome::Value(square(x as f32, 20.0));
                engine.handle_completion(
                    at + Duration::from_millis(5),
                    Completion { ticket: ticket.id, outcome },
                );
            }
            engine.answer_at(at + Duration::from_millis(10));
        }
    }
    at = at + Duration::from_millis(200);
    engine.handle_timeout(at);
    drifts(engine.monitor().live().unwrap(), at, &IMAGE_FEATURES)
}

fn which(verdicts: &[Verdict]) -> Vec<&'static str> {
    let drifted = IMAGE_FEATURES.iter().zip(verdicts).filter(|(_, v)| **v == Verdict::Drift);
    drifted.map(|(name, _)| *name).collect()
}

#[test]
fn a_scene_that_stays_drifts_in_nothing() {
    let calm = seen(|_| {});
    assert_eq!(calm, [Verdict::Stable; 6]);
}

#[test]
fn light_that_goes_is_named() {
    let names = which(&seen(|pixels| pixels.iter_mut().for_each(|p| *p /= 6)));
    assert!(names.contains(&"image.brightness") && names.contains(&"image.dark"), "{names:?}");
    assert!(!names.contains(&"image.bright"), "{names:?}");
}

#[test]
fn a_lens_out_of_focus_is_named_and_its_light_is_not() {
    let names = which(&seen(|pixels| {
        for _ in 0..3 {
            let sharp = pixels.to_vec();
            let (w, h) = (WIDTH as usize, HEIGHT as usize);
            for y in 1..h - 1 {
                for x in 1..w - 1 {
                    let sum: u32 = (y - 1..=y + 1)
                        .flat_map(|v| (x - 1..=x + 1).map(move |u| (u, v)))
                        .map(|(u, v)| u32::from(sharp[v * w + u]))
                        .sum();
                    pixels[y * w + x] = (sum / 9) as u8;
                }
            }
        }
    }));
    assert!(names.contains(&"image.sharpness"), "{names:?}");
    assert!(!names.contains(&"image.brightness") && !names.contains(&"image.dark"), "{names:?}");
}

#[test]
fn a_microphone_that_is_off_is_named() {
    let edges = [-90.0, -60.0, -40.0, -30.0, -20.0, -10.0, 0.001, 0.1, 0.5, 0.9];
    let mut live = Live::new(watched(&AUDIO_FEATURES, &edges), 3).unwrap();
    let mut now = Timestamp::from_millis(1);
    live.tick(now, |_| {});
    let sound: Vec<i16> = (0..1_600).map(|i| (3_000.0 * libm::sinf(i as f32 * 0.37)) as i16).collect();
    for window in 0..3 {
        for _ in 0..600 {
            now = now + Duration::from_millis(100);
            let samples = if window == 2 { &[0; 1_600][..] } else { &sound };
            let audio = Audio { samples: Samples::I16(samples), sample_rate: 16_000 };
            live.frame(now, &Frame::audio(now, audio));
            live.tick(now, |_| {});
        }
        if window == 1 {
            assert_eq!(drifts(&live, now, &AUDIO_FEATURES), [Verdict::Stable; 3]);
        }
    }
    assert_eq!(drifts(&live, now, &AUDIO_FEATURES), [Verdict::Drift, Verdict::Stable, Verdict::Drift]);
}
