//! The model on every frame as the truth of a video, and what an answer is worth against it.
//! **Invariant:** every policy is judged by the simulator's own scorer against the same truth.
//! It does not know who is who: the model gives no identities, so answers are matched by best overlap.

use inbetween_flow::{Detection, Rect, Timestamp};
use inbetween_sim::{
    Report, RunCost, SceneSpec, Shown, Timeline, Truth,
    measure::{Energies, Faults, Presence, RefreshMark, Scorer, Spent},
};

use super::log::Log;
use crate::record::{Row, blank};

/// Overlap from which boxes of neighbouring frames are the same object.
const SAME_IOU: f32 = 0.3;

#[derive(Clone, Copy, Debug)]
struct Known {
    identity: u32,
    class: u32,
    bounds: Rect,
}

/// The model's boxes on every frame, linked from frame to frame.
#[derive(Clone, Debug, Default)]
pub struct EveryFrame {
    times: Vec<Timestamp>,
    frames: Vec<Vec<Known>>,
    next: u32,
}

impl EveryFrame {
    /// Takes what the model says about the next frame.
    pub fn push(&mut self, captured: Timestamp, boxes: &[Detection]) {
        let before = self.frames.last().map_or(&[][..], Vec::as_slice);
        let pairs = overlaps(
            before.iter().map(|k| (k.class, k.bounds)),
            &boxes.iter().map(|b| (b.class, b.bounds)).collect::<Vec<_>>(),
            SAME_IOU,
        );
        let mut identities = vec![None; boxes.len()];
        for (old, new) in pairs {
            identities[new] = Some(before[old].identity);
        }
        let mut known = Vec::with_capacity(boxes.len());
        for (b, identity) in boxes.iter().zip(identities) {
            let identity = identity.unwrap_or_else(|| {
                self.next += 1;
                self.next
            });
            known.push(Known { identity, class: b.class, bounds: b.bounds });
        }
        self.times.push(captured);
        self.frames.push(known);
    }

    /// Capture time of the last frame.
    pub fn end(&self) -> Timestamp {
        self.times.last().copied().unwrap_or(Timestamp::ZERO)
    }

    /// The newest frame at `time`, by its number.
    pub fn frame_at(&self, time: Timestamp) -> usize {
        self.times.partition_point(|&t| t <= time).saturating_sub(1)
    }

    /// The truth at `time`: boxes that are in both neighbouring frames lie between their places there; others belong
    /// to the nearer frame.
    pub fn at(&self, time: Timestamp, frame: &Rect, out: &mut Vec<Truth>) {
        out.clear();
        let Some(first) = self.frames.get(self.frame_at(time)) else { return };
        let at = self.frame_at(time);
        let start = self.times[at];
        let (second, share) = match self.times.get(at + 1) {
            Some(&end) => {
                (&self.frames[at + 1][..], time.secs_from(start).max(0.0) / end.secs_from(start).max(1e-9))
            }
            None => (&[][..], 0.0),
        };
        let mut add = |k: &Known, whole: Rect| {
            let bounds = whole.clipped(frame);
            let visible = if whole.area() > 0.0 { bounds.area() / whole.area() } else { 0.0 };
            out.push(Truth { identity: k.identity, class: k.class, bounds, whole, visible });
        };
        for k in first {
            match second.iter().find(|s| s.identity == k.identity) {
                Some(s) => add(k, between(&k.bounds, &s.bounds, share)),
                None if share < 0.5 => add(k, k.bounds),
                None => {}
            }
        }
        if share >= 0.5 {
            for s in second.iter().filter(|s| !first.iter().any(|k| k.identity == s.identity)) {
                add(s, s.bounds);
            }
        }
    }
}

fn between(a: &Rect, b: &Rect, t: f32) -> Rect {
    let mix = |p: f32, q: f32| p + (q - p) * t;
    Rect::new(mix(a.x0, b.x0), mix(a.y0, b.y0), mix(a.x1, b.x1), mix(a.y1, b.y1))
}

