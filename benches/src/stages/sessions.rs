//! Whole sessions, end to end: the frames of a scene through an engine, with two answers for each.
//! **Invariant:** frames and results are there before the clock runs; the decisions are those of a first session.
//! It does not score answers: `inbetween bench` does.

use std::time::Duration;

use inbetween_flow::{Completion, Engine, Outcome, Plan, Value};
use inbetween_sim::{SceneSpec, policy::engine_config};

use super::{Stage, metered};
use crate::workload::Workload;

/// Frames of a session, each the first ones of its scene.
pub const SESSION_FRAMES: u64 = 45;
/// When answers are asked for, after a frame's capture time: two refreshes at 60 Hz.
const REFRESHES_MS: [u64; 2] = [5, 15];

/// The session of a scene. A result comes with the next frame; the model itself is not run.
///
/// # Errors
/// When the scene's configuration is refused.
pub fn session(spec: &SceneSpec) -> anyhow::Result<Stage> {
    let work = Workload::of(spec, SESSION_FRAMES);
    let config = engine_config(spec);
    let expected = play(&mut Engine::new(config.clone(), 1)?, &work);
    Ok(Stage::new(format!("scene/{}", spec.name), expected, move |meter| {
        let Ok(mut engine) = Engine::new(config.clone(), 1) else { return f64::NAN };
        metered(meter, || play(&mut engine, &work)).unwrap_or(f64::NAN)
    }))
}

/// Runs, and answers that show something in thousandths.
fn play(engine: &mut Engine, work: &Workload) -> f64 {
    let (mut runs, mut shown) = (0_u32, 0_u32);
    let mut flight = None;
    for (frame, found) in &work.frames {
        let at = frame.captured;
        if let Some((ticket, outcome)) = flight.take() {
            engine.handle_completion(at, Completion { ticket, outcome });
        }
        match engine.handle_frame(at, &frame.as_frame()) {
            Ok(Plan::Run(ticket)) => {
                runs += 1;
                flight = Some((ticket.id, Outcome::Value(Value::Boxes(found.clone()))));
            }
            Ok(Plan::Skip(_)) => {}
            Err(_) => return f64::NAN,
        }
        while engine.poll_event().is_some() {}
        for ms in REFRESHES_MS {
            shown += u32::from(engine.answer_at(at + Duration::from_millis(ms)).value.is_some());
        }
    }
    f64::from(runs) + f64::from(shown) * 1e-3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes;

    #[test]
    fn a_session_repeats_and_shows_answers() {
        let mut stage = session(&SceneSpec::parse(scenes::DEMO).unwrap()).unwrap();
        let (runs, shown) = (stage.expected.floor(), stage.expected.fract() * 1e3);
        assert!(
            runs >= 1.0 && runs < SESSION_FRAMES as f64 / 2.0 && shown > 80.0,
            "{runs} runs, {shown} shown"
        );
        assert!(stage.step(&mut |work| work()).is_ok());
    }
}
