//! Writes a scenario with what the facade answers, call by call, for the tests in other languages.
//! **Invariant:** expectations come from `inbetween::Engine` itself, never from the bindings; floats are their bits.
//! It does not compare: `bindings/tests/python` replays the calls through the bindings and does.
//!
//! `vectors FILE` writes JSON: `model` (hexadecimal), `seed`, `pictures` (hexadecimal), `card` and `calls` of a long
//! scenario, and as `kinds` short ones, each with its `card` and `calls`, so that every kind of value crosses once. Each
//! call has its arguments and, as `gives`, what must come of it.
#![allow(clippy::print_stderr)] // a command line tool

use std::{env, fs, process::ExitCode};

use inbetween::{
    Answer, Bundle, CameraMotion, Degraded, Engine, Environment, Feature, FeatureValue, Frame, Image,
    Options, PixelFormat, Plan, Plane, Point, Rotation, Scorer, Source, Timestamp, Value,
};
use serde_json::{Value as Json, json};

const CARD: &str = include_str!("../../core/tests/models/bright_spot.toml");
const MODEL: &[u8] = include_bytes!("../../core/tests/models/bright_spot.onnx");

/// How long the scenario's runs take.
const RUN_MS: u64 = 21;
/// Pixels of the buffer; rows of NV12 frames are padded, as cameras do.
const WIDTH: usize = 96;
const HEIGHT: usize = 64;
const STRIDE: usize = 112;
/// Bytes before the first plane and between the planes of NV12 frames.
const GAP: usize = 24;

