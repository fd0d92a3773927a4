//! A snapshot as OpenTelemetry metrics.
//! **Invariant:** the bytes are those that the official crate encodes for the same message; a test compares them.
//! It does not decide what is counted.

use alloc::{format, vec::Vec};

use crate::monitor::{
    bins::Bins,
    histogram::Histogram,
    window::{Observed, Timing},
};

use super::{Sender, Snapshot, protobuf::Writer};

/// `AGGREGATION_TEMPORALITY_DELTA`.
const DELTA: u64 = 1;

/// An attribute of a data point.
type Attribute<'a> = (&'a str, &'a str);

/// Times of a window, in nanoseconds of Unix time.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
}

pub(super) fn encode(snapshot: &Snapshot<'_>, sender: &Sender<'_>) -> Vec<u8> {
    let unix = |at: crate::Timestamp| sender.origin_unix_nanos.saturating_add(at.as_nanos());
    let span = Span { start: unix(snapshot.window.started), end: unix(snapshot.window.ended) };
    let instance = format!("{:032x}", u128::from_be_bytes(sender.instance));
    let mut w = Writer::default();
    w.message(1, |w| {
        w.message(1, |w| {
            attribute(w, 1, ("service.name", sender.service));
            attribute(w, 1, ("service.instance.id", &instance));
            w.message(1, |w| {
                w.text(1, "inbetween.model.version");
                w.message(2, |w| w.present_uint(3, u64::from(sender.model_version)));
            });
        });
        w.message(2, |w| {
            w.message(1, |w| {
                w.text(1, "inbetween");
                w.text(2, env!("CARGO_PKG_VERSION"));
            });
            metrics(w, snapshot, span);
        });
    });
    w.into_bytes()
}

fn metrics(w: &mut Writer, snapshot: &Snapshot<'_>, span: Span) {
    let window = snapshot.window;
    for (name, what, n) in snapshot.counters() {
        sum(w, name, what, |w| point(w, span, &[], n));
    }
    for timing in Timing::ALL {
        times(w, timing, window.timing(timing), span);
    }
    features(w, snapshot, span);
    let edges = snapshot.live.score_edges();
    metric(w, "inbetween.score", "Probability, confidence or number of predictions", 9, |w| {
        observed(w, span, edges, &window.scores, &[]);
    });
    sum(w, "inbetween.class", "Predicted classes", |w| {
        for (sample, bins) in [("events", &window.classes.events), ("sessions", &window.classes.sessions)] {
            for (class, n) in bins.counts().iter().enumerate().filter(|(_, n)| **n > 0) {
                point(w, span, &[("class", &format!("{class}")), ("sample", sample)], *n);
            }
        }
    });
    slices(w, snapshot, span);
    outcomes(w, snapshot, span);
}

fn features(w: &mut Writer, snapshot: &Snapshot<'_>, span: Span) {
    let named = || snapshot.config().features.iter().map(|f| f.name.as_str()).zip(&snapshot.window.features);
    if named().len() == 0 {
        return;
    }
    metric(w, "inbetween.feature", "Features", 9, |w| {
        for (i, (name, counts)) in named().enumerate() {
            observed(w, span, snapshot.live.feature_edges(i), counts, &[("feature", name)]);
        }
    });
    sum(w, "inbetween.feature.unusable", "Events in which a feature is missing or not a number", |w| {
        for (name, counts) in named() {
            for (kind, n) in [("missing", counts.events.missing()), ("nan", counts.events.nan())] {
                point(w, span, &[("feature", name), ("kind", kind)], n);
            }
        }
    });
}

fn slices(w: &mut Writer, snapshot: &Snapshot<'_>, span: Span) {
    if snapshot.config().slices.is_empty() {
        return;
    }
    let counts = [
        ("inbetween.slice.events", "Events of a group"),
        ("inbetween.slice.labels", "Labelled predictions of a group"),
        ("inbetween.slice.wrong", "Those that were wrong"),
    ];
    for (i, (metric, what)) in counts.into_iter().enumerate() {
        sum(w, metric, what, |w| {
            for (name, value, cell) in snapshot.cells() {
                let n = [cell.events, cell.labelled, cell.wrong][i];
                point(w, span, &[("slice", name), ("value", value)], n);
            }
        });
    }
    metric(w, "inbetween.slice.score", "Scores of a group", 9, |w| {
        for (name, value, cell) in snapshot.cells() {
            bins(
                w,
                span,
                snapshot.live.score_edges(),
                &cell.scores.events,
                &[("slice", name), ("value", value)],
            );
        }
        w.uint(2, DELTA);
    });
}

