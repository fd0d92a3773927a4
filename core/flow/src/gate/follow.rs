//! Follows one patch from frame to frame: where to start, when to search, what to believe.
//! **Invariant:** a pose is finite and moves by at most the search's reach beyond its prediction in one frame.
//! It does not know the other patches; hints about common motion are handed in.

use crate::geometry::Point;

use super::{
    FitState,
    fit::{Covers, Light, Outcome, Start},
    patch::{Patch, Pose},
    sample::Sampler,
    step::Work,
};

/// A fit with a residual below this is taken without looking further: 80% of the variance is explained.
const GOOD: f32 = 0.45;
/// A fit with a residual above this is of something else, unless most of it fits closely (the rest is covered):
/// more than a third of the variance is left.
const LOST: f32 = 0.6;
/// Share of a patch that must fit closely where the residual is above [`LOST`]. Unrelated textures reach 0.3.
const MOST: f32 = 0.5;
/// Starts closer together than this, in working pixels, are one.
const SAME_PLACE: f32 = 0.5;
/// A difference of residuals that is more than chance.
const HELPED: f32 = 0.05;
/// Contrast below this many standard deviations of the noise is no texture.
const TEXTURE: f32 = 2.0;
/// How far a patch may well be from where it is expected, in working pixels, when there is no texture to tell.
const SPREAD: f32 = 3.0;
/// A patch that is not found and was expected to be less than this inside the frame has left it.
const HALF_IN: f32 = 0.5;
/// Time after which a velocity that is not seen any more has lost most of its worth, in seconds.
const MEMORY_S: f32 = 0.4;
/// Share of the newest velocity in the estimate.
const NEWEST: f32 = 0.6;

/// A patch that is followed.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    pub patch: Patch,
    pub pose: Pose,
    /// In working pixels a second.
    pub velocity: Point,
    pub outcome: Outcome,
    pub state: FitState,
    /// Frames since the patch was last followed.
    misses: u32,
    /// Frames in which the patch was followed badly, and looking elsewhere did not help; its residual then.
    vain: u32,
    settled_for: f32,
    moving: bool,
}

/// What one frame allows and suggests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    /// Seconds since the frame before.
    pub dt: f32,
    /// Standard deviation of a working pixel's noise, in levels.
    pub noise: f32,
    /// Standard error above which a fit is too vague to be used, in working pixels.
    pub vague: f32,
    /// A step of a fit shorter than this, in working pixels, is the last one.
    pub close: f32,
    /// A shift to try as well, for example the background's.
    pub hint: Option<Point>,
    /// How far to search at first, in working pixels.
    pub reach: f32,
    /// How light changed since the key frame.
    pub light: Option<Light>,
    /// Where other patches are that may be in front of this one.
    pub covers: Covers,
    /// Whether there is time for a search.
    pub search: bool,
    /// Where the patch is, as the host knows.
    pub told: Option<Pose>,
    /// What everything did beside its own motion, in working pixels.
    pub surprise: Point,
}

impl Follower {
    /// A follower without samples.
    pub const fn empty() -> Self {
        Self {
            patch: Patch::empty(),
            pose: Pose { shift: Point::new(0.0, 0.0), linear: [0.0; 4] },
            velocity: Point::new(0.0, 0.0),
            outcome: Outcome {
                pose: Pose { shift: Point::new(0.0, 0.0), linear: [0.0; 4] },
                inliers: 0.0,
                residual: 0.0,
                sigma: 0.0,
                noise: 0.0,
                light: Light::SAME,
                seen: 1.0,
            },
            state: FitState::Weak,
            misses: 0,
            vain: 0,
            settled_for: 0.0,
            moving: false,
        }
    }

    /// Starts over from `shift`, in working pixels, for a patch that has just been built.
    pub fn restart(&mut self, shift: Point, velocity: Option<Point>) {
        self.pose = Pose { shift, linear: [0.0; 4] };
        self.moving = velocity.is_some();
        self.velocity = velocity.unwrap_or_default();
        self.outcome = Outcome { pose: self.pose, seen: 1.0, ..Outcome::default() };
        self.state = FitState::Weak;
        (self.misses, self.vain) = (0, 0);
    }

    /// Whether the patch has texture to be followed by.
    pub fn textured(&self, noise: f32) -> bool {
        self.patch.len() > 0 && self.patch.contrast > TEXTURE * noise
    }

    /// Finds the patch in a frame; `work` is memory. Returns whether that took a search.
    pub fn follow(&mut self, frame: &Sampler<'_>, on: &Conditions, work: &mut Work) -> bool {
        let coasting = self.pose.shift + self.velocity.scaled(on.dt);
        let Pose { shift: expected, linear } =
            on.told.unwrap_or(Pose { shift: coasting + on.surprise, linear: self.pose.linear });
        let textured = self.textured(on.noise);
        let was_followed = self.state == FitState::Followed;
        if !was_followed {
            self.patch.trust_all();
        }
        let mut start = Start { linear: was_followed, ..self.start(on) };
        start.pose = Pose { shift: expected, linear };
        let mut best = self.patch.fit(frame, &start, on.noise, work);
        let mut searched = false;
        if textured && !good(&best) && on.covers.any() {
            // What other patches hide is no evidence against this one.
            start.covers = on.covers;
            self.better(frame, &start, on.noise, work, &mut best);
        }
        if good(&best) {
            self.vain = 0;
        } else if textured && self.worth_looking(&best) {
            let residual = best.residual;
            start.linear = false;
            start.covers = Covers::default();
            let hint = on.hint.unwrap_or(expected);
            let ahead = if self.misses == 0 { self.velocity.scaled(on.dt) } else { Point::default() };
            let tries = [self.pose.shift, hint, hint + ahead, coasting];
            for (i, &shift) in tries.iter().enumerate() {
                // From nearly the same place a fit ends at the same.
                let tried = tries[..i].iter().chain([&expected]).any(|t| (shift - *t).length() < SAME_PLACE);
                if !tried {
                    start.pose.shift = shift;
                    self.better(frame, &start, on.noise, work, &mut best);
                }
            }
            // A patch that stays lost is searched less and less often, and further.
            if on.search && !good(&best) && seldom(self.misses) {
                self.search(frame, expected, on, work, &mut best);
                searched = true;
            }
            self.vain = if best.residual < residual - HELPED { 0 } else { self.vain.saturating_add(1) };
            self.settled_for = best.residual;
        } else {
            self.vain = self.vain.saturating_add(1);
        }
        let leaving = self.patch.len() > 0 && self.patch.inside(expected, frame.size()) < HALF_IN;
        self.settle(expected, best, textured, leaving, on);
        searched
    }

