//! What the live monitor costs: an event, a label, the end of a window, a verdict, a snapshot.
//! **Invariant:** the monitor is full: 32 features, 16 groups, 32 rules, and a window that has events.
//! It does not run a model.
#![allow(missing_docs, clippy::unwrap_used)] // a bench may fail as a test does

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use inbetween_flow::{
    Bound, Feature, FeatureValue, FeatureWatch, Frame, MonitorConfig, PredictionId, Response, ResponseRule,
    Session, Severity, SliceWatch, Timestamp, Truth, Value,
    monitor::{Live, MOST_CELLS, MOST_FEATURES, MOST_RESPONSES, Monitor, Signal, export::Sender, psi},
};

fn config(session: Session) -> MonitorConfig {
    let edges: Vec<f64> = (1..17).map(|i| f64::from(i) / 17.0).collect();
    let feature = |i: usize| FeatureWatch {
        name: format!("feature {i}"),
        edges: edges.clone(),
        reference: vec![1_000; 17],
    };
    let rule = |i: usize| ResponseRule {
        signal: ["failure_rate", "error_rate", "latency.p95_ms", "psi.scores"][i % 4].to_owned(),
        bound: Bound::Above(1e6),
        hold: Duration::from_mins(1),
        severity: Severity::Log,
        owner: String::new(),
        response: Response::Alert,
    };
    MonitorConfig {
        session,
        features: (0..MOST_FEATURES).map(feature).collect(),
        positive_class: Some(1),
        slices: vec![SliceWatch {
            name: "group".to_owned(),
            values: (0..MOST_CELLS).map(|i| format!("value {i}")).collect(),
        }],
        responses: (0..MOST_RESPONSES).map(rule).collect(),
        ..MonitorConfig::default()
    }
}

/// A monitor that is full, and the count of its frames.
struct Full {
    live: Box<Live>,
    names: Vec<String>,
    n: u64,
}

impl Full {
    fn new(session: Session) -> Self {
        let names = (0..MOST_FEATURES).map(|i| format!("feature {i}")).collect();
        let mut full = Self { live: Live::new(config(session), 1).unwrap(), names, n: 0 };
        for _ in 0..10_000 {
            full.event(16);
        }
        full
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(33 * self.n)
    }

    /// A frame of so many features.
    fn event(&mut self, features: usize) {
        self.n += 1;
        let now = self.now();
        let names = std::mem::take(&mut self.names);
        let x = (self.n % 97) as f64 / 97.0;
        let list: [Feature<'_>; MOST_FEATURES] =
            std::array::from_fn(|i| Feature { name: &names[i], value: FeatureValue::Number(x) });
        self.live.tick(now, |_| {});
        self.live.frame(now, &Frame::features(now, &list[..features]));
        self.names = names;
    }
}

fn events(c: &mut Criterion) {
    let mut group = c.benchmark_group("monitor.event");
    for (name, session) in [("frames", Session::Span(Duration::from_mins(1))), ("rows", Session::Event)] {
        for features in [0, 8, 32] {
            let mut full = Full::new(session);
            full.live.set_slice("group", "value 3");
            group.bench_function(format!("{name}, {features} features"), |b| b.iter(|| full.event(features)));
        }
    }
    group.finish();
    let mut full = Full::new(Session::Event);
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
    let mut full = Full::new(Session::Event);
    let mut now = full.now();
    c.bench_function("monitor.end of a window, 34 verdicts", |b| {
        b.iter(|| {
            now = now + Duration::from_hours(1);
            black_box(full.live.tick(now, |_| {}))
        });
    });
    let full = Full::new(Session::Event);
    c.bench_function("monitor.read a signal", |b| {
        b.iter(|| black_box(full.live.read(full.now(), black_box(Signal::LatencyP95))));
    });
}

fn snapshots(c: &mut Criterion) {
    let mut full = Full::new(Session::Event);
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
