//! The monitor as Prometheus' text.
//! **Invariant:** counters count since the engine was made and never fall; every family has its type.
//! It does not serve the text.

use alloc::{format, string::String};
use core::fmt::Write as _;

use crate::{
    monitor::{
        Monitor,
        drift::Verdict,
        histogram::Histogram,
        signal::{FEATURE_SIGNALS, SIGNALS, Signal},
    },
    time::Timestamp,
};

pub(super) fn text(monitor: &Monitor, now: Timestamp) -> String {
    let mut out = String::new();
    let m = monitor;
    let counters = [
        ("frames", "Frames handed in", m.frames),
        ("rejected", "Frames that broke the contract", m.rejected),
        ("runs", "Runs that were planned", m.runs.total()),
        ("skips", "Frames that were not run", m.skips.total()),
        ("failed", "Runs without a value", m.failed),
        ("expired", "Runs that did not end in time", m.expired),
        ("answers", "Answers", m.answers.total()),
        ("answers_within", "Answers believed within tolerance", m.answers_within),
        ("backtests", "Back-tests", m.backtests),
        ("violations", "Back-tests above the tolerance", m.violations),
    ];
    for (name, what, n) in counters {
        family(&mut out, &format!("{name}_total"), what, "counter");
        line(&mut out, &format!("inbetween_{name}_total {n}"));
    }
    histogram(&mut out, "latency_seconds", "From a run's plan to its end", &m.latency);
    histogram(&mut out, "age_seconds", "Age of answers", &m.age);
    signals(&mut out, monitor, now);
    out
}

fn family(out: &mut String, name: &str, what: &str, kind: &str) {
    line(out, &format!("# HELP inbetween_{name} {what}"));
    line(out, &format!("# TYPE inbetween_{name} {kind}"));
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn histogram(out: &mut String, name: &str, what: &str, times: &Histogram) {
    family(out, name, what, "histogram");
    let mut below = 0_u64;
    for (edge, n) in times.buckets() {
        below += u64::from(n);
        line(out, &format!("inbetween_{name}_bucket{{le=\"{}\"}} {below}", edge.as_secs_f64()));
    }
    line(out, &format!("inbetween_{name}_bucket{{le=\"+Inf\"}} {}", times.count()));
    line(out, &format!("inbetween_{name}_sum {}", times.sum().as_secs_f64()));
    line(out, &format!("inbetween_{name}_count {}", times.count()));
}

fn signals(out: &mut String, monitor: &Monitor, now: Timestamp) {
    let Some(live) = monitor.live() else { return };
    family(out, "signal", "Signals of the card that have enough to be read", "gauge");
    let mut write = |id: &str, signal: Signal| {
        let reading = live.read(now, signal);
        let verdict = match reading.verdict {
            Verdict::InsufficientData => return,
            Verdict::Stable => "stable",
            Verdict::Warn => "warn",
            Verdict::Drift => "drift",
        };
        let _ = write!(out, "inbetween_signal{{id=\"");
        escape(out, id);
        line(out, &format!("\",verdict=\"{verdict}\"}} {}", reading.value));
    };
    for (id, signal) in SIGNALS {
        write(id, signal);
    }
    for (i, feature) in live.config().features.iter().enumerate() {
        for (prefix, of) in FEATURE_SIGNALS {
            write(&format!("{prefix}{}", feature.name), of(i as u8));
        }
    }
}

/// A label's value, as the format wants it.
fn escape(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}