fn main() -> ExitCode {
    let Some(file) = env::args().nth(1) else {
        eprintln!("usage: vectors FILE");
        return ExitCode::FAILURE;
    };
    let written = record().and_then(|json| Ok(fs::write(&file, json.to_string())?));
    if let Err(error) = written {
        eprintln!("vectors: {file}: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

type Failure = Box<dyn std::error::Error>;

const SEED: u64 = 11;

/// The model's numbers as other kinds of value: the box, size and brightness of each of its 16 cells.
const HEADS: [&str; 7] = [
    "kind = \"raw\"\nlength = 80",
    "kind = \"keypoints\"\npoints = 16\ndims = 5",
    "kind = \"classification\"\nclasses = 80",
    "kind = \"classification\"\nclasses = 80\nlabel = true",
    "kind = \"rotation\"\nfirst = 68\norder = \"xyzw\"",
    "kind = \"embedding\"\nlength = 80",
    "kind = \"mask\"\nwidth = 16\nheight = 5",
];

fn record() -> Result<Json, Failure> {
    let pictures: Vec<Vec<u8>> = (0..240).map(|n| paint(n, n >= 120)).collect();
    let (before, _) = CARD.split_once("[model.head]").ok_or("the card has a head")?;
    let mut kinds = Vec::new();
    for head in HEADS {
        let card = format!("{before}[model.head]\n{head}\n").replace("epsilon = 20", "epsilon = 0.5");
        let calls = scenario(&card, &pictures[..40])?;
        kinds.push(json!({ "card": card, "calls": calls }));
    }
    let calls = scenario(CARD, &pictures)?;
    let pictures: Vec<String> = pictures.iter().map(|p| hex(p)).collect();
    Ok(json!({
        "events": events()?, "buckets": buckets(),
        "card": CARD, "model": hex(MODEL), "seed": SEED, "pictures": pictures, "calls": calls, "kinds": kinds,
    }))
}

/// Rows of the example `risk`, with what the scorer says of each: the bits of the probability, the action, the rung.
const ROWS: usize = 10_000;
const RISK_CARD: &str = include_str!("../../examples/risk/bundle/card.toml");
const RISK_FILES: [(&str, &[u8]); 2] = [
    ("risk.onnx", include_bytes!("../../examples/risk/bundle/risk.onnx")),
    ("risk-small.onnx", include_bytes!("../../examples/risk/bundle/risk-small.onnx")),
];
const RISK_TABLES: [&str; 2] =
    [include_str!("../../examples/risk/labelled.csv"), include_str!("../../examples/risk/events.csv")];
const RISK_FEATURES: [&str; 8] = [
    "amount",
    "hour",
    "country",
    "account_days",
    "payments_1h",
    "new_device",
    "merchant_risk",
    "distance_km",
];

fn events() -> Result<Json, Failure> {
    let file = |name: &str| RISK_FILES.iter().find(|(n, _)| *n == name).map(|(_, bytes)| bytes.to_vec());
    let mut scorer = Scorer::new(&Bundle::from_files(RISK_CARD, file)?)?;
    let mut payments = Vec::new();
    for table in RISK_TABLES {
        let mut lines = table.lines();
        let header: Vec<&str> = lines.next().ok_or("a header")?.split(',').collect();
        let places: Vec<usize> =
            RISK_FEATURES.iter().filter_map(|f| header.iter().position(|h| h == f)).collect();
        payments.extend(lines.map(|l| {
            let cells: Vec<&str> = l.split(',').collect();
            places.iter().map(|p| cells[*p].to_owned()).collect::<Vec<_>>()
        }));
    }
    let mut rows = Vec::new();
    let mut gives = Vec::new();
    for n in 0..ROWS {
        // More rows than payments: those that come again lack a feature, now one, now another.
        let mut cells = payments[n % payments.len()].clone();
        if n >= payments.len() {
            cells[n % RISK_FEATURES.len()].clear();
        }
        let features: Vec<Feature<'_>> = RISK_FEATURES
            .iter()
            .zip(&cells)
            .map(|(name, text)| Feature { name, value: cell(text) })
            .collect();
        let at = ms(1000 + 1000 * n as u64);
        let answer = scorer.score(at, &Frame::features(at, &features));
        let decided = answer.decision.ok_or("the rule answers at least")?;
        gives.push(format!("{:016x} {:?} {:?}", decided.probability.to_bits(), decided.action, decided.rung));
        rows.push(cells);
    }
    let files: Json =
        RISK_FILES.iter().map(|(name, bytes)| ((*name).to_owned(), json!(hex(bytes)))).collect();
    Ok(json!({ "card": RISK_CARD, "files": files, "features": RISK_FEATURES, "rows": rows, "gives": gives }))
}

fn cell(text: &str) -> FeatureValue<'_> {
    if text.is_empty() {
        return FeatureValue::Missing;
    }
    text.parse().map_or(FeatureValue::Category(text), FeatureValue::Number)
}

/// The frozen vectors of `bucket`.
fn buckets() -> Vec<Vec<&'static str>> {
    let lines = include_str!("../../core/flow/tests/bucket_vectors.tsv").lines();
    lines.filter(|l| !l.starts_with('#')).map(|l| l.split('\t').collect()).collect()
}

/// What the engine of `card` gives for a stream of `pictures`.
fn scenario(card: &str, pictures: &[Vec<u8>]) -> Result<Vec<Json>, Failure> {
    let mut engine = Engine::new(Bundle::from_parts(card, MODEL)?, Options { seed: SEED })?;
    let mut calls = Vec::new();
    let mut ends = None;
    for (n, picture) in (0_u64..).zip(pictures) {
        let captured = 1000 + n * 33;
        let now = captured + 3;
        if let Some((at, completion)) = ends.take_if(|(at, _)| *at <= now) {
            let completion: inbetween::Completion = completion;
            let ticket = completion.ticket.0;
            let gives = format!("{:?}", engine.handle_completion(ms(at), completion));
            calls.push(json!({ "call": "completion", "now": nanos(at), "ticket": ticket, "gives": gives }));
        }
        // Every 50th frame comes twice, every 70th is broken, now and then the clock stumbles.
        let stumble = if n % 90 == 89 { 40 } else { 0 };
        let again = if n % 50 == 49 { 2 } else { 1 };
        let padded = n >= 120;
        for _ in 0..again {
            let format = if padded { PixelFormat::Nv12 } else { PixelFormat::Gray8 };
            let rows = if n % 70 == 69 { HEIGHT + 1 } else { HEIGHT };
            let (offsets, stride) =
                if padded { (vec![GAP, GAP + STRIDE * HEIGHT], STRIDE) } else { (vec![0], WIDTH) };
            let planes: Vec<Plane<'_>> =
                offsets.iter().map(|o| Plane { data: &picture[*o..], row_stride: stride }).collect();
            let turned = if padded { (Rotation::Cw90, true) } else { (Rotation::None, false) };
            let image =
                Image::new(format, WIDTH as u32, rows as u32, &planes).rotated(turned.0).mirrored(turned.1);
            let motion = motion(n);
            let frame = Frame { motion, ..Frame::image(ms(captured), image) };
            let gives = match engine.handle_frame(ms(now - stumble), &frame) {
                Err(error) => json!({ "error": error.to_string() }),
                Ok(Plan::Skip(why)) => json!({ "skip": format!("{why:?}") }),
                Ok(Plan::Run(job)) => {
                    let ticket = *job.ticket();
                    let frame = Frame { captured: ticket.captured, ..frame };
                    ends = Some((now + RUN_MS, job.run(&frame)));
                    json!({ "run": [ticket.id.0, format!("{:?}", ticket.reason), ticket.expires.as_nanos()] })
                }
            };
            calls.push(json!({
                "call": "frame", "now": nanos(now - stumble), "captured": nanos(captured),
                "format": format!("{format:?}"), "width": WIDTH, "height": rows, "offsets": offsets,
                "stride": stride, "turned": padded, "picture": n, "gives": gives,
                "motion": motion.map(|m| [m.shift.x, m.shift.y, m.linear[0], m.linear[1], m.linear[2], m.linear[3]]),
            }));
        }
        for shown in [now + 8, now + 25] {
            let gives = answer(engine.answer_at(ms(shown)))?;
            calls.push(json!({ "call": "answer", "display": nanos(shown), "gives": gives }));
        }
        if n % 40 == 39 {
            let hot = (n % 80 == 79).then_some(1.1_f32);
            let environment =
                Environment { thermal_headroom: hot, power_saving: hot.is_some(), display_period: None };
            engine.handle_environment(ms(now), environment);
            calls.push(json!({ "call": "environment", "now": nanos(now), "hot": hot.is_some() }));
        }
        if n == 160 {
            engine.reset();
            ends = None;
            calls.push(json!({ "call": "reset" }));
        }
        if let Some((at, why)) = engine.poll_timeout() {
            let why = format!("{why:?}");
            calls.push(json!({ "call": "timeout", "gives": [at.as_nanos(), why.split('(').next()] }));
        }
        while let Some(event) = engine.poll_event() {
            let event = format!("{event:?}");
            let name = event.split([' ', '(']).next().unwrap_or_default();
            calls
                .push(json!({ "call": "event", "gives": if name == "Cancel" { "Cancelled" } else { name } }));
        }
    }
    Ok(calls)
}

/// What the host says about the camera: now and then something, once what cannot be. Numbers that every language writes alike.
const fn motion(n: u64) -> Option<CameraMotion> {
    match n % 30 {
        10 if n > 200 => Some(CameraMotion::from_shift(Point { x: 1e6, y: 0.0 })),
        10 => Some(CameraMotion { shift: Point { x: 0.5, y: -0.25 }, linear: [0.0, 0.125, -0.125, 0.0] }),
        _ => None,
    }
}

/// A dim gradient with a bright square that wanders and jumps.
fn paint(n: u64, padded: bool) -> Vec<u8> {
    let (stride, start) = if padded { (STRIDE, GAP) } else { (WIDTH, 0) };
    let chroma = if padded { stride * HEIGHT / 2 } else { 0 };
    let mut bytes = vec![128; start + stride * HEIGHT + chroma];
    let left = (n / 60 * 17 + n % 60 / 2) as usize % (WIDTH - 20);
    let top = (n / 45 * 13 + n % 45 / 3) as usize % (HEIGHT - 16);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let inside = (left..left + 20).contains(&x) && (top..top + 16).contains(&y);
            let texture = (x * 7 + y * 13) % 23;
            bytes[start + y * stride + x] = (if inside { 225 } else { 15 } + texture) as u8;
        }
    }
    bytes
}