fn outcomes(w: &mut Writer, snapshot: &Snapshot<'_>, span: Span) {
    let o = &snapshot.window.outcomes;
    let reliability = |w: &mut Writer, name: &str, what: &str, of: fn(&super::super::Reliability) -> u32| {
        sum(w, name, what, |w| {
            for (bin, r) in o.reliability.iter().enumerate().filter(|(_, r)| r.count > 0) {
                point(w, span, &[("bin", &format!("{bin}"))], of(r));
            }
        });
    };
    reliability(w, "inbetween.reliability.labels", "Labelled predictions by tenth of probability", |r| {
        r.count
    });
    reliability(w, "inbetween.reliability.happened", "Those of which it happened", |r| r.happened);
    sum(w, "inbetween.believed", "Sum of the probabilities that predictions are right", |w| {
        w.message(1, |w| {
            w.fixed(2, span.start);
            w.fixed(3, span.end);
            w.present_double(4, o.believed);
        });
    });
}

/// A metric whose data is field `kind` of it.
fn metric(w: &mut Writer, name: &str, what: &str, kind: u32, data: impl FnOnce(&mut Writer)) {
    w.message(2, |w| {
        w.text(1, name);
        w.text(2, what);
        w.text(3, if kind == 10 { "s" } else { "1" });
        w.message(kind, data);
    });
}

/// A monotonic sum.
fn sum(w: &mut Writer, name: &str, what: &str, points: impl FnOnce(&mut Writer)) {
    metric(w, name, what, 7, |w| {
        points(w);
        w.uint(2, DELTA);
        w.uint(3, 1);
    });
}

fn attribute(w: &mut Writer, field: u32, (key, value): Attribute<'_>) {
    w.message(field, |w| {
        w.text(1, key);
        w.message(2, |w| w.present_text(1, value));
    });
}

/// A `NumberDataPoint`.
fn point(w: &mut Writer, span: Span, attributes: &[Attribute<'_>], n: u32) {
    w.message(1, |w| {
        w.fixed(2, span.start);
        w.fixed(3, span.end);
        w.present_fixed(6, u64::from(n));
        for a in attributes {
            attribute(w, 7, *a);
        }
    });
}

/// The data of a histogram over events and over sessions.
fn observed<const N: usize>(
    w: &mut Writer,
    span: Span,
    edges: &[f64],
    counts: &Observed<Bins<N>>,
    attributes: &[Attribute<'_>],
) {
    for (sample, of) in [("events", &counts.events), ("sessions", &counts.sessions)] {
        let mut all = Vec::from(attributes);
        all.push(("sample", sample));
        bins(w, span, edges, of, &all);
    }
    w.uint(2, DELTA);
}

/// A `HistogramDataPoint`. Its sum is left out: no number leaves the device.
fn bins<const N: usize>(
    w: &mut Writer,
    span: Span,
    edges: &[f64],
    bins: &Bins<N>,
    attributes: &[Attribute<'_>],
) {
    let counts = &bins.counts()[..=edges.len()];
    w.message(1, |w| {
        w.fixed(2, span.start);
        w.fixed(3, span.end);
        w.fixed(4, u64::from(bins.numbers()));
        w.packed_fixed(6, counts.iter().map(|n| u64::from(*n)));
        w.packed_fixed(7, edges.iter().map(|e| e.to_bits()));
        for a in attributes {
            attribute(w, 9, *a);
        }
    });
}

/// An exponential histogram of durations.
fn times(w: &mut Writer, timing: Timing, times: &Histogram, span: Span) {
    let name = format!("inbetween.{}", timing.name());
    let counts = times.counts();
    let first = counts.iter().position(|n| *n > 0).unwrap_or(0);
    let end = counts.iter().rposition(|n| *n > 0).map_or(first, |last| last + 1);
    metric(w, &name, "Times", 10, |w| {
        w.message(1, |w| {
            w.fixed(2, span.start);
            w.fixed(3, span.end);
            w.fixed(4, times.count());
            w.present_double(5, times.sum().as_secs_f64());
            w.sint(6, Histogram::SCALE);
            w.fixed(7, u64::from(times.zero()));
            w.message(8, |w| {
                w.sint(1, Histogram::OFFSET + first as i32);
                w.packed(2, counts[first..end].iter().map(|n| u64::from(*n)));
            });
            w.present_double(14, Histogram::ZERO_NANOS as f64 * 1e-9);
        });
        w.uint(2, DELTA);
    });
}
