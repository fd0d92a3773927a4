//! Independent events: the ladder for each, no memory between them, breakers, reviews.

use core::time::Duration;

use inbetween_flow::{
    Action, Config, Costs, DecideConfig, Degraded, Event, EventEngine, Feature, FeatureContract,
    FeatureValue, Frame, InputContract, Outcome, ReviewConfig, RunFailure, Rung, Source, Timestamp, Value,
    ValueKind, Variant,
};
use proptest::prelude::*;

fn number(name: &str, required: bool) -> FeatureContract {
    FeatureContract { name: name.into(), required, range: Some((0.0, 100.0)), categories: vec![] }
}

/// The model needs two features, its variant one; the rule says 0.02.
fn engine() -> EventEngine {
    let mut config = Config::for_images(ValueKind::Probabilities, 0.5);
    config.input = InputContract::Features(vec![number("amount", true), number("history", true)]);
    config.rule = Some(Value::Probabilities(vec![0.98, 0.02]));
    config.model_version = 7;
    config.variants = vec![Variant {
        model_version: 8,
        initial_latency: Duration::from_millis(1),
        energy: 0.5,
        error_scale: 1.5,
    }];
    let costs = Costs { review: Some(2.0), ..Costs::of_mistakes(5.0, 200.0) };
    config.decide = Some(DecideConfig {
        review: Some(ReviewConfig { capacity_per_hour: 20.0, queue: 4, expected_load: 0.1 }),
        ..DecideConfig::new(1, costs)
    });
    let smaller = InputContract::Features(vec![number("amount", true)]);
    EventEngine::new(config, vec![smaller]).expect("a sound configuration")
}

fn feature(name: &str, x: f64) -> Feature<'_> {
    Feature { name, value: FeatureValue::Number(x) }
}

/// A model that says what the amount is in hundredths, and less of it without history.
fn says(amount: f64, variant: u8) -> Outcome {
    let p = if variant == 0 { amount as f32 / 100.0 } else { amount as f32 / 200.0 };
    Outcome::Value(Value::Probabilities(vec![1.0 - p, p]))
}

#[test]
fn each_event_takes_the_best_rung_that_its_data_allows() {
    let mut engine = engine();
    let at = Timestamp::from_millis(1);
    let (amount, history) = (feature("amount", 50.0), feature("history", 3.0));
    let mut answer = |features: &[Feature<'_>]| {
        let answer = engine.answer(at, &Frame::features(at, features), |v| says(50.0, v));
        let decision = answer.decision.expect("decided");
        (decision.rung, answer.model_version, answer.degraded, decision.probability as f32)
    };
    assert_eq!(answer(&[amount, history]), (Rung::Model, 7, None, 0.5));
    let input = Some(Degraded::Input);
    assert_eq!(answer(&[amount]), (Rung::SmallerVariant, 8, input, 0.25), "missing");
    assert_eq!(answer(&[amount, feature("history", f64::NAN)]), (Rung::SmallerVariant, 8, input, 0.25));
    assert_eq!(answer(&[amount, history, feature("new", 1.0)]), (Rung::SmallerVariant, 8, input, 0.25));
    assert_eq!(answer(&[history]), (Rung::Rule, 7, input, 0.02));
    assert_eq!(answer(&[feature("amount", 1e9), history]), (Rung::Rule, 7, input, 0.02), "out of range");
}

#[test]
fn a_model_that_keeps_failing_is_left_alone_and_tried_again() {
    let mut engine = engine();
    let features = [feature("amount", 50.0), feature("history", 3.0)];
    let mut tried = [0, 0];
    let mut events = Vec::new();
    for s in 0..100 {
        let at = Timestamp::from_millis(100 * s);
        let answer = engine.answer(at, &Frame::features(at, &features), |v| {
            tried[usize::from(v)] += 1;
            if v == 0 && s < 50 { Outcome::Failed(RunFailure::TimedOut) } else { says(50.0, v) }
        });
        assert_eq!(answer.source, Source::Model);
        assert_eq!(answer.degraded.is_some(), answer.variant == 1);
        events.extend(core::iter::from_fn(|| engine.poll_event()));
    }
    assert!(tried[0] < 60 && tried[1] > 40, "{tried:?}");
    assert!(events.contains(&Event::BreakerOpened(RunFailure::TimedOut)));
    assert!(events.contains(&Event::BreakerClosed));
}

#[test]
fn without_a_rule_there_is_no_answer_and_no_decision() {
    let mut config = Config::for_images(ValueKind::Probabilities, 0.5);
    config.input = InputContract::Features(vec![number("amount", true)]);
    config.decide = Some(DecideConfig::new(1, Costs::of_mistakes(5.0, 200.0)));
    let mut engine = EventEngine::new(config, vec![]).expect("sound");
    let at = Timestamp::from_millis(1);
    let answer = engine.answer(at, &Frame::features(at, &[]), |v| says(1.0, v));
    assert_eq!((answer.source, answer.decision), (Source::Unavailable, None));
    assert_eq!(answer.degraded, Some(Degraded::Input));
}

#[test]
fn events_at_the_same_time_are_reviewed_each() {
    let mut engine = engine();
    let at = Timestamp::from_millis(1);
    for _ in 0..3 {
        let features = [feature("amount", 10.0), feature("history", 3.0)];
        let answer = engine.answer(at, &Frame::features(at, &features), |v| says(10.0, v));
        assert_eq!(answer.decision.map(|d| d.action), Some(Action::Review));
    }
    assert_eq!(engine.decider().and_then(|d| d.queue()).map(|q| q.load().waiting), Some(3));
    assert!(engine.take_review().is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn what_came_before_changes_nothing(amounts in prop::collection::vec(prop::option::of(0.0..100.0), 1..40)) {
        let mut stream = engine();
        for (i, amount) in amounts.iter().enumerate() {
            let at = Timestamp::from_millis(i as u64);
            let mut features = vec![feature("history", 1.0)];
            features.extend(amount.map(|x| feature("amount", x)));
            let x = amount.unwrap_or(0.0);
            let frame = Frame::features(at, &features);
            let mut alone = engine().answer(at, &frame, |v| says(x, v));
            let answer = stream.answer(at, &frame, |v| says(x, v));
            prop_assert_eq!(answer.prediction.is_some(), alone.prediction.is_some());
            alone.prediction = answer.prediction; // a name, counted up
            prop_assert_eq!(answer, alone);
        }
    }
}