/// Pairs of boxes of the same class, best overlap first, each used once.
fn overlaps(a: impl Iterator<Item = (u32, Rect)>, b: &[(u32, Rect)], least: f32) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (i, (class, bounds)) in a.enumerate() {
        for (j, other) in b.iter().enumerate() {
            let iou = bounds.iou(&other.1);
            if class == other.0 && iou > least {
                pairs.push((iou, i, j));
            }
        }
    }
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    pairs.retain(|&(_, i, j)| {
        let free = !left.contains(&i) && !right.contains(&j);
        if free {
            left.push(i);
            right.push(j);
        }
        free
    });
    pairs.into_iter().map(|(_, i, j)| (i, j)).collect()
}

/// Scores a log against the truth, as one report of the simulator.
pub fn judge(
    policy: &str,
    every: Option<u32>,
    log: &Log,
    truth: &EveryFrame,
    spec: &SceneSpec,
    cost: &RunCost,
) -> Report {
    let frame = Rect::new(0.0, 0.0, spec.camera.width as f32, spec.camera.height as f32);
    let mut presence = Presence::new(&spec.tolerance);
    let mut scorer = Scorer::new(spec);
    let mut row = Row {
        split: "video",
        family: spec.family.clone(),
        every,
        miss_rate: spec.tolerance.miss_rate,
        epsilon: spec.tolerance.epsilon_px,
        age_cap: spec.tolerance.max_age_ms * 1e-3,
        frames: log.frames.len() as u64,
        runs: log.runs(),
        audits: log.frames.iter().filter(|f| f.run && f.reason == "audit").count() as u64,
        cancelled: log.cancelled,
        seconds: truth.end().as_secs_f64(),
        ..blank(&spec.name, policy)
    };
    let mut report = Report {
        row: row.clone(),
        faults: Faults::default(),
        run_reasons: std::collections::BTreeMap::new(),
        skip_reasons: std::collections::BTreeMap::new(),
        sources: std::collections::BTreeMap::new(),
        latencies_ms: log.latencies_ms.clone(),
        phases: Vec::new(),
        timeline: Timeline { frames: log.frames.clone(), ..Timeline::default() },
    };
    for f in &log.frames {
        let reasons = if f.run { &mut report.run_reasons } else { &mut report.skip_reasons };
        *reasons.entry(f.reason).or_default() += 1;
    }
    let (mut now, mut ages) = (Vec::new(), Vec::new());
    for a in &log.answers {
        truth.at(a.display, &frame, &mut now);
        presence.advance(a.display, &now);
        let named = a.boxes.as_ref().map(|boxes| by_overlap(boxes, &now));
        let shown = Shown {
            detections: named.as_deref(),
            key_frame: a.key_frame,
            within_tolerance: a.within_tolerance,
            uncertainty: a.uncertainty,
            source: a.source,
        };
        let verdict = scorer.judge(a.display, &shown, &presence);
        row.refreshes += 1;
        row.flagged += u64::from(!a.within_tolerance);
        if let Some(fault) = verdict.fault {
            row.violations += 1;
            row.flagged_violations += u64::from(!a.within_tolerance);
            report.faults.count(fault);
        }
        *report.sources.entry(a.source).or_default() += 1;
        let age_ms = a.key_frame.map(|k| a.display.since(k).as_secs_f64() * 1e3);
        ages.extend(age_ms);
        report.timeline.refreshes.push(RefreshMark {
            display_s: a.display.as_secs_f64(),
            source: a.source,
            age_ms,
            error_px: verdict.error_px,
            missing: verdict.missing,
            uncertainty_px: a.uncertainty,
            within_tolerance: a.within_tolerance,
            fault: verdict.fault,
        });
    }
    if !ages.is_empty() {
        row.age_ms_mean = ages.iter().sum::<f64>() / ages.len() as f64;
        ages.sort_by(f64::total_cmp);
        row.age_ms_p95 = ages[(ages.len() * 95 / 100).min(ages.len() - 1)];
    }
    row.macs = row.runs * cost.macs;
    row.cpu_ns_per_frame = log.cpu_ns as f64 / row.frames.max(1) as f64;
    let spent = Spent { macs: row.macs, bytes: row.runs * cost.bytes, cpu_ns: log.cpu_ns, wakes: row.runs };
    row.energies = Energies::of(&spent);
    row.energy = row.energies.0[0];
    row.static_jitter_px = scorer.static_jitter_px();
    report.row = row;
    report
}

