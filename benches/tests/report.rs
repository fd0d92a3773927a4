//! The report as a reader gets it: everything is there, nothing is fetched.
//! **Invariant:** the session is made up here, so every figure in the page has a known source.
//! It does not judge looks.
#![allow(clippy::unwrap_used, missing_docs)] // helpers of tests may fail as tests do

use inbetween_bench::{
    record::{Record, write_json},
    report::Report,
    session::{Breach, FrameLog, FramePlan, Mark, RefreshLog, RunLog, Session, Still},
};
use inbetween_flow::Rect;

fn session() -> Session {
    let mut session = Session::default();
    for i in 0..360_u32 {
        let at = f64::from(i) / 30.0;
        let plan = match i % 40 {
            0 => FramePlan::Run(
                ["first", "birth", "forecast", "audit", "residual", "age"][(i / 40) as usize % 6],
            ),
            1 | 2 => FramePlan::Skip("in-flight"),
            _ => FramePlan::Skip("within-tolerance"),
        };
        if matches!(plan, FramePlan::Run(_)) {
            session.runs.push(RunLog { captured: at, completed: at + 0.035 + f64::from(i % 7) * 0.004 });
        }
        session.frames.push(FrameLog { at, plan });
    }
    for i in 0..720_u32 {
        let at = f64::from(i) / 60.0;
        let error = 2.5 + 2.0 * (f64::from(i) / 40.0).sin() as f32 + if i % 211 == 0 { 5.0 } else { 0.0 };
        let (error, breach) = match i {
            0..4 => (None, Some(Breach::Unavailable)),
            300..303 => (None, Some(Breach::Missing)),
            _ => (Some(error), (error > 6.0).then_some(Breach::Error)),
        };
        session.refreshes.push(RefreshLog {
            at,
            source: if i < 4 {
                "warming-up"
            } else if i % 80 < 4 {
                "model"
            } else if i % 80 < 20 {
                "hold"
            } else {
                "pixels"
            },
            error,
            breach,
            believed: i % 2 == 0,
            age_ms: (i >= 4).then_some((i % 80) as f32 * 16.7),
        });
    }
    session
}

fn record(policy: &str, runs: u64, violations: u64) -> Record {
    Record {
        split: "test".into(),
        scene: "made-up <scene>".into(),
        policy: policy.into(),
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
        cpu_ns_per_frame: Some(38_400),
        mean_age_ms: Some(412.0),
        every: policy.starts_with("every-nth").then_some(40),
        ..Record::default()
    }
}

fn report() -> Report {
    let session = session();
    let mut picture = image::RgbImage::new(320, 180);
    for (x, y, p) in picture.enumerate_pixels_mut() {
        *p = image::Rgb([(x / 2) as u8, (y + 40) as u8, 120]);
    }
    let mut jpeg = Vec::new();
    picture.write_to(&mut std::io::Cursor::new(&mut jpeg), image::ImageFormat::Jpeg).unwrap();
    let stills = (0..8).map(|i| {
        let refresh = session.refreshes[i * 80 + 30];
        let there = Rect::new(40.0 + 20.0 * i as f32, 50.0, 110.0 + 20.0 * i as f32, 130.0);
        Still {
            at: refresh.at,
            jpeg: jpeg.clone(),
            width: 320,
            height: 180,
            truth: vec![Mark { bounds: there, identity: Some(7) }],
            answer: vec![Mark {
                bounds: there.moved(inbetween_flow::Point::new(3.0, 2.0)),
                identity: Some(1),
            }],
            refresh,
            plan: Some(session.frames[i * 40 + 15].plan),
        }
    });
    Report {
        title: "A session that was made up".into(),
        lead: "Twelve seconds of a rendered scene at 30 frames a second, answers at 60 Hz.".into(),
        notes: vec!["This scene is rendered: no camera was involved.".into()],
        records: vec![
            record("inbetween", 9, 8),
            record("every-frame", 360, 5),
            record("every-nth-hold", 9, 400),
            record("every-nth-kalman", 9, 90),
        ],
        stills: stills.collect(),
        latencies_ms: session.runs.iter().map(|r| (r.completed - r.captured) * 1e3).collect(),
        session: Some(session),
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
        "an object without its answer",
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
    report.records[0].violations = 15; // 2.08%
    let html = report.html();
    assert!(html.contains("Promise broken.") && !html.contains("Promise kept."));
}

#[test]
fn json_rows_have_every_column_with_its_type() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.json");
    write_json(&path, &report().records).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 4);
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let row = row.as_object().unwrap();
        for column in ["split", "scene", "policy"] {
            assert!(row[column].is_string(), "{column}");
        }
        for column in
            ["seed", "frames", "refreshes", "violations", "flagged_violations", "runs", "audits", "cancelled"]
        {
            assert!(row[column].is_u64(), "{column}");
        }
        for column in ["miss_rate", "epsilon", "age_cap", "seconds"] {
            assert!(row[column].is_f64(), "{column}");
        }
        for column in ["macs", "energy", "cpu_ns_per_frame", "feasible", "oracle_runs", "regret"] {
            assert!(row.contains_key(column), "{column}");
        }
    }
}
