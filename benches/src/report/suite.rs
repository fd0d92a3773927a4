//! The page of a suite: lines of the contract, policies, maps, frontiers, the oracle, ablations.
//! **Invariant:** every figure is one of the document's; the page needs nothing but itself.
//! It does not choose what looks good: all policies and scenes of the document are shown.

use maud::{DOCTYPE, Markup, html};

use super::{
    bars,
    frontier::{frontier, legend},
    heat::{Figure, map},
    page::head,
};
use crate::{
    energy,
    record::INBETWEEN,
    summary::{Family, Suite, Verdict, percent, verdicts, words},
    table,
};

/// The oracle's limits, as the contract has them.
const ORACLE: (f64, f64) = (2.5, 6.0);

pub(super) fn page(suite: &Suite) -> Markup {
    let (lines, word) = (verdicts(suite), energy::word());
    let promise = suite.scenes.iter().map(|s| s.miss_rate).fold(1.0, f64::min);
    html! {
        (DOCTYPE)
        html lang="en" {
            (head("Inbetween suite"))
            body {
                main {
                    h1 { "Inbetween suite" }
                    p class="soft" { (lead(suite)) }
                    (tiles(suite))
                    h2 { "What is asked, and what was measured" }
                    (contract(&lines))
                    p class="soft" { "In brackets: 95% intervals over " (suite.setup.resamples) " paired resamples of scenes and, within them, of sequences." }
                    @if !suite.frontier.is_empty() {
                        h2 { "Runs against violations, over the settings of each policy" }
                        (frontier(&suite.frontier, promise, "model runs a second", |p| p.runs_per_s))
                        (legend(&suite.frontier))
                    }
                    h2 { "Policies" }
                    (policies(suite))
                    p class="soft" { "Power in each profile of coefficients: " (suite.setup.profiles.join(", ")) ". It is " (word) ", not measured: runs, bytes, wake-ups and measured CPU time, each with a coefficient." }
                    @if !suite.frontier.is_empty() {
                        h2 { "Power (" (word) ") against violations" }
                        @for (i, profile) in suite.setup.profiles.iter().enumerate() {
                            (frontier(&suite.frontier, promise, &format!("{word} milliwatts, {profile}"), |p| p.watts.get(i).map_or(0.0, |w| w * 1e3)))
                        }
                    }
                    h2 { "Violations by scene" }
                    p class="soft" { "Share of refreshes that violate, all seeds pooled. Green: within the promise. ∅: no schedule of the oracle keeps it." }
                    (map(suite, Figure::Violations))
                    h2 { "Model runs a second by scene" }
                    (map(suite, Figure::Runs))
                    @if let Some(oracle) = &suite.summary.oracle {
                        h2 { "Beside the oracle" }
                        p class="soft" { "The oracle knows all frames and the truth, follows pixels as we do, and chooses the fewest runs that keep the promise." }
                        (bars::oracle(oracle, ORACLE))
                        @if !oracle.infeasible.is_empty() { p { "Infeasible for the oracle: " (oracle.infeasible.join(", ")) "." } }
                    }
                    @if !suite.summary.ablations.is_empty() {
                        h2 { "What each ingredient is worth" }
                        p class="soft" { "Without it: runs for each run of the whole (geometric mean over scenes), and violations in points more. Red earns its place, grey does not show a difference, green would be better off without." }
                        (bars::ablations(&suite.summary.ablations))
                    }
                    @if let Some(coverage) = &suite.summary.coverage {
                        h2 { "Families" }
                        (families(&coverage.families))
                    }
                    @if !suite.setup.tuned.is_empty() {
                        h2 { "Tuned settings" }
                        p class="soft" { "Chosen on the tune split: the fewest runs that keep the promise there, or, where none does, the fewest violations." }
                        (tuned(suite))
                    }
                    footer {
                        p { "A refresh violates if an object that counts has no answer under its identity within the tolerance of the truth at that display time, "
                            "or if an answer stands where no object has been for longer than the grace. Latency counts." }
                        @for r in &suite.setup.reduced { p { "Reduced: " (r) "." } }
                        @if !suite.command.is_empty() { p { "Made by " code { (suite.command) } } }
                    }
                }
            }
        }
    }
}

