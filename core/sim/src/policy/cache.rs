//! Approximate caches of whole results: a small picture of the frame is the key, the nearest entry within a radius a hit.
//! **Invariant:** an answer is as old as the result behind it, however often that was hit; entries end before the age cap.
//! It does not move results: positions are those of the frame that was run.

use inbetween_flow::{Completion, Detection, Outcome, TicketId, Timestamp, Value};

use super::{
    Policy, Shown, Step,
    baseline::Estimator,
    tracks::Tracks,
    trigger::{grid, refresh_after},
};
use crate::{
    rng::{Rng, key},
    scene::RenderedFrame,
    spec::SceneSpec,
};

/// How near a key must be to be a hit. Distances are root mean squares of grey levels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Radius {
    /// The same for ever.
    Fixed(f32),
    /// Learnt as Potluck does: each run compares its result with that of the nearest entry. Where that was within the
    /// radius and the results differ, the radius is divided by 4; where it was beyond and they agree, the radius moves
    /// towards the distance as an exponential moving average. A share of the hits is dropped at random, so that wrong
    /// entries are found out.
    ///
    /// # Source
    /// Guo and Hu, "Potluck", ASPLOS 2018. Simplified: one key type (the picture), no eviction by importance (entries
    /// live for less than the age cap here), no warm-up phase.
    Adaptive {
        /// The radius at first.
        start: f32,
        /// Weight of the newest distance in the moving average, from 0 to 1.
        loosen: f32,
        /// Share of the hits that are run anyway, from 0 to 1.
        dropout: f32,
    },
}

/// Cells of the key.
const KEY: (usize, usize) = (16, 9);
/// What a wrong neighbour divides the radius by (Potluck's k).
const TIGHTEN: f32 = 4.0;
/// Entries that are kept at most.
const CAPACITY: usize = 64;

#[derive(Clone, Debug)]
struct Entry {
    key: Vec<f32>,
    captured: Timestamp,
    found: Vec<Detection>,
}

/// A baseline that runs only where its cache has no result.
#[derive(Debug)]
pub struct ResultCache {
    name: String,
    rule: Radius,
    radius: f32,
    epsilon: f32,
    lifetime: core::time::Duration,
    entries: Vec<Entry>,
    rng: Rng,
    tickets: u64,
    flight: Option<(TicketId, Timestamp, Vec<f32>)>,
    tracks: Tracks,
    /// Capture time of the result that is shown.
    newest: Option<Timestamp>,
    key: Vec<f32>,
    shown: Vec<Detection>,
}

impl ResultCache {
    /// A cache for a scene like `spec`; `seed` decides which hits are dropped.
    pub fn new(name: &str, rule: Radius, spec: &SceneSpec, seed: u64) -> Self {
        Self {
            name: name.to_owned(),
            rule,
            radius: match rule {
                Radius::Fixed(radius) => radius,
                Radius::Adaptive { start, .. } => start,
            },
            epsilon: spec.tolerance.epsilon_px as f32,
            lifetime: refresh_after(spec),
            entries: Vec::new(),
            rng: Rng::new(key(&[seed, 0xD80])),
            tickets: 0,
            flight: None,
            tracks: Estimator::Hold.tracks(spec),
            newest: None,
            key: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// The nearest entry to a key, and its distance.
    fn nearest(&self, key: &[f32]) -> Option<(usize, f32)> {
        let distances = self.entries.iter().map(|e| distance(&e.key, key)).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Learns from a run whose result is `found`.
    fn learn(&mut self, key: &[f32], found: &[Detection]) {
        let Radius::Adaptive { loosen, .. } = self.rule else { return };
        let Some((nearest, distance)) = self.nearest(key) else { return };
        let same = agree(&self.entries[nearest].found, found, self.epsilon);
        if distance <= self.radius && !same {
            self.radius /= TIGHTEN;
        } else if distance > self.radius && same {
            self.radius += loosen * (distance - self.radius);
        }
    }
}

impl Policy for ResultCache {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs_pixels(&self) -> bool {
        true
    }

    fn on_frame(&mut self, _now: Timestamp, frame: &RenderedFrame, busy: bool) -> Step {
        grid(frame, KEY, &mut self.key);
        let lifetime = self.lifetime;
        self.entries.retain(|e| frame.captured.since(e.captured) < lifetime);
        let drops = match self.rule {
            Radius::Fixed(_) => false,
            Radius::Adaptive { dropout, .. } => self.rng.unit() < f64::from(dropout),
        };
        let hit = self.nearest(&self.key).filter(|(_, distance)| *distance <= self.radius);
        if let Some((at, _)) = hit.filter(|_| !drops || busy) {
            let entry = &self.entries[at];
            if self.newest != Some(entry.captured) {
                self.newest = Some(entry.captured);
                self.tracks.admit(frame.captured, &entry.found);
            }
            return Step::Skip { reason: "cache-hit" };
        }
        if busy {
            return Step::Skip { reason: "in-flight" };
        }
        self.tickets += 1;
        let ticket = TicketId(self.tickets);
        self.flight = Some((ticket, frame.captured, self.key.clone()));
        Step::Run { ticket, reason: if hit.is_some() { "dropout" } else { "cache-miss" } }
    }

    fn on_completion(&mut self, now: Timestamp, completion: Completion) {
        let Some((_, captured, key)) = self.flight.take_if(|f| f.0 == completion.ticket) else { return };
        let Outcome::Value(Value::Boxes(found)) = completion.outcome else { return };
        self.learn(&key, &found);
        self.newest = Some(captured);
        self.tracks.admit(now, &found);
        if self.entries.len() == CAPACITY {
            self.entries.remove(0); // the oldest
        }
        self.entries.push(Entry { key, captured, found });
    }

    fn answer(&mut self, display: Timestamp) -> Shown<'_> {
        self.tracks.show(display, &mut self.shown);
        Shown {
            detections: self.newest.map(|_| self.shown.as_slice()),
            key_frame: self.newest,
            within_tolerance: true, // it has no belief of its own
            uncertainty: 0.0,
            source: if self.newest.is_some() { "cached" } else { "warming-up" },
        }
    }
}

/// Root mean square difference of two keys.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let sum: f32 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    libm::sqrtf(sum / a.len().max(1) as f32)
}

/// Whether two results say the same: as many objects, each within `epsilon` of one of its class.
fn agree(a: &[Detection], b: &[Detection], epsilon: f32) -> bool {
    let known =
        |d: &Detection| b.iter().any(|o| o.class == d.class && o.bounds.worst_corner(&d.bounds) <= epsilon);
    a.len() == b.len() && a.iter().all(known)
}

#[cfg(test)]
mod tests {
    use inbetween_flow::Rect;

