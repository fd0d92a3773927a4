//! Several variants of one model: which one runs when the device gets hot, slow or cool again.
#![allow(missing_docs, clippy::unwrap_used)] // a test fails where it cannot go on

mod common;

use core::time::Duration;

use common::{Dice, config, frame, ms, picture};
use inbetween_flow::{
    Completion, Config, Engine, Environment, Event, Outcome, Plan, RunFailure, Rung, SwitchReason, TicketId,
    Value, ValueKind, Variant,
};
use proptest::prelude::*;

/// A model of 40 ms and a variant of 16 ms at 0.4 of its energy with 1.6 times its error.
fn two_variants() -> Config {
    let mut config = config(ValueKind::Scalar);
    config.tolerance.epsilon = 1.0;
    config.budget.max_age = Duration::from_millis(250);
    config.budget.deadline = Duration::from_millis(100);
    config.scheduling.cache_bytes = 0;
    config.model_version = 11;
    let small = Variant {
        model_version: 21,
        initial_latency: Duration::from_millis(16),
        energy: 0.4,
        error_scale: 1.6,
    };
    config.variants = vec![small];
    config.scheduling.initial_latency = Duration::from_millis(40);
    config
}

/// A host with a camera of 30 fps and a worker whose speed the test decides.
struct Host {
    engine: Engine,
    now: u64,
    dice: Dice,
    running: Option<(u64, TicketId, u8)>,
    /// What a run takes, as a multiple of the usual.
    slow: f64,
    headroom: Option<f32>,
    /// Noise of the full model's results, as a share of the tolerance.
    noise: f32,
    broken: [bool; 3],
    runs: [u32; 3],
    /// Changes of variant: when, to which, why, at which headroom.
    changes: Vec<(u64, u8, SwitchReason, Option<f32>)>,
    rungs: Vec<Rung>,
}

impl Host {
    fn new(config: Config) -> Self {
        Self {
            engine: Engine::new(config, 3).unwrap(),
            now: 1_000,
            dice: Dice::new(5),
            running: None,
            slow: 1.0,
            headroom: Some(0.5),
            noise: 0.6,
            broken: [false; 3],
            runs: [0; 3],
            changes: Vec::new(),
            rungs: Vec::new(),
        }
    }

    /// Goes on for so many milliseconds; `each` changes the device before every frame.
    fn go(&mut self, length: u64, mut each: impl FnMut(&mut Self)) {
        let pixels = picture(30, 20);
        let end = self.now + length;
        while self.now < end {
            self.now += 33;
            each(self);
            if let Some((at, ticket, variant)) = self.running.filter(|(at, ..)| *at <= self.now) {
                self.running = None;
                let outcome = self.outcome(variant);
                self.engine.handle_completion(ms(at), Completion { ticket, outcome });
            }
            let environment = Environment { thermal_headroom: self.headroom, ..Environment::default() };
            self.engine.handle_environment(ms(self.now), environment);
            let plan = self.engine.handle_frame(ms(self.now), &frame(ms(self.now - 2), &pixels)).unwrap();
            if let Plan::Run(ticket) = plan {
                let usual = if ticket.variant == 0 { 40.0 } else { 16.0 };
                let takes = (usual * self.slow) as u64;
                self.running = Some((self.now + takes, ticket.id, ticket.variant));
                self.runs[usize::from(ticket.variant)] += 1;
            }
            while let Some(event) = self.engine.poll_event() {
                match event {
                    Event::VariantChanged { to, why, .. } => {
                        self.changes.push((self.now, to, why, self.headroom));
                    }
                    Event::RungChanged(rung) => self.rungs.push(rung),
                    Event::TicketExpired(id) if self.running.is_some_and(|(_, t, _)| t == id) => {
                        self.running = None;
                    }
                    _ => {}
                }
            }
        }
    }

    fn outcome(&mut self, variant: u8) -> Outcome {
        if self.broken[usize::from(variant)] {
            return Outcome::Failed(RunFailure::Model);
        }
        // Nearly normal: the sum of twelve.
        let normal = (0..12).map(|_| self.dice.below(1 << 20) as f32 / (1 << 20) as f32).sum::<f32>() - 6.0;
        let scale = if variant == 0 { 1.0 } else { 1.6 };
        Outcome::Value(Value::Scalar(5.0 + self.noise * scale * normal))
    }

    fn version(&mut self) -> (u8, u32) {
        let answer = self.engine.answer_at(ms(self.now + 5));
        (answer.variant, answer.model_version)
    }
}

#[test]
fn heat_steps_down_before_throttling_and_recovery_has_hysteresis() {
    let mut host = Host::new(two_variants());
    // Too noisy for the smaller variant: what changes, heat changes.
    host.noise = 0.8;
    host.go(20_000, |_| ());
    assert_eq!((host.changes.len(), host.version()), (0, (0, 11)), "{:?}", host.changes);

    host.go(40_000, |h| h.headroom = h.headroom.map(|x| (x + 0.4 / 1200.0).min(0.9)));
    let [(_, 1, SwitchReason::Heat, Some(at))] = host.changes[..] else { panic!("{:?}", host.changes) };
    assert!((0.79..0.85).contains(&at), "stepped down at {at}, throttling starts at 1");
    assert_eq!(host.version(), (1, 21));
    assert_eq!(host.rungs.last(), Some(&Rung::SmallerVariant));

    // A little cooler is not cool: it stays.
    host.headroom = Some(0.75);
    host.go(30_000, |_| ());
    assert_eq!(host.changes.len(), 1, "{:?}", host.changes);

    let cool = host.now;
    host.headroom = Some(0.6);
    host.go(30_000, |_| ());
    let (back, to, ..) = host.changes[1];
    assert_eq!((host.changes.len(), to), (2, 0), "{:?}", host.changes);
    assert!(back >= cool + 5_000, "back after {} ms", back - cool);
    assert_eq!(host.version(), (0, 11));
    assert_eq!(host.rungs.last(), Some(&Rung::Model));
}