/// Answers under the identity of the true box that they overlap most.
fn by_overlap(boxes: &[Detection], truth: &[Truth]) -> Vec<Detection> {
    let pairs = overlaps(
        boxes.iter().map(|b| (b.class, b.bounds)),
        &truth.iter().map(|t| (t.class, t.bounds)).collect::<Vec<_>>(),
        0.0,
    );
    let mut named: Vec<Detection> = boxes.iter().map(|b| Detection { identity: None, ..*b }).collect();
    for (answer, object) in pairs {
        named[answer].identity = Some(truth[object].identity);
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32) -> Detection {
        Detection { bounds: Rect::new(x, 10.0, x + 40.0, 50.0), score: 0.9, class: 0, identity: None }
    }

    fn truth() -> EveryFrame {
        let mut truth = EveryFrame::default();
        for i in 0..30_u64 {
            truth.push(Timestamp::from_millis(i * 40), &[at(10.0 + 4.0 * i as f32)]);
        }
        truth
    }

    fn log(delay_ms: u64) -> Log {
        let answers = (0..60).map(|i| {
            let display = Timestamp::from_millis(i * 19);
            let t = display.minus(std::time::Duration::from_millis(delay_ms)).as_secs_f64() as f32;
            super::super::log::Answered {
                display,
                boxes: Some(vec![at(10.0 + 100.0 * t)]),
                key_frame: Some(Timestamp::ZERO),
                uncertainty: 1.0,
                within_tolerance: true,
                source: "pixels",
            }
        });
        Log { answers: answers.collect(), ..Log::default() }
    }

    fn spec() -> SceneSpec {
        let mut spec = SceneSpec::parse("name = \"v\"").unwrap();
        (spec.camera.width, spec.camera.height) = (200, 100);
        spec.tolerance.epsilon_px = 3.0;
        spec
    }

    #[test]
    fn boxes_lie_between_their_places_in_neighbouring_frames() {
        let (mut out, frame) = (Vec::new(), Rect::new(0.0, 0.0, 200.0, 100.0));
        truth().at(Timestamp::from_millis(50), &frame, &mut out);
        assert_eq!(out.len(), 1);
        assert!((out[0].bounds.x0 - 15.0).abs() < 1e-3);
        truth().at(Timestamp::from_millis(5000), &frame, &mut out);
        assert_eq!(out[0].bounds.x0, 126.0, "after the last frame it stays there");
    }

    #[test]
    fn answers_that_lag_violate_and_exact_ones_do_not() {
        let good = judge("p", None, &log(0), &truth(), &spec(), &RunCost::default());
        assert_eq!(good.row.violations, 0, "{:?}", good.faults);
        assert_eq!(good.row.refreshes, 60);
        let late = judge("p", None, &log(80), &truth(), &spec(), &RunCost::default());
        assert!(late.faults.off > 40, "8 px behind: {:?}", late.faults);
    }

    #[test]
    fn identities_of_answers_do_not_matter() {
        let mut renamed = log(0);
        for (i, a) in renamed.answers.iter_mut().enumerate() {
            a.boxes.iter_mut().flatten().for_each(|b| b.identity = Some(i as u32));
        }
        assert_eq!(judge("p", None, &renamed, &truth(), &spec(), &RunCost::default()).row.violations, 0);
    }

    #[test]
    fn answers_where_nothing_is_and_objects_without_answer_violate() {
        let mut log = log(0);
        for a in &mut log.answers[20..30] {
            a.boxes.iter_mut().flatten().for_each(|b| b.bounds = Rect::new(150.0, 60.0, 190.0, 99.0));
        }
        let report = judge("p", None, &log, &truth(), &spec(), &RunCost::default());
        assert_eq!(report.row.violations, 10);
        assert_eq!(report.faults.missing, 10);
    }
}
