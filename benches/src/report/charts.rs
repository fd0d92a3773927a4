//! Error against tolerance, the latency histogram, and runs against violations.
//! **Invariant:** every chart shows the limit that it is to be read against.
//! It does not smooth: where there are more values than columns, a column shows its largest.

use hdrhistogram::Histogram;
use inbetween_sim::{
    Timeline,
    measure::{Fault, RefreshMark},
};
use maud::{Markup, html};

use super::{
    svg::{Scale, label, n, ticks, x_axis, y_axis},
    timeline::{seconds, source_colour},
};
use crate::{
    record::{INBETWEEN, Row},
    session::fault_name,
};

const WIDTH: f64 = 1080.0;
const LEFT: f64 = 90.0;

/// The worst error of each refresh over time.
pub(super) fn errors(log: &Timeline, epsilon: f64) -> Markup {
    const HEIGHT: f64 = 250.0;
    let (top, bottom) = (30.0, HEIGHT - 26.0);
    let total = seconds(log);
    let x = Scale::new((0.0, total), (LEFT, WIDTH - 20.0));
    let y = Scale::new((0.0, 2.5 * epsilon), (bottom, top));
    let points = columns(&log.refreshes, 1000);
    let y_ticks: Vec<_> = ticks(0.0, 2.5 * epsilon, 5).into_iter().map(|t| (y.at(t), label(t))).collect();
    let x_ticks: Vec<_> =
        ticks(0.0, total, 10).into_iter().map(|t| (x.at(t), format!("{} s", label(t)))).collect();
    html! {
        div class="scroll" {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img"
                aria-label={ "Error of the answers over time against the tolerance of " (label(epsilon)) " pixels" } {
                (y_axis(&y_ticks, LEFT, WIDTH - 20.0))
                (x_axis(&x_ticks, bottom))
                @for r in points.iter().filter(|r| r.fault.is_none() && r.error_px > 0.0) {
                    circle cx=(n(x.at(r.display_s))) cy=(n(y.at(f64::from(r.error_px)))) r="1.6" fill=(source_colour(r.source)) {}
                }
                line class="limit" x1=(n(LEFT)) x2=(n(WIDTH - 20.0)) y1=(n(y.at(epsilon))) y2=(n(y.at(epsilon))) {}
                text class="limit-text" x=(n(WIDTH - 22.0)) y=(n(y.at(epsilon) - 6.0)) text-anchor="end" {
                    "tolerance " (label(epsilon)) " px"
                }
                @for r in points.iter() {
                    @if let Some(fault) = r.fault {
                        @let at = if fault == Fault::Off { y.at(f64::from(r.error_px)) } else { top - 12.0 };
                        circle cx=(n(x.at(r.display_s))) cy=(n(at)) r="2.6" fill="var(--bad)" {
                            title { (format!("{:.2} s: ", r.display_s)) (fault_name(fault)) }
                        }
                    }
                }
                text class="lane" x=(n(LEFT - 6.0)) y=(n(top - 8.0)) text-anchor="end" { "no pair" }
            }
        }
    }
}

/// At most `count` refreshes: of each column the worst one.
fn columns(refreshes: &[RefreshMark], count: usize) -> Vec<RefreshMark> {
    let size = refreshes.len().div_ceil(count).max(1);
    let rank = |r: &&RefreshMark| (r.fault.is_some(), (r.error_px.clamp(0.0, 1e6) * 1e3) as u64);
    refreshes.chunks(size).filter_map(|c| c.iter().max_by_key(rank).copied()).collect()
}

