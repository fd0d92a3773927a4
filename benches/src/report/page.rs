//! The page around the pictures: title, verdict, tiles, notes, tables.
//! **Invariant:** the verdict is the first record's own count against its own promise.
//! It does not fetch: style and pictures are inside the page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Report, charts, film, timeline};
use crate::{
    record::{INBETWEEN, Row, kept},
    table,
};

/// What a browser must know before it shows anything.
pub(super) fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) }
            style { (PreEscaped(include_str!("style.css"))) }
        }
    }
}

pub(super) fn page(report: &Report) -> Markup {
    let first = report.rows.first();
    let several = report.rows.iter().any(|r| first.is_some_and(|f| (&f.scene, f.seed) != (&r.scene, r.seed)));
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(&report.title))
            body {
                main {
                    h1 { (report.title) }
                    p class="soft" { (report.lead) }
                    @if let Some(r) = first { @if several { (summary(&report.rows)) } @else { (verdict(r)) (tiles(r)) } }
                    @if !report.notes.is_empty() {
                        div class="notes" { ul { @for note in &report.notes { li { (note) } } } }
                    }
                    @if let (Some(detail), Some(r)) = (&report.detail, first) {
                        h2 { "What happened, frame by frame" }
                        (timeline::timeline(detail))
                        h2 { "Error against the tolerance" }
                        p class="soft" { "One point for each display refresh, in the colour of the answer's source; red points violate." }
                        (charts::errors(&detail.timeline, r.epsilon))
                    }
                    @if !report.stills.is_empty() {
                        @let epsilon = first.map_or(0.0, |r| r.epsilon);
                        h2 { "Frames with truth and answers" }
                        (film::film(&report.stills, epsilon))
                    }
                    @if !report.rows.is_empty() {
                        h2 { "Policies" }
                        @if several { (sums(&report.rows)) } @else { (policies(&report.rows, several)) }
                    }
                    @let latencies = report.detail.as_ref().map_or(&[][..], |d| &d.latencies_ms);
                    @if report.rows.len() > 1 || !latencies.is_empty() {
                        h2 { "Cost" }
                        div class="charts" {
                            @if report.rows.len() > 1 { (charts::frontier(&report.rows)) }
                            (charts::latencies(latencies))
                        }
                    }
                    @if several {
                        h2 { "Every session" }
                        details { summary { (report.rows.len()) " rows" } (policies(&report.rows, several)) }
                    }
                    footer {
                        p { "A refresh violates if an object that counts has no answer within the tolerance of the truth at that display time, "
                            "or if an answer stands where no object has been for longer than the grace. " code { "Unavailable" } " violates." }
                        @if !report.command.is_empty() { p { "Made by " code { (report.command) } } }
                    }
                }
            }
        }
    }
}

fn verdict(r: &Row) -> Markup {
    let rate = r.violation_rate();
    html! {
        div class={ "verdict" @if !kept(r) { " broken" } } {
            div {
                strong { @if kept(r) { "Promise kept." } @else { "Promise broken." } }
                " The card allows " (percent(r.miss_rate)) " of refreshes to be wrong by more than " (r.epsilon)
                " px; " (percent(rate)) " were (" (r.violations) " of " (r.refreshes) ")."
                @if r.violations > 0 { " Of these, " (r.flagged_violations) " answers had said that they might be." }
            }
        }
    }
}

fn tiles(r: &Row) -> Markup {
    let tile = |value: String, name: &str| html! { div class="tile" { b { (value) } span { (name) } } };
    html! {
        div class="tiles" {
            (tile(r.frames.to_string(), "camera frames"))
            (tile(r.runs.to_string(), "model runs"))
            @if r.runs > 0 { (tile(format!("{:.1}×", r.frames as f64 / r.runs as f64), "fewer runs than frames")) }
            (tile(format!("{:.1}", r.runs_per_s()), "model runs a second"))
            (tile(format!("{:.0}", r.refreshes as f64 / r.seconds.max(1e-9)), "answers a second"))
            (tile(format!("{:.0} ms", r.age_ms_mean), "mean age of the key frame"))
            @if r.cpu_ns_per_frame > 0.0 { (tile(format!("{:.0} µs", r.cpu_ns_per_frame / 1e3), "own CPU time a frame")) }
        }
    }
}

fn summary(rows: &[Row]) -> Markup {
    let ours: Vec<&Row> = rows.iter().filter(|r| r.policy == INBETWEEN).collect();
    let kept = ours.iter().filter(|r| kept(r)).count();
    let worst = ours.iter().max_by(|a, b| a.violation_rate().total_cmp(&b.violation_rate()));
    let lines = table::ratio_lines(rows);
    html! {
        @if !ours.is_empty() {
            div class={ "verdict" @if kept < ours.len() { " broken" } } {
                div {
                    strong { "Promise kept in " (kept) " of " (ours.len()) " sessions." }
                    @if let Some(w) = worst { " Worst: " (w.scene) ", seed " (w.seed) ", " (percent(w.violation_rate())) "." }
                    @for line in &lines { br; (line) }
                }
            }
        }
    }
}

fn percent(x: f64) -> String {
    if x > 0.0 && x < 0.0995 { format!("{:.2}%", x * 100.0) } else { format!("{:.1}%", x * 100.0) }
}

fn policies(rows: &[Row], several: bool) -> Markup {
    html! {
        div class="scroll" {
            table class=[several.then_some("several")] {
                thead { tr { @for head in table::heads(several) { th scope="col" { (head) } } } }
                tbody {
                    @for r in rows {
                        tr class=[(r.policy == INBETWEEN).then_some("ours")] {
                            @for cell in table::cells(r, several) { td { (cell) } }
                            td class=(if kept(r) { "yes" } else { "no" }) { @if kept(r) { "yes" } @else { "no" } }
                        }
                    }
                }
            }
        }
    }
}

fn sums(rows: &[Row]) -> Markup {
    html! {
        div class="scroll" {
            table {
                thead { tr { @for head in table::SUM_HEADS { th scope="col" { (head) } } } }
                tbody {
                    @for row in table::sums(rows) {
                        tr class=[(row[0] == INBETWEEN).then_some("ours")] { @for cell in row { td { (cell) } } }
                    }
                }
            }
        }
    }
}
