//! Frontiers: what a policy costs against how often it violates, over its settings.
//! **Invariant:** all points of a chart are of the same sequences; lower left is better.
//! It does not interpolate: lines only join the settings of one policy.

use maud::{Markup, html};

use super::svg::{Scale, label, n, x_axis, y_axis};
use crate::{
    record::INBETWEEN,
    summary::{Point, Series, percent},
};

const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 420.0;

const COLOURS: [&str; 8] = [
    "var(--trend)",
    "var(--pixels)",
    "var(--cached)",
    "var(--rule)",
    "var(--between)",
    "var(--hold)",
    "var(--soft)",
    "var(--bad)",
];

/// The colour of the series at a place.
fn colour(series: &[Series], place: usize) -> &'static str {
    if series[place].policy == INBETWEEN {
        return "var(--model)";
    }
    let before = series[..place].iter().filter(|s| s.policy != INBETWEEN && s.points.len() > 1).count();
    if series[place].points.len() > 1 { COLOURS[before % COLOURS.len()] } else { "var(--soft)" }
}

/// A logarithmic axis from `low` to `high` with ticks at 1, 2 and 5 times powers of ten.
struct Log(Scale, f64, f64);

impl Log {
    fn new(low: f64, high: f64, to: (f64, f64)) -> Self {
        Self(Scale::new((low.ln(), high.ln()), to), low, high)
    }

    fn at(&self, x: f64) -> f64 {
        self.0.at(x.max(self.1).ln())
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        (-6..7)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|k| k * 10_f64.powi(power)))
            .filter(|t| (self.1..=self.2).contains(t))
            .map(|t| (self.at(t), label(t)))
            .collect()
    }
}

/// One chart: violations (square-root axis) against a cost (logarithmic axis).
pub(super) fn frontier(series: &[Series], promise: f64, unit: &str, cost: impl Fn(&Point) -> f64) -> Markup {
    let points = || series.iter().flat_map(|s| &s.points).filter(|p| cost(p) > 0.0);
    let low = points().map(&cost).fold(f64::INFINITY, f64::min) * 0.85;
    let high = points().map(&cost).fold(0.0, f64::max) * 1.15;
    if !(low.is_finite() && high > low) {
        return html! {};
    }
    let worst = points().map(|p| p.violation_rate).fold(promise * 2.0, f64::max);
    let (left, right, top, bottom) = (56.0, WIDTH - 24.0, 18.0, HEIGHT - 44.0);
    let x = Log::new(low, high, (left, right));
    let y_scale = Scale::new((0.0, worst.sqrt() * 1.04), (bottom, top));
    let y = |rate: f64| y_scale.at(rate.sqrt());
    let y_ticks: Vec<_> = [0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0]
        .into_iter()
        .filter(|r| *r <= worst * 1.05)
        .map(|r| (y(r), format!("{}%", label(r * 100.0))))
        .collect();
    let at = |s: &Series| s.points.first().map(|p| (x.at(cost(p)), y(p.violation_rate)));
    let labelled = labelled(series, at);
    html! {
        div class="scroll" {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img"
                aria-label={ "Share of refreshes that violate against " (unit) ", for each policy over its settings" } {
                (y_axis(&y_ticks, left, right))
                (x_axis(&x.ticks(), bottom))
                line class="limit" x1=(n(left)) x2=(n(right)) y1=(n(y(promise))) y2=(n(y(promise))) {}
                text class="limit-text" x=(n(right)) y=(n(y(promise) - 6.0)) text-anchor="end" { "promised: " (percent(promise)) }
                @for (place, s) in series.iter().enumerate() {
                    @let stroke = colour(series, place);
                    @if s.points.len() > 1 {
                        @let path: Vec<String> = s.points.iter().filter(|p| cost(p) > 0.0)
                            .map(|p| format!("{},{}", n(x.at(cost(p))), n(y(p.violation_rate)))).collect();
                        polyline points=(path.join(" ")) fill="none" stroke=(stroke)
                            stroke-width=(if s.policy == INBETWEEN { "3" } else { "1.6" }) stroke-linejoin="round" {}
                    }
                    @for p in s.points.iter().filter(|p| cost(p) > 0.0) {
                        @let (cx, cy) = (x.at(cost(p)), y(p.violation_rate));
                        @let ours = s.policy == INBETWEEN && p.setting == "1";
                        @if s.points.len() > 1 || ours {
                            circle cx=(n(cx)) cy=(n(cy)) r=(if ours { "7" } else { "3.4" }) fill=(stroke) { title { (title(s, p, unit, cost(p))) } }
                        } @else if s.policy.starts_with("oracle") {
                            path d={ "M" (n(cx)) " " (n(cy - 8.0)) "l7 8l-7 8l-7-8z" } fill="var(--good)" { title { (title(s, p, unit, cost(p))) } }
                            text class="tick" x=(n(cx + 11.0)) y=(n(cy + 4.0)) { (s.policy) }
                        } @else if s.policy != INBETWEEN {
                            rect x=(n(cx - 4.0)) y=(n(cy - 4.0)) width="8" height="8" fill="none" stroke="var(--soft)" stroke-width="1.6" { title { (title(s, p, unit, cost(p))) } }
                            @if labelled.contains(&place) {
                                text class="tick" x=(n(cx - 8.0)) y=(n(cy - 5.0)) text-anchor="end" { (s.policy) }
                            }
                        }
                    }
                }
                text class="tick" x=(n(f64::midpoint(left, right))) y=(n(HEIGHT - 6.0)) text-anchor="middle" { (unit) }
            }
        }
    }
}

/// Which single points get their name written: where it meets no other name; all have it as a title.
fn labelled(series: &[Series], at: impl Fn(&Series) -> Option<(f64, f64)>) -> Vec<usize> {
    const LETTER: f64 = 6.4;
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    let mut chosen = Vec::new();
    for (place, s) in series.iter().enumerate().filter(|(_, s)| s.points.len() == 1) {
        let Some((x, y)) = at(s) else { continue };
        let (left, right) = (x - 8.0 - LETTER * s.policy.len() as f64, x + 8.0);
        let meets = |&(l, r, other): &(f64, f64, f64)| left < r && l < right && (y - other).abs() < 15.0;
        if !taken.iter().any(meets) {
            taken.push((left, right, y));
            chosen.push(place);
        }
    }
    chosen
}

fn title(s: &Series, p: &Point, unit: &str, cost: f64) -> String {
    let setting = if s.points.len() > 1 { format!(" at {}", p.setting) } else { String::new() };
    let rate = percent(p.violation_rate);
    format!(
        "{}{setting}: {cost:.2} {unit}, {rate} violate, {} of {} scenes kept",
        s.policy, p.scenes_kept, p.scenes
    )
}

/// What the lines are.
pub(super) fn legend(series: &[Series]) -> Markup {
    html! {
        ul class="legend" {
            @for (place, s) in series.iter().enumerate().filter(|(_, s)| s.points.len() > 1) {
                li { i style={ "background:" (colour(series, place)) } {} (s.policy) " over " (s.knob) }
            }
            li { "▫ a policy with one setting" }
        }
    }
}
