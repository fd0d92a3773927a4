//! The pixel class: from each start, the engine's own gate and carrier follow the picture for an age cap.
//! **Invariant:** a follower knows the noise-free result of its start and the frames after it, and nothing of the truth.
//! It does not choose starts: all of them are followed side by side, so that a frame is rendered once.

use inbetween_flow::{
    Detection, DisplayMode, Input, Luma, Point, Rect, TicketId, Timestamp, Tolerance, Value, ValueKind,
    gate::{Gate, Target},
    source::Carrier,
};

use super::{
    course::Course,
    dynamic::Table,
    noise::{ALL, Hits, Order, share},
};
use crate::scene::{RenderedFrame, Scene};

/// A follower is given up when as many refreshes as fit into this have violated in full, in seconds: a run is cheaper.
const HOPELESS_S: f64 = 0.5;

/// Cameras that are faster than twice this are followed on every second frame, and so on: the work would grow with the
/// frame rate, and a frame that is 16 ms off says where things are about as well.
const MOST_FPS: f64 = 60.0;

/// One start that is being followed.
struct Live {
    start: usize,
    gate: Gate,
    carrier: Carrier,
    /// For each object of the result: its identity in truth and in the carrier, and its errors.
    objects: Vec<(u32, u32, Order)>,
    shares: Vec<f32>,
    bad: f64,
    done: bool,
}

/// Memory that is used again.
struct Scratch {
    shown: Value,
    targets: Vec<Target>,
}

/// The table of all intervals: what is newest counts, whatever was before.
pub(super) fn table(scene: &mut Scene, course: &Course) -> Table {
    let shares = follow(scene, course);
    Table::fill(course, |_, j, out| {
        out.resize_with(1, Vec::new);
        out[0].clone_from(&shares[j]);
    })
}

/// For each start the share of draws that violate, at every refresh of its window.
fn follow(scene: &mut Scene, course: &Course) -> Vec<Vec<f32>> {
    let mut all: Vec<Vec<f32>> = vec![Vec::new(); course.candidates.len()];
    let mut live: Vec<Live> = Vec::new();
    let mut scratch = Scratch { shown: Value::empty(ValueKind::Boxes), targets: Vec::new() };
    let mut frame = RenderedFrame::empty(scene);
    let (mut next, mut refresh) = (0, 0);
    let stride = (scene.spec().camera.fps / MOST_FPS).max(1.0) as u64;
    for index in 0..scene.frames() {
        let Some(arrives) = scene.arrives(index) else { continue };
        while course.refreshes.get(refresh).is_some_and(|r| r.at < arrives) {
            answer(course, &mut live, refresh, &mut scratch, &mut all);
            refresh += 1;
        }
        let starts = course.candidates.get(next).is_some_and(|c| c.index == index);
        if !starts && (live.is_empty() || !index.is_multiple_of(stride)) {
            continue;
        }
        scene.render(index, &mut frame);
        let view = frame.as_frame();
        let Input::Image(image) = &view.input else { continue };
        let Some(luma) = Luma::of(image) else { continue };
        for follower in &mut live {
            if let Some(evidence) = follower.gate.measure(frame.captured, &luma) {
                follower.carrier.follow(frame.captured, &evidence.fits);
            }
        }
        if starts {
            live.push(Live::new(course, next, &luma, &mut scratch));
            next += 1;
        }
    }
    while refresh < course.refreshes.len() {
        answer(course, &mut live, refresh, &mut scratch, &mut all);
        refresh += 1;
    }
    for follower in live {
        all[follower.start] = follower.shares;
    }
    for (j, shares) in all.iter_mut().enumerate() {
        shares.resize(course.window(j).len(), 1.0);
    }
    all
}

/// Refresh `r` for all followers whose window it is in.
fn answer(course: &Course, live: &mut Vec<Live>, r: usize, scratch: &mut Scratch, all: &mut [Vec<f32>]) {
    for follower in live.iter_mut() {
        let window = course.window(follower.start);
        if r >= window.end {
            follower.done = true;
        } else if r >= window.start {
            let share = follower.judge(course, r, scratch);
            follower.shares.push(share);
            follower.bad += f64::from(share);
            follower.done = follower.bad >= HOPELESS_S * course.display_hz;
        }
    }
    live.retain_mut(|follower| {
        if follower.done {
            all[follower.start] = core::mem::take(&mut follower.shares);
        }
        !follower.done
    });
}

impl Live {
    fn new(course: &Course, start: usize, luma: &Luma<'_>, scratch: &mut Scratch) -> Self {
        let candidate = &course.candidates[start];
        let tolerance =
            Tolerance { epsilon: course.epsilon, miss_rate: course.miss_rate as f32, grace: course.grace };
        let mut carrier = Carrier::new(ValueKind::Boxes, &tolerance, DisplayMode::Predict);
        carrier.set_frame(course.frame);
        let found: Vec<Detection> = candidate
            .found
            .iter()
            .map(|t| Detection { bounds: t.bounds, score: SURE, class: t.class, identity: None })
            .collect();
        carrier.admit(candidate.captured, &Value::Boxes(found));
        let mut gate = Gate::new(course.epsilon);
        let ticket = TicketId(start as u64);
        gate.keep(ticket, candidate.captured, luma);
        carrier.targets(Point::default(), &mut scratch.targets);
        gate.rekey(ticket, &scratch.targets);
        // Who is who: at the time of the result every box stands where it was found.
        carrier.answer(candidate.captured, &mut scratch.shown);
        let shown = boxes(&scratch.shown);
        let name = |bounds: &Rect| {
            let near = shown
                .iter()
                .min_by(|a, b| a.bounds.worst_corner(bounds).total_cmp(&b.bounds.worst_corner(bounds)));
            near.and_then(|d| d.identity)
        };
        let objects = candidate
            .found
            .iter()
            .filter_map(|t| name(&t.bounds).map(|own| (t.identity, own, Order::of(t.identity, 0))));
        let objects = objects.collect();
        Self { start, gate, carrier, objects, shares: Vec::new(), bad: 0.0, done: false }
    }

    /// The share of draws in which refresh `r` violates.
    fn judge(&self, course: &Course, r: usize, scratch: &mut Scratch) -> f32 {
        let refresh = &course.refreshes[r];
        let at: Timestamp = refresh.at;
        self.carrier.answer(at, &mut scratch.shown);
        let shown = boxes(&scratch.shown);
        let mut hits: Hits = 0;
        for object in refresh.objects.iter().filter(|o| o.counts) {
            let truth = &object.truth;
            let known = self.objects.iter().find(|(identity, ..)| *identity == truth.identity);
            let own = known.and_then(|(_, own, order)| {
                let found = shown.iter().find(|d| d.identity == Some(*own) && d.class == truth.class)?;
                Some((found.bounds, *order))
            });
            let Some((bounds, order)) = own else { return 1.0 };
            hits |= course.off(&bounds, &truth.bounds, 1.0, || course.draws.all(order));
            if hits == ALL {
                return 1.0;
            }
        }
        for d in shown {
            let there = d.bounds.clipped(&course.frame);
            if there.area() > 0.0 && !course.occupied(r, &there) {
                return 1.0;
            }
        }
        share(hits, course.new_ones(r, course.candidates[self.start].captured), course.misses)
    }
}

/// A score that needs no second sight.
const SURE: f32 = 0.9;

fn boxes(value: &Value) -> &[Detection] {
    if let Value::Boxes(boxes) = value { boxes } else { &[] }
}
