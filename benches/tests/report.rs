//! The report as a reader gets it: everything is there, nothing is fetched.
//! **Invariant:** the session is made up here, so every figure in the page has a known source.
//! It does not judge looks.
#![allow(clippy::unwrap_used, missing_docs)] // helpers of tests may fail as tests do

mod common;

use std::collections::BTreeMap;

use inbetween_bench::{
    record::{Row, blank, write_json},
    report::Report,
    session::{Mark, Still},
};
use inbetween_flow::Rect;
use inbetween_sim::{
    Report as Detail, Timeline,
    measure::{Fault, FrameMark, RefreshMark},
};

fn detail() -> Detail {
    let mut log = Timeline::default();
    let mut latencies_ms = Vec::new();
    for i in 0..360_u32 {
        let (run, reason) = match i % 40 {
            0 => (true, ["first", "birth", "forecast", "audit", "residual", "age"][(i / 40) as usize % 6]),
            1 | 2 => (false, "in-flight"),
            _ => (false, "within-tolerance"),
        };
        if run {
            latencies_ms.push(35.0 + (i / 40) as f32 * 1.5);
        }
        log.frames.push(FrameMark { captured_s: f64::from(i) / 30.0, run, reason });
    }
    for i in 0..720_u32 {
        let error = 2.5 + 2.0 * (i as f32 / 40.0).sin() + if i % 211 == 0 { 5.0 } else { 0.0 };
        let (error_px, fault) = match i {
            0..4 => (0.0, Some(Fault::Unavailable)),
            300..303 => (0.0, Some(Fault::Missing)),
            _ => (error, (error > 6.0).then_some(Fault::Off)),
        };
        let source = match i % 80 {
            _ if i < 4 => "warming-up",
            0..4 => "model",
            4..20 => "hold",
            _ => "pixels",
        };
        log.refreshes.push(RefreshMark {
            display_s: f64::from(i) / 60.0,
            source,
            age_ms: (i >= 4).then_some(f64::from(i % 80) * 16.7),
            error_px,
            missing: fault == Some(Fault::Missing),
            uncertainty_px: 3.0,
            within_tolerance: i % 2 == 0,
            fault,
        });
    }
    Detail {
        row: row("inbetween", 9, 8),
        faults: inbetween_sim::measure::Faults::default(),
        run_reasons: BTreeMap::default(),
        skip_reasons: BTreeMap::default(),
        sources: BTreeMap::default(),
        latencies_ms,
        phases: Vec::new(),
        timeline: log,
    }
}

fn row(policy: &str, runs: u64, violations: u64) -> Row {
    Row {
        split: "test",
        miss_rate: 0.02,
        epsilon: 6.0,
        age_cap: 2.0,
        frames: 360,
        refreshes: 720,
        violations,
        flagged_violations: violations / 2,
        runs,
        audits: 2,
        seconds: 12.0,
        cpu_ns_per_frame: 38_400.0,
        age_ms_mean: 412.0,
        every: policy.starts_with("every-nth").then_some(40),
        ..blank("made-up <scene>", policy)
    }
}