/// How long the model's runs took.
pub(super) fn latencies(samples_ms: &[f32]) -> Markup {
    const HEIGHT: f64 = 260.0;
    const W: f64 = 520.0;
    let Ok(mut histogram) = Histogram::<u64>::new(3) else { return html! {} };
    histogram.auto(true);
    for ms in samples_ms {
        let micros = (f64::from(*ms) * 1e3).round().max(0.0) as u64;
        if histogram.record(micros).is_err() {
            return html! {};
        }
    }
    if histogram.is_empty() {
        return html! {};
    }
    let ms = |micros: u64| micros as f64 / 1e3;
    let (low, high) = (ms(histogram.min()), ms(histogram.max()));
    let (p50, p95) = (ms(histogram.value_at_quantile(0.5)), ms(histogram.value_at_quantile(0.95)));
    // From the 1st to the 99th percentile in 24 bars, so that one slow run does not flatten the rest.
    let from = ms(histogram.value_at_quantile(0.01)) * 0.98;
    let to = ms(histogram.value_at_quantile(0.99)) * 1.02;
    let bars = 24_usize;
    let mut counts = vec![0_u64; bars];
    for v in histogram.iter_recorded() {
        let t = (ms(v.value_iterated_to()) - from) / (to - from).max(1e-9);
        counts[((t * bars as f64).max(0.0) as usize).min(bars - 1)] += v.count_at_value();
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let (left, right, top, bottom) = (44.0, W - 18.0, 22.0, HEIGHT - 40.0);
    let x = Scale::new((from, to), (left, right));
    let y = Scale::new((0.0, most), (bottom, top));
    let width = (right - left) / bars as f64;
    let x_ticks: Vec<_> = ticks(from, to, 6).into_iter().map(|t| (x.at(t), label(t))).collect();
    let y_ticks: Vec<_> =
        ticks(0.0, most, 4).into_iter().filter(|t| t.fract() == 0.0).map(|t| (y.at(t), label(t))).collect();
    html! {
        figure {
            div class="scroll" {
                svg viewBox={ "0 0 " (W) " " (HEIGHT) } role="img"
                    aria-label={ "Histogram of " (samples_ms.len()) " run times, median " (label(p50)) " milliseconds" } {
                    (y_axis(&y_ticks, left, right))
                    @for (i, &count) in counts.iter().enumerate() {
                        @if count > 0 {
                            rect x=(n(left + i as f64 * width + 1.0)) width=(n(width - 2.0)) y=(n(y.at(count as f64)))
                                height=(n(bottom - y.at(count as f64))) fill="var(--model)" rx="1" { title { (count) " runs" } }
                        }
                    }
                    @for (at, name) in [(p50, "p50"), (p95, "p95")] {
                        line class="limit" style="stroke:var(--soft)" x1=(n(x.at(at))) x2=(n(x.at(at))) y1=(n(top)) y2=(n(bottom)) {}
                        text class="tick" x=(n(x.at(at))) y=(n(top - 6.0)) text-anchor="middle" { (name) }
                    }
                    (x_axis(&x_ticks, bottom))
                    text class="tick" x=(n(f64::midpoint(left, right))) y=(n(HEIGHT - 4.0)) text-anchor="middle" { "milliseconds from capture to result" }
                }
            }
            figcaption {
                (samples_ms.len()) " runs: from " (format!("{low:.1}")) " to " (format!("{high:.1}")) " ms, median "
                (format!("{p50:.1}")) ", 95th percentile " (format!("{p95:.1}")) "."
            }
        }
    }
}

const COLOURS: [&str; 7] = [
    "var(--pixels)",
    "var(--trend)",
    "var(--hold)",
    "var(--cached)",
    "var(--between)",
    "var(--rule)",
    "var(--soft)",
];

/// Runs a second against the share of violations, one point a row.
pub(super) fn frontier(rows: &[Row]) -> Markup {
    const HEIGHT: f64 = 260.0;
    const W: f64 = 520.0;
    let mut policies: Vec<&str> = Vec::new();
    for r in rows {
        if !policies.contains(&r.policy.as_str()) {
            policies.push(&r.policy);
        }
    }
    let most = rows.iter().map(Row::runs_per_s).fold(1.0, f64::max) * 1.08;
    let worst = rows.iter().map(Row::violation_rate).fold(0.02, f64::max);
    let promise = rows.first().map_or(0.0, |r| r.miss_rate);
    let (left, right, top, bottom) = (44.0, W - 18.0, 14.0, HEIGHT - 40.0);
    let x = Scale::new((0.0, most), (left, right));
    // A square-root axis: one percent and fifty are both of interest.
    let y_scale = Scale::new((0.0, worst.max(promise * 2.0).sqrt() * 1.05), (bottom, top));
    let y = |rate: f64| y_scale.at(rate.sqrt());
    let top_rate = worst.max(promise * 2.0);
    let y_ticks: Vec<_> = [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0]
        .into_iter()
        .filter(|&r| r <= top_rate * 1.1)
        .map(|r| (y(r), format!("{}%", label(r * 100.0))))
        .collect();
    let x_ticks: Vec<_> = ticks(0.0, most, 6).into_iter().map(|t| (x.at(t), label(t))).collect();
    let colour = |policy: &str| {
        if policy == INBETWEEN {
            return "var(--model)";
        }
        let place = policies.iter().filter(|p| **p != INBETWEEN).position(|p| *p == policy).unwrap_or(0);
        COLOURS[place % COLOURS.len()]
    };
    html! {
        figure {
            div class="scroll" {
                svg viewBox={ "0 0 " (W) " " (HEIGHT) } role="img"
                    aria-label="Model runs a second against the share of refreshes that violate, for each policy" {
                    (y_axis(&y_ticks, left, right))
                    line class="limit" x1=(n(left)) x2=(n(right)) y1=(n(y(promise))) y2=(n(y(promise))) {}
                    text class="limit-text" x=(n(right)) y=(n(y(promise) - 5.0)) text-anchor="end" { "promised" }
                    @for r in rows {
                        circle cx=(n(x.at(r.runs_per_s()))) cy=(n(y(r.violation_rate()))) fill=(colour(&r.policy))
                            r=(if r.policy == INBETWEEN { "6" } else { "5" }) fill-opacity=".85" {
                            title { (r.policy) ", " (r.scene) " seed " (r.seed) ": "
                                (format!("{:.1} runs/s, {:.2}% violations", r.runs_per_s(), r.violation_rate() * 100.0)) }
                        }
                    }
                    (x_axis(&x_ticks, bottom))
                    text class="tick" x=(n(f64::midpoint(left, right))) y=(n(HEIGHT - 4.0)) text-anchor="middle" { "model runs a second" }
                }
            }
            ul class="legend" {
                @for p in &policies { li { i style={ "background:" (colour(p)) } {} (p) } }
            }
            figcaption { "Violations (square-root axis) against model runs. Lower left is better; below the dashed line the promise is kept." }
        }
    }
}
