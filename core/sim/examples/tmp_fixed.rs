//! Temporary: fixed N, gate + carrier.
#![allow(warnings, clippy::all, clippy::pedantic)]
extern crate inbetween_flow as inbetween;
#[path = "../../../benches/src/run/compare.rs"] mod compare;
#[path = "../../../benches/src/run/log.rs"] mod log;
#[path = "../../../benches/src/run/truth.rs"] mod truth;
mod record { pub use inbetween_sim::Row; pub fn blank(scene: &str, policy: &str) -> Row { Row { scene: scene.into(), policy: policy.into(), ..Row::default() } } }
use std::{collections::VecDeque, time::Duration};
use inbetween::*; use inbetween::{gate::Gate, source::Carrier, Luma};
use inbetween_sim::*;
use log::{Answered, Log};
struct Rec { captured: Timestamp, fmt: u32, w: u32, h: u32, data: Vec<u8>, value: Value }
fn load(p: &str) -> Vec<Rec> {
    let b = std::fs::read(p).unwrap(); let mut i = 0;
    let u32at = |i: &mut usize| { let x = u32::from_le_bytes(b[*i..*i+4].try_into().unwrap()); *i += 4; x };
    let f = |i: &mut usize| f32::from_bits(u32::from_le_bytes({let x: [u8;4] = b[*i..*i+4].try_into().unwrap(); *i += 4; x}));
    let mut out = vec![];
    while i < b.len() {
        let t = u64::from_le_bytes(b[i..i+8].try_into().unwrap()); i += 8;
        let (fmt, w, h, len) = (u32at(&mut i), u32at(&mut i), u32at(&mut i), u32at(&mut i) as usize);
        let data = b[i..i+len].to_vec(); i += len;
        let (kind, n) = (u32at(&mut i), u32at(&mut i));
        let rows: Vec<[f32;6]> = (0..n).map(|_| std::array::from_fn(|_| f(&mut i))).collect();
        let value = if kind == 0 { Value::Boxes(rows.iter().map(|r| Detection { bounds: Rect::new(r[0], r[1], r[2], r[3]), score: r[4], class: r[5] as u32, identity: None }).collect()) }
          else { Value::Keypoints(rows.iter().map(|r| Keypoint { at: Point::new(r[0], r[1]), visibility: r[2] }).collect()) };
        out.push(Rec { captured: Timestamp::from_nanos(t), fmt, w, h, data, value });
    }
    out
}
fn main() {
    let ev: Option<Vec<usize>> = std::env::var("LOG").ok().map(|s| s.split(',').map(|x| x.parse().unwrap()).collect());
    let a: Vec<String> = std::env::args().skip(1).collect();
    let eps: f32 = a[1].parse().unwrap();
    let withouts: Vec<&str> = a[2].split(',').collect();
    let cmp = compare::Compare::new(eps);
    for w in withouts {
    let mut total = 0.0; let mut cells = 0.0;
    let mut line = String::new();
    for variant in 0..4 {
        let mut recs = load(&a[0]);
        if variant & 1 == 1 { let end = recs.last().unwrap().captured; recs.reverse(); for r in &mut recs { r.captured = Timestamp::ZERO + end.since(r.captured); } }
        if variant & 2 == 2 { let mut i = 0; recs.retain(|_| { i += 1; i % 2 == 1 }); }
        let kind = recs[0].value.kind();
        let mut truth = truth::EveryFrame::default();
        for r in &recs { truth.push(r.captured, &cmp.boxes(&r.value).unwrap()); }
        let mut spec = SceneSpec::parse("name = \"video\"").unwrap();
        (spec.camera.width, spec.camera.height) = (recs[0].w, recs[0].h);
        spec.display.hz = 60.0;
        spec.tolerance.epsilon_px = eps as f64; spec.tolerance.grace_ms = 150.0; spec.tolerance.max_age_ms = 1500.0;
        for lat in [10.0, 35.0] { for every in [1usize, 2, 3, 4, 6, 8] {
            if variant & 2 == 2 && every > 4 { continue }
            if let Some(e) = &ev { if variant != e[0] || every != e[1] || lat as usize != e[2] { continue } }
            let mut log = Log::default();
            let mut without = Ingredients::NONE;
            for n in w.split('+').filter(|s| *s != "none" && *s != "hold") { without = without.with(Ingredients::named(n).expect(n)); }
            let mut vio = 0; let mut refr = 0;
            for phase in 0..every {
            let mut gate = Gate::new(eps);
            let mut car = Carrier::new(kind, &Tolerance { epsilon: eps, miss_rate: 0.05, grace: Duration::ZERO }, DisplayMode::Predict).without(without);
            let mut held: Option<Value> = None;
            log = Log::default();
            let mut refresh = 0u32; let mut id = 0;
            let mut q: VecDeque<(Timestamp, usize, u64)> = VecDeque::new();
            let mut out = Value::empty(kind);
            let mut newest = None;
            let mut targets = vec![];
            let mut back = Point::default();
            let mut keyback = std::collections::HashMap::new();
            for (i, r) in recs.iter().enumerate() {
                let until = r.captured;
                loop {
                    let ends = q.front().map_or(Timestamp::MAX, |x| x.0);
                    let sh = Timestamp::ZERO + Duration::from_secs_f64(1.0/60.0) * refresh;
                    if ends.min(sh) > until { break }
                    if ends <= sh { let (_, n, tid) = q.pop_front().unwrap(); car.admit(recs[n].captured, &recs[n].value); held = Some(recs[n].value.clone()); newest = Some(recs[n].captured); let kb: Point = keyback[&tid]; car.targets(back - kb, &mut targets); gate.rekey(TicketId(tid), &targets); }
                    else { refresh += 1; let ok = car.answer(sh, &mut out).is_some();
                        let v = if w == "hold" { held.as_ref() } else { ok.then_some(&out) };
                        let b = v.and_then(|v| cmp.boxes(v));
                        log.answers.push(Answered::of(sh, &Shown { detections: b.as_deref(), key_frame: newest, within_tolerance: true, uncertainty: 0.0, source: "x" })); }
                }
                let f = match r.fmt { 0 => PixelFormat::Nv12, 1 => PixelFormat::I420, _ => panic!() };
                let img = Image::packed(f, r.w, r.h, &r.data);
                let luma = Luma::of(&img).unwrap();
                if !w.contains("pixels") && w != "hold" { if let Some(e) = gate.measure(r.captured, &luma) { back = e.background; car.follow(r.captured, &e.fits); } }
                if (i + phase) % every == 0 && q.is_empty() { id += 1; if !w.contains("pixels") && w != "hold" { gate.keep(TicketId(id), r.captured, &luma); } keyback.insert(id, back); q.push_back((r.captured + Duration::from_secs_f64(lat*1e-3), i, id)); }
                log.frames.push(measure::FrameMark { captured_s: r.captured.as_secs_f64(), run: false, reason: "" });
            }
            let rep = truth::judge("x", None, &log, &truth, &spec, &RunCost::default());
            vio += rep.row.violations; refr += rep.row.refreshes;
            }
            let p = 100.0 * vio as f64 / refr as f64;
            total += p; cells += 1.0;
            line += &format!(" {p:5.1}");
        } line += " |"; }
        line += if variant == 3 { "" } else { "\n              " };
    }
    println!("{w:10} mean {:.2}\n              {line}", total/cells);
    }
}
