//! Stages of the engine: a frame that is skipped, and a schedule without pixels.
//! **Invariant:** what is measured is a frame on which no run is started: a twin of the engine has shown that before.
//! It does not score answers.

use inbetween_flow::{
    Completion, Config, Elements, Engine, Frame, InputContract, Outcome, Plan, Tensor, Timestamp, Value,
    ValueKind,
};

use super::{Meter, Stage, metered};
use crate::workload::Workload;

/// Frames that an engine has seen before the first one is measured: it knows its latency and its errors by then.
const BEFORE: u64 = 120;

pub(super) fn stages() -> anyhow::Result<Vec<Stage>> {
    Ok(vec![skip()?, schedule()?])
}

/// One engine that is told about each frame, and completes runs at once.
struct Told {
    engine: Engine,
    n: u64,
}

impl Told {
    /// Handles the next frame; whether it was skipped.
    fn next(&mut self, meter: Meter<'_>, frame: &Frame<'_>, value: impl FnOnce() -> Value) -> bool {
        self.n += 1;
        let at = frame.captured;
        let plan = metered(meter, || self.engine.handle_frame(at, frame));
        while self.engine.poll_event().is_some() {}
        match plan {
            Some(Ok(Plan::Run(ticket))) => {
                let outcome = Outcome::Value(value());
                self.engine.handle_completion(at, Completion { ticket: ticket.id, outcome });
                false
            }
            Some(Ok(Plan::Skip(_))) => true,
            _ => false,
        }
    }
}

/// Goes on until a frame is skipped, and measures only that one: a twin a frame ahead says which it is.
fn skip() -> anyhow::Result<Stage> {
    let work = Workload::new(1280, 720, 60)?;
    let make = || -> anyhow::Result<Told> { Ok(Told { engine: Workload::engine()?, n: 0 }) };
    let (mut twin, mut told) = (make()?, make()?);
    let next = move |told: &mut Told, meter: Meter<'_>| {
        let (frame, found) = work.endless(told.n + 1);
        told.next(meter, &frame.as_frame(), || Value::Boxes(found.to_vec()))
    };
    while told.n < BEFORE {
        next(&mut twin, &mut |work| work());
        next(&mut told, &mut |work| work());
    }
    Ok(Stage::new("engine/skipped frame", 1.0, move |meter| {
        // Runs are a few in a hundred frames.
        for _ in 0..100 {
            if next(&mut twin, &mut |work| work()) {
                return f64::from(u8::from(next(&mut told, meter)));
            }
            next(&mut told, &mut |work| work());
        }
        f64::NAN
    }))
}

/// A stream of numbers: what deciding costs when there is no picture to look at. The value says how the tensor moves, so
/// that each frame is told apart from the one before.
fn schedule() -> anyhow::Result<Stage> {
    let mut config = Config::for_images(ValueKind::Vector, 50.0);
    config.input = InputContract::Tensors(vec![("x".to_owned(), vec![8])]);
    let mut told = Told { engine: Engine::new(config, 1)?, n: 0 };
    let next = |told: &mut Told, meter: Meter<'_>| {
        let data: [f32; 8] = std::array::from_fn(|i| ((told.n * 7 + i as u64) % 101) as f32 * 0.01);
        let tensors = [Tensor { name: "x", shape: &[8], elements: Elements::F32(&data) }];
        let frame = Frame::tensors(Timestamp::from_millis(33 * (told.n + 1)), &tensors);
        told.next(meter, &frame, || Value::Vector(data.to_vec()))
    };
    while told.n < BEFORE {
        next(&mut told, &mut |work| work());
    }
    Ok(Stage::new("engine/schedule", 1.0, move |meter| {
        next(&mut told, meter);
        (told.n > BEFORE).into()
    }))
}
