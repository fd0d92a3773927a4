//! Decisions in answers: costs, hysteresis, reviews once a result, and the rule as the last rung.

mod common;

use core::time::Duration;

use inbetween_flow::{
    Action, Calibrator, Completion, Costs, DecideConfig, Engine, Event, Frame, Image, Outcome, PixelFormat,
    Plan, ReviewConfig, Rung, Timestamp, Value, ValueKind,
};

const PIXELS: [u8; 64 * 48] = [128; 64 * 48];

fn engine() -> Engine {
    let costs = Costs { review: Some(2.0), ..Costs::of_mistakes(5.0, 200.0) };
    let mut config = common::config(ValueKind::Probabilities);
    config.rule = Some(Value::Probabilities(vec![0.7, 0.3]));
    config.decide = Some(DecideConfig {
        calibrators: vec![Calibrator::Temperature { temperature: 2.0 }],
        review: Some(ReviewConfig { capacity_per_hour: 20.0, queue: 4, expected_load: 0.1 }),
        ..DecideConfig::new(1, costs)
    });
    Engine::new(config, 7).expect("a sound configuration")
}

/// One frame, run and completed with `p`, if it is run.
fn result(engine: &mut Engine, at: Timestamp, p: f32) {
    let frame = Frame::image(at, Image::packed(PixelFormat::Gray8, 64, 48, &PIXELS));
    if let Plan::Run(ticket) = engine.handle_frame(at, &frame).expect("a sound frame") {
        let outcome = Outcome::Value(Value::Probabilities(vec![1.0 - p, p]));
        engine.handle_completion(at + Duration::from_millis(5), Completion { ticket: ticket.id, outcome });
    }
}

fn reviews(engine: &mut Engine) -> usize {
    core::iter::from_fn(|| engine.poll_event()).filter(|e| matches!(e, Event::Review(_))).count()
}

#[test]
fn a_result_is_calibrated_decided_on_and_reviewed_once() {
    let mut engine = engine();
    let at = Timestamp::from_millis(100);
    result(&mut engine, at, 0.1);
    for refresh in 1..20 {
        let decision = engine.answer_at(at + Duration::from_millis(16 * refresh)).decision.expect("decided");
        assert_eq!((decision.action, decision.meanwhile), (Action::Review, Action::Positive));
        if refresh == 1 {
            assert!((decision.probability - 0.25).abs() < 0.01, "odds of 1 to 9 become 1 to 3: {decision:?}");
        }
    }
    assert_eq!(reviews(&mut engine), 1);
    assert_eq!(engine.take_review().map(|item| item.captured), Some(at));
    assert_eq!(engine.take_review(), None);
    let load = engine.decider().and_then(|d| d.queue()).expect("there are reviewers").load();
    assert_eq!((load.seen, load.asked, load.waiting), (1, 1, 0));
}

#[test]
fn the_rule_is_decided_on_as_it_is() {
    let mut engine = engine();
    let decision = engine.answer_at(Timestamp::from_millis(50)).decision.expect("the rule needs no model");
    assert_eq!(decision.rung, Rung::Rule);
    assert!((decision.probability - 0.3).abs() < 1e-6);
}

#[test]
fn without_costs_nothing_is_decided() {
    let mut engine = Engine::new(common::config(ValueKind::Probabilities), 7).expect("sound");
    let at = Timestamp::from_millis(100);
    result(&mut engine, at, 0.9);
    assert_eq!(engine.answer_at(at).decision, None);
}

#[test]
fn costs_that_cannot_be_used_are_refused_with_their_field() {
    let mut config = common::config(ValueKind::Probabilities);
    config.decide = Some(DecideConfig::new(1, Costs::of_mistakes(0.0, 1.0)));
    let error = Engine::new(config, 7).expect_err("a mistake that costs nothing");
    assert_eq!(error.field, "costs.false_positive");
}
