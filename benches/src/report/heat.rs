//! Heat maps: every scene against every policy.
//! **Invariant:** a cell says its figure; the colour only repeats it.
//! It does not sort by result: scenes stand in the order of their families.

use maud::{Markup, html};

use crate::summary::{Suite, percent};

/// What a map shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    /// Share of refreshes that violate.
    Violations,
    /// Runs in a second.
    Runs,
}

/// Of which policies maps are drawn: ablations have a chart of their own.
fn policies(suite: &Suite) -> Vec<&str> {
    suite
        .summary
        .policies
        .iter()
        .map(|p| p.policy.as_str())
        .filter(|p| !p.starts_with(crate::summary::WITHOUT))
        .collect()
}

/// One map.
pub(super) fn map(suite: &Suite, figure: Figure) -> Markup {
    let policies = policies(suite);
    let mut scenes: Vec<(&str, &str, Option<usize>)> = Vec::new();
    for s in &suite.scenes {
        if scenes.iter().all(|(_, scene, _)| *scene != s.scene) {
            scenes.push((&s.family, &s.scene, s.feasible));
        }
    }
    scenes.sort_unstable();
    let cell =
        |scene: &str, policy: &str| suite.scenes.iter().find(|s| s.scene == scene && s.policy == policy);
    let most = suite.scenes.iter().map(|s| s.runs as f64 / s.seconds.max(1e-9)).fold(1.0, f64::max);
    html! {
        div class="scroll" {
            table class="heat" {
                thead { tr { th scope="col" { "scene" } @for p in &policies { th scope="col" { span { (p) } } } } }
                tbody {
                    @for (family, scene, feasible) in &scenes {
                        tr {
                            th scope="row" title=(family) { (scene) @if *feasible == Some(0) { " ∅" } }
                            @for p in &policies {
                                @match cell(scene, p) {
                                    None => { td { } }
                                    Some(s) => {
                                        @let rate = s.violations as f64 / s.refreshes.max(1) as f64;
                                        @let runs = s.runs as f64 / s.seconds.max(1e-9);
                                        @match figure {
                                            Figure::Violations => { td style=(violation_colour(rate, s.miss_rate)) { (percent(rate)) } }
                                            Figure::Runs => { td style=(mix("var(--model)", 70.0 * (runs / most).sqrt())) {
                                                (format!("{runs:.1}"))
                                            } }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn mix(colour: &str, share: f64) -> String {
    format!("background:color-mix(in srgb,{colour} {:.0}%,transparent)", share.clamp(0.0, 100.0))
}

/// Green while the promise is kept, fainter the less is left; red beyond, stronger with each doubling.
fn violation_colour(rate: f64, promise: f64) -> String {
    let times = rate / promise.max(1e-9);
    if times <= 1.0 {
        mix("var(--good)", 45.0 - 30.0 * times)
    } else {
        mix("var(--bad)", 18.0 + 16.0 * times.log2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promise_is_where_green_ends() {
        assert!(violation_colour(0.02, 0.02).contains("--good"));
        assert!(violation_colour(0.0201, 0.02).contains("--bad) 18%"));
        assert!(
            violation_colour(0.9, 0.02).contains("--bad) 100%")
                || violation_colour(0.9, 0.02).contains("--bad) 10")
        );
    }
}