#[test]
fn severe_heat_goes_to_the_smallest_at_once() {
    let mut config = two_variants();
    let tiny = Variant { model_version: 31, energy: 0.1, error_scale: 3.0, ..config.variants[0] };
    config.variants.push(tiny);
    let mut host = Host::new(config);
    host.go(5_000, |_| ());
    host.headroom = Some(0.97);
    host.go(1_000, |_| ());
    assert!(matches!(host.changes[..], [(_, 2, SwitchReason::Heat, _)]), "{:?}", host.changes);
    assert_eq!(host.version(), (2, 31));
}

#[test]
fn a_variant_that_would_miss_the_deadline_is_not_run() {
    let mut host = Host::new(two_variants());
    host.headroom = None;
    host.go(10_000, |_| ());
    // Slower than the deadline allows the full model, by far not the smaller one.
    host.slow = 2.9;
    host.go(20_000, |_| ());
    let (_, to, why, _) = host.changes[0];
    assert_eq!((host.changes.len(), to), (1, 1), "{:?}", host.changes);
    assert!(matches!(why, SwitchReason::Deadline | SwitchReason::Heat));
    let before = host.runs[0];
    host.go(20_000, |_| ());
    assert_eq!(host.runs[0], before, "no run of the full model while it would be late");
    // What the small one takes tells what the large one would.
    host.slow = 1.0;
    host.go(40_000, |_| ());
    assert_eq!(host.changes.len(), 2, "{:?}", host.changes);
    assert_eq!(host.version(), (0, 11));
}

#[test]
fn the_deadline_alone_forbids_the_full_model_from_the_start() {
    let mut config = two_variants();
    config.budget.deadline = Duration::from_millis(30);
    let mut host = Host::new(config);
    host.go(20_000, |_| ());
    assert_eq!(host.runs[0], 0);
    assert!(host.runs[1] > 40, "{:?}", host.runs);
    assert!(matches!(host.changes[..], [(_, 1, SwitchReason::Deadline, _)]), "{:?}", host.changes);
}

#[test]
fn the_smaller_variant_does_when_it_keeps_the_promise() {
    let mut host = Host::new(two_variants());
    host.noise = 0.05;
    host.go(30_000, |_| ());
    assert!(matches!(host.changes[..], [(_, 1, SwitchReason::Cost, _)]), "{:?}", host.changes);
    // When the results get worse, the larger one is worth its energy.
    host.noise = 0.6;
    host.go(60_000, |_| ());
    assert!(matches!(host.changes[1..], [(_, 0, SwitchReason::Cost, _)]), "{:?}", host.changes);
}

#[test]
fn a_failing_model_gives_way_before_the_breaker_opens() {
    let mut host = Host::new(two_variants());
    host.go(5_000, |_| ());
    host.broken[0] = true;
    host.go(3_000, |_| ());
    assert!(matches!(host.changes[..], [(_, 1, SwitchReason::Failing, _)]), "{:?}", host.changes);
    assert_eq!(host.version(), (1, 21));
    assert!(!host.rungs.contains(&Rung::Unavailable) || host.rungs.last() == Some(&Rung::SmallerVariant));
}

#[test]
fn one_model_is_never_changed() {
    let mut config = two_variants();
    config.variants.clear();
    let mut host = Host::new(config);
    host.headroom = Some(1.2);
    host.go(20_000, |h| h.slow = 1.0 + h.now as f64 / 20_000.0);
    assert!(host.changes.is_empty() && host.runs[1] == 0);
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let bad = |change: fn(&mut Variant)| {
        let mut config = two_variants();
        change(&mut config.variants[0]);
        config.validate().map_err(|e| e.field)
    };
    assert_eq!(two_variants().validate(), Ok(()));
    assert_eq!(bad(|v| v.energy = 1.5), Err("variants.energy"));
    assert_eq!(bad(|v| v.energy = f32::NAN), Err("variants.energy"));
    assert_eq!(bad(|v| v.error_scale = 0.0), Err("variants.error_scale"));
    assert_eq!(bad(|v| v.initial_latency = Duration::from_hours(1)), Err("variants.initial_latency"));
    let mut many = two_variants();
    many.variants = vec![many.variants[0]; 8];
    assert_eq!(many.validate().map_err(|e| e.field), Err("variants"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever heat, speed and noise do, the larger variant comes back once in a dwell at most.
    #[test]
    fn it_does_not_flap(weather in proptest::collection::vec((0.4_f32..1.1, 0.5_f64..3.5, 0.02_f32..0.6, 200_u64..4_000), 10..40)) {
        let mut host = Host::new(two_variants());
        let start = host.now;
        for (headroom, slow, noise, length) in weather {
            (host.headroom, host.slow, host.noise) = (Some(headroom), slow, noise);
            host.go(length, |_| ());
        }
        let raised: Vec<u64> = host.changes.iter().filter(|c| c.1 == 0).map(|c| c.0).collect();
        let seconds = (host.now - start) / 1_000;
        prop_assert!(raised.len() as u64 <= seconds / 5 + 1, "{:?}", host.changes);
        prop_assert!(raised.windows(2).all(|w| w[1] - w[0] >= 5_000), "{:?}", host.changes);
        for c in &host.changes {
            prop_assert!(c.1 == 1 || c.3.is_some_and(|h| h < 0.80), "up while hot: {:?}", c);
        }
    }
}
