//! What the picture gives away is no reason to mistrust the forecast.
#![allow(missing_docs, clippy::unwrap_used)] // a test fails where it cannot go on

mod common;

use common::{config, frame, ms, picture};
use inbetween_flow::{Completion, Engine, Ingredients, Label, Outcome, Plan, RunReason, Value, ValueKind};

/// A classifier whose picture is cut to another state every four seconds: runs of two minutes, by what asked for them.
fn runs() -> (u32, u32) {
    let mut config = config(ValueKind::Label);
    config.tolerance.epsilon = 0.5;
    config.tolerance.miss_rate = 0.05;
    config.budget.max_age = std::time::Duration::from_mins(1);
    config.scheduling.without = Ingredients::CACHE;
    let mut engine = Engine::new(config, 7).unwrap();
    let textured = picture(20, 20);
    let inverted: Vec<u8> = textured.iter().rev().map(|p| 255 - p).collect();
    let (mut cuts, mut forecasts) = (0, 0);
    for i in 0..3_600_u64 {
        let now = ms(1_000 + i * 1_000 / 30);
        let class = (i / 120 % 2) as u32;
        let seen = if class == 0 { &textured } else { &inverted };
        if let Plan::Run(ticket) = engine.handle_frame(now, &frame(now, seen)).unwrap() {
            cuts += u32::from(ticket.reason == RunReason::SceneCut);
            forecasts += u32::from(ticket.reason == RunReason::Forecast);
            let outcome = Outcome::Value(Value::Label(Label { class, score: 0.95 }));
            engine.handle_completion(now, Completion { ticket: ticket.id, outcome });
        }
    }
    (cuts, forecasts)
}

#[test]
fn changes_that_cuts_announce_do_not_make_the_forecast_ask_for_runs() {
    let (cuts, forecasts) = runs();
    assert!(cuts >= 20, "{cuts} runs for 29 cuts");
    assert!(forecasts <= 250, "{forecasts} runs that found nothing");
}