    use super::*;

    const ADAPTIVE: Radius = Radius::Adaptive { start: 8.0, loosen: 0.5, dropout: 0.0 };

    fn cache(rule: Radius) -> (ResultCache, RenderedFrame) {
        let spec = SceneSpec::parse("name = \"c\"\ncamera.noise = 0\n[[objects]]\n").unwrap();
        let mut frame = spec.build(1).frame(0);
        frame.data.fill(100);
        (ResultCache::new("cache", rule, &spec, 1), frame)
    }

    fn at(x: f32) -> Vec<Detection> {
        let bounds = Rect::new(x, 50.0, x + 30.0, 80.0);
        vec![Detection { bounds, score: 0.9, class: 0, identity: None }]
    }

    /// Shows a picture of one brightness at a time; runs it with a result at `x` where the cache asks for one.
    fn step(cache: &mut ResultCache, frame: &mut RenderedFrame, ms: u64, level: u8, x: f32) -> bool {
        frame.data.fill(level);
        frame.captured = Timestamp::from_millis(ms);
        let step = cache.on_frame(frame.captured, frame, false);
        let Step::Run { ticket, .. } = step else { return false };
        let outcome = Outcome::Value(Value::Boxes(at(x)));
        cache.on_completion(frame.captured, Completion { ticket, outcome });
        true
    }

    #[test]
    fn what_is_near_is_not_run_again_until_it_is_old() {
        let (mut cache, mut frame) = cache(Radius::Fixed(3.0));
        assert!(step(&mut cache, &mut frame, 0, 100, 10.0));
        assert!(!step(&mut cache, &mut frame, 30, 102, 0.0));
        assert!(step(&mut cache, &mut frame, 60, 110, 90.0));
        assert!(!step(&mut cache, &mut frame, 90, 99, 0.0), "back to the first picture");
        let shown = cache.answer(Timestamp::from_millis(100));
        assert_eq!(shown.key_frame, Some(Timestamp::ZERO), "as old as its result");
        assert_eq!(shown.detections.unwrap()[0].bounds.x0, 10.0);
        assert!(step(&mut cache, &mut frame, 1760, 100, 10.0), "near the age cap of 2 s");
    }

    #[test]
    fn a_wrong_neighbour_tightens_and_an_agreeing_one_loosens() {
        let (mut cache, mut frame) = cache(ADAPTIVE);
        step(&mut cache, &mut frame, 0, 100, 10.0);
        step(&mut cache, &mut frame, 30, 120, 10.0); // 20 away, the same result
        assert!((cache.radius - 14.0).abs() < 1e-3, "{}", cache.radius);
        cache.learn(&[121.0; 144], &at(200.0)); // 1 away, another result
        assert!((cache.radius - 3.5).abs() < 1e-3, "{}", cache.radius);
        cache.learn(&[121.0; 144], &at(10.0)); // 1 away, the same: nothing to learn
        assert!((cache.radius - 3.5).abs() < 1e-3);
    }

    #[test]
    fn hits_are_dropped_at_random_as_often_as_stated() {
        let (mut cache, mut frame) = cache(Radius::Adaptive { start: 8.0, loosen: 0.5, dropout: 0.1 });
        let runs = (0..1000).filter(|i| step(&mut cache, &mut frame, i / 10, 100, 10.0)).count();
        assert!((70..140).contains(&runs), "{runs}");
    }
}
