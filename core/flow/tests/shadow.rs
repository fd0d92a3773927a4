//! A candidate in the model's shadow: it runs in slack, under its cap, and changes nothing that the app sees.

mod common;

use core::time::Duration;

use inbetween_flow::{
    Answer, Completion, Engine, Environment, Event, Outcome, Plan, Timestamp, ValueKind,
    rollout::{ShadowConfig, ShadowTicket},
};

use common::{config, frame, ms, picture, square};

const LATENCY: Duration = Duration::from_millis(20);

fn shadow() -> ShadowConfig {
    ShadowConfig {
        energy_mj_per_run: 10.0,
        energy_mj_per_s: 10.0,
        initial_latency: Duration::from_millis(30),
        duty: 0.2,
    }
}

/// What a stream came to.
struct Run {
    plans: Vec<Plan>,
    answers: Vec<Answer>,
    shadowed: u64,
    engine: Engine,
}

/// Twenty seconds of a square that jumps now and then, with a candidate or without. `off` is how far its boxes are off.
fn stream(candidate: Option<f32>, environment: Environment) -> Run {
    let mut engine = Engine::new(config(ValueKind::Boxes), 5).expect("sound");
    if candidate.is_some() {
        engine = engine.with_shadow(shadow()).expect("sound");
    }
    engine.handle_environment(ms(1), environment);
    let (mut plans, mut answers, mut shadowed) = (Vec::new(), Vec::new(), 0);
    let mut ends: Option<(Timestamp, Completion)> = None;
    let mut running: Option<(Timestamp, ShadowTicket)> = None;
    for n in 0..600_u64 {
        let at = ms(1000 + 33 * n);
        if let Some((end, completion)) = ends.take_if(|(end, _)| *end <= at) {
            engine.handle_completion(end, completion);
            if let Some(ticket) = engine.ask_shadow(end) {
                assert!(running.is_none(), "one at a time");
                shadowed += 1;
                running = Some((end + Duration::from_millis(30), ticket));
            }
        }
        if let Some((end, ticket)) = running.take_if(|(end, _)| *end <= at) {
            let value = square(20.0 + candidate.unwrap_or(0.0), 20.0);
            engine.handle_shadow(end, ticket.end(Outcome::Value(value)));
        }
        let x = 20 + 7 * (n as u32 / 40 % 6);
        let pixels = picture(x, 20);
        let plan = engine.handle_frame(at, &frame(at, &pixels)).expect("sound");
        if let Plan::Run(ticket) = plan {
            // The model says where the square is; the candidate will say where it was at first.
            let outcome = Outcome::Value(square(x as f32, 20.0));
            ends = Some((at + LATENCY, Completion { ticket: ticket.id, outcome }));
        }
        plans.push(plan);
        answers.push(engine.answer_at(at + Duration::from_millis(16)).clone());
        while let Some(event) = engine.poll_event() {
            if let Event::CancelShadow(_) = event {
                running = None;
            }
        }
    }
    Run { plans, answers, shadowed, engine }
}

#[test]
fn whatever_a_candidate_says_the_app_sees_the_same() {
    let alone = stream(None, Environment::default());
    assert_eq!(alone.engine.shadow(), None);
    for off in [0.0, 500.0, f32::NAN] {
        let beside = stream(Some(off), Environment::default());
        assert!(beside.shadowed > 5, "{}", beside.shadowed);
        assert_eq!(beside.plans, alone.plans, "candidate off by {off}");
        assert_eq!(beside.answers, alone.answers, "candidate off by {off}");
        let counts = beside.engine.shadow().expect("there is one");
        assert_eq!(counts.runs, beside.shadowed);
        assert_eq!(counts.compared + counts.failed + counts.cancelled, counts.runs, "{counts:?}");
        match off {
            0.0 => assert!(counts.agreed > 0, "{counts:?}"),
            _ if off.is_nan() => assert!(counts.failed > 0 && counts.compared == 0, "{counts:?}"),
            _ => assert!(counts.agreed == 0 && counts.compared > 0, "{counts:?}"),
        }
    }
}

#[test]
fn energy_is_capped() {
    let run = stream(Some(0.0), Environment::default());
    let counts = run.engine.shadow().expect("there is one");
    // Twenty seconds of ten millijoules each, and nothing saved up before.
    assert!(counts.energy_mj <= 200.0 && counts.energy_mj > 0.0, "{counts:?}");
}

#[test]
fn heat_and_saving_power_leave_no_slack() {
    let hot = Environment { thermal_headroom: Some(0.75), ..Environment::default() };
    let saving = Environment { power_saving: true, ..Environment::default() };
    for environment in [hot, saving] {
        assert_eq!(stream(Some(0.0), environment).shadowed, 0);
    }
}

#[test]
fn the_model_comes_first() {
    let mut engine =
        Engine::new(config(ValueKind::Boxes), 5).and_then(|e| e.with_shadow(shadow())).expect("sound");
    let mut cancelled = false;
    let mut held = None;
    for n in 0..200_u64 {
        let at = ms(1000 + 33 * n);
        let pixels = picture(if n < 100 { 20 } else { 60 }, 20);
        if let Plan::Run(ticket) = engine.handle_frame(at, &frame(at, &pixels)).expect("sound") {
            let outcome = Outcome::Value(square(if n < 100 { 20.0 } else { 60.0 }, 20.0));
            let end = at + LATENCY;
            engine.handle_completion(end, Completion { ticket: ticket.id, outcome });
            held = engine.ask_shadow(end).or(held);
        }
        cancelled |= core::iter::from_fn(|| engine.poll_event()).any(|e| matches!(e, Event::CancelShadow(_)));
    }
    assert!(cancelled, "a candidate that never ends is given up when the model is wanted");
}
