//! Reuse of results for pictures that look alike: asks the cache before a run, and tells it what the run said.
//! **Invariant:** positions are served only when every target was found again in the stored picture; what would have been
//! served is compared with every run that is made all the same.
//! It does not decide how alike is enough: audits do, in `cache`.

use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    cache::{self, Candidate, Key, NearCache},
    config::Config,
    frame::{Image, Luma},
    gate::{FitState, Gate, Still, Target},
    geometry::{Point, Rect},
    plan::TicketId,
    rng::Rng,
    time::Timestamp,
    value::{Detection, Value},
};

/// The share of hits that are run all the same, as audits: one in sixteen keeps the radii honest at a sixteenth of what the
/// hits save.
pub(super) const HIT_AUDIT_RATE: f32 = 1.0 / 16.0;
/// Runs whose keys are remembered; the oldest gives way. As many as may be in flight.
const PENDING: usize = 8;
/// Pictures further apart than this are not registered: nothing was ever learnt there.
const WITHIN: f32 = 1.0;
/// Detections below this score are not served: nobody looks for them.
const SURE: f32 = 0.5;
/// What a fit of a target that is to be served may leave unexplained, and how vague it may be as a share of the tolerance.
const PLAIN: f32 = 0.3;
const VAGUE_SHARE: f32 = 0.33;
/// Change that neither background nor targets explain, in standard deviations, above which a view is another one; the same
/// bound that makes the scheduler look for a birth.
const NOVEL_SIGMA: f32 = 6.0;
/// How often in a row the same positions are served: once when a view comes back, and until what was there before is
/// forgotten, which takes a second look.
const IN_A_ROW: u32 = 3;
/// How much of a picture the stored one may not have shown: there something may be that the result does not know.
const UNCOVERED: f32 = 0.02;

/// What is known about a run that was asked for, until its result comes.
#[derive(Debug)]
struct Pending {
    ticket: TicketId,
    key: Key,
    would_be: Option<(Candidate, Value)>,
}

/// What the cache has for a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found {
    /// Nothing that may be served.
    Nothing,
    /// A value that may be served, now in `value`; the model ran for it at this capture time.
    Hit(Timestamp),
    /// The same, but this one is to be checked.
    Audit,
}

/// The second tier of the cache with what it needs around it.
#[derive(Debug)]
pub(super) struct Reuser {
    cache: NearCache<Still>,
    way: cache::Reuse,
    epsilon: f32,
    max_age: Duration,
    gate: Gate,
    rng: Rng,
    pending: Vec<Pending>,
    looked: Option<(Key, Option<Candidate>)>,
    targets: Vec<Target>,
    /// What would be served for the frame that was looked at.
    pub value: Value,
}

impl Reuser {
    pub(super) fn new(config: &Config, seed: u64) -> Self {
        let way = cache::Reuse::of(&Value::empty(config.output));
        let follows = config.scheduling.follow_pixels;
        let possible = match way {
            cache::Reuse::Never => false,
            cache::Reuse::AsIs => true,
            cache::Reuse::Registered => follows,
        };
        let bytes = if possible { config.scheduling.reuse_bytes } else { 0 };
        let tolerance = &config.tolerance;
        Self {
            cache: NearCache::new(bytes, tolerance.epsilon, tolerance.miss_rate),
            way,
            epsilon: tolerance.epsilon,
            max_age: config.budget.max_age,
            gate: Gate::new(tolerance.epsilon),
            // Not the sequence that draws the scheduler's audits.
            rng: Rng::new(seed ^ 0x5EED_CAC4_E000_0001),
            pending: Vec::with_capacity(PENDING),
            looked: None,
            targets: Vec::new(),
            value: Value::empty(config.output),
        }
    }

    /// Looks for a result for a frame. `standing` is the capture time of the frame that the model saw for the present
    /// answers, and how often in a row that result was used again; `left` is how long a result must still last.
    pub(super) fn look(
        &mut self,
        captured: Timestamp,
        image: &Image<'_>,
        luma: &Luma<'_>,
        standing: Option<(Timestamp, u32)>,
        left: Duration,
    ) -> Found {
        self.looked = None;
        if !self.cache.is_enabled() {
            return Found::Nothing;
        }
        let key = Key::of(image, luma);
        let near = self.cache.nearest(&key, captured, self.max_age);
        let near = near.filter(|c| c.distance <= WITHIN && self.prepare(captured, luma, c));
        self.looked = Some((key, near));
        let Some(c) = near.filter(Candidate::is_served) else { return Found::Nothing };
        // Positions from the result of the very run that is being followed are no news.
        let stale = standing.is_some_and(|(ran, uses)| ran == c.ran && (uses == 0 || uses >= IN_A_ROW));
        if self.way == cache::Reuse::Registered && stale || captured.since(c.ran) + left >= self.max_age {
            return Found::Nothing;
        }
        if self.rng.unit() < HIT_AUDIT_RATE { Found::Audit } else { Found::Hit(c.ran) }
    }