    /// Whether a poor fit is a reason to look elsewhere: not again and again for the same one, as of a patch that is
    /// half covered or has changed.
    fn worth_looking(&self, found: &Outcome) -> bool {
        let lasting = found.residual < LOST || found.inliers > MOST;
        !lasting || self.misses > 0 || seldom(self.vain) || found.residual > self.settled_for + HELPED
    }

    /// Fits from another start and keeps the better outcome.
    fn better(
        &mut self,
        frame: &Sampler<'_>,
        start: &Start,
        noise: f32,
        work: &mut Work,
        best: &mut Outcome,
    ) {
        if good(best) {
            return;
        }
        self.patch.trust_all();
        let outcome = self.patch.fit(frame, start, noise, work);
        if outcome.seen > 0.3 && (outcome.residual < best.residual || best.seen < 0.3) {
            *best = outcome;
        }
    }

    /// Fits from the places around `center` that are most like the patch.
    fn search(
        &mut self,
        frame: &Sampler<'_>,
        center: Point,
        on: &Conditions,
        work: &mut Work,
        best: &mut Outcome,
    ) {
        let reach = (on.reach + 2.0 * self.misses as f32).min(2.0 * on.reach);
        for shift in self.patch.search(frame, center, self.pose.linear, reach) {
            let pose = Pose { shift, linear: self.pose.linear };
            let start = Start { pose, ..self.start(on) };
            self.better(frame, &start, on.noise, work, best);
        }
    }

    /// A fit's start from where the patch was last seen, whose shape has yet to be found.
    fn start(&self, on: &Conditions) -> Start {
        Start {
            pose: self.pose,
            spread: SPREAD,
            linear: false,
            light: on.light,
            covers: Covers::default(),
            close: on.close,
        }
    }

    /// Decides what the outcome is worth.
    fn settle(&mut self, expected: Point, found: Outcome, textured: bool, leaving: bool, on: &Conditions) {
        let before = self.pose.shift;
        self.outcome = found;
        let off = found.pose.shift - expected;
        let surprising = self.misses > 0 || off.length() > SPREAD;
        let lost = if surprising {
            // Found again, or elsewhere: that it is the same must be plain.
            found.residual > GOOD && (found.residual > LOST || found.inliers < MOST)
        } else {
            found.residual > LOST && found.inliers < MOST
        };
        self.state = if found.seen < 0.35 || (leaving && lost) {
            FitState::Outside
        } else if !textured {
            FitState::Weak
        } else if lost {
            FitState::Lost
        } else if found.sigma > on.vague {
            FitState::Weak
        } else {
            FitState::Followed
        };
        let fade = (1.0 - on.dt / MEMORY_S).max(0.0);
        match self.state {
            FitState::Followed | FitState::Weak => {
                self.pose = found.pose;
                if !textured {
                    self.pose.shift = expected;
                    self.pose.linear = on.told.map_or(self.pose.linear, |told| told.linear);
                    self.outcome.sigma = SPREAD;
                }
                let shift = self.pose.shift;
                if on.dt > 1e-4 {
                    let k = 1.0 / on.dt;
                    let newest = Point::new((shift.x - before.x) * k, (shift.y - before.y) * k);
                    let share = match (self.state, self.moving) {
                        (FitState::Followed, false) => 1.0,
                        (FitState::Followed, true) => NEWEST,
                        (FitState::Weak, _) if on.told.is_some() => NEWEST,
                        _ => 0.0,
                    };
                    self.velocity = if share > 0.0 {
                        Point::new(
                            self.velocity.x + share * (newest.x - self.velocity.x),
                            self.velocity.y + share * (newest.y - self.velocity.y),
                        )
                    } else {
                        self.velocity.scaled(fade)
                    };
                    self.moving = self.moving || share > 0.0;
                }
                self.misses = 0;
            }
            FitState::Lost | FitState::Outside => {
                // What is hidden goes on as it did, for a while.
                self.pose.shift = expected;
                self.velocity = self.velocity.scaled(fade);
                self.misses = self.misses.saturating_add(1);
            }
        }
    }
}

/// Whether the `n`th attempt is made: more and more rarely.
const fn seldom(n: u32) -> bool {
    n < 3 || n.is_power_of_two() || n.is_multiple_of(32)
}

fn good(o: &Outcome) -> bool {
    o.seen >= 0.35 && o.residual < GOOD
}
