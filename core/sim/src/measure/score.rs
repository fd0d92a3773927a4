//! What violates: one refresh of one policy against the truth.
//! **Invariant:** the clauses are those of the contract, each by its own name: unavailable, missing, off, other
//! identity, ghost.
//! It does not know how the answer was made.
//!
//! A refresh violates when any object that counts has no answer under its identity within epsilon of the truth *at
//! that display time*, or when an answer stands where no object has been for longer than the grace. Truth and answers
//! are clipped to the frame. An identity that changes is a miss until the new one has stood for the grace: a policy
//! that names its boxes anew at every run is never within the tolerance for long.

use inbetween_flow::{Detection, Rect, Timestamp};

use super::presence::{Counted, Presence};
use crate::{policy::Shown, spec::SceneSpec};

/// A clause that a refresh violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing was shown, or what was shown rests on a result past the age cap.
    Unavailable,
    /// An object has no answer near it.
    Missing,
    /// An object's answer is further off than epsilon.
    Off,
    /// An object's answer goes by another identity than before.
    Identity,
    /// An answer stands where no object has been.
    Ghost,
}

/// What a refresh was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The first clause that it violates, in the order of [`Fault`]; `None` when it is good.
    pub fault: Option<Fault>,
    /// The worst distance of an answered object that counts, in pixels; 0 when none counts.
    pub error_px: f32,
    /// Whether an object that counts has no answer near it.
    pub missing: bool,
}

/// How many refreshes violate by which clause first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Faults {
    /// Nothing was shown.
    pub unavailable: u64,
    /// An object had no answer near it.
    pub missing: u64,
    /// An answer was off.
    pub off: u64,
    /// An identity changed.
    pub identity: u64,
    /// An answer stood where nothing was.
    pub ghost: u64,
}

impl Faults {
    /// Counts one.
    pub fn count(&mut self, fault: Fault) {
        *match fault {
            Fault::Unavailable => &mut self.unavailable,
            Fault::Missing => &mut self.missing,
            Fault::Off => &mut self.off,
            Fault::Identity => &mut self.identity,
            Fault::Ghost => &mut self.ghost,
        } += 1;
    }

    /// All of them.
    pub const fn total(&self) -> u64 {
        self.unavailable + self.missing + self.off + self.identity + self.ghost
    }
}

/// Under which identity an object is answered.
#[derive(Clone, Copy, Debug)]
struct Binding {
    object: u32,
    stay: u32,
    answer: u32,
    /// An identity that stands in for it, and since when.
    pretender: Option<(u32, Timestamp)>,
    /// Its answer at the refresh before, when that was good.
    shown: Option<Rect>,
}

/// Scores one policy, refresh by refresh.
#[derive(Clone, Debug)]
pub struct Scorer {
    frame: Rect,
    max_age_s: f64,
    bindings: Vec<Binding>,
    clipped: Vec<Detection>,
    still_steps: u64,
    still_square: f64,
}

/// An answer with no identity, or none near: further than any epsilon.
const FAR: f32 = f32::INFINITY;

impl Scorer {
    /// For one policy on a scene.
    pub fn new(spec: &SceneSpec) -> Self {
        Self {
            frame: Rect::new(0.0, 0.0, spec.camera.width as f32, spec.camera.height as f32),
            max_age_s: spec.tolerance.max_age_ms * 1e-3,
            bindings: Vec::new(),
            clipped: Vec::new(),
            still_steps: 0,
            still_square: 0.0,
        }
    }

    /// Judges what is shown at `display`. `presence` has the truth of the same time.
    pub fn judge(&mut self, display: Timestamp, shown: &Shown<'_>, presence: &Presence) -> Verdict {
        let fresh = shown.key_frame.is_none_or(|k| display.since(k).as_secs_f64() <= self.max_age_s);
        let Some(answers) = shown.detections.filter(|_| fresh) else {
            // Before the grace of the very first objects nobody can have an answer.
            let warm = display.since(Timestamp::ZERO) >= presence.grace();
            let counting = presence.objects().iter().any(|o| o.counts);
            for binding in &mut self.bindings {
                binding.shown = None;
            }
            return Verdict {
                fault: (warm || counting).then_some(Fault::Unavailable),
                error_px: 0.0,
                missing: counting,
            };
        };
        let mut clipped = core::mem::take(&mut self.clipped);
        clipped.clear();
        clipped.extend(answers.iter().filter_map(|a| {
            let bounds = a.bounds.clipped(&self.frame);
            (bounds.area() > 0.0).then_some(Detection { bounds, ..*a })
        }));
        let mut verdict = Verdict::default();
        let mut worst: Option<Fault> = None;
        let mut note = |fault: Fault| worst = Some(worst.map_or(fault, |w| w.min(fault)));
        for object in presence.objects() {
            if !object.counts {
                continue;
            }
            let (fault, error) = self.object(display, object, &clipped, presence);
            if error < FAR {
                verdict.error_px = verdict.error_px.max(error);
            }
            if let Some(fault) = fault {
                verdict.missing |= fault == Fault::Missing;
                note(fault);
            }
        }
        if clipped.iter().any(|a| !presence.occupied(&a.bounds)) {
            note(Fault::Ghost);
        }
        verdict.fault = worst;
        self.clipped = clipped;
        verdict
    }

