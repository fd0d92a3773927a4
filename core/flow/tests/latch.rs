//! What the response plan did outlives the process, and nothing else does.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use inbetween_flow::{
    Bound, Completion, Config, Engine, Event, EventEngine, FeatureContract, Frame, InputContract,
    LATCHED_BYTES, LatchError, MonitorConfig, Outcome, Plan, Response, ResponseRule, Restored, RunFailure,
    Session, Severity, SkipReason, Source, Timestamp, Value, ValueKind, Variant,
};

const MODEL: u64 = 0x5EED;

fn config(response: Response, variants: usize) -> Config {
    let mut config = Config::for_images(ValueKind::Scalar, 0.1);
    let amount =
        FeatureContract { name: "amount".to_owned(), required: false, range: None, categories: Vec::new() };
    config.input = InputContract::Features(vec![amount]);
    config.budget.max_age = Duration::from_millis(400);
    config.rule = Some(Value::Scalar(0.0));
    config.scheduling.cache_bytes = 0;
    let smaller = Variant {
        model_version: 7,
        initial_latency: Duration::from_millis(2),
        energy: 0.5,
        error_scale: 1.0,
    };
    config.variants = vec![smaller; variants];
    config.monitoring = Some(MonitorConfig {
        window: Duration::from_mins(1),
        session: Session::Event,
        responses: vec![ResponseRule {
            signal: "panics".to_owned(),
            bound: Bound::Above(0.0),
            hold: Duration::ZERO,
            severity: Severity::Page,
            owner: "vision".to_owned(),
            response,
        }],
        ..MonitorConfig::default()
    });
    config
}

/// An engine whose model panics or works, at an event every half second.
struct Host {
    engine: Engine,
    now: Timestamp,
}

impl Host {
    fn new(config: Config) -> Self {
        Self { engine: Engine::new(config, 1).unwrap(), now: Timestamp::from_millis(1_000) }
    }

    /// As a process that starts anew, with what the one before left.
    fn after(config: Config, bytes: &[u8]) -> (Self, Restored) {
        let mut host = Self::new(config);
        let restored = host.engine.restore(MODEL, bytes).unwrap();
        (host, restored)
    }

    fn event(&mut self, panics: impl Fn(u8) -> bool) -> Plan {
        self.now = self.now + Duration::from_millis(500);
        let plan = self.engine.handle_frame(self.now, &Frame::features(self.now, &[])).unwrap();
        if let Plan::Run(ticket) = plan {
            let outcome = if panics(ticket.variant) {
                Outcome::Failed(RunFailure::Panicked)
            } else {
                Outcome::Value(Value::Scalar(1.0))
            };
            let now = self.now + Duration::from_millis(5);
            self.engine.handle_completion(now, Completion { ticket: ticket.id, outcome });
        }
        plan
    }

    fn run(&mut self, panics: impl Fn(u8) -> bool) {
        (0..120).for_each(|_| {
            self.event(&panics);
        });
    }

    fn source(&mut self) -> Source {
        self.engine.answer_at(self.now + Duration::from_millis(10)).source
    }

    fn alerts(&mut self) -> usize {
        std::iter::from_fn(|| self.engine.poll_event()).filter(|e| matches!(e, Event::Alert { .. })).count()
    }
}

#[test]
fn a_model_that_panics_is_disabled_and_stays_so_after_a_restart() {
    let config = config(Response::Disable, 0);
    let mut before = Host::new(config.clone());
    before.run(|_| false);
    assert_eq!((before.source(), before.alerts()), (Source::Model, 0));
    let full = before.engine.latched(MODEL);
    before.run(|_| true);
    assert_eq!((before.source(), before.alerts()), (Source::Rule, 1));
    let bytes = before.engine.latched(MODEL);
    assert_ne!(bytes, full);

    let (mut after, restored) = Host::after(config.clone(), &bytes);
    assert_eq!(restored, Restored::Latched);
    for _ in 0..1_000 {
        assert_eq!(after.event(|_| false), Plan::Skip(SkipReason::Disabled));
    }
    assert_eq!((after.source(), after.alerts()), (Source::Rule, 0), "it was told before");
    assert_eq!(after.engine.latched(MODEL), bytes, "and the next start knows it, too");

    // What stood before it was disabled, and nothing at all, disable nothing.
    let (mut fresh, restored) = Host::after(config, &full);
    assert_eq!(restored, Restored::Nothing);
    fresh.run(|_| false);
    assert_eq!(fresh.source(), Source::Model);
}

#[test]
fn another_version_or_plan_or_other_bytes_of_the_model_begin_anew() {
    let first = config(Response::Disable, 0);
    let mut before = Host::new(first.clone());
    before.run(|_| true);
    let bytes = before.engine.latched(MODEL);
    let mut next = first.clone();
    next.model_version += 1;
    let mut stricter = first.clone();
    stricter.monitoring.as_mut().unwrap().responses[0].bound = Bound::Above(0.5);
    for config in [next, stricter] {
        let (mut after, restored) = Host::after(config, &bytes);
        assert_eq!(restored, Restored::Cleared);
        after.run(|_| false);
        assert_eq!(after.source(), Source::Model);
    }
    assert_eq!(Host::new(first).engine.restore(MODEL + 1, &bytes), Ok(Restored::Cleared));
}

#[test]
fn a_rolled_back_model_does_not_run_again() {
    let config = config(Response::RollBack, 1);
    let mut before = Host::new(config.clone());
    for n in 0..120 {
        // Now and then: a model that fails twice in a row would be left by itself, for a while.
        before.event(|variant| variant == 0 && n % 3 == 0);
    }
    assert_eq!((before.source(), before.alerts()), (Source::Model, 1), "the variant answers");
    let bytes = before.engine.latched(MODEL);
    let (mut after, restored) = Host::after(config.clone(), &bytes);
    assert_eq!(restored, Restored::Latched);
    let mut runs = 0;
    for _ in 0..600 {
        if let Plan::Run(ticket) = after.event(|_| false) {
            assert_eq!(ticket.variant, 1);
            runs += 1;
        }
    }
    assert!(runs > 500, "{runs}");

    // The same for independent events.
    let mut events = EventEngine::new(config.clone(), Vec::new()).unwrap();
    assert_eq!(events.restore(MODEL, &bytes), Ok(Restored::Latched));
    let at = Timestamp::from_millis(5);
    let answer = events.answer(at, &Frame::features(at, &[]), |variant| {
        assert_eq!(variant, 1);
        Outcome::Value(Value::Scalar(1.0))
    });
    assert_eq!((answer.source, answer.variant), (Source::Model, 1));
    assert_eq!(events.latched(MODEL), bytes);
}

#[test]
fn bytes_that_are_not_sound_are_refused_and_change_nothing() {
    let mut before = Host::new(config(Response::Disable, 0));
    before.run(|_| true);
    let bytes = before.engine.latched(MODEL);
    let mut after = Host::new(config(Response::Disable, 0));
    let short = &bytes[..LATCHED_BYTES - 1];
    assert_eq!(after.engine.restore(MODEL, short), Err(LatchError::Length { found: LATCHED_BYTES - 1 }));
    assert_eq!(after.engine.restore(MODEL, &[0; LATCHED_BYTES]), Err(LatchError::Format));
    let mut changed = bytes;
    changed[12] ^= 2;
    assert_eq!(after.engine.restore(MODEL, &changed), Err(LatchError::Corrupt));
    after.run(|_| false);
    assert_eq!(after.source(), Source::Model);
}