    /// Puts what would be served into `value`. Whether there is anything.
    fn prepare(&mut self, captured: Timestamp, luma: &Luma<'_>, candidate: &Candidate) -> bool {
        let Some((kept, still)) = self.cache.get(candidate) else { return false };
        cache::copy(kept, &mut self.value);
        match (self.way, still, &mut self.value) {
            (cache::Reuse::AsIs, _, _) => true,
            (cache::Reuse::Registered, Some(still), Value::Boxes(boxes)) => {
                boxes.retain(|d| d.score >= SURE);
                self.targets.clear();
                self.targets.extend(boxes.iter().enumerate().map(|(i, d)| Target {
                    identity: i as u32,
                    bounds: d.bounds,
                    guess: Point::default(),
                }));
                self.gate.show(still, &self.targets);
                register(&mut self.gate, captured, luma, self.epsilon, boxes)
            }
            _ => false,
        }
    }

    /// Remembers what was found for the frame that was looked at, for when the run of `ticket` ends.
    pub(super) fn keep(&mut self, ticket: TicketId) {
        let Some((key, near)) = self.looked.take() else { return };
        if self.pending.len() == PENDING {
            self.pending.remove(0);
        }
        let would_be = near.map(|c| (c, self.value.clone()));
        self.pending.push(Pending { ticket, key, would_be });
    }

    /// Takes a result of the model. `still` gives the picture of its frame. Returns whether a value that would have been
    /// served was wrong, if there was one.
    pub(super) fn learn(
        &mut self,
        ticket: TicketId,
        ran: Timestamp,
        value: &Value,
        still: impl FnOnce() -> Option<Still>,
    ) -> Option<Checked> {
        let at = self.pending.iter().position(|p| p.ticket == ticket)?;
        let Pending { key, would_be, .. } = self.pending.remove(at);
        let checked = would_be.as_ref().map(|(candidate, kept)| {
            let (error, drifted) = self.cache.audit(candidate, kept, value);
            Checked { served: candidate.is_served(), wrong: error > self.epsilon, drifted }
        });
        let candidate = would_be.as_ref().map(|(c, _)| c);
        let picture = || {
            still().map(|s| {
                let bytes = s.bytes();
                (s, bytes)
            })
        };
        self.cache.sight(&key, value, ran, candidate, picture);
        checked
    }

    /// Forgets all results.
    pub(super) fn clear(&mut self) {
        self.cache.clear();
        self.pending.clear();
    }

    /// Forgets results whose times belong to another clock.
    pub(super) fn restart_clock(&mut self) {
        self.cache.restart_clock();
        self.pending.clear();
    }

    /// Bytes that results and their pictures take.
    pub(super) fn bytes(&self) -> usize {
        self.cache.bytes()
    }
}

/// What a run said about the value that would have been served in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// Whether it was near enough to be served.
    pub served: bool,
    pub wrong: bool,
    /// Whether so many were wrong that everything was forgotten.
    pub drifted: bool,
}

/// Moves `boxes` from the key frame of `gate` to where they are in `luma`. Whether all of them were found, and nothing else
/// is there.
fn register(
    gate: &mut Gate,
    captured: Timestamp,
    luma: &Luma<'_>,
    epsilon: f32,
    boxes: &mut [Detection],
) -> bool {
    let Some(evidence) = gate.measure(captured, luma) else { return false };
    if evidence.cut
        || evidence.background_state != FitState::Followed
        || evidence.unexplained > NOVEL_SIGMA
        || evidence.uncovered > UNCOVERED
        || evidence.fits.len() != boxes.len()
    {
        return false;
    }
    for (d, fit) in boxes.iter_mut().zip(&evidence.fits) {
        let vague = fit.sigma > VAGUE_SHARE * epsilon;
        if fit.state != FitState::Followed || fit.residual > PLAIN || vague {
            return false;
        }
        let stretch = libm::sqrtf(fit.stretch.max(1e-3));
        let (w, h) = (d.bounds.width() * fit.scale * stretch, d.bounds.height() * fit.scale / stretch);
        d.bounds = Rect::from_center(d.bounds.center() + fit.moved, w, h);
        if !d.bounds.is_valid() {
            return false;
        }
    }
    true
}