fn lead(suite: &Suite) -> String {
    let setup = &suite.setup;
    let mut scenes: Vec<&str> = suite.scenes.iter().map(|s| s.scene.as_str()).collect();
    scenes.sort_unstable();
    scenes.dedup();
    let split = setup.split.as_ref().map_or_else(String::new, |s| format!(" of the {s} split"));
    let seconds = setup.seconds.map_or_else(String::new, |s| format!(" of {s} s each"));
    format!(
        "{} rendered scenes{split} with exact truth × {} seeds: {} sequences{seconds}. Virtual time; every display refresh is scored.",
        scenes.len(),
        setup.seeds.len(),
        setup.sequences
    )
}

fn tiles(suite: &Suite) -> Markup {
    let tile = |value: String, name: &str| html! { div class="tile" { b { (value) } span { (name) } } };
    let ours = suite.summary.policies.iter().find(|p| p.policy == INBETWEEN);
    let fewer = suite.summary.fewer_runs.iter().find(|l| l.baseline == "every-nth-kalman");
    html! {
        div class="tiles" {
            @if let Some(r) = fewer.and_then(|l| l.ratio.as_ref()) { (tile(format!("{:.1}×", r.value), "fewer runs than every Nth + Kalman where both keep the promise")) }
            @if let Some(p) = ours {
                (tile(format!("{} of {}", p.scenes_kept, p.scenes), "scenes kept"))
                @if let Some(v) = &p.violation_rate { (tile(percent(v.value), "of all refreshes violate")) }
                (tile(format!("{:.2}", p.runs_per_s), "model runs a second"))
                (tile(format!("{:.0} µs", p.cpu_ns_per_frame / 1e3), "own CPU time a frame"))
            }
            @if let Some(r) = suite.summary.oracle.as_ref().and_then(|o| o.ratio.as_ref()) { (tile(format!("{:.1}×", r.value), "the oracle's runs")) }
        }
    }
}

fn contract(lines: &[Verdict]) -> Markup {
    html! {
        div class="scroll" {
            table class="contract" {
                thead { tr { th scope="col" { "asked" } th scope="col" { "measured" } th scope="col" { "met" } th scope="col" { } } }
                tbody {
                    @for v in lines {
                        tr {
                            td { (v.line) ". " (v.asked) }
                            td { (v.measured) }
                            @match v.met {
                                Some(true) => { td class="yes" { "yes" } }
                                Some(false) => { td class="no" { "no" } }
                                None => { td { "unknown" } }
                            }
                            td class="note" { (v.note) }
                        }
                    }
                }
            }
        }
    }
}

fn policies(suite: &Suite) -> Markup {
    html! {
        div class="scroll" {
            table {
                thead { tr { @for head in table::policy_heads() { th scope="col" { (head) } } } }
                tbody {
                    @for p in table::shown(&suite.summary) {
                        tr class=[(p.policy == INBETWEEN).then_some("ours")] { @for cell in table::policy_cells(p) { td { (cell) } } }
                    }
                }
            }
        }
    }
}

fn families(families: &[Family]) -> Markup {
    let share = |s: Option<f64>| s.map_or_else(|| "–".to_owned(), percent);
    html! {
        div class="scroll" {
            table {
                thead { tr {
                    th scope="col" { "family" } th scope="col" { "feasible" } th scope="col" { "violations, %" } th scope="col" { "within promise + 0.5" }
                    th scope="col" { "violations flagged" } th scope="col" { "good ones trusted" }
                } }
                tbody {
                    @for f in families {
                        tr {
                            td { (f.family) }
                            td { (match f.feasible { Some(true) => "yes", Some(false) => "no", None => "–" }) }
                            td { (f.violation_rate.map_or_else(|| "–".into(), |v| words(&crate::summary::Estimate { value: 100.0 * v.value, low: 100.0 * v.low, high: 100.0 * v.high }))) }
                            td class=(if f.covered { "yes" } else { "no" }) { @if f.covered { "yes" } @else { "no" } }
                            td { (share(f.flagged_violations)) }
                            td { (share(f.trusted_good)) }
                        }
                    }
                }
            }
        }
    }
}

fn tuned(suite: &Suite) -> Markup {
    html! {
        div class="scroll" {
            table {
                thead { tr { th scope="col" { "policy" } th scope="col" { "setting" } th scope="col" { "violations on the tune split" } th scope="col" { "kept there" } } }
                tbody {
                    @for t in &suite.setup.tuned {
                        tr { td { (t.policy) } td { (t.setting) } td { (percent(t.violation_rate)) } td { @if t.kept { "yes" } @else { "no" } } }
                    }
                }
            }
        }
    }
}