/// An answer as a list, in the order of its fields.
fn answer(answer: &Answer) -> Result<Json, Failure> {
    let source = match answer.source {
        Source::Predicted(carry) => format!("Predicted {carry:?}"),
        other => format!("{other:?}"),
    };
    let value = match &answer.value {
        None => Json::Null,
        Some(value) => self::value(value)?,
    };
    Ok(json!([
        value,
        source,
        answer.key_frame.map(Timestamp::as_nanos),
        answer.age.as_nanos() as u64,
        answer.horizon.as_nanos() as u64,
        answer.uncertainty.to_bits(),
        answer.within_tolerance,
        answer.model_version,
        answer.degraded.map(|d: Degraded| format!("{d:?}")),
        answer.prediction.map(|p| p.0),
    ]))
}

/// A value as the name of its kind and the bits of its numbers.
fn value(value: &Value) -> Result<Json, Failure> {
    let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    Ok(match value {
        Value::Boxes(boxes) => boxes
            .iter()
            .map(|b| {
                let r = &b.bounds;
                json!([bits(&[r.x0, r.y0, r.x1, r.y1, b.score]), b.class, b.identity])
            })
            .collect(),
        Value::Vector(v) => json!(["Vector", bits(v)]),
        Value::Probabilities(v) => json!(["Probabilities", bits(v)]),
        Value::Embedding(v) => json!(["Embedding", bits(v)]),
        Value::Keypoints(points) => {
            let numbers: Vec<f32> = points.iter().flat_map(|k| [k.at.x, k.at.y, k.visibility]).collect();
            json!(["Keypoints", bits(&numbers)])
        }
        Value::Label(l) => json!(["Label", l.class, bits(&[l.score])]),
        Value::Rotation(q) => json!(["Rotation", bits(&[q.w, q.x, q.y, q.z])]),
        Value::Mask(m) => {
            let r = &m.bounds;
            json!(["Mask", m.width, m.height, bits(&[r.x0, r.y0, r.x1, r.y1]), hex(&m.cells)])
        }
        other => return Err(format!("a value of kind {:?}", other.kind()).into()),
    })
}

fn hex(bytes: &[u8]) -> String {
    let digits = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from(digits[usize::from(d)])).collect()
}

const fn ms(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

const fn nanos(ms: u64) -> u64 {
    ms * 1_000_000
}
