//! CPU time of every stage of the SDK: preprocessing, gate, schedule, prediction, caches, decoding, monitor, a run.
//! **Invariant:** a stage that gives something else than it must fails the bench; only the stage itself is timed.
//! It does not count instructions: `cargo xtask bench counts` does, of the same stages.
//!
//! `cargo bench -p inbetween-bench --bench stages -- NAME`. Time is that of this thread on a processor, so that other work
//! on the machine moves it less than a clock on the wall would.
#![allow(missing_docs, clippy::unwrap_used)] // a bench may fail as a test does

use std::time::Duration;

use cpu_time::ThreadTime;
use criterion::{
    Criterion, criterion_group, criterion_main,
    measurement::{Measurement, ValueFormatter},
};
use inbetween_bench::stages;

/// Time of this thread on a processor, in seconds.
struct ProcessorTime;

/// Microseconds, always: rows are compared with each other.
struct Microseconds;

impl ValueFormatter for Microseconds {
    fn scale_values(&self, _: f64, values: &mut [f64]) -> &'static str {
        for value in values {
            *value *= 1e6;
        }
        "µs CPU"
    }

    fn scale_throughputs(&self, _: f64, _: &criterion::Throughput, values: &mut [f64]) -> &'static str {
        self.scale_values(0.0, values)
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        self.scale_values(0.0, values)
    }
}

impl Measurement for ProcessorTime {
    type Intermediate = ThreadTime;
    type Value = Duration;

    fn start(&self) -> ThreadTime {
        ThreadTime::now()
    }

    fn end(&self, start: ThreadTime) -> Duration {
        start.elapsed()
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_secs_f64()
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        &Microseconds
    }
}

fn all(c: &mut Criterion<ProcessorTime>) {
    for mut stage in stages::of(&[]).unwrap() {
        c.bench_function(&stage.name.clone(), |b| {
            b.iter_custom(|iterations| {
                let mut total = Duration::ZERO;
                for _ in 0..iterations {
                    stage
                        .step(&mut |work| {
                            let start = ThreadTime::now();
                            work();
                            total += start.elapsed();
                        })
                        .unwrap();
                }
                total
            });
        });
    }
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(ProcessorTime); targets = all);
criterion_main!(benches);
