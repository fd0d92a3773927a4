//! The strip of a session: what was decided for each frame, when the model was busy, where each answer came from.
//! **Invariant:** every frame and every refresh is in the strip; neighbours of the same kind share one rectangle.
//! It does not drop or sample anything.

use maud::{Markup, html};

use inbetween_sim::{Report as Detail, Timeline, measure::FrameMark};

use super::svg::{Scale, label, n, ticks, x_axis};
use crate::session::{fault_name, reason_name, source_name};

const WIDTH: f64 = 1080.0;
const LEFT: f64 = 62.0;
const ROW: f64 = 78.0;
/// More rows than this make a page that nobody scrolls.
const MAX_ROWS: f64 = 12.0;

/// The colour of a source: a variable of the style sheet.
pub(super) fn source_colour(word: &str) -> &'static str {
    match word {
        "model" => "var(--model)",
        "cached" => "var(--cached)",
        "interpolated" => "var(--between)",
        "pixels" => "var(--pixels)",
        "trend" => "var(--trend)",
        "hold" => "var(--hold)",
        "rule" => "var(--rule)",
        _ => "var(--none)",
    }
}

fn skip_colour(word: &str) -> &'static str {
    match word {
        "within-tolerance" | "not-nth" => "var(--line)",
        "in-flight" => "var(--hold)",
        "cache-hit" => "var(--cached)",
        "deadline" | "budget" => "var(--trend)",
        _ => "var(--none)",
    }
}

fn run_colour(word: &str) -> &'static str {
    match word {
        "first" | "cut" | "nth" => "var(--model)",
        "forecast" => "var(--pixels)",
        "residual" => "var(--trend)",
        "birth" => "var(--between)",
        "age" => "var(--hold)",
        "audit" => "var(--cached)",
        _ => "var(--none)",
    }
}

/// A stretch of time of one kind.
struct Span<K> {
    from: f64,
    to: f64,
    count: usize,
    kind: K,
}

/// Joins neighbours of the same kind; each lasts until the next begins.
fn spans<K: PartialEq + Copy>(items: &[(f64, K)], end: f64) -> Vec<Span<K>> {
    let mut out: Vec<Span<K>> = Vec::new();
    for (i, &(from, kind)) in items.iter().enumerate() {
        let to = items.get(i + 1).map_or(end.max(from), |next| next.0);
        match out.last_mut() {
            Some(last) if last.kind == kind => {
                last.to = to;
                last.count += 1;
            }
            _ => out.push(Span { from, to, count: 1, kind }),
        }
    }
    out
}

/// Seconds from the start to the last event.
pub(super) fn seconds(timeline: &Timeline) -> f64 {
    let frame = timeline.frames.last().map_or(0.0, |f| f.captured_s);
    frame.max(timeline.refreshes.last().map_or(0.0, |r| r.display_s)).max(0.1)
}

/// The strip with its legends.
pub(super) fn timeline(detail: &Detail) -> Markup {
    let log = &detail.timeline;
    let total = seconds(log);
    let step = ticks(0.0, total, MAX_ROWS as usize).get(1).copied().unwrap_or(total);
    let row = if total <= 6.0 { total } else { step.max(total.min(5.0)) };
    let rows = (total / row).ceil().max(1.0) as usize;
    let frame_period = total / log.frames.len().max(1) as f64;
    let refresh_period = total / log.refreshes.len().max(1) as f64;
    let plans: Vec<_> = log.frames.iter().map(|f| (f.captured_s, (f.run, f.reason))).collect();
    let plans = spans(&plans, total + frame_period);
    let answers: Vec<_> = log.refreshes.iter().map(|r| (r.display_s, r.source)).collect();
    let answers = spans(&answers, total + refresh_period);
    let runs: Vec<(f64, f64)> = log
        .frames
        .iter()
        .filter(|f| f.run)
        .zip(&detail.latencies_ms)
        .map(|(f, ms)| (f.captured_s, f64::from(*ms) * 1e-3))
        .collect();
    let height = rows as f64 * ROW + 6.0;
    html! {
        div class="scroll" {
            svg viewBox={ "0 0 " (WIDTH) " " (n(height)) } role="img"
                aria-label="Timeline: frames that were run and skipped, model busy times, source of each answer, violations" {
                @for r in 0..rows {
                    @let (from, to) = (r as f64 * row, (r + 1) as f64 * row);
                    @let x = Scale::new((from, to), (LEFT, WIDTH - 20.0));
                    @let y = r as f64 * ROW;
                    (lane_names(y))
                    (frames(&plans, x, y, from, to))
                    @for &(start, takes) in runs.iter().filter(|r| r.0 < to && r.0 + r.1 > from) {
                        rect x=(n(x.at(start))) y=(n(y + 21.0)) rx="1.5" height="5" fill="var(--model)" opacity=".75"
                            width=(n((x.at(start + takes) - x.at(start)).max(1.0))) {
                            title { "model run, " (format!("{:.0}", takes * 1e3)) " ms" }
                        }
                    }
                    @for span in answers.iter().filter(|s| s.from < to && s.to > from) {
                        rect x=(n(x.at(span.from))) y=(n(y + 30.0)) height="14" fill=(source_colour(span.kind))
                            width=(n(x.at(span.to) - x.at(span.from))) {
                            title { (span.count) " answers: " (source_name(span.kind)) }
                        }
                    }
                    @for refresh in log.refreshes.iter().filter(|q| q.display_s >= from && q.display_s < to) {
                        @if let Some(fault) = refresh.fault {
                            rect x=(n(x.at(refresh.display_s))) y=(n(y + 47.0)) height="7" fill="var(--bad)"
                                width=(n((x.at(refresh.display_s + refresh_period) - x.at(refresh.display_s)).max(1.2)))
                                opacity=(if refresh.within_tolerance { "1" } else { ".5" }) {
                                title { (format!("{:.2} s: ", refresh.display_s)) (fault_name(fault))
                                    @if !refresh.within_tolerance { " (the answer said that it might be)" } }
                            }
                        }
                    }
                    @let marks: Vec<(f64, String)> = ticks(from, to, 10).into_iter()
                        .map(|t| (x.at(t), format!("{} s", label(t)))).collect();
                    (x_axis(&marks, y + 55.0))
                }
            }
        }
        (legend(log))
    }
}

