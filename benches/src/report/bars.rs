//! Bars and intervals: each scene beside the oracle, and what each ingredient is worth.
//! **Invariant:** what is drawn is also written, so that nothing has to be read off an axis.
//! It does not compute.

use maud::{Markup, html};

use super::svg::{Scale, label, n, ticks, x_axis};
use crate::summary::{Ablation, Estimate, Oracle, WITHOUT, percent, words};

const WIDTH: f64 = 1080.0;
const ROW: f64 = 20.0;
const LEFT: f64 = 190.0;

/// Our runs for each run of the oracle, scene by scene.
pub(super) fn oracle(oracle: &Oracle, limits: (f64, f64)) -> Markup {
    let height = oracle.by_scene.len() as f64 * ROW + 56.0;
    let most = oracle.by_scene.first().map_or(1.0, |s| s.ratio).max(limits.1) * 1.05;
    let x = Scale::new((0.0, most), (LEFT, WIDTH - 60.0));
    let axis: Vec<_> =
        ticks(0.0, most, 10).into_iter().map(|t| (x.at(t), format!("{}×", label(t)))).collect();
    html! {
        div class="scroll" {
            svg viewBox={ "0 0 " (WIDTH) " " (n(height)) } role="img"
                aria-label="Model runs of Inbetween for each run of the oracle, for each feasible scene" {
                (x_axis(&axis, height - 32.0))
                @for (limit, name) in [(limits.0, "mean ≤ "), (limits.1, "worst ≤ ")] {
                    line class="limit" x1=(n(x.at(limit))) x2=(n(x.at(limit))) y1="16" y2=(n(height - 32.0)) {}
                    text class="limit-text" x=(n(x.at(limit))) y="11" text-anchor="middle" { (name) (label(limit)) "×" }
                }
                @for (i, s) in oracle.by_scene.iter().enumerate() {
                    @let top = 20.0 + i as f64 * ROW;
                    text class="tick" x=(n(LEFT - 8.0)) y=(n(top + 12.0)) text-anchor="end" { (s.scene) }
                    rect x=(n(LEFT)) y=(n(top)) width=(n((x.at(s.ratio) - LEFT).max(1.0))) height=(n(ROW - 6.0)) rx="2"
                        fill=(if s.ratio > limits.1 { "var(--bad)" } else { "var(--model)" }) {
                        title { (s.scene) ": " (format!("{:.2}", s.ratio)) " runs for each of the oracle's, " (percent(s.violation_rate)) " violate" }
                    }
                    text class="tick" x=(n(x.at(s.ratio) + 6.0)) y=(n(top + 12.0)) { (format!("{:.1}", s.ratio)) }
                }
            }
        }
    }
}

/// What happens without each ingredient.
pub(super) fn ablations(all: &[Ablation]) -> Markup {
    html! {
        div class="scroll" {
            table class="ablations" {
                thead { tr {
                    th scope="col" { "without" } th scope="col" { "runs" } th scope="col" { }
                    th scope="col" { "violations, points more" } th scope="col" { } th scope="col" { "scenes lost" } th scope="col" { "sequences" }
                } }
                tbody {
                    @for a in all {
                        tr {
                            td { (a.policy.strip_prefix(WITHOUT).unwrap_or(&a.policy)) }
                            td { "× " (a.runs_ratio.as_ref().map_or_else(|| "–".into(), words)) }
                            td { (interval(a.runs_ratio.as_ref(), 1.0, (0.5, 2.0), true)) }
                            td { (a.more_violations.as_ref().map_or_else(|| "–".into(), words)) }
                            td { (interval(a.more_violations.as_ref(), 0.0, (-10.0, 10.0), false)) }
                            td { (a.scenes_lost) }
                            td { (a.sequences) }
                        }
                    }
                }
            }
        }
    }
}

/// An interval beside the value that means "no difference". Red is worse without the ingredient: it earns its place.
fn interval(e: Option<&Estimate>, none: f64, range: (f64, f64), logarithmic: bool) -> Markup {
    const W: f64 = 160.0;
    let Some(e) = e else { return html! {} };
    let map = |v: f64| if logarithmic { v.max(1e-6).ln() } else { v };
    let x = Scale::new((map(range.0), map(range.1)), (4.0, W - 4.0));
    let at = |v: f64| x.at(map(v));
    let stroke = if e.low > none {
        "var(--bad)"
    } else if e.high < none {
        "var(--good)"
    } else {
        "var(--soft)"
    };
    html! {
        svg viewBox={ "0 0 " (W) " 16" } width=(W) height="16" role="img"
            aria-label={ "Interval from " (format!("{:.2}", e.low)) " to " (format!("{:.2}", e.high)) } {
            line class="grid" x1=(n(at(none))) x2=(n(at(none))) y1="0" y2="16" {}
            line x1=(n(at(e.low))) x2=(n(at(e.high))) y1="8" y2="8" stroke=(stroke) stroke-width="2" {}
            circle cx=(n(at(e.value))) cy="8" r="3.5" fill=(stroke) {}
        }
    }
}
