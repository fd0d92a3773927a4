//! One class: held, and changed when the evidence of several results says so.
//! **Invariant:** an answer is always a class that some result named; two changes are a dwell apart at least.
//! It does not interpolate: between two results a label is a step.

use alloc::{boxed::Box, vec::Vec};

use super::{
    Backtest, Carried, carry,
    form::{Form, Times},
};
use crate::{
    time::Timestamp,
    value::{Label, Value},
};

/// Decisions that are remembered for a delayed display.
const MEMORY: usize = 64;
/// Log-odds at which a challenger wins: 9 to 1, Wald's bound for errors of a tenth on either side.
const WON: f32 = 2.2;
/// Two results in a row win whatever their scores: each counts half at least.
const LEAST: f32 = 0.5 * WON;
/// No result counts more than odds of 50 to 1, so that no single one is beyond doubt.
const MOST: f32 = 3.9;
/// After a change a label stays for this long, in seconds: below it a flicker is seen.
const DWELL: f32 = 0.15;
/// The class is believed to change once in this many seconds before any change was seen.
const STABLE: f32 = 10.0;

/// A class over time.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    times: Times,
    /// Decisions by time, oldest first.
    decided: Vec<(Timestamp, Label)>,
    challenger: Option<(Label, f32)>,
    changed: Timestamp,
    changes: f32,
    watched: f32,
}

impl Labels {
    pub fn new(delay: f32) -> Self {
        Self {
            times: Times::new(delay),
            decided: Vec::with_capacity(MEMORY),
            challenger: None,
            changed: Timestamp::ZERO,
            changes: 0.0,
            watched: 0.0,
        }
    }

    /// The decision that holds at `at`: the last one not after it, or else the first.
    fn at(&self, at: Timestamp) -> Option<Label> {
        let end = self.decided.partition_point(|(t, _)| *t <= at);
        self.decided.get(end.saturating_sub(1)).map(|(_, label)| *label)
    }

    /// Sequential test: log-odds for one challenger add up, results for the present class take them away.
    fn decide(&mut self, time: Timestamp, present: Label, l: Label) -> Label {
        let evidence = (libm::logf(l.score.max(1e-3) / (1.0 - l.score).max(1e-3))).clamp(LEAST, MOST);
        if l.class == present.class {
            self.challenger = self.challenger.map(|(c, e)| (c, e - evidence)).filter(|(_, e)| *e > 0.0);
            return Label { class: present.class, score: present.score + 0.5 * (l.score - present.score) };
        }
        let sum = match self.challenger {
            Some((c, e)) if c.class == l.class => e + evidence,
            _ => evidence,
        };
        if sum >= WON && time.secs_from(self.changed) >= DWELL {
            self.challenger = None;
            self.changed = time;
            self.changes += 1.0;
            return l;
        }
        self.challenger = Some((l, sum.min(2.0 * WON)));
        present
    }

    fn take(&mut self, time: Timestamp, l: Label) -> Backtest {
        let age = self.times.age(time);
        let mut report = Backtest { age, horizon: age, ..Backtest::default() };
        // What was decided *at* this time or before it; the result itself is not in yet.
        report.error = self.at(time).map(|present| f32::from(u8::from(present.class != l.class)));
        if self.times.late(time) {
            return report;
        }
        let decided = match self.decided.last() {
            Some(&(_, present)) => self.decide(time, present, l),
            None => l,
        };
        if self.decided.len() == MEMORY {
            self.decided.remove(0);
        }
        self.decided.push((time, decided));
        self.watched += age;
        self.times.add(time);
        report
    }

    /// The probability that the class is another one `horizon` seconds after the newest result.
    fn doubt(&self, horizon: f32) -> f32 {
        let hazard = (self.changes + 1.0) / (self.watched + STABLE);
        let changed = 1.0 - libm::expf(-hazard * horizon.max(0.0));
        let challenged = self.challenger.map_or(0.0, |(_, e)| 0.5 * (e / WON).min(1.0));
        1.0 - (1.0 - changed) * (1.0 - challenged)
    }
}

impl Form for Labels {
    fn for_answers(&self) -> Box<dyn Form> {
        Box::new(self.clone())
    }

    fn admit(&mut self, time: Timestamp, value: &Value) -> Backtest {
        match value {
            Value::Label(l) => self.take(time, *l),
            _ => Backtest::default(),
        }
    }

    fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        let newest = self.times.answerable(at)?;
        *out = Value::Label(self.at(at)?);
        let horizon = at.secs_from(newest).max(0.0);
        Some(Carried {
            carry: (at >= newest).then(|| carry(false, false)),
            key_frame: newest,
            horizon,
            // Root mean square of an error that is 1 with this probability and 0 else.
            spread: libm::sqrtf(self.doubt(horizon)),
            doubtful: u32::from(self.challenger.is_some()),
        })
    }

    fn reset(&mut self) {
        self.times.reset();
        self.decided.clear();
        self.challenger = None;
        self.changed = Timestamp::ZERO;
    }
}
