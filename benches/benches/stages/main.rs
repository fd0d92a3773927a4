//! Every stage of the SDK, and whole sessions, in time on the wall, CPU time, counters of the processor and modelled energy.
//! **Invariant:** a stage that gives something else than it must fails the bench; only the stage itself is measured.
//! It does not count instructions where the processor does not: `cargo xtask bench counts` does, of the same stages.
//!
//! `cargo bench -p inbetween-bench --bench stages -- FILTER` measures rows such as `cpu/gate/10 tracks`; `cpu/scene/demo` says how
//! many frames a second this core could handle if it did nothing else and runs were free. CPU time is that of this thread, so
//! that other work on the machine moves it less. Energy is `cpu × P_core`, and `bytes × e_byte` where refills of the cache are
//! counted, once in each profile: a run's arithmetic is in its CPU time here.
//!
//! Without `--bench`, as `cargo test` starts it, every row is run once: the quick mode is a test.
#![allow(missing_docs, clippy::print_stdout)] // a tool

mod reading;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use criterion::{Bencher, Criterion, Throughput};
use inbetween_bench::{
    scenes,
    stages::{self, SESSION_FRAMES, Stage},
};

use crate::reading::Reading;

/// The reading in which sessions are measured: it says what fits into a second.
const BUDGET: &str = "cpu";

fn main() -> ExitCode {
    let measured = std::env::args().any(|a| a == "--bench") && !std::env::args().any(|a| a == "--test");
    match if measured { measure() } else { test() } {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The session of each scene that is there.
fn sessions() -> anyhow::Result<Vec<Stage>> {
    scenes::select(&[], None)?.iter().map(stages::session).collect()
}

fn measure() -> anyhow::Result<bool> {
    let start = Instant::now();
    let (readings, missing) = Reading::all()?;
    for missing in missing {
        println!("SKIPPED: {missing}");
    }
    let (mut stages, mut sessions) = (stages::of(&[])?, sessions()?);
    let rows = readings.len() * stages.len() + sessions.len();
    for reading in readings {
        // Rows are many; their noise is that of the machine, which longer rows would not lessen.
        let mut criterion = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(100))
            .measurement_time(Duration::from_millis(400))
            .nresamples(10_000)
            .without_plots()
            .with_measurement(reading.clone())
            .configure_from_args();
        for stage in &mut stages {
            let name = format!("{}/{}", reading.name, stage.name);
            criterion.bench_function(&name, |b| row(b, stage, &reading));
        }
        if reading.name == BUDGET {
            let mut group = criterion.benchmark_group(BUDGET);
            group.sample_size(10).throughput(Throughput::Elements(SESSION_FRAMES));
            for session in &mut sessions {
                let name = session.name.clone();
                group.bench_function(&name, |b| row(b, session, &reading));
            }
            group.finish();
        }
        criterion.final_summary();
    }
    println!("{rows} rows (less those that were filtered out) in {:.0} s", start.elapsed().as_secs_f64());
    Ok(true)
}

fn row(bencher: &mut Bencher<'_, Reading>, stage: &mut Stage, reading: &Reading) {
    bencher.iter_custom(|iterations| {
        let mut total = 0.0;
        for _ in 0..iterations {
            if let Err(error) = stage.step(&mut |work| total += reading.of(work)) {
                eprintln!("error: {error}");
                std::process::exit(1);
            }
        }
        total
    });
}

/// Runs every row once, and says so in the words of `cargo test`.
fn test() -> anyhow::Result<bool> {
    let (readings, missing) = Reading::all()?;
    let (mut passed, mut failed) = (0, 0);
    let mut check = |stage: &mut Stage, reading: &Reading| {
        let mut taken = f64::NAN;
        let name = format!("{}/{}", reading.name, stage.name);
        match stage.step(&mut |work| taken = reading.of(work)) {
            Ok(_) if taken.is_finite() => {
                passed += 1;
                println!("test {name} ... ok");
            }
            Ok(_) => {
                failed += 1;
                println!("{name}: it gives no number\ntest {name} ... FAILED");
            }
            Err(why) => {
                failed += 1;
                println!("{why}\ntest {name} ... FAILED");
            }
        }
    };
    let (mut stages, mut sessions) = (stages::of(&[])?, sessions()?);
    for reading in &readings {
        for stage in &mut stages {
            check(stage, reading);
        }
        if reading.name == BUDGET {
            for session in &mut sessions {
                check(session, reading);
            }
        }
    }
    println!("\nsuccesses:\n");
    for missing in &missing {
        println!(
            "---- counters ----\nSKIPPED: {missing}; `cargo xtask bench counts` counts without the processor's help"
        );
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    // What is skipped is counted as passed, and its reason read, as in tests that lack something.
    let passed = passed + missing.len();
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    Ok(failed == 0)
}
