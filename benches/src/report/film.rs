//! The film strip: frames with the truth dashed and the answers in the colour of their source.
//! **Invariant:** a still shows the answer of the refresh that its caption names, not the nearest nice one.
//! It does not choose the moments: who made the session did.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maud::{Markup, html};

use super::{svg::n, timeline::source_colour};
use inbetween_sim::measure::Fault;

use crate::session::{Still, fault_name, reason_name, source_name};

/// The strip.
pub(super) fn film(stills: &[Still], epsilon: f64) -> Markup {
    html! {
        div class="film" { @for still in stills { (frame(still, epsilon)) } }
        ul class="legend" {
            li { svg width="26" height="12" aria-hidden="true" {
                rect class="truth-under" x="1" y="1" width="24" height="10" stroke-width="3" {}
                rect class="truth" x="1" y="1" width="24" height="10" stroke-width="1.5" {}
            } " truth, dashed" }
            li { i style="background:var(--model)" {} "answer, in the colour of its source" }
        }
    }
}

fn frame(still: &Still, epsilon: f64) -> Markup {
    let (w, h) = (f64::from(still.width), f64::from(still.height));
    let stroke = w / 160.0;
    let colour = source_colour(still.refresh.source);
    let plan = still
        .plan
        .map(|p| format!("frame {} ({})", if p.run { "run" } else { "skipped" }, reason_name(p.reason)));
    let error = still.refresh.error_px;
    let verdict = match still.refresh.fault {
        Some(fault @ Fault::Off) => format!("{}: {error:.1} px of {epsilon}", fault_name(fault)),
        Some(fault) => fault_name(fault).into(),
        None if still.truth.is_empty() => "nothing to answer".into(),
        None => format!("error {error:.1} px of {epsilon}"),
    };
    let alt = format!(
        "Frame at {:.2} s with {} true and {} answered boxes; {verdict}",
        still.refresh.display_s,
        still.truth.len(),
        still.answer.len()
    );
    html! {
        figure class=[still.refresh.fault.map(|_| "breach")] {
            svg viewBox={ "0 0 " (n(w)) " " (n(h)) } role="img" aria-label=(alt) {
                image href={ "data:image/jpeg;base64," (STANDARD.encode(&still.jpeg)) } width=(n(w)) height=(n(h)) preserveAspectRatio="none" {}
                @for m in &still.answer {
                    @let b = m.bounds;
                    rect class="box" x=(n(b.x0.into())) y=(n(b.y0.into())) width=(n(b.width().into())) height=(n(b.height().into()))
                        stroke=(colour) stroke-width=(n(stroke * 1.6)) {}
                    @if let Some(id) = m.identity {
                        text x=(n(f64::from(b.x0) + stroke)) y=(n((f64::from(b.y0) - stroke * 1.5).max(stroke * 9.0))) fill=(colour)
                            stroke="#000" stroke-width=(n(stroke * 0.9)) paint-order="stroke" font-weight="700" font-size=(n(w / 20.0)) { (id) }
                    }
                }
                @for m in &still.truth {
                    @let b = m.bounds;
                    rect class="truth-under" x=(n(b.x0.into())) y=(n(b.y0.into())) width=(n(b.width().into())) height=(n(b.height().into()))
                        stroke-width=(n(stroke * 1.4)) {}
                    rect class="truth" x=(n(b.x0.into())) y=(n(b.y0.into())) width=(n(b.width().into())) height=(n(b.height().into()))
                        stroke-width=(n(stroke * 0.8)) stroke-dasharray={ (n(stroke * 4.0)) " " (n(stroke * 3.0)) } {}
                }
            }
            figcaption {
                b { (format!("{:.2} s", still.refresh.display_s)) } " · " (source_name(still.refresh.source))
                @if let Some(age) = still.refresh.age_ms { (format!(", {age:.0} ms old")) } br;
                (verdict) @if let Some(p) = plan { br; (p) }
            }
        }
    }
}
