//! Temporary.
#![allow(warnings, clippy::all, clippy::pedantic)]
extern crate inbetween_flow as inbetween;
#[path = "../../../benches/src/run/compare.rs"] mod compare;
#[path = "../../../benches/src/run/log.rs"] mod log;
#[path = "../../../benches/src/run/truth.rs"] mod truth;
mod record { pub use inbetween_sim::Row; pub fn blank(scene: &str, policy: &str) -> Row { Row { scene: scene.into(), policy: policy.into(), ..Row::default() } } }
use std::{collections::VecDeque, time::Duration};
use inbetween::*;
use inbetween_sim::{*, policy::shown};
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
    // args: file lat_ms seeds eps miss [without,...] [verbose]
    let a: Vec<String> = std::env::args().skip(1).collect();
    let recs = load(&a[0]);
    let lats: Vec<f64> = a[1].split(',').map(|x| x.parse().unwrap()).collect();
    let seeds: u64 = a[2].parse().unwrap();
    let (eps, miss): (f32, f32) = (a[3].parse().unwrap(), a[4].parse().unwrap());
    let withouts: Vec<&str> = a.get(5).map(|s| s.split(',').collect()).unwrap_or(vec![""]);
    let verbose = a.get(6).is_some();
    let only: Option<usize> = std::env::var("EVERY").ok().map(|s| s.parse().unwrap());
    let kind = recs[0].value.kind();
    let cmp = compare::Compare::new(eps);
    let mut truth = truth::EveryFrame::default();
    for r in &recs { truth.push(r.captured, &cmp.boxes(&r.value).unwrap()); }
    let mut spec = SceneSpec::parse("name = \"video\"").unwrap();
    (spec.camera.width, spec.camera.height) = (recs[0].w, recs[0].h);
    spec.display.hz = 60.0;
    spec.tolerance.epsilon_px = eps as f64; spec.tolerance.miss_rate = miss as f64; spec.tolerance.grace_ms = 150.0; spec.tolerance.max_age_ms = 1500.0; spec.tolerance.deadline_ms = 150.0; spec.tolerance.duty = if a[0].contains("demo") {0.5} else {1.0};
    for &lat in &lats { for w in &withouts {
        let (mut runs, mut vio, mut refr, mut flagged, mut fv) = (0u64, 0u64, 0u64, 0u64, 0u64);
        let mut per = vec![];
        let mut ns = [0u128; 3];
        let mut reasons = std::collections::BTreeMap::<String, u64>::new();
        for seed in 0..seeds {
            let mut c = Config::for_images(kind, eps);
            c.tolerance.miss_rate = miss;
            c.budget.deadline = Duration::from_millis(150); c.budget.max_age = Duration::from_millis(1500);
            c.budget.duty = spec.tolerance.duty as f32;
            c.scheduling.initial_latency = Duration::from_millis(if a[0].contains("demo") {8} else {30});
            for n in w.split('+').filter(|s| !s.is_empty() && *s != "none") { c.scheduling.without = c.scheduling.without.with(Ingredients::named(n).expect(n)); }
            let mut e = Engine::new(c, seed).unwrap();
            let period = Duration::from_secs_f64(1.0/60.0);
            let mut log = Log::default();
            let mut q: VecDeque<(Timestamp, Completion)> = VecDeque::new();
            let mut refresh = 0u32;
            let latency = Duration::from_secs_f64(lat*1e-3);
            let mut boxes: Option<Vec<Detection>>;
            let end = truth.end();
            let mut advance = |e: &mut Engine, q: &mut VecDeque<(Timestamp, Completion)>, until: Timestamp, log: &mut Log, refresh: &mut u32, ns: &mut [u128;3]| loop {
                let ends = q.front().map_or(Timestamp::MAX, |w| w.0);
                let due = e.poll_timeout().map_or(Timestamp::MAX, |t| t.0);
                let sh = Timestamp::ZERO + period * *refresh;
                let next = ends.min(due).min(sh);
                if next > until { return; }
                if ends == next { let (_, c) = q.pop_front().unwrap(); let t0=std::time::Instant::now(); e.handle_completion(ends, c); ns[1]+=t0.elapsed().as_nanos(); }
                else if due == next { e.handle_timeout(due); }
                else { *refresh += 1; let t0=std::time::Instant::now(); let ans = e.answer_at(sh); ns[2]+=t0.elapsed().as_nanos(); let b = ans.value.as_ref().and_then(|v| cmp.boxes(v)); log.answers.push(Answered::of(sh, &Shown { detections: b.as_deref(), ..shown(ans) })); }
                while e.poll_event().is_some() {}
            };
            for (i, r) in recs.iter().enumerate() {
                advance(&mut e, &mut q, r.captured, &mut log, &mut refresh, &mut ns);
                let f = match r.fmt { 0 => PixelFormat::Nv12, 1 => PixelFormat::I420, _ => panic!() };
                let frame = Frame::image(r.captured, Image::packed(f, r.w, r.h, &r.data));
                let t0=std::time::Instant::now();
                let plan = e.handle_frame(r.captured, &frame).unwrap();
                ns[0]+=t0.elapsed().as_nanos();
                let (run, reason) = match plan { Plan::Run(t) => {
                    q.push_back((r.captured.max(q.back().map_or(Timestamp::ZERO, |x| x.0)) + latency, Completion { ticket: t.id, outcome: Outcome::Value(r.value.clone()) }));
                    (true, reason_of_run(t.reason)) } Plan::Skip(s) => (false, reason_of_skip(s)) };
                log.frames.push(measure::FrameMark { captured_s: r.captured.as_secs_f64(), run, reason });
            }
            advance(&mut e, &mut q, end, &mut log, &mut refresh, &mut ns);
            let rep = truth::judge("inbetween", None, &log, &truth, &spec, &RunCost::default());
            runs += rep.row.runs; vio += rep.row.violations; refr += rep.row.refreshes; flagged += rep.row.flagged; fv += rep.row.flagged_violations;
            per.push(rep.row.runs);
            for (k, n) in &rep.run_reasons { *reasons.entry(k.to_string()).or_default() += n; }
            if verbose && seed == 0 { for m in &rep.timeline.refreshes { if m.fault.is_some() || a[6] == "all" { println!("  t {:.3} err {:.1} unc {:.1} age {:?} {} {:?}", m.display_s, m.error_px, m.uncertainty_px, m.age_ms.map(|x| x as i64), m.source, m.fault); } } }
        }
        let n = recs.len() as u64 * seeds;
        println!("{} lat {lat} without {w:12}: frames/run {:.2} runs {:?} violations {:.2}% flagged {:.1}% (of v {:.0}%) {reasons:?} us/frame {:.0} us/run {:.0} us/answer {:.1}", a[0].rsplit('/').next().unwrap(), n as f64/runs as f64, &per[..per.len().min(3)], 100.0*vio as f64/refr as f64, 100.0*flagged as f64/refr as f64, 100.0*fv as f64/vio.max(1) as f64, ns[0] as f64/1e3/n as f64, ns[1] as f64/1e3/runs as f64, ns[2] as f64/1e3/refr as f64);
    } }
}
