//! What the live monitor costs: an event, a label, the end of a window, a verdict, a snapshot.
//! **Invariant:** the monitor is full: 32 features, 16 groups, 32 rules, and a window that has events.
//! It does not run a model.
#![allow(missing_docs, clippy::unwrap_used)] // a bench may fail as a test does

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use inbetween_bench::stages::monitor::Full;
use inbetween_flow::{
    PredictionId, Session, Timestamp, Truth, Value,
    monitor::{Monitor, Signal, export::Sender, psi},
};

fn events(c: &mut Criterion) {
    let mut group = c.benchmark_group("monitor.event");
    for (name, session) in [("frames", Session::Span(Duration::from_mins(1))), ("rows", Session::Event)] {
        for features in [0, 8, 32] {
            let mut full = Full::new(session).unwrap();
            group.bench_function(format!("{name}, {features} features"), |b| b.iter(|| full.event(features)));
        }
    }
    group.finish();
    let mut full = Full::new(Session::Event).unwrap();
    let value = Value::Probabilities(vec![0.3, 0.7]);
    let mut n = 1 << 20;
    c.bench_function("monitor.event/prediction and label", |b| {
        b.iter(|| {
            n += 1;
            let (now, id) = (Timestamp::from_millis(400_000), PredictionId(n));
            full.live.predicted(now, id, full.live.mask(), &value, None);
            black_box(full.live.label(now, id, Truth::Class(u32::from(n % 10 < 7)), (1.0, 0.1)))
        });
    });
}

fn verdicts(c: &mut Criterion) {
    let (live, reference): ([u32; 17], [u32; 17]) = (std::array::from_fn(|i| 90 + i as u32), [1_000; 17]);
    c.bench_function("monitor.psi of 17 bins", |b| b.iter(|| psi(black_box(&live), black_box(&reference))));
    let mut full = Full::new(Session::Event).unwrap();
    let mut now = full.now();
    c.bench_function("monitor.end of a window, 34 verdicts", |b| {
        b.iter(|| {
            now = now + Duration::from_hours(1);
            black_box(full.live.tick(now, |_| {}))
        });
    });
    let full = Full::new(Session::Event).unwrap();
    c.bench_function("monitor.read a signal", |b| {
        b.iter(|| black_box(full.live.read(full.now(), black_box(Signal::LatencyP95))));
    });
}

fn snapshots(c: &mut Criterion) {
    let mut full = Full::new(Session::Event).unwrap();
    let end = full.now() + Duration::from_hours(1);
    full.live.tick(end, |_| {});
    let monitor = Monitor::of(full.live);
    let sender = Sender { service: "bench", instance: [7; 16], model_version: 1, origin_unix_nanos: 1 << 60 };
    c.bench_function("monitor.snapshot as OTLP", |b| {
        b.iter(|| black_box(monitor.snapshot().unwrap().otlp(&sender).len()));
    });
}

criterion_group!(benches, events, verdicts, snapshots);
criterion_main!(benches);
