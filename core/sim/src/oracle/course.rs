//! The course of a sequence as oracles need it: when runs could start and be shown, and the truth at every refresh.
//! **Invariant:** what counts and where a ghost is are decided by the same rules as for every policy.
//! It does not look at pixels.

use core::time::Duration;

use inbetween_flow::{Point, Rect, Timestamp};

use super::noise::{ALL, Draws, Errors, Hits, TAIL};
use crate::{
    measure::{Counted, Presence, same_place},
    scene::{RenderedFrame, Scene, Truth},
};

/// Most start times within an age cap: what bounds the work.
const PER_CAP: f64 = 32.0;

/// Equally likely latencies: the middles of eighths of the standard normal distribution.
pub(super) const EIGHTHS: [f64; 8] =
    [-1.534_1, -0.887_1, -0.488_8, -0.157_3, 0.157_3, 0.488_8, 0.887_1, 1.534_1];
/// The 95% quantile of the standard normal distribution.
const Z95: f64 = 1.644_853_6;

/// A frame that an oracle may run.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Its index in the scene.
    pub index: u64,
    pub captured: Timestamp,
    pub arrives: Timestamp,
    /// What a detector without errors finds in it.
    pub found: Vec<Truth>,
    /// For each of [`EIGHTHS`], the first refresh that its result is there for, after a warm and after a cold start.
    pub shown: [[usize; EIGHTHS.len()]; 2],
}

/// One display refresh.
#[derive(Clone, Debug)]
pub(super) struct Refresh {
    pub at: Timestamp,
    pub objects: Vec<Counted>,
}

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub candidates: Vec<Candidate>,
    pub refreshes: Vec<Refresh>,
    pub grid_s: f64,
    /// Most grid steps from one run to the next.
    pub reach: usize,
    pub frame: Rect,
    pub epsilon: f32,
    pub grace: Duration,
    pub max_age: Duration,
    pub miss_rate: f64,
    pub display_hz: f64,
    pub draws: Draws,
    pub noise_px: f64,
    pub correlation_s: f64,
    /// Share of new objects that the detector misses.
    pub misses: f64,
    median: Duration,
    cold: Duration,
    idle: Duration,
    /// When each object that is ever seen was first visible enough to be found.
    pub first_seen: Vec<(u32, Timestamp)>,
}

fn ms(x: f64) -> Duration {
    Duration::from_nanos((x * 1e6) as u64)
}

impl Course {
    pub fn new(scene: &Scene) -> Self {
        let spec = scene.spec();
        let tolerance = &spec.tolerance;
        let max_age = tolerance.max_age_ms * 1e-3;
        let grid_s = (max_age / PER_CAP).max(1.0 / spec.camera.fps);
        let mut course = Self {
            candidates: Vec::new(),
            refreshes: Vec::with_capacity(scene.refreshes() as usize),
            grid_s,
            reach: (max_age / grid_s).ceil() as usize,
            frame: scene.frame_rect(),
            epsilon: tolerance.epsilon_px as f32,
            grace: ms(tolerance.grace_ms),
            max_age: ms(tolerance.max_age_ms),
            miss_rate: tolerance.miss_rate,
            display_hz: spec.display.hz,
            draws: Draws::new(),
            noise_px: spec.detector.noise_px,
            correlation_s: spec.detector.correlation_ms * 1e-3,
            misses: spec.detector.miss_rate,
            median: ms(spec.latency.median_ms),
            cold: ms(spec.latency.cold_ms),
            idle: ms(spec.latency.idle_ms),
            first_seen: Vec::new(),
        };
        let mut presence = Presence::new(tolerance);
        let mut truth = Vec::new();
        for i in 0..scene.refreshes() {
            let at = scene.refresh(i);
            scene.truth_at(at, &mut truth);
            presence.advance(at, &truth);
            course.refreshes.push(Refresh { at, objects: presence.objects().to_vec() });
            for t in truth.iter().filter(|t| f64::from(t.visible) >= spec.detector.min_visible) {
                if !course.first_seen.iter().any(|(id, _)| *id == t.identity) {
                    course.first_seen.push((t.identity, at));
                }
            }
        }
        course.choose(scene);
        course
    }

