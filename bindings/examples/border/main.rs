//! What the border itself costs: the hot calls through the exported C functions, as the generated code of a language makes them.
//! **Invariant:** every call gives what the same call on the Rust type gives, before and after it is measured.
//! It does not measure the engine: frames are refused before the gate, and a completion is one that was handed on before.
//!
//! `border` prints a line for each call, as the tests of Kotlin and Swift do: `cargo xtask calls` reads them.
#![allow(unsafe_code)] // the border is C
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command line tool

mod exported;
mod heap;
#[path = "../spot/mod.rs"]
mod spot;

use std::{
    fmt::Debug,
    process::ExitCode,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use inbetween_ffi::{Admission, FramePlan, Session, Value};

use exported::Exported;
use spot::{CARD, MODEL, geometry, picture};

type Failure = Box<dyn std::error::Error>;

const MS: i64 = 1_000_000;
/// When the one frame was sensed, and when it is shown.
const CAPTURED: i64 = 1000 * MS;
const SHOWN: i64 = 1040 * MS;

/// Rounds of a batch, and batches: the quickest batch is told.
const ROUNDS: u32 = 1_000;
const BATCHES: u32 = 20;
/// 240 Hz for a little over a second.
const PERIOD: Duration = Duration::from_nanos(4_166_667);
const PACED: usize = 300;

fn main() -> ExitCode {
    if let Err(error) = run(ROUNDS, PACED) {
        eprintln!("border: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Measures each call and prints its line.
fn run(rounds: u32, paced: usize) -> Result<(), Failure> {
    let pixels = picture();
    let twin = Session::new(CARD, MODEL, 1)?;
    let exported = Exported::open(CARD, MODEL, 1)?;
    // Both see the same frame, run the model on it and hand on what it gave.
    let plan = twin.handle_frame(CAPTURED + 2 * MS, CAPTURED, &geometry(), &pixels)?;
    same(&exported.handle_frame(CAPTURED + 2 * MS, CAPTURED, geometry(), &pixels)?, &plan)?;
    let FramePlan::Run { ticket, .. } = plan else { return Err("the first frame is run".into()) };
    same(&exported.run(ticket)?, &twin.run(ticket)?)?;
    let now = CAPTURED + 9 * MS;
    let admission = twin.handle_completion(now, ticket)?;
    same(&exported.handle_completion(now, ticket)?, &admission)?;
    same(&admission, &Admission::Admitted)?;
    let shown = twin.answer_at(SHOWN)?;
    if !matches!(&shown.value, Some(Value::Boxes { .. })) {
        return Err(format!("no boxes, so little to carry over: {:?}", shown.value).into());
    }

    let again = |session: &Arc<Session>| session.handle_frame(SHOWN, CAPTURED, &geometry(), &pixels);
    report("handleFrame", rounds, paced, &again(&twin)?, || {
        exported.handle_frame(SHOWN, CAPTURED, geometry(), &pixels)
    })?;
    report("answer", rounds, paced, &shown, || exported.answer_at(SHOWN))?;
    let known = twin.handle_completion(SHOWN, ticket)?;
    report("handleCompletion", rounds, paced, &known, || exported.handle_completion(SHOWN, ticket))
}

/// Measures `call`, each of which must give `wanted`, and prints the line.
fn report<T: PartialEq + Debug>(
    name: &str,
    rounds: u32,
    paced: usize,
    wanted: &T,
    call: impl Fn() -> Result<T, Failure>,
) -> Result<(), Failure> {
    same(&call()?, wanted)?;
    let before = heap::allocated();
    same(&call()?, wanted)?;
    let bytes = heap::allocated() - before;
    let mut hot = Duration::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(call()?);
        }
        hot = hot.min(start.elapsed() / rounds);
    }
    let mut times = Vec::with_capacity(paced);
    for _ in 0..paced {
        thread::sleep(PERIOD);
        let start = Instant::now();
        let given = call()?;
        times.push(start.elapsed());
        same(&given, wanted)?;
    }
    times.sort_unstable();
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    let at = |percent: usize| times.get(paced * percent / 100).copied().unwrap_or_default();
    println!(
        "COST rust {name}: hot {:.3} µs, paced p50 {:.3} µs, p99 {:.3} µs, {bytes} bytes",
        us(hot),
        us(at(50)),
        us(at(99)),
    );
    Ok(())
}

fn same<T: PartialEq + Debug>(given: &T, wanted: &T) -> Result<(), Failure> {
    if given == wanted { Ok(()) } else { Err(format!("the border gave {given:?}, not {wanted:?}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_border_gives_what_the_type_gives() {
        run(10, 3).expect("each call gives the same");
    }

    #[test]
    fn errors_cross_with_their_code() {
        let exported = Exported::open(CARD, MODEL, 1).expect("the model loads");
        let refused = exported.answer_at(-1).expect_err("a negative time").to_string();
        let session = Session::new(CARD, MODEL, 1).expect("the model loads");
        assert_eq!(refused, session.answer_at(-1).expect_err("a negative time").to_string());
        assert!(Exported::open("not a card", MODEL, 1).is_err());
    }

    #[test]
    fn a_call_that_differs_is_an_error() {
        assert!(report("planted", 1, 1, &2, || Ok(3)).is_err());
    }
}