fn report() -> Report {
    let detail = detail();
    let mut picture = image::RgbImage::new(320, 180);
    for (x, y, p) in picture.enumerate_pixels_mut() {
        *p = image::Rgb([(x / 2) as u8, (y + 40) as u8, 120]);
    }
    let mut jpeg = Vec::new();
    picture.write_to(&mut std::io::Cursor::new(&mut jpeg), image::ImageFormat::Jpeg).unwrap();
    let stills = (0..8).map(|i| {
        let refresh = detail.timeline.refreshes[i * 80 + 30];
        let there = Rect::new(40.0 + 20.0 * i as f32, 50.0, 110.0 + 20.0 * i as f32, 130.0);
        Still {
            jpeg: jpeg.clone(),
            width: 320,
            height: 180,
            truth: vec![Mark { bounds: there, identity: Some(7) }],
            answer: vec![Mark {
                bounds: there.moved(inbetween_flow::Point::new(3.0, 2.0)),
                identity: Some(1),
            }],
            refresh,
            plan: Some(detail.timeline.frames[i * 40 + 15]),
        }
    });
    Report {
        title: "A session that was made up".into(),
        lead: "Twelve seconds of a rendered scene at 30 frames a second, answers at 60 Hz.".into(),
        notes: vec!["This scene is rendered: no camera was involved.".into()],
        rows: vec![
            row("inbetween", 9, 8),
            row("every-frame", 360, 5),
            row("every-nth-hold", 9, 400),
            row("every-nth-kalman", 9, 90),
        ],
        stills: stills.collect(),
        detail: Some(detail),
        command: "inbetween demo --report report.html".into(),
    }
}

#[test]
fn the_page_shows_promise_pictures_and_tables() {
    let html = report().html();
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/report.html"), &html).unwrap();
    for part in [
        "Promise kept.",
        "allows 2.00% of refreshes",
        "1.11% were (8 of 720)",
        "40.0×",
        "This scene is rendered",
        "Timeline: frames that were run and skipped",
        "unexplained change",
        "a run is under way",
        "an object without an answer",
        "tolerance 6 px",
        "Histogram of 9 run times",
        "every-nth-kalman (N = 40)",
        "data:image/jpeg;base64,/9j/",
        "stroke-dasharray",
        "prefers-color-scheme: dark",
        "width=device-width",
        "made-up &lt;scene&gt;",
    ] {
        assert!(html.contains(part), "`{part}` is missing");
    }
    assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
    let pictures = html.matches("role=\"img\"").count();
    assert_eq!(pictures, html.matches("role=\"img\" aria-label=\"").count(), "every picture has a text");
    assert!(pictures >= 12);
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let html = report().html();
    for outside in ["http:", "https:", "src=\"", "url(", "@import", "<script", "<link", "//cdn"] {
        assert!(!html.contains(outside), "`{outside}` would be fetched");
    }
}

#[test]
fn a_broken_promise_is_called_broken() {
    let mut report = report();
    report.rows[0].violations = 15; // 2.08%
    let html = report.html();
    assert!(html.contains("Promise broken.") && !html.contains("Promise kept."));
}

#[test]
fn json_rows_have_every_column_with_its_type() {
    let folder = common::folder("json_rows_have_every_column_with_its_type");
    let path = folder.join("rows.json");
    write_json(&path, &report().rows).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 4);
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let row = row.as_object().unwrap();
        for column in ["split", "scene", "policy"] {
            assert!(row[column].is_string(), "{column}");
        }
        for column in [
            "seed",
            "macs",
            "frames",
            "refreshes",
            "violations",
            "flagged_violations",
            "runs",
            "audits",
            "cancelled",
        ] {
            assert!(row[column].is_u64(), "{column}");
        }
        for column in ["miss_rate", "epsilon", "age_cap", "seconds", "energy", "cpu_ns_per_frame"] {
            assert!(row[column].is_f64(), "{column}");
        }
        for column in ["feasible", "oracle_runs", "regret"] {
            assert!(row.contains_key(column), "{column}");
        }
    }
}

#[test]
fn several_sessions_are_summed_up() {
    let mut report = report();
    for seed in 1..3 {
        report.rows.push(Row { seed, violations: 20 * seed, ..row("inbetween", 10, 0) });
        report.rows.push(Row { seed, ..row("every-nth-kalman", 60, 2) });
    }
    report.detail = None;
    let html = report.html();
    for part in [
        "Promise kept in 1 of 3 sessions.",
        "Worst: made-up &lt;scene&gt;, seed 2",
        "<td>1 of 3</td>",
        "8 rows",
    ] {
        assert!(html.contains(part), "`{part}` is missing");
    }
}
