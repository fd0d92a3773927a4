//! Stages of the live monitor and of decisions: a record, a frame, a row, a prediction with its label, a decision, a review.
//! **Invariant:** the monitor is full: 32 features, 16 groups, 32 rules, and a window that has events.
//! It does not run a model.

use std::time::Duration;

use inbetween_flow::{
    Action, Bound, Costs, DecideConfig, Feature, FeatureValue, FeatureWatch, Frame, Labelled, MonitorConfig,
    PredictionId, Response, ResponseRule, ReviewConfig, Rung, Session, Severity, SliceWatch, Timestamp,
    Truth, Value,
    decide::{Case, Decider},
    monitor::{Histogram, Live, MOST_CELLS, MOST_FEATURES, MOST_RESPONSES},
};

use super::{Stage, metered};

/// A monitor that is full, and the count of its events.
#[derive(Debug)]
pub struct Full {
    /// The monitor.
    pub live: Box<Live>,
    names: Vec<String>,
    n: u64,
}

impl Full {
    /// After ten thousand events.
    ///
    /// # Errors
    /// When the configuration is refused.
    pub fn new(session: Session) -> anyhow::Result<Self> {
        let names = (0..MOST_FEATURES).map(|i| format!("feature {i}")).collect();
        let mut full = Self { live: Live::new(config(session), 1)?, names, n: 0 };
        for _ in 0..10_000 {
            full.event(16);
        }
        full.live.set_slice("group", "value 3");
        Ok(full)
    }

    /// The time of the last event.
    pub const fn now(&self) -> Timestamp {
        Timestamp::from_millis(33 * self.n)
    }

    /// An event of so many features.
    pub fn event(&mut self, features: usize) {
        self.n += 1;
        let now = self.now();
        let x = (self.n % 97) as f64 / 97.0;
        let list: [Feature<'_>; MOST_FEATURES] =
            std::array::from_fn(|i| Feature { name: &self.names[i], value: FeatureValue::Number(x) });
        self.live.tick(now, |_| {});
        self.live.frame(now, &Frame::features(now, &list[..features]));
    }
}

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

pub(super) fn stages() -> anyhow::Result<Vec<Stage>> {
    Ok(vec![
        record(),
        event("monitor/frame", Session::Span(Duration::from_mins(1)), 0)?,
        event("monitor/row of 8", Session::Event, 8)?,
        event("monitor/row of 32", Session::Event, MOST_FEATURES)?,
        label()?,
        decision(),
        review(),
    ])
}

/// What the monitor does at each measurement: a count goes up, a duration is recorded.
fn record() -> Stage {
    let mut histogram = Histogram::default();
    let mut n = 0_u64;
    Stage::new("monitor/record", 1.0, move |meter| {
        n += 1;
        let before = histogram.count();
        metered(meter, || histogram.record(Duration::from_micros(900 + n % 200)));
        (histogram.count() - before) as f64
    })
}

/// How many frames the open window has more, or 1 when a new one was opened.
fn event(name: &str, session: Session, features: usize) -> anyhow::Result<Stage> {
    let mut full = Full::new(session)?;
    Ok(Stage::new(name, 1.0, move |meter| {
        let (windows, before) = (full.live.windows(), full.live.window().frames);
        metered(meter, || full.event(features));
        let frames = full.live.window().frames;
        f64::from(if full.live.windows() == windows { frames.wrapping_sub(before) } else { frames })
    }))
}

/// A prediction, and the label that finds it.
fn label() -> anyhow::Result<Stage> {
    let mut full = Full::new(Session::Event)?;
    let value = Value::Probabilities(vec![0.3, 0.7]);
    let mut n = 1 << 20;
    Ok(Stage::new("monitor/label", 1.0, move |meter| {
        n += 1;
        let (now, id) = (full.now(), PredictionId(n));
        let truth = Truth::Class(u32::from(n % 10 < 7));
        let labelled = metered(meter, || {
            full.live.predicted(now, id, full.live.mask(), &value, None);
            full.live.label(now, id, truth, (1.0, 0.1))
        });
        f64::from(u8::from(labelled == Some(Labelled::Joined { wrong: n % 10 >= 7 })))
    }))
}

/// Mistakes that cost ten times what a review does: reviewed between 0.1 and 0.9.
fn decider() -> Decider {
    let costs = Costs { review: Some(1.0), ..Costs::of_mistakes(10.0, 10.0) };
    let review = ReviewConfig { capacity_per_hour: 60.0, queue: 1000, expected_load: 0.1 };
    Decider::new(DecideConfig { review: Some(review), ..DecideConfig::new(1, costs) })
}

/// An event whose probability asks for action.
fn decision() -> Stage {
    let (decider, value) = (decider(), Value::Probabilities(vec![0.03, 0.97]));
    Stage::new("decide/event", 0.97, move |meter| {
        let case = Case { value: &value, rung: Rung::Model, variant: 0 };
        match metered(meter, || decider.event(&case)).flatten() {
            Some(decision) if decision.action == Action::Positive => decision.probability,
            _ => f64::NAN,
        }
    })
    .within(1e-6)
}

/// A decision for people: into a queue that is full, and the dearest out of it.
fn review() -> Stage {
    let mut decider = decider();
    let mut n = 0_u64;
    let mut offer = move |probability: f32| {
        n += 1;
        let value = Value::Probabilities(vec![1.0 - probability, probability]);
        let decision = decider.event(&Case { value: &value, rung: Rung::Model, variant: 0 })?;
        decider.offer(Timestamp::from_millis(n), &decision)?;
        if n > 1000 { decider.take_review().map(|item| item.decision.probability) } else { None }
    };
    for i in 0..1000 {
        offer(0.2 + (i % 60) as f32 * 0.005);
    }
    // One half is the dearest to leave unseen.
    Stage::new("decide/review", 0.5, move |meter| metered(meter, || offer(0.5)).flatten().unwrap_or(f64::NAN))
        .within(1e-6)
}
