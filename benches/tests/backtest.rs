//! Recorded sessions through the command `backtest`, from a recording that is made here to the table.
#![allow(clippy::unwrap_used, missing_docs)] // helpers of tests may fail as tests do

mod common;

use common::CARD;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Output,
};

use inbetween_bench::backtest::record::{BoxLine, Cell, EventLine, FrameLine, Session};
use serde_json::Value;

const RISK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/risk/bundle/card.toml");
const SIDE: usize = 96;

fn inbetween(arguments: &[&str]) -> Output {
    common::inbetween().args(arguments).output().unwrap()
}

/// Runs `backtest`; what it printed, and its JSON.
fn backtest(folder: &Path, sessions: &[PathBuf], rest: &[&str]) -> (String, Value) {
    let json = folder.join("report.json");
    let mut arguments = vec!["backtest", "--json", json.to_str().unwrap(), "--session"];
    arguments.extend(sessions.iter().map(|p| p.to_str().unwrap()));
    arguments.extend(rest);
    let output = inbetween(&arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    let report = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    (String::from_utf8(output.stdout).unwrap(), report)
}

fn fails(arguments: &[&str], part: &str) {
    let output = inbetween(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(part) && !error.contains("panicked"), "`{part}` is not in: {error}");
}

fn line<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["lines"]
        .as_array()
        .unwrap()
        .iter()
        .find(|l| l["name"] == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

fn loss(report: &Value, name: &str) -> f64 {
    line(report, name)["loss"]["value"].as_f64().unwrap()
}

/// Four seconds of a patterned square that goes to and fro, `speed` pixels a frame, as a device would record them.
fn frames(path: &Path, speed: usize) {
    let frame = |n: usize| {
        let (at, way) = (n * speed, SIDE - 24);
        let x = if at / way % 2 == 0 { at % way } else { way - at % way };
        let mut gray: Vec<u8> =
            (0..SIDE * SIDE).map(|i| 30 + (i / SIDE / 4 + i % SIDE / 4) as u8 % 2 * 8).collect();
        for row in 36..60 {
            for column in 0..24 {
                gray[row * SIDE + x + column] = 200 + ((column / 3 + row / 3) % 2 * 50) as u8;
            }
        }
        let said = BoxLine(x as f32, 36.0, x as f32 + 24.0, 60.0, 0.9, 0);
        FrameLine::new(5_000.0 + 1000.0 / 30.0 * n as f64, &gray, 30.0, vec![said])
    };
    let side = SIDE as u32;
    Session::of_frames((side, side), (0..120).map(frame).collect()).unwrap().write(path).unwrap();
}

#[test]
fn frames_are_replayed_by_every_rung_and_by_another_card() {
    let folder = common::folder("frames_are_replayed_by_every_rung_and_by_another_card");
    let sessions = [folder.join("slow.jsonl"), folder.join("fast.jsonl")];
    frames(&sessions[0], 1);
    frames(&sessions[1], 2);
    // The same model under a card that lets boxes lie anywhere, and is judged by the first one's tolerance.
    let lax = folder.join("lax.toml");
    let text = std::fs::read_to_string(CARD).unwrap();
    let changed = text.replace("epsilon = 20 ", "epsilon = 4 ");
    assert_ne!(text, changed);
    let strict = folder.join("strict.toml");
    std::fs::write(&strict, &changed).unwrap();
    std::fs::write(&lax, &text).unwrap();
    let rest = ["--card", strict.to_str().unwrap(), "--against", lax.to_str().unwrap()];
    let (words, report) = backtest(&folder, &sessions, &rest);

    assert_eq!(report["sessions"], 2);
    let runs = |name: &str| line(&report, name)["runs"].as_u64().unwrap();
    assert!(runs("the card") > 0 && 2 * runs("the card") < runs("model"), "{report}");
    assert!(runs("every Nth, held") >= runs("the card"));
    assert!(runs("predicted") <= 2 * 10, "a run for each half second and no more: {}", runs("predicted"));
    // All but the card's grace at the beginning.
    assert!(runs("unavailable") == 0 && loss(&report, "unavailable") > 0.9, "{report}");
    assert!(loss(&report, "the card") < 0.25, "{report}");
    assert!(loss(&report, "predicted") < 1.0);
    let held = &line(&report, "every Nth, held")["difference"];
    assert!(held["low"].as_f64().unwrap() <= held["value"].as_f64().unwrap());
    assert_eq!(report["worst_rung"], "unavailable");
    assert!(words.contains("the worst rung by itself is `unavailable`: 0.9"), "{words}");
    assert!(words.contains("the other card"), "{words}");

    // The same files, the same figures.
    assert_eq!(backtest(&folder, &sessions, &rest).1, report);
}

/// Three hundred payments of which one in ten is bad. The model is nearly always right, its variant less often, and the
/// simple method knows nothing but how many are bad.
fn payments(path: &Path) {
    let event = |n: usize| {
        let label = n % 10 == 3;
        let sure = |right: bool| if right == label { vec![0.03, 0.97] } else { vec![0.99, 0.01] };
        let number = |x: f64| Cell::Number(x);
        let mut features: BTreeMap<String, Cell> = [
            ("amount", number(20.0 + n as f64)),
            ("hour", number((n % 24) as f64)),
            ("country", Cell::Text("AT".into())),
            ("account_days", number(100.0)),
            ("payments_1h", number(1.0)),
            ("new_device", number(0.0)),
            ("merchant_risk", number(0.1)),
            ("distance_km", number(3.0)),
        ]
        .map(|(name, cell)| (name.to_owned(), cell))
        .into();
        if n.is_multiple_of(25) {
            // The scoring service is away: what the model needs is missing, and its variant does not need it.
            features.insert("merchant_risk".into(), Cell::Missing(()));
        }
        let said = vec![Some(sure(n % 50 != 13)), Some(sure(n % 20 != 13))];
        EventLine { at_ms: 20_000.0 * n as f64, features, said, label, baseline: Some(0.1) }
    };
    Session::of_events((0..300).map(event).collect()).unwrap().write(path).unwrap();
}

#[test]
fn events_are_replayed_by_what_decisions_cost() {
    let folder = common::folder("events_are_replayed_by_what_decisions_cost");
    let session = folder.join("payments.jsonl");
    payments(&session);
    let (words, report) = backtest(&folder, std::slice::from_ref(&session), &["--card", RISK]);
    assert_eq!(report["unit"], "EUR an event");
    let names: Vec<&str> =
        report["lines"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["the card", "the simple method", "model", "risk-small", "rule", "unavailable"]);
    let cost = |name: &str| loss(&report, name);
    assert!(cost("the card") < cost("risk-small") && cost("risk-small") < cost("unavailable"), "{report}");
    assert!(cost("the card") < cost("the simple method"), "{report}");
    // Nothing is done about thirty bad payments of 150 EUR.
    assert!((cost("unavailable") - 15.0).abs() < 1e-9, "{report}");
    assert_eq!(report["worst_rung"], "unavailable");
    // Three hundred events are too few to show it, and that is said.
    assert!(words.contains("no difference of the simple method and the card is shown"), "{words}");
}

#[test]
fn what_cannot_be_replayed_is_said() {
    let folder = common::folder("what_cannot_be_replayed_is_said");
    let (events, video) = (folder.join("events.jsonl"), folder.join("frames.jsonl"));
    payments(&events);
    frames(&video, 1);
    let (events, video) = (events.to_str().unwrap(), video.to_str().unwrap());
    fails(&["backtest", "--session", events, video, "--card", RISK], "replay them apart");
    fails(&["backtest", "--session", video, "--card", RISK], "recorded frames hold boxes");
    fails(&["backtest", "--session", events, "--card", CARD], "no positive class");
    fails(&["backtest", "--session", RISK, "--card", CARD], "is no recorded session");
}