    /// What an object's answer is worth: the clause it violates, and how far the best candidate is off.
    fn object(
        &mut self,
        display: Timestamp,
        object: &Counted,
        answers: &[Detection],
        presence: &Presence,
    ) -> (Option<Fault>, f32) {
        let truth = &object.truth;
        let epsilon = presence.epsilon();
        let off = |a: &Detection| {
            if a.class == truth.class { a.bounds.worst_corner(&truth.bounds) } else { FAR }
        };
        let known = self.bindings.iter().position(|b| b.object == truth.identity && b.stay == object.stay);
        if let Some(at) = known {
            let own = answers.iter().find(|a| a.identity == Some(self.bindings[at].answer));
            if let Some(answer) = own.filter(|a| off(a) <= epsilon) {
                self.steady(at, object, answer.bounds);
                return (None, off(answer));
            }
        }
        // The nearest answer that is not the good one of another object.
        let best = answers
            .iter()
            .filter(|a| off(a) < FAR && !self.taken(a, truth.identity, presence))
            .min_by(|a, b| off(a).total_cmp(&off(b)));
        let Some(best) = best.filter(|b| b.bounds.iou(&truth.bounds) > 0.0 || off(b) <= 2.0 * epsilon) else {
            self.lose(known);
            return (Some(Fault::Missing), FAR);
        };
        let error = off(best);
        if error > epsilon {
            self.lose(known);
            return (Some(Fault::Off), error);
        }
        let Some(identity) = best.identity else {
            self.lose(known);
            return (Some(Fault::Identity), error);
        };
        let Some(at) = known else {
            // Stays that are over will not come back.
            let present = |b: &Binding| {
                presence.objects().iter().any(|o| o.truth.identity == b.object && o.stay == b.stay)
            };
            self.bindings.retain(present);
            self.bindings.push(Binding {
                object: truth.identity,
                stay: object.stay,
                answer: identity,
                pretender: None,
                shown: Some(best.bounds),
            });
            return (None, error);
        };
        let binding = &mut self.bindings[at];
        binding.shown = None;
        match binding.pretender {
            Some((who, since)) if who == identity => {
                if display.since(since) >= presence.grace() {
                    (binding.answer, binding.pretender) = (identity, None);
                    return (None, error);
                }
            }
            _ => binding.pretender = Some((identity, display)),
        }
        (Some(Fault::Identity), error)
    }

    /// Whether an answer is the good one of another object, under that object's identity.
    fn taken(&self, answer: &Detection, object: u32, presence: &Presence) -> bool {
        self.bindings.iter().filter(|b| Some(b.answer) == answer.identity && b.object != object).any(|b| {
            presence.objects().iter().any(|o| {
                o.truth.identity == b.object
                    && o.stay == b.stay
                    && answer.bounds.worst_corner(&o.truth.bounds) <= presence.epsilon()
            })
        })
    }

    fn lose(&mut self, known: Option<usize>) {
        if let Some(at) = known {
            self.bindings[at].shown = None;
        }
    }

    /// A good answer under the right identity; measures how much it trembles while the object stands still.
    fn steady(&mut self, at: usize, object: &Counted, shown: Rect) {
        let binding = &mut self.bindings[at];
        binding.pretender = None;
        if let Some(before) = binding.shown.filter(|_| object.still) {
            let step = f64::from(before.worst_corner(&shown));
            self.still_steps += 1;
            self.still_square += step * step;
        }
        binding.shown = Some(shown);
    }

    /// Root mean square step of the answers of objects that stand still, from refresh to refresh, in pixels.
    pub fn static_jitter_px(&self) -> f64 {
        if self.still_steps == 0 { 0.0 } else { libm::sqrt(self.still_square / self.still_steps as f64) }
    }
}
