//! A hot device: with a smaller variant the engine steps down before throttling starts and keeps the promise better.
//! **Invariant:** both engines meet the same scene, detector noise and device.
//! It does not go through `run`, whose policies have one model: the loop here is the least that shows the two.
#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on fails

use core::time::Duration;

use inbetween_flow::{
    Completion, Engine, Environment, Event, Feature, FeatureContract, FeatureValue, Frame, InputContract,
    Outcome, Plan, SwitchReason, Timestamp, Value, Variant,
};
use inbetween_sim::{Detector, Scene, SceneSpec, SimulatedDetector, policy::engine_config};

const SCENE: &str = r#"
name = "throttled"
duration_s = 240
[tolerance]
epsilon_px = 7
deadline_ms = 120
max_age_ms = 1000
[detector]
miss_rate = 0
noise_px = NOISE
[[objects]]
size_px = 60
x = 0.5
y = 0.5
motion = [{ sinusoid = { amplitude_px = 60, period_s = 2.5, direction_deg = 0 } }]
"#;

/// A device that heats up with what it spends and slows down near 1: first order, forty seconds.
struct Device {
    headroom: f64,
    at: Timestamp,
}

impl Device {
    /// Temperature without work, what one full run a second adds to it in the end, and its time constant.
    const IDLE: f64 = 0.4;
    const PER_RUN: f64 = 0.1;
    const SECONDS: f64 = 40.0;

    fn advance(&mut self, now: Timestamp, energy: f64) {
        let dt = now.since(self.at).as_secs_f64();
        self.at = now;
        self.headroom += Self::PER_RUN * energy / Self::SECONDS;
        self.headroom += (Self::IDLE - self.headroom) * dt / Self::SECONDS;
    }

    fn takes(&self, ms: f64) -> Duration {
        let throttled = 1.0 + 8.0 * (self.headroom - 0.95).max(0.0);
        Duration::from_nanos((ms * throttled * 1e6) as u64)
    }
}

/// What one engine made of the scene.
#[derive(Debug, Default)]
struct Outcomes {
    refreshes: u32,
    violations: u32,
    runs: [u32; 2],
    hottest: f64,
    /// Changes of variant: why, and the device's headroom then.
    changes: Vec<(SwitchReason, f64)>,
}

fn play(variants: Vec<Variant>) -> Outcomes {
    let build = |noise: &str| -> Scene { SceneSpec::parse(&SCENE.replace("NOISE", noise)).unwrap().build(1) };
    let (mut scene, coarse) = (build("1.0"), build("1.6"));
    let mut detectors = [SimulatedDetector::new(&scene), SimulatedDetector::new(&coarse)];
    let mut config = engine_config(scene.spec());
    // Without pixels every bend of the path needs a run.
    let feature =
        FeatureContract { name: "n".to_owned(), required: true, range: None, categories: Vec::new() };
    config.input = InputContract::Features(vec![feature]);
    config.scheduling.initial_latency = Duration::from_millis(45);
    config.scheduling.cache_bytes = 0;
    config.variants = variants;
    let epsilon = config.tolerance.epsilon;
    let mut engine = Engine::new(config, 1).unwrap();
    let mut device = Device { headroom: Device::IDLE, at: Timestamp::ZERO };
    let mut frame = scene.frame(0);
    let (mut running, mut refresh, mut truth, mut out) = (None, 0, Vec::new(), Outcomes::default());
    for index in 0..scene.frames() {
        let Some(now) = scene.arrives(index) else { continue };
        while refresh < scene.refreshes() && scene.refresh(refresh) <= now {
            let display = scene.refresh(refresh);
            refresh += 1;
            if running.as_ref().is_some_and(|(ends, _)| *ends <= display) {
                let (ends, completion) = running.take().unwrap();
                engine.handle_completion(ends, completion);
            }
            scene.truth_at(display, &mut truth);
            let answer = engine.answer_at(display);
            let off = match &answer.value {
                Some(Value::Boxes(boxes)) if !boxes.is_empty() => {
                    boxes[0].bounds.worst_corner(&truth[0].bounds) > epsilon
                }
                _ => true,
            };
            out.refreshes += 1;
            out.violations += u32::from(off);
        }
        scene.unrendered(index, &mut frame);
        device.advance(now, 0.0);
        let headroom = Some(device.headroom as f32);
        engine.handle_environment(now, Environment { thermal_headroom: headroom, ..Environment::default() });
        out.hottest = out.hottest.max(device.headroom);
        let features = [Feature { name: "n", value: FeatureValue::Number(index as f64) }];
        if let Plan::Run(ticket) =
            engine.handle_frame(now, &Frame::features(frame.captured, &features)).unwrap()
        {
            let small = usize::from(ticket.variant);
            out.runs[small] += 1;
            let (ms, energy) = [(45.0, 1.0), (16.0, 0.35)][small];
            let outcome = Outcome::Value(Value::Boxes(detectors[small].detect(&frame)));
            running = Some((now + device.takes(ms), Completion { ticket: ticket.id, outcome }));
            device.advance(now, energy);
        }
        while let Some(event) = engine.poll_event() {
            if let Event::VariantChanged { why, .. } = event {
                out.changes.push((why, device.headroom));
            }
        }
    }
    out
}

#[test]
fn a_smaller_variant_keeps_a_hot_device_from_throttling() {
    let small = Variant {
        model_version: 2,
        initial_latency: Duration::from_millis(16),
        energy: 0.35,
        error_scale: 1.6,
    };
    let (alone, both) = (play(Vec::new()), play(vec![small]));
    let share = |o: &Outcomes| f64::from(o.violations) / f64::from(o.refreshes);
    assert!(alone.hottest > 1.0, "the device must get hot: {alone:?}");
    assert!(both.hottest < 0.95, "it throttled: {both:?}");
    assert!(share(&both) < share(&alone), "{alone:?} {both:?}");
    assert!(both.runs[0] > 0 && both.runs[1] > 0, "{both:?}");
    // The full model runs while it is cool, and gives way when heat makes it dear: long before throttling.
    assert!((0.7..0.85).contains(&both.changes[0].1), "{both:?}");
    // Four minutes with a dwell of five seconds: it does not flap.
    assert!(both.changes.len() <= 24, "{both:?}");
}