fn lane_names(y: f64) -> Markup {
    html! {
        @for (at, name) in [(12.0, "frames"), (27.0, "model"), (41.0, "answers"), (54.0, "violations")] {
            text class="lane" x=(n(LEFT - 6.0)) y=(n(y + at)) text-anchor="end" { (name) }
        }
    }
}

fn frames(spans: &[Span<(bool, &'static str)>], x: Scale, y: f64, from: f64, to: f64) -> Markup {
    html! {
        @for span in spans.iter().filter(|s| s.from < to && s.to > from) {
            @let width = x.at(span.to) - x.at(span.from);
            @let (run, reason) = span.kind;
            @if run {
                rect x=(n(x.at(span.from))) y=(n(y + 2.0)) height="15" width=(n(width.clamp(1.6, 5.0))) fill=(run_colour(reason)) {
                    title { (format!("{:.2} s: run, ", span.from)) (reason_name(reason)) }
                }
            } @else {
                rect x=(n(x.at(span.from))) y=(n(y + 8.0)) height="6" width=(n(width)) fill=(skip_colour(reason)) {
                    title { (span.count) " frames skipped: " (reason_name(reason)) }
                }
            }
        }
    }
}

/// Counts each kind, commonest first.
fn tally<K: PartialEq + Copy>(kinds: impl Iterator<Item = K>) -> Vec<(K, usize)> {
    let mut out: Vec<(K, usize)> = Vec::new();
    for kind in kinds {
        match out.iter_mut().find(|(k, _)| *k == kind) {
            Some((_, count)) => *count += 1,
            None => out.push((kind, 1)),
        }
    }
    out.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    out
}

fn legend(log: &Timeline) -> Markup {
    let reasons =
        |run: bool| tally(log.frames.iter().filter(move |f: &&FrameMark| f.run == run).map(|f| f.reason));
    let sources = tally(log.refreshes.iter().map(|r| r.source));
    let faults = tally(log.refreshes.iter().filter_map(|r| r.fault));
    let item = |colour: &str, name: &str, count: usize| {
        html! { li { i style={ "background:" (colour) } {} (name) " " b { (count) } } }
    };
    html! {
        ul class="legend" aria-label="Frames run" {
            li { b { "Frames run" } }
            @for (reason, count) in reasons(true) { (item(run_colour(reason), reason_name(reason), count)) }
        }
        ul class="legend" aria-label="Frames skipped" {
            li { b { "Frames skipped" } }
            @for (reason, count) in reasons(false) { (item(skip_colour(reason), reason_name(reason), count)) }
        }
        ul class="legend" aria-label="Answers" {
            li { b { "Answers" } }
            @for (source, count) in sources { (item(source_colour(source), source_name(source), count)) }
        }
        ul class="legend" aria-label="Violations" {
            li { b { "Violations" } }
            @if faults.is_empty() { li { "none" } }
            @for (fault, count) in faults { (item("var(--bad)", fault_name(fault), count)) }
            @if log.truncated { li { "(the strip shows the beginning of a longer session)" } }
        }
    }
}