    /// The first frame that arrives in every step of the grid.
    fn choose(&mut self, scene: &Scene) {
        let spec = scene.spec();
        let sigma = if spec.latency.median_ms > 0.0 {
            libm::log(spec.latency.p95_ms / spec.latency.median_ms) / Z95
        } else {
            0.0
        };
        let mut frame = RenderedFrame::empty(scene);
        let mut step = None;
        for index in 0..scene.frames() {
            let Some(arrives) = scene.arrives(index) else { continue };
            // A little early still belongs to the step: the grid may be the frame period itself.
            let now = ((index as f64 / spec.camera.fps) / self.grid_s + 1e-6) as u64;
            if step == Some(now) {
                continue;
            }
            step = Some(now);
            scene.unrendered(index, &mut frame);
            let takes = |z: f64, cold: Duration| ms(spec.latency.median_ms * libm::exp(sigma * z)) + cold;
            let shown = [Duration::ZERO, self.cold]
                .map(|cold| EIGHTHS.map(|z| self.refresh_from(arrives + takes(z, cold))));
            let visible = |t: &&Truth| f64::from(t.visible) >= spec.detector.min_visible;
            let found = frame.truth.iter().filter(visible).copied().collect();
            self.candidates.push(Candidate { index, captured: frame.captured, arrives, found, shown });
        }
    }

    /// The first refresh at or after `at`: an answer is asked for after what ended at the same time was taken.
    fn refresh_from(&self, at: Timestamp) -> usize {
        self.refreshes.partition_point(|r| r.at < at)
    }

    /// The refreshes at which a result of candidate `j` could be shown.
    pub fn window(&self, j: usize) -> core::ops::Range<usize> {
        let c = &self.candidates[j];
        let (first, end) =
            (c.shown[0][0], self.refreshes.partition_point(|r| r.at.since(c.captured) <= self.max_age));
        first..end.max(first)
    }

    /// Whether a run of candidate `j` after one of candidate `i` starts cold.
    pub fn is_cold(&self, i: Option<usize>, j: usize) -> bool {
        let Some(i) = i else { return true };
        self.candidates[j].arrives >= self.candidates[i].arrives + self.median + self.idle
    }

    /// Whether the worker is usually free again for candidate `j` after a run of `i` that started so.
    pub fn is_free(&self, i: usize, cold: bool, j: usize) -> bool {
        let cold = if cold { self.cold } else { Duration::ZERO };
        self.candidates[j].arrives >= self.candidates[i].arrives + self.median + cold
    }

    /// Whether an object stands at `place` at refresh `r`, or stood there within the grace before.
    pub fn occupied(&self, r: usize, place: &Rect) -> bool {
        let now = self.refreshes[r].at;
        let lately = self.refreshes[..=r].iter().rev().take_while(|x| now.since(x.at) <= self.grace);
        lately.flat_map(|x| &x.objects).any(|o| same_place(&o.truth.bounds, place, self.epsilon))
    }

    /// Refreshes before `r` at which an app without any result violates.
    pub fn unavailable_before(&self, r: usize) -> f32 {
        let bad =
            |x: &&Refresh| x.at.since(Timestamp::ZERO) >= self.grace || x.objects.iter().any(|o| o.counts);
        self.refreshes[..r.min(self.refreshes.len())].iter().filter(bad).count() as f32
    }

    /// How many of the objects that count at refresh `r` were first seen so shortly before `captured` that no earlier
    /// result can be taken to have shown them.
    pub fn new_ones(&self, r: usize, captured: Timestamp) -> u32 {
        let new = |o: &&Counted| {
            let first = self.first_seen.iter().find(|(id, _)| *id == o.truth.identity);
            o.counts && first.is_some_and(|(_, at)| *at <= captured && captured.since(*at) <= 2 * self.grace)
        };
        self.refreshes[r].objects.iter().filter(new).count() as u32
    }

    /// The draws in which `shown`, displaced by `noise` pixels for each standard deviation of the errors, is further than
    /// epsilon from `truth`. `errors` are only made where that is not plain; none may exceed `largest` times a draw's.
    pub fn off(&self, shown: &Rect, truth: &Rect, largest: f32, errors: impl FnOnce() -> Errors) -> Hits {
        let noise = self.noise_px as f32;
        let error = shown.clipped(&self.frame).worst_corner(truth);
        // A corner is displaced by the centre's error and half the size's, in both directions.
        let most = TAIL * noise * 1.5 * largest;
        if error + most <= self.epsilon {
            return 0;
        }
        if error - most > self.epsilon {
            return ALL;
        }
        let (center, w, h) = (shown.center(), shown.width(), shown.height());
        let mut hits = 0;
        for (k, e) in errors().iter().enumerate() {
            let center = center + Point::new(e[0] * noise, e[1] * noise);
            let there = Rect::from_center(center, (w + e[2] * noise).max(1.0), (h + e[3] * noise).max(1.0));
            hits |= Hits::from(there.clipped(&self.frame).worst_corner(truth) > self.epsilon) << k;
        }
        hits
    }
}
